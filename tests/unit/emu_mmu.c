/* SPDX-License-Identifier: MIT */
/*
 * Page walks. The tables below state what Intel SDM Vol. 3A 4.6 (access rights), 4.7 (error codes)
 * and 4.8 (accessed and dirty) say; the last test checks that remembered translations can never be
 * noticed.
 */
#include "tests/unit/emu_rig.h"

#define LIN 0x10000u
#define OK 0x100u /* no fault */
#define SMEP 0x100000u
#define SMAP 0x200000u
#define AC 0x40000u

static unsigned attempt(struct vcpu *vc, uint64_t lin, unsigned access)
{
    uint64_t gpa = 0;

    if (mmu_translate(&rig_vm, vc, lin, access, &gpa))
        return OK;
    assert_int_equal(vc->fault.vector, 14);
    assert_true(vc->fault.has_error);
    assert_int_equal(vc->fault.addr, lin);
    return (unsigned)vc->fault.error;
}

static void rights_of_four_level_paging(void **state)
{
    static const struct {
        uint64_t pte;
        uint32_t level, cr0, cr4, flags;
        unsigned access, error;
    } rows[] = {
        {P | W | U, 0, 1, 0, 0, MMU_READ, OK},
        {P | W | U, 3, 1, 0, 0, MMU_WRITE, OK},
        {P | U, 3, 1, 0, 0, MMU_READ, OK},
        {P | U, 3, 1, 0, 0, MMU_WRITE, 7},
        {P | U, 3, 0, 0, 0, MMU_WRITE, 7},
        {P | U, 0, 1, 0, 0, MMU_WRITE, 3},
        {P | U, 0, 0, 0, 0, MMU_WRITE, OK},
        {P | W, 3, 1, 0, 0, MMU_READ, 5},
        {P | W, 3, 1, 0, 0, MMU_WRITE, 7},
        {P | W, 3, 1, 0, 0, MMU_FETCH, 0x15},
        {P | W, 0, 1, 0, 0, MMU_FETCH, OK},
        {P | W, 3, 1, 0, 0, MMU_WRITE | MMU_SYSTEM, OK},
        {P, 3, 1, 0, 0, MMU_WRITE | MMU_SYSTEM, 3},
        {0, 0, 1, 0, 0, MMU_READ, 0},
        {0, 3, 1, 0, 0, MMU_WRITE, 6},
        {0, 0, 1, 0, 0, MMU_FETCH, 0x10},
        {P | W | U | NX, 0, 1, 0, 0, MMU_FETCH, 0x11},
        {P | W | U | NX, 3, 1, 0, 0, MMU_FETCH, 0x15},
        {P | W | U | NX, 3, 1, 0, 0, MMU_WRITE, OK},
        {P | W | U, 0, 1, SMEP, 0, MMU_FETCH, 0x11},
        {P | W, 0, 1, SMEP, 0, MMU_FETCH, OK},
        {P | W | U, 3, 1, SMEP, 0, MMU_FETCH, OK},
        {P | W | U, 0, 1, SMAP, 0, MMU_READ, 1},
        {P | W | U, 0, 1, SMAP, 0, MMU_WRITE, 3},
        {P | W | U, 0, 1, SMAP, AC, MMU_WRITE, OK},
        {P | W | U, 0, 1, SMAP, AC, MMU_READ | MMU_SYSTEM, 1},
        {P | W | U, 3, 1, SMAP, AC, MMU_READ | MMU_SYSTEM, 1},
        {P | W | U, 0, 1, SMAP, 0, MMU_FETCH, OK},
        {P | W | U, 3, 1, SMAP, 0, MMU_READ, OK},
        {P | W | U | (uint64_t)1 << 40, 0, 1, 0, 0, MMU_READ, 9},
        {P | W | U | (uint64_t)1 << 51, 3, 1, 0, 0, MMU_WRITE, 0xf},
        {P | W | U | (uint64_t)1 << 52, 0, 1, 0, 0, MMU_READ, OK},
    };
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_put(rig_pte(LIN), LIN | rows[i].pte, 8);
        vc->s.regs.level = rows[i].level;
        vc->s.regs.flags = 2 | rows[i].flags;
        vc->s.x86.cr0 = 0x80000001u | rows[i].cr0 << 16;
        vc->s.x86.cr4 = 0x20 | rows[i].cr4;
        mmu_flush(vc);
        assert_int_equal(attempt(vc, LIN, rows[i].access), rows[i].error);
    }
    rig_close();
}

