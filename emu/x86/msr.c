/* SPDX-License-Identifier: MIT */
/* Model-specific registers (Intel SDM Vol. 4; torvalds/linux arch/x86/kvm/x86.c for what a guest of
 * KVM finds). */
#include "emu/policy/lookup.h"
#include "emu/x86/segment.h"

#define MSR_TSC 0x10u
#define MSR_APIC_BASE 0x1bu
#define MSR_TSC_ADJUST 0x3bu
#define MSR_UCODE_REV 0x8bu
#define MSR_ARCH_CAPABILITIES 0x10au /* read-only, where leaf 7 enumerates it */
#define MSR_PLATFORM_INFO 0xceu
#define MSR_MISC_FEATURES 0x140u
#define MSR_MISC_ENABLE 0x1a0u
#define MSR_MTRR_DEF_TYPE 0x2ffu
#define MSR_XSS 0xda0u
#define MSR_EFER 0xc0000080u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_TSC_AUX 0xc0000103u
#define MSR_HWCR 0xc0010015u
#define MSR_DE_CFG 0xc0011029u

#define APIC_X2APIC 0x400u
#define APIC_ENABLE 0x800u
#define APIC_RESERVED 0x2ffu /* bits 7:0 and 9 */

#define PLATFORM_FAULTING ((uint64_t)1 << 31)
#define EFER_SVME 0x1000u
#define EFER_FFXSR 0x4000u
#define MISC_ENABLE_FIXED 0x1800u /* no BTS, no PEBS: read-only */
#define MISC_ENABLE_EMON 0x80u    /* read-only as well, but a write of it is no error */
#define MTRR_TYPES 0x73u          /* UC WC WT WP WB (Intel SDM Vol. 3A 11.11) */
#define HWCR_TAKEN 0x148u         /* bits that KVM drops: flush filter, IGNNE, TLB cache */
#define HWCR_STATUS_WRITE 0x40000u
#define HWCR_TSC_FREQ 0x1000000u
#define DE_CFG_LFENCE 2u /* LFENCE waits for all before it */

/* Registers without an effect of their own here: kept, read back, checked for reserved bits and
 * canonical form. */
static const struct plain_msr {
    uint32_t index;
    bool canonical;
    uint64_t reserved, initial;
} plain[] = {
    {0x174, false, 0, 0},                                      /* SYSENTER_CS */
    {0x175, true, 0, 0},                                       /* SYSENTER_ESP */
    {0x176, true, 0, 0},                                       /* SYSENTER_EIP */
    {MSR_MISC_ENABLE, false, 0, MISC_ENABLE_FIXED},            /* MISC_ENABLE */
    {0x1d9, false, ~(uint64_t)1, 0},                           /* DEBUGCTL */
    {0x277, false, 0xf8f8f8f8f8f8f8f8ull, 0x0007040600070406}, /* PAT */
    {MSR_MTRR_DEF_TYPE, false, ~(uint64_t)0xcff, 0},           /* MTRR_DEF_TYPE */
    {0xc0000081, false, 0, 0},                                 /* STAR */
    {0xc0000082, true, 0, 0},                                  /* LSTAR */
    {0xc0000083, true, 0, 0},                                  /* CSTAR */
    {0xc0000084, false, ~(uint64_t)0xffffffff, 0},             /* FMASK */
    {X86_MSR_KERNEL_GS_BASE, true, 0, 0},                      /* KERNEL_GS_BASE */
};

/* Registers that KVM answers for with a number of its own, so that guests which look for a
 * processor's or a firmware's do not end (torvalds/linux arch/x86/kvm/x86.c kvm_get_msr_common,
 * get_msr_mce, mtrr.c; svm/svm.c svm_get_msr). What a write does is not modelled. */
