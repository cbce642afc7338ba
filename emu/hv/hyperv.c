/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V as the hypervisor itself: the synthetic registers by which a guest says who it is, finds
 * the page to call through and reads the time (TLFS: Hypercall interface, Timers, Virtual processor
 * properties, Partition privilege flags). A register whose privilege the partition lacks is not
 * there: #GP.
 */
#include "emu/hv/hyperv.h"

#include "emu/policy/lookup.h"
#include "emu/state/overlay.h"
#include "trapspec/bits.h"

#define INTERFACE_LEAF 0x40000001u
#define INTERFACE 0x31237648u /* "Hv#1" */
#define FEATURE_LEAF 0x40000003u

enum hyperv_msr {
    MSR_OS_ID = 0x40000000,
    MSR_PAGE = 0x40000001,
    MSR_VP_INDEX = 0x40000002,
    MSR_RESET = 0x40000003,
    MSR_RUN_TIME = 0x40000010,
    MSR_REF_COUNT = 0x40000020,
    MSR_REF_TSC = 0x40000021,
    MSR_TSC_FREQUENCY = 0x40000022,
    MSR_APIC_FREQUENCY = 0x40000023
};

#define PAGE_ENABLE ((uint64_t)1)
#define PAGE_LOCKED ((uint64_t)2)
#define PAGE_FRAME (~(uint64_t)0xfff)

/* The model's time: an instruction takes a tenth of a microsecond, the unit of the counters. */
#define TSC_HZ 10000000u
#define APIC_HZ 200000000u

static bool beyond(const struct vm *vm, uint64_t page)
{
    return (page & PAGE_FRAME) >> vm->maxphyaddr != 0;
}

/*
 * The page abstracts which instruction the processor below has; a near return follows. It covers
 * what lies there while it is enabled. With a patch protocol memory is what is being tried out, and
 * stays.
 */
static void show_page(struct vm *vm)
{
    static const uint8_t intel[] = {0x0f, 0x01, 0xc1, 0xc3}, amd[] = {0x0f, 0x01, 0xd9, 0xc3};
    uint64_t page = vm->hv_state[HYPERV_PAGE];

    if (!(page & PAGE_ENABLE) || beyond(vm, page) || vm->setup->protocol != TSP_PROTOCOL_NONE)
        overlay_clear(vm);
    else
        overlay_set(vm, page & PAGE_FRAME, vm_host_is_amd(vm) ? amd : intel, sizeof(intel));
}

static void hyperv_reset(struct vm *vm)
{
    const struct tsp_setup *s = vm->setup;
    const struct tsp_leaf *e = NULL;

    if (s->npolicy != 0)
        e = policy_first(&s->policy[0], INTERFACE_LEAF);
    if (e == NULL || e->reg[0] != INTERFACE)
        return;
    vm->hv_state[HYPERV_OFFERED] = 1;
    e = policy_first(&s->policy[0], FEATURE_LEAF);
    if (e != NULL) {
        vm->hv_state[HYPERV_RIGHTS] = (uint64_t)e->reg[1] << 32 | e->reg[0];
        vm->hv_state[HYPERV_FACILITIES] = e->reg[3];
    }
    vm->hv_state[HYPERV_OS_ID] = hv_setup_msr(s, MSR_OS_ID);
    vm->hv_state[HYPERV_TSC_PAGE] = hv_setup_msr(s, MSR_REF_TSC);
    vm->hv_state[HYPERV_PAGE] = hv_setup_msr(s, MSR_PAGE);
    if (vm->hv_state[HYPERV_OS_ID] == 0)
        vm->hv_state[HYPERV_PAGE] &= ~PAGE_ENABLE;
    show_page(vm);
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        hyperv_synic_reset(&vm->vcpu[i]);
        for (uint32_t k = 0; k < s->vcpu[i].x86.nmsr && k < TSP_MAX_MSR; k++)
            hyperv_synic_set(&vm->vcpu[i], s->vcpu[i].x86.msr[k].index,
                             s->vcpu[i].x86.msr[k].value);
    }
}

