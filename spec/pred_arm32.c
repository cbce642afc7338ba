/* SPDX-License-Identifier: MIT */
/*
 * AArch32: exceptions taken to EL1 (Arm DDI0487 G1, "Handling exceptions that are taken to an
 * Exception level that is using AArch32") and how PSCI starts a core there (DEN0022, "T32 support"
 * and "Processor state at entry").
 */
#include "spec/pred.h"

#include "trapspec/bits.h"

#define PSR_M 0x1fu
#define PSR_T (1u << 5)
#define PSR_AIF 0x1c0u
#define PSR_A (1u << 8)
#define PSR_I (1u << 7)
#define PSR_F (1u << 6)
#define PSR_NZCV 0xf0000000u
#define PSR_TOLD 0xf80fffffu /* all that code can have changed: no reserved bits, no IT[1:0] */
#define MODE_SVC 0x13u

#define SCTLR_V (1u << 13)
#define SCTLR_TE (1u << 30)
#define HIGH_VECTORS 0xffff0000u

enum { VECTOR_UNDEF = 0x04, VECTOR_SVC = 0x08, VECTOR_PABT = 0x0c, VECTOR_DABT = 0x10 };

/* What an exception makes of the processor: its mode, where the return address goes in
 * tsp_regs.r, and how far behind the instruction it is in A32 and T32; 0: behind an SVC. */
static const struct a32_vector {
    uint8_t offset, mode, link, a32, t32;
} vectors[] = {
    {VECTOR_UNDEF, 0x1b, 22, 4, 2},
    {VECTOR_SVC, MODE_SVC, 18, 0, 0},
    {VECTOR_PABT, 0x17, 20, 4, 4},
    {VECTOR_DABT, 0x17, 20, 8, 8},
};

static const struct a32_vector *vector_of(const struct tsp_event *ev)
{
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        if (vectors[i].offset == ev->code)
            return &vectors[i];
    return NULL;
}

uint32_t a32_link(const struct tsp_event *ev)
{
    const struct a32_vector *v = vector_of(ev);

    return v ? 1u << v->link : 0;
}

bool a32_undefined(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;

    if (ev->kind == TSP_EV_FAULT && ev->code == VECTOR_UNDEF)
        return true;
    return say_text(say, "an Undefined Instruction exception",
                    ev->kind == TSP_EV_FAULT ? "another exception" : "no exception");
}

static uint32_t mode_of(uint64_t flags)
{
    return flags & PSR_T ? TSP_MODE_T32 : TSP_MODE_A32;
}

/* The table's base and the handler's instruction set, which the set-up's registers say until the
 * guest has run. */
static bool right_table(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_arm64_state *a = &j->setup->vcpu[ev->vcpu % TSP_MAX_VCPU].arm64;
    uint64_t base = a->sctlr_el1 & SCTLR_V ? HIGH_VECTORS : (uint32_t)a->vbar_el1 & ~31u;
    uint64_t thumb = a->sctlr_el1 & SCTLR_TE ? PSR_T : 0;

    if (ev->after.pc - ev->code != base)
        return say_value(say, "vector table", base, ev->after.pc - ev->code);
    return (ev->after.flags & PSR_T) == thumb ||
           say_value(say, "T of the handler", thumb, ev->after.flags & PSR_T);
}

/* Masks that an exception sets are set, none is cleared; the flags stay. */
bool a32_entered(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct a32_vector *v = vector_of(ev);
    uint64_t before = ev->before.flags, after = ev->after.flags;
    bool abort = ev->code == VECTOR_PABT || ev->code == VECTOR_DABT;
    uint64_t want = (before & (PSR_NZCV | PSR_AIF)) | PSR_I | (abort ? PSR_A : 0);

    if (!v)
        return say_value(say, "offset in the vector table", VECTOR_UNDEF, ev->code);
    if (ev->after.level != 1)
        return say_value(say, "handler's exception level", 1, ev->after.level);
    if ((after & PSR_M) != v->mode)
        return say_value(say, "handler's mode", v->mode, after & PSR_M);
    if ((after & (PSR_NZCV | PSR_AIF)) != want)
        return say_value(say, "handler's PSTATE", want, after & (PSR_NZCV | PSR_AIF));
    if (ev->after.mode != mode_of(after))
        return say_value(say, "handler's instruction set", mode_of(after), ev->after.mode);
    return !judge_at_start(j) || right_table(j, say);
}

static uint64_t link_of(const struct tsp_event *ev, const struct a32_vector *v, unsigned len)
{
    unsigned past = ev->before.mode == TSP_MODE_A32 ? v->a32 : v->t32;

    if (past == 0) /* the next instruction; a condition makes it none of the table's */
        past = len ? len : ev->len;
    return (uint32_t)(ev->before.pc + past);
}

