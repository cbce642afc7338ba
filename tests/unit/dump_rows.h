/* SPDX-License-Identifier: MIT */
/* Rows of dump texts: what is read from a good one, and the complaint about a bad one. */
#ifndef TSP_TESTS_UNIT_DUMP_ROWS_H
#define TSP_TESTS_UNIT_DUMP_ROWS_H

#include "tests/test_main.h"

#include "cli/formats/dump.h"

static inline enum tsp_status read_text(const char *text, struct dump *d, struct tsp_error *err)
{
    memset(err, 0, sizeof(*err));
    return dump_read("t", (const uint8_t *)text, strlen(text), d, err);
}

struct good {
    const char *text, *format;
    unsigned ncpu;
    size_t n;
    /* of the last entry */
    unsigned cpu;
    struct tsp_leaf last;
};

static inline void each_good(const struct good *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct tsp_error err;
        struct dump d;

        if (read_text(row[i].text, &d, &err) != TSP_OK)
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(d.format, row[i].format);
        assert_int_equal(d.ncpu, row[i].ncpu);
        assert_int_equal(d.n, row[i].n);
        assert_int_equal(d.cpu[d.ncpu - 1].id, row[i].cpu);
        assert_int_equal(d.leaf[d.n - 1].leaf, row[i].last.leaf);
        assert_int_equal(d.leaf[d.n - 1].subleaf, row[i].last.subleaf);
        assert_memory_equal(d.leaf[d.n - 1].reg, row[i].last.reg, sizeof(row[i].last.reg));
        dump_free(&d);
    }
}

#define LAST(l, s, a, b, c, d)                                                                     \
    {                                                                                              \
        .leaf = (l), .subleaf = (s), .reg = {(a), (b), (c), (d) }                                  \
    }

static inline void each_bad(const char *const (*row)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct tsp_error err;
        struct dump d;

        assert_int_equal(read_text(row[i][0], &d, &err), TSP_EPARSE);
        if (strstr(err.text, row[i][1]) == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
}

#endif
