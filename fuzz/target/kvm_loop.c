/* SPDX-License-Identifier: MIT */
/*
 * Running a vCPU until there is something to tell. Exits become events; a vCPU that does not come
 * back is fetched by a timer, and that is an end like any other.
 */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include "trapspec/bits.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define TICK_MS                                                                                    \
    10u /* after so long it is asked whether a vCPU sleeps for good; then twice as long */
#define TIMER_SIGNAL (SIGRTMIN + 7)

/* The timer: its signal ends a KVM_RUN that is under way, and immediate_exit one that is about to
 * begin. One thread, so one run at a time. */
static struct kvm_run *volatile timed_run;
static timer_t timer;
static bool timer_made;

static void on_timer(int sig)
{
    struct kvm_run *run = timed_run;

    (void)sig;
    if (run)
        run->immediate_exit = 1;
}

bool live_timer_open(void)
{
    struct sigevent ev;
    struct sigaction sa;

    if (timer_made)
        return true;
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_timer;
    if (sigaction(TIMER_SIGNAL, &sa, NULL) != 0)
        return false;
    memset(&ev, 0, sizeof(ev));
    ev.sigev_notify = SIGEV_SIGNAL;
    ev.sigev_signo = TIMER_SIGNAL;
    timer_made = timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0;
    return timer_made;
}

/* 0 switches it off. It goes on ringing every few milliseconds, should a signal come too early to
 * hit anything. */
static void timer_set(uint32_t ms)
{
    struct itimerspec t;

    memset(&t, 0, sizeof(t));
    t.it_value.tv_sec = ms / 1000;
    t.it_value.tv_nsec = (long)(ms % 1000) * 1000000;
    if (ms)
        t.it_interval.tv_nsec = 5000000L;
    timer_settime(timer, 0, &t, NULL);
}

static uint32_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

/* One KVM_RUN of at most ms milliseconds. 0: there is an exit to look at; EINTR: time is up. */
static int run_timed(struct live_core *c, uint32_t ms)
{
    int r, e = 0;

    c->run->immediate_exit = 0;
    timed_run = c->run;
    timer_set(ms);
    do {
        r = ioctl(c->fd, KVM_RUN, 0);
        e = r < 0 ? errno : 0;
        /* Some other signal, or a vCPU that was just switched on: not the end of its time. */
    } while ((e == EINTR || e == EAGAIN) && !c->run->immediate_exit);
    timer_set(0);
    timed_run = NULL;
    c->run->immediate_exit = 0;
    return e == EAGAIN ? EINTR : e;
}

void live_complete(struct live_machine *k, unsigned i)
{
    struct live_core *c = &k->core[i];

    if (!c->incomplete)
        return;
    c->run->immediate_exit = 1;
    (void)ioctl(c->fd, KVM_RUN, 0);
    c->run->immediate_exit = 0;
    c->incomplete = false;
}

struct tsp_event *live_event(struct live_machine *k, unsigned i, enum tsp_event_kind kind)
{
    static struct tsp_event over; /* events beyond the queue are not kept */
    struct tsp_event *e = k->nqueue < LIVE_QUEUE_MAX ? &k->queue[k->nqueue++] : &over;

    memset(e, 0, sizeof(*e));
    e->kind = (uint16_t)kind;
    e->vcpu = (uint16_t)i;
    live_arch_regs(k, i, &e->before);
    e->after = e->before;
    e->addr = e->before.pc;
    return e;
}

void live_stop(struct live_machine *k, unsigned i, enum tsp_stop why, uint64_t info)
{
    struct tsp_event *e = live_event(k, i, TSP_EV_STOP);

    e->code = (uint32_t)why;
    e->info[why == TSP_STOP_ERROR] = info; /* an error of KVM's own: TSP_WRONG_UNKNOWN */
    k->core[i].stopped = true;
}

/* How an end is called in the terms of a black box. */
static bool outcome_of_stop(const struct live_machine *k, const struct tsp_event *stop,
                            struct outcome *o)
{
    bool x86 = k->setup->arch == TSP_ARCH_X86;

