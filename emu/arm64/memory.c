/* SPDX-License-Identifier: MIT */
/*
 * AArch64 loads and stores with the MMU off: every data access is to Device memory, so an unaligned
 * one is an Alignment fault whatever SCTLR_EL1.A says (Arm DDI0487 B2.10, D8.2.12). An access
 * outside RAM leaves to the hypervisor's user space, which can only serve the forms that ESR_EL2
 * describes (ISV: one register, no write-back); the others stop the vCPU.
 */
#include "emu/arm64/arm64.h"

#define ISS_WNR (1u << 6)
#define IPA_LIMIT (1ull << 40) /* of a machine whose user space asked for nothing else */

/* One access as the handlers see it. */
struct access {
    uint64_t addr;
    unsigned len; /* of one register */
    bool write;
};

static enum step alignment_fault(struct vcpu *vc, const struct access *a)
{
    return arm64_abort(vc, vc->s.regs.level == 0 ? EC_DABT_LOW : EC_DABT_SAME,
                       FSC_ALIGNMENT | (a->write ? ISS_WNR : 0), a->addr);
}

/* Beyond the machine's address space an access comes back as an external abort (torvalds/linux
 * arch/arm64/kvm/mmu.c kvm_handle_guest_abort). */
static enum step beyond(struct vcpu *vc, const struct access *a)
{
    return arm64_abort(vc, vc->s.regs.level == 0 ? EC_DABT_LOW : EC_DABT_SAME, FSC_EXTERNAL,
                       a->addr);
}

/* SP as base must be 16-byte aligned when the level asks for it (DDI0487 D1.3.9.3). */
static bool sp_misaligned(const struct vcpu *vc, unsigned base)
{
    uint64_t bit = vc->s.regs.level == 0 ? SCTLR_SA0 : SCTLR_SA;

    return base == 31 && (vc->s.regs.r[31] & 15) != 0 && (vc->s.arm64.sctlr_el1 & bit) != 0;
}

static bool in_ram(const struct vm *vm, const struct access *a, unsigned len)
{
    return mem_has(&vm->mem, a->addr, len) &&
           !(a->write && (mem_page_flags(&vm->mem, a->addr) & MEM_ROM) != 0) &&
           !(a->write && (mem_page_flags(&vm->mem, a->addr + len - 1) & MEM_ROM) != 0);
}

/* The two usual lengths are spelt out: constants make them plain moves. */
static enum step load(struct vm *vm, struct vcpu *vc, const struct access *a, uint64_t *v)
{
    uint8_t buf[8] = {0};
    enum step step;

    if (a->len == 8)
        step = mmu_load(vm, vc, a->addr, buf, 8, MMU_READ);
    else if (a->len == 4)
        step = mmu_load(vm, vc, a->addr, buf, 4, MMU_READ);
    else
        step = mmu_load(vm, vc, a->addr, buf, a->len, MMU_READ);
    *v = le_load(buf, 8);
    return step;
}

static enum step store(struct vm *vm, struct vcpu *vc, const struct access *a, uint64_t v)
{
    uint8_t buf[8];

    le_store(buf, v, 8);
    if (a->len == 8)
        return mmu_store(vm, vc, a->addr, buf, 8, MMU_WRITE);
    if (a->len == 4)
        return mmu_store(vm, vc, a->addr, buf, 4, MMU_WRITE);
    return mmu_store(vm, vc, a->addr, buf, a->len, MMU_WRITE);
}

/* KVM cuts what user space gave to the access's width once more after it has extended its sign. */
static uint64_t extend_loaded(const struct vm *vm, const struct insn *in, uint64_t v, bool outside)
{
    if (outside && vm_behaves(vm, BEHAVIOUR_ARM_MMIO_UNSIGNED))
        return v & bits_mask(in->osize * 8u);
    if ((in->prefix & A64_SIGNED) != 0)
        v = bits_sext(v, in->osize * 8u);
    if ((in->prefix & A64_SIGNED) != 0 && (in->prefix & A64_WIDE) == 0)
        v = (uint32_t)v;
    return v;
}

