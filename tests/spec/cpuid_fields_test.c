/* SPDX-License-Identifier: MIT */
/* Rules of leaves, bit by bit: what a field may be, and what follows the state of the vCPU. */
#include "tests/spec/leaves.h"

/* One leaf with every kind of rule. Leaf 0x8 for Intel, hv+0x1 for KVM, leaf 0x9 for same:. */
static const char field_sources[] = "doc, A document, 1, 2, free\n";
static const char field_table[] =
    "intel, 0x8, -, eax, 31:16, zero, doc,\n"
    "intel, 0x8, -, eax, 15:8, eq:0x12, doc,\n"
    "intel, 0x8, -, eax, 7:0, one, doc,\n"
    "intel, 0x8, -, ebx, 31:0, ascii:Ab, doc,\n"
    "intel, 0x8, -, ecx, 31:8, any, doc,\n"
    "intel, 0x8, -, ecx, 7:4, max:0x3, doc,\n"
    "intel, 0x8, -, ecx, 3:0, same:0x9.-.edx[7:4], doc,\n"
    "intel, 0x8, -, edx, 1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0, bits, doc,\n";
static const char hv_table[] = "kvm, hv+0x1, -, eax, 31:0, max:hv+0x1, doc,\n"
                               "kvm, hv+0x1, -, ebx, 31:0, eq:hv+0x7, doc,\n"
                               "kvm, hv+0x1, -, ecx, 31:0, any, doc,\n"
                               "kvm, hv+0x1, -, edx, 31:0, feat, doc,\n";

static struct build *fields_only(const char *name, const char *table)
{
    struct build *b = build_open();
    struct tsp_error err = {0};

    assert_non_null(b);
    assert_true(build_table(b, "sources", field_sources, sizeof(field_sources) - 1, &err));
    if (!build_table(b, name, table, strlen(table), &err))
        print_error("%u: %s\n", err.line, err.text);
    assert_int_equal(err.code, TSP_OK);
    assert_true(build_finish(b, &err));
    return b;
}

static void field_rules(void **state)
{
    static const struct {
        unsigned reg;
        uint32_t flip;
        const char *rule; /* NULL: still right */
    } row[] = {
        {0, 0, NULL},
        {0, 1u << 31, "intel:0x8.eax[31:16]"},
        {0, 1u << 16, "intel:0x8.eax[31:16]"},
        {0, 1u << 8, "intel:0x8.eax[15:8]"},
        {0, 1u << 3, "intel:0x8.eax[7:0]"},
        {1, 1u << 8, "intel:0x8.ebx[31:0]"},
        {1, 1u << 24, "intel:0x8.ebx[31:0]"},
        {2, 1u << 9, NULL},
        {2, 0x70, "intel:0x8.ecx[7:4]"}, /* 5 becomes 2 */
        {2, 0xa0, NULL},                 /* 5 becomes 15 */
        {2, 1, "intel:0x8.ecx[3:0]"},
        {3, 1u << 31, "intel:0x8.edx[31:0]"},
        {3, 1, "intel:0x8.edx[31:0]"},
        {3, 0x7ffffffe, NULL},
    };
    static struct tsp_leaf own[3] = {
        {0x0, 0, 0, {0x9, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
        {0x8, 0, 0, {0x12ff, 0x6241, 0x123458, 0x80000000u}},
        {0x9, 0, 0, {0, 0, 0, 0x80}},
    };
    struct build *b = fields_only("x86_leaves", field_table);

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        /* Whose fault: the target's when it differs from the policy, else the policy's. */
        for (unsigned same = 0; same < 2; same++) {
            struct tsp_leaf changed[3];
            enum verdict v;

            memcpy(changed, own, sizeof(own));
            changed[1].reg[row[i].reg] ^= row[i].flip;
            setup_x86_default();
            setup.npolicy = 1;
            setup.policy[0] = (struct tsp_policy){same ? changed : own, 3};
            query(8, 0, changed[1].reg);
            v = judge_with(&b->spec);
            if (v != (row[i].rule ? FAIL : PASS))
                print_error("row %zu: %s\n", i, found_text(&b->spec));
            assert_int_equal(v, row[i].rule ? FAIL : PASS);
            if (!row[i].rule)
                continue;
            assert_non_null(finding_of(&b->spec, row[i].rule));
            assert_int_equal(finding_of(&b->spec, row[i].rule)->subject,
                             same ? SUBJECT_POLICY : SUBJECT_TARGET);
        }
    }
    free(b);
}

/* hv+ leaves lie where the persona was placed; values may count from there too. */
static void hypervisor_leaves_move_with_their_base(void **state)
{
    static const uint32_t base[] = {0x40000000u, 0x40000100u, 0x4000ff00u};
    struct build *b = fields_only("hv_kvm", hv_table);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tsp_leaf own[2] = {{base[i], 0, 0, {base[i] + 1, 0, 0, 0}},
                                  {base[i] + 1, 0, 0, {base[i] + 1, base[i] + 7, 0, 0}}};

        setup_x86_default();
        setup.hv_base[0] = base[i];
        setup.npolicy = 1;
        setup.policy[0] = (struct tsp_policy){own, 2};
        query(base[i] + 1, 0, own[1].reg);
        assert_int_equal(judge_with(&b->spec), PASS);
        trace.ev[0].after.r[TSP_RBX]++;
        assert_int_equal(judge_with(&b->spec), FAIL);
        trace.ev[0].after.r[TSP_RBX]--;
        trace.ev[0].after.r[TSP_RAX]--;
        assert_int_equal(judge_with(&b->spec), FAIL);
        /* another block is none of this persona's */
        setup.hv_base[0] = 0x40000200u;
        assert_int_equal(judge_with(&b->spec), VERDICT_GAP);
    }
    free(b);
}

