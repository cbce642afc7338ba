/* SPDX-License-Identifier: MIT */
/* Asks a processor for all the CPUID leaves it has. */
#include "cli/formats/dump.h"

/* Where hypervisors put their blocks (Intel SDM Vol. 2A CPUID; Hyper-V TLFS, feature discovery). */
#define HV_FIRST 0x40000000u
#define HV_END 0x40010000u
#define HV_STEP 0x100u
#define CLASS_MOST 0xffu

/* A leaf that cannot be read is zero. */
static void fetch(const struct dump_asker *a, uint32_t leaf, uint32_t sub, struct tsp_leaf *out)
{
    *out = (struct tsp_leaf){.leaf = leaf, .subleaf = sub};
    if (!a->ask(a->ctx, leaf, sub, out->reg))
        *out = (struct tsp_leaf){.leaf = leaf, .subleaf = sub};
}

/* Whether sub-leaf sub (>= 1) of this leaf exists, given sub-leaf 0 and the one before it. */
static bool more(const struct tsp_leaf *zero, const struct tsp_leaf *last, uint32_t sub)
{
    switch (zero->leaf) {
    case 0x4:
    case 0x8000001d:
        return (last->reg[0] & 0x1f) != 0 && sub < 32;
    case 0xb:
    case 0x1f:
    case 0x80000026:
        return ((last->reg[2] >> 8) & 0xff) != 0 && sub < 32;
    case 0xd:
        return sub < 64;
    case 0xf:
        return sub < 2;
    case 0x10:
    case 0x80000020:
        return sub < 4;
    case 0x12:
        return sub < 8;
    case 0x7:
    case 0x14:
    case 0x17:
    case 0x18:
    case 0x1d:
    case 0x1e:
    case 0x20:
    case 0x24:
        return sub <= zero->reg[0] && sub < 32;
    case 0x1b:
        return (last->reg[0] & 0xfff) != 0 && sub < 32;
    case 0x23:
        return sub < 32 && (zero->reg[0] >> sub) != 0;
    default:
        return false;
    }
}

static bool empty(const struct tsp_leaf *l)
{
    return (l->reg[0] | l->reg[1] | l->reg[2] | l->reg[3]) == 0;
}

static size_t one_leaf(const struct dump_asker *a, uint32_t leaf, struct tsp_leaf *out, size_t n,
                       size_t max)
{
    struct tsp_leaf zero, last;

    if (n == max)
        return n;
    fetch(a, leaf, 0, &zero);
    out[n++] = last = zero;
    for (uint32_t sub = 1; n < max && more(&zero, &last, sub); sub++) {
        fetch(a, leaf, sub, &last);
        /* Components of the extended state are sparse: keep those that exist. */
        if (!(leaf == 0xd && sub > 1 && empty(&last)))
            out[n++] = last;
    }
    return n;
}

static size_t one_class(const struct dump_asker *a, uint32_t base, struct tsp_leaf *out, size_t n,
                        size_t max)
{
    struct tsp_leaf first;

    fetch(a, base, 0, &first);
    if (first.reg[0] < base || first.reg[0] > base + CLASS_MOST)
        return n;
    for (uint32_t leaf = base; leaf <= first.reg[0] && n < max; leaf++)
        n = one_leaf(a, leaf, out, n, max);
    return n;
}

size_t dump_walk(const struct dump_asker *a, struct tsp_leaf *out, size_t max)
{
    struct tsp_leaf one;
    size_t n = one_class(a, 0, out, 0, max);

    fetch(a, 1, 0, &one);
    for (uint32_t base = HV_FIRST; one.reg[2] >> 31 != 0 && base < HV_END; base += HV_STEP) {
        size_t before = n;

        n = one_class(a, base, out, n, max);
        /* Out-of-range leaves repeat the highest basic leaf on some processors: no letters there.
         */
        if (n > before && out[before].reg[1] == 0)
            n = before;
    }
    n = one_class(a, 0x80000000, out, n, max);
    n = one_class(a, 0xc0000000, out, n, max);
    return n;
}
