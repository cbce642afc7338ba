/* SPDX-License-Identifier: MIT */
/*
 * What moves with a machine besides registers and memory. A real hypervisor stops a vCPU between
 * two instructions; here a rewrite of text can be half stored, and the machine is then not ready.
 */
#include "emu/arm64/arm64.h"
#include "emu/emu.h"
#include "emu/hv/hv.h"

#include <string.h>

enum tsp_status vm_get_hv(const struct vm *vm, unsigned vcpu, struct tsp_hv_state *out)
{
    const struct vcpu *vc;

    if (!vm->setup || vcpu >= vm->nvcpu)
        return TSP_EARG;
    vc = &vm->vcpu[vcpu];
    memset(out, 0, sizeof(*out));
    out->busy = vc->patch.active && vc->patch.done < vc->patch.n;
    out->cr8 = vc->cr8;
    memcpy(out->dr, vc->dr, sizeof(out->dr));
    if (vcpu == 0)
        out->keep[HV_KEEP_TIME] = vm->tsc;
    if (vc->stall_pc == vc->s.regs.pc && vc->stall_retired == vc->retired)
        out->keep[HV_KEEP_STALL] = vc->stall;
    if (vm->setup->arch == TSP_ARCH_ARM64)
        memcpy(&out->keep[HV_KEEP_MONITOR], &vc->hv_state[MONITOR_SIZE], 4 * sizeof(uint64_t));
    for (unsigned i = 0; i < 2; i++) {
        if (vm->hv[i] && vm->hv[i]->save) {
            vm->hv[i]->save(vm, vc, out);
            break;
        }
    }
    return TSP_OK;
}

/* The machine's time is what vCPUs' counters are relative to: they go on from where they were. */
static void set_time(struct vm *vm, uint64_t now)
{
    for (unsigned i = 0; i < vm->nvcpu; i++)
        vm->vcpu[i].s.x86.tsc -= now - vm->tsc;
    vm->tsc = now;
}

enum tsp_status vm_set_hv(struct vm *vm, unsigned vcpu, const struct tsp_hv_state *in)
{
    struct vcpu *vc;

    if (!vm->setup || vcpu >= vm->nvcpu || in->nmsr > TSP_MAX_HV_MSR || in->busy)
        return TSP_EARG;
    vc = &vm->vcpu[vcpu];
    vc->cr8 = in->cr8;
    memcpy(vc->dr, in->dr, sizeof(vc->dr));
    if (vcpu == 0)
        set_time(vm, in->keep[HV_KEEP_TIME]);
    vc->stall_pc = vc->s.regs.pc;
    vc->stall_retired = vc->retired;
    /* the last trap that is not yet a livelock counts as well */
    vc->stall = VM_STALL_MAX;
    if (in->keep[HV_KEEP_STALL] < VM_STALL_MAX)
        vc->stall = (uint32_t)in->keep[HV_KEEP_STALL];
    if (vm->setup->arch == TSP_ARCH_ARM64)
        memcpy(&vc->hv_state[MONITOR_SIZE], &in->keep[HV_KEEP_MONITOR], 4 * sizeof(uint64_t));
    for (unsigned i = 0; i < 2; i++) {
        if (vm->hv[i] && vm->hv[i]->load) {
            vm->hv[i]->load(vm, vc, in);
            break;
        }
    }
    return TSP_OK;
}
