/* SPDX-License-Identifier: MIT */
/*
 * Who most likely set a wrong field of a virtual machine. A hypervisor's leaves are its own; bits
 * that follow a vCPU's registers are kept by the hypervisor; everything else is what the virtual
 * machine monitor (QEMU, Firecracker, libvirt's XML, the cloud) asked for.
 */
#include "cli/lint.h"

#include <string.h>

struct by_prefix {
    const char *rule, *text;
};

/* %s is the hypervisor. The first that fits. */
static const struct by_prefix by_rule[] = {
    {"lint:hv-hidden", "the monitor hides the hypervisor bit and left the hypervisor's leaves"},
    {"lint:hv-signature", "the monitor sets the hypervisor bit and gives no leaves"},
    {"lint:hv-unknown", "a hypervisor unknown here, or a signature changed in the monitor"},
    {"lint:hv-tsc", "the monitor: it sets the virtual TSC's frequency"},
    {"lint:hv-bus", "the monitor: it sets the timer's frequency"},
    {"lint:hv-", "%s, or the monitor that places its leaves"},
    {"lint:cpus-alike", "the monitor: it gave its vCPUs different tables"},
    {"lint:maximum", "the monitor's highest leaf is lower than what it serves"},
    {"lint:topology-", "the monitor's topology of vCPUs"},
    {"lint:cache-", "the monitor's caches: it changed one leaf and not the other"},
    {"lint:xsave-", "the monitor copied components or masked them without their sizes"},
    {"lint:descriptor-size", "the monitor's caches: it changed one leaf and not the other"},
    {"lint:core-kinds", "the monitor passed on the kinds of cores that its vCPUs ran on"},
    {"lint:tsc-frequency", "the monitor: it sets the virtual TSC's frequency"},
    {"lint:base-frequency", "the monitor: it passed on or made up the processor's frequency"},
    {"lint:vendor", "the monitor: it sets the vendor text"},
    {"lint:brand", "the monitor: it sets the brand text"},
    {"NUM-THREADS", "the monitor's topology: threads of a package"},
    {"NUM-SHIFT", "the monitor's topology: bits of APIC ids"},
    {"NUM-AMD-", "the monitor's topology of vCPUs"},
    {"lint:core-id", "the monitor's topology: ids of cores"},
    {"lint:core-count", "the monitor's topology: threads of a core"},
    {"lint:package-count", "the monitor's topology: processors of a package"},
    {"lint:apic-id", "the monitor's topology: APIC ids"},
    {"lint:one-cpu", ""},
    {"LEFT-", "the monitor cleared the feature and left its leaf"},
    {"XLEFT-", "the monitor cleared the component and left its sub-leaf"},
    {"XLEAF-", "the monitor cleared XSAVE and left its leaf"},
    {"MAX-", "the monitor's highest leaf is lower than what its features need"},
    {"SGX-XFRM", "the monitor masks features and XSAVE components apart from each other"},
    {"NUM-SGX-", "the monitor copied a part of the leaf of enclaves"},
    {"NUM-EPC-", "the monitor lays out the enclaves' memory"},
    {"SUB-7-", "the monitor's highest sub-leaf is lower than what it serves"},
    {"XCR0-NOW", "%s: it computes this size itself"},
    {"XCR0-", "the monitor masks features and XSAVE components apart from each other"},
    {"XSIZE-", "the monitor copied the component without its size"},
    {"XFIT-", "the monitor masked components and did not compute the sizes again"},
    {"XPLACE-", "the monitor copied the component without its offset"},
    {"DEP-", "the monitor's CPU model or -feature flag: it dropped one without the other"},
};

/* Leaves of topology and caches: whoever laid out the vCPUs. */
static bool is_topology(const struct lint_finding *f)
{
    static const uint32_t leaf[] = {0x4, 0xb, 0x1f, 0x8000001d, 0x8000001e, 0x80000026};

    for (size_t i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++)
        if (f->leaf == leaf[i])
            return true;
    return (f->leaf == 1 && f->reg == 1) || (f->leaf == 0x80000008 && f->reg == 2);
}

/* Features that KVM offers on every processor because it emulates them (Linux
 * arch/x86/kvm/cpuid.c): TSC deadline timer, x2APIC, hypervisor bit, TSC_ADJUST, UMIP. */
static bool is_emulated(const struct lint_finding *f)
{
    uint32_t bits = f->hi == f->lo ? 1u << f->lo : 0;

    if (f->leaf == 1 && f->reg == 2)
        return (bits & (1u << 24 | 1u << 21 | 1u << 31)) != 0;
    return f->leaf == 7 && f->subleaf == 0 &&
           ((f->reg == 1 && bits == 1u << 1) || (f->reg == 2 && bits == 1u << 2));
}

static bool is_kept(const struct lint_finding *f)
{
    return strncmp(f->expected, "CR4", 3) == 0 || (f->leaf == 1 && f->reg == 2 && f->lo == 27);
}

static const char *text_of(const struct lint_finding *f, const char *owner)
{
    for (size_t i = 0; i < sizeof(by_rule) / sizeof(by_rule[0]); i++)
        if (strncmp(f->rule, by_rule[i].rule, strlen(by_rule[i].rule)) == 0)
            return by_rule[i].text;
    if (f->leaf >> 28 == 4)
        return "%s's own leaf, or the monitor that changed it";
    if (is_topology(f))
        return "the monitor's topology of vCPUs and caches";
    if (is_kept(f))
        return "%s: it keeps this bit itself";
    if (is_emulated(f) && strncmp(owner, "KVM", 3) == 0)
        return "%s: it emulates the feature and offers it on every processor";
    if (strstr(f->rule, "[31:0]") == NULL && f->value != 0)
        return "the monitor: passed on from the processor, or made up; %s offers only what is "
               "named";
    return "the monitor's CPU model";
}

void lint_who(const struct lint *l, struct lint_finding *f)
{
    const char *owner = lint_hv_owner(l), *text, *at;

    f->who[0] = 0;
    if (owner == NULL && strcmp(f->rule, "lint:hv-hidden") != 0)
        return;
    if (owner == NULL)
        owner = "the hypervisor";
    text = text_of(f, owner);
    at = strstr(text, "%s");
    if (at == NULL)
        snprintf(f->who, sizeof(f->who), "%s", text);
    else
        snprintf(f->who, sizeof(f->who), "%.*s%.24s%s", (int)(at - text), text, owner, at + 2);
}
