/* SPDX-License-Identifier: MIT */
/*
 * One turn of one vCPU. Alone, it runs until something can be observed; with others it takes one
 * micro-step (one instruction, or one store of a patch under way), so that the caller's choice of
 * vCPU is the interleaving.
 */
#include "emu/arm64/arm64.h"
#include "emu/emu.h"
#include "emu/x86/x86.h"

uint32_t vm_runnable(const struct vm *vm)
{
    uint32_t set = 0;

    for (unsigned i = 0; vm->setup && i < vm->nvcpu; i++)
        if (vm->vcpu[i].s.run_state == TSP_RUN_READY && !vm->vcpu[i].micro.wait)
            set |= 1u << i;
    return set;
}

/* Why a vCPU that cannot run does not: what stopped it, or what it was set up as. */
static uint32_t idle_reason(const struct vcpu *vc)
{
    if (vc->s.run_state == TSP_RUN_HALTED)
        return TSP_STOP_HALT;
    if (vc->s.run_state == TSP_RUN_OFF)
        return TSP_STOP_OFF;
    return vc->stop_code;
}

static void stay(struct vcpu *vc, struct tsp_event *ev, uint32_t why)
{
    ev->kind = TSP_EV_STOP;
    ev->code = why;
    memset(ev->sys, 0, sizeof(ev->sys));
    ev->before = ev->after = vc->s.regs;
}

/* The set-up's end address: a store there, outside RAM, ends the run as an end port does. */
static void check_end(struct vm *vm, struct vcpu *vc)
{
    struct tsp_event *ev = vm->ev;
    uint64_t end = vm->setup->end_mmio;

    if (ev->kind == TSP_EV_MMIO && (ev->info[1] & 1) && end && ev->addr == end)
        step_stop(vm, vc, TSP_STOP_END);
}

enum tsp_status vm_run(struct vm *vm, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    struct vcpu *vc;

    if (!vm->setup || vcpu >= vm->nvcpu)
        return TSP_EARG;
    vc = &vm->vcpu[vcpu];
    vm->ev = out;
    /* The rest is filled by ev_begin and ev_end, once in every run. */
    memset(out, 0, offsetof(struct tsp_event, sys));
    out->vcpu = (uint16_t)vcpu;
    if (vc->s.run_state != TSP_RUN_READY) {
        stay(vc, out, idle_reason(vc));
    } else if (budget == 0) {
        stay(vc, out, TSP_STOP_BUDGET);
    } else {
        if (vm->setup->protocol != TSP_PROTOCOL_NONE)
            x86_micro(vm, vc, budget);
        else if (vm->setup->arch == TSP_ARCH_X86)
            x86_run(vm, vc, vm->nvcpu > 1 ? 1 : budget);
        else
            arm64_run(vm, vc, vm->nvcpu > 1 ? 1 : budget);
        check_end(vm, vc);
    }
    return TSP_OK;
}
