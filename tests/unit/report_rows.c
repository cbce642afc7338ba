/* SPDX-License-Identifier: MIT */
/* Findings by rule: order, worst verdict, examples, accepted deviations and the ones that have
 * become stale. */
#include "tests/unit/fake_spec.h"

#include "fuzz/run/run.h"

#include "tests/test_main.h"

static const struct spec_rule rules[] = {
    {.id = "UD-2", .table = "patch", .line = 9, .pred = "retry", .source = "linux-kvm"},
    {.id = "CALL-1", .table = "calls", .line = 3, .pred = "ret", .source = "linux-kvm"},
    {.id = "UD-1", .table = "patch", .line = 8, .pred = "fault", .source = "linux-kvm"},
    {.id = "ARM-1", .table = "arm", .line = 2, .pred = "x0", .source = "den0028"},
};
#define NRULE 4u

static struct known *load_known(const char *text)
{
    const char *path = test_file("report_rows.csv");
    struct tsp_error err;
    struct known *k = NULL;
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(known_load(&k, path, &err), TSP_OK);
    remove(path);
    return k;
}

static void add(struct report *r, struct spec *s, const char *id, const struct finding *f,
                unsigned n, const struct scenario *scenario)
{
    static struct tsp_trace trace = {.n = 2};
    struct tsp_setup setup = {.nvcpu = 1};

    s->finding = f;
    s->nfinding = n;
    report_add(r, 0, id, scenario, &setup, &trace);
}

static const struct report_row *row_of(const struct report *r, const char *rule)
{
    for (size_t i = 0; i < report_rows(r); i++)
        if (strcmp(report_row_at(r, i)->rule, rule) == 0)
            return report_row_at(r, i);
    fail_msg("no row %s", rule);
    return NULL;
}

static void report_rows_are_sorted_and_complete(void **state)
{
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, NULL);
    static const char *const want[] = {"ARM-1", "CALL-1", "UD-1", "UD-2"};

    (void)state;
    assert_non_null(r);
    assert_int_equal(report_rows(r), NRULE);
    for (size_t i = 0; i < NRULE; i++) {
        assert_string_equal(report_row_at(r, i)->rule, want[i]);
        assert_int_equal(report_row_at(r, i)->worst, VERDICT_SKIP);
        assert_int_equal(report_row_at(r, i)->exercised, 0);
    }
    assert_null(report_row_at(r, NRULE));
    report_free(r);
}

static void report_counts_and_keeps_the_first_example(void **state)
{
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, NULL);
    const struct finding one[] = {
        {.verdict = VERDICT_PASS, .rule = 1},
        {.verdict = VERDICT_FAIL, .rule = 0, .event = 1, .expected = "retry", .got = "pc moved"}};
    const struct finding two[] = {
        {.verdict = VERDICT_FAIL, .rule = 0, .event = 1, .expected = "retry", .got = "other"}};
    struct scenario scenario = {.ncode = {3}};
    struct report_totals t;

    (void)state;
    add(r, &s, "case-1", one, 2, &scenario);
    scenario.ncode[0] = 99; /* the report owns its copy */
    add(r, &s, "case-2", two, 1, &scenario);
    assert_int_equal(row_of(r, "CALL-1")->worst, VERDICT_PASS);
    assert_int_equal(row_of(r, "UD-2")->worst, VERDICT_FAIL);
    assert_int_equal(row_of(r, "UD-2")->exercised, 2);
    assert_int_equal(row_of(r, "UD-2")->failed, 2);
    assert_string_equal(row_of(r, "UD-2")->example, "case-1");
    assert_string_equal(row_of(r, "UD-2")->got, "pc moved");
    assert_int_equal(row_of(r, "UD-2")->first->ncode[0], 3);
    report_totals(r, &t);
    assert_int_equal(t.cases, 2);
    assert_int_equal(t.events, 4);
    assert_int_equal(t.rules, NRULE);
    assert_int_equal(t.exercised, 2);
    assert_int_equal(t.passed, 1);
    assert_int_equal(t.failed, 1);
    report_free(r);
}

static void report_blames_the_target_before_its_policy(void **state)
{
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, NULL);
    const struct finding f[] = {
        {.verdict = VERDICT_FAIL, .subject = SUBJECT_POLICY, .rule = 2, .got = "policy"},
        {.verdict = VERDICT_FAIL, .subject = SUBJECT_TARGET, .rule = 2, .got = "target"},
        {.verdict = VERDICT_FAIL, .subject = SUBJECT_POLICY, .rule = 2, .got = "policy again"},
    };

    (void)state;
    add(r, &s, "case", f, 3, NULL);
    assert_int_equal(row_of(r, "UD-1")->subject, SUBJECT_TARGET);
    assert_string_equal(row_of(r, "UD-1")->got, "target");
    assert_null(row_of(r, "UD-1")->first);
    report_free(r);
}

