/* SPDX-License-Identifier: MIT */
/* Breadth-first search over the states of a machine with a protocol. */
#include "fuzz/run/explore.h"

#include "fuzz/run/stepper.h"
#include "spec/race.h"

#include <stdlib.h>
#include <string.h>

#define STATE_MAX 24576u        /* bytes of one saved state */
#define ROOM ((size_t)96 << 20) /* of all states still to be gone on from */
#define MOVES ((size_t)TSP_MAX_VCPU * 4)
#define NONE UINT32_MAX
_Static_assert(EXPLORE_DEPTH == STEPPER_DEPTH, "paths");

/* What the search itself has to know of a state. */
struct extra {
    uint8_t last, preempted, interrupts, migrations;
    uint8_t stale; /* bit per vCPU: what it has fetched may be out of date */
    uint8_t ended; /* a rule about going on for ever was broken */
};

struct node {
    uint64_t hash;
    uint32_t parent, edge;
    uint16_t depth;
    uint8_t move, nedge;
};

struct waiting {
    size_t at, n;
    struct extra extra;
    struct race_memo memo;
};

struct explorer {
    struct race_follow *follow;
    unsigned max, n, nedge;
    struct node *node;
    uint32_t *slot; /* node + 1, by hash */
    uint32_t mask;
    uint32_t *edge;
    double *paths;
    uint8_t *room;
    size_t head, tail; /* of the ring of states that wait */
    size_t next_tail;  /* once the first of them is done with */
    uint64_t now[STATE_MAX / 8];
    /* of this run */
    struct stepper s;
    const struct tsp_setup *setup;
    const struct explore_options *o;
    struct explore_result *out;
    uint32_t at; /* the node gone on from */
    uint8_t move;
    bool final;
    unsigned away_page[2];
};

struct explorer *explorer_open(const struct spec *spec, unsigned max_states)
{
    struct explorer *x = calloc(1, sizeof(*x));
    uint32_t slots = 1024;

    if (!x)
        return NULL;
    while (slots < max_states * 2)
        slots *= 2;
    x->max = max_states;
    x->mask = slots - 1;
    x->follow = race_follow_open(spec);
    x->node = calloc(max_states, sizeof(*x->node));
    x->slot = calloc(slots, sizeof(*x->slot));
    x->edge = calloc(max_states * MOVES, sizeof(*x->edge));
    x->paths = calloc(max_states, sizeof(*x->paths));
    x->room = malloc(ROOM);
    if (!x->follow || !x->node || !x->slot || !x->edge || !x->paths || !x->room) {
        explorer_close(x);
        return NULL;
    }
    return x;
}

void explorer_close(struct explorer *x)
{
    if (!x)
        return;
    race_follow_close(x->follow);
    free(x->node);
    free(x->slot);
    free(x->edge);
    free(x->paths);
    free(x->room);
    free(x);
}

/* ---- states that wait: a ring, in the order of the nodes ---- */

static bool ring_put(struct explorer *x, const struct waiting *w, const void *state)
{
    size_t need = (sizeof(*w) + w->n + 15) & ~(size_t)15;

    if (x->head >= x->tail && ROOM - x->head < need) {
        if (x->tail <= need)
            return false;
        /* the rest of the ring is passed over; a length of 0 says so */
        if (ROOM - x->head >= sizeof(*w))
            memset(x->room + x->head, 0, sizeof(*w));
        x->head = 0;
    }
    if (x->head < x->tail && x->tail - x->head <= need)
        return false;
    memcpy(x->room + x->head, w, sizeof(*w));
    memcpy(x->room + x->head + sizeof(*w), state, w->n);
    x->head += need;
    return true;
}

static const void *ring_take(struct explorer *x, struct waiting *w)
{
    size_t at = x->tail;

    if (ROOM - at < sizeof(*w))
        at = 0;
    memcpy(w, x->room + at, sizeof(*w));
    if (w->n == 0) {
        at = 0;
        memcpy(w, x->room, sizeof(*w));
    }
    x->tail = at;
    x->next_tail = at + ((sizeof(*w) + w->n + 15) & ~(size_t)15);
    return x->room + at + sizeof(*w);
}

