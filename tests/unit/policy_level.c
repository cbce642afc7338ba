/* SPDX-License-Identifier: MIT */
/*
 * Levelling, against expectations worked out by hand from the dumps of three generations. What a
 * guest may use on all of them is not the AND of their bits alone: AVX falls with XSAVE, which the
 * oldest lacks, and everything built on AVX falls with it; protection keys fall where the two hosts
 * save them at different places, although both have them.
 */
#include "tests/unit/policy_hosts.h"

#include "emu/policy/offer.h"
#include "emu/policy/verify.h"

static struct cpu_policy common;
static struct level_report report;

static const struct level_drop *drop_of(unsigned f)
{
    for (unsigned i = 0; i < report.n; i++)
        if (report.drop[i].feature == f)
            return &report.drop[i];
    return NULL;
}

static void level_hosts(size_t n)
{
    const struct cpu_policy *pool[] = {&hosts[0], &hosts[1], &hosts[2]};

    assert_int_equal(level_pool(pool, n, &common, &report), TSP_OK);
}

static void three_generations(void)
{
    host_of(0, nehalem, COUNT(nehalem));
    host_of(1, skylake, COUNT(skylake));
    host_of(2, sapphire, COUNT(sapphire));
    level_hosts(3);
}

/* Leaf, sub-leaf, register, value: worked out by hand. */
struct expect {
    uint32_t leaf, sub;
    unsigned reg;
    uint32_t value;
};

static void check(const struct expect *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t got = cpu_policy_reg(&common, e[i].leaf, e[i].sub, e[i].reg);

        if (got != e[i].value)
            print_error("0x%x.%u reg %u: 0x%x for 0x%x\n", e[i].leaf, e[i].sub, e[i].reg, got,
                        e[i].value);
        assert_int_equal(got, e[i].value);
    }
}

static void three_generations_as_by_hand(void **state)
{
    static const struct expect rows[] = {
        {0x0, 0, 0, 0xb},
        {0x0, 0, 1, 0x756e6547},
        {0x1, 0, 0, 0x000106a5}, /* the oldest */
        {0x1, 0, 1, 0x00100800}, /* 16 ids, 64-byte lines */
        {0x1, 0, 2, 0x009ce3bd}, /* Nehalem's; the others have all of it */
        {0x1, 0, 3, 0xbfebfbff},
        {0x6, 0, 0, 0x1}, /* 3 & 0x75 & 0xdf8ff7 */
        {0x7, 0, 1, 0},   /* Nehalem has no leaf 7 */
        {0xd, 0, 0, 0},
        {0x80000000, 0, 0, 0x80000008},
        {0x80000001, 0, 2, 0x1},
        {0x80000001, 0, 3, 0x28100800}, /* without 1 GiB pages */
        {0x80000006, 0, 2, 0x01006040}, /* caches of the oldest */
        {0x80000007, 0, 3, 0x100},
        {0x80000008, 0, 0, 0x3028}, /* 40 and 48 bits */
        {0x80000008, 0, 1, 0},      /* WBNOINVD is Sapphire Rapids' alone */
        {0x15, 0, 0, 0},
    };

    (void)state;
    three_generations();
    check(rows, COUNT(rows));
    assert_null(cpu_policy_find(&common, 0xd, 0));
}

struct chain {
    unsigned feature;
    uint64_t lacks;
    unsigned needs;
};

