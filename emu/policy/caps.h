/* SPDX-License-Identifier: MIT */
/*
 * How much of what a PV guest sees of CPUID a host can control. The instruction does not trap
 * there: either the processor can be told to fault (everything is under control), or MSRs change
 * single words of its answer (Intel Family 6 from Penryn to Sandy Bridge: a mask that is ANDed; AMD
 * from K8: the value itself), or nothing does. xen/arch/x86/cpu/intel.c and amd.c,
 * docs/features/feature-levelling.pandoc.
 */
#ifndef TSP_EMU_POLICY_CAPS_H
#define TSP_EMU_POLICY_CAPS_H

#include "emu/policy/cpu_policy.h"

/* Words under control: the bits of XEN_SYSCTL_get_cpu_levelling_caps. */
#define LEVELLING_FAULTING (1u << 0)
#define LEVELLING_1C (1u << 1)
#define LEVELLING_1D (1u << 2)
#define LEVELLING_E1C (1u << 3)
#define LEVELLING_E1D (1u << 4)
#define LEVELLING_DA1 (1u << 5)
#define LEVELLING_6C (1u << 6)
#define LEVELLING_7A0 (1u << 7)
#define LEVELLING_7B0 (1u << 8)

#define LEVELLING_MAX_MSR 4u

/* One register of one leaf; leaf UINT32_MAX: this half of the MSR does nothing and is all ones. */
struct levelling_half {
    uint32_t leaf, subleaf;
    unsigned reg;
};

struct levelling_msr {
    uint32_t msr, caps;
    bool overrides; /* AMD: the value is the answer; Intel: it is ANDed to it */
    bool password;  /* AMD before Family 10h: EDI has to hold 0x9c5a203a */
    struct levelling_half lo, hi;
};

struct levelling {
    uint32_t caps;
    uint32_t faulting_msr, faulting_bit; /* 0 when there is no faulting */
    unsigned n;                          /* 0 where faulting replaces masking */
    struct levelling_msr msr[LEVELLING_MAX_MSR];
};

/* By vendor, family, model and the leaves of the host's raw policy. */
void levelling_probe(const struct cpu_policy *raw, struct levelling *out);

/* What the MSRs hold while a guest runs. osxsave: the guest's CR4 has the bit. */
void levelling_values(const struct levelling *l, const struct cpu_policy *host,
                      const struct cpu_policy *guest, bool osxsave,
                      uint64_t value[LEVELLING_MAX_MSR]);
/* The values in force when no guest with a policy of its own runs. */
void levelling_defaults(const struct levelling *l, const struct cpu_policy *host,
                        uint64_t value[LEVELLING_MAX_MSR]);
/* MSR writes of a context switch: only those that differ are written. */
unsigned levelling_cost(const struct levelling *l, const uint64_t from[LEVELLING_MAX_MSR],
                        const uint64_t to[LEVELLING_MAX_MSR]);

/* CPUID executed natively on this host while the MSRs hold these values. CR4.OSXSAVE and the APIC
 * of the real processor are on. */
void levelling_native(const struct levelling *l, const struct cpu_policy *host,
                      const uint64_t value[LEVELLING_MAX_MSR], const uint32_t in[2],
                      uint32_t out[4]);

/*
 * CPUID as a PV guest sees it. emulated: the forced emulation prefix, or faulting is there: the
 * answer is the policy's and nothing else's. Otherwise it is the processor's.
 */
struct levelling_view {
    const struct levelling *l;
    const struct cpu_policy *host, *guest;
    bool emulated, osxsave;
};
void levelling_cpuid(const struct levelling_view *v, const uint32_t in[2], uint32_t out[4]);

/* Features that a PV guest would see natively although its policy does not have them. */
void levelling_leaks(const struct levelling *l, const struct cpu_policy *host,
                     const struct cpu_policy *guest, struct featureset *out);

#endif
