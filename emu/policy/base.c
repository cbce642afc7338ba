/* SPDX-License-Identifier: MIT */
/*
 * Default policies: one modest, self-consistent processor per vendor. One logical processor, 40
 * physical and 48 linear address bits; every reserved bit zero; no feature without what it depends
 * on (Intel SDM Vol. 2A CPUID; AMD APM Vol. 3 Appendix E; torvalds/linux
 * arch/x86/kernel/cpu/cpuid-deps.c).
 */
#include "emu/policy/lookup.h"

#include <string.h>

#include "trapspec/bits.h"

#define INTEL (1u << TSP_VENDOR_INTEL)
#define AMD (1u << TSP_VENDOR_AMD)
#define HYGON (1u << TSP_VENDOR_HYGON)
#define CENTAUR (1u << TSP_VENDOR_CENTAUR)
#define OTHER (1u << TSP_VENDOR_OTHER)
#define ALL (INTEL | AMD | HYGON | CENTAUR | OTHER)
#define AMDS (AMD | HYGON)
#define NOT_AMD (INTEL | CENTAUR | OTHER)

/* A leaf without sub-leaves, and one sub-leaf of a leaf with some. */
#define PLAIN(who, leaf, a, b, c, d)                                                               \
    {                                                                                              \
        who,                                                                                       \
        {                                                                                          \
            leaf, 0, 0,                                                                            \
            {                                                                                      \
                a, b, c, d                                                                         \
            }                                                                                      \
        }                                                                                          \
    }
#define SUB(who, leaf, sub, a, b, c, d)                                                            \
    {                                                                                              \
        who,                                                                                       \
        {                                                                                          \
            leaf, sub, TSP_LEAF_INDEXED,                                                           \
            {                                                                                      \
                a, b, c, d                                                                         \
            }                                                                                      \
        }                                                                                          \
    }

struct base_row {
    unsigned who;
    struct tsp_leaf leaf;
};

/* Leaf 1 EDX: FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX
 * FXSR SSE SSE2. */
#define FEATURES_1D 0x078bfbffu
/* Leaf 1 ECX, all: SSE3 PCLMUL SSSE3 FMA CX16 SSE4.1 SSE4.2 X2APIC MOVBE POPCNT AES XSAVE AVX F16C
 * RDRAND. */
#define FEATURES_1C 0x76f83203u
/* ... and, where the processor is not AMD's: PCID TSC-DEADLINE. */
#define FEATURES_1C_INTEL (FEATURES_1C | 1u << 17 | 1u << 24)
/* Leaf 7 EBX, all: FSGSBASE BMI1 AVX2 SMEP BMI2 RDSEED ADX SMAP CLFLUSHOPT. */
#define FEATURES_7B 0x009c01a9u
/* ... and ERMS INVPCID. */
#define FEATURES_7B_INTEL (FEATURES_7B | 1u << 9 | 1u << 10)
/* Leaf 7 ECX: UMIP, and PKU where protection keys have their XSAVE component. */
#define FEATURES_7C (1u << 2)
#define FEATURES_7C_INTEL (FEATURES_7C | 1u << 3)
/* AMD repeats these bits of leaf 1 EDX in 0x80000001 EDX; the rest is SYSCALL NX MMXEXT FFXSR 1G
 * RDTSCP LM. */
#define FEATURES_81D_AMD ((FEATURES_1D & 0x0183f3ffu) | 0x2e500800u)
#define FEATURES_81D 0x2c100800u /* SYSCALL NX 1G RDTSCP LM */

/* Vendor texts and signatures are filled in by put_vendor; entries are in order of leaf and
 * sub-leaf. */
