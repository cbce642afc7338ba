/* SPDX-License-Identifier: MIT */
/* Far RET and IRET (Intel SDM Vol. 2A IRET, Vol. 2B RET). */
#include "emu/x86/segment.h"

#define FLAGS_ARITH 0x8d5u
#define FLAGS_ANY (FLAGS_ARITH | X86_TF | X86_DF_FLAG | X86_NT)
#define FLAGS_WIDE (X86_RF | X86_AC_FLAG | X86_ID)
#define FLAGS_SUPERVISOR (X86_IOPL | 0x180000u) /* IOPL, VIF, VIP */

/* What was popped, and where it leads. */
struct back {
    uint64_t pc, cs, flags, sp, ss;
    struct tsp_segment code, stack;
    unsigned size;  /* bytes a pop */
    unsigned level; /* privilege level returned to */
    bool iret, has_stack;
};

static enum step gp(struct vcpu *vc, uint64_t sel)
{
    return step_fault_code(vc, X86_GP, sel & 0xfffc);
}

/* Only the bits that this privilege level may change. */
static void set_flags(struct vcpu *vc, uint64_t v, unsigned size, unsigned cpl)
{
    uint64_t mask = FLAGS_ANY, flags = vc->s.regs.flags;

    if (size > 2)
        mask |= FLAGS_WIDE;
    if (cpl <= bits_get(flags, 13, 12))
        mask |= X86_IF;
    if (cpl == 0)
        mask |= size > 2 ? FLAGS_SUPERVISOR : X86_IOPL;
    vc->s.regs.flags = (flags & ~mask) | (v & mask);
    vc->lazy = (struct lazy_flags){0};
}

static enum step pop3(struct vm *vm, struct vcpu *vc, struct x86_stack *st, struct back *b)
{
    if (x86_stack_pop(vm, vc, st, &b->pc, b->size) == STEP_FAULT ||
        x86_stack_pop(vm, vc, st, &b->cs, b->size) == STEP_FAULT)
        return STEP_FAULT;
    b->cs &= 0xffff;
    if (b->iret && x86_stack_pop(vm, vc, st, &b->flags, b->size) == STEP_FAULT)
        return STEP_FAULT;
    return STEP_NEXT;
}

static enum step paragraph(struct vm *vm, struct vcpu *vc, struct back *b, uint64_t drop)
{
    struct x86_stack st;

    if (b->iret && vc->s.regs.mode == TSP_MODE_VM86 && bits_get(vc->s.regs.flags, 13, 12) != 3)
        return x86_virtual_if(vc) ? step_stop(vm, vc, TSP_STOP_UNSUPPORTED) : gp(vc, 0);
    x86_stack_now(vc, &st);
    if (pop3(vm, vc, &st, b) == STEP_FAULT)
        return STEP_FAULT;
    if (b->pc > 0xffff)
        return gp(vc, 0);
    x86_set_sp(vc, st.sp + drop);
    x86_set_paragraph(vc, TSP_CS, (uint16_t)b->cs);
    vc->s.regs.pc = b->pc;
    /* Virtual-8086 mode runs at CPL 3: IOPL stays, and IF may change because IOPL is 3. */
    if (b->iret)
        set_flags(vc, b->flags, b->size, x86_cpl(vc));
    return STEP_NEXT;
}

static enum step check_code(struct vm *vm, struct vcpu *vc, struct back *b)
{
    unsigned rpl = b->cs & 3u;
    uint64_t raw;
    enum step step;

    if ((b->cs & ~3u) == 0)
        return gp(vc, 0);
    step = x86_descriptor(vm, vc, (uint16_t)b->cs, X86_GP, &raw);
    if (step != STEP_NEXT)
        return step;
    x86_unpack(raw, (uint16_t)b->cs, &b->code);
    if (!attr_is_code(b->code.attr) || rpl < x86_cpl(vc))
        return gp(vc, b->cs);
    if (attr_is_conforming(b->code.attr) ? attr_dpl(b->code.attr) > rpl
                                         : attr_dpl(b->code.attr) != rpl)
        return gp(vc, b->cs);
    if (x86_long_mode(vc) && (b->code.attr & ATTR_L) && (b->code.attr & ATTR_D))
        return gp(vc, b->cs);
    if (!(b->code.attr & ATTR_P))
        return step_fault_code(vc, X86_NP, b->cs & 0xfffc);
    b->level = rpl;
    return STEP_NEXT;
}

static bool to_long(const struct vcpu *vc, const struct back *b)
{
    return x86_long_mode(vc) && (b->code.attr & ATTR_L);
}

/* SS of the stack returned to. 64-bit code below CPL 3 may run with a null one. */
static enum step check_stack(struct vm *vm, struct vcpu *vc, struct back *b)
{
    if ((b->ss & 0xfffc) == 0 && to_long(vc, b) && b->level != 3) {
        if ((b->ss & 3u) != b->level)
            return gp(vc, b->ss);
        b->stack = (struct tsp_segment){.sel = (uint16_t)b->ss, .attr = (uint16_t)(b->level << 5)};
        return STEP_NEXT;
    }
    return x86_check_stack(vm, vc, (uint16_t)b->ss, b->level, X86_GP, &b->stack);
}

/* Segments that the outer level could not have loaded are emptied. */
static void empty_segments(struct vcpu *vc, unsigned level)
{
    static const uint8_t data[] = {TSP_ES, TSP_DS, TSP_FS, TSP_GS};

    for (unsigned i = 0; i < sizeof(data); i++) {
        uint16_t attr = vc->s.x86.seg[data[i]].attr;

        if (!attr_is_conforming(attr) && attr_dpl(attr) < level)
            x86_set_null(vc, data[i], 0, 0);
    }
}

