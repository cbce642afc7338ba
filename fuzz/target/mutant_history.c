/* SPDX-License-Identifier: MIT */
/* lguest's calls, and what is rewritten into one: one thing wrong after the other (torvalds/linux
 * v2.6.38 drivers/lguest). */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define UD 6u
#define GP 13u
#define INT_1F 31u
#define FLAG_IF ((uint64_t)0x200)
#define ANY 0xffffffffu

struct way {
    const char *name;
    bool (*run)(struct mutant *m, struct tsp_event *ev);
};

static bool is_int(const struct tsp_event *ev)
{
    return is_x86(ev) && ev->len >= 2 && ev->len <= TSP_INSN_BYTES &&
           ev->fetched[ev->len - 2] == 0xcd && ev->fetched[ev->len - 1] == INT_1F;
}

static bool is_call(const struct tsp_event *ev, uint32_t nr)
{
    return ev->kind == TSP_EV_HYPERCALL && is_int(ev) && (nr == ANY || ev_leaf(ev) == nr);
}

/* A call of the kernel that ended the guest. */
static bool is_end(const struct tsp_event *ev, uint32_t nr)
{
    return ev->kind == TSP_EV_STOP && is_int(ev) && ev->before.level == 1 &&
           (nr == ANY || ev_leaf(ev) == nr);
}

static bool is_fault(const struct tsp_event *ev, uint32_t level)
{
    return ev->kind == TSP_EV_FAULT && ev->before.level == level;
}

static bool is_vmcall(const struct tsp_event *ev)
{
    return ev->len == 3 && mutant_third(ev) == 0xc1;
}

/* It comes back after all. */
bool mutant_served(struct mutant *m, struct tsp_event *ev, bool when)
{
    if (when)
        mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
    return false;
}

bool mutant_stopped(struct mutant *m, struct tsp_event *ev, bool when, enum tsp_stop code)
{
    if (!when)
        return false;
    mutant_undo(m, ev, TSP_EV_STOP, 0);
    ev->code = code;
    return false;
}

static bool lg_not_taken(struct mutant *m, struct tsp_event *ev)
{
    if (is_call(ev, ANY))
        mutant_fault(m, ev, INT_1F, 0, 0);
    return false;
}

static bool lg_by_user(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_fault(ev, 3) && is_int(ev));
}

static bool lg_user_interrupt(struct mutant *m, struct tsp_event *ev)
{
    if (is_fault(ev, 3) && is_int(ev))
        mutant_fault(m, ev, INT_1F, 0, 0);
    return false;
}

static bool lg_user_code(struct mutant *m, struct tsp_event *ev)
{
    if (is_fault(ev, 3) && is_int(ev))
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool lg_user_ends(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_fault(ev, 3) && is_int(ev), TSP_STOP_SHUTDOWN);
}

static bool lg_pc_stays(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_call(ev, ANY))
        return false;
    ev->after.pc = ev->before.pc;
    return true;
}

static bool lg_clobbers(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_call(ev, ANY))
        return false;
    ev->after.r[TSP_RBX] ^= 1;
    return true;
}

static bool lg_flags(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_call(ev, ANY))
        return false;
    ev->after.flags ^= FLAG_IF;
    return true;
}

static bool lg_writes(struct mutant *m, struct tsp_event *ev)
{
    if (is_call(ev, 5))
        mutant_write(m, ev->addr + 0x100, (const uint8_t *)"\x5a", 1);
    return false;
}

static bool lg_before_init(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_HYPERCALL && ev_leaf(ev) == 1)
        m->counter = 1;
    return m->counter == 0 &&
           mutant_served(m, ev,
                         is_end(ev, ANY) && ev_leaf(ev) != 1 && ev->code == TSP_STOP_SHUTDOWN);
}

/* The data lie in memory. */
static bool in_memory(const struct mutant *m, const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[TSP_RBX] < m->given->ram_size;
}

static bool lg_init_again(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 1) && in_memory(m, ev));
}

static bool lg_init_anywhere(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 1) && !in_memory(m, ev));
}

static bool lg_unknown(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, ANY) && ev_leaf(ev) >= 20);
}

static bool lg_unknown_halts(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_end(ev, ANY) && ev_leaf(ev) >= 20, TSP_STOP_HALT);
}

static bool lg_early_halts(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_end(ev, 5), TSP_STOP_HALT);
}

