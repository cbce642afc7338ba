/* SPDX-License-Identifier: MIT */
/* The text form: strict, with the line of every error, and the same scenario again after printing
 * and reading. */
#include "tests/test_main.h"

#include "tests/unit/input_random.h"

static uint8_t bytes[INPUT_BYTES_MAX];
static char text[65536];
static struct scenario first, second;
static struct tsp_error error;

static void any_scenario_prints_and_reads_back(void **state)
{
    uint64_t seed = 4;

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        size_t n;

        input_parse(bytes, random_input(bytes, sizeof(bytes), &seed), &first);
        n = input_text_write(&first, text, sizeof(text));
        assert_true(n < sizeof(text));
        assert_true(input_is_text((const uint8_t *)text, n));
        if (input_text_parse(text, n, &second, &error) != TSP_OK)
            fail_msg("line %u: %s\n%s", error.line, error.text, text);
        assert_memory_equal(&first, &second, sizeof(first));
    }
}

static void default_prints_as_its_first_line(void **state)
{
    size_t n;

    (void)state;
    input_default(&first, TSP_ARCH_X86);
    n = input_text_write(&first, text, sizeof(text));
    assert_string_equal(text, "trapspec scenario 1\n");
    assert_int_equal(n, strlen(text));
    /* As snprintf: the length that is needed, whatever fits. */
    assert_int_equal(input_text_write(&first, text, 4), n);
    assert_string_equal(text, "tra");
    assert_int_equal(input_text_write(&first, NULL, 0), n);
}

static void all_keys_read(void **state)
{
    static const char sample[] = "trapspec scenario 1\n"
                                 "# all of it\n"
                                 "arch x86\n"
                                 "mode prot32   # comment\n"
                                 "paging on\n"
                                 "level 3\r\n"
                                 "nvcpu 2\n"
                                 "host amd\n"
                                 "persona hyperv kvm\n"
                                 "hv_base 0x40000000 0x40000100\n"
                                 "patch emulate\n"
                                 "policy hygon\n"
                                 "config irqchip apic-on\n"
                                 "cpu wp smap faulting\n"
                                 "pte P-U PWUX\n"
                                 "xcr0 0x7\n"
                                 "apic_id 3\n"
                                 "code_at 0x10ffe\n"
                                 "flags 0x100\n"
                                 "exit_ret 0x123456789abcdef0\n"
                                 "reg rax 0xffffffffffffffff\n"
                                 "msr 0x40000000 1\n"
                                 "leaf 0x1 - eax=1 ebx=0x2 ecx=3 edx=4\n"
                                 "leaf 4 0x2 eax=5 ebx=6 ecx=7 edx=8\n"
                                 "\n"
                                 "code 0f01c1\n"
                                 "code e6 f4\n"
                                 "code1 0fa2 f4\n"
                                 "sched 00 01";

    (void)state;
    if (input_text_parse(sample, sizeof(sample) - 1, &first, &error) != TSP_OK)
        fail_msg("line %u: %s", error.line, error.text);
    assert_int_equal(first.mode, TSP_MODE_PROT32);
    assert_true(first.paging == 1 && first.level == 3 && first.nvcpu == 2);
    assert_int_equal(first.host, TSP_VENDOR_AMD);
    assert_int_equal(first.persona[0], TSP_PERSONA_HYPERV);
    assert_int_equal(first.persona[1], TSP_PERSONA_KVM);
    assert_int_equal(first.patch, TSP_PATCH_EMULATE);
    assert_int_equal(first.policy, INPUT_POLICY_HYGON);
    assert_int_equal(first.config, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON | TSP_CFG_GUEST_FAULTING);
    assert_int_equal(first.cpu, INPUT_CPU_WP | INPUT_CPU_SMAP | INPUT_CPU_FAULTING);
    assert_true(first.xcr0 == 7 && first.apic_id == 3 && first.code_at == 0x10ffe);
    assert_true(first.regs_set == 1 && first.regs[0] == UINT64_MAX);
    assert_true(first.nleaf == 2 && first.leaf[1].subleaf == 2 && first.leaf[1].reg[3] == 8);
    assert_true(first.ncode[0] == 5 && first.ncode[1] == 3 && first.nsched == 2);
}

static void arm64_keys_read(void **state)
{
    static const char sample[] =
        "trapspec scenario 1\narch arm64\nlevel 0\npsci 0.2\nfw_bitmap 1 0 2\n"
        "workaround 1 0x10 2\nconfig pvtime sys-suspend\npvtime_ipa 0x40020000\n"
        "reg x0 0x84000000\nreg x30 1\nreg sp 0x40007000\ncode 020000d4\n";

    (void)state;
    if (input_text_parse(sample, sizeof(sample) - 1, &first, &error) != TSP_OK)
        fail_msg("line %u: %s", error.line, error.text);
    assert_true(first.arch == TSP_ARCH_ARM64 && first.level == 0 && first.psci == 2);
    assert_true(first.fw_bitmap[1] == 0 && first.fw_bitmap[2] == 2 && first.workaround[1] == 0x10);
    assert_int_equal(first.regs_set, 0xc0000001);
    assert_true(first.regs[0] == 0x84000000 && first.regs[31] == 0x40007000);
}

