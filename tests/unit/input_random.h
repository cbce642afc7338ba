/* SPDX-License-Identifier: MIT */
/* Random inputs that hold enough well-formed records to reach every reader. */
#ifndef TSP_TESTS_UNIT_INPUT_RANDOM_H
#define TSP_TESTS_UNIT_INPUT_RANDOM_H

#include "fuzz/input/input.h"

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Half of them bytes, half of them records with kinds 0..20 and honest lengths. */
static inline size_t random_input(uint8_t *p, size_t max, uint64_t *state)
{
    size_t n = random_next(state) % (random_next(state) & 1 ? 64 : max);
    size_t at = 2;

    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)random_next(state);
    if (random_next(state) & 1)
        return n;
    p[0] = (uint8_t)(random_next(state) % 7);
    while (at + 2 < n) {
        p[at] = (uint8_t)(random_next(state) % 21);
        p[at + 1] = (uint8_t)(random_next(state) % 40);
        at += 2u + p[at + 1];
    }
    return n;
}

#endif
