/* SPDX-License-Identifier: MIT */
/*
 * CPUID look-up as KVM does it (arch/x86/kvm/cpuid.c kvm_cpuid, get_out_of_range_cpuid_entry),
 * which is the behaviour of Intel and AMD processors chosen by the guest's own vendor text (Intel
 * SDM Vol. 2A CPUID; AMD APM Vol. 3 Appendix E).
 */
#include "emu/policy/lookup.h"

#include <string.h>

#include "trapspec/bits.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define HV_FIRST 0x40000000u
#define HV_LAST 0x4fffffffu
#define HV_STEP 0x100u
#define HV_END 0x40010000u
#define EXTENDED 0x80000000u
#define CENTAUR 0xc0000000u

const struct tsp_leaf *policy_find(const struct tsp_policy *p, uint32_t leaf, uint32_t subleaf)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct tsp_leaf *e = &p->leaf[i];

        if (e->leaf == leaf && ((e->flags & TSP_LEAF_INDEXED) == 0 || e->subleaf == subleaf))
            return e;
    }
    return NULL;
}

const struct tsp_leaf *policy_first(const struct tsp_policy *p, uint32_t leaf)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->leaf[i].leaf == leaf)
            return &p->leaf[i];
    return NULL;
}

struct vendor_text {
    const char *text; /* as a person reads it: EBX EDX ECX */
    enum tsp_vendor vendor;
};

static const struct vendor_text vendor_texts[] = {
    {"GenuineIntel", TSP_VENDOR_INTEL},   {"AuthenticAMD", TSP_VENDOR_AMD},
    {"AMDisbetter!", TSP_VENDOR_AMD}, /* engineering samples of the K5 */
    {"HygonGenuine", TSP_VENDOR_HYGON},   {"CentaurHauls", TSP_VENDOR_CENTAUR},
    {"  Shanghai  ", TSP_VENDOR_CENTAUR}, /* Zhaoxin, Centaur's successor */
};

static enum tsp_vendor vendor_of(const struct tsp_leaf *leaf0)
{
    uint8_t text[12];

    le_store(text, leaf0->reg[EBX], 4);
    le_store(text + 4, leaf0->reg[EDX], 4);
    le_store(text + 8, leaf0->reg[ECX], 4);
    for (size_t i = 0; i < sizeof(vendor_texts) / sizeof(vendor_texts[0]); i++)
        if (memcmp(text, vendor_texts[i].text, sizeof(text)) == 0)
            return vendor_texts[i].vendor;
    return TSP_VENDOR_OTHER;
}

enum tsp_vendor policy_vendor(const struct tsp_policy *p)
{
    const struct tsp_leaf *e = policy_first(p, 0);

    return e != NULL ? vendor_of(e) : TSP_VENDOR_OTHER;
}

static bool has_signature(const struct tsp_leaf *e, const char sig[12])
{
    uint8_t text[12];

    le_store(text, e->reg[EBX], 4);
    le_store(text + 4, e->reg[ECX], 4);
    le_store(text + 8, e->reg[EDX], 4);
    return memcmp(text, sig, sizeof(text)) == 0;
}

/* An entry behind another one of its leaf never answers. */
uint32_t policy_hv_base(const struct tsp_policy *p, const char sig[12])
{
    uint32_t base = HV_END;

    for (size_t i = 0; i < p->n; i++) {
        const struct tsp_leaf *e = &p->leaf[i];

        if (e->leaf >= HV_FIRST && e->leaf < base && e->leaf % HV_STEP == 0 &&
            has_signature(e, sig) && e == policy_first(p, e->leaf))
            base = e->leaf;
    }
    return base != HV_END ? base : 0;
}

/* The leaf whose EAX is the maximum of the class that `leaf` belongs to. */
static uint32_t class_leaf(uint32_t leaf, unsigned rules)
{
    if (leaf >= HV_FIRST && leaf <= HV_LAST)
        return (rules & POLICY_HV_BASIC) != 0 ? 0 : leaf & ~(HV_STEP - 1);
    if (leaf >= CENTAUR)
        return CENTAUR;
    return leaf & EXTENDED;
}

static bool is_above(const struct tsp_policy *p, unsigned rules, uint32_t leaf)
{
    const struct tsp_leaf *class = policy_first(p, class_leaf(leaf, rules));

    return policy_first(p, 0) == NULL || class == NULL || leaf > class->reg[EAX];
}

/*
 * No entry answers the leaf itself. Where the guest's processor would answer with its highest basic
 * leaf, *leaf becomes that leaf, with the sub-leaf as asked.
 */
static void redirect(const struct tsp_policy *p, unsigned rules, uint32_t *leaf)
{
    const struct tsp_leaf *basic = policy_first(p, 0), *class;
    enum tsp_vendor vendor;

    if (basic == NULL || (rules & POLICY_ZERO_ABOVE) != 0)
        return;
    vendor = vendor_of(basic);
    if ((vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON) &&
        (rules & POLICY_AMD_REDIRECT) == 0)
        return;
    class = policy_first(p, class_leaf(*leaf, rules));
    if (class != NULL && *leaf <= class->reg[EAX])
        return;
    *leaf = basic->reg[EAX];
}

uint32_t policy_served(const struct tsp_policy *p, unsigned rules, uint32_t leaf)
{
    redirect(p, rules, &leaf);
    return leaf;
}

bool policy_answer_as(const struct tsp_policy *p, const uint32_t in[2], unsigned rules,
                      uint32_t out[4], const struct tsp_leaf **entry)
{
    uint32_t leaf = in[0], subleaf = in[1];
    const struct tsp_leaf *e = policy_find(p, leaf, subleaf), *topo;
    bool topology;

    if ((rules & POLICY_HV_BASIC) != 0 && leaf >= HV_FIRST && leaf <= HV_LAST)
        e = NULL;
    if (e == NULL) {
        redirect(p, rules, &leaf);
        e = leaf != in[0] ? policy_find(p, leaf, subleaf) : NULL;
    }
    *entry = e;
    if (e != NULL) {
        memcpy(out, e->reg, sizeof(e->reg));
        return false;
    }
    memset(out, 0, 4 * sizeof(out[0]));
    if ((rules & POLICY_ZERO_ABOVE) != 0 && is_above(p, rules, leaf))
        return false;
    /*
     * Extended topology: the sub-leaf number comes back in CL and EDX is the x2APIC id even where
     * nothing is described. The leaf exists when its sub-leaf 1 does.
     */
    topology = (leaf == 0xb || leaf == 0x1f) && (rules & POLICY_NO_ECHO) == 0;
    topo = topology ? policy_find(p, leaf, 1) : NULL;
    if (topo != NULL) {
        out[ECX] = subleaf & 0xff;
        out[EDX] = topo->reg[EDX];
    }
    return topo != NULL;
}

void policy_answer(const struct tsp_policy *p, uint32_t leaf, uint32_t subleaf, uint32_t out[4],
                   const struct tsp_leaf **entry)
{
    const uint32_t in[2] = {leaf, subleaf};

    policy_answer_as(p, in, 0, out, entry);
}
