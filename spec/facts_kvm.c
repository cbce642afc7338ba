/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual registers as a judge sees them: which features count (torvalds/linux
 * Documentation/virt/kvm/x86/cpuid.rst; api.rst KVM_CAP_ENFORCE_PV_FEATURE_CPUID), and what a
 * register reads after it was written (msr.rst).
 */
#include "spec/build.h"
#include "spec/judge.h"

#include <string.h>

#include "trapspec/bits.h"

#define FEATURE_LEAF 1u /* from the base of KVM's block; EAX */
#define CALL_SEND_IPI 10u
#define ICR_MODE_INIT 5u
#define ICR_NOT_FIXED 0xc8f00u /* delivery mode, logical, level-triggered, shorthand */
#define ICR_NMI 0x400u
#define VECTOR_NMI 2
#define CALL_KICK 5u
#define APIC_BROADCAST 0xffu
#define APIC_BASE_ENABLE 11

/* Registers that are kept for a vCPU. The wall clock's is the machine's. The clock registers have
 * an old number each. */
static const struct {
    uint32_t msr, old;
} kvm_register[KVM_REG_COUNT] = {
    [KVM_REG_WALL] = {0x4b564d00, 0x11}, [KVM_REG_TIME] = {0x4b564d01, 0x12},
    [KVM_REG_APF] = {0x4b564d02, 0},     [KVM_REG_STEAL] = {0x4b564d03, 0},
    [KVM_REG_EOI] = {0x4b564d04, 0},     [KVM_REG_POLL] = {0x4b564d05, 0},
    [KVM_REG_APF_INT] = {0x4b564d06, 0}, [KVM_REG_FAULTING] = {0x140, 0},
};

unsigned kvm_register_of(uint32_t msr)
{
    unsigned i = 0;

    while (i < KVM_REG_COUNT && kvm_register[i].msr != msr &&
           (kvm_register[i].old == 0 || kvm_register[i].old != msr))
        i++;
    return i;
}

bool kvm_cond_parse(const char *key, struct cond *c)
{
    static const char *const names[] = {"pv", "xen_msr", "cr4", "offered"};
    unsigned v;

    if (!parse_word(names, sizeof(names) / sizeof(names[0]), key, &v))
        return false;
    c->field = (uint8_t)(COND_KVM + v);
    return true;
}

/* The register that Xen's leaf 2 names in EBX (Xen public/arch-x86/cpuid.h); 0 without such a leaf.
 */
static uint32_t xen_msr(const struct judge *j)
{
    const struct tsp_leaf *l;

    for (uint32_t base = 0x40000000u; base < 0x40010000u; base += 0x100) {
        l = spec_policy_first(&j->policy, base);
        if (!l || l->reg[1] != 0x566e6558u || l->reg[2] != 0x65584d4du || l->reg[3] != 0x4d4d566eu)
            continue;
        l = spec_policy_first(&j->policy, base + 2);
        return l ? l->reg[1] : 0;
    }
    return 0;
}

/* Bit 31 of MSR_PLATFORM_INFO, as it was set up. */
static bool faulting_offered(const struct judge *j)
{
    unsigned v = j->ev->vcpu < TSP_MAX_VCPU ? j->ev->vcpu : 0;

    return (j->setup->config & TSP_CFG_GUEST_FAULTING) != 0 ||
           bits_test(j->setup->vcpu[v].x86.platform_info, 31);
}

static bool in_spans(const struct judge *j, const struct cond *c, uint64_t v)
{
    for (unsigned i = 0; i < c->nspan; i++)
        if (j->s->span[c->span + i].lo <= v && v <= j->s->span[c->span + i].hi)
            return true;
    return false;
}

/* pv=N: feature N may be used: CPUID has it, or user space did not ask for features to be looked
 * at. */
