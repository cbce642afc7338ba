/* SPDX-License-Identifier: MIT */
/*
 * x86 page walks (Intel SDM Vol. 3A chapter 4, AMD APM Vol. 2 chapter 5): 2-level with 4 MiB pages,
 * PAE, 4-level.
 *
 *   63 62      52 51           12 11  9 8 7 6 5 4 3 2 1 0
 *   NX  ignored    address          -   G S D A C T U W P      S: a leaf above the last level
 */
#include "emu/state/walk.h"

#include "emu/state/code.h"
#include "emu/state/mmu.h"

#define PTE_P 0x001u
#define PTE_W 0x002u
#define PTE_U 0x004u
#define PTE_A 0x020u
#define PTE_D 0x040u
#define PTE_PS 0x080u
#define PTE_NX ((uint64_t)1 << 63)
#define PTE_ADDR 0x000ffffffffff000ull

#define CR0_PE 0x1u
#define CR0_WP 0x10000u
#define CR0_PG 0x80000000u
#define CR4_PSE 0x10u
#define CR4_PAE 0x20u
#define CR4_SMEP 0x100000u
#define CR4_SMAP 0x200000u
#define EFER_LMA 0x400u
#define EFER_NXE 0x800u
#define RFLAGS_AC 0x40000u

static bool read_entry(struct vm *vm, struct walk *w, uint64_t at)
{
    uint8_t b[8];

    if (!mem_has(&vm->mem, at, w->size))
        return false;
    mmu_mark(vm, at, MEM_WALK);
    mem_get(&vm->mem, at, b, w->size);
    w->at[w->n] = at;
    w->entry[w->n] = le_load(b, w->size);
    w->n++;
    return (b[0] & PTE_P) != 0;
}

/* Folds a present entry into the rights. */
static void join(struct walk *w, uint64_t e)
{
    w->write = w->write && (e & PTE_W);
    w->user = w->user && (e & PTE_U);
    w->nx = w->nx || (e & PTE_NX);
}

static void leaf(struct walk *w, uint64_t frame, uint64_t lin, unsigned shift)
{
    uint64_t off = lin & bits_mask(shift);

    w->present = true;
    w->gpa = (frame & ~bits_mask(shift)) | off;
}

/* 32-bit paging. Bit 7 of a PDE maps 4 MiB when CR4.PSE is set; its bits 20:13 are physical bits
 * 39:32 (PSE-36), bit 21 is reserved. */
static void walk_two(struct vm *vm, const struct vcpu *vc, uint64_t lin, struct walk *w)
{
    uint64_t e;

    w->size = 4;
    if (!read_entry(vm, w, (vc->s.x86.cr3 & 0xfffff000u) + 4 * bits_get(lin, 31, 22)))
        return;
    e = w->entry[0];
    join(w, e);
    if ((e & PTE_PS) && (vc->s.x86.cr4 & CR4_PSE)) {
        w->reserved = bits_test(e, 21);
        leaf(w, (e & 0xffc00000u) | bits_get(e, 20, 13) << 32, lin, 22);
        return;
    }
    if (!read_entry(vm, w, (e & 0xfffff000u) + 4 * bits_get(lin, 21, 12)))
        return;
    join(w, w->entry[1]);
    leaf(w, w->entry[1] & 0xfffff000u, lin, 12);
}

/* Reserved bits of an 8-byte entry that maps 2^shift bytes (0: points to a table). */
static bool reserved8(const struct vm *vm, const struct vcpu *vc, uint64_t e, unsigned shift)
{
    uint64_t bad = PTE_ADDR & ~bits_mask(vm->maxphyaddr);

    if (!(vc->s.x86.efer & EFER_NXE))
        bad |= PTE_NX;
    if (!(vc->s.x86.efer & EFER_LMA))
        bad |= bits_mask(63) & ~bits_mask(52);
    if (shift > 12)
        bad |= bits_mask(shift) & ~bits_mask(13); /* bit 12 is PAT */
    return (e & bad) != 0;
}

/* A PAE page-directory-pointer entry: no rights, no accessed bit; bits 2:1 and 8:5 are reserved. */
static bool walk_pdpte(struct vm *vm, const struct vcpu *vc, uint64_t lin, struct walk *w)
{
    uint64_t e;

    w->has_a[0] = false;
    if (!read_entry(vm, w, (vc->s.x86.cr3 & 0xffffffe0u) + 8 * bits_get(lin, 31, 30)))
        return false;
    e = w->entry[0];
    w->reserved = (e & 0x1e6u) || (e & ~bits_mask(vm->maxphyaddr));
    w->present = w->reserved;
    return !w->reserved;
}

