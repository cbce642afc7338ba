/* SPDX-License-Identifier: MIT */
/* VMI's calls and the generic proposal's leaves, one thing wrong after the other
 * (Paravirtualization API, Appendix A; Hypervisor CPUID interface proposal). */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define UD 6u
#define FLAG_IF ((uint64_t)0x200)
#define ANY 0xffffffffu

#define SLOT_INIT 0x80u
#define SLOT_RELOC 0x88u
enum { AT_INIT = 0x100, AT_RELOC };

/* The call that an event in the ROM is, by what its guest asked for last; ANY: none. */
static uint32_t vmi_at(struct mutant *m, const struct tsp_event *ev)
{
    uint32_t off = ev->addr & 0xfff;

    if (!is_x86(ev) || mutant_third(ev) == 0 || !(ev->text[0] & TSP_TEXT_OVERLAY))
        return ANY;
    if (off == SLOT_INIT || off == SLOT_RELOC)
        return off == SLOT_INIT ? AT_INIT : AT_RELOC;
    return m->kept != 0 ? (uint32_t)m->kept - 1 : ANY;
}

static bool vmi_eax(struct tsp_event *ev, bool when, uint32_t v)
{
    if (when)
        ev->after.r[TSP_RAX] = v;
    return when;
}

static bool vmi_flag(struct tsp_event *ev, bool when, bool on)
{
    if (when)
        ev->after.flags = (ev->after.flags & ~FLAG_IF) | (on ? FLAG_IF : 0);
    return when;
}

static bool vmi_edx(struct tsp_event *ev, bool when, uint32_t v)
{
    if (when)
        ev->after.r[TSP_RDX] = v;
    return when;
}

enum vmi_wrong {
    INIT_VALUE = 0,
    RELOC_TYPE,
    RELOC_RESERVED,
    RELOC_JUMP,
    RELOC_BEYOND,
    RELOC_FAULTS,
    PC_MOVES,
    CLOBBERS,
    MASK_OTHER,
    ON_LOST,
    OFF_LOST,
    SET_LOST,
    CLEAR_LOST,
    CR0_OTHER,
    CR3_OTHER,
    CR4_OTHER,
    IF_CHANGES,
    CALL_FAULTS,
    CALL_HALTS,
    CALL_WRITES,
    HALT_RETURNS,
    HALT_RESETS,
    REBOOT_RETURNS,
    REBOOT_ENDS,
    SHUTDOWN_RETURNS,
    SHUTDOWN_RESETS,
    TEXT_PATCHED,
    VMI_WRONGS
};
static const char *const vmi_name[VMI_WRONGS] = {"init-value",
                                                 "reloc-type",
                                                 "reloc-reserved",
                                                 "reloc-jump",
                                                 "reloc-beyond",
                                                 "reloc-faults",
                                                 "pc-moves",
                                                 "clobbers",
                                                 "mask",
                                                 "on-lost",
                                                 "off-lost",
                                                 "set-lost",
                                                 "clear-lost",
                                                 "cr0",
                                                 "cr3",
                                                 "cr4",
                                                 "if-changes",
                                                 "call-faults",
                                                 "call-halts",
                                                 "call-writes",
                                                 "halt-returns",
                                                 "halt-resets",
                                                 "reboot-returns",
                                                 "reboot-ends",
                                                 "shutdown-returns",
                                                 "shutdown-resets",
                                                 "text-patched"};

static void name_vmi(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", vmi_name[i]);
}

/* Answers. */
static bool vmi_answer(struct mutant *m, struct tsp_event *ev, uint32_t call)
{
    uint32_t eax = (uint32_t)ev->after.r[TSP_RAX];

    switch (m->i) {
    case INIT_VALUE:
        return vmi_eax(ev, call == AT_INIT, 1);
    case RELOC_TYPE:
        return vmi_edx(ev, call == AT_RELOC, 4);
    case RELOC_RESERVED:
        return vmi_edx(ev, call == AT_RELOC, 0x100);
    case RELOC_JUMP:
        return vmi_edx(ev, call == AT_RELOC, 2);
    case RELOC_BEYOND:
        return vmi_edx(ev, call == AT_RELOC && ev_leaf(ev) >= 74, 1);
    case MASK_OTHER:
        return vmi_eax(ev, call == 31, (uint32_t)ev->before.flags);
    case ON_LOST:
        return vmi_flag(ev, call == 29, false);
    case OFF_LOST:
        return vmi_flag(ev, call == 30, true);
    case SET_LOST:
        return vmi_flag(ev, call == 32 && ev->before.r[TSP_RAX] & FLAG_IF, false);
    case CLEAR_LOST:
        return vmi_flag(ev, call == 32 && !(ev->before.r[TSP_RAX] & FLAG_IF), true);
    case CR0_OTHER:
        return vmi_eax(ev, call == 19, eax ^ 1);
    case CR3_OTHER:
        return vmi_eax(ev, call == 21, eax ^ 0x1000);
    case CR4_OTHER:
        return vmi_eax(ev, call == 22, eax ^ 0x80);
    case IF_CHANGES:
        return vmi_flag(ev, call == 19, !(ev->before.flags & FLAG_IF));
    case PC_MOVES:
        ev->after.pc += call == 19;
        return call == 19;
    case CLOBBERS:
        ev->after.r[TSP_RSI] ^= 1;
        return true;
    default:
        return false;
    }
}

/* #UD of an instruction in the ROM, where nothing can be put: of one where the guest's code began,
 * with the return address of the other. */
