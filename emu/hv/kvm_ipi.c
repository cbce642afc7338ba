/* SPDX-License-Identifier: MIT */
/*
 * Calls that reach other vCPUs (torvalds/linux arch/x86/kvm/lapic.c kvm_pv_send_ipi,
 * __apic_accept_irq; x86.c kvm_pv_kick_cpu_op).
 */
#include "emu/hv/kvm.h"
#include "trapspec/bits.h"

/* Interrupt command: vector 7:0, delivery mode 10:8, destination mode 11, level 14, trigger 15,
 * shorthand 19:18. */
#define ICR_MODE(icr) bits_get(icr, 10, 8)
#define ICR_LEVEL 14
#define ICR_TRIGGER 15
#define ICR_REFUSED ((uint64_t)0xc0800)

enum icr_mode {
    MODE_FIXED = 0,
    MODE_LOWEST = 1,
    MODE_SMI = 2,
    MODE_REMRD = 3,
    MODE_NMI = 4,
    MODE_INIT = 5,
    MODE_STARTUP = 6
};

#define APIC_BASE_ENABLE 11
#define APIC_BROADCAST 0xffu

static void wake(struct vcpu *vc)
{
    if (vc->s.run_state == TSP_RUN_HALTED)
        vc->s.run_state = TSP_RUN_READY;
}

/* The next HLT falls through when there is none to wake up from. */
static void kick(struct vcpu *vc)
{
    if (vc->s.run_state == TSP_RUN_HALTED)
        wake(vc);
    else
        vc->hv_state[HV_STATE_KICKED] = 1;
}

/* A vCPU is in KVM's map of APICs once another is made after it, or its APIC was switched on
 * (kvm_recalculate_apic_map runs before the new vCPU counts). The broadcast does without the map.
 */
static bool kick_arrives(const struct vm *vm, const struct vcpu *target, uint32_t id)
{
    if (!bits_test(target->s.x86.apic_base, APIC_BASE_ENABLE))
        return false;
    if (id == APIC_BROADCAST)
        return true;
    return id == target->s.x86.apic_id &&
           (target->s.run_state == TSP_RUN_HALTED || target->id + 1 < vm->nvcpu ||
            (vm->setup->config & TSP_CFG_APIC_ON) != 0);
}

/* The bootstrap processor starts over at its reset vector, the others wait for a start-up message.
 */
static void init(struct vm *vm, struct vcpu *target, bool self)
{
    kvm_msr_init(target);
    /* The caller's comes after the call has written its result; a vCPU of which the hypervisor is
     * amid a rewrite takes it when that is done. */
    if (self || target->patch.done < target->patch.n) {
        hv_pend(target, HV_PENDING_INIT);
        return;
    }
    hv_init_vcpu(vm, target);
    target->s.run_state = target->id == 0 ? TSP_RUN_READY : TSP_RUN_OFF;
}

/* 1 when the APIC accepts the message. Vectors below 16 are not refused. */
static unsigned accept(struct vm *vm, struct vcpu *target, uint64_t icr, bool self)
{
    bool level = bits_test(icr, ICR_LEVEL), trigger = bits_test(icr, ICR_TRIGGER);

    switch (ICR_MODE(icr)) {
    case MODE_FIXED:
    case MODE_LOWEST:
        if (trigger && !level)
            return 0;
        hv_interrupt(target, (uint8_t)icr);
        return 1;
    case MODE_NMI:
        hv_pend(target, HV_PENDING_NMI);
        wake(target);
        return 1;
    case MODE_REMRD:
        kick(target);
        return 1;
    case MODE_INIT:
        if (trigger && !level)
            return 0;
        init(vm, target, self);
        return 1;
    case MODE_STARTUP:
        if (target->s.run_state == TSP_RUN_OFF)
            hv_start_vcpu(target, (uint8_t)icr);
        return 1;
    case MODE_SMI: /* accepted; the model has no system-management mode to enter */
        return 1;
    default:
        return 0;
    }
}

/* Sends to the ids first, first + 1, ... whose bit is set; returns how many accepted. */
static uint64_t send_half(struct vm *vm, const struct vcpu *vc, uint64_t bitmap, uint32_t first,
                          uint64_t icr)
{
    uint64_t count = 0;

    if ((vm->setup->config & TSP_CFG_APIC_ON) == 0)
        return 0; /* KVM's map of APICs leaves out those nobody has switched on, for NMI too */

    for (unsigned i = 0; i < vm->nvcpu; i++) {
        struct vcpu *target = &vm->vcpu[i];
        uint32_t id = target->s.x86.apic_id;

        if (!bits_test(target->s.x86.apic_base, APIC_BASE_ENABLE))
            continue;
        if (id >= first && id - first < 64 && bits_test(bitmap, id - first))
            count += accept(vm, target, icr, target == vc);
    }
    return count;
}

enum step kvm_send_ipi(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t first = (uint32_t)call->arg[2];
    uint64_t icr = call->arg[3];

    call->nret = 1;
    if (!kvm_has(vm, KVM_PV_SEND_IPI)) {
        call->ret[0] = kvm_error(KVM_ENOSYS);
    } else if ((icr & ICR_REFUSED) != 0) {
        call->ret[0] = kvm_error(KVM_EINVAL);
    } else if ((vm->setup->config & TSP_CFG_IRQCHIP) == 0) {
        call->ret[0] = kvm_error(KVM_EOPNOTSUPP);
    } else {
        call->ret[0] = send_half(vm, vc, call->arg[0], first, icr);
        call->ret[0] += send_half(vm, vc, call->arg[1], first + (call->wide ? 64 : 32), icr);
    }
    return STEP_NEXT;
}

/* Wakes the vCPU with APIC id a1 out of HLT; the first argument is reserved and ignored, an unknown
 * id no error. */
enum step kvm_kick(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    call->nret = 1;
    call->ret[0] = 0;
    if (!kvm_has(vm, KVM_PV_UNHALT)) {
        call->ret[0] = kvm_error(KVM_ENOSYS);
        return STEP_NEXT;
    }
    if ((vm->setup->config & TSP_CFG_IRQCHIP) != 0)
        for (unsigned i = 0; i < vm->nvcpu; i++)
            if (kick_arrives(vm, &vm->vcpu[i], (uint32_t)call->arg[1]))
                kick(&vm->vcpu[i]);
    return STEP_NEXT;
}
