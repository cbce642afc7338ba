/* SPDX-License-Identifier: MIT */
/*
 * A dump is written in one format, read, written in another and read again. Whatever pair it is:
 * the leaves that come back are those that went in, no more, and only those are missing that a
 * format said it had no place for.
 */
#include "tests/test_main.h"

#include "cli/formats/dump_write.h"

#include <stdlib.h>

#define I TSP_LEAF_INDEXED
#define EVERY 0xffffffffu

/* Two CPUs, so that formats which hold one have to say so; a leaf that is all zero; sub-leaves that
 * libcpuid has a place for, and others. */
static struct tsp_leaf machine[] = {
    {0x0, 0, 0, {0x1f, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x000506e3, 0x00100800, 0x7ffafbff, 0xbfebfbff}},
    {0x2, 0, 0, {0, 0, 0, 0}},
    {0x4, 0, I, {0x1c004121, 0x01c0003f, 0x3f, 0}},
    {0x4, 1, I, {0, 0, 0, 0}},
    {0x7, 0, I, {2, 0x029c6fbf, 0x4, 0xbc000e00}},
    {0x7, 1, I, {0x30, 1, 2, 4}},
    {0x7, 2, I, {0, 0, 0, 0x3f}},
    {0xd, 0, I, {0x1f, 0x440, 0x440, 0}},
    {0xd, 1, I, {0xf, 0x440, 0x100, 0}},
    {0xd, 63, I, {0x10, 0x20, 0x30, 0x40}},
    {0x14, 3, I, {1, 2, 3, 4}},
    {0x40000000, 0, 0, {0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d}},
    {0x80000000, 0, 0, {0x80000008, 0, 0, 0}},
    {0x80000001, 0, 0, {0, 0, 0x121, 0x2c100800}},
    {0x80000008, 0, 0, {0x3027, 0x1000, 0, 0}},
    {0x0, 0, 0, {0x1f, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x000506e3, 0x01100800, 0x7ffafbff, 0xbfebfbff}},
};
#define WORD_LEAVES 9u /* 1, 7.0, 7.1, 7.2, 0xd.1, 0x80000001, 7, 8 and 0x21 */
#define FIRST 16u
#define LEAVES (sizeof(machine) / sizeof(machine[0]))

static struct dump_cpu cpus[] = {{0, 0, FIRST, ""}, {3, FIRST, LEAVES - FIRST, ""}};

static struct dump original(void)
{
    return (struct dump){.leaf = machine, .n = LEAVES, .cpu = cpus, .ncpu = 2, .format = "test"};
}

static enum tsp_status through(const char *format, const struct dump *d, struct dump *back,
                               struct dump_lost *lost, struct tsp_error *err)
{
    FILE *f = tmpfile();
    enum tsp_status st;
    char *text;
    long n;

    assert_non_null(f);
    st = dump_write(f, format, d, lost, err);
    if (st != TSP_OK) {
        fclose(f);
        return st;
    }
    n = ftell(f);
    rewind(f);
    text = malloc((size_t)n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)n, f), n);
    fclose(f);
    st = dump_read(format, (const uint8_t *)text, (size_t)n, back, err);
    free(text);
    return st;
}

static const struct tsp_leaf *find(const struct dump *d, unsigned cpu, const struct tsp_leaf *l,
                                   size_t *at)
{
    for (size_t i = d->cpu[cpu].first; i < d->cpu[cpu].first + d->cpu[cpu].n; i++) {
        *at = i;
        if (d->leaf[i].leaf == l->leaf && d->leaf[i].subleaf == l->subleaf)
            return &d->leaf[i];
    }
    return NULL;
}

/* A featureset has all its words: those of leaves that are not there, or were lost before, are
 * zero. */
static bool is_zero(const struct tsp_leaf *l)
{
    return (l->reg[0] | l->reg[1] | l->reg[2] | l->reg[3]) == 0;
}

