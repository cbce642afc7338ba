/* SPDX-License-Identifier: MIT */
/* KVM's hypercalls: numbers, widths, privilege, arguments, and what they do to other vCPUs and to
 * memory. */
#include "tests/unit/kvm_rig.h"
#include "trapspec/bits.h"

static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};

#define FEW (TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON)
#define ERR(n) ((uint64_t)0 - (n))

struct call_row {
    const char *name;
    uint32_t config, mode, level;
    uint64_t rax, rbx, rcx, rdx, rsi;
    uint64_t want;
};

#define L TSP_MODE_LONG64
#define P TSP_MODE_PROT32
#define V TSP_MODE_VM86
#define R TSP_MODE_REAL16

static const struct call_row calls[] = {
    {"poll", 0, L, 0, 1, 0, 0, 0, 0, 0},
    {"number 0", 0, L, 0, 0, 0, 0, 0, 0, ERR(1000)},
    {"unknown", 0, P, 0, 13, 0, 0, 0, 0, (uint32_t)ERR(1000)},
    {"whole number counts in 64-bit code", 0, L, 0, 0x100000001, 0, 0, 0, 0, ERR(1000)},
    {"low half elsewhere", 0, P, 0, 0x100000001, 0, 0, 0, 0, 0},
    {"compatibility mode is not 64-bit code", 0, TSP_MODE_COMPAT32, 0, 0xffffffff00000001, 0, 0, 0,
     0, 0},
    {"user level", 0, L, 3, 1, 0, 0, 0, 0, ERR(1)},
    {"user level, unknown number", 0, P, 3, 99, 0, 0, 0, 0, (uint32_t)ERR(1)},
    {"virtual-8086 mode is user level", 0, V, 3, 1, 0, 0, 0, 0, (uint32_t)ERR(1)},
    {"real mode", 0, R, 0, 1, 0, 0, 0, 0, 0},
    {"kick", 0, L, 0, 5, 1, 77, 0, 0, 0},
    {"yield", 0, L, 0, 11, 77, 0, 0, 0, 0},
    {"enforced, offered", TSP_CFG_ENFORCE_PV, L, 0, 5, 0, 0, 0, 0, 0},
    {"clock pairing without a TSC clock", 0, L, 0, 9, 0x12000, 0, 0, 0, ERR(95)},
    {"clock pairing", TSP_CFG_HOST_TSC, L, 0, 9, 0x12000, 0, 0, 0, 0},
    {"clock pairing, other clock", TSP_CFG_HOST_TSC, L, 0, 9, 0x12000, 1, 0, 0, ERR(95)},
    {"clock pairing, no memory", TSP_CFG_HOST_TSC, L, 0, 9, 0xfffffff0000, 0, 0, 0, ERR(14)},
    {"clock pairing, end of memory", TSP_CFG_HOST_TSC, L, 0, 9, RIG_RAM - 32, 0, 0, 0, ERR(14)},
    {"clock pairing, address cut", TSP_CFG_HOST_TSC, P, 0, 9, 0xf00012000, 0, 0, 0, 0},
    {"IPI without an APIC", 0, L, 0, 10, 1, 0, 0, 0xfd, ERR(95)},
    {"IPI, APIC off", TSP_CFG_IRQCHIP, L, 0, 10, 1, 0, 0, 0xfd, 0},
    {"IPI to self", FEW, L, 0, 10, 1, 0, 0, 0xfd, 1},
    {"IPI to nobody", FEW, L, 0, 10, 4, 0, 0, 0xfd, 0},
    {"IPI, logical", FEW, L, 0, 10, 1, 0, 0, 0x8fd, ERR(22)},
    {"IPI, shorthand, no APIC", 0, L, 0, 10, 1, 0, 0, 0x400fd, ERR(22)},
    {"IPI, second half wraps", FEW, L, 0, 10, 0, 1, 0xffffffc0, 0xfd, 1},
    {"IPI, second half wraps at 32", FEW, P, 0, 10, 0, 1, 0xffffffe0, 0xfd, 1},
    {"IPI, high bitmap bits cut", FEW, P, 0, 10, 0x100000000, 0, 0, 0xfd, 0},
    {"IPI, level without assert", FEW, L, 0, 10, 1, 0, 0, 0x80fd, 0},
    {"map GPA, not enabled", 0, L, 0, 12, 0x10000, 1, 0, 0, ERR(1000)},
    {"map GPA, unaligned", TSP_CFG_EXIT_MAP_GPA, L, 0, 12, 0x10001, 1, 0, 0, ERR(22)},
    {"map GPA, nothing", TSP_CFG_EXIT_MAP_GPA, L, 0, 12, 0x10000, 0, 0, 0, ERR(22)},
    {"map GPA, wraps", TSP_CFG_EXIT_MAP_GPA, L, 0, 12, 0x10000, ~(uint64_t)0, 0, 0, ERR(22)},
    {"map GPA, reserved attribute", TSP_CFG_EXIT_MAP_GPA, L, 0, 12, 0x10000, 1, 0x20, 0, ERR(22)},
    {"map GPA, user space answers", TSP_CFG_EXIT_MAP_GPA | TSP_CFG_EXIT_RESUME, L, 0, 12, 0x10000,
     1, 0x12, 0, 0x1122334455667788},
    {"map GPA, answer cut", TSP_CFG_EXIT_MAP_GPA | TSP_CFG_EXIT_RESUME, P, 0, 12, 0x10000,
     0xffffffffffffffff, 0, 0, 0x55667788},
};

