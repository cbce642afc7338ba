/* SPDX-License-Identifier: MIT */
/*
 * System instructions as small guests: mode switches, far transfers, segment loads, control
 * registers, MSRs, ports. Rows name what the instruction pages of Intel SDM Vol. 2 say happens.
 */
#include "tests/unit/emu_guest.h"

#define DONE 0xff /* no exception: the guest halted */

struct row {
    const char *code;
    uint8_t len, cpl, vector;
    uint16_t error;
    enum tsp_mode mode;
};

/* Runs the row's code followed by HLT, or OUT to the end port in user mode. */
static void run_row(const struct row *r, unsigned i)
{
    uint32_t stop;

    guest.setup.end_port = 0xf4;
    memcpy(guest.ram + GUEST_CODE + r->len, r->cpl ? "\xe6\xf4" : "\xf4", r->cpl ? 2 : 1);
    if (r->cpl)
        guest.setup.vcpu[0].regs.flags |= 0x3000;
    stop = guest_run();
    if (r->vector == DONE) {
        if (guest.fault.kind != TSP_EV_NONE)
            fail_msg("row %u: vector %u error %x", i, guest.fault.code,
                     (unsigned)guest.fault.info[0]);
        assert_int_equal(stop, r->cpl ? TSP_STOP_END : TSP_STOP_HALT);
        return;
    }
    if (guest.fault.code != r->vector || guest.fault.info[0] != r->error)
        fail_msg("row %u: vector %u error %x stop %u", i, guest.fault.code,
                 (unsigned)guest.fault.info[0], stop);
    assert_int_equal(guest.fault.kind, TSP_EV_FAULT);
}

static uint64_t reg(unsigned r)
{
    return guest.ev.after.r[r];
}

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

