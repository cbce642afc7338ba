/* SPDX-License-Identifier: MIT */
/* The plug-in of wrong.def: "plugin:./wrong.so,NAME" is wrong in that one way. */
#include <trapspec/target.h>

#include <stdio.h>
#include <string.h>

static const struct tsp_target_ops *base;
static struct tsp_target_ops mine;
static const struct tsp_setup *given;
static struct tsp_setup set;
static struct tsp_leaf leaf[TSP_MAX_LEAF];
static unsigned n, serial; /* events of this run, of all runs */
static void *me;
static struct tsp_vcpu_state now; /* becomes the vCPU's state when `changed` */
static bool changed;

struct wrong {
    const char *name;
    void (*before)(void);
    void (*after)(struct tsp_event *e);
};

/* Shorthand of the rows. */
#define X86 (e->before.mode != TSP_MODE_A64)
#define ARM (e->before.mode == TSP_MODE_A64)
#define CPUID (e->kind == TSP_EV_CPUID)
#define CALL (e->kind == TSP_EV_HYPERCALL)
#define FAULT (e->kind == TSP_EV_FAULT)
#define PATCH (e->kind == TSP_EV_PATCH)
#define MSR (e->kind == TSP_EV_MSR && X86)
#define PIO (e->kind == TSP_EV_PIO)
#define XF (FAULT && X86)
#define AC (CALL && ARM)
#define AF (FAULT && ARM)
#define L ((uint32_t)e->before.r[TSP_RAX])
#define S ((uint32_t)e->before.r[TSP_RCX])
#define A(i) e->after.r[i]
#define B(i) e->before.r[i]
#define AX A(TSP_RAX)
#define BX A(TSP_RBX)
#define CX A(TSP_RCX)
#define DX A(TSP_RDX)
#define LONG (e->before.mode == TSP_MODE_LONG64)
#define FID ((uint32_t)e->before.r[0])
#define W1 ((uint32_t)e->before.r[1])

static void state(const struct tsp_event *e)
{
    base->get_vcpu(me, e->vcpu, &now);
    changed = true;
}

static void poke(uint64_t at, const void *p, size_t len)
{
    base->poke(me, at, p, len);
}

static const struct tsp_leaf *find(uint32_t l, uint32_t s)
{
    for (size_t i = 0; given->npolicy && i < given->policy[0].n; i++) {
        const struct tsp_leaf *q = &given->policy[0].leaf[i];

        if (q->leaf == l && (!(q->flags & TSP_LEAF_INDEXED) || q->subleaf == s))
            return q;
    }
    return NULL;
}

/* The answer is that of another leaf. */
static void ans(struct tsp_event *e, uint32_t l, uint32_t s)
{
    static const int order[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    const struct tsp_leaf *q = find(l, s);

    for (int i = 0; i < 4; i++)
        A(order[i]) = q ? q->reg[i] : 0;
}

static void zero(struct tsp_event *e)
{
    AX = BX = CX = DX = 0;
}

#define AFTER(name, rule, ...)                                                                     \
    static void after_##name(struct tsp_event *e)                                                  \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#define BEFORE(name, rule, ...)                                                                    \
    static void before_##name(void)                                                                \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#include "wrong.def"
#undef AFTER
#undef BEFORE

#define AFTER(name, rule, ...) {#name, NULL, after_##name},
#define BEFORE(name, rule, ...) {#name, before_##name, NULL},
static const struct wrong table[] = {
#include "wrong.def"
    {NULL, NULL, NULL}};
static const struct wrong *wrong;

static enum tsp_status wrong_open(void **self, const char *args, struct tsp_error *err)
{
    enum tsp_status st;

    for (wrong = table; wrong->name && strcmp(wrong->name, args) != 0;)
        wrong++;
    if (!wrong->name) {
        err->code = TSP_EARG;
        snprintf(err->text, sizeof(err->text), "no wrong behaviour %s", args);
        return TSP_EARG;
    }
    st = base->open(self, "", err);
    me = *self;
    return st;
}

static enum tsp_status wrong_reset(void *self, const struct tsp_setup *s, struct tsp_event *out)
{
    given = s;
    set = *s;
    n = 0;
    if (s->npolicy) {
        memcpy(leaf, s->policy[0].leaf, s->policy[0].n * sizeof(leaf[0]));
        set.policy[0].leaf = leaf;
    }
    if (wrong->before)
        wrong->before();
    return base->reset(self, &set, out);
}

static enum tsp_status wrong_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *e)
{
    enum tsp_status st = base->run(self, vcpu, budget, e);
    struct tsp_regs was = e->after;

    n++;
    serial++;
    changed = false;
    if (st == TSP_OK && wrong->after)
        wrong->after(e);
    if (!changed && memcmp(&was, &e->after, sizeof(was)) != 0) {
        state(e);
        now.regs = e->after;
    }
    return changed ? base->set_vcpu(self, vcpu, &now) : st;
}

const struct tsp_target_ops *tsp_plugin(uint32_t abi, const struct tsp_host *host)
{
    if (abi != TSP_ABI_VERSION)
        return NULL;
    base = host->builtin("model:kvm");
    if (base == NULL)
        return NULL;
    mine = *base;
    mine.size = sizeof(mine);
    mine.name = "wrong";
    mine.open = wrong_open;
    mine.reset = wrong_reset;
    mine.run = wrong_run;
    return &mine;
}
