/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/cli.h"
#include "cli/explained.h"
#include "cli/formats/report_out.h"
#include "emu/policy/lookup.h"
#include "fuzz/run/probe.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: trapspec report --target T [OPTION...]\n\n"
    "Judges a whole target against the reference table and writes report.json and report.html.\n"
    "A model or KVM is run on scenarios made from the rules, and on --corpus files; a recording\n"
    "or a dump is judged as it is.\n\n"
    "  --target T     model:PROFILE, kvm, plugin:FILE (docs/PLUGIN.md), golden:FILE\n"
    "                 (recordings of a real hypervisor), "
    "dump:FILE\n"
    "                 (CPUID leaves, in a format that lint reads)\n"
    "  -o DIR         write report.json, report.html and findings/ there\n"
    "  --sample N     every Nth of the scenarios made from the rules only\n"
    "  --cpu NAME     the guest's processor is that recording's (trapspec cpuid --list)\n"
    "  --sweep        ask for all 2^32 CPUID leaves too; their picture is part of report.html\n"
    "  --corpus PATH  scenario files to run as well, but for races; may be repeated\n"
    "  --known FILE   accepted deviations, lines \"rule, reason\"\n"
    "  --no-known     show accepted deviations as findings\n"
    "  --skip FILE    records not to judge, as for diff; none: judge all\n"
    "  --below WHAT   leave out what the processor below a recording or kvm did, not the "
    "hypervisor, by\n"
    "                 comparison with the model of its kernel: tcg for QEMU's emulated one, or a "
    "file as for diff\n"
    "  --json         print report.json instead of the summary\n"
    "  --color WHEN   auto, always, never\n\n"
    "example: trapspec report --target model:kvm@linux-6.1 -o out\n"
    "exit codes: 0 conforms, 1 findings, 2 usage, 3 bad input, 77 nothing could be tried\n";

