/* SPDX-License-Identifier: MIT */
/*
 * Messages that do not arrive or arrive as something else, registers that are one for all vCPUs or
 * one each, and state that a guest reaches by itself and that an answer does not follow.
 */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define CALL_KICK_CPU 5u
#define CALL_CLOCK_PAIRING 9u
#define CALL_SEND_IPI 10u
#define KVM_WALL_CLOCK 0x4b564d00u
#define KVM_SYSTEM_TIME 0x4b564d01u
#define HV_VP_INDEX 0x40000002u
#define HV_TSC_PAGE 0x40000021u
#define TSX_BITS 0x810u /* RTM, HLE */

static bool is_call(const struct mutant *m, const struct tsp_event *ev, uint32_t nr)
{
    return is_x86_call(ev) && m->given->persona[0] == TSP_PERSONA_KVM &&
           !mutant_hyperv(m, ev->vcpu) && ev->before.level == 0 &&
           (uint32_t)ev->before.r[TSP_RAX] == nr;
}

/* What is pending for each vCPU, without `lost` and with another vector. */
static void change_pending(struct mutant *m, uint32_t lost, uint32_t vector)
{
    struct tsp_hv_state hv;

    for (unsigned v = 0; v < m->given->nvcpu && v < TSP_MAX_VCPU; v++) {
        if (m->inner.ops->get_hv == NULL || m->inner.ops->get_hv(m->inner.self, v, &hv) != TSP_OK)
            continue;
        hv.pending &= ~lost;
        hv.vector ^= hv.pending & TSP_PENDING_INTR ? vector : 0;
        m->inner.ops->set_hv(m->inner.self, v, &hv);
    }
}

/* The vCPUs that were halted are so again. */
static void put_to_sleep(struct mutant *m, const struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    for (unsigned v = 0; v < m->given->nvcpu && v < TSP_MAX_VCPU; v++) {
        if (v == ev->vcpu || !bits_test(m->kept, v) || !mutant_get_vcpu(m, v, &s))
            continue;
        s.run_state = TSP_RUN_HALTED;
        mutant_set_vcpu(m, v, &s);
    }
}

static const char *const message_name[] = {"lost", "vector", "nmi-lost", "one", "asleep", "kick"};

static void name_message(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", message_name[i]);
}

static bool end_message(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_HALT)
        m->kept |= 1ull << ev->vcpu;
    if (m->i == 5) {
        if (is_call(m, ev, CALL_KICK_CPU))
            put_to_sleep(m, ev);
        return false;
    }
    if (!is_call(m, ev, CALL_SEND_IPI))
        return false;
    if (m->i == 4)
        put_to_sleep(m, ev);
    else if (m->i == 3 && ev->after.r[TSP_RAX] > 1 && ev->after.r[TSP_RAX] <= TSP_MAX_VCPU)
        ev->after.r[TSP_RAX] = 1;
    else if (m->i < 3)
        change_pending(m,
                       m->i == 0   ? TSP_PENDING_INTR
                       : m->i == 2 ? TSP_PENDING_NMI
                                   : 0,
                       m->i == 1);
    return m->i == 3;
}

/* A call that is refused leaves something behind. */
static bool end_refused(struct mutant *m, struct tsp_event *ev)
{
    static const uint8_t some[8] = {0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5};

    if (!is_call(m, ev, CALL_CLOCK_PAIRING) || (int32_t)ev->after.r[TSP_RAX] != -95 ||
        m->inner.ops->poke == NULL)
        return false;
    m->inner.ops->poke(m->inner.self, (uint32_t)ev->before.r[TSP_RBX], some, sizeof(some));
    return false;
}

/* Levels 1 and 2 are taken for the kernel's. */
static bool begin_rings(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->scan.class != SCAN_CALL || s->regs.mode == TSP_MODE_A64 ||
        (s->regs.level != 1 && s->regs.level != 2))
        return false;
    s->regs.level = 0;
    for (unsigned i = TSP_CS; i <= TSP_SS; i++) {
        s->x86.seg[i].attr &= (uint16_t)~0x60u;
        s->x86.seg[i].sel &= (uint16_t)~3u;
    }
    return true;
}

/* One register for all vCPUs reads as if each had its own, or the other way about. */
static const uint32_t shared_msr[] = {KVM_WALL_CLOCK, KVM_SYSTEM_TIME, HV_VP_INDEX};
static const char *const shared_name[] = {"wall-clock", "system-time", "vp-index"};

