/* SPDX-License-Identifier: MIT */
/* The binary form: two header bytes, then records of kind, length and payload. docs/INPUT.md,
 * section 1. */
#ifndef TSP_FUZZ_INPUT_RECORD_H
#define TSP_FUZZ_INPUT_RECORD_H

#include "fuzz/input/input.h"

/* Never reuse a number: files live for ever. Unknown kinds are skipped. */
enum record_kind {
    RECORD_ENV = 1,
    RECORD_CONFIG,
    RECORD_HV_BASE,
    RECORD_FIRMWARE,
    RECORD_PLACE,
    RECORD_MISC,
    RECORD_MSR,
    RECORD_REG,
    RECORD_FLAGS,
    RECORD_LEAF,
    RECORD_CODE0,
    RECORD_CODE1,
    RECORD_SCHED,
    RECORD_RACE,
    RECORD_MOVE,
    RECORD_HOW,
    RECORD_PSCI,
    RECORD_XMM,
    RECORD_LATER,
    RECORD_AARCH32,
    RECORD_KINDS
};

#define RECORD_HEADER 2u /* version, architecture */

#define RECORD_ENV_LEN 12u
#define RECORD_CONFIG_LEN 8u
#define RECORD_HV_BASE_LEN 8u
#define RECORD_FIRMWARE_LEN 24u
#define RECORD_PLACE_LEN 12u
#define RECORD_MISC_LEN 24u
#define RECORD_MSR_LEN 12u
#define RECORD_REG_LEN 9u
#define RECORD_FLAGS_LEN 8u
#define RECORD_LEAF_LEN 25u
#define RECORD_RACE_LEN 2u
#define RECORD_MOVE_LEN 2u
#define RECORD_HOW_LEN 4u
#define RECORD_PSCI_LEN 1u
#define RECORD_XMM_LEN 17u
#define RECORD_LATER_LEN 8u
#define RECORD_AARCH32_LEN 1u
#define RECORD_CODE_PIECE 128u /* longest code payload that input_write makes */

/* True for the modes whose instruction pointer has 16 bits by default. */
static inline bool input_is_16bit(unsigned mode)
{
    return mode == TSP_MODE_REAL16 || mode == TSP_MODE_VM86 || mode == TSP_MODE_PROT16 ||
           mode == TSP_MODE_COMPAT16;
}

static inline bool input_is_long(unsigned mode)
{
    return mode == TSP_MODE_LONG64 || mode == TSP_MODE_COMPAT32 || mode == TSP_MODE_COMPAT16;
}

/* 8: four-level tables, 4: two-level tables, 0: no paging. */
static inline unsigned input_entry_size(const struct scenario *s)
{
    if (s->arch != TSP_ARCH_X86)
        return 0;
    if (input_is_long(s->mode))
        return 8;
    return s->mode == TSP_MODE_PROT32 && s->paging ? 4 : 0;
}

#endif
