/* SPDX-License-Identifier: MIT */
/*
 * Policies against a pool of hosts. A pool differs from a single policy: what user space asks for
 * must be something that every host can offer, or a guest that moves finds instructions gone, its
 * saved state in another place, or a stale bit of another vCPU. Each row breaks one rule of an
 * otherwise fitting policy; a target that accepts it is wrong, one that refuses it has to say
 * where.
 */
#include "tests/spec/fixture.h"

#define INDEXED TSP_LEAF_INDEXED

static const struct tsp_leaf base[] = {
    {0x0, 0, 0, {0xd, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x50654, 0x00040800, 0x76da3203, 0x178bfbff}},
    {0x7, 0, INDEXED, {1, 0x009c01a9, 0xc, 0}},
    {0x7, 1, INDEXED, {0, 0, 0, 0}},
    {0xd, 0, INDEXED, {7, 0x240, 0x340, 0}},
    {0xd, 1, INDEXED, {0xf, 0x240, 0, 0}},
    {0xd, 2, INDEXED, {0x100, 0x240, 0, 0}},
    {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
    {0x80000001, 0, 0, {0, 0, 0x121, 0x2c100800}},
    {0x80000008, 0, 0, {0x3028, 0, 0, 0}},
};
#define ENTRIES (sizeof(base) / sizeof(base[0]))

static struct tsp_leaf guest[ENTRIES + 1], host[ENTRIES];

static void set_up(void)
{
    setup_x86_default();
    memcpy(guest, base, sizeof(base));
    memcpy(host, base, sizeof(base));
    setup.npolicy = 2;
    setup.policy[0] = (struct tsp_policy){guest, ENTRIES};
    setup.policy[1] = (struct tsp_policy){host, ENTRIES};
    trace.n = 1;
    memset(&trace.ev[0], 0, sizeof(trace.ev[0]));
    trace.ev[0].kind = TSP_EV_POLICY;
}

struct row {
    const char *rule;
    unsigned entry, reg; /* of the guest's policy */
    uint32_t value;
    unsigned host_entry, host_reg; /* and of the host's; entry ENTRIES: as it is */
    uint32_t host_value;
};
#define KEEP ENTRIES, 0, 0

static const struct row rows[] = {
    {"POL-1D", 1, 3, 0x178bfbff, 1, 3, 0x178bfbfe},
    {"POL-1C", 1, 2, 0x76da320b, KEEP},
    {"POL-E1D", 8, 3, 0x2c500800, KEEP},
    {"POL-E1C", 8, 2, 0x123, KEEP},
    {"POL-DA1", 5, 0, 0x1f, KEEP},
    {"POL-7B0", 2, 1, 0x009c09a9, KEEP},
    {"POL-7C0", 2, 2, 0x4c, KEEP},
    {"POL-7D0", 2, 3, 0x10, KEEP},
    {"POL-7A1", 3, 0, 0x400, KEEP},
    {"POL-7B1", 3, 1, 1, KEEP},
    {"POL-7C1", 3, 2, 0x20, KEEP},
    {"POL-7D1", 3, 3, 0x4000, KEEP},
    {"POL-E8B", 9, 1, 1, KEEP},
    {"POL-VENDOR", 0, 1, 0x68747541, KEEP},
    {"POL-XSAVE-LO", 4, 0, 0x207, KEEP},
    {"POL-XSAVE-HI", 4, 3, 0x1, KEEP},
    {"POL-XSS-LO", 5, 2, 0x100, KEEP},
    {"POL-XSS-HI", 5, 3, 0x1, KEEP},
    {"POL-XSAVE", 6, 1, 0x340, KEEP},
    {"POL-XSAVE", 6, 0, 0x100, 6, 0, 0x140},
    {"POL-PHYS", 9, 0, 0x302e, KEEP},
    {"POL-LINEAR", 9, 0, 0x3928, KEEP},
    {"POL-CLFLUSH", 1, 1, 0x00041000, KEEP},
    {"POL-OSXSAVE", 1, 2, 0x7eda3203, 1, 2, 0x7eda3203},
    {"POL-OSPKE", 2, 2, 0x1c, 2, 2, 0x1c},
    {"POL-SSE2-SSE", 1, 3, 0x158bfbff, KEEP},
    {"POL-AVX-XSAVE", 1, 2, 0x72da3203, KEEP},
    {"POL-AVX2-AVX", 1, 2, 0x66da3203, KEEP},
    {"POL-LM-PAE", 1, 3, 0x178bfbbf, KEEP},
    {"POL-PKU-LM", 8, 3, 0x0c100800, KEEP},
    {"POL-SMAP-NX", 8, 3, 0x2c000800, KEEP},
};

static void break_it(const struct row *r)
{
    set_up();
    guest[r->entry].reg[r->reg] = r->value;
    if (r->host_entry < ENTRIES)
        host[r->host_entry].reg[r->host_reg] = r->host_value;
}

/* A rule of needs names the entry of the feature, which need not be the one that was changed. */
static unsigned blamed(const struct row *r)
{
    if (strcmp(r->rule, "POL-AVX2-AVX") == 0 || strcmp(r->rule, "POL-PKU-LM") == 0 ||
        strcmp(r->rule, "POL-SMAP-NX") == 0)
        return 2;
    return strcmp(r->rule, "POL-LM-PAE") == 0 ? 8 : r->entry;
}

static void what_no_host_can_offer_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct finding *f;

        break_it(&rows[i]);
        assert_int_equal(judge_with(spec_builtin()), VERDICT_FAIL);
        f = finding_of(spec_builtin(), rows[i].rule);
        if (f == NULL)
            print_error("%s: %s\n", rows[i].rule, found_text(spec_builtin()));
        assert_non_null(f);
        assert_int_equal(f->verdict, VERDICT_FAIL);
    }
}

