/* SPDX-License-Identifier: MIT */
/*
 * MRS, MSR and SYS (Arm DDI0487 C5, D24). The processor is an Armv8.0 core with AArch64 only and no
 * floating point: what its ID registers deny is UNDEFINED. Registers it does have but this model
 * does not (translation, timers, debug, GIC) stop the vCPU.
 */
#include <stddef.h>

#include "emu/arm64/arm64.h"

/* op0:2 op1:3 CRn:4 CRm:4 op2:3, as in bits 20:5 of the word. */
#define REG(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

#define NZCV_REG REG(3, 3, 4, 2, 0)
#define DAIF_REG REG(3, 3, 4, 2, 1)
#define SPSEL_REG REG(3, 0, 4, 2, 0)
#define CURRENTEL_REG REG(3, 0, 4, 2, 2)
#define SP_EL0_REG REG(3, 0, 4, 1, 0)
#define SCTLR_REG REG(3, 0, 1, 0, 0)
#define MIDR_REG REG(3, 0, 0, 0, 0)
#define MPIDR_REG REG(3, 0, 0, 0, 5)
#define CTR_REG REG(3, 3, 0, 0, 1)
#define DCZID_REG REG(3, 3, 0, 0, 7)
#define CNTFRQ_REG REG(3, 3, 14, 0, 0)
#define CNTPCT_REG REG(3, 3, 14, 0, 1)
#define CNTVCT_REG REG(3, 3, 14, 0, 2)

/* MSR (immediate): op0 = 0, CRn = 4; CRm is the value. */
#define IMM_SPSEL REG(0, 0, 4, 0, 5)
#define IMM_DAIFSET REG(0, 3, 4, 0, 6)
#define IMM_DAIFCLR REG(0, 3, 4, 0, 7)
#define IMM_CRM REG(0, 0, 0, 15, 0)

#define CNTKCTL_PCTEN 1u
#define CNTKCTL_VCTEN 2u
#define TIMER_HZ 62500000u /* CNTFRQ_EL0 */
#define MIDR_DEFAULT                                                                               \
    0x000f0000u /* implementer 0: reserved for software; architecture by ID registers */
#define MPIDR_RES1 (UINT64_C(1) << 31)

/* Registers that hold what was written. `keep`: bits that exist. */
struct plain_reg {
    uint16_t code;
    bool el0;
    uint16_t offset;
    uint64_t keep;
};

static const struct plain_reg plain_regs[] = {
    {REG(3, 0, 12, 0, 0), false, offsetof(struct tsp_arm64_state, vbar_el1), ~UINT64_C(0x7ff)},
    {REG(3, 0, 5, 2, 0), false, offsetof(struct tsp_arm64_state, esr_el1), 0xffffffff},
    {REG(3, 0, 4, 0, 1), false, offsetof(struct tsp_arm64_state, elr_el1), ~UINT64_C(0)},
    {REG(3, 0, 4, 0, 0), false, offsetof(struct tsp_arm64_state, spsr_el1), 0xffffffff},
    {REG(3, 0, 6, 0, 0), false, offsetof(struct tsp_arm64_state, far_el1), ~UINT64_C(0)},
    {SCTLR_REG, false, offsetof(struct tsp_arm64_state, sctlr_el1), ~UINT64_C(0)},
    {SP_EL0_REG, false, offsetof(struct tsp_arm64_state, sp_el0), ~UINT64_C(0)},
    {REG(3, 0, 13, 0, 4), false, offsetof(struct tsp_arm64_state, tpidr_el1), ~UINT64_C(0)},
    {REG(3, 3, 13, 0, 2), true, offsetof(struct tsp_arm64_state, tpidr_el0), ~UINT64_C(0)},
    {REG(3, 0, 14, 1, 0), false, offsetof(struct tsp_arm64_state, cntkctl_el1), 0x3ff},
};

/* ID registers with a value; the other registers of their range read as zero (DDI0487 D24.3.1). */
struct id_reg {
    uint16_t code;
    uint64_t value;
};

