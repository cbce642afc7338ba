/* SPDX-License-Identifier: MIT */
/* Follows a run with a protocol, and judges it by the rules of race.csv. */
#include "spec/race.h"

#include "spec/judge.h"
#include "spec/pred.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

static const char table_name[] = "race";

bool race_rule(const struct spec *s, unsigned rule)
{
    return rule < s->ntext && strcmp(s->text[rule].table, table_name) == 0;
}

/* The rules of the table follow one another. */
static unsigned first_rule(const struct spec *s, unsigned *n)
{
    unsigned first = 0, end;

    while (first < s->ntrap && !race_rule(s, s->trap[first].rule))
        first++;
    end = first;
    while (end < s->ntrap && race_rule(s, s->trap[end].rule))
        end++;
    *n = end - first;
    return first;
}

static bool host_is_amd(unsigned vendor)
{
    return vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON;
}

static void add_version(struct race_memo *m, bool guest)
{
    unsigned i = 0;

    while (i < m->nversion && memcmp(m->version[i], m->now, sizeof(m->now)) != 0)
        i++;
    if (i == RACE_VERSIONS) {
        m->full = 1;
        return;
    }
    memcpy(m->version[i], m->now, sizeof(m->now));
    m->dead = (uint16_t)(m->dead & ~(1u << i));
    m->by_guest = (uint16_t)(m->by_guest | (unsigned)guest << i);
    m->current = (uint8_t)i;
    if (i == m->nversion)
        m->nversion++;
}

/* The site is where the first vCPU starts. */
void race_start(struct judge *j, const struct tsp_event *ev)
{
    const struct tsp_vcpu_state *v = &j->setup->vcpu[0];
    struct race_memo *m = j->race;
    struct insn_view view;

    j->race_first = first_rule(j->s, &j->race_n);
    memset(m, 0, sizeof(*m));
    m->on = 1;
    m->amd = host_is_amd(j->setup->host);
    m->site = v->regs.pc;
    if (v->regs.mode != TSP_MODE_LONG64)
        m->site = (uint32_t)(v->regs.pc + v->x86.seg[TSP_CS].base);
    memcpy(m->now, ev->stored, sizeof(m->now));
    opcode_view(j->s, v->regs.mode, m->now, sizeof(m->now), &view);
    m->len = (uint8_t)(view.insn ? view.len : 0);
    add_version(m, false);
}

/* ---- one event ---- */

static bool by_processor(const struct tsp_event *ev, const struct race_vcpu *v)
{
    if (v->trapped || ev->len == 0 || ev->len > TSP_INSN_BYTES)
        return false;
    return ev->kind != TSP_EV_FETCH || ev->code == TSP_MICRO_TRAP;
}

void race_view(const struct judge *j, struct race_view *out)
{
    const struct race_memo *m = j->race;
    const struct tsp_event *ev = j->ev;
    uint64_t off = ev->addr - m->site;

    out->v = &m->vcpu[ev->vcpu % TSP_MAX_VCPU];
    out->off = off < TSP_INSN_BYTES ? (unsigned)off : TSP_INSN_BYTES;
    /* other memory stands at these addresses */
    if (ev->kind != TSP_EV_PATCH && (ev->spare != 0 || out->v->away))
        out->off = TSP_INSN_BYTES;
    out->executed = by_processor(ev, out->v);
    out->changed = 0;
    for (unsigned i = 0; i < TSP_INSN_BYTES; i++)
        out->changed |= (unsigned)(ev->stored[i] != m->now[i]) << i;
}

static void guest_changed(struct race_memo *m, unsigned changed)
{
    m->by_hv = (uint16_t)(m->by_hv & ~changed);
    m->guest_bytes = (uint16_t)(m->guest_bytes | changed);
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++) {
        struct race_vcpu *v = &m->vcpu[i];

        v->theirs = (uint16_t)(v->theirs | changed);
        v->mine = (uint16_t)(v->mine & ~changed);
        v->retries = 0;
    }
    add_version(m, true);
}

static void rewrite_stored(struct race_memo *m, struct race_vcpu *v, const struct tsp_event *ev,
                           unsigned changed)
{
    if (changed && v->mine == 0)
        v->old = (uint8_t)(m->current + 1);
    v->mine = (uint16_t)(v->mine | changed);
    v->left = ev->spare;
    m->by_hv = (uint16_t)(m->by_hv | changed);
    m->guest_bytes = (uint16_t)(m->guest_bytes & ~changed);
    if (v->left > 0 || v->mine == 0)
        return;
    /* a byte that was put back is the guest's again */
    for (unsigned i = 0; i < TSP_INSN_BYTES; i++)
        if (v->old && m->now[i] == m->version[v->old - 1][i])
            m->by_hv = (uint16_t)(m->by_hv & ~((unsigned)v->mine & 1u << i));
    add_version(m, false);
}

