/* SPDX-License-Identifier: MIT */
/* Loads and stores: sizes, extensions, addressing modes, the exclusive monitor, and what lies
 * outside RAM. */
#include "tests/unit/arm64_guest.h"

#define LOW UINT64_C(0x8182838485868788)  /* at DATA + 0x100 */
#define HIGH UINT64_C(0xf1f2f3f4f5f6f7f8) /* at DATA + 0x108 */
#define BASE (DATA + 0x100)

static const uint8_t data[16] = {0x88, 0x87, 0x86, 0x85, 0x84, 0x83, 0x82, 0x81,
                                 0xf8, 0xf7, 0xf6, 0xf5, 0xf4, 0xf3, 0xf2, 0xf1};

static void open_with_data(struct guest *g)
{
    guest_open(g, "kvm");
    g->page[1] = (struct tsp_page){.gpa = BASE, .len = sizeof(data), .data = data};
    g->setup.npage = 2;
}

struct load {
    uint32_t word;
    uint64_t x1, x2;
    uint64_t x0, x3;   /* loaded; x3 of pairs */
    uint64_t x1_after; /* 0: unchanged */
};

/* clang-format off */
static const struct load loads[] = {
    {0xf9400420, BASE, 0, HIGH, 0, 0},                       /* ldr x0, [x1, #8] */
    {0xb9400820, BASE, 0, 0xf5f6f7f8, 0, 0},                 /* ldr w0, [x1, #8] */
    {0x79401020, BASE, 0, 0xf7f8, 0, 0},                     /* ldrh w0, [x1, #8] */
    {0x39402020, BASE, 0, 0xf8, 0, 0},                       /* ldrb w0, [x1, #8] */
    {0xb9800820, BASE, 0, 0xfffffffff5f6f7f8, 0, 0},         /* ldrsw x0, [x1, #8] */
    {0x79801020, BASE, 0, 0xfffffffffffff7f8, 0, 0},         /* ldrsh x0, [x1, #8] */
    {0x79c01020, BASE, 0, 0xfffff7f8, 0, 0},                 /* ldrsh w0, [x1, #8] */
    {0x39803c20, BASE, 0, 0xfffffffffffffff1, 0, 0},         /* ldrsb x0, [x1, #15] */
    {0x39c03c20, BASE, 0, 0xfffffff1, 0, 0},                 /* ldrsb w0, [x1, #15] */
    {0xf85f8020, BASE + 8, 0, LOW, 0, 0},                    /* ldur x0, [x1, #-8] */
    {0xf8626820, BASE, 8, HIGH, 0, 0},                       /* ldr x0, [x1, x2] */
    {0xf8627820, BASE, 1, HIGH, 0, 0},                       /* ldr x0, [x1, x2, lsl #3] */
    {0xb862d820, BASE + 8, 0xffffffff, 0x81828384, 0, 0},    /* ldr w0, [x1, w2, sxtw #2] */
    {0xf8624820, BASE, 0x1100000008, HIGH, 0, 0},            /* ldr x0, [x1, w2, uxtw] */
    {0xf8410420, BASE, 0, LOW, 0, BASE + 16},                /* ldr x0, [x1], #16 */
    {0xf85f8c20, BASE + 8, 0, LOW, 0, BASE},                 /* ldr x0, [x1, #-8]! */
    {0xa9400c20, BASE, 0, LOW, HIGH, 0},                     /* ldp x0, x3, [x1] */
    {0x29410c20, BASE, 0, 0xf5f6f7f8, 0xf1f2f3f4, 0},        /* ldp w0, w3, [x1, #8] */
    {0x69410c20, BASE, 0, 0xfffffffff5f6f7f8, 0xfffffffff1f2f3f4, 0}, /* ldpsw x0, x3, [x1, #8] */
    {0x88dffc20, BASE, 0, 0x85868788, 0, 0},                 /* ldar w0, [x1] */
    {0xf9800020, OUTSIDE, 0, 0, 0, 0},                       /* prfm: nothing, anywhere */
};
/* clang-format on */

