/* SPDX-License-Identifier: MIT */
/*
 * lguest's calls as they are judged. What differs from every other hypervisor: a call is a software
 * interrupt, of CPL 1 alone; the first one has to be LGUEST_INIT; and a call that is wrong has no
 * error code but ends the guest. Some releases rewrite VMCALL, over the bytes of the native
 * instruction of the processor below.
 */
#include "tests/spec/fixture.h"

#define INT "\xcd\x1f"
#define VMCALL "\x0f\x01\xc1"
#define GP 13u
#define UD 6u

/* Of the last trace judged. */
static enum verdict worst(void)
{
    enum verdict v = VERDICT_PASS;

    for (unsigned i = 0; i < found.n; i++)
        v = found.f[i].verdict > v ? found.f[i].verdict : v;
    return v;
}

static void machine(unsigned patch)
{
    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_LGUEST;
    setup.patch = (uint8_t)patch;
}

static struct tsp_event *event(unsigned kind, unsigned level, const char *bytes, unsigned len,
                               uint32_t nr)
{
    struct tsp_event *ev = add_event(kind, TSP_MODE_PROT32, bytes, len);

    ev->before.level = level;
    ev->before.r[TSP_RAX] = nr;
    ev->after = ev->before;
    if (kind == TSP_EV_HYPERCALL)
        ev->after.pc += ev->len;
    return ev;
}

/* LGUEST_INIT with data that are there. */
static void init(void)
{
    event(TSP_EV_HYPERCALL, 1, INT, 2, 1)->before.r[TSP_RBX] = 0x2000;
    trace.ev[trace.n - 1].after.r[TSP_RBX] = 0x2000;
}

#define HC TSP_EV_HYPERCALL
#define ST TSP_EV_STOP
#define NONE TSP_STOP_BUDGET
static const struct {
    bool first; /* LGUEST_INIT was not called before */
    unsigned kind, stop;
    uint32_t nr, ebx, ecx, edx;
    const char *rule; /* that is broken; NULL: right */
} rows[] = {
    {true, HC, NONE, 1, 0x2000, 0, 0, NULL},
    {true, HC, NONE, 0, 0, 0, 0, "LG-FIRST"},
    {true, ST, TSP_STOP_SHUTDOWN, 0, 0, 0, 0, NULL},
    {true, ST, TSP_STOP_RESET, 2, 0, 2, 0, "LG-FIRST-END"},
    {true, HC, NONE, 1, 0x7ffff000, 0, 0, "LG-INIT-BAD"},
    {true, ST, TSP_STOP_SHUTDOWN, 1, 0x7ffff000, 0, 0, NULL},
    {true, ST, TSP_STOP_HALT, 1, 0x2000, 0, 0, "LG-INIT-END"},
    {false, HC, NONE, 1, 0x2000, 0, 0, "LG-INIT-AGAIN"},
    {false, HC, NONE, 0, 0, 0, 0, NULL},
    {false, ST, TSP_STOP_SHUTDOWN, 0, 0, 0, 0, "LG-PLAIN-END"},
    {false, HC, NONE, 2, 0, 1, 0, "LG-SHUTDOWN"},
    {false, ST, TSP_STOP_SHUTDOWN, 2, 0, 1, 0, NULL},
    {false, ST, TSP_STOP_RESET, 2, 0, 1, 0, "LG-OFF"},
    {false, ST, TSP_STOP_RESET, 2, 0, 2, 0, NULL},
    {false, ST, TSP_STOP_SHUTDOWN, 2, 0, 2, 0, "LG-RESTART"},
    {false, ST, TSP_STOP_HALT, 10, 0, 0, 0, NULL},
    {false, HC, NONE, 10, 0, 0, 0, "LG-HALT"},
    {false, ST, TSP_STOP_SHUTDOWN, 10, 0, 0, 0, "LG-HALT-END"},
    {false, ST, TSP_STOP_EXIT, 17, 0x1000, 0, 0, NULL},
    {false, HC, NONE, 17, 0x1000, 0, 0, NULL},
    {false, ST, TSP_STOP_SHUTDOWN, 17, 0x1000, 0, 0, NULL},
    {false, ST, TSP_STOP_EXIT, 16, 0, 0, 0, "LG-EXIT"},
    {false, HC, NONE, 20, 0, 0, 0, "LG-UNKNOWN"},
    {false, HC, NONE, 0xffffffffu, 0, 0, 0, "LG-UNKNOWN"},
    {false, ST, TSP_STOP_HALT, 20, 0, 0, 0, "LG-UNKNOWN-END"},
    {false, HC, NONE, 6, 256, 0, 0x8e00, "LG-IDT-NUM"},
    {false, HC, NONE, 6, 14, 0, 0x8e00, NULL},
    {false, HC, NONE, 6, 14, 0, 0x8c00, "LG-IDT-TYPE"},
    {false, HC, NONE, 6, 8, 0, 0x8c00, NULL},
    {false, ST, TSP_STOP_SHUTDOWN, 6, 8, 0, 0x8c00, "LG-IDT-END"},
    {false, ST, TSP_STOP_SHUTDOWN, 6, 14, 0, 0x8f00, "LG-IDT-GATE"},
    {false, ST, TSP_STOP_SHUTDOWN, 6, 14, 0, 0, "LG-IDT-NONE"},
    {false, HC, NONE, 7, 0x69, 0, 1, NULL},
    {false, HC, NONE, 7, 0x68, 0, 1, "LG-STACK-PL"},
    {false, HC, NONE, 7, 0x69, 0, 3, "LG-STACK-PAGES"},
    {false, HC, NONE, 18, 31, 0, 0, NULL},
    {false, HC, NONE, 18, 32, 0, 0, "LG-GDT-NUM"},
    {false, ST, TSP_STOP_HALT, 18, 32, 0, 0, "LG-GDT-END"},
    {false, ST, TSP_STOP_RESET, 4, 0, 0, 0, "LG-SEND-END"},
};

