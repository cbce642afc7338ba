/* SPDX-License-Identifier: MIT */
/* One data-processing instruction each: inputs x1 to x3 and NZCV, outputs x0 and NZCV. Expected
 * values are worked out by hand from the instruction pages of Arm DDI0487 C6.2. */
#include "tests/unit/arm64_guest.h"

struct row {
    const char *text;
    uint32_t word;
    unsigned nzcv;
    uint64_t x[3];
    uint64_t x0;
    unsigned nzcv_after;
};

/* clang-format off */
static const struct row rows[] = {
    {"add x0, x1, #0xfff", 0x913ffc20, 0, {1, 0, 0}, 0x1000, 0},
    {"add x0, x1, #1, lsl #12", 0x91400420, 0, {1, 0, 0}, 0x1001, 0},
    {"add w0, w1, #1", 0x11000420, 0, {0xffffffff, 0, 0}, 0, 0},
    {"adds w0, w1, #1", 0x31000420, 0, {0xffffffff, 0, 0}, 0, 6},
    {"adds x0, x1, x2", 0xab020020, 0, {0x7fffffffffffffff, 1, 0}, 0x8000000000000000, 9},
    {"adds w0, w1, w2", 0x2b020020, 2, {0x7fffffff, 1, 0}, 0x80000000, 9},
    {"subs x0, x1, x2", 0xeb020020, 0, {5, 5, 0}, 0, 6},
    {"subs x0, x1, x2", 0xeb020020, 0, {4, 5, 0}, 0xffffffffffffffff, 8},
    {"subs w0, w1, w2", 0x6b020020, 0, {0x80000000, 1, 0}, 0x7fffffff, 3},
    {"sub x0, x1, x2, lsl #4", 0xcb021020, 0, {0x100, 1, 0}, 0xf0, 0},
    {"add x0, x1, x2, asr #63", 0x8b82fc20, 0, {1, 0x8000000000000000, 0}, 0, 0},
    {"add w0, w1, w2, lsr #31", 0x0b427c20, 0, {1, 0x80000000, 0}, 2, 0},
    {"add x0, x1, w2, sxtb #2", 0x8b228820, 0, {0x1000, 0xff, 0}, 0xffc, 0},
    {"add x0, x1, w2, uxth", 0x8b222020, 0, {1, 0xabcd1234, 0}, 0x1235, 0},
    {"cmp x1, x2", 0xeb02003f, 0, {1, 2, 0}, 0, 8},
    {"cmn x1, #1", 0xb100043f, 0, {0xffffffffffffffff, 0, 0}, 0, 6},
    {"adc x0, x1, x2", 0x9a020020, 2, {1, 2, 0}, 4, 2},
    {"adcs x0, x1, x2", 0xba020020, 2, {0xffffffffffffffff, 0, 0}, 0, 6},
    {"sbc x0, x1, x2", 0xda020020, 0, {5, 2, 0}, 2, 0},
    {"sbcs w0, w1, w2", 0x7a020020, 0, {0, 0, 0}, 0xffffffff, 8},
    {"ngcs x0, x2", 0xfa0203e0, 2, {0, 1, 0}, 0xffffffffffffffff, 8},
    {"and x0, x1, #0xff00ff00ff00ff00", 0x92089c20, 0, {0xffffffffffffffff, 0, 0}, 0xff00ff00ff00ff00, 0},
    {"orr x0, x1, #0x5555555555555555", 0xb200f020, 0, {0, 0, 0}, 0x5555555555555555, 0},
    {"eor w0, w1, #0xf0f0f0f0", 0x5204cc20, 0, {0xffffffff, 0, 0}, 0xf0f0f0f, 0},
    {"ands w0, w1, #0x80000000", 0x72010020, 3, {0x80000001, 0, 0}, 0x80000000, 8},
    {"tst x1, #1", 0xf240003f, 0, {2, 0, 0}, 0, 4},
    {"bic x0, x1, x2", 0x8a220020, 0, {0xff, 0xf, 0}, 0xf0, 0},
    {"orn x0, x1, x2", 0xaa220020, 0, {0, 0, 0}, 0xffffffffffffffff, 0},
    {"eon w0, w1, w2", 0x4a220020, 0, {0xff, 0xff, 0}, 0xffffffff, 0},
    {"bics x0, x1, x2, ror #4", 0xeae21020, 2, {0xf, 0xf0, 0}, 0, 4},
    {"mov x0, x2", 0xaa0203e0, 0, {0, 0x1234, 0}, 0x1234, 0},
    {"mvn w0, w2", 0x2a2203e0, 0, {0, 0, 0}, 0xffffffff, 0},
    {"movz x0, #0xabcd, lsl #48", 0xd2f579a0, 0, {0, 0, 0}, 0xabcd000000000000, 0},
    {"movn x0, #0", 0x92800000, 0, {0, 0, 0}, 0xffffffffffffffff, 0},
    {"movn w0, #1", 0x12800020, 0, {0, 0, 0}, 0xfffffffe, 0},
    {"lsl x0, x1, #4", 0xd37cec20, 0, {0xf, 0, 0}, 0xf0, 0},
    {"lsr w0, w1, #4", 0x53047c20, 0, {0xf0000000f, 0, 0}, 0, 0},
    {"asr x0, x1, #60", 0x937cfc20, 0, {0x8000000000000000, 0, 0}, 0xfffffffffffffff8, 0},
    {"ubfx x0, x1, #8, #8", 0xd3483c20, 0, {0xabcd, 0, 0}, 0xab, 0},
    {"sbfx w0, w1, #4, #4", 0x13041c20, 0, {0x80, 0, 0}, 0xfffffff8, 0},
    {"bfi x0, x1, #8, #8", 0xb3781c20, 0, {0xff, 0, 0}, 0xff00, 0},
    {"sxtw x0, w1", 0x93407c20, 0, {0x80000000, 0, 0}, 0xffffffff80000000, 0},
    {"uxtb w0, w1", 0x53001c20, 0, {0x1ff, 0, 0}, 0xff, 0},
    {"extr x0, x1, x2, #8", 0x93c22020, 0, {1, 0xff00, 0}, 0x1000000000000ff, 0},
    {"ror w0, w1, #4", 0x13811020, 0, {0xf, 0, 0}, 0xf0000000, 0},
    {"lslv x0, x1, x2", 0x9ac22020, 0, {1, 0x41, 0}, 2, 0},
    {"asrv w0, w1, w2", 0x1ac22820, 0, {0x80000000, 0x21, 0}, 0xc0000000, 0},
    {"rorv x0, x1, x2", 0x9ac22c20, 0, {1, 1, 0}, 0x8000000000000000, 0},
    {"madd x0, x1, x2, x3", 0x9b020c20, 0, {3, 4, 5}, 0x11, 0},
    {"msub w0, w1, w2, w3", 0x1b028c20, 0, {3, 4, 5}, 0xfffffff9, 0},
    {"smaddl x0, w1, w2, x3", 0x9b220c20, 0, {0xffffffff, 2, 0xa}, 8, 0},
    {"umaddl x0, w1, w2, x3", 0x9ba20c20, 0, {0xffffffff, 2, 0}, 0x1fffffffe, 0},
    {"smulh x0, x1, x2", 0x9b427c20, 0, {0xffffffffffffffff, 2, 0}, 0xffffffffffffffff, 0},
    {"umulh x0, x1, x2", 0x9bc27c20, 0, {0xffffffffffffffff, 2, 0}, 1, 0},
    {"udiv x0, x1, x2", 0x9ac20820, 0, {7, 2, 0}, 3, 0},
    {"udiv x0, x1, x2", 0x9ac20820, 0, {7, 0, 0}, 0, 0},
    {"sdiv w0, w1, w2", 0x1ac20c20, 0, {0x80000000, 0xffffffff, 0}, 0x80000000, 0},
    {"sdiv x0, x1, x2", 0x9ac20c20, 0, {0xfffffffffffffff9, 2, 0}, 0xfffffffffffffffd, 0},
    {"clz x0, x1", 0xdac01020, 0, {1, 0, 0}, 0x3f, 0},
    {"clz w0, w1", 0x5ac01020, 0, {0, 0, 0}, 0x20, 0},
    {"cls x0, x1", 0xdac01420, 0, {0xffffffffffffffff, 0, 0}, 0x3f, 0},
    {"cls w0, w1", 0x5ac01420, 0, {0x1f, 0, 0}, 0x1a, 0},
    {"rbit w0, w1", 0x5ac00020, 0, {1, 0, 0}, 0x80000000, 0},
    {"rev x0, x1", 0xdac00c20, 0, {0x102030405060708, 0, 0}, 0x807060504030201, 0},
    {"rev16 w0, w1", 0x5ac00420, 0, {0x1020304, 0, 0}, 0x2010403, 0},
    {"rev32 x0, x1", 0xdac00820, 0, {0x102030405060708, 0, 0}, 0x403020108070605, 0},
    {"csel x0, x1, x2, eq", 0x9a820020, 4, {1, 2, 0}, 1, 4},
    {"csel x0, x1, x2, hi", 0x9a828020, 6, {1, 2, 0}, 2, 6},
    {"csinc x0, x1, x2, ge", 0x9a82a420, 8, {1, 2, 0}, 3, 8},
    {"csinv w0, w1, w2, lt", 0x5a82b020, 0, {1, 0, 0}, 0xffffffff, 0},
    {"csneg x0, x1, x2, le", 0xda82d420, 0, {1, 1, 0}, 0xffffffffffffffff, 0},
    {"cset x0, vs", 0x9a9f77e0, 1, {0, 0, 0}, 1, 1},
    {"ccmp x1, x2, #0xf, eq", 0xfa42002f, 4, {1, 1, 0}, 0, 6},
    {"ccmp x1, x2, #0xf, ne", 0xfa42102f, 4, {1, 1, 0}, 0, 0xf},
    {"ccmn w1, #1, #0, mi", 0x3a414820, 8, {0xffffffff, 0, 0}, 0, 6},
};
/* clang-format on */