bool kvm_cond_holds(const struct judge *j, const struct cond *c)
{
    struct field_ref ref = {.leaf = FEATURE_LEAF, .sub = REF_ANY_SUB, .relative = 1};
    uint32_t features = 0;
    bool in = !fact_is(j, FACT_ENFORCE, 1);

    if (c->field != COND_KVM) {
        uint64_t v = c->field == COND_KVM + 1   ? xen_msr(j)
                     : c->field == COND_KVM + 2 ? j->ev->sys[TSP_SYS_CR4]
                                                : faulting_offered(j);

        return in_spans(j, c, v & c->mask) != (c->negate != 0);
    }
    ref.hi = 31;
    if (!in)
        judge_field(j, &ref, TSP_PERSONA_KVM, &features);
    for (unsigned i = 0; i < c->nspan && !in; i++) {
        const struct cond_span *span = &j->s->span[c->span + i];

        for (uint64_t bit = span->lo; bit <= span->hi && bit < 32; bit++)
            in |= bits_test(features, (unsigned)bit);
    }
    return in != (c->negate != 0);
}

/* At first a register is zero, but for halt polling, which is on (arch/x86/kvm/x86.c
 * kvm_arch_vcpu_create). What a set-up gives is found by the guest; how it came there is not known.
 * Targets that do not show each step write registers that no event tells of. */
void kvm_setup(struct judge *j)
{
    const struct tsp_setup *s = j->setup;
    bool steps = (j->opt->caps & TSP_CAP_STEPS) != 0;
    bool all = steps && (j->personas & 1u << TSP_PERSONA_KVM) != 0;
    uint16_t faulting = 1u << KVM_REG_FAULTING;

    for (unsigned v = 0; v < TSP_MAX_VCPU; v++) {
        j->kvm.known[v] = all ? (1u << KVM_REG_COUNT) - 1 : steps ? faulting : 0;
        j->kvm.written[v] = 0;
    }
    for (unsigned v = 0; all && v < s->nvcpu && v < TSP_MAX_VCPU; v++) {
        for (unsigned i = 0; i < s->vcpu[v].x86.nmsr && i < TSP_MAX_MSR; i++) {
            unsigned reg = kvm_register_of(s->vcpu[v].x86.msr[i].index);

            if (reg == KVM_REG_WALL)
                kvm_forget(j, reg);
            else if (reg != KVM_REG_COUNT)
                j->kvm.known[v] &= (uint16_t) ~(1u << reg);
        }
    }
}

void kvm_forget(struct judge *j, unsigned reg)
{
    for (unsigned v = 0; v < TSP_MAX_VCPU; v++)
        j->kvm.known[v] &= (uint16_t) ~(1u << reg);
}

bool kvm_register_value(const struct judge *j, unsigned reg, uint64_t *value)
{
    unsigned v = reg == KVM_REG_WALL || j->ev->vcpu >= TSP_MAX_VCPU ? 0 : j->ev->vcpu;

    if (!(j->kvm.known[v] >> reg & 1))
        return false;
    *value = reg == KVM_REG_POLL;
    if (reg == KVM_REG_FAULTING)
        *value = j->setup->vcpu[v].x86.cpuid_faulting;
    if (j->kvm.written[v] >> reg & 1)
        *value = j->kvm.value[v][reg];
    return true;
}

void kvm_note(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned reg = kvm_register_of(ev->code);
    unsigned v = reg == KVM_REG_WALL || ev->vcpu >= TSP_MAX_VCPU ? 0 : ev->vcpu;

    if (reg == KVM_REG_COUNT || ev->info[1] != 1 || !(j->opt->caps & TSP_CAP_STEPS))
        return;
    j->kvm.known[v] |= (uint16_t)(1u << reg);
    j->kvm.written[v] |= (uint16_t)(1u << reg);
    j->kvm.value[v][reg] = ev->info[0];
}

/* Two words of the bitmap, which are as wide as the mode, count from the id in a2 on. */
static bool in_bitmap(const uint64_t a[4], unsigned width, uint32_t id)
{
    uint64_t off = (uint64_t)id - (uint32_t)a[2];

    return off < (uint64_t)2 * width && bits_test(a[off / width], (unsigned)(off % width));
}

