/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V as the hypervisor itself. KVM offers the same calls beside its own interface and is
 * generous: it enforces no privilege unless asked to, takes register input that was not offered and
 * forgets that a page can be locked. The TLFS has the guest say who it is, enable a page, and call
 * through it; each step is refused without the one before.
 */
#include "tests/unit/kvm_rig.h"

#include "emu/state/overlay.h"
#include "trapspec/bits.h"

#define ID 0x40000000u
#define PAGE 0x40000001u
#define SOME_OS 0x8100000000000001u
#define PLACE 0x30000u
#define BLOCK 0x12000u
#define FAST ((uint64_t)1 << 16)
#define VAR(n) ((uint64_t)(n) << 17)
#define REPS(n) ((uint64_t)(n) << 32)
#define START(n) ((uint64_t)(n) << 48)
#define UD 0x100u /* want: #UD instead of a status */

static void own_open(struct rig *r)
{
    rig_open(r, "kvm");
    r->setup.persona[0] = TSP_PERSONA_HYPERV;
    r->setup.config = TSP_CFG_IRQCHIP;
    r->setup.policy[0].n = policy_default(TSP_VENDOR_INTEL, TSP_PERSONA_HYPERV, 0, r->leaf, 512);
    rig_vcpu(r, 0)->regs.r[TSP_RAX] = 0x1234;
    rig_start(r);
    r->vm->maxphyaddr = 40;
}

static bool wr(struct rig *r, uint32_t msr, uint64_t value)
{
    return x86_wrmsr(r->vm, &r->vm->vcpu[0], msr, value);
}

static uint64_t rd(struct rig *r, uint32_t msr)
{
    uint64_t v = 0;

    assert_true(x86_rdmsr(r->vm, &r->vm->vcpu[0], msr, &v));
    return v;
}

static uint32_t at_place(struct rig *r)
{
    uint8_t text[4];

    assert_int_equal(mmu_fetch(r->vm, &r->vm->vcpu[0], PLACE, text, 4), 4);
    return (uint32_t)le_load(text, 4);
}

static void page_needs_an_identity(void **state)
{
    struct rig r;

    (void)state;
    own_open(&r);
    assert_true(wr(&r, PAGE, PLACE | 1));
    assert_int_equal(rd(&r, PAGE) & 1, 0);
    assert_int_equal(at_place(&r), 0);
    assert_true(wr(&r, ID, SOME_OS));
    assert_true(wr(&r, PAGE, PLACE | 1));
    assert_int_equal(rd(&r, PAGE), PLACE | 1);
    assert_int_equal(at_place(&r), 0xc3c1010f);
    assert_true(wr(&r, ID, 0));
    assert_int_equal(rd(&r, PAGE), PLACE);
    assert_int_equal(at_place(&r), 0);
    rig_close(&r);
}

static void page_holds_the_hosts_instruction(void **state)
{
    struct rig r;

    (void)state;
    own_open(&r);
    r.setup.host = TSP_VENDOR_AMD;
    assert_true(wr(&r, ID, SOME_OS));
    assert_true(wr(&r, PAGE, PLACE | 1));
    assert_int_equal(at_place(&r), 0xc3d9010f);
    rig_close(&r);
}

