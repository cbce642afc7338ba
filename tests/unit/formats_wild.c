/* SPDX-License-Identifier: MIT */
/*
 * Every reader takes arbitrary bytes: a good file is damaged in thousands of ways (bits flipped,
 * pieces cut, doubled or replaced) and each result must be read or refused with a reason, without a
 * crash or a leak. The generator is seeded: a failure is the same on every machine.
 */
#include "tests/test_main.h"

#include "cli/formats/cpuid_raw.h"
#include "cli/formats/golden.h"
#include "cli/formats/program.h"

#include "tests/unit/damage.h"
#include "trapspec/bits.h"

#include <stdlib.h>

#define ROUNDS 4000u
#define ROOM 8192u

static const char dump_text[] =
    "CPU 0:\n   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n"
    "   0x00000001 0x00: eax=0x000306c3 ebx=0x00100800 ecx=0x7ffafbff edx=0xbfebfbff\nCPU 1:\n"
    "   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n";

static const char golden_text[] =
    "{\"id\":\"table/"
    "amd\",\"entries\":[{\"f\":\"0\",\"i\":-1,\"r\":[\"0xd\",\"0x68747541\",\"0x444d4163\","
    "\"0x69746e65\"]}]}\n"
    "{\"id\":\"cpuid/amd/"
    "0x1\",\"mode\":\"long64\",\"cpl\":0,\"tab\":\"amd\",\"flags\":[],\"code\":\"0fa2\","
    "\"leaf\":\"0x1\",\"sub\":{\"0\":[\"0\",\"0\",\"0\",\"0\"]}}\n"
    "{\"id\":\"hc/"
    "x\",\"mode\":\"real16\",\"cpl\":0,\"tab\":\"amd\",\"flags\":[\"cs_base=0x10000\",\"pte1=P-U\"]"
    ","
    "\"code_lin\":\"0x10000\",\"code\":\"0f01d9f4\",\"in\":{\"rip\":\"0x10000\",\"rflags\":\"0x2\"}"
    ","
    "\"exit\":\"exception\",\"exc\":{\"vec\":6,\"err\":null,\"rip\":\"1\",\"cs\":\"8\",\"rflags\":"
    "\"2\"},"
    "\"out\":{\"rip\":\"0x10004\"},\"mem\":\"0f01d9f4\",\"pte_after\":[\"0\",\"1\"]}\n"
    "{\"id\":\"hvc/y\",\"mode\":\"aarch64\",\"el\":1,\"flags\":[\"PSCI "
    "1.0\"],\"code\":\"020000d4\","
    "\"in\":{\"pc\":\"0x40001000\",\"x0\":\"0x84000000\"},\"exit\":\"end\",\"exc\":null,"
    "\"out\":{\"pc\":\"0x40001008\",\"x0\":\"varies\"},\"mem\":\"020000d4\"}\n";

static void damaged_dumps_are_read_or_refused(void **state)
{
    uint8_t bytes[ROOM + 64];
    unsigned good = 0, bad = 0;

    (void)state;
    seed = 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t n = damage((const uint8_t *)dump_text, sizeof(dump_text) - 1, bytes, ROOM);
        struct tsp_error err = {.text = ""};
        struct dump d;

        if (dump_read_raw("wild", bytes, n, &d, &err) == TSP_OK) {
            assert_true(d.n > 0 && d.ncpu > 0);
            dump_free(&d);
            good++;
        } else {
            assert_true(err.text[0] != 0);
            bad++;
        }
    }
    assert_true(good > 0 && bad > 0);
}

static void damaged_recordings_are_read_or_refused(void **state)
{
    static uint8_t bytes[ROOM + 64];
    unsigned good = 0, bad = 0;

    (void)state;
    seed = 2;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t n = damage((const uint8_t *)golden_text, sizeof(golden_text) - 1, bytes, ROOM);
        struct tsp_error err = {.text = ""};
        struct golden g;

        if (golden_read("wild", bytes, n, &g, &err) == TSP_OK) {
            good++;
            golden_free(&g);
        } else {
            assert_non_null(strstr(err.text, "wild"));
            bad++;
        }
    }
    assert_true(good > 0 && bad > 0);
}

/* A 64-bit little-endian executable with one segment. */
static size_t small_elf(uint8_t *p)
{
    memset(p, 0, 256);
    memcpy(p, "\177ELF\2\1\1", 7);
    le_store(p + 16, 2, 2);  /* ET_EXEC */
    le_store(p + 18, 62, 2); /* x86-64 */
    le_store(p + 20, 1, 4);
    le_store(p + 24, 0x18000, 8); /* entry */
    le_store(p + 32, 64, 8);      /* program headers at 64 */
    le_store(p + 52, 64, 2);
    le_store(p + 54, 56, 2);
    le_store(p + 56, 1, 2);
    le_store(p + 64, 1, 4); /* PT_LOAD */
    le_store(p + 64 + 8, 128, 8);
    le_store(p + 64 + 16, 0x18000, 8);
    le_store(p + 64 + 24, 0x18000, 8);
    le_store(p + 64 + 32, 16, 8);
    le_store(p + 64 + 40, 32, 8);
    return 144;
}

static void damaged_programs_are_loaded_or_refused(void **state)
{
    static uint8_t good_elf[256], bytes[ROOM + 64];
    static struct input_image image;
    static struct scenario s;
    unsigned good = 0, bad = 0;
    size_t size = small_elf(good_elf);

    (void)state;
    seed = 3;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t n = i == 0 ? size : damage(good_elf, size, bytes, ROOM);
        struct tsp_error err = {.text = ""};
        static struct tsp_setup setup;
        struct program *pr;

        if (program_load("wild", i == 0 ? good_elf : bytes, n, &pr, &err) != TSP_OK) {
            assert_non_null(strstr(err.text, "wild"));
            bad++;
            continue;
        }
        input_default(&s, TSP_ARCH_X86);
        program_scenario(pr, &s);
        input_build(&s, NULL, 0, &image, &setup);
        if (program_setup(pr, &setup, &err) == TSP_OK)
            for (unsigned k = 0; k < setup.npage; k++)
                assert_true(range_ok(setup.page[k].gpa - setup.ram_base, setup.page[k].len,
                                     setup.ram_size));
        program_free(pr);
        good++;
    }
    assert_true(good > 0 && bad > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(damaged_dumps_are_read_or_refused),
    cmocka_unit_test(damaged_recordings_are_read_or_refused),
    cmocka_unit_test(damaged_programs_are_loaded_or_refused),
};

TEST_MAIN(tests)
