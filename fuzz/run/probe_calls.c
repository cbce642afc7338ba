/* SPDX-License-Identifier: MIT */
/* Hypercalls of KVM on x86: each number, mode, privilege, instruction, policy and host; arguments
 * and their edges. */
#include "fuzz/run/probe.h"

#define FEATURES_LEAF 0x40000001u

static const uint8_t call_insn[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};
static const uint8_t call_host[2] = {TSP_VENDOR_INTEL, TSP_VENDOR_AMD};
static const uint8_t call_policy[2] = {INPUT_POLICY_INTEL, INPUT_POLICY_AMD};

static void call(struct probe *p, unsigned insn, uint64_t nr)
{
    probe_code(p, call_insn[insn], 3);
    probe_reg(p, TSP_RAX, nr);
    probe_emit(p);
}

static void start(struct probe *p, unsigned host, const struct probe_mode *m)
{
    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.host = call_host[host];
    p->s.policy = call_policy[host];
}

/* One mode on one host: both instructions, all policies, all numbers; the edges only where nothing
 * is rewritten away. */
static void probe_mode_numbers(struct probe *p, unsigned host, const struct probe_mode *m)
{
    static const uint64_t edge[] = {17,          0x20,        0xff,         0xffff,     0x7fffffff,
                                    0x80000000u, 0xffffffffu, 0x100000001u, 1ull << 63, ~0ull};

    start(p, host, m);
    for (unsigned insn = 0; insn < 2 && !p->stop; insn++) {
        for (unsigned patch = 0; patch < TSP_PATCH_COUNT; patch++) {
            p->s.patch = (uint8_t)patch;
            for (uint64_t nr = 0; nr <= 16; nr++)
                call(p, insn, nr);
        }
        p->s.patch = TSP_PATCH_REWRITE;
        for (unsigned i = 0; i < PROBE_COUNT(edge); i++)
            call(p, insn, edge[i]);
    }
}

static void probe_numbers(struct probe *p)
{
    for (unsigned host = 0; host < 2; host++)
        for (unsigned m = 0; m < probe_nmodes; m++)
            probe_mode_numbers(p, host, &probe_modes[m]);
}

/* Arguments in RBX, RCX, RDX, RSI (Linux Documentation/virt/kvm/x86/hypercalls.rst). */
struct call_args {
    uint64_t nr, a[4];
};

static const struct call_args args[] = {
    {1, {0, 0, 0, 0}}, /* VAPIC_POLL_IRQ */
    {1, {~0ull, ~0ull, ~0ull, ~0ull}},
    {5, {0, 0, 0, 0}}, /* KICK_CPU: flags, APIC id */
    {5, {0, 1, 0, 0}},
    {5, {0, 0xff, 0, 0}},
    {5, {0, 0xffffffffull, 0, 0}},
    {5, {1, 0, 0, 0}},
    {9, {0x12000, 0, 0, 0}}, /* CLOCK_PAIRING: address, clock */
    {9, {0x12000, 1, 0, 0}},
    {9, {0x12000, 0xffffffffull, 0, 0}},
    {9, {0x12001, 0, 0, 0}},
    {9, {0x12fff, 0, 0, 0}},
    {9, {0xfffff000ull, 0, 0, 0}},
    {9, {~0ull, 0, 0, 0}},
    {10, {0, 0, 0, 0xfb}}, /* SEND_IPI: mask low, high, first id, command */
    {10, {1, 0, 0xff, 0xfb}},
    {10, {1, 0, 0xffffffffull, 0xfb}},
    {10, {~0ull, ~0ull, 0x100, 0xfb}},
    {10, {0, ~0ull, 0xffffff00ull, 0xfb}},
    {10, {1, 0, 0, 0x8fb}},
    {10, {1, 0, 0, 0x400fb}},
    {10, {1, 0, 0, 0x800fb}},
    {10, {1, 0, 0, 0xc00fb}},
    {11, {0, 0, 0, 0}}, /* SCHED_YIELD: APIC id */
    {11, {1, 0, 0, 0}},
    {11, {0xff, 0, 0, 0}},
    {11, {0xffffffffull, 0, 0, 0}},
    {12, {0x10000, 1, 0, 0}}, /* MAP_GPA_RANGE: address, pages, attributes */
    {12, {0x10000, 1, 0x10, 0}},
    {12, {0x10000, 0, 0, 0}},
    {12, {0x10001, 1, 0, 0}},
    {12, {0x10800, 1, 0, 0}},
    {12, {0xfffffffffffff000ull, 1, 0, 0}},
    {12, {0xfffffffffffff000ull, 2, 0, 0}},
    {12, {0x10000, 1ull << 52, 0, 0}},
    {12, {0x10000, ~0ull, 0, 0}},
    {12, {0x10000, 1, 0x20, 0}},
    {12, {0x10000, 1, 0xffffffffull, 0}},
    {12, {0x200000, 1, 1, 0}},
    {12, {0x1000, 1, 1, 0}},
    {12, {0x40000000, 1, 2, 0}},
    {12, {0x10000, 1, 0xf, 0}},
};

