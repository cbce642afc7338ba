/* SPDX-License-Identifier: MIT */
/* Writes recordings in the form that golden.h reads. docs/INPUT.md names the fields. */
#ifndef TSP_CLI_FORMATS_GOLDEN_WRITE_H
#define TSP_CLI_FORMATS_GOLDEN_WRITE_H

#include "cli/formats/golden.h"

struct golden_writer {
    FILE *f;
    unsigned ntable;
    uint64_t table[GOLDEN_TABLE_MAX]; /* hashes of the tables written so far */
};

/* What a record is about besides its scenario. */
struct golden_written {
    const char *id;
    const struct scenario *s;
    const struct tsp_setup *setup; /* built from it */
    const struct tsp_leaf *base;   /* of its base policy */
    size_t nbase;
};

/* A table under a name that the reader gives a meaning to. */
void golden_write_table(struct golden_writer *w, const char *name, const struct tsp_leaf *leaf,
                        size_t n);
/* One run, after the tables it needs. false: the format cannot express the scenario, why says what.
 */
bool golden_write_run(struct golden_writer *w, const struct golden_written *r,
                      const struct outcome *o, char *why, size_t max);
/* One leaf with all its ECX values, as golden_record.sub has them. */
bool golden_write_cpuid(struct golden_writer *w, const struct golden_written *r,
                        const struct golden_sub *sub, unsigned nsub, char *why, size_t max);

#endif
