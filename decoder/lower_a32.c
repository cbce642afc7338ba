/* SPDX-License-Identifier: MIT */
/*
 * A32 words (Arm DDI0487 F4.1), the subset of insn_arm32.def and what a hypervisor sees:
 *
 *   31  28 27 25 24      20 19  16 15  12 11            0
 *    cond   op0  opcode S     Rn     Rd    operand 2         data processing, op0 00x
 *    cond   010  P U B W L    Rn     Rt    offset            load and store
 *    cond   100  P U S W L    Rn     list                    several registers
 *    cond   101  L            offset / 4                     branch
 */
#include "decoder/arm32.h"

#include "trapspec/bits.h"

void lower_dp(struct insn *out, unsigned opcode, bool s, const uint8_t reg[3])
{
    lower_set(out, OP_R_DP);
    out->index = (uint8_t)opcode;
    out->prefix = (uint8_t)(out->prefix | (s ? A32_S : 0));
    for (unsigned i = 0; i < 3; i++)
        out->opnd[i].reg = reg[i];
}

/* LSR and ASR by 0 are by 32, ROR by 0 is RRX (F2.2, DecodeImmShift). */
void lower_shift(struct insn *out, unsigned type, unsigned amount)
{
    if (type == A32_ROR && amount == 0)
        type = A32_RRX;
    if (amount == 0 && type != A32_LSL)
        amount = type == A32_RRX ? 1 : 32;
    out->seg = (uint8_t)type;
    out->scale = (uint8_t)amount;
}

void lower_ldst(struct insn *out, const struct lower_access *a)
{
    lower_set(out, OP_R_LDST);
    out->osize = a->size;
    out->opnd[0].reg = a->rt;
    out->base = a->rn;
    out->disp = a->up ? (int64_t)a->offset : -(int64_t)a->offset;
    out->prefix = (uint8_t)((a->load ? A32_LOAD : 0) | a->wback);
}

/* Registers of an instruction that takes nothing but words: what is UNPREDICTABLE is left out. */
void lower_block(struct insn *out, unsigned rn, uint32_t list, unsigned prefix)
{
    bool wback = (prefix & A32_POST) != 0, load = (prefix & A32_LOAD) != 0;

    if (list == 0 || rn == 15 || (wback && bits_test(list, rn)) ||
        (!load && (list & (1u << 15 | 1u << 13)) != 0))
        return;
    lower_set(out, OP_R_BLOCK);
    out->base = (uint8_t)rn;
    out->imm = list;
    out->prefix = (uint8_t)prefix;
}

void lower_branch(struct insn *out, unsigned op, int64_t disp)
{
    lower_set(out, op);
    out->disp = disp;
}

void lower_hint(struct insn *out, unsigned hint)
{
    lower_set(out, hint == 2 ? OP_R_WFE : hint == 3 ? OP_R_WFI : OP_R_NOP);
}

/* The fields of the CPSR that an MSR names: flags 31:24 and status 23:16, extension 15:8, control
 * 7:0. */
void lower_msr(struct insn *out, unsigned fields)
{
    lower_set(out, OP_R_MSR);
    for (unsigned i = 0; i < 4; i++)
        if (bits_test(fields, i))
            out->imm |= 0xffu << 8 * i;
}

/* imod 10 enables, 11 disables; A, I and F stand as they do in the CPSR. */
bool lower_cps(struct insn *out, unsigned imod, unsigned aif, bool to_mode, unsigned mode)
{
    if (imod == 1 || (imod == 0 && (!to_mode || aif != 0)) || (imod != 0 && aif == 0))
        return false;
    lower_set(out, OP_R_CPS);
    out->imm = aif << 6 | (to_mode ? 0x1fu : 0);
    out->disp = (imod == 3 ? aif << 6 : 0) | (to_mode ? mode : 0);
    return true;
}

