/* SPDX-License-Identifier: MIT */
/* KVM on x86: what an exit says, and what the guest's own handler was given. */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include "trapspec/bits.h"

#include <string.h>

#define CR0_PE 1ull
#define EFER_LMA (1ull << 10)
#define ATTR_D (1u << 14)
#define VECTOR_PF 14u
#define HLT 0xf4u
#define OUT_IMM8 0xe6u

/* The processor's own OUT exits with RIP at it, one that KVM's emulator did (after an access it had
 * to emulate, or on processors without virtualization extensions) with RIP behind it. Which it was
 * shows in the bytes: told is always the first. */
static void back_to_out(struct live_machine *k, struct tsp_event *stop)
{
    uint64_t lin = initial_linear(k->setup, stop->after.pc);
    uint8_t at = 0, before[2] = {0};

    live_read_linear(k, lin, &at, 1);
    live_read_linear(k, lin - 2, before, 2);
    if (at == OUT_IMM8 || before[0] != OUT_IMM8 || before[1] != k->setup->end_port)
        return;
    stop->before.pc -= 2;
    stop->after.pc -= 2;
    stop->addr -= 2;
}

/* One event an element of a string instruction; an OUT to the end port ends the run before it is
 * done. */
static void exit_port(struct live_machine *k, unsigned i)
{
    struct live_core *c = &k->core[i];
    const struct tsp_setup *s = k->setup;
    uint8_t *data = (uint8_t *)c->run + c->run->io.data_offset;
    uint32_t size = c->run->io.size, count = c->run->io.count, port = c->run->io.port;
    bool out = c->run->io.direction == KVM_EXIT_IO_OUT;
    unsigned first = k->nqueue;
    struct tsp_regs after;

    if (out && s->end_port && port == s->end_port) {
        live_stop(k, i, TSP_STOP_END, 0);
        back_to_out(k, &k->queue[k->nqueue - 1]);
        c->incomplete = true;
        return;
    }
    if (!out)
        memset(data, 0xff, (size_t)size * count);
    for (uint32_t n = 0; n < count && k->nqueue < LIVE_QUEUE_MAX; n++) {
        struct tsp_event *e = live_event(k, i, TSP_EV_PIO);

        e->code = port;
        e->info[0] = le_load(data + (size_t)n * size, size < 8 ? size : 8);
        e->info[1] = (out ? 1u : 0u) | size << 4;
    }
    c->incomplete = true;
    live_complete(k, i);
    live_arch_regs(k, i, &after);
    while (first < k->nqueue)
        k->queue[first++].after = after;
}

/* The event shows what user space was told: the number, and arguments that are not the registers.
 */
static bool exit_call(struct live_machine *k, unsigned i)
{
    static const uint8_t reg[3] = {TSP_RBX, TSP_RCX, TSP_RDX};
    struct live_core *c = &k->core[i];
    struct tsp_event *e;

    if (k->setup->config & TSP_CFG_EXIT_RESUME) {
        c->run->hypercall.ret = k->setup->exit_ret;
        c->incomplete = true;
        return false;
    }
    live_stop(k, i, TSP_STOP_EXIT, c->run->hypercall.nr);
    e = &k->queue[k->nqueue - 1];
    for (unsigned a = 0; a < 3; a++) {
        uint64_t *r = &e->before.r[reg[a]], told = c->run->hypercall.args[a];

        if (told != ((c->run->hypercall.longmode & 1) != 0 ? *r : (uint32_t)*r))
            *r = told;
    }
    if (c->run->hypercall.longmode & 1)
        e->before.mode = TSP_MODE_LONG64;
    else if (e->before.mode == TSP_MODE_LONG64)
        e->before.mode = TSP_MODE_COMPAT32;
    return true;
}

bool live_arch_exit(struct live_machine *k, unsigned i)
{
    const struct kvm_run *run = k->core[i].run;

    switch (run->exit_reason) {
    case KVM_EXIT_HLT:
        live_stop(k, i, TSP_STOP_HALT, 0);
        return true;
    case KVM_EXIT_IO:
        exit_port(k, i);
        return true;
    case KVM_EXIT_HYPERCALL:
        return exit_call(k, i);
    case KVM_EXIT_HYPERV:
        live_stop(k, i, TSP_STOP_EXIT, run->hyperv.u.hcall.input);
        return true;
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_TPR_ACCESS:
        return false;
    default:
        live_stop(k, i, TSP_STOP_ERROR, run->exit_reason);
        return true;
    }
}

const uint32_t live_arch_patience = 4;

/* A halted vCPU stays halted when a signal takes it back, so that looking early does no harm. */
uint32_t live_arch_tick(const struct live_machine *k)
{
    return k->limit_ms < 10 ? k->limit_ms : 10;
}

/* HLT that waits inside the kernel or the processor: nothing interrupts these machines. */
enum tsp_stop live_arch_stuck(struct live_machine *k, unsigned i, bool *final)
{
    struct kvm_mp_state m = {.mp_state = KVM_MP_STATE_RUNNABLE};
    struct tsp_regs r;
    uint8_t last = 0;

