/* SPDX-License-Identifier: MIT */
/*
 * String instructions. REP performs one element at a time and the registers show each one done, so
 * that a fault in the middle restarts where it happened (Intel SDM Vol. 1 7.3.9.2). A handler does
 * at most STRING_CHUNK elements and then returns STEP_RETRY with pc at the instruction: the run
 * loop counts the chunk and comes back, so that no count makes it hang.
 */
#include "emu/x86/plain.h"

#define STRING_CHUNK 32u

static void step_index(struct vcpu *vc, const struct insn *in, unsigned reg)
{
    uint64_t by = (vc->s.regs.flags & X86_DF_FLAG) != 0 ? 0 - (uint64_t)in->osize : in->osize;

    reg_set(vc, reg, in->asize, vc->s.regs.r[reg] + by);
}

static uint64_t index_of(const struct vcpu *vc, const struct insn *in, unsigned reg)
{
    return cut(vc->s.regs.r[reg], in->asize);
}

static enum step source(struct vm *vm, struct vcpu *vc, const struct insn *in, uint64_t *v)
{
    return load(vm, vc, in->seg, index_of(vc, in, TSP_RSI), in->osize, v);
}

/* The destination is always ES:rDI. */
static enum step target(struct vm *vm, struct vcpu *vc, const struct insn *in, uint64_t *v)
{
    return load(vm, vc, TSP_ES, index_of(vc, in, TSP_RDI), in->osize, v);
}

static enum step one_movs(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step first = source(vm, vc, in, &v), second;

    if (first == STEP_FAULT)
        return first;
    second = store(vm, vc, TSP_ES, index_of(vc, in, TSP_RDI), in->osize, v);
    if (second == STEP_FAULT)
        return second;
    step_index(vc, in, TSP_RSI);
    step_index(vc, in, TSP_RDI);
    return step_both(first, second);
}

static enum step one_stos(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    enum step step = store(vm, vc, TSP_ES, index_of(vc, in, TSP_RDI), in->osize,
                           vc->s.regs.r[TSP_RAX] & size_mask(in->osize));

    if (step != STEP_FAULT)
        step_index(vc, in, TSP_RDI);
    return step;
}

static enum step one_lods(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step step = source(vm, vc, in, &v);

    if (step == STEP_FAULT)
        return step;
    reg_set(vc, TSP_RAX, in->osize, v);
    step_index(vc, in, TSP_RSI);
    return step;
}

static void set_difference(struct vcpu *vc, unsigned size, uint64_t a, uint64_t b)
{
    lazy_set(vc, LAZY_SUB, size, (a - b) & size_mask(size), a, b);
}

static enum step one_cmps(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t a, b;
    enum step first = source(vm, vc, in, &a), second;

    if (first == STEP_FAULT)
        return first;
    second = target(vm, vc, in, &b);
    if (second == STEP_FAULT)
        return second;
    set_difference(vc, in->osize, a, b);
    step_index(vc, in, TSP_RSI);
    step_index(vc, in, TSP_RDI);
    return step_both(first, second);
}

static enum step one_scas(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t b;
    enum step step = target(vm, vc, in, &b);

    if (step == STEP_FAULT)
        return step;
    set_difference(vc, in->osize, vc->s.regs.r[TSP_RAX] & size_mask(in->osize), b);
    step_index(vc, in, TSP_RDI);
    return step;
}

static inline enum step one(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_MOVS:
        return one_movs(vm, vc, in);
    case OP_STOS:
        return one_stos(vm, vc, in);
    case OP_LODS:
        return one_lods(vm, vc, in);
    case OP_CMPS:
        return one_cmps(vm, vc, in);
    default:
        return one_scas(vm, vc, in);
    }
}

/* CMPS and SCAS end when ZF differs from what F3 (REPE) or F2 (REPNE) wants. Elsewhere both repeat.
 */
static bool goes_on(const struct vcpu *vc, const struct insn *in)
{
    if (in->op != OP_CMPS && in->op != OP_SCAS)
        return true;
    return flag_zf(vc) == ((in->prefix & INSN_REP) != 0);
}

/* Back to the instruction: there is more to do. */
static void rewind_pc(struct vcpu *vc, const struct insn *in)
{
    uint64_t pc = vc->s.regs.pc - in->len;

    vc->s.regs.pc = vc->s.regs.mode == TSP_MODE_LONG64 ? pc : (uint32_t)pc;
}

/* TF and an event show every element; other vCPUs run between elements. */
static unsigned chunk(const struct vm *vm, const struct vcpu *vc)
{
    return vm->nvcpu > 1 || (vc->s.regs.flags & X86_TF) != 0 ? 1 : STRING_CHUNK;
}

static inline enum step string_op(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t count;
    enum step step;

    if ((in->prefix & (INSN_REP | INSN_REPNE)) == 0)
        return one(vm, vc, in);
    count = index_of(vc, in, TSP_RCX);
    for (unsigned n = chunk(vm, vc); count != 0; n--) {
        if (n == 0) {
            rewind_pc(vc, in);
            return STEP_RETRY;
        }
        step = one(vm, vc, in);
        if (step == STEP_FAULT)
            return step;
        reg_set(vc, TSP_RCX, in->asize, --count);
        if (!goes_on(vc, in))
            return step;
        if (step != STEP_NEXT) {
            if (count != 0)
                rewind_pc(vc, in);
            return step;
        }
    }
    return STEP_NEXT;
}

enum step plain_MOVS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return string_op(vm, vc, in);
}

enum step plain_STOS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return string_op(vm, vc, in);
}

enum step plain_LODS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return string_op(vm, vc, in);
}

enum step plain_CMPS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return string_op(vm, vc, in);
}

enum step plain_SCAS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return string_op(vm, vc, in);
}
