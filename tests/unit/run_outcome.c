/* SPDX-License-Identifier: MIT */
/*
 * exec_outcome reads the end of a run back from the guest. The target here is only memory and
 * registers that the test arranges, so every frame layout is written by hand from the manuals
 * (Intel SDM Vol. 3A 6.12 and 6.14, 20.1.4).
 */
#include "fuzz/run/run.h"

#include "tests/test_main.h"

#include "trapspec/bits.h"

#define RAM_SIZE 0x40000u

static uint8_t ram[RAM_SIZE];
static struct tsp_vcpu_state vcpu;
static struct tsp_trace trace;
static struct scenario s;
static struct tsp_setup setup;

static enum tsp_status fake_peek(void *self, uint64_t gpa, void *buf, size_t len)
{
    uint64_t base = s.arch == TSP_ARCH_ARM64 ? setup.ram_base : 0;

    (void)self;
    if (gpa < base || !range_ok(gpa - base, len, RAM_SIZE))
        return TSP_EARG;
    memcpy(buf, ram + (gpa - base), len);
    return TSP_OK;
}

static enum tsp_status fake_get(void *self, unsigned id, struct tsp_vcpu_state *out)
{
    (void)self;
    (void)id;
    *out = vcpu;
    return TSP_OK;
}

static const struct tsp_target_ops fake_ops = {.peek = fake_peek, .get_vcpu = fake_get};
static struct target target = {.ops = &fake_ops};

static void arrange(enum tsp_arch arch, unsigned mode, unsigned level)
{
    static struct input_image img;

    memset(ram, 0, sizeof(ram));
    input_default(&s, arch);
    s.mode = (uint8_t)mode;
    s.level = (uint8_t)level;
    if (mode == TSP_MODE_REAL16 || mode == TSP_MODE_VM86 || mode == TSP_MODE_PROT16)
        s.code_at = 0xe800;
    input_build(&s, NULL, 0, &img, &setup);
    for (uint32_t i = 0; i < setup.npage; i++) {
        const struct tsp_page *p = &setup.page[i];

        if (p->data && range_ok(p->gpa - setup.ram_base, p->len, RAM_SIZE))
            memcpy(ram + (p->gpa - setup.ram_base), p->data, p->len);
    }
    vcpu = setup.vcpu[0];
    trace.n = 1;
    trace.ev[0] = (struct tsp_event){.kind = TSP_EV_POLICY};
}

static void stop(uint32_t code)
{
    trace.ev[trace.n++] = (struct tsp_event){.kind = TSP_EV_STOP, .code = code, .after = vcpu.regs};
}

static struct outcome outcome(void)
{
    struct outcome o;

    exec_outcome(&target, &s, &setup, &trace, &o);
    return o;
}

