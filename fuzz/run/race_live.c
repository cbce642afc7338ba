/* SPDX-License-Identifier: MIT */
/* Races on real processors: rounds, and the trace that says what must have happened in one. */
#include "fuzz/run/race_live.h"

#include "trapspec/bits.h"

#include <string.h>

#define VECTOR_UD 6u
#define DELAY_STEP 37u /* so that rounds begin at all distances */
#define DELAY_MAX 4096u
#define PATIENCE 2u

/* Vectors that push an error code (Intel SDM Vol. 3A table 6-1). */
#define ERROR_VECTORS 0x60227d00u

struct round {
    const struct race_live_options *o;
    struct race_live *out;
    struct target *t;
    uint32_t stop[TSP_MAX_VCPU];
    struct tsp_vcpu_state v[TSP_MAX_VCPU];
    int vector[TSP_MAX_VCPU]; /* of the handler that it is in, or -1 */
    uint64_t site;            /* linear */
    uint8_t first[TSP_INSN_BYTES], guests[TSP_INSN_BYTES], last[TSP_INSN_BYTES];
    uint8_t trapped[TSP_INSN_BYTES];
    unsigned len; /* of the instruction at the site */
};

static struct tsp_trace trace;

/* ---- what is left ---- */

/* Memory as the page tables had it at the start. */
static bool read_linear(struct round *r, uint64_t lin, uint8_t *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (r->t->ops->peek(r->t->self, input_gpa(r->o->s, lin + i), p + i, 1) != TSP_OK)
            return false;
    return true;
}

static uint64_t linear(const struct round *r, uint64_t pc)
{
    if (r->o->s->mode == TSP_MODE_LONG64)
        return pc;
    return (uint32_t)(pc + r->o->setup->vcpu[0].x86.seg[TSP_CS].base);
}

/* Where the exception was taken, from the frame; of a mode whose stack is flat. */
static uint64_t fault_linear(struct round *r, unsigned vcpu)
{
    const struct tsp_vcpu_state *v = &r->v[vcpu];
    unsigned width = r->o->s->mode == TSP_MODE_LONG64 || r->o->s->mode == TSP_MODE_COMPAT32 ? 8
                     : r->o->s->mode == TSP_MODE_REAL16                                     ? 2
                                                                                            : 4;
    uint64_t sp = v->regs.r[TSP_RSP] + v->x86.seg[TSP_SS].base;
    uint8_t word[8] = {0};

    if (r->vector[vcpu] < 32 && (ERROR_VECTORS >> r->vector[vcpu] & 1) && width > 2)
        sp += width;
    if (!read_linear(r, sp, word, width))
        return 0;
    return linear(r, le_load(word, width));
}

static bool look(struct round *r)
{
    const struct tsp_setup *s = r->o->setup;

    r->site = linear(r, s->vcpu[0].regs.pc);
    for (unsigned i = 0; i < s->nvcpu; i++) {
        if (r->t->ops->get_vcpu(r->t->self, i, &r->v[i]) != TSP_OK)
            return false;
        r->vector[i] = input_stub_vector(r->o->s, r->v[i].regs.pc);
    }
    return read_linear(r, r->site, r->last, sizeof(r->last));
}

/* ---- what must have happened ---- */

static struct tsp_event *event(struct round *r, unsigned kind, unsigned code, unsigned vcpu,
                               const uint8_t *site)
{
    struct tsp_event *ev = &trace.ev[trace.n++];

    memset(ev, 0, sizeof(*ev));
    ev->kind = (uint16_t)kind;
    ev->code = code;
    ev->vcpu = (uint16_t)vcpu;
    ev->before = ev->after = r->o->setup->vcpu[vcpu].regs;
    ev->addr = vcpu == 0 ? r->site : r->site + TSP_INSN_BYTES;
    memcpy(ev->stored, site, sizeof(ev->stored));
    if (vcpu != 0)
        return ev;
    ev->len = (uint8_t)r->len;
    memcpy(ev->fetched, r->trapped, sizeof(ev->fetched));
    return ev;
}

static void guest_stores(struct round *r, const uint8_t *site)
{
    event(r, TSP_EV_RETIRE, 0, 1, site);
}

/* left: an exception came before the rewrite was over. */
static void patch(struct round *r, const uint8_t *was, bool left)
{
    struct tsp_event *ev = event(r, TSP_EV_PATCH, 0, 0, r->last);
    unsigned from = 0, to = TSP_INSN_BYTES;

    while (from < to && was[from] == r->last[from])
        from++;
    while (to > from && was[to - 1] == r->last[to - 1])
        to--;
    ev->info[0] = r->site + from;
    ev->info[1] = to - from;
    ev->spare = left;
}

/* The first vCPU went on behind what was written at its start: a call, then what is left over of
 * the instruction that was there. */
static void run_on(struct round *r)
{
    struct tsp_event *ev;

    if (r->len <= 3 || memcmp(r->last, r->first, r->len) == 0 || r->last[0] != 0x0f)
        return;
    ev = event(r, TSP_EV_HYPERCALL, 0, 0, r->last);
    ev->len = 3;
    memcpy(ev->fetched, r->last, 3);
    ev = event(r, TSP_EV_RETIRE, 0, 0, r->last);
    ev->len = (uint8_t)(r->len - 3);
    ev->addr += 3;
    memcpy(ev->fetched, r->last + 3, TSP_INSN_BYTES - 3);
}