/* What it covers comes back, also when it moves; a guest cannot write it. */
static void page_is_an_overlay(void **state)
{
    static const uint8_t was[4] = {1, 2, 3, 4};
    struct rig r;
    uint8_t now[4];

    (void)state;
    own_open(&r);
    rig_poke(&r, PLACE, was, sizeof(was));
    assert_true(wr(&r, ID, SOME_OS));
    assert_true(wr(&r, PAGE, PLACE | 1));
    assert_int_equal(mmu_store(r.vm, &r.vm->vcpu[0], PLACE + 8, was, 4, MMU_WRITE), STEP_FAULT);
    assert_int_equal(r.vm->vcpu[0].fault.vector, 13);
    assert_int_equal(mmu_text_at(r.vm, &r.vm->vcpu[0], PLACE, NULL) &
                         (TSP_TEXT_OVERLAY | TSP_TEXT_WRITE),
                     TSP_TEXT_OVERLAY);
    assert_true(wr(&r, PAGE, (PLACE + 0x1000) | 1));
    rig_peek(&r, PLACE, now, sizeof(now));
    assert_memory_equal(now, was, sizeof(was));
    assert_int_equal(mmu_store(r.vm, &r.vm->vcpu[0], PLACE, was + 1, 1, MMU_WRITE), STEP_NEXT);
    /* outside RAM it can be read as well */
    assert_true(wr(&r, PAGE, 0x800001));
    assert_int_equal(mmu_load(r.vm, &r.vm->vcpu[0], 0x800000, now, 4, MMU_READ), STEP_NEXT);
    assert_int_equal(le_load(now, 4), 0xc3c1010f);
    rig_close(&r);
}

static void page_stays_where_it_is_locked(void **state)
{
    struct rig r;

    (void)state;
    own_open(&r);
    assert_true(wr(&r, ID, SOME_OS));
    assert_false(wr(&r, PAGE, (uint64_t)1 << 40 | 1)); /* beyond the address space */
    assert_int_equal(rd(&r, PAGE), 0);
    assert_true(wr(&r, PAGE, PLACE | 0xc | 3));
    assert_true(wr(&r, PAGE, (PLACE + 0x1000) | 1));
    assert_int_equal(rd(&r, PAGE), PLACE | 0xc | 3);
    rig_close(&r);
}

static const struct {
    const char *name;
    uint32_t msr, right; /* bit of EAX of 0x40000003 */
    bool read, write;
} registers[] = {
    {"processor index", 0x40000002, 5, true, false},
    {"run time", 0x40000010, 0, true, false},
    {"reference counter", 0x40000020, 1, true, false},
    {"reference TSC page", 0x40000021, 9, true, true},
    {"TSC frequency", 0x40000022, 11, true, false},
    {"APIC frequency", 0x40000023, 11, true, false},
    {"reset", 0x40000003, 7, true, true},
    {"synthetic interrupts", 0x40000080, 2, true, true},
    {"a timer", 0x400000b0, 3, true, true},
};

static void registers_need_their_privileges(void **state)
{
    struct rig r;
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(registers) / sizeof(registers[0]); i++) {
        bool may = i % 2 == 0 || registers[i / 2].right == 5;

        own_open(&r);
        for (size_t k = 0; i % 2 == 1 && k < r.setup.policy[0].n; k++)
            if (r.leaf[k].leaf == 0x40000003)
                r.leaf[k].reg[0] &= ~(1u << registers[i / 2].right);
        rig_start(&r);
        if (x86_rdmsr(r.vm, &r.vm->vcpu[0], registers[i / 2].msr, &v) !=
                (may && registers[i / 2].read) ||
            wr(&r, registers[i / 2].msr, 0) != (may && registers[i / 2].write))
            fail_msg("%s, privilege %d", registers[i / 2].name, may);
        rig_close(&r);
    }
}

static void reference_counter_rises_at_every_read(void **state)
{
    struct rig r;
    uint64_t last = 0;

    (void)state;
    own_open(&r);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t now = rd(&r, 0x40000020);

        assert_true(now > last);
        last = now;
    }
    rig_close(&r);
}

