/* SPDX-License-Identifier: MIT */
/*
 * Every schedule of a machine with a protocol. The search is breadth first over states, so that
 * the schedule it gives for a broken rule is a shortest one; two schedules that lead to the same
 * machine, and to the same memory of what the rules look at, are gone on with once.
 */
#ifndef TSP_FUZZ_RUN_EXPLORE_H
#define TSP_FUZZ_RUN_EXPLORE_H

#include "fuzz/run/run.h"

#define EXPLORE_DEPTH 160u /* STEPPER_DEPTH */
#define EXPLORE_RULES 16u

struct explore_options {
    const struct spec *spec;
    unsigned interrupts, migrations; /* how many of them may come, at any time */
    int preempt; /* switches away from a vCPU that could go on; negative: as many as there are */
    bool tables; /* translations may be out of date */
    bool reduce; /* steps that no other vCPU can notice are not interleaved */
};

struct explore_broken {
    unsigned rule;
    char expected[96], got[96];
    unsigned nsched;
    uint8_t sched[EXPLORE_DEPTH]; /* input_sched_byte */
};

struct explore_result {
    unsigned states, moves;
    double schedules; /* from the start to the end of all vCPUs */
    bool truncated;   /* there were more states, or longer schedules, than there is room for */
    unsigned nbroken;
    struct explore_broken broken[EXPLORE_RULES]; /* each rule once */
};

struct explorer;
/* NULL: out of memory. */
struct explorer *explorer_open(const struct spec *spec, unsigned max_states);
void explorer_close(struct explorer *x);
/* TSP_ENOTSUP: the target cannot come back to a state, or makes no such machine. TSP_EARG: the
 * set-up is wrong. TSP_EIO: it failed, or did not do the same again. */
enum tsp_status explorer_run(struct explorer *x, struct target *t, const struct tsp_setup *setup,
                             const struct explore_options *o, struct explore_result *out);

#endif
