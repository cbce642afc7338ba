/* SPDX-License-Identifier: MIT */
/* Defaults, and the folding of wild values into range. */
#include "fuzz/input/record.h"

#include <string.h>

#define CONFIG_X86                                                                                 \
    (TSP_CFG_ENFORCE_PV | TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON | TSP_CFG_HOST_TSC |                   \
     TSP_CFG_EXIT_MAP_GPA | TSP_CFG_HLT_NOEXIT | TSP_CFG_CPUID_TWICE | TSP_CFG_EXIT_RESUME |       \
     TSP_CFG_GUEST_FAULTING | TSP_CFG_ASK)
#define CONFIG_ARM64 (TSP_CFG_PVTIME | TSP_CFG_SYS_SUSPEND | TSP_CFG_EXIT_RESUME)

/* CF PF AF ZF SF TF IF DF OF IOPL NT RF AC ID. VM comes with its mode only. */
#define FLAGS_X86 0x257fd5u
/* N Z C V. */
#define FLAGS_ARM64 0xf0000000u

/* R0 to R12 and the banks of R13 and R14 of User, Supervisor, Abort and Undefined mode. */
#define REGS_AARCH32 0xfc7fffu

#define CODE_LOW 0xe000u   /* below are tables and stacks */
#define CODE_HIGH 0x3e000u /* code and its successor page still lie in RAM */
#define CODE_TOP 0xfffff000u
#define CS_BASE_MAX 0x30000u
#define PVTIME_DEFAULT 0x40020000u

static void default_code(struct scenario *s, unsigned vcpu)
{
    static const uint8_t x86[] = {0x0f, 0xa2, 0xf4};         /* cpuid; hlt */
    static const uint8_t arm64[] = {0x02, 0x00, 0x00, 0xd4}; /* hvc #0 */

    if (s->arch == TSP_ARCH_X86) {
        memcpy(s->code[vcpu], x86, sizeof(x86));
        s->ncode[vcpu] = sizeof(x86);
    } else {
        memcpy(s->code[vcpu], arm64, sizeof(arm64));
        s->ncode[vcpu] = sizeof(arm64);
    }
}

/* What an x86 scenario keeps of its AArch64 half and the reverse. */
static void default_firmware(struct scenario *s)
{
    s->psci = 0x11;
    s->fw_bitmap[0] = 1;
    s->fw_bitmap[1] = 1;
    s->fw_bitmap[2] = 3;
    s->workaround[0] = 2;
    s->workaround[1] = 0;
    s->workaround[2] = 0;
    s->pvtime_ipa = PVTIME_DEFAULT;
}

static void default_x86_half(struct scenario *s)
{
    bool x86 = s->arch == TSP_ARCH_X86;

    s->host = TSP_VENDOR_INTEL;
    s->patch = TSP_PATCH_REWRITE;
    s->policy = x86 ? INPUT_POLICY_INTEL : INPUT_POLICY_NONE;
    s->pte[0] = INPUT_PTE_DEFAULT;
    s->pte[1] = INPUT_PTE_DEFAULT;
    s->hv_base[0] = 0x40000000;
    s->hv_base[1] = 0x40000100;
    s->xcr0 = 1;
    s->apic_id = 0;
    s->cs_base = 0;
    s->paging = 0;
    s->nmsr = 0;
    memset(s->msr, 0, sizeof(s->msr));
    memset(s->xmm, 0, sizeof(s->xmm));
    s->nleaf = 0;
    memset(s->leaf, 0, sizeof(s->leaf));
}

void input_default(struct scenario *s, enum tsp_arch arch)
{
    memset(s, 0, sizeof(*s));
    s->arch = (uint8_t)arch;
    s->mode = arch == TSP_ARCH_X86 ? TSP_MODE_LONG64 : TSP_MODE_A64;
    s->level = arch == TSP_ARCH_X86 ? 0 : 1;
    s->persona[0] = TSP_PERSONA_KVM;
    s->nvcpu = 1;
    s->cpu = arch == TSP_ARCH_X86 ? INPUT_CPU_WP : 0;
    default_firmware(s);
    default_x86_half(s);
    s->code_at = input_code_default(s);
    default_code(s, 0);
}

