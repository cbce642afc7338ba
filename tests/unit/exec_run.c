/* SPDX-License-Identifier: MIT */
/* The run loop: what surrounds an instruction. Faults change nothing, limits, single steps,
 * shadows, budgets, code that changes itself, several vCPUs. */
#include "tests/unit/exec_guest.h"

#define R16 TSP_MODE_REAL16
#define P32 TSP_MODE_PROT32
#define L64 TSP_MODE_LONG64
#define TF 0x100u
#define RF 0x10000u

static void close_guest(struct guest *g)
{
    vm_close(g->vm);
    g->vm = NULL;
}

static const struct fault_row {
    uint8_t mode, code[12], n;
    unsigned vector;
    uint64_t error, rsp;
} fault_rows[] = {
    {L64, {0xf7, 0xf1}, 2, 0, 0, STACK},                          /* div ecx, ecx = 0 */
    {L64, {0xf6, 0xf9}, 2, 0, 0, STACK},                          /* idiv cl */
    {L64, {0x48, 0xf7, 0xf3}, 3, 0, 0, STACK},                    /* div rbx: quotient too wide */
    {P32, {0xd4, 0x00}, 2, 0, 0, STACK},                          /* aam 0 */
    {L64, {0x8b, 0x04, 0x25, 0, 0, 0x30, 0}, 7, 14, 0, STACK},    /* mov eax, [0x300000]: not
                                                                     present */
    {L64, {0x01, 0x04, 0x25, 0, 0, 0x30, 0}, 7, 14, 2, STACK},    /* add [..], eax faults as a
                                                                     write */
    {L64, {0x8f, 0x04, 0x25, 0, 0, 0x30, 0}, 7, 14, 2, STACK},    /* pop [..]: RSP stays */
    {L64, {0xff, 0x14, 0x25, 0, 0, 0x30, 0}, 7, 14, 0, STACK},    /* call [..] */
    {L64, {0xff, 0xe3}, 2, 13, 0, STACK},                         /* jmp rbx: not canonical */
    {L64, {0xff, 0xd3}, 2, 13, 0, STACK},                         /* call rbx: nothing is pushed */
    {P32, {0xff, 0xe3}, 2, 13, 0, STACK},                         /* beyond the CS limit */
    {L64, {0x0f, 0xc7, 0x4c, 0x24, 0x01}, 5, 14, 0, 0x400000},    /* cmpxchg8b [rsp + 1] */
    {L64, {0x48, 0x0f, 0xc7, 0x4c, 0x24, 0x01}, 6, 13, 0, STACK}, /* cmpxchg16b misaligned */
    {L64, {0xc8, 0x00, 0x00, 0x00}, 4, 14, 2, 0x400000},          /* enter */
    {L64, {0xa4}, 1, 14, 0, STACK},                               /* movsb from rsi = 3 MiB */
    {P32, {0x62, 0x05, 0, 0, 1, 0}, 6, 5, 0, STACK},              /* bound eax, [0x10000] = 0..0 */
    {L64, {0x0f, 0x04}, 2, 6, 0, STACK},                          /* undefined */
    {L64, {0xf0, 0x90}, 2, 6, 0, STACK},                          /* lock nop */
    {L64, {0xf3, 0x0f, 0x38, 0xf1, 0x03}, 5, 6, 0, STACK},        /* movbe with F3 */
    {L64,
     {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66},
     12,
     13,
     0,
     STACK},
};

/* Each faults at its first instruction; registers and pc are as before, the vector and error code
 * as named. */
static void a_fault_changes_no_register(void **state)
{
    static struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(fault_rows) / sizeof(fault_rows[0]); i++) {
        const struct fault_row *row = &fault_rows[i];
        struct tsp_regs *r = &g.setup.vcpu[0].regs;

        guest_prepare(&g, row->mode, row->code, row->n);
        if (row->vector == 13 && row->n == 12)
            memset(g.code, 0x66, 20);
        r->r[TSP_RAX] = 1;
        r->r[TSP_RDX] = ~(uint64_t)0;
        r->r[TSP_RBX] = row->mode == L64 ? 1ull << 47 : 0x90000;
        r->r[TSP_RSI] = 0x300000;
        r->r[TSP_RDI] = DATA;
        r->r[TSP_RSP] = row->rsp;
        if (row->mode == P32)
            g.setup.vcpu[0].x86.seg[TSP_CS].limit = 0x8fff;
        guest_start(&g);
        guest_step(&g, 100);
        if (row->rsp != STACK) {
            /* no stack to push the fault to: the double fault fails as well */
            assert_int_equal(g.ev.kind, TSP_EV_STOP);
            assert_int_equal(g.ev.code, TSP_STOP_TRIPLE);
            assert_int_equal(g.ev.before.r[TSP_RSP], row->rsp);
            continue;
        }
        if (!guest_faulted(&g, row->vector))
            fail_msg("row %zu: event %u code %u", i, g.ev.kind, g.ev.code);
        assert_int_equal(g.ev.info[0], row->error);
        assert_int_equal(g.ev.before.pc, CODE);
        assert_int_equal(g.ev.before.r[TSP_RSP], row->rsp);
        for (unsigned k = 0; k < 16; k++)
            if (k != TSP_RSP)
                assert_int_equal(g.ev.before.r[k], r->r[k]);
    }
    close_guest(&g);
}

