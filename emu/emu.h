/* SPDX-License-Identifier: MIT */
/*
 * The model's facade, and all of it that others may include. A vm never fails because of its guest:
 * whatever the guest does becomes an event. Same set-up, same calls: same events, on every machine.
 */
#ifndef TSP_EMU_EMU_H
#define TSP_EMU_EMU_H

#include "trapspec/target.h"

struct vm;
struct vm_behaviour;

/*
 * profile: "kvm" follows the documents; "kvm@linux-6.1" what that kernel does; either may be
 * followed by
 * "+NAME" and "-NAME" to switch single behaviours of behaviour.def. Allocates everything the vm
 * will ever need. TSP_EARG with the nearest known name in err when the profile is unknown.
 */
enum tsp_status vm_open(struct vm **out, const char *profile, struct tsp_error *err);
void vm_close(struct vm *vm);

/* Starts anew with this set-up, which must stay valid. out: TSP_EV_POLICY. TSP_EARG: a field is out
 * of range. */
enum tsp_status vm_reset(struct vm *vm, const struct tsp_setup *setup, struct tsp_event *out);

/* As tsp_target_ops.run. */
enum tsp_status vm_run(struct vm *vm, unsigned vcpu, uint32_t budget, struct tsp_event *out);
uint32_t vm_runnable(const struct vm *vm);

/* Guest-physical memory. TSP_EARG outside RAM. A poke drops decoded code. */
enum tsp_status vm_peek(const struct vm *vm, uint64_t gpa, void *buf, size_t len);
enum tsp_status vm_poke(struct vm *vm, uint64_t gpa, const void *buf, size_t len);
/* True when nobody wrote to this piece of RAM since the reset: it holds zeroes. */
bool vm_is_empty(const struct vm *vm, uint64_t gpa, size_t len);
enum tsp_status vm_get_vcpu(const struct vm *vm, unsigned vcpu, struct tsp_vcpu_state *out);
enum tsp_status vm_set_vcpu(struct vm *vm, unsigned vcpu, const struct tsp_vcpu_state *in);

/*
 * States to come back to, for set-ups with a protocol. vm_track begins to watch memory, once after
 * a reset. vm_save returns the bytes written to buf (aligned for a uint64_t), 0 when they do not
 * fit or the guest has touched too much; vm_load takes them while that reset is in force.
 * vm_digest: of all that decides what happens next, and of nothing else.
 */
void vm_track(struct vm *vm);
size_t vm_save(const struct vm *vm, void *buf, size_t max);
void vm_load(struct vm *vm, const void *buf);
uint64_t vm_digest(const struct vm *vm);

/* The patch protocols, in the order of enum tsp_protocol. false past the end. */
bool vm_protocol_at(unsigned i, struct vm_behaviour *out);

/* What CPUID would answer a vCPU now, without executing it: in[1] leaves from in[0] on, at sub-leaf
 * in[2]. TSP_ENOTSUP when the guest is no x86, TSP_EARG when the leaves pass 2^32. */
enum tsp_status vm_cpuid(struct vm *vm, unsigned vcpu, const uint32_t in[3], uint32_t (*out)[4]);

/* As tsp_target_ops.get_hv and set_hv; set them after the vCPUs' registers. */
enum tsp_status vm_get_hv(const struct vm *vm, unsigned vcpu, struct tsp_hv_state *out);
enum tsp_status vm_set_hv(struct vm *vm, unsigned vcpu, const struct tsp_hv_state *in);

/* Instructions executed on all vCPUs since reset. */
uint64_t vm_retired(const struct vm *vm);

/* behaviour.def and its profiles, for people. false past the end. */
struct vm_behaviour {
    const char *name, *text, *source;
};
bool vm_behaviour_at(unsigned i, struct vm_behaviour *out);
bool vm_profile_at(unsigned i, const char **name, const char **text);
/* True when profile switches behaviour i on. */
bool vm_profile_has(const char *profile, unsigned i);

/* What this host offers by default: fills at most max entries, returns the number. vendor of the
 * guest's leaf 0; the persona's own leaves are placed at base. Used as the base policy wherever
 * none is given. */
size_t vm_default_policy(enum tsp_vendor vendor, enum tsp_persona persona, uint32_t base,
                         struct tsp_leaf *out, size_t max);

#endif
