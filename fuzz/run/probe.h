/* SPDX-License-Identifier: MIT */
/* What the probe files share: one scenario that is changed and shown again and again. */
#ifndef TSP_FUZZ_RUN_PROBE_H
#define TSP_FUZZ_RUN_PROBE_H

#include "fuzz/run/run.h"

struct probe {
    const struct spec *spec;
    bool (*each)(void *ctx, const struct scenario *s);
    void *ctx;
    bool stop; /* each() wants no more */
    struct scenario s;
};

/* A mode of the guest as probes choose it: paging tells the two kinds of 32-bit protected mode
 * apart. */
struct probe_mode {
    uint8_t mode, paging, level;
};
extern const struct probe_mode probe_modes[];
extern const unsigned probe_nmodes;

/* Starts over from the defaults of the architecture. */
void probe_default(struct probe *p, enum tsp_arch arch);
/* The mode, with the place of code that goes with it. */
void probe_mode(struct probe *p, const struct probe_mode *m);
/* Code of the first vCPU: n bytes and the end mark of the privilege level. */
void probe_code(struct probe *p, const uint8_t *code, size_t n);
void probe_reg(struct probe *p, unsigned reg, uint64_t value);
void probe_emit(struct probe *p);

void probe_cpuid(struct probe *p);
void probe_rows(struct probe *p);
void probe_state(struct probe *p);
void probe_pairs(struct probe *p);
void probe_changes(struct probe *p);
void probe_calls(struct probe *p);
void probe_hyperv(struct probe *p);
void probe_hyperv_own(struct probe *p);
void probe_hyperv_sets(struct probe *p);
void probe_kvm_msr(struct probe *p);
void probe_msr(struct probe *p);
void probe_ask(struct probe *p);
void probe_xen(struct probe *p);
void probe_xen_arm64(struct probe *p);
void probe_vmware(struct probe *p);
void probe_history(struct probe *p);
void probe_patch(struct probe *p);
void probe_arm64(struct probe *p);
void probe_arm32(struct probe *p);
void probe_edges(struct probe *p);
void probe_edges_arm64(struct probe *p);
void probe_flow(struct probe *p);
void probe_flow_arm64(struct probe *p);
void probe_move(struct probe *p, enum tsp_arch arch);

/* Policies against pools: calls each() with `base` and two policies, until it returns false. */
void probe_pools(const struct spec *spec, const struct tsp_setup *base,
                 bool (*each)(void *ctx, const struct tsp_setup *setup), void *ctx);

#define PROBE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
