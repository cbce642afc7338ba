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
            assert_true(tsp_mode_is_arm(s->mode));
            assert_true(s->level <= 1 && s->nleaf == 0 && s->nmsr == 0);
            continue;
        }
        assert_true(
            s->level == 0 || s->level == 3 ||
            (s->level == 1 && s->mode == TSP_MODE_PROT32 && s->persona[0] == TSP_PERSONA_LGUEST));
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
        bool new = version >= INPUT_VERSION_RACES &&version <= INPUT_VERSION_AARCH32;

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
        bool new = version >= INPUT_VERSION_WIDE &&version <= INPUT_VERSION_AARCH32;

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
        bool new = version == INPUT_VERSION_ASKS || version == INPUT_VERSION_AARCH32;

        memcpy(bytes, in, sizeof(in));
        bytes[0] = (uint8_t)version;
        input_parse(bytes, sizeof(in), &first);
        assert_int_equal(first.config & TSP_CFG_ASK, new ? TSP_CFG_ASK_LIST : 0);
        assert_int_equal(first.cpu & INPUT_CPU_SMM, new ? INPUT_CPU_SMM : 0);
        assert_int_equal(first.config & 0x7f, 0x7f);
        assert_int_equal(first.cpu & INPUT_CPU_WP, INPUT_CPU_WP);
    }
    input_parse(in, sizeof(in), &first);
    n = input_write(&first, again, sizeof(again));
    assert_int_equal(again[0], INPUT_VERSION_ASKS);
    input_parse(again, n, &second);
    assert_memory_equal(&first, &second, sizeof(first));
}

/* Machines that use what a field may depend on; their lists have
 * something in them. */
static void fill(struct scenario *s, enum tsp_arch arch, unsigned protocol, unsigned mode)
{
    input_default(s, arch);
    s->mode = (uint8_t)mode;
    s->nvcpu = 2;
    s->protocol = (uint8_t)protocol;
    s->nmsr = 3;
    for (uint32_t i = 0; i < s->nmsr; i++)
        s->msr[i].index = 0x10 + i;
    s->nleaf = 4;
    for (unsigned i = 0; i < s->nleaf; i++)
        s->leaf[i] = (struct tsp_leaf){.leaf = i, .flags = TSP_LEAF_INDEXED};
    s->regs_set = UINT32_MAX;
    for (unsigned i = 0; i < 2; i++) {
        memset(s->code[i], 0x90, 40);
        s->ncode[i] = 40;
    }
    s->nsched = INPUT_SCHED_SHORT + 6;
    memset(s->sched, 1, s->nsched);
    s->nmove = INPUT_MOVE_MAX;
    for (unsigned i = 0; i < INPUT_MOVE_MAX; i++)
        s->move[i].after = (uint8_t)(8 * i + 1);
    s->config |= arch == TSP_ARCH_ARM64 ? TSP_CFG_PVTIME : 0;
    s->code_at = 0;
    input_fold(s);
}

#define END(field) (offsetof(struct scenario, field) + sizeof(((struct scenario *)0)->field))

/* Bytes that no field has. */
static bool is_padding(size_t at)
{
    static const struct {
        size_t from, to;
    } gaps[] = {
        {END(pte), offsetof(struct scenario, how)},
        {END(cs_base), offsetof(struct scenario, code_at)},
        {END(nmsr), offsetof(struct scenario, msr)},
        {END(regs_set), offsetof(struct scenario, regs)},
        {END(move), sizeof(struct scenario)},
    };
    size_t msr = offsetof(struct scenario, msr);

    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++)
        if (at >= gaps[i].from && at < gaps[i].to)
            return true;
    return at >= msr && at < END(msr) &&
           (at - msr) % sizeof(struct tsp_msr) / 4 == 1; /* between index and value */
}

/* What lies behind the end of a list is nobody's. */
static void clear_tails(struct scenario *s)
{
    for (unsigned i = 0; i < 2; i++)
        memset(s->code[i] + s->ncode[i], 0, INPUT_CODE_MAX - s->ncode[i]);
    memset(s->sched + s->nsched, 0, INPUT_SCHED_MAX - s->nsched);
    memset(s->msr + s->nmsr, 0, (TSP_MAX_MSR - s->nmsr) * sizeof(s->msr[0]));
    memset(s->leaf + s->nleaf, 0, (INPUT_LEAF_MAX - s->nleaf) * sizeof(s->leaf[0]));
}

/* The machine that a scenario makes, pages and policy included. */
static void make(const struct scenario *s, struct input_image *img, struct tsp_setup *out)
{
    memset(img, 0, sizeof(*img));
    memset(out, 0, sizeof(*out));
    input_build(s, NULL, 0, img, out);
}

static bool both_forms_keep(const struct scenario *s)
{
    static char text[1u << 16];
    size_t n = input_write(s, bytes, sizeof(bytes));
    bool same;

    memset(&second, 0, sizeof(second));
    input_parse(bytes, n, &second);
    same = n > 0 && memcmp(&second, s, sizeof(second)) == 0;
    n = input_text_write(s, text, sizeof(text));
    assert_true(n < sizeof(text));
    return same && input_text_parse(text, n, &second, NULL) == TSP_OK &&
           memcmp(&second, s, sizeof(second)) == 0;
}

