/* SPDX-License-Identifier: MIT */
/* depends.csv: what its reader refuses, and when a row holds. */
#include "tests/spec/fixture.h"

#include <stdlib.h>

#define SOURCES "doc, A document, 1, all, public\n"

static struct build *b;
static struct tsp_error err;

static bool read_rows(const char *rows)
{
    err = (struct tsp_error){0};
    free(b);
    b = build_open();
    assert_non_null(b);
    assert_true(build_table(b, "sources", SOURCES, sizeof(SOURCES) - 1, &err));
    return build_table(b, "depends", rows, strlen(rows), &err) && build_finish(b, &err);
}

static void reader_refuses_what_it_cannot_use(void **state)
{
    static const struct {
        const char *rows, *reason;
        unsigned line;
    } bad[] = {
        {"AVX-X, any, 0x1.-.ecx[28], 0x1.-.ecx[26], doc\n", "columns", 1},
        {"A, any, 0x1.-.ecx[28], 0x1.-.ecx[26], doc, x\n", "bad rule id", 1},
        {"DEP-A, some, 0x1.-.ecx[28], 0x1.-.ecx[26], doc, x\n", "unknown vendor", 1},
        {"DEP-A, any, 0x1.ecx[28], 0x1.-.ecx[26], doc, x\n", "bad term", 1},
        {"DEP-A, any, , 0x1.-.ecx[26], doc, x\n", "no term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], , doc, x\n", "no term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[32], doc, x\n", "bad term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[26]>=, doc, x\n", "bad term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 7>=0x1.-.ecx[26], doc, x\n", "bad term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[26]+0x1.-.ecx[27], doc, x\n", "bad term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[26]>=0x100000000, doc, x\n", "bad term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[26]>=0x1.-.ecx[27]+0x1x, doc, x\n", "bad term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[26]+1>=2, doc, x\n", "bad term", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[26], nodoc, x\n", "unknown source", 1},
        {"DEP-A, any, 0x1.-.ecx[28], 0x1.-.ecx[26], doc, x\n"
         "DEP-A, any, 0x1.-.ecx[29], 0x1.-.ecx[26], doc, x\n",
         "used twice", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (read_rows(bad[i].rows) || !strstr(err.text, bad[i].reason) || err.line != bad[i].line)
            fail_msg("%s: %u: %s", bad[i].rows, err.line, err.text);
    }
}

/* 0 to 3 stand for four bits of leaf 1's ECX. */
static void reader_refuses_cycles_and_takes_diamonds(void **state)
{
    static const struct {
        const char *rows;
        bool fine;
    } cases[] = {
        /* a needs itself */
        {"D-A, any, 0x1.-.ecx[0], 0x1.-.ecx[0], doc, x\n", false},
        /* a -> b -> a */
        {"D-A, any, 0x1.-.ecx[0], 0x1.-.ecx[1], doc, x\nD-B, any, 0x1.-.ecx[1], 0x1.-.ecx[0], doc, "
         "x\n",
         false},
        /* a -> b -> c -> a, through an alternative and a condition */
        {"D-A, any, 0x1.-.ecx[0] 0x1.-.ecx[9], 0x1.-.ecx[1], doc, x\n"
         "D-B, any, 0x1.-.ecx[1], 0x1.-.ecx[5]|0x1.-.ecx[2], doc, x\n"
         "D-C, intel, 0x1.-.ecx[2], 0x1.-.ecx[0], doc, x\n",
         false},
        /* the same, of two vendors */
        {"D-A, amd, 0x1.-.ecx[0], 0x1.-.ecx[1], doc, x\n"
         "D-C, intel, 0x1.-.ecx[1], 0x1.-.ecx[0], doc, x\n",
         true},
        /* a -> b -> d, a -> c -> d */
        {"D-AB, any, 0x1.-.ecx[0], 0x1.-.ecx[1], doc, x\n"
         "D-AC, any, 0x1.-.ecx[0], 0x1.-.ecx[2], doc, x\n"
         "D-BD, any, 0x1.-.ecx[1], 0x1.-.ecx[3], doc, x\n"
         "D-CD, any, 0x1.-.ecx[2], 0x1.-.ecx[3], doc, x\n",
         true},
        /* going together is no need, nor is a comparison */
        {"D-A, any, 0x1.-.ecx[0], 0x1.-.ecx[1], doc, x\n"
         "D-B, any, 0x1.-.ecx[1], ~0x1.-.ecx[0], doc, x\n"
         "D-C, any, 0x1.-.ecx[1], 0x1.-.ecx[0]=1, doc, x\n",
         true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_rows(cases[i].rows) != cases[i].fine)
            fail_msg("case %zu: %s", i, err.text);
        if (!cases[i].fine)
            assert_non_null(strstr(err.text, "needs itself"));
    }
}

/* Leaf 1 of a machine; other leaves are unknown. */
static uint32_t leaf1[4], known1[4];
static unsigned nfound;
static struct spec_place place;
static char expected1[96];

static bool field1(void *ctx, uint32_t leaf, uint32_t sub, unsigned reg, uint32_t out[2])
{
    (void)ctx;
    (void)sub;
    out[0] = leaf1[reg];
    out[1] = known1[reg];
    return leaf == 1;
}

static void found1(void *ctx, unsigned rule, const struct spec_place *at, const char *expected)
{
    (void)ctx;
    assert_true(rule < spec_rule_count(&b->spec));
    nfound++;
    place = *at;
    snprintf(expected1, sizeof(expected1), "%s", expected);
}

static const struct {
    const char *when, *must;
    uint32_t eax, known;
    const char *expected; /* NULL: holds */
    uint8_t hi, lo;
    uint32_t value;
} cases[] = {
    {"0x1.-.eax[0]", "0x1.-.eax[1]", 0x1, ~0u, "0 without 0x1.-.eax[1]", 0, 0, 1},
    {"0x1.-.eax[0]", "0x1.-.eax[1]", 0x3, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[1]", 0x2, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[1]", 0x1, 0x1, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[1]", 0x1, 0x2, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[1]|0x1.-.eax[2]", 0x5, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[1]|0x1.-.eax[2]", 0x9, ~0u, "0 without 0x1.-.eax[1]|0x1.-.eax[2]",
     0, 0, 1},
    {"0x1.-.eax[0] !0x1.-.eax[4]", "0x1.-.eax[1]", 0x11, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0] !0x1.-.eax[4]", "0x1.-.eax[1]", 0x1, ~0u, "0 without 0x1.-.eax[1]", 0, 0, 1},
    {"0x1.-.eax[0]", "!0x1.-.eax[1]", 0x3, ~0u, "0 with 0x1.-.eax[1]", 0, 0, 1},
    {"0x1.-.eax[0]", "~0x1.-.eax[1]", 0x1, ~0u, "0 without 0x1.-.eax[1]", 0, 0, 1},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]>=0x14", 0x1301, ~0u, "at least 0x14", 15, 8, 0x13},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]>=0x14", 0x1401, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]<=0x14", 0x1501, ~0u, "at most 0x14", 15, 8, 0x15},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]<0x14", 0x1401, ~0u, "less than 0x14", 15, 8, 0x14},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]>20", 0x1401, ~0u, "more than 0x14", 15, 8, 0x14},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]!=0x14", 0x1401, ~0u, "anything but 0x14", 15, 8, 0x14},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]=0x1.-.eax[23:16]", 0x151401, ~0u, "0x1.-.eax[23:16] (0x15)",
     15, 8, 0x14},
    {"0x1.-.eax[0]", "0x1.-.eax[31:24]>=0x1.-.eax[15:8]+0x1.-.eax[23:16]", 0x05030301, ~0u,
     "at least 0x1.-.eax[15:8]+0x1.-.eax[23:16] (0x6)", 31, 24, 5},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]=0x1.-.eax[23:16]+1", 0x131401, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]=0x1.-.eax[23:16]+1", 0x141401, ~0u,
     "0x1.-.eax[23:16]+1 (0x15)", 15, 8, 0x14},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]=0x1.-.eax[23:16]-1", 0x151401, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]=0x1.-.eax[23:16]-1", 0x141401, ~0u,
     "0x1.-.eax[23:16]-1 (0x13)", 15, 8, 0x14},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]=0x20|0x1.-.eax[15:8]=0x40", 0x1401, ~0u, "0x20 or 0x40", 15,
     8, 0x14},
    {"0x1.-.eax[0]", "0x1.-.eax[15:8]=0x20|0x1.-.eax[15:8]=0x40", 0x4001, ~0u, NULL, 0, 0, 0},
    {"0x1.-.eax[0]", "0x2.-.eax[0]", 0x1, ~0u, NULL, 0, 0, 0},
    {"0x2.-.eax[0]", "0x1.-.eax[1]", 0x1, ~0u, NULL, 0, 0, 0},
};

