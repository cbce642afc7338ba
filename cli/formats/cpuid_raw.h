/* SPDX-License-Identifier: MIT */
/* The raw format of etallen's cpuid program (`cpuid -r`, read back by `cpuid -f`). */
#ifndef TSP_CLI_FORMATS_CPUID_RAW_H
#define TSP_CLI_FORMATS_CPUID_RAW_H

#include "cli/formats/file.h"

#define DUMP_MAX_CPU 1024u

/* The leaves of one logical CPU, in file order. */
struct dump_cpu {
    unsigned id;
    size_t first, n; /* range in dump.leaf */
};

struct dump {
    struct tsp_leaf *leaf;
    size_t n, room;
    struct dump_cpu *cpu;
    unsigned ncpu;
};

/* Strict about every line that is not blank. The same leaf and sub-leaf twice with different
 * values, over 1024 CPUs or over TSP_MAX_LEAF leaves for one CPU is an error; err has the line. */
enum tsp_status dump_read_raw(const char *name, const uint8_t *p, size_t n, struct dump *out,
                              struct tsp_error *err);
void dump_free(struct dump *d);
/* Writes one CPU. */
void dump_write_raw(FILE *f, const char *title, const struct tsp_leaf *leaf, size_t n);
/* Reads this machine's CPUID, on the CPU the caller runs on. Returns the number of leaves, 0 when
 * not an x86. */
size_t dump_live(struct tsp_leaf *out, size_t max);
/* Sets TSP_LEAF_INDEXED on leaves that have several sub-leaves, so that the leaves can serve as a
 * policy. */
void dump_index(struct tsp_leaf *leaf, size_t n);

#endif
