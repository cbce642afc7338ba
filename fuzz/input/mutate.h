/* SPDX-License-Identifier: MIT */
/* Parts of the mutator. Private to fuzz/input. */
#ifndef TSP_FUZZ_INPUT_MUTATE_H
#define TSP_FUZZ_INPUT_MUTATE_H

#include "fuzz/input/record.h"

/* splitmix64: every value of the seed gives another stream. */
struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0..n-1; n > 0. One draw to an expression: C leaves the order of two open, and compilers differ.
 */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

#define ARRAY_SIZE(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define RNG_PICK(r, array) ((array)[rng_below((r), ARRAY_SIZE(array))])

/* A 64-bit value with edges, dirty upper halves and single bits more often than chance has them. */
uint64_t mutate_value(struct rng *r, uint64_t old);
/* Inserts n bytes at `at`, as far as there is room. */
void mutate_insert(struct scenario *s, unsigned vcpu, uint32_t at, const uint8_t *p, uint32_t n);
void mutate_remove(struct scenario *s, unsigned vcpu, uint32_t at, uint32_t n);

/* One change each, chosen by r. The caller folds. */
void mutate_x86(struct scenario *s, struct rng *r);
void mutate_arm64(struct scenario *s, struct rng *r);
/* mutate_arm32.c: an instruction for the scenario's mode, its length returned; another mode. */
uint32_t mutate_arm32_insn(const struct scenario *s, struct rng *r, uint8_t out[4]);
void mutate_arm32_set(struct scenario *s, struct rng *r);
/* mutate_history.c: a program for lguest's or VMI's guests; false: it is another guest. */
bool mutate_history(struct scenario *s, struct rng *r);
/* mutate_leaf.c: policy entries. */
void mutate_leaf(struct scenario *s, struct rng *r);
/* A leaf number worth asking for; and a sub-leaf. */
uint32_t mutate_leaf_number(struct rng *r);
uint32_t mutate_subleaf(struct rng *r);

#endif
