/* SPDX-License-Identifier: MIT */
#include "cli/lint.h"

#include <string.h>

static const char help[] =
    "usage: trapspec lint [OPTION...] FILE...\n"
    "       trapspec lint [OPTION...] --live\n\n"
    "Judges CPUID dumps: reserved bits, features that need each other, maxima, sizes, hypervisor\n"
    "leaves, topology, CPUs that differ.\n"
    "FILE is what `cpuid -r`, AIDA64, InstLatx64, libcpuid (text and raw), `kcpuid -r`,\n"
    "`xen-cpuid` (policies and featuresets) or `trapspec cpuid` (any --format) print, libvirt's\n"
    "<cpudata> XML, a Firecracker template or fingerprint, QEMU's answer to QMP\n"
    "query-cpu-model-expansion, VBox.log, vmware.log, RJCP.CpuId XML, a report with a table of\n"
    "leaves (Hardware Monitor, CPU-Z, hwloc-gather-cpuid, x86info, Intel SDE), JSON lists of\n"
    "leaves (KVM's entries in states of monitors), a policy of\n"
    "`trapspec level -o`, or /dev/cpu/N/cpuid; - is standard input. What the file is is told by\n"
    "its content. CPUs with the same finding share a line. In a virtual machine each finding ends\n"
    "with who most likely caused it.\n\n"
    "  --live        this machine, every CPU\n"
    "  --json        JSON lines: findings, then one summary per file\n"
    "  --sarif       one SARIF 2.1.0 document of all files\n"
    "  --junit       one JUnit document of all files\n"
    "  --color WHEN  auto, always, never\n\n"
    "example: trapspec lint --live\n"
    "exit codes: 0 conforms, 1 findings, 2 usage, 3 bad input, 77 this machine has no CPUID\n";

enum { OPT_LIVE = 256, OPT_JSON, OPT_SARIF, OPT_JUNIT };
static const struct option options[] = {{"live", no_argument, NULL, OPT_LIVE},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"sarif", no_argument, NULL, OPT_SARIF},
                                        {"junit", no_argument, NULL, OPT_JUNIT},
                                        {NULL, 0, NULL, 0}};

/* How findings are shown: one of the options, or 0 for text. */
struct view {
    int how;
    struct lint_doc doc;
    bool lost; /* out of memory */
};

static void show(struct view *v, const char *file, const struct lint *l)
{
    const char *name = file != NULL ? file : "this machine";

    if (v->how == OPT_SARIF || v->how == OPT_JUNIT) {
        v->lost |= !lint_doc_add(&v->doc, file, l);
        return;
    }
    if (v->how == OPT_JSON)
        lint_print_json(name, l);
    else
        lint_print_text(name, l);
    lint_print_summary(name, l, v->how == OPT_JSON);
}

/* A dump is judged once, whatever it came from; it is freed. file NULL: this machine. */
static int lint_one(struct view *v, const char *file, struct dump *d)
{
    struct tsp_error err;
    struct lint l;
    int code = EXIT_CONFORMS;

    if (lint_open(&l, d, &err) != TSP_OK) {
        dump_free(d);
        return cli_fail("lint", &err);
    }
    lint_run(&l);
    show(v, file, &l);
    if (lint_count(&l) > 0)
        code = EXIT_FINDINGS;
    lint_close(&l);
    dump_free(d);
    return code;
}

static int lint_file(struct view *v, const char *file)
{
    struct tsp_error err;
    struct dump d;

    if (dump_load(file, &d, &err) == TSP_OK)
        return lint_one(v, strcmp(file, "-") == 0 ? "standard input" : file, &d);
    if (v->how == OPT_SARIF || v->how == OPT_JUNIT)
        v->lost |= !lint_doc_fail(&v->doc, file, &err);
    /* In the order of the files, when both go to one place. */
    fflush(stdout);
    return cli_fail("lint", &err);
}

static int lint_live(struct view *v)
{
    struct tsp_error err;
    struct dump d;

    if (dump_live_all(&d, &err) != TSP_OK)
        return cli_fail("lint", &err);
    return lint_one(v, NULL, &d);
}

static int finish(struct view *v, int code)
{
    if (v->how == OPT_SARIF)
        v->lost |= !report_write_sarif(stdout, &v->doc);
    else if (v->how == OPT_JUNIT)
        v->lost |= !report_write_junit(stdout, &v->doc);
    lint_doc_free(&v->doc);
    if (!v->lost)
        return code;
    fprintf(stderr, "trapspec lint: out of memory, the document is incomplete\n");
    return EXIT_BAD_INPUT;
}

static int run(int argc, char **argv)
{
    struct view v = {0};
    bool live = false;
    int opt, code = EXIT_CONFORMS;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (opt == OPT_LIVE)
            live = true;
        else if (opt == '?' || opt == ':')
            return cli_bad_option("lint", options, argv, optind - 1);
        else if (v.how != 0 && v.how != opt)
            return cli_usage("lint", "one of --json, --sarif and --junit");
        else
            v.how = opt;
    }
    if (live && optind < argc)
        return cli_usage("lint", "either --live or files");
    if (!live && optind == argc)
        return cli_usage("lint", "a file or --live is needed");
    if (live)
        code = lint_live(&v);
    /* Every file is judged; the worst one counts. */
    for (; optind < argc && !cli_interrupted(); optind++) {
        int one = lint_file(&v, argv[optind]);

        code = one > code ? one : code;
    }
    return finish(&v, code);
}

const struct verb verb_lint = {"lint", run, "judge CPUID dumps, or this machine's CPUID", help};
