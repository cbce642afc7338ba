/* SPDX-License-Identifier: MIT */
/*
 * Xen on AArch64: HVC #0xea1 is its own call (Xen public/arch-arm.h), HVC and SMC #0 the calling
 * convention of Arm DEN0028 (xen/arch/arm/vsmc.c), every other immediate is undefined.
 */
#include "emu/hv/smccc.h"
#include "emu/hv/xen.h"

#define XEN_IMMEDIATE 0xea1u
#define CALL_VERSION 17u
#define CALL_ASSIST 21u
#define CALL_SCHED 29u
#define XENVER_VERSION 0u
#define XENVER_PAGESIZE 7u
#define XENVER_BUILD_ID 10u
#define ASSIST_RUNSTATE 5u
#define X86_PAGE 4096u

#define SMCCC_VERSION 0x80000000u
#define ARCH_FEATURES 0x80000001u
#define SERVICE_COUNT 0x8500ff00u
#define SERVICE_UID 0x8500ff01u
#define SERVICE_REVISION 0x8500ff03u
#define VERSION_1_2 0x10002u

/* Buffers are the guest's: without a walk of its tables here, those commands fault. */
static enum step version_call(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t cmd = xen_cmd(call);

    (void)vm;
    (void)vc;
    if (cmd == XENVER_VERSION)
        return xen_answer(call, XEN_VERSION);
    if (cmd == XENVER_PAGESIZE)
        return call->arg[1] != 0 ? xen_error(call, XEN_EINVAL) : xen_answer(call, X86_PAGE);
    if (cmd == XENVER_BUILD_ID)
        return xen_error(call, XEN_EPERM);
    return xen_error(call, cmd < XENVER_BUILD_ID ? XEN_EFAULT : XEN_ENOSYS);
}

/* Yield, block and pin; the others have buffers. */
static enum step sched_call(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t cmd = xen_cmd(call);

    (void)vm;
    (void)vc;
    if (cmd < 2)
        return xen_answer(call, 0);
    if (cmd == 7)
        return xen_error(call, XEN_EPERM);
    return xen_error(call, cmd < 7 ? XEN_EFAULT : XEN_ENOSYS);
}

static enum step assist_call(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    if ((uint32_t)call->arg[1] != ASSIST_RUNSTATE)
        return xen_error(call, XEN_EINVAL);
    return xen_cmd(call) > 1 ? xen_error(call, XEN_ENOSYS) : xen_answer(call, 0);
}

static const struct hv_call_row xen_rows[] = {
    {CALL_VERSION, "xen_version", 2, 1, version_call},
    {CALL_ASSIST, "vm_assist", 2, 1, assist_call},
    {CALL_SCHED, "sched_op", 2, 1, sched_call},
    {0, NULL, 0, 0, NULL},
};

/* Number in X16, or R12 in AArch32; arguments in X0 to X4; arg[0] is X0 here. */
static enum step trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool wide = !tsp_mode_is_aarch32(vc->s.regs.mode);
    uint64_t mask = wide ? UINT64_MAX : UINT32_MAX;
    struct hv_call call = {
        .nr = vc->s.regs.r[wide ? 16 : 12] & mask, .wide = wide, .imm = (uint16_t)in->imm};
    const struct hv_call_row *row = smccc_row(xen_rows, call.nr);

    if (in->op != OP_HVC || call.imm != XEN_IMMEDIATE)
        return STEP_FAULT;
    for (unsigned i = 0; i < 5; i++)
        call.arg[i] = vc->s.regs.r[i] & mask;
    if (row != NULL)
        row->run(vm, vc, &call);
    else
        xen_error(&call, XEN_ENOSYS);
    vc->s.regs.r[0] = call.ret[0] & mask;
    vc->s.regs.pc += in->len;
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}

static enum step smccc_version(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return smccc_return(call, VERSION_1_2);
}

static enum step arch_features(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t id = smccc_w(call, 0);

    (void)vm;
    (void)vc;
    return smccc_return(call, id == SMCCC_VERSION || id == ARCH_FEATURES ? SMCCC_SUCCESS
                                                                         : SMCCC_NOT_SUPPORTED);
}

/* UID a71812dc-c698-4369-9acf-79d18ddee667 (Xen public/arch-arm/smccc.h). */
static enum step service_uid(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return smccc_return4(call, 0xdc1218a7, 0x694398c6, 0xd179cf9a, 0x67e6de8d);
}

/* The three of this range: count, UID, revision. */
static enum step service_count(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return smccc_return(call, 3);
}

/* 0.1: major in W0, minor in W1. */
static enum step service_revision(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    smccc_return(call, 0);
    call->ret[1] = 1;
    call->nret = 2;
    return STEP_NEXT;
}

static const struct hv_call_row calls[] = {
    {SMCCC_VERSION, "SMCCC_VERSION", 0, 1, smccc_version},
    {ARCH_FEATURES, "SMCCC_ARCH_FEATURES", 1, 1, arch_features},
    {SERVICE_COUNT, "HYP_SERVICE_COUNT", 0, 1, service_count},
    {SERVICE_UID, "HYP_SERVICE_UID", 0, 1, service_uid},
    {SERVICE_REVISION, "HYP_SERVICE_REVISION", 0, 1, service_revision},
    {0, NULL, 0, 0, NULL},
};

const struct hv_ops hv_xen_arm64 = {
    .name = "xen",
    .persona = TSP_PERSONA_XEN,
    .arch = TSP_ARCH_ARM64,
    .trap = trap,
    .calls = calls,
};
