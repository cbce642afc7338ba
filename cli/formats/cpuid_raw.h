/* SPDX-License-Identifier: MIT */
/* The raw format of etallen's cpuid program (`cpuid -r`, read back by `cpuid -f`). */
#ifndef TSP_CLI_FORMATS_CPUID_RAW_H
#define TSP_CLI_FORMATS_CPUID_RAW_H

#include "cli/formats/dump.h"

/* Strict about every line that is not blank; limits as dump_read. */
enum tsp_status dump_read_raw(const char *name, const uint8_t *p, size_t n, struct dump *out,
                              struct tsp_error *err);
/* Writes one CPU. */
void dump_write_raw(FILE *f, const char *title, const struct tsp_leaf *leaf, size_t n);

#endif
