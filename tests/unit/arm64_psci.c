/* SPDX-License-Identifier: MIT */
/* PSCI (Arm DEN0022): which version has which function, and what power calls do to the vCPUs. */
#include "tests/unit/arm64_guest.h"

#define HVC0 0xd4000002u
#define DOCS "kvm"
#define V61 "kvm@linux-6.1"

#define NOT_SUPPORTED (~UINT64_C(0))
#define INVALID (NOT_SUPPORTED - 1)
#define DENIED (NOT_SUPPORTED - 2)
#define ALREADY_ON (NOT_SUPPORTED - 3)
#define INTERNAL (NOT_SUPPORTED - 5)
#define BAD_ADDRESS (NOT_SUPPORTED - 8)
#define ENTRY (RAM + 0x3000)

static void call(struct guest *g, uint64_t id, uint64_t x1, uint64_t x2, uint64_t x3)
{
    struct tsp_regs *r = guest_regs(g);

    r->r[0] = id;
    r->r[1] = x1;
    r->r[2] = x2;
    r->r[3] = x3;
    guest_word(g, HVC0, 5);
}

struct version_row {
    uint64_t id, x1;
    uint64_t by_version[4]; /* 0.1, 0.2, 1.0, 1.1 */
};

static void versions_have_their_functions(void **state)
{
    static const uint8_t versions[4] = {0x01, 0x02, 0x10, 0x11};
    /* clang-format off */
    static const struct version_row rows[] = {
        {0x84000000, 0, {NOT_SUPPORTED, 2, 0x10000, 0x10001}},
        {0xc4000000, 0, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x84000006, 0, {NOT_SUPPORTED, 2, 2, 2}},
        {0xc4000006, 0, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x84000005, 0, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0xc4000003, 7, {NOT_SUPPORTED, INVALID, INVALID, INVALID}},
        {0xc4000003, 0, {NOT_SUPPORTED, ALREADY_ON, ALREADY_ON, ALREADY_ON}},
        {0x84000004, 0, {NOT_SUPPORTED, 0, 0, 0}},
        {0x8400000a, 0x84000002, {NOT_SUPPORTED, NOT_SUPPORTED, 0, 0}},
        {0x8400000a, 0xffffffff84000002, {NOT_SUPPORTED, NOT_SUPPORTED, 0, 0}},
        {0x8400000a, 0x80000000, {NOT_SUPPORTED, NOT_SUPPORTED, 0, 0}},
        {0x8400000a, 0x8400000a, {NOT_SUPPORTED, NOT_SUPPORTED, 0, 0}},
        {0x8400000a, 0xc4000012, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, 0}},
        {0x8400000a, 0x8400000e, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x8400000a, 0x80000001, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x84000012, 5, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, INVALID}},
        {0x8400000e, 0, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x84000016, 0, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x95c1ba60, 0, {INVALID, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x95c1ba60, 7, {INVALID, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x95c1ba5e, 0, {NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED}},
        {0x80000000, 0, {0x10001, 0x10001, 0x10001, 0x10001}},
    };
    /* clang-format on */
    struct guest g;

    (void)state;
    guest_open(&g, V61);
    for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
        const struct version_row *r = &rows[i / 4];

        g.setup.psci = versions[i % 4];
        call(&g, r->id, r->x1, 0, 0);
        if (g.ev.after.r[0] != r->by_version[i % 4])
            print_message("%x %x version %u\n", (unsigned)r->id, (unsigned)r->x1,
                          (unsigned)(i % 4));
        assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(g.ev.after.r[0], r->by_version[i % 4]);
    }
    guest_close(&g);
}

struct power_row {
    uint64_t id, x1;
    uint8_t psci;
    enum tsp_stop stop;
    uint64_t x0, info;
};

static void power_calls_stop_with_registers_for_a_resume(void **state)
{
    /* clang-format off */
    static const struct power_row rows[] = {
        {0x84000001, 0, 0x11, TSP_STOP_SUSPEND, 0, 0},
        {0xc4000001, 0x10000, 0x02, TSP_STOP_SUSPEND, 0, 0},
        {0x84000002, 0, 0x11, TSP_STOP_OFF, 0, 0},
        {0x95c1ba5f, 0, 0x01, TSP_STOP_OFF, 0, 0},
        {0x84000008, 0, 0x02, TSP_STOP_SHUTDOWN, INTERNAL, 0},
        {0x84000009, 0, 0x10, TSP_STOP_RESET, INTERNAL, 0},
        {0x84000012, 0, 0x11, TSP_STOP_RESET, INTERNAL, 0},
        {0xc4000012, 0x80000000, 0x11, TSP_STOP_RESET, INTERNAL, 0},
        {0x8400000e, ENTRY, 0x10, TSP_STOP_SUSPEND, 0x8400000e, 1},
    };
    /* clang-format on */
    struct guest g;

    (void)state;
    guest_open(&g, V61);
    g.setup.config = TSP_CFG_SYS_SUSPEND;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        g.setup.psci = rows[i].psci;
        call(&g, rows[i].id, rows[i].x1, 0, 0);
        assert_int_equal(g.ev.kind, TSP_EV_STOP);
        assert_int_equal(g.ev.code, rows[i].stop);
        assert_int_equal(g.ev.info[0], rows[i].info);
        assert_int_equal(g.ev.before.pc, CODE);
        assert_int_equal(g.ev.after.pc, CODE + 4);
        assert_int_equal(g.ev.after.r[0], rows[i].x0);
        assert_int_equal(vm_runnable(g.vm), 0);
    }
    guest_close(&g);
}

