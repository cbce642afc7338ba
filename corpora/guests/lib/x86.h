/* SPDX-License-Identifier: MIT */
#ifndef TSP_GUEST_X86_H
#define TSP_GUEST_X86_H

#include "lib/guest.h"

struct cpuid {
    uint32_t a, b, c, d;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                     : "0"(leaf), "2"(subleaf));
    return r;
}

static inline long call_vmcall(long nr, long a0, long a1)
{
    long ret;

    __asm__ volatile("vmcall" : "=a"(ret) : "0"(nr), "b"(a0), "c"(a1) : "memory");
    return ret;
}

static inline long call_vmmcall(long nr, long a0, long a1)
{
    long ret;

    __asm__ volatile("vmmcall" : "=a"(ret) : "0"(nr), "b"(a0), "c"(a1) : "memory");
    return ret;
}

#endif
