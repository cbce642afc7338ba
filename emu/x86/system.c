/* SPDX-License-Identifier: MIT */
/* System instructions: where each is carried out, and the short ones. */
#include "emu/x86/segment.h"

static enum step gp(struct vcpu *vc)
{
    return step_fault_code(vc, X86_GP, 0);
}

static enum step done(struct vcpu *vc, const struct insn *in)
{
    vcpu_advance(vc, in->len);
    return STEP_NEXT;
}

static enum step privileged(struct vcpu *vc, const struct insn *in)
{
    return x86_cpl(vc) != 0 ? gp(vc) : done(vc, in);
}

/* INT n, INT3, INTO push the next pc and respect the gate's DPL; INT1 is delivered as a debug trap
 * without that check (Intel SDM Vol. 2A INT n). */
static enum step software(struct vcpu *vc, const struct insn *in, uint32_t vector)
{
    vc->fault = (struct fault){.vector = vector, .soft = true, .len = in->len};
    return STEP_FAULT;
}

/* INT n: the hypervisor may have gates of its own. */
static enum step software_n(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    const struct hv_ops *hv = vm->hv[0] != NULL ? vm->hv[0] : vm->hv[1];
    enum step step = hv != NULL && hv->gate != NULL ? hv->gate(vm, vc, in) : STEP_NEXT;

    return step != STEP_NEXT ? step : software(vc, in, (uint32_t)(in->imm & 0xff));
}

static enum step interrupt(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned iopl = (unsigned)bits_get(vc->s.regs.flags, 13, 12);

    switch (in->op) {
    case OP_INT3:
        return software(vc, in, X86_BP);
    case OP_INTO:
        if (x86_flags(vc) & X86_OF_FLAG)
            return software(vc, in, X86_OF);
        return done(vc, in);
    case OP_INT1:
        vc->fault = (struct fault){.vector = X86_DB, .trap = true, .len = in->len};
        return STEP_FAULT;
    default:
        if (vc->s.regs.mode == TSP_MODE_VM86 && (vc->s.x86.cr4 & CR4_VME))
            return step_stop(vm, vc, TSP_STOP_UNSUPPORTED); /* may stay in virtual-8086 mode */
        if (vc->s.regs.mode == TSP_MODE_VM86 && iopl != 3)
            return gp(vc);
        return software_n(vm, vc, in);
    }
}

static enum step halt(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (x86_cpl(vc) != 0)
        return gp(vc);
    vcpu_advance(vc, in->len);
    if (vc->hv_state[HV_STATE_KICKED] != 0) {
        if (vc->hv_state[HV_STATE_KICKED] != HV_KICKED_FOR_GOOD)
            vc->hv_state[HV_STATE_KICKED] = 0;
        return STEP_NEXT;
    }
    return step_stop(vm, vc, TSP_STOP_HALT);
}

static enum step interrupt_flag(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_regs *r = &vc->s.regs;

    if (x86_cpl(vc) > bits_get(r->flags, 13, 12))
        return x86_virtual_if(vc) ? step_stop(vm, vc, TSP_STOP_UNSUPPORTED) : gp(vc);
    if (in->op == OP_STI) {
        if (!(r->flags & X86_IF))
            vc->s.x86.shadow = TSP_SHADOW_STI;
        r->flags |= X86_IF;
    } else {
        r->flags &= ~(uint64_t)X86_IF;
    }
    return done(vc, in);
}

/* STAC and CLAC: supervisor code of a processor that has SMAP. */
static enum step access_flag(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (x86_cpl(vc) != 0 || !x86_has(vm, vc, 7, 0, 1, 20))
        return step_fault(vc, X86_UD);
    if (in->op == OP_STAC)
        vc->s.regs.flags |= X86_AC_FLAG;
    else
        vc->s.regs.flags &= ~(uint64_t)X86_AC_FLAG;
    return done(vc, in);
}

static enum step swap_gs(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_segment *gs = &vc->s.x86.seg[TSP_GS];
    uint64_t kernel;

    if (vc->s.regs.mode != TSP_MODE_LONG64)
        return step_fault(vc, X86_UD);
    if (x86_cpl(vc) != 0)
        return gp(vc);
    if (!x86_rdmsr(vm, vc, X86_MSR_KERNEL_GS_BASE, &kernel) ||
        !x86_wrmsr(vm, vc, X86_MSR_KERNEL_GS_BASE, gs->base))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    gs->base = kernel;
    return done(vc, in);
}

static enum step move_to_seg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned seg = in->opnd[0].reg;
    uint64_t sel;
    enum step read, step;

    if (seg == TSP_CS || seg > TSP_GS)
        return step_fault(vc, X86_UD);
    read = x86_read_operand(vm, vc, in, 1, 2, &sel);
    if (read == STEP_FAULT)
        return read;
    step = x86_load_seg(vm, vc, seg, (uint16_t)sel);
    if (step != STEP_NEXT)
        return step;
    if (seg == TSP_SS)
        vc->s.x86.shadow = TSP_SHADOW_MOVSS;
    x86_update_mode(vc);
    vcpu_advance(vc, in->len);
    return read;
}

/* 16 bits to memory, the register's size to a register. */
static enum step move_from_seg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned seg = in->opnd[1].reg, size = in->opnd[0].kind == OPND_MEM ? 2 : in->osize;
    enum step step;

    if (seg > TSP_GS)
        return step_fault(vc, X86_UD);
    step = x86_write_operand(vm, vc, in, 0, size, vc->s.x86.seg[seg].sel);
    if (step != STEP_FAULT)
        vcpu_advance(vc, in->len);
    return step;
}