/* The caller's registers are cut where the call writes no results into them. */
static void shipped_32_bit_forms_cut_registers_in_place(void **state)
{
    static const struct {
        const char *profile;
        uint64_t id, x1, x2;
    } rows[] = {
        {V61, 0x84000012, 0x80000000, 0x22222222},
        {V61, 0xc4000012, 0xdead000080000000, 0x1111111122222222},
        {V61, 0x8400000e, 0x80000000, 0x22222222},
        {DOCS, 0x84000012, 0xdead000080000000, 0x1111111122222222},
    };
    struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_open(&g, rows[i].profile);
        g.setup.config = TSP_CFG_SYS_SUSPEND;
        call(&g, rows[i].id, 0xdead000080000000, 0x1111111122222222, 0);
        assert_int_equal(g.ev.kind, TSP_EV_STOP);
        assert_int_equal(g.ev.after.r[1], rows[i].x1);
        assert_int_equal(g.ev.after.r[2], rows[i].x2);
        guest_close(&g);
    }
}

static void open_pair(struct guest *g, const char *profile, bool second_on)
{
    guest_open(g, profile);
    g->setup.nvcpu = 2;
    g->setup.vcpu[1].run_state = second_on ? TSP_RUN_READY : TSP_RUN_OFF;
}

static void cpu_on_starts_the_other_core_at_its_entry(void **state)
{
    struct tsp_vcpu_state s;
    struct guest g;

    (void)state;
    open_pair(&g, V61, false);
    call(&g, 0xc4000003, 1, ENTRY, 0x1234567890);
    assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
    assert_int_equal(g.ev.after.r[0], 0);
    assert_int_equal(vm_runnable(g.vm), 3);
    assert_int_equal(vm_get_vcpu(g.vm, 1, &s), TSP_OK);
    assert_int_equal(s.regs.pc, ENTRY);
    assert_int_equal(s.regs.r[0], 0x1234567890);
    assert_int_equal(s.regs.r[31], 0);
    assert_int_equal(s.regs.flags, EL1H);
    assert_int_equal(s.regs.level, 1);
    assert_int_equal(s.arm64.mpidr, 0x80000001);
    assert_int_equal(s.arm64.vbar_el1, 0);
    assert_int_equal(vm_run(g.vm, 1, 1, &g.ev), TSP_OK);
    assert_int_equal(g.ev.vcpu, 1);
    assert_int_equal(g.ev.before.pc, ENTRY);
    guest_close(&g);
}

struct pair_row {
    const char *profile;
    bool second_on;
    uint64_t id, x1, x2, x3;
    uint64_t x0;
};

static void calls_that_name_another_core(void **state)
{
    /* clang-format off */
    static const struct pair_row rows[] = {
        {V61, true, 0xc4000003, 1, ENTRY, 0, ALREADY_ON},
        {V61, false, 0xc4000003, 2, ENTRY, 0, INVALID},
        {V61, false, 0xc4000003, 0x1000001, ENTRY, 0, INVALID},
        {V61, false, 0xc4000003, 0xffffff0000000001, ENTRY, 0, INVALID},
        {V61, false, 0x84000003, 0xffffffff00000001, ENTRY, 0, 0},
        {V61, false, 0xc4000003, 1, OUTSIDE, 0, 0},
        {DOCS, false, 0xc4000003, 1, OUTSIDE, 0, BAD_ADDRESS},
        {DOCS, false, 0xc4000003, 1, ENTRY + 2, 0, BAD_ADDRESS},
        {DOCS, false, 0xc4000003, 1, ENTRY, 0, 0},
        {V61, false, 0xc4000004, 1, 0, 0, 1},
        {V61, true, 0xc4000004, 1, 0, 0, 0},
        {V61, false, 0xc4000004, 1, 1, 0, 0},
        {V61, false, 0xc4000004, 0xff, 3, 0, 0},
        {V61, false, 0xc4000004, 1, 4, 0, INVALID},
        {V61, false, 0xc4000004, 5, 0, 0, INVALID},
        {V61, false, 0xc4000004, 1, 0x100000000, 0, INVALID},
        {DOCS, false, 0xc4000004, 1, 0x100000000, 0, 1},
        {V61, false, 0x84000004, 1, 0x100000000, 0, 1},
        {V61, false, 0xc4000004, 0xff00000000000000, 0, 0, INVALID},
        {DOCS, true, 0xc400000e, ENTRY, 0, 0, DENIED},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct pair_row *r = &rows[i];
        struct guest g;

        open_pair(&g, r->profile, r->second_on);
        g.setup.config = TSP_CFG_SYS_SUSPEND;
        call(&g, r->id, r->x1, r->x2, r->x3);
        if (g.ev.after.r[0] != r->x0)
            print_message("row %u\n", (unsigned)i);
        assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(g.ev.after.r[0], r->x0);
        guest_close(&g);
    }
}

