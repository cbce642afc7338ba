/* SPDX-License-Identifier: MIT */
/* Predicates of exceptions. */
#include "spec/pred.h"

#include <inttypes.h>
#include <stdio.h>

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

bool pred_undefined(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return arm_exception(j, 0, 0, say);
}

/* syndrome(class): the instruction's own class, its immediate as syndrome. */
bool pred_syndrome(const struct judge *j, const struct pred_use *p, struct say *say)
{
    return arm_exception(j, p->arg[0] & 0x3f, fact_value(j, COND_IMM), say);
}
