/* SPDX-License-Identifier: MIT */
/*
 * Xen's calls as they are judged: results by number and command, buffers that the set-up tells of,
 * and whose calls they are where a machine offers several interfaces.
 */
#include "tests/spec/fixture.h"

#include "trapspec/bits.h"

#define L64 TSP_MODE_LONG64
#define P32 TSP_MODE_PROT32
#define VMCALL "\x0f\x01\xc1"
#define VMMCALL "\x0f\x01\xd9"
#define DATA 0x12000u
#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL

static const char *rule_of(const struct spec *s, enum verdict v)
{
    struct spec_rule r = {.id = "(gap)"};

    for (unsigned i = 0; i < found.n; i++)
        if (found.f[i].verdict == v)
            spec_rule_at(s, found.f[i].rule, &r);
    return r.id;
}

/* The only instruction of the machine: VMCALL at 0x10000, paging off. */
static struct tsp_event *call_event(unsigned mode, const uint64_t a[4], uint64_t result)
{
    static const uint8_t wide[4] = {TSP_RAX, TSP_RDI, TSP_RSI, TSP_RDX};
    static const uint8_t narrow[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    struct tsp_event *ev;

    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_XEN;
    setup.vcpu[0].regs.pc = 0x10000;
    ev = add_event(TSP_EV_HYPERCALL, mode, VMCALL, 3);
    for (unsigned i = 0; i < 4; i++)
        ev->before.r[mode == L64 ? wide[i] : narrow[i]] = a[i];
    ev->after = ev->before;
    ev->after.pc += 3;
    ev->after.r[TSP_RAX] = result;
    return ev;
}

static const struct {
    unsigned mode, level;
    uint64_t a[4], right, wrong;
    const char *rule;
} rows[] = {
    {L64, 0, {17, 0}, 0x40015, (uint64_t)-38, "XEN-VERSION"},
    {P32, 0, {17, 0}, 0x40015, 0xffffffff, "XEN-VERSION"},
    {L64, 3, {17, 0}, (uint64_t)-1, 0x40015, "XEN-CPL"},
    {P32, 3, {17, 0}, 0xffffffff, 0, "XEN-CPL"},
    {L64, 0, {0x100000011}, (uint64_t)-38, 0x40015, "XEN-ENOSYS"},
    {P32, 0, {0x100000011, 0}, 0x40015, 0xffffffda, "XEN-VERSION"},
    {L64, 0, {11}, (uint64_t)-38, (uint64_t)-1000, "XEN-ENOSYS"},
    {L64, 0, {0x80000011}, (uint64_t)-38, 0x40015, "XEN-ENOSYS-31"},
    {P32, 0, {17, 3, DATA}, 0, 0xfffffff2, "XEN-VER-3"},
    {P32, 0, {17, 3, 0x50000}, 0xfffffff2, 0, "XEN-VER-FAULT"},
    {P32, 0, {17, 7, 0}, 4096, 0, "XEN-VER-PAGE"},
    {L64, 0, {17, 7, DATA}, (uint64_t)-22, 4096, "XEN-VER-PAGE-BUF"},
    {P32, 0, {29, 2, 0x50000}, 0xfffffff2, 0, "XEN-SCHED-FAULT"},
    {L64, 0, {21, 1, 64}, (uint64_t)-22, 0, "XEN-ASSIST-TYPE"},
    {L64, 0, {34, 5, 1}, (uint64_t)-22, 0, "XEN-TLB-ARG"},
    {L64, 0, {24, 3, 0}, 1, 0, "XEN-VCPU-UP"},
    {L64, 0, {24, 3, 0x2000}, (uint64_t)-2, 1, "XEN-VCPU-NONE"},
    {P32, 0, {32, 4, DATA}, 0xffffffea, 0, "XEN-EVT-PORT-0"},
    {L64, 0, {20, 4, DATA}, (uint64_t)-38, 0, "XEN-GRANT-NONE"},
    {L64, 0, {33, 8, DATA}, (uint64_t)-38, 0, "XEN-PHYS-NONE"},
    {P32, 0, {13, DATA, 0}, 0, 0xffffffea, "XEN-MULTI-NONE"},
    {L64, 0, {13, 0x50000, 2}, (uint64_t)-14, 0, "XEN-MULTI-FAULT"},
    {L64, 0, {12, 2, 0}, 0x40, 0, "XEN-MEM-RAM"},
    {P32, 0, {12, 2, 0}, 0x40, 0xffffffda, "XEN-MEM-RAM"},
};

static void results_follow_the_headers(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct tsp_event *ev = call_event(rows[i / 2].mode, rows[i / 2].a,
                                          i & 1 ? rows[i / 2].wrong : rows[i / 2].right);

        ev->before.level = ev->after.level = rows[i / 2].level;
        assert_int_equal(judge_with(s), i & 1 ? FAIL : PASS);
        if (i & 1)
            assert_string_equal(rule_of(s, FAIL), rows[i / 2].rule);
    }
}