static const struct base_row rows[] = {
    PLAIN(ALL, 0x0, 0xd, 0, 0, 0),
    PLAIN(NOT_AMD, 0x1, 0, 0x00010800, FEATURES_1C_INTEL, FEATURES_1D),
    PLAIN(AMDS, 0x1, 0, 0x00010800, FEATURES_1C, FEATURES_1D),
    PLAIN(INTEL, 0x2, 0x0000ff01, 0, 0, 0), /* "see leaf 4" */
    SUB(INTEL, 0x4, 0, 0x121, 0x01c0003f, 0x3f, 0),
    SUB(INTEL, 0x4, 1, 0x122, 0x01c0003f, 0x3f, 0),
    SUB(INTEL, 0x4, 2, 0x143, 0x03c0003f, 0x3ff, 0),
    SUB(INTEL, 0x4, 3, 0x163, 0x03c0003f, 0x1fff, 0),
    PLAIN(ALL, 0x6, 0x4, 0, 0, 0), /* ARAT */
    SUB(NOT_AMD, 0x7, 0, 0, FEATURES_7B_INTEL, FEATURES_7C_INTEL, 0),
    SUB(AMDS, 0x7, 0, 0, FEATURES_7B, FEATURES_7C, 0),
    SUB(ALL, 0xb, 0, 0, 1, 0x100, 0),
    SUB(ALL, 0xb, 1, 0, 1, 0x201, 0),
    SUB(NOT_AMD, 0xd, 0, 0x207, 0x240, 0xa88, 0),
    SUB(AMDS, 0xd, 0, 0x7, 0x240, 0x340, 0),
    SUB(ALL, 0xd, 1, 0xf, 0x240, 0, 0), /* XSAVEOPT XSAVEC XGETBV1 XSAVES */
    SUB(ALL, 0xd, 2, 0x100, 0x240, 0, 0),
    SUB(NOT_AMD, 0xd, 9, 0x8, 0xa80, 0, 0),
    PLAIN(ALL, 0x80000000, 0x80000008, 0, 0, 0),
    PLAIN(NOT_AMD, 0x80000001, 0, 0, 0x121, FEATURES_81D),  /* LAHF ABM PREFETCHW */
    PLAIN(AMDS, 0x80000001, 0, 0, 0x1f1, FEATURES_81D_AMD), /* ... CR8 SSE4A MISALIGNSSE */
    PLAIN(ALL, 0x80000002, 0x70617274, 0x63657073, 0x72697620, 0x6c617574), /* trapspec virtual */
    PLAIN(ALL, 0x80000003, 0x6f727020, 0x73736563, 0x0000726f, 0),          /*  processor */
    PLAIN(ALL, 0x80000004, 0, 0, 0, 0),
    PLAIN(AMDS, 0x80000005, 0xff40ff40, 0xff40ff40, 0x20080140, 0x20080140),
    PLAIN(INTEL, 0x80000006, 0, 0, 0x04008040, 0),
    PLAIN(AMDS, 0x80000006, 0, 0x42004200, 0x02006140, 0),
    PLAIN(ALL, 0x80000007, 0, 0, 0, 0x100), /* invariant TSC */
    PLAIN(ALL, 0x80000008, 0x3028, 0, 0, 0),
    PLAIN(CENTAUR, 0xc0000000, 0xc0000001, 0, 0, 0),
    PLAIN(CENTAUR, 0xc0000001, 0, 0, 0, 0xc), /* RNG, enabled */
};

struct identity {
    char text[13]; /* as a person reads it */
    uint32_t signature;
};

/* ORDER: enum tsp_vendor */
static const struct identity identities[TSP_VENDOR_COUNT] = {
    {"GenuineIntel", 0x00050654}, {"AuthenticAMD", 0x00830f10}, {"HygonGenuine", 0x00900f01},
    {"CentaurHauls", 0x000006fe}, {"TrapspecCPU ", 0x00000663},
};

/* The text is EBX EDX ECX: the order in which the registers are encoded, not numbered. */
static void put_text(const char *text, struct tsp_leaf *e)
{
    e->reg[1] = (uint32_t)le_load((const uint8_t *)text, 4);
    e->reg[3] = (uint32_t)le_load((const uint8_t *)text + 4, 4);
    e->reg[2] = (uint32_t)le_load((const uint8_t *)text + 8, 4);
}

static void put_vendor(enum tsp_vendor vendor, struct tsp_leaf *e)
{
    bool amd = vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON;

    if (e->leaf == 0 || (e->leaf == 0x80000000 && amd))
        put_text(identities[vendor].text, e);
    if (e->leaf == 1 || (e->leaf == 0x80000001 && amd))
        e->reg[0] = identities[vendor].signature;
}

/* KVM's two leaves; the features are those the kernel offers by default (arch/x86/kvm/cpuid.c). */
static size_t put_kvm(uint32_t base, struct tsp_leaf *out, size_t max)
{
    const struct tsp_leaf leaves[] = {
        {base, 0, 0, {base + 1, 0x4b4d564b, 0x564b4d56, 0x4d}},
        {base + 1, 0, 0, {0x01007efb, 0, 0, 0}},
    };
    size_t n = 0;

    for (; n < sizeof(leaves) / sizeof(leaves[0]) && n < max; n++)
        out[n] = leaves[n];
    return n;
}

/*
 * Hyper-V's leaves: what it asks for in each is little, so that a guest of this model is offered
 * what the model has. Privileges: run time, reference counter, interrupt controller, timers,
 * hypercall MSRs, processor index, reset, reference TSC, frequencies; post messages, signal events,
 * own registers, extended calls (TLFS, Feature and interface discovery).
 */