static void control_registers_refuse_what_cannot_be(void **state)
{
    static const struct row rows[] = {
        /* mov eax/rax, value; mov crN, eax/rax */
        {"\xb8\x00\x00\x00\x80\x0f\x22\xc0", 8, 0, 13, 0, TSP_MODE_PROT32}, /* PG without PE */
        {"\xb8\x11\x00\x00\x20\x0f\x22\xc0", 8, 0, 13, 0, TSP_MODE_PROT32}, /* NW without CD */
        {"\xb8\x11\x00\x00\x60\x0f\x22\xc0", 8, 0, DONE, 0, TSP_MODE_PROT32},
        {"\xb8\x11\x00\x00\x00\x0f\x22\xc0", 8, 3, 13, 0, TSP_MODE_PROT32},
        {"\x0f\x20\xc0", 3, 3, 13, 0, TSP_MODE_PROT32},
        {"\xb8\x00\x00\x00\x01\x0f\x22\xe0", 8, 0, 13, 0, TSP_MODE_PROT32},   /* CR4 bit 24 */
        {"\xb8\x00\x00\x10\x00\x0f\x22\xe0", 8, 0, 13, 0, TSP_MODE_PROT32},   /* SMEP not offered */
        {"\xb8\x00\x00\x20\x00\x0f\x22\xe0", 8, 0, DONE, 0, TSP_MODE_PROT32}, /* SMAP offered */
        {"\x31\xc0\x0f\x22\xe0", 5, 0, 13, 0, TSP_MODE_LONG64},               /* PAE off */
        {"\x31\xc0\xff\xc0\x0f\x22\xc0", 7, 0, 13, 0, TSP_MODE_LONG64}, /* PG off in 64-bit code */
        {"\x48\xb8\x11\x00\x01\x80\x01\x00\x00\x00\x0f\x22\xc0", 13, 0, 13, 0, TSP_MODE_LONG64},
        {"\x48\xb8\x00\x40\x00\x00\x00\x00\x10\x00\x0f\x22\xd8", 13, 0, 13, 0, TSP_MODE_LONG64},
        {"\xb8\x00\x40\x00\x00\x0f\x22\xd8", 8, 0, DONE, 0, TSP_MODE_LONG64},
        {"\xb8\x0f\x00\x00\x00\x44\x0f\x22\xc0", 9, 0, DONE, 0, TSP_MODE_LONG64}, /* CR8 */
        {"\xb8\x10\x00\x00\x00\x44\x0f\x22\xc0", 9, 0, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x06", 2, 3, 13, 0, TSP_MODE_LONG64},       /* clts */
        {"\x0f\x01\xe0", 3, 3, DONE, 0, TSP_MODE_LONG64}, /* smsw eax */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(rows[i].mode, rows[i].cpl, rows[i].code, rows[i].len);
        guest_policy(0, 7, 0, 0, 0);
        guest_policy(7, 0, 0x100000, 0, 0);
        run_row(&rows[i], i);
        guest_end();
    }
}

static const struct {
    uint32_t msr;
    uint64_t value;
    bool write, ok;
    uint64_t reads;
} msr_rows[] = {
    {0x12345, 0, false, false, 0},
    {0x12345, 0, true, false, 0},
    {0xc0000080, 0, false, true, 0xd00},
    {0xc0000080, 0x901, true, true, 0xd01},
    {0xc0000080, 0x800, true, false, 0},  /* LME off while paging */
    {0xc0000080, 0x1900, true, false, 0}, /* SVME not offered */
    {0xc0000100, 0x7fffffffffff, true, true, 0x7fffffffffff},
    {0xc0000100, 0x800000000000, true, false, 0},
    {0xc0000082, 0x800000000000, true, false, 0},
    {0xc0000082, 0xffff800000000000, true, true, 0xffff800000000000},
    {0xce, 0, false, true, 0},
    {0xce, 0, true, false, 0},
    {0x140, 0, true, true, 0},
    {0x140, 1, true, false, 0}, /* faulting not offered */
    {0x140, 2, true, false, 0},
    {0x1b, 0xfee00800, true, true, 0xfee00800},
    {0x1b, 0xfee00801, true, false, 0},
    {0x1b, 0xfee00c00, true, false, 0},      /* x2APIC not offered */
    {0x1b, 0x10000fee00800, true, false, 0}, /* beyond the address width */
    {0x277, 0x0706050400070406, true, true, 0x0706050400070406},
    {0x277, 0x0800000000000000, true, false, 0},
    {0x3b, 7, true, false, 0}, /* TSC_ADJUST not offered */
    {0x1d9, 2, true, false, 0},
    {0xc0000103, 0, false, false, 0}, /* TSC_AUX without RDTSCP */
    {0x9999, 5, true, true, 5},       /* the set-up has it */
};

static void msr_rules(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(msr_rows) / sizeof(msr_rows[0]); i++) {
        struct tsp_vcpu_state *v =
            guest_make(TSP_MODE_LONG64, 0,
                       msr_rows[i].write ? "\x0f\x30\x0f\x32\xf4" : "\x0f\x32\xf4\xf4\xf4", 5);

        guest_policy(0x80000000, 0x80000008, 0, 0, 0);
        guest_policy(0x80000001, 0, 0, 0, 0x20100800);
        guest_policy(0x80000008, 0x3028, 0, 0, 0);
        v->regs.r[TSP_RCX] = 0xaaaaaaaa00000000u | msr_rows[i].msr;
        v->regs.r[TSP_RAX] = 0xbbbbbbbb00000000u | (uint32_t)msr_rows[i].value;
        v->regs.r[TSP_RDX] = 0xcccccccc00000000u | msr_rows[i].value >> 32;
        v->x86.msr[0] = (struct tsp_msr){0x9999, 3};
        v->x86.nmsr = 1;
        guest_start();
        guest_next();
        assert_int_equal(guest.ev.kind, msr_rows[i].ok ? TSP_EV_MSR : TSP_EV_FAULT);
        assert_int_equal(guest.ev.code, msr_rows[i].ok ? msr_rows[i].msr : 13);
        if (msr_rows[i].ok && msr_rows[i].write) {
            assert_int_equal(guest.ev.info[1], 1);
            assert_int_equal(guest.ev.info[0], msr_rows[i].value);
            guest_next();
        }
        if (msr_rows[i].ok) {
            assert_int_equal(guest.ev.info[0], msr_rows[i].reads);
            assert_int_equal(reg(TSP_RAX), (uint32_t)msr_rows[i].reads);
            assert_int_equal(reg(TSP_RDX), msr_rows[i].reads >> 32);
        }
        guest_end();
    }
}

