/* SPDX-License-Identifier: MIT */
/* Decoded blocks: where they end, what they depend on, and who makes them go. */
#include "tests/unit/emu_rig.h"

static void text(uint64_t gpa, const char *bytes, size_t n)
{
    assert_true(vm_store_phys(&rig_vm, gpa, bytes, n));
}

static void a_block_ends_behind_traps_and_branches(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        unsigned n, op;
    } rows[] = {
        {"\x90\x90\x0f\xa2\x90", 5, 3, OP_CPUID},  {"\x90\x0f\x01\xc1\x90", 5, 2, OP_VMCALL},
        {"\x90\x90\xeb\xfe\x90", 5, 3, OP_JMP},    {"\x75\x00\x90", 3, 1, OP_JCC},
        {"\x90\x0f\x22\xd8\x90", 5, 2, OP_MOV_CR}, {"\x90\xf4\x90", 3, 2, OP_HLT},
        {"\x90\x90\x90\x9d\x90", 5, 4, OP_POPF},   {"\x90\xc3", 2, 2, OP_RET},
        {"\x31\xc0\x0f\x0b", 4, 2, OP_UD2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vcpu *vc = rig_open();
        const struct code_block *b;

        rig_vm.nvcpu = 1;
        rig_long_mode(vc);
        text(0x10000, rows[i].bytes, rows[i].len);
        b = code_lookup(&rig_vm, vc, 0x10000);
        assert_non_null(b);
        assert_int_equal(b->n, rows[i].n);
        assert_int_equal(b->insn[b->n - 1].op, rows[i].op);
        assert_ptr_equal(code_lookup(&rig_vm, vc, 0x10000), b);
        rig_close();
    }
}

/* Each of several vCPUs takes one instruction at a time: what follows would be decoded for
 * nothing. */
static void a_block_of_several_vcpus_is_one_instruction(void **state)
{
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    text(0x10000, "\x90\x90\x0f\xa2", 4);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10000)->n, 1);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10001)->insn[0].op, OP_NOP);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10002)->insn[0].op, OP_CPUID);
    rig_close();
}

/* Many blocks come and go in one page: each lookup finds what is there. */
static void dropped_blocks_are_taken_again(void **state)
{
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    for (unsigned round = 0; round < 64; round++) {
        const char *insn = round % 2 ? "\x0f\xa2" : "\x0f\x0b";

        for (uint64_t at = 0x10000; at < 0x10100; at += 2)
            text(at, insn, 2);
        for (uint64_t at = 0x10000; at < 0x10100; at += 2)
            assert_int_equal(code_lookup(&rig_vm, vc, at)->insn[0].op,
                             round % 2 ? OP_CPUID : OP_UD2);
        for (uint64_t at = 0x11000; at < 0x13000; at += 16)
            assert_non_null(code_lookup(&rig_vm, vc, at));
        if (round % 8 == 7)
            code_reset(rig_vm.code);
    }
    rig_close();
}

static void a_store_into_the_page_drops_its_blocks(void **state)
{
    struct vcpu *vc = rig_open();
    const struct code_block *b;

    (void)state;
    rig_long_mode(vc);
    text(0x10000, "\x0f\x01\xd9", 3);
    b = code_lookup(&rig_vm, vc, 0x10000);
    assert_int_equal(b->insn[0].op, OP_VMMCALL);
    /* a store of the guest, remembered for writing or not */
    assert_int_equal(mmu_store(&rig_vm, vc, 0x10002, "\xc1", 1, MMU_WRITE), STEP_NEXT);
    assert_false(b->valid);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10000)->insn[0].op, OP_VMCALL);
    assert_int_equal(mmu_store(&rig_vm, vc, 0x10002, "\xd9", 1, MMU_WRITE), STEP_NEXT);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10000)->insn[0].op, OP_VMMCALL);
    /* a store of the machine, seen by the other vCPU */
    rig_long_mode(&rig_vm.vcpu[1]);
    assert_int_equal(code_lookup(&rig_vm, &rig_vm.vcpu[1], 0x10000)->insn[0].op, OP_VMMCALL);
    text(0x10002, "\xc1", 1);
    assert_int_equal(code_lookup(&rig_vm, &rig_vm.vcpu[1], 0x10000)->insn[0].op, OP_VMCALL);
    /* other pages keep theirs */
    text(0x12000, "\x0f\xa2", 2);
    b = code_lookup(&rig_vm, vc, 0x12000);
    text(0x10002, "\xd9", 1);
    assert_true(b->valid);
    rig_close();
}

