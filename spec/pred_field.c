/* SPDX-License-Identifier: MIT */
/* The rules of single fields of a CPUID answer, among them those that follow the vCPU's state. */
#include "spec/judge.h"

#include <stdio.h>

#include "trapspec/bits.h"

#define XSAVE_LEGACY 0x240u /* legacy region and header: Intel SDM Vol. 1 13.4 */
#define XSAVE_LEAF 0xdu

static uint32_t field_of(const struct field_row *row, const uint32_t reg[4])
{
    return (uint32_t)bits_get(reg[row->reg], row->hi, row->lo);
}

/* The field as the policy holds it; false without an entry. */
static bool policy_bits(const struct judge *j, const struct field_row *row, uint32_t *out)
{
    if (!j->served)
        return false;
    *out = field_of(row, j->served->reg);
    return true;
}

static uint32_t apic_id(const struct judge *j)
{
    return j->setup->vcpu[j->ev->vcpu < TSP_MAX_VCPU ? j->ev->vcpu : 0].x86.apic_id;
}

/* Size and place of a state component, from the policy's own sub-leaf where that is sane (Intel SDM
 * Vol. 1 13.2). */
static bool component(const struct judge *j, unsigned bit, uint32_t *size, uint32_t *at,
                      bool *aligned)
{
    const struct tsp_leaf *e = spec_policy_find(&j->policy, XSAVE_LEAF, bit);

    if (bit == 2) {
        /* AVX: 256 bytes at 576 on every part that has it */
        *size = 0x100;
        *at = XSAVE_LEGACY;
        *aligned = false;
        return true;
    }
    if (!e || e->reg[0] == 0 || e->reg[0] > 0x4000 || e->reg[1] > 0x4000 || e->reg[2] > 7 ||
        e->reg[3] != 0)
        return false;
    *size = e->reg[0];
    *at = e->reg[1];
    *aligned = (e->reg[2] & 2) != 0;
    return true;
}

/* Bytes of the standard or the compacted area; false when some component's size is not known. */
static bool xsave_bytes(const struct judge *j, uint64_t features, bool compact, uint32_t *out)
{
    uint32_t size = 0, at = 0, end = XSAVE_LEGACY;
    bool known = true, aligned = false;

    for (unsigned bit = 2; bit < 63; bit++) {
        if (!bits_test(features, bit))
            continue;
        if (!component(j, bit, &size, &at, &aligned)) {
            known = false;
            continue;
        }
        if (!compact) {
            end = at + size > end ? at + size : end;
            continue;
        }
        if (aligned)
            end = (end + 63) & ~63u;
        end += size;
    }
    *out = end;
    return known;
}

static bool size_holds(const struct judge *j, uint64_t features, bool compact, uint32_t got,
                       uint32_t *want)
{
    /* Where the policy's sizes are not to be had, only the least is known. */
    return xsave_bytes(j, features, compact, want) ? got == *want : got >= *want;
}

static bool compact_holds(const struct judge *j, const struct field_row *row, uint32_t got,
                          uint32_t *want)
{
    uint64_t features = j->ev->sys[TSP_SYS_XCR0] | j->ev->sys[TSP_SYS_XSS];

    /* 0xD.1 EAX: XSAVEC bit 1, XSAVES bit 3. Without both the field is the policy's or zero. */
    if (j->served && !(j->served->reg[0] & 0xa)) {
        policy_bits(j, row, want);
        return got == *want || got == 0;
    }
    return size_holds(j, features, true, got, want);
}

/* Equal to state, or, where state cannot be told from what user space fixed, to the policy. */
static bool either(const struct judge *j, const struct field_row *row, uint32_t got, uint32_t also)
{
    uint32_t held = 0;

    return got == also || (policy_bits(j, row, &held) && got == held);
}

/* AccessTscInvariantControl is bit 15 of EAX; a guest that has it sees the processor's bit once it
 * has set bit 0 of the control (Linux arch/x86/kvm/cpuid.c, include/hyperv/hvgdk.h). */
#define HYPERV_FEATURES 0x40000003u
#define HYPERV_TSC_CONTROL 0x40000118u

/* Whose machine it is: facts_setup has left of the interfaces those that keep calls and state. */
static bool runs(const struct judge *j, enum tsp_persona persona)
{
    return (j->personas & 1u << persona) != 0;
}

