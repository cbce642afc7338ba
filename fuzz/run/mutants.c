/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/run/mutants.h"

#include "fuzz/run/explore.h"
#include "fuzz/run/probe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BUDGET 512u
/* First a few scenarios of everything that concerns the mutant, then the others. */
#define STRIDE 37u

struct hunt {
    const struct mutants_options *o;
    struct mutants_result *out;
    struct target mutant, base;
    struct spec_options judge;
    double start;
    unsigned at;     /* scenarios seen in this pass */
    bool first_pass; /* every STRIDE-th; else all the others */
    bool everything; /* no passes */
    bool end;
    bool guest; /* the mutant is a guest that errs */
    struct scenario s;
    struct input_image image;
    struct tsp_setup setup;
    struct tsp_trace trace;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The target is wrong, or the guest where that is what the mutant is about. */
static bool tells(const struct hunt *h, const struct finding *f)
{
    if (h->guest)
        return f->verdict == VERDICT_PASS && f->subject == SUBJECT_GUEST;
    return f->verdict == VERDICT_FAIL && f->subject == SUBJECT_TARGET;
}

/* A rule that fails on the mutant; the texts are those of the first. */
static void keep(void *ctx, const struct finding *f)
{
    struct mutants_result *r = ((struct hunt *)ctx)->out;

    if (!tells(ctx, f) || r->nrule == MUTANTS_RULES)
        return;
    for (unsigned i = 0; i < r->nrule; i++)
        if (r->rule[i] == f->rule)
            return;
    if (r->nrule == 0) {
        memcpy(r->expected, f->expected, sizeof(r->expected));
        memcpy(r->got, f->got, sizeof(r->got));
    }
    r->rule[r->nrule++] = f->rule;
}

/* A rule that the bare target breaks in the same run tells nothing. */
static void forget(void *ctx, const struct finding *f)
{
    struct mutants_result *r = ((struct hunt *)ctx)->out;
    unsigned n = 0;

    if (!tells(ctx, f))
        return;
    for (unsigned i = 0; i < r->nrule; i++)
        if (r->rule[i] != f->rule)
            r->rule[n++] = r->rule[i];
    r->nrule = n;
}

static bool run_on(struct hunt *h, struct target *t, void (*found)(void *, const struct finding *))
{
    if (exec_scenario(t, &h->s, &h->setup, BUDGET, &h->trace) != TSP_OK)
        return false;
    h->judge.caps = t->caps;
    h->judge.found = found;
    spec_check(h->o->spec, &h->setup, &h->trace, &h->judge);
    return true;
}

/* A rule that the mutant breaks and the bare target keeps ends the hunt. */
static bool judge_both(struct hunt *h)
{
    h->out->executions++;
    h->out->nrule = 0;
    if (run_on(h, &h->mutant, keep) && h->out->nrule > 0 && run_on(h, &h->base, forget))
        h->out->killed = h->out->nrule > 0;
    h->end |= h->out->killed;
    return !h->end;
}

static bool over(struct hunt *h)
{
    if ((h->out->executions & 63) == 0 && now() - h->start > h->o->seconds)
        h->end = true;
    if (h->o->stop != NULL && h->o->stop())
        h->end = true;
    return h->end;
}

static bool runs(const struct target *t, const struct scenario *s)
{
    return (t->caps & (s->arch == TSP_ARCH_X86 ? TSP_CAP_X86 : TSP_CAP_ARM64)) != 0 &&
           (!tsp_mode_is_aarch32(s->mode) || (t->caps & TSP_CAP_AARCH32) != 0) &&
           (s->nvcpu == 1 || (t->caps & TSP_CAP_SMP) != 0);
}

static bool one(void *ctx, const struct scenario *s)
{
    struct hunt *h = ctx;
    bool mine = h->everything || (h->at++ % STRIDE == 0) == h->first_pass;

    if (!mine || !runs(&h->base, s))
        return !h->end;
    if (over(h))
        return false;
    h->s = *s;
    h->o->build(&h->s, &h->image, &h->setup);
    return judge_both(h);
}

static void move_x86(struct probe *p)
{
    probe_move(p, TSP_ARCH_X86);
}

static void move_arm64(struct probe *p)
{
    probe_move(p, TSP_ARCH_ARM64);
}

static void probe_area(struct hunt *h, unsigned area)
{
    static const struct {
        unsigned area;
        void (*probe)(struct probe *p);
    } part[] = {{MUTANT_CPUID, probe_cpuid},
                {MUTANT_CPUID, probe_rows},
                {MUTANT_CALLS, probe_calls},
                {MUTANT_PATCH, probe_patch},
                {MUTANT_ARM64, probe_arm64},
                {MUTANT_AARCH32, probe_arm32},
                {MUTANT_MOVE, move_x86},
                {MUTANT_MOVE, move_arm64},
                {MUTANT_CALLS, probe_kvm_msr},
                {MUTANT_CPUID | MUTANT_MOVE, probe_msr},
                {MUTANT_CPUID | MUTANT_CALLS, probe_ask},
                {MUTANT_CALLS, probe_hyperv},
                {MUTANT_CALLS, probe_hyperv_own},
                {MUTANT_CALLS, probe_xen},
                {MUTANT_CALLS, probe_vmware},
                {MUTANT_CPUID | MUTANT_CALLS | MUTANT_MOVE, probe_edges},
                {MUTANT_ARM64 | MUTANT_MOVE, probe_edges_arm64},
                {MUTANT_ARM64, probe_xen_arm64},
                {MUTANT_CALLS, probe_history}};
    static struct probe p;

    for (size_t i = 0; i < PROBE_COUNT(part) && !h->end; i++) {
        if (!(part[i].area & area))
            continue;
        memset(&p, 0, sizeof(p));
        p.spec = h->o->spec;
        p.each = one;
        p.ctx = h;
        part[i].probe(&p);
    }
}

static void hunt_probes(struct hunt *h, unsigned area)
{
    for (unsigned pass = 0; pass < 2 && !h->end; pass++) {
        h->at = 0;
        h->first_pass = pass == 0;
        probe_area(h, area);
    }
    /* Whatever else there is. */
    h->everything = true;
    if (!h->end && area != MUTANT_ARM64 && area != MUTANT_AARCH32)
        probe_each(h->o->spec, TSP_ARCH_X86, one, h);
    if (!h->end)
        probe_each(h->o->spec, TSP_ARCH_ARM64, one, h);
}

/* A set-up of its own: only the verdict on its policies matters. */
static bool one_pool(void *ctx, const struct tsp_setup *setup)
{
    struct hunt *h = ctx;

    if (over(h))
        return false;
    h->setup = *setup;
    h->s.nsched = h->s.nmove = 0;
    return judge_both(h);
}

static const uint8_t pool_base[] = {INPUT_POLICY_INTEL, INPUT_POLICY_AMD};

static void hunt_pools(struct hunt *h)
{
    static struct input_image image;
    static struct tsp_setup setup;

    for (unsigned i = 0; i < sizeof(pool_base) && !h->end; i++) {
        input_default(&h->s, TSP_ARCH_X86);
        h->s.policy = pool_base[i];
        h->o->build(&h->s, &image, &setup);
        probe_pools(h->o->spec, &setup, one_pool, h);
    }
}

/* Shortest schedules come first; the base target is asked about each of them. */
static bool explored(void *ctx, const struct scenario *s, const struct explore_result *r)
{
    struct hunt *h = ctx;

    for (unsigned i = 0; i < r->nbroken && !h->end; i++) {
        struct scenario with = *s;
        uint32_t n = r->broken[i].nsched < INPUT_SCHED_MAX ? r->broken[i].nsched : INPUT_SCHED_MAX;

        memcpy(with.sched, r->broken[i].sched, n);
        with.nsched = n;
        one(h, &with);
    }
    h->out->executions += r->moves;
    h->end = h->end || now() - h->start > h->o->seconds || (h->o->stop != NULL && h->o->stop());
    return h->end;
}

static enum tsp_status open_both(struct hunt *h, const char *id, struct tsp_error *err)
{
    char name[2048 + MUTANT_ID_MAX];
    enum tsp_status st = target_open(&h->base, h->o->target, err);

