/* SPDX-License-Identifier: MIT */
/* Levels of the topology leaves and the XSAVE area: what rows cannot count. */
#include "cli/lint.h"
#include "emu/policy/lookup.h"

#include <string.h>

#define SDM "Intel SDM Vol. 2A CPUID"
#define APM "AMD APM Vol. 3 Appendix E"

static void say(struct lint *l, struct lint_finding f)
{
    const struct tsp_leaf *e = lint_leaf(l, f.leaf, f.subleaf);
    uint32_t reg = e == NULL ? 0 : e->reg[f.reg];

    f.value = (reg >> f.lo) & (uint32_t)(0xffffffffull >> (31 - (f.hi - f.lo)));
    lint_add(l, &f);
}

/* A domain has no more processors than its bits of the APIC id tell apart. */
static void check_width(struct lint *l, const struct tsp_leaf *e, const char *source)
{
    unsigned shift = e->reg[0] & 31;
    struct lint_finding f = {.leaf = e->leaf,
                             .subleaf = e->subleaf,
                             .reg = 1,
                             .hi = 15,
                             .rule = "lint:topology-width",
                             .source = source,
                             .text = "processors of this domain, more than its APIC id bits allow"};

    if (shift >= 16 || (e->reg[1] & 0xffff) <= 1u << shift)
        return;
    snprintf(f.expected, sizeof(f.expected), "at most 0x%x", 1u << shift);
    say(l, f);
}

/* Domains come from the smallest to the largest. */
static void check_type(struct lint *l, const struct tsp_leaf *e, unsigned below, const char *source)
{
    unsigned type = e->reg[2] >> 8 & 0xff;
    struct lint_finding f = {.leaf = e->leaf,
                             .subleaf = e->subleaf,
                             .reg = 2,
                             .hi = 15,
                             .lo = 8,
                             .rule = "lint:topology-type",
                             .source = source,
                             .text = "type of the domain; each level is larger than the one below"};

    if (e->leaf == 0xb && type > 2)
        snprintf(f.expected, sizeof(f.expected), "1 or 2: threads or cores");
    else if (type <= below)
        snprintf(f.expected, sizeof(f.expected), "more than 0x%x", below);
    else
        return;
    say(l, f);
}

static void check_levels(struct lint *l, uint32_t leaf, const char *source)
{
    unsigned below = 0;

    for (uint32_t sub = 0; sub < 8; sub++) {
        const struct tsp_leaf *e = lint_leaf(l, leaf, sub);

        if (e == NULL || (e->reg[2] >> 8 & 0xff) == 0 || (e->reg[1] & 0xffff) == 0)
            return;
        check_width(l, e, source);
        check_type(l, e, below, source);
        below = e->reg[2] >> 8 & 0xff;
    }
}

/* End of the standard area by the components' own sub-leaves; 0 when one is not recorded. */
static uint32_t area_end(const struct lint *l, uint64_t xcr0)
{
    uint32_t end = 0x240;

    for (uint32_t i = 2; i < 63; i++) {
        const struct tsp_leaf *e = lint_leaf(l, 0xd, i);

        if ((xcr0 >> i & 1) == 0)
            continue;
        if (e == NULL)
            return 0;
        if (e->reg[0] + e->reg[1] > end)
            end = e->reg[0] + e->reg[1];
    }
    return end;
}

/* What XSAVE needs for everything is where its last component ends. */
static void check_area(struct lint *l)
{
    const struct tsp_leaf *e = lint_leaf(l, 0xd, 0);
    uint32_t end;
    struct lint_finding f = {.leaf = 0xd,
                             .reg = 2,
                             .hi = 31,
                             .rule = "lint:xsave-area",
                             .source = SDM,
                             .text = "size of the area for all components"};

    /* Silicon may count components that are fused off. */
    if (e == NULL || e->reg[0] == 0 || lint_reg(l, 1, 0, 2) >> 31 == 0)
        return;
    end = area_end(l, e->reg[0] | (uint64_t)e->reg[3] << 32);
    if (end == 0 || end >= e->reg[2])
        return;
    snprintf(f.expected, sizeof(f.expected), "0x%x, where the last component ends", end);
    say(l, f);
}

/* Components that are saved together do not overlap; only those in reach of the standard form. */
static void check_overlap(struct lint *l, uint64_t xcr0)
{
    for (uint32_t i = 3; i < 63; i++) {
        const struct tsp_leaf *e = (xcr0 >> i & 1) != 0 ? lint_leaf(l, 0xd, i) : NULL;
        struct lint_finding f = {.leaf = 0xd,
                                 .subleaf = i,
                                 .reg = 1,
                                 .hi = 31,
                                 .rule = "lint:xsave-overlap",
                                 .source = SDM,
                                 .text = "offset of the component in the area"};

        for (uint32_t k = 2; e != NULL && e->reg[0] != 0 && k < i; k++) {
            const struct tsp_leaf *o = (xcr0 >> k & 1) != 0 ? lint_leaf(l, 0xd, k) : NULL;

            if (o == NULL || o->reg[0] == 0 || ((o->reg[2] | e->reg[2]) & 1) != 0 ||
                e->reg[1] >= (uint64_t)o->reg[1] + o->reg[0] ||
                o->reg[1] >= (uint64_t)e->reg[1] + e->reg[0])
                continue;
            snprintf(f.expected, sizeof(f.expected), "not within component 0x%x: 0x%x to 0x%x", k,
                     o->reg[1], o->reg[1] + o->reg[0] - 1);
            say(l, f);
            break;
        }
    }
}

/* The highest extended leaf; 0 on a processor that answers with another leaf's data there. */
static uint32_t extended_top(const struct lint *l)
{
    uint32_t top = lint_reg(l, 0x80000000, 0, 0);

    return top >> 16 == 0x8000 ? top : 0;
}

void lint_topology(struct lint *l)
{
    struct tsp_policy policy = {.leaf = l->leaf, .n = l->nleaf};
    uint32_t top = lint_reg(l, 0, 0, 0);

    if (l->dump->mask != NULL)
        return;
    if (top >= 0xb)
        check_levels(l, 0xb, SDM);
    if (top >= 0x1f)
        check_levels(l, 0x1f, SDM);
    if (extended_top(l) >= 0x80000026)
        check_levels(l, 0x80000026, APM);
    if (top >= 0xd) {
        check_area(l);
        check_overlap(l, lint_reg(l, 0xd, 0, 0) | (uint64_t)lint_reg(l, 0xd, 0, 3) << 32);
    }
    lint_caches(l, policy_vendor(&policy));
    lint_text(l, policy_vendor(&policy));
}
