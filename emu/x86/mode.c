/* SPDX-License-Identifier: MIT */
/* Execution mode and privilege level, as the control registers and segments make them. */
#include "emu/x86/segment.h"

/* RFLAGS bits that exist: 1 is always set, 3, 5, 15 and 22 upward read as zero. */
#define FLAGS_FIXED 0x2u
#define FLAGS_EXIST 0x3f7fd7u
#define SHADOW_STEP_DUE 0x100u /* the run loop's own: a single-step trap is due */

static enum tsp_mode protected_mode(const struct vcpu *vc)
{
    uint16_t attr = vc->s.x86.seg[TSP_CS].attr;

    if (!x86_long_mode(vc))
        return attr & ATTR_D ? TSP_MODE_PROT32 : TSP_MODE_PROT16;
    if (attr & ATTR_L)
        return TSP_MODE_LONG64;
    return attr & ATTR_D ? TSP_MODE_COMPAT32 : TSP_MODE_COMPAT16;
}

void x86_update_mode(struct vcpu *vc)
{
    struct tsp_regs *r = &vc->s.regs;

    if (!(vc->s.x86.cr0 & CR0_PE)) {
        r->mode = TSP_MODE_REAL16;
        r->level = 0;
    } else if ((r->flags & X86_VM) && !x86_long_mode(vc)) {
        r->mode = TSP_MODE_VM86;
        r->level = 3;
    } else {
        /* SS.DPL is the CPL, also while CS holds a conforming segment or a real-mode value
         * (Intel SDM Vol. 3C 24.4.1, guest segment access rights). */
        r->mode = protected_mode(vc);
        r->level = attr_dpl(vc->s.x86.seg[TSP_SS].attr);
    }
}

/* Where selectors are paragraphs a set-up may leave limits and rights out. */
static void fill_paragraphs(struct vcpu *vc)
{
    for (unsigned i = 0; i <= TSP_GS; i++) {
        struct tsp_segment *s = &vc->s.x86.seg[i];

        if (s->attr == 0 && s->limit == 0)
            s->limit = 0xffff;
        if (s->attr == 0)
            s->attr = ATTR_P | ATTR_S | TYPE_RW | TYPE_ACCESSED | (i == TSP_CS ? TYPE_CODE : 0);
    }
}

void x86_adopt(struct vcpu *vc)
{
    struct tsp_x86_state *x = &vc->s.x86;
    bool paging = (x->cr0 & CR0_PG) && (x->cr0 & CR0_PE);

    vc->s.regs.flags = (vc->s.regs.flags & FLAGS_EXIST) | FLAGS_FIXED;
    x->shadow &= TSP_SHADOW_STI | TSP_SHADOW_MOVSS | SHADOW_STEP_DUE;
    x->cr0 |= CR0_ET;
    if (!paging)
        x->cr0 &= ~(uint64_t)CR0_PG;
    x->efer &= ~(uint64_t)EFER_LMA;
    if (paging && (x->efer & EFER_LME))
        x->efer |= EFER_LMA;
    if (x->efer & EFER_LMA)
        vc->s.regs.flags &= ~(uint64_t)X86_VM;
    vc->dr[6] = 0xffff0ff0;
    vc->dr[7] = 0x400;
    vc->cr8 = 0;
    x86_update_mode(vc);
    if (x86_paragraphs(vc))
        fill_paragraphs(vc);
    if (vc->s.regs.mode != TSP_MODE_LONG64)
        vc->s.regs.pc = (uint32_t)vc->s.regs.pc;
}

void x86_save(const struct vcpu *vc, struct x86_save *s)
{
    s->regs = vc->s.regs;
    memcpy(s->seg, vc->s.x86.seg, sizeof(s->seg));
}

void x86_restore(struct vcpu *vc, const struct x86_save *s)
{
    vc->s.regs = s->regs;
    memcpy(vc->s.x86.seg, s->seg, sizeof(s->seg));
}
