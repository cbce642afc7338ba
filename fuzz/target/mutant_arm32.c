/* SPDX-License-Identifier: MIT */
/* AArch32 guests gone wrong (Arm DDI0487 part G, DEN0028, DEN0022; Xen public/arch-arm.h). */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#include "trapspec/bits.h"

#define ARM .kind = MUTANT_SYSTEMATIC, .area = MUTANT_AARCH32
#define PSR_T 0x20u
#define PSR_I 0x80u
#define FID_64 0x40000000u
#define LR_SVC 18
#define LR_UND 22
#define VECTOR_UND 0x04u
#define VECTOR_SVC 0x08u
#define VECTOR_ABT 0x0cu

static bool is_call32(const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_HYPERCALL && tsp_mode_is_aarch32(ev->before.mode);
}

static bool is_fault32(const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_FAULT && tsp_mode_is_aarch32(ev->before.mode);
}

/* The first event of a core that an AArch32 guest switched on. */
static bool just_begun(struct mutant *m, const struct tsp_event *ev)
{
    if (is_call32(ev) && (uint32_t)ev->before.r[0] == 0x84000003 && (uint32_t)ev->after.r[0] == 0)
        m->counter = 1;
    if (m->counter != 1 || ev->vcpu == 0)
        return false;
    m->counter = 2;
    return true;
}

bool mutant_thumb_left(struct mutant *m, struct tsp_event *ev)
{
    if (just_begun(m, ev) && ev->before.mode == TSP_MODE_T32)
        ev->before.pc |= 1;
    return false;
}

static const char *const begins[] = {"pc", "set", "thumb", "context", "masks", "mode", "level"};

static void name_begins(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", begins[i]);
}

static void other_set(struct tsp_regs *r)
{
    r->mode = r->mode == TSP_MODE_T32 ? TSP_MODE_A32 : TSP_MODE_T32;
    r->flags ^= PSR_T;
}

static bool end_begins(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_regs *r = &ev->before;

    if (!just_begun(m, ev))
        return false;
    if (m->i == 0)
        r->pc += 4;
    else if (m->i == 1)
        other_set(r);
    else if (m->i == 2)
        r->flags ^= PSR_T;
    else if (m->i == 3)
        r->r[0] ^= 0x100;
    else if (m->i == 4)
        r->flags &= ~(uint64_t)PSR_I;
    else if (m->i == 5)
        r->flags ^= 0x0c; /* Supervisor to System mode */
    else
        r->level = 0;
    return false;
}

/* A function of the 64-bit convention is served as its 32-bit form. */
static bool begin_smc64(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->scan.class != SCAN_CALL || !tsp_mode_is_aarch32(s->regs.mode) ||
        !(s->regs.r[0] & FID_64))
        return false;
    s->regs.r[0] &= ~(uint64_t)FID_64;
    return true;
}

/* ... or answered with success without doing anything. */
static bool end_smc64(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_call32(ev) || !(ev->before.r[0] & FID_64))
        return false;
    ev->after.r[0] = 0;
    return true;
}

/* Xen's number is looked for where AArch64 has it, or the other way round the width is taken for
 * 64 bits. */
static bool begin_number(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->given->persona[0] != TSP_PERSONA_XEN || m->scan.class != SCAN_CALL ||
        !tsp_mode_is_aarch32(s->regs.mode))
        return false;
    s->regs.r[12] = s->regs.r[16];
    return true;
}

/* ... or ends the machine. */
static bool end_smc64_ends(struct mutant *m, struct tsp_event *ev)
{
    if (m->given->persona[0] != TSP_PERSONA_KVM || !is_call32(ev) || ev->before.level == 0 ||
        !(ev->before.r[0] & FID_64))
        return false;
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = TSP_STOP_SHUTDOWN;
    return false;
}

static const char *const results[] = {"short", "zero", "plus", "r1", "r2",    "r3",
                                      "r4",    "r12",  "lr",   "sp", "sp-usr"};

static void name_result(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", results[i]);
}

static bool end_result(struct mutant *m, struct tsp_event *ev)
{
    static const uint8_t reg[] = {1, 2, 3, 4, 12, LR_SVC, 19, 13};
    uint64_t *r = ev->after.r;

    if (!is_call32(ev))
        return false;
    if (m->i == 0)
        r[0] &= 0xffff;
    else if (m->i == 1)
        r[0] = r[0] == 0 ? 3 : 0;
    else if (m->i == 2)
        r[0] = (uint32_t)(r[0] + 1);
    else
        r[reg[m->i - 3]] = (uint32_t)(r[reg[m->i - 3]] ^ 0xfeed0000u);
    return true;
}

