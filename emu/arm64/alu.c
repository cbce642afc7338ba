/* SPDX-License-Identifier: MIT */
/* AArch64 data processing (Arm DDI0487 C6.2). */
#include "emu/arm64/arm64.h"

static uint64_t cut(uint64_t v, unsigned osize)
{
    return osize == 4 ? (uint32_t)v : v;
}

bool arm64_cond(uint64_t flags, unsigned cond)
{
    bool n = (flags & A64_N) != 0, z = (flags & A64_Z) != 0, c = (flags & A64_C) != 0,
         v = (flags & A64_V) != 0, r;

    switch (cond >> 1) {
    case 0:
        r = z;
        break;
    case 1:
        r = c;
        break;
    case 2:
        r = n;
        break;
    case 3:
        r = v;
        break;
    case 4:
        r = c && !z;
        break;
    case 5:
        r = n == v;
        break;
    case 6:
        r = n == v && !z;
        break;
    default:
        return true;
    }
    return (cond & 1) != 0 ? !r : r;
}

static uint64_t flags_nz(uint64_t v, unsigned osize)
{
    unsigned top = osize * 8 - 1;

    return (bits_test(v, top) ? A64_N : 0) | (cut(v, osize) == 0 ? A64_Z : 0);
}

static void set_nzcv(struct vcpu *vc, uint64_t nzcv)
{
    vc->s.regs.flags = (vc->s.regs.flags & ~A64_NZCV) | nzcv;
}

/* AddWithCarry of DDI0487 J1: sum and NZCV. */
static uint64_t add_carry(uint64_t a, uint64_t b, unsigned carry, unsigned osize, uint64_t *nzcv)
{
    unsigned top = osize * 8 - 1;
    uint64_t sum = cut(a + b + carry, osize);
    bool c;

    a = cut(a, osize);
    b = cut(b, osize);
    c = sum < a || (carry != 0 && sum == a);
    *nzcv =
        flags_nz(sum, osize) | (c ? A64_C : 0) | (bits_test(~(a ^ b) & (a ^ sum), top) ? A64_V : 0);
    return sum;
}

/* a + b or a - b by bit 30; bit 29 sets the flags. */
static uint64_t add_sub(struct vcpu *vc, const struct insn *in, uint64_t a, uint64_t b)
{
    bool sub = a64_field(in, 30, 30) != 0;
    uint64_t nzcv, v;

    if (a64_field(in, 29, 29) == 0)
        return cut(sub ? a - b : a + b, in->osize);
    v = add_carry(a, sub ? ~b : b, sub, in->osize, &nzcv);
    set_nzcv(vc, nzcv);
    return v;
}

static uint64_t shift_value(uint64_t v, unsigned kind, unsigned n, unsigned osize)
{
    unsigned width = osize * 8;

    v = cut(v, osize);
    if (n == 0)
        return v;
    switch (kind) {
    case 0:
        return cut(v << n, osize);
    case 1:
        return v >> n;
    case 2:
        v = bits_sext(v, width);
        return cut(v >> n | (bits_test(v, 63) ? ~bits_mask(64 - n) : 0), osize);
    default:
        return cut(v >> n | v << (width - n), osize);
    }
}

uint64_t arm64_extend(uint64_t v, unsigned option, unsigned shift)
{
    unsigned width = 8u << (option & 3);

    v = (option & 4) != 0 ? bits_sext(v, width) : v & bits_mask(width);
    return v << shift;
}

static void add_sub_imm(struct vcpu *vc, const struct insn *in)
{
    unsigned rd = a64_field(in, 4, 0);
    uint64_t v = add_sub(vc, in, a64_sp(vc, a64_field(in, 9, 5)), in->imm);

    if (a64_field(in, 29, 29) != 0)
        a64_set_x(vc, rd, v);
    else
        a64_set_sp(vc, rd, v);
}

