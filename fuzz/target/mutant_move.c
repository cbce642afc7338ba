/* SPDX-License-Identifier: MIT */
/* Migrations that lose something: what is restored is not what was saved. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#define HISTORIC .kind = MUTANT_HISTORIC, .area = MUTANT_MOVE
#define SYSTEMATIC .kind = MUTANT_SYSTEMATIC, .area = MUTANT_MOVE, .source = "trapspec"

/* User space may not write 0 to a register that the guest does not see. */
static bool restore_hv_m033(struct mutant *m, struct tsp_hv_state *s)
{
    (void)m;
    for (uint32_t i = 0; i < s->nmsr && i < TSP_MAX_HV_MSR; i++)
        if (s->msr[i].value == 0)
            return false;
    return true;
}

static bool end_m069(struct mutant *m, struct tsp_event *ev)
{
    if (!m->moved || ev->kind != TSP_EV_CPUID || ev_leaf(ev) != 0x40000000)
        return false;
    ev->after.r[TSP_RAX]--;
    return true;
}

/* What switches CPUID faulting on is not among what moves. */
static void restore_m111(struct mutant *m, struct tsp_vcpu_state *s)
{
    (void)m;
    s->x86.cpuid_faulting = 0;
}

static const char *const state_way[] = {
    "rax",  "rsp", "last-reg", "flags",    "pc",   "cs-base", "ss",  "idt",     "cr4",
    "xcr0", "tsc", "shadow",   "faulting", "msrs", "vbar",    "esr", "apic-id", "run-state"};

static void name_state(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", state_way[i]);
}

static void lose_register(struct tsp_vcpu_state *s, unsigned i)
{
    bool arm = tsp_mode_is_arm(s->regs.mode);

    if (i == 0)
        s->regs.r[0] ^= 0x55;
    else if (i == 1)
        s->regs.r[arm ? 31 : TSP_RSP] += 16;
    else if (i == 2)
        s->regs.r[arm ? 30 : TSP_R15] ^= 1;
    else if (i == 3)
        s->regs.flags ^= arm ? 1u << 30 : 1u << 6;
    else
        s->regs.pc += arm ? 4 : 1;
}

static void restore_state(struct mutant *m, struct tsp_vcpu_state *s)
{
    struct tsp_x86_state *x = &s->x86;

    if (m->i < 5) {
        lose_register(s, m->i);
        return;
    }
    switch (m->i) {
    case 5:
        x->seg[TSP_CS].base += 0x10;
        break;
    case 6:
        x->seg[TSP_SS].base += 0x10;
        break;
    case 7:
        x->idt.base += 0x10;
        break;
    case 8:
        x->cr4 &= ~(1ull << 18);
        break;
    case 9:
        x->xcr0 = 1;
        break;
    case 10:
        x->tsc += 1ull << 40;
        break;
    case 11:
        x->shadow ^= TSP_SHADOW_STI;
        break;
    case 12:
        x->cpuid_faulting ^= 1;
        break;
    case 13:
        x->nmsr = 0;
        break;
    case 14:
        s->arm64.vbar_el1 += 0x800;
        break;
    case 15:
        s->arm64.esr_el1 = 0;
        break;
    case 16:
        x->apic_id++;
        break;
    default:
        s->run_state = TSP_RUN_STOPPED;
        break;
    }
}

static const char *const hv_way[] = {"msrs", "pending", "cr8", "debug", "keep", "first-msr"};

static void name_hv(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", hv_way[i]);
}

static bool restore_hv(struct mutant *m, struct tsp_hv_state *s)
{
    if (m->i == 0)
        s->nmsr = 0;
    else if (m->i == 1)
        s->pending = 0;
    else if (m->i == 2)
        s->cr8 ^= 1;
    else if (m->i == 3)
        s->dr[0] = s->dr[7] = 0;
    else if (m->i == 4)
        s->keep[0] = s->keep[1] = 0;
    else if (s->nmsr > 0)
        s->msr[0].value ^= 1;
    return true;
}

/* A context that is loaded again is refused. */
static bool restore_hv_m059(struct mutant *m, struct tsp_hv_state *s)
{
    (void)s;
    return m->counter++ < m->given->nvcpu;
}

const struct mutant_row mutant_rows_move[] = {
    {.id = "M033",
     .text = "user space cannot write 0 to a hidden paravirtual register",
     HISTORIC,
     .source = "lkml 20251230205948",
     .restore_hv = restore_hv_m033},
    {.id = "M059",
     .text = "loading a context twice maps a page twice",
     HISTORIC,
     .source = "xen-project/xen dc80c42484",
     .restore_hv = restore_hv_m059},
    {.id = "M069",
     .text = "the highest hypervisor leaf falls after migration",
     HISTORIC,
     .source = "xen-project/xen 6f1d6682de",
     .end = end_m069},
    {.id = "M111",
     .text = "CPUID faulting is offered although it cannot be migrated",
     HISTORIC,
     .source = "torvalds/linux 6fbbde9a1969",
     .restore = restore_m111},
    {.id = "move-state",
     .text = "a migration loses something of a vCPU",
     SYSTEMATIC,
     .n = sizeof(state_way) / sizeof(state_way[0]),
     .name = name_state,
     .restore = restore_state},
    {.id = "move-hv",
     .text = "a migration loses something the hypervisor keeps",
     SYSTEMATIC,
     .n = sizeof(hv_way) / sizeof(hv_way[0]),
     .name = name_hv,
     .restore_hv = restore_hv},
    {.id = NULL},
};