static void prepare(struct rig *r, const struct call_row *row)
{
    struct tsp_vcpu_state *s = rig_vcpu(r, 0);

    r->setup.config = row->config;
    r->setup.exit_ret = 0x1122334455667788;
    for (unsigned i = 0; i < 16; i++)
        s->regs.r[i] = 0x5555555500000000 + i;
    s->regs.r[TSP_RAX] = row->rax;
    s->regs.r[TSP_RBX] = row->rbx;
    s->regs.r[TSP_RCX] = row->rcx;
    s->regs.r[TSP_RDX] = row->rdx;
    s->regs.r[TSP_RSI] = row->rsi;
    s->regs.mode = row->mode;
    s->regs.level = row->level;
    rig_start(r);
    rig_poke(r, RIG_CODE, vmcall, sizeof(vmcall));
}

static void kvm_calls_answer(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct tsp_regs want;

        prepare(&r, &calls[i]);
        want = r.setup.vcpu[0].regs;
        want.r[TSP_RAX] = calls[i].want;
        want.pc += 3;
        if (rig_call(&r, 0) != STEP_EVENT || r.ev.kind != TSP_EV_HYPERCALL)
            fail_msg("%s: not completed", calls[i].name);
        if (memcmp(&want, &r.vm->vcpu[0].s.regs, sizeof(want)) != 0)
            fail_msg("%s: rax is %llx", calls[i].name,
                     (unsigned long long)r.vm->vcpu[0].s.regs.r[TSP_RAX]);
    }
    rig_close(&r);
}

/* Calls 5, 10 and 11 need their feature bits when enforcement is on; the others never do. */
static void kvm_features_are_enforced_when_asked(void **state)
{
    static const struct {
        uint64_t nr;
        unsigned bit;
    } gated[] = {{5, 7}, {10, 11}, {11, 13}};
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    for (size_t i = 0; i < 12; i++) {
        bool enforce = i & 1, offered = i & 2;
        struct call_row row = {"", enforce ? TSP_CFG_ENFORCE_PV | FEW : FEW, L, 0, 0, 0, 0, 0, 0,
                               0};

        row.rax = gated[i / 4].nr;
        r.leaf[r.setup.policy[0].n - 1].reg[0] = offered ? 1u << gated[i / 4].bit : 0;
        prepare(&r, &row);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], enforce && !offered ? ERR(1000) : 0);
    }
    rig_close(&r);
}

