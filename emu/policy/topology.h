/* SPDX-License-Identifier: MIT */
/* The topology that a guest sees: made from its own threads, cores and packages, never copied from
 * the host, and different for each vCPU. */
#ifndef TSP_EMU_POLICY_TOPOLOGY_H
#define TSP_EMU_POLICY_TOPOLOGY_H

#include "emu/policy/cpu_policy.h"

struct topology {
    unsigned threads; /* of a core */
    unsigned cores;   /* of a package */
    unsigned packages;
};

/* APIC id of a vCPU: each level has as many bits as its number needs. */
uint32_t topology_apic_id(const struct topology *t, unsigned vcpu);
/*
 * The leaves of one vCPU: 1, 4, 0xB and 0x1F, 0x80000008, 0x8000001D, 0x8000001E and 0x80000026, as
 * far as the policy's vendor has them and its maxima reach. Numbers that do not fit their field are
 * its largest value. False when the numbers are zero or the policy has no room.
 */
bool topology_put(struct cpu_policy *p, const struct topology *t, unsigned vcpu);

#endif
