/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic flags, computed when somebody asks. vc->lazy remembers the last result and operands,
 * all cut to their size; while lazy.op is not LAZY_NONE the six arithmetic bits of s.regs.flags are
 * stale, but for those of lazy.keep (CF after INC and DEC, CF and OF after shifts and IMUL).
 */
#ifndef TSP_EMU_X86_FLAGS_H
#define TSP_EMU_X86_FLAGS_H

#include "emu/x86/x86.h"

/* ADD covers ADC and INC, SUB covers SBB, CMP, NEG and DEC: carries are found from result and
 * operands. LOGIC clears CF and OF; its AF is undefined and cleared, as processors do. */
enum lazy_op { LAZY_NONE = 0, LAZY_ADD, LAZY_SUB, LAZY_LOGIC };

#define X86_ARITH (X86_CF | X86_PF_FLAG | X86_AF | X86_ZF | X86_SF | X86_OF_FLAG)

static inline void lazy_set(struct vcpu *vc, unsigned op, unsigned size, uint64_t res, uint64_t a,
                            uint64_t b)
{
    vc->lazy.res = res;
    vc->lazy.a = a;
    vc->lazy.b = b;
    vc->lazy.op = (uint8_t)op;
    vc->lazy.size = (uint8_t)size;
    vc->lazy.keep = 0;
}

/* Sets those of CF and OF that are in mask and leaves the other flags as they are, or are to be. */
static inline void flag_carry(struct vcpu *vc, uint32_t mask, uint64_t bits)
{
    vc->s.regs.flags = (vc->s.regs.flags & ~(uint64_t)mask) | bits;
    vc->lazy.keep |= (uint16_t)mask;
}

/* The top bit of an operand of size bytes. */
static inline bool flag_top(uint64_t v, unsigned size)
{
    return ((v >> (8 * size - 1)) & 1) != 0;
}

static inline bool flag_parity(uint64_t v)
{
    unsigned x = (unsigned)(v ^ v >> 4) & 15;

    return ((0x9669u >> x) & 1) != 0;
}

bool x86_lazy_cf(const struct vcpu *vc);
bool x86_lazy_of(const struct vcpu *vc);

static inline bool flag_cf(const struct vcpu *vc)
{
    const struct lazy_flags *l = &vc->lazy;

    if (l->op == LAZY_NONE || (l->keep & X86_CF) != 0)
        return (vc->s.regs.flags & X86_CF) != 0;
    return l->op != LAZY_LOGIC && x86_lazy_cf(vc);
}

static inline bool flag_zf(const struct vcpu *vc)
{
    return vc->lazy.op != LAZY_NONE ? vc->lazy.res == 0 : (vc->s.regs.flags & X86_ZF) != 0;
}

static inline bool flag_sf(const struct vcpu *vc)
{
    return vc->lazy.op != LAZY_NONE ? flag_top(vc->lazy.res, vc->lazy.size)
                                    : (vc->s.regs.flags & X86_SF) != 0;
}

static inline bool flag_pf(const struct vcpu *vc)
{
    return vc->lazy.op != LAZY_NONE ? flag_parity(vc->lazy.res)
                                    : (vc->s.regs.flags & X86_PF_FLAG) != 0;
}

static inline bool flag_of(const struct vcpu *vc)
{
    if (vc->lazy.op == LAZY_NONE || (vc->lazy.keep & X86_OF_FLAG) != 0)
        return (vc->s.regs.flags & X86_OF_FLAG) != 0;
    return x86_lazy_of(vc);
}

/* Condition code 0..15 of Jcc, SETcc and CMOVcc (Intel SDM Vol. 1 appendix B). */
static inline bool flag_cond(const struct vcpu *vc, unsigned cond)
{
    bool yes;

    switch (cond >> 1) {
    case 0:
        yes = flag_of(vc);
        break;
    case 1:
        yes = flag_cf(vc);
        break;
    case 2:
        yes = flag_zf(vc);
        break;
    case 3:
        yes = flag_cf(vc) || flag_zf(vc);
        break;
    case 4:
        yes = flag_sf(vc);
        break;
    case 5:
        yes = flag_pf(vc);
        break;
    case 6:
        yes = flag_sf(vc) != flag_of(vc);
        break;
    default:
        yes = flag_zf(vc) || flag_sf(vc) != flag_of(vc);
        break;
    }
    return yes != ((cond & 1) != 0);
}

/* Replaces the bits of mask in the complete flags. */
static inline void flag_put(struct vcpu *vc, uint64_t mask, uint64_t bits)
{
    uint64_t flags = x86_flags(vc);

    vc->s.regs.flags = (flags & ~mask) | (bits & mask);
}

#endif