static const struct {
    const char *what;
    enum tsp_arch arch;
    unsigned protocol, mode;
} machines[] = {
    {"long64", TSP_ARCH_X86, TSP_PROTOCOL_NONE, TSP_MODE_LONG64},
    {"real16", TSP_ARCH_X86, TSP_PROTOCOL_NONE, TSP_MODE_REAL16},
    {"prot32", TSP_ARCH_X86, TSP_PROTOCOL_NONE, TSP_MODE_PROT32},
    {"kvm, prot32", TSP_ARCH_X86, TSP_PROTOCOL_KVM, TSP_MODE_PROT32},
    {"text-poke, compat16", TSP_ARCH_X86, TSP_PROTOCOL_TEXT_POKE, TSP_MODE_COMPAT16},
    {"a64", TSP_ARCH_ARM64, TSP_PROTOCOL_NONE, TSP_MODE_A64},
};

/* Every bit of a scenario, those of fields to come included: what folding lets stand is in both
 * forms. */
static void each_bit_is_in_both_forms(void **state)
{
    static struct scenario base;

    (void)state;
    for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++) {
        size_t kept = 0;

        fill(&base, machines[m].arch, machines[m].protocol, machines[m].mode);
        assert_true(both_forms_keep(&base));
        for (size_t bit = 0; bit < 8 * sizeof(base); bit++) {
            if (is_padding(bit / 8))
                continue;
            memcpy(&first, &base, sizeof(first));
            ((uint8_t *)&first)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            input_fold(&first);
            clear_tails(&first);
            if (memcmp(&first, &base, sizeof(first)) == 0)
                continue;
            kept++;
            if (!both_forms_keep(&first))
                fail_msg("%s: bit %zu of byte %zu", machines[m].what, bit % 8, bit / 8);
        }
        assert_true(kept > 1000);
    }
}

#define SETUP(field) offsetof(struct tsp_setup, field), sizeof(((struct tsp_setup *)0)->field)
#define BIT(field, value)                                                                          \
    offsetof(struct scenario, field), sizeof(((struct scenario *)0)->field), (value)

/* Fields of the set-up, and what a scenario says of them: written and read, the machine has it. */
static const struct {
    const char *what;
    enum tsp_arch arch;
    size_t from, from_size;
    uint64_t value;
    size_t at, size;
} shown[] = {
    {"host", TSP_ARCH_X86, BIT(host, TSP_VENDOR_AMD), SETUP(host)},
    {"nvcpu", TSP_ARCH_X86, BIT(nvcpu, 1), SETUP(nvcpu)},
    {"patch", TSP_ARCH_X86, BIT(patch, TSP_PATCH_INJECT), SETUP(patch)},
    {"persona", TSP_ARCH_X86, BIT(persona[1], TSP_PERSONA_XEN), SETUP(persona)},
    {"psci 1.2", TSP_ARCH_ARM64, BIT(psci, 0x12), SETUP(psci)},
    {"psci 1.3", TSP_ARCH_ARM64, BIT(psci, 0x13), SETUP(psci)},
    {"psci 0.1", TSP_ARCH_ARM64, BIT(psci, 0x01), SETUP(psci)},
    {"protocol", TSP_ARCH_X86, BIT(protocol, TSP_PROTOCOL_KVM), SETUP(protocol)},
    {"hv_base", TSP_ARCH_X86, BIT(hv_base[0], 0x40000300), SETUP(hv_base)},
    {"config", TSP_ARCH_X86, BIT(config, TSP_CFG_IRQCHIP), SETUP(config)},
    {"ask again", TSP_ARCH_X86, BIT(config, TSP_CFG_ASK_AGAIN), SETUP(config)},
    {"ask changed", TSP_ARCH_X86, BIT(config, TSP_CFG_ASK_CHANGED), SETUP(config)},
    {"ask list", TSP_ARCH_X86, BIT(config, TSP_CFG_ASK_LIST), SETUP(config)},
    {"ask short", TSP_ARCH_X86, BIT(config, TSP_CFG_ASK_SHORT), SETUP(config)},
    {"ask xen", TSP_ARCH_X86, BIT(config, TSP_CFG_ASK_XEN), SETUP(config)},
    {"suspend", TSP_ARCH_ARM64, BIT(config, TSP_CFG_SYS_SUSPEND), SETUP(config)},
    {"fw_bitmap", TSP_ARCH_ARM64, BIT(fw_bitmap[0], 0), SETUP(fw_bitmap)},
    {"workaround", TSP_ARCH_ARM64, BIT(workaround[1], 0x10), SETUP(workaround)},
    {"pvtime_ipa", TSP_ARCH_ARM64, BIT(pvtime_ipa, 0x40030000), SETUP(pvtime_ipa)},
    {"exit_ret", TSP_ARCH_X86, BIT(exit_ret, 0x123456789abcdef), SETUP(exit_ret)},
    {"registers", TSP_ARCH_X86, BIT(regs[3], 5), SETUP(vcpu[0].regs.r[3])},
    {"pc", TSP_ARCH_X86, BIT(code_at, 0x10123), SETUP(vcpu[0].regs.pc)},
    {"flags", TSP_ARCH_X86, BIT(flags, 0x100), SETUP(vcpu[0].regs.flags)},
    {"flags", TSP_ARCH_ARM64, BIT(flags, 0x80000000), SETUP(vcpu[0].regs.flags)},
    {"mode", TSP_ARCH_X86, BIT(mode, TSP_MODE_COMPAT32), SETUP(vcpu[0].regs.mode)},
    {"level", TSP_ARCH_X86, BIT(level, 3), SETUP(vcpu[0].regs.level)},
    {"second off", TSP_ARCH_ARM64, BIT(cpu, INPUT_CPU_SECOND_OFF), SETUP(vcpu[1].run_state)},
    {"smm", TSP_ARCH_X86, BIT(cpu, INPUT_CPU_WP | INPUT_CPU_SMM), SETUP(vcpu[0].x86.smm)},
    {"cr0", TSP_ARCH_X86, BIT(cpu, 0), SETUP(vcpu[0].x86.cr0)},
    {"cr4", TSP_ARCH_X86, BIT(cpu, INPUT_CPU_WP | INPUT_CPU_UMIP), SETUP(vcpu[0].x86.cr4)},
    {"faulting", TSP_ARCH_X86, BIT(cpu, INPUT_CPU_FAULTING), SETUP(vcpu[0].x86.cpuid_faulting)},
    {"apic off", TSP_ARCH_X86, BIT(cpu, INPUT_CPU_APIC_OFF), SETUP(vcpu[0].x86.apic_base)},
    {"xcr0", TSP_ARCH_X86, BIT(xcr0, 7), SETUP(vcpu[0].x86.xcr0)},
    {"apic_id", TSP_ARCH_X86, BIT(apic_id, 9), SETUP(vcpu[0].x86.apic_id)},
    {"msr", TSP_ARCH_X86, BIT(msr[1].value, 77), SETUP(vcpu[0].x86.msr[1].value)},
    {"number of msr", TSP_ARCH_X86, BIT(nmsr, 2), SETUP(vcpu[0].x86.nmsr)},
    {"xmm", TSP_ARCH_X86, BIT(xmm[5][1], 1ull << 63), SETUP(vcpu[0].x86.xmm[5][1])},
    {"leaves", TSP_ARCH_X86, BIT(nleaf, 3), SETUP(policy[0].n)},
};

