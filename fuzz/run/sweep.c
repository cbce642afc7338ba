/* SPDX-License-Identifier: MIT */
#include "fuzz/run/sweep.h"

#include <stdlib.h>
#include <string.h>

#define NO_RULE (~0u)
#define CHUNK 4096u
#define TICK_CHUNKS 256u
#define BATCH 128u
#define CODE_BUDGET 64u
#define CLASS_MOST 0xffu
#define HV_FIRST 0x40000000u
#define HV_BLOCKS 256u
#define LIST_MAX (3u * SPEC_SPANS_MAX + SWEEP_RANDOM_MAX + 512u)

/* How one answer was judged. */
struct judged {
    enum verdict verdict;
    enum subject subject;
    unsigned rule;
};

/* Of the events of one trace. */
struct verdicts {
    const struct sweep *w;
    struct judged of[TSP_MAX_EVENT];
};

static void on_finding(void *ctx, const struct finding *f)
{
    struct verdicts *v = ctx;
    struct judged *j = &v->of[f->event];
    enum verdict verdict = f->verdict;
    struct spec_rule rule;
    const char *reason;

    if (verdict == VERDICT_FAIL && v->w->known != NULL &&
        spec_rule_at(v->w->spec, f->rule, &rule) &&
        known_match(v->w->known, rule.id, v->w->setup, &reason) != KNOWN_NO)
        verdict = VERDICT_KNOWN;
    /* The first of the worst; the target's own fault before one of what it was given. */
    if (verdict > j->verdict || j->rule == NO_RULE ||
        (verdict == j->verdict && verdict == VERDICT_FAIL && f->subject < j->subject))
        *j = (struct judged){verdict, f->subject, f->rule};
}

static void judge(const struct sweep *w, const struct tsp_setup *setup,
                  const struct tsp_trace *trace, struct verdicts *v)
{
    const struct spec_options opt = {
        .caps = w->t->caps, .least = VERDICT_PASS, .found = on_finding, .ctx = v};

    v->w = w;
    for (size_t i = 0; i < trace->n; i++)
        v->of[i] = (struct judged){VERDICT_PASS, SUBJECT_TARGET, NO_RULE};
    spec_check(w->spec, setup, trace, &opt);
}

/* The event of a CPUID instruction that got this answer in the set-up's machine as it starts. */
static void make_event(const struct sweep *w, uint32_t leaf, uint32_t sub, const uint32_t reg[4],
                       struct tsp_event *ev)
{
    static const uint8_t order[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    static const uint8_t insn[2] = {0x0f, 0xa2};
    const struct tsp_vcpu_state *vcpu = &w->setup->vcpu[0];

    *ev = (struct tsp_event){.kind = TSP_EV_CPUID, .len = sizeof(insn)};
    memcpy(ev->fetched, insn, sizeof(insn));
    memcpy(ev->stored, insn, sizeof(insn));
    ev->before = vcpu->regs;
    ev->addr = vcpu->regs.pc;
    ev->before.r[TSP_RAX] = leaf;
    ev->before.r[TSP_RCX] = sub;
    tsp_x86_sys(&vcpu->x86, ev->sys);
    ev->after = ev->before;
    ev->after.pc += sizeof(insn);
    for (unsigned i = 0; i < 4; i++)
        ev->after.r[order[i]] = reg[i];
}

static void count(struct sweep_map *m, const struct judged *j, uint64_t n)
{
    m->asked += n;
    m->gap += j->verdict == VERDICT_GAP ? n : 0;
    m->known += j->verdict == VERDICT_KNOWN ? n : 0;
    m->error += j->verdict == VERDICT_ERROR ? n : 0;
    if (j->verdict == VERDICT_FAIL && j->subject == SUBJECT_POLICY)
        m->policy_fail += n;
    else if (j->verdict == VERDICT_FAIL)
        m->target_fail += n;
}

static bool echoes(const struct sweep_row *r)
{
    return (r->answer[2] & 0xff) == (r->first & 0xff);
}

/* b continues a: same judgement, same answer, or the same but for an echo of the sub-leaf. */
static bool continues(const struct sweep_row *a, const struct sweep_row *b, bool *echo)
{
    bool same = memcmp(a->answer, b->answer, sizeof(a->answer)) == 0;

    *echo = false;
    if (a->leaf != b->leaf || a->verdict != b->verdict || a->subject != b->subject ||
        a->rule != b->rule || a->code != b->code || b->first <= a->last)
        return false;
    if (same && !a->echo && !b->echo)
        return true;
    *echo = (a->echo || (a->asked == 1 && echoes(a))) && (b->echo || (b->asked == 1 && echoes(b)));
    return *echo && a->answer[0] == b->answer[0] && a->answer[1] == b->answer[1] &&
           ((a->answer[2] ^ b->answer[2]) & ~0xffu) == 0 && a->answer[3] == b->answer[3];
}

static void add_row(struct sweep_map *m, const struct sweep_row *r)
{
    struct sweep_row *last = m->n > 0 ? &m->row[m->n - 1] : NULL;
    bool echo;

    if (last != NULL && continues(last, r, &echo)) {
        last->last = r->last;
        last->asked += r->asked;
        last->echo = echo;
        return;
    }
    if (m->n == SWEEP_ROWS) {
        m->truncated = true;
        return;
    }
    m->row[m->n++] = *r;
}

void sweep_join(struct sweep_map *a, const struct sweep_map *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        add_row(a, &b->row[i]);
    a->truncated |= b->truncated;
    a->asked += b->asked;
    a->refused += b->refused;
    a->code += b->code;
    a->differ += b->differ;
    a->target_fail += b->target_fail;
    a->policy_fail += b->policy_fail;
    a->known += b->known;
    a->gap += b->gap;
    a->error += b->error;
}

static struct sweep_row row_of(const struct judged *j, uint32_t leaf, uint32_t first,
                               const uint32_t reg[4])
{
    struct sweep_row r = {.leaf = leaf, .first = first, .last = first, .asked = 1};

    memcpy(r.answer, reg, sizeof(r.answer));
    r.rule = j->rule;
    r.verdict = (uint8_t)j->verdict;
    r.subject = (uint8_t)j->subject;
    return r;
}

enum tsp_status sweep_open(struct sweep *w)
{
    uint32_t reg[1][4];
    struct tsp_event ev;
    enum tsp_status st = w->t->ops->reset(w->t->self, w->setup, &ev);

