/* SPDX-License-Identifier: MIT */
#include "emu/policy/caps.h"

#include <string.h>

#include "emu/policy/lookup.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define MSR_MISC_FEATURES 0x140u
#define MSR_HWCR 0xc0010015u

#define BIT_OSXSAVE (1u << 27)
#define BIT_XSAVE (1u << 26)
#define BIT_HYPERVISOR (1u << 31)
#define BIT_X2APIC (1u << 21)
#define BIT_HTT (1u << 28)
#define BIT_APIC (1u << 9)
#define BIT_CMP_LEGACY (1u << 1)

#define LEAF1(reg)                                                                                 \
    {                                                                                              \
        0x1, 0, reg                                                                                \
    }
#define LEAF81(reg)                                                                                \
    {                                                                                              \
        0x80000001, 0, reg                                                                         \
    }
#define NOTHING                                                                                    \
    {                                                                                              \
        UINT32_MAX, 0, 0                                                                           \
    }

/* Generations of Intel's masks: FlexMigration has a new set of numbers with each of them. */
static const struct intel_masks {
    uint8_t models[8]; /* of family 6, ends with 0 */
    unsigned n;
    struct levelling_msr msr[3];
} intel_masks[] = {
    {{0x17, 0x1d}, 1, {{0x478, LEVELLING_1C | LEVELLING_1D, false, false, LEAF1(ECX), LEAF1(EDX)}}},
    {{0x1a, 0x1e, 0x1f, 0x25, 0x2c, 0x2e, 0x2f},
     2,
     {{0x130, LEVELLING_1C | LEVELLING_1D, false, false, LEAF1(ECX), LEAF1(EDX)},
      {0x131, LEVELLING_E1C | LEVELLING_E1D, false, false, LEAF81(ECX), LEAF81(EDX)}}},
    {{0x2a, 0x2d},
     3,
     {{0x132, LEVELLING_1C | LEVELLING_1D, false, false, LEAF1(ECX), LEAF1(EDX)},
      {0x133, LEVELLING_E1C | LEVELLING_E1D, false, false, LEAF81(ECX), LEAF81(EDX)},
      {0x134, LEVELLING_DA1, false, false, {0xd, 1, EAX}, NOTHING}}},
};

/* AMD's, in order of their numbers; the probe decides which are there. */
static const struct levelling_msr amd_masks[] = {
    {0xc0011002, LEVELLING_7A0 | LEVELLING_7B0, true, false, {0x7, 0, EBX}, {0x7, 0, EAX}},
    {0xc0011003, LEVELLING_6C, true, false, {0x6, 0, ECX}, NOTHING},
    {0xc0011004, LEVELLING_1C | LEVELLING_1D, true, false, LEAF1(EDX), LEAF1(ECX)},
    {0xc0011005, LEVELLING_E1C | LEVELLING_E1D, true, false, LEAF81(EDX), LEAF81(ECX)},
};

static unsigned family_of(uint32_t s)
{
    unsigned family = s >> 8 & 15;

    return family == 15 ? family + (s >> 20 & 255) : family;
}

static unsigned model_of(uint32_t s)
{
    unsigned family = s >> 8 & 15;

    return (s >> 4 & 15) | (family == 15 || family == 6 ? s >> 12 & 0xf0 : 0);
}

static void add_msr(struct levelling *out, const struct levelling_msr *m)
{
    out->msr[out->n++] = *m;
    out->caps |= m->caps;
}

static void probe_intel(uint32_t signature, struct levelling *out)
{
    unsigned model = model_of(signature);

    if (family_of(signature) != 6)
        return;
    for (size_t i = 0; i < sizeof(intel_masks) / sizeof(intel_masks[0]); i++)
        for (unsigned k = 0; k < 8 && intel_masks[i].models[k] != 0; k++)
            for (unsigned m = 0; intel_masks[i].models[k] == model && m < intel_masks[i].n; m++)
                add_msr(out, &intel_masks[i].msr[m]);
}

static bool amd_has(const struct cpu_policy *raw, unsigned family, const struct levelling_msr *m)
{
    uint32_t top = cpu_policy_reg(raw, 0, 0, EAX);

    if ((m->caps & LEVELLING_7B0) != 0)
        return top >= 7;
    if ((m->caps & LEVELLING_6C) != 0)
        return family == 0x15 && top >= 6 && cpu_policy_reg(raw, 6, 0, ECX) != 0;
    return true;
}

