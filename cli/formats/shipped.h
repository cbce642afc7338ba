/* SPDX-License-Identifier: MIT */
/* The lists of fuzz/known and the recordings of corpora/dumps, built into the program so that they
 * apply wherever it runs. */
#ifndef TSP_CLI_FORMATS_SHIPPED_H
#define TSP_CLI_FORMATS_SHIPPED_H

struct shipped_list {
    const char *name, *text; /* file name without its suffix; the last has NULL */
};
extern const struct shipped_list shipped_lists[], shipped_dumps[];

#endif
