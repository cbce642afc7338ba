/* SPDX-License-Identifier: MIT */
/*
 * T32 halfwords (Arm DDI0487 F3.1), the subset of insn_arm32.def and what a hypervisor sees.
 * Instructions that begin with 0b11101, 0b11110 or 0b11111 have two halfwords. IT, and all that
 * follows it in its block, is outside the subset.
 */
#include "decoder/arm32.h"

#include "trapspec/bits.h"

static void dp_imm(struct insn *out, unsigned opcode, bool s, unsigned rd, unsigned rn)
{
    const uint8_t reg[3] = {(uint8_t)rd, (uint8_t)rn, 0};

    out->prefix |= A32_IMM;
    lower_dp(out, opcode, s, reg);
}

static void dp_reg(struct insn *out, unsigned opcode, bool s, const uint8_t reg[3])
{
    lower_shift(out, A32_LSL, 0);
    lower_dp(out, opcode, s, reg);
}

static void shift_add(uint32_t h, struct insn *out)
{
    const uint8_t rd = h & 7, rn = h >> 3 & 7;
    const uint8_t move[3] = {rd, 0, rn}, add[3] = {rd, rn, h >> 6 & 7};

    if ((h >> 11 & 3) != 3) {
        lower_shift(out, h >> 11 & 3, h >> 6 & 31);
        lower_dp(out, A32_MOV, true, move);
    } else if (bits_test(h, 10)) {
        out->imm = h >> 6 & 7;
        dp_imm(out, bits_test(h, 9) ? A32_SUB : A32_ADD, true, rd, rn);
    } else {
        dp_reg(out, bits_test(h, 9) ? A32_SUB : A32_ADD, true, add);
    }
}

static void imm8(uint32_t h, struct insn *out)
{
    static const uint8_t opcode[] = {A32_MOV, A32_CMP, A32_ADD, A32_SUB};
    unsigned what = h >> 11 & 3, r = h >> 8 & 7;

    out->imm = h & 0xff;
    dp_imm(out, opcode[what], true, what == 1 ? 0 : r, what == 0 ? 0 : r);
}

/* 0100 00: low registers, all set the flags. Shifts by a register and MUL are outside. */
static void low_registers(uint32_t h, struct insn *out)
{
    static const uint8_t opcode[16] = {A32_AND, A32_EOR, 0xff,    0xff,    0xff,    A32_ADC,
                                       A32_SBC, 0xff,    A32_TST, A32_RSB, A32_CMP, A32_CMN,
                                       A32_ORR, 0xff,    A32_BIC, A32_MVN};
    unsigned op = opcode[h >> 6 & 15];
    const uint8_t rd = h & 7, rm = h >> 3 & 7;
    bool test = op == A32_TST || op == A32_CMP || op == A32_CMN;
    const uint8_t reg[3] = {test ? 0 : rd, rd, rm};

    if (op == A32_RSB) /* NEG: from zero */
        dp_imm(out, op, true, rd, rm);
    else if (op != 0xff)
        dp_reg(out, op, true, reg);
}

/* 0100 01: any register; what only the branches and a MOV do to pc is kept, the rest left out. */
static void high_registers(uint32_t h, struct insn *out)
{
    unsigned what = h >> 8 & 3, rd = (h & 7) | (h >> 4 & 8), rm = h >> 3 & 15;
    const uint8_t reg[3] = {(uint8_t)(what == 1 ? 0 : rd), (uint8_t)rd, (uint8_t)rm};

    if (what == 3) {
        if ((h & 7) != 0 || (bits_test(h, 7) && rm == 15))
            return;
        lower_set(out, OP_R_BX);
        out->opnd[2].reg = (uint8_t)rm;
        out->prefix = bits_test(h, 7) ? A32_LINK : 0;
    } else if (what == 2) {
        dp_reg(out, A32_MOV, false, reg);
    } else if (rd != 15 && rm != 15) {
        dp_reg(out, what == 0 ? A32_ADD : A32_CMP, what == 1, reg);
    }
}

