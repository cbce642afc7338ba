/* SPDX-License-Identifier: MIT */
/* The facade: what a set-up may be, that runs repeat exactly, and that nothing a guest does gets
 * out. */
#include "tests/unit/emu_guest.h"

static void a_setup_is_checked(void **state)
{
    static const struct tsp_page outside = {.gpa = GUEST_RAM - 1, .len = 2};
    struct tsp_setup s;

    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\xf4", 1);
    guest_start();
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        s = guest.setup;                                                                           \
        change;                                                                                    \
        assert_int_equal(vm_reset(guest.vm, &s, &guest.ev), TSP_EARG);                             \
    } while (0)
    REFUSED(s.nvcpu = 0);
    REFUSED(s.nvcpu = TSP_MAX_VCPU + 1);
    REFUSED(s.arch = TSP_ARCH_COUNT);
    REFUSED(s.host = TSP_VENDOR_COUNT);
    REFUSED(s.patch = TSP_PATCH_COUNT);
    REFUSED(s.persona[1] = TSP_PERSONA_COUNT);
    REFUSED(s.ram_size = 0);
    REFUSED(s.ram_size = TSP_MAX_RAM + 4096);
    REFUSED(s.ram_size += 1);
    REFUSED(s.ram_base = 0x800);
    REFUSED(s.ram_base = 0x1000);
    REFUSED(s.ram_base = UINT64_MAX - 4095);
    REFUSED(s.page = &outside);
    REFUSED(s.npage = TSP_MAX_PAGE + 1);
    REFUSED(s.page = NULL);
    REFUSED(s.npolicy = 5);
    REFUSED(s.npolicy = 1; s.policy[0].n = 1; s.policy[0].leaf = NULL);
    REFUSED(s.npolicy = 1; s.policy[0].n = TSP_MAX_LEAF + 1);
    REFUSED(s.vcpu[0].x86.nmsr = TSP_MAX_MSR + 1);
    REFUSED(s.vcpu[0].run_state = TSP_RUN_STOPPED + 1);
#undef REFUSED
    assert_int_equal(vm_reset(guest.vm, &guest.setup, &guest.ev), TSP_OK);
    guest_end();
}

static void unknown_profiles_name_the_part(void **state)
{
    struct tsp_error err = {TSP_OK, 0, ""};
    struct vm *vm;

    (void)state;
    assert_int_equal(vm_open(&vm, "kvn", &err), TSP_EARG);
    assert_null(vm);
    assert_non_null(strstr(err.text, "kvn"));
    assert_int_equal(vm_open(&vm, "kvm+no-such-thing", &err), TSP_EARG);
    assert_int_equal(vm_open(&vm, "kvm", NULL), TSP_OK);
    vm_close(vm);
    vm_close(NULL);
}

static void nothing_runs_before_a_reset(void **state)
{
    struct tsp_event ev;
    struct tsp_vcpu_state s;
    struct vm *vm;
    uint8_t b;

    (void)state;
    assert_int_equal(vm_open(&vm, "kvm", NULL), TSP_OK);
    assert_int_equal(vm_run(vm, 0, 1, &ev), TSP_EARG);
    assert_int_equal(vm_runnable(vm), 0);
    assert_int_equal(vm_peek(vm, 0, &b, 1), TSP_EARG);
    assert_int_equal(vm_poke(vm, 0, &b, 1), TSP_EARG);
    assert_int_equal(vm_get_vcpu(vm, 0, &s), TSP_EARG);
    vm_close(vm);
}

static void memory_is_reached_inside_ram_only(void **state)
{
    static const struct {
        uint64_t gpa;
        size_t len;
        enum tsp_status want;
    } rows[] = {{0, 16, TSP_OK},
                {GUEST_RAM - 16, 16, TSP_OK},
                {GUEST_RAM - 15, 16, TSP_EARG},
                {GUEST_RAM, 1, TSP_EARG},
                {UINT64_MAX, 2, TSP_EARG}};
    uint8_t b[16] = {1, 2, 3}, c[16];

    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\xf4", 1);
    guest_start();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(vm_poke(guest.vm, rows[i].gpa, b, rows[i].len), rows[i].want);
        assert_int_equal(vm_peek(guest.vm, rows[i].gpa, c, rows[i].len), rows[i].want);
        if (rows[i].want == TSP_OK)
            assert_memory_equal(b, c, 16);
    }
    guest_end();
}