/* What came back is part of the original: known bits are equal, CPUs keep their numbers. */
static void part_of(const char *what, const struct dump *back, const struct dump *whole)
{
    assert_in_range(back->ncpu, 1, whole->ncpu);
    for (unsigned c = 0; c < back->ncpu; c++) {
        assert_int_equal(back->cpu[c].id, back->ncpu == 1 ? 0 : whole->cpu[c].id);
        for (size_t i = back->cpu[c].first; i < back->cpu[c].first + back->cpu[c].n; i++) {
            size_t at = 0;
            const struct tsp_leaf *l = find(whole, c, &back->leaf[i], &at);

            if (is_zero(&back->leaf[i]) && strstr(what, "featureset") != NULL)
                continue;
            if (l == NULL)
                fail_msg("%s: leaf 0x%x.0x%x is new", what, back->leaf[i].leaf,
                         back->leaf[i].subleaf);
            for (unsigned r = 0; r < 4; r++) {
                uint32_t mask = back->mask == NULL ? EVERY : back->mask[i].reg[r];

                if (((back->leaf[i].reg[r] ^ l->reg[r]) & mask) != 0)
                    fail_msg("%s: leaf 0x%x.0x%x register %u is 0x%x", what, l->leaf, l->subleaf, r,
                             back->leaf[i].reg[r]);
            }
        }
    }
}

static size_t kept(const char *format, const struct dump *d, const struct dump_lost *lost)
{
    size_t n = 0;

    if (strcmp(format, "xen-featureset") == 0)
        return WORD_LEAVES * (size_t)d->ncpu;

    for (unsigned c = 0; c + lost->cpus < d->ncpu; c++)
        n += d->cpu[c].n;
    return n - lost->leaves;
}

static void one_pair(const char *first, const char *second)
{
    struct dump d = original(), once, twice;
    struct dump_lost lost = {0, 0};
    struct tsp_error err = {.line = 0};
    enum tsp_status st;
    char what[64];

    snprintf(what, sizeof(what), "%s to %s", first, second);
    if (through(first, &d, &once, &lost, &err) != TSP_OK)
        fail_msg("%s: %s", first, err.text);
    assert_int_equal(once.n, kept(first, &d, &lost));
    part_of(what, &once, &d);
    st = through(second, &once, &twice, &lost, &err);
    /* Featuresets know some bits only: formats that cannot say so refuse. */
    if (st != TSP_OK) {
        assert_string_equal(first, "xen-featureset");
        assert_int_equal(st, TSP_EARG);
        assert_non_null(strstr(err.text, second));
    } else {
        assert_int_equal(twice.n, kept(second, &once, &lost));
        part_of(what, &twice, &d);
        dump_free(&twice);
    }
    dump_free(&once);
}

static void every_pair_of_formats_round_trips(void **state)
{
    unsigned pairs = 0;

    (void)state;
    for (size_t a = 0; dump_formats[a].name != NULL; a++) {
        assert_string_equal(dump_format_names[a], dump_formats[a].name);
        for (size_t b = 0; dump_formats[b].name != NULL; b++, pairs++)
            one_pair(dump_formats[a].name, dump_formats[b].name);
    }
    assert_int_equal(pairs, 64);
}

static void what_has_no_place_is_told(void **state)
{
    static const struct {
        const char *format;
        unsigned cpus;
        size_t leaves;
    } row[] = {{"raw", 0, 0},
               {"aida64", 0, 0},
               {"json", 0, 0},
               {"libvirt", 1, 0},
               {"firecracker", 1, 0},
               {"xen-policy", 0, 2},
               /* 7.1, 7.2, 0xd.1, 0xd.63, 0x40000000 */
               {"libcpuid", 0, 5},
               /* all but 1, 7.0, 7.1, 7.2, 0xd.1, 0x80000001 and 8; the other CPU's 0 */
               {"xen-featureset", 0, 10}};
    const struct dump d = original();

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct dump_lost lost;
        struct tsp_error err;
        struct dump back;

        assert_int_equal(through(row[i].format, &d, &back, &lost, &err), TSP_OK);
        assert_int_equal(lost.cpus, row[i].cpus);
        if (lost.leaves != row[i].leaves)
            fail_msg("%s: %zu leaves lost", row[i].format, lost.leaves);
        dump_free(&back);
    }
}

static void bits_left_to_the_host_survive(void **state)
{
    static struct dump_mask mask[] = {{{EVERY, EVERY, EVERY, EVERY}}, {{0xff, 0, 0x80000001, 0}}};
    static struct tsp_leaf leaf[] = {{0x0, 0, 0, {1, 2, 3, 4}}, {0x7, 0, I, {0x12, 0, 1, 0}}};
    static const char *const good[] = {"firecracker", "json"};
    static const char *const refusing[] = {"raw", "aida64", "libcpuid", "libvirt", "xen-policy"};
    struct dump_cpu cpu;
    struct dump d = dump_of(leaf, 2, &cpu);
    struct tsp_error err;
    struct dump back;

    (void)state;
    d.mask = mask;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(through(good[i], &d, &back, NULL, &err), TSP_OK);
        assert_non_null(back.mask);
        assert_memory_equal(back.mask, mask, sizeof(mask));
        part_of(good[i], &back, &d);
        dump_free(&back);
    }
    for (size_t i = 0; i < sizeof(refusing) / sizeof(refusing[0]); i++)
        assert_int_equal(through(refusing[i], &d, &back, NULL, &err), TSP_EARG);
    assert_int_equal(through("cpuid", &d, &back, NULL, &err), TSP_EARG);
}

