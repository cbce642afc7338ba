/* SPDX-License-Identifier: MIT */
/* CPUID policies: which entry answers a leaf, what an out-of-range leaf and an unknown sub-leaf
 * get. */
#ifndef TSP_EMU_POLICY_LOOKUP_H
#define TSP_EMU_POLICY_LOOKUP_H

#include "trapspec/base.h"

/* The entry that answers (leaf, subleaf), or NULL. */
const struct tsp_leaf *policy_find(const struct tsp_policy *p, uint32_t leaf, uint32_t subleaf);

/* The first entry of that leaf, whatever its sub-leaf, or NULL. */
const struct tsp_leaf *policy_first(const struct tsp_policy *p, uint32_t leaf);

/* Vendor text of the policy's leaf 0. */
enum tsp_vendor policy_vendor(const struct tsp_policy *p);

/* Base of the hypervisor block whose signature is `sig` (12 bytes), searched in 0x100 steps; 0 when
 * absent. */
uint32_t policy_hv_base(const struct tsp_policy *p, const char sig[12]);

/*
 * The static answer of the policy: class, maximum, redirection by the guest's vendor, sub-leaf
 * rules. Run-time bits are the caller's business. *entry is the entry that answered (after
 * redirection) or NULL when all is zero or the answer is that of an unknown topology sub-leaf.
 */
void policy_answer(const struct tsp_policy *p, uint32_t leaf, uint32_t subleaf, uint32_t out[4],
                   const struct tsp_leaf **entry);

/* The leaf whose data answer where the policy has no entry for `leaf`: itself, or the highest basic
 * one. Within 0x100 leaves from a multiple of 0x100 on it changes once at most. */
uint32_t policy_served(const struct tsp_policy *p, unsigned rules, uint32_t leaf);

/* The same with deliberately wrong rules, for hypervisors that have them. true: the answer is that
 * of an unknown topology sub-leaf. */
#define POLICY_NO_ECHO 1u      /* unknown topology sub-leaves are all zero */
#define POLICY_HV_BASIC 2u     /* hypervisor leaves count as basic ones above the maximum */
#define POLICY_ZERO_ABOVE 8u   /* above the highest leaf all is zero, for guests of every vendor */
#define POLICY_AMD_REDIRECT 4u /* AMD and Hygon guests are redirected as Intel guests are */
bool policy_answer_as(const struct tsp_policy *p, const uint32_t in[2], unsigned rules,
                      uint32_t out[4], const struct tsp_leaf **entry);

/*
 * base.c: a modest, consistent processor of that vendor, with the leaves of `persona` at `base`
 * (KVM, Xen, Hyper-V and VMware; none for the others). Fills at most max entries and returns the number.
 */
size_t policy_default(enum tsp_vendor vendor, enum tsp_persona persona, uint32_t base,
                      struct tsp_leaf *out, size_t max);

/* The leaves of the persona alone; base 0 is 0x40000000. */
size_t policy_block(enum tsp_persona persona, uint32_t base, struct tsp_leaf *out, size_t max);

#endif
