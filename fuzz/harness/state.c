/* SPDX-License-Identifier: MIT */
/*
 * State classes as branches. Engines collect edges, and no two of them agree on any other way to be
 * told about states: so each class is one case of a switch, kept apart from its neighbours by an
 * empty asm with its number.
 */
#include "fuzz/harness/harness.h"

#define CASE(n)                                                                                    \
    case (n):                                                                                      \
        __asm__ volatile("" : : "i"(n));                                                           \
        break;
#define CASES4(n) CASE(n) CASE((n) + 1) CASE((n) + 2) CASE((n) + 3)
#define CASES16(n) CASES4(n) CASES4((n) + 4) CASES4((n) + 8) CASES4((n) + 12)
#define CASES64(n) CASES16(n) CASES16((n) + 16) CASES16((n) + 32) CASES16((n) + 48)
#define CASES256 CASES64(0) CASES64(64) CASES64(128) CASES64(192)

/* What kind of event, in which mode, at which privilege. */
/* NOLINTNEXTLINE(readability-function-size): a table of branches */
static __attribute__((noinline)) void where(unsigned state)
{
    switch (state & 255) {
        CASES256
    }
}

/* Which instruction had which outcome. */
/* NOLINTNEXTLINE(readability-function-size): a table of branches */
static __attribute__((noinline)) void what(unsigned state)
{
    switch (state & 255) {
        CASES256
    }
}

/* Which call had which answer. */
/* NOLINTNEXTLINE(readability-function-size): a table of branches */
static __attribute__((noinline)) void answer(unsigned state)
{
    switch (state & 255) {
        CASES256
    }
}

/* 0 none, 1 other, 2 and 3 the hypercall instructions of one vendor each or HVC and SMC, 4 CPUID,
 * ... */
static unsigned insn_class(const struct tsp_event *e)
{
    unsigned n = e->len < TSP_INSN_BYTES ? e->len : TSP_INSN_BYTES;

    if (n == 0)
        return 0;
    if (tsp_mode_is_arm(e->before.mode))
        return 2 + (e->fetched[0] & 1);
    if (n >= 2 && e->fetched[n - 2] == 0x0f && e->fetched[n - 1] == 0xa2)
        return n == 2 ? 4 : 5;
    if (n >= 3 && e->fetched[n - 3] == 0x0f && e->fetched[n - 2] == 0x01)
        return e->fetched[n - 1] == 0xc1 ? (n == 3 ? 2 : 6) : (n == 3 ? 3 : 7);
    return 1;
}

/* Small results as they are, errors by their last bits, everything else by its size. */
static unsigned value_class(uint64_t v)
{
    if (v < 8)
        return (unsigned)v;
    if (v + 32 < 32 || (uint32_t)v + 32u < 32u)
        return 8 + (unsigned)(v & 15);
    return v >> 32 ? 24 : 25;
}

void state_show(const struct tsp_trace *trace)
{
    for (size_t i = 0; i < trace->n; i++) {
        const struct tsp_event *e = &trace->ev[i];
        unsigned kind = e->kind & 15u;

        where(kind << 4 | (e->before.mode & 7u) << 1 | (e->before.level != 0));
        what((kind * 37 + e->code * 11 + e->text[0] * 3) << 3 | insn_class(e));
        if (e->kind == TSP_EV_HYPERCALL)
            answer(((unsigned)e->before.r[0] & 15u) << 4 | (value_class(e->after.r[0]) & 15u));
        else if (e->kind == TSP_EV_CPUID)
            answer((unsigned)((e->before.r[0] & 15) << 4 ^ e->before.r[0] >> 24 ^
                              value_class(e->after.r[0])));
    }
}
