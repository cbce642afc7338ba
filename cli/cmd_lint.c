/* SPDX-License-Identifier: MIT */
#include "cli/lint.h"
#include "cli/formats/golden_write.h"

#include <string.h>

static const char help[] =
    "usage: trapspec lint [OPTION...] FILE...\n"
    "       trapspec lint [OPTION...] --live\n\n"
    "Judges CPUID dumps: reserved bits, vendor and hypervisor leaves, maxima, CPUs that differ.\n"
    "FILE is what `cpuid -r`, AIDA64, InstLatx64, libcpuid, `kcpuid -r` or `xen-cpuid -p` print,\n"
    "libvirt's XML, a Firecracker template, or /dev/cpu/N/cpuid; - is standard input. What the\n"
    "file is is told by its content. CPUs with the same finding share a line.\n\n"
    "  --live        this machine, every CPU\n"
    "  --json        JSON lines: findings, then one summary per file\n"
    "  --color WHEN  auto, always, never\n\n"
    "example: trapspec lint --live\n"
    "exit codes: 0 conforms, 1 findings, 2 usage, 3 bad input, 77 this machine has no CPUID\n";

enum { OPT_LIVE = 256, OPT_JSON, OPT_COLOR };
static const struct option options[] = {{"live", no_argument, NULL, OPT_LIVE},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"color", required_argument, NULL, OPT_COLOR},
                                        {NULL, 0, NULL, 0}};

static const char *const regs[4] = {"eax", "ebx", "ecx", "edx"};

static bool on(const struct lint_finding *f, unsigned cpu)
{
    return (f->cpu[cpu / 64] >> cpu % 64 & 1) != 0;
}

/* "cpu 0-3,8", by the numbers of the file; "Host policy" for a named one. */
static void print_cpus(const struct dump *d, const struct lint_finding *f)
{
    const char *sep = "cpu ";

    for (unsigned i = 0; i < d->ncpu; i++) {
        unsigned last = i;

        if (!on(f, i))
            continue;
        if (d->cpu[i].name[0] != 0) {
            printf("%s%s policy", *sep == 'c' ? "" : sep, d->cpu[i].name);
            sep = ", ";
            continue;
        }
        while (last + 1 < d->ncpu && on(f, last + 1) && d->cpu[last + 1].id == d->cpu[last].id + 1)
            last++;
        printf("%s%u", sep, d->cpu[i].id);
        if (last > i)
            printf("-%u", d->cpu[last].id);
        sep = ",";
        i = last;
    }
}

static void print_text(const char *file, const struct lint *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        const struct lint_finding *f = &l->found[i];

        printf("%s%s%s: ", cli_color(f->note ? COLOR_YELLOW : COLOR_RED), file,
               cli_color(COLOR_OFF));
        print_cpus(l->dump, f);
        printf(": %s0x%x.0x%x %s[%u", f->note ? "note: " : "", f->leaf, f->subleaf, regs[f->reg],
               f->hi);
        if (f->lo != f->hi)
            printf(":%u", f->lo);
        printf("] is 0x%x, expected %s: %s (%s): %s\n", f->value, f->expected, f->rule, f->source,
               f->text);
    }
}

static void json_field(const char *key, const char *text)
{
    printf(",\"%s\":", key);
    golden_write_text(stdout, text);
}

static void json_cpus(const struct dump *d, const struct lint_finding *f)
{
    const char *sep = "";

    printf(",\"cpus\":[");
    for (unsigned i = 0; i < d->ncpu; i++) {
        if (!on(f, i))
            continue;
        fputs(sep, stdout);
        sep = ",";
        if (d->cpu[i].name[0] != 0)
            golden_write_text(stdout, d->cpu[i].name);
        else
            printf("%u", d->cpu[i].id);
    }
    putchar(']');
}