/* Bytes of the site that text, the rights at one end of the instruction, is about: those of its
 * page. */
static unsigned on_page(const struct race_memo *m, uint64_t lin)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < TSP_INSN_BYTES; i++)
        mask |= (unsigned)((m->site + i) / PAGE == lin / PAGE) << i;
    return mask;
}

/* Rights are those of one level, with CR0.WP as it is. */
static void note_rights(struct race_memo *m, const struct tsp_event *ev)
{
    uint64_t end[2] = {ev->addr, ev->addr + ev->len - 1};

    if (ev->spare != 0 || ev->len == 0 || ev->addr - m->site >= TSP_INSN_BYTES)
        return;
    m->level = (uint8_t)ev->before.level;
    for (unsigned i = 0; i < 2; i++) {
        unsigned page = on_page(m, end[i]);
        bool known = (ev->text[i] & TSP_TEXT_KNOWN) != 0, may = ev->text[i] & TSP_TEXT_WRITE;

        m->forbidden = (uint16_t)(known && !may ? m->forbidden | page : m->forbidden & ~page);
    }
}

static void trap_over(struct race_memo *m, struct race_vcpu *v, bool done)
{
    if (done && v->left == 0 && v->old && v->old - 1 != m->current)
        m->dead = (uint16_t)(m->dead | 1u << (v->old - 1));
    v->trapped = v->left = v->old = 0;
    v->mine = v->theirs = 0;
    v->trap_len = v->away = v->read_away = 0;
    memset(v->trap, 0, sizeof(v->trap));
}

static void trap_begins(struct race_vcpu *v, const struct tsp_event *ev)
{
    if (v->trap_addr != ev->addr)
        v->retries = 0;
    if (v->retries < UINT8_MAX)
        v->retries++;
    v->trapped = 1;
    v->trap_addr = ev->addr;
    v->trap_len = ev->len < TSP_INSN_BYTES ? ev->len : TSP_INSN_BYTES;
    memcpy(v->trap, ev->fetched, sizeof(v->trap));
    v->left = v->old = 0;
    v->mine = v->theirs = 0;
    v->away = v->read_away = ev->spare != 0;
}

static void note_micro(struct race_memo *m, struct race_vcpu *v, const struct tsp_event *ev)
{
    if (ev->code == TSP_MICRO_TRAP) {
        trap_begins(v, ev);
        note_rights(m, ev);
    } else if (ev->code == TSP_MICRO_READ || ev->code == TSP_MICRO_HOLD) {
        v->read_away = ev->spare != 0;
    } else if (ev->code == TSP_MICRO_RESUME) {
        trap_over(m, v, true);
    } else if (ev->code == TSP_MICRO_MIGRATE) {
        m->amd = host_is_amd((unsigned)ev->info[0]);
        m->migrated = 1;
        for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
            m->vcpu[i].retries = 0;
    }
}

/* A hypercall that the guest itself has put there is as long as it is. */
static void new_length(struct judge *j)
{
    struct race_memo *m = j->race;
    struct insn_view view;

    opcode_view(j->s, j->setup->vcpu[0].regs.mode, m->now, sizeof(m->now), &view);
    if (view.insn && (view.insn == j->s->vmcall || view.insn == j->s->vmmcall))
        m->len = (uint8_t)view.len;
}

static void take_event(struct judge *j, const struct race_view *view)
{
    struct race_memo *m = j->race;
    const struct tsp_event *ev = j->ev;
    struct race_vcpu *v = &m->vcpu[ev->vcpu % TSP_MAX_VCPU];
    bool call = ev->kind == TSP_EV_HYPERCALL;

    memcpy(m->now, ev->stored, sizeof(m->now));
    if (ev->kind == TSP_EV_PATCH) {
        rewrite_stored(m, v, ev, view->changed);
    } else if (view->changed) {
        guest_changed(m, view->changed);
        new_length(j);
    } else if (ev->kind == TSP_EV_RETIRE && ev->code == 0) {
        m->forbidden = 0; /* it may have been its page tables */
    }
    /* it has left, whether its target says what it executed or not */
    if ((view->executed || ev->kind == TSP_EV_RETIRE) && view->off >= m->len &&
        ev->kind != TSP_EV_FETCH)
        v->calls = 0;
    if (call && view->off < m->len && v->calls < UINT8_MAX)
        v->calls++;
    if (ev->kind == TSP_EV_FETCH) {
        note_micro(m, v, ev);
        return;
    }
    if (ev->kind == TSP_EV_PATCH || ev->kind == TSP_EV_NONE)
        return;
    if (ev->kind != TSP_EV_MMIO)
        v->retries = 0;
    /* a call that is made before the text is rewritten does not end the trap */
    if (v->trapped && !call)
        trap_over(m, v, false);
}

