/* SPDX-License-Identifier: MIT */
/* Power State Coordination Interface (Arm DEN0022). Private to emu/arm64. */
#ifndef TSP_EMU_ARM64_PSCI_H
#define TSP_EMU_ARM64_PSCI_H

#include "emu/hv/smccc.h"

/* The row that answers function id nr in the version the set-up asks for, or NULL: not supported.
 */
const struct hv_call_row *psci_row(const struct vm *vm, uint64_t nr);

#endif