static const char *const ways[] = {"half", "twice", "stays", "set", "flags"};

static void name_way(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", ways[i]);
}

static bool end_way(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_regs *r = &ev->after;

    if (!is_call32(ev))
        return false;
    if (m->i == 0)
        r->pc -= 2;
    else if (m->i == 1)
        r->pc += 4;
    else if (m->i == 2)
        r->pc = ev->before.pc;
    else if (m->i == 3)
        other_set(r);
    else
        r->flags ^= 1u << 29;
    return true;
}

static const char *const faults[] = {"vector", "link", "masks", "mode", "table",
                                     "thumb",  "spsr", "svc",   "bkpt"};

static void name_fault(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", faults[i]);
}

/* The exception of this instruction goes to the handler of an undefined one. */
static bool to_undefined(struct tsp_event *ev, uint32_t from)
{
    if (ev->code != from)
        return false;
    ev->code = VECTOR_UND;
    ev->after.pc = ev->after.pc - from + VECTOR_UND;
    return true;
}

/* SVC or BKPT is what was trapped, in either set. */
static bool trapped(const struct tsp_event *ev, bool bkpt)
{
    uint32_t insn = (uint32_t)le_load(ev->fetched, 4);

    if (ev->before.mode == TSP_MODE_T32)
        return ev->len == 2 && (insn >> 8 & 0xff) == (bkpt ? 0xbe : 0xdf);
    return ev->len == 4 && (bkpt ? (insn & 0x0ff000f0) == 0x01200070 : (insn >> 24 & 15) == 15);
}

static bool end_fault(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;
    struct tsp_regs *r = &ev->after;

    if (!is_fault32(ev))
        return false;
    if (m->i > 6)
        return trapped(ev, m->i == 8) && to_undefined(ev, m->i == 8 ? VECTOR_ABT : VECTOR_SVC);
    if (m->i == 0) {
        ev->code ^= 0x0c;
        r->pc ^= 0x0c;
    } else if (m->i == 1) {
        r->r[ev->code == 0x08 ? LR_SVC : ev->code == 0x04 ? LR_UND : 20] += 4;
    } else if (m->i == 2) {
        r->flags &= ~(uint64_t)PSR_I;
    } else if (m->i == 3) {
        r->flags = (r->flags & ~UINT64_C(0x1f)) | 0x1f;
    } else if (m->i == 4) {
        r->pc += 0x20;
    } else if (m->i == 5) {
        other_set(r);
    } else {
        if (!mutant_get_vcpu(m, ev->vcpu, &s))
            return false;
        s.arm64.spsr_und ^= 1u << 30;
        s.arm64.spsr_abt ^= 1u << 30;
        s.arm64.spsr_el1 ^= 1u << 30;
        mutant_set_vcpu(m, ev->vcpu, &s);
        return false;
    }
    return true;
}

const struct mutant_row mutant_rows_arm32[] = {
    {.id = "a32-begins",
     .text = "a core that an AArch32 guest switched on begins with something else",
     ARM,
     .source = "Arm DEN0022",
     .n = sizeof(begins) / sizeof(begins[0]),
     .name = name_begins,
     .end = end_begins},
    {.id = "a32-smc64",
     .text = "AArch32 callers get functions of the 64-bit convention",
     ARM,
     .source = "Arm DEN0028",
     .begin = begin_smc64},
    {.id = "a32-smc64-done",
     .text = "AArch32 callers are told that functions of the 64-bit convention succeed",
     ARM,
     .source = "Arm DEN0028",
     .end = end_smc64},
    {.id = "a32-smc64-ends",
     .text = "functions of the 64-bit convention switch an AArch32 guest off",
     ARM,
     .source = "Arm DEN0028",
     .end = end_smc64_ends},
    {.id = "a32-number",
     .text = "the number of an AArch32 guest's call is taken from X16",
     ARM,
     .source = "Xen public/arch-arm.h",
     .begin = begin_number},
    {.id = "a32-result",
     .text = "a call from AArch32 leaves another value",
     ARM,
     .source = "Arm DEN0028",
     .n = sizeof(results) / sizeof(results[0]),
     .name = name_result,
     .end = end_result},
    {.id = "a32-after",
     .text = "a call from AArch32 comes back elsewhere or otherwise",
     ARM,
     .source = "Arm DDI0487",
     .n = sizeof(ways) / sizeof(ways[0]),
     .name = name_way,
     .end = end_way},
    {.id = "a32-fault",
     .text = "an exception in AArch32 is delivered wrong",
     ARM,
     .source = "Arm DDI0487",
     .n = sizeof(faults) / sizeof(faults[0]),
     .name = name_fault,
     .end = end_fault},
    {.id = NULL},
};
