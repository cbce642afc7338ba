/* SPDX-License-Identifier: MIT */
/* Levels of the topology leaves and the XSAVE area: what rows cannot count. */
#include "cli/lint.h"
#include "emu/policy/lookup.h"

#include <string.h>

#define SDM "Intel SDM Vol. 2A CPUID"
#define APM "AMD APM Vol. 3 Appendix E"
#define LEGACY 0x240u /* legacy region and header: Intel SDM Vol. 1 13.4 */

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

/* Whoever lists domains stops at the first that has no type: it has no processors, and nothing
 * follows. */
static void check_end(struct lint *l, uint32_t leaf, uint32_t end, const char *source)
{
    struct lint_finding f = {.leaf = leaf,
                             .reg = 2,
                             .hi = 15,
                             .lo = 8,
                             .rule = "lint:topology-end",
                             .source = source,
                             .text = "type of the domain"};

    for (uint32_t sub = end; sub < end + 4; sub++) {
        const struct tsp_leaf *e = lint_leaf(l, leaf, sub);

        if (e == NULL || (e->reg[1] & 0xffff) == 0)
            continue;
        f.subleaf = (e->reg[2] >> 8 & 0xff) == 0 ? sub : end;
        snprintf(f.expected, sizeof(f.expected), "a type: sub-leaf 0x%x has processors", sub);
        say(l, f);
        return;
    }
}

/* A domain that has a type has processors: the one that asks is among them. */
static void check_empty(struct lint *l, const struct tsp_leaf *e, const char *source)
{
    const struct lint_finding f = {.leaf = e->leaf,
                                   .subleaf = e->subleaf,
                                   .reg = 1,
                                   .hi = 15,
                                   .expected = "at least 0x1",
                                   .rule = "lint:topology-empty",
                                   .source = source,
                                   .text = "processors of a domain that has a type"};

    if ((e->reg[2] >> 8 & 0xff) != 0 && lint_guest(l))
        say(l, f);
}

static void check_levels(struct lint *l, uint32_t leaf, const char *source)
{
    unsigned below = 0;

    for (uint32_t sub = 0; sub < 8; sub++) {
        const struct tsp_leaf *e = lint_leaf(l, leaf, sub);

        if (e == NULL)
            return;
        if ((e->reg[2] >> 8 & 0xff) == 0 || (e->reg[1] & 0xffff) == 0) {
            check_empty(l, e, source);
            check_end(l, leaf, sub, source);
            return;
        }
        check_width(l, e, source);
        check_type(l, e, below, source);
        below = e->reg[2] >> 8 & 0xff;
    }
}

/* Leaf 0x1F is leaf 0xB with more domains: the largest of each is the package. Silicon is left out,
 * whose leaf 0xB may have been made for software that knows no modules. */
static void check_both(struct lint *l)
{
    const struct tsp_leaf *old = lint_leaf(l, 0xb, 1), *last = NULL;
    struct lint_finding f = {.leaf = 0x1f,
                             .reg = 1,
                             .hi = 15,
                             .rule = "lint:topology-package",
                             .source = SDM,
                             .text = "processors of the largest domain"};

    for (uint32_t sub = 0; sub < 8; sub++) {
        const struct tsp_leaf *e = lint_leaf(l, 0x1f, sub);

        if (e == NULL || (e->reg[2] >> 8 & 0xff) == 0 || (e->reg[1] & 0xffff) == 0)
            break;
        last = e;
    }
    if (old == NULL || last == NULL || !lint_guest(l) || (old->reg[2] >> 8 & 0xff) != 2 ||
        (old->reg[1] & 0xffff) == 0)
        return;
    f.subleaf = last->subleaf;
    if ((old->reg[1] & 0xffff) != (last->reg[1] & 0xffff)) {
        snprintf(f.expected, sizeof(f.expected), "0x%x, as in leaf 0xb", old->reg[1] & 0xffff);
        say(l, f);
    } else if ((old->reg[0] & 31) != (last->reg[0] & 31)) {
        f.reg = 0;
        f.hi = 4;
        f.text = "id bits of the largest domain";
        snprintf(f.expected, sizeof(f.expected), "0x%x, as in leaf 0xb", old->reg[0] & 31);
        say(l, f);
    }
}

