/* SPDX-License-Identifier: MIT */
/* Predicates of what lies between events: an instruction begins with what the one before it left,
 * and the first one with the set-up. */
#include "spec/pred.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

static const char *const sys_name[TSP_SYS_COUNT] = {
    "CR0", "CR3", "CR4", "EFER", "XCR0", "IA32_XSS", "IA32_APIC_BASE", "CPUID faulting"};

/* NULL: nothing, or a machine that was restored in between. */
static const struct tsp_event *event_before(const struct judge *j)
{
    size_t last = j->ev->vcpu < TSP_MAX_VCPU ? j->last[j->ev->vcpu] : 0;

    return last ? &j->trace->ev[last - 1] : NULL;
}

/* A run from its reset on, of a target that shows each step. */
bool judge_steps(const struct judge *j)
{
    return (j->opt->caps & TSP_CAP_STEPS) && j->trace->ev[0].kind == TSP_EV_POLICY;
}

bool judge_stepwise(const struct judge *j)
{
    return judge_steps(j) && j->setup->nvcpu == 1;
}

/* Nothing was executed yet: the first event, and it comes of the very first instruction. These
 * rules are about instructions that always leave an event, so that the vCPU was not here before. */
bool judge_at_start(const struct judge *j)
{
    const struct tsp_event *last = event_before(j);
    unsigned vcpu = j->ev->vcpu < TSP_MAX_VCPU ? j->ev->vcpu : 0;

    return judge_stepwise(j) && last && last->kind == TSP_EV_POLICY &&
           j->ev->before.pc == j->setup->vcpu[vcpu].regs.pc;
}

static bool same_regs(const struct tsp_regs *want, const struct tsp_regs *got, struct say *say)
{
    unsigned n = tsp_mode_is_arm(got->mode) ? 32 : 16;
    char name[32];

    if (want->flags != got->flags)
        return say_value(say, "flags at the start", want->flags, got->flags);
    if (want->mode != got->mode || want->level != got->level)
        return say_value(say, "privilege level at the start", want->level, got->level);
    if (memcmp(want->r, got->r, n * sizeof(want->r[0])) == 0)
        return true;
    for (unsigned i = 0; i < n; i++) {
        if (want->r[i] == got->r[i])
            continue;
        snprintf(name, sizeof(name), "register %u at the start", i);
        return say_value(say, name, want->r[i], got->r[i]);
    }
    return true;
}

static bool same_sys(const uint64_t *want, const uint64_t *got, struct say *say)
{
    for (unsigned i = 0; i < TSP_SYS_COUNT; i++)
        if (want[i] != got[i])
            return say_value(say, sys_name[i], want[i], got[i]);
    return true;
}

static bool as_set_up(const struct judge *j, struct say *say)
{
    const struct tsp_vcpu_state *v = &j->setup->vcpu[j->ev->vcpu % TSP_MAX_VCPU];
    uint64_t sys[TSP_SYS_COUNT];

    if (!same_regs(&v->regs, &j->ev->before, say))
        return false;
    if (j->setup->arch != TSP_ARCH_X86)
        return true;
    tsp_x86_sys(&v->x86, sys);
    return same_sys(sys, j->ev->sys, say);
}

/* Only a target that shows each step says what every instruction began with. Kinds of event that
 * end in something else than the next instruction's start are left out. */
bool pred_follows(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev, *last;

    (void)p;
    last = event_before(j);
    /* Most are somewhere else: other instructions came in between. */
    if (!last || (last->kind != TSP_EV_POLICY && last->after.pc != ev->before.pc))
        return true;
    if (!judge_stepwise(j) || (last->kind != TSP_EV_POLICY && last->after.mode != ev->before.mode))
        return true;
    if (last->kind == TSP_EV_POLICY)
        return !judge_at_start(j) || as_set_up(j, say);
    switch (last->kind) {
    case TSP_EV_CPUID:
    case TSP_EV_HYPERCALL:
    case TSP_EV_PATCH:
    case TSP_EV_FAULT:
        return same_regs(&last->after, &ev->before, say) &&
               (lguest_new_table(j, last) || same_sys(last->sys, ev->sys, say));
    default:
        return true;
    }
}

/* Behind an instruction of which nothing but its length is known here; 16-bit code may wrap. */
bool pred_past(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t want = ev->before.pc + ev->len;

    (void)p;
    if (!ev->len || (uint16_t)want == (uint16_t)ev->after.pc)
        return true;
    return say_value(say, "pc", want, ev->after.pc);
}

/* The port is a byte behind E4 to E7, DX with EC to EF; OUT sends as much of RAX as is wide (Intel
 * SDM Vol. 2A IN, Vol. 2B OUT). */
static bool right_port(const struct tsp_event *ev, unsigned bits, struct say *say)
{
    unsigned n = ev->len < TSP_INSN_BYTES ? ev->len : TSP_INSN_BYTES;
    uint64_t port = ev->code, sent = ev->before.r[TSP_RAX] & bits_mask(bits);

    if (n >= 2 && (ev->fetched[n - 2] & 0xfc) == 0xe4)
        port = ev->fetched[n - 1];
    else if (n >= 1 && (ev->fetched[n - 1] & 0xfc) == 0xec)
        port = (uint16_t)ev->before.r[TSP_RDX];
    if (port != ev->code)
        return say_value(say, "port", port, ev->code);
    return !(ev->info[1] & 1) || (ev->info[0] & bits_mask(bits)) == sent ||
           say_value(say, "value sent", sent, ev->info[0]);
}

/* Port input replaces as much of RAX as is read; 32 bits clear the upper half (Intel SDM Vol. 2A
 * IN; Vol. 1 3.4.1.1). String forms are told by their opcode: they move memory. */
bool pred_pio_result(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    unsigned bits = (unsigned)(ev->info[1] >> 4 & 15) * 8;
    uint64_t was = ev->before.r[TSP_RAX], want = was;
    bool in = !(ev->info[1] & 1), string = false;

    for (unsigned i = 0; i < ev->len && i < TSP_INSN_BYTES; i++)
        string |= ev->fetched[i] >= 0x6c && ev->fetched[i] <= 0x6f;
    if (string || !judge_stepwise(j))
        return true;
    if (in && bits >= 32)
        want = (uint32_t)ev->info[0];
    else if (in && bits)
        want = (was & ~bits_mask(bits)) | (ev->info[0] & bits_mask(bits));
    if (ev->after.r[TSP_RAX] != want)
        return say_value(say, "RAX", want, ev->after.r[TSP_RAX]);
    return right_port(ev, bits, say) && pred_past(j, p, say) &&
           regs_kept_but(j, 1u << TSP_RAX, say);
}

/* RDMSR gives EDX:EAX, zero-extended; WRMSR changes no register (Intel SDM Vol. 2B). */
bool pred_msr_result(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t value = ev->info[0];

    (void)p;
    if (!judge_stepwise(j))
        return true;
    if (!pred_past(j, p, say))
        return false;
    if (ev->info[1] & 1)
        return regs_kept_but(j, 0, say);
    if (ev->after.r[TSP_RAX] != (uint32_t)value)
        return say_value(say, "RAX", (uint32_t)value, ev->after.r[TSP_RAX]);
    if (ev->after.r[TSP_RDX] != value >> 32)
        return say_value(say, "RDX", value >> 32, ev->after.r[TSP_RDX]);
    return regs_kept_but(j, 1u << TSP_RAX | 1u << TSP_RDX, say);
}
