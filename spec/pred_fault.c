/* SPDX-License-Identifier: MIT */
/* Predicates of exceptions. */
#include "spec/pred.h"

#include <inttypes.h>
#include <stdio.h>

#include "trapspec/bits.h"

static bool say_fault(const struct judge *j, struct say *say, uint64_t vector, uint64_t error)
{
    snprintf(say->expected, sizeof(say->expected), "exception 0x%" PRIx64 ", error code 0x%" PRIx64,
             vector, error);
    snprintf(say->got, sizeof(say->got), "%s 0x%" PRIx32 ", error code 0x%" PRIx64,
             j->ev->kind == TSP_EV_FAULT ? "exception" : "no exception", j->ev->code,
             j->ev->info[0]);
    return false;
}

/* fault(vector[, error code]); the error code is 0 where the exception has none. */
bool pred_fault(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t error = p->narg > 1 ? p->arg[1] : 0;

    if (ev->kind == TSP_EV_FAULT && ev->code == p->arg[0] && ev->info[0] == error)
        return true;
    return say_fault(j, say, p->arg[0], error);
}

/* ESR of a 32-bit instruction: class, length bit, and the syndrome (Arm DDI0487 ESR_EL1). The
 * vector says where the exception came from (D1.3). */
static bool arm_exception(const struct judge *j, uint64_t class, uint64_t iss, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t esr = class << 26 | 1ull << 25 | iss, vector = 0x400;

    if (ev->before.level != 0)
        vector = ev->before.flags & 1 ? 0x200 : 0; /* PSTATE.SP */
    if (ev->kind == TSP_EV_FAULT && ev->code == vector && ev->info[0] == esr)
        return true;
    return say_fault(j, say, vector, esr);
}

/* MRS of MIDR_EL1 and MPIDR_EL1: what the vCPU was set up with; the register that it names changes
 * and nothing else (Arm DDI0487 D19.2). The code of the event is op0:op1:CRn:CRm:op2. */
bool pred_id_read(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_arm64_state *a = &j->setup->vcpu[ev->vcpu % TSP_MAX_VCPU].arm64;
    unsigned rt = (unsigned)le_load(ev->fetched, 4) & 31;
    uint64_t want = ev->info[0];

    (void)p;
    if (ev->code == 0xc000 && a->midr)
        want = a->midr;
    else if (ev->code == 0xc005 && a->mpidr)
        want = a->mpidr;
    if (ev->info[0] != want)
        return say_value(say, "the register", want, ev->info[0]);
    if (rt < 31 && ev->after.r[rt] != want)
        return say_value(say, "what was read", want, ev->after.r[rt]);
    if (ev->after.pc != ev->before.pc + 4)
        return say_value(say, "pc", ev->before.pc + 4, ev->after.pc);
    return regs_kept_but(j, rt < 31 ? 1u << rt : 0, say);
}

bool pred_undefined(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    if (tsp_mode_is_aarch32(j->ev->before.mode))
        return a32_undefined(j, say);
    return arm_exception(j, 0, 0, say);
}

/* syndrome(class): the instruction's own class, its immediate as syndrome. */
bool pred_syndrome(const struct judge *j, const struct pred_use *p, struct say *say)
{
    return arm_exception(j, p->arg[0] & 0x3f, fact_value(j, COND_IMM), say);
}
