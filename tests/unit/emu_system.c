/* SPDX-License-Identifier: MIT */
/*
 * System instructions as small guests: control registers, MSRs, ports, descriptor tables, system
 * calls. Rows name what the instruction pages of Intel SDM Vol. 2 say happens.
 */
#include "tests/unit/emu_rows.h"

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
    {0xc0000103, 0, false, false, 0},   /* TSC_AUX without RDTSCP */
    {0x8b, 5, true, true, 0x100000000}, /* KVM's number, on Intel hosts */
    {0x1a0, 0, false, true, 0x1800},
    {0x1a0, 1, true, false, 0}, /* BTS and PEBS are not there */
    {0x1a0, 0x1881, true, true, 0x1801},
    {0x2ff, 0xc06, true, true, 0xc06},
    {0x2ff, 0xc02, true, false, 0}, /* no such memory type */
    {0x2ff, 0xcff, true, false, 0},
    {0xc0010015, 0x1040148, true, true, 0x1040000},
    {0xc0010015, 0x200, true, false, 0},
    {0xc0011029, 0, false, false, 0}, /* AMD hosts have it */
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
