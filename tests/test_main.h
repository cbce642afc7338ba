/* SPDX-License-Identifier: MIT */
/* TEST_MAIN(table): runs every case, or the one named on the command line. */
#ifndef TSP_TESTS_TEST_MAIN_H
#define TSP_TESTS_TEST_MAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef TSP_BINARY_DIR
/* A file of this process's own in the build folder: cases run side by side. Valid until the next
 * call. */
static inline const char *test_file(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%ld-%s", TSP_BINARY_DIR, (long)getpid(), name);
    return path;
}
#endif

#define TEST_MAIN(table)                                                                           \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        size_t i, n = sizeof(table) / sizeof((table)[0]);                                          \
                                                                                                   \
        for (i = 0; argc > 1 && i < n; i++)                                                        \
            if (strcmp((table)[i].name, argv[1]) == 0)                                             \
                break;                                                                             \
        if (i == n) {                                                                              \
            fprintf(stderr, "no case named %s\n", argv[1]);                                        \
            return 2;                                                                              \
        }                                                                                          \
        if (argc > 1)                                                                              \
            cmocka_set_test_filter(argv[1]);                                                       \
        return cmocka_run_group_tests(table, NULL, NULL);                                          \
    }

#endif
