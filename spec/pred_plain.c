/* SPDX-License-Identifier: MIT */
/* Predicates of steps that are no event: a few plain instructions whose whole effect is known from
 * their bytes, and vCPUs that did not move. They need a look at the machine. */
#include "spec/pred.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define STATUS_FLAGS 0x8d5u /* CF PF AF ZF SF OF */
#define CPU_ON 0x84000003u
#define CPU_ON_01 0x95c1ba60u /* PSCI 0.1, as KVM numbers it */
#define DAIF 0x3c0u
#define CALL_SEND_IPI 10u
#define FLAG_IF 9

/* What a plain instruction may change: registers by bit, and flags; pc is where it goes. */
struct effect {
    bool known;
    bool jumps;
    uint32_t regs;
    uint64_t flags;
    unsigned len;
    bool has_value;
    unsigned reg; /* gets value, cut to size bytes; 4 clear the upper half */
    unsigned size;
    uint64_t value;
};

static bool wide_code(unsigned mode)
{
    return mode == TSP_MODE_PROT32 || mode == TSP_MODE_COMPAT32 || mode == TSP_MODE_LONG64;
}

/* Opcodes without prefixes but REX (Intel SDM Vol. 2): NOP, MOV r, imm, the exchange of flags, and
 * register forms of the eight arithmetic operations, MOV and XCHG. */
static struct effect effect_x86(const struct tsp_event *ev)
{
    struct effect e = {0};
    bool long64 = ev->before.mode == TSP_MODE_LONG64;
    unsigned rex = long64 && (ev->fetched[0] & 0xf0) == 0x40 ? ev->fetched[0] : 0, at = rex != 0;
    unsigned size = rex & 8 ? 8 : wide_code(ev->before.mode) ? 4 : 2;
    uint8_t op = ev->fetched[at], modrm = ev->fetched[at + 1];
    unsigned rm = (modrm & 7u) | (rex & 1) << 3, reg = (modrm >> 3 & 7u) | (rex & 4) << 1;

    if (op == 0x90 && !rex) {
        e = (struct effect){.known = true, .len = 1};
    } else if ((op & 0xf8) == 0xb8) {
        e = (struct effect){.known = true, .len = at + 1 + size, .has_value = true, .size = size};
        e.reg = (op & 7u) | (rex & 1) << 3;
        e.value = le_load(ev->fetched + at + 1, size);
        e.regs = 1u << e.reg;
    } else if (op == 0xf5 || op == 0xf8 || op == 0xf9 || op == 0xfc || op == 0xfd) {
        e = (struct effect){.known = true, .len = at + 1, .flags = 0x401};
    } else if ((op & 0xc4) == 0 && modrm >= 0xc0 && (op & 1)) {
        e = (struct effect){.known = true, .len = at + 2, .flags = STATUS_FLAGS};
        e.regs = (op & 0x38) == 0x38 ? 0 : 1u << (op & 2 ? reg : rm);
    } else if ((op == 0x89 || op == 0x8b) && modrm >= 0xc0) {
        e = (struct effect){.known = true, .len = at + 2, .has_value = true, .size = size};
        e.reg = op == 0x89 ? rm : reg;
        e.value = ev->before.r[op == 0x89 ? reg : rm];
        e.regs = 1u << e.reg;
    } else if (op == 0xeb || (op & 0xf0) == 0x70) {
        e = (struct effect){.known = true, .jumps = true};
    }
    return e;
}

/* NOP and other hints of CRm:op2 0, and MOVZ (Arm DDI0487 C6.2). */
static struct effect effect_arm(const struct tsp_event *ev)
{
    uint32_t word = (uint32_t)le_load(ev->fetched, 4);
    struct effect e = {0};

    if (word == 0xd503201fu)
        return (struct effect){.known = true, .len = 4};
    if ((word & 0x7f800000u) != 0x52800000u || (word & 31) == 31)
        return e;
    e = (struct effect){.known = true, .len = 4, .has_value = true, .size = 8};
    e.reg = word & 31;
    e.regs = 1u << e.reg;
    e.value = (uint64_t)(word >> 5 & 0xffff) << (word >> 21 & 3) * 16;
    return e;
}

