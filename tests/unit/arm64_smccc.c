/* SPDX-License-Identifier: MIT */
/*
 * Calls by HVC and SMC under the documents and as shipped. Arm DEN0028: W0 names the function,
 * immediate 0, results of 32-bit functions are 32 bits wide, what holds no result is kept. Shipped
 * KVM writes X0 to X3 with 64-bit values, never looks at the immediate of HVC, and up to 6.11
 * refuses SMC.
 */
#include "tests/unit/arm64_guest.h"

#define HVC(imm) (0xd4000002u | (uint32_t)(imm) << 5)
#define SMC(imm) (0xd4000003u | (uint32_t)(imm) << 5)
#define DOCS "kvm"
#define V61 "kvm@linux-6.1"
#define V612 "kvm@linux-6.12"

#define ALL (~UINT64_C(0))
#define MINUS1W UINT64_C(0xffffffff)
#define MINUS2 (ALL - 1)
#define K(i) (UINT64_C(0xaaaa000000000000) | (i)) /* what X(i) holds before */
#define KEPT K(1), K(2), K(3)
#define ZEROS 0, 0, 0

struct row {
    const char *profile;
    uint32_t word;
    uint64_t x0, x1; /* x1 0: K(1) */
    uint64_t out[4];
};

/* clang-format off */
static const struct row rows[] = {
    /* discovery */
    {DOCS, HVC(0), 0x80000000, 0, {0x10001, KEPT}},
    {DOCS, SMC(0), 0x80000000, 0, {0x10001, KEPT}},
    {DOCS, HVC(0), 0xdeadbeef80000000, 0, {0x10001, KEPT}},
    {V61, HVC(0), 0x80000000, 0, {0x10001, ZEROS}},
    {V61, SMC(0), 0x80000000, 0, {ALL, KEPT}},
    {V612, SMC(0), 0x80000000, 0, {0x10001, ZEROS}},
    {V612, SMC(1), 0x80000000, 0, {ALL, KEPT}},
    /* unknown, by width; reserved bits */
    {DOCS, HVC(0), 0x8000ffff, 0, {MINUS1W, KEPT}},
    {DOCS, HVC(0), 0xc000ffff, 0, {ALL, KEPT}},
    {DOCS, HVC(0), 0x80010000, 0, {MINUS1W, KEPT}},
    {V61, HVC(0), 0x8000ffff, 0, {ALL, ZEROS}},
    {V61, HVC(0), 0x8601ff01, 0, {ALL, ZEROS}},
    {V61, HVC(0), 0xc600ff01, 0, {ALL, ZEROS}},
    {V61, HVC(0), 1, 0, {ALL, ZEROS}},
    /* immediates */
    {DOCS, HVC(1), 0x80000000, 0, {MINUS1W, KEPT}},
    {DOCS, SMC(0xffff), 0x80000000, 0, {MINUS1W, KEPT}},
    {V61, HVC(0xffff), 0x80000000, 0, {0x10001, ZEROS}},
    /* features: workaround 1 not required, the others not there */
    {DOCS, HVC(0), 0x80000001, 0x80000000, {0, 0x80000000, K(2), K(3)}},
    {V61, HVC(0), 0x80000001, 0x80000000, {ALL, ZEROS}},
    {V61, HVC(0), 0x80000001, 0x80008000, {1, ZEROS}},
    {V61, HVC(0), 0x80000001, 0xdead000080008000, {1, ZEROS}},
    {V61, HVC(0), 0x80000001, 0x80007fff, {ALL, ZEROS}},
    {V61, HVC(0), 0x80000001, 0xc5000020, {0, ZEROS}},
    {V61, HVC(0), 0x80000001, 0xc5000021, {ALL, ZEROS}},
    /* workarounds */
    {DOCS, HVC(0), 0x80008000, 0, {0x80008000, KEPT}},
    {DOCS, HVC(0), 0x80007fff, 0, {MINUS1W, KEPT}},
    {V61, HVC(7), 0x80008000, 0, {0, 0, K(2), K(3)}},
    {V61, HVC(0), 0x80007fff, 0, {0, 0, K(2), K(3)}},
    {V61, HVC(0), 0xffffffff80003fff, 0, {0, 0, K(2), K(3)}},
    {V612, SMC(0), 0x80008000, 0, {ALL, ZEROS}},
    /* the vendor's range */
    {DOCS, HVC(0), 0x8600ff01, 0, {0xb66fb428, 0xe911c52e, 0x564bcaa9, 0x743a004d}},
    {DOCS, HVC(0), 0x86000000, 0, {3, ZEROS}},
    {V61, HVC(0), 0x8600ff00, 0, {ALL, ZEROS}},
    {V61, HVC(0), 0x86000001, 2, {ALL, ZEROS}},
    {DOCS, HVC(0), 0x86000001, 2, {MINUS1W, 2, K(2), K(3)}},
    /* random numbers */
    {V61, HVC(0), 0x84000050, 0, {0x10000, ZEROS}},
    {DOCS, HVC(0), 0x84000052, 0, {0x00e0210d, 0xeb118443, 0x44527080, 0x4c5a4e55}},
    {DOCS, HVC(0), 0x84000051, 0xffff000084000053, {0, 0xffff000084000053, K(2), K(3)}},
    {V61, HVC(0), 0x84000051, 0xffff000084000053, {ALL, ZEROS}},
    {V61, HVC(0), 0x84000051, 0xc4000053, {0, ZEROS}},
    {V61, HVC(0), 0x84000051, 0x84000054, {ALL, ZEROS}},
    {V61, HVC(0), 0x84000053, 97, {MINUS2, ZEROS}},
    {DOCS, HVC(0), 0x84000053, 97, {0xfffffffe, ZEROS}},
    {V61, HVC(0), 0xc4000053, 193, {MINUS2, ZEROS}},
    {V61, HVC(0), 0xc4000053, 0x100000000, {0, ZEROS}},
    {DOCS, HVC(0), 0xc4000053, 0x100000000, {MINUS2, ZEROS}},
    /* stolen time without a base */
    {V61, HVC(0), 0xc5000020, 0xc5000020, {ALL, ZEROS}},
    {DOCS, HVC(0), 0xc5000020, 0xc5000020, {0, 0xc5000020, K(2), K(3)}},
    {DOCS, HVC(0), 0xc5000020, 0xc5000021, {ALL, 0xc5000021, K(2), K(3)}},
    {DOCS, HVC(0), 0xc5000021, 0, {ALL, KEPT}},
};
/* clang-format on */

