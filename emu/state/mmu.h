/* SPDX-License-Identifier: MIT */
/* Linear addresses: page walks with A and D bits, WP, NX, SMEP, SMAP; every guest access goes
 * through here. */
#ifndef TSP_EMU_STATE_MMU_H
#define TSP_EMU_STATE_MMU_H

#include "emu/state/vm.h"
#include "trapspec/bits.h"

/* Access kinds; MMU_SYSTEM is an implicit supervisor access (descriptor tables, TSS) at any CPL. */
#define MMU_READ 0u
#define MMU_WRITE 1u
#define MMU_FETCH 2u
#define MMU_SYSTEM 4u
#define MMU_PROBE 8u /* sets no A or D bit */

/* Translates one linear address (any byte of a page). On failure fills vc->fault (#PF) and returns
 * false. */
bool mmu_translate(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned access, uint64_t *gpa);

/*
 * Remembered translations. They are an optimisation only: nothing a guest does can tell that they
 * exist. Stores to memory that a walk has read forget them all; code that writes CR0, CR3, CR4 or
 * EFER calls mmu_flush. Of pages with any flag (read-only, holding code, page tables) only the
 * place is remembered for writing, the flags are looked at each time.
 */
void mmu_flush(struct vcpu *vc);
/* Marks the page of gpa; remembered write translations of all vCPUs go. */
void mmu_mark(struct vm *vm, uint64_t gpa, uint8_t flag);

static inline uint64_t mmu_tag(const struct vcpu *vc, uint64_t lin, unsigned access)
{
    return (lin & ~(uint64_t)(MEM_PAGE - 1)) | 1u | (uint64_t)(vc->s.regs.level == 3) << 1 |
           ((vc->s.regs.flags >> 16) & 4u) | (uint64_t)(access & MMU_SYSTEM) << 1;
}

/* The same while flag AC is clear, for the vCPU's own data. */
static inline uint64_t mmu_tag_no_ac(const struct vcpu *vc, uint64_t lin)
{
    return (lin & ~(uint64_t)(MEM_PAGE - 1)) | 1u | (uint64_t)(vc->s.regs.level == 3) << 1;
}

enum step mmu_load_slow(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf, unsigned len,
                        unsigned access);
enum step mmu_store_slow(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf,
                         unsigned len, unsigned access);

/* Data access of len bytes (1..16) at a linear address, split at page ends, both pages checked
 * before the first byte moves. Handles memory outside RAM and read-only memory: STEP_EVENT with a
 * TSP_EV_MMIO event means "done, go on with the instruction and return STEP_EVENT at its end";
 * reads give all ones. STEP_NEXT, STEP_EVENT or STEP_FAULT. */
static inline enum step mmu_load(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf,
                                 unsigned len, unsigned access)
{
    const struct tlb_entry *e = &vc->tlb[0][(lin / MEM_PAGE) % VM_TLB];

    if (e->tag == mmu_tag(vc, lin, access) && lin % MEM_PAGE + len <= MEM_PAGE) {
        memcpy(buf, e->host + lin % MEM_PAGE, len);
        return STEP_NEXT;
    }
    return mmu_load_slow(vm, vc, lin, buf, len, access);
}

static inline enum step mmu_store(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf,
                                  unsigned len, unsigned access)
{
    const struct tlb_entry *e = &vc->tlb[1][(lin / MEM_PAGE) % VM_TLB];

    if (e->tag == mmu_tag(vc, lin, access) && lin % MEM_PAGE + len <= MEM_PAGE) {
        uint8_t *p = e->host + lin % MEM_PAGE;

        mem_touch(&vm->mem, (uint64_t)(p - vm->mem.ram), len);
        memcpy(p, buf, len);
        return STEP_NEXT;
    }
    return mmu_store_slow(vm, vc, lin, buf, len, access);
}

/* Checks what mmu_store would check without storing: STEP_NEXT or STEP_FAULT. Sets A and D bits as
 * a store does. For read-modify-write instructions, which fault as writes before anything else. */
enum step mmu_check_store(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned len,
                          unsigned access);

/* Fetches up to max bytes (<= 16) of code at a linear address, stopping at the first page that
 * cannot be fetched. Returns the number; when it is less than max, vc->fault holds the fault of the
 * first missing byte. Bytes outside RAM read as ones (x86) or are an instruction abort (AArch64).
 */
unsigned mmu_fetch(struct vm *vm, struct vcpu *vc, uint64_t lin, uint8_t *buf, unsigned max);

/* Guest-physical address of the byte at lin for fetching; false fills vc->fault. */
bool mmu_translate_fetch(struct vm *vm, struct vcpu *vc, uint64_t lin, uint64_t *gpa);

/* TSP_TEXT_* of the byte at lin for the current privilege; sets no A or D bit. *gpa is the byte's
 * guest-physical address when TSP_TEXT_PRESENT is set; gpa may be NULL. */
uint8_t mmu_text_at(struct vm *vm, struct vcpu *vc, uint64_t lin, uint64_t *gpa);

/* Guest-physical address of the table entry that maps lin; false: nothing does, or paging is off.
 */
bool mmu_entry_at(struct vm *vm, const struct vcpu *vc, uint64_t lin, uint64_t *gpa);

/* The linear address n bytes on: it wraps at 4 GiB outside 64-bit mode. */
static inline uint64_t mmu_add(const struct vcpu *vc, uint64_t lin, uint64_t n, unsigned access)
{
    uint32_t mode = vc->s.regs.mode;

    if (mode == TSP_MODE_LONG64 || mode == TSP_MODE_A64)
        return lin + n;
    if ((access & MMU_SYSTEM) && mode >= TSP_MODE_COMPAT16)
        return lin + n;
    return (uint32_t)(lin + n);
}

/* Stores to guest-physical RAM on behalf of the machine: marks dirty, drops decoded code, forgets
 * translations; also into read-only pages. false outside RAM. */
bool vm_store_phys(struct vm *vm, uint64_t gpa, const void *buf, size_t len);

#endif
