/* SPDX-License-Identifier: MIT */
/*
 * PSCI 0.1 to 1.3 (Arm DEN0022). Calls that end with the vCPU stopped leave its registers as it
 * would find them if it were resumed.
 */
#include "emu/arm64/psci.h"

#include "emu/arm64/arm32.h"

#define PSCI_INVALID_PARAMETERS ((uint64_t)-2)
#define PSCI_DENIED ((uint64_t)-3)
#define PSCI_ALREADY_ON ((uint64_t)-4)
#define PSCI_INTERNAL_FAILURE ((uint64_t)-6)
#define PSCI_INVALID_ADDRESS ((uint64_t)-9)

#define AFFINITY_ON 0u
#define AFFINITY_OFF 1u
#define NO_TRUSTED_OS 2u

#define SMCCC_VERSION_ID 0x80000000u
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff) /* Aff3 39:32, Aff2 to Aff0 23:0 */
#define RESET2_WARM 0u
#define RESET2_VENDOR 0x80000000u
/* Hibernation was type 0 in the draft of SYSTEM_OFF2 and is bit 0 of a mask now; both are taken. */
#define OFF2_HIBERNATE 1u
/* Reserved bits and the power-down bit of power_state, original format (DEN0022 section 5.4.2). */
#define POWER_STATE_RESERVED 0xfcfe0000u
#define POWER_STATE_DOWN (1u << 16)

#define SCTLR_AT_RESET 0x00c50078u /* MMU and caches off, stack alignment checked */

enum psci_version {
    PSCI_0_1 = 0x01,
    PSCI_0_2 = 0x02,
    PSCI_1_0 = 0x10,
    PSCI_1_1 = 0x11,
    PSCI_1_2 = 0x12,
    PSCI_1_3 = 0x13
};

static enum psci_version version_of(const struct vm *vm)
{
    uint8_t v = vm->setup->psci;

    if (v <= PSCI_0_1)
        return PSCI_0_1;
    if (v >= PSCI_1_3)
        return PSCI_1_3;
    return v < PSCI_1_0 ? PSCI_0_2 : (enum psci_version)v;
}

/* Argument i of a function that has a 32-bit and a 64-bit form. */
static uint64_t sized(const struct hv_call *call, unsigned i)
{
    return (call->nr & SMCCC_64) != 0 ? call->arg[i] : smccc_w(call, i);
}

/* Shipped code cuts X1 to X3 in the caller's registers; seen when the call writes no results there.
 */
static void narrow_in_place(struct vm *vm, struct vcpu *vc, const struct hv_call *call)
{
    if ((call->nr & SMCCC_64) != 0 || !vm_behaves(vm, BEHAVIOUR_ARM_NARROW_IN_PLACE))
        return;
    for (unsigned i = 1; i <= 3; i++)
        vc->s.regs.r[i] = (uint32_t)vc->s.regs.r[i];
}

static uint64_t affinity(const struct vcpu *vc)
{
    return vc->s.arm64.mpidr & MPIDR_AFFINITY;
}

static struct vcpu *find_vcpu(struct vm *vm, uint64_t target)
{
    for (unsigned i = 0; i < vm->nvcpu; i++)
        if (affinity(&vm->vcpu[i]) == target)
            return &vm->vcpu[i];
    return NULL;
}

static bool is_off(const struct vcpu *vc)
{
    return vc->s.run_state == TSP_RUN_OFF;
}

/* Bit 0 of an entry point in AArch32 asks for T32 and is no part of the address (DEN0022, "T32
 * support"). */
static bool is_thumb(const struct vcpu *vc, uint64_t entry)
{
    return tsp_mode_is_aarch32(vc->s.regs.mode) && (entry & 1) != 0;
}

/* 0, or the error for an entry point where no code can be. PSCI 0.2 had no code of its own for it.
 */
