/* SPDX-License-Identifier: MIT */
/* Defects of CPUID that shipped, by number; the others stand in mutant_historic.c. */
#include "fuzz/target/mutant_in.h"

#include "trapspec/bits.h"

#define GP 13u
#define HV_LOW 0x40000000u
#define HV_HIGH 0x4fffffffu

static void put_answer(struct tsp_event *ev, const uint32_t reg[4])
{
    for (unsigned i = 0; i < 4; i++)
        ev->after.r[mutant_result[i]] = reg[i];
}

static bool is_cpuid(const struct tsp_event *ev, uint32_t leaf)
{
    return ev->kind == TSP_EV_CPUID && ev_leaf(ev) == leaf;
}

static const uint32_t zeroes[4];

/* Leaves of hypervisors. */

/* User space's bit is hidden at one fixed leaf, wherever the block is. */
static bool end_m061(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *l = mutant_entry(m, ev_leaf(ev), ev_sub(ev));
    uint32_t base = m->given->hv_base[0];

    for (unsigned i = 0; i < 2; i++)
        if (m->given->persona[i] == TSP_PERSONA_KVM)
            base = m->given->hv_base[i];
    if (ev->kind != TSP_EV_CPUID || l == NULL || !(m->given->config & TSP_CFG_HLT_NOEXIT))
        return false;
    if (ev_leaf(ev) == HV_LOW + 1)
        ev->after.r[TSP_RAX] &= ~(uint64_t)0x80;
    else if (ev_leaf(ev) == base + 1)
        ev->after.r[TSP_RAX] |= l->reg[0] & 0x80;
    return true;
}

/* Out of range of the basic leaves: the highest of them on Intel, nothing on AMD. */
static void out_of_range(const struct mutant *m, struct tsp_event *ev, bool amd_too)
{
    const struct tsp_leaf *zero = mutant_first(m, 0), *top = NULL;
    enum tsp_vendor v = mutant_vendor(m);

    if (zero != NULL && (amd_too || (v != TSP_VENDOR_AMD && v != TSP_VENDOR_HYGON)))
        top = mutant_entry(m, zero->reg[0], ev_sub(ev));
    put_answer(ev, top != NULL ? top->reg : zeroes);
}

static bool end_m063(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *zero = mutant_first(m, 0);

    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) < HV_LOW || ev_leaf(ev) > HV_HIGH || zero == NULL ||
        ev_leaf(ev) <= zero->reg[0])
        return false;
    out_of_range(m, ev, false);
    return true;
}

static bool end_m065(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) <= HV_LOW + 1 || ev_leaf(ev) > HV_HIGH)
        return false;
    out_of_range(m, ev, true);
    return true;
}

static bool end_m067(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_cpuid(ev, HV_LOW + 3) && !is_cpuid(ev, 3))
        return false;
    ev->after.r[TSP_RBX] = ev->after.r[TSP_RAX];
    return true;
}

static bool end_m071(struct mutant *m, struct tsp_event *ev)
{
    if (!is_cpuid(ev, 1) || m->given->persona[0] != TSP_PERSONA_NONE ||
        m->given->persona[1] != TSP_PERSONA_NONE)
        return false;
    ev->after.r[TSP_RCX] |= 1u << 31;
    return true;
}

static bool end_m073(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_cpuid(ev, HV_LOW))
        return false;
    ev->after.r[TSP_RAX] = 0;
    return true;
}

static bool end_m075(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) < HV_LOW || ev_leaf(ev) > HV_HIGH)
        return false;
    put_answer(ev, zeroes);
    return true;
}

/* More than the first feature leaf is not told. */
static bool end_m077(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_cpuid(ev, HV_LOW) || ev->after.r[TSP_RAX] <= HV_LOW + 1)
        return false;
    ev->after.r[TSP_RAX] = HV_LOW + 1;
    return true;
}

/* Basic and extended leaves. */

static bool end_m079(struct mutant *m, struct tsp_event *ev)
{
    if ((!is_cpuid(ev, 0xb) && !is_cpuid(ev, 0x1f)) ||
        mutant_entry(m, ev_leaf(ev), ev_sub(ev)) != NULL)
        return false;
    put_answer(ev, zeroes);
    return true;
}

static bool end_m081(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t filled[4] = {0xff08ff08, 0xff20ff20, 0x20080140, 0x20080140};

    if (!is_cpuid(ev, 0x80000005) || mutant_vendor(m) != TSP_VENDOR_INTEL)
        return false;
    put_answer(ev, filled);
    return true;
}

static bool end_m083(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t data[4] = {0x40000001, 0x7, 0x3, 0};

    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) < 0x19 || ev_leaf(ev) > 0x1c ||
        mutant_first(m, ev_leaf(ev)) != NULL)
        return false;
    put_answer(ev, data);
    return true;
}