struct dyn_row {
    const char *dyn;
    uint64_t cr4, apic_base, xcr0, xss, ecx;
    uint16_t mode;
    uint32_t config;
    uint32_t policy, answer; /* EAX[31:0] of leaf 8 in the policy and in the answer */
    enum verdict want;
    enum subject subject;
};

static const struct dyn_row dyn_rows[] = {
    {"osxsave", 1u << 18, 0, 1, 0, 0, L64, 0, 0, 1, PASS, 0},
    {"osxsave", 0, 0, 1, 0, 0, L64, 0, 1, 0, PASS, 0},
    {"osxsave", 0, 0, 1, 0, 0, L64, 0, 1, 1, FAIL, SUBJECT_TARGET},
    {"ospke", 1u << 22, 0, 1, 0, 0, L64, 0, 0, 1, PASS, 0},
    {"ospke", 1u << 22, 0, 1, 0, 0, L64, 0, 0, 0, FAIL, SUBJECT_TARGET},
    {"apic-enabled", 0, 0x800, 1, 0, 0, L64, 0, 1, 1, PASS, 0},
    {"apic-enabled", 0, 0, 1, 0, 0, L64, 0, 1, 0, PASS, 0},
    {"apic-enabled", 0, 0, 1, 0, 0, L64, 0, 1, 1, FAIL, SUBJECT_TARGET},
    {"apic-enabled", 0, 0x800, 1, 0, 0, L64, 0, 1, 0, FAIL, SUBJECT_TARGET},
    {"apic-enabled", 0, 0x800, 1, 0, 0, L64, 0, 0, 0, PASS, 0},
    {"apic-id", 0, 0, 1, 0, 0, L64, 0, 0, 7, PASS, 0},
    {"apic-id", 0, 0, 1, 0, 0, L64, 0, 0, 0, FAIL, SUBJECT_POLICY},
    {"apic-id", 0, 0, 1, 0, 0, L64, 0, 0, 1, FAIL, SUBJECT_TARGET},
    {"x2apic-id", 0, 0, 1, 0, 0, L64, 0, 0, 7, PASS, 0},
    {"x2apic-id", 0, 0, 1, 0, 0, L64, 0, 0, 8, FAIL, SUBJECT_TARGET},
    {"xsave-size", 0, 0, 1, 0, 0, L64, 0, 0, 0x240, PASS, 0},
    {"xsave-size", 0, 0, 7, 0, 0, L64, 0, 0, 0x340, PASS, 0},
    {"xsave-size", 0, 0, 7, 0, 0, L64, 0, 0x240, 0x240, FAIL, SUBJECT_TARGET},
    {"xsave-size", 0, 0, 0x23, 0, 0, L64, 0, 0, 0x480, PASS, 0},
    {"xsave-size", 0, 0, 0x23, 0, 0, L64, 0, 0, 0x440, FAIL, SUBJECT_TARGET},
    {"xsave-size", 0, 0, 0x43, 0, 0, L64, 0, 0, 0x999, PASS, 0},
    {"xsave-size", 0, 0, 0x43, 0, 0, L64, 0, 0, 0x100, FAIL, SUBJECT_TARGET},
    {"xsave-compact-size", 0, 0, 7, 0, 0, L64, 0, 0xa, 0x340, PASS, 0},
    {"xsave-compact-size", 0, 0, 3, 0x800, 0, L64, 0, 0xa, 0x250, PASS, 0},
    {"xsave-compact-size", 0, 0, 7, 0x900, 0, L64, 0, 0xa, 0x3d0, PASS, 0},
    {"xsave-compact-size", 0, 0, 7, 0x900, 0, L64, 0, 0xa, 0x3c8, FAIL, SUBJECT_TARGET},
    {"xsave-compact-size", 0, 0, 3, 0x800, 0, L64, 0, 0xa, 0x240, FAIL, SUBJECT_TARGET},
    {"xsave-compact-size", 0, 0, 7, 0, 0, L64, 0, 0x0, 0, PASS, 0},
    {"xsave-compact-size", 0, 0, 7, 0, 0, L64, 0, 0x0, 0x340, FAIL, SUBJECT_TARGET},
    {"echo-ecx", 0, 0, 1, 0, 0x1234, L64, 0, 0, 0x1234, PASS, 0},
    {"echo-ecx", 0, 0, 1, 0, 0x1234, L64, 0, 0, 0x1235, FAIL, SUBJECT_TARGET},
    {"mwait", 0, 0, 1, 0, 0, L64, 0, 1, 0, PASS, 0},
    {"mwait", 0, 0, 1, 0, 0, L64, 0, 0, 1, FAIL, SUBJECT_TARGET},
    {"syscall-mode", 0, 0, 1, 0, 0, L64, 0, 1, 1, PASS, 0},
    {"syscall-mode", 0, 0, 1, 0, 0, L64, 0, 1, 0, FAIL, SUBJECT_TARGET},
    {"syscall-mode", 0, 0, 1, 0, 0, TSP_MODE_COMPAT32, 0, 1, 0, PASS, 0},
    {"syscall-mode", 0, 0, 1, 0, 0, TSP_MODE_COMPAT32, 0, 1, 1, FAIL, SUBJECT_TARGET},
};

