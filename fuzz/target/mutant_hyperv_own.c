/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V as the hypervisor itself, gone wrong: its registers, its page, its privileges (TLFS,
 * Establishing the hypercall interface; Partition privilege flags).
 */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#define OWN .area = MUTANT_CALLS
#define HV1 0x31237648u
#define UD 6u
#define GP 13u
#define MSR_ID 0x40000000u
#define MSR_PAGE 0x40000001u
#define MSR_INDEX 0x40000002u
#define MSR_RESET 0x40000003u
#define MSR_COUNT 0x40000020u
#define MSR_TSC 0x40000021u
#define MSR_TSC_HZ 0x40000022u
#define MSR_APIC_HZ 0x40000023u

/* The interface is there and is not KVM's. */
static bool own(const struct mutant *m)
{
    const struct tsp_leaf *l = m->given->arch == TSP_ARCH_X86 ? mutant_first(m, 0x40000001) : NULL;
    bool here = false;

    for (unsigned i = 0; i < 2; i++) {
        if (m->given->persona[i] == TSP_PERSONA_KVM)
            return false;
        here |= m->given->persona[i] == TSP_PERSONA_HYPERV;
    }
    return here && l != NULL && l->reg[0] == HV1;
}

static bool is_read(const struct tsp_event *ev, uint32_t msr)
{
    return ev->kind == TSP_EV_MSR && is_x86(ev) && ev->info[1] == 0 && ev->code == msr;
}

static bool is_write(const struct tsp_event *ev, uint32_t msr)
{
    return ev->kind == TSP_EV_MSR && is_x86(ev) && ev->info[1] == 1 && ev->code == msr;
}

static bool refused(const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_FAULT && ev->code == GP && mutant_msr_insn(ev) != 0;
}

static bool succeeds(struct mutant *m, struct tsp_event *ev)
{
    mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
    ev->after.r[TSP_RAX] = 0;
    return true;
}

static bool stops(struct mutant *m, struct tsp_event *ev, enum tsp_stop why)
{
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = (uint32_t)why;
    return false;
}

static bool undefined_call(const struct mutant *m, const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_FAULT && ev->code == UD && mutant_native(m, ev);
}

static bool in_page(const struct tsp_event *ev)
{
    return (ev->text[0] & TSP_TEXT_OVERLAY) != 0;
}

/* What each variant does. */

static bool id_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, MSR_ID) && mutant_msr_reads(ev, 0);
}

static bool page_on(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, MSR_PAGE) && mutant_msr_reads(ev, ev->info[0] | 1);
}

static bool page_elsewhere(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, MSR_PAGE) && mutant_msr_reads(ev, ev->info[0] ^ 0x1000);
}

static bool page_unlocked(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, MSR_PAGE) && mutant_msr_reads(ev, ev->info[0] & ~(uint64_t)2);
}

static bool page_far(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev) && mutant_msr_of(ev) == MSR_PAGE && ev->before.level == 0 &&
           mutant_msr_goes_on(m, ev);
}

static bool index_next(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, MSR_INDEX) && mutant_msr_reads(ev, ev->info[0] + 1);
}

static bool count_still(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, MSR_COUNT) && mutant_msr_reads(ev, 5);
}

static bool tsc_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, MSR_TSC) && mutant_msr_reads(ev, ev->info[0] ^ 1);
}

static bool hz_zero(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return (is_read(ev, MSR_TSC_HZ) || is_read(ev, MSR_APIC_HZ)) && mutant_msr_reads(ev, 0);
}

static bool by_user(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev) && ev->before.level != 0 && mutant_msr_goes_on(m, ev);
}

static bool reset_ignored(struct mutant *m, struct tsp_event *ev)
{
    return ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_RESET && mutant_msr_insn(ev) != 0 &&
           mutant_msr_goes_on(m, ev);
}

static bool reset_denied(struct mutant *m, struct tsp_event *ev)
{
    if (refused(ev) && mutant_msr_of(ev) == MSR_RESET && mutant_msr_insn(ev) == 0x30 &&
        ev->before.level == 0)
        return stops(m, ev, TSP_STOP_RESET);
    return false;
}

static bool reset_index(struct mutant *m, struct tsp_event *ev)
{
    return is_write(ev, MSR_ID) ? stops(m, ev, TSP_STOP_RESET) : false;
}

static bool register_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_MSR || !is_x86(ev))
        return false;
    ev->after.r[TSP_RCX] = 0;
    return true;
}