static void data_processing(uint32_t w, struct insn *out)
{
    unsigned opcode = w >> 21 & 15, rot = (w >> 8 & 15) * 2;
    uint8_t reg[3] = {(uint8_t)(w >> 12 & 15), (uint8_t)(w >> 16 & 15), (uint8_t)(w & 15)};
    uint32_t imm = w & 0xff;
    bool s = bits_test(w, 20);

    if (bits_test(w, 25)) {
        out->imm = rot ? imm >> rot | imm << (32 - rot) : imm;
        out->prefix = (uint8_t)(A32_IMM | (rot ? A32_ROTATED : 0));
    } else {
        lower_shift(out, w >> 5 & 3, w >> 7 & 31);
    }
    if (opcode >= A32_TST && opcode <= A32_CMN && reg[0] != 0)
        return; /* the old forms that changed CPSR: UNPREDICTABLE */
    if ((opcode == A32_MOV || opcode == A32_MVN) && reg[1] != 0)
        return; /* bits that should be zero */
    lower_dp(out, opcode, s, reg);
}

static void set_reg(struct insn *out, unsigned op, unsigned rm, unsigned prefix)
{
    lower_set(out, op);
    out->opnd[2].reg = (uint8_t)rm;
    out->prefix = (uint8_t)prefix;
}

static uint32_t split_imm(uint32_t w)
{
    return (w >> 8 & 0xfff) << 4 | (w & 15);
}

/* Bits 27:20 0001 0xx0: status registers, branches to registers, exceptions. */
static void miscellaneous(uint32_t w, struct insn *out)
{
    static const uint8_t lr[3] = {15, 0, 14};
    bool always = w >> 28 == A32_ALWAYS, spsr = bits_test(w, 22);

    if ((w & 0x0ffffff0) == 0x012fff10) {
        set_reg(out, OP_R_BX, w & 15, 0);
    } else if ((w & 0x0ffffff0) == 0x012fff30 && (w & 15) != 15) {
        set_reg(out, OP_R_BX, w & 15, A32_LINK);
    } else if ((w & 0x0fbf0fff) == 0x010f0000 && (w >> 12 & 15) != 15) {
        set_reg(out, OP_R_MRS, 0, spsr ? A32_SWAP : 0);
        out->opnd[0].reg = (uint8_t)(w >> 12 & 15);
    } else if ((w & 0x0fb0fff0) == 0x0120f000 && (w >> 16 & 15) != 0 && (w & 15) != 15) {
        lower_msr(out, w >> 16 & 15);
        out->opnd[2].reg = (uint8_t)(w & 15);
        out->prefix = spsr ? A32_SWAP : 0;
    } else if (w == 0xe160006e) { /* ERET is MOVS PC, LR outside Hyp mode */
        lower_dp(out, A32_MOV, true, lr);
    } else if ((w & 0x0ff000f0) == 0x01200070 && always) {
        lower_trap(out, OP_BRK, split_imm(w));
    } else if ((w & 0x0ff000f0) == 0x01400070 && always) {
        lower_trap(out, OP_HVC, split_imm(w));
    } else if ((w & 0x0ffffff0) == 0x01600070) {
        lower_trap(out, OP_SMC, w & 15);
    } else if ((w & 0x0ff000f0) == 0x01000070 && always) {
        out->status = INSN_ILLEGAL; /* HLT without an external debugger */
    }
}

static void constants(uint32_t w, struct insn *out)
{
    unsigned rot = (w >> 8 & 15) * 2;
    uint32_t imm = w & 0xff;

    if ((w & 0x0fb00000) == 0x03000000 && (w >> 12 & 15) != 15) {
        lower_set(out, bits_test(w, 22) ? OP_R_MOVT : OP_R_MOVW);
        out->opnd[0].reg = (uint8_t)(w >> 12 & 15);
        out->imm = (w >> 16 & 15) << 12 | (w & 0xfff);
    } else if ((w & 0x0fffff00) == 0x0320f000) {
        lower_hint(out, w & 0xff);
    } else if ((w & 0x0fb0f000) == 0x0320f000 && (w >> 16 & 15) != 0) {
        lower_msr(out, w >> 16 & 15);
        out->disp = rot ? imm >> rot | imm << (32 - rot) : imm;
        out->prefix = (uint8_t)(A32_IMM | (bits_test(w, 22) ? A32_SWAP : 0));
    } else if ((w & 0x01900000) != 0x01000000) {
        data_processing(w, out);
    }
}