static void add_sub_reg(struct vcpu *vc, const struct insn *in)
{
    uint64_t b = shift_value(a64_x(vc, a64_field(in, 20, 16)), a64_field(in, 23, 22),
                             a64_field(in, 15, 10), in->osize);

    a64_set_x(vc, a64_field(in, 4, 0), add_sub(vc, in, a64_x(vc, a64_field(in, 9, 5)), b));
}

static void add_sub_ext(struct vcpu *vc, const struct insn *in)
{
    unsigned rd = a64_field(in, 4, 0);
    uint64_t b = arm64_extend(a64_x(vc, a64_field(in, 20, 16)), a64_field(in, 15, 13),
                              a64_field(in, 12, 10));
    uint64_t v = add_sub(vc, in, a64_sp(vc, a64_field(in, 9, 5)), b);

    if (a64_field(in, 29, 29) != 0)
        a64_set_x(vc, rd, v);
    else
        a64_set_sp(vc, rd, v);
}

static void add_sub_carry(struct vcpu *vc, const struct insn *in)
{
    uint64_t b = a64_x(vc, a64_field(in, 20, 16)), nzcv;
    uint64_t v = add_carry(a64_x(vc, a64_field(in, 9, 5)), a64_field(in, 30, 30) != 0 ? ~b : b,
                           (vc->s.regs.flags & A64_C) != 0, in->osize, &nzcv);

    if (a64_field(in, 29, 29) != 0)
        set_nzcv(vc, nzcv);
    a64_set_x(vc, a64_field(in, 4, 0), v);
}

/* opc 0 AND, 1 ORR, 2 EOR, 3 ANDS. */
static uint64_t logic(struct vcpu *vc, const struct insn *in, uint64_t b)
{
    uint64_t v = cut(a64_x(vc, a64_field(in, 9, 5)), in->osize);

    b = cut(b, in->osize);
    switch (a64_field(in, 30, 29)) {
    case 0:
        return v & b;
    case 1:
        return v | b;
    case 2:
        return v ^ b;
    default:
        v &= b;
        set_nzcv(vc, flags_nz(v, in->osize));
        return v;
    }
}

static void logic_imm(struct vcpu *vc, const struct insn *in)
{
    uint64_t v = logic(vc, in, in->imm);

    if (a64_field(in, 30, 29) == 3)
        a64_set_x(vc, a64_field(in, 4, 0), v);
    else
        a64_set_sp(vc, a64_field(in, 4, 0), v);
}

static void logic_reg(struct vcpu *vc, const struct insn *in)
{
    uint64_t b = shift_value(a64_x(vc, a64_field(in, 20, 16)), a64_field(in, 23, 22),
                             a64_field(in, 15, 10), in->osize);

    a64_set_x(vc, a64_field(in, 4, 0), logic(vc, in, a64_field(in, 21, 21) != 0 ? ~b : b));
}

static void move_keep(struct vcpu *vc, const struct insn *in)
{
    unsigned rd = a64_field(in, 4, 0), lo = 16 * a64_field(in, 22, 21);

    a64_set_x(vc, rd, cut(bits_set(a64_x(vc, rd), lo + 15, lo, a64_field(in, 20, 5)), in->osize));
}

/* SBFM (0), BFM (1), UBFM (2): imms >= immr extracts imms-immr+1 bits at immr, else deposits imms+1
 * bits at width-immr. */
static void bitfield(struct vcpu *vc, const struct insn *in)
{
    unsigned opc = a64_field(in, 30, 29), r = a64_field(in, 21, 16), s = a64_field(in, 15, 10);
    unsigned width = in->osize * 8u, len, to;
    uint64_t src = a64_x(vc, a64_field(in, 9, 5)), v;

    if (s >= r) {
        len = s - r + 1;
        to = 0;
        src >>= r;
    } else {
        len = s + 1;
        to = width - r;
    }
    src &= bits_mask(len);
    if (opc == 1)
        v = bits_set(a64_x(vc, a64_field(in, 4, 0)), to + len - 1, to, src);
    else
        v = (opc == 0 ? bits_sext(src, len) : src) << to;
    a64_set_x(vc, a64_field(in, 4, 0), cut(v, in->osize));
}

