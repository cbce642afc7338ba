/* SPDX-License-Identifier: MIT */
/* What the run loop needs of AArch64; branches and waiting. */
#include "emu/arm64/arm32.h"
#include "emu/arm64/run.h"

static enum step branch(struct vcpu *vc, uint64_t to)
{
    vc->s.regs.pc = to;
    return STEP_NEXT;
}

static enum step branch_if(struct vcpu *vc, const struct insn *in, bool taken)
{
    return branch(vc, vc->s.regs.pc + (taken ? (uint64_t)in->disp : 4));
}

static bool tested_bit(const struct vcpu *vc, const struct insn *in)
{
    unsigned bit = a64_field(in, 31, 31) << 5 | a64_field(in, 23, 19);

    return bits_test(a64_x(vc, a64_field(in, 4, 0)), bit);
}

static bool is_zero(const struct vcpu *vc, const struct insn *in)
{
    uint64_t v = a64_x(vc, a64_field(in, 4, 0));

    return (in->osize == 4 ? (uint32_t)v : v) == 0;
}

static enum step branch_link(struct vcpu *vc, uint64_t to)
{
    vc->s.regs.r[30] = vc->s.regs.pc + 4;
    return branch(vc, to);
}

/* WFI and WFE are trapped to EL1 from EL0 when SCTLR_EL1 says so; nothing here ever wakes a WFI.
 * WFE may always return at once (DDI0487 D1.6.1). */
static enum step wait_for(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool event = in->op == OP_A_WFE;
    uint64_t allow = event ? SCTLR_NTWE : SCTLR_NTWI;

    if (vc->s.regs.level == 0 && (vc->s.arm64.sctlr_el1 & allow) == 0)
        /* CV 24, COND 23:20 always, TI 1:0 (DDI0487 D24.2.40, ISS of a trapped WF*). */
        return arm64_fault(vc, EC_WFX, 1u << 24 | 0xeu << 20 | (event ? 1u : 0u));
    vc->s.regs.pc += 4;
    return event ? STEP_NEXT : step_stop(vm, vc, TSP_STOP_HALT);
}

static enum step control(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_A_B:
        return branch(vc, vc->s.regs.pc + (uint64_t)in->disp);
    case OP_A_BL:
        return branch_link(vc, vc->s.regs.pc + (uint64_t)in->disp);
    case OP_A_BCOND:
        return branch_if(vc, in, arm64_cond(vc->s.regs.flags, in->cond));
    case OP_A_CBZ:
        return branch_if(vc, in, is_zero(vc, in) != (a64_field(in, 24, 24) != 0));
    case OP_A_TBZ:
        return branch_if(vc, in, tested_bit(vc, in) == (a64_field(in, 24, 24) != 0));
    case OP_A_BR:
    case OP_A_RET:
        return branch(vc, a64_x(vc, in->base));
    case OP_A_BLR:
        return branch_link(vc, a64_x(vc, in->base));
    case OP_A_ERET:
        return arm64_eret(vc);
    default:
        return wait_for(vm, vc, in);
    }
}

static enum step plain(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (in->op >= OP_A_B)
        return control(vm, vc, in);
    if (in->op >= OP_A_LDST && in->op <= OP_A_ORDERED)
        return arm64_memory(vm, vc, in);
    if (in->op == OP_A_SYS)
        return arm64_sys(vm, vc, in);
    if (in->op == OP_A_CLREX)
        vc->hv_state[MONITOR_SIZE] = 0;
    else
        arm64_alu(vc, in);
    vc->s.regs.pc += 4;
    return STEP_NEXT;
}

static enum step trapping(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_HVC:
    case OP_SMC:
        return arm64_hypercall(vm, vc, in);
    case OP_MRS:
    case OP_MSR:
        return arm64_sysreg(vm, vc, in);
    case OP_SVC:
        arm64_fault(vc, EC_SVC, in->imm);
        vc->fault.soft = true;
        return STEP_FAULT;
    case OP_BRK:
        return arm64_fault(vc, EC_BRK, in->imm);
    default:
        return arm64_undefined(vc);
    }
}

/* Instructions that a hypervisor can see. It comes back by ERET, which clears the exclusive monitor
 * (DDI0487 C6.2 ERET). */
static enum step trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    enum step step = trapping(vm, vc, in);

    if (step == STEP_EVENT)
        vc->hv_state[MONITOR_SIZE] = 0;
    return step;
}

static enum step execute(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (in->status == INSN_UNSUPPORTED)
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    if (in->status != INSN_OK)
        return arm64_undefined(vc);
    if (!arm_is_plain(in))
        return trap(vm, vc, in);
    return plain(vm, vc, in);
}

/* The decoded words at pc, or NULL with a fault. Alignment of pc comes first, an illegal state
 * after the fetch (DDI0487 D1.3.5.5). */
static const struct code_block *fetch(struct vm *vm, struct vcpu *vc)
{
    const struct code_block *b;

    if ((vc->s.regs.pc & 3) != 0) {
        arm64_abort(vc, EC_PC_ALIGN, 0, vc->s.regs.pc);
        return NULL;
    }
    b = code_lookup(vm, vc, vc->s.regs.pc);
    if (b && (vc->s.regs.flags & A64_IL) != 0) {
        arm64_fault(vc, EC_ILLEGAL_STATE, 0);
        return NULL;
    }
    return b;
}

static struct arm_stretch stretch(struct vm *vm, struct vcpu *vc, const struct code_block *b,
                                  unsigned max)
{
    const struct insn *in = b->insn, *end = b->insn + max;
    struct arm_stretch ran = {0, false, STEP_NEXT};

    for (; in < end && arm_is_plain(in); in++) {
        uint64_t next;

        if (in->op <= OP_A_DP3) {
            arm64_alu(vc, in);
            vc->s.regs.pc += 4;
            continue;
        }
        next = vc->s.regs.pc + 4;
        ran.step = plain(vm, vc, in);
        if (ran.step != STEP_NEXT)
            break;
        ran.left = vc->s.regs.pc != next || !b->valid;
        if (ran.left) {
            in++;
            break;
        }
    }
    ran.n = (unsigned)(in - b->insn);
    return ran;
}

static const struct arm_set aarch64 = {
    .execute = execute, .deliver = arm64_deliver, .pc_mask = UINT64_MAX, .wfi = OP_A_WFI};

/* Reserved bits of PSTATE read as zero; the mode is what the level says. */
static void clean_pstate(struct vcpu *vc)
{
    uint64_t flags = vc->s.regs.flags & (A64_NZCV | A64_IL | A64_DAIF);

    if (vc->s.regs.level != 0)
        flags |= (vc->s.regs.flags & 1) != 0 ? A64_EL1H : A64_EL1T;
    vc->s.regs.flags = flags;
}

void arm64_run(struct vm *vm, struct vcpu *vc, uint32_t budget)
{
    if (tsp_mode_is_aarch32(vc->s.regs.mode)) {
        arm32_run(vm, vc, budget);
        return;
    }
    clean_pstate(vc);
    while (budget > 0) {
        const struct code_block *b = fetch(vm, vc);
        struct arm_stretch ran = {0, false, STEP_NEXT};

        if (!b) {
            arm_no_code(&aarch64, vm, vc);
            break;
        }
        if (vm->nvcpu == 1)
            ran = stretch(vm, vc, b, b->n < budget ? b->n : budget);
        if (!arm_go_on(&aarch64, vm, vc, b, ran, &budget))
            break;
    }
    *a64_sp_bank(vc) = vc->s.regs.r[31];
    arm_run_end(vm, vc);
}
