/* SPDX-License-Identifier: MIT */
/*
 * The other vendor's hypercall instruction, by the shipped tables. KVM's interface document says
 * that the wrong instruction is rewritten to the right one (or, with the quirk off, raises #UD).
 * Shipped hypervisors deviate in ways that a guest can see: they write at RIP without the CS base,
 * at the first prefix instead of the opcode, half an instruction before a page fault, they let the
 * guest see a page fault of a write it never made, or loop. Each of those is a row that must fail;
 * what the documents describe must pass.
 */
#include "tests/spec/fixture.h"

#define VMCALL "\x0f\x01\xc1"
#define VMMCALL "\x0f\x01\xd9"
#define RW (TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH)
#define RO (TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_FETCH)
#define L64 TSP_MODE_LONG64

struct patch_row {
    const char *name;
    const char *rule; /* the rule that decides */
    enum verdict want;
    uint8_t host, policy;
    uint16_t kind;
    uint16_t mode, level;
    const char *bytes;
    uint8_t len;
    const char *stored; /* NULL: as fetched */
    uint8_t text[2];    /* 0: writable */
    uint32_t code;      /* vector or stop */
    uint64_t info[2];
};

#define INTEL TSP_VENDOR_INTEL
#define AMD TSP_VENDOR_AMD
#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL
#define EV_P TSP_EV_PATCH
#define EV_F TSP_EV_FAULT
#define EV_H TSP_EV_HYPERCALL
#define REWRITE TSP_PATCH_REWRITE
#define EMULATE TSP_PATCH_EMULATE
#define INJECT TSP_PATCH_INJECT

static void run_rows(const struct patch_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct patch_row *r = &row[i];
        const struct spec *s = spec_builtin();
        const struct finding *f;
        struct tsp_event *ev;
        enum verdict v;

        setup_x86_default();
        setup.host = r->host;
        setup.patch = r->policy;
        ev = add_event(r->kind, r->mode, r->bytes, r->len);
        ev->before.level = ev->after.level = r->level;
        ev->before.r[TSP_RAX] = ev->after.r[TSP_RAX] = 1;
        if (r->kind == EV_H)
            ev->after.r[TSP_RAX] = r->level == 0 ? 0 : r->mode == L64 ? UINT64_MAX : UINT32_MAX;
        if (r->stored)
            memcpy(ev->stored, r->stored, r->len);
        if (r->text[0])
            memcpy(ev->text, r->text, 2);
        ev->code = r->code;
        ev->info[0] = r->info[0];
        ev->info[1] = r->info[1];
        v = judge_with(s);
        f = finding_of(s, r->rule);
        if (v != r->want || !f || f->verdict != r->want)
            print_error("%s: %s: %s\n", r->name, verdict_name(v), found_text(s));
        assert_int_equal(v, r->want);
        assert_non_null(f);
        assert_int_equal(f->verdict, r->want);
    }
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* clang-format off */
static const struct patch_row documented[] = {
    {"vmmcall becomes vmcall", "UD-VMMCALL", PASS, INTEL, REWRITE, EV_P, L64, 0, VMMCALL, 3,
     VMCALL, {0}, 0, {0x10000, 3}},
    {"vmcall becomes vmmcall", "UD-VMCALL", PASS, AMD, REWRITE, EV_P, L64, 0, VMCALL, 3,
     VMMCALL, {0}, 0, {0x10000, 3}},
    {"only the byte that differs", "UD-VMCALL", PASS, AMD, REWRITE, EV_P, L64, 0, VMCALL, 3,
     VMMCALL, {0}, 0, {0x10002, 1}},
    {"behind a prefix", "UD-VMMCALL", PASS, INTEL, REWRITE, EV_P, L64, 0, "\x66" VMMCALL, 4,
     "\x66" VMCALL, {0}, 0, {0x10001, 3}},
    {"at CPL 3", "UD-VMCALL", PASS, AMD, REWRITE, EV_P, L64, 3, VMCALL, 3, VMMCALL, {0}, 0,
     {0x10000, 3}},
    {"in real mode", "UD-VMMCALL", PASS, INTEL, REWRITE, EV_P, TSP_MODE_REAL16, 0, VMMCALL, 3,
     VMCALL, {0}, 0, {0x10000, 3}},
    {"Hygon is an AMD host", "UD-VMCALL", PASS, TSP_VENDOR_HYGON, REWRITE, EV_P, L64, 0, VMCALL,
     3, VMMCALL, {0}, 0, {0x10000, 3}},
    {"read-only text", "UD-GUEST", PASS, INTEL, REWRITE, EV_F, L64, 0, VMMCALL, 3, NULL, {RO, RO},
     6, {0}},
    {"read-only memory", "UD-GUEST", PASS, INTEL, REWRITE, EV_F, L64, 0, VMMCALL, 3, NULL, {RW |
     TSP_TEXT_ROM, RW | TSP_TEXT_ROM}, 6, {0}},
    {"prefixed vmcall may be undefined", "UD-MAYBE", PASS, AMD, REWRITE, EV_F, L64, 0, "\xf3"
     VMCALL, 4, NULL, {0}, 6, {0}},
    {"lock", "X86-LOCK", PASS, INTEL, REWRITE, EV_F, L64, 3, "\xf0" VMMCALL, 4, NULL, {0}, 6,
     {0}},
    {"sixteen bytes", "X86-LONG", PASS, INTEL, REWRITE, EV_F, L64, 0,
     "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66" VMMCALL, 16, NULL, {0}, 13, {0}},
    {"fetch fault", "X86-FETCH", PASS, INTEL, REWRITE, EV_F, L64, 3, VMMCALL, 3, NULL, {RW, 1},
     14, {0x15, 0x10002}},
    {"read fault at a descriptor", "X86-FETCH", PASS, INTEL, INJECT, EV_F, L64, 3, VMMCALL, 3,
     NULL, {0}, 14, {0, 0xfee0}},
    {"past the limit", "X86-LIMIT", PASS, INTEL, REWRITE, EV_F, TSP_MODE_VM86, 3, VMMCALL, 3,
     NULL, {0}, 13, {0}},
    {"quirk off", "UD-INJECT", PASS, AMD, INJECT, EV_F, L64, 3, VMCALL, 3, NULL, {0}, 6, {0}},
    {"emulated", "KVM-POLL", PASS, AMD, EMULATE, EV_H, L64, 0, VMCALL, 3, NULL, {RO, RO}, 0,
     {0}},
    {"emulated at CPL 3", "KVM-CPL", PASS, AMD, EMULATE, EV_H, TSP_MODE_PROT32, 3, VMCALL, 3,
     NULL, {0}, 0, {0}},
    {"single step", "X86-DB", PASS, INTEL, REWRITE, EV_F, L64, 0, VMMCALL, 3, NULL, {0}, 1,
     {0}},
    {"no descriptor for #UD", "X86-DELIVERY", PASS, INTEL, INJECT, EV_F, L64, 0, VMMCALL, 3,
     NULL, {0}, 11, {0x32}},
    {"no stack for #UD", "X86-DELIV-PF", PASS, INTEL, INJECT, EV_F, L64, 3, VMMCALL, 3, NULL,
     {0}, 14, {3, 0xbff8}},
};
/* clang-format on */