/* Address of the access and, with write-back, what the base becomes. */
static uint64_t address_of(const struct vcpu *vc, const struct insn *in, uint64_t *wback)
{
    uint64_t base = (in->prefix & A64_LITERAL) != 0 ? vc->s.regs.pc : a64_sp(vc, in->base);

    *wback = base + (uint64_t)in->disp;
    return (in->prefix & A64_POST) != 0 ? base : *wback;
}

static bool writes_back(const struct insn *in)
{
    return (in->prefix & (A64_PRE | A64_POST)) != 0;
}

static enum step single(struct vm *vm, struct vcpu *vc, const struct insn *in, struct access *a)
{
    unsigned rt = in->opnd[0].reg;
    enum step step;
    uint64_t v = 0;

    a->len = in->osize;
    a->write = (in->prefix & A64_LOAD) == 0;
    if (a->addr % a->len != 0)
        return alignment_fault(vc, a);
    if (a->addr >= IPA_LIMIT)
        return beyond(vc, a);
    if (writes_back(in) && !in_ram(vm, a, a->len))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    step = a->write ? store(vm, vc, a, a64_x(vc, rt)) : load(vm, vc, a, &v);
    if (step != STEP_FAULT && !a->write)
        a64_set_x(vc, rt, extend_loaded(vm, in, v, step == STEP_EVENT));
    if (step == STEP_EVENT) /* the hypervisor came back by ERET */
        vc->hv_state[MONITOR_SIZE] = 0;
    return step;
}

static enum step load_store(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct access a;
    enum step step;
    uint64_t wback;

    if ((in->prefix & A64_LITERAL) == 0 && sp_misaligned(vc, in->base))
        return arm64_fault(vc, EC_SP_ALIGN, 0);
    a.addr = address_of(vc, in, &wback);
    step = single(vm, vc, in, &a);
    if (step == STEP_FAULT || (step == STEP_STOP && writes_back(in)))
        return step;
    if (writes_back(in))
        a64_set_sp(vc, in->base, wback);
    vc->s.regs.pc += 4;
    return step;
}

static enum step load_store_reg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned size = a64_field(in, 31, 30);
    struct access a;
    enum step step;

    if (sp_misaligned(vc, in->base))
        return arm64_fault(vc, EC_SP_ALIGN, 0);
    a.addr = a64_sp(vc, in->base) + arm64_extend(a64_x(vc, in->index), a64_field(in, 15, 13),
                                                 a64_field(in, 12, 12) != 0 ? size : 0);
    step = single(vm, vc, in, &a);
    if (step != STEP_FAULT)
        vc->s.regs.pc += 4;
    return step;
}

/* Both registers of a pair in RAM: moves them. */
static enum step move_pair(struct vm *vm, struct vcpu *vc, const struct insn *in, struct access a)
{
    uint64_t v[2] = {a64_x(vc, in->opnd[0].reg), a64_x(vc, in->opnd[1].reg)};
    enum step step = STEP_NEXT;

    for (unsigned i = 0; i < 2 && step == STEP_NEXT; i++) {
        step = a.write ? store(vm, vc, &a, v[i]) : load(vm, vc, &a, &v[i]);
        a.addr += a.len;
    }
    for (unsigned i = 0; i < 2 && step == STEP_NEXT && !a.write; i++)
        a64_set_x(vc, in->opnd[i].reg, extend_loaded(vm, in, v[i], false));
    return step;
}

