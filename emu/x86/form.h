/* SPDX-License-Identifier: MIT */
/* Handlers for the commonest forms of plain instructions, chosen once when a block is decoded. */
#ifndef TSP_EMU_X86_FORM_H
#define TSP_EMU_X86_FORM_H

#include "emu/state/code.h"

/* Fills fn, nplain and bytes of a block of x86 code. */
void form_bind(struct code_block *b);

#endif
