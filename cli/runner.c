/* SPDX-License-Identifier: MIT */
/* Runs a set-up to its end, judging the trace piece by piece so that its length is not limited. */
#include "cli/cli.h"
#include "cli/event.h"
#include "fuzz/target/look.h"

#include <string.h>

#define FOUND_MAX 4096u

struct collect {
    struct finding f[FOUND_MAX];
    unsigned n;
};

static void keep(void *ctx, const struct finding *f)
{
    struct collect *c = ctx;

    if (c->n < FOUND_MAX)
        c->f[c->n++] = *f;
}

/* Console output of the guest, a line at a time. */
struct console {
    char text[256];
    unsigned n;
};

static void console_flush(struct console *c, enum run_view view)
{
    if (c->n > 0 && view == VIEW_TEXT)
        printf("%sguest: %.*s%s\n", cli_color(COLOR_BOLD), (int)c->n, c->text,
               cli_color(COLOR_OFF));
    c->n = 0;
}

static bool is_console(const struct tsp_event *ev, const struct tsp_setup *s)
{
    if (ev->kind == TSP_EV_PIO)
        return s->console_port != 0 && ev->code == s->console_port && (ev->info[1] & 1) != 0;
    return ev->kind == TSP_EV_MMIO && s->console_mmio != 0 && ev->addr == s->console_mmio &&
           (ev->info[1] & 1) != 0;
}

static void console_put(struct console *c, const struct tsp_event *ev, enum run_view view)
{
    char ch = (char)(ev->info[0] & 0xff);

    if (ch == '\n' || c->n == sizeof(c->text))
        console_flush(c, view);
    if (ch != '\n' && ch != '\r' && c->n < sizeof(c->text))
        c->text[c->n++] = ch >= 0x20 && ch <= 0x7e ? ch : '?';
}

/* Known deviations are marked; everything else keeps its verdict. */
static void apply_known(const struct runner *r, struct collect *c)
{
    struct spec_rule rule;
    const char *reason;

    for (unsigned i = 0; i < c->n; i++)
        if (r->known != NULL && c->f[i].verdict == VERDICT_FAIL &&
            spec_rule_at(r->spec, c->f[i].rule, &rule) && known_has(r->known, rule.id, &reason))
            c->f[i].verdict = VERDICT_KNOWN;
}

/* The rule joins the list, unless it is there or there is no room. */
static void also(struct run_result *out, const char *id)
{
    size_t n = strlen(out->also), len = strlen(id);
    const char *at = out->also;

    if (strncmp(out->first, id, len) == 0 && out->first[len] == ':')
        return;
    for (; (at = strstr(at, id)) != NULL; at += len)
        if ((at == out->also || at[-1] == ' ') && (at[len] == 0 || at[len] == ','))
            return;
    if (n + len + 3 <= sizeof(out->also))
        snprintf(out->also + n, sizeof(out->also) - n, "%s%s", n > 0 ? ", " : "", id);
}

static void count(const struct runner *r, const struct collect *c, struct run_result *out)
{
    struct spec_rule rule;

    for (unsigned i = 0; i < c->n; i++) {
        const struct finding *f = &c->f[i];

        if (f->verdict > out->worst)
            out->worst = f->verdict;
        if (f->verdict != VERDICT_FAIL)
            continue;
        out->fails++;
        out->policy_fails += f->subject == SUBJECT_POLICY;
        if (!spec_rule_at(r->spec, f->rule, &rule))
            continue;
        /* The target's fault is told before one of the policy it was given. */
        if (out->first[0] != 0 && f->subject != SUBJECT_POLICY &&
            out->fails - out->policy_fails > 1)
            also(out, rule.id);
        else if (out->first[0] == 0 || f->subject != SUBJECT_POLICY)
            snprintf(out->first, sizeof(out->first), "%s: expected %s, got %s", rule.id,
                     f->expected, f->got);
    }
}

static bool shown(const struct runner *r, const struct tsp_event *ev, unsigned nfind)
{
    if (ev->kind == TSP_EV_RETIRE || ev->kind == TSP_EV_POLICY)
        return false;
    if (ev->kind == TSP_EV_FETCH)
        return ev->code == TSP_MICRO_MIGRATE;
    if (ev->kind == TSP_EV_PIO || ev->kind == TSP_EV_MMIO)
        return r->all || nfind > 0;
    return true;
}

