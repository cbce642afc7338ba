/* SPDX-License-Identifier: MIT */
/*
 * Segments as small guests: mode switches, segment loads, limits and rights, far transfers. Rows
 * name what the instruction pages of Intel SDM Vol. 2 say happens.
 */
#include "tests/unit/emu_rows.h"

/* The sequence every 64-bit kernel begins with. */
static void from_real_to_long_mode_and_back(void **state)
{
    static const char code[] =
        "\x66\x0f\x01\x16\x00\x01"          /* lgdtd [0x100] */
        "\x0f\x20\xc0\x0c\x01\x0f\x22\xc0"  /* mov eax, cr0; or al, 1; mov cr0, eax */
        "\x66\xea\x00\x02\x01\x00\x08\x00"; /* jmp dword 8:0x10200 */
    static const char protected_code[] =
        "\xb8\x20\x00\x00\x00\x0f\x22\xe0" /* mov eax, 0x20; mov cr4, eax */
        "\xb8\x00\x40\x00\x00\x0f\x22\xd8" /* mov eax, 0x4000; mov cr3, eax */
        "\xb9\x80\x00\x00\xc0\xb8\x00\x01\x00\x00\x31\xd2\x0f\x30" /* wrmsr EFER.LME */
        "\x0f\x20\xc0\x0d\x00\x00\x00\x80\x0f\x22\xc0"             /* CR0.PG */
        "\xea\x00\x03\x01\x00\x18\x00";                            /* jmp 0x18:0x10300 */
    static const char long_code[] =
        "\x49\xb8\x88\x77\x66\x55\x44\x33\x22\x11"          /* mov r8, 0x1122334455667788 */
        "\x68\x08\x00\x00\x00\x68\x00\x04\x01\x00\x48\xcb"; /* push 8; push 0x10400; retfq */
    static const char back[] =
        "\x0f\x20\xc0\x25\xff\xff\xff\x7f\x0f\x22\xc0" /* PG off */
        "\xea\x00\x05\x00\x00\x20\x00";                /* jmp 0x20:0x500 (16-bit, base 0x10000) */
    static const char real_code[] = "\x0f\x20\xc0\x24\xfe\x0f\x22\xc0" /* PE off */
                                    "\xea\x00\x06\x00\x10";            /* jmp 0x1000:0x600 */
    struct tsp_vcpu_state *v = guest_make(TSP_MODE_REAL16, 0, code, sizeof(code) - 1), s;

    (void)state;
    guest_policy(0x80000000, 0x80000001, 0, 0, 0);
    guest_policy(0x80000001, 0, 0, 0, 0x20100800);
    v->x86.seg[TSP_DS].base = GUEST_CODE;
    put(GUEST_CODE + 0x100, 0x7f, 2);
    put(GUEST_CODE + 0x102, 0x1000, 4);
    descriptor(SEL_CODE16, GUEST_CODE, 0xffff, 0x9b);
    memcpy(guest.ram + 0x10200, protected_code, sizeof(protected_code) - 1);
    memcpy(guest.ram + 0x10300, long_code, sizeof(long_code) - 1);
    memcpy(guest.ram + 0x10400, back, sizeof(back) - 1);
    memcpy(guest.ram + 0x10500, real_code, sizeof(real_code) - 1);
    put(0x10600, 0xf4, 1);
    /* four-level tables of guest_paging(true) */
    guest_paging(true);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.kind, TSP_EV_NONE);
    assert_int_equal(guest.ev.after.mode, TSP_MODE_REAL16);
    assert_int_equal(guest.ev.after.pc, 0x601);
    assert_int_equal(reg(TSP_R8), 0x1122334455667788);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(s.x86.efer, 0x100);
    assert_int_equal(s.x86.seg[TSP_CS].base, 0x10000);
    guest_end();
}

