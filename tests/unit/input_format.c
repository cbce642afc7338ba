/* SPDX-License-Identifier: MIT */
/* The binary form: total, bounded, and the same scenario again after writing and reading. */
#include "tests/test_main.h"

#include "tests/unit/input_random.h"
#include "trapspec/bits.h"

#define ROUNDS 20000

static uint8_t bytes[INPUT_BYTES_MAX], again[INPUT_BYTES_MAX];
static struct scenario first, second;

static void empty_input_is_the_default(void **state)
{
    (void)state;
    input_default(&first, TSP_ARCH_X86);
    input_parse(NULL, 0, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    assert_int_equal(second.mode, TSP_MODE_LONG64);
    assert_int_equal(second.ncode[0], 3);
    assert_memory_equal(second.code[0], "\x0f\xa2\xf4", 3);
    bytes[0] = INPUT_VERSION;
    bytes[1] = TSP_ARCH_ARM64;
    input_parse(bytes, 2, &second);
    input_default(&first, TSP_ARCH_ARM64);
    assert_memory_equal(&first, &second, sizeof(first));
}

static void any_bytes_parse_write_and_parse_to_the_same(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t n = random_input(bytes, sizeof(bytes), &seed), m;

        input_parse(bytes, n, &first);
        m = input_write(&first, again, sizeof(again));
        assert_true(m >= 2 && m <= INPUT_BYTES_MAX);
        input_parse(again, m, &second);
        assert_memory_equal(&first, &second, sizeof(first));
    }
}

static void folding_twice_changes_nothing(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t *p = (uint8_t *)&first;

        /* Every field wild, the list lengths included. */
        for (size_t k = 0; k < sizeof(first); k += 8)
            le_store(p + k, random_next(&seed), 8);
        input_fold(&first);
        memcpy(&second, &first, sizeof(first));
        input_fold(&second);
        assert_memory_equal(&first, &second, sizeof(first));
        assert_true(first.ncode[0] > 0 && first.ncode[0] <= INPUT_CODE_MAX);
        assert_true(first.mode < TSP_MODE_COUNT && first.nvcpu >= 1 &&
                    first.nvcpu <= (first.protocol == TSP_PROTOCOL_NONE ? 2 : TSP_MAX_VCPU));
    }
}

static void fields_stay_in_their_ranges(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct scenario *s = &first;

        input_parse(bytes, random_input(bytes, sizeof(bytes), &seed), &first);
        if (s->arch == TSP_ARCH_ARM64) {
            assert_int_equal(s->mode, TSP_MODE_A64);
            assert_true(s->level <= 1 && s->nleaf == 0 && s->nmsr == 0);
            continue;
        }
        assert_true(s->level == 0 || s->level == 3);
        assert_true(s->mode <= TSP_MODE_LONG64);
        assert_true(s->code_at >= s->cs_base);
        assert_true(s->mode != TSP_MODE_LONG64 || s->cs_base == 0);
        assert_true(s->xcr0 & 1);
        assert_int_equal(s->flags & 0x20000, 0);
        assert_int_equal(s->hv_base[0] & 0xffff00ff, 0x40000000);
    }
}

static void longest_scenario_fits(void **state)
{
    size_t n;

    (void)state;
    input_default(&first, TSP_ARCH_X86);
    first.nvcpu = 2;
    first.mode = TSP_MODE_VM86;
    first.config = TSP_CFG_IRQCHIP;
    first.nmsr = TSP_MAX_MSR;
    first.regs_set = 0xffff;
    first.flags = 0x100;
    first.xcr0 = 7;
    first.hv_base[0] = 0x40000200;
    first.nleaf = INPUT_LEAF_MAX;
    for (unsigned i = 0; i < INPUT_LEAF_MAX; i++)
        first.leaf[i].leaf = i;
    for (unsigned i = 0; i < 2; i++) {
        first.ncode[i] = INPUT_CODE_MAX;
        memset(first.code[i], 0x90, INPUT_CODE_MAX);
    }
    first.nsched = INPUT_SCHED_MAX;
    input_fold(&first);
    n = input_write(&first, bytes, sizeof(bytes));
    assert_true(n > 4000);
    input_parse(bytes, n, &second);
    assert_memory_equal(&first, &second, sizeof(first));
    /* Too small a buffer is refused, never overrun. */
    for (size_t max = 0; max < n; max += 97)
        assert_int_equal(input_write(&first, bytes, max), 0);
}

