/* SPDX-License-Identifier: MIT */
/* Access to linear addresses: remembered translations, page crossings, memory that is not RAM. */
#include "emu/state/mmu.h"

#include "emu/state/code.h"
#include "emu/state/overlay.h"
#include "emu/state/walk.h"

#define SPECIAL (MEM_ROM | MEM_CODE | MEM_WALK | MEM_HELD | MEM_OVERLAY)

void mmu_flush(struct vcpu *vc)
{
    if (vc->tlb_used)
        memset(vc->tlb, 0, sizeof(vc->tlb));
    vc->tlb_used = false;
}

void mmu_mark(struct vm *vm, uint64_t gpa, uint8_t flag)
{
    if ((mem_page_flags(&vm->mem, gpa) & flag) == flag)
        return;
    mem_page_mark(&vm->mem, gpa, flag);
    for (unsigned i = 0; i < vm->nvcpu; i++)
        if (vm->vcpu[i].tlb_used)
            memset(vm->vcpu[i].tlb[TLB_WRITE], 0, sizeof(vm->vcpu[i].tlb[TLB_WRITE]));
}

static unsigned tlb_class(unsigned access)
{
    if (access & MMU_FETCH)
        return TLB_FETCH;
    return access & MMU_WRITE ? TLB_WRITE : TLB_READ;
}

static uint8_t text_of(const struct vm *vm, const struct vcpu *vc, const struct walk *w)
{
    uint8_t text = TSP_TEXT_KNOWN;

    if (!w->present)
        return text;
    text |= TSP_TEXT_PRESENT;
    if (walk_allows(vc, w, MMU_WRITE))
        text |= TSP_TEXT_WRITE;
    if (walk_allows(vc, w, MMU_FETCH))
        text |= TSP_TEXT_FETCH;
    if (mem_has(&vm->mem, w->gpa, 1) && (mem_page_flags(&vm->mem, w->gpa) & MEM_ROM))
        text |= TSP_TEXT_ROM;
    if (overlay_covers(&vm->mem, w->gpa))
        text = (uint8_t)((text & ~TSP_TEXT_WRITE) | TSP_TEXT_OVERLAY);
    return text;
}

static void remember(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned access,
                     const struct walk *w)
{
    unsigned class = tlb_class(access);
    uint64_t page = w->gpa - w->gpa % MEM_PAGE;
    struct tlb_entry *e;

    if (!mem_has(&vm->mem, page, MEM_PAGE))
        return;
    if (class == TLB_WRITE && (mem_page_flags(&vm->mem, page) & SPECIAL))
        class = TLB_PLACE;
    e = &vc->tlb[class][(lin / MEM_PAGE) % VM_TLB];
    vc->tlb_used = true;
    e->tag = mmu_tag(vc, lin, access);
    e->host = vm->mem.ram + (page - vm->mem.base);
    if (access & MMU_FETCH)
        e->text = text_of(vm, vc, w);
}

static uint64_t host_gpa(const struct vm *vm, const struct tlb_entry *e, uint64_t lin)
{
    return vm->mem.base + (uint64_t)(e->host - vm->mem.ram) + lin % MEM_PAGE;
}

static void page_fault(struct vcpu *vc, uint64_t lin, uint32_t error)
{
    /* Vector 14 is #PF (Intel SDM Vol. 3A 6.15). */
    vc->fault = (struct fault){.vector = 14, .has_error = true, .error = error, .addr = lin};
}

bool mmu_translate(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned access, uint64_t *gpa)
{
    const struct tlb_entry *e = &vc->tlb[tlb_class(access)][(lin / MEM_PAGE) % VM_TLB];
    struct walk w;

    if (e->tag != mmu_tag(vc, lin, access) && (access & MMU_WRITE))
        e = &vc->tlb[TLB_PLACE][(lin / MEM_PAGE) % VM_TLB];
    if (e->tag == mmu_tag(vc, lin, access)) {
        *gpa = host_gpa(vm, e, lin);
        return true;
    }
    walk_tables(vm, vc, lin, &w);
    if (!walk_allows(vc, &w, access)) {
        page_fault(vc, lin, walk_error(vc, &w, access));
        return false;
    }
    *gpa = w.gpa;
    if (access & MMU_PROBE)
        return true;
    walk_mark(vm, &w, (access & MMU_WRITE) != 0);
    remember(vm, vc, lin, access, &w);
    return true;
}

/* ESR_EL1 of an instruction abort: EC 0x20 from EL0, 0x21 from EL1, IL, IFSC 0x10 synchronous
 * external abort (Arm DDI 0487, ESR_EL1). */
