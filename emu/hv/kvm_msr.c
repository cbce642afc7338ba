/* SPDX-License-Identifier: MIT */
/*
 * Paravirtual MSRs of KVM (torvalds/linux Documentation/virt/kvm/x86/msr.rst; arch/x86/kvm/x86.c
 * kvm_set_msr_common) and the few Hyper-V ones its calls depend on (TLFS, Establishing the
 * hypercall interface).
 */
#include "emu/hv/kvm.h"
#include "trapspec/bits.h"

enum msr_kind {
    MSR_VALUE = 0,   /* kept and read back */
    MSR_WALL_CLOCK,  /* writes the wall clock block */
    MSR_SYSTEM_TIME, /* writes the time block */
    MSR_STEAL_TIME,  /* writes the record of stolen time */
    MSR_ASYNC_PF,    /* 64 bytes that are written with an event, of which there are none here */
    MSR_PV_EOI,      /* a flag that is written with an interrupt */
    MSR_VECTOR,      /* needs the interrupt controller in the hypervisor */
    MSR_ACK          /* accepted, reads zero */
};

struct pv_msr {
    uint32_t index;
    uint8_t kind, feature, slot;
    uint64_t reserved; /* setting one of these bits is #GP */
};

#define RESERVED_ABOVE(n) (~(uint64_t)0 << (n))

static const struct pv_msr pv_msrs[] = {
    {0x11, MSR_WALL_CLOCK, KVM_CLOCKSOURCE, KVM_VM_WALL_CLOCK, 0},
    {0x12, MSR_SYSTEM_TIME, KVM_CLOCKSOURCE, KVM_VC_SYSTEM_TIME, 0},
    {0x4b564d00, MSR_WALL_CLOCK, KVM_CLOCKSOURCE2, KVM_VM_WALL_CLOCK, 0},
    {0x4b564d01, MSR_SYSTEM_TIME, KVM_CLOCKSOURCE2, KVM_VC_SYSTEM_TIME, 0},
    {0x4b564d02, MSR_ASYNC_PF, KVM_ASYNC_PF, KVM_VC_ASYNC_PF, 0x30},
    {0x4b564d03, MSR_STEAL_TIME, KVM_STEAL_TIME, KVM_VC_STEAL_TIME, 0x3e},
    {0x4b564d04, MSR_PV_EOI, KVM_PV_EOI, KVM_VC_PV_EOI, 0x2},
    {0x4b564d05, MSR_VALUE, KVM_POLL_CONTROL, KVM_VC_POLL_CONTROL, RESERVED_ABOVE(1)},
    {0x4b564d06, MSR_VECTOR, KVM_ASYNC_PF_INT, KVM_VC_ASYNC_PF_INT, RESERVED_ABOVE(8)},
    {0x4b564d07, MSR_ACK, KVM_ASYNC_PF_INT, 0, 0},
};

#define ENABLE 0
#define ASYNC_PF_VMEXIT_BIT 2
#define ASYNC_PF_INT_BIT 3
#define ASYNC_PF_BLOCK 0x3fu /* bits below the address of the block */
#define PV_EOI_BLOCK 3u

#define HV_GUEST_OS_ID 0x40000000u
#define HV_HYPERCALL 0x40000001u
#define HV_VP_INDEX 0x40000002u
#define HV_SYNDBG_OPTIONS 0x400000ffu
#define HV_INVTSC_CONTROL 0x40000118u

static const struct pv_msr *pv_find(uint32_t msr)
{
    for (size_t i = 0; i < sizeof(pv_msrs) / sizeof(pv_msrs[0]); i++)
        if (pv_msrs[i].index == msr)
            return &pv_msrs[i];
    return NULL;
}

/* MSRs the guest finds set. */
void kvm_msr_reset(struct vm *vm, struct vcpu *vc)
{
    const struct tsp_x86_state *x = &vc->s.x86;

    vc->hv_state[KVM_VC_POLL_CONTROL] = 1;
    for (uint32_t i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++) {
        const struct pv_msr *m = pv_find(x->msr[i].index);

        if (m != NULL && m->kind == MSR_WALL_CLOCK)
            vm->hv_state[m->slot] = x->msr[i].value;
        else if (m != NULL && m->kind != MSR_ACK)
            vc->hv_state[m->slot] = x->msr[i].value;
    }
}

