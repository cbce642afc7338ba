/* SPDX-License-Identifier: MIT */
#include "emu/policy/topology.h"

#include "trapspec/bits.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define TYPE_THREAD 1u
#define TYPE_CORE 2u

static unsigned bits_for(unsigned n)
{
    unsigned bits = 0;

    while (bits < 31 && (1u << bits) < n)
        bits++;
    return bits;
}

static uint32_t at_most(uint64_t v, uint32_t max)
{
    return v < max ? (uint32_t)v : max;
}

uint32_t topology_apic_id(const struct topology *t, unsigned vcpu)
{
    unsigned thread_bits = bits_for(t->threads), core_bits = bits_for(t->cores);
    unsigned thread = vcpu % t->threads, core = vcpu / t->threads % t->cores;
    unsigned package = vcpu / t->threads / t->cores;

    if (thread_bits + core_bits >= 32)
        return vcpu;
    return package << (thread_bits + core_bits) | core << thread_bits | thread;
}

static void put_field(struct cpu_policy *p, const uint32_t at[3], const unsigned bits[2],
                      uint32_t value)
{
    uint32_t old = cpu_policy_reg(p, at[0], at[1], at[2]);

    cpu_policy_set(p, at[0], at[1], at[2], (uint32_t)bits_set(old, bits[0], bits[1], value));
}

/* The number of ids of a package is a power of two in 8 bits; 256 would read as 0, so it ends at
 * 255 (Intel SDM Vol. 2A CPUID, leaf 1 EBX). */
static void put_leaf1(struct cpu_policy *p, const struct topology *t, uint32_t id)
{
    uint64_t ids = (uint64_t)1 << (bits_for(t->threads) + bits_for(t->cores));
    uint32_t edx = cpu_policy_reg(p, 1, 0, EDX);
    static const uint32_t ebx[3] = {1, 0, EBX};

    put_field(p, ebx, (const unsigned[]){23, 16}, at_most(ids, 255));
    put_field(p, ebx, (const unsigned[]){31, 24}, at_most(id, 255));
    cpu_policy_set(p, 1, 0, EDX, (uint32_t)bits_set(edx, 28, 28, ids > 1));
}

/* Sharing of a cache: the first two levels belong to a core, the others to the package. */
static void put_caches(struct cpu_policy *p, uint32_t leaf, const struct topology *t)
{
    uint64_t core = (uint64_t)1 << bits_for(t->threads), package = core << bits_for(t->cores);

    for (uint32_t i = 0; i < 8 && cpu_policy_find(p, leaf, i) != NULL; i++) {
        uint32_t eax = cpu_policy_reg(p, leaf, i, EAX), at[3] = {leaf, i, EAX};

        if ((eax & 31) == 0)
            break;
        put_field(p, at, (const unsigned[]){25, 14},
                  at_most(((eax >> 5 & 7) <= 2 ? core : package) - 1, 0xfff));
        if (leaf == 4)
            put_field(p, at, (const unsigned[]){31, 26},
                      at_most(((uint64_t)1 << bits_for(t->cores)) - 1, 63));
    }
}

/* One level each for threads and cores, and one of type 0, where tools stop asking. */
static bool put_levels(struct cpu_policy *p, uint32_t leaf, const struct topology *t, uint32_t id)
{
    unsigned thread = bits_for(t->threads), core = thread + bits_for(t->cores);
    uint32_t row[3][4] = {
        {thread, at_most(t->threads, 0xffff), TYPE_THREAD << 8, id},
        {core, at_most((uint64_t)t->threads * t->cores, 0xffff), TYPE_CORE << 8 | 1, id},
        {0, 0, 2, id}};
    bool ok = true;

    cpu_policy_drop(p, leaf, leaf);
    for (uint32_t sub = 0; sub < 3; sub++)
        for (unsigned reg = 0; reg < 4; reg++)
            ok = cpu_policy_set(p, leaf, sub, reg, row[sub][reg]) && ok;
    return ok;
}

static bool reaches(const struct cpu_policy *p, uint32_t leaf)
{
    return cpu_policy_reg(p, leaf & 0x80000000u, 0, EAX) >= leaf;
}

/* 0x80000008 ECX: number of threads less one, and the bits of an id that tell them apart; the older
 * form of it, CMP_LEGACY. Ids of 7 bits at most are portable (xen: ApicIdCoreSize of 8 breaks
 * guests). */
static bool put_amd(struct cpu_policy *p, const struct topology *t, unsigned vcpu, uint32_t id)
{
    uint64_t n = (uint64_t)t->threads * t->cores;
    unsigned bits = bits_for(t->threads) + bits_for(t->cores);
    static const uint32_t sizes[3] = {0x80000008, 0, ECX};
    uint32_t ecx = cpu_policy_reg(p, 0x80000001, 0, ECX);
    bool ok = true;

    if (cpu_policy_find(p, 0x80000001, 0) != NULL)
        cpu_policy_set(p, 0x80000001, 0, ECX, (uint32_t)bits_set(ecx, 1, 1, n > 1));
    if (cpu_policy_find(p, 0x80000008, 0) != NULL) {
        put_field(p, sizes, (const unsigned[]){7, 0}, at_most(n - 1, 255));
        put_field(p, sizes, (const unsigned[]){15, 12}, at_most(bits, 7));
    }
    if (!bits_test(ecx, 22)) /* TOPOEXT */
        return true;
    put_caches(p, 0x8000001d, t);
    if (reaches(p, 0x8000001e)) {
        ok = cpu_policy_set(p, 0x8000001e, 0, EAX, id);
        cpu_policy_set(p, 0x8000001e, 0, EBX,
                       at_most(t->threads - 1, 255) << 8 |
                           at_most(vcpu / t->threads % t->cores, 255));
        cpu_policy_set(p, 0x8000001e, 0, ECX, at_most(vcpu / t->threads / t->cores, 255));
    }
    if (ok && reaches(p, 0x80000026))
        ok = put_levels(p, 0x80000026, t, id);
    return ok;
}

bool topology_put(struct cpu_policy *p, const struct topology *t, unsigned vcpu)
{
    enum tsp_vendor vendor = cpu_policy_vendor(p);
    uint32_t id;
    bool ok = true;

    if (t->threads == 0 || t->cores == 0 || t->packages == 0 ||
        bits_for(t->threads) + bits_for(t->cores) >= 31)
        return false;
    id = topology_apic_id(t, vcpu);
    if (cpu_policy_find(p, 1, 0) != NULL)
        put_leaf1(p, t, id);
    if (vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON)
        ok = put_amd(p, t, vcpu, id);
    else
        put_caches(p, 0x4, t);
    if (ok && reaches(p, 0xb))
        ok = put_levels(p, 0xb, t, id);
    /* Without dies and tiles both leaves say the same. */
    if (ok && reaches(p, 0x1f) && vendor == TSP_VENDOR_INTEL)
        ok = put_levels(p, 0x1f, t, id);
    return ok;
}