static void rows_hold_or_name_the_place(void **state)
{
    struct spec_view view = {.vendor = TSP_VENDOR_INTEL, .field = field1, .found = found1};
    char row[300];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(row, sizeof(row), "D-ROW, intel, %s, %s, doc, x\n", cases[i].when, cases[i].must);
        assert_true(read_rows(row));
        leaf1[0] = cases[i].eax;
        known1[0] = cases[i].known;
        nfound = 0;
        if (spec_check_depends(&b->spec, &view) != (cases[i].expected != NULL))
            fail_msg("%s", row);
        if (!cases[i].expected)
            continue;
        assert_int_equal(nfound, 1);
        assert_string_equal(expected1, cases[i].expected);
        assert_int_equal(place.hi, cases[i].hi);
        assert_int_equal(place.lo, cases[i].lo);
        assert_int_equal(place.value, cases[i].value);
        view.vendor = TSP_VENDOR_AMD;
        assert_int_equal(spec_check_depends(&b->spec, &view), 0);
        view.vendor = TSP_VENDOR_INTEL;
    }
}

/* An edge is one bit that needs one bit. */
static void edges_are_told(void **state)
{
    const struct spec *s = spec_builtin();
    struct spec_place from, to;
    uint32_t who;
    unsigned rule, n = 0;
    bool avx = false;

    (void)state;
    for (; spec_edge_at(s, n, &from, &to, &who, &rule); n++) {
        assert_int_equal(from.hi, from.lo);
        assert_int_equal(to.hi, to.lo);
        assert_true(who != 0 && rule < spec_rule_count(s));
        avx = avx || (from.leaf == 1 && from.reg == 2 && from.lo == 28 && to.leaf == 1 &&
                      to.reg == 2 && to.lo == 26);
    }
    assert_true(n > 60);
    assert_true(avx);
}

