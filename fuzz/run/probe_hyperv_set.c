/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V's calls for sets of virtual processors, in memory, in two registers and in XMM registers:
 * formats, masks, numbers of banks, vectors, and whom the interrupt reaches; of Hyper-V itself and
 * of the interface that KVM offers beside its own (TLFS, HvCallFlushVirtualAddressSpaceEx,
 * HvCallSendSyntheticClusterIpi and its Ex form, XMM fast hypercall input).
 */
#include "fuzz/run/probe.h"

#include <string.h>

#include "trapspec/bits.h"

#define OS_ID 0x40000000u
#define SOME_OS 0x8100000000000001u
#define FAST (1ull << 16)
#define CALL_IPI 0xbu
#define CALL_FLUSH 2u
#define CALL_POST_MESSAGE 0x5cu
#define CALL_FLUSH_EX 0x13u
#define CALL_IPI_EX 0x15u
#define FLAG_IF (1ull << 9)
#define WORDS 14u      /* 112 bytes */
#define BLOCK_AT 0x40u /* of parameters in memory, behind the code */
#define VECTOR 0x41u

static void start(struct probe *p, bool own, unsigned vcpus)
{
    const struct tsp_leaf features = {.leaf = 0x40000003u,
                                      .reg = {0xffffffff, 0xffffffff, 0, 0xffffffff}};

    probe_default(p, TSP_ARCH_X86);
    p->s.config |= TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
    p->s.flags |= FLAG_IF;
    p->s.nvcpu = (uint8_t)vcpus;
    p->s.msr[p->s.nmsr++] = (struct tsp_msr){OS_ID, SOME_OS};
    if (own) {
        p->s.persona[0] = TSP_PERSONA_HYPERV;
    } else {
        p->s.hv_base[0] = 0x40000100u;
        p->s.hv_base[1] = 0x40000200u;
        p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){
            .leaf = 0x40000000u, .reg = {0x40000005, 0x7263694d, 0x666f736f, 0x76482074}};
        p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){.leaf = 0x40000001u, .reg = {0x31237648}};
    }
    p->s.leaf[p->s.nleaf++] = features;
}

/* VMCALL; CPUID: what is due comes before CPUID. Parameters go where the control word says. */
static void call(struct probe *p, uint64_t control, const uint64_t w[WORDS])
{
    static const uint8_t code[] = {0x0f, 0x01, 0xc1, 0x0f, 0xa2};

    probe_code(p, code, sizeof(code));
    probe_reg(p, TSP_RCX, control);
    if (control & FAST) {
        probe_reg(p, TSP_RDX, w[0]);
        probe_reg(p, TSP_R8, w[1]);
        for (unsigned i = 2; i < WORDS; i++)
            p->s.xmm[(i - 2) / 2][i % 2] = w[i];
    } else {
        for (unsigned i = 0; i < WORDS; i++)
            le_store(p->s.code[0] + BLOCK_AT + (size_t)8 * i, w[i], 8);
        p->s.ncode[0] = BLOCK_AT + 8 * WORDS;
        probe_reg(p, TSP_RDX, INPUT_X86_CODE + BLOCK_AT);
        probe_reg(p, TSP_R8, 0);
        memset(p->s.xmm, 0, sizeof(p->s.xmm));
    }
    probe_emit(p);
}

/* Number of banks; mask with as many bits, or not. */
static const struct {
    uint8_t banks;
    uint64_t format, mask;
} set[] = {
    {0, 1, 0},          {1, 0, 1},    {0, 0, 0},      {1, 1, 1},     {2, 0, 3},
    {2, 0, 0x101},      {5, 0, 0x1f}, {6, 0, 0x3f},   {9, 0, 0x1ff}, {10, 0, 0x3ff},
    {10, 1, 0x3ff},     {1, 0, 2},    {0, 1, 3},      {3, 1, 0},     {1, 0, 0},
    {0, 0, 1},          {2, 0, 1},    {10, 0, 0x1ff}, {0, 2, 0},     {1, 0xffff, 1},
    {1, 0, 1ull << 63},
};

static void sets(struct probe *p, bool own)
{
    static const uint32_t vector[] = {VECTOR, 0x10, 0xff, 0xf, 0x100, 0};

    for (unsigned i = 0; i < 32 && !p->stop; i++) { /* address space, flags, processors */
        const uint64_t flush[WORDS] = {i & 8 ? 0x1000 : 0, i & 7, i & 16 ? 1 : 0};
        const uint64_t plain[WORDS] = {vector[i % PROBE_COUNT(vector)], 1};

        start(p, own, 1);
        call(p, CALL_FLUSH | FAST, flush);
        call(p, CALL_FLUSH, flush);
        call(p, CALL_IPI | (i & 8 ? FAST : 0), plain);
        call(p, CALL_POST_MESSAGE | (i & 8 ? FAST : 0), flush);
    }
    for (unsigned i = 0; i < PROBE_COUNT(set) * 2 && !p->stop; i++) {
        unsigned k = i / 2;
        uint64_t control = (uint64_t)set[k].banks << 17 | (i & 1 ? FAST : 0);
        const uint64_t flush[WORDS] = {0, 0, set[k].format, set[k].mask, 3, 1, 1, 1, 1, 1, 1, 1,
                                       1, 1};

        start(p, own, 1);
        call(p, CALL_FLUSH_EX | control, flush);
        for (unsigned v = 0; v < (k < 4 ? PROBE_COUNT(vector) : 1); v++) {
            const uint64_t ipi[WORDS] = {
                vector[v], set[k].format, set[k].mask, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

            call(p, CALL_IPI_EX | control, ipi);
        }
    }
}

/* Masks and sets of one and two processors; every schedule byte is a step of one of them. */
static void reached(struct probe *p, bool own)
{
    static const uint64_t mask[] = {1, 2, 3, 0, ~0ull, 1ull << 63};
    static const uint8_t other[] = {0x90, 0x90, 0x0f, 0xa2, 0x0f, 0xa2, 0xe6, INPUT_END_PORT};

    for (unsigned i = 0; i < PROBE_COUNT(mask) * 12 && !p->stop; i++) {
        unsigned vcpus = 1 + (i & 1);
        uint64_t m = mask[i / 12], fast = i & 2 ? FAST : 0;
        const uint64_t plain[WORDS] = {VECTOR, m};
        const uint64_t sparse[WORDS] = {VECTOR, 0, 1, m};
        const uint64_t all[WORDS] = {VECTOR, 1, 0};

        start(p, own, vcpus);
        if (vcpus > 1) {
            memcpy(p->s.code[1], other, sizeof(other));
            p->s.ncode[1] = sizeof(other);
            for (unsigned k = 0; k < 24; k++)
                p->s.sched[p->s.nsched++] = (uint8_t)(k == 0 ? 0 : k & 1);
        }
        if (i / 4 % 3 == 0)
            call(p, CALL_IPI | fast, plain);
        else if (i / 4 % 3 == 1)
            call(p, CALL_IPI_EX | fast | 1ull << 17, sparse);
        else
            call(p, CALL_IPI_EX | fast, all);
    }
}

void probe_hyperv_sets(struct probe *p)
{
    for (unsigned own = 0; own < 2; own++) {
        sets(p, own);
        reached(p, own);
    }
}