static void documented_rewrite_is_clean(void **state)
{
    (void)state;
    RUN(documented);
}

/* clang-format off */
static const struct patch_row deviations[] = {
    {"CS base not added", "UD-WHERE", FAIL, INTEL, REWRITE, EV_P, TSP_MODE_PROT32, 0, VMMCALL,
     3, NULL, {0}, 0, {0x100, 3}},
    {"written at the prefix", "UD-WHERE", FAIL, INTEL, REWRITE, EV_P, L64, 0, "\x66" VMMCALL, 4,
     VMCALL "\xd9", {0}, 0, {0x10000, 3}},
    {"prefix lost, stray opcode", "UD-VMMCALL", FAIL, INTEL, REWRITE, EV_P, L64, 0, "\x66"
     VMMCALL, 4, VMCALL "\xd9", {0}, 0, {0x10000, 3}},
    {"a third opcode", "UD-VMMCALL", FAIL, INTEL, REWRITE, EV_P, L64, 0, VMMCALL, 3,
     "\x0f\x01\xc9", {0}, 0, {0x10002, 1}},
    {"half patched", "UD-VMCALL", FAIL, AMD, REWRITE, EV_P, L64, 0, "\x66" VMCALL, 4,
     "\x0f\x01\x01\xc1", {RW, RO}, 0, {0x10000, 2}},
    {"into protected text", "UD-RO-PATCH", FAIL, AMD, REWRITE, EV_P, L64, 0, VMCALL, 3, VMMCALL,
     {RO, RO}, 0, {0x10000, 3}},
    {"page fault of a fetch that is allowed", "X86-FETCH-NONE", FAIL, INTEL, REWRITE, EV_F, L64,
     3, VMMCALL, 3, NULL, {0}, 14, {0x15, 0x10002}},
    {"an interrupt that is masked", "X86-INTR-OFF", FAIL, AMD, REWRITE, EV_F, L64, 0, VMCALL, 3,
     NULL, {0}, 0x40, {0}},
    {"shutdown at a native call", "NAT-SHUTDOWN", FAIL, INTEL, REWRITE, TSP_EV_STOP, L64, 3,
     VMCALL, 3, NULL, {0}, TSP_STOP_TRIPLE, {0}},
    {"a call of another instruction", "UD-NONE", FAIL, INTEL, REWRITE, EV_H, L64, 0, "\x90", 1,
     NULL, {0}, 0, {0}},
    {"page fault of a write", "UD-PF", FAIL, INTEL, REWRITE, EV_F, L64, 0, VMMCALL, 3, NULL,
     {RO, RO}, 14, {3, 0x10000}},
    {"page fault of a write, user", "UD-PF", FAIL, AMD, REWRITE, EV_F, L64, 3, VMCALL, 3, NULL,
     {RO, RO}, 14, {7, 0x10000}},
    {"#GP at CPL 3", "UD-REFUSED", FAIL, AMD, REWRITE, EV_F, L64, 3, VMCALL, 3, NULL, {0}, 13,
     {0}},
    {"#UD in real mode", "UD-REFUSED", FAIL, INTEL, REWRITE, EV_F, TSP_MODE_REAL16, 0, VMMCALL,
     3, NULL, {0}, 6, {0}},
    {"#GP with the quirk off", "UD-INJECT", FAIL, AMD, INJECT, EV_F, L64, 3, VMCALL, 3, NULL,
     {0}, 13, {0}},
    {"rewritten with the quirk off", "UD-INJECT-1", FAIL, AMD, INJECT, EV_P, L64, 0, VMCALL, 3,
     VMMCALL, {0}, 0, {0x10000, 3}},
    {"rewritten although emulated", "UD-INJECT-1", FAIL, AMD, EMULATE, EV_P, L64, 0, VMCALL, 3,
     VMMCALL, {0}, 0, {0x10000, 3}},
    {"called, not rewritten", "UD-NOCALL", FAIL, AMD, REWRITE, EV_H, L64, 0, VMCALL, 3, NULL,
     {0}, 0, {0}},
    {"called with the quirk off", "UD-NOCALL", FAIL, AMD, INJECT, EV_H, L64, 0, VMCALL, 3, NULL,
     {0}, 0, {0}},
    {"native rewritten", "UD-NATIVE", FAIL, INTEL, REWRITE, EV_P, L64, 0, VMCALL, 3, NULL, {0},
     0, {0x10000, 3}},
    {"something else rewritten", "UD-OTHER", FAIL, INTEL, REWRITE, EV_P, L64, 0, "\x90\x90\x90",
     3, NULL, {0}, 0, {0x10000, 3}},
    {"undefined opcode acted on", "X86-UD-ONLY", FAIL, INTEL, REWRITE, EV_P, L64, 0,
     "\x0f\x0b\x90", 2, NULL, {0}, 0, {0x10000, 3}},
    {"locked and rewritten", "UD-LOCK", FAIL, INTEL, REWRITE, EV_P, L64, 0, "\xf0" VMMCALL, 4,
     "\xf0" VMCALL, {0}, 0, {0x10001, 3}},
    {"locked and #GP", "X86-LOCK", FAIL, AMD, REWRITE, EV_F, L64, 3, "\xf0" VMCALL, 4, NULL,
     {0}, 13, {0}},
    {"too long and rewritten", "UD-LONG", FAIL, INTEL, REWRITE, EV_P, L64, 0,
     "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66" VMMCALL, 16, NULL, {0}, 0, {0x1000d,
     3}},
    {"too long and #UD", "X86-LONG", FAIL, INTEL, REWRITE, EV_F, L64, 0,
     "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66" VMMCALL, 16, NULL, {0}, 6, {0}},
    {"loops", "UD-HANG", FAIL, INTEL, REWRITE, TSP_EV_STOP, L64, 0, VMMCALL, 3, NULL, {0},
     TSP_STOP_LIVELOCK, {0}},
    {"leaves as MMIO", "UD-MMIO", FAIL, INTEL, REWRITE, TSP_EV_MMIO, L64, 0, VMMCALL, 3, NULL,
     {0}, 0, {0xc1010f, 0x31}},
    {"native refused", "NAT-FAULT", FAIL, INTEL, REWRITE, EV_F, L64, 0, VMCALL, 3, NULL, {0}, 6,
     {0}},
    {"native locked completes", "UD-LOCK", FAIL, AMD, REWRITE, EV_H, L64, 0, "\xf0" VMMCALL, 4,
     NULL, {0}, 0, {0}},
    {"#UD with text changed", "UD-RO", FAIL, INTEL, REWRITE, EV_F, L64, 0, VMMCALL, 3, VMCALL,
     {RO, RO}, 6, {0}},
    {"ud1 gives #GP", "X86-UD1", FAIL, INTEL, REWRITE, EV_F, L64, 0, "\x0f\xb9\xc0", 3, NULL,
     {0}, 13, {0}},
    {"ud2 gives #GP", "X86-UD", FAIL, INTEL, REWRITE, EV_F, L64, 0, "\x0f\x0b", 2, NULL, {0},
     13, {0}},
};
/* clang-format on */