static const struct fixed_msr {
    uint32_t first, last;
    uint64_t value;
} fixed[] = {
    {0x0, 0x1, 0},                 /* P5_MC_ADDR, P5_MC_TYPE */
    {0x17, 0x17, 0},               /* PLATFORM_ID */
    {0x2a, 0x2a, 0},               /* EBL_CR_POWERON */
    {0x2c, 0x2c, 0x1000000},       /* EBC_FREQUENCY_ID: core clock is bus clock */
    {0x34, 0x34, 0},               /* SMI_COUNT */
    {0xc1, 0xc2, 0},               /* P6_PERFCTR */
    {0xcd, 0xcd, 3},               /* FSB_FREQ */
    {0xfe, 0xfe, 0x508},           /* MTRRcap: eight variable ranges, fixed ranges, WC */
    {0x11e, 0x11e, 0xbe702111},    /* BBL_CR_CTL3 */
    {0x179, 0x179, 32},            /* MCG_CAP: banks */
    {0x17a, 0x17a, 0},             /* MCG_STATUS */
    {0x186, 0x187, 0},             /* P6_EVNTSEL */
    {0x198, 0x198, 0x400000003e8}, /* PERF_STATUS */
    {0x199, 0x199, 0},             /* PERF_CTL */
    {0x1db, 0x1de, 0},             /* last branch and interrupt */
    {0x1fc, 0x1fc, 0},             /* POWER_CTL */
    {0x200, 0x20f, 0},             /* variable MTRRs */
    {0x250, 0x250, 0},             /* fixed MTRRs */
    {0x258, 0x259, 0},
    {0x268, 0x26f, 0},
    {0x400, 0x47f, 0}, /* machine-check banks */
    {0x606, 0x606, 0}, /* RAPL: unit, energy of package, DRAM, cores, graphics */
    {0x611, 0x611, 0},
    {0x619, 0x619, 0},
    {0x639, 0x639, 0},
    {0x641, 0x641, 0},
    {0x6e0, 0x6e0, 0},                    /* TSC_DEADLINE */
    {0xc0010000, 0xc0010007, 0},          /* K7_EVNTSEL, K7_PERFCTR */
    {0xc0010010, 0xc0010010, 0},          /* SYSCFG */
    {MSR_HWCR, MSR_HWCR, 0},              /* HWCR */
    {0xc001001b, 0xc001001b, 0x20000000}, /* K7_CLK_CTL */
    {0xc001001f, 0xc001001f, 0},          /* NB_CFG */
    {0xc0010055, 0xc0010055, 0},          /* INT_PENDING_MSG */
    {0xc0010058, 0xc0010058, 0},          /* MMIO_CONF_BASE */
    {0xc0010112, 0xc0010113, 0},          /* TSEG_ADDR, TSEG_MASK */
    {0xc0010117, 0xc0010117, 0},          /* VM_HSAVE_PA */
    {0xc0011022, 0xc0011023, 0},          /* DC_CFG, TW_CFG */
    {0xc001102a, 0xc001102a, 0},          /* BU_CFG2 */
    {0xc001102c, 0xc001102c, 0},          /* EX_CFG */
};

static const struct fixed_msr *find_fixed(uint32_t msr)
{
    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (msr >= fixed[i].first && msr <= fixed[i].last)
            return &fixed[i];
    return NULL;
}

static const struct plain_msr *find_plain(uint32_t msr)
{
    for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (plain[i].index == msr)
            return &plain[i];
    return NULL;
}

/* 0x40000000 to 0x400000ff are no processor's (Intel SDM Vol. 4 2.1): a hypervisor that does not
 * know one has none, whatever the set-up says. */
static struct tsp_msr *find_kept(struct vcpu *vc, uint32_t msr)
{
    if (msr >> 8 == 0x400000)
        return NULL;
    for (uint32_t i = 0; i < vc->s.x86.nmsr; i++)
        if (vc->s.x86.msr[i].index == msr)
            return &vc->s.x86.msr[i];
    return NULL;
}

/* false: there is no room for another register that differs from its initial value. */
static bool keep(struct vcpu *vc, uint32_t msr, uint64_t value)
{
    struct tsp_msr *m = find_kept(vc, msr);

    if (!m) {
        if (vc->s.x86.nmsr == TSP_MAX_MSR)
            return false;
        m = &vc->s.x86.msr[vc->s.x86.nmsr++];
        m->index = msr;
    }
    m->value = value;
    return true;
}

