/* SPDX-License-Identifier: MIT */
/* Guest programs that probes put together: instructions of the same bytes in 32- and 64-bit code.
 */
#ifndef TSP_FUZZ_RUN_PROBE_TEXT_H
#define TSP_FUZZ_RUN_PROBE_TEXT_H

#include "fuzz/input/input.h"

struct probe_text {
    uint8_t byte[INPUT_CODE_MAX];
    size_t n;
};

/* Leaves room for the end mark. */
static inline void probe_put(struct probe_text *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && t->n < sizeof(t->byte) - 4; i++)
        t->byte[t->n++] = p[i];
}

/* MOV r32, imm32 */
static inline void probe_put_mov(struct probe_text *t, unsigned reg, uint32_t v)
{
    const uint8_t mov[] = {(uint8_t)(0xb8 + reg), (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                           (uint8_t)(v >> 24)};

    probe_put(t, mov, sizeof(mov));
}

static inline void probe_put_rdmsr(struct probe_text *t, uint32_t msr)
{
    static const uint8_t rdmsr[] = {0x0f, 0x32};

    probe_put_mov(t, TSP_RCX, msr);
    probe_put(t, rdmsr, sizeof(rdmsr));
}

static inline void probe_put_wrmsr(struct probe_text *t, uint32_t msr, uint64_t value)
{
    static const uint8_t wrmsr[] = {0x0f, 0x30};

    probe_put_mov(t, TSP_RCX, msr);
    probe_put_mov(t, TSP_RAX, (uint32_t)value);
    probe_put_mov(t, TSP_RDX, (uint32_t)(value >> 32));
    probe_put(t, wrmsr, sizeof(wrmsr));
}

static inline void probe_put_cpuid(struct probe_text *t, uint32_t leaf, uint32_t sub)
{
    static const uint8_t cpuid[] = {0x0f, 0xa2};

    probe_put_mov(t, TSP_RAX, leaf);
    probe_put_mov(t, TSP_RCX, sub);
    probe_put(t, cpuid, sizeof(cpuid));
}

#endif
