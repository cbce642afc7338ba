/* SPDX-License-Identifier: MIT */
/* Hyper-V's interface beside KVM's: its calls, each field of the control word, parameters in odd
 * places, who may call; its control of the invariant TSC (TLFS, Hypercall Interface). */
#include "fuzz/run/probe.h"

#define HV_SIGNATURE 0x40000000u
#define MSR_OS_ID 0x40000000u
#define MSR_TSC_CONTROL 0x40000118u
#define INVARIANT_TSC 0x80000007u
#define SOME_OS 0x8100000000000001u

static const uint8_t call_insn[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

/* "Microsoft Hv", "Hv#1", and the features asked for. */
static void add_interface(struct probe *p, uint32_t features)
{
    p->s.hv_base[0] = 0x40000100u;
    p->s.hv_base[1] = 0x40000200u;
    p->s.leaf[0] = (struct tsp_leaf){.leaf = HV_SIGNATURE,
                                     .reg = {0x40000005, 0x7263694d, 0x666f736f, 0x76482074}};
    p->s.leaf[1] = (struct tsp_leaf){.leaf = HV_SIGNATURE + 1, .reg = {0x31237648}};
    p->s.leaf[2] = (struct tsp_leaf){.leaf = HV_SIGNATURE + 3, .reg = {features}};
    p->s.nleaf = 3;
}

static void add_msr(struct probe *p, uint32_t index, uint64_t value)
{
    p->s.msr[p->s.nmsr++] = (struct tsp_msr){index, value};
}

static void start(struct probe *p, const struct probe_mode *m, unsigned host)
{
    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.host = host ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = host ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    add_interface(p, 0);
    add_msr(p, MSR_OS_ID, SOME_OS);
}

static void call(struct probe *p, unsigned insn, uint64_t control, uint64_t in)
{
    bool wide = p->s.mode == TSP_MODE_LONG64;

    probe_reg(p, wide ? TSP_RCX : TSP_RAX, wide ? control : (uint32_t)control);
    probe_reg(p, TSP_RDX, wide ? in : control >> 32);
    if (!wide) {
        probe_reg(p, TSP_RCX, (uint32_t)in);
        probe_reg(p, TSP_RBX, in >> 32);
    }
    probe_code(p, call_insn[insn], 3);
    probe_emit(p);
}

/* Every code with what its control word may be wrong about. */
static void probe_control(struct probe *p)
{
    static const uint64_t code[] = {0,    1,     2,     3,      8,      0xb,    0x13,
                                    0x14, 0x15,  0x5c,  0x5d,   0x69,   0x6a,   0x6b,
                                    0x70, 0x200, 0x202, 0x4002, 0x7fff, 0x8001, 0xffff};
    static const uint64_t rest[] = {0,
                                    1ull << 16, /* fast */
                                    1ull << 17, /* variable header */
                                    1ull << 26,
                                    1ull << 27, /* reserved */
                                    1ull << 30,
                                    1ull << 32, /* one rep */
                                    0xfffull << 32,
                                    1ull << 44,
                                    1ull << 48, /* rep start */
                                    1ull << 32 | 1ull << 48,
                                    1ull << 60,
                                    1ull << 63};
    static const struct probe_mode mode[] = {{TSP_MODE_LONG64, 0, 0}, {TSP_MODE_PROT32, 0, 0}};

    for (unsigned i = 0; i < PROBE_COUNT(code) * PROBE_COUNT(rest) && !p->stop; i++) {
        for (unsigned k = 0; k < 4; k++) {
            start(p, &mode[k & 1], 0);
            p->s.config |= k & 2 ? TSP_CFG_IRQCHIP : 0;
            call(p, 0, code[i / PROBE_COUNT(rest)] | rest[i % PROBE_COUNT(rest)], INPUT_X86_DATA);
        }
    }
}

static void probe_places(struct probe *p)
{
    static const uint64_t at[] = {INPUT_X86_DATA + 1,
                                  INPUT_X86_DATA + 4,
                                  INPUT_X86_DATA + 0xfe8,
                                  INPUT_X86_DATA + 0xff0,
                                  INPUT_X86_DATA + 0xff8,
                                  INPUT_X86_DATA + 0xffc,
                                  0xfffff000u,
                                  1ull << 52};
    static const uint64_t control[] = {2,   0x100000003ull, 0x13, 0x100000014ull,
                                       0xb, 0x15,           0x5d, 0x10002};
    static const struct probe_mode mode[] = {{TSP_MODE_LONG64, 0, 0}, {TSP_MODE_PROT32, 1, 0}};

    for (unsigned i = 0; i < PROBE_COUNT(at) * PROBE_COUNT(control) && !p->stop; i++) {
        for (unsigned m = 0; m < PROBE_COUNT(mode); m++) {
            start(p, &mode[m], 0);
            p->s.config |= TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
            call(p, 0, control[i % PROBE_COUNT(control)], at[i / PROBE_COUNT(control)]);
        }
    }
}

/* Both instructions on both hosts, in each mode and at each privilege level, whatever is done with
 * the wrong one. */
static void probe_callers(struct probe *p)
{
    for (unsigned m = 0; m < probe_nmodes; m++) {
        for (unsigned i = 0; i < 12 && !p->stop; i++) {
            start(p, &probe_modes[m], i >> 1 & 1);
            p->s.patch = (uint8_t)(i >> 2);
            call(p, i & 1, 0x10008, 0);
        }
    }
}

/* Offered and not set, set, not offered; "Hv#1" alone without the feature. */
static void probe_invariant_tsc(struct probe *p)
{
    static const uint8_t cpuid[] = {0x0f, 0xa2};

    for (unsigned i = 0; i < 8; i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.policy = i & 4 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        p->s.host = i & 4 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        add_interface(p, i & 1 ? 1u << 15 : 0);
        p->s.leaf[3] = (struct tsp_leaf){.leaf = INVARIANT_TSC, .reg = {0, 0, 0, 1u << 8}};
        p->s.nleaf = 4;
        if (i & 2)
            add_msr(p, MSR_TSC_CONTROL, 1);
        probe_code(p, cpuid, sizeof(cpuid));
        probe_reg(p, TSP_RAX, INVARIANT_TSC);
        probe_emit(p);
    }
}

void probe_hyperv(struct probe *p)
{
    probe_control(p);
    probe_places(p);
    probe_callers(p);
    probe_invariant_tsc(p);
}
