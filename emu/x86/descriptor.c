/* SPDX-License-Identifier: MIT */
/* Descriptor tables and what is in them. These accesses are the processor's own: supervisor at any
 * CPL. */
#include "emu/x86/segment.h"

/* Memory outside RAM is no reason to stop: what was read is ones, what was written is lost. */
static enum step no_event(struct vm *vm, enum step step)
{
    if (step != STEP_EVENT)
        return step;
    vm->ev->kind = TSP_EV_NONE;
    vm->ev->info[0] = vm->ev->info[1] = 0;
    return STEP_NEXT;
}

enum step x86_load_system(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf, unsigned len)
{
    if (!x86_long_mode(vc))
        lin = (uint32_t)lin;
    return no_event(vm, mmu_load(vm, vc, lin, buf, len, MMU_READ | MMU_SYSTEM));
}

enum step x86_store_system(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf,
                           unsigned len)
{
    if (!x86_long_mode(vc))
        lin = (uint32_t)lin;
    return no_event(vm, mmu_store(vm, vc, lin, buf, len, MMU_WRITE | MMU_SYSTEM));
}

/* Bytes [off, off + len) of the selector's table, as a linear address; false past the limit. */
static bool locate(const struct vcpu *vc, uint16_t sel, unsigned off, unsigned len, uint64_t *lin)
{
    const struct tsp_x86_state *x = &vc->s.x86;
    const struct tsp_segment *ldt = &x->seg[TSP_LDTR];
    uint64_t base = x->gdt.base, limit = x->gdt.limit;

    off += sel & ~7u;
    if (sel & 4) {
        if ((ldt->sel & ~3u) == 0 || !(ldt->attr & ATTR_P))
            return false;
        base = ldt->base;
        limit = ldt->limit;
    }
    *lin = base + off;
    return (uint64_t)off + len - 1 <= limit;
}

/* One half of the descriptor at `off`; a selector past its table's limit faults with `vector`. */
static enum step load_half(struct vm *vm, struct vcpu *vc, uint16_t sel, unsigned off,
                           uint32_t vector, uint64_t *raw)
{
    uint8_t b[8];
    uint64_t lin;
    enum step step;

    if (!locate(vc, sel, off, 8, &lin))
        return step_fault_code(vc, vector, sel & ~3u);
    step = x86_load_system(vm, vc, lin, b, sizeof(b));
    *raw = le_load(b, 8);
    return step;
}

enum step x86_descriptor(struct vm *vm, struct vcpu *vc, uint16_t sel, uint32_t vector,
                         uint64_t *raw)
{
    return load_half(vm, vc, sel, 0, vector, raw);
}

enum step x86_descriptor_high(struct vm *vm, struct vcpu *vc, uint16_t sel, uint64_t *high)
{
    return load_half(vm, vc, sel, 8, X86_GP, high);
}

void x86_unpack(uint64_t raw, uint16_t sel, struct tsp_segment *out)
{
    uint32_t limit = (uint32_t)(bits_get(raw, 15, 0) | bits_get(raw, 51, 48) << 16);

    out->sel = sel;
    out->base = bits_get(raw, 39, 16) | bits_get(raw, 63, 56) << 24;
    out->attr = (uint16_t)(bits_get(raw, 47, 40) | bits_get(raw, 55, 52) << 12);
    out->limit = bits_test(raw, 55) ? limit << 12 | 0xfff : limit;
}

enum step x86_mark_descriptor(struct vm *vm, struct vcpu *vc, uint16_t sel, uint8_t bits)
{
    uint64_t lin;
    uint8_t type;
    enum step step;

    if (!locate(vc, sel, 5, 1, &lin))
        return step_fault_code(vc, X86_GP, sel & ~3u);
    step = x86_load_system(vm, vc, lin, &type, 1);
    if (step != STEP_NEXT)
        return step;
    type |= bits;
    return x86_store_system(vm, vc, lin, &type, 1);
}

enum step x86_touch(struct vm *vm, struct vcpu *vc, struct tsp_segment *seg)
{
    if (seg->attr & TYPE_ACCESSED)
        return STEP_NEXT;
    seg->attr |= TYPE_ACCESSED;
    return x86_mark_descriptor(vm, vc, seg->sel, TYPE_ACCESSED);
}

/* A 16-bit TSS holds SP, SS pairs from offset 2, a 32-bit one ESP, SS pairs of 8 bytes from
 * offset 4. */
enum step x86_tss_stack(struct vm *vm, struct vcpu *vc, unsigned level, uint16_t *ss, uint64_t *sp)
{
    const struct tsp_segment *tr = &vc->s.x86.seg[TSP_TR];
    bool small = (tr->attr & ATTR_TYPE & ~2u) == SYS_TSS16;
    unsigned off = small ? level * 4 + 2 : level * 8 + 4, len = small ? 4 : 6;
    uint8_t b[6];
    enum step step;

    if (off + len - 1 > tr->limit)
        return step_fault_code(vc, X86_TS, tr->sel & ~3u);
    step = x86_load_system(vm, vc, tr->base + off, b, len);
    *sp = le_load(b, small ? 2 : 4);
    *ss = (uint16_t)le_load(b + (small ? 2 : 4), 2);
    return step;
}

enum step x86_tss_rsp(struct vm *vm, struct vcpu *vc, unsigned offset, uint64_t *rsp)
{
    const struct tsp_segment *tr = &vc->s.x86.seg[TSP_TR];
    uint8_t b[8];
    enum step step;

    if (offset + 7 > tr->limit)
        return step_fault_code(vc, X86_TS, tr->sel & ~3u);
    step = x86_load_system(vm, vc, tr->base + offset, b, sizeof(b));
    *rsp = le_load(b, 8);
    return step;
}