static void each_field_of_a_setup_survives(void **state)
{
    static struct scenario base;
    static struct tsp_setup plain, written, read;
    static struct input_image img, copy;

    (void)state;
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        fill(&base, shown[i].arch, TSP_PROTOCOL_NONE,
             shown[i].arch == TSP_ARCH_X86 ? TSP_MODE_LONG64 : TSP_MODE_A64);
        memcpy(&first, &base, sizeof(first));
        le_store((uint8_t *)&first + shown[i].from, shown[i].value, (unsigned)shown[i].from_size);
        input_fold(&first);
        clear_tails(&first);
        make(&base, &img, &plain);
        make(&first, &img, &written);
        memcpy(&copy, &img, sizeof(img));
        if (memcmp((uint8_t *)&plain + shown[i].at, (uint8_t *)&written + shown[i].at,
                   shown[i].size) == 0)
            fail_msg("%s: not in the set-up", shown[i].what);
        if (!both_forms_keep(&first))
            fail_msg("%s: does not survive", shown[i].what);
        input_parse(bytes, input_write(&first, bytes, sizeof(bytes)), &second);
        make(&second, &img, &read);
        assert_memory_equal(&written, &read, sizeof(read));
        assert_memory_equal(&copy, &img, sizeof(img));
    }
}

/* 32-bit Arm guests came with version 6, in a record of their own: the mode of env is x86's. */
static void aarch32_is_of_version_6(void **state)
{
    static const uint8_t in[] = {6, TSP_ARCH_ARM64, 1, 1, TSP_MODE_A32, 20, 1, 1};
    size_t n;

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        memcpy(bytes, in, sizeof(in));
        bytes[0] = (uint8_t)version;
        input_parse(bytes, sizeof(in), &first);
        assert_int_equal(first.mode, version == 6 ? TSP_MODE_T32 : TSP_MODE_A64);
        bytes[1] = TSP_ARCH_X86;
        input_parse(bytes, sizeof(in), &second);
        assert_int_equal(second.mode, TSP_MODE_A32 % (TSP_MODE_LONG64 + 1));
    }
    memcpy(bytes, in, sizeof(in));
    bytes[7] = 0;
    input_parse(bytes, sizeof(in), &first);
    assert_int_equal(first.mode, TSP_MODE_A32);
    n = input_write(&first, again, sizeof(again));
    assert_int_equal(again[0], INPUT_VERSION_AARCH32);
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
    cmocka_unit_test(aarch32_is_of_version_6),
    cmocka_unit_test(each_bit_is_in_both_forms),
    cmocka_unit_test(each_field_of_a_setup_survives),
};

TEST_MAIN(tests)