static void cpuid_faulting_can_be_switched_on_when_offered(void **state)
{
    struct tsp_vcpu_state s;

    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\x0f\x30\xf4", 3)->x86.platform_info = 0x80000000;
    guest.setup.vcpu[0].regs.r[TSP_RCX] = 0x140;
    guest.setup.vcpu[0].regs.r[TSP_RAX] = 1;
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.kind, TSP_EV_NONE);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(s.x86.cpuid_faulting, 1);
    guest_end();
}

static void privileged_instructions_fault_in_user_mode(void **state)
{
    static const struct row rows[] = {
        {"\xf4", 1, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x30", 2, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x32", 2, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x08", 2, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x09", 2, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x01\x38", 3, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x01\x10", 3, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x00\xd0", 3, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x01\xf8", 3, 3, 13, 0, TSP_MODE_LONG64},
        {"\x0f\x01\xca", 3, 3, 6, 0, TSP_MODE_LONG64},
        {"\x0f\x31", 2, 3, DONE, 0, TSP_MODE_LONG64},
        {"\x0f\x08", 2, 0, DONE, 0, TSP_MODE_LONG64},
        {"\x0f\x00\xc8", 3, 3, DONE, 0, TSP_MODE_LONG64},
        {"\x0f\x00\xc0", 3, 0, 6, 0, TSP_MODE_REAL16},
        {"\x0f\x01\xd0", 3, 0, 6, 0, TSP_MODE_LONG64},
        {"\x0f\x01\xf8", 3, 0, 6, 0, TSP_MODE_PROT32},
        {"\x0f\x01\xf9", 3, 0, 6, 0, TSP_MODE_LONG64},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_make(rows[i].mode, rows[i].cpl, rows[i].code, rows[i].len);
        run_row(&rows[i], i);
        guest_end();
    }
}

static void time_stamps_count_instructions(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\x0f\x31\x89\xc3\x0f\x31\xf4", 7)->x86.tsc = 0x1fffffffeull;
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(reg(TSP_RBX), 0xfffffffe);
    assert_int_equal(reg(TSP_RAX), 0);
    assert_int_equal(reg(TSP_RDX), 2);
    guest_end();
}

static void ports_by_iopl_and_bitmap(void **state)
{
    static const struct {
        enum tsp_mode mode;
        uint8_t cpl, iopl, map; /* map: the byte of the bitmap that holds ports 0x60..0x67 */
        uint16_t limit;
        uint8_t vector;
    } rows[] = {
        {TSP_MODE_LONG64, 0, 0, 0xff, 0x67, DONE},   {TSP_MODE_LONG64, 3, 3, 0xff, 0x67, DONE},
        {TSP_MODE_LONG64, 3, 0, 0, 0x67, 13},        {TSP_MODE_LONG64, 3, 0, 0, 0x2fff, DONE},
        {TSP_MODE_LONG64, 3, 0, 0x10, 0x2fff, 13},   {TSP_MODE_LONG64, 3, 0, 0xef, 0x2fff, DONE},
        {TSP_MODE_LONG64, 3, 2, 0, 0x68 + 12, 13},   {TSP_MODE_LONG64, 3, 2, 0, 0x68 + 13, DONE},
        {TSP_MODE_VM86, 3, 3, 0x10, 0x2fff, 13},     {TSP_MODE_VM86, 3, 3, 0, 0x2fff, DONE},
        {TSP_MODE_REAL16, 0, 0, 0xff, 0x2fff, DONE},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t fixed = rows[i].mode == TSP_MODE_VM86 ? 0x20000 >> 16 : 0;
        struct tsp_vcpu_state *v =
            guest_make(rows[i].mode, rows[i].cpl, "\xe4\x64", 2); /* in al, 0x64 */

        put(0xa068 + 12, rows[i].map, 1);
        v->regs.flags = 2u | (uint32_t)rows[i].iopl << 12 | (uint32_t)fixed << 16;
        if (rows[i].mode != TSP_MODE_REAL16)
            v->x86.seg[TSP_TR].limit = rows[i].limit;
        guest_start();
        guest_next();
        assert_int_equal(guest.ev.kind, rows[i].vector == DONE ? TSP_EV_PIO : TSP_EV_FAULT);
        assert_int_equal(guest.ev.code, rows[i].vector == DONE ? 0x64 : 13);
        if (rows[i].vector == DONE) {
            assert_int_equal(guest.ev.info[0], 0xff);
            assert_int_equal(guest.ev.info[1], 1 << 4);
            assert_int_equal(reg(TSP_RAX), 0xff);
            assert_int_equal(guest.ev.after.pc, guest.ev.before.pc + 2);
        }
        guest_end();
    }
}