uint64_t input_code_default(const struct scenario *s)
{
    if (s->arch != TSP_ARCH_X86)
        return INPUT_ARM64_CODE;
    if (s->cs_base != 0)
        return (uint64_t)s->cs_base + 0x100;
    return input_is_16bit(s->mode) ? INPUT_X86_CODE16 : INPUT_X86_CODE;
}

static bool x86_code_ok(const struct scenario *s)
{
    if (s->code_at < s->cs_base)
        return false;
    if (input_is_16bit(s->mode) && s->code_at - s->cs_base > 0xffff)
        return false;
    if (s->cs_base == 0 && input_entry_size(s) != 0 && s->code_at >= CODE_TOP &&
        s->code_at <= UINT32_MAX)
        return true;
    return s->code_at >= CODE_LOW && s->code_at <= CODE_HIGH;
}

/* One question at a time: the lowest bit. */
static void fold_ask(struct scenario *s)
{
    uint32_t ask = s->config & TSP_CFG_ASK;

    s->config &= ~TSP_CFG_ASK | (ask & (~ask + 1));
}

static void fold_x86_place(struct scenario *s)
{
    uint64_t wild = s->code_at & 0x7ff;

    if (s->mode == TSP_MODE_LONG64)
        s->cs_base = 0;
    if (s->mode == TSP_MODE_REAL16 || s->mode == TSP_MODE_VM86)
        s->cs_base &= 0xffff0u; /* a selector times 16 */
    if (s->cs_base > CS_BASE_MAX)
        s->cs_base = 0x10000u + (s->cs_base & 0xfff0u);
    if (x86_code_ok(s))
        return;
    s->code_at = input_code_default(s) + wild;
    if (x86_code_ok(s))
        return;
    s->cs_base = 0;
    s->code_at = input_code_default(s) + wild;
}

static void fold_arm64_place(struct scenario *s)
{
    uint64_t at = s->code_at & ~(uint64_t)(s->mode == TSP_MODE_T32 ? 1 : 3);
    bool over_vectors =
        at + INPUT_CODE_MAX + 16 > INPUT_ARM64_VECTORS && at < INPUT_ARM64_VECTORS + 0x800u;

    if (at < INPUT_ARM64_CODE || at > INPUT_ARM64_RAM + 0xf0000u || over_vectors)
        at = INPUT_ARM64_CODE + (at & 0x7fc);
    s->code_at = at;
}

/* Components a processor accepts together: AVX needs SSE, the three AVX-512 parts need AVX, the
 * two of AMX each other (Intel SDM Vol. 1, section 13.3). */
static uint32_t fold_xcr0(uint32_t v)
{
    v = (v & 0x602e7u) | 1u;
    if (v & 0xe0u)
        v |= 0xe0u | 4u;
    if (v & 4u)
        v |= 2u;
    if (v & 0x60000u)
        v |= 0x60000u;
    return v;
}

static void fold_personas(struct scenario *s)
{
    for (unsigned i = 0; i < 2; i++) {
        s->persona[i] %= TSP_PERSONA_COUNT;
        s->hv_base[i] = 0x40000000u | (s->hv_base[i] & 0xff00u);
    }
    if (s->persona[1] == s->persona[0])
        s->persona[1] = TSP_PERSONA_NONE;
    if (s->hv_base[1] == s->hv_base[0])
        s->hv_base[1] = 0x40000000u | ((s->hv_base[0] + 0x100u) & 0xff00u);
}

static void fold_leaves(struct scenario *s)
{
    if (s->nleaf > INPUT_LEAF_MAX)
        s->nleaf = INPUT_LEAF_MAX;
    for (uint32_t i = 0; i < s->nleaf; i++) {
        s->leaf[i].flags &= TSP_LEAF_INDEXED;
        if (s->leaf[i].flags == 0)
            s->leaf[i].subleaf = 0;
    }
}

