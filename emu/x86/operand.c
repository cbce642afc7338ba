/* SPDX-License-Identifier: MIT */
/* Operands of system instructions. */
#include "emu/x86/segment.h"

#define NO_REG 255u
#define REG_RIP 16u

static uint64_t address_reg(const struct vcpu *vc, const struct insn *in, unsigned reg)
{
    if (reg == NO_REG)
        return 0;
    if (reg == REG_RIP)
        return vc->s.regs.pc + in->len;
    return vc->s.regs.r[reg & 15];
}

uint64_t x86_offset(const struct vcpu *vc, const struct insn *in)
{
    uint64_t off = (uint64_t)in->disp + address_reg(vc, in, in->base);

    off += address_reg(vc, in, in->index) * in->scale;
    return off & bits_mask(8u * in->asize);
}

uint64_t x86_reg(const struct vcpu *vc, unsigned reg, unsigned size)
{
    return vc->s.regs.r[reg & 15] & bits_mask(8 * size);
}

/* 32-bit results clear the upper half, smaller ones leave the rest alone. */
void x86_set_reg(struct vcpu *vc, unsigned reg, unsigned size, uint64_t value)
{
    uint64_t *r = &vc->s.regs.r[reg & 15];

    if (size >= 4)
        *r = value & bits_mask(8 * size);
    else
        *r = (*r & ~bits_mask(8 * size)) | (value & bits_mask(8 * size));
}

enum step x86_read_operand(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned i,
                           unsigned size, uint64_t *value)
{
    uint8_t b[8];
    enum step step;

    if (in->opnd[i].kind != OPND_MEM) {
        *value = x86_reg(vc, in->opnd[i].reg, size);
        return STEP_NEXT;
    }
    step = x86_load(vm, vc, in->seg, x86_offset(vc, in), b, size);
    *value = step == STEP_FAULT ? 0 : le_load(b, size);
    return step;
}

enum step x86_write_operand(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned i,
                            unsigned size, uint64_t value)
{
    uint8_t b[8];

    if (in->opnd[i].kind != OPND_MEM) {
        x86_set_reg(vc, in->opnd[i].reg, size, value);
        return STEP_NEXT;
    }
    le_store(b, value, size);
    return x86_store(vm, vc, in->seg, x86_offset(vc, in), b, size);
}

bool x86_has(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf, unsigned reg,
             unsigned bit)
{
    uint32_t out[4];

    x86_cpuid_answer(vm, vc, leaf, subleaf, out);
    return bits_test(out[reg], bit);
}