static enum step finish(struct vm *vm, struct vcpu *vc, const struct back *b,
                        const struct x86_stack *st, uint64_t drop)
{
    unsigned cpl = x86_cpl(vc);
    bool ok = to_long(vc, b) ? x86_canonical(b->pc) : b->pc <= b->code.limit;

    if (!ok)
        return gp(vc, 0);
    if (x86_set_code(vm, vc, &b->code, b->level) == STEP_FAULT)
        return STEP_FAULT;
    if (b->iret)
        set_flags(vc, b->flags, b->size, cpl);
    vc->s.regs.pc = b->pc;
    if (b->has_stack)
        vc->s.x86.seg[TSP_SS] = b->stack;
    if (b->level != cpl)
        empty_segments(vc, b->level);
    x86_update_mode(vc);
    if (!b->has_stack)
        vc->s.regs.r[TSP_RSP] = st->sp;
    else if (b->size == 8)
        vc->s.regs.r[TSP_RSP] = b->sp;
    x86_set_sp(vc, (b->has_stack ? b->sp : st->sp) + drop);
    return STEP_NEXT;
}

static enum step protected_return(struct vm *vm, struct vcpu *vc, struct back *b,
                                  struct x86_stack *st, uint64_t drop)
{
    enum step step = check_code(vm, vc, b);

    if (step != STEP_NEXT)
        return step;
    /* IRET in 64-bit mode pops SS:RSP even when the privilege level stays. */
    b->has_stack = b->level != x86_cpl(vc) || (b->iret && vc->s.regs.mode == TSP_MODE_LONG64);
    if (b->has_stack) {
        st->sp += drop;
        if (x86_stack_pop(vm, vc, st, &b->sp, b->size) == STEP_FAULT ||
            x86_stack_pop(vm, vc, st, &b->ss, b->size) == STEP_FAULT)
            return STEP_FAULT;
        b->ss &= 0xffff;
        step = check_stack(vm, vc, b);
        if (step != STEP_NEXT)
            return step;
    }
    return finish(vm, vc, b, st, drop);
}

/* What is popped outside RAM comes in one piece after the other, and KVM's emulator has no IRET but
 * that of real mode (torvalds/linux arch/x86/kvm/emulate.c em_ret_far, em_iret): nobody can say
 * what user space sees of it. */
static enum step ended(struct vm *vm, struct vcpu *vc, const struct x86_save *save, enum step step)
{
    bool elsewhere = vm->ev->kind == TSP_EV_MMIO;

    if (step == STEP_FAULT || elsewhere)
        x86_restore(vc, save);
    return elsewhere ? step_stop(vm, vc, TSP_STOP_UNSUPPORTED) : step;
}

enum step x86_far_return(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct back b = {.size = in->osize};
    uint64_t drop = in->imm & 0xffff;
    struct x86_save save;
    struct x86_stack st;
    enum step step;

    x86_save(vc, &save);
    x86_stack_now(vc, &st);
    if (x86_paragraphs(vc))
        step = paragraph(vm, vc, &b, drop);
    else if (pop3(vm, vc, &st, &b) == STEP_FAULT)
        step = STEP_FAULT;
    else
        step = protected_return(vm, vc, &b, &st, drop);
    return ended(vm, vc, &save, step);
}

/* To virtual-8086 mode: ESP, SS, ES, DS, FS and GS follow. */
static enum step return_vm86(struct vm *vm, struct vcpu *vc, const struct back *b,
                             struct x86_stack *st)
{
    static const uint8_t order[] = {TSP_SS, TSP_ES, TSP_DS, TSP_FS, TSP_GS};
    uint64_t sp, sel[sizeof(order)];

    if (x86_stack_pop(vm, vc, st, &sp, 4) == STEP_FAULT)
        return STEP_FAULT;
    for (unsigned i = 0; i < sizeof(order); i++)
        if (x86_stack_pop(vm, vc, st, &sel[i], 4) == STEP_FAULT)
            return STEP_FAULT;
    set_flags(vc, b->flags, 4, 0);
    vc->s.regs.flags |= X86_VM;
    x86_update_mode(vc);
    x86_set_paragraph(vc, TSP_CS, (uint16_t)b->cs);
    for (unsigned i = 0; i < sizeof(order); i++)
        x86_set_paragraph(vc, order[i], (uint16_t)sel[i]);
    vc->s.regs.r[TSP_RSP] = sp;
    vc->s.regs.pc = b->pc & 0xffff;
    return STEP_NEXT;
}

static enum step protected_iret(struct vm *vm, struct vcpu *vc, struct back *b)
{
    struct x86_stack st;

    if (vc->s.regs.flags & X86_NT) {
        if (x86_long_mode(vc))
            return gp(vc, 0);
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED); /* return from a nested task */
    }
    x86_stack_now(vc, &st);
    if (pop3(vm, vc, &st, b) == STEP_FAULT)
        return STEP_FAULT;
    if ((b->flags & X86_VM) && b->size == 4 && x86_cpl(vc) == 0 && !x86_long_mode(vc))
        return return_vm86(vm, vc, b, &st);
    return protected_return(vm, vc, b, &st, 0);
}

enum step x86_iret(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct back b = {.size = in->osize, .iret = true};
    struct x86_save save;
    enum step step;

    x86_flags(vc);
    x86_save(vc, &save);
    if (x86_paragraphs(vc))
        step = paragraph(vm, vc, &b, 0);
    else
        step = protected_iret(vm, vc, &b);
    return ended(vm, vc, &save, step);
}