static void report_known_deviation_is_not_a_failure(void **state)
{
    struct known *k = load_known("UD-2, shipped like that\nUD-1, was once wrong\nGONE-1, no such "
                                 "rule\nARM-1, never tried\n");
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, k);
    const struct finding f[] = {{.verdict = VERDICT_FAIL, .rule = 0},
                                {.verdict = VERDICT_PASS, .rule = 2},
                                {.verdict = VERDICT_FAIL, .rule = 1}};
    struct report_totals t;

    (void)state;
    add(r, &s, "case", f, 3, NULL);
    assert_int_equal(row_of(r, "UD-2")->worst, VERDICT_KNOWN);
    assert_string_equal(row_of(r, "UD-2")->known, "shipped like that");
    assert_null(row_of(r, "CALL-1")->known);
    report_totals(r, &t);
    assert_int_equal(t.known, 1);
    assert_int_equal(t.failed, 1);
    /* UD-1 passes now, GONE-1 is no rule; ARM-1 was not tried. */
    assert_int_equal(t.stale_known, 2);
    report_free(r);
    known_free(k);
}

/* What one kind of host does wrong is not accepted of another, nor stale there. */
static void report_known_deviation_may_be_one_hosts(void **state)
{
    static const struct {
        uint8_t arch, host;
        enum verdict verdict, worst;
        unsigned stale;
    } row[] = {
        {TSP_ARCH_X86, TSP_VENDOR_AMD, VERDICT_FAIL, VERDICT_KNOWN, 0},
        {TSP_ARCH_X86, TSP_VENDOR_HYGON, VERDICT_FAIL, VERDICT_KNOWN, 0},
        {TSP_ARCH_X86, TSP_VENDOR_INTEL, VERDICT_FAIL, VERDICT_FAIL, 0},
        {TSP_ARCH_ARM64, TSP_VENDOR_AMD, VERDICT_FAIL, VERDICT_FAIL, 0},
        {TSP_ARCH_X86, TSP_VENDOR_AMD, VERDICT_PASS, VERDICT_PASS, 1},
        {TSP_ARCH_X86, TSP_VENDOR_INTEL, VERDICT_PASS, VERDICT_PASS, 0},
    };
    static struct tsp_trace trace = {.n = 1};
    struct known *k = load_known("UD-2@amd, shipped on AMD\n");

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct finding f = {.verdict = row[i].verdict, .rule = 0};
        struct spec s = {.rule = rules, .n = NRULE, .finding = &f, .nfinding = 1};
        struct tsp_setup setup = {.arch = row[i].arch, .host = row[i].host, .nvcpu = 1};
        struct report *r = report_open(&s, k);
        struct report_totals t;

        report_add(r, 0, "case", NULL, &setup, &trace);
        assert_int_equal(row_of(r, "UD-2")->worst, row[i].worst);
        report_totals(r, &t);
        assert_int_equal(t.stale_known, row[i].stale);
        report_free(r);
    }
    known_free(k);
}

static void report_gaps_follow_the_rules_sorted(void **state)
{
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, NULL);
    const struct finding f[] = {{.verdict = VERDICT_GAP, .rule = ~0u, .got = "leaf 0x19"},
                                {.verdict = VERDICT_GAP, .rule = ~0u, .got = "leaf 0x14"},
                                {.verdict = VERDICT_GAP, .rule = ~0u, .got = "leaf 0x19"}};
    struct report_totals t;

    (void)state;
    add(r, &s, "case", f, 3, NULL);
    assert_int_equal(report_rows(r), NRULE + 2);
    assert_string_equal(report_row_at(r, NRULE)->rule, "gap: leaf 0x14");
    assert_string_equal(report_row_at(r, NRULE + 1)->rule, "gap: leaf 0x19");
    assert_int_equal(report_row_at(r, NRULE + 1)->exercised, 2);
    assert_int_equal(report_row_at(r, NRULE + 1)->worst, VERDICT_GAP);
    report_totals(r, &t);
    assert_int_equal(t.gaps, 3);
    assert_int_equal(t.failed, 0);
    report_free(r);
}

