/* SPDX-License-Identifier: MIT */
/*
 * What a guest keeps for life: frequencies it calibrated its clocks by, the hypervisor it found,
 * how far its leaves go. All of it is policy, none is measured again on another host.
 */
#ifndef TSP_EMU_POLICY_IDENTITY_H
#define TSP_EMU_POLICY_IDENTITY_H

#include "emu/policy/cpu_policy.h"

#define IDENTITY_BLOCKS 4u

struct identity_block {
    uint32_t base, max;
    uint32_t signature[3];
    uint32_t tsc_khz, bus_khz; /* leaf base + 0x10, 0 when it has none */
};

struct identity {
    uint32_t basic, ext, sub7; /* highest leaves */
    uint32_t crystal[4];       /* leaf 0x15 */
    uint32_t frequency[4];     /* leaf 0x16 */
    unsigned nblock;
    struct identity_block block[IDENTITY_BLOCKS];
};

void identity_of(const struct cpu_policy *p, struct identity *out);
/* TSC frequency in kHz: by the hypervisor's timing leaf, else by leaf 0x15; 0 when neither tells.
 */
uint32_t identity_tsc_khz(const struct identity *id);

/* What is wrong when a guest that was `before` now is `after`; NULL when it cannot tell. *leaf is
 * where. Leaves may be added, never taken away. */
const char *identity_changed(const struct identity *before, const struct identity *after,
                             uint32_t *leaf);

#endif
