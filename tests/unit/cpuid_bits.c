/* SPDX-License-Identifier: MIT */
/* The CPUID instruction: run-time bits, faulting, widths. */
#include "tests/unit/kvm_rig.h"

enum { EAX, EBX, ECX, EDX };

static void ask(struct rig *r, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    x86_cpuid_answer(r->vm, &r->vm->vcpu[0], leaf, sub, out);
}

static void cpuid_mirrors_control_bits(void **state)
{
    struct rig r;
    uint32_t out[4];

    (void)state;
    rig_open(&r, "kvm");
    for (unsigned on = 0; on < 2; on++) {
        struct tsp_vcpu_state *s = rig_vcpu(&r, 0);

        s->x86.cr4 = on ? 1u << 18 | 1u << 22 : 0;
        s->x86.apic_base = on ? 0xfee00800 : 0xfee00000;
        rig_start(&r);
        ask(&r, 1, 0, out);
        assert_int_equal((out[ECX] >> 27) & 1, on);
        assert_int_equal((out[EDX] >> 9) & 1, on);
        ask(&r, 7, 0, out);
        assert_int_equal((out[ECX] >> 4) & 1, on);
    }
    rig_close(&r);
}

struct size_row {
    uint64_t xcr0, xss;
    uint32_t standard, compacted;
};

static const struct size_row sizes[] = {
    {0x1, 0, 0x240, 0x240},      {0x3, 0, 0x240, 0x240},       {0x7, 0, 0x340, 0x340},
    {0xe7, 0, 0xa80, 0x980},     {0x207, 0, 0xa88, 0x348},     {0x1f, 0, 0x440, 0x3c0},
    {0x3, 0x1800, 0x240, 0x268}, {0x60007, 0, 0x2b00, 0x2380},
};

static void cpuid_xsave_size_follows_xcr0(void **state)
{
    struct rig r;
    uint32_t out[4];

    (void)state;
    rig_open(&r, "kvm");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct tsp_vcpu_state *s = rig_vcpu(&r, 0);

        s->x86.xcr0 = sizes[i].xcr0;
        s->x86.xss = sizes[i].xss;
        rig_start(&r);
        ask(&r, 0xd, 0, out);
        assert_int_equal(out[EBX], sizes[i].standard);
        ask(&r, 0xd, 1, out);
        assert_int_equal(out[EBX], sizes[i].compacted);
    }
    rig_close(&r);
}

/* Parts lay their state out differently: the guest's own sub-leaves say where it is. */
static void cpuid_xsave_size_follows_sub_leaves(void **state)
{
    struct rig r;
    uint32_t out[4];
    unsigned found = 0;

    (void)state;
    rig_open(&r, "kvm");
    for (size_t i = 0; i < r.setup.policy[0].n; i++) {
        if (r.leaf[i].leaf == 0xd && r.leaf[i].subleaf == 2) {
            r.leaf[i].reg[EAX] = 0x180;
            r.leaf[i].reg[EBX] = 0x280;
            r.leaf[i].reg[ECX] = 2; /* at a multiple of 64 */
            found++;
        }
    }
    assert_int_equal(found, 1);
    rig_vcpu(&r, 0)->x86.xcr0 = 7;
    rig_start(&r);
    ask(&r, 0xd, 0, out);
    assert_int_equal(out[EBX], 0x400);
    ask(&r, 0xd, 1, out);
    assert_int_equal(out[EBX], 0x3c0);
    rig_close(&r);
}

/* Without a compacting instruction the value user space gave stays. */
static void cpuid_compacted_size_needs_xsavec(void **state)
{
    struct rig r;
    uint32_t out[4];

    (void)state;
    rig_open(&r, "kvm");
    for (size_t i = 0; i < r.setup.policy[0].n; i++) {
        if (r.leaf[i].leaf == 0xd && r.leaf[i].subleaf == 1) {
            r.leaf[i].reg[EAX] = 5; /* XSAVEOPT XGETBV1 */
            r.leaf[i].reg[EBX] = 0x1234;
        }
    }
    rig_vcpu(&r, 0)->x86.xcr0 = 7;
    rig_start(&r);
    ask(&r, 0xd, 1, out);
    assert_int_equal(out[EBX], 0x1234);
    rig_close(&r);
}

static enum step execute(struct rig *r)
{
    static const struct insn in = {.op = OP_CPUID, .len = 2};

    memset(&r->ev, 0, sizeof(r->ev));
    return x86_cpuid(r->vm, &r->vm->vcpu[0], &in);
}

