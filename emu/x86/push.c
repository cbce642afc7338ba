/* SPDX-License-Identifier: MIT */
/* The stack instructions. RSP moves only when everything else has succeeded. */
#include "emu/x86/plain.h"

enum step plain_PUSH(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step step = read_opnd(vm, vc, in, 0, &v);

    return step == STEP_FAULT ? step : step_both(step, push(vm, vc, v, in->osize));
}

/* The registers that an event shows as those before are the whole instruction's. One that faults
 * changes none. */
static enum step began_with(struct vcpu *vc, uint64_t rsp, enum step step)
{
    if (step == STEP_FAULT)
        vc->s.regs.r[TSP_RSP] = rsp;
    if (step != STEP_NEXT)
        vc->io.regs.r[TSP_RSP] = rsp;
    return step;
}

/* A memory destination is addressed with the RSP behind the pop; POP RSP keeps what was popped (SDM
 * Vol. 2B POP). */
enum step plain_POP(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t rsp = vc->s.regs.r[TSP_RSP], v;
    enum step step = pop(vm, vc, &v, in->osize);

    if (step == STEP_FAULT)
        return step;
    return began_with(vc, rsp, step_both(step, write_opnd(vm, vc, in, 0, v)));
}

enum step plain_PUSHA(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t rsp = vc->s.regs.r[TSP_RSP];
    enum step step = STEP_NEXT, one;

    for (unsigned i = 0; i < 8; i++) {
        one = push(vm, vc, i == TSP_RSP ? rsp : vc->s.regs.r[i], in->osize);
        if (one == STEP_FAULT)
            return began_with(vc, rsp, one);
        step = step_both(step, one);
    }
    return began_with(vc, rsp, step);
}

enum step plain_POPA(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t rsp = vc->s.regs.r[TSP_RSP], v[8];
    enum step step = STEP_NEXT, one;

    for (unsigned i = 8; i-- > 0;) {
        one = pop(vm, vc, &v[i], in->osize);
        if (one == STEP_FAULT)
            return began_with(vc, rsp, one);
        step = step_both(step, one);
    }
    for (unsigned i = 0; i < 8; i++)
        if (i != TSP_RSP)
            reg_set(vc, i, in->osize, v[i]);
    return began_with(vc, rsp, step);
}

/* Virtual-8086 mode with IOPL below 3: the flags belong to the monitor (no VME here). */
static bool flags_barred(const struct vcpu *vc)
{
    return vc->s.regs.mode == TSP_MODE_VM86 && (vc->s.regs.flags & X86_IOPL) != X86_IOPL;
}

enum step plain_PUSHF(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (flags_barred(vc))
        return step_fault_code(vc, X86_GP, 0);
    /* the image never shows RF and VM */
    return push(vm, vc, x86_flags(vc) & ~(uint64_t)(X86_RF | X86_VM), in->osize);
}

/* What POPF may change: IOPL at CPL 0 only, IF where CPL <= IOPL, nothing above bit 15 with 16
 * bits. */
static uint64_t popf_mask(const struct vcpu *vc, unsigned osize)
{
    uint64_t mask = X86_ARITH | X86_TF | X86_DF_FLAG | X86_NT;
    unsigned iopl = (unsigned)(vc->s.regs.flags & X86_IOPL) >> 12;

    if (osize > 2)
        mask |= X86_AC_FLAG | X86_ID | X86_RF;
    if (vc->s.regs.level == 0)
        mask |= X86_IOPL;
    if (vc->s.regs.level <= iopl)
        mask |= X86_IF;
    return mask;
}

enum step plain_POPF(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step step;

    if (flags_barred(vc))
        return step_fault_code(vc, X86_GP, 0);
    step = pop(vm, vc, &v, in->osize);
    if (step != STEP_FAULT)
        flag_put(vc, popf_mask(vc, in->osize), v & ~(uint64_t)X86_RF);
    return step;
}

/* The frame pointers that a nested frame copies: level - 1 of them from below rBP, and the new
 * frame itself. */
static enum step copy_frames(struct vm *vm, struct vcpu *vc, const struct insn *in, uint64_t frame)
{
    unsigned size = in->osize, level = in->far_sel & 31;
    uint64_t bp = vc->s.regs.r[TSP_RBP], v;
    enum step step = STEP_NEXT;

    for (unsigned i = 1; i < level; i++) {
        bp = cut(bp - size, stack_width(vc));
        step = step_both(step, load(vm, vc, TSP_SS, bp, size, &v));
        if (step != STEP_FAULT)
            step = step_both(step, push(vm, vc, v, size));
        if (step == STEP_FAULT)
            return step;
    }
    return level > 0 ? step_both(step, push(vm, vc, frame, size)) : step;
}

enum step plain_ENTER(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t rsp = vc->s.regs.r[TSP_RSP], frame, top;
    enum step step = push(vm, vc, vc->s.regs.r[TSP_RBP], in->osize);

    if (step == STEP_FAULT)
        return step;
    frame = vc->s.regs.r[TSP_RSP];
    step = step_both(step, copy_frames(vm, vc, in, frame));
    top = cut(vc->s.regs.r[TSP_RSP] - in->imm, stack_width(vc));
    /* the new top must be writable even though nothing is stored there (SDM Vol. 2A ENTER) */
    if (step != STEP_FAULT)
        step = step_both(step, x86_check_write(vm, vc, TSP_SS, top, in->osize));
    if (step == STEP_FAULT)
        return began_with(vc, rsp, step);
    x86_set_sp(vc, top);
    reg_set(vc, TSP_RBP, in->osize, frame);
    return began_with(vc, rsp, step);
}

enum step plain_LEAVE(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t rsp = vc->s.regs.r[TSP_RSP], v;
    enum step step;

    x86_set_sp(vc, vc->s.regs.r[TSP_RBP]);
    step = pop(vm, vc, &v, in->osize);
    if (step != STEP_FAULT)
        reg_set(vc, TSP_RBP, in->osize, v);
    return began_with(vc, rsp, step);
}
