/* SPDX-License-Identifier: MIT */
/*
 * Plug-ins that are wrong, one way each: BAD is the way. All wrap the model, so that a report of
 * them exercises everything else.
 */
#define _GNU_SOURCE
#include <trapspec/target.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum bad {
    GOOD = 0,
    WRONG_ABI,
    RETURNS_NULL,
    SMALL,
    NULL_RUN,
    NULL_RUNNABLE,
    NO_NAME,
    CAPS_UNKNOWN,
    CAPS_NONE,
    OPEN_FAILS,
    DIES_LOADING,
    EXITS_LOADING,
    PRINTS_LOADING,
    FORKS_LOADING,
    DIES = 32,
    ABORTS,
    EXITS,
    QUICK_EXITS,
    HANGS,
    STOPS_ITSELF,
    PRINTS,
    FORKS,
    SPAWNS,
    CLOSES,
    LIMITS,
    STATUS,
    KIND_HIGH,
    KIND_NONE,
    CODE_HIGH,
    VCPU_HIGH,
    LEN_HIGH,
    MODE_HIGH,
    LEVEL_HIGH,
    PC_HOLE,
    BUDGET_OVER,
    RUNNABLE_HIGH,
    RESET_DIES,
    RESET_KIND,
    SCRIBBLES,
    OVERFLOWS,
    HANGS_OFTEN,
    PEEK_DIES,
    SET_REFUSED
};

#ifndef BAD
#error "define BAD"
#endif
#define IS(x) (BAD == (x))

static const struct tsp_target_ops *base;
static struct tsp_target_ops mine;
static unsigned runs;
static bool over; /* this case has had its turn of being wrong */

/* Recursion that no compiler can see the end of. */
static volatile unsigned deep;
static unsigned overflow(unsigned n)
{
    volatile char waste[4096];

    waste[0] = (char)n;
    return deep + overflow(n + 1) + (unsigned)waste[0];
}

static void misbehave(void)
{
    struct rlimit small = {64, 64};
    const char text[] = "hello\n";

    if (IS(DIES))
        raise(SIGSEGV);
    if (IS(ABORTS))
        abort();
    if (IS(EXITS))
        exit(0);
    if (IS(QUICK_EXITS))
        _exit(7);
    while (IS(HANGS) || IS(HANGS_OFTEN))
        pause();
    if (IS(STOPS_ITSELF))
        raise(SIGSTOP);
    if (IS(PRINTS))
        printf("%s", text);
    if (IS(FORKS) && fork() == 0)
        pause();
    if (IS(SPAWNS) && vfork() == 0)
        _exit(0);
    for (int fd = 0; IS(CLOSES) && fd < 1024; fd++)
        close(fd);
    if (IS(LIMITS))
        setrlimit(RLIMIT_NOFILE, &small);
    if (IS(OVERFLOWS))
        deep = overflow(1);
}

static enum tsp_status garbage(struct tsp_event *out, uint32_t budget)
{
    if (IS(STATUS))
        return (enum tsp_status)42;
    if (IS(KIND_HIGH))
        out->kind = 99;
    if (IS(KIND_NONE))
        out->kind = TSP_EV_NONE;
    if (IS(CODE_HIGH)) {
        out->kind = TSP_EV_STOP;
        out->code = 0xdead;
    }
    if (IS(VCPU_HIGH))
        out->vcpu = 3;
    if (IS(LEN_HIGH))
        out->len = 255;
    if (IS(MODE_HIGH))
        out->after.mode = 0xffffffff;
    if (IS(LEVEL_HIGH))
        out->before.level = 9;
    if (IS(PC_HOLE))
        out->after.pc = 0x8123456789abcdef;
    if (IS(BUDGET_OVER)) {
        out->kind = TSP_EV_STOP;
        out->code = TSP_STOP_BUDGET;
        out->info[0] = (uint64_t)budget + 1;
    }
    if (IS(SCRIBBLES))
        memset(out, 0xff, sizeof(*out));
    return TSP_OK;
}

/* Wrong at each seventh run, or always; not at a run that ends nothing. */
static bool due(void)
{
    if (over || (!IS(HANGS_OFTEN) && runs++ % 7 != 3))
        return false;
    over = true;
    return true;
}

static enum tsp_status bad_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    enum tsp_status st = base->run(self, vcpu, budget, out);

    if (st != TSP_OK || out->kind == TSP_EV_STOP || out->before.mode != TSP_MODE_LONG64 || !due())
        return st;
    misbehave();
    return garbage(out, budget);
}

static enum tsp_status bad_reset(void *self, const struct tsp_setup *setup, struct tsp_event *out)
{
    enum tsp_status st = base->reset(self, setup, out);

    over = false;
    if (IS(RESET_DIES) && runs++ % 7 == 3)
        raise(SIGBUS);
    if (IS(RESET_KIND) && runs++ % 7 == 3)
        out->kind = TSP_EV_CPUID;
    return st;
}

/* Asked for when the machine migrates. */
static enum tsp_status bad_peek(void *self, uint64_t gpa, void *buf, size_t len)
{
    if (IS(PEEK_DIES))
        raise(SIGFPE);
    return base->peek(self, gpa, buf, len);
}

static enum tsp_status bad_set(void *self, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    return IS(SET_REFUSED) ? TSP_EARG : base->set_vcpu(self, vcpu, in);
}

static uint32_t bad_runnable(void *self)
{
    return base->runnable(self) | (IS(RUNNABLE_HIGH) && !over && due() ? 0xf0 : 0);
}

static enum tsp_status bad_open(void **self, const char *args, struct tsp_error *err)
{
    if (!IS(OPEN_FAILS))
        return base->open(self, args, err);
    err->code = TSP_EIO;
    strcpy(err->text, "no licence");
    return TSP_EIO;
}

__attribute__((constructor)) static void at_load(void)
{
    if (IS(DIES_LOADING))
        raise(SIGSEGV);
    if (IS(EXITS_LOADING))
        exit(3);
    if (IS(PRINTS_LOADING))
        puts("welcome");
    if (IS(FORKS_LOADING) && fork() == 0)
        pause();
}

const struct tsp_target_ops *tsp_plugin(uint32_t abi, const struct tsp_host *host)
{
    (void)abi;
    base = host->builtin("model:kvm");
    if (base == NULL || IS(RETURNS_NULL))
        return NULL;
    mine = *base;
    mine.size = IS(SMALL) ? 16 : (uint32_t)sizeof(mine);
    mine.abi = IS(WRONG_ABI) ? 999 : TSP_ABI_VERSION;
    mine.name = IS(NO_NAME) ? NULL : "bad";
    if (IS(CAPS_UNKNOWN))
        mine.caps |= 1u << 30;
    if (IS(CAPS_NONE))
        mine.caps = 0;
    mine.open = bad_open;
    mine.reset = bad_reset;
    mine.peek = bad_peek;
    mine.set_vcpu = bad_set;
    mine.run = IS(NULL_RUN) ? NULL : bad_run;
    mine.runnable = IS(NULL_RUNNABLE) ? NULL : bad_runnable;
    return &mine;
}
