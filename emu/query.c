/* SPDX-License-Identifier: MIT */
/* Questions to a machine that execute nothing. */
#include "emu/emu.h"
#include "emu/x86/x86.h"

enum tsp_status vm_cpuid(struct vm *vm, unsigned vcpu, const uint32_t in[3], uint32_t (*out)[4])
{
    if (vm->setup == NULL || vm->setup->arch != TSP_ARCH_X86)
        return TSP_ENOTSUP;
    if (vcpu >= vm->setup->nvcpu || (uint64_t)in[0] + in[1] > 0x100000000u)
        return TSP_EARG;
    x86_cpuid_range(vm, &vm->vcpu[vcpu], in, out);
    return TSP_OK;
}
