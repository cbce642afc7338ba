/* SPDX-License-Identifier: MIT */
/*
 * A page that the hypervisor lays over guest-physical memory: the guest reads and executes it where
 * it is put and gets #GP when it writes there; what it covers is left alone and is seen again when
 * it goes (TLFS, Overlay pages). One a machine, in RAM or outside of it.
 */
#ifndef TSP_EMU_STATE_OVERLAY_H
#define TSP_EMU_STATE_OVERLAY_H

#include "emu/state/vm.h"

struct overlay {
    bool on;
    uint64_t gpa;
    uint8_t page[MEM_PAGE], under[MEM_PAGE];
};

/* gpa is that of a page. Moves it when there is one already. */
void overlay_set(struct vm *vm, uint64_t gpa, const uint8_t *code, size_t len);
void overlay_clear(struct vm *vm);

static inline bool overlay_covers(const struct mem *m, uint64_t gpa)
{
    return m->over->on && gpa - m->over->gpa < MEM_PAGE;
}

/* What a guest finds at [gpa, gpa + len) outside RAM, within one page: ones, or the overlay. */
void overlay_read(const struct mem *m, uint64_t gpa, void *buf, size_t len);
/* What it covers, for [gpa, gpa + len) of RAM: put in its place in buf, or taken from there. */
void overlay_peek(const struct mem *m, uint64_t gpa, void *buf, size_t len);
/* As vm_store_phys, to what it covers. */
bool overlay_poke(struct vm *vm, uint64_t gpa, const void *buf, size_t len);

#endif
