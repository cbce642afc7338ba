/* SPDX-License-Identifier: MIT */
/* Targets whose events are right and whose machine is not: state, frames and memory that only a
 * look shows, and instructions that nothing tells of. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define UD 6u
#define GP 13u
#define STUB 0x100u

/* What an instruction that completes leaves behind in the vCPU. */
static const char *const state_name[] = {"cr2", "shadow", "ds", "gs", "idt", "efer", "rbx", "pc"};

static void name_state(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", state_name[i]);
}

static void spoil(unsigned i, struct tsp_vcpu_state *s)
{
    switch (i) {
    case 0:
        s->x86.cr2 ^= 0x1000;
        break;
    case 1:
        s->x86.shadow = TSP_SHADOW_STI;
        break;
    case 2:
        s->x86.seg[TSP_DS].sel ^= 8;
        break;
    case 3:
        s->x86.seg[TSP_GS].base += 8;
        break;
    case 4:
        s->x86.idt.limit--;
        break;
    case 5:
        s->x86.efer ^= 1;
        break;
    case 6:
        s->regs.r[TSP_RBX] ^= 1;
        break;
    default:
        s->regs.pc++;
    }
}

static bool end_state(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    if ((ev->kind != TSP_EV_CPUID && !is_x86_call(ev)) || !mutant_get_vcpu(m, ev->vcpu, &s))
        return false;
    spoil(m->i, &s);
    mutant_set_vcpu(m, ev->vcpu, &s);
    return false;
}

/* The frame of 64-bit #UD: words, and RF in the flags. */
static const char *const frame_name[] = {"rip", "cs", "flags", "rsp", "ss", "rf"};

static void name_frame(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", frame_name[i]);
}

static bool end_frame(struct mutant *m, struct tsp_event *ev)
{
    unsigned word = m->i == 5 ? 2 : m->i, bit = m->i == 5 ? 16 : word ? 3 : 1;
    uint64_t at = ev->after.r[TSP_RSP] + (uint64_t)8 * word;
    uint8_t b[8];

    if (ev->kind != TSP_EV_FAULT || ev->code != UD || ev->after.mode != TSP_MODE_LONG64 ||
        !mutant_read(m, at, b, sizeof(b)))
        return false;
    le_store(b, le_load(b, 8) ^ 1ull << bit, 8);
    mutant_write(m, at, b, sizeof(b));
    return false;
}

static const char *const handler_name[] = {"cs", "ss", "cr2", "error", "gate", "triple", "step"};

static void name_handler(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", handler_name[i]);
}

static bool end_handler(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    if (m->i == 6 && ev->kind == TSP_EV_CPUID && bits_test(ev->before.flags, 8) &&
        mutant_get_vcpu(m, ev->vcpu, &s)) {
        s.x86.shadow = 0; /* what was due is forgotten */
        mutant_set_vcpu(m, ev->vcpu, &s);
    }
    if (ev->kind != TSP_EV_FAULT || !is_x86(ev) || ev->code != UD ||
        !mutant_get_vcpu(m, ev->vcpu, &s))
        return false;
    switch (m->i) {
    case 0:
        s.x86.seg[TSP_CS].sel ^= 1;
        break;
    case 1:
        s.x86.seg[TSP_SS].sel ^= 8;
        break;
    case 2:
        s.x86.cr2 = ev->addr | 1;
        break;
    case 3:
        ev->code = GP;
        ev->info[0] = STUB;
        break;
    case 4:
        ev->code = GP;
        ev->info[0] = UD * 8 + 2;
        break;
    case 5:
        ev->kind = TSP_EV_STOP;
        ev->code = TSP_STOP_TRIPLE;
        break;
    default:
        break;
    }
    mutant_set_vcpu(m, ev->vcpu, &s);
    return false;
}

/* Bytes that nothing asked to be written. */
static const char *const memory_name[] = {"behind", "elsewhere", "below"};

static void name_memory(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", memory_name[i]);
}

