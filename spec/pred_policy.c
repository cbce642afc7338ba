/* SPDX-License-Identifier: MIT */
/*
 * Predicates of policies: what makes the first policy of a set-up unfit for the hosts whose offers
 * are the others, and whether the target's verdict says so (docs/features/feature-levelling.pandoc
 * and xen/lib/x86/policy.c of Xen). Each predicate of a fault holds when the fault is not there, or
 * when the policy was refused.
 */
#include "spec/pred.h"

#include <stdio.h>

#define LEAF_XSAVE 0xdu
#define XSAVE_FIRST 2u /* sub-leaf of the first component with a place of its own */
#define XSAVE_LAST 62u
#define CLASS_MASK 0xc0000000u

/* What is wrong, and where. */
struct flaw {
    uint32_t leaf, sub;
    unsigned reg;
    uint64_t want, got;
    const char *what;
};

static const char *const reg_names[] = {"eax", "ebx", "ecx", "edx"};

static const struct tsp_leaf *find(const struct tsp_policy *p, uint32_t leaf, uint32_t sub)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct tsp_leaf *e = &p->leaf[i];

        if (e->leaf == leaf && (!(e->flags & TSP_LEAF_INDEXED) || e->subleaf == sub))
            return e;
    }
    return NULL;
}

static uint32_t value(const struct tsp_policy *p, uint32_t leaf, uint32_t sub, unsigned reg)
{
    const struct tsp_leaf *e = find(p, leaf, sub);

    return e ? e->reg[reg & 3] : 0;
}

static unsigned pool_size(const struct judge *j)
{
    return j->setup->npolicy < 4 ? j->setup->npolicy : 4;
}

static bool flaw_at(struct flaw *f, uint32_t leaf, uint32_t sub, const char *what)
{
    f->leaf = leaf;
    f->sub = sub;
    f->what = what;
    return true;
}

static bool flaw_reg(struct flaw *f, unsigned reg, uint64_t want, uint64_t got)
{
    f->reg = reg;
    f->want = want;
    f->got = got;
    return true;
}

/* leaf|sub|reg|mask: bits that some host does not have */
static bool flaw_within(const struct judge *j, const struct pred_use *p, struct flaw *f)
{
    uint32_t leaf = (uint32_t)p->arg[0], sub = (uint32_t)p->arg[1];
    unsigned reg = (unsigned)p->arg[2] & 3;
    uint32_t guest = value(&j->setup->policy[0], leaf, sub, reg) & (uint32_t)p->arg[3];

    for (unsigned i = 1; i < pool_size(j); i++) {
        uint32_t host = value(&j->setup->policy[i], leaf, sub, reg);

        if (guest & ~host)
            return flaw_at(f, leaf, sub, "bits that a host lacks") &&
                   flaw_reg(f, reg, guest & host, guest);
    }
    return false;
}

/* leaf|sub|reg|hi|lo: a number larger than some host's */
static bool flaw_at_most(const struct judge *j, const struct pred_use *p, struct flaw *f)
{
    uint32_t leaf = (uint32_t)p->arg[0], sub = (uint32_t)p->arg[1];
    unsigned reg = (unsigned)p->arg[2] & 3, lo = (unsigned)p->arg[4] & 31;
    uint32_t mask = 0xffffffffu >> (31 - (((unsigned)p->arg[3] - lo) & 31));
    uint32_t guest = value(&j->setup->policy[0], leaf, sub, reg) >> lo & mask;

    for (unsigned i = 1; i < pool_size(j); i++) {
        uint32_t host = value(&j->setup->policy[i], leaf, sub, reg) >> lo & mask;

        if (guest > host)
            return flaw_at(f, leaf, sub, "a number above a host's") &&
                   flaw_reg(f, reg, host, guest);
    }
    return false;
}

static bool flaw_vendor(const struct judge *j, const struct pred_use *p, struct flaw *f)
{
    (void)p;
    for (unsigned i = 1; i < pool_size(j); i++) {
        for (unsigned reg = 1; reg < 4; reg++) {
            uint32_t guest = value(&j->setup->policy[0], 0, 0, reg);
            uint32_t host = value(&j->setup->policy[i], 0, 0, reg);

            if (guest != host)
                return flaw_at(f, 0, 0, "another vendor") && flaw_reg(f, reg, host, guest);
        }
    }
    return false;
}

static bool leaf_is_above(const struct tsp_policy *host, const struct tsp_leaf *e)
{
    uint32_t class = e->leaf & CLASS_MASK;

    return (class == 0 || class == 0x80000000u) && e->leaf > value(host, class, 0, 0) &&
           (e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]);
}

/* Data in a basic or extended leaf above a host's highest one */
static bool flaw_above(const struct judge *j, const struct pred_use *p, struct flaw *f)
{
    const struct tsp_policy *guest = &j->setup->policy[0];

    (void)p;
    for (unsigned i = 1; i < pool_size(j); i++) {
        for (size_t k = 0; k < guest->n; k++) {
            const struct tsp_leaf *e = &guest->leaf[k];

            if (e->leaf != (e->leaf & CLASS_MASK) && leaf_is_above(&j->setup->policy[i], e))
                return flaw_at(f, e->leaf, e->subleaf, "data above a host's highest leaf") &&
                       flaw_reg(f, 0, 0, e->leaf);
        }
    }
    return false;
}

