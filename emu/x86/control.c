/* SPDX-License-Identifier: MIT */
/* Control registers (Intel SDM Vol. 3A 2.5, Vol. 2B MOV to control registers) and what is left of
 * the debug ones. */
#include "emu/x86/segment.h"

#define CR0_EXIST 0xe005003fu

/* CR4 bits that exist on every processor modelled: VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR
 * OSXMMEXCPT. */
#define CR4_COMMON 0x7ffu

/* CR4 bits that are reserved unless CPUID enumerates them. */
static const struct {
    uint8_t cr4, reg, bit;
    uint32_t leaf;
} cr4_features[] = {
    {11, 2, 2, 7},  /* UMIP */
    {16, 1, 0, 7},  /* FSGSBASE */
    {17, 2, 17, 1}, /* PCIDE */
    {18, 2, 26, 1}, /* OSXSAVE */
    {20, 1, 7, 7},  /* SMEP */
    {21, 1, 20, 7}, /* SMAP */
    {22, 2, 3, 7},  /* PKE */
};

static enum step gp(struct vcpu *vc)
{
    return step_fault_code(vc, X86_GP, 0);
}

/* Paging with PAE outside long mode reads the four directory pointers: reserved bits there are
 * refused at once. */
static bool pdptes_ok(struct vm *vm, struct vcpu *vc, uint64_t cr0, uint64_t cr3, uint64_t cr4)
{
    uint64_t at = cr3 & 0xffffffe0u;

    if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || (vc->s.x86.efer & EFER_LME))
        return true;
    for (uint64_t i = 0; i < 4; i++) {
        uint8_t b[8];
        uint64_t e;

        if (!mem_has(&vm->mem, at + 8 * i, 8))
            continue;
        mem_get(&vm->mem, at + 8 * i, b, 8);
        e = le_load(b, 8);
        if ((e & 1) && ((e & 0x1e6) || (e & ~bits_mask(vm->maxphyaddr))))
            return false;
    }
    return true;
}

static bool cr0_ok(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    const struct tsp_x86_state *x = &vc->s.x86;
    bool turned_on = (v & CR0_PG) && !(x->cr0 & CR0_PG);
    bool turned_off = !(v & CR0_PG) && (x->cr0 & CR0_PG);

    if (v >> 32)
        return false;
    if ((v & CR0_PG) && !(v & CR0_PE))
        return false;
    if ((v & CR0_NW) && !(v & CR0_CD))
        return false;
    if (turned_on && (x->efer & EFER_LME) &&
        (!(x->cr4 & CR4_PAE) || (x->seg[TSP_CS].attr & ATTR_L)))
        return false;
    if (turned_off && (vc->s.regs.mode == TSP_MODE_LONG64 || (x->cr4 & CR4_PCIDE)))
        return false;
    return !turned_on || pdptes_ok(vm, vc, v, x->cr3, x->cr4);
}

static bool set_cr0(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    struct tsp_x86_state *x = &vc->s.x86;

    if (!cr0_ok(vm, vc, v))
        return false;
    x->cr0 = (v & CR0_EXIST) | CR0_ET;
    x->efer &= ~(uint64_t)EFER_LMA;
    if ((v & CR0_PG) && (x->efer & EFER_LME))
        x->efer |= EFER_LMA;
    x86_update_mode(vc);
    return true;
}

static bool set_cr3(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    struct tsp_x86_state *x = &vc->s.x86;

    /* Bit 63 asks to keep the translations of a PCID; it is not stored. */
    if (x->cr4 & CR4_PCIDE)
        v &= bits_mask(63);
    if (x86_long_mode(vc) ? v >> vm->maxphyaddr != 0 : !pdptes_ok(vm, vc, x->cr0, v, x->cr4))
        return false;
    x->cr3 = v;
    return true;
}

static uint64_t cr4_allowed(struct vm *vm, struct vcpu *vc)
{
    uint64_t allowed = CR4_COMMON;

    for (unsigned i = 0; i < sizeof(cr4_features) / sizeof(cr4_features[0]); i++)
        if (x86_has(vm, vc, cr4_features[i].leaf, 0, cr4_features[i].reg, cr4_features[i].bit))
            allowed |= (uint64_t)1 << cr4_features[i].cr4;
    return allowed;
}

static bool set_cr4(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    struct tsp_x86_state *x = &vc->s.x86;
    bool pcid_on = (v & CR4_PCIDE) && !(x->cr4 & CR4_PCIDE);

    /* A bit that the set-up had on may stay on. */
    if (v & ~(cr4_allowed(vm, vc) | x->cr4))
        return false;
    if (x86_long_mode(vc) && !(v & CR4_PAE))
        return false;
    if (pcid_on && (!x86_long_mode(vc) || (x->cr3 & 0xfff)))
        return false;
    if (((v ^ x->cr4) & CR4_PAE) && !pdptes_ok(vm, vc, x->cr0, x->cr3, v))
        return false;
    x->cr4 = v;
    return true;
}