/* Registers that KVM answers for on AMD hosts only, whatever the guest's vendor (svm/svm.c
 * svm_get_msr). */
static bool amd_host_msr(const struct vm *vm, uint32_t msr)
{
    switch (msr) {
    case 0xc0010114: /* VM_CR */
    case 0xc0010130: /* GHCB */
    case 0xc0011021: /* IC_CFG */
    case MSR_DE_CFG:
        return vm_host_is_amd(vm);
    default:
        return false;
    }
}

static uint64_t tsc_adjust(struct vcpu *vc)
{
    const struct tsp_msr *m = find_kept(vc, MSR_TSC_ADJUST);

    return m ? m->value : 0;
}

/* A write to either register moves both by the same amount (Intel SDM Vol. 3B 17.17.3). */
static bool add_tsc(struct vcpu *vc, uint64_t delta)
{
    if (delta && !keep(vc, MSR_TSC_ADJUST, tsc_adjust(vc) + delta))
        return false;
    vc->s.x86.tsc += delta;
    return true;
}

/* KVM starts every guest with CPUID faulting on offer (kvm_arch_vcpu_create); a set-up may say so
 * either way. */
static uint64_t platform_info(const struct vm *vm, const struct vcpu *vc)
{
    uint64_t v = vc->s.x86.platform_info;

    return vm->setup->config & TSP_CFG_GUEST_FAULTING ? v | PLATFORM_FAULTING : v;
}

static bool has_tsc_aux(struct vm *vm, struct vcpu *vc)
{
    /* RDTSCP or RDPID */
    return x86_has(vm, vc, 0x80000001, 0, 3, 27) || x86_has(vm, vc, 7, 0, 2, 22);
}

static bool read_own(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *v, bool *ok)
{
    const struct tsp_x86_state *x = &vc->s.x86;

    *ok = true;
    switch (msr) {
    case MSR_TSC:
        *v = vcpu_tsc(vm, vc);
        return true;
    case MSR_TSC_ADJUST:
        *v = tsc_adjust(vc);
        *ok = x86_has(vm, vc, 7, 0, 1, 1) || vm_behaves(vm, BEHAVIOUR_TSC_ADJUST_ANY);
        return true;
    case MSR_UCODE_REV: /* what KVM starts with: svm_vcpu_reset, vmx_vcpu_reset */
        *v = vm_host_is_amd(vm) ? 0x01000065 : 0x100000000;
        return find_kept(vc, msr) == NULL;
    case MSR_APIC_BASE:
        *v = x->apic_base;
        return true;
    case MSR_PLATFORM_INFO:
        *v = platform_info(vm, vc);
        return true;
    case MSR_MISC_FEATURES:
        *v = x->cpuid_faulting;
        return true;
    case MSR_XSS:
        *v = x->xss;
        *ok = x86_has(vm, vc, 0xd, 1, 0, 3);
        return true;
    case MSR_EFER:
        *v = x->efer;
        return true;
    case MSR_FS_BASE:
        *v = x->seg[TSP_FS].base;
        return true;
    case MSR_GS_BASE:
        *v = x->seg[TSP_GS].base;
        return true;
    case MSR_TSC_AUX:
        *v = x->tsc_aux;
        *ok = has_tsc_aux(vm, vc);
        return true;
    default:
        return false;
    }
}

bool x86_rdmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value)
{
    const struct plain_msr *row = find_plain(msr);
    const struct fixed_msr *its = find_fixed(msr);
    const struct tsp_msr *kept;
    bool ok = true;

    *value = 0;
    for (unsigned i = 0; i < 2; i++)
        if (vm->hv[i] && vm->hv[i]->rdmsr && vm->hv[i]->rdmsr(vm, vc, msr, value, &ok))
            return ok;
    if (read_own(vm, vc, msr, value, &ok))
        return ok;
    if (msr == MSR_ARCH_CAPABILITIES && !x86_has(vm, vc, 7, 0, 3, 29))
        return false;
    kept = find_kept(vc, msr);
    if (kept)
        *value = kept->value;
    else if (row)
        *value = row->initial;
    else if (its)
        *value = its->value;
    return kept || row || its || msr == MSR_ARCH_CAPABILITIES || amd_host_msr(vm, msr);
}

