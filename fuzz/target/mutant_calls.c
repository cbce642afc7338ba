/* SPDX-License-Identifier: MIT */
/* Hypercalls of x86 gone wrong: results, errors, registers, checks; and what CPUID and calls share:
 * registers that have to stay, flags, pc. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#include "trapspec/bits.h"

#define SYSTEMATIC .kind = MUTANT_SYSTEMATIC, .source = "trapspec"
#define UD 6u
#define GP 13u

static void put_result(struct tsp_event *ev, uint64_t v)
{
    ev->after.r[TSP_RAX] = is_long(ev) ? v : (uint32_t)v;
}

/* Linux Documentation/virt/kvm/x86/hypercalls.rst; 2 and 0x100 stand for numbers nobody serves. */
static const struct {
    const char *name;
    uint64_t nr;
} class[] = {
    {"poll-irq", 1}, {"kick", 5},     {"clock", 9}, {"ipi", 10},
    {"yield", 11},   {"map-gpa", 12}, {"none", 2},  {"unknown", 0xffff},
};
static const char *const result_way[] = {"more", "less", "sign", "zero", "kept"};

static void name_result(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-%s", class[i / 5].name, result_way[i % 5]);
}

static bool end_result(struct mutant *m, struct tsp_event *ev)
{
    uint64_t v = ev->after.r[TSP_RAX];

    if (!is_x86_call(ev) || (uint32_t)ev->before.r[TSP_RAX] != class[m->i / 5].nr)
        return false;
    switch (m->i % 5) {
    case 0:
        v++;
        break;
    case 1:
        v--;
        break;
    case 2:
        v = v == 0 ? (uint64_t)INT64_MIN : 0 - v;
        break;
    case 3:
        v = v == 0 ? 1 : 0;
        break;
    default:
        v = ev->before.r[TSP_RAX] == v ? ~v : ev->before.r[TSP_RAX];
        break;
    }
    put_result(ev, v);
    return true;
}

/* Errors of KVM's calls, and what each turns into. */
static const struct {
    int16_t from, to;
} error[] = {
    {-1, 0},     {-1, -2},      {-1, 1},       {-1, -1000},  {-1, -22},  {-14, 0},   {-14, -13},
    {-14, 14},   {-14, -22},    {-22, 0},      {-22, 22},    {-22, -14}, {-22, -95}, {-22, -1000},
    {-95, 0},    {-95, 95},     {-95, -22},    {-95, -1000}, {-95, -38}, {-1000, 0}, {-1000, -38},
    {-1000, -1}, {-1000, -999}, {-1000, 1000}, {-1000, -95},
};
#define NERROR (sizeof(error) / sizeof(error[0]))

static void name_error(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%d-is-%d", -error[i].from, error[i].to);
}

static bool end_error(struct mutant *m, struct tsp_event *ev)
{
    uint64_t from = (uint64_t)(int64_t)error[m->i].from;

    if (!is_x86_call(ev) || ev->after.r[TSP_RAX] != (is_long(ev) ? from : (uint32_t)from))
        return false;
    put_result(ev, (uint64_t)(int64_t)error[m->i].to);
    return true;
}

static const char *const width_way[] = {"long-cut", "narrow-signed", "narrow-ones", "word"};

static void name_width(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", width_way[i]);
}

static bool end_width(struct mutant *m, struct tsp_event *ev)
{
    uint64_t *v = &ev->after.r[TSP_RAX];

    if (!is_x86_call(ev))
        return false;
    if (m->i == 0 && is_long(ev))
        *v = (uint32_t)*v;
    else if (m->i == 1 && !is_long(ev))
        *v = bits_sext(*v, 32);
    else if (m->i == 2 && !is_long(ev))
        *v |= ~bits_mask(32);
    else if (m->i == 3)
        *v &= 0xffff;
    return true;
}

