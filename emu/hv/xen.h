/* SPDX-License-Identifier: MIT */
/* What the files of the Xen personality share. Private to emu. */
#ifndef TSP_EMU_HV_XEN_H
#define TSP_EMU_HV_XEN_H

#include "emu/hv/hv.h"

/* vm->hv_state[]: high ones, for Hyper-V's personality may stand behind Xen. */
enum xen_vm_value {
    XEN_VM_BASE = 10, /* leaf of Xen's block, 0 when the policy has none */
    XEN_VM_VIRIDIAN,  /* 1 when the policy has Hyper-V's leaves too */
    XEN_VM_CALLBACK,  /* parameter 0: how events are told */
    XEN_VM_PORTS      /* bit per event channel in use; bit 0 is nobody's */
};

/* Errors are returned negated (xen/include/public/errno.h). */
#define XEN_EPERM 1
#define XEN_ENOENT 2
#define XEN_ESRCH 3
#define XEN_EFAULT 14
#define XEN_EINVAL 22
#define XEN_ENOSPC 28
#define XEN_ENOSYS 38

#define XEN_VERSION 0x00040015u /* 4.21, where the policy does not say */
#define XEN_DOMID 1u
#define XEN_DOMID_SELF 0x7ff0u

static inline enum step xen_answer(struct hv_call *call, uint64_t value)
{
    call->ret[0] = value;
    call->nret = 1;
    return STEP_NEXT;
}

static inline enum step xen_error(struct hv_call *call, unsigned code)
{
    return xen_answer(call, (uint64_t)0 - code);
}

/* Commands are 32 bits wide, whatever the register holds. */
static inline uint32_t xen_cmd(const struct hv_call *call)
{
    return (uint32_t)call->arg[0];
}

/* Buffers at linear addresses, as the guest's own privilege reaches them; false: EFAULT. */
bool xen_read(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf, unsigned len);
bool xen_write(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf, unsigned len);

/* xen_calls.c, xen_domain.c: one function a call. */
enum step xen_version_call(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_console(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_timer(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_assist(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_hvm_op(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_sched(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_memory(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_event(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_vcpu(struct vm *vm, struct vcpu *vc, struct hv_call *call);

/* xen_multi.c, and what it needs of xen.c: the call of that number. */
enum step xen_multicall(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step xen_call(struct vm *vm, struct vcpu *vc, struct hv_call *call);

/* xen_page.c */
bool xen_rdmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok);
bool xen_wrmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok);

#endif
