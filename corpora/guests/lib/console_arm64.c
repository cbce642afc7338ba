/* SPDX-License-Identifier: MIT */
#include "lib/guest.h"

#define CONSOLE 0x09000000u
#define END 0x0a000000u

void put_char(char c)
{
    *(volatile uint8_t *)CONSOLE = (uint8_t)c;
}

void stop(void)
{
    for (;;)
        *(volatile uint32_t *)END = 0;
}

void _start(void);
void _start(void)
{
    guest_main();
    stop();
}