static void loads_extend_and_write_back(void **state)
{
    struct guest g;

    (void)state;
    open_with_data(&g);
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        const struct load *l = &loads[i];

        guest_regs(&g)->r[1] = l->x1;
        guest_regs(&g)->r[2] = l->x2;
        guest_word(&g, l->word, 1);
        assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(g.ev.after.r[0], l->x0);
        assert_int_equal(g.ev.after.r[3], l->x3);
        assert_int_equal(g.ev.after.r[1], l->x1_after ? l->x1_after : l->x1);
        assert_int_equal(g.ev.after.pc, CODE + 4);
    }
    guest_close(&g);
}

struct store {
    uint32_t word;
    uint64_t x1;
    uint64_t low, high; /* memory at BASE after it */
    uint64_t x1_after;
};

/* x2 = 0x1111222233334444, x3 = 0x5555666677778888 */
/* clang-format off */
static const struct store stores[] = {
    {0xf9000422, BASE, LOW, 0x1111222233334444, 0},              /* str x2, [x1, #8] */
    {0xb9000822, BASE, LOW, 0xf1f2f3f433334444, 0},              /* str w2, [x1, #8] */
    {0x79001022, BASE, LOW, 0xf1f2f3f4f5f64444, 0},              /* strh w2, [x1, #8] */
    {0x39002022, BASE, LOW, 0xf1f2f3f4f5f6f744, 0},              /* strb w2, [x1, #8] */
    {0xf81f8022, BASE + 8, 0x1111222233334444, HIGH, 0},         /* stur x2, [x1, #-8] */
    {0xf8010c22, BASE - 8, LOW, 0x1111222233334444, BASE + 8},   /* str x2, [x1, #16]! */
    {0xf81f0422, BASE + 8, LOW, 0x1111222233334444, BASE - 8},   /* str x2, [x1], #-16 */
    {0xf900043f, BASE, LOW, 0, 0},                               /* str xzr, [x1, #8] */
    {0xa9bf0c22, BASE + 16, 0x1111222233334444, 0x5555666677778888, BASE}, /* stp x2, x3, [x1, #-16]! */
    {0x29000c22, BASE, 0x7777888833334444, HIGH, 0},             /* stp w2, w3, [x1] */
    {0x889ffc22, BASE, 0x8182838433334444, HIGH, 0},             /* stlr w2, [x1] */
};
/* clang-format on */

static void stores_touch_their_bytes_only(void **state)
{
    struct guest g;

    (void)state;
    open_with_data(&g);
    guest_regs(&g)->r[2] = 0x1111222233334444;
    guest_regs(&g)->r[3] = 0x5555666677778888;
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        const struct store *s = &stores[i];

        guest_regs(&g)->r[1] = s->x1;
        guest_word(&g, s->word, 1);
        assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(guest_load(&g, BASE, 8), s->low);
        assert_int_equal(guest_load(&g, BASE + 8, 8), s->high);
        assert_int_equal(guest_load(&g, BASE - 8, 8), 0);
        assert_int_equal(guest_load(&g, BASE + 16, 8), 0);
        assert_int_equal(g.ev.after.r[1], s->x1_after ? s->x1_after : s->x1);
    }
    guest_close(&g);
}

static void literals_are_read_relative_to_pc(void **state)
{
    static const struct {
        uint32_t word;
        uint64_t value;
    } rows[] = {
        {0x58000080, 0x99aabbccddeeff00}, /* ldr x0, .+16 */
        {0x18000080, 0xddeeff00},         /* ldr w0, .+16 */
        {0x98000080, 0xffffffffddeeff00}, /* ldrsw x0, .+16 */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_code(&g, &rows[i].word, 1);
        le_store(g.code + 16, 0x99aabbccddeeff00, 8);
        guest_start(&g, 1);
        assert_int_equal(g.ev.after.r[0], rows[i].value);
    }
    guest_close(&g);
}

/* What the store-exclusive returns after an optional instruction between the two. */
static uint64_t exclusive_status(struct guest *g, const uint32_t *code, unsigned n)
{
    guest_regs(g)->r[1] = BASE;
    guest_regs(g)->r[2] = 0x1234;
    guest_regs(g)->r[5] = 0x5678;
    guest_code(g, code, n);
    guest_start(g, n);
    assert_int_equal(g->ev.code, TSP_STOP_BUDGET);
    return g->ev.after.r[3];
}

