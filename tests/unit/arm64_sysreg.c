/* SPDX-License-Identifier: MIT */
/* System registers: what each level may touch, what is stored, what is UNDEFINED, trapped or not
 * modelled. */
#include "tests/unit/arm64_guest.h"

#define ESR(ec, iss) ((uint64_t)(ec) << 26 | 1u << 25 | (iss))
#define UCI (UINT64_C(1) << 26)
#define UCT (UINT64_C(1) << 15)
#define UMA (UINT64_C(1) << 9)

static void written_registers_read_back(void **state)
{
    static const struct {
        uint32_t write, read;
        uint64_t kept; /* of all ones */
        unsigned level;
    } rows[] = {
        {0xd518c001, 0xd538c000, ~UINT64_C(0x7ff), 1}, /* vbar_el1 */
        {0xd5185201, 0xd5385200, 0xffffffff, 1},       /* esr_el1 */
        {0xd5184021, 0xd5384020, ~UINT64_C(0), 1},     /* elr_el1 */
        {0xd5184001, 0xd5384000, 0xffffffff, 1},       /* spsr_el1 */
        {0xd5184101, 0xd5384100, ~UINT64_C(0), 1},     /* sp_el0 */
        {0xd51bd041, 0xd53bd040, ~UINT64_C(0), 1},     /* tpidr_el0 */
        {0xd51bd041, 0xd53bd040, ~UINT64_C(0), 0},
        {0xd51b4201, 0xd53b4200, 0xf0000000, 0}, /* nzcv */
        {0xd51b4221, 0xd53b4220, 0x3c0, 1},      /* daif */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->r[1] = ~UINT64_C(0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint32_t code[] = {rows[i].write, rows[i].read};

        guest_level(&g, rows[i].level);
        guest_code(&g, code, 2);
        guest_start(&g, 2);
        assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(g.ev.after.r[0], rows[i].kept);
    }
    guest_close(&g);
}

struct id {
    uint32_t word;
    unsigned code;
    uint64_t value;
};

static void id_registers_are_events(void **state)
{
    static const struct id rows[] = {
        {0xd5380000, 0xc000, 0x000f0510}, /* midr_el1 as the set-up says */
        {0xd53800a0, 0xc005, 0x80000003}, /* mpidr_el1 */
        {0xd5380400, 0xc020, 0x00ff0011}, /* id_aa64pfr0_el1: AArch64 only, no FP */
        {0xd5380700, 0xc038, 0x00000022}, /* id_aa64mmfr0_el1 */
        {0xd53807e0, 0xc03f, 0},          /* reserved ones read as zero */
        {0xd53b0020, 0xd801, 0x8444c004}, /* ctr_el0 */
        {0xd53b00e0, 0xd807, 4},          /* dczid_el0 */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.vcpu[0].arm64.midr = 0x000f0510;
    g.setup.vcpu[0].arm64.mpidr = 3;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_word(&g, rows[i].word, 5);
        assert_int_equal(g.ev.kind, TSP_EV_MSR);
        assert_int_equal(g.ev.code, rows[i].code);
        assert_int_equal(g.ev.info[0], rows[i].value);
        assert_int_equal(g.ev.info[1], 0);
        assert_int_equal(g.ev.after.r[0], rows[i].value);
        assert_int_equal(g.ev.after.pc, CODE + 4);
    }
    guest_close(&g);
}

struct refusal {
    uint32_t word;
    unsigned level;
    uint64_t esr;
};

static void forbidden_accesses_fault(void **state)
{
    /* clang-format off */
    static const struct refusal rows[] = {
        {0xd5180001, 1, ESR(0, 0)},             /* msr midr_el1: read-only */
        {0xd5380000, 0, ESR(0, 0)},             /* ID registers at EL0 */
        {0xd538c000, 0, ESR(0, 0)},             /* mrs vbar_el1 at EL0 */
        {0xd5384240, 0, ESR(0, 0)},             /* mrs CurrentEL at EL0 */
        {0xd50040bf, 0, ESR(0, 0)},             /* msr SPSel at EL0 */
        {0xd508751f, 0, ESR(0, 0)},             /* ic iallu at EL0 */
        {0xd53c1100, 1, ESR(0, 0)},             /* mrs hcr_el2 at EL1 */
        {0xd53b5000, 1, ESR(0, 0)},             /* no such register */
        {0xd53b4400, 1, ESR(0, 0)},             /* fpcr: no floating point */
        {0xd500409f, 1, ESR(0, 0)},             /* msr pan, #0: not on this core */
        {0xd50342df, 0, ESR(0x18, 0x0cd3e4)},   /* msr daifset, #2 at EL0 */
        {0xd53b4220, 0, ESR(0x18, 0x32d005)},   /* mrs x0, daif at EL0 */
        {0xd53b0020, 0, ESR(0x18, 0x32c001)},   /* mrs x0, ctr_el0 at EL0 */
        {0xd53be040, 0, ESR(0x18, 0x34f801)},   /* mrs x0, cntvct_el0 at EL0 */
        {0xd50b7521, 0, ESR(0x18, 0x12dc2a)},   /* ic ivau, x1 at EL0 */
    };
    /* clang-format on */
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_level(&g, rows[i].level);
        guest_word(&g, rows[i].word, 1);
        if (g.ev.info[0] != rows[i].esr)
            print_message("%08x\n", rows[i].word);
        assert_int_equal(g.ev.kind, TSP_EV_FAULT);
        assert_int_equal(g.ev.info[0], rows[i].esr);
        assert_int_equal(guest_state(&g).elr_el1, CODE);
    }
    guest_close(&g);
}

