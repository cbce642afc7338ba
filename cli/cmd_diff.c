/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "cli/explained.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec diff [OPTION...] A B\n\n"
    "Runs the same scenarios on two targets and compares every observable: exit, exception fields, "
    "pc,\n"
    "flags, registers, memory and page-table entries afterwards, MMIO, calls left to user space. "
    "When B\n"
    "(or A) is golden:FILE its records are the scenarios; otherwise they are made from the "
    "rules.\n\n"
    "  --filter P    only records whose id starts with P, e.g. page/ or hc/vmcall\n"
    "  --skip FILE   records not to compare, lines \"PATTERN, reason\" over HOST/ID; default: "
    "those in which\n"
    "                the processor below the hypervisor answered; none: compare all\n"
    "  --first N     print N differences in full (5)\n"
    "  --time S      for S seconds, on mutated scenarios; each difference is made as small as it "
    "goes\n"
    "  --seed N      of the mutations (1)\n"
    "  --findings D  directory for those scenarios\n"
    "  --corpus P    scenario files or directories to start from; may be repeated\n"
    "  --cpu NAME    scenarios made here have that recording's processor (trapspec cpuid --list)\n"
    "  --below WHAT  what the processor below B does by itself is no difference: tcg for QEMU's "
    "emulated\n"
    "                one, or a file of lines \"TERM..., reason\"; applies to recordings too\n"
    "  --json        one JSON line per record: id, status match|differ|unsupported|skipped, "
    "differences\n\n"
    "example: trapspec diff model:kvm@linux-6.1 golden:corpora/recordings/x86-amd-6.1.0-56.jsonl\n"
    "exit codes: 0 no difference, 1 differences, 2 usage, 3 bad input, 77 nothing could be "
    "compared\n";

enum {
    OPT_FILTER = 256,
    OPT_SKIP,
    OPT_FIRST,
    OPT_JSON,
    OPT_TIME,
    OPT_SEED,
    OPT_FINDINGS,
    OPT_CORPUS,
    OPT_BELOW,
    OPT_CPU
};
static const struct option options[] = {{"filter", required_argument, NULL, OPT_FILTER},
                                        {"skip", required_argument, NULL, OPT_SKIP},
                                        {"first", required_argument, NULL, OPT_FIRST},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"time", required_argument, NULL, OPT_TIME},
                                        {"seed", required_argument, NULL, OPT_SEED},
                                        {"findings", required_argument, NULL, OPT_FINDINGS},
                                        {"corpus", required_argument, NULL, OPT_CORPUS},
                                        {"cpu", required_argument, NULL, OPT_CPU},
                                        {"below", required_argument, NULL, OPT_BELOW},
                                        {NULL, 0, NULL, 0}};

#define RFLAGS_RF ((uint64_t)1 << 16)

enum status { MATCH, DIFFER, UNSUPPORTED, SKIPPED, STATUS_COUNT };
static const char *const status_name[] = {"match", "differ", "unsupported", "skipped"};

struct compare {
    const char *filter;
    struct skip_list *skip;
    const char *host;  /* of the recording: "amd", "intel" or "arm64" */
    bool rf_untrusted; /* a clear RF in recorded flags says nothing */
    struct explained *below;
    bool json;
    unsigned first;
    const char *a, *b;        /* target names */
    struct side_options side; /* seconds 0: not asked for */
    unsigned count[STATUS_COUNT];
    struct target *ta, *tb; /* tb NULL: a recording */
};

/* One record: its status, why, and the differences of its first differing case. */
struct verdict_row {
    char id[160];
    enum status status;
    char why[120];
    size_t n;
    struct difference d[DIFF_MAX];
};

