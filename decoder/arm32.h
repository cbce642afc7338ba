/* SPDX-License-Identifier: MIT */
/* What the readers of A32 and T32 share. Private to decoder. */
#ifndef TSP_DECODER_ARM32_H
#define TSP_DECODER_ARM32_H

#include "decoder/insn_arm32.h"
#include "decoder/private.h"

struct lower_access {
    uint8_t size, rt, rn, wback; /* wback: A32_PRE, A32_POST or 0 */
    bool load, up;
    uint32_t offset;
};

static inline void lower_set(struct insn *out, unsigned op)
{
    out->op = (uint16_t)op;
    out->status = INSN_OK;
}

static inline void lower_trap(struct insn *out, unsigned op, uint32_t imm)
{
    lower_set(out, op);
    out->imm = imm;
}

/* Each fills *out, which is INSN_UNSUPPORTED until then. reg: Rd, Rn, Rm. */
void lower_dp(struct insn *out, unsigned opcode, bool s, const uint8_t reg[3]);
void lower_shift(struct insn *out, unsigned type, unsigned amount);
void lower_ldst(struct insn *out, const struct lower_access *a);
void lower_block(struct insn *out, unsigned rn, uint32_t list, unsigned prefix);
void lower_branch(struct insn *out, unsigned op, int64_t disp);
void lower_hint(struct insn *out, unsigned hint);
void lower_msr(struct insn *out, unsigned fields);
bool lower_cps(struct insn *out, unsigned imod, unsigned aif, bool to_mode, unsigned mode);

#endif
