/* SPDX-License-Identifier: MIT */
/* More defects, some of which shipped, in Hyper-V's calls and on AArch64. */
#include "fuzz/target/mutant_in.h"

#include "trapspec/bits.h"

#define FAST 0x10000u

/* Hyper-V's calls. */

static bool is_hv(const struct mutant *m, const struct tsp_event *ev, uint16_t code)
{
    return is_x86_call(ev) && mutant_hyperv(m, ev->vcpu) &&
           (mutant_hv_control(&ev->before) & 0xffff) == code;
}

static bool status(struct tsp_event *ev, uint64_t v)
{
    ev->after.r[TSP_RAX] = (ev->after.r[TSP_RAX] & ~(uint64_t)0xffff) | v;
    return true;
}

static uint64_t banks(const struct tsp_event *ev)
{
    return mutant_hv_control(&ev->before) >> 17 & 0x3ff;
}

/* The banks of a register IPI are looked for in memory. */
static bool end_ipi_banks(struct mutant *m, struct tsp_event *ev)
{
    return is_hv(m, ev, 0x15) && (mutant_hv_control(&ev->before) & FAST) != 0 && banks(ev) > 0 &&
           (ev->after.r[TSP_RAX] & 0xffff) == 0 && status(ev, 3);
}

/* Banks are counted in the mask, whatever the header says. */
static bool end_varhead(struct mutant *m, struct tsp_event *ev)
{
    return (is_hv(m, ev, 0x13) || is_hv(m, ev, 0x15)) &&
           ((ev->after.r[TSP_RAX] & 0xffff) == 3 || (ev->after.r[TSP_RAX] & 0xffff) == 5) &&
           status(ev, 0);
}

static bool end_fast_align(struct mutant *m, struct tsp_event *ev)
{
    uint64_t in = is_long(ev) ? ev->before.r[TSP_RDX] : ev->before.r[TSP_RCX];

    return is_hv(m, ev, 0xb) && (mutant_hv_control(&ev->before) & FAST) != 0 && in % 8 != 0 &&
           (ev->after.r[TSP_RAX] & 0xffff) == 0 && status(ev, 4);
}

static bool end_low_vector(struct mutant *m, struct tsp_event *ev)
{
    return is_hv(m, ev, 0xb) && ev->after.r[TSP_RAX] != 0 && ev->before.r[TSP_RDX] < 16 &&
           status(ev, 0);
}

/* Everybody, but for who asked. */
static bool end_not_self(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_hv_state hv;

    if ((!is_hv(m, ev, 0xb) && !is_hv(m, ev, 0x15)) || ev->after.r[TSP_RAX] != 0 ||
        m->inner.ops->get_hv == NULL ||
        m->inner.ops->get_hv(m->inner.self, ev->vcpu, &hv) != TSP_OK)
        return false;
    hv.pending &= ~TSP_PENDING_INTR;
    m->inner.ops->set_hv(m->inner.self, ev->vcpu, &hv);
    return false;
}

/* Processors that are not there are looked up all the same. */
static bool end_wild(struct mutant *m, struct tsp_event *ev)
{
    uint64_t mask = ev->before.r[TSP_R8];

    if (!is_hv(m, ev, 0xb) || !is_long(ev) || (mutant_hv_control(&ev->before) & FAST) == 0 ||
        mask >> m->given->nvcpu == 0)
        return false;
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = TSP_STOP_TRIPLE;
    return false;
}

/* Any call of a guest of KVM's does what only bad page tables or a bad IDT do. */
static bool end_call_ends(struct mutant *m, struct tsp_event *ev)
{
    if (!is_x86_call(ev) || !mutant_hyperv(m, ev->vcpu) || !mutant_native(m, ev) ||
        m->given->persona[0] != TSP_PERSONA_KVM || ev->before.level != 0)
        return false;
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = TSP_STOP_TRIPLE;
    return false;
}

static bool end_result_32(struct mutant *m, struct tsp_event *ev)
{
    if (!is_x86_call(ev) || !mutant_hyperv(m, ev->vcpu) || is_long(ev))
        return false;
    ev->after.r[TSP_RDX] = ev->before.r[TSP_RDX];
    return true;
}

static bool end_reps_simple(struct mutant *m, struct tsp_event *ev)
{
    if (!is_hv(m, ev, 8) && !is_hv(m, ev, 2))
        return false;
    if (is_long(ev))
        ev->after.r[TSP_RAX] |= 1ull << 32;
    else
        ev->after.r[TSP_RDX] |= 1;
    return true;
}

/* IA32_ARCH_CAPABILITIES that is enumerated and not there. */
static bool end_caps_absent(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_MSR || !is_x86(ev) || ev->code != 0x10a || ev->info[1] != 0)
        return false;
    mutant_fault(m, ev, 13, 0, 0);
    return false;
}

/* ... and that is there without being enumerated. */
static bool end_caps_free(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || !is_x86(ev) || ev->code != 13 || ev->before.level != 0 ||
        (uint32_t)ev->before.r[TSP_RCX] != 0x10a || ev->len != 2 || ev->fetched[1] != 0x32)
        return false;
    mutant_undo(m, ev, TSP_EV_MSR, 2);
    ev->code = 0x10a;
    ev->info[0] = ev->info[1] = 0;
    ev->after.r[TSP_RAX] = ev->after.r[TSP_RDX] = 0;
    return true;
}

