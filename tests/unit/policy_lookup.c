/* SPDX-License-Identifier: MIT */
/* Which entry of a policy answers; what out-of-range leaves and unknown sub-leaves get; the default
 * policies. */
#include "emu/policy/lookup.h"

#include "tests/test_main.h"

#define IDX TSP_LEAF_INDEXED

/* The value of each register names its leaf. The vendor text is put in by the tests. */
static struct tsp_leaf table[] = {
    {0x0, 0, 0, {0x5, 0, 0, 0}},
    {0x1, 0, 0, {0x101, 0x102, 0x103, 0x104}},
    {0x4, 0, IDX, {0x401, 0x402, 0x403, 0x404}},
    {0x4, 2, IDX, {0x421, 0x422, 0x423, 0x424}},
    {0x5, 0, IDX, {0x501, 0x502, 0x503, 0x504}},
    {0x5, 3, IDX, {0x531, 0x532, 0x533, 0x534}},
    {0xb, 0, IDX, {0xb01, 0xb02, 0xb03, 0xb04}},
    {0xb, 1, IDX, {0xb11, 0xb12, 0xb13, 0xb14}},
    {0x40000000, 0, 0, {0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d}},
    {0x40000001, 0, 0, {0x4001, 0x4002, 0x4003, 0x4004}},
    {0x40000100, 0, 0, {0x40000102, 1, 2, 3}},
    {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
    {0x80000008, 0, 0, {0x8001, 0x8002, 0x8003, 0x8004}},
};

static const struct tsp_policy policy = {table, sizeof(table) / sizeof(table[0])};

static void set_vendor(const char *text)
{
    uint32_t v[3];

    memcpy(v, text, sizeof(v));
    table[0].reg[1] = v[0];
    table[0].reg[3] = v[1];
    table[0].reg[2] = v[2];
}

struct row {
    const char *name;
    uint32_t leaf, sub;
    uint32_t intel[4], amd[4];
};

#define SAME(a, b, c, d)                                                                           \
    {a, b, c, d},                                                                                  \
    {                                                                                              \
        a, b, c, d                                                                                 \
    }
#define MAX_BASIC(sub0)                                                                            \
    {                                                                                              \
        0x5##sub0##1, 0x5##sub0##2, 0x5##sub0##3, 0x5##sub0##4                                     \
    }
#define NONE                                                                                       \
    {                                                                                              \
        0, 0, 0, 0                                                                                 \
    }

static const struct row rows[] = {
    {"plain, any sub-leaf", 1, 77, SAME(0x101, 0x102, 0x103, 0x104)},
    {"indexed, known", 4, 2, SAME(0x421, 0x422, 0x423, 0x424)},
    {"indexed, unknown sub-leaf", 4, 1, SAME(0, 0, 0, 0)},
    {"in range, not implemented", 3, 0, SAME(0, 0, 0, 0)},
    {"above basic", 6, 0, MAX_BASIC(0), NONE},
    {"above basic, original sub-leaf", 6, 3, MAX_BASIC(3), NONE},
    {"above basic, sub-leaf the highest leaf lacks", 6, 1, NONE, NONE},
    {"an entry above the maximum still answers", 0xb, 1, SAME(0xb11, 0xb12, 0xb13, 0xb14)},
    {"hypervisor, present", 0x40000001, 9, SAME(0x4001, 0x4002, 0x4003, 0x4004)},
    {"hypervisor, above its block's maximum", 0x40000002, 0, MAX_BASIC(0), NONE},
    {"hypervisor, in range of the second block", 0x40000101, 0, SAME(0, 0, 0, 0)},
    {"hypervisor, above the second block", 0x40000103, 3, MAX_BASIC(3), NONE},
    {"hypervisor, no such block", 0x40000200, 0, MAX_BASIC(0), NONE},
    {"end of the hypervisor class", 0x4fffffff, 0, MAX_BASIC(0), NONE},
    {"after it: basic class", 0x50000000, 0, MAX_BASIC(0), NONE},
    {"end of the basic class", 0x7fffffff, 0, MAX_BASIC(0), NONE},
    {"extended, in range", 0x80000007, 0, SAME(0, 0, 0, 0)},
    {"extended, above", 0x80000009, 0, MAX_BASIC(0), NONE},
    {"end of the extended class", 0xbfffffff, 0, MAX_BASIC(0), NONE},
    {"Centaur class, missing", 0xc0000000, 0, MAX_BASIC(0), NONE},
    {"last leaf", 0xffffffff, 0xffffffff, NONE, NONE},
};

static void check_rows(const char *vendor, bool amd)
{
    set_vendor(vendor);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint32_t *want = amd ? rows[i].amd : rows[i].intel;
        const struct tsp_leaf *e;
        uint32_t out[4];

        policy_answer(&policy, rows[i].leaf, rows[i].sub, out, &e);
        if (memcmp(out, want, sizeof(out)) != 0)
            fail_msg("%s, %s: got %x %x %x %x", vendor, rows[i].name, out[0], out[1], out[2],
                     out[3]);
    }
}

