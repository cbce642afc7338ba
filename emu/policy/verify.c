/* SPDX-License-Identifier: MIT */
/*
 * What a host cannot provide (docs/features/feature-levelling.pandoc and xen/lib/x86/policy.c of
 * Xen; Intel SDM Vol. 1 chapter 13 for XSAVE areas). Works on policies as user space gives them: in
 * any order, first match wins.
 */
#include "emu/policy/verify.h"

#include <stdio.h>
#include <string.h>

#include "emu/policy/lookup.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define XSAVE 0xdu
#define SVM_LEAF 0x8000000au
#define CLASS 0xc0000000u
#define OSXSAVE (1u << 27)
#define OSPKE (1u << 4)

struct verify {
    const struct tsp_policy *guest, *host;
    struct verify_finding *out;
    size_t n, max;
};

static uint32_t value(const struct tsp_policy *p, uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    const struct tsp_leaf *e = policy_find(p, leaf, subleaf);

    return e != NULL ? e->reg[reg] : 0;
}

static void add(struct verify *v, const struct verify_finding *f)
{
    const struct tsp_leaf *e = policy_find(v->guest, f->leaf, f->subleaf);

    if (v->n < v->max) {
        v->out[v->n] = *f;
        v->out[v->n].entry = e != NULL ? (size_t)(e - v->guest->leaf) : v->guest->n;
    }
    v->n++;
}

static void check_vendor(struct verify *v)
{
    for (unsigned reg = EBX; reg <= EDX; reg++) {
        uint32_t guest = value(v->guest, 0, 0, reg), host = value(v->host, 0, 0, reg);

        if (guest == host)
            continue;
        add(v, &(struct verify_finding){VERIFY_VENDOR, 0, 0, reg, 31, 0, guest, host, FEATURE_NONE,
                                        FEATURE_NONE, 0});
        return;
    }
}

/* One finding for each bit of a register that the host does not have. */
static void check_bits(struct verify *v, enum verify_reason reason, unsigned word,
                       const uint32_t at[3])
{
    uint32_t extra = value(v->guest, at[0], at[1], at[2]) & ~value(v->host, at[0], at[1], at[2]);

    if (at[0] == 1 && at[2] == ECX)
        extra &= ~OSXSAVE;
    if (at[0] == 7 && at[1] == 0 && at[2] == ECX)
        extra &= ~OSPKE;
    for (unsigned bit = 0; bit < 32; bit++) {
        if ((extra >> bit & 1) == 0)
            continue;
        add(v, &(struct verify_finding){reason, at[0], at[1], at[2], bit, bit, 1, 0,
                                        word < FEATURE_WORDS ? word * 32 + bit : FEATURE_NONE,
                                        FEATURE_NONE, 0});
    }
}

static void check_features(struct verify *v)
{
    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        const struct feature_place *w = &feature_words[i];
        const uint32_t at[3] = {w->leaf, w->subleaf, w->reg};

        if (w->reg <= EDX)
            check_bits(v, VERIFY_FEATURE, i, at);
    }
}

static void check_needs(struct verify *v)
{
    struct featureset fs = {{0}};

    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        if (feature_words[i].reg <= EDX)
            fs.w[i] = value(v->guest, feature_words[i].leaf, feature_words[i].subleaf,
                            feature_words[i].reg);
    for (size_t i = 0; i < feature_edge_count(); i++) {
        struct feature_edge e = feature_edge_at(i);
        const struct feature_place *w = &feature_words[e.feature / 32];

        if (w->reg > EDX || w->leaf == SVM_LEAF || !feature_in(&fs, e.feature) ||
            feature_in(&fs, e.needs))
            continue;
        add(v, &(struct verify_finding){VERIFY_NEEDS, w->leaf, w->subleaf, w->reg, e.feature % 32,
                                        e.feature % 32, 1, 0, e.feature, e.needs, 0});
    }
    if (!feature_in(&fs, FEATURE_SVM) && fs.w[FEATURE_WORD_EAD] != 0)
        add(v, &(struct verify_finding){VERIFY_SVM, SVM_LEAF, 0, EDX, 31, 0, fs.w[FEATURE_WORD_EAD],
                                        0, FEATURE_NONE, FEATURE_SVM, 0});
}

