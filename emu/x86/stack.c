/* SPDX-License-Identifier: MIT */
/* Pushes and pops: on the stack in the registers, and on one that is only about to become it. */
#include "emu/x86/segment.h"

void x86_stack_now(const struct vcpu *vc, struct x86_stack *st)
{
    st->ss = vc->s.x86.seg[TSP_SS];
    st->sp = vc->s.regs.r[TSP_RSP];
    st->mode = vc->s.regs.mode;
    st->level = x86_cpl(vc);
}

static uint64_t sp_mask(const struct x86_stack *st)
{
    if (st->mode == TSP_MODE_LONG64)
        return ~(uint64_t)0;
    return st->ss.attr & ATTR_D ? 0xffffffffu : 0xffffu;
}

void x86_set_sp(struct vcpu *vc, uint64_t sp)
{
    uint64_t *rsp = &vc->s.regs.r[TSP_RSP];

    if (vc->s.regs.mode == TSP_MODE_LONG64)
        *rsp = sp;
    else if (vc->s.x86.seg[TSP_SS].attr & ATTR_D)
        *rsp = (uint32_t)sp;
    else
        *rsp = (*rsp & ~(uint64_t)0xffff) | (sp & 0xffff);
}

/* The segment check of st, with st's segment and level in force for the time of the access. */
static enum step access(struct vm *vm, struct vcpu *vc, const struct x86_stack *st, uint8_t *buf,
                        unsigned size, bool write)
{
    struct tsp_segment ss = vc->s.x86.seg[TSP_SS];
    uint32_t mode = vc->s.regs.mode, level = vc->s.regs.level;
    uint64_t sp = st->sp & sp_mask(st);
    enum step step;

    vc->s.x86.seg[TSP_SS] = st->ss;
    vc->s.regs.level = st->level;
    vc->s.regs.mode = st->mode;
    step =
        write ? x86_store(vm, vc, TSP_SS, sp, buf, size) : x86_load(vm, vc, TSP_SS, sp, buf, size);
    vc->s.x86.seg[TSP_SS] = ss;
    vc->s.regs.mode = mode;
    vc->s.regs.level = level;
    return step;
}

/* Puts sp's low bits in place, keeping what the stack's width does not cover. */
static void move(struct x86_stack *st, uint64_t sp)
{
    uint64_t mask = sp_mask(st);

    st->sp = (st->sp & ~mask) | (sp & mask);
}

enum step x86_stack_push(struct vm *vm, struct vcpu *vc, struct x86_stack *st, uint64_t value,
                         unsigned size)
{
    return x86_stack_push_part(vm, vc, st, value, size, size);
}

enum step x86_stack_push_part(struct vm *vm, struct vcpu *vc, struct x86_stack *st, uint64_t value,
                              unsigned size, unsigned part)
{
    struct x86_stack next = *st;
    uint8_t b[8];
    enum step step;

    le_store(b, value, part);
    move(&next, st->sp - size);
    step = access(vm, vc, &next, b, part, true);
    if (step != STEP_FAULT)
        *st = next;
    return step;
}

enum step x86_stack_pop(struct vm *vm, struct vcpu *vc, struct x86_stack *st, uint64_t *value,
                        unsigned size)
{
    uint8_t b[8];
    enum step step = access(vm, vc, st, b, size, false);

    if (step == STEP_FAULT)
        return step;
    *value = le_load(b, size);
    move(st, st->sp + size);
    return step;
}

static uint64_t current_mask(const struct vcpu *vc)
{
    if (vc->s.regs.mode == TSP_MODE_LONG64)
        return ~(uint64_t)0;
    return vc->s.x86.seg[TSP_SS].attr & ATTR_D ? 0xffffffffu : 0xffffu;
}

enum step x86_push(struct vm *vm, struct vcpu *vc, uint64_t value, unsigned size)
{
    uint64_t sp = (vc->s.regs.r[TSP_RSP] - size) & current_mask(vc);
    uint8_t b[8];
    enum step step;

    le_store(b, value, size);
    step = x86_store(vm, vc, TSP_SS, sp, b, size);
    if (step != STEP_FAULT)
        x86_set_sp(vc, sp);
    return step;
}

enum step x86_pop(struct vm *vm, struct vcpu *vc, uint64_t *value, unsigned size)
{
    uint64_t sp = vc->s.regs.r[TSP_RSP] & current_mask(vc);
    uint8_t b[8];
    enum step step = x86_load(vm, vc, TSP_SS, sp, b, size);

    if (step == STEP_FAULT)
        return step;
    *value = le_load(b, size);
    x86_set_sp(vc, sp + size);
    return step;
}
