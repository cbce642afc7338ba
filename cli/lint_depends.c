/* SPDX-License-Identifier: MIT */
/* Fields of one CPU that need each other: the rows of depends.csv over a whole dump. */
#include "cli/lint.h"
#include "emu/policy/lookup.h"

#include <string.h>

#define EXT_BASE 0x80000000u
#define CLASS_MASK 0xffff0000u

/* The highest leaf of the class, as software reads it; false when the dump does not say. */
static bool class_top(const struct lint *l, uint32_t leaf, uint32_t *top)
{
    uint32_t base = leaf >= EXT_BASE ? leaf & CLASS_MASK : 0;
    const struct tsp_leaf *e = lint_leaf(l, base, 0);

    if (e == NULL)
        return false;
    *top = e->reg[0];
    /* A processor without the class answers with another leaf's data. */
    if (base != 0 && (*top & CLASS_MASK) != base)
        *top = base - 1;
    return true;
}

/* Sub-leaves of leaf 7 end where its first one says (Intel SDM Vol. 2A CPUID). */
static bool beyond_subleaves(const struct lint *l, uint32_t leaf, uint32_t sub)
{
    const struct tsp_leaf *first = lint_leaf(l, leaf, 0);

    return leaf == 7 && sub > 0 && first != NULL && sub > first->reg[0] &&
           lint_leaf(l, leaf, sub) == NULL;
}

static uint32_t known_bits(const struct lint *l, const struct tsp_leaf *e, unsigned reg)
{
    const struct dump *d = l->dump;

    return d->mask == NULL ? ~0u : d->mask[e - d->leaf].reg[reg];
}

static bool field(void *ctx, uint32_t leaf, uint32_t sub, unsigned reg, uint32_t out[2])
{
    const struct lint *l = ctx;
    const struct tsp_leaf *e = lint_leaf(l, leaf, sub);
    uint32_t top = 0;

    out[0] = 0;
    out[1] = ~0u;
    /* What the class itself says is never out of it. */
    if ((leaf & CLASS_MASK) != leaf && class_top(l, leaf, &top) && l->dump->mask == NULL &&
        leaf > top)
        return true;
    if (beyond_subleaves(l, leaf, sub))
        return true;
    if (e == NULL)
        return false;
    out[0] = e->reg[reg];
    out[1] = known_bits(l, e, reg);
    /* Rows for guests ask for the hypervisor bit. */
    if (leaf == 1 && reg == 2 && !lint_guest(l))
        out[0] &= ~(1u << 31);
    return true;
}

static void found(void *ctx, unsigned rule, const struct spec_place *at, const char *expected)
{
    struct lint *l = ctx;
    struct lint_finding f = {.leaf = at->leaf,
                             .subleaf = at->sub,
                             .reg = at->reg,
                             .hi = at->hi,
                             .lo = at->lo,
                             .value = at->value};
    struct spec_rule r;

    if (!spec_rule_at(l->spec, rule, &r))
        return;
    snprintf(f.expected, sizeof(f.expected), "%s", expected);
    f.rule = r.id;
    f.source = r.source;
    f.text = r.note;
    /* Ids of one machine's only CPU: its recorder may have moved from CPU to CPU between leaves. */
    if (strncmp(r.id, "ID-", 3) == 0 && l->dump->ncpu == 1)
        f.note = true;
    lint_add(l, &f);
}

void lint_depends(struct lint *l)
{
    struct tsp_policy policy = {.leaf = l->leaf, .n = l->nleaf};
    struct spec_view view = {.field = field, .found = found, .ctx = l, .hits = l->hits};

    if (lint_leaf(l, 0, 0) == NULL)
        return;
    view.vendor = policy_vendor(&policy);
    spec_check_depends(l->spec, &view);
}
