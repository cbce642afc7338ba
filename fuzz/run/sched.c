/* SPDX-License-Identifier: MIT */
/* Who moves next. */
#include "fuzz/run/run.h"

static unsigned count_bits(uint32_t v)
{
    unsigned n = 0;

    for (; v; v &= v - 1)
        n++;
    return n;
}

/* The index-th set bit of v, counted from bit 0; index < count_bits(v). */
static unsigned nth_bit(uint32_t v, unsigned index)
{
    unsigned bit = 0;

    for (;; bit++) {
        if (!((v >> bit) & 1))
            continue;
        if (index-- == 0)
            return bit;
    }
}

unsigned sched_next(const uint8_t *sched, size_t n, size_t *at, uint32_t runnable, unsigned last)
{
    if (!(runnable & (runnable - 1)))
        return nth_bit(runnable, 0);
    if (*at < n)
        return nth_bit(runnable, sched[(*at)++] % count_bits(runnable));
    for (unsigned i = 1; i <= 32; i++) {
        unsigned id = (last + i) % 32;

        if ((runnable >> id) & 1)
            return id;
    }
    return last;
}

/* When the schedule ends the vCPU that moved last goes on as long as it can, with what it has
 * fetched. */
static struct sched_move micro_move(const uint8_t *sched, size_t n, size_t *at, uint32_t runnable,
                                    unsigned last)
{
    struct sched_move m = {last, TSP_STEP_RUN};

    if (*at < n) {
        m.vcpu = input_sched_vcpu(sched[*at]);
        m.budget = input_sched_step(sched[*at]);
        (*at)++;
    }
    if (!(runnable >> m.vcpu & 1))
        m.vcpu = sched_next(NULL, 0, at, runnable, m.vcpu);
    return m;
}

struct sched_move sched_move(const struct tsp_setup *setup, const uint8_t *sched, size_t n,
                             size_t *at, uint32_t runnable, unsigned last, uint32_t slice)
{
    struct sched_move m;

    if (setup->protocol != TSP_PROTOCOL_NONE)
        return micro_move(sched, n, at, runnable, last);
    m.vcpu = sched_next(sched, n, at, runnable, last);
    m.budget = setup->nvcpu == 1 ? slice : 1;
    return m;
}