    if (st != TSP_OK)
        return st;
    h->base.looked = true;
    snprintf(name, sizeof(name), "mutant:%s%s%s", id, "+", h->o->target);
    if (target_open(&h->mutant, name, err) == TSP_OK)
        h->out->tried = true;
    else if (err != NULL)
        snprintf(h->out->got, sizeof(h->out->got), "%.90s", err->text);
    return TSP_OK;
}

enum tsp_status mutants_try(const struct mutants_options *o, unsigned index,
                            struct mutants_result *out, struct tsp_error *err)
{
    static struct hunt h; /* too large for a stack; nothing is kept between two calls */
    struct mutant_info info;
    enum tsp_status st;

    memset(out, 0, sizeof(*out));
    out->index = index;
    if (!mutant_at(index, &info))
        return TSP_EARG;
    h.o = o;
    h.out = out;
    h.start = now();
    h.end = h.everything = false;
    h.guest = (info.area & MUTANT_GUEST) != 0;
    h.judge = (struct spec_options){.least = h.guest ? VERDICT_PASS : VERDICT_FAIL, .ctx = &h};
    memset(&h.mutant, 0, sizeof(h.mutant));
    st = open_both(&h, info.id, err);
    if (st == TSP_OK && out->tried) {
        if (info.area == MUTANT_POLICY) {
            hunt_pools(&h);
        } else if (info.area == MUTANT_RACE) {
            h.everything = true;
            mutants_explore(o->spec, &h.mutant, o->build, explored, &h);
        } else if (o->fuzz) {
            h.everything = true;
            mutants_invent(o->spec, o->seed, one, &h);
        } else {
            hunt_probes(&h, info.area);
        }
        out->nrule = out->killed ? out->nrule : 0;
        if (out->killed && o->killer != NULL && info.area != MUTANT_POLICY)
            o->killer(o->ctx, index, &h.s);
    }
    target_close(&h.mutant);
    target_close(&h.base);
    out->seconds = now() - h.start;
    return st;
}

struct exercise {
    const struct mutants_options *o;
    struct target t;
    struct spec_options judge;
    struct input_image image;
    struct tsp_setup setup;
    struct tsp_trace trace;
};

#define BROKEN 0x80000000u

/* A rule that the bare target breaks has not been kept. */
static void exercise_broken(void *ctx, const struct finding *f)
{
    struct exercise *x = ctx;

    if (f->verdict == VERDICT_FAIL && f->subject == SUBJECT_TARGET)
        x->judge.hits[f->rule] |= BROKEN;
}

static bool exercise_one(void *ctx, const struct scenario *s)
{
    struct exercise *x = ctx;

    if (!runs(&x->t, s))
        return true;
    x->o->build(s, &x->image, &x->setup);
    if (exec_scenario(&x->t, s, &x->setup, BUDGET, &x->trace) == TSP_OK)
        spec_check(x->o->spec, &x->setup, &x->trace, &x->judge);
    return x->o->stop == NULL || !x->o->stop();
}

static bool exercise_pool(void *ctx, const struct tsp_setup *setup)
{
    struct exercise *x = ctx;

    if (exec_run(&x->t, setup, NULL, 0, BUDGET, &x->trace) == TSP_OK)
        spec_check(x->o->spec, setup, &x->trace, &x->judge);
    return true;
}

static void exercise_pools(struct exercise *x)
{
    static struct scenario s;

    for (unsigned i = 0; i < sizeof(pool_base) && (x->t.caps & TSP_CAP_X86) != 0; i++) {
        input_default(&s, TSP_ARCH_X86);
        s.policy = pool_base[i];
        x->o->build(&s, &x->image, &x->setup);
        probe_pools(x->o->spec, &x->setup, exercise_pool, x);
    }
}

enum tsp_status mutants_exercise(const struct mutants_options *o, unsigned *hits,
                                 struct tsp_error *err)
{
    static struct exercise x; /* as above */
    enum tsp_status st;

    x.o = o;
    memset(hits, 0, spec_rule_count(o->spec) * sizeof(hits[0]));
    st = target_open(&x.t, o->target, err);
    if (st != TSP_OK)
        return st;
    x.t.looked = true;
    x.judge = (struct spec_options){
        .caps = x.t.caps, .least = VERDICT_FAIL, .hits = hits, .found = exercise_broken, .ctx = &x};
    probe_each(o->spec, TSP_ARCH_X86, exercise_one, &x);
    probe_each(o->spec, TSP_ARCH_ARM64, exercise_one, &x);
    exercise_pools(&x);
    mutants_races(exercise_one, &x);
    for (unsigned i = 0; i < spec_rule_count(o->spec); i++)
        hits[i] = hits[i] & BROKEN ? 0 : hits[i];
    target_close(&x.t);
    return TSP_OK;
}
