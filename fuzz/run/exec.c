/* SPDX-License-Identifier: MIT */
/* Runs a set-up on a target and collects its trace. */
#include "fuzz/run/run.h"
#include "fuzz/target/look.h"

/* `run` does not say how many instructions went by before an event. It is given slices, so that a
 * run takes at most the budget plus one slice an event. */
#define EXEC_SLICE 65536u

static struct looker looker;

struct exec {
    struct target *t;
    struct tsp_trace *trace;
    uint32_t budget;
    bool end, micro; /* micro: a run with a protocol, of which every step counts */
    const struct exec_how *how;
    const struct tsp_setup *setup; /* in force: another one after a move */
    unsigned moved;
};

static void keep(struct exec *x)
{
    x->trace->n++;
}

static bool is_budget(const struct tsp_event *e)
{
    return e->kind == TSP_EV_STOP && e->code == TSP_STOP_BUDGET;
}

/* What the target gave in trace->ev[n]: keeps it when it says something, pays for it. */
static void account(struct exec *x, const struct tsp_event *e, uint32_t slice)
{
    if (is_budget(e)) {
        x->budget -= slice;
        if (x->budget == 0)
            keep(x);
        return;
    }
    x->budget--;
    /* A plain instruction of one of several vCPUs says no more than one of a single vCPU, which has
     * no event. */
    if (e->kind == TSP_EV_NONE || (e->kind == TSP_EV_RETIRE && !x->micro))
        return;
    keep(x);
    if (e->kind == TSP_EV_STOP && e->code == TSP_STOP_ERROR)
        x->end = true;
}

static void step(struct exec *x, struct sched_move move)
{
    size_t at = x->trace->n;
    struct tsp_event *e = &x->trace->ev[at];
    bool look = looker.on; /* never with a protocol */

    if (look)
        move.budget = look_before(&looker, move.vcpu, move.budget);
    if (x->t->ops->run(x->t->self, move.vcpu, move.budget, e) != TSP_OK) {
        *e = (struct tsp_event){
            .kind = TSP_EV_STOP, .code = TSP_STOP_ERROR, .vcpu = (uint16_t)move.vcpu};
    }
    account(x, e, x->micro ? 1 : move.budget);
    if (look)
        look_after(&looker, e, at, x->trace->n != at && !is_budget(e));
}

/* An access to a device whose instruction has still to complete: state is consistent once the vCPU
 * has run again (Linux Documentation/virt/kvm/api.rst 5, KVM_EXIT_MMIO). */
static bool amid_instruction(const struct exec *x, unsigned vcpu)
{
    for (size_t i = x->trace->n; i-- > 0;) {
        const struct tsp_event *e = &x->trace->ev[i];

        if (e->vcpu == vcpu && e->kind != TSP_EV_NONE)
            return (e->kind == TSP_EV_MMIO || e->kind == TSP_EV_PIO) && e->after.pc == e->before.pc;
    }
    return false;
}

static bool amid_instructions(const struct exec *x)
{
    for (unsigned v = 0; v < x->setup->nvcpu; v++)
        if (amid_instruction(x, v))
            return true;
    return false;
}

/* Events of the guest, without those that the moves are. */
static bool move_is_due(const struct exec *x)
{
    return x->moved < x->how->nmove &&
           x->trace->n > x->moved + (size_t)x->how->move[x->moved].after &&
           x->setup->protocol == TSP_PROTOCOL_NONE && !amid_instructions(x);
}

/* Where the machine cannot be saved it is tried again after the next step. */
static void move(struct exec *x)
{
    static struct tsp_setup to[2]; /* the target keeps one while the next is made from it */
    struct tsp_setup *next = &to[x->setup == &to[0]];
    struct tsp_event *e = &x->trace->ev[x->trace->n];
    enum tsp_status st;

    /* Looks take the budget one step at a time. */
    if (x->how->stay) {
        look_end(&looker);
        x->moved = x->how->nmove;
        return;
    }
    st = migrate_event(x->t, x->setup, next, &x->how->move[x->moved], e);
    if (st == TSP_ENOTSUP)
        return;
    look_end(&looker);
    x->setup = next;
    x->moved++;
    x->end = st != TSP_OK;
    keep(x);
}