static void three_generations_chain(void **state)
{
    static const struct chain rows[] = {
        {FEATURE_XSAVE, 1, FEATURE_NONE},
        {FEATURE_AVX, 1, FEATURE_XSAVE},
        {FEATURE_XSAVEC, 1, FEATURE_XSAVE},
        {FEATURE_AVX2, 1, FEATURE_AVX},
        {FEATURE_FMA, 1, FEATURE_AVX},
        {FEATURE_AVX512F, 1, FEATURE_AVX2},
        {FEATURE_AVX512BW, 1, FEATURE_AVX512F},
        {FEATURE_AVX512_VNNI, 3, FEATURE_AVX512F},
        {FEATURE_AVX512_VBMI, 3, FEATURE_AVX512BW},
        {FEATURE_AVX512_FP16, 3, FEATURE_AVX512BW},
        {FEATURE_MPX, 5, FEATURE_XSAVE},
        {FEATURE_AMX_BF16, 3, FEATURE_AMX_TILE},
        {FEATURE_STIBP, 1, FEATURE_IBRSB},
        {FEATURE_WBNOINVD, 3, FEATURE_NONE},
        {FEATURE_PAGE1GB, 1, FEATURE_NONE},
        {FEATURE_LA57, 3, FEATURE_NONE},
    };

    (void)state;
    three_generations();
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct level_drop *d = drop_of(rows[i].feature);

        assert_non_null(d);
        if (d->lacks != rows[i].lacks || d->needs != rows[i].needs)
            print_error("%s\n", feature_name(rows[i].feature));
        assert_int_equal(d->lacks, rows[i].lacks);
        assert_int_equal(d->needs, rows[i].needs);
        assert_int_equal(d->why, LEVEL_LACKS);
    }
    assert_null(drop_of(FEATURE_SSE4_2));
}

static void two_generations_as_by_hand(void **state)
{
    static const struct expect rows[] = {
        {0x0, 0, 0, 0x16},
        {0x1, 0, 0, 0x00050654},
        {0x1, 0, 2, 0x77fefbff}, /* without OSXSAVE */
        {0x7, 0, 0, 0},
        {0x7, 0, 1, 0xd19fbfeb}, /* both, without MPX, SGX and PT */
        {0x7, 0, 2, 0x8},        /* PKU at the same place */
        {0x7, 0, 3, 0xbc000400}, /* with MD_CLEAR, of which one host is enough */
        {0xd, 0, 0, 0x2e7},
        {0xd, 0, 2, 0xa88}, /* protection keys end highest */
        {0xd, 1, 0, 0xf},
        {0xd, 1, 2, 0}, /* PT fell, and its component with it */
        {0xd, 3, 0, 0},
        {0xd, 9, 1, 0xa80},
        {0x80000008, 0, 0, 0x302e},
    };

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    host_of(1, sapphire, COUNT(sapphire));
    level_hosts(2);
    check(rows, COUNT(rows));
    assert_int_equal(drop_of(FEATURE_PROC_TRACE)->why, LEVEL_DIFFERS);
    assert_int_equal(drop_of(FEATURE_PROC_TRACE)->detail, 0x14);
    assert_int_equal(drop_of(FEATURE_MPX)->lacks, 2);
    assert_null(cpu_policy_find(&common, 0x14, 0));
    assert_null(cpu_policy_find(&common, 0x15, 0));
}

static void layout_of_saved_state_counts(void **state)
{
    (void)state;
    host_of(0, milan, COUNT(milan));
    host_of(1, milan, COUNT(milan));
    cpu_policy_set(&hosts[1], 0xd, 9, 1, 0x340);
    level_hosts(2);
    for (unsigned i = 0; i < report.n; i++)
        if (report.drop[i].feature != FEATURE_PKU)
            print_error("%s\n", feature_name(report.drop[i].feature));
    assert_int_equal(report.n, 1);
    assert_int_equal(drop_of(FEATURE_PKU)->why, LEVEL_LAYOUT);
    assert_int_equal(drop_of(FEATURE_PKU)->detail, 9);
    assert_int_equal(cpu_policy_reg(&common, 0xd, 0, 0), 7);
    assert_int_equal(cpu_policy_reg(&common, 0xd, 0, 2), 0x340);
    assert_null(cpu_policy_find(&common, 0xd, 9));
}

