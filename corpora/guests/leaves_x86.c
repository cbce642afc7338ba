/* SPDX-License-Identifier: MIT */
/* Every basic and extended leaf with its sub-leaves, as a tool like cpuid reads them, and one
 * beyond each class. */
#include "lib/x86.h"

static uint32_t sum;

static void add(uint32_t leaf, uint32_t sub)
{
    struct cpuid r = cpuid(leaf, sub);

    sum = (sum << 5 | sum >> 27) ^ r.a ^ r.b ^ r.c ^ r.d;
}

static void class_of(uint32_t base)
{
    uint32_t last = cpuid(base, 0).a;

    if (last < base || last > base + 0x40)
        return;
    for (uint32_t leaf = base; leaf <= last; leaf++)
        for (uint32_t sub = 0; sub < 3; sub++)
            add(leaf, sub);
    add(last + 1, 0);
}

void guest_main(void)
{
    class_of(0);
    class_of(0x40000000);
    class_of(0x80000000);
    put_line("sum", sum);
}
