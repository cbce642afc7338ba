/* SPDX-License-Identifier: MIT */
/*
 * Undefined opcodes. The hypervisor intercepts #UD, and for the other vendor's hypercall
 * instruction it replaces guest text by the native one and lets the guest try again (torvalds/linux
 * Documentation/virt/kvm/api.rst, KVM_X86_QUIRK_FIX_HYPERCALL_INSN). What the documents ask for:
 * the three opcode bytes and nothing else, at the address they were fetched from, in one store,
 * only if they are still there, only where the guest itself may write; else #UD with text
 * unchanged. Where shipped KVM does otherwise there is a BEHAVIOUR.
 */
#include <string.h>

#include "emu/x86/x86.h"
#include "trapspec/bits.h"

#define OPCODE_BYTES 3u
#define THIRD_VMCALL 0xc1u
#define THIRD_VMMCALL 0xd9u
#define X86_NMI 2u

static bool is_hypercall(const struct insn *in)
{
    return in->status == INSN_OK && (in->op == OP_VMCALL || in->op == OP_VMMCALL) &&
           (in->prefix & INSN_LOCK) == 0;
}

static bool svm_host(const struct vm *vm)
{
    return vm_host_is_amd(vm);
}

static uint64_t cut(const struct vcpu *vc, uint64_t lin)
{
    return vc->s.regs.mode == TSP_MODE_LONG64 ? lin : (uint32_t)lin;
}

/*
 * KVM's emulator fetches again at CS:RIP. Alone, a vCPU finds the bytes that trapped; with others
 * it finds what they left there, and anything but a hypercall is #UD, even where it would be legal
 * to execute.
 */
static bool refetch(struct vm *vm, struct vcpu *vc, const struct insn *in, struct insn *now)
{
    uint8_t text[TSP_INSN_BYTES];
    uint64_t room = (uint64_t)vc->s.x86.seg[TSP_CS].limit - vc->s.regs.pc + 1;
    unsigned n;

    *now = *in;
    if (vm->nvcpu < 2 || !vm_behaves(vm, BEHAVIOUR_PATCH_REFETCH))
        return true;
    n = mmu_fetch(vm, vc, vcpu_lin(vc), text, sizeof(text));
    if (vc->s.regs.mode != TSP_MODE_LONG64 && n > room)
        n = (unsigned)room;
    decode_one(vm->dec, (enum tsp_mode)vc->s.regs.mode, text, n, now);
    return is_hypercall(now);
}

/* The marks of the two rows in the emulator's opcode table: VMCALL privileged, VMMCALL protected
 * mode only. */
static enum step emulator_checks(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t mode = vc->s.regs.mode;

    if (in->op == OP_VMMCALL && vm_behaves(vm, BEHAVIOUR_PATCH_PROTECTED) &&
        (mode == TSP_MODE_REAL16 || mode == TSP_MODE_VM86))
        return step_fault(vc, X86_UD);
    if (in->op == OP_VMCALL && vm_behaves(vm, BEHAVIOUR_PATCH_PRIVILEGED) && vc->s.regs.level != 0)
        return step_fault_code(vc, X86_GP, 0);
    return STEP_NEXT;
}

static void set_job(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct patch_job *job = &vc->patch;
    uint64_t lin = vm_behaves(vm, BEHAVIOUR_PATCH_RAW_RIP) ? cut(vc, vc->s.regs.pc) : vcpu_lin(vc);

    if (!vm_behaves(vm, BEHAVIOUR_PATCH_AT_START))
        lin = cut(vc, lin + in->len - OPCODE_BYTES);
    memset(job, 0, sizeof(*job));
    job->active = true;
    job->n = OPCODE_BYTES;
    job->width = vm_behaves(vm, BEHAVIOUR_PATCH_BYTEWISE) ? 1 : OPCODE_BYTES;
    job->lin = lin;
    job->byte[0] = 0x0f;
    job->byte[1] = 0x01;
    job->byte[2] = svm_host(vm) ? THIRD_VMMCALL : THIRD_VMCALL;
    if (vm_behaves(vm, BEHAVIOUR_MUT_PATCH_NOP))
        memset(job->byte, 0x90, OPCODE_BYTES);
}

/* With several vCPUs the trap and each store are steps of their own, so that others can come
 * between. */
static enum step rewrite(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    set_job(vm, vc, in);
    if (vm->nvcpu < 2)
        return x86_patch_step(vm, vc);
    vm->ev->kind = TSP_EV_FETCH;
    return STEP_EVENT;
}

enum step x86_undefined(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool below = false;
    struct insn now;
    enum step end;

    if (vm->setup->protocol != TSP_PROTOCOL_NONE)
        return x86_poke_trap(vm, vc, in);
    for (unsigned i = 0; i < 2 && !below; i++) {
        if (vm->hv[i] != NULL && vm->hv[i]->undefined != NULL)
            return vm->hv[i]->undefined(vm, vc, in);
        below = below || (vm->hv[i] != NULL && vm->hv[i]->trap != NULL);
    }
    if (!below || !is_hypercall(in) || !refetch(vm, vc, in, &now))
        return step_fault(vc, X86_UD);
    /* The right opcode, undefined for its prefix: nothing to put right. Shipped code does not look.
     */
    if (x86_is_native(vm, &now) && !vm_behaves(vm, BEHAVIOUR_PATCH_NO_COMPARE))
        return step_fault(vc, X86_UD);
    end = emulator_checks(vm, vc, &now);
    if (end != STEP_NEXT)
        return end;
    if (vm->setup->patch == TSP_PATCH_EMULATE)
        return x86_native_hypercall(vm, vc, &now);
    if (vm->setup->patch == TSP_PATCH_REWRITE)
        return rewrite(vm, vc, &now);
    return step_fault(vc, X86_UD);
}

