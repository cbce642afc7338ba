/* SPDX-License-Identifier: MIT */
/* Addition, logic, counting, multiplication, division and decimal adjustment. */
#include "emu/x86/plain.h"

enum alu { ALU_ADD, ALU_ADC, ALU_SUB, ALU_SBB, ALU_AND, ALU_OR, ALU_XOR };

static inline uint64_t compute(const struct vcpu *vc, enum alu op, uint64_t a, uint64_t b)
{
    switch (op) {
    case ALU_ADD:
        return a + b;
    case ALU_ADC:
        return a + b + flag_cf(vc);
    case ALU_SUB:
        return a - b;
    case ALU_SBB:
        return a - b - flag_cf(vc);
    case ALU_AND:
        return a & b;
    case ALU_OR:
        return a | b;
    default:
        return a ^ b;
    }
}

static inline unsigned lazy_of(enum alu op)
{
    return op <= ALU_ADC ? LAZY_ADD : op <= ALU_SBB ? LAZY_SUB : LAZY_LOGIC;
}

/* dst = dst op src. Constant op: each caller below becomes its own straight code. */
static inline enum step binary(struct vm *vm, struct vcpu *vc, const struct insn *in, enum alu op)
{
    unsigned size = in->opnd[0].size;
    struct rmw m;
    uint64_t a, b, r;
    enum step step = read_opnd(vm, vc, in, 1, &b), end;

    if (step == STEP_FAULT || rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    r = compute(vc, op, a, b) & size_mask(size);
    end = rmw_end(vm, vc, in, &m, r);
    if (end == STEP_FAULT)
        return end;
    lazy_set(vc, lazy_of(op), size, r, a, b);
    return step_both(step, end);
}

/* As binary, result thrown away: CMP and TEST. */
static inline enum step compare(struct vm *vm, struct vcpu *vc, const struct insn *in, enum alu op)
{
    unsigned size = in->opnd[0].size;
    uint64_t a, b;
    enum step first = read_opnd(vm, vc, in, 0, &a), second;

    if (first == STEP_FAULT)
        return first;
    second = read_opnd(vm, vc, in, 1, &b);
    if (second == STEP_FAULT)
        return second;
    lazy_set(vc, lazy_of(op), size, compute(vc, op, a, b) & size_mask(size), a, b);
    return step_both(first, second);
}

enum step plain_ADD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return binary(vm, vc, in, ALU_ADD);
}

enum step plain_ADC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return binary(vm, vc, in, ALU_ADC);
}

enum step plain_SUB(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return binary(vm, vc, in, ALU_SUB);
}

enum step plain_SBB(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return binary(vm, vc, in, ALU_SBB);
}

enum step plain_AND(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return binary(vm, vc, in, ALU_AND);
}

enum step plain_OR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return binary(vm, vc, in, ALU_OR);
}

enum step plain_XOR(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return binary(vm, vc, in, ALU_XOR);
}

enum step plain_CMP(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return compare(vm, vc, in, ALU_SUB);
}

enum step plain_TEST(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return compare(vm, vc, in, ALU_AND);
}

enum step plain_NOT(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct rmw m;
    uint64_t a;

    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    return rmw_end(vm, vc, in, &m, ~a & size_mask(in->opnd[0].size));
}

enum step plain_NEG(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size;
    struct rmw m;
    uint64_t a, r;
    enum step end;

    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    r = (0 - a) & size_mask(size);
    end = rmw_end(vm, vc, in, &m, r);
    if (end != STEP_FAULT)
        lazy_set(vc, LAZY_SUB, size, r, 0, a);
    return end;
}

static inline enum step count(struct vm *vm, struct vcpu *vc, const struct insn *in, bool up)
{
    unsigned size = in->opnd[0].size;
    struct rmw m;
    uint64_t a, r;
    enum step end;
    bool cf;

    if (rmw_begin(vm, vc, in, &m, &a) == STEP_FAULT)
        return STEP_FAULT;
    r = (up ? a + 1 : a - 1) & size_mask(size);
    end = rmw_end(vm, vc, in, &m, r);
    if (end == STEP_FAULT)
        return end;
    cf = flag_cf(vc);
    lazy_set(vc, up ? LAZY_ADD : LAZY_SUB, size, r, a, 1);
    flag_carry(vc, X86_CF, cf ? X86_CF : 0);
    return end;
}

enum step plain_INC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return count(vm, vc, in, true);
}

enum step plain_DEC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return count(vm, vc, in, false);
}

/* CF and OF tell that the upper half matters; the other four are undefined and left alone, as AMD
 * processors do. */
static void set_mul_flags(struct vcpu *vc, bool over)
{
    flag_carry(vc, X86_CF | X86_OF_FLAG, over ? X86_CF | X86_OF_FLAG : 0);
}

/* rDX:rAX, or AX for bytes. */
static void put_pair(struct vcpu *vc, unsigned size, uint64_t lo, uint64_t hi)
{
    if (size == 1) {
        reg_set(vc, TSP_RAX, 2, (lo & 0xff) | hi << 8);
    } else {
        reg_set(vc, TSP_RAX, size, lo);
        reg_set(vc, TSP_RDX, size, hi);
    }
}