static bool lg_init_halts(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_end(ev, 1), TSP_STOP_HALT);
}

static bool lg_shutdown_returns(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 2));
}

static bool lg_restart_lost(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_end(ev, 2) && ev->code == TSP_STOP_RESET, TSP_STOP_SHUTDOWN);
}

static bool lg_restart_always(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_end(ev, 2) && ev->code == TSP_STOP_SHUTDOWN, TSP_STOP_RESET);
}

static bool lg_halt_returns(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 10) && ev->code == TSP_STOP_HALT);
}

static bool lg_halt_ends(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_end(ev, 10) && ev->code == TSP_STOP_HALT, TSP_STOP_SHUTDOWN);
}

static bool lg_idt_number(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 6) && (uint32_t)ev->before.r[TSP_RBX] >= 256);
}

static bool lg_idt_type(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev,
                         is_end(ev, 6) && (uint32_t)ev->before.r[TSP_RBX] < 256 &&
                             ev->before.r[TSP_RDX] & 0x8000);
}

static bool lg_stack_level(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 7) && (ev->before.r[TSP_RBX] & 3) != 1);
}

static bool lg_stack_pages(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 7) && (uint32_t)ev->before.r[TSP_RDX] > 2);
}

static bool lg_gdt_number(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, is_end(ev, 18) && (uint32_t)ev->before.r[TSP_RBX] >= 32);
}

static bool lg_flush_ends(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_call(ev, 5), TSP_STOP_SHUTDOWN);
}

static bool lg_gate_ends(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_call(ev, 6) && ev->before.r[TSP_RDX] & 0x200,
                          TSP_STOP_SHUTDOWN);
}

static bool lg_absent_ends(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_call(ev, 6) && !(ev->before.r[TSP_RDX] & 0x8000),
                          TSP_STOP_SHUTDOWN);
}

static bool lg_ignored_ends(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_call(ev, 6) && ev->before.r[TSP_RBX] == 8, TSP_STOP_SHUTDOWN);
}

static bool lg_gdt_halts(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_call(ev, 18), TSP_STOP_HALT);
}

static bool lg_send_halts(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_call(ev, 19), TSP_STOP_HALT);
}

static bool lg_exits(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, is_call(ev, 16), TSP_STOP_EXIT);
}

static bool lg_table_kept(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_vcpu_state s;

    if (is_call(ev, 4) && mutant_get_vcpu(m, ev->vcpu, &s)) {
        s.x86.cr3 = ev->sys[TSP_SYS_CR3];
        mutant_set_vcpu(m, ev->vcpu, &s);
    }
    return false;
}

/* The bytes of a rewrite. */
static bool rewritten(struct mutant *m, struct tsp_event *ev, const uint8_t now[3])
{
    for (unsigned i = 0; ev->kind == TSP_EV_PATCH && i < 3; i++)
        mutant_text(m, ev, i, now[i]);
    return false;
}

static bool lg_no_nop(struct mutant *m, struct tsp_event *ev)
{
    return rewritten(m, ev, (const uint8_t *)"\xcd\x1f\xc1");
}

static bool lg_other_gate(struct mutant *m, struct tsp_event *ev)
{
    return rewritten(m, ev, (const uint8_t *)"\xcd\x80\x90");
}

static bool lg_as_kvm(struct mutant *m, struct tsp_event *ev)
{
    return rewritten(m, ev, (const uint8_t *)"\x0f\x01\xd9");
}

static bool lg_beyond(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_PATCH)
        mutant_write(m, ev->addr + 3, (const uint8_t *)"\x90", 1);
    return false;
}

static bool lg_patch_moves(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_PATCH)
        return false;
    ev->after.pc += 3;
    return true;
}

static bool lg_patch_user(struct mutant *m, struct tsp_event *ev)
{
    if (!is_fault(ev, 3) || !is_vmcall(ev))
        return false;
    mutant_undo(m, ev, TSP_EV_PATCH, 0);
    ev->info[0] = ev->addr;
    ev->info[1] = 3;
    return rewritten(m, ev, (const uint8_t *)"\xcd\x1f\x90");
}

static bool lg_unpatched(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_PATCH)
        mutant_fault(m, ev, UD, 0, 0);
    return false;
}

static bool lg_vmcall_served(struct mutant *m, struct tsp_event *ev)
{
    return mutant_served(m, ev, ev->kind == TSP_EV_PATCH);
}

