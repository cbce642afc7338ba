/* SPDX-License-Identifier: MIT */
/* The policy a mutant was given, read as its guest reads it. */
#include "fuzz/target/mutant_in.h"

#include <string.h>

const struct tsp_leaf *mutant_entry(const struct mutant *m, uint32_t leaf, uint32_t sub)
{
    const struct tsp_policy *p = &m->given->policy[0];

    for (size_t i = 0; m->given->npolicy != 0 && i < p->n; i++)
        if (p->leaf[i].leaf == leaf &&
            (!(p->leaf[i].flags & TSP_LEAF_INDEXED) || p->leaf[i].subleaf == sub))
            return &p->leaf[i];
    return NULL;
}

const struct tsp_leaf *mutant_first(const struct mutant *m, uint32_t leaf)
{
    const struct tsp_policy *p = &m->given->policy[0];

    for (size_t i = 0; m->given->npolicy != 0 && i < p->n; i++)
        if (p->leaf[i].leaf == leaf)
            return &p->leaf[i];
    return NULL;
}

enum tsp_vendor mutant_vendor(const struct mutant *m)
{
    static const struct {
        uint32_t ebx, edx;
        enum tsp_vendor vendor;
    } text[] = {{0x756e6547, 0x49656e69, TSP_VENDOR_INTEL},
                {0x68747541, 0x69746e65, TSP_VENDOR_AMD},
                {0x6f677948, 0x6e65476e, TSP_VENDOR_HYGON},
                {0x746e6543, 0x48727561, TSP_VENDOR_CENTAUR}};
    const struct tsp_leaf *l = mutant_first(m, 0);

    for (size_t i = 0; l != NULL && i < sizeof(text) / sizeof(text[0]); i++)
        if (l->reg[1] == text[i].ebx && l->reg[3] == text[i].edx)
            return text[i].vendor;
    return TSP_VENDOR_OTHER;
}

static struct tsp_leaf *own(struct mutant *m, unsigned which, size_t *n)
{
    struct tsp_policy *p = &m->setup.policy[which];

    *n = m->setup.npolicy <= which ? 0 : p->n < TSP_MAX_LEAF ? p->n : TSP_MAX_LEAF;
    if (*n > 0) {
        memmove(m->leaf, p->leaf, *n * sizeof(m->leaf[0]));
        p->leaf = m->leaf;
        p->n = *n;
    }
    return m->leaf;
}

struct tsp_leaf *mutant_leaves(struct mutant *m, size_t *n)
{
    return own(m, 0, n);
}

struct tsp_leaf *mutant_offer(struct mutant *m, size_t *n)
{
    return own(m, 1, n);
}