/* An instruction may end at the CS limit but not run past it: #GP(0), before any #PF. */
static void code_ends_at_its_limit(void **state)
{
    static const uint8_t code[] = {0x90, 0x90, 0xb8, 1, 0, 0, 0};
    static struct guest g;

    (void)state;
    for (unsigned limit = CODE; limit < CODE + 7; limit++) {
        guest_prepare(&g, P32, code, sizeof(code));
        g.setup.vcpu[0].x86.seg[TSP_CS].limit = limit;
        guest_start(&g);
        guest_step(&g, 10);
        assert_true(guest_faulted(&g, 13) || g.ev.code == TSP_STOP_TRIPLE);
        assert_int_equal(g.ev.before.pc, limit == CODE      ? CODE + 1
                                         : limit < CODE + 6 ? CODE + 2
                                                            : CODE + 7);
    }
    close_guest(&g);
}

/* Real mode does not wrap at 64 KiB: the two bytes of JMP at FFFF lie beyond the limit. */
static void real_mode_stops_at_64k(void **state)
{
    static const uint8_t jump[] = {0xe9, 0xfb, 0x7f}; /* 0x8003 + 0x7ffb = 0xfffe */
    static const uint8_t edge[] = {0x40, 0xeb, 0x00};
    static struct guest g;

    (void)state;
    guest_prepare(&g, R16, jump, sizeof(jump));
    guest_start(&g);
    assert_int_equal(vm_poke(g.vm, 0xfffe, edge, sizeof(edge)), TSP_OK);
    guest_step(&g, 10);
    assert_true(guest_faulted(&g, 13));
    assert_int_equal(g.ev.before.pc, 0xffff);
    assert_int_equal(g.ev.before.r[TSP_RAX], 1);
    close_guest(&g);
}

static void tf_traps_after_each_instruction(void **state)
{
    static const uint8_t code[] = {0xff, 0xc0, 0xff, 0xc3};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    g.setup.vcpu[0].regs.flags |= TF;
    guest_start(&g);
    guest_step(&g, 10);
    assert_true(guest_faulted(&g, 1));
    assert_int_equal(g.ev.before.pc, CODE + 2);
    assert_int_equal(g.ev.before.r[TSP_RAX], 1);
    assert_int_equal(g.ev.before.r[TSP_RBX], 0);
    assert_int_equal(g.ev.after.pc, HANDLER + 16);
    close_guest(&g);
}

/* POPF that sets TF is not trapped itself; the instruction behind it is. */
static void tf_from_popf_starts_one_later(void **state)
{
    static const uint8_t code[] = {0x68, 0x02, 0x01, 0x00, 0x00, 0x9d, 0xff, 0xc0, 0xff, 0xc3};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    guest_start(&g);
    guest_step(&g, 10);
    assert_true(guest_faulted(&g, 1));
    assert_int_equal(g.ev.before.pc, CODE + 8);
    assert_int_equal(g.ev.before.r[TSP_RAX], 1);
    close_guest(&g);
}

/* A load of SS holds the trap back until the next instruction is done (SDM Vol. 3A 6.8.3). */
static void mov_ss_delays_the_single_step(void **state)
{
    static const uint8_t code[] = {0x8e, 0xd1, 0xff, 0xc0, 0xff, 0xc3};
    static struct guest g;

    (void)state;
    guest_prepare(&g, P32, code, sizeof(code));
    g.setup.vcpu[0].regs.flags |= TF;
    g.setup.vcpu[0].regs.r[TSP_RCX] = 16;
    guest_start(&g);
    guest_step(&g, 10);
    assert_true(guest_faulted(&g, 1));
    assert_int_equal(g.ev.before.pc, CODE + 4);
    assert_int_equal(g.ev.before.r[TSP_RAX], 1);
    close_guest(&g);
}

