/* SPDX-License-Identifier: MIT */
/*
 * Whose machine it is. Where a set-up shows the leaves of two hypervisors, one of them runs the
 * guest, and only what that one changes in a CPUID answer may differ from the table: KVM hides
 * PV_UNHALT where HLT does not exit and the invariant TSC until its guest asked for it, Xen puts
 * the vCPU's number into its own leaf 4. What the other one would do says nothing.
 */
#include "tests/spec/fixture.h"

#define L64 TSP_MODE_LONG64

enum { NONE = TSP_PERSONA_NONE, KVM = TSP_PERSONA_KVM, XEN = TSP_PERSONA_XEN };
enum { HYPERV = TSP_PERSONA_HYPERV };
enum { PASS = VERDICT_PASS, FAIL = VERDICT_FAIL };

static enum verdict ask(uint32_t leaf, const uint32_t reg[4], unsigned vcpu, enum verdict want)
{
    struct tsp_event *ev;
    enum verdict v;

    trace.n = 0;
    ev = add_event(TSP_EV_CPUID, L64, "\x0f\xa2", 2);
    ev->vcpu = (uint16_t)vcpu;
    ev->before.r[TSP_RAX] = leaf;
    ev->before.r[TSP_RCX] = 0;
    for (unsigned i = 0; i < 4; i++)
        ev->after.r[i == 1 ? TSP_RBX : i == 2 ? TSP_RCX : i == 3 ? TSP_RDX : TSP_RAX] = reg[i];
    v = judge_with(spec_builtin());
    if (v != want)
        print_error("%u+%u: %s\n", setup.persona[0], setup.persona[1], found_text(spec_builtin()));
    return v;
}

static void use(const struct tsp_leaf *leaf, size_t n, unsigned first, unsigned second)
{
    setup_x86_default();
    setup.nvcpu = 4;
    setup.persona[0] = (uint8_t)first;
    setup.persona[1] = (uint8_t)second;
    setup.hv_base[0] = setup.hv_base[1] = 0x40000000u;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){leaf, n};
}

