/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/cli.h"
#include "cli/formats/escape.h"
#include "cli/formats/golden_write.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

static const char help[] =
    "usage: trapspec record [--target T] [OPTION...] [PATH...]\n\n"
    "Runs scenarios on a target and writes what came of them, one JSON line each, in the form "
    "that\n"
    "golden:FILE reads: record your kernel once, compare with it ever after. PATH: scenario files "
    "or\n"
    "directories; without any, and without --like, scenarios are made from the rules.\n\n"
    "  --target T    kvm (default), kvm:MS (time limit of a run, 1000), model:PROFILE\n"
    "  -o FILE       where to; - is standard output, a line as soon as it is known (default)\n"
    "  --like FILE   the scenarios of that recording, under its names\n"
    "  --probes      scenarios made from the rules, besides others\n"
    "  --filter P    only scenarios whose name starts with P\n"
    "  --sample N    every Nth scenario only\n"
    "  --time S      stop after S seconds; what was recorded is kept, as on ^C\n"
    "  --repeat N    run each N times; registers that differ are written as varying (aarch64: 2,\n"
    "                random numbers 16; x86_64: 1)\n"
    "  --host V      processor below a model: intel (default) or amd; a real one is what it is\n\n"
    "example: trapspec record --target kvm -o mine.jsonl\n"
    "         trapspec diff model:kvm@linux-6.1 golden:mine.jsonl\n"
    "exit codes: 0 recorded, 2 usage, 3 bad input, 77 nothing could be recorded\n";

enum {
    OPT_TARGET = 256,
    OPT_LIKE,
    OPT_PROBES,
    OPT_FILTER,
    OPT_SAMPLE,
    OPT_TIME,
    OPT_REPEAT,
    OPT_HOST
};
static const struct option options[] = {{"target", required_argument, NULL, OPT_TARGET},
                                        {"output", required_argument, NULL, 'o'},
                                        {"like", required_argument, NULL, OPT_LIKE},
                                        {"probes", no_argument, NULL, OPT_PROBES},
                                        {"filter", required_argument, NULL, OPT_FILTER},
                                        {"sample", required_argument, NULL, OPT_SAMPLE},
                                        {"time", required_argument, NULL, OPT_TIME},
                                        {"repeat", required_argument, NULL, OPT_REPEAT},
                                        {"host", required_argument, NULL, OPT_HOST},
                                        {NULL, 0, NULL, 0}};

#define REASONS 12
struct reason {
    char text[120];
    unsigned n;
};

struct recorder {
    const char *target, *out, *like, *filter;
    bool probes;
    uint64_t sample, seconds, repeat;
    enum tsp_vendor host;
    char **path;
    int npath;
    struct source src, model;
    struct golden_writer w;
    struct timespec start;
    unsigned probe, seen, written, refused, unstable;
    struct reason reason[REASONS];
    int code;
};

static void refuse(struct recorder *r, const char *why)
{
    size_t i = 0;

    r->refused++;
    while (i < REASONS - 1 && r->reason[i].n > 0 && strcmp(r->reason[i].text, why) != 0)
        i++;
    snprintf(r->reason[i].text, sizeof(r->reason[i].text), "%s",
             i == REASONS - 1 ? "other reasons" : why);
    r->reason[i].n++;
}

static bool time_is_up(const struct recorder *r)
{
    struct timespec now;

    if (r->seconds == 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec - r->start.tv_sec) >= r->seconds;
}

static bool over(const struct recorder *r)
{
    return cli_interrupted() || time_is_up(r) || ferror(r->w.f);
}

/* The machine below is the target's own, or the one asked for. */
static void fit(struct recorder *r, struct scenario *s)
{
    struct target_host h;

    if (target_host(&r->src.t, &h)) {
        cli_fit(&r->src.t, s);
        return;
    }
    /* A file is of one host, whose clock source is not its TSC. */
    if (s->arch == TSP_ARCH_X86)
        s->host = (uint8_t)r->host;
    s->config &= ~(uint32_t)TSP_CFG_HOST_TSC;
}

