/* SPDX-License-Identifier: MIT */
/*
 * What struct insn holds for a plain AArch64 instruction, beside op and word:
 *
 *   osize   4 or 8: width of the operation; loads and stores: bytes accessed (of each register)
 *   imm     immediates as insn_arm64.def says
 *   disp    branches, ADR and literals: bytes from this instruction; loads and stores: from base
 *   cond    condition of B.cond, CCMP, CSEL
 *   prefix  A64_* of loads and stores
 *   base    Rn, index Rm (loads and stores)
 *   opnd[0].reg Rt, opnd[1].reg Rt2, opnd[2].reg Rs of loads and stores
 */
#ifndef TSP_DECODER_INSN_ARM64_H
#define TSP_DECODER_INSN_ARM64_H

#define A64_LOAD 1u
#define A64_SIGNED 2u   /* sign-extended */
#define A64_WIDE 4u     /* ... to 64 bits */
#define A64_PRE 8u      /* write-back: before the access */
#define A64_POST 16u    /* write-back: after it */
#define A64_LITERAL 32u /* base is pc */
#define A64_PAIR 64u    /* two registers (exclusive forms) */

#endif
