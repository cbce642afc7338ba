/* SPDX-License-Identifier: MIT */
/*
 * Far JMP and CALL (Intel SDM Vol. 2A JMP, CALL): code segments and call gates. Task gates and TSS
 * selectors switch tasks, which the model does not do: they stop the guest.
 */
#include "emu/x86/segment.h"

#define COPY_MAX 31u /* parameters a call gate can copy */

struct far_target {
    uint16_t sel;
    uint64_t offset;
    bool call;
    unsigned size; /* bytes a push */
};

static enum step gp(struct vcpu *vc, uint16_t sel)
{
    return step_fault_code(vc, X86_GP, sel & ~3u);
}

/* Return address on the stack st. */
static enum step push_return(struct vm *vm, struct vcpu *vc, struct x86_stack *st,
                             const struct insn *in, unsigned size)
{
    uint64_t pc = vc->s.regs.pc + in->len;

    if (x86_stack_push(vm, vc, st, vc->s.x86.seg[TSP_CS].sel, size) == STEP_FAULT)
        return STEP_FAULT;
    return x86_stack_push(vm, vc, st, pc, size) == STEP_FAULT ? STEP_FAULT : STEP_NEXT;
}

static enum step paragraph(struct vm *vm, struct vcpu *vc, const struct insn *in,
                           const struct far_target *t)
{
    struct x86_stack st;

    if (t->offset > 0xffff)
        return step_fault_code(vc, X86_GP, 0);
    x86_stack_now(vc, &st);
    if (t->call && push_return(vm, vc, &st, in, t->size) == STEP_FAULT)
        return STEP_FAULT;
    if (t->call)
        vc->s.regs.r[TSP_RSP] = st.sp;
    x86_set_paragraph(vc, TSP_CS, t->sel);
    vc->s.regs.pc = t->offset;
    return STEP_NEXT;
}

/* Checks a code segment reached directly or, from_gate, through a call gate. */
static enum step check_code(struct vcpu *vc, const struct tsp_segment *cs, bool from_gate)
{
    unsigned dpl = attr_dpl(cs->attr), cpl = x86_cpl(vc), rpl = cs->sel & 3u;

    if (attr_is_conforming(cs->attr) || from_gate) {
        if (dpl > cpl)
            return gp(vc, cs->sel);
    } else if (rpl > cpl || dpl != cpl) {
        return gp(vc, cs->sel);
    }
    if (!(cs->attr & ATTR_P))
        return step_fault_code(vc, X86_NP, cs->sel & ~3u);
    if (x86_long_mode(vc) && (cs->attr & ATTR_L) && (cs->attr & ATTR_D))
        return gp(vc, cs->sel);
    return STEP_NEXT;
}

static bool offset_ok(const struct vcpu *vc, const struct tsp_segment *cs, uint64_t offset)
{
    if (x86_long_mode(vc) && (cs->attr & ATTR_L))
        return x86_canonical(offset);
    return offset <= cs->limit;
}

/* The stack and segment are ready: registers change. */
static enum step arrive(struct vm *vm, struct vcpu *vc, const struct tsp_segment *cs, unsigned cpl,
                        uint64_t offset)
{
    enum step step = x86_set_code(vm, vc, cs, cpl);

    if (step == STEP_FAULT)
        return step;
    vc->s.regs.pc = offset;
    x86_update_mode(vc);
    return STEP_NEXT;
}

static enum step direct(struct vm *vm, struct vcpu *vc, const struct insn *in,
                        const struct far_target *t, const struct tsp_segment *cs)
{
    uint64_t offset = t->offset;
    struct x86_stack st;
    enum step step = check_code(vc, cs, false);

    if (step != STEP_NEXT)
        return step;
    x86_stack_now(vc, &st);
    if (t->call && push_return(vm, vc, &st, in, t->size) == STEP_FAULT)
        return STEP_FAULT;
    if (!offset_ok(vc, cs, offset))
        return step_fault_code(vc, X86_GP, 0);
    vc->s.regs.r[TSP_RSP] = st.sp;
    return arrive(vm, vc, cs, x86_cpl(vc), offset);
}

/* A more privileged stack for a call gate; SS:RSP and the parameters go there first. */
static enum step inner_stack(struct vm *vm, struct vcpu *vc, const struct far_target *t,
                             unsigned level, unsigned copies, struct x86_stack *st)
{
    struct x86_stack old;
    uint64_t param[COPY_MAX];
    uint16_t sel = (uint16_t)level;
    enum step step;

    x86_stack_now(vc, &old);
    st->level = level;
    st->mode = x86_long_mode(vc) ? TSP_MODE_LONG64 : TSP_MODE_PROT32;
    st->ss = (struct tsp_segment){.sel = sel, .attr = (uint16_t)(level << 5)};
    if (x86_long_mode(vc))
        step = x86_tss_rsp(vm, vc, 4 + 8 * level, &st->sp);
    else
        step = x86_tss_stack(vm, vc, level, &sel, &st->sp);
    if (step == STEP_NEXT && !x86_long_mode(vc))
        step = x86_check_stack(vm, vc, sel, level, X86_TS, &st->ss);
    if (step != STEP_NEXT)
        return step;
    if (x86_stack_push(vm, vc, st, vc->s.x86.seg[TSP_SS].sel, t->size) == STEP_FAULT ||
        x86_stack_push(vm, vc, st, vc->s.regs.r[TSP_RSP], t->size) == STEP_FAULT)
        return STEP_FAULT;
    for (unsigned i = 0; i < copies; i++)
        if (x86_stack_pop(vm, vc, &old, &param[i], t->size) == STEP_FAULT)
            return STEP_FAULT;
    for (unsigned i = copies; i-- > 0;)
        if (x86_stack_push(vm, vc, st, param[i], t->size) == STEP_FAULT)
            return STEP_FAULT;
    return STEP_NEXT;
}

