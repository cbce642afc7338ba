/* SPDX-License-Identifier: MIT */
/*
 * Every predicate with a trace that it passes and one that it fails, and conditions with events
 * inside and outside of them. Each row is a rule of its own, read by the table reader as any other.
 */
#include "tests/spec/rows.h"

static void common_predicates(void **state)
{
    static const struct case_row row[] = {
        {"event=hypercall", "advance", H, L64, CALL, 3, {N1}, {CH_PC, 0x10002}},
        {"event=hypercall", "advance", H, L64, "\x66\x2e" CALL, 5, {N1}, {CH_PC, 0x10003}},
        {"event=hypercall", "advance", H, TSP_MODE_PROT32, CALL, 3, {N1}, {CH_PC, 0x3}},
        {"event=hypercall", "advance", H, TSP_MODE_PROT16, CALL, 3, {{CH_PC, 3}}, {CH_PC, 4}},
        {"event=hypercall", "advance", H, TSP_MODE_REAL16, CALL, 3, {N1}, {CH_PC, 0x104}},
        {"event=hypercall", "advance", H, TSP_MODE_A64, HVC, 4, {N1}, {CH_PC, 0x10000}},
        {"event=hypercall", "regs_kept", H, L64, CALL, 3, {{TSP_RAX, 5}}, {TSP_R15, 5}},
        {"event=hypercall", "regs_kept", H, L64, CALL, 3, {N1}, {CH_FLAGS, 3}},
        {"event=hypercall", "regs_kept", H, L64, CALL, 3, {N1}, {TSP_RSP, 3}},
        {"event=cpuid",
         "regs_kept",
         TSP_EV_CPUID,
         L64,
         "\x0f\xa2",
         2,
         {{TSP_RBX, 1}},
         {TSP_RSI, 1}},
        {"event=fault", "regs_kept", TSP_EV_FAULT, L64, CALL, 3, {{CH_FLAGS, 2}}, {TSP_RAX, 1}},
        {"event=patch", "regs_kept", TSP_EV_PATCH, L64, FOREIGN, 3, {N1}, {TSP_RAX, 1}},
        {"event=hypercall", "regs_kept", H, TSP_MODE_A64, HVC, 4, {{3, 9}}, {4, 9}},
        {"event=hypercall", "regs_kept", H, TSP_MODE_A64, HVC, 4, {{0, 9}}, {31, 9}},
        {"event=fault", "regs_kept", TSP_EV_FAULT, TSP_MODE_A64, HVC, 4, {{31, 9}}, {30, 9}},
        {"event=hypercall", "mode_kept", H, L64, CALL, 3, {N1}, {CH_MODE, TSP_MODE_COMPAT32}},
        {"event=hypercall", "mode_kept", H, L64, CALL, 3, {N1}, {CH_LEVEL, 3}},
        {"event=hypercall", "code_unchanged", H, L64, CALL, 3, {N1}, {CH_STORED, 0x2d9}},
        {"event=fault", "fault(6)", TSP_EV_FAULT, L64, CALL, 3, {{CH_CODE, 6}}, {CH_CODE, 13}},
        {"event=fault", "fault(13)", TSP_EV_FAULT, L64, CALL, 3, {{CH_CODE, 13}}, {CH_INFO0, 8}},
        {"event=fault",
         "fault(14|3)",
         TSP_EV_FAULT,
         L64,
         CALL,
         3,
         {{CH_CODE, 14}, {CH_INFO0, 3}},
         {CH_INFO0, 7}},
        {"event=stop",
         "stop_is(livelock|exit)",
         TSP_EV_STOP,
         L64,
         CALL,
         3,
         {{CH_CODE, TSP_STOP_EXIT}},
         {CH_CODE, TSP_STOP_OFF}},
    };

    (void)state;
    setup_x86_default();
    setup.npolicy = 1; /* an empty one: no leaf is expected to have rows */
    RUN(row);
}

