/* SPDX-License-Identifier: MIT */
/*
 * KVM's calls, by the shipped tables: the answer that the documents give passes, every other one
 * fails. Numbers and arguments are 64 bits wide in 64-bit mode only; code at CPL 3 may call
 * nothing, and is told so before its number is looked at.
 */
#include "tests/spec/fixture.h"

#define L64 TSP_MODE_LONG64
#define P32 TSP_MODE_PROT32
#define ENOSYS ((uint64_t)-1000)
#define OPNOTSUPP ((uint64_t)-95)
#define EINVAL22 ((uint64_t)-22)
#define EFAULT14 ((uint64_t)-14)
#define ENFORCE TSP_CFG_ENFORCE_PV
#define F5 (1u << 7)
#define F10 (1u << 11)
#define F11 (1u << 13)

struct call_row {
    uint16_t mode, level;
    uint32_t config, features;
    uint64_t nr, a0, a1, a2, a3;
    uint64_t want;
    const char *rule;
};

static const struct call_row rows[] = {
    {L64, 0, 0, 0, 1, 0, 0, 0, 0, 0, "KVM-POLL"},
    {L64, 0, 0, 0, 0, 0, 0, 0, 0, ENOSYS, "KVM-ENOSYS"},
    {L64, 0, 0, 0, 2, 0, 0, 0, 0, ENOSYS, "KVM-ENOSYS"},
    {L64, 0, 0, 0, 13, 0, 0, 0, 0, ENOSYS, "KVM-ENOSYS"},
    {L64, 0, 0, 0, 0x100000001u, 0, 0, 0, 0, ENOSYS, "KVM-ENOSYS"},
    {P32, 0, 0, 0, 0x100000001u, 0, 0, 0, 0, 0, "KVM-POLL"},
    {TSP_MODE_COMPAT32, 0, 0, 0, 2, 0, 0, 0, 0, ENOSYS, "KVM-ENOSYS"},
    {TSP_MODE_REAL16, 3, 0, 0, 1, 0, 0, 0, 0, 0, "KVM-POLL"},
    {L64, 3, 0, 0, 1, 0, 0, 0, 0, UINT64_MAX, "KVM-CPL"},
    {L64, 3, 0, 0, 99, 0, 0, 0, 0, UINT64_MAX, "KVM-CPL"},
    {P32, 1, 0, 0, 1, 0, 0, 0, 0, UINT64_MAX, "KVM-CPL"},
    {TSP_MODE_VM86, 0, 0, 0, 1, 0, 0, 0, 0, UINT64_MAX, "KVM-CPL"},
    {L64, 0, 0, 0, 5, 0, 77, 0, 0, 0, "KVM-KICK"},
    {L64, 0, ENFORCE, 0, 5, 0, 0, 0, 0, ENOSYS, "KVM-KICK-OFF"},
    {L64, 0, ENFORCE, F5, 5, 0, 0, 0, 0, 0, "KVM-KICK-ON"},
    {L64, 0, ENFORCE | TSP_CFG_HLT_NOEXIT, F5, 5, 0, 0, 0, 0, ENOSYS, "KVM-KICK-HLT"},
    {L64, 0, 0, 0, 9, 0x1000, 0, 0, 0, OPNOTSUPP, "KVM-CLOCK-TSC"},
    {L64, 0, TSP_CFG_HOST_TSC, 0, 9, 0x1000, 1, 0, 0, OPNOTSUPP, "KVM-CLOCK-TYPE"},
    {L64, 0, TSP_CFG_HOST_TSC, 0, 9, 0x1000, 0, 0, 0, 0, "KVM-CLOCK"},
    {L64, 0, TSP_CFG_HOST_TSC, 0, 9, 0x3ffc1, 0, 0, 0, EFAULT14, "KVM-CLOCK-MEM"},
    {L64, 0, TSP_CFG_HOST_TSC, 0, 9, 0x20000, 0, 0, 0, EFAULT14, "KVM-CLOCK-MEM"},
    {L64, 0, TSP_CFG_HOST_TSC, 0, 9, UINT64_MAX, 0, 0, 0, EFAULT14, "KVM-CLOCK-MEM"},
    {P32, 0, TSP_CFG_HOST_TSC, 0, 9, 0x100001000u, 0x100000000u, 0, 0, 0, "KVM-CLOCK"},
    {L64, 0, 0, 0, 10, 1, 0, 0, 0x40, OPNOTSUPP, "KVM-IPI-NOAPIC"},
    {L64, 0, 0, 0, 10, 1, 0, 0, 0x840, EINVAL22, "KVM-IPI-ICR"},
    {L64, 0, TSP_CFG_IRQCHIP, 0, 10, 1, 0, 0, 0x40040, EINVAL22, "KVM-IPI-ICR"},
    {L64, 0, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON, 0, 10, 1, 0, 0, 0x40, 1, "KVM-IPI"},
    {L64, 0, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON, 0, 10, 1, 0, 1, 0x40, 0, "KVM-IPI"},
    {L64, 0, ENFORCE | TSP_CFG_IRQCHIP, 0, 10, 1, 0, 0, 0x40, ENOSYS, "KVM-IPI-OFF"},
    {L64, 0, ENFORCE, F10, 10, 1, 0, 0, 0x40, OPNOTSUPP, "KVM-IPI-NOAP-1"},
    {L64, 0, ENFORCE, F10, 10, 1, 0, 0, 0x80040, EINVAL22, "KVM-IPI-ICR-1"},
    {L64, 0, 0, 0, 11, 9, 0, 0, 0, 0, "KVM-YIELD"},
    {L64, 0, ENFORCE, F11, 11, 9, 0, 0, 0, 0, "KVM-YIELD-ON"},
    {L64, 0, ENFORCE, F5 | F10, 11, 9, 0, 0, 0, ENOSYS, "KVM-YIELD-OFF"},
    {L64, 0, 0, 0, 12, 0x1000, 1, 0, 0, ENOSYS, "KVM-MAP-OFF"},
    {L64, 0, TSP_CFG_EXIT_MAP_GPA, 0, 12, 0x1001, 1, 0, 0, EINVAL22, "KVM-MAP-ALIGN"},
    {L64, 0, TSP_CFG_EXIT_MAP_GPA, 0, 12, 0x1000, 0, 0, 0, EINVAL22, "KVM-MAP-COUNT"},
    {L64, 0, TSP_CFG_EXIT_MAP_GPA, 0, 12, 0x1000, UINT64_MAX, 0, 0, EINVAL22, "KVM-MAP-WRAP"},
    {L64, 0, TSP_CFG_EXIT_MAP_GPA | TSP_CFG_EXIT_RESUME, 0, 12, 0x1000, 1, 16, 0, 0x1234567890u,
     "KVM-MAP-RET"},
};

