/* SPDX-License-Identifier: MIT */
/* What the guest programs share: console, numbers, the end. No library, no operating system. */
#ifndef TSP_GUEST_H
#define TSP_GUEST_H

#include <stdint.h>

void put_char(char c); /* console.c of each architecture */
void stop(void) __attribute__((noreturn));
void put_text(const char *s);
void put_hex(uint64_t v);
void put_line(const char *what, uint64_t v);
void guest_main(void);

#endif
