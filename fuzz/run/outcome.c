/* SPDX-License-Identifier: MIT */
/*
 * The end of a run as a black-box harness sees it: how it ended, the registers, the exception frame
 * that the guest's own handler found on its stack, and some memory. Everything is read back from
 * the guest, nothing is taken from the model's idea of what it delivered.
 */
#include "fuzz/run/run.h"

#include <string.h>

#include "trapspec/bits.h"

#define EFER_LMA (1ull << 10)
#define CR0_PE 1ull
#define FLAG_VM (1ull << 17)
#define SEG_BIG (1u << 14)
#define VECTOR_PF 14u

struct look {
    struct target *t;
    const struct scenario *s;
    const struct tsp_setup *setup;
    const struct tsp_trace *trace;
    struct tsp_vcpu_state end;
    struct outcome *o;
};

/* Reads memory at a linear address of the start's mapping; returns how many bytes could be read. */
static size_t look_lin(const struct look *l, uint64_t lin, uint8_t *buf, size_t len)
{
    size_t n = 0;

    while (n < len) {
        uint64_t at = lin + n;
        size_t part = 4096 - (size_t)(at & 4095);

        if (part > len - n)
            part = len - n;
        if (l->t->ops->peek(l->t->self, input_gpa(l->s, at), buf + n, part) != TSP_OK)
            break;
        n += part;
    }
    return n;
}

static uint64_t look_word(const struct look *l, uint64_t lin, unsigned size)
{
    uint8_t b[8] = {0};

    look_lin(l, lin, b, size);
    return le_load(b, size);
}

/* Vectors that push an error code outside real mode (Intel SDM Vol. 3A table 6-1, AMD APM Vol. 2
 * ch. 8). */
static bool pushes_error(unsigned vector)
{
    const uint32_t mask = 1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 |
                          1u << 17 | 1u << 21 | 1u << 29 | 1u << 30;

    return vector < 32 && ((mask >> vector) & 1);
}

/* The last entry into a handler was an INT n of the guest: no error code, whatever the vector. */
static bool was_soft(const struct look *l, unsigned vector)
{
    for (size_t i = l->trace->n; i-- > 0;) {
        const struct tsp_event *e = &l->trace->ev[i];

        if (e->kind != TSP_EV_FAULT || e->vcpu != 0)
            continue;
        return e->len >= 2 && e->info[0] == 0 && e->fetched[e->len - 2] == 0xcd &&
               e->fetched[e->len - 1] == vector;
    }
    return false;
}

/* Bytes of one frame element: by mode, in protected mode by the gate's type. */
static unsigned frame_width(const struct look *l, unsigned vector)
{
    const struct tsp_x86_state *x = &l->end.x86;
    uint64_t type;

    if (x->efer & EFER_LMA)
        return 8;
    if (!(x->cr0 & CR0_PE))
        return 2;
    type = look_word(l, x->idt.base + (uint64_t)8 * vector + 5, 1) & 0xf;
    return type == 6 || type == 7 ? 2 : 4;
}

static uint64_t stack_top(const struct look *l)
{
    const struct tsp_segment *ss = &l->end.x86.seg[TSP_SS];
    uint64_t sp = l->end.regs.r[TSP_RSP];

    if (l->end.regs.mode == TSP_MODE_LONG64)
        return sp;
    return (uint32_t)(ss->base + ((ss->attr & SEG_BIG) ? (uint32_t)sp : (uint16_t)sp));
}

static void exception_x86(struct look *l, unsigned vector)
{
    unsigned width = frame_width(l, vector);
    uint64_t at = stack_top(l);
    struct outcome *o = l->o;

    o->exit = OUTCOME_EXCEPTION;
    o->exc = true;
    o->exc_vector = vector;
    o->exc_has_error = (l->end.x86.cr0 & CR0_PE) && pushes_error(vector) && !was_soft(l, vector);
    if (o->exc_has_error) {
        o->exc_error = look_word(l, at, width);
        at += width;
    }
    o->exc_rip = look_word(l, at, width);
    o->exc_cs = look_word(l, at + width, width) & 0xffff;
    o->exc_rflags = look_word(l, at + (uint64_t)2 * width, width);
    o->exc_has_cr2 = vector == VECTOR_PF;
    o->exc_cr2 = o->exc_has_cr2 ? l->end.x86.cr2 : 0;
}