/* K8 has the MSRs since revision D (model 0x20 on); Family 11h has none. */
static void probe_amd(const struct cpu_policy *raw, uint32_t signature, struct levelling *out)
{
    unsigned family = family_of(signature);

    if (family < 0xf || family == 0x11 || (family == 0xf && model_of(signature) < 0x20))
        return;
    for (size_t i = 0; i < sizeof(amd_masks) / sizeof(amd_masks[0]); i++) {
        if (!amd_has(raw, family, &amd_masks[i]))
            continue;
        add_msr(out, &amd_masks[i]);
        out->msr[out->n - 1].password = family < 0x10;
    }
}

/* Intel since Ivy Bridge: PLATFORM_INFO[31] tells. AMD: CPUID_USER_DIS, 0x80000021 EAX[17]. */
static bool probe_faulting(const struct cpu_policy *raw, bool amd, struct levelling *out)
{
    if (amd && (cpu_policy_reg(raw, 0x80000021, 0, EAX) >> 17 & 1) != 0) {
        out->faulting_msr = MSR_HWCR;
        out->faulting_bit = 35;
    } else if ((raw->platform_info & CPU_POLICY_FAULTING) != 0) {
        out->faulting_msr = MSR_MISC_FEATURES;
        out->faulting_bit = 0;
    }
    if (out->faulting_msr == 0)
        return false;
    out->caps = LEVELLING_FAULTING;
    return true;
}

void levelling_probe(const struct cpu_policy *raw, struct levelling *out)
{
    enum tsp_vendor vendor = cpu_policy_vendor(raw);
    bool amd = vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON;
    uint32_t signature = cpu_policy_reg(raw, 1, 0, EAX);

    memset(out, 0, sizeof(*out));
    if (probe_faulting(raw, amd, out))
        return;
    if (vendor == TSP_VENDOR_INTEL)
        probe_intel(signature, out);
    else if (amd)
        probe_amd(raw, signature, out);
}

/*
 * What a guest is to see of one register, as far as this MSR can say it. Bits that describe leaves
 * which cannot be changed stay the host's, so that a guest that asks natively reads those right:
 * HTT, X2APIC, CMP_LEGACY (xen/arch/x86/domain.c domain_cpu_policy_changed).
 */
static uint32_t wanted(const struct levelling_msr *m, const struct levelling_half *h,
                       const struct cpu_policy *host, const struct cpu_policy *guest)
{
    uint32_t real = cpu_policy_reg(host, h->leaf, h->subleaf, h->reg);
    uint32_t want = cpu_policy_reg(guest, h->leaf, h->subleaf, h->reg), always = 0;

    if (h->leaf == UINT32_MAX)
        return UINT32_MAX;
    if (h->leaf == 1 && h->reg == EDX)
        always = real & BIT_HTT;
    if (h->leaf == 1 && h->reg == ECX)
        always = real & BIT_X2APIC;
    if (h->leaf == 0x80000001 && h->reg == ECX)
        always = real & BIT_CMP_LEGACY;
    want = (want & real) | always;
    /* The hypervisor bit is not the hardware's; only a register that overrides can show it. */
    if (m->overrides && h->leaf == 1 && h->reg == ECX)
        want |= cpu_policy_reg(guest, 1, 0, ECX) & BIT_HYPERVISOR;
    return want;
}

/* OSXSAVE and APIC in the MSR let the real state through; without them the guest sees zero. */
static uint32_t forwarded(const struct levelling_half *h, uint32_t value, bool osxsave)
{
    if (h->leaf == 1 && h->reg == ECX)
        return (value & ~BIT_OSXSAVE) | ((value & BIT_XSAVE) != 0 && osxsave ? BIT_OSXSAVE : 0);
    if (h->leaf == 1 && h->reg == EDX)
        return value | BIT_APIC;
    return value;
}

void levelling_values(const struct levelling *l, const struct cpu_policy *host,
                      const struct cpu_policy *guest, bool osxsave,
                      uint64_t value[LEVELLING_MAX_MSR])
{
    memset(value, 0, LEVELLING_MAX_MSR * sizeof(value[0]));
    for (unsigned i = 0; i < l->n; i++) {
        const struct levelling_msr *m = &l->msr[i];
        uint32_t lo = forwarded(&m->lo, wanted(m, &m->lo, host, guest), osxsave);
        uint32_t hi = forwarded(&m->hi, wanted(m, &m->hi, host, guest), osxsave);

        value[i] = (uint64_t)hi << 32 | lo;
    }
}