static void featuresets_repeat_no_bits_of_leaf_1(void **state)
{
    /* Bits of 0x80000001 EDX that repeat leaf 1's are known where they are set, else not. */
    static const char text[] = "Raw    178bfbff:f6fa3203:2fd3fbff:003febff:0000000f\n"
                               "Host   178bfbff:f6fa3203:2e500800:002003f3:0000000f\n"
                               "too few 178bfbff:f6fa3203:2e500800:002003f3\n";
    struct tsp_error err;
    struct dump d;
    size_t at = 0;
    const struct tsp_leaf ext = {.leaf = 0x80000001};

    (void)state;
    assert_int_equal(dump_read("t", (const uint8_t *)text, strlen(text), &d, &err), TSP_OK);
    assert_int_equal(d.ncpu, 2);
    assert_string_equal(d.cpu[1].name, "Host");
    assert_non_null(find(&d, 0, &ext, &at));
    assert_int_equal(d.mask[at].reg[3], 0xfe7c0c00 | 0x2fd3fbff);
    assert_non_null(find(&d, 1, &ext, &at));
    assert_int_equal(d.mask[at].reg[3], 0xfe7c0c00);
    assert_int_equal(d.mask[at].reg[2], EVERY);
    assert_int_equal(d.mask[at].reg[0], 0);
    dump_free(&d);
}

#define MODEL                                                                                      \
    "{\"return\":{\"model\":{\"name\":\"base\",\"props\":{\"level\":13,\"xlevel\":2147483656,"     \
    "\"family\":23,\"model\":1,\"stepping\":2,\"vendor\":\"AuthenticAMD\",\"sse4_1\":true,"        \
    "\"model-id\":\"AMD EPYC\",\"tsc_adjust\":true,\"avx512f\":false,\"nx\":true,\"xd\":true,"     \
    "\"kvmclock\":true,\"sgx1\":false,\"hv-spinlocks\":-1}}},\"id\":\"model-expansion\"}\n"

static void qemu_models_are_read_by_name(void **state)
{
    static const char text[] = MODEL "\n{\"return\":[],\"id\":\"x\"}\n";
    static const struct {
        struct tsp_leaf leaf;
        struct dump_mask mask;
    } row[] = {
        {{0x0, 0, 0, {13, 0x68747541, 0x444d4163, 0x69746e65}}, {{EVERY, EVERY, EVERY, EVERY}}},
        {{0x1, 0, 0, {0x00800f12, 0, 1u << 19, 0}}, {{0x0fff0fff, 0, 1u << 19, 0}}},
        {{0x7, 0, I, {0, 2, 0, 0}}, {{0, 0x10002, 0, 0}}},
        {{0x80000000, 0, 0, {0x80000008, 0, 0, 0}}, {{EVERY, 0, 0, 0}}},
        {{0x80000001, 0, 0, {0, 0, 0, 1u << 20}}, {{0, 0, 0, 1u << 20}}},
        {{0x80000002, 0, 0, {0x20444d41, 0x43595045, 0, 0}}, {{EVERY, EVERY, EVERY, EVERY}}},
    };
    struct tsp_error err;
    struct dump d;

    (void)state;
    if (dump_read("t", (const uint8_t *)text, strlen(text), &d, &err) != TSP_OK)
        fail_msg("%s", err.text);
    assert_string_equal(d.format, "QMP");
    assert_string_equal(d.cpu[0].name, "base");
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t at = 0;
        const struct tsp_leaf *l = find(&d, 0, &row[i].leaf, &at);

        if (l == NULL)
            fail_msg("row %zu is missing", i);
        assert_memory_equal(l->reg, row[i].leaf.reg, sizeof(l->reg));
        assert_memory_equal(&d.mask[at], &row[i].mask, sizeof(d.mask[at]));
    }
    /* The brand string's other two leaves are there, the leaf beyond the last one is not. */
    assert_int_equal(d.n, sizeof(row) / sizeof(row[0]) + 2);
    dump_free(&d);
}

#define WORD(reg, leaf, more, value)                                                               \
    "{\"cpuid-register\":\"" reg "\",\"cpuid-input-eax\":" leaf more ",\"features\":" value "}"