/* A hypervisor comes back by ERET, which clears the monitor: after a call, and after an access
 * outside RAM. */
static void hypervisor_clears_the_monitor(void **state)
{
    static const uint32_t seen[] = {0xd4000002, 0xf94000c7, 0xf90000c7}; /* hvc; ldr/str x7, [x6] */
    struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        const uint32_t code[] = {0xc85f7c20, seen[i], 0xc8037c22}; /* ldxr; ...; stxr */

        open_with_data(&g);
        guest_regs(&g)->r[1] = BASE;
        guest_regs(&g)->r[6] = 0x0a000000;
        guest_code(&g, code, 3);
        guest_start(&g, 2);
        assert_int_not_equal(g.ev.kind, TSP_EV_STOP);
        assert_int_equal(vm_run(g.vm, 0, 1, &g.ev), TSP_OK);
        assert_int_equal(g.ev.after.r[3], 1);
        guest_close(&g);
    }
}

static void store_exclusive_needs_the_monitor(void **state)
{
    static const uint32_t pass[] = {0xc85f7c20, WORD_NOP, 0xc8037c22}; /* ldxr; nop; stxr */
    static const uint32_t alone[] = {0xc8037c22};
    static const uint32_t cleared[] = {0xc85f7c20, 0xd5033f5f, 0xc8037c22};
    static const uint32_t changed[] = {0xc85f7c20, 0xf9000025, 0xc8037c22}; /* str x5, [x1] */
    static const uint32_t pair[] = {0xc87f9020, 0xc8239422};                /* ldaxp; stlxp */
    static const uint32_t mixed[] = {0xc85f7c20, 0xc8239422};
    struct guest g;

    (void)state;
    open_with_data(&g);
    assert_int_equal(exclusive_status(&g, pass, 3), 0);
    assert_int_equal(guest_load(&g, BASE, 8), 0x1234);
    assert_int_equal(g.ev.after.r[0], LOW);
    assert_int_equal(exclusive_status(&g, alone, 1), 1);
    assert_int_equal(guest_load(&g, BASE, 8), LOW);
    assert_int_equal(exclusive_status(&g, cleared, 3), 1);
    assert_int_equal(exclusive_status(&g, changed, 3), 1);
    assert_int_equal(guest_load(&g, BASE, 8), 0x5678);
    assert_int_equal(exclusive_status(&g, pair, 2), 0);
    assert_int_equal(g.ev.after.r[4], HIGH);
    assert_int_equal(guest_load(&g, BASE, 8), 0x1234);
    assert_int_equal(guest_load(&g, BASE + 8, 8), 0x5678);
    assert_int_equal(exclusive_status(&g, mixed, 2), 1);
    guest_close(&g);
}

static void accesses_outside_ram_are_events(void **state)
{
    static const struct {
        uint32_t word;
        uint64_t x0, value, info1;
    } rows[] = {
        {0xb9000022, 0, 0x33334444, 1 | 4 << 4},          /* str w2, [x1] */
        {0x39000022, 0, 0x44, 1 | 1 << 4},                /* strb w2, [x1] */
        {0xf9000022, 0, 0x1111222233334444, 1 | 8 << 4},  /* str x2, [x1] */
        {0xb9400020, 0xffffffff, 0xffffffff, 4 << 4},     /* ldr w0, [x1] */
        {0x39400020, 0xff, 0xff, 1 << 4},                 /* ldrb w0, [x1] */
        {0xf8626820, ~UINT64_C(0), ~UINT64_C(0), 8 << 4}, /* ldr x0, [x1, x2] */
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_regs(&g)->r[2] = 0x1111222233334444;
        guest_regs(&g)->r[1] = i < 5 ? OUTSIDE : OUTSIDE - 0x1111222233334444;
        guest_word(&g, rows[i].word, 10);
        assert_int_equal(g.ev.kind, TSP_EV_MMIO);
        assert_int_equal(g.ev.addr, OUTSIDE);
        assert_int_equal(g.ev.info[0], rows[i].value);
        assert_int_equal(g.ev.info[1], rows[i].info1);
        assert_int_equal(g.ev.before.pc, CODE);
        assert_int_equal(g.ev.after.pc, CODE + 4);
        assert_int_equal(g.ev.before.r[0], 0);
        assert_int_equal(g.ev.after.r[0], rows[i].x0);
    }
    guest_close(&g);
}

