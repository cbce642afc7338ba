/* SPDX-License-Identifier: MIT */
#include "fuzz/input/text_words.h"

#include "trapspec/bits.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

struct span span_word(struct span *rest)
{
    struct span w;

    while (rest->n > 0 && is_space(rest->p[0])) {
        rest->p++;
        rest->n--;
    }
    w.p = rest->p;
    w.n = 0;
    while (w.n < rest->n && !is_space(w.p[w.n]))
        w.n++;
    rest->p += w.n;
    rest->n -= w.n;
    return w;
}

bool span_number(struct span w, uint64_t max, uint64_t *out)
{
    uint64_t base = 10, v = 0;
    size_t i = 0;

    if (w.n > 2 && w.p[0] == '0' && (w.p[1] == 'x' || w.p[1] == 'X')) {
        base = 16;
        i = 2;
    }
    if (i == w.n)
        return false;
    for (; i < w.n; i++) {
        int d = hex_digit(w.p[i]);

        if (d < 0 || (uint64_t)d >= base || v > (UINT64_MAX - (uint64_t)d) / base)
            return false;
        v = v * base + (uint64_t)d;
    }
    *out = v;
    return v <= max;
}