static void call(struct guest *g, uint32_t word, uint64_t x0, uint64_t x1)
{
    for (unsigned i = 1; i < 31; i++)
        guest_regs(g)->r[i] = K(i);
    guest_regs(g)->r[0] = x0;
    if (x1 != 0)
        guest_regs(g)->r[1] = x1;
    guest_word(g, word, 5);
}

static void check_results(struct guest *g, const uint64_t out[4])
{
    assert_int_equal(g->ev.kind, TSP_EV_HYPERCALL);
    assert_int_equal(g->ev.after.pc, CODE + 4);
    assert_int_equal(g->ev.after.flags, EL1H);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(g->ev.after.r[i], out[i]);
    for (unsigned i = 4; i < 31; i++)
        assert_int_equal(g->ev.after.r[i], K(i));
}

static void every_call_answers_by_its_profile(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct guest g;

        guest_open(&g, rows[i].profile);
        call(&g, rows[i].word, rows[i].x0, rows[i].x1);
        if (g.ev.after.r[0] != rows[i].out[0])
            print_message("%s %x\n", rows[i].profile, (unsigned)rows[i].x0);
        check_results(&g, rows[i].out);
        guest_close(&g);
    }
}

static void without_a_hypervisor_calls_are_undefined(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, DOCS);
    g.setup.persona[0] = TSP_PERSONA_NONE;
    call(&g, HVC(0), 0x80000000, 0);
    assert_int_equal(g.ev.kind, TSP_EV_FAULT);
    call(&g, SMC(0), 0x80000000, 0);
    assert_int_equal(g.ev.kind, TSP_EV_FAULT);
    guest_close(&g);
}

/* There is one EL2, and a range of ids has one owner (Arm DEN0028, Function Identifier Ranges):
 * what the first persona does not offer is not there, whatever the second one could do. */
