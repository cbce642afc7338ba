/* SPDX-License-Identifier: MIT */
/*
 * Plain AArch64 words to struct insn, straight from the encoding tables (Arm DDI0487 C4.1): they
 * are regular, so Capstone is not needed. Nor is it asked which words outside the subset are real:
 * that depends on its version, so they are UNSUPPORTED unless the tables leave them unallocated
 * (ILLEGAL). Each lower_* function returns a verdict for the group it knows.
 */
#include "decoder/insn_arm64.h"
#include "decoder/private.h"
#include "trapspec/bits.h"

/* What a group says of a word: KNOWN filled *out, UNALLOCATED is UNDEFINED, OTHER lies outside the
 * subset. */
enum verdict { KNOWN, UNALLOCATED, OTHER };

static unsigned field(uint32_t word, unsigned hi, unsigned lo)
{
    return (unsigned)bits_get(word, hi, lo);
}

static enum verdict known(struct insn *out, unsigned op)
{
    out->op = (uint16_t)op;
    return KNOWN;
}

static enum verdict known_if(struct insn *out, bool allocated, unsigned op)
{
    return allocated ? known(out, op) : UNALLOCATED;
}

static int64_t scaled(uint32_t word, unsigned hi, unsigned lo, unsigned shift)
{
    return (int64_t)(bits_sext(bits_get(word, hi, lo), hi - lo + 1) << shift);
}

/* DecodeBitMasks of DDI0487 J1: a run of ones, rotated, repeated over 2..64-bit elements. false:
 * reserved. */
static bool logic_mask(unsigned n, unsigned imms, unsigned immr, uint64_t *mask)
{
    unsigned sizes = n << 6 | (~imms & 63), len = 6, size, ones, rot;
    uint64_t run;

    while (len > 0 && (sizes >> len & 1) == 0)
        len--;
    if (len == 0)
        return false;
    size = 1u << len;
    ones = (imms & (size - 1)) + 1;
    rot = immr & (size - 1);
    if (ones == size)
        return false;
    run = bits_mask(ones);
    if (rot != 0)
        run = (run >> rot | run << (size - rot)) & bits_mask(size);
    for (; size < 64; size *= 2)
        run |= run << size;
    *mask = run;
    return true;
}

static enum verdict lower_logic_imm(uint32_t word, struct insn *out)
{
    uint64_t mask;
    unsigned n = field(word, 22, 22);

    if ((n != 0 && out->osize == 4) ||
        !logic_mask(n, field(word, 15, 10), field(word, 21, 16), &mask))
        return UNALLOCATED;
    out->imm = out->osize == 4 ? (uint32_t)mask : mask;
    return known(out, OP_A_LOGIC_IMM);
}

static enum verdict lower_movw(uint32_t word, struct insn *out)
{
    unsigned opc = field(word, 30, 29), hw = field(word, 22, 21);
    uint64_t imm = (uint64_t)field(word, 20, 5) << (16 * hw);

    if (opc == 1 || (out->osize == 4 && hw > 1))
        return UNALLOCATED;
    out->imm = opc == 0 ? ~imm : imm;
    if (out->osize == 4)
        out->imm = (uint32_t)out->imm;
    return known(out, opc == 3 ? OP_A_MOVK : OP_A_MOVZ);
}

static enum verdict lower_bitfield(uint32_t word, struct insn *out)
{
    unsigned n = field(word, 22, 22), r = field(word, 21, 16), s = field(word, 15, 10);
    bool narrow = out->osize == 4;

    if (field(word, 30, 29) == 3 || n != (narrow ? 0u : 1u) || (narrow && (r > 31 || s > 31)))
        return UNALLOCATED;
    return known(out, OP_A_BITFIELD);
}

static enum verdict lower_extract(uint32_t word, struct insn *out)
{
    unsigned n = field(word, 22, 22), s = field(word, 15, 10);
    bool narrow = out->osize == 4;

    if (field(word, 30, 29) != 0 || field(word, 21, 21) != 0 || n != (narrow ? 0u : 1u))
        return UNALLOCATED;
    return known_if(out, !narrow || s < 32, OP_A_EXTR);
}

