/* SPDX-License-Identifier: MIT */
/* What the run loop needs of AArch32, A32 and T32 alike; branches and moves of the CPSR. */
#include "emu/arm64/arm32.h"
#include "emu/arm64/run.h"

void arm32_branch_to(struct vcpu *vc, uint32_t to)
{
    bool thumb = (to & 1) != 0;
    uint32_t psr = (uint32_t)vc->s.regs.flags & ~PSR_T;

    arm32_set_psr(vc, psr | (thumb ? PSR_T : 0));
    /* An A32 address with bit 1 set is UNPREDICTABLE; the bit may be taken as 0. */
    vc->s.regs.pc = to & (thumb ? ~1u : ~3u);
}

/* Where execution goes on behind this instruction, with bit 0 as BX wants it back. */
static uint32_t link_address(const struct vcpu *vc, const struct insn *in)
{
    return ((uint32_t)vc->s.regs.pc + in->len) | arm32_thumb(vc);
}

static enum step branch(struct vcpu *vc, const struct insn *in)
{
    uint32_t pc = arm32_r(vc, 15), to;
    bool swap = in->op == OP_R_BL && (in->prefix & A32_SWAP) != 0, thumb = arm32_thumb(vc);

    if (swap && thumb)
        pc &= ~3u;
    to = pc + (uint32_t)in->disp;
    if (in->op == OP_R_BL)
        arm32_set_r(vc, 14, link_address(vc, in));
    arm32_branch_to(vc, thumb != swap ? to | 1 : to & ~1u);
    return STEP_NEXT;
}

static enum step branch_register(struct vcpu *vc, const struct insn *in)
{
    uint32_t to = arm32_r(vc, in->opnd[2].reg);

    if ((in->prefix & A32_LINK) != 0)
        arm32_set_r(vc, 14, link_address(vc, in));
    arm32_branch_to(vc, to);
    return STEP_NEXT;
}

static enum step compare_branch(struct vcpu *vc, const struct insn *in)
{
    bool zero = arm32_r(vc, in->opnd[1].reg) == 0;

    if (zero != ((in->prefix & A32_SWAP) != 0))
        vc->s.regs.pc = (uint32_t)(arm32_r(vc, 15) + (uint32_t)in->disp);
    else
        arm32_next(vc, in);
    return STEP_NEXT;
}

static enum step read_psr(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t v = (uint32_t)vc->s.regs.flags & ~PSR_T; /* T reads as zero */

    if ((in->prefix & A32_SWAP) != 0) {
        const uint64_t *spsr = arm32_spsr(vc);

        if (!spsr)
            return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
        v = (uint32_t)*spsr;
    }
    arm32_set_r(vc, in->opnd[0].reg, v);
    arm32_next(vc, in);
    return STEP_NEXT;
}

/* User mode changes flags only; nobody T, but through an SPSR. */
static enum step write_psr(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t v = in->prefix & A32_IMM ? (uint32_t)in->disp : arm32_r(vc, in->opnd[2].reg);
    uint32_t mask = (uint32_t)in->imm & PSR_ALL, psr = (uint32_t)vc->s.regs.flags;

    if ((in->prefix & A32_SWAP) != 0) {
        uint64_t *spsr = arm32_spsr(vc);

        if (!spsr)
            return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
        *spsr = (*spsr & ~(uint64_t)in->imm) | (v & mask);
    } else {
        mask &= ~PSR_T;
        if (vc->s.regs.level == 0)
            mask &= PSR_NZCV | PSR_Q | PSR_GE;
        if (!arm32_set_psr(vc, (psr & ~mask) | (v & mask)))
            return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    }
    arm32_next(vc, in);
    return STEP_NEXT;
}

/* No effect in User mode. */
static enum step change_state(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t mask = (uint32_t)in->imm, psr = (uint32_t)vc->s.regs.flags;

    if (vc->s.regs.level != 0 && !arm32_set_psr(vc, (psr & ~mask) | ((uint32_t)in->disp & mask)))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    arm32_next(vc, in);
    return STEP_NEXT;
}

/* From User mode an Undefined Instruction when SCTLR says so; else as in AArch64. */
static enum step wait_for(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool event = in->op == OP_R_WFE;

    if (vc->s.regs.level == 0 && (vc->s.arm64.sctlr_el1 & (event ? SCTLR_NTWE : SCTLR_NTWI)) == 0)
        return arm64_undefined(vc);
    arm32_next(vc, in);
    return event ? STEP_NEXT : step_stop(vm, vc, TSP_STOP_HALT);
}

