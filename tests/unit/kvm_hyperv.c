/* SPDX-License-Identifier: MIT */
/* Hyper-V calls as KVM answers them once the guest has set its OS id: status codes of the TLFS. */
#include "tests/unit/kvm_rig.h"
#include "trapspec/bits.h"

static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};

#define BLOCK 0x12000u /* in the tests' memory: 64 zero bytes, then what a row sets */
#define FAST ((uint64_t)1 << 16)
#define VAR(n) ((uint64_t)(n) << 17)
#define REPS(n) ((uint64_t)(n) << 32)
#define START(n) ((uint64_t)(n) << 48)

struct hv_row {
    const char *name;
    uint64_t control, ingpa, outgpa, want;
};

static const struct hv_row rows[] = {
    {"no such call", 0x9999, 0, 0, 2},
    {"code 0", 0, 0, 0, 2},
    {"spin wait", 8, 0, 0, 0},
    {"spin wait, fast", 8 | FAST, 0, 0, 0},
    {"spin wait with reps", 8 | REPS(1), 0, 0, 3},
    {"spin wait with a variable header", 8 | VAR(1), 0, 0, 3},
    {"reserved bits 31:27", 8 | 0x80000000u, 0, 0, 3},
    {"reserved bits 47:44", 8 | (uint64_t)1 << 44, 0, 0, 3},
    {"reserved bits 63:60", 8 | (uint64_t)1 << 63, 0, 0, 3},
    {"reserved bits before the code", 0x9999 | 0x80000000u, 0, 0, 3},
    {"flush space", 2, BLOCK, 0, 0},
    {"flush space with reps", 2 | REPS(1), BLOCK, 0, 3},
    {"flush space, no memory", 2, 0x80000000, 0, 3},
    {"flush space, fast", 2 | FAST, 0, 0, 0},
    {"flush list", 3 | REPS(5), BLOCK, 0, REPS(5)},
    {"flush list, no reps", 3, BLOCK, 0, 3},
    {"flush list, start", 3 | REPS(5) | START(1), BLOCK, 0, 3},
    {"flush space ex, nobody", 0x13, BLOCK, 0, 0},
    {"flush space ex, bank count", 0x13 | VAR(1), BLOCK, 0, 3},
    {"send IPI, vector 0", 0xb, BLOCK, 0, 3},
    {"send IPI, fast", 0xb | FAST, 0x20, 1, 0},
    {"send IPI, fast, low vector", 0xb | FAST, 0xf, 1, 3},
    {"send IPI, fast, reserved", 0xb | FAST, 0x100000020, 1, 3},
    {"send IPI ex, nobody", 0x15, BLOCK, 0, 0},
    {"post message", 0x5c, BLOCK, 0, 3},
    {"signal event, unaligned", 0x5d, BLOCK + 4, 0, 4},
    {"signal event, no memory", 0x5d, 0x80000000, 0, 4},
    {"signal event, no port", 0x5d, BLOCK, 0, 3},
    {"debugger, not offered", 0x6b, 0, 0, 2},
};

static void hyperv_table(struct rig *r)
{
    size_t n = policy_default(TSP_VENDOR_INTEL, TSP_PERSONA_KVM, 0x40000100, r->leaf, TSP_MAX_LEAF);

    r->leaf[n++] = (struct tsp_leaf){0x40000000, 0, 0, {0x40000001, 0, 0, 0}};
    r->leaf[n++] = (struct tsp_leaf){0x40000001, 0, 0, {0x31237648, 0, 0, 0}};
    r->setup.policy[0].n = n;
    r->setup.config = TSP_CFG_IRQCHIP;
}

static struct tsp_vcpu_state *hyperv_vcpu(struct rig *r, uint64_t os_id)
{
    struct tsp_vcpu_state *s = rig_vcpu(r, 0);

    s->x86.nmsr = 1;
    s->x86.msr[0] = (struct tsp_msr){0x40000000, os_id};
    return s;
}

static void run(struct rig *r)
{
    rig_start(r);
    rig_poke(r, RIG_CODE, vmcall, sizeof(vmcall));
}

static void kvm_hyperv_status_in_64_bit_code(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    hyperv_table(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tsp_vcpu_state *s = hyperv_vcpu(&r, 1);
        struct tsp_regs want;

        s->regs.r[TSP_RAX] = 0x1234;
        s->regs.r[TSP_RCX] = rows[i].control;
        s->regs.r[TSP_RDX] = rows[i].ingpa;
        s->regs.r[TSP_R8] = rows[i].outgpa;
        run(&r);
        want = s->regs;
        want.r[TSP_RAX] = rows[i].want;
        want.pc += 3;
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        if (memcmp(&want, &r.vm->vcpu[0].s.regs, sizeof(want)) != 0)
            fail_msg("%s: %llx", rows[i].name, (unsigned long long)r.vm->vcpu[0].s.regs.r[TSP_RAX]);
    }
    rig_close(&r);
}

