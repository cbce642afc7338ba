/* SPDX-License-Identifier: MIT */
/*
 * KVM on x86: dispatch of hypercalls and the CPUID bits of its own (torvalds/linux
 * Documentation/virt/kvm/x86/hypercalls.rst, cpuid.rst; arch/x86/kvm/x86.c kvm_emulate_hypercall).
 */
#include "emu/hv/kvm.h"

#include <string.h>

#include "emu/policy/lookup.h"
#include "emu/state/mmu.h"
#include "trapspec/bits.h"

#define PAGE 4096u

#define HV_INTERFACE_LEAF 0x40000001u
#define HV_INTERFACE 0x31237648u /* "Hv#1" */
#define HV_FEATURE_LEAF 0x40000003u
#define HV_ACCESS_TSC_INVARIANT 15
#define INVARIANT_TSC_LEAF 0x80000007u
#define INVARIANT_TSC 8

#define MSR_HV_SYNDBG_OPTIONS 0x400000ffu
#define MSR_HV_INVTSC 0x40000118u

static void read_policy(struct vm *vm)
{
    const struct tsp_setup *s = vm->setup;
    const struct tsp_policy *p = &s->policy[0];
    const struct tsp_leaf *e;
    uint32_t base = 0;

    if (s->npolicy == 0)
        return;
    base = policy_hv_base(p, "KVMKVMKVM\0\0");
    vm->hv_state[KVM_VM_BASE] = base;
    e = base != 0 ? policy_first(p, base + 1) : NULL;
    vm->hv_state[KVM_VM_FEATURES] = e != NULL ? e->reg[0] : 0;
    e = policy_first(p, HV_INTERFACE_LEAF);
    vm->hv_state[KVM_VM_HYPERV] = e != NULL && e->reg[0] == HV_INTERFACE;
}

static void kvm_reset(struct vm *vm)
{
    const struct tsp_setup *s = vm->setup;

    for (unsigned i = 0; i < vm->nvcpu; i++)
        kvm_msr_reset(vm, &vm->vcpu[i]);
    vm->hv_state[KVM_VM_HV_SYNDBG] = hv_setup_msr(s, MSR_HV_SYNDBG_OPTIONS);
    vm->hv_state[KVM_VM_HV_INVTSC] = hv_setup_msr(s, MSR_HV_INVTSC);
    read_policy(vm);
    for (unsigned i = 0; i < vm->nvcpu; i++)
        kvm_msr_blocks(vm, &vm->vcpu[i]);
}

/* User space that sets CPUID once meets the bug of UNHALT_LATE: the base of the block is not known
 * yet. */
static bool unhalt_known_late(const struct vm *vm)
{
    return vm_behaves(vm, BEHAVIOUR_UNHALT_LATE) && (vm->setup->config & TSP_CFG_CPUID_TWICE) == 0;
}

bool kvm_has(const struct vm *vm, enum kvm_feature feature)
{
    uint64_t features = vm->hv_state[KVM_VM_FEATURES];

    if ((vm->setup->config & TSP_CFG_ENFORCE_PV) == 0)
        return true;
    if ((vm->setup->config & TSP_CFG_HLT_NOEXIT) != 0 && !unhalt_known_late(vm))
        features &= ~((uint64_t)1 << KVM_PV_UNHALT);
    return bits_test(features, feature);
}

/*
 * A guest whose HLT does not exit cannot be kicked out of it, so the feature is hidden. Late or
 * not, whatever makes KVM look at its run-time bits again hides it: OSXSAVE, OSPKE, extended state,
 * a disabled APIC.
 */
static bool unhalt_hidden(const struct vm *vm, const struct vcpu *vc)
{
    const struct tsp_x86_state *x = &vc->s.x86;

    if ((vm->setup->config & TSP_CFG_HLT_NOEXIT) == 0)
        return false;
    if (!unhalt_known_late(vm))
        return true;
    return bits_test(x->cr4, 18) || bits_test(x->cr4, 22) || (x->xcr0 & ~(uint64_t)3) != 0 ||
           !bits_test(x->apic_base, 11);
}

/* TLFS, TSC invariant control: a guest offered the control sees the processor's bit only once it
 * has asked. */
