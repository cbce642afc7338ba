/* SPDX-License-Identifier: MIT */
/* Predicates of where an exception leads: the handler, its privilege, stack and flags. */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define FLAG_TF (1ull << 8)
#define FLAG_IF (1ull << 9)
#define FLAG_NT (1ull << 14)
#define FLAG_RF (1ull << 16)
#define FLAG_VM (1ull << 17)
#define FLAG_AC (1ull << 18)

/* Memory as it was set up, where linear and physical addresses are the same, as they are for the
 * tables of a set-up. Later pieces lie over earlier ones. */
bool table_read(const struct tsp_setup *s, uint64_t at, uint8_t *out, size_t n)
{
    if (at < s->ram_base || !range_ok(at - s->ram_base, n, s->ram_size))
        return false;
    for (unsigned i = s->npage < TSP_MAX_PAGE ? s->npage : TSP_MAX_PAGE; i-- > 0;) {
        const struct tsp_page *p = &s->page[i];

        if (at >= p->gpa && at + n <= p->gpa + p->len) {
            memset(out, 0, n);
            if (p->data)
                memcpy(out, p->data + (at - p->gpa), n);
            return true;
        }
        if (at < p->gpa + p->len && at + n > p->gpa)
            return false;
    }
    return false;
}

bool table_is_rom(const struct tsp_setup *s, uint64_t at)
{
    for (unsigned i = 0; i < s->npage && i < TSP_MAX_PAGE; i++) {
        const struct tsp_page *p = &s->page[i];
        uint64_t end = (p->gpa + p->len + 0xfff) & ~0xfffull;

        if ((p->flags & TSP_PAGE_ROM) && at >= (p->gpa & ~0xfffull) && at < end)
            return true;
    }
    return false;
}

/* What a gate says (Intel SDM Vol. 3A 6.11, 6.14.1). */
struct gate {
    uint64_t target;
    unsigned selector, type, ist, width; /* width: bytes of each thing pushed */
};

static bool gate_read(const struct judge *j, struct gate *g)
{
    const struct tsp_x86_state *x = &j->setup->vcpu[j->ev->vcpu % TSP_MAX_VCPU].x86;
    bool wide = (j->ev->sys[TSP_SYS_EFER] & 1u << 10) != 0;
    unsigned size = wide ? 16 : 8;
    uint8_t b[16];

    if (!table_read(j->setup, x->idt.base + (uint64_t)j->ev->code * size, b, size))
        return false;
    g->target = le_load(b, 2) | le_load(b + 6, 2) << 16;
    g->selector = (unsigned)le_load(b + 2, 2);
    g->type = b[5] & 0x1f;
    g->ist = wide ? b[4] & 7 : 0;
    g->width = wide ? 8 : g->type & 8 ? 4 : 2;
    if (wide)
        g->target |= le_load(b + 8, 4) << 32;
    return (b[5] & 0x80) && ((g->type & 0x1e) == 0x0e || ((g->type & 0x1e) == 6 && !wide));
}

