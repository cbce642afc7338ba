/* SPDX-License-Identifier: MIT */
/* The machine of a scenario: tables that a processor would accept, in every mode. */
#include "tests/test_main.h"

#include "tests/unit/input_random.h"
#include "trapspec/bits.h"

static uint8_t ram[0x100000];
static struct input_image image;
static struct tsp_setup setup;
static struct scenario s;

/* Builds, and loads the pieces as a target does. */
static void build(void)
{
    input_build(&s, NULL, 0, &image, &setup);
    assert_true(setup.ram_size <= sizeof(ram));
    memset(ram, 0, sizeof(ram));
    for (uint32_t i = 0; i < setup.npage; i++) {
        const struct tsp_page *p = &setup.page[i];

        assert_true(range_ok(p->gpa - setup.ram_base, p->len, setup.ram_size));
        memcpy(ram + (p->gpa - setup.ram_base), p->data, p->len);
    }
}

/* Walks the page tables as a processor does; ~0 when something is not present. */
static uint64_t walk(const struct tsp_x86_state *x, uint64_t lin)
{
    uint64_t at = x->cr3;
    bool wide = bits_test(x->efer, 10);

    if (!bits_test(x->cr0, 31))
        return lin;
    for (int level = wide ? 3 : 1; level >= 0; level--) {
        unsigned size = wide ? 8 : 4, index_bits = wide ? 9 : 10;
        uint64_t index = bits_get(lin, (unsigned)level * index_bits + 12 + index_bits - 1,
                                  (unsigned)level * index_bits + 12);
        uint64_t e = le_load(ram + at + index * size, size);

        if (!(e & 1))
            return UINT64_MAX;
        at = e & 0xffffffffff000;
    }
    return at | (lin & 0xfff);
}

static const struct {
    uint8_t mode, paging, level;
    uint16_t cs, cs_attr, ss;
    uint64_t flags, pc;
} modes[] = {
    {TSP_MODE_LONG64, 0, 0, 0x18, 0xa09b, 0x10, 2, 0x10000},
    {TSP_MODE_LONG64, 0, 3, 0x43, 0xa0fb, 0x3b, 0x3002, 0x10000},
    {TSP_MODE_COMPAT32, 0, 0, 0x08, 0xc09b, 0x10, 2, 0x10000},
    {TSP_MODE_COMPAT32, 0, 3, 0x33, 0xc0fb, 0x3b, 0x3002, 0x10000},
    {TSP_MODE_COMPAT16, 0, 0, 0x20, 0x009b, 0x10, 2, 0xe800},
    {TSP_MODE_COMPAT16, 0, 3, 0x4b, 0x00fb, 0x3b, 0x3002, 0xe800},
    {TSP_MODE_PROT32, 0, 0, 0x08, 0xc09b, 0x10, 2, 0x10000},
    {TSP_MODE_PROT32, 1, 3, 0x33, 0xc0fb, 0x3b, 0x3002, 0x10000},
    {TSP_MODE_PROT16, 0, 0, 0x20, 0x009b, 0x10, 2, 0xe800},
    {TSP_MODE_PROT16, 0, 3, 0x4b, 0x00fb, 0x3b, 0x3002, 0xe800},
    {TSP_MODE_REAL16, 0, 0, 0, 0x009b, 0, 2, 0xe800},
    {TSP_MODE_VM86, 0, 3, 0, 0x00f3, 0, 0x23002, 0xe800},
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

static void start(size_t i)
{
    input_default(&s, TSP_ARCH_X86);
    s.mode = modes[i].mode;
    s.paging = modes[i].paging;
    s.level = modes[i].level;
    s.code_at = 0;
    input_fold(&s);
}

static void each_mode_starts_where_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        const struct tsp_vcpu_state *v = &setup.vcpu[0];

        start(i);
        build();
        assert_int_equal(v->regs.mode, modes[i].mode);
        assert_int_equal(v->regs.level, modes[i].level);
        assert_int_equal(v->x86.seg[TSP_CS].sel, modes[i].cs);
        assert_int_equal(v->x86.seg[TSP_CS].attr, modes[i].cs_attr);
        assert_int_equal(v->x86.seg[TSP_SS].sel, modes[i].ss);
        assert_true(v->regs.flags == modes[i].flags && v->regs.pc == modes[i].pc);
        assert_int_equal(v->regs.r[TSP_RSP], 0xe000);
        assert_int_equal(bits_test(v->x86.cr0, 0), modes[i].mode != TSP_MODE_REAL16);
        assert_int_equal(bits_test(v->x86.cr0, 16), 1);
        assert_true(walk(&v->x86, 0x10123) == 0x10123);
        assert_memory_equal(ram + s.code_at, "\x0f\xa2\xf4", 3);
        assert_true(setup.end_port == 0xf4 && setup.console_port == 0xe9);
    }
}