/* Registers that every trap instruction keeps; the flags; pc. */
static const char *const reg_name[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static bool is_of(const struct mutant *m, const struct tsp_event *ev)
{
    if (!is_x86(ev))
        return false;
    if (m->row->area == MUTANT_CPUID)
        return ev->kind == TSP_EV_CPUID;
    return m->row->area == MUTANT_CALLS ? ev->kind == TSP_EV_HYPERCALL : ev->kind == TSP_EV_PATCH;
}

static void name_x86_reg(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", reg_name[i]);
}

static bool is_result(unsigned kind, unsigned reg)
{
    return (kind == TSP_EV_CPUID && reg < 4) || (kind == TSP_EV_HYPERCALL && reg == TSP_RAX);
}

static bool end_register(struct mutant *m, struct tsp_event *ev)
{
    if (!is_of(m, ev) || is_result(ev->kind, m->i))
        return false;
    ev->after.r[m->i] ^= 4;
    return true;
}

/* The four results of CPUID have mutants of their own. */
static void name_high_reg(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", reg_name[i + 4]);
}

static bool end_high_register(struct mutant *m, struct tsp_event *ev)
{
    if (!is_of(m, ev))
        return false;
    ev->after.r[m->i + 4] ^= 4;
    return true;
}

static void name_low_reg(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", reg_name[i + 1]);
}

static bool end_call_register(struct mutant *m, struct tsp_event *ev)
{
    if (!is_of(m, ev))
        return false;
    ev->after.r[m->i + 1] ^= (uint64_t)1 << (m->i + 1);
    return true;
}

static bool end_call_upper(struct mutant *m, struct tsp_event *ev)
{
    uint64_t *r = &ev->after.r[m->i + 1];

    if (!is_of(m, ev))
        return false;
    *r = (uint32_t)*r;
    return true;
}

static const struct {
    const char *name;
    uint8_t bit;
} flag[] = {{"cf", 0}, {"pf", 2},  {"af", 4},  {"zf", 6},
            {"sf", 7}, {"df", 10}, {"of", 11}, {"ac", 18}};
#define NFLAG (sizeof(flag) / sizeof(flag[0]))

static void name_flag(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", flag[i].name);
}

static bool end_flag(struct mutant *m, struct tsp_event *ev)
{
    if (!is_of(m, ev))
        return false;
    ev->after.flags ^= (uint64_t)1 << flag[m->i].bit;
    return true;
}

static const char *const pc_way[] = {"stays", "twice", "one-more", "one-less"};

static void name_pc(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", pc_way[i]);
}

static bool end_pc(struct mutant *m, struct tsp_event *ev)
{
    if (!is_of(m, ev))
        return false;
    /* Standing still for ever would only use the budget up. */
    if (m->i == 0 && m->counter++ > 8)
        return false;
    if (m->i == 0)
        ev->after.pc = ev->before.pc;
    else if (m->i == 1)
        ev->after.pc += ev->len;
    else
        ev->after.pc += m->i == 2 ? 1 : ~(uint64_t)0;
    return true;
}

static bool end_level(struct mutant *m, struct tsp_event *ev)
{
    if (!is_of(m, ev))
        return false;
    ev->after.level ^= 3;
    return false; /* the machine's segments would have to follow */
}

/* Checks that are skipped, and checks too many. */
static bool begin_kernel(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->scan.class != SCAN_CALL || tsp_mode_is_arm(s->regs.mode) || s->regs.level == 0)
        return false;
    s->regs.level = 0;
    s->x86.seg[TSP_CS].attr &= (uint16_t)~0x60u;
    s->x86.seg[TSP_SS].attr &= (uint16_t)~0x60u;
    s->x86.seg[TSP_CS].sel &= (uint16_t)~3u;
    s->x86.seg[TSP_SS].sel &= (uint16_t)~3u;
    return true;
}

static bool end_refuse_kernel(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_x86_call(ev) || ev->before.level != 0)
        return false;
    put_result(ev, ~(uint64_t)0);
    return true;
}

