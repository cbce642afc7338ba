/* SPDX-License-Identifier: MIT */
/*
 * The run loop. Plain instructions of a decoded block run back to back without looking at anything
 * that only traps and system instructions can change; whatever is rare (a pending trap, an
 * interrupt shadow, TF, RF, several vCPUs) goes one instruction at a time through `careful`.
 * Everything a hypervisor sees ends the run with one event.
 */
#include "emu/state/event.h"
#include "emu/x86/form.h"
#include "emu/x86/plain.h"
#include "trapspec/assert.h"

/* Kept beside the shadow bits, as the processor keeps it beside the interruptibility state (SDM
 * Vol. 3C 24.4.2): a single-step #DB is due before the next instruction. */
#define PENDING_STEP 0x100u
#define SHADOW_BITS (TSP_SHADOW_STI | TSP_SHADOW_MOVSS)
#define DR6_BS 0x4000u

static enum step (*const plain[OP_COUNT])(struct vm *, struct vcpu *, const struct insn *) = {
#define X(name) [OP_##name] = plain_##name,
    PLAIN_OPS(X)
#undef X
};

/* What one call of x86_run works with. */
struct run {
    struct vm *vm;
    struct vcpu *vc;
    uint32_t budget;
};

static bool wide_pc(const struct vcpu *vc)
{
    return vc->s.regs.mode == TSP_MODE_LONG64;
}

/* Last offset that may be fetched. */
static uint64_t code_limit(const struct vcpu *vc)
{
    return wide_pc(vc) ? ~(uint64_t)0 : vc->s.x86.seg[TSP_CS].limit;
}

static enum step plain_at(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t pc = vc->s.regs.pc, next = pc + in->len;
    enum step step;

    vc->s.regs.pc = wide_pc(vc) ? next : (uint32_t)next;
    step = plain[in->op](vm, vc, in);
    if (step == STEP_FAULT)
        vc->s.regs.pc = pc;
    if (step != STEP_NEXT)
        vc->io.regs.pc = pc; /* where an access outside RAM came first */
    return step;
}

enum step (*x86_plain_handler(unsigned op))(struct vm *, struct vcpu *, const struct insn *)
{
    return plain[op];
}

/* ---- events ---- */

static void begin(struct run *r, const struct insn *in)
{
    x86_flags(r->vc);
    r->vm->ev->kind = TSP_EV_NONE;
    ev_begin(r->vm, r->vc, in);
}

/* The event is complete, unless the vCPU has trapped here again and again. */
static void finish(struct run *r)
{
    struct tsp_event *ev = r->vm->ev;
    struct vcpu *vc = r->vc;
    bool moved = vc->s.regs.pc != ev->before.pc;

    x86_flags(vc);
    if (!moved && ev->kind != TSP_EV_STOP && ev->kind != TSP_EV_RETIRE && vcpu_stalled(vc))
        step_stop(r->vm, vc, TSP_STOP_LIVELOCK);
    ev_end(r->vm, vc);
}

static void stop(struct run *r, const struct insn *in, enum tsp_stop why)
{
    begin(r, in);
    step_stop(r->vm, r->vc, why);
    finish(r);
}

/* vc->fault is delivered; registers are those before the instruction, or after it for a trap. */
static void deliver(struct run *r, const struct insn *in)
{
    begin(r, in);
    r->vm->hold_stores = false;
    if (r->vc->fault.vector == FAULT_HELD) {
        r->vm->ev->kind = TSP_EV_FETCH;
        r->vm->ev->code = TSP_MICRO_WAIT;
        r->vc->micro.wait = true;
        ev_end(r->vm, r->vc);
        return;
    }
    r->vc->s.x86.shadow &= ~(SHADOW_BITS | PENDING_STEP);
    r->vc->answered = false;
    x86_deliver(r->vm, r->vc);
    finish(r);
}