static void call_predicates(void **state)
{
    static const struct case_row row[] = {
        {"event=hypercall",
         "ret(-1000)",
         H,
         L64,
         CALL,
         3,
         {{TSP_RAX, (uint64_t)-1000}},
         {TSP_RAX, 0xfffffc18u}},
        {"event=hypercall",
         "ret(-1000)",
         H,
         TSP_MODE_PROT32,
         CALL,
         3,
         {{TSP_RAX, 0xfffffc18u}},
         {TSP_RAX, (uint64_t)-1000}},
        {"event=hypercall", "ret(0|-1)", H, L64, CALL, 3, {{TSP_RAX, UINT64_MAX}}, {TSP_RAX, 1}},
        {"event=hypercall",
         "ret_exit",
         H,
         L64,
         CALL,
         3,
         {{TSP_RAX, 0x1234567890u}},
         {TSP_RAX, 0x34567890u}},
        {"event=hypercall",
         "ret_exit",
         H,
         TSP_MODE_PROT16,
         CALL,
         3,
         {{TSP_RAX, 0x34567890u}},
         {TSP_RAX, 0x1234567890u}},
        {"event=hypercall", "hv_status(3|4)", H, L64, CALL, 3, {{TSP_RAX, 0x10004}}, {TSP_RAX, 5}},
        {"event=hypercall", "hv_regs", H, L64, CALL, 3, {{TSP_RCX, 1}}, {TSP_RDX, 1}},
        {"event=hypercall", "hv_regs", H, TSP_MODE_PROT32, CALL, 3, {{TSP_RDX, 1}}, {TSP_RCX, 1}},
        {"event=hypercall",
         "upper_zero",
         H,
         L64,
         CALL,
         3,
         {{TSP_RAX, 1}, {TSP_RBX, 1}, {TSP_RCX, 1}, {TSP_RDX, 1}},
         {TSP_RDX, 1ull << 32}},
    };

    (void)state;
    setup_x86_default();
    setup.exit_ret = 0x1234567890u;
    RUN(row);
}

/* vCPUs with ids 5 and 70; the bitmap starts at id 5. What another vCPU made of its APIC is not
 * known. */
