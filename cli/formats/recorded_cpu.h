/* SPDX-License-Identifier: MIT */
/* The recordings of corpora/dumps, built into the program. */
#ifndef TSP_CLI_FORMATS_RECORDED_CPU_H
#define TSP_CLI_FORMATS_RECORDED_CPU_H

#include "cli/formats/dump.h"

/* Sorted names, ending with NULL; valid for ever. */
const char *const *recorded_cpu_names(void);
/* Reads the recording of that name. TSP_EARG: there is none. */
enum tsp_status recorded_cpu_read(const char *name, struct dump *out, struct tsp_error *err);

#endif