static void shipped_deviations_fail(void **state)
{
    (void)state;
    RUN(deviations);
}

/* The first instruction of a vCPU that does not step has no debug exception coming. */
static void debug_exceptions_need_a_cause(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    ev = add_event(EV_F, L64, VMMCALL, 3);
    ev->code = 1;
    setup.vcpu[0].regs = ev->before;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "X86-DB-NONE"));
    ev->before.flags |= 1u << 8;
    setup.vcpu[0].regs.flags |= 1u << 8;
    assert_int_equal(judge_with(s), PASS);
    ev->before.flags = setup.vcpu[0].regs.flags = 2;
    setup.vcpu[0].regs.pc -= 2; /* what ran before it may have stepped */
    assert_int_equal(judge_with(s), PASS);
}

/* A rewrite moves nothing but text. */
static void rewrite_that_moves_on_fails(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    ev = add_event(EV_P, L64, VMMCALL, 3);
    memcpy(ev->stored, VMCALL, 3);
    ev->info[0] = 0x10000;
    ev->info[1] = 3;
    assert_int_equal(judge_with(s), PASS);
    ev->after.pc += 3;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "UD-RETRY"));
    ev->after.pc -= 3;
    ev->after.r[TSP_RAX] = 0;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "UD-RETRY"));
}