static void a_refusal_names_the_entry(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        break_it(&rows[i]);
        trace.ev[0].code = 1;
        trace.ev[0].info[0] = blamed(&rows[i]) + 1;
        if (judge_with(spec_builtin()) != VERDICT_PASS)
            print_error("%s: %s\n", rows[i].rule, found_text(spec_builtin()));
        assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
        trace.ev[0].info[0] = 8; /* 0x80000000: nothing is wrong there */
        assert_int_equal(judge_with(spec_builtin()), VERDICT_FAIL);
        assert_non_null(finding_of(spec_builtin(), "POL-REASON"));
    }
}

static void a_fitting_policy_is_accepted(void **state)
{
    (void)state;
    set_up();
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
    trace.ev[0].code = 1;
    trace.ev[0].info[0] = 2;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_FAIL);
    assert_non_null(finding_of(spec_builtin(), "POL-REASON"));
}

/* A levelled guest keeps its maxima on an older host: Xen once refused a maximum sub-leaf of 2
 * although there was nothing in the sub-leaves. */
static void a_higher_maximum_alone_is_no_reason(void **state)
{
    (void)state;
    set_up();
    guest[0].reg[0] = 0x16;
    guest[2].reg[0] = 2;
    guest[7].reg[0] = 0x80000021;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
    guest[ENTRIES] = (struct tsp_leaf){0x15, 0, 0, {2, 100, 0, 0}};
    setup.policy[0].n = ENTRIES + 1;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_FAIL);
    assert_non_null(finding_of(spec_builtin(), "POL-ABOVE"));
    trace.ev[0].code = 1;
    trace.ev[0].info[0] = ENTRIES + 1;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
}

/* Without a pool a policy is what user space says it is. */
static void a_single_policy_is_not_judged(void **state)
{
    (void)state;
    set_up();
    guest[1].reg[2] |= 1u << 27;
    setup.npolicy = 1;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
    assert_int_equal(found.n, 0);
}

static void every_host_of_the_pool_counts(void **state)
{
    struct tsp_leaf other[ENTRIES];

    (void)state;
    set_up();
    memcpy(other, base, sizeof(base));
    other[2].reg[1] &= ~(1u << 5);
    setup.policy[2] = (struct tsp_policy){other, ENTRIES};
    setup.npolicy = 3;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_FAIL);
    assert_non_null(finding_of(spec_builtin(), "POL-7B0"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_no_host_can_offer_is_refused),
    cmocka_unit_test(a_refusal_names_the_entry),
    cmocka_unit_test(a_fitting_policy_is_accepted),
    cmocka_unit_test(a_higher_maximum_alone_is_no_reason),
    cmocka_unit_test(a_single_policy_is_not_judged),
    cmocka_unit_test(every_host_of_the_pool_counts),
};

TEST_MAIN(tests)