static void transfer(struct insn *out, uint32_t h, unsigned size, unsigned rn, uint32_t offset)
{
    struct lower_access a = {.size = (uint8_t)size,
                             .rt = (uint8_t)(rn == 13 || rn == 15 ? h >> 8 & 7 : h & 7),
                             .rn = (uint8_t)rn,
                             .load = rn == 15 || bits_test(h, 11),
                             .up = true,
                             .offset = offset};

    lower_ldst(out, &a);
}

static void hints(uint32_t h, struct insn *out)
{
    if ((h & 15) == 0)
        lower_hint(out, h >> 4 & 15);
}

static void push_pop(uint32_t h, struct insn *out)
{
    bool load = bits_test(h, 11);
    uint32_t list = (h & 0xff) | (bits_test(h, 8) ? 1u << (load ? 15 : 14) : 0);

    lower_block(out, 13, list, load ? A32_LOAD | A32_POST : A32_POST | A32_SWAP);
}

/* 1011: stack pointer, compare and branch, stack, processor state, breakpoint, hints. */
static void miscellaneous(uint32_t h, struct insn *out)
{
    if ((h & 0xff00) == 0xb000) {
        out->imm = (h & 0x7f) * 4;
        dp_imm(out, bits_test(h, 7) ? A32_SUB : A32_ADD, false, 13, 13);
    } else if ((h & 0xf500) == 0xb100) {
        lower_branch(out, OP_R_CBZ, (h >> 2 & 0x3e) | (h >> 3 & 0x40));
        out->opnd[1].reg = h & 7;
        out->prefix = bits_test(h, 11) ? A32_SWAP : 0;
    } else if ((h & 0xf600) == 0xb400) {
        push_pop(h, out);
    } else if ((h & 0xffe8) == 0xb660) {
        lower_cps(out, bits_test(h, 4) ? 3 : 2, h & 7, false, 0);
    } else if ((h & 0xff00) == 0xbe00) {
        lower_trap(out, OP_BRK, h & 0xff);
    } else if ((h & 0xffc0) == 0xba80) {
        out->status = INSN_ILLEGAL; /* HLT without an external debugger */
    } else if ((h & 0xff00) == 0xbf00) {
        hints(h, out);
    }
}

static void branches(uint32_t h, struct insn *out)
{
    unsigned cond = h >> 8 & 15;

    if (h >> 12 == 14) {
        lower_branch(out, OP_R_B, (int64_t)bits_sext((uint64_t)(h & 0x7ff) << 1, 12));
    } else if (cond == 14) {
        lower_trap(out, OP_UDF, h & 0xff);
    } else if (cond == 15) {
        lower_trap(out, OP_SVC, h & 0xff);
    } else {
        lower_branch(out, OP_R_B, (int64_t)bits_sext((uint64_t)(h & 0xff) << 1, 9));
        out->cond = (uint8_t)cond;
    }
}

static void address(uint32_t h, struct insn *out)
{
    out->imm = (h & 0xff) * 4;
    out->base = bits_test(h, 11) ? 0 : 15; /* ADR: PC is aligned */
    dp_imm(out, A32_ADD, false, h >> 8 & 7, bits_test(h, 11) ? 13 : 15);
}

static void several(uint32_t h, struct insn *out)
{
    unsigned rn = h >> 8 & 7;
    bool load = bits_test(h, 11), listed = bits_test(h, rn);

    lower_block(out, rn, h & 0xff, load ? A32_LOAD | (listed ? 0 : A32_POST) : A32_POST);
}

static void lower_short(uint32_t h, struct insn *out)
{
    unsigned low = h >> 3 & 7, imm5 = h >> 6 & 31;

    switch (h >> 12) {
    case 0:
    case 1:
        shift_add(h, out);
        break;
    case 2:
    case 3:
        imm8(h, out);
        break;
    case 4:
        if (bits_test(h, 11))
            transfer(out, h, 4, 15, (h & 0xff) * 4);
        else if (bits_test(h, 10))
            high_registers(h, out);
        else
            low_registers(h, out);
        break;
    case 6:
        transfer(out, h, 4, low, imm5 * 4);
        break;
    case 7:
        transfer(out, h, 1, low, imm5);
        break;
    case 8:
        transfer(out, h, 2, low, imm5 * 2);
        break;
    case 9:
        transfer(out, h, 4, 13, (h & 0xff) * 4);
        break;
    case 10:
        address(h, out);
        break;
    case 11:
        miscellaneous(h, out);
        break;
    case 12:
        several(h, out);
        break;
    case 13:
    case 14:
        branches(h, out);
        break;
    default: /* register offsets */
        break;
    }
}

