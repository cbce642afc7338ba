/* SPDX-License-Identifier: MIT */
/* Every observable field of an outcome is compared, under a name that never changes. */
#include "fuzz/run/run.h"

#include "tests/test_main.h"

static struct outcome base(void)
{
    struct outcome o = {
        .exit = OUTCOME_EXCEPTION, .exc = true, .exc_has_error = true, .exc_has_cr2 = true};

    o.exc_vector = 14;
    o.mem_len = 16;
    o.has_pte = o.has_nobase = o.has_mmio = o.has_call = true;
    return o;
}

static size_t diff(enum tsp_arch arch, const struct outcome *a, const struct outcome *b,
                   struct difference *d)
{
    memset(d, 0, DIFF_MAX * sizeof(*d));
    return diff_outcome(arch, a, b, d, DIFF_MAX);
}

static void diff_equal_outcomes_have_none(void **state)
{
    struct difference d[DIFF_MAX];
    struct outcome a = base(), b = base();

    (void)state;
    assert_int_equal(diff(TSP_ARCH_X86, &a, &b, d), 0);
    assert_int_equal(diff(TSP_ARCH_ARM64, &a, &b, d), 0);
}

#define AT(field) offsetof(struct outcome, field), sizeof(((struct outcome *)0)->field)

/* Changing one byte of one field gives exactly one difference of that name. */
static void diff_names_each_field(void **state)
{
    static const struct {
        size_t off, size;
        const char *x86, *arm64;
    } row[] = {
        {AT(exit), "exit", "exit"},
        {AT(code), "exit.code", "exit.code"},
        {AT(exc), "exc", "exc"},
        {AT(exc_vector), "exc.vec", "exc.vector"},
        {AT(exc_has_error), "exc.err", "exc.esr_el1"},
        {AT(exc_error), "exc.err", "exc.esr_el1"},
        {AT(exc_has_cr2), "exc.cr2", "exc.cr2"},
        {AT(exc_cr2), "exc.cr2", "exc.cr2"},
        {AT(exc_rip), "exc.rip", "exc.elr_el1"},
        {AT(exc_cs), "exc.cs", NULL},
        {AT(exc_rflags), "exc.rflags", "exc.spsr_el1"},
        {AT(out.pc), "out.rip", "out.pc"},
        {AT(out.flags), "out.rflags", "out.pstate"},
        {AT(out.r[0]), "out.rax", "out.x0"},
        {AT(out.r[4]), "out.rsp", "out.x4"},
        {AT(out.r[15]), "out.r15", "out.x15"},
        {AT(out.r[17]), NULL, "out.x17"},
        {AT(out.r[18]), NULL, NULL},
        {AT(mem[3]), "mem", "mem"},
        {AT(mem[16]), NULL, NULL},
        {AT(pte[0]), "pte_after.0", "pte_after.0"},
        {AT(pte[1]), "pte_after.1", "pte_after.1"},
        {AT(nobase[15]), "mem_at_rip_nobase", "mem_at_rip_nobase"},
        {AT(has_mmio), "mmio", "mmio"},
        {AT(mmio_gpa), "mmio.gpa", "mmio.gpa"},
        {AT(mmio_len), "mmio.len", "mmio.len"},
        {AT(mmio_data[7]), "mmio.data", "mmio.data"},
        {AT(mmio_exits), "mmio.exits", "mmio.exits"},
        {AT(has_call), "hypercall", "hypercall"},
        {AT(call_nr), "hypercall.nr", "hypercall.nr"},
        {AT(call_arg[5]), "hypercall.arg5", "hypercall.arg5"},
        {AT(call_wide), "hypercall.longmode", "hypercall.longmode"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(row) / sizeof(row[0]); i++) {
        enum tsp_arch arch = i & 1 ? TSP_ARCH_ARM64 : TSP_ARCH_X86;
        const char *want = i & 1 ? row[i / 2].arm64 : row[i / 2].x86;
        struct difference d[DIFF_MAX];
        struct outcome a = base(), b = base();

        ((uint8_t *)&a)[row[i / 2].off] ^= 1;
        assert_int_equal(diff(arch, &a, &b, d), want ? 1 : 0);
        if (!want)
            continue;
        assert_string_equal(d[0].field, want);
        assert_string_not_equal(d[0].got, d[0].expected);
        assert_true(d[0].got[0] && d[0].expected[0]);
    }
}

static void diff_says_which_side_is_which(void **state)
{
    struct difference d[DIFF_MAX];
    struct outcome a = base(), b = base();

    (void)state;
    a.out.r[TSP_RAX] = 0xfffffffffffffc18ull;
    b.out.r[TSP_RAX] = 0xffffffffffffffa1ull;
    a.exc_has_error = false;
    assert_int_equal(diff(TSP_ARCH_X86, &a, &b, d), 2);
    assert_string_equal(d[0].got, "absent");
    assert_string_equal(d[0].expected, "0x0");
    assert_string_equal(d[1].got, "0xfffffffffffffc18");
    assert_string_equal(d[1].expected, "0xffffffffffffffa1");
}

static void diff_leaves_out_what_varies_on_either_side(void **state)
{
    struct difference d[DIFF_MAX];
    struct outcome a = base(), b = base();

    (void)state;
    a.out.r[0] = a.out.r[1] = a.out.r[2] = 7;
    a.vary = 1u << 0;
    b.vary = 1u << 2;
    assert_int_equal(diff(TSP_ARCH_ARM64, &a, &b, d), 1);
    assert_string_equal(d[0].field, "out.x1");
}

static void diff_memory_of_different_length_compares_the_shorter(void **state)
{
    struct difference d[DIFF_MAX];
    struct outcome a = base(), b = base();

    (void)state;
    a.mem_len = 64;
    memset(a.mem + 16, 0xcc, 48);
    assert_int_equal(diff(TSP_ARCH_X86, &a, &b, d), 0);
    b.mem_len = 64;
    assert_int_equal(diff(TSP_ARCH_X86, &a, &b, d), 1);
    assert_string_equal(d[0].field, "mem+0x10");
    assert_int_equal(strlen(d[0].got), 64);
    assert_memory_equal(d[0].got, "cccccccc", 8);
}

static void diff_only_some_sides_have_tables(void **state)
{
    struct difference d[DIFF_MAX];
    struct outcome a = base(), b = base();

    (void)state;
    a.pte[0] = 1;
    a.nobase[0] = 1;
    b.has_pte = b.has_nobase = false;
    assert_int_equal(diff(TSP_ARCH_X86, &a, &b, d), 0);
}

static void diff_counts_more_than_it_stores(void **state)
{
    struct difference d[2] = {0};
    struct outcome a = base(), b = base();

    (void)state;
    for (unsigned i = 0; i < 16; i++)
        a.out.r[i] = i + 1;
    assert_int_equal(diff_outcome(TSP_ARCH_X86, &a, &b, d, 1), 16);
    assert_string_equal(d[0].field, "out.rax");
    assert_string_equal(d[1].field, "");
    assert_int_equal(diff_outcome(TSP_ARCH_X86, &a, &b, NULL, 0), 16);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(diff_equal_outcomes_have_none),
    cmocka_unit_test(diff_names_each_field),
    cmocka_unit_test(diff_says_which_side_is_which),
    cmocka_unit_test(diff_leaves_out_what_varies_on_either_side),
    cmocka_unit_test(diff_memory_of_different_length_compares_the_shorter),
    cmocka_unit_test(diff_only_some_sides_have_tables),
    cmocka_unit_test(diff_counts_more_than_it_stores),
};

TEST_MAIN(tests)
