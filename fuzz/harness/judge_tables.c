/* SPDX-License-Identifier: MIT */
/* Any text as a table: the reader refuses it with a reason, or the judge can work with it. */
#include "fuzz/harness/judge_tables.h"

#include "spec/build.h"

#include <string.h>

static const char sources[] = "doc, a document, 1, all, public\n";
static const char opcodes[] = "x86, cpuid, 0fa2, -, any, doc, n\n"
                              "x86, vmcall, 0f01c1, -, any, doc, n\n"
                              "x86, vmmcall, 0f01d9, -, any, doc, n\n"
                              "arm64, hvc, 020000d4, 1f00e0ff, any, doc, n\n"
                              "arm64, smc, 030000d4, 1f00e0ff, any, doc, n\n";

/* Opened once; every table starts from the same state. */
static struct build *build;
static struct spec clean;
static size_t clean_pool;
static uint8_t clean_tables;

static bool open_tables(void)
{
    struct tsp_error err = {.text = ""};

    build = build_open();
    if (build == NULL)
        return false;
    if (!build_table(build, "sources", sources, sizeof(sources) - 1, &err) ||
        !build_table(build, "opcodes", opcodes, sizeof(opcodes) - 1, &err))
        harness_fail("tables", err.text);
    clean = build->spec;
    clean_pool = build->pool_used;
    clean_tables = build->ntable;
    return true;
}

const struct spec *judge_tables_read(unsigned which, const char *text, size_t n)
{
    static const char *const name[] = {"patch",      "x86_leaves", "hv_kvm",
                                       "calls_kvm",  "arm_smccc",  "arm_psci",
                                       "x86_ranges", "opcodes",    "sources"};
    struct tsp_error err = {.text = ""};

    if (build == NULL && !open_tables())
        return NULL;
    build->spec = clean;
    build->pool_used = clean_pool;
    build->ntable = clean_tables;
    if (build_table(build, name[which % (sizeof(name) / sizeof(name[0]))], text, n, &err) &&
        build_finish(build, &err))
        return &build->spec;
    if (err.code == TSP_OK || err.text[0] == 0)
        harness_fail("tables", "refused without a reason");
    return NULL;
}
