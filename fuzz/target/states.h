/* SPDX-License-Identifier: MIT */
/* States of a run to come back to, so that every schedule can be tried. */
#ifndef TSP_FUZZ_TARGET_STATES_H
#define TSP_FUZZ_TARGET_STATES_H

#include "fuzz/target/target.h"

/* After a reset with a protocol: false when the target has no such thing. */
bool states_open(const struct target *t);
/* Bytes written to buf (aligned for a uint64_t); 0: they do not fit, or the guest has touched too
 * much memory. */
size_t states_save(const struct target *t, void *buf, size_t max);
void states_load(const struct target *t, const void *buf);
/* Of all that decides what happens next. */
uint64_t states_digest(const struct target *t);

/* Names, descriptions and sources of enum tsp_protocol; false past the end. */
bool protocol_name(unsigned i, const char **name, const char **text, const char **source);

#endif