static void name_shared(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", shared_name[i]);
}

static bool end_shared(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_MSR || !is_x86(ev) || ev->code != shared_msr[m->i])
        return false;
    if (m->i == 1 && ev->info[1] != 0)
        m->kept = ev->info[0];
    if (ev->info[1] != 0 || ev->vcpu == 0 || (m->i == 1 && m->kept == 0))
        return false;
    return mutant_msr_reads(ev, m->kept);
}

/* TSX control: hidden features stay to be seen. */
static bool end_tsx(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *e = mutant_entry(m, 7, 0);

    if (ev->kind != TSP_EV_CPUID || !is_x86(ev) || ev_leaf(ev) != 7 || ev_sub(ev) != 0 || !e)
        return false;
    ev->after.r[TSP_RBX] |= e->reg[1] & TSX_BITS;
    return true;
}

/* Supervisor components but the one of Processor Trace do not count. */
static bool end_xss(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_CPUID || !is_x86(ev) || ev_leaf(ev) != 0xd || ev_sub(ev) != 1 ||
        (ev->sys[TSP_SYS_XSS] & ~0x100ull) == 0 || ev->after.r[TSP_RBX] <= 0x240)
        return false;
    ev->after.r[TSP_RBX] -= 0x10;
    return true;
}

/* The compacted size is there with XSAVES alone. */
static bool end_xsavec(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID || !is_x86(ev) || ev_leaf(ev) != 0xd || ev_sub(ev) != 1 ||
        (ev->after.r[TSP_RAX] & 0xa) != 2)
        return false;
    (void)m;
    ev->after.r[TSP_RBX] = 0;
    return true;
}

/* A page of Hyper-V's clock that cannot be there ends the machine. */
static bool end_tsc_page(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_MSR || !is_x86(ev) || ev->code != HV_TSC_PAGE || ev->info[1] == 0 ||
        (ev->info[0] & 1) == 0)
        return false;
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = TSP_STOP_TRIPLE;
    return false;
}

static bool end_xmm(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    if ((ev->kind != TSP_EV_CPUID && ev->kind != TSP_EV_PATCH) || !mutant_get_vcpu(m, ev->vcpu, &s))
        return false;
    s.x86.xmm[0][0] ^= 1;
    mutant_set_vcpu(m, ev->vcpu, &s);
    return false;
}

#define OWN(name, what, origin, where)                                                             \
    .id = (name), .text = (what), .source = (origin), .kind = MUTANT_SYSTEMATIC, .area = (where)
#define ROW(name, what, origin, where)                                                             \
    .id = (name), .text = (what), .source = (origin), .kind = MUTANT_HISTORIC, .area = (where)

const struct mutant_row mutant_rows_messages[] = {
    {OWN("message", "a message to a vCPU does not arrive as sent",
         "Linux virt/kvm/x86/hypercalls.rst", MUTANT_CALLS),
     .n = 6, .name = name_message, .end = end_message},
    {OWN("clock-refused", "CLOCK_PAIRING writes what it refuses",
         "Linux virt/kvm/x86/hypercalls.rst", MUTANT_CALLS),
     .end = end_refused},
    {OWN("call-rings", "privilege levels 1 and 2 may call", "torvalds/linux 07708c4af134",
         MUTANT_CALLS),
     .begin = begin_rings},
    {OWN("shared-msr", "a register is one for all vCPUs, or one each", "TLFS; Linux msr.rst",
         MUTANT_CALLS),
     .n = 3, .name = name_shared, .end = end_shared},
    {ROW("tsx-shown", "TSX control does not hide what it disables", "torvalds/linux c11f83e0626b",
         MUTANT_CPUID),
     .end = end_tsx},
    {OWN("xss-other", "the compacted size leaves out supervisor components",
         "Intel SDM Vol. 1 13.2", MUTANT_CPUID),
     .end = end_xss},
    {OWN("xsavec-alone", "the compacted size is there with XSAVES alone", "Intel SDM Vol. 2A CPUID",
         MUTANT_CPUID),
     .end = end_xsavec},
    {ROW("tsc-page-ends", "the page of the reference TSC ends the machine",
         "XSA-472, CVE-2025-27466", MUTANT_CALLS),
     .end = end_tsc_page},
    {OWN("xmm-lost", "CPUID or a rewrite changes an XMM register", "Intel SDM Vol. 2A CPUID",
         MUTANT_CPUID | MUTANT_PATCH),
     .end = end_xmm},
    {.id = NULL},
};