    if (st != TSP_OK)
        return st;
    w->direct = target_cpuid(w->t, (const uint32_t[]){0, 1, 0}, reg) == TSP_OK;
    w->spans_known = spec_cpuid_spans(w->spec, w->setup, &w->spans);
    return TSP_OK;
}

/* The end of the stretch that leaf lies in. */
static uint32_t span_end(const struct sweep *w, uint32_t leaf)
{
    unsigned low = 0, high = w->spans.n;

    if (!w->spans_known)
        return leaf;
    while (low < high) {
        unsigned mid = low + (high - low) / 2;

        if (w->spans.first[mid] <= leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low == w->spans.n ? UINT32_MAX : w->spans.first[low] - 1;
}

static void judge_one(const struct sweep *w, uint32_t leaf, const uint32_t reg[4], struct judged *j)
{
    static struct tsp_trace trace;
    static struct verdicts v;

    trace.n = 1;
    trace.truncated = false;
    make_event(w, leaf, 0, reg, &trace.ev[0]);
    judge(w, w->setup, &trace, &v);
    *j = v.of[0];
}

static bool same4(const uint32_t a[4], const uint32_t b[4])
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

/* One stretch: each leaf is asked; an answer that differs from the one before is judged anew. */
static bool direct_span(struct sweep *w, uint32_t lo, uint32_t hi, struct sweep_map *out)
{
    static uint32_t reg[CHUNK][4];
    struct sweep_row row = {.asked = 0};
    struct judged j = {VERDICT_PASS, SUBJECT_TARGET, NO_RULE};
    unsigned chunks = 0;
    uint64_t at = lo;

    while (at <= hi) {
        uint32_t n = hi - at + 1 < CHUNK ? (uint32_t)(hi - at + 1) : CHUNK;

        if (target_cpuid(w->t, (const uint32_t[]){(uint32_t)at, n, 0}, reg) != TSP_OK)
            return false;
        for (uint32_t i = 0; i < n; i++) {
            if (row.asked > 0 && same4(reg[i], row.answer)) {
                row.asked++;
                continue;
            }
            if (row.asked > 0) {
                row.last = (uint32_t)(at + i - 1);
                count(out, &j, row.asked);
                add_row(out, &row);
            }
            judge_one(w, (uint32_t)(at + i), reg[i], &j);
            row = row_of(&j, 0, (uint32_t)(at + i), reg[i]);
        }
        at += n;
        if (++chunks % TICK_CHUNKS == 0 && w->tick != NULL &&
            !w->tick(w->ctx, (uint64_t)TICK_CHUNKS * CHUNK))
            return false;
    }
    row.last = hi;
    count(out, &j, row.asked);
    add_row(out, &row);
    return true;
}

/* Splitmix64: the same leaves on every machine. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static int order(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

    return a < b ? -1 : a > b;
}

static size_t sort_unique(uint32_t *list, size_t n)
{
    size_t kept = 0;

    qsort(list, n, sizeof(*list), order);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || list[i] != list[kept - 1])
            list[kept++] = list[i];
    return kept;
}

static size_t sample_leaves(const struct sweep *w, const struct sweep_part *part, uint32_t *list)
{
    uint64_t state = 1;
    size_t n = 0, kept = 0;

    for (unsigned i = 0; i < w->spans.n; i++)
        for (uint32_t k = 0; k < 3; k++)
            list[n++] = w->spans.first[i] + k - 1;
    list[n++] = part->ends[0];
    list[n++] = part->ends[1];
    for (uint32_t i = 0; i < part->random && i < SWEEP_RANDOM_MAX; i++)
        list[n++] = (uint32_t)next_random(&state);
    for (size_t i = 0; i < n; i++)
        if (list[i] >= part->lo && list[i] <= part->hi)
            list[kept++] = list[i];
    return sort_unique(list, kept);
}

/* Asks by running code. false: no answer came. */
static bool ask_code(const struct sweep *w, uint32_t leaf, uint32_t sub, uint32_t reg[4],
                     struct judged *j)
{
    static const uint8_t order4[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    static struct tsp_setup setup;
    static struct tsp_trace trace;
    static struct verdicts v;

    setup = *w->setup;
    setup.vcpu[0].regs.r[TSP_RAX] = leaf;
    setup.vcpu[0].regs.r[TSP_RCX] = sub;
    if (exec_run(w->t, &setup, NULL, 0, CODE_BUDGET, &trace) != TSP_OK)
        return false;
    judge(w, &setup, &trace, &v);
    for (size_t i = 0; i < trace.n; i++) {
        if (trace.ev[i].kind != TSP_EV_CPUID)
            continue;
        for (unsigned r = 0; r < 4; r++)
            reg[r] = (uint32_t)trace.ev[i].after.r[order4[r]];
        *j = v.of[i];
        return true;
    }
    return false;
}

/* Of a target asked directly: code gets the same answer, and nothing else is wrong with it. */
static void compare_code(struct sweep *w, uint32_t leaf, uint32_t sub, struct sweep_map *out)
{
    uint32_t direct[1][4], reg[4];
    struct judged j = {VERDICT_ERROR, SUBJECT_TARGET, NO_RULE};
    struct sweep_row row;
    struct tsp_event ev;

    /* Code may have left the vCPU otherwise than it was: start anew for the question. */
    w->t->ops->reset(w->t->self, w->setup, &ev);
    target_cpuid(w->t, (const uint32_t[]){leaf, 1, sub}, direct);
    if (!ask_code(w, leaf, sub, reg, &j)) {
        out->refused++;
        return;
    }
    out->code++;
    out->differ += !same4(reg, direct[0]);
    if (j.verdict < VERDICT_ERROR || (j.verdict == VERDICT_FAIL && j.subject == SUBJECT_POLICY))
        return;
    count(out, &j, 1);
    row = row_of(&j, sub != 0 ? leaf : 0, sub != 0 ? sub : leaf, reg);
    row.code = true;
    add_row(out, &row);
}

static void code_leaf(struct sweep *w, uint32_t leaf, struct sweep_map *out)
{
    uint32_t reg[4];
    struct judged j;
    struct sweep_row row;

    if (!ask_code(w, leaf, 0, reg, &j)) {
        out->refused++;
        return;
    }
    out->code++;
    count(out, &j, 1);
    row = row_of(&j, 0, leaf, reg);
    add_row(out, &row);
}

static bool sampled(struct sweep *w, const struct sweep_part *part, struct sweep_map *out)
{
    static uint32_t list[LIST_MAX];
    size_t n = sample_leaves(w, part, list);

    for (size_t i = 0; i < n; i++) {
        if (w->direct)
            compare_code(w, list[i], 0, out);
        else
            code_leaf(w, list[i], out);
        if (w->tick != NULL && i % 64 == 63 && !w->tick(w->ctx, w->direct ? 0 : 64))
            return false;
    }
    return true;
}

static bool all_by_code(struct sweep *w, const struct sweep_part *part, struct sweep_map *out)
{
    for (uint64_t leaf = part->lo; leaf <= part->hi; leaf++) {
        code_leaf(w, (uint32_t)leaf, out);
        if (w->tick != NULL && leaf % 64 == 63 && !w->tick(w->ctx, 64))
            return false;
    }
    return true;
}

bool sweep_leaves(struct sweep *w, const struct sweep_part *part, struct sweep_map *out)
{
    uint64_t at = part->lo;

    if (!w->direct)
        return part->all ? all_by_code(w, part, out) : sampled(w, part, out);
    while (at <= part->hi) {
        uint32_t end = span_end(w, (uint32_t)at);

        end = end < part->hi ? end : part->hi;
        if (!direct_span(w, (uint32_t)at, end, out))
            return false;
        at = (uint64_t)end + 1;
    }
    return sampled(w, part, out);
}

static size_t sample_subleaves(uint32_t random, uint32_t *list)
{
    uint64_t state = 2;
    size_t n = 0;

    for (uint32_t i = 0; i < 256; i++)
        list[n++] = i;
    for (unsigned bit = 8; bit < 32; bit++)
        for (uint32_t k = 0; k < 3; k++)
            list[n++] = (1u << bit) + k - 1;
    list[n++] = UINT32_MAX;
    list[n++] = UINT32_MAX - 1;
    for (uint32_t i = 0; i < random && i < SWEEP_RANDOM_MAX; i++)
        list[n++] = (uint32_t)next_random(&state);
    return sort_unique(list, n);
}

/* Several questions in one trace, so that the policy is not indexed for each. */
static bool direct_subleaves(struct sweep *w, uint32_t leaf, const uint32_t *sub, size_t n,
                             struct sweep_map *out)
{
    static struct tsp_trace trace;
    static struct verdicts v;
    static uint32_t reg[BATCH][4];

    for (size_t i = 0; i < n; i++)
        if (target_cpuid(w->t, (const uint32_t[]){leaf, 1, sub[i]}, &reg[i]) != TSP_OK)
            return false;
    for (size_t i = 0; i < n; i++)
        make_event(w, leaf, sub[i], reg[i], &trace.ev[i]);
    trace.n = n;
    trace.truncated = false;
    judge(w, w->setup, &trace, &v);
    for (size_t i = 0; i < n; i++) {
        struct sweep_row row = row_of(&v.of[i], leaf, sub[i], reg[i]);

        count(out, &v.of[i], 1);
        add_row(out, &row);
    }
    return w->tick == NULL || w->tick(w->ctx, n);
}

static bool code_subleaves(struct sweep *w, uint32_t leaf, const uint32_t *sub, size_t n,
                           struct sweep_map *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t reg[4];
        struct judged j;
        struct sweep_row row;

        if (!ask_code(w, leaf, sub[i], reg, &j)) {
            out->refused++;
            continue;
        }
        out->code++;
        count(out, &j, 1);
        row = row_of(&j, leaf, sub[i], reg);
        add_row(out, &row);
    }
    return w->tick == NULL || w->tick(w->ctx, n);
}

bool sweep_subleaves(struct sweep *w, uint32_t leaf, uint32_t random, struct sweep_map *out)
{
    static uint32_t list[SWEEP_RANDOM_MAX + 512];
    size_t n = sample_subleaves(random, list);
    struct tsp_event ev;

    if (w->direct)
        w->t->ops->reset(w->t->self, w->setup, &ev);
    for (size_t i = 0; i < n; i += BATCH) {
        size_t some = n - i < BATCH ? n - i : BATCH;
        bool go = w->direct ? direct_subleaves(w, leaf, list + i, some, out)
                            : code_subleaves(w, leaf, list + i, some, out);

        if (!go)
            return false;
    }
    return true;
}

static bool ask(struct sweep *w, uint32_t leaf, uint32_t reg[1][4])
{
    struct judged j;

    if (w->direct)
        return target_cpuid(w->t, (const uint32_t[]){leaf, 1, 0}, reg) == TSP_OK;
    return ask_code(w, leaf, 0, reg[0], &j);
}

static size_t add_class(struct sweep *w, uint32_t base, uint32_t *leaf, size_t n, size_t max)
{
    uint32_t reg[1][4], beyond[1][4];

    if (!ask(w, base, reg) || reg[0][0] < base || reg[0][0] - base > CLASS_MOST)
        return n;
    /* What lies beyond everything answers the same: there is no such class. */
    if (base != 0 && ask(w, HV_FIRST - 1, beyond) && same4(beyond[0], reg[0]))
        return n;
    for (uint32_t l = base; l <= reg[0][0] && n < max; l++)
        leaf[n++] = l;
    return n;
}

size_t sweep_in_range(struct sweep *w, uint32_t *leaf, size_t max)
{
    struct tsp_event ev;
    size_t n;

    if (w->direct)
        w->t->ops->reset(w->t->self, w->setup, &ev);
    n = add_class(w, 0, leaf, 0, max);
    for (uint32_t i = 0; i < HV_BLOCKS; i++)
        n = add_class(w, HV_FIRST + i * 0x100, leaf, n, max);
    n = add_class(w, 0x80000000u, leaf, n, max);
    n = add_class(w, 0x80860000u, leaf, n, max);
    return add_class(w, 0xc0000000u, leaf, n, max);
}
