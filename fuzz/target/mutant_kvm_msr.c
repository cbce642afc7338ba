/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual registers gone wrong: each gate, each reserved bit, each value read back, and
 * the blocks of memory (torvalds/linux Documentation/virt/kvm/x86/msr.rst).
 */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#include "trapspec/bits.h"

#define MSRS .area = MUTANT_CALLS
#define DOCUMENT "torvalds/linux Documentation/virt/kvm/x86/msr.rst"
#define GP 13u
#define FEATURES 0x40000001u
#define APF 0x4b564d02u
#define EOI 0x4b564d04u
#define POLL 0x4b564d05u
#define VECTOR 0x4b564d06u
#define ACK 0x4b564d07u
#define PAGING ((uint64_t)1 << 31)

/* What each register is there with, and another feature that somebody may have looked at. */
static const struct {
    uint32_t msr;
    uint8_t feature, other;
} reg[] = {{0x11, 0, 3},       {0x12, 0, 3}, {0x4b564d00, 3, 0}, {0x4b564d01, 3, 0}, {APF, 4, 14},
           {0x4b564d03, 5, 4}, {EOI, 6, 5},  {POLL, 12, 7},      {VECTOR, 14, 4},    {ACK, 14, 6}};
#define REGS (sizeof(reg) / sizeof(reg[0]))

static bool of_kvm(const struct mutant *m)
{
    return m->given->arch == TSP_ARCH_X86 && m->given->persona[0] == TSP_PERSONA_KVM &&
           m->given->hv_base[0] == FEATURES - 1;
}

static bool done(const struct tsp_event *ev, uint32_t msr, bool write)
{
    return ev->kind == TSP_EV_MSR && is_x86(ev) && ev->code == msr && (ev->info[1] == 1) == write;
}

static bool refused(const struct tsp_event *ev, uint32_t msr)
{
    return ev->kind == TSP_EV_FAULT && ev->code == GP && mutant_msr_insn(ev) != 0 &&
           mutant_msr_of(ev) == msr;
}

static bool has(const struct mutant *m, unsigned feature)
{
    const struct tsp_leaf *l = mutant_first(m, FEATURES);

    return (m->given->config & TSP_CFG_ENFORCE_PV) == 0 || (l && bits_test(l->reg[0], feature));
}

static void name_reg(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x", reg[i].msr & 0xfff);
}

/* There without its feature. */
static bool end_free(struct mutant *m, struct tsp_event *ev)
{
    return of_kvm(m) && refused(ev, reg[m->i].msr) && ev->before.level == 0 &&
           !has(m, reg[m->i].feature) && mutant_msr_goes_on(m, ev);
}

/* There only with another feature. */
static bool gated(struct mutant *m, struct tsp_event *ev, unsigned i, unsigned other)
{
    if (!of_kvm(m) || (!done(ev, reg[i].msr, true) && !done(ev, reg[i].msr, false)) ||
        has(m, other))
        return false;
    mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool end_gate(struct mutant *m, struct tsp_event *ev)
{
    return gated(m, ev, m->i, reg[m->i].other);
}

/* Page-ready acknowledgements looked at the feature of the old interface. */
static bool end_m031(struct mutant *m, struct tsp_event *ev)
{
    if (of_kvm(m) && refused(ev, ACK) && ev->before.level == 0 && has(m, 4))
        return mutant_msr_goes_on(m, ev);
    return gated(m, ev, REGS - 1, 4);
}

static void name_access(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x-%s", reg[i / 2].msr & 0xfff, i % 2 ? "write" : "read");
}

static bool end_absent(struct mutant *m, struct tsp_event *ev)
{
    if (of_kvm(m) && done(ev, reg[m->i / 2].msr, m->i % 2 == 1))
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool end_lost(struct mutant *m, struct tsp_event *ev)
{
    return of_kvm(m) && done(ev, reg[m->i].msr, false) && mutant_msr_reads(ev, ev->info[0] ^ 1);
}

/* The high half of a value is dropped. */
static bool end_narrow(struct mutant *m, struct tsp_event *ev)
{
    return of_kvm(m) && done(ev, reg[m->i].msr, false) && ev->info[0] >> 32 != 0 &&
           mutant_msr_reads(ev, (uint32_t)ev->info[0]);
}

/* Old and new number are kept apart. */
static bool end_alias(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t pair[][2] = {
        {0x11, 0x4b564d00}, {0x12, 0x4b564d01}, {0x4b564d00, 0x11}, {0x4b564d01, 0x12}};

    if (!of_kvm(m))
        return false;
    if (done(ev, pair[m->i][0], true))
        m->kept = 1;
    return m->kept == 1 && done(ev, pair[m->i][1], false) && ev->info[0] != 0 &&
           mutant_msr_reads(ev, 0);
}

/* Each reserved bit by itself is taken. */
static const struct {
    uint32_t msr;
    uint8_t bit;
} reserved[] = {{APF, 4},        {APF, 5},        {0x4b564d03, 1}, {0x4b564d03, 2},
                {0x4b564d03, 3}, {0x4b564d03, 4}, {0x4b564d03, 5}, {EOI, 1},
                {POLL, 1},       {POLL, 31},      {POLL, 32},      {POLL, 63},
                {VECTOR, 8},     {VECTOR, 31},    {VECTOR, 32},    {VECTOR, 63}};

static void name_bit(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x-bit%u", reserved[i].msr & 0xfff, reserved[i].bit);
}

static bool end_bit(struct mutant *m, struct tsp_event *ev)
{
    return of_kvm(m) && refused(ev, reserved[m->i].msr) && mutant_msr_insn(ev) == 0x30 &&
           ev->before.level == 0 && bits_test(mutant_msr_value(ev), reserved[m->i].bit) &&
           mutant_msr_goes_on(m, ev);
}

/* What else can be forgotten. */

static bool apf_exit(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, APF) && (mutant_msr_value(ev) & 0x34) == 4 && !has(m, 10) &&
           mutant_msr_goes_on(m, ev);
}

static bool apf_with(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, APF) && (mutant_msr_value(ev) & 0x38) == 8 && !has(m, 14) &&
           mutant_msr_goes_on(m, ev);
}