static uint64_t expected(const struct effect *e, uint64_t was)
{
    if (e->size == 8)
        return e->value;
    return e->size == 4 ? (uint32_t)e->value : (was & ~0xffffull) | (e->value & 0xffff);
}

static bool right_regs(const struct tsp_event *ev, const struct effect *e, struct say *say)
{
    char name[40];

    for (unsigned i = 0; i < 32; i++) {
        uint64_t want = ev->before.r[i];

        if (e->has_value && e->reg == i)
            want = expected(e, want);
        else if (e->regs >> i & 1)
            continue;
        if (want == ev->after.r[i])
            continue;
        snprintf(name, sizeof(name), "register %u after a plain instruction", i);
        return say_value(say, name, want, ev->after.r[i]);
    }
    return true;
}

/* plain_done: it did what its bytes say and nothing else. */
bool pred_plain_done(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    bool arm = tsp_mode_is_arm(ev->before.mode);
    struct effect e = arm ? effect_arm(ev) : effect_x86(ev);
    uint64_t pc = ev->before.pc + e.len;

    /* A step that was not possible now. */
    if (!e.known || (ev->len < 12 && !arm) || look_took_init(j) ||
        (ev->before.pc == ev->after.pc && memcmp(&ev->before, &ev->after, sizeof(ev->before)) == 0))
        return true;
    if ((ev->before.flags ^ ev->after.flags) & ~(e.flags | (arm ? 0 : 1u << 16)))
        return say_value(say, "flags after a plain instruction", ev->before.flags, ev->after.flags);
    if (!e.jumps && (uint16_t)pc != (uint16_t)ev->after.pc)
        return say_value(say, "pc after a plain instruction", pc, ev->after.pc);
    return right_regs(ev, &e, say) && pred_mode_kept(j, p, say);
}

/* The look before at the same vCPU; NULL: none. */
static const struct tsp_look *look_last(const struct judge *j)
{
    const struct tsp_look *k = j->look, *first = j->trace->looks->look;

    while (k-- > first)
        if (k->vcpu == j->look->vcpu)
            return k;
    return NULL;
}

/* A CPU_ON for this vCPU that succeeded before its step; its SMCCC arguments are the entry and what
 * X0 is to be (Arm DEN0022 5.6). */
static const struct tsp_event *started_by(const struct judge *j)
{
    const struct tsp_vcpu_state *v = &j->setup->vcpu[j->look->vcpu % TSP_MAX_VCPU];

    for (size_t i = j->look->event < j->trace->n ? j->look->event : j->trace->n; i-- > 0;) {
        const struct tsp_event *ev = &j->trace->ev[i];

        if (ev->kind == TSP_EV_HYPERCALL && tsp_mode_is_arm(ev->before.mode) &&
            ((uint32_t)ev->before.r[0] & 0xbfffffffu) == CPU_ON && (uint32_t)ev->after.r[0] == 0 &&
            (uint32_t)ev->before.r[1] == (uint32_t)(v->arm64.mpidr & 0xffffff))
            return ev;
    }
    return NULL;
}

/* step_trapped: an instruction that completed with TF set is followed by its trap (Intel SDM Vol.
 * 3B 17.3.1.4); MOV SS and an interrupt may come in between. */
bool pred_step_trapped(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *last = look_last(j);
    const struct tsp_event *ev = j->ev, *was;

    (void)p;
    if (!judge_stepwise(j) || !last || last->quiet || last->event >= j->trace->n)
        return true;
    was = &j->trace->ev[last->event];
    if ((was->kind != TSP_EV_CPUID && was->kind != TSP_EV_HYPERCALL) ||
        !bits_test(was->before.flags, 8) || (last->before.x86.shadow & TSP_SHADOW_MOVSS) ||
        lguest_by_int(j, was))
        return true;
    if (ev->kind == TSP_EV_FAULT &&
        (ev->code == 1 || ev->code == 2 || ev->code == 8 || ev->code >= 10))
        return true;
    return say_text(say, "the trap of a single step", "another instruction");
}

/* Who halts goes on behind HLT, WFI or WFE (Intel SDM Vol. 2A HLT; Arm DDI0487 C6.2 WFI, D1.3.1):
 * pc is there already. The end mark is the target's own business. */