void levelling_defaults(const struct levelling *l, const struct cpu_policy *host,
                        uint64_t value[LEVELLING_MAX_MSR])
{
    levelling_values(l, host, host, true, value);
}

unsigned levelling_cost(const struct levelling *l, const uint64_t from[LEVELLING_MAX_MSR],
                        const uint64_t to[LEVELLING_MAX_MSR])
{
    unsigned n = 0;

    for (unsigned i = 0; i < l->n; i++)
        n += from[i] != to[i];
    return n;
}

/* Intel applies its masks before OSXSAVE and APIC are filled in, and they pass through where the
 * mask lets them; AMD's registers hold the value, of which these two are ANDed with the real state:
 * the same result. */
static void apply(const struct levelling_msr *m, const struct levelling_half *h, uint32_t value,
                  const uint32_t in[2], uint32_t out[4])
{
    if (h->leaf != in[0] || (cpu_policy_indexed(h->leaf) && h->subleaf != in[1]))
        return;
    if (m->overrides)
        out[h->reg] = value;
    else
        out[h->reg] &= value;
}

void levelling_native(const struct levelling *l, const struct cpu_policy *host,
                      const uint64_t value[LEVELLING_MAX_MSR], const uint32_t in[2],
                      uint32_t out[4])
{
    struct tsp_policy view = cpu_policy_view(host);
    const struct tsp_leaf *e;

    policy_answer(&view, in[0], in[1], out, &e);
    if (e == NULL || e->leaf != in[0])
        return;
    if (in[0] == 1 && (out[ECX] & BIT_XSAVE) != 0)
        out[ECX] |= BIT_OSXSAVE; /* the hypervisor's own CR4 */
    for (unsigned i = 0; i < l->n; i++) {
        apply(&l->msr[i], &l->msr[i].lo, (uint32_t)value[i], in, out);
        apply(&l->msr[i], &l->msr[i].hi, (uint32_t)(value[i] >> 32), in, out);
    }
}

/* Out of range nothing of another leaf shows: zero, for every vendor (guest_cpuid of Xen). */
static void emulated(const struct levelling_view *v, const uint32_t in[2], uint32_t out[4])
{
    const struct tsp_leaf *e = cpu_policy_find(v->guest, in[0], in[1]);

    memset(out, 0, 4 * sizeof(out[0]));
    if (e == NULL)
        return;
    memcpy(out, e->reg, sizeof(e->reg));
    if (in[0] == 1 && (out[ECX] & BIT_XSAVE) != 0 && v->osxsave)
        out[ECX] |= BIT_OSXSAVE;
}

void levelling_cpuid(const struct levelling_view *v, const uint32_t in[2], uint32_t out[4])
{
    uint64_t value[LEVELLING_MAX_MSR];

    if (v->emulated || (v->l->caps & LEVELLING_FAULTING) != 0) {
        emulated(v, in, out);
        return;
    }
    levelling_values(v->l, v->host, v->guest, v->osxsave, value);
    levelling_native(v->l, v->host, value, in, out);
}

void levelling_leaks(const struct levelling *l, const struct cpu_policy *host,
                     const struct cpu_policy *guest, struct featureset *out)
{
    const struct levelling_view v = {l, host, guest, false, false};
    struct featureset has;

    cpu_policy_features(guest, &has);
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        const struct feature_place *w = &feature_words[i];
        const uint32_t in[2] = {w->leaf, w->subleaf};
        uint32_t seen[4];

        if (w->reg > EDX || cpu_policy_find(host, w->leaf, w->subleaf) == NULL)
            continue;
        levelling_cpuid(&v, in, seen);
        if (i == FEATURE_WORD_E1D)
            seen[w->reg] &= ~0x0183f3ffu; /* AMD's copies of leaf 1 */
        out->w[i] = seen[w->reg] & ~has.w[i];
    }
    /* These describe what cannot be hidden, and are harmless. */
    feature_put(out, FEATURE_HTT, false);
    feature_put(out, FEATURE_X2APIC, false);
    feature_put(out, FEATURE_CMP_LEGACY, false);
    feature_put(out, FEATURE_APIC, false);
    feature_put(out, FEATURE_OSXSAVE, false);
}
