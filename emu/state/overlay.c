/* SPDX-License-Identifier: MIT */
#include "emu/state/overlay.h"

#include "emu/state/mmu.h"

static void forget(struct vm *vm)
{
    for (unsigned i = 0; i < vm->nvcpu; i++)
        mmu_flush(&vm->vcpu[i]);
}

void overlay_clear(struct vm *vm)
{
    struct overlay *o = vm->mem.over;

    if (!o->on)
        return;
    o->on = false;
    if (mem_has(&vm->mem, o->gpa, MEM_PAGE)) {
        vm->mem.flags[(o->gpa - vm->mem.base) / MEM_PAGE] &= (uint8_t)~MEM_OVERLAY;
        vm_store_phys(vm, o->gpa, o->under, MEM_PAGE);
    }
    forget(vm);
}

/* In RAM the pages change places, so that reading and executing need not know of it. */
void overlay_set(struct vm *vm, uint64_t gpa, const uint8_t *code, size_t len)
{
    struct overlay *o = vm->mem.over;

    overlay_clear(vm);
    o->gpa = gpa - gpa % MEM_PAGE;
    memset(o->page, 0, MEM_PAGE);
    memcpy(o->page, code, len < MEM_PAGE ? len : MEM_PAGE);
    if (mem_has(&vm->mem, o->gpa, MEM_PAGE)) {
        mem_get(&vm->mem, o->gpa, o->under, MEM_PAGE);
        vm_store_phys(vm, o->gpa, o->page, MEM_PAGE);
        mmu_mark(vm, o->gpa, MEM_OVERLAY);
    }
    o->on = true;
    forget(vm);
}

void overlay_read(const struct mem *m, uint64_t gpa, void *buf, size_t len)
{
    uint8_t *p = buf;

    for (size_t i = 0; i < len; i++)
        p[i] = overlay_covers(m, gpa + i) ? m->over->page[gpa + i - m->over->gpa] : 0xff;
}

void overlay_peek(const struct mem *m, uint64_t gpa, void *buf, size_t len)
{
    uint8_t *p = buf;

    for (size_t i = 0; m->over->on && i < len; i++)
        if (overlay_covers(m, gpa + i))
            p[i] = m->over->under[gpa + i - m->over->gpa];
}

bool overlay_poke(struct vm *vm, uint64_t gpa, const void *buf, size_t len)
{
    struct overlay *o = vm->mem.over;
    const uint8_t *p = buf;

    if (!mem_has(&vm->mem, gpa, len))
        return false;
    if (!o->on)
        return vm_store_phys(vm, gpa, buf, len);
    for (size_t i = 0; i < len; i++) {
        if (overlay_covers(&vm->mem, gpa + i))
            o->under[gpa + i - o->gpa] = p[i];
        else
            vm_store_phys(vm, gpa + i, p + i, 1);
    }
    return true;
}