/* Data processing, immediate: bits 28:26 = 100. */
static enum verdict lower_dp_imm(uint32_t word, struct insn *out)
{
    switch (field(word, 25, 23)) {
    case 0:
    case 1:
        out->osize = 8;
        out->cond = (uint8_t)field(word, 31, 31);
        out->disp = (int64_t)bits_sext((uint64_t)field(word, 23, 5) << 2 | field(word, 30, 29), 21);
        if (out->cond != 0)
            out->disp = (int64_t)((uint64_t)out->disp << 12);
        return known(out, OP_A_ADR);
    case 2:
        out->imm = (uint64_t)field(word, 21, 10) << (field(word, 22, 22) != 0 ? 12 : 0);
        return known(out, OP_A_ADDSUB_IMM);
    case 4:
        return lower_logic_imm(word, out);
    case 5:
        return lower_movw(word, out);
    case 6:
        return lower_bitfield(word, out);
    case 7:
        return lower_extract(word, out);
    default:
        return OTHER; /* memory tagging */
    }
}

/* Data processing, register, bit 28 = 0: shifted and extended operands. */
static enum verdict lower_dp_shifted(uint32_t word, struct insn *out)
{
    bool amount_ok = out->osize == 8 || field(word, 15, 15) == 0;

    if (field(word, 24, 24) == 0)
        return known_if(out, amount_ok, OP_A_LOGIC_REG);
    if (field(word, 21, 21) == 0)
        return known_if(out, amount_ok && field(word, 23, 22) != 3, OP_A_ADDSUB_REG);
    return known_if(out, field(word, 23, 22) == 0 && field(word, 12, 10) <= 4, OP_A_ADDSUB_EXT);
}

static enum verdict lower_dp2(uint32_t word, struct insn *out)
{
    unsigned opcode = field(word, 15, 10);

    if (field(word, 29, 29) != 0)
        return OTHER;
    if (opcode == 2 || opcode == 3 || (opcode >= 8 && opcode <= 11))
        return known(out, OP_A_DP2);
    return OTHER;
}

static enum verdict lower_dp1(uint32_t word, struct insn *out)
{
    unsigned opcode = field(word, 15, 10);

    if (field(word, 29, 29) != 0 || (field(word, 20, 16) == 0 && opcode == 3 && out->osize == 4))
        return UNALLOCATED;
    if (field(word, 20, 16) != 0 || opcode > 5)
        return OTHER;
    return known(out, OP_A_DP1);
}

static enum verdict lower_dp3(uint32_t word, struct insn *out)
{
    unsigned op31 = field(word, 23, 21), o0 = field(word, 15, 15);
    bool wide = out->osize == 8;
    bool high = (op31 == 2 || op31 == 6) && o0 == 0 && wide;
    bool ok = op31 == 0 || ((op31 == 1 || op31 == 5) && wide) || high;

    if (field(word, 30, 29) != 0 || !ok)
        return op31 == 3 && wide ? OTHER : UNALLOCATED;
    return known(out, OP_A_DP3);
}

/* Data processing, register, bit 28 = 1. */
static enum verdict lower_dp_other(uint32_t word, struct insn *out)
{
    if (field(word, 24, 24) != 0)
        return lower_dp3(word, out);
    out->cond = (uint8_t)field(word, 15, 12);
    switch (field(word, 23, 21)) {
    case 0:
        return field(word, 15, 10) == 0 ? known(out, OP_A_ADDSUB_CARRY) : OTHER;
    case 2:
        return known_if(
            out, field(word, 29, 29) != 0 && field(word, 10, 10) == 0 && field(word, 4, 4) == 0,
            OP_A_CCMP);
    case 4:
        return known_if(out, field(word, 29, 29) == 0 && field(word, 11, 11) == 0, OP_A_CSEL);
    case 6:
        return field(word, 30, 30) == 0 ? lower_dp2(word, out) : lower_dp1(word, out);
    default:
        return UNALLOCATED;
    }
}

static enum verdict lower_barrier(uint32_t word, struct insn *out)
{
    switch (field(word, 7, 5)) {
    case 2:
        return known(out, OP_A_CLREX);
    case 4:
    case 5:
    case 6:
        return known(out, OP_A_NOP);
    default:
        return OTHER;
    }
}

/* bits 31:22 = 1101010100, MSR and MRS excluded by the prescan. */
static enum verdict lower_system(uint32_t word, struct insn *out)
{
    unsigned crn = field(word, 15, 12), op1 = field(word, 18, 16);