/* Offered by Hyper-V's face and not asked for. */
static void invariant_tsc_is_hidden_by_who_runs_the_machine(void **state)
{
    static const struct tsp_leaf leaf[] = {
        {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
        {0x40000000, 0, 0, {0x40000005, 0x7263694d, 0x666f736f, 0x76482074}},
        {0x40000001, 0, 0, {0x31237648, 0, 0, 0}},
        {0x40000003, 0, 0, {0x8000, 0, 0, 0}},
        {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
        {0x80000007, 0, 0, {0, 0, 0, 0x100}},
    };
    static const struct {
        unsigned first, second, shown, hidden;
    } row[] = {
        {KVM, NONE, FAIL, PASS},    {KVM, HYPERV, FAIL, PASS}, {HYPERV, KVM, FAIL, PASS},
        {KVM, XEN, FAIL, PASS},     {XEN, NONE, PASS, FAIL},   {XEN, KVM, PASS, FAIL},
        {XEN, HYPERV, PASS, FAIL},  {NONE, XEN, PASS, FAIL},   {NONE, KVM, FAIL, PASS},
        {HYPERV, NONE, PASS, PASS}, {NONE, NONE, PASS, FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        use(leaf, 6, row[i].first, row[i].second);
        assert_int_equal(ask(0x80000007, (uint32_t[4]){0, 0, 0, 0x100}, 0, row[i].shown),
                         row[i].shown);
        assert_int_equal(ask(0x80000007, (uint32_t[4]){0, 0, 0, 0}, 0, row[i].hidden),
                         row[i].hidden);
    }
}

static void unhalt_is_hidden_by_kvm_alone(void **state)
{
    static const struct tsp_leaf leaf[] = {
        {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
        {0x40000000, 0, 0, {0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d}},
        {0x40000001, 0, 0, {0x80, 0, 0, 0}},
    };
    static const struct {
        unsigned first, second, shown, hidden;
    } row[] = {
        {KVM, NONE, FAIL, PASS}, {KVM, HYPERV, FAIL, PASS}, {KVM, XEN, FAIL, PASS},
        {XEN, KVM, PASS, FAIL},  {NONE, KVM, FAIL, PASS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        use(leaf, 3, row[i].first, row[i].second);
        setup.hv_base[row[i].first == KVM ? 1 : 0] = 0x40000100u;
        setup.config = TSP_CFG_HLT_NOEXIT;
        assert_int_equal(ask(0x40000001, (uint32_t[4]){0x80, 0, 0, 0}, 0, row[i].shown),
                         row[i].shown);
        assert_int_equal(ask(0x40000001, (uint32_t[4]){0, 0, 0, 0}, 0, row[i].hidden),
                         row[i].hidden);
    }
}

/* The table holds 2. Xen's own answer is the vCPU that asks; another hypervisor has one table for
 * all of them, and one that speaks Xen's interface may fill it in as Xen does. */
static void the_vcpus_number_is_xens_to_fill_in(void **state)
{
    static const struct {
        unsigned first, second;
        uint32_t signature, present;
        unsigned asked, told, want;
    } row[] = {
        {XEN, NONE, 0x566e6558, 8, 3, 3, PASS}, {XEN, NONE, 0x566e6558, 8, 3, 2, FAIL},
        {XEN, NONE, 0x566e6558, 8, 3, 0, FAIL}, {XEN, KVM, 0x566e6558, 8, 1, 2, FAIL},
        {NONE, XEN, 0x566e6558, 8, 1, 1, PASS}, {NONE, XEN, 0x566e6558, 8, 1, 2, FAIL},
        {XEN, NONE, 0x566e6558, 0, 3, 2, PASS}, {XEN, NONE, 0x566e6558, 0, 3, 3, FAIL},
        {KVM, XEN, 0x566e6558, 8, 3, 2, PASS},  {KVM, XEN, 0x566e6558, 8, 3, 3, PASS},
        {KVM, XEN, 0x566e6558, 8, 3, 1, FAIL},  {XEN, NONE, 0x566e6559, 8, 3, 2, PASS},
        {XEN, NONE, 0x566e6559, 8, 3, 1, FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct tsp_leaf leaf[] = {
            {0x0, 0, 0, {0xd, 0x756e6547u, 0x6c65746eu, 0x49656e69u}},
            {0x40000000, 0, 0, {0x40000005, row[i].signature, 0x65584d4d, 0x4d4d566e}},
            {0x40000004, 0, TSP_LEAF_INDEXED, {row[i].present, 2, 0, 0}},
        };

        use(leaf, 3, row[i].first, row[i].second);
        setup.hv_base[row[i].first == XEN ? 1 : 0] = 0x40000100u;
        assert_int_equal(ask(0x40000004, (uint32_t[4]){row[i].present, row[i].told, 0, 0},
                             row[i].asked, row[i].want),
                         row[i].want);
    }
}

static bool target_is_wrong(void)
{
    for (unsigned i = 0; i < found.n; i++)
        if (found.f[i].verdict == VERDICT_FAIL && found.f[i].subject == SUBJECT_TARGET)
            return true;
    return false;
}

/* One table for all holds the id of the first: whether a hypervisor fills in those of the others is
 * open, and what it kept is the table's fault. */
static void ids_of_the_table_are_its_own(void **state)
{
    static const struct {
        uint32_t leaf, threads, topoext;
        unsigned vcpu;
    } row[] = {
        {0x1f, 2, 0, 1},       {0x1f, 2, 0, 0},
        {0x1f, 0, 0, 1},       {0xb, 2, 0, 1},
        {0xb, 0, 0, 1},        {0x80000026, 2, 0, 1},
        {0x80000026, 0, 0, 1}, {0x8000001e, 0, 1 << 22, 1},
        {0x8000001e, 2, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const uint32_t flags = row[i].leaf == 0x8000001e ? 0 : TSP_LEAF_INDEXED;
        struct tsp_leaf leaf[] = {
            {0x0, 0, 0, {0x1f, 0x68747541, 0x444d4163, 0x69746e65}},
            {0x80000000, 0, 0, {0x80000026, 0x68747541, 0x444d4163, 0x69746e65}},
            {0x80000001, 0, 0, {0, 0, row[i].topoext, 0}},
            {row[i].leaf, 0, flags, {0, row[i].threads, 0x100, 7}},
        };
        uint32_t reg[4] = {0, row[i].threads, 0x100, 7};

        if (row[i].leaf == 0x8000001e)
            leaf[3].reg[0] = reg[0] = 7;
        use(leaf, 4, KVM, NONE);
        setup.vcpu[0].x86.apic_id = 7;
        setup.vcpu[1].x86.apic_id = 9;
        ask(row[i].leaf, reg, row[i].vcpu, row[i].vcpu ? VERDICT_FAIL : VERDICT_PASS);
        assert_false(target_is_wrong());
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(invariant_tsc_is_hidden_by_who_runs_the_machine),
    cmocka_unit_test(unhalt_is_hidden_by_kvm_alone),
    cmocka_unit_test(the_vcpus_number_is_xens_to_fill_in),
    cmocka_unit_test(ids_of_the_table_are_its_own),
};

TEST_MAIN(tests)