static bool halted_behind(const struct tsp_event *ev, struct say *say)
{
    bool arm = ev->before.mode == TSP_MODE_A64;
    unsigned n = ev->len < TSP_INSN_BYTES ? ev->len : TSP_INSN_BYTES;
    uint64_t pc = ev->before.pc + n;

    if (ev->code != TSP_STOP_HALT || (arm ? n != 4 : ev->fetched[n - 1] != 0xf4))
        return true;
    if (arm && (le_load(ev->fetched, 4) & ~0x20ull) != 0xd503205fu)
        return true;
    /* how wide pc is where it goes round is not looked at */
    return (uint16_t)pc == (uint16_t)ev->after.pc ||
           say_value(say, "pc behind the instruction that halts", pc, ev->after.pc);
}

/* halted: HLT, WFI and the end mark change no register but pc. */
bool pred_halted(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t flags = ev->before.flags ^ ev->after.flags;

    (void)p;
    if (!judge_steps(j) || !ev->len || ev->after.mode != ev->before.mode)
        return true;
    if (flags & ~(tsp_mode_is_arm(ev->before.mode) ? 0 : 0x10000ull))
        return say_value(say, "flags at the end", ev->before.flags, ev->after.flags);
    return halted_behind(ev, say) && regs_kept_but(j, 0, say);
}

/* rf_over: what completes clears RF (Intel SDM Vol. 3B 17.3.1.1). */
bool pred_rf_over(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t flags = j->ev->after.flags;

    (void)p;
    return !bits_test(flags, 16) ||
           say_value(say, "flags behind the instruction", flags & ~0x10000ull, flags);
}

/* not_alone: holds not so long as no other vCPU has made a step. */
bool pred_not_alone(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *k = j->look;

    (void)p;
    while (k-- > j->trace->looks->look)
        if (k->vcpu != j->look->vcpu)
            return true;
    return !judge_steps(j) || say_text(say, "a rewrite: no other vCPU has done anything", "#UD");
}

/* begun: the first step of a vCPU begins as it was set up, or as the CPU_ON that started it said.
 */
#define PSTATE_SP1 0x3dfu /* masks, AArch64 at EL1 with its own stack pointer */
#define SCTLR_M_C 5u

/* A core that was switched on, beside pc, X0 and level: masks and stack pointer, MMU and data cache
 * off, and who it is (Arm DEN0022, Processor state at entry; DDI0487 MPIDR_EL1). */
static bool entered_clean(const struct tsp_vcpu_state *now, const struct tsp_vcpu_state *was,
                          struct say *say)
{
    uint64_t want = DAIF | 5;

    if ((now->regs.flags & PSTATE_SP1) != want)
        return say_value(say, "PSTATE at the entry, all masked, SP_EL1", want,
                         now->regs.flags & PSTATE_SP1);
    if (now->arm64.sctlr_el1 & SCTLR_M_C)
        return say_value(say, "MMU and data cache at the entry", 0,
                         now->arm64.sctlr_el1 & SCTLR_M_C);
    return was->arm64.mpidr == 0 || now->arm64.mpidr == was->arm64.mpidr ||
           say_value(say, "MPIDR_EL1 of a core that was switched on", was->arm64.mpidr,
                     now->arm64.mpidr);
}

bool pred_begun(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_vcpu_state *v = &j->setup->vcpu[j->look->vcpu % TSP_MAX_VCPU];
    const struct tsp_regs *r = &j->look->before.regs;
    const struct tsp_event *on = NULL;
    uint64_t wide;

    (void)p;
    if (!judge_steps(j) || look_last(j))
        return true;
    if (v->run_state == TSP_RUN_OFF && j->setup->arch == TSP_ARCH_ARM64)
        on = started_by(j);
    if (on) {
        if (tsp_mode_is_aarch32(v->regs.mode))
            return a32_begun(on, r, say);
        wide = bits_test(on->before.r[0], 30) ? UINT64_MAX : UINT32_MAX;
        if (r->pc != (on->before.r[2] & wide))
            return say_value(say, "entry point", on->before.r[2] & wide, r->pc);
        if (r->r[0] != (on->before.r[3] & wide))
            return say_value(say, "context in X0", on->before.r[3] & wide, r->r[0]);
        if (r->level != 1)
            return say_value(say, "exception level at the entry", 1, r->level);
        return entered_clean(&j->look->before, v, say);
    }
    if (v->run_state != TSP_RUN_READY || memcmp(&v->regs, r, sizeof(*r)) == 0)
        return true;
    if (v->regs.pc != r->pc)
        return say_value(say, "pc where the vCPU begins", v->regs.pc, r->pc);
    for (unsigned i = 0; i < 32; i++)
        if (v->regs.r[i] != r->r[i])
            return say_value(say, "a register where the vCPU begins", v->regs.r[i], r->r[i]);
    return true;
}