static void call_with(struct probe *p, unsigned insn, const struct call_args *c, uint64_t dirt)
{
    static const uint8_t reg[4] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI};

    for (unsigned i = 0; i < 4; i++)
        probe_reg(p, reg[i], c->a[i] | dirt);
    call(p, insn, c->nr | dirt);
}

static void probe_arguments(struct probe *p)
{
    static const uint32_t config[] = {0,
                                      TSP_CFG_ENFORCE_PV,
                                      TSP_CFG_IRQCHIP,
                                      TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON,
                                      TSP_CFG_HOST_TSC,
                                      TSP_CFG_EXIT_MAP_GPA,
                                      TSP_CFG_ENFORCE_PV | TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON,
                                      TSP_CFG_ENFORCE_PV | TSP_CFG_HLT_NOEXIT,
                                      TSP_CFG_EXIT_MAP_GPA | TSP_CFG_EXIT_RESUME};
    static const struct probe_mode mode[] = {{TSP_MODE_LONG64, 0, 0},
                                             {TSP_MODE_COMPAT32, 0, 0},
                                             {TSP_MODE_PROT32, 0, 0},
                                             {TSP_MODE_REAL16, 0, 0}};

    for (unsigned i = 0; i < PROBE_COUNT(args) && !p->stop; i++) {
        for (unsigned c = 0; c < PROBE_COUNT(config); c++) {
            start(p, 0, &mode[c & 2]);
            p->s.config |= config[c];
            p->s.exit_ret = 0xfffffffffffffff2ull;
            call_with(p, 0, &args[i], 0);
        }
        for (unsigned m = 0; m < PROBE_COUNT(mode); m++) {
            start(p, 0, &mode[m]);
            p->s.config |= TSP_CFG_HOST_TSC | TSP_CFG_EXIT_MAP_GPA;
            call_with(p, 0, &args[i], 0);
            /* Outside 64-bit code only the low halves count. */
            call_with(p, 0, &args[i], 0xdeadbeef00000000ull);
            start(p, 1, &mode[m]);
            call_with(p, 1, &args[i], 0);
        }
    }
}

/* Feature bits and their enforcement: none offered, all offered. */
static void probe_features(struct probe *p)
{
    static const struct probe_mode m = {TSP_MODE_LONG64, 0, 0};

    for (unsigned i = 0; i < 8; i++) {
        start(p, i & 1, &m);
        p->s.config |= i & 2 ? TSP_CFG_ENFORCE_PV : 0;
        p->s.leaf[0] = (struct tsp_leaf){.leaf = FEATURES_LEAF};
        /* The assigned feature bits of KVM's leaf (Linux Documentation/virt/kvm/x86/cpuid.rst). */
        p->s.leaf[0].reg[0] = i & 4 ? 0x0103feffu : 0;
        p->s.nleaf = 1;
        for (uint64_t nr = 0; nr <= 13 && !p->stop; nr++)
            call(p, i & 1, nr);
    }
}

void probe_calls(struct probe *p)
{
    probe_numbers(p);
    probe_arguments(p);
    probe_features(p);
}
