/* SPDX-License-Identifier: MIT */
/* Synchronous exceptions to EL1 and the return from them (Arm DDI0487 D1.3). */
#include "emu/arm64/arm64.h"

/* Vector-table offsets of synchronous exceptions (DDI0487 D1.3.1.5). */
#define VECTOR_EL1T 0x000u
#define VECTOR_EL1H 0x200u
#define VECTOR_EL0 0x400u

void arm64_set_pstate(struct vcpu *vc, uint64_t pstate)
{
    struct tsp_regs *r = &vc->s.regs;

    *a64_sp_bank(vc) = r->r[31];
    r->flags = pstate & (A64_NZCV | A64_IL | A64_DAIF | A64_M);
    r->level = (pstate & A64_EL1T) != 0;
    r->r[31] = *a64_sp_bank(vc);
}

enum step arm64_fault(struct vcpu *vc, enum arm64_ec ec, uint64_t iss)
{
    vc->fault = (struct fault){.error = (uint64_t)ec << 26 | ESR_IL | iss};
    return STEP_FAULT;
}

enum step arm64_abort(struct vcpu *vc, enum arm64_ec ec, uint64_t iss, uint64_t far)
{
    arm64_fault(vc, ec, iss);
    vc->fault.addr = far;
    return STEP_FAULT;
}

enum step arm64_undefined(struct vcpu *vc)
{
    return arm64_fault(vc, EC_UNKNOWN, 0);
}

static bool sets_far(uint64_t esr)
{
    uint64_t ec = bits_get(esr, 31, 26);

    return ec == EC_PC_ALIGN || (ec >= EC_IABT_LOW && ec <= EC_IABT_SAME) ||
           (ec >= EC_DABT_LOW && ec <= EC_DABT_SAME);
}

static uint32_t vector_offset(const struct vcpu *vc)
{
    if (vc->s.regs.level == 0)
        return VECTOR_EL0;
    return (vc->s.regs.flags & A64_M) == A64_EL1H ? VECTOR_EL1H : VECTOR_EL1T;
}

/* External aborts are the hypervisor's. KVM puts their class together as a negative number of 32
 * bits. */
static uint64_t syndrome(const struct vm *vm, uint64_t esr)
{
    uint64_t ec = bits_get(esr, 31, 26);
    bool abort = ec == EC_IABT_LOW || ec == EC_IABT_SAME || ec == EC_DABT_LOW || ec == EC_DABT_SAME;

    if (abort && bits_get(esr, 5, 0) == FSC_EXTERNAL && vm_behaves(vm, BEHAVIOUR_ARM_ABORT_ESR))
        return bits_sext(esr, 32);
    return esr;
}

enum step arm64_deliver(struct vm *vm, struct vcpu *vc)
{
    struct tsp_arm64_state *a = &vc->s.arm64;
    uint32_t offset = vector_offset(vc);

    a->esr_el1 = syndrome(vm, vc->fault.error);
    if (sets_far(vc->fault.error))
        a->far_el1 = vc->fault.addr;
    a->elr_el1 = vc->s.regs.pc + (vc->fault.soft ? 4 : 0);
    a->spsr_el1 = vc->s.regs.flags;
    arm64_set_pstate(vc, (vc->s.regs.flags & A64_NZCV) | A64_DAIF | A64_EL1H);
    vc->s.regs.pc = (a->vbar_el1 & ~bits_mask(11)) + offset;
    vc->hv_state[MONITOR_SIZE] = 0;
    vm->ev->kind = TSP_EV_FAULT;
    vm->ev->code = offset;
    vm->ev->info[0] = a->esr_el1;
    vm->ev->info[1] = a->far_el1;
    return STEP_EVENT;
}

/* Modes this processor can return to. AArch32, EL2 and reserved ones make an illegal return: the
 * mode stays and PSTATE.IL is set (DDI0487 D1.3.4.2). */
static bool can_return_to(uint64_t mode)
{
    return mode == 0 || mode == A64_EL1T || mode == A64_EL1H;
}

enum step arm64_eret(struct vcpu *vc)
{
    uint64_t spsr = vc->s.arm64.spsr_el1;

    if (vc->s.regs.level == 0)
        return arm64_undefined(vc);
    vc->hv_state[MONITOR_SIZE] = 0;
    if (!can_return_to(spsr & A64_M))
        spsr = (spsr & (A64_NZCV | A64_DAIF)) | A64_IL | (vc->s.regs.flags & A64_M);
    vc->s.regs.pc = vc->s.arm64.elr_el1;
    arm64_set_pstate(vc, spsr);
    return STEP_NEXT;
}
