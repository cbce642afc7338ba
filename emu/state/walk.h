/* SPDX-License-Identifier: MIT */
/* One page walk: what the tables say about a linear address. Private to emu/state. */
#ifndef TSP_EMU_STATE_WALK_H
#define TSP_EMU_STATE_WALK_H

#include "emu/state/vm.h"

#define WALK_LEVELS 4u

struct walk {
    uint64_t gpa;
    bool paging;              /* false: identity, everything is allowed */
    bool present, reserved;   /* reserved: a reserved bit was set where the walk ended */
    bool write, user, nx;     /* combined over all levels */
    uint8_t n, size;          /* entries used, bytes an entry */
    uint64_t at[WALK_LEVELS]; /* their guest-physical addresses, the leaf last */
    uint64_t entry[WALK_LEVELS];
    bool has_a[WALK_LEVELS]; /* false: the level has no accessed bit */
};

/* Reads tables only. Tables outside RAM read as "not present". */
void walk_tables(struct vm *vm, const struct vcpu *vc, uint64_t lin, struct walk *w);
/* True when an access of that kind (MMU_*) is granted at the current privilege. */
bool walk_allows(const struct vcpu *vc, const struct walk *w, unsigned access);
/* #PF error code of an access that is not granted. */
uint32_t walk_error(const struct vcpu *vc, const struct walk *w, unsigned access);
/* Sets the accessed bits and, for a write, the dirty bit of a granted walk. */
void walk_mark(struct vm *vm, const struct walk *w, bool write);

#endif
