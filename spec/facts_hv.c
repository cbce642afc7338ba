/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V's interface as a judge sees it: inputs of calls (TLFS, Hypercall Interface, register
 * conventions), and the registers by which a guest sets it up, whose values follow from what was
 * written to them (Reporting the guest OS identity; Establishing the hypercall interface).
 */
#include "spec/judge.h"

#include "trapspec/bits.h"

#define MSR_PAGE 0x40000001u
#define MSR_COUNT 0x40000020u
#define MSR_TSC_PAGE 0x40000021u

#define PAGE_ENABLE ((uint64_t)1)
#define PAGE_LOCKED ((uint64_t)2)
/* Bits 11:2 (of the reference TSC page 11:1) are reserved: what they read as is open. */
#define PAGE_DEFINED (~(uint64_t)0xffc)
#define TSC_PAGE_DEFINED (~(uint64_t)0xffe)
#define PAGE_FRAME (~(uint64_t)0xfff)

#define ADDRESS_SIZES 0x80000008u /* EAX 7:0: physical address bits */
#define ADDRESS_MAX 52u

/* ORDER: enum hv_register */
static const uint32_t hv_register[HV_REG_COUNT] = {HYPERV_OS_ID, MSR_PAGE, MSR_TSC_PAGE};

unsigned hv_register_of(uint32_t msr)
{
    unsigned i = 0;

    while (i < HV_REG_COUNT && hv_register[i] != msr)
        i++;
    return i;
}

/* Values that a set-up gives are found by the guest; how they came to be there is not known, and
 * neither is what a hypervisor makes of an odd one. */
static void take_initial(struct judge *j, const struct tsp_x86_state *x)
{
    for (unsigned i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++) {
        unsigned reg = hv_register_of(x->msr[i].index);

        if (reg != HV_REG_COUNT)
            j->hv.known[reg] = 0;
    }
}

void hv_setup(struct judge *j)
{
    const struct tsp_setup *s = j->setup;
    const struct tsp_leaf *l;

    j->hv.mine = false;
    if (j->personas != 1u << TSP_PERSONA_HYPERV)
        return;
    l = spec_policy_first(&j->policy, 0x40000001u);
    j->hv.mine = l && l->reg[0] == HYPERV_INTERFACE;
    j->hv.counted = false;
    if (j->hv.mine)
        synic_setup(j);
    for (unsigned i = 0; i < HV_REG_COUNT; i++) {
        j->hv.value[i] = 0;
        j->hv.known[i] = ~(uint64_t)0;
    }
    for (unsigned v = 0; v < s->nvcpu && v < TSP_MAX_VCPU; v++)
        take_initial(j, &s->vcpu[v].x86);
}

/* 64-bit code has them in RCX, RDX and R8, other code in EDX:EAX, EBX:ECX and EDI:ESI. */
uint64_t hv_input(const struct judge *j, unsigned n)
{
    static const uint8_t wide[] = {TSP_RCX, TSP_RDX, TSP_R8};
    static const uint8_t high[] = {TSP_RDX, TSP_RBX, TSP_RDI};
    static const uint8_t low[] = {TSP_RAX, TSP_RCX, TSP_RSI};
    const struct tsp_regs *r = &j->ev->before;

    if (n >= sizeof(wide))
        return 0;
    if (r->mode == TSP_MODE_LONG64)
        return r->r[wide[n]];
    return r->r[high[n]] << 32 | (uint32_t)r->r[low[n]];
}

uint64_t hv_msr_value(const struct judge *j)
{
    const struct tsp_regs *r = &j->ev->before;

    if (j->ev->kind == TSP_EV_MSR && j->ev->info[1] == 0)
        return j->ev->info[0];
    return r->r[TSP_RDX] << 32 | (uint32_t)r->r[TSP_RAX];
}

unsigned hv_overlay(const struct judge *j)
{
    if (!j->hv.mine || !(j->hv.known[HV_REG_PAGE] & PAGE_ENABLE))
        return OVERLAY_UNKNOWN;
    return j->hv.value[HV_REG_PAGE] & PAGE_ENABLE ? OVERLAY_ON : OVERLAY_OFF;
}

/* Where the page that is written to an MSR lies: in RAM, elsewhere within the guest's physical
 * addresses, or beyond them. */
unsigned hv_place(const struct judge *j)
{
    const struct tsp_setup *s = j->setup;
    const struct tsp_leaf *l;
    uint64_t at = hv_msr_value(j) & PAGE_FRAME;
    unsigned width = ADDRESS_MAX;

    if (at >= s->ram_base && range_ok(at - s->ram_base, 0x1000, s->ram_size))
        return GPA_RAM;
    l = spec_policy_first(&j->policy, ADDRESS_SIZES);
    if (l && (l->reg[0] & 0xff) >= 32 && (l->reg[0] & 0xff) <= ADDRESS_MAX)
        width = l->reg[0] & 0xff;
    return at >> width ? GPA_BEYOND : GPA_SPACE;
}

/* Rep count 43:32, rep start 59:48. */
unsigned hv_reps(uint64_t control)
{
    uint64_t count = bits_get(control, 43, 32), start = bits_get(control, 59, 48);

    if (count == 0)
        return REPS_NONE;
    return start < count ? REPS_LEFT : REPS_PAST;
}

/* Without an identity the page cannot be enabled: that bit stays zero, and whether the rest of the
 * write counts is open. A locked register does not change. */
static void note_page(struct judge *j, uint64_t written)
{
    uint64_t *value = &j->hv.value[HV_REG_PAGE], *known = &j->hv.known[HV_REG_PAGE];

    if (!(*known & PAGE_LOCKED)) {
        *known = 0;
    } else if (!(*value & PAGE_LOCKED)) {
        if (j->hyperv_on) {
            *value = written;
            *known = PAGE_DEFINED;
        } else {
            *value = 0;
            *known = written & PAGE_LOCKED ? PAGE_ENABLE : PAGE_ENABLE | PAGE_LOCKED;
        }
    }
}

static void note_identity(struct judge *j, uint64_t written)
{
    j->hv.value[HV_REG_OS_ID] = written;
    j->hv.known[HV_REG_OS_ID] = ~(uint64_t)0;
    if (written != 0)
        return;
    j->hv.value[HV_REG_PAGE] &= ~PAGE_ENABLE;
    j->hv.known[HV_REG_PAGE] |= PAGE_ENABLE;
}

void hv_note(struct judge *j)
{
    const struct tsp_event *ev = j->ev;

    if (ev->code == MSR_COUNT && ev->info[1] == 0) {
        j->hv.count = ev->info[0];
        j->hv.counted = true;
    }
    if (ev->info[1] != 1)
        return;
    synic_note(j);
    if (ev->code == HYPERV_OS_ID) {
        note_identity(j, ev->info[0]);
    } else if (ev->code == MSR_PAGE) {
        note_page(j, ev->info[0]);
    } else if (ev->code == MSR_TSC_PAGE) {
        j->hv.value[HV_REG_TSC_PAGE] = ev->info[0];
        j->hv.known[HV_REG_TSC_PAGE] = TSC_PAGE_DEFINED;
    }
}