/* R14 and SPSR of the mode, and what an abort tells. */
bool a32_returns_to(const struct judge *j, struct say *say)
{
    const struct tsp_arm64_state *a = &j->look->after.arm64;
    const struct tsp_event *ev = j->ev;
    const struct a32_vector *v = vector_of(ev);
    uint64_t spsr = ev->code == VECTOR_UNDEF ? a->spsr_und : a->spsr_abt;
    uint64_t status = ev->code == VECTOR_PABT ? a->ifsr : a->esr_el1;
    uint64_t address = ev->code == VECTOR_PABT ? a->far_el1 >> 32 : (uint32_t)a->far_el1;

    if (!v)
        return true;
    if (ev->code == VECTOR_SVC)
        spsr = a->spsr_el1;
    if ((uint32_t)ev->after.r[v->link] != link_of(ev, v, j->insn.len))
        return say_value(say, "R14 of the handler's mode", link_of(ev, v, j->insn.len),
                         ev->after.r[v->link]);
    if ((spsr ^ ev->before.flags) & PSR_TOLD)
        return say_value(say, "SPSR of the handler's mode", ev->before.flags & PSR_TOLD, spsr);
    if (ev->code != VECTOR_PABT && ev->code != VECTOR_DABT)
        return true;
    if (status != ev->info[0])
        return say_value(say, "fault status register", ev->info[0], status);
    return j->insn.insn != 0 || address == ev->info[1] ||
           say_value(say, "fault address register", ev->info[1], address);
}

/* a32_pc: T32 instructions lie at even addresses, A32 at multiples of four, and PSTATE.T says which
 * they are (DDI0487 G1.5). */
bool pred_a32_pc(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *r = &j->ev->before;
    uint64_t low = r->mode == TSP_MODE_T32 ? 1 : 3;

    (void)p;
    if ((r->pc & low) != 0 || r->pc > UINT32_MAX)
        return say_value(say, "pc", (uint32_t)r->pc & ~low, r->pc);
    return r->mode == mode_of(r->flags) ||
           say_value(say, "PSTATE.T", r->mode == TSP_MODE_T32, (r->flags & PSR_T) != 0);
}

/* DDI0487 F2.3.1: pairs of opposites of N, Z, C and V; 14 and 15 always hold. */
bool a32_condition(const struct tsp_event *ev)
{
    bool n = bits_test(ev->before.flags, 31), z = bits_test(ev->before.flags, 30);
    bool c = bits_test(ev->before.flags, 29), v = bits_test(ev->before.flags, 28);
    const bool pair[] = {z, c, n, v, c && !z, n == v, n == v && !z};
    unsigned cond = ev->fetched[3] >> 4;

    if (ev->before.mode != TSP_MODE_A32 || cond >= 14)
        return true;
    return pair[cond / 2] != (cond % 2 != 0);
}

/* a32_passed: what it did, it did because its condition holds. */
bool pred_a32_passed(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return a32_condition(j->ev) ||
           say_text(say, "nothing, because the condition fails", "the call was performed");
}

/* Bit 0 of the entry point asks for T32 and is no part of the address. */
uint64_t a32_entry(const struct tsp_event *on)
{
    return (uint32_t)on->before.r[2] & ~1u;
}

bool a32_begun(const struct tsp_event *on, const struct tsp_regs *r, struct say *say)
{
    uint32_t mode = on->before.r[2] & 1 ? TSP_MODE_T32 : TSP_MODE_A32;
    uint64_t want = PSR_AIF | MODE_SVC | (mode == TSP_MODE_T32 ? PSR_T : 0);

    if (r->pc != a32_entry(on))
        return say_value(say, "entry point", a32_entry(on), r->pc);
    if (r->mode != mode)
        return say_value(say, "instruction set at the entry point", mode, r->mode);
    if ((uint32_t)r->r[0] != (uint32_t)on->before.r[3])
        return say_value(say, "context in R0", (uint32_t)on->before.r[3], r->r[0]);
    if (r->level != 1)
        return say_value(say, "exception level", 1, r->level);
    return (r->flags & (PSR_AIF | PSR_T | PSR_M)) == want ||
           say_value(say, "PSTATE at the entry point", want, r->flags);
}

bool a32_begins(const struct judge *j, const struct tsp_event *on, bool exact, struct say *say)
{
    return (!exact && j->ev->before.pc != a32_entry(on)) || a32_begun(on, &j->ev->before, say);
}

/* HVC or SMC, in the order of bytes in memory (DDI0487 F5.1). */
bool a32_is_call(uint32_t word, bool thumb)
{
    if (thumb)
        return (word & 0xf000ffe0u) == 0x8000f7e0u;
    return (word & 0xfff000f0u) == 0xe1400070u || (word & 0xfffffff0u) == 0xe1600070u;
}
