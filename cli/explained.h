/* SPDX-License-Identifier: MIT */
/*
 * Differences that are not the hypervisor's: what the processor below it, an emulated one, does
 * otherwise than processors. Lines "TERM TERM..., reason" (docs/NESTED.md lists the terms); a line
 * applies when all its terms hold, the first one that applies counts.
 */
#ifndef TSP_CLI_EXPLAINED_H
#define TSP_CLI_EXPLAINED_H

#include "cli/cli.h"
#include "cli/side.h"

struct explained;
/* "tcg": the list shipped for QEMU's emulated processor; else a file. */
enum tsp_status explained_load(struct explained **out, const char *name, struct tsp_error *err);
enum tsp_status explained_parse(struct explained **out, const char *name, const char *text,
                                struct tsp_error *err);
/* The reason, or NULL. small: the scenario was minimised, so that what is left of it is the cause;
 * some lines can be told only then. */
const char *explained_why(const struct explained *l, const struct scenario *s,
                          const struct side_result *r, bool small);
/* Takes away the single differences that lines with the term "each" are about. */
void explained_drop(const struct explained *l, const struct scenario *s, struct side_result *r);
void explained_free(struct explained *l);

#endif
