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

#include <cmocka.h>

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