static void deliver_step(struct run *r)
{
    r->vc->fault = (struct fault){.vector = X86_DB, .trap = true, .dr6 = DR6_BS};
    deliver(r, NULL);
}

/* ---- what an instruction leaves behind ---- */

/* State that lasts for one instruction: shadows, RF, and the trap that TF asks for. */
struct before {
    uint32_t shadow;
    bool tf, rf;
};

static struct before note(const struct vcpu *vc)
{
    uint64_t flags = vc->s.regs.flags;

    return (struct before){vc->s.x86.shadow & SHADOW_BITS, (flags & X86_TF) != 0,
                           (flags & X86_RF) != 0};
}

static void retire(struct run *r, const struct insn *in, struct before was)
{
    struct vcpu *vc = r->vc;

    vcpu_retire(r->vm, vc);
    vc->answered = false;
    vc->s.x86.shadow &= ~was.shadow;
    /* IRET is how RF is set; everything else that completes clears it (SDM Vol. 3B 17.3.1.1) */
    if (was.rf && in->op != OP_IRET)
        vc->s.regs.flags &= ~(uint64_t)X86_RF;
    /* a load of SS holds the trap back; it then comes after the next instruction, if TF is still
     * set. So does an INT that comes back: its gate clears TF and IRET brings it again */
    if (was.tf && in->op != OP_INT && (vc->s.x86.shadow & TSP_SHADOW_MOVSS) == 0)
        vc->s.x86.shadow |= PENDING_STEP;
}

/* A rewrite of guest text is no instruction: nothing is retired. Shipped code treats it as one all
 * the same. */
static void patched(struct run *r, struct before was)
{
    struct vcpu *vc = r->vc;

    if (vm_behaves(r->vm, BEHAVIOUR_PATCH_ENDS_SHADOW))
        vc->s.x86.shadow &= ~was.shadow;
    if (was.tf && vm_behaves(r->vm, BEHAVIOUR_PATCH_SINGLE_STEP))
        vc->s.x86.shadow |= PENDING_STEP;
}

/* ---- one instruction at a time ---- */

/* User space is asked for what an instruction reads before anybody can know that it will fault. The
 * registers are those before; with the answer it begins again. */
static bool asked_first(struct run *r)
{
    const struct tsp_event *ev = r->vm->ev;

    if ((ev->kind != TSP_EV_MMIO && ev->kind != TSP_EV_PIO) || (ev->info[1] & 1) != 0 ||
        r->vc->answered)
        return false;
    r->vc->answered = true;
    return true;
}

static bool is_system(unsigned op)
{
    return op >= OP_MOV_CR && op <= OP_VERW;
}

static enum step dispatch_trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    switch (in->op) {
    case OP_CPUID:
        return x86_cpuid(vm, vc, in);
    case OP_VMCALL:
    case OP_VMMCALL:
        return x86_hypercall(vm, vc, in);
    case OP_NONE: /* INSN_ILLEGAL */
    case OP_UD0:
    case OP_UD1:
    case OP_UD2:
        return x86_undefined(vm, vc, in);
    default:
        return x86_system(vm, vc, in);
    }
}

/* After STEP_RETRY nothing was executed; the same trap for ever is a livelock. true: the run ends.
 */
static bool retried(struct run *r, const struct insn *in)
{
    if (!vcpu_stalled(r->vc))
        return false;
    stop(r, in, TSP_STOP_LIVELOCK);
    return true;
}

/* A rewrite that went to a device (text in read-only memory), or waits for its stores: the
 * instruction is still to come. */
static bool rewrite_left(const struct vm *vm, const struct insn *in)
{
    return (in->op == OP_VMCALL || in->op == OP_VMMCALL) && vm->ev->kind != TSP_EV_HYPERCALL;
}

/* A trap instruction: the snapshot is taken first, whatever comes. true: the run ends with an
 * event. */
