/* SPDX-License-Identifier: MIT */
/* A reviewed list of records not to be compared: lines "PATTERN, reason", PATTERN as in the shell's
 * globbing. */
#ifndef TSP_CLI_FORMATS_SKIP_H
#define TSP_CLI_FORMATS_SKIP_H

#include "cli/formats/file.h"

struct skip_list;
enum tsp_status skip_load(struct skip_list **out, const char *file, struct tsp_error *err);
/* The same from memory. */
enum tsp_status skip_parse(struct skip_list **out, const char *name, const char *text,
                           struct tsp_error *err);
/* The reason, or NULL. */
const char *skip_reason(const struct skip_list *l, const char *host, const char *id);
void skip_free(struct skip_list *l);

#endif