/* INIT switches off what the guest had switched on (kvm_vcpu_reset, kvm_lapic_reset). */
void kvm_msr_init(struct vcpu *vc)
{
    vc->hv_state[KVM_VC_SYSTEM_TIME] = 0;
    vc->hv_state[KVM_VC_ASYNC_PF] = 0;
    vc->hv_state[KVM_VC_ASYNC_PF_INT] = 0;
    vc->hv_state[KVM_VC_STEAL_TIME] = 0;
    vc->hv_state[KVM_VC_PV_EOI] = 0;
}

/* Registers of Hyper-V that KVM has and that are not here: clocks, timers, interrupts, crashes
 * (torvalds/linux arch/x86/kvm/x86.c kvm_set_msr_common, the cases of HV_X64_MSR_*). The run ends.
 */
static bool hyperv_other(struct vm *vm, uint32_t msr)
{
    static const struct {
        uint16_t first, last;
    } row[] = {{0x03, 0x03}, {0x10, 0x10}, {0x20, 0x23}, {0x70, 0x73}, {0x80, 0x84},
               {0x90, 0x9f}, {0xb0, 0xb7}, {0xf1, 0xf5}, {0xff, 0xff}, {0x100, 0x108}};

    for (size_t i = 0; msr >> 12 == 0x40000 && i < sizeof(row) / sizeof(row[0]); i++) {
        if ((msr & 0xfff) < row[i].first || (msr & 0xfff) > row[i].last)
            continue;
        vm->hv_state[HV_VM_STOP] = TSP_STOP_UNSUPPORTED + 1;
        return true;
    }
    return false;
}

static bool hyperv_rdmsr(struct vm *vm, const struct vcpu *vc, uint32_t msr, uint64_t *value)
{
    if (vm->hv_state[KVM_VM_HYPERV] == 0)
        return false;
    switch (msr) {
    case HV_GUEST_OS_ID:
        *value = vm->hv_state[KVM_VM_HV_OS_ID];
        return true;
    case HV_HYPERCALL:
        *value = vm->hv_state[KVM_VM_HV_PAGE];
        return true;
    case HV_VP_INDEX:
        *value = vc->id;
        return true;
    case HV_SYNDBG_OPTIONS:
        *value = vm->hv_state[KVM_VM_HV_SYNDBG];
        return true;
    case HV_INVTSC_CONTROL:
        if (vm_behaves(vm, BEHAVIOUR_INVTSC_SHOWN))
            return false;
        *value = vm->hv_state[KVM_VM_HV_INVTSC];
        return true;
    default:
        return hyperv_other(vm, msr);
    }
}

bool kvm_rdmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok)
{
    const struct pv_msr *m = pv_find(msr);

    *ok = true;
    if (m == NULL)
        return hyperv_rdmsr(vm, vc, msr, value);
    *ok = kvm_has(vm, (enum kvm_feature)m->feature);
    if (m->kind == MSR_ACK)
        *value = 0;
    else
        *value = m->kind == MSR_WALL_CLOCK ? vm->hv_state[m->slot] : vc->hv_state[m->slot];
    return true;
}

/*
 * The page holds the host's own hypercall instruction and RET. Without an OS id the enable bit does
 * not stick (TLFS); KVM ignores the write as a whole.
 */
static bool write_page(struct vm *vm, uint64_t value)
{
    static const uint8_t intel[] = {0x0f, 0x01, 0xc1, 0xc3}, amd[] = {0x0f, 0x01, 0xd9, 0xc3};
    bool svm = vm_host_is_amd(vm);

    if (vm->hv_state[KVM_VM_HV_OS_ID] == 0)
        return true;
    if (bits_test(value, 0) && !kvm_write(vm, value & ~(uint64_t)0xfff, svm ? amd : intel, 4))
        return false;
    vm->hv_state[KVM_VM_HV_PAGE] = value;
    return true;
}

static void write_os_id(struct vm *vm, uint64_t value)
{
    vm->hv_state[KVM_VM_HV_OS_ID] = value;
    if (value == 0)
        vm->hv_state[KVM_VM_HV_PAGE] &= ~(uint64_t)1;
}

static bool hyperv_wrmsr(struct vm *vm, uint32_t msr, uint64_t value, bool *ok)
{
    if (vm->hv_state[KVM_VM_HYPERV] == 0)
        return false;
    switch (msr) {
    case HV_GUEST_OS_ID:
        write_os_id(vm, value);
        return true;
    case HV_HYPERCALL:
        *ok = write_page(vm, value);
        return true;
    case HV_VP_INDEX:
        *ok = false;
        return true;
    case HV_INVTSC_CONTROL:
        if (vm_behaves(vm, BEHAVIOUR_INVTSC_SHOWN))
            return false;
        *ok = value <= 1 && (vm->hv_state[KVM_VM_HV_INVTSC] == 0 || value != 0);
        if (*ok)
            vm->hv_state[KVM_VM_HV_INVTSC] = value;
        return true;
    default:
        return hyperv_other(vm, msr);
    }
}

