/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V's calls, by the shipped tables. The TLFS has one status for each way in which a caller
 * can be wrong (a reserved bit or a misplaced count: 3; parameters that are not aligned or cross a
 * page: 4), and lets nobody but CPL 0 in protected mode call at all. Shipped code has accepted
 * parameters anywhere, variable headers for calls that have none (torvalds/linux commit
 * 40421f38f637), and gone astray without an interrupt controller (7ec37d1cbe17).
 */
#include "tests/spec/fixture.h"

#define L64 TSP_MODE_LONG64
#define P32 TSP_MODE_PROT32
#define CALL "\x0f\x01\xc1"
#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL
#define DATA 0x12000u
#define IRQCHIP TSP_CFG_IRQCHIP

static const struct tsp_leaf interface[] = {{0x40000001u, 0, 0, {0x31237648u, 0, 0, 0}}};

static struct tsp_event *hv_event(unsigned kind, unsigned mode, uint64_t control, uint64_t in)
{
    struct tsp_event *ev;

    setup_x86_default();
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){interface, 1};
    setup.vcpu[0].x86.nmsr = 1;
    setup.vcpu[0].x86.msr[0] = (struct tsp_msr){0x40000000u, 0x8100000000000001u};
    ev = add_event(kind, mode, CALL, 3);
    if (mode == L64) {
        ev->before.r[TSP_RCX] = control;
        ev->before.r[TSP_RDX] = in;
    } else {
        ev->before.r[TSP_RAX] = (uint32_t)control;
        ev->before.r[TSP_RDX] = control >> 32;
        ev->before.r[TSP_RCX] = (uint32_t)in;
        ev->before.r[TSP_RBX] = in >> 32;
    }
    memcpy(ev->after.r, ev->before.r, sizeof(ev->after.r));
    return ev;
}

static const struct {
    uint16_t mode;
    uint32_t config;
    uint64_t control, in;
    uint16_t want, wrong; /* status */
    const char *rule;
} rows[] = {
    {L64, 0, 0, DATA, 2, 0, "HV-CODE"},
    {L64, 0, 0x7fff, DATA, 2, 3, "HV-CODE"},
    {L64, 0, 2 | 1ull << 27, DATA, 3, 0, "HV-RESERVED"},
    {L64, 0, 8 | 1ull << 63, DATA, 3, 0, "HV-RESERVED"},
    {P32, 0, 3 | 1ull << 44, DATA, 3, 0, "HV-RESERVED"},
    {L64, 0, 2 | 1ull << 17, DATA, 3, 0, "HV-HEADER"},
    {L64, IRQCHIP, 0x1000b | 1ull << 26, 0x40, 3, 0, "HV-HEADER"},
    {L64, 0, 2 | 1ull << 32, DATA, 3, 0, "HV-REP"},
    {L64, 0, 0x13 | 1ull << 59, DATA, 3, 0, "HV-REP"},
    {L64, 0, 3, DATA, 3, 0, "HV-REP-NONE"},
    {L64, 0, 0x14, DATA, 3, 0, "HV-REP-NONE"},
    {L64, 0, 0x10008, 0, 0, 2, "HV-SPIN"},
    {L64, 0, 0x1000b, 0x40, 3, 0, "HV-IPI-NOAPIC"},
    {L64, 0, 2, DATA + 4, 4, 0, "HV-ALIGN"},
    {P32, 0, 2, DATA + 1, 4, 0, "HV-ALIGN"},
    {L64, 0, 3 | 1ull << 32, DATA + 1, 4, 0, "HV-ALIGN-REP"},
    {L64, 0, 0x13, DATA + 1, 4, 0, "HV-ALIGN-SET"},
    {L64, IRQCHIP, 0xb, DATA + 1, 4, 0, "HV-ALIGN-IPI"},
    {L64, 0, 2, DATA + 0xff0, 4, 0, "HV-CROSS"},
    {L64, 0, 3 | 5ull << 32, DATA + 0xff8, 4, 0, "HV-CROSS-REP"},
    {L64, IRQCHIP, 0xb, DATA + 0xff8, 4, 0, "HV-CROSS-IPI"},
};