/* CPUID is an event of its own; the trap comes as the next one. */
static void tf_traps_after_cpuid_too(void **state)
{
    static const uint8_t code[] = {0x0f, 0xa2};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    g.setup.vcpu[0].regs.flags |= TF;
    guest_start(&g);
    guest_step(&g, 10);
    assert_int_equal(g.ev.kind, TSP_EV_CPUID);
    assert_int_equal(g.ev.after.pc, CODE + 2);
    guest_step(&g, 10);
    assert_true(guest_faulted(&g, 1));
    assert_int_equal(g.ev.before.pc, CODE + 2);
    close_guest(&g);
}

static void rf_ends_with_the_instruction(void **state)
{
    static const uint8_t code[] = {0x90};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    g.setup.vcpu[0].regs.flags |= RF;
    guest_start(&g);
    guest_step(&g, 10);
    assert_true(guest_halted(&g));
    assert_int_equal(g.ev.after.flags & RF, 0);
    close_guest(&g);
}

static void the_budget_counts_instructions(void **state)
{
    static const uint8_t code[] = {0xff, 0xc0, 0xeb, 0xfc};
    static struct guest g;

    (void)state;
    for (uint32_t budget = 1; budget < 200; budget += 13) {
        guest_prepare(&g, L64, code, sizeof(code));
        guest_start(&g);
        guest_step(&g, budget);
        assert_int_equal(g.ev.kind, TSP_EV_STOP);
        assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
        assert_int_equal(vm_retired(g.vm), budget);
        assert_int_equal(g.ev.after.r[TSP_RAX], (budget + 1) / 2);
        assert_int_equal(vm_runnable(g.vm), 1);
    }
    close_guest(&g);
}

/* REP with the largest count ends with the budget, goes on where it was, and keeps its registers
 * true. */
static void rep_cannot_hang(void **state)
{
    static const uint8_t code[] = {0xf3, 0xac};
    static struct guest g;
    uint64_t left;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    g.setup.vcpu[0].regs.r[TSP_RCX] = ~(uint64_t)0;
    g.setup.vcpu[0].regs.r[TSP_RSI] = DATA;
    guest_start(&g);
    guest_step(&g, 50);
    assert_int_equal(g.ev.code, TSP_STOP_BUDGET);
    assert_int_equal(g.ev.after.pc, CODE);
    left = g.ev.after.r[TSP_RCX];
    assert_true(left < ~(uint64_t)0);
    assert_int_equal(g.ev.after.r[TSP_RSI] - DATA, ~(uint64_t)0 - left);
    close_guest(&g);
}

/* REP STOSB into a page that is not there: everything up to it is done, rCX and rDI say so. */
static void a_fault_in_rep_restarts_there(void **state)
{
    static const uint8_t code[] = {0xf3, 0xaa};
    static struct guest g;
    struct tsp_regs *r = &g.setup.vcpu[0].regs;
    uint8_t b = 0;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    g.setup.ram_size = 0x200000;
    r->r[TSP_RCX] = 100;
    r->r[TSP_RDI] = 0x200000 - 40;
    r->r[TSP_RAX] = 0x5a;
    guest_start(&g);
    guest_step(&g, 50);
    assert_true(guest_faulted(&g, 14));
    assert_int_equal(g.ev.info[1], 0x200000);
    assert_int_equal(g.ev.before.pc, CODE);
    assert_int_equal(g.ev.before.r[TSP_RCX], 60);
    assert_int_equal(g.ev.before.r[TSP_RDI], 0x200000);
    assert_int_equal(vm_peek(g.vm, 0x1fffff, &b, 1), TSP_OK);
    assert_int_equal(b, 0x5a);
    close_guest(&g);
}

/* mov byte [next], 0xff (of ff c0: inc eax becomes ff c3: inc ebx): the very next instruction is
 * the new one. */
static void code_that_changes_itself_is_refetched(void **state)
{
    static const uint8_t code[] = {0xc6, 0x05, 0x01, 0x00, 0x00, 0x00, 0xc3, 0xff, 0xc0, 0xf4};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    guest_start(&g);
    guest_step(&g, 10);
    assert_true(guest_halted(&g));
    assert_int_equal(g.ev.after.r[TSP_RAX], 0);
    assert_int_equal(g.ev.after.r[TSP_RBX], 1);
    close_guest(&g);
}

