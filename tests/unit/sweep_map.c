/* SPDX-License-Identifier: MIT */
/*
 * A sweep judges the head of a stretch and takes its verdict for all leaves behind it that answer
 * the same. Here each leaf is judged by itself and the map compared, around every place where the
 * judging may change, for policies of all sorts and for wrong targets.
 */
#include "tests/test_main.h"

#include "emu/emu.h"
#include "fuzz/run/sweep.h"

#include <stdlib.h>

#define POLICIES 24u
#define NEAR 6u

static uint64_t seed;
static struct sweep_map map;
static struct input_image image;
static struct tsp_setup setup;
static struct scenario scenario;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static void some_policy(void)
{
    static const uint32_t base[] = {0, 0x40000000, 0x40000300, 0x80000000, 0xc0000000};
    static const char *const vendor[] = {"GenuineIntel", "AuthenticAMD", "SomethingElse"};
    const char *text = vendor[rnd(3)];

    input_default(&scenario, TSP_ARCH_X86);
    scenario.policy = INPUT_POLICY_NONE;
    scenario.nleaf = 0;
    for (unsigned b = 0; b < 5; b++) {
        struct tsp_leaf *l = &scenario.leaf[scenario.nleaf];

        if (rnd(4) == 0)
            continue;
        scenario.nleaf++;
        *l = (struct tsp_leaf){.leaf = base[b], .reg = {base[b] + rnd(0x28)}};
        memcpy(&l->reg[1], text, 4);
        memcpy(&l->reg[3], text + 4, 4);
        memcpy(&l->reg[2], text + 8, 4);
        for (uint32_t n = rnd(8); n > 0; n--) {
            l = &scenario.leaf[scenario.nleaf++];
            *l = (struct tsp_leaf){.leaf = base[b] + 1 + rnd(0x28),
                                   .subleaf = rnd(2),
                                   .flags = rnd(2),
                                   .reg = {rnd(16), rnd(16), rnd(16), rnd(16)}};
        }
    }
    input_build(&scenario, NULL, 0, &image, &setup);
}

static const struct sweep_row *row_of(uint32_t leaf)
{
    for (uint32_t i = 0; i < map.n; i++)
        if (!map.row[i].code && map.row[i].first <= leaf && leaf <= map.row[i].last)
            return &map.row[i];
    return NULL;
}

/* The leaf alone is a part of one leaf: nothing to take a verdict from. */
static void compare_leaf(struct sweep *w, uint32_t leaf)
{
    static struct sweep_map one;
    const struct sweep_part part = {.lo = leaf, .hi = leaf};
    const struct sweep_row *r = row_of(leaf);
    struct tsp_event ev;

    memset(&one, 0, sizeof(one));
    w->t->ops->reset(w->t->self, w->setup, &ev);
    assert_true(sweep_leaves(w, &part, &one));
    assert_non_null(r);
    assert_in_range(one.n, 1, 2);
    if (one.row[0].verdict != r->verdict || one.row[0].rule != r->rule ||
        one.row[0].subject != r->subject ||
        memcmp(one.row[0].answer, r->answer, sizeof(r->answer)) != 0)
        fail_msg("leaf 0x%x: verdict %u rule %u alone, %u and %u in the map", leaf,
                 one.row[0].verdict, one.row[0].rule, r->verdict, r->rule);
}

static void one_target(const char *name)
{
    static struct sweep w;
    struct tsp_error err;
    struct target t;

    assert_int_equal(target_open(&t, name, &err), TSP_OK);
    for (unsigned i = 0; i < POLICIES; i++) {
        /* Windows with every place where a class begins, and the entries. */
        static const uint32_t window[] = {0,          0x3fffff00, 0x4000ff00,
                                          0x7fffff00, 0xbfffff00, 0xffffff00};

        some_policy();
        memset(&w, 0, sizeof(w));
        w = (struct sweep){.t = &t, .spec = spec_builtin(), .setup = &setup};
        assert_int_equal(sweep_open(&w), TSP_OK);
        assert_true(w.direct && w.spans_known);
        for (unsigned k = 0; k < sizeof(window) / sizeof(window[0]); k++) {
            const struct sweep_part part = {
                .lo = window[k], .hi = window[k] > 0xfffff000 ? 0xffffffff : window[k] + 0x400};
            struct tsp_event ev;

            memset(&map, 0, sizeof(map));
            t.ops->reset(t.self, &setup, &ev);
            assert_true(sweep_leaves(&w, &part, &map));
            for (uint32_t r = 0; r < map.n; r++)
                if (!map.row[r].code && map.row[r].last - map.row[r].first > NEAR)
                    compare_leaf(&w, map.row[r].first + rnd(NEAR));
            for (uint32_t n = 0; n < 24; n++)
                compare_leaf(&w, part.lo + rnd(part.hi - part.lo + 1));
        }
    }
    target_close(&t);
}

static void every_leaf_has_the_verdict_it_gets_alone(void **state)
{
    static const char *const name[] = {"model:kvm", "model:kvm+mut_hv_basic",
                                       "model:kvm+mut_amd_redirect"};

    (void)state;
    seed = 3;
    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
        one_target(name[i]);
}

