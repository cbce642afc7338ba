/* SPDX-License-Identifier: MIT */
#include "cli/formats/golden_flags.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct list {
    char *out;
    size_t n, max;
};

__attribute__((format(printf, 2, 3))) static void add(struct list *l, const char *format, ...)
{
    va_list ap;
    int len;

    len = snprintf(l->out + l->n, l->max - l->n, "%s\"", l->n == 0 ? "" : ",");
    l->n += (size_t)len < l->max - l->n ? (size_t)len : 0;
    va_start(ap, format);
    len = vsnprintf(l->out + l->n, l->max - l->n, format, ap);
    va_end(ap);
    l->n += (size_t)len < l->max - l->n ? (size_t)len : 0;
    len = snprintf(l->out + l->n, l->max - l->n, "\"");
    l->n += (size_t)len < l->max - l->n ? (size_t)len : 0;
}

static const struct {
    uint32_t cpu, config;
    const char *text;
} bit[] = {
    {INPUT_CPU_SMAP, 0, "cr4.smap"},
    {INPUT_CPU_SMEP, 0, "cr4.smep"},
    {INPUT_CPU_PKE, 0, "cr4.pke"},
    {INPUT_CPU_OSXSAVE, 0, "cr4.osxsave"},
    {INPUT_CPU_UMIP, 0, "cr4.umip"},
    {INPUT_CPU_FAULTING, 0, "cpuid_faulting"},
    {INPUT_CPU_SUPER, 0, "all other pages supervisor"},
    {INPUT_CPU_ROM, 0, "code in KVM_MEM_READONLY slot"},
    {INPUT_CPU_APIC_OFF, 0, "apic disabled"},
    {0, TSP_CFG_IRQCHIP, "irqchip"},
    {0, TSP_CFG_APIC_ON, "apic SPIV=0x1ff"},
    {0, TSP_CFG_ENFORCE_PV, "KVM_CAP_ENFORCE_PV_FEATURE_CPUID"},
    {0, TSP_CFG_EXIT_MAP_GPA, "KVM_CAP_EXIT_HYPERCALL=1<<12"},
    {0, TSP_CFG_HLT_NOEXIT, "KVM_CAP_X86_DISABLE_EXITS=HLT"},
    {0, TSP_CFG_CPUID_TWICE, "KVM_SET_CPUID2 twice"},
    {0, TSP_CFG_SYS_SUSPEND, "KVM_CAP_ARM_SYSTEM_SUSPEND"},
};

static void rights(struct list *l, unsigned which, uint8_t pte)
{
    if (pte == INPUT_PTE_DEFAULT)
        return;
    add(l, "pte%u=%c%c%c%s", which, pte & INPUT_PTE_P ? 'P' : '-', pte & INPUT_PTE_W ? 'W' : '-',
        pte & INPUT_PTE_U ? 'U' : '-', pte & INPUT_PTE_NX ? "X" : "");
}

static void x86_flags(struct list *l, const struct scenario *s)
{
    if (!(s->cpu & INPUT_CPU_WP))
        add(l, "wp=0");
    rights(l, 1, s->pte[0]);
    rights(l, 2, s->pte[1]);
    if (s->patch == TSP_PATCH_INJECT)
        add(l, "quirk-disabled:FIX_HYPERCALL_INSN");
    else if (s->patch == TSP_PATCH_EMULATE)
        add(l, "hypercall instruction emulated in place");
    if (s->cs_base)
        add(l, "cs_base=0x%" PRIx32, s->cs_base);
    if (s->xcr0 != 1)
        add(l, "xcr0=0x%" PRIx32, s->xcr0);
    if (s->apic_id)
        add(l, "apic_id=0x%" PRIx32, s->apic_id);
    if ((s->config & TSP_CFG_GUEST_FAULTING) && !(s->cpu & INPUT_CPU_FAULTING))
        add(l, "cpuid_faulting offered");
    for (uint32_t i = 0; i < s->nmsr; i++) {
        if (s->msr[i].index == 0x40000000)
            add(l, "HV_X64_MSR_GUEST_OS_ID=0x%" PRIx64, s->msr[i].value);
        else
            add(l, "msr 0x%" PRIx32 "=0x%" PRIx64, s->msr[i].index, s->msr[i].value);
    }
}