/* A vCPU that does not go on says why. One that completed an instruction and then is not runnable
 * any more has halted at it. */
static void fell_asleep(struct exec *x)
{
    struct tsp_trace *t = x->trace;
    struct tsp_event *e = &t->ev[t->n];

    if (x->setup->nvcpu != 1 || t->n < 2 || t->n == TSP_MAX_EVENT)
        return;
    if (e[-1].kind != TSP_EV_CPUID && e[-1].kind != TSP_EV_HYPERCALL && e[-1].kind != TSP_EV_PATCH)
        return;
    *e = e[-1];
    e->kind = TSP_EV_STOP;
    e->code = TSP_STOP_HALT;
    e->info[0] = e->info[1] = 0;
    keep(x);
}

bool exec_can_run(const struct target *t, const struct tsp_setup *setup)
{
    for (unsigned i = 0; i < setup->nvcpu && i < TSP_MAX_VCPU; i++)
        if (tsp_mode_is_aarch32(setup->vcpu[i].regs.mode) && !(t->caps & TSP_CAP_AARCH32))
            return false;
    return true;
}

enum tsp_status exec_run_how(struct target *t, const struct tsp_setup *setup,
                             const struct exec_how *how, struct tsp_trace *trace)
{
    struct exec x = {.t = t,
                     .trace = trace,
                     .budget = how->budget,
                     .how = how,
                     .setup = setup,
                     .micro = setup->protocol != TSP_PROTOCOL_NONE};
    struct sched_move next = {0, 0};
    enum tsp_status st;
    size_t at = 0;

    trace->n = 0;
    trace->truncated = false;
    trace->looks = NULL;
    if (!exec_can_run(t, setup))
        return TSP_ENOTSUP;
    if (x.micro && !(t->caps & TSP_CAP_STEPS))
        return TSP_ENOTSUP;
    st = t->ops->reset(t->self, setup, &trace->ev[0]);
    if (st != TSP_OK)
        return st;
    keep(&x);
    if (trace->ev[0].code != 0)
        return TSP_OK;
    look_open(&looker, t, setup);
    while (!x.end && x.budget) {
        uint32_t runnable = t->ops->runnable(t->self);

        if (!runnable) {
            fell_asleep(&x);
            break;
        }
        if (move_is_due(&x) && trace->n < TSP_MAX_EVENT)
            move(&x);
        if (trace->n == TSP_MAX_EVENT) {
            trace->truncated = true;
            break;
        }
        next = sched_move(setup, how->sched, how->nsched, &at, runnable, next.vcpu,
                          x.budget < EXEC_SLICE ? x.budget : EXEC_SLICE);
        step(&x, next);
    }
    trace->looks = look_all(&looker, trace);
    return TSP_OK;
}

enum tsp_status exec_run(struct target *t, const struct tsp_setup *setup, const uint8_t *sched,
                         size_t nsched, uint32_t budget, struct tsp_trace *trace)
{
    struct exec_how how = {.sched = sched, .nsched = nsched, .budget = budget};

    return exec_run_how(t, setup, &how, trace);
}

enum tsp_status exec_compared(struct target *t, const struct tsp_setup *setup,
                              const struct exec_how *how, struct tsp_trace *trace)
{
    static struct tsp_trace stayed;
    struct exec_how stay = *how;
    enum tsp_status st = TSP_OK;

    stayed.n = 0;
    stay.stay = true;
    if (how->nmove > 0 && (t->caps & TSP_CAP_DETERMINISTIC) != 0)
        st = exec_run_how(t, setup, &stay, &stayed);
    if (st == TSP_OK)
        st = exec_run_how(t, setup, how, trace);
    if (st == TSP_OK && stayed.n > 0)
        migrate_compare(setup, &stayed, trace);
    return st;
}

enum tsp_status exec_scenario(struct target *t, const struct scenario *s,
                              const struct tsp_setup *setup, uint32_t budget,
                              struct tsp_trace *trace)
{
    struct exec_how how = {.sched = s->sched,
                           .nsched = s->nsched,
                           .budget = budget,
                           .move = s->move,
                           .nmove = s->nmove};

    return exec_compared(t, setup, &how, trace);
}
