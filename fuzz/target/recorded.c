/* SPDX-License-Identifier: MIT */
/* Targets that play back what somebody saw: runs of a real hypervisor, and CPUID dumps. */
#include "fuzz/target/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAY_MAX 8u

struct recorded {
    const struct recorded_run *run;
    size_t n, cursor;
    struct tsp_event ev[PLAY_MAX];
    size_t nev, at;
    bool running;
};

struct dump {
    const struct tsp_leaf *leaf;
    size_t n;
    struct tsp_regs ask;
    bool asked, running;
};

static enum tsp_status not_opened_by_name(void **self, const char *args, struct tsp_error *err)
{
    (void)args;
    *self = NULL;
    if (err) {
        *err = (struct tsp_error){.code = TSP_ENOTSUP};
        snprintf(err->text, sizeof(err->text), "a recording is opened from memory, not by name");
    }
    return TSP_ENOTSUP;
}

static enum tsp_status no_peek(void *self, uint64_t gpa, void *buf, size_t len)
{
    (void)self;
    (void)gpa;
    (void)buf;
    (void)len;
    return TSP_ENOTSUP;
}

static enum tsp_status no_poke(void *self, uint64_t gpa, const void *buf, size_t len)
{
    (void)self;
    (void)gpa;
    (void)buf;
    (void)len;
    return TSP_ENOTSUP;
}

static enum tsp_status no_get(void *self, unsigned vcpu, struct tsp_vcpu_state *out)
{
    (void)self;
    (void)vcpu;
    (void)out;
    return TSP_ENOTSUP;
}

static enum tsp_status no_set(void *self, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    (void)self;
    (void)vcpu;
    (void)in;
    return TSP_ENOTSUP;
}

/* Runs are mostly asked for in order, so the search begins behind the last one. */
static const struct recorded_run *find_run(struct recorded *r, const struct tsp_setup *setup)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t at = (r->cursor + i) % r->n;

        if (r->run[at].setup == setup) {
            r->cursor = (at + 1) % r->n;
            return &r->run[at];
        }
    }
    return NULL;
}

static enum tsp_status recorded_reset(void *self, const struct tsp_setup *setup,
                                      struct tsp_event *out)
{
    struct recorded *r = self;
    const struct recorded_run *run = find_run(r, setup);

    *out = (struct tsp_event){.kind = TSP_EV_POLICY};
    r->nev = r->at = 0;
    r->running = run != NULL;
    if (!run)
        return TSP_EARG;
    r->nev = outcome_events(run, r->ev, PLAY_MAX);
    if (r->nev == 0) {
        /* What happened cannot be told: the same end as a run that the target could not do. */
        r->ev[0] = (struct tsp_event){.kind = TSP_EV_STOP, .code = TSP_STOP_UNSUPPORTED};
        r->ev[0].before = setup->vcpu[0].regs;
        r->ev[0].after = run->outcome->out;
        r->nev = 1;
    }
    return TSP_OK;
}

static uint32_t recorded_runnable(void *self)
{
    const struct recorded *r = self;

    return r->running ? 1 : 0;
}

static enum tsp_status recorded_run(void *self, unsigned vcpu, uint32_t budget,
                                    struct tsp_event *out)
{
    struct recorded *r = self;

    (void)budget;
    if (vcpu != 0)
        return TSP_EARG;
    if (r->at < r->nev)
        *out = r->ev[r->at++];
    else
        *out = (struct tsp_event){.kind = TSP_EV_STOP, .code = TSP_STOP_DONE};
    if (out->kind == TSP_EV_STOP)
        r->running = false;
    return TSP_OK;
}

static const struct tsp_target_ops recorded_ops = {
    .size = sizeof(struct tsp_target_ops),
    .abi = TSP_ABI_VERSION,
    .name = "recorded",
    .caps = TSP_CAP_X86 | TSP_CAP_ARM64 | TSP_CAP_EXEC | TSP_CAP_DETERMINISTIC,
    .open = not_opened_by_name,
    .reset = recorded_reset,
    .runnable = recorded_runnable,
    .run = recorded_run,
    .peek = no_peek,
    .poke = no_poke,
    .get_vcpu = no_get,
    .set_vcpu = no_set,
    .close = free,
};