static void a_poke_reaches_decoded_code(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\xe4\x01\xeb\xfc", 4); /* in al, 1; jmp back */
    guest_start();
    guest_next();
    assert_int_equal(guest.ev.code, 1);
    assert_int_equal(vm_poke(guest.vm, GUEST_CODE + 1, "\x02", 1), TSP_OK);
    guest_next();
    assert_int_equal(guest.ev.kind, TSP_EV_PIO);
    assert_int_equal(guest.ev.code, 2);
    guest_end();
}

static void a_vcpu_moves_to_another_machine(void **state)
{
    struct tsp_vcpu_state s;

    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\xe6\x01\xff\xc0\x0f\x31\xf4",
               7); /* out; inc eax; rdtsc; hlt */
    guest.setup.vcpu[0].x86.tsc = 1000;
    guest_start();
    guest_next();
    assert_int_equal(guest.ev.kind, TSP_EV_PIO);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(s.x86.tsc, 1001);
    guest.setup.vcpu[0] = s;
    guest_start();
    guest_next();
    assert_int_equal(guest.ev.code, TSP_STOP_HALT);
    assert_int_equal(guest.ev.after.r[TSP_RAX], 1002);
    assert_int_equal(vm_set_vcpu(guest.vm, 0, &s), TSP_OK);
    assert_int_equal(vm_runnable(guest.vm), 1);
    assert_int_equal(vm_set_vcpu(guest.vm, 1, &s), TSP_EARG);
    guest_end();
}

static void a_budget_ends_a_loop_and_can_be_renewed(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\xeb\xfe", 2);
    guest_start();
    for (unsigned i = 1; i < 4; i++) {
        guest_next();
        assert_int_equal(guest.ev.kind, TSP_EV_STOP);
        assert_int_equal(guest.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(vm_retired(guest.vm), 1000 * i);
        assert_int_equal(vm_runnable(guest.vm), 1);
    }
    guest_end();
}

static void two_vcpus_take_turns_instruction_by_instruction(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\xff\xc0\xff\xc0\xf4", 5);
    guest.setup.nvcpu = 2;
    guest.setup.vcpu[1] = guest.setup.vcpu[0];
    guest_start();
    assert_int_equal(vm_runnable(guest.vm), 3);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(vm_run(guest.vm, i & 1, 1000, &guest.ev), TSP_OK);
        assert_int_equal(guest.ev.kind, TSP_EV_RETIRE);
        assert_int_equal(guest.ev.vcpu, i & 1);
        assert_int_equal(guest.ev.after.r[TSP_RAX], i / 2 + 1);
    }
    guest_next();
    assert_int_equal(guest.ev.code, TSP_STOP_HALT);
    assert_int_equal(vm_runnable(guest.vm), 2);
    guest_end();
}

static void a_store_of_one_vcpu_changes_the_others_code(void **state)
{
    (void)state;
    guest_make(TSP_MODE_LONG64, 0, "\x90\xe4\x01\xf4", 4);
    guest.setup.nvcpu = 2;
    guest.setup.vcpu[1] = guest.setup.vcpu[0];
    guest.setup.vcpu[1].regs.pc = 0x11000;
    memcpy(guest.ram + 0x11000, "\xc6\x04\x25\x02\x00\x01\x00\x09\xf4",
           9); /* mov byte [0x10002], 9 */
    guest_start();
    guest_next();
    assert_int_equal(guest.ev.kind, TSP_EV_RETIRE);
    assert_int_equal(vm_run(guest.vm, 1, 1, &guest.ev), TSP_OK);
    guest_next();
    assert_int_equal(guest.ev.kind, TSP_EV_PIO);
    assert_int_equal(guest.ev.code, 9);
    guest_end();
}

static void read_only_memory_stays_what_it_was(void **state)
{
    (void)state;
    guest_make(TSP_MODE_PROT32, 0, "\xc6\x05\x00\x20\x01\x00\x55\xf4",
               8); /* mov byte [0x12000], 0x55 */
    guest.page.flags = TSP_PAGE_ROM;
    guest_start();
    guest_next();
    assert_int_equal(guest.ev.kind, TSP_EV_MMIO);
    assert_int_equal(guest.ev.addr, 0x12000);
    assert_int_equal(guest.ev.info[0], 0x55);
    assert_int_equal(guest.ev.before.pc, GUEST_CODE);
    assert_int_equal(guest.ev.after.pc, GUEST_CODE + 7);
    assert_int_equal(peek(0x12000, 1), 0);
    guest_end();
}

