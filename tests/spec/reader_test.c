/* SPDX-License-Identifier: MIT */
/*
 * The reader of tables refuses, with file, line and reason, whatever would make the table say less,
 * or something else, than its author believes. Each refusal has a row here; random bytes must never
 * do more than be refused.
 */
#include "tests/spec/fixture.h"

#include <stdlib.h>

static const char sources[] = "doc, A document, 1, 2, free\n";
static const char opcodes[] = "x86, cpuid, 0fa2, -, any, doc, x\n"
                              "x86, vmcall, 0f01c1, -, any, doc, x\n"
                              "arm64, hvc, 020000d4, 1f00e0ff, any, doc, x\n";
static const char good_leaf[] = "any, 0x1, -, eax, 31:0, any, doc,\n"
                                "any, 0x1, -, ebx, 31:0, any, doc,\n"
                                "any, 0x1, -, ecx, 31:0, any, doc,\n"
                                "any, 0x1, -, edx, 31:0, any, doc,\n";

static struct build *fresh(void)
{
    struct build *b = build_open();
    struct tsp_error err = {0};

    assert_non_null(b);
    assert_true(build_table(b, "sources", sources, sizeof(sources) - 1, &err));
    assert_true(build_table(b, "opcodes", opcodes, sizeof(opcodes) - 1, &err));
    return b;
}

struct refusal {
    const char *table, *text, *reason;
    unsigned line;
};

static void refuse(const struct refusal *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct build *b = fresh();
        struct tsp_error err = {0};
        bool ok = build_table(b, row[i].table, row[i].text, strlen(row[i].text), &err);

        if (ok)
            print_error("accepted: %s", row[i].text);
        assert_false(ok);
        assert_int_equal(err.code, TSP_EPARSE);
        if (!strstr(err.text, row[i].reason) || err.line != row[i].line)
            print_error("%s\n  line %u: %s\n", row[i].text, err.line, err.text);
        assert_non_null(strstr(err.text, row[i].reason));
        assert_int_equal(err.line, row[i].line);
        assert_ptr_equal(strstr(err.text, row[i].table), err.text);
        free(b);
    }
}

#define REFUSE(rows) refuse(rows, sizeof(rows) / sizeof((rows)[0]))

static void lines_are_refused(void **state)
{
    static const struct refusal row[] = {
        {"elsewhere", "x\n", "no table has this name", 0},
        {"sources", "a, b, c\n", "3 columns, not 5", 1},
        {"sources", "a, b, c, d,\n", "column 5 is empty", 1},
        {"sources", "\n# x\na, b, c, d, e\na, b, c, d, e\n", "listed twice", 4},
        {"sources", "doc, b, c, d, e\n", "listed twice", 1},
        {"sources", "a, b, c, d, e\r\n", "carriage return", 1},
        {"sources", "a, b, c, \001d, e\n", "control character", 1},
        {"opcodes", "x86, a, 0f, -, any, nodoc, x\n", "unknown source 'nodoc'", 1},
        {"opcodes", "z80, a, 0f, -, any, doc, x\n", "unknown architecture", 1},
        {"opcodes", "x86, , 0f, -, any, doc, x\n", "bad instruction name", 1},
        {"opcodes", "x86, a, 0, -, any, doc, x\n", "hex pairs", 1},
        {"opcodes", "x86, a, 0F, -, any, doc, x\n", "hex pairs", 1},
        {"opcodes", "x86, a, 0f01020304, -, any, doc, x\n", "hex pairs", 1},
        {"opcodes", "x86, a, 0f, ffff, any, doc, x\n", "mask must be", 1},
        {"opcodes", "x86, a, 0f, f0, any, doc, x\n", "outside its mask", 1},
        {"opcodes", "x86, a, 0f, -, long65, doc, x\n", "unknown mode", 1},
        {"opcodes", "x86, a, 0f, -, a64, doc, x\n", "unknown mode", 1},
        {"opcodes", "arm64, a, 0f, -, any, doc, x\n", "4 bytes", 1},
    };

    (void)state;
    REFUSE(row);
}