static void show(const struct runner *r, const struct tsp_setup *setup,
                 const struct tsp_trace *trace, const struct collect *c, struct decoder *dec,
                 struct console *con, unsigned base)
{
    for (size_t e = 0; e < trace->n; e++) {
        struct event_view v = {
            .ev = &trace->ev[e], .setup = setup, .spec = r->spec, .dec = dec, .nfind = 0};
        struct finding mine[32];

        if (is_console(v.ev, setup)) {
            console_put(con, v.ev, r->view);
            continue;
        }
        for (unsigned i = 0; i < c->n && v.nfind < 32; i++)
            if (c->f[i].event == e)
                mine[v.nfind++] = c->f[i];
        v.find = mine;
        if (!shown(r, v.ev, v.nfind))
            continue;
        console_flush(con, r->view);
        if (r->view == VIEW_JSON)
            event_json(&v, base + (unsigned)e);
        else if (r->view == VIEW_TEXT)
            event_print(&v);
    }
}

static void judge_piece(const struct runner *r, const struct tsp_setup *setup,
                        const struct tsp_trace *trace, struct collect *c, struct run_result *out)
{
    struct spec_options opt = {.caps = r->t->caps, .least = VERDICT_PASS, .found = keep, .ctx = c};

    c->n = 0;
    spec_check(r->spec, setup, trace, &opt);
    apply_known(r, c);
    count(r, c, out);
    for (size_t e = 0, i = 0; e < trace->n; e++) {
        bool any = false, gap = false;

        for (i = 0; i < c->n && !any; i++) {
            any = c->f[i].event == e;
            gap = any && c->f[i].verdict == VERDICT_GAP;
        }
        out->judged += any && !gap;
        out->gaps += gap;
    }
    out->events += (unsigned)trace->n;
}

/* Where a run stands. */
struct state {
    const struct runner *r;
    const struct tsp_setup *at; /* what the target has: another set-up after a migration */
    struct tsp_setup judged;    /* what the piece of trace under way began with */
    struct tsp_setup to[2];
    unsigned events, moved;
    uint64_t same[INPUT_MOVE_MAX]; /* info[1] of each migration */
    struct tsp_trace trace;
    struct looker looker;
    struct collect found;
    struct decoder *dec;
    struct console con;
    struct run_result *out;
};

/* What only a comparison with a run that stays can say; the run that is shown comes after it. */
static void look_ahead(struct state *x, const uint8_t *sched, size_t nsched)
{
    struct exec_how how = {.sched = sched,
                           .nsched = nsched,
                           .budget = x->r->budget,
                           .move = x->r->move,
                           .nmove = x->r->nmove};
    unsigned k = 0;

    if (x->r->nmove == 0 || exec_compared(x->r->t, x->at, &how, &x->trace) != TSP_OK)
        return;
    for (size_t i = 0; i < x->trace.n && k < INPUT_MOVE_MAX; i++)
        if (x->trace.ev[i].kind == TSP_EV_FETCH && x->trace.ev[i].code == TSP_MICRO_MIGRATE)
            x->same[k++] = x->trace.ev[i].info[1];
}

/* Judges and shows what there is of the trace, and begins a new piece. */
static void piece(struct state *x)
{
    x->trace.looks = look_all(&x->looker, &x->trace);
    judge_piece(x->r, &x->judged, &x->trace, &x->found, x->out);
    look_close(&x->looker);
    show(x->r, &x->judged, &x->trace, &x->found, x->dec, &x->con,
         x->out->events - (unsigned)x->trace.n);
    x->trace.n = 0;
    x->judged.host = x->at->host;
}

/* A migration that is due; false: the vCPUs go on. */
static bool move_now(struct state *x)
{
    struct tsp_setup *next = &x->to[x->at == &x->to[0]];
    struct tsp_event *ev = &x->trace.ev[x->trace.n];
    enum tsp_status st;

    if (x->moved >= x->r->nmove || x->events < x->r->move[x->moved].after ||
        x->at->protocol != TSP_PROTOCOL_NONE)
        return false;
    st = migrate_event(x->r->t, x->at, next, &x->r->move[x->moved], ev);
    if (st == TSP_ENOTSUP)
        return false;
    look_end(&x->looker);
    if (st == TSP_OK && x->moved < INPUT_MOVE_MAX)
        ev->info[1] = x->same[x->moved];
    x->at = next;
    x->moved++;
    x->trace.n++;
    return true;
}