static void what_is_not_emulated_stops_with_its_bytes(void **state)
{
    static const uint8_t code[] = {0x90, 0x66, 0x0f, 0x6f, 0xc1};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    guest_start(&g);
    guest_step(&g, 10);
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
    assert_int_equal(g.ev.len, 4);
    assert_memory_equal(g.ev.fetched, code + 1, 4);
    assert_int_equal(g.ev.before.pc, CODE + 1);
    assert_int_equal(vm_runnable(g.vm), 0);
    close_guest(&g);
}

/* FPREM and FLD1 show nothing but #NM, which CR0.TS and CR0.EM ask for. */
static void x87_on_its_stack_shows_only_nm(void **state)
{
    static const uint8_t code[] = {0xd9, 0xe8, 0xd9, 0xf8};
    static const uint64_t cr0[3] = {0, 4, 8};
    static struct guest g;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        guest_prepare(&g, L64, code, sizeof(code));
        g.setup.vcpu[0].x86.cr0 |= cr0[i];
        guest_start(&g);
        guest_step(&g, 10);
        assert_true(i == 0 ? guest_halted(&g) : guest_faulted(&g, 7));
        assert_int_equal(g.ev.before.pc, i == 0 ? CODE + 4 : CODE);
    }
    close_guest(&g);
}

/* With company every instruction is a turn, and every turn shows. */
static void several_vcpus_take_turns(void **state)
{
    static const uint8_t code[] = {0xff, 0xc0, 0xff, 0xc0};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    g.setup.nvcpu = 2;
    g.setup.vcpu[1] = g.setup.vcpu[0];
    guest_start(&g);
    for (unsigned turn = 0; turn < 4; turn++) {
        assert_int_equal(vm_run(g.vm, turn % 2, 100, &g.ev), TSP_OK);
        assert_int_equal(g.ev.kind, TSP_EV_RETIRE);
        assert_int_equal(g.ev.vcpu, turn % 2);
        assert_int_equal(g.ev.before.r[TSP_RAX], turn / 2);
        assert_int_equal(g.ev.after.r[TSP_RAX], turn / 2 + 1);
        assert_int_equal(g.ev.after.pc, CODE + 2 * (turn / 2 + 1));
    }
    assert_int_equal(vm_run(g.vm, 0, 100, &g.ev), TSP_OK);
    assert_true(guest_halted(&g));
    close_guest(&g);
}

/* PUSHA stores eight times. One event tells of the first store outside RAM; Linux tells of the
 * last. */
static void several_stores_outside_ram_are_one_event(void **state)
{
    static const struct {
        const char *profile;
        uint64_t rsp, addr, value;
    } row[] = {
        {"kvm", 0x200000, 0x1ffffc, 0x100},
        {"kvm+mmio_last", 0x200000, 0x1fffe0, 0x107},
        {"kvm@linux-6.1", 0x200000, 0x1fffe0, 0x107},
        {"kvm", 8, 0xfffffffc, 0x102}, /* the first two go to RAM */
        {"kvm@linux-6.1", 8, 0xffffffe8, 0x107},
    };
    static const uint8_t code[] = {0x60};
    static struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        guest_prepare(&g, P32, code, sizeof(code));
        for (unsigned k = 0; k < 8; k++)
            g.setup.vcpu[0].regs.r[k] = 0x100 + k;
        g.setup.vcpu[0].regs.r[TSP_RSP] = row[i].rsp;
        assert_int_equal(vm_open(&g.vm, row[i].profile, NULL), TSP_OK);
        assert_int_equal(vm_reset(g.vm, &g.setup, &g.ev), TSP_OK);
        guest_step(&g, 10);
        assert_int_equal(g.ev.kind, TSP_EV_MMIO);
        assert_int_equal(g.ev.addr, row[i].addr);
        assert_int_equal(g.ev.info[0], row[i].value);
        assert_int_equal(g.ev.before.r[TSP_RSP], row[i].rsp);
        assert_int_equal(g.ev.after.r[TSP_RSP], (uint32_t)(row[i].rsp - 32));
        close_guest(&g);
    }
}

/* User space is asked for what an instruction reads before it faults on the answer, ones; of INS
 * before its store faults. */