static void loads_of_data_segments_check_everything(void **state)
{
    static const struct row rows[] = {
        {"\x66\xb8\x00\x00\x8e\xd8", 6, 0, DONE, 0, TSP_MODE_PROT32},
        {"\x66\xb8\x03\x00\x8e\xd8", 6, 3, DONE, 0, TSP_MODE_PROT32},
        {"\x66\xb8\x10\x00\x8e\xd8", 6, 0, DONE, 0, TSP_MODE_PROT32},
        {"\x66\xb8\x10\x00\x8e\xd8", 6, 3, 13, 0x10, TSP_MODE_PROT32},
        {"\x66\xb8\x13\x00\x8e\xd8", 6, 0, 13, 0x10, TSP_MODE_PROT32},
        {"\x66\xb8\x08\x00\x8e\xd8", 6, 0, DONE, 0, TSP_MODE_PROT32}, /* readable code */
        {"\x66\xb8\x50\x00\x8e\xd8", 6, 0, 13, 0x50, TSP_MODE_PROT32},
        {"\x66\xb8\x88\x00\x8e\xd8", 6, 0, 13, 0x88, TSP_MODE_PROT32},
        {"\x66\xb8\x14\x00\x8e\xd8", 6, 0, 13, 0x14, TSP_MODE_PROT32},
        {"\x66\xb8\x60\x00\x8e\xd8", 6, 0, 11, 0x60, TSP_MODE_PROT32},
        {"\x66\xb8\x00\x00\x8e\xd0", 6, 0, 13, 0, TSP_MODE_PROT32},
        {"\x66\xb8\x10\x00\x8e\xd0", 6, 0, DONE, 0, TSP_MODE_PROT32},
        {"\x66\xb8\x08\x00\x8e\xd0", 6, 0, 13, 8, TSP_MODE_PROT32},
        {"\x66\xb8\x60\x00\x8e\xd0", 6, 0, 12, 0x60, TSP_MODE_PROT32},
        {"\x66\xb8\x3b\x00\x8e\xd0", 6, 3, DONE, 0, TSP_MODE_PROT32},
        {"\x66\xb8\x3b\x00\x8e\xd0", 6, 0, 13, 0x38, TSP_MODE_PROT32},
        {"\x66\xb8\x00\x00\x8e\xd0", 6, 0, DONE, 0, TSP_MODE_LONG64},
        {"\x66\xb8\x03\x00\x8e\xd0", 6, 3, 13, 0, TSP_MODE_LONG64},
        {"\x8e\xc8", 2, 0, 6, 0, TSP_MODE_PROT32}, /* mov cs */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(rows[i].mode, rows[i].cpl, rows[i].code, rows[i].len);
        descriptor(SEL_SPARE, 0, 0xfffff, 0xc013);
        run_row(&rows[i], i);
        guest_end();
    }
}

static void loading_sets_the_accessed_bit(void **state)
{
    (void)state;
    guest_make(TSP_MODE_PROT32, 0, "\x66\xb8\x60\x00\x8e\xd8\xf4", 7);
    descriptor(SEL_SPARE, 0x1234, 0xff, 0x4092);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(peek(0x1000 + SEL_SPARE + 5, 1), 0x93);
    guest_end();
}

/* Accesses against limits and rights: mov eax, [off] or mov [off], eax through DS = SEL_SPARE. */
static void segment_limits_and_rights(void **state)
{
    static const struct {
        uint32_t limit, attr, off;
        bool write;
        uint8_t vector;
    } rows[] = {
        {0xfff, 0x4093, 0xffc, false, DONE}, {0xfff, 0x4093, 0xffd, false, 13},
        {0xfff, 0x4093, 0xffc, true, DONE},  {0xfff, 0x4091, 0xffc, true, 13},
        {0xfff, 0x4091, 0xffc, false, DONE}, {0xfff, 0x4099, 0, false, 13},
        {0xfff, 0x409b, 0, false, DONE},     {0xfff, 0x409b, 0, true, 13},
        {0xfff, 0x4097, 0xfff, false, 13},   {0xfff, 0x4097, 0x1000, true, DONE},
        {0xfff, 0x0097, 0xfffd, false, 13},  {0xfff, 0x0097, 0xfffc, false, DONE},
        {0xf, 0xc093, 0xfffc, false, DONE},  {0xf, 0xc093, 0x10000, false, 13},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row r = {"", 5, 0, rows[i].vector, 0, TSP_MODE_PROT32};

        guest_make(TSP_MODE_PROT32, 0, rows[i].write ? "\xa3" : "\xa1", 1);
        put(GUEST_CODE + 1, rows[i].off, 4);
        descriptor(SEL_SPARE, 0x12000, rows[i].limit, rows[i].attr);
        segment(TSP_DS, SEL_SPARE);
        run_row(&r, i);
        guest_end();
    }
}