    if (field(word, 20, 19) == 1) {
        out->imm = field(word, 20, 5);
        return field(word, 21, 21) == 0 ? known(out, OP_A_SYS) : OTHER;
    }
    if (field(word, 21, 21) != 0 || op1 != 3 || field(word, 4, 0) != 31)
        return OTHER;
    if (crn == 3)
        return lower_barrier(word, out);
    if (crn != 2)
        return OTHER;
    /* Hints: numbers not allocated to this processor execute as NOP (DDI0487 C4.1, Hints). */
    if (field(word, 11, 5) == 2)
        return known(out, OP_A_WFE);
    return known(out, field(word, 11, 5) == 3 ? OP_A_WFI : OP_A_NOP);
}

/* bits 31:25 = 1101011. */
static enum verdict lower_branch_reg(uint32_t word, struct insn *out)
{
    unsigned opc = field(word, 24, 21), rn = field(word, 9, 5);

    if (field(word, 20, 16) != 31)
        return UNALLOCATED;
    if (field(word, 15, 10) != 0)
        return OTHER; /* pointer authentication */
    out->base = (uint8_t)rn;
    if (field(word, 4, 0) != 0)
        return UNALLOCATED;
    if (opc == 4)
        return known_if(out, rn == 31, OP_A_ERET);
    /* DRPS (5) is UNDEFINED outside debug state. */
    return known_if(out, opc <= 2, opc == 0 ? OP_A_BR : opc == 1 ? OP_A_BLR : OP_A_RET);
}

/* Branches and system: bits 28:26 = 101. */
static enum verdict lower_branch(uint32_t word, struct insn *out)
{
    switch (field(word, 31, 29)) {
    case 0:
    case 4:
        out->disp = scaled(word, 25, 0, 2);
        return known(out, field(word, 31, 31) != 0 ? OP_A_BL : OP_A_B);
    case 1:
    case 5:
        if (field(word, 25, 25) != 0) {
            out->disp = scaled(word, 18, 5, 2);
            return known(out, OP_A_TBZ);
        }
        out->disp = scaled(word, 23, 5, 2);
        return known(out, OP_A_CBZ);
    case 2:
        out->cond = (uint8_t)field(word, 3, 0);
        out->disp = scaled(word, 23, 5, 2);
        return field(word, 25, 24) == 0 && field(word, 4, 4) == 0 ? known(out, OP_A_BCOND) : OTHER;
    case 6:
        if (field(word, 25, 25) != 0)
            return lower_branch_reg(word, out);
        return field(word, 25, 22) == 4 ? lower_system(word, out) : OTHER;
    default:
        return UNALLOCATED;
    }
}

static void set_operands(uint32_t word, struct insn *out)
{
    out->base = (uint8_t)field(word, 9, 5);
    out->index = (uint8_t)field(word, 20, 16);
    out->opnd[0].reg = (uint8_t)field(word, 4, 0);
    out->opnd[1].reg = (uint8_t)field(word, 14, 10);
    out->opnd[2].reg = (uint8_t)field(word, 20, 16);
}

/* size and opc of a single-register access; prefetches become NOP. */
static enum verdict set_access(uint32_t word, struct insn *out, unsigned op)
{
    unsigned size = field(word, 31, 30), opc = field(word, 23, 22);

    if (opc == 3 && size > 1)
        return UNALLOCATED;
    if (size == 3 && opc == 2)
        return known_if(out, (out->prefix & (A64_PRE | A64_POST)) == 0, OP_A_NOP);
    out->osize = (uint8_t)(1u << size);
    if (opc != 0)
        out->prefix |= A64_LOAD;
    if (opc > 1)
        out->prefix |= A64_SIGNED;
    if (opc == 2)
        out->prefix |= A64_WIDE;
    return known(out, op);
}

/* Unscaled, post-indexed, unprivileged and pre-indexed immediates. */
static enum verdict lower_simm9(uint32_t word, struct insn *out)
{
    unsigned kind = field(word, 11, 10);

    out->disp = scaled(word, 20, 12, 0);
    if (kind == 2 && field(word, 31, 30) == 3 && field(word, 23, 22) == 2)
        return UNALLOCATED;
    if (kind == 1)
        out->prefix |= A64_POST;
    if (kind == 3)
        out->prefix |= A64_PRE;
    return set_access(word, out, OP_A_LDST);
}

/* Single register, bits 29:27 = 111. */
static enum verdict lower_ldst(uint32_t word, struct insn *out)
{
    if (field(word, 24, 24) != 0) {
        out->disp = (int64_t)((uint64_t)field(word, 21, 10) << field(word, 31, 30));
        return set_access(word, out, OP_A_LDST);
    }
    if (field(word, 21, 21) == 0)
        return lower_simm9(word, out);
    if (field(word, 11, 10) != 2)
        return OTHER; /* atomics, pointer authentication */
    if (field(word, 14, 14) == 0)
        return UNALLOCATED;
    return set_access(word, out, OP_A_LDST_REG);
}