static void an_instruction_across_pages_depends_on_both(void **state)
{
    struct vcpu *vc = rig_open();
    const struct code_block *b;

    (void)state;
    rig_long_mode(vc);
    text(0x10ffe, "\x0f\x01\xd9\x90", 4);
    b = code_lookup(&rig_vm, vc, 0x10ffe);
    assert_int_equal(b->n, 1);
    assert_int_equal(b->insn[0].op, OP_VMMCALL);
    assert_int_equal(b->insn[0].len, 3);
    text(0x11000, "\xc1", 1);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10ffe)->insn[0].op, OP_VMCALL);
    /* the second page elsewhere */
    text(0x13000, "\xd9", 1);
    rig_put(rig_pte(0x11000), 0x13000 | P | W | U, 8);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10ffe)->insn[0].op, OP_VMMCALL);
    text(0x13000, "\xc1", 1);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10ffe)->insn[0].op, OP_VMCALL);
    /* the second page gone */
    rig_put(rig_pte(0x11000), 0, 8);
    assert_null(code_lookup(&rig_vm, vc, 0x10ffe));
    assert_int_equal(vc->fault.vector, 14);
    assert_int_equal(vc->fault.addr, 0x11000);
    assert_int_equal(vc->fault.error, 0x10);
    rig_close();
}

/* Data beside code: only a store to one of the code's 64-byte lines, or to what decoding may have
 * looked at behind it, says anything about it. */
static void a_store_elsewhere_in_the_page_keeps_its_blocks(void **state)
{
    static const struct {
        uint64_t at;
        bool kept;
    } rows[] = {{0x10100, false}, {0x10101, false}, {0x1013f, false}, {0x100ff, true},
                {0x10fff, true},  {0x10180, true},  {0x11100, true}};
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct code_block *b;
        uint8_t byte = 0xcc;

        text(0x10100, "\x90\x0f\xa2", 3);
        b = code_lookup(&rig_vm, vc, 0x10100);
        assert_non_null(b);
        assert_int_equal(mmu_store(&rig_vm, vc, rows[i].at, &byte, 1, MMU_WRITE), STEP_NEXT);
        assert_int_equal(b->valid, rows[i].kept);
        assert_true(rig_get(rows[i].at, 1) == byte);
    }
    rig_close();
}

static void a_whole_instruction_needs_no_second_page(void **state)
{
    struct vcpu *vc = rig_open();
    const struct code_block *b;

    (void)state;
    rig_vm.nvcpu = 1;
    rig_long_mode(vc);
    rig_put(rig_pte(0x11000), 0, 8);
    text(0x10ffc, "\x90\x0f\x01\xd9", 4);
    b = code_lookup(&rig_vm, vc, 0x10ffc);
    assert_non_null(b);
    assert_int_equal(b->n, 2);
    /* plain instructions in front of one that is cut off still run */
    text(0x10ffc, "\x90\x90\x0f\x01", 4);
    b = code_lookup(&rig_vm, vc, 0x10ffc);
    assert_non_null(b);
    assert_int_equal(b->n, 2);
    assert_null(code_lookup(&rig_vm, vc, 0x10ffe));
    rig_close();
}

static void mode_and_mapping_are_part_of_the_key(void **state)
{
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    text(0x10000, "\x40\x90", 2); /* inc eax, or a REX prefix on nop */
    text(0x12000, "\x0f\xa2", 2);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10000)->insn[0].len, 2);
    vc->s.regs.mode = TSP_MODE_COMPAT32;
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10000)->insn[0].len, 1);
    rig_put(rig_pte(0x10000), 0x12000 | P | W | U, 8);
    assert_int_equal(code_lookup(&rig_vm, vc, 0x10000)->insn[0].op, OP_CPUID);
    rig_put(rig_pte(0x10000), 0x10000 | P | W | U | NX, 8);
    assert_null(code_lookup(&rig_vm, vc, 0x10000));
    rig_close();
}

static void changed_page_tables_end_the_current_block(void **state)
{
    struct vcpu *vc = rig_open();
    const struct code_block *b;

    (void)state;
    rig_long_mode(vc);
    text(0x10000, "\x90\x90\x90\x90\xf4", 5);
    b = code_lookup(&rig_vm, vc, 0x10000);
    assert_true(b->valid);
    rig_put(rig_pte(0x10000), 0x12000 | P | W | U, 8);
    assert_false(b->valid);
    rig_close();
}