/* ---- hashing ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t hash_state(const struct explorer *x, const struct race_memo *memo,
                           const struct extra *e)
{
    uint64_t h = stepper_digest(&x->s), v;
    const uint8_t *p = (const uint8_t *)memo;
    size_t whole = offsetof(struct race_memo, version) + (size_t)memo->nversion * TSP_INSN_BYTES;

    for (size_t i = 0; i + 8 <= whole; i += 8) {
        memcpy(&v, p + i, 8);
        h = mix(h, v);
    }
    p = (const uint8_t *)memo->vcpu;
    for (size_t i = 0; i < x->setup->nvcpu * sizeof(memo->vcpu[0]); i += 8) {
        memcpy(&v, p + i, 8);
        h = mix(h, v);
    }
    h = mix(h, (uint64_t)e->interrupts | (uint64_t)e->migrations << 8);
    if (x->o->preempt >= 0)
        h = mix(h, (uint64_t)e->last << 8 | e->preempted);
    return h;
}

_Static_assert(sizeof(struct race_vcpu) % 8 == 0, "hashed in words");
_Static_assert(offsetof(struct race_memo, version) % 8 == 0, "hashed in words");

/* The node of that hash, or NONE after making one. */
static uint32_t find_node(struct explorer *x, uint64_t hash, uint32_t *made)
{
    uint32_t i = (uint32_t)(hash >> 20) & x->mask;

    for (; x->slot[i]; i = (i + 1) & x->mask)
        if (x->node[x->slot[i] - 1].hash == hash)
            return x->slot[i] - 1;
    *made = i;
    return NONE;
}

static void clear_nodes(struct explorer *x)
{
    for (unsigned k = 0; k < x->n; k++) {
        uint32_t i = (uint32_t)(x->node[k].hash >> 20) & x->mask;

        while (x->slot[i]) {
            x->slot[i] = 0;
            i = (i + 1) & x->mask;
        }
    }
    x->n = x->nedge = 0;
    x->head = x->tail = 0;
}

/* ---- what is found ---- */

static void path_of(const struct explorer *x, struct explore_broken *b)
{
    unsigned n = x->node[x->at].depth;
    uint32_t at = x->at;

    b->nsched = n + 1 < EXPLORE_DEPTH ? n + 1 : EXPLORE_DEPTH;
    if (n < EXPLORE_DEPTH)
        b->sched[n] = x->move;
    for (; x->node[at].parent != NONE; at = x->node[at].parent)
        if (--n < EXPLORE_DEPTH)
            b->sched[n] = x->node[at].move;
}

static void broken(void *ctx, const struct finding *f)
{
    static const char *const final[] = {"retries", "ends_at_site", "executes_whole", "is_call",
                                        "sound"};
    struct explorer *x = ctx;
    struct explore_result *out = x->out;
    struct spec_rule rule;
    struct explore_broken *b;

    /* What comes after it has run what nobody wrote says nothing more. */
    if (spec_rule_at(x->o->spec, f->rule, &rule) && rule.pred != NULL)
        for (unsigned i = 0; i < sizeof(final) / sizeof(final[0]); i++)
            x->final = x->final || strcmp(rule.pred, final[i]) == 0;
    for (unsigned i = 0; i < out->nbroken; i++)
        if (out->broken[i].rule == f->rule)
            return;
    if (out->nbroken == EXPLORE_RULES)
        return;
    b = &out->broken[out->nbroken++];
    b->rule = f->rule;
    memcpy(b->expected, f->expected, sizeof(b->expected));
    memcpy(b->got, f->got, sizeof(b->got));
    path_of(x, b);
}

/* ---- moves ---- */

static uint8_t stale_after(const struct explorer *x, uint8_t stale, const struct tsp_event *ev)
{
    uint8_t self = (uint8_t)(1u << ev->vcpu);
    bool refetch = ev->kind == TSP_EV_FETCH && ev->code == TSP_MICRO_REFETCH;

    if (ev->kind == TSP_EV_PATCH || (ev->kind == TSP_EV_RETIRE && ev->code == 0))
        return 0xff;
    if (ev->kind == TSP_EV_FETCH && ev->code == TSP_MICRO_FETCH)
        return stale;
    /* its lines went, its translation has not */
    if (x->o->tables && !(refetch && ev->info[0] == 1))
        return stale;
    return ev->kind == TSP_EV_RETIRE ? stale : (uint8_t)(stale & ~self);
}

static void add_edge(struct explorer *x, uint32_t to)
{
    struct node *n = &x->node[x->at];

    if (n->nedge < MOVES) {
        x->edge[x->nedge++] = to;
        n->nedge++;
    }
}