static void load_store(uint32_t w, struct insn *out)
{
    bool before = bits_test(w, 24), wback = bits_test(w, 21);
    struct lower_access a = {.size = bits_test(w, 22) ? 1 : 4,
                             .load = bits_test(w, 20),
                             .rt = (uint8_t)(w >> 12 & 15),
                             .rn = (uint8_t)(w >> 16 & 15),
                             .up = bits_test(w, 23),
                             .offset = w & 0xfff};

    if (!before)
        a.wback = A32_POST;
    else if (wback)
        a.wback = A32_PRE;
    if ((!before && wback) || (a.wback && (a.rn == 15 || a.rn == a.rt)))
        return; /* LDRT and its like; UNPREDICTABLE */
    if (a.rt == 15 && (!a.load || a.size != 4))
        return;
    lower_ldst(out, &a);
}

static void block(uint32_t w, struct insn *out)
{
    bool up = bits_test(w, 23), first = bits_test(w, 24) == up;
    unsigned prefix = (bits_test(w, 20) ? A32_LOAD : 0) | (first ? A32_PRE : 0) |
                      (bits_test(w, 21) ? A32_POST : 0) | (up ? 0 : A32_SWAP);

    if (!bits_test(w, 22)) /* banked registers, exception return */
        lower_block(out, w >> 16 & 15, w & 0xffff, prefix);
}

static void unconditional(uint32_t w, struct insn *out)
{
    int64_t disp = (int64_t)bits_sext((uint64_t)(w & 0xffffff) << 2, 26);

    if ((w & 0x0e000000) == 0x0a000000) {
        lower_branch(out, OP_R_BL, disp + (bits_test(w, 24) ? 2 : 0));
        out->prefix = A32_SWAP;
    } else if ((w & 0x0ff00000) == 0x05700000 && (w >> 4 & 15) >= 4 && (w >> 4 & 15) <= 6) {
        lower_set(out, OP_R_NOP); /* DSB, DMB, ISB */
    } else if ((w & 0x0ff1fe20) == 0x01000000) {
        lower_cps(out, w >> 18 & 3, w >> 6 & 7, bits_test(w, 17), w & 31);
    }
}

static void conditional(uint32_t w, struct insn *out)
{
    int64_t disp = (int64_t)bits_sext((uint64_t)(w & 0xffffff) << 2, 26);

    switch (w >> 25 & 7) {
    case 0:
        if ((w & 0x01900000) == 0x01000000 && (w & 0x90) != 0x90)
            miscellaneous(w, out);
        else if ((w & 0x10) == 0)
            data_processing(w, out);
        break;
    case 1:
        constants(w, out);
        break;
    case 2:
        load_store(w, out);
        break;
    case 3:
        if ((w & 0xfff000f0) == 0xe7f000f0)
            lower_trap(out, OP_UDF, split_imm(w));
        break;
    case 4:
        block(w, out);
        break;
    case 5:
        lower_branch(out, bits_test(w, 24) ? OP_R_BL : OP_R_B, disp);
        break;
    default:
        if ((w & 0x0f000000) == 0x0f000000)
            lower_trap(out, OP_SVC, w & 0xffffff);
        break;
    }
}

void lower_a32(uint32_t word, struct insn *out)
{
    out->cond = A32_ALWAYS;
    if (word >> 28 == 15) {
        unconditional(word, out);
        return;
    }
    out->cond = (uint8_t)(word >> 28);
    conditional(word, out);
}
