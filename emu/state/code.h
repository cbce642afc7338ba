/* SPDX-License-Identifier: MIT */
/*
 * Decoded blocks, keyed by guest-physical address and mode. A block never crosses a page, except
 * that its only instruction may. A store near code drops all blocks of that page, whoever stored:
 * the guest, a patch, the other vCPU or a poke. A run loop that walks a block looks
 * at `valid` after every instruction that may have stored, and looks the block up again when it is
 * false (the memory of a dropped block stays readable until the next code_lookup).
 */
#ifndef TSP_EMU_STATE_CODE_H
#define TSP_EMU_STATE_CODE_H

#include "emu/state/vm.h"

#define CODE_BLOCK_MAX 32u

struct code_block {
    uint64_t gpa;  /* of the first byte */
    uint64_t gpa2; /* of the page the only instruction runs on into, or the same page */
    uint8_t mode, n;
    uint8_t nplain; /* instructions at its start that have a handler in fn */
    bool valid;
    uint16_t bytes; /* length of those */
    struct code_block
        *then; /* what was looked up after it, in this run; may be another one by now */
    enum step (*fn[CODE_BLOCK_MAX])(struct vm *, struct vcpu *, const struct insn *);
    struct insn insn[CODE_BLOCK_MAX];
};

struct code_cache *code_open(void);
/* From now on bind is called once for each block that was decoded, to fill nplain, bytes and fn;
 * without it nplain stays 0. */
void code_bind(struct code_cache *c, void (*bind)(struct code_block *b));
void code_close(struct code_cache *c);
void code_reset(struct code_cache *c);

/*
 * The block at lin (linear, CS base added) of this vCPU. NULL when the first instruction cannot be
 * fetched or is cut off by a page that cannot be fetched (vc->fault filled); the last instruction
 * of a block may have a status other than INSN_OK. A block ends after the first instruction that is
 * a trap, changes pc or the rules of translation, or has such a status; that of one of several
 * vCPUs is one instruction. The CS limit is not looked at: a block may run past it.
 */
const struct code_block *code_lookup(struct vm *vm, struct vcpu *vc, uint64_t lin);

/* Drops all blocks of the page that holds gpa. Called by every store for which mem_is_code holds.
 */
void code_drop(struct vm *vm, uint64_t gpa);
/* Makes all vCPUs look up their next block again: page tables changed under their feet. */
void code_leave(struct vm *vm);

#endif