static void the_first_of_two_personas_has_every_call(void **state)
{
    enum { KVM = TSP_PERSONA_KVM, XEN = TSP_PERSONA_XEN, NONE = TSP_PERSONA_NONE };
    static const struct {
        uint8_t first, second;
        uint64_t x0, x1, out;
    } pairs[] = {
        {XEN, KVM, 0x80000000, 0, 0x10002},
        {KVM, XEN, 0x80000000, 0, 0x10001},
        {XEN, KVM, 0x80000001, 0x80008000, MINUS1W},
        {KVM, XEN, 0x80000001, 0x80008000, 1},
        {XEN, KVM, 0x80008000, 0, MINUS1W},
        {KVM, XEN, 0x80008000, 0, 0x80008000},
        {XEN, KVM, 0x80007fff, 1, MINUS1W},
        {XEN, KVM, 0x80003fff, 0, MINUS1W},
        {XEN, KVM, 0xc5000020, 0xc5000020, ALL},
        {KVM, XEN, 0xc5000020, 0xc5000020, 0},
        {XEN, KVM, 0xc5000021, 0, ALL},
        {XEN, KVM, 0x86000000, 0, MINUS1W},
        {XEN, KVM, 0x8600ff01, 0, MINUS1W},
        {KVM, XEN, 0x8600ff01, 0, 0xb66fb428},
        {XEN, KVM, 0x8500ff01, 0, 0xdc1218a7},
        {KVM, XEN, 0x8500ff01, 0, MINUS1W},
        {XEN, KVM, 0x86000001, 0, MINUS1W},
        {XEN, KVM, 0x84000050, 0, MINUS1W},
        {XEN, KVM, 0x84000051, 0x84000050, MINUS1W},
        {XEN, KVM, 0x84000052, 0, MINUS1W},
        {XEN, KVM, 0x84000053, 32, MINUS1W},
        {XEN, KVM, 0xc4000053, 64, ALL},
        {KVM, XEN, 0x84000050, 0, 0x10000},
        {XEN, KVM, 0x84000000, 0, 0x10001},
        {NONE, KVM, 0x84000050, 0, 0x10000},
        {NONE, XEN, 0x8500ff01, 0, 0xdc1218a7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct guest g;

        guest_open(&g, DOCS);
        g.setup.persona[0] = pairs[i].first;
        g.setup.persona[1] = pairs[i].second;
        call(&g, HVC(0), pairs[i].x0, pairs[i].x1);
        if (g.ev.after.r[0] != pairs[i].out)
            print_message("row %u: %x\n", (unsigned)i, (unsigned)pairs[i].x0);
        assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(g.ev.after.r[0], pairs[i].out);
        guest_close(&g);
    }
}

/* PSCI 0.1 left the ids to whoever implements it. */
static void ids_of_psci_0_1_are_kvms(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, DOCS);
    g.setup.psci = 0x01;
    call(&g, HVC(0), 0x95c1ba5f, 0);
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    g.setup.persona[0] = TSP_PERSONA_XEN;
    call(&g, HVC(0), 0x95c1ba5f, 0);
    assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
    assert_int_equal(g.ev.after.r[0], MINUS1W);
    guest_close(&g);
}

static void bitmaps_switch_services_off(void **state)
{
    static const struct {
        unsigned word;
        uint32_t bits;
        uint64_t x0, x1, out;
    } maps[] = {
        {0, 0, 0x84000050, 0, ALL},
        {0, 0, 0x84000052, 0, ALL},
        {0, 0, 0xc4000053, 1, ALL},
        {0, 0, 0x84000000, 0, 0x10001},
        {1, 0, 0x80000001, 0xc5000020, ALL},
        {1, 0, 0xc5000021, 0, ALL},
        {1, 0, 0x84000050, 0, 0x10000},
        {2, 0, 0x8600ff01, 0, ALL},
        {2, 0, 0x86000000, 0, ALL},
        {2, 1, 0x86000001, 0, ALL},
        {2, 1, 0x86000000, 0, 1},
        {2, 2, 0x8600ff01, 0, ALL},
        {2, 0, 0x80000000, 0, 0x10001},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        struct guest g;

        guest_open(&g, V61);
        g.setup.fw_bitmap[maps[i].word] = maps[i].bits;
        g.setup.config = TSP_CFG_PVTIME;
        g.setup.pvtime_ipa = DATA;
        call(&g, HVC(0), maps[i].x0, maps[i].x1);
        assert_int_equal(g.ev.after.r[0], maps[i].out);
        guest_close(&g);
    }
}

static void workaround_levels_are_announced(void **state)
{
    static const struct {
        uint32_t id;
        uint64_t by_level[4];
    } levels[3] = {
        {0x80008000, {ALL, 0, 1, ALL}},
        {0x80007fff, {ALL, ALL, 0, MINUS2}},
        {0x80003fff, {ALL, 0, 1, ALL}},
    };
    struct guest g;

    (void)state;
    guest_open(&g, V61);
    for (unsigned i = 0; i < 12; i++) {
        g.setup.workaround[i / 4] = i % 4;
        call(&g, HVC(0), 0x80000001, levels[i / 4].id);
        assert_int_equal(g.ev.after.r[0], levels[i / 4].by_level[i % 4]);
    }
    guest_close(&g);
}

