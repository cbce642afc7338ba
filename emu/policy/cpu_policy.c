/* SPDX-License-Identifier: MIT */
#include "emu/policy/cpu_policy.h"

#include <stdlib.h>
#include <string.h>

#include "emu/policy/lookup.h"
#include "trapspec/bits.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define EXTENDED 0x80000000u
#define CENTAUR 0xc0000000u
#define HV 0x40000000u

/* Bits of leaf 1 EDX that AMD repeats in 0x80000001 EDX: FPU to APIC, MTRR to PSE36, MMX, FXSR
 * (AMD APM Vol. 3 Appendix E.4.2). */
#define COMMON_1D 0x0183f3ffu

bool cpu_policy_indexed(uint32_t leaf)
{
    static const uint32_t indexed[] = {
        0x4,  0x7,  0xb,  0xd,  0xf,  0x10, 0x12, 0x14, 0x17,       0x18,       0x1b,
        0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24, 0x27, 0x28, 0x8000001d, 0x80000020, 0x80000026};

    for (size_t i = 0; i < sizeof(indexed) / sizeof(indexed[0]); i++)
        if (indexed[i] == leaf)
            return true;
    return false;
}

struct tsp_policy cpu_policy_view(const struct cpu_policy *p)
{
    return (struct tsp_policy){p->leaf, p->n};
}

/* Where the entry is, or where it belongs. */
static size_t place(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
    size_t low = 0, high = p->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct tsp_leaf *e = &p->leaf[mid];

        if (e->leaf < leaf || (e->leaf == leaf && e->subleaf < subleaf))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_at(const struct cpu_policy *p, size_t i, uint32_t leaf, uint32_t subleaf)
{
    return i < p->n && p->leaf[i].leaf == leaf && p->leaf[i].subleaf == subleaf;
}

const struct tsp_leaf *cpu_policy_find(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
    uint32_t sub = cpu_policy_indexed(leaf) ? subleaf : 0;
    size_t i = place(p, leaf, sub);

    return is_at(p, i, leaf, sub) ? &p->leaf[i] : NULL;
}

size_t cpu_policy_first(const struct cpu_policy *p, uint32_t leaf)
{
    return place(p, leaf, 0);
}

uint32_t cpu_policy_reg(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    const struct tsp_leaf *e = cpu_policy_find(p, leaf, subleaf);

    return e != NULL ? e->reg[reg & 3] : 0;
}

/* The entry, made when it is not there; NULL when there is no room. */
static struct tsp_leaf *entry(struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
    bool indexed = cpu_policy_indexed(leaf);
    size_t i = place(p, leaf, indexed ? subleaf : 0);

    subleaf = indexed ? subleaf : 0;
    if (is_at(p, i, leaf, subleaf))
        return &p->leaf[i];
    if (p->n == TSP_MAX_LEAF)
        return NULL;
    memmove(&p->leaf[i + 1], &p->leaf[i], (p->n - i) * sizeof(p->leaf[0]));
    p->leaf[i] = (struct tsp_leaf){leaf, subleaf, indexed ? TSP_LEAF_INDEXED : 0, {0, 0, 0, 0}};
    p->n++;
    return &p->leaf[i];
}

bool cpu_policy_set(struct cpu_policy *p, uint32_t leaf, uint32_t subleaf, unsigned reg,
                    uint32_t value)
{
    struct tsp_leaf *e = entry(p, leaf, subleaf);

    if (e != NULL)
        e->reg[reg & 3] = value;
    return e != NULL;
}

void cpu_policy_drop(struct cpu_policy *p, uint32_t first, uint32_t last)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->leaf[i].leaf < first || p->leaf[i].leaf > last)
            p->leaf[n++] = p->leaf[i];
    p->n = n;
}

enum tsp_vendor cpu_policy_vendor(const struct cpu_policy *p)
{
    struct tsp_policy view = cpu_policy_view(p);

    return policy_vendor(&view);
}

static void mask_reg(struct cpu_policy *p, const uint32_t at[2], unsigned reg, uint32_t keep)
{
    size_t i = place(p, at[0], at[1]);

    if (is_at(p, i, at[0], at[1]))
        p->leaf[i].reg[reg] &= keep;
}

/* What follows the state of the vCPU that is asking (Intel SDM Vol. 2A CPUID; AMD APM Vol. 3
 * Appendix E). A policy that kept it would show one vCPU's state to another, or yesterday's. */
static void drop_dynamic(struct cpu_policy *p)
{
    static const uint32_t leaf1[2] = {0x1, 0}, leaf7[2] = {0x7, 0}, amd_id[2] = {0x8000001e, 0};
    const uint32_t xsave[2] = {0xd, 0};

    mask_reg(p, leaf1, EBX, 0x00ffffff);           /* initial APIC id */
    mask_reg(p, leaf1, ECX, ~(uint32_t)(1 << 27)); /* OSXSAVE */
    mask_reg(p, leaf7, ECX, ~(uint32_t)(1 << 4));  /* OSPKE */
    mask_reg(p, amd_id, EAX, 0);
    for (size_t i = 0; i < p->n; i++)
        if (p->leaf[i].leaf == 0xb || p->leaf[i].leaf == 0x1f || p->leaf[i].leaf == 0x80000026)
            p->leaf[i].reg[EDX] = 0; /* x2APIC id */
    /* Sizes for what is enabled in XCR0 and IA32_XSS: the policy shows those after reset. */
    if (is_at(p, place(p, xsave[0], 0), 0xd, 0))
        cpu_policy_set(p, 0xd, 0, EBX, 0x240);
    if (is_at(p, place(p, xsave[0], 1), 0xd, 1))
        cpu_policy_set(p, 0xd, 1, EBX, (cpu_policy_reg(p, 0xd, 1, EAX) & 0xa) != 0 ? 0x240 : 0);
}