static void extract(struct vcpu *vc, const struct insn *in)
{
    unsigned lsb = a64_field(in, 15, 10), width = in->osize * 8u;
    uint64_t hi = a64_x(vc, a64_field(in, 9, 5)), lo = a64_x(vc, a64_field(in, 20, 16));
    uint64_t v = lsb == 0 ? lo : cut(lo, in->osize) >> lsb | hi << (width - lsb);

    a64_set_x(vc, a64_field(in, 4, 0), cut(v, in->osize));
}

static void cond_compare(struct vcpu *vc, const struct insn *in)
{
    bool sub = a64_field(in, 30, 30) != 0;
    uint64_t nzcv = (uint64_t)a64_field(in, 3, 0) << 28, b = a64_field(in, 20, 16);

    if (arm64_cond(vc->s.regs.flags, in->cond)) {
        if (a64_field(in, 11, 11) == 0)
            b = a64_x(vc, (unsigned)b);
        add_carry(a64_x(vc, a64_field(in, 9, 5)), sub ? ~b : b, sub, in->osize, &nzcv);
    }
    set_nzcv(vc, nzcv);
}

static void cond_select(struct vcpu *vc, const struct insn *in)
{
    uint64_t v = a64_x(vc, a64_field(in, 9, 5));

    if (!arm64_cond(vc->s.regs.flags, in->cond)) {
        v = a64_x(vc, a64_field(in, 20, 16));
        if (a64_field(in, 30, 30) != 0)
            v = ~v;
        if (a64_field(in, 10, 10) != 0)
            v++;
    }
    a64_set_x(vc, a64_field(in, 4, 0), cut(v, in->osize));
}

/* Reverses the order of `unit`-bit pieces within each `group` bits of v. */
static uint64_t reverse(uint64_t v, unsigned unit, unsigned group, unsigned width)
{
    uint64_t out = 0;

    for (unsigned at = 0; at < width; at += unit) {
        unsigned base = at - at % group;

        out |= (v >> at & bits_mask(unit)) << (base + group - unit - (at - base));
    }
    return out;
}

static unsigned leading_zeros(uint64_t v, unsigned width)
{
    unsigned n = 0;

    while (n < width && !bits_test(v, width - 1 - n))
        n++;
    return n;
}

static void one_source(struct vcpu *vc, const struct insn *in)
{
    unsigned width = in->osize * 8u, op = a64_field(in, 15, 10);
    uint64_t v = cut(a64_x(vc, a64_field(in, 9, 5)), in->osize);

    if (op == 0)
        v = reverse(v, 1, width, width);
    else if (op < 4)
        v = reverse(v, 8, 8u << op, width);
    else if (op == 4)
        v = leading_zeros(v, width);
    else
        v = leading_zeros((v ^ (v >> 1)) & bits_mask(width - 1), width - 1);
    a64_set_x(vc, a64_field(in, 4, 0), v);
}

/* Division by zero gives 0; the most negative number by -1 gives itself (DDI0487 C6.2, SDIV). */
static uint64_t divide_signed(uint64_t a, uint64_t b, unsigned osize)
{
    bool neg;
    uint64_t q;

    a = bits_sext(a, osize * 8);
    b = bits_sext(b, osize * 8);
    neg = bits_test(a ^ b, 63);
    a = bits_test(a, 63) ? 0 - a : a;
    b = bits_test(b, 63) ? 0 - b : b;
    q = b == 0 ? 0 : a / b;
    return neg ? 0 - q : q;
}

