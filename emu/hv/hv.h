/* SPDX-License-Identifier: MIT */
/*
 * A personality: one constant struct hv_ops per hypervisor interface. NULL members mean "does not
 * have that". The generic parts (emu/x86/hypercall.c, undef.c, cpuid.c, emu/arm64/smccc.c) ask the
 * first persona that is modelled: it runs the machine. MSRs are the second one's where the first
 * does not know them.
 */
#ifndef TSP_EMU_HV_HV_H
#define TSP_EMU_HV_HV_H

#include "emu/hv/behaviour.h"
#include "emu/state/vm.h"

/* A hypercall as the personality sees it: number and arguments already cut to the width of the
 * caller's mode. */
struct hv_call {
    uint64_t nr;
    uint64_t arg[8];
    bool wide;    /* caller runs 64-bit code */
    uint16_t imm; /* AArch64: immediate of HVC or SMC */
    bool smc;     /* AArch64: SMC rather than HVC */
    /* results: */
    uint64_t ret[4];
    uint8_t nret; /* how many of ret[] are written to the guest's result registers */
};

struct hv_call_row {
    uint64_t nr;
    const char *name;
    uint8_t nargs;
    uint8_t max_level; /* highest CPL (x86) that may call */
    enum step (*run)(struct vm *vm, struct vcpu *vc,
                     struct hv_call *call); /* STEP_NEXT or STEP_STOP */
};

struct hv_ops {
    const char *name;
    enum tsp_persona persona;
    enum tsp_arch arch;
    unsigned policy_rules; /* x86: POLICY_* of how leaves that are not there are answered */
    /* Called at reset, after the set-up was copied. */
    void (*reset)(struct vm *vm);
    /* Leaves that differ from the policy's answer, which out holds on entry; of the persona that
     * runs the machine alone. true when answered. NULL: everything comes from the policy. */
    bool (*cpuid)(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
    /* A hypercall instruction of the host's own kind. Advances pc itself. AArch64: HVC with another
     * immediate than 0, STEP_FAULT when that is undefined; NULL: NOT_SUPPORTED. */
    enum step (*trap)(struct vm *vm, struct vcpu *vc, const struct insn *in);
    /* An undefined opcode was trapped (the other vendor's hypercall instruction among them). NULL:
     * #UD. */
    enum step (*undefined)(struct vm *vm, struct vcpu *vc, const struct insn *in);
    /* MSRs of the interface. false: not mine. *ok = false: #GP. */
    bool (*rdmsr)(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok);
    bool (*wrmsr)(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok);
    /* IN EAX, DX before anybody's rights are looked at. false: not mine. */
    bool (*port)(struct vm *vm, struct vcpu *vc, unsigned number);
    /* INT n of protected mode, before any gate is looked at. STEP_NEXT: not mine. */
    enum step (*gate)(struct vm *vm, struct vcpu *vc, const struct insn *in);
    const struct hv_call_row *calls; /* ends with a NULL name */
    /* What a migration moves besides registers and memory: adds to out, or takes from in. What
     * belongs to the machine goes with vCPU 0. */
    void (*save)(const struct vm *vm, const struct vcpu *vc, struct tsp_hv_state *out);
    void (*load)(struct vm *vm, struct vcpu *vc, const struct tsp_hv_state *in);
    /* What user space asks for (TSP_CFG_ASK_*), granted or not. NULL: nothing can be asked. */
    bool (*ask)(const struct vm *vm, uint32_t what);
    /* Its default CPUID leaves at base. */
    size_t (*leaves)(uint32_t base, struct tsp_leaf *out, size_t max);
};

/* tsp_hv_state.keep[] of the model. */
enum hv_keep {
    HV_KEEP_TIME = 0,     /* vCPU 0: the machine's time-stamp counter */
    HV_KEEP_STALL,        /* traps in a row at this pc */
    HV_KEEP_VERSION,      /* AArch64: random words handed out */
    HV_KEEP_CALLBACK = 3, /* Xen on x86: parameter of its callback, event channels in use */
    HV_KEEP_PORTS,
    HV_KEEP_DATA = 3, /* lguest: where its guest's data are, plus 1; address of its kernel */
    HV_KEEP_KERNEL,
    HV_KEEP_DUE = 8,    /* Hyper-V: when each of four timers expires next */
    HV_KEEP_MONITOR = 3 /* AArch64: size, address, low and high half of the exclusive monitor */
};
_Static_assert(HV_KEEP_MONITOR + 4 <= 16, "tsp_hv_state.keep");

/*
 * What a hypervisor makes enter a vCPU before its next instruction, in vcpu->hv_state[0] of x86
 * personalities; x86_patch_step delivers it. hv_state[1] is the vector of HV_PENDING_INTR.
 */
#define HV_PENDING_NMI TSP_PENDING_NMI
#define HV_PENDING_INTR TSP_PENDING_INTR
#define HV_PENDING_INIT TSP_PENDING_INIT /* no exception: hv_init_vcpu */

static inline void hv_pend(struct vcpu *vc, unsigned what)
{
    vc->hv_state[0] |= what;
    vc->patch.active = true; /* the run loop then calls x86_patch_step */
}

/* A vCPU that is kicked while it runs does not stay in its next HLT (torvalds/linux
 * arch/x86/kvm/x86.c kvm_vcpu_has_events). */
#define HV_STATE_KICKED 15
#define HV_KICKED_FOR_GOOD 2u /* nor in any later one */

/* In vm->hv_state: an access to an MSR ends the run: enum tsp_stop + 1. */
#define HV_VM_STOP 15

/* init.c: the state after INIT; a SIPI that starts at 4 KiB page `page`. */
void hv_init_vcpu(struct vm *vm, struct vcpu *vc);
void hv_start_vcpu(struct vcpu *vc, uint8_t page);
/* A fixed interrupt arrives at a vCPU's local APIC. */
void hv_interrupt(struct vcpu *vc, uint8_t vector);
/* ... at each vCPU whose bit is set, where there are APICs and they are on. */
void hv_interrupt_set(struct vm *vm, uint64_t set, uint8_t vector);

/* kvm.c, kvm_arm64.c */
extern const struct hv_ops hv_kvm_x86, hv_kvm_arm64;
/* hyperv.c */
extern const struct hv_ops hv_hyperv_x86;
/* xen.c, xen_arm64.c */
extern const struct hv_ops hv_xen_x86, hv_xen_arm64;
/* vmware.c */
extern const struct hv_ops hv_vmware_x86;
/* lguest.c, vmi.c */
extern const struct hv_ops hv_lguest_x86, hv_vmi_x86;

/* NULL when that interface is not modelled for that architecture. */
const struct hv_ops *hv_find(enum tsp_persona persona, enum tsp_arch arch);

/* A register of the set-up that the whole machine has: whichever vCPU has one sets it. */
uint64_t hv_setup_msr(const struct tsp_setup *s, uint32_t index);

#endif