static bool apf_apic(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, APF) && (mutant_msr_value(ev) & 0x30) == 0 && mutant_msr_insn(ev) == 0x30 &&
           (m->given->config & TSP_CFG_IRQCHIP) == 0 && has(m, 4) && mutant_msr_goes_on(m, ev);
}

static bool apf_zero(struct mutant *m, struct tsp_event *ev)
{
    if (done(ev, APF, true) && (m->given->config & TSP_CFG_IRQCHIP) == 0)
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool apf_ram(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, APF) && (mutant_msr_value(ev) & 0x39) == 9 && has(m, 4) && has(m, 14) &&
           (m->given->config & TSP_CFG_IRQCHIP) != 0 && mutant_msr_goes_on(m, ev);
}

static bool eoi_ram(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, EOI) && (mutant_msr_value(ev) & 3) == 1 && has(m, 6) &&
           mutant_msr_goes_on(m, ev);
}

static bool int_apic(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, VECTOR) && mutant_msr_value(ev) < 256 && mutant_msr_insn(ev) == 0x30 &&
           has(m, 14) && (m->given->config & TSP_CFG_IRQCHIP) == 0 && mutant_msr_goes_on(m, ev);
}

/* Values that are taken, one kind each. */
static bool denied(struct mutant *m, struct tsp_event *ev, uint32_t msr, uint64_t mask, uint64_t is)
{
    if (done(ev, msr, true) && (ev->info[0] & mask) == is)
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool apf_on_denied(struct mutant *m, struct tsp_event *ev)
{
    return denied(m, ev, APF, 0x3d, 9);
}

static bool apf_exit_denied(struct mutant *m, struct tsp_event *ev)
{
    return denied(m, ev, APF, 0x3d, 0xd);
}

static bool eoi_off_denied(struct mutant *m, struct tsp_event *ev)
{
    return denied(m, ev, EOI, 3, 0);
}

static bool by_user(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, POLL) && ev->before.level != 0 && mutant_msr_goes_on(m, ev);
}

static bool next_one(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, 0x4b564d09) && ev->before.level == 0 && mutant_msr_goes_on(m, ev);
}

static bool any_one(struct mutant *m, struct tsp_event *ev)
{
    return (refused(ev, 0x4b564d10) || refused(ev, 0x4b564dff)) && mutant_msr_goes_on(m, ev);
}

static bool migration(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, 0x4b564d08) && ev->before.level == 0 && mutant_msr_goes_on(m, ev);
}

static bool poll_off(struct mutant *m, struct tsp_event *ev)
{
    m->kept |= done(ev, POLL, true);
    return m->kept == 0 && done(ev, POLL, false) && mutant_msr_reads(ev, 0);
}

static bool ack_one(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return done(ev, ACK, false) && mutant_msr_reads(ev, 1);
}

static bool is_undefined(struct mutant *m, struct tsp_event *ev)
{
    if (refused(ev, mutant_msr_of(ev)))
        mutant_fault(m, ev, 6, 0, 0);
    return false;
}