static const struct id_reg id_regs[] = {
    /* ID_AA64PFR0_EL1: no AdvSIMD, no FP, EL1 and EL0 in AArch64 only. */
    {REG(3, 0, 0, 4, 0), 0x00ff0011},
    /* ID_AA64DFR0_EL1: Armv8 debug, 2 breakpoints and watchpoints, 1 context-aware. */
    {REG(3, 0, 0, 5, 0), 0x00101006},
    /* ID_AA64MMFR0_EL1: 40-bit addresses, 16-bit ASIDs, 4K and 64K pages. */
    {REG(3, 0, 0, 7, 0), 0x00000022},
    /* CTR_EL0: RES1, 64-byte lines and granules, PIPT. */
    {CTR_REG, 0x8444c004},
    /* DCZID_EL0: 64 bytes. */
    {DCZID_REG, 0x4},
};

static const struct plain_reg *find_plain(unsigned code)
{
    for (size_t i = 0; i < sizeof(plain_regs) / sizeof(plain_regs[0]); i++)
        if (plain_regs[i].code == code)
            return &plain_regs[i];
    return NULL;
}

static uint64_t *storage(struct vcpu *vc, const struct plain_reg *r)
{
    return (uint64_t *)(void *)((char *)&vc->s.arm64 + r->offset);
}

/* MIDR, MPIDR, REVIDR, the feature registers of CRm 1..7, cache identification. */
static bool is_id(unsigned code)
{
    unsigned crm = (unsigned)bits_get(code, 6, 3), op2 = code & 7;

    if (code >> 7 == REG(3, 0, 0, 0, 0) >> 7)
        return crm == 0 ? op2 == 0 || op2 == 5 || op2 == 6 : crm <= 7;
    if (code >> 7 == REG(3, 1, 0, 0, 0) >> 7)
        return crm == 0 && (op2 <= 1 || op2 == 7); /* CCSIDR, CLIDR: no cache; AIDR */
    return code == CTR_REG || code == DCZID_REG;
}

static uint64_t id_value(const struct vcpu *vc, unsigned code)
{
    const struct tsp_arm64_state *a = &vc->s.arm64;

    if (code == MIDR_REG)
        return a->midr != 0 ? (uint32_t)a->midr : MIDR_DEFAULT;
    if (code == MPIDR_REG)
        return a->mpidr | MPIDR_RES1;
    if (code == DCZID_REG && vc->s.regs.level == 0 && (a->sctlr_el1 & SCTLR_DZE) == 0)
        return 0x14; /* DZP: DC ZVA is prohibited at this level */
    for (size_t i = 0; i < sizeof(id_regs) / sizeof(id_regs[0]); i++)
        if (id_regs[i].code == code)
            return id_regs[i].value;
    return 0;
}

/* ISS of a trapped system instruction (DDI0487 D24.2.40): op0 21:20, op2 19:17, op1 16:14, CRn
 * 13:10, Rt 9:5, CRm 4:1, direction 0. */
static enum step trapped(struct vcpu *vc, const struct insn *in)
{
    unsigned c = (unsigned)in->imm;
    unsigned iss = (c >> 14) << 20 | (c & 7) << 17 | (c >> 11 & 7) << 14 | (c >> 7 & 15) << 10 |
                   a64_field(in, 4, 0) << 5 | (c >> 3 & 15) << 1 | a64_field(in, 21, 21);

    return arm64_fault(vc, EC_SYSREG, iss);
}

static enum step done(struct vcpu *vc)
{
    vc->s.regs.pc += 4;
    return STEP_NEXT;
}

static enum step read_done(struct vcpu *vc, const struct insn *in, uint64_t v)
{
    a64_set_x(vc, a64_field(in, 4, 0), v);
    return done(vc);
}

/* Registers that exist on this processor but not in this model, by group: debug (op0 = 2), memory
 * control, translation, PMU, GIC, context, implementation defined; PMU, threads and timers at op1
 * = 3. */
static bool unmodelled(unsigned code)
{
    unsigned op1 = (unsigned)bits_get(code, 13, 11), crn = (unsigned)bits_get(code, 10, 7);

    if (code >> 14 == 2)
        return op1 == 0 || op1 == 3;
    if (op1 == 0)
        return (0xbea6u >> crn & 1) != 0;         /* CRn 1 2 5 7 9 10 11 12 13 15 */
    return op1 == 3 && (0xea00u >> crn & 1) != 0; /* CRn 9 11 13 14 15 */
}