/* Behind the first instruction nobody knows what memory holds: both answers are right. */
static void later_buffers_are_open(void **state)
{
    static const uint64_t a[4] = {17, 3, 0x50000};
    const struct spec *s = spec_builtin();

    (void)state;
    call_event(P32, a, 0);
    assert_int_equal(judge_with(s), FAIL);
    setup.vcpu[0].regs.pc = 0xfff0;
    assert_int_equal(judge_with(s), PASS);
    assert_non_null(finding_of(s, "XEN-VER-OPEN"));
}

static void registers_of_arguments_alone_are_clobbered(void **state)
{
    static const uint64_t a[4] = {17};
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned reg = 1; reg < 16; reg++) {
        bool arg =
            reg == TSP_RDI || reg == TSP_RSI || reg == TSP_RDX || (reg >= TSP_R8 && reg <= TSP_R10);

        call_event(L64, a, 0x40015)->after.r[reg] ^= 1;
        assert_int_equal(judge_with(s), arg ? PASS : FAIL);
    }
}

/* The version is the one that CPUID tells. */
static void version_is_that_of_the_leaf(void **state)
{
    static const uint64_t a[4] = {17};
    static const struct tsp_leaf leaf[] = {
        {0x40000100, 0, 0, {0x40000105, 0x566e6558, 0x65584d4d, 0x4d4d566e}},
        {0x40000101, 0, 0, {0x00040011, 0, 0, 0}}};
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned minor = 0x10; minor < 0x13; minor++) {
        call_event(L64, a, 0x40000 | minor);
        setup.hv_base[0] = 0x40000100;
        setup.npolicy = 1;
        setup.policy[0] = (struct tsp_policy){leaf, 2};
        assert_int_equal(judge_with(s), minor == 0x11 ? PASS : FAIL);
    }
}

/* The first of several interfaces has the calls; the other one's rules are silent. */
static void the_first_interface_has_the_calls(void **state)
{
    static const struct {
        uint8_t persona[2];
        uint64_t result;
    } row[] = {{{TSP_PERSONA_XEN, TSP_PERSONA_KVM}, (uint64_t)-38},
               {{TSP_PERSONA_KVM, TSP_PERSONA_XEN}, (uint64_t)-1000},
               {{TSP_PERSONA_XEN, TSP_PERSONA_HYPERV}, (uint64_t)-38}};
    static const uint64_t a[4] = {63};
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev = call_event(L64, a, row[i].result);

        memcpy(setup.persona, row[i].persona, 2);
        assert_int_equal(judge_with(s), PASS);
        ev->after.r[TSP_RAX] = 0;
        assert_int_equal(judge_with(s), FAIL);
    }
}