    o->exit = OUTCOME_TIMEOUT;
    switch (stop->code) {
    case TSP_STOP_HALT:
        o->exit = x86 ? OUTCOME_HALT : OUTCOME_TIMEOUT;
        return true;
    case TSP_STOP_END:
        o->exit = x86 ? OUTCOME_IO : OUTCOME_END;
        return true;
    case TSP_STOP_TRIPLE:
        o->exit = OUTCOME_SHUTDOWN;
        return true;
    case TSP_STOP_EXIT:
        o->exit = OUTCOME_HYPERCALL;
        o->call_nr = stop->info[0];
        return true;
    case TSP_STOP_SHUTDOWN:
    case TSP_STOP_RESET:
        o->exit = OUTCOME_SYSTEM;
        o->code = stop->code == TSP_STOP_SHUTDOWN ? 1 : 2;
        return true;
    case TSP_STOP_SUSPEND:
        if (stop->info[0]) {
            o->exit = OUTCOME_SYSTEM;
            o->code = 5;
        }
        return true;
    case TSP_STOP_LIVELOCK:
    case TSP_STOP_OFF:
        return true;
    default:
        return false;
    }
}

/* What memory holds now where the run began, and where it would have begun without the CS base. */
static bool see_memory(struct live_machine *k, struct recorded_run *run, uint8_t *code,
                       struct outcome *o)
{
    const struct tsp_setup *s = k->setup;
    uint64_t pc = s->vcpu[0].regs.pc, gpa;
    uint8_t text;

    run->code_at = initial_linear(s, pc);
    run->code = code;
    while (run->ncode < LIVE_WINDOW && initial_translate(s, run->code_at + run->ncode, &gpa, &text))
        code[run->ncode++] = initial_byte(s, gpa, NULL);
    while (o->mem_len < OUTCOME_MEM &&
           live_read_linear(k, run->code_at + o->mem_len, &o->mem[o->mem_len], 1))
        o->mem_len++;
    o->has_nobase = run->code_at != pc && live_read_linear(k, pc, o->nobase, sizeof(o->nobase));
    return run->ncode > 0;
}

/* The run of a single vCPU is over. What it began with and what is left tell which events a
 * stepping target would have shown; they go before the end. */
void live_tell(struct live_machine *k)
{
    static struct outcome o;
    struct tsp_event stop = k->queue[k->nqueue - 1], ev[4];
    struct recorded_run run = {.id = "kvm", .setup = k->setup, .outcome = &o};
    uint8_t code[LIVE_WINDOW];
    size_t n;

    memset(&o, 0, sizeof(o));
    if (k->setup->nvcpu != 1 || !outcome_of_stop(k, &stop, &o) || !see_memory(k, &run, code, &o))
        return;
    o.out = stop.after;
    if (stop.code == TSP_STOP_HALT || stop.code == TSP_STOP_END) {
        o.exc = live_arch_exception(k, &o);
        if (o.exc)
            o.exit = OUTCOME_EXCEPTION;
    }
    n = outcome_events(&run, ev, 4);
    if (n == 0 || k->nqueue + n > LIVE_QUEUE_MAX)
        return;
    k->clean = stop.code == TSP_STOP_HALT || stop.code == TSP_STOP_END;
    k->nqueue--;
    memcpy(k->queue + k->nqueue, ev, n * sizeof(ev[0]));
    k->nqueue += (unsigned)n;
    if (ev[n - 1].kind != TSP_EV_STOP) {
        k->queue[k->nqueue++] = stop;
        return;
    }
    /* The same end, told by both: the registers are those that were seen. */
    k->queue[k->nqueue - 1].after = stop.after;
    if (stop.code == TSP_STOP_EXIT)
        k->queue[k->nqueue - 1].before = stop.before;
}

/* An access to memory that is not there: reads give ones, as nothing answers. */
static void exit_mmio(struct live_machine *k, unsigned i)
{
    struct live_core *c = &k->core[i];
    const struct tsp_setup *s = k->setup;
    uint64_t gpa = c->run->mmio.phys_addr;
    uint32_t len = c->run->mmio.len < 8 ? c->run->mmio.len : 8;
    bool write = c->run->mmio.is_write != 0;
    struct tsp_event *e = live_event(k, i, TSP_EV_MMIO);

    if (!write)
        memset(c->run->mmio.data, 0xff, sizeof(c->run->mmio.data));
    e->info[0] = le_load(c->run->mmio.data, len);
    e->info[1] = (write ? 1u : 0u) | len << 4;
    e->addr = gpa;
    c->incomplete = true;
    live_complete(k, i);
    live_arch_regs(k, i, &e->after);
    if (!write || !s->end_mmio || gpa != s->end_mmio)
        return;
    k->nqueue--;
    live_stop(k, i, TSP_STOP_END, 0);
}