/* Hyper-V alone has a register whose reading ends in a pause. */
static bool end_msr_halts(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_MSR || !is_x86(ev) || ev->code == 0x400000f0)
        return false;
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = TSP_STOP_HALT;
    return false;
}

/* AArch64 */

static uint32_t fid(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[0];
}

static bool end_smc_pc(struct mutant *m, struct tsp_event *ev)
{
    if (!is_arm_call(ev) || (ev->fetched[0] & 3) != 3 || m->counter++ > 8)
        return false;
    ev->after.pc = ev->before.pc;
    return true;
}

/* The other cores go on. */
static bool end_one_core(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;
    unsigned other = ev->vcpu ^ 1u;

    if (ev->kind != TSP_EV_STOP || is_x86(ev) ||
        (ev->code != TSP_STOP_SHUTDOWN && ev->code != TSP_STOP_RESET) || m->given->nvcpu < 2 ||
        m->inner.ops->get_vcpu == NULL ||
        m->inner.ops->get_vcpu(m->inner.self, other, &s) != TSP_OK)
        return false;
    s.run_state = TSP_RUN_READY;
    m->inner.ops->set_vcpu(m->inner.self, other, &s);
    return false;
}

/* A core that is off is told to be on. */
static bool end_affinity_on(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_arm_call(ev) || (fid(ev) | 0x40000000) != 0xc4000004 || ev->after.r[0] != 1)
        return false;
    ev->after.r[0] = 0;
    return true;
}

static bool end_on_twice(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_arm_call(ev) || (fid(ev) | 0x40000000) != 0xc4000003 ||
        (uint32_t)ev->after.r[0] != (uint32_t)-4)
        return false;
    ev->after.r[0] = 0;
    return true;
}

#define OWN(name, what, origin, where)                                                             \
    .id = (name), .text = (what), .source = (origin), .kind = MUTANT_SYSTEMATIC, .area = (where)
#define ROW(name, what, origin, where)                                                             \
    .id = (name), .text = (what), .source = (origin), .kind = MUTANT_HISTORIC, .area = (where)

const struct mutant_row mutant_rows_extra[] = {
    {ROW("E-hv-ipi-banks", "register input of a cluster IPI stops before its banks",
         "torvalds/linux 47d3e5cdfe60", MUTANT_CALLS),
     .end = end_ipi_banks},
    {ROW("E-hv-varhead", "the number of banks is not the one of the header",
         "torvalds/linux bd1ba5732bb9", MUTANT_CALLS),
     .end = end_varhead},
    {OWN("E-hv-fast-align", "a register parameter is checked for alignment",
         "TLFS, Fast hypercalls", MUTANT_CALLS),
     .end = end_fast_align},
    {OWN("E-hv-low-vector", "an IPI with a vector of the processor's own",
         "TLFS, HvCallSendSyntheticClusterIpi", MUTANT_CALLS),
     .end = end_low_vector},
    {OWN("E-hv-not-self", "an IPI does not reach its sender", "TLFS, HvCallSendSyntheticClusterIpi",
         MUTANT_CALLS),
     .end = end_not_self},
    {ROW("E-hv-wild-vp", "processors that are not there are looked up", "XSA-475, CVE-2025-58148",
         MUTANT_CALLS),
     .end = end_wild},
    {OWN("E-hv-call-ends", "a call ends in a triple fault", "torvalds/linux arch/x86/kvm/hyperv.c",
         MUTANT_CALLS),
     .end = end_call_ends},
    {OWN("E-hv-result-32", "half of the result is not stored outside 64-bit mode",
         "TLFS, Hypercall outputs", MUTANT_CALLS),
     .end = end_result_32},
    {OWN("E-hv-reps-simple", "a simple call tells of reps", "TLFS, Hypercall outputs",
         MUTANT_CALLS),
     .end = end_reps_simple},
    {OWN("E-caps-absent", "a register that CPUID enumerates is not there", "Intel SDM Vol. 4",
         MUTANT_CPUID),
     .end = end_caps_absent},
    {OWN("E-caps-free", "a register that CPUID does not enumerate is there", "Intel SDM Vol. 4",
         MUTANT_CPUID),
     .end = end_caps_free},
    {OWN("E-msr-halts", "an access to a register halts the vCPU", "Intel SDM Vol. 2B RDMSR",
         MUTANT_CPUID),
     .end = end_msr_halts},
    {ROW("E-arm-smc-pc", "pc stays at an SMC that was answered", "torvalds/linux f5115e8869e1",
         MUTANT_ARM64),
     .end = end_smc_pc},
    {ROW("E-psci-one-core", "the machine is switched off and other cores go on",
         "torvalds/linux cf5d318865e2", MUTANT_ARM64),
     .end = end_one_core},
    {OWN("E-psci-affinity", "a core that is off is told to be on", "Arm DEN0022, AFFINITY_INFO",
         MUTANT_ARM64),
     .end = end_affinity_on},
    {OWN("E-psci-on-twice", "a core that is on is switched on again", "Arm DEN0022, CPU_ON",
         MUTANT_ARM64),
     .end = end_on_twice},
    {.id = NULL},
};