static void rights_combine_over_all_levels(void **state)
{
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    vc->s.regs.level = 3;
    for (uint64_t t = 0x4000; t < 0x7000; t += 0x1000) {
        rig_put(t, (t + 0x1000) | P | W, 8);
        assert_int_equal(attempt(vc, LIN, MMU_READ), 5);
        rig_put(t, (t + 0x1000) | P | U, 8);
        assert_int_equal(attempt(vc, LIN, MMU_READ), OK);
        assert_int_equal(attempt(vc, LIN, MMU_WRITE), 7);
        rig_put(t, (t + 0x1000) | P | W | U | NX, 8);
        assert_int_equal(attempt(vc, LIN, MMU_FETCH), 0x15);
        rig_put(t, (t + 0x1000) | W | U, 8);
        assert_int_equal(attempt(vc, LIN, MMU_FETCH), 0x14);
        rig_put(t, (t + 0x1000) | P | W | U, 8);
        assert_int_equal(attempt(vc, LIN, MMU_WRITE), OK);
    }
    rig_close();
}

static void accessed_and_dirty_follow_use(void **state)
{
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    assert_int_equal(attempt(vc, LIN, MMU_READ | MMU_PROBE), OK);
    assert_int_equal(rig_get(rig_pte(LIN), 8), LIN | P | W | U);
    assert_int_equal(attempt(vc, LIN, MMU_FETCH), OK);
    assert_int_equal(rig_get(rig_pte(LIN), 8), LIN | P | W | U | A);
    assert_int_equal(rig_get(0x4000, 8), 0x5000 | P | W | U | A);
    assert_int_equal(rig_get(0x5000, 8), 0x6000 | P | W | U | A);
    assert_int_equal(rig_get(0x6000, 8), 0x7000 | P | W | U | A);
    assert_int_equal(attempt(vc, LIN, MMU_WRITE), OK);
    assert_int_equal(rig_get(rig_pte(LIN), 8), LIN | P | W | U | A | D);
    assert_int_equal(rig_get(0x6000, 8), 0x7000 | P | W | U | A);
    /* A refused access leaves no mark. */
    rig_put(rig_pte(LIN), LIN | P | U, 8);
    assert_int_equal(attempt(vc, LIN, MMU_WRITE), 3);
    assert_int_equal(rig_get(rig_pte(LIN), 8), LIN | P | U);
    rig_close();
}

static void two_level_paging_and_large_pages(void **state)
{
    struct vcpu *vc = rig_open();
    uint64_t gpa;

    (void)state;
    vc->s.x86.cr0 = 0x80010001u;
    vc->s.x86.cr3 = 0x8000;
    vc->s.regs.mode = TSP_MODE_PROT32;
    rig_put(0x8000, 0x9000 | P | W | U, 4);
    rig_put(0x9000 + 4 * 0x10, 0x20000 | P | W | U, 4);
    assert_true(mmu_translate(&rig_vm, vc, 0x10123, MMU_WRITE, &gpa));
    assert_int_equal(gpa, 0x20123);
    assert_int_equal(rig_get(0x8000, 4), 0x9000 | P | W | U | A);
    assert_int_equal(rig_get(0x9000 + 4 * 0x10, 4), 0x20000 | P | W | U | A | D);
    /* Without NX and SMEP a fetch is not told from a read. */
    assert_int_equal(attempt(vc, 0x11000, MMU_FETCH), 0);
    /* Bit 7 of a directory entry counts with CR4.PSE only; PSE-36 puts bits 20:13 at 39:32; bit 21
     * is reserved. */
    rig_put(0x8004, 0x800000 | P | W | U | PS | 0x2000, 4);
    vc->s.x86.cr4 = 0x10;
    mmu_flush(vc);
    assert_true(mmu_translate(&rig_vm, vc, 0x456789, MMU_WRITE, &gpa));
    assert_int_equal(gpa, 0x100856789);
    assert_int_equal(rig_get(0x8004, 4), 0x800000 | P | W | U | PS | 0x2000 | A | D);
    rig_put(0x8004, 0xa00000 | P | W | U | PS, 4);
    assert_int_equal(attempt(vc, 0x456789, MMU_READ), 9);
    rig_close();
}

