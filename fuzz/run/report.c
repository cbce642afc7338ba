/* SPDX-License-Identifier: MIT */
/* Collects findings by rule. Rows are in rule order, then what no rule covers; nothing depends on
 * time or place. */
#include "fuzz/run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Distinct things that no rule covers; more are counted, not listed. */
#define GAP_MAX 1024u

/* An accepted deviation: how often its rule was tried and failed where it applies. */
struct entry {
    unsigned rule;    /* index, ~0u: no such rule */
    const char *host; /* NULL: any */
    unsigned tried, failed, before;
};

struct report {
    const struct spec *spec;
    const struct known *known;
    unsigned nrule;
    struct report_row *row; /* one a rule, by rule index; then gaps */
    char (*gap)[104];       /* names of the gap rows */
    size_t ngap;
    unsigned *hits;      /* by rule index, counted by the judge */
    unsigned *order;     /* rule indexes sorted by id; then gap rows sorted by name */
    struct entry *entry; /* one an entry of the known list */
    bool *skip;          /* rule index: a target could not show it */
    struct report_totals totals;
    /* of the case being added: */
    const char *id;
    const struct scenario *s;
    const struct tsp_setup *setup;
    const struct tsp_trace *trace;
};

/* Rules sorted by id; ties (there are none) by index. qsort has no context: a plain heap sort on
 * indexes. */
static bool before(const struct report *r, unsigned a, unsigned b)
{
    int c = strcmp(r->row[a].rule, r->row[b].rule);

    return c ? c < 0 : a < b;
}

static void sift(const struct report *r, unsigned *v, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        unsigned t = v[root];

        if (child + 1 < n && before(r, v[child], v[child + 1]))
            child++;
        if (!before(r, v[root], v[child]))
            return;
        v[root] = v[child];
        v[child] = t;
    }
}

static void sort_rules(const struct report *r, unsigned *v, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(r, v, i, n);
    for (size_t end = n; end > 1; end--) {
        unsigned t = v[0];

        v[0] = v[end - 1];
        v[end - 1] = t;
        sift(r, v, 0, end - 1);
    }
}

static void init_rows(struct report *r)
{
    struct spec_rule rule;

    for (unsigned i = 0; i < r->nrule; i++) {
        struct report_row *row = &r->row[i];

        r->order[i] = i;
        row->worst = VERDICT_SKIP;
        row->rule = "";
        if (!spec_rule_at(r->spec, i, &rule))
            continue;
        row->rule = rule.id;
        row->table = rule.table;
        row->source = rule.source;
        row->note = rule.note;
        row->when = rule.when;
        row->must = rule.must;
    }
    sort_rules(r, r->order, r->nrule);
}

static void init_known(struct report *r)
{
    char id[192];

    for (size_t i = 0; i < known_count(r->known); i++) {
        const char *name = known_rule_at(r->known, i), *at = strchr(name, '@');
        int n = at ? (int)(at - name) : (int)strlen(name);
        struct entry *e = &r->entry[i];

        snprintf(id, sizeof(id), "%.*s", n < 180 ? n : 180, name);
        e->rule = spec_rule_find(r->spec, id);
        e->host = at ? at + 1 : NULL;
        if (e->rule < r->nrule)
            known_has(r->known, name, &r->row[e->rule].known);
    }
}

struct report *report_open(const struct spec *spec, const struct known *known)
{
    struct report *r = calloc(1, sizeof(*r));
    size_t n;

    if (!r)
        return NULL;
    r->spec = spec;
    r->known = known;
    r->nrule = spec_rule_count(spec);
    n = (size_t)r->nrule + GAP_MAX;
    r->row = calloc(n, sizeof(r->row[0]));
    r->order = calloc(n, sizeof(r->order[0]));
    r->hits = calloc((size_t)r->nrule + 1, sizeof(r->hits[0]));
    r->skip = calloc((size_t)r->nrule + 1, sizeof(r->skip[0]));
    r->gap = calloc(GAP_MAX, sizeof(r->gap[0]));
    r->entry = calloc(known_count(known) + 1, sizeof(r->entry[0]));
    if (!r->entry || !r->row || !r->order || !r->hits || !r->skip || !r->gap) {
        report_free(r);
        return NULL;
    }
    init_rows(r);
    init_known(r);
    return r;
}

