/* SPDX-License-Identifier: MIT */
/* The list of accepted deviations: what it takes, and each thing it refuses, with the line. */
#include "fuzz/run/run.h"

#include <stdlib.h>

#include "tests/test_main.h"

#define PATH test_file("known_list.csv")

static void put(const char *text, size_t n)
{
    FILE *f = fopen(PATH, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static enum tsp_status load(const char *text, size_t n, struct known **k, struct tsp_error *err)
{
    enum tsp_status st;

    put(text, n);
    memset(err, 0, sizeof(*err));
    st = known_load(k, PATH, err);
    remove(PATH);
    return st;
}

static void known_reads_rules_and_reasons(void **state)
{
    static const char text[] =
        "# accepted\n\n  UD-2 ,  rewrite ignores the CS base, by design  \r\n"
        "kvm:hv+0x0.eax[31:0], old hosts answer 0\nUD-1,x";
    const char *reason = NULL;
    struct tsp_error err;
    struct known *k;

    (void)state;
    assert_int_equal(load(text, sizeof(text) - 1, &k, &err), TSP_OK);
    assert_int_equal(known_count(k), 3);
    assert_true(known_has(k, "UD-2", &reason));
    assert_string_equal(reason, "rewrite ignores the CS base, by design");
    assert_true(known_has(k, "kvm:hv+0x0.eax[31:0]", NULL));
    assert_false(known_has(k, "UD-3", &reason));
    assert_false(known_has(k, "UD", &reason));
    assert_string_equal(known_rule_at(k, 0), "UD-1");
    assert_string_equal(known_rule_at(k, 1), "UD-2");
    assert_null(known_rule_at(k, 3));
    known_free(k);
}

static void known_refuses_with_the_line(void **state)
{
#define ROW(text, line, why)                                                                       \
    {                                                                                              \
        text, sizeof(text) - 1, line, why                                                          \
    }
    static const struct {
        const char *text;
        size_t n;
        unsigned line;
        const char *why;
    } row[] = {
        ROW("UD-1\n", 1, "expected \"rule, reason\""),
        ROW("# x\n\nUD-1,\n", 3, "no reason"),
        ROW(", because\n", 1, "no rule"),
        ROW("UD-1, a\nUD-2, b\nUD-1, c\n", 3, "twice"),
        ROW("UD 1, a\n", 1, "blanks"),
        ROW("UD-1@amd, a\nUD-1@arm, a\n", 2, "after @"),
        ROW("UD-1, a\0b\n", 1, "NUL"),
        ROW("\0\n", 1, "NUL"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_error err;
        struct known *k = (struct known *)&err;

        assert_int_equal(load(row[i].text, row[i].n, &k, &err), TSP_EPARSE);
        assert_null(k);
        assert_int_equal(err.code, TSP_EPARSE);
        assert_int_equal(err.line, row[i].line);
        assert_non_null(strstr(err.text, row[i].why));
    }
}

static void known_refuses_a_long_line(void **state)
{
    char text[1000];
    struct tsp_error err;
    struct known *k;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "UD-1, ", 6);
    assert_int_equal(load(text, sizeof(text), &k, &err), TSP_EPARSE);
    assert_non_null(strstr(err.text, "too long"));
}

static void known_refuses_too_many_lines(void **state)
{
    size_t max = 5000 * 16, n = 0;
    char *text = malloc(max);
    struct tsp_error err;
    struct known *k;

    (void)state;
    assert_non_null(text);
    for (unsigned i = 0; i < 4100; i++)
        n += (size_t)snprintf(text + n, max - n, "R-%u, r\n", i);
    assert_int_equal(load(text, n, &k, &err), TSP_EPARSE);
    assert_int_equal(err.line, 4097);
    free(text);
}

static void known_missing_file_is_an_io_error(void **state)
{
    struct tsp_error err = {0};
    struct known *k;

    (void)state;
    assert_int_equal(known_load(&k, "/nowhere/known.csv", &err), TSP_EIO);
    assert_null(k);
    assert_non_null(strstr(err.text, "/nowhere/known.csv"));
}

/* Whatever the bytes, it is taken or refused. */
static void known_random_bytes_never_hurt(void **state)
{
    static const char set[] = "UD-1, \n#\0\r\tx\xff";
    uint32_t seed = 1;
    char text[120];

    (void)state;
    for (unsigned round = 0; round < 400; round++) {
        struct tsp_error err;
        struct known *k;
        enum tsp_status st;

        for (size_t i = 0; i < sizeof(text); i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = set[(seed >> 24) % (sizeof(set) - 1)];
        }
        st = load(text, seed % sizeof(text), &k, &err);
        assert_true(st == TSP_OK ? k != NULL : st == TSP_EPARSE && k == NULL && err.line != 0);
        known_free(k);
    }
}

/* An entry of the host goes before the general one. */
static void known_entries_match_by_host(void **state)
{
    static const char text[] = "A, any\nB@amd, amd\nC@intel, intel\nC, any\nD@arm64, arm\n";
    static const struct {
        const char *rule;
        uint8_t arch, host;
        const char *reason;
    } row[] = {
        {"A", TSP_ARCH_X86, TSP_VENDOR_INTEL, "any"},
        {"A", TSP_ARCH_ARM64, 0, "any"},
        {"B", TSP_ARCH_X86, TSP_VENDOR_AMD, "amd"},
        {"B", TSP_ARCH_X86, TSP_VENDOR_HYGON, "amd"},
        {"B", TSP_ARCH_X86, TSP_VENDOR_INTEL, NULL},
        {"C", TSP_ARCH_X86, TSP_VENDOR_INTEL, "intel"},
        {"C", TSP_ARCH_X86, TSP_VENDOR_AMD, "any"},
        {"D", TSP_ARCH_ARM64, TSP_VENDOR_AMD, "arm"},
        {"D", TSP_ARCH_X86, TSP_VENDOR_AMD, NULL},
        {"E", TSP_ARCH_X86, TSP_VENDOR_AMD, NULL},
    };
    struct tsp_error err;
    struct known *k;

    (void)state;
    assert_int_equal(known_parse(&k, "list", text, sizeof(text) - 1, &err), TSP_OK);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_setup setup = {.arch = row[i].arch, .host = row[i].host};
        const char *reason = NULL;
        size_t at = known_match(k, row[i].rule, &setup, &reason);

        assert_int_equal(at == KNOWN_NO, row[i].reason == NULL);
        if (row[i].reason)
            assert_string_equal(reason, row[i].reason);
    }
    assert_int_equal(known_match(NULL, "A", &(struct tsp_setup){0}, NULL), KNOWN_NO);
    known_free(k);
}

static void known_empty_list_has_nothing(void **state)
{
    struct known *k = known_none();

    (void)state;
    assert_non_null(k);
    assert_int_equal(known_count(k), 0);
    assert_false(known_has(k, "UD-1", NULL));
    assert_false(known_has(NULL, "UD-1", NULL));
    known_free(k);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(known_reads_rules_and_reasons),
    cmocka_unit_test(known_refuses_with_the_line),
    cmocka_unit_test(known_refuses_a_long_line),
    cmocka_unit_test(known_refuses_too_many_lines),
    cmocka_unit_test(known_missing_file_is_an_io_error),
    cmocka_unit_test(known_random_bytes_never_hurt),
    cmocka_unit_test(known_entries_match_by_host),
    cmocka_unit_test(known_empty_list_has_nothing),
};

TEST_MAIN(tests)
