/* SPDX-License-Identifier: MIT */
/*
 * KVM's services on AArch64, PSCI apart: SMCCC discovery and firmware workarounds (Arm DEN0028),
 * stolen time (DEN0057), random numbers (DEN0098) and KVM's own range (Linux
 * Documentation/virt/kvm/arm/hypercalls.rst). User space narrows them with bitmaps
 * (fw-pseudo-registers.rst).
 */
#include "emu/hv/smccc.h"
#include "emu/state/mmu.h"

#define SMCCC_VERSION 0x80000000u
#define ARCH_FEATURES 0x80000001u
#define WORKAROUND_1 0x80008000u
#define WORKAROUND_2 0x80007fffu
#define WORKAROUND_3 0x80003fffu
#define PV_TIME_FEATURES 0xc5000020u
#define PV_TIME_ST 0xc5000021u
#define KVM_FEATURES 0x86000000u
#define KVM_PTP 0x86000001u
#define VENDOR_UID 0x8600ff01u
#define TRNG_VERSION 0x84000050u
#define TRNG_FEATURES 0x84000051u
#define TRNG_UUID 0x84000052u
#define TRNG_RND32 0x84000053u
#define TRNG_RND64 0xc4000053u

#define VERSION_1_1 0x10001u
#define TRNG_VERSION_1_0 0x10000u
#define TRNG_INVALID_PARAMETERS (~UINT64_C(1))

/* tsp_setup.fw_bitmap: word and bit of each service (fw-pseudo-registers.rst). */
enum fw_word { FW_STD = 0, FW_STD_HYP, FW_VENDOR_HYP };
#define FW_STD_TRNG 0u
#define FW_STD_HYP_PV_TIME 0u
#define FW_VENDOR_FEATURES 0u
#define FW_VENDOR_PTP 1u

/* vm->hv_state[]: how many words of the random sequence were handed out. */
#define RANDOM_DRAWN 0

#define STOLEN_TIME_BYTES 64u /* the structure with its padding (pvtime.rst) */
#define MPIDR_RES1 (UINT64_C(1) << 31)

/* One timer tick at 62.5 MHz, and the day the wall clock starts: 2020-01-01T00:00:00Z. */
#define NS_PER_TICK 16u
#define EPOCH_NS UINT64_C(1577836800000000000)

static bool offered(const struct vm *vm, enum fw_word word, unsigned bit)
{
    return vm_behaves(vm, BEHAVIOUR_ARM_MUT_BITMAP) || bits_test(vm->setup->fw_bitmap[word], bit);
}

static enum step refuse(struct hv_call *call)
{
    return smccc_return(call, SMCCC_NOT_SUPPORTED);
}

static enum step version(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return smccc_return(call, VERSION_1_1);
}

/*
 * What ARCH_FEATURES says of a firmware workaround, by the level user space set
 * (fw-pseudo-registers.rst): 0 not available; workarounds 1 and 3: 1 available, 2 not required;
 * workaround 2: 1 unknown, 2 available, 3 not required.
 */
static uint64_t workaround_feature(const struct vm *vm, unsigned n)
{
    static const uint64_t call_or_not[4] = {SMCCC_NOT_SUPPORTED, 0, 1, SMCCC_NOT_SUPPORTED};
    static const uint64_t dynamic[4] = {SMCCC_NOT_SUPPORTED, SMCCC_NOT_SUPPORTED, 0,
                                        SMCCC_NOT_REQUIRED};
    unsigned level = vm->setup->workaround[n] & 3;

    return n == 1 ? dynamic[level] : call_or_not[level];
}

static enum step arch_features(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    switch (smccc_w(call, 0)) {
    case SMCCC_VERSION:
    case ARCH_FEATURES:
        return smccc_return(call, vm_behaves(vm, BEHAVIOUR_ARM_ARCH_FEATURES_SELF)
                                      ? SMCCC_NOT_SUPPORTED
                                      : SMCCC_SUCCESS);
    case WORKAROUND_1:
        return smccc_return(call, workaround_feature(vm, 0));
    case WORKAROUND_2:
        return smccc_return(call, workaround_feature(vm, 1));
    case WORKAROUND_3:
        return smccc_return(call, workaround_feature(vm, 2));
    case PV_TIME_FEATURES:
        return offered(vm, FW_STD_HYP, FW_STD_HYP_PV_TIME) ? smccc_return(call, SMCCC_SUCCESS)
                                                           : refuse(call);
    default:
        return refuse(call);
    }
}

