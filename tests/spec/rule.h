/* SPDX-License-Identifier: MIT */
/* A spec of one rule, for tests of single predicates. */
#ifndef TSP_TESTS_SPEC_RULE_H
#define TSP_TESTS_SPEC_RULE_H

#include "tests/spec/fixture.h"

#include <stdlib.h>

static const char sources[] = "doc, A document, 1, 2, free\n";
static const char opcodes[] = "x86, cpuid, 0fa2, -, any, doc, x\n"
                              "x86, vmcall, 0f01c1, -, any, doc, x\n"
                              "x86, vmmcall, 0f01d9, -, any, doc, x\n"
                              "x86, ud2, 0f0b, -, any, doc, x\n"
                              "x86, wrmsr, 0f30, -, any, doc, x\n"
                              "x86, rdmsr, 0f32, -, any, doc, x\n"
                              "arm64, hvc, 020000d4, 1f00e0ff, any, doc, x\n"
                              "arm64, smc, 030000d4, 1f00e0ff, any, doc, x\n";

/* The rule is "T-1" of that table; the caller frees it. */
static inline struct build *rule_of(const char *table, const char *when, const char *must)
{
    struct build *b = build_open();
    struct tsp_error err = {0};
    char text[512];
    int n = snprintf(text, sizeof(text), "T-1, any, %s, %s, doc,\n", when, must);

    assert_non_null(b);
    assert_in_range(n, 0, sizeof(text) - 1);
    assert_true(build_table(b, "sources", sources, sizeof(sources) - 1, &err));
    assert_true(build_table(b, "opcodes", opcodes, sizeof(opcodes) - 1, &err));
    if (!build_table(b, table, text, (size_t)n, &err))
        print_error("%s: %s\n", text, err.text);
    assert_int_equal(err.code, TSP_OK);
    assert_true(build_finish(b, &err));
    return b;
}

#endif
