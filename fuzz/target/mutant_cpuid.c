/* SPDX-License-Identifier: MIT */
/* CPUID gone wrong, one thing after the other: outputs, inputs, leaves, bits that follow the vCPU.
 */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define SYSTEMATIC .kind = MUTANT_SYSTEMATIC, .area = MUTANT_CPUID, .source = "trapspec"
#define GP 13u
#define UD 6u

static void name_reg(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", mutant_result_name[i % 4]);
}

static void name_reg_bit(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-%u", mutant_result_name[i / 32 % 4], i % 32);
}

static bool end_flip(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID)
        return false;
    ev->after.r[mutant_result[m->i / 32]] ^= (uint64_t)1 << m->i % 32;
    return true;
}

static bool end_kept(struct mutant *m, struct tsp_event *ev)
{
    unsigned r = mutant_result[m->i];

    if (ev->kind != TSP_EV_CPUID)
        return false;
    ev->after.r[r] = (uint32_t)ev->before.r[r];
    return true;
}

static bool end_zero(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID)
        return false;
    ev->after.r[mutant_result[m->i]] = 0;
    return true;
}

/* The upper half of a result is what the register held, or all ones. */
static bool end_upper(struct mutant *m, struct tsp_event *ev)
{
    uint64_t *r = &ev->after.r[mutant_result[m->i % 4]];
    uint64_t old = m->i < 4 ? ev->before.r[mutant_result[m->i % 4]] : ~(uint64_t)0;

    if (ev->kind != TSP_EV_CPUID)
        return false;
    *r = (*r & bits_mask(32)) | (old & ~bits_mask(32));
    return true;
}

static void name_upper(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-%s", mutant_result_name[i % 4], i < 4 ? "kept" : "ones");
}

static const uint8_t pair[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};

static void name_pair(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-%s", mutant_result_name[pair[i % 6][0]],
             mutant_result_name[pair[i % 6][1]]);
}

static bool end_swap(struct mutant *m, struct tsp_event *ev)
{
    uint64_t *a = &ev->after.r[mutant_result[pair[m->i][0]]];
    uint64_t *b = &ev->after.r[mutant_result[pair[m->i][1]]], t = *a;

    if (ev->kind != TSP_EV_CPUID)
        return false;
    *a = *b;
    *b = t;
    return true;
}

/* Leaves with sub-leaves of their own, each register of each. */
static const struct {
    uint32_t leaf, sub;
} place[] = {
    {0x0, 0},        {0x1, 0},        {0x2, 0},        {0x3, 0},        {0x4, 0},
    {0x4, 3},        {0x5, 0},        {0x6, 0},        {0x7, 0},        {0x7, 1},
    {0x7, 2},        {0x8, 0},        {0x9, 0},        {0xa, 0},        {0xb, 0},
    {0xb, 1},        {0xb, 2},        {0xd, 0},        {0xd, 1},        {0xd, 2},
    {0xf, 0},        {0xf, 1},        {0x10, 0},       {0x10, 1},       {0x12, 0},
    {0x14, 0},       {0x14, 1},       {0x15, 0},       {0x16, 0},       {0x17, 0},
    {0x18, 0},       {0x19, 0},       {0x1a, 0},       {0x1b, 0},       {0x1c, 0},
    {0x1d, 0},       {0x1d, 1},       {0x1e, 0},       {0x1f, 0},       {0x1f, 1},
    {0x20, 0},       {0x21, 0},       {0x23, 0},       {0x24, 0},       {0x40000000, 0},
    {0x40000001, 0}, {0x40000010, 0}, {0x80000000, 0}, {0x80000001, 0}, {0x80000002, 0},
    {0x80000003, 0}, {0x80000004, 0}, {0x80000005, 0}, {0x80000006, 0}, {0x80000007, 0},
    {0x80000008, 0}, {0x80000009, 0}, {0x8000000a, 0}, {0x80000019, 0}, {0x8000001a, 0},
    {0x8000001b, 0}, {0x8000001c, 0}, {0x8000001d, 0}, {0x8000001d, 1}, {0x8000001e, 0},
    {0x8000001f, 0}, {0x80000020, 0}, {0x80000021, 0}, {0x80000022, 0}, {0x80000026, 0},
    {0x80000026, 1}, {0xc0000000, 0}, {0xc0000001, 0}, {0x80860000, 0}, {0xffffffff, 0},
};
#define NPLACE (sizeof(place) / sizeof(place[0]))

