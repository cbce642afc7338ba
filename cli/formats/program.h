/* SPDX-License-Identifier: MIT */
/* ELF programs as guests. */
#ifndef TSP_CLI_FORMATS_PROGRAM_H
#define TSP_CLI_FORMATS_PROGRAM_H

#include "cli/formats/file.h"
#include "fuzz/input/input.h"

/* An ELF program (x86-64, i386, AArch64) as a set-up: the scenario's machine with the program's
 * segments in it. */
struct program;
enum tsp_status program_load(const char *name, const uint8_t *p, size_t n, struct program **out,
                             struct tsp_error *err);
bool program_is_elf(const uint8_t *p, size_t n);
/* Architecture and mode the program wants; changes s accordingly. */
void program_scenario(const struct program *pr, struct scenario *s);
/* Adds the program to a set-up built from that scenario. */
enum tsp_status program_setup(struct program *pr, struct tsp_setup *setup, struct tsp_error *err);
void program_free(struct program *pr);

#endif
