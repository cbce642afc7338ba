/* SPDX-License-Identifier: MIT */
/* Events of an instruction, for AArch64 and AArch32 alike. */
#include "emu/arm64/run.h"
#include "emu/state/event.h"

/* A fault is delivered; one that comes again and again at the vector itself is a livelock. */
static void deliver(const struct arm_set *set, struct vm *vm, struct vcpu *vc)
{
    set->deliver(vm, vc);
    if (vcpu_stalled(vc))
        step_stop(vm, vc, TSP_STOP_LIVELOCK);
}

bool arm_run_watched(const struct arm_set *set, struct vm *vm, struct vcpu *vc,
                     const struct insn *in)
{
    enum step step;

    ev_begin(vm, vc, in);
    step = set->execute(vm, vc, in);
    if (step == STEP_FAULT)
        deliver(set, vm, vc);
    else
        vcpu_retire(vm, vc);
    if (step == STEP_NEXT && vm->nvcpu == 1)
        return true;
    if (step == STEP_NEXT)
        vm->ev->kind = TSP_EV_RETIRE;
    ev_end(vm, vc);
    return false;
}

void arm_report_plain(const struct arm_set *set, struct vm *vm, struct vcpu *vc,
                      const struct insn *in, enum step step)
{
    if (step == STEP_EVENT) {
        vcpu_retire(vm, vc);
        vcpu_swap_io(vc);
        ev_begin(vm, vc, in);
        vcpu_swap_io(vc);
    } else if (step == STEP_FAULT) {
        ev_begin(vm, vc, in);
        deliver(set, vm, vc);
    } else { /* stopped: in front of the instruction, or behind a WFI */
        uint64_t pc = vc->s.regs.pc;

        vc->s.regs.pc = (pc - (in->op == set->wfi ? in->len : 0u)) & set->pc_mask;
        ev_begin(vm, vc, in);
        vc->s.regs.pc = pc;
    }
    ev_end(vm, vc);
}

void arm_no_code(const struct arm_set *set, struct vm *vm, struct vcpu *vc)
{
    ev_begin(vm, vc, NULL);
    deliver(set, vm, vc);
    ev_end(vm, vc);
}

void arm_run_end(struct vm *vm, struct vcpu *vc)
{
    if (vm->ev->kind != TSP_EV_NONE)
        return;
    step_stop(vm, vc, TSP_STOP_BUDGET);
    ev_begin(vm, vc, NULL);
    ev_end(vm, vc);
}