static void name_place(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x-%x-%s", place[i / 4].leaf, place[i / 4].sub, mutant_result_name[i % 4]);
}

static bool end_place(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) != place[m->i / 4].leaf ||
        ev_sub(ev) != place[m->i / 4].sub)
        return false;
    ev->after.r[mutant_result[m->i % 4]] ^= 0x10001;
    return true;
}

/* Fields that follow the vCPU (Intel SDM Vol. 2A CPUID; AMD APM Vol. 3 Appendix E). */
static const struct {
    const char *name;
    uint32_t leaf, sub;
    uint8_t reg, hi, lo;
} dyn[] = {
    {"osxsave", 1, 0, 2, 27, 27},
    {"apic-on", 1, 0, 3, 9, 9},
    {"apic-id", 1, 0, 1, 31, 24},
    {"ospke", 7, 0, 2, 4, 4},
    {"x2apic-id", 0xb, 0, 3, 31, 0},
    {"x2apic-id-1", 0xb, 1, 3, 31, 0},
    {"x2apic-id-end", 0xb, 2, 3, 31, 0},
    {"x2apic-id-v2", 0x1f, 0, 3, 31, 0},
    {"echo", 0xb, 2, 2, 7, 0},
    {"xsave", 0xd, 0, 1, 31, 0},
    {"xsave-compact", 0xd, 1, 1, 31, 0},
    {"pv-unhalt", 0x40000001, 0, 0, 7, 7},
    {"syscall", 0x80000001, 0, 3, 11, 11},
    {"inv-tsc", 0x80000007, 0, 3, 8, 8},
    {"amd-id", 0x8000001e, 0, 0, 31, 0},
    {"amd-topology-id", 0x80000026, 0, 3, 31, 0},
};
#define NDYN (sizeof(dyn) / sizeof(dyn[0]))
static const char *const dyn_way[] = {"low", "high", "more", "less"};

static void name_dyn(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-%s", dyn[i / 4].name, dyn_way[i % 4]);
}

/* Stuck at all zeroes or all ones, one more, one less. */
static bool end_dyn(struct mutant *m, struct tsp_event *ev)
{
    unsigned hi = dyn[m->i / 4].hi, lo = dyn[m->i / 4].lo, way = m->i % 4;
    uint64_t *r = &ev->after.r[mutant_result[dyn[m->i / 4].reg]], v = bits_get(*r, hi, lo);

    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) != dyn[m->i / 4].leaf ||
        ev_sub(ev) != dyn[m->i / 4].sub)
        return false;
    if (way < 2)
        v = way == 0 ? 0 : ~(uint64_t)0;
    else
        v = way == 2 ? v + 1 : v - 1;
    *r = (uint32_t)bits_set(*r, hi, lo, v);
    return true;
}

/* What the instruction looks at: bits of EAX and ECX that it no longer sees. */
static void name_input(unsigned i, char *out, size_t max)
{
    if (i < 32)
        snprintf(out, max, "eax-%u", i);
    else
        snprintf(out, max, "ecx-%u", i - 32);
}

static bool begin_blind(struct mutant *m, struct tsp_vcpu_state *s)
{
    uint64_t *r = &s->regs.r[m->i < 32 ? TSP_RAX : TSP_RCX];

    if (m->scan.class != SCAN_CPUID || tsp_mode_is_arm(s->regs.mode))
        return false;
    *r &= ~((uint64_t)1 << m->i % 32);
    return true;
}

static const char *const input_way[] = {"leaf-next", "leaf-before", "sub-next", "sub-before",
                                        "sub-zero",  "sub-byte",    "sub-ones"};
#define NINPUT (sizeof(input_way) / sizeof(input_way[0]))

static void name_way(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", input_way[i]);
}

