/* SPDX-License-Identifier: MIT */
/*
 * AArch32 loads and stores with the MMU off: data is Strongly-ordered, and an unaligned access an
 * Alignment fault (Arm DDI0487 E2.5). Outside RAM the hypervisor's user space serves what ISS of
 * the abort describes: one register, no write-back.
 */
#include "emu/arm64/arm32.h"

#define ISS_WNR (1u << 6)
#define WORD 4u

static bool in_ram(const struct vm *vm, uint32_t at, uint32_t len, bool write)
{
    return mem_has(&vm->mem, at, len) &&
           !(write && (mem_page_flags(&vm->mem, at) & MEM_ROM) != 0) &&
           !(write && (mem_page_flags(&vm->mem, at + len - 1) & MEM_ROM) != 0);
}

static enum step misaligned(struct vcpu *vc, uint32_t at, bool write)
{
    return arm64_abort(vc, vc->s.regs.level == 0 ? EC_DABT_LOW : EC_DABT_SAME,
                       FSC_ALIGNMENT | (write ? ISS_WNR : 0), at);
}

static enum step move(struct vm *vm, struct vcpu *vc, const struct insn *in, uint32_t at,
                      uint32_t *v)
{
    uint8_t buf[4] = {0};
    enum step step;

    if ((in->prefix & A32_LOAD) == 0) {
        le_store(buf, *v, 4);
        return mmu_store(vm, vc, at, buf, in->osize, MMU_WRITE);
    }
    step = mmu_load(vm, vc, at, buf, in->osize, MMU_READ);
    *v = (uint32_t)le_load(buf, 4);
    return step;
}

/* Where pc goes on: behind the instruction, or where a load took it. */
static void finish(struct vcpu *vc, const struct insn *in, bool to_pc, uint32_t v)
{
    if (to_pc)
        arm32_branch_to(vc, v);
    else
        arm32_next(vc, in);
}

enum step arm32_ldst(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t base = arm32_r(vc, in->base), moved, at, v = arm32_r(vc, in->opnd[0].reg);
    bool load = (in->prefix & A32_LOAD) != 0, wback = (in->prefix & (A32_PRE | A32_POST)) != 0;
    bool to_pc = load && in->opnd[0].reg == 15;
    enum step step;

    if (in->base == 15)
        base &= ~3u;
    moved = base + (uint32_t)in->disp;
    at = (in->prefix & A32_POST) != 0 ? base : moved;
    if (at % in->osize != 0)
        return misaligned(vc, at, !load);
    if ((wback || to_pc) && !in_ram(vm, at, in->osize, !load))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    step = move(vm, vc, in, at, &v);
    if (step == STEP_FAULT)
        return step;
    if (wback)
        arm32_set_r(vc, in->base, moved);
    if (load && !to_pc)
        arm32_set_r(vc, in->opnd[0].reg, v);
    finish(vc, in, to_pc, v);
    return step;
}

static unsigned count_of(uint32_t list)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 16; i++)
        n += bits_test(list, i);
    return n;
}

static uint32_t move_word(struct vm *vm, struct vcpu *vc, uint32_t at, bool load, uint32_t v)
{
    uint8_t buf[4];

    le_store(buf, v, 4);
    if (load)
        mmu_load(vm, vc, at, buf, 4, MMU_READ);
    else
        mmu_store(vm, vc, at, buf, 4, MMU_WRITE);
    return (uint32_t)le_load(buf, 4);
}

/* All of it lies in RAM or none is executed. The lowest register has the lowest address. */
enum step arm32_block(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool load = (in->prefix & A32_LOAD) != 0, down = (in->prefix & A32_SWAP) != 0;
    uint32_t base = arm32_r(vc, in->base), n = WORD * count_of((uint32_t)in->imm), at, v = 0;

    at = down ? base - n : base;
    if ((in->prefix & A32_PRE) != 0)
        at += WORD;
    if (at % WORD != 0)
        return misaligned(vc, at, !load);
    if (!in_ram(vm, at, n, !load))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    for (unsigned i = 0; i < 16; i++) {
        if (!bits_test(in->imm, i))
            continue;
        v = move_word(vm, vc, at, load, i == 15 ? 0 : arm32_r(vc, i));
        at += WORD;
        if (load && i != 15)
            arm32_set_r(vc, i, v);
    }
    if ((in->prefix & A32_POST) != 0)
        arm32_set_r(vc, in->base, down ? base - n : base + n);
    finish(vc, in, load && bits_test(in->imm, 15), v);
    return STEP_NEXT;
}
