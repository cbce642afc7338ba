/* SPDX-License-Identifier: MIT */
/* What the files of this folder share and nobody else needs. */
#ifndef TSP_FUZZ_TARGET_BUILTIN_H
#define TSP_FUZZ_TARGET_BUILTIN_H

#include "fuzz/target/target.h"

extern const struct tsp_target_ops model_ops;

/* mutant.c; its caps are those of what it wraps. */
extern const struct tsp_target_ops mutant_ops;
const struct target *mutant_inner(const void *self);
/* It does nothing while the machine runs. */
bool mutant_is_setup(const void *self);

/* kvm_target.c, where it is built (TSP_HAVE_KVM). */
extern const struct tsp_target_ops live_ops;
const char *live_target_why(const void *self);
void live_target_host(const void *self, struct target_host *out);
enum tsp_status live_threads(void *self, const uint32_t delay[TSP_MAX_VCPU], uint32_t ms,
                             uint32_t stop[TSP_MAX_VCPU]);

/* plugin.c: a plug-in in a process of its own is looked at there (look.c); the next run is, and
 * whether it was: then *out is what was seen. */
bool plugin_looks(const struct target *t);
void plugin_look_next(const struct target *t);
bool plugin_look_take(const struct target *t, struct tsp_look *out);

/* initial.c: guest memory and rights as the set-up alone defines them, before anything ran. */

/* One byte of initial memory: the last piece that covers gpa, else 0. *rom, when not NULL: the page
 * is read-only. */
uint8_t initial_byte(const struct tsp_setup *setup, uint64_t gpa, bool *rom);
/* Walks the initial page tables for vCPU 0. false: not mapped. *text: TSP_TEXT_* for the privilege
 * it starts at. */
bool initial_translate(const struct tsp_setup *setup, uint64_t lin, uint64_t *gpa, uint8_t *text);
/* Linear address of pc with the CS base added, as vCPU 0 starts. */
uint64_t initial_linear(const struct tsp_setup *setup, uint64_t pc);

/* scan.c: what the first instruction is, as far as a black box must know. */
enum scan_class { SCAN_NONE = 0, SCAN_CPUID, SCAN_CALL, SCAN_FAULTS };
struct scan {
    enum scan_class class; /* NONE: not an instruction whose effect shows from outside */
    unsigned len;          /* all bytes, prefixes included; may exceed the architecture's limit */
};
struct scan scan_first(enum tsp_mode mode, const uint8_t *p, size_t n);
/*
 * Where a run ends that goes on at p and ends with registers r: the offset of the end mark (HLT or
 * OUT) when nothing stands before it but operations that leave all registers alone. false: cannot
 * be told. *flags: they change flags.
 */
bool scan_end_mark(const uint8_t *p, size_t n, const struct tsp_regs *r, unsigned *off,
                   bool *flags);

#endif
