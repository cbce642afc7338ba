/* SPDX-License-Identifier: MIT */
/* What `lint` found, for machines: SARIF 2.1.0 and JUnit. Undated: the same findings give the same
 * bytes. */
#ifndef TSP_CLI_FORMATS_REPORT_LINT_H
#define TSP_CLI_FORMATS_REPORT_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* One finding. Strings live as long as the document. */
struct lint_line {
    bool note;
    uint32_t leaf, subleaf, value;
    uint8_t reg, hi, lo;
    char *cpus; /* "cpu 0-3" */
    char *expected, *who;
    const char *rule, *source, *text;
};

struct lint_file {
    char *name;   /* as the user gave it; for this machine NULL */
    char *error;  /* why it could not be read, else NULL */
    char *format; /* what it was read as */
    struct lint_line *line;
    unsigned n;
};

struct lint_doc {
    struct lint_file *file;
    unsigned n;
};

/* "0x7.0x0 ebx[5]": out holds at least 48 characters. */
void report_lint_place(const struct lint_line *l, char *out, size_t max);
/* The whole of it in one sentence; returns malloc'ed text or NULL. */
char *report_lint_message(const struct lint_line *l);
/* Both return false when memory ran out. */
bool report_write_sarif(FILE *f, const struct lint_doc *d);
bool report_write_junit(FILE *f, const struct lint_doc *d);

#endif
