/* SPDX-License-Identifier: MIT */
/*
 * Every predicate with a trace that it passes and one that it fails, and conditions with events
 * inside and outside of them. Each row is a rule of its own, read by the table reader as any other.
 */
#include "tests/spec/fixture.h"

#include <stdlib.h>

static const char sources[] = "doc, A document, 1, 2, free\n";
static const char opcodes[] = "x86, cpuid, 0fa2, -, any, doc, x\n"
                              "x86, vmcall, 0f01c1, -, any, doc, x\n"
                              "x86, vmmcall, 0f01d9, -, any, doc, x\n"
                              "arm64, hvc, 020000d4, 1f00e0ff, any, doc, x\n"
                              "arm64, smc, 030000d4, 1f00e0ff, any, doc, x\n";

/* A spec of one rule, "T-1"; the caller frees it. */
static struct build *rule_of(const char *when, const char *must)
{
    struct build *b = build_open();
    struct tsp_error err = {0};
    char text[512];
    int n = snprintf(text, sizeof(text), "T-1, any, %s, %s, doc,\n", when, must);

    assert_non_null(b);
    assert_true(build_table(b, "sources", sources, sizeof(sources) - 1, &err));
    assert_true(build_table(b, "opcodes", opcodes, sizeof(opcodes) - 1, &err));
    if (!build_table(b, "patch", text, (size_t)n, &err))
        print_error("%s: %s\n", text, err.text);
    assert_int_equal(err.code, TSP_OK);
    assert_true(build_finish(b, &err));
    return b;
}

static enum verdict verdict_of(const char *when, const char *must)
{
    struct build *b = rule_of(when, must);
    enum verdict v = judge_with(&b->spec);

    free(b);
    return v;
}

/* What differs from the event that passes. */
struct change {
    int reg; /* after.r[reg], or one of the names below; -100: nothing */
    uint64_t value;
};
enum {
    CH_NONE = -100,
    CH_PC,
    CH_FLAGS,
    CH_MODE,
    CH_LEVEL,
    CH_CODE,
    CH_INFO0,
    CH_INFO1,
    CH_STORED,
    CH_KIND,
    CH_RF /* set before and after */
};

static void apply(struct tsp_event *ev, const struct change *c)
{
    switch (c->reg) {
    case CH_NONE:
        break;
    case CH_PC:
        ev->after.pc = c->value;
        break;
    case CH_FLAGS:
        ev->after.flags = c->value;
        break;
    case CH_MODE:
        ev->after.mode = (uint32_t)c->value;
        break;
    case CH_LEVEL:
        ev->after.level = (uint32_t)c->value;
        break;
    case CH_CODE:
        ev->code = (uint32_t)c->value;
        break;
    case CH_INFO0:
        ev->info[0] = c->value;
        break;
    case CH_INFO1:
        ev->info[1] = c->value;
        break;
    case CH_STORED:
        ev->stored[c->value >> 8] = (uint8_t)c->value;
        break;
    case CH_KIND:
        ev->kind = (uint16_t)c->value;
        break;
    case CH_RF:
        ev->before.flags = ev->after.flags |= 1u << 16;
        break;
    default:
        ev->after.r[c->reg] = c->value;
    }
}

struct case_row {
    const char *when, *must;
    unsigned kind, mode;
    const char *bytes;
    unsigned len;
    struct change base[4]; /* applied to both */
    struct change bad;     /* applied to the failing one */
};

#define N1                                                                                         \
    {                                                                                              \
        CH_NONE, 0                                                                                 \
    }
#define CALL "\x0f\x01\xc1"
#define FOREIGN "\x0f\x01\xd9"
#define HVC "\x02\x00\x00\xd4"

static void run_rows(const struct case_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (unsigned bad = 0; bad < 2; bad++) {
            struct tsp_event *ev;
            enum verdict v;

            trace.n = 0;
            ev = add_event(row[i].kind, row[i].mode, row[i].bytes, row[i].len);
            if (row[i].mode == TSP_MODE_A64)
                ev->before.level = ev->after.level = 1;
            for (unsigned k = 0; k < 4; k++)
                if (row[i].base[k].reg || row[i].base[k].value)
                    apply(ev, &row[i].base[k]);
            if (bad)
                apply(ev, &row[i].bad);
            v = verdict_of(row[i].when, row[i].must);
            if (v != (bad ? VERDICT_FAIL : VERDICT_PASS))
                print_error("row %zu (%s), %s: %s\n", i, row[i].must, bad ? "bad" : "good",
                            verdict_name(v));
            assert_int_equal(v, bad ? VERDICT_FAIL : VERDICT_PASS);
            if (bad)
                assert_true(found.f[0].expected[0] && found.f[0].got[0]);
        }
    }
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))
#define H TSP_EV_HYPERCALL
#define L64 TSP_MODE_LONG64

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

