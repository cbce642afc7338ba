/* SPDX-License-Identifier: MIT */
/*
 * Xen's interface: defects that shipped, and its checks and outputs one after the other (Xen
 * public/xen.h, arch-x86/xen-x86_64.h; xen/arch/x86/hvm/hypercall.c).
 */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define UD 6u
#define GP 13u
#define ENOSYS ((uint64_t)-38)
#define PAGE 0x1000u
#define SLOT 32u
#define IRET 23u
#define MSR_FIRST 0x40000000u
#define MSR_VIRIDIAN 0x40000200u

static bool is_xen(const struct mutant *m)
{
    return m->given->persona[0] == TSP_PERSONA_XEN;
}

static bool is_call(const struct mutant *m, const struct tsp_event *ev)
{
    return is_xen(m) && is_x86_call(ev);
}

static uint32_t cmd(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[is_long(ev) ? TSP_RDI : TSP_RBX];
}

static uint64_t second(const struct tsp_event *ev)
{
    return is_long(ev) ? ev->before.r[TSP_RSI] : (uint32_t)ev->before.r[TSP_RCX];
}

static uint64_t number(const struct tsp_event *ev)
{
    return is_long(ev) ? ev->before.r[TSP_RAX] : (uint32_t)ev->before.r[TSP_RAX];
}

static bool answer(struct tsp_event *ev, uint64_t v)
{
    ev->after.r[TSP_RAX] = is_long(ev) ? v : (uint32_t)v;
    return true;
}

/* The page was set up: MSR and value of the event. */
static bool is_page(const struct mutant *m, const struct tsp_event *ev)
{
    return is_xen(m) && ev->kind == TSP_EV_MSR && ev->info[1] == 1 &&
           (ev->code == MSR_FIRST || ev->code == MSR_VIRIDIAN);
}

/* A byte of the page, in memory and, where the WRMSR stands there itself, in the event. */
static void put_page(struct mutant *m, struct tsp_event *ev, unsigned off, uint8_t v)
{
    uint64_t at = (ev->info[0] & ~(uint64_t)(PAGE - 1)) + off;

    mutant_write(m, at, &v, 1);
    if (at - ev->addr < TSP_INSN_BYTES)
        ev->stored[at - ev->addr] = v;
}

/* The stub of iret under its UD2. */
static bool end_m035(struct mutant *m, struct tsp_event *ev)
{
    static const uint8_t rest[] = {0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3};

    for (unsigned i = 0; is_page(m, ev) && i < sizeof(rest); i++)
        put_page(m, ev, IRET * SLOT + 2 + i, i == 0 ? IRET : rest[i]);
    return false;
}

static bool end_m039(struct mutant *m, struct tsp_event *ev)
{
    if (!is_call(m, ev) || !bits_test(ev->before.r[TSP_RAX], 31) || ev->before.level != 0)
        return false;
    return answer(ev, ENOSYS);
}

/* Ways to be wrong, by what is wrong. */
enum way {
    WAY_ANY_LEVEL = 0,
    WAY_FAULT_LEVEL,
    WAY_REWRITE,
    WAY_ENOSYS_ZERO,
    WAY_ENOSYS_KVM,
    WAY_NUMBER_32,
    WAY_VERSION,
    WAY_PAGE_SIZE,
    WAY_NO_EFAULT,
    WAY_SUBMAP,
    WAY_POLL,
    WAY_SHUTDOWN,
    WAY_VCPU,
    WAY_PARAM,
    WAY_PORT,
    WAY_CLOBBER,
    WAY_FLAGS,
    WAY_RETRY,
    WAY_SLOT_NUMBER,
    WAY_SLOT_FOREIGN,
    WAY_SLOT_RET,
    WAY_IRET_STUB,
    WAY_INDEX,
    WAY_PAGE_LOST,
    WAY_READ,
    WAY_FOREIGN_CALL,
    WAY_EXIT,
    WAY_TRIPLE,
    WAY_SHUT_BLIND,
    WAY_PAGE_LOST_V,
    WAYS
};

static const char *const ways[WAYS] = {
    "any-level",    "ud-level",  "rewrite",   "enosys-zero",    "enosys-kvm",
    "number-32",    "version",   "page-size", "no-fault",       "sub-map",
    "poll",         "shutdown",  "vcpu",      "param",          "port",
    "clobber",      "flags",     "retry",     "slot-number",    "slot-foreign",
    "slot-ret",     "iret-stub", "index",     "page-lost",      "msr-read",
    "foreign-call", "exit",      "triple",    "shutdown-blind", "page-lost-viridian"};