static uint32_t seed;

static uint32_t draw(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Opcodes of system instructions are too rare among random bytes to be left to chance. */
static unsigned draw_code(uint8_t *p)
{
    static const char *const often[] = {
        "\x0f\x22\xc0", "\x0f\x22\xd8", "\x0f\x22\xe0", "\x0f\x20\xc0", "\x0f\x30",
        "\x0f\x32",     "\x0f\x01\x16", "\x8e\xd8",     "\x8e\xd0",     "\x8e\xc0",
        "\xcf",         "\x48\xcf",     "\xcb",         "\xca\x04\x01", "\x9d",
        "\x9c",         "\xcd\x06",     "\xcc",         "\x0f\x05",     "\x48\x0f\x07",
        "\x0f\x34",     "\x0f\x35",     "\xec",         "\xf3\x6e",     "\xf3\x6c",
        "\xf3\xa4",     "\xff\x18",     "\xff\x28",     "\x0f\x00\xd8", "\x0f\x00\xd0",
        "\x0f\x01\xf8", "\xfb",         "\xfa",         "\x0f\x01\x38", "\x0f\xa2",
        "\x0f\x01\xc1", "\x0f\x01\xd9", "\xc5\x00",     "\x0f\xb2\x00", "\x1f",
        "\x17",         "\x0f\x02\xc1", "\x0f\x03\xc1", "\x60",         "\x61",
        "\xc8\x10\x01", "\x8f\x00",
    };
    unsigned n = 0;

    while (n < 48) {
        const char *s = often[draw() % (sizeof(often) / sizeof(often[0]))];

        if (draw() % 3 == 0) {
            memcpy(p + n, s, strlen(s) + (strlen(s) == 1));
            n += (unsigned)strlen(s);
        } else {
            p[n++] = (uint8_t)draw();
        }
    }
    return n;
}

static void draw_guest(void)
{
    static const struct {
        enum tsp_mode mode;
        unsigned cpl;
    } modes[] = {{TSP_MODE_REAL16, 0},   {TSP_MODE_VM86, 3},   {TSP_MODE_PROT16, 0},
                 {TSP_MODE_PROT32, 0},   {TSP_MODE_PROT32, 3}, {TSP_MODE_COMPAT16, 0},
                 {TSP_MODE_COMPAT32, 3}, {TSP_MODE_LONG64, 0}, {TSP_MODE_LONG64, 3}};
    static const uint32_t places[] = {0x10000, 0x12000, 0x4000,  0x7080,
                                      0xa000,  0x1000,  0x3fffd, 0x3fff8000};
    unsigned k = draw() % 9;
    struct tsp_vcpu_state *v = guest_make(modes[k].mode, modes[k].cpl, "", 0);

    draw_code(guest.ram + GUEST_CODE + (draw() % 2 ? 0 : 0xff0));
    if (draw() % 2)
        v->regs.pc += 0xff0;
    for (unsigned i = 0; i < 16; i++)
        if (i != TSP_RSP || draw() % 4 == 0)
            v->regs.r[i] =
                draw() % 2 ? places[draw() % 8] + draw() % 16 : (uint64_t)draw() << (draw() % 40);
    for (unsigned i = draw() % 8; i > 0; i--) /* damage the tables */
        guest.ram[0x1000 + draw() % 0x9100] ^= (uint8_t)(1u << draw() % 8);
    if (draw() % 2) {
        static const uint32_t msrs[] = {0xc0000080, 0xc0000100, 0x1b,      0x140,
                                        0x10,       0x277,      0x4b564d01};

        v->regs.r[TSP_RCX] = msrs[draw() % 7];
    }
    v->regs.flags |= draw() & 0x3f7fd7 & ~0x20000u;
    v->x86.cr4 |= draw() % 4 ? 0 : draw() & 0x30000b;
    guest_policy(0, 0xd, 0, 0, 0);
    guest_policy(1, 0, 0, 0x04200000, 0);
    guest_policy(7, 0, 0x100081, 4, 0);
    guest_policy(0x80000001, 0, 0, 4, 0x28100800);
    guest.setup.nvcpu = draw() % 4 ? 1 : 2;
    guest.setup.vcpu[1] = guest.setup.vcpu[0];
    guest.setup.persona[0] = TSP_PERSONA_KVM;
    guest.setup.host = (uint8_t)(draw() % 2);
    guest.page.flags = draw() % 16 ? 0 : TSP_PAGE_ROM;
}

/* A number that any difference between two runs changes. */
static uint64_t trace_sum(void)
{
    uint64_t sum = 0;

    guest_start();
    for (unsigned i = 0; i < 200; i++) {
        const uint8_t *p = (const uint8_t *)&guest.ev;
        uint32_t set = vm_runnable(guest.vm);

        if (!set)
            break;
        assert_int_equal(vm_run(guest.vm, set == 3 ? i & 1 : set >> 1, 64, &guest.ev), TSP_OK);
        assert_in_range(guest.ev.kind, TSP_EV_FETCH, TSP_EV_STOP);
        for (size_t k = 0; k < sizeof(guest.ev); k++)
            sum = (sum ^ p[k]) * 0x100000001b3ull;
    }
    return sum;
}

static void random_guests_end_in_events_and_repeat_exactly(void **state)
{
    (void)state;
    seed = 7;
    for (unsigned i = 0; i < 1500; i++) {
        struct vm *vm = guest.vm;
        uint64_t first;

        draw_guest(); /* clears everything but its own tables */
        guest.vm = vm;
        first = trace_sum();
        assert_true(first == trace_sum());
    }
    guest_end();
}

#define EVENTS 64
static struct tsp_event seen[EVENTS];

/* Everything decoded and remembered is dropped, nothing changes. */
static void forget(void)
{
    uint8_t b;

    for (uint64_t at = 0; at < GUEST_RAM; at += 4096) {
        assert_int_equal(vm_peek(guest.vm, at, &b, 1), TSP_OK);
        assert_int_equal(vm_poke(guest.vm, at, &b, 1), TSP_OK);
    }
}

/* The first events of one vCPU that is given `budget` instructions a call, used-up budgets left
 * out. */
static unsigned collect(uint32_t budget, bool forgetful)
{
    unsigned n = 0;

    guest_start();
    for (unsigned calls = 0; calls < 300 && n < EVENTS; calls++) {
        assert_int_equal(vm_run(guest.vm, 0, budget, &seen[n]), TSP_OK);
        if (forgetful)
            forget();
        if (seen[n].kind == TSP_EV_STOP && seen[n].code == TSP_STOP_BUDGET) {
            if (budget > 1)
                break;
            continue;
        }
        if (seen[n++].kind == TSP_EV_STOP)
            break;
    }
    return n;
}

/* Blocks, what is remembered of page tables and the way a run is cut into calls can be seen
 * nowhere. */
static void single_steps_show_what_long_runs_show(void **state)
{
    static struct tsp_event first[EVENTS];
    unsigned compared = 0;

    (void)state;
    seed = 99;
    for (unsigned i = 0; i < 1500; i++) {
        struct vm *vm = guest.vm;
        unsigned n, m;

        draw_guest();
        guest.setup.nvcpu = 1;
        guest.vm = vm;
        n = collect(1, i % 2);
        memcpy(first, seen, sizeof(seen));
        m = collect(1000, false);
        for (unsigned k = 0; k < n && k < m; k++, compared++)
            if (memcmp(&first[k], &seen[k], sizeof(seen[k])) != 0)
                fail_msg("guest %u: event %u differs, kind %u and %u", i, k, first[k].kind,
                         seen[k].kind);
    }
    assert_true(compared > 3000);
    guest_end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_setup_is_checked),
    cmocka_unit_test(unknown_profiles_name_the_part),
    cmocka_unit_test(nothing_runs_before_a_reset),
    cmocka_unit_test(memory_is_reached_inside_ram_only),
    cmocka_unit_test(a_poke_reaches_decoded_code),
    cmocka_unit_test(a_vcpu_moves_to_another_machine),
    cmocka_unit_test(a_budget_ends_a_loop_and_can_be_renewed),
    cmocka_unit_test(two_vcpus_take_turns_instruction_by_instruction),
    cmocka_unit_test(a_store_of_one_vcpu_changes_the_others_code),
    cmocka_unit_test(read_only_memory_stays_what_it_was),
    cmocka_unit_test(random_guests_end_in_events_and_repeat_exactly),
    cmocka_unit_test(single_steps_show_what_long_runs_show),
};

TEST_MAIN(tests)
