/* SPDX-License-Identifier: MIT */
/* The mutator: bounded, pure, never stuck, and able to reach what it is meant to reach. */
#include "tests/test_main.h"

#include "tests/unit/input_random.h"

#define GUARD 0xa5
#define DIGEST 0xe9b3230e8f735641u

static uint8_t a[INPUT_BYTES_MAX + 64], b[INPUT_BYTES_MAX + 64], c[INPUT_BYTES_MAX + 64];
static struct scenario first, second;

static void output_is_bounded_and_parses(void **state)
{
    uint64_t seed = 6;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t max = 1 + random_next(&seed) % (i & 1 ? 64 : INPUT_BYTES_MAX);
        size_t n = random_input(a, max + 1, &seed), m;

        memset(a + max, GUARD, 64);
        m = input_mutate(a, n < max ? n : max, max, (uint32_t)i);
        assert_true(m <= max);
        for (unsigned k = 0; k < 64; k++)
            assert_int_equal(a[max + k], GUARD);
        input_parse(a, m, &first);
        m = input_write(&first, b, sizeof(b));
        input_parse(b, m, &second);
        assert_memory_equal(&first, &second, sizeof(first));
    }
}

static void same_seed_same_output(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        size_t n = random_input(a, 2000, &seed), m, k;

        memcpy(b, a, n);
        m = input_mutate(a, n, INPUT_BYTES_MAX, i);
        k = input_mutate(b, n, INPUT_BYTES_MAX, i);
        assert_int_equal(m, k);
        assert_memory_equal(a, b, m);
    }
}

static void crossover_is_bounded_and_takes_from_both(void **state)
{
    uint64_t seed = 8;
    unsigned from_a = 0, from_b = 0;

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        size_t max = 1 + random_next(&seed) % INPUT_BYTES_MAX, n;

        input_default(&first, TSP_ARCH_X86);
        first.host = TSP_VENDOR_INTEL;
        first.mode = TSP_MODE_PROT32;
        n = input_write(&first, a, sizeof(a));
        first.host = TSP_VENDOR_AMD;
        first.mode = TSP_MODE_COMPAT32;
        memset(c + max, GUARD, 64);
        n = input_crossover(a, n, b, input_write(&first, b, sizeof(b)), c, max, i);
        assert_true(n <= max && n > 0);
        for (unsigned k = 0; k < 64; k++)
            assert_int_equal(c[max + k], GUARD);
        input_parse(c, n, &second);
        from_a += second.host == TSP_VENDOR_INTEL && second.mode == TSP_MODE_COMPAT32;
        from_b += second.host == TSP_VENDOR_AMD && second.mode == TSP_MODE_PROT32;
    }
    assert_true(from_a > 100 && from_b > 100);
}

static bool has_bytes(const struct scenario *s, const char *p, size_t n)
{
    for (size_t i = 0; i + n <= s->ncode[0]; i++)
        if (memcmp(s->code[0] + i, p, n) == 0)
            return true;
    return false;
}

/* From the empty input, a few thousand changes meet every kind of thing a hypervisor can be asked.
 */
static void walks_reach_everything(void **state)
{
    unsigned modes = 0, hosts = 0, patches = 0, arches = 0, seen[8] = {0};
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        if (i % 64 == 0)
            n = 0;
        n = input_mutate(a, n, INPUT_BYTES_MAX, i);
        input_parse(a, n, &first);
        arches |= 1u << first.arch;
        modes |= 1u << first.mode;
        hosts |= 1u << first.host;
        patches |= 1u << first.patch;
        seen[0] += has_bytes(&first, "\x0f\x01\xc1", 3);
        seen[1] += has_bytes(&first, "\x0f\x01\xd9", 3);
        seen[2] += has_bytes(&first, "\x66\x0f\x01", 3);
        seen[3] += first.code_at % 4096 >= 4093;
        seen[4] += first.pte[1] == 0;
        seen[5] += first.nleaf > 1;
        seen[6] += first.arch == TSP_ARCH_ARM64 && has_bytes(&first, "\x03\x00\x00\xd4", 4);
        seen[7] += first.nvcpu == 2 && first.nsched > 0;
    }
    assert_int_equal(arches, 3);
    assert_int_equal(modes, (1u << TSP_MODE_COUNT) - 1);
    assert_int_equal(hosts, 15);
    assert_int_equal(patches, 7);
    for (unsigned i = 0; i < 8; i++)
        if (seen[i] < 20)
            fail_msg("case %u seen %u times", i, seen[i]);
}

static uint64_t fnv(uint64_t h, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

/* C leaves the order of evaluating operands and arguments open, and gcc and clang take different
 * ones: two draws from the generator in one expression would make a campaign depend on who compiled
 * it. The digest is that of every build on every machine; it changes with the mutator only. */
static void every_compiler_makes_the_same_inputs(void **state)
{
    uint64_t digest = 0xcbf29ce484222325u;
    size_t n = 0, m = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        if (i % 32 == 0)
            n = 0;
        n = input_mutate(a, n, INPUT_BYTES_MAX, i);
        digest = fnv(digest, a, n);
        if (i % 32 != 31)
            continue;
        m = input_crossover(a, n, b, m, c, INPUT_BYTES_MAX, i);
        digest = fnv(digest, c, m);
        memcpy(b, a, n);
        m = n;
    }
    if (digest != DIGEST)
        fail_msg("digest is 0x%016llx", (unsigned long long)digest);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(output_is_bounded_and_parses),
    cmocka_unit_test(same_seed_same_output),
    cmocka_unit_test(crossover_is_bounded_and_takes_from_both),
    cmocka_unit_test(walks_reach_everything),
    cmocka_unit_test(every_compiler_makes_the_same_inputs),
};

TEST_MAIN(tests)