static enum step multiply_pair(struct vm *vm, struct vcpu *vc, const struct insn *in,
                               bool is_signed)
{
    unsigned size = in->opnd[0].size, bits = 8 * size;
    uint64_t a = vc->s.regs.r[TSP_RAX] & size_mask(size), b, lo, hi;
    enum step step = read_opnd(vm, vc, in, 0, &b);

    if (step == STEP_FAULT)
        return step;
    if (is_signed)
        multiply_signed(bits_sext(a, bits), bits_sext(b, bits), &lo, &hi);
    else
        multiply(a, b, &lo, &hi);
    if (size < 8)
        hi = lo >> bits;
    hi &= size_mask(size);
    lo &= size_mask(size);
    put_pair(vc, size, lo, hi);
    if (is_signed)
        set_mul_flags(vc, hi != (flag_top(lo, size) ? size_mask(size) : 0));
    else
        set_mul_flags(vc, hi != 0);
    return step;
}

enum step plain_MUL(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return multiply_pair(vm, vc, in, false);
}

enum step plain_IMUL1(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return multiply_pair(vm, vc, in, true);
}

enum step plain_IMUL(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size, last = in->nopnd - 1u;
    uint64_t a, b, lo;
    bool over;
    enum step first = read_opnd(vm, vc, in, last - 1, &a), second = read_opnd(vm, vc, in, last, &b);

    if (first == STEP_FAULT || second == STEP_FAULT)
        return STEP_FAULT;
    lo = multiply_low(a, b, size, &over);
    reg_put(vc, &in->opnd[0], lo);
    set_mul_flags(vc, over);
    return step_both(first, second);
}

/* hi:lo / d, hi < d: one quotient bit at a time, there is no 128-bit type in C11. */
static uint64_t divide(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem)
{
    uint64_t q = 0;

    if (hi == 0) {
        *rem = lo % d;
        return lo / d;
    }
    for (unsigned i = 0; i < 64; i++) {
        bool carry = hi >> 63 != 0;

        hi = hi << 1 | lo >> 63;
        lo <<= 1;
        q <<= 1;
        if (carry || hi >= d) {
            hi -= d;
            q |= 1;
        }
    }
    *rem = hi;
    return q;
}

/* Dividend of an operand of size bytes: AX, or rDX:rAX; sign-extended or not to hi:lo. */
static void dividend(const struct vcpu *vc, unsigned size, bool is_signed, uint64_t *hi,
                     uint64_t *lo)
{
    unsigned bits = 16 * size;

    if (size == 8) {
        *lo = vc->s.regs.r[TSP_RAX];
        *hi = vc->s.regs.r[TSP_RDX];
        return;
    }
    if (size == 1)
        *lo = vc->s.regs.r[TSP_RAX] & 0xffff;
    else
        *lo = (vc->s.regs.r[TSP_RAX] & size_mask(size)) | (vc->s.regs.r[TSP_RDX] & size_mask(size))
                                                              << (8 * size);
    *hi = 0;
    if (is_signed) {
        *lo = bits_sext(*lo, bits);
        *hi = 0 - (*lo >> 63);
    }
}

/* Quotient and remainder into AL and AH, or rAX and rDX. Flags are undefined and left alone. */
static void put_quotient(struct vcpu *vc, unsigned size, uint64_t q, uint64_t rem)
{
    put_pair(vc, size, q & size_mask(size), rem & size_mask(size));
}

enum step plain_DIV(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size;
    uint64_t d, hi, lo, q, rem;
    enum step step = read_opnd(vm, vc, in, 0, &d);

    if (step == STEP_FAULT)
        return step;
    dividend(vc, size, false, &hi, &lo);
    if (d == 0 || hi >= d)
        return step_fault(vc, X86_DE);
    q = divide(hi, lo, d, &rem);
    if (q > size_mask(size))
        return step_fault(vc, X86_DE);
    put_quotient(vc, size, q, rem);
    return step;
}

enum step plain_IDIV(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].size;
    uint64_t d, hi, lo, q, rem, max = size_mask(size) >> 1;
    bool minus, minus_d;
    enum step step = read_opnd(vm, vc, in, 0, &d);

    if (step == STEP_FAULT)
        return step;
    dividend(vc, size, true, &hi, &lo);
    minus = hi >> 63 != 0;
    if (minus) {
        lo = 0 - lo;
        hi = ~hi + (lo == 0);
    }
    d = bits_sext(d, 8 * size);
    minus_d = d >> 63 != 0;
    if (minus_d)
        d = 0 - d;
    if (d == 0 || hi >= d)
        return step_fault(vc, X86_DE);
    q = divide(hi, lo, d, &rem);
    /* the quotient truncates towards zero, the remainder has the dividend's sign */
    if (q > max + (minus != minus_d))
        return step_fault(vc, X86_DE);
    put_quotient(vc, size, minus != minus_d ? 0 - q : q, minus ? 0 - rem : rem);
    return step;
}
