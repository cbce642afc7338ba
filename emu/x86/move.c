/* SPDX-License-Identifier: MIT */
/* Moves, exchanges, conversions, flag instructions and what does nothing. */
#include "emu/x86/plain.h"

enum step x86_load_value(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, unsigned size,
                         uint64_t *v)
{
    uint8_t b[8];
    enum step step = x86_load(vm, vc, seg, off, b, size);

    if (step != STEP_FAULT)
        *v = host_load(b, size);
    return step;
}

enum step x86_store_value(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, unsigned size,
                          uint64_t v)
{
    uint8_t b[8];

    host_store(b, v, size);
    return x86_store(vm, vc, seg, off, b, size);
}

enum step x86_rmw_begin(struct vm *vm, struct vcpu *vc, const struct insn *in, struct rmw *m,
                        uint64_t *v)
{
    unsigned size = in->opnd[0].size;

    m->step = x86_check_write(vm, vc, in->seg, m->off, size);
    if (m->step == STEP_FAULT)
        return STEP_FAULT;
    m->step = x86_load_value(vm, vc, in->seg, m->off, size, v);
    return m->step;
}

enum step plain_MOV(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    return step == STEP_FAULT ? step : step_both(step, write_opnd(vm, vc, in, 0, v));
}

enum step plain_MOVZX(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    if (step != STEP_FAULT)
        reg_put(vc, &in->opnd[0], v);
    return step;
}

enum step plain_MOVSX(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    if (step != STEP_FAULT)
        reg_put(vc, &in->opnd[0], bits_sext(v, 8u * in->opnd[1].size));
    return step;
}

enum step plain_MOVBE(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size;
    uint64_t v, r = 0;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    if (step == STEP_FAULT)
        return step;
    for (unsigned i = 0; i < size; i++)
        r |= ((v >> (8 * i)) & 0xff) << (8 * (size - 1 - i));
    return step_both(step, write_opnd(vm, vc, in, 0, r));
}

enum step plain_LEA(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    reg_put(vc, &in->opnd[0], effective(vc, in));
    return STEP_NEXT;
}

enum step plain_XCHG(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct rmw m;
    uint64_t a, b = reg_get(vc, &in->opnd[1]);
    enum step end;

    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    end = rmw_end(vm, vc, in, &m, b);
    if (end != STEP_FAULT)
        reg_put(vc, &in->opnd[1], a);
    return end;
}

enum step plain_XADD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size;
    uint64_t a, b = reg_get(vc, &in->opnd[1]), r;
    struct rmw m;
    enum step end;

    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    r = (a + b) & size_mask(size);
    /* with one register twice the sum stays, so the source is written first */
    reg_put(vc, &in->opnd[1], a);
    end = rmw_end(vm, vc, in, &m, r);
    if (end == STEP_FAULT) {
        reg_put(vc, &in->opnd[1], b);
        return end;
    }
    lazy_set(vc, LAZY_ADD, size, r, a, b);
    return end;
}

/* A memory destination is written either way, with its old value when it differs (SDM Vol. 2A
 * CMPXCHG); a register that differs is not touched, not even to clear its upper half. */
enum step plain_CMPXCHG(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size;
    uint64_t acc = vc->s.regs.r[TSP_RAX] & size_mask(size), a, b = reg_get(vc, &in->opnd[1]);
    struct rmw m;
    enum step end = STEP_NEXT;

    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    if (a == acc || in->opnd[0].kind == OPND_MEM)
        end = rmw_end(vm, vc, in, &m, a == acc ? b : a);
    if (end == STEP_FAULT)
        return end;
    if (a != acc)
        reg_set(vc, TSP_RAX, size, a);
    lazy_set(vc, LAZY_SUB, size, (acc - a) & size_mask(size), acc, a);
    return end;
}

/* CMPXCHG8B and CMPXCHG16B; the latter wants 16-byte alignment. */
enum step plain_CMPXCHG8B(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned half = in->opnd[0].size / 2u;
    uint64_t *r = vc->s.regs.r, off = effective(vc, in), lo, hi, mask = size_mask(half);
    uint8_t b[16];
    enum step first, second;
    bool same;

    if (half == 8 && (x86_linear(vc, in->seg, off) & 15) != 0)
        return step_fault_code(vc, X86_GP, 0);
    if (x86_check_write(vm, vc, in->seg, off, 2 * half) == STEP_FAULT)
        return STEP_FAULT;
    first = x86_load(vm, vc, in->seg, off, b, 2 * half);
    if (first == STEP_FAULT)
        return first;
    lo = host_load(b, half);
    hi = host_load(b + half, half);
    same = lo == (r[TSP_RAX] & mask) && hi == (r[TSP_RDX] & mask);
    if (same) {
        host_store(b, r[TSP_RBX], half);
        host_store(b + half, r[TSP_RCX], half);
    }
    second = x86_store(vm, vc, in->seg, off, b, 2 * half);
    if (second == STEP_FAULT)
        return second;
    if (!same) {
        reg_set(vc, TSP_RAX, half, lo);
        reg_set(vc, TSP_RDX, half, hi);
    }
    flag_put(vc, X86_ZF, same ? X86_ZF : 0);
    return step_both(first, second);
}

