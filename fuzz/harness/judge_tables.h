/* SPDX-License-Identifier: MIT */
/* Private to fz_judge: tables from memory. */
#ifndef TSP_FUZZ_HARNESS_JUDGE_TABLES_H
#define TSP_FUZZ_HARNESS_JUDGE_TABLES_H

#include "fuzz/harness/harness.h"

/* Reads text as one of the tables beside a fixed list of sources and opcodes. NULL when it is
 * refused; else a spec that lives until the next call. */
const struct spec *judge_tables_read(unsigned which, const char *text, size_t n);

#endif
