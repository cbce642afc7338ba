/* SPDX-License-Identifier: MIT */
/*
 * Delivery of exceptions and of INT n (Intel SDM Vol. 3A chapter 6, Vol. 2A INT n; real
 * mode: 20.1.4; virtual-8086 mode: 20.3). A second exception during delivery is combined with the
 * first by the double-fault rules.
 */
#include "emu/x86/segment.h"

/* What follows a serial exception may raise another for ever (#AC in an #AC handler's stack); a
 * processor hangs. */
#define SERIAL_MAX 16u

/* A gate of the IDT, any width. */
struct gate {
    uint16_t sel, attr; /* attr: type 3:0, DPL 6:5, P 7 */
    uint8_t ist;
    uint64_t offset;
};

struct delivery {
    const struct fault *f;
    struct gate gate;
    struct tsp_segment cs;
    unsigned level; /* privilege level of the handler */
    unsigned size;  /* bytes a push */
};

/* Error code that names an IDT entry. */
static uint64_t idt_code(const struct fault *f)
{
    return (uint64_t)f->vector * 8 + 2;
}

static uint64_t return_pc(const struct vcpu *vc, const struct fault *f)
{
    uint64_t pc = vc->s.regs.pc + f->len;

    return vc->s.regs.mode == TSP_MODE_LONG64 ? pc : (uint32_t)pc;
}

/* Faults push RF set, so that the instruction can be restarted under an instruction breakpoint;
 * traps and #DF do not, and INT n, INT3 and INTO clear it first (Intel SDM Vol. 3B 17.3.1.1). */
static uint64_t pushed_flags(const struct vcpu *vc, const struct fault *f)
{
    uint64_t flags = vc->s.regs.flags;

    if (f->soft || f->vector == X86_BP || f->vector == X86_OF)
        return flags & ~(uint64_t)X86_RF;
    if (!f->trap && f->vector != X86_DF)
        flags |= X86_RF;
    return flags;
}

static enum step deliver_real(struct vm *vm, struct vcpu *vc, const struct fault *f)
{
    struct x86_stack st;
    uint8_t b[4];
    enum step step;

    if (f->vector * 4 + 3 > vc->s.x86.idt.limit)
        return step_fault_code(vc, X86_GP, idt_code(f));
    step = x86_load_system(vm, vc, vc->s.x86.idt.base + (uint64_t)f->vector * 4, b, sizeof(b));
    if (step != STEP_NEXT)
        return step;
    x86_stack_now(vc, &st);
    if (x86_stack_push(vm, vc, &st, vc->s.regs.flags, 2) == STEP_FAULT ||
        x86_stack_push(vm, vc, &st, vc->s.x86.seg[TSP_CS].sel, 2) == STEP_FAULT ||
        x86_stack_push(vm, vc, &st, return_pc(vc, f), 2) == STEP_FAULT)
        return STEP_FAULT;
    vc->s.regs.r[TSP_RSP] = st.sp;
    vc->s.regs.flags &= ~(uint64_t)(X86_IF | X86_TF | X86_AC_FLAG | X86_RF);
    vc->s.regs.pc = le_load(b, 2);
    x86_set_paragraph(vc, TSP_CS, (uint16_t)le_load(b + 2, 2));
    return STEP_NEXT;
}

static enum step read_gate(struct vm *vm, struct vcpu *vc, const struct fault *f, struct gate *g)
{
    const struct tsp_table *idt = &vc->s.x86.idt;
    unsigned size = x86_long_mode(vc) ? 16 : 8;
    uint64_t off = (uint64_t)f->vector * size;
    uint8_t b[16] = {0};
    enum step step;

    if (off + size - 1 > idt->limit)
        return step_fault_code(vc, X86_GP, idt_code(f));
    step = x86_load_system(vm, vc, idt->base + off, b, size);
    g->sel = (uint16_t)le_load(b + 2, 2);
    g->attr = b[5];
    g->ist = size == 16 ? b[4] & 7 : 0;
    g->offset = le_load(b, 2) | le_load(b + 6, 2) << 16 | le_load(b + 8, 4) << 32;
    if ((g->attr & 0xf) == SYS_INT16 || (g->attr & 0xf) == SYS_TRAP16)
        g->offset &= 0xffff;
    return step;
}