/* The cached descriptors are those the GDT holds for the same selector. */
static void segments_agree_with_the_gdt(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        const struct tsp_x86_state *x = &setup.vcpu[0].x86;

        if (modes[i].mode == TSP_MODE_REAL16 || modes[i].mode == TSP_MODE_VM86)
            continue;
        start(i);
        build();
        for (unsigned k = 0; k < TSP_SEG_COUNT; k++) {
            const struct tsp_segment *seg = &x->seg[k];
            const uint8_t *d = ram + x->gdt.base + (seg->sel & ~7u);
            uint64_t limit = le_load(d, 2) | (uint64_t)(d[6] & 15) << 16;

            if (k == TSP_LDTR)
                continue;
            assert_true((seg->sel & ~7u) + 7u <= x->gdt.limit);
            assert_int_equal(seg->attr, d[5] | (d[6] & 0xf0) << 8);
            assert_int_equal(seg->limit, d[6] & 0x80 ? limit << 12 | 0xfff : limit);
            assert_true(seg->base == (le_load(d + 2, 3) | (uint64_t)d[7] << 24));
        }
    }
}

/* Every vector leads to its own stub, through a present gate and a ring-0 code segment. */
static void vectors_lead_to_their_stubs(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        const struct tsp_x86_state *x = &setup.vcpu[0].x86;
        bool wide;

        start(i);
        build();
        wide = bits_test(x->efer, 10);
        for (unsigned v = 0; v < 256; v++) {
            uint64_t at;

            if (modes[i].mode == TSP_MODE_REAL16) {
                at = le_load(ram + x->idt.base + 4ul * v, 2) +
                     le_load(ram + x->idt.base + 4ul * v + 2, 2) * 16;
            } else {
                const uint8_t *gate = ram + x->idt.base + (wide ? 16ul : 8ul) * v;

                assert_true((gate - ram) + (wide ? 15 : 7) <= (long)(x->idt.base + x->idt.limit));
                assert_int_equal(gate[5] & 0x9f, 0x8e);
                assert_int_equal(le_load(gate + 2, 2), wide ? 0x18 : 0x08);
                at = le_load(gate, 2) | le_load(gate + 6, 2) << 16;
            }
            assert_int_equal(at, 0x3000 + v * 16);
            assert_int_equal(ram[at], 0xf4);
            assert_int_equal(input_stub_vector(&s, at + 1), v);
        }
    }
    assert_int_equal(input_stub_vector(&s, 0x2fff), -1);
    assert_int_equal(input_stub_vector(&s, 0x4000), -1);
    assert_int_equal(input_stub_vector(&s, 0x10000), -1);
}

/* Task states: the ring-0 stack, and ports of the first 256 open to everyone. */
static void task_state_has_stack_and_open_ports(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODES; i++) {
        const struct tsp_segment *tr = &setup.vcpu[1].x86.seg[TSP_TR];
        uint64_t bitmap;

        start(i);
        s.nvcpu = 2;
        build();
        assert_int_equal(le_load(ram + 0xa000 + 4, 4), 0xc000);
        assert_int_equal(le_load(ram + tr->base + 4, 4), 0xb800);
        bitmap = le_load(ram + 0xa000 + 0x66, 2);
        for (unsigned port = 0; port < 256; port += 8)
            assert_int_equal(ram[0xa000 + bitmap + port / 8], 0);
        assert_int_equal(ram[0xa000 + setup.vcpu[0].x86.seg[TSP_TR].limit], 0xff);
        assert_true(bitmap + 32 <= tr->limit);
    }
}

