/* SPDX-License-Identifier: MIT */
/* Segmented addresses and segment registers (Intel SDM Vol. 3A chapters 3 and 5). */
#include "emu/x86/segment.h"

#define CR0_AM_AND_AC(vc) (((vc)->s.x86.cr0 & CR0_AM) && ((vc)->s.regs.flags & X86_AC_FLAG))

uint64_t x86_linear(const struct vcpu *vc, unsigned seg, uint64_t off)
{
    const struct tsp_segment *s = &vc->s.x86.seg[seg];

    if (vc->s.regs.mode == TSP_MODE_LONG64)
        return seg == TSP_FS || seg == TSP_GS ? s->base + off : off;
    return (uint32_t)(s->base + off);
}

static enum step bad_address(struct vcpu *vc, unsigned seg)
{
    return step_fault_code(vc, seg == TSP_SS ? X86_SS : X86_GP, 0);
}

/* Offsets of an expand-down segment are valid above its limit. */
static bool in_limit(const struct tsp_segment *s, uint64_t off, unsigned len, bool paragraphs)
{
    uint64_t last = off + len - 1;

    if (paragraphs || (s->attr & (TYPE_CODE | TYPE_CE)) != TYPE_CE)
        return last <= s->limit;
    return off > s->limit && last <= (s->attr & ATTR_D ? 0xffffffffu : 0xffffu);
}

static bool rights_ok(const struct tsp_segment *s, bool write)
{
    if (!(s->attr & ATTR_P) || !(s->attr & ATTR_S))
        return false;
    return write ? attr_is_writable(s->attr) : attr_is_readable(s->attr);
}

static bool segment_ok(const struct vcpu *vc, unsigned seg, uint64_t off, unsigned len, bool write)
{
    const struct tsp_segment *s = &vc->s.x86.seg[seg];
    bool paragraphs = x86_paragraphs(vc);

    return (paragraphs || rights_ok(s, write)) && in_limit(s, off, len, paragraphs);
}

/* Alignment check: CR0.AM and EFLAGS.AC at CPL 3 (Intel SDM Vol. 3A 6.15, #AC). */
static bool misaligned(const struct vcpu *vc, uint64_t lin, unsigned len)
{
    return CR0_AM_AND_AC(vc) && x86_cpl(vc) == 3 && (len & (len - 1)) == 0 && len <= 8 &&
           (lin & (len - 1)) != 0;
}

static enum step check(struct vcpu *vc, unsigned seg, uint64_t off, unsigned len, bool write,
                       uint64_t *lin)
{
    *lin = x86_linear(vc, seg, off);
    if (vc->s.regs.mode == TSP_MODE_LONG64) {
        if (!x86_canonical(*lin) || !x86_canonical(*lin + len - 1))
            return bad_address(vc, seg);
    } else if (!segment_ok(vc, seg, off, len, write)) {
        return bad_address(vc, seg);
    }
    if (misaligned(vc, *lin, len))
        return step_fault_code(vc, X86_AC, 0);
    return STEP_NEXT;
}

enum step x86_load(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, void *buf,
                   unsigned len)
{
    uint64_t lin;
    enum step step = check(vc, seg, off, len, false, &lin);

    return step == STEP_NEXT ? mmu_load(vm, vc, lin, buf, len, MMU_READ) : step;
}

enum step x86_store(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, const void *buf,
                    unsigned len)
{
    uint64_t lin;
    enum step step = check(vc, seg, off, len, true, &lin);

    return step == STEP_NEXT ? mmu_store(vm, vc, lin, buf, len, MMU_WRITE) : step;
}

enum step x86_check_write(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, unsigned len)
{
    uint64_t lin;
    enum step step = check(vc, seg, off, len, true, &lin);

    return step == STEP_NEXT ? mmu_check_store(vm, vc, lin, len, MMU_WRITE) : step;
}