static bool end_m085(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *l = mutant_entry(m, 0x80000001, 0);

    if (!is_cpuid(ev, 0x80000001) || l == NULL || mutant_vendor(m) != TSP_VENDOR_INTEL)
        return false;
    ev->after.r[TSP_RDX] |= l->reg[3] & 1u << 11;
    return true;
}

static bool end_m087(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *two = mutant_entry(m, 2, 0);

    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) <= 2 || ev_leaf(ev) >= 0x40000000 || two == NULL)
        return false;
    put_answer(ev, two->reg);
    return true;
}

/* Bytes of a compacted area; `aligned` honours ECX bit 1 of a component's sub-leaf. */
static uint32_t compact_size(const struct mutant *m, uint64_t mask, bool aligned)
{
    uint32_t size = 0x240;

    for (uint32_t i = 2; i < 63; i++) {
        const struct tsp_leaf *l = bits_test(mask, i) ? mutant_entry(m, 0xd, i) : NULL;

        if (l == NULL)
            continue;
        if (aligned && bits_test(l->reg[2], 1))
            size = (size + 63) & ~63u;
        size += l->reg[0];
    }
    return size;
}

static bool is_compact_leaf(const struct tsp_event *ev)
{
    return is_cpuid(ev, 0xd) && ev_sub(ev) == 1 && ev->after.r[TSP_RBX] != 0;
}

static bool end_m089(struct mutant *m, struct tsp_event *ev)
{
    uint64_t mask = ev->sys[TSP_SYS_XCR0] | ev->sys[TSP_SYS_XSS];
    uint32_t right = compact_size(m, mask, true), wrong = compact_size(m, mask, false);

    if (!is_compact_leaf(ev) || ev->after.r[TSP_RBX] != right)
        return false;
    ev->after.r[TSP_RBX] = wrong;
    return true;
}

/* The size is that of the time before XSS was written. */
static bool end_m091(struct mutant *m, struct tsp_event *ev)
{
    uint64_t was = m->given->vcpu[ev->vcpu % TSP_MAX_VCPU].x86.xss;

    if (!is_compact_leaf(ev) || ev->sys[TSP_SYS_XSS] == was)
        return false;
    ev->after.r[TSP_RBX] = compact_size(m, ev->sys[TSP_SYS_XCR0] | was, true);
    return true;
}

static bool end_m093(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_cpuid(ev, 1))
        return false;
    ev->after.r[TSP_RCX] |= 1u << 27;
    return true;
}

/* Whatever stood there when the policy was taken. */
static bool end_m095(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *l = mutant_entry(m, ev_leaf(ev), ev_sub(ev));
    uint32_t mask = is_cpuid(ev, 1) ? 1u << 27 : 1u << 4;

    if (l == NULL || (!is_cpuid(ev, 1) && !(is_cpuid(ev, 7) && ev_sub(ev) == 0)))
        return false;
    ev->after.r[TSP_RCX] = (ev->after.r[TSP_RCX] & ~(uint64_t)mask) | (l->reg[2] & mask);
    return true;
}

static bool end_m101(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_cpuid(ev, 0x1f) || ev_sub(ev) > 1)
        return false;
    ev->after.r[TSP_RBX] = (uint32_t)(ev->after.r[TSP_RBX] + 1);
    return true;
}

static bool end_m103(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t leaf[] = {0x4, 0xf, 0x10, 0x80000020, 0x8000001d};
    const struct tsp_leaf *first = NULL;

    for (size_t i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++)
        if (is_cpuid(ev, leaf[i]))
            first = mutant_entry(m, leaf[i], 0);
    if (first == NULL || mutant_entry(m, ev_leaf(ev), ev_sub(ev)) != NULL)
        return false;
    put_answer(ev, first->reg);
    return true;
}

static bool end_m105(struct mutant *m, struct tsp_event *ev)
{
    uint64_t *b = &ev->after.r[TSP_RBX];

    (void)m;
    if (!is_cpuid(ev, 1))
        return false;
    /* The number of ids is doubled in eight bits: 128 becomes none. */
    *b = bits_set(*b, 23, 16, bits_get(*b, 23, 16) * 2);
    return true;
}

static bool end_m107(struct mutant *m, struct tsp_event *ev)
{
    uint64_t *a = &ev->after.r[TSP_RAX];

    (void)m;
    if (!is_cpuid(ev, 0x80000008))
        return false;
    *a = bits_set(*a, 7, 0, bits_get(*a, 23, 16));
    return true;
}