static void one_instruction_gives_value_and_flags(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        struct tsp_regs *in = guest_regs(&g);

        memcpy(&in->r[1], r->x, sizeof(r->x));
        in->flags = EL1H | (uint64_t)r->nzcv << 28;
        guest_word(&g, r->word, 1);
        if (g.ev.after.r[0] != r->x0 || g.ev.after.flags >> 28 != r->nzcv_after)
            print_message("%s\n", r->text);
        assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(g.ev.after.r[0], r->x0);
        assert_int_equal(g.ev.after.flags >> 28, r->nzcv_after);
        assert_int_equal(g.ev.after.pc, CODE + 4);
        assert_int_equal(g.ev.after.r[2], r->x[1]);
    }
    guest_close(&g);
}

/* Register 31 is SP or zero by the form of the instruction. */
static void register_31_is_stack_pointer_or_zero(void **state)
{
    static const struct {
        uint32_t word;
        unsigned reg;
        uint64_t value;
    } r31[] = {
        {0x910043e0, 0, STACK + 16},    /* add x0, sp, #16 */
        {0xd10043ff, 31, STACK - 16},   /* sub sp, sp, #16 */
        {0x9100003f, 31, 0x77},         /* mov sp, x1 */
        {0xaa1f03e0, 0, 0},             /* mov x0, xzr */
        {0xab1f003f, 31, STACK},        /* cmn x1, xzr */
        {0x8b2163ff, 31, STACK + 0x77}, /* add sp, sp, x1 */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->r[1] = 0x77;
    for (size_t i = 0; i < sizeof(r31) / sizeof(r31[0]); i++) {
        guest_word(&g, r31[i].word, 1);
        assert_int_equal(g.ev.after.r[r31[i].reg], r31[i].value);
    }
    guest_close(&g);
}

struct jump {
    uint32_t word;
    unsigned nzcv;
    uint64_t x1;
    int64_t to; /* from CODE */
    bool link;
};

static void branches_go_where_they_should(void **state)
{
    static const struct jump jumps[] = {
        {0x14000004, 0, 0, 16, false},                  /* b .+16 */
        {0x17ffffff, 0, 0, -4, false},                  /* b .-4 */
        {0x94000004, 0, 0, 16, true},                   /* bl .+16 */
        {0x54000080, 4, 0, 16, false},                  /* b.eq */
        {0x54000080, 0, 0, 4, false},                   /* b.eq, not taken */
        {0x5400008d, 8, 0, 16, false},                  /* b.le by N != V */
        {0xb4000081, 0, 0, 16, false},                  /* cbz x1 */
        {0x34000081, 0, 0x100000000, 16, false},        /* cbz w1 looks at 32 bits */
        {0xb5000081, 0, 0x100000000, 16, false},        /* cbnz x1 */
        {0x36000081, 0, 1, 4, false},                   /* tbz w1, #0 */
        {0xb7f80081, 0, 0x8000000000000000, 16, false}, /* tbnz x1, #63 */
        {0xd61f0020, 0, CODE + 32, 32, false},          /* br x1 */
        {0xd63f0020, 0, CODE + 32, 32, true},           /* blr x1 */
        {0xd65f0020, 0, CODE + 32, 32, false},          /* ret x1 */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        guest_regs(&g)->r[1] = jumps[i].x1;
        guest_regs(&g)->flags = EL1H | (uint64_t)jumps[i].nzcv << 28;
        guest_word(&g, jumps[i].word, 1);
        assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(g.ev.after.pc, CODE + (uint64_t)jumps[i].to);
        assert_int_equal(g.ev.after.r[30], jumps[i].link ? CODE + 4 : 0);
    }
    guest_close(&g);
}

static void adr_and_adrp_are_relative_to_pc(void **state)
{
    static const struct {
        uint32_t word;
        uint64_t value;
    } adr[] = {
        {0x10000080, CODE + 16},     /* adr x0, .+16 */
        {0x70ffffe0, CODE - 1},      /* adr x0, .-1 */
        {0xb0000000, CODE + 0x1000}, /* adrp x0, .+0x1000 */
        {0xf0ffffe0, CODE - 0x1000}, /* adrp x0, .-0x1000 */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(adr) / sizeof(adr[0]); i++) {
        guest_word(&g, adr[i].word, 1);
        assert_int_equal(g.ev.after.r[0], adr[i].value);
    }
    guest_close(&g);
}

/* Sum of 1 to 100 in a loop: blocks, back edges and the budget. */
static void loop_ends_with_its_sum(void **state)
{
    static const uint32_t code[] = {
        0xd2800c81, /* mov x1, #100 */
        0x8b010000, /* add x0, x0, x1 */
        0xf1000421, /* subs x1, x1, #1 */
        0x54ffffc1, /* b.ne .-8 */
        WORD_B_SELF,
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_code(&g, code, sizeof(code) / sizeof(code[0]));
    guest_start(&g, 301);
    assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
    assert_int_equal(g.ev.after.r[0], 5050);
    assert_int_equal(g.ev.after.pc, CODE + 16);
    assert_int_equal(vm_retired(g.vm), 301);
    guest_close(&g);
}

static const struct CMUnitTest table[] = {
    cmocka_unit_test(one_instruction_gives_value_and_flags),
    cmocka_unit_test(register_31_is_stack_pointer_or_zero),
    cmocka_unit_test(branches_go_where_they_should),
    cmocka_unit_test(adr_and_adrp_are_relative_to_pc),
    cmocka_unit_test(loop_ends_with_its_sum),
};

TEST_MAIN(table)
