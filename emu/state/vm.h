/* SPDX-License-Identifier: MIT */
/* The machine: memory, vCPUs, configuration, and the protocol by which instructions end. */
#ifndef TSP_EMU_STATE_VM_H
#define TSP_EMU_STATE_VM_H

#include "decoder/decoder.h"
#include "emu/state/mem.h"
#include "trapspec/target.h"

struct code_cache;
struct hv_ops;

/* How a handler of one instruction ended. */
enum step {
    STEP_NEXT = 0, /* done, nothing to see; the handler has set vc->s.regs.pc */
    STEP_EVENT,    /* done, vm->ev is filled except before/after/fetched/stored, which the run loop fills */
    STEP_FAULT,    /* vc->fault says what to deliver; registers are as before the instruction */
    STEP_RETRY,    /* nothing was executed: fetch and decode again at the same pc (after a patch) */
    STEP_STOP      /* the vCPU stops; vm->ev.kind = TSP_EV_STOP, code = enum tsp_stop */
};

/* An exception to deliver. AArch64 uses error for ESR_EL1 and addr for FAR_EL1. */
struct fault {
    uint32_t vector;
    bool has_error, soft; /* soft: INT n, INT3, INTO: pushes the next pc */
    bool trap;            /* trap-like: #DB after an instruction; pc already advanced */
    uint64_t error, addr;
    uint64_t dr6;
};

/* A patch of guest text under way: stores are micro-steps when several vCPUs run. */
struct patch_job {
    bool active;
    uint8_t n, done, width; /* bytes in all, bytes stored, bytes a store */
    uint8_t byte[8];
    uint64_t lin;
};

/* Arithmetic flags are computed when asked for (emu/x86/flags.h): last result, operands and operation. */
struct lazy_flags {
    uint64_t res, a, b;
    uint8_t op, size;
};

struct vcpu {
    struct tsp_vcpu_state s; /* architectural state; s.regs.mode and level are kept true at all times */
    unsigned id;
    struct lazy_flags lazy;  /* op 0: s.regs.flags is complete */
    struct fault fault;
    struct patch_job patch;
    uint64_t retired;
    uint64_t stall_pc;       /* livelock detection: pc and count of traps without progress */
    uint32_t stall;
    bool delivering;         /* an exception is being delivered: a second one is a double fault */
    /* hypervisor-side per-vCPU values of the personality in force */
    uint64_t hv_state[16];
};

#define VM_BEHAVIOUR_WORDS 4
struct vm {
    struct mem mem;
    struct code_cache *code;
    struct decoder *dec;
    const struct tsp_setup *setup;
    const struct hv_ops *hv[2];        /* the personas of the set-up, NULL when none */
    uint64_t behaviour[VM_BEHAVIOUR_WORDS]; /* bits of enum behaviour (emu/hv/behaviour.h) */
    unsigned nvcpu;
    struct vcpu vcpu[TSP_MAX_VCPU];
    struct tsp_event *ev;              /* where the current run call wants its event */
    uint64_t tsc;                      /* advances by one per retired instruction */
    unsigned state_class;
    uint64_t hv_state[16];             /* hypervisor-side values of the whole machine */
};

static inline bool vm_behaves(const struct vm *vm, unsigned behaviour)
{
    return ((vm->behaviour[behaviour / 64] >> (behaviour % 64)) & 1) != 0;
}

/* Shorthands for handlers. */
static inline enum step step_fault(struct vcpu *vc, uint32_t vector)
{
    vc->fault = (struct fault){.vector = vector};
    return STEP_FAULT;
}

static inline enum step step_fault_code(struct vcpu *vc, uint32_t vector, uint64_t error)
{
    vc->fault = (struct fault){.vector = vector, .has_error = true, .error = error};
    return STEP_FAULT;
}

/* Moves pc past len bytes, cut to the width of the mode: 64 bits in long64, 32 bits elsewhere (a 16-bit code
 * segment runs into its limit, it does not wrap here). AArch64: len is 4. */
static inline void vcpu_advance(struct vcpu *vc, unsigned len)
{
    uint64_t pc = vc->s.regs.pc + len;

    if (vc->s.regs.mode != TSP_MODE_LONG64 && vc->s.regs.mode != TSP_MODE_A64)
        pc = (uint32_t)pc;
    vc->s.regs.pc = pc;
}

static inline enum step step_stop(struct vm *vm, struct vcpu *vc, enum tsp_stop why)
{
    vc->s.run_state = TSP_RUN_STOPPED;
    vm->ev->kind = TSP_EV_STOP;
    vm->ev->code = (uint32_t)why;
    return STEP_STOP;
}

#endif
