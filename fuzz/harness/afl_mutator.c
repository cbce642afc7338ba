/* SPDX-License-Identifier: MIT */
/* The scenario mutator as AFL++ loads it: AFL_CUSTOM_MUTATOR_LIBRARY=trapspec_mutator.so. */
#include "fuzz/input/input.h"

#include <stdlib.h>
#include <string.h>

struct afl_mutator {
    uint32_t state;
    uint8_t out[INPUT_BYTES_MAX];
};

void *afl_custom_init(void *afl, unsigned seed);
size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t size, uint8_t **out, uint8_t *add,
                       size_t add_size, size_t max);
void afl_custom_deinit(void *data);

void *afl_custom_init(void *afl, unsigned seed)
{
    struct afl_mutator *m = calloc(1, sizeof(*m));

    (void)afl;
    if (m != NULL)
        m->state = seed;
    return m;
}

size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t size, uint8_t **out, uint8_t *add,
                       size_t add_size, size_t max)
{
    struct afl_mutator *m = data;
    uint32_t seed = m->state++ * 2654435761u;
    size_t n;

    if (max > sizeof(m->out))
        max = sizeof(m->out);
    if (size > max)
        size = max;
    *out = m->out;
    if (add != NULL && seed >> 24 < 64)
        return input_crossover(buf, size, add, add_size, m->out, max, seed);
    memcpy(m->out, buf, size);
    n = input_mutate(m->out, size, max, seed);
    if (n == 0) {
        m->out[0] = INPUT_VERSION;
        n = 1;
    }
    return n;
}

void afl_custom_deinit(void *data)
{
    free(data);
}