static void check_stored(struct verify *v)
{
    if ((value(v->guest, 1, 0, ECX) & OSXSAVE) != 0)
        add(v, &(struct verify_finding){VERIFY_STORED, 1, 0, ECX, 27, 27, 1, 0, FEATURE_OSXSAVE,
                                        FEATURE_NONE, 0});
    if ((value(v->guest, 7, 0, ECX) & OSPKE) != 0)
        add(v, &(struct verify_finding){VERIFY_STORED, 7, 0, ECX, 4, 4, 1, 0, FEATURE_OSPKE,
                                        FEATURE_NONE, 0});
}

static void check_above(struct verify *v)
{
    for (size_t i = 0; i < v->guest->n; i++) {
        const struct tsp_leaf *e = &v->guest->leaf[i];
        uint32_t class = e->leaf & CLASS, top = value(v->host, class, 0, EAX);

        if ((class != 0 && class != 0x80000000u) || e->leaf == class || e->leaf <= top ||
            (e->reg[EAX] | e->reg[EBX] | e->reg[ECX] | e->reg[EDX]) == 0)
            continue;
        add(v, &(struct verify_finding){VERIFY_ABOVE, e->leaf, e->subleaf, EAX, 31, 0, e->leaf, top,
                                        FEATURE_NONE, FEATURE_NONE, 0});
        if (v->n <= v->max)
            v->out[v->n - 1].entry = i;
    }
}

static void check_layout(struct verify *v, uint32_t i)
{
    const struct tsp_leaf *e = policy_find(v->guest, XSAVE, i);

    if (e == NULL || (e->flags & TSP_LEAF_INDEXED) == 0 || e->reg[EAX] == 0)
        return;
    for (unsigned reg = EAX; reg <= EBX; reg++) {
        uint32_t host = value(v->host, XSAVE, i, reg);

        if (e->reg[reg] == host)
            continue;
        add(v, &(struct verify_finding){VERIFY_LAYOUT, XSAVE, i, reg, 31, 0, e->reg[reg], host,
                                        FEATURE_NONE, FEATURE_NONE, 0});
        return;
    }
}

static void check_xsave(struct verify *v)
{
    static const uint32_t at[4][3] = {
        {XSAVE, 0, EAX}, {XSAVE, 0, EDX}, {XSAVE, 1, ECX}, {XSAVE, 1, EDX}};

    for (unsigned i = 0; i < 4; i++)
        check_bits(v, VERIFY_COMPONENT, FEATURE_WORDS, at[i]);
    for (uint32_t i = 2; i < 63; i++)
        check_layout(v, i);
}

static void check_number(struct verify *v, const struct verify_finding *at)
{
    struct verify_finding f = *at;
    uint32_t mask = 0xffffffffu >> (31 - (f.hi - f.lo));

    f.guest = value(v->guest, f.leaf, 0, f.reg) >> f.lo & mask;
    f.host = value(v->host, f.leaf, 0, f.reg) >> f.lo & mask;
    f.feature = f.other = FEATURE_NONE;
    if (f.guest > f.host)
        add(v, &f);
}

size_t verify_policy(const struct tsp_policy *guest, const struct tsp_policy *host,
                     struct verify_finding *out, size_t max)
{
    static const struct verify_finding numbers[] = {
        {.reason = VERIFY_WIDTH, .leaf = 0x80000008, .reg = EAX, .hi = 7, .lo = 0},
        {.reason = VERIFY_WIDTH, .leaf = 0x80000008, .reg = EAX, .hi = 15, .lo = 8},
        {.reason = VERIFY_LINE, .leaf = 1, .reg = EBX, .hi = 15, .lo = 8},
    };
    struct verify v = {guest, host, out, 0, max};

    check_vendor(&v);
    check_features(&v);
    check_needs(&v);
    check_stored(&v);
    check_above(&v);
    check_xsave(&v);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        check_number(&v, &numbers[i]);
    return v.n;
}

