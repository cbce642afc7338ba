/* SPDX-License-Identifier: MIT */
/* VMware's backdoor: its checks and answers, one wrong after the other (open-vm-tools
 * lib/include/backdoor_def.h; torvalds/linux arch/x86/kernel/cpu/vmware.c). */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define UD 6u
#define GP 13u
#define MAGIC 0x564d5868u
#define PORT 0x5658u
#define ALL_ONES 0xffffffffu

static bool is_port(const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_PIO && ev->code == PORT && !(ev->info[1] & 1) &&
           ev->info[1] >> 4 == 4;
}

static bool is_request(const struct tsp_event *ev)
{
    if (!is_x86(ev) || (uint32_t)ev->before.r[TSP_RAX] != MAGIC)
        return false;
    return is_port(ev) || (ev->kind == TSP_EV_HYPERCALL && !(ev->before.r[TSP_RDX] & 1));
}

static bool is_command(const struct tsp_event *ev, uint32_t command)
{
    return is_request(ev) && (ev->before.r[TSP_RCX] & 0xffff) == command;
}

static bool says(struct tsp_event *ev, uint32_t eax)
{
    ev->after.r[TSP_RAX] = eax;
    if (ev->kind == TSP_EV_PIO)
        ev->info[0] = eax;
    return true;
}

static bool port_by_rights(struct mutant *m, struct tsp_event *ev)
{
    if (is_port(ev) && is_request(ev) && ev->before.level != 0)
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool port_undefined(struct mutant *m, struct tsp_event *ev)
{
    if (is_port(ev) && is_request(ev) && ev->before.mode == TSP_MODE_REAL16)
        mutant_fault(m, ev, UD, 0, 0);
    return false;
}

static bool vmcall_refused(struct mutant *m, struct tsp_event *ev)
{
    if (is_request(ev) && mutant_third(ev) == 0xc1 && ev->before.level != 0)
        mutant_fault(m, ev, UD, 0, 0);
    return false;
}

static bool vmmcall_refused(struct mutant *m, struct tsp_event *ev)
{
    if (is_request(ev) && mutant_third(ev) == 0xd9)
        mutant_fault(m, ev, UD, 0, 0);
    return false;
}

/* QEMU before 5.0 left EAX as KVM had it. */
static bool eax_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_port(ev) || !is_request(ev))
        return false;
    ev->after.r[TSP_RAX] = ev->before.r[TSP_RAX];
    return true;
}

static bool magic_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_command(ev, 10))
        return false;
    ev->after.r[TSP_RBX] = ev->before.r[TSP_RBX];
    return true;
}

static bool version_refused(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_command(ev, 10) && says(ev, ALL_ONES);
}

/* The sub-command is taken for a part of the command. */
static bool command_wide(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_command(ev, 10) || (ev->before.r[TSP_RCX] & 0xffff0000u) == 0)
        return false;
    ev->after.r[TSP_RBX] = ev->before.r[TSP_RBX];
    return says(ev, ALL_ONES);
}

static bool command_byte(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_request(ev) && (ev->before.r[TSP_RCX] & 0xff00) != 0 && says(ev, 6);
}

static bool hz_in_khz(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_command(ev, 45) && ev->after.r[TSP_RBX] != ALL_ONES &&
           says(ev, (uint32_t)ev->after.r[TSP_RAX] / 1000);
}

static bool hz_narrow(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_command(ev, 45) || ev->after.r[TSP_RBX] == ALL_ONES)
        return false;
    ev->after.r[TSP_RBX] = 0;
    return true;
}

static bool bus_lost(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_command(ev, 45))
        return false;
    ev->after.r[TSP_RCX] = 0;
    return true;
}

static bool mhz_in_khz(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_command(ev, 1) && ev->after.r[TSP_RAX] != ALL_ONES &&
           says(ev, (uint32_t)ev->after.r[TSP_RAX] * 1000);
}

static bool vcpu_reserved(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_command(ev, 68) && says(ev, (uint32_t)ev->after.r[TSP_RAX] | 1u << 31);
}

/* As QEMU did before it told of commands that are not there. */
static bool unknown_silent(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return is_request(ev) && ev->after.r[TSP_RAX] == ALL_ONES && says(ev, MAGIC);
}

static bool by_user(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    return (is_command(ev, 18) || is_command(ev, 91)) && ev->before.level != 0 && says(ev, 0);
}

static bool clobbers(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_request(ev))
        return false;
    ev->after.r[TSP_RBP] ^= 1;
    return true;
}

static bool stays(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_port(ev) || !is_request(ev))
        return false;
    ev->after.pc = ev->before.pc;
    return true;
}

static bool foreign_served(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || ev->code != UD || mutant_third(ev) == 0 ||
        mutant_third(ev) == mutant_own_third(m) || ev->fetched[0] == 0xf0)
        return false;
    mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
    return true;
}

/* As KVM does it. */
static bool foreign_patched(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || ev->code != UD || mutant_third(ev) == 0 ||
        mutant_third(ev) == mutant_own_third(m) || ev->fetched[0] == 0xf0)
        return false;
    mutant_undo(m, ev, TSP_EV_PATCH, 0);
    ev->info[0] = ev->addr + ev->len - 3;
    mutant_text(m, ev, ev->len - 1u, mutant_own_third(m));
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct mutant *m, struct tsp_event *ev);
} way[] = {{"port-by-rights", port_by_rights},
           {"port-undefined", port_undefined},
           {"vmcall-refused", vmcall_refused},
           {"vmmcall-refused", vmmcall_refused},
           {"eax-lost", eax_lost},
           {"magic-lost", magic_lost},
           {"version-refused", version_refused},
           {"command-wide", command_wide},
           {"command-byte", command_byte},
           {"hz-in-khz", hz_in_khz},
           {"hz-narrow", hz_narrow},
           {"bus-lost", bus_lost},
           {"mhz-in-khz", mhz_in_khz},
           {"vcpu-reserved", vcpu_reserved},
           {"unknown-silent", unknown_silent},
           {"by-user", by_user},
           {"clobbers", clobbers},
           {"stays", stays},
           {"foreign-served", foreign_served},
           {"foreign-patched", foreign_patched}};
#define WAYS (sizeof(way) / sizeof(way[0]))

static void name_way(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", way[i].name);
}

static bool end_way(struct mutant *m, struct tsp_event *ev)
{
    return m->given->persona[0] == TSP_PERSONA_VMWARE && way[m->i].run(m, ev);
}

const struct mutant_row mutant_rows_vmware[] = {
    {.id = "vmware",
     .text = "a request of VMware's backdoor",
     .source = "open-vm-tools lib/include/backdoor_def.h",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = WAYS,
     .name = name_way,
     .end = end_way},
    {.id = NULL},
};