/* lguest has no guests at CPL 0: their kernel is at 1. */
static unsigned fold_level(const struct scenario *s)
{
    if (s->mode == TSP_MODE_REAL16)
        return 0;
    if (s->mode == TSP_MODE_VM86)
        return 3;
    if (s->mode == TSP_MODE_PROT32 && s->persona[0] % TSP_PERSONA_COUNT == TSP_PERSONA_LGUEST)
        return s->level & 2 ? 3 : 1;
    return s->level & 1 ? 3 : 0;
}

/* A register that is named twice has the later value: they are written one after the other. */
static void fold_msrs(struct scenario *s)
{
    unsigned n = 0;

    if (s->nmsr > TSP_MAX_MSR)
        s->nmsr = TSP_MAX_MSR;
    for (unsigned i = 0; i < s->nmsr; i++) {
        unsigned at = 0;

        while (at < n && s->msr[at].index != s->msr[i].index)
            at++;
        s->msr[at] = s->msr[i];
        n = at == n ? n + 1 : n;
    }
    memset(&s->msr[n], 0, (TSP_MAX_MSR - n) * sizeof(s->msr[0]));
    s->nmsr = n;
}

static void fold_x86(struct scenario *s)
{
    if (s->mode > TSP_MODE_LONG64)
        s->mode %= TSP_MODE_LONG64 + 1;
    s->paging = s->mode == TSP_MODE_PROT32 ? s->paging & 1 : 0;
    s->level = (uint8_t)fold_level(s);
    s->host %= TSP_VENDOR_OTHER;
    s->patch %= TSP_PATCH_COUNT;
    s->policy %= INPUT_POLICY_COUNT;
    for (unsigned i = 0; i < 2; i++)
        s->pte[i] &= INPUT_PTE_DEFAULT | INPUT_PTE_NX;
    s->cpu &= INPUT_CPU_MASK & ~INPUT_CPU_SECOND_OFF;
    s->config &= CONFIG_X86;
    fold_ask(s);
    if (s->cpu & INPUT_CPU_FAULTING)
        s->config |= TSP_CFG_GUEST_FAULTING;
    s->xcr0 = fold_xcr0(s->xcr0);
    s->flags &= FLAGS_X86;
    s->regs_set &= 0xffffu;
    fold_msrs(s);
    fold_leaves(s);
    fold_x86_place(s);
    default_firmware(s);
}

static void fold_firmware(struct scenario *s)
{
    static const uint8_t versions[4] = {0x01, 0x02, 0x10, 0x11};

    if (s->psci != 0x01 && s->psci != 0x02 && (s->psci < 0x10 || s->psci > 0x13))
        s->psci = versions[s->psci & 3];
    /* The bits KVM defines for its bitmap registers, and the levels of its workaround registers. */
    s->fw_bitmap[0] &= 1;
    s->fw_bitmap[1] &= 1;
    s->fw_bitmap[2] &= 3;
    s->workaround[0] %= 3;
    s->workaround[1] &= 0x13;
    s->workaround[2] %= 3;
    s->pvtime_ipa &= ~(uint64_t)63;
    if (s->pvtime_ipa < INPUT_ARM64_RAM || s->pvtime_ipa >= INPUT_ARM64_RAM + INPUT_ARM64_RAM_SIZE)
        s->pvtime_ipa = PVTIME_DEFAULT + (s->pvtime_ipa & 0xffc0);
}

static void fold_arm64(struct scenario *s)
{
    if (!tsp_mode_is_aarch32(s->mode))
        s->mode = TSP_MODE_A64;
    s->level &= 1;
    s->cpu &= INPUT_CPU_SECOND_OFF;
    s->config &= CONFIG_ARM64;
    s->flags &= FLAGS_ARM64;
    default_x86_half(s);
    fold_firmware(s);
    fold_arm64_place(s);
    for (unsigned i = 0; i < INPUT_REGS_MAX && tsp_mode_is_aarch32(s->mode); i++)
        s->regs[i] = (uint32_t)s->regs[i];
    if (tsp_mode_is_aarch32(s->mode))
        s->regs_set &= REGS_AARCH32;
}

