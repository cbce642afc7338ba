/* SPDX-License-Identifier: MIT */
/*
 * What lies between events. A hypervisor that answers right and then lets the guest go on with
 * something else, or enters a handler where no gate leads, is caught only by who looks at two
 * events, or at an event and the set-up. Each row changes one thing of a run that is right.
 */
#include "tests/spec/fixture.h"

#include <string.h>

#define PC 0x10000u
#define STUB6 0x3060u
#define RSP 0xe000u

static uint8_t idt[256 * 16], gdt[0x80], text[32];
static struct tsp_page pages[3];

/* 64-bit code at CPL 0, #UD to an interrupt gate of the same level. */
static void set_up(uint32_t page_flags)
{
    struct tsp_vcpu_state *v;

    setup_x86_default();
    memset(idt, 0, sizeof(idt));
    memset(gdt, 0, sizeof(gdt));
    memset(text, 0x90, sizeof(text));
    le_store(&idt[6 * 16], STUB6 | 0x18u << 16, 4);
    idt[6 * 16 + 5] = 0x8e;
    gdt[0x18 + 5] = 0x9b;
    gdt[0x18 + 6] = 0xaf;
    pages[0] = (struct tsp_page){.gpa = 0x2000, .len = sizeof(idt), .data = idt};
    pages[1] = (struct tsp_page){.gpa = 0x1000, .len = sizeof(gdt), .data = gdt};
    pages[2] = (struct tsp_page){.gpa = PC, .len = sizeof(text), .flags = page_flags, .data = text};
    setup.page = pages;
    setup.npage = 3;
    v = &setup.vcpu[0];
    v->x86.idt.base = 0x2000;
    v->x86.gdt.base = 0x1000;
    v->x86.efer = 0x500;
    trace.ev[0] = (struct tsp_event){.kind = TSP_EV_POLICY};
    trace.n = 1;
}

static struct tsp_event *event(unsigned kind, const char *bytes, unsigned len)
{
    struct tsp_event *ev = add_event(kind, TSP_MODE_LONG64, bytes, len);

    ev->sys[TSP_SYS_EFER] = 0x500;
    ev->before.r[TSP_RSP] = ev->after.r[TSP_RSP] = RSP;
    if (trace.n == 2) {
        setup.vcpu[0].regs = ev->before;
        setup.vcpu[0].x86.apic_base = ev->sys[TSP_SYS_APIC_BASE];
        setup.vcpu[0].x86.xcr0 = ev->sys[TSP_SYS_XCR0];
    } else {
        ev->before = ev[-1].after;
        ev->after = ev->before;
    }
    return ev;
}

static bool broken(const char *id)
{
    judge_with(spec_builtin());
    return finding_of(spec_builtin(), id) != NULL &&
           finding_of(spec_builtin(), id)->verdict == VERDICT_FAIL;
}

enum where { IN_REG, IN_FLAGS, IN_SYS, IN_LEVEL, IN_PC, IN_MODE };

static void change(struct tsp_event *ev, struct tsp_regs *r, enum where where, unsigned n,
                   uint64_t v)
{
    switch (where) {
    case IN_REG:
        r->r[n] ^= v;
        break;
    case IN_FLAGS:
        r->flags ^= v;
        break;
    case IN_SYS:
        ev->sys[n] ^= v;
        break;
    case IN_LEVEL:
        r->level ^= (uint32_t)v;
        break;
    case IN_PC:
        r->pc ^= v;
        break;
    case IN_MODE:
        r->mode = (uint32_t)v;
        break;
    default:
        break;
    }
}

static const struct {
    enum where where;
    unsigned n;
    uint64_t v;
} between[] = {
    {IN_REG, TSP_RAX, 1},     {IN_REG, 15, 1ull << 63},      {IN_FLAGS, 0, 1},
    {IN_SYS, TSP_SYS_CR4, 4}, {IN_SYS, TSP_SYS_FAULTING, 1}, {IN_SYS, TSP_SYS_XCR0, 2},
    {IN_LEVEL, 0, 3},
};

static void begins_with_what_was_left(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
        for (unsigned first = 0; first < 2; first++) {
            struct tsp_event *ev;

            set_up(0);
            ev = event(TSP_EV_HYPERCALL, "\x0f\x01\xc1", 3);
            ev->after.pc = PC + 3;
            if (!first)
                ev = event(TSP_EV_HYPERCALL, "\x0f\x01\xc1", 3);
            assert_false(broken("X86-FOLLOWS"));
            change(ev, &ev->before, between[i].where, between[i].n, between[i].v);
            assert_true(broken("X86-FOLLOWS"));
            /* Somewhere else there may have been other instructions in between. */
            ev->before.pc += 16;
            assert_false(broken("X86-FOLLOWS"));
        }
    }
}