static bool tsc_control_offered(const struct judge *j)
{
    const struct tsp_leaf *face = spec_policy_first(&j->policy, 0x40000001u);
    const struct tsp_leaf *e = spec_policy_first(&j->policy, HYPERV_FEATURES);

    return face && face->reg[0] == HYPERV_INTERFACE && e && bits_test(e->reg[0], 15);
}

/* What was last written to a register by any of these vCPUs, else what it began with. */
static uint64_t last_written(const struct judge *j, uint32_t msr, uint32_t vcpus)
{
    const struct tsp_setup *s = j->setup;
    uint64_t value = 0;

    for (size_t i = j->index; i-- > 0;) {
        const struct tsp_event *ev = &j->trace->ev[i];

        if (ev->kind == TSP_EV_MSR && ev->code == msr && ev->info[1] == 1 &&
            (vcpus >> ev->vcpu % TSP_MAX_VCPU & 1))
            return ev->info[0];
    }
    for (unsigned v = 0; v < s->nvcpu && v < TSP_MAX_VCPU; v++)
        for (unsigned i = 0; (vcpus >> v & 1) && i < s->vcpu[v].x86.nmsr && i < TSP_MAX_MSR; i++)
            if (s->vcpu[v].x86.msr[i].index == msr && !value)
                value = s->vcpu[v].x86.msr[i].value;
    return value;
}

/* The control belongs to the whole machine. */
static bool tsc_control_set(const struct judge *j)
{
    return bits_test(last_written(j, HYPERV_TSC_CONTROL, ~0u), 0);
}

/* IA32_TSX_CTRL bit 1, TSX_CPUID_CLEAR, of this vCPU (Intel SDM Vol. 4). A target that does not
 * show each step writes registers that no event tells of. */
#define TSX_CTRL 0x122u

static bool tsx_holds(const struct judge *j, const struct field_row *row, uint32_t got,
                      uint32_t *want)
{
    policy_bits(j, row, want);
    if (!bits_test(last_written(j, TSX_CTRL, 1u << j->ev->vcpu % TSP_MAX_VCPU), 1))
        return got == *want || (got == 0 && !(j->opt->caps & TSP_CAP_STEPS));
    *want = 0;
    return got == 0;
}

/* KVM shows the bit once the guest has asked for it. Hyper-V does so too, but opts some guests in
 * itself (Linux dce7cd62754b, arch/x86/kernel/cpu/mshyperv.c). Xen's Viridian knows no such
 * privilege (viridian.c): its guests see the domain's policy. */
static bool invariant_holds(const struct judge *j, const struct field_row *row, uint32_t got,
                            uint32_t *want)
{
    bool kvm = runs(j, TSP_PERSONA_KVM);

    policy_bits(j, row, want);
    if ((!kvm && !runs(j, TSP_PERSONA_HYPERV)) || !tsc_control_offered(j) || tsc_control_set(j))
        return got == *want;
    if (kvm)
        *want = 0;
    return got == *want || got == 0;
}

/* Whether the leaf asked for is of the block that carries the persona's signature. */
static bool in_block(const struct judge *j, enum tsp_persona persona)
{
    uint32_t leaf = (uint32_t)j->ev->before.r[TSP_RAX];

    return judge_block(j, persona) == (leaf & 0xffffff00u);
}

/* KVM hides what makes no sense without exits of HLT; on a machine of Xen's nobody does. */
static bool unhalt_hidden(const struct judge *j)
{
    return (j->setup->config & TSP_CFG_HLT_NOEXIT) && runs(j, TSP_PERSONA_KVM) &&
           in_block(j, TSP_PERSONA_KVM);
}

