/* SPDX-License-Identifier: MIT */
/*
 * Policies that fit the hosts they may run on, and one for each rule that do not. A scenario holds
 * one policy, so these are set-ups: the first policy is the guest's, the second what a host offers.
 */
#include "fuzz/run/probe.h"

#include <stdlib.h>
#include <string.h>

struct pools {
    bool (*each)(void *ctx, const struct tsp_setup *setup);
    void *ctx;
    const struct tsp_policy *base;
    struct tsp_setup setup;
    struct tsp_leaf leaf[2][TSP_MAX_LEAF]; /* the guest's, the host's */
    size_t n[2];
    bool stop;
};

enum { GUEST, HOST };

static void restart(struct pools *p)
{
    for (unsigned who = 0; who < 2; who++) {
        p->n[who] = p->base->n < TSP_MAX_LEAF ? p->base->n : TSP_MAX_LEAF;
        memcpy(p->leaf[who], p->base->leaf, p->n[who] * sizeof(p->leaf[who][0]));
    }
}

static struct tsp_leaf *entry(struct pools *p, unsigned who, uint32_t leaf, uint32_t sub)
{
    for (size_t i = 0; i < p->n[who]; i++) {
        struct tsp_leaf *l = &p->leaf[who][i];

        if (l->leaf == leaf && (!(l->flags & TSP_LEAF_INDEXED) || l->subleaf == sub))
            return l;
    }
    return NULL;
}

/* A register of it, made when it is not there. */
static uint32_t *reg_of(struct pools *p, unsigned who, const uint32_t at[3])
{
    struct tsp_leaf *l = entry(p, who, at[0], at[1]);

    if (l == NULL) {
        l = &p->leaf[who][p->n[who] < TSP_MAX_LEAF ? p->n[who]++ : p->n[who] - 1];
        *l = (struct tsp_leaf){.leaf = at[0], .subleaf = at[1]};
        l->flags = at[1] != 0 || at[0] == 7 || at[0] == 0xd ? TSP_LEAF_INDEXED : 0;
    }
    return &l->reg[at[2] & 3];
}

static void drop(struct pools *p, unsigned who, const uint32_t at[3])
{
    struct tsp_leaf *l = entry(p, who, at[0], at[1]);

    if (l != NULL)
        *l = p->leaf[who][--p->n[who]];
}

static void emit(struct pools *p)
{
    p->setup.npolicy = 2;
    for (unsigned who = 0; who < 2; who++)
        p->setup.policy[who] = (struct tsp_policy){p->leaf[who], p->n[who]};
    if (!p->stop)
        p->stop = !p->each(p->ctx, &p->setup);
}

/* "name(A|B|C)": its numbers. */
static unsigned arguments(const char *must, const char *name, uint32_t v[5])
{
    size_t len = strlen(name);
    unsigned n = 0;
    char *end;

    if (strncmp(must, name, len) != 0 || must[len] != '(')
        return 0;
    must += len + 1;
    while (n < 5) {
        v[n++] = (uint32_t)strtoul(must, &end, 0);
        if (*end != '|')
            break;
        must = end + 1;
    }
    return n;
}

/* A bit that the guest has and the host lacks: the lowest, a middle one and the highest. */
static void lacks(struct pools *p, const uint32_t v[4])
{
    unsigned seen = 0;

    for (unsigned bit = 0; bit < 32; bit++) {
        if (!(v[3] >> bit & 1) || (seen++ % 13 != 0 && bit != 31))
            continue;
        restart(p);
        *reg_of(p, GUEST, v) |= 1u << bit;
        *reg_of(p, HOST, v) &= ~(1u << bit);
        emit(p);
        /* A host whose list is too short for this leaf. */
        restart(p);
        *reg_of(p, GUEST, v) |= 1u << bit;
        drop(p, HOST, v);
        emit(p);
    }
}

static void too_much(struct pools *p, const uint32_t v[5])
{
    uint32_t mask = 0xffffffffu >> (31 - ((v[3] - v[4]) & 31));
    uint32_t *guest, *host;

    restart(p);
    guest = reg_of(p, GUEST, v);
    *guest = (*guest & ~(mask << v[4])) | ((mask >> 1) << v[4]);
    host = reg_of(p, HOST, v);
    *host = (*guest - (1u << v[4]));
    emit(p);
}

/* One "0xL.S.reg[HI:LO]=V" of a condition, in the guest's policy. The host has whatever is asked to
 * be there, and what is asked not to be. */
static const char *satisfy(struct pools *p, const char *at)
{
    static const char *const names[] = {"eax", "ebx", "ecx", "edx"};
    uint32_t where[3] = {0, 0, 0}, mask, value;
    unsigned hi, lo;
    char *end;

    where[0] = (uint32_t)strtoul(at, &end, 16);
    if (*end != '.')
        return end;
    where[1] = (uint32_t)strtoul(end + 1, &end, 0);
    for (uint32_t i = 0; i < 4; i++)
        if (*end == '.' && strncmp(end + 1, names[i], 3) == 0)
            where[2] = i;
    end = strchr(end, '[');
    if (end == NULL)
        return "";
    hi = lo = (unsigned)strtoul(end + 1, &end, 10) & 31;
    if (*end == ':')
        lo = (unsigned)strtoul(end + 1, &end, 10) & 31;
    end += strspn(end, "]=");
    value = (uint32_t)strtoul(end, &end, 0);
    mask = (0xffffffffu >> (31 - ((hi - lo) & 31))) << lo;
    *reg_of(p, GUEST, where) = (*reg_of(p, GUEST, where) & ~mask) | (value << lo & mask);
    *reg_of(p, HOST, where) |= value != 0 ? value << lo & mask : mask & (0u - mask);
    return end;
}

