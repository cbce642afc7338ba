/* SPDX-License-Identifier: MIT */
/* CPUID dumps written as other programs read them, and as our own reader reads them back. */
#ifndef TSP_CLI_FORMATS_DUMP_WRITE_H
#define TSP_CLI_FORMATS_DUMP_WRITE_H

#include "cli/formats/dump.h"

struct dump_format {
    const char *name, *text;
};
/* raw, aida64, libcpuid, libvirt, firecracker, xen-policy, xen-featureset, json; ends with a NULL
 * name. */
extern const struct dump_format dump_formats[];
/* The same names, ending with NULL. */
extern const char *const dump_format_names[];

/* What the format had no place for, and was left out. */
struct dump_lost {
    unsigned cpus;
    size_t leaves;
};

/*
 * Writes a dump in the format of that name. TSP_EARG: no such format, or a dump that leaves bits to
 * the host where the format has no way to say so (raw, aida64, libcpuid, libvirt, xen-policy). The
 * stream's own errors are the caller's to find. lost may be NULL.
 */
enum tsp_status dump_write(FILE *f, const char *format, const struct dump *d,
                           struct dump_lost *lost, struct tsp_error *err);
/* One CPU's leaves as a dump that borrows them; nothing to free. */
struct dump dump_of(struct tsp_leaf *leaf, size_t n, struct dump_cpu *cpu);

/* dump_xen.c: the registers of a featureset, in its order. */
struct dump_word {
    uint32_t leaf, sub;
    uint8_t reg; /* DUMP_WORD_MSR: not of CPUID */
};
#define DUMP_WORD_MSR 0xffu
#define DUMP_WORDS 19u
extern const struct dump_word dump_words[DUMP_WORDS];

#endif
