/* SPDX-License-Identifier: MIT */
/*
 * A case of the matrix on real processors: the vCPUs of one machine run at once, as often as asked,
 * and what is left of the site, of each vCPU and of its stack is judged by the rules of races. Only
 * what must have happened is told to them; an order that was not seen is the one in which least is
 * wrong.
 */
#ifndef TSP_FUZZ_RUN_RACE_LIVE_H
#define TSP_FUZZ_RUN_RACE_LIVE_H

#include "fuzz/run/race.h"
#include "fuzz/run/run.h"

#define RACE_LIVE_RULES 16u
#define RACE_LIVE_HUNG 3u /* rounds that hang before no more are tried */

struct race_live_broken {
    unsigned rule, rounds;
    char expected[96], got[96];
};

struct race_live {
    unsigned rounds, ended, faulted, hung; /* rounds in which all vCPUs halted, one took an
                                              exception, one was fetched by the timer */
    unsigned stopped;                      /* otherwise */
    unsigned rewritten;                    /* the site holds other bytes than the guest's last */
    unsigned nbroken;
    struct race_live_broken broken[RACE_LIVE_RULES];
};

struct race_live_options {
    const struct spec *spec;
    const struct race_case *c;
    const struct scenario *s;      /* of the case, with what the target cannot choose put in */
    const struct tsp_setup *setup; /* built from it */
    unsigned rounds, ms;           /* ms: of one round */
};

/* TSP_ENOTSUP: the target has no processors, or cannot make the machine. TSP_EIO: the kernel does
 * not let go of a vCPU, or the target failed. */
enum tsp_status race_live_run(struct target *t, const struct race_live_options *o,
                              struct race_live *out);

#endif
