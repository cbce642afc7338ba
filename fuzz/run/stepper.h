/* SPDX-License-Identifier: MIT */
/*
 * States of a machine with a protocol to come back to. The model keeps them itself. Of any other
 * target a state is the steps that led there, which are taken again from a reset; two states are
 * the same when the site is, other memory was written by the same instructions in the same order,
 * and each vCPU has gone through the same since the hypervisor let go of it or it serialised.
 */
#ifndef TSP_FUZZ_RUN_STEPPER_H
#define TSP_FUZZ_RUN_STEPPER_H

#include "fuzz/target/states.h"

#define STEPPER_DEPTH 160u

struct stepper_path {
    uint32_t n;
    uint8_t move[STEPPER_DEPTH]; /* input_sched_byte */
    uint8_t waits, traps;        /* bit per vCPU: for a rewrite; its trap is being dealt with */
    uint8_t site[TSP_INSN_BYTES];
    uint64_t world; /* hash of what changed memory elsewhere, and of what came to all */
    uint64_t seen[TSP_MAX_VCPU]; /* of each vCPU's events since it started anew, and before that */
    uint64_t done[TSP_MAX_VCPU]; /* of those that ended something */
};

struct stepper {
    struct target *t;
    const struct tsp_setup *setup;
    bool kept;               /* the target keeps its states */
    bool failed;             /* the target died, or did not do the same again */
    struct stepper_path now; /* else: how it got where it is */
};

/* After a reset: false when the target cannot be stepped back. */
bool stepper_open(struct stepper *s, struct target *t, const struct tsp_setup *setup);
/* As states_save, states_load and states_digest. */
size_t stepper_save(const struct stepper *s, void *buf, size_t max);
void stepper_load(struct stepper *s, const void *buf);
uint64_t stepper_digest(const struct stepper *s);
/* False: that step was not possible. */
bool stepper_run(struct stepper *s, unsigned vcpu, uint32_t step, struct tsp_event *ev);

#endif