static void string_output_is_one_event_an_element(void **state)
{
    struct tsp_vcpu_state *v = guest_make(TSP_MODE_LONG64, 0, "\xf3\x6e\xf4", 3); /* rep outsb */

    (void)state;
    memcpy(guest.ram + 0x12000, "abc", 3);
    v->regs.r[TSP_RSI] = 0x12000;
    v->regs.r[TSP_RCX] = 3;
    v->regs.r[TSP_RDX] = 0x3f8;
    guest_start();
    for (unsigned i = 0; i < 3; i++) {
        guest_next();
        assert_int_equal(guest.ev.kind, TSP_EV_PIO);
        assert_int_equal(guest.ev.code, 0x3f8);
        assert_int_equal(guest.ev.info[0], 'a' + i);
        assert_int_equal(reg(TSP_RCX), 2 - i);
        assert_int_equal(guest.ev.after.pc, i < 2 ? GUEST_CODE : GUEST_CODE + 2);
    }
    guest_next();
    assert_int_equal(guest.ev.code, TSP_STOP_HALT);
    guest_end();
}

static void long_string_output_is_no_livelock(void **state)
{
    struct tsp_vcpu_state *v = guest_make(TSP_MODE_LONG64, 0, "\xf3\x6e\xf4", 3);
    unsigned n = 0;

    (void)state;
    v->regs.r[TSP_RSI] = 0x12000;
    v->regs.r[TSP_RCX] = 200;
    guest_start();
    do {
        guest_next();
        n += guest.ev.kind == TSP_EV_PIO;
    } while (guest.ev.kind == TSP_EV_PIO);
    assert_int_equal(n, 200);
    assert_int_equal(guest.ev.code, TSP_STOP_HALT);
    guest_end();
}

static void end_port_and_end_address_stop(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\xe6\xf4", 2);
    guest.setup.end_port = 0xf4;
    assert_int_equal(guest_run(), TSP_STOP_END);
    assert_int_equal(guest.ev.after.pc, GUEST_CODE);
    assert_int_equal(vm_runnable(guest.vm), 0);
    guest_next();
    assert_int_equal(guest.ev.kind, TSP_EV_STOP);
    assert_int_equal(guest.ev.code, TSP_STOP_END);
    guest_end();
    guest_make(TSP_MODE_PROT32, 0, "\xa2\x00\x00\x00\x40\xf4", 6); /* mov [0x40000000], al */
    guest.setup.end_mmio = 0x40000000;
    assert_int_equal(guest_run(), TSP_STOP_END);
    assert_int_equal(guest.ev.after.pc, GUEST_CODE + 5);
    guest_end();
}