/* A breakpoint on the instruction must not trap a second time because text was put right in
 * between.
 */
static void rewrite_that_clears_rf_fails(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    ev = add_event(EV_P, L64, VMMCALL, 3);
    memcpy(ev->stored, VMCALL, 3);
    ev->info[0] = 0x10000;
    ev->info[1] = 3;
    ev->after.flags |= 1u << 16; /* an exit for a fault may set it */
    assert_int_equal(judge_with(s), PASS);
    ev->before.flags |= 1u << 16;
    assert_int_equal(judge_with(s), PASS);
    ev->after.flags = 2;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "UD-RF"));
}

/* What comes right after a rewrite at the same place. */
static void sequence_after_a_rewrite(void **state)
{
    static const struct {
        unsigned kind;
        uint32_t code;
        const char *rule;
        enum verdict want;
    } row[] = {
        {EV_H, 0, "KVM-POLL", PASS},
        {EV_F, 1, "UD-TF", FAIL},
        {EV_P, 0, "UD-TWICE", FAIL},
    };
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;

        setup_x86_default();
        ev = add_event(EV_P, L64, VMMCALL, 3);
        ev->before.r[TSP_RAX] = ev->after.r[TSP_RAX] = 1;
        memcpy(ev->stored, VMCALL, 3);
        ev->info[0] = 0x10000;
        ev->info[1] = 3;
        ev = add_event(row[i].kind, L64, row[i].kind == EV_P ? VMMCALL : VMCALL, 3);
        ev->before.r[TSP_RAX] = 1;
        ev->after.r[TSP_RAX] = row[i].kind == EV_H ? 0 : 1;
        ev->code = row[i].code;
        assert_int_equal(judge_with(s), row[i].want);
        assert_non_null(finding_of(s, row[i].rule));
        assert_int_equal(finding_of(s, row[i].rule)->verdict, row[i].want);
        if (row[i].kind != EV_F)
            continue;
        ev->len = 0; /* nothing was fetched for it */
        assert_int_equal(judge_with(s), FAIL);
        assert_non_null(finding_of(s, row[i].rule));
    }
}