static void name_way(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", ways[i % WAYS]);
}

/* A result where the call would be refused. */
static bool refused_with(const struct tsp_event *ev, unsigned code)
{
    return (uint32_t)ev->after.r[TSP_RAX] == (uint32_t)0 - code;
}

static bool result_way(struct mutant *m, struct tsp_event *ev)
{
    uint64_t nr = number(ev);

    switch (m->i) {
    case WAY_ANY_LEVEL:
        return refused_with(ev, 1) && nr == 17 && cmd(ev) == 0 && answer(ev, 0x40015);
    case WAY_ENOSYS_ZERO:
        return refused_with(ev, 38) && answer(ev, 0);
    case WAY_ENOSYS_KVM:
        return refused_with(ev, 38) && answer(ev, (uint64_t)-1000);
    case WAY_NUMBER_32:
        return nr >> 32 != 0 && (uint32_t)nr == 17 && ev->before.level == 0 && answer(ev, 0x40015);
    case WAY_VERSION:
        return nr == 17 && cmd(ev) == 0 && ev->before.level == 0 && answer(ev, 0x40014);
    case WAY_PAGE_SIZE:
        return nr == 17 && cmd(ev) == 7 && answer(ev, PAGE);
    case WAY_NO_EFAULT:
        return refused_with(ev, 14) && answer(ev, 0);
    case WAY_SUBMAP:
        return nr == 17 && cmd(ev) == 6 && refused_with(ev, 22) && answer(ev, 0);
    case WAY_POLL:
        return nr == 29 && cmd(ev) == 3 && refused_with(ev, 22) && answer(ev, 0);
    case WAY_SHUTDOWN:
        return nr == 29 && cmd(ev) == 7 && answer(ev, 0);
    case WAY_VCPU:
        return nr == 24 && refused_with(ev, 2) && answer(ev, (uint64_t)-22);
    case WAY_PARAM:
        return nr == 34 && refused_with(ev, 22) && second(ev) != 0 && answer(ev, 0);
    default:
        return nr == 32 && refused_with(ev, 22) && answer(ev, 0);
    }
}

/* The call ends the vCPU instead. */
static void stop_way(struct mutant *m, struct tsp_event *ev, enum tsp_stop why)
{
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = (uint32_t)why;
}

static bool call_way(struct mutant *m, struct tsp_event *ev)
{
    if (m->i == WAY_EXIT)
        stop_way(m, ev, TSP_STOP_EXIT);
    if (m->i == WAY_TRIPLE)
        stop_way(m, ev, TSP_STOP_TRIPLE);
    if (m->i == WAY_SHUT_BLIND && number(ev) == 29 && cmd(ev) == 2 && refused_with(ev, 14))
        stop_way(m, ev, TSP_STOP_SHUTDOWN);
    if (ev->kind == TSP_EV_STOP)
        return false;
    switch (m->i) {
    case WAY_FAULT_LEVEL:
        if (ev->before.level != 0)
            mutant_fault(m, ev, UD, 0, 0);
        return false;
    case WAY_CLOBBER:
        ev->after.r[TSP_R11] ^= 1;
        ev->after.r[TSP_RSP] ^= 8;
        return true;
    case WAY_FLAGS:
        ev->after.flags ^= 1;
        return true;
    case WAY_RETRY:
        ev->after.pc = ev->before.pc;
        return true;
    default:
        return m->i <= WAY_PORT && m->i != WAY_REWRITE && result_way(m, ev);
    }
}

static void page_way(struct mutant *m, struct tsp_event *ev)
{
    uint8_t third = mutant_own_third(m);
    unsigned slot = (unsigned)((ev->addr + 2) % PAGE / SLOT), at = slot * SLOT;

    if (m->i == WAY_IRET_STUB)
        put_page(m, ev, IRET * SLOT, 0xb8);
    if (slot == IRET)
        return;
    if (m->i == WAY_SLOT_NUMBER)
        put_page(m, ev, at + 1, (uint8_t)(slot + 1));
    if (m->i == WAY_SLOT_FOREIGN)
        put_page(m, ev, at + 7, third == 0xc1 ? 0xd9 : 0xc1);
    if (m->i == WAY_SLOT_RET)
        put_page(m, ev, at + 8, 0xf4);
}

