/* SPDX-License-Identifier: MIT */
/* Exceptions as the guest's own vectors see them: ESR_EL1, ELR_EL1, SPSR_EL1, FAR_EL1, vector
 * offset, PSTATE. */
#include "tests/unit/arm64_guest.h"

#define ESR(ec, iss) ((uint64_t)(ec) << 26 | 1u << 25 | (iss))
#define EL1T_STATE UINT64_C(0x3c4)

struct row {
    uint32_t word;
    uint64_t x1;
    uint64_t esr, esr_el0; /* 0: no exception */
    unsigned elr;          /* from CODE */
    bool far;              /* FAR_EL1 = x1 */
};

/* clang-format off */
static const struct row rows[] = {
    {0xd4000841, 0, ESR(0x15, 0x42), ESR(0x15, 0x42), 4, false},   /* svc #0x42 */
    {0xd42000e0, 0, ESR(0x3c, 7), ESR(0x3c, 7), 0, false},         /* brk #7 */
    {0x00000007, 0, ESR(0, 0), ESR(0, 0), 0, false},               /* udf #7 */
    {0xd4000006, 0, ESR(0, 0), ESR(0, 0), 0, false},               /* hvc with bit 2 set */
    {0xd4400000, 0, ESR(0, 0), ESR(0, 0), 0, false},               /* hlt */
    {0xffffffff, 0, ESR(0, 0), ESR(0, 0), 0, false},
    {0xd4000002, 0, 0, ESR(0, 0), 0, false},                       /* hvc */
    {0xd4000003, 0, 0, ESR(0, 0), 0, false},                       /* smc */
    {0xd69f03e0, 0, 0, ESR(0, 0), 0, false},                       /* eret */
    {0xd503207f, 0, 0, ESR(1, 0x1e00000), 0, false},               /* wfi */
    {0xd503205f, 0, 0, ESR(1, 0x1e00001), 0, false},               /* wfe */
    {0xf9400020, DATA + 4, ESR(0x25, 0x21), ESR(0x24, 0x21), 0, true}, /* unaligned ldr */
    {0xf9000020, DATA + 1, ESR(0x25, 0x61), ESR(0x24, 0x61), 0, true}, /* unaligned str */
    {0xa9400c20, DATA + 4, ESR(0x25, 0x21), ESR(0x24, 0x21), 0, true}, /* unaligned ldp */
    {0xc87f9020, DATA + 8, ESR(0x25, 0x21), ESR(0x24, 0x21), 0, true}, /* ldaxp needs 16 */
    {0xd50b7421, DATA, ESR(0x25, 0x61), ESR(0x18, 0x12dc28), 0, false}, /* dc zva */
};
/* clang-format on */

static void check_entry(struct guest *g, const struct row *r, unsigned level)
{
    struct tsp_arm64_state a = guest_state(g);
    uint64_t pstate = level == 0 ? EL0T : EL1H;
    unsigned offset = level == 0 ? 0x400 : 0x200;

    assert_int_equal(g->ev.kind, TSP_EV_FAULT);
    assert_int_equal(g->ev.code, offset);
    assert_int_equal(g->ev.info[0], level == 0 ? r->esr_el0 : r->esr);
    assert_int_equal(a.esr_el1, g->ev.info[0]);
    assert_int_equal(a.elr_el1, CODE + r->elr);
    assert_int_equal(a.spsr_el1, pstate);
    assert_int_equal(g->ev.before.pc, CODE);
    assert_int_equal(g->ev.after.pc, VECTORS + offset);
    assert_int_equal(g->ev.after.flags, EL1H);
    assert_int_equal(g->ev.after.level, 1);
    assert_int_equal(g->ev.after.r[31], level == 0 ? STACK + 0x100 : STACK);
    if (r->far)
        assert_int_equal(a.far_el1, r->x1);
}

static void each_cause_has_its_syndrome(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i / 2];
        unsigned level = i & 1;

        if ((level == 0 ? r->esr_el0 : r->esr) == 0)
            continue;
        guest_level(&g, level);
        guest_regs(&g)->r[1] = r->x1;
        guest_regs(&g)->r[31] = STACK;
        g.setup.vcpu[0].arm64.sp_el0 = STACK;
        g.setup.vcpu[0].arm64.sp_el1 = STACK + 0x100;
        guest_word(&g, r->word, 5);
        check_entry(&g, r, level);
    }
    guest_close(&g);
}