static void what_is_asked_for_comes_before_the_fault(void **state)
{
    static const struct {
        uint8_t code[4], n;
        unsigned kind, vector;
    } row[] = {
        {{0xc5, 0x0b}, 2, TSP_EV_MMIO, 13},       /* lds ecx, [ebx]: selector 0xffff */
        {{0xff, 0x2b}, 2, TSP_EV_MMIO, 13},       /* jmp far [ebx] */
        {{0xf7, 0x33}, 2, TSP_EV_MMIO, 0},        /* div dword [ebx]: 0xffffffff00000000 */
        {{0x0f, 0x00, 0x13}, 3, TSP_EV_MMIO, 13}, /* lldt [ebx] */
        {{0x36, 0x6d}, 2, TSP_EV_PIO, 13},        /* insd to beyond ES */
    };
    static struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        guest_prepare(&g, P32, row[i].code, row[i].n);
        g.setup.vcpu[0].regs.r[TSP_RBX] = 0x200000;
        g.setup.vcpu[0].regs.r[TSP_RDX] = 0xffffffff;
        g.setup.vcpu[0].regs.r[TSP_RDI] = 0x10000;
        g.setup.vcpu[0].x86.seg[TSP_ES].limit = 0xffff;
        guest_start(&g);
        guest_step(&g, 10);
        assert_int_equal(g.ev.kind, row[i].kind);
        assert_int_equal(g.ev.info[1] & 1, 0);
        assert_int_equal(g.ev.before.pc, CODE);
        assert_memory_equal(&g.ev.before, &g.ev.after, sizeof(g.ev.after));
        guest_step(&g, 10);
        assert_true(guest_faulted(&g, row[i].vector));
        close_guest(&g);
    }
}

/* A store outside RAM: one event with the registers on both sides of it, and the run goes on behind
 * it. */
static void a_device_access_is_one_event(void **state)
{
    static const uint8_t code[] = {0x89, 0x04, 0x25, 0x00, 0x00, 0x1f, 0x00, 0xff, 0xc0};
    static struct guest g;

    (void)state;
    guest_prepare(&g, L64, code, sizeof(code));
    g.setup.vcpu[0].regs.r[TSP_RAX] = 0x77;
    guest_start(&g);
    guest_step(&g, 10);
    assert_int_equal(g.ev.kind, TSP_EV_MMIO);
    assert_int_equal(g.ev.addr, 0x1f0000);
    assert_int_equal(g.ev.info[0], 0x77);
    assert_int_equal(g.ev.before.pc, CODE);
    assert_int_equal(g.ev.after.pc, CODE + 7);
    assert_int_equal(g.ev.len, 7);
    guest_step(&g, 10);
    assert_true(guest_halted(&g));
    assert_int_equal(g.ev.after.r[TSP_RAX], 0x78);
    close_guest(&g);
}

/* Random bytes as code, in every mode: the run ends within its budget and the vCPU stays in range.
 */
static void random_code_always_ends(void **state)
{
    static const uint8_t modes[] = {R16, TSP_MODE_PROT16, P32, L64};
    static struct guest g;
    uint64_t seed = 0x9e3779b97f4a7c15u;

    (void)state;
    for (unsigned round = 0; round < 8000; round++) {
        uint8_t code[48];

        for (unsigned i = 0; i < sizeof(code); i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            code[i] = (uint8_t)(seed >> 24);
        }
        guest_prepare(&g, modes[round % 4], code, sizeof(code));
        for (unsigned i = 0; i < 16; i++)
            g.setup.vcpu[0].regs.r[i] = i == TSP_RSP ? STACK : (seed >> i) & 0x1ffff;
        guest_start(&g);
        for (unsigned turn = 0; turn < 40 && vm_runnable(g.vm) != 0; turn++)
            guest_step(&g, 100);
        assert_true(g.ev.kind != TSP_EV_NONE && g.ev.kind <= TSP_EV_STOP);
        assert_true(vm_retired(g.vm) <= 40 * 132);
    }
    close_guest(&g);
}

/* KVM answers for registers of processors and firmware that guests look for; one that nobody has is
 * #GP, and what a write to the former does is not emulated. */
