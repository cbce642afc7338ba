/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/cli.h"
#include "fuzz/run/derive.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: trapspec replay [OPTION...] PATH...\n\n"
    "Runs scenario files again and judges them. A PATH is a file in text or binary form, or a "
    "directory\n"
    "that is searched (sorted). Files of libFuzzer (crash-*, timeout-*, oom-*, leak-*, "
    "slow-unit-*),\n"
    "ClusterFuzz (clusterfuzz-testcase-*) and AFL++ (id:*, in crashes/, hangs/ and queue/) are "
    "taken as they are;\n"
    "README files, *.summary, *.md and AFL++'s own records are passed over.\n\n"
    "  --target T      model:kvm (default), model:PROFILE, plugin:FILE, kvm (with the\n"
    "                  processor it runs on)\n"
    "  --harness H     fz_exec, fz_cpuid, fz_hypercall or fz_race: run all that this harness makes "
    "of a file;\n"
    "                  by default the harness that the file's path names, else the scenario alone; "
    "a "
    "text\n"
    "                  keeps its own protocol unless --harness says fz_race\n"
    "  --protocol P    what fz_race runs under (text-poke)\n"
    "  --known FILE    accepted deviations\n"
    "  --budget N      instructions for each run (512 where a harness is named, else 100000)\n"
    "  --verbose       print every trap of every file\n"
    "  --text          print each file as text instead of running it\n"
    "  --json          one JSON line per file\n\n"
    "example: trapspec replay corpora/text/fz_hypercall crash-1f2e3d\n"
    "exit codes: 0 all conform, 1 findings, 2 usage, 3 a file cannot be read, 77 nothing to "
    "replay\n";

enum {
    OPT_TARGET = 256,
    OPT_HARNESS,
    OPT_PROTOCOL,
    OPT_KNOWN,
    OPT_BUDGET,
    OPT_VERBOSE,
    OPT_TEXT,
    OPT_JSON
};
static const struct option options[] = {{"target", required_argument, NULL, OPT_TARGET},
                                        {"harness", required_argument, NULL, OPT_HARNESS},
                                        {"protocol", required_argument, NULL, OPT_PROTOCOL},
                                        {"known", required_argument, NULL, OPT_KNOWN},
                                        {"budget", required_argument, NULL, OPT_BUDGET},
                                        {"verbose", no_argument, NULL, OPT_VERBOSE},
                                        {"text", no_argument, NULL, OPT_TEXT},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

struct replay {
    struct runner r;
    const char *target, *known_file, *harness;
    uint8_t protocol;
    uint32_t budget; /* 0: what is usual */
    bool text, json, verbose;
    unsigned files, failed, unreadable;
};

/* Files that lie beside inputs but are none. */
static bool passed_over(const char *name)
{
    static const char *const end[] = {".summary", ".md",   ".json", ".html",
                                      ".options", ".dict", NULL};
    size_t n = strlen(name);

    if (name[0] == '.' || strncmp(name, "README", 6) == 0 || strcmp(name, "fuzzer_stats") == 0 ||
        strcmp(name, "plot_data") == 0 || strcmp(name, "cmdline") == 0 ||
        strcmp(name, "fuzz_bitmap") == 0 || strcmp(name, "fuzzer_setup") == 0 ||
        strcmp(name, "fastresume.bin") == 0 || strcmp(name, "target_hash") == 0)
        return true;
    for (unsigned i = 0; end[i] != NULL; i++)
        if (n > strlen(end[i]) && strcmp(name + n - strlen(end[i]), end[i]) == 0)
            return true;
    return false;
}

static void print_text(const struct scenario *s)
{
    size_t n = input_text_write(s, NULL, 0);
    char *text = malloc(n + 1);

    if (text != NULL) {
        input_text_write(s, text, n + 1);
        fputs(text, stdout);
    }
    free(text);
}

static void print_result(const struct replay *rp, const char *path, const struct run_result *res)
{
    if (rp->json) {
        json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:s, s:s}", "file", path, "verdict",
                              res->fails > 0 ? "FAIL" : verdict_name(res->worst), "events",
                              (int)res->events, "findings", (int)res->fails, "policy",
                              (int)res->policy_fails, "first", res->first, "also", res->also);
        char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

        printf("%s\n", line == NULL ? "{}" : line);
        free(line);
        json_decref(o);
        return;
    }
    printf("%s%s%s %s", cli_verdict_color(res->worst),
           res->fails > 0 ? "FAIL" : verdict_name(res->worst), cli_color(COLOR_OFF), path);
    if (res->fails > 0)
        printf("  %s%s%s", res->first, res->also[0] != 0 ? "; also " : "", res->also);
    else if (res->policy_fails > 0)
        printf("  (%u fields of its own CPUID policy break rules)", res->policy_fails);
    printf("\n");
}