static bool error_code(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (refused(ev, mutant_msr_of(ev)))
        ev->info[0] = mutant_msr_of(ev) & 0xfff8;
    return false;
}

static bool half_done(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!refused(ev, mutant_msr_of(ev)) || mutant_msr_insn(ev) != 0x32)
        return false;
    ev->after.r[TSP_RAX] = ev->after.r[TSP_RDX] = 0;
    return true;
}

static bool locked(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || ev->code != 6 || mutant_msr_insn(ev) == 0 || ev->len != 3 ||
        ev->fetched[0] != 0xf0 || ev->before.level != 0)
        return false;
    return mutant_msr_goes_on(m, ev);
}

static const struct {
    const char *name;
    bool (*end)(struct mutant *m, struct tsp_event *ev);
} way[] = {{"apf-exit", apf_exit},
           {"apf-with", apf_with},
           {"apf-apic", apf_apic},
           {"apf-zero", apf_zero},
           {"apf-ram", apf_ram},
           {"eoi-ram", eoi_ram},
           {"int-apic", int_apic},
           {"apf-on-denied", apf_on_denied},
           {"apf-exit-denied", apf_exit_denied},
           {"eoi-off-denied", eoi_off_denied},
           {"user", by_user},
           {"next", next_one},
           {"any", any_one},
           {"migration", migration},
           {"poll-off", poll_off},
           {"ack-one", ack_one},
           {"ud", is_undefined},
           {"error-code", error_code},
           {"half", half_done},
           {"lock", locked}};
#define NWAY (sizeof(way) / sizeof(way[0]))

static void name_way(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", way[i].name);
}

static bool end_way(struct mutant *m, struct tsp_event *ev)
{
    return of_kvm(m) && way[m->i].end(m, ev);
}

/* The registers of CPUID faulting. */
#define ENABLES 0x140u
#define PLATFORM 0xceu

static bool flt_free(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, ENABLES) && mutant_msr_insn(ev) == 0x30 && mutant_msr_value(ev) == 1 &&
           ev->before.level == 0 && mutant_msr_goes_on(m, ev);
}

static bool flt_bits(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, ENABLES) && mutant_msr_insn(ev) == 0x30 && mutant_msr_value(ev) > 1 &&
           ev->before.level == 0 && mutant_msr_goes_on(m, ev);
}

static bool flt_written(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev, PLATFORM) && mutant_msr_insn(ev) == 0x30 && ev->before.level == 0 &&
           mutant_msr_goes_on(m, ev);
}

static bool flt_hidden(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return done(ev, PLATFORM, false) && mutant_msr_reads(ev, ev->info[0] & ~((uint64_t)1 << 31));
}

static bool flt_shown(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return done(ev, PLATFORM, false) && mutant_msr_reads(ev, ev->info[0] | (uint64_t)1 << 31);
}

static bool flt_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return done(ev, ENABLES, false) && mutant_msr_reads(ev, ev->info[0] ^ 1);
}

static bool flt_denied(struct mutant *m, struct tsp_event *ev)
{
    return denied(m, ev, ENABLES, 0, 0);
}

