/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
/*
 * Readers of files that users have. A good file gives what stands in it; a bad one gives the line
 * and a reason; what we write is read back the same.
 */
#include "tests/test_main.h"

#include "cli/formats/cpuid_raw.h"
#include "cli/formats/golden.h"
#include "cli/formats/program.h"
#include "cli/formats/skip.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static enum tsp_status read_dump(const char *text, struct dump *d, struct tsp_error *err)
{
    return dump_read_raw("test", (const uint8_t *)text, strlen(text), d, err);
}

static void dump_reads_what_cpuid_prints(void **state)
{
    struct tsp_error err;
    struct dump d;

    (void)state;
    assert_int_equal(read_dump("CPU 0:\n   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 "
                               "ecx=0x6c65746e edx=0x49656e69\r\n\nCPU 1:\n0x7 0x1: eax=0x1 "
                               "ebx=0x2 ecx=0x3 edx=0x4\n",
                               &d, &err),
                     TSP_OK);
    assert_int_equal(d.ncpu, 2);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.leaf[0].reg[1], 0x756e6547);
    assert_int_equal(d.leaf[1].leaf, 7);
    assert_int_equal(d.leaf[1].subleaf, 1);
    assert_int_equal(d.leaf[1].reg[3], 4);
    assert_int_equal(d.cpu[1].id, 1);
    dump_free(&d);
}

static void dump_refuses_with_line_and_reason(void **state)
{
    static const struct {
        const char *text, *says;
        unsigned line;
    } row[] = {
        {"", "no CPUID leaf", 0},
        {"CPU:\n", "no CPUID leaf", 0},
        {"hello\n", "neither", 1},
        {"CPU 0:\n0x1 0x0: eax=0x1 ebx=0x2 ecx=0x3\n", "neither", 2},
        {"0x1 0x0: eax=0x123456789 ebx=0x0 ecx=0x0 edx=0x0\n", "neither", 1},
        {"0x1 0x0: eax=0x1 ebx=0x0 ecx=0x0 edx=0x0 more\n", "neither", 1},
        {"0x1 0x0: eax=0x1 ebx=0x0 ecx=0x0 edx=0x0\n0x1 0x0: eax=0x2 ebx=0x0 ecx=0x0 edx=0x0\n",
         "stands twice", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_error err;
        struct dump d;

        assert_int_equal(read_dump(row[i].text, &d, &err), TSP_EPARSE);
        assert_non_null(strstr(err.text, row[i].says));
        assert_int_equal(err.line, row[i].line);
    }
}

static void dump_written_is_read_back_the_same(void **state)
{
    struct tsp_leaf leaf[3] = {{.leaf = 0, .reg = {1, 2, 3, 4}},
                               {.leaf = 0xd, .subleaf = 63, .reg = {0xffffffff, 0, 5, 0}},
                               {.leaf = 0x80000008, .reg = {0x3028, 0, 0, 0}}};
    struct tsp_error err;
    struct dump d;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    (void)state;
    dump_write_raw(f, "CPU 0", leaf, 3);
    fclose(f);
    assert_int_equal(dump_read_raw("test", (uint8_t *)text, n, &d, &err), TSP_OK);
    assert_int_equal(d.n, 3);
    assert_memory_equal(d.leaf, leaf, sizeof(leaf));
    dump_free(&d);
    free(text);
}

static void dump_index_marks_leaves_with_several_subleaves(void **state)
{
    struct tsp_leaf leaf[] = {
        {.leaf = 1}, {.leaf = 4}, {.leaf = 0x30}, {.leaf = 0x30, .subleaf = 1}};

    (void)state;
    dump_index(leaf, 4);
    assert_int_equal(leaf[0].flags, 0);
    assert_int_equal(leaf[1].flags, TSP_LEAF_INDEXED);
    assert_int_equal(leaf[2].flags, TSP_LEAF_INDEXED);
    assert_int_equal(leaf[3].flags, TSP_LEAF_INDEXED);
}

#define TABLE                                                                                      \
    "{\"id\":\"table/"                                                                             \
    "amd\",\"entries\":[{\"f\":\"0\",\"i\":-1,\"r\":[\"0xd\",\"0x68747541\",\"0x444d4163\","       \
    "\"0x69746e65\"]}]}\n"
#define RUN(exit, more)                                                                            \
    "{\"id\":\"hc/x\",\"mode\":\"long64\",\"cpl\":0,\"tab\":\"amd\",\"flags\":[" more "],"         \
    "\"code_lin\":\"0x10000\",\"code\":\"0f01d9f4\",\"in\":{\"rip\":\"0x10000\",\"rflags\":"       \
    "\"0x2\","                                                                                     \
    "\"rax\":\"0x1\"},\"exit\":\"" exit                                                            \
    "\",\"exc\":null,\"out\":{\"rip\":\"0x10004\",\"rflags\":\"0x2\","                             \
    "\"rax\":\"0\"},\"mem\":\"0f01d9f4\"}\n"

static enum tsp_status read_golden(const char *text, struct golden *g, struct tsp_error *err)
{
    return golden_read("test", (const uint8_t *)text, strlen(text), g, err);
}

static void golden_reads_a_run(void **state)
{
    struct tsp_error err;
    struct golden g;

    (void)state;
    assert_int_equal(read_golden(TABLE RUN("hlt", "\"wp=0\",\"pte1=P-U\""), &g, &err), TSP_OK);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.host, TSP_VENDOR_AMD);
    assert_int_equal(g.rec[0].kind, GOLDEN_NOTE);
    assert_int_equal(g.rec[1].kind, GOLDEN_RUN);
    assert_int_equal(g.rec[1].s->host, TSP_VENDOR_AMD);
    assert_int_equal(g.rec[1].s->mode, TSP_MODE_LONG64);
    assert_int_equal(g.rec[1].s->nleaf, 1);
    assert_int_equal(g.rec[1].s->regs[TSP_RAX], 1);
    assert_int_equal(g.rec[1].s->cpu & INPUT_CPU_WP, 0);
    assert_int_equal(g.rec[1].s->pte[0], INPUT_PTE_P | INPUT_PTE_U);
    assert_int_equal(g.rec[1].out.exit, OUTCOME_HALT);
    assert_int_equal(g.rec[1].out.out.r[TSP_RAX], 0);
    assert_int_equal(g.rec[1].out.mem_len, 4);
    golden_free(&g);
}

