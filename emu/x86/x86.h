/* SPDX-License-Identifier: MIT */
/* The x86 processor: run loop, instruction handlers, exceptions. Private to emu. */
#ifndef TSP_EMU_X86_X86_H
#define TSP_EMU_X86_X86_H

#include "emu/hv/hv.h"
#include "emu/state/code.h"
#include "emu/state/mmu.h"

/* Exception vectors. */
enum x86_vector {
    X86_DE = 0,
    X86_DB = 1,
    X86_BP = 3,
    X86_OF = 4,
    X86_BR = 5,
    X86_UD = 6,
    X86_NM = 7,
    X86_DF = 8,
    X86_TS = 10,
    X86_NP = 11,
    X86_SS = 12,
    X86_GP = 13,
    X86_PF = 14,
    X86_AC = 17
};

#define X86_CF (1u << 0)
#define X86_PF_FLAG (1u << 2)
#define X86_AF (1u << 4)
#define X86_ZF (1u << 6)
#define X86_SF (1u << 7)
#define X86_TF (1u << 8)
#define X86_IF (1u << 9)
#define X86_DF_FLAG (1u << 10)
#define X86_OF_FLAG (1u << 11)
#define X86_IOPL (3u << 12)
#define X86_NT (1u << 14)
#define X86_RF (1u << 16)
#define X86_VM (1u << 17)
#define X86_AC_FLAG (1u << 18)
#define X86_ID (1u << 21)

/* exec.c: runs up to budget instructions on vc until an event; fills vm->ev. */
void x86_run(struct vm *vm, struct vcpu *vc, uint32_t budget);

/* system.c: far transfers, segment loads, descriptor tables, control registers, MSRs, RDTSC,
 * IN/OUT, HLT, STI/CLI. */
enum step x86_system(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* Loads a segment register as MOV, POP, LxS do. */
enum step x86_load_seg(struct vm *vm, struct vcpu *vc, unsigned seg, uint16_t sel);
/* Makes a state that came from outside one that a processor can be in: fixed and reserved flag
 * bits, EFER.LMA as CR0 and EFER.LME demand, mode and level. */
void x86_adopt(struct vcpu *vc);
/* Recomputes s.regs.mode and level from CR0, EFER, RFLAGS.VM, CS and SS; after every change of
 * those. */
void x86_update_mode(struct vcpu *vc);
/* rdmsr/wrmsr incl. the personality's MSRs; false: #GP. */
bool x86_rdmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value);
bool x86_wrmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value);

/* exception.c: delivers vc->fault through the IVT or IDT (error code, CR2, stack switch), double
 * and triple faults included. STEP_EVENT (TSP_EV_FAULT) or STEP_STOP (triple fault). */
enum step x86_deliver(struct vm *vm, struct vcpu *vc);

/* exec.c: the handler of a plain instruction; NULL: it is none. */
enum step (*x86_plain_handler(unsigned op))(struct vm *, struct vcpu *, const struct insn *);

/* Segmented access: checks limits, rights and canonical form, adds the base, then mmu_load or
 * mmu_store. off is truncated to asize by the caller. #SS for the stack segment, else #GP. */
enum step x86_load(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, void *buf,
                   unsigned len);
enum step x86_store(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, const void *buf,
                    unsigned len);
/* Checks that a store there would succeed: STEP_NEXT or STEP_FAULT. For read-modify-write
 * instructions, which fault as writes before they read. */
enum step x86_check_write(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, unsigned len);
/* Linear address of off in seg without checks (64-bit mode: base only for FS and GS). */
uint64_t x86_linear(const struct vcpu *vc, unsigned seg, uint64_t off);
enum step x86_push(struct vm *vm, struct vcpu *vc, uint64_t value, unsigned size);
enum step x86_pop(struct vm *vm, struct vcpu *vc, uint64_t *value, unsigned size);

/* flags.c: s.regs.flags made complete and returned. */
uint64_t x86_flags(struct vcpu *vc);

/* cpuid.c: the CPUID instruction. */
enum step x86_cpuid(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* The same answer without executing: leaf, sub-leaf of this vCPU now. */
void x86_cpuid_answer(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf,
                      uint32_t out[4]);
/* in[1] leaves from in[0] on at sub-leaf in[2]; the leaves do not pass 2^32. */
void x86_cpuid_range(struct vm *vm, struct vcpu *vc, const uint32_t in[3], uint32_t (*out)[4]);
/* hypercall.c: VMCALL or VMMCALL; decides native, foreign, privilege; native calls go to hv->trap.
 */
enum step x86_hypercall(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* hypercall.c: the call itself, whichever instruction made it. */
enum step x86_native_hypercall(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* hypercall.c: the host's own one of the two, whatever its prefixes. */
bool x86_is_native(const struct vm *vm, const struct insn *in);
/* undef.c: undefined opcode or foreign hypercall: inject, rewrite or emulate. */
enum step x86_undefined(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* undef.c: performs the next store of vc->patch, or raises (STEP_FAULT) what the hypervisor has
 * pending. Called by the run loop instead of an instruction while vc->patch.active; leaves pc. */
enum step x86_patch_step(struct vm *vm, struct vcpu *vc);

/*
 * micro.c, for set-ups with a protocol: one micro-step (TSP_STEP_*). start comes after the vCPUs
 * were set up; forget when a vCPU gets another state from outside.
 */
void x86_micro(struct vm *vm, struct vcpu *vc, uint32_t what);
void x86_micro_start(struct vm *vm);
void x86_micro_forget(struct vm *vm, struct vcpu *vc);
/* The vCPU's translations of the site's pages go. */
void x86_micro_invalidate(struct vcpu *vc);
/* Some of them is not what the tables say by now. */
bool x86_micro_out_of_date(struct vm *vm, struct vcpu *vc);
/* The bytes at [lin, lin + n), which gpa is of, are those of the site's addresses but not of its
 * memory. */
bool x86_micro_elsewhere(const struct vm *vm, uint64_t lin, unsigned n, uint64_t gpa);
/* exec.c: exactly this instruction, or the delivery of vc->fault when in is NULL, with an event. */
void x86_step(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* exec.c: what comes before any instruction, with an event; false: nothing does. */
bool x86_step_pending(struct vm *vm, struct vcpu *vc);
/* poke.c: the hypervisor's part of a trap: its beginning, a step, its end without an event. */
enum step x86_poke_trap(struct vm *vm, struct vcpu *vc, const struct insn *in);
void x86_poke_step(struct vm *vm, struct vcpu *vc);
void x86_poke_end(struct vm *vm, struct vcpu *vc);
/* PROTOCOL_* of the set-up's protocol, with what its `how` adds. */
uint32_t x86_poke_flags(const struct vm *vm);
/* The vCPU ran into the breakpoint of a rewrite under way. */
enum poke_hit { POKE_NOT_HIT = 0, POKE_HIT, POKE_GONE };
enum poke_hit x86_poke_hit(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* Marks the pages of the rewrite that vm->holder names as held, or no longer. */
void x86_poke_hold(struct vm *vm, bool on);

/* Result of a 32-bit register write: upper half cleared. */
static inline void x86_set32(struct vcpu *vc, unsigned reg, uint32_t v)
{
    vc->s.regs.r[reg] = v;
}

#endif