static void hyperv_statuses(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned bad = 0; bad < 2; bad++) {
            struct tsp_event *ev =
                hv_event(TSP_EV_HYPERCALL, rows[i].mode, rows[i].control, rows[i].in);
            enum verdict v;

            setup.config = rows[i].config;
            ev->after.r[TSP_RAX] = bad ? rows[i].wrong : rows[i].want;
            if (rows[i].mode != L64)
                ev->after.r[TSP_RDX] = 0;
            v = judge_with(s);
            if (v != (bad ? FAIL : PASS) || !finding_of(s, rows[i].rule))
                print_error("row %zu bad %u: %s\n", i, bad, found_text(s));
            assert_int_equal(v, bad ? FAIL : PASS);
            if (bad)
                assert_non_null(finding_of(s, rows[i].rule));
        }
    }
}

/* Aligned parameters may have any status; nothing but the result and the control word changes. */
static void hyperv_keeps_registers(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    ev = hv_event(TSP_EV_HYPERCALL, L64, 2, DATA);
    ev->after.r[TSP_RAX] = 0;
    assert_int_equal(judge_with(s), PASS);
    ev->after.r[TSP_RCX] |= 5ull << 48; /* the rep start of a call to be continued */
    assert_int_equal(judge_with(s), PASS);
    ev->after.r[TSP_R8] ^= 1;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "HV-REGS"));
}

/* Who may call. Elsewhere than in the page that the hypervisor provides, #UD is right for all. */
static void hyperv_callers(void **state)
{
    static const struct {
        uint16_t kind, mode, level;
        uint32_t vector;
        enum verdict want;
        const char *rule;
    } row[] = {
        {TSP_EV_HYPERCALL, L64, 0, 0, PASS, "HV-SPIN"},
        {TSP_EV_HYPERCALL, L64, 3, 0, FAIL, "HV-CPL"},
        {TSP_EV_HYPERCALL, TSP_MODE_VM86, 3, 0, FAIL, "HV-CPL"},
        {TSP_EV_HYPERCALL, TSP_MODE_REAL16, 0, 0, FAIL, "HV-REAL"},
        {TSP_EV_FAULT, L64, 3, 6, PASS, "HV-UD"},
        {TSP_EV_FAULT, L64, 0, 6, PASS, "HV-UD"},
        {TSP_EV_FAULT, L64, 3, 13, FAIL, "HV-UD"},
        {TSP_EV_FAULT, TSP_MODE_REAL16, 0, 6, PASS, "HV-UD"},
    };
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev = hv_event(row[i].kind, row[i].mode, 0x10008, 0);

        ev->before.level = ev->after.level = row[i].level;
        ev->code = row[i].vector;
        if (row[i].kind == TSP_EV_HYPERCALL)
            ev->after.r[TSP_RAX] = ev->after.r[TSP_RDX] = 0;
        else
            ev->after.r[TSP_RSP] -= 40;
        if (judge_with(s) != row[i].want || !finding_of(s, row[i].rule))
            print_error("row %zu %s: %s\n", i, row[i].rule, found_text(s));
        assert_int_equal(judge_with(s), row[i].want);
        assert_non_null(finding_of(s, row[i].rule));
    }
}

static void hyperv_exits(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    ev = hv_event(TSP_EV_STOP, L64, 0x1005d, 7);
    ev->code = TSP_STOP_EXIT;
    assert_int_equal(judge_with(s), PASS);
    ev = hv_event(TSP_EV_STOP, L64, 0x10008, 0);
    ev->code = TSP_STOP_EXIT;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "HV-EXIT-NONE"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(hyperv_statuses),
    cmocka_unit_test(hyperv_keeps_registers),
    cmocka_unit_test(hyperv_callers),
    cmocka_unit_test(hyperv_exits),
};

TEST_MAIN(tests)
