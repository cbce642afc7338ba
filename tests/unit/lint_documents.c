/* SPDX-License-Identifier: MIT */
/* SARIF and JUnit: what the formats demand, whatever the findings hold. */
#define _POSIX_C_SOURCE 200809L
#include "tests/test_main.h"

#include "cli/formats/report_lint.h"

#include <jansson.h>
#include <stdlib.h>

static struct lint_line lines[3];
static struct lint_file files[3];
static const struct lint_doc doc = {files, 3};

static void make(void)
{
    lines[0] = (struct lint_line){.leaf = 7,
                                  .value = 1,
                                  .reg = 1,
                                  .hi = 5,
                                  .lo = 5,
                                  .cpus = (char *)"cpu 0-3",
                                  .expected = (char *)"0 without <x> & \"y\"",
                                  .who = (char *)"the monitor",
                                  .rule = "DEP-A",
                                  .source = "doc",
                                  .text = "a > b"};
    lines[1] = lines[0];
    lines[1].hi = 7;
    lines[2] = lines[0];
    lines[2].rule = "NOTE-B";
    lines[2].note = true;
    lines[2].who = (char *)"";
    files[0] = (struct lint_file){.name = (char *)"dir/a file%\xff\x01.txt", .line = lines, .n = 3};
    files[1] = (struct lint_file){.name = NULL};
    files[2] = (struct lint_file){.name = (char *)"/bad", .error = (char *)"no <dump>"};
}

static char *written(bool (*write)(FILE *f, const struct lint_doc *d))
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    assert_non_null(f);
    assert_true(write(f, &doc));
    assert_int_equal(fclose(f), 0);
    return text;
}

static json_t *sarif(void)
{
    char *text = written(report_write_sarif);
    json_error_t err;
    json_t *o = json_loads(text, 0, &err);

    if (o == NULL)
        fail_msg("%s at %d", err.text, err.line);
    free(text);
    return o;
}

/* Text by a path of keys; a number picks of an array. */
static const char *at(json_t *o, const char *path)
{
    char copy[200], *save = NULL;

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *key = strtok_r(copy, "/", &save); key; key = strtok_r(NULL, "/", &save))
        o = json_is_array(o) ? json_array_get(o, (size_t)strtoul(key, NULL, 10))
                             : json_object_get(o, key);
    return json_is_string(o) ? json_string_value(o) : NULL;
}

static void sarif_has_what_the_schema_requires(void **state)
{
    json_t *o, *run, *results, *r;
    size_t i;

    (void)state;
    make();
    o = sarif();
    assert_string_equal(at(o, "version"), "2.1.0");
    assert_non_null(strstr(at(o, "$schema"), "sarif-schema-2.1.0.json"));
    assert_int_equal(json_array_size(json_object_get(o, "runs")), 1);
    run = json_array_get(json_object_get(o, "runs"), 0);
    assert_string_equal(at(run, "tool/driver/name"), "trapspec");
    assert_int_equal(json_array_size(json_object_get(
                         json_object_get(json_object_get(run, "tool"), "driver"), "rules")),
                     2);
    results = json_object_get(run, "results");
    assert_int_equal(json_array_size(results), 3);
    json_array_foreach(results, i, r)
    {
        char rule[80];
        json_int_t index = json_integer_value(json_object_get(r, "ruleIndex"));

        assert_non_null(at(r, "message/text"));
        snprintf(rule, sizeof(rule), "tool/driver/rules/%d/id", (int)index);
        assert_string_equal(at(run, rule), at(r, "ruleId"));
        assert_non_null(
            json_object_get(json_object_get(r, "partialFingerprints"), "trapspecFinding/v1"));
        assert_string_equal(at(r, "level"), i == 2 ? "none" : "error");
        assert_string_equal(at(r, "kind"), i == 2 ? "informational" : "fail");
        assert_string_equal(at(r, "locations/0/physicalLocation/artifactLocation/uri"),
                            "dir/a%20file%25%FF%01.txt");
        assert_non_null(at(r, "locations/0/logicalLocations/0/fullyQualifiedName"));
    }
    assert_false(json_boolean_value(json_object_get(
        json_array_get(json_object_get(run, "invocations"), 0), "executionSuccessful")));
    assert_string_equal(at(run, "invocations/0/toolExecutionNotifications/0/message/text"),
                        "no <dump>");
    json_decref(o);
}

static void print_of(unsigned result, char out[32])
{
    json_t *o = sarif();
    json_t *r = json_array_get(
        json_object_get(json_array_get(json_object_get(o, "runs"), 0), "results"), result);

    snprintf(out, 32, "%s",
             json_string_value(
                 json_object_get(json_object_get(r, "partialFingerprints"), "trapspecFinding/v1")));
    json_decref(o);
}

/* Tools recognise a finding by it from one run to the next. */
static void fingerprints_stay_with_rule_and_place(void **state)
{
    char a[32], b[32];

    (void)state;
    make();
    print_of(0, a);
    assert_int_equal(strlen(a), 16);
    lines[0].value = 0;
    lines[0].cpus = (char *)"cpu 9";
    lines[0].expected = (char *)"";
    lines[0].who = (char *)"";
    print_of(0, b);
    assert_string_equal(a, b);
    print_of(1, b);
    assert_string_not_equal(a, b);
    lines[0].rule = "DEP-C";
    print_of(0, b);
    assert_string_not_equal(a, b);
    make();
    files[0].name = (char *)"other";
    print_of(0, b);
    assert_string_not_equal(a, b);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        n++;
    return n;
}

static void junit_is_well_formed(void **state)
{
    char *text;
    unsigned open = 0;

    (void)state;
    make();
    text = written(report_write_junit);
    assert_int_equal(count(text, "<testsuite "), 3);
    assert_int_equal(count(text, "</testsuite>"), 3);
    assert_int_equal(count(text, "<testcase "), 5);
    assert_int_equal(count(text, "<failure "), 2);
    assert_int_equal(count(text, "<error "), 1);
    assert_int_equal(count(text, "<system-out>"), 1);
    assert_non_null(strstr(text, "<testsuites name=\"trapspec lint\" tests=\"5\" failures=\"2\" "
                                 "errors=\"1\">"));
    /* No tag inside a tag, nothing that XML forbids. */
    for (const char *p = text; *p; p++) {
        assert_true((unsigned char)*p >= 0x20 || *p == '\n');
        assert_true((unsigned char)*p < 0x7f);
        if (*p == '<')
            assert_int_equal(open++, 0);
        else if (*p == '>')
            assert_int_equal(--open, 0);
        else if (*p == '&')
            assert_true(strncmp(p, "&lt;", 4) == 0 || strncmp(p, "&gt;", 4) == 0 ||
                        strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&quot;", 6) == 0);
    }
    free(text);
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test(sarif_has_what_the_schema_requires),
    cmocka_unit_test(fingerprints_stay_with_rule_and_place),
    cmocka_unit_test(junit_is_well_formed),
};

TEST_MAIN(tests)
