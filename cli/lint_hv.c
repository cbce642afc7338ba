/* SPDX-License-Identifier: MIT */
/* The hypervisor leaves of a dump: who set them, and whether a guest could make sense of them. */
#include "cli/lint.h"

#include <string.h>

#define HV_BASE 0x40000000u
#define HV_LAST 0x4000ffffu
#define HV_STEP 0x100u
#define HV_TIMING 0x10u

/* Twelve bytes from EBX, ECX, EDX. */
struct signature {
    char text[13];
    enum tsp_persona persona; /* with rows in the table, else NONE */
    bool first;               /* guests look at 0x40000000 only */
    const char *name, *source;
};

static const struct signature signatures[] = {
    {"KVMKVMKVM", TSP_PERSONA_KVM, false, "KVM", "Linux Documentation/virt/kvm/x86/cpuid.rst"},
    {"Linux KVM Hv", TSP_PERSONA_HYPERV, true, "KVM's Hyper-V leaves",
     "Linux arch/x86/kvm/hyperv.c"},
    {"Microsoft Hv", TSP_PERSONA_HYPERV, true, "Hyper-V", "Hyper-V TLFS, feature discovery"},
    {"XenVMMXenVMM", TSP_PERSONA_XEN, false, "Xen", "Xen public/arch-x86/cpuid.h"},
    {"VMwareVMware", TSP_PERSONA_VMWARE, true, "VMware", "open-vm-tools x86cpuid.h"},
    {"VBoxVBoxVBox", TSP_PERSONA_HYPERV, true, "VirtualBox", "VirtualBox GIMHv.cpp"},
    {"TCGTCGTCGTCG", TSP_PERSONA_GENERIC, false, "QEMU TCG", "QEMU target/i386/cpu.c"},
    {"bhyve bhyve ", TSP_PERSONA_GENERIC, false, "bhyve", "Linux arch/x86/kernel/cpu/bhyve.c"},
    {"BHyVE BHyVE ", 0, false, "bhyve, old", "systemd virt.c"},
    {"ACRNACRNACRN", TSP_PERSONA_GENERIC, false, "ACRN", "Linux arch/x86/include/asm/acrn.h"},
    {"Jailhouse", TSP_PERSONA_GENERIC, false, "Jailhouse", "Linux jailhouse_para.h"},
    {"QNXQVMBSQG", 0, false, "QNX", "systemd virt.c"},
    {" QNXQVMBSQG ", 0, false, "QNX", "public lists"},
    {" prl hyperv ", 0, false, "Parallels", "public lists"},
    {" lrpepyh  vr", 0, false, "Parallels", "public lists"},
    {" lrpepyh vr ", 0, false, "Parallels", "public lists"},
    {"prl hyperv", 0, false, "Parallels", "public lists"},
    {"prl hyperv  ", 0, false, "Parallels", "public lists"},
    {"OpenBSDVMM58", 0, false, "OpenBSD vmm", "OpenBSD vmmvar.h"},
    {"___ NVMM ___", 0, false, "NVMM", "public lists"},
    {"HAXMHAXMHAXM", 0, false, "HAXM", "HAXM core/cpuid.c"},
    {"EVMMEVMMEVMM", 0, false, "Intel KGT", "public lists"},
    {"UnisysSpar64", 0, false, "Unisys s-Par", "util-linux lscpu-virt.c"},
    {"SRESRESRESRE", 0, false, "LMHS", "systemd virt.c"},
    {"Apple VZ", 0, false, "Apple", "systemd virt.c"},
    {"LKVMLKVMLKVM", 0, false, "kvmtool", "public lists"},
    {" KVMKVMKVM  ", 0, false, "KVM, padded", "public lists"},
    {"MvMicroV", 0, false, "Bareflank MicroV", "MicroV specification 2.2"},
    {"Barevisor!", 0, false, "Barevisor", "public lists"},
    {"MiniVisor", 0, false, "MiniVisor", "public lists"},
    {"NoirVisor ZT", 0, false, "NoirVisor", "public lists"},
    {"Neko Project", 0, false, "Neko Project", "public lists"},
    {"MicrosoftXTA", 0, false, "Microsoft x86 on Arm", "public lists"},
    {"FEXIFEXIEMU", 0, false, "FEX-Emu", "FEX docs/CPUID.md"},
};