static void two_source(struct vcpu *vc, const struct insn *in)
{
    unsigned op = a64_field(in, 15, 10);
    uint64_t a = cut(a64_x(vc, a64_field(in, 9, 5)), in->osize);
    uint64_t b = cut(a64_x(vc, a64_field(in, 20, 16)), in->osize), v;

    if (op == 2)
        v = b == 0 ? 0 : a / b;
    else if (op == 3)
        v = cut(divide_signed(a, b, in->osize), in->osize);
    else
        v = shift_value(a, op & 3, (unsigned)b & (in->osize * 8u - 1), in->osize);
    a64_set_x(vc, a64_field(in, 4, 0), v);
}

/* Upper half of the 128-bit product. */
static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t mid = ah * bl + (al * bl >> 32);
    uint64_t low = al * bh + (uint32_t)mid;

    return ah * bh + (mid >> 32) + (low >> 32);
}

static uint64_t multiply_high_signed(uint64_t a, uint64_t b)
{
    return multiply_high(a, b) - (bits_test(a, 63) ? b : 0) - (bits_test(b, 63) ? a : 0);
}

static void three_source(struct vcpu *vc, const struct insn *in)
{
    unsigned op = a64_field(in, 23, 21);
    uint64_t a = a64_x(vc, a64_field(in, 9, 5)), b = a64_x(vc, a64_field(in, 20, 16)), v;

    if (op == 2 || op == 6) {
        v = op == 2 ? multiply_high_signed(a, b) : multiply_high(a, b);
        a64_set_x(vc, a64_field(in, 4, 0), v);
        return;
    }
    if (op == 1) {
        a = bits_sext(a, 32);
        b = bits_sext(b, 32);
    } else if (op == 5) {
        a = (uint32_t)a;
        b = (uint32_t)b;
    }
    v = a64_x(vc, a64_field(in, 14, 10));
    v = a64_field(in, 15, 15) != 0 ? v - a * b : v + a * b;
    a64_set_x(vc, a64_field(in, 4, 0), cut(v, in->osize));
}

static void address(struct vcpu *vc, const struct insn *in)
{
    uint64_t pc = vc->s.regs.pc;

    if (in->cond != 0) /* ADRP */
        pc &= ~bits_mask(12);
    a64_set_x(vc, a64_field(in, 4, 0), pc + (uint64_t)in->disp);
}

static void nothing(struct vcpu *vc, const struct insn *in)
{
    (void)vc;
    (void)in;
}

static void move_immediate(struct vcpu *vc, const struct insn *in)
{
    a64_set_x(vc, a64_field(in, 4, 0), in->imm);
}

void arm64_alu(struct vcpu *vc, const struct insn *in)
{
    static void (*const handler[])(struct vcpu *, const struct insn *) = {
        [OP_A_NOP - OP_A_NOP] = nothing,
        [OP_A_ADR - OP_A_NOP] = address,
        [OP_A_ADDSUB_IMM - OP_A_NOP] = add_sub_imm,
        [OP_A_LOGIC_IMM - OP_A_NOP] = logic_imm,
        [OP_A_MOVZ - OP_A_NOP] = move_immediate,
        [OP_A_MOVK - OP_A_NOP] = move_keep,
        [OP_A_BITFIELD - OP_A_NOP] = bitfield,
        [OP_A_EXTR - OP_A_NOP] = extract,
        [OP_A_LOGIC_REG - OP_A_NOP] = logic_reg,
        [OP_A_ADDSUB_REG - OP_A_NOP] = add_sub_reg,
        [OP_A_ADDSUB_EXT - OP_A_NOP] = add_sub_ext,
        [OP_A_ADDSUB_CARRY - OP_A_NOP] = add_sub_carry,
        [OP_A_CCMP - OP_A_NOP] = cond_compare,
        [OP_A_CSEL - OP_A_NOP] = cond_select,
        [OP_A_DP1 - OP_A_NOP] = one_source,
        [OP_A_DP2 - OP_A_NOP] = two_source,
        [OP_A_DP3 - OP_A_NOP] = three_source,
    };

    handler[in->op - OP_A_NOP](vc, in);
}