/* Whether the byte at lin can be stored to; where it cannot, whether shipped code would try all the
 * same. */
static bool storable(struct vm *vm, struct vcpu *vc, uint64_t lin)
{
    uint64_t gpa = 0;
    uint8_t text = mmu_text_at(vm, vc, lin, &gpa);

    if ((text & TSP_TEXT_PRESENT) != 0 && (text & TSP_TEXT_ROM) == 0 && mem_has(&vm->mem, gpa, 1))
        return (text & TSP_TEXT_WRITE) != 0 || vm_behaves(vm, BEHAVIOUR_PATCH_PAGE_FAULT);
    if ((text & TSP_TEXT_PRESENT) == 0)
        return vm_behaves(vm, BEHAVIOUR_PATCH_PAGE_FAULT);
    return vm_behaves(vm, BEHAVIOUR_PATCH_ROM_EXIT);
}

/* Compare before write: true when text still is the instruction that trapped. */
static bool unchanged(struct vm *vm, struct vcpu *vc, const struct patch_job *job)
{
    uint8_t now[OPCODE_BYTES];

    if (vm_behaves(vm, BEHAVIOUR_PATCH_NO_COMPARE))
        return true;
    if (mmu_fetch(vm, vc, job->lin, now, OPCODE_BYTES) < OPCODE_BYTES)
        return false;
    return now[0] == 0x0f && now[1] == 0x01 &&
           now[2] == (svm_host(vm) ? THIRD_VMCALL : THIRD_VMMCALL);
}

/* Before the first store all of it is looked at; shipped code looks at each half when its turn
 * comes.
 */
static bool may_store(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned n)
{
    const struct patch_job *job = &vc->patch;

    if (!vm_behaves(vm, BEHAVIOUR_PATCH_TWO_STORES)) {
        lin = job->lin;
        n = job->n;
    }
    return storable(vm, vc, lin) && storable(vm, vc, cut(vc, lin + n - 1));
}

/* Stores `len` bytes from job->done on. Two halves where the page ends in between and shipped code
 * splits there. */
static enum step store(struct vm *vm, struct vcpu *vc, unsigned len)
{
    struct patch_job *job = &vc->patch;
    enum step end = STEP_NEXT;

    while (len > 0) {
        uint64_t lin = cut(vc, job->lin + job->done);
        unsigned left = MEM_PAGE - (unsigned)(lin % MEM_PAGE), n = len;
        enum step now;

        if (n > left && vm_behaves(vm, BEHAVIOUR_PATCH_TWO_STORES))
            n = left;
        if (!may_store(vm, vc, lin, n))
            return step_fault(vc, X86_UD);
        now = mmu_store(vm, vc, lin, job->byte + job->done, n, MMU_WRITE);
        if (now == STEP_FAULT)
            return now;
        if (now == STEP_EVENT)
            end = now;
        job->done = (uint8_t)(job->done + n);
        len -= n;
    }
    return end;
}

/* KVM commits the fix-up as if the instruction were done: shadow over, RF clear. The run loop adds
 * the single-step trap. */
static void commit(struct vm *vm, struct vcpu *vc)
{
    if (vm_behaves(vm, BEHAVIOUR_PATCH_ENDS_SHADOW)) {
        vc->s.x86.shadow = 0;
        vc->s.regs.flags &= ~(uint64_t)X86_RF;
    }
}

static enum step patch_step(struct vm *vm, struct vcpu *vc)
{
    struct patch_job *job = &vc->patch;
    unsigned len = vm->nvcpu > 1 ? job->width : job->n;
    uint64_t first = cut(vc, job->lin + job->done);
    enum step end;

    if (!may_store(vm, vc, first, 1))
        return step_fault(vc, X86_UD);
    if (!unchanged(vm, vc, job))
        return STEP_RETRY;
    end = store(vm, vc, len);
    if (end == STEP_FAULT)
        return vm_behaves(vm, BEHAVIOUR_PATCH_PAGE_FAULT) ? end : step_fault(vc, X86_UD);
    if (job->done == job->n)
        commit(vm, vc);
    if (end == STEP_EVENT)
        return end;
    vm->ev->kind = TSP_EV_PATCH;
    vm->ev->info[0] = first;
    vm->ev->info[1] = len;
    return STEP_EVENT;
}

/* INIT before NMI before interrupts (Intel SDM Vol. 3A, Priority among concurrent events). */
static enum step enter_pending(struct vm *vm, struct vcpu *vc)
{
    uint64_t *pending = &vc->hv_state[0];
    struct fault f = {.trap = true};

    if ((*pending & HV_PENDING_INIT) != 0) {
        *pending = 0;
        hv_init_vcpu(vm, vc);
        if (vc->id != 0)
            return step_stop(vm, vc, TSP_STOP_OFF);
        return STEP_RETRY;
    }
    if ((*pending & HV_PENDING_NMI) != 0) {
        *pending &= ~(uint64_t)HV_PENDING_NMI;
        f.vector = X86_NMI;
    } else {
        *pending &= ~(uint64_t)HV_PENDING_INTR;
        f.vector = (uint32_t)vc->hv_state[1];
    }
    vc->fault = f;
    return STEP_FAULT;
}

enum step x86_patch_step(struct vm *vm, struct vcpu *vc)
{
    struct patch_job *job = &vc->patch;
    enum step end = STEP_RETRY;

    if (job->done < job->n) {
        end = patch_step(vm, vc);
        if (end != STEP_EVENT)
            job->n = 0; /* refused, or somebody else was faster */
    } else if (vc->hv_state[0] != 0) {
        end = enter_pending(vm, vc);
    }
    job->active = job->done < job->n || vc->hv_state[0] != 0;
    return end;
}