static bool trap(struct run *r, const struct insn *in)
{
    struct before was = note(r->vc);
    enum step step;

    begin(r, in);
    step = dispatch_trap(r->vm, r->vc, in);
    switch (step) {
    case STEP_NEXT:
        retire(r, in, was);
        return false;
    case STEP_RETRY:
        return retried(r, in);
    case STEP_FAULT:
        if (asked_first(r))
            break;
        deliver(r, in);
        return true;
    case STEP_EVENT:
        if (r->vm->ev->kind == TSP_EV_PATCH)
            patched(r, was);
        else if (r->vm->ev->kind != TSP_EV_FAULT && r->vm->ev->kind != TSP_EV_FETCH &&
                 !rewrite_left(r->vm, in))
            retire(r, in, was);
        break;
    default:
        if (r->vm->ev->code == TSP_STOP_HALT)
            retire(r, in, was);
        break;
    }
    finish(r);
    return true;
}

/* What KVM's emulator does not have, or does in other steps than a processor
 * (torvalds/linux arch/x86/kvm/emulate.c): nobody can say what user space sees of their accesses.
 */
static bool not_emulated(const struct insn *in)
{
    switch (in->op) {
    case OP_MOVBE:
        return (in->prefix & INSN_OPSZ) != 0;
    case OP_SCAS:
        return (in->prefix & (INSN_REP | INSN_REPNE)) != 0;
    case OP_CMPS:
    case OP_POPA:
    case OP_ENTER:
    case OP_BOUND:
    case OP_ARPL:
    case OP_SLDT:
    case OP_STR:
    case OP_LAR:
    case OP_LSL:
    case OP_VERR:
    case OP_VERW:
        return true;
    default:
        return false;
    }
}

/* An event of an instruction of which no snapshot was taken: the access left what it began with in
 * vc->io. */
static void finish_io(struct run *r, const struct insn *in)
{
    if (r->vm->ev->kind == TSP_EV_MMIO && not_emulated(in))
        step_stop(r->vm, r->vc, TSP_STOP_UNSUPPORTED);
    x86_flags(r->vc);
    vcpu_swap_io(r->vc);
    x86_flags(r->vc);
    ev_begin(r->vm, r->vc, in);
    vcpu_swap_io(r->vc);
    finish(r);
}

/* A plain or system instruction. true: the run ends with an event. */
static bool quiet(struct run *r, const struct insn *in)
{
    struct vcpu *vc = r->vc;
    struct before was = note(vc);
    enum step step;

    if (is_system(in->op)) {
        vc->io.regs = vc->s.regs;
        vc->io.lazy = vc->lazy;
        step = x86_system(r->vm, vc, in);
    } else {
        step = plain_at(r->vm, vc, in);
    }
    switch (step) {
    case STEP_NEXT:
        retire(r, in, was);
        return false;
    case STEP_RETRY: /* a string instruction with elements left */
        if (was.tf)
            vc->s.x86.shadow |= PENDING_STEP;
        return false;
    case STEP_FAULT:
        if (asked_first(r))
            finish_io(r, in);
        else
            deliver(r, in);
        return true;
    default:
        if (step == STEP_EVENT)
            retire(r, in, was);
        finish_io(r, in);
        return true;
    }
}

/* The instruction's last byte lies where there is no RAM. */
static bool outside_ram(struct run *r, const struct insn *in)
{
    uint64_t gpa = 0;

    mmu_text_at(r->vm, r->vc, vcpu_lin(r->vc) + in->len - 1, &gpa);
    return !mem_has(&r->vm->mem, gpa, 1);
}

/* Instructions that are none. true: the run ends; they never complete. */
static bool bad(struct run *r, const struct insn *in)
{
    if (in->status == INSN_ILLEGAL)
        return trap(r, in);
    /* Where there is nothing to emulate KVM tells user space, or, above CPL 0, the guest
     * (torvalds/linux arch/x86/kvm/x86.c handle_emulation_failure). */
    if (in->status == INSN_UNSUPPORTED && r->vc->s.regs.level != 0 && outside_ram(r, in)) {
        step_fault(r->vc, X86_UD);
        deliver(r, in);
        return true;
    }
    if (in->status == INSN_UNSUPPORTED) {
        stop(r, in, TSP_STOP_UNSUPPORTED);
        return true;
    }
    /* over 15 bytes; cut off by nothing that can be fetched */
    step_fault_code(r->vc, X86_GP, 0);
    deliver(r, in);
    return true;
}