/* Modes bring their own place for code and, for vm86, their privilege level. */
static void mode_moves_the_default_code(void **state)
{
    static const struct {
        const char *text;
        uint64_t code_at;
        uint8_t level;
    } rows[] = {
        {"trapspec scenario 1\nmode real16\n", 0xe800, 0},
        {"trapspec scenario 1\nmode vm86\n", 0xe800, 3},
        {"trapspec scenario 1\nmode compat32\n", 0x10000, 0},
        {"trapspec scenario 1\nmode prot16\ncs_base 0x10000\n", 0x10100, 0},
        {"trapspec scenario 1\ncode_at 0xfffffffd\n", 0xfffffffd, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (input_text_parse(rows[i].text, strlen(rows[i].text), &first, &error) != TSP_OK)
            fail_msg("%s: %s", rows[i].text, error.text);
        assert_true(first.code_at == rows[i].code_at && first.level == rows[i].level);
    }
}

static const struct {
    const char *text;
    unsigned line;
    const char *why; /* part of the message */
} wrong_texts[] = {
    {"", 0, "empty"},
    {"trapspec\n", 1, "first line"},
    {"trapspec scenario 7\n", 1, "version"},
    {"trapspec scenario 0\n", 1, "version"},
    {"trapspec scenario 1 x\n", 1, "version"},
    {"trapspec scenario 1\nfoo 1\n", 2, "unknown key: foo"},
    {"trapspec scenario 1\n\n# c\nmode long63\n", 4, "unknown word: long63"},
    {"trapspec scenario 1\nmode\n", 2, "value missing"},
    {"trapspec scenario 1\nmode long64 x\n", 2, "more than the key takes: x"},
    {"trapspec scenario 1\nmode a64\n", 2, "other architecture"},
    {"trapspec scenario 1\nlevel 1\n", 2, "out of range"},
    {"trapspec scenario 1\nlevel 4\n", 2, "not a number in range"},
    {"trapspec scenario 1\nmode real16\nlevel 3\nhost amd\n", 3, "level"},
    {"trapspec scenario 1\npaging on\n", 2, "paging"},
    {"trapspec scenario 1\nmode real16\narch x86\n", 3, "before everything"},
    {"trapspec scenario 1\nreg eax 1\n", 2, "unknown register: eax"},
    {"trapspec scenario 1\nreg rax\n", 2, "value missing"},
    {"trapspec scenario 1\nreg rax 0x10000000000000000\n", 2, "not a number"},
    {"trapspec scenario 1\nreg rax 18446744073709551616\n", 2, "not a number"},
    {"trapspec scenario 1\nreg rax 0x\n", 2, "not a number"},
    {"trapspec scenario 1\nreg rax -1\n", 2, "not a number"},
    {"trapspec scenario 1\ncode 0f0\n", 2, "odd number"},
    {"trapspec scenario 1\ncode 0fzz\n", 2, "not hexadecimal"},
    {"trapspec scenario 1\ncode\n", 2, "value missing"},
    {"trapspec scenario 1\ncode1 f4\n", 2, "code1"},
    {"trapspec scenario 1\nsched 00\n", 2, "sched"},
    {"trapspec scenario 1\nleaf 1 - eax=1 ebx=2 ecx=3\n", 2, "expected eax"},
    {"trapspec scenario 1\nleaf 1 eax=1 ebx=2 ecx=3 edx=4\n", 2, "sub-leaf"},
    {"trapspec scenario 1\npte PWU\n", 2, "page rights"},
    {"trapspec scenario 1\npte PWU WPU\n", 2, "page rights"},
    {"trapspec scenario 1\nconfig irqchip foo\n", 2, "unknown word: foo"},
    {"trapspec scenario 1\nconfig pvtime\n", 2, "config"},
    {"trapspec scenario 1\npsci 1.1\npsci 1.4\n", 3, "unknown word: 1.4"},
    {"trapspec scenario 1\ncode_at 0x100\n", 2, "code_at"},
    {"trapspec scenario 1\ncode_at 0\n", 2, "no code can lie at 0"},
    {"trapspec scenario 1\ncs_base 0x1000\n", 2, "cs_base"},
    {"trapspec scenario 1\nhv_base 0x40000001\n", 2, "hv_base"},
    {"trapspec scenario 1\nflags 0x20000\n", 2, "flags"},
    {"trapspec scenario 1\nxcr0 4\n", 2, "xcr0"},
    {"trapspec scenario 1\nnvcpu 5\n", 2, "not a number in range"},
    {"trapspec scenario 1\nnvcpu 3\n", 2, "nvcpu"},
    {"trapspec scenario 1\nprotocol best\n", 2, "best"},
    {"trapspec scenario 1\narch arm64\nprotocol text-poke\n", 3, "protocol"},
    {"trapspec scenario 1\nnvcpu 0\n", 2, "nvcpu"},
    {"trapspec scenario 3\nprotocol inject\nhow cas\n", 3, "how"},
    {"trapspec scenario 3\nprotocol text-poke\nhow fast\n", 3, "unknown word: fast"},
    {"trapspec scenario 1\nprotocol inject\nnvcpu 2\nsched 000102\n", 4, "byte 2: schedule"},
    {"trapspec scenario 1\nprotocol inject\nnvcpu 2\nsched 0001\nsched 0110\n", 5, "byte 3: sch"},
    {"trapspec scenario 1\nnvcpu 2\nsched 0001zz\n", 3, "byte 2: not hexadecimal"},
    {"trapspec scenario 1\nnvcpu 2\nsched 00010\n", 3, "byte 2: odd"},
};

static void errors_say_line_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_texts) / sizeof(wrong_texts[0]); i++) {
        memset(&error, 0, sizeof(error));
        assert_int_equal(
            input_text_parse(wrong_texts[i].text, strlen(wrong_texts[i].text), &first, &error),
            TSP_EPARSE);
        if (error.line != wrong_texts[i].line || strstr(error.text, wrong_texts[i].why) == NULL)
            fail_msg("%s-> line %u: %s", wrong_texts[i].text, error.line, error.text);
        /* The error is optional. */
        assert_int_equal(
            input_text_parse(wrong_texts[i].text, strlen(wrong_texts[i].text), &first, NULL),
            TSP_EPARSE);
    }
}