/* With a protocol every step of a vCPU is part of the trace. */
static bool in_steps(const struct state *x)
{
    return x->at->protocol != TSP_PROTOCOL_NONE;
}

static bool is_budget(const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_BUDGET;
}

/* One turn of a vCPU; what it cost of the budget, 0: the target failed. */
static uint32_t turn(struct state *x, struct sched_move move)
{
    struct tsp_event *ev = &x->trace.ev[x->trace.n];
    bool micro = in_steps(x), said;

    if (x->looker.on)
        move.budget = look_before(&x->looker, move.vcpu, move.budget);
    if (x->r->t->ops->run(x->r->t->self, move.vcpu, move.budget, ev) != TSP_OK)
        return 0;
    said = micro ? ev->kind != TSP_EV_NONE
                 : ev->kind != TSP_EV_RETIRE && ev->kind != TSP_EV_FETCH && !is_budget(ev);
    if (x->looker.on)
        look_after(&x->looker, ev, x->trace.n, said);
    if (is_budget(ev))
        return micro ? 1 : move.budget;
    if (ev->kind == TSP_EV_STOP) {
        x->out->stop = ev->code;
        x->out->last = *ev;
    }
    x->events += ev->kind != TSP_EV_RETIRE && ev->kind != TSP_EV_NONE;
    x->trace.n += said;
    return 1;
}

static struct state *begin(const struct runner *r, const struct tsp_setup *setup,
                           struct run_result *out)
{
    static struct state x;

    memset(out, 0, sizeof(*out));
    x.r = r;
    x.at = setup;
    x.judged = *setup;
    x.events = x.moved = 0;
    memset(x.same, 0, sizeof(x.same));
    x.con.n = 0;
    x.out = out;
    return &x;
}

enum tsp_status runner_run(const struct runner *r, const struct tsp_setup *setup,
                           const uint8_t *sched, size_t nsched, struct run_result *out,
                           struct tsp_error *err)
{
    struct state *x = begin(r, setup, out);
    const struct tsp_target_ops *ops = r->t->ops;
    uint32_t left = r->budget, runnable, cost;
    struct sched_move move = {0, 0};
    size_t at = 0;

    if (in_steps(x) && !(r->t->caps & TSP_CAP_STEPS))
        return error_set(err, TSP_ENOTSUP, 0, "%s shows no micro-steps", r->t->name);
    if (!exec_can_run(r->t, setup))
        return error_set(err, TSP_ENOTSUP, 0, "%s runs no AArch32 guests", r->t->name);
    look_ahead(x, sched, nsched);
    memset(&x->trace.ev[0], 0, sizeof(x->trace.ev[0]));
    if (ops->reset(r->t->self, setup, &x->trace.ev[0]) != TSP_OK)
        return error_set(err, TSP_EARG, 0, "%s: %s", r->t->name, cli_refusal(r->t));
    x->dec = r->view == VIEW_NONE ? NULL : decoder_open();
    x->trace.n = 1;
    look_open(&x->looker, r->t, setup);
    while (left > 0 && (runnable = ops->runnable(r->t->self)) != 0 && !cli_interrupted()) {
        uint32_t slice = left < 4096 ? left : 4096;

        if (!move_now(x)) {
            move = sched_move(setup, sched, nsched, &at, runnable, move.vcpu, slice);
            cost = turn(x, move);
            if (cost == 0) {
                decoder_close(x->dec);
                return error_set(err, TSP_EIO, 0, "%s died", r->t->name);
            }
            left -= cost;
        }
        /* what a race is judged by cannot be cut into pieces */
        if (x->trace.n == TSP_MAX_EVENT && in_steps(x))
            break;
        if (x->trace.n == TSP_MAX_EVENT)
            piece(x);
    }
    piece(x);
    console_flush(&x->con, r->view);
    if (left == 0 && r->view == VIEW_TEXT)
        printf("instruction budget of %u used up\n", r->budget);
    decoder_close(x->dec);
    return TSP_OK;
}
