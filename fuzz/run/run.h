/* SPDX-License-Identifier: MIT */
/* Running scenarios against targets, judging them, comparing two targets, collecting a report. */
#ifndef TSP_FUZZ_RUN_RUN_H
#define TSP_FUZZ_RUN_RUN_H

#include "fuzz/input/input.h"
#include "fuzz/target/target.h"
#include "spec/spec.h"

/* exec.c: runs a set-up on a target until budget instructions are used or all vCPUs stopped; fills
 * trace. The schedule picks vCPUs; when its bytes run out, round robin. TSP_EARG: the target
 * refused the set-up. */
enum tsp_status exec_run(struct target *t, const struct tsp_setup *setup, const uint8_t *sched,
                         size_t nsched, uint32_t budget, struct tsp_trace *trace);
/* The same with moves: after so many events the machine is saved and goes on, in a fresh reset of
 * the target, on a host of that vendor. Each is a TSP_EV_FETCH, TSP_MICRO_MIGRATE. A target that
 * cannot be saved (no peek, get_vcpu or get_hv) stays where it is. */
struct exec_how {
    const uint8_t *sched;
    size_t nsched;
    uint32_t budget;
    const struct input_move *move; /* in order */
    unsigned nmove;
    bool stay; /* stays where it is at the first move; costs what it costs to go */
};
/* False: the set-up asks for what the target does not say it has, and it is not given to it. */
bool exec_can_run(const struct target *t, const struct tsp_setup *setup);
enum tsp_status exec_run_how(struct target *t, const struct tsp_setup *setup,
                             const struct exec_how *how, struct tsp_trace *trace);
/* With moves, runs without them first: each migration in the trace then says whether what followed
 * is the same. */
enum tsp_status exec_compared(struct target *t, const struct tsp_setup *setup,
                              const struct exec_how *how, struct tsp_trace *trace);
/* The same for a scenario's set-up and its own schedule and moves. */
enum tsp_status exec_scenario(struct target *t, const struct scenario *s,
                              const struct tsp_setup *setup, uint32_t budget,
                              struct tsp_trace *trace);

/* migrate.c: saves the machine that ran `from` and restores it into a reset of `to`, which is from
 * with another host. TSP_ENOTSUP: this target cannot be saved, or not now; nothing has changed. */
enum tsp_status migrate_machine(struct target *t, const struct tsp_setup *from,
                                struct tsp_setup *to, unsigned host);
/* The same as an event: the migration, or that the machine was lost (TSP_EIO). */
enum tsp_status migrate_event(struct target *t, const struct tsp_setup *from, struct tsp_setup *to,
                              const struct input_move *m, struct tsp_event *out);
/* Marks the migrations of a trace: as in a run without them, or from which event not. */
void migrate_compare(const struct tsp_setup *setup, const struct tsp_trace *stayed,
                     struct tsp_trace *moved);

/* Final state of a run on a stepping target in the black-box form (reads guest memory back). */
void exec_outcome(struct target *t, const struct scenario *s, const struct tsp_setup *setup,
                  const struct tsp_trace *trace, struct outcome *out);

/* sched.c: who moves next, and what `run` is to be given as its budget. slice: what it is without a
 * protocol when there is one vCPU. */
struct sched_move {
    unsigned vcpu;
    uint32_t budget;
};
struct sched_move sched_move(const struct tsp_setup *setup, const uint8_t *sched, size_t n,
                             size_t *at, uint32_t runnable, unsigned last, uint32_t slice);
/* Without a protocol: which vCPU. */
unsigned sched_next(const uint8_t *sched, size_t n, size_t *at, uint32_t runnable, unsigned last);

/* judge.c: for harnesses. Prints "rule, target, event, expected, got" to stderr and aborts in a
 * function named after the rule class when a finding blames the target and is not known. */
void judge_stop(const struct spec *spec, const struct target *t, const struct tsp_setup *setup,
                const struct tsp_trace *trace, const struct spec_options *opt);