static void stolen_time_lies_where_user_space_put_it(void **state)
{
    static const uint8_t junk[80] = {[0] = 1, [63] = 2, [64] = 3};
    struct guest g;

    (void)state;
    guest_open(&g, V61);
    g.setup.config = TSP_CFG_PVTIME;
    g.setup.pvtime_ipa = DATA;
    g.page[1] = (struct tsp_page){.gpa = DATA, .len = sizeof(junk), .data = junk};
    g.setup.npage = 2;
    call(&g, HVC(0), 0xc5000020, 0xc5000021);
    assert_int_equal(g.ev.after.r[0], 0);
    call(&g, HVC(0), 0xc5000021, 0);
    assert_int_equal(g.ev.after.r[0], DATA);
    assert_int_equal(guest_load(&g, DATA, 8), 0);
    assert_int_equal(guest_load(&g, DATA + 56, 8), 0);
    assert_int_equal(guest_load(&g, DATA + 64, 1), 3);
    g.setup.pvtime_ipa = OUTSIDE;
    call(&g, HVC(0), 0xc5000021, 0);
    assert_int_equal(g.ev.after.r[0], OUTSIDE);
    guest_close(&g);
}

static void random_numbers_have_their_width_and_repeat(void **state)
{
    struct guest g;
    uint64_t first;

    (void)state;
    guest_open(&g, V61);
    call(&g, HVC(0), 0x84000053, 33);
    assert_int_equal(g.ev.after.r[0], 0);
    assert_int_equal(g.ev.after.r[1], 0);
    assert_true(g.ev.after.r[2] <= 1);
    assert_true(g.ev.after.r[3] <= 0xffffffff && g.ev.after.r[3] != 0);
    call(&g, HVC(0), 0xc4000053, 192);
    first = g.ev.after.r[3];
    assert_true(first > 0xffffffff);
    assert_true(g.ev.after.r[1] != 0 && g.ev.after.r[2] != 0);
    call(&g, HVC(0), 0xc4000053, 192);
    assert_int_equal(g.ev.after.r[3], first);
    guest_close(&g);
}

static void clock_reads_advance(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, V61);
    for (unsigned counter = 0; counter < 2; counter++) {
        call(&g, HVC(0), 0x86000001, UINT64_C(0xffffffff00000000) | counter);
        assert_int_equal(g.ev.after.r[0] << 32 | g.ev.after.r[1], 1577836800000000000);
        assert_int_equal(g.ev.after.r[2], 0);
    }
    guest_close(&g);
}

static void mutants_differ(void **state)
{
    static const struct {
        const char *name;
        uint64_t x0, out;
    } mutants[] = {
        {V61 "+arm_mut_alias", 0x8601ff01, 0xb66fb428},
        {V61 "+arm_mut_unknown", 0x8000ffff, 0},
        {V61 "+arm_mut_bitmap", 0x84000050, 0x10000},
    };
    struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        guest_open(&g, mutants[i].name);
        g.setup.fw_bitmap[0] = 0;
        call(&g, HVC(0), mutants[i].x0, 0);
        assert_int_equal(g.ev.after.r[0], mutants[i].out);
        guest_close(&g);
    }
    guest_open(&g, V61 "+arm_mut_clobber+arm_mut_el0");
    guest_level(&g, 0);
    call(&g, HVC(0), 0x80000000, 0);
    assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
    assert_int_not_equal(g.ev.after.r[4], K(4));
    guest_close(&g);
}

static const struct CMUnitTest table[] = {
    cmocka_unit_test(every_call_answers_by_its_profile),
    cmocka_unit_test(without_a_hypervisor_calls_are_undefined),
    cmocka_unit_test(the_first_of_two_personas_has_every_call),
    cmocka_unit_test(ids_of_psci_0_1_are_kvms),
    cmocka_unit_test(bitmaps_switch_services_off),
    cmocka_unit_test(workaround_levels_are_announced),
    cmocka_unit_test(stolen_time_lies_where_user_space_put_it),
    cmocka_unit_test(random_numbers_have_their_width_and_repeat),
    cmocka_unit_test(clock_reads_advance),
    cmocka_unit_test(mutants_differ),
};

TEST_MAIN(table)
