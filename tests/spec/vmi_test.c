/* SPDX-License-Identifier: MIT */
/*
 * VMI's calls as they are judged: which call an instruction is depends on where it lies in the ROM
 * that the hypervisor laid over memory, and on what the guest was told of relocations before.
 */
#include "tests/spec/fixture.h"

#define VMCALL "\x0f\x01\xc1"
#define ROM 0xc8000u
#define RELOC 0x101u
#define NOWHERE 0x1ffu
#define ARITH 0x8d5u
#define IF 0x200u

static struct tsp_leaf policy[] = {
    {0x0, 0, 0, {0x1, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x306f2, 0, 0x80000000u, 0x21}},
};

static void machine(void)
{
    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_VMI;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){policy, sizeof(policy) / sizeof(policy[0])};
}

static struct tsp_event *in_rom(unsigned kind, uint32_t off, uint32_t eax)
{
    struct tsp_event *ev = add_event(kind, TSP_MODE_PROT32, VMCALL, 3);

    ev->addr = ev->before.pc = ROM + off;
    ev->text[0] = ev->text[1] =
        TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_FETCH | TSP_TEXT_OVERLAY;
    ev->before.r[TSP_RAX] = eax;
    ev->sys[TSP_SYS_CR0] = 0x11;
    ev->sys[TSP_SYS_CR3] = 0x8000;
    ev->sys[TSP_SYS_CR4] = 0x10;
    ev->after = ev->before;
    if (kind == TSP_EV_HYPERCALL)
        ev->after.pc += 3;
    return ev;
}

/* The guest asks where call nr is: right at 32 bytes a call. */
static void told(uint32_t nr)
{
    struct tsp_event *ev = in_rom(TSP_EV_HYPERCALL, 0x88, nr);

    ev->after.r[TSP_RAX] = ROM + 0x100 + 32 * nr;
    ev->after.r[TSP_RDX] = 1;
}

#define HC TSP_EV_HYPERCALL
#define ST TSP_EV_STOP
#define FT TSP_EV_FAULT
static const struct {
    uint32_t call; /* RELOC, or its number */
    unsigned kind, code;
    uint32_t eax, result, edx, flags, now;
    const char *rule;
} rows[] = {
    {RELOC, HC, 0, 5, 0, 0, 2, 2, NULL},
    {RELOC, HC, 0, 5, 0, 3, 2, 2, NULL},
    {RELOC, HC, 0, 5, 0, 4, 2, 2, "VMI-RELOC"},
    {RELOC, HC, 0, 5, 0, 0x101, 2, 2, "VMI-RELOC"},
    {RELOC, HC, 0, 5, 0, 2, 2, 2, "VMI-RELOC-IRET"},
    {RELOC, HC, 0, 33, 0xc8000, 2, 2, 2, NULL},
    {RELOC, HC, 0, 74, 0xc8000, 1, 2, 2, "VMI-RELOC-NO"},
    {RELOC, FT, 6, 5, 5, 0, 2, 2, "VMI-FAULT"},
    {19, HC, 0, 1, 0x11, 0, 2, 2, NULL},
    {19, HC, 0, 1, 0x10, 0, 2, 2, "VMI-CR0"},
    {21, HC, 0, 1, 0x8000, 0, 2, 2, NULL},
    {21, HC, 0, 1, 0, 0, 2, 2, "VMI-CR3"},
    {22, HC, 0, 1, 0x30, 0, 2, 2, "VMI-CR4"},
    {19, HC, 0, 1, 0x11, 0, 2, 2 | ARITH, NULL},
    {19, HC, 0, 1, 0x11, 0, 2, 2 | IF, "VMI-STEP"},
    {29, HC, 0, 1, 1, ~0u, 2, 2 | IF, NULL},
    {29, HC, 0, 1, 1, ~0u, 2, 2, "VMI-ON"},
    {29, HC, 0, 1, 0, ~0u, 2, 2 | IF, "VMI-STEP"},
    {30, HC, 0, 1, 1, ~0u, 2 | IF, 2, NULL},
    {30, HC, 0, 1, 1, ~0u, 2 | IF, 2 | IF, "VMI-OFF"},
    {31, HC, 0, 1, 0x200, ~0u, 2 | IF, 2 | IF, NULL},
    {31, HC, 0, 1, 0x202, ~0u, 2 | IF, 2 | IF, "VMI-MASK"},
    {31, HC, 0, 1, 0x200, 7, 2 | IF, 2 | IF, "VMI-STEP"},
    {32, HC, 0, 0x200, 0x200, ~0u, 2, 2 | IF, NULL},
    {32, HC, 0, 0x200, 0x200, ~0u, 2, 2, "VMI-SET"},
    {32, HC, 0, 0, 0, ~0u, 2 | IF, 2 | IF, "VMI-CLEAR"},
    {35, ST, TSP_STOP_HALT, 1, 1, ~0u, 2, 2, NULL},
    {35, HC, 0, 1, 1, ~0u, 2, 2, "VMI-HALT"},
    {35, ST, TSP_STOP_RESET, 1, 1, ~0u, 2, 2, "VMI-HALT-END"},
    {36, ST, TSP_STOP_RESET, 1, 1, ~0u, 2, 2, NULL},
    {36, HC, 0, 1, 1, ~0u, 2, 2, "VMI-REBOOT"},
    {36, ST, TSP_STOP_SHUTDOWN, 1, 1, ~0u, 2, 2, "VMI-RESET"},
    {37, ST, TSP_STOP_SHUTDOWN, 1, 1, ~0u, 2, 2, NULL},
    {37, HC, 0, 1, 1, ~0u, 2, 2, "VMI-SHUTDOWN"},
    {37, ST, TSP_STOP_RESET, 1, 1, ~0u, 2, 2, "VMI-OFF-END"},
    {2, FT, 13, 1, 1, ~0u, 2, 2, NULL},
    {2, FT, 6, 1, 1, ~0u, 2, 2, "VMI-GP"},
    {29, FT, 13, 1, 1, ~0u, 2, 2, "VMI-FAULT"},
    {29, ST, TSP_STOP_HALT, 1, 1, ~0u, 2, 2, "VMI-GOES-ON"},
    {NOWHERE, HC, 0, 1, 7, 7, 2, 2, NULL},
};

