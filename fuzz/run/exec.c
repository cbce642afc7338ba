/* SPDX-License-Identifier: MIT */
/* Runs a set-up on a target and collects its trace. */
#include "fuzz/run/run.h"

/* `run` does not say how many instructions went by before an event. It is given slices, so that a
 * run takes at most the budget plus one slice an event. */
#define EXEC_SLICE 65536u

struct exec {
    struct target *t;
    struct tsp_trace *trace;
    uint32_t budget;
    bool end;
};

static void keep(struct exec *x)
{
    x->trace->n++;
}

/* What the target gave in trace->ev[n]: keeps it when it says something, pays for it. */
static void account(struct exec *x, const struct tsp_event *e, uint32_t slice)
{
    if (e->kind == TSP_EV_STOP && e->code == TSP_STOP_BUDGET) {
        x->budget -= slice;
        if (x->budget == 0)
            keep(x);
        return;
    }
    x->budget--;
    /* A plain instruction of one of several vCPUs says no more than one of a single vCPU, which has
     * no event. */
    if (e->kind == TSP_EV_RETIRE || e->kind == TSP_EV_NONE)
        return;
    keep(x);
    if (e->kind == TSP_EV_STOP && e->code == TSP_STOP_ERROR)
        x->end = true;
}

static void step(struct exec *x, unsigned vcpu, bool alone)
{
    struct tsp_event *e = &x->trace->ev[x->trace->n];
    uint32_t slice = x->budget < EXEC_SLICE ? x->budget : EXEC_SLICE;

    if (!alone)
        slice = 1;
    if (x->t->ops->run(x->t->self, vcpu, slice, e) != TSP_OK) {
        *e =
            (struct tsp_event){.kind = TSP_EV_STOP, .code = TSP_STOP_ERROR, .vcpu = (uint16_t)vcpu};
    }
    account(x, e, slice);
}

enum tsp_status exec_run(struct target *t, const struct tsp_setup *setup, const uint8_t *sched,
                         size_t nsched, uint32_t budget, struct tsp_trace *trace)
{
    struct exec x = {.t = t, .trace = trace, .budget = budget};
    enum tsp_status st;
    unsigned last = 0;
    size_t at = 0;

    trace->n = 0;
    trace->truncated = false;
    st = t->ops->reset(t->self, setup, &trace->ev[0]);
    if (st != TSP_OK)
        return st;
    keep(&x);
    if (trace->ev[0].code != 0)
        return TSP_OK;
    while (!x.end && x.budget) {
        uint32_t runnable = t->ops->runnable(t->self);

        if (!runnable)
            break;
        if (trace->n == TSP_MAX_EVENT) {
            trace->truncated = true;
            break;
        }
        last = sched_next(sched, nsched, &at, runnable, last);
        step(&x, last, setup->nvcpu == 1);
    }
    return TSP_OK;
}