static void print_json(const struct verdict_row *v)
{
    json_t *o = json_pack("{s:s, s:s}", "id", v->id, "status", status_name[v->status]);
    json_t *list = json_array();
    char *line;

    if (v->why[0] != 0)
        json_object_set_new(o, "reason", json_string(v->why));
    for (size_t i = 0; i < v->n && i < DIFF_MAX; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "field", v->d[i].field, "expected",
                                              v->d[i].expected, "got", v->d[i].got));
    if (v->status == DIFFER)
        json_object_set(o, "differences", list);
    json_decref(list);
    line = json_dumps(o, JSON_COMPACT);
    printf("%s\n", line == NULL ? "{}" : line);
    free(line);
    json_decref(o);
}

static void record_done(struct compare *c, const struct verdict_row *v)
{
    c->count[v->status]++;
    if (c->json) {
        print_json(v);
        return;
    }
    if (v->status == UNSUPPORTED || v->status == SKIPPED) {
        printf("%-11s %s: %s\n", status_name[v->status], v->id, v->why);
        return;
    }
    if (v->status != DIFFER)
        return;
    if (c->count[DIFFER] > c->first) {
        printf("differ      %s: %s\n", v->id, v->n > 0 ? v->d[0].field : "?");
        return;
    }
    printf("%sdiffer%s      %s\n", cli_color(COLOR_RED), cli_color(COLOR_OFF), v->id);
    for (size_t i = 0; i < v->n && i < DIFF_MAX; i++)
        printf("            %-14s %s has %s, %s has %s\n", v->d[i].field, c->b, v->d[i].expected,
               c->a, v->d[i].got);
}

/* Runs a scenario on a target and brings the end into black-box form. */
static bool outcome_on(struct target *t, const struct scenario *s, struct outcome *out, char *why,
                       size_t max)
{
    static struct input_image image;
    static struct tsp_setup setup;
    static struct tsp_trace trace;

    cli_build(s, &image, &setup);
    if (exec_scenario(t, s, &setup, GOLDEN_BUDGET, &trace) != TSP_OK) {
        snprintf(why, max, "%.30s: %s", t->name, cli_refusal(t));
        return false;
    }
    exec_outcome(t, s, &setup, &trace, out);
    if (out->exit == OUTCOME_UNSUPPORTED)
        snprintf(why, max, "%.60s cannot run it: outside the emulated subset", t->name);
    return out->exit != OUTCOME_UNSUPPORTED;
}

static void compare_case(struct compare *c, const struct golden_case *g, struct verdict_row *v)
{
    static struct side_result r;
    const char *why;

    if (!side_model(c->ta, &g->s, &r)) {
        v->status = UNSUPPORTED;
        snprintf(v->why, sizeof(v->why), "%s", r.why);
        return;
    }
    if (c->rf_untrusted && g->out.exc && (g->out.exc_rflags & RFLAGS_RF) == 0)
        r.a.exc_rflags &= ~RFLAGS_RF;
    r.b = g->out;
    cli_mark_clock(&g->s, &r.b);
    r.n = diff_outcome((enum tsp_arch)g->s.arch, &r.a, &r.b, r.d, DIFF_MAX);
    explained_drop(c->below, &g->s, &r);
    if (r.n == 0 || v->status == DIFFER)
        return;
    why = explained_why(c->below, &g->s, &r, false);
    v->status = why != NULL ? SKIPPED : DIFFER;
    snprintf(v->why, sizeof(v->why), "%s", why != NULL ? why : "");
    v->n = r.n;
    memcpy(v->d, r.d, sizeof(r.d));
}

static bool reason_to_skip(struct compare *c, struct verdict_row *v)
{
    const char *reason = skip_reason(c->skip, c->host, v->id);

    if (reason == NULL)
        return false;
    v->status = SKIPPED;
    snprintf(v->why, sizeof(v->why), "%s", reason);
    return true;
}

/* A prefix of the id, or the id of one sub-leaf as reports name it: "cpuid/amd/0x4.0x1". */
static bool chosen(const struct compare *c, const struct golden_record *r)
{
    size_t n = strlen(r->id);

    if (c->filter == NULL || strncmp(r->id, c->filter, strlen(c->filter)) == 0)
        return true;
    return strncmp(c->filter, r->id, n) == 0 && c->filter[n] == '.';
}