static void field_rows_are_refused(void **state)
{
    static const struct refusal row[] = {
        {"x86_leaves", "any, 1, -, eax, 31:0, any, doc,\n", "bad leaf", 1},
        {"x86_leaves", "any, 0x100000000, -, eax, 31:0, any, doc,\n", "bad leaf", 1},
        {"x86_leaves", "any, hv+0x1, -, eax, 31:0, any, doc,\n", "belong to a hv_", 1},
        {"x86_leaves", "via, 0x1, -, eax, 31:0, any, doc,\n", "unknown vendor", 1},
        {"x86_leaves", "amd+amd, 0x1, -, eax, 31:0, any, doc,\n", "unknown vendor", 1},
        {"x86_leaves", "any, 0x1, x, eax, 31:0, any, doc,\n", "bad sub-leaf", 1},
        {"x86_leaves", "any, 0x1, 5..2, eax, 31:0, any, doc,\n", "bad sub-leaf", 1},
        {"x86_leaves", "any, 0x1, -, rax, 31:0, any, doc,\n", "unknown register", 1},
        {"x86_leaves", "any, 0x1, -, eax, 32:0, any, doc,\n", "bad bit range", 1},
        {"x86_leaves", "any, 0x1, -, eax, 0:31, any, doc,\n", "bad bit range", 1},
        {"x86_leaves", "any, 0x1, -, eax, 31:0, some, doc,\n", "unknown rule", 1},
        {"x86_leaves", "any, 0x1, -, eax, 31:0, some:1, doc,\n", "unknown rule", 1},
        {"x86_leaves", "any, 0x1, -, eax, 7:0, eq:0x100, doc,\n", "bad value", 1},
        {"x86_leaves", "any, 0x1, -, eax, 7:0, ascii:A, doc,\n", "bad value", 1},
        {"x86_leaves", "any, 0x1, -, eax, 31:0, ascii:ABCDE, doc,\n", "bad value", 1},
        {"x86_leaves", "any, 0x1, -, eax, 0, dyn:weather, doc,\n", "unknown dyn name", 1},
        {"x86_leaves", "any, 0x1, -, eax, 0, same:0x2.-.eax[1:0], doc,\n", "bad value", 1},
        {"x86_leaves", "any, 0x1, -, eax, 0, same:0x2.eax[0], doc,\n", "bad value", 1},
        {"x86_leaves", "any, 0x1, -, eax, 01x, bits, doc,\n", "not 32 characters", 1},
        {"x86_leaves", "any, 0x1, -, eax, 31:0, any, paper,\n", "unknown source", 1},
        {"hv_kvm", "any, hv+0x1, -, eax, 31:0, any, doc,\n", "unknown persona", 1},
        {"hv_kvm", "kvm, hv+0x100, -, eax, 31:0, any, doc,\n", "bad leaf", 1},
        {"x86_leaves", "any, 0x2, -, eax, 31:0, any, doc,\nany, 0x1, -, eax, 31:0, any, doc,\n",
         "out of order", 2},
        {"x86_leaves", "any, 0x1, -, ebx, 31:0, any, doc,\nany, 0x1, -, eax, 31:0, any, doc,\n",
         "out of order", 2},
        {"x86_leaves", "any, 0x1, -, eax, 7:0, any, doc,\nany, 0x1, -, eax, 31:8, any, doc,\n",
         "out of order", 2},
        {"x86_leaves", "any, 0x1, -, eax, 31:0, any, doc,\nany, 0x1, -, eax, 31:0, any, doc,\n",
         "used twice", 2},
    };

    (void)state;
    REFUSE(row);
}

#define REST(leaf, sub)                                                                            \
    "any, " leaf ", " sub ", ebx, 31:0, any, doc,\nany, " leaf ", " sub                            \
    ", ecx, 31:0, any, doc,\nany, " leaf ", " sub ", edx, 31:0, any, doc,\n"

