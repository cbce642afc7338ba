/* SPDX-License-Identifier: MIT */
/*
 * Delivery: what lies on the handler's stack and what the handler's registers are, in every mode;
 * which exception a bad gate, segment or stack turns the first one into.
 */
#include "tests/unit/emu_guest.h"

#define UD2 "\x0f\x0b"
#define RF 0x10000u

static void check_stack(uint64_t at, unsigned size, const uint64_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(peek(at + i * size, size), want[i]);
}

static void real_mode_goes_through_the_ivt(void **state)
{
    static const uint64_t frame[] = {0, GUEST_CODE >> 4, 0x0202 | 0x100};

    (void)state;
    guest_make(TSP_MODE_REAL16, 0, UD2, 2)->regs.flags = 0x302;
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.code, 6);
    assert_int_equal(guest.fault.info[0], 0);
    assert_int_equal(guest.fault.after.pc, 0x3060);
    assert_int_equal(guest.fault.after.flags, 2);
    assert_int_equal(guest.fault.after.r[TSP_RSP], GUEST_STACK - 6);
    check_stack(GUEST_STACK - 6, 2, frame, 3);
    guest_end();
}

static void real_mode_limit_ends_in_shutdown(void **state)
{
    (void)state;
    guest_make(TSP_MODE_REAL16, 0, UD2, 2)->x86.idt.limit = 0x10;
    assert_int_equal(guest_run(), TSP_STOP_TRIPLE);
    guest_end();
}

static void same_privilege_keeps_the_stack(void **state)
{
    static const uint64_t frame[] = {GUEST_CODE, SEL_CODE32, 0x246 | RF};

    (void)state;
    guest_make(TSP_MODE_PROT32, 0, UD2, 2)->regs.flags = 0x246;
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.code, 6);
    assert_int_equal(guest.fault.after.flags, 0x46);
    assert_int_equal(guest.fault.after.pc, 0x3060);
    assert_int_equal(guest.fault.len, 2);
    check_stack(GUEST_STACK - 12, 4, frame, 3);
    guest_end();
}

static void user_mode_switches_to_the_stack_of_the_tss(void **state)
{
    static const uint64_t frame[] = {GUEST_CODE, SEL_UCODE32, 2 | RF, GUEST_STACK, SEL_UDATA};

    (void)state;
    guest_make(TSP_MODE_PROT32, 3, UD2, 2);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.before.level, 3);
    assert_int_equal(guest.fault.after.level, 0);
    assert_int_equal(guest.fault.after.r[TSP_RSP], GUEST_STACK0 - 20);
    check_stack(GUEST_STACK0 - 20, 4, frame, 5);
    guest_end();
}

static void long_mode_aligns_and_always_pushes_the_stack(void **state)
{
    static const uint64_t frame[] = {GUEST_CODE, SEL_CODE64, 2 | RF, GUEST_STACK - 3, SEL_DATA};

    (void)state;
    guest_make(TSP_MODE_LONG64, 0, UD2, 2)->regs.r[TSP_RSP] = GUEST_STACK - 3;
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.after.r[TSP_RSP], GUEST_STACK - 16 - 40);
    check_stack(GUEST_STACK - 16 - 40, 8, frame, 5);
    guest_end();
}

static void long_mode_switches_stack_from_user_mode(void **state)
{
    static const struct {
        enum tsp_mode mode;
        uint64_t cs, pc;
    } rows[] = {
        {TSP_MODE_LONG64, SEL_UCODE64, GUEST_CODE},
        {TSP_MODE_COMPAT32, SEL_UCODE32, GUEST_CODE},
        {TSP_MODE_COMPAT16, SEL_UCODE16, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t frame[] = {rows[i].pc, rows[i].cs, 2 | RF, GUEST_STACK, SEL_UDATA};
        struct tsp_vcpu_state s;

        guest_make(rows[i].mode, 3, UD2, 2);
        assert_int_equal(guest_run(), TSP_STOP_HALT);
        assert_int_equal(guest.fault.before.mode, rows[i].mode);
        assert_int_equal(guest.fault.after.mode, TSP_MODE_LONG64);
        check_stack(GUEST_STACK0 - 40, 8, frame, 5);
        assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
        assert_int_equal(s.x86.seg[TSP_SS].sel, 0);
        assert_int_equal(s.x86.seg[TSP_CS].sel, SEL_CODE64);
        guest_end();
    }
}

static void interrupt_stack_table_wins(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 0, UD2, 2);
    put(0x2000 + 6 * 16 + 4, 3, 1);
    put(0xa024 + 16, 0x1f008, 8);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.after.r[TSP_RSP], 0x1f000 - 40);
    assert_int_equal(peek(0x1f000 - 16, 8), GUEST_STACK);
    guest_end();
}