/* Parts of the input that are not looked at: number, register, what it is cut to or ORed with. */
static const struct {
    const char *name;
    uint8_t nr, reg; /* nr 0: any */
    uint64_t keep, add;
} input[] = {
    {"nr-32", 0, TSP_RAX, 0xffffffff, 0},
    {"nr-31", 0, TSP_RAX, ~0x80000000ull, 0},
    {"nr-16", 0, TSP_RAX, 0xffff, 0},
    {"nr-8", 0, TSP_RAX, 0xff, 0},
    {"nr-5", 0, TSP_RAX, 0x1f, 0},
    {"nr-4", 0, TSP_RAX, 0xf, 0},
    {"nr-63", 0, TSP_RAX, ~(1ull << 63), 0},
    {"nr-low", 0, TSP_RAX, ~1ull, 0},
    {"clock-type", 9, TSP_RCX, 0, 0},
    {"clock-type-16", 9, TSP_RCX, 0xffff, 0},
    {"clock-address", 9, TSP_RBX, 0xffff, 0},
    {"clock-cross", 9, TSP_RBX, ~0xfffull, 0},
    {"ipi-logical", 10, TSP_RSI, ~0x800ull, 0},
    {"ipi-short-1", 10, TSP_RSI, ~0x40000ull, 0},
    {"ipi-short-2", 10, TSP_RSI, ~0x80000ull, 0},
    {"ipi-low", 10, TSP_RBX, 0, 0},
    {"ipi-high", 10, TSP_RCX, 0, 0},
    {"ipi-first", 10, TSP_RDX, 0, 0},
    {"ipi-first-8", 10, TSP_RDX, 0xff, 0},
    {"ipi-icr", 10, TSP_RSI, 0, 0},
    {"ipi-icr-add", 10, TSP_RSI, ~0ull, 0x800},
    {"map-align", 12, TSP_RBX, ~0xfffull, 0},
    {"map-align-11", 12, TSP_RBX, ~0x800ull, 0},
    {"map-align-0", 12, TSP_RBX, ~1ull, 0},
    {"map-count", 12, TSP_RCX, ~0ull, 1},
    {"map-count-32", 12, TSP_RCX, 0xffffffff, 0},
    {"map-high", 12, TSP_RCX, 1, 0},
    {"map-attributes", 12, TSP_RDX, 0x13, 0},
    {"map-attribute-5", 12, TSP_RDX, ~0x20ull, 0},
    {"map-size", 12, TSP_RDX, ~0xcull, 0},
    {"map-upper", 12, TSP_RDX, 0xffff, 0},
    {"map-address", 12, TSP_RBX, 0xfffff000, 0},
};
#define NINPUT (sizeof(input) / sizeof(input[0]))

static void name_input(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", input[i].name);
}

static bool begin_input(struct mutant *m, struct tsp_vcpu_state *s)
{
    uint64_t *r = &s->regs.r[input[m->i].reg];

    if (m->scan.class != SCAN_CALL || tsp_mode_is_arm(s->regs.mode))
        return false;
    if (input[m->i].nr != 0 && (uint32_t)s->regs.r[TSP_RAX] != input[m->i].nr)
        return false;
    *r = (*r & input[m->i].keep) | input[m->i].add;
    return true;
}

/* Outside 64-bit mode only low halves count. */
static bool end_dirty(struct mutant *m, struct tsp_event *ev)
{
    static const uint8_t reg[] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI};

    if (!is_x86_call(ev) || is_long(ev) || ev->before.r[reg[m->i]] >> 32 == 0)
        return false;
    put_result(ev, m->i == 0 ? (uint64_t)-1000 : (uint64_t)-22);
    return true;
}

static void name_dirty(unsigned i, char *out, size_t max)
{
    static const char *const name[] = {"rax", "rbx", "rcx", "rdx", "rsi"};

    snprintf(out, max, "%s", name[i]);
}

/* Exceptions in place of a call, calls in place of an exception. */
static const char *const trap_way[] = {"ud", "gp", "pf", "user-ud", "text", "exit", "lock", "long"};

static void name_trap(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", trap_way[i]);
}

static bool has_lock(const struct tsp_event *ev)
{
    for (unsigned i = 0; i < ev->len && i < TSP_INSN_BYTES; i++)
        if (ev->fetched[i] == 0xf0)
            return true;
    return false;
}

static void call_for_fault(struct mutant *m, struct tsp_event *ev)
{
    if (m->i == 6 && ev->code == UD && has_lock(ev) && mutant_third(ev) != 0)
        mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
    if (m->i == 7 && ev->code == GP && ev->len >= 15 && mutant_whole(m, ev) &&
        mutant_third(ev) != 0)
        mutant_undo(m, ev, TSP_EV_HYPERCALL, TSP_INSN_BYTES);
}

static bool end_trap(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_FAULT && is_x86(ev))
        call_for_fault(m, ev);
    if (!is_x86_call(ev))
        return false;
    switch (m->i) {
    case 0:
        mutant_fault(m, ev, UD, 0, 0);
        break;
    case 1:
        mutant_fault(m, ev, GP, 0, 0);
        break;
    case 2:
        mutant_fault(m, ev, 14, 2, ev->addr);
        break;
    case 3:
        if (ev->before.level != 0)
            mutant_fault(m, ev, UD, 0, 0);
        break;
    case 4:
        mutant_text(m, ev, ev->len - 1u, ev->fetched[ev->len - 1u] ^ 0x18);
        break;
    case 5:
        ev->kind = TSP_EV_STOP;
        ev->code = TSP_STOP_EXIT;
        ev->info[0] = ev->before.r[TSP_RAX];
        break;
    default:
        break;
    }
    return false;
}

/* Ends that neither CPUID nor a call ever has. */
static const char *const strange[] = {"livelock", "triple", "interrupt", "fetch", "halt", "other"};

static void name_strange(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", strange[i]);
}

