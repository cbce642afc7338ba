/* SPDX-License-Identifier: MIT */
/*
 * Scenario files of races, damaged: each is refused with its line and byte, or it is another
 * scenario and runs; nothing else. All seeds, cut at every byte, and with bits turned over.
 */
#include "tests/test_main.h"

#include "fuzz/input/input.h"
#include "fuzz/run/run.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define FLIPS 1000u
#define TEXT_BYTES 8192u

static struct target target;
static struct input_image image;
static struct tsp_setup setup;
static struct tsp_trace trace;
static unsigned refused, ran;

static void try_text(const char *text, size_t n)
{
    static struct scenario s;
    struct spec_options opt = {.caps = target.caps, .least = VERDICT_FAIL};
    struct tsp_error err = {.line = 0};
    enum tsp_status st = input_text_parse(text, n, &s, &err);

    if (st != TSP_OK) {
        assert_int_equal(st, TSP_EPARSE);
        assert_true(n == 0 || err.line >= 1);
        assert_true(err.text[0] != 0 && strlen(err.text) < sizeof(err.text));
        refused++;
        return;
    }
    ran++;
    if (s.protocol == TSP_PROTOCOL_NONE)
        return;
    input_build(&s, NULL, 0, &image, &setup);
    if (exec_run(&target, &setup, s.sched, s.nsched, 64, &trace) == TSP_OK)
        spec_check(spec_builtin(), &setup, &trace, &opt);
}

/* Calls each() with every seed of races. */
static void seeds(void (*each)(const char *text, size_t n))
{
    static char text[TEXT_BYTES];
    char path[1024];
    DIR *dir = opendir(TSP_SOURCE_DIR "/corpora/text/fz_race");
    const struct dirent *entry;
    unsigned seen = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        FILE *f;
        size_t n;

        if (strstr(entry->d_name, ".tst") == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/corpora/text/fz_race/%s", TSP_SOURCE_DIR, entry->d_name);
        f = fopen(path, "rb");
        assert_non_null(f);
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
        assert_true(n > 0 && n < sizeof(text));
        each(text, n);
        seen++;
    }
    closedir(dir);
    assert_true(seen >= 20);
}

static int open_model(void **state)
{
    struct tsp_error err;

    (void)state;
    refused = ran = 0;
    return target_open(&target, "model:kvm", &err) == TSP_OK ? 0 : -1;
}

static int close_model(void **state)
{
    (void)state;
    target_close(&target);
    return 0;
}

static void cut(const char *text, size_t n)
{
    static char copy[TEXT_BYTES];

    for (size_t i = 0; i < n; i++) {
        memcpy(copy, text, i);
        try_text(copy, i);
    }
}

static void flip(const char *text, size_t n)
{
    static char copy[TEXT_BYTES];
    static uint32_t rng = 1;

    for (unsigned i = 0; i < FLIPS / 10; i++) {
        memcpy(copy, text, n);
        for (unsigned k = 0; k <= i % 3; k++) {
            rng = rng * 1664525u + 1013904223u;
            copy[(rng >> 8) % n] = (char)(copy[(rng >> 8) % n] ^ (1 << (rng >> 4 & 7)));
        }
        try_text(copy, n);
    }
}

static void cut_files_are_refused_or_run(void **state)
{
    (void)state;
    seeds(cut);
    assert_true(refused > 500 && ran > 500);
}

static void files_with_flipped_bits_are_refused_or_run(void **state)
{
    (void)state;
    seeds(flip);
    assert_true(refused + ran >= FLIPS && refused > FLIPS / 4);
}

/* What is wrong, and where. */
static void the_place_of_the_damage_is_told(void **state)
{
    static const struct {
        const char *sched, *told;
    } row[] = {
        {"0000zz", "byte 2"},
        {"000", "byte 1"},
        {"000003", "byte 2"},
        {"00f0", "byte 1"},
    };
    struct scenario s;
    struct tsp_error err;
    char text[160];

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int n =
            snprintf(text, sizeof(text),
                     "trapspec scenario 1\nprotocol text-poke\nnvcpu 2\nsched %s\n", row[i].sched);

        assert_int_equal(input_text_parse(text, (size_t)n, &s, &err), TSP_EPARSE);
        assert_int_equal(err.line, 4);
        if (strstr(err.text, row[i].told) == NULL)
            fail_msg("%s: %s", row[i].sched, err.text);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(cut_files_are_refused_or_run, open_model, close_model),
    cmocka_unit_test_setup_teardown(files_with_flipped_bits_are_refused_or_run, open_model,
                                    close_model),
    cmocka_unit_test(the_place_of_the_damage_is_told),
};

TEST_MAIN(tests)