/* ThumbExpandImm_C (F2.2): a byte, repeated or rotated. */
static void expand(struct insn *out, uint32_t w)
{
    uint32_t imm12 = (w >> 15 & 0x800) | (w >> 4 & 0x700) | (w & 0xff), b = imm12 & 0xff;
    unsigned rot = imm12 >> 7;

    if (rot >= 8) {
        b = (b & 0x7f) | 0x80;
        out->imm = b >> rot | (uint32_t)((uint64_t)b << (32 - rot));
        out->prefix |= A32_ROTATED;
    } else {
        static const uint32_t repeat[4] = {0x1, 0x00010001, 0x01000100, 0x01010101};

        out->imm = b * repeat[imm12 >> 8 & 3];
    }
}

/* 11110 i 0 op S Rn | 0 imm3 Rd imm8 */
static void modified_immediate(uint32_t w, struct insn *out)
{
    static const uint8_t opcode[16] = {A32_AND, A32_BIC, A32_ORR, 0xff, A32_EOR, 0xff,
                                       0xff,    0xff,    A32_ADD, 0xff, A32_ADC, A32_SBC,
                                       0xff,    A32_SUB, A32_RSB, 0xff};
    unsigned which = w >> 21 & 15, rd = w >> 8 & 15, rn = w >> 16 & 15, op = opcode[which];
    bool s = bits_test(w, 20), test = rd == 15 && s;

    if (rn == 15 && (which == 2 || which == 3)) {
        op = which == 2 ? A32_MOV : A32_MVN;
        rn = 0;
        test = false;
    } else if (test && (which == 0 || which == 4)) {
        op = which == 0 ? A32_TST : A32_TEQ;
    } else if (test && (which == 8 || which == 13)) {
        op = which == 8 ? A32_CMN : A32_CMP;
    } else {
        test = false;
    }
    if (op == 0xff || rn == 15 || (rd == 15 && !test))
        return;
    expand(out, w);
    dp_imm(out, op, s, test ? 0 : rd, rn);
}

/* MOVW, MOVT, ADDW, SUBW: 11110 i 1 op 0 Rn | 0 imm3 Rd imm8 */
static void plain_immediate(uint32_t w, struct insn *out)
{
    unsigned rd = w >> 8 & 15, rn = w >> 16 & 15;
    uint32_t imm12 = (w >> 15 & 0x800) | (w >> 4 & 0x700) | (w & 0xff);
    bool align = rn == 15;

    if (rd == 15)
        return;
    switch (w >> 20 & 0x1f) {
    case 0x04:
    case 0x0c:
        lower_set(out, bits_test(w, 23) ? OP_R_MOVT : OP_R_MOVW);
        out->opnd[0].reg = (uint8_t)rd;
        out->imm = rn << 12 | imm12;
        break;
    case 0x00:
    case 0x0a:
        out->imm = imm12;
        out->base = align ? 15 : 0;
        dp_imm(out, bits_test(w, 23) ? A32_SUB : A32_ADD, false, rd, rn);
        break;
    default:
        break;
    }
}

/* A branch of 24 bits: S imm10 in the first halfword, J1 J2 imm11 in the second. */
static int64_t far_branch(uint32_t w)
{
    uint32_t s = w >> 26 & 1, i1 = ~(w >> 13 ^ s) & 1, i2 = ~(w >> 11 ^ s) & 1;

    return (int64_t)bits_sext(
        (uint64_t)(s << 24 | i1 << 23 | i2 << 22 | (w >> 16 & 0x3ff) << 12 | (w & 0x7ff) << 1), 25);
}

static int64_t near_branch(uint32_t w)
{
    return (int64_t)bits_sext((uint64_t)((w >> 26 & 1) << 20 | (w >> 11 & 1) << 19 |
                                         (w >> 13 & 1) << 18 | (w >> 16 & 0x3f) << 12 |
                                         (w & 0x7ff) << 1),
                              21);
}

