/* SPDX-License-Identifier: MIT */
/*
 * AArch32 at EL0 and EL1, MMU off, little-endian. Registers lie where AArch64 software above finds
 * them (trapspec/base.h). Private to emu.
 */
#ifndef TSP_EMU_ARM64_ARM32_H
#define TSP_EMU_ARM64_ARM32_H

#include "decoder/insn_arm32.h"
#include "emu/arm64/arm64.h"

/* CPSR and SPSRs (Arm DDI0487 G8.2.33). The other bits are zero: what they switch is not modelled.
 */
#define PSR_N (1u << 31)
#define PSR_Z (1u << 30)
#define PSR_C (1u << 29)
#define PSR_V (1u << 28)
#define PSR_NZCV 0xf0000000u
#define PSR_Q (1u << 27)
#define PSR_GE 0xf0000u
#define PSR_A (1u << 8)
#define PSR_I (1u << 7)
#define PSR_F (1u << 6)
#define PSR_T (1u << 5)
#define PSR_M 0x1fu
#define PSR_ALL (PSR_NZCV | PSR_Q | PSR_GE | PSR_A | PSR_I | PSR_F | PSR_T | PSR_M)

enum arm32_mode { M_USR = 0x10, M_SVC = 0x13, M_ABT = 0x17, M_UND = 0x1b, M_SYS = 0x1f };

/* SCTLR bits that AArch64 does not have. */
#define SCTLR32_V (1u << 13)
#define SCTLR32_TE (1u << 30)
#define SCTLR32_RESET 0x00c50078u /* RES1, WFI and WFE not trapped */

/* exec32.c: as arm64_run. */
void arm32_run(struct vm *vm, struct vcpu *vc, uint32_t budget);

/* exception32.c: an exception to EL1 from vc->fault, which has the class and syndrome that AArch64
 * would have. */
enum step arm32_deliver(struct vm *vm, struct vcpu *vc);
/* MOVS PC, LR and its like: back to pc with the SPSR of the mode. */
enum step arm32_return(struct vm *vm, struct vcpu *vc, uint32_t pc);
/* Puts a CPSR in force. false, and nothing happens: a mode that is not modelled. */
bool arm32_set_psr(struct vcpu *vc, uint32_t psr);
/* A state from outside: PSTATE decides mode and level, and pc is aligned to the instruction set. */
void arm32_adopt(struct vcpu *vc);
/* NULL: the mode has none. */
uint64_t *arm32_spsr(struct vcpu *vc);

/* alu32.c: R_DP, R_MOVW and R_MOVT, up to the result for a destination other than pc; *pc is set
 * when that is it. */
bool arm32_dp(struct vcpu *vc, const struct insn *in, uint32_t *pc);

/* memory32.c */
enum step arm32_ldst(struct vm *vm, struct vcpu *vc, const struct insn *in);
enum step arm32_block(struct vm *vm, struct vcpu *vc, const struct insn *in);

/* BX: bit 0 chooses the instruction set (BXWritePC). */
void arm32_branch_to(struct vcpu *vc, uint32_t to);

static inline unsigned arm32_mode(const struct vcpu *vc)
{
    return (unsigned)vc->s.regs.flags & PSR_M;
}

static inline bool arm32_thumb(const struct vcpu *vc)
{
    return (vc->s.regs.flags & PSR_T) != 0;
}

/* Where R0 to R14 of the current mode lie. */
static inline unsigned arm32_at(const struct vcpu *vc, unsigned n)
{
    if (n < 13)
        return n;
    switch (arm32_mode(vc)) {
    case M_SVC:
        return 32 - n;
    case M_ABT:
        return 34 - n;
    case M_UND:
        return 36 - n;
    default:
        return n;
    }
}

/* R15 reads as two instructions on. */
static inline uint32_t arm32_r(const struct vcpu *vc, unsigned n)
{
    if (n == 15)
        return (uint32_t)vc->s.regs.pc + (arm32_thumb(vc) ? 4 : 8);
    return (uint32_t)vc->s.regs.r[arm32_at(vc, n)];
}

static inline void arm32_set_r(struct vcpu *vc, unsigned n, uint32_t v)
{
    vc->s.regs.r[arm32_at(vc, n)] = v;
}

static inline void arm32_next(struct vcpu *vc, const struct insn *in)
{
    vc->s.regs.pc = (uint32_t)(vc->s.regs.pc + in->len);
}

#endif
