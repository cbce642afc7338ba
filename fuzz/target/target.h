/* SPDX-License-Identifier: MIT */
/* Targets by name, and outcomes: what a black-box harness sees of one run. */
#ifndef TSP_FUZZ_TARGET_TARGET_H
#define TSP_FUZZ_TARGET_TARGET_H

#include "trapspec/target.h"

struct target {
    const struct tsp_target_ops *ops;
    void *self;
    uint32_t caps;
    char name[1024]; /* a profile may be followed by every behaviour there is */
    bool looked;     /* runs look at its machine too; target_open: all but the bare model */
};

/*
 * "model:PROFILE", "plugin:FILE", "plugin:FILE,ARGUMENTS", "kvm" (when built and /dev/kvm exists).
 * "golden:FILE" and "dump:FILE" are opened by their readers (cli/formats) with target_recorded and
 * target_dump. TSP_EARG with the nearest name, TSP_ENOTSUP with the reason.
 */
enum tsp_status target_open(struct target *t, const char *name, struct tsp_error *err);
void target_close(struct target *t);
/* Of plug-ins opened from now on: in this process instead of one of their own, which loses the
 * protection from them; how long one of their calls may take, 0: the default of 3 s. */
void target_plugin_options(bool inside, unsigned ms);

/* Why the last reset was refused, for targets that can tell; else NULL. Valid until the next one.
 */
const char *target_why(const struct target *t);
/* What a set-up must say of the machine below, for targets that cannot choose it (kvm); false: any
 * set-up will do. */
struct target_host {
    uint8_t vendor; /* enum tsp_vendor */
    bool tsc;       /* TSP_CFG_HOST_TSC */
    bool firmware;  /* AArch64: the levels below are the host's */
    uint32_t workaround[3];
    const struct tsp_leaf *leaf; /* x86: what it offers guests by itself */
    size_t nleaf;
};
bool target_host(const struct target *t, struct target_host *out);

/*
 * All vCPUs of the machine that the last reset made, each on a thread of its own, from the same
 * moment on and delay empty turns, until each has stopped; those that have not after ms
 * milliseconds are fetched. stop: enum tsp_stop of each, LIVELOCK for one that was fetched; those
 * for which it is not 0 (BUDGET) at first have stopped before and stay as they are. TSP_ENOTSUP:
 * the target has no processors. TSP_EIO: the kernel does not let go of a vCPU: nothing may be asked
 * any more.
 */
enum tsp_status target_threads(struct target *t, const uint32_t delay[TSP_MAX_VCPU], uint32_t ms,
                               uint32_t stop[TSP_MAX_VCPU]);

/*
 * Asks vCPU 0 for CPUID without running code, after a reset: in[1] leaves from in[0] on, at
 * sub-leaf in[2]. The upper halves and the other registers are not shown. TSP_ENOTSUP: this target
 * answers only code that it runs.
 */
enum tsp_status target_cpuid(struct target *t, const uint32_t in[3], uint32_t (*out)[4]);

/* True: this piece of RAM is known to hold nothing but zeroes. Only some targets can tell. */
bool target_is_empty(const struct target *t, uint64_t gpa, size_t len);

/* How a run ended, as user space sees it. */
enum outcome_exit {
    OUTCOME_NONE = 0,
    OUTCOME_HALT,      /* HLT reached: the end mark at CPL 0 */
    OUTCOME_IO,        /* OUT to the end port: the end mark elsewhere */
    OUTCOME_END,       /* AArch64 end store */
    OUTCOME_EXCEPTION, /* the guest's handler was entered */
    OUTCOME_MMIO,
    OUTCOME_HYPERCALL,  /* exit to user space with a hypercall */
    OUTCOME_TIMEOUT,    /* no progress, powered off or suspended */
    OUTCOME_SYSTEM,     /* system event; code = 1 shutdown, 2 reset, 5 suspend */
    OUTCOME_INTERNAL,   /* internal error of the hypervisor */
    OUTCOME_SHUTDOWN,   /* triple fault */
    OUTCOME_UNSUPPORTED /* the target cannot run it */
};

#define OUTCOME_MEM 64u
struct outcome {
    uint8_t exit; /* enum outcome_exit */
    uint32_t code;
    /* exception as the guest's own handler saw it */
    bool exc, exc_has_error, exc_has_cr2;
    uint32_t exc_vector;                                      /* AArch64: vector-table offset */
    uint64_t exc_error, exc_cr2, exc_rip, exc_cs, exc_rflags; /* AArch64: ESR, -, ELR, -, SPSR */
    struct tsp_regs out;                                      /* final registers */
    uint32_t vary; /* bit i: out.r[i] is a clock or random value: not compared */
    uint8_t mem_len, mem[OUTCOME_MEM]; /* memory at the code's linear address after the run */
    bool has_pte;
    uint64_t pte[2]; /* the two page-table entries after the run */
    bool has_nobase;
    uint8_t nobase[16]; /* memory at linear = pc with the CS base not added */
    bool has_mmio;
    uint64_t mmio_gpa;
    uint32_t mmio_len, mmio_exits;
    uint8_t mmio_data[8];
    bool has_call; /* the hypercall user space was asked to do */
    uint64_t call_nr, call_arg[6];
    bool call_wide;
};

/* One recorded run: the set-up is built by whoever read the file; strings and arrays are the
 * caller's. */
struct recorded_run {
    const char *id;
    const struct tsp_setup *setup;
    const uint8_t *code; /* first vCPU's code, ncode bytes, at linear address code_at */
    uint32_t ncode;
    uint64_t code_at;
    const struct outcome *outcome;
};

/* A target that plays back: reset(setup) selects the run whose setup pointer that is; run then
 * returns the events that follow from before and after (outcome_events). caps: EXEC, no STEPS. */
enum tsp_status target_recorded(struct target *t, const struct recorded_run *run, size_t n,
                                const char *name);
/* A target that answers CPUID queries from a dump; reset needs only vcpu[0] RAX and RCX. */
enum tsp_status target_dump(struct target *t, const struct tsp_leaf *leaf, size_t n,
                            const char *name);

/* Turns "before and after" into the events that a stepping target would have shown for the first
 * instruction: a patch when its bytes changed, then the hypercall, CPUID or fault. Returns their
 * number (0: cannot be told). */
size_t outcome_events(const struct recorded_run *run, struct tsp_event *ev, size_t max);

#endif