static void cpuid_reads_low_halves_and_clears_upper(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    for (uint32_t mode = TSP_MODE_REAL16; mode <= TSP_MODE_LONG64; mode++) {
        struct tsp_vcpu_state *s = rig_vcpu(&r, 0);
        const uint64_t *reg = r.vm->vcpu[0].s.regs.r;

        s->regs.mode = mode;
        for (unsigned i = 0; i < 16; i++)
            s->regs.r[i] = 0xdeadbeef00000000;
        s->regs.r[TSP_RAX] |= 0x40000000;
        rig_start(&r);
        assert_int_equal(execute(&r), STEP_EVENT);
        assert_int_equal(r.ev.kind, TSP_EV_CPUID);
        assert_int_equal(reg[TSP_RAX], 0x40000001);
        assert_int_equal(reg[TSP_RBX], 0x4b4d564b);
        assert_int_equal(reg[TSP_RCX], 0x564b4d56);
        assert_int_equal(reg[TSP_RDX], 0x4d);
        assert_int_equal(reg[TSP_RSI], 0xdeadbeef00000000);
        assert_int_equal(r.vm->vcpu[0].s.regs.pc, RIG_CODE + 2);
    }
    rig_close(&r);
}

static void cpuid_faults_at_user_level_when_enabled(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "kvm");
    for (unsigned enabled = 0; enabled < 2; enabled++) {
        for (unsigned level = 0; level <= 3; level += 3) {
            struct tsp_vcpu_state *s = rig_vcpu(&r, 0);
            bool fault = enabled && level == 3;

            s->x86.cpuid_faulting = enabled;
            s->regs.level = level;
            rig_start(&r);
            assert_int_equal(execute(&r), fault ? STEP_FAULT : STEP_EVENT);
            if (!fault)
                continue;
            assert_int_equal(r.vm->vcpu[0].fault.vector, X86_GP);
            assert_true(r.vm->vcpu[0].fault.has_error);
            assert_int_equal(r.vm->vcpu[0].fault.error, 0);
            assert_memory_equal(&r.vm->vcpu[0].s.regs, &s->regs, sizeof(s->regs));
        }
    }
    rig_close(&r);
}

struct unhalt_row {
    const char *profile;
    uint32_t config;
    bool shown;
};

static const struct unhalt_row unhalt[] = {
    {"kvm", 0, true},
    {"kvm", TSP_CFG_HLT_NOEXIT, false},
    {"kvm@linux-6.1", TSP_CFG_HLT_NOEXIT, true},
    {"kvm@linux-6.1", TSP_CFG_HLT_NOEXIT | TSP_CFG_CPUID_TWICE, false},
    {"kvm@linux-6.12", TSP_CFG_HLT_NOEXIT, false},
    {"kvm@linux-6.12", 0, true},
};

static void cpuid_hides_unhalt_without_hlt_exits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unhalt) / sizeof(unhalt[0]); i++) {
        struct rig r;
        uint32_t out[4];

        rig_open(&r, unhalt[i].profile);
        r.setup.config = unhalt[i].config;
        rig_vcpu(&r, 0);
        rig_start(&r);
        ask(&r, 0x40000001, 0, out);
        assert_int_equal((out[EAX] >> 7) & 1, unhalt[i].shown);
        rig_close(&r);
    }
}

/* A guest offered Hyper-V's TSC-invariant control sees the processor's bit only after using it. 6.1
 * lacks the rule. */