static void dynamic_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(dyn_rows) / sizeof(dyn_rows[0]); i++) {
        char table[400];
        struct tsp_leaf own[] = {
            {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
            {0x8, 0, 0, {dyn_rows[i].policy, 0, 0, 0}},
            {0xd, 5, IDX, {0x40, 0x440, 0, 0}}, /* opmask */
            {0xd, 8, IDX, {0x80, 0, 1, 0}},     /* trace */
            {0xd, 11, IDX, {0x10, 0, 3, 0}},    /* CET, aligned to 64 */
        };
        struct build *b;
        struct tsp_event *ev;
        enum verdict v;

        snprintf(table, sizeof(table),
                 "any, 0x8, -, eax, 31:0, dyn:%s, doc,\nany, 0x8, -, ebx, 31:0, any, doc,\n"
                 "any, 0x8, -, ecx, 31:0, any, doc,\nany, 0x8, -, edx, 31:0, any, doc,\n",
                 dyn_rows[i].dyn);
        b = fields_only("x86_leaves", table);
        setup_x86_default();
        setup.config = dyn_rows[i].config;
        setup.npolicy = 1;
        setup.policy[0] = (struct tsp_policy){own, 5};
        setup.vcpu[0].x86.apic_id = 7;
        ev = query(8, (uint32_t)dyn_rows[i].ecx, (uint32_t[4]){dyn_rows[i].answer, 0, 0, 0});
        ev->before.mode = ev->after.mode = dyn_rows[i].mode;
        ev->sys[TSP_SYS_CR4] = dyn_rows[i].cr4;
        ev->sys[TSP_SYS_APIC_BASE] = dyn_rows[i].apic_base;
        ev->sys[TSP_SYS_XCR0] = dyn_rows[i].xcr0;
        ev->sys[TSP_SYS_XSS] = dyn_rows[i].xss;
        v = judge_with(&b->spec);
        if (v != dyn_rows[i].want)
            print_error("dyn_rows %zu %s: %s\n", i, dyn_rows[i].dyn, found_text(&b->spec));
        assert_int_equal(v, dyn_rows[i].want);
        if (v == FAIL)
            assert_int_equal(found.f[0].subject, dyn_rows[i].subject);
        free(b);
    }
}

/* Hyper-V's control of the invariant TSC: offered by a feature bit, set in the set-up or on the
 * way.
 */