/* A timer of 0x400000b0 is armed for a message, and 0x40000083 maps no page for it. */
static bool unplaced(struct mutant *m, const struct tsp_event *ev)
{
    if (is_write(ev, 0x40000083))
        m->counter = ev->info[0] & 1;
    return m->counter == 0 && is_write(ev, 0x400000b0) && (ev->info[0] & 0xf0001) > 0x10000;
}

static bool message_shutdown(struct mutant *m, struct tsp_event *ev)
{
    return unplaced(m, ev) && stops(m, ev, TSP_STOP_SHUTDOWN);
}

static bool page_foreign(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_HYPERCALL || !in_page(ev) || ev->len < 3)
        return false;
    ev->fetched[ev->len - 1] ^= 0x18; /* VMCALL and VMMCALL differ in these bits */
    ev->stored[ev->len - 1] ^= 0x18;
    return false;
}

static bool page_undefined(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_HYPERCALL || !in_page(ev) ||
        (mutant_hv_control(&ev->before) & 0x10000) != 0)
        return false;
    ev->kind = TSP_EV_FAULT;
    ev->code = UD;
    ev->info[0] = ev->info[1] = 0;
    ev->after = ev->before;
    return false;
}

static bool page_shutdown(struct mutant *m, struct tsp_event *ev)
{
    return ev->kind == TSP_EV_HYPERCALL && in_page(ev) ? stops(m, ev, TSP_STOP_TRIPLE) : false;
}

static bool page_stays(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind == TSP_EV_HYPERCALL)
        ev->text[0] = ev->text[1] = ev->text[0] | TSP_TEXT_OVERLAY;
    return false;
}

static bool anonymous(struct mutant *m, struct tsp_event *ev)
{
    return undefined_call(m, ev) && ev->before.level == 0 && !mutant_hyperv(m, ev->vcpu) &&
           succeeds(m, ev);
}

static bool foreign(struct mutant *m, struct tsp_event *ev)
{
    return ev->kind == TSP_EV_FAULT && ev->code == UD && mutant_foreign(m, ev) && succeeds(m, ev);
}

static bool rewritten(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || ev->code != UD || !mutant_foreign(m, ev))
        return false;
    mutant_undo(m, ev, TSP_EV_PATCH, 0);
    ev->info[0] = ev->addr;
    ev->info[1] = 3;
    return false;
}

static bool output_granted(struct mutant *m, struct tsp_event *ev)
{
    return undefined_call(m, ev) && mutant_hyperv(m, ev->vcpu) && ev->before.level == 0 &&
           mutant_hv_control(&ev->before) == 0x18001 && succeeds(m, ev);
}

static bool reps_short(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_x86_call(ev) || (mutant_hv_control(&ev->before) >> 32 & 0xfff) == 0 ||
        (ev->after.r[TSP_RAX] & 0xffff) != 0)
        return false;
    if (is_long(ev))
        ev->after.r[TSP_RAX] -= (uint64_t)1 << 32;
    else
        ev->after.r[TSP_RDX] -= 1;
    return true;
}

static bool granted(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_x86_call(ev) || (ev->after.r[TSP_RAX] & 0xffff) != 6)
        return false;
    ev->after.r[TSP_RAX] &= ~(uint64_t)0xffff;
    return true;
}

static bool connected(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_x86_call(ev) || (ev->after.r[TSP_RAX] & 0xffff) != 0x12)
        return false;
    ev->after.r[TSP_RAX] &= ~(uint64_t)0xffff;
    return true;
}

static bool refuses_extended(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_x86_call(ev) || mutant_hv_control(&ev->before) != 0x8001)
        return false;
    ev->after.r[TSP_RAX] = 5;
    return true;
}

/* The interrupt controller and timers. */

static bool is_sint(uint32_t msr)
{
    return msr >= 0x40000090 && msr <= 0x4000009f;
}

static bool synic_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return (is_read(ev, 0x40000080) || is_read(ev, 0x40000082) || is_read(ev, 0x40000083)) &&
           mutant_msr_reads(ev, 0);
}

static bool sint_open(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_sint(ev->code) && is_read(ev, ev->code) &&
           mutant_msr_reads(ev, ev->info[0] & ~0x10000ull);
}

static bool sint_any(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev) && is_sint(mutant_msr_of(ev)) && ev->before.level == 0 &&
           mutant_msr_goes_on(m, ev);
}

static bool synic_version(struct mutant *m, struct tsp_event *ev)
{
    if (refused(ev) && mutant_msr_of(ev) == 0x40000081 && mutant_msr_insn(ev) == 0x30 &&
        ev->before.level == 0)
        return mutant_msr_goes_on(m, ev);
    return is_read(ev, 0x40000081) && mutant_msr_reads(ev, 0);
}

