/* SPDX-License-Identifier: MIT */
/*
 * A machine under the running kernel's KVM. kvm_target.c makes it, kvm_loop.c runs it; kvm_x86.c
 * and kvm_arm64.c, one of which is built, have what is the architecture's own.
 */
#ifndef TSP_FUZZ_TARGET_KVM_LIVE_H
#define TSP_FUZZ_TARGET_KVM_LIVE_H

#include "fuzz/target/builtin.h"

#include <linux/kvm.h>

#define LIVE_QUEUE_MAX 64u /* events of one exit that wait to be fetched */
#define LIVE_WINDOW 16u    /* bytes of code looked at for a rewrite: the longest instruction */

struct live_core {
    int fd; /* -1: not created */
    struct kvm_run *run;
    bool stopped;     /* its run is over */
    uint64_t last_pc; /* where it was when it was looked at */
    bool incomplete;  /* an exit of its last KVM_RUN waits for user space's answer */
    uint32_t used_ms; /* of its time limit */
};

/* What cannot be changed once a machine has run, in a copy: the set-up is gone by then. The table
 * is the vCPU's alone. */
struct live_shape {
    bool plain;     /* one vCPU, no state of the kernel's beside it, nothing unusual */
    unsigned cores; /* made so far */
    uint8_t patch, psci;
    uint32_t config, npolicy;
    uint32_t firmware[6];
    uint64_t ram_base, ram_size;
    size_t nleaf;
    struct tsp_leaf leaf[TSP_MAX_LEAF];
};

struct live_machine {
    int kvm, vm; /* /dev/kvm and the machine; -1: none */
    int kept_vm, kept_core;
    struct live_shape shape; /* of the machine */
    bool clean;              /* its last run is known to have changed registers and memory only */
    size_t run_size;
    uint8_t *ram; /* TSP_MAX_RAM bytes, only the touched ones cost anything */
    uint64_t ram_used;
    const struct tsp_setup *setup;
    struct live_core core[TSP_MAX_VCPU];
    uint32_t limit_ms;
    struct tsp_event queue[LIVE_QUEUE_MAX];
    unsigned nqueue, at;
    struct target_host host;
    char why[120]; /* why the last set-up was refused */
};

/* Records the reason, printf-like, and returns TSP_ENOTSUP. */
__attribute__((format(printf, 2, 3))) enum tsp_status live_refuse(struct live_machine *k,
                                                                  const char *format, ...);
/* ioctl that is taken up again after a signal. */
int live_call(int fd, unsigned long request, void *arg);
/* KVM_ENABLE_CAP on a machine or a vCPU, with one argument. */
int live_enable(int fd, uint32_t cap, uint64_t arg);
int live_has(const struct live_machine *k, int cap);

/* Architecture: what the processor below is, once. */
void live_arch_probe(struct live_machine *k);
/* Whether this kernel can be what the set-up describes, before anything is made. */
enum tsp_status live_arch_check(struct live_machine *k);
/* Settings of the machine that come before its vCPUs. */
enum tsp_status live_arch_machine(struct live_machine *k);
/* Number the kernel knows vCPU i by. */
unsigned long live_arch_id(const struct live_machine *k, unsigned i);
/* All vCPUs exist, memory is loaded: their settings and registers. */
enum tsp_status live_arch_vcpu(struct live_machine *k, unsigned i);
/* Whether what user space asks for, one of TSP_CFG_ASK, is granted. False: nobody here to ask. */
bool live_arch_ask(struct live_machine *k, uint32_t what, bool *granted);
enum tsp_status live_arch_get(struct live_machine *k, unsigned i, struct tsp_vcpu_state *out);
enum tsp_status live_arch_set(struct live_machine *k, unsigned i, const struct tsp_vcpu_state *in);
/* Registers alone, as events keep them. */
void live_arch_regs(struct live_machine *k, unsigned i, struct tsp_regs *out);
/* An exit of the architecture's own. Queues its events; false: not one, the run goes on. */
bool live_arch_exit(struct live_machine *k, unsigned i);
/* Why a vCPU that does not come back is where it is: enum tsp_stop. *final: waiting longer changes
 * nothing. */
enum tsp_stop live_arch_stuck(struct live_machine *k, unsigned i, bool *final);
/* After so many milliseconds a vCPU is looked at for the first time. */
uint32_t live_arch_tick(const struct live_machine *k);
/* A vCPU that is elsewhere each time it is looked at gets that many limits: it may be slow, not
 * lost. */
extern const uint32_t live_arch_patience;
/* The guest's handler holds vCPU 0, which stopped as o->exit says: what it was given. false: it is
 * elsewhere. */
bool live_arch_exception(struct live_machine *k, struct outcome *o);

/* For live_arch_exit: an event with what all have, its registers as they are now. */
struct tsp_event *live_event(struct live_machine *k, unsigned i, enum tsp_event_kind kind);
void live_stop(struct live_machine *k, unsigned i, enum tsp_stop why, uint64_t info);
/* Lets the kernel finish the instruction that the exit interrupted, and no more. */
void live_complete(struct live_machine *k, unsigned i);
/* Reads RAM at a linear address of the start's mapping; false when some of it is not RAM. */
bool live_read_linear(struct live_machine *k, uint64_t lin, uint8_t *buf, size_t len);

/* kvm_shape.c: what of the machine can be used again for the set-up: its vCPU too, or all but that.
 */
enum live_keep { LIVE_KEEP_NOTHING, LIVE_KEEP_MACHINE, LIVE_KEEP_ALL };
enum live_keep live_shape_keep(const struct live_machine *k);
/* Remembers the set-up that a new machine is made for. */
void live_shape_take(struct live_machine *k);

/* kvm_loop.c: once per process; then runs up to an event, or of at most
 * slice milliseconds unless it is 0; then, when the only vCPU has
 * stopped, the events that follow from before and after are put before the stop. */
bool live_timer_open(void);
void live_run_core(struct live_machine *k, unsigned i, uint32_t slice);
void live_tell(struct live_machine *k);

#endif
