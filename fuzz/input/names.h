/* SPDX-License-Identifier: MIT */
/* Words of the text form. Private to fuzz/input. */
#ifndef TSP_FUZZ_INPUT_NAMES_H
#define TSP_FUZZ_INPUT_NAMES_H

#include "fuzz/input/record.h"

#define TEXT_MAGIC "trapspec scenario "

/* A closed list of words; a word's index is its value. NULL ends it. */
extern const char *const name_arch[];
extern const char *const name_mode[];
extern const char *const name_vendor[];
extern const char *const name_patch[];
extern const char *const name_persona[];
extern const char *const name_policy[];
extern const char *const name_protocol[];
/* Words of TSP_HOW_*, and their values. */
extern const char *const name_how[];
extern const uint8_t name_how_value[];
/* Word i stands for bit i. */
extern const char *const name_config[];
extern const char *const name_cpu[];
extern const char *const name_x86_reg[];

/* Index of the word, or -1. */
int name_find(const char *const *list, const char *word, size_t len);
/* Register number of a word for that architecture, or -1. */
int name_reg_find(unsigned arch, const char *word, size_t len);
/* Name of a register; buf is used for the numbered ones. */
const char *name_reg(unsigned mode, unsigned i, char buf[8]);

#endif