/* The maxima are looked up before anything moves. */
struct maxima {
    uint32_t basic, ext, centaur, sub7;
};

/* A leaf above the maximum of its class, or a sub-leaf of 7 above the one it tells. */
static bool beyond(const struct maxima *m, const struct tsp_leaf *e)
{
    if (e->leaf < HV)
        return e->leaf > m->basic || (e->leaf == 7 && e->subleaf > m->sub7);
    if (e->leaf < EXTENDED)
        return false;
    if (e->leaf < CENTAUR)
        return e->leaf != EXTENDED && e->leaf > m->ext;
    return e->leaf != CENTAUR && e->leaf > m->centaur;
}

void cpu_policy_tidy(struct cpu_policy *p)
{
    const struct maxima m = {cpu_policy_reg(p, 0, 0, EAX), cpu_policy_reg(p, EXTENDED, 0, EAX),
                             cpu_policy_reg(p, CENTAUR, 0, EAX), cpu_policy_reg(p, 7, 0, EAX)};
    size_t n = 0;

    drop_dynamic(p);
    for (size_t i = 0; i < p->n; i++)
        if (!beyond(&m, &p->leaf[i]))
            p->leaf[n++] = p->leaf[i];
    p->n = n;
}

void cpu_policy_load(struct cpu_policy *p, const struct tsp_leaf *leaf, size_t n)
{
    p->n = 0;
    p->arch_caps = p->platform_info = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t sub = cpu_policy_indexed(leaf[i].leaf) ? leaf[i].subleaf : 0;
        struct tsp_leaf *e;

        if (is_at(p, place(p, leaf[i].leaf, sub), leaf[i].leaf, sub))
            continue;
        e = entry(p, leaf[i].leaf, sub);
        if (e != NULL)
            memcpy(e->reg, leaf[i].reg, sizeof(e->reg));
    }
    cpu_policy_tidy(p);
}

bool cpu_policy_equal(const struct cpu_policy *a, const struct cpu_policy *b)
{
    return a->n == b->n && a->arch_caps == b->arch_caps && a->platform_info == b->platform_info &&
           memcmp(a->leaf, b->leaf, a->n * sizeof(a->leaf[0])) == 0;
}

static bool repeats_1d(const struct cpu_policy *p)
{
    enum tsp_vendor vendor = cpu_policy_vendor(p);

    return vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON;
}

void cpu_policy_features(const struct cpu_policy *p, struct featureset *out)
{
    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        const struct feature_place *w = &feature_words[i];

        if (w->reg > EDX)
            out->w[i] = (uint32_t)(p->arch_caps >> (w->reg == 5 ? 32 : 0));
        else
            out->w[i] = cpu_policy_reg(p, w->leaf, w->subleaf, w->reg);
    }
    out->w[FEATURE_WORD_E1D] &= ~COMMON_1D;
}

void cpu_policy_set_features(struct cpu_policy *p, const struct featureset *fs)
{
    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        const struct feature_place *w = &feature_words[i];
        uint32_t value = fs->w[i];

        if (i == FEATURE_WORD_E1D)
            value = (value & ~COMMON_1D) | (repeats_1d(p) ? fs->w[FEATURE_WORD_1D] & COMMON_1D : 0);
        /* A word of zeroes does not make a leaf, nor do repeated bits. */
        if (w->reg <= EDX && (fs->w[i] != 0 || cpu_policy_find(p, w->leaf, w->subleaf) != NULL))
            cpu_policy_set(p, w->leaf, w->subleaf, w->reg, value);
    }
    p->arch_caps = (uint64_t)fs->w[FEATURE_WORD_M10AH] << 32 | fs->w[FEATURE_WORD_M10AL];
}

void cpu_policy_limit(struct cpu_policy *p, struct featureset *fs)
{
    struct featureset now;

    cpu_policy_tidy(p);
    cpu_policy_features(p, &now);
    featureset_and(fs, &now);
    if (cpu_policy_find(p, 0xd, 0) == NULL)
        feature_put(fs, FEATURE_XSAVE, false);
    featureset_close(fs);
}

void cpu_policy_fit_width(struct cpu_policy *p, const struct featureset *fs)
{
    uint32_t width = cpu_policy_reg(p, 0x80000008, 0, EAX);

    uint32_t most = cpu_policy_reg(p, 0x80000008, 0, EDX);

    if (!feature_in(fs, FEATURE_LA57) && (width >> 8 & 0xff) > 48)
        cpu_policy_set(p, 0x80000008, 0, EAX, (uint32_t)bits_set(width, 15, 8, 48));
    /* Highest register of RDPRU, pages of INVLPGB: AMD APM Vol. 3 Appendix E. */
    if (!feature_in(fs, FEATURE_RDPRU))
        most &= 0xffff;
    if (!feature_in(fs, FEATURE_INVLPGB))
        most &= 0xffff0000;
    if (cpu_policy_find(p, 0x80000008, 0) != NULL)
        cpu_policy_set(p, 0x80000008, 0, EDX, most);
}