static uint64_t entry_error(const struct vm *vm, const struct vcpu *vc, uint64_t entry)
{
    if (vm_behaves(vm, BEHAVIOUR_ARM_ENTRY_UNCHECKED) || version_of(vm) < PSCI_1_0)
        return 0;
    if (is_thumb(vc, entry))
        return mem_has(&vm->mem, entry & ~UINT64_C(1), 2) ? 0 : PSCI_INVALID_ADDRESS;
    return (entry & 3) == 0 && mem_has(&vm->mem, entry, 4) ? 0 : PSCI_INVALID_ADDRESS;
}

/* The same in AArch32: Supervisor mode. */
static void start_aarch32(struct vcpu *vc, uint64_t entry, uint64_t context)
{
    vc->s.regs = (struct tsp_regs){.pc = (uint32_t)entry, .mode = TSP_MODE_A32, .level = 1};
    vc->s.regs.flags = PSR_A | PSR_I | PSR_F | M_SVC | (entry & 1 ? PSR_T : 0);
    vc->s.regs.r[0] = (uint32_t)context;
    vc->s.arm64.sctlr_el1 = SCTLR32_RESET;
    arm32_adopt(vc);
}

/* A core that CPU_ON starts: EL1 with its own stack pointer, interrupts masked, MMU off (DEN0022
 * section 6.4). */
static void start(struct vcpu *vc, uint64_t entry, uint64_t context)
{
    uint64_t mpidr = vc->s.arm64.mpidr, midr = vc->s.arm64.midr;

    vc->s.arm64 =
        (struct tsp_arm64_state){.sctlr_el1 = SCTLR_AT_RESET, .mpidr = mpidr, .midr = midr};
    if (tsp_mode_is_aarch32(vc->s.regs.mode)) {
        start_aarch32(vc, entry, context);
    } else {
        vc->s.regs = (struct tsp_regs){
            .pc = entry, .flags = A64_DAIF | A64_EL1H, .mode = TSP_MODE_A64, .level = 1};
        vc->s.regs.r[0] = context;
    }
    vc->s.run_state = TSP_RUN_READY;
    vc->hv_state[MONITOR_SIZE] = 0;
}

static uint64_t turn_on(struct vm *vm, uint64_t target, uint64_t entry, uint64_t context)
{
    struct vcpu *vc = (target & ~MPIDR_AFFINITY) != 0 ? NULL : find_vcpu(vm, target);
    uint64_t error;

    if (!vc)
        return PSCI_INVALID_PARAMETERS;
    if (!is_off(vc))
        return version_of(vm) == PSCI_0_1 ? PSCI_INVALID_PARAMETERS : PSCI_ALREADY_ON;
    error = entry_error(vm, vc, entry);
    if (error == 0)
        start(vc, entry, context);
    return error;
}

static enum step cpu_on(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    /* The 0.1 ids follow no convention: arguments are as wide as registers. */
    if (version_of(vm) == PSCI_0_1)
        return smccc_return(call, turn_on(vm, call->arg[0], call->arg[1], call->arg[2]));
    return smccc_return(call, turn_on(vm, sized(call, 0), sized(call, 1), sized(call, 2)));
}

static enum step cpu_off(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    smccc_return(call, SMCCC_SUCCESS);
    return step_stop(vm, vc, TSP_STOP_OFF);
}

/* There is no interrupt that would end the wait. */
static enum step cpu_suspend(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t state = smccc_w(call, 0);
    uint64_t error = 0;

    if (!vm_behaves(vm, BEHAVIOUR_ARM_SUSPEND_ANY)) {
        if ((state & POWER_STATE_RESERVED) != 0)
            error = PSCI_INVALID_PARAMETERS;
        else if ((state & POWER_STATE_DOWN) != 0)
            error = entry_error(vm, vc, sized(call, 1));
    }
    smccc_return(call, error);
    return error != 0 ? STEP_NEXT : step_stop(vm, vc, TSP_STOP_SUSPEND);
}

