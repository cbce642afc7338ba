/* SPDX-License-Identifier: MIT */
/*
 * Shifts, rotations and single bits. A count of zero changes no flag. OF is defined for a count of
 * one; for others it is computed the same way, as processors do. AF after a shift is undefined and
 * cleared.
 */
#include "emu/x86/plain.h"

/* A result, and the flags it sets: all, CF and OF, or none. */
enum shift_flags { FLAGS_NONE, FLAGS_CARRY, FLAGS_ALL };
struct shifted {
    uint64_t value, carry; /* carry: bits of CF and OF */
    enum shift_flags set;
};

#define CARRY_OVER (X86_CF | X86_OF_FLAG)

static uint64_t carry_over(bool cf, bool of)
{
    return (cf ? X86_CF : 0) | (of ? X86_OF_FLAG : 0);
}

/* A shift sets all six flags. */
static struct shifted shift_result(uint64_t r, bool cf, bool of)
{
    return (struct shifted){r, carry_over(cf, of), FLAGS_ALL};
}

static uint64_t bit_at(uint64_t v, unsigned n)
{
    return (v >> n) & 1;
}

/* count is 1..31, or 63 for 8-byte operands; it may exceed the operand. */
static struct shifted shl(uint64_t a, unsigned size, unsigned count)
{
    unsigned bits = 8 * size;
    uint64_t r = count < bits ? (a << count) & size_mask(size) : 0;
    bool cf = count <= bits && bit_at(a, bits - count) != 0;

    return shift_result(r, cf, cf != flag_top(r, size));
}

static struct shifted shr(uint64_t a, unsigned size, unsigned count)
{
    unsigned bits = 8 * size;
    uint64_t r = count < bits ? a >> count : 0;
    bool cf = count <= bits && bit_at(a, count - 1) != 0;

    return shift_result(r, cf, count == 1 && flag_top(a, size));
}

static struct shifted sar(uint64_t a, unsigned size, unsigned count)
{
    unsigned bits = 8 * size, n = count < bits ? count : bits - 1;
    uint64_t wide = bits_sext(a, bits), fill = wide >> 63 != 0 ? ~(uint64_t)0 : 0;
    uint64_t r = ((wide >> n) | (fill & ~(~(uint64_t)0 >> n))) & size_mask(size);
    bool cf = count <= bits ? bit_at(wide, count - 1) != 0 : fill != 0;

    /* a count of the whole width or more leaves only copies of the sign */
    if (count >= bits)
        r = fill & size_mask(size);
    return shift_result(r, cf, false);
}

static bool top_two_differ(uint64_t r, unsigned size)
{
    return flag_top(r, size) != flag_top(r << 1, size);
}

static struct shifted rol(uint64_t a, unsigned size, unsigned count)
{
    unsigned bits = 8 * size, n = count % bits;
    uint64_t r = n == 0 ? a : ((a << n) | (a >> (bits - n))) & size_mask(size);
    bool cf = (r & 1) != 0;

    return (struct shifted){r, carry_over(cf, cf != flag_top(r, size)), FLAGS_CARRY};
}

static struct shifted ror(uint64_t a, unsigned size, unsigned count)
{
    unsigned bits = 8 * size, n = count % bits;
    uint64_t r = n == 0 ? a : ((a >> n) | (a << (bits - n))) & size_mask(size);

    return (struct shifted){r, carry_over(flag_top(r, size), top_two_differ(r, size)), FLAGS_CARRY};
}

/* Through the carry: a register one bit wider. The count of 8- and 16-bit operands is taken modulo
 * 9 and 17; when that is zero nothing changes. */
static struct shifted rcl(uint64_t a, unsigned size, unsigned count, bool carry)
{
    unsigned bits = 8 * size, n = count % (bits + 1);
    uint64_t r;
    bool cf;

    if (n == 0)
        return (struct shifted){a, 0, FLAGS_NONE};
    r = n < bits ? a << n : 0;
    r |= (uint64_t)carry << (n - 1);
    if (n > 1)
        r |= a >> (bits + 1 - n);
    r &= size_mask(size);
    cf = bit_at(a, bits - n) != 0;
    return (struct shifted){r, carry_over(cf, cf != flag_top(r, size)), FLAGS_CARRY};
}

static struct shifted rcr(uint64_t a, unsigned size, unsigned count, bool carry)
{
    unsigned bits = 8 * size, n = count % (bits + 1);
    uint64_t r;