static void vm86_pushes_and_clears_the_data_segments(void **state)
{
    static const uint64_t frame[] = {0, GUEST_CODE >> 4, 0x33002 | 0x20000, GUEST_STACK, 0,
                                     0, TSP_DS << 8,     TSP_FS << 8,       TSP_GS << 8};
    struct tsp_vcpu_state s;

    (void)state;
    guest_make(TSP_MODE_VM86, 3, UD2, 2);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.before.mode, TSP_MODE_VM86);
    assert_int_equal(guest.fault.after.mode, TSP_MODE_PROT32);
    assert_int_equal(guest.fault.after.flags & 0x20000, 0);
    check_stack(GUEST_STACK0 - 36, 4, frame, 9);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    for (unsigned i = 0; i <= TSP_GS; i++)
        if (i != TSP_CS && i != TSP_SS)
            assert_int_equal(s.x86.seg[i].sel, 0);
    guest_end();
}

static void sixteen_bit_gates_push_words(void **state)
{
    static const uint64_t frame[] = {0, SEL_CODE16, 2};

    (void)state;
    guest_make(TSP_MODE_PROT16, 0, UD2, 2);
    gate(6, SEL_CODE32, 0x3060, 0x86, false);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.after.r[TSP_RSP], GUEST_STACK - 6);
    check_stack(GUEST_STACK - 6, 2, frame, 3);
    guest_end();
}

static void trap_gates_leave_interrupts_on(void **state)
{
    (void)state;
    guest_make(TSP_MODE_PROT32, 0, UD2, 2)->regs.flags = 0x4302; /* NT, IF, TF */
    gate(6, SEL_CODE32, 0x3060, 0x8f, false);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.after.flags, 0x202);
    guest_end();
}

/* INT n, INT3 and INTO: the next pc, RF clear, gate DPL respected, no EXT bit. INT1 is none of them
 * but for the pc: no gate is closed to it. */