/* Binary inputs keep the later value; who writes text is told. */
static void a_register_named_twice(void **state)
{
    static const char *const twice = "trapspec scenario 1\nmsr 0x10 1\nmsr 0x10 2\n";
    size_t n;

    (void)state;
    assert_int_equal(input_text_parse(twice, strlen(twice), &first, &error), TSP_EPARSE);
    assert_non_null(strstr(error.text, "msr"));
    input_default(&first, TSP_ARCH_X86);
    first.nmsr = 3;
    first.msr[0] = (struct tsp_msr){0x10, 1};
    first.msr[1] = (struct tsp_msr){0x11, 7};
    first.msr[2] = (struct tsp_msr){0x10, 2};
    n = input_write(&first, bytes, sizeof(bytes));
    input_parse(bytes, n, &first);
    assert_int_equal(first.nmsr, 2);
    assert_int_equal(first.msr[0].index, 0x10);
    assert_int_equal(first.msr[0].value, 2);
    assert_int_equal(first.msr[1].value, 7);
}

static void too_many_of_anything_is_an_error(void **state)
{
    static const struct {
        const char *head, *tail; /* two digits between them */
        unsigned fit;
    } rows[] = {
        {"leaf 0x", " - eax=0 ebx=0 ecx=0 edx=0", INPUT_LEAF_MAX},
        {"msr 0x", " 1", TSP_MAX_MSR},
        {"code 90909090909090", "", INPUT_CODE_MAX / 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = (size_t)sprintf(text, "trapspec scenario 1\n");

        for (unsigned k = 0; k < rows[i].fit; k++)
            n += (size_t)sprintf(text + n, "%s%02u%s\n", rows[i].head, k % 100, rows[i].tail);
        assert_int_equal(input_text_parse(text, n, &first, &error), TSP_OK);
        n += (size_t)sprintf(text + n, "%s99%s\n", rows[i].head, rows[i].tail);
        assert_int_equal(input_text_parse(text, n, &first, &error), TSP_EPARSE);
        assert_int_equal(error.line, rows[i].fit + 2);
    }
}

static void damaged_text_never_hurts(void **state)
{
    uint64_t seed = 5;
    unsigned good = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t n;

        input_parse(bytes, random_input(bytes, 400, &seed), &first);
        n = input_text_write(&first, text, sizeof(text));
        for (unsigned k = 0; k < 3; k++)
            text[random_next(&seed) % n] = (char)random_next(&seed);
        n -= random_next(&seed) % n;
        if (input_text_parse(text, n, &second, &error) == TSP_OK) {
            good++;
            input_parse(bytes, input_write(&second, bytes, sizeof(bytes)), &first);
            assert_memory_equal(&first, &second, sizeof(first));
        } else {
            assert_true(error.line >= 1 && error.text[0] != 0);
        }
    }
    assert_true(good > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(any_scenario_prints_and_reads_back),
    cmocka_unit_test(default_prints_as_its_first_line),
    cmocka_unit_test(all_keys_read),
    cmocka_unit_test(arm64_keys_read),
    cmocka_unit_test(mode_moves_the_default_code),
    cmocka_unit_test(errors_say_line_and_reason),
    cmocka_unit_test(a_register_named_twice),
    cmocka_unit_test(too_many_of_anything_is_an_error),
    cmocka_unit_test(damaged_text_never_hurts),
};

TEST_MAIN(tests)
