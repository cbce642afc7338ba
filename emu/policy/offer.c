/* SPDX-License-Identifier: MIT */
#include "emu/policy/offer.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

/* The highest leaves that Xen gives a guest (xen/include/xen/lib/x86/cpu-policy.h). */
#define MAX_BASIC 0xdu
#define MAX_SUB7 2u
#define MAX_EXT_AMD 0x80000021u
#define MAX_EXT 0x80000008u

static bool is_amd(const struct cpu_policy *p)
{
    enum tsp_vendor v = cpu_policy_vendor(p);

    return v == TSP_VENDOR_AMD || v == TSP_VENDOR_HYGON;
}

static void put_features(struct cpu_policy *p, struct featureset *fs)
{
    uint64_t present = xstate_present(p);

    featureset_close(fs);
    cpu_policy_set_features(p, fs);
    cpu_policy_limit(p, fs);
    if (!feature_in(fs, FEATURE_SVM)) {
        fs->w[FEATURE_WORD_EAD] = 0;
        cpu_policy_drop(p, 0x8000000a, 0x8000000a);
    }
    cpu_policy_set_features(p, fs);
    xstate_fit(p, fs, present);
    cpu_policy_fit_width(p, fs);
}

void offer_host(const struct cpu_policy *raw, struct cpu_policy *out)
{
    struct featureset fs;

    *out = *raw;
    cpu_policy_features(out, &fs);
    xstate_limit(&fs, xstate_present(out));
    put_features(out, &fs);
}

static unsigned kinds_of(enum offer_kind kind, bool max)
{
    unsigned whom = FEATURE_ALL;

    if (kind >= OFFER_HVM_SHADOW)
        whom |= FEATURE_HVM;
    if (kind == OFFER_HVM)
        whom |= FEATURE_HAP;
    return max ? whom | whom << 3 : whom; /* the _MAX attributes follow in the same order */
}

/* Offered whatever the processor: the hypervisor bit; STIBP, a no-op without sibling threads, where
 * IBRS is; Intel's barrier alone under AMD's bit. */
static void common(struct featureset *fs, const struct featureset *host)
{
    feature_put(fs, FEATURE_HYPERVISOR, true);
    if (feature_in(fs, FEATURE_IBRSB))
        feature_put(fs, FEATURE_STIBP, true);
    if (feature_in(fs, FEATURE_IBRS))
        feature_put(fs, FEATURE_AMD_STIBP, true);
    if (feature_in(host, FEATURE_IBRSB))
        feature_put(fs, FEATURE_IBPB, true);
}

/*
 * A guest that saw these elsewhere can run here. HTT and CMP_LEGACY only say that topology fields
 * are valid, which are the guest's own. How the x87 unit keeps pointers cannot be hidden, and is
 * known to differ (Xen folds the host's view in). The others tell it to take care of something that
 * this processor may not need.
 */
static void tolerated(struct featureset *fs, bool amd)
{
    feature_put(fs, FEATURE_HTT, true);
    feature_put(fs, FEATURE_CMP_LEGACY, true);
    feature_put(fs, FEATURE_FDP_EXCP_ONLY, true);
    feature_put(fs, FEATURE_NO_FPU_SEL, true);
    if (feature_in(fs, FEATURE_RTM))
        feature_put(fs, FEATURE_RTM_ALWAYS_ABORT, true);
    if (amd) {
        feature_put(fs, FEATURE_VERW_CLEAR, true);
        return;
    }
    feature_put(fs, FEATURE_ARCH_CAPS, true);
    feature_put(fs, FEATURE_RSBA, true);
    feature_put(fs, FEATURE_RRSBA, true);
    feature_put(fs, FEATURE_MD_CLEAR, true);
    feature_put(fs, FEATURE_FB_CLEAR, true);
    feature_put(fs, FEATURE_RFDS_CLEAR, true);
}

