/* SPDX-License-Identifier: MIT */
/* Hosts of a pool, and policies, as `level` and `migrate` take them. */
#ifndef TSP_CLI_HOSTS_H
#define TSP_CLI_HOSTS_H

#include "cli/cli.h"
#include "emu/policy/caps.h"
#include "emu/policy/offer.h"

struct host {
    const char *name; /* as given */
    bool assumed;     /* faulting is there by the processor's model; no dump holds the MSR */
    struct cpu_policy raw, base, max;
    struct levelling caps;
};

/*
 * A dump that lint reads, the byte form of a policy, or the name of a recorded processor. CPUs of
 * one dump that differ count as a pool. max is what a guest of that kind can get there.
 */
enum tsp_status host_load(const char *name, enum offer_kind kind, struct host *out,
                          struct tsp_error *err);
/* The same as a guest's policy: nothing is added to it. */
enum tsp_status host_load_policy(const char *name, struct cpu_policy *out, struct tsp_error *err);
/* "CPUID faulting", "masks 0x130 0x131", "nothing". Returns out. */
const char *host_control_text(const struct host *h, char *out, size_t max);

/* Writes a policy in a format of dump_write, or "policy", its byte form. 0 or an exit code. */
int host_write_policy(const char *verb, const struct cpu_policy *p, const char *format,
                      const char *file);
/* Names of all formats, ending with NULL. */
const char *const *host_formats(void);

#endif
