/* SPDX-License-Identifier: MIT */
/* Measuring mutants in several processes, and what came of it. */
#ifndef TSP_CLI_MUTANTS_H
#define TSP_CLI_MUTANTS_H

#include "cli/cli.h"
#include "fuzz/run/mutants.h"

#define MUTANTS_MAX 4096u

struct score {
    struct mutants_options run;
    const char *out; /* directory for mutants.json and the runs that told, or NULL */
    unsigned jobs;
    bool json, rules; /* rules: their inversions as well */
    unsigned n;       /* mutants chosen */
    unsigned index[MUTANTS_MAX];
    struct mutants_result result[MUTANTS_MAX];
    bool done[MUTANTS_MAX];
    unsigned *hits; /* by rule: exercised without a mutant */
    unsigned *told; /* by rule: mutants it told */
    unsigned workers_lost;
    const struct known *known;
};

/* mutants_work.c: runs them all; false when processes cannot be had. */
bool score_work(struct score *s);

/* mutants_print.c: one line a mutant, the sums, the last line. Returns the exit code. */
int score_print(const struct score *s);
/* The same as one JSON document in s->out; an exit code, 0 when there is nothing to store. */
int score_store(const struct score *s);

#endif
