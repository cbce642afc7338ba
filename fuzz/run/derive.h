/* SPDX-License-Identifier: MIT */
/*
 * What a harness makes of an input. A harness runs more than the scenario that its input says: the
 * same guest on the other vendor's processor, or a row of CPUID queries. Which ones follows from
 * the input alone, so that replaying a crash file shows what the harness saw.
 */
#ifndef TSP_FUZZ_RUN_DERIVE_H
#define TSP_FUZZ_RUN_DERIVE_H

#include "fuzz/input/input.h"

#define DERIVE_BUDGET 512u /* instructions of one run */

/* DERIVE_RACE + an enum tsp_protocol: races under that one. */
enum derive { DERIVE_NONE = 0, DERIVE_CPUID, DERIVE_HYPERCALL, DERIVE_RACE };

/* The harness that a name or path speaks of ("crash dir fz_cpuid/...",
 * "clusterfuzz-testcase-fz_hypercall-1"). */
enum derive derive_of(const char *name);

/* Reads an input, binary or text, and calls each() with every scenario in order until it returns
 * false. policy: the one in force when each() returned for the first time (it is read then). False
 * when a text does not read. */
bool derive_each(enum derive how, const uint8_t *data, size_t size, const struct tsp_policy *policy,
                 bool (*each)(void *ctx, const struct scenario *s), void *ctx);

/* The protocol of that name; of none, or of an empty one, the one that is right. TSP_PROTOCOL_NONE:
 * there is no such protocol. */
uint8_t derive_protocol(const char *wanted);

/* FNV-1a, and the next number of a stream that starts at *state. */
uint64_t derive_hash(const uint8_t *data, size_t size);
uint64_t derive_random(uint64_t *state);

/* Private to derive*.c: the parts. */
void derive_ensure_call(struct scenario *s, uint64_t r);
void derive_vary_call(struct scenario *s, uint64_t r);
/* Another vendor's policy and another persona. */
void derive_machine(struct scenario *s, uint64_t r);
/* False: not of this architecture. */
bool derive_race(struct scenario *s, uint8_t protocol, uint64_t hash);
void derive_queries(struct scenario *s, const struct tsp_policy *policy, uint64_t rng);

#endif