/* Not a register of this model, or not one for this direction. */
static enum step absent(struct vm *vm, struct vcpu *vc, unsigned code)
{
    if (vc->s.regs.level == 0 && bits_get(code, 13, 11) != 3)
        return arm64_undefined(vc);
    return unmodelled(code) ? step_stop(vm, vc, TSP_STOP_UNSUPPORTED) : arm64_undefined(vc);
}

static enum step read_id(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned code = (unsigned)in->imm;
    bool el0 = vc->s.regs.level == 0;

    if (el0 && code != CTR_REG && code != DCZID_REG)
        return arm64_undefined(vc);
    if (el0 && code == CTR_REG && (vc->s.arm64.sctlr_el1 & SCTLR_UCT) == 0)
        return trapped(vc, in);
    vm->ev->kind = TSP_EV_MSR;
    vm->ev->code = code;
    vm->ev->info[0] = id_value(vc, code);
    vm->ev->info[1] = 0;
    read_done(vc, in, vm->ev->info[0]);
    return STEP_EVENT;
}

/* Counters: EL0 needs a permission in CNTKCTL_EL1, the frequency register either of the two. */
static enum step read_counter(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned code = (unsigned)in->imm;
    unsigned need = code == CNTPCT_REG   ? CNTKCTL_PCTEN
                    : code == CNTVCT_REG ? CNTKCTL_VCTEN
                                         : CNTKCTL_PCTEN | CNTKCTL_VCTEN;

    if (vc->s.regs.level == 0 && (vc->s.arm64.cntkctl_el1 & need) == 0)
        return trapped(vc, in);
    return read_done(vc, in, code == CNTFRQ_REG ? TIMER_HZ : vm->tsc);
}

/* PSTATE fields; true when code is one and *end says how it went. */
static bool read_pstate(struct vcpu *vc, const struct insn *in, enum step *end)
{
    uint64_t flags = vc->s.regs.flags;
    bool el0 = vc->s.regs.level == 0;

    switch (in->imm) {
    case NZCV_REG:
        *end = read_done(vc, in, flags & A64_NZCV);
        return true;
    case DAIF_REG:
        *end = el0 && (vc->s.arm64.sctlr_el1 & SCTLR_UMA) == 0
                   ? trapped(vc, in)
                   : read_done(vc, in, flags & A64_DAIF);
        return true;
    case SPSEL_REG:
        *end = el0 ? arm64_undefined(vc) : read_done(vc, in, flags & 1);
        return true;
    case CURRENTEL_REG:
        *end = el0 ? arm64_undefined(vc) : read_done(vc, in, (uint64_t)vc->s.regs.level << 2);
        return true;
    default:
        return false;
    }
}

/* SP_EL0 cannot be named while it is the stack pointer in use. */
static bool usable(const struct vcpu *vc, const struct plain_reg *r)
{
    if (vc->s.regs.level == 0)
        return r->el0;
    return r->code != SP_EL0_REG || (vc->s.regs.flags & A64_M) == A64_EL1H;
}

static enum step read_reg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned code = (unsigned)in->imm;
    const struct plain_reg *r = find_plain(code);
    enum step end;

    if (r)
        return usable(vc, r) ? read_done(vc, in, *storage(vc, r)) : arm64_undefined(vc);
    if (is_id(code))
        return read_id(vm, vc, in);
    if (read_pstate(vc, in, &end))
        return end;
    if (code == CNTFRQ_REG || code == CNTPCT_REG || code == CNTVCT_REG)
        return read_counter(vm, vc, in);
    return absent(vm, vc, code);
}

static enum step set_pstate_bits(struct vcpu *vc, uint64_t mask, uint64_t v)
{
    arm64_set_pstate(vc, (vc->s.regs.flags & ~mask) | (v & mask));
    return done(vc);
}

static enum step write_pstate(struct vcpu *vc, const struct insn *in, uint64_t mask, uint64_t v)
{
    bool el0 = vc->s.regs.level == 0;

    if (el0 && mask == 1)
        return arm64_undefined(vc);
    if (el0 && mask != A64_NZCV && (vc->s.arm64.sctlr_el1 & SCTLR_UMA) == 0)
        return trapped(vc, in);
    return set_pstate_bits(vc, mask, v);
}