static enum step pair(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct access a = {.len = in->osize, .write = (in->prefix & A64_LOAD) == 0};
    enum step step;
    uint64_t wback;

    if (sp_misaligned(vc, in->base))
        return arm64_fault(vc, EC_SP_ALIGN, 0);
    a.addr = address_of(vc, in, &wback);
    if (a.addr % a.len != 0)
        return alignment_fault(vc, &a);
    if (a.addr >= IPA_LIMIT)
        return beyond(vc, &a);
    if (!in_ram(vm, &a, 2 * a.len))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    step = move_pair(vm, vc, in, a);
    if (step != STEP_NEXT)
        return step;
    if (writes_back(in))
        a64_set_sp(vc, in->base, wback);
    vc->s.regs.pc += 4;
    return STEP_NEXT;
}

static enum step load_exclusive(struct vm *vm, struct vcpu *vc, const struct insn *in,
                                const struct access *a)
{
    uint64_t v[2] = {0, 0};
    struct access part = *a;
    unsigned n = (in->prefix & A64_PAIR) != 0 ? 2 : 1;

    part.len = in->osize;
    for (unsigned i = 0; i < n; i++, part.addr += part.len)
        load(vm, vc, &part, &v[i]);
    vc->hv_state[MONITOR_SIZE] = a->len;
    vc->hv_state[MONITOR_ADDR] = a->addr;
    vc->hv_state[MONITOR_LOW] = v[0];
    vc->hv_state[MONITOR_HIGH] = v[1];
    for (unsigned i = 0; i < n; i++)
        a64_set_x(vc, in->opnd[i].reg, v[i]);
    return STEP_NEXT;
}

static bool monitor_holds(struct vm *vm, struct vcpu *vc, const struct insn *in,
                          const struct access *a)
{
    struct access part = {.addr = a->addr, .len = in->osize};
    uint64_t v[2] = {0, 0};

    if (vc->hv_state[MONITOR_SIZE] != a->len || vc->hv_state[MONITOR_ADDR] != a->addr)
        return false;
    load(vm, vc, &part, &v[0]);
    part.addr += part.len;
    if (a->len != in->osize)
        load(vm, vc, &part, &v[1]);
    return v[0] == vc->hv_state[MONITOR_LOW] && v[1] == vc->hv_state[MONITOR_HIGH];
}

static enum step store_exclusive(struct vm *vm, struct vcpu *vc, const struct insn *in,
                                 const struct access *a)
{
    struct access part = {.addr = a->addr, .len = in->osize, .write = true};
    bool ok = monitor_holds(vm, vc, in, a);

    vc->hv_state[MONITOR_SIZE] = 0;
    if (ok) {
        store(vm, vc, &part, a64_x(vc, in->opnd[0].reg));
        part.addr += part.len;
        if (a->len != in->osize)
            store(vm, vc, &part, a64_x(vc, in->opnd[1].reg));
    }
    a64_set_x(vc, in->opnd[2].reg, ok ? 0 : 1);
    return STEP_NEXT;
}

static enum step exclusive(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct access a = {.addr = a64_sp(vc, in->base), .write = (in->prefix & A64_LOAD) == 0};

    a.len = in->osize * ((in->prefix & A64_PAIR) != 0 ? 2u : 1u);
    if (sp_misaligned(vc, in->base))
        return arm64_fault(vc, EC_SP_ALIGN, 0);
    if (a.addr % a.len != 0)
        return alignment_fault(vc, &a);
    if (a.addr >= IPA_LIMIT)
        return beyond(vc, &a);
    if (!in_ram(vm, &a, a.len))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    if (a.write)
        store_exclusive(vm, vc, in, &a);
    else
        load_exclusive(vm, vc, in, &a);
    vc->s.regs.pc += 4;
    return STEP_NEXT;
}

enum step arm64_memory(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_A_LDST:
    case OP_A_ORDERED:
        return load_store(vm, vc, in);
    case OP_A_LDST_REG:
        return load_store_reg(vm, vc, in);
    case OP_A_PAIR:
        return pair(vm, vc, in);
    default:
        return exclusive(vm, vc, in);
    }
}
