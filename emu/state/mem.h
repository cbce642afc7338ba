/* SPDX-License-Identifier: MIT */
/* Guest-physical RAM: one flat piece, dirty lists of 256-byte granules, read-only pages. */
#ifndef TSP_EMU_STATE_MEM_H
#define TSP_EMU_STATE_MEM_H

#include "trapspec/base.h"

#define MEM_PAGE 4096u
#define MEM_GRANULE 256u

struct mem {
    uint8_t *ram;        /* TSP_MAX_RAM bytes, allocated at open */
    uint64_t base, size; /* guest-physical range of this set-up */
    uint64_t *dirty;     /* bit per granule: differs from zero or may do */
    uint32_t *list;      /* the dirty granules, in order of first touch */
    uint32_t nlist;
    uint8_t *flags;      /* per page: MEM_ROM, MEM_CODE (decoded blocks depend on it) */
};

#define MEM_ROM 1u
#define MEM_CODE 2u

bool mem_open(struct mem *m);  /* false: out of memory */
void mem_close(struct mem *m);
/* Zeroes what was touched and moves RAM to [base, base + size). */
void mem_reset(struct mem *m, uint64_t base, uint64_t size);

/* True when [gpa, gpa + len) is RAM. */
static inline bool mem_has(const struct mem *m, uint64_t gpa, uint64_t len)
{
    return gpa - m->base < m->size && len <= m->size - (gpa - m->base);
}

/* The caller has checked mem_has. mem_put marks granules dirty; it does not look at MEM_ROM or MEM_CODE. */
void mem_get(const struct mem *m, uint64_t gpa, void *buf, size_t len);
void mem_put(struct mem *m, uint64_t gpa, const void *buf, size_t len);

static inline uint8_t mem_page_flags(const struct mem *m, uint64_t gpa)
{
    return m->flags[(gpa - m->base) / MEM_PAGE];
}

#endif
