/* SPDX-License-Identifier: MIT */
/*
 * VMCALL and VMMCALL. The one the processor below has exits to the hypervisor at every privilege
 * level and in every mode (Intel SDM Vol. 3C, VMCALL; AMD APM Vol. 3, VMMCALL); the other one is an
 * undefined opcode. Which is which depends on the host alone, never on what the guest's CPUID says.
 */
#include "emu/x86/x86.h"

bool x86_is_native(const struct vm *vm, const struct insn *in)
{
    bool svm = vm_host_is_amd(vm);

    return in->op == (svm ? OP_VMMCALL : OP_VMCALL);
}

/* Intel's VMCALL takes no 66, F2 or F3 prefix ("NP" in the SDM's opcode column): with one it is
 * #UD, which the hypervisor intercepts like any other. AMD's VMMCALL ignores them (AMD APM Vol.
 * 3, 1.2). */
static bool prefix_faults(const struct insn *in)
{
    return in->op == OP_VMCALL && (in->prefix & (INSN_OPSZ | INSN_REP | INSN_REPNE)) != 0;
}

enum step x86_native_hypercall(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    for (unsigned i = 0; i < 2; i++)
        if (vm->hv[i] != NULL && vm->hv[i]->trap != NULL)
            return vm->hv[i]->trap(vm, vc, in);
    return step_fault(vc, X86_UD); /* nobody below: the opcode means nothing */
}

enum step x86_hypercall(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (in->status == INSN_OK && (in->prefix & INSN_LOCK) == 0 && x86_is_native(vm, in) &&
        !prefix_faults(in))
        return x86_native_hypercall(vm, vc, in);
    return x86_undefined(vm, vc, in);
}
