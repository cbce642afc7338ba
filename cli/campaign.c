/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/campaign.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARG_MAX_COUNT 24

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Inputs and crash files have names without a leading dot; README and summaries are not inputs. */
static unsigned count_files(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    unsigned n = 0;

    while (d != NULL && (e = readdir(d)) != NULL)
        n += e->d_name[0] != '.' && strncmp(e->d_name, "README", 6) != 0;
    if (d != NULL)
        closedir(d);
    return n;
}

static void dict_argument(const struct campaign *c, char *out, size_t max, const char *prefix)
{
    char path[1200];

    snprintf(path, sizeof(path), "%s/bin/%s.dict", c->build, c->harness);
    out[0] = 0;
    if (access(path, R_OK) == 0)
        snprintf(out, max, "%s%s", prefix, path);
}

static void exec_libfuzzer(const struct campaign *c, unsigned seconds)
{
    char time_arg[48], artifact[1100], dict[1300], target[160], known[1200];
    char *argv[ARG_MAX_COUNT];
    int n = 0;

    snprintf(time_arg, sizeof(time_arg), "-max_total_time=%u", seconds);
    snprintf(artifact, sizeof(artifact), "-artifact_prefix=%s/", c->findings);
    snprintf(target, sizeof(target), "--target=%s", c->target);
    dict_argument(c, dict, sizeof(dict), "-dict=");
    /* The line of the violation says all; naming the stack's functions takes seconds each time. */
    setenv("ASAN_OPTIONS", "symbolize=0", 0);
    argv[n++] = (char *)c->binary;
    argv[n++] = time_arg;
    argv[n++] = artifact;
    argv[n++] = "-print_final_stats=1";
    argv[n++] = "-timeout=25";
    /* Its power schedule costs more time than the inputs do (docs/BENCH.md). */
    argv[n++] = "-entropic=0";
    if (dict[0] != 0)
        argv[n++] = dict;
    argv[n++] = target;
    if (access(c->accepted, R_OK) == 0) {
        snprintf(known, sizeof(known), "--known=%s", c->accepted);
        argv[n++] = known;
    }
    argv[n++] = (char *)c->corpus;
    if (c->seeds != NULL)
        argv[n++] = (char *)c->seeds;
    argv[n] = NULL;
    execv(c->binary, argv);
}

bool campaign_takes_scenarios(const char *harness)
{
    return strcmp(harness, "fz_decoder") != 0 && strcmp(harness, "fz_judge") != 0 &&
           strcmp(harness, "fz_policy") != 0;
}

static void exec_afl(const struct campaign *c, unsigned seconds)
{
    char time_arg[24], dict[1300], mutator[1200], resume[1200];
    char *argv[ARG_MAX_COUNT];
    int n = 0;

    snprintf(time_arg, sizeof(time_arg), "%u", seconds);
    dict_argument(c, dict, sizeof(dict), "");
    snprintf(mutator, sizeof(mutator), "%s/bin/trapspec_mutator.so", c->build);
    /* The mutator knows scenarios only. */
    if (campaign_takes_scenarios(c->harness) && access(mutator, R_OK) == 0)
        setenv("AFL_CUSTOM_MUTATOR_LIBRARY", mutator, 1);
    setenv("AFL_NO_UI", "1", 1);
    setenv("AFL_SKIP_CPUFREQ", "1", 1);
    setenv("AFL_NO_AFFINITY", "1", 1);
    setenv("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1", 1);
    setenv("AFL_FAST_CAL", "1", 1);
    setenv("TRAPSPEC_TARGET", c->target, 1);
    snprintf(resume, sizeof(resume), "%s/main/queue", c->corpus);
    argv[n++] = "afl-fuzz";
    argv[n++] = "-i";
    argv[n++] = count_files(resume) > 0 ? "-" : (char *)c->seeds;
    argv[n++] = "-o";
    argv[n++] = (char *)c->corpus;
    argv[n++] = "-S";
    argv[n++] = "main";
    argv[n++] = "-V";
    argv[n++] = time_arg;
    if (dict[0] != 0) {
        argv[n++] = "-x";
        argv[n++] = dict;
    }
    argv[n++] = "--";
    argv[n++] = (char *)c->binary;
    argv[n] = NULL;
    execvp("afl-fuzz", argv);
}

static bool start(struct campaign *c, unsigned seconds)
{
    int fd[2];

    if (pipe(fd) != 0)
        return false;
    c->child = fork();
    if (c->child == 0) {
        dup2(fd[1], 1);
        dup2(fd[1], 2);
        close(fd[0]);
        close(fd[1]);
        if (c->afl)
            exec_afl(c, seconds);
        else
            exec_libfuzzer(c, seconds);
        fprintf(stderr, "cannot start: %s\n", strerror(errno));
        _exit(127);
    }
    close(fd[1]);
    c->from_child = fd[0];
    fcntl(c->from_child, F_SETFL, O_NONBLOCK);
    return c->child > 0;
}

