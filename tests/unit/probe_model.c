/* SPDX-License-Identifier: MIT */
/*
 * Model, table, probes and judge together. The documented model must pass every probe, and nearly
 * every rule of the table must have been tried by one; what shipped code does otherwise must be
 * seen.
 */
#include "fuzz/run/run.h"

#include "emu/emu.h"

#include "tests/test_main.h"

#include <string.h>

struct probing {
    struct target t;
    struct report *r;
    bool differ; /* a scenario gave two different outcomes */
    unsigned refused;
};

static size_t base_policy(const struct scenario *s, struct tsp_leaf *leaf)
{
    static const enum tsp_vendor vendor[INPUT_POLICY_COUNT] = {
        TSP_VENDOR_OTHER, TSP_VENDOR_INTEL, TSP_VENDOR_AMD, TSP_VENDOR_HYGON, TSP_VENDOR_CENTAUR};

    if (s->arch != TSP_ARCH_X86 || s->policy == INPUT_POLICY_NONE)
        return 0;
    return vm_default_policy(vendor[s->policy], (enum tsp_persona)s->persona[0], s->hv_base[0],
                             leaf, TSP_MAX_LEAF);
}

static bool try(void *ctx, const struct scenario *s)
{
    static struct input_image image;
    static struct tsp_setup setup;
    static struct tsp_trace trace;
    static struct tsp_leaf leaf[TSP_MAX_LEAF];
    struct probing *p = ctx;
    struct outcome a, b;
    enum tsp_status st;

    input_build(s, leaf, base_policy(s, leaf), &image, &setup);
    st = exec_scenario(&p->t, s, &setup, 4096, &trace);
    if (st == TSP_ENOTSUP) { /* what this version of a hypervisor does not have yet */
        p->refused++;
        return true;
    }
    assert_int_equal(st, TSP_OK);
    exec_outcome(&p->t, s, &setup, &trace, &a);
    report_add(p->r, p->t.caps, "probe", s, &setup, &trace);
    assert_int_equal(exec_scenario(&p->t, s, &setup, 4096, &trace), TSP_OK);
    exec_outcome(&p->t, s, &setup, &trace, &b);
    p->differ |= diff_outcome((enum tsp_arch)s->arch, &a, &b, NULL, 0) != 0;
    return true;
}

static struct report_totals run_probes(const char *name, struct probing *p)
{
    struct report_totals t;
    struct tsp_error err;

    assert_int_equal(target_open(&p->t, name, &err), TSP_OK);
    p->t.looked = true;
    p->r = report_open(spec_builtin(), NULL);
    assert_non_null(p->r);
    probe_each(spec_builtin(), TSP_ARCH_X86, try, p);
    probe_each(spec_builtin(), TSP_ARCH_ARM64, try, p);
    report_totals(p->r, &t);
    target_close(&p->t);
    return t;
}

/* Rules of dumps and policies alone, and of hypervisors the model does not play. */
static bool is_elsewhere(const struct report_row *row)
{
    return strcmp(row->table, "depends") == 0 || strcmp(row->table, "policy") == 0 ||
           (strncmp(row->table, "hv_", 3) == 0 && strcmp(row->table, "hv_kvm") != 0);
}

static void probe_documented_model_conforms(void **state)
{
    static struct probing p;
    struct report_totals t = run_probes("model:kvm", &p);
    unsigned rules = 0, exercised = 0;

    (void)state;
    for (size_t i = 0; i < report_rows(p.r); i++) {
        const struct report_row *row = report_row_at(p.r, i);

        if (row->worst >= VERDICT_KNOWN)
            fail_msg("%s: expected %s, got %s", row->rule, row->expected, row->got);
        if (is_elsewhere(row))
            continue;
        rules++;
        exercised += row->exercised > 0;
    }
    assert_int_equal(t.failed, 0);
    assert_int_equal(t.unsupported, 0);
    assert_int_equal(p.refused, 0);
    /* The rest are rules of what must never happen. */
    assert_true(exercised * 10 >= rules * 9);
    report_free(p.r);
}

static void probe_runs_repeat_exactly(void **state)
{
    static struct probing p;

    (void)state;
    run_probes("model:kvm@linux-6.1", &p);
    assert_false(p.differ);
    report_free(p.r);
}

static void probe_shipped_deviations_are_seen(void **state)
{
    static const char *const rule[] = {"UD-WHERE",    "UD-VMCALL", "UD-VMMCALL", "UD-PF",
                                       "UD-RO-PATCH", "UD-MMIO",   "UD-HANG"};
    static struct probing p;
    unsigned seen = 0;

    (void)state;
    run_probes("model:kvm@linux-6.1", &p);
    for (size_t i = 0; i < report_rows(p.r); i++) {
        const struct report_row *row = report_row_at(p.r, i);

        for (size_t k = 0; k < sizeof(rule) / sizeof(rule[0]); k++)
            seen +=
                strcmp(row->rule, rule[k]) == 0 && row->worst == VERDICT_FAIL && row->first != NULL;
    }
    assert_int_equal(seen, sizeof(rule) / sizeof(rule[0]));
    report_free(p.r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(probe_documented_model_conforms),
    cmocka_unit_test(probe_runs_repeat_exactly),
    cmocka_unit_test(probe_shipped_deviations_are_seen),
};

TEST_MAIN(tests)