static void kvm_map_gpa_leaves_to_user_space(void **state)
{
    static const struct call_row row = {"", TSP_CFG_EXIT_MAP_GPA, L, 0, 12, 0x10000, 1, 0, 0, 0};
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    prepare(&r, &row);
    assert_int_equal(rig_call(&r, 0), STEP_STOP);
    assert_int_equal(r.ev.kind, TSP_EV_STOP);
    assert_int_equal(r.ev.code, TSP_STOP_EXIT);
    assert_int_equal(r.ev.info[0], 12);
    assert_memory_equal(&r.vm->vcpu[0].s.regs, &r.setup.vcpu[0].regs, sizeof(struct tsp_regs));
    rig_close(&r);
}

/* Linux 6.11 to 6.13 know the call by all of RAX once it is made: user space is not told when the
 * half that 32-bit code does not mean is not zero. */
static void kvm_map_gpa_is_lost_with_a_wide_number(void **state)
{
    static const struct {
        const char *profile;
        uint8_t mode;
        uint64_t rax;
        bool lost;
    } row[] = {
        {"kvm", P, 0x10000000c, false},
        {"kvm@linux-6.1", P, 0x10000000c, false},
        {"kvm@linux-6.12", P, 0x10000000c, true},
        {"kvm@linux-6.12", TSP_MODE_COMPAT32, 0xffffffff0000000c, true},
        {"kvm@linux-6.12", P, 12, false},
        {"kvm@linux-6.12", L, 12, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct call_row call = {
            "", TSP_CFG_EXIT_MAP_GPA, row[i].mode, 0, row[i].rax, 0x10000, 1, 0, 0, 0};
        struct rig r;

        rig_open(&r, row[i].profile);
        prepare(&r, &call);
        assert_int_equal(rig_call(&r, 0), row[i].lost ? STEP_EVENT : STEP_STOP);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], row[i].lost ? 0 : row[i].rax);
        rig_close(&r);
    }
}

/* 64 bytes: seconds, nanoseconds, the TSC as RDTSC shows it, flags and padding zero. */
static void kvm_clock_pairing_writes_its_block(void **state)
{
    static const struct call_row row = {"", TSP_CFG_HOST_TSC, L, 0, 9, 0x12fe0, 0, 0, 0, 0};
    uint8_t block[64], guard[128], zero[40] = {0};
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    prepare(&r, &row);
    memset(guard, 0xa5, sizeof(guard));
    rig_poke(&r, 0x12fc0, guard, sizeof(guard));
    r.vm->tsc = 3000000007;
    r.vm->vcpu[0].s.x86.tsc = 1000;
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    rig_peek(&r, 0x12fe0, block, sizeof(block));
    assert_int_equal(le_load(block, 8), 1577836800 + 3);
    assert_int_equal(le_load(block + 8, 8), 7);
    assert_int_equal(le_load(block + 16, 8), 3000001007);
    assert_memory_equal(block + 24, zero, sizeof(zero));
    rig_peek(&r, 0x12fc0, guard, sizeof(guard));
    assert_int_equal(guard[31], 0xa5);
    assert_int_equal(guard[96], 0xa5);
    rig_close(&r);
}

static void two_vcpus(struct rig *r, uint64_t rax, uint64_t rbx, uint64_t rcx, uint64_t rsi)
{
    struct call_row row = {"", FEW, L, 0, rax, rbx, rcx, 0, rsi, 0};

    rig_vcpu(r, 1);
    r->setup.vcpu[1].run_state = TSP_RUN_HALTED;
    r->setup.nvcpu = 2;
    prepare(r, &row);
}

static void kvm_kick_wakes_the_vcpu_named(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    two_vcpus(&r, 5, 0, 7, 0);
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(r.vm->vcpu[1].s.run_state, TSP_RUN_HALTED);
    two_vcpus(&r, 5, 0, 1, 0);
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(r.vm->vcpu[1].s.run_state, TSP_RUN_READY);
    rig_close(&r);
}

/* Who kicks itself does not stay in its next HLT; the message arrives through KVM's map of APICs,
 * the broadcast without it. */
static void kvm_kick_of_oneself_is_remembered(void **state)
{
    static const struct {
        uint32_t config;
        uint64_t id;
        bool kicked;
    } row[] = {{TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON, 0, true},
               {TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON, 1, false},
               {TSP_CFG_IRQCHIP, 0, false},
               {TSP_CFG_IRQCHIP, 0xff, true},
               {0, 0xff, false}};
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct call_row call = {"", row[i].config, L, 0, 5, 0, row[i].id, 0, 0, 0};

        prepare(&r, &call);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.vm->vcpu[0].hv_state[HV_STATE_KICKED], row[i].kicked);
    }
    rig_close(&r);
}