static enum step control(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_R_B:
    case OP_R_BL:
        return branch(vc, in);
    case OP_R_BX:
        return branch_register(vc, in);
    case OP_R_CBZ:
        return compare_branch(vc, in);
    case OP_R_MRS:
        return read_psr(vm, vc, in);
    case OP_R_MSR:
        return write_psr(vm, vc, in);
    case OP_R_CPS:
        return change_state(vm, vc, in);
    default:
        return wait_for(vm, vc, in);
    }
}

/* A result for pc is a branch: with S a return from an exception, and only A32 changes the
 * instruction set by it (ALUWritePC). */
static enum step data_processing(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t to = 0;

    if (!arm32_dp(vc, in, &to))
        arm32_next(vc, in);
    else if ((in->prefix & A32_S) != 0)
        return arm32_return(vm, vc, to);
    else
        arm32_branch_to(vc, arm32_thumb(vc) ? to | 1 : to);
    return STEP_NEXT;
}

static enum step plain(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (!arm64_cond(vc->s.regs.flags, in->cond)) {
        arm32_next(vc, in);
        return STEP_NEXT;
    }
    switch (in->op) {
    case OP_R_NOP:
        arm32_next(vc, in);
        return STEP_NEXT;
    case OP_R_DP:
    case OP_R_MOVW:
    case OP_R_MOVT:
        return data_processing(vm, vc, in);
    case OP_R_LDST:
        return arm32_ldst(vm, vc, in);
    case OP_R_BLOCK:
        return arm32_block(vm, vc, in);
    default:
        return control(vm, vc, in);
    }
}

static enum step trapping(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_HVC:
    case OP_SMC:
        return arm64_hypercall(vm, vc, in);
    case OP_SVC:
        arm64_fault(vc, EC_SVC, in->imm & 0xffff);
        vc->fault.len = in->len;
        return STEP_FAULT;
    case OP_BRK:
        return arm64_fault(vc, EC_BRK, in->imm);
    default:
        return arm64_undefined(vc);
    }
}

/* The hypervisor comes back by ERET, which clears the exclusive monitor. */
static enum step execute(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    enum step step;

    if (in->status == INSN_UNSUPPORTED)
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    if (in->status != INSN_OK)
        return arm64_undefined(vc);
    if (arm_is_plain(in))
        return plain(vm, vc, in);
    if (!arm64_cond(vc->s.regs.flags, in->cond)) {
        arm32_next(vc, in);
        return STEP_NEXT;
    }
    step = trapping(vm, vc, in);
    if (step == STEP_EVENT)
        vc->hv_state[MONITOR_SIZE] = 0;
    return step;
}

static struct arm_stretch stretch(struct vm *vm, struct vcpu *vc, const struct code_block *b,
                                  unsigned max)
{
    struct arm_stretch ran = {0, false, STEP_NEXT};
    uint32_t mode = vc->s.regs.mode;

    while (ran.n < max && !ran.left && arm_is_plain(&b->insn[ran.n])) {
        const struct insn *in = &b->insn[ran.n];
        uint64_t next = (uint32_t)(vc->s.regs.pc + in->len);

        ran.step = plain(vm, vc, in);
        if (ran.step != STEP_NEXT)
            break;
        ran.n++;
        ran.left = vc->s.regs.pc != next || vc->s.regs.mode != mode || !b->valid;
    }
    return ran;
}

static const struct arm_set aarch32 = {
    .execute = execute, .deliver = arm32_deliver, .pc_mask = UINT32_MAX, .wfi = OP_R_WFI};

void arm32_run(struct vm *vm, struct vcpu *vc, uint32_t budget)
{
    while (budget > 0) {
        const struct code_block *b = code_lookup(vm, vc, vc->s.regs.pc);
        struct arm_stretch ran = {0, false, STEP_NEXT};

        if (!b) {
            arm_no_code(&aarch32, vm, vc);
            break;
        }
        if (vm->nvcpu == 1)
            ran = stretch(vm, vc, b, b->n < budget ? b->n : budget);
        if (!arm_go_on(&aarch32, vm, vc, b, ran, &budget))
            break;
    }
    arm_run_end(vm, vc);
}
