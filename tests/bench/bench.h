/* SPDX-License-Identifier: MIT */
/* Rows of the speed table. Each measurement gives nanoseconds per operation, best of several
 * rounds. */
#ifndef TSP_TESTS_BENCH_BENCH_H
#define TSP_TESTS_BENCH_BENCH_H

#include "trapspec/base.h"

/* Seconds one measurement may take; set by main. */
extern double bench_seconds;

/* Time of one operation: body(ctx, n) performs n of them. */
double bench_time(void (*body)(void *ctx, unsigned n), void *ctx);

/* Guest code that both sides run. */
#define BENCH_CODE 512u
struct bench_code {
    uint8_t byte[BENCH_CODE];
    unsigned n;
};
#define BENCH_CASES 1024u
/* Case i: 32 random instructions with four CPUIDs and four hypercalls among them, then HLT. All
 * cases differ. call: the three bytes that stand for a hypercall. */
extern const uint8_t bench_vmcall[3];
void bench_case(unsigned i, const uint8_t call[3], struct bench_code *out);
/* Loops that end with HLT after `count` rounds of ESI. */
void bench_loop_cpuid(uint32_t count, struct bench_code *out);
void bench_loop_call(uint32_t count, struct bench_code *out);
/* A round is BENCH_PLAIN_INSNS instructions. */
#define BENCH_PLAIN_INSNS 12u
void bench_loop_plain(uint32_t count, struct bench_code *out);

/* Ours, through the target interface, judged where the name says so. 0: cannot be measured. */
bool model_open(void);
void model_close(void);
double model_cases_judged(void);
double model_cpuid_judged(void);
double model_call_judged(void);
double model_plain(void);
double model_decode(void);
double model_reset_small(void);
double model_reset_large(void);
double model_fuzz_loop(void);
double model_sweep(void);
double model_race(void);

/* Peers. */
double peer_capstone(void);
double peer_memcpy(void);
double peer_empty_loop(void);
double peer_unicorn_cases(void);
double peer_unicorn_cpuid(void);
double peer_unicorn_trap(void);
double peer_unicorn_cpuid_recorded(void);
double peer_unicorn_trap_recorded(void);
double peer_unicorn_plain_hooked(void);
double peer_unicorn_plain(void);

#endif
