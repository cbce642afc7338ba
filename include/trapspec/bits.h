/* SPDX-License-Identifier: MIT */
/* Bit ranges, little-endian loads and stores, checked arithmetic, hexadecimal digits. Inline, no
 * state. */
#ifndef TSP_TRAPSPEC_BITS_H
#define TSP_TRAPSPEC_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A mask of the low n bits, n in 0..64. */
static inline uint64_t bits_mask(unsigned n)
{
    return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

/* Bits hi..lo of v, moved down to bit 0; 63 >= hi >= lo. */
static inline uint64_t bits_get(uint64_t v, unsigned hi, unsigned lo)
{
    return (v >> lo) & bits_mask(hi - lo + 1);
}

static inline uint64_t bits_set(uint64_t v, unsigned hi, unsigned lo, uint64_t field)
{
    uint64_t m = bits_mask(hi - lo + 1) << lo;

    return (v & ~m) | ((field << lo) & m);
}

static inline bool bits_test(uint64_t v, unsigned bit)
{
    return ((v >> bit) & 1) != 0;
}

/* Sign-extends the low n bits of v, n in 1..64. */
static inline uint64_t bits_sext(uint64_t v, unsigned n)
{
    uint64_t sign = (uint64_t)1 << (n - 1);

    v &= bits_mask(n);
    return (v ^ sign) - sign;
}

/* Loads n bytes (0..8), least significant first. */
static inline uint64_t le_load(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline void le_store(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* Value of a hexadecimal digit of either case, -1 for any other character. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* True when [off, off + len) lies in [0, size), without overflow. */
static inline bool range_ok(uint64_t off, uint64_t len, uint64_t size)
{
    return len <= size && off <= size - len;
}

#endif