static uint64_t affinity_state(struct vm *vm, uint64_t target, uint64_t level)
{
    uint64_t mask = MPIDR_AFFINITY;
    unsigned found = 0;

    if ((target & ~MPIDR_AFFINITY) != 0 || level > 3)
        return PSCI_INVALID_PARAMETERS;
    mask &= ~bits_mask(8 * (unsigned)level);
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        if (((affinity(&vm->vcpu[i]) ^ target) & mask) != 0)
            continue;
        if (!is_off(&vm->vcpu[i]))
            return AFFINITY_ON;
        found++;
    }
    return found != 0 ? AFFINITY_OFF : PSCI_INVALID_PARAMETERS;
}

static enum step affinity_info(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    bool wide = vm_behaves(vm, BEHAVIOUR_ARM_AFFINITY_LEVEL_WIDE);
    uint64_t level = wide ? sized(call, 1) : smccc_w(call, 1);

    (void)vc;
    return smccc_return(call, affinity_state(vm, sized(call, 0), level));
}

static enum step migrate_info_type(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return smccc_return(call, NO_TRUSTED_OS);
}

/* The whole machine stops; who resumes the caller all the same lets it see a failure. */
static enum step stop_machine(struct vm *vm, struct vcpu *vc, struct hv_call *call,
                              enum tsp_stop why)
{
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        vm->vcpu[i].s.run_state = TSP_RUN_STOPPED;
        vm->vcpu[i].stop_code = (uint32_t)why;
    }
    smccc_return(call, PSCI_INTERNAL_FAILURE);
    return step_stop(vm, vc, why);
}

static enum step system_off(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    return stop_machine(vm, vc, call, TSP_STOP_SHUTDOWN);
}

static enum step system_reset(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    return stop_machine(vm, vc, call, TSP_STOP_RESET);
}

/* Type 0 is the architectural warm reset, bit 31 marks vendors' types (DEN0022 section 5.12). */
static enum step system_reset2(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t type = smccc_w(call, 0);
    enum step step;

    narrow_in_place(vm, vc, call);
    if (type != RESET2_WARM && type < RESET2_VENDOR)
        return smccc_return(call, PSCI_INVALID_PARAMETERS);
    step = stop_machine(vm, vc, call, TSP_STOP_RESET);
    call->nret = 1 | SMCCC_EXACT;
    return step;
}

static enum step system_off2(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    bool wide = vm_behaves(vm, BEHAVIOUR_ARM_AFFINITY_LEVEL_WIDE);
    uint64_t type = wide ? sized(call, 0) : smccc_w(call, 0);
    enum step step;

    narrow_in_place(vm, vc, call);
    if (type > OFF2_HIBERNATE || sized(call, 1) != 0)
        return smccc_return(call, PSCI_INVALID_PARAMETERS);
    step = stop_machine(vm, vc, call, TSP_STOP_SHUTDOWN);
    call->nret = 1 | SMCCC_EXACT;
    return step;
}

static bool others_on(const struct vm *vm, const struct vcpu *vc)
{
    for (unsigned i = 0; i < vm->nvcpu; i++)
        if (i != vc->id && !is_off(&vm->vcpu[i]))
            return true;
    return false;
}

/* User space carries the suspend out and reads the arguments from the registers, which stay. */
static enum step system_suspend(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint64_t error = 0;

    narrow_in_place(vm, vc, call);
    if ((vm->setup->config & TSP_CFG_SYS_SUSPEND) == 0)
        return smccc_return(call, SMCCC_NOT_SUPPORTED);
    if (!vm_behaves(vm, BEHAVIOUR_ARM_SUSPEND_OTHERS_ON) && others_on(vm, vc))
        error = PSCI_DENIED;
    if (error == 0)
        error = entry_error(vm, vc, sized(call, 0));
    if (error != 0)
        return smccc_return(call, error);
    call->nret = SMCCC_EXACT;
    vm->ev->info[0] = 1;
    return step_stop(vm, vc, TSP_STOP_SUSPEND);
}

static enum step psci_version(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    unsigned v = version_of(vm);

    (void)vc;
    return smccc_return(call, (v >> 4) << 16 | (v & 15));
}

/* Functions of PSCI 1.0 are known by their own rows; SYSTEM_SUSPEND counts only while user space
 * takes it. */