/* What is switched on has to have its block in memory that can be written
 * (kvm_gfn_to_hva_cache_init fails elsewhere). */
static bool block_ok(const struct vm *vm, uint64_t gpa, uint64_t len)
{
    return mem_has(&vm->mem, gpa, len) && (mem_page_flags(&vm->mem, gpa) & MEM_ROM) == 0;
}

/* kvm_pv_enable_async_pf: without an interrupt controller nothing can be switched on. */
static bool async_pf_ok(const struct vm *vm, uint64_t value)
{
    bool on = bits_test(value, ENABLE) && bits_test(value, ASYNC_PF_INT_BIT);

    if (bits_test(value, ASYNC_PF_VMEXIT_BIT) && !kvm_has(vm, KVM_ASYNC_PF_VMEXIT))
        return false;
    if (bits_test(value, ASYNC_PF_INT_BIT) && !kvm_has(vm, KVM_ASYNC_PF_INT))
        return false;
    if ((vm->setup->config & TSP_CFG_IRQCHIP) == 0)
        return value == 0;
    return !on || block_ok(vm, value & ~(uint64_t)ASYNC_PF_BLOCK, 8);
}

/*
 * Switched on, asynchronous page faults begin with a wake-up for everybody. While the local APIC is
 * off it stays in its queue, and a vCPU that has something in its queue is not halted.
 */
static void wake_all(const struct vm *vm, struct vcpu *vc)
{
    uint64_t value = vc->hv_state[KVM_VC_ASYNC_PF];

    if (vc->hv_state[HV_STATE_KICKED] == HV_KICKED_FOR_GOOD)
        vc->hv_state[HV_STATE_KICKED] = 0;
    if (bits_test(value, ENABLE) && bits_test(value, ASYNC_PF_INT_BIT) &&
        (vm->setup->config & TSP_CFG_APIC_ON) == 0 && vm_behaves(vm, BEHAVIOUR_ASYNC_PF_AWAKE))
        vc->hv_state[HV_STATE_KICKED] = HV_KICKED_FOR_GOOD;
}

static bool pv_value_ok(const struct vm *vm, const struct pv_msr *m, uint64_t value)
{
    if (!kvm_has(vm, (enum kvm_feature)m->feature) || (value & m->reserved) != 0)
        return false;
    switch (m->kind) {
    case MSR_ASYNC_PF:
        return async_pf_ok(vm, value);
    case MSR_PV_EOI:
        return !bits_test(value, ENABLE) || block_ok(vm, value & ~(uint64_t)PV_EOI_BLOCK, 1);
    case MSR_VECTOR:
        return (vm->setup->config & TSP_CFG_IRQCHIP) != 0;
    default:
        return true;
    }
}

bool kvm_wrmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok)
{
    const struct pv_msr *m = pv_find(msr);

    *ok = true;
    if (m == NULL)
        return hyperv_wrmsr(vm, msr, value, ok);
    *ok = pv_value_ok(vm, m, value);
    if (!*ok || m->kind == MSR_ACK)
        return true;
    if (m->kind == MSR_WALL_CLOCK) {
        vm->hv_state[m->slot] = value;
        kvm_write_wall_clock(vm, value);
        return true;
    }
    vc->hv_state[m->slot] = value;
    if (m->kind == MSR_SYSTEM_TIME && kvm_place_system_time(vm, vc, value))
        kvm_write_system_time(vm, vc);
    else if (m->kind == MSR_ASYNC_PF)
        wake_all(vm, vc);
    else if (m->kind == MSR_STEAL_TIME)
        kvm_write_steal_time(vm, value);
    return true;
}

/*
 * KVM_SET_MSRS does what WRMSR does (torvalds/linux arch/x86/kvm/x86.c kvm_set_msr_common, hyperv.c
 * kvm_hv_set_msr_pw): the wall clock and the hypercall page are written at once, the vCPU's own
 * blocks as it is about to run. One that waits to be started does not get there.
 */