static void el0_may_what_el1_permits(void **state)
{
    static const struct {
        uint32_t word;
        bool event;
        uint64_t sctlr, cntkctl;
    } rows[] = {
        {0xd53b0020, true, UCT, 0},  {0xd50b7521, false, UCI, 0}, {0xd50b7e21, false, UCI, 0},
        {0xd53b4220, false, UMA, 0}, {0xd50342df, false, UMA, 0}, {0xd53be040, false, 0, 2},
        {0xd53be000, false, 0, 1},
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_level(&g, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        g.setup.vcpu[0].arm64.sctlr_el1 = rows[i].sctlr;
        g.setup.vcpu[0].arm64.cntkctl_el1 = rows[i].cntkctl;
        guest_word(&g, rows[i].word, 1);
        assert_int_equal(g.ev.kind, rows[i].event ? TSP_EV_MSR : TSP_EV_STOP);
        assert_int_equal(g.ev.after.pc, CODE + 4);
    }
    guest_close(&g);
}

static void registers_outside_the_model_stop(void **state)
{
    static const uint32_t rows[] = {
        0xd5382000, /* mrs x0, ttbr0_el1 */
        0xd5182001, /* msr ttbr0_el1, x1 */
        0xd53b9d00, /* mrs x0, pmccntr_el0 */
        0xd5087801, /* at s1e1r, x1 */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_word(&g, rows[i], 1);
        assert_int_equal(g.ev.kind, TSP_EV_STOP);
        assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
        assert_int_equal(g.ev.after.pc, CODE);
    }
    guest_close(&g);
}

static void switching_the_mmu_on_stops(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->r[1] = 0x30d00801;
    guest_word(&g, 0xd5181001, 1); /* msr sctlr_el1, x1 */
    assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
    guest_regs(&g)->r[1] = 0x30d00800;
    guest_word(&g, 0xd5181001, 1);
    assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
    assert_int_equal(guest_state(&g).sctlr_el1, 0x30d00800);
    guest_close(&g);
}

static void spsel_switches_the_stack_pointer(void **state)
{
    static const uint32_t code[] = {0xd50040bf, 0x910003e0,
                                    0xd5384201}; /* msr spsel, #0; mov x0, sp; mrs x1, spsel */
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.vcpu[0].arm64.sp_el0 = STACK + 0x40;
    guest_code(&g, code, 3);
    guest_start(&g, 3);
    assert_int_equal(g.ev.after.r[0], STACK + 0x40);
    assert_int_equal(g.ev.after.r[1], 0);
    assert_int_equal(g.ev.after.flags, 0x3c4);
    assert_int_equal(guest_state(&g).sp_el1, STACK);
    guest_word(&g, 0xd5384100, 1); /* mrs x0, sp_el0 while in use: after a reset it is not */
    assert_int_equal(g.ev.after.r[0], STACK + 0x40);
    guest_regs(&g)->flags = 0x3c4;
    guest_word(&g, 0xd5384100, 1);
    assert_int_equal(g.ev.info[0], ESR(0, 0));
    guest_close(&g);
}

static void currentel_and_counters_read(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_word(&g, 0xd5384240, 1);
    assert_int_equal(g.ev.after.r[0], 4);
    guest_word(&g, 0xd53be000, 1);
    assert_int_equal(g.ev.after.r[0], 62500000);
    guest_word(&g, 0xd53be040, 1);
    assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
    guest_close(&g);
}

static const struct CMUnitTest table[] = {
    cmocka_unit_test(written_registers_read_back),
    cmocka_unit_test(id_registers_are_events),
    cmocka_unit_test(forbidden_accesses_fault),
    cmocka_unit_test(el0_may_what_el1_permits),
    cmocka_unit_test(registers_outside_the_model_stop),
    cmocka_unit_test(switching_the_mmu_on_stops),
    cmocka_unit_test(spsel_switches_the_stack_pointer),
    cmocka_unit_test(currentel_and_counters_read),
};

TEST_MAIN(table)