/* All scenarios of one file, run one after the other; what they show is added up. */
struct one_file {
    struct replay *rp;
    struct input_image image;
    struct tsp_setup setup;
    struct run_result sum;
    struct tsp_error err;
    bool refused;
};

static bool run_scenario(void *ctx, const struct scenario *given)
{
    struct one_file *f = ctx;
    struct scenario s = *given;
    struct run_result res;

    if (f->rp->text) {
        print_text(&s);
        return false;
    }
    cli_fit(f->rp->r.t, &s);
    cli_build(&s, &f->image, &f->setup);
    f->rp->r.move = s.move;
    f->rp->r.nmove = s.nmove;
    if (runner_run(&f->rp->r, &f->setup, s.sched, s.nsched, &res, &f->err) != TSP_OK) {
        f->refused = true;
        return true;
    }
    f->sum.events += res.events;
    f->sum.policy_fails += res.policy_fails;
    /* A scenario's policy may be as wild as it likes: what counts is what the target makes of it.
     */
    if (res.fails > res.policy_fails && f->sum.fails == 0) {
        memcpy(f->sum.first, res.first, sizeof(f->sum.first));
        memcpy(f->sum.also, res.also, sizeof(f->sum.also));
    }
    f->sum.fails += res.fails - res.policy_fails;
    if (res.fails == res.policy_fails && res.worst == VERDICT_FAIL)
        res.worst = VERDICT_PASS;
    if (res.worst > f->sum.worst)
        f->sum.worst = res.worst;
    return !cli_interrupted();
}

/* What is made of a file. A text under a path that names fz_race is a schedule as somebody wrote it
 * down, protocol and all. */
static enum derive derivation(const struct replay *rp, const char *path, bool is_text)
{
    enum derive how = derive_of(rp->harness != NULL ? rp->harness : path);

    if (rp->text || (how >= DERIVE_RACE && rp->harness == NULL && is_text))
        return DERIVE_NONE;
    return how >= DERIVE_RACE ? (enum derive)(DERIVE_RACE + rp->protocol) : how;
}

static void replay_file(struct replay *rp, const char *path)
{
    static struct one_file f;
    static struct scenario s;
    enum derive how;
    uint8_t *bytes;
    size_t n;

    memset(&f, 0, sizeof(f));
    f.rp = rp;
    /* Read once for its errors, which name the line. */
    if (cli_scenario(path, &s, &f.err) != TSP_OK ||
        file_read(path, 1u << 20, &bytes, &n, &f.err) != TSP_OK) {
        fprintf(stderr, "trapspec replay: %s\n", f.err.text);
        rp->unreadable++;
        return;
    }
    rp->files++;
    how = derivation(rp, path, input_is_text(bytes, n));
    rp->r.budget = rp->budget != 0 ? rp->budget : how == DERIVE_NONE ? 100000 : DERIVE_BUDGET;
    derive_each(how, bytes, n, &f.setup.policy[0], run_scenario, &f);
    free(bytes);
    if (rp->text)
        return;
    if (f.refused && f.sum.events == 0) {
        fprintf(stderr, "trapspec replay: %s: %s\n", path, f.err.text);
        rp->unreadable++;
        return;
    }
    rp->failed += f.sum.fails > 0;
    print_result(rp, path, &f.sum);
}

static void replay_path(struct replay *rp, const char *path, unsigned depth);