/* What a guest looks for is the interface; whoever gives it may choose the text (TLFS feature
 * discovery: for reporting alone; QEMU's hv-vendor-id). */
#define HYPERV_INTERFACE 0x31237648u /* "Hv#1" */
static const struct signature interface = {"", TSP_PERSONA_HYPERV, true, "a Hyper-V interface",
                                           "Hyper-V TLFS, feature discovery"};

static void text_of(const struct tsp_leaf *e, char out[13])
{
    for (unsigned i = 0; i < 12; i++)
        out[i] = (char)(e->reg[1 + i / 4] >> (8 * (i % 4)));
    out[12] = 0;
}

static const struct signature *who(const struct lint *l, uint32_t base)
{
    const struct tsp_leaf *e = lint_leaf(l, base, 0);
    char text[13];

    if (e == NULL)
        return NULL;
    text_of(e, text);
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
        if (memcmp(text, signatures[i].text, 12) == 0)
            return &signatures[i];
    return base == HV_BASE && lint_reg(l, base + 1, 0, 0) == HYPERV_INTERFACE ? &interface : NULL;
}

/* The known text that the registers hold in another order; NULL when there is none. */
static const char *shuffled(const struct tsp_leaf *e)
{
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        unsigned used = 0, n = 0;

        if (memcmp(e->reg + 1, signatures[i].text, 12) == 0)
            return NULL;
        for (unsigned r = 1; r < 4; r++)
            for (unsigned k = 0; k < 3; k++)
                if ((used >> k & 1) == 0 &&
                    memcmp(&e->reg[r], signatures[i].text + 4 * (size_t)k, 4) == 0) {
                    used |= 1u << k;
                    n++;
                    break;
                }
        if (n == 3)
            return signatures[i].text;
    }
    return NULL;
}

const char *lint_hv_name(const struct lint *l, uint32_t base, enum tsp_persona *persona)
{
    const struct signature *s = who(l, base);

    if (s == NULL)
        return NULL;
    *persona = s->persona;
    return s->name;
}

const char *lint_hv_owner(const struct lint *l)
{
    if (lint_reg(l, 1, 0, 2) >> 31 == 0)
        return NULL;
    for (uint32_t base = HV_BASE; base <= HV_LAST; base += HV_STEP) {
        const struct signature *s = who(l, base);
        enum tsp_persona below = TSP_PERSONA_NONE;

        if (s == NULL)
            continue;
        /* Enlightenments in front of the hypervisor that gives them. */
        if (s->persona == TSP_PERSONA_HYPERV && base == HV_BASE &&
            lint_hv_name(l, base + HV_STEP, &below) != NULL)
            return lint_hv_name(l, base + HV_STEP, &below);
        return s->name;
    }
    return "the hypervisor";
}

/* HV_CPU_MANAGEMENT: Linux arch/x86/kernel/cpu/mshyperv.c knows the root partition by it. */
#define HV_PRIVILEGES 0x40000003u
#define HV_CPU_MANAGEMENT 12

/*
 * Is what a monitor chose before us? Windows runs on its own hypervisor, with nearly the
 * processor's answers before it: tools that record no leaves of hypervisors then show the bit
 * alone, others that it is the root partition.
 */
bool lint_guest(const struct lint *l)
{
    const char *format = l->dump->format;
    bool tool = format != NULL && (strcmp(format, "AIDA64") == 0 ||
                                   strcmp(format, "libcpuid") == 0 || strcmp(format, "table") == 0);

    if (lint_reg(l, 1, 0, 2) >> 31 == 0)
        return false;
    if (lint_leaf(l, HV_BASE, 0) == NULL)
        return !tool;
    return lint_reg(l, HV_BASE + 1, 0, 0) != HYPERV_INTERFACE ||
           (lint_reg(l, HV_PRIVILEGES, 0, 1) >> HV_CPU_MANAGEMENT & 1) == 0;
}

static void say(struct lint *l, uint32_t leaf, struct lint_finding f)
{
    const struct tsp_leaf *e = lint_leaf(l, leaf, 0);
    uint32_t reg = e == NULL ? 0 : e->reg[f.reg];

    f.leaf = leaf;
    f.value = (reg >> f.lo) & (uint32_t)(0xffffffffull >> (31 - (f.hi - f.lo)));
    lint_add(l, &f);
}