enum tsp_status target_recorded(struct target *t, const struct recorded_run *run, size_t n,
                                const char *name)
{
    struct recorded *r = calloc(1, sizeof(*r));
    uint32_t arch = 0;

    memset(t, 0, sizeof(*t));
    if (!r)
        return TSP_ENOMEM;
    r->run = run;
    r->n = n;
    for (size_t i = 0; i < n; i++)
        arch |= run[i].setup->arch == TSP_ARCH_X86 ? TSP_CAP_X86 : TSP_CAP_ARM64;
    t->ops = &recorded_ops;
    t->self = r;
    t->caps = arch | TSP_CAP_EXEC | TSP_CAP_DETERMINISTIC;
    snprintf(t->name, sizeof(t->name), "%s", name);
    return TSP_OK;
}

static enum tsp_status dump_reset(void *self, const struct tsp_setup *setup, struct tsp_event *out)
{
    struct dump *d = self;

    *out = (struct tsp_event){.kind = TSP_EV_POLICY};
    d->ask = setup->vcpu[0].regs;
    d->asked = false;
    d->running = true;
    return TSP_OK;
}

static uint32_t dump_runnable(void *self)
{
    const struct dump *d = self;

    return d->running ? 1 : 0;
}

static const struct tsp_leaf *dump_find(const struct dump *d, uint32_t leaf, uint32_t sub)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct tsp_leaf *l = &d->leaf[i];

        if (l->leaf == leaf && (!(l->flags & TSP_LEAF_INDEXED) || l->subleaf == sub))
            return l;
    }
    return NULL;
}

static void dump_answer(const struct dump *d, const struct tsp_leaf *l, struct tsp_event *out)
{
    static const uint8_t order[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    static const uint8_t insn[2] = {0x0f, 0xa2};

    *out = (struct tsp_event){.kind = TSP_EV_CPUID, .len = 2, .before = d->ask, .after = d->ask};
    memcpy(out->fetched, insn, 2);
    memcpy(out->stored, insn, 2);
    out->addr = d->ask.pc;
    out->after.pc += 2;
    for (unsigned i = 0; i < 4; i++)
        out->after.r[order[i]] = l->reg[i];
}

static enum tsp_status dump_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    struct dump *d = self;
    const struct tsp_leaf *l;

    (void)budget;
    if (vcpu != 0)
        return TSP_EARG;
    l = dump_find(d, (uint32_t)d->ask.r[TSP_RAX], (uint32_t)d->ask.r[TSP_RCX]);
    if (!d->asked && l) {
        dump_answer(d, l, out);
        d->asked = true;
        return TSP_OK;
    }
    *out = (struct tsp_event){.kind = TSP_EV_STOP, .before = d->ask, .after = d->ask};
    out->code = d->asked ? TSP_STOP_DONE : TSP_STOP_UNSUPPORTED;
    d->running = false;
    return TSP_OK;
}

static const struct tsp_target_ops dump_ops = {
    .size = sizeof(struct tsp_target_ops),
    .abi = TSP_ABI_VERSION,
    .name = "dump",
    .caps = TSP_CAP_X86 | TSP_CAP_DETERMINISTIC,
    .open = not_opened_by_name,
    .reset = dump_reset,
    .runnable = dump_runnable,
    .run = dump_run,
    .peek = no_peek,
    .poke = no_poke,
    .get_vcpu = no_get,
    .set_vcpu = no_set,
    .close = free,
};

enum tsp_status target_dump(struct target *t, const struct tsp_leaf *leaf, size_t n,
                            const char *name)
{
    struct dump *d = calloc(1, sizeof(*d));

    memset(t, 0, sizeof(*t));
    if (!d)
        return TSP_ENOMEM;
    d->leaf = leaf;
    d->n = n;
    t->ops = &dump_ops;
    t->self = d;
    t->caps = dump_ops.caps;
    snprintf(t->name, sizeof(t->name), "%s", name);
    return TSP_OK;
}
