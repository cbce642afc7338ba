/* SPDX-License-Identifier: MIT */
/* Runs a set-up to its end, judging the trace piece by piece so that its length is not limited. */
#include "cli/cli.h"
#include "cli/event.h"

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
        /* The target's fault is told before one of the policy it was given. */
        if (out->first[0] != 0 &&
            (f->subject == SUBJECT_POLICY || out->fails - out->policy_fails > 1))
            continue;
        if (spec_rule_at(r->spec, f->rule, &rule))
            snprintf(out->first, sizeof(out->first), "%s: expected %s, got %s", rule.id,
                     f->expected, f->got);
    }
}

static bool shown(const struct runner *r, const struct tsp_event *ev, unsigned nfind)
{
    if (ev->kind == TSP_EV_RETIRE || ev->kind == TSP_EV_FETCH || ev->kind == TSP_EV_POLICY)
        return false;
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

enum tsp_status runner_run(const struct runner *r, const struct tsp_setup *setup,
                           const uint8_t *sched, size_t nsched, struct run_result *out,
                           struct tsp_error *err)
{
    static struct tsp_trace trace;
    static struct collect found;
    struct decoder *dec = r->view == VIEW_NONE ? NULL : decoder_open();
    struct console con = {.n = 0};
    const struct tsp_target_ops *ops = r->t->ops;
    uint32_t left = r->budget, runnable;
    unsigned last = 0;
    size_t at = 0;

    memset(out, 0, sizeof(*out));
    memset(&trace.ev[0], 0, sizeof(trace.ev[0]));
    if (ops->reset(r->t->self, setup, &trace.ev[0]) != TSP_OK) {
        decoder_close(dec);
        return error_set(err, TSP_EARG, 0, "%s: %s", r->t->name, cli_refusal(r->t));
    }
    trace.n = 1;
    while (left > 0 && (runnable = ops->runnable(r->t->self)) != 0 && !cli_interrupted()) {
        struct tsp_event *ev = &trace.ev[trace.n];
        uint32_t slice = left < 4096 ? left : 4096;

        last = sched_next(sched, nsched, &at, runnable, last);
        if (ops->run(r->t->self, last, setup->nvcpu > 1 ? 1 : slice, ev) != TSP_OK)
            return error_set(err, TSP_EIO, 0, "%s died", r->t->name);
        left -= ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_BUDGET
                    ? (setup->nvcpu > 1 ? 1 : slice)
                    : 1;
        if (ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_BUDGET)
            continue;
        if (ev->kind == TSP_EV_STOP) {
            out->stop = ev->code;
            out->last = *ev;
        }
        if (ev->kind != TSP_EV_RETIRE && ev->kind != TSP_EV_FETCH)
            trace.n++;
        if (trace.n == TSP_MAX_EVENT) {
            judge_piece(r, setup, &trace, &found, out);
            show(r, setup, &trace, &found, dec, &con, out->events - (unsigned)trace.n);
            trace.n = 0;
        }
    }
    judge_piece(r, setup, &trace, &found, out);
    show(r, setup, &trace, &found, dec, &con, out->events - (unsigned)trace.n);
    console_flush(&con, r->view);
    if (left == 0 && r->view == VIEW_TEXT)
        printf("instruction budget of %u used up\n", r->budget);
    decoder_close(dec);
    return TSP_OK;
}
