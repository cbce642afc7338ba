/* SPDX-License-Identifier: MIT */
/* Files damaged by a seeded generator: the same on every machine. */
#ifndef TSP_TESTS_UNIT_DAMAGE_H
#define TSP_TESTS_UNIT_DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint64_t seed;

static inline uint32_t rnd(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* A copy of good, which has room for it, changed in up to four places; its length. */
static inline size_t damage(const uint8_t *good, size_t n, uint8_t *out, size_t room)
{
    memcpy(out, good, n);
    for (unsigned k = rnd(4) + 1; k > 0; k--) {
        size_t at = n == 0 ? 0 : rnd((uint32_t)n), len = rnd(32);

        switch (rnd(5)) {
        case 0:
            if (n > 0)
                out[at] ^= (uint8_t)(1u << rnd(8));
            break;
        case 1:
            n = at;
            break;
        case 2:
            if (at + len <= n) {
                memmove(out + at, out + at + len, n - at - len);
                n -= len;
            }
            break;
        case 3:
            if (at + len <= n && n + len <= room) {
                memmove(out + at + len, out + at, n - at);
                n += len;
            }
            break;
        default:
            for (size_t i = at; i < n && i < at + len; i++)
                out[i] = (uint8_t)rnd(256);
        }
    }
    return n;
}

#endif