static const struct {
    const char *name;
    uint64_t control, in, out;
    uint32_t want; /* status, or UD */
    uint32_t done;
} calls[] = {
    {"no such call", 0x9999, 0, 0, 2, 0},
    {"spin wait, fast", 8 | FAST, 0, 0, 0, 0},
    {"spin wait with reps", 8 | REPS(1), BLOCK, 0, 3, 0},
    {"reserved bit", 8 | (uint64_t)1 << 44, BLOCK, 0, 3, 0},
    {"flush space", 2, BLOCK, 0, 0, 0},
    {"flush space, odd place", 2, BLOCK + 4, 0, 4, 0},
    {"flush space, end of the page", 2, BLOCK + 0xff0, 0, 4, 0},
    {"flush space, nothing there", 2, 0x80000000, 0, 4, 0},
    {"flush space, fast", 2 | FAST, 0, 0, 0, 0},
    {"flush list", 3 | REPS(5), BLOCK, 0, 0, 5},
    {"flush list, from the second", 3 | REPS(5) | START(1), BLOCK, 0, 0, 5},
    {"flush list, start at the end", 3 | REPS(5) | START(5), BLOCK, 0, 3, 0},
    {"flush list, longer than a page", 3 | REPS(600), BLOCK, 0, 4, 0},
    {"flush set, nobody", 0x13, BLOCK, 0, 0, 0},
    {"flush set, ten banks in registers", 0x13 | FAST | VAR(10), 0, 0, 5, 0},
    {"flush set, eleven banks in registers", 0x13 | FAST | VAR(11), 0, 0, 3, 0},
    {"IPI, fast", 0xb | FAST, 0x20, 1, 0, 0},
    {"IPI, low vector", 0xb | FAST, 0xf, 1, 5, 0},
    {"IPI to all, banks do not count", 0x15 | FAST | VAR(1), 0x20, 1, 0, 0},
    {"IPI to a set, banks do", 0x15 | FAST | VAR(1), 0x20, 0, 5, 0},
    {"message, type 0", 0x5c, BLOCK, 0, 5, 0},
    {"message, in registers", 0x5c | FAST, 0, 0, 3, 0},
    {"event to nobody", 0x5d | FAST, 7, 0, 0x12, 0},
    {"capabilities", 0x8001, 0, BLOCK, 0, 0},
    {"capabilities, odd place", 0x8001, 0, BLOCK + 4, 4, 0},
    {"capabilities in registers", 0x8001 | FAST, 0, 0, UD, 0},
    {"registers of another partition", 0x50 | REPS(1), BLOCK, BLOCK + 0x100, 6, 0},
};

static void check_call(struct rig *r, size_t i, bool wide)
{
    static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};
    struct tsp_regs *g = &r->vm->vcpu[0].s.regs;
    enum step end;
    uint64_t got;

    rig_poke(r, RIG_CODE, vmcall, sizeof(vmcall));
    assert_true(wr(r, ID, SOME_OS));
    g->mode = wide ? TSP_MODE_LONG64 : TSP_MODE_PROT32;
    if (wide) {
        g->r[TSP_RCX] = calls[i].control;
        g->r[TSP_RDX] = calls[i].in;
        g->r[TSP_R8] = calls[i].out;
    } else {
        g->r[TSP_RAX] = (uint32_t)calls[i].control;
        g->r[TSP_RDX] = calls[i].control >> 32;
        g->r[TSP_RCX] = calls[i].in;
        g->r[TSP_RSI] = calls[i].out;
    }
    end = rig_call(r, 0);
    got = wide ? g->r[TSP_RAX] : g->r[TSP_RDX] << 32 | (uint32_t)g->r[TSP_RAX];
    if (end == STEP_FAULT && r->vm->vcpu[0].fault.vector == 6)
        got = UD;
    if (got != (calls[i].want | (uint64_t)calls[i].done << 32))
        fail_msg("%s, wide %d: %llx", calls[i].name, wide, (unsigned long long)got);
}

static void calls_have_their_statuses(void **state)
{
    struct rig r;

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(calls) / sizeof(calls[0]); i++) {
        own_open(&r);
        check_call(&r, i / 2, i % 2 == 0);
        rig_close(&r);
    }
}

static void calls_without_an_identity_are_undefined(void **state)
{
    static const uint8_t both[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};
    struct rig r;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        own_open(&r);
        rig_poke(&r, RIG_CODE, both[i & 1], 3);
        r.setup.patch = (uint8_t)(i / 2); /* nothing is ever rewritten here */
        if (i & 1)
            assert_true(wr(&r, ID, SOME_OS));
        r.vm->vcpu[0].s.regs.r[TSP_RCX] = 8 | FAST;
        assert_int_equal(rig_call(&r, 0), STEP_FAULT);
        assert_int_equal(r.vm->vcpu[0].fault.vector, 6);
        rig_close(&r);
    }
}

