/* SPDX-License-Identifier: MIT */
/* Near branches. The target is checked before anything is pushed or counted: a bad one faults at
 * the branch. */
#include "emu/x86/plain.h"

enum step x86_branch(struct vcpu *vc, uint64_t target, unsigned osize)
{
    if (vc->s.regs.mode == TSP_MODE_LONG64) {
        /* 48-bit linear addresses: the upper bits repeat bit 47 */
        if (bits_sext(target, 48) != target)
            return step_fault_code(vc, X86_GP, 0);
    } else {
        target = osize == 2 ? (uint16_t)target : (uint32_t)target;
        if (target > vc->s.x86.seg[TSP_CS].limit)
            return step_fault_code(vc, X86_GP, 0);
    }
    vc->s.regs.pc = target;
    return STEP_NEXT;
}

static enum step relative(struct vcpu *vc, const struct insn *in)
{
    return x86_branch(vc, vc->s.regs.pc + in->imm, in->osize);
}

enum step plain_JCC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    return flag_cond(vc, in->cond) ? relative(vc, in) : STEP_NEXT;
}

enum step plain_JMP(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    return relative(vc, in);
}

enum step plain_JMP_IND(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t target;
    enum step step = read_opnd(vm, vc, in, 0, &target);

    return step == STEP_FAULT ? step : step_both(step, x86_branch(vc, target, in->osize));
}

/* pc still holds the return address while the target is tried and the push may fail. */
static enum step call(struct vm *vm, struct vcpu *vc, uint64_t target, unsigned osize)
{
    uint64_t back = vc->s.regs.pc;
    enum step step = x86_branch(vc, target, osize);

    return step == STEP_FAULT ? step : push(vm, vc, back, osize);
}

enum step plain_CALL(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return call(vm, vc, vc->s.regs.pc + in->imm, in->osize);
}

enum step plain_CALL_IND(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t target;
    enum step first = read_opnd(vm, vc, in, 0, &target), second;

    if (first == STEP_FAULT)
        return first;
    second = call(vm, vc, target, in->osize);
    return second == STEP_FAULT ? second : step_both(first, second);
}

enum step plain_RET(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t rsp = vc->s.regs.r[TSP_RSP], target;
    enum step step = pop(vm, vc, &target, in->osize);

    if (step == STEP_FAULT)
        return step;
    if (x86_branch(vc, target, in->osize) == STEP_FAULT) {
        vc->s.regs.r[TSP_RSP] = rsp;
        return STEP_FAULT;
    }
    if (in->imm != 0)
        x86_set_sp(vc, vc->s.regs.r[TSP_RSP] + in->imm);
    return step;
}

/* rCX is as wide as an address, and is counted down only when the branch succeeds. */
static enum step loop(struct vcpu *vc, const struct insn *in, bool more)
{
    uint64_t count = cut(vc->s.regs.r[TSP_RCX] - 1, in->asize);

    if (count != 0 && more && relative(vc, in) == STEP_FAULT)
        return STEP_FAULT;
    reg_set(vc, TSP_RCX, in->asize, count);
    return STEP_NEXT;
}

enum step plain_LOOP(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    return loop(vc, in, true);
}

enum step plain_LOOPE(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    return loop(vc, in, flag_zf(vc));
}

enum step plain_LOOPNE(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    return loop(vc, in, !flag_zf(vc));
}

enum step plain_JCXZ(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    return cut(vc->s.regs.r[TSP_RCX], in->asize) == 0 ? relative(vc, in) : STEP_NEXT;
}