    *final = false;
    if ((k->setup->config & TSP_CFG_IRQCHIP) &&
        live_call(k->core[i].fd, KVM_GET_MP_STATE, &m) == 0 &&
        m.mp_state != KVM_MP_STATE_RUNNABLE) {
        *final = true;
        return m.mp_state == KVM_MP_STATE_HALTED ? TSP_STOP_HALT : TSP_STOP_OFF;
    }
    if (!(k->setup->config & TSP_CFG_HLT_NOEXIT))
        return TSP_STOP_LIVELOCK;
    live_arch_regs(k, i, &r);
    if (live_read_linear(k, initial_linear(k->setup, r.pc - 1), &last, 1) && last == HLT)
        return TSP_STOP_HALT;
    return TSP_STOP_LIVELOCK;
}

/* A handler's address from the IDT or IVT in force; its selector matters in real mode only. */
static bool gate(struct live_machine *k, const struct tsp_x86_state *x, unsigned v, uint64_t *lin)
{
    unsigned size = x->efer & EFER_LMA ? 16 : x->cr0 & CR0_PE ? 8 : 4;
    uint8_t b[16];

    if ((v + 1) * size - 1 > x->idt.limit ||
        !live_read_linear(k, x->idt.base + (uint64_t)v * size, b, size))
        return false;
    if (size == 4)
        *lin = le_load(b, 2) + (le_load(b + 2, 2) << 4);
    else
        *lin = le_load(b, 2) | le_load(b + 6, 2) << 16;
    if (size == 16)
        *lin |= le_load(b + 8, 4) << 32;
    return true;
}

/* Vectors that push an error code (Intel SDM Vol. 3A table 6-1, AMD APM Vol. 2 ch. 8). */
static bool pushes_error(unsigned v)
{
    return v < 32 && ((0x60227d00u >> v) & 1);
}

/* Width of a frame's elements: by mode, in protected mode by the gate's type. */
static unsigned frame_width(struct live_machine *k, const struct tsp_x86_state *x, unsigned v)
{
    uint8_t type = 0;

    if (x->efer & EFER_LMA)
        return 8;
    if (!(x->cr0 & CR0_PE))
        return 2;
    live_read_linear(k, x->idt.base + (uint64_t)v * 8 + 5, &type, 1);
    return (type & 15) == 6 || (type & 15) == 7 ? 2 : 4;
}

static uint64_t word(struct live_machine *k, uint64_t lin, unsigned size)
{
    uint8_t b[8] = {0};

    return live_read_linear(k, lin, b, size) ? le_load(b, size) : 0;
}

/* INT n pushes no error code, whatever the vector; the return address then lies behind it. */
static bool was_soft(struct live_machine *k, unsigned v)
{
    uint64_t lin = initial_linear(k->setup, k->setup->vcpu[0].regs.pc);

    return word(k, lin, 1) == 0xcd && word(k, lin + 1, 1) == v;
}

static void read_frame(struct live_machine *k, const struct tsp_vcpu_state *v, struct outcome *o)
{
    const struct tsp_segment *ss = &v->x86.seg[TSP_SS];
    unsigned width = frame_width(k, &v->x86, o->exc_vector);
    uint64_t sp = v->regs.r[TSP_RSP], at = sp;

    if (v->regs.mode != TSP_MODE_LONG64)
        at = (uint32_t)(ss->base + (ss->attr & ATTR_D ? (uint32_t)sp : (uint16_t)sp));
    o->exc_has_error =
        (v->x86.cr0 & CR0_PE) && pushes_error(o->exc_vector) && !was_soft(k, o->exc_vector);
    if (o->exc_has_error) {
        o->exc_error = word(k, at, width);
        at += width;
    }
    o->exc_rip = word(k, at, width);
    o->exc_cs = word(k, at + width, width) & 0xffff;
    o->exc_rflags = word(k, at + (uint64_t)2 * width, width);
    o->exc_has_cr2 = o->exc_vector == VECTOR_PF;
    o->exc_cr2 = o->exc_has_cr2 ? v->x86.cr2 : 0;
}

/* Handlers of these machines begin with the end mark they end with: HLT, or OUT where HLT would
 * only wait. */
bool live_arch_exception(struct live_machine *k, struct outcome *o)
{
    struct tsp_vcpu_state v;
    uint64_t pc, lin;

    memset(&v, 0, sizeof(v));
    if (live_arch_get(k, 0, &v) != TSP_OK || v.regs.level != 0 || v.regs.mode == TSP_MODE_VM86)
        return false;
    pc = o->out.pc - (o->exit == OUTCOME_HALT ? 1 : 0);
    if (v.regs.mode != TSP_MODE_LONG64)
        pc = (uint32_t)(pc + v.x86.seg[TSP_CS].base);
    for (unsigned n = 0; n < 256; n++) {
        if (!gate(k, &v.x86, n, &lin) || lin != pc)
            continue;
        o->exc_vector = n;
        read_frame(k, &v, o);
        return true;
    }
    return false;
}
