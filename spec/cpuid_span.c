/* SPDX-License-Identifier: MIT */
/*
 * Where the judging of CPUID leaves can change. Rules see a leaf through the policy's entries, its
 * class and the class's maximum, the topology leaves, and conditions on its number; without a
 * policy through the rows of the leaf itself. Between two such places leaves with the same answer
 * are judged alike.
 */
#include "spec/judge.h"

#include <stdlib.h>

#define HV_FIRST 0x40000000u
#define HV_LAST 0x4fffffffu
#define HV_STEP 0x100u

static void add(struct spec_spans *p, uint64_t leaf)
{
    if (leaf > UINT32_MAX)
        return;
    if (p->n == SPEC_SPANS_MAX) {
        p->truncated = true;
        return;
    }
    p->first[p->n++] = (uint32_t)leaf;
}

/* The leaf stands for itself. */
static void add_one(struct spec_spans *p, uint32_t leaf)
{
    add(p, leaf);
    add(p, (uint64_t)leaf + 1);
}

static void add_policy(struct spec_spans *p, const struct tsp_policy *policy)
{
    for (size_t i = 0; i < policy->n && i < TSP_MAX_LEAF; i++) {
        const struct tsp_leaf *e = &policy->leaf[i];
        uint32_t base = e->leaf & ~(HV_STEP - 1);

        add_one(p, e->leaf);
        /* Its first register is a maximum when it heads a class. */
        if (e->leaf == 0 || e->leaf == 0x80000000u || e->leaf == 0xc0000000u || e->leaf == base)
            add(p, (uint64_t)e->reg[0] + 1);
        if (e->leaf >= HV_FIRST && e->leaf <= HV_LAST) {
            add(p, base);
            add(p, (uint64_t)base + HV_STEP);
        }
    }
}

static bool add_conditions(struct spec_spans *p, const struct spec *s)
{
    for (unsigned i = 0; i < s->ncond; i++) {
        const struct cond *c = &s->cond[i];

        if (c->field != COND_LEAF)
            continue;
        if ((uint32_t)c->mask != UINT32_MAX)
            return false;
        for (unsigned k = 0; k < c->nspan; k++) {
            add(p, s->span[c->span + k].lo);
            if (s->span[c->span + k].hi < UINT32_MAX)
                add(p, s->span[c->span + k].hi + 1);
        }
    }
    return true;
}

static int order(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

    return a < b ? -1 : a > b;
}

bool spec_cpuid_spans(const struct spec *s, const struct tsp_setup *setup, struct spec_spans *out)
{
    unsigned n = 0;
    bool whole;

    out->n = 0;
    out->truncated = false;
    add(out, 0);
    add_one(out, 0xb);
    add_one(out, 0x1f);
    add(out, HV_FIRST);
    add(out, (uint64_t)HV_LAST + 1);
    add(out, 0x80000000u);
    add(out, 0xc0000000u);
    if (setup->npolicy != 0)
        add_policy(out, &setup->policy[0]);
    for (unsigned i = 0; setup->npolicy == 0 && i < s->nrec; i++)
        add_one(out, s->rec[i].leaf);
    whole = add_conditions(out, s) && !out->truncated;
    qsort(out->first, out->n, sizeof(out->first[0]), order);
    for (unsigned i = 0; i < out->n; i++)
        if (n == 0 || out->first[i] != out->first[n - 1])
            out->first[n++] = out->first[i];
    out->n = n;
    return whole;
}
