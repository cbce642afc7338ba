/* SPDX-License-Identifier: MIT */
/*
 * Two vCPUs that have to do with each other: interrupts, kicks and yields from one to the other,
 * which runs, is halted or has interrupts off; registers that one writes and the other reads; and
 * a register written by the first instruction of all (torvalds/linux
 * Documentation/virt/kvm/x86/hypercalls.rst, msr.rst; TLFS, Virtual processor index; MSRs).
 */
#include "fuzz/run/probe.h"

#include <string.h>

#include "fuzz/run/probe_text.h"

#define FLAG_IF 0x200u
#define CALL_KICK 5u
#define CALL_SEND_IPI 10u
#define PLACE 0x30000u
#define OS_ID 0x40000000u

static void second(struct probe *p, const uint8_t *code, size_t n)
{
    static const uint8_t end[] = {0xe6, INPUT_END_PORT};

    memcpy(p->s.code[1], code, n);
    memcpy(p->s.code[1] + n, end, sizeof(end));
    p->s.ncode[1] = (uint32_t)(n + sizeof(end));
}

/* The second vCPU makes `ahead` steps before the first one does any. */
static void take_turns(struct probe *p, unsigned ahead)
{
    p->s.nsched = 0;
    for (unsigned i = 0; i < 40; i++)
        p->s.sched[p->s.nsched++] = i < ahead ? 1 : (uint8_t)(i - ahead < 3 ? 0 : (i - ahead) & 1);
}

static void machine(struct probe *p, bool amd, unsigned vcpus)
{
    probe_default(p, TSP_ARCH_X86);
    p->s.host = amd ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = amd ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    p->s.nvcpu = (uint8_t)vcpus;
    p->s.config |= TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
}

/* VMCALL or VMMCALL, then CPUID: what is due comes before it. */
static void call(struct probe *p, bool amd, const uint64_t a[5])
{
    static const uint8_t reg[5] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI};
    const uint8_t code[] = {0x0f, 0x01, amd ? 0xd9 : 0xc1, 0x0f, 0xa2};

    for (unsigned i = 0; i < 5; i++)
        probe_reg(p, reg[i], a[i]);
    probe_code(p, code, sizeof(code));
    probe_emit(p);
}

/* number, then the arguments; ids count from the set-up's first one */
static const uint64_t messages[][5] = {
    {CALL_SEND_IPI, 1, 0, 0, 0x41},
    {CALL_SEND_IPI, 2, 0, 0, 0x41},
    {CALL_SEND_IPI, 3, 0, 0, 0xff},
    {CALL_SEND_IPI, 0, 0, 0, 0x41},
    {CALL_SEND_IPI, 1, 0, 1, 0x10},
    {CALL_SEND_IPI, 3, 0, 0, 0x400},
    {CALL_SEND_IPI, 3, 0, 0, 0x141},
    {CALL_SEND_IPI, 3, 0, 0, 0x41ull | 1ull << 32},
    {CALL_SEND_IPI, ~0ull, ~0ull, 0, 0x41},
    {CALL_KICK, 0, 1, 0, 0},
    {CALL_KICK, 1, 1, 0, 0},
    {CALL_KICK, 0, 0, 0, 0},
    {11, 1, 0, 0, 0},
};

static void probe_messages(struct probe *p)
{
    static const struct probe_mode mode[] = {{TSP_MODE_LONG64, 0, 0}, {TSP_MODE_PROT32, 0, 0}};
    static const uint8_t busy[] = {0x90, 0x90, 0x90, 0x0f, 0xa2, 0x0f, 0xa2};
    static const uint8_t asleep[] = {0xf4, 0x0f, 0xa2, 0x0f, 0xa2};
    static const uint8_t deaf[] = {0xfa, 0x90, 0x90, 0x90, 0x0f, 0xa2};

    for (unsigned i = 0; i < PROBE_COUNT(messages) * 24 && !p->stop; i++) {
        unsigned other = i >> 2 & 3;

        if (i / 16 % 3 == 2 && other != 0)
            continue;
        machine(p, i & 1, i / 16 % 3 == 2 ? 1 : 2);
        p->s.flags |= i & 2 ? FLAG_IF : 0;
        probe_mode(p, &mode[i / 8 & 1]);
        if (p->s.nvcpu > 1 && other == 0)
            second(p, busy, sizeof(busy));
        else if (other == 1)
            second(p, asleep, sizeof(asleep));
        else if (other > 1)
            second(p, deaf, sizeof(deaf));
        if (p->s.nvcpu > 1)
            take_turns(p, other);
        call(p, i & 1, messages[i / 24]);
    }
}

