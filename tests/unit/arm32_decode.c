/* SPDX-License-Identifier: MIT */
/* AArch32 bytes to classes, A32 and T32: the traps, the plain subset, what is left out. */
#include "decoder/decoder.h"
#include "decoder/insn_arm32.h"
#include "tests/test_main.h"
#include "trapspec/bits.h"

struct row {
    uint32_t word; /* T32: halfwords as they are read, the first one in the upper half */
    enum insn_status status;
    unsigned op, len;
    uint64_t imm;
    int64_t disp;
};

static void check(enum tsp_mode mode, const struct row *row, size_t n)
{
    struct decoder *d = decoder_open();

    assert_non_null(d);
    for (size_t i = 0; i < n; i++) {
        uint32_t w = row[i].word;
        struct insn in;
        uint8_t p[4];

        if (mode == TSP_MODE_T32 && row[i].len == 4)
            w = w << 16 | w >> 16;
        le_store(p, w, 4);
        decode_one(d, mode, p, 4, &in);
        if (in.status != row[i].status || in.op != row[i].op || in.disp != row[i].disp)
            print_message("%08x\n", row[i].word);
        assert_int_equal(in.status, row[i].status);
        assert_int_equal(in.len, row[i].len);
        assert_int_equal(in.op, row[i].op);
        if (row[i].status != INSN_OK)
            continue;
        assert_int_equal(in.imm, row[i].imm);
        assert_int_equal(in.disp, row[i].disp);
    }
    decoder_close(d);
}

static void a32_words(void **state)
{
    static const struct row rows[] = {
        {0xe1400070, INSN_OK, OP_HVC, 4, 0, 0},
        {0xe140ea71, INSN_OK, OP_HVC, 4, 0xea1, 0},
        {0xe14fff7f, INSN_OK, OP_HVC, 4, 0xffff, 0},
        {0x01400070, INSN_UNSUPPORTED, OP_NONE, 4, 0, 0}, /* a condition: UNPREDICTABLE */
        {0xe1600073, INSN_OK, OP_SMC, 4, 3, 0},
        {0x11600070, INSN_OK, OP_SMC, 4, 0, 0},
        {0xef123456, INSN_OK, OP_SVC, 4, 0x123456, 0},
        {0xe1212374, INSN_OK, OP_BRK, 4, 0x1234, 0},
        {0xe7f123f4, INSN_OK, OP_UDF, 4, 0x1234, 0},
        {0xe1000070, INSN_ILLEGAL, OP_NONE, 4, 0, 0},
        {0xe320f000, INSN_OK, OP_R_NOP, 4, 0, 0},
        {0xe320f003, INSN_OK, OP_R_WFI, 4, 0, 0},
        {0xf57ff05f, INSN_OK, OP_R_NOP, 4, 0, 0},
        {0xe3a00484, INSN_OK, OP_R_DP, 4, 0x84000000, 0}, /* mov r0, #0x84000000 */
        {0xe3001234, INSN_OK, OP_R_MOVW, 4, 0x0234, 0},
        {0xe34c5678, INSN_OK, OP_R_MOVT, 4, 0xc678, 0},
        {0xe28f0001, INSN_OK, OP_R_DP, 4, 1, 0},
        {0xe0810002, INSN_OK, OP_R_DP, 4, 0, 0},
        {0xe0000291, INSN_UNSUPPORTED, OP_NONE, 4, 0, 0}, /* mul */
        {0xe59f0010, INSN_OK, OP_R_LDST, 4, 0, 0x10},
        {0xe50d0004, INSN_OK, OP_R_LDST, 4, 0, -4},
        {0xe79d0001, INSN_UNSUPPORTED, OP_NONE, 4, 0, 0}, /* register offset */
        {0xe92d4010, INSN_OK, OP_R_BLOCK, 4, 0x4010, 0},
        {0xea000000, INSN_OK, OP_R_B, 4, 0, 0},
        {0x0afffffe, INSN_OK, OP_R_B, 4, 0, -8},
        {0xeb000001, INSN_OK, OP_R_BL, 4, 0, 4},
        {0xfb000001, INSN_OK, OP_R_BL, 4, 0, 6},
        {0xe12fff1e, INSN_OK, OP_R_BX, 4, 0, 0},
        {0xe12fff33, INSN_OK, OP_R_BX, 4, 0, 0},
        {0xe10f0000, INSN_OK, OP_R_MRS, 4, 0, 0},
        {0xe129f000, INSN_OK, OP_R_MSR, 4, 0xff0000ff, 0},
        {0xf10c0080, INSN_OK, OP_R_CPS, 4, 0x80, 0x80},
        {0xe1b0f00e, INSN_OK, OP_R_DP, 4, 0, 0},
        {0xee100fb0, INSN_UNSUPPORTED, OP_NONE, 4, 0, 0}, /* mrc p15 */
    };

    (void)state;
    check(TSP_MODE_A32, rows, sizeof(rows) / sizeof(rows[0]));
}

