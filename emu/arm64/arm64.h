/* SPDX-License-Identifier: MIT */
/* The AArch64 processor at EL0 and EL1, MMU off. Private to emu. */
#ifndef TSP_EMU_ARM64_ARM64_H
#define TSP_EMU_ARM64_ARM64_H

#include "emu/hv/hv.h"
#include "emu/state/code.h"
#include "emu/state/mmu.h"

/* exec.c: runs up to budget instructions on vc until an event; fills vm->ev. */
void arm64_run(struct vm *vm, struct vcpu *vc, uint32_t budget);
enum step arm64_plain(struct vm *vm, struct vcpu *vc, const struct insn *in);

/* exception.c: synchronous exception to EL1 through VBAR_EL1; vc->fault.error = ESR, .addr = FAR. */
enum step arm64_deliver(struct vm *vm, struct vcpu *vc);
enum step arm64_undefined(struct vcpu *vc);

/* smccc.c: HVC and SMC with any immediate: level rule, then the persona's trap. */
enum step arm64_hypercall(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* psci.c: standard secure service calls of the PSCI range; true when the id was of that range. */
bool arm64_psci(struct vm *vm, struct vcpu *vc, struct hv_call *call, enum step *end);
/* sysreg.c: MRS and MSR. */
enum step arm64_sysreg(struct vm *vm, struct vcpu *vc, const struct insn *in);

#endif
