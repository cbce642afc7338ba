/* SPDX-License-Identifier: MIT */
/* Two targets side by side on scenarios that nobody wrote: mutated seeds, for a given time. */
#ifndef TSP_CLI_SIDE_H
#define TSP_CLI_SIDE_H

#include "cli/cli.h"

#define SIDE_CORPUS_MAX 8u

struct explained;

struct side_options {
    uint64_t seconds, seed;
    const char *findings; /* directory for minimised scenarios, or NULL */
    const char *corpus[SIDE_CORPUS_MAX];
    unsigned ncorpus;
    const struct explained *below; /* what the processor below B does by itself; NULL: nothing */
};

/* What both did with one scenario. */
struct side_result {
    struct outcome a, b;
    bool cut;        /* more happened to A than a trace holds: its end is not known */
    uint32_t raised; /* exceptions A's guest met on the way, a bit each by their vector (x86) */
    bool tables;     /* A's guest changed its own page tables, by more than A and D bits (x86) */
    bool own_code; /* A's guest ran code that it had changed itself; told of small scenarios only */
    size_t n;
    struct difference d[DIFF_MAX];
    char why[120]; /* not compared */
};

/* Returns false when one of them cannot do it. Differences in what B itself does not repeat, and
 * those that the processor below always makes, are left out. */
bool side_run(struct target *a, struct target *b, const struct explained *below,
              const struct scenario *s, struct side_result *out);
/* A alone: fills a, raised and tables; false: it cannot do it, and why says so. */
bool side_model(struct target *a, const struct scenario *s, struct side_result *out);
/* Why what B did, given as r->b, is the processor's below B and not the hypervisor's, by comparison
 * with A; NULL: it is not, or A cannot tell. */
const char *side_below(struct target *a, const struct explained *below, const struct scenario *s,
                       struct side_result *r);
/* side_steps.c: the guest of a model runs code that it changed itself. */
bool side_ran_own_code(struct target *a, const struct scenario *s);
/* The same difference: first field and ends. */
bool side_same(const struct side_result *x, const struct side_result *y);
/* minimise.c: sets whatever it can back to its default while the difference stays. */
void side_minimise(struct target *a, struct target *b, const struct explained *below,
                   struct scenario *s, struct side_result *r);
/* Length of the end mark that the first vCPU's code ends with; 0: none. */
uint32_t side_end_mark(const struct scenario *s);

/* Returns an exit code. */
int side_by_side(struct target *a, struct target *b, const struct side_options *o);

#endif