/* All hosts have it; it falls because of what one of them lacks. */
static void what_needs_a_lost_feature_falls(void **state)
{
    (void)state;
    host_of(0, skylake, COUNT(skylake));
    host_of(1, skylake, COUNT(skylake));
    cpu_policy_set(&hosts[1], 1, 0, 2, 0x7ffefbff & ~(1u << 28));
    level_hosts(2);
    assert_int_equal(drop_of(FEATURE_AVX)->lacks, 2);
    assert_int_equal(drop_of(FEATURE_AVX2)->lacks, 0);
    assert_int_equal(drop_of(FEATURE_AVX2)->why, LEVEL_NEEDS);
    assert_int_equal(drop_of(FEATURE_AVX2)->needs, FEATURE_AVX);
    assert_int_equal(drop_of(FEATURE_AVX512VL)->why, LEVEL_NEEDS);
    assert_int_equal(drop_of(FEATURE_AVX512VL)->needs, FEATURE_AVX512F);
    assert_true(has(&common, FEATURE_XSAVE));
    assert_int_equal(cpu_policy_reg(&common, 0xd, 0, 0), 0x203 | 0x18);
}

/* MD_CLEAR tells a guest to clear buffers: one host that needs it is enough. */
static void warnings_are_kept_when_one_host_has_them(void **state)
{
    (void)state;
    host_of(0, skylake, COUNT(skylake));
    host_of(1, skylake, COUNT(skylake));
    cpu_policy_set(&hosts[1], 7, 0, 3, 0xbc000000);
    level_hosts(2);
    assert_true(has(&common, FEATURE_MD_CLEAR));
    assert_null(drop_of(FEATURE_MD_CLEAR));
}

/* The leaf that describes a feature is above one host's highest leaf. */
static void what_the_highest_leaf_cuts_falls(void **state)
{
    (void)state;
    host_of(0, sapphire, COUNT(sapphire));
    host_of(1, sapphire, COUNT(sapphire));
    cpu_policy_set(&hosts[1], 0, 0, 0, 0x1a);
    level_hosts(2);
    assert_int_equal(cpu_policy_reg(&common, 0, 0, 0), 0x1a);
    assert_false(has(&common, FEATURE_PCONFIG));
    assert_int_equal(drop_of(FEATURE_PCONFIG)->lacks, 0);
    assert_int_equal(drop_of(FEATURE_PCONFIG)->why, LEVEL_DIFFERS);
    assert_int_equal(drop_of(FEATURE_PCONFIG)->detail, 0x1b);
    assert_true(has(&common, FEATURE_XSAVE));
}

/* Numbers that belong to a lost instruction, and caches of more threads than there are ids. */
static void numbers_fall_with_their_features(void **state)
{
    (void)state;
    host_of(0, milan, COUNT(milan));
    host_of(1, milan, COUNT(milan));
    for (unsigned i = 0; i < 2; i++) {
        cpu_policy_set(&hosts[i], 0x80000008, 0, 1, i == 0 ? 0x18 : 8);
        cpu_policy_set(&hosts[i], 0x80000008, 0, 3, 0x10007);
        cpu_policy_set(&hosts[i], 0x80000008, 0, 2, i == 0 ? 0x700f : 0x3007);
        cpu_policy_set(&hosts[i], 0x8000001d, 3, 0, 0x0003c163);
    }
    level_hosts(2);
    assert_int_equal(cpu_policy_reg(&common, 0x80000008, 0, 3), 0x7);
    assert_int_equal(cpu_policy_reg(&common, 0x80000008, 0, 2) >> 12 & 15, 3);
    assert_int_equal(cpu_policy_reg(&common, 0x8000001d, 3, 0), 0x0001c163);
}