static void arm_flags(struct list *l, const struct scenario *s)
{
    static const char *const bitmap[3] = {"STD_BMAP", "STD_HYP_BMAP", "VENDOR_HYP_BMAP"};
    static const uint8_t usual[3] = {1, 1, 3};
    static const uint8_t level[3] = {2, 0, 0};

    add(l, "PSCI %u.%u", s->psci >> 4, s->psci & 15);
    for (unsigned i = 0; i < 3; i++)
        if (s->fw_bitmap[i] != usual[i])
            add(l, "%s=%" PRIu32, bitmap[i], s->fw_bitmap[i]);
    for (unsigned i = 0; i < 3; i++)
        if (s->workaround[i] != level[i])
            add(l, "WORKAROUND_%u=0x%" PRIx32, i + 1, s->workaround[i]);
    if (s->config & TSP_CFG_PVTIME)
        add(l, "KVM_ARM_VCPU_PVTIME_IPA=0x%" PRIx64, s->pvtime_ipa);
    if (s->flags)
        add(l, "pstate|=0x%" PRIx64, s->flags);
    if (s->nvcpu == 2)
        add(l, s->cpu & INPUT_CPU_SECOND_OFF ? "second vcpu POWER_OFF" : "second vcpu on");
}

static bool refuse(char *why, size_t max, const char *text)
{
    snprintf(why, max, "a recording cannot express %s", text);
    return false;
}

/* What the reader makes of "second vcpu on": a branch to itself. */
static bool second_spins(const struct scenario *s)
{
    static const uint8_t spin[4] = {0x00, 0x00, 0x00, 0x14};

    return s->ncode[1] == 4 && memcmp(s->code[1], spin, 4) == 0;
}

static bool has_xmm(const struct scenario *s)
{
    for (unsigned i = 0; i < 2 * TSP_XMM_COUNT; i++)
        if (s->xmm[i / 2][i & 1] != 0)
            return true;
    return false;
}

static bool expressible(const struct scenario *s, char *why, size_t max)
{
    if (s->persona[0] != TSP_PERSONA_KVM && s->persona[1] != TSP_PERSONA_KVM)
        return refuse(why, max, "a hypervisor other than KVM");
    if (s->nvcpu > 1 && s->arch == TSP_ARCH_X86)
        return refuse(why, max, "several vCPUs");
    if (s->nvcpu > 1 && !(s->cpu & INPUT_CPU_SECOND_OFF) && !second_spins(s))
        return refuse(why, max, "a second vCPU with code of its own");
    if (s->nvcpu > 1 && (s->cpu & INPUT_CPU_SECOND_OFF) && s->ncode[1] > 0)
        return refuse(why, max, "a second vCPU with code of its own");
    if (has_xmm(s))
        return refuse(why, max, "XMM registers");
    if ((s->cpu & INPUT_CPU_SMM) || (s->config & TSP_CFG_ASK))
        return refuse(why, max, "system management mode, or what user space asks");
    return true;
}

bool golden_flags_text(const struct scenario *s, char *out, size_t max, char *why, size_t whymax)
{
    struct list l = {.out = out, .max = max};

    out[0] = 0;
    if (!expressible(s, why, whymax))
        return false;
    for (size_t i = 0; i < sizeof(bit) / sizeof(bit[0]); i++)
        if ((s->cpu & bit[i].cpu) || (s->config & bit[i].config))
            add(&l, "%s", bit[i].text);
    if (s->arch == TSP_ARCH_X86)
        x86_flags(&l, s);
    else
        arm_flags(&l, s);
    if (s->arch == TSP_ARCH_X86 && (s->config & TSP_CFG_EXIT_RESUME))
        add(&l, "userspace sets hypercall.ret=0x%" PRIx64 " and runs on", s->exit_ret);
    return l.n + 2 < max || refuse(why, whymax, "so many unusual settings");
}