/* A good line with one thing put in place of another: the line and what is wrong with it are told.
 */
static void golden_reads_behind_a_byte_order_mark(void **state)
{
    struct tsp_error err = {0};
    struct golden g;

    (void)state;
    assert_int_equal(read_golden("\xef\xbb\xbf" TABLE RUN("hlt", ""), &g, &err), TSP_OK);
    golden_free(&g);
}

static void golden_refuses_damaged_runs(void **state)
{
    static const struct {
        const char *from, *to, *says;
    } row[] = {
        {"\"in\":{", "\"on\":{", "\"in\" is missing"},
        {"\"in\":{\"rip\":\"0x10000\",\"rflags\":\"0x2\",\"rax\":\"0x1\"}", "\"in\":[]",
         "\"in\" is"},
        {"\"out\":{", "\"ouch\":{", "\"out\" is missing"},
        {"\"exc\":null", "\"exc\":\"x\"", "\"exc\" is neither"},
        {"\"exc\":null", "\"exc\":{\"vec\":6}", "\"rip\" is missing"},
        {"\"exc\":null", "\"mmio\":3", "\"mmio\" is neither"},
        {"\"exc\":null", "\"hypercall\":[]", "\"hypercall\" is neither"},
        {"\"flags\":[]", "\"flags\":{}", "\"flags\" is not an array"},
        {"\"flags\":[]", "\"flags\":[1]", "entry 0 is not a string"},
        {"\"cpl\":0", "\"cpl\":4", "privilege level 4"},
        {"\"cpl\":0", "\"cpl\":\"ring\"", "is not a number"},
        {"\"rax\":\"0x1\"", "\"rzz\":\"0x1\"", "unknown register"},
        {"\"0x10000\",\"code\"", "\"0x10000000000000000\",\"code\"", "is not a number"},
        {"0f01d9f4\",\"in", "0f01d9f\",\"in", "hexadecimal digits"},
        {"0f01d9f4\",\"in", "0f01d9fg\",\"in", "not hexadecimal"},
        {"\"mem\":", "\"pte_after\":[\"0x1\"],\"mem\":", "array of two"},
        {"\"mem\":", "\"mem_at_rip_nobase\":\"cc\",\"mem\":", "fewer than 16"},
        {"\"hc/x\"", "7", "not a string"},
        {"\"tab\":\"amd\"", "\"tab\":\"dma\"", "not given before"},
        {"\"exit\":\"hlt\"", "\"exit\":null", "\"exit\""},
        {"\"mode\":", "\"id\":\"y\",\"mode\":", "duplicate"},
        {"\"mem\":\"0f01d9f4\"}", "\"mem\":\"0f01", "test:2"},
    };
    static const char good[] = RUN("hlt", "");

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const char *at = strstr(good, row[i].from);
        char text[2048];
        struct tsp_error err;
        struct golden g;

        assert_non_null(at);
        snprintf(text, sizeof(text), "%s%.*s%s%s", TABLE, (int)(at - good), good, row[i].to,
                 at + strlen(row[i].from));
        assert_int_equal(read_golden(text, &g, &err), TSP_EPARSE);
        assert_non_null(strstr(err.text, "test:2: "));
        if (strstr(err.text, row[i].says) == NULL)
            fail_msg("row %zu: \"%s\" lacks \"%s\"", i, err.text, row[i].says);
    }
}

