/* SPDX-License-Identifier: MIT */
/* Wrong verdicts on a guest's policy, when there is a pool of hosts that it has to fit. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#define HISTORIC .kind = MUTANT_HISTORIC, .area = MUTANT_POLICY
#define SYSTEMATIC .kind = MUTANT_SYSTEMATIC, .area = MUTANT_POLICY, .source = "trapspec"

static const char *const way[] = {"accepted",   "refused",    "inverted",
                                  "entry-less", "entry-more", "entry-last"};

static void name_way(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", way[i]);
}

static void refuse(struct tsp_event *out, uint64_t entry)
{
    out->code = 1;
    out->info[0] = entry + 1;
}

static void accept(struct tsp_event *out)
{
    out->code = 0;
    out->info[0] = out->info[1] = 0;
}

static void verdict_way(struct mutant *m, struct tsp_event *out)
{
    bool refused = out->code != 0;

    if (m->i == 0 || (m->i == 2 && refused))
        accept(out);
    else if (m->i == 1 || m->i == 2)
        refuse(out, 0);
    else if (refused && m->i == 3)
        out->info[0]--;
    else if (refused && m->i == 4)
        out->info[0]++;
    else if (refused)
        out->info[0] = m->given->policy[0].n;
}

static size_t number_of(const struct mutant *m, uint32_t leaf, uint32_t sub)
{
    const struct tsp_leaf *l = mutant_entry(m, leaf, sub);

    return l == NULL ? 0 : (size_t)(l - m->given->policy[0].leaf);
}

static uint32_t guest_reg(const struct mutant *m, uint32_t leaf, uint32_t sub, unsigned reg)
{
    const struct tsp_leaf *l = mutant_entry(m, leaf, sub);

    return l == NULL ? 0 : l->reg[reg];
}

/* AVX2 and FMA both need AVX, and nothing needs itself. */
static void verdict_m117(struct mutant *m, struct tsp_event *out)
{
    uint32_t both = 1u << 28 | 1u << 12;

    if ((guest_reg(m, 1, 0, 2) & both) == both && (guest_reg(m, 7, 0, 1) >> 5 & 1) != 0)
        refuse(out, number_of(m, 1, 0));
}

/* What the host offers loses bits 0 and 3, which is 9, instead of bit 9. */
static void setup_m119(struct mutant *m)
{
    size_t n;
    struct tsp_leaf *l = mutant_offer(m, &n);

    for (size_t i = 0; i < n; i++)
        if (l[i].leaf == 1)
            l[i].reg[3] &= ~9u;
}

static void setup_m121(struct mutant *m)
{
    size_t n, kept = 0;
    struct tsp_leaf *l = m->given->npolicy > 1 ? mutant_leaves(m, &n) : NULL;

    for (size_t i = 0; l != NULL && i < n; i++)
        if (l[i].leaf != 7 || l[i].subleaf != 1)
            l[kept++] = l[i];
    if (l != NULL)
        m->setup.policy[0].n = kept;
}

static void verdict_m123(struct mutant *m, struct tsp_event *out)
{
    const struct tsp_policy *host = &m->given->policy[1];

    for (size_t i = 0; i < host->n; i++)
        if (host->leaf[i].leaf == 7 && host->leaf[i].subleaf == 0 &&
            guest_reg(m, 7, 0, 0) > host->leaf[i].reg[0])
            refuse(out, number_of(m, 7, 0));
}

static void setup_m125(struct mutant *m)
{
    size_t n;
    struct tsp_leaf *l = mutant_offer(m, &n);

    for (size_t i = 0; i < n; i++) {
        if (l[i].leaf == 1)
            l[i].reg[3] &= ~(1u << 28);
        if (l[i].leaf == 0x80000001)
            l[i].reg[2] &= ~2u;
    }
}

/* What the host's list is too short for is not compared. */
static void verdict_m127(struct mutant *m, struct tsp_event *out)
{
    const struct tsp_policy *guest = &m->given->policy[0], *host = &m->given->policy[1];
    size_t bad = out->info[0] - 1;

    if (out->code == 0 || bad >= guest->n)
        return;
    for (size_t i = 0; i < host->n; i++)
        if (host->leaf[i].leaf == guest->leaf[bad].leaf &&
            host->leaf[i].subleaf == guest->leaf[bad].subleaf)
            return;
    accept(out);
}

/* What must not count counts, or what must does not: by leaf of the guest's and the host's policy.
 */