/* Pairs, bits 29:27 = 101. */
static enum verdict lower_pair(uint32_t word, struct insn *out)
{
    unsigned opc = field(word, 31, 30), kind = field(word, 24, 23);
    bool load = field(word, 22, 22) != 0;

    if (opc == 3 || (opc == 1 && kind == 0))
        return UNALLOCATED;
    if (opc == 1 && !load)
        return OTHER; /* memory tagging */
    out->osize = opc == 2 ? 8 : 4;
    out->disp = scaled(word, 21, 15, opc == 2 ? 3 : 2);
    out->prefix = (uint8_t)((load ? A64_LOAD : 0u) | (opc == 1 ? A64_SIGNED | A64_WIDE : 0u) |
                            (kind == 1 ? A64_POST : 0u) | (kind == 3 ? A64_PRE : 0u));
    return known(out, OP_A_PAIR);
}

/* bits 29:24 = 001000. */
static enum verdict lower_exclusive(uint32_t word, struct insn *out)
{
    unsigned size = field(word, 31, 30), o1 = field(word, 21, 21);

    out->osize = (uint8_t)(1u << size);
    out->prefix = field(word, 22, 22) != 0 ? A64_LOAD : 0;
    if (field(word, 23, 23) != 0)
        return o1 == 0 && field(word, 15, 15) != 0 ? known(out, OP_A_ORDERED) : OTHER;
    if (o1 != 0 && size < 2)
        return OTHER; /* CASP */
    if (o1 != 0)
        out->prefix |= A64_PAIR;
    return known(out, OP_A_EXCLUSIVE);
}

static enum verdict lower_literal(uint32_t word, struct insn *out)
{
    unsigned opc = field(word, 31, 30);

    if (opc == 3)
        return known(out, OP_A_NOP);
    out->osize = opc == 1 ? 8 : 4;
    out->disp = scaled(word, 23, 5, 2);
    out->prefix = (uint8_t)(A64_LOAD | A64_LITERAL | (opc == 2 ? A64_SIGNED | A64_WIDE : 0u));
    return known(out, OP_A_LDST);
}

/* Loads and stores: bits 27 = 1, 25 = 0; bit 26 tells SIMD. */
static enum verdict lower_memory(uint32_t word, struct insn *out)
{
    if (field(word, 26, 26) != 0)
        return OTHER;
    set_operands(word, out);
    switch (field(word, 29, 27)) {
    case 1:
        return field(word, 24, 24) == 0 ? lower_exclusive(word, out) : OTHER;
    case 3:
        return field(word, 24, 24) == 0 ? lower_literal(word, out) : OTHER;
    case 5:
        return lower_pair(word, out);
    case 7:
        return lower_ldst(word, out);
    default:
        return OTHER;
    }
}

/* Floating point and Advanced SIMD, bits 27:25 = 111. Bit 31 is set only where bits 31:28 are 1100
 * (SHA512, SM3 and SM4) or x0x1 (scalar floating point). */
static enum verdict lower_simd(uint32_t word)
{
    unsigned op0 = field(word, 31, 28);

    return (op0 & 8) == 0 || op0 == 12 || (op0 & 5) == 1 ? OTHER : UNALLOCATED;
}

static enum verdict lower_word(uint32_t word, struct insn *out)
{
    switch (field(word, 28, 25)) {
    case 8:
    case 9:
        return lower_dp_imm(word, out);
    case 10:
    case 11:
        return lower_branch(word, out);
    case 4:
    case 6:
    case 12:
    case 14:
        return lower_memory(word, out);
    case 5:
        return lower_dp_shifted(word, out);
    case 13:
        return lower_dp_other(word, out);
    case 7:
    case 15:
        return lower_simd(word);
    default: /* reserved; SME and SVE, which the vCPU lacks (ID_AA64PFR0_EL1, ID_AA64PFR1_EL1) */
        return UNALLOCATED;
    }
}

void lower_arm64(uint32_t word, struct insn *out)
{
    enum verdict v;

    out->osize = field(word, 31, 31) != 0 ? 8 : 4;
    v = lower_word(word, out);
    if (v == KNOWN)
        out->status = INSN_OK;
    else
        out->status = v == OTHER ? INSN_UNSUPPORTED : INSN_ILLEGAL;
}