/* The machine is in a state that the search may not know yet. */
static void arrive(struct explorer *x, const struct race_memo *memo, const struct extra *e)
{
    struct waiting w = {.extra = *e, .memo = *memo};
    uint64_t hash = hash_state(x, memo, e);
    uint32_t made = 0, at = find_node(x, hash, &made);

    if (at == NONE) {
        w.n = stepper_save(&x->s, x->now, sizeof(x->now));
        if (x->n == x->max || w.n == 0 || !ring_put(x, &w, x->now)) {
            x->out->truncated = true;
            return;
        }
        at = x->n++;
        x->slot[made] = at + 1;
        x->node[at] = (struct node){
            .hash = hash, .parent = x->at, .depth = (uint16_t)(x->node[x->at].depth + 1)};
        x->node[at].move = x->move;
    }
    add_edge(x, at);
}

static bool page_is_sites(const struct explorer *x, uint64_t lin)
{
    return (unsigned)(lin >> 12) == x->away_page[0] || (unsigned)(lin >> 12) == x->away_page[1];
}

/* No other vCPU can notice it or be noticed by it: code far from the site is never changed. */
static bool unnoticed(const struct explorer *x, const struct tsp_event *ev)
{
    if (page_is_sites(x, ev->addr))
        return false;
    if (ev->kind == TSP_EV_FETCH)
        return ev->code == TSP_MICRO_FETCH && !page_is_sites(x, ev->info[0]);
    return (ev->kind == TSP_EV_RETIRE && ev->code == 1) ||
           (ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_HALT);
}

/* One move from the state; false: it was not possible. */
static bool try_move(struct explorer *x, const void *state, const struct waiting *w, unsigned vcpu,
                     uint32_t step)
{
    struct tsp_event ev;
    struct race_memo memo = w->memo;
    struct extra e = w->extra;

    stepper_load(&x->s, state);
    if (x->s.failed || !stepper_run(&x->s, vcpu, step, &ev))
        return false;
    x->out->moves++;
    x->move = input_sched_byte(vcpu, step);
    x->final = false;
    race_follow_event(x->follow, &memo, &ev, broken, x);
    e.stale = stale_after(x, e.stale, &ev);
    e.preempted = (uint8_t)(e.preempted + (vcpu != e.last && e.ended == 0));
    e.last = (uint8_t)vcpu;
    e.interrupts = (uint8_t)(e.interrupts - (step == TSP_STEP_INTERRUPT));
    e.migrations = (uint8_t)(e.migrations - (step == TSP_STEP_MIGRATE));
    e.ended = 0;
    if (x->final)
        return true;
    arrive(x, &memo, &e);
    return x->o->reduce && unnoticed(x, &ev) && e.interrupts == 0 && e.migrations == 0;
}

/* Which vCPUs may move: when there have been enough preemptions, the last one as long as it can. */
static uint32_t movable(const struct explorer *x, const struct extra *e, uint32_t runnable)
{
    if (x->o->preempt >= 0 && (int)e->preempted >= x->o->preempt && (runnable >> e->last & 1))
        return 1u << e->last;
    return runnable;
}

/* With reduction a step that nobody notices is all there is to try. Where switches are counted only
 * the vCPU that goes on anyway is asked: any other would make a switch that could have come later
 * for nothing. */
static bool reduced(struct explorer *x, const void *state, const struct waiting *w, uint32_t may)
{
    unsigned before = x->n, edges = x->nedge;

    for (unsigned v = 0; v < x->setup->nvcpu; v++) {
        if (!(may >> v & 1) || (x->o->preempt >= 0 && v != w->extra.last))
            continue;
        if (!try_move(x, state, w, v, TSP_STEP_RUN) || x->final || x->n == before)
            continue;
        x->edge[edges] = x->edge[x->nedge - 1];
        x->nedge = edges + 1;
        x->node[x->at].nedge = 1;
        return true;
    }
    return false;
}

