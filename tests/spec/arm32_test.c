/* SPDX-License-Identifier: MIT */
/* AArch32 guests: the rules of their own, and what rules that they share mean for them. */
#include "tests/spec/rule.h"

#define A32 TSP_MODE_A32
#define T32 TSP_MODE_T32
#define H TSP_EV_HYPERCALL
#define F TSP_EV_FAULT
#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL
#define SVC_MODE 0x1d3u
#define PSR_T 0x20u
#define NOT 0xffffffffu

#define HVC_A "\x70\x00\x40\xe1"
#define XEN_A "\x71\xea\x40\xe1"
#define SMC_A "\x71\x00\x60\xe1"
#define HVC_T "\xe0\xf7\x00\x80"
#define SVC_T "\x07\xdf"
#define UDF_A "\xf0\x00\xf0\xe7"
#define BKPT_T "\x01\xbe"

static struct tsp_event *event32(unsigned mode, const char *insn, unsigned len, unsigned kind)
{
    struct tsp_event *ev = add_event(kind, mode, insn, len);

    ev->before.level = ev->after.level = 1;
    ev->before.flags = SVC_MODE | (mode == T32 ? PSR_T : 0);
    ev->after = ev->before;
    ev->after.pc += kind == H ? len : 0;
    return ev;
}

struct call_row {
    const char *insn;
    unsigned mode;
    uint32_t fid, r1, r12;
    uint64_t r0; /* afterwards */
    const char *rule;
    enum verdict want;
};

static void run_calls(const struct call_row *row, size_t n)
{
    const struct spec *s = spec_builtin();

    for (size_t i = 0; i < n; i++) {
        struct tsp_event *ev;

        trace.n = 0;
        ev = event32(row[i].mode, row[i].insn, 4, H);
        ev->before.r[0] = row[i].fid;
        ev->before.r[1] = ev->after.r[1] = row[i].r1;
        ev->before.r[12] = ev->after.r[12] = row[i].r12;
        ev->after.r[0] = row[i].r0;
        if (judge_with(s) != row[i].want || !finding_of(s, row[i].rule))
            print_error("row %zu %s: %s\n", i, row[i].rule, found_text(s));
        assert_int_equal(judge_with(s), row[i].want);
        assert_non_null(finding_of(s, row[i].rule));
    }
}

/* SMC with each condition at all flags: where it may have been a call (Arm DDI0487 F2.3.1, C1.2.4).
 */
static void a_condition_that_fails_calls_nothing(void **state)
{
    const struct spec *s = spec_builtin();
    /* bit n: holds where NZCV is n */
    static const uint16_t holds[] = {0xf0f0, 0x0f0f, 0xcccc, 0x3333, 0xff00, 0x00ff, 0xaaaa, 0x5555,
                                     0x0c0c, 0xf3f3, 0xaa55, 0x55aa, 0x0a05, 0xf5fa, 0xffff};

    (void)state;
    for (unsigned i = 0; i < 15 * 16; i++) {
        char insn[] = {0x71, 0x00, 0x60, (char)(i / 16 << 4 | 1)};
        struct tsp_event *ev;
        bool want = (holds[i / 16] >> i % 16 & 1) != 0;

        trace.n = 0;
        ev = event32(A32, insn, 4, H);
        ev->before.flags = ev->after.flags = SVC_MODE | (uint64_t)(i % 16) << 28;
        ev->before.r[0] = 0x84000000;
        ev->after.r[0] = 0x10001;
        assert_int_equal(judge_with(s), want ? PASS : FAIL);
        if (!want)
            assert_non_null(finding_of(s, "A32-SMC-COND"));
    }
}

