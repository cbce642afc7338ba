/* SPDX-License-Identifier: MIT */
/* Servers of three generations and a few relatives, as far as policies look at them: typed from
 * public dumps of such parts, shortened by hand. */
#ifndef TSP_TESTS_UNIT_POLICY_HOSTS_H
#define TSP_TESTS_UNIT_POLICY_HOSTS_H

#include "tests/test_main.h"

#include "emu/policy/level.h"

#define IDX TSP_LEAF_INDEXED
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Nehalem-EP: before XSAVE. */
static const struct tsp_leaf nehalem[] = {
    {0x0, 0, 0, {0xb, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x000106a5, 0x00100800, 0x009ce3bd, 0xbfebfbff}},
    {0x4, 0, IDX, {0x1c004121, 0x01c0003f, 0x3f, 0}},
    {0x5, 0, 0, {0x40, 0x40, 3, 0x1120}},
    {0x6, 0, 0, {3, 2, 1, 0}},
    {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
    {0x80000001, 0, 0, {0, 0, 1, 0x28100800}},
    {0x80000006, 0, 0, {0, 0, 0x01006040, 0}},
    {0x80000007, 0, 0, {0, 0, 0, 0x100}},
    {0x80000008, 0, 0, {0x3028, 0, 0, 0}},
};

/* Skylake-SP: AVX-512, MPX, protection keys, 46 bits of physical address. */
static const struct tsp_leaf skylake[] = {
    {0x0, 0, 0, {0x16, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x00050654, 0x00400800, 0x7ffefbff, 0xbfebfbff}},
    {0x4, 0, IDX, {0x7c004121, 0x01c0003f, 0x3f, 0}},
    {0x5, 0, 0, {0x40, 0x40, 3, 0x2020}},
    {0x6, 0, 0, {0x75, 2, 9, 0}},
    {0x7, 0, IDX, {0, 0xd39ffffb, 0x8, 0xbc000400}},
    {0xd, 0, IDX, {0x2ff, 0xa88, 0xa88, 0}},
    {0xd, 1, IDX, {0xf, 0xa08, 0x100, 0}},
    {0xd, 2, IDX, {0x100, 0x240, 0, 0}},
    {0xd, 3, IDX, {0x40, 0x3c0, 0, 0}},
    {0xd, 4, IDX, {0x40, 0x400, 0, 0}},
    {0xd, 5, IDX, {0x40, 0x440, 0, 0}},
    {0xd, 6, IDX, {0x200, 0x480, 0, 0}},
    {0xd, 7, IDX, {0x400, 0x680, 0, 0}},
    {0xd, 8, IDX, {0x80, 0, 1, 0}},
    {0xd, 9, IDX, {8, 0xa80, 0, 0}},
    {0x14, 0, IDX, {1, 0xf, 7, 0}},
    {0x15, 0, 0, {2, 168, 25000000, 0}},
    {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
    {0x80000001, 0, 0, {0, 0, 0x121, 0x2c100800}},
    {0x80000006, 0, 0, {0, 0, 0x01006040, 0}},
    {0x80000007, 0, 0, {0, 0, 0, 0x100}},
    {0x80000008, 0, 0, {0x302e, 0, 0, 0}},
};

/* Sapphire Rapids: AMX, no MPX, 57 bits of linear and 52 of physical address. */
static const struct tsp_leaf sapphire[] = {
    {0x0, 0, 0, {0x20, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x000806f8, 0x00400800, 0x7ffefbff, 0xbfebfbff}},
    {0x4, 0, IDX, {0xfc004121, 0x02c0003f, 0x3f, 0}},
    {0x5, 0, 0, {0x40, 0x40, 3, 0x102020}},
    {0x6, 0, 0, {0xdf8ff7, 2, 9, 0}},
    {0x7, 0, IDX, {2, 0xf3bfbfeb, 0xfb417ffe, 0xffdd4432}},
    {0x7, 1, IDX, {0x1c30, 0, 0, 0}},
    {0x7, 2, IDX, {0, 0, 0, 0x17}},
    {0xd, 0, IDX, {0x602e7, 0x2b00, 0x2b00, 0}},
    {0xd, 1, IDX, {0x1f, 0x2558, 0x1900, 0}},
    {0xd, 2, IDX, {0x100, 0x240, 0, 0}},
    {0xd, 5, IDX, {0x40, 0x440, 0, 0}},
    {0xd, 6, IDX, {0x200, 0x480, 0, 0}},
    {0xd, 7, IDX, {0x400, 0x680, 0, 0}},
    {0xd, 8, IDX, {0x80, 0, 1, 0}},
    {0xd, 9, IDX, {8, 0xa80, 0, 0}},
    {0xd, 11, IDX, {0x10, 0, 1, 0}},
    {0xd, 12, IDX, {0x18, 0, 1, 0}},
    {0xd, 17, IDX, {0x40, 0xac0, 2, 0}},
    {0xd, 18, IDX, {0x2000, 0xb00, 6, 0}},
    {0x14, 0, IDX, {1, 0x4f, 7, 0}},
    {0x15, 0, 0, {2, 160, 25000000, 0}},
    {0x1d, 0, IDX, {1, 0, 0, 0}},
    {0x1d, 1, IDX, {0x04002000, 0x80040, 16, 0}},
    {0x1e, 0, IDX, {0, 0x4010, 0, 0}},
    {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
    {0x80000001, 0, 0, {0, 0, 0x121, 0x2c100800}},
    {0x80000006, 0, 0, {0, 0, 0x08008040, 0}},
    {0x80000007, 0, 0, {0, 0, 0, 0x100}},
    {0x80000008, 0, 0, {0x3934, 0x200, 0, 0}},
};

/* Two AMD servers: Milan keeps the protection keys right behind AVX, Genoa behind AVX-512. */
static const struct tsp_leaf milan[] = {
    {0x0, 0, 0, {0x10, 0x68747541, 0x444d4163, 0x69746e65}},
    {0x1, 0, 0, {0x00a00f11, 0x00400800, 0x7efa320b, 0x178bfbff}},
    {0x7, 0, IDX, {0, 0x219c97a9, 0x40068c, 0x10}},
    {0xd, 0, IDX, {0x207, 0x988, 0x988, 0}},
    {0xd, 1, IDX, {0xf, 0x348, 0x1800, 0}},
    {0xd, 2, IDX, {0x100, 0x240, 0, 0}},
    {0xd, 9, IDX, {8, 0x980, 0, 0}},
    {0xd, 11, IDX, {0x10, 0, 1, 0}},
    {0xd, 12, IDX, {0x18, 0, 1, 0}},
    {0x80000000, 0, 0, {0x80000023, 0x68747541, 0x444d4163, 0x69746e65}},
    {0x80000001, 0, 0, {0x00a00f11, 0x40000000, 0x75c237ff, 0x2fd3fbff}},
    {0x80000008, 0, 0, {0x3030, 0x111ef657, 0x7040, 0}},
    {0x8000000a, 0, 0, {1, 0x8000, 0, 0x101bbcff}},
    {0x80000021, 0, 0, {0x4d, 0, 0, 0}},
};

static struct cpu_policy hosts[3];

static inline struct cpu_policy *host_of(unsigned i, const struct tsp_leaf *leaf, size_t n)
{
    cpu_policy_load(&hosts[i], leaf, n);
    return &hosts[i];
}

static inline bool has(const struct cpu_policy *p, unsigned f)
{
    struct featureset fs;

    cpu_policy_features(p, &fs);
    return feature_in(&fs, f);
}

#endif
