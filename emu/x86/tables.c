/* SPDX-License-Identifier: MIT */
/* Descriptor-table registers, LDTR and TR, and the instructions that look a selector up without
 * loading it. */
#include "emu/x86/segment.h"

static enum step gp(struct vcpu *vc)
{
    return step_fault_code(vc, X86_GP, 0);
}

/* Outside RAM: a processor makes two accesses of it, and KVM's emulator cannot do those of a load
 * (torvalds/linux arch/x86/kvm/emulate.c read_descriptor). */
static enum step elsewhere(struct vm *vm, struct vcpu *vc)
{
    return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
}

/* 64-bit code stores and loads 8 bytes of base, other code 4. */
static unsigned base_size(const struct vcpu *vc)
{
    return vc->s.regs.mode == TSP_MODE_LONG64 ? 8 : 4;
}

static enum step load_table(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_table *t = in->op == OP_LGDT ? &vc->s.x86.gdt : &vc->s.x86.idt;
    unsigned size = base_size(vc);
    uint8_t b[10];
    uint64_t base;
    enum step step;

    if (x86_cpl(vc) != 0)
        return gp(vc);
    step = x86_load(vm, vc, in->seg, x86_offset(vc, in), b, 2 + size);
    if (step == STEP_FAULT)
        return step;
    if (step == STEP_EVENT)
        return elsewhere(vm, vc);
    base = le_load(b + 2, size);
    if (in->osize == 2)
        base &= 0xffffff;
    if (!x86_canonical(base))
        return gp(vc);
    t->limit = (uint32_t)le_load(b, 2);
    t->base = base;
    vcpu_advance(vc, in->len);
    return step;
}

static bool umip(const struct vcpu *vc)
{
    return (vc->s.x86.cr4 & CR4_UMIP) && x86_cpl(vc) != 0;
}

static enum step store_table(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    const struct tsp_table *t = in->op == OP_SGDT ? &vc->s.x86.gdt : &vc->s.x86.idt;
    unsigned size = base_size(vc);
    uint8_t b[10];
    enum step step;

    if (umip(vc))
        return gp(vc);
    le_store(b, t->limit, 2);
    le_store(b + 2, t->base, size);
    step = x86_store(vm, vc, in->seg, x86_offset(vc, in), b, 2 + size);
    if (step == STEP_EVENT)
        return elsewhere(vm, vc);
    if (step != STEP_FAULT)
        vcpu_advance(vc, in->len);
    return step;
}

/* Reads a system descriptor of the GDT, 16 bytes of it in long mode; the type is one of two. */
static enum step system_descriptor(struct vm *vm, struct vcpu *vc, uint16_t sel,
                                   struct tsp_segment *out)
{
    uint64_t raw, high = 0;
    enum step step;

    if (sel & 4)
        return step_fault_code(vc, X86_GP, sel & ~3u);
    step = x86_descriptor(vm, vc, sel, X86_GP, &raw);
    if (step == STEP_NEXT && x86_long_mode(vc))
        step = x86_descriptor_high(vm, vc, sel, &high);
    if (step != STEP_NEXT)
        return step;
    x86_unpack(raw, sel, out);
    out->base |= high << 32;
    if (!x86_canonical(out->base))
        return step_fault_code(vc, X86_GP, sel & ~3u);
    return STEP_NEXT;
}

static enum step load_ldt(struct vm *vm, struct vcpu *vc, uint16_t sel)
{
    struct tsp_segment s;
    enum step step;

    if ((sel & ~3u) == 0) {
        x86_set_null(vc, TSP_LDTR, sel, 0);
        return STEP_NEXT;
    }
    step = system_descriptor(vm, vc, sel, &s);
    if (step != STEP_NEXT)
        return step;
    if ((s.attr & (ATTR_S | ATTR_TYPE)) != SYS_LDT)
        return step_fault_code(vc, X86_GP, sel & ~3u);
    if (!(s.attr & ATTR_P))
        return step_fault_code(vc, X86_NP, sel & ~3u);
    vc->s.x86.seg[TSP_LDTR] = s;
    return STEP_NEXT;
}

static enum step load_task(struct vm *vm, struct vcpu *vc, uint16_t sel)
{
    struct tsp_segment s;
    unsigned type;
    enum step step;

    if ((sel & ~3u) == 0)
        return gp(vc);
    step = system_descriptor(vm, vc, sel, &s);
    if (step != STEP_NEXT)
        return step;
    type = s.attr & (ATTR_S | ATTR_TYPE);
    if (type != SYS_TSS && (type != SYS_TSS16 || x86_long_mode(vc)))
        return step_fault_code(vc, X86_GP, sel & ~3u);
    if (!(s.attr & ATTR_P))
        return step_fault_code(vc, X86_NP, sel & ~3u);
    s.attr |= 2; /* busy */
    step = x86_mark_descriptor(vm, vc, sel, 2);
    if (step == STEP_NEXT)
        vc->s.x86.seg[TSP_TR] = s;
    return step;
}