/* A call gate's target, after the gate itself was checked. */
static enum step through(struct vm *vm, struct vcpu *vc, const struct insn *in,
                         struct far_target *t, const struct tsp_segment *cs, unsigned copies)
{
    unsigned level = attr_dpl(cs->attr), cpl = x86_cpl(vc);
    bool inner = t->call && !attr_is_conforming(cs->attr) && level < cpl;
    struct x86_stack st;
    enum step step = check_code(vc, cs, true);

    if (step != STEP_NEXT)
        return step;
    if (!t->call && !attr_is_conforming(cs->attr) && level != cpl)
        return gp(vc, cs->sel);
    x86_stack_now(vc, &st);
    if (inner) {
        step = inner_stack(vm, vc, t, level, copies, &st);
        if (step != STEP_NEXT)
            return step;
    }
    if (t->call && push_return(vm, vc, &st, in, t->size) == STEP_FAULT)
        return STEP_FAULT;
    if (!offset_ok(vc, cs, t->offset))
        return step_fault_code(vc, X86_GP, 0);
    vc->s.x86.seg[TSP_SS] = st.ss;
    vc->s.regs.r[TSP_RSP] = st.sp;
    return arrive(vm, vc, cs, inner ? level : cpl, t->offset);
}

/*  63     48 47 46  44 43  40 36     32 31     16 15     0
 *  offset    P  DPL 0  type   copies    selector  offset
 *  A 64-bit gate has offset 63:32 in its second half. */
static enum step call_gate(struct vm *vm, struct vcpu *vc, const struct insn *in, uint64_t raw,
                           struct far_target *t)
{
    unsigned dpl = (unsigned)bits_get(raw, 46, 45), copies = (unsigned)bits_get(raw, 36, 32);
    bool wide = x86_long_mode(vc), small = bits_get(raw, 43, 40) == SYS_CALL16;
    uint16_t gate = t->sel, sel = (uint16_t)bits_get(raw, 31, 16);
    uint64_t high = 0, code;
    struct tsp_segment cs;
    enum step step;

    if (dpl < x86_cpl(vc) || dpl < (gate & 3u))
        return gp(vc, gate);
    if (!bits_test(raw, 47))
        return step_fault_code(vc, X86_NP, gate & ~3u);
    step = wide ? x86_descriptor_high(vm, vc, gate, &high) : STEP_NEXT;
    if (step != STEP_NEXT)
        return step;
    if ((sel & ~3u) == 0)
        return step_fault_code(vc, X86_GP, 0);
    step = x86_descriptor(vm, vc, sel, X86_GP, &code);
    if (step != STEP_NEXT)
        return step;
    x86_unpack(code, sel, &cs);
    if (!attr_is_code(cs.attr) || (wide && !(cs.attr & ATTR_L)))
        return gp(vc, sel);
    t->offset = bits_get(raw, 15, 0) | (small ? 0 : bits_get(raw, 63, 48) << 16) | high << 32;
    t->size = wide ? 8 : small ? 2 : 4;
    return through(vm, vc, in, t, &cs, wide ? 0 : copies);
}

static enum step protected_far(struct vm *vm, struct vcpu *vc, const struct insn *in,
                               struct far_target *t)
{
    struct tsp_segment cs;
    uint64_t raw;
    unsigned type;
    enum step step;

    if ((t->sel & ~3u) == 0)
        return step_fault_code(vc, X86_GP, 0);
    step = x86_descriptor(vm, vc, t->sel, X86_GP, &raw);
    if (step != STEP_NEXT)
        return step;
    x86_unpack(raw, t->sel, &cs);
    if (attr_is_code(cs.attr))
        return direct(vm, vc, in, t, &cs);
    type = cs.attr & ATTR_TYPE;
    if (cs.attr & ATTR_S)
        return gp(vc, t->sel);
    if (type == SYS_CALL || (type == SYS_CALL16 && !x86_long_mode(vc)))
        return call_gate(vm, vc, in, raw, t);
    if (!x86_long_mode(vc) && (type == SYS_TASK_GATE || type == SYS_TSS || type == SYS_TSS16))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    return gp(vc, t->sel);
}

static enum step read_target(struct vm *vm, struct vcpu *vc, const struct insn *in,
                             struct far_target *t)
{
    uint8_t b[10];
    enum step step;

    t->call = in->op == OP_CALL_FAR;
    t->size = in->osize;
    t->sel = in->far_sel;
    t->offset = in->imm & bits_mask(8u * in->osize);
    if (in->opnd[0].kind != OPND_MEM)
        return STEP_NEXT;
    step = x86_load(vm, vc, in->seg, x86_offset(vc, in), b, in->osize + 2u);
    if (step == STEP_FAULT)
        return step;
    t->offset = le_load(b, in->osize);
    t->sel = (uint16_t)le_load(b + in->osize, 2);
    return STEP_NEXT;
}

enum step x86_far(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct far_target t;
    struct x86_save save;
    enum step step = read_target(vm, vc, in, &t);

    if (step != STEP_NEXT)
        return step;
    x86_save(vc, &save);
    if (x86_paragraphs(vc))
        step = paragraph(vm, vc, in, &t);
    else
        step = protected_far(vm, vc, in, &t);
    if (step == STEP_FAULT)
        x86_restore(vc, &save);
    return step;
}