/* A rule once broken would stop each further round at once: it is noted, and accepted from then on.
 */
static void note_rule(const struct campaign *c, const char *violation)
{
    size_t n = strcspn(violation, ",");
    FILE *f = fopen(c->accepted, "a");

    if (f == NULL)
        return;
    fprintf(f, "%.*s, found by this campaign\n", (int)n, violation);
    fclose(f);
}

static uint64_t field(const char *line, const char *name)
{
    const char *at = strstr(line, name);

    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

/* libFuzzer: "#8192 pulse cov: 512 ft: 900 corp: 41/1204b exec/s: 4096 rss: 40Mb"; harness:
 * "violation: ...". */
static void child_line(struct campaign *c, const char *line)
{
    if (line[0] == '#' && strstr(line, "cov: ") != NULL) {
        c->execs = strtoull(line + 1, NULL, 10);
        c->edges = (unsigned)field(line, "cov: ");
        c->ncorpus = (unsigned)field(line, "corp: ");
        c->per_second = (unsigned)field(line, "exec/s: ");
    } else if (strncmp(line, "stat::number_of_executed_units:", 31) == 0) {
        c->execs = strtoull(line + 31, NULL, 10);
    } else if (strncmp(line, "violation: ", 11) == 0) {
        snprintf(c->violation, sizeof(c->violation), "%s", line + 11);
        if (!c->afl)
            note_rule(c, c->violation);
    } else if (strncmp(line, "cannot start: ", 14) == 0) {
        snprintf(c->violation, sizeof(c->violation), "%s", line);
    }
}

static void read_child(struct campaign *c)
{
    char buf[4096];
    ssize_t n;

    while ((n = read(c->from_child, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] == '\n') {
                c->line[c->nline] = 0;
                child_line(c, c->line);
                c->nline = 0;
            } else if (c->nline < sizeof(c->line) - 1) {
                c->line[c->nline++] = buf[i];
            }
        }
    }
}

static void read_afl_stats(struct campaign *c)
{
    char path[1200], line[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/main/fuzzer_stats", c->corpus);
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        const char *v = strchr(line, ':');

        if (v == NULL)
            continue;
        if (strncmp(line, "execs_done", 10) == 0)
            c->execs = strtoull(v + 1, NULL, 10);
        else if (strncmp(line, "execs_per_sec", 13) == 0)
            c->per_second = (unsigned)strtod(v + 1, NULL);
        else if (strncmp(line, "edges_found", 11) == 0)
            c->edges = (unsigned)strtoul(v + 1, NULL, 10);
        else if (strncmp(line, "corpus_count", 12) == 0)
            c->ncorpus = (unsigned)strtoul(v + 1, NULL, 10);
    }
    if (f != NULL)
        fclose(f);
}

static void corpus_dir(const struct campaign *c, char *out, size_t max)
{
    snprintf(out, max, "%s%s", c->corpus, c->afl ? "/main/queue" : "");
}

static void refresh(struct campaign *c, struct rule_watch *w, double left, unsigned most)
{
    char dir[1200], crashes[1200];

    if (c->afl)
        read_afl_stats(c);
    snprintf(crashes, sizeof(crashes), "%s/main/crashes", c->corpus);
    c->nfindings = count_files(c->afl ? crashes : c->findings);
    corpus_dir(c, dir, sizeof(dir));
    if (w != NULL)
        c->rules = rule_watch_scan(w, dir, most);
    cli_progress("%s %s: %" PRIu64
                 " execs, %u/s, %u edges, %u inputs, %u rules, %u findings, %.0f s left",
                 c->harness, c->afl ? "afl" : "libfuzzer", c->execs_before + c->execs,
                 c->per_second, c->edges, c->ncorpus, c->rules, c->nfindings, left > 0 ? left : 0);
}

/* Waits for the child, reading what it prints. Returns its wait status. */
static int watch(struct campaign *c, struct rule_watch *w, double end)
{
    bool asked = false;
    int status;

    for (;;) {
        struct pollfd p = {.fd = c->from_child, .events = POLLIN};

        poll(&p, 1, 500);
        read_child(c);
        refresh(c, w, end - now(), 64);
        if (waitpid(c->child, &status, WNOHANG) == c->child)
            break;
        if (cli_interrupted() && !asked) {
            kill(c->child, SIGINT);
            asked = true;
        }
        if (now() > end + 60)
            kill(c->child, SIGKILL);
    }
    read_child(c);
    close(c->from_child);
    return status;
}