static enum step load_system_segment(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t sel;
    enum step read, step;

    if (x86_cpl(vc) != 0)
        return gp(vc);
    read = x86_read_operand(vm, vc, in, 0, 2, &sel);
    if (read == STEP_FAULT)
        return read;
    step = in->op == OP_LLDT ? load_ldt(vm, vc, (uint16_t)sel) : load_task(vm, vc, (uint16_t)sel);
    if (step != STEP_NEXT)
        return step;
    vcpu_advance(vc, in->len);
    return read;
}

/* SLDT, STR: 16 bits to memory, the register's size to a register. */
static enum step store_system_segment(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint16_t sel = vc->s.x86.seg[in->op == OP_SLDT ? TSP_LDTR : TSP_TR].sel;
    unsigned size = in->opnd[0].kind == OPND_MEM ? 2 : in->osize;
    enum step step;

    if (umip(vc))
        return gp(vc);
    step = x86_write_operand(vm, vc, in, 0, size, sel);
    if (step != STEP_FAULT)
        vcpu_advance(vc, in->len);
    return step;
}

/* System types that LAR and LSL accept, outside long mode and in it (Intel SDM Vol. 2A tables 3-53,
 * 3-54). */
static bool type_visible(const struct vcpu *vc, const struct insn *in, unsigned type)
{
    static const uint16_t seen[2][2] = {
        {0x1a3e, 0x1a04}, /* LAR: legacy, long mode */
        {0x0a0e, 0x0a04}, /* LSL */
    };

    return (seen[in->op == OP_LSL][x86_long_mode(vc)] >> type & 1) != 0;
}

static bool selector_visible(const struct vcpu *vc, const struct insn *in,
                             const struct tsp_segment *s)
{
    unsigned dpl = attr_dpl(s->attr);
    bool near = dpl >= x86_cpl(vc) && dpl >= (s->sel & 3u);

    if (in->op == OP_VERR && !attr_is_readable(s->attr))
        return false;
    if (in->op == OP_VERW && !attr_is_writable(s->attr))
        return false;
    if (attr_is_conforming(s->attr))
        return true;
    if (!(s->attr & ATTR_S) && !type_visible(vc, in, s->attr & ATTR_TYPE))
        return false;
    return near;
}

/* LAR, LSL, VERR, VERW: ZF tells whether the selector would do; nothing about the selector faults.
 */
static enum step look_up(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool dest = in->op == OP_LAR || in->op == OP_LSL;
    struct tsp_segment s = {0};
    uint64_t sel, raw = 0;
    enum step read = x86_read_operand(vm, vc, in, dest ? 1 : 0, 2, &sel), step;
    bool ok;

    if (read == STEP_FAULT)
        return read;
    step = (sel & ~3u) ? x86_descriptor(vm, vc, (uint16_t)sel, X86_GP, &raw)
                       : step_fault_code(vc, X86_GP, 0);
    if (step == STEP_FAULT && vc->fault.vector != X86_GP)
        return step;
    x86_unpack(raw, (uint16_t)sel, &s);
    ok = step == STEP_NEXT && selector_visible(vc, in, &s);
    x86_flags(vc);
    vc->s.regs.flags &= ~(uint64_t)X86_ZF;
    if (ok)
        vc->s.regs.flags |= X86_ZF;
    if (ok && in->op == OP_LAR)
        x86_set_reg(vc, in->opnd[0].reg, in->osize, raw >> 32 & 0x00f0ff00u);
    if (ok && in->op == OP_LSL)
        x86_set_reg(vc, in->opnd[0].reg, in->osize, s.limit);
    vcpu_advance(vc, in->len);
    return read;
}

enum step x86_tables(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_LGDT:
    case OP_LIDT:
        return load_table(vm, vc, in);
    case OP_SGDT:
    case OP_SIDT:
        return store_table(vm, vc, in);
    default:
        break;
    }
    /* The rest does not exist where selectors are paragraphs. */
    if (x86_paragraphs(vc))
        return step_fault(vc, X86_UD);
    switch (in->op) {
    case OP_LLDT:
    case OP_LTR:
        return load_system_segment(vm, vc, in);
    case OP_SLDT:
    case OP_STR:
        return store_system_segment(vm, vc, in);
    default:
        return look_up(vm, vc, in);
    }
}