/* With two vCPUs a store may be one of several, and bytes may change between trap and rewrite. */
static void races_end_in_a_call_or_in_ud(void **state)
{
    const struct spec *s = spec_builtin();
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    setup.nvcpu = 2;
    ev = add_event(EV_P, L64, VMMCALL, 3);
    ev->info[0] = 0x10000;
    ev->info[1] = 2; /* first store: both bytes as they were */
    assert_int_equal(judge_with(s), PASS);
    ev->stored[2] = 0xc8;
    assert_int_equal(judge_with(s), FAIL);
    trace.n = 0;
    ev = add_event(EV_F, L64, VMMCALL, 3);
    ev->code = 6;
    assert_int_equal(judge_with(s), PASS);
    assert_non_null(finding_of(s, "UD-RACE"));
}

/* Between trap and rewrite another vCPU may store to the instruction. A prefix is then what it
 * stored, unless the rewrite wrote it; the opcode is compared first. */
static void a_prefix_may_be_another_vcpus(void **state)
{
    static const struct {
        unsigned mode, nvcpu;
        const char *stored;
        uint64_t first, n; /* written */
        enum verdict want;
    } row[] = {
        {L64, 2, "\x26\x45" VMCALL, 0x10002, 3, PASS},
        {L64, 2, "\x2e\x40" VMCALL, 0x10004, 1, PASS},
        {L64, 1, "\x26\x45" VMCALL, 0x10002, 3, FAIL},
        {L64, 2, "\x26\x45" VMCALL, 0x10001, 4, FAIL},
        {L64, 2, "\x26\x45" VMCALL, 0x10000, 5, FAIL},
        {L64, 2, "\x26\x40\x0f\x01\xc8", 0x10002, 2, FAIL},
        {L64, 2, "\x26\x40\x0f\x45\xc1", 0x10004, 1, FAIL},
        {TSP_MODE_PROT32, 2, "\x26\x65" VMCALL, 0x10002, 3, PASS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;

        setup_x86_default();
        setup.nvcpu = (uint8_t)row[i].nvcpu;
        ev = add_event(EV_P, row[i].mode,
                       row[i].mode == L64 ? "\x26\x40" VMMCALL : "\x26\x67" VMMCALL, 5);
        memcpy(ev->stored, row[i].stored, 5);
        ev->info[0] = row[i].first - 0x10000 + ev->addr;
        ev->info[1] = row[i].n;
        if (judge_with(spec_builtin()) != row[i].want)
            print_error("row %u: %s\n", (unsigned)i, found_text(spec_builtin()));
        assert_int_equal(judge_with(spec_builtin()), row[i].want);
    }
}

/* Bytes that only look alike, and events that are the guest's own affair. */
static void other_instructions_are_not_judged(void **state)
{
    static const struct {
        unsigned kind;
        const char *bytes;
        uint8_t len;
        uint32_t code;
    } row[] = {
        {EV_F, "\x0f\x01\xc2", 3, 6},
        {EV_F, "\x8b\x00", 2, 14},
        {EV_F, "\xcd\x80", 2, 0x80},
        {TSP_EV_STOP, "\xf4", 1, TSP_STOP_HALT},
        {TSP_EV_STOP, "\xeb\xfe", 2, TSP_STOP_LIVELOCK},
        {TSP_EV_MMIO, "\x89\x00", 2, 0},
        {TSP_EV_PIO, "\xe6\xf4", 2, 0xf4},
        {TSP_EV_STOP, VMCALL, 3, TSP_STOP_BUDGET},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;

        setup_x86_default();
        ev = add_event(row[i].kind, L64, row[i].bytes, row[i].len);
        ev->code = row[i].code;
        assert_int_equal(judge_with(spec_builtin()), PASS);
        assert_int_equal(found.n, 0);
    }
}

static void target_that_died_is_an_error(void **state)
{
    struct tsp_event *ev;

    (void)state;
    setup_x86_default();
    ev = add_event(TSP_EV_STOP, L64, "", 0);
    ev->code = TSP_STOP_ERROR;
    assert_int_equal(judge_with(spec_builtin()), VERDICT_ERROR);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.f[0].rule, ~0u);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(documented_rewrite_is_clean),
    cmocka_unit_test(shipped_deviations_fail),
    cmocka_unit_test(debug_exceptions_need_a_cause),
    cmocka_unit_test(rewrite_that_moves_on_fails),
    cmocka_unit_test(rewrite_that_clears_rf_fails),
    cmocka_unit_test(sequence_after_a_rewrite),
    cmocka_unit_test(races_end_in_a_call_or_in_ud),
    cmocka_unit_test(a_prefix_may_be_another_vcpus),
    cmocka_unit_test(other_instructions_are_not_judged),
    cmocka_unit_test(target_that_died_is_an_error),
};

TEST_MAIN(tests)