static void calls_are_judged(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tsp_event *ev;
        enum verdict v;

        machine(TSP_PATCH_REWRITE);
        if (!rows[i].first)
            init();
        ev = event(rows[i].kind, 1, INT, 2, rows[i].nr);
        ev->before.r[TSP_RBX] = ev->after.r[TSP_RBX] = rows[i].ebx;
        ev->before.r[TSP_RCX] = ev->after.r[TSP_RCX] = rows[i].ecx;
        ev->before.r[TSP_RDX] = ev->after.r[TSP_RDX] = rows[i].edx;
        ev->code = rows[i].kind == ST ? rows[i].stop : 0;
        v = judge_with(s);
        if (v != (rows[i].rule ? VERDICT_FAIL : VERDICT_PASS))
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(v, rows[i].rule ? VERDICT_FAIL : VERDICT_PASS);
        if (rows[i].rule)
            assert_non_null(finding_of(s, rows[i].rule));
    }
}

static void a_call_changes_nothing_else(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tsp_event *ev;

        machine(TSP_PATCH_REWRITE);
        init();
        ev = event(HC, 1, INT, 2, 5);
        if (i == 0)
            ev->after.pc--;
        else if (i == 1)
            ev->after.r[TSP_RBX] ^= 1;
        else if (i == 2)
            ev->after.flags ^= 1u << 9;
        else if (i == 3)
            ev->after.level = 0;
        else
            ev->stored[1] ^= 1;
        judge_with(s);
        assert_non_null(finding_of(s, "LG-CALL"));
    }
}

/* The gate has privilege level 1 and is the host's. */
static void the_gate_is_the_kernels(void **state)
{
    static const struct {
        unsigned level, kind, code, error;
        const char *rule;
    } gate[] = {{3, TSP_EV_FAULT, GP, 0xfa, NULL},
                {3, TSP_EV_FAULT, GP, 0, "LG-USER-GP"},
                {3, HC, 0, 0, "LG-CALL-ONLY"},
                {3, TSP_EV_FAULT, 31, 0, "LG-USER"},
                {1, TSP_EV_FAULT, 31, 0, "LG-GATE"},
                {1, TSP_EV_FAULT, GP, 0xfa, "LG-GATE"},
                {3, ST, TSP_STOP_SHUTDOWN, 0, "LG-USER-STOP"}};
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(gate) / sizeof(gate[0]); i++) {
        struct tsp_event *ev;

        machine(TSP_PATCH_REWRITE);
        init();
        ev = event(gate[i].kind, gate[i].level, INT, 2, 0);
        ev->code = gate[i].code;
        ev->info[0] = gate[i].error;
        judge_with(s);
        if (gate[i].rule)
            assert_non_null(finding_of(s, gate[i].rule));
        else
            assert_int_equal(worst(), VERDICT_PASS);
    }
}

static struct tsp_event *rewrite(unsigned level, const char *bytes, unsigned len, const char *now)
{
    struct tsp_event *ev = event(TSP_EV_PATCH, level, bytes, len, 0);

