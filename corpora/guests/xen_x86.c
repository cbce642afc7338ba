/* SPDX-License-Identifier: MIT */
/*
 * A guest of Xen: finds the block by its signature, asks for the hypercall page and calls through
 * it (Xen public/arch-x86/cpuid.h, xen-x86_64.h, xen-x86_32.h). Which instruction the page holds it
 * need not know.
 */
#include "lib/x86.h"

#define XEN_VERSION 17
#define XEN_EVENT 32
#define XEN_HVM_OP 34
#define NOT_A_CALL 63
#define SLOT 32

static unsigned char page[4096] __attribute__((aligned(4096)));
static char text[1024];

static long xen(long nr, long a0, long a1)
{
    void *slot = page + nr * SLOT;
    long ret;

#ifdef __x86_64__
    __asm__ volatile("call *%[slot]"
                     : "=a"(ret), "+D"(a0), "+S"(a1)
                     : [slot] "r"(slot)
                     : "rdx", "r8", "r9", "r10", "r11", "memory");
#else
    __asm__ volatile("call *%[slot]"
                     : "=a"(ret), "+b"(a0), "+c"(a1)
                     : [slot] "r"(slot)
                     : "edx", "memory");
#endif
    return ret;
}

static void write_msr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

/* 0 when there is none. */
static uint32_t find_xen(void)
{
    for (uint32_t base = 0x40000000; base < 0x40010000; base += 0x100) {
        struct cpuid r = cpuid(base, 0);

        if (r.b == 0x566e6558 && r.c == 0x65584d4d && r.d == 0x4d4d566e)
            return base;
    }
    return 0;
}

void guest_main(void)
{
    uint32_t base = find_xen(), feature[2] = {0, 0}, port = 0;

    put_line("xen at", base);
    if (base == 0)
        return;
    write_msr(cpuid(base + 2, 0).b, (uint64_t)(uintptr_t)page);
    put_line("version", (uint64_t)xen(XEN_VERSION, 0, 0));
    put_line("capabilities", (uint64_t)xen(XEN_VERSION, 3, (long)(uintptr_t)text));
    put_text(text);
    put_text("\n");
    put_line("get features", (uint64_t)xen(XEN_VERSION, 6, (long)(uintptr_t)feature));
    put_line("features", feature[1]);
    feature[0] = 1;
    put_line("no such sub-map", (uint64_t)xen(XEN_VERSION, 6, (long)(uintptr_t)feature));
    put_line("nothing mapped", (uint64_t)xen(XEN_VERSION, 3, 0x7ff00000));
    put_line("send to port 0", (uint64_t)xen(XEN_EVENT, 4, (long)(uintptr_t)&port));
    put_line("flush TLBs", (uint64_t)xen(XEN_HVM_OP, 5, 0));
    put_line("not a call", (uint64_t)xen(NOT_A_CALL, 0, 0));
}
