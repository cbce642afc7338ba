/* SPDX-License-Identifier: MIT */
/*
 * Xen's answers in memory, gone wrong: a byte too much, nothing at all, what lay on the stack
 * (XSA-122); arguments that are not checked; the hypercall page beside the slots that guests use.
 */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#include "trapspec/bits.h"

#define XEN .kind = MUTANT_SYSTEMATIC, .area = MUTANT_CALLS
#define VCPU_OP 24u
#define NCOUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool is_call(const struct mutant *m, const struct tsp_event *ev)
{
    return m->given->persona[0] == TSP_PERSONA_XEN && is_x86_call(ev) && ev->before.level == 0;
}

static uint64_t argument(const struct tsp_event *ev, unsigned n)
{
    static const uint8_t wide[] = {TSP_RDI, TSP_RSI, TSP_RDX};
    static const uint8_t narrow[] = {TSP_RBX, TSP_RCX, TSP_RDX};

    return is_long(ev) ? ev->before.r[wide[n]] : (uint32_t)ev->before.r[narrow[n]];
}

static int32_t result(const struct tsp_event *ev)
{
    return (int32_t)ev->after.r[TSP_RAX];
}

/* A word stored where none, or another one, has to be. */
static const struct {
    const char *name;
    uint8_t nr, cmd, narrow; /* narrow: of 32-bit callers only */
    uint16_t at;
    uint32_t value;
} words[] = {{"extra-stack", 17, 1, 0, 8, 0xdeadbeef},
             {"extra-none", 17, 1, 0, 0, 0},
             {"compile-stack", 17, 2, 0, 60, 0xffff8300},
             {"caps-over", 17, 3, 0, 1024, 0x55},
             {"changes-over", 17, 4, 0, 64, 0x55},
             {"platform-wide", 17, 5, 1, 4, 0xffff8000},
             {"feature-index", 17, 6, 0, 0, 7},
             {"feature-none", 17, 6, 0, 4, 0},
             {"feature-dom0", 17, 6, 0, 4, 0xb05},
             {"handle-over", 17, 8, 0, 16, 0x55},
             {"port-none", 32, 6, 0, 4, 0},
             {"port-wild", 32, 6, 0, 4, 0x20001},
             {"port-domain", 32, 6, 0, 0, 0},
             {"ipi-none", 32, 7, 0, 4, 0},
             {"param-over", 34, 1, 0, 16, 0x55},
             {"state-wild", 24, 4, 0, 0, 9},
             {"state-over", 24, 4, 0, 48, 9},
             {"state-pad", 24, 4, 1, 44, 9}};

static void name_word(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", words[i].name);
}

static bool end_word(struct mutant *m, struct tsp_event *ev)
{
    unsigned buffer = words[m->i].nr == VCPU_OP ? 2 : 1;
    uint8_t v[4];

    if (!is_call(m, ev) || (uint32_t)ev->before.r[TSP_RAX] != words[m->i].nr || result(ev) < 0 ||
        (uint32_t)argument(ev, 0) != words[m->i].cmd || (words[m->i].narrow && is_long(ev)))
        return false;
    le_store(v, words[m->i].value, 4);
    mutant_write(m, argument(ev, buffer) + words[m->i].at, v, 4);
    return false;
}

/* Of one call and command this error is another result. */
static const struct {
    const char *name;
    uint8_t nr;
    int16_t cmd, was, is; /* cmd -1: any; was 1: not an error */
} checks[] = {
    {"mem-domain", 12, 14, -3, 5}, {"mem-foreign", 12, 7, -3, 0},  {"mem-remove", 12, 15, -3, 0},
    {"mem-none", 12, 3, 1, 0},     {"ram-unknown", 12, 2, 1, -38}, {"top-unknown", 12, 14, 1, -38},
    {"evt-domain", 32, 6, -3, 0},  {"evt-ipi", 32, 7, -2, 0},      {"evt-vcpu", 32, 8, -2, 0},
    {"evt-virq", 32, 1, -22, 0},   {"param-domain", 34, 1, -3, 0}, {"watchdog", 29, 6, -22, 0},
    {"grant", 20, 4, -38, 0},      {"physdev", 33, 8, -38, 0},     {"list-none", 13, -1, 1, -22},
    {"list-fault", 13, -1, -14, 0}};