static void cpuid_hides_invariant_tsc_from_hyperv_guest(void **state)
{
    static const struct {
        const char *profile;
        uint64_t control;
        bool shown;
    } cases[] = {{"kvm", 0, false},
                 {"kvm", 1, true},
                 {"kvm@linux-6.1", 0, true},
                 {"kvm@linux-6.12", 0, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig r;
        struct tsp_vcpu_state *s;
        uint32_t out[4];
        size_t n;

        rig_open(&r, cases[i].profile);
        n = policy_default(TSP_VENDOR_INTEL, TSP_PERSONA_KVM, 0x40000100, r.leaf, TSP_MAX_LEAF);
        r.leaf[n++] = (struct tsp_leaf){0x40000000, 0, 0, {0x40000003, 0, 0, 0}};
        r.leaf[n++] = (struct tsp_leaf){0x40000001, 0, 0, {0x31237648, 0, 0, 0}};
        r.leaf[n++] = (struct tsp_leaf){0x40000003, 0, 0, {1u << 15, 0, 0, 0}};
        r.setup.policy[0].n = n;
        s = rig_vcpu(&r, 0);
        s->x86.nmsr = 1;
        s->x86.msr[0] = (struct tsp_msr){0x40000118, cases[i].control};
        rig_start(&r);
        ask(&r, 0x80000007, 0, out);
        assert_int_equal((out[EDX] >> 8) & 1, cases[i].shown);
        rig_close(&r);
    }
}

static void cpuid_without_policy_is_zero(void **state)
{
    struct rig r;
    static const uint32_t zero[4];
    uint32_t out[4] = {1, 2, 3, 4};

    (void)state;
    rig_open(&r, "kvm");
    r.setup.npolicy = 0;
    rig_vcpu(&r, 0);
    rig_start(&r);
    ask(&r, 0, 0, out);
    assert_memory_equal(out, zero, sizeof(zero));
    rig_close(&r);
}

struct id_row {
    const char *profile;
    enum tsp_vendor vendor;
    uint32_t leaf, sub, mode;
    unsigned reg;
    uint32_t mask, want;
};

/* vCPU 0 has APIC id 0x1234, the policy says id 0 and SYSCALL. */
static const struct id_row ids[] = {
    {"kvm", TSP_VENDOR_INTEL, 1, 0, TSP_MODE_LONG64, EBX, 0xff000000, 0x34000000},
    {"kvm", TSP_VENDOR_INTEL, 0xb, 0, TSP_MODE_LONG64, EDX, 0xffffffff, 0x1234},
    {"kvm", TSP_VENDOR_INTEL, 0xb, 1, TSP_MODE_LONG64, EDX, 0xffffffff, 0x1234},
    {"kvm", TSP_VENDOR_INTEL, 0xb, 0x100, TSP_MODE_LONG64, EDX, 0xffffffff, 0x1234},
    {"kvm", TSP_VENDOR_INTEL, 0x80000001, 0, TSP_MODE_LONG64, EDX, 0x800, 0x800},
    {"kvm", TSP_VENDOR_INTEL, 0x80000001, 0, TSP_MODE_PROT32, EDX, 0x800, 0},
    {"kvm", TSP_VENDOR_AMD, 0x80000001, 0, TSP_MODE_PROT32, EDX, 0x800, 0x800},
    {"kvm@linux-6.1", TSP_VENDOR_INTEL, 1, 0, TSP_MODE_LONG64, EBX, 0xff000000, 0},
    {"kvm@linux-6.1", TSP_VENDOR_INTEL, 0xb, 0x105, TSP_MODE_LONG64, EDX, 0xffffffff, 0},
    {"kvm@linux-6.1", TSP_VENDOR_INTEL, 0x80000001, 0, TSP_MODE_PROT32, EDX, 0x800, 0x800},
};

static void cpuid_shows_the_asking_processor(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        const struct id_row *row = &ids[i];
        struct tsp_vcpu_state *s;
        uint32_t out[4];
        struct rig r;

        rig_open(&r, row->profile);
        r.setup.policy[0].n =
            policy_default(row->vendor, TSP_PERSONA_KVM, 0x40000000, r.leaf, TSP_MAX_LEAF);
        s = rig_vcpu(&r, 0);
        s->x86.apic_id = 0x1234;
        s->regs.mode = row->mode;
        rig_start(&r);
        ask(&r, row->leaf, row->sub, out);
        if ((out[row->reg] & row->mask) != row->want)
            fail_msg("%s, leaf %x.%x: %x", row->profile, row->leaf, row->sub, out[row->reg]);
        rig_close(&r);
    }
}

struct mutant_row {
    const char *profile;
    enum tsp_vendor vendor;
    uint32_t leaf, sub;
};

static const struct mutant_row mutants[] = {
    {"kvm+mut_no_echo", TSP_VENDOR_INTEL, 0xb, 5},
    {"kvm+mut_hv_basic", TSP_VENDOR_INTEL, 0x40000001,
     0}, /* in its block's range, not implemented */
    {"kvm+mut_osxsave", TSP_VENDOR_INTEL, 1, 0},
    {"kvm+mut_xsave_stale", TSP_VENDOR_INTEL, 0xd, 0},
    {"kvm+mut_amd_redirect", TSP_VENDOR_AMD, 0x20000000, 0},
};

static void mutant_answer(const struct mutant_row *m, const char *profile, uint32_t out[4])
{
    struct rig r;

    rig_open(&r, profile);
    /* without the last leaf, KVM's features */
    r.setup.policy[0].n =
        policy_default(m->vendor, TSP_PERSONA_KVM, 0x40000000, r.leaf, TSP_MAX_LEAF) - 1;
    rig_vcpu(&r, 0)->x86.cr4 = 1u << 18;
    r.setup.vcpu[0].x86.xcr0 = 7;
    rig_start(&r);
    ask(&r, m->leaf, m->sub, out);
    rig_close(&r);
}

/* The wrong behaviours that a campaign has to find change an answer each. */
static void cpuid_mutants_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
        uint32_t right[4], wrong[4];

        mutant_answer(&mutants[i], "kvm", right);
        mutant_answer(&mutants[i], mutants[i].profile, wrong);
        assert_memory_not_equal(right, wrong, sizeof(right));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(cpuid_mirrors_control_bits),
    cmocka_unit_test(cpuid_xsave_size_follows_xcr0),
    cmocka_unit_test(cpuid_xsave_size_follows_sub_leaves),
    cmocka_unit_test(cpuid_compacted_size_needs_xsavec),
    cmocka_unit_test(cpuid_reads_low_halves_and_clears_upper),
    cmocka_unit_test(cpuid_faults_at_user_level_when_enabled),
    cmocka_unit_test(cpuid_hides_unhalt_without_hlt_exits),
    cmocka_unit_test(cpuid_hides_invariant_tsc_from_hyperv_guest),
    cmocka_unit_test(cpuid_without_policy_is_zero),
    cmocka_unit_test(cpuid_shows_the_asking_processor),
    cmocka_unit_test(cpuid_mutants_differ),
};

TEST_MAIN(tests)