static size_t put_hyperv(uint32_t base, struct tsp_leaf *out, size_t max)
{
    const struct tsp_leaf leaves[] = {
        {base, 0, 0, {base + 6, 0x7263694d, 0x666f736f, 0x76482074}}, /* Microsoft Hv */
        {base + 1, 0, 0, {0x31237648, 0, 0, 0}},                      /* Hv#1 */
        {base + 2, 0, 0, {20348, 0x000a0000, 0, 0}},                  /* 10.0, build 20348 */
        {base + 3, 0, 0, {0x00000aef, 0x00120030, 0, 0x00000110}},
        /* flush and IPI by calls, sparse sets of processors; 4095 tries before a spin is told */
        {base + 4, 0, 0, {0x00000c04, 0xfff, 0, 0}},
        {base + 5, 0, 0, {64, 64, 0, 0}},
        {base + 6, 0, 0, {0, 0, 0, 0}},
    };
    size_t n = 0;

    for (; n < sizeof(leaves) / sizeof(leaves[0]) && n < max; n++)
        out[n] = leaves[n];
    return n;
}

/* Xen's leaves as HVM guests see them: one page of hypercalls, a clock of one tick a nanosecond, a
 * domain's own numbers (xen/arch/x86/cpuid.c cpuid_hypervisor_leaves). Behind Viridian's block the
 * MSRs move up. */
static size_t put_xen(uint32_t base, struct tsp_leaf *out, size_t max)
{
    uint32_t msr = base == 0x40000000u ? 0x40000000u : 0x40000200u;
    const struct tsp_leaf leaves[] = {
        {base, 0, 0, {base + 5, 0x566e6558, 0x65584d4d, 0x4d4d566e}},
        {base + 1, 0, 0, {0x00040015, 0, 0, 0}},
        {base + 2, 0, 0, {1, msr, 0, 0}},
        {base + 3, 0, TSP_LEAF_INDEXED, {0x2, 0, 1000000, 0}},
        {base + 3, 1, TSP_LEAF_INDEXED, {0, 0, 0x80000000, 1}},
        {base + 3, 2, TSP_LEAF_INDEXED, {1000000, 0, 0, 0}},
        {base + 4, 0, TSP_LEAF_INDEXED, {0x58, 0, 1, 0}},
        {base + 5, 0, TSP_LEAF_INDEXED, {0, 40, 0, 0}},
    };
    size_t n = 0;

    for (; n < sizeof(leaves) / sizeof(leaves[0]) && n < max; n++)
        out[n] = leaves[n];
    return n;
}

/* The timing leaf in kHz; a host of AMD offers VMMCALL (bit 0) in place of VMCALL (bit 1). */
static size_t put_vmware(uint32_t base, struct tsp_leaf *out, size_t max)
{
    const struct tsp_leaf leaves[] = {
        {base, 0, 0, {base + 0x10, 0x61774d56, 0x4d566572, 0x65726177}},
        {base + 0x10, 0, 0, {1000000, 66000, 2, 0}},
    };
    size_t n = 0;

    for (; n < sizeof(leaves) / sizeof(leaves[0]) && n < max; n++)
        out[n] = leaves[n];
    return n;
}

size_t policy_block(enum tsp_persona persona, uint32_t base, struct tsp_leaf *out, size_t max)
{
    if (base == 0)
        base = 0x40000000u;
    switch (persona) {
    case TSP_PERSONA_KVM:
        return put_kvm(base, out, max);
    case TSP_PERSONA_HYPERV:
        return put_hyperv(base, out, max);
    case TSP_PERSONA_XEN:
        return put_xen(base, out, max);
    case TSP_PERSONA_VMWARE:
        return put_vmware(base, out, max);
    default:
        return 0;
    }
}

size_t policy_default(enum tsp_vendor vendor, enum tsp_persona persona, uint32_t base,
                      struct tsp_leaf *out, size_t max)
{
    size_t n = 0, block;

    if ((unsigned)vendor >= TSP_VENDOR_COUNT)
        vendor = TSP_VENDOR_OTHER;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && n < max; i++) {
        if ((rows[i].who & (1u << vendor)) == 0)
            continue;
        out[n] = rows[i].leaf;
        put_vendor(vendor, &out[n]);
        if (out[n].leaf == 1 && persona != TSP_PERSONA_NONE)
            out[n].reg[2] |= 1u << 31; /* a hypervisor is present */
        n++;
    }
    block = policy_block(persona, base, out + n, max - n);
    if (persona == TSP_PERSONA_VMWARE && block > 1 &&
        (vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON))
        out[n + 1].reg[2] = 1;
    return n + block;
}