static void wrong_targets_are_found_out(void **state)
{
    static const struct {
        const char *target;
        enum input_policy policy;
        bool wrong;
    } row[] = {{"model:kvm", INPUT_POLICY_AMD, false},
               {"model:kvm+mut_amd_redirect", INPUT_POLICY_AMD, true},
               {"model:kvm+mut_hv_basic", INPUT_POLICY_INTEL, true},
               {"model:kvm+mut_osxsave", INPUT_POLICY_INTEL, true},
               {"model:kvm+mut_xsave_stale", INPUT_POLICY_INTEL, true},
               /* Only code shows it. */
               {"model:kvm+mut_upper_half", INPUT_POLICY_INTEL, true}};
    static struct sweep w;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        static struct tsp_leaf base[TSP_MAX_LEAF];
        struct tsp_error err;
        struct target t;
        size_t n;

        assert_int_equal(target_open(&t, row[i].target, &err), TSP_OK);
        input_default(&scenario, TSP_ARCH_X86);
        scenario.cpu |= INPUT_CPU_OSXSAVE;
        scenario.xcr0 = 7;
        scenario.regs_set = 1u << TSP_RBX;
        scenario.regs[TSP_RBX] = 0xffffffff00000000u;
        n = vm_default_policy(row[i].policy == INPUT_POLICY_AMD ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL,
                              TSP_PERSONA_KVM, 0x40000000, base, TSP_MAX_LEAF);
        input_build(&scenario, base, n, &image, &setup);
        w = (struct sweep){.t = &t, .spec = spec_builtin(), .setup = &setup};
        assert_int_equal(sweep_open(&w), TSP_OK);
        memset(&map, 0, sizeof(map));
        for (uint32_t lo = 0; lo < 0xc0000000; lo += 0x40000000) {
            const struct sweep_part some = {.lo = lo, .hi = lo + 0x1000, .random = 8};

            assert_true(sweep_leaves(&w, &some, &map));
        }
        if ((map.target_fail > 0) != row[i].wrong)
            fail_msg("%s: %llu wrong answers", row[i].target, (unsigned long long)map.target_fail);
        assert_int_equal(map.differ, 0);
        target_close(&t);
    }
}

static bool count_ticks(void *ctx, uint64_t asked)
{
    uint64_t *left = ctx;

    if (*left <= asked)
        return false;
    *left -= asked;
    return true;
}

static void subleaves_echo_in_one_row_and_ticks_end_it(void **state)
{
    static struct sweep w;
    static struct tsp_leaf base[TSP_MAX_LEAF];
    struct tsp_error err;
    struct target t;
    uint64_t left = 1000;
    size_t n = vm_default_policy(TSP_VENDOR_INTEL, TSP_PERSONA_KVM, 0x40000000, base, TSP_MAX_LEAF);

    (void)state;
    input_default(&scenario, TSP_ARCH_X86);
    input_build(&scenario, base, n, &image, &setup);
    assert_int_equal(target_open(&t, "model:kvm", &err), TSP_OK);
    w = (struct sweep){.t = &t, .spec = spec_builtin(), .setup = &setup};
    assert_int_equal(sweep_open(&w), TSP_OK);
    memset(&map, 0, sizeof(map));
    assert_true(sweep_subleaves(&w, 0xb, 4096, &map));
    assert_int_equal(map.n, 3);
    assert_true(map.row[2].echo);
    assert_int_equal(map.row[2].first, 2);
    assert_int_equal(map.row[2].last, 0xffffffff);
    assert_int_equal(map.target_fail, 0);
    assert_in_range(map.asked, 4096, 4096 + 512);
    w.tick = count_ticks;
    w.ctx = &left;
    assert_false(sweep_subleaves(&w, 0xb, 4096, &map));
    target_close(&t);
}

/* Field by field: there is padding between them. */
static bool same_row(const struct sweep_row *a, const struct sweep_row *b)
{
    return a->leaf == b->leaf && a->first == b->first && a->last == b->last &&
           a->asked == b->asked && memcmp(a->answer, b->answer, sizeof(a->answer)) == 0 &&
           a->rule == b->rule && a->verdict == b->verdict && a->subject == b->subject &&
           a->echo == b->echo && a->code == b->code;
}

static void joined_maps_are_those_of_one_run(void **state)
{
    static struct sweep w;
    static struct sweep_map whole, rest;
    static struct tsp_leaf base[TSP_MAX_LEAF];
    struct tsp_error err;
    struct target t;
    size_t n = vm_default_policy(TSP_VENDOR_AMD, TSP_PERSONA_KVM, 0x40000000, base, TSP_MAX_LEAF);

    (void)state;
    input_default(&scenario, TSP_ARCH_X86);
    input_build(&scenario, base, n, &image, &setup);
    assert_int_equal(target_open(&t, "model:kvm", &err), TSP_OK);
    w = (struct sweep){.t = &t, .spec = spec_builtin(), .setup = &setup};
    for (uint32_t cut = 1; cut < 0x40; cut += 5) {
        const struct sweep_part all = {.lo = 0, .hi = 0x1fff, .random = 0},
                                a = {.lo = 0, .hi = cut}, b = {.lo = cut + 1, .hi = 0x1fff};

        assert_int_equal(sweep_open(&w), TSP_OK);
        memset(&whole, 0, sizeof(whole));
        memset(&map, 0, sizeof(map));
        memset(&rest, 0, sizeof(rest));
        assert_true(sweep_leaves(&w, &all, &whole));
        assert_true(sweep_leaves(&w, &a, &map));
        assert_true(sweep_leaves(&w, &b, &rest));
        sweep_join(&map, &rest);
        assert_int_equal(map.n, whole.n);
        for (uint32_t i = 0; i < whole.n; i++)
            assert_true(same_row(&map.row[i], &whole.row[i]));
        assert_int_equal(map.asked, whole.asked);
        assert_int_equal(map.asked, 0x2000);
    }
    target_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_leaf_has_the_verdict_it_gets_alone),
    cmocka_unit_test(wrong_targets_are_found_out),
    cmocka_unit_test(subleaves_echo_in_one_row_and_ticks_end_it),
    cmocka_unit_test(joined_maps_are_those_of_one_run),
};

TEST_MAIN(tests)
