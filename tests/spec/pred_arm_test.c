/* SPDX-License-Identifier: MIT */
/* Predicates of AArch64, each with a trace that it passes and one that it fails. */
#include "tests/spec/rows.h"

#define SYNC 0x200
static void arm_predicates(void **state)
{
#define A64 TSP_MODE_A64
    static const struct case_row row[] = {
        {"event=fault",
         "undefined",
         TSP_EV_FAULT,
         A64,
         HVC,
         4,
         {{CH_CODE, 0}, {CH_INFO0, 0x2000000}},
         {CH_INFO0, 0x5a000000}},
        {"event=fault",
         "undefined",
         TSP_EV_FAULT,
         A64,
         HVC,
         4,
         {{CH_INFO0, 0x2000000}},
         {CH_CODE, 0x400}},
        {"event=fault",
         "syndrome(0x15)",
         TSP_EV_FAULT,
         A64,
         "\xe2\x00\x00\xd4",
         4,
         {{CH_INFO0, 0x56000007}},
         {CH_INFO0, 0x56000000}},
    };

    (void)state;
    setup_arm_default();
    RUN(row);
}

static const struct {
    const char *must;
    uint64_t fid, arg, r[4];
    enum verdict want;
} arm_rows[] = {
    {"x0(-1)", 0x80000000u, 0, {UINT64_MAX}, VERDICT_PASS},
    {"x0(-1)", 0x80000000u, 0, {0xffffffffu}, VERDICT_PASS},
    {"x0(-1)", 0xc0000000u, 0, {UINT64_MAX}, VERDICT_PASS},
    {"x0(-1)", 0xc0000000u, 0, {0xffffffffu}, VERDICT_FAIL},
    {"x0(-1)", 0x80000000u, 0, {0x1ffffffffu}, VERDICT_FAIL},
    {"x0(0|2)", 0x80000000u, 0, {2}, VERDICT_PASS},
    {"x0(0|2)", 0x80000000u, 0, {1ull << 32}, VERDICT_FAIL},
    {"x0(0|2)", 0x80000000u, 0, {1}, VERDICT_FAIL},
    {"x0_is(pvtime)", 0xc5000021u, 0, {0x123456789000u}, VERDICT_PASS},
    {"x0_is(pvtime)", 0xc5000021u, 0, {0x56789000u}, VERDICT_FAIL},
    {"x0_is(fw_vendor)", 0x86000000u, 0, {3}, VERDICT_PASS},
    {"x0_is(fw_vendor)", 0x86000000u, 0, {1}, VERDICT_FAIL},
    {"x0_fast", 0x80008000u, 0, {0}, VERDICT_PASS},
    {"x0_fast", 0x80008000u, 0, {0x80008000u}, VERDICT_PASS},
    {"x0_fast", 0x80008000u, 0, {UINT64_MAX}, VERDICT_PASS},
    {"x0_fast", 0x80008000u, 0, {7}, VERDICT_FAIL},
    {"x1_x3_void", 0, 5, {0, 0, 0, 0}, VERDICT_PASS},
    {"x1_x3_void", 0, 5, {0, 5, 0, 0}, VERDICT_PASS},
    {"x1_x3_void", 0, 0x500000005u, {0, 5, 0, 0}, VERDICT_PASS},
    {"x1_x3_void", 0, 5, {0, 6, 0, 0}, VERDICT_FAIL},
    {"x1_x3_void", 0, 5, {0, 0, 0, 6}, VERDICT_FAIL},
    {"x1_x3_kept", 0, 5, {0, 5, 0, 0}, VERDICT_PASS},
    {"x1_x3_kept", 0, 5, {0, 0, 0, 0}, VERDICT_FAIL},
    {"words(1|2|3|-1)", 0, 0, {1, 2, 3, 0xffffffffu}, VERDICT_PASS},
    {"words(1|2|3|-1)", 0, 0, {1, 2, 3, UINT64_MAX}, VERDICT_FAIL},
    {"words(1|2|3|4)", 0, 0, {1, 2, 5, 4}, VERDICT_FAIL},
    {"entropy(32)", 0x84000053u, 4, {0, 0, 0, 0xf}, VERDICT_PASS},
    {"entropy(32)", 0x84000053u, 4, {0, 0, 0, 0x10}, VERDICT_FAIL},
    {"entropy(32)", 0x84000053u, 33, {0, 0, 1, 0xffffffffu}, VERDICT_PASS},
    {"entropy(32)", 0x84000053u, 33, {0, 0, 2, 0xffffffffu}, VERDICT_FAIL},
    {"entropy(32)", 0x84000053u, 32, {0, 0, 0, 0x1ffffffffu}, VERDICT_FAIL},
    {"entropy(64)", 0xc4000053u, 192, {0, UINT64_MAX, UINT64_MAX, UINT64_MAX}, VERDICT_PASS},
    {"entropy(64)", 0xc4000053u, 191, {0, UINT64_MAX, 0, 0}, VERDICT_FAIL},
    {"entropy(64)", 0xc4000053u, 192, {0, 0, 5, UINT64_MAX}, VERDICT_FAIL},
    {"entropy(64)", 0xc4000053u, 191, {0, 0, 5, UINT64_MAX}, VERDICT_PASS},
    {"entropy(64)", 0xc4000053u, 191, {0, 0, 5, UINT32_MAX}, VERDICT_FAIL},
    {"entropy(32)", 0x84000053u, 96, {0, 0, 5, 5}, VERDICT_PASS},
    {"entropy(64)", 0xc4000053u, 8, {(uint64_t)-3, 0, 0, 0}, VERDICT_PASS},
    {"entropy(64)", 0xc4000053u, 8, {(uint64_t)-3, 0, 0, 1}, VERDICT_FAIL},
    {"entropy(64)", 0xc4000053u, 8, {(uint64_t)-2, 0, 0, 0}, VERDICT_FAIL},
};