static void instruction_abort(struct vcpu *vc, uint64_t lin)
{
    uint64_t ec = vc->s.regs.level == 0 ? 0x20 : 0x21;

    vc->fault = (struct fault){.error = ec << 26 | 1u << 25 | 0x10, .addr = lin};
}

bool mmu_translate_fetch(struct vm *vm, struct vcpu *vc, uint64_t lin, uint64_t *gpa)
{
    /* Code runs on into non-canonical addresses with #GP(0), not #PF (Intel SDM Vol. 1 3.3.7.1). */
    if (vc->s.regs.mode == TSP_MODE_LONG64 && bits_sext(lin, 48) != lin) {
        vc->fault = (struct fault){.vector = 13, .has_error = true};
        return false;
    }
    if (!mmu_translate(vm, vc, lin, MMU_FETCH, gpa))
        return false;
    if (vm->setup->arch == TSP_ARCH_ARM64 && !mem_has(&vm->mem, *gpa, 1)) {
        instruction_abort(vc, lin);
        return false;
    }
    return true;
}

/* The pieces of an access on either side of a page end. */
struct span {
    unsigned n;
    uint64_t gpa[2];
    unsigned len[2];
};

static bool span_translate(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned len,
                           unsigned access, struct span *s)
{
    unsigned room = MEM_PAGE - (unsigned)(lin % MEM_PAGE);

    s->n = 1;
    s->len[0] = len;
    if (!mmu_translate(vm, vc, lin, access, &s->gpa[0]))
        return false;
    if (len <= room)
        return true;
    s->n = 2;
    s->len[0] = room;
    s->len[1] = len - room;
    return mmu_translate(vm, vc, mmu_add(vc, lin, room, access), access, &s->gpa[1]);
}

/* The hypervisor takes write permission from text that it rewrites: the store waits. */
static bool held(struct vm *vm, struct vcpu *vc, const struct span *s)
{
    if (!vm->hold_stores)
        return false;
    for (unsigned i = 0; i < s->n; i++) {
        if (!mem_has(&vm->mem, s->gpa[i], 1) ||
            (mem_page_flags(&vm->mem, s->gpa[i]) & MEM_HELD) == 0)
            continue;
        vc->fault = (struct fault){.vector = FAULT_HELD};
        return true;
    }
    return false;
}

/* The hypervisor's own page cannot be written: #GP(0) (TLFS, Establishing the hypercall
 * interface). */
static bool overlaid(const struct vm *vm, struct vcpu *vc, const struct span *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (!overlay_covers(&vm->mem, s->gpa[i]))
            continue;
        vc->fault = (struct fault){.vector = 13, .has_error = true};
        return true;
    }
    return false;
}

#define MMIO_WRITE 1u
#define MMIO_FIRST 2u /* of the parts of one access */

/* KVM's emulator begins its list of fragments anew with each store, and tells of the list once the
 * instruction is through (torvalds/linux arch/x86/kvm/x86.c emulator_read_write): of several stores
 * outside RAM that is the last one. */
static bool tells_last(const struct vm *vm, bool write)
{
    return write && (vm->ev->info[1] & 1) != 0 && vm->last_store_told;
}

static enum step mmio(struct vm *vm, struct vcpu *vc, uint64_t gpa, const uint8_t *p, unsigned len,
                      unsigned how)
{
    unsigned width = len < 8 ? len : 8;
    bool write = (how & MMIO_WRITE) != 0;

    if (vc->answered && !write)
        return STEP_NEXT;
    /* The first access of an instruction is the one that user space is asked for first: the read of
     * a read-modify-write, the page that a store across two begins in. */
    if (vm->ev->kind == TSP_EV_MMIO && ((how & MMIO_FIRST) == 0 || !tells_last(vm, write)))
        return STEP_EVENT;
    if (vm->ev->kind != TSP_EV_MMIO)
        vc->io = (struct io_mark){vc->s.regs, vc->lazy};
    vm->ev->kind = TSP_EV_MMIO;
    vm->ev->code = 0;
    vm->ev->addr = gpa;
    vm->ev->info[0] = le_load(p, width);
    vm->ev->info[1] = (write ? 1u : 0u) | width << 4;
    return STEP_EVENT;
}