static void registers_must_tile(void **state)
{
    static const struct refusal row[] = {
        {"x86_leaves", "any, 0x1, -, eax, 31:1, any, doc,\n" REST("0x1", "-"),
         "eax lacks bits 0x00000001", 4},
        {"x86_leaves", "any, 0x1, -, eax, 31:0, any, doc,\n", "ebx lacks bits 0xffffffff", 1},
        {"x86_leaves",
         "any, 0x1, -, eax, 31:8, any, doc,\nany, 0x1, -, eax, 8:0, any, doc,\n" REST("0x1", "-"),
         "described twice", 2},
        {"x86_leaves",
         "any, 0x1, -, eax, 31:8, any, doc,\nintel, 0x1, -, eax, 7:0, any, doc,\n" REST("0x1", "-"),
         "eax lacks bits 0x000000ff", 5},
        {"x86_leaves",
         "any, 0x1, -, eax, 31:0, any, doc,\nintel, 0x1, -, eax, 31:0, any, doc,\n" REST("0x1",
                                                                                         "-"),
         "described twice", 2},
        {"x86_leaves",
         "any, 0x1, -, eax, 31:0, any, doc,\n" REST(
             "0x1", "-") "any, 0x1, 0, eax, 31:0, any, doc,\n" REST("0x1", "0"),
         "both honours and ignores", 5},
        {"x86_leaves",
         "any, 0x1, 0..5, eax, 31:0, any, doc,\n" REST(
             "0x1", "0..5") "any, 0x1, 5.., eax, 31:0, any, doc,\n" REST("0x1", "5.."),
         "overlap", 5},
        {"x86_leaves", "any, 0x1, 0, eax, 31:0, any, doc,\nany, 0x1, 0..1, ebx, 31:0, any, doc,\n",
         "sub-leaves overlap", 2},
    };

    (void)state;
    REFUSE(row);
}

static void rule_rows_are_refused(void **state)
{
    static const struct refusal row[] = {
        {"patch", "A-1, any, event=patch, never, doc\n", "5 columns, not 6", 1},
        {"patch", "A 1, any, event=patch, never, doc,\n", "bad rule id", 1},
        {"patch", "A-1, via, event=patch, never, doc,\n", "unknown persona", 1},
        {"patch", "A-1, kvm+, event=patch, never, doc,\n", "unknown persona", 1},
        {"patch", "A-1, any, , never, doc,\n", "no event=", 1},
        {"patch", "A-1, any, event=party, never, doc,\n", "unknown value 'party'", 1},
        {"patch", "A-1, any, event=patch event=patch, never, doc,\n", "given twice", 1},
        {"patch", "A-1, any, event=patch weather=fine, never, doc,\n", "unknown condition", 1},
        {"patch", "A-1, any, event=patch weather, never, doc,\n", "unknown condition", 1},
        {"patch", "A-1, any, event=patch cpl>1, never, doc,\n", "unknown condition", 1},
        {"patch", "A-1, any, event=patch insn=vmcal, never, doc,\n", "unknown value 'vmcal'", 1},
        {"patch", "A-1, any, event=patch nr=, never, doc,\n", "lacks a name or a value", 1},
        {"patch", "A-1, any, event=patch nr=x, never, doc,\n", "bad number", 1},
        {"patch", "A-1, any, event=patch nr=5..1, never, doc,\n", "bad range", 1},
        {"patch", "A-1, any, event=patch nr&x=1, never, doc,\n", "bad mask", 1},
        {"patch", "A-1, any, event=patch psci=2, never, doc,\n", "bad number", 1},
        {"patch", "A-1, any, event=patch 0x1.eax[0]=1, never, doc,\n", "bad field", 1},
        {"patch", "A-1, any, event=patch, , doc,\n", "no predicate", 1},
        {"patch", "A-1, any, event=patch, nevr, doc,\n", "unknown predicate 'nevr'", 1},
        {"patch", "A-1, any, event=patch, fault, doc,\n", "bad arguments", 1},
        {"patch", "A-1, any, event=patch, fault(x), doc,\n", "bad arguments", 1},
        {"patch", "A-1, any, event=patch, fault(1, doc,\n", "lacks its ')'", 1},
        {"patch", "A-1, any, event=patch, fault(1|2|3), doc,\n", "bad arguments", 1},
        {"patch", "A-1, any, event=patch, never(1), doc,\n", "bad arguments", 1},
        {"patch", "A-1, any, event=patch, code_becomes(0f01), doc,\n", "bad arguments", 1},
        {"patch", "A-1, any, event=patch, code_becomes(0f01zz), doc,\n", "bad arguments", 1},
        {"patch", "A-1, any, event=patch, stop_is(dance), doc,\n", "bad arguments", 1},
        {"patch", "A-1, any, event=patch, never, doc,\nA-1, any, event=patch, never, doc,\n",
         "used twice", 2},
    };

    (void)state;
    REFUSE(row);
}

