/* SPDX-License-Identifier: MIT */
/* The schedule's bytes choose among runnable vCPUs; then it is everybody's turn in order. */
#include "fuzz/run/run.h"

#include "tests/test_main.h"

static void sched_bytes_pick_among_runnable(void **state)
{
    static const struct {
        uint8_t byte;
        uint32_t runnable;
        unsigned want;
    } row[] = {
        {0, 0x3, 0}, {1, 0x3, 1}, {2, 0x3, 0}, {255, 0x3, 1}, {0, 0xa, 1}, {1, 0xa, 3},
        {2, 0xa, 1}, {5, 0xb, 3}, {7, 0xf, 3}, {4, 0xf, 0},   {1, 0x7, 1}, {3, 0x80000001u, 31},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t at = 0;

        assert_int_equal(sched_next(&row[i].byte, 1, &at, row[i].runnable, 0), row[i].want);
        assert_int_equal(at, 1);
    }
}

static void sched_spends_no_byte_when_there_is_no_choice(void **state)
{
    const uint8_t byte = 1;
    size_t at = 0;

    (void)state;
    assert_int_equal(sched_next(&byte, 1, &at, 0x4, 0), 2);
    assert_int_equal(at, 0);
}

static void sched_without_bytes_is_round_robin(void **state)
{
    static const unsigned want[] = {1, 3, 0, 1, 3, 0};
    unsigned last = 0;
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        last = sched_next(NULL, 0, &at, 0xb, last);
        assert_int_equal(last, want[i]);
    }
}

static void sched_bytes_then_round_robin(void **state)
{
    const uint8_t byte[] = {1, 1, 0};
    static const unsigned want[] = {1, 1, 0, 1, 0, 1};
    unsigned last = 0;
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        last = sched_next(byte, sizeof(byte), &at, 0x3, last);
        assert_int_equal(last, want[i]);
    }
    assert_int_equal(at, 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sched_bytes_pick_among_runnable),
    cmocka_unit_test(sched_spends_no_byte_when_there_is_no_choice),
    cmocka_unit_test(sched_without_bytes_is_round_robin),
    cmocka_unit_test(sched_bytes_then_round_robin),
};

TEST_MAIN(tests)