static void stop_there(struct mutant *m, struct tsp_event *ev, uint32_t code)
{
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = code;
}

static bool end_strange(struct mutant *m, struct tsp_event *ev)
{
    if (!is_of(m, ev) || m->counter++ > 8)
        return false;
    switch (m->i) {
    case 0:
        stop_there(m, ev, TSP_STOP_LIVELOCK);
        break;
    case 1:
        stop_there(m, ev, TSP_STOP_TRIPLE);
        break;
    case 2: /* although IF masks it */
        mutant_fault(m, ev, 0x20, 0, 0);
        break;
    case 3: /* present, user, fetch: the page tables say otherwise */
        mutant_fault(m, ev, 14, ev->before.level == 3 ? 0x15 : 0x11, ev->addr);
        break;
    case 4:
        stop_there(m, ev, TSP_STOP_HALT);
        break;
    default:
        ev->kind = ev->kind == TSP_EV_CPUID ? TSP_EV_HYPERCALL : TSP_EV_CPUID;
        break;
    }
    return false;
}

const struct mutant_row mutant_rows_calls[] = {
    {.id = "call-end",
     .text = "a call ends as none does",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 6,
     .name = name_strange,
     .end = end_strange},
    {.id = "cpuid-end",
     .text = "CPUID ends as it never does",
     SYSTEMATIC,
     .area = MUTANT_CPUID,
     .n = 6,
     .name = name_strange,
     .end = end_strange},
    {.id = "call-result",
     .text = "the result of one call is wrong",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 40,
     .name = name_result,
     .end = end_result},
    {.id = "call-error",
     .text = "one error becomes something else",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = NERROR,
     .name = name_error,
     .end = end_error},
    {.id = "call-width",
     .text = "the result has the wrong width",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 4,
     .name = name_width,
     .end = end_width},
    {.id = "call-reg",
     .text = "a register that is no result changes",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 15,
     .name = name_low_reg,
     .end = end_call_register},
    {.id = "call-upper",
     .text = "the upper half of a register that is no result is lost",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 15,
     .name = name_low_reg,
     .end = end_call_upper},
    {.id = "cpuid-reg",
     .text = "a register that is no result changes",
     SYSTEMATIC,
     .area = MUTANT_CPUID,
     .n = 12,
     .name = name_high_reg,
     .end = end_high_register},
    {.id = "patch-reg",
     .text = "the rewrite changes a register",
     SYSTEMATIC,
     .area = MUTANT_PATCH,
     .n = 16,
     .name = name_x86_reg,
     .end = end_register},
    {.id = "call-flag",
     .text = "a flag changes",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = NFLAG,
     .name = name_flag,
     .end = end_flag},
    {.id = "cpuid-flag",
     .text = "a flag changes",
     SYSTEMATIC,
     .area = MUTANT_CPUID,
     .n = NFLAG,
     .name = name_flag,
     .end = end_flag},
    {.id = "patch-flag",
     .text = "the rewrite changes a flag",
     SYSTEMATIC,
     .area = MUTANT_PATCH,
     .n = NFLAG,
     .name = name_flag,
     .end = end_flag},
    {.id = "call-pc",
     .text = "pc is not just past the instruction",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 4,
     .name = name_pc,
     .end = end_pc},
    {.id = "cpuid-pc",
     .text = "pc is not just past the instruction",
     SYSTEMATIC,
     .area = MUTANT_CPUID,
     .n = 4,
     .name = name_pc,
     .end = end_pc},
    {.id = "call-level",
     .text = "the privilege level changes",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .end = end_level},
    {.id = "cpuid-level",
     .text = "the privilege level changes",
     SYSTEMATIC,
     .area = MUTANT_CPUID,
     .end = end_level},
    {.id = "patch-level",
     .text = "the rewrite changes the privilege level",
     SYSTEMATIC,
     .area = MUTANT_PATCH,
     .end = end_level},
    {.id = "call-any-cpl",
     .text = "the privilege check is skipped",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .begin = begin_kernel},
    {.id = "call-no-cpl",
     .text = "the kernel is refused as user code is",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .end = end_refuse_kernel},
    {.id = "call-input",
     .text = "part of the input is not looked at",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = NINPUT,
     .name = name_input,
     .begin = begin_input},
    {.id = "call-dirty",
     .text = "outside 64-bit mode the upper half of an argument counts",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 5,
     .name = name_dirty,
     .end = end_dirty},
    {.id = "call-trap",
     .text = "a call ends otherwise",
     SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = 8,
     .name = name_trap,
     .end = end_trap},
    {.id = NULL},
};
