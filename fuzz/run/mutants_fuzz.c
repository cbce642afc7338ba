/* SPDX-License-Identifier: MIT */
/* Scenarios that nobody wrote: those made from the rules, thinned out, and mutated without end. */
#include "fuzz/run/mutants.h"

#include <stdlib.h>
#include <string.h>

#define POOL 2048u
#define KEEP 23u /* every so many scenarios are seeds */

struct pool {
    struct {
        uint8_t *bytes;
        size_t n;
    } seed[POOL];
    unsigned n, taken;
    uint32_t rng;
};

static uint32_t next(struct pool *p)
{
    p->rng ^= p->rng << 13;
    p->rng ^= p->rng >> 17;
    p->rng ^= p->rng << 5;
    return p->rng;
}

static bool take(void *ctx, const struct scenario *s)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    struct pool *p = ctx;
    size_t n;

    if (p->taken++ % KEEP != 0)
        return true;
    n = input_write(s, bytes, sizeof(bytes));
    if (n == 0)
        return true;
    p->seed[p->n].bytes = malloc(n);
    if (p->seed[p->n].bytes == NULL)
        return false;
    memcpy(p->seed[p->n].bytes, bytes, n);
    p->seed[p->n++].n = n;
    return p->n < POOL;
}

static void invent(struct pool *p, struct scenario *s)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    unsigned a = next(p) % p->n, b = next(p) % p->n, times = 1 + next(p) % 4;
    size_t n = p->seed[a].n;

    memcpy(bytes, p->seed[a].bytes, n);
    if (next(p) % 8 == 0)
        n = input_crossover(p->seed[a].bytes, p->seed[a].n, p->seed[b].bytes, p->seed[b].n, bytes,
                            sizeof(bytes), next(p));
    for (unsigned i = 0; i < times; i++)
        n = input_mutate(bytes, n, sizeof(bytes), next(p));
    input_parse(bytes, n, s);
    input_fold(s);
}

void mutants_invent(const struct spec *spec, uint32_t seed,
                    bool (*each)(void *ctx, const struct scenario *s), void *ctx)
{
    static struct pool p; /* the seeds are kept for the next call */
    static struct scenario s;

    if (p.n == 0) {
        probe_each(spec, TSP_ARCH_X86, take, &p);
        p.n = p.n == POOL ? POOL - POOL / 4 : p.n;
        for (unsigned i = p.n; i < POOL; i++)
            free(p.seed[i].bytes);
        probe_each(spec, TSP_ARCH_ARM64, take, &p);
    }
    p.rng = seed * 2654435761u + 1;
    do
        invent(&p, &s);
    while (p.n > 0 && each(ctx, &s));
}
