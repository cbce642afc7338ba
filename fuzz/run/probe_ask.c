/* SPDX-License-Identifier: MIT */
/*
 * What user space asks of the hypervisor, and a vCPU that begins in system management mode
 * (torvalds/linux Documentation/virt/kvm/api.rst; arch/x86/kvm/x86.c kvm_emulate_cpuid).
 */
#include "fuzz/run/probe.h"

#define XEN_BASE 0x40000100u
#define KVM_BASE 0x40000000u

static const uint8_t cpuid[] = {0x0f, 0xa2};

static void probe_questions(struct probe *p)
{
    for (unsigned i = 0; i < 8 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.host = i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        p->s.policy = i & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        p->s.config |= TSP_CFG_ASK_AGAIN << i / 2;
        probe_code(p, cpuid, sizeof(cpuid));
        probe_emit(p);
    }
}

/* The register of Xen's page beside KVM: at both ends of the range, off, and over a processor's. */
static void probe_xen_register(struct probe *p)
{
    static const uint32_t msr[] = {0,          0x40000000, 0x40000200, 0x4fffffff, 0x3fffffff,
                                   0x50000000, 0x10,       0xc0000080, 0xffffffff};

    for (unsigned i = 0; i < 2 * PROBE_COUNT(msr) && !p->stop; i++) {
        struct tsp_leaf leaf[] = {
            {.leaf = XEN_BASE, .reg = {XEN_BASE + 4, 0x566e6558, 0x65584d4d, 0x4d4d566e}},
            {.leaf = XEN_BASE + 2, .reg = {1, msr[i / 2]}}};

        probe_default(p, TSP_ARCH_X86);
        p->s.config |= TSP_CFG_ASK_XEN;
        p->s.policy = i & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        p->s.leaf[0] = leaf[0];
        p->s.leaf[1] = leaf[1];
        p->s.nleaf = 2;
        probe_code(p, cpuid, sizeof(cpuid));
        probe_reg(p, TSP_RAX, KVM_BASE);
        probe_emit(p);
    }
}

/* CPUID faulting, in each mode and at each privilege level, in SMM and after what came before it.
 */
static void probe_smm(struct probe *p)
{
    static const uint8_t twice[] = {0x0f, 0xa2, 0x31, 0xc0, 0x0f, 0xa2};

    for (unsigned i = 0; i < 8 * probe_nmodes && !p->stop; i++) {
        probe_default(p, TSP_ARCH_X86);
        probe_mode(p, &probe_modes[i / 8]);
        p->s.host = i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        p->s.policy = i & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        p->s.cpu |= INPUT_CPU_SMM | (i & 2 ? INPUT_CPU_FAULTING : 0);
        p->s.config |= i & 2 ? TSP_CFG_GUEST_FAULTING : 0;
        if (i & 4)
            probe_code(p, twice, sizeof(twice));
        else
            probe_code(p, cpuid, sizeof(cpuid));
        probe_emit(p);
    }
}

/* The registers of CPUID faulting: offered or not, on at first or not; written, read and obeyed. */
static void probe_faulting(struct probe *p)
{
    static const uint64_t value[] = {0, 1, 2, 3, 0x80000000u, 1ull << 32, ~0ull};
    static const uint32_t msr[] = {0x140, 0xce};
    /* WRMSR; RDMSR; CPUID of leaf 0 */
    static const uint8_t code[] = {0x0f, 0x30, 0x0f, 0x32, 0x31, 0xc0, 0x0f, 0xa2};
    static const struct probe_mode mode[] = {
        {TSP_MODE_LONG64, 0, 0}, {TSP_MODE_PROT32, 0, 0}, {TSP_MODE_LONG64, 0, 3}};

    for (unsigned i = 0; i < PROBE_COUNT(value) * 36 && !p->stop; i++) {
        unsigned kind = i % 36;

        probe_default(p, TSP_ARCH_X86);
        probe_mode(p, &mode[kind / 12]);
        p->s.host = kind & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        p->s.policy = kind & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        p->s.config |= kind % 3 ? TSP_CFG_GUEST_FAULTING : 0;
        p->s.cpu |= kind % 3 == 2 ? INPUT_CPU_FAULTING : 0;
        probe_reg(p, TSP_RCX, msr[kind / 6 & 1]);
        probe_reg(p, TSP_RAX, (uint32_t)value[i / 36]);
        probe_reg(p, TSP_RDX, value[i / 36] >> 32);
        probe_code(p, code, sizeof(code));
        probe_emit(p);
        probe_code(p, code + 2, sizeof(code) - 2);
        probe_emit(p);
    }
}

void probe_ask(struct probe *p)
{
    probe_faulting(p);
    probe_questions(p);
    probe_xen_register(p);
    probe_smm(p);
}