enum step mmu_load_slow(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf, unsigned len,
                        unsigned access)
{
    enum step step = STEP_NEXT;
    uint8_t *p = buf;
    struct span s;

    if (!span_translate(vm, vc, lin, len, access, &s))
        return STEP_FAULT;
    for (unsigned i = 0; i < s.n; p += s.len[i], i++) {
        if (mem_has(&vm->mem, s.gpa[i], s.len[i])) {
            mem_get(&vm->mem, s.gpa[i], p, s.len[i]);
            continue;
        }
        overlay_read(&vm->mem, s.gpa[i], p, s.len[i]);
        if (overlay_covers(&vm->mem, s.gpa[i]))
            continue;
        step = mmio(vm, vc, s.gpa[i], p, s.len[i], step == STEP_NEXT ? MMIO_FIRST : 0);
    }
    return step;
}

enum step mmu_store_slow(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf,
                         unsigned len, unsigned access)
{
    enum step step = STEP_NEXT;
    const uint8_t *p = buf;
    struct span s;

    if (!span_translate(vm, vc, lin, len, access | MMU_WRITE, &s) || held(vm, vc, &s) ||
        overlaid(vm, vc, &s))
        return STEP_FAULT;
    for (unsigned i = 0; i < s.n; p += s.len[i], i++) {
        bool ram = mem_has(&vm->mem, s.gpa[i], s.len[i]);

        if (ram && !(mem_page_flags(&vm->mem, s.gpa[i]) & MEM_ROM))
            vm_store_phys(vm, s.gpa[i], p, s.len[i]);
        else
            step = mmio(vm, vc, s.gpa[i], p, s.len[i],
                        MMIO_WRITE | (step == STEP_NEXT ? MMIO_FIRST : 0));
    }
    return step;
}

enum step mmu_check_store(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned len,
                          unsigned access)
{
    struct span s;

    if (!span_translate(vm, vc, lin, len, access | MMU_WRITE, &s) || held(vm, vc, &s) ||
        overlaid(vm, vc, &s))
        return STEP_FAULT;
    return STEP_NEXT;
}

unsigned mmu_fetch(struct vm *vm, struct vcpu *vc, uint64_t lin, uint8_t *buf, unsigned max)
{
    unsigned got = 0;

    while (got < max) {
        uint64_t at = mmu_add(vc, lin, got, MMU_FETCH), gpa;
        unsigned n = MEM_PAGE - (unsigned)(at % MEM_PAGE);

        if (n > max - got)
            n = max - got;
        if (!mmu_translate_fetch(vm, vc, at, &gpa))
            break;
        if (mem_has(&vm->mem, gpa, n))
            mem_get(&vm->mem, gpa, buf + got, n);
        else
            overlay_read(&vm->mem, gpa, buf + got, n);
        got += n;
    }
    return got;
}

uint8_t mmu_text_at(struct vm *vm, struct vcpu *vc, uint64_t lin, uint64_t *gpa)
{
    const struct tlb_entry *e = &vc->tlb[TLB_FETCH][(lin / MEM_PAGE) % VM_TLB];
    struct walk w;

    if (e->tag == mmu_tag(vc, lin, MMU_FETCH)) {
        if (gpa)
            *gpa = host_gpa(vm, e, lin);
        return e->text;
    }
    walk_tables(vm, vc, lin, &w);
    if (gpa && w.present)
        *gpa = w.gpa;
    return text_of(vm, vc, &w);
}

bool mmu_entry_at(struct vm *vm, const struct vcpu *vc, uint64_t lin, uint64_t *gpa)
{
    struct walk w;

    walk_tables(vm, vc, lin, &w);
    if (!w.paging || !w.present || w.n == 0)
        return false;
    *gpa = w.at[w.n - 1];
    return true;
}

/* One page's part of a store. */
static void store_page(struct vm *vm, uint64_t gpa, const void *buf, size_t len)
{
    uint8_t flags = mem_page_flags(&vm->mem, gpa);

    mem_put(&vm->mem, gpa, buf, len);
    if (mem_is_code(&vm->mem, gpa, len))
        code_drop(vm, gpa);
    if (!(flags & MEM_WALK))
        return;
    code_leave(vm);
    for (unsigned i = 0; i < vm->nvcpu; i++)
        mmu_flush(&vm->vcpu[i]);
}

bool vm_store_phys(struct vm *vm, uint64_t gpa, const void *buf, size_t len)
{
    const uint8_t *p = buf;

    if (!mem_has(&vm->mem, gpa, len))
        return false;
    while (len > 0) {
        size_t n = MEM_PAGE - (size_t)(gpa % MEM_PAGE);

        if (n > len)
            n = len;
        store_page(vm, gpa, p, n);
        gpa += n;
        p += n;
        len -= n;
    }
    return true;
}