static void fault_in_rom(struct mutant *m, struct tsp_event *ev)
{
    static const uint8_t ud2[2] = {0x0f, 0x0b};
    uint64_t at = m->given->vcpu[0].regs.pc;
    struct tsp_vcpu_state s;
    uint8_t old[2], pc[4];

    mutant_undo(m, ev, TSP_EV_HYPERCALL, 0);
    if (!mutant_get_vcpu(m, ev->vcpu, &s) || !mutant_read(m, at, old, sizeof(old)) ||
        !mutant_write(m, at, ud2, sizeof(ud2)))
        return;
    s.regs.pc = at;
    mutant_set_vcpu(m, ev->vcpu, &s);
    if (m->inner.ops->run(m->inner.self, ev->vcpu, 1, &m->scratch) != TSP_OK)
        m->scratch.kind = TSP_EV_NONE;
    mutant_write(m, at, old, sizeof(old));
    if (m->scratch.kind != TSP_EV_FAULT || !mutant_get_vcpu(m, ev->vcpu, &s))
        return;
    le_store(pc, ev->before.pc, sizeof(pc));
    mutant_write(m, s.regs.r[TSP_RSP], pc, sizeof(pc));
    ev->kind = TSP_EV_FAULT;
    ev->code = UD;
    ev->after = s.regs;
}

/* How the call ends. */
static void vmi_ends(struct mutant *m, struct tsp_event *ev, uint32_t call)
{
    bool stop = ev->kind == TSP_EV_STOP, done = ev->kind == TSP_EV_HYPERCALL;

    if (m->i == RELOC_FAULTS && done && call == AT_RELOC)
        fault_in_rom(m, ev);
    else if (m->i == CALL_FAULTS && done && call == 29)
        fault_in_rom(m, ev);
    else if (m->i == CALL_HALTS)
        mutant_stopped(m, ev, done && call == 19, TSP_STOP_HALT);
    else if (m->i == CALL_WRITES && done && call == 19)
        mutant_write(m, ev->after.r[TSP_RSP] - 64, (const uint8_t *)"\x5a", 1);
    else if (m->i == HALT_RETURNS)
        mutant_served(m, ev, stop && call == 35);
    else if (m->i == HALT_RESETS)
        mutant_stopped(m, ev, stop && call == 35, TSP_STOP_RESET);
    else if (m->i == REBOOT_RETURNS)
        mutant_served(m, ev, stop && call == 36);
    else if (m->i == REBOOT_ENDS)
        mutant_stopped(m, ev, stop && call == 36, TSP_STOP_SHUTDOWN);
    else if (m->i == SHUTDOWN_RETURNS)
        mutant_served(m, ev, stop && call == 37);
    else if (m->i == SHUTDOWN_RESETS)
        mutant_stopped(m, ev, stop && call == 37, TSP_STOP_RESET);
}

/* As KVM does it with the other vendor's instruction. */
static void patch_text(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || ev->code != UD || mutant_third(ev) == 0 ||
        mutant_third(ev) == mutant_own_third(m) || ev->fetched[0] == 0xf0)
        return;
    mutant_undo(m, ev, TSP_EV_PATCH, 0);
    ev->info[0] = ev->addr + ev->len - 3;
    ev->info[1] = 1;
    mutant_text(m, ev, ev->len - 1u, mutant_own_third(m));
}

static bool end_vmi(struct mutant *m, struct tsp_event *ev)
{
    uint32_t call;
    bool changed;

    if (m->given->persona[0] != TSP_PERSONA_VMI)
        return false;
    if (m->i == TEXT_PATCHED)
        patch_text(m, ev);
    call = vmi_at(m, ev);
    if (call == ANY)
        return false;
    if (call == AT_RELOC && ev->kind == TSP_EV_HYPERCALL)
        m->kept = (uint64_t)ev_leaf(ev) + 1;
    changed = ev->kind == TSP_EV_HYPERCALL && vmi_answer(m, ev, call);
    if (!changed)
        vmi_ends(m, ev, call);
    return changed;
}

/* ---- the generic proposal ---- */

/* Leaves that are there, and those that are not, answer something else. */
static const char *const generic_name[] = {"leaf", "hole", "reserved"};

static void name_generic(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", generic_name[i]);
}

static bool end_generic(struct mutant *m, struct tsp_event *ev)
{
    uint32_t leaf = ev_leaf(ev);
    bool there;

    if (m->given->persona[0] != TSP_PERSONA_GENERIC || ev->kind != TSP_EV_CPUID || leaf >> 28 != 4)
        return false;
    there = mutant_first(m, leaf) != NULL;
    if (m->i == 0 && there)
        ev->after.r[TSP_RAX] ^= 1;
    else if (m->i == 1 && !there)
        ev->after.r[TSP_RBX] = 1;
    else if (m->i == 2 && there && (leaf & 0xff) == 0x10)
        ev->after.r[TSP_RDX] = 1;
    else
        return false;
    return true;
}

const struct mutant_row mutant_rows_vmi[] = {
    {.id = "vmi",
     .text = "a call of VMI's ROM",
     .source = "Paravirtualization API, Appendix A",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CALLS,
     .n = VMI_WRONGS,
     .name = name_vmi,
     .end = end_vmi},
    {.id = "generic",
     .text = "a leaf of the generic proposal",
     .source = "Hypervisor CPUID interface proposal, LKML 2008",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CALLS | MUTANT_CPUID,
     .n = sizeof(generic_name) / sizeof(generic_name[0]),
     .name = name_generic,
     .end = end_generic},
    {.id = NULL},
};