static void replay_dir(struct replay *rp, const char *path, unsigned depth)
{
    struct dirent **list;
    int n = scandir(path, &list, NULL, alphasort);

    if (n < 0) {
        fprintf(stderr, "trapspec replay: %s: %s\n", path, strerror(errno));
        rp->unreadable++;
        return;
    }
    for (int i = 0; i < n; i++) {
        char inner[4096];

        if (!passed_over(list[i]->d_name) && !cli_interrupted() &&
            snprintf(inner, sizeof(inner), "%s/%s", path, list[i]->d_name) < (int)sizeof(inner))
            replay_path(rp, inner, depth + 1);
        free(list[i]);
    }
    free(list);
}

static void replay_path(struct replay *rp, const char *path, unsigned depth)
{
    struct stat sb = {0};

    if (strcmp(path, "-") != 0 && stat(path, &sb) != 0) {
        fprintf(stderr, "trapspec replay: %s: %s\n", path, strerror(errno));
        rp->unreadable++;
    } else if (strcmp(path, "-") != 0 && S_ISDIR(sb.st_mode)) {
        if (depth < 16)
            replay_dir(rp, path, depth);
    } else {
        replay_file(rp, path);
    }
}

static int parse_args(struct replay *rp, int argc, char **argv)
{
    static const char *const harnesses[] = {"fz_exec", "fz_cpuid", "fz_hypercall", "fz_race", NULL};
    uint64_t v;
    int opt, i;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (opt == OPT_TARGET)
            rp->target = optarg;
        else if (opt == OPT_KNOWN)
            rp->known_file = optarg;
        else if (opt == OPT_HARNESS && cli_pick("replay", "harness", optarg, harnesses, &i) != 0)
            return EXIT_USAGE;
        else if (opt == OPT_HARNESS)
            rp->harness = optarg;
        else if (opt == OPT_PROTOCOL)
            rp->protocol = derive_protocol(optarg);
        else if (opt == OPT_VERBOSE)
            rp->verbose = true;
        else if (opt == OPT_TEXT)
            rp->text = true;
        else if (opt == OPT_JSON)
            rp->json = true;
        else if (opt == OPT_BUDGET && cli_number(optarg, UINT32_MAX, &v))
            rp->budget = (uint32_t)v;
        else if (opt == OPT_BUDGET)
            return cli_usage("replay", "--budget %s: a number of instructions", optarg);
        else
            return cli_bad_option("replay", options, argv, optind - 1);
    }
    if (rp->protocol == TSP_PROTOCOL_NONE)
        return cli_usage("replay", "--protocol: there is no such protocol; trapspec race --help "
                                   "has them");
    if (optind == argc)
        return cli_usage("replay", "at least one PATH is needed");
    return 0;
}

static int finish(const struct replay *rp)
{
    if (!rp->json && !rp->text)
        printf("%u files, %u with findings%s\n", rp->files, rp->failed,
               cli_interrupted() ? " (interrupted)" : "");
    if (rp->unreadable > 0)
        return EXIT_BAD_INPUT;
    if (rp->files == 0)
        return EXIT_NOTHING;
    return rp->failed > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static int run(int argc, char **argv)
{
    struct replay rp = {.target = "model:kvm", .protocol = TSP_PROTOCOL_TEXT_POKE};
    struct known *known = NULL;
    struct source src;
    struct tsp_error err;
    int code = parse_args(&rp, argc, argv);

    if (code != 0)
        return code;
    if (cli_known(rp.target, rp.known_file, &known, &err) != TSP_OK)
        return cli_fail("replay", &err);
    if (source_open(&src, rp.target, &err) != TSP_OK) {
        code = cli_fail("replay", &err);
    } else if (src.t.ops == NULL || (src.t.caps & TSP_CAP_EXEC) == 0) {
        code = cli_usage("replay", "%s cannot run scenarios", rp.target);
    } else {
        rp.r.t = &src.t;
        rp.r.spec = spec_builtin();
        rp.r.known = known;
        rp.r.view = rp.verbose ? (rp.json ? VIEW_JSON : VIEW_TEXT) : VIEW_NONE;
        for (int i = optind; i < argc && !cli_interrupted(); i++)
            replay_path(&rp, argv[i], 0);
        code = finish(&rp);
    }
    source_close(&src);
    known_free(known);
    return code;
}

const struct verb verb_replay = {"replay", run, "run scenario and crash files again", help};