void report_free(struct report *r)
{
    if (!r)
        return;
    for (size_t i = 0; r->row && i < (size_t)r->nrule + GAP_MAX; i++)
        free(r->row[i].first);
    free(r->row);
    free(r->order);
    free(r->hits);
    free(r->skip);
    free(r->gap);
    free(r->entry);
    free(r);
}

/* Keeps what showed the row's worst so far. A scenario that cannot be kept leaves the row without
 * one. */
static void take_example(struct report *r, struct report_row *row, const struct finding *f)
{
    snprintf(row->example, sizeof(row->example), "%s", r->id);
    snprintf(row->expected, sizeof(row->expected), "%s", f->expected);
    snprintf(row->got, sizeof(row->got), "%s", f->got);
    if (!r->s)
        return;
    if (!row->first)
        row->first = malloc(sizeof(*row->first));
    if (row->first)
        *row->first = *r->s;
}

/* What no rule covers, by the thing that would need one: a leaf, a call number, an instruction's
 * fault. */
static void name_gap(const struct report *r, const struct finding *f, char *name, size_t max)
{
    const struct tsp_event *e = f->event < r->trace->n ? &r->trace->ev[f->event] : NULL;
    const char *kind = e ? judge_event_name(e->kind) : "event";
    uint64_t first = e ? e->before.r[0] : 0; /* RAX or X0 */
    int n;

    if (f->got[0]) {
        snprintf(name, max, "gap: %s", f->got);
    } else if (e && e->kind == TSP_EV_CPUID) {
        snprintf(name, max, "gap: cpuid leaf 0x%" PRIx32, (uint32_t)first);
    } else if (e && e->kind == TSP_EV_HYPERCALL) {
        snprintf(name, max, "gap: hypercall 0x%" PRIx32, (uint32_t)first);
    } else {
        n = snprintf(name, max, "gap: %s 0x%" PRIx32 " of ", kind, e ? e->code : 0);
        for (unsigned i = 0; e && i < e->len && i < TSP_INSN_BYTES && n > 0 && (size_t)n + 3 < max;
             i++)
            n += snprintf(name + n, max - (size_t)n, "%02x", e->fetched[i]);
    }
}

/* The row of a gap, made when it is new, its place in the order found by name. NULL: too many. */
static struct report_row *gap_row(struct report *r, const struct finding *f)
{
    unsigned *order = r->order + r->nrule;
    size_t lo = 0, hi = r->ngap;
    char name[sizeof(r->gap[0])];

    name_gap(r, f, name, sizeof(name));
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, r->row[order[mid]].rule);

        if (c == 0)
            return &r->row[order[mid]];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    if (r->ngap == GAP_MAX)
        return NULL;
    memmove(&order[lo + 1], &order[lo], (r->ngap - lo) * sizeof(order[0]));
    order[lo] = r->nrule + (unsigned)r->ngap;
    memcpy(r->gap[r->ngap], name, sizeof(name));
    r->row[order[lo]].rule = r->gap[r->ngap++];
    return &r->row[order[lo]];
}

static void add_gap(struct report *r, const struct finding *f)
{
    struct report_row *row = gap_row(r, f);

    r->totals.gaps++;
    if (!row)
        return;
    if (row->exercised++ == 0) {
        row->table = row->source = row->note = row->when = row->must = "";
        row->worst = VERDICT_GAP;
        take_example(r, row, f);
    }
}

/* Records have a family before the first '/' of their id; files and probes have none. */
static void count_group(struct report_row *row, const char *id)
{
    size_t n = strcspn(id, "/");

    if (n == 0 || id[n] == 0 || n >= sizeof(row->group[0].name) || strncmp(id, "probe/", 6) == 0)
        return;
    for (unsigned i = 0; i < REPORT_GROUPS; i++) {
        struct report_group *g = &row->group[i];

        if (g->n != 0 && (strncmp(g->name, id, n) != 0 || g->name[n] != 0))
            continue;
        memcpy(g->name, id, n);
        g->n++;
        return;
    }
}