bool dyn_holds(const struct judge *j, const struct field_row *row, uint32_t got, uint32_t *want)
{
    const uint64_t *sys = j->ev->sys;
    uint32_t held = 0;

    policy_bits(j, row, &held);
    switch (row->dyn) {
    case DYN_OSXSAVE:
        *want = bits_test(sys[TSP_SYS_CR4], 18);
        return got == *want;
    case DYN_OSPKE:
        *want = bits_test(sys[TSP_SYS_CR4], 22);
        return got == *want;
    case DYN_APIC_ENABLED:
        *want = bits_test(sys[TSP_SYS_APIC_BASE], 11);
        return *want ? either(j, row, got, 1) : got == 0;
    case DYN_APIC_ID:
        *want = apic_id(j) & (uint32_t)bits_mask(row->hi - row->lo + 1u);
        return got == *want;
    case DYN_X2APIC_ID:
        *want = apic_id(j);
        return got == *want;
    case DYN_XSAVE_SIZE:
        return size_holds(j, sys[TSP_SYS_XCR0], false, got, want);
    case DYN_XSAVE_COMPACT_SIZE:
        return compact_holds(j, row, got, want);
    case DYN_ECHO_ECX:
        *want = (uint32_t)j->ev->before.r[TSP_RCX] & (uint32_t)bits_mask(row->hi - row->lo + 1u);
        return got == *want;
    case DYN_MWAIT:
        *want = held;
        return either(j, row, got, 0);
    case DYN_SYSCALL_MODE:
        *want = j->ev->before.mode == TSP_MODE_LONG64 ? held : 0;
        return got == *want;
    case DYN_PV_UNHALT:
        *want = unhalt_hidden(j) ? 0 : held;
        return got == *want;
    case DYN_TSC_INVARIANT:
        return invariant_holds(j, row, got, want);
    case DYN_VCPU_ID: /* Xen public/arch-x86/cpuid.h: valid with EAX bit 3 */
        *want = bits_test(j->ev->after.r[TSP_RAX], 3) ? j->ev->vcpu : held;
        /* Another hypervisor that shows Xen's leaves has one table for all its vCPUs, and a block
         * that is not called Xen's is not known to be. */
        return got == *want ||
               ((!runs(j, TSP_PERSONA_XEN) || !in_block(j, TSP_PERSONA_XEN)) && got == held);
    case DYN_TSX:
        return tsx_holds(j, row, got, want);
    default:
        return true;
    }
}

bool dyn_is_targets(unsigned dyn)
{
    switch (dyn) {
    case DYN_OSXSAVE:
    case DYN_OSPKE:
    case DYN_APIC_ENABLED:
    case DYN_XSAVE_SIZE:
    case DYN_XSAVE_COMPACT_SIZE:
    case DYN_SYSCALL_MODE: /* user space gives one value for all modes */
    case DYN_PV_UNHALT:
    case DYN_TSC_INVARIANT:
    case DYN_VCPU_ID:
    case DYN_TSX:
        return true;
    default:
        return false;
    }
}

static bool say_field(struct say *say, const char *rel, uint32_t want, uint32_t got)
{
    snprintf(say->expected, sizeof(say->expected), "%s0x%x", rel, want);
    snprintf(say->got, sizeof(say->got), "0x%x", got);
    return false;
}

static uint32_t value_of(const struct judge *j, const struct field_row *row)
{
    return row->value + (row->value_relative ? judge_base(j, row->persona) : 0);
}

static bool bits_hold(const struct field_row *row, uint32_t reg, struct say *say)
{
    uint32_t want = (reg | row->value) & ~row->zero;

    return reg == want || say_field(say, "", want, reg);
}

bool field_holds(const struct judge *j, const struct field_row *row, const uint32_t reg[4],
                 struct say *say)
{
    uint32_t got = field_of(row, reg), want = 0;

    switch (row->kind) {
    case FIELD_ZERO:
        return got == 0 || say_field(say, "", 0, got);
    case FIELD_ONE:
        want = (uint32_t)bits_mask(row->hi - row->lo + 1u);
        return got == want || say_field(say, "", want, got);
    case FIELD_EQ:
        want = value_of(j, row);
        return got == want || say_field(say, "", want, got);
    case FIELD_MAX:
        want = value_of(j, row);
        return got >= want || say_field(say, "at least ", want, got);
    case FIELD_BITS:
        return bits_hold(row, reg[row->reg], say);
    case FIELD_SAME:
        return !judge_field(j, &row->same, row->persona, &want) || got == want ||
               say_field(say, "", want, got);
    case FIELD_DYN:
        return dyn_holds(j, row, got, &want) || say_field(say, "", want, got);
    default:
        return true;
    }
}