/* The MSRs that a policy comes with: feature bits like any other. */
static void check_msrs(struct verify *v, const struct cpu_policy *guest,
                       const struct cpu_policy *host)
{
    uint64_t caps = guest->arch_caps & ~host->arch_caps;

    for (unsigned bit = 0; bit < 64; bit++)
        if ((caps >> bit & 1) != 0)
            add(v, &(struct verify_finding){VERIFY_MSR, 0x10a, 0, bit / 32, bit % 32, bit % 32, 1,
                                            0, FEATURE_WORD_M10AL * 32 + bit, FEATURE_NONE, 0});
    if ((guest->platform_info & ~host->platform_info) != 0)
        add(v, &(struct verify_finding){VERIFY_MSR, 0xce, 0, 0, 31, 31, 1, 0, FEATURE_NONE,
                                        FEATURE_NONE, 0});
}

size_t verify_cpu_policy(const struct cpu_policy *guest, const struct cpu_policy *host,
                         struct verify_finding *out, size_t max)
{
    struct tsp_policy g = cpu_policy_view(guest), h = cpu_policy_view(host);
    struct verify v = {&g, &h, out, verify_policy(&g, &h, out, max), max};

    check_msrs(&v, guest, host);
    return v.n;
}

static const char *const regs[] = {"eax", "ebx", "ecx", "edx"};

static void place_text(const struct verify_finding *f, char *out, size_t max)
{
    int n;

    if (f->reason == VERIFY_MSR) {
        snprintf(out, max, "MSR 0x%x[%u]", f->leaf, f->reg * 32 + f->lo);
        return;
    }
    n = snprintf(out, max, "leaf 0x%x.%u %s[%u", f->leaf, f->subleaf, regs[f->reg & 3], f->hi);
    if (n < 0 || (size_t)n >= max)
        return;
    if (f->hi == f->lo)
        snprintf(out + n, max - (size_t)n, "]");
    else
        snprintf(out + n, max - (size_t)n, ":%u]", f->lo);
}

int verify_text(const struct verify_finding *f, char *out, size_t max)
{
    char at[48], name[24] = "", other[24] = "";

    place_text(f, at, sizeof(at));
    feature_text(f->feature, name, sizeof(name));
    feature_text(f->other, other, sizeof(other));
    switch (f->reason) {
    case VERIFY_VENDOR:
        return snprintf(out, max, "%s: the guest sees another vendor than this host is", at);
    case VERIFY_FEATURE:
        return snprintf(out, max, "%s: this host cannot offer %s", at, name);
    case VERIFY_NEEDS:
        return snprintf(out, max, "%s: %s needs %s, which the policy does not have", at, name,
                        other);
    case VERIFY_STORED:
        return snprintf(out, max, "%s: %s follows the vCPU's state and cannot be in a policy", at,
                        name);
    case VERIFY_ABOVE:
        return snprintf(out, max, "%s: data above this host's highest leaf, 0x%x", at, f->host);
    case VERIFY_COMPONENT:
        return snprintf(out, max, "%s: this host does not have this XSAVE component", at);
    case VERIFY_LAYOUT:
        return snprintf(out, max, "%s: XSAVE component %u has %s 0x%x, on this host 0x%x", at,
                        f->subleaf, f->reg == EAX ? "size" : "offset", f->guest, f->host);
    case VERIFY_WIDTH:
        return snprintf(out, max, "%s: %s addresses of %u bits, on this host %u", at,
                        f->lo == 0 ? "physical" : "linear", f->guest, f->host);
    case VERIFY_LINE:
        return snprintf(out, max, "%s: CLFLUSH lines of %u bytes, on this host %u", at,
                        f->guest * 8, f->host * 8);
    case VERIFY_SVM:
        return snprintf(out, max, "%s: features of SVM, which the policy does not have", at);
    case VERIFY_MSR:
        return snprintf(out, max, "%s: this host cannot offer %s", at,
                        f->feature != FEATURE_NONE ? name : "CPUID faulting");
    }
    return snprintf(out, max, "%s", at);
}