static void calls_are_judged(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool reloc = rows[i].call == RELOC, nowhere = rows[i].call == NOWHERE;
        struct tsp_event *ev;
        enum verdict v;

        machine();
        if (!reloc && !nowhere)
            told(rows[i].call);
        ev = in_rom(rows[i].kind,
                    reloc     ? 0x88
                    : nowhere ? 0xf00
                              : 0x100 + 32 * rows[i].call,
                    rows[i].eax);
        ev->code = rows[i].code;
        ev->before.flags = rows[i].flags;
        ev->after.flags = rows[i].now;
        ev->after.r[TSP_RAX] = rows[i].result;
        if (rows[i].edx != ~0u)
            ev->after.r[TSP_RDX] = rows[i].edx;
        if (rows[i].kind == FT)
            ev->after.r[TSP_RAX] = ev->before.r[TSP_RAX];
        v = judge_with(s);
        if (v != (rows[i].rule ? VERDICT_FAIL : VERDICT_PASS))
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(v, rows[i].rule ? VERDICT_FAIL : VERDICT_PASS);
        if (rows[i].rule)
            assert_non_null(finding_of(s, rows[i].rule));
    }
}

/* The last rule that failed. */
static const char *failed(const struct spec *s)
{
    static struct spec_rule r;

    r.id = "none";
    for (unsigned i = 0; i < found.n; i++)
        if (found.f[i].verdict == VERDICT_FAIL)
            spec_rule_at(s, found.f[i].rule, &r);
    return r.id;
}

static void cpuid_answers_as_the_policy(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tsp_event *ev;

        machine();
        told(0);
        ev = in_rom(HC, 0x100, 0);
        ev->after.r[TSP_RAX] = policy[0].reg[0];
        ev->after.r[TSP_RBX] = policy[0].reg[1] ^ (i == 1);
        ev->after.r[TSP_RCX] = policy[0].reg[2];
        ev->after.r[TSP_RDX] = policy[0].reg[3];
        ev->after.r[TSP_RSI] ^= i == 2;
        if (judge_with(s) != (i == 0 ? VERDICT_PASS : VERDICT_FAIL))
            fail_msg("answer %u: %s", i, found_text(s));
        if (i != 0)
            assert_string_equal(failed(s), i == 1 ? "VMI-CPUID" : "VMI-STEP");
    }
}

/* Where somebody else has the calls, and outside the ROM, none of this is said. */
static void other_code_is_left_alone(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tsp_event *ev;

        machine();
        if (i == 0)
            setup.persona[0] = TSP_PERSONA_KVM;
        ev = in_rom(HC, 0x88, 5);
        ev->after.r[TSP_RDX] = 9;
        if (i == 1)
            ev->text[0] = ev->text[1] = TSP_TEXT_KNOWN;
        if (i == 2)
            ev->before.mode = ev->after.mode = TSP_MODE_LONG64;
        judge_with(s);
        assert_null(finding_of(s, "VMI-RELOC"));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(calls_are_judged),
    cmocka_unit_test(cpuid_answers_as_the_policy),
    cmocka_unit_test(other_code_is_left_alone),
};

TEST_MAIN(tests)
