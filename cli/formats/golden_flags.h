/* SPDX-License-Identifier: MIT */
/* The "flags" of a record as text: the writing half of golden_flag.c. */
#ifndef TSP_CLI_FORMATS_GOLDEN_FLAGS_H
#define TSP_CLI_FORMATS_GOLDEN_FLAGS_H

#include "cli/formats/golden.h"

/* The elements of the JSON array, without its brackets. false: something about the scenario has no
 * flag; why says what. */
bool golden_flags_text(const struct scenario *s, char *out, size_t max, char *why, size_t whymax);

#endif