/* Intel's processors write the selector only and leave the rest of a 32-bit or 64-bit slot alone
 * (SDM Vol. 2B PUSH), others the whole slot; outside RAM KVM stands in for both, and writes 16 of
 * 32 bits (torvalds/linux arch/x86/kvm/emulate.c em_push_sreg). */
static enum step push_seg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint16_t sel = vc->s.x86.seg[in->opnd[0].reg & 7].sel;
    struct x86_stack st;
    enum step step;

    x86_stack_now(vc, &st);
    step = x86_stack_push_part(vm, vc, &st, sel, in->osize, vm_host_is_amd(vm) ? in->osize : 2);
    if (step == STEP_FAULT)
        return step;
    if (step == STEP_EVENT)
        vm->ev->info[1] = 1 | (in->osize == 4 ? 2u : in->osize) << 4;
    x86_set_sp(vc, st.sp);
    vcpu_advance(vc, in->len);
    return step;
}

static enum step pop_seg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned seg = in->opnd[0].reg & 7;
    struct x86_stack st;
    uint64_t sel;
    enum step read, step;

    x86_stack_now(vc, &st);
    read = x86_stack_pop(vm, vc, &st, &sel, in->osize);
    if (read == STEP_FAULT)
        return read;
    if (read == STEP_EVENT) /* KVM's em_pop_sreg reads no more than the selector */
        vm->ev->info[1] = 2u << 4;
    step = x86_load_seg(vm, vc, seg, (uint16_t)sel);
    if (step != STEP_NEXT)
        return step;
    /* The width that counts is that of the stack popped from, also when SS itself changes. */
    vc->s.regs.r[TSP_RSP] =
        vc->s.regs.mode == TSP_MODE_LONG64 || !(st.ss.attr & ATTR_D) ? st.sp : (uint32_t)st.sp;
    if (seg == TSP_SS)
        vc->s.x86.shadow = TSP_SHADOW_MOVSS;
    x86_update_mode(vc);
    vcpu_advance(vc, in->len);
    return read;
}

/* LDS LES LFS LGS LSS: offset, then selector. */
static enum step load_far(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint8_t b[10];
    enum step read, step;

    read = x86_load(vm, vc, in->seg, x86_offset(vc, in), b, in->osize + 2u);
    if (read == STEP_FAULT)
        return read;
    step = x86_load_seg(vm, vc, in->cond, (uint16_t)le_load(b + in->osize, 2));
    if (step != STEP_NEXT)
        return step;
    x86_set_reg(vc, in->opnd[0].reg, in->osize, le_load(b, in->osize));
    x86_update_mode(vc);
    vcpu_advance(vc, in->len);
    return read;
}

static enum step invalidate(struct vcpu *vc, const struct insn *in)
{
    if (x86_cpl(vc) == 0)
        mmu_flush(vc);
    return privileged(vc, in);
}

static enum step segment_registers(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_MOV_SEG:
        return in->opnd[0].kind == OPND_SEG ? move_to_seg(vm, vc, in) : move_from_seg(vm, vc, in);
    case OP_PUSH_SEG:
        return push_seg(vm, vc, in);
    case OP_POP_SEG:
        return pop_seg(vm, vc, in);
    default:
        return load_far(vm, vc, in);
    }
}

/* The short ones. */
static enum step small(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_HLT:
        return halt(vm, vc, in);
    case OP_CLI:
    case OP_STI:
        return interrupt_flag(vm, vc, in);
    case OP_STAC:
    case OP_CLAC:
        return access_flag(vm, vc, in);
    case OP_SWAPGS:
        return swap_gs(vm, vc, in);
    case OP_INVLPG:
        return invalidate(vc, in);
    case OP_INVD:
    case OP_WBINVD:
        return privileged(vc, in);
    default:
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    }
}

/* Which file carries an operation out. */
static enum step (*handler(unsigned op))(struct vm *, struct vcpu *, const struct insn *)
{
    switch (op) {
    case OP_MOV_SEG:
    case OP_PUSH_SEG:
    case OP_POP_SEG:
    case OP_LFAR:
        return segment_registers;
    case OP_JMP_FAR:
    case OP_CALL_FAR:
        return x86_far;
    case OP_RET_FAR:
        return x86_far_return;
    case OP_IRET:
        return x86_iret;
    case OP_IN:
    case OP_OUT:
    case OP_INS:
    case OP_OUTS:
        return x86_port;
    case OP_RDMSR:
    case OP_WRMSR:
    case OP_RDTSC:
    case OP_RDTSCP:
    case OP_XGETBV:
    case OP_XSETBV:
        return x86_msr;
    case OP_MOV_CR:
    case OP_LMSW:
    case OP_SMSW:
    case OP_CLTS:
        return x86_control;
    case OP_MOV_DR:
        return x86_debug;
    case OP_SYSCALL:
    case OP_SYSRET:
    case OP_SYSENTER:
    case OP_SYSEXIT:
        return x86_syscall;
    default:
        break;
    }
    if ((op >= OP_LGDT && op <= OP_STR) || (op >= OP_LAR && op <= OP_VERW))
        return x86_tables;
    return small;
}

enum step x86_system(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    enum step step;

    if (in->op == OP_INT || in->op == OP_INT3 || in->op == OP_INTO || in->op == OP_INT1)
        return interrupt(vm, vc, in);
    step = handler(in->op)(vm, vc, in);
    /* One of several accesses left RAM: that is still to be seen. */
    return step == STEP_NEXT && vm->ev->kind == TSP_EV_MMIO ? STEP_EVENT : step;
}