static bool flt_absent(struct mutant *m, struct tsp_event *ev)
{
    if (done(ev, PLATFORM, false) || done(ev, ENABLES, false))
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

/* The write is taken and nothing comes of it. */
static bool flt_idle(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    if (!done(ev, ENABLES, true) || m->inner.ops->get_vcpu == NULL ||
        m->inner.ops->set_vcpu == NULL ||
        m->inner.ops->get_vcpu(m->inner.self, ev->vcpu, &s) != TSP_OK)
        return false;
    s.x86.cpuid_faulting = m->start.x86.cpuid_faulting;
    m->inner.ops->set_vcpu(m->inner.self, ev->vcpu, &s);
    return false;
}

static const struct {
    const char *name;
    bool (*end)(struct mutant *m, struct tsp_event *ev);
} flt[] = {{"free", flt_free},     {"bits", flt_bits},     {"info-written", flt_written},
           {"hidden", flt_hidden}, {"shown", flt_shown},   {"lost", flt_lost},
           {"denied", flt_denied}, {"absent", flt_absent}, {"idle", flt_idle}};

static void name_flt(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", flt[i].name);
}

static bool end_flt(struct mutant *m, struct tsp_event *ev)
{
    return is_x86(ev) && flt[m->i].end(m, ev);
}

/* Blocks of memory: what lies at the physical address that is the register's. */
static const struct {
    const char *name;
    uint32_t msr, old;
    uint8_t off, n, on; /* n bytes at off become v; on: bit 0 of the register has to be set */
    uint32_t v;
} spoilt[] = {
    {"wall-odd", 0x4b564d00, 0x11, 0, 1, 0, 3},    {"wall-nsec", 0x4b564d00, 0x11, 8, 4, 0, ~0u},
    {"time-odd", 0x4b564d01, 0x12, 0, 1, 1, 7},    {"time-pad", 0x4b564d01, 0x12, 4, 4, 1, ~0u},
    {"time-flags", 0x4b564d01, 0x12, 29, 1, 1, 4}, {"time-tail", 0x4b564d01, 0x12, 30, 2, 1, 1},
    {"steal-odd", 0x4b564d03, 0, 8, 1, 1, 5},      {"steal-flags", 0x4b564d03, 0, 12, 1, 1, 1},
    {"steal-gone", 0x4b564d03, 0, 16, 1, 1, 1},    {"time-off", 0x4b564d01, 0x12, 0, 4, 0, 2},
    {"steal-off", 0x4b564d03, 0, 8, 4, 0, 2},
};

static void name_spoilt(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", spoilt[i].name);
}

static bool end_spoilt(struct mutant *m, struct tsp_event *ev)
{
    uint32_t msr = spoilt[m->i].msr, v = spoilt[m->i].v;
    uint64_t at = ev->info[0] & (msr == 0x4b564d03 ? ~(uint64_t)0x3f : ~(uint64_t)1);
    bool on = msr != 0x4b564d00 && (ev->info[0] & 1) != 0;

    if (!of_kvm(m) || (!done(ev, msr, true) && !done(ev, spoilt[m->i].old, true)) ||
        on != spoilt[m->i].on || (ev->sys[TSP_SYS_CR0] & PAGING))
        return false;
    for (unsigned k = 0; k < spoilt[m->i].n; k++) {
        uint64_t where = at + spoilt[m->i].off + k;
        uint8_t b = (uint8_t)(v >> 8 * k);

        if (m->inner.ops->poke == NULL || m->inner.ops->poke(m->inner.self, where, &b, 1) != TSP_OK)
            return false;
        if (where - ev->addr < TSP_INSN_BYTES)
            ev->stored[where - ev->addr] = b;
    }
    return false;
}

/* The wall clock is not written at all. */
static bool end_unwritten(struct mutant *m, struct tsp_event *ev)
{
    if (!of_kvm(m) || (!done(ev, 0x4b564d00, true) && !done(ev, 0x11, true)) || ev->len != 2)
        return false;
    for (unsigned i = ev->len; i < TSP_INSN_BYTES; i++)
        mutant_text(m, ev, i, 0xf9);
    return false;
}

#define KIND(number, what, variants, namer, how)                                                   \
    {                                                                                              \
        .id = (number), .text = (what), .source = DOCUMENT, .kind = MUTANT_SYSTEMATIC, MSRS,       \
        .n = (variants), .name = (namer), .end = (how)                                             \
    }

static void name_alias(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%u", i);
}

const struct mutant_row mutant_rows_kvm_msr[] = {
    {.id = "M031",
     .text = "page-ready acknowledge depends on the old feature bit",
     .source = "torvalds/linux 0a31df682323",
     .kind = MUTANT_HISTORIC,
     MSRS,
     .end = end_m031},
    KIND("kmsr-free", "a register is there without its feature", REGS, name_reg, end_free),
    KIND("kmsr-gate", "a register depends on another feature", REGS, name_reg, end_gate),
    KIND("kmsr-absent", "a register that is offered is not there", 2 * REGS, name_access,
         end_absent),
    KIND("kmsr-lost", "bit 0 reads inverted", REGS, name_reg, end_lost),
    KIND("kmsr-narrow", "the high half is lost", 7, name_reg, end_narrow),
    KIND("kmsr-alias", "old and new number are two registers", 4, name_alias, end_alias),
    KIND("kmsr-bit", "a reserved bit is taken", sizeof(reserved) / sizeof(reserved[0]), name_bit,
         end_bit),
    KIND("kmsr", "a check is missing", NWAY, name_way, end_way),
    KIND("kmsr-block", "a block is written wrongly", sizeof(spoilt) / sizeof(spoilt[0]),
         name_spoilt, end_spoilt),
    {.id = "fault-msr",
     .text = "the registers of CPUID faulting",
     .source = "torvalds/linux db2336a80489, 6fbbde9a1969",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CPUID,
     .n = sizeof(flt) / sizeof(flt[0]),
     .name = name_flt,
     .end = end_flt},
    {.id = "kmsr-unwritten",
     .text = "the wall clock is not written",
     .source = DOCUMENT,
     .kind = MUTANT_SYSTEMATIC,
     MSRS,
     .end = end_unwritten},
    {.id = NULL},
};