static enum step write_immediate(struct vcpu *vc, const struct insn *in)
{
    uint64_t v = bits_get(in->imm, 6, 3);

    switch (in->imm & ~(uint64_t)IMM_CRM) {
    case IMM_SPSEL:
        return write_pstate(vc, in, 1, v);
    case IMM_DAIFSET:
        return write_pstate(vc, in, v << 6, A64_DAIF);
    case IMM_DAIFCLR:
        return write_pstate(vc, in, v << 6, 0);
    default:
        return arm64_undefined(vc);
    }
}

static enum step write_plain(struct vm *vm, struct vcpu *vc, const struct plain_reg *r, uint64_t v)
{
    if (!usable(vc, r))
        return arm64_undefined(vc);
    /* Translation and big-endian data are outside the model. */
    if (r->code == SCTLR_REG && (v & (SCTLR_M | SCTLR_EE)) != 0)
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    *storage(vc, r) = v & r->keep;
    return done(vc);
}

static enum step write_reg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned code = (unsigned)in->imm;
    const struct plain_reg *r = find_plain(code);
    uint64_t v = a64_x(vc, a64_field(in, 4, 0));

    if (r)
        return write_plain(vm, vc, r, v);
    if (code >> 14 == 0)
        return write_immediate(vc, in);
    if (code == NZCV_REG)
        return write_pstate(vc, in, A64_NZCV, v);
    if (code == DAIF_REG)
        return write_pstate(vc, in, A64_DAIF, v);
    if (code == SPSEL_REG)
        return write_pstate(vc, in, 1, v);
    return is_id(code) ? arm64_undefined(vc) : absent(vm, vc, code);
}

enum step arm64_sysreg(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    return in->op == OP_MRS ? read_reg(vm, vc, in) : write_reg(vm, vc, in);
}

/* Cache maintenance by address, open to EL0 under SCTLR_EL1.UCI. */
static bool is_user_maintenance(unsigned code)
{
    return code == REG(1, 3, 7, 5, 1) || code == REG(1, 3, 7, 10, 1) ||
           code == REG(1, 3, 7, 11, 1) || code == REG(1, 3, 7, 14, 1);
}

/* IC IALLU(IS), DC IVAC, ISW, CSW, CISW; TLBI. */
static bool is_kernel_maintenance(unsigned code)
{
    static const uint16_t cache[] = {REG(1, 0, 7, 1, 0), REG(1, 0, 7, 5, 0),  REG(1, 0, 7, 6, 1),
                                     REG(1, 0, 7, 6, 2), REG(1, 0, 7, 10, 2), REG(1, 0, 7, 14, 2)};

    for (size_t i = 0; i < sizeof(cache) / sizeof(cache[0]); i++)
        if (cache[i] == code)
            return true;
    code &= ~7u;
    return code == REG(1, 0, 8, 3, 0) || code == REG(1, 0, 8, 7, 0);
}

/* DC ZVA on Device memory is an Alignment fault (DDI0487 C5.3, DC ZVA); without the MMU all memory
 * is. */
static enum step zero_block(struct vcpu *vc, const struct insn *in)
{
    bool el0 = vc->s.regs.level == 0;

    if (el0 && (vc->s.arm64.sctlr_el1 & SCTLR_DZE) == 0)
        return trapped(vc, in);
    return arm64_abort(vc, el0 ? EC_DABT_LOW : EC_DABT_SAME, FSC_ALIGNMENT | 1u << 6,
                       a64_x(vc, a64_field(in, 4, 0)));
}

enum step arm64_sys(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    unsigned code = (unsigned)in->imm;
    bool el0 = vc->s.regs.level == 0;

    if (code == REG(1, 3, 7, 4, 1))
        return zero_block(vc, in);
    if (is_user_maintenance(code))
        return el0 && (vc->s.arm64.sctlr_el1 & SCTLR_UCI) == 0 ? trapped(vc, in) : done(vc);
    if (el0)
        return arm64_undefined(vc);
    if ((code & ~3u) == REG(1, 0, 7, 8, 0)) /* AT: address translation */
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    return is_kernel_maintenance(code) ? done(vc) : arm64_undefined(vc);
}