static bool wanted(struct recorder *r, const char *id)
{
    if (r->filter != NULL && strncmp(id, r->filter, strlen(r->filter)) != 0)
        return false;
    return r->seen++ % r->sample == 0;
}

struct one {
    struct scenario s;
    struct input_image image;
    struct tsp_setup setup;
    struct tsp_leaf base[TSP_MAX_LEAF];
    size_t nbase;
};

static bool run_once(struct recorder *r, struct one *x, struct outcome *out)
{
    static struct tsp_trace trace;

    if (exec_run(&r->src.t, &x->setup, x->s.sched, x->s.nsched, GOLDEN_BUDGET, &trace) != TSP_OK) {
        refuse(r, cli_refusal(&r->src.t));
        return false;
    }
    exec_outcome(&r->src.t, &x->s, &x->setup, &trace, out);
    return true;
}

/* TRNG_RND (Arm DEN0098) may be asked for a single random bit, which is the same every other time.
 */
#define TRNG_RND 0x84000053u
#define WIDE 0x40000000u

static uint64_t times_of(const struct recorder *r, const struct scenario *s)
{
    if (r->repeat != 0)
        return r->repeat;
    if (s->arch != TSP_ARCH_ARM64)
        return 1;
    return ((uint32_t)s->regs[0] & ~WIDE) == TRNG_RND ? 16 : 2;
}

/* Clocks and random numbers differ from run to run: such registers are marked. */
static bool run_again(struct recorder *r, struct one *x, struct outcome *out)
{
    static struct outcome again;
    bool end = out->exit == OUTCOME_HALT || out->exit == OUTCOME_IO || out->exit == OUTCOME_END;
    uint64_t times = times_of(r, &x->s);

    for (uint64_t n = 1; n < times && end; n++) {
        if (!run_once(r, x, &again))
            return false;
        for (unsigned i = 0; i < 32; i++)
            if (again.out.r[i] != out->out.r[i])
                out->vary |= (uint32_t)1 << i;
        if (again.exit != out->exit || again.out.pc != out->out.pc)
            r->unstable++;
    }
    cli_mark_clock(&x->s, out);
    return true;
}

static void build(struct recorder *r, struct one *x)
{
    fit(r, &x->s);
    x->nbase = cli_base_policy(&x->s, x->base, TSP_MAX_LEAF);
    input_build(&x->s, x->base, x->nbase, &x->image, &x->setup);
}

static void written(struct recorder *r, bool ok, const char *why)
{
    if (!ok)
        refuse(r, why);
    else
        r->written++;
    if (r->w.f == stdout)
        fflush(stdout);
    if (r->written % 32 == 0)
        cli_progress("%u recorded, %u refused", r->written, r->refused);
}

static void record_run(struct recorder *r, const char *id, const struct scenario *s, uint32_t vary)
{
    static struct one x;
    static struct outcome out;
    struct golden_written g = {id, &x.s, &x.setup, x.base, 0};
    char why[120] = "";

    x.s = *s;
    build(r, &x);
    g.nbase = x.nbase;
    if (!run_once(r, &x, &out) || !run_again(r, &x, &out))
        return;
    out.vary |= vary;
    written(r, golden_write_run(&r->w, &g, &out, why, sizeof(why)), why);
}