/* EFER bits exist when CPUID enumerates the feature; LMA follows LME and CR0.PG and cannot be
 * written. */
static bool set_efer(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    struct tsp_x86_state *x = &vc->s.x86;
    uint64_t allowed = EFER_SCE | EFER_LMA;

    if (x86_has(vm, vc, 0x80000001, 0, 3, 20))
        allowed |= EFER_NXE;
    if (x86_has(vm, vc, 0x80000001, 0, 3, 29))
        allowed |= EFER_LME;
    if (x86_has(vm, vc, 0x80000001, 0, 3, 25))
        allowed |= EFER_FFXSR;
    if (x86_has(vm, vc, 0x80000001, 0, 2, 2))
        allowed |= EFER_SVME;
    if (v & ~(allowed | x->efer))
        return false;
    if ((x->cr0 & CR0_PG) && ((v ^ x->efer) & EFER_LME))
        return false;
    x->efer = (v & ~(uint64_t)EFER_LMA) | (x->efer & EFER_LMA);
    mmu_flush(vc);
    return true;
}

/* Modes are off, xAPIC and x2APIC; x2APIC is entered from xAPIC and left by switching off (Intel
 * SDM Vol. 3A 10.12.5). */
static bool set_apic_base(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    uint64_t old = vc->s.x86.apic_base;
    uint64_t reserved = APIC_RESERVED | ~bits_mask(vm->maxphyaddr);

    if (!x86_has(vm, vc, 1, 0, 2, 21))
        reserved |= APIC_X2APIC;
    if (v & reserved)
        return false;
    if ((v & APIC_X2APIC) && !(v & APIC_ENABLE))
        return false;
    if ((old & APIC_X2APIC) && (v & APIC_ENABLE) && !(v & APIC_X2APIC))
        return false;
    if (!(old & APIC_ENABLE) && (v & APIC_X2APIC))
        return false;
    vc->s.x86.apic_base = v;
    return true;
}

static bool set_faulting(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    if ((v & ~(uint64_t)1) || ((v & 1) && !(platform_info(vm, vc) & PLATFORM_FAULTING)))
        return false;
    vc->s.x86.cpuid_faulting = v;
    return true;
}

/* Supervisor state components that leaf 0xD sub-leaf 1 enumerates in EDX:ECX. */
static bool set_xss(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    uint32_t out[4];

    x86_cpuid_answer(vm, vc, 0xd, 1, out);
    if (v != 0 && vm_behaves(vm, BEHAVIOUR_XSS_ZERO))
        return false;
    if (!bits_test(out[0], 3) || (v & ~(out[2] | (uint64_t)out[3] << 32)))
        return false;
    vc->s.x86.xss = v;
    return true;
}

static bool set_base(struct vcpu *vc, unsigned seg, uint64_t v)
{
    if (!x86_canonical(v))
        return false;
    vc->s.x86.seg[seg].base = v;
    return true;
}

static bool cuts_tsc_aux(const struct vm *vm)
{
    enum tsp_vendor v = policy_vendor(&vm->setup->policy[0]);

    if (!vm_behaves(vm, BEHAVIOUR_TSC_AUX_CUT) || v == TSP_VENDOR_INTEL)
        return false;
    return v == TSP_VENDOR_AMD || v == TSP_VENDOR_HYGON || vm_behaves(vm, BEHAVIOUR_INTEL_BY_NAME);
}

static bool set_tsc_aux(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    if (!has_tsc_aux(vm, vc) || (v >> 32 != 0 && !cuts_tsc_aux(vm)))
        return false;
    vc->s.x86.tsc_aux = (uint32_t)v;
    return true;
}