static void t32_halfwords(void **state)
{
    static const struct row rows[] = {
        {0xf7e08000, INSN_OK, OP_HVC, 4, 0, 0},
        {0xf7e08ea1, INSN_OK, OP_HVC, 4, 0xea1, 0},
        {0xf7ef8fff, INSN_OK, OP_HVC, 4, 0xffff, 0},
        {0xf7f38000, INSN_OK, OP_SMC, 4, 3, 0},
        {0xf7f1a234, INSN_OK, OP_UDF, 4, 0x1234, 0},
        {0xdf12, INSN_OK, OP_SVC, 2, 0x12, 0},
        {0xbe34, INSN_OK, OP_BRK, 2, 0x34, 0},
        {0xde56, INSN_OK, OP_UDF, 2, 0x56, 0},
        {0xba80, INSN_ILLEGAL, OP_NONE, 2, 0, 0},
        {0xbf00, INSN_OK, OP_R_NOP, 2, 0, 0},
        {0xbf30, INSN_OK, OP_R_WFI, 2, 0, 0},
        {0xbf08, INSN_UNSUPPORTED, OP_NONE, 2, 0, 0}, /* it eq */
        {0x2001, INSN_OK, OP_R_DP, 2, 1, 0},
        {0x1c48, INSN_OK, OP_R_DP, 2, 1, 0},
        {0x4801, INSN_OK, OP_R_LDST, 2, 0, 4},
        {0x6848, INSN_OK, OP_R_LDST, 2, 0, 4},
        {0xb510, INSN_OK, OP_R_BLOCK, 2, 0x4010, 0},
        {0xbd10, INSN_OK, OP_R_BLOCK, 2, 0x8010, 0},
        {0x4770, INSN_OK, OP_R_BX, 2, 0, 0},
        {0xe7fe, INSN_OK, OP_R_B, 2, 0, -4},
        {0xd0fe, INSN_OK, OP_R_B, 2, 0, -4},
        {0xb108, INSN_OK, OP_R_CBZ, 2, 0, 2},
        {0xb672, INSN_OK, OP_R_CPS, 2, 0x80, 0x80},
        {0xf04f4004, INSN_OK, OP_R_DP, 4, 0x84000000, 0}, /* mov.w r0, #0x84000000 */
        {0xf2430034, INSN_OK, OP_R_MOVW, 4, 0x3034, 0},
        {0xf2c84000, INSN_OK, OP_R_MOVT, 4, 0x8400, 0},
        {0xf000f800, INSN_OK, OP_R_BL, 4, 0, 0},
        {0xf7ffeffe, INSN_OK, OP_R_BL, 4, 0, -4},
        {0xf7ffbffe, INSN_OK, OP_R_B, 4, 0, -4},
        {0xf8cbb000, INSN_OK, OP_R_LDST, 4, 0, 0},
        {0xf8df0004, INSN_OK, OP_R_LDST, 4, 0, 4},
        {0xf3ef8000, INSN_OK, OP_R_MRS, 4, 0, 0},
        {0xf3de8f04, INSN_OK, OP_R_DP, 4, 4, 0},
        {0xfb00f001, INSN_UNSUPPORTED, OP_NONE, 4, 0, 0}, /* mul */
    };

    (void)state;
    check(TSP_MODE_T32, rows, sizeof(rows) / sizeof(rows[0]));
}

/* Half an instruction is not one. */
static void short_bytes_are_truncated(void **state)
{
    static const uint8_t hvc[] = {0xe0, 0xf7, 0x00, 0x80};
    struct decoder *d = decoder_open();
    struct insn in;

    (void)state;
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(decode_one(d, TSP_MODE_T32, hvc, n, &in), INSN_TRUNCATED);
        assert_int_equal(in.len, n);
        assert_int_equal(decode_one(d, TSP_MODE_A32, hvc, n, &in), INSN_TRUNCATED);
    }
    assert_int_equal(decode_one(d, TSP_MODE_T32, hvc, 4, &in), INSN_OK);
    decoder_close(d);
}

/* What is executed is an instruction of that length to Capstone as well. */
static void capstone_knows_the_subset(void **state)
{
    struct decoder *d = decoder_open();
    uint64_t seed = 7;
    char why[80];
    uint8_t p[4];

    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        enum tsp_mode mode = i & 1 ? TSP_MODE_A32 : TSP_MODE_T32;

        seed = seed * 0x5851f42d4c957f2du + 0x14057b7ef767814fu;
        le_store(p, seed >> 32, 4);
        if (i < 0x20000 && mode == TSP_MODE_T32)
            le_store(p, i >> 1, 2);
        if (mode == TSP_MODE_A32 && (i & 6) != 0)
            p[3] = (uint8_t)(0xe0 | (p[3] & 15));
        if (decode_crosscheck(d, mode, p, 4, why, sizeof(why)) == 2)
            fail_msg("%02x%02x%02x%02x: %s", p[0], p[1], p[2], p[3], why);
    }
    decoder_close(d);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a32_words),
    cmocka_unit_test(t32_halfwords),
    cmocka_unit_test(short_bytes_are_truncated),
    cmocka_unit_test(capstone_knows_the_subset),
};

TEST_MAIN(tests)