/* Workarounds return nothing (DEN0028 section 7). Shipped KVM answers them on its fastest path,
 * before it looks at the immediate or at what it announced, and spoils X0 and X1; that path serves
 * HVC only. */
static enum step workaround(struct vm *vm, struct hv_call *call, unsigned n)
{
    if (vm_behaves(vm, BEHAVIOUR_ARM_WORKAROUND_FAST)) {
        if (call->smc)
            return refuse(call);
        smccc_return(call, 0);
        call->nret = 2 | SMCCC_EXACT;
        return STEP_NEXT;
    }
    if (bits_test(workaround_feature(vm, n), 63))
        return refuse(call);
    call->nret = SMCCC_EXACT;
    return STEP_NEXT;
}

static enum step workaround_1(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    return workaround(vm, call, 0);
}

static enum step workaround_2(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    return workaround(vm, call, 1);
}

static enum step workaround_3(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    return workaround(vm, call, 2);
}

static bool has_stolen_time(const struct vm *vm)
{
    return (vm->setup->config & TSP_CFG_PVTIME) != 0;
}

static enum step pv_time_features(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t id = smccc_w(call, 0);
    bool based = has_stolen_time(vm);

    (void)vc;
    if (!offered(vm, FW_STD_HYP, FW_STD_HYP_PV_TIME))
        return refuse(call);
    if (id == PV_TIME_FEATURES && !vm_behaves(vm, BEHAVIOUR_ARM_PVTIME_SELF))
        based = true;
    if (!based || (id != PV_TIME_FEATURES && id != PV_TIME_ST))
        return refuse(call);
    return smccc_return(call, SMCCC_SUCCESS);
}

/* The set-up gives one address, for every vCPU. Asking for it starts the structure at zero. */
static enum step pv_time_st(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    static const uint8_t start[STOLEN_TIME_BYTES];

    (void)vc;
    if (!offered(vm, FW_STD_HYP, FW_STD_HYP_PV_TIME) || !has_stolen_time(vm))
        return refuse(call);
    vm_store_phys(vm, vm->setup->pvtime_ipa, start, sizeof(start));
    return smccc_return(call, vm->setup->pvtime_ipa);
}

/* UID 28b46fb6-2ec5-11e9-a9ca-4b564d003a74, as four words (include/linux/arm-smccc.h). */
static enum step vendor_uid(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    if (!offered(vm, FW_VENDOR_HYP, FW_VENDOR_FEATURES))
        return refuse(call);
    return smccc_return4(call, 0xb66fb428, 0xe911c52e, 0x564bcaa9, 0x743a004d);
}

static enum step vendor_features(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    if (!offered(vm, FW_VENDOR_HYP, FW_VENDOR_FEATURES))
        return refuse(call);
    return smccc_return4(call, vm->setup->fw_bitmap[FW_VENDOR_HYP], 0, 0, 0);
}

/* Wall clock and counter, high word first (ptp_kvm.rst). Time is a count of instructions. */
static enum step vendor_ptp(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint64_t wall = EPOCH_NS + vm->tsc * NS_PER_TICK;

    (void)vc;
    if (!offered(vm, FW_VENDOR_HYP, FW_VENDOR_PTP) || smccc_w(call, 0) > 1)
        return refuse(call);
    return smccc_return4(call, wall >> 32, (uint32_t)wall, vm->tsc >> 32, (uint32_t)vm->tsc);
}

static enum step trng_version(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    if (!offered(vm, FW_STD, FW_STD_TRNG))
        return refuse(call);
    return smccc_return4(call, TRNG_VERSION_1_0, 0, 0, 0);
}

static enum step trng_features(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    bool wide = vm_behaves(vm, BEHAVIOUR_ARM_TRNG_FEATURES_WIDE);
    uint64_t id = wide ? call->arg[0] : smccc_w(call, 0);

    (void)vc;
    if (!offered(vm, FW_STD, FW_STD_TRNG))
        return refuse(call);
    if ((id >= TRNG_VERSION && id <= TRNG_RND32) || id == TRNG_RND64)
        return smccc_return(call, SMCCC_SUCCESS);
    return refuse(call);
}

