/* SPDX-License-Identifier: MIT */
/* Ports: IN, OUT, INS, OUTS. There is no device behind any of them: reads give ones. */
#include "emu/x86/segment.h"

#define TSS_IO_MAP                                                                                 \
    102u /* offset of the I/O map base in a 32-bit or 64-bit TSS (Intel SDM Vol. 3A 7.2.1) */

/* The permission bits of [port, port + width) in the TSS; the processor reads two bytes. */
static enum step bitmap(struct vm *vm, struct vcpu *vc, unsigned port, unsigned width)
{
    const struct tsp_segment *tr = &vc->s.x86.seg[TSP_TR];
    uint8_t b[2];
    uint64_t at;
    enum step step;

    if (!(tr->attr & ATTR_P) || (tr->attr & ATTR_TYPE & ~2u) != SYS_TSS)
        return step_fault_code(vc, X86_GP, 0);
    if (TSS_IO_MAP + 1 > tr->limit)
        return step_fault_code(vc, X86_GP, 0);
    step = x86_load_system(vm, vc, tr->base + TSS_IO_MAP, b, 2);
    if (step != STEP_NEXT)
        return step;
    at = le_load(b, 2) + port / 8;
    if (at + 1 > tr->limit)
        return step_fault_code(vc, X86_GP, 0);
    step = x86_load_system(vm, vc, tr->base + at, b, 2);
    if (step != STEP_NEXT)
        return step;
    if (le_load(b, 2) >> port % 8 & bits_mask(width))
        return step_fault_code(vc, X86_GP, 0);
    return STEP_NEXT;
}

static enum step allowed(struct vm *vm, struct vcpu *vc, unsigned port, unsigned width)
{
    unsigned iopl = (unsigned)bits_get(vc->s.regs.flags, 13, 12);

    if (vc->s.regs.mode == TSP_MODE_REAL16)
        return STEP_NEXT;
    if (vc->s.regs.mode != TSP_MODE_VM86 && x86_cpl(vc) <= iopl)
        return STEP_NEXT;
    return bitmap(vm, vc, port, width);
}

static enum step event(struct vm *vm, unsigned port, uint64_t value, unsigned width, bool write)
{
    vm->ev->kind = TSP_EV_PIO;
    vm->ev->code = port;
    vm->ev->info[0] = value;
    vm->ev->info[1] = (write ? 1u : 0u) | width << 4;
    return STEP_EVENT;
}

/* An operand that is the port: an immediate byte or DX. */
static unsigned port_of(const struct vcpu *vc, const struct insn *in, unsigned i)
{
    if (in->opnd[i].kind == OPND_IMM)
        return (unsigned)(in->imm & 0xff);
    return (unsigned)x86_reg(vc, TSP_RDX, 2);
}

/* A port of the hypervisor that runs the machine, open to everybody. */
static bool hypervisors(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned port)
{
    const struct hv_ops *hv = vm->hv[0] != NULL ? vm->hv[0] : vm->hv[1];

    return hv != NULL && hv->port != NULL && in->opnd[1].kind != OPND_IMM && hv->port(vm, vc, port);
}

static enum step in_out(struct vm *vm, struct vcpu *vc, const struct insn *in, bool write)
{
    unsigned width = in->osize > 4 ? 4 : in->osize;
    unsigned port = port_of(vc, in, write ? 0 : 1);
    uint64_t value = write ? x86_reg(vc, TSP_RAX, width) : bits_mask(8 * width);
    enum step step;

    if (!write && width == 4 && hypervisors(vm, vc, in, port)) {
        vcpu_advance(vc, in->len);
        return event(vm, port, x86_reg(vc, TSP_RAX, 4), 4, false);
    }
    step = allowed(vm, vc, port, width);
    if (step != STEP_NEXT)
        return step;
    if (write && vm->setup->end_port && port == vm->setup->end_port)
        return step_stop(vm, vc, TSP_STOP_END);
    if (!write)
        x86_set_reg(vc, TSP_RAX, width, value);
    vcpu_advance(vc, in->len);
    return event(vm, port, value, width, write);
}

/* Moves an index register on by one element, in the direction of DF. */
static void step_index(struct vcpu *vc, const struct insn *in, unsigned reg, unsigned width)
{
    uint64_t v = vc->s.regs.r[reg];

    v = vc->s.regs.flags & X86_DF_FLAG ? v - width : v + width;
    x86_set_reg(vc, reg, in->asize, v);
}

/* The memory side of one element; for INS the value is known: nobody answers. */
static enum step element(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned width,
                         uint64_t *value)
{
    bool out = in->op == OP_OUTS;
    uint64_t off = x86_reg(vc, out ? TSP_RSI : TSP_RDI, in->asize);
    uint8_t b[4] = {0xff, 0xff, 0xff, 0xff};
    enum step step;

    if (out)
        step = x86_load(vm, vc, in->seg, off, b, width);
    else
        step = x86_store(vm, vc, TSP_ES, off, b, width);
    *value = le_load(b, width);
    return step;
}

/* One element per step; a repeated instruction stays at its pc until rCX is zero. */
static enum step string(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool out = in->op == OP_OUTS, rep = (in->prefix & (INSN_REP | INSN_REPNE)) != 0;
    unsigned width = in->osize > 4 ? 4 : in->osize, port = (unsigned)x86_reg(vc, TSP_RDX, 2);
    uint64_t value, count = rep ? x86_reg(vc, TSP_RCX, in->asize) : 1;
    enum step step;

    if (count == 0) {
        vcpu_advance(vc, in->len);
        return STEP_NEXT;
    }
    step = allowed(vm, vc, port, width);
    if (step != STEP_NEXT)
        return step;
    /* The exit comes before the faults of INS's own store (Intel SDM Vol. 3C 25.1.1). */
    step = element(vm, vc, in, width, &value);
    if (step == STEP_FAULT) {
        if (!out)
            event(vm, port, bits_mask(8 * width), width, false);
        return STEP_FAULT;
    }
    if (out && step != STEP_EVENT && vm->setup->end_port && port == vm->setup->end_port)
        return step_stop(vm, vc, TSP_STOP_END);
    step_index(vc, in, out ? TSP_RSI : TSP_RDI, width);
    if (rep)
        x86_set_reg(vc, TSP_RCX, in->asize, count - 1);
    if (count == 1)
        vcpu_advance(vc, in->len);
    vc->stall = 0;                 /* an iteration is progress */
    if (out && step == STEP_EVENT) /* user space is asked for the element first */
        return step;
    return event(vm, port, value, width, out);
}

enum step x86_port(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (in->op == OP_INS || in->op == OP_OUTS)
        return string(vm, vc, in);
    return in_out(vm, vc, in, in->op == OP_OUT);
}
