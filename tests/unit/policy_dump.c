/* SPDX-License-Identifier: MIT */
/* The byte form of a policy wherever a dump is read. */
#include "tests/unit/policy_hosts.h"

#include "cli/formats/dump.h"
#include "emu/policy/serial.h"

static uint8_t bytes[SERIAL_MAX];

static void a_policy_reads_as_a_dump(void **state)
{
    struct tsp_error err = {.text = ""};
    struct cpu_policy back;
    struct dump d;
    size_t n;

    (void)state;
    host_of(0, sapphire, COUNT(sapphire));
    n = serial_write(&hosts[0], bytes, sizeof(bytes));
    assert_int_equal(dump_read("p", bytes, n, &d, &err), TSP_OK);
    assert_string_equal(d.format, "policy");
    assert_int_equal(d.ncpu, 1);
    cpu_policy_load(&back, d.leaf, d.n);
    assert_true(cpu_policy_equal(&back, &hosts[0]));
    dump_free(&d);
}

static void a_damaged_policy_is_refused_with_its_offset(void **state)
{
    struct tsp_error err = {.text = ""};
    struct dump d;
    size_t n;

    (void)state;
    host_of(0, nehalem, COUNT(nehalem));
    n = serial_write(&hosts[0], bytes, sizeof(bytes));
    bytes[8] = 2;
    assert_int_equal(dump_read("p", bytes, n, &d, &err), TSP_EPARSE);
    assert_string_equal(err.text, "p: offset 8: version 2, and only version 1 is known");
    bytes[8] = 1;
    for (size_t cut = 8; cut < n; cut++)
        assert_int_equal(dump_read("p", bytes, cut, &d, &err), TSP_EPARSE);
    host_of(0, nehalem, 0);
    n = serial_write(&hosts[0], bytes, sizeof(bytes));
    assert_int_equal(dump_read("p", bytes, n, &d, &err), TSP_EPARSE);
    assert_string_equal(err.text, "p: a policy without leaves");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_policy_reads_as_a_dump),
    cmocka_unit_test(a_damaged_policy_is_refused_with_its_offset),
};

TEST_MAIN(tests)