static bool invtsc_hidden(const struct vm *vm)
{
    const struct tsp_leaf *e;

    if (vm_behaves(vm, BEHAVIOUR_INVTSC_SHOWN) || vm->hv_state[KVM_VM_HYPERV] == 0)
        return false;
    e = policy_first(&vm->setup->policy[0], HV_FEATURE_LEAF);
    return e != NULL && bits_test(e->reg[0], HV_ACCESS_TSC_INVARIANT) &&
           !bits_test(vm->hv_state[KVM_VM_HV_INVTSC], 0);
}

static bool kvm_cpuid(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf,
                      uint32_t out[4])
{
    uint64_t base = vm->hv_state[KVM_VM_BASE];

    (void)subleaf;
    if (base != 0 && leaf == base + 1 && unhalt_hidden(vm, vc))
        out[0] &= ~(1u << KVM_PV_UNHALT);
    else if (leaf == INVARIANT_TSC_LEAF && invtsc_hidden(vm))
        out[3] &= ~(1u << INVARIANT_TSC);
    else
        return false;
    return true;
}

bool kvm_write(struct vm *vm, uint64_t gpa, const void *buf, size_t len)
{
    const uint8_t *p = buf;

    while (len > 0) {
        size_t n = PAGE - gpa % PAGE;

        n = n < len ? n : len;
        if (!mem_has(&vm->mem, gpa, n) || (mem_page_flags(&vm->mem, gpa) & MEM_ROM) != 0)
            return false;
        vm_store_phys(vm, gpa, p, n);
        p += n;
        gpa += n;
        len -= n;
    }
    return true;
}

static enum step answer(struct hv_call *call, uint64_t value)
{
    call->ret[0] = value;
    call->nret = 1;
    return STEP_NEXT;
}

static enum step vapic_poll_irq(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return answer(call, 0);
}

/* Which vCPU to yield to is a hint: an id that nobody has is no error. */
static enum step sched_yield_to(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vc;
    return answer(call, kvm_has(vm, KVM_PV_SCHED_YIELD) ? 0 : kvm_error(KVM_ENOSYS));
}

/* Attributes: bits 3:0 page size, bit 4 encrypted, the rest must be zero. */
static bool map_gpa_args_ok(const struct vm *vm, const struct hv_call *call)
{
    uint64_t gfn = call->arg[0] / PAGE, npages = call->arg[1], attrs = call->arg[2];

    if (call->arg[0] % PAGE != 0 || npages == 0 || gfn + npages <= gfn)
        return false;
    return vm_behaves(vm, BEHAVIOUR_MAP_GPA_ATTRS) || attrs >> 5 == 0;
}

static enum step map_gpa_range(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    if ((vm->setup->config & TSP_CFG_EXIT_MAP_GPA) == 0)
        return answer(call, kvm_error(KVM_ENOSYS));
    if (!map_gpa_args_ok(vm, call))
        return answer(call, kvm_error(KVM_EINVAL));
    /* The caller of __kvm_emulate_hypercall asks whether this is the call by all of RAX. */
    if (vm_behaves(vm, BEHAVIOUR_MAP_GPA_NUMBER) && vc->s.regs.r[TSP_RAX] != call->nr)
        return answer(call, 0);
    if ((vm->setup->config & TSP_CFG_EXIT_RESUME) != 0)
        return answer(call, vm->setup->exit_ret);
    vm->ev->info[0] = call->nr;
    return step_stop(vm, vc, TSP_STOP_EXIT);
}

static const struct hv_call_row kvm_calls[] = {
    {.nr = 1, .name = "VAPIC_POLL_IRQ", .nargs = 0, .run = vapic_poll_irq},
    {.nr = 5, .name = "KICK_CPU", .nargs = 2, .run = kvm_kick},
    {.nr = 9, .name = "CLOCK_PAIRING", .nargs = 2, .run = kvm_clock_pairing},
    {.nr = 10, .name = "SEND_IPI", .nargs = 4, .run = kvm_send_ipi},
    {.nr = 11, .name = "SCHED_YIELD", .nargs = 1, .run = sched_yield_to},
    {.nr = 12, .name = "MAP_GPA_RANGE", .nargs = 3, .run = map_gpa_range},
    {.name = NULL},
};

