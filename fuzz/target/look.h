/* SPDX-License-Identifier: MIT */
/*
 * Looking at a machine while it runs: for the first steps of a run, each of one instruction, the
 * vCPU's state and the memory that matters are read before and after, through get_vcpu and peek and
 * the guest's own page tables. What an event says can then be held against what is there.
 */
#ifndef TSP_FUZZ_TARGET_LOOK_H
#define TSP_FUZZ_TARGET_LOOK_H

#include "fuzz/target/target.h"

#define LOOK_PAGE 4096u
#define LOOK_PAGES 6u

/* Where a run is looked at. Big; static in whoever runs. */
struct looker {
    struct target *t;
    const struct tsp_setup *setup;
    bool on;
    bool away; /* a plug-in's own process looks */
    unsigned npage;
    uint64_t page[LOOK_PAGES]; /* guest-physical */
    bool empty[LOOK_PAGES];    /* known to hold zeroes so far: not read */
    uint8_t was[LOOK_PAGES][LOOK_PAGE], now[LOOK_PAGES][LOOK_PAGE];
    struct tsp_looks looks;
};

/* After a reset. Targets that do not show each step, and set-ups with a protocol, are not looked
 * at. */
void look_open(struct looker *l, struct target *t, const struct tsp_setup *setup);
/* No more looks at this run. */
static inline void look_end(struct looker *l)
{
    l->on = false;
}
/* The same, and what was seen is forgotten. */
static inline void look_close(struct looker *l)
{
    l->on = false;
    l->looks.n = 0;
}
/* A step of this vCPU comes next: what `run` may be given. */
uint32_t look_before(struct looker *l, unsigned vcpu, uint32_t budget);
/* It gave ev, which is the event of that index where it is kept. */
void look_after(struct looker *l, const struct tsp_event *ev, size_t index, bool kept);
/* What was seen, of this trace; NULL: nothing. It stays until the looker is opened again. */
const struct tsp_looks *look_all(struct looker *l, const struct tsp_trace *trace);

#endif