static void the_other_instruction_is_undefined(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_XEN;
    ev = add_event(TSP_EV_FAULT, L64, VMMCALL, 3);
    ev->code = 6;
    assert_int_equal(judge_with(s), PASS);
    ev->stored[2] = 0xc1;
    assert_int_equal(judge_with(s), FAIL);
    trace.n = 0;
    add_event(TSP_EV_PATCH, L64, VMMCALL, 3);
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "XEN-PATCH"));
    trace.n = 0;
    ev = add_event(TSP_EV_FAULT, L64, VMCALL, 3);
    ev->code = 6;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "XEN-NATIVE"));
}

/* WRMSR at the end of slot `slot` - 1 of the page it asks for; text: what it finds behind it. */
static struct tsp_event *page_event(unsigned slot, const uint8_t text[14])
{
    struct tsp_event *ev;

    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_XEN;
    ev = add_event(TSP_EV_MSR, P32, "\x0f\x30", 2);
    ev->addr = 0x10000 + slot * 32 - 2;
    ev->before.r[TSP_RAX] = 0x10000;
    ev->before.r[TSP_RCX] = 0x40000000;
    ev->before.r[TSP_RDX] = 0;
    ev->after = ev->before;
    ev->code = 0x40000000;
    ev->info[0] = 0x10000;
    ev->info[1] = 1;
    ev->stored[0] = ev->stored[1] = 0xcc;
    memcpy(ev->stored + 2, text, 14);
    return ev;
}

static void the_page_is_looked_at(void **state)
{
    static const uint8_t stub[14] = {0xb8, 17,   0,    0,    0,    0x0f, 0x01,
                                     0xc1, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc};
    static const uint8_t iret[14] = {0x0f, 0x0b, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
                                     0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc};
    static const uint8_t twice[14] = {0x0f, 0x0b, 23, 0, 0, 0x0f, 0x01, 0xc1, 0xc3};
    const struct spec *s = spec_builtin();

    (void)state;
    page_event(17, stub);
    assert_int_equal(judge_with(s), PASS);
    page_event(18, stub);
    assert_int_equal(judge_with(s), FAIL);
    page_event(17, stub)->stored[9] = 0xd9;
    assert_int_equal(judge_with(s), FAIL);
    page_event(23, iret);
    assert_int_equal(judge_with(s), PASS);
    page_event(23, twice);
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "XEN-PAGE"));
    page_event(17, stub)->before.r[TSP_RAX] = 0x10001;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "XEN-PAGE-INDEX"));
}

/* HVC #0xea1: number in X16, no part of the SMC Calling Convention. */
static void hvc_has_a_number_of_its_own(void **state)
{
    static const struct {
        uint64_t nr, x0, result;
        enum verdict want;
    } row[] = {{17, 0, 0x40015, PASS},          {17, 0, (uint64_t)-38, FAIL},
               {17, 7, (uint64_t)-22, PASS},    {63, 0, (uint64_t)-38, PASS},
               {63, 0x84000000, 0x10001, FAIL}, {1ull << 32 | 17, 0, (uint64_t)-38, PASS}};
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;
        uint8_t word[4];

        setup_arm_default();
        setup.persona[0] = TSP_PERSONA_XEN;
        le_store(word, 0xd4000002u | 0xea1u << 5, 4);
        ev = add_event(TSP_EV_HYPERCALL, TSP_MODE_A64, (const char *)word, 4);
        ev->before.level = 1;
        ev->before.r[0] = row[i].x0;
        ev->before.r[1] = 1;
        ev->before.r[16] = row[i].nr;
        ev->after = ev->before;
        ev->after.pc += 4;
        ev->after.r[0] = row[i].result;
        assert_int_equal(judge_with(s), row[i].want);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(results_follow_the_headers),
    cmocka_unit_test(later_buffers_are_open),
    cmocka_unit_test(registers_of_arguments_alone_are_clobbered),
    cmocka_unit_test(version_is_that_of_the_leaf),
    cmocka_unit_test(the_first_interface_has_the_calls),
    cmocka_unit_test(the_other_instruction_is_undefined),
    cmocka_unit_test(the_page_is_looked_at),
    cmocka_unit_test(hvc_has_a_number_of_its_own),
};

TEST_MAIN(tests)
