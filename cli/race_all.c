/* SPDX-License-Identifier: MIT */
/* The matrix of races, its cases shared out among processes. */
#define _XOPEN_SOURCE 700
#include "cli/race.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The protocol's own way of storing, a shorter schedule, else the earlier case: whoever explored
 * it, the same one is shown. */
static bool better(const struct race_break *a, const struct race_break *b)
{
    if (b->cases > 0 && (a->first.how == 0) != (b->first.how == 0))
        return a->first.how == 0;
    if (b->cases == 0 || a->how.nsched != b->how.nsched)
        return b->cases == 0 || a->how.nsched < b->how.nsched;
    return a->at < b->at;
}

static void take_break(struct race_sum *sum, const struct race_break *n)
{
    struct race_break *b = sum->broken;
    unsigned cases, own;

    while (b < sum->broken + sum->nbreak && b->how.rule != n->how.rule)
        b++;
    if (b == sum->broken + sum->nbreak) {
        if (sum->nbreak == EXPLORE_RULES)
            return;
        sum->nbreak++;
        *b = (struct race_break){.cases = 0};
    }
    cases = b->cases + n->cases;
    own = b->own + n->own;
    if (better(n, b))
        *b = *n;
    b->cases = cases;
    b->own = own;
}

enum tsp_status race_explore_case(struct race_worker *w, const struct race_case *c, unsigned at,
                                  struct race_sum *sum)
{
    static struct explore_result result;
    static struct input_image image;
    static struct scenario s;
    struct tsp_setup setup;
    struct explore_options o = {.spec = w->spec,
                                .interrupts = race_interrupts(c),
                                .migrations = race_migrations(c),
                                .tables = race_tables(c),
                                .preempt = w->preempt,
                                .reduce = c->vcpus > 2};
    enum tsp_status st;

    if (!race_scenario(c, &s))
        return TSP_EARG;
    cli_build(&s, &image, &setup);
    st = explorer_run(w->explorer, &w->src.t, &setup, &o, &result);
    if (st != TSP_OK)
        return st;
    sum->cases++;
    sum->own += c->how == 0;
    sum->truncated += result.truncated;
    sum->states += result.states;
    sum->moves += result.moves;
    sum->schedules += result.schedules;
    for (unsigned i = 0; i < result.nbroken; i++) {
        struct race_break b = {
            .cases = 1, .own = c->how == 0, .at = at, .first = *c, .how = result.broken[i]};

        take_break(sum, &b);
    }
    return TSP_OK;
}

static bool wanted(const struct race_worker *w, const struct race_case *c)
{
    if (w->only == NULL)
        return true;
    return (w->only->vcpus == 0 || w->only->vcpus == c->vcpus) &&
           (w->any_how || w->only->how == c->how);
}

/* Every jobs-th case, from the share-th on. */
static enum tsp_status explore_share(struct race_worker *w, unsigned protocol, unsigned share,
                                     struct race_sum *sum)
{
    enum tsp_status st = TSP_OK;
    struct race_case c;
    unsigned seen = 0;

    for (unsigned i = 0; st == TSP_OK && i < race_case_end() && !cli_interrupted(); i++) {
        if (!race_case_at(i, &c))
            continue;
        c.protocol = (uint8_t)protocol;
        if (!race_possible(&c) || !wanted(w, &c) || seen++ % w->jobs != share)
            continue;
        st = race_explore_case(w, &c, i, sum);
        sum->refused += st == TSP_ENOTSUP;
        st = st == TSP_ENOTSUP ? TSP_OK : st;
        if (share == 0 && sum->cases % 64 == 0)
            cli_progress("protocol %u: %u cases", protocol, sum->cases * w->jobs);
    }
    return st;
}

struct share {
    pid_t pid;
    int fd;
};

struct answer {
    enum tsp_status st;
    struct race_sum sum;
};

/* The other process has a target of its own: one in a child process cannot be shared. */
static int child(struct race_worker *w, unsigned protocol, unsigned share, int fd)
{
    static struct answer a;
    static struct source own;
    struct tsp_error err;
    const uint8_t *p = (const uint8_t *)&a;

    a.sum = (struct race_sum){.protocol = protocol};
    a.st = source_open(&own, w->target, &err);
    w->src = own;
    if (a.st == TSP_OK)
        a.st = explore_share(w, protocol, share, &a.sum);
    source_close(&w->src);
    for (size_t at = 0; at < sizeof(a);) {
        ssize_t n = write(fd, p + at, sizeof(a) - at);

        if (n <= 0)
            return 1;
        at += (size_t)n;
    }
    return 0;
}

static bool start(struct race_worker *w, unsigned protocol, unsigned share, struct share *out)
{
    int fd[2];

    if (pipe(fd) != 0)
        return false;
    fflush(NULL);
    out->pid = fork();
    if (out->pid == 0) {
        close(fd[0]);
        _exit(child(w, protocol, share, fd[1]));
    }
    close(fd[1]);
    out->fd = fd[0];
    if (out->pid < 0)
        close(fd[0]);
    return out->pid > 0;
}

static enum tsp_status finish(struct share *s, struct race_sum *sum)
{
    static struct answer a;
    size_t at = 0;
    ssize_t n = 1;

    while (at < sizeof(a) && n > 0) {
        n = read(s->fd, (uint8_t *)&a + at, sizeof(a) - at);
        at += n > 0 ? (size_t)n : 0;
    }
    close(s->fd);
    waitpid(s->pid, NULL, 0);
    if (at < sizeof(a))
        return TSP_ENOMEM;
    sum->cases += a.sum.cases;
    sum->own += a.sum.own;
    sum->truncated += a.sum.truncated;
    sum->refused += a.sum.refused;
    sum->states += a.sum.states;
    sum->moves += a.sum.moves;
    sum->schedules += a.sum.schedules;
    for (unsigned i = 0; i < a.sum.nbreak && i < EXPLORE_RULES; i++)
        take_break(sum, &a.sum.broken[i]);
    return a.st;
}

#define SHARES_MAX 64u

enum tsp_status race_explore_matrix(struct race_worker *w, unsigned protocol, struct race_sum *sum)
{
    struct share other[SHARES_MAX];
    unsigned jobs = w->jobs < SHARES_MAX ? w->jobs : SHARES_MAX, n = 0;
    enum tsp_status st = TSP_OK, each;

    while (n + 1 < jobs && st == TSP_OK) {
        st = start(w, protocol, n + 1, &other[n]) ? TSP_OK : TSP_ENOMEM;
        n += st == TSP_OK;
    }
    if (st == TSP_OK)
        st = explore_share(w, protocol, 0, sum);
    for (unsigned i = 0; i < n; i++) {
        each = finish(&other[i], sum);
        st = st == TSP_OK ? each : st;
    }
    cli_progress_done();
    return st == TSP_OK && sum->cases == 0 && sum->refused > 0 ? TSP_ENOTSUP : st;
}