static bool begin_other(struct mutant *m, struct tsp_vcpu_state *s)
{
    uint64_t *a = &s->regs.r[TSP_RAX], *c = &s->regs.r[TSP_RCX];

    if (m->scan.class != SCAN_CPUID || tsp_mode_is_arm(s->regs.mode))
        return false;
    switch (m->i) {
    case 0:
        *a = (uint32_t)(*a + 1);
        break;
    case 1:
        *a = (uint32_t)(*a - 1);
        break;
    case 2:
        *c = (uint32_t)(*c + 1);
        break;
    case 3:
        *c = (uint32_t)(*c - 1);
        break;
    case 4:
        *c = 0;
        break;
    case 5:
        *c &= 0xff;
        break;
    default:
        *c = 0xffffffff;
        break;
    }
    return true;
}

/* The upper halves of the inputs count. */
static bool end_wide_input(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID || ev->before.r[m->i == 0 ? TSP_RAX : TSP_RCX] >> 32 == 0)
        return false;
    for (unsigned i = 0; i < 4; i++)
        ev->after.r[mutant_result[i]] = i == 2 ? 0x5a : 0;
    return true;
}

static void name_eax_ecx(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", i == 0 ? "eax" : "ecx");
}

/* A sub-leaf past the last one shows the first one's data again. */
static const uint32_t indexed[] = {0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x14, 0x1d, 0x1f, 0x8000001d};

static void name_indexed(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%x", indexed[i]);
}

static bool end_sub_again(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *first = mutant_entry(m, indexed[m->i], 0);

    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) != indexed[m->i] || first == NULL ||
        mutant_entry(m, indexed[m->i], ev_sub(ev)) != NULL)
        return false;
    for (unsigned i = 0; i < 4; i++)
        ev->after.r[mutant_result[i]] = first->reg[i] | (i == 0);
    return true;
}

/* The last sub-leaf is missing, or a leaf has lost its index. */
static bool end_sub_lost(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) != indexed[m->i] || ev_sub(ev) == 0 ||
        mutant_entry(m, indexed[m->i], ev_sub(ev)) == NULL)
        return false;
    for (unsigned i = 0; i < 4; i++)
        ev->after.r[mutant_result[i]] = 0;
    return true;
}

/* Out of range: neighbours of the right answer. */
static const char *const range_way[] = {"zero", "basic", "ones", "input"};

static void name_range(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", range_way[i]);
}

static bool end_range(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *zero = mutant_first(m, 0), *top;

    if (ev->kind != TSP_EV_CPUID || zero == NULL || mutant_first(m, ev_leaf(ev)) != NULL ||
        ev_leaf(ev) <= zero->reg[0])
        return false;
    top = mutant_entry(m, zero->reg[0], ev_sub(ev));
    for (unsigned i = 0; i < 4; i++) {
        uint64_t *r = &ev->after.r[mutant_result[i]];

        if (m->i == 1)
            *r = top == NULL ? 1 : top->reg[i];
        else
            *r = m->i == 0 ? 0 : m->i == 2 ? 0xffffffff : (uint32_t)ev->before.r[mutant_result[i]];
    }
    return true;
}

/* Faulting, and exceptions that are not there. */
static const char *const fault_way[] = {"kernel", "user-off", "missing", "ud",
                                        "error",  "rax",      "text",    "vector-0"};

static void name_fault(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", fault_way[i]);
}

static bool is_cpuid(const struct tsp_event *ev)
{
    unsigned n = ev->len;

    return is_x86(ev) && n >= 2 && n <= 15 && ev->fetched[n - 2] == 0x0f &&
           ev->fetched[n - 1] == 0xa2;
}

/* What comes instead of an answer. */
static bool fault_for_answer(struct mutant *m, struct tsp_event *ev)
{
    bool on = bits_test(ev->sys[TSP_SYS_FAULTING], 0);

    if ((m->i == 0 && on && ev->before.level == 0) || (m->i == 1 && !on && ev->before.level > 0))
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool end_fault(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_CPUID)
        return fault_for_answer(m, ev);
    if (ev->kind != TSP_EV_FAULT || ev->code != GP || !is_cpuid(ev) ||
        !bits_test(ev->sys[TSP_SYS_FAULTING], 0))
        return false;
    switch (m->i) {
    case 2:
        mutant_undo(m, ev, TSP_EV_CPUID, ev->len);
        break;
    case 3:
        mutant_fault(m, ev, UD, 0, 0);
        break;
    case 4:
        mutant_fault(m, ev, GP, 1, 0);
        break;
    case 5:
        ev->after.r[TSP_RAX]++;
        return true;
    case 6:
        mutant_text(m, ev, ev->len - 1u, 0x90);
        break;
    case 7:
        mutant_fault(m, ev, 0, 0, 0);
        break;
    default:
        break;
    }
    return false;
}

