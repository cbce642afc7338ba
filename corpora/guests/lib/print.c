/* SPDX-License-Identifier: MIT */
#include "lib/guest.h"

void put_text(const char *s)
{
    while (*s != 0)
        put_char(*s++);
}

void put_hex(uint64_t v)
{
    int i = 60;

    put_text("0x");
    while (i > 0 && (v >> i) == 0)
        i -= 4;
    for (; i >= 0; i -= 4)
        put_char("0123456789abcdef"[(v >> i) & 15]);
}

void put_line(const char *what, uint64_t v)
{
    put_text(what);
    put_char(' ');
    put_hex(v);
    put_char('\n');
}