/* WRMSR or RDMSR of the page's MSR that was refused. */
static bool is_refused_page(const struct mutant *m, const struct tsp_event *ev)
{
    return is_xen(m) && ev->kind == TSP_EV_FAULT && ev->code == GP && ev->len == 2 &&
           ev->fetched[0] == 0x0f && ev->fetched[1] == 0x30 && ev->before.level == 0 &&
           (uint32_t)ev->before.r[TSP_RCX] == MSR_FIRST;
}

static bool end_way(struct mutant *m, struct tsp_event *ev)
{
    if (m->i == WAY_FOREIGN_CALL && is_xen(m) && ev->kind == TSP_EV_FAULT && ev->code == UD &&
        mutant_foreign(m, ev))
        mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
    if (m->i == WAY_REWRITE && is_xen(m) && ev->kind == TSP_EV_FAULT && ev->code == UD &&
        mutant_foreign(m, ev)) {
        uint64_t at = ev->addr + ev->len - 3u;

        mutant_undo(m, ev, TSP_EV_PATCH, 0);
        mutant_text(m, ev, ev->len - 1u, mutant_own_third(m));
        ev->info[0] = at;
        ev->info[1] = 3;
        return false;
    }
    if (m->i == WAY_INDEX && is_refused_page(m, ev)) {
        uint64_t value = ev->before.r[TSP_RDX] << 32 | (uint32_t)ev->before.r[TSP_RAX];

        mutant_undo(m, ev, TSP_EV_MSR, 2);
        ev->code = MSR_FIRST;
        ev->info[0] = value;
        ev->info[1] = 1;
        return false;
    }
    if (is_page(m, ev) && ((m->i == WAY_PAGE_LOST && ev->code == MSR_FIRST) ||
                           (m->i == WAY_PAGE_LOST_V && ev->code == MSR_VIRIDIAN))) {
        mutant_fault(m, ev, GP, 0, 0);
        return false;
    }
    if (m->i == WAY_READ && is_xen(m) && ev->kind == TSP_EV_MSR && ev->info[1] == 0) {
        ev->info[0] = ev->after.r[TSP_RAX] = 1;
        return true;
    }
    if (is_page(m, ev))
        page_way(m, ev);
    return is_call(m, ev) && call_way(m, ev);
}

/* HVC #0xea1. */
static bool end_arm(struct mutant *m, struct tsp_event *ev)
{
    uint64_t imm = bits_get(le_load(ev->fetched, 4), 20, 5);

    if (!is_xen(m) || !is_arm_call(ev) || imm != 0xea1)
        return false;
    if (m->i == 0 && ev->after.r[0] == ENOSYS)
        ev->after.r[0] = (uint64_t)-1;
    else if (m->i == 1 && ev->before.r[16] == 17)
        ev->after.r[0] = ENOSYS;
    else if (m->i == 2)
        ev->after.r[5] ^= 1;
    else if (m->i == 3 && ev->before.r[16] == 17)
        stop_way(m, ev, TSP_STOP_SHUTDOWN);
    else
        return false;
    return m->i < 3;
}

static void name_arm(unsigned i, char *out, size_t max)
{
    static const char *const name[] = {"unknown", "version", "clobber", "stops"};

    snprintf(out, max, "%s", name[i % 4]);
}

const struct mutant_row mutant_rows_xen[] = {
    {.id = "M035",
     .text = "the iret slot of the hypercall page is written twice",
     .source = "xen-project/xen fca11da0ec",
     .kind = MUTANT_HISTORIC,
     .area = MUTANT_CALLS,
     .end = end_m035},
    {.id = "M039",
     .text = "Xen's interception swallows Hyper-V's calls",
     .source = "torvalds/linux 79033bebf6fa",
     .kind = MUTANT_HISTORIC,
     .area = MUTANT_CALLS,
     .end = end_m039},
    {.id = "xen",
     .text = "a call of Xen's, or its page",
     .source = "Xen public/xen.h",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = WAYS,
     .name = name_way,
     .end = end_way},
    {.id = "xen-arm",
     .text = "HVC #0xea1",
     .source = "Xen public/arch-arm.h",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_ARM64,
     .n = 4,
     .name = name_arm,
     .end = end_arm},
    {.id = NULL},
};