static bool pushes_error(unsigned vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/* Where the handler's stack begins: that of the task state when privilege changes or the gate names
 * one, else the guest's own (6.12.1, 6.14.2). */
static bool stack_top(const struct judge *j, const struct gate *g, bool inward, uint64_t *out)
{
    const struct tsp_x86_state *x = &j->setup->vcpu[j->ev->vcpu % TSP_MAX_VCPU].x86;
    uint64_t at = x->seg[TSP_TR].base + 4;
    uint8_t b[8];

    *out = j->ev->before.r[TSP_RSP];
    if (!inward && !g->ist)
        return true;
    if (g->ist)
        at = x->seg[TSP_TR].base + 0x24 + (uint64_t)(g->ist - 1u) * 8;
    if (!table_read(j->setup, at, b, g->width == 8 ? 8 : 4))
        return false;
    *out = le_load(b, g->width == 8 ? 8 : 4);
    return true;
}

static bool right_stack(const struct judge *j, const struct gate *g, bool inward, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    unsigned words = pushes_error(ev->code) ? 4 : 3;
    uint64_t want, got = ev->after.r[TSP_RSP];

    if (!stack_top(j, g, inward, &want))
        return true;
    if (ev->before.mode == TSP_MODE_VM86)
        words += 4;
    if (inward || g->width == 8)
        words += 2;
    if (g->width == 8)
        want &= ~15ull;
    want -= (uint64_t)words * g->width;
    /* A 16-bit stack segment uses SP, and what becomes of the rest is not looked at. */
    if (g->width != 8 && (uint16_t)want == (uint16_t)got)
        return true;
    return got == want || say_value(say, "handler's stack pointer", want, got);
}

/* Bits L and D of the handler's code segment (3.4.5). */
static unsigned handler_mode(const struct judge *j, const uint8_t d[8])
{
    bool wide = (j->ev->sys[TSP_SYS_EFER] & 1u << 10) != 0;

    if (wide)
        return TSP_MODE_LONG64;
    return d[6] & 0x40 ? TSP_MODE_PROT32 : TSP_MODE_PROT16;
}

/* The first instruction of a run faulted: tables are as they were set up. */
static bool right_handler(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_x86_state *x = &j->setup->vcpu[ev->vcpu % TSP_MAX_VCPU].x86;
    struct gate g;
    unsigned level;
    uint8_t d[8];

    if (!gate_read(j, &g) ||
        !table_read(j->setup, x->gdt.base + (g.selector & 0xfff8u), d, sizeof(d)) ||
        (d[5] & 0x9c) != 0x98)
        return true;
    level = d[5] >> 5 & 3;
    if (ev->after.pc != g.target)
        return say_value(say, "handler", g.target, ev->after.pc);
    if (ev->after.level != level)
        return say_value(say, "handler's privilege level", level, ev->after.level);
    if (ev->after.mode != handler_mode(j, d))
        return say_value(say, "handler's mode", handler_mode(j, d), ev->after.mode);
    if (!(g.type & 1) && (ev->after.flags & FLAG_IF))
        return say_value(say, "flags of an interrupt gate", ev->after.flags & ~FLAG_IF,
                         ev->after.flags);
    if ((g.type & 1) && ((ev->after.flags ^ ev->before.flags) & FLAG_IF))
        return say_value(say, "flags of a trap gate", ev->after.flags ^ FLAG_IF, ev->after.flags);
    return right_stack(j, &g, ev->before.mode == TSP_MODE_VM86 || level < ev->before.level, say);
}

static bool right_real_handler(const struct judge *j, struct say *say)
{
    const struct tsp_x86_state *x = &j->setup->vcpu[j->ev->vcpu % TSP_MAX_VCPU].x86;
    uint16_t want = (uint16_t)(j->ev->before.r[TSP_RSP] - 6);
    uint8_t b[4];

    if (!table_read(j->setup, x->idt.base + (uint64_t)j->ev->code * 4, b, 4))
        return true;
    if (j->ev->after.pc != le_load(b, 2))
        return say_value(say, "handler", le_load(b, 2), j->ev->after.pc);
    return (uint16_t)j->ev->after.r[TSP_RSP] == want ||
           say_value(say, "handler's stack pointer", want, (uint16_t)j->ev->after.r[TSP_RSP]);
}

/* Entering a handler clears TF, NT, RF and VM, and IF behind an interrupt gate; in real mode IF, TF
 * and AC (Intel SDM Vol. 3A 6.12.1.3, 6.14.2, 20.1.4; Vol. 2A INT). All else is kept. */
static bool entry_flags(const struct tsp_event *ev, struct say *say)
{
    bool real = ev->before.mode == TSP_MODE_REAL16;
    uint64_t clear = FLAG_TF | FLAG_RF | (real ? FLAG_IF : FLAG_NT | FLAG_VM);
    uint64_t open = real ? FLAG_AC | FLAG_NT : 0;
    uint64_t want = ev->before.flags & ~clear;

    if (!(ev->after.flags & FLAG_IF))
        want &= ~FLAG_IF;
    if (((want ^ ev->after.flags) & ~open) == 0)
        return true;
    return say_value(say, "handler's flags", want, ev->after.flags);
}

/* AArch64: EL1 with its own stack pointer, everything masked, at an entry of the vector table,
 * which is 2 KiB aligned (Arm DDI0487 D1.3, D1.3.4). */
static bool arm_entered(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_arm64_state *a = &j->setup->vcpu[ev->vcpu % TSP_MAX_VCPU].arm64;
    uint64_t want = 0x3c5 | (ev->before.flags & 0xf0000000u);

    if (ev->after.level != 1)
        return say_value(say, "handler's exception level", 1, ev->after.level);
    if ((ev->after.flags & 0xf00003dfu) != want)
        return say_value(say, "handler's PSTATE", want, ev->after.flags);
    if ((ev->after.pc & 0x7ff) != ev->code)
        return say_value(say, "offset in the vector table", ev->code, ev->after.pc & 0x7ff);
    if (!judge_at_start(j))
        return true;
    if (ev->after.pc - ev->code != a->vbar_el1)
        return say_value(say, "vector table", a->vbar_el1, ev->after.pc - ev->code);
    return ev->after.r[31] == a->sp_el1 ||
           say_value(say, "handler's stack pointer", a->sp_el1, ev->after.r[31]);
}

/* Zeroes are what an event holds where it could not read: behind the instruction, for targets that
 * show no more than that, or from the next page on, which need not be there. */
static bool kept(const uint8_t *now, const uint8_t *was, unsigned here, unsigned n)
{
    static const uint8_t zeros[TSP_INSN_BYTES];

    if (memcmp(now, zeros, n) == 0)
        return true;
    return memcmp(now, was, here) == 0 && (memcmp(now + here, was + here, n - here) == 0 ||
                                           memcmp(now + here, zeros, n - here) == 0);
}

/* The first thing that happened was a rewrite: what lies behind the instruction is still what was
 * set up, and read-only memory was not written. */
bool pred_text_around(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    unsigned len = j->insn.len, n = len < TSP_INSN_BYTES ? TSP_INSN_BYTES - len : 0;
    unsigned here = 0x1000 - (unsigned)((ev->addr + len) & 0xfff);
    uint8_t was[TSP_INSN_BYTES];

    (void)p;
    if (!judge_at_start(j))
        return true;
    if (table_is_rom(j->setup, ev->addr + len - 1))
        return say_text(say, "read-only memory is left alone", "it was written");
    here = here < n ? here : n;
    if (!table_read(j->setup, ev->addr + len, was, n) || kept(ev->stored + len, was, here, n))
        return true;
    say_bytes(say->expected, sizeof(say->expected), was, n);
    say_bytes(say->got, sizeof(say->got), ev->stored + len, n);
    return false;
}

bool pred_entered(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;

    (void)p;
    if (!judge_stepwise(j))
        return true;
    if (ev->before.mode == TSP_MODE_A64)
        return arm_entered(j, say);
    if (tsp_mode_is_aarch32(ev->before.mode))
        return a32_entered(j, say);
    if (!entry_flags(ev, say))
        return false;
    if (!judge_at_start(j))
        return true;
    return ev->before.mode == TSP_MODE_REAL16 ? right_real_handler(j, say) : right_handler(j, say);
}
