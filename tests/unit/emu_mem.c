/* SPDX-License-Identifier: MIT */
/* Guest RAM: what a reset clears, what is inside. */
#include "tests/test_main.h"

#include "emu/state/mem.h"

static void reset_zeroes_everything_touched(void **state)
{
    static const struct {
        uint64_t at;
        size_t len;
    } rows[] = {{0, 1}, {255, 2}, {0x1000, 4096}, {0x3fff, 1}, {0x2ff, 600}};
    uint8_t buf[4096];
    struct mem m;

    (void)state;
    memset(buf, 0xa5, sizeof(buf));
    assert_true(mem_open(&m));
    mem_reset(&m, 0x10000, 0x4000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        mem_put(&m, 0x10000 + rows[i].at, buf, rows[i].len);
    mem_reset(&m, 0x10000, 0x4000);
    for (size_t i = 0; i < 0x4000; i++)
        assert_int_equal(m.ram[i], 0);
    assert_int_equal(m.nlist, 0);
    mem_close(&m);
}

static void granules_are_listed_once(void **state)
{
    struct mem m;

    (void)state;
    assert_true(mem_open(&m));
    mem_reset(&m, 0, 0x4000);
    mem_put(&m, 0x100, "ab", 2);
    mem_put(&m, 0x180, "ab", 2);
    mem_put(&m, 0x1ff, "ab", 2);
    mem_touch(&m, 0x2f0, 16);
    mem_touch(&m, 0x2f8, 16);
    assert_int_equal(m.nlist, 3);
    mem_close(&m);
}

static void reset_drops_page_flags(void **state)
{
    struct mem m;

    (void)state;
    assert_true(mem_open(&m));
    mem_reset(&m, 0, TSP_MAX_RAM);
    mem_page_mark(&m, TSP_MAX_RAM - 1, MEM_ROM);
    mem_page_mark(&m, 0, MEM_CODE);
    mem_reset(&m, 0, TSP_MAX_RAM);
    assert_int_equal(mem_page_flags(&m, TSP_MAX_RAM - 1), 0);
    assert_int_equal(mem_page_flags(&m, 0), 0);
    mem_close(&m);
}

static void bounds_do_not_overflow(void **state)
{
    static const struct {
        uint64_t gpa, len;
        bool in;
    } rows[] = {
        {0x10000, 0x4000, true},
        {0x10000, 0x4001, false},
        {0x13fff, 1, true},
        {0x14000, 1, false},
        {0xffff, 1, false},
        {0x13fff, 2, false},
        {0, 1, false},
        {UINT64_MAX, 2, false},
        {0x10000, UINT64_MAX, false},
        {0x10001, UINT64_MAX, false},
    };
    struct mem m = {.base = 0x10000, .size = 0x4000};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(mem_has(&m, rows[i].gpa, rows[i].len), rows[i].in);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(reset_zeroes_everything_touched),
    cmocka_unit_test(granules_are_listed_once),
    cmocka_unit_test(reset_drops_page_flags),
    cmocka_unit_test(bounds_do_not_overflow),
};

TEST_MAIN(tests)
