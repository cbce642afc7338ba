/* SPDX-License-Identifier: MIT */
/* TSP_ASSERT: our own bugs, never a guest's or a file's fault. Compiled out of release builds. */
#ifndef TSP_TRAPSPEC_ASSERT_H
#define TSP_TRAPSPEC_ASSERT_H

#ifdef TSP_ASSERTIONS
#include <stdio.h>
#include <stdlib.h>
#define TSP_ASSERT(cond)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #cond);           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#else
#define TSP_ASSERT(cond) ((void)0)
#endif

#endif
