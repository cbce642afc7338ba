/* SPDX-License-Identifier: MIT */
/* The "flags" of a recorded run: everything unusual about its set-up. */
#include "cli/formats/golden_fields.h"

#include <stdlib.h>
#include <string.h>

/* Flags that are one bit of the scenario, or that only describe the inputs. */
static const struct {
    const char *text;
    uint32_t cpu, config;
} bit_flag[] = {
    {"wp=1", INPUT_CPU_WP, 0},
    {"cr4.smap", INPUT_CPU_SMAP, 0},
    {"cr4.smep", INPUT_CPU_SMEP, 0},
    {"cr4.pke", INPUT_CPU_PKE, 0},
    {"cr4.osxsave", INPUT_CPU_OSXSAVE, 0},
    {"cr4.umip", INPUT_CPU_UMIP, 0},
    {"cpuid_faulting", INPUT_CPU_FAULTING, TSP_CFG_GUEST_FAULTING},
    {"all other pages supervisor", INPUT_CPU_SUPER, 0},
    {"code in KVM_MEM_READONLY slot", INPUT_CPU_ROM, 0},
    {"irqchip", 0, TSP_CFG_IRQCHIP},
    {"apic SPIV=0x1ff", 0, TSP_CFG_APIC_ON},
    {"KVM_CAP_ENFORCE_PV_FEATURE_CPUID", 0, TSP_CFG_ENFORCE_PV},
    {"KVM_CAP_EXIT_HYPERCALL=1<<12", 0, TSP_CFG_EXIT_MAP_GPA},
    {"KVM_CAP_X86_DISABLE_EXITS=HLT", 0, TSP_CFG_HLT_NOEXIT},
    {"KVM_SET_CPUID2 twice", 0, TSP_CFG_CPUID_TWICE},
    {"apic disabled", INPUT_CPU_APIC_OFF, 0},
    {"cpuid_faulting offered", 0, TSP_CFG_GUEST_FAULTING},
    {"KVM_CAP_ARM_SYSTEM_SUSPEND", 0, TSP_CFG_SYS_SUSPEND},
    {"tf", 0, 0},
    {"pattern", 0, 0},
    {"reserved bits", 0, 0},
    {"x0 upper 32 bits garbage", 0, 0},
    {"time values vary", 0, 0},
    {"PSCI default", 0, 0},
};

/* "PWUX": present, writable, user, no-execute; '-' stands for a missing one. */
static uint8_t pte_rights(const char *text)
{
    uint8_t rights = 0;

    for (; *text != 0; text++) {
        if (*text == 'P')
            rights |= INPUT_PTE_P;
        else if (*text == 'W')
            rights |= INPUT_PTE_W;
        else if (*text == 'U')
            rights |= INPUT_PTE_U;
        else if (*text == 'X')
            rights |= INPUT_PTE_NX;
    }
    return rights;
}

/* "0", "0x2aff" or "(1<<11|1<<13)". */
static uint32_t bit_expression(const char *text)
{
    uint32_t v = 0;

    while (*text != 0) {
        char *end;
        unsigned long x;

        if (*text == '(' || *text == ')' || *text == '|') {
            text++;
            continue;
        }
        x = strtoul(text, &end, 0);
        if (end == text)
            break;
        if (end[0] == '<' && end[1] == '<')
            x <<= strtoul(end + 2, &end, 0) & 31;
        v |= (uint32_t)x;
        text = end;
    }
    return v;
}

/* The KVM feature leaf stands 1 above the block whose text begins "KVMK". */
static void mask_features(struct scenario *s, uint32_t keep)
{
    uint32_t base = 0;

    for (unsigned i = 0; i < s->nleaf; i++)
        if (s->leaf[i].reg[1] == 0x4b4d564b && (s->leaf[i].leaf & 0xffu) == 0)
            base = s->leaf[i].leaf;
    for (unsigned i = 0; base != 0 && i < s->nleaf; i++)
        if (s->leaf[i].leaf == base + 1)
            s->leaf[i].reg[0] &= keep;
}

static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static bool add_msr(struct scenario *s, uint32_t index, const char *value)
{
    if (s->nmsr == TSP_MAX_MSR)
        return false;
    s->msr[s->nmsr++] = (struct tsp_msr){.index = index, .value = strtoull(value, NULL, 0)};
    return true;
}