static bool component_differs(const struct tsp_leaf *e, const struct tsp_policy *host,
                              struct flaw *f)
{
    if (!e || !(e->flags & TSP_LEAF_INDEXED) || !e->reg[0])
        return false;
    for (unsigned reg = 0; reg < 2; reg++) {
        uint32_t there = value(host, LEAF_XSAVE, e->subleaf, reg);

        if (e->reg[reg] != there)
            return flaw_at(f, LEAF_XSAVE, e->subleaf, "another layout of the XSAVE area") &&
                   flaw_reg(f, reg, there, e->reg[reg]);
    }
    return false;
}

/* A component of the XSAVE area that lies elsewhere, or is of another size, on some host */
static bool flaw_xsave(const struct judge *j, const struct pred_use *p, struct flaw *f)
{
    (void)p;
    for (unsigned i = 1; i < pool_size(j); i++) {
        for (uint32_t sub = XSAVE_FIRST; sub <= XSAVE_LAST; sub++) {
            const struct tsp_leaf *e = find(&j->setup->policy[0], LEAF_XSAVE, sub);

            if (component_differs(e, &j->setup->policy[i], f))
                return true;
        }
    }
    return false;
}

/* leaf|sub: the condition of the row is the flaw */
static bool flaw_refused(const struct judge *j, const struct pred_use *p, struct flaw *f)
{
    (void)j;
    return flaw_at(f, (uint32_t)p->arg[0], (uint32_t)p->arg[1], "a feature that needs another") &&
           flaw_reg(f, 0, 0, 0);
}

static bool told(const struct judge *j, const struct flaw *f, struct say *say)
{
    if (j->ev->code != 0)
        return true;
    snprintf(say->expected, sizeof(say->expected), "refused: %s", f->what);
    if (f->want == f->got)
        snprintf(say->got, sizeof(say->got), "accepted, with leaf 0x%x.%u", f->leaf, f->sub);
    else
        snprintf(say->got, sizeof(say->got), "accepted, with leaf 0x%x.%u %s 0x%llx for 0x%llx",
                 f->leaf, f->sub, reg_names[f->reg & 3], (unsigned long long)f->got,
                 (unsigned long long)f->want);
    return false;
}

bool pred_within(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct flaw f = {0};

    return !flaw_within(j, p, &f) || told(j, &f, say);
}

bool pred_at_most(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct flaw f = {0};

    return !flaw_at_most(j, p, &f) || told(j, &f, say);
}

bool pred_same_vendor(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct flaw f = {0};

    return !flaw_vendor(j, p, &f) || told(j, &f, say);
}

bool pred_empty_above(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct flaw f = {0};

    return !flaw_above(j, p, &f) || told(j, &f, say);
}

bool pred_same_xsave(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct flaw f = {0};

    return !flaw_xsave(j, p, &f) || told(j, &f, say);
}

bool pred_refused(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct flaw f = {0};

    return !flaw_refused(j, p, &f) || told(j, &f, say);
}

/* One predicate of a row as a flaw of the policy, whatever the verdict was. */
static bool flaw_of(const struct judge *j, const struct pred_use *p, struct flaw *f)
{
    static const struct {
        bool (*holds)(const struct judge *j, const struct pred_use *p, struct say *say);
        bool (*flaw)(const struct judge *j, const struct pred_use *p, struct flaw *f);
    } kinds[] = {{pred_within, flaw_within},      {pred_at_most, flaw_at_most},
                 {pred_same_vendor, flaw_vendor}, {pred_empty_above, flaw_above},
                 {pred_same_xsave, flaw_xsave},   {pred_refused, flaw_refused}};

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (pred_defs[p->fn].holds == kinds[i].holds)
            return kinds[i].flaw(j, p, f);
    return false;
}

/* Calls `one` for each flaw; stops when it returns true. */
static bool each_flaw(const struct judge *j,
                      bool (*one)(const struct judge *j, const struct flaw *f))
{
    for (unsigned i = 0; i < j->s->ntrap; i++) {
        const struct trap_rule *t = &j->s->trap[i];

        if (!judge_rule_applies(j, t))
            continue;
        for (unsigned k = 0; k < t->npred; k++) {
            struct flaw f = {0};

            if (flaw_of(j, &j->s->pred[t->pred + k], &f) && one(j, &f))
                return true;
        }
    }
    return false;
}

static bool any_flaw(const struct judge *j, const struct flaw *f)
{
    (void)j;
    (void)f;
    return true;
}

/* The entry that the target blames is where this flaw is. */
static bool flaw_is_named(const struct judge *j, const struct flaw *f)
{
    const struct tsp_policy *guest = &j->setup->policy[0];
    const struct tsp_leaf *e = find(guest, f->leaf, f->sub);

    /* What is missing has no entry: the one behind the last stands for it. */
    return (e ? (size_t)(e - guest->leaf) : guest->n) + 1 == j->ev->info[0];
}

bool pred_reasoned(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    if (j->ev->code == 0)
        return true;
    if (!each_flaw(j, any_flaw)) {
        snprintf(say->expected, sizeof(say->expected), "accepted: every host can offer it");
        snprintf(say->got, sizeof(say->got), "refused at entry %llu",
                 (unsigned long long)j->ev->info[0]);
        return false;
    }
    if (each_flaw(j, flaw_is_named))
        return true;
    snprintf(say->expected, sizeof(say->expected), "the entry that no host can offer");
    snprintf(say->got, sizeof(say->got), "entry %llu", (unsigned long long)j->ev->info[0]);
    return false;
}
