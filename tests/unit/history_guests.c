/* SPDX-License-Identifier: MIT */
/*
 * Guests of lguest and VMI on the model. What no event tells: what lguest's host writes into the
 * guest's data and where a rewrite goes, what a guest of VMI finds in the ROM, and that a machine
 * which moves stays the one it was.
 */
#include "tests/test_main.h"

#include "emu/emu.h"
#include "fuzz/input/input.h"

#include "trapspec/bits.h"

#define DATA 0x12000u
#define KERNEL 1384u
#define SYSCALL 1388u
#define RESERVED 1368u
#define STEPS 20000u

static struct scenario scenario;
static struct input_image image;
static struct tsp_setup setup;
static struct tsp_event last;

static struct vm *start(const char *profile, unsigned persona, const uint8_t *code, size_t n)
{
    struct vm *vm = NULL;
    struct tsp_error err;

    scenario.persona[0] = (uint8_t)persona;
    scenario.mode = TSP_MODE_PROT32;
    memcpy(scenario.code[0], code, n);
    scenario.ncode[0] = (uint32_t)n;
    input_fold(&scenario);
    input_build(&scenario, NULL, 0, &image, &setup);
    assert_int_equal(vm_open(&vm, profile, &err), TSP_OK);
    assert_int_equal(vm_reset(vm, &setup, &last), TSP_OK);
    return vm;
}

static void run(struct vm *vm, unsigned events)
{
    while (events-- > 0)
        assert_int_equal(vm_run(vm, 0, STEPS, &last), TSP_OK);
}

static uint32_t word(struct vm *vm, uint64_t gpa)
{
    uint8_t b[4];

    assert_int_equal(vm_peek(vm, gpa, b, sizeof(b)), TSP_OK);
    return (uint32_t)le_load(b, 4);
}

/* MOV EBX, DATA; MOV EAX, 1; INT 0x1f; MOV EAX, 0; INT 0x1f */
static const uint8_t init[] = {0xbb, 0,    0x20, 1, 0, 0xb8, 1, 0,    0,   0,
                               0xcd, 0x1f, 0xb8, 0, 0, 0,    0, 0xcd, 0x1f};

static void the_first_call_registers_data(void **state)
{
    static const struct {
        uint32_t vector, kernel;
        bool good;
    } row[] = {{0x80, 0, true},
               {0x80, 0xc0000000u, true},
               {0, 0, false},
               {0x80, 0xffc00000u, false},
               {0x40, 0, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint8_t b[8];
        struct vm *vm;

        input_default(&scenario, TSP_ARCH_X86);
        vm = start("lguest", TSP_PERSONA_LGUEST, init, sizeof(init));
        le_store(b, row[i].kernel, 4);
        le_store(b + 4, row[i].vector, 4);
        assert_int_equal(vm_poke(vm, DATA + KERNEL, b, sizeof(b)), TSP_OK);
        run(vm, 1);
        assert_int_equal(last.kind, row[i].good ? TSP_EV_HYPERCALL : TSP_EV_STOP);
        if (row[i].good)
            assert_int_equal(word(vm, DATA + RESERVED), 0x400000);
        else
            assert_int_equal(last.code, TSP_STOP_SHUTDOWN);
        vm_close(vm);
    }
}

/* Linear 0xfffff000 is another page of memory: releases that took the guest's word for where its
 * kernel is mapped write elsewhere, or nowhere. */
static void a_rewrite_goes_where_the_tables_say(void **state)
{
    static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1, 0xf4};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        static const char *const profile[] = {"lguest", "lguest@linux-2.6.32", "lguest@linux-4.13"};
        struct vm *vm;

        input_default(&scenario, TSP_ARCH_X86);
        scenario.paging = 1;
        scenario.code_at = 0xfffff000u;
        vm = start(profile[i], TSP_PERSONA_LGUEST, vmcall, sizeof(vmcall));
        run(vm, 1);
        assert_int_equal(last.kind, i == 0 ? TSP_EV_PATCH : i == 1 ? TSP_EV_STOP : TSP_EV_FAULT);
        assert_int_equal(word(vm, INPUT_X86_TOP_PAGE), i == 0 ? 0xf4901fcdu : 0xf4c1010fu);
        vm_close(vm);
    }
}

static void a_guest_that_moves_stays_registered(void **state)
{
    static struct tsp_hv_state hv;
    static struct tsp_vcpu_state vcpu;

    (void)state;
    for (unsigned moved = 0; moved < 2; moved++) {
        uint8_t b[4];
        struct vm *vm;

        input_default(&scenario, TSP_ARCH_X86);
        vm = start("kvm", TSP_PERSONA_LGUEST, init, sizeof(init));
        le_store(b, 0x80, 4);
        assert_int_equal(vm_poke(vm, DATA + SYSCALL, b, sizeof(b)), TSP_OK);
        run(vm, 1);
        assert_int_equal(vm_get_vcpu(vm, 0, &vcpu), TSP_OK);
        assert_int_equal(vm_get_hv(vm, 0, &hv), TSP_OK);
        assert_int_equal(vm_reset(vm, &setup, &last), TSP_OK);
        assert_int_equal(vm_set_vcpu(vm, 0, &vcpu), TSP_OK);
        if (moved)
            assert_int_equal(vm_set_hv(vm, 0, &hv), TSP_OK);
        run(vm, 1);
        assert_int_equal(last.kind, moved ? TSP_EV_HYPERCALL : TSP_EV_STOP);
        vm_close(vm);
    }
}

/* What Linux looks at (arch/x86/kernel/vmi_32.c check_vmi_rom), and the sum of an option ROM. */
static void the_rom_is_one_that_guests_take(void **state)
{
    /* MOV EAX, [at]; HLT, and a loop that adds up all bytes in BL */
    uint8_t load[] = {0xa1, 0, 0, 0, 0, 0xf4};
    static const uint8_t sum[] = {0x31, 0xdb, 0xbe, 0,    0x80, 0x0c, 0,    0xb9, 0,    0x10, 0,
                                  0,    0x02, 0x1e, 0x46, 0x49, 0x75, 0xfa, 0x89, 0xd8, 0xf4};
    static const struct {
        uint32_t at, mask, value;
    } row[] = {{0xc8000, 0xffff, 0xaa55},        {0xc8008, 0xffffffff, 0x696d5663},
               {0xc800c, 0xffff, 0x0300},        {0xc8016, 0xffff, 0x90},
               {0xc8018, 0xffff, 0x98},          {0xc8090, 0xffffffff, 0x004c5047},
               {0xc809c, 0xffffffff, 0x080115ad}};
    struct vm *vm;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        input_default(&scenario, TSP_ARCH_X86);
        le_store(load + 1, row[i].at, 4);
        vm = start("kvm", TSP_PERSONA_VMI, load, sizeof(load));
        run(vm, 1);
        assert_int_equal(last.code, TSP_STOP_HALT);
        assert_int_equal(last.after.r[TSP_RAX] & row[i].mask, row[i].value);
        vm_close(vm);
    }
    input_default(&scenario, TSP_ARCH_X86);
    vm = start("kvm", TSP_PERSONA_VMI, sum, sizeof(sum));
    run(vm, 1);
    assert_int_equal(last.code, TSP_STOP_HALT);
    assert_int_equal(last.after.r[TSP_RAX], 0);
    vm_close(vm);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_first_call_registers_data),
    cmocka_unit_test(a_rewrite_goes_where_the_tables_say),
    cmocka_unit_test(a_guest_that_moves_stays_registered),
    cmocka_unit_test(the_rom_is_one_that_guests_take),
};

TEST_MAIN(tests)