static bool end_memory(struct mutant *m, struct tsp_event *ev)
{
    const uint64_t at[] = {ev->addr + ev->len, ev->addr + 0x80, ev->before.r[TSP_RSP] - 8};
    uint8_t b;

    if ((ev->kind != TSP_EV_CPUID && ev->kind != TSP_EV_PATCH && !is_x86_call(ev)) ||
        !mutant_read(m, at[m->i], &b, 1))
        return false;
    b ^= 0x55;
    mutant_write(m, at[m->i], &b, 1);
    return false;
}

/* What becomes of the event itself. */
static const char *const event_name[] = {"lost", "retired", "excused", "length", "address"};

static void name_event(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", event_name[i]);
}

static bool end_event(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID && ev->kind != TSP_EV_HYPERCALL)
        return false;
    switch (m->i) {
    case 0:
        ev->kind = TSP_EV_STOP;
        ev->code = TSP_STOP_BUDGET;
        break;
    case 1:
        ev->kind = TSP_EV_RETIRE;
        break;
    case 2:
        ev->kind = TSP_EV_STOP;
        ev->code = TSP_STOP_UNSUPPORTED;
        break;
    case 3:
        ev->len--;
        break;
    default:
        ev->addr++;
    }
    return false;
}

static const char *const arm_name[] = {"elr", "spsr", "esr", "tpidr", "vbar"};

static void name_arm(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", arm_name[i]);
}

static bool end_arm(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    if (is_x86(ev) || (ev->kind != TSP_EV_FAULT && ev->kind != TSP_EV_HYPERCALL) ||
        !mutant_get_vcpu(m, ev->vcpu, &s))
        return false;
    s.arm64.elr_el1 += m->i == 0 ? 4 : 0;
    s.arm64.spsr_el1 ^= m->i == 1 ? 1 : 0;
    s.arm64.esr_el1 ^= m->i == 2 ? 1 : 0;
    s.arm64.tpidr_el1 ^= m->i == 3 ? 1 : 0;
    s.arm64.vbar_el1 ^= m->i == 4 ? 0x800 : 0;
    mutant_set_vcpu(m, ev->vcpu, &s);
    return false;
}

/* Another vCPU than the one that called. */
static bool end_other(struct mutant *m, struct tsp_event *ev)
{
    unsigned other = ev->vcpu ^ 1u;
    struct tsp_vcpu_state s;

    if (m->given->nvcpu != 2 || ev->kind != TSP_EV_HYPERCALL || !mutant_get_vcpu(m, other, &s))
        return false;
    s.regs.r[3] ^= 1;
    if (m->i == 1)
        s.run_state = TSP_RUN_HALTED;
    mutant_set_vcpu(m, other, &s);
    return false;
}

static void name_other(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", i ? "halts" : "register");
}

#define ROW(n) MUTANT_SYSTEMATIC, MUTANT_##n

const struct mutant_row mutant_rows_looks[] = {
    {"look-state", "state that CPUID or a call leaves alone changes", "Intel SDM Vol. 2A CPUID",
     ROW(CPUID), 8, .name = name_state, .end = end_state},
    {"look-frame", "a wrong word in the frame of an exception", "Intel SDM Vol. 3A 6.14.2",
     ROW(PATCH), 6, .name = name_frame, .end = end_frame},
    {"look-handler", "a handler begins in a wrong state", "Intel SDM Vol. 3A 6.12 to 6.15",
     ROW(PATCH), 7, .name = name_handler, .end = end_handler},
    {"look-memory", "a byte is written that is nobody's", "Linux virt/kvm/x86/hypercalls.rst",
     ROW(CALLS), 3, .name = name_memory, .end = end_memory},
    {"look-event", "an event that is not what happened", "trapspec/target.h", ROW(CALLS), 5,
     .name = name_event, .end = end_event},
    {"look-arm", "an exception or a call leaves a wrong system register", "Arm DDI0487 D1.3",
     ROW(ARM64), 5, .name = name_arm, .end = end_arm},
    {"look-other", "a call changes another vCPU", "Linux virt/kvm/x86/hypercalls.rst", ROW(CALLS),
     2, .name = name_other, .end = end_other},
    {.id = NULL},
};