static bool set_tsc_adjust(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    if (!x86_has(vm, vc, 7, 0, 1, 1))
        return vm_behaves(vm, BEHAVIOUR_TSC_ADJUST_ANY); /* and nothing comes of it */
    return add_tsc(vc, v - tsc_adjust(vc));
}

static bool set_misc_enable(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    uint64_t old;

    if (!x86_rdmsr(vm, vc, MSR_MISC_ENABLE, &old) || ((old ^ v) & MISC_ENABLE_FIXED) != 0)
        return false;
    return keep(vc, MSR_MISC_ENABLE, (v & ~(uint64_t)MISC_ENABLE_EMON) | (old & MISC_ENABLE_EMON));
}

/* kvm_set_msr_common: what BIOSes and Linux write is taken. Before 6.7 one bit could be set, alone,
 * and stayed. */
static bool set_hwcr(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    v &= ~(uint64_t)HWCR_TAKEN;
    if (!vm_behaves(vm, BEHAVIOUR_HWCR_STATUS))
        return (v & ~(uint64_t)(HWCR_STATUS_WRITE | HWCR_TSC_FREQ)) == 0 && keep(vc, MSR_HWCR, v);
    return v == 0 || (v == HWCR_STATUS_WRITE && keep(vc, MSR_HWCR, v));
}

static bool set_de_cfg(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    if (!vm_host_is_amd(vm) || (v & ~(uint64_t)DE_CFG_LFENCE) != 0)
        return false;
    if (v == 0 && vm_behaves(vm, BEHAVIOUR_DE_CFG_WHOLE))
        return false;
    return keep(vc, MSR_DE_CFG, v);
}

static bool write_own(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t v, bool *ok)
{
    switch (msr) {
    case MSR_TSC:
        *ok = add_tsc(vc, v - vcpu_tsc(vm, vc));
        return true;
    case MSR_TSC_ADJUST:
        *ok = set_tsc_adjust(vm, vc, v);
        return true;
    case MSR_UCODE_REV: /* taken, and nothing comes of it */
        *ok = true;
        return true;
    case MSR_MISC_ENABLE:
        *ok = set_misc_enable(vm, vc, v);
        return true;
    case MSR_HWCR:
        *ok = set_hwcr(vm, vc, v);
        return true;
    case MSR_DE_CFG:
        *ok = set_de_cfg(vm, vc, v);
        return true;
    case MSR_APIC_BASE:
        *ok = set_apic_base(vm, vc, v);
        return true;
    case MSR_PLATFORM_INFO:
        *ok = false;
        return true;
    case MSR_MISC_FEATURES:
        *ok = set_faulting(vm, vc, v);
        return true;
    case MSR_XSS:
        *ok = set_xss(vm, vc, v);
        return true;
    case MSR_EFER:
        *ok = set_efer(vm, vc, v);
        return true;
    case MSR_FS_BASE:
        *ok = set_base(vc, TSP_FS, v);
        return true;
    case MSR_GS_BASE:
        *ok = set_base(vc, TSP_GS, v);
        return true;
    case MSR_TSC_AUX:
        *ok = set_tsc_aux(vm, vc, v);
        return true;
    default:
        return false;
    }
}

bool x86_wrmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value)
{
    const struct plain_msr *row = find_plain(msr);
    bool ok = true;

    for (unsigned i = 0; i < 2; i++)
        if (vm->hv[i] && vm->hv[i]->wrmsr && vm->hv[i]->wrmsr(vm, vc, msr, value, &ok))
            return ok;
    if (write_own(vm, vc, msr, value, &ok))
        return ok;
    if (row && ((value & row->reserved) || (row->canonical && !x86_canonical(value))))
        return false;
    if (msr == MSR_MTRR_DEF_TYPE && ((value & 0xff) > 7 || !bits_test(MTRR_TYPES, value & 7)))
        return false;
    if (msr == MSR_ARCH_CAPABILITIES || (!row && !find_kept(vc, msr)))
        return false;
    return keep(vc, msr, value);
}