static void short_and_unknown_records_are_survived(void **state)
{
    static const struct {
        const char *what;
        uint64_t n;
        uint8_t byte[16];
        uint64_t rax, ncode;
    } rows[] = {
        {"register with a short value", 7, {1, 0, 8, 3, 0, 0x34, 0x12}, 0x1234, 3},
        {"length past the end", 7, {1, 0, 8, 200, 0, 0x34, 0x12}, 0x1234, 3},
        {"unknown kind", 8, {1, 0, 99, 4, 1, 2, 3, 4}, 0, 3},
        {"a kind byte alone", 3, {1, 0, 8}, 0, 3},
        {"code in two records", 9, {1, 0, 11, 1, 0x90, 11, 2, 0xf4, 0xf4}, 0, 3},
        {"code of no bytes", 4, {1, 0, 11, 0}, 0, 3},
        {"another version", 7, {200, 0, 8, 3, 0, 0x34, 0x12}, 0x1234, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        input_parse(rows[i].byte, rows[i].n, &first);
        if (first.regs[0] != rows[i].rax || first.ncode[0] != rows[i].ncode)
            fail_msg("%s: rax 0x%llx, %u bytes of code", rows[i].what,
                     (unsigned long long)first.regs[0], first.ncode[0]);
    }
}

/* A file written by version 1 reads like this for ever. */
static void version_1_file_keeps_its_meaning(void **state)
{
    static const uint8_t file[] =
        {
            1,  0,                                                         /* version, x86 */
            1,  12, 3,    3,    1, 1,    2, 1, 3, 2,    0x11, 1, 5,    15, /* env */
            2,  8,  2,    0,    0, 0,    3, 0, 0, 0,                       /* config */
            3,  8,  0,    1,    0, 0x40, 0, 0, 0, 0x40,                    /* hv_base */
            5,  12, 0xfe, 0x0f, 1, 0,    0, 0, 0, 0,    0,    0, 0,    0,  /* place */
            6,  24, 7,    0,    0, 0,    9, 0, 0, 0,    1,    2, 3,    4,    5,    6,    7,
            8,  0,  0,    0,    0, 0,    0, 0, 0, 7,    12,   0, 0,    0,    0x40, 1,    0,
            0,  0,  0,    0,    0, 0x81,                      /* msr */
            8,  9,  3,    0xff, 0, 0,    0, 0, 0, 0,    0x80, /* rbx */
            9,  8,  0,    1,    0, 0,    0, 0, 0, 0,          /* flags */
            10, 25, 1,    0,    0, 0,    2, 0, 0, 0,    1,    1, 0,    0,    0,    2,    0,
            0,  0,  3,    0,    0, 0,    4, 0, 0, 0,    11,   4, 0x0f, 0x01, 0xc1, 0xf4, /* code */
        };

    (void)state;
    input_parse(file, sizeof(file), &first);
    assert_int_equal(first.mode, TSP_MODE_PROT32);
    assert_int_equal(first.level, 3);
    assert_int_equal(first.paging, 1);
    assert_int_equal(first.host, TSP_VENDOR_AMD);
    assert_int_equal(first.patch, TSP_PATCH_INJECT);
    assert_int_equal(first.persona[0], TSP_PERSONA_KVM);
    assert_int_equal(first.persona[1], TSP_PERSONA_HYPERV);
    assert_int_equal(first.policy, INPUT_POLICY_AMD);
    assert_int_equal(first.pte[0], INPUT_PTE_P | INPUT_PTE_U);
    assert_int_equal(first.pte[1], INPUT_PTE_DEFAULT | INPUT_PTE_NX);
    assert_int_equal(first.config, TSP_CFG_IRQCHIP);
    assert_int_equal(first.cpu, INPUT_CPU_WP | INPUT_CPU_SMEP);
    assert_int_equal(first.hv_base[0], 0x40000100);
    assert_int_equal(first.hv_base[1], 0x40000000);
    assert_int_equal(first.code_at, 0x10ffe);
    assert_int_equal(first.xcr0, 7);
    assert_int_equal(first.apic_id, 9);
    assert_true(first.exit_ret == 0x0807060504030201);
    assert_true(first.nmsr == 1 && first.msr[0].index == 0x40000000);
    assert_true(first.msr[0].value == 0x8100000000000001);
    assert_true(first.regs_set == 8 && first.regs[3] == 0x80000000000000ff);
    assert_int_equal(first.flags, 0x100);
    assert_int_equal(first.nleaf, 1);
    assert_true(first.leaf[0].leaf == 1 && first.leaf[0].subleaf == 2 && first.leaf[0].flags == 1);
    assert_true(first.leaf[0].reg[0] == 1 && first.leaf[0].reg[3] == 4);
    assert_int_equal(first.ncode[0], 4);
    assert_memory_equal(first.code[0], "\x0f\x01\xc1\xf4", 4);
}

/* What came with version 3 is not there in older files, whatever they hold by chance. */
static void long_schedules_and_ways_are_of_version_3(void **state)
{
    static const uint8_t race[] = {14, 2, TSP_PROTOCOL_KVM, 1, 16, 4, 0x2b, 0, 0, 0};
    size_t n = 2;

    (void)state;
    bytes[1] = 0;
    memcpy(bytes + n, race, sizeof(race));
    n += sizeof(race);
    for (unsigned i = 0; i < 2; i++, n += 102) {
        bytes[n] = 13;
        bytes[n + 1] = 100;
        memset(bytes + n + 2, 1, 100);
    }
    for (unsigned version = 0; version < 256; version++) {
        bool new = version >= INPUT_VERSION_RACES &&version <= INPUT_VERSION_ASKS;

        bytes[0] = (uint8_t)version;
        input_parse(bytes, n, &first);
        assert_int_equal(first.protocol, TSP_PROTOCOL_KVM);
        assert_int_equal(first.how, new ? TSP_HOW_CAS | TSP_HOW_DOWN | 3 : 0);
        assert_int_equal(first.nsched, new ? 200 : INPUT_SCHED_SHORT);
        assert_int_equal(first.sched[first.nsched], 0);
    }
    bytes[0] = INPUT_VERSION_RACES;
    input_parse(bytes, n, &first);
    n = input_write(&first, again, sizeof(again));
    assert_int_equal(again[0], INPUT_VERSION_RACES);
    input_parse(again, n, &second);
    assert_memory_equal(&first, &second, sizeof(first));
}

/* XMM registers and newer PSCI came with version 4; the version byte of env means what it did. */
static void wide_registers_are_of_version_4(void **state)
{
    static const uint8_t arm[] = {4, TSP_ARCH_ARM64, 1, 9, 7, 1, 0, 0, 0, 1, 0, 0, 0, 17, 1, 1};
    static const uint8_t x86[] = {4, TSP_ARCH_X86, 18, 17, 7, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0};
    size_t n;

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        bool new = version == INPUT_VERSION_WIDE || version == INPUT_VERSION_ASKS;

        memcpy(bytes, arm, sizeof(arm));
        bytes[0] = (uint8_t)version;
        bytes[12] = 0x13;
        input_parse(bytes, sizeof(arm), &first);
        assert_int_equal(first.psci, new ? 0x13 : 0x11);
        memcpy(bytes, x86, sizeof(x86));
        bytes[0] = (uint8_t)version;
        input_parse(bytes, sizeof(x86), &second);
        assert_int_equal(second.xmm[1][0], new);
        assert_int_equal(second.xmm[1][1], new ? 2 : 0);
    }
    input_parse(x86, sizeof(x86), &first);
    n = input_write(&first, again, sizeof(again));
    assert_int_equal(again[0], INPUT_VERSION_WIDE);
    input_parse(again, n, &second);
    assert_memory_equal(&first, &second, sizeof(first));
}