/* End of the standard area by the components' own sub-leaves; 0 when one is not recorded. */
static uint32_t area_end(const struct lint *l, uint64_t xcr0)
{
    uint32_t end = LEGACY;

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
    if (e == NULL || e->reg[0] == 0 || !lint_guest(l))
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

/* A component that can be enabled has a sub-leaf; where a later one is recorded, no tool has cut
 * the list. */
static void check_missing(struct lint *l, uint64_t xcr0)
{
    uint64_t xss = lint_reg(l, 0xd, 1, 2) | (uint64_t)lint_reg(l, 0xd, 1, 3) << 32;
    bool later = false;

    if ((lint_reg(l, 0xd, 1, 0) >> 3 & 1) == 0)
        xss = 0;
    for (uint32_t i = 62; i >= 2 && lint_guest(l); i--) {
        struct lint_finding f = {.leaf = 0xd,
                                 .subleaf = i,
                                 .hi = 31,
                                 .rule = "lint:xsave-missing",
                                 .source = SDM,
                                 .expected = "size and offset of the component",
                                 .text =
                                     "no sub-leaf of a component that XCR0 or IA32_XSS can have"};

        if (lint_leaf(l, 0xd, i) != NULL)
            later = true;
        else if (later && ((xcr0 | xss) >> i & 1) != 0)
            lint_add(l, &f);
    }
}

/* The area for what is enabled now ends where one of the components does. */
static void check_now(struct lint *l, uint64_t xcr0)
{
    const struct tsp_leaf *e = lint_leaf(l, 0xd, 0);
    uint32_t now = e == NULL ? 0 : e->reg[1], near = LEGACY;
    struct lint_finding f = {.leaf = 0xd,
                             .reg = 1,
                             .hi = 31,
                             .rule = "lint:xsave-now",
                             .source = SDM,
                             .text = "size of the area for the components that are enabled"};

    for (uint32_t i = 2; i < 63; i++) {
        const struct tsp_leaf *c = lint_leaf(l, 0xd, i);

        if ((xcr0 >> i & 1) == 0)
            continue;
        if (c == NULL)
            return;
        if (c->reg[0] + c->reg[1] <= now && c->reg[0] + c->reg[1] > near)
            near = c->reg[0] + c->reg[1];
    }
    /* Above all of them is another rule's. */
    if (now < LEGACY || now == near || now > e->reg[2])
        return;
    snprintf(f.expected, sizeof(f.expected), "where a component ends: 0x%x", near);
    say(l, f);
}

/* The compacted area is never larger than all components one behind the other, each aligned. */
static void check_compact(struct lint *l, uint64_t xcr0)
{
    const struct tsp_leaf *e = lint_leaf(l, 0xd, 1);
    uint64_t all = xcr0, most = LEGACY;
    struct lint_finding f = {.leaf = 0xd,
                             .subleaf = 1,
                             .reg = 1,
                             .hi = 31,
                             .rule = "lint:xsave-compact",
                             .source = SDM,
                             .text = "size of the compacted area for what is enabled"};

    /* XSAVEC or XSAVES: without them there is no such form. Tools may ask with XSAVE off. */
    if (e == NULL || (e->reg[0] & 0xa) == 0 ||
        (e->reg[1] == 0 && (!lint_guest(l) || lint_reg(l, 0xd, 0, 1) == 0)))
        return;
    all |= e->reg[2] | (uint64_t)e->reg[3] << 32;
    for (uint32_t i = 2; i < 63; i++) {
        const struct tsp_leaf *c = lint_leaf(l, 0xd, i);

        if ((all >> i & 1) == 0)
            continue;
        if (c == NULL)
            return;
        most += (uint64_t)c->reg[0] + 63;
    }
    if (e->reg[1] >= LEGACY && e->reg[1] <= most)
        return;
    snprintf(f.expected, sizeof(f.expected), "0x%x to 0x%llx", LEGACY, (unsigned long long)most);
    say(l, f);
}

static void check_xsave(struct lint *l)
{
    uint64_t xcr0 = lint_reg(l, 0xd, 0, 0) | (uint64_t)lint_reg(l, 0xd, 0, 3) << 32;

    if ((lint_reg(l, 1, 0, 2) >> 26 & 1) == 0)
        return;
    check_area(l);
    check_missing(l, xcr0);
    check_overlap(l, xcr0);
    check_now(l, xcr0);
    check_compact(l, xcr0);
}

/* The highest extended leaf; 0 on a processor that answers with another leaf's data there. */
static uint32_t extended_top(const struct lint *l)
{
    uint32_t top = lint_reg(l, 0x80000000, 0, 0);

    return top >> 16 == 0x8000 ? top : 0;
}

/* What a processor of Intel's answers above the highest leaf is the highest basic leaf's data; some
 * of it follows the CPU. */
static bool repeats_top(const struct lint *l, const struct tsp_leaf *e)
{
    uint32_t top = lint_reg(l, 0, 0, 0);

    for (size_t i = 0; i < l->nleaf; i++)
        if (l->leaf[i].leaf == top &&
            (l->leaf[i].reg[0] == e->reg[0] || l->leaf[i].reg[1] == e->reg[1]))
            return true;
    return lint_leaf(l, top, 0) == NULL;
}

/* Rows that know what is missing have said so. */
static bool told(const struct lint *l, uint32_t leaf)
{
    for (unsigned i = 0; i < l->n; i++)
        if (l->found[i].leaf == leaf && l->found[i].reg == 0 &&
            (l->found[i].cpu[l->cpu / 64] >> l->cpu % 64 & 1) != 0)
            return true;
    return false;
}

/* A leaf that answers above the maximum of its class is never asked for. */
static void check_maximum(struct lint *l, uint32_t base, enum tsp_vendor vendor)
{
    const struct tsp_leaf *first = lint_leaf(l, base, 0);
    uint32_t top = first == NULL ? 0 : first->reg[0], most = top;
    /* Intel has defined eight extended leaves. */
    uint32_t reach = vendor == TSP_VENDOR_INTEL && base != 0 ? 8 : 0xff;
    struct lint_finding f = {.leaf = base,
                             .hi = 31,
                             .rule = "lint:maximum",
                             .source = vendor == TSP_VENDOR_INTEL ? SDM : APM,
                             .text = "highest leaf of the class, below one that answers"};

    /* Intel's IA32_MISC_ENABLE bit 22 may limit it. */
    if (first == NULL || top - base > 0xff || told(l, base) ||
        (vendor == TSP_VENDOR_INTEL && base == 0 && top <= 3))
        return;
    for (size_t i = 0; i < l->nleaf; i++) {
        const struct tsp_leaf *e = &l->leaf[i];

        if (e->leaf - base > reach || e->subleaf != 0 || e->leaf <= most ||
            (e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]) == 0 ||
            (vendor == TSP_VENDOR_INTEL && repeats_top(l, e)))
            continue;
        most = e->leaf;
    }
    if (most == top)
        return;
    snprintf(f.expected, sizeof(f.expected), "at least 0x%x", most);
    say(l, f);
}

static void check_maxima(struct lint *l, enum tsp_vendor vendor)
{
    if (vendor != TSP_VENDOR_INTEL && vendor != TSP_VENDOR_AMD && vendor != TSP_VENDOR_HYGON)
        return;
    /* AMD's older processors left open what is above. */
    if (vendor == TSP_VENDOR_AMD && (lint_reg(l, 1, 0, 0) >> 8 & 15) != 15)
        return;
    check_maximum(l, 0, vendor);
    check_maximum(l, 0x80000000, vendor);
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
    if (top >= 0x1f)
        check_both(l);
    if (extended_top(l) >= 0x80000026)
        check_levels(l, 0x80000026, APM);
    if (top >= 0xd)
        check_xsave(l);
    check_maxima(l, policy_vendor(&policy));
    lint_caches(l, policy_vendor(&policy));
    lint_text(l, policy_vendor(&policy));
}