static int x86_value(const char *text, struct scenario *s)
{
    const char *v;

    if ((v = after(text, "pte1=")) != NULL)
        s->pte[0] = pte_rights(v);
    else if ((v = after(text, "pte2=")) != NULL)
        s->pte[1] = pte_rights(v);
    else if (strcmp(text, "wp=0") == 0)
        s->cpu &= ~INPUT_CPU_WP;
    else if (strcmp(text, "quirk-disabled:FIX_HYPERCALL_INSN") == 0)
        s->patch = TSP_PATCH_INJECT;
    else if ((v = after(text, "cs_base=")) != NULL)
        s->cs_base = (uint32_t)strtoul(v, NULL, 0);
    else if ((v = after(text, "xcr0=")) != NULL)
        s->xcr0 = (uint32_t)strtoul(v, NULL, 0);
    else if ((v = after(text, "apic_id=")) != NULL)
        s->apic_id = (uint32_t)strtoul(v, NULL, 0);
    else if (strcmp(text, "hypercall instruction emulated in place") == 0)
        s->patch = TSP_PATCH_EMULATE;
    else if ((v = after(text, "msr ")) != NULL && strchr(v, '=') != NULL)
        return add_msr(s, (uint32_t)strtoul(v, NULL, 0), strchr(v, '=') + 1) ? 1 : 0;
    else if ((v = after(text, "kvm_features&=")) != NULL)
        mask_features(s, bit_expression(v));
    else if ((v = after(text, "HV_X64_MSR_GUEST_OS_ID=")) != NULL)
        return add_msr(s, 0x40000000, v) ? 1 : 0;
    else if ((v = after(text, "userspace sets hypercall.ret=")) != NULL) {
        s->config |= TSP_CFG_EXIT_RESUME;
        s->exit_ret = strtoull(v, NULL, 0);
    } else
        return 0;
    return 1;
}

static int arm_value(const char *text, struct scenario *s)
{
    static const char *const bitmap[3] = {"STD_BMAP=", "STD_HYP_BMAP=", "VENDOR_HYP_BMAP="};
    const char *v;

    for (unsigned i = 0; i < 3; i++) {
        v = after(text, bitmap[i]);
        if (v != NULL) {
            s->fw_bitmap[i] = (uint32_t)strtoul(v, NULL, 0);
            return 1;
        }
    }
    if ((v = after(text, "WORKAROUND_")) != NULL && v[0] >= '1' && v[0] <= '3' && v[1] == '=')
        s->workaround[v[0] - '1'] = (uint32_t)strtoul(v + 2, NULL, 0);
    else if ((v = after(text, "pstate|=")) != NULL)
        s->flags = strtoull(v, NULL, 0);
    else if ((v = after(text, "PSCI ")) != NULL && v[0] >= '0' && v[0] <= '9' && v[1] == '.')
        s->psci = (uint8_t)((v[0] - '0') << 4 | (v[2] & 15));
    else if ((v = after(text, "KVM_ARM_VCPU_PVTIME_IPA=")) != NULL) {
        s->config |= TSP_CFG_PVTIME;
        s->pvtime_ipa = strtoull(v, NULL, 0);
    } else if (strcmp(text, "second vcpu POWER_OFF") == 0) {
        s->nvcpu = 2;
        s->cpu |= INPUT_CPU_SECOND_OFF;
    } else if (strcmp(text, "second vcpu on") == 0) {
        static const uint8_t spin[4] = {0x00, 0x00, 0x00, 0x14}; /* b . */

        s->nvcpu = 2;
        s->ncode[1] = sizeof(spin);
        memcpy(s->code[1], spin, sizeof(spin));
    } else
        return 0;
    return 1;
}

int golden_flag(struct golden_reader *rd, const char *flag, struct scenario *s)
{
    (void)rd;
    for (size_t i = 0; i < sizeof(bit_flag) / sizeof(bit_flag[0]); i++) {
        if (strcmp(flag, bit_flag[i].text) != 0)
            continue;
        s->cpu |= bit_flag[i].cpu;
        s->config |= bit_flag[i].config;
        return 1;
    }
    return s->arch == TSP_ARCH_ARM64 ? arm_value(flag, s) : x86_value(flag, s);
}