static void kvm_ipi_nmi_enters_all_targets(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    two_vcpus(&r, 10, 3, 0, 0x400);
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], 2);
    assert_int_equal(r.vm->vcpu[1].s.run_state, TSP_RUN_READY);
    for (unsigned i = 0; i < 2; i++) {
        struct vcpu *vc = &r.vm->vcpu[i];

        assert_true(vc->patch.active);
        assert_int_equal(x86_patch_step(r.vm, vc), STEP_FAULT);
        assert_int_equal(vc->fault.vector, 2);
        assert_false(vc->patch.active);
    }
    rig_close(&r);
}

/* With IF clear the vector waits in the APIC; with IF set it enters before the next instruction. */
static void kvm_ipi_vector_needs_interrupts_enabled(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    two_vcpus(&r, 10, 2, 0, 0xfd);
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_false(r.vm->vcpu[1].patch.active);
    two_vcpus(&r, 10, 2, 0, 0xfd);
    r.vm->vcpu[1].s.regs.flags |= X86_IF;
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_true(r.vm->vcpu[1].patch.active);
    assert_int_equal(x86_patch_step(r.vm, &r.vm->vcpu[1]), STEP_FAULT);
    assert_int_equal(r.vm->vcpu[1].fault.vector, 0xfd);
    rig_close(&r);
}

/* INIT, then a start-up message: the other vCPU begins in real mode at page 0x12. */
static void kvm_ipi_starts_another_vcpu(void **state)
{
    struct vcpu *vc;
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    two_vcpus(&r, 10, 2, 0, 0x4500);
    vc = &r.vm->vcpu[1];
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(vc->s.run_state, TSP_RUN_OFF);
    r.vm->vcpu[0].s.regs = r.setup.vcpu[0].regs;
    r.vm->vcpu[0].s.regs.r[TSP_RSI] = 0x612;
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(vc->s.run_state, TSP_RUN_READY);
    assert_int_equal(vc->s.regs.mode, TSP_MODE_REAL16);
    assert_int_equal(vcpu_lin(vc), 0x12000);
    assert_int_equal(vc->s.x86.seg[TSP_CS].sel, 0x1200);
    rig_close(&r);
}

static void kvm_mutants_are_wrong(void **state)
{
    static const struct {
        const char *profile;
        struct call_row row;
    } wrong[] = {
        {"kvm+mut_any_cpl", {"", 0, L, 3, 1, 0, 0, 0, 0, 0}},
        {"kvm+mut_wide_result", {"", 0, P, 0, 99, 0, 0, 0, 0, ERR(1000)}},
        {"kvm+mut_enosys_zero", {"", 0, L, 0, 99, 0, 0, 0, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct rig r;

        rig_open(&r, wrong[i].profile);
        prepare(&r, &wrong[i].row);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], wrong[i].row.want);
        rig_close(&r);
    }
}

struct msr_row {
    uint32_t config, msr;
    uint64_t value;
    bool ok;
};

static const struct msr_row msrs[] = {
    {0, 0x4b564d05, 1, true},
    {0, 0x4b564d05, 2, false},
    {0, 0x4b564d03, 0x12001, true},
    {0, 0x4b564d03, 0x12003, false},
    {0, 0x4b564d04, 0x12001, true},
    {0, 0x4b564d04, 0x12003, false},
    {0, 0x4b564d02, 0x12001, false}, /* no APIC to deliver with */
    {0, 0x4b564d02, 0, true},
    {TSP_CFG_IRQCHIP, 0x4b564d02, 0x12009, true},
    {TSP_CFG_IRQCHIP, 0x4b564d02, 0x12011, false},
    {TSP_CFG_IRQCHIP, 0x4b564d06, 0xf3, true},
    {TSP_CFG_IRQCHIP, 0x4b564d06, 0x1f3, false},
    {TSP_CFG_ENFORCE_PV, 0x4b564d01, 0x12001, true},
    {0, 0x4b564d06, 0, false}, /* kvm_pv_enable_async_pf_int refuses zero, too */
    {TSP_CFG_IRQCHIP, 0x4b564d02, 0x7fff0009, false}, /* on, outside RAM */
    {TSP_CFG_IRQCHIP, 0x4b564d02, 0x7fff0001, true},  /* not on: an interrupt is the only way */
    {0, 0x4b564d04, 0x7fff0001, false},
    {0, 0x4b564d04, 0x7fff0000, true},
    {0, 0x4b564d03, 0x7fff0001, true},
    {0, 0x4b564d00, 0, true},
};