/* A leaf with all the ECX values of the other recording. */
static void record_cpuid(struct recorder *r, const struct golden_record *rec)
{
    static const uint8_t reg[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    static struct golden_sub sub[GOLDEN_SUB_MAX];
    static struct one x;
    static struct outcome out;
    struct golden_written g = {rec->id, &x.s, &x.setup, x.base, 0};
    char why[120] = "";

    x.s = *rec->s;
    for (unsigned i = 0; i < rec->nsub; i++) {
        sub[i].ecx = rec->sub[i].ecx;
        x.s.regs[TSP_RCX] = sub[i].ecx;
        build(r, &x);
        if (!run_once(r, &x, &out))
            return;
        if (out.exit != OUTCOME_HALT) {
            refuse(r, "CPUID did not complete");
            return;
        }
        for (unsigned k = 0; k < 4; k++)
            sub[i].reg[k] = out.out.r[reg[k]];
    }
    g.nbase = x.nbase;
    written(r, golden_write_cpuid(&r->w, &g, sub, rec->nsub, why, sizeof(why)), why);
}

static void record_like(struct recorder *r)
{
    const struct golden *g = &r->model.golden;

    for (size_t i = 0; i < g->n && !over(r); i++) {
        const struct golden_record *rec = &g->rec[i];

        if (rec->kind != GOLDEN_RUN && rec->kind != GOLDEN_CPUID)
            continue;
        if (!wanted(r, rec->id))
            continue;
        if (rec->kind == GOLDEN_CPUID)
            record_cpuid(r, rec);
        else
            record_run(r, rec->id, rec->s, rec->out.vary);
    }
}

static bool record_probe(void *ctx, const struct scenario *s)
{
    static struct scenario fitted;
    struct recorder *r = ctx;
    char id[64];

    fitted = *s;
    fit(r, &fitted);
    if (cli_seen(&fitted))
        return !over(r);
    snprintf(id, sizeof(id), "probe/%s/%05u", cli_arches[s->arch], r->probe++);
    if (wanted(r, id))
        record_run(r, id, &fitted, 0);
    return !over(r);
}

static void record_path(struct recorder *r, const char *path, unsigned depth)
{
    static struct scenario s;
    struct dirent **list;
    struct tsp_error err;
    struct stat sb;
    char inner[1024];
    int n;

    if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode) && depth < 8) {
        n = scandir(path, &list, NULL, alphasort);
        for (int i = 0; i < n; i++) {
            bool fits =
                snprintf(inner, sizeof(inner), "%s/%s", path, list[i]->d_name) < (int)sizeof(inner);

            if (fits && list[i]->d_name[0] != '.' && !over(r) &&
                strncmp(list[i]->d_name, "README", 6) != 0)
                record_path(r, inner, depth + 1);
            free(list[i]);
        }
        if (n >= 0)
            free(list);
    } else if (cli_scenario(path, &s, &err) != TSP_OK) {
        r->code = cli_fail("record", &err);
    } else if (((r->src.t.caps & TSP_CAP_X86) != 0 && s.arch == TSP_ARCH_X86) ||
               ((r->src.t.caps & TSP_CAP_ARM64) != 0 && s.arch == TSP_ARCH_ARM64)) {
        if (wanted(r, path))
            record_run(r, path, &s, 0);
    }
}

/* What was recorded on, before the records: reading them needs some of it. */
static void write_head(struct recorder *r)
{
    struct target_host h;
    struct utsname u;
    bool real = target_host(&r->src.t, &h), x86 = (r->src.t.caps & TSP_CAP_X86) != 0;

    fputs("{\"id\":\"recording\",\"target\":", r->w.f);
    escape_json(r->w.f, r->src.t.name);
    fputs(",\"by\":\"trapspec " TRAPSPEC_VERSION "\"", r->w.f);
    if (real && uname(&u) == 0) {
        fputs(",\"kernel\":", r->w.f);
        escape_json(r->w.f, u.release);
        fputs(",\"machine\":", r->w.f);
        escape_json(r->w.f, u.machine);
    }
    if (x86)
        fprintf(r->w.f, ",\"host\":\"%s\"",
                golden_vendor[real ? h.vendor % TSP_VENDOR_COUNT : r->host]);
    if (x86)
        fprintf(r->w.f, ",\"clocksource\":\"%s\"", real && h.tsc ? "tsc" : "other");
    fputs("}\n", r->w.f);
    if (real && h.nleaf > 0)
        golden_write_table(&r->w, "supported", h.leaf, h.nleaf);
}

static void record_all(struct recorder *r)
{
    write_head(r);
    if (r->like != NULL)
        record_like(r);
    for (int i = 0; i < r->npath && !over(r); i++)
        record_path(r, r->path[i], 0);
    if (!r->probes)
        return;
    if ((r->src.t.caps & TSP_CAP_X86) != 0 && !over(r))
        probe_each(spec_builtin(), TSP_ARCH_X86, record_probe, r);
    if ((r->src.t.caps & TSP_CAP_ARM64) != 0 && !over(r))
        probe_each(spec_builtin(), TSP_ARCH_ARM64, record_probe, r);
}