/* ... and back to what the host says where nothing is to be tolerated. */
static void as_on_host(struct featureset *fs, const struct featureset *host)
{
    static const uint16_t f[] = {FEATURE_HTT,        FEATURE_CMP_LEGACY, FEATURE_MD_CLEAR,
                                 FEATURE_FB_CLEAR,   FEATURE_RFDS_CLEAR, FEATURE_RSBA,
                                 FEATURE_RRSBA,      FEATURE_NO_LMSL,    FEATURE_FDP_EXCP_ONLY,
                                 FEATURE_NO_FPU_SEL, FEATURE_VERW_CLEAR, FEATURE_FS_GS_NS};

    for (unsigned i = 0; i < sizeof(f) / sizeof(f[0]); i++)
        if (!feature_in(host, f[i]))
            feature_put(fs, f[i], false);
}

static void keep_bits(struct cpu_policy *p, uint32_t leaf, unsigned reg, uint32_t mask)
{
    if (cpu_policy_find(p, leaf, 0) != NULL)
        cpu_policy_set(p, leaf, 0, reg, cpu_policy_reg(p, leaf, 0, reg) & mask);
}

/* What only AMD's processors fill in: a host that is a virtual machine itself may have it. */
static void hide_foreign(struct cpu_policy *p)
{
    for (unsigned reg = EBX; reg <= EDX; reg++)
        keep_bits(p, 0x80000000, reg, 0);
    keep_bits(p, 0x80000001, EAX, 0);
    keep_bits(p, 0x80000001, EBX, 0);
    cpu_policy_drop(p, 0x80000005, 0x80000005);
    keep_bits(p, 0x80000006, EAX, 0);
    keep_bits(p, 0x80000006, EBX, 0);
    keep_bits(p, 0x80000006, EDX, 0);
    keep_bits(p, 0x80000008, EAX, 0xffff);
    keep_bits(p, 0x80000008, ECX, 0);
    keep_bits(p, 0x80000008, EDX, 0);
}

/* No leaf for power management, processor serial numbers or topology, which are not the guest's; no
 * nested paging details without SVM (recalculate_misc). */
