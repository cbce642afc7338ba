/* SPDX-License-Identifier: MIT */
#include "lib/guest.h"

#define CONSOLE_PORT 0xe9
#define END_PORT 0xf4

void put_char(char c)
{
    __asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((uint16_t)CONSOLE_PORT));
}

void stop(void)
{
    for (;;)
        __asm__ volatile("outb %0, %1" : : "a"((char)0), "Nd"((uint16_t)END_PORT));
}

/* The machine starts here with a stack and flat segments. */
void _start(void);
void _start(void)
{
    guest_main();
    stop();
}