static void name_check(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", checks[i].name);
}

static bool end_check(struct mutant *m, struct tsp_event *ev)
{
    int16_t cmd = checks[m->i].cmd, was = checks[m->i].was;
    bool mine = was == 1 ? result(ev) >= 0 : result(ev) == was;
    uint64_t to;

    if (!is_call(m, ev) || (uint32_t)ev->before.r[TSP_RAX] != checks[m->i].nr || !mine ||
        (cmd >= 0 && (uint32_t)argument(ev, 0) != (uint32_t)cmd))
        return false;
    to = (uint64_t)(int64_t)checks[m->i].is;
    ev->after.r[TSP_RAX] = is_long(ev) ? to : (uint32_t)to;
    return true;
}

/* A byte of the page, or of the one behind it. */
static const struct {
    const char *name;
    uint16_t at;
    uint8_t value;
} bytes[] = {{"number", 12 * 32 + 1, 13}, {"middle", 64 * 32 + 5, 0xcc}, {"behind", 0x1000, 0x55}};

static void name_byte(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", bytes[i].name);
}

static bool end_byte(struct mutant *m, struct tsp_event *ev)
{
    uint64_t at = (ev->info[0] & ~0xfffull) + bytes[m->i].at;

    if (m->given->persona[0] != TSP_PERSONA_XEN || ev->kind != TSP_EV_MSR || ev->info[1] != 1 ||
        ev->code != 0x40000000u)
        return false;
    mutant_write(m, at, &bytes[m->i].value, 1);
    if (at - ev->addr < TSP_INSN_BYTES)
        ev->stored[at - ev->addr] = bytes[m->i].value;
    return false;
}

/* Shutdown reasons taken for one another; the number of a vCPU for every one's. */
static const char *const others[] = {"reboot", "suspend", "poweroff", "vcpu-id"};

static void name_other(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", others[i]);
}

static bool end_other(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t was[] = {TSP_STOP_RESET, TSP_STOP_SUSPEND, TSP_STOP_SHUTDOWN};

    if (m->given->persona[0] != TSP_PERSONA_XEN || !is_x86(ev))
        return false;
    if (m->i < 3) {
        if (ev->kind == TSP_EV_STOP && ev->code == was[m->i])
            ev->code = m->i == 2 ? TSP_STOP_RESET : TSP_STOP_SHUTDOWN;
        return false;
    }
    if (ev->kind != TSP_EV_CPUID || (uint32_t)ev->before.r[TSP_RAX] != 0x40000004u ||
        (uint32_t)ev->before.r[TSP_RCX] != 0)
        return false;
    ev->after.r[TSP_RBX] = 0;
    return true;
}

const struct mutant_row mutant_rows_xmem[] = {
    {.id = "xen-word",
     .text = "a word in memory is not what Xen's call answers",
     XEN,
     .source = "Xen xen/common/kernel.c; XSA-122",
     .n = NCOUNT(words),
     .name = name_word,
     .end = end_word},
    {.id = "xen-check",
     .text = "an argument of Xen's call is not checked, or a right one refused",
     XEN,
     .source = "Xen public/memory.h, event_channel.h, sched.h",
     .n = NCOUNT(checks),
     .name = name_check,
     .end = end_check},
    {.id = "xen-byte",
     .text = "a byte of Xen's hypercall page, or behind it",
     XEN,
     .source = "Xen xen/arch/x86/hvm/hypercall.c",
     .n = NCOUNT(bytes),
     .name = name_byte,
     .end = end_byte},
    {.id = "xen-other",
     .text = "one reason or vCPU taken for another",
     XEN,
     .source = "Xen public/sched.h, arch-x86/cpuid.h",
     .n = NCOUNT(others),
     .name = name_other,
     .end = end_other},
    {.id = NULL},
};
