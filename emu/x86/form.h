/* SPDX-License-Identifier: MIT */
/* Handlers for the commonest forms of plain instructions, chosen once when a block is decoded. */
#ifndef TSP_EMU_X86_FORM_H
#define TSP_EMU_X86_FORM_H

#include "emu/state/code.h"

/* Fills fn, nplain and bytes of a block of x86 code. */
void form_bind(struct code_block *b);

/* How far the plain instructions of a block ran. */
struct form_run {
    uint32_t n;     /* so many completed */
    uint64_t pc;    /* where the last one began, or the one that did not complete */
    enum step step; /* how that one ended; else STEP_NEXT */
};
/* Runs the first n (at least 1) of b, as long as it is valid. */
struct form_run form_run(struct vm *vm, struct vcpu *vc, const struct code_block *b, uint32_t n);

#endif