static bool gate_type_ok(const struct vcpu *vc, unsigned type)
{
    if (type == SYS_INT || type == SYS_TRAP)
        return true;
    return !x86_long_mode(vc) && (type == SYS_INT16 || type == SYS_TRAP16);
}

static enum step check_gate(struct vm *vm, struct vcpu *vc, struct delivery *d)
{
    enum step step = read_gate(vm, vc, d->f, &d->gate);
    uint16_t attr = d->gate.attr;

    if (step != STEP_NEXT)
        return step;
    if ((attr & 0x1f) == SYS_TASK_GATE && !x86_long_mode(vc))
        return step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    if ((attr & ATTR_S) || !gate_type_ok(vc, attr & 0xf))
        return step_fault_code(vc, X86_GP, idt_code(d->f));
    if (d->f->soft && attr_dpl(attr) < x86_cpl(vc))
        return step_fault_code(vc, X86_GP, idt_code(d->f));
    if (!(attr & ATTR_P))
        return step_fault_code(vc, X86_NP, idt_code(d->f));
    d->size = x86_long_mode(vc) ? 8 : (attr & 8) ? 4 : 2;
    return STEP_NEXT;
}

/* The handler's code segment decides the privilege level. */
static enum step check_code(struct vm *vm, struct vcpu *vc, struct delivery *d)
{
    uint16_t sel = d->gate.sel;
    uint64_t raw, bad = sel & ~3u;
    bool vm86 = vc->s.regs.mode == TSP_MODE_VM86;
    enum step step;

    if (bad == 0)
        return step_fault_code(vc, X86_GP, 0);
    step = x86_descriptor(vm, vc, sel, X86_GP, &raw);
    if (step != STEP_NEXT)
        return step;
    x86_unpack(raw, sel, &d->cs);
    if (!attr_is_code(d->cs.attr) || attr_dpl(d->cs.attr) > x86_cpl(vc))
        return step_fault_code(vc, X86_GP, bad);
    if (x86_long_mode(vc) && (d->cs.attr & (ATTR_L | ATTR_D)) != ATTR_L)
        return step_fault_code(vc, X86_GP, bad);
    if (!(d->cs.attr & ATTR_P))
        return step_fault_code(vc, X86_NP, bad);
    d->level = attr_is_conforming(d->cs.attr) ? x86_cpl(vc) : attr_dpl(d->cs.attr);
    if (vm86 && d->level != 0)
        return step_fault_code(vc, X86_GP, bad);
    return STEP_NEXT;
}

static enum step long_stack(struct vm *vm, struct vcpu *vc, const struct delivery *d,
                            struct x86_stack *st)
{
    bool inner = d->level != x86_cpl(vc);
    enum step step = STEP_NEXT;

    st->mode = TSP_MODE_LONG64;
    st->level = d->level;
    /* RSP0..RSP2 lie from offset 4, IST1..IST7 from offset 36 of the 64-bit TSS. */
    if (d->gate.ist)
        step = x86_tss_rsp(vm, vc, 36 + 8 * (d->gate.ist - 1u), &st->sp);
    else if (inner)
        step = x86_tss_rsp(vm, vc, 4 + 8 * d->level, &st->sp);
    if (inner)
        st->ss = (struct tsp_segment){.sel = (uint16_t)d->level, .attr = (uint16_t)(d->level << 5)};
    st->sp &= ~(uint64_t)15;
    return step;
}

static enum step inner_stack(struct vm *vm, struct vcpu *vc, const struct delivery *d,
                             struct x86_stack *st)
{
    uint16_t sel;
    enum step step = x86_tss_stack(vm, vc, d->level, &sel, &st->sp);