/* What libvirt kept of QEMU before there were expanded models. KVM's leaf is left out: nothing says
 * where it stands. */
static void qemu_feature_words_are_read(void **state)
{
    static const char text[] =
        "{\"return\":[" WORD("ECX", "7", ",\"cpuid-input-ecx\":0", "0") "," WORD(
            "EBX", "7", ",\"cpuid-input-ecx\":0",
            "2") "," WORD("EAX", "1073741825", "",
                          "16777467") "," WORD("EDX", "2147483649", "",
                                               "668204031") "],\"id\":\"feature-words\"}\n"
                                                            "{\"return\":21,\"id\":\"family\"}\n"
                                                            "{\"return\":1,\"id\":\"model\"}\n"
                                                            "{\"return\":2,\"id\":\"stepping\"}\n"
                                                            "{\"return\":\"AMD\",\"id\":"
                                                            "\"model-id\"}\n";
    static const struct {
        struct tsp_leaf leaf;
        struct dump_mask mask;
    } row[] = {
        {{0x1, 0, 0, {0x00600f12, 0, 0, 0}}, {{0x0fff0fff, 0, 0, 0}}},
        {{0x7, 0, I, {0, 2, 0, 0}}, {{0, EVERY, EVERY, 0}}},
        {{0x80000001, 0, 0, {0, 0, 0, 668204031}}, {{0, 0, 0, EVERY}}},
        {{0x80000002, 0, 0, {0x00444d41, 0, 0, 0}}, {{EVERY, EVERY, EVERY, EVERY}}},
    };
    struct tsp_error err;
    struct dump d;

    (void)state;
    if (dump_read("t", (const uint8_t *)text, strlen(text), &d, &err) != TSP_OK)
        fail_msg("%s", err.text);
    assert_string_equal(d.format, "QMP");
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t at = 0;
        const struct tsp_leaf *l = find(&d, 0, &row[i].leaf, &at);

        if (l == NULL)
            fail_msg("row %zu is missing", i);
        assert_memory_equal(l->reg, row[i].leaf.reg, sizeof(l->reg));
        assert_memory_equal(&d.mask[at], &row[i].mask, sizeof(d.mask[at]));
    }
    assert_int_equal(d.n, sizeof(row) / sizeof(row[0]));
    dump_free(&d);
}

static void bad_json_is_refused_where_it_is_bad(void **state)
{
    static const struct {
        const char *text, *says;
    } row[] = {
        {"{\"return\":{\"model\":{}}}", "without a return.model.props"},
        {"{\"return\":\n{\"model\":}}", "t:2:"},
        {"{\"return\":[" WORD("EAX", "1", "", "1") "," WORD("EFX", "1", "",
                                                            "1") "],\"id\":\"feature-words\"}",
         "feature-words[1]"},
        {"{\"return\":[" WORD("EAX", "1", "", "-1") "],\"id\":\"feature-words\"}",
         "feature-words[0]"},
        {MODEL "{\"return\":", "t:2:"},
        {"{\"cpus\":[{\"id\":0}]}", "\"leaves\""},
        {"{\"cpus\":[{\"id\":-1,\"leaves\":[]}]}", "\"id\""},
        {"{\"cpus\":[{\"id\":0,\"leaves\":[{\"leaf\":\"0x1\"}]}]}", "leaves[0]"},
        {"{\"cpus\":[{\"id\":0,\"leaves\":[{\"leaf\":\"0x1\",\"subleaf\":\"0x0\",\"eax\":\"0x0\","
         "\"ebx\":\"0x0\",\"ecx\":\"0x0\",\"edx\":\"0x0\",\"known\":[1]}]}]}",
         "four numbers"},
        {"{\"x\":1}", "without cpuid_modifiers"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_error err = {.line = 0};
        struct dump d;

        assert_int_equal(
            dump_read("t", (const uint8_t *)row[i].text, strlen(row[i].text), &d, &err),
            TSP_EPARSE);
        if (strstr(err.text, row[i].says) == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_pair_of_formats_round_trips),
    cmocka_unit_test(what_has_no_place_is_told),
    cmocka_unit_test(bits_left_to_the_host_survive),
    cmocka_unit_test(featuresets_repeat_no_bits_of_leaf_1),
    cmocka_unit_test(qemu_models_are_read_by_name),
    cmocka_unit_test(qemu_feature_words_are_read),
    cmocka_unit_test(bad_json_is_refused_where_it_is_bad),
};

TEST_MAIN(tests)
