/* SPDX-License-Identifier: MIT */
/* The AArch64 processor at EL0 and EL1, MMU off. Private to emu. */
#ifndef TSP_EMU_ARM64_ARM64_H
#define TSP_EMU_ARM64_ARM64_H

#include "decoder/insn_arm64.h"
#include "emu/hv/hv.h"
#include "emu/state/code.h"
#include "emu/state/mmu.h"
#include "trapspec/bits.h"

/* PSTATE as SPSR_EL1 shows it (DDI0487 C5.2.18). The other bits are zero: their features are not
 * modelled. */
#define A64_N (UINT64_C(1) << 31)
#define A64_Z (UINT64_C(1) << 30)
#define A64_C (UINT64_C(1) << 29)
#define A64_V (UINT64_C(1) << 28)
#define A64_NZCV (A64_N | A64_Z | A64_C | A64_V)
#define A64_IL (UINT64_C(1) << 20)
#define A64_DAIF UINT64_C(0x3c0)
#define A64_M UINT64_C(0x1f) /* mode: EL0t 0, EL1t 4, EL1h 5 */
#define A64_EL1T UINT64_C(4)
#define A64_EL1H UINT64_C(5)

/* ESR_EL1 (DDI0487 D24.2.40): exception class 31:26, instruction length 25, syndrome 24:0. */
enum arm64_ec {
    EC_UNKNOWN = 0x00,
    EC_WFX = 0x01,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SVC = 0x15,
    EC_SYSREG = 0x18,
    EC_IABT_LOW = 0x20,
    EC_IABT_SAME = 0x21,
    EC_PC_ALIGN = 0x22,
    EC_DABT_LOW = 0x24,
    EC_DABT_SAME = 0x25,
    EC_SP_ALIGN = 0x26,
    EC_BRK = 0x3c
};
#define ESR_IL (UINT64_C(1) << 25)
#define FSC_EXTERNAL 0x10u
#define FSC_ALIGNMENT 0x21u

/* SCTLR_EL1 bits that matter with the MMU off. */
#define SCTLR_M (UINT64_C(1) << 0)
#define SCTLR_SA (UINT64_C(1) << 3)
#define SCTLR_SA0 (UINT64_C(1) << 4)
#define SCTLR_UMA (UINT64_C(1) << 9)
#define SCTLR_DZE (UINT64_C(1) << 14)
#define SCTLR_UCT (UINT64_C(1) << 15)
#define SCTLR_NTWI (UINT64_C(1) << 16)
#define SCTLR_NTWE (UINT64_C(1) << 18)
#define SCTLR_EE (UINT64_C(1) << 25)
#define SCTLR_UCI (UINT64_C(1) << 26)

/* The exclusive monitor lives in the vCPU's hv_state: size in bytes (0: open), address, and the
 * value that was read. A store-exclusive fails when memory no longer holds that value, whoever
 * wrote it. */
enum arm64_monitor { MONITOR_SIZE = 12, MONITOR_ADDR, MONITOR_LOW, MONITOR_HIGH };

/* exec.c: runs up to budget instructions on vc until an event; fills vm->ev. */
void arm64_run(struct vm *vm, struct vcpu *vc, uint32_t budget);

/* alu.c: NOP and data processing, OP_A_NOP to OP_A_DP3; pc is the caller's. */
void arm64_alu(struct vcpu *vc, const struct insn *in);
/* True when condition cond holds for these flags. */
bool arm64_cond(uint64_t flags, unsigned cond);
/* alu.c: the extended register operand of ADD (extended) and of register-offset loads. */
uint64_t arm64_extend(uint64_t v, unsigned option, unsigned shift);

/* memory.c: loads and stores. */
enum step arm64_memory(struct vm *vm, struct vcpu *vc, const struct insn *in);

/* exception.c: synchronous exception to EL1 through VBAR_EL1; vc->fault.error = ESR, .addr = FAR.
 * The return address is pc, or behind the instruction when vc->fault.soft is set (SVC). */
enum step arm64_deliver(struct vm *vm, struct vcpu *vc);
enum step arm64_undefined(struct vcpu *vc);
enum step arm64_fault(struct vcpu *vc, enum arm64_ec ec, uint64_t iss);
/* The same with a fault address. */
enum step arm64_abort(struct vcpu *vc, enum arm64_ec ec, uint64_t iss, uint64_t far);
enum step arm64_eret(struct vcpu *vc);
/* Puts PSTATE in force: level, and the stack pointer that r[31] stands for. */
void arm64_set_pstate(struct vcpu *vc, uint64_t pstate);

/* smccc.c: HVC and SMC with any immediate: level rule, then the persona's trap. */
enum step arm64_hypercall(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* sysreg.c: MRS and MSR, and cache maintenance. */
enum step arm64_sysreg(struct vm *vm, struct vcpu *vc, const struct insn *in);
enum step arm64_sys(struct vm *vm, struct vcpu *vc, const struct insn *in);

static inline unsigned a64_field(const struct insn *in, unsigned hi, unsigned lo)
{
    return (unsigned)bits_get(in->word, hi, lo);
}

/* Register 31 is the zero register here, the stack pointer in a64_sp and a64_set_sp. */
static inline uint64_t a64_x(const struct vcpu *vc, unsigned n)
{
    return n == 31 ? 0 : vc->s.regs.r[n];
}

static inline void a64_set_x(struct vcpu *vc, unsigned n, uint64_t v)
{
    if (n != 31)
        vc->s.regs.r[n] = v;
}

static inline uint64_t a64_sp(const struct vcpu *vc, unsigned n)
{
    return vc->s.regs.r[n];
}

static inline void a64_set_sp(struct vcpu *vc, unsigned n, uint64_t v)
{
    vc->s.regs.r[n] = v;
}

/* Bank of the stack pointer in use. */
static inline uint64_t *a64_sp_bank(struct vcpu *vc)
{
    return (vc->s.regs.flags & A64_M) == A64_EL1H ? &vc->s.arm64.sp_el1 : &vc->s.arm64.sp_el0;
}

#endif