static void policy_redirects_for_intel_and_others(void **state)
{
    (void)state;
    check_rows("GenuntelineI", false); /* no vendor at all */
    check_rows("GenuineIntel", false);
    check_rows("CentaurHauls", false);
}

static void policy_answers_zero_for_amd_and_hygon(void **state)
{
    (void)state;
    check_rows("AuthenticAMD", true);
    check_rows("HygonGenuine", true);
}

static void policy_vendor_compares_all_twelve_bytes(void **state)
{
    static const struct {
        const char *text;
        enum tsp_vendor vendor;
    } texts[] = {
        {"GenuineIntel", TSP_VENDOR_INTEL}, {"GenuineIotel", TSP_VENDOR_OTHER},
        {"AuthenticAMD", TSP_VENDOR_AMD},   {"AuthenticAMd", TSP_VENDOR_OTHER},
        {"HygonGenuine", TSP_VENDOR_HYGON}, {"CentaurHauls", TSP_VENDOR_CENTAUR},
        {"AMDisbetter!", TSP_VENDOR_AMD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        set_vendor(texts[i].text);
        assert_int_equal(policy_vendor(&policy), texts[i].vendor);
    }
}

/* The sub-leaf number comes back in CL and EDX stays, even where nothing is described. */
static void policy_echoes_unknown_topology_subleaf(void **state)
{
    static const uint32_t want[4] = {0, 0, 0x34, 0xb14};
    const struct tsp_leaf *e = table;
    const uint32_t in[2] = {0xb, 0x1234};
    uint32_t out[4];

    (void)state;
    set_vendor("AuthenticAMD"); /* above the maximum, and not redirected */
    policy_answer(&policy, 0xb, 0x1234, out, &e);
    assert_memory_equal(out, want, sizeof(want));
    assert_null(e);
    policy_answer_as(&policy, in, POLICY_NO_ECHO, out, &e);
    assert_int_equal(out[2] | out[3], 0);
}

/* A request redirected to leaf 0xB gets that leaf's rule, with the sub-leaf as asked. */
static void policy_echoes_after_redirection(void **state)
{
    static const struct tsp_leaf short_table[] = {
        {0x0, 0, 0, {0xb, 0x756e6547, 0x6c65746e, 0x49656e69}},
        {0xb, 1, IDX, {1, 2, 3, 4}},
    };
    static const struct tsp_policy p = {short_table, 2};
    static const uint32_t want[4] = {0, 0, 0x21, 4};
    const struct tsp_leaf *e;
    uint32_t out[4];

    (void)state;
    policy_answer(&p, 0xc, 0x4321, out, &e);
    assert_memory_equal(out, want, sizeof(want));
}

static void policy_without_leaf_0_answers_zero(void **state)
{
    static const struct tsp_policy none = {NULL, 0};
    static const uint32_t zero[4];
    const struct tsp_leaf *e;
    uint32_t out[4] = {1, 1, 1, 1};

    (void)state;
    policy_answer(&none, 0, 0, out, &e);
    assert_memory_equal(out, zero, sizeof(zero));
    policy_answer(&none, 0x40000000, 5, out, &e);
    assert_memory_equal(out, zero, sizeof(zero));
    assert_null(e);
}

static void policy_hv_base_searches_blocks(void **state)
{
    (void)state;
    assert_int_equal(policy_hv_base(&policy, "KVMKVMKVM\0\0"), 0x40000000);
    assert_int_equal(policy_hv_base(&policy, "\1\0\0\0\2\0\0\0\3\0\0"), 0x40000100);
    assert_int_equal(policy_hv_base(&policy, "XenVMMXenVMM"), 0);
}

static const struct tsp_leaf *leaf(const struct tsp_policy *p, uint32_t l, uint32_t s)
{
    const struct tsp_leaf *e = policy_find(p, l, s);

    assert_non_null(e);
    return e;
}

static bool feature(const struct tsp_policy *p, uint32_t l, unsigned reg, unsigned bit)
{
    const struct tsp_leaf *e = policy_find(p, l, 0);

    return e != NULL && ((e->reg[reg] >> bit) & 1) != 0;
}

/* Feature, what it needs: register 0 to 3 is EAX to EDX. */
struct need {
    uint32_t leaf, reg, bit, on_leaf, on_reg, on_bit;
};

static const struct need needs[] = {
    {1, 2, 28, 1, 2, 26},                   /* AVX: XSAVE */
    {1, 2, 12, 1, 2, 28},                   /* FMA: AVX */
    {1, 2, 29, 1, 2, 28},                   /* F16C: AVX */
    {7, 1, 5, 1, 2, 28},                    /* AVX2: AVX */
    {7, 2, 3, 1, 2, 26},                    /* PKU: XSAVE */
    {1, 2, 21, 1, 3, 9},                    /* X2APIC: APIC */
    {1, 2, 24, 1, 3, 9},                    /* TSC deadline: APIC */
    {1, 2, 17, 0x80000001, 3, 29},          /* PCID: LM */
    {7, 1, 10, 1, 2, 17},                   /* INVPCID: PCID */
    {1, 2, 13, 0x80000001, 3, 29},          /* CX16: LM */
    {1, 2, 25, 1, 3, 26},                   /* AES: SSE2 */
    {1, 2, 20, 1, 2, 19},                   /* SSE4.2: SSE4.1 */
    {1, 2, 19, 1, 2, 9},                    /* SSE4.1: SSSE3 */
    {0x80000001, 3, 29, 0x80000001, 3, 20}, /* LM: NX */
};

static void check_default(enum tsp_vendor vendor)
{
    struct tsp_leaf e[TSP_MAX_LEAF];
    struct tsp_policy p = {e, policy_default(vendor, TSP_PERSONA_KVM, 0x40000000, e, TSP_MAX_LEAF)};

    assert_int_equal(policy_vendor(&p), vendor);
    assert_int_equal(leaf(&p, 0, 0)->reg[0], 0xd);
    assert_int_equal(leaf(&p, 0x80000000, 0)->reg[0], 0x80000008);
    assert_int_equal(leaf(&p, 0x40000000, 0)->reg[0], 0x40000001);
    assert_true(feature(&p, 1, 2, 31));
    assert_false(feature(&p, 1, 2, 27)); /* OSXSAVE follows CR4 */
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        const struct need *n = &needs[i];

        if (feature(&p, n->leaf, n->reg, n->bit))
            assert_true(feature(&p, n->on_leaf, n->on_reg, n->on_bit));
    }
}