/* A machine has 40 bits of addresses: what lies beyond them is an external abort. Shipped code
 * gives it a syndrome of 64 bits, and loses the sign of what user space gives. */
static void shipped_code_and_accesses_outside_ram(void **state)
{
    static const char *const profile[2] = {"kvm", "kvm@linux-6.1"};
    static const uint32_t load_store[3] = {0xf9400020, 0xb9000022, 0xa9400c20};

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct guest g;

        guest_open(&g, profile[k]);
        guest_regs(&g)->r[1] = UINT64_C(1) << 40;
        for (unsigned i = 0; i < 3; i++) {
            guest_word(&g, load_store[i], 10);
            assert_int_equal(g.ev.kind, TSP_EV_FAULT);
            assert_int_equal(g.ev.info[0], k ? 0xffffffff96000010 : 0x96000010);
            assert_int_equal(g.ev.info[1], UINT64_C(1) << 40);
        }
        guest_regs(&g)->r[1] = OUTSIDE;
        guest_word(&g, 0x39800020, 10); /* ldrsb x0, [x1] */
        assert_int_equal(g.ev.kind, TSP_EV_MMIO);
        assert_int_equal(g.ev.after.r[0], k ? 0xff : UINT64_MAX);
        guest_close(&g);
    }
}

/* The hypervisor is not told enough about these to serve them outside RAM. */
static void forms_without_a_syndrome_stop_outside_ram(void **state)
{
    static const uint32_t rows[] = {0xa9400c20, 0xa9bf0c22, 0xf8410420, 0xf8010c22,
                                    0xc85f7c20, 0xc8037c22, 0x29000c22};
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->r[1] = OUTSIDE;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_word(&g, rows[i], 10);
        assert_int_equal(g.ev.kind, TSP_EV_STOP);
        assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
        assert_int_equal(g.ev.after.pc, CODE);
        assert_int_equal(g.ev.after.r[1], OUTSIDE);
        assert_int_equal(le_load(g.ev.fetched, 4), rows[i]);
    }
    guest_close(&g);
}

static void a_store_to_the_end_address_ends_the_run(void **state)
{
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.end_mmio = OUTSIDE;
    guest_regs(&g)->r[1] = OUTSIDE;
    guest_word(&g, 0xb9000022, 10);
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    assert_int_equal(g.ev.code, TSP_STOP_END);
    assert_int_equal(g.ev.after.pc, CODE + 4);
    assert_int_equal(vm_runnable(g.vm), 0);
    guest_close(&g);
}

static void stores_change_code_that_was_decoded(void **state)
{
    static const uint32_t code[] = {
        0xb9000022, /* str w2, [x1]: the word two further on */
        WORD_NOP,
        WORD_NOP, /* becomes mov x0, #7 */
        WORD_B_SELF,
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    guest_regs(&g)->r[1] = CODE + 8;
    guest_regs(&g)->r[2] = 0xd28000e0;
    guest_code(&g, code, 4);
    guest_start(&g, 4);
    assert_int_equal(g.ev.after.r[0], 7);
    guest_close(&g);
}

static const struct CMUnitTest table[] = {
    cmocka_unit_test(loads_extend_and_write_back),
    cmocka_unit_test(stores_touch_their_bytes_only),
    cmocka_unit_test(literals_are_read_relative_to_pc),
    cmocka_unit_test(hypervisor_clears_the_monitor),
    cmocka_unit_test(store_exclusive_needs_the_monitor),
    cmocka_unit_test(accesses_outside_ram_are_events),
    cmocka_unit_test(shipped_code_and_accesses_outside_ram),
    cmocka_unit_test(forms_without_a_syndrome_stop_outside_ram),
    cmocka_unit_test(a_store_to_the_end_address_ends_the_run),
    cmocka_unit_test(stores_change_code_that_was_decoded),
};

TEST_MAIN(table)