static bool synic_version_written(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev) && mutant_msr_of(ev) == 0x40000081 && mutant_msr_insn(ev) == 0x30 &&
           ev->before.level == 0 && mutant_msr_goes_on(m, ev);
}

static bool synic_far(struct mutant *m, struct tsp_event *ev)
{
    return refused(ev) && (mutant_msr_of(ev) == 0x40000082 || mutant_msr_of(ev) == 0x40000083) &&
           ev->before.level == 0 && mutant_msr_goes_on(m, ev);
}

static bool timer_stays(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_read(ev, 0x400000b0) && mutant_msr_reads(ev, ev->info[0] | 1);
}

static bool timer_count(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return (is_read(ev, 0x400000b1) || is_read(ev, 0x400000b5)) &&
           mutant_msr_reads(ev, ev->info[0] + 1);
}

static const struct {
    const char *name;
    bool (*end)(struct mutant *m, struct tsp_event *ev);
} way[] = {{"id-lost", id_lost},
           {"synic-lost", synic_lost},
           {"sint-open", sint_open},
           {"sint-any", sint_any},
           {"synic-version", synic_version},
           {"synic-version-w", synic_version_written},
           {"synic-far", synic_far},
           {"timer-stays", timer_stays},
           {"timer-count", timer_count},
           {"page-on", page_on},
           {"page-elsewhere", page_elsewhere},
           {"page-unlocked", page_unlocked},
           {"page-far", page_far},
           {"index", index_next},
           {"count-still", count_still},
           {"tsc-lost", tsc_lost},
           {"hz-zero", hz_zero},
           {"user", by_user},
           {"reset-ignored", reset_ignored},
           {"reset-denied", reset_denied},
           {"reset-other", reset_index},
           {"register", register_lost},
           {"page-foreign", page_foreign},
           {"page-ud", page_undefined},
           {"page-shutdown", page_shutdown},
           {"page-stays", page_stays},
           {"message-shutdown", message_shutdown},
           {"anonymous", anonymous},
           {"foreign", foreign},
           {"rewritten", rewritten},
           {"output", output_granted},
           {"reps", reps_short},
           {"granted", granted},
           {"connected", connected},
           {"extended", refuses_extended}};
#define NWAY (sizeof(way) / sizeof(way[0]))

static void name_way(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", way[i].name);
}

static bool end_way(struct mutant *m, struct tsp_event *ev)
{
    return own(m) && way[m->i].end(m, ev);
}

/* Registers that are there without their privilege, taken for writing, or not there. */
static const uint32_t denied[] = {MSR_RESET,   0x40000010, MSR_COUNT,  MSR_TSC,    MSR_TSC_HZ,
                                  MSR_APIC_HZ, 0x40000070, 0x40000080, 0x400000b0, 0x400000f0};
static const uint32_t read_only[] = {MSR_INDEX, MSR_COUNT, MSR_TSC_HZ, MSR_APIC_HZ};
static const struct {
    uint32_t msr;
    uint8_t write;
} offered[] = {{MSR_ID, 0},     {MSR_ID, 1},     {MSR_PAGE, 0},   {MSR_PAGE, 1},    {MSR_INDEX, 0},
               {MSR_COUNT, 0},  {MSR_TSC, 0},    {MSR_TSC_HZ, 0}, {MSR_APIC_HZ, 0}, {0x40000080, 0},
               {0x40000080, 1}, {0x40000083, 0}, {0x40000083, 1}, {0x40000084, 1},  {0x40000090, 0},
               {0x40000090, 1}, {0x400000b0, 0}, {0x400000b4, 1}, {0x400000b1, 1}};
static const uint32_t form[] = {2, 3, 0x13, 0x14, 0x15, 0x8001};

static void name_denied(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x", denied[i] & 0xfff);
}

static bool end_denied(struct mutant *m, struct tsp_event *ev)
{
    return own(m) && refused(ev) && mutant_msr_insn(ev) == 0x32 &&
           mutant_msr_of(ev) == denied[m->i] && ev->before.level == 0 && mutant_msr_goes_on(m, ev);
}

static void name_read_only(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x", read_only[i] & 0xfff);
}

static bool end_read_only(struct mutant *m, struct tsp_event *ev)
{
    return own(m) && refused(ev) && mutant_msr_insn(ev) == 0x30 &&
           mutant_msr_of(ev) == read_only[m->i] && ev->before.level == 0 &&
           mutant_msr_goes_on(m, ev);
}

static void name_absent(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x-%s", offered[i].msr & 0xfff, offered[i].write ? "write" : "read");
}