    st->level = d->level;
    st->mode = TSP_MODE_PROT32;
    if (step == STEP_NEXT)
        step = x86_check_stack(vm, vc, sel, d->level, X86_TS, &st->ss);
    return step;
}

static enum step choose_stack(struct vm *vm, struct vcpu *vc, const struct delivery *d,
                              struct x86_stack *st)
{
    x86_stack_now(vc, st);
    if (x86_long_mode(vc))
        return long_stack(vm, vc, d, st);
    if (d->level != x86_cpl(vc))
        return inner_stack(vm, vc, d, st);
    return STEP_NEXT;
}

/* Values to push, outermost first. */
static unsigned frame(const struct vcpu *vc, const struct delivery *d, uint64_t v[10])
{
    const struct tsp_segment *seg = vc->s.x86.seg;
    unsigned n = 0;

    if (vc->s.regs.mode == TSP_MODE_VM86) {
        v[n++] = seg[TSP_GS].sel;
        v[n++] = seg[TSP_FS].sel;
        v[n++] = seg[TSP_DS].sel;
        v[n++] = seg[TSP_ES].sel;
    }
    if (x86_long_mode(vc) || d->level != x86_cpl(vc)) {
        v[n++] = seg[TSP_SS].sel;
        v[n++] = vc->s.regs.r[TSP_RSP];
    }
    v[n++] = pushed_flags(vc, d->f);
    v[n++] = seg[TSP_CS].sel;
    v[n++] = return_pc(vc, d->f);
    if (d->f->has_error)
        v[n++] = d->f->error;
    return n;
}

static enum step push_frame(struct vm *vm, struct vcpu *vc, const struct delivery *d,
                            struct x86_stack *st)
{
    bool inner = d->level != x86_cpl(vc);
    uint64_t v[10];
    unsigned n = frame(vc, d, v);

    for (unsigned i = 0; i < n; i++) {
        if (x86_stack_push(vm, vc, st, v[i], d->size) != STEP_FAULT)
            continue;
        /* A stack fault on a stack that was switched to names it. */
        if (vc->fault.vector == X86_SS && inner && !x86_long_mode(vc))
            vc->fault.error = st->ss.sel & ~3u;
        return STEP_FAULT;
    }
    return STEP_NEXT;
}

static bool target_ok(const struct vcpu *vc, const struct delivery *d)
{
    return x86_long_mode(vc) ? x86_canonical(d->gate.offset) : d->gate.offset <= d->cs.limit;
}

/* All checks are done: the handler's registers. */
static enum step enter(struct vm *vm, struct vcpu *vc, const struct delivery *d,
                       const struct x86_stack *st)
{
    struct tsp_regs *r = &vc->s.regs;
    bool vm86 = r->mode == TSP_MODE_VM86;

    if (x86_set_code(vm, vc, &d->cs, d->level) == STEP_FAULT)
        return STEP_FAULT;
    if (vm86)
        for (unsigned i = 0; i < TSP_SEG_COUNT; i++)
            if (i == TSP_DS || i == TSP_ES || i == TSP_FS || i == TSP_GS)
                x86_set_null(vc, i, 0, 0);
    vc->s.x86.seg[TSP_SS] = st->ss;
    r->r[TSP_RSP] = st->sp;
    r->pc = d->gate.offset;
    r->flags &= ~(uint64_t)(X86_TF | X86_NT | X86_RF | X86_VM);
    if (!(d->gate.attr & 1))
        r->flags &= ~(uint64_t)X86_IF;
    x86_update_mode(vc);
    return STEP_NEXT;
}

static enum step deliver_protected(struct vm *vm, struct vcpu *vc, const struct fault *f)
{
    struct delivery d = {.f = f};
    struct x86_stack st;
    enum step step = check_gate(vm, vc, &d);

    if (step != STEP_NEXT)
        return step;
    step = check_code(vm, vc, &d);
    if (step != STEP_NEXT)
        return step;
    step = choose_stack(vm, vc, &d, &st);
    if (step != STEP_NEXT)
        return step;
    step = push_frame(vm, vc, &d, &st);
    if (step != STEP_NEXT)
        return step;
    if (!target_ok(vc, &d))
        return step_fault_code(vc, X86_GP, 0);
    return enter(vm, vc, &d, &st);
}

