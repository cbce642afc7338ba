/* SPDX-License-Identifier: MIT */
/* What `race` found, and how it is told. */
#ifndef TSP_CLI_RACE_H
#define TSP_CLI_RACE_H

#include "cli/cli.h"
#include "fuzz/run/explore.h"
#include "fuzz/run/race.h"

/* A rule that a protocol breaks, with a shortest schedule over all cases. */
struct race_break {
    unsigned cases, at; /* at: number of the first case in the matrix */
    unsigned own;       /* of these in the protocol's own way of storing */
    struct race_case first;
    struct explore_broken how;
    char file[512]; /* the scenario, "" when it was not written */
};

struct race_sum {
    unsigned protocol, cases, truncated, nbreak;
    unsigned own;     /* of the cases, in its own way of storing */
    unsigned refused; /* cases that the target does not make */
    double states, moves, schedules, seconds;
    struct race_break broken[EXPLORE_RULES];
};

struct race_report {
    const struct spec *spec;
    struct target *target;
    const char *target_name; /* as --target had it */
    unsigned nsum;
    struct race_sum sum[TSP_PROTOCOL_COUNT];
};

/* The scenario of a break: its case, with the schedule. */
void race_break_scenario(const struct race_break *b, struct scenario *s);
/* The command that shows it again. */
void race_replay(const struct race_report *r, const struct race_break *b, char *buf, size_t max);
/* Calls line() with each step of the schedule: number, vCPU, what it did, and the rules it broke.
 */
struct race_line {
    unsigned step, vcpu;
    const char *text;
    const char *broken; /* rule id, or NULL */
};
void race_timeline(const struct race_report *r, const struct race_break *b,
                   void (*line)(void *ctx, const struct race_line *l), void *ctx);
void race_print(const struct race_report *r, const struct race_sum *sum);
void race_json(const struct race_report *r, const struct race_sum *sum);

/* race_all.c: explores one case into *sum; at is its number. */
struct race_worker {
    const char *target;
    unsigned jobs;
    struct source src;
    struct explorer *explorer;
    const struct spec *spec;
    int preempt;
    const struct race_case
        *only;    /* NULL: of the whole matrix; else with this number of vCPUs (0: */
    bool any_how; /* any) and in this way, unless any_how */
};
enum tsp_status race_explore_case(struct race_worker *w, const struct race_case *c, unsigned at,
                                  struct race_sum *sum);
/* The matrix under one protocol, in `jobs` processes; the result does not depend on how many. */
enum tsp_status race_explore_matrix(struct race_worker *w, unsigned protocol, struct race_sum *sum);

/* race_live.c: the case, or with all those of the matrix that real processors can do, `rounds`
 * times on a target that has processors. Returns the exit code. */
struct race_live_args {
    struct target *t;
    const char *target_name;
    const struct spec *spec;
    struct race_case one;
    bool all, json;
    unsigned rounds; /* 0: a default */
};
int race_live(const struct race_live_args *a);

enum tsp_status race_html(const struct race_report *r, const char *path, struct tsp_error *err);

#endif