/* A template cleared the bits of one register in another. */
static bool end_m109(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *l = mutant_entry(m, 7, 0);

    if (!is_cpuid(ev, 7) || ev_sub(ev) != 0 || l == NULL)
        return false;
    ev->after.r[TSP_RBX] &= ~(uint64_t)0x00407f6eu;
    return true;
}

/* "Hv#1" with fewer leaves than it takes. */
static bool end_m149(struct mutant *m, struct tsp_event *ev)
{
    if (!is_cpuid(ev, HV_LOW) || m->given->persona[0] != TSP_PERSONA_HYPERV)
        return false;
    ev->after.r[TSP_RAX] = HV_LOW + 4;
    return true;
}

/* CPUID faulting. */

static bool end_m115(struct mutant *m, struct tsp_event *ev)
{
    bool on = bits_test(ev->sys[TSP_SYS_FAULTING], 0);

    if (ev->kind == TSP_EV_CPUID && on && ev->before.level == 0)
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

#define ROW(number, what, origin)                                                                  \
    .id = (number), .text = (what), .source = (origin), .kind = MUTANT_HISTORIC,                   \
    .area = MUTANT_CPUID

const struct mutant_row mutant_rows_leaves[] = {
    {ROW("M061", "KVM's feature leaf is taken to be 0x40000001 always",
         "torvalds/linux 760849b1476c"),
     .end = end_m061},
    {ROW("M063", "hypervisor leaves are checked against the basic maximum",
         "lkml 20200305013437.8578-5"),
     .end = end_m063},
    {ROW("M065", "hypervisor leaves without data show the highest basic leaf, on AMD too",
         "unicorn-engine/unicorn qemu/target/i386/cpu.c"),
     .end = end_m065},
    {ROW("M067", "EBX of leaf 3 aliases EAX", "xen-project/xen 29fc0493d8"), .end = end_m067},
    {ROW("M071", "the hypervisor bit is set where there is none", "xen-project/xen e2d1254f5a"),
     .end = end_m071},
    {ROW("M073", "the highest hypervisor leaf is 0 although others are served",
         "jart/blink blink/cpuid.c"),
     .end = end_m073},
    {ROW("M075", "hypervisor leaves are out of range of the basic ones", "systemd/systemd 7769"),
     .end = end_m075},
    {ROW("M077", "the highest hypervisor leaf is the first one always", "nanovms/nanos 1792"),
     .end = end_m077},
    {ROW("M079", "an undefined sub-leaf of 0xB or 0x1F is all zero", "torvalds/linux 43561123ab37"),
     .end = end_m079},
    {ROW("M081", "AMD's cache leaf is filled on Intel", "bochs-emu/Bochs 33107b54f"),
     .end = end_m081},
    {ROW("M083", "leaves 0x19 to 0x1c show data where there are none", "bochs-emu/Bochs 3db8404a0"),
     .end = end_m083},
    {ROW("M085", "Intel's SYSCALL bit is set outside 64-bit mode", "bochs-emu/Bochs dfd769a10"),
     .end = end_m085},
    {ROW("M087", "all standard leaves above 2 are another's", "bochs-emu/Bochs 694dc8a0e"),
     .end = end_m087},
    {ROW("M089", "the compacted size ignores alignment", "torvalds/linux cc04b6a21d43"),
     .end = end_m089},
    {ROW("M091", "the compacted size does not follow XSS", "torvalds/linux 9622e116d0d2"),
     .end = end_m091},
    {ROW("M093", "OSXSAVE shows the hypervisor's CR4", "xen-project/xen 08e7738ec3, 3b7cac5232"),
     .end = end_m093},
    {ROW("M095", "OSXSAVE and OSPKE are captured in the policy", "xen-project/xen 3e47cfe9ee"),
     .end = end_m095},
    {ROW("M101", "0x1F says something else than 0xB", "firecracker 9ea85d52d"), .end = end_m101},
    {ROW("M103", "leaves with sub-leaves answer the same for any ECX",
         "oxidecomputer/propolis 34354476, xen-project/xen d4012d5008"),
     .end = end_m103},
    {ROW("M105", "the number of ids is doubled in eight bits", "xen-project/xen df29d03f1d"),
     .end = end_m105},
    {ROW("M107", "the guest's address width stands for the host's",
         "torvalds/linux 2024, MAXPHYADDR"),
     .end = end_m107},
    {ROW("M109", "bits of ECX are cleared in EBX", "firecracker-microvm/firecracker 337"),
     .end = end_m109},
    {ROW("M115", "CPUID faults at CPL 0 too", "XTF tests/cpuid-faulting"), .end = end_m115},
    {ROW("M149", "Hv#1 is offered with too few leaves", "TLFS, feature discovery"),
     .end = end_m149},
    {.id = NULL},
};