/* Registers that the exception itself sets, delivered or not. */
static void record(struct vcpu *vc, const struct fault *f)
{
    if (f->vector == X86_PF && !f->soft)
        vc->s.x86.cr2 = f->addr;
    if (f->vector == X86_DB && !f->soft) {
        vc->dr[6] |= f->dr6;
        vc->dr[7] &= ~(uint64_t)0x2000; /* DR7.GD: the handler may use the debug registers */
    }
}

static bool contributory(const struct fault *f)
{
    return !f->soft && (f->vector == X86_DE || (f->vector >= X86_TS && f->vector <= X86_GP));
}

static bool page_fault(const struct fault *f)
{
    return !f->soft && f->vector == X86_PF;
}

/* Intel SDM Vol. 3A table 6-5. */
static bool makes_double(const struct fault *first, const struct fault *second)
{
    if (contributory(first))
        return contributory(second);
    return page_fault(first) && (contributory(second) || page_fault(second));
}

/* Error codes of faults met while delivering something the guest did not ask for have bit 0 (EXT)
 * set. */
static void mark_external(const struct fault *first, struct fault *second)
{
    if (!first->soft && second->has_error && second->vector >= X86_TS && second->vector <= X86_GP)
        second->error |= 1;
}

static enum step deliver_once(struct vm *vm, struct vcpu *vc, const struct fault *f)
{
    struct x86_save save;
    enum step step;

    x86_save(vc, &save);
    record(vc, f);
    if (vc->s.regs.mode == TSP_MODE_REAL16)
        step = deliver_real(vm, vc, f);
    else
        step = deliver_protected(vm, vc, f);
    /* A frame that did not go to RAM: KVM has no emulation of a delivery. */
    if (step == STEP_NEXT && vm->ev->kind == TSP_EV_MMIO)
        step = step_stop(vm, vc, TSP_STOP_UNSUPPORTED);
    if (step != STEP_NEXT)
        x86_restore(vc, &save);
    return step;
}

static enum step entered(struct vm *vm, struct vcpu *vc, const struct fault *f)
{
    vc->s.x86.shadow = 0;
    vm->ev->kind = TSP_EV_FAULT;
    vm->ev->code = f->vector;
    /* Real mode has no error codes. */
    vm->ev->info[0] = f->has_error && vc->s.regs.mode != TSP_MODE_REAL16 ? f->error : 0;
    vm->ev->info[1] = page_fault(f) ? f->addr : 0;
    return STEP_EVENT;
}

/* The intercept of a shutdown leaves the VMCB undefined (AMD APM Vol. 2 15.14.3), so that KVM puts
 * the vCPU through INIT before user space sees it. */
static enum step shut_down(struct vm *vm, struct vcpu *vc)
{
    bool svm = vm_host_is_amd(vm);
    enum step step = step_stop(vm, vc, TSP_STOP_TRIPLE);

    if (svm && vm_behaves(vm, BEHAVIOUR_SHUTDOWN_INIT))
        hv_init_vcpu(vm, vc);
    return step;
}

enum step x86_deliver(struct vm *vm, struct vcpu *vc)
{
    struct fault f = vc->fault;

    x86_flags(vc);
    for (unsigned i = 0; i < SERIAL_MAX; i++) {
        enum step step = deliver_once(vm, vc, &f);

        if (step == STEP_NEXT)
            return entered(vm, vc, &f);
        if (step != STEP_FAULT)
            return step;
        if (f.vector == X86_DF && !f.soft)
            return shut_down(vm, vc);
        mark_external(&f, &vc->fault);
        if (makes_double(&f, &vc->fault)) {
            record(vc, &vc->fault);
            vc->fault = (struct fault){.vector = X86_DF, .has_error = true};
        }
        f = vc->fault;
    }
    return step_stop(vm, vc, TSP_STOP_LIVELOCK);
}
