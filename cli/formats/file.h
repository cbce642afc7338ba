/* SPDX-License-Identifier: MIT */
/* Whole files in, and files out that appear complete or not at all. */
#ifndef TSP_CLI_FORMATS_FILE_H
#define TSP_CLI_FORMATS_FILE_H

#include "trapspec/base.h"

#include <stdio.h>

/* Reads a regular file (or "-" for standard input) of at most max bytes; *out is malloc'ed and has
 * a NUL behind it. On error err->text names the file and the reason. */
enum tsp_status file_read(const char *path, size_t max, uint8_t **out, size_t *len,
                          struct tsp_error *err);

/* A file being written beside its final name; tmp is empty for what is written in place. */
struct file_out {
    FILE *f;
    char path[1024], tmp[1040];
};
/* path "-" is standard output, whose errors show when it is flushed in the end. A device or a pipe
 * is written in place, and of a link the file that it leads to. */
enum tsp_status file_begin(struct file_out *o, const char *path, struct tsp_error *err);
/* Flushes, syncs and renames; on any error the old file is untouched and the temporary one removed.
 */
enum tsp_status file_commit(struct file_out *o, struct tsp_error *err);
void file_abort(struct file_out *o);
/* Removes temporary files left open; called when the program is interrupted. Async-signal-safe. */
void file_abort_all(void);

/* Creates a directory and its parents. */
enum tsp_status file_mkdirs(const char *path, struct tsp_error *err);

/* Fills err; returns code. The format is printf's. */
__attribute__((format(printf, 4, 5))) enum tsp_status
error_set(struct tsp_error *err, enum tsp_status code, unsigned line, const char *format, ...);

#endif