/* CBW, CWDE, CDQE: the lower half of the accumulator fills it. */
enum step plain_CBW(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    reg_set(vc, TSP_RAX, in->osize, bits_sext(vc->s.regs.r[TSP_RAX], 4u * in->osize));
    return STEP_NEXT;
}

/* CWD, CDQ, CQO: the accumulator's sign fills rDX. */
enum step plain_CWD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    reg_set(vc, TSP_RDX, in->osize, flag_top(vc->s.regs.r[TSP_RAX], in->osize) ? ~(uint64_t)0 : 0);
    return STEP_NEXT;
}

enum step plain_SETCC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return write_opnd(vm, vc, in, 0, flag_cond(vc, in->cond));
}

/* The source is read and a 32-bit destination zero-extended whether or not the condition holds. */
enum step plain_CMOVCC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    if (step == STEP_FAULT)
        return step;
    if (!flag_cond(vc, in->cond))
        v = reg_get(vc, &in->opnd[0]);
    reg_put(vc, &in->opnd[0], v);
    return step;
}

enum step plain_LAHF(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t flags = x86_flags(vc) & 0xff;

    (void)vm;
    (void)in;
    vc->s.regs.r[TSP_RAX] = (vc->s.regs.r[TSP_RAX] & ~(uint64_t)0xff00) | (flags | 2) << 8;
    return STEP_NEXT;
}

enum step plain_SAHF(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    flag_put(vc, X86_SF | X86_ZF | X86_AF | X86_PF_FLAG | X86_CF, vc->s.regs.r[TSP_RAX] >> 8);
    return STEP_NEXT;
}

enum step plain_XLAT(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t off = cut(vc->s.regs.r[TSP_RBX] + (vc->s.regs.r[TSP_RAX] & 0xff), in->asize), v;
    enum step step = load(vm, vc, in->seg, off, 1, &v);

    if (step != STEP_FAULT)
        reg_set(vc, TSP_RAX, 1, v);
    return step;
}

enum step plain_NOP(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)vc;
    (void)in;
    return STEP_NEXT;
}

/*
 * x87 instructions on the register stack. The stack is not modelled: whatever could show it
 * (stores, FNSTSW, FCOMI, FXSAVE) is outside the subset and stops the guest, and without FLDCW
 * every x87 exception stays masked. What is left to see is #NM (SDM Vol. 3A 2.5, CR0.EM and
 * CR0.TS).
 */
enum step plain_X87(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return (vc->s.x86.cr0 & (CR0_EM | CR0_TS)) != 0 ? step_fault(vc, X86_NM) : STEP_NEXT;
}

enum step plain_FENCE(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return plain_NOP(vm, vc, in);
}

/* A hypervisor lets a guest wait for nothing: MONITOR and MWAIT do nothing at CPL 0 (torvalds/linux
 * arch/x86/kvm/x86.c kvm_emulate_monitor_mwait) and are undefined elsewhere (SDM Vol. 2B). */
enum step plain_MONITOR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return vc->s.regs.level != 0 ? step_fault(vc, X86_UD) : STEP_NEXT;
}

enum step plain_MWAIT(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return plain_MONITOR(vm, vc, in);
}

enum step plain_CLC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    flag_put(vc, X86_CF, 0);
    return STEP_NEXT;
}

enum step plain_STC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    flag_put(vc, X86_CF, X86_CF);
    return STEP_NEXT;
}

enum step plain_CMC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    flag_put(vc, X86_CF, ~x86_flags(vc));
    return STEP_NEXT;
}

enum step plain_CLD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    vc->s.regs.flags &= ~(uint64_t)X86_DF_FLAG;
    return STEP_NEXT;
}

enum step plain_STD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    vc->s.regs.flags |= X86_DF_FLAG;
    return STEP_NEXT;
}

/* The index is signed, the bounds lie one behind the other. */
enum step plain_BOUND(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size, bits = 8 * size;
    uint64_t off = effective(vc, in), lo, hi;
    int64_t index = (int64_t)bits_sext(reg_get(vc, &in->opnd[0]), bits);
    enum step first = load(vm, vc, in->seg, off, size, &lo), second;

    if (first == STEP_FAULT)
        return first;
    second = load(vm, vc, in->seg, cut(off + size, in->asize), size, &hi);
    if (second == STEP_FAULT)
        return second;
    if (index < (int64_t)bits_sext(lo, bits) || index > (int64_t)bits_sext(hi, bits))
        return step_fault(vc, X86_BR);
    return step_both(first, second);
}

enum step plain_ARPL(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t a, rpl = reg_get(vc, &in->opnd[1]) & 3;
    struct rmw m;
    bool less;
    enum step end;

    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    less = (a & 3) < rpl;
    end = rmw_end(vm, vc, in, &m, less ? (a & ~(uint64_t)3) | rpl : a);
    if (end != STEP_FAULT)
        flag_put(vc, X86_ZF, less ? X86_ZF : 0);
    return end;
}