/* len: instruction bytes that were there; none at all means code outside RAM. */
static void outcome_end_marks(void **state)
{
    static const struct {
        uint32_t stop;
        uint8_t exit, len;
    } row[] = {
        {TSP_STOP_HALT, OUTCOME_HALT, 1},
        {TSP_STOP_END, OUTCOME_IO, 2},
        {TSP_STOP_TRIPLE, OUTCOME_SHUTDOWN, 1},
        {TSP_STOP_UNSUPPORTED, OUTCOME_UNSUPPORTED, 3},
        {TSP_STOP_UNSUPPORTED, OUTCOME_INTERNAL, 0},
        {TSP_STOP_LIVELOCK, OUTCOME_TIMEOUT, 3},
        {TSP_STOP_BUDGET, OUTCOME_TIMEOUT, 0},
        {TSP_STOP_EXIT, OUTCOME_HYPERCALL, 3},
        {TSP_STOP_ERROR, OUTCOME_INTERNAL, 0},
        {TSP_STOP_DONE, OUTCOME_NONE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct outcome o;

        arrange(TSP_ARCH_X86, TSP_MODE_LONG64, 0);
        vcpu.regs.pc = 0x10003;
        vcpu.regs.r[TSP_RAX] = 77;
        stop(row[i].stop);
        trace.ev[trace.n - 1].len = row[i].len;
        o = outcome();
        assert_int_equal(o.exit, row[i].exit);
        assert_false(o.exc);
        assert_int_equal(o.out.pc, 0x10003);
        assert_int_equal(o.out.r[TSP_RAX], 77);
        assert_int_equal(o.mem_len, OUTCOME_MEM);
        assert_memory_equal(o.mem, ram + 0x10000, OUTCOME_MEM);
        assert_true(o.has_pte);
    }
}

/* A hypervisor's own error has its number; memory that was written after the run had ended for a
 * black box is not shown. */
static void outcome_numbers_and_later_memory(void **state)
{
    struct outcome o;

    (void)state;
    arrange(TSP_ARCH_X86, TSP_MODE_LONG64, 0);
    stop(TSP_STOP_ERROR);
    trace.ev[1].info[1] = 3;
    o = outcome();
    assert_int_equal(o.exit, OUTCOME_INTERNAL);
    assert_int_equal(o.code, 3);
    for (unsigned later = 0; later < 2; later++) {
        arrange(TSP_ARCH_X86, TSP_MODE_LONG64, 0);
        trace.ev[trace.n++] = (struct tsp_event){.kind = TSP_EV_PIO, .code = 0xa2, .info = {0, 17}};
        if (later)
            stop(TSP_STOP_TRIPLE);
        o = outcome();
        assert_int_equal(o.exit, OUTCOME_IO);
        assert_int_equal(o.code, 0xa2);
        assert_int_equal(o.has_pte, !later);
        assert_int_equal(o.mem_len, later ? 0 : OUTCOME_MEM);
    }
}

/* One frame: width of an element, where it lies, and what the handler's segments look like. */
static void outcome_reads_the_handlers_frame(void **state)
{
    static const struct {
        unsigned mode, level, vector, width, gate; /* gate: type patched into the IDT, 0 = leave */
        bool error;
    } row[] = {
        {TSP_MODE_LONG64, 0, 6, 8, 0, false},   {TSP_MODE_LONG64, 3, 13, 8, 0, true},
        {TSP_MODE_COMPAT32, 0, 6, 8, 0, false}, {TSP_MODE_COMPAT16, 3, 14, 8, 0, true},
        {TSP_MODE_PROT32, 0, 6, 4, 0, false},   {TSP_MODE_PROT32, 3, 13, 4, 0, true},
        {TSP_MODE_PROT32, 0, 8, 4, 0, true},    {TSP_MODE_PROT16, 0, 1, 4, 0, false},
        {TSP_MODE_PROT16, 0, 13, 2, 6, true},   {TSP_MODE_PROT32, 0, 6, 2, 7, false},
        {TSP_MODE_VM86, 3, 13, 4, 0, true},     {TSP_MODE_REAL16, 0, 13, 2, 0, false},
        {TSP_MODE_REAL16, 0, 6, 2, 0, false},   {TSP_MODE_LONG64, 0, 17, 8, 0, true},
        {TSP_MODE_LONG64, 0, 3, 8, 0, false},   {TSP_MODE_LONG64, 0, 14, 8, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        unsigned w = row[i].width;
        uint64_t sp = 0xdf00, at = sp;
        struct outcome o;

        arrange(TSP_ARCH_X86, row[i].mode, row[i].level);
        if (row[i].gate)
            ram[setup.vcpu[0].x86.idt.base + row[i].vector * 8 + 5] = (uint8_t)(0x80 | row[i].gate);
        if (row[i].error) {
            le_store(ram + at, 0x15, w);
            at += w;
        }
        le_store(ram + at, 0x1234, w);
        le_store(ram + at + w, w > 2 ? 0xffff0043u : 0x43u,
                 w); /* what lies above a selector is not part of it */
        le_store(ram + at + 2 * w, 0x3046, w);
        /* The handler's own state. */
        vcpu.regs.mode = row[i].mode == TSP_MODE_REAL16 ? TSP_MODE_REAL16
                         : vcpu.x86.efer & (1ull << 10) ? TSP_MODE_LONG64
                                                        : TSP_MODE_PROT32;
        vcpu.regs.flags &= ~(1ull << 17);
        vcpu.regs.r[TSP_RSP] = sp;
        vcpu.regs.pc = INPUT_X86_STUBS + 16 * row[i].vector + 1;
        vcpu.x86.seg[TSP_SS] = (struct tsp_segment){
            .limit = 0xffffffff, .attr = row[i].mode == TSP_MODE_REAL16 ? 0x93 : 0x4093};
        vcpu.x86.cr2 = 0x11000;
        stop(TSP_STOP_HALT);
        o = outcome();
        assert_int_equal(o.exit, OUTCOME_EXCEPTION);
        assert_true(o.exc);
        assert_int_equal(o.exc_vector, row[i].vector);
        assert_int_equal(o.exc_has_error, row[i].error);
        assert_int_equal(o.exc_error, row[i].error ? 0x15 : 0);
        assert_int_equal(o.exc_rip, 0x1234);
        assert_int_equal(o.exc_cs, 0x43);
        assert_int_equal(o.exc_rflags, 0x3046);
        assert_int_equal(o.exc_has_cr2, row[i].vector == 14);
        assert_int_equal(o.exc_cr2, row[i].vector == 14 ? 0x11000 : 0);
    }
}

/* INT 13 pushes no error code although #GP does. */
static void outcome_software_interrupt_has_no_error_code(void **state)
{
    struct outcome o;

    (void)state;
    arrange(TSP_ARCH_X86, TSP_MODE_PROT32, 0);
    le_store(ram + 0xdf00, 0x10002, 4);
    le_store(ram + 0xdf04, 8, 4);
    le_store(ram + 0xdf08, 2, 4);
    vcpu.regs.r[TSP_RSP] = 0xdf00;
    vcpu.regs.pc = INPUT_X86_STUBS + 16 * 13 + 1;
    vcpu.x86.seg[TSP_SS].attr |= 1u << 14;
    trace.ev[trace.n++] =
        (struct tsp_event){.kind = TSP_EV_FAULT, .code = 13, .len = 2, .fetched = {0xcd, 13}};
    stop(TSP_STOP_HALT);
    o = outcome();
    assert_int_equal(o.exit, OUTCOME_EXCEPTION);
    assert_false(o.exc_has_error);
    assert_int_equal(o.exc_rip, 0x10002);
    assert_int_equal(o.exc_cs, 8);
}

static void outcome_arm64_exception_and_end(void **state)
{
    struct outcome o;

    (void)state;
    arrange(TSP_ARCH_ARM64, TSP_MODE_A64, 1);
    vcpu.regs.pc = s.code_at + 8;
    stop(TSP_STOP_END);
    assert_int_equal(outcome().exit, OUTCOME_END);

    arrange(TSP_ARCH_ARM64, TSP_MODE_A64, 0);
    vcpu.regs.pc = INPUT_ARM64_VECTORS + 0x408;
    vcpu.regs.level = 1;
    vcpu.arm64.esr_el1 = 0x2000000;
    vcpu.arm64.elr_el1 = s.code_at;
    vcpu.arm64.spsr_el1 = 0x3c0;
    stop(TSP_STOP_END);
    o = outcome();
    assert_int_equal(o.exit, OUTCOME_EXCEPTION);
    assert_int_equal(o.exc_vector, 0x400);
    assert_int_equal(o.exc_error, 0x2000000);
    assert_int_equal(o.exc_rip, s.code_at);
    assert_int_equal(o.exc_rflags, 0x3c0);
}

static void outcome_arm64_power_calls(void **state)
{
    static const struct {
        uint32_t stop, info, config;
        uint8_t exit;
        uint32_t code;
    } row[] = {
        {TSP_STOP_OFF, 0, 0, OUTCOME_TIMEOUT, 0},
        {TSP_STOP_SUSPEND, 0, 0, OUTCOME_TIMEOUT, 0},
        {TSP_STOP_SHUTDOWN, 0, 0, OUTCOME_SYSTEM, 1},
        {TSP_STOP_RESET, 0, 0, OUTCOME_SYSTEM, 2},
        {TSP_STOP_SUSPEND, 1, TSP_CFG_SYS_SUSPEND, OUTCOME_SYSTEM, 5},
        {TSP_STOP_HALT, 0, 0, OUTCOME_TIMEOUT, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct outcome o;

        arrange(TSP_ARCH_ARM64, TSP_MODE_A64, 1);
        setup.config = row[i].config;
        stop(row[i].stop);
        trace.ev[1].info[0] = row[i].info;
        o = outcome();
        assert_int_equal(o.exit, row[i].exit);
        assert_int_equal(o.code, row[i].code);
    }
}

/* For a black box the run ends at the first access that leaves RAM, whatever the model did
 * afterwards. */
static void outcome_first_mmio_ends_it(void **state)
{
    struct outcome o;

    (void)state;
    arrange(TSP_ARCH_X86, TSP_MODE_LONG64, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct tsp_event *e = &trace.ev[trace.n++];

        *e = (struct tsp_event){
            .kind = TSP_EV_MMIO, .addr = 0x10000, .info = {0xd9010f, 1 | 3 << 4}};
        e->after.pc = 0x10000;
    }
    stop(TSP_STOP_LIVELOCK);
    o = outcome();
    assert_int_equal(o.exit, OUTCOME_MMIO);
    assert_true(o.has_mmio);
    assert_int_equal(o.mmio_gpa, 0x10000);
    assert_int_equal(o.mmio_len, 3);
    assert_int_equal(o.mmio_exits, 1);
    assert_memory_equal(o.mmio_data, "\x0f\x01\xd9\0\0\0\0\0", 8);
    assert_int_equal(o.out.pc, 0x10000);
}

static void outcome_hypercall_exit_has_three_arguments(void **state)
{
    static const unsigned mode[] = {TSP_MODE_LONG64, TSP_MODE_PROT32};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tsp_event *e;
        struct outcome o;

        arrange(TSP_ARCH_X86, mode[i], 0);
        stop(TSP_STOP_EXIT);
        e = &trace.ev[1];
        e->info[0] = 12;
        e->before.mode = mode[i];
        e->before.r[TSP_RBX] = 0xa00010000ull;
        e->before.r[TSP_RCX] = 0xb00000001ull;
        e->before.r[TSP_RDX] = 0xc00000010ull;
        e->before.r[TSP_RSI] = 0xd00000000ull;
        o = outcome();
        assert_int_equal(o.exit, OUTCOME_HYPERCALL);
        assert_int_equal(o.call_nr, 12);
        assert_int_equal(o.call_wide, i == 0);
        assert_int_equal(o.call_arg[0], i == 0 ? 0xa00010000ull : 0x10000);
        assert_int_equal(o.call_arg[1], i == 0 ? 0xb00000001ull : 1);
        assert_int_equal(o.call_arg[2], i == 0 ? 0xc00000010ull : 0x10);
        assert_int_equal(o.call_arg[3], 0);
    }
}

static void outcome_shows_what_lies_at_pc_without_the_base(void **state)
{
    struct outcome o;

    (void)state;
    arrange(TSP_ARCH_X86, TSP_MODE_PROT32, 0);
    s.cs_base = 0x10000;
    s.code_at = 0x10100;
    memset(ram + 0x100, 0xcc, 16);
    stop(TSP_STOP_HALT);
    o = outcome();
    assert_true(o.has_nobase);
    assert_memory_equal(o.nobase, ram + 0x100, 16);
    assert_memory_equal(o.mem, ram + 0x10100, 16);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(outcome_end_marks),
    cmocka_unit_test(outcome_numbers_and_later_memory),
    cmocka_unit_test(outcome_reads_the_handlers_frame),
    cmocka_unit_test(outcome_software_interrupt_has_no_error_code),
    cmocka_unit_test(outcome_arm64_exception_and_end),
    cmocka_unit_test(outcome_arm64_power_calls),
    cmocka_unit_test(outcome_first_mmio_ends_it),
    cmocka_unit_test(outcome_hypercall_exit_has_three_arguments),
    cmocka_unit_test(outcome_shows_what_lies_at_pc_without_the_base),
};

TEST_MAIN(tests)