/* Stores of the guest come before the trap where that explains what is left, else after it. */
static void compose(struct round *r)
{
    static const uint8_t nops[4] = {0x90, 0x90, 0x90, 0xf4};
    unsigned other = r->o->c->other, prefix = r->len - 3;
    bool stored = other == RACE_STORE || other == RACE_RESTORE, done = r->stop[1] == TSP_STOP_HALT;
    bool faulted = r->vector[0] >= 0 && fault_linear(r, 0) == r->site;
    bool hung = r->stop[0] == TSP_STOP_LIVELOCK;
    uint8_t now[TSP_INSN_BYTES], replaced[TSP_INSN_BYTES];

    memcpy(now, r->first, sizeof(now));
    memcpy(replaced, r->first, sizeof(replaced));
    memcpy(replaced + prefix, nops, sizeof(nops));
    memcpy(r->trapped, now, sizeof(now));
    event(r, TSP_EV_POLICY, 0, 0, now);
    if (done && !stored && memcmp(now, r->guests, sizeof(now)) != 0) {
        guest_stores(r, r->guests);
        memcpy(now, r->guests, sizeof(now));
    }
    memcpy(r->trapped, now, sizeof(now));
    if (memcmp(r->last, r->guests, sizeof(now)) != 0 || faulted || hung)
        event(r, TSP_EV_FETCH, TSP_MICRO_TRAP, 0, now);
    /* only bytes that are no call make an exception of it */
    if (done && stored && (other == RACE_STORE || (faulted && r->vector[0] == VECTOR_UD))) {
        guest_stores(r, replaced);
        memcpy(now, replaced, sizeof(now));
    }
    if (memcmp(now, r->last, sizeof(now)) != 0 && !(faulted && stored)) {
        patch(r, now, faulted);
        memcpy(now, r->last, sizeof(now));
    }
    if (faulted)
        event(r, TSP_EV_FAULT, (unsigned)r->vector[0], 0, now);
    if (hung) {
        event(r, TSP_EV_STOP, TSP_STOP_LIVELOCK, 0, r->last)->addr = linear(r, r->v[0].regs.pc);
    } else if (!faulted) {
        event(r, TSP_EV_FETCH, TSP_MICRO_RESUME, 0, r->last);
        run_on(r);
    }
}

/* ---- rounds ---- */

static void found(void *ctx, const struct finding *f)
{
    struct race_live *out = ctx;
    struct race_live_broken *b = out->broken;

    if (f->verdict != VERDICT_FAIL)
        return;
    while (b < out->broken + out->nbroken && b->rule != f->rule)
        b++;
    if (b == out->broken + out->nbroken) {
        if (out->nbroken == RACE_LIVE_RULES)
            return;
        out->nbroken++;
        *b = (struct race_live_broken){.rule = f->rule};
        memcpy(b->expected, f->expected, sizeof(b->expected));
        memcpy(b->got, f->got, sizeof(b->got));
    }
    b->rounds++;
}

static void count(struct round *r)
{
    bool halted = true, faulted = false, hung = false;

    for (unsigned i = 0; i < r->o->setup->nvcpu; i++) {
        halted = halted && r->stop[i] == TSP_STOP_HALT;
        faulted = faulted || r->vector[i] >= 0;
        hung = hung || r->stop[i] == TSP_STOP_LIVELOCK;
    }
    r->out->rounds++;
    r->out->hung += hung;
    r->out->faulted += !hung && halted && faulted;
    r->out->ended += halted && !faulted;
    r->out->stopped += !hung && !halted;
    r->out->rewritten += memcmp(r->last, r->guests, sizeof(r->last)) != 0;
}

/* A vCPU that is fetched goes on, each time for twice as long: it may be slow. One that hangs is
 * where it was. */
static enum tsp_status run_all(struct round *r, const uint32_t *delay)
{
    enum tsp_status st = TSP_OK;
    bool slow = true;

    memset(r->stop, 0, sizeof(r->stop));
    for (unsigned again = 0; again <= PATIENCE && st == TSP_OK && slow; again++) {
        slow = false;
        for (unsigned i = 0; i < r->o->setup->nvcpu; i++)
            if (r->stop[i] == TSP_STOP_LIVELOCK)
                r->stop[i] = TSP_STOP_BUDGET;
        st = target_threads(r->t, delay, r->o->ms << again, r->stop);
        for (unsigned i = 0; i < r->o->setup->nvcpu; i++)
            slow = slow || r->stop[i] == TSP_STOP_LIVELOCK;
    }
    return st;
}

static enum tsp_status one_round(struct round *r, unsigned n)
{
    struct spec_options opt = {
        .caps = r->t->caps, .least = VERDICT_FAIL, .found = found, .ctx = r->out};
    uint32_t delay[TSP_MAX_VCPU] = {0};
    struct tsp_event ev;
    enum tsp_status st = r->t->ops->reset(r->t->self, r->o->setup, &ev);

    if (st != TSP_OK)
        return st;
    delay[n & 1] = n / 2 * DELAY_STEP % DELAY_MAX;
    st = run_all(r, delay);
    if (st != TSP_OK)
        return st;
    if (!look(r))
        return TSP_EIO;
    count(r);
    trace.n = 0;
    compose(r);
    spec_check(r->o->spec, r->o->setup, &trace, &opt);
    return TSP_OK;
}

enum tsp_status race_live_run(struct target *t, const struct race_live_options *o,
                              struct race_live *out)
{
    struct round r = {.o = o, .out = out, .t = t};
    enum tsp_status st = TSP_OK;

    memset(out, 0, sizeof(*out));
    if (t->ops->peek == NULL || t->ops->get_vcpu == NULL)
        return TSP_ENOTSUP;
    memcpy(r.first, o->s->code[0], sizeof(r.first));
    race_site_after(o->c, o->s, r.guests);
    r.len = race_site_len(o->c);
    for (unsigned n = 0; n < o->rounds && st == TSP_OK && out->hung < RACE_LIVE_HUNG; n++)
        st = one_round(&r, n);
    return st;
}
