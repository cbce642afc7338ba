/* SPDX-License-Identifier: MIT */
/*
 * From a host to what its guests get (xen/arch/x86/cpu-policy.c and
 * docs/features/feature-levelling.pandoc): raw is what CPUID says; host what of it is used; max
 * what a guest of that kind can be given at most, features that need no hardware included; default
 * what it is given when nobody asks for more.
 */
#ifndef TSP_EMU_POLICY_OFFER_H
#define TSP_EMU_POLICY_OFFER_H

#include "emu/policy/cpu_policy.h"

enum offer_kind {
    OFFER_HOST = 0, /* no guest of a certain kind: what the processor has and can be pretended */
    OFFER_PV,
    OFFER_HVM_SHADOW,
    OFFER_HVM,
    OFFER_KINDS
};

/* raw to host: closed under needs, XSAVE as the features say. */
void offer_host(const struct cpu_policy *raw, struct cpu_policy *out);
/* What verify_policy holds a guest against. */
void offer_max(const struct cpu_policy *host, enum offer_kind kind, struct cpu_policy *out);
void offer_default(const struct cpu_policy *host, enum offer_kind kind, struct cpu_policy *out);
/* Takes out of a guest's policy what max does not have: the choice of user space, clamped. */
void offer_clamp(struct cpu_policy *guest, const struct cpu_policy *max);

#endif