static void golden_says_which_flag_it_does_not_know(void **state)
{
    struct tsp_error err;
    struct golden g;

    (void)state;
    assert_int_equal(read_golden(TABLE RUN("hlt", "\"some new thing\""), &g, &err), TSP_OK);
    assert_int_equal(g.rec[1].kind, GOLDEN_RUN);
    assert_non_null(strstr(g.rec[1].why, "some new thing"));
    golden_free(&g);
}

static void golden_refuses_with_line_and_reason(void **state)
{
    static const struct {
        const char *text, *says;
    } row[] = {
        {"", "no record"},
        {"{\n", "test:1"},
        {"[]\n", "not a JSON object"},
        {TABLE "{}\n", "test:2"},
        {TABLE RUN("dancing", ""), "unknown value"},
        {RUN("hlt", ""), "was not given before"},
        {"{\"id\":\"a\",\"id\":\"b\"}\n", "test:1"},
        {"{\"id\":\"table/x\",\"entries\":[{\"f\":\"zz\"}]}\n", "not a number"},
        {"{\"id\":\"table/x\",\"entries\":[{\"f\":\"1\",\"i\":0,\"r\":[\"1\"]}]}\n",
         "four registers"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_error err;
        struct golden g;

        assert_int_equal(read_golden(row[i].text, &g, &err), TSP_EPARSE);
        if (strstr(err.text, row[i].says) == NULL)
            fail_msg("row %zu: \"%s\" lacks \"%s\"", i, err.text, row[i].says);
    }
}

static void files_appear_whole_or_not_at_all(void **state)
{
    char dir[] = "/tmp/tsp-test-XXXXXX", path[64];
    struct file_out out;
    struct tsp_error err;
    uint8_t *p;
    size_t n;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/f", dir);
    assert_int_equal(file_begin(&out, path, &err), TSP_OK);
    fputs("old", out.f);
    assert_int_equal(file_commit(&out, &err), TSP_OK);
    assert_int_equal(file_begin(&out, path, &err), TSP_OK);
    fputs("new, half", out.f);
    file_abort(&out);
    assert_int_equal(file_read(path, 100, &p, &n, &err), TSP_OK);
    assert_string_equal((char *)p, "old");
    free(p);
    assert_int_equal(file_read(path, 2, &p, &n, &err), TSP_EPARSE);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

static void full_disk_leaves_the_old_file(void **state)
{
    struct file_out out;
    struct tsp_error err;

    (void)state;
    /* A directory that does not exist stands for every reason a file cannot be made. */
    assert_int_equal(file_begin(&out, "/nonexistent/x", &err), TSP_EIO);
    assert_non_null(strstr(err.text, "/nonexistent/x"));
    assert_int_equal(file_mkdirs("/proc/nothing/x", &err), TSP_EIO);
}

static void skip_list_matches_patterns_and_refuses_bare_lines(void **state)
{
    char path[] = "/tmp/tsp-skip-XXXXXX";
    struct skip_list *l;
    struct tsp_error err;
    int fd = mkstemp(path);

    (void)state;
    assert_true(write(fd, "# why\namd/prefix/*/f0, not the subject\n", 39) == 39);
    close(fd);
    assert_int_equal(skip_load(&l, path, &err), TSP_OK);
    assert_string_equal(skip_reason(l, "amd", "prefix/vmcall/cpl0/f0"), "not the subject");
    assert_null(skip_reason(l, "amd", "prefix/vmcall/cpl0/f3"));
    assert_null(skip_reason(l, "intel", "prefix/vmcall/cpl0/f0"));
    assert_null(skip_reason(NULL, "amd", "prefix/vmcall/cpl0/f0"));
    skip_free(l);
    fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(write(fd, "ok/*, reason\nbare\n", 18) == 18);
    close(fd);
    assert_int_equal(skip_load(&l, path, &err), TSP_EPARSE);
    assert_int_equal(err.line, 2);
    unlink(path);
    assert_int_equal(skip_load(&l, path, &err), TSP_EIO);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(dump_reads_what_cpuid_prints),
    cmocka_unit_test(dump_refuses_with_line_and_reason),
    cmocka_unit_test(dump_written_is_read_back_the_same),
    cmocka_unit_test(dump_index_marks_leaves_with_several_subleaves),
    cmocka_unit_test(golden_reads_a_run),
    cmocka_unit_test(golden_reads_behind_a_byte_order_mark),
    cmocka_unit_test(golden_refuses_damaged_runs),
    cmocka_unit_test(golden_says_which_flag_it_does_not_know),
    cmocka_unit_test(golden_refuses_with_line_and_reason),
    cmocka_unit_test(files_appear_whole_or_not_at_all),
    cmocka_unit_test(full_disk_leaves_the_old_file),
    cmocka_unit_test(skip_list_matches_patterns_and_refuses_bare_lines),
};

TEST_MAIN(tests)