#define SYNC 0x200
static void arm_predicates(void **state)
{
#define A64 TSP_MODE_A64
    static const struct case_row row[] = {
        {"event=fault",
         "undefined",
         TSP_EV_FAULT,
         A64,
         HVC,
         4,
         {{CH_CODE, 0}, {CH_INFO0, 0x2000000}},
         {CH_INFO0, 0x5a000000}},
        {"event=fault",
         "undefined",
         TSP_EV_FAULT,
         A64,
         HVC,
         4,
         {{CH_INFO0, 0x2000000}},
         {CH_CODE, 0x400}},
        {"event=fault",
         "syndrome(0x15)",
         TSP_EV_FAULT,
         A64,
         "\xe2\x00\x00\xd4",
         4,
         {{CH_INFO0, 0x56000007}},
         {CH_INFO0, 0x56000000}},
    };

    (void)state;
    setup_arm_default();
    RUN(row);
}

static const struct {
    const char *must;
    uint64_t fid, arg, r[4];
    enum verdict want;
} arm_rows[] = {
    {"x0(-1)", 0x80000000u, 0, {UINT64_MAX}, VERDICT_PASS},
    {"x0(-1)", 0x80000000u, 0, {0xffffffffu}, VERDICT_PASS},
    {"x0(-1)", 0xc0000000u, 0, {UINT64_MAX}, VERDICT_PASS},
    {"x0(-1)", 0xc0000000u, 0, {0xffffffffu}, VERDICT_FAIL},
    {"x0(-1)", 0x80000000u, 0, {0x1ffffffffu}, VERDICT_FAIL},
    {"x0(0|2)", 0x80000000u, 0, {2}, VERDICT_PASS},
    {"x0(0|2)", 0x80000000u, 0, {1ull << 32}, VERDICT_FAIL},
    {"x0(0|2)", 0x80000000u, 0, {1}, VERDICT_FAIL},
    {"x0_is(pvtime)", 0xc5000021u, 0, {0x123456789000u}, VERDICT_PASS},
    {"x0_is(pvtime)", 0xc5000021u, 0, {0x56789000u}, VERDICT_FAIL},
    {"x0_is(fw_vendor)", 0x86000000u, 0, {3}, VERDICT_PASS},
    {"x0_is(fw_vendor)", 0x86000000u, 0, {1}, VERDICT_FAIL},
    {"x0_fast", 0x80008000u, 0, {0}, VERDICT_PASS},
    {"x0_fast", 0x80008000u, 0, {0x80008000u}, VERDICT_PASS},
    {"x0_fast", 0x80008000u, 0, {UINT64_MAX}, VERDICT_PASS},
    {"x0_fast", 0x80008000u, 0, {7}, VERDICT_FAIL},
    {"x1_x3_void", 0, 5, {0, 0, 0, 0}, VERDICT_PASS},
    {"x1_x3_void", 0, 5, {0, 5, 0, 0}, VERDICT_PASS},
    {"x1_x3_void", 0, 0x500000005u, {0, 5, 0, 0}, VERDICT_PASS},
    {"x1_x3_void", 0, 5, {0, 6, 0, 0}, VERDICT_FAIL},
    {"x1_x3_void", 0, 5, {0, 0, 0, 6}, VERDICT_FAIL},
    {"x1_x3_kept", 0, 5, {0, 5, 0, 0}, VERDICT_PASS},
    {"x1_x3_kept", 0, 5, {0, 0, 0, 0}, VERDICT_FAIL},
    {"words(1|2|3|-1)", 0, 0, {1, 2, 3, 0xffffffffu}, VERDICT_PASS},
    {"words(1|2|3|-1)", 0, 0, {1, 2, 3, UINT64_MAX}, VERDICT_FAIL},
    {"words(1|2|3|4)", 0, 0, {1, 2, 5, 4}, VERDICT_FAIL},
    {"entropy(32)", 0x84000053u, 4, {0, 0, 0, 0xf}, VERDICT_PASS},
    {"entropy(32)", 0x84000053u, 4, {0, 0, 0, 0x10}, VERDICT_FAIL},
    {"entropy(32)", 0x84000053u, 33, {0, 0, 1, 0xffffffffu}, VERDICT_PASS},
    {"entropy(32)", 0x84000053u, 33, {0, 0, 2, 0xffffffffu}, VERDICT_FAIL},
    {"entropy(32)", 0x84000053u, 32, {0, 0, 0, 0x1ffffffffu}, VERDICT_FAIL},
    {"entropy(64)", 0xc4000053u, 192, {0, UINT64_MAX, UINT64_MAX, UINT64_MAX}, VERDICT_PASS},
    {"entropy(64)", 0xc4000053u, 191, {0, UINT64_MAX, 0, 0}, VERDICT_FAIL},
    {"entropy(64)", 0xc4000053u, 8, {(uint64_t)-3, 0, 0, 0}, VERDICT_PASS},
    {"entropy(64)", 0xc4000053u, 8, {(uint64_t)-3, 0, 0, 1}, VERDICT_FAIL},
    {"entropy(64)", 0xc4000053u, 8, {(uint64_t)-2, 0, 0, 0}, VERDICT_FAIL},
};

