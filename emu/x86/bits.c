/* SPDX-License-Identifier: MIT */
/* Single bits and bit counts. */
#include "emu/x86/plain.h"

/* A register as bit offset reaches beyond the memory operand: the operand moves by whole units (SDM
 * Vol. 2A BT). */
static uint64_t bit_unit(const struct vcpu *vc, const struct insn *in, uint64_t offset)
{
    unsigned size = in->opnd[0].size, bits = 8 * size;
    uint64_t at = bits_sext(offset, bits), unit = at >> (size == 8 ? 6 : size == 4 ? 5 : 4);

    if (at >> 63 != 0) /* arithmetic shift */
        unit |= ~(~(uint64_t)0 >> (size == 8 ? 6 : size == 4 ? 5 : 4));
    return cut(effective(vc, in) + unit * size, in->asize);
}

/* CF is the bit; the other flags are undefined (ZF: unchanged) and left alone. */
static enum step bit_test(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned bits = 8u * in->opnd[0].size;
    uint64_t a, n;
    enum step step;

    read_opnd(vm, vc, in, 1, &n);
    if (in->opnd[0].kind == OPND_MEM && in->opnd[1].kind == OPND_REG)
        step = load(vm, vc, in->seg, bit_unit(vc, in, n), in->opnd[0].size, &a);
    else
        step = read_opnd(vm, vc, in, 0, &a);
    if (step != STEP_FAULT)
        flag_put(vc, X86_CF, (a >> (n & (bits - 1))) & 1);
    return step;
}

static uint64_t changed(unsigned op, uint64_t a, uint64_t bit)
{
    return op == OP_BTS ? a | bit : op == OP_BTR ? a & ~bit : a ^ bit;
}

static enum step bit_change(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned op)
{
    unsigned size = in->opnd[0].size, bits = 8 * size;
    struct insn moved = *in;
    uint64_t a, n, bit;
    struct rmw m;
    enum step end;

    read_opnd(vm, vc, in, 1, &n);
    if (in->opnd[0].kind == OPND_MEM && in->opnd[1].kind == OPND_REG) {
        moved.disp = (int64_t)bit_unit(vc, in, n);
        moved.base = moved.index = 255;
    }
    if (rmw_begin(vm, vc, &moved, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    bit = (uint64_t)1 << (n & (bits - 1));
    end = rmw_end(vm, vc, &moved, &m, changed(op, a, bit));
    if (end != STEP_FAULT)
        flag_put(vc, X86_CF, (a & bit) != 0 ? X86_CF : 0);
    return end;
}

enum step plain_BT(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return bit_test(vm, vc, in);
}

enum step plain_BTS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return bit_change(vm, vc, in, OP_BTS);
}

enum step plain_BTR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return bit_change(vm, vc, in, OP_BTR);
}

enum step plain_BTC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return bit_change(vm, vc, in, OP_BTC);
}

static unsigned trailing_zeros(uint64_t v)
{
    unsigned n = 0;

    for (unsigned w = 32; w != 0; w /= 2) {
        if ((v & bits_mask(w)) == 0) {
            v >>= w;
            n += w;
        }
    }
    return n;
}

static unsigned highest_bit(uint64_t v)
{
    unsigned n = 0;

    for (unsigned w = 32; w != 0; w /= 2) {
        if (v >> w != 0) {
            v >>= w;
            n += w;
        }
    }
    return n;
}

/* A zero source leaves the destination alone (AMD APM Vol. 3 says so, Intel processors do so); PF
 * follows the result and the other undefined flags are cleared, as AMD processors do. */
static enum step scan(struct vm *vm, struct vcpu *vc, const struct insn *in, bool up)
{
    uint64_t v, r = 0;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    if (step == STEP_FAULT)
        return step;
    if (v != 0) {
        r = up ? trailing_zeros(v) : highest_bit(v);
        reg_put(vc, &in->opnd[0], r);
    }
    flag_put(vc, X86_ARITH, (v == 0 ? X86_ZF : 0) | (flag_parity(r) ? X86_PF_FLAG : 0));
    return step;
}

enum step plain_BSF(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return scan(vm, vc, in, true);
}

enum step plain_BSR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return scan(vm, vc, in, false);
}

/* CF: the source was zero, ZF: the result is. OF is left alone, the other undefined flags are
 * cleared. */
static enum step count_zeros(struct vm *vm, struct vcpu *vc, const struct insn *in, bool trailing)
{
    unsigned bits = 8u * in->opnd[0].size;
    uint64_t v, r;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    if (step == STEP_FAULT)
        return step;
    if (v == 0)
        r = bits;
    else
        r = trailing ? trailing_zeros(v) : bits - 1 - highest_bit(v);
    reg_put(vc, &in->opnd[0], r);
    flag_put(vc, X86_ARITH & ~X86_OF_FLAG, (v == 0 ? X86_CF : 0) | (r == 0 ? X86_ZF : 0));
    return step;
}

enum step plain_TZCNT(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return count_zeros(vm, vc, in, true);
}

enum step plain_LZCNT(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return count_zeros(vm, vc, in, false);
}

enum step plain_POPCNT(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v, n = 0;
    enum step step = read_opnd(vm, vc, in, 1, &v);

    if (step == STEP_FAULT)
        return step;
    flag_put(vc, X86_ARITH, v == 0 ? X86_ZF : 0);
    for (; v != 0; v &= v - 1)
        n++;
    reg_put(vc, &in->opnd[0], n);
    return step;
}

/* BSWAP of 16 bits is undefined; processors store zero. */
enum step plain_BSWAP(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size;
    uint64_t v = reg_get(vc, &in->opnd[0]), r = 0;

    (void)vm;
    for (unsigned i = 0; size > 2 && i < size; i++)
        r |= ((v >> (8 * i)) & 0xff) << (8 * (size - 1 - i));
    reg_put(vc, &in->opnd[0], r);
    return STEP_NEXT;
}