/* 64-bit code alone passes 64-bit values; all other modes pass and get the low halves. */
static void load_call(const struct vcpu *vc, struct hv_call *call)
{
    const uint64_t *r = vc->s.regs.r;
    uint64_t mask;

    memset(call, 0, sizeof(*call));
    call->wide = vc->s.regs.mode == TSP_MODE_LONG64;
    mask = bits_mask(call->wide ? 64 : 32);
    call->nr = r[TSP_RAX] & mask;
    call->arg[0] = r[TSP_RBX] & mask;
    call->arg[1] = r[TSP_RCX] & mask;
    call->arg[2] = r[TSP_RDX] & mask;
    call->arg[3] = r[TSP_RSI] & mask;
}

/* The privilege check comes before the number is looked at: nothing can be probed from user mode.
 */
static enum step dispatch(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    if (vc->s.regs.level != 0 && !vm_behaves(vm, BEHAVIOUR_MUT_ANY_CPL))
        return answer(call, kvm_error(KVM_EPERM));
    for (const struct hv_call_row *row = kvm_calls; row->name != NULL; row++)
        if (row->nr == call->nr)
            return row->run(vm, vc, call);
    return answer(call, vm_behaves(vm, BEHAVIOUR_MUT_ENOSYS_ZERO) ? 0 : kvm_error(KVM_ENOSYS));
}

static enum step kvm_trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct hv_call call;
    enum step end;

    if (kvm_hyperv_active(vm))
        return kvm_hyperv_call(vm, vc, in);
    load_call(vc, &call);
    end = dispatch(vm, vc, &call);
    if (end != STEP_NEXT)
        return end;
    if (!call.wide && !vm_behaves(vm, BEHAVIOUR_MUT_WIDE_RESULT))
        call.ret[0] = (uint32_t)call.ret[0];
    vc->s.regs.r[TSP_RAX] = call.ret[0];
    if (vm_behaves(vm, BEHAVIOUR_MUT_CLOBBER))
        vc->s.regs.r[TSP_RCX] = call.nr;
    vcpu_advance(vc, in->len);
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}

#define XEN_MSR_FIRST 0x40000000u
#define XEN_MSR_LAST 0x4fffffffu
#define XEN_LEAF_PAGE 2u /* EBX: register of the hypercall page */

/* The interface beside KVM's own has the register that its leaf names; 0 leaves it off. */
static bool xen_msr_ok(const struct vm *vm)
{
    const struct tsp_policy *p = &vm->setup->policy[0];
    uint32_t base = policy_hv_base(p, "XenVMMXenVMM");
    const struct tsp_leaf *e = base != 0 ? policy_first(p, base + XEN_LEAF_PAGE) : NULL;
    uint32_t msr = e != NULL ? e->reg[1] : 0;

    return msr == 0 || (msr >= XEN_MSR_FIRST && msr <= XEN_MSR_LAST);
}

/* Documentation/virt/kvm/api.rst: KVM_SET_CPUID2 after a run takes what changes nothing;
 * KVM_GET_SUPPORTED_CPUID and KVM_GET_EMULATED_CPUID fail with E2BIG where the buffer is too small;
 * KVM_XEN_HVM_CONFIG. */
static bool kvm_ask(const struct vm *vm, uint32_t what)
{
    if ((what & TSP_CFG_ASK_LIST) != 0)
        return !vm_behaves(vm, BEHAVIOUR_LIST_EXACT);
    if ((what & TSP_CFG_ASK_XEN) != 0)
        return vm_behaves(vm, BEHAVIOUR_XEN_MSR_ANY) || xen_msr_ok(vm);
    return (what & TSP_CFG_ASK_AGAIN) != 0;
}

static size_t kvm_leaves(uint32_t base, struct tsp_leaf *out, size_t max)
{
    return policy_block(TSP_PERSONA_KVM, base, out, max);
}

const struct hv_ops hv_kvm_x86 = {
    .name = "kvm",
    .persona = TSP_PERSONA_KVM,
    .arch = TSP_ARCH_X86,
    .reset = kvm_reset,
    .cpuid = kvm_cpuid,
    .trap = kvm_trap,
    .rdmsr = kvm_rdmsr,
    .wrmsr = kvm_wrmsr,
    .calls = kvm_calls,
    .save = kvm_save,
    .load = kvm_load,
    .ask = kvm_ask,
    .leaves = kvm_leaves,
};