static void pae_paging_has_no_rights_at_the_top(void **state)
{
    struct vcpu *vc = rig_open();
    uint64_t gpa;

    (void)state;
    vc->s.x86.cr0 = 0x80010001u;
    vc->s.x86.cr3 = 0x8020;
    vc->s.x86.cr4 = 0x20;
    vc->s.regs.mode = TSP_MODE_PROT32;
    vc->s.regs.level = 3;
    rig_put(0x8020 + 8 * 3, 0x9000 | P, 8);
    rig_put(0x9000 + 8 * 511, 0xa000 | P | W | U, 8);
    rig_put(0xa000, 0x20000 | P | W | U, 8);
    assert_true(mmu_translate(&rig_vm, vc, 0xffe00010, MMU_WRITE, &gpa));
    assert_int_equal(gpa, 0x20010);
    assert_int_equal(rig_get(0x8020 + 8 * 3, 8), 0x9000 | P);
    /* A 2 MiB page; bits 20:13 of its entry are reserved. */
    rig_put(0x9000 + 8 * 510, 0x200000 | P | W | U | PS, 8);
    assert_true(mmu_translate(&rig_vm, vc, 0xffc54321, MMU_READ, &gpa));
    assert_int_equal(gpa, 0x254321);
    rig_put(0x9000 + 8 * 510, 0x202000 | P | W | U | PS, 8);
    assert_int_equal(attempt(vc, 0xffc54321, MMU_READ), 0xd);
    /* NX without EFER.NXE, and bits 62:52 outside long mode, are reserved. */
    rig_put(0xa000, 0x20000 | P | W | U | NX, 8);
    assert_int_equal(attempt(vc, 0xffe00010, MMU_READ), 0xd);
    rig_put(0xa000, 0x20000 | P | W | U | (uint64_t)1 << 55, 8);
    assert_int_equal(attempt(vc, 0xffe00010, MMU_READ), 0xd);
    rig_put(0x8020 + 8 * 3, 0x9000 | P | W, 8);
    assert_int_equal(attempt(vc, 0xffe00010, MMU_READ), 0xd);
    rig_close();
}

static void large_pages_of_long_mode(void **state)
{
    struct vcpu *vc = rig_open();
    uint64_t gpa;

    (void)state;
    rig_long_mode(vc);
    rig_put(0x5000 + 8, 0x40000000 | P | W | PS, 8);
    assert_true(mmu_translate(&rig_vm, vc, 0x7fedcba9, MMU_WRITE, &gpa));
    assert_int_equal(gpa, 0x7fedcba9);
    assert_int_equal(rig_get(0x5008, 8), 0x40000000 | P | W | PS | A | D);
    rig_put(0x5000 + 8, 0x40002000 | P | W | PS, 8);
    assert_int_equal(attempt(vc, 0x40000000, MMU_READ), 9);
    rig_put(0x6000 + 8, 0x200000 | P | W | PS | 0x1000, 8);
    assert_true(mmu_translate(&rig_vm, vc, 0x2abcde, MMU_READ, &gpa));
    assert_int_equal(gpa, 0x2abcde);
    rig_put(0x4000, 0x5000 | P | W | U | PS, 8);
    assert_int_equal(attempt(vc, 0x1000, MMU_READ), 9);
    rig_close();
}

static void tables_outside_ram_read_as_not_present(void **state)
{
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    rig_put(0x6000, 0xff00000 | P | W | U, 8);
    assert_int_equal(attempt(vc, LIN, MMU_WRITE), 2);
    vc->s.x86.cr3 = 0x8000000000;
    mmu_flush(vc);
    assert_int_equal(attempt(vc, LIN, MMU_READ), 0);
    rig_close();
}

