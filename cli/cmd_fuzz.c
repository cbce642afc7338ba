/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/campaign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: trapspec fuzz HARNESS [OPTION...]\n\n"
    "Runs a fuzz campaign: fz_exec, fz_cpuid, fz_hypercall, fz_race, fz_decoder, fz_judge or "
    "fz_policy "
    "under libFuzzer or AFL++.\n"
    "The corpus is kept between runs; ^C ends the campaign cleanly. On a terminal one line shows "
    "executions,\n"
    "executions per second, edges, corpus, rules exercised and findings.\n\n"
    "  --engine E     libfuzzer (default) or afl\n"
    "  --time S       seconds (60)\n"
    "  --target T     what is fuzzed: model:kvm (default), model:PROFILE, plugin:FILE\n"
    "  -o DIR         keeps corpus/ and findings/ (fuzz-out)\n"
    "  --seeds DIR    starting inputs; default: those built with the harness\n"
    "  --cpu NAME     a recorded processor in the place of its vendor's base policy\n"
    "  --build DIR    where the harnesses are; default: build/libfuzzer or build/afl beside this "
    "program\n"
    "  --json         print the result as one JSON object\n\n"
    "example: trapspec fuzz fz_hypercall --engine afl --time 60\n"
    "exit codes: 0 no finding, 1 findings, 2 usage, 3 bad input, 77 harness or engine is not "
    "there\n";

enum { OPT_ENGINE = 256, OPT_TIME, OPT_TARGET, OPT_SEEDS, OPT_BUILD, OPT_CPU, OPT_JSON };
static const struct option options[] = {{"engine", required_argument, NULL, OPT_ENGINE},
                                        {"time", required_argument, NULL, OPT_TIME},
                                        {"target", required_argument, NULL, OPT_TARGET},
                                        {"seeds", required_argument, NULL, OPT_SEEDS},
                                        {"build", required_argument, NULL, OPT_BUILD},
                                        {"output", required_argument, NULL, 'o'},
                                        {"cpu", required_argument, NULL, OPT_CPU},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};
#define WEEK_SECONDS 604800u

static const char *const engines[] = {"libfuzzer", "afl", NULL};
static const char *const harnesses[] = {"fz_exec",    "fz_cpuid", "fz_hypercall", "fz_race",
                                        "fz_decoder", "fz_judge", "fz_policy",    NULL};

static int one_option(struct campaign *c, int opt)
{
    uint64_t v;
    int engine;

    switch (opt) {
    case OPT_ENGINE:
        engine = cli_choice(optarg, engines);
        if (engine < 0)
            return cli_usage("fuzz", "--engine %s: libfuzzer or afl", optarg);
        c->afl = engine == 1;
        return 0;
    case OPT_TIME:
        if (!cli_number(optarg, WEEK_SECONDS, &v) || v == 0)
            return cli_usage("fuzz", "--time %s: seconds, up to a week", optarg);
        c->seconds = (unsigned)v;
        return 0;
    case OPT_TARGET:
        c->target = optarg;
        return 0;
    case OPT_SEEDS:
        c->seeds = optarg;
        return 0;
    case OPT_BUILD:
        c->build = optarg;
        return 0;
    case OPT_CPU:
        c->cpu = optarg;
        return cli_use_cpu("fuzz", optarg);
    case OPT_JSON:
        c->json = true;
        return 0;
    default:
        c->out = optarg;
        return 0;
    }
}

static int parse_args(struct campaign *c, int argc, char **argv)
{
    const char *near;
    int opt, code = 0;

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return cli_bad_option("fuzz", options, argv, optind - 1);
        code = one_option(c, opt);
    }
    if (code != 0)
        return code;
    if (argc - optind != 1)
        return cli_usage("fuzz", "one HARNESS is needed: fz_exec, fz_cpuid, fz_hypercall, "
                                 "fz_race, fz_decoder, fz_judge or fz_policy");
    c->harness = argv[optind];
    near = cli_nearest(c->harness, harnesses);
    if (cli_choice(c->harness, harnesses) < 0)
        return cli_usage("fuzz", "unknown harness \"%s\"%s%s", c->harness,
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "");
    if (c->cpu != NULL && !campaign_takes_scenarios(c->harness))
        return cli_usage("fuzz", "--cpu: %s runs no machine", c->harness);
    return 0;
}

/* build/release/bin/trapspec -> build/libfuzzer */
static void default_build(struct campaign *c)
{
    static char path[2048];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

    if (c->build != NULL)
        return;
    path[n > 0 ? n : 0] = 0;
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(path, '/');

        if (slash != NULL)
            *slash = 0;
    }
    n = (ssize_t)strlen(path);
    snprintf(path + n, sizeof(path) - (size_t)n, "%s", c->afl ? "/afl" : "/libfuzzer");
    c->build = path;
}

static int run(int argc, char **argv)
{
    struct campaign c = {.target = "model:kvm", .out = "fuzz-out", .seconds = 60};
    int code = parse_args(&c, argc, argv);

    if (code != 0)
        return code;
    default_build(&c);
    return campaign_run(&c);
}

const struct verb verb_fuzz = {"fuzz", run, "run a fuzz campaign under libFuzzer or AFL++", help};
