/* SPDX-License-Identifier: MIT */
/* Reaching into the machine that a mutant wraps. */
#include "fuzz/target/mutant_in.h"

#include <string.h>

#include "trapspec/bits.h"

#define EFER_LMA (1ull << 10)
#define CR0_PE 1ull
#define SEG_BIG (1u << 14)
#define GATE_WIDE 0x8u
#define UD 6u

const uint8_t mutant_result[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
const char *const mutant_result_name[4] = {"eax", "ebx", "ecx", "edx"};

/* Copies page by page, through the page tables that the set-up began with. */
static bool copy(const struct mutant *m, uint64_t lin, uint8_t *out, const uint8_t *in, size_t n)
{
    const struct tsp_target_ops *ops = m->inner.ops;

    for (size_t done = 0; done < n;) {
        uint64_t at = lin + done, gpa;
        size_t part = 4096 - (size_t)(at & 4095);
        uint8_t rights;
        enum tsp_status st;

        part = part < n - done ? part : n - done;
        if (!initial_translate(m->given, at, &gpa, &rights))
            return false;
        st = out != NULL ? ops->peek(m->inner.self, gpa, out + done, part)
                         : ops->poke(m->inner.self, gpa, in + done, part);
        if (st != TSP_OK)
            return false;
        done += part;
    }
    return true;
}

bool mutant_read(const struct mutant *m, uint64_t lin, uint8_t *p, size_t n)
{
    return m->inner.ops->peek != NULL && copy(m, lin, p, NULL, n);
}

bool mutant_write(const struct mutant *m, uint64_t lin, const uint8_t *p, size_t n)
{
    return m->inner.ops->poke != NULL && copy(m, lin, NULL, p, n);
}

void mutant_text(struct mutant *m, struct tsp_event *ev, unsigned off, uint8_t v)
{
    mutant_write(m, ev->addr + off, &v, 1);
    if (off < TSP_INSN_BYTES)
        ev->stored[off] = v;
}

bool mutant_whole(struct mutant *m, struct tsp_event *ev)
{
    if (!mutant_read(m, ev->addr, ev->fetched, TSP_INSN_BYTES))
        return false;
    ev->len = TSP_INSN_BYTES;
    return true;
}

bool mutant_get_vcpu(const struct mutant *m, unsigned vcpu, struct tsp_vcpu_state *s)
{
    return m->inner.ops->get_vcpu != NULL &&
           m->inner.ops->get_vcpu(m->inner.self, vcpu, s) == TSP_OK;
}

void mutant_set_vcpu(const struct mutant *m, unsigned vcpu, const struct tsp_vcpu_state *s)
{
    if (m->inner.ops->set_vcpu != NULL)
        m->inner.ops->set_vcpu(m->inner.self, vcpu, s);
}

void mutant_commit(struct mutant *m, const struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    if (!mutant_get_vcpu(m, ev->vcpu, &s))
        return;
    s.regs = ev->after;
    mutant_set_vcpu(m, ev->vcpu, &s);
}

/* Vectors that push an error code outside real mode (Intel SDM Vol. 3A table 6-1). */
static bool pushes_error(unsigned vector)
{
    const uint32_t mask = 1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17;

    return vector < 32 && (mask >> vector & 1) != 0;
}

/* Handler of a vector, and bytes of a frame element. */
static uint64_t gate(const struct mutant *m, const struct tsp_vcpu_state *s, uint32_t vector,
                     unsigned *width)
{
    uint8_t g[16] = {0};

    if (!(s->x86.cr0 & CR0_PE)) {
        *width = 2;
        mutant_read(m, s->x86.idt.base + 4ull * vector, g, 4);
        return le_load(g, 2);
    }
    if (s->x86.efer & EFER_LMA) {
        *width = 8;
        mutant_read(m, s->x86.idt.base + 16ull * vector, g, 16);
        return le_load(g, 2) | le_load(g + 6, 2) << 16 | le_load(g + 8, 4) << 32;
    }
    mutant_read(m, s->x86.idt.base + 8ull * vector, g, 8);
    *width = (g[5] & GATE_WIDE) != 0 ? 4 : 2;
    return le_load(g, 2) | (*width == 4 ? le_load(g + 6, 2) << 16 : 0);
}

/* The handler that was entered becomes the one of another vector, its frame with it. */
static void enter_other(struct mutant *m, struct tsp_vcpu_state *s, uint32_t vector, uint64_t error)
{
    bool stack16 = !(s->x86.seg[TSP_SS].attr & SEG_BIG) && s->regs.mode != TSP_MODE_LONG64;
    unsigned width;
    uint64_t pc = gate(m, s, vector, &width), lin;
    uint8_t b[8];

    s->regs.pc = pc;
    if (!(s->x86.cr0 & CR0_PE) || !pushes_error(vector))
        return;
    s->regs.r[TSP_RSP] -= width;
    lin = stack16 ? (uint16_t)s->regs.r[TSP_RSP] : s->regs.r[TSP_RSP];
    if (s->regs.mode != TSP_MODE_LONG64)
        lin = (uint32_t)(lin + s->x86.seg[TSP_SS].base);
    le_store(b, error, width);
    mutant_write(m, lin, b, width);
}

/* Back to where the event's instruction began. */
static void rewind_to(struct mutant *m, const struct tsp_event *ev, struct tsp_vcpu_state *s)
{
    *s = m->start;
    s->regs = ev->before;
    s->run_state = TSP_RUN_READY;
    mutant_write(m, ev->addr, ev->fetched, ev->len < TSP_INSN_BYTES ? ev->len : TSP_INSN_BYTES);
    mutant_set_vcpu(m, ev->vcpu, s);
}

/* Lets the inner machine deliver an undefined-instruction exception by running one in place. */
static bool run_undefined(struct mutant *m, const struct tsp_event *ev)
{
    static const uint8_t ud2[2] = {0x0f, 0x0b}, udf[4] = {0};
    static const uint8_t a32[4] = {0xf0, 0x00, 0xf0, 0xe7}, t32[2] = {0x00, 0xde};
    unsigned n = is_x86(ev) || ev->before.mode == TSP_MODE_T32 ? 2 : 4;
    const uint8_t *text = is_x86(ev) ? ud2 : udf;

    if (tsp_mode_is_aarch32(ev->before.mode))
        text = n == 2 ? t32 : a32;
    if (!mutant_write(m, ev->addr, text, n))
        return false;
    if (m->inner.ops->run(m->inner.self, ev->vcpu, 1, &m->scratch) != TSP_OK)
        m->scratch.kind = TSP_EV_NONE;
    mutant_write(m, ev->addr, ev->fetched, n);
    return m->scratch.kind == TSP_EV_FAULT;
}

void mutant_fault(struct mutant *m, struct tsp_event *ev, uint32_t vector, uint64_t error,
                  uint64_t address)
{
    struct tsp_vcpu_state s;

    rewind_to(m, ev, &s);
    if (!run_undefined(m, ev) || !mutant_get_vcpu(m, ev->vcpu, &s))
        return;
    ev->kind = TSP_EV_FAULT;
    ev->code = m->scratch.code;
    ev->info[0] = m->scratch.info[0];
    ev->info[1] = m->scratch.info[1];
    memcpy(ev->stored, ev->fetched, sizeof(ev->stored));
    if (is_x86(ev)) {
        ev->code = vector;
        ev->info[0] = error;
        ev->info[1] = address;
        if (vector != UD && m->scratch.code == UD) {
            enter_other(m, &s, vector, error);
            s.x86.cr2 = vector == 14 ? address : s.x86.cr2;
            mutant_set_vcpu(m, ev->vcpu, &s);
        }
    }
    ev->after = s.regs;
}

void mutant_undo(struct mutant *m, struct tsp_event *ev, enum tsp_event_kind kind, unsigned advance)
{
    struct tsp_vcpu_state s;

    rewind_to(m, ev, &s);
    s.regs.pc += advance;
    mutant_set_vcpu(m, ev->vcpu, &s);
    ev->kind = (uint16_t)kind;
    ev->code = 0;
    ev->info[0] = ev->info[1] = 0;
    memcpy(ev->stored, ev->fetched, sizeof(ev->stored));
    ev->after = s.regs;
}

uint8_t mutant_third(const struct tsp_event *ev)
{
    const uint8_t *p = ev->fetched;

    if (!is_x86(ev) || ev->len < 3 || ev->len > TSP_INSN_BYTES)
        return 0;
    p += ev->len - 3;
    return p[0] == 0x0f && p[1] == 0x01 && (p[2] == 0xc1 || p[2] == 0xd9) ? p[2] : 0;
}

uint8_t mutant_own_third(const struct mutant *m)
{
    bool amd = m->given->host == TSP_VENDOR_AMD || m->given->host == TSP_VENDOR_HYGON;

    return amd ? 0xd9 : 0xc1;
}

bool mutant_foreign(const struct mutant *m, const struct tsp_event *ev)
{
    uint8_t third = mutant_third(ev);

    return third != 0 && third != mutant_own_third(m);
}

bool mutant_native(const struct mutant *m, const struct tsp_event *ev)
{
    return mutant_third(ev) == mutant_own_third(m);
}
