/* SPDX-License-Identifier: MIT */
/*
 * Recordings of real hypervisors: JSON lines, one run of a tiny guest each. docs/INPUT.md names the
 * fields.
 */
#ifndef TSP_CLI_FORMATS_GOLDEN_H
#define TSP_CLI_FORMATS_GOLDEN_H

#include "cli/formats/file.h"
#include "fuzz/input/input.h"
#include "fuzz/target/target.h"

enum golden_kind {
    GOLDEN_RUN,   /* one run: scenario and outcome */
    GOLDEN_CPUID, /* one leaf asked with several ECX values */
    GOLDEN_OTHER, /* a run this program cannot express: why says what */
    GOLDEN_NOTE   /* not a run: a CPUID table or settings that others use */
};

#define GOLDEN_TABLE_MAX 1024u /* CPUID tables of one file */
#define GOLDEN_SUB_MAX 64u
struct golden_sub {
    uint32_t ecx;
    uint64_t reg[4]; /* RAX RBX RCX RDX after the instruction */
};

struct golden_record {
    char id[120];
    unsigned line;
    enum golden_kind kind;
    char why[80];       /* OTHER: why; else a flag that is not modelled, or empty */
    struct scenario *s; /* RUN, CPUID */
    struct outcome out; /* RUN */
    unsigned nsub;
    struct golden_sub *sub; /* CPUID */
};

struct golden {
    struct golden_record *rec;
    size_t n, room;
    enum tsp_vendor host; /* of the x86 host, from its own table */
};

/* Reads a whole file. A malformed line is an error with its number and reason; a well-formed record
 * this program cannot express is kept as GOLDEN_OTHER with the reason. */
enum tsp_status golden_read(const char *name, const uint8_t *p, size_t n, struct golden *out,
                            struct tsp_error *err);
void golden_free(struct golden *g);
/* Names of the hosts a recording can be of; ORDER: enum tsp_vendor. */
extern const char *const golden_vendor[TSP_VENDOR_COUNT];
/* "amd", "intel" or "arm64". */
const char *golden_host(const struct golden *g);
/* Instructions each run of a recording is given before it counts as a livelock. */
#define GOLDEN_BUDGET 100000u

#endif