static bool end_absent(struct mutant *m, struct tsp_event *ev)
{
    uint32_t msr = offered[m->i].msr;

    if (own(m) && (offered[m->i].write ? is_write(ev, msr) : is_read(ev, msr)))
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static void name_form(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x", form[i]);
}

/* 0x8001: results in registers, for 32-bit code. */
static bool end_form(struct mutant *m, struct tsp_event *ev)
{
    uint64_t control = mutant_hv_control(&ev->before);

    if (!own(m) || !undefined_call(m, ev) || !mutant_hyperv(m, ev->vcpu) || ev->before.level != 0 ||
        ev->before.mode == TSP_MODE_REAL16)
        return false;
    if ((control & 0x1ffff) != (form[m->i] | 0x10000) || (form[m->i] == 0x8001 && is_long(ev)))
        return false;
    return succeeds(m, ev);
}

/* Register input that needs XMM registers (2 3 0x13 0x14 0x15) is taken although it was not
 * offered. */
static bool end_m049(struct mutant *m, struct tsp_event *ev)
{
    uint64_t control = mutant_hv_control(&ev->before);
    uint16_t code = (uint16_t)control;

    if (!own(m) || !undefined_call(m, ev) || !mutant_hyperv(m, ev->vcpu) || ev->before.level != 0 ||
        ev->before.mode == TSP_MODE_REAL16 || !(control & 0x10000))
        return false;
    return (code == 2 || code == 3 || (code >= 0x13 && code <= 0x15)) && succeeds(m, ev);
}

/* The page's register is one that keeps whatever is written. */
static bool end_m147(struct mutant *m, struct tsp_event *ev)
{
    if (!own(m))
        return false;
    if (refused(ev) && mutant_msr_of(ev) == MSR_PAGE && mutant_msr_insn(ev) == 0x30 &&
        ev->before.level == 0) {
        m->kept = mutant_msr_value(ev);
        return mutant_msr_goes_on(m, ev);
    }
    if (is_write(ev, MSR_PAGE))
        m->kept = ev->info[0];
    return is_read(ev, MSR_PAGE) && mutant_msr_reads(ev, m->kept);
}

/* A timer's message finds no page to lie in. */
static bool end_m057(struct mutant *m, struct tsp_event *ev)
{
    return own(m) && unplaced(m, ev) && stops(m, ev, TSP_STOP_TRIPLE);
}

const struct mutant_row mutant_rows_hyperv_own[] = {
    {.id = "M049",
     .text = "register input beyond two words without its feature bit",
     .source = "torvalds/linux 4e62aa96d6e5",
     .kind = MUTANT_HISTORIC,
     OWN,
     .end = end_m049},
    {.id = "M057",
     .text = "a timer message with the message page unmapped",
     .source = "xen-project/xen 3a7b4f2897, CVE-2025-58142",
     .kind = MUTANT_HISTORIC,
     OWN,
     .end = end_m057},
    {.id = "M147",
     .text = "the hypercall page is enabled without an OS identity, stays so, moves while locked",
     .source = "TLFS, hypercall page",
     .kind = MUTANT_HISTORIC,
     OWN,
     .end = end_m147},
    {.id = "hvown",
     .text = "Hyper-V itself",
     .source = "TLFS, Establishing the hypercall interface",
     .kind = MUTANT_SYSTEMATIC,
     OWN,
     .n = NWAY,
     .name = name_way,
     .end = end_way},
    {.id = "hvreg-free",
     .text = "a register is there without its privilege",
     .source = "TLFS, Partition privilege flags",
     .kind = MUTANT_SYSTEMATIC,
     OWN,
     .n = sizeof(denied) / sizeof(denied[0]),
     .name = name_denied,
     .end = end_denied},
    {.id = "hvreg-written",
     .text = "a read-only register is written",
     .source = "TLFS, Timers; Virtual processor properties",
     .kind = MUTANT_SYSTEMATIC,
     OWN,
     .n = sizeof(read_only) / sizeof(read_only[0]),
     .name = name_read_only,
     .end = end_read_only},
    {.id = "hvreg-absent",
     .text = "a register that is offered is not there",
     .source = "TLFS, Establishing the hypercall interface",
     .kind = MUTANT_SYSTEMATIC,
     OWN,
     .n = sizeof(offered) / sizeof(offered[0]),
     .name = name_absent,
     .end = end_absent},
    {.id = "hvform",
     .text = "a register form that is not offered is taken",
     .source = "TLFS, XMM fast hypercall input and output",
     .kind = MUTANT_SYSTEMATIC,
     OWN,
     .n = sizeof(form) / sizeof(form[0]),
     .name = name_form,
     .end = end_form},
    {.id = NULL},
};