static void calls_of_32_bit_guests(void **state)
{
    static const struct call_row row[] = {
        {HVC_A, A32, 0x84000000, 0, 0, 0x10001, "PSCI-VER-11", PASS},
        {HVC_T, T32, 0x84000000, 0, 0, 0x10001, "PSCI-VER-11", PASS},
        {HVC_T, T32, 0x84000000, 0, 0, 0x10000, "PSCI-VER-11", FAIL},
        {HVC_A, A32, 0xc4000003, 0, 0, NOT, "A32-SMC64", PASS},
        {HVC_A, A32, 0xc4000003, 0, 0, 0xfffffffe, "A32-SMC64", FAIL},
        {HVC_T, T32, 0xc5000021, 0, 0, 0x40020000, "A32-SMC64", FAIL},
        {SMC_A, A32, 0x84000000, 0, 0, 0x10001, "PSCI-VER-11", PASS},
        {SMC_A, A32, 0x84000000, 0, 0, NOT, "SMC-REFUSED", PASS},
        {HVC_A, A32, 0x8400000a, 0x84000003, 0, 0, "PSCI-FEAT-32", PASS},
        {HVC_A, A32, 0x8400000a, 0xc4000003, 0, 0, "PSCI-FEAT-NO", FAIL},
        {HVC_A, A32, 0x84000051, 0xc4000053, 0, 0, "TRNG-FEAT-OPEN", PASS},
        {HVC_A, A32, 0x80000001, 0xc5000020, 0, NOT, "FEAT-PVTIME-32", PASS},
    };

    (void)state;
    setup_arm_default();
    run_calls(row, sizeof(row) / sizeof(row[0]));
}

static void xens_number_is_in_r12(void **state)
{
    static const struct call_row row[] = {
        {XEN_A, A32, 0, 0, 17, 0x40013, "XARM-VERSION", PASS},
        {XEN_A, A32, 7, 1, 17, 0xffffffea, "XARM-PAGE-BUF", PASS},
        {XEN_A, A32, 7, 1, 17, 4096, "XARM-PAGE-BUF", FAIL},
        {XEN_A, A32, 0, 0, 5, 0xffffffda, "XARM-ENOSYS", PASS},
        {XEN_A, A32, 0, 0, 5, 0, "XARM-ENOSYS", FAIL},
    };

    (void)state;
    setup_arm_default();
    setup.persona[0] = TSP_PERSONA_XEN;
    run_calls(row, sizeof(row) / sizeof(row[0]));
}

static void pc_and_instruction_set_agree(void **state)
{
    static const struct {
        unsigned mode;
        uint64_t pc, flags;
        enum verdict want;
    } row[] = {
        {A32, 0x10000, SVC_MODE, PASS},         {T32, 0x10002, SVC_MODE | PSR_T, PASS},
        {A32, 0x10002, SVC_MODE, FAIL},         {T32, 0x10001, SVC_MODE | PSR_T, FAIL},
        {A32, 0x10000, SVC_MODE | PSR_T, FAIL}, {T32, 0x10000, SVC_MODE, FAIL},
    };
    const struct spec *s = spec_builtin();

    (void)state;
    setup_arm_default();
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;

        trace.n = 0;
        ev = event32(row[i].mode, row[i].mode == A32 ? HVC_A : HVC_T, 4, H);
        ev->before.r[0] = 0x84000000;
        ev->after.r[0] = 0x10001;
        ev->before.pc = row[i].pc;
        ev->after.pc = row[i].pc + 4;
        ev->before.flags = ev->after.flags = row[i].flags;
        assert_int_equal(judge_with(s), row[i].want);
        if (row[i].want == FAIL)
            assert_non_null(finding_of(s, "A32-PC"));
    }
}

