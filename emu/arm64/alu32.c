/* SPDX-License-Identifier: MIT */
/* Data processing in AArch32 (Arm DDI0487 F5.1, F2.2): one operation, the shifter, the flags. */
#include "emu/arm64/arm32.h"

struct shifted {
    uint32_t v;
    bool carry;
};

static struct shifted shift(uint32_t v, unsigned type, unsigned n, bool carry)
{
    switch (type) {
    case A32_LSL:
        return n == 0 ? (struct shifted){v, carry} : (struct shifted){v << n, bits_test(v, 32 - n)};
    case A32_LSR:
        return (struct shifted){n == 32 ? 0 : v >> n, bits_test(v, n - 1)};
    case A32_ASR:
        return (struct shifted){(uint32_t)(bits_sext(v, 32) >> n), bits_test(v, n - 1)};
    case A32_ROR:
        return (struct shifted){v >> n | v << (32 - n), bits_test(v, n - 1)};
    default: /* RRX */
        return (struct shifted){(uint32_t)carry << 31 | v >> 1, bits_test(v, 0)};
    }
}

static struct shifted operand(const struct vcpu *vc, const struct insn *in)
{
    bool carry = (vc->s.regs.flags & PSR_C) != 0;
    uint32_t imm = (uint32_t)in->imm;

    if ((in->prefix & A32_IMM) == 0)
        return shift(arm32_r(vc, in->opnd[2].reg), in->seg, in->scale, carry);
    return (struct shifted){imm, (in->prefix & A32_ROTATED) != 0 ? bits_test(imm, 31) : carry};
}

static uint32_t add(uint32_t a, uint32_t b, bool carry, uint32_t *cv)
{
    uint64_t sum = (uint64_t)a + b + carry;
    uint32_t v = (uint32_t)sum;

    *cv = (sum >> 32 != 0 ? PSR_C : 0) | (((a ^ v) & (b ^ v)) >> 31 != 0 ? PSR_V : 0);
    return v;
}

/* *cv: C and V as an addition leaves them; the logical ones have the shifter's carry, and keep V.
 */
static uint32_t compute(const struct vcpu *vc, unsigned op, uint32_t a, struct shifted b,
                        uint32_t *cv)
{
    bool carry = (vc->s.regs.flags & PSR_C) != 0;

    *cv = (b.carry ? PSR_C : 0) | (uint32_t)(vc->s.regs.flags & PSR_V);
    switch (op) {
    case A32_AND:
    case A32_TST:
        return a & b.v;
    case A32_EOR:
    case A32_TEQ:
        return a ^ b.v;
    case A32_SUB:
    case A32_CMP:
        return add(a, ~b.v, true, cv);
    case A32_RSB:
        return add(~a, b.v, true, cv);
    case A32_ADD:
    case A32_CMN:
        return add(a, b.v, false, cv);
    case A32_ADC:
        return add(a, b.v, carry, cv);
    case A32_SBC:
        return add(a, ~b.v, carry, cv);
    case A32_RSC:
        return add(~a, b.v, carry, cv);
    case A32_ORR:
        return a | b.v;
    case A32_MOV:
        return b.v;
    case A32_BIC:
        return a & ~b.v;
    default:
        return ~b.v;
    }
}

static void set_flags(struct vcpu *vc, uint32_t v, uint32_t cv)
{
    uint32_t nz = (v & PSR_N) | (v == 0 ? PSR_Z : 0);

    vc->s.regs.flags = (vc->s.regs.flags & ~(uint64_t)PSR_NZCV) | nz | cv;
}

bool arm32_dp(struct vcpu *vc, const struct insn *in, uint32_t *pc)
{
    unsigned rd = in->opnd[0].reg;
    uint32_t a, cv, v;

    if (in->op != OP_R_DP) {
        v = in->op == OP_R_MOVT ? arm32_r(vc, rd) & 0xffff : 0;
        arm32_set_r(vc, rd, v | (uint32_t)(in->imm << (in->op == OP_R_MOVT ? 16 : 0)));
        return false;
    }
    a = arm32_r(vc, in->opnd[1].reg);
    if (in->base == 15) /* ADR: of the word that PC points into */
        a &= ~3u;
    v = compute(vc, in->index, a, operand(vc, in), &cv);
    *pc = v;
    if (in->index >= A32_TST && in->index <= A32_CMN) {
        set_flags(vc, v, cv);
        return false;
    }
    if (rd == 15)
        return true;
    if ((in->prefix & A32_S) != 0)
        set_flags(vc, v, cv);
    arm32_set_r(vc, rd, v);
    return false;
}
