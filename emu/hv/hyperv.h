/* SPDX-License-Identifier: MIT */
/* What the files of the Hyper-V personality share. Private to emu. */
#ifndef TSP_EMU_HV_HYPERV_H
#define TSP_EMU_HV_HYPERV_H

#include "emu/hv/hv.h"

/* vm->hv_state[] */
enum hyperv_value {
    HYPERV_OFFERED = 0, /* the policy says "Hv#1" */
    HYPERV_OS_ID,       /* guest OS identity MSR */
    HYPERV_PAGE,        /* hypercall page MSR */
    HYPERV_TSC_PAGE,    /* reference TSC page MSR */
    HYPERV_RIGHTS,      /* EBX:EAX of leaf 0x40000003: the partition's privileges */
    HYPERV_FACILITIES,  /* its EDX */
    HYPERV_COUNTED      /* the reference counter as last read */
};

/* vcpu->hv_state[]; 0 and 1 are pending events, see hv.h */
#define HYPERV_VC_RAN 2    /* instructions that it ran elsewhere */
#define HYPERV_VC_SYNIC 16 /* from here on: hyperv_synic.c */

/* Bits of the privileges (TLFS, HV_PARTITION_PRIVILEGE_MASK). */
enum hyperv_right {
    RIGHT_RUN_TIME = 0,
    RIGHT_REF_COUNT = 1,
    RIGHT_SYNIC = 2,
    RIGHT_TIMERS = 3,
    RIGHT_RESET = 7,
    RIGHT_REF_TSC = 9,
    RIGHT_FREQUENCIES = 11,
    RIGHT_POST_MESSAGES = 36,
    RIGHT_SIGNAL_EVENTS = 37,
    RIGHT_VP_REGISTERS = 49,
    RIGHT_EXTENDED_CALLS = 52
};

/* Bits of the facilities. */
#define FACILITY_XMM_INPUT 4
#define FACILITY_FREQUENCIES 8
#define FACILITY_XMM_OUTPUT 15

static inline bool hyperv_may(const struct vm *vm, unsigned right)
{
    return (vm->hv_state[HYPERV_RIGHTS] >> right & 1) != 0;
}

static inline bool hyperv_has(const struct vm *vm, unsigned facility)
{
    return (vm->hv_state[HYPERV_FACILITIES] >> facility & 1) != 0;
}

/* hyperv_synic.c: registers; false: not one of these. *ok = false: #GP. */
void hyperv_synic_reset(struct vcpu *vc);
bool hyperv_synic_read(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok);
bool hyperv_synic_write(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok);
bool hyperv_synic_set(struct vcpu *vc, uint32_t msr, uint64_t value);
void hyperv_synic_load(struct vcpu *vc, const struct tsp_hv_state *in);
void hyperv_synic_save(const struct vcpu *vc, struct tsp_hv_state *out);

/* hyperv_call.c */
enum step hyperv_trap(struct vm *vm, struct vcpu *vc, const struct insn *in);

#endif
