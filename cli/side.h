/* SPDX-License-Identifier: MIT */
/* Two targets side by side on scenarios that nobody wrote: mutated seeds, for a given time. */
#ifndef TSP_CLI_SIDE_H
#define TSP_CLI_SIDE_H

#include "cli/cli.h"

#define SIDE_CORPUS_MAX 8u

struct side_options {
    uint64_t seconds, seed;
    const char *findings; /* directory for minimised scenarios, or NULL */
    const char *corpus[SIDE_CORPUS_MAX];
    unsigned ncorpus;
    bool tcg; /* B runs on QEMU's emulated processor: its known ways are counted, not kept */
};

/* What both did with one scenario. */
struct side_result {
    struct outcome a, b;
    size_t n;
    struct difference d[DIFF_MAX];
    char why[120]; /* not compared */
};

/* Returns false when one of them cannot do it. Differences in what B itself does not repeat are
 * left out. */
bool side_run(struct target *a, struct target *b, const struct scenario *s,
              struct side_result *out);
/* The same difference: first field and ends. */
bool side_same(const struct side_result *x, const struct side_result *y);
/* minimise.c: sets whatever it can back to its default while the difference stays. */
void side_minimise(struct target *a, struct target *b, struct scenario *s, struct side_result *r);
/* explained.c: why an emulated processor makes the difference, or NULL. Some reasons can be told
 * only once the scenario is small. */
const char *side_explained(const struct scenario *s, const struct side_result *r, bool small);

/* Returns an exit code. */
int side_by_side(struct target *a, struct target *b, const struct side_options *o);

#endif
