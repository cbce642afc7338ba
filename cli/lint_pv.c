/* SPDX-License-Identifier: MIT */
/* Leaves of KVM, Xen and Hyper-V: bits that are of no use without others. */
#include "cli/lint.h"

#define XEN_H "Xen public/arch-x86/cpuid.h"
#define XEN_VCPU_ID 3
#define XEN_DOMID 4

static void say(struct lint *l, struct lint_finding f)
{
    uint32_t reg = lint_reg(l, f.leaf, f.subleaf, f.reg);

    f.value = (reg >> f.lo) & (uint32_t)(0xffffffffull >> (31 - (f.hi - f.lo)));
    lint_add(l, &f);
}

/* Both ways to tell of a page that is there are switched on in the register that asynchronous page
 * faults have (Documentation/virt/kvm/x86/msr.rst, MSR_KVM_ASYNC_PF_EN). */
#define KVM_ASYNC_PF 4

static void check_kvm(struct lint *l, uint32_t base)
{
    static const uint8_t bit[] = {10, 14};
    uint32_t features = lint_reg(l, base + 1, 0, 0);

    for (unsigned i = 0; i < 2; i++) {
        const struct lint_finding f = {.leaf = base + 1,
                                       .hi = bit[i],
                                       .lo = bit[i],
                                       .expected = "0x0, or bit 4",
                                       .rule = "lint:hv-kvm-needs",
                                       .source = "Linux Documentation/virt/kvm/x86/msr.rst",
                                       .text = "a way of asynchronous page faults without them"};

        if ((features >> bit[i] & 1) != 0 && (features >> KVM_ASYNC_PF & 1) == 0)
            say(l, f);
    }
}

/* Ids of leaf 4 are valid with their bits; leaf 2 says which register takes the hypercall page. */
static void check_xen(struct lint *l, uint32_t base)
{
    struct lint_finding id = {.leaf = base + 4,
                              .hi = 31,
                              .rule = "lint:hv-xen-needs",
                              .source = XEN_H,
                              .text = "an id whose bit in EAX says that it is not there"};
    struct lint_finding page = {.leaf = base + 2,
                                .reg = 1,
                                .hi = 31,
                                .expected = "the register's number",
                                .rule = "lint:hv-xen-needs",
                                .source = XEN_H,
                                .text = "hypercall pages without a register to ask for them"};
    uint32_t bits = lint_reg(l, base + 4, 0, 0);

    id.reg = 1;
    snprintf(id.expected, sizeof(id.expected), "0x0, or eax bit %u", XEN_VCPU_ID);
    if (lint_reg(l, base + 4, 0, 1) != 0 && (bits >> XEN_VCPU_ID & 1) == 0)
        say(l, id);
    id.reg = 2;
    snprintf(id.expected, sizeof(id.expected), "0x0, or eax bit %u", XEN_DOMID);
    if (lint_reg(l, base + 4, 0, 2) != 0 && (bits >> XEN_DOMID & 1) == 0)
        say(l, id);
    if (lint_reg(l, base + 2, 0, 0) != 0 && lint_reg(l, base + 2, 0, 1) == 0)
        say(l, page);
}

/* TLFS, Implementation Recommendations: bit 14 of EAX recommends the enlightened VMCS, whose
 * versions are in leaf 0x4000000A. */
static void check_nested(struct lint *l, uint32_t base)
{
    const struct lint_finding f = {.leaf = base + 4,
                                   .hi = 14,
                                   .lo = 14,
                                   .expected = "0x0, or leaf 0x4000000a",
                                   .rule = "lint:hv-hyperv-needs",
                                   .source = "Hyper-V TLFS, feature discovery",
                                   .text = "an enlightened VMCS without its leaf of versions"};

    if ((lint_reg(l, base + 4, 0, 0) >> 14 & 1) != 0 && lint_reg(l, base, 0, 0) < base + 0xa)
        say(l, f);
}

/* Nobody looks for leaves of a block that no signature announces. Where the first leaf answers
 * anything, it is what the processor answers above its maximum. */
static void check_unsigned(struct lint *l, uint32_t base)
{
    const struct tsp_leaf *first = lint_leaf(l, base, 0), *e = lint_leaf(l, base + 1, 0);
    const struct lint_finding f = {.leaf = base,
                                   .reg = 1,
                                   .hi = 31,
                                   .expected = "a signature",
                                   .rule = "lint:hv-signature",
                                   .source = "LKML 2008, hypervisor CPUID interface proposal",
                                   .text = "leaves of a block that nobody signs"};

    if (base == 0x40000000 || e == NULL || (e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]) == 0)
        return;
    if (first == NULL || (first->reg[0] | first->reg[1] | first->reg[2] | first->reg[3]) == 0)
        say(l, f);
}

void lint_paravirtual(struct lint *l)
{
    if (lint_reg(l, 1, 0, 2) >> 31 == 0)
        return;
    for (uint32_t base = 0x40000000; base <= 0x4000ff00; base += 0x100) {
        enum tsp_persona p = TSP_PERSONA_NONE;

        if (lint_hv_name(l, base, &p) == NULL)
            check_unsigned(l, base);
        else if (p == TSP_PERSONA_KVM)
            check_kvm(l, base);
        else if (p == TSP_PERSONA_XEN)
            check_xen(l, base);
        else if (p == TSP_PERSONA_HYPERV)
            check_nested(l, base);
    }
}
