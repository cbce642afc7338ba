/* SPDX-License-Identifier: MIT */
/* Report writers. All output is sorted and undated: the same report gives the same bytes. */
#ifndef TSP_CLI_FORMATS_REPORT_OUT_H
#define TSP_CLI_FORMATS_REPORT_OUT_H

#include "cli/formats/file.h"
#include "cli/formats/sweep_out.h"
#include "fuzz/run/run.h"

struct report_doc {
    const char *target;
    const struct spec *spec;
    const struct report *report;
    bool policy_is_input; /* the CPUID tables are somebody's test input: what breaks in them is not
                             the target's */
    const char *records;  /* "golden:FILE" when the cases are records of that file, else NULL */
    const struct sweep_doc *sweep; /* a sweep of the same target, or NULL */
    const struct known *remarks;   /* what is said of rules that nobody accepts here; or NULL */
};

/* File name, without folder and suffix, of the scenario that shows a rule broken. */
void report_scenario_name(const struct report_row *r, char *out, size_t max);
/* The command that shows it again; empty when there is none. */
void report_replay(const struct report_doc *d, const struct report_row *r, char *out, size_t max);
/* The same on the kernel that runs here, for a record; empty when there is none. */
void report_replay_live(const struct report_doc *d, const struct report_row *r, char *out,
                        size_t max);
/* "page 40, csbase 5" when records of several families show it; else empty. */
void report_groups(const struct report_row *r, char *out, size_t max);
/* The list's reason for a deviation that is shown all the same, or NULL. */
const char *report_remark(const struct report_doc *d, const struct report_row *r);
/* Whether a row is a finding about the target (and not about the tables it was given). */
bool report_is_finding(const struct report_doc *d, const struct report_row *r);
unsigned report_findings(const struct report_doc *d);
void report_write_json(FILE *f, const struct report_doc *d);
void report_write_html(FILE *f, const struct report_doc *d);
/* A summary for people on stdout. */
void report_print(const struct report_doc *d, bool color);

#endif
