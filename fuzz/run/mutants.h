/* SPDX-License-Identifier: MIT */
/*
 * How strong the reference table is: each mutant of fuzz/target/mutant.h is run on scenarios until
 * a rule fails that the target without the mutant keeps. Rules that no scenario tries are told as
 * well.
 */
#ifndef TSP_FUZZ_RUN_MUTANTS_H
#define TSP_FUZZ_RUN_MUTANTS_H

#include "fuzz/run/run.h"
#include "fuzz/target/mutant.h"

struct mutants_options {
    const struct spec *spec;
    const char *target; /* what is wrapped: "model:kvm" */
    bool fuzz;          /* mutated scenarios instead of those made from the rules */
    double seconds;     /* at most, for one mutant */
    uint32_t seed;      /* fuzz: another one, other scenarios */
    /* Turns a scenario into a set-up: gives it its base policy. */
    void (*build)(const struct scenario *s, struct input_image *img, struct tsp_setup *setup);
    bool (*stop)(void); /* the user wants no more; may be NULL */
    /* The run that told, folded so that it can be written; may be NULL. */
    void (*killer)(void *ctx, unsigned index, const struct scenario *s);
    void *ctx;
};

#define MUTANTS_RULES 8u /* rules kept of the run that told */
struct mutants_result {
    unsigned index; /* of the mutant */
    bool tried;     /* false: it could not be opened; `got` says why */
    bool killed;    /* `rule` failed */
    unsigned nrule; /* how many rules failed in that run, at most MUTANTS_RULES */
    unsigned rule[MUTANTS_RULES];
    unsigned executions;
    double seconds;
    char expected[96], got[96]; /* of the first */
};

/* TSP_ENOMEM or TSP_EARG when the wrapped target itself cannot be opened. */
enum tsp_status mutants_try(const struct mutants_options *o, unsigned index,
                            struct mutants_result *out, struct tsp_error *err);

/* How often each rule was exercised by the scenarios made from the rules on the bare target; hits
 * has spec_rule_count entries. A rule that is exercised and holds is broken by its inversion. */
enum tsp_status mutants_exercise(const struct mutants_options *o, unsigned *hits,
                                 struct tsp_error *err);

/* Private to mutants*.c: call each() with races, or with mutated scenarios, until it returns false.
 */
void mutants_races(bool (*each)(void *ctx, const struct scenario *s), void *ctx);
/* Explores races on the mutant's own, some of every kind of case, until done() says that the rules
 * broken are enough. */
struct explore_result;
void mutants_explore(
    const struct spec *spec, struct target *t,
    void (*build)(const struct scenario *s, struct input_image *img, struct tsp_setup *setup),
    bool (*done)(void *ctx, const struct scenario *s, const struct explore_result *r), void *ctx);
void mutants_invent(const struct spec *spec, uint32_t seed,
                    bool (*each)(void *ctx, const struct scenario *s), void *ctx);

#endif