/* 11110 ... | 1: branches, status registers, hints and what hypervisors see. */
static void control(uint32_t w, struct insn *out)
{
    static const uint8_t lr[3] = {15, 14, 0};

    if ((w & 0xfff0f000) == 0xf7e08000) {
        lower_trap(out, OP_HVC, (w >> 16 & 15) << 12 | (w & 0xfff));
    } else if ((w & 0xfff0ffff) == 0xf7f08000) {
        lower_trap(out, OP_SMC, w >> 16 & 15);
    } else if ((w & 0xfff0f000) == 0xf7f0a000) {
        lower_trap(out, OP_UDF, (w >> 16 & 15) << 12 | (w & 0xfff));
    } else if ((w & 0xd000) == 0xd000 || ((w & 0xd001) == 0xc000)) {
        lower_branch(out, OP_R_BL, far_branch(w));
        out->prefix = (w & 0x1000) == 0 ? A32_SWAP : 0;
    } else if ((w & 0xd000) == 0x9000) {
        lower_branch(out, OP_R_B, far_branch(w));
    } else if ((w & 0xd000) == 0x8000 && (w >> 22 & 15) < 14) {
        lower_branch(out, OP_R_B, near_branch(w));
        out->cond = (uint8_t)(w >> 22 & 15);
    } else if ((w & 0xffffff00) == 0xf3af8000) {
        lower_hint(out, w & 0xff);
    } else if ((w & 0xffffff00) == 0xf3bf8f00 && (w >> 4 & 15) >= 4 && (w >> 4 & 15) <= 6) {
        lower_set(out, OP_R_NOP); /* DSB, DMB, ISB */
    } else if ((w & 0xffeff0ff) == 0xf3ef8000 && (w >> 8 & 15) != 15) {
        lower_set(out, OP_R_MRS);
        out->opnd[0].reg = (uint8_t)(w >> 8 & 15);
        out->prefix = bits_test(w, 20) ? A32_SWAP : 0;
    } else if ((w & 0xffe0f0ff) == 0xf3808000 && (w >> 8 & 15) != 0 && (w >> 16 & 15) != 15) {
        lower_msr(out, w >> 8 & 15);
        out->opnd[2].reg = (uint8_t)(w >> 16 & 15);
        out->prefix = bits_test(w, 20) ? A32_SWAP : 0;
    } else if ((w & 0xffffff00) == 0xf3de8f00) { /* SUBS PC, LR: exception return */
        out->imm = w & 0xff;
        out->prefix = A32_IMM;
        lower_dp(out, A32_SUB, true, lr);
    }
}

/* 1111 1000: single register with a 12-bit offset, or a literal. */
static void wide_transfer(uint32_t w, struct insn *out)
{
    unsigned size = w >> 21 & 3, rn = w >> 16 & 15;
    struct lower_access a = {.size = (uint8_t)(1u << size),
                             .rt = (uint8_t)(w >> 12 & 15),
                             .rn = (uint8_t)rn,
                             .load = bits_test(w, 20),
                             .up = rn == 15 ? bits_test(w, 23) : true,
                             .offset = w & 0xfff};

    if (size == 3 || (rn != 15 && !bits_test(w, 23)) || (rn == 15 && !a.load) ||
        (a.rt == 15 && (!a.load || size != 2)))
        return; /* other forms, preloads */
    lower_ldst(out, &a);
}

static void lower_long(uint32_t w, struct insn *out)
{
    if ((w & 0xf8008000) == 0xf0008000)
        control(w, out);
    else if ((w & 0xfa008000) == 0xf0000000)
        modified_immediate(w, out);
    else if ((w & 0xfa108000) == 0xf2000000)
        plain_immediate(w, out);
    else if ((w & 0xff000000) == 0xf8000000)
        wide_transfer(w, out);
}

void lower_t32(uint32_t word, struct insn *out)
{
    out->cond = A32_ALWAYS;
    if (out->len == 2)
        lower_short(word, out);
    else
        lower_long(word, out);
}
