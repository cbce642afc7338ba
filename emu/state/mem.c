/* SPDX-License-Identifier: MIT */
/* Guest-physical RAM. */
#include "emu/state/overlay.h"

#include <stdlib.h>

#define GRANULES ((size_t)TSP_MAX_RAM / MEM_GRANULE)

bool mem_open(struct mem *m)
{
    *m = (struct mem){0};
    m->ram = calloc(1, (size_t)TSP_MAX_RAM);
    m->dirty = calloc(GRANULES, sizeof(*m->dirty));
    /* a granule is listed again after mem_track */
    m->list = calloc(GRANULES + MEM_TRACK_MAX, sizeof(*m->list));
    m->pre = calloc(MEM_TRACK_MAX, MEM_GRANULE);
    m->flags = calloc(1, TSP_MAX_RAM / MEM_PAGE);
    m->code = calloc(TSP_MAX_RAM / MEM_PAGE, sizeof(*m->code));
    m->over = calloc(1, sizeof(*m->over));
    if (m->ram && m->dirty && m->list && m->flags && m->code && m->pre && m->over)
        return true;
    mem_close(m);
    return false;
}

void mem_close(struct mem *m)
{
    free(m->ram);
    free(m->dirty);
    free(m->list);
    free(m->flags);
    free(m->code);
    free(m->pre);
    free(m->over);
    *m = (struct mem){0};
}

/* Granules that follow one another in the list are mostly neighbours: one memset for all of them.
 */
static uint32_t clear_run(struct mem *m, uint32_t i)
{
    uint32_t first = m->list[i], n = 0;

    while (i + n < m->nlist && m->list[i + n] == first + n) {
        m->dirty[first + n] = 0;
        n++;
    }
    memset(m->ram + (size_t)first * MEM_GRANULE, 0, (size_t)n * MEM_GRANULE);
    return i + n;
}

void mem_reset(struct mem *m, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < m->nlist;)
        i = clear_run(m, i);
    m->nlist = 0;
    m->tracking = m->track_full = false;
    memset(m->flags, 0, (size_t)(m->size / MEM_PAGE));
    m->over->on = false;
    m->base = base;
    m->size = size;
}

void mem_track(struct mem *m)
{
    for (uint32_t i = 0; i < m->nlist; i++)
        m->dirty[m->list[i]] = 0;
    m->tracking = true;
    m->track_full = false;
    m->tracked = m->nlist;
}

/* A granule that is touched for the first time since tracking began. */
static void keep_old(struct mem *m, uint64_t g)
{
    uint32_t i = m->nlist - m->tracked;

    if (i < MEM_TRACK_MAX)
        memcpy(m->pre + (size_t)i * MEM_GRANULE, m->ram + g * MEM_GRANULE, MEM_GRANULE);
    else
        m->track_full = true;
}

void mem_mark(struct mem *m, uint64_t off, size_t len)
{
    uint64_t last = (off + len - 1) / MEM_GRANULE;

    for (uint64_t g = off / MEM_GRANULE; g <= last; g++) {
        if (m->dirty[g])
            continue;
        if (m->tracking)
            keep_old(m, g);
        if (m->tracking && m->track_full && m->nlist >= GRANULES + MEM_TRACK_MAX)
            continue;
        m->dirty[g] = 1;
        m->list[m->nlist++] = (uint32_t)g;
    }
}
