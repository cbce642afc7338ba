/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
/* Mutants are tried in child processes: a target that dies with one of them ends that child alone.
 */
#include "cli/formats/recorded_cpu.h"
#include "cli/lint.h"
#include "cli/mutants.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64u
#define RULES_JOB (~0u)

/* What a child says; small enough to be written at once. */
struct message {
    unsigned slot; /* index into score.result; RULES_JOB: hits of the rules follow */
    struct mutants_result r;
};

struct worker {
    pid_t pid;
    int from;
    unsigned char buf[sizeof(struct message)];
    size_t have, rules; /* rules: bytes of score.hits still to come */
};

static void save_run(void *ctx, unsigned index, const struct scenario *s)
{
    const struct score *sc = ctx;
    static struct scenario folded;
    struct mutant_info info;
    struct file_out out;
    struct tsp_error err;
    char path[1100], *text;
    size_t n;

    folded = *s;
    input_fold(&folded);
    n = input_text_write(&folded, NULL, 0);
    text = malloc(n + 1);
    if (text == NULL || !mutant_at(index, &info)) {
        free(text);
        return;
    }
    input_text_write(&folded, text, n + 1);
    snprintf(path, sizeof(path), "%.1000s/%s.tst", sc->out, info.id);
    if (file_begin(&out, path, &err) == TSP_OK) {
        fwrite(text, 1, n, out.f);
        file_commit(&out, &err);
    }
    free(text);
}

static bool put(int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n > 0) {
        ssize_t done = write(fd, at, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

/* Rules about the leaves of whole machines: recorded processors keep them. */
static void try_recorded(const struct score *s)
{
    const char *const *name = recorded_cpu_names();
    static struct lint l;
    struct tsp_error err;

    for (; *name != NULL && !cli_interrupted(); name++) {
        struct dump d;

        if (recorded_cpu_read(*name, &d, &err) != TSP_OK)
            continue;
        if (lint_open(&l, &d, &err) == TSP_OK) {
            l.hits = s->hits;
            lint_run(&l);
            lint_close(&l);
        }
        dump_free(&d);
    }
}

static void try_rules(const struct score *s, int fd)
{
    struct message m;
    struct tsp_error err;

    memset(&m, 0, sizeof(m));
    m.slot = RULES_JOB;
    if (mutants_exercise(&s->run, s->hits, &err) != TSP_OK)
        return;
    try_recorded(s);
    if (put(fd, &m, sizeof(m)))
        put(fd, s->hits, spec_rule_count(s->run.spec) * sizeof(s->hits[0]));
}

/* The child's whole life: every so many of the mutants, or the rules. */
static void work(const struct score *s, unsigned job, int fd)
{
    struct mutants_options run = s->run;
    struct message m;
    struct tsp_error err;

    if (job == s->jobs) {
        try_rules(s, fd);
        return;
    }
    run.ctx = (void *)(uintptr_t)s;
    run.killer = s->out != NULL ? save_run : NULL;
    for (unsigned i = job; i < s->n && !cli_interrupted(); i += s->jobs) {
        memset(&m, 0, sizeof(m));
        m.slot = i;
        run.seed = s->run.seed + i;
        if (mutants_try(&run, s->index[i], &m.r, &err) != TSP_OK || !put(fd, &m, sizeof(m)))
            return;
    }
}

static bool start(const struct score *s, struct worker *w, unsigned job)
{
    int fd[2];

    memset(w, 0, sizeof(*w));
    if (pipe(fd) != 0)
        return false;
    fflush(stdout);
    fflush(stderr);
    w->pid = fork();
    if (w->pid == 0) {
        close(fd[0]);
        work(s, job, fd[1]);
        _exit(0);
    }
    close(fd[1]);
    w->from = fd[0];
    if (w->pid < 0)
        close(fd[0]);
    return w->pid > 0;
}

static void take(struct score *s, struct worker *w)
{
    struct message m;

    memcpy(&m, w->buf, sizeof(m));
    w->have = 0;
    if (m.slot == RULES_JOB) {
        w->rules = spec_rule_count(s->run.spec) * sizeof(s->hits[0]);
        return;
    }
    if (m.slot >= s->n)
        return;
    s->result[m.slot] = m.r;
    s->done[m.slot] = true;
    for (unsigned i = 0; i < m.r.nrule && i < MUTANTS_RULES; i++)
        if (m.r.rule[i] < spec_rule_count(s->run.spec))
            s->told[m.r.rule[i]]++;
}

/* False: the child has no more to say. */
static bool hear(struct score *s, struct worker *w)
{
    size_t all = spec_rule_count(s->run.spec) * sizeof(s->hits[0]);
    bool rules = w->rules > 0;
    void *to = rules ? (void *)((char *)s->hits + (all - w->rules)) : (void *)(w->buf + w->have);
    ssize_t n = read(w->from, to, rules ? w->rules : sizeof(w->buf) - w->have);

    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0)
        return false;
    if (rules) {
        w->rules -= (size_t)n;
        return true;
    }
    w->have += (size_t)n;
    if (w->have == sizeof(w->buf))
        take(s, w);
    return true;
}

static unsigned count_done(const struct score *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->n; i++)
        n += s->done[i];
    return n;
}

static void finish(struct score *s, struct worker *w)
{
    int status = 0;

    close(w->from);
    w->from = -1;
    if (waitpid(w->pid, &status, 0) != w->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        s->workers_lost++;
}

static void listen_all(struct score *s, struct worker *w, unsigned n)
{
    struct pollfd p[JOBS_MAX + 1];
    unsigned left = n;

    while (left > 0) {
        for (unsigned i = 0; i < n; i++)
            p[i] = (struct pollfd){.fd = w[i].from, .events = POLLIN};
        if (poll(p, n, 1000) < 0 && errno != EINTR)
            break;
        for (unsigned i = 0; i < n; i++) {
            if (w[i].from < 0 || !(p[i].revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            if (!hear(s, &w[i])) {
                finish(s, &w[i]);
                left--;
            }
        }
        cli_progress("%u of %u mutants tried", count_done(s), s->n);
    }
    cli_progress_done();
}

bool score_work(struct score *s)
{
    static struct worker w[JOBS_MAX + 1];
    unsigned n = 0;

    if (s->jobs > JOBS_MAX)
        s->jobs = JOBS_MAX;
    for (unsigned job = 0; job < s->jobs + (s->rules ? 1 : 0); job++)
        n += start(s, &w[n], job);
    listen_all(s, w, n);
    return n == s->jobs + (s->rules ? 1 : 0);
}