static void msrs_that_guests_look_for_are_answered(void **state)
{
    static const struct {
        uint32_t msr;
        int64_t value; /* -1: #GP */
    } row[] = {{0x0, 0},         {0xcd, 3},    {0xfe, 0x508},          {0x179, 32},
               {0x47f, 0},       {0x480, -1},  {0x198, 0x400000003e8}, {0xc001001b, 0x20000000},
               {0xc0010008, -1}, {0x12345, -1}};
    static const uint8_t read[] = {0x0f, 0x32}, write[] = {0x0f, 0x30};
    struct guest g = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        for (unsigned w = 0; w < 2; w++) {
            guest_prepare(&g, TSP_MODE_LONG64, w ? write : read, 2);
            g.setup.vcpu[0].regs.r[TSP_RCX] = row[i].msr;
            guest_start(&g);
            guest_step(&g, 1);
            if (row[i].value < 0) {
                assert_int_equal(g.ev.kind, TSP_EV_FAULT);
                assert_int_equal(g.ev.code, 13);
            } else if (w) {
                assert_int_equal(g.ev.kind, TSP_EV_STOP);
                assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
            } else {
                assert_int_equal(g.ev.kind, TSP_EV_MSR);
                assert_int_equal(g.ev.info[0], row[i].value);
            }
        }
    }
    close_guest(&g);
}

static void descriptor_tables_outside_ram_are_not_emulated(void **state)
{
    static const uint8_t code[4][3] = {
        {0x0f, 0x01, 0x00}, {0x0f, 0x01, 0x08}, {0x0f, 0x01, 0x10}, {0x0f, 0x01, 0x18}};
    struct guest g = {0};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        guest_prepare(&g, TSP_MODE_PROT32, code[i], 3);
        g.setup.vcpu[0].regs.r[TSP_RAX] = 0x200000;
        guest_start(&g);
        guest_step(&g, 1);
        assert_int_equal(g.ev.kind, TSP_EV_STOP);
        assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
        assert_int_equal(g.ev.before.pc, CODE);
    }
    close_guest(&g);
}

/* KVM has nothing to emulate there: user space is told at CPL 0, the guest above. */
static void code_outside_ram_is_undefined_above_cpl_0(void **state)
{
    static const uint8_t jump[] = {0xff, 0xe0};
    struct guest g = {0};

    (void)state;
    guest_prepare(&g, TSP_MODE_PROT32, jump, sizeof(jump));
    g.setup.vcpu[0].regs.r[TSP_RAX] = 0x200000;
    guest_start(&g);
    guest_step(&g, 9);
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    assert_int_equal(g.ev.code, TSP_STOP_UNSUPPORTED);
    g.setup.vcpu[0].regs.level = 3;
    g.setup.vcpu[0].x86.seg[TSP_CS] = guest_segment(0xb, 0xc0fb, 0xffffffff, 0);
    g.setup.vcpu[0].x86.seg[TSP_SS] = guest_segment(0x13, 0xc0f3, 0xffffffff, 0);
    guest_start(&g);
    guest_step(&g, 9);
    /* this machine has no stack for the handler: what counts is that the guest is told */
    assert_int_equal(g.ev.before.pc, 0x200000);
    assert_false(g.ev.kind == TSP_EV_STOP && g.ev.code == TSP_STOP_UNSUPPORTED);
    close_guest(&g);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_fault_changes_no_register),
    cmocka_unit_test(code_ends_at_its_limit),
    cmocka_unit_test(real_mode_stops_at_64k),
    cmocka_unit_test(tf_traps_after_each_instruction),
    cmocka_unit_test(tf_from_popf_starts_one_later),
    cmocka_unit_test(mov_ss_delays_the_single_step),
    cmocka_unit_test(tf_traps_after_cpuid_too),
    cmocka_unit_test(rf_ends_with_the_instruction),
    cmocka_unit_test(the_budget_counts_instructions),
    cmocka_unit_test(rep_cannot_hang),
    cmocka_unit_test(a_fault_in_rep_restarts_there),
    cmocka_unit_test(code_that_changes_itself_is_refetched),
    cmocka_unit_test(what_is_not_emulated_stops_with_its_bytes),
    cmocka_unit_test(x87_on_its_stack_shows_only_nm),
    cmocka_unit_test(several_vcpus_take_turns),
    cmocka_unit_test(a_device_access_is_one_event),
    cmocka_unit_test(msrs_that_guests_look_for_are_answered),
    cmocka_unit_test(what_is_asked_for_comes_before_the_fault),
    cmocka_unit_test(several_stores_outside_ram_are_one_event),
    cmocka_unit_test(descriptor_tables_outside_ram_are_not_emulated),
    cmocka_unit_test(code_outside_ram_is_undefined_above_cpl_0),
    cmocka_unit_test(random_code_always_ends),
};

TEST_MAIN(tests)