static bool in_handler(const struct look *l)
{
    uint64_t vbar = l->end.arm64.vbar_el1;
    int vector;

    if (l->s->mode == TSP_MODE_A64)
        return l->end.regs.pc - vbar < 0x800 && l->end.regs.level == 1;
    vector = input_stub_vector(l->s, l->end.regs.pc);
    if (tsp_mode_is_aarch32(l->s->mode))
        return vector >= 0 && l->end.regs.level == 1;
    return vector >= 0 && !(l->end.regs.flags & FLAG_VM);
}

/* R14 and the SPSR of the handler's mode; a status for aborts. */
static void exception_arm32(struct look *l)
{
    const struct tsp_arm64_state *a = &l->end.arm64;
    struct outcome *o = l->o;
    bool undef, svc;

    o->exit = OUTCOME_EXCEPTION;
    o->exc = o->exc_has_error = true;
    o->exc_vector = (uint32_t)input_stub_vector(l->s, l->end.regs.pc);
    undef = o->exc_vector == 0x04;
    svc = o->exc_vector == 0x08;
    if (!undef && !svc)
        o->exc_error = o->exc_vector == 0x0c ? a->ifsr : a->esr_el1;
    o->exc_rip = l->end.regs.r[undef ? 22 : svc ? 18 : 20];
    o->exc_rflags = undef ? a->spsr_und : svc ? a->spsr_el1 : a->spsr_abt;
}

static void exception_arm64(struct look *l)
{
    const struct tsp_arm64_state *a = &l->end.arm64;
    struct outcome *o = l->o;

    o->exit = OUTCOME_EXCEPTION;
    o->exc = true;
    o->exc_has_error = true;
    /* 0x80 bytes a vector (Arm ARM D1.3.1.5). */
    o->exc_vector = (uint32_t)(l->end.regs.pc - a->vbar_el1) & ~0x7fu;
    o->exc_error = a->esr_el1;
    o->exc_rip = a->elr_el1;
    o->exc_rflags = a->spsr_el1;
}

/* HLT, or the AArch64 end store: the end mark itself, or the one in a handler's stub. */
static void ended(struct look *l, enum outcome_exit plain)
{
    l->o->exit = (uint8_t)plain;
    if (!in_handler(l))
        return;
    if (tsp_mode_is_aarch32(l->s->mode))
        exception_arm32(l);
    else if (l->s->arch == TSP_ARCH_ARM64)
        exception_arm64(l);
    else
        exception_x86(l, (unsigned)input_stub_vector(l->s, l->end.regs.pc));
}

/* A hypercall handed to user space: KVM_EXIT_HYPERCALL carries the number and three arguments, as
 * wide as the caller's mode makes them (Linux Documentation/virt/kvm/api.rst 5). */
static void hypercall_exit(struct look *l, const struct tsp_event *e)
{
    static const uint8_t reg[3] = {TSP_RBX, TSP_RCX, TSP_RDX};
    struct outcome *o = l->o;

    o->exit = OUTCOME_HYPERCALL;
    o->has_call = true;
    o->call_nr = e->info[0];
    o->call_wide = e->before.mode == TSP_MODE_LONG64;
    for (unsigned i = 0; i < 3; i++)
        o->call_arg[i] = o->call_wide ? e->before.r[reg[i]] : (uint32_t)e->before.r[reg[i]];
}

static void system_exit(struct outcome *o, uint32_t type)
{
    o->exit = OUTCOME_SYSTEM;
    o->code = type;
}