static void kvm_msrs_check_reserved_bits(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        const struct hv_ops *hv = &hv_kvm_x86;
        uint64_t back = 0;
        bool ok;

        rig_vcpu(&r, 0);
        r.setup.config = msrs[i].config;
        rig_start(&r);
        assert_true(hv->wrmsr(r.vm, &r.vm->vcpu[0], msrs[i].msr, msrs[i].value, &ok));
        if (ok != msrs[i].ok)
            fail_msg("MSR %x value %llx", msrs[i].msr, (unsigned long long)msrs[i].value);
        assert_true(hv->rdmsr(r.vm, &r.vm->vcpu[0], msrs[i].msr, &back, &ok));
        if (msrs[i].ok)
            assert_int_equal(back, msrs[i].value);
        assert_false(hv->rdmsr(r.vm, &r.vm->vcpu[0], 0x4b564d09, &back, &ok));
        assert_false(hv->rdmsr(r.vm, &r.vm->vcpu[0], 0x40000000, &back, &ok));
    }
    rig_close(&r);
}

static void write_msr(struct rig *r, uint32_t msr, uint64_t value)
{
    bool ok = false;

    assert_true(hv_kvm_x86.wrmsr(r->vm, &r->vm->vcpu[0], msr, value, &ok));
    assert_true(ok);
}

/* Versions go on from what the guest has there and are even again; nothing else is touched. */
static void kvm_msrs_write_their_blocks(void **state)
{
    uint8_t b[64], want[64];
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    rig_vcpu(&r, 0);
    rig_start(&r);
    memset(b, 0x55, sizeof(b));
    rig_poke(&r, 0x12000, b, sizeof(b));
    rig_poke(&r, 0x12080, b, sizeof(b));
    rig_poke(&r, 0x12100, b, sizeof(b));
    write_msr(&r, 0x4b564d00, 0x12000);
    write_msr(&r, 0x4b564d01, 0x12081);
    write_msr(&r, 0x4b564d03, 0x12101);
    rig_peek(&r, 0x12000, b, sizeof(b));
    assert_int_equal(le_load(b, 4), 0x55555558); /* junk is skipped */
    assert_int_equal(le_load(b + 12, 4), 0x55555555);
    rig_peek(&r, 0x12080, b, sizeof(b));
    assert_int_equal(le_load(b, 4), 0x55555558);
    assert_int_equal(le_load(b + 4, 4), 0);
    assert_int_equal(b[29] & ~1, 0); /* the guest's "stopped" was clear */
    assert_int_equal(le_load(b + 32, 4), 0x55555555);
    rig_peek(&r, 0x12100, b, sizeof(b));
    memset(want, 0x55, sizeof(want));
    le_store(want + 8, 0x55555558, 4);
    want[16] = 0;
    assert_memory_equal(b, want, sizeof(b));
    /* an address of 0, and a block that does not lie in one page, are not written */
    memset(b, 0, sizeof(b));
    write_msr(&r, 0x4b564d00, 0);
    write_msr(&r, 0x4b564d01, 0x13ff1);
    rig_peek(&r, 0, want, sizeof(want));
    assert_memory_equal(b, want, sizeof(b));
    rig_peek(&r, 0x13ff0, want, 16);
    assert_memory_equal(b, want, 16);
    rig_close(&r);
}