/* A failure of the target outweighs one of its policy, and ERROR is ours and outweighed by FAIL. */
static void add_failure(struct report *r, struct report_row *row, const struct finding *f)
{
    size_t entry = f->verdict == VERDICT_FAIL
                       ? known_match(r->known, row->rule, r->setup, &row->known)
                       : KNOWN_NO;
    enum verdict v = entry == KNOWN_NO ? f->verdict : VERDICT_KNOWN;
    bool worse =
        row->failed == 0 || v > row->worst || (v == row->worst && f->subject < row->subject);

    row->failed++;
    count_group(row, r->id);
    if (entry != KNOWN_NO)
        r->entry[entry].failed++;
    if (!worse)
        return;
    row->worst = v;
    row->subject = f->subject;
    take_example(r, row, f);
}

static void add_finding(void *ctx, const struct finding *f)
{
    struct report *r = ctx;

    if (f->verdict == VERDICT_GAP || f->rule >= r->nrule)
        add_gap(r, f);
    else if (f->verdict == VERDICT_SKIP)
        r->skip[f->rule] = true;
    else if (f->verdict >= VERDICT_KNOWN)
        add_failure(r, &r->row[f->rule], f);
}

/* A trace without events is a recorded run that does not tell what happened. */
static bool ran_to_end(const struct tsp_trace *trace)
{
    if (trace->n == 0)
        return false;
    for (size_t i = 0; i < trace->n; i++) {
        const struct tsp_event *e = &trace->ev[i];

        if (e->kind == TSP_EV_STOP &&
            (e->code == TSP_STOP_UNSUPPORTED || e->code == TSP_STOP_ERROR))
            return false;
    }
    return true;
}

/* Rules are counted over all hosts; an entry counts the cases of its own. */
static void count_tried(struct report *r, bool after)
{
    const char *host = known_host(r->setup);

    for (size_t i = 0; i < known_count(r->known); i++) {
        struct entry *e = &r->entry[i];

        if (e->rule >= r->nrule || (e->host && strcmp(e->host, host) != 0))
            continue;
        if (after)
            e->tried += r->hits[e->rule] - e->before;
        e->before = r->hits[e->rule];
    }
}

enum verdict report_add(struct report *r, uint32_t caps, const char *id, const struct scenario *s,
                        const struct tsp_setup *setup, const struct tsp_trace *trace)
{
    struct spec_options opt = {
        .caps = caps, .least = VERDICT_GAP, .hits = r->hits, .found = add_finding, .ctx = r};
    enum verdict worst;

    r->id = id;
    r->s = s;
    r->setup = setup;
    r->trace = trace;
    r->totals.cases++;
    r->totals.events += (unsigned)trace->n;
    if (!ran_to_end(trace))
        r->totals.unsupported++;
    count_tried(r, false);
    worst = spec_check(r->spec, setup, trace, &opt);
    count_tried(r, true);
    return worst;
}

/* Brings a rule's row up to date with the judge's counters. */
static void settle(const struct report *r, unsigned rule)
{
    struct report_row *row = &r->row[rule];

    row->exercised = r->hits[rule] > row->failed ? r->hits[rule] : row->failed;
    if (row->failed == 0)
        row->worst = row->exercised ? VERDICT_PASS : VERDICT_SKIP;
}

size_t report_rows(const struct report *r)
{
    return (size_t)r->nrule + r->ngap;
}

const struct report_row *report_row_at(const struct report *r, size_t i)
{
    if (i >= report_rows(r))
        return NULL;
    if (i < r->nrule)
        settle(r, r->order[i]);
    return &r->row[r->order[i]];
}

/* Accepted deviations that passed whenever they were tried, or that no rule has. */
static unsigned count_stale(const struct report *r)
{
    unsigned n = 0;

    for (size_t i = 0; i < known_count(r->known); i++)
        n += r->entry[i].rule >= r->nrule || (r->entry[i].tried && !r->entry[i].failed);
    return n;
}

void report_totals(const struct report *r, struct report_totals *out)
{
    *out = r->totals;
    out->rules = r->nrule;
    for (unsigned i = 0; i < r->nrule; i++) {
        settle(r, i);
        out->exercised += r->row[i].exercised != 0;
        out->passed += r->row[i].worst == VERDICT_PASS;
        out->failed += r->row[i].worst >= VERDICT_ERROR;
        out->known += r->row[i].worst == VERDICT_KNOWN;
        out->skipped += r->row[i].exercised == 0 && r->skip[i];
    }
    out->stale_known = count_stale(r);
}
