/* SPDX-License-Identifier: MIT */
/* Numeric conditions: the numbers of an event that they test, and what they want of them. */
#include "spec/judge.h"

#include "trapspec/bits.h"

/* AArch32 has no more of a register than its lower half. */
static uint64_t call_width(const struct tsp_regs *r, uint64_t v)
{
    return tsp_mode_is_aarch32(r->mode) ? (uint32_t)v : v;
}

/* Hypercall arguments are as wide as the mode: 64 bits only in 64-bit mode (Linux
 * arch/x86/kvm/x86.c); on AArch64 the convention bit of the function id says (Arm DEN0028 2.5),
 * and AArch32 has no wider registers. */
static uint64_t call_arg(const struct judge *j, unsigned reg)
{
    const struct tsp_regs *r = &j->ev->before;

    if (r->mode == TSP_MODE_A64)
        return bits_test(r->r[0], 30) ? r->r[reg] : (uint32_t)r->r[reg];
    return r->mode == TSP_MODE_LONG64 ? r->r[reg] : (uint32_t)r->r[reg];
}

static uint64_t argument(const struct judge *j, unsigned n)
{
    /* Linux Documentation/virt/kvm/x86/hypercalls.rst: a0 to a3 */
    static const uint8_t x86[] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI};

    return call_arg(j, tsp_mode_is_arm(j->ev->before.mode) ? n : x86[n]);
}

/* AArch32: HVC has imm12:imm4 in A32 and imm4:imm12 in T32; the syndrome of SMC holds none, so that
 * no hypervisor can tell them apart (Arm DDI0487 F5.1 HVC; ISS of EC 0x13). */
static uint64_t immediate(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    uint32_t word = (uint32_t)le_load(ev->fetched, 4);

    if (tsp_mode_is_aarch32(ev->before.mode) && j->insn.insn != j->s->hvc)
        return 0;
    if (ev->before.mode == TSP_MODE_A32)
        return (word >> 8 & 0xfff) << 4 | (word & 15);
    if (ev->before.mode == TSP_MODE_T32)
        return (word & 15) << 12 | (word >> 16 & 0xfff);
    return bits_get(word, 20, 5);
}

bool judge_in_ram(const struct tsp_setup *s, uint64_t at, uint64_t len)
{
    return at >= s->ram_base && range_ok(at - s->ram_base, len, s->ram_size);
}

static bool page_is_rom(const struct tsp_setup *s, uint64_t at, uint64_t len)
{
    for (unsigned i = 0; i < s->npage && i < TSP_MAX_PAGE; i++) {
        const struct tsp_page *p = &s->page[i];
        uint64_t lo = p->gpa & ~0xfffull, hi = (p->gpa + p->len + 0xfff) & ~0xfffull;

        if ((p->flags & TSP_PAGE_ROM) && at < hi && at + len > lo)
            return true;
    }
    return false;
}

static uint64_t setup_value(const struct tsp_setup *s, unsigned field)
{
    switch (field) {
    case COND_PSCI:
        return s->psci;
    case COND_FW_STD:
    case COND_FW_HYP:
    case COND_FW_VENDOR:
        return s->fw_bitmap[field - COND_FW_STD];
    case COND_WA1:
    case COND_WA2:
    case COND_WA3:
        return s->workaround[field - COND_WA1] & 15;
    default:
        return 0;
    }
}

uint64_t fact_value(const struct judge *j, unsigned field)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_regs *r = &ev->before;

    switch (field) {
    case COND_NR:
        return call_arg(j, TSP_RAX);
    case COND_A0:
    case COND_A1:
    case COND_A2:
    case COND_A3:
        return argument(j, field - COND_A0);
    case COND_X1:
    case COND_X2:
        return call_width(r, r->r[field - COND_X1 + 1]);
    case COND_W1:
    case COND_W2:
        return (uint32_t)r->r[field - COND_W1 + 1];
    case COND_FID:
        return (uint32_t)r->r[0];
    case COND_IMM:
        return immediate(j);
    case COND_VECTOR:
        return ev->code;
    case COND_ERROR:
    case COND_INFO:
        return ev->info[0];
    case COND_LEAF:
        return (uint32_t)r->r[TSP_RAX];
    case COND_SUBLEAF:
        return (uint32_t)r->r[TSP_RCX];
    case COND_PREFIXES:
        return j->insn.nprefix;
    case COND_HV_CTL:
    case COND_HV_IN:
    case COND_HV_OUT:
        return hv_input(j, field - COND_HV_CTL);
    case COND_MSR:
        return (uint32_t)r->r[TSP_RCX];
    case COND_MSR_VALUE:
        return hv_msr_value(j);
    case COND_BDOOR:
        return vmw_backdoor(j);
    case COND_LGUEST:
        return lguest_call(j);
    case COND_VMI:
        return vmi_call(j);
    case COND_A0_RAM:
        return argument(j, 0);
    default:
        return setup_value(j->setup, field);
    }
}

/* The conditions that need more than one number. */
static bool special_holds(const struct judge *j, const struct cond *c, unsigned persona)
{
    uint64_t a0 = argument(j, 0), a1 = argument(j, 1);
    uint32_t v = 0;

    switch (c->field) {
    case COND_A0_RAM:
        return judge_in_ram(j->setup, a0, c->mask) && !page_is_rom(j->setup, a0, c->mask);
    case COND_A1_WRAP:
        return a1 + (a0 >> 12) < a1;
    default:
        /* A leaf the policy lacks reads zero. */
        judge_field(j, &c->ref, persona, &v);
        for (unsigned i = 0; i < c->nspan; i++) {
            const struct cond_span *span = &j->s->span[c->span + i];

            if (span->lo <= v && v <= span->hi)
                return true;
        }
        return false;
    }
}

bool cond_holds(const struct judge *j, const struct cond *c, unsigned persona)
{
    uint64_t v;
    bool in = false;

    if (c->field >= COND_HVC)
        return hv_cond_holds(j, c);
    if (c->field >= COND_KVM)
        return kvm_cond_holds(j, c);
    if (c->field >= COND_XEN)
        return xen_cond_holds(j, c);
    if (c->field >= COND_A0_RAM)
        return special_holds(j, c, persona) != (c->negate != 0);
    v = fact_value(j, c->field) & c->mask;
    for (unsigned i = 0; i < c->nspan && !in; i++) {
        const struct cond_span *span = &j->s->span[c->span + i];

        in = span->lo <= v && v <= span->hi;
    }
    return in != (c->negate != 0);
}
