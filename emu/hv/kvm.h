/* SPDX-License-Identifier: MIT */
/* What the files of the x86 KVM personality share. Private to emu. */
#ifndef TSP_EMU_HV_KVM_H
#define TSP_EMU_HV_KVM_H

#include "emu/hv/hv.h"

/* vm->hv_state[] */
enum kvm_vm_value {
    KVM_VM_BASE = 0,  /* leaf of the KVM block, 0 when the policy has none */
    KVM_VM_FEATURES,  /* EAX of its feature leaf as the policy says */
    KVM_VM_HYPERV,    /* 1 when the policy has a Hyper-V block */
    KVM_VM_HV_OS_ID,  /* Hyper-V guest OS id MSR: non-zero means calls are Hyper-V calls */
    KVM_VM_HV_SYNDBG, /* Hyper-V debugger options MSR */
    KVM_VM_HV_PAGE,   /* Hyper-V hypercall page MSR */
    KVM_VM_HV_INVTSC, /* Hyper-V TSC-invariant control MSR */
    KVM_VM_WALL_CLOCK /* address of the wall clock block */
};

/* vcpu->hv_state[] */
enum kvm_vcpu_value {
    KVM_VC_PENDING = 0, /* HV_PENDING_*, see hv.h */
    KVM_VC_VECTOR,      /* vector of HV_PENDING_INTR */
    KVM_VC_SYSTEM_TIME, /* paravirtual MSRs as last written */
    KVM_VC_ASYNC_PF,
    KVM_VC_STEAL_TIME,
    KVM_VC_PV_EOI,
    KVM_VC_POLL_CONTROL,
    KVM_VC_ASYNC_PF_INT,
    KVM_VC_CLOCK_AT /* address of the system-time block that was mapped last */
};

/* Feature bits of the feature leaf (torvalds/linux arch/x86/include/uapi/asm/kvm_para.h). */
enum kvm_feature {
    KVM_CLOCKSOURCE = 0,
    KVM_CLOCKSOURCE2 = 3,
    KVM_ASYNC_PF = 4,
    KVM_STEAL_TIME = 5,
    KVM_PV_EOI = 6,
    KVM_PV_UNHALT = 7,
    KVM_ASYNC_PF_VMEXIT = 10,
    KVM_PV_SEND_IPI = 11,
    KVM_POLL_CONTROL = 12,
    KVM_PV_SCHED_YIELD = 13,
    KVM_ASYNC_PF_INT = 14
};

/* Errors are returned negated (include/uapi/linux/kvm_para.h). */
#define KVM_EPERM 1
#define KVM_EFAULT 14
#define KVM_EINVAL 22
#define KVM_EOPNOTSUPP 95
#define KVM_ENOSYS 1000

static inline uint64_t kvm_error(unsigned code)
{
    return (uint64_t)0 - code;
}

/* kvm.c: true unless enforcement is on and the guest was not offered the feature. */
bool kvm_has(const struct vm *vm, enum kvm_feature feature);
/* Guest-physical writes of the host's kind: page by page, read-only pages refused; false: nothing
 * more was written. */
bool kvm_write(struct vm *vm, uint64_t gpa, const void *buf, size_t len);

/* kvm_ipi.c */
enum step kvm_send_ipi(struct vm *vm, struct vcpu *vc, struct hv_call *call);
enum step kvm_kick(struct vm *vm, struct vcpu *vc, struct hv_call *call);

/* kvm_time.c */
enum step kvm_clock_pairing(struct vm *vm, struct vcpu *vc, struct hv_call *call);
void kvm_write_wall_clock(struct vm *vm, uint64_t gpa);
bool kvm_place_system_time(const struct vm *vm, struct vcpu *vc, uint64_t msr);
void kvm_write_system_time(struct vm *vm, const struct vcpu *vc);
void kvm_write_steal_time(struct vm *vm, uint64_t msr);

/* kvm_msr.c */
void kvm_msr_reset(struct vm *vm, struct vcpu *vc);
void kvm_msr_blocks(struct vm *vm, struct vcpu *vc);
void kvm_msr_init(struct vcpu *vc);
bool kvm_rdmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok);
bool kvm_wrmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok);

/* kvm_msr.c: what KVM_GET_MSRS and KVM_GET_VCPU_EVENTS give, and their way back. */
void kvm_save(const struct vm *vm, const struct vcpu *vc, struct tsp_hv_state *out);
void kvm_load(struct vm *vm, struct vcpu *vc, const struct tsp_hv_state *in);

/* kvm_hyperv.c: Hyper-V calls, in force once the guest has set its OS id. */
bool kvm_hyperv_active(const struct vm *vm);
enum step kvm_hyperv_call(struct vm *vm, struct vcpu *vc, const struct insn *in);

#endif