static void flags_survive_and_interrupts_are_masked(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->flags = 0xa0000000 | 5; /* N, C; nothing masked */
    guest_word(&g, 0xd4000001, 1);
    assert_int_equal(g.ev.after.flags, 0xa0000000 | EL1H);
    assert_int_equal(guest_state(&g).spsr_el1, 0xa0000005);
    guest_close(&g);
}

static void el1_with_sp_el0_uses_the_first_vectors(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->flags = EL1T_STATE;
    guest_regs(&g)->r[31] = STACK + 0x40;
    guest_word(&g, 0x00000000, 1);
    assert_int_equal(g.ev.code, 0);
    assert_int_equal(g.ev.after.pc, VECTORS);
    assert_int_equal(g.ev.after.r[31], STACK);
    assert_int_equal(guest_state(&g).sp_el0, STACK + 0x40);
    assert_int_equal(guest_state(&g).spsr_el1, EL1T_STATE);
    guest_close(&g);
}

struct fetch {
    uint64_t to;
    uint64_t esr;
};

static void code_that_cannot_be_fetched_aborts_at_its_address(void **state)
{
    static const struct fetch rows_el1[] = {
        {CODE + 2, ESR(0x22, 0)},           {OUTSIDE, ESR(0x21, 0x10)},
        {RAM + (1 << 20), ESR(0x21, 0x10)}, {~UINT64_C(3), ESR(0x21, 0x10)},
        {OUTSIDE + 1, ESR(0x22, 0)},
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows_el1) / sizeof(rows_el1[0]); i++) {
        guest_level(&g, 1);
        guest_regs(&g)->r[1] = rows_el1[i].to;
        guest_word(&g, 0xd61f0020, 5); /* br x1 */
        assert_int_equal(g.ev.kind, TSP_EV_FAULT);
        assert_int_equal(g.ev.info[0], rows_el1[i].esr);
        assert_int_equal(g.ev.info[1], rows_el1[i].to);
        assert_int_equal(guest_state(&g).elr_el1, rows_el1[i].to);
        assert_int_equal(g.ev.len, 0);
    }
    guest_level(&g, 0);
    guest_regs(&g)->r[1] = OUTSIDE;
    guest_word(&g, 0xd61f0020, 5);
    assert_int_equal(g.ev.info[0], ESR(0x20, 0x10));
    guest_close(&g);
}

struct ret {
    uint64_t spsr, flags, sp;
    unsigned level;
};

