/* SPDX-License-Identifier: MIT */
/* Changes of CPUID policies, and leaf numbers near the edges of what policies hold. */
#include "fuzz/input/mutate.h"

#include <string.h>

uint32_t mutate_leaf_number(struct rng *r)
{
    /* Class bases (Intel SDM Vol. 2A CPUID, AMD APM Vol. 3 Appendix E, and the vendors' own
     * ranges), leaves with sub-leaves, leaves with run-time bits. */
    static const uint32_t base[] = {
        0,          1,          2,          4,          5,          6,          7,
        0xa,        0xb,        0xd,        0xf,        0x10,       0x12,       0x14,
        0x15,       0x16,       0x17,       0x18,       0x19,       0x1f,       0x20,
        0x20000000, 0x40000000, 0x40000001, 0x40000003, 0x40000010, 0x40000100, 0x40000101,
        0x80000000, 0x80000001, 0x80000002, 0x80000005, 0x80000006, 0x80000007, 0x80000008,
        0x8000000a, 0x8000001d, 0x8000001e, 0x8000001f, 0x80000020, 0x80000021, 0x80000026,
        0x80860000, 0xc0000000, 0xc0000001,
    };

    uint32_t leaf;

    switch (rng_below(r, 8)) {
    case 0: /* a hypervisor block in 0x100 steps */
        leaf = 0x40000000u + rng_below(r, 256) * 0x100u;
        return leaf + rng_below(r, 3);
    case 1: /* just inside or outside */
        leaf = RNG_PICK(r, base);
        return leaf + rng_below(r, 5) - 2;
    case 2:
        leaf = RNG_PICK(r, base);
        return leaf | rng_below(r, 0x40);
    case 3:
        return (uint32_t)rng_next(r);
    default:
        return RNG_PICK(r, base);
    }
}

uint32_t mutate_subleaf(struct rng *r)
{
    static const uint32_t edge[] = {0,  1,  2,  3,    4,     5,          9,         31,
                                    62, 63, 64, 0xff, 0x100, 0x7fffffff, 0xffffffff};

    return rng_below(r, 8) == 0 ? (uint32_t)rng_next(r) : RNG_PICK(r, edge);
}

static void add_leaf(struct scenario *s, struct rng *r)
{
    uint32_t at;

    if (s->nleaf >= INPUT_LEAF_MAX)
        return;
    at = rng_below(r, s->nleaf + 1); /* order matters: the first match answers */
    memmove(&s->leaf[at + 1], &s->leaf[at], (s->nleaf - at) * sizeof(s->leaf[0]));
    s->nleaf++;
    s->leaf[at].leaf = mutate_leaf_number(r);
    s->leaf[at].flags = rng_below(r, 2) ? TSP_LEAF_INDEXED : 0;
    s->leaf[at].subleaf = mutate_subleaf(r);
    for (unsigned i = 0; i < 4; i++)
        s->leaf[at].reg[i] = rng_below(r, 3) ? (uint32_t)rng_next(r) : 0;
}

static void delete_leaf(struct scenario *s, uint32_t at)
{
    s->nleaf--;
    memmove(&s->leaf[at], &s->leaf[at + 1], (s->nleaf - at) * sizeof(s->leaf[0]));
    memset(&s->leaf[s->nleaf], 0, sizeof(s->leaf[0]));
}

/* Leaf 0 decides vendor and highest leaf, so both halves are worth a change of their own. */
static void set_vendor(struct scenario *s, struct rng *r)
{
    static const uint32_t text[][3] = {
        {0x756e6547, 0x6c65746e, 0x49656e69}, /* GenuineIntel, as EBX ECX EDX */
        {0x68747541, 0x444d4163, 0x69746e65}, /* AuthenticAMD */
        {0x6f677948, 0x656e6975, 0x6e65476e}, /* HygonGenuine */
        {0x746e6543, 0x736c7561, 0x48727561}, /* CentaurHauls */
        {0x68532020, 0x20206961, 0x68676e61}, /*   Shanghai   */
    };
    const uint32_t *v = text[rng_below(r, ARRAY_SIZE(text))];
    struct tsp_leaf *leaf = &s->leaf[0];

    if (s->nleaf == 0 || leaf->leaf != 0) {
        if (s->nleaf >= INPUT_LEAF_MAX)
            return;
        memmove(&s->leaf[1], &s->leaf[0], s->nleaf * sizeof(s->leaf[0]));
        s->nleaf++;
        memset(leaf, 0, sizeof(*leaf));
        leaf->reg[0] = 0x10;
    }
    leaf->reg[1] = v[0];
    leaf->reg[2] = v[1];
    leaf->reg[3] = v[2];
    if (rng_below(r, 2))
        leaf->reg[0] = rng_below(r, 0x24);
}

void mutate_leaf(struct scenario *s, struct rng *r)
{
    uint32_t how = rng_below(r, 8), at, reg;

    if (how == 0) {
        set_vendor(s, r);
        return;
    }
    if (how < 3 || s->nleaf == 0) {
        add_leaf(s, r);
        return;
    }
    at = rng_below(r, s->nleaf);
    switch (how) {
    case 3:
        delete_leaf(s, at);
        break;
    case 4:
        s->leaf[at].leaf += rng_below(r, 3) - 1;
        break;
    case 5:
        s->leaf[at].flags ^= TSP_LEAF_INDEXED;
        s->leaf[at].subleaf = mutate_subleaf(r);
        break;
    default:
        reg = rng_below(r, 4);
        s->leaf[at].reg[reg] ^= 1u << rng_below(r, 32);
        break;
    }
}