    memcpy(ev->stored, now, len);
    ev->info[0] = ev->addr + len - 3;
    ev->info[1] = 3;
    ev->text[0] = ev->text[1] = TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH;
    return ev;
}

static void vmcall_becomes_int_and_nop(void **state)
{
    static const struct {
        unsigned host, patch, level, len;
        const char *bytes, *now, *rule;
    } text[] = {
        {TSP_VENDOR_INTEL, 0, 1, 3, VMCALL, "\xcd\x1f\x90", NULL},
        {TSP_VENDOR_AMD, 0, 1, 3, VMCALL, "\xcd\x1f\x90", NULL},
        {TSP_VENDOR_AMD, 0, 1, 3, VMCALL, "\xcd\x1f\xc1", "LG-REWRITE"},
        {TSP_VENDOR_AMD, 0, 1, 3, VMCALL, "\xcd\x80\x90", "LG-REWRITE"},
        {TSP_VENDOR_AMD, 0, 1, 3, VMCALL, "\x0f\x01\xd9", "LG-REWRITE"},
        {TSP_VENDOR_AMD, 0, 3, 3, VMCALL, "\xcd\x1f\x90", "LG-PATCH-ONLY"},
        {TSP_VENDOR_AMD, 0, 1, 4, "\x66\x0f\x01\xc1", "\x66\xcd\x1f\x90", "LG-PATCH-ONLY"},
        {TSP_VENDOR_INTEL, 0, 1, 3, "\x0f\x01\xd9", "\xcd\x1f\x90", "LG-PATCH-ONLY"},
        {TSP_VENDOR_AMD, TSP_PATCH_INJECT, 1, 3, VMCALL, "\xcd\x1f\x90", "LG-PATCH-OFF"},
    };
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        machine(text[i].patch);
        setup.host = (uint8_t)text[i].host;
        rewrite(text[i].level, text[i].bytes, text[i].len, text[i].now);
        if (judge_with(s) != (text[i].rule ? VERDICT_FAIL : VERDICT_PASS))
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(worst(), text[i].rule ? VERDICT_FAIL : VERDICT_PASS);
        if (text[i].rule)
            assert_non_null(finding_of(s, text[i].rule));
    }
}

static void vmcall_faults_in_other_releases(void **state)
{
    static const struct {
        unsigned host, patch, code;
        const char *rule;
    } end[] = {{TSP_VENDOR_INTEL, TSP_PATCH_INJECT, UD, NULL},
               {TSP_VENDOR_INTEL, TSP_PATCH_INJECT, GP, NULL},
               {TSP_VENDOR_AMD, TSP_PATCH_INJECT, GP, "LG-GP-NONE"},
               {TSP_VENDOR_INTEL, TSP_PATCH_INJECT, 31, "LG-VM-OTHER"},
               {TSP_VENDOR_INTEL, TSP_PATCH_REWRITE, UD, "LG-UNPATCHED"}};
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(end) / sizeof(end[0]); i++) {
        struct tsp_event *ev;

        machine(end[i].patch);
        setup.host = (uint8_t)end[i].host;
        ev = rewrite(1, VMCALL, 3, VMCALL);
        ev->kind = TSP_EV_FAULT;
        ev->code = end[i].code;
        ev->info[0] = ev->info[1] = 0;
        judge_with(s);
        if (end[i].rule)
            assert_non_null(finding_of(s, end[i].rule));
        else
            assert_int_equal(worst(), VERDICT_PASS);
    }
}

/* Elsewhere INT 0x1f is an interrupt like any other. */
static void other_machines_have_no_such_call(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tsp_event *ev;

        machine(TSP_PATCH_REWRITE);
        setup.persona[0] = i == 0 ? TSP_PERSONA_KVM : TSP_PERSONA_LGUEST;
        ev = event(TSP_EV_FAULT, i == 1 ? 0 : 1, INT, 2, 0);
        ev->code = 31;
        if (i == 2)
            ev->before.mode = ev->after.mode = TSP_MODE_LONG64;
        judge_with(s);
        assert_null(finding_of(s, "LG-GATE"));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(calls_are_judged),
    cmocka_unit_test(a_call_changes_nothing_else),
    cmocka_unit_test(the_gate_is_the_kernels),
    cmocka_unit_test(vmcall_becomes_int_and_nop),
    cmocka_unit_test(vmcall_faults_in_other_releases),
    cmocka_unit_test(other_machines_have_no_such_call),
};

TEST_MAIN(tests)