/* A local APIC that is off takes no messages; 255 names everybody in xAPIC mode. */
uint32_t kvm_named(const struct judge *j)
{
    static const uint8_t reg[4] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI};
    const struct tsp_regs *r = &j->ev->before;
    unsigned width = r->mode == TSP_MODE_LONG64 ? 64 : 32;
    uint64_t a[4], nr = r->r[TSP_RAX] & bits_mask(width);
    uint32_t named = 0;

    for (unsigned i = 0; i < 4; i++)
        a[i] = r->r[reg[i]] & bits_mask(width);
    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++) {
        const struct tsp_x86_state *x = &j->setup->vcpu[v].x86;
        bool in = nr == CALL_SEND_IPI ? in_bitmap(a, width, x->apic_id)
                                      : nr == CALL_KICK && (uint32_t)a[1] == x->apic_id;

        if (in && x->apic_id < APIC_BROADCAST && bits_test(x->apic_base, APIC_BASE_ENABLE))
            named |= 1u << v;
    }
    return named;
}

static unsigned count_vcpus(uint32_t set)
{
    unsigned n = 0;

    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

/*
 * A fixed interrupt, edge-triggered, or an NMI that every vCPU it names took: each enters its
 * handler before its next instruction (Documentation/virt/kvm/x86/hypercalls.rst 6; Intel SDM Vol.
 * 3A 6.6). One a vCPU, and none behind a message of another kind.
 */
static void note_ipi(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    uint64_t icr = ev->before.r[TSP_RSI];
    uint32_t named = kvm_named(j);
    bool nmi = (icr & ICR_NOT_FIXED) == ICR_NMI;
    bool fixed = nmi || ((icr & ICR_NOT_FIXED) == 0 && (icr & 0xff) >= 16);

    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++) {
        if (!fixed)
            j->hv.due[v] = 0;
        else if (ev->after.r[TSP_RAX] == count_vcpus(named) && (named >> v & 1) && !j->hv.owed[v] &&
                 judge_takes(j, v))
            j->hv.due[v] = nmi ? VECTOR_NMI : (uint8_t)icr;
        j->hv.owed[v] |= !fixed || (named >> v & 1);
    }
}

/* Some vCPU sent INIT before this step. */
bool kvm_init_sent(const struct judge *j)
{
    for (size_t i = 0; i < j->trace->n && i < j->look->event; i++) {
        const struct tsp_event *ev = &j->trace->ev[i];

        if (ev->kind == TSP_EV_HYPERCALL && (uint32_t)ev->before.r[TSP_RAX] == CALL_SEND_IPI &&
            bits_get(ev->before.r[TSP_RSI], 10, 8) == ICR_MODE_INIT)
            return true;
    }
    return false;
}

/* An INIT message, to whomever, takes a vCPU's registers back (kvm_vcpu_reset). */
void kvm_note_call(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_regs *r = &ev->before;
    uint64_t nr = r->mode == TSP_MODE_LONG64 ? r->r[TSP_RAX] : (uint32_t)r->r[TSP_RAX];

    if (tsp_mode_is_arm(r->mode) || nr != CALL_SEND_IPI)
        return;
    if (ev->kind == TSP_EV_HYPERCALL && !fact_is(j, FACT_HYPERV, 1) && r->level == 0 &&
        (j->personas & 1u << TSP_PERSONA_KVM) != 0 && fact_is(j, FACT_IRQCHIP, 1) &&
        fact_is(j, FACT_APIC, 1) && (j->opt->caps & TSP_CAP_STEPS) != 0)
        note_ipi(j);
    if (bits_get(r->r[TSP_RSI], 10, 8) != ICR_MODE_INIT)
        return;
    for (unsigned i = 0; i < KVM_REG_COUNT; i++)
        kvm_forget(j, i);
}