static void stopped(struct look *l, const struct tsp_event *e)
{
    struct outcome *o = l->o;

    switch (e->code) {
    case TSP_STOP_HALT:
        if (l->s->arch == TSP_ARCH_ARM64)
            o->exit = OUTCOME_TIMEOUT;
        else
            ended(l, OUTCOME_HALT);
        break;
    case TSP_STOP_END:
        ended(l, l->s->arch == TSP_ARCH_X86 ? OUTCOME_IO : OUTCOME_END);
        break;
    case TSP_STOP_EXIT:
        hypercall_exit(l, e);
        break;
    case TSP_STOP_SHUTDOWN:
        system_exit(o, 1);
        break;
    case TSP_STOP_RESET:
        system_exit(o, 2);
        break;
    case TSP_STOP_SUSPEND:
        if (e->info[0] && (l->setup->config & TSP_CFG_SYS_SUSPEND))
            system_exit(o, 5);
        else
            o->exit = OUTCOME_TIMEOUT;
        break;
    case TSP_STOP_TRIPLE:
        o->exit = OUTCOME_SHUTDOWN;
        break;
    case TSP_STOP_UNSUPPORTED:
        /* No byte at all: code outside RAM, where KVM's emulator gives up
         * (KVM_INTERNAL_ERROR_EMULATION). */
        o->exit = e->len == 0 ? OUTCOME_INTERNAL : OUTCOME_UNSUPPORTED;
        o->code = e->len == 0 ? 1 : 0;
        break;
    case TSP_STOP_ERROR:
        o->exit = OUTCOME_INTERNAL;
        o->code = (uint32_t)e->info[1]; /* the hypervisor's own number of it */
        break;
    case TSP_STOP_DONE:
        o->exit = OUTCOME_NONE;
        break;
    default: /* BUDGET, LIVELOCK, OFF */
        o->exit = OUTCOME_TIMEOUT;
        break;
    }
}

/* OUTS: its registers have moved on when user space is asked; those of IN, OUT and INS have not. */
static bool is_outs(const struct tsp_event *e)
{
    return e->len > 0 && (e->fetched[e->len - 1] & 0xfe) == 0x6e;
}

/* An access that a black-box harness would have been asked to complete: the run ends there for it.
 */
static bool left_ram(struct look *l, const struct tsp_event *e)
{
    struct outcome *o = l->o;

    if (e->kind == TSP_EV_PIO && e->code != l->setup->console_port) {
        o->exit = OUTCOME_IO;
        o->code = e->code;
        o->out = is_outs(e) ? e->after : e->before;
        return true;
    }
    if (e->kind != TSP_EV_MMIO || (e->addr == l->setup->console_mmio && e->addr))
        return false;
    o->exit = OUTCOME_MMIO;
    o->out = e->after;
    o->has_mmio = true;
    o->mmio_gpa = e->addr;
    o->mmio_len = (uint32_t)(e->info[1] >> 4) & 15;
    o->mmio_exits = 1;
    if (e->info[1] & 1)
        le_store(o->mmio_data, e->info[0], o->mmio_len < 8 ? o->mmio_len : 8);
    return true;
}

/* Memory as it is now. Behind an access that ended the run for a black box it went on, and memory
 * may show more than it has to: `later`. */
static void look_memory(struct look *l, bool later)
{
    struct outcome *o = l->o;
    uint64_t gpa[2] = {0, 0};
    unsigned size = 0;
    uint8_t b[8];

    if (later && o->exit == OUTCOME_IO)
        return;
    o->mem_len = (uint8_t)look_lin(l, l->s->code_at, o->mem, OUTCOME_MEM);
    input_pte_at(l->s, gpa, &size);
    o->has_pte = size != 0 && size <= 8 && gpa[0] != 0;
    for (unsigned i = 0; i < 2 && o->has_pte; i++) {
        memset(b, 0, sizeof(b));
        l->t->ops->peek(l->t->self, gpa[i], b, size);
        o->pte[i] = le_load(b, size);
    }
    if (l->s->arch == TSP_ARCH_X86 && l->s->cs_base != 0)
        o->has_nobase = look_lin(l, (uint32_t)(l->s->code_at - l->s->cs_base), o->nobase, 16) == 16;
}

void exec_outcome(struct target *t, const struct scenario *s, const struct tsp_setup *setup,
                  const struct tsp_trace *trace, struct outcome *out)
{
    struct look l = {.t = t, .s = s, .setup = setup, .trace = trace, .o = out};
    size_t at;

    memset(out, 0, sizeof(*out));
    out->exit = OUTCOME_TIMEOUT;
    if (t->ops->get_vcpu(t->self, 0, &l.end) != TSP_OK && trace->n)
        l.end.regs = trace->ev[trace->n - 1].after;
    out->out = l.end.regs;
    for (at = 0; at < trace->n; at++) {
        const struct tsp_event *e = &trace->ev[at];

        if (e->vcpu != 0)
            continue;
        if (left_ram(&l, e))
            break;
        if (e->kind == TSP_EV_STOP) {
            stopped(&l, e);
            break;
        }
    }
    look_memory(&l, at + 1 < trace->n);
}
