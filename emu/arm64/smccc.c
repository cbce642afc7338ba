/* SPDX-License-Identifier: MIT */
/*
 * HVC and SMC (Arm DEN0028): who may call, which row answers, and which registers the answer takes.
 * By the document immediate 0 is the calling convention by either instruction, W0 names the
 * function, results of 32-bit functions are 32 bits wide, and registers that hold no result are
 * preserved.
 */
#include "emu/arm64/psci.h"

#include "emu/arm64/arm64.h"

#define EXTRA_RESULTS 4u

/* Without a hypervisor there is no EL2 that takes HVC, nor an EL3 that takes SMC. */
static bool has_callee(const struct vm *vm)
{
    return vm->hv[0] || vm->hv[1];
}

/* The syndrome of SMC in AArch32 does not tell its immediate (DDI0487 ISS of EC 0x13). */
static uint16_t immediate(const struct vcpu *vc, const struct insn *in)
{
    bool hidden = in->op == OP_SMC && tsp_mode_is_aarch32(vc->s.regs.mode);

    return hidden ? 0 : (uint16_t)in->imm;
}

static void read_call(const struct vcpu *vc, const struct insn *in, struct hv_call *call)
{
    bool wide = !tsp_mode_is_aarch32(vc->s.regs.mode);

    *call = (struct hv_call){.nr = (uint32_t)vc->s.regs.r[0],
                             .wide = wide,
                             .imm = immediate(vc, in),
                             .smc = in->op == OP_SMC};
    for (unsigned i = 0; i < 8; i++)
        call->arg[i] = wide ? vc->s.regs.r[i + 1] : (uint32_t)vc->s.regs.r[i + 1];
}

/* The immediate and the instruction, before any function id is looked at. That SMC is refused is
 * KVM's way: others serve it (xen/arch/arm/vsmc.c). */
static bool conduit_refused(const struct vm *vm, const struct hv_call *call)
{
    const struct hv_ops *hv = vm->hv[0] ? vm->hv[0] : vm->hv[1];
    bool kvm = hv->persona == TSP_PERSONA_KVM;

    if (call->smc)
        return call->imm != 0 || (kvm && vm_behaves(vm, BEHAVIOUR_ARM_SMC_REFUSED));
    return call->imm != 0 && !vm_behaves(vm, BEHAVIOUR_ARM_HVC_IMM);
}

/* There is one EL2: the first persona's services are all there are, and an id it does not know is
 * not handed to another hypervisor. */
static const struct hv_call_row *find_row(const struct vm *vm, uint64_t nr)
{
    const struct hv_ops *hv = vm->hv[0] ? vm->hv[0] : vm->hv[1];
    const struct hv_call_row *row;

    if (vm_behaves(vm, BEHAVIOUR_ARM_MUT_ALIAS))
        nr &= ~UINT64_C(0xff0000);
    row = smccc_row(hv->calls, nr);
    return row ? row : psci_row(vm, nr);
}

static enum step dispatch(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    const struct hv_call_row *row;

    smccc_return(call, SMCCC_NOT_SUPPORTED);
    if (conduit_refused(vm, call)) {
        call->nret = 1 | SMCCC_EXACT;
        return STEP_NEXT;
    }
    /* DEN0028 2.7: the 64-bit convention is for AArch64 callers. */
    if (!call->wide && (call->nr & SMCCC_64) != 0)
        return STEP_NEXT;
    row = find_row(vm, call->nr);
    if (row)
        return row->run(vm, vc, call);
    if (vm_behaves(vm, BEHAVIOUR_ARM_MUT_UNKNOWN))
        call->ret[0] = SMCCC_SUCCESS;
    return STEP_NEXT;
}

static void write_results(const struct vm *vm, struct vcpu *vc, const struct hv_call *call)
{
    unsigned n = call->nret & ~SMCCC_EXACT;
    bool narrow =
        !call->wide || ((call->nr & SMCCC_64) == 0 && !vm_behaves(vm, BEHAVIOUR_ARM_WIDE_RESULT));

    if (vm_behaves(vm, BEHAVIOUR_ARM_FOUR_RESULTS) && (call->nret & SMCCC_EXACT) == 0)
        n = EXTRA_RESULTS;
    for (unsigned i = 0; i < n; i++)
        vc->s.regs.r[i] = narrow ? (uint32_t)call->ret[i] : call->ret[i];
    if (vm_behaves(vm, BEHAVIOUR_ARM_MUT_CLOBBER))
        vc->s.regs.r[4] = call->nr;
}

/* An immediate that a personality gives a meaning of its own. */
static bool vendor_call(struct vm *vm, struct vcpu *vc, const struct insn *in, enum step *end)
{
    for (unsigned i = 0; i < 2; i++) {
        if (vm->hv[i] == NULL)
            continue;
        if (immediate(vc, in) == 0 || vm->hv[i]->trap == NULL)
            return false;
        *end = vm->hv[i]->trap(vm, vc, in);
        if (*end == STEP_FAULT)
            *end = arm64_undefined(vc);
        return true;
    }
    return false;
}

enum step arm64_hypercall(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool may = vc->s.regs.level > 0 || vm_behaves(vm, BEHAVIOUR_ARM_MUT_EL0);
    struct hv_call call;
    enum step step;

    if (!may || !has_callee(vm))
        return arm64_undefined(vc);
    if (vendor_call(vm, vc, in, &step))
        return step;
    read_call(vc, in, &call);
    step = dispatch(vm, vc, &call);
    write_results(vm, vc, &call);
    vc->s.regs.pc += in->len;
    if (step != STEP_NEXT)
        return step;
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}