static void print_result(const struct campaign *c)
{
    uint64_t execs = c->execs_before + c->execs;

    if (c->json) {
        json_t *o =
            json_pack("{s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:s}", "harness", c->harness,
                      "engine", c->afl ? "afl" : "libfuzzer", "target", c->target, "executions",
                      (json_int_t)execs, "edges", (int)c->edges, "corpus", (int)c->ncorpus, "rules",
                      (int)c->rules, "findings", (int)c->nfindings, "last", c->violation);
        char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

        printf("%s\n", line == NULL ? "{}" : line);
        free(line);
        json_decref(o);
        return;
    }
    printf("%s under %s on %s: %llu executions, %u edges, %u inputs, %u rules exercised, %u "
           "findings\n",
           c->harness, c->afl ? "AFL++" : "libFuzzer", c->target, (unsigned long long)execs,
           c->edges, c->ncorpus, c->rules, c->nfindings);
    if (c->nfindings > 0)
        printf("last: %s\nfindings: %s%s (trapspec replay --target %s)\n",
               c->violation[0] != 0 ? c->violation : "see the files",
               c->afl ? c->corpus : c->findings, c->afl ? "/main/crashes" : "", c->target);
}

/* The directories of one campaign; each --cpu has its own, or else AFL++ would go on with the
 * other's queue. */
static void name_dirs(struct campaign *c)
{
    const char *engine = c->afl ? "afl" : "libfuzzer";
    char what[160];

    snprintf(what, sizeof(what), "%.60s%s%.80s", c->harness, c->cpu != NULL ? "-" : "",
             c->cpu != NULL ? c->cpu : "");
    snprintf(c->corpus, sizeof(c->corpus), "%.800s/%s/corpus/%s", c->out, engine, what);
    snprintf(c->findings, sizeof(c->findings), "%.800s/%s/findings/%s", c->out, engine, what);
    snprintf(c->accepted, sizeof(c->accepted), "%.800s/%s/found-%s.csv", c->out, engine, what);
}

/* Seeds with the leaves of --cpu, beside the corpus. */
static int put_cpu(struct campaign *c)
{
    struct tsp_error err;
    char to[1024];

    snprintf(to, sizeof(to), "%.700s/%s/seeds/%.60s-%.80s", c->out, c->afl ? "afl" : "libfuzzer",
             c->harness, c->cpu);
    if (campaign_cpu_seeds(c->seeds, to, &err) != TSP_OK)
        return cli_fail("fuzz", &err);
    memcpy(c->own_seeds, to, sizeof(to));
    c->seeds = c->own_seeds;
    return 0;
}

static int prepare(struct campaign *c)
{
    struct tsp_error err;

    snprintf(c->binary, sizeof(c->binary), "%.900s/bin/%.60s", c->build, c->harness);
    if (access(c->binary, X_OK) != 0) {
        fprintf(stderr,
                "trapspec fuzz: %s is not there: cmake --preset %s && cmake --build --preset %s\n",
                c->binary, c->afl ? "afl" : "libfuzzer", c->afl ? "afl" : "libfuzzer");
        return EXIT_NOTHING;
    }
    name_dirs(c);
    unlink(c->accepted);
    if (file_mkdirs(c->corpus, &err) != TSP_OK || file_mkdirs(c->findings, &err) != TSP_OK)
        return cli_fail("fuzz", &err);
    if (c->seeds == NULL) {
        snprintf(c->own_seeds, sizeof(c->own_seeds), "%.900s/seeds/%.60s", c->build, c->harness);
        c->seeds = c->own_seeds;
    }
    if (count_files(c->seeds) == 0) {
        fprintf(stderr, "trapspec fuzz: %s: no starting inputs there\n", c->seeds);
        return EXIT_BAD_INPUT;
    }
    return c->cpu == NULL ? 0 : put_cpu(c);
}

int campaign_run(struct campaign *c)
{
    struct rule_watch *w;
    double end;
    int code = prepare(c), status = 0;

    if (code != 0)
        return code;
    w = rule_watch_open(c->target);
    if (w != NULL)
        c->rules = rule_watch_scan(w, c->seeds, 1u << 20);
    end = now() + c->seconds;
    /* libFuzzer stops at a finding: go on with the time that is left. */
    for (int round = 0; round < 1000 && now() < end && !cli_interrupted(); round++) {
        double left = end - now();

        c->execs = 0;
        if (!start(c, left < 1 ? 1 : (unsigned)left))
            break;
        status = watch(c, w, end);
        c->execs_before += c->execs;
        c->execs = 0;
        if (c->afl || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
            break;
    }
    if (c->afl)
        c->execs = c->execs_before, c->execs_before = 0;
    refresh(c, w, 0, UINT_MAX);
    cli_progress_done();
    rule_watch_close(w);
    if (c->execs + c->execs_before == 0) {
        fprintf(stderr, "trapspec fuzz: the engine did not run: %s\n",
                c->violation[0] != 0 ? c->violation : c->line);
        return EXIT_NOTHING;
    }
    print_result(c);
    return c->nfindings > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}