static bool lg_vmcall_ends(struct mutant *m, struct tsp_event *ev)
{
    return mutant_stopped(m, ev, ev->kind == TSP_EV_FAULT && is_vmcall(ev), TSP_STOP_SHUTDOWN);
}

static bool lg_vmcall_gp(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_FAULT && ev->code == UD && mutant_third(ev) == 0xc1)
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool lg_vmmcall_gp(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_FAULT && ev->code == UD && mutant_third(ev) == 0xd9)
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

static bool lg_vmcall_other(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_FAULT && ev->code == UD && mutant_third(ev) != 0)
        mutant_fault(m, ev, 0, 0, 0);
    return false;
}

static const struct way lguest_way[] = {{"not-taken", lg_not_taken},
                                        {"by-user", lg_by_user},
                                        {"user-interrupt", lg_user_interrupt},
                                        {"user-code", lg_user_code},
                                        {"user-ends", lg_user_ends},
                                        {"pc-stays", lg_pc_stays},
                                        {"clobbers", lg_clobbers},
                                        {"flags", lg_flags},
                                        {"writes", lg_writes},
                                        {"before-init", lg_before_init},
                                        {"early-halts", lg_early_halts},
                                        {"init-again", lg_init_again},
                                        {"init-anywhere", lg_init_anywhere},
                                        {"init-halts", lg_init_halts},
                                        {"unknown", lg_unknown},
                                        {"unknown-halts", lg_unknown_halts},
                                        {"shutdown-returns", lg_shutdown_returns},
                                        {"restart-lost", lg_restart_lost},
                                        {"restart-always", lg_restart_always},
                                        {"halt-returns", lg_halt_returns},
                                        {"halt-ends", lg_halt_ends},
                                        {"idt-number", lg_idt_number},
                                        {"idt-type", lg_idt_type},
                                        {"stack-level", lg_stack_level},
                                        {"stack-pages", lg_stack_pages},
                                        {"gdt-number", lg_gdt_number},
                                        {"flush-ends", lg_flush_ends},
                                        {"gate-ends", lg_gate_ends},
                                        {"absent-ends", lg_absent_ends},
                                        {"ignored-ends", lg_ignored_ends},
                                        {"gdt-halts", lg_gdt_halts},
                                        {"send-halts", lg_send_halts},
                                        {"exits", lg_exits},
                                        {"table-kept", lg_table_kept},
                                        {"no-nop", lg_no_nop},
                                        {"other-gate", lg_other_gate},
                                        {"as-kvm", lg_as_kvm},
                                        {"beyond", lg_beyond},
                                        {"patch-moves", lg_patch_moves},
                                        {"patch-user", lg_patch_user},
                                        {"unpatched", lg_unpatched},
                                        {"vmcall-served", lg_vmcall_served},
                                        {"vmcall-ends", lg_vmcall_ends},
                                        {"vmcall-gp", lg_vmcall_gp},
                                        {"vmmcall-gp", lg_vmmcall_gp},
                                        {"vmcall-other", lg_vmcall_other}};
#define LGUEST_WAYS (sizeof(lguest_way) / sizeof(lguest_way[0]))

static void name_lguest(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", lguest_way[i].name);
}

static bool end_lguest(struct mutant *m, struct tsp_event *ev)
{
    return m->given->persona[0] == TSP_PERSONA_LGUEST && lguest_way[m->i].run(m, ev);
}

/* Rewrites whatever it was told. */
static void setup_rewrite(struct mutant *m)
{
    if (m->given->persona[0] == TSP_PERSONA_LGUEST)
        m->setup.patch = TSP_PATCH_REWRITE;
}

const struct mutant_row mutant_rows_history[] = {
    {.id = "lguest",
     .text = "a call of lguest's, or what is rewritten into one",
     .source = "torvalds/linux v2.6.38 drivers/lguest/hypercalls.c, x86/core.c",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CALLS | MUTANT_PATCH,
     .n = LGUEST_WAYS,
     .name = name_lguest,
     .end = end_lguest},
    {.id = "lguest-rewrites",
     .text = "lguest rewrites VMCALL in releases that do not",
     .source = "torvalds/linux v4.13 drivers/lguest/x86/core.c",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CALLS | MUTANT_PATCH,
     .setup = setup_rewrite},
    {.id = NULL},
};