/* The instruction at pc, decoded; NULL after a fetch that failed was delivered. */
static const struct code_block *fetch(struct run *r)
{
    struct vcpu *vc = r->vc;
    uint64_t limit = code_limit(vc), off;
    const struct code_block *b = NULL;

    if (vc->s.regs.pc > limit) {
        step_fault_code(vc, X86_GP, 0);
    } else {
        b = code_lookup(r->vm, vc, vcpu_lin(vc));
        if (b)
            return b;
        /* the limit is looked at before the page tables: a byte beyond it does not get as far as
         * #PF */
        off = (uint32_t)(vc->fault.addr - vc->s.x86.seg[TSP_CS].base);
        if (!wide_pc(vc) && vc->fault.vector == X86_PF && off > limit)
            step_fault_code(vc, X86_GP, 0);
    }
    deliver(r, NULL);
    return NULL;
}

static bool beyond_limit(const struct vcpu *vc, const struct insn *in)
{
    return !wide_pc(vc) && vc->s.regs.pc + in->len - 1 > vc->s.x86.seg[TSP_CS].limit;
}

/* One instruction with everything that may surround it. true: the run ends with an event. */
static bool careful(struct run *r, const struct insn *in)
{
    r->budget--;
    if (beyond_limit(r->vc, in)) {
        step_fault_code(r->vc, X86_GP, 0);
        deliver(r, in);
        return true;
    }
    if (in->status != INSN_OK)
        return bad(r, in);
    return in->op <= OP_TRAP_LAST ? trap(r, in) : quiet(r, in);
}

/* ---- plain instructions back to back ---- */

/* Nothing that lasts for one instruction is in force, and nobody watches single steps. */
static bool undisturbed(const struct vm *vm, const struct vcpu *vc)
{
    return vm->nvcpu == 1 && vc->s.x86.shadow == 0 && !vc->answered &&
           (vc->s.regs.flags & (X86_TF | X86_RF)) == 0;
}

static void add_retired(struct run *r, uint32_t n)
{
    r->vc->retired += n;
    r->vm->tsc += n;
    r->budget -= n;
}

/* The instruction at pc did not simply end. Sets *ended when an event was made. */
static void end_plain(struct run *r, const struct insn *in, enum step step, uint64_t pc,
                      bool *ended)
{
    struct vcpu *vc = r->vc;

    r->budget--;
    if (step == STEP_RETRY)
        return;
    *ended = true;
    if (step == STEP_FAULT && asked_first(r)) {
        vc->s.regs.pc = vc->io.regs.pc = pc;
        finish_io(r, in);
    } else if (step == STEP_FAULT) {
        vc->s.regs.pc = pc;
        deliver(r, in);
    } else {
        vc->io.regs.pc = pc;
        vcpu_retire(r->vm, vc);
        finish_io(r, in);
    }
}

/*
 * Runs the plain instructions of b from the first on. Returns the instruction at which it stopped
 * for being something else, or NULL when the block (or the budget, or its validity) is at an end.
 * *ended: an event was made.
 */
static const struct insn *run_block(struct run *r, const struct code_block *b, bool *ended)
{
    struct vm *vm = r->vm;
    struct vcpu *vc = r->vc;
    uint32_t n = b->nplain < r->budget ? b->nplain : r->budget;
    struct form_run f;

    /* Where the end of the segment is not in reach no instruction need look for it. */
    if (n == 0 || vc->s.regs.pc + b->bytes > code_limit(vc))
        return b->insn;
    f = form_run(vm, vc, b, n);
    add_retired(r, f.n);
    if (f.step != STEP_NEXT)
        end_plain(r, &b->insn[f.n], f.step, f.pc, ended);
    else if (b->valid && f.n < b->n && r->budget > 0)
        return &b->insn[f.n];
    return NULL;
}