static enum step psci_features(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t id = smccc_w(call, 0);
    const struct hv_call_row *row = psci_row(vm, id);
    bool known = id == SMCCC_VERSION_ID || row != NULL;

    (void)vc;
    if (row && row->run == system_suspend)
        known = (vm->setup->config & TSP_CFG_SYS_SUSPEND) != 0;
    /* What a caller cannot use is not announced to it. */
    if (!call->wide && (id & SMCCC_64) != 0)
        known = false;
    else if (row && row->run == system_off2)
        return smccc_return(call, OFF2_HIBERNATE);
    return smccc_return(call, known ? SMCCC_SUCCESS : SMCCC_NOT_SUPPORTED);
}

/* Functions by the version that brought them; "_64" forms take and return 64-bit values. */
static const struct hv_call_row rows_0_2[] = {
    {0x84000000, "PSCI_VERSION", 0, 1, psci_version},
    {0x84000001, "CPU_SUSPEND", 3, 1, cpu_suspend},
    {0xc4000001, "CPU_SUSPEND_64", 3, 1, cpu_suspend},
    {0x84000002, "CPU_OFF", 0, 1, cpu_off},
    {0x84000003, "CPU_ON", 3, 1, cpu_on},
    {0xc4000003, "CPU_ON_64", 3, 1, cpu_on},
    {0x84000004, "AFFINITY_INFO", 2, 1, affinity_info},
    {0xc4000004, "AFFINITY_INFO_64", 2, 1, affinity_info},
    {0x84000006, "MIGRATE_INFO_TYPE", 0, 1, migrate_info_type},
    {0x84000008, "SYSTEM_OFF", 0, 1, system_off},
    {0x84000009, "SYSTEM_RESET", 0, 1, system_reset},
    {0, NULL, 0, 0, NULL},
};

static const struct hv_call_row rows_1_0[] = {
    {0x8400000a, "PSCI_FEATURES", 1, 1, psci_features},
    {0x8400000e, "SYSTEM_SUSPEND", 2, 1, system_suspend},
    {0xc400000e, "SYSTEM_SUSPEND_64", 2, 1, system_suspend},
    {0, NULL, 0, 0, NULL},
};

static const struct hv_call_row rows_1_1[] = {
    {0x84000012, "SYSTEM_RESET2", 2, 1, system_reset2},
    {0xc4000012, "SYSTEM_RESET2_64", 2, 1, system_reset2},
    {0, NULL, 0, 0, NULL},
};

static const struct hv_call_row rows_1_3[] = {
    {0x84000015, "SYSTEM_OFF2", 2, 1, system_off2},
    {0xc4000015, "SYSTEM_OFF2_64", 2, 1, system_off2},
    {0, NULL, 0, 0, NULL},
};

/* Before PSCI 0.2 ids came from the device tree; KVM's are these
 * (arch/arm64/include/uapi/asm/kvm.h). */
static const struct hv_call_row rows_0_1[] = {
    {0x95c1ba5f, "CPU_OFF_0_1", 1, 1, cpu_off},
    {0x95c1ba60, "CPU_ON_0_1", 3, 1, cpu_on},
    {0, NULL, 0, 0, NULL},
};

const struct hv_call_row *psci_row(const struct vm *vm, uint64_t nr)
{
    const struct hv_ops *hv = vm->hv[0] ? vm->hv[0] : vm->hv[1];
    enum psci_version v = version_of(vm);
    const struct hv_call_row *row;

    /* The ids of 0.1 are each hypervisor's own; these are KVM's. */
    if (v == PSCI_0_1)
        return smccc_row(hv && hv->persona == TSP_PERSONA_KVM ? rows_0_1 : NULL, nr);
    row = smccc_row(rows_0_2, nr);
    if (!row && v >= PSCI_1_0)
        row = smccc_row(rows_1_0, nr);
    if (!row && v >= PSCI_1_1)
        row = smccc_row(rows_1_1, nr);
    if (!row && v >= PSCI_1_3)
        row = smccc_row(rows_1_3, nr);
    return row;
}