/* LOCK and over-long encodings, limits: exceptions that are lost. */
static const char *const lost_way[] = {"lock", "long"};

static void name_lost(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", lost_way[i]);
}

static bool end_lost(struct mutant *m, struct tsp_event *ev)
{
    bool lock = false;

    if (ev->kind != TSP_EV_FAULT || !is_x86(ev))
        return false;
    for (unsigned i = 0; i < ev->len && i < TSP_INSN_BYTES; i++)
        lock |= ev->fetched[i] == 0xf0;
    if (m->i == 0 && ev->code == UD && lock && is_cpuid(ev))
        mutant_undo(m, ev, TSP_EV_CPUID, ev->len);
    if (m->i == 1 && ev->code == GP && ev->len >= 15 && mutant_whole(m, ev) &&
        ev->fetched[14] == 0x0f && ev->fetched[15] == 0xa2)
        mutant_undo(m, ev, TSP_EV_CPUID, TSP_INSN_BYTES);
    return false;
}

const struct mutant_row mutant_rows_cpuid[] = {
    {.id = "cpuid-flip",
     .text = "one bit of every answer is wrong",
     SYSTEMATIC,
     .n = 128,
     .name = name_reg_bit,
     .end = end_flip},
    {.id = "cpuid-kept",
     .text = "a result register is not written",
     SYSTEMATIC,
     .n = 4,
     .name = name_reg,
     .end = end_kept},
    {.id = "cpuid-zero",
     .text = "a result register is always zero",
     SYSTEMATIC,
     .n = 4,
     .name = name_reg,
     .end = end_zero},
    {.id = "cpuid-upper",
     .text = "the upper half of a result is not zero",
     SYSTEMATIC,
     .n = 8,
     .name = name_upper,
     .end = end_upper},
    {.id = "cpuid-swap",
     .text = "two result registers are exchanged",
     SYSTEMATIC,
     .n = 6,
     .name = name_pair,
     .end = end_swap},
    {.id = "cpuid-leaf",
     .text = "one register of one leaf and sub-leaf is wrong",
     SYSTEMATIC,
     .n = NPLACE * 4,
     .name = name_place,
     .end = end_place},
    {.id = "cpuid-run",
     .text = "a field that follows the vCPU does not",
     SYSTEMATIC,
     .n = NDYN * 4,
     .name = name_dyn,
     .end = end_dyn},
    {.id = "cpuid-blind",
     .text = "a bit of the question is not looked at",
     SYSTEMATIC,
     .n = 32 + 32,
     .name = name_input,
     .begin = begin_blind},
    {.id = "cpuid-asks",
     .text = "another leaf or sub-leaf answers",
     SYSTEMATIC,
     .n = NINPUT,
     .name = name_way,
     .begin = begin_other},
    {.id = "cpuid-wide",
     .text = "the upper half of the question counts",
     SYSTEMATIC,
     .n = 2,
     .name = name_eax_ecx,
     .end = end_wide_input},
    {.id = "cpuid-again",
     .text = "sub-leaves past the last show the first",
     SYSTEMATIC,
     .n = sizeof(indexed) / sizeof(indexed[0]),
     .name = name_indexed,
     .end = end_sub_again},
    {.id = "cpuid-lost",
     .text = "sub-leaves past the first are not there",
     SYSTEMATIC,
     .n = sizeof(indexed) / sizeof(indexed[0]),
     .name = name_indexed,
     .end = end_sub_lost},
    {.id = "cpuid-range",
     .text = "out of range, whatever the vendor",
     SYSTEMATIC,
     .n = 4,
     .name = name_range,
     .end = end_range},
    {.id = "cpuid-fault",
     .text = "CPUID faulting is wrong",
     SYSTEMATIC,
     .n = 8,
     .name = name_fault,
     .end = end_fault},
    {.id = "cpuid-undefined",
     .text = "an undefined encoding is executed",
     SYSTEMATIC,
     .n = 2,
     .name = name_lost,
     .end = end_lost},
    {.id = NULL},
};