static void hide_host(struct cpu_policy *p, enum offer_kind kind)
{
    static const uint32_t hidden[] = {0x3, 0x5, 0x6, 0x8, 0x9, 0xa, 0xb, 0xc};

    for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        cpu_policy_drop(p, hidden[i], hidden[i]);
    cpu_policy_drop(p, MAX_BASIC + 1, 0x3fffffff);
    cpu_policy_drop(p, 0x40000000, 0x4fffffff);
    cpu_policy_drop(p, is_amd(p) ? MAX_EXT_AMD + 1 : MAX_EXT + 1, UINT32_MAX);
    cpu_policy_drop(p, 0x80000009, 0x80000009);
    cpu_policy_drop(p, 0x8000000b, 0x80000018);
    cpu_policy_drop(p, 0x8000001b, 0x80000020);
    if (!is_amd(p)) {
        hide_foreign(p);
    } else {
        cpu_policy_drop(p, 0x2, 0x4);
        if (cpu_policy_find(p, 0x80000001, 0) != NULL)
            cpu_policy_set(p, 0x80000001, 0, EAX, cpu_policy_reg(p, 1, 0, EAX));
    }
    if (kind == OFFER_PV)
        cpu_policy_drop(p, 0x8000000a, 0x8000000a);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A maximum that is only a limit, or the host's own within it. */
static void set_maxima(struct cpu_policy *p, const struct cpu_policy *host, bool max)
{
    uint32_t ext = is_amd(p) ? MAX_EXT_AMD : MAX_EXT;
    uint32_t sub7 = cpu_policy_reg(host, 7, 0, EAX), basic = cpu_policy_reg(host, 0, 0, EAX);
    uint32_t top = cpu_policy_reg(host, 0x80000000, 0, EAX);

    cpu_policy_set(p, 0, 0, EAX, max ? MAX_BASIC : smaller(basic, MAX_BASIC));
    if (cpu_policy_find(p, 7, 0) != NULL)
        cpu_policy_set(p, 7, 0, EAX, max ? MAX_SUB7 : smaller(sub7, MAX_SUB7));
    if (cpu_policy_find(p, 0x80000000, 0) != NULL)
        cpu_policy_set(p, 0x80000000, 0, EAX, max ? ext : smaller(top, ext));
}

/* Features that the hypervisor makes up itself for guests of that kind. */
static void made_up(struct featureset *fs, enum offer_kind kind, const struct featureset *host,
                    bool amd)
{
    feature_put(fs, FEATURE_X2APIC, true);
    if (kind == OFFER_PV)
        return;
    feature_put(fs, FEATURE_APIC, true);
    feature_put(fs, FEATURE_NO_LMSL, true);
    /* Only a guest that has long mode writes the bases that the bit is about. */
    if (amd && feature_in(host, FEATURE_LM))
        feature_put(fs, FEATURE_FS_GS_NS, true);
    if (feature_in(host, FEATURE_SEP))
        feature_put(fs, FEATURE_SEP, true);
}

/* What one host of a pool is enough for. */
static void any_of_pool(struct featureset *fs)
{
    struct featureset any;

    featureset_offered(FEATURE_ANY, &any);
    featureset_or(fs, &any);
}

void offer_max(const struct cpu_policy *host, enum offer_kind kind, struct cpu_policy *out)
{
    struct featureset fs, had, mask;
    bool amd = is_amd(host);

    *out = *host;
    cpu_policy_features(host, &had);
    fs = had;
    if (kind != OFFER_HOST) {
        featureset_offered(kinds_of(kind, true), &mask);
        featureset_and(&fs, &mask);
    }
    made_up(&fs, kind, &had, amd);
    tolerated(&fs, amd);
    common(&fs, &had);
    if (kind == OFFER_HOST)
        any_of_pool(&fs);
    if (kind != OFFER_HOST) {
        hide_host(out, kind);
        set_maxima(out, host, true);
    }
    put_features(out, &fs);
    if (kind >= OFFER_HVM_SHADOW)
        out->platform_info |=
            CPU_POLICY_FAULTING; /* every CPUID traps: it can always be emulated */
}

void offer_default(const struct cpu_policy *host, enum offer_kind kind, struct cpu_policy *out)
{
    struct featureset fs, had, mask;

    if (kind == OFFER_HOST) {
        *out = *host;
        return;
    }
    offer_max(host, kind, out);
    cpu_policy_features(host, &had);
    cpu_policy_features(out, &fs);
    featureset_offered(kinds_of(kind, false), &mask);
    featureset_and(&fs, &mask);
    common(&fs, &had);
    as_on_host(&fs, &had);
    if (!is_amd(host))
        feature_put(&fs, FEATURE_NO_LMSL, false); /* tolerated; Intel does not assign the bit */
    set_maxima(out, host, false);
    put_features(out, &fs);
    if (kind >= OFFER_HVM_SHADOW)
        out->platform_info = host->platform_info | CPU_POLICY_FAULTING;
}

void offer_clamp(struct cpu_policy *guest, const struct cpu_policy *max)
{
    struct featureset fs, most;
    uint32_t width = cpu_policy_reg(guest, 0x80000008, 0, EAX);
    uint32_t limit = cpu_policy_reg(max, 0x80000008, 0, EAX);

    cpu_policy_features(guest, &fs);
    cpu_policy_features(max, &most);
    featureset_and(&fs, &most);
    put_features(guest, &fs);
    if (cpu_policy_find(guest, 0x80000008, 0) != NULL)
        cpu_policy_set(guest, 0x80000008, 0, EAX,
                       (width & 0xffff0000u) | smaller(width & 0xff00, limit & 0xff00) |
                           smaller(width & 0xff, limit & 0xff));
    guest->platform_info &= max->platform_info;
}