static void non_canonical_addresses(void **state)
{
    static const struct row rows[] = {
        /* mov rax, 0x800000000000 (or RSP); mov al, [rax] / push rax / jmp rax */
        {"\x48\xb8\x00\x00\x00\x00\x00\x80\x00\x00\x8a\x00", 12, 0, 13, 0, TSP_MODE_LONG64},
        {"\x48\xbc\x00\x00\x00\x00\x00\x80\x00\x00\x58", 11, 0, 12, 0, TSP_MODE_LONG64},
        {"\x48\xb8\x00\x00\x00\x00\x00\x80\x00\x00\xff\xe0", 12, 0, 13, 0, TSP_MODE_LONG64},
        {"\x48\xb8\xfd\xff\xff\xff\xff\x7f\x00\x00\x8b\x00", 12, 0, 13, 0, TSP_MODE_LONG64},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(rows[i].mode, 0, rows[i].code, rows[i].len);
        if (i == 1) { /* the stack is gone: the handler needs its own */
            put(0x2000 + 12 * 16 + 4, 1, 1);
            put(0xa024, 0x1f000, 8);
        }
        run_row(&rows[i], i);
        guest_end();
    }
}

static void iret_returns_to_user_and_virtual_mode(void **state)
{
    static const struct {
        enum tsp_mode from, to;
        const char *code;
        uint8_t len, size;
        uint64_t cs, flags, pc;
    } rows[] = {
        {TSP_MODE_PROT32, TSP_MODE_PROT32, "\xcf", 1, 4, SEL_UCODE32, 0x3202, 0x11000},
        {TSP_MODE_PROT32, TSP_MODE_VM86, "\xcf", 1, 4, 0x1100, 0x23202, 0},
        {TSP_MODE_LONG64, TSP_MODE_LONG64, "\x48\xcf", 2, 8, SEL_UCODE64, 0x3202, 0x11000},
        {TSP_MODE_LONG64, TSP_MODE_COMPAT32, "\x48\xcf", 2, 8, SEL_UCODE32, 0x3202, 0x11000},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t ss = rows[i].to == TSP_MODE_VM86 ? 0x100 : SEL_UDATA;
        uint64_t frame[] = {rows[i].pc, rows[i].cs, rows[i].flags, 0xd000, ss,
                            0x110,      0x120,      0x130,         0x140};
        struct tsp_vcpu_state s;

        guest_make(rows[i].from, 0, rows[i].code, rows[i].len);
        guest.setup.end_port = 0xf4;
        guest.setup.vcpu[0].regs.r[TSP_RSP] = 0xd800;
        for (unsigned k = 0; k < 9; k++)
            put(0xd800 + k * rows[i].size, frame[k], rows[i].size);
        put(0xa066, 0x68, 2);
        put(0x11000, 0xf4e6, 2);
        assert_int_equal(guest_run(), TSP_STOP_END);
        assert_int_equal(guest.fault.kind, TSP_EV_NONE);
        assert_int_equal(guest.ev.after.mode, rows[i].to);
        assert_int_equal(guest.ev.after.level, 3);
        assert_int_equal(guest.ev.after.flags, rows[i].flags);
        assert_int_equal(reg(TSP_RSP), 0xd000);
        assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
        assert_int_equal(s.x86.seg[TSP_SS].sel, ss);
        /* kernel data segments are gone at CPL 3 */
        assert_int_equal(s.x86.seg[TSP_DS].sel, rows[i].to == TSP_MODE_VM86 ? 0x120 : 0);
        guest_end();
    }
}

static void iret_in_user_mode_keeps_privileged_flags(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 3, "\x48\xcf", 2)->regs.flags = 2;
    guest.setup.vcpu[0].regs.r[TSP_RSP] = 0xd800;
    put(0xd800, 0x11000, 8);
    put(0xd808, SEL_UCODE64, 8);
    put(0xd810, 0x243ad7, 8); /* ID AC, IOPL 3, OF, TF off, IF, ZF ... */
    put(0xd818, 0xd000, 8);
    put(0xd820, SEL_UDATA, 8);
    put(0x11000, 0x0b0f, 2);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.before.pc, 0x11000);
    assert_int_equal(guest.fault.before.flags, 0x2408d7);
    guest_end();
}

static void iret_refuses_bad_frames(void **state)
{
    static const struct {
        uint64_t cs, ss;
        unsigned vector, error;
    } rows[] = {
        {0, SEL_UDATA, 13, 0},
        {SEL_DATA, SEL_UDATA, 13, SEL_DATA},
        {SEL_CODE32 | 3, SEL_UDATA, 13, SEL_CODE32},
        {SEL_UCODE32, SEL_DATA, 13, SEL_DATA},
        {SEL_UCODE32, 0, 13, 0},
        {SEL_UCODE32, SEL_SPARE | 3, 12, SEL_SPARE},
        {SEL_GATE | 3, SEL_UDATA, 11, SEL_GATE},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(TSP_MODE_PROT32, 0, "\xcf", 1)->regs.r[TSP_RSP] = 0xd800;
        descriptor(SEL_SPARE, 0, 0xfffff, 0xc073);
        descriptor(SEL_GATE, 0, 0xfffff, 0xc07b);
        put(0xd800, 0x11000, 4);
        put(0xd804, rows[i].cs, 4);
        put(0xd808, 2, 4);
        put(0xd80c, 0xd000, 4);
        put(0xd810, rows[i].ss, 4);
        assert_int_equal(guest_run(), TSP_STOP_HALT);
        assert_int_equal(guest.fault.code, rows[i].vector);
        assert_int_equal(guest.fault.info[0], rows[i].error);
        /* nothing of the frame was taken */
        assert_int_equal(peek(guest.fault.after.r[TSP_RSP] + 4, 4), GUEST_CODE);
        assert_int_equal(guest.fault.after.r[TSP_RSP], 0xd800 - 16);
        guest_end();
    }
}