/* Function id in x0, arguments, results: what SMCCC has them be. */
static void arm_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(arm_rows) / sizeof(arm_rows[0]); i++) {
        struct tsp_event *ev;

        setup_arm_default();
        setup.pvtime_ipa = 0x123456789000u;
        ev = add_event(H, A64, HVC, 4);
        memset(ev->before.r, 0, sizeof(ev->before.r));
        ev->before.r[0] = arm_rows[i].fid;
        ev->before.r[1] = arm_rows[i].arg;
        ev->after = ev->before;
        memcpy(ev->after.r, arm_rows[i].r, sizeof(arm_rows[i].r));
        if (verdict_of("event=hypercall", arm_rows[i].must) != arm_rows[i].want)
            print_error("arm_rows %zu: %s\n", i, arm_rows[i].must);
        assert_int_equal(verdict_of("event=hypercall", arm_rows[i].must), arm_rows[i].want);
    }
}

static const struct {
    uint32_t word;
    uint64_t value, rt;
    enum verdict want;
} load_rows[] = {
    {0x39800023, 0x80, 0xffffffffffffff80u, VERDICT_PASS}, /* ldrsb x3, [x1] */
    {0x39800023, 0x80, 0x80, VERDICT_FAIL},
    {0x39800023, 0x7f, 0x7f, VERDICT_PASS},
    {0x39c00023, 0x80, 0xffffff80u, VERDICT_PASS}, /* ldrsb w3, [x1] */
    {0x39c00023, 0x80, 0xffffffffffffff80u, VERDICT_FAIL},
    {0x79800023, 0x8000, 0xffffffffffff8000u, VERDICT_PASS},      /* ldrsh x3, [x1] */
    {0x79c00023, 0x8000, 0x8000, VERDICT_FAIL},                   /* ldrsh w3, [x1] */
    {0xb9800023, 0x80000000u, 0xffffffff80000000u, VERDICT_PASS}, /* ldrsw x3, [x1] */
    {0xb9800023, 0x80000000u, 0x80000000u, VERDICT_FAIL},
    {0x38a26823, 0x80, 0x80, VERDICT_FAIL},  /* ldrsb x3, [x1, x2] */
    {0x38801023, 0x80, 0x80, VERDICT_FAIL},  /* ldursb x3, [x1, #1] */
    {0x38a20023, 0x80, 0x80, VERDICT_PASS},  /* ldaddab w2, w3, [x1]: none of these */
    {0x39400023, 0x180, 0x80, VERDICT_PASS}, /* ldrb w3, [x1] */
    {0x39400023, 0x80, 0xffffff80u, VERDICT_FAIL},
    {0xf9400023, UINT64_MAX, UINT64_MAX, VERDICT_PASS}, /* ldr x3, [x1] */
    {0xf9800023, 5, 6, VERDICT_PASS},                   /* prfm */
    {0x39000023, 5, 6, VERDICT_PASS},                   /* strb */
    {0x3980003f, 0x80, 0, VERDICT_PASS},                /* ldrsb xzr, [x1] */
};

static void arm_loads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(load_rows) / sizeof(load_rows[0]); i++) {
        const char word[4] = {(char)load_rows[i].word, (char)(load_rows[i].word >> 8),
                              (char)(load_rows[i].word >> 16), (char)(load_rows[i].word >> 24)};
        struct tsp_event *ev;
        enum verdict got;

        setup_arm_default();
        ev = add_event(TSP_EV_MMIO, A64, word, 4);
        ev->info[0] = load_rows[i].value;
        ev->after.r[3] = load_rows[i].rt;
        got = verdict_of("event=mmio", "load_result");
        if (got != load_rows[i].want)
            print_error("load_rows %zu\n", i);
        assert_int_equal(got, load_rows[i].want);
        ev->info[1] = 1; /* a store */
        assert_int_equal(verdict_of("event=mmio", "load_result"), VERDICT_PASS);
    }
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
    cmocka_unit_test(arm_predicates),
    cmocka_unit_test(arm_results),
    cmocka_unit_test(arm_loads),
    cmocka_unit_test(conditions_select_events),
    cmocka_unit_test(never_fails_and_allowed_passes),
    cmocka_unit_test(otherwise_is_what_is_left),
    cmocka_unit_test(scope_asks_for_a_persona),
};

TEST_MAIN(tests)