static const uint32_t vendor_text[TSP_VENDOR_COUNT][3] = {{0x756e6547, 0x6c65746e, 0x49656e69},
                                                          {0x68747541, 0x444d4163, 0x69746e65},
                                                          {0x6f677948, 0x656e6975, 0x6e65476e},
                                                          {0x746e6543, 0x736c7561, 0x48727561},
                                                          {0x656c6152, 0x6567656e, 0x73656e6e}};

/* One CPUID of a leaf that the policy holds, all bits set; true when nothing cited covers it. */
static bool is_gap(unsigned vendor, uint32_t leaf, uint32_t sub)
{
    static const uint8_t order[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    const uint32_t *text = vendor_text[vendor];
    struct tsp_leaf policy[2] = {
        {.reg = {0x28, text[0], text[1], text[2]}},
        {.leaf = leaf, .subleaf = sub, .flags = TSP_LEAF_INDEXED, .reg = {~0u, ~0u, ~0u, ~0u}}};
    struct tsp_event *ev = &trace.ev[0];

    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_NONE;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){policy, leaf == 0 ? 1 : 2};
    *ev = (struct tsp_event){.kind = TSP_EV_CPUID, .len = 2};
    memcpy(ev->fetched, "\x0f\xa2", 2);
    memcpy(ev->stored, "\x0f\xa2", 2);
    ev->before.mode = ev->after.mode = TSP_MODE_LONG64;
    ev->before.r[TSP_RAX] = leaf;
    ev->before.r[TSP_RCX] = sub;
    ev->after.pc = 2;
    for (unsigned r = 0; r < 4; r++)
        ev->after.r[order[r]] = policy[leaf != 0].reg[r];
    trace.n = 1;
    judge_caps(spec_builtin(), TSP_CAP_X86);
    for (unsigned i = 0; i < found.n; i++)
        if (found.f[i].verdict == VERDICT_GAP)
            return true;
    return false;
}

/* Every leaf of every class that any vendor has, for every vendor. */
static void no_leaf_of_any_vendor_is_a_gap(void **state)
{
    static const struct {
        uint32_t first, last;
    } classes[] = {{0x0, 0x28},
                   {0x20000000, 0x20000000},
                   {0x80000000, 0x80000028},
                   {0x80860000, 0x80860007},
                   {0xc0000000, 0xc0000006}};
    static const uint32_t subs[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 19, 62, 63, 255, 0xffffffff};
    const size_t nclass = sizeof(classes) / sizeof(classes[0]);
    const size_t nsub = sizeof(subs) / sizeof(subs[0]);
    unsigned gaps = 0;

    (void)state;
    assert_int_equal(spec_gap_count(spec_builtin()), 0);
    for (size_t i = 0; i < TSP_VENDOR_COUNT * nclass * nsub; i++) {
        unsigned vendor = (unsigned)(i % TSP_VENDOR_COUNT);
        size_t class = i / TSP_VENDOR_COUNT % nclass, sub = i / TSP_VENDOR_COUNT / nclass;

        for (uint32_t leaf = classes[class].first; leaf <= classes[class].last; leaf++) {
            if (!is_gap(vendor, leaf, subs[sub]))
                continue;
            print_error("vendor %u leaf 0x%x sub-leaf 0x%x is a gap\n", vendor, leaf, subs[sub]);
            gaps++;
        }
    }
    assert_int_equal(gaps, 0);
    /* and a leaf beyond them would be one */
    assert_true(is_gap(TSP_VENDOR_INTEL, 0x29, 0));
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test(reader_refuses_what_it_cannot_use),
    cmocka_unit_test(reader_refuses_cycles_and_takes_diamonds),
    cmocka_unit_test(rows_hold_or_name_the_place),
    cmocka_unit_test(edges_are_told),
    cmocka_unit_test(no_leaf_of_any_vendor_is_a_gap),
};

TEST_MAIN(tests)