static void descriptor_tables_and_task_register(void **state)
{
    static const char code[] = "\x0f\x01\x1d\x00\x20\x01\x00" /* lidt [0x12000] */
                               "\x0f\x01\x0d\x10\x20\x01\x00" /* sidt [0x12010] */
                               "\x66\xb8\x50\x00\x0f\x00\xd8" /* ltr ax */
                               "\x0f\x00\xcb"                 /* str ebx */
                               "\x66\xb8\x60\x00\x0f\x00\xd0" /* lldt ax */
                               "\xf4";
    struct tsp_vcpu_state s;

    (void)state;
    guest_make(TSP_MODE_PROT32, 0, code, sizeof(code) - 1);
    put(0x12000, 0x123, 2);
    put(0x12002, 0x2000, 4);
    descriptor(SEL_TSS, 0xa000, 0x67, 0x89);
    descriptor(SEL_SPARE, 0x13000, 0x17, 0x82);
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.kind, TSP_EV_NONE);
    assert_int_equal(peek(0x12010, 2), 0x123);
    assert_int_equal(peek(0x12012, 4), 0x2000);
    assert_int_equal(reg(TSP_RBX), SEL_TSS);
    assert_int_equal(peek(0x1000 + SEL_TSS + 5, 1), 0x8b);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(s.x86.seg[TSP_LDTR].base, 0x13000);
    assert_int_equal(s.x86.seg[TSP_TR].limit, 0x67);
    guest_end();
}

static void lookups_answer_in_zf(void **state)
{
    static const struct {
        const char *code; /* 3 or 4 bytes: lar/lsl eax, cx; verr/verw cx */
        unsigned len, sel, cpl;
        bool zf;
        uint32_t value;
    } rows[] = {
        {"\x0f\x02\xc1", 3, SEL_CODE32, 0, true, 0xc09b00},
        {"\x0f\x03\xc1", 3, SEL_CODE32, 0, true, 0xffffffff},
        {"\x0f\x02\xc1", 3, SEL_CODE32, 3, false, 0},
        {"\x0f\x02\xc1", 3, 0, 0, false, 0},
        {"\x0f\x02\xc1", 3, 0x80, 0, false, 0},
        {"\x0f\x02\xc1", 3, SEL_TSS, 0, true, 0x8b00},
        {"\x0f\x03\xc1", 3, SEL_TSS, 0, true, 0x2fff},
        {"\x0f\x02\xc1", 3, SEL_GATE, 0, true, 0x8c00},
        {"\x0f\x03\xc1", 3, SEL_GATE, 0, false, 0},
        {"\x0f\x00\xe1", 3, SEL_DATA, 0, true, 0},
        {"\x0f\x00\xe9", 3, SEL_DATA, 0, true, 0},
        {"\x0f\x00\xe9", 3, SEL_CODE32, 0, false, 0},
        {"\x0f\x00\xe1", 3, SEL_DATA, 3, false, 0},
        {"\x0f\x00\xe1", 3, SEL_UDATA, 3, true, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row r = {rows[i].code,   (uint8_t)rows[i].len, (uint8_t)rows[i].cpl, DONE, 0,
                        TSP_MODE_PROT32};

        guest_make(TSP_MODE_PROT32, rows[i].cpl, rows[i].code, rows[i].len);
        put(0x1000 + SEL_GATE + 5, 0x8c, 1);
        guest.setup.vcpu[0].regs.r[TSP_RCX] = rows[i].sel;
        guest.setup.vcpu[0].regs.r[TSP_RAX] = 0x1234;
        run_row(&r, i);
        assert_int_equal((guest.ev.after.flags >> 6) & 1, rows[i].zf);
        if (rows[i].code[1] != 0)
            assert_int_equal(reg(TSP_RAX), rows[i].zf ? rows[i].value : 0x1234);
        guest_end();
    }
}

static void system_calls_and_swapped_bases(void **state)
{
    struct tsp_vcpu_state *v = guest_make(TSP_MODE_LONG64, 3, "\x0f\x05\x0f\x0b", 4), s;

    (void)state;
    v->x86.efer |= 1;
    v->regs.flags = 0x246;
    v->x86.nmsr = 4;
    v->x86.msr[0] = (struct tsp_msr){0xc0000081, 0x0030001800000000ull};
    v->x86.msr[1] = (struct tsp_msr){0xc0000082, 0x11000};
    v->x86.msr[2] = (struct tsp_msr){0xc0000084, 0x200};
    v->x86.msr[3] = (struct tsp_msr){0xc0000102, 0x7777};
    v->x86.seg[TSP_GS].base = 0x5555;
    memcpy(guest.ram + 0x11000, "\x0f\x01\xf8\x48\x0f\x07", 6); /* swapgs; sysretq */
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.code, 6);
    assert_int_equal(guest.fault.before.pc, GUEST_CODE + 2);
    assert_int_equal(guest.fault.before.level, 3);
    assert_int_equal(guest.fault.before.flags, 0x246);
    assert_int_equal(guest.fault.before.r[TSP_RCX], GUEST_CODE + 2);
    assert_int_equal(guest.fault.before.r[TSP_R11], 0x246);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(s.x86.seg[TSP_GS].base, 0x7777);
    assert_int_equal(s.x86.msr[3].value, 0x5555);
    guest_end();
}