static void outside_ram_there_is_nothing_to_run(void **state)
{
    struct vcpu *vc = rig_open();
    const struct code_block *b;

    (void)state;
    vc->s.regs.mode = TSP_MODE_PROT32;
    vc->s.x86.seg[TSP_CS].limit = UINT32_MAX;
    b = code_lookup(&rig_vm, vc, 0x100000);
    assert_non_null(b);
    assert_int_equal(b->n, 1);
    assert_int_equal(b->insn[0].status, INSN_UNSUPPORTED);
    vc->s.regs.pc = 0x100000;
    ev_begin(&rig_vm, vc, &b->insn[0]);
    assert_int_equal(rig_event.len, 0);
    /* the last bytes of RAM may still be a whole instruction, or not */
    text(RIG_RAM - 2, "\x0f\xa2", 2);
    assert_int_equal(code_lookup(&rig_vm, vc, RIG_RAM - 2)->insn[0].op, OP_CPUID);
    text(RIG_RAM - 2, "\x0f\x01", 2);
    b = code_lookup(&rig_vm, vc, RIG_RAM - 2);
    assert_int_equal(b->insn[0].status, INSN_UNSUPPORTED);
    vc->s.regs.pc = RIG_RAM - 2;
    ev_begin(&rig_vm, vc, &b->insn[0]);
    assert_int_equal(rig_event.len, 0);
    rig_close();
}

/* An instruction cut off by the end of RAM, the segment's last byte in front of it, at it and
 * behind it: the limit comes first. */
static void the_segment_ends_before_ram_does(void **state)
{
    static const struct {
        uint64_t base;
        uint32_t limit;
        unsigned mode;
        bool faults;
    } rows[] = {
        {0, RIG_RAM - 1, TSP_MODE_PROT32, true},
        {0, RIG_RAM, TSP_MODE_PROT32, false},
        {0, UINT32_MAX, TSP_MODE_PROT16, false},
        {RIG_RAM - 0x100, 0xff, TSP_MODE_PROT16, true},
        {RIG_RAM - 0x100, 0x100, TSP_MODE_COMPAT32, false},
        {0, 0, TSP_MODE_LONG64, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vcpu *vc = rig_open();
        const struct code_block *b;

        vc->s.regs.mode = rows[i].mode;
        vc->s.x86.seg[TSP_CS] = (struct tsp_segment){.base = rows[i].base, .limit = rows[i].limit};
        text(RIG_RAM - 2, "\x0f\x01", 2);
        b = code_lookup(&rig_vm, vc, RIG_RAM - 2);
        assert_int_equal(b == NULL, rows[i].faults);
        assert_true(b ? b->insn[0].status == INSN_UNSUPPORTED : vc->fault.addr == RIG_RAM);
        rig_close();
    }
}

static void events_show_the_bytes_before_and_after(void **state)
{
    struct vcpu *vc = rig_open();
    const struct code_block *b;

    (void)state;
    rig_long_mode(vc);
    vc->s.regs.pc = 0x10fff;
    rig_put(rig_pte(0x11000), 0x13000 | P, 8);
    text(0x10fff, "\x0f", 1);
    text(0x13000, "\x01\xd9", 2);
    b = code_lookup(&rig_vm, vc, 0x10fff);
    ev_begin(&rig_vm, vc, &b->insn[0]);
    text(0x13001, "\xc1", 1);
    vc->s.regs.pc += 3;
    ev_end(&rig_vm, vc);
    assert_int_equal(rig_event.len, 3);
    assert_memory_equal(rig_event.fetched, "\x0f\x01\xd9", 3);
    assert_memory_equal(rig_event.stored, "\x0f\x01\xc1", 3);
    assert_int_equal(rig_event.addr, 0x10fff);
    assert_int_equal(rig_event.before.pc, 0x10fff);
    assert_int_equal(rig_event.after.pc, 0x11002);
    assert_int_equal(rig_event.text[0],
                     TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH);
    assert_int_equal(rig_event.text[1], TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_FETCH);
    assert_int_equal(rig_event.sys[TSP_SYS_CR3], 0x4000);
    rig_close();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_block_ends_behind_traps_and_branches),
    cmocka_unit_test(a_block_of_several_vcpus_is_one_instruction),
    cmocka_unit_test(dropped_blocks_are_taken_again),
    cmocka_unit_test(a_store_into_the_page_drops_its_blocks),
    cmocka_unit_test(an_instruction_across_pages_depends_on_both),
    cmocka_unit_test(a_store_elsewhere_in_the_page_keeps_its_blocks),
    cmocka_unit_test(a_whole_instruction_needs_no_second_page),
    cmocka_unit_test(mode_and_mapping_are_part_of_the_key),
    cmocka_unit_test(changed_page_tables_end_the_current_block),
    cmocka_unit_test(outside_ram_there_is_nothing_to_run),
    cmocka_unit_test(the_segment_ends_before_ram_does),
    cmocka_unit_test(events_show_the_bytes_before_and_after),
};

TEST_MAIN(tests)