enum {
    OPT_TARGET = 256,
    OPT_SAMPLE,
    OPT_CPU,
    OPT_SWEEP,
    OPT_CORPUS,
    OPT_KNOWN,
    OPT_NO_KNOWN,
    OPT_SKIP,
    OPT_BELOW,
    OPT_JSON
};
static const struct option options[] = {{"target", required_argument, NULL, OPT_TARGET},
                                        {"sample", required_argument, NULL, OPT_SAMPLE},
                                        {"cpu", required_argument, NULL, OPT_CPU},
                                        {"sweep", no_argument, NULL, OPT_SWEEP},
                                        {"corpus", required_argument, NULL, OPT_CORPUS},
                                        {"known", required_argument, NULL, OPT_KNOWN},
                                        {"no-known", no_argument, NULL, OPT_NO_KNOWN},
                                        {"skip", required_argument, NULL, OPT_SKIP},
                                        {"below", required_argument, NULL, OPT_BELOW},
                                        {"output", required_argument, NULL, 'o'},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

#define CORPUS_MAX 16
#define PROBE_BUDGET 4096u

struct report_args {
    const char *target, *out, *known_file, *skip_file, *below_name;
    const char *corpus[CORPUS_MAX];
    unsigned ncorpus;
    bool no_known, json;
    bool sweep;
    const struct sweep_doc *swept;
    struct source src;
    struct skip_list *skip;
    struct explained *below;
    struct source model; /* with --below: what the hypervisor itself does */
    struct report *report;
    struct known *remarks;
    uint64_t sample;
    unsigned cases, probes, refused, left_out, races;
    char why[96]; /* of the first set-up that was refused */
    int code;
};

/* Whether the processor below answered, and not the hypervisor. */
static bool answered_below(struct report_args *a, const struct scenario *s,
                           const struct outcome *got)
{
    static struct side_result r;

    if (a->below == NULL)
        return false;
    r.b = *got;
    if (side_below(&a->model.t, a->below, s, &r) == NULL)
        return false;
    a->left_out++;
    return true;
}

/* The same of a run that the target has just made. */
static bool ran_below(struct report_args *a, const struct scenario *s,
                      const struct tsp_setup *setup, const struct tsp_trace *trace)
{
    static struct outcome end;

    if (a->below == NULL)
        return false;
    memset(&end, 0, sizeof(end));
    exec_outcome(&a->src.t, s, setup, trace, &end);
    cli_mark_clock(s, &end);
    return answered_below(a, s, &end);
}

static void judge_scenario(struct report_args *a, const char *id, const struct scenario *given)
{
    static struct scenario fitted;
    const struct scenario *s = &fitted;
    static struct input_image image;
    static struct tsp_setup setup;
    static struct tsp_trace trace;

    fitted = *given;
    cli_fit(&a->src.t, &fitted);
    cli_build(s, &image, &setup);
    if (exec_scenario(&a->src.t, s, &setup, PROBE_BUDGET, &trace) != TSP_OK) {
        if (a->refused++ == 0)
            snprintf(a->why, sizeof(a->why), "%s", cli_refusal(&a->src.t));
        return;
    }
    if (ran_below(a, s, &setup, &trace))
        return;
    report_add(a->report, a->src.t.caps, id, s, &setup, &trace);
    if (++a->cases % 256 == 0)
        cli_progress("%u cases", a->cases);
}

static bool one_probe(void *ctx, const struct scenario *s)
{
    struct report_args *a = ctx;
    char id[64];

    if (a->probes++ % a->sample != 0)
        return !cli_interrupted();
    snprintf(id, sizeof(id), "probe/%s/%05u", cli_arches[s->arch], a->cases);
    judge_scenario(a, id, s);
    return !cli_interrupted();
}

static void corpus_path(struct report_args *a, const char *path, unsigned depth)
{
    static struct scenario s;
    struct dirent **list;
    struct tsp_error err;
    struct stat sb;
    char inner[2048];
    int n;

    if (stat(path, &sb) != 0) {
        fprintf(stderr, "trapspec report: %s: cannot be read\n", path);
        a->code = EXIT_BAD_INPUT;
    } else if (!S_ISDIR(sb.st_mode)) {
        if (cli_scenario(path, &s, &err) == TSP_OK) {
            /* A scenario that names how text is rewritten shows that protocol, not the target. */
            if (s.protocol != TSP_PROTOCOL_NONE)
                a->races++;
            else
                judge_scenario(a, path, &s);
        } else {
            fprintf(stderr, "trapspec report: %s\n", err.text);
            a->code = EXIT_BAD_INPUT;
        }
    } else if (depth < 8 && (n = scandir(path, &list, NULL, alphasort)) >= 0) {
        for (int i = 0; i < n; i++) {
            if (list[i]->d_name[0] != '.' && strncmp(list[i]->d_name, "README", 6) != 0 &&
                snprintf(inner, sizeof(inner), "%s/%s", path, list[i]->d_name) < (int)sizeof(inner))
                corpus_path(a, inner, depth + 1);
            free(list[i]);
        }
        free(list);
    }
}

/* A set-up of several policies is no scenario: the input of a finding is told, not kept. */
static bool one_pool(void *ctx, const struct tsp_setup *setup)
{
    static struct tsp_trace trace;
    static struct scenario s;
    struct report_args *a = ctx;
    char id[64];

    if (a->probes++ % a->sample != 0)
        return !cli_interrupted();
    snprintf(id, sizeof(id), "probe/pool/%05u", a->cases);
    input_default(&s, TSP_ARCH_X86);
    s.nsched = s.nmove = 0;
    if (exec_scenario(&a->src.t, &s, setup, PROBE_BUDGET, &trace) != TSP_OK) {
        a->refused++;
    } else {
        report_add(a->report, a->src.t.caps, id, NULL, setup, &trace);
        a->cases++;
    }
    return !cli_interrupted();
}

/* Policies that a pool of hosts can give its guests, and policies that it cannot. */
static void judge_pools(struct report_args *a)
{
    static const uint8_t base[] = {INPUT_POLICY_INTEL, INPUT_POLICY_AMD};
    static struct input_image image;
    static struct tsp_setup setup;
    static struct scenario s;

    for (unsigned i = 0; i < sizeof(base) && !cli_interrupted(); i++) {
        input_default(&s, TSP_ARCH_X86);
        s.policy = base[i];
        cli_build(&s, &image, &setup);
        probe_pools(spec_builtin(), &setup, one_pool, a);
    }
}

static void judge_model(struct report_args *a)
{
    if ((a->src.t.caps & TSP_CAP_X86) != 0)
        probe_each(spec_builtin(), TSP_ARCH_X86, one_probe, a);
    if ((a->src.t.caps & TSP_CAP_ARM64) != 0)
        probe_each(spec_builtin(), TSP_ARCH_ARM64, one_probe, a);
    if ((a->src.t.caps & TSP_CAP_POOLS) != 0)
        judge_pools(a);
    for (unsigned i = 0; i < a->ncorpus; i++)
        corpus_path(a, a->corpus[i], 0);
}

/* Of a CPUID record only the four result registers were recorded: the others are as they were set
 * up. */
static void only_results(struct outcome *o, const struct tsp_regs *start)
{
    for (unsigned i = 0; i < 32; i++)
        if ((o->vary >> i & 1) != 0)
            o->out.r[i] = start->r[i];
    o->vary = 0;
}

/* A recording shows before and after; the events follow from them. */
static void judge_golden(struct report_args *a)
{
    static struct golden_case c;
    static struct scenario text; /* in the ranges that its text form has */
    static struct input_image image;
    static struct tsp_setup setup;
    static struct tsp_trace trace;
    size_t n = golden_case_count(&a->src.golden);

    for (size_t i = 0; i < n && !cli_interrupted(); i++) {
        struct recorded_run run;

        golden_case_at(&a->src.golden, i, &c);
        if (skip_reason(a->skip, golden_host(&a->src.golden), c.rec->id) != NULL ||
            c.rec->why[0] != 0 || answered_below(a, &c.s, &c.out))
            continue;
        cli_build(&c.s, &image, &setup);
        if (c.rec->kind == GOLDEN_CPUID)
            only_results(&c.out, &setup.vcpu[0].regs);
        run = (struct recorded_run){.id = c.id,
                                    .setup = &setup,
                                    .code = c.s.code[0],
                                    .ncode = c.s.ncode[0],
                                    .code_at = c.s.code_at,
                                    .outcome = &c.out};
        trace.truncated = false;
        trace.n = outcome_events(&run, trace.ev, TSP_MAX_EVENT);
        text = c.s;
        input_fold(&text);
        report_add(a->report, TSP_CAP_X86 | TSP_CAP_ARM64 | TSP_CAP_EXEC, c.id, &text, &setup,
                   &trace);
        a->cases++;
        if (i % 256 == 0)
            cli_progress("%zu of %zu cases", i, n);
    }
}

static void judge_dump_cpu(struct report_args *a, const struct dump_cpu *c)
{
    static struct tsp_setup setup;
    static struct tsp_trace trace;
    const struct tsp_leaf *leaf = a->src.dump.leaf + c->first;

    for (size_t i = 0; i < c->n; i++) {
        char id[64];

        memset(&setup, 0, sizeof(setup));
        setup.arch = TSP_ARCH_X86;
        setup.host = (uint8_t)policy_vendor(&(struct tsp_policy){.leaf = leaf, .n = c->n});
        setup.nvcpu = 1;
        setup.persona[0] = TSP_PERSONA_KVM;
        setup.vcpu[0].regs.mode = TSP_MODE_LONG64;
        setup.vcpu[0].regs.r[TSP_RAX] = leaf[i].leaf;
        setup.vcpu[0].regs.r[TSP_RCX] = leaf[i].subleaf;
        snprintf(id, sizeof(id), "cpu %u leaf 0x%x.0x%x", c->id, leaf[i].leaf, leaf[i].subleaf);
        if (exec_run(&a->src.t, &setup, NULL, 0, 1, &trace) == TSP_OK)
            report_add(a->report, a->src.t.caps, id, NULL, &setup, &trace);
        a->cases++;
    }
}

/* The target answers as one CPU: each gets its own. */
static void judge_dump(struct report_args *a)
{
    const struct dump *d = &a->src.dump;

    for (unsigned i = 0; i < d->ncpu && !cli_interrupted(); i++) {
        char name[sizeof(a->src.t.name)];

        snprintf(name, sizeof(name), "%s", a->src.t.name);
        target_close(&a->src.t);
        if (target_dump(&a->src.t, d->leaf + d->cpu[i].first, d->cpu[i].n, name) != TSP_OK) {
            fprintf(stderr, "trapspec report: out of memory\n");
            a->code = EXIT_BAD_INPUT;
            return;
        }
        judge_dump_cpu(a, &d->cpu[i]);
    }
}

struct report_doc;

static int write_one(const char *dir, const char *name,
                     void (*w)(FILE *f, const struct report_doc *d), const struct report_doc *d)
{
    struct file_out out;
    struct tsp_error err;
    char path[1024];

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return cli_usage("report", "-o: path too long");
    if (file_begin(&out, path, &err) != TSP_OK)
        return cli_fail("report", &err);
    w(out.f, d);
    if (file_commit(&out, &err) != TSP_OK)
        return cli_fail("report", &err);
    return 0;
}

/* The first scenario that broke each rule, as text that replay takes. */
static int write_findings(const struct report_args *a)
{
    char path[1024], *text;
    struct file_out out;
    struct tsp_error err;
    int code = 0;

    for (size_t i = 0; i < report_rows(a->report) && code == 0; i++) {
        const struct report_row *r = report_row_at(a->report, i);
        char name[96];
        size_t n;

        /* What the policy alone is to blame for is no finding about this target. */
        if (r->failed == 0 || r->first == NULL || (!a->src.is_dump && r->subject == SUBJECT_POLICY))
            continue;
        report_scenario_name(r, name, sizeof(name));
        n = input_text_write(r->first, NULL, 0);
        text = malloc(n + 1);
        if (text == NULL)
            return EXIT_BAD_INPUT;
        input_text_write(r->first, text, n + 1);
        if (snprintf(path, sizeof(path), "%s/findings/%s.tst", a->out, name) >= (int)sizeof(path) ||
            file_begin(&out, path, &err) != TSP_OK) {
            code = cli_fail("report", &err);
        } else {
            fwrite(text, 1, n, out.f);
            if (file_commit(&out, &err) != TSP_OK)
                code = cli_fail("report", &err);
        }
        free(text);
    }
    return code;
}

static int write_all(const struct report_args *a, const struct report_doc *d)
{
    struct tsp_error err;
    char dir[1024];
    int code;

    if (a->out == NULL)
        return 0;
    snprintf(dir, sizeof(dir), "%.1000s/findings", a->out);
    if (file_mkdirs(dir, &err) != TSP_OK)
        return cli_fail("report", &err);
    code = write_one(a->out, "report.json", report_write_json, d);
    if (code == 0)
        code = write_one(a->out, "report.html", report_write_html, d);
    if (code == 0)
        code = write_findings(a);
    return code;
}

static int finish(struct report_args *a)
{
    struct report_totals t;
    struct report_doc d = {.target = a->target, .spec = spec_builtin(), .report = a->report};
    int code;

    cli_progress_done();
    if (a->refused > 0)
        fprintf(stderr, "trapspec report: %u set-ups refused, the first because: %s\n", a->refused,
                a->why);
    if (a->left_out > 0)
        fprintf(stderr, "trapspec report: %u cases left out: the processor below answered\n",
                a->left_out);
    if (a->races > 0)
        fprintf(stderr, "trapspec report: %u races left out: replay judges them\n", a->races);
    d.records = a->src.is_golden ? a->target : NULL;
    d.policy_is_input = !a->src.is_dump;
    d.remarks = a->remarks;
    d.sweep = a->swept;
    report_totals(a->report, &t);
    if (a->json)
        report_write_json(stdout, &d);
    else
        report_print(&d, *cli_color(COLOR_RED) != 0);
    code = write_all(a, &d);
    if (code == 0 && a->out != NULL && !a->json)
        printf("written: %s/report.html, %s/report.json\n", a->out, a->out);
    if (code == 0)
        code = a->code;
    if (code != 0)
        return code;
    if (t.events == 0)
        return EXIT_NOTHING;
    if (a->swept != NULL && a->swept->leaves->target_fail + a->swept->subs->target_fail > 0)
        return EXIT_FINDINGS;
    /* The list for recordings is about all of them: one need not show everything. */
    if (d.records != NULL && a->known_file == NULL)
        t.stale_known = 0;
    return report_findings(&d) > 0 || t.stale_known > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static int parse_args(struct report_args *a, int argc, char **argv)
{
    int opt, code = 0;

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (opt == OPT_TARGET)
            a->target = optarg;
        else if (opt == 'o')
            a->out = optarg;
        else if (opt == OPT_KNOWN)
            a->known_file = optarg;
        else if (opt == OPT_SKIP)
            a->skip_file = optarg;
        else if (opt == OPT_BELOW)
            a->below_name = optarg;
        else if (opt == OPT_NO_KNOWN)
            a->no_known = true;
        else if (opt == OPT_JSON)
            a->json = true;
        else if (opt == OPT_SAMPLE && cli_number(optarg, 1000000, &a->sample) && a->sample > 0)
            ;
        else if (opt == OPT_SAMPLE)
            return cli_usage("report", "--sample %s: a number of 1 to 1000000", optarg);
        else if (opt == OPT_CORPUS && a->ncorpus < CORPUS_MAX)
            a->corpus[a->ncorpus++] = optarg;
        else if (opt == OPT_SWEEP)
            a->sweep = true;
        else if (opt == OPT_CPU)
            code = cli_use_cpu("report", optarg);
        else
            return cli_bad_option("report", options, argv, optind - 1);
    }
    if (code != 0)
        return code;
    if (*a->target == 0 && optind < argc)
        a->target = argv[optind++];
    if (optind < argc)
        return cli_usage("report", "unexpected argument \"%s\"", argv[optind]);
    return *a->target != 0 ? 0 : cli_usage("report", "--target is needed");
}

/* What shipped kernels are known for explains a finding, accepted or not. */
static enum tsp_status remarks_load(struct report_args *a, struct tsp_error *err)
{
    const char *text = cli_shipped(cli_kernel_list(a->target));

    return known_parse(&a->remarks, "remarks", text, strlen(text), err);
}

/* The lists of --below are about the kernel's own profile. */
static enum tsp_status below_open(struct report_args *a, struct tsp_error *err)
{
    char name[64];

    snprintf(name, sizeof(name), "model:%s", cli_kernel_profile(a->target));
    return source_open(&a->model, name, err);
}

/* Everything that is read beside the target. */
static enum tsp_status open_lists(struct report_args *a, struct known **known,
                                  struct tsp_error *err)
{
    enum tsp_status st = cli_known(a->target, a->no_known ? "none" : a->known_file, known, err);

    if (st == TSP_OK && (a->no_known || strncmp(a->target, "kvm", 3) == 0))
        st = remarks_load(a, err);
    if (st == TSP_OK)
        st = cli_skip(a->skip_file, &a->skip, err);
    if (st == TSP_OK && a->below_name != NULL)
        st = explained_load(&a->below, a->below_name, err);
    if (st == TSP_OK && a->below != NULL)
        st = below_open(a, err);
    return st;
}

static int run(int argc, char **argv)
{
    static struct report_args a;
    struct known *known = NULL;
    struct tsp_error err;
    int code;

    memset(&a, 0, sizeof(a));
    a.target = "";
    a.sample = 1;
    code = parse_args(&a, argc, argv);
    if (code != 0)
        return code;
    if (open_lists(&a, &known, &err) != TSP_OK || source_open(&a.src, a.target, &err) != TSP_OK) {
        code = cli_fail("report", &err);
    } else if ((a.report = report_open(spec_builtin(), known)) == NULL) {
        fprintf(stderr, "trapspec report: out of memory\n");
        code = EXIT_BAD_INPUT;
    } else {
        if (a.src.is_golden)
            judge_golden(&a);
        else if (a.src.is_dump)
            judge_dump(&a);
        else
            judge_model(&a);
        if (a.sweep)
            code = cli_sweep("report", a.target, known, &a.swept);
        if (code == 0)
            code = finish(&a);
    }
    report_free(a.report);
    skip_free(a.skip);
    explained_free(a.below);
    source_close(&a.model);
    source_close(&a.src);
    known_free(a.remarks);
    known_free(known);
    return code;
}

const struct verb verb_report = {"report", run, "judge a whole target, write report.json and .html",
                                 help};