/* Written by the first vCPU, then read by both. */
static void probe_shared(struct probe *p)
{
    static const struct {
        uint32_t msr;
        uint64_t value;
    } w[] = {{0x4b564d00, PLACE},
             {0x4b564d01, PLACE | 1},
             {0x4b564d02, 0},
             {0x4b564d03, PLACE | 1},
             {0x4b564d04, PLACE | 5},
             {0x4b564d05, 0},
             {0x4b564d06, 0x41},
             {0x140, 0},
             {0x140, 1},
             {OS_ID, 0x8100000000000001u},
             {OS_ID + 1, PLACE | 1},
             {OS_ID + 2, 0},
             {OS_ID + 0x20, 0},
             {OS_ID + 0x21, PLACE | 1},
             {OS_ID + 0x80, 1},
             {OS_ID + 0x82, PLACE | 1},
             {OS_ID + 0x83, PLACE | 1},
             {OS_ID + 0x93, 0x41},
             {OS_ID + 0xb0, 0x20008},
             {OS_ID + 0xb1, 0x7fffffff}};

    for (unsigned i = 0; i < PROBE_COUNT(w) * 4 && !p->stop; i++) {
        struct probe_text t = {.n = 0}, u = {.n = 0};
        unsigned k = i / 4;
        bool own = w[k].msr >= OS_ID && w[k].msr < OS_ID + 0x100;

        machine(p, i & 1, 2);
        if (own)
            p->s.persona[0] = TSP_PERSONA_HYPERV;
        p->s.config |= w[k].msr == 0x140 ? TSP_CFG_GUEST_FAULTING : 0;
        if (own && w[k].msr != OS_ID)
            p->s.msr[p->s.nmsr++] = (struct tsp_msr){OS_ID, 0x8100000000000001u};
        if (!(i & 2) || (own && (w[k].msr == OS_ID + 2 || w[k].msr == OS_ID + 0x20)))
            probe_put_rdmsr(&t, w[k].msr);
        else
            probe_put_wrmsr(&t, w[k].msr, w[k].value);
        probe_put_rdmsr(&t, w[k].msr);
        probe_put_cpuid(&t, 1, 0);
        for (unsigned n = 0; n < 10; n++)
            probe_put(&u, (const uint8_t *)"\x90", 1);
        probe_put_rdmsr(&u, w[k].msr);
        probe_put_cpuid(&u, 1, 0);
        probe_code(p, t.byte, t.n);
        second(p, u.byte, u.n);
        take_turns(p, 0);
        probe_emit(p);
    }
}

/* A WRMSR or RDMSR that nothing comes before. */
static void probe_first(struct probe *p)
{
    static const uint32_t msr[] = {
        0x40000000, 0x40000001, 0x40000002, 0x40000003, 0x40000010, 0x40000020, 0x40000021,
        0x40000022, 0x40000070, 0x40000073, 0x40000080, 0x40000082, 0x40000083, 0x40000084,
        0x40000090, 0x400000b0, 0x400000b1, 0x400000f0, 0x40000105, 0x40000118, 0x4b564d00,
        0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x4b564d05, 0x4b564d06, 0x4b564d07,
        0x4b564d08, 0x10,       0x1b,       0xce,       0x140,      0x122};
    static const uint64_t value[] = {0, PLACE | 1, 1ull << 40 | 1, ~0ull};
    static const uint8_t insn[][2] = {{0x0f, 0x32}, {0x0f, 0x30}};

    for (unsigned i = 0; i < PROBE_COUNT(msr) * 5 * 2 && !p->stop; i++) {
        unsigned v = i / 2 % 5;
        uint32_t at = msr[i / 10];

        machine(p, i & 1, 1);
        if (at >> 28 == 4 && at < 0x41000000)
            p->s.persona[0] = TSP_PERSONA_HYPERV;
        probe_code(p, insn[v != 0], 2);
        probe_reg(p, TSP_RCX, at);
        probe_reg(p, TSP_RAX, v ? (uint32_t)value[v - 1] : 0);
        probe_reg(p, TSP_RDX, v ? value[v - 1] >> 32 : 0);
        probe_emit(p);
    }
}

/* Numbers that other interfaces have, and one bit at a time. */
static void probe_numbers(struct probe *p)
{
    for (unsigned i = 13; i < 0x80 + 64 && !p->stop; i++) {
        const uint64_t a[5] = {i < 0x80 ? i : 1ull << (i - 0x80), PLACE, 0, 0, 0};

        machine(p, i & 1, 1);
        call(p, i & 1, a);
    }
}

void probe_pairs(struct probe *p)
{
    probe_messages(p);
    probe_shared(p);
    probe_first(p);
    probe_numbers(p);
}
