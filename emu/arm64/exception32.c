/* SPDX-License-Identifier: MIT */
/* Exceptions to EL1 in AArch32, and the way back (Arm DDI0487 G1.12 to G1.16). */
#include "emu/arm64/arm32.h"

/* Status of aborts, short-descriptor format (DDI0487 G8.2.39 DFSR, G8.2.79 IFSR). */
#define FS_ALIGNMENT 0x01u
#define FS_DEBUG 0x02u
#define FS_EXTERNAL 0x08u
#define DFSR_WNR (1u << 11)
#define ISS_WNR (1u << 6)
#define HIGH_VECTORS 0xffff0000u

/* Per exception: its place in the vector table, its mode, and how far R14 is behind the
 * instruction in A32 and T32; 0: behind the instruction itself. */
struct arm32_entry {
    uint8_t offset, mode, a32, t32;
};
static const struct arm32_entry entry_undef = {0x04, M_UND, 4, 2};
static const struct arm32_entry entry_svc = {0x08, M_SVC, 0, 0};
static const struct arm32_entry entry_pabt = {0x0c, M_ABT, 4, 4};
static const struct arm32_entry entry_dabt = {0x10, M_ABT, 8, 8};

static const struct arm32_entry *entry_of(uint64_t ec)
{
    switch (ec) {
    case EC_SVC:
        return &entry_svc;
    case EC_BRK:
    case EC_IABT_LOW:
    case EC_IABT_SAME:
        return &entry_pabt;
    case EC_DABT_LOW:
    case EC_DABT_SAME:
        return &entry_dabt;
    default:
        return &entry_undef;
    }
}

static bool valid_mode(uint32_t m)
{
    return m == M_USR || m == M_SVC || m == M_ABT || m == M_UND || m == M_SYS;
}

uint64_t *arm32_spsr(struct vcpu *vc)
{
    switch (arm32_mode(vc)) {
    case M_SVC:
        return &vc->s.arm64.spsr_el1;
    case M_ABT:
        return &vc->s.arm64.spsr_abt;
    case M_UND:
        return &vc->s.arm64.spsr_und;
    default:
        return NULL;
    }
}

bool arm32_set_psr(struct vcpu *vc, uint32_t psr)
{
    struct tsp_regs *r = &vc->s.regs;

    if (!valid_mode(psr & PSR_M))
        return false;
    r->flags = psr & PSR_ALL;
    r->mode = psr & PSR_T ? TSP_MODE_T32 : TSP_MODE_A32;
    r->level = (psr & PSR_M) != M_USR;
    return true;
}

void arm32_adopt(struct vcpu *vc)
{
    struct tsp_regs *r = &vc->s.regs;
    uint32_t psr = (uint32_t)r->flags;

    if (!arm32_set_psr(vc, psr))
        arm32_set_psr(vc, (psr & ~PSR_M) | (r->level == 0 ? M_USR : M_SVC));
    for (unsigned i = 0; i < 31; i++)
        r->r[i] = (uint32_t)r->r[i];
    r->r[31] = 0;
    r->pc = (uint32_t)r->pc & (arm32_thumb(vc) ? ~1u : ~3u);
}

/* What the status and address registers of an abort say. BKPT leaves the address alone. */
static void report_abort(struct vm *vm, struct vcpu *vc, const struct arm32_entry *e)
{
    struct tsp_arm64_state *a = &vc->s.arm64;
    uint64_t esr = vc->fault.error, far = (uint32_t)vc->fault.addr;
    bool prefetch = e == &entry_pabt, debug = bits_get(esr, 31, 26) == EC_BRK;
    uint32_t status = bits_get(esr, 5, 0) == FSC_ALIGNMENT ? FS_ALIGNMENT : FS_EXTERNAL;

    if (debug)
        status = FS_DEBUG;
    else if (prefetch)
        a->far_el1 = (uint32_t)a->far_el1 | far << 32;
    else
        a->far_el1 = (a->far_el1 & ~(uint64_t)UINT32_MAX) | far;
    if (prefetch)
        a->ifsr = status;
    else
        a->esr_el1 = status | ((esr & ISS_WNR) != 0 ? DFSR_WNR : 0);
    vm->ev->info[0] = prefetch ? a->ifsr : a->esr_el1;
    vm->ev->info[1] = debug ? 0 : far;
}

static uint32_t return_address(const struct vcpu *vc, const struct arm32_entry *e)
{
    uint8_t past = arm32_thumb(vc) ? e->t32 : e->a32;

    /* SVC: vc->fault.len is its length. */
    return (uint32_t)vc->s.regs.pc + (past ? past : vc->fault.len);
}

enum step arm32_deliver(struct vm *vm, struct vcpu *vc)
{
    const struct arm32_entry *e = entry_of(bits_get(vc->fault.error, 31, 26));
    struct tsp_arm64_state *a = &vc->s.arm64;
    uint32_t psr = (uint32_t)vc->s.regs.flags, to = return_address(vc, e);
    uint32_t base = a->sctlr_el1 & SCTLR32_V ? HIGH_VECTORS : (uint32_t)a->vbar_el1 & ~31u;

    vm->ev->kind = TSP_EV_FAULT;
    vm->ev->code = e->offset;
    vm->ev->info[0] = vm->ev->info[1] = 0;
    if (e->mode == M_ABT)
        report_abort(vm, vc, e);
    arm32_set_psr(vc, (psr & ~(PSR_M | PSR_T)) | e->mode | PSR_I | (e->mode == M_ABT ? PSR_A : 0) |
                          (a->sctlr_el1 & SCTLR32_TE ? PSR_T : 0));
    *arm32_spsr(vc) = psr;
    arm32_set_r(vc, 14, to);
    vc->s.regs.pc = base + e->offset;
    vc->hv_state[MONITOR_SIZE] = 0;
    return STEP_EVENT;
}

/* UNPREDICTABLE without an SPSR; modes and states that are not modelled stop the vCPU. */
enum step arm32_return(struct vm *vm, struct vcpu *vc, uint32_t pc)
{
    const uint64_t *spsr = arm32_spsr(vc);

    if (!spsr || (*spsr & ~(uint64_t)PSR_ALL) != 0 || !arm32_set_psr(vc, (uint32_t)*spsr))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    vc->hv_state[MONITOR_SIZE] = 0;
    vc->s.regs.pc = pc & (arm32_thumb(vc) ? ~1u : ~3u);
    return STEP_NEXT;
}
