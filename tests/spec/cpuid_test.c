/* SPDX-License-Identifier: MIT */
/*
 * CPUID: which data answer (by class, highest leaf and the guest's own vendor text), and what each
 * kind of field rule says of them. Intel returns the highest basic leaf above the end of a class,
 * AMD returns zeroes; hypervisors follow the text in the guest's leaf 0. Some bits follow the vCPU,
 * not the policy.
 */
#include "tests/spec/leaves.h"

/* Rows of x86_ranges alone: no field table has a say. */
static struct build *ranges_only(void)
{
    static const char *const name[] = {"sources", "opcodes", "x86_ranges"};
    struct build *b = build_open();
    struct tsp_error err = {0};
    static char buf[65536];

    assert_non_null(b);
    for (unsigned i = 0; i < 3; i++) {
        char path[256];
        FILE *f;
        size_t n;

        snprintf(path, sizeof(path), TSP_SOURCE_DIR "/spec/tables/%s.csv", name[i]);
        f = fopen(path, "rb");
        assert_non_null(f);
        n = fread(buf, 1, sizeof(buf), f);
        fclose(f);
        assert_true(build_table(b, name[i], buf, n, &err));
    }
    assert_true(build_finish(b, &err));
    return b;
}

static const struct {
    uint8_t vendor;
    uint32_t leaf, sub;
    uint32_t want[4];
    const char *rule;
} range_rows[] = {
    {INTEL, 0x16, 0, {100, 200, 300, 0}, "CPUID-HELD"},
    {INTEL, 0x16, 99, {100, 200, 300, 0}, "CPUID-HELD"},
    {INTEL, 0x4, 0, {1, 2, 3, 4}, "CPUID-HELD"},
    {INTEL, 0x4, 1, {0, 0, 0, 0}, "CPUID-SUB"},
    {INTEL, 0x2, 0, {0, 0, 0, 0}, "CPUID-SUB"},
    {INTEL, 0x17, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {CENTAUR, 0x17, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {OTHER, 0x17, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {AMD, 0x17, 0, {0, 0, 0, 0}, "CPUID-OUT-AMD"},
    {HYGON, 0x17, 0, {0, 0, 0, 0}, "CPUID-OUT-AMD"},
    {INTEL, 0x3fffffffu, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {INTEL, 0x50000000u, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {INTEL, 0x40000001u, 0, {0x80, 0, 0, 0}, "CPUID-HELD"},
    {INTEL, 0x40000002u, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {INTEL, 0x40000100u, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {AMD, 0x40000100u, 0, {0, 0, 0, 0}, "CPUID-OUT-AMD"},
    {INTEL, 0x80000001u, 0, {0, 0, 0, 0}, "CPUID-SUB"},
    {INTEL, 0x80000002u, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {AMD, 0x80000002u, 0, {0, 0, 0, 0}, "CPUID-OUT-AMD"},
    {INTEL, 0xc0000000u, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {INTEL, 0xffffffffu, 0, {100, 200, 300, 0}, "CPUID-OUT"},
    {INTEL, 0x30, 0, {9, 9, 9, 9}, "CPUID-HELD"},
    {INTEL, 0xb, 1, {4, 8, 0x201, 7}, "CPUID-HELD"},
    {INTEL, 0xb, 2, {0, 0, 2, 7}, "CPUID-ECHO"},
    {INTEL, 0xb, 0x1234, {0, 0, 0x34, 7}, "CPUID-ECHO"},
    {AMD, 0xb, 5, {0, 0, 5, 7}, "CPUID-ECHO"},
    {INTEL, 0x1f, 5, {100, 200, 300, 0}, "CPUID-OUT"},
};

static void ranges_follow_the_vendor(void **state)
{
    struct build *b = ranges_only();

    (void)state;
    for (size_t i = 0; i < sizeof(range_rows) / sizeof(range_rows[0]); i++) {
        for (unsigned bad = 0; bad < 5; bad++) {
            uint32_t reg[4];
            enum verdict v;

            use_policy(range_rows[i].vendor);
            memcpy(reg, range_rows[i].want, sizeof(reg));
            if (bad)
                reg[bad - 1] ^= 1u << (i % 32);
            query(range_rows[i].leaf, range_rows[i].sub, reg);
            v = judge_with(&b->spec);
            if (bad == 0 && v == VERDICT_GAP)
                v = PASS; /* held, and no range_rows describes the leaf */
            if (v != (bad ? FAIL : PASS))
                print_error("range_rows %zu bad %u: %s\n", i, bad, found_text(&b->spec));
            assert_int_equal(v, bad ? FAIL : PASS);
            if (bad)
                assert_non_null(finding_of(&b->spec, range_rows[i].rule));
        }
    }
    free(b);
}

/* When the highest basic leaf is a topology leaf, the redirected query gets its echo. */
static void redirection_can_end_in_an_echo(void **state)
{
    struct build *b = ranges_only();
    static const uint32_t echo[4] = {0, 0, 0x55, 7}, data[4] = {4, 8, 0x201, 7};

    (void)state;
    use_policy(INTEL);
    policy[0].reg[0] = 0xb;
    query(0x20000000u, 0x55, echo);
    query(0x20000000u, 1, data);
    assert_int_equal(judge_with(&b->spec), PASS);
    query(0x20000000u, 0x55, data);
    assert_int_equal(judge_with(&b->spec), FAIL);
    policy[0].reg[0] = 0x16;
    free(b);
}

static void empty_policy_answers_nothing(void **state)
{
    static const uint32_t none[4], some[4] = {0, 0, 1, 0};
    const struct spec *s = spec_builtin();

    (void)state;
    setup_x86_default();
    setup.npolicy = 1;
    query(0, 0, none);
    query(0x80000000u, 0, none);
    assert_int_equal(judge_with(s), PASS);
    assert_non_null(finding_of(s, "CPUID-EMPTY"));
    query(1, 0, some);
    assert_int_equal(judge_with(s), FAIL);
}

/* The same answers when the trace is long enough for the policy to be indexed. */
static void long_traces_are_judged_alike(void **state)
{
    static const uint32_t good[4] = {100, 200, 300, 0};
    struct build *b = ranges_only();

    (void)state;
    use_policy(INTEL);
    for (unsigned i = 0; i < 100; i++)
        query(0x17 + i * 0x101, i, good);
    assert_int_equal(judge_with(&b->spec), PASS);
    trace.ev[57].after.r[TSP_RBX] ^= 8;
    assert_int_equal(judge_with(&b->spec), FAIL);
    for (unsigned i = 0; i < found.n; i++)
        if (found.f[i].verdict == FAIL)
            assert_int_equal(found.f[i].event, 57);
    free(b);
}

static void the_instruction_itself(void **state)
{
    static const uint32_t want[4] = {0, 0, 0, 0};
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    use_policy(AMD);
    ev = query(0x17, 0, want);
    assert_int_equal(judge_with(s), PASS);
    ev->after.r[TSP_RCX] |= 1ull << 40;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "CPUID-REGS"));
    ev->after.r[TSP_RCX] = 0;
    ev->after.r[TSP_RSI] ^= 1;
    assert_int_equal(judge_with(s), FAIL);
    ev->after.r[TSP_RSI] ^= 1;
    ev->after.flags ^= 0x40;
    assert_int_equal(judge_with(s), FAIL);
    ev->after.flags ^= 0x40;
    ev->after.pc++;
    assert_int_equal(judge_with(s), FAIL);
    ev->after.pc--;
    memcpy(ev->fetched, "\xf0\x0f\xa2", 3);
    memcpy(ev->stored, "\xf0\x0f\xa2", 3);
    ev->after.pc++;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "CPUID-LOCK"));
}

/* CPUID faulting: enabled by the vCPU's register, only above CPL 0, #GP with error code 0 and
 * nothing changed. */
static void faulting(void **state)
{
    static const struct {
        bool on, fault;
        uint16_t mode, level;
        uint32_t vector;
        uint64_t error;
        const char *rule;
        enum verdict want;
    } row[] = {
        {true, true, L64, 3, 13, 0, "CPUID-FAULT", PASS},
        {true, true, TSP_MODE_PROT32, 1, 13, 0, "CPUID-FAULT", PASS},
        {true, true, L64, 3, 6, 0, "CPUID-FAULT", FAIL},
        {true, true, L64, 0, 13, 0, "CPUID-FAULT-1", FAIL},
        {false, true, L64, 3, 13, 0, "CPUID-FAULT-0", FAIL},
        {true, false, L64, 3, 0, 0, "CPUID-FAULT-2", FAIL},
        {true, false, L64, 0, 0, 0, "CPUID-REGS", PASS},
        {false, false, L64, 3, 0, 0, "CPUID-REGS", PASS},
        {true, false, TSP_MODE_REAL16, 3, 0, 0, "CPUID-REGS", PASS},
    };
    static const uint32_t zero[4];
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;
        enum verdict v;

        use_policy(AMD);
        if (row[i].fault)
            ev = add_event(TSP_EV_FAULT, row[i].mode, "\x0f\xa2", 2);
        else
            ev = query(0x17, 0, zero);
        if (row[i].mode == TSP_MODE_REAL16) {
            ev->before.mode = ev->after.mode = row[i].mode;
            ev->before.pc = 0x100;
            ev->after.pc = 0x102;
        }
        ev->before.level = row[i].level;
        ev->after.level = row[i].fault ? 0 : row[i].level;
        ev->sys[TSP_SYS_FAULTING] = setup.vcpu[0].x86.cpuid_faulting = row[i].on;
        ev->code = row[i].vector;
        ev->info[0] = row[i].error;
        v = judge_with(s);
        if (v != row[i].want)
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(v, row[i].want);
        if (v == FAIL)
            assert_non_null(finding_of(s, row[i].rule));
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Set-ups and traces of noise: judged without a crash, and every finding names a rule or none. */
static void random_traces_are_survived(void **state)
{
    const struct spec *s = spec_builtin();
    struct spec_options opt = {.least = PASS, .found = found_add, .ctx = &found};
    uint32_t seed = 4711;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t *p = (uint8_t *)&setup;

        if (round % 2) {
            use_policy(round % 5);
        } else {
            memset(&setup, 0, sizeof(setup));
            for (size_t i = 0; i < offsetof(struct tsp_setup, npage); i++)
                p[i] = (uint8_t)next_random(&seed);
        }
        trace.n = next_random(&seed) % 12;
        for (size_t i = 0; i < trace.n; i++) {
            p = (uint8_t *)&trace.ev[i];
            for (size_t k = 0; k < sizeof(trace.ev[i]); k++)
                p[k] = (uint8_t)next_random(&seed);
            trace.ev[i].kind %= 14;
            trace.ev[i].before.mode %= 9;
            if (round % 3)
                memcpy(trace.ev[i].fetched, round % 6 < 3 ? "\x0f\xa2" : "\x0f\x01\xd9", 3);
        }
        opt.caps = next_random(&seed);
        found.n = 0;
        assert_in_range(spec_check(s, &setup, &trace, &opt), PASS, FAIL);
        for (unsigned i = 0; i < found.n; i++) {
            assert_true(found.f[i].event < trace.n);
            assert_true(found.f[i].rule == ~0u || found.f[i].rule < spec_rule_count(s));
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ranges_follow_the_vendor),
    cmocka_unit_test(redirection_can_end_in_an_echo),
    cmocka_unit_test(empty_policy_answers_nothing),
    cmocka_unit_test(long_traces_are_judged_alike),
    cmocka_unit_test(the_instruction_itself),
    cmocka_unit_test(faulting),
    cmocka_unit_test(random_traces_are_survived),
};

TEST_MAIN(tests)
