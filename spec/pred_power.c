/* SPDX-License-Identifier: MIT */
/* Predicates of who is switched on (Arm DEN0022 5.5 to 5.7). */
#include "spec/pred.h"

#include "trapspec/bits.h"

#define AFFINITY 0xff00ffffffull /* Aff3 to Aff0 of an MPIDR */

enum power { POWER_ON = 0, POWER_OFF, POWER_PENDING, POWER_UNKNOWN };

static bool is_cpu_on(const struct tsp_event *ev, uint64_t id)
{
    uint32_t fid = (uint32_t)ev->before.r[0];
    uint64_t who = fid >> 30 & 1 ? ev->before.r[1] : (uint32_t)ev->before.r[1];

    return ev->kind == TSP_EV_HYPERCALL && who == id && (uint32_t)ev->after.r[0] == 0 &&
           (fid == 0x84000003u || fid == 0xc4000003u || fid == 0x95c1ba60u);
}

/* Whether the vCPU that the call names is on, by the set-up and what happened since. Once CPU_ON
 * succeeded it may be on its way until it shows itself. */
static enum power power_of(const struct judge *j)
{
    uint64_t id = fact_value(j, COND_A1);
    unsigned v = 0;
    enum power now;

    while (v < j->setup->nvcpu && v < TSP_MAX_VCPU &&
           (j->setup->vcpu[v].arm64.mpidr & AFFINITY) != id)
        v++;
    if (v == j->setup->nvcpu || v == TSP_MAX_VCPU)
        return POWER_UNKNOWN;
    now = j->setup->vcpu[v].run_state == TSP_RUN_OFF ? POWER_OFF : POWER_ON;
    for (size_t i = 0; i < j->index; i++) {
        const struct tsp_event *ev = &j->trace->ev[i];

        if (is_cpu_on(ev, id))
            now = POWER_PENDING;
        else if (ev->vcpu == v && ev->kind == TSP_EV_STOP)
            now = ev->code == TSP_STOP_OFF ? POWER_OFF : POWER_UNKNOWN;
        else if (ev->vcpu == v && ev->kind != TSP_EV_POLICY && now == POWER_PENDING)
            now = POWER_ON;
    }
    return now;
}

static bool one_of(const struct judge *j, uint32_t a, uint32_t b, struct say *say)
{
    uint32_t got = (uint32_t)j->ev->after.r[0];

    return got == a || got == b || say_value(say, "w0", a, got);
}

/* AFFINITY_INFO of level 0: 0 on, 1 off, 2 on its way. */
bool pred_power_told(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    switch (power_of(j)) {
    case POWER_ON:
        return one_of(j, 0, 0, say);
    case POWER_OFF:
        return one_of(j, 1, 1, say);
    case POWER_PENDING:
        return one_of(j, 0, 2, say);
    default:
        return true;
    }
}

/* CPU_ON: success where the target is off, ALREADY_ON or ON_PENDING where it is not. */
bool pred_power_asked(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    switch (power_of(j)) {
    case POWER_ON:
        return one_of(j, (uint32_t)-4, (uint32_t)-4, say);
    case POWER_OFF:
        return one_of(j, 0, 0, say);
    case POWER_PENDING:
        return one_of(j, (uint32_t)-4, (uint32_t)-5, say);
    default:
        return true;
    }
}

/* The call that switched this vCPU on, if nothing was seen of it since; NULL: none, or it is not
 * known where it began. */
static const struct tsp_event *started_by(const struct judge *j)
{
    unsigned v = j->ev->vcpu % TSP_MAX_VCPU;
    uint64_t id = j->setup->vcpu[v].arm64.mpidr & AFFINITY;

    if ((j->opt->caps & TSP_CAP_STEPS) == 0 || (j->opt->caps & TSP_CAP_DETERMINISTIC) == 0)
        return NULL;
    for (size_t i = j->index; i > 0; i--) {
        const struct tsp_event *ev = &j->trace->ev[i - 1];

        if (ev->vcpu != v && is_cpu_on(ev, id))
            return ev;
        if (ev->kind == TSP_EV_POLICY || ev->kind == TSP_EV_FETCH || ev->vcpu == v)
            return NULL;
    }
    return NULL;
}

/* At the entry point stands a call, which nobody had time to change: plain instructions there may
 * leave no event. */
static bool must_call(const struct judge *j, const struct tsp_event *on, uint64_t entry)
{
    const struct tsp_setup *s = j->setup;
    uint32_t word = 0;
    bool rom = false;

    if (j->index == 0 || &j->trace->ev[j->index - 1] != on || j->index > 2 ||
        on->before.pc != s->vcpu[on->vcpu % TSP_MAX_VCPU].regs.pc || entry < s->ram_base ||
        !range_ok(entry - s->ram_base, 4, s->ram_size))
        return false;
    for (unsigned i = 0; i < 4; i++)
        word |= (uint32_t)judge_first_byte(s, entry + i, &rom) << 8 * i;
    if (tsp_mode_is_aarch32(s->vcpu[j->ev->vcpu % TSP_MAX_VCPU].regs.mode))
        return a32_is_call(word, (on->before.r[2] & 1) != 0);
    return (word & 0xffe0001e) == 0xd4000002; /* HVC or SMC */
}

#define DAIF 0x3c0u

/* CPU_ON: the core begins at the entry point with the context in X0, at EL1 with interrupts masked
 * (DEN0022, Processor state at entry). Arguments are as wide as the call's convention. */
bool pred_started(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *on = started_by(j);
    const struct tsp_regs *r = &j->ev->before;
    uint64_t mask = on && ((uint32_t)on->before.r[0] >> 30 & 1) == 0 ? UINT32_MAX : UINT64_MAX;

    (void)p;
    if (!on)
        return true;
    if (tsp_mode_is_aarch32(j->setup->vcpu[j->ev->vcpu % TSP_MAX_VCPU].regs.mode))
        return a32_begins(j, on, must_call(j, on, a32_entry(on)), say);
    if ((uint32_t)on->before.r[0] == 0x95c1ba60u) /* 0.1: no convention, registers are whole */
        mask = UINT64_MAX;
    if (r->pc != (on->before.r[2] & mask))
        return !must_call(j, on, on->before.r[2] & mask) ||
               say_value(say, "pc of a core that was switched on", on->before.r[2] & mask, r->pc);
    if (r->r[0] != (on->before.r[3] & mask))
        return say_value(say, "x0 of a core that was switched on", on->before.r[3] & mask, r->r[0]);
    if (r->level != 1 || r->mode != TSP_MODE_A64)
        return say_value(say, "exception level", 1, r->level);
    return (r->flags & DAIF) == DAIF || say_value(say, "interrupt masks", DAIF, r->flags & DAIF);
}

/* SYSTEM_OFF and SYSTEM_RESET are the whole machine's: after them no core makes a call (DEN0022).
 */
bool pred_machine_on(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    for (size_t i = j->index; i > 0 && (j->opt->caps & TSP_CAP_STEPS) != 0; i--) {
        const struct tsp_event *ev = &j->trace->ev[i - 1];

        if (ev->kind == TSP_EV_STOP && ev->vcpu != j->ev->vcpu &&
            tsp_mode_is_arm(ev->before.mode) &&
            (ev->code == TSP_STOP_SHUTDOWN || ev->code == TSP_STOP_RESET))
            return say_text(say, "no core goes on", "a call after the machine was switched off");
    }
    return true;
}
