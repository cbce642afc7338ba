/* SPDX-License-Identifier: MIT */
/* What Xen's calls leave in memory: nothing but their answer, and all of it (Xen public/version.h,
 * event_channel.h, vcpu.h, hvm/hvm_op.h). Buffers are looked at where the call begins a run: later
 * the domain may have pages that Xen writes by itself. */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define PAGE 0x1000u

static bool first_of_run(const struct judge *j)
{
    if (!j->look->watched || j->look->before.x86.nmsr != 0)
        return false;
    for (size_t i = 0; i < j->index; i++)
        if (j->trace->ev[i].kind != TSP_EV_POLICY)
            return false;
    return true;
}

/* Accessed and dirty bits that the hypervisor's own walk of the guest's tables may set. */
static bool is_walk_mark(const struct judge *j, const struct tsp_look_change *c)
{
    if (!bits_test(j->look->before.x86.cr0, 31))
        return false;
    /* neighbouring entries are one run, and of a long one only the beginning is kept */
    for (unsigned i = 0; i < c->len && i < TSP_LOOK_RUN; i++)
        if ((c->was[i] ^ c->now[i]) & 0x9f)
            return false;
    return true;
}

/* Whether a change lies in bytes lo to hi of the buffer, or of the part of it in another page. */
static bool in_buffer(const struct tsp_look_mem *m, const struct tsp_look_change *c, uint64_t lo,
                      uint64_t hi)
{
    uint64_t room = PAGE - (m->gpa & (PAGE - 1)), off = c->gpa - m->gpa;

    if (m->n == 0)
        return false;
    if (c->gpa / PAGE == m->gpa / PAGE)
        return c->gpa >= m->gpa && off >= lo && off + c->len <= hi;
    return hi > room && (c->gpa & (PAGE - 1)) + c->len <= hi - room;
}

/* xen_wrote(HI|LO): nothing in the watched pages changed but bytes LO to HI of the buffer. */
bool pred_xen_wrote(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *k = j->look;
    uint64_t lo = p->narg > 1 ? p->arg[1] : 0;

    if (!first_of_run(j))
        return true;
    for (unsigned i = 0; i < k->nchange && i < TSP_LOOK_CHANGES; i++)
        if (!in_buffer(&k->arg[1], &k->change[i], lo, p->arg[0]) && !is_walk_mark(j, &k->change[i]))
            return say_value(say, "memory that may change, first byte", k->arg[1].gpa + lo,
                             k->change[i].gpa);
    return true;
}

/* xen_framed: a WRMSR of the hypercall page writes that page alone. */
bool pred_xen_framed(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t frame = (ev->before.r[TSP_RDX] << 32 | (uint32_t)ev->before.r[TSP_RAX]) / PAGE;

    (void)p;
    if (!first_of_run(j))
        return true;
    for (unsigned i = 0; i < j->look->nchange && i < TSP_LOOK_CHANGES; i++)
        if (j->look->change[i].gpa / PAGE != frame && !is_walk_mark(j, &j->look->change[i]))
            return say_value(say, "page that changes", frame * PAGE, j->look->change[i].gpa);
    return true;
}

/* What the call answered into memory: nothing when it failed. */
static const struct tsp_look_mem *answer(const struct judge *j)
{
    static const struct tsp_look_mem none;
    uint64_t result = j->ev->after.r[TSP_RAX];
    bool wide = j->ev->before.mode == TSP_MODE_LONG64;

    return bits_test(result, wide ? 63 : 31) ? &none : &j->look->arg[1];
}

/* Bytes from `at` on hold a text, and zeroes from its end on. Those that were not read are fine. */
static bool is_text(const struct tsp_look_mem *m, unsigned at, unsigned n, struct say *say)
{
    bool ended = false;

    for (unsigned i = at; i < at + n && i < m->n; i++) {
        if (ended && m->byte[i] != 0)
            return say_value(say, "a byte behind the end of the text", 0, m->byte[i]);
        ended = ended || m->byte[i] == 0;
    }
    return ended || at + n > m->n || say_text(say, "a text that ends", "none that does");
}

/* xen_text(N|...): the buffer holds texts in fields of these sizes, one behind the other. */
bool pred_xen_text(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look_mem *m = answer(j);
    unsigned at = 0;

    for (unsigned i = 0; i < p->narg; i++) {
        if (!is_text(m, at, (unsigned)p->arg[i], say))
            return false;
        at += (unsigned)p->arg[i];
    }
    return m->n == 0 || m->byte[0] >= 0x20 || say_value(say, "first character", '.', m->byte[0]);
}

/* xen_word(AT|LO|HI): the word there is one of these. */
bool pred_xen_word(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look_mem *m = answer(j);
    uint64_t v;

    if (p->arg[0] + 4 > m->n)
        return true;
    v = le_load(m->byte + p->arg[0], 4);
    return (v >= p->arg[1] && v <= p->arg[2]) || say_value(say, "word", p->arg[1], v);
}

/* xen_bits(AT|MASK|VALUE): these bits of the word there are so. */
bool pred_xen_bits(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look_mem *m = answer(j);
    uint64_t v;

    if (p->arg[0] + 4 > m->n)
        return true;
    v = le_load(m->byte + p->arg[0], 4) & p->arg[1];
    return v == p->arg[2] || say_value(say, "bits", p->arg[2], v);
}
