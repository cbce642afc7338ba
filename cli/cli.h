/* SPDX-License-Identifier: MIT */
/* What the verbs share: exit codes, options, targets, colours. */
#ifndef TSP_CLI_CLI_H
#define TSP_CLI_CLI_H

#include "cli/formats/cpuid_raw.h"
#include "cli/formats/golden.h"
#include "cli/formats/program.h"
#include "cli/formats/skip.h"
#include "fuzz/run/run.h"

#include <getopt.h>

/* Stable exit codes; the man page documents them. */
#define EXIT_CONFORMS 0
#define EXIT_FINDINGS 1
#define EXIT_USAGE 2
#define EXIT_BAD_INPUT 3
#define EXIT_NOTHING 77

struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the verb */
    const char *summary;
    const char *help; /* options and an example */
};

extern const struct verb verb_run, verb_replay, verb_report, verb_diff, verb_decode, verb_cpuid,
    verb_lint, verb_spec, verb_fuzz, verb_record, verb_mutants, verb_sweep, verb_race, verb_level,
    verb_migrate;

/* "trapspec VERB: TEXT" on stderr. Returns the exit code that fits the status: 3 for bad input, 2
 * for EARG. */
int cli_fail(const char *verb, const struct tsp_error *err);
__attribute__((format(printf, 2, 3))) int cli_usage(const char *verb, const char *format, ...);
/* After getopt_long returned '?' or ':': names the option and the nearest valid one. Returns 2. */
int cli_bad_option(const char *verb, const struct option *options, char **argv, int at);
/* The name in the list (ends with NULL) nearest to `word`, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *list);
/* Index of word in list, or -1. */
int cli_choice(const char *word, const char *const *list);
/* The same for the value of an option; 0, or 2 after a message that names what there is. */
int cli_pick(const char *verb, const char *option, const char *word, const char *const *list,
             int *out);
/* Hexadecimal or decimal; false unless the whole text is a number <= max. */
bool cli_number(const char *text, uint64_t max, uint64_t *out);
/* Hex digits (blanks allowed) to bytes; -1 on anything else or over max bytes. */
int cli_hex(const char *text, uint8_t *out, size_t max);

extern const char *const cli_vendors[],
    *const cli_personas[], *const cli_modes[], *const cli_patches[], *const cli_arches[];

/* --color=auto|always|never and NO_COLOR; "" when off. */
enum cli_color { COLOR_OFF, COLOR_RED, COLOR_GREEN, COLOR_YELLOW, COLOR_BOLD, COLOR_DIM };
/* false: `when` is none of the three. */
bool cli_set_color(const char *when);
const char *cli_color(enum cli_color c);
const char *cli_verdict_color(enum verdict v);
/* True once ^C or SIGTERM arrived; long work stops cleanly at the next case. */
bool cli_interrupted(void);
void cli_catch_signals(void);
/* A progress line on stderr when that is a terminal; cleared by cli_progress_done. */
__attribute__((format(printf, 1, 2))) void cli_progress(const char *format, ...);
void cli_progress_done(void);

/* A target by its full name, with what it needs kept alive. */
struct source {
    struct target t;
    struct golden golden;    /* golden:FILE */
    struct dump dump;        /* dump:FILE */
    bool is_golden, is_dump; /* a golden source has no target: its cases are judged and compared */
};
enum tsp_status source_open(struct source *s, const char *name, struct tsp_error *err);
void source_close(struct source *s);
/* Scenario i of a golden case list (CPUID records count once per sub-leaf); false past the end. */
struct golden_case {
    const struct golden_record *rec;
    struct scenario s;
    struct outcome out;
    char id[160];
};
size_t golden_case_count(const struct golden *g);
void golden_case_at(const struct golden *g, size_t i, struct golden_case *out);

/* The CPUID leaves a scenario's base policy stands for (from the model's own defaults). */
size_t cli_base_policy(const struct scenario *s, struct tsp_leaf *out, size_t max);
/* --cpu: a recorded processor stands in for the base policy of its vendor from now on; scenarios
 * made for other vendors keep theirs. 0 or an exit code after a message. */
