/* SPDX-License-Identifier: MIT */
/* Registers that a guest finds set: read at once, after a migration, after a write (Intel SDM Vol.
 * 4; IA32_ARCH_CAPABILITIES with and without what enumerates it). */
#include "fuzz/run/probe.h"

#define ARCH_CAPABILITIES 0x10au

static const struct {
    uint32_t index;
    uint64_t value;
} given[] = {{ARCH_CAPABILITIES, 0x2b},
             {ARCH_CAPABILITIES, 0},
             {0x174, 0x10},
             {0x175, 0xc000},
             {0x176, 0x10000},
             {0x277, 0x0007040600070406},
             {0xc0000081, 0x0013000800000000},
             {0xc0000082, 0xffffffff81000000},
             {0xc0000084, 0x47700}};

/* mov ecx, MSR; rdmsr; rdmsr; wrmsr; rdmsr */
static size_t program(uint8_t *code, uint32_t msr, bool write)
{
    const uint8_t text[] = {0xb9,
                            (uint8_t)msr,
                            (uint8_t)(msr >> 8),
                            (uint8_t)(msr >> 16),
                            (uint8_t)(msr >> 24),
                            0x0f,
                            0x32,
                            0x0f,
                            0x32,
                            0x0f,
                            0x30,
                            0x0f,
                            0x32};
    size_t n = write ? sizeof(text) : sizeof(text) - 4;

    for (size_t i = 0; i < n; i++)
        code[i] = text[i];
    return n;
}

/* A value with bits that the register has not, or that is no address: refused, or kept without
 * them. */
static void probe_narrow(struct probe *p)
{
    static const struct {
        uint32_t index;
        uint64_t value;
    } row[] = {{0xc0000103, 0x0000000100000005}, {0xc0000103, 0xffffffff00000000},
               {0xc0000100, 0x0000800000000000}, {0xc0000101, 0x8000000000001000},
               {0xc0000102, 0x00ff800000000000}, {0xc0000080, 0x8000000000000d01},
               {0xc0000080, 0x0000000000000f01}, {0x1b, 0x80000000fee00900},
               {0x1b, 0x00000000fee009ff},       {0xda0, 0x8000000000000000},
               {0x140, 0x0000000100000001}};
    /* wrmsr; rdmsr */
    static const uint8_t code[] = {0x0f, 0x30, 0x0f, 0x32};

    for (unsigned i = 0; i < PROBE_COUNT(row) * 2; i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.host = i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        p->s.policy = i & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        probe_reg(p, TSP_RCX, row[i / 2].index);
        probe_reg(p, TSP_RAX, (uint32_t)row[i / 2].value);
        probe_reg(p, TSP_RDX, row[i / 2].value >> 32);
        probe_code(p, code, sizeof(code));
        probe_emit(p);
    }
}

void probe_msr(struct probe *p)
{
    probe_narrow(p);
    for (unsigned i = 0; i < PROBE_COUNT(given) * 16 && !p->stop; i++) {
        uint8_t code[16];
        uint32_t msr = given[i / 16].index;

        probe_default(p, TSP_ARCH_X86);
        p->s.host = i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        p->s.policy = i & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        if ((i & 2) == 0)
            p->s.leaf[p->s.nleaf++] =
                (struct tsp_leaf){.leaf = 7, .flags = TSP_LEAF_INDEXED, .reg = {0, 0, 0, 1u << 29}};
        if ((i & 12) != 12)
            p->s.msr[p->s.nmsr++] = (struct tsp_msr){msr, given[i / 16].value};
        probe_code(p, code, program(code, msr, i & 4));
        if (i & 8) {
            p->s.nmove = 1;
            p->s.move[0] = (struct input_move){1, p->s.host};
        }
        probe_emit(p);
    }
}
