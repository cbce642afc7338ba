/* SPDX-License-Identifier: MIT */
/* Arithmetic flags from the last result and its operands. */
#include "emu/x86/flags.h"

bool x86_lazy_cf(const struct vcpu *vc)
{
    const struct lazy_flags *l = &vc->lazy;

    /* carry or borrow out of the top bit, whatever came in at the bottom */
    if (l->op == LAZY_ADD)
        return flag_top((l->a & l->b) | ((l->a | l->b) & ~l->res), l->size);
    return flag_top((~l->a & l->b) | ((~l->a | l->b) & l->res), l->size);
}

bool x86_lazy_of(const struct vcpu *vc)
{
    const struct lazy_flags *l = &vc->lazy;

    switch (l->op) {
    case LAZY_ADD:
        return flag_top((l->a ^ l->res) & (l->b ^ l->res), l->size);
    case LAZY_SUB:
        return flag_top((l->a ^ l->b) & (l->a ^ l->res), l->size);
    default:
        return false;
    }
}

uint64_t x86_flags(struct vcpu *vc)
{
    const struct lazy_flags *l = &vc->lazy;
    uint64_t bits;

    if (l->op == LAZY_NONE)
        return vc->s.regs.flags;
    bits = (uint64_t)flag_cf(vc) * X86_CF | (uint64_t)flag_pf(vc) * X86_PF_FLAG |
           (uint64_t)flag_zf(vc) * X86_ZF | (uint64_t)flag_sf(vc) * X86_SF |
           (uint64_t)flag_of(vc) * X86_OF_FLAG;
    if (l->op != LAZY_LOGIC)
        bits |= (l->a ^ l->b ^ l->res) & X86_AF;
    vc->s.regs.flags = (vc->s.regs.flags & ~(uint64_t)X86_ARITH) | bits;
    vc->lazy.op = LAZY_NONE;
    return vc->s.regs.flags;
}
