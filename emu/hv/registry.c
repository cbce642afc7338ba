/* SPDX-License-Identifier: MIT */
/* Which personality implements which interface: one line each. */
#include "emu/hv/hv.h"

static const struct hv_ops *const registry[] = {
    &hv_kvm_x86,    &hv_hyperv_x86, &hv_xen_x86, &hv_xen_arm64,
    &hv_vmware_x86, &hv_lguest_x86, &hv_vmi_x86,
#ifdef TSP_HAVE_KVM_ARM64
    &hv_kvm_arm64,
#endif
};

const struct hv_ops *hv_find(enum tsp_persona persona, enum tsp_arch arch)
{
    for (size_t i = 0; i < sizeof(registry) / sizeof(registry[0]); i++)
        if (registry[i]->persona == persona && registry[i]->arch == arch)
            return registry[i];
    return NULL;
}

uint64_t hv_setup_msr(const struct tsp_setup *s, uint32_t index)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < s->nvcpu && i < TSP_MAX_VCPU; i++)
        for (uint32_t k = 0; k < s->vcpu[i].x86.nmsr && k < TSP_MAX_MSR; k++)
            if (s->vcpu[i].x86.msr[k].index == index && value == 0)
                value = s->vcpu[i].x86.msr[k].value;
    return value;
}
