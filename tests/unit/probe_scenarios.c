/* SPDX-License-Identifier: MIT */
/* Probe scenarios: bounded, the same each time, each of them one that its file form gives back, and
 * spread out. */
#include "tests/unit/fake_spec.h"

#include "fuzz/run/run.h"

#include "tests/test_main.h"

static const struct spec_rule rules[] = {
    {.id = "A", .when = "0x99 - eax[31:0]"},
    {.id = "B", .when = "0x98 3 ebx[4]"},
    {.id = "C", .when = "0x97 2..9 ecx[7:0]"},
    {.id = "D", .when = "0x96 5.. ecx[7:0]"},
    {.id = "E", .when = "hv+0x42 - eax[31:0]"},
    {.id = "F", .when = "event=hypercall fid=0xc6001234 el=1"},
    {.id = "G", .when = "insn=vmmcall"},
};
static const struct spec spec = {.rule = rules, .n = sizeof(rules) / sizeof(rules[0])};

struct count {
    unsigned n, max;
    uint64_t hash;
    unsigned mode[TSP_MODE_COUNT], level[4], patch[TSP_PATCH_COUNT], host[TSP_VENDOR_COUNT];
    unsigned asked[8];
    unsigned bad;
};

static void tally(struct count *c, const struct scenario *s)
{
    c->mode[s->mode]++;
    c->level[s->level]++;
    c->patch[s->patch]++;
    c->host[s->host]++;
    c->asked[0] += s->regs[TSP_RAX] == 0x99 && s->regs[TSP_RCX] == 0xffffffff;
    c->asked[1] += s->regs[TSP_RAX] == 0x98 && s->regs[TSP_RCX] == 4;
    c->asked[2] += s->regs[TSP_RAX] == 0x97 && s->regs[TSP_RCX] == 10;
    c->asked[3] += s->regs[TSP_RAX] == 0x96 && s->regs[TSP_RCX] == 7;
    c->asked[4] += s->regs[TSP_RAX] == 0x40000042;
    c->asked[5] += s->regs[0] == 0xc6001234;
}

/* Assigning a struct need not copy what lies between its fields: it is cleared before comparing. */
static void clear_gaps(struct scenario *s)
{
    for (unsigned i = 0; i < TSP_MAX_MSR; i++) {
        struct tsp_msr m = s->msr[i];

        memset(&s->msr[i], 0, sizeof(s->msr[i]));
        s->msr[i].index = m.index;
        s->msr[i].value = m.value;
    }
}

static bool look(void *ctx, const struct scenario *s)
{
    static struct scenario back, given;
    static uint8_t buf[INPUT_BYTES_MAX], again[INPUT_BYTES_MAX];
    struct count *c = ctx;
    size_t n = input_write(s, buf, sizeof(buf)), m = 0;

    if (n) {
        input_parse(buf, n, &back);
        m = input_write(&back, again, sizeof(again));
    }
    memcpy(&given, s, sizeof(given));
    clear_gaps(&given);
    clear_gaps(&back);
    if (n == 0 || n != m || memcmp(buf, again, n) != 0 || memcmp(&back, &given, sizeof(back)) != 0)
        c->bad++;
    for (size_t i = 0; i < n; i++)
        c->hash = (c->hash ^ buf[i]) * 0x100000001b3ull;
    tally(c, s);
    return ++c->n != c->max;
}

static void probe_x86_is_bounded_and_wide(void **state)
{
    static struct count c;

    (void)state;
    probe_each(&spec, TSP_ARCH_X86, look, &c);
    assert_in_range(c.n, 3000, 60000);
    for (unsigned m = TSP_MODE_REAL16; m <= TSP_MODE_LONG64; m++)
        assert_true(c.mode[m] > 50);
    for (unsigned i = 0; i < 5; i++)
        assert_true(c.asked[i] > 0);
    for (unsigned i = 0; i < TSP_PATCH_COUNT; i++)
        assert_true(c.patch[i] > 500);
    assert_true(c.host[TSP_VENDOR_INTEL] > 1000 && c.host[TSP_VENDOR_AMD] > 1000);
    assert_true(c.level[0] > 1000 && c.level[3] > 1000);
}

static void probe_arm64_is_bounded_and_wide(void **state)
{
    static struct count c;

    (void)state;
    probe_each(&spec, TSP_ARCH_ARM64, look, &c);
    assert_in_range(c.n, 1000, 12000);
    assert_in_range(c.mode[TSP_MODE_A64], c.n / 2, c.n);
    assert_true(c.mode[TSP_MODE_A32] > 500 && c.mode[TSP_MODE_T32] > 500);
    assert_true(c.asked[5] > 0);
    assert_true(c.level[0] > 50 && c.level[1] > 1000);
}

static void probe_scenarios_survive_their_file_form(void **state)
{
    static struct count c[2];

    (void)state;
    probe_each(&spec, TSP_ARCH_X86, look, &c[0]);
    probe_each(&spec, TSP_ARCH_ARM64, look, &c[1]);
    assert_int_equal(c[0].bad, 0);
    assert_int_equal(c[1].bad, 0);
}

static void probe_is_the_same_every_time(void **state)
{
    static struct count a[2], b[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        probe_each(&spec, (enum tsp_arch)i, look, &a[i]);
        probe_each(&spec, (enum tsp_arch)i, look, &b[i]);
        assert_true(a[i].hash == b[i].hash && a[i].n == b[i].n);
    }
}

static void probe_stops_when_told(void **state)
{
    static const unsigned max[] = {1, 2, 777, 2500};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct count c = {.max = max[i / 2]};

        probe_each(&spec, (enum tsp_arch)(i & 1), look, &c);
        assert_int_equal(c.n, max[i / 2]);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(probe_x86_is_bounded_and_wide),
    cmocka_unit_test(probe_arm64_is_bounded_and_wide),
    cmocka_unit_test(probe_scenarios_survive_their_file_form),
    cmocka_unit_test(probe_is_the_same_every_time),
    cmocka_unit_test(probe_stops_when_told),
};

TEST_MAIN(tests)