static void call_gates_change_privilege_and_copy_parameters(void **state)
{
    (void)state;
    /* push 0x11; push 0x22; lcall 0x73:0 -- the gate copies two parameters and leads to CPL 0 */
    guest_make(TSP_MODE_PROT32, 3, "\x6a\x11\x6a\x22\x9a\x00\x00\x00\x00\x73\x00\x0f\x0b", 13);
    put(0x1000 + SEL_GATE, 0x1000, 2);
    put(0x1000 + SEL_GATE + 2, SEL_CODE32, 2);
    put(0x1000 + SEL_GATE + 4, 2, 1);
    put(0x1000 + SEL_GATE + 5, 0xec, 1);
    put(0x1000 + SEL_GATE + 6, 1, 2);
    /* mov ebx, [esp + 8]; mov ecx, [esp + 12]; mov esi, [esp]; retf 8 */
    memcpy(guest.ram + 0x11000, "\x8b\x5c\x24\x08\x8b\x4c\x24\x0c\x8b\x34\x24\xca\x08\x00", 14);
    guest_start();
    guest_next();
    assert_int_equal(guest.ev.kind, TSP_EV_FAULT);
    assert_int_equal(guest.ev.code, 6);
    assert_int_equal(guest.ev.before.pc, GUEST_CODE + 11);
    assert_int_equal(guest.ev.before.level, 3);
    assert_int_equal(guest.ev.before.r[TSP_RSP], GUEST_STACK);
    assert_int_equal(reg(TSP_RSI), GUEST_CODE + 11);
    assert_int_equal(reg(TSP_RBX), 0x22);
    assert_int_equal(reg(TSP_RCX), 0x11);
    guest_end();
}

static void far_jumps_check_the_target(void **state)
{
    static const struct row rows[] = {
        {"\xea\x07\x00\x01\x00\x08\x00", 7, 0, DONE, 0, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x33\x00", 7, 3, DONE, 0, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x00\x00", 7, 0, 13, 0, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x10\x00", 7, 0, 13, 0x10, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x33\x00", 7, 0, 13, 0x30, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x08\x00", 7, 3, 13, 0x08, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x80\x00", 7, 0, 13, 0x80, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x60\x00", 7, 0, 11, 0x60, TSP_MODE_PROT32},
        {"\xea\x07\x00\x01\x00\x20\x00", 7, 0, 13, 0, TSP_MODE_PROT32}, /* offset past the limit */
        {"\xea\x07\x00\x01\x00\x18\x00", 7, 0, DONE, 0, TSP_MODE_COMPAT32},
        {"\xea\x07\x00\x01\x00\x70\x00", 7, 0, 13, 0x70, TSP_MODE_COMPAT32}, /* L and D */
        {"\xea\x05\x00\x00\x10", 5, 0, DONE, 0, TSP_MODE_REAL16},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(rows[i].mode, rows[i].cpl, rows[i].code, rows[i].len);
        descriptor(SEL_SPARE, 0, 0xfffff, 0xc01b);
        descriptor(SEL_GATE, 0, 0xfffff, 0xe09b);
        run_row(&rows[i], i);
        guest_end();
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(from_real_to_long_mode_and_back),
    cmocka_unit_test(loads_of_data_segments_check_everything),
    cmocka_unit_test(loading_sets_the_accessed_bit),
    cmocka_unit_test(segment_limits_and_rights),
    cmocka_unit_test(non_canonical_addresses),
    cmocka_unit_test(iret_returns_to_user_and_virtual_mode),
    cmocka_unit_test(iret_in_user_mode_keeps_privileged_flags),
    cmocka_unit_test(iret_refuses_bad_frames),
    cmocka_unit_test(call_gates_change_privilege_and_copy_parameters),
    cmocka_unit_test(far_jumps_check_the_target),
};

TEST_MAIN(tests)