/* UUID 0d21e000-4384-11eb-8070-5244554e5a4c (arch/arm64/kvm/trng.c). */
static enum step trng_uuid(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    if (!offered(vm, FW_STD, FW_STD_TRNG))
        return refuse(call);
    return smccc_return4(call, 0x00e0210d, 0xeb118443, 0x44527080, 0x4c5a4e55);
}

/* SplitMix64 over a counter: the same numbers in every run. */
static uint64_t draw(struct vm *vm)
{
    uint64_t z = ++vm->hv_state[RANDOM_DRAWN] * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 1 to 3 words of `width` bits; the last word of the results is the least significant (DEN0098). */
static enum step trng_rnd(struct vm *vm, struct hv_call *call, unsigned width)
{
    uint32_t bits = smccc_w(call, 0);

    if (!offered(vm, FW_STD, FW_STD_TRNG))
        return refuse(call);
    if (bits > 3 * width || (bits == 0 && !vm_behaves(vm, BEHAVIOUR_ARM_TRNG_ZERO)))
        return smccc_return4(call, TRNG_INVALID_PARAMETERS, 0, 0, 0);
    smccc_return4(call, SMCCC_SUCCESS, 0, 0, 0);
    for (unsigned i = 3; i >= 1 && bits > 0; i--) {
        unsigned n = bits < width ? bits : width;

        call->ret[i] = draw(vm) & bits_mask(n);
        bits -= n;
    }
    return STEP_NEXT;
}

static enum step trng_rnd32(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    return trng_rnd(vm, call, 32);
}

static enum step trng_rnd64(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    return trng_rnd(vm, call, 64);
}

static const struct hv_call_row calls[] = {
    {SMCCC_VERSION, "SMCCC_VERSION", 0, 1, version},
    {ARCH_FEATURES, "SMCCC_ARCH_FEATURES", 1, 1, arch_features},
    {WORKAROUND_1, "SMCCC_ARCH_WORKAROUND_1", 0, 1, workaround_1},
    {WORKAROUND_2, "SMCCC_ARCH_WORKAROUND_2", 1, 1, workaround_2},
    {WORKAROUND_3, "SMCCC_ARCH_WORKAROUND_3", 0, 1, workaround_3},
    {PV_TIME_FEATURES, "PV_TIME_FEATURES", 1, 1, pv_time_features},
    {PV_TIME_ST, "PV_TIME_ST", 0, 1, pv_time_st},
    {VENDOR_UID, "VENDOR_HYP_CALL_UID", 0, 1, vendor_uid},
    {KVM_FEATURES, "KVM_FEATURES", 0, 1, vendor_features},
    {KVM_PTP, "KVM_PTP", 1, 1, vendor_ptp},
    {TRNG_VERSION, "TRNG_VERSION", 0, 1, trng_version},
    {TRNG_FEATURES, "TRNG_FEATURES", 1, 1, trng_features},
    {TRNG_UUID, "TRNG_GET_UUID", 0, 1, trng_uuid},
    {TRNG_RND32, "TRNG_RND32", 1, 1, trng_rnd32},
    {TRNG_RND64, "TRNG_RND64", 1, 1, trng_rnd64},
    {0, NULL, 0, 0, NULL},
};

/* A set-up that names no affinities gets KVM's: the vCPU's number. */
static void reset(struct vm *vm)
{
    for (unsigned i = 0; i < vm->nvcpu; i++)
        if (vm->vcpu[i].s.arm64.mpidr == 0)
            vm->vcpu[i].s.arm64.mpidr = MPIDR_RES1 | i;
}

static void save(const struct vm *vm, const struct vcpu *vc, struct tsp_hv_state *out)
{
    if (vc->id == 0)
        out->keep[HV_KEEP_VERSION] = vm->hv_state[RANDOM_DRAWN];
}

static void load(struct vm *vm, struct vcpu *vc, const struct tsp_hv_state *in)
{
    if (vc->id == 0)
        vm->hv_state[RANDOM_DRAWN] = in->keep[HV_KEEP_VERSION];
}

const struct hv_ops hv_kvm_arm64 = {
    .name = "kvm",
    .persona = TSP_PERSONA_KVM,
    .arch = TSP_ARCH_ARM64,
    .reset = reset,
    .calls = calls,
    .save = save,
    .load = load,
};