static void golden_record(struct compare *c, const struct golden *g, size_t i, size_t *at)
{
    static struct golden_case one;
    static struct verdict_row v;
    const struct golden_record *r = &g->rec[i];
    size_t n = r->kind == GOLDEN_RUN ? 1 : r->kind == GOLDEN_CPUID ? r->nsub : 0;
    bool left_out;

    memset(&v, 0, sizeof(v));
    snprintf(v.id, sizeof(v.id), "%s", r->id);
    if (!chosen(c, r) || r->kind == GOLDEN_NOTE) {
        *at += n;
        return;
    }
    left_out = reason_to_skip(c, &v);
    if (left_out) {
        *at += n;
    } else if (n == 0) {
        v.status = UNSUPPORTED;
        snprintf(v.why, sizeof(v.why), "%s", r->why);
    }
    for (size_t k = 0; k < n && !left_out; k++) {
        golden_case_at(g, (*at)++, &one);
        compare_case(c, &one, &v);
    }
    if (v.status == DIFFER && r->why[0] != 0) {
        v.status = UNSUPPORTED;
        snprintf(v.why, sizeof(v.why), "%s", r->why);
    }
    record_done(c, &v);
}

static void all_golden(struct compare *c, const struct golden *g)
{
    size_t at = 0;

    c->host = golden_host(g);
    c->rf_untrusted = skip_reason(c->skip, c->host, "field/exc.rflags.rf") != NULL;
    for (size_t i = 0; i < g->n && !cli_interrupted(); i++) {
        golden_record(c, g, i, &at);
        if (i % 64 == 0)
            cli_progress("%zu of %zu records, %u differ", i, g->n, c->count[DIFFER]);
    }
    cli_progress_done();
}

/* Two targets that run: the rules' own probes. */
static bool probe_pair(void *ctx, const struct scenario *probe)
{
    static struct outcome a, b;
    static struct scenario fitted;
    const struct scenario *s = &fitted;
    static struct verdict_row v;
    struct compare *c = ctx;
    unsigned total = 0;

    fitted = *probe;
    cli_fit(c->ta, &fitted);
    cli_fit(c->tb, &fitted);
    for (unsigned i = 0; i < STATUS_COUNT; i++)
        total += c->count[i];
    memset(&v, 0, sizeof(v));
    snprintf(v.id, sizeof(v.id), "probe/%s/%u", cli_arches[s->arch], total);
    if (c->filter != NULL && strncmp(v.id, c->filter, strlen(c->filter)) != 0)
        return !cli_interrupted();
    if (!outcome_on(c->ta, s, &a, v.why, sizeof(v.why)) ||
        !outcome_on(c->tb, s, &b, v.why, sizeof(v.why))) {
        v.status = UNSUPPORTED;
    } else {
        v.n = diff_outcome((enum tsp_arch)s->arch, &a, &b, v.d, DIFF_MAX);
        v.status = v.n > 0 ? DIFFER : MATCH;
    }
    record_done(c, &v);
    return !cli_interrupted();
}