static struct tsp_leaf block[2];

static struct tsp_event *call_event(const struct call_row *r)
{
    struct tsp_event *ev;
    static const uint8_t rom_byte;
    static const struct tsp_page rom = {0x20000, 1, TSP_PAGE_ROM, &rom_byte};

    setup_x86_default();
    setup.config = r->config;
    setup.exit_ret = 0x1234567890u;
    setup.npage = 1;
    setup.page = &rom;
    setup.npolicy = 1;
    block[0] = (struct tsp_leaf){0x40000100u, 0, 0, {0x40000101u, 0x4b4d564bu, 0x564b4d56u, 0x4d}};
    block[1] = (struct tsp_leaf){0x40000101u, 0, 0, {r->features, 0, 0, 0}};
    setup.policy[0] = (struct tsp_policy){block, 2};
    ev = add_event(TSP_EV_HYPERCALL, r->mode, "\x0f\x01\xc1", 3);
    ev->before.level = r->level;
    ev->before.r[TSP_RAX] = r->nr;
    ev->before.r[TSP_RBX] = r->a0;
    ev->before.r[TSP_RCX] = r->a1;
    ev->before.r[TSP_RDX] = r->a2;
    ev->before.r[TSP_RSI] = r->a3;
    ev->after = ev->before;
    ev->after.pc += 3;
    ev->after.r[TSP_RAX] = r->mode == L64 ? r->want : (uint32_t)r->want;
    return ev;
}

static void documented_results_pass(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum verdict v;

        call_event(&rows[i]);
        v = judge_with(s);
        if (v != VERDICT_PASS || !finding_of(s, rows[i].rule))
            print_error("row %zu %s: %s\n", i, rows[i].rule, found_text(s));
        assert_int_equal(v, VERDICT_PASS);
        assert_non_null(finding_of(s, rows[i].rule));
    }
}

