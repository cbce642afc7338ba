/* SPDX-License-Identifier: MIT */
/* Lengths against Zydis, a decoder that shares nothing with Capstone. */
#include <Zydis/Zydis.h>

#include "decoder/decoder.h"
#include "tests/test_main.h"

#define ROUNDS 300000u

static uint64_t seed = 0x123456789abcdefu;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void open_zydis(ZydisDecoder *z, enum tsp_mode mode)
{
    switch (mode) {
    case TSP_MODE_LONG64:
        ZydisDecoderInit(z, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        break;
    case TSP_MODE_PROT32:
        ZydisDecoderInit(z, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
        break;
    default:
        ZydisDecoderInit(z, ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16);
        break;
    }
}

/* What both call an instruction of the subset is as long for both. */
static void lengths_agree_with_zydis(void **state)
{
    static const enum tsp_mode modes[] = {TSP_MODE_REAL16, TSP_MODE_PROT32, TSP_MODE_LONG64};
    struct decoder *d = decoder_open();
    unsigned compared = 0;

    (void)state;
    for (unsigned m = 0; m < 3; m++) {
        ZydisDecoder z;

        open_zydis(&z, modes[m]);
        for (unsigned i = 0; i < ROUNDS; i++) {
            ZydisDecodedInstruction zi;
            struct insn in;
            uint8_t b[15];

            for (unsigned k = 0; k < 15; k++)
                b[k] = (uint8_t)(rnd() >> 32);
            if (i % 2)
                b[i / 2 % 2] = 0x0f;
            if (decode_one(d, modes[m], b, sizeof(b), &in) != INSN_OK)
                continue;
            if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&z, NULL, b, sizeof(b), &zi)))
                continue;
            compared++;
            if (zi.length != in.len)
                fail_msg("mode %d %02x%02x%02x%02x%02x%02x: %s ours %u Zydis %u", (int)modes[m],
                         b[0], b[1], b[2], b[3], b[4], b[5], insn_op_name(in.op), in.len,
                         zi.length);
        }
    }
    assert_true(compared > ROUNDS);
    decoder_close(d);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lengths_agree_with_zydis),
};

TEST_MAIN(tests)
