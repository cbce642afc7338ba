/* SPDX-License-Identifier: MIT */
/*
 * The AArch64 words a hypervisor can see (Arm DDI0487 C4.1): exception generation, UDF,
 * system-register moves.
 *
 *   31      24 23 21 20            5 4 2 1 0
 *   1101 0100  opc   imm16           op2 LL     exception generation; op2 other than 0: none
 *
 *   31                  16 15             0
 *   0000 0000 0000 0000    imm16                UDF
 *
 *   31        22 21 20  19 18  15  11  7    4
 *   1101010100   L  1   o0 op1 CRn CRm op2  Rt  MRS (L=1) and MSR, op0 = 2 + o0
 *   1101010100   0  0   0  op1 4   CRm op2  31  MSR (immediate): CRm is the immediate
 */
#include <string.h>

#include "decoder/private.h"
#include "trapspec/bits.h"

#define EXC_SVC 1u
#define EXC_HVC 2u
#define EXC_SMC 3u

/* opc and LL of exception-generating words name at most one instruction each. */
static unsigned exception_op(uint32_t word)
{
    unsigned opc = (word >> 21) & 7, ll = word & 3;

    if (((word >> 2) & 7) != 0)
        return OP_NONE;
    if (opc == 0 && ll == EXC_SVC)
        return OP_SVC;
    if (opc == 0 && ll == EXC_HVC)
        return OP_HVC;
    if (opc == 0 && ll == EXC_SMC)
        return OP_SMC;
    if (opc == 1 && ll == 0)
        return OP_BRK;
    /* HLT and DCPS are UNDEFINED unless an external debugger is there (DDI0487 C6.2 HLT, DCPS1);
     * the rest is unallocated or TME. */
    return OP_NONE;
}

static void set_trap(struct insn *out, unsigned op, uint32_t imm)
{
    out->op = (uint16_t)op;
    out->imm = imm;
    out->status = (uint8_t)(op == OP_NONE ? INSN_ILLEGAL : INSN_OK);
}

/* MSR (immediate) has Rt = 31; another Rt is unallocated. */
static void set_msr_immediate(struct insn *out, uint32_t word)
{
    set_trap(out, (word & 31) == 31 ? OP_MSR : OP_NONE, (word >> 5) & 0xffff);
}

bool prescan_arm64(const uint8_t *p, size_t n, struct insn *out)
{
    uint32_t word;

    memset(out, 0, sizeof(*out));
    out->osize = out->asize = 8;
    if (n < 4) {
        memcpy(out->bytes, p, n);
        out->len = (uint8_t)n;
        out->status = INSN_TRUNCATED;
        return true;
    }
    word = (uint32_t)le_load(p, 4);
    memcpy(out->bytes, p, 4);
    out->word = word;
    out->len = 4;
    if (word >> 16 == 0)
        set_trap(out, OP_UDF, word);
    else if (word >> 24 == 0xd4)
        set_trap(out, exception_op(word), (word >> 5) & 0xffff);
    else if (word >> 20 == 0xd53)
        set_trap(out, OP_MRS, (word >> 5) & 0xffff);
    else if (word >> 20 == 0xd51)
        set_trap(out, OP_MSR, (word >> 5) & 0xffff);
    else if ((word & 0xfff8f000) == 0xd5004000)
        set_msr_immediate(out, word);
    else
        return false;
    return true;
}