/* Any single bit of the result, of another register, of pc or of the flags. */
static void every_other_result_fails(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            struct tsp_event *ev = call_event(&rows[i]);
            enum verdict v;

            ev->after.r[TSP_RAX] ^= 1ull << bit;
            v = judge_with(s);
            if (v != VERDICT_FAIL)
                print_error("row %zu %s bit %u: %s\n", i, rows[i].rule, bit, found_text(s));
            assert_int_equal(v, VERDICT_FAIL);
            assert_non_null(finding_of(s, rows[i].rule));
        }
    }
    for (unsigned reg = 1; reg < 16; reg++) {
        struct tsp_event *ev = call_event(&rows[0]);

        ev->after.r[reg] ^= 1ull << (3 * reg);
        assert_int_equal(judge_with(s), VERDICT_FAIL);
        assert_non_null(finding_of(s, "KVM-REGS"));
    }
    call_event(&rows[0])->after.pc += 1;
    assert_int_equal(judge_with(s), VERDICT_FAIL);
    call_event(&rows[0])->after.flags ^= 1;
    assert_int_equal(judge_with(s), VERDICT_FAIL);
    call_event(&rows[0])->stored[2] ^= 1;
    assert_int_equal(judge_with(s), VERDICT_FAIL);
}

/* What SEND_IPI sent is what the vCPU does next: an interrupt or an NMI. How many were reached is
 * certain while all local APICs are on. */
static void interrupts_arrive(void **state)
{
    static const struct {
        uint64_t icr, flags, vector, targets;
        const char *fails;
    } row[] = {
        {0x41, 0x200, 0x41, 1, ""},
        {0x41, 0x200, 0x42, 1, "KVM-IPI-TAKEN"},
        {0x41, 0x200, 0, 1, "KVM-IPI-TAKEN"},
        {0x41, 0, 0, 1, ""},
        {0x400, 0x200, 2, 1, ""},
        {0x400, 0x200, 0, 1, "KVM-IPI-TAKEN"},
        {0x41, 0x200, 0, 0, "KVM-IPI"},
        {0xf, 0x200, 0, 1, ""},
    };
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct call_row r = {
            L64, 0, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON, 0, 10, 1, 0, 0, row[i].icr, row[i].targets,
            ""};
        struct tsp_event *ev = call_event(&r);

        setup.vcpu[0].x86.apic_base = ev->sys[TSP_SYS_APIC_BASE] = 0xfee00900;
        ev->before.flags |= row[i].flags;
        ev->after.flags |= row[i].flags;
        ev = add_event(row[i].vector ? TSP_EV_FAULT : TSP_EV_CPUID, L64, "\x0f\xa2", 2);
        ev->code = (uint32_t)row[i].vector;
        ev->before.flags |= row[i].flags;
        judge_with(s);
        for (unsigned k = 0; k < 2; k++) {
            static const char *const rule[] = {"KVM-IPI-TAKEN", "KVM-IPI"};
            const struct finding *f = finding_of(s, rule[k]);

            assert_int_equal(f && f->verdict == VERDICT_FAIL, strcmp(row[i].fails, rule[k]) == 0);
        }
    }
}

/* Features are those of the block that carries KVM's signature, wherever it lies; without one there
 * are none. */
static void features_need_the_signature(void **state)
{
    struct call_row r = {L64, 0, ENFORCE, F5, 5, 0, 0, 0, 0, 0, ""};
    const struct spec *s = spec_builtin();

    (void)state;
    call_event(&r);
    assert_int_equal(judge_with(s), VERDICT_PASS);
    block[0].reg[3] = 0;
    assert_int_equal(judge_with(s), VERDICT_FAIL);
    assert_non_null(finding_of(s, "KVM-KICK-OFF"));
    trace.ev[0].after.r[TSP_RAX] = ENOSYS;
    assert_int_equal(judge_with(s), VERDICT_PASS);
}