/* True when a rule whose first predicate is this one stops in a function of its own. */
bool judge_has_class(const char *pred);
/* "cpuid", "hypercall", ... of an enum tsp_event_kind. */
const char *judge_event_name(unsigned kind);

/* known.c: accepted deviations, lines "rule, reason" of fuzz/known/TARGET.csv. "rule@amd",
 * "rule@intel" and "rule@arm64" hold on hosts of that kind only. */
struct known;
enum tsp_status known_load(struct known **out, const char *file, struct tsp_error *err);
/* The same from memory; n > 0. */
enum tsp_status known_parse(struct known **out, const char *name, const char *text, size_t n,
                            struct tsp_error *err);
/* An empty list. */
struct known *known_none(void);
/* The list has exactly this entry. */
bool known_has(const struct known *k, const char *rule, const char **reason);
/* Index of the entry that accepts the rule on this host, the special one before the general one. */
#define KNOWN_NO (~(size_t)0)
size_t known_match(const struct known *k, const char *rule, const struct tsp_setup *setup,
                   const char **reason);
/* "intel", "amd" or "arm64". */
const char *known_host(const struct tsp_setup *setup);
/* Entries of the list, sorted, "@host" included; NULL past the end. */
size_t known_count(const struct known *k);
const char *known_rule_at(const struct known *k, size_t i);
void known_free(struct known *k);
/* Deviations that judge_stop lets pass from now on; NULL (the start): none. The list must stay
 * valid. */
void judge_accept(const struct known *k);

/* diff.c: one field that differs. */
struct difference {
    char field[32];
    char expected[80], got[80]; /* expected: B (the recording), got: A */
};
#define DIFF_MAX 48
/* Compares two outcomes of the same scenario; returns the number of differences (at most max are
 * stored). */
size_t diff_outcome(enum tsp_arch arch, const struct outcome *a, const struct outcome *b,
                    struct difference *d, size_t max);

/* "hlt", "exception", ... of an enum outcome_exit. */
const char *diff_exit_name(unsigned exit);

/* probe.c: scenarios made from the rules: class edges, each leaf and sub-leaf, each call number,
 * each bad argument, each instruction x mode x privilege x policy. Calls each() until it returns
 * false. */
void probe_each(const struct spec *spec, enum tsp_arch arch,
                bool (*each)(void *ctx, const struct scenario *s), void *ctx);

/*
 * report.c: collects findings by rule. Sorted, no dates: byte-identical between runs. Every rule
 * has a row; one that was never exercised has worst SKIP and exercised 0. Rows "gap: ..." follow:
 * what no rule covers. A row that is known, was exercised and never failed is a stale entry of the
 * known list.
 */
#define REPORT_GROUPS 6u
struct report_group { /* records of a recording go by the first part of their id */
    char name[24];
    unsigned n;
};
struct report_row {
    const char *rule, *table, *source, *note, *when, *must;
    enum verdict worst;
    enum subject subject;
    unsigned exercised, failed;
    const char *known; /* reason, or NULL */
    char example[96];  /* what was run: scenario or record id */
    char expected[96], got[96];
    struct report_group group[REPORT_GROUPS]; /* of what showed it; the first ones */
    struct scenario *first; /* scenario that showed it first, owned by the report; may be NULL */
};
struct report;
struct report *report_open(const struct spec *spec, const struct known *known);
void report_free(struct report *r);
/* Judges one trace and adds its findings; id names the case. s may be NULL. */
enum verdict report_add(struct report *r, uint32_t caps, const char *id, const struct scenario *s,
                        const struct tsp_setup *setup, const struct tsp_trace *trace);
size_t report_rows(const struct report *r);
const struct report_row *report_row_at(const struct report *r, size_t i); /* rule order */
/* cases, events and gaps count what happened; the others count rules. */
struct report_totals {
    unsigned cases, events, rules, exercised, passed, failed, known, gaps, skipped, stale_known;
    unsigned unsupported; /* cases the target could not run to the end */
};
void report_totals(const struct report *r, struct report_totals *out);

#endif
