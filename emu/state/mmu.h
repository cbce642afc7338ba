/* SPDX-License-Identifier: MIT */
/* Linear addresses: page walks with A and D bits, WP, NX, SMEP, SMAP; every guest access goes through here. */
#ifndef TSP_EMU_STATE_MMU_H
#define TSP_EMU_STATE_MMU_H

#include "emu/state/vm.h"

/* Access kinds; MMU_SYSTEM is an implicit supervisor access (descriptor tables, TSS) at any CPL. */
#define MMU_READ 0u
#define MMU_WRITE 1u
#define MMU_FETCH 2u
#define MMU_SYSTEM 4u
#define MMU_PROBE 8u /* sets no A or D bit */

/* Translates one linear address (any byte of a page). On failure fills vc->fault (#PF) and returns false. */
bool mmu_translate(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned access, uint64_t *gpa);

/* Data access of len bytes (1..16) at a linear address, split at page ends, both pages checked before the first
 * byte moves. Handles memory outside RAM and read-only memory (STEP_EVENT with a TSP_EV_MMIO event; reads give
 * all ones). STEP_NEXT, STEP_EVENT or STEP_FAULT. */
enum step mmu_load(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf, unsigned len, unsigned access);
enum step mmu_store(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf, unsigned len, unsigned access);

/* Fetches up to max bytes (<= 16) of code at a linear address, stopping at the first page that cannot be
 * fetched. Returns the number; when it is less than max, vc->fault holds the #PF of the first missing byte. */
unsigned mmu_fetch(struct vm *vm, struct vcpu *vc, uint64_t lin, uint8_t *buf, unsigned max);

/* TSP_TEXT_* of the byte at lin for the current privilege; sets no A or D bit. */
uint8_t mmu_text(struct vm *vm, struct vcpu *vc, uint64_t lin);

/* Stores to guest-physical RAM on behalf of the machine: marks dirty and drops decoded code. false outside RAM. */
bool vm_store_phys(struct vm *vm, uint64_t gpa, const void *buf, size_t len);

#endif
