/* SPDX-License-Identifier: MIT */
/* Fast system calls: SYSCALL and SYSRET (AMD APM Vol. 2 6.1), SYSENTER and SYSEXIT (Intel SDM Vol.
 * 2B). */
#include "emu/x86/segment.h"

#define MSR_SYSENTER_CS 0x174u
#define MSR_SYSENTER_ESP 0x175u
#define MSR_SYSENTER_EIP 0x176u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define MSR_FMASK 0xc0000084u

#define ATTR_CODE64 0xa09bu /* G L P S, execute read accessed */
#define ATTR_CODE32 0xc09bu
#define ATTR_DATA32 0xc093u

static uint64_t msr(struct vm *vm, struct vcpu *vc, uint32_t index)
{
    uint64_t v;

    return x86_rdmsr(vm, vc, index, &v) ? v : 0;
}

/* Flat segments that these instructions load without looking at a table. */
static void flat(struct vcpu *vc, unsigned seg, uint16_t sel, uint16_t attr, unsigned dpl)
{
    vc->s.x86.seg[seg] = (struct tsp_segment){.sel = (uint16_t)((sel & ~3u) | dpl),
                                              .limit = 0xffffffffu,
                                              .attr = (uint16_t)(attr | dpl << 5)};
}

static bool intel(const struct vm *vm)
{
    return (vm->setup->host == TSP_VENDOR_INTEL || vm->setup->host == TSP_VENDOR_CENTAUR) !=
           vm->moved;
}

/* Intel's processors have SYSCALL and SYSRET in 64-bit code only. */
static bool exists(const struct vm *vm, const struct vcpu *vc)
{
    if (!(vc->s.x86.efer & EFER_SCE) || x86_paragraphs(vc))
        return false;
    return vc->s.regs.mode == TSP_MODE_LONG64 || !intel(vm);
}

static enum step call(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_regs *r = &vc->s.regs;
    bool wide = r->mode == TSP_MODE_LONG64, lma = x86_long_mode(vc);
    uint64_t star, flags, next = r->pc + in->len;
    uint16_t sel;

    if (!exists(vm, vc))
        return step_fault(vc, X86_UD);
    star = msr(vm, vc, MSR_STAR);
    sel = (uint16_t)bits_get(star, 47, 32);
    flags = x86_flags(vc);
    r->r[TSP_RCX] = wide ? next : (uint32_t)next;
    if (lma) {
        r->r[TSP_R11] = flags & ~(uint64_t)X86_RF;
        r->pc = msr(vm, vc, wide ? MSR_LSTAR : MSR_CSTAR);
        r->flags = (flags & ~(msr(vm, vc, MSR_FMASK) | X86_RF)) | 2;
    } else {
        r->pc = (uint32_t)star;
        r->flags = flags & ~(uint64_t)(X86_VM | X86_IF | X86_RF);
    }
    flat(vc, TSP_CS, sel, lma ? ATTR_CODE64 : ATTR_CODE32, 0);
    flat(vc, TSP_SS, (uint16_t)(sel + 8), ATTR_DATA32, 0);
    x86_update_mode(vc);
    return STEP_NEXT;
}

static enum step ret(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_regs *r = &vc->s.regs;
    bool lma = x86_long_mode(vc), wide = r->mode == TSP_MODE_LONG64 && in->osize == 8;
    uint16_t sel = (uint16_t)bits_get(msr(vm, vc, MSR_STAR), 63, 48);

    if (!exists(vm, vc))
        return step_fault(vc, X86_UD);
    if (x86_cpl(vc) != 0 || (wide && intel(vm) && !x86_canonical(r->r[TSP_RCX])))
        return step_fault_code(vc, X86_GP, 0);
    x86_flags(vc);
    r->pc = wide ? r->r[TSP_RCX] : (uint32_t)r->r[TSP_RCX];
    if (lma)
        r->flags = (r->r[TSP_R11] & 0x3c7fd7) | 2;
    else
        r->flags |= X86_IF;
    flat(vc, TSP_CS, (uint16_t)(wide ? sel + 16 : sel), wide ? ATTR_CODE64 : ATTR_CODE32, 3);
    flat(vc, TSP_SS, (uint16_t)(sel + 8), ATTR_DATA32, 3);
    x86_update_mode(vc);
    return STEP_NEXT;
}

static enum step enter(struct vm *vm, struct vcpu *vc)
{
    struct tsp_regs *r = &vc->s.regs;
    uint16_t sel = (uint16_t)msr(vm, vc, MSR_SYSENTER_CS);
    bool lma = x86_long_mode(vc);

    if (r->mode == TSP_MODE_REAL16 || (sel & ~3u) == 0)
        return step_fault_code(vc, X86_GP, 0);
    if (lma && !intel(vm)) /* AMD: not in long mode */
        return step_fault(vc, X86_UD);
    r->flags &= ~(uint64_t)(X86_VM | X86_IF | X86_RF);
    r->r[TSP_RSP] = msr(vm, vc, MSR_SYSENTER_ESP);
    r->pc = msr(vm, vc, MSR_SYSENTER_EIP);
    if (!lma) {
        r->r[TSP_RSP] = (uint32_t)r->r[TSP_RSP];
        r->pc = (uint32_t)r->pc;
    }
    flat(vc, TSP_CS, sel, lma ? ATTR_CODE64 : ATTR_CODE32, 0);
    flat(vc, TSP_SS, (uint16_t)((sel & ~3u) + 8), ATTR_DATA32, 0);
    x86_update_mode(vc);
    return STEP_NEXT;
}

static enum step leave(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_regs *r = &vc->s.regs;
    uint16_t sel = (uint16_t)(msr(vm, vc, MSR_SYSENTER_CS) & ~3u);
    bool wide = r->mode == TSP_MODE_LONG64 && in->osize == 8;

    if (r->mode == TSP_MODE_REAL16 || sel == 0 || x86_cpl(vc) != 0)
        return step_fault_code(vc, X86_GP, 0);
    if (x86_long_mode(vc) && !intel(vm))
        return step_fault(vc, X86_UD);
    if (wide && (!x86_canonical(r->r[TSP_RCX]) || !x86_canonical(r->r[TSP_RDX])))
        return step_fault_code(vc, X86_GP, 0);
    r->r[TSP_RSP] = wide ? r->r[TSP_RCX] : (uint32_t)r->r[TSP_RCX];
    r->pc = wide ? r->r[TSP_RDX] : (uint32_t)r->r[TSP_RDX];
    flat(vc, TSP_CS, (uint16_t)(sel + (wide ? 32 : 16)), wide ? ATTR_CODE64 : ATTR_CODE32, 3);
    flat(vc, TSP_SS, (uint16_t)(sel + (wide ? 40 : 24)), ATTR_DATA32, 3);
    x86_update_mode(vc);
    return STEP_NEXT;
}

enum step x86_syscall(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_SYSCALL:
        return call(vm, vc, in);
    case OP_SYSRET:
        return ret(vm, vc, in);
    case OP_SYSENTER:
        return enter(vm, vc);
    default:
        return leave(vm, vc, in);
    }
}