static void stores_check_both_pages_first(void **state)
{
    struct vcpu *vc = rig_open();
    uint8_t buf[8] = {1, 2, 3, 4, 5, 6, 7, 8}, back[8];

    (void)state;
    rig_long_mode(vc);
    rig_put(rig_pte(0x11000), 0x11000 | P | U, 8);
    assert_int_equal(mmu_store(&rig_vm, vc, 0x10ffd, buf, 8, MMU_WRITE), STEP_FAULT);
    assert_int_equal(vc->fault.addr, 0x11000);
    assert_int_equal(vc->fault.error, 3);
    assert_int_equal(rig_get(0x10ffd, 3), 0);
    rig_put(rig_pte(0x11000), 0x13000 | P | W, 8);
    assert_int_equal(mmu_store(&rig_vm, vc, 0x10ffd, buf, 8, MMU_WRITE), STEP_NEXT);
    assert_int_equal(rig_get(0x10ffd, 3), 0x030201);
    assert_int_equal(rig_get(0x13000, 5), 0x0807060504);
    assert_int_equal(mmu_load(&rig_vm, vc, 0x10ffd, back, 8, MMU_READ), STEP_NEXT);
    assert_memory_equal(buf, back, 8);
    rig_close();
}

static void outside_ram_is_an_event(void **state)
{
    struct vcpu *vc = rig_open();
    uint8_t buf[4] = {0x11, 0x22, 0x33, 0x44};

    (void)state;
    vc->s.regs.mode = TSP_MODE_PROT32;
    assert_int_equal(mmu_store(&rig_vm, vc, RIG_RAM + 4, buf, 4, MMU_WRITE), STEP_EVENT);
    assert_int_equal(rig_event.kind, TSP_EV_MMIO);
    assert_int_equal(rig_event.addr, RIG_RAM + 4);
    assert_int_equal(rig_event.info[0], 0x44332211);
    assert_int_equal(rig_event.info[1], 1 | 4 << 4);
    /* a second access of the same instruction is not what user space is asked for first */
    assert_int_equal(mmu_store(&rig_vm, vc, RIG_RAM + 8, buf, 2, MMU_WRITE), STEP_EVENT);
    assert_int_equal(rig_event.addr, RIG_RAM + 4);
    rig_event.kind = TSP_EV_NONE;
    assert_int_equal(mmu_load(&rig_vm, vc, RIG_RAM - 2, buf, 4, MMU_READ), STEP_EVENT);
    assert_int_equal(le_load(buf, 4), 0xffff0000);
    assert_int_equal(rig_event.addr, RIG_RAM);
    assert_int_equal(rig_event.info[0], 0xffff);
    assert_int_equal(rig_event.info[1], 2 << 4);
    rig_close();
}

static void read_only_memory_is_read_but_not_written(void **state)
{
    struct vcpu *vc = rig_open();
    uint8_t buf[2] = {0xaa, 0xbb};

    (void)state;
    vc->s.regs.mode = TSP_MODE_PROT32;
    rig_put(0x3000, 0x1234, 2);
    assert_int_equal(mmu_store(&rig_vm, vc, 0x3000, buf, 2, MMU_WRITE), STEP_NEXT);
    mmu_mark(&rig_vm, 0x3000, MEM_ROM);
    assert_int_equal(mmu_store(&rig_vm, vc, 0x3000, "xy", 2, MMU_WRITE), STEP_EVENT);
    assert_int_equal(rig_event.kind, TSP_EV_MMIO);
    assert_int_equal(rig_event.addr, 0x3000);
    assert_int_equal(mmu_load(&rig_vm, vc, 0x3000, buf, 2, MMU_READ), STEP_NEXT);
    assert_int_equal(le_load(buf, 2), 0xbbaa);
    assert_int_equal(mmu_text_at(&rig_vm, vc, 0x3000, NULL), TSP_TEXT_KNOWN | TSP_TEXT_PRESENT |
                                                                 TSP_TEXT_WRITE | TSP_TEXT_FETCH |
                                                                 TSP_TEXT_ROM);
    rig_close();
}