static void expand(struct explorer *x, const void *state, struct waiting *w)
{
    uint32_t may;

    stepper_load(&x->s, state);
    may = x->s.failed ? 0 : x->s.t->ops->runnable(x->s.t->self);
    /* a switch away from a vCPU that stopped is none */
    w->extra.ended = !(may >> w->extra.last & 1);
    may = movable(x, &w->extra, may);
    x->node[x->at].edge = x->nedge;
    x->node[x->at].nedge = 0;
    if (x->node[x->at].depth + 1u >= EXPLORE_DEPTH) {
        x->out->truncated = x->out->truncated || may != 0;
        return;
    }
    if (x->o->reduce && reduced(x, state, w, may))
        return;
    for (unsigned v = 0; v < x->setup->nvcpu; v++) {
        if (!(may >> v & 1))
            continue;
        /* tried above */
        if (!x->o->reduce || (x->o->preempt >= 0 && v != w->extra.last))
            try_move(x, state, w, v, TSP_STEP_RUN);
        if (w->extra.stale >> v & 1)
            try_move(x, state, w, v, TSP_STEP_REFETCH);
        if (w->extra.interrupts > 0)
            try_move(x, state, w, v, TSP_STEP_INTERRUPT);
        if (w->extra.migrations > 0 && (may & ((1u << v) - 1)) == 0)
            try_move(x, state, w, v, TSP_STEP_MIGRATE);
    }
}

/* ---- how many schedules there are ---- */

#define ON_PATH (-1.0)

/* Paths from each node to an end, children first; a way back to where one came from ends there. */
static double count_schedules(struct explorer *x)
{
    static uint32_t stack[EXPLORE_DEPTH * 64];
    static uint8_t next[EXPLORE_DEPTH * 64];
    unsigned top = 0;

    memset(x->paths, 0, x->n * sizeof(*x->paths));
    stack[0] = 0;
    next[0] = 0;
    x->paths[0] = ON_PATH;
    for (;;) {
        struct node *n = &x->node[stack[top]];
        uint32_t to;
        double sum = n->nedge == 0 ? 1 : 0;

        if (next[top] < n->nedge && top + 1 < EXPLORE_DEPTH * 64) {
            to = x->edge[n->edge + next[top]++];
            if (x->paths[to] == 0) {
                x->paths[to] = ON_PATH;
                stack[++top] = to;
                next[top] = 0;
            }
            continue;
        }
        for (unsigned i = 0; i < n->nedge; i++) {
            double p = x->paths[x->edge[n->edge + i]];

            sum += p == ON_PATH ? 0 : p;
        }
        x->paths[stack[top]] = sum > 0 ? sum : 1;
        if (top-- == 0)
            return x->paths[0];
    }
}

enum tsp_status explorer_run(struct explorer *x, struct target *t, const struct tsp_setup *setup,
                             const struct explore_options *o, struct explore_result *out)
{
    struct waiting w = {.n = 0};
    struct tsp_event ev;
    uint32_t made = 0;
    uint64_t site;

    memset(out, 0, sizeof(*out));
    switch (t->ops->reset(t->self, setup, &ev)) {
    case TSP_OK:
        break;
    case TSP_ENOTSUP:
        return TSP_ENOTSUP;
    default:
        return TSP_EARG;
    }
    if (setup->protocol == TSP_PROTOCOL_NONE || !stepper_open(&x->s, t, setup))
        return TSP_ENOTSUP;
    clear_nodes(x);
    x->setup = setup;
    x->o = o;
    x->out = out;
    race_follow_start(x->follow, setup, &ev, &w.memo);
    site = w.memo.site;
    x->away_page[0] = (unsigned)(site >> 12);
    x->away_page[1] = (unsigned)((site + TSP_INSN_BYTES - 1) >> 12);
    w.extra.interrupts = (uint8_t)o->interrupts;
    w.extra.migrations = (uint8_t)o->migrations;
    w.extra.last = 7; /* whoever begins preempts nobody */
    w.n = stepper_save(&x->s, x->now, sizeof(x->now));
    if (w.n == 0 || !ring_put(x, &w, x->now))
        return TSP_ENOMEM;
    x->node[0] = (struct node){.hash = hash_state(x, &w.memo, &w.extra), .parent = NONE};
    find_node(x, x->node[0].hash, &made);
    x->slot[made] = 1;
    x->n = 1;
    for (x->at = 0; x->at < x->n && !x->s.failed; x->at++) {
        const void *state = ring_take(x, &w);

        expand(x, state, &w);
        x->tail = x->next_tail;
    }
    if (x->s.failed)
        return TSP_EIO;
    out->states = x->n;
    out->schedules = count_schedules(x);
    return TSP_OK;
}