/* A gap is named by what would need a rule. */
static void report_names_gaps_by_their_event(void **state)
{
    static const struct {
        struct tsp_event ev;
        const char *name;
    } row[] = {
        {{.kind = TSP_EV_CPUID, .before.r = {0xff00000014}}, "gap: cpuid leaf 0x14"},
        {{.kind = TSP_EV_HYPERCALL, .before.r = {0x86000000}}, "gap: hypercall 0x86000000"},
        {{.kind = TSP_EV_FAULT, .code = 6, .len = 2, .fetched = {0x0f, 0x0b, 0x90}},
         "gap: fault 0x6 of 0f0b"},
        {{.kind = TSP_EV_FAULT, .code = 6, .len = 99, .fetched = {1}},
         "gap: fault 0x6 of 01000000000000000000000000000000"},
        {{.kind = TSP_EV_STOP, .code = 5}, "gap: stop 0x5 of "},
    };
    static struct tsp_trace trace = {.n = 1};
    const struct finding f = {.verdict = VERDICT_GAP, .rule = ~0u},
                         wild = {.verdict = VERDICT_GAP, .rule = ~0u, .event = 7};
    struct tsp_setup setup = {.nvcpu = 1};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct spec s = {.rule = rules, .n = NRULE, .finding = &f, .nfinding = 1};
        struct report *r = report_open(&s, NULL);

        trace.ev[0] = row[i].ev;
        report_add(r, 0, "case", NULL, &setup, &trace);
        assert_string_equal(report_row_at(r, NRULE)->rule, row[i].name);
        s.finding = &wild;
        report_add(r, 0, "case", NULL, &setup, &trace);
        assert_int_equal(report_rows(r), NRULE + 2);
        report_free(r);
    }
}

static void report_gap_rows_are_bounded(void **state)
{
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, NULL);
    struct report_totals t;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        struct finding f = {.verdict = VERDICT_GAP, .rule = ~0u};

        snprintf(f.got, sizeof(f.got), "leaf 0x%x", i * 7919u);
        add(r, &s, "case", &f, 1, NULL);
    }
    report_totals(r, &t);
    assert_int_equal(t.gaps, 3000);
    assert_int_equal(report_rows(r), NRULE + 1024);
    for (size_t i = NRULE + 1; i < report_rows(r); i++)
        assert_true(strcmp(report_row_at(r, i - 1)->rule, report_row_at(r, i)->rule) < 0);
    report_free(r);
}

static void report_skipped_rules_are_not_exercised(void **state)
{
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, NULL);
    const struct finding f[] = {{.verdict = VERDICT_SKIP, .rule = 0},
                                {.verdict = VERDICT_SKIP, .rule = 1},
                                {.verdict = VERDICT_PASS, .rule = 1}};
    struct report_totals t;

    (void)state;
    add(r, &s, "case", f, 3, NULL);
    report_totals(r, &t);
    assert_int_equal(t.skipped, 1);
    assert_int_equal(t.exercised, 1);
    assert_int_equal(row_of(r, "UD-2")->worst, VERDICT_SKIP);
    assert_int_equal(row_of(r, "CALL-1")->worst, VERDICT_PASS);
    report_free(r);
}

static void report_counts_runs_that_did_not_finish(void **state)
{
    static struct tsp_trace trace;
    struct spec s = {.rule = rules, .n = NRULE};
    struct report *r = report_open(&s, NULL);
    struct tsp_setup setup = {.nvcpu = 1};
    static const uint32_t stop[] = {TSP_STOP_UNSUPPORTED, TSP_STOP_ERROR, TSP_STOP_HALT,
                                    TSP_STOP_BUDGET};
    struct report_totals t;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        trace.n = 1;
        trace.ev[0] = (struct tsp_event){.kind = TSP_EV_STOP, .code = stop[i]};
        report_add(r, 0, "case", NULL, &setup, &trace);
    }
    report_totals(r, &t);
    assert_int_equal(t.unsupported, 2);
    report_free(r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(report_rows_are_sorted_and_complete),
    cmocka_unit_test(report_counts_and_keeps_the_first_example),
    cmocka_unit_test(report_blames_the_target_before_its_policy),
    cmocka_unit_test(report_known_deviation_is_not_a_failure),
    cmocka_unit_test(report_known_deviation_may_be_one_hosts),
    cmocka_unit_test(report_gaps_follow_the_rules_sorted),
    cmocka_unit_test(report_names_gaps_by_their_event),
    cmocka_unit_test(report_gap_rows_are_bounded),
    cmocka_unit_test(report_skipped_rules_are_not_exercised),
    cmocka_unit_test(report_counts_runs_that_did_not_finish),
};

TEST_MAIN(tests)
