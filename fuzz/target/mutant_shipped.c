/* SPDX-License-Identifier: MIT */
/*
 * More defects that shipped: in KVM's calls, and in bits of CPUID that follow the vCPU. By the
 * commits that mended them.
 */
#include "fuzz/target/mutant_in.h"

#include "trapspec/bits.h"

#define CALL_CLOCK_PAIRING 9u
#define CALL_SEND_IPI 10u
#define PAIRING_PAD 28u /* of its 64 bytes */
#define PAIRING_END 64u
#define APIC_BASE_ENABLE 11u

static uint64_t arg(const struct tsp_event *ev, unsigned reg)
{
    return is_long(ev) ? ev->before.r[reg] : (uint32_t)ev->before.r[reg];
}

static bool is_kvm_call(const struct mutant *m, const struct tsp_event *ev, uint64_t nr)
{
    return is_x86_call(ev) && m->given->persona[0] == TSP_PERSONA_KVM &&
           !mutant_hyperv(m, ev->vcpu) && ev->before.level == 0 && arg(ev, TSP_RAX) == nr;
}

/* What lay on the hypervisor's stack goes out with the clock. */
static bool end_clock_leak(struct mutant *m, struct tsp_event *ev)
{
    uint8_t junk[PAIRING_END - PAIRING_PAD];

    if (!is_kvm_call(m, ev, CALL_CLOCK_PAIRING) || ev->after.r[TSP_RAX] != 0 ||
        m->inner.ops->poke == NULL)
        return false;
    for (unsigned i = 0; i < sizeof(junk); i++)
        junk[i] = (uint8_t)(0x80u + i);
    m->inner.ops->poke(m->inner.self, arg(ev, TSP_RBX) + PAIRING_PAD, junk, sizeof(junk));
    return false;
}

/* An id above the highest one reads past the table of vCPUs, and something is found there. */
static bool end_ipi_beyond(struct mutant *m, struct tsp_event *ev)
{
    if (!is_kvm_call(m, ev, CALL_SEND_IPI) || ev->after.r[TSP_RAX] != 0 ||
        arg(ev, TSP_RDX) < 0x1000 || (arg(ev, TSP_RBX) | arg(ev, TSP_RCX)) == 0)
        return false;
    ev->after.r[TSP_RAX] = 1;
    return true;
}

/* Long mode is taken for 64-bit code: compatibility mode gets a wide result. */
static bool end_compat_wide(struct mutant *m, struct tsp_event *ev)
{
    bool compat = ev->before.mode == TSP_MODE_COMPAT32 || ev->before.mode == TSP_MODE_COMPAT16;

    (void)m;
    if (!is_x86_call(ev) || !compat || !bits_test(ev->after.r[TSP_RAX], 31))
        return false;
    ev->after.r[TSP_RAX] = bits_sext(ev->after.r[TSP_RAX], 32);
    return true;
}

/* What CPUID does not offer works all the same. */
static void setup_not_enforced(struct mutant *m)
{
    m->setup.config &= ~TSP_CFG_ENFORCE_PV;
}

/* The bit of the local APIC stays when the guest has switched it off. */
static bool end_apic_static(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_CPUID || !is_x86(ev) || ev_leaf(ev) != 1 ||
        bits_test(ev->sys[TSP_SYS_APIC_BASE], APIC_BASE_ENABLE))
        return false;
    ev->after.r[TSP_RDX] |= 1u << 9;
    return true;
}

/* A fault of CPUID with the number of a selector, as if it were a descriptor's. */
static bool end_fault_code(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind == TSP_EV_FAULT && is_x86(ev) && ev->code == 13 && ev->len == 2 &&
        ev->fetched[0] == 0x0f && ev->fetched[1] == 0xa2)
        ev->info[0] = 0x10;
    return false;
}

/* CPUID faulting counts the I/O privilege level, or forgets virtual-8086 code. */
static bool end_fault_vm86(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || ev->code != 13 || ev->before.mode != TSP_MODE_VM86 ||
        ev->len != 2 || ev->fetched[0] != 0x0f || ev->fetched[1] != 0xa2)
        return false;
    mutant_undo(m, ev, TSP_EV_CPUID, 2);
    return true;
}

#define ROW(number, what, origin, where)                                                           \
    .id = (number), .text = (what), .source = (origin), .kind = MUTANT_HISTORIC, .area = (where)

const struct mutant_row mutant_rows_shipped[] = {
    {ROW("clock-leak", "CLOCK_PAIRING hands out what lay in its padding",
         "torvalds/linux bcbfbd8ec210", MUTANT_CALLS),
     .end = end_clock_leak},
    {ROW("ipi-beyond", "SEND_IPI looks past the highest APIC id", "torvalds/linux bdf7ffc89922",
         MUTANT_CALLS),
     .end = end_ipi_beyond},
    {ROW("compat-wide", "compatibility mode is served like 64-bit code",
         "torvalds/linux a449c7aa51e1", MUTANT_CALLS),
     .end = end_compat_wide},
    {ROW("pv-unenforced", "paravirtual features work without their bits",
         "torvalds/linux 66570e966dd9", MUTANT_CALLS),
     .setup = setup_not_enforced},
    {ROW("apic-static", "the APIC's bit does not follow its base register",
         "torvalds/linux c7dd15b33707", MUTANT_CPUID),
     .end = end_apic_static},
    {ROW("fault-code", "a CPUID fault has an error code", "XTF tests/cpuid-faulting", MUTANT_CPUID),
     .end = end_fault_code},
    {ROW("fault-vm86", "virtual-8086 code is spared by CPUID faulting", "XTF tests/cpuid-faulting",
         MUTANT_CPUID),
     .end = end_fault_vm86},
    {.id = NULL},
};