static void policy_defaults_are_consistent(void **state)
{
    (void)state;
    for (unsigned v = 0; v < TSP_VENDOR_COUNT; v++)
        check_default((enum tsp_vendor)v);
}

/* XCR0's valid bits, their sub-leaves and the sizes belong together. */
static void policy_defaults_describe_their_xsave_area(void **state)
{
    (void)state;
    for (unsigned v = 0; v < TSP_VENDOR_COUNT; v++) {
        struct tsp_leaf e[TSP_MAX_LEAF];
        struct tsp_policy p = {
            e, policy_default((enum tsp_vendor)v, TSP_PERSONA_NONE, 0, e, TSP_MAX_LEAF)};
        uint32_t valid = leaf(&p, 0xd, 0)->reg[0], size = 0x240;

        for (uint32_t bit = 2; bit < 32; bit++) {
            const struct tsp_leaf *part = policy_find(&p, 0xd, bit);

            assert_int_equal((valid >> bit) & 1, part != NULL);
            if (part != NULL && part->reg[0] + part->reg[1] > size)
                size = part->reg[0] + part->reg[1];
        }
        assert_int_equal(leaf(&p, 0xd, 0)->reg[2], size);
        assert_int_equal((valid >> 9) & 1, feature(&p, 7, 2, 3));
        assert_false(feature(&p, 1, 2, 31));
    }
}

static void policy_default_stops_at_max(void **state)
{
    struct tsp_leaf e[TSP_MAX_LEAF];
    size_t all = policy_default(TSP_VENDOR_INTEL, TSP_PERSONA_KVM, 0x40000100, e, TSP_MAX_LEAF);

    (void)state;
    assert_int_equal(e[all - 1].leaf, 0x40000101);
    for (size_t max = 0; max <= all; max++) {
        memset(e, 0xa5, sizeof(e));
        assert_int_equal(policy_default(TSP_VENDOR_INTEL, TSP_PERSONA_KVM, 0x40000100, e, max),
                         max);
        assert_int_equal(e[max].leaf, 0xa5a5a5a5);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(policy_redirects_for_intel_and_others),
    cmocka_unit_test(policy_answers_zero_for_amd_and_hygon),
    cmocka_unit_test(policy_vendor_compares_all_twelve_bytes),
    cmocka_unit_test(policy_echoes_unknown_topology_subleaf),
    cmocka_unit_test(policy_echoes_after_redirection),
    cmocka_unit_test(policy_without_leaf_0_answers_zero),
    cmocka_unit_test(policy_hv_base_searches_blocks),
    cmocka_unit_test(policy_defaults_are_consistent),
    cmocka_unit_test(policy_defaults_describe_their_xsave_area),
    cmocka_unit_test(policy_default_stops_at_max),
};

TEST_MAIN(tests)