static void exit_system(struct live_machine *k, unsigned i)
{
    switch (k->core[i].run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        live_stop(k, i, TSP_STOP_SHUTDOWN, 0);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        live_stop(k, i, TSP_STOP_RESET, 0);
        break;
    case KVM_SYSTEM_EVENT_SUSPEND:
        live_stop(k, i, TSP_STOP_SUSPEND, 1);
        break;
    default:
        live_stop(k, i, TSP_STOP_ERROR, k->core[i].run->system_event.type);
        break;
    }
}

/* Queues the events of an exit; false: none, the run goes on. */
static bool exit_events(struct live_machine *k, unsigned i)
{
    const struct kvm_run *run = k->core[i].run;

    switch (run->exit_reason) {
    case KVM_EXIT_MMIO:
        exit_mmio(k, i);
        return true;
    case KVM_EXIT_SYSTEM_EVENT:
        exit_system(k, i);
        return true;
    case KVM_EXIT_SHUTDOWN:
        live_stop(k, i, TSP_STOP_TRIPLE, 0);
        return true;
    case KVM_EXIT_INTERNAL_ERROR:
        live_stop(k, i, TSP_STOP_ERROR, run->internal.suberror);
        return true;
    case KVM_EXIT_FAIL_ENTRY:
        live_stop(k, i, TSP_STOP_ERROR, run->fail_entry.hardware_entry_failure_reason);
        return true;
    case KVM_EXIT_INTR:
        return false;
    default:
        return live_arch_exit(k, i);
    }
}

/* Others may still wake it, or keep it waiting for what they do. */
static bool alone(const struct live_machine *k, unsigned i)
{
    for (unsigned j = 0; j < TSP_MAX_VCPU; j++)
        if (j != i && k->core[j].fd >= 0 && !k->core[j].stopped)
            return false;
    return true;
}

/* What the others get once the first vCPU, which a run is about, has ended. */
#define LEFT_OVER_MS 40u

static bool moved(struct live_machine *k, unsigned i)
{
    struct tsp_regs r;
    bool elsewhere;

    live_arch_regs(k, i, &r);
    elsewhere = r.pc != k->core[i].last_pc;
    k->core[i].last_pc = r.pc;
    return elsewhere;
}

/* Time ran out in the guest, or only a piece of it: ask whether it is worth going on. */
static bool time_is_up(struct live_machine *k, unsigned i)
{
    const struct live_core *c = &k->core[i];
    uint32_t limit = i != 0 && k->core[0].stopped ? LEFT_OVER_MS : k->limit_ms;
    bool final = false, lost = !moved(k, i) || c->used_ms >= live_arch_patience * limit;
    enum tsp_stop why = live_arch_stuck(k, i, &final);

    if (!(c->used_ms >= limit && lost) && !(final && alone(k, i)))
        return false;
    live_stop(k, i, why, 0);
    return true;
}

/* Milliseconds until the vCPU is looked at again: each time twice as long, up to its limits. */
static uint32_t next_tick(const struct live_machine *k, const struct live_core *c, uint32_t tick)
{
    uint32_t limit = c->used_ms < k->limit_ms ? k->limit_ms : live_arch_patience * k->limit_ms;
    uint32_t left = limit > c->used_ms ? limit - c->used_ms : 1;

    return 2 * tick < left ? 2 * tick : left;
}

/* Runs until there is something to tell or a slice is over. */
void live_run_core(struct live_machine *k, unsigned i, uint32_t slice)
{
    struct live_core *c = &k->core[i];
    uint32_t tick = slice ? slice : live_arch_tick(k), spent = 0;

    while (!slice || spent < slice) {
        uint32_t start = clock_ms(), took;
        int e = run_timed(c, tick);

        c->incomplete = false;
        took = clock_ms() - start;
        if (e == EINTR && took < tick) /* the clock was read in whole milliseconds */
            took = tick;
        spent += took;
        c->used_ms += took;
        if (e != 0 && e != EINTR) {
            live_stop(k, i, TSP_STOP_ERROR, (uint64_t)e);
            return;
        }
        if (e == 0 && exit_events(k, i))
            return;
        if ((e == EINTR || c->used_ms >= live_arch_patience * k->limit_ms) && time_is_up(k, i))
            return;
        tick = next_tick(k, c, tick);
    }
}