/* Function id in x0, arguments, results: what SMCCC has them be. */
static void arm_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(arm_rows) / sizeof(arm_rows[0]); i++) {
        struct tsp_event *ev;

        setup_arm_default();
        setup.pvtime_ipa = 0x123456789000u;
        ev = add_event(H, A64, HVC, 4);
        memset(ev->before.r, 0, sizeof(ev->before.r));
        ev->before.r[0] = arm_rows[i].fid;
        ev->before.r[1] = arm_rows[i].arg;
        ev->after = ev->before;
        memcpy(ev->after.r, arm_rows[i].r, sizeof(arm_rows[i].r));
        if (verdict_of("event=hypercall", arm_rows[i].must) != arm_rows[i].want)
            print_error("arm_rows %zu: %s\n", i, arm_rows[i].must);
        assert_int_equal(verdict_of("event=hypercall", arm_rows[i].must), arm_rows[i].want);
    }
}

static const struct {
    uint32_t word;
    uint64_t value, rt;
    enum verdict want;
} load_rows[] = {
    {0x39800023, 0x80, 0xffffffffffffff80u, VERDICT_PASS}, /* ldrsb x3, [x1] */
    {0x39800023, 0x80, 0x80, VERDICT_FAIL},
    {0x39800023, 0x7f, 0x7f, VERDICT_PASS},
    {0x39c00023, 0x80, 0xffffff80u, VERDICT_PASS}, /* ldrsb w3, [x1] */
    {0x39c00023, 0x80, 0xffffffffffffff80u, VERDICT_FAIL},
    {0x79800023, 0x8000, 0xffffffffffff8000u, VERDICT_PASS},      /* ldrsh x3, [x1] */
    {0x79c00023, 0x8000, 0x8000, VERDICT_FAIL},                   /* ldrsh w3, [x1] */
    {0xb9800023, 0x80000000u, 0xffffffff80000000u, VERDICT_PASS}, /* ldrsw x3, [x1] */
    {0xb9800023, 0x80000000u, 0x80000000u, VERDICT_FAIL},
    {0x38a26823, 0x80, 0x80, VERDICT_FAIL},  /* ldrsb x3, [x1, x2] */
    {0x38801023, 0x80, 0x80, VERDICT_FAIL},  /* ldursb x3, [x1, #1] */
    {0x38a20023, 0x80, 0x80, VERDICT_PASS},  /* ldaddab w2, w3, [x1]: none of these */
    {0x39400023, 0x180, 0x80, VERDICT_PASS}, /* ldrb w3, [x1] */
    {0x39400023, 0x80, 0xffffff80u, VERDICT_FAIL},
    {0xf9400023, UINT64_MAX, UINT64_MAX, VERDICT_PASS}, /* ldr x3, [x1] */
    {0xf9800023, 5, 6, VERDICT_PASS},                   /* prfm */
    {0x39000023, 5, 6, VERDICT_PASS},                   /* strb */
    {0x3980003f, 0x80, 0, VERDICT_PASS},                /* ldrsb xzr, [x1] */
};

static void arm_loads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(load_rows) / sizeof(load_rows[0]); i++) {
        const char word[4] = {(char)load_rows[i].word, (char)(load_rows[i].word >> 8),
                              (char)(load_rows[i].word >> 16), (char)(load_rows[i].word >> 24)};
        struct tsp_event *ev;
        enum verdict got;

        setup_arm_default();
        ev = add_event(TSP_EV_MMIO, A64, word, 4);
        ev->info[0] = load_rows[i].value;
        ev->after.r[3] = load_rows[i].rt;
        got = verdict_of("event=mmio", "load_result");
        if (got != load_rows[i].want)
            print_error("load_rows %zu\n", i);
        assert_int_equal(got, load_rows[i].want);
        ev->info[1] = 1; /* a store */
        assert_int_equal(verdict_of("event=mmio", "load_result"), VERDICT_PASS);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(arm_predicates),
    cmocka_unit_test(arm_results),
    cmocka_unit_test(arm_loads),
};

TEST_MAIN(tests)