/* Strictly rising, as seen by any virtual processor. */
static uint64_t reference_count(struct vm *vm)
{
    uint64_t now = vm->tsc + 1;

    if (now <= vm->hv_state[HYPERV_COUNTED])
        now = vm->hv_state[HYPERV_COUNTED] + 1;
    vm->hv_state[HYPERV_COUNTED] = now;
    return now;
}

static bool frequencies(const struct vm *vm)
{
    return hyperv_may(vm, RIGHT_FREQUENCIES) && hyperv_has(vm, FACILITY_FREQUENCIES);
}

static bool read_time(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok)
{
    switch (msr) {
    case MSR_RUN_TIME:
        *ok = hyperv_may(vm, RIGHT_RUN_TIME);
        *value = vc->retired + vc->hv_state[HYPERV_VC_RAN];
        return true;
    case MSR_REF_COUNT:
        *ok = hyperv_may(vm, RIGHT_REF_COUNT);
        *value = *ok ? reference_count(vm) : 0;
        return true;
    case MSR_REF_TSC:
        *ok = hyperv_may(vm, RIGHT_REF_TSC);
        *value = vm->hv_state[HYPERV_TSC_PAGE];
        return true;
    case MSR_TSC_FREQUENCY:
    case MSR_APIC_FREQUENCY:
        *ok = frequencies(vm);
        *value = msr == MSR_TSC_FREQUENCY ? TSC_HZ : APIC_HZ;
        return true;
    default:
        return false;
    }
}

static bool hyperv_rdmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok)
{
    if (vm->hv_state[HYPERV_OFFERED] == 0)
        return false;
    *ok = true;
    switch (msr) {
    case MSR_OS_ID:
        *value = vm->hv_state[HYPERV_OS_ID];
        return true;
    case MSR_PAGE:
        *value = vm->hv_state[HYPERV_PAGE];
        return true;
    case MSR_VP_INDEX:
        *value = vc->id;
        return true;
    case MSR_RESET:
        *ok = hyperv_may(vm, RIGHT_RESET);
        *value = 0;
        return true;
    default:
        return read_time(vm, vc, msr, value, ok) || hyperv_synic_read(vm, vc, msr, value, ok);
    }
}

/* Zeroing the identity disables the page, locked or not. */
static void write_identity(struct vm *vm, uint64_t value)
{
    vm->hv_state[HYPERV_OS_ID] = value;
    if (value != 0)
        return;
    vm->hv_state[HYPERV_PAGE] &= ~PAGE_ENABLE;
    show_page(vm);
}

/* A locked register is immutable until the partition is reset. Without an identity the enable bit
 * remains zero. */
static bool write_page(struct vm *vm, uint64_t value)
{
    if (vm->hv_state[HYPERV_PAGE] & PAGE_LOCKED)
        return true;
    if (beyond(vm, value))
        return false;
    if (vm->hv_state[HYPERV_OS_ID] == 0)
        value &= ~PAGE_ENABLE;
    vm->hv_state[HYPERV_PAGE] = value;
    show_page(vm);
    return true;
}

static bool reset_partition(struct vm *vm, uint64_t value)
{
    if (!hyperv_may(vm, RIGHT_RESET))
        return false;
    if (bits_test(value, 0))
        vm->hv_state[HV_VM_STOP] = TSP_STOP_RESET + 1;
    return true;
}