void x86_set_paragraph(struct vcpu *vc, unsigned seg, uint16_t sel)
{
    struct tsp_segment *s = &vc->s.x86.seg[seg];

    s->sel = sel;
    s->base = (uint64_t)sel << 4;
    if (vc->s.regs.mode == TSP_MODE_VM86) {
        s->limit = 0xffff;
        s->attr = ATTR_P | ATTR_DPL | ATTR_S | TYPE_RW | TYPE_ACCESSED;
    }
}

void x86_set_null(struct vcpu *vc, unsigned seg, uint16_t sel, unsigned dpl)
{
    vc->s.x86.seg[seg] = (struct tsp_segment){.sel = sel, .attr = (uint16_t)(dpl << 5)};
}

enum step x86_set_code(struct vm *vm, struct vcpu *vc, const struct tsp_segment *cs, unsigned cpl)
{
    struct tsp_segment s = *cs;
    enum step step = x86_touch(vm, vc, &s);

    if (step == STEP_FAULT)
        return step;
    s.sel = (uint16_t)((s.sel & ~3u) | cpl);
    vc->s.x86.seg[TSP_CS] = s;
    return STEP_NEXT;
}

enum step x86_check_stack(struct vm *vm, struct vcpu *vc, uint16_t sel, unsigned cpl,
                          uint32_t vector, struct tsp_segment *out)
{
    uint64_t raw;
    enum step step;

    if ((sel & ~3u) == 0)
        return step_fault_code(vc, vector, 0);
    step = x86_descriptor(vm, vc, sel, vector, &raw);
    if (step != STEP_NEXT)
        return step;
    x86_unpack(raw, sel, out);
    if ((sel & 3u) != cpl || attr_dpl(out->attr) != cpl || !attr_is_writable(out->attr))
        return step_fault_code(vc, vector, sel & ~3u);
    if (!(out->attr & ATTR_P))
        return step_fault_code(vc, X86_SS, sel & ~3u);
    return x86_touch(vm, vc, out);
}

static enum step load_stack_segment(struct vm *vm, struct vcpu *vc, uint16_t sel)
{
    unsigned cpl = x86_cpl(vc);
    enum step step;

    /* 64-bit mode allows a null SS below CPL 3 when its RPL is the CPL. */
    if ((sel & ~3u) == 0 && vc->s.regs.mode == TSP_MODE_LONG64 && cpl != 3 && sel == cpl) {
        x86_set_null(vc, TSP_SS, sel, cpl);
        return STEP_NEXT;
    }
    struct tsp_segment s;

    step = x86_check_stack(vm, vc, sel, cpl, X86_GP, &s);
    if (step == STEP_NEXT)
        vc->s.x86.seg[TSP_SS] = s;
    return step;
}

static enum step load_data_segment(struct vm *vm, struct vcpu *vc, unsigned seg, uint16_t sel)
{
    struct tsp_segment s;
    uint64_t raw;
    enum step step;

    if ((sel & ~3u) == 0) {
        x86_set_null(vc, seg, sel, 0);
        return STEP_NEXT;
    }
    step = x86_descriptor(vm, vc, sel, X86_GP, &raw);
    if (step != STEP_NEXT)
        return step;
    x86_unpack(raw, sel, &s);
    if (!attr_is_readable(s.attr))
        return step_fault_code(vc, X86_GP, sel & ~3u);
    if (!attr_is_conforming(s.attr) &&
        (attr_dpl(s.attr) < (sel & 3u) || attr_dpl(s.attr) < x86_cpl(vc)))
        return step_fault_code(vc, X86_GP, sel & ~3u);
    if (!(s.attr & ATTR_P))
        return step_fault_code(vc, X86_NP, sel & ~3u);
    step = x86_touch(vm, vc, &s);
    if (step == STEP_NEXT)
        vc->s.x86.seg[seg] = s;
    return step;
}

enum step x86_load_seg(struct vm *vm, struct vcpu *vc, unsigned seg, uint16_t sel)
{
    if (x86_paragraphs(vc)) {
        x86_set_paragraph(vc, seg, sel);
        return STEP_NEXT;
    }
    if (seg == TSP_SS)
        return load_stack_segment(vm, vc, sel);
    return load_data_segment(vm, vc, seg, sel);
}