static void exits_to_user_space(void **state)
{
    static const struct {
        uint64_t nr, info;
        uint32_t config;
        enum verdict want;
    } row[] = {
        {12, 12, TSP_CFG_EXIT_MAP_GPA, VERDICT_PASS},
        {12, 12, 0, VERDICT_FAIL},
        {12, 11, TSP_CFG_EXIT_MAP_GPA, VERDICT_FAIL},
        {1, 1, TSP_CFG_EXIT_MAP_GPA, VERDICT_FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct call_row r = {L64, 0, row[i].config, 0, row[i].nr, 0x1000, 1, 0, 0, 0, ""};
        struct tsp_event *ev = call_event(&r);

        ev->kind = TSP_EV_STOP;
        ev->code = TSP_STOP_EXIT;
        ev->info[0] = row[i].info;
        ev->after = ev->before;
        assert_int_equal(judge_with(spec_builtin()), row[i].want);
    }
}

/* A guest that told Hyper-V's interface who it is no longer speaks KVM's convention. */
static void hyperv_calls_begin_with_the_guests_name(void **state)
{
    static const struct tsp_leaf leaf[] = {{0x40000001u, 0, 0, {0x31237648u, 0, 0, 0}}};
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){leaf, 1};
    add_event(TSP_EV_HYPERCALL, L64, "\x0f\x01\xc1", 3)->after.r[TSP_RAX] = ENOSYS;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
    setup.vcpu[0].x86.nmsr = 1;
    setup.vcpu[0].x86.msr[0] = (struct tsp_msr){0x40000000u, 0x8100000000000000u};
    assert_int_equal(judge_with(spec_builtin()), VERDICT_FAIL); /* no status of Hyper-V's */
    trace.ev[0].after.r[TSP_RAX] = 2;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
    assert_non_null(finding_of(spec_builtin(), "HV-REGS"));
    setup.vcpu[0].x86.nmsr = 0;
    trace.n = 0;
    ev = add_event(TSP_EV_MSR, L64, "\x0f\x30", 2);
    ev->code = 0x40000000u;
    ev->info[0] = 1;
    ev->info[1] = 1;
    add_event(TSP_EV_HYPERCALL, L64, "\x0f\x01\xc1", 3)->after.r[TSP_RAX] = 2;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
    assert_non_null(finding_of(spec_builtin(), "HV-REGS"));
}

/* Without an interface the instruction is the processor's affair: #UD outside VMX operation (Intel
 * SDM Vol. 3C VMCALL), or whatever somebody below makes of the exit. */
static void bare_calls_are_undefined(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_NONE;
    ev = add_event(TSP_EV_FAULT, L64, "\x0f\x01\xc1", 3);
    ev->code = 6;
    assert_int_equal(judge_with(s), VERDICT_PASS);
    assert_non_null(finding_of(s, "BARE-UD"));
    ev->code = 13;
    assert_int_equal(judge_with(s), VERDICT_FAIL);
    assert_non_null(finding_of(s, "BARE-UD"));
    trace.n = 0;
    ev = add_event(TSP_EV_HYPERCALL, L64, "\x0f\x01\xc1", 3);
    ev->after.r[TSP_RAX] = 0x1234;
    assert_int_equal(judge_with(s), VERDICT_PASS);
    ev->after.level = 3;
    assert_int_equal(judge_with(s), VERDICT_FAIL);
    assert_non_null(finding_of(s, "BARE-CALL"));
}

static void no_persona_is_a_gap(void **state)
{
    (void)state;
    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_GENERIC;
    add_event(TSP_EV_HYPERCALL, L64, "\x0f\x01\xc1", 3);
    assert_int_equal(judge_with(spec_builtin()), VERDICT_GAP);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.f[0].rule, ~0u);
}

/* hits counts each rule whose condition held, whether anybody listens or not. */
static void rules_are_counted(void **state)
{
    const struct spec *s = spec_builtin();
    static unsigned hits[SPEC_MAX_RULE];
    struct spec_options opt = {.caps = TSP_CAP_EXEC, .hits = hits, .least = VERDICT_FAIL};

    (void)state;
    call_event(&rows[0]);
    assert_int_equal(spec_check(s, &setup, &trace, &opt), VERDICT_PASS);
    assert_int_equal(hits[spec_rule_find(s, "KVM-POLL")], 1);
    assert_int_equal(hits[spec_rule_find(s, "KVM-REGS")], 1);
    assert_int_equal(hits[spec_rule_find(s, "KVM-CPL")], 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(documented_results_pass),
    cmocka_unit_test(every_other_result_fails),
    cmocka_unit_test(interrupts_arrive),
    cmocka_unit_test(features_need_the_signature),
    cmocka_unit_test(exits_to_user_space),
    cmocka_unit_test(hyperv_calls_begin_with_the_guests_name),
    cmocka_unit_test(bare_calls_are_undefined),
    cmocka_unit_test(no_persona_is_a_gap),
    cmocka_unit_test(rules_are_counted),
};

TEST_MAIN(tests)