static void page_rights_reach_the_entries(void **state)
{
    static const struct {
        uint8_t mode, paging;
        uint64_t code_at;
        uint64_t pte[2], cpu;
        uint64_t at[2], entry[2];
        uint64_t other; /* entry of 0x12000 */
    } rows[] = {
        {TSP_MODE_LONG64, 0, 0x10ffe, {7, 7}, 1, {0x7080, 0x7088}, {0x10007, 0x11007}, 0x12007},
        {TSP_MODE_LONG64,
         0,
         0x10000,
         {5, 15},
         1,
         {0x7080, 0x7088},
         {0x10005, 0x8000000000011007},
         0x12007},
        {TSP_MODE_COMPAT32, 0, 0x10fff, {0, 3}, 1, {0x7080, 0x7088}, {0x10000, 0x11003}, 0x12007},
        {TSP_MODE_PROT32, 1, 0x10ffe, {5, 15}, 1, {0x9040, 0x9044}, {0x10005, 0x11007}, 0x12007},
        {TSP_MODE_LONG64, 0, 0x10000, {3, 7}, 0x81, {0x7080, 0x7088}, {0x10003, 0x11007}, 0x12003},
        {TSP_MODE_LONG64, 0, 0xfffffffd, {5, 7}, 1, {0x7ff8, 0}, {0x14005, 0}, 0x12007},
        {TSP_MODE_COMPAT32, 0, 0xfffffffe, {7, 5}, 1, {0x7ff8, 0x7000}, {0x14007, 5}, 0x12007},
        {TSP_MODE_PROT32, 0, 0x10000, {5, 5}, 1, {0, 0}, {0, 0}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t at[2];
        unsigned size;

        input_default(&s, TSP_ARCH_X86);
        s.mode = rows[i].mode;
        s.paging = rows[i].paging;
        s.code_at = rows[i].code_at;
        s.pte[0] = (uint8_t)rows[i].pte[0];
        s.pte[1] = (uint8_t)rows[i].pte[1];
        s.cpu = (uint32_t)rows[i].cpu;
        input_fold(&s);
        build();
        input_pte_at(&s, at, &size);
        for (unsigned k = 0; k < 2; k++) {
            assert_true(at[k] == rows[i].at[k]);
            if (at[k] != 0)
                assert_true(le_load(ram + at[k], size) == rows[i].entry[k]);
        }
        if (size != 0)
            assert_true(le_load(ram + (size == 8 ? 0x7000 : 0x9000) + (size_t)0x12 * size, size) ==
                        rows[i].other);
    }
}

/* Where a linear address leads by the tables is where input_gpa says. */
static void code_lies_where_the_tables_lead(void **state)
{
    static const struct {
        uint8_t mode, paging;
        uint64_t code_at, cs_base;
    } rows[] = {
        {TSP_MODE_LONG64, 0, 0x10ffd, 0},       {TSP_MODE_LONG64, 0, 0xfffffffd, 0},
        {TSP_MODE_COMPAT32, 0, 0xfffffffe, 0},  {TSP_MODE_PROT32, 1, 0xfffffffd, 0},
        {TSP_MODE_REAL16, 0, 0xfffd, 0},        {TSP_MODE_REAL16, 0, 0x10100, 0x10000},
        {TSP_MODE_VM86, 0, 0x10100, 0x10000},   {TSP_MODE_PROT16, 0, 0x10100, 0x10000},
        {TSP_MODE_PROT32, 0, 0x10100, 0x10000}, {TSP_MODE_COMPAT32, 0, 0x10100, 0x10000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tsp_vcpu_state *v = &setup.vcpu[0];
        uint64_t gpa;

        input_default(&s, TSP_ARCH_X86);
        s.mode = rows[i].mode;
        s.paging = rows[i].paging;
        s.code_at = rows[i].code_at;
        s.cs_base = (uint32_t)rows[i].cs_base;
        memcpy(s.code[0], "\x0f\x01\xd9\xf4\xf4", 5);
        s.ncode[0] = 5;
        input_fold(&s);
        assert_true(s.code_at == rows[i].code_at && s.cs_base == rows[i].cs_base);
        build();
        gpa = input_gpa(&s, s.code_at);
        assert_true(walk(&v->x86, s.code_at) == gpa);
        assert_memory_equal(ram + gpa, "\x0f\x01\xd9\xf4\xf4", 5);
        assert_true(v->regs.pc + v->x86.seg[TSP_CS].base == s.code_at);
        if (s.cs_base != 0)
            assert_memory_equal(ram + v->regs.pc, "\xcc\xcc\xcc\xcc", 4);
        if (s.code_at == 0xfffffffe) /* the instruction pointer wraps to 0 */
            assert_memory_equal(ram, "\xd9\xf4\xf4", 3);
        if (s.code_at == 0xfffd)
            assert_memory_equal(ram, "\xf4\xf4", 2);
    }
}

static void processor_bits_reach_the_registers(void **state)
{
    const struct tsp_x86_state *x = &setup.vcpu[0].x86;

    (void)state;
    input_default(&s, TSP_ARCH_X86);
    s.cpu = INPUT_CPU_MASK & ~INPUT_CPU_WP;
    s.xcr0 = 7;
    s.apic_id = 5;
    s.nmsr = 1;
    s.msr[0].index = 0x40000000;
    s.msr[0].value = 1;
    s.nvcpu = 2;
    input_fold(&s);
    build();
    assert_int_equal(x->cr0, 0x80000011);
    assert_int_equal(x->cr4, 0x20 | 1 << 11 | 1 << 18 | 1 << 20 | 1 << 21 | 1 << 22);
    assert_int_equal(x->efer, 0xd00);
    assert_int_equal(x->xcr0, 7);
    assert_int_equal(x->apic_base, 0xfee00100);
    assert_true(x->cpuid_faulting == 1 && x->platform_info == 0x80000000);
    assert_true(x->nmsr == 1 && x->msr[0].index == 0x40000000 && x->apic_id == 5);
    assert_int_equal(setup.vcpu[1].x86.apic_id, 6);
    /* ROM is a property of the code's piece. */
    for (uint32_t i = 0; i < setup.npage; i++)
        assert_int_equal(setup.page[i].flags & TSP_PAGE_ROM,
                         setup.page[i].gpa == 0x10000 ? TSP_PAGE_ROM : 0);
}

static void own_leaves_come_before_the_base(void **state)
{
    static const struct tsp_leaf base[2] = {{0, 0, 0, {1, 2, 3, 4}}, {1, 0, 0, {5, 6, 7, 8}}};

    (void)state;
    input_default(&s, TSP_ARCH_X86);
    s.nleaf = 1;
    s.leaf[0].leaf = 1;
    s.leaf[0].reg[0] = 99;
    input_build(&s, base, 2, &image, &setup);
    assert_int_equal(setup.npolicy, 1);
    assert_int_equal(setup.policy[0].n, 3);
    assert_int_equal(setup.policy[0].leaf[0].reg[0], 99);
    assert_int_equal(setup.policy[0].leaf[2].reg[0], 5);
}

static void arm64_machine_has_vectors_and_an_end(void **state)
{
    const struct tsp_vcpu_state *v = &setup.vcpu[0];

    (void)state;
    for (unsigned level = 0; level < 2; level++) {
        input_default(&s, TSP_ARCH_ARM64);
        s.level = (uint8_t)level;
        s.nvcpu = 2;
        s.cpu = INPUT_CPU_SECOND_OFF;
        input_fold(&s);
        build();
        assert_int_equal(setup.ram_base, 0x40000000);
        assert_int_equal(setup.ram_size, 0x100000);
        assert_int_equal(v->regs.pc, 0x40001000);
        assert_int_equal(v->regs.flags, level ? 0x3c5 : 0x3c0);
        assert_int_equal(v->regs.r[31], 0x40008000);
        assert_int_equal(v->arm64.vbar_el1, 0x40002000);
        assert_int_equal(setup.vcpu[1].run_state, TSP_RUN_OFF);
        assert_int_equal(setup.vcpu[1].arm64.mpidr, 0x80000001);
        /* The store after the code: str wzr, [x28], which points to the end address. */
        assert_int_equal(le_load(ram + 0x1004, 4), 0xb900039f);
        assert_true(v->regs.r[28] == setup.end_mmio);
        for (unsigned k = 0; k < 16; k++) {
            /* movz x28, #0xa00, lsl #16; str wzr, [x28] */
            assert_int_equal(le_load(ram + 0x2000 + 0x80ul * k, 4), 0xd2a1401c);
            assert_int_equal(le_load(ram + 0x2004 + 0x80ul * k, 4), 0xb900039f);
        }
    }
    assert_int_equal(input_stub_vector(&s, 0x40002208), 0x200);
    assert_int_equal(input_stub_vector(&s, 0x40001004), -1);
}

/* Scenarios made by hand may hold anything; nothing may land outside RAM. */
static void any_scenario_builds(void **state)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    uint64_t seed = 9;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        input_parse(bytes, random_input(bytes, sizeof(bytes), &seed), &s);
        if (i & 1) {
            s.code_at = random_next(&seed) >> random_next(&seed) % 64;
            s.cs_base = (uint32_t)random_next(&seed);
            s.ncode[0] = (uint32_t)random_next(&seed);
        }
        build();
        assert_true(setup.npage <= TSP_MAX_PAGE && setup.vcpu[0].regs.mode == s.mode);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_mode_starts_where_documented),
    cmocka_unit_test(segments_agree_with_the_gdt),
    cmocka_unit_test(vectors_lead_to_their_stubs),
    cmocka_unit_test(task_state_has_stack_and_open_ports),
    cmocka_unit_test(page_rights_reach_the_entries),
    cmocka_unit_test(code_lies_where_the_tables_lead),
    cmocka_unit_test(processor_bits_reach_the_registers),
    cmocka_unit_test(own_leaves_come_before_the_base),
    cmocka_unit_test(arm64_machine_has_vectors_and_an_end),
    cmocka_unit_test(any_scenario_builds),
};

TEST_MAIN(tests)