static void eret_restores_what_spsr_says(void **state)
{
    static const struct ret rets[] = {
        {0x3c5, 0x3c5, STACK, 1},           {0x3c4, 0x3c4, STACK + 0x40, 1},
        {0x0, 0x0, STACK + 0x40, 0},        {0xf00003c0, 0xf00003c0, STACK + 0x40, 0},
        {0x602003c5, 0x600003c5, STACK, 1}, /* SS is not in force */
        {0x1d3, 0x1001c5, STACK, 1},        /* AArch32 */
        {0x3c9, 0x1003c5, STACK, 1},        /* EL2 */
        {0x800003c1, 0x801003c5, STACK, 1}, /* reserved */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.vcpu[0].arm64.sp_el0 = STACK + 0x40;
    g.setup.vcpu[0].arm64.elr_el1 = CODE + 64;
    for (size_t i = 0; i < sizeof(rets) / sizeof(rets[0]); i++) {
        g.setup.vcpu[0].arm64.spsr_el1 = rets[i].spsr;
        guest_word(&g, 0xd69f03e0, 1);
        assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(g.ev.after.pc, CODE + 64);
        assert_int_equal(g.ev.after.flags, rets[i].flags);
        assert_int_equal(g.ev.after.level, rets[i].level);
        assert_int_equal(g.ev.after.r[31], rets[i].sp);
    }
    guest_close(&g);
}

static void an_illegal_return_faults_on_the_next_instruction(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.vcpu[0].arm64.elr_el1 = CODE + 64;
    g.setup.vcpu[0].arm64.spsr_el1 = 0x3c9;
    guest_word(&g, 0xd69f03e0, 5);
    assert_int_equal(g.ev.kind, TSP_EV_FAULT);
    assert_int_equal(g.ev.info[0], ESR(0x0e, 0));
    assert_int_equal(guest_state(&g).elr_el1, CODE + 64);
    assert_int_equal(guest_state(&g).spsr_el1, 0x1003c5);
    assert_int_equal(g.ev.after.flags, EL1H);
    guest_close(&g);
}

static void a_misaligned_stack_pointer_faults_when_asked_for(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->r[31] = STACK + 8;
    guest_word(&g, 0xf94003e0, 1); /* ldr x0, [sp] */
    assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
    g.setup.vcpu[0].arm64.sctlr_el1 = 1 << 3; /* SA */
    guest_word(&g, 0xf94003e0, 1);
    assert_int_equal(g.ev.info[0], ESR(0x26, 0));
    guest_close(&g);
}

/* Vectors outside RAM: the abort at the vector takes the same vector again. */
static void vectors_that_cannot_be_fetched_end_as_livelock(void **state)
{
    struct guest g;
    unsigned n = 0;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.vcpu[0].arm64.vbar_el1 = OUTSIDE & ~UINT64_C(0x7ff);
    guest_word(&g, 0, 1);
    for (; g.ev.kind == TSP_EV_FAULT && n < 1000; n++)
        assert_int_equal(vm_run(g.vm, 0, 1000, &g.ev), TSP_OK);
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    assert_int_equal(g.ev.code, TSP_STOP_LIVELOCK);
    assert_int_equal(vm_runnable(g.vm), 0);
    guest_close(&g);
}

static void wfi_at_el1_halts_behind_itself(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_word(&g, 0xd503207f, 5);
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    assert_int_equal(g.ev.code, TSP_STOP_HALT);
    assert_int_equal(g.ev.before.pc, CODE);
    assert_int_equal(g.ev.after.pc, CODE + 4);
    guest_close(&g);
}

static void instructions_outside_the_subset_stop_with_their_bytes(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_word(&g, 0x1e602820, 5); /* fadd d0, d1, d0 */
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
    assert_int_equal(g.ev.len, 4);
    assert_int_equal(le_load(g.ev.fetched, 4), 0x1e602820);
    assert_int_equal(g.ev.after.pc, CODE);
    guest_close(&g);
}

/* Every 16-bit slice of the word space at both levels: an event or a normal end, never more than
 * the budget. */
static void any_word_ends_within_the_budget(void **state)
{
    struct guest g;
    uint32_t word = 1;

    (void)state;
    guest_open(&g, "kvm@linux-6.1");
    for (unsigned i = 0; i < 20000; i++) {
        word = word * 1664525u + 1013904223u;
        guest_level(&g, i & 1);
        for (unsigned r = 0; r < 31; r++)
            guest_regs(&g)->r[r] = r % 3 == 0 ? DATA + 16 * (uint64_t)r : (uint64_t)word * (r + 1);
        guest_word(&g, word ^ i << 16, 4);
        assert_true(g.ev.kind != TSP_EV_NONE);
        assert_true(vm_retired(g.vm) <= 4);
        assert_true((g.ev.after.flags & 0x1f) ==
                    (g.ev.after.level == 0 ? 0u : 4u | (g.ev.after.flags & 1)));
    }
    guest_close(&g);
}

static const struct CMUnitTest table[] = {
    cmocka_unit_test(each_cause_has_its_syndrome),
    cmocka_unit_test(flags_survive_and_interrupts_are_masked),
    cmocka_unit_test(el1_with_sp_el0_uses_the_first_vectors),
    cmocka_unit_test(code_that_cannot_be_fetched_aborts_at_its_address),
    cmocka_unit_test(eret_restores_what_spsr_says),
    cmocka_unit_test(an_illegal_return_faults_on_the_next_instruction),
    cmocka_unit_test(a_misaligned_stack_pointer_faults_when_asked_for),
    cmocka_unit_test(vectors_that_cannot_be_fetched_end_as_livelock),
    cmocka_unit_test(wfi_at_el1_halts_behind_itself),
    cmocka_unit_test(instructions_outside_the_subset_stop_with_their_bytes),
    cmocka_unit_test(any_word_ends_within_the_budget),
};

TEST_MAIN(table)