int cli_use_cpu(const char *verb, const char *name);
/* The base policy it stands in for (Intel's, for an unknown vendor); false when none is used. */
bool cli_cpu_base(uint8_t *policy);
/* Its leaves, with those of the scenario's hypervisor. */
size_t cli_cpu_policy(const struct scenario *s, struct tsp_leaf *out, size_t max);
/* Sweeps all leaves of the target with the default machine (or --cpu's), for a page of its own;
 * *out stays until the next sweep. 0 or an exit code after a message. */
struct sweep_doc;
int cli_sweep(const char *verb, const char *target, struct known *known,
              const struct sweep_doc **out);
/* Writes them into a scenario with that base, so that it stands for itself wherever it is kept;
 * cli_fit does it. Does nothing without --cpu. */
void cli_put_cpu(struct scenario *s);
/* Builds set-up and image of a scenario with its base policy. */
void cli_build(const struct scenario *s, struct input_image *img, struct tsp_setup *setup);
/* Gives a scenario the machine below that the target really runs on: the host's vendor, its clock
 * source, its firmware. Other targets can be any machine: nothing changes. */
void cli_fit(const struct target *t, struct scenario *s);
/* A register that holds the upper half of the time of day in nanoseconds does not differ between
 * two runs in a row. It is one of a clock's answer, so the other three are marked with it. So are
 * those of an x86 guest that begins by reading its time-stamp counter. */
void cli_mark_clock(const struct scenario *s, struct outcome *out);
/* True when the same scenario was asked about before: fitting makes several probes one. */
bool cli_seen(const struct scenario *s);
/* Why the target refused the last set-up; never NULL. */
const char *cli_refusal(const struct target *t);
/* Reads a scenario file, text or binary. */
enum tsp_status cli_scenario(const char *path, struct scenario *out, struct tsp_error *err);
/* The newest shipped list of accepted deviations ("golden-kvm-6.12"), and profile
 * ("kvm@linux-6.12"), not newer than the kernel that a "golden:FILE" was recorded on or that "kvm"
 * runs on; those of 6.1 for older kernels and where nobody says. */
const char *cli_kernel_list(const char *target);
const char *cli_kernel_profile(const char *target);
/* Accepted deviations of a target: from `file`, none at all when that is "none", else the list
 * shipped for it. */
enum tsp_status cli_known(const char *target, const char *file, struct known **out,
                          struct tsp_error *err);
/* Records not to be compared or judged: from `file`, none when that is "none" (*out NULL), else the
 * shipped list. */
enum tsp_status cli_skip(const char *file, struct skip_list **out, struct tsp_error *err);

/* Text of a list of fuzz/known, built in; NULL when there is none of that name. */
const char *cli_shipped(const char *name);

/* Runs one set-up on a target, judging every event; prints each trap when `view` says so. */
enum run_view { VIEW_NONE, VIEW_TEXT, VIEW_JSON };
struct runner {
    struct target *t;
    const struct spec *spec;
    const struct known *known; /* may be NULL */
    enum run_view view;
    uint32_t budget;
    const struct input_move *move; /* migrations on the way */
    unsigned nmove;
    bool all; /* print plain faults, port and memory accesses too */
};
struct run_result {
    enum verdict worst;
    unsigned events, judged, gaps, fails, policy_fails; /* gaps: no rule covers them */
    uint32_t stop;         /* enum tsp_stop of the last vCPU that stopped */
    struct tsp_event last; /* its event */
    char first[256];       /* the first FAIL in one line: rule, expected, got */
    char also[256];        /* other rules that the target broke, with ", " between them */
};
enum tsp_status runner_run(const struct runner *r, const struct tsp_setup *setup,
                           const uint8_t *sched, size_t nsched, struct run_result *out,
                           struct tsp_error *err);

#endif