/* What one host of a pool is enough for, the others accept. */
static void warnings_of_one_host_are_accepted_by_all(void **state)
{
    static struct cpu_policy offered[2], most;
    const struct cpu_policy *pool[] = {&offered[0], &offered[1]};
    struct verify_finding found[8];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        host_of(i, milan, COUNT(milan));
        cpu_policy_set(&hosts[i], 0x80000000, 0, 0, 0x80000021);
        cpu_policy_set(&hosts[i], 0x80000021, 0, 0, i == 0 ? 0x22 : 0);
        offer_default(&hosts[i], OFFER_HVM, &offered[i]);
    }
    assert_int_equal(level_pool(pool, 2, &common, NULL), TSP_OK);
    assert_true(has(&common, FEATURE_FS_GS_NS));
    assert_true(has(&common, FEATURE_VERW_CLEAR));
    assert_false(has(&offered[1], FEATURE_FS_GS_NS));
    for (unsigned i = 0; i < 2; i++) {
        offer_max(&hosts[i], OFFER_HVM, &most);
        assert_int_equal(verify_cpu_policy(&common, &most, found, COUNT(found)), 0);
    }
}

static void order_does_not_matter(void **state)
{
    static struct cpu_policy a, b, c;

    (void)state;
    three_generations();
    level_pair(&hosts[0], &hosts[2], &a);
    level_pair(&hosts[2], &hosts[0], &b);
    assert_true(cpu_policy_equal(&a, &b));
    level_pair(&a, &hosts[1], &c);
    assert_true(cpu_policy_equal(&c, &common));
    level_pair(&common, &common, &c);
    assert_true(cpu_policy_equal(&c, &common));
}

static void vendors_do_not_mix_by_themselves(void **state)
{
    const struct cpu_policy *pool[] = {&hosts[0], &hosts[1]};

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    host_of(1, milan, COUNT(milan));
    assert_int_equal(level_pool(pool, 2, &common, &report), TSP_ENOTSUP);
    level_set_vendor(&hosts[0], TSP_VENDOR_AMD);
    assert_int_equal(level_pool(pool, 2, &common, &report), TSP_OK);
    assert_int_equal(cpu_policy_vendor(&common), TSP_VENDOR_AMD);
    /* AMD repeats bits of leaf 1. */
    assert_int_equal(cpu_policy_reg(&common, 0x80000001, 0, 3) & 0x0183f3ff,
                     cpu_policy_reg(&common, 1, 0, 3) & 0x0183f3ff);
    assert_int_equal(level_pool(pool, 0, &common, NULL), TSP_EARG);
}

static void run_time_state_is_not_kept(void **state)
{
    struct tsp_leaf leaf[COUNT(skylake)];

    (void)state;
    memcpy(leaf, skylake, sizeof(leaf));
    leaf[1].reg[1] |= 0x17000000;
    leaf[1].reg[2] |= 1u << 27;
    leaf[5].reg[2] |= 1u << 4;
    host_of(0, leaf, COUNT(leaf));
    assert_int_equal(cpu_policy_reg(&hosts[0], 1, 0, 1), 0x00400800);
    assert_false(has(&hosts[0], FEATURE_OSXSAVE));
    assert_true(has(&hosts[0], FEATURE_XSAVE));
    assert_false(has(&hosts[0], FEATURE_OSPKE));
    assert_true(has(&hosts[0], FEATURE_PKU));
    assert_int_equal(cpu_policy_reg(&hosts[0], 0xd, 0, 1), 0x240);
    /* A bit, not the number of the bit: APIC stays, and so do its neighbours. */
    assert_int_equal(cpu_policy_reg(&hosts[0], 1, 0, 3), 0xbfebfbff);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(three_generations_as_by_hand),
    cmocka_unit_test(three_generations_chain),
    cmocka_unit_test(two_generations_as_by_hand),
    cmocka_unit_test(layout_of_saved_state_counts),
    cmocka_unit_test(what_needs_a_lost_feature_falls),
    cmocka_unit_test(warnings_are_kept_when_one_host_has_them),
    cmocka_unit_test(what_the_highest_leaf_cuts_falls),
    cmocka_unit_test(numbers_fall_with_their_features),
    cmocka_unit_test(warnings_of_one_host_are_accepted_by_all),
    cmocka_unit_test(order_does_not_matter),
    cmocka_unit_test(vendors_do_not_mix_by_themselves),
    cmocka_unit_test(run_time_state_is_not_kept),
};

TEST_MAIN(tests)
