/* SPDX-License-Identifier: MIT */
/* The scenario mutator in libFuzzer's shape. */
#include "fuzz/input/input.h"

/* NOLINTBEGIN(readability-identifier-naming): the names are the engine's */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
                                 uint8_t *out, size_t max, unsigned seed);
/* The engine's own mutator: it knows the dictionary and recent comparisons. Absent without
 * libFuzzer. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    size_t n;

    if (seed % 8 == 0 && LLVMFuzzerMutate != NULL)
        return LLVMFuzzerMutate(data, size, max);
    n = input_mutate(data, size, max, seed);
    if (n == 0 && max > 0) {
        data[0] = INPUT_VERSION; /* engines take an empty result for a failure */
        n = 1;
    }
    return n;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
                                 uint8_t *out, size_t max, unsigned seed)
{
    return input_crossover(a, na, b, nb, out, max, seed);
}
/* NOLINTEND(readability-identifier-naming) */