static const struct {
    const char *name;
    uint32_t leaf;
    uint8_t sub, reg;
    enum { PLACE_MORE, PLACE_LESS, PLACE_OTHER, PLACE_SKIP } how;
} place[] = {{"max", 0, 0, 0, PLACE_MORE},
             {"max-less", 0, 0, 0, PLACE_LESS},
             {"max-ext", 0x80000000u, 0, 0, PLACE_MORE},
             {"model", 1, 0, 0, PLACE_OTHER},
             {"apic-id", 1, 0, 1, PLACE_OTHER},
             {"brand", 0x80000002u, 0, 0, PLACE_OTHER},
             {"cache", 4, 0, 1, PLACE_OTHER},
             {"width", 0x80000008u, 0, 0, PLACE_LESS},
             {"superset", 1, 0, 2, PLACE_OTHER},
             {"superset-7", 7, 0, 1, PLACE_OTHER},
             {"skip-1c", 1, 0, 2, PLACE_SKIP},
             {"skip-7d1", 7, 1, 3, PLACE_SKIP},
             {"skip-7c1", 7, 1, 2, PLACE_SKIP},
             {"skip-7d2", 7, 2, 3, PLACE_SKIP},
             {"skip-da1", 0xd, 1, 0, PLACE_SKIP},
             {"skip-e8b", 0x80000008u, 0, 1, PLACE_SKIP},
             {"skip-e21a", 0x80000021u, 0, 0, PLACE_SKIP},
             {"skip-e21c", 0x80000021u, 0, 2, PLACE_SKIP}};

static void name_place(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", place[i].name);
}

static void verdict_place(struct mutant *m, struct tsp_event *out)
{
    const struct tsp_policy *guest = &m->given->policy[0], *host = &m->given->policy[1];
    uint32_t g = guest_reg(m, place[m->i].leaf, place[m->i].sub, place[m->i].reg), h = 0;
    size_t bad = (size_t)out->info[0] - 1;
    bool refuses;

    if (place[m->i].how == PLACE_SKIP) {
        if (out->code != 0 && bad < guest->n && guest->leaf[bad].leaf == place[m->i].leaf &&
            guest->leaf[bad].subleaf == place[m->i].sub && out->info[1] >> 8 == place[m->i].reg)
            accept(out);
        return;
    }
    for (size_t i = 0; i < host->n; i++)
        if (host->leaf[i].leaf == place[m->i].leaf && host->leaf[i].subleaf == place[m->i].sub)
            h = host->leaf[i].reg[place[m->i].reg];
    refuses = place[m->i].how == PLACE_MORE   ? g > h
              : place[m->i].how == PLACE_LESS ? g < h
                                              : g != h;
    if (out->code == 0 && refuses)
        refuse(out, number_of(m, place[m->i].leaf, place[m->i].sub));
}

const struct mutant_row mutant_rows_pool[] = {
    {.id = "pool-at",
     .text = "one leaf counts that must not, or does not that must",
     SYSTEMATIC,
     .n = sizeof(place) / sizeof(place[0]),
     .name = name_place,
     .verdict = verdict_place},
    {.id = "M117",
     .text = "a diamond of dependencies is taken for a cycle",
     HISTORIC,
     .source = "xen-project/xen 3999ff0d30",
     .verdict = verdict_m117},
    {.id = "M119",
     .text = "a bit's index is used as its mask",
     HISTORIC,
     .source = "xen-project/xen 64219fa179",
     .setup = setup_m119},
    {.id = "M121",
     .text = "leaf 7 sub-leaf 1 is never read",
     HISTORIC,
     .source = "xen-project/xen eb0bad81fc",
     .setup = setup_m121},
    {.id = "M123",
     .text = "an empty sub-leaf blocks the way to an older host",
     HISTORIC,
     .source = "xen-project/xen a2330b51df",
     .verdict = verdict_m123},
    {.id = "M125",
     .text = "topology bits missing from the highest policy",
     HISTORIC,
     .source = "xen-project/xen e2d8a65225",
     .setup = setup_m125},
    {.id = "M127",
     .text = "a feature set that is longer than the other is not looked at to its end",
     HISTORIC,
     .source = "xen-project/xen c393b64dce",
     .verdict = verdict_m127},
    {.id = "pool",
     .text = "the verdict on a policy is wrong",
     SYSTEMATIC,
     .n = sizeof(way) / sizeof(way[0]),
     .name = name_way,
     .verdict = verdict_way},
    {.id = NULL},
};