void kvm_msr_blocks(struct vm *vm, struct vcpu *vc)
{
    const struct tsp_x86_state *x = &vc->s.x86;
    bool clock = false;

    for (uint32_t i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++) {
        const struct pv_msr *m = pv_find(x->msr[i].index);

        if (x->msr[i].index == HV_GUEST_OS_ID)
            write_os_id(vm, x->msr[i].value);
        else if (x->msr[i].index == HV_HYPERCALL)
            write_page(vm, x->msr[i].value);
        if (m == NULL || !pv_value_ok(vm, m, x->msr[i].value))
            continue;
        if (m->kind == MSR_WALL_CLOCK)
            kvm_write_wall_clock(vm, x->msr[i].value);
        else if (m->kind == MSR_SYSTEM_TIME)
            clock = kvm_place_system_time(vm, vc, x->msr[i].value);
        else if (m->kind == MSR_ASYNC_PF)
            wake_all(vm, vc);
    }
    if (x->nmsr == 0 || vc->s.run_state != TSP_RUN_READY)
        return;
    if (clock)
        kvm_write_system_time(vm, vc);
    kvm_write_steal_time(vm, vc->hv_state[KVM_VC_STEAL_TIME]);
}

/* Hyper-V's, in the order in which they depend on each other. */
static const struct {
    uint32_t index;
    uint8_t slot;
} hyperv_msrs[] = {
    {HV_GUEST_OS_ID, KVM_VM_HV_OS_ID},
    {HV_HYPERCALL, KVM_VM_HV_PAGE},
    {HV_SYNDBG_OPTIONS, KVM_VM_HV_SYNDBG},
    {HV_INVTSC_CONTROL, KVM_VM_HV_INVTSC},
};
#define HYPERV_MSRS (sizeof(hyperv_msrs) / sizeof(hyperv_msrs[0]))

static bool is_old_name(const struct pv_msr *m)
{
    return m->index == 0x11 || m->index == 0x12;
}

static void save_msr(struct tsp_hv_state *out, uint32_t index, uint64_t value)
{
    if (out->nmsr < TSP_MAX_HV_MSR)
        out->msr[out->nmsr++] = (struct tsp_msr){index, value};
}

void kvm_save(const struct vm *vm, const struct vcpu *vc, struct tsp_hv_state *out)
{
    for (size_t i = 0; i < sizeof(pv_msrs) / sizeof(pv_msrs[0]); i++) {
        const struct pv_msr *m = &pv_msrs[i];

        if (is_old_name(m) || m->kind == MSR_ACK)
            continue;
        if (m->kind != MSR_WALL_CLOCK)
            save_msr(out, m->index, vc->hv_state[m->slot]);
        else if (vc->id == 0)
            save_msr(out, m->index, vm->hv_state[m->slot]);
    }
    for (size_t i = 0; vc->id == 0 && i < HYPERV_MSRS; i++)
        save_msr(out, hyperv_msrs[i].index, vm->hv_state[hyperv_msrs[i].slot]);
    out->pending = (uint32_t)vc->hv_state[KVM_VC_PENDING];
    if (vc->hv_state[HV_STATE_KICKED] != 0)
        out->pending |= TSP_PENDING_KICK;
    out->vector = (uint32_t)vc->hv_state[KVM_VC_VECTOR];
}

/* Values, without the effects of a write: the guest's blocks came with its memory. User space may
 * set what the guest was not offered: that is how a zero arrives. */
static void load_msr(struct vm *vm, struct vcpu *vc, const struct tsp_msr *msr)
{
    const struct pv_msr *m = pv_find(msr->index);

    if (m != NULL && m->kind == MSR_WALL_CLOCK)
        vm->hv_state[m->slot] = msr->value;
    else if (m != NULL && m->kind != MSR_ACK)
        vc->hv_state[m->slot] = msr->value;
    for (size_t i = 0; i < HYPERV_MSRS; i++)
        if (hyperv_msrs[i].index == msr->index)
            vm->hv_state[hyperv_msrs[i].slot] = msr->value;
}

void kvm_load(struct vm *vm, struct vcpu *vc, const struct tsp_hv_state *in)
{
    for (uint32_t i = 0; i < in->nmsr && i < TSP_MAX_HV_MSR; i++)
        load_msr(vm, vc, &in->msr[i]);
    vc->hv_state[KVM_VC_PENDING] =
        in->pending & (HV_PENDING_NMI | HV_PENDING_INTR | HV_PENDING_INIT);
    vc->hv_state[HV_STATE_KICKED] = (in->pending & TSP_PENDING_KICK) != 0;
    wake_all(vm, vc);
    vc->hv_state[KVM_VC_VECTOR] = in->vector & 0xff;
    vc->patch.active = vc->hv_state[KVM_VC_PENDING] != 0;
}