static enum step event(struct vm *vm, uint32_t msr, uint64_t value, bool write)
{
    vm->ev->kind = TSP_EV_MSR;
    vm->ev->code = msr;
    vm->ev->info[0] = value;
    vm->ev->info[1] = write;
    return STEP_EVENT;
}

static enum step read_write(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t msr = (uint32_t)vc->s.regs.r[TSP_RCX];
    bool write = in->op == OP_WRMSR;
    uint64_t v = x86_reg(vc, TSP_RAX, 4) | x86_reg(vc, TSP_RDX, 4) << 32;

    if (x86_cpl(vc) != 0)
        return step_fault_code(vc, X86_GP, 0);
    if (!(write ? x86_wrmsr(vm, vc, msr, v) : x86_rdmsr(vm, vc, msr, &v))) {
        if (write && find_fixed(msr) && msr != MSR_HWCR)
            return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
        return step_fault_code(vc, X86_GP, 0);
    }
    if (vm->hv_state[HV_VM_STOP] != 0)
        return step_stop(vm, vc, (enum tsp_stop)(vm->hv_state[HV_VM_STOP] - 1));
    if (!write) {
        x86_set32(vc, TSP_RAX, (uint32_t)v);
        x86_set32(vc, TSP_RDX, (uint32_t)(v >> 32));
    }
    vcpu_advance(vc, in->len);
    return event(vm, msr, v, write);
}

static enum step read_tsc(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t tsc = vcpu_tsc(vm, vc);

    if (in->op == OP_RDTSCP && !x86_has(vm, vc, 0x80000001, 0, 3, 27))
        return step_fault(vc, X86_UD);
    if ((vc->s.x86.cr4 & CR4_TSD) && x86_cpl(vc) != 0)
        return step_fault_code(vc, X86_GP, 0);
    x86_set32(vc, TSP_RAX, (uint32_t)tsc);
    x86_set32(vc, TSP_RDX, (uint32_t)(tsc >> 32));
    if (in->op == OP_RDTSCP)
        x86_set32(vc, TSP_RCX, (uint32_t)vc->s.x86.tsc_aux);
    vcpu_advance(vc, in->len);
    return STEP_NEXT;
}

/* User state components: x87 always, AVX needs SSE, MPX and AVX-512 come as a whole (Intel SDM Vol.
 * 1 13.3). */
static bool xcr0_ok(struct vm *vm, struct vcpu *vc, uint64_t v)
{
    uint32_t out[4];

    x86_cpuid_answer(vm, vc, 0xd, 0, out);
    if (!(v & 1) || (v & ~(out[0] | (uint64_t)out[3] << 32)))
        return false;
    if ((v & 4) && !(v & 2))
        return false;
    if ((v & 0x18) && (v & 0x18) != 0x18)
        return false;
    return !(v & 0xe0) || ((v & 0xe0) == 0xe0 && (v & 4));
}

static enum step extended(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t index = (uint32_t)vc->s.regs.r[TSP_RCX];
    uint64_t v = x86_reg(vc, TSP_RAX, 4) | x86_reg(vc, TSP_RDX, 4) << 32;

    if (!(vc->s.x86.cr4 & CR4_OSXSAVE))
        return step_fault(vc, X86_UD);
    if (index != 0)
        return step_fault_code(vc, X86_GP, 0);
    if (in->op == OP_XGETBV) {
        x86_set32(vc, TSP_RAX, (uint32_t)vc->s.x86.xcr0);
        x86_set32(vc, TSP_RDX, (uint32_t)(vc->s.x86.xcr0 >> 32));
    } else {
        if (x86_cpl(vc) != 0 || !xcr0_ok(vm, vc, v))
            return step_fault_code(vc, X86_GP, 0);
        vc->s.x86.xcr0 = v;
    }
    vcpu_advance(vc, in->len);
    return STEP_NEXT;
}

enum step x86_msr(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_RDTSC:
    case OP_RDTSCP:
        return read_tsc(vm, vc, in);
    case OP_XGETBV:
    case OP_XSETBV:
        return extended(vm, vc, in);
    default:
        return read_write(vm, vc, in);
    }
}