static bool set_cr(struct vm *vm, struct vcpu *vc, unsigned reg, uint64_t v)
{
    switch (reg) {
    case 0:
        return set_cr0(vm, vc, v);
    case 2:
        vc->s.x86.cr2 = v;
        return true;
    case 3:
        return set_cr3(vm, vc, v);
    case 4:
        return set_cr4(vm, vc, v);
    default:
        if (v > 15)
            return false;
        vc->cr8 = v;
        return true;
    }
}

static uint64_t get_cr(const struct vcpu *vc, unsigned reg)
{
    const struct tsp_x86_state *x = &vc->s.x86;

    switch (reg) {
    case 0:
        return x->cr0;
    case 2:
        return x->cr2;
    case 3:
        return x->cr3;
    case 4:
        return x->cr4;
    default:
        return vc->cr8;
    }
}

static bool cr_exists(unsigned reg)
{
    return reg == 0 || reg == 2 || reg == 3 || reg == 4 || reg == 8;
}

static enum step move_cr(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool write = in->opnd[0].kind == OPND_CR;
    unsigned cr = in->opnd[write ? 0 : 1].reg, reg = in->opnd[write ? 1 : 0].reg;
    unsigned size = vc->s.regs.mode == TSP_MODE_LONG64 ? 8 : 4;

    if (!cr_exists(cr))
        return step_fault(vc, X86_UD);
    if (x86_cpl(vc) != 0)
        return gp(vc);
    if (!write) {
        x86_set_reg(vc, reg, size, get_cr(vc, cr));
    } else {
        if (!set_cr(vm, vc, cr, x86_reg(vc, reg, size)))
            return gp(vc);
        mmu_flush(vc);
    }
    vcpu_advance(vc, in->len);
    return STEP_NEXT;
}

/* LMSW reaches PE, MP, EM and TS, and cannot clear PE. */
static enum step load_status(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t v, cr0 = vc->s.x86.cr0;
    enum step step;

    if (x86_cpl(vc) != 0)
        return gp(vc);
    step = x86_read_operand(vm, vc, in, 0, 2, &v);
    if (step == STEP_FAULT)
        return step;
    cr0 = (cr0 & ~(uint64_t)(CR0_MP | CR0_EM | CR0_TS)) | (v & 0xf);
    if (!set_cr0(vm, vc, cr0))
        return gp(vc);
    mmu_flush(vc);
    vcpu_advance(vc, in->len);
    return step;
}

static enum step store_status(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = in->opnd[0].kind == OPND_MEM ? 2 : in->osize;
    enum step step;

    if ((vc->s.x86.cr4 & CR4_UMIP) && x86_cpl(vc) != 0)
        return gp(vc);
    step = x86_write_operand(vm, vc, in, 0, size, vc->s.x86.cr0);
    if (step != STEP_FAULT)
        vcpu_advance(vc, in->len);
    return step;
}

static enum step clear_ts(struct vcpu *vc, const struct insn *in)
{
    if (x86_cpl(vc) != 0)
        return gp(vc);
    vc->s.x86.cr0 &= ~(uint64_t)CR0_TS;
    vcpu_advance(vc, in->len);
    return STEP_NEXT;
}

enum step x86_control(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_LMSW:
        return load_status(vm, vc, in);
    case OP_SMSW:
        return store_status(vm, vc, in);
    case OP_CLTS:
        return clear_ts(vc, in);
    default:
        return move_cr(vm, vc, in);
    }
}

#define DR7_ACTS 0x20ffu /* breakpoints and general detect are outside the model */

/* Fixed bits of DR6 and DR7 (Intel SDM Vol. 3B 17.2). */
static uint64_t debug_value(unsigned reg, uint64_t v)
{
    if (reg == 6)
        return (v & 0x1e00f) | 0xfffe0ff0u;
    if (reg == 7)
        return (v & 0xffff2bffu) | 0x400;
    return v;
}

enum step x86_debug(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool write = in->opnd[0].kind == OPND_DR;
    unsigned dr = in->opnd[write ? 0 : 1].reg, reg = in->opnd[write ? 1 : 0].reg;
    unsigned size = vc->s.regs.mode == TSP_MODE_LONG64 ? 8 : 4;
    uint64_t v;

    if (dr > 7 || ((dr == 4 || dr == 5) && (vc->s.x86.cr4 & CR4_DE)))
        return step_fault(vc, X86_UD);
    if (x86_cpl(vc) != 0)
        return gp(vc);
    if (dr == 4 || dr == 5)
        dr += 2;
    if (!write) {
        x86_set_reg(vc, reg, size, vc->dr[dr]);
    } else {
        v = x86_reg(vc, reg, size);
        if (dr >= 6 && v >> 32)
            return gp(vc);
        if (dr == 7 && (v & DR7_ACTS))
            return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
        vc->dr[dr] = debug_value(dr, v);
    }
    vcpu_advance(vc, in->len);
    return STEP_NEXT;
}
