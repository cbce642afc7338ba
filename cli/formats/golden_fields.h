/* SPDX-License-Identifier: MIT */
/* The fields of one recorded line. Private to the golden reader. */
#ifndef TSP_CLI_FORMATS_GOLDEN_FIELDS_H
#define TSP_CLI_FORMATS_GOLDEN_FIELDS_H

#include "cli/formats/golden.h"

#include <jansson.h>

struct golden_table {
    char name[32];
    unsigned n;
    struct tsp_leaf leaf[INPUT_LEAF_MAX];
};

struct golden_reader {
    const char *name;
    struct tsp_error *err;
    unsigned line;
    enum tsp_vendor host;
    bool clock_known, tsc; /* what the recording says of the host's clock source */
    unsigned ntable;
    struct golden_table table[GOLDEN_TABLE_MAX];
};

/* Fills the reader's error with "file:line: reason"; returns TSP_EPARSE. */
__attribute__((format(printf, 2, 3))) enum tsp_status golden_fail(struct golden_reader *rd,
                                                                  const char *format, ...);

/* Typed fields; false (error filled) when missing or of another kind. Numbers are hexadecimal
 * strings or integers. */
bool golden_string(struct golden_reader *rd, const json_t *o, const char *key, const char **out);
bool golden_number(struct golden_reader *rd, const json_t *v, const char *key, uint64_t *out);
bool golden_field(struct golden_reader *rd, const json_t *o, const char *key, uint64_t *out);
bool golden_bytes(struct golden_reader *rd, const json_t *o, const char *key, uint8_t *out,
                  size_t max, uint32_t *n);

struct golden_table *golden_table(struct golden_reader *rd, const char *name, const json_t *o);
/* A record with a "mode": scenario and what was seen. */
enum tsp_status golden_run(struct golden_reader *rd, const json_t *o, struct golden_record *r);
/* Applies one entry of "flags" to the scenario. 1 known, 0 unknown, -1 error. */
int golden_flag(struct golden_reader *rd, const char *flag, struct scenario *s);
/* What was seen: exit, exc, out, mem, ... */
bool golden_outcome(struct golden_reader *rd, const json_t *o, struct golden_record *r);

#endif