/* Privileges that a partition lacks: the status that tells nothing else. */
static void calls_need_their_privileges(void **state)
{
    static const uint64_t control[] = {0x5c, 0x5d | FAST, 0x8001, 0x50 | REPS(1)};
    static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof(control) / sizeof(control[0]); i++) {
        own_open(&r);
        for (size_t k = 0; k < r.setup.policy[0].n; k++)
            if (r.leaf[k].leaf == 0x40000003)
                r.leaf[k].reg[1] = 0;
        rig_start(&r);
        rig_poke(&r, RIG_CODE, vmcall, sizeof(vmcall));
        assert_true(wr(&r, ID, SOME_OS));
        r.vm->vcpu[0].s.regs.r[TSP_RCX] = control[i];
        r.vm->vcpu[0].s.regs.r[TSP_RDX] = BLOCK;
        r.vm->vcpu[0].s.regs.r[TSP_R8] = BLOCK;
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], 6);
        rig_close(&r);
    }
}

/* The processor's own registers, by name. */
static void own_registers_are_read(void **state)
{
    static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};
    uint8_t block[24];
    uint8_t got[32];
    struct rig r;

    (void)state;
    own_open(&r);
    rig_poke(&r, RIG_CODE, vmcall, sizeof(vmcall));
    le_store(block, ~(uint64_t)0, 8);
    le_store(block + 8, 0xfffffffe, 8);
    le_store(block + 16, 0x90002, 4); /* identity */
    le_store(block + 20, 0x20003, 4); /* RBX */
    rig_poke(&r, BLOCK, block, sizeof(block));
    assert_true(wr(&r, ID, SOME_OS));
    r.vm->vcpu[0].s.regs.r[TSP_RBX] = 0x1122334455667788;
    r.vm->vcpu[0].s.regs.r[TSP_RCX] = 0x50 | REPS(2);
    r.vm->vcpu[0].s.regs.r[TSP_RDX] = BLOCK;
    r.vm->vcpu[0].s.regs.r[TSP_R8] = BLOCK + 0x100;
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], REPS(2));
    rig_peek(&r, BLOCK + 0x100, got, sizeof(got));
    assert_int_equal(le_load(got, 8), SOME_OS);
    assert_int_equal(le_load(got + 16, 8), 0x1122334455667788);
    rig_close(&r);
}

/* A machine that moves keeps identity and page, and finds the other instruction there. */
static void page_moves_to_the_other_vendor(void **state)
{
    struct tsp_hv_state saved = {0};
    struct rig r;

    (void)state;
    own_open(&r);
    assert_true(wr(&r, ID, SOME_OS));
    assert_true(wr(&r, PAGE, PLACE | 3));
    r.vm->hv[0]->save(r.vm, &r.vm->vcpu[0], &saved);
    r.setup.host = TSP_VENDOR_AMD;
    rig_start(&r);
    assert_int_equal(rd(&r, ID), 0);
    r.vm->hv[0]->load(r.vm, &r.vm->vcpu[0], &saved);
    assert_int_equal(rd(&r, ID), SOME_OS);
    assert_int_equal(rd(&r, PAGE), PLACE | 3);
    assert_int_equal(at_place(&r), 0xc3d9010f);
    rig_close(&r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(page_needs_an_identity),
    cmocka_unit_test(page_holds_the_hosts_instruction),
    cmocka_unit_test(page_is_an_overlay),
    cmocka_unit_test(page_stays_where_it_is_locked),
    cmocka_unit_test(registers_need_their_privileges),
    cmocka_unit_test(reference_counter_rises_at_every_read),
    cmocka_unit_test(calls_have_their_statuses),
    cmocka_unit_test(calls_without_an_identity_are_undefined),
    cmocka_unit_test(calls_need_their_privileges),
    cmocka_unit_test(own_registers_are_read),
    cmocka_unit_test(page_moves_to_the_other_vendor),
};

TEST_MAIN(tests)
