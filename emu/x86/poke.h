/* SPDX-License-Identifier: MIT */
/* What poke.c and poke_store.c share: the steps of a patch protocol. */
#ifndef TSP_EMU_X86_POKE_H
#define TSP_EMU_X86_POKE_H

#include "emu/hv/protocol.h"
#include "emu/x86/x86.h"

#define OPCODE_BYTES 3u

/* Bytes [off, off + n) of what the rewrite stores. */
struct piece {
    uint8_t off, n;
};

static inline uint64_t poke_cut(const struct vcpu *vc, uint64_t lin)
{
    return vc->s.regs.mode == TSP_MODE_LONG64 ? lin : (uint32_t)lin;
}

/* poke.c: the trap ends in vc->fault; it ends and the guest goes on. */
void poke_fail(struct vm *vm, struct vcpu *vc);
void poke_resume(struct vm *vm, struct vcpu *vc);
/* The guest's tables lead from pc to other memory than the site's. */
bool poke_away(struct vm *vm, struct vcpu *vc);

/* poke_store.c */
/* The replacement. */
void poke_bytes(const struct vm *vm, uint8_t byte[OPCODE_BYTES]);
/* The event of the store of a piece, after which `left` of the rewrite have still to come. */
void poke_event(struct vm *vm, uint64_t lin, uint64_t gpa, struct piece p, unsigned left);
/* Text as the tables are by now; false: some of it is not mapped. */
bool poke_read(struct vm *vm, struct vcpu *vc, uint64_t lin, uint8_t *out, unsigned n);
/* Keeps what lies where the rewrite will go. */
void poke_expect(struct vm *vm, struct vcpu *vc);
/* The next store of the replacement, as the set-up's `how` says. */
void poke_store(struct vm *vm, struct vcpu *vc);

#endif