/* Mode, masks, instruction set and place of a handler; R14 alone changes. */
static void exceptions_enter_their_modes(void **state)
{
    static const struct {
        const char *insn;
        unsigned mode, len, code;
        uint64_t flags;
        unsigned link;
        const char *rule;
        enum verdict want;
    } row[] = {
        {SVC_T, T32, 2, 0x08, 0x1d3, 18, "A32-SVC-REGS", PASS},
        {SVC_T, T32, 2, 0x08, 0x1d3, 4, "A32-SVC-REGS", FAIL},
        {SVC_T, T32, 2, 0x04, 0x1db, 22, "A32-SVC", FAIL},
        {SVC_T, T32, 2, 0x08, 0x1f3, 18, "ARM-ENTRY", FAIL}, /* T of a handler in A32 */
        {SVC_T, T32, 2, 0x08, 0x153, 18, "ARM-ENTRY", FAIL}, /* interrupts not masked */
        {UDF_A, A32, 4, 0x04, 0x1db, 22, "ARM-UDF", PASS},
        {UDF_A, A32, 4, 0x08, 0x1d3, 18, "ARM-UDF", FAIL},
        {UDF_A, A32, 4, 0x04, 0x1d3, 22, "ARM-ENTRY", FAIL},
        {BKPT_T, T32, 2, 0x0c, 0x1d7, 20, "A32-BKPT-REGS", PASS},
        {BKPT_T, T32, 2, 0x0c, 0x1d7, 18, "A32-BKPT-REGS", FAIL},
        {BKPT_T, T32, 2, 0x04, 0x1db, 22, "A32-BKPT", FAIL},
    };
    const struct spec *s = spec_builtin();

    (void)state;
    setup_arm_default();
    setup.vcpu[0].arm64.vbar_el1 = 0x2000;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;

        trace.ev[0] = (struct tsp_event){.kind = TSP_EV_POLICY};
        trace.n = 1;
        ev = event32(row[i].mode, row[i].insn, row[i].len, F);
        setup.vcpu[0].regs = ev->before;
        ev->code = row[i].code;
        ev->after.pc = 0x2000 + row[i].code;
        ev->after.flags = row[i].flags;
        ev->after.mode = A32;
        ev->after.r[row[i].link] = 0x1234;
        if (judge_with(s) != row[i].want || !finding_of(s, row[i].rule))
            print_error("row %zu %s: %s\n", i, row[i].rule, found_text(s));
        assert_int_equal(judge_with(s), row[i].want);
        assert_non_null(finding_of(s, row[i].rule));
    }
}

/* CPU_ON: bit 0 of the entry point asks for T32 and is no part of the address. */
static void a_core_begins_as_cpu_on_said(void **state)
{
    static const struct {
        uint64_t entry, pc, r0, flags;
        unsigned mode;
        enum verdict want;
    } row[] = {
        {0x40004001, 0x40004000, 7, SVC_MODE | PSR_T, T32, PASS},
        {0x40004000, 0x40004000, 7, SVC_MODE, A32, PASS},
        {0x40004001, 0x40004001, 7, SVC_MODE | PSR_T, T32, FAIL}, /* the bit is left in pc */
        {0x40004001, 0x40004000, 7, SVC_MODE, A32, FAIL},         /* T is not set */
        {0x40004000, 0x40004000, 7, SVC_MODE | PSR_T, T32, FAIL},
        {0x40004001, 0x40004000, 8, SVC_MODE | PSR_T, T32, FAIL},
        {0x40004001, 0x40004000, 7, 0x1f | PSR_T | 0x1c0, T32, FAIL},
        {0x40004001, 0x40004000, 7, 0x133 | PSR_T, T32, FAIL},
    };
    const struct spec *s = spec_builtin();

    (void)state;
    setup_arm_default();
    setup.nvcpu = 2;
    setup.vcpu[0].regs.mode = setup.vcpu[1].regs.mode = A32;
    setup.vcpu[1].arm64.mpidr = 0x80000001u;
    setup.vcpu[1].run_state = TSP_RUN_OFF;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;
        enum verdict v;

        trace.ev[0] = (struct tsp_event){.kind = TSP_EV_POLICY};
        trace.n = 1;
        ev = event32(A32, HVC_A, 4, H);
        ev->before.r[0] = 0x84000003;
        ev->before.r[1] = ev->after.r[1] = 1;
        ev->before.r[2] = ev->after.r[2] = row[i].entry;
        ev->before.r[3] = ev->after.r[3] = 7;
        ev->after.r[0] = 0;
        ev = event32(row[i].mode, row[i].mode == A32 ? HVC_A : HVC_T, 4, H);
        ev->vcpu = 1;
        ev->before.pc = row[i].pc;
        ev->before.r[0] = row[i].r0;
        ev->before.flags = row[i].flags;
        ev->after = ev->before;
        ev->after.pc += 4;
        ev->after.r[0] = NOT;
        v = judge_caps(s, TSP_CAP_ARM64 | TSP_CAP_STEPS | TSP_CAP_DETERMINISTIC);
        if (v != row[i].want)
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(v, row[i].want);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_condition_that_fails_calls_nothing),
    cmocka_unit_test(calls_of_32_bit_guests),
    cmocka_unit_test(xens_number_is_in_r12),
    cmocka_unit_test(pc_and_instruction_set_agree),
    cmocka_unit_test(exceptions_enter_their_modes),
    cmocka_unit_test(a_core_begins_as_cpu_on_said),
};

TEST_MAIN(tests)
