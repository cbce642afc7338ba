/* SPDX-License-Identifier: MIT */
/* What poke.c and poke_store.c share: the steps of a patch protocol. */
#ifndef TSP_EMU_X86_POKE_H
#define TSP_EMU_X86_POKE_H

#include "emu/hv/protocol.h"
#include "emu/x86/x86.h"

#define OPCODE_BYTES 3u

static inline uint64_t poke_cut(const struct vcpu *vc, uint64_t lin)
{
    return vc->s.regs.mode == TSP_MODE_LONG64 ? lin : (uint32_t)lin;
}

/* poke.c: the trap ends in vc->fault; it ends and the guest goes on. */
void poke_fail(struct vm *vm, struct vcpu *vc);
void poke_resume(struct vm *vm, struct vcpu *vc);

/* poke_store.c */
/* The replacement. */
void poke_bytes(const struct vm *vm, uint8_t byte[OPCODE_BYTES]);
/* The event of a store of len bytes, after which `left` of the rewrite have still to come. */
void poke_event(struct vm *vm, uint64_t lin, unsigned len, unsigned left);
/* Keeps what lies where the rewrite will go. */
void poke_expect(struct vm *vm, struct vcpu *vc);
/* The next store of the replacement, as the set-up's `how` says. */
void poke_store(struct vm *vm, struct vcpu *vc);

#endif
