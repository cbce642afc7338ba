/* SPDX-License-Identifier: MIT */
/*
 * A CPU policy: everything that CPUID tells a guest, and the few MSRs that belong to it, with room
 * of its own. Kept in order: leaves ascending, sub-leaves ascending, nothing beyond the maxima, and
 * nothing that follows the state of a running vCPU.
 */
#ifndef TSP_EMU_POLICY_CPU_POLICY_H
#define TSP_EMU_POLICY_CPU_POLICY_H

#include "emu/policy/feature.h"

#define CPU_POLICY_FAULTING ((uint64_t)1 << 31) /* of platform_info */

struct cpu_policy {
    size_t n;
    uint64_t arch_caps;     /* MSR 0x10a */
    uint64_t platform_info; /* MSR 0xce: bit 31 alone */
    struct tsp_leaf leaf[TSP_MAX_LEAF];
};

/* True when ECX selects among answers of this leaf. */
bool cpu_policy_indexed(uint32_t leaf);

/* From the leaves of one processor; where two say the same leaf the first wins. What is dynamic
 * (own ids, OSXSAVE, OSPKE, size of the enabled XSAVE area) is taken out, leaves beyond a maximum
 * are dropped. */
void cpu_policy_load(struct cpu_policy *p, const struct tsp_leaf *leaf, size_t n);
void cpu_policy_tidy(struct cpu_policy *p);
struct tsp_policy cpu_policy_view(const struct cpu_policy *p);

const struct tsp_leaf *cpu_policy_find(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf);
/* Index of the first entry of a leaf, or where it would be. */
size_t cpu_policy_first(const struct cpu_policy *p, uint32_t leaf);
/* 0 when the leaf is not there. */
uint32_t cpu_policy_reg(const struct cpu_policy *p, uint32_t leaf, uint32_t subleaf, unsigned reg);
/* Adds the entry where needed; false when there is no room. */
bool cpu_policy_set(struct cpu_policy *p, uint32_t leaf, uint32_t subleaf, unsigned reg,
                    uint32_t value);
/* All sub-leaves of a leaf, or of leaves first to last. */
void cpu_policy_drop(struct cpu_policy *p, uint32_t first, uint32_t last);
bool cpu_policy_equal(const struct cpu_policy *a, const struct cpu_policy *b);
enum tsp_vendor cpu_policy_vendor(const struct cpu_policy *p);

/* The feature bits, and back. AMD repeats bits of leaf 1 in 0x80000001: no features of their own.
 */
void cpu_policy_features(const struct cpu_policy *p, struct featureset *out);
void cpu_policy_set_features(struct cpu_policy *p, const struct featureset *fs);

/* Tidies p, whose maxima may have changed, and takes out of fs what it then cannot show: features
 * in leaves that are gone, XSAVE without its leaf, and what needs them. */
void cpu_policy_limit(struct cpu_policy *p, struct featureset *fs);

/* Linear addresses no wider than paging without LA57 makes them. */
void cpu_policy_fit_width(struct cpu_policy *p, const struct featureset *fs);

/* xstate.c: components that the features of fs use, and leaf 0xD made to fit them: what of
 * `present` (bits of XCR0 and IA32_XSS) is left, sizes, sub-leaves. */
uint64_t xstate_of_features(const struct featureset *fs);
/* Takes away features one of whose components is not in `present`. */
void xstate_limit(struct featureset *fs, uint64_t present);
uint64_t xstate_present(const struct cpu_policy *p);
void xstate_fit(struct cpu_policy *p, const struct featureset *fs, uint64_t present);
/* The component f cannot do without, -1 when it uses none. */
int xstate_component(unsigned f);

#endif