static void system_off_stops_every_core(void **state)
{
    struct guest g;

    (void)state;
    open_pair(&g, V61, true);
    call(&g, 0x84000008, 0, 0, 0);
    assert_int_equal(g.ev.code, TSP_STOP_SHUTDOWN);
    assert_int_equal(vm_runnable(g.vm), 0);
    assert_int_equal(vm_run(g.vm, 1, 1, &g.ev), TSP_OK);
    assert_int_equal(g.ev.code, TSP_STOP_SHUTDOWN);
    guest_close(&g);
}

static void suspend_arguments_matter_to_the_document(void **state)
{
    static const struct {
        const char *profile;
        uint64_t state, entry, x0;
    } rows[] = {
        {DOCS, 0x80000000, ENTRY, 0xfffffffe}, /* reserved bit */
        {DOCS, 0x10000, OUTSIDE, 0xfffffff7},  /* power down with a bad entry */
        {V61, 0x80000000, ENTRY, 0},
    };
    struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_open(&g, rows[i].profile);
        call(&g, 0x84000001, rows[i].state, rows[i].entry, 0);
        assert_int_equal(g.ev.kind, rows[i].x0 ? TSP_EV_HYPERCALL : TSP_EV_STOP);
        assert_int_equal(g.ev.after.r[0], rows[i].x0);
        guest_close(&g);
    }
}

/* With a second core each turn is one instruction. */
static void cores_take_turns_instruction_by_instruction(void **state)
{
    struct guest g;

    (void)state;
    open_pair(&g, V61, true);
    guest_word(&g, 0x91000400, 100); /* add x0, x0, #1 */
    assert_int_equal(g.ev.kind, TSP_EV_RETIRE);
    assert_int_equal(g.ev.before.pc, CODE);
    assert_int_equal(g.ev.after.pc, CODE + 4);
    assert_int_equal(le_load(g.ev.fetched, 4), 0x91000400);
    assert_int_equal(vm_runnable(g.vm), 3);
    guest_close(&g);
}

/* DEN0022F SYSTEM_OFF2: types 0 and 1 hibernate, a cookie or another type is refused; PSCI_FEATURES
 * gives the mask of types; all of it from 1.3 on. */
static void hibernation_is_of_psci_1_3(void **state)
{
    static const struct {
        uint64_t id, x1, x2;
        uint8_t psci;
        bool stops;
        uint64_t x0;
    } rows[] = {
        {0x84000015, 0, 0, 0x13, true, INTERNAL},
        {0xc4000015, 1, 0, 0x13, true, INTERNAL},
        {0x84000015, 1, 1, 0x13, false, (uint32_t)-2},
        {0xc4000015, 0, 1ull << 32, 0x13, false, (uint64_t)-2},
        {0x84000015, 0, 1ull << 32, 0x13, true, INTERNAL},
        {0xc4000015, 2, 0, 0x13, false, (uint64_t)-2},
        {0x84000015, 1, 0, 0x12, false, (uint32_t)-1},
        {0x8400000a, 0x84000015, 0, 0x13, false, 1},
        {0x8400000a, 0xc4000015, 0, 0x12, false, (uint32_t)-1},
        {0x84000000, 0, 0, 0x12, false, 0x10002},
        {0x84000000, 0, 0, 0x13, false, 0x10003},
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        g.setup.psci = rows[i].psci;
        call(&g, rows[i].id, rows[i].x1, rows[i].x2, 0);
        assert_int_equal(g.ev.kind, rows[i].stops ? TSP_EV_STOP : TSP_EV_HYPERCALL);
        if (rows[i].stops)
            assert_int_equal(g.ev.code, TSP_STOP_SHUTDOWN);
        assert_int_equal((uint32_t)g.ev.after.r[0], (uint32_t)rows[i].x0);
    }
    guest_close(&g);
}

static const struct CMUnitTest table[] = {
    cmocka_unit_test(versions_have_their_functions),
    cmocka_unit_test(power_calls_stop_with_registers_for_a_resume),
    cmocka_unit_test(hibernation_is_of_psci_1_3),
    cmocka_unit_test(shipped_32_bit_forms_cut_registers_in_place),
    cmocka_unit_test(cpu_on_starts_the_other_core_at_its_entry),
    cmocka_unit_test(calls_that_name_another_core),
    cmocka_unit_test(system_off_stops_every_core),
    cmocka_unit_test(suspend_arguments_matter_to_the_document),
    cmocka_unit_test(cores_take_turns_instruction_by_instruction),
};

TEST_MAIN(table)