    if (n == 0)
        return (struct shifted){a, 0, FLAGS_NONE};
    r = n < bits ? a >> n : 0;
    r |= (uint64_t)carry << (bits - n);
    if (n > 1)
        r |= a << (bits + 1 - n);
    r &= size_mask(size);
    return (struct shifted){r, carry_over(bit_at(a, n - 1) != 0, top_two_differ(r, size)),
                            FLAGS_CARRY};
}

static inline struct shifted shift(const struct vcpu *vc, unsigned op, uint64_t a, unsigned size,
                                   unsigned count)
{
    switch (op) {
    case OP_SHL:
        return shl(a, size, count);
    case OP_SHR:
        return shr(a, size, count);
    case OP_SAR:
        return sar(a, size, count);
    case OP_ROL:
        return rol(a, size, count);
    case OP_ROR:
        return ror(a, size, count);
    case OP_RCL:
        return rcl(a, size, count, flag_cf(vc));
    default:
        return rcr(a, size, count, flag_cf(vc));
    }
}

static unsigned shift_count(uint64_t v, unsigned size)
{
    return (unsigned)v & (size == 8 ? 63 : 31);
}

/* Writes the result back even for a count of zero: the access is checked as a write either way. */
static enum step finish(struct vm *vm, struct vcpu *vc, const struct insn *in, const struct rmw *m,
                        struct shifted r)
{
    enum step end = rmw_end(vm, vc, in, m, r.value);

    if (end == STEP_FAULT || r.set == FLAGS_NONE)
        return end;
    if (r.set == FLAGS_ALL)
        lazy_set(vc, LAZY_LOGIC, in->opnd[0].size, r.value, 0, 0);
    flag_carry(vc, CARRY_OVER, r.carry);
    return end;
}

static inline enum step shift_op(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned op)
{
    unsigned size = in->opnd[0].size, count;
    struct shifted r;
    struct rmw m;
    uint64_t a, n;

    read_opnd(vm, vc, in, 1, &n); /* CL or an immediate */
    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    count = shift_count(n, size);
    if (count == 0)
        r = (struct shifted){a, 0, FLAGS_NONE};
    else
        r = shift(vc, op, a, size, count);
    return finish(vm, vc, in, &m, r);
}

enum step plain_SHL(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return shift_op(vm, vc, in, OP_SHL);
}

enum step plain_SHR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return shift_op(vm, vc, in, OP_SHR);
}

enum step plain_SAR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return shift_op(vm, vc, in, OP_SAR);
}

enum step plain_ROL(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return shift_op(vm, vc, in, OP_ROL);
}

enum step plain_ROR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return shift_op(vm, vc, in, OP_ROR);
}

enum step plain_RCL(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return shift_op(vm, vc, in, OP_RCL);
}

enum step plain_RCR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return shift_op(vm, vc, in, OP_RCR);
}

/* Counts above 16 of 16-bit operands are undefined; the register is then shifted in a second time,
 * as AMD does. */
static struct shifted shld(uint64_t a, uint64_t b, unsigned size, unsigned count)
{
    unsigned bits = 8 * size;
    uint64_t r;
    bool cf;

    if (count > bits) {
        a = b;
        count -= bits;
    }
    r = count < bits ? a << count | b >> (bits - count) : b;
    r &= size_mask(size);
    cf = bit_at(a, bits - count) != 0;
    return shift_result(r, cf, cf != flag_top(r, size));
}

static struct shifted shrd(uint64_t a, uint64_t b, unsigned size, unsigned count)
{
    unsigned bits = 8 * size;
    uint64_t r;

    if (count > bits) {
        a = b;
        count -= bits;
    }
    r = count < bits ? a >> count | b << (bits - count) : b;
    r &= size_mask(size);
    return shift_result(r, bit_at(a, count - 1) != 0, top_two_differ(r, size));
}

static inline enum step double_shift(struct vm *vm, struct vcpu *vc, const struct insn *in,
                                     bool left)
{
    unsigned size = in->opnd[0].size, count;
    struct shifted r;
    struct rmw m;
    uint64_t a, b, n;

    read_opnd(vm, vc, in, 1, &b);
    read_opnd(vm, vc, in, 2, &n);
    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    count = shift_count(n, size);
    if (count == 0)
        r = (struct shifted){a, 0, FLAGS_NONE};
    else
        r = left ? shld(a, b, size, count) : shrd(a, b, size, count);
    return finish(vm, vc, in, &m, r);
}

enum step plain_SHLD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return double_shift(vm, vc, in, true);
}

enum step plain_SHRD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return double_shift(vm, vc, in, false);
}