static void unfit(struct pools *p, const char *when)
{
    restart(p);
    for (const char *at = strstr(when, " 0x"); at != NULL; at = strstr(at, " 0x"))
        at = satisfy(p, at + 1);
    emit(p);
}

/* What has no rule of its own shape. */
static void others(struct pools *p)
{
    static const uint32_t text[3] = {0, 0, 1}, max[3] = {0, 0, 0}, ext[3] = {0x80000000u, 0, 0},
                          seven[3] = {7, 0, 0}, place[3] = {0xd, 2, 1}, size[3] = {0xd, 2, 0},
                          sub1[3] = {7, 1, 0}, ht[3] = {1, 0, 3}, legacy[3] = {0x80000001u, 0, 2};

    restart(p);
    emit(p);
    *reg_of(p, HOST, text) ^= 0x20;
    emit(p);
    restart(p);
    *reg_of(p, HOST, max) = 4; /* the guest has data above */
    emit(p);
    restart(p);
    *reg_of(p, HOST, ext) = 0x80000001u;
    emit(p);
    restart(p);
    *reg_of(p, GUEST, size) = *reg_of(p, HOST, size) + 64;
    emit(p);
    restart(p);
    *reg_of(p, GUEST, place) = *reg_of(p, HOST, place) + 64;
    emit(p);
    restart(p);
    *reg_of(p, GUEST, seven) = 2; /* more sub-leaves, with nothing in them */
    *reg_of(p, HOST, seven) = 0;
    emit(p);
    restart(p);
    *reg_of(p, GUEST, sub1) |= 1u << 4;
    *reg_of(p, HOST, sub1) &= ~(1u << 4);
    emit(p);
    restart(p);
    for (unsigned who = 0; who < 2; who++) {
        *reg_of(p, who, ht) |= 1u << 28;
        *reg_of(p, who, legacy) |= 2;
    }
    emit(p);
}

/* Which processor, whose name, where in the machine, how large its caches: no guest depends on them
 * being the host's (Xen xen/lib/x86/policy.c compares limits and features alone). */
static void no_features(struct pools *p)
{
    static const uint32_t at[][3] = {{1, 0, 0},           {1, 0, 1},           {4, 0, 1},
                                     {0xb, 0, 1},         {0xb, 0, 3},         {4, 0, 0},
                                     {0x80000002u, 0, 0}, {0x80000004u, 0, 3}, {0x80000006u, 0, 2},
                                     {0x40000001u, 0, 0}, {0x40000010u, 0, 0}};

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        bool high = at[i][0] == 1 && at[i][2] == 1; /* APIC id, above the line of CLFLUSH */

        restart(p);
        if (entry(p, GUEST, at[i][0], at[i][1]) == NULL)
            continue;
        *reg_of(p, HOST, at[i]) ^= high ? 0x05000000u : 0x10;
        emit(p);
    }
}

/* Maxima above the host's with nothing there; a host that has more than the guest was given. */
static void roomier(struct pools *p)
{
    static const uint32_t max[] = {0, 0x80000000u}, width[3] = {0x80000008u, 0, 0};
    static const uint32_t word[][3] = {
        {1, 0, 2}, {1, 0, 3},           {7, 0, 1},           {7, 0, 2},   {7, 0, 3},
        {7, 1, 0}, {0x80000001u, 0, 2}, {0x80000001u, 0, 3}, {0xd, 1, 0}, {0x80000008u, 0, 1}};

    for (unsigned i = 0; i < 2; i++) {
        const uint32_t at[3] = {max[i], 0, 0};

        restart(p);
        *reg_of(p, GUEST, width) -= i == 0 ? 1 : 0x100; /* narrower addresses */
        emit(p);

        restart(p);
        *reg_of(p, GUEST, at) += 2;
        emit(p);
        restart(p);
        *reg_of(p, HOST, at) += 2;
        emit(p);
    }
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        restart(p);
        if (entry(p, HOST, word[i][0], word[i][1]) == NULL)
            continue;
        *reg_of(p, HOST, word[i]) = 0xffffffffu;
        emit(p);
    }
}

void probe_pools(const struct spec *spec, const struct tsp_setup *base,
                 bool (*each)(void *ctx, const struct tsp_setup *setup), void *ctx)
{
    static struct pools p; /* too large for a stack; nothing is kept between two calls */
    struct spec_rule rule;
    uint32_t v[5];

    p.each = each;
    p.ctx = ctx;
    p.stop = false;
    p.setup = *base;
    p.base = &base->policy[0];
    if (base->npolicy == 0)
        return;
    others(&p);
    no_features(&p);
    roomier(&p);
    for (unsigned i = 0; i < spec_rule_count(spec) && !p.stop; i++) {
        if (!spec_rule_at(spec, i, &rule) || strcmp(rule.table, "policy") != 0)
            continue;
        if (arguments(rule.must, "within", v) == 4)
            lacks(&p, v);
        else if (arguments(rule.must, "at_most", v) == 5)
            too_much(&p, v);
        else if (arguments(rule.must, "refused", v) == 2)
            unfit(&p, rule.when);
    }
}
