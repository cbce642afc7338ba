/* SPDX-License-Identifier: MIT */
/* Words for a failing predicate. All return false, so that a predicate can end in one. */
#include "spec/judge.h"

#include <inttypes.h>
#include <stdio.h>

bool say_value(struct say *say, const char *what, uint64_t want, uint64_t got)
{
    snprintf(say->expected, sizeof(say->expected), "%.60s = 0x%" PRIx64, what, want);
    snprintf(say->got, sizeof(say->got), "0x%" PRIx64, got);
    return false;
}

bool say_text(struct say *say, const char *expected, const char *got)
{
    snprintf(say->expected, sizeof(say->expected), "%s", expected);
    snprintf(say->got, sizeof(say->got), "%s", got);
    return false;
}

void say_bytes(char *out, size_t max, const uint8_t *p, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < n && 2 * i + 2 < max; i++) {
        out[2 * i] = hex[p[i] >> 4];
        out[2 * i + 1] = hex[p[i] & 15];
    }
    out[2 * i] = 0;
}