/* Linux 6.1: a block across the end of a page is written where the last one was. */
static void kvm_clock_goes_elsewhere(void **state)
{
    uint8_t b[16] = {0};
    struct rig r;

    (void)state;
    rig_open(&r, "kvm+clock_elsewhere");
    rig_vcpu(&r, 0);
    rig_start(&r);
    rig_poke(&r, 0x12080, b, sizeof(b));
    write_msr(&r, 0x4b564d01, 0x12081);
    rig_peek(&r, 0x12080, b, sizeof(b));
    assert_int_equal(le_load(b, 4), 2);
    write_msr(&r, 0x4b564d01, 0x13ff1);
    rig_peek(&r, 0x12080, b, sizeof(b));
    assert_int_equal(le_load(b, 4), 4);
    rig_close(&r);
}

/* Linux 6.1: a guest without an APIC that is on is not halted once it wants page-ready events. */
static void kvm_async_faults_keep_awake(void **state)
{
    static const struct {
        uint32_t config;
        uint64_t value;
        bool awake;
    } row[] = {
        {TSP_CFG_IRQCHIP, 0x12009, true},
        {TSP_CFG_IRQCHIP, 0x12008, false},
        {TSP_CFG_IRQCHIP, 0x12001, false},
        {TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON, 0x12009, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct rig r;

        rig_open(&r, "kvm+async_pf_awake");
        rig_vcpu(&r, 0);
        r.setup.config |= row[i].config;
        rig_start(&r);
        write_msr(&r, 0x4b564d02, row[i].value);
        assert_int_equal(r.vm->vcpu[0].hv_state[HV_STATE_KICKED] != 0, row[i].awake);
        write_msr(&r, 0x4b564d02, 0);
        assert_int_equal(r.vm->vcpu[0].hv_state[HV_STATE_KICKED], 0);
        rig_close(&r);
    }
}

/* INIT switches off what was switched on, but for polling and the machine's own wall clock. */
static void kvm_msrs_end_with_init(void **state)
{
    static const uint32_t msr[] = {0x4b564d00, 0x4b564d01, 0x4b564d03, 0x4b564d04, 0x4b564d05};
    static const uint64_t value[] = {0x12000, 0x12081, 0x12101, 0x12201, 0};
    uint64_t back;
    struct rig r;
    bool ok;

    (void)state;
    rig_open(&r, "kvm");
    rig_vcpu(&r, 0);
    r.setup.config = TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
    rig_start(&r);
    for (unsigned i = 0; i < 5; i++)
        write_msr(&r, msr[i], value[i]);
    rig_poke(&r, RIG_CODE, "\x0f\x01\xc1", 3);
    r.vm->vcpu[0].s.regs.r[TSP_RAX] = 10;
    r.vm->vcpu[0].s.regs.r[TSP_RBX] = 1;
    r.vm->vcpu[0].s.regs.r[TSP_RSI] = 0x500;
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(hv_kvm_x86.rdmsr(r.vm, &r.vm->vcpu[0], msr[i], &back, &ok));
        assert_int_equal(back, i == 0 ? 0x12000 : 0);
    }
    rig_close(&r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kvm_calls_answer),
    cmocka_unit_test(kvm_features_are_enforced_when_asked),
    cmocka_unit_test(kvm_map_gpa_leaves_to_user_space),
    cmocka_unit_test(kvm_map_gpa_is_lost_with_a_wide_number),
    cmocka_unit_test(kvm_clock_pairing_writes_its_block),
    cmocka_unit_test(kvm_kick_wakes_the_vcpu_named),
    cmocka_unit_test(kvm_kick_of_oneself_is_remembered),
    cmocka_unit_test(kvm_ipi_nmi_enters_all_targets),
    cmocka_unit_test(kvm_ipi_vector_needs_interrupts_enabled),
    cmocka_unit_test(kvm_ipi_starts_another_vcpu),
    cmocka_unit_test(kvm_mutants_are_wrong),
    cmocka_unit_test(kvm_msrs_check_reserved_bits),
    cmocka_unit_test(kvm_msrs_write_their_blocks),
    cmocka_unit_test(kvm_clock_goes_elsewhere),
    cmocka_unit_test(kvm_async_faults_keep_awake),
    cmocka_unit_test(kvm_msrs_end_with_init),
};

TEST_MAIN(tests)