/* ---- the rules ---- */

static bool holds(const struct judge *j, const struct trap_rule *t, struct say *say)
{
    for (unsigned i = 0; i < t->npred; i++) {
        const struct pred_use *p = &j->s->pred[t->pred + i];

        if (!pred_defs[p->fn].holds(j, p, say))
            return false;
    }
    return true;
}

static void tell(struct judge *j, unsigned rule, const struct say *say)
{
    struct finding f = {.verdict = say ? VERDICT_FAIL : VERDICT_PASS,
                        .subject = SUBJECT_TARGET,
                        .event = j->index,
                        .rule = rule};

    if (f.verdict > j->worst)
        j->worst = f.verdict;
    if (j->opt->hits)
        j->opt->hits[rule]++;
    if (!j->opt->found || f.verdict < j->opt->least)
        return;
    if (say) {
        memcpy(f.expected, say->expected, sizeof(f.expected));
        memcpy(f.got, say->got, sizeof(f.got));
    }
    j->opt->found(j->opt->ctx, &f);
}

static unsigned judge_rule(struct judge *j, const struct trap_rule *t)
{
    struct say say = {"", ""};
    bool ok;

    if (!judge_rule_applies(j, t))
        return 0;
    ok = holds(j, t, &say);
    tell(j, t->rule, ok ? NULL : &say);
    return !ok;
}

/* A target that died or gave garbage is told by the rules about targets, here as anywhere. */
static unsigned judge_target(struct judge *j)
{
    unsigned failed = 0;

    facts_event(j);
    for (unsigned i = 0; i < j->s->ntrap; i++)
        if (pred_defs[j->s->pred[j->s->trap[i].pred].fn].holds == pred_sound)
            failed += judge_rule(j, &j->s->trap[i]);
    return failed;
}

unsigned race_event(struct judge *j)
{
    struct race_view view;
    unsigned failed = 0;

    if (!j->race->on || j->ev->kind == TSP_EV_NONE || j->ev->kind >= SPEC_BUCKETS)
        return 0;
    if (j->ev->kind == TSP_EV_STOP && j->ev->code == TSP_STOP_ERROR)
        return judge_target(j);
    race_view(j, &view);
    facts_event(j);
    for (unsigned i = j->race_first; i < j->race_first + j->race_n; i++)
        failed += judge_rule(j, &j->s->trap[i]);
    take_event(j, &view);
    return failed;
}

/* ---- one event after another ---- */

struct race_follow {
    struct judge j;
    struct spec_options opt;
};

struct race_follow *race_follow_open(const struct spec *s)
{
    struct race_follow *f = calloc(1, sizeof(*f));

    if (f) {
        f->j.s = s;
        f->j.opt = &f->opt;
        f->opt.least = VERDICT_FAIL;
    }
    return f;
}

void race_follow_close(struct race_follow *f)
{
    free(f);
}

void race_follow_start(struct race_follow *f, const struct tsp_setup *setup,
                       const struct tsp_event *policy, struct race_memo *memo)
{
    const struct spec *s = f->j.s;

    memset(&f->j, 0, sizeof(f->j));
    f->j.s = s;
    f->j.opt = &f->opt;
    f->j.setup = setup;
    f->j.race = memo;
    spec_policy_open(&f->j.policy, &(struct tsp_policy){NULL, 0}, false);
    facts_setup(&f->j);
    race_start(&f->j, policy);
}

unsigned race_follow_event(struct race_follow *f, struct race_memo *memo,
                           const struct tsp_event *ev,
                           void (*found)(void *, const struct finding *), void *ctx)
{
    f->j.race = memo;
    f->j.ev = ev;
    f->opt.found = found;
    f->opt.ctx = ctx;
    return race_event(&f->j);
}
