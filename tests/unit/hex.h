/* SPDX-License-Identifier: MIT */
/* Bytes of a row, as text. */
#ifndef TSP_TESTS_UNIT_HEX_H
#define TSP_TESTS_UNIT_HEX_H

#include "tests/test_main.h"
#include "trapspec/bits.h"

static inline size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (; hex[0] && hex[1]; hex += 2) {
        int hi = hex_digit(hex[0]), lo = hex_digit(hex[1]);

        assert_true(hi >= 0 && lo >= 0);
        out[n++] = (uint8_t)(hi << 4 | lo);
    }
    return n;
}

#endif
