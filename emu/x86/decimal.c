/* SPDX-License-Identifier: MIT */
/* Decimal adjustment (Intel SDM Vol. 2A DAA, DAS, AAA, AAS, AAM, AAD). Flags the manual leaves
 * undefined follow the result where the instruction computes one, else are cleared. */
#include "emu/x86/plain.h"

static uint64_t result_flags(uint64_t r)
{
    return (flag_top(r, 1) ? X86_SF : 0) | ((r & 0xff) == 0 ? X86_ZF : 0) |
           (flag_parity(r) ? X86_PF_FLAG : 0);
}

static enum step adjust_packed(struct vcpu *vc, bool subtract)
{
    uint64_t flags = x86_flags(vc), al = vc->s.regs.r[TSP_RAX] & 0xff, r = al, out = 0;

    if ((al & 15) > 9 || (flags & X86_AF) != 0) {
        r = subtract ? r - 6 : r + 6;
        out |= X86_AF | (r > 0xff ? X86_CF : 0) | (flags & X86_CF);
    }
    if (al > 0x99 || (flags & X86_CF) != 0) {
        r = subtract ? r - 0x60 : r + 0x60;
        out |= X86_CF;
    } else if (!subtract) {
        out &= ~(uint64_t)X86_CF;
    }
    r &= 0xff;
    reg_set(vc, TSP_RAX, 1, r);
    flag_put(vc, X86_ARITH, out | result_flags(r));
    return STEP_NEXT;
}

enum step plain_DAA(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return adjust_packed(vc, false);
}

enum step plain_DAS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return adjust_packed(vc, true);
}

static enum step adjust_unpacked(struct vcpu *vc, bool subtract)
{
    uint64_t flags = x86_flags(vc), ax = vc->s.regs.r[TSP_RAX] & 0xffff, out = 0;

    if ((ax & 15) > 9 || (flags & X86_AF) != 0) {
        ax = subtract ? ax - 0x106 : ax + 0x106;
        out = X86_AF | X86_CF;
    }
    ax &= 0xff0f;
    reg_set(vc, TSP_RAX, 2, ax);
    flag_put(vc, X86_ARITH, out | result_flags(ax));
    return STEP_NEXT;
}

enum step plain_AAA(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return adjust_unpacked(vc, false);
}

enum step plain_AAS(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return adjust_unpacked(vc, true);
}

enum step plain_AAM(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t al = vc->s.regs.r[TSP_RAX] & 0xff, base = in->imm & 0xff;

    (void)vm;
    if (base == 0)
        return step_fault(vc, X86_DE);
    reg_set(vc, TSP_RAX, 2, (al / base) << 8 | al % base);
    flag_put(vc, X86_ARITH, result_flags(al % base));
    return STEP_NEXT;
}

enum step plain_AAD(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t ax = vc->s.regs.r[TSP_RAX],
             al = ((ax & 0xff) + ((ax >> 8) & 0xff) * (in->imm & 0xff)) & 0xff;

    (void)vm;
    reg_set(vc, TSP_RAX, 2, al);
    flag_put(vc, X86_ARITH, result_flags(al));
    return STEP_NEXT;
}

enum step plain_SALC(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    reg_set(vc, TSP_RAX, 1, flag_cf(vc) ? 0xff : 0);
    return STEP_NEXT;
}