static bool named(const struct tsp_leaf *e)
{
    return (e->reg[1] | e->reg[2] | e->reg[3]) != 0;
}

/* Only printable letters make a name; others are shown as dots. */
static void unknown(struct lint *l, uint32_t base)
{
    struct lint_finding f = {.reg = 1,
                             .hi = 31,
                             .rule = "lint:hv-unknown",
                             .source = "public lists of signatures",
                             .text = "signature of no known hypervisor: guests will not use it"};
    char text[13];

    text_of(lint_leaf(l, base, 0), text);
    for (unsigned i = 0; i < 12; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            text[i] = '.';
    if (shuffled(lint_leaf(l, base, 0)) != NULL)
        snprintf(f.expected, sizeof(f.expected), "\"%s\" in the order EBX, ECX, EDX",
                 shuffled(lint_leaf(l, base, 0)));
    else
        snprintf(f.expected, sizeof(f.expected), "a known signature, not \"%s\"", text);
    say(l, base, f);
}

/* Leaves that answer above the maximum the block itself gives are never asked for. */
static void check_maximum(struct lint *l, uint32_t base, bool has_row)
{
    const struct tsp_leaf *e = lint_leaf(l, base, 0);
    uint32_t top = 0;

    for (size_t i = 0; i < l->nleaf; i++) {
        const struct tsp_leaf *x = &l->leaf[i];

        if (x->leaf - base < HV_STEP && x->leaf > top &&
            (x->reg[0] | x->reg[1] | x->reg[2] | x->reg[3]) != 0)
            top = x->leaf;
    }
    /* KVM's own maximum has a row in the table. */
    if (top > e->reg[0] && e->reg[0] >= base && !(has_row && e->reg[0] == base)) {
        struct lint_finding f = {.hi = 31,
                                 .rule = "lint:hv-maximum",
                                 .source = "Hyper-V TLFS, feature discovery",
                                 .text = "highest leaf of the block, below one that answers"};

        snprintf(f.expected, sizeof(f.expected), "at least 0x%x", top);
        say(l, base, f);
    }
}

/* A block has 256 leaves (the proposal of 2008); what is behind is another's. */
static void check_reach(struct lint *l, uint32_t base)
{
    uint32_t top = lint_reg(l, base, 0, 0);
    struct lint_finding f = {.hi = 31,
                             .rule = "lint:hv-reach",
                             .source = "LKML 2008, hypervisor CPUID interface proposal",
                             .text = "highest leaf of the block, outside it"};

    if (top < base || top - base < HV_STEP)
        return;
    snprintf(f.expected, sizeof(f.expected), "at most 0x%x", base + HV_STEP - 1);
    say(l, base, f);
}

/* What the processor leaves say of the TSC, in kHz; 0 when they do not. */
static uint64_t leaf_15_khz(const struct lint *l)
{
    const struct tsp_leaf *e = lint_leaf(l, 0x15, 0);

    if (e == NULL || lint_reg(l, 0, 0, 0) < 0x15 || e->reg[0] == 0)
        return 0;
    return (uint64_t)e->reg[2] * e->reg[1] / e->reg[0] / 1000;
}

/* Two accounts of one clock; a crystal's ratio is rounded, so that a hundredth may differ. */
static void check_crystal(struct lint *l, uint32_t leaf, uint32_t khz)
{
    uint64_t other = leaf_15_khz(l);
    struct lint_finding f = {.hi = 31,
                             .rule = "lint:hv-tsc-crystal",
                             .source = "Intel SDM Vol. 2A CPUID leaf 15H",
                             .text = "virtual TSC frequency, not what leaf 0x15 says it is"};

    if (other == 0 || (khz <= other + other / 100 && khz + other / 100 >= other))
        return;
    snprintf(f.expected, sizeof(f.expected), "about %llu kHz", (unsigned long long)other);
    say(l, leaf, f);
}

/*
 * Frequencies in kHz. No processor is outside 10 MHz to 100 GHz, no timer bus outside 1 MHz to 10
 * GHz; what is was given in Hz or MHz.
 */
static void check_timing(struct lint *l, uint32_t base)
{
    const struct tsp_leaf *e = lint_leaf(l, base + HV_TIMING, 0);

    if (e == NULL)
        return;
    if (e->reg[0] != 0 && (e->reg[0] < 10000 || e->reg[0] > 100000000)) {
        say(l, base + HV_TIMING,
            (struct lint_finding){.hi = 31,
                                  .expected = "10000 to 100000000 kHz",
                                  .rule = "lint:hv-tsc-khz",
                                  .source = "QEMU target/i386/cpu.c; VMware timekeeping leaf",
                                  .text = "virtual TSC frequency in kHz"});
    } else if (e->reg[0] != 0) {
        check_crystal(l, base + HV_TIMING, e->reg[0]);
    }
    if (e->reg[1] != 0 && (e->reg[1] < 1000 || e->reg[1] > 10000000)) {
        say(l, base + HV_TIMING,
            (struct lint_finding){.reg = 1,
                                  .hi = 31,
                                  .expected = "1000 to 10000000 kHz",
                                  .rule = "lint:hv-bus-khz",
                                  .source = "QEMU target/i386/cpu.c; VMware timekeeping leaf",
                                  .text = "frequency of the local APIC timer bus in kHz"});
    }
}

/*
 * Privileges and features of Hyper-V's interface that are of no use without another (TLFS,
 * feature discovery; QEMU target/i386/kvm/kvm.c kvm_hyperv_properties has the same needs). Bits of
 * EAX and EDX of leaf 3, and EAX of leaf 4.
 */
struct hyperv_need {
    uint8_t leaf, reg, bit;
    uint32_t eax, edx; /* of leaf 3: one of these */
    const char *expected, *text;
};

static const struct hyperv_need hyperv_needs[] = {
    {3, 0, 2, 1u << 6, 0, "0x0, or bit 6", "SynIC registers without an index of the processor"},
    {3, 0, 3, 1u << 2, 1u << 19, "0x0, or bit 2, or edx bit 19",
     "synthetic timers with neither SynIC messages nor direct interrupts"},
    {3, 0, 9, 1u << 1, 0, "0x0, or bit 1", "a reference TSC without the reference counter"},
    {3, 3, 19, 1u << 3, 0, "0x0, or eax bit 3", "direct mode of synthetic timers without timers"},
    {4, 0, 0, 1u << 5, 0, "0x0, or leaf 3 eax bit 5", "a hypercall is advised, none can be set up"},
    {4, 0, 1, 1u << 5, 0, "0x0, or leaf 3 eax bit 5", "a hypercall is advised, none can be set up"},
    {4, 0, 2, 1u << 5, 0, "0x0, or leaf 3 eax bit 5", "a hypercall is advised, none can be set up"},
};

static void check_hyperv(struct lint *l)
{
    const struct tsp_leaf *e = lint_leaf(l, HV_PRIVILEGES, 0);

    if (e == NULL || lint_reg(l, HV_BASE + 1, 0, 0) != HYPERV_INTERFACE)
        return;
    for (size_t i = 0; i < sizeof(hyperv_needs) / sizeof(hyperv_needs[0]); i++) {
        const struct hyperv_need *n = &hyperv_needs[i];
        struct lint_finding f = {.reg = n->reg,
                                 .hi = n->bit,
                                 .lo = n->bit,
                                 .rule = "lint:hv-hyperv-needs",
                                 .source = "Hyper-V TLFS, feature discovery",
                                 .text = n->text};

        if ((lint_reg(l, HV_BASE + n->leaf, 0, n->reg) >> n->bit & 1) == 0 ||
            (e->reg[0] & n->eax) != 0 || (e->reg[3] & n->edx) != 0)
            continue;
        snprintf(f.expected, sizeof(f.expected), "%s", n->expected);
        say(l, HV_BASE + n->leaf, f);
    }
}

/* A guest that finds another text than Hv#1 uses nothing of the interface. An answer of zeroes has
 * no rows to break. */
static void check_interface(struct lint *l, uint32_t base, const struct signature *s)
{
    const struct tsp_leaf *e = lint_leaf(l, base + 1, 0);

    if (base == HV_BASE && e != NULL && !named(e) && e->reg[0] == 0) {
        say(l, base + 1,
            (struct lint_finding){.hi = 31,
                                  .expected = "0x31237648, the letters Hv#1",
                                  .rule = "lint:hv-hyperv-interface",
                                  .source = s->source,
                                  .text = "a Hyper-V signature without its interface"});
    }
}

/* Guests take the first block of their hypervisor; a second one is never read. Some hypervisors
 * answer one leaf everywhere: that block's maximum lies in the first one. */
static void check_twice(struct lint *l, uint32_t base, const struct signature *s)
{
    if (lint_reg(l, base, 0, 0) - base >= HV_STEP)
        return;
    for (uint32_t first = HV_BASE; first < base; first += HV_STEP) {
        if (who(l, first) != s)
            continue;
        say(l, base,
            (struct lint_finding){.reg = 1,
                                  .hi = 31,
                                  .expected = "no second block of this hypervisor",
                                  .rule = "lint:hv-twice",
                                  .source = s->source,
                                  .text = "a lower block has this signature: guests use that one"});
        return;
    }
}

static void check_block(struct lint *l, uint32_t base, const struct signature *s)
{
    check_maximum(l, base, s->persona == TSP_PERSONA_KVM);
    check_reach(l, base);
    if (s->first && base != HV_BASE) {
        say(l, base,
            (struct lint_finding){.reg = 1,
                                  .hi = 31,
                                  .expected = "this signature at 0x40000000",
                                  .rule = "lint:hv-place",
                                  .source = s->source,
                                  .text = "guests look for this hypervisor at 0x40000000 only"});
    }
    if (s->persona == TSP_PERSONA_HYPERV)
        check_interface(l, base, s);
    if (base == HV_BASE)
        check_hyperv(l);
    check_twice(l, base, s);
    if (lint_reg(l, base, 0, 0) >= base + HV_TIMING && s->persona != TSP_PERSONA_HYPERV)
        check_timing(l, base);
}

/* Bit 31 says that there is a hypervisor; without it guests do not look (and a processor without
 * hypervisor answers there as for any leaf above its maximum). */
static void hidden(struct lint *l)
{
    const struct signature *s = who(l, HV_BASE);

    if (s != NULL && lint_leaf(l, 1, 0) != NULL) {
        say(l, 1,
            (struct lint_finding){.reg = 2,
                                  .hi = 31,
                                  .lo = 31,
                                  .expected = "0x1",
                                  .rule = "lint:hv-hidden",
                                  .source = s->source,
                                  .text = "hypervisor leaves are there, the bit that says so is "
                                          "not"});
    }
}

/* Many formats do not record these leaves: only one that is there and empty is wrong. */
static void unsigned_leaves(struct lint *l, const struct tsp_leaf *first)
{
    struct lint_finding f = {.reg = 1,
                             .hi = 31,
                             .expected = "a signature",
                             .rule = "lint:hv-signature",
                             .source = "Hyper-V TLFS, feature discovery",
                             .text = "the hypervisor bit is set, nobody signs"};

    /* VirtualBox's Minimal provider is just the timing leaf (VirtualBox GIMMinimal.cpp). */
    f.note = first != NULL && first->reg[0] == HV_BASE + HV_TIMING &&
             lint_reg(l, HV_BASE + HV_TIMING, 0, 0) != 0 && lint_reg(l, HV_BASE + 1, 0, 0) == 0;
    if (first != NULL) {
        say(l, HV_BASE, f);
        return;
    }
    f.note = true;
    f.reg = 2;
    f.lo = 31;
    snprintf(f.expected, sizeof(f.expected), "hypervisor leaves in the dump");
    say(l, 1, f);
}

void lint_hypervisor(struct lint *l)
{
    const struct tsp_leaf *first = lint_leaf(l, HV_BASE, 0);

    if (lint_reg(l, 1, 0, 2) >> 31 == 0) {
        hidden(l);
        return;
    }
    if (first == NULL || !named(first))
        unsigned_leaves(l, first);
    for (uint32_t base = HV_BASE; base <= HV_LAST; base += HV_STEP) {
        const struct signature *s = who(l, base);
        const struct tsp_leaf *e = lint_leaf(l, base, 0);

        if (s != NULL)
            check_block(l, base, s);
        /* An interface may be signed by anybody, but not like this. */
        if (s == &interface && shuffled(e) != NULL)
            unknown(l, base);
        else if (s != NULL)
            continue;
        else if (e != NULL && named(e) && (base == HV_BASE || e->reg[0] - base < HV_STEP))
            unknown(l, base);
    }
}
