/* SPDX-License-Identifier: MIT */
/*
 * What struct insn holds for a plain AArch32 instruction, beside op, len and word (T32: the first
 * halfword in the upper half when there are two, else in the lower):
 *
 *   cond    condition, 14 always
 *   prefix  A32_*
 *   imm     the immediate, already expanded; R_BLOCK: the list of registers; R_MSR, R_CPS: see
 * there disp    branches: bytes from this instruction's PC (address + 8, T32 + 4); loads and
 * stores: from the base opnd[0].reg Rd or Rt, opnd[1].reg Rn, opnd[2].reg Rm R_DP    index: enum
 * a32_dp; seg, scale: shift of Rm and its amount (1..32, RRX 1) R_LDST  osize: bytes accessed;
 * base: Rn, 15 is PC aligned to 4 R_BLOCK base: Rn R_MSR   imm: bits that are written; A32_IMM:
 * disp is the value, else opnd[2].reg R_CPS   imm: mask bits (A 8, I 7, F 6) and A32_MODE; disp:
 * what they become
 */
#ifndef TSP_DECODER_INSN_ARM32_H
#define TSP_DECODER_INSN_ARM32_H

#define A32_S 1u       /* sets the flags */
#define A32_IMM 2u     /* the second operand is imm */
#define A32_ROTATED 4u /* ... and the shifter's carry is its bit 31 */
#define A32_LOAD 8u
#define A32_PRE 16u  /* R_BLOCK: addresses one word up; else write-back before the access */
#define A32_POST 32u /* write-back after it; R_BLOCK: write-back */
#define A32_LINK 64u /* R_BX: the return address goes to R14 */
#define A32_SWAP                                                                                   \
    128u /* R_BL: to the other instruction set; R_CBZ: not zero; R_MRS, R_MSR: SPSR;               \
            R_BLOCK: downwards */

/* Numbers as in A32's opcode field. */
enum a32_dp {
    A32_AND = 0,
    A32_EOR,
    A32_SUB,
    A32_RSB,
    A32_ADD,
    A32_ADC,
    A32_SBC,
    A32_RSC,
    A32_TST,
    A32_TEQ,
    A32_CMP,
    A32_CMN,
    A32_ORR,
    A32_MOV,
    A32_BIC,
    A32_MVN
};

enum a32_shift { A32_LSL = 0, A32_LSR, A32_ASR, A32_ROR, A32_RRX };

#define A32_ALWAYS 14u

#endif