/* Later bits of the configuration came with version 5; those of the config record stay 11. */
static void later_bits_are_of_version_5(void **state)
{
    static const uint8_t in[] = {5, TSP_ARCH_X86, 2, 8,    0xff, 0xff, 0xff, 0xff, 1,    0xf8, 0xff,
                                 0, 19,           8, 0x03, 0x60, 0,    0,    0,    0x08, 0,    0};
    size_t n;

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        memcpy(bytes, in, sizeof(in));
        bytes[0] = (uint8_t)version;
        input_parse(bytes, sizeof(in), &first);
        assert_int_equal(first.config & TSP_CFG_ASK, version == 5 ? TSP_CFG_ASK_LIST : 0);
        assert_int_equal(first.cpu & INPUT_CPU_SMM, version == 5 ? INPUT_CPU_SMM : 0);
        assert_int_equal(first.config & 0x7f, 0x7f);
        assert_int_equal(first.cpu & INPUT_CPU_WP, INPUT_CPU_WP);
    }
    input_parse(in, sizeof(in), &first);
    n = input_write(&first, again, sizeof(again));
    assert_int_equal(again[0], INPUT_VERSION_ASKS);
    input_parse(again, n, &second);
    assert_memory_equal(&first, &second, sizeof(first));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(empty_input_is_the_default),
    cmocka_unit_test(any_bytes_parse_write_and_parse_to_the_same),
    cmocka_unit_test(folding_twice_changes_nothing),
    cmocka_unit_test(fields_stay_in_their_ranges),
    cmocka_unit_test(longest_scenario_fits),
    cmocka_unit_test(short_and_unknown_records_are_survived),
    cmocka_unit_test(version_1_file_keeps_its_meaning),
    cmocka_unit_test(long_schedules_and_ways_are_of_version_3),
    cmocka_unit_test(wide_registers_are_of_version_4),
    cmocka_unit_test(later_bits_are_of_version_5),
};

TEST_MAIN(tests)
