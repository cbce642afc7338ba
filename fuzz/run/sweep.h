/* SPDX-License-Identifier: MIT */
/*
 * Sweeps: every CPUID leaf there is, asked and judged. Neighbours that answer and are judged alike
 * form one row of the map.
 */
#ifndef TSP_FUZZ_RUN_SWEEP_H
#define TSP_FUZZ_RUN_SWEEP_H

#include "fuzz/run/run.h"

#define SWEEP_ROWS 16384u
#define SWEEP_RANDOM_MAX 65536u

/* Leaves first..last at sub-leaf 0, or sub-leaves first..last of `leaf`. */
struct sweep_row {
    uint32_t leaf, first, last;
    uint64_t asked;     /* of them, the two ends among them */
    uint32_t answer[4]; /* of each; with echo ECX bits 7:0 repeat the sub-leaf instead */
    uint32_t rule;      /* index for spec_rule_at, ~0u: none */
    uint8_t verdict, subject;
    bool echo;
    bool code; /* code that ran was judged worse than the answer alone */
};

struct sweep_map {
    struct sweep_row row[SWEEP_ROWS];
    uint32_t n;
    bool truncated;                    /* rows did not fit; all is counted all the same */
    uint64_t asked, refused;           /* refused: no answer came (a dump lacks the leaf) */
    uint64_t code;                     /* of the answers, those that code got */
    uint64_t differ;                   /* code got another answer than the direct question */
    uint64_t target_fail, policy_fail; /* wrong answers, by who is to blame */
    uint64_t known, gap, error;
};

struct sweep {
    struct target *t;
    const struct spec *spec;
    const struct known *known; /* may be NULL */
    const struct tsp_setup *setup;
    bool (*tick)(void *ctx, uint64_t asked); /* every few thousand questions; false ends it */
    void *ctx;
    /* by sweep_open */
    bool direct; /* the target answers without running code */
    bool spans_known;
    struct spec_spans spans;
};

/* Prepares target and sweep for the set-up. */
enum tsp_status sweep_open(struct sweep *w);
/*
 * Leaves lo..hi at sub-leaf 0. Where the target can be asked directly, every one is; and code asks
 * for some again: both ends of each stretch that the judge tells apart, their neighbours, and those
 * of `random` (at most SWEEP_RANDOM_MAX) drawn from all leaves that lie in lo..hi. Where only code
 * can ask, those are all, or `all` asks for every leaf by code. false: tick ended it.
 */
struct sweep_part {
    uint32_t lo, hi, random;
    uint32_t ends[2]; /* of the whole that this is a part of; code asks for them as well */
    bool all;
};
bool sweep_leaves(struct sweep *w, const struct sweep_part *part, struct sweep_map *out);
/* Sub-leaves 0..255, powers of two with their neighbours, the highest, and `random` more. */
bool sweep_subleaves(struct sweep *w, uint32_t leaf, uint32_t random, struct sweep_map *out);
/* The leaves that are in range of their class, by the target's own answers, ascending. */
size_t sweep_in_range(struct sweep *w, uint32_t *leaf, size_t max);
/* b's rows behind those of a; the row at the seam becomes one. Counts are added. */
void sweep_join(struct sweep_map *a, const struct sweep_map *b);

#endif