/* Blocks until something ends the run; true when an event was made, false when the budget is used
 * up. */
static bool run_blocks(struct run *r)
{
    struct vcpu *vc = r->vc;
    const struct code_block *b = NULL;
    const struct insn *in;
    uint64_t start = 0;
    uint32_t mode = 0;
    bool ended = false;

    while (r->budget > 0) {
        if ((vc->s.x86.shadow & PENDING_STEP) != 0) {
            deliver_step(r);
            return true;
        }
        /* a loop of one block is not looked up again: stores that matter make it invalid */
        if (!b || !b->valid || vc->s.regs.pc != start || vc->s.regs.mode != mode) {
            b = fetch(r);
            if (!b)
                return true;
            start = vc->s.regs.pc;
            mode = vc->s.regs.mode;
        }
        in = undisturbed(r->vm, vc) ? run_block(r, b, &ended) : b->insn;
        if (ended)
            return true;
        if (!in)
            continue;
        b = NULL;
        if (careful(r, in))
            return true;
    }
    return false;
}

/* One instruction, and an event for it even when it was plain. */
static void run_insn(struct run *r, const struct insn *in)
{
    begin(r, in);
    if (careful(r, in))
        return;
    r->vm->ev->kind = TSP_EV_RETIRE;
    finish(r);
}

/* Several vCPUs. */
static void run_one(struct run *r)
{
    struct vcpu *vc = r->vc;
    const struct code_block *b;

    if ((vc->s.x86.shadow & PENDING_STEP) != 0) {
        deliver_step(r);
        return;
    }
    b = fetch(r);
    if (b)
        run_insn(r, &b->insn[0]);
}

static bool next_store(struct run *r)
{
    struct before was = note(r->vc);
    enum step step;

    begin(r, NULL);
    step = x86_patch_step(r->vm, r->vc);
    if (step == STEP_FAULT) {
        deliver(r, NULL);
        return true;
    }
    if (step == STEP_EVENT && r->vm->ev->kind == TSP_EV_PATCH)
        patched(r, was);
    if (step == STEP_NEXT || step == STEP_RETRY) {
        if (r->vm->nvcpu == 1) {
            r->budget--; /* an INIT is a step of its own */
            return false;
        }
        r->vm->ev->kind = TSP_EV_RETIRE;
    }
    finish(r);
    return true;
}

/* A rewrite's stores come first, then what is pending. true: the run ends. */
static bool continue_patch(struct run *r)
{
    struct patch_job *job = &r->vc->patch;
    bool end;

    job->shown = job->done < job->n;
    end = next_store(r);
    job->shown = false;
    return end;
}

void x86_run(struct vm *vm, struct vcpu *vc, uint32_t budget)
{
    struct run r = {vm, vc, budget};

    if (vc->patch.active && continue_patch(&r))
        return;
    if (vm->nvcpu > 1) {
        run_one(&r);
        return;
    }
    if (!run_blocks(&r))
        stop(&r, NULL, TSP_STOP_BUDGET);
}

bool x86_step_pending(struct vm *vm, struct vcpu *vc)
{
    struct run r = {vm, vc, 1};

    if (vc->patch.active) {
        if (!continue_patch(&r)) {
            vm->ev->kind = TSP_EV_RETIRE;
            finish(&r);
        }
        return true;
    }
    if ((vc->s.x86.shadow & PENDING_STEP) == 0)
        return false;
    deliver_step(&r);
    return true;
}

void x86_step(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct run r = {vm, vc, 1};

    if (in != NULL)
        run_insn(&r, in);
    else
        deliver(&r, NULL);
}
