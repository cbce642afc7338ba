/* SPDX-License-Identifier: MIT */
/* This machine's own CPUID. The only file that executes the instruction. */
#include "cli/formats/cpuid_raw.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* Where hypervisors put their blocks (Intel SDM Vol. 2A CPUID; Hyper-V TLFS, feature discovery). */
#define HV_FIRST 0x40000000u
#define HV_END 0x40010000u
#define HV_STEP 0x100u

static bool ask(uint32_t leaf, uint32_t sub, struct tsp_leaf *out)
{
    *out = (struct tsp_leaf){.leaf = leaf, .subleaf = sub};
    __cpuid_count(leaf, sub, out->reg[0], out->reg[1], out->reg[2], out->reg[3]);
    return true;
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

static size_t one_leaf(uint32_t leaf, struct tsp_leaf *out, size_t n, size_t max)
{
    struct tsp_leaf zero, last;

    if (n == max)
        return n;
    ask(leaf, 0, &zero);
    out[n++] = last = zero;
    for (uint32_t sub = 1; n < max && more(&zero, &last, sub); sub++) {
        ask(leaf, sub, &last);
        /* Components of the extended state are sparse: keep those that exist. */
        if (!(leaf == 0xd && sub > 1 && empty(&last)))
            out[n++] = last;
    }
    return n;
}

static size_t one_class(uint32_t base, uint32_t most, struct tsp_leaf *out, size_t n, size_t max)
{
    struct tsp_leaf first;

    ask(base, 0, &first);
    if (first.reg[0] < base || first.reg[0] > base + most)
        return n;
    for (uint32_t leaf = base; leaf <= first.reg[0] && n < max; leaf++)
        n = one_leaf(leaf, out, n, max);
    return n;
}

size_t dump_live(struct tsp_leaf *out, size_t max)
{
    struct tsp_leaf one;
    size_t n = one_class(0, 0xff, out, 0, max);

    ask(1, 0, &one);
    for (uint32_t base = HV_FIRST; one.reg[2] >> 31 != 0 && base < HV_END; base += HV_STEP) {
        size_t before = n;

        n = one_class(base, 0xff, out, n, max);
        /* Out-of-range leaves repeat the highest basic leaf on some processors: no letters there.
         */
        if (n > before && out[before].reg[1] == 0)
            n = before;
    }
    n = one_class(0x80000000, 0xff, out, n, max);
    n = one_class(0xc0000000, 0xff, out, n, max);
    return n;
}
#else
size_t dump_live(struct tsp_leaf *out, size_t max)
{
    (void)out;
    (void)max;
    return 0;
}
#endif
