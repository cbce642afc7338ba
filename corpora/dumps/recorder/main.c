/* SPDX-License-Identifier: MIT */
/*
 * Asks the processor it runs on for every leaf, by the same walk as `trapspec cpuid --live`, and
 * prints them as `cpuid -r` does, to the debug port. XSAVE is switched on with all components, as
 * an operating system would, so that leaf 0xD shows sizes.
 */
#include "cli/formats/dump.h"

#define DEBUG_PORT 0xe9
#define QEMU_EXIT 0xf4
#define BOCHS_EXIT 0x8900

#define CR4_PAE (1u << 5)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXSAVE (1u << 18)
#define CR0_PG (1u << 31)
#define EFER 0xc0000080u
#define EFER_LME (1u << 8)
#define TABLES 0x10000u

void recorder_main(void);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

static struct tsp_leaf leaves[TSP_MAX_LEAF];

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *to, int c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)c;
    return to;
}

static void out(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static void put(const char *text)
{
    for (; *text != 0; text++)
        out(DEBUG_PORT, (uint8_t)*text);
}

static void put_hex(uint32_t v, unsigned digits)
{
    put("0x");
    while (digits-- > 0)
        out(DEBUG_PORT, (uint8_t) "0123456789abcdef"[v >> 4 * digits & 15]);
}

static bool ask(void *ctx, uint32_t leaf, uint32_t sub, uint32_t reg[4])
{
    (void)ctx;
    __asm__ volatile("cpuid"
                     : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
                     : "0"(leaf), "2"(sub));
    return true;
}

static uint32_t read_cr4(void)
{
    uint32_t v;

    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

static void write_cr4(uint32_t v)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(v));
}

/* The first 2 MiB, mapped to themselves. */
static void long_mode(void)
{
    volatile uint32_t *table = (volatile uint32_t *)TABLES;
    uint32_t lo, hi, cr0;

    for (unsigned i = 0; i < 3 * 1024; i++)
        table[i] = 0;
    table[0] = TABLES + 0x1000 + 3;
    table[1024] = TABLES + 0x2000 + 3;
    table[2048] = 0x83;
    write_cr4(read_cr4() | CR4_PAE);
    __asm__ volatile("mov %0, %%cr3" : : "r"(TABLES));
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(EFER));
    __asm__ volatile("wrmsr" : : "a"(lo | EFER_LME), "d"(hi), "c"(EFER));
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_PG) : "memory");
}

static void switch_on(void)
{
    uint32_t reg[4];

    ask(NULL, 0x80000000, 0, reg);
    if (reg[0] > 0x80000000 && reg[0] < 0x80010000) {
        ask(NULL, 0x80000001, 0, reg);
        if ((reg[3] >> 29 & 1) != 0)
            long_mode();
    }
    ask(NULL, 1, 0, reg);
    if ((reg[3] >> 24 & 1) != 0)
        write_cr4(read_cr4() | CR4_OSFXSR);
    if ((reg[2] >> 26 & 1) == 0)
        return;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    ask(NULL, 0xd, 0, reg);
    __asm__ volatile("xsetbv" : : "a"(reg[0]), "d"(reg[3]), "c"(0));
}

void recorder_main(void)
{
    static const char *const name[4] = {": eax=", " ebx=", " ecx=", " edx="};
    const struct dump_asker asker = {.ask = ask};
    size_t n;

    switch_on();
    n = dump_walk(&asker, leaves, TSP_MAX_LEAF);
    put("CPU:\n");
    for (size_t i = 0; i < n; i++) {
        put("   ");
        put_hex(leaves[i].leaf, 8);
        put(" ");
        put_hex(leaves[i].subleaf, 2);
        for (unsigned r = 0; r < 4; r++) {
            put(name[r]);
            put_hex(leaves[i].reg[r], 8);
        }
        put("\n");
    }
    put("end\n");
    out(QEMU_EXIT, 0);
    for (const char *bye = "Shutdown"; *bye != 0; bye++)
        out(BOCHS_EXIT, (uint8_t)*bye);
}
