/* SPDX-License-Identifier: MIT */
/* What the run loops of AArch64 and AArch32 share: everything around an instruction. Their inner
 * loops stand in exec.c and exec32.c, where calls through pointers would cost. Private to emu. */
#ifndef TSP_EMU_ARM64_RUN_H
#define TSP_EMU_ARM64_RUN_H

#include "emu/arm64/arm64.h"

struct arm_set {
    /* Any one instruction. */
    enum step (*execute)(struct vm *vm, struct vcpu *vc, const struct insn *in);
    /* The exception in vc->fault. */
    enum step (*deliver)(struct vm *vm, struct vcpu *vc);
    uint64_t pc_mask;
    unsigned wfi; /* enum insn_op: it stops behind itself */
};

/* Plain instructions that one vCPU alone ran back to back. */
struct arm_stretch {
    unsigned n;     /* how many ended with STEP_NEXT */
    bool left;      /* what comes next is not the next of the block, or its bytes were changed */
    enum step step; /* not STEP_NEXT: of the instruction behind them */
};

/* The decoder gives an op to what it understood only, so these can be executed without a look at
 * the status. */
static inline bool arm_is_plain(const struct insn *in)
{
    return in->op > OP_TRAP_LAST;
}

/* Traps and everything with several vCPUs: the event is opened before the instruction runs.
 * Returns false after an event. */
bool arm_run_watched(const struct arm_set *set, struct vm *vm, struct vcpu *vc,
                     const struct insn *in);
/* A plain instruction that ended with anything but STEP_NEXT. */
void arm_report_plain(const struct arm_set *set, struct vm *vm, struct vcpu *vc,
                      const struct insn *in, enum step step);
/* Nothing could be fetched: the exception in vc->fault. */
void arm_no_code(const struct arm_set *set, struct vm *vm, struct vcpu *vc);
/* Behind the loop: a run without an event ended with its budget. */
void arm_run_end(struct vm *vm, struct vcpu *vc);

/* A block after its first stretch, of at most *budget instructions. Returns false after an event.
 */
static inline bool arm_go_on(const struct arm_set *set, struct vm *vm, struct vcpu *vc,
                             const struct code_block *b, struct arm_stretch ran, uint32_t *budget)
{
    unsigned max = b->n < *budget ? b->n : *budget;

    vc->retired += ran.n;
    vm->tsc += ran.n;
    *budget -= ran.n;
    if (ran.step != STEP_NEXT) {
        --*budget;
        arm_report_plain(set, vm, vc, &b->insn[ran.n], ran.step);
        return false;
    }
    if (ran.n == max || ran.left)
        return true;
    /* What follows in the block can be seen, or everything can. */
    --*budget;
    return arm_run_watched(set, vm, vc, &b->insn[ran.n]);
}

#endif
