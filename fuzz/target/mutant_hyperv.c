/* SPDX-License-Identifier: MIT */
/* Hyper-V's calls gone wrong (TLFS, Hypercall Interface): the control word, the status, who may
 * call. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#include "trapspec/bits.h"

#define HYPERV                                                                                     \
    .kind = MUTANT_SYSTEMATIC, .area = MUTANT_CALLS, .source = "TLFS, Hypercall Interface"
#define HV1 0x31237648u
#define OS_ID 0x40000000u
#define UD 6u

/* "Hv#1" is offered and the guest has said who it is, from the start. */
bool mutant_hyperv(const struct mutant *m, unsigned vcpu)
{
    const struct tsp_leaf *l = m->given->arch == TSP_ARCH_X86 ? mutant_first(m, 0x40000001) : NULL;
    const struct tsp_x86_state *x = &m->given->vcpu[vcpu % TSP_MAX_VCPU].x86;

    for (unsigned i = 0; l != NULL && l->reg[0] == HV1 && i < x->nmsr && i < TSP_MAX_MSR; i++)
        if (x->msr[i].index == OS_ID && x->msr[i].value != 0)
            return true;
    return false;
}

uint64_t mutant_hv_control(const struct tsp_regs *r)
{
    if (r->mode == TSP_MODE_LONG64)
        return r->r[TSP_RCX];
    return r->r[TSP_RDX] << 32 | (uint32_t)r->r[TSP_RAX];
}

static void put_control(struct tsp_regs *r, uint64_t v)
{
    if (r->mode == TSP_MODE_LONG64) {
        r->r[TSP_RCX] = v;
        return;
    }
    r->r[TSP_RDX] = v >> 32;
    r->r[TSP_RAX] = (uint32_t)v;
}

bool mutant_begin_hv(struct mutant *m, struct tsp_vcpu_state *s, uint64_t blind)
{
    if (m->scan.class != SCAN_CALL || !mutant_hyperv(m, 0))
        return false;
    put_control(&s->regs, mutant_hv_control(&s->regs) & ~blind);
    return true;
}

static const struct {
    const char *name;
    uint8_t hi, lo;
} field[] = {{"header", 26, 17},      {"header-low", 17, 17},  {"reserved-27", 27, 27},
             {"reserved-30", 30, 30}, {"reps", 43, 32},        {"reserved-44", 44, 44},
             {"start", 59, 48},       {"reserved-60", 60, 60}, {"reserved-63", 63, 63},
             {"code-high", 15, 8},    {"code-top", 14, 14}};
#define NFIELD (sizeof(field) / sizeof(field[0]))

static void name_field(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", field[i].name);
}

static bool begin_field(struct mutant *m, struct tsp_vcpu_state *s)
{
    return mutant_begin_hv(m, s, bits_mask(field[m->i].hi - field[m->i].lo + 1u) << field[m->i].lo);
}

/* Status 2 code, 3 input, 4 alignment, 5 parameter, 6 denied. */
static const uint8_t change[][2] = {{0, 2}, {0, 3}, {2, 0}, {2, 3}, {2, 5},
                                    {3, 0}, {3, 2}, {3, 5}, {4, 0}, {4, 3}};
#define NCHANGE (sizeof(change) / sizeof(change[0]))

static void name_status(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%u-is-%u", change[i][0], change[i][1]);
}

static bool is_hv_call(const struct mutant *m, const struct tsp_event *ev)
{
    return is_x86_call(ev) && mutant_hyperv(m, ev->vcpu);
}

static bool end_status(struct mutant *m, struct tsp_event *ev)
{
    if (!is_hv_call(m, ev) || (ev->after.r[TSP_RAX] & 0xffff) != change[m->i][0])
        return false;
    ev->after.r[TSP_RAX] = (ev->after.r[TSP_RAX] & ~(uint64_t)0xffff) | change[m->i][1];
    return true;
}

/* Registers that are no result; RCX and RDX may tell how far a rep call came. */
static const uint8_t kept[] = {TSP_RBX, TSP_RBP, TSP_RSI, TSP_RDI, TSP_R8,  TSP_R9,
                               TSP_R10, TSP_R11, TSP_R12, TSP_R13, TSP_R14, TSP_R15};
#define NKEPT (sizeof(kept) / sizeof(kept[0]))

static bool end_kept(struct mutant *m, struct tsp_event *ev)
{
    if (!is_hv_call(m, ev))
        return false;
    ev->after.r[kept[m->i]] ^= 1;
    return true;
}

static const char *const who[] = {"user", "real", "kvm", "undefined", "parameter", "exit"};

static void name_who(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", who[i]);
}

static bool allowed(struct mutant *m, struct tsp_event *ev)
{
    bool real = ev->before.mode == TSP_MODE_REAL16;

    if (ev->kind != TSP_EV_FAULT || ev->code != UD || !mutant_native(m, ev) ||
        !mutant_hyperv(m, ev->vcpu))
        return false;
    if ((m->i == 0 && ev->before.level != 0) || (m->i == 1 && real))
        mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
    return false;
}

static bool end_who(struct mutant *m, struct tsp_event *ev)
{
    if (m->i < 2)
        return allowed(m, ev);
    if (!is_hv_call(m, ev))
        return false;
    if (m->i == 3) {
        mutant_fault(m, ev, UD, 0, 0);
        return false;
    }
    if (m->i == 5) {
        mutant_undo(m, ev, TSP_EV_STOP, 0);
        ev->code = TSP_STOP_EXIT;
        ev->info[0] = mutant_hv_control(&ev->before) & 0xffff;
        return false;
    }
    /* KVM's answer to a number it does not know; any status but success is a bad parameter. */
    if (m->i == 2)
        ev->after.r[TSP_RAX] = is_long(ev) ? (uint64_t)-1000 : (uint32_t)-1000;
    else if ((ev->after.r[TSP_RAX] & 0xffff) != 0)
        ev->after.r[TSP_RAX] = 5;
    return true;
}

const struct mutant_row mutant_rows_hyperv[] = {
    {.id = "hyperv-blind",
     .text = "a field of the control word is not looked at",
     HYPERV,
     .n = NFIELD,
     .name = name_field,
     .begin = begin_field},
    {.id = "hyperv-status",
     .text = "one status becomes another",
     HYPERV,
     .n = NCHANGE,
     .name = name_status,
     .end = end_status},
    {.id = "hyperv-reg",
     .text = "a register that is no result changes",
     HYPERV,
     .n = NKEPT,
     .end = end_kept},
    {.id = "hyperv-who",
     .text = "illegal callers, or no service at all",
     HYPERV,
     .n = 6,
     .name = name_who,
     .end = end_who},
    {.id = NULL},
};