static void fields_come_before_rules(void **state)
{
    struct build *b = fresh();
    struct tsp_error err = {0};
    const char *rule = "A-1, any, event=patch, never, doc,\n";

    (void)state;
    assert_true(build_table(b, "patch", rule, strlen(rule), &err));
    assert_false(build_table(b, "x86_leaves", good_leaf, strlen(good_leaf), &err));
    assert_non_null(strstr(err.text, "before rule tables"));
    free(b);
}

static void good_rows_are_kept(void **state)
{
    struct build *b = fresh();
    struct tsp_error err = {0};
    struct spec_rule r;
    const char *rule = "# comment\n\n  A-1 , kvm , event=patch nr=1|0x5..7 , never , doc , a, b\n";

    (void)state;
    assert_true(build_table(b, "x86_leaves", good_leaf, strlen(good_leaf), &err));
    assert_true(build_table(b, "patch", rule, strlen(rule), &err));
    assert_true(build_finish(b, &err));
    assert_int_equal(spec_rule_count(&b->spec), 5);
    assert_true(spec_rule_at(&b->spec, spec_rule_find(&b->spec, "A-1"), &r));
    assert_string_equal(r.when, "event=patch nr=1|0x5..7");
    assert_string_equal(r.note, "a, b");
    assert_string_equal(r.pred, "never");
    assert_string_equal(r.table, "patch");
    assert_int_equal(r.line, 3);
    assert_true(spec_rule_at(&b->spec, spec_rule_find(&b->spec, "any:0x1.ecx[31:0]"), &r));
    assert_string_equal(r.when, "0x1 - ecx[31:0]");
    assert_string_equal(r.must, "any");
    assert_int_equal(spec_rule_find(&b->spec, "nothing"), ~0u);
    assert_false(spec_rule_at(&b->spec, 5, &r));
    /* one record for each of five vendors */
    assert_int_equal(b->spec.nrec, TSP_VENDOR_COUNT);
    free(b);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Bytes that nobody wrote: from pure noise to one changed byte of a good table. */
static void random_bytes_are_survived(void **state)
{
    static const char *const name[] = {"sources", "opcodes", "x86_leaves", "hv_kvm", "patch"};
    static const char alphabet[] = "any,0x1 -eaxbcd31:0\n#|=.+()[]vent kvm,,doc";
    struct build *b = fresh();
    struct spec clean = b->spec;
    size_t pool = b->pool_used;
    uint32_t seed = 20240229;
    unsigned accepted = 0, refused = 0;

    (void)state;
    for (unsigned round = 0; round < 6000; round++) {
        struct tsp_error err = {0};
        char text[400];
        size_t n = next_random(&seed) % sizeof(text);

        for (size_t i = 0; i < n; i++)
            text[i] = round % 3 ? alphabet[next_random(&seed) % (sizeof(alphabet) - 1)]
                                : (char)next_random(&seed);
        if (round % 3 == 2) {
            n = sizeof(good_leaf) - 1;
            memcpy(text, good_leaf, n);
            text[next_random(&seed) % n] = (char)next_random(&seed);
        }
        b->spec = clean;
        b->pool_used = pool;
        if (build_table(b, name[next_random(&seed) % 5], text, n, &err)) {
            accepted++;
            assert_true(build_finish(b, &err));
        } else {
            refused++;
            assert_int_equal(err.code, TSP_EPARSE);
            assert_true(strlen(err.text) > 0);
        }
    }
    assert_true(accepted > 0);
    assert_true(refused > 1000);
    free(b);
}

static void shipped_tables_load_as_built_in(void **state)
{
    const struct spec *built = spec_builtin();
    struct spec *loaded = NULL;
    struct tsp_error err = {0};
    enum tsp_status status = spec_load(&loaded, TSP_SOURCE_DIR "/spec/tables", &err);

    (void)state;
    if (status != TSP_OK)
        print_error("line %u: %s\n", err.line, err.text);
    assert_int_equal(status, TSP_OK);
    assert_true(spec_rule_count(built) > 600);
    assert_int_equal(spec_rule_count(built), spec_rule_count(loaded));
    assert_int_equal(spec_gap_count(built), spec_gap_count(loaded));
    assert_int_equal(built->nrec, loaded->nrec);
    for (unsigned i = 0; i < spec_rule_count(built); i++) {
        struct spec_rule a, c;
        unsigned k;

        assert_true(spec_rule_at(built, i, &a) && spec_rule_at(loaded, i, &c));
        assert_string_equal(a.id, c.id);
        assert_string_equal(a.must, c.must);
        assert_int_equal(spec_rule_find(built, a.id), i);
        for (k = 0; k < spec_source_count(built); k++) {
            struct spec_source s;

            assert_true(spec_source_at(built, k, &s));
            if (strcmp(s.id, a.source) == 0)
                break;
        }
        assert_true(k < spec_source_count(built));
    }
    spec_free(loaded);
}

static void missing_directory_is_reported(void **state)
{
    struct spec *s = (struct spec *)state;
    struct tsp_error err = {0};

    assert_int_equal(spec_load(&s, TSP_SOURCE_DIR "/spec/no-such-directory", &err), TSP_EIO);
    assert_null(s);
    assert_non_null(strstr(err.text, "cannot open"));
    assert_int_equal(spec_load(&s, TSP_SOURCE_DIR "/ci", &err), TSP_EPARSE);
    assert_non_null(strstr(err.text, "holds no tables"));
    spec_free(NULL);
}

/* Each group of facts needs bits of its own, or a row would match what it does not name. */
static void fact_groups_do_not_overlap(void **state)
{
    uint64_t used[SPEC_FACT_WORDS] = {0};

    (void)state;
    for (unsigned i = 0; i < FACT_GROUPS; i++) {
        const struct fact_place *g = &fact_groups[i];
        uint64_t mask = (((uint64_t)1 << g->n) - 1) << g->first;

        assert_true(g->first + g->n <= 64);
        assert_true(g->word < SPEC_FACT_WORDS);
        assert_int_equal(used[g->word] & mask, 0);
        used[g->word] |= mask;
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_are_refused),
    cmocka_unit_test(field_rows_are_refused),
    cmocka_unit_test(registers_must_tile),
    cmocka_unit_test(rule_rows_are_refused),
    cmocka_unit_test(fields_come_before_rules),
    cmocka_unit_test(good_rows_are_kept),
    cmocka_unit_test(random_bytes_are_survived),
    cmocka_unit_test(shipped_tables_load_as_built_in),
    cmocka_unit_test(missing_directory_is_reported),
    cmocka_unit_test(fact_groups_do_not_overlap),
};

TEST_MAIN(tests)