static void ipi_targets(void **state)
{
    static const struct {
        unsigned mode, nvcpu;
        uint32_t config;
        uint64_t a0, a1, a2, a3, result;
        enum verdict want;
    } row[] = {
        {L64, 1, TSP_CFG_APIC_ON, 1, 0, 5, 0x40, 1, VERDICT_PASS},
        {L64, 1, TSP_CFG_APIC_ON, 1, 0, 5, 0x40, 0, VERDICT_FAIL},
        {L64, 2, TSP_CFG_APIC_ON, 1, 0, 5, 0x40, 0, VERDICT_PASS},
        {L64, 2, TSP_CFG_APIC_ON, 1, 0, 5, 0x40, 2, VERDICT_FAIL},
        {L64, 2, TSP_CFG_APIC_ON, 1, 2, 5, 0x40, 2, VERDICT_PASS},
        {L64, 1, TSP_CFG_APIC_ON, 2, 1, 5, 0x40, 0, VERDICT_PASS},
        {TSP_MODE_PROT32, 2, TSP_CFG_APIC_ON, 1, 2, 5, 0x40, 1, VERDICT_PASS},
        {TSP_MODE_PROT32, 2, TSP_CFG_APIC_ON, 1, 2, 5, 0x40, 2, VERDICT_FAIL},
        {L64, 1, 0, 1, 0, 5, 0x40, 0, VERDICT_PASS},
        {L64, 2, 0, 1, 0, 5, 0x40, 2, VERDICT_FAIL},
        {L64, 1, TSP_CFG_APIC_ON, 1, 0, 5, 0x8040, 0, VERDICT_PASS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;

        setup_x86_default();
        setup.nvcpu = (uint8_t)row[i].nvcpu;
        setup.config = row[i].config;
        setup.vcpu[0].x86.apic_id = 5;
        setup.vcpu[1].x86.apic_id = 70;
        ev = add_event(H, row[i].mode, CALL, 3);
        ev->before.r[TSP_RBX] = row[i].a0;
        ev->before.r[TSP_RCX] = row[i].a1;
        ev->before.r[TSP_RDX] = row[i].a2;
        ev->before.r[TSP_RSI] = row[i].a3;
        ev->after.r[TSP_RAX] = row[i].result;
        assert_int_equal(verdict_of("event=hypercall", "ret_targets"), row[i].want);
    }
}

static void patch_predicates(void **state)
{
#define P TSP_EV_PATCH
    static const struct case_row row[] = {
        {"event=patch",
         "code_becomes(0f01c1)",
         P,
         L64,
         FOREIGN,
         3,
         {{CH_STORED, 0x2c1}},
         {CH_STORED, 0x2c2}},
        {"event=patch",
         "code_becomes(0f01c1)",
         P,
         L64,
         "\x66" FOREIGN,
         4,
         {{CH_STORED, 0x3c1}},
         {CH_STORED, 0x00f}},
        {"event=patch",
         "patch_at_end",
         P,
         L64,
         FOREIGN,
         3,
         {{CH_INFO0, 0x10000}, {CH_INFO1, 3}},
         {CH_INFO0, 0x0fffd}},
        {"event=patch",
         "patch_at_end",
         P,
         L64,
         "\x66" FOREIGN,
         4,
         {{CH_INFO0, 0x10001}, {CH_INFO1, 3}},
         {CH_INFO0, 0x10000}},
        {"event=patch",
         "patch_at_end",
         P,
         L64,
         FOREIGN,
         3,
         {{CH_INFO0, 0x10002}, {CH_INFO1, 1}},
         {CH_INFO1, 2}},
        {"event=patch",
         "patch_at_end",
         P,
         L64,
         FOREIGN,
         3,
         {{CH_INFO0, 0x10000}, {CH_INFO1, 1}},
         {CH_INFO1, 0}},
        {"event=patch", "retry", P, L64, FOREIGN, 3, {N1}, {CH_PC, 0x10003}},
        {"event=patch", "rf_kept", P, L64, FOREIGN, 3, {{CH_RF, 0}}, {CH_FLAGS, 2}},
    };

    (void)state;
    setup_x86_default();
    RUN(row);
}

static const struct {
    const char *when;
    bool in;
} conditions[] = {
    {"event=hypercall", true},
    {"event=cpuid|hypercall", true},
    {"event=cpuid", false},
    {"event!=cpuid", true},
    {"event=hypercall insn=vmcall", true},
    {"event=hypercall insn=vmmcall|cpuid", false},
    {"event=hypercall insn=none", false},
    {"event=hypercall host=intel call=native", true},
    {"event=hypercall call=foreign", false},
    {"event=hypercall mode=long64", true},
    {"event=hypercall mode=prot32|real16", false},
    {"event=hypercall cpl=0", true},
    {"event=hypercall cpl>0", false},
    {"event=hypercall el=0", true},
    {"event=hypercall policy=rewrite", true},
    {"event=hypercall text=writable", true},
    {"event=hypercall lock=no prefix=none length=ok vcpus=one limit=inside", true},
    {"event=hypercall prefix=ignored", false},
    {"event=hypercall enforce=off irqchip=off hlt=exits", true},
    {"event=hypercall enforce=on", false},
    {"event=hypercall nr=5", true},
    {"event=hypercall nr!=5", false},
    {"event=hypercall nr=1..4|6..9", false},
    {"event=hypercall nr=1..5", true},
    {"event=hypercall nr&4=4", true},
    {"event=hypercall nr&2!=0", false},
    {"event=hypercall a0=ram:64", true},
    {"event=hypercall a0=ram:4096", false},
    {"event=hypercall a1=-1 a0&0xfff!=0", true},
    {"event=hypercall a1=wraps", true},
    {"event=hypercall a1!=wraps", false},
    {"event=hypercall 0x1.-.ecx[31]=1", true},
    {"event=hypercall 0x1.-.ecx[31:30]=3", false},
    {"event=hypercall 0x2.-.ecx[31:30]=0", true},
    {"event=hypercall hv+0x1.-.eax[7]=1", true},
};

/* A rule that never holds shows whether its condition does. */
static void conditions_select_events(void **state)
{
    static const struct tsp_leaf leaf[] = {
        {0x1, 0, 0, {0, 0, 0x80000000u, 0}},
        {0x40000101u, 0, 0, {0x80, 0, 0, 0}},
    };
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    setup.hv_base[0] = 0x40000100u;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){leaf, 2};
    ev = add_event(H, L64, CALL, 3);
    ev->before.r[TSP_RAX] = 5;
    ev->before.r[TSP_RBX] = 0x3f800;
    ev->before.r[TSP_RCX] = UINT64_MAX;
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        enum verdict v = verdict_of(conditions[i].when, "never");

        if (v != (conditions[i].in ? VERDICT_FAIL : VERDICT_GAP))
            print_error("%s: %s\n", conditions[i].when, verdict_name(v));
        assert_int_equal(v, conditions[i].in ? VERDICT_FAIL : VERDICT_GAP);
    }
}