static const struct {
    enum where where;
    unsigned n;
    uint64_t v;
} entry[] = {
    {IN_PC, 0, 2},        {IN_PC, 0, 16},
    {IN_LEVEL, 0, 3},     {IN_FLAGS, 0, 0x200},
    {IN_FLAGS, 0, 0x100}, {IN_FLAGS, 0, 0x10000},
    {IN_FLAGS, 0, 1},     {IN_FLAGS, 0, 0x3000},
    {IN_REG, TSP_RSP, 8}, {IN_MODE, 0, TSP_MODE_PROT32},
};

static void handlers_begin_where_gates_lead(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(entry) / sizeof(entry[0]); i++) {
        struct tsp_event *ev;

        set_up(0);
        ev = event(TSP_EV_FAULT, "\x0f\x0b", 2);
        ev->before.flags = setup.vcpu[0].regs.flags = 0x202;
        ev->code = 6;
        ev->after.pc = STUB6;
        ev->after.r[TSP_RSP] = RSP - 40;
        ev->after.flags = 2;
        assert_false(broken("X86-ENTRY"));
        change(ev, &ev->after, entry[i].where, entry[i].n, entry[i].v);
        assert_true(broken("X86-ENTRY"));
    }
}

static void ports_and_msrs_change_what_they_read(void **state)
{
    static const struct {
        unsigned kind;
        const char *bytes;
        uint64_t info, how, was, right, wrong;
        const char *rule;
    } row[] = {
        {TSP_EV_PIO, "\xec", 0x55, 0x10, 0xaabbccdd11223344, 0xaabbccdd11223355, 0x55, "X86-PORT"},
        {TSP_EV_PIO, "\xed", 0x55, 0x40, 0xaabbccdd11223344, 0x55, 0xaabbccdd00000055, "X86-PORT"},
        {TSP_EV_PIO, "\xee", 0x44, 0x11, 0xaabbccdd11223344, 0xaabbccdd11223344, 0x44, "X86-PORT"},
        {TSP_EV_PIO, "\xe6\xf4", 0x44, 0x11, 0x3344, 0x3344, 0x44, "X86-PORT"},
        {TSP_EV_MSR, "\x0f\x32", 0x55, 0, 1ull << 40, 0x55, 1ull << 40 | 0x55, "X86-MSR"},
        {TSP_EV_MSR, "\x0f\x30", 0x55, 1, 0x55, 0x55, 0, "X86-MSR"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;
        unsigned len = (unsigned)strlen(row[i].bytes);

        set_up(0);
        ev = event(row[i].kind, row[i].bytes, len);
        ev->info[0] = row[i].info;
        if (row[i].kind == TSP_EV_PIO) {
            ev->before.r[TSP_RDX] = ev->after.r[TSP_RDX] = 0xffff00f4;
            ev->code = 0xf4;
        }
        ev->info[1] = row[i].how;
        ev->before.r[TSP_RAX] = row[i].was;
        ev->after.r[TSP_RAX] = row[i].right;
        ev->after.pc = PC + len;
        if (row[i].kind == TSP_EV_MSR && row[i].how == 0)
            ev->after.r[TSP_RDX] = 0;
        assert_false(broken(row[i].rule));
        ev->after.pc++;
        assert_true(broken(row[i].rule));
        ev->after.pc--;
        ev->after.r[TSP_RSI]++;
        assert_true(broken(row[i].rule));
        ev->after.r[TSP_RSI]--;
        ev->code ^= row[i].kind == TSP_EV_PIO;
        assert_int_equal(broken(row[i].rule), row[i].kind == TSP_EV_PIO);
        ev->code ^= row[i].kind == TSP_EV_PIO;
        ev->after.r[TSP_RAX] = row[i].wrong;
        assert_true(broken(row[i].rule));
    }
}

static void rewrites_leave_alone_what_follows(void **state)
{
    struct tsp_event *ev;

    (void)state;
    for (unsigned rom = 0; rom < 2; rom++) {
        set_up(rom ? TSP_PAGE_ROM : 0);
        ev = event(TSP_EV_PATCH, "\x0f\x01\xd9", 3);
        memcpy(ev->stored, "\x0f\x01\xc1\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", 16);
        assert_int_equal(broken("UD-AROUND"), rom);
        ev->stored[3] = 0xcc;
        assert_true(broken("UD-AROUND"));
    }
}

/* An event holds zeroes of what it cannot read: all behind the instruction, or the next page. */
static void zeroes_are_what_cannot_be_read(void **state)
{
    static const struct {
        const char *behind; /* 4 bytes of the instruction's page, 9 of the next */
        bool wrong;
    } row[] = {
        {"\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", false},
        {"\x90\x90\x90\x90\0\0\0\0\0\0\0\0\0", false},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0", false},
        {"\0\0\0\0\x90\x90\x90\x90\x90\x90\x90\x90\x90", true},
        {"\x90\0\0\0\0\0\0\0\0\0\0\0\0", true},
        {"\x90\x90\x90\x90\x90\0\0\0\0\0\0\0\0", true},
        {"\x90\x90\x90\xcc\0\0\0\0\0\0\0\0\0", true},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\xcc", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_event *ev;

        set_up(0);
        pages[2].gpa = 0x10ff9;
        ev = event(TSP_EV_PATCH, "\x0f\x01\xd9", 3);
        setup.vcpu[0].regs.pc = ev->before.pc = ev->after.pc = ev->addr = ev->info[0] = 0x10ff9;
        memcpy(ev->stored, "\x0f\x01\xc1", 3);
        memcpy(ev->stored + 3, row[i].behind, 13);
        assert_int_equal(broken("UD-AROUND"), row[i].wrong);
    }
}

static void nothing_halts_at_cpuid_or_a_call(void **state)
{
    static const unsigned stop[] = {TSP_STOP_HALT, TSP_STOP_END, TSP_STOP_OFF, TSP_STOP_RESET};

    (void)state;
    for (unsigned i = 0; i < sizeof(stop) / sizeof(stop[0]); i++) {
        set_up(0);
        event(TSP_EV_STOP, "\x0f\xa2", 2)->code = stop[i];
        assert_true(broken("X86-STOP"));
        set_up(0);
        event(TSP_EV_STOP, "\xf4", 1)->code = stop[i];
        assert_false(broken("X86-STOP"));
        set_up(0);
        event(TSP_EV_STOP, "\x0f\x01\xc1", 3)->code = stop[i];
        assert_true(broken("KVM-STOP"));
    }
}

static struct tsp_event *arm_call(uint32_t fid, uint64_t who, uint64_t result)
{
    struct tsp_event *ev = add_event(TSP_EV_HYPERCALL, TSP_MODE_A64, "\x02\x00\x00\xd4", 4);

    ev->before.level = ev->after.level = 1;
    ev->before.r[0] = fid;
    ev->before.r[1] = who;
    ev->before.r[2] = ev->after.r[2] = fid & 1 ? 0x40001000 : 0;
    ev->after.r[1] = who;
    ev->after.r[0] = result;
    return ev;
}

/* Off at first; asked, switched on, switched on again. */
static void power_is_what_was_made_of_it(void **state)
{
    static const struct {
        bool on, asked;
        uint64_t result;
        const char *rule; /* broken, or NULL */
    } row[] = {
        {false, false, 1, NULL},
        {false, false, 0, "PSCI-AFF-POWER-1"},
        {true, false, 0, NULL},
        {true, false, 2, NULL},
        {true, false, 1, "PSCI-AFF-POWER-1"},
        {false, true, 0, NULL},
        {false, true, (uint64_t)-4, "PSCI-ON-POWER"},
        {true, true, (uint64_t)-4, NULL},
        {true, true, 0, "PSCI-ON-POWER"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        setup_arm_default();
        setup.nvcpu = 2;
        setup.vcpu[1].arm64.mpidr = 0x80000001u;
        setup.vcpu[1].run_state = TSP_RUN_OFF;
        if (row[i].on)
            arm_call(0xc4000003u, 1, 0);
        arm_call(row[i].asked ? 0xc4000003u : 0xc4000004u, 1, row[i].result);
        if (row[i].rule)
            assert_true(broken(row[i].rule));
        assert_int_equal(broken("PSCI-ON-POWER") || broken("PSCI-AFF-POWER-1"),
                         row[i].rule != NULL);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(begins_with_what_was_left),
    cmocka_unit_test(handlers_begin_where_gates_lead),
    cmocka_unit_test(ports_and_msrs_change_what_they_read),
    cmocka_unit_test(rewrites_leave_alone_what_follows),
    cmocka_unit_test(zeroes_are_what_cannot_be_read),
    cmocka_unit_test(nothing_halts_at_cpuid_or_a_call),
    cmocka_unit_test(power_is_what_was_made_of_it),
};

TEST_MAIN(tests)
