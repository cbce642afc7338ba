/* SPDX-License-Identifier: MIT */
/* Guest-physical RAM: one flat piece, dirty lists of 256-byte granules, read-only pages. */
#ifndef TSP_EMU_STATE_MEM_H
#define TSP_EMU_STATE_MEM_H

#include <string.h>

#include "trapspec/base.h"

#define MEM_PAGE 4096u
#define MEM_GRANULE 256u
#define MEM_CODE_LINE 64u

struct overlay;
struct mem {
    uint8_t *ram;        /* TSP_MAX_RAM bytes, allocated at open */
    uint64_t base, size; /* guest-physical range of this set-up */
    uint8_t *dirty;      /* per granule: 1 when it differs from zero or may do */
    uint32_t *list;      /* the dirty granules, in order of first touch */
    uint32_t nlist;
    /* Since mem_track: list[tracked..] are the granules touched, pre[] what they held before. */
    bool tracking, track_full; /* full: more than MEM_TRACK_MAX, what follows is not kept */
    uint32_t tracked;
    uint8_t *pre;
    uint8_t *flags;       /* per page: MEM_ROM, MEM_CODE (decoded blocks depend on it), MEM_WALK */
    struct overlay *over; /* emu/state/overlay.h */
    uint64_t *code; /* per page with MEM_CODE: bit per 64 bytes that decoded blocks depend on */
};

#define MEM_TRACK_MAX 64u

#define MEM_ROM 1u
#define MEM_CODE 2u
#define MEM_HELD 8u     /* a rewrite of text is under way here */
#define MEM_OVERLAY 16u /* the hypervisor's page lies here */
#define MEM_WALK 4u     /* a page walk read an entry here: a store drops remembered translations */

bool mem_open(struct mem *m); /* false: out of memory */
void mem_close(struct mem *m);
/* Zeroes what was touched and moves RAM to [base, base + size), size <= TSP_MAX_RAM. */
void mem_reset(struct mem *m, uint64_t base, uint64_t size);
/* From now to the next reset: which granules change, and what they held. */
void mem_track(struct mem *m);
/* Marks the granules of [off, off + len) of ram dirty. */
void mem_mark(struct mem *m, uint64_t off, size_t len);

/* True when [gpa, gpa + len) is RAM. */
static inline bool mem_has(const struct mem *m, uint64_t gpa, uint64_t len)
{
    return gpa - m->base < m->size && len <= m->size - (gpa - m->base);
}

static inline bool mem_clean(const struct mem *m, uint64_t off)
{
    return m->dirty[off / MEM_GRANULE] == 0;
}

/* As mem_mark, cheap when the granules are dirty already. len is 1..MEM_GRANULE. */
static inline void mem_touch(struct mem *m, uint64_t off, size_t len)
{
    if (mem_clean(m, off) || mem_clean(m, off + len - 1))
        mem_mark(m, off, len);
}

/* The caller has checked mem_has. mem_put marks granules dirty; it does not look at the page's
 * flags. */
static inline void mem_get(const struct mem *m, uint64_t gpa, void *buf, size_t len)
{
    memcpy(buf, m->ram + (gpa - m->base), len);
}

static inline void mem_put(struct mem *m, uint64_t gpa, const void *buf, size_t len)
{
    uint64_t off = gpa - m->base;

    if (len == 0)
        return;
    mem_mark(m, off, len);
    memcpy(m->ram + off, buf, len);
}

static inline void mem_zero(struct mem *m, uint64_t gpa, size_t len)
{
    mem_mark(m, gpa - m->base, len);
    memset(m->ram + (gpa - m->base), 0, len);
}

static inline uint8_t mem_page_flags(const struct mem *m, uint64_t gpa)
{
    return m->flags[(gpa - m->base) / MEM_PAGE];
}

/* The bits of mem.code for [gpa, gpa + len) within one page; len > 0. */
static inline uint64_t mem_code_bits(uint64_t gpa, size_t len)
{
    unsigned first = (unsigned)(gpa % MEM_PAGE / MEM_CODE_LINE);
    unsigned last = (unsigned)((gpa % MEM_PAGE + len - 1) / MEM_CODE_LINE);

    return ~(uint64_t)0 << first & ~(uint64_t)0 >> (63 - last);
}

static inline bool mem_is_code(const struct mem *m, uint64_t gpa, size_t len)
{
    uint64_t page = (gpa - m->base) / MEM_PAGE;

    return (m->flags[page] & MEM_CODE) && (m->code[page] & mem_code_bits(gpa, len));
}

static inline void mem_page_mark(struct mem *m, uint64_t gpa, uint8_t flag)
{
    m->flags[(gpa - m->base) / MEM_PAGE] |= flag;
}

#endif