static void pushes_of_selectors_and_far_pointers(void **state)
{
    static const char code[] = "\x1e\x07"                     /* push ds; pop es */
                               "\x0f\xb4\x05\x00\x20\x01\x00" /* lfs eax, [0x12000] */
                               "\xf4";
    struct tsp_vcpu_state s;

    (void)state;
    guest_make(TSP_MODE_PROT32, 0, code, sizeof(code) - 1);
    put(0x12000, 0x11223344, 4);
    put(0x12004, SEL_DATA, 2);
    put(GUEST_STACK - 4, 0xaaaaaaaa, 4);
    segment(TSP_DS, SEL_UDATA);
    guest.setup.vcpu[0].x86.seg[TSP_DS].sel = SEL_UDATA;
    assert_int_equal(guest_run(), TSP_STOP_HALT);
    assert_int_equal(guest.fault.kind, TSP_EV_NONE);
    assert_int_equal(peek(GUEST_STACK - 4, 4), 0xaaaa0000 | SEL_UDATA);
    assert_int_equal(reg(TSP_RSP), GUEST_STACK);
    assert_int_equal(reg(TSP_RAX), 0x11223344);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(s.x86.seg[TSP_ES].sel, SEL_UDATA);
    assert_int_equal(s.x86.seg[TSP_FS].sel, SEL_DATA);
    guest_end();
}

static void alignment_is_checked_when_asked_for(void **state)
{
    static const struct {
        uint32_t flags;
        uint8_t cpl, vector;
    } rows[] = {{0x43002, 3, 17}, {0x3002, 3, DONE}, {0x40002, 0, DONE}};

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row r = {"\xa1\x01\x20\x01\x00", 5, rows[i].cpl, rows[i].vector, 0, TSP_MODE_PROT32};
        struct tsp_vcpu_state *v = guest_make(TSP_MODE_PROT32, rows[i].cpl, r.code, r.len);

        v->regs.flags = rows[i].flags;
        v->x86.cr0 |= 0x40000;
        run_row(&r, i);
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
    cmocka_unit_test(control_registers_refuse_what_cannot_be),
    cmocka_unit_test(msr_rules),
    cmocka_unit_test(cpuid_faulting_can_be_switched_on_when_offered),
    cmocka_unit_test(privileged_instructions_fault_in_user_mode),
    cmocka_unit_test(time_stamps_count_instructions),
    cmocka_unit_test(ports_by_iopl_and_bitmap),
    cmocka_unit_test(string_output_is_one_event_an_element),
    cmocka_unit_test(long_string_output_is_no_livelock),
    cmocka_unit_test(end_port_and_end_address_stop),
    cmocka_unit_test(descriptor_tables_and_task_register),
    cmocka_unit_test(lookups_answer_in_zf),
    cmocka_unit_test(system_calls_and_swapped_bases),
    cmocka_unit_test(pushes_of_selectors_and_far_pointers),
    cmocka_unit_test(alignment_is_checked_when_asked_for),
};

TEST_MAIN(tests)
