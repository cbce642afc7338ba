/* SPDX-License-Identifier: MIT */
/* Pieces of a line of text. Private to fuzz/input. */
#ifndef TSP_FUZZ_INPUT_TEXT_WORDS_H
#define TSP_FUZZ_INPUT_TEXT_WORDS_H

#include "trapspec/base.h"

struct span {
    const char *p;
    size_t n;
};

/* Takes the next word off the front of *rest; empty when there is none. */
struct span span_word(struct span *rest);
/* 0x and hexadecimal digits, or decimal digits. */
bool span_number(struct span w, uint64_t max, uint64_t *out);

#endif