static void print_json(const char *file, const struct lint *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        const struct lint_finding *f = &l->found[i];

        printf("{\"kind\":\"%s\"", f->note ? "note" : "finding");
        json_field("file", file);
        json_cpus(l->dump, f);
        printf(",\"leaf\":\"0x%x\",\"subleaf\":\"0x%x\",\"register\":\"%s\",\"hi\":%u,\"lo\":%u",
               f->leaf, f->subleaf, regs[f->reg], f->hi, f->lo);
        printf(",\"value\":\"0x%x\"", f->value);
        json_field("expected", f->expected);
        json_field("rule", f->rule);
        json_field("source", f->source);
        json_field("text", f->text);
        puts("}");
    }
}

static unsigned count_findings(const struct lint *l)
{
    unsigned n = 0;

    for (unsigned i = 0; i < l->n; i++)
        n += !l->found[i].note;
    return n + l->lost;
}

static void print_summary(const char *file, const struct lint *l, bool json)
{
    unsigned findings = count_findings(l), notes = l->n + l->lost - findings;

    if (json) {
        printf("{\"kind\":\"summary\"");
        json_field("file", file);
        json_field("format", l->dump->format);
        printf(",\"cpus\":%u,\"leaves\":%zu,\"judged\":%zu,\"findings\":%u,\"notes\":%u}\n",
               l->dump->ncpu, l->dump->n, l->judged, findings, notes);
        return;
    }
    printf("%s: %s, %u CPU%s, %zu of %zu leaves judged: ", file, l->dump->format, l->dump->ncpu,
           l->dump->ncpu == 1 ? "" : "s", l->judged, l->dump->n);
    if (findings == 0)
        printf("%sconforms%s", cli_color(COLOR_GREEN), cli_color(COLOR_OFF));
    else
        printf("%u finding%s", findings, findings == 1 ? "" : "s");
    if (notes > 0)
        printf(", %u note%s", notes, notes == 1 ? "" : "s");
    if (l->lost > 0)
        printf(" (%u not shown)", l->lost);
    putchar('\n');
}

/* A dump is judged once, whatever it came from; it is freed. */
static int lint_one(const char *file, struct dump *d, bool json)
{
    struct tsp_error err;
    struct lint l;
    int code = EXIT_CONFORMS;

    if (lint_open(&l, d, &err) != TSP_OK) {
        dump_free(d);
        return cli_fail("lint", &err);
    }
    lint_run(&l);
    if (json)
        print_json(file, &l);
    else
        print_text(file, &l);
    print_summary(file, &l, json);
    if (count_findings(&l) > 0)
        code = EXIT_FINDINGS;
    lint_close(&l);
    dump_free(d);
    return code;
}

static int lint_file(const char *file, bool json)
{
    struct tsp_error err;
    struct dump d;

    if (dump_load(file, &d, &err) != TSP_OK) {
        /* In the order of the files, when both go to one place. */
        fflush(stdout);
        return cli_fail("lint", &err);
    }
    return lint_one(strcmp(file, "-") == 0 ? "standard input" : file, &d, json);
}

static int lint_live(bool json)
{
    struct tsp_error err;
    struct dump d;

    if (dump_live_all(&d, &err) != TSP_OK)
        return cli_fail("lint", &err);
    return lint_one("this machine", &d, json);
}

static int run(int argc, char **argv)
{
    bool live = false, json = false;
    int opt, code = EXIT_CONFORMS;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (opt == OPT_LIVE)
            live = true;
        else if (opt == OPT_JSON)
            json = true;
        else if (opt == OPT_COLOR)
            cli_set_color(optarg);
        else
            return cli_bad_option("lint", options, argv, optind - 1);
    }
    if (live && optind < argc)
        return cli_usage("lint", "either --live or files");
    if (!live && optind == argc)
        return cli_usage("lint", "a file or --live is needed");
    if (live)
        return lint_live(json);
    /* Every file is judged; the worst one counts. */
    for (; optind < argc && !cli_interrupted(); optind++) {
        int one = lint_file(argv[optind], json);

        code = one > code ? one : code;
    }
    return code;
}

const struct verb verb_lint = {"lint", run, "judge CPUID dumps, or this machine's CPUID", help};