/* Outside 64-bit code each value is a pair of registers, the result too. */
static void kvm_hyperv_status_in_32_bit_code(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    hyperv_table(&r);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tsp_vcpu_state *s = hyperv_vcpu(&r, 1);
        const uint64_t *reg = r.vm->vcpu[0].s.regs.r;

        s->regs.mode = TSP_MODE_PROT32;
        s->regs.r[TSP_RAX] = (uint32_t)rows[i].control;
        s->regs.r[TSP_RDX] = rows[i].control >> 32;
        s->regs.r[TSP_RCX] = (uint32_t)rows[i].ingpa;
        s->regs.r[TSP_RBX] = rows[i].ingpa >> 32;
        s->regs.r[TSP_RSI] = (uint32_t)rows[i].outgpa;
        s->regs.r[TSP_RDI] = rows[i].outgpa >> 32;
        run(&r);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        if (reg[TSP_RAX] != (uint32_t)rows[i].want || reg[TSP_RDX] != rows[i].want >> 32)
            fail_msg("%s: %llx", rows[i].name, (unsigned long long)reg[TSP_RAX]);
    }
    rig_close(&r);
}

struct env_row {
    uint32_t mode, level, cr0;
    uint64_t os_id;
    bool ud;
    uint64_t rax; /* of a call with RAX = 1: Hyper-V status or KVM's answer */
};

static const struct env_row envs[] = {
    {TSP_MODE_LONG64, 0, 1, 1, false, 2},
    {TSP_MODE_LONG64, 3, 1, 1, true, 0},
    {TSP_MODE_REAL16, 0, 0, 1, true, 0},
    {TSP_MODE_VM86, 3, 1, 1, true, 0},
    {TSP_MODE_COMPAT32, 0, 1, 1, false, 2},
    {TSP_MODE_LONG64, 0, 1, 0, false, 0},
    {TSP_MODE_LONG64, 3, 1, 0, false, ~(uint64_t)0},
};

/* #UD outside the most privileged protected mode; KVM's own rule as long as the OS id is zero. */
static void kvm_hyperv_legal_environments(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    hyperv_table(&r);
    for (size_t i = 0; i < sizeof(envs) / sizeof(envs[0]); i++) {
        struct tsp_vcpu_state *s = hyperv_vcpu(&r, envs[i].os_id);

        s->regs.mode = envs[i].mode;
        s->regs.level = envs[i].level;
        s->x86.cr0 = envs[i].cr0;
        s->regs.r[TSP_RAX] = 1;
        run(&r);
        assert_int_equal(rig_call(&r, 0), envs[i].ud ? STEP_FAULT : STEP_EVENT);
        if (envs[i].ud)
            assert_int_equal(r.vm->vcpu[0].fault.vector, X86_UD);
        else
            assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], envs[i].rax);
    }
    rig_close(&r);
}

/* TLFS: parameters are 8-byte aligned and within a page; Linux does not look for most calls. */
static void kvm_hyperv_parameter_alignment(void **state)
{
    static const uint64_t at[] = {BLOCK + 4, BLOCK + 0xff8};

    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        struct tsp_vcpu_state *s;
        struct rig r;

        rig_open(&r, k & 1 ? "kvm@linux-6.1" : "kvm");
        hyperv_table(&r);
        s = hyperv_vcpu(&r, 1);
        s->regs.r[TSP_RCX] = 2;
        s->regs.r[TSP_RDX] = at[k / 2];
        run(&r);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], k & 1 ? 0 : 4);
        rig_close(&r);
    }
}

