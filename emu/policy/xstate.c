/* SPDX-License-Identifier: MIT */
/*
 * State components of XSAVE: which features use which, and leaf 0xD for a set of features (Intel
 * SDM Vol. 1 chapter 13 and Vol. 2A CPUID; xen/arch/x86/cpu-policy.c recalculate_xstate).
 */
#include "emu/policy/cpu_policy.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define LEAF_XSAVE 0xdu
#define X87_SSE 3u
#define LEGACY_SIZE 0x240u /* FXSAVE image and XSAVE header */
#define COMPONENT_XSS 1u   /* sub-leaf ECX: a bit of IA32_XSS */
#define COMPONENT_ALIGN 2u
#define COMPONENTS 63u

static const struct xstate_user {
    uint16_t feature;
    uint64_t components;
} users[] = {
    {FEATURE_AVX, 1u << 2},
    {FEATURE_MPX, 1u << 3 | 1u << 4},
    {FEATURE_AVX512F, 1u << 5 | 1u << 6 | 1u << 7},
    {FEATURE_PROC_TRACE, 1u << 8},
    {FEATURE_PKU, 1u << 9},
    {FEATURE_ENQCMD, 1u << 10},
    {FEATURE_CET_SS, 1u << 11 | 1u << 12},
    {FEATURE_CET_IBT, 1u << 11 | 1u << 12},
    {FEATURE_HDC, 1u << 13},
    {FEATURE_UINTR, 1u << 14},
    {FEATURE_ARCH_LBR, 1u << 15},
    {FEATURE_HWP, 1u << 16},
    {FEATURE_AMX_TILE, 1u << 17 | 1u << 18},
    {FEATURE_APX, 1u << 19},
    {FEATURE_LWP, (uint64_t)1 << 62},
};
#define USERS (sizeof(users) / sizeof(users[0]))

/* Components that a processor may leave out although it has the feature: their user keeps its state
 * by other means (MSRs). */
#define OPTIONAL                                                                                   \
    (1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15 | 1u << 16)

uint64_t xstate_of_features(const struct featureset *fs)
{
    uint64_t set = X87_SSE;

    for (unsigned i = 0; i < USERS; i++)
        if (feature_in(fs, users[i].feature))
            set |= users[i].components;
    return set;
}

int xstate_component(unsigned f)
{
    uint64_t needed = 0;

    for (unsigned i = 0; i < USERS; i++)
        if (users[i].feature == f)
            needed = users[i].components & ~(uint64_t)OPTIONAL;
    for (int c = 0; c < (int)COMPONENTS; c++)
        if (needed >> c & 1)
            return c;
    return -1;
}

void xstate_limit(struct featureset *fs, uint64_t present)
{
    for (unsigned i = 0; i < USERS; i++)
        if ((users[i].components & ~(uint64_t)OPTIONAL & ~present) != 0)
            feature_put(fs, users[i].feature, false);
}

uint64_t xstate_present(const struct cpu_policy *p)
{
    uint64_t xcr0 = (uint64_t)cpu_policy_reg(p, LEAF_XSAVE, 0, EDX) << 32 |
                    cpu_policy_reg(p, LEAF_XSAVE, 0, EAX);
    uint64_t xss = (uint64_t)cpu_policy_reg(p, LEAF_XSAVE, 1, EDX) << 32 |
                   cpu_policy_reg(p, LEAF_XSAVE, 1, ECX);

    return xcr0 | xss;
}

/* Sets the sub-leaf of one component; its end in the standard format, 0 for a supervisor one. */
static uint32_t fit_component(struct cpu_policy *p, uint32_t i, const struct featureset *fs)
{
    uint32_t flags = cpu_policy_reg(p, LEAF_XSAVE, i, ECX);
    uint32_t size = cpu_policy_reg(p, LEAF_XSAVE, i, EAX);
    uint32_t at = cpu_policy_reg(p, LEAF_XSAVE, i, EBX);
    uint32_t keep = (feature_in(fs, FEATURE_XSAVES) ? COMPONENT_XSS : 0) |
                    (feature_in(fs, FEATURE_XSAVEC) ? COMPONENT_ALIGN : 0) |
                    (feature_in(fs, FEATURE_XFD) ? 4u : 0);

    cpu_policy_set(p, LEAF_XSAVE, i, ECX, flags & keep);
    return at != 0 && size <= UINT32_MAX - at ? at + size : 0;
}

static void drop_sub(struct cpu_policy *p, uint32_t sub)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->leaf[i].leaf != LEAF_XSAVE || p->leaf[i].subleaf != sub)
            p->leaf[n++] = p->leaf[i];
    p->n = n;
}

static bool is_supervisor(const struct cpu_policy *p, uint32_t i)
{
    return (cpu_policy_reg(p, LEAF_XSAVE, i, ECX) & COMPONENT_XSS) != 0;
}

void xstate_fit(struct cpu_policy *p, const struct featureset *fs, uint64_t present)
{
    uint64_t want = xstate_of_features(fs) & present, user = want & X87_SSE, super = 0;
    uint32_t end = LEGACY_SIZE;
    bool compact = feature_in(fs, FEATURE_XSAVEC) || feature_in(fs, FEATURE_XSAVES);

    if (!feature_in(fs, FEATURE_XSAVE) || cpu_policy_find(p, LEAF_XSAVE, 0) == NULL) {
        cpu_policy_drop(p, LEAF_XSAVE, LEAF_XSAVE);
        return;
    }
    for (uint32_t i = 2; i < 64; i++) {
        bool in = (want >> i & 1) != 0;
        bool gone = !in || (is_supervisor(p, i) && !feature_in(fs, FEATURE_XSAVES));
        uint32_t last;

        if (gone) {
            drop_sub(p, i);
            continue;
        }
        *(is_supervisor(p, i) ? &super : &user) |= (uint64_t)1 << i;
        last = fit_component(p, i, fs);
        end = last > end ? last : end;
    }
    for (size_t i = 0; i < p->n;) {
        if (p->leaf[i].leaf == LEAF_XSAVE && p->leaf[i].subleaf > 63)
            drop_sub(p, p->leaf[i].subleaf);
        else
            i++;
    }
    cpu_policy_set(p, LEAF_XSAVE, 0, EAX, (uint32_t)user);
    cpu_policy_set(p, LEAF_XSAVE, 0, EBX, LEGACY_SIZE);
    cpu_policy_set(p, LEAF_XSAVE, 0, ECX, end);
    cpu_policy_set(p, LEAF_XSAVE, 0, EDX, (uint32_t)(user >> 32));
    if (cpu_policy_find(p, LEAF_XSAVE, 1) == NULL)
        return;
    cpu_policy_set(p, LEAF_XSAVE, 1, EBX, compact ? LEGACY_SIZE : 0);
    cpu_policy_set(p, LEAF_XSAVE, 1, ECX, (uint32_t)super);
    cpu_policy_set(p, LEAF_XSAVE, 1, EDX, (uint32_t)(super >> 32));
}