static void never_fails_and_allowed_passes(void **state)
{
    (void)state;
    setup_x86_default();
    add_event(H, L64, CALL, 3);
    assert_int_equal(verdict_of("event=hypercall", "never"), VERDICT_FAIL);
    assert_non_null(strstr(found.f[0].got, "hypercall completed"));
    assert_int_equal(verdict_of("event=hypercall", "allowed"), VERDICT_PASS);
    assert_int_equal(verdict_of("event=hypercall", "allowed never"), VERDICT_FAIL);
}

/* Of all rows before it in the table, none held. */
static void otherwise_is_what_is_left(void **state)
{
    static const char text[] = "T-1, any, event=hypercall nr=5, allowed, doc,\n"
                               "T-2, any, event=hypercall otherwise, never, doc,\n";
    struct build *b = build_open();
    struct tsp_error err = {0};
    struct tsp_event *ev;

    (void)state;
    assert_non_null(b);
    assert_true(build_table(b, "sources", sources, sizeof(sources) - 1, &err));
    assert_true(build_table(b, "patch", text, sizeof(text) - 1, &err));
    assert_true(build_finish(b, &err));
    setup_x86_default();
    ev = add_event(H, L64, CALL, 3);
    ev->before.r[TSP_RAX] = 5;
    assert_int_equal(judge_with(&b->spec), VERDICT_PASS);
    ev->before.r[TSP_RAX] = 6;
    assert_int_equal(judge_with(&b->spec), VERDICT_FAIL);
    free(b);
}

static void scope_asks_for_a_persona(void **state)
{
    static const struct {
        const char *scope;
        uint8_t persona;
        enum verdict want;
    } row[] = {
        {"any", TSP_PERSONA_NONE, VERDICT_FAIL},    {"kvm", TSP_PERSONA_KVM, VERDICT_FAIL},
        {"kvm", TSP_PERSONA_XEN, VERDICT_GAP},      {"kvm", TSP_PERSONA_NONE, VERDICT_GAP},
        {"none", TSP_PERSONA_NONE, VERDICT_FAIL},   {"kvm+none", TSP_PERSONA_NONE, VERDICT_FAIL},
        {"kvm+xen", TSP_PERSONA_XEN, VERDICT_FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct build *b = build_open();
        struct tsp_error err = {0};
        char text[80];
        int n =
            snprintf(text, sizeof(text), "T-1, %s, event=hypercall, never, doc,\n", row[i].scope);

        assert_non_null(b);
        assert_true(build_table(b, "sources", sources, sizeof(sources) - 1, &err));
        assert_true(build_table(b, "patch", text, (size_t)n, &err));
        assert_true(build_finish(b, &err));
        setup_x86_default();
        setup.persona[0] = row[i].persona;
        add_event(H, L64, CALL, 3);
        assert_int_equal(judge_with(&b->spec), row[i].want);
        free(b);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(common_predicates),
    cmocka_unit_test(call_predicates),
    cmocka_unit_test(ipi_targets),
    cmocka_unit_test(patch_predicates),
    cmocka_unit_test(conditions_select_events),
    cmocka_unit_test(never_fails_and_allowed_passes),
    cmocka_unit_test(otherwise_is_what_is_left),
    cmocka_unit_test(scope_asks_for_a_persona),
};

TEST_MAIN(tests)