static bool hyperv_wrmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok)
{
    if (vm->hv_state[HYPERV_OFFERED] == 0)
        return false;
    *ok = true;
    switch (msr) {
    case MSR_OS_ID:
        write_identity(vm, value);
        return true;
    case MSR_PAGE:
        *ok = write_page(vm, value);
        return true;
    case MSR_RESET:
        *ok = reset_partition(vm, value);
        return true;
    case MSR_REF_TSC:
        *ok = hyperv_may(vm, RIGHT_REF_TSC);
        if (*ok)
            vm->hv_state[HYPERV_TSC_PAGE] = value;
        return true;
    case MSR_VP_INDEX:
    case MSR_RUN_TIME:
    case MSR_REF_COUNT:
    case MSR_TSC_FREQUENCY:
    case MSR_APIC_FREQUENCY:
        *ok = false; /* read-only */
        return true;
    default:
        return hyperv_synic_write(vm, vc, msr, value, ok);
    }
}

/* Guests call through the page; the other vendor's instruction stays what it is. */
static enum step hyperv_undefined(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return step_fault(vc, 6); /* #UD */
}

/* In the order in which they depend on each other. */
static const struct {
    uint32_t index;
    uint8_t slot;
} moving[] = {
    {MSR_OS_ID, HYPERV_OS_ID},
    {MSR_PAGE, HYPERV_PAGE},
    {MSR_REF_TSC, HYPERV_TSC_PAGE},
    {MSR_REF_COUNT, HYPERV_COUNTED},
};
#define MOVING (sizeof(moving) / sizeof(moving[0]))

static void save_msr(struct tsp_hv_state *out, uint32_t index, uint64_t value)
{
    if (out->nmsr < TSP_MAX_HV_MSR)
        out->msr[out->nmsr++] = (struct tsp_msr){index, value};
}

static void hyperv_save(const struct vm *vm, const struct vcpu *vc, struct tsp_hv_state *out)
{
    for (size_t i = 0; vc->id == 0 && i < MOVING; i++)
        save_msr(out, moving[i].index, vm->hv_state[moving[i].slot]);
    out->pending = (uint32_t)vc->hv_state[0];
    out->vector = (uint32_t)vc->hv_state[1];
    if (vm->hv_state[HYPERV_OFFERED] != 0)
        hyperv_synic_save(vc, out);
    save_msr(out, MSR_RUN_TIME, vc->retired + vc->hv_state[HYPERV_VC_RAN]);
}

static void load_msr(struct vm *vm, struct vcpu *vc, const struct tsp_msr *msr)
{
    if (msr->index == MSR_RUN_TIME)
        vc->hv_state[HYPERV_VC_RAN] = msr->value - vc->retired;
    for (size_t i = 0; vc->id == 0 && i < MOVING; i++)
        if (moving[i].index == msr->index)
            vm->hv_state[moving[i].slot] = msr->value;
}

/* The page is made anew: with the instruction of the processor that it moved to. */
static void hyperv_load(struct vm *vm, struct vcpu *vc, const struct tsp_hv_state *in)
{
    if (vm->hv_state[HYPERV_OFFERED] != 0)
        hyperv_synic_load(vc, in);
    for (uint32_t i = 0; i < in->nmsr && i < TSP_MAX_HV_MSR; i++)
        load_msr(vm, vc, &in->msr[i]);
    vc->hv_state[0] = in->pending & (HV_PENDING_NMI | HV_PENDING_INTR);
    vc->hv_state[1] = in->vector & 0xff;
    vc->patch.active = vc->hv_state[0] != 0;
    if (vc->id == 0)
        show_page(vm);
}

static size_t hyperv_leaves(uint32_t base, struct tsp_leaf *out, size_t max)
{
    return policy_block(TSP_PERSONA_HYPERV, base, out, max);
}

const struct hv_ops hv_hyperv_x86 = {
    .name = "hyperv",
    .persona = TSP_PERSONA_HYPERV,
    .arch = TSP_ARCH_X86,
    .reset = hyperv_reset,
    .trap = hyperv_trap,
    .undefined = hyperv_undefined,
    .rdmsr = hyperv_rdmsr,
    .wrmsr = hyperv_wrmsr,
    .save = hyperv_save,
    .load = hyperv_load,
    .leaves = hyperv_leaves,
};
