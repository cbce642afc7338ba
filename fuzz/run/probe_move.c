/* SPDX-License-Identifier: MIT */
/*
 * Machines that migrate: before each of their events, to a host of the same vendor or of the other.
 * The programs set what a hypervisor keeps besides registers and look at it afterwards.
 */
#include "fuzz/run/probe.h"

#include <string.h>

#define CODE_MOST 96u

/* Small pieces of x86 code, in any mode with 32-bit registers; run one after the other. */
static const struct {
    uint8_t n, code[24];
} piece[] = {
    /* xor eax, eax; cpuid */
    {4, {0x31, 0xc0, 0x0f, 0xa2}},
    /* mov eax, 1; mov ebx, 5; vmcall; mov eax, 1; vmmcall */
    {21,
     {0xb8, 1, 0, 0, 0, 0xbb, 5, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xb8, 1, 0, 0, 0, 0x0f, 0x01, 0xd9}},
    /* mov ecx, MSR_KVM_SYSTEM_TIME_NEW; mov eax, 0x12001; xor edx, edx; wrmsr; rdmsr */
    {16,
     {0xb9, 0x01, 0x4d, 0x56, 0x4b, 0xb8, 0x01, 0x20, 0x01, 0, 0x31, 0xd2, 0x0f, 0x30, 0x0f, 0x32}},
    /* mov ecx, MSR_KVM_POLL_CONTROL; xor eax, eax; xor edx, edx; wrmsr; rdmsr */
    {13, {0xb9, 0x05, 0x4d, 0x56, 0x4b, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x30, 0x0f, 0x32}},
    /* mov ecx, IA32_TSC; rdmsr */
    {7, {0xb9, 0x10, 0, 0, 0, 0x0f, 0x32}},
};

static size_t program(const struct probe_mode *m, unsigned from, uint8_t *code)
{
    size_t n = 0;

    /* MSRs are the system's alone. */
    for (unsigned i = from; i < PROBE_COUNT(piece) && (i < 2 || m->level == 0); i++) {
        memcpy(code + n, piece[i].code, piece[i].n);
        n += piece[i].n;
    }
    return n;
}

static void move_x86(struct probe *p, const struct probe_mode *m, unsigned host, unsigned patch)
{
    static const uint8_t vendor[] = {TSP_VENDOR_INTEL, TSP_VENDOR_AMD};
    uint8_t code[CODE_MOST];

    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.host = vendor[host];
    p->s.policy = host ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    p->s.patch = (uint8_t)patch;
    p->s.cpu |= INPUT_CPU_OSXSAVE;
    probe_code(p, code, program(m, patch == TSP_PATCH_INJECT ? 2 : 0, code));
    for (unsigned after = 0; after < 10; after++) {
        for (unsigned to = 0; to < 2; to++) {
            p->s.nmove = 2; /* there, and back two events later */
            p->s.move[0] = (struct input_move){(uint8_t)after, vendor[to]};
            p->s.move[1] = (struct input_move){(uint8_t)(after + 2), vendor[host]};
            probe_emit(p);
        }
    }
}

static void put_word(uint8_t *code, size_t *n, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        code[(*n)++] = (uint8_t)(word >> 8 * i);
}

static void probe_move_arm64(struct probe *p)
{
    /* each between two calls: time, the exclusive monitor, a random number */
    static const uint32_t word[] = {
        0xd4000002, /* hvc #0: PSCI_VERSION */
        0xd53be042, /* mrs x2, cntvct_el0 */
        0x885f7fc3, /* ldxr w3, [x30] */
        0xd2b08000, /* mov x0, #0x84000000 */
        0xd4000002, /* hvc #0 */
        0x88047fc3, /* stxr w4, w3, [x30] */
        0xaa0403e1, /* mov x1, x4: a wrong argument if it failed */
        0xd2b08000, 0xd4000002,
    };
    uint8_t code[CODE_MOST];
    size_t n = 0;

    probe_default(p, TSP_ARCH_ARM64);
    for (size_t i = 0; i < PROBE_COUNT(word); i++)
        put_word(code, &n, word[i]);
    probe_reg(p, 0, 0x84000000u);
    probe_reg(p, 30, INPUT_ARM64_CODE + 0x800);
    memcpy(p->s.code[0], code, n);
    p->s.ncode[0] = (uint32_t)n; /* the end store follows by itself */
    for (unsigned after = 0; after < 4; after++) {
        p->s.nmove = 1;
        p->s.move[0] = (struct input_move){(uint8_t)after, TSP_VENDOR_INTEL};
        probe_emit(p);
    }
}

void probe_move(struct probe *p, enum tsp_arch arch)
{
    static const unsigned mode[] = {0, 1, 2, 3, 8};

    if (arch == TSP_ARCH_ARM64) {
        probe_move_arm64(p);
        return;
    }
    for (unsigned m = 0; m < PROBE_COUNT(mode); m++)
        for (unsigned i = 0; i < 6; i++)
            move_x86(p, &probe_modes[mode[m]], i & 1, i >> 1);
}