static int result(const struct compare *c)
{
    unsigned compared = c->count[MATCH] + c->count[DIFFER];

    if (!c->json)
        printf("%u match, %u differ, %u unsupported, %u skipped%s\n", c->count[MATCH],
               c->count[DIFFER], c->count[UNSUPPORTED], c->count[SKIPPED],
               cli_interrupted() ? " (interrupted)" : "");
    if (compared == 0)
        return EXIT_NOTHING;
    return c->count[DIFFER] > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static int compare_sources(struct compare *c, struct source *a, struct source *b)
{
    if (b->is_golden && a->t.ops != NULL && (a->t.caps & TSP_CAP_EXEC) != 0) {
        c->ta = &a->t;
        all_golden(c, &b->golden);
    } else if (a->t.ops != NULL && b->t.ops != NULL &&
               (a->t.caps & b->t.caps & TSP_CAP_EXEC) != 0) {
        if (c->side.seconds != 0)
            return side_by_side(&a->t, &b->t, &c->side);
        c->ta = &a->t;
        c->tb = &b->t;
        if ((a->t.caps & b->t.caps & TSP_CAP_X86) != 0)
            probe_each(spec_builtin(), TSP_ARCH_X86, probe_pair, c);
        if ((a->t.caps & b->t.caps & TSP_CAP_ARM64) != 0)
            probe_each(spec_builtin(), TSP_ARCH_ARM64, probe_pair, c);
    } else {
        return cli_usage("diff", "%s and %s cannot be compared: one of them must run code", c->a,
                         c->b);
    }
    return result(c);
}

/* The options of the mode that makes its scenarios up. -1: not one of them. */
static int side_option(struct side_options *o, int opt, const char *arg)
{
    switch (opt) {
    case OPT_TIME:
        if (cli_number(arg, 1000000, &o->seconds) && o->seconds > 0)
            return 0;
        return cli_usage("diff", "--time %s: seconds", arg);
    case OPT_SEED:
        return cli_number(arg, UINT32_MAX, &o->seed)
                   ? 0
                   : cli_usage("diff", "--seed %s: a number", arg);
    case OPT_FINDINGS:
        o->findings = arg;
        return 0;
    case OPT_CORPUS:
        if (o->ncorpus == SIDE_CORPUS_MAX)
            return cli_usage("diff", "--corpus: at most %u times", SIDE_CORPUS_MAX);
        o->corpus[o->ncorpus++] = arg;
        return 0;
    case OPT_CPU:
        return cli_use_cpu("diff", arg);
    default:
        return -1;
    }
}

static int parse_args(struct compare *c, const char **skip, const char **below, int argc,
                      char **argv)
{
    uint64_t v;
    int opt, code;

    opterr = 0;
    c->side.seed = 1;
    while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        code = side_option(&c->side, opt, optarg);
        if (code > 0)
            return code;
        if (code == 0)
            continue;
        if (opt == OPT_FILTER)
            c->filter = optarg;
        else if (opt == OPT_SKIP)
            *skip = optarg;
        else if (opt == OPT_BELOW)
            *below = optarg;
        else if (opt == OPT_JSON)
            c->json = true;
        else if (opt == OPT_FIRST && cli_number(optarg, UINT32_MAX, &v))
            c->first = (unsigned)v;
        else if (opt == OPT_FIRST)
            return cli_usage("diff", "--first %s: a number", optarg);
        else
            return cli_bad_option("diff", options, argv, optind - 1);
    }
    if (argc - optind != 2)
        return cli_usage("diff", "two targets are needed");
    c->a = argv[optind];
    c->b = argv[optind + 1];
    if (strncmp(c->a, "golden:", 7) == 0) {
        c->a = argv[optind + 1];
        c->b = argv[optind];
    }
    return 0;
}

static int run(int argc, char **argv)
{
    struct compare c = {.first = 5};
    const char *skip = NULL, *below = NULL;
    struct source a, b;
    struct tsp_error err;
    int code = parse_args(&c, &skip, &below, argc, argv);

    if (code != 0)
        return code;
    memset(&b, 0, sizeof(b));
    if (cli_skip(skip, &c.skip, &err) != TSP_OK)
        return cli_fail("diff", &err);
    if (below != NULL && explained_load(&c.below, below, &err) != TSP_OK) {
        skip_free(c.skip);
        return cli_fail("diff", &err);
    }
    c.side.below = c.below;
    if (source_open(&a, c.a, &err) != TSP_OK || source_open(&b, c.b, &err) != TSP_OK)
        code = cli_fail("diff", &err);
    else
        code = compare_sources(&c, &a, &b);
    source_close(&a);
    source_close(&b);
    skip_free(c.skip);
    explained_free(c.below);
    return code;
}

const struct verb verb_diff = {"diff", run, "compare two targets, or a model with a recording",
                               help};