static void summary(const struct recorder *r)
{
    cli_progress_done();
    fprintf(stderr, "trapspec record: %u recorded, %u refused%s\n", r->written, r->refused,
            cli_interrupted() ? " (interrupted)"
            : time_is_up(r)   ? " (time is up)"
                              : "");
    for (size_t i = 0; i < REASONS && r->reason[i].n > 0; i++)
        fprintf(stderr, "  %u: %s\n", r->reason[i].n, r->reason[i].text);
    if (r->unstable > 0)
        fprintf(stderr, "  %u ended otherwise when run again\n", r->unstable);
}

static int record(struct recorder *r)
{
    struct file_out out;
    struct tsp_error err;

    if (file_begin(&out, r->out, &err) != TSP_OK)
        return cli_fail("record", &err);
    r->w.f = out.f;
    clock_gettime(CLOCK_MONOTONIC, &r->start);
    record_all(r);
    summary(r);
    if (r->written == 0) {
        file_abort(&out);
        return r->code != 0 ? r->code : EXIT_NOTHING;
    }
    if (file_commit(&out, &err) != TSP_OK)
        return cli_fail("record", &err);
    return r->code;
}

static int number(const char *name, const char *arg, uint64_t *out)
{
    if (cli_number(arg, 1000000, out) && *out > 0)
        return 0;
    return cli_usage("record", "--%s %s: a number of 1 to 1000000", name, arg);
}

static int one_option(struct recorder *r, int opt, const char *arg)
{
    int v;

    switch (opt) {
    case OPT_TARGET:
        r->target = arg;
        return 0;
    case 'o':
        r->out = arg;
        return 0;
    case OPT_LIKE:
        r->like = arg;
        return 0;
    case OPT_PROBES:
        r->probes = true;
        return 0;
    case OPT_FILTER:
        r->filter = arg;
        return 0;
    case OPT_SAMPLE:
        return number("sample", arg, &r->sample);
    case OPT_TIME:
        return number("time", arg, &r->seconds);
    case OPT_REPEAT:
        return number("repeat", arg, &r->repeat);
    case OPT_HOST:
        v = cli_choice(arg, cli_vendors);
        if (v != TSP_VENDOR_INTEL && v != TSP_VENDOR_AMD)
            return cli_usage("record", "--host %s: intel or amd", arg);
        r->host = (enum tsp_vendor)v;
        return 0;
    default:
        return -1;
    }
}

static int parse_args(struct recorder *r, int argc, char **argv)
{
    int opt, code = 0;

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1)
        code = one_option(r, opt, optarg);
    if (code == -1)
        return cli_bad_option("record", options, argv, optind - 1);
    r->path = argv + optind;
    r->npath = argc - optind;
    if (r->npath == 0 && r->like == NULL)
        r->probes = true;
    return code;
}

static enum tsp_status open_like(struct recorder *r, struct tsp_error *err)
{
    char name[1100];

    if (r->like == NULL)
        return TSP_OK;
    snprintf(name, sizeof(name), "%s%.1024s",
             strncmp(r->like, "golden:", 7) == 0 ? "" : "golden:", r->like);
    return source_open(&r->model, name, err);
}

static int run(int argc, char **argv)
{
    static struct recorder r;
    struct tsp_error err;
    int code;

    memset(&r, 0, sizeof(r));
    r.target = "kvm";
    r.out = "-";
    r.sample = 1;
    r.host = TSP_VENDOR_INTEL;
    code = parse_args(&r, argc, argv);
    if (code != 0)
        return code;
    if (open_like(&r, &err) != TSP_OK || source_open(&r.src, r.target, &err) != TSP_OK)
        code = cli_fail("record", &err);
    else if (r.src.t.ops == NULL || (r.src.t.caps & TSP_CAP_EXEC) == 0)
        code = cli_usage("record", "%s does not run code", r.target);
    else
        code = record(&r);
    source_close(&r.src);
    source_close(&r.model);
    return code;
}

const struct verb verb_record = {"record", run,
                                 "record what a target does, in a form to compare with", help};