/* In order; where nothing else is said of the processor, there is one kind of host. */
static void fold_moves(struct scenario *s)
{
    if (s->nmove > INPUT_MOVE_MAX)
        s->nmove = INPUT_MOVE_MAX;
    for (uint32_t i = 0; i < INPUT_MOVE_MAX; i++) {
        struct input_move m = s->move[i];
        uint32_t at = i;

        if (i >= s->nmove) {
            s->move[i] = (struct input_move){0, 0};
            continue;
        }
        if (m.after > INPUT_MOVE_AFTER_MAX)
            m.after = INPUT_MOVE_AFTER_MAX;
        m.host = s->arch == TSP_ARCH_X86 ? m.host % TSP_VENDOR_OTHER : TSP_VENDOR_INTEL;
        for (; at > 0 && s->move[at - 1].after > m.after; at--)
            s->move[at] = s->move[at - 1];
        s->move[at] = m;
    }
}

static void fold_lists(struct scenario *s)
{
    for (unsigned i = 0; i < INPUT_REGS_MAX; i++)
        if (!(s->regs_set >> i & 1))
            s->regs[i] = 0;
    for (unsigned i = 0; i < 2; i++)
        if (s->ncode[i] > INPUT_CODE_MAX)
            s->ncode[i] = INPUT_CODE_MAX;
    if (s->nsched > INPUT_SCHED_MAX)
        s->nsched = INPUT_SCHED_MAX;
    if (s->ncode[0] == 0)
        default_code(s, 0);
    if (s->nvcpu >= 2)
        return;
    s->cpu &= ~INPUT_CPU_SECOND_OFF;
    s->ncode[1] = 0;
    memset(s->code[1], 0, sizeof(s->code[1]));
    s->nsched = 0;
    memset(s->sched, 0, sizeof(s->sched));
}

/* What a protocol that copies its bytes can choose, and what text-poke can. */
static void fold_how(struct scenario *s)
{
    uint32_t copies = TSP_HOW_DOWN | TSP_HOW_LOCKED | TSP_HOW_CAS, w = s->how & TSP_HOW_WIDTH;

    if (s->protocol == TSP_PROTOCOL_KVM || s->protocol == TSP_PROTOCOL_KVM_2021)
        copies |= TSP_HOW_OPEN;
    if (s->protocol >= TSP_PROTOCOL_KVM && s->protocol <= TSP_PROTOCOL_VIRTUALBOX)
        s->how = (s->how & copies) | (w % 5 == 1 ? 0 : w % 5);
    else
        s->how &= s->protocol == TSP_PROTOCOL_TEXT_POKE ? TSP_HOW_INT : 0;
}

/* Bits that mean nothing are 0; a vCPU that is not there is replaced by the first one that can run,
 * which is also what stands in for the first one. */
static void fold_sched(struct scenario *s)
{
    for (uint32_t i = 0; s->protocol != TSP_PROTOCOL_NONE && i < s->nsched; i++) {
        s->sched[i] &= 0xf;
        if (input_sched_vcpu(s->sched[i]) >= s->nvcpu)
            s->sched[i] &= 0xc;
    }
}

void input_fold(struct scenario *s)
{
    s->arch %= TSP_ARCH_COUNT;
    s->protocol = s->arch == TSP_ARCH_X86 ? s->protocol % TSP_PROTOCOL_COUNT : 0;
    if (s->protocol == TSP_PROTOCOL_NONE)
        s->nvcpu = s->nvcpu & 2 ? 2 : 1;
    else if (s->nvcpu < 1 || s->nvcpu > TSP_MAX_VCPU)
        s->nvcpu = 2;
    if (s->arch == TSP_ARCH_X86)
        fold_x86(s);
    else
        fold_arm64(s);
    fold_personas(s);
    fold_lists(s);
    fold_moves(s);
    fold_how(s);
    fold_sched(s);
}

void input_whole_steps(struct scenario *s)
{
    if (s->protocol == TSP_PROTOCOL_NONE)
        return;
    s->protocol = TSP_PROTOCOL_NONE;
    input_fold(s);
}