/* wakes_named: of the other vCPUs a call stops none, and starts none but the one that CPU_ON names.
 * Interrupts and kicks of x86 wake whom they want. */
bool pred_wakes_named(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *k = j->look;
    uint32_t others = ~(1u << k->vcpu % TSP_MAX_VCPU), named = 0;
    uint32_t fid = (uint32_t)j->ev->before.r[0] & 0xbfffffffu;

    (void)p;
    if (!judge_steps(j))
        return true;
    if (k->runnable[0] & ~k->runnable[1] & others)
        return say_value(say, "vCPUs that can run", k->runnable[0], k->runnable[1]);
    if (j->setup->arch != TSP_ARCH_ARM64)
        return true;
    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++)
        if ((j->setup->vcpu[v].arm64.mpidr & 0xffffff) == (uint32_t)j->ev->before.r[1] &&
            (fid == CPU_ON || fid == CPU_ON_01) && (uint32_t)j->ev->after.r[0] == 0)
            named = 1u << v;
    return !(k->runnable[1] & ~k->runnable[0] & others & ~named) ||
           say_value(say, "vCPUs that can run", k->runnable[0] | named, k->runnable[1]);
}

/* call_wakes: a vCPU that KICK_CPU names, or one with interrupts on that SEND_IPI does, does not
 * stay halted. */
bool pred_call_wakes(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *k = j->look;
    bool ipi = (uint32_t)j->ev->before.r[TSP_RAX] == CALL_SEND_IPI;
    uint64_t icr = j->ev->before.r[TSP_RSI];
    uint32_t named = kvm_named(j);

    (void)p;
    if (!judge_steps(j) || (ipi ? (icr & 0xcff00) != 0 || (icr & 0xff) < 16 : 0) ||
        (ipi ? j->ev->after.r[TSP_RAX] == 0 || (uint32_t)j->ev->after.r[TSP_RAX] >> 31
             : j->ev->after.r[TSP_RAX] != 0))
        return true;
    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++) {
        const struct tsp_event *last = j->last[v] > 0 ? &j->trace->ev[j->last[v] - 1] : NULL;

        if (v == j->ev->vcpu || !(named >> v & 1) || (k->runnable[0] >> v & 1) || !last ||
            last->kind != TSP_EV_STOP || last->code != TSP_STOP_HALT ||
            (ipi && !bits_test(last->after.flags, FLAG_IF)))
            continue;
        if (!(k->runnable[1] >> v & 1))
            return say_text(say, "the vCPU that is named wakes up", "it stays halted");
    }
    return true;
}

/* undisturbed: between two of its own steps a vCPU's registers stay, whatever the others do. */
bool pred_undisturbed(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *last = j->look ? look_last(j) : NULL;
    const struct tsp_regs *want, *got = &j->look->before.regs;
    char name[40];

    (void)p;
    if (!last || last->after.run_state == TSP_RUN_OFF || last->after.run_state == TSP_RUN_STOPPED)
        return true;
    want = &last->after.regs;
    if (want->pc != got->pc)
        return say_value(say, "pc since the last step", want->pc, got->pc);
    if (want->flags != got->flags)
        return say_value(say, "flags since the last step", want->flags, got->flags);
    for (unsigned i = 0; i < 32; i++) {
        if (want->r[i] == got->r[i])
            continue;
        snprintf(name, sizeof(name), "register %u since the last step", i);
        return say_value(say, name, want->r[i], got->r[i]);
    }
    return true;
}
