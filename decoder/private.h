/* SPDX-License-Identifier: MIT */
/* What the files of the decoder share; nobody else includes this. */
#ifndef TSP_DECODER_PRIVATE_H
#define TSP_DECODER_PRIVATE_H

#include "decoder/decoder.h"

/* capstone_arm64.c: completes *out (word, len and bytes are set, status INSN_UNSUPPORTED) for a word that
 * prescan_arm64 did not know. capstone_id is Capstone's instruction id, 0 when it calls the word invalid. Sets op and
 * status: INSN_OK, INSN_ILLEGAL (unallocated: UNDEFINED on a processor) or INSN_UNSUPPORTED. */
void lower_arm64(uint32_t word, unsigned capstone_id, struct insn *out);

#endif