/* The levels with 9 index bits, from `shift` (39: PML4, 21: page directory) down. */
static void walk_nine(struct vm *vm, const struct vcpu *vc, uint64_t lin, unsigned shift,
                      struct walk *w)
{
    uint64_t table = w->n ? w->entry[w->n - 1] : vc->s.x86.cr3;

    for (;; shift -= 9) {
        uint64_t e;
        bool big;

        if (!read_entry(vm, w, (table & PTE_ADDR) + 8 * bits_get(lin, shift + 8, shift)))
            return;
        e = table = w->entry[w->n - 1];
        join(w, e);
        big = (e & PTE_PS) && (shift == 21 || shift == 30);
        w->reserved = reserved8(vm, vc, e, big ? shift : 0) || ((e & PTE_PS) && shift == 39);
        if (w->reserved || big || shift == 12) {
            leaf(w, e & PTE_ADDR, lin, shift);
            return;
        }
    }
}

void walk_tables(struct vm *vm, const struct vcpu *vc, uint64_t lin, struct walk *w)
{
    const struct tsp_x86_state *x = &vc->s.x86;

    w->gpa = lin;
    w->paging = vm->setup->arch == TSP_ARCH_X86 && (x->cr0 & CR0_PG) && (x->cr0 & CR0_PE);
    w->reserved = w->nx = false;
    w->write = w->user = w->present = true;
    w->n = 0;
    w->size = 8;
    if (!w->paging)
        return;
    w->present = false;
    for (unsigned i = 0; i < WALK_LEVELS; i++)
        w->has_a[i] = true;
    if (x->efer & EFER_LMA)
        walk_nine(vm, vc, lin, 39, w);
    else if (!(x->cr4 & CR4_PAE))
        walk_two(vm, vc, lin, w);
    else if (walk_pdpte(vm, vc, lin, w))
        walk_nine(vm, vc, lin, 21, w);
}

static bool user_access(const struct vcpu *vc, unsigned access)
{
    return vc->s.regs.level == 3 && !(access & MMU_SYSTEM);
}

static bool supervisor_allows(const struct vcpu *vc, const struct walk *w, unsigned access)
{
    uint64_t cr4 = vc->s.x86.cr4;

    if ((access & MMU_FETCH) && w->user && (cr4 & CR4_SMEP))
        return false;
    if (!(access & MMU_FETCH) && w->user && (cr4 & CR4_SMAP)) {
        /* EFLAGS.AC lifts SMAP for explicit accesses only. */
        if ((access & MMU_SYSTEM) || !(vc->s.regs.flags & RFLAGS_AC))
            return false;
    }
    return !(access & MMU_WRITE) || w->write || !(vc->s.x86.cr0 & CR0_WP);
}

bool walk_allows(const struct vcpu *vc, const struct walk *w, unsigned access)
{
    if (!w->paging)
        return true;
    if (!w->present || w->reserved)
        return false;
    if ((access & MMU_FETCH) && w->nx)
        return false;
    if (!user_access(vc, access))
        return supervisor_allows(vc, w, access);
    return w->user && (!(access & MMU_WRITE) || w->write);
}

/*   4 3 2 1 0
 *   I R U W P      I is reported only while execute-disable or SMEP can be in force */
uint32_t walk_error(const struct vcpu *vc, const struct walk *w, unsigned access)
{
    const struct tsp_x86_state *x = &vc->s.x86;
    bool nxe = (x->efer & EFER_NXE) && (x->cr4 & CR4_PAE);
    uint32_t error = w->present ? 1 : 0;

    if (access & MMU_WRITE)
        error |= 2;
    if (user_access(vc, access))
        error |= 4;
    if (w->reserved)
        error |= 8;
    if ((access & MMU_FETCH) && (nxe || (x->cr4 & CR4_SMEP)))
        error |= 16;
    return error;
}

/* The processor's own store: it drops decoded code there but forgets no translation, none can
 * depend on these bits. */
static void set_bits(struct vm *vm, uint64_t at, uint64_t entry, uint64_t bits)
{
    uint8_t low = (uint8_t)(entry | bits);

    if ((entry & bits) == bits || (mem_page_flags(&vm->mem, at) & MEM_ROM))
        return;
    mem_put(&vm->mem, at, &low, 1);
    if (mem_page_flags(&vm->mem, at) & MEM_CODE)
        code_drop(vm, at);
}

void walk_mark(struct vm *vm, const struct walk *w, bool write)
{
    for (unsigned i = 0; i < w->n; i++) {
        uint64_t bits = write && i + 1 == w->n ? PTE_A | PTE_D : PTE_A;

        if (w->has_a[i])
            set_bits(vm, w->at[i], w->entry[i], bits);
    }
}
