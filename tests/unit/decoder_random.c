/* SPDX-License-Identifier: MIT */
/* Properties over random bytes: no unreviewed difference to Capstone, no byte read or believed
 * beyond the instruction. */
#include <stdlib.h>

#include "decoder/decoder.h"
#include "tests/test_main.h"

#define ROUNDS 300000u

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Mostly instructions: a few prefixes, often the 0F map, often its page 01. */
static void random_bytes(uint8_t b[15])
{
    static const uint8_t prefix[] = {0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26,
                                     0x64, 0x65, 0x48, 0x41, 0x4f, 0xf0, 0x44, 0x40};
    unsigned np = rnd() % 4 == 0 ? (unsigned)(rnd() % 4) : 0;

    for (unsigned i = 0; i < 15; i++)
        b[i] = (uint8_t)(rnd() >> 32);
    for (unsigned i = 0; i < np; i++)
        b[i] = prefix[rnd() % sizeof(prefix)];
    if (rnd() % 2)
        b[np] = 0x0f;
    if (rnd() % 8 == 0)
        b[np + 1] = 1;
}

static void differences_to_capstone_are_reviewed(void **state)
{
    struct decoder *d = decoder_open();
    uint8_t b[15];
    char why[160];

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        enum tsp_mode mode = (enum tsp_mode)(rnd() % TSP_MODE_COUNT);
        size_t n = rnd() % 3 ? 15 : rnd() % 16;

        random_bytes(b);
        if (decode_crosscheck(d, mode, b, n, why, sizeof(why)) == 2)
            fail_msg("mode %d %02x%02x%02x%02x%02x%02x n %zu: %s", (int)mode, b[0], b[1], b[2],
                     b[3], b[4], b[5], n, why);
    }
    decoder_close(d);
}

/* Every opcode of every map under each kind of prefix, in the modes of each width: versions of
 * Capstone lack or rename different ones, and what the subset has must not depend on the version.
 */
static void every_opcode_is_confirmed_or_reviewed(void **state)
{
    static const uint8_t lead[][4] = {{0},       {1, 0x66},       {1, 0x67},
                                      {1, 0x48}, {2, 0x67, 0x4a}, {2, 0x66, 0x41},
                                      {1, 0xf3}, {1, 0xf0}};
    static const uint8_t map[][3] = {{0}, {1, 0x0f}, {2, 0x0f, 0x38}, {2, 0x0f, 0x3a}};
    static const enum tsp_mode modes[] = {TSP_MODE_REAL16, TSP_MODE_PROT32, TSP_MODE_LONG64};
    struct decoder *d = decoder_open();
    char why[160];

    (void)state;
    for (unsigned i = 0; i < 3 * 8 * 4 * 65536; i++) {
        unsigned modrm = i & 255, rest = i >> 16;
        const uint8_t *pre = lead[rest / 4 % 8], *m = map[rest % 4];
        uint8_t b[15] = {0};

        if ((modrm >> 6) % 3 != 0 || (modrm & 7) % 3 != 0)
            continue;
        memcpy(b, pre + 1, pre[0]);
        memcpy(b + pre[0], m + 1, m[0]);
        b[pre[0] + m[0]] = (uint8_t)(i >> 8);
        b[pre[0] + m[0] + 1] = (uint8_t)modrm;
        if (decode_crosscheck(d, modes[rest / 32], b, sizeof(b), why, sizeof(why)) == 2)
            fail_msg("mode %d %02x%02x%02x%02x%02x: %s", (int)modes[rest / 32], b[0], b[1], b[2],
                     b[3], b[4], why);
    }
    decoder_close(d);
}

/* EVEX: every opcode of its three maps with each mandatory prefix, vector length, rounding and
 * masking. Of such an instruction only the length matters. */
static void every_evex_has_its_length(void **state)
{
    struct decoder *d = decoder_open();
    char why[160];

    (void)state;
    for (unsigned i = 0; i < 3 * 256 * 8 * 32 * 2; i++) {
        unsigned shape = i / 2 % 32, opcode = i / 64 % 256, w_pp = i / (64 * 256) % 8;
        uint8_t b[15] = {0x62, (uint8_t)(0xf1 + i / (64 * 256 * 8)), (uint8_t)(w_pp << 5 & 0x80),
                         0x08};

        b[2] |= (uint8_t)(0x1c | (w_pp & 3));
        b[3] |= (uint8_t)((shape & 15) << 4 | shape >> 4);
        b[4] = (uint8_t)opcode;
        b[5] = i % 2 != 0 ? 0xf3 : 0x73;
        if (decode_crosscheck(d, TSP_MODE_LONG64, b, sizeof(b), why, sizeof(why)) == 2)
            fail_msg("%02x%02x%02x%02x%02x%02x: %s", b[0], b[1], b[2], b[3], b[4], b[5], why);
    }
    decoder_close(d);
}

/* The bytes are in a block of exactly their size, so that a sanitizer sees any read past them. What
 * follows the instruction changes nothing, and one byte less than it needs is TRUNCATED. */
static void only_the_bytes_of_the_instruction_matter(void **state)
{
    struct decoder *d = decoder_open(), *other = decoder_open();
    uint8_t b[15];
    struct insn in, again;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        enum tsp_mode mode = (enum tsp_mode)(rnd() % TSP_MODE_A64);
        uint8_t *exact;

        random_bytes(b);
        decode_one(d, mode, b, sizeof(b), &in);
        assert_in_range(in.len, 1, 15);
        if (in.status == INSN_TOO_LONG)
            continue;
        exact = malloc(in.len);
        assert_non_null(exact);
        memcpy(exact, b, in.len);
        decode_one(other, mode, exact, in.len, &again);
        assert_memory_equal(&in, &again, sizeof(in));
        assert_int_equal(decode_one(other, mode, exact, in.len - 1u, &again), INSN_TRUNCATED);
        free(exact);
    }
    decoder_close(d);
    decoder_close(other);
}

static void every_answer_is_well_formed(void **state)
{
    struct decoder *d = decoder_open();
    struct insn in;
    uint8_t b[15];

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        random_bytes(b);
        decode_one(d, (enum tsp_mode)(rnd() % TSP_MODE_A64), b, rnd() % 16, &in);
        assert_true(in.status <= INSN_UNSUPPORTED);
        assert_true(in.op < OP_COUNT && (in.op == OP_NONE) == (in.status != INSN_OK));
        assert_true(in.base <= 16 || in.base == 255);
        assert_true(in.index <= 15 || in.index == 255);
        assert_true(in.seg <= 5 && in.nopnd <= 3);
        for (unsigned k = 0; k < in.nopnd; k++)
            assert_true(in.opnd[k].kind != OPND_NONE && in.opnd[k].reg < 16 &&
                        in.opnd[k].size <= 16);
    }
    decoder_close(d);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(differences_to_capstone_are_reviewed),
    cmocka_unit_test(every_opcode_is_confirmed_or_reviewed),
    cmocka_unit_test(every_evex_has_its_length),
    cmocka_unit_test(only_the_bytes_of_the_instruction_matter),
    cmocka_unit_test(every_answer_is_well_formed),
};

TEST_MAIN(tests)