static void linear_addresses_wrap_outside_long_mode(void **state)
{
    struct vcpu *vc = rig_open();
    uint8_t buf[4];

    (void)state;
    vc->s.regs.mode = TSP_MODE_PROT32;
    rig_put(0, 0xbeef, 2);
    assert_int_equal(mmu_load(&rig_vm, vc, 0xfffffffe, buf, 4, MMU_READ), STEP_EVENT);
    assert_int_equal(le_load(buf, 4), 0xbeefffff);
    rig_close();
}

static void fetch_stops_at_the_first_missing_page(void **state)
{
    struct vcpu *vc = rig_open();
    uint8_t buf[16];

    (void)state;
    rig_long_mode(vc);
    rig_put(rig_pte(0x11000), 0x11000 | P | W | U | NX, 8);
    assert_int_equal(mmu_fetch(&rig_vm, vc, 0x10ffa, buf, 16), 6);
    assert_int_equal(vc->fault.error, 0x11);
    assert_int_equal(vc->fault.addr, 0x11000);
    assert_int_equal(mmu_fetch(&rig_vm, vc, 0x10ff0, buf, 16), 16);
    assert_int_equal(mmu_fetch(&rig_vm, vc, 0x800000000000, buf, 16), 0);
    assert_int_equal(vc->fault.vector, 13);
    rig_close();
}

static uint32_t seed;

static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* One access with what is remembered, the same without; memory must be equal too, so the second
 * runs on a copy. */
static void compare_access(struct vcpu *vc, uint64_t lin, unsigned access)
{
    static uint8_t first[RIG_RAM], before[RIG_RAM];
    uint64_t a = 0, b = 0;
    bool ok;

    memcpy(before, rig_vm.mem.ram, RIG_RAM);
    ok = mmu_translate(&rig_vm, vc, lin, access, &a);
    memcpy(first, rig_vm.mem.ram, RIG_RAM);
    memcpy(rig_vm.mem.ram, before, RIG_RAM);
    mmu_flush(vc);
    assert_int_equal(ok, mmu_translate(&rig_vm, vc, lin, access, &b));
    assert_int_equal(a, b);
    assert_memory_equal(first, rig_vm.mem.ram, RIG_RAM);
}

static void remembered_translations_are_invisible(void **state)
{
    static const unsigned kinds[] = {MMU_READ, MMU_WRITE, MMU_FETCH, MMU_READ | MMU_SYSTEM};
    struct vcpu *vc = rig_open();
    struct vcpu keep;

    (void)state;
    rig_long_mode(vc);
    seed = 1;
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t page = 0x10 + draw(4);

        vc->s.regs.level = draw(2) * 3;
        vc->s.regs.flags = 2 | draw(2) * AC;
        if (draw(4) == 0)
            rig_put(rig_pte(page << 12), (0x10 + draw(4)) << 12 | draw(8), 8);
        if (draw(64) == 0)
            rig_put(0x6000, 0x7000 | P | draw(4) * 2, 8);
        keep = *vc;
        for (unsigned warm = draw(3); warm > 0; warm--) {
            uint64_t gpa;

            mmu_translate(&rig_vm, vc, page << 12, kinds[draw(4)], &gpa);
        }
        vc->fault = keep.fault;
        compare_access(vc, page << 12, kinds[draw(4)]);
    }
    rig_close();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rights_of_four_level_paging),
    cmocka_unit_test(rights_combine_over_all_levels),
    cmocka_unit_test(accessed_and_dirty_follow_use),
    cmocka_unit_test(two_level_paging_and_large_pages),
    cmocka_unit_test(pae_paging_has_no_rights_at_the_top),
    cmocka_unit_test(large_pages_of_long_mode),
    cmocka_unit_test(tables_outside_ram_read_as_not_present),
    cmocka_unit_test(stores_check_both_pages_first),
    cmocka_unit_test(outside_ram_is_an_event),
    cmocka_unit_test(read_only_memory_is_read_but_not_written),
    cmocka_unit_test(linear_addresses_wrap_outside_long_mode),
    cmocka_unit_test(fetch_stops_at_the_first_missing_page),
    cmocka_unit_test(remembered_translations_are_invisible),
};

TEST_MAIN(tests)