static void software_interrupts(void **state)
{
    static const struct {
        const char *code;
        unsigned len, cpl, dpl, vector, error;
    } rows[] = {
        {"\xcd\x07", 2, 0, 0, 7, 0},
        {"\xcd\x07", 2, 3, 3, 7, 0},
        {"\xcd\x07", 2, 3, 0, 13, 7 * 8 + 2},
        {"\xcc", 1, 3, 3, 3, 0},
        {"\xcc", 1, 3, 0, 13, 3 * 8 + 2},
        {"\xcd\x03", 2, 0, 0, 3, 0},
        {"\xcd\x40", 2, 0, 0, 13, 0x40 * 8 + 2},
        {"\xce", 1, 3, 3, 4, 0},
        {"\xce", 1, 3, 0, 13, 4 * 8 + 2},
        {"\xf1", 1, 3, 0, 1, 0},
        {"\xf1", 1, 0, 0, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool ok = rows[i].vector != 13;
        uint64_t at = (rows[i].cpl ? GUEST_STACK0 - 20 : GUEST_STACK - 12) - (ok ? 0u : 4u);

        guest_make(TSP_MODE_PROT32, rows[i].cpl, rows[i].code, rows[i].len)->regs.flags = 0x802;
        for (unsigned v = 1; v < 8; v++)
            gate(v, SEL_CODE32, 0x3000 + 16 * v, 0x8e | rows[i].dpl << 5, false);
        assert_int_equal(guest_run(), TSP_STOP_HALT);
        assert_int_equal(guest.fault.code, rows[i].vector);
        assert_int_equal(guest.fault.before.pc, GUEST_CODE);
        assert_int_equal(guest.fault.info[0], rows[i].error);
        if (!ok)
            assert_int_equal(peek(at, 4), rows[i].error);
        assert_int_equal(peek(at + (ok ? 0 : 4), 4), GUEST_CODE + (ok ? rows[i].len : 0));
        assert_int_equal(peek(at + (ok ? 8 : 12), 4), 0x802 | (ok ? 0 : RF));
        guest_end();
    }
}

/* What a broken gate for #UD is reported as. EXT is set: the guest did not ask for #UD. */
static void broken_gates(void **state)
{
    static const struct {
        unsigned sel, attr, vector, error;
    } rows[] = {
        {SEL_CODE32, 0x0e, 11, 6 * 8 + 3},
        {SEL_CODE32, 0x8c, 13, 6 * 8 + 3},
        {SEL_CODE32, 0x9e, 13, 6 * 8 + 3},
        {0, 0x8e, 13, 1},
        {3, 0x8e, 13, 1},
        {SEL_DATA, 0x8e, 13, SEL_DATA | 1},
        {0x90, 0x8e, 13, 0x90 | 1},
        {0x14, 0x8e, 13, 0x14 | 1},
        {SEL_UCODE32, 0x8e, 13, 0x30 | 1},
        {SEL_SPARE, 0x8e, 11, SEL_SPARE | 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(TSP_MODE_PROT32, 0, UD2, 2);
        descriptor(SEL_SPARE, 0, 0xfffff, 0xc01b);
        gate(6, rows[i].sel, 0x3060, rows[i].attr, false);
        assert_int_equal(guest_run(), TSP_STOP_HALT);
        assert_int_equal(guest.fault.code, rows[i].vector);
        assert_int_equal(guest.fault.info[0], rows[i].error);
        assert_int_equal(peek(guest.fault.after.r[TSP_RSP] + 4, 4), GUEST_CODE);
        guest_end();
    }
}

/* A broken ring-0 stack is met while user code raises #UD. */
static void broken_stacks(void **state)
{
    static const struct {
        unsigned ss, vector, error;
    } rows[] = {
        {0, 10, 1},           {SEL_UDATA, 10, 0x38 | 1},      {SEL_CODE32, 10, SEL_CODE32 | 1},
        {0x98, 10, 0x98 | 1}, {SEL_SPARE, 12, SEL_SPARE | 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(TSP_MODE_PROT32, 3, UD2, 2);
        put(0xa008, rows[i].ss, 2);
        descriptor(SEL_SPARE, 0, 0xfffff, 0xc013);
        /* the second exception runs at CPL 3 itself, it needs no other stack */
        gate(rows[i].vector, SEL_UCODE32, 0x1000 * 0x11, 0xee, false);
        put(0x11000, 0xe6, 1);
        put(0x11001, 0xf4, 1);
        guest.setup.end_port = 0xf4;
        guest.setup.vcpu[0].regs.flags = 0x3002;
        assert_int_equal(guest_run(), TSP_STOP_END);
        assert_int_equal(guest.fault.code, rows[i].vector);
        assert_int_equal(guest.fault.info[0], rows[i].error);
        guest_end();
    }
}

/* Table 6-5: contributory after contributory, page fault after page fault, contributory after page
 * fault. */
static void double_and_triple_faults(void **state)
{
    static const struct {
        const char *code;
        unsigned len, bad1, bad2; /* gates taken away */
        uint32_t stop, vector;
    } rows[] = {
        {"\x31\xc9\xf7\xf1", 4, 0, 99, TSP_STOP_HALT,
         8}, /* #DE with no gate: #NP, both contributory */
        {"\x31\xc9\xf7\xf1", 4, 0, 8, TSP_STOP_TRIPLE, 0},
        {UD2, 2, 6, 99, TSP_STOP_HALT, 11}, /* #UD is benign: #NP is delivered */
        {UD2, 2, 6, 11, TSP_STOP_HALT, 8},
        {"\xcd\x00", 2, 0, 99, TSP_STOP_HALT, 11}, /* INT 0 is benign too */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(TSP_MODE_PROT32, 0, rows[i].code, rows[i].len);
        gate(rows[i].bad1, SEL_CODE32, 0, 0x0e, false);
        if (rows[i].bad2 < 32)
            gate(rows[i].bad2, SEL_CODE32, 0, 0x0e, false);
        assert_int_equal(guest_run(), rows[i].stop);
        if (rows[i].stop == TSP_STOP_HALT)
            assert_int_equal(guest.fault.code, rows[i].vector);
        if (rows[i].vector == 8)
            assert_int_equal(guest.fault.info[0], 0);
        guest_end();
    }
}

static void page_faults_carry_address_and_code(void **state)
{
    struct tsp_vcpu_state s;

    (void)state;
    guest_make(TSP_MODE_LONG64, 3, "\xa2\x34\x20\x01\x00\x00\x00\x00\x00",
               9); /* mov [0x12034], al */
    put(0x7000 + 8 * 0x12, 0x12005, 8);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.code, 14);
    assert_int_equal(guest.fault.info[0], 7);
    assert_int_equal(guest.fault.info[1], 0x12034);
    assert_int_equal(peek(GUEST_STACK0 - 48, 8), 7);
    assert_int_equal(peek(GUEST_STACK0 - 40, 8), GUEST_CODE);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(s.x86.cr2, 0x12034);
    guest_end();
}

static void page_fault_on_the_handlers_stack(void **state)
{
    (void)state;
    /* The ring-0 stack is not there: #UD cannot be pushed, nor #PF, nor #DF. */
    guest_make(TSP_MODE_LONG64, 3, UD2, 2);
    put(0x7000 + 8 * 0xb, 0, 8);
    assert_int_equal(guest_run(), TSP_STOP_TRIPLE);
    guest_end();
    /* With a good stack of its own, #DF arrives: #PF while delivering #PF. */
    guest_make(TSP_MODE_LONG64, 3, UD2, 2);
    put(0x7000 + 8 * 0xb, 0, 8);
    put(0x2000 + 8 * 16 + 4, 1, 1);
    put(0xa024, 0x1f000, 8);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.code, 8);
    assert_int_equal(peek(0x1f000 - 48, 8), 0);
    assert_int_equal(peek(0x1f000 - 24, 8), 2);
    guest_end();
}

/* The segment ends where a page does. What lies behind is not read, whatever grants it: #GP, and
 * the next page is not marked accessed, as with Linux 6.1's KVM on VMX. */
static void a_fetch_past_the_limit_reads_no_page_tables(void **state)
{
    static const char cut[] = {0x0f, 0x01, (char)0xc1};
    const uint64_t end = GUEST_CODE + 0x1000, entry = 0x7000 + 8 * (end >> 12);

    (void)state;
    for (unsigned room = 1; room < sizeof(cut); room++) {
        struct tsp_vcpu_state *v = guest_make(TSP_MODE_COMPAT16, 0, cut, 0);

        memcpy(guest.ram + end - room, cut, sizeof(cut));
        v->x86.seg[TSP_CS].limit = 0xfff;
        v->regs.pc = 0x1000 - room;
        assert_int_equal(guest_run(), TSP_STOP_HALT);
        assert_int_equal(guest.fault.code, 13);
        assert_int_equal(guest.fault.info[0], 0);
        assert_int_equal(peek(entry, 8) & 0x20, 0);
        guest_end();
    }
}

static void task_gates_are_outside_the_model(void **state)
{
    (void)state;
    guest_make(TSP_MODE_PROT32, 0, UD2, 2);
    gate(6, SEL_TSS, 0, 0x85, false);
    assert_int_equal(guest_run(), TSP_STOP_UNSUPPORTED);
    guest_end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(real_mode_goes_through_the_ivt),
    cmocka_unit_test(real_mode_limit_ends_in_shutdown),
    cmocka_unit_test(same_privilege_keeps_the_stack),
    cmocka_unit_test(user_mode_switches_to_the_stack_of_the_tss),
    cmocka_unit_test(long_mode_aligns_and_always_pushes_the_stack),
    cmocka_unit_test(long_mode_switches_stack_from_user_mode),
    cmocka_unit_test(interrupt_stack_table_wins),
    cmocka_unit_test(vm86_pushes_and_clears_the_data_segments),
    cmocka_unit_test(sixteen_bit_gates_push_words),
    cmocka_unit_test(trap_gates_leave_interrupts_on),
    cmocka_unit_test(software_interrupts),
    cmocka_unit_test(broken_gates),
    cmocka_unit_test(broken_stacks),
    cmocka_unit_test(double_and_triple_faults),
    cmocka_unit_test(page_faults_carry_address_and_code),
    cmocka_unit_test(page_fault_on_the_handlers_stack),
    cmocka_unit_test(a_fetch_past_the_limit_reads_no_page_tables),
    cmocka_unit_test(task_gates_are_outside_the_model),
};

TEST_MAIN(tests)