static void invariant_tsc_follows_its_control(void **state)
{
    static const struct {
        uint32_t face, features;
        uint64_t initial, written; /* ~0: not written */
        uint32_t answer;
        enum verdict want;
    } row[] = {
        {0, 0, 0, ~0ull, 0x100, PASS},
        {0x31237648, 0, 0, ~0ull, 0x100, PASS},
        {0x31237648, 0x8000, 0, ~0ull, 0x100, FAIL},
        {0x31237648, 0x8000, 0, ~0ull, 0, PASS},
        {0x31237648, 0x8000, 1, ~0ull, 0x100, PASS},
        {0x31237648, 0x8000, 0, 1, 0x100, PASS},
        {0x31237648, 0x8000, 0, 1, 0, FAIL},
        {0x31237648, 0x8000, 1, 0, 0x100, FAIL},
        {0, 0x8000, 0, ~0ull, 0, FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_leaf own[] = {
            {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
            {0x40000001, 0, 0, {row[i].face, 0, 0, 0}},
            {0x40000003, 0, 0, {row[i].features, 0, 0, 0}},
            {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
            {0x80000007, 0, 0, {0, 0, 0, 0x100}},
        };
        struct tsp_event *ev;

        setup_x86_default();
        setup.npolicy = 1;
        setup.policy[0] = (struct tsp_policy){own, 5};
        setup.vcpu[0].x86.nmsr = 1;
        setup.vcpu[0].x86.msr[0] = (struct tsp_msr){0x40000118, row[i].initial};
        if (row[i].written != ~0ull) {
            ev = add_event(TSP_EV_MSR, L64, "\x0f\x30", 2);
            ev->code = 0x40000118;
            ev->info[0] = row[i].written;
            ev->info[1] = 1;
        }
        query(0x80000007, 0, (uint32_t[4]){0, 0, 0, row[i].answer});
        assert_int_equal(judge_with(spec_builtin()), row[i].want);
    }
}

/* A dump answers from registers that nobody ran: rules about the vCPU's state are skipped, all
 * others hold. */
static void dumps_are_judged_without_state(void **state)
{
    static const char table[] = "any, 0x8, -, eax, 31:1, zero, doc,\n"
                                "any, 0x8, -, eax, 0, dyn:osxsave, doc,\n"
                                "any, 0x8, -, ebx, 31:0, any, doc,\n"
                                "any, 0x8, -, ecx, 31:0, any, doc,\n"
                                "any, 0x8, -, edx, 31:0, any, doc,\n";
    struct build *b = fields_only("x86_leaves", table);

    (void)state;
    setup_x86_default();
    query(8, 0, (uint32_t[4]){1, 0, 0, 0});
    assert_int_equal(judge_caps(&b->spec, TSP_CAP_X86), VERDICT_SKIP);
    assert_int_equal(judge_with(&b->spec), FAIL);
    query(8, 0, (uint32_t[4]){2, 0, 0, 0});
    assert_int_equal(judge_caps(&b->spec, TSP_CAP_X86), FAIL);
    trace.n = 0;
    query(9, 0, (uint32_t[4]){2, 0, 0, 0});
    assert_int_equal(judge_caps(&b->spec, TSP_CAP_X86), VERDICT_GAP);
    free(b);
}

/* A leaf that the policy holds and no row describes is a gap, even when the answer is the policy's.
 */
/* IA32_TSX_CTRL hides HLE and RTM of the vCPU whose register it is, as set up or as last written.
 */
static void tsx_follows_its_control(void **state)
{
    static const struct {
        uint64_t initial, written; /* ~0: not written */
        unsigned writer;
        uint32_t answer;
        bool held;
    } row[] = {
        {0, ~0ull, 0, 0x810, true}, {0, ~0ull, 0, 0x800, false}, {2, ~0ull, 0, 0, true},
        {2, ~0ull, 0, 0x10, false}, {3, ~0ull, 0, 0x800, false}, {1, ~0ull, 0, 0x810, true},
        {0, 2, 0, 0, true},         {0, 2, 0, 0x810, false},     {2, 0, 0, 0x810, true},
        {0, 2, 1, 0x810, true},     {2, 0, 1, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_leaf own[] = {
            {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
            {0x7, 0, TSP_LEAF_INDEXED, {0, 0x810, 0, 0}},
        };
        struct tsp_event *ev;

        setup_x86_default();
        setup.nvcpu = 2;
        setup.npolicy = 1;
        setup.policy[0] = (struct tsp_policy){own, 2};
        setup.vcpu[0].x86.nmsr = 1;
        setup.vcpu[0].x86.msr[0] = (struct tsp_msr){0x122, row[i].initial};
        if (row[i].written != ~0ull) {
            ev = add_event(TSP_EV_MSR, L64, "\x0f\x30", 2);
            ev->vcpu = (uint16_t)row[i].writer;
            ev->code = 0x122;
            ev->info[0] = row[i].written;
            ev->info[1] = 1;
        }
        query(7, 0, (uint32_t[4]){0, row[i].answer, 0, 0});
        assert_int_equal(judge_with(spec_builtin()) != FAIL, row[i].held);
    }
}

static void undescribed_leaf_is_a_gap(void **state)
{
    const struct spec *s = spec_builtin();
    static struct tsp_leaf own[] = {{0x0, 0, 0, {0x3fff, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
                                    {0x3f00, 0, 0, {1, 2, 3, 4}}};

    (void)state;
    setup_x86_default();
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){own, 2};
    query(0x3f00, 0, own[1].reg);
    assert_int_equal(judge_with(s), VERDICT_GAP);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.f[0].rule, ~0u);
    trace.ev[0].after.r[TSP_RAX] = 2;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "CPUID-HELD"));
}

/* The signature and the highest leaf of KVM's block, as shipped. */
static void kvm_block_as_shipped(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    use_policy(INTEL);
    query(0x40000000u, 0, policy[6].reg);
    query(0x40000001u, 0, policy[7].reg);
    assert_int_equal(judge_with(s), PASS);
    policy[6].reg[0] = 0;
    trace.ev[0].after.r[TSP_RAX] = 0;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "kvm:hv+0x0.eax[31:0]"));
    assert_int_equal(finding_of(s, "kvm:hv+0x0.eax[31:0]")->subject, SUBJECT_POLICY);
    policy[6].reg[0] = 0x40000001u;
}

/* Where HLT does not exit, the bit that promises a wake-up is hidden: in KVM's own block, by KVM.
 */
static void pv_unhalt_is_hidden_in_kvms_block_only(void **state)
{
    static const struct {
        uint32_t signature, config, answer;
        enum verdict want;
    } row[] = {
        {0x4b4d564b, 0, 0x80, PASS},
        {0x4b4d564b, 0, 0, FAIL},
        {0x4b4d564b, TSP_CFG_HLT_NOEXIT, 0, PASS},
        {0x4b4d564b, TSP_CFG_HLT_NOEXIT, 0x80, FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_leaf own[] = {
            {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
            {0x40000000, 0, 0, {0x40000001, row[i].signature, 0x564b4d56, 0x4d}},
            {0x40000001, 0, 0, {0x80, 0, 0, 0}},
        };
        const struct finding *f;

        setup_x86_default();
        setup.config = row[i].config;
        setup.npolicy = 1;
        setup.policy[0] = (struct tsp_policy){own, 3};
        query(0x40000001, 0, (uint32_t[4]){row[i].answer, 0, 0, 0});
        assert_int_equal(judge_with(spec_builtin()), row[i].want);
        f = finding_of(spec_builtin(), "kvm:hv+0x1.eax[7]");
        if (row[i].want == FAIL) {
            assert_non_null(f);
            assert_int_equal(f->subject, SUBJECT_TARGET);
        }
    }
}

/* Another signature stands there: not KVM's feature leaf, whatever it holds. */
static void pv_unhalt_of_another_block_is_nobodys(void **state)
{
    struct tsp_leaf own[] = {
        {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
        {0x40000000, 0, 0, {0x40000005, 0x7263694d, 0x666f736f, 0x76482074}},
        {0x40000001, 0, 0, {0x80, 0, 0, 0}},
    };
    const struct finding *f;

    (void)state;
    setup_x86_default();
    setup.config = TSP_CFG_HLT_NOEXIT;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){own, 3};
    query(0x40000001, 0, (uint32_t[4]){0x80, 0, 0, 0});
    judge_with(spec_builtin());
    f = finding_of(spec_builtin(), "kvm:hv+0x1.eax[7]");
    assert_true(f == NULL || f->verdict != FAIL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(field_rules),
    cmocka_unit_test(hypervisor_leaves_move_with_their_base),
    cmocka_unit_test(dynamic_fields),
    cmocka_unit_test(dumps_are_judged_without_state),
    cmocka_unit_test(invariant_tsc_follows_its_control),
    cmocka_unit_test(tsx_follows_its_control),
    cmocka_unit_test(undescribed_leaf_is_a_gap),
    cmocka_unit_test(kvm_block_as_shipped),
    cmocka_unit_test(pv_unhalt_is_hidden_in_kvms_block_only),
    cmocka_unit_test(pv_unhalt_of_another_block_is_nobodys),
};

TEST_MAIN(tests)