/* Since 6.2 Linux reads a list of up to 15 addresses, behind the header and the banks. */
static void kvm_hyperv_flush_lists_are_read(void **state)
{
    static const struct {
        uint64_t control, ingpa, want;
    } row[] = {
        {3 | REPS(5), RIG_RAM - 24 - 40, REPS(5)},
        {3 | REPS(6), RIG_RAM - 24 - 40, 3},
        {3 | REPS(15), RIG_RAM - 24, 3},
        {3 | REPS(16), RIG_RAM - 24, REPS(16)},
        {2, RIG_RAM - 24, 0},
        {3 | FAST | REPS(11), 0, REPS(11)},
        {3 | FAST | REPS(12), 0, 3},
        {3 | FAST | REPS(16), 0, REPS(16)},
        {0x14 | REPS(1), RIG_RAM - 32, REPS(1)}, /* nobody, so nothing is read */
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_vcpu_state *s;
        struct rig r;

        rig_open(&r, i & 1 ? "kvm@linux-6.12" : "kvm@linux-6.1");
        hyperv_table(&r);
        s = hyperv_vcpu(&r, 1);
        s->regs.r[TSP_RCX] = row[i / 2].control;
        s->regs.r[TSP_RDX] = row[i / 2].ingpa;
        run(&r);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        if (r.vm->vcpu[0].s.regs.r[TSP_RAX] !=
            (i & 1 ? row[i / 2].want : row[i / 2].control & REPS(0xfff)))
            fail_msg("row %zu: %llx", i, (unsigned long long)r.vm->vcpu[0].s.regs.r[TSP_RAX]);
        rig_close(&r);
    }
}

/* Since 6.3 Linux hands extended calls to user space; one with register input is refused. */
static void kvm_hyperv_extended_calls_leave(void **state)
{
    static const struct {
        const char *profile;
        uint64_t control;
        bool leaves;
        uint64_t want;
    } row[] = {
        {"kvm@linux-6.1", 0x8001, false, 2},
        {"kvm@linux-6.12", 0x8000, false, 2},
        {"kvm@linux-6.12", 0x8001, true, 0},
        {"kvm@linux-6.12", 0x8041 | VAR(1) | REPS(2) | START(1), true, 0},
        {"kvm@linux-6.12", 0x8042, false, 2},
        {"kvm@linux-6.12", 0x8001 | FAST, false, 5},
        {"kvm@linux-6.12", 0x8001 | 0x80000000u, false, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct rig r;

        rig_open(&r, row[i].profile);
        hyperv_table(&r);
        hyperv_vcpu(&r, 1)->regs.r[TSP_RCX] = row[i].control;
        run(&r);
        assert_int_equal(rig_call(&r, 0), row[i].leaves ? STEP_STOP : STEP_EVENT);
        if (row[i].leaves) {
            assert_int_equal(r.ev.code, TSP_STOP_EXIT);
            assert_int_equal(r.ev.info[0], row[i].control);
        } else {
            assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], row[i].want);
        }
        rig_close(&r);
    }
}

/* The page MSR fills a page with the host's own instruction and RET, once the OS id is set. */
static void kvm_hyperv_page_holds_the_native_call(void **state)
{
    static const uint8_t intel[] = {0x0f, 0x01, 0xc1, 0xc3}, amd[] = {0x0f, 0x01, 0xd9, 0xc3};
    const struct hv_ops *hv = &hv_kvm_x86;

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        uint64_t value;
        uint8_t got[4];
        struct rig r;
        bool ok;

        rig_open(&r, "kvm");
        hyperv_table(&r);
        r.setup.host = k ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        hyperv_vcpu(&r, 0);
        rig_start(&r);
        assert_true(hv->wrmsr(r.vm, &r.vm->vcpu[0], 0x40000001, BLOCK | 1, &ok) && ok);
        rig_peek(&r, BLOCK, got, 4);
        assert_int_equal(le_load(got, 4), 0);
        assert_true(hv->wrmsr(r.vm, &r.vm->vcpu[0], 0x40000000, 7, &ok) && ok);
        assert_true(hv->wrmsr(r.vm, &r.vm->vcpu[0], 0x40000001, BLOCK | 1, &ok) && ok);
        rig_peek(&r, BLOCK, got, 4);
        assert_memory_equal(got, k ? amd : intel, 4);
        assert_true(hv->rdmsr(r.vm, &r.vm->vcpu[0], 0x40000001, &value, &ok) && ok);
        assert_int_equal(value, BLOCK | 1);
        assert_true(hv->wrmsr(r.vm, &r.vm->vcpu[0], 0x40000001, 0x80000001, &ok));
        assert_false(ok); /* no memory there */
        rig_close(&r);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kvm_hyperv_status_in_64_bit_code),
    cmocka_unit_test(kvm_hyperv_status_in_32_bit_code),
    cmocka_unit_test(kvm_hyperv_legal_environments),
    cmocka_unit_test(kvm_hyperv_parameter_alignment),
    cmocka_unit_test(kvm_hyperv_flush_lists_are_read),
    cmocka_unit_test(kvm_hyperv_extended_calls_leave),
    cmocka_unit_test(kvm_hyperv_page_holds_the_native_call),
};

TEST_MAIN(tests)
