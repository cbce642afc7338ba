/* SPDX-License-Identifier: MIT */
/* The closed list of predicates, and those that hold for any kind of event. */
#include "spec/pred.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FLAG_RF (1ull << 16) /* resume flag: cleared by any instruction that completes */

const struct pred_def pred_defs[] = {
    {"never", pred_never, 0, 0, PRED_NONE},
    {"allowed", pred_allowed, 0, 0, PRED_NONE},
    {"guest_erred", pred_guest_erred, 0, 0, PRED_NONE},
    {"advance", pred_advance, 0, 0, PRED_NONE},
    {"regs_kept", pred_regs_kept, 0, 0, PRED_NONE},
    {"mode_kept", pred_mode_kept, 0, 0, PRED_NONE},
    {"code_unchanged", pred_code_unchanged, 0, 0, PRED_NONE},
    {"stop_is", pred_stop_is, 1, 3, PRED_STOP},
    {"sound", pred_sound, 0, 0, PRED_NONE},
    {"went_on", pred_went_on, 0, 0, PRED_NONE},
    {"follows", pred_follows, 0, 0, PRED_NONE},
    {"entered", pred_entered, 0, 0, PRED_NONE},
    {"text_around", pred_text_around, 0, 0, PRED_NONE},
    {"past", pred_past, 0, 0, PRED_NONE},
    {"pio_result", pred_pio_result, 0, 0, PRED_NONE},
    {"msr_result", pred_msr_result, 0, 0, PRED_NONE},
    {"as_seen", pred_as_seen, 0, 0, PRED_NONE},
    {"state_kept", pred_state_kept, 0, 0, PRED_NONE},
    {"memory_kept", pred_memory_kept, 0, 0, PRED_NONE},
    {"clock_told", pred_clock_told, 0, 0, PRED_NONE},
    {"told", pred_told, 0, 0, PRED_NONE},
    {"answered", pred_answered, 0, 0, PRED_NONE},
    {"framed", pred_framed, 0, 0, PRED_NONE},
    {"returns_to", pred_returns_to, 0, 0, PRED_NONE},
    {"handler_segments", pred_handler_segments, 0, 0, PRED_NONE},
    {"fetch_fault", pred_fetch_fault, 0, 0, PRED_NONE},
    {"halted", pred_halted, 0, 0, PRED_NONE},
    {"truly_fatal", pred_truly_fatal, 0, 0, PRED_NONE},
    {"rf_over", pred_rf_over, 0, 0, PRED_NONE},
    {"not_alone", pred_not_alone, 0, 0, PRED_NONE},
    {"step_trapped", pred_step_trapped, 0, 0, PRED_NONE},
    {"msr_seen", pred_msr_seen, 0, 0, PRED_NONE},
    {"delivery_failed", pred_delivery_failed, 0, 0, PRED_NONE},
    {"plain_done", pred_plain_done, 0, 0, PRED_NONE},
    {"begun", pred_begun, 0, 0, PRED_NONE},
    {"record_told", pred_record_told, 0, 0, PRED_NONE},
    {"call_wakes", pred_call_wakes, 0, 0, PRED_NONE},
    {"wakes_named", pred_wakes_named, 0, 0, PRED_NONE},
    {"undisturbed", pred_undisturbed, 0, 0, PRED_NONE},
    {"started", pred_started, 0, 0, PRED_NONE},
    {"power_told", pred_power_told, 0, 0, PRED_NONE},
    {"power_asked", pred_power_asked, 0, 0, PRED_NONE},
    {"fault", pred_fault, 1, 2, PRED_INT},
    {"undefined", pred_undefined, 0, 0, PRED_NONE},
    {"id_read", pred_id_read, 0, 0, PRED_NONE},
    {"syndrome", pred_syndrome, 1, 1, PRED_INT},
    {"cpuid_zero", pred_cpuid_zero, 0, 0, PRED_NONE},
    {"cpuid_policy", pred_cpuid_policy, 0, 0, PRED_NONE},
    {"cpuid_echo", pred_cpuid_echo, 0, 0, PRED_NONE},
    {"cpuid_redirect", pred_cpuid_redirect, 0, 0, PRED_NONE},
    {"upper_zero", pred_upper_zero, 0, 0, PRED_NONE},
    {"ret", pred_ret, 1, 4, PRED_INT},
    {"ret_targets", pred_ret_targets, 0, 0, PRED_NONE},
    {"ret_exit", pred_ret_exit, 0, 0, PRED_NONE},
    {"exit_pc", pred_exit_pc, 0, 0, PRED_NONE},
    {"hv_status", pred_hv_status, 1, 5, PRED_INT},
    {"hv_regs", pred_hv_regs, 0, 0, PRED_NONE},
    {"hv_result", pred_hv_result, 0, 0, PRED_NONE},
    {"machine_on", pred_machine_on, 0, 0, PRED_NONE},
    {"hv_taken", pred_hv_taken, 0, 0, PRED_NONE},
    {"hv_reps", pred_hv_reps, 0, 0, PRED_NONE},
    {"msr_regs", pred_msr_regs, 0, 0, PRED_NONE},
    {"msr_held", pred_msr_held, 1, 1, PRED_INT},
    {"msr_locked", pred_msr_locked, 0, 0, PRED_NONE},
    {"synic_held", pred_synic_held, 0, 0, PRED_NONE},
    {"msr_given", pred_msr_given, 0, 0, PRED_NONE},
    {"same_widening", pred_same_widening, 0, 0, PRED_NONE},
    {"msr_in", pred_msr_in, 2, 2, PRED_INT},
    {"msr_vp", pred_msr_vp, 0, 0, PRED_NONE},
    {"msr_rises", pred_msr_rises, 0, 0, PRED_NONE},
    {"msr_kept", pred_msr_kept, 0, 0, PRED_NONE},
    {"kvm_block", pred_kvm_block, 0, 0, PRED_NONE},
    {"faulting_kept", pred_faulting_kept, 0, 0, PRED_NONE},
    {"code_becomes", pred_code_becomes, 3, 3, PRED_HEX},
    {"patch_at_end", pred_patch_at_end, 0, 0, PRED_NONE},
    {"retry", pred_retry, 0, 0, PRED_NONE},
    {"rf_kept", pred_rf_kept, 0, 0, PRED_NONE},
    {"xen_ret", pred_xen_ret, 1, 5, PRED_INT},
    {"xen_over", pred_xen_over, 1, 1, PRED_INT},
    {"xen_wrote", pred_xen_wrote, 1, 2, PRED_INT},
    {"xen_framed", pred_xen_framed, 0, 0, PRED_NONE},
    {"xen_text", pred_xen_text, 1, 4, PRED_INT},
    {"xen_word", pred_xen_word, 3, 3, PRED_INT},
    {"xen_bits", pred_xen_bits, 3, 3, PRED_INT},
    {"xen_version", pred_xen_version, 0, 0, PRED_NONE},
    {"xen_regs", pred_xen_regs, 0, 0, PRED_NONE},
    {"xen_arm_regs", pred_xen_arm_regs, 0, 0, PRED_NONE},
    {"a32_pc", pred_a32_pc, 0, 0, PRED_NONE},
    {"a32_passed", pred_a32_passed, 0, 0, PRED_NONE},
    {"x0_whole", pred_x0_whole, 1, 5, PRED_INT},
    {"page_text", pred_page_text, 0, 0, PRED_NONE},
    {"vmw_regs", pred_vmw_regs, 0, 0, PRED_NONE},
    {"vmw_version", pred_vmw_version, 0, 0, PRED_NONE},
    {"vmw_eax", pred_vmw_eax, 1, 1, PRED_INT},
    {"vmw_hz", pred_vmw_hz, 0, 0, PRED_NONE},
    {"vmw_mhz", pred_vmw_mhz, 0, 0, PRED_NONE},
    {"vmw_vcpu", pred_vmw_vcpu, 0, 0, PRED_NONE},
    {"lg_table", pred_lg_table, 0, 0, PRED_NONE},
    {"vmi_regs", pred_vmi_regs, 0, 0, PRED_NONE},
    {"vmi_eax", pred_vmi_eax, 1, 2, PRED_INT},
    {"vmi_reloc", pred_vmi_reloc, 1, 2, PRED_INT},
    {"vmi_cpuid", pred_vmi_cpuid, 0, 0, PRED_NONE},
    {"vmi_mask", pred_vmi_mask, 0, 0, PRED_NONE},
    {"vmi_if", pred_vmi_if, 1, 1, PRED_INT},
    {"vmi_cr", pred_vmi_cr, 1, 1, PRED_INT},
    {"x0", pred_x0, 1, 5, PRED_INT},
    {"x0_is", pred_x0_is, 1, 1, PRED_WHAT},
    {"x0_fast", pred_x0_fast, 0, 0, PRED_NONE},
    {"x1_x3_void", pred_x1_x3_void, 0, 0, PRED_NONE},
    {"x1_x3_kept", pred_x1_x3_kept, 0, 0, PRED_NONE},
    {"load_result", pred_load_result, 0, 0, PRED_NONE},
    {"words", pred_words, 4, 4, PRED_INT},
    {"entropy", pred_entropy, 1, 1, PRED_INT},
    {"within", pred_within, 4, 4, PRED_INT},
    {"at_most", pred_at_most, 5, 5, PRED_INT},
    {"same_vendor", pred_same_vendor, 0, 0, PRED_NONE},
    {"empty_above", pred_empty_above, 0, 0, PRED_NONE},
    {"same_xsave", pred_same_xsave, 0, 0, PRED_NONE},
    {"refused", pred_refused, 2, 2, PRED_INT},
    {"reasoned", pred_reasoned, 0, 0, PRED_NONE},
    {"executes_whole", pred_executes_whole, 0, 0, PRED_NONE},
    {"executes_current", pred_executes_current, 0, 0, PRED_NONE},
    {"overwrites_trapped", pred_overwrites_trapped, 0, 0, PRED_NONE},
    {"keeps_stores", pred_keeps_stores, 0, 0, PRED_NONE},
    {"rewrite_complete", pred_rewrite_complete, 0, 0, PRED_NONE},
    {"retries", pred_retries, 1, 1, PRED_INT},
    {"one_call", pred_one_call, 0, 0, PRED_NONE},
    {"is_call", pred_is_call, 0, 0, PRED_NONE},
    {"keeps_rights", pred_keeps_rights, 0, 0, PRED_NONE},
    {"truly_undefined", pred_truly_undefined, 0, 0, PRED_NONE},
    {"trapped_call", pred_trapped_call, 0, 0, PRED_NONE},
    {"moved_alike", pred_moved_alike, 0, 0, PRED_NONE},
    {"ends_at_site", pred_ends_at_site, 0, 0, PRED_NONE},
};
const unsigned pred_def_count = sizeof(pred_defs) / sizeof(pred_defs[0]);

/* What happened, in words. */
static void event_text(const struct judge *j, char *out, size_t max)
{
    const struct tsp_event *ev = j->ev;
    const struct fact_place *kind = &fact_groups[FACT_EVENT], *stop = &fact_groups[FACT_STOP];
    const char *name = ev->kind < kind->n ? kind->value[ev->kind] : "?";

    if (ev->kind == TSP_EV_FAULT)
        snprintf(out, max, "exception 0x%" PRIx32 ", error code 0x%" PRIx64 ", address 0x%" PRIx64,
                 ev->code, ev->info[0], ev->info[1]);
    else if (ev->kind == TSP_EV_STOP)
        snprintf(out, max, "stop: %s", ev->code < stop->n ? stop->value[ev->code] : "?");
    else if (ev->kind == TSP_EV_HYPERCALL)
        snprintf(out, max, "hypercall completed with 0x%" PRIx64, ev->after.r[0]);
    else if (ev->kind == TSP_EV_PATCH)
        snprintf(out, max, "text written at 0x%" PRIx64, ev->info[0]);
    else
        snprintf(out, max, "%s", name);
}

bool pred_never(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    snprintf(say->expected, sizeof(say->expected), "this must not happen");
    event_text(j, say->got, sizeof(say->got));
    return false;
}

/* For what documents leave open: exercised, judged, and right. */
bool pred_allowed(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)j;
    (void)p;
    (void)say;
    return true;
}

/* The hypervisor did what it has to; what the guest lost it lost by its own doing. check.c names
 * it.
 */
bool pred_guest_erred(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)j;
    (void)p;
    (void)say;
    return true;
}

/* Past the instruction. In 16-bit code IP may or may not have been cut; the limit is checked by the
 * next fetch. */
bool pred_advance(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *a = &j->ev->before, *b = &j->ev->after;
    uint64_t want = a->pc + j->insn.len;

    (void)p;
    if (a->mode != TSP_MODE_LONG64 && a->mode != TSP_MODE_A64)
        want = (uint32_t)want;
    if (b->pc == want)
        return true;
    if ((a->mode == TSP_MODE_REAL16 || a->mode == TSP_MODE_VM86 || a->mode == TSP_MODE_PROT16 ||
         a->mode == TSP_MODE_COMPAT16) &&
        b->pc == (want & 0xffff))
        return true;
    return say_value(say, "pc", want, b->pc);
}

/* Registers that an event of this kind may change on x86. */
static uint32_t x86_results(unsigned kind)
{
    switch (kind) {
    case TSP_EV_CPUID:
        return 1u << TSP_RAX | 1u << TSP_RBX | 1u << TSP_RCX | 1u << TSP_RDX;
    case TSP_EV_HYPERCALL:
        return 1u << TSP_RAX;
    case TSP_EV_FAULT:
        return 1u << TSP_RSP; /* the handler's frame was pushed */
    default:
        return 0;
    }
}

static uint32_t arm_results(const struct tsp_event *ev)
{
    switch (ev->kind) {
    case TSP_EV_HYPERCALL:
        return 0xf; /* x0-x3: Arm DEN0028 2.6, x4-x17 kept since 1.1 */
    case TSP_EV_FAULT:
        if (tsp_mode_is_aarch32(ev->before.mode))
            return a32_link(ev);
        return 1u << 31; /* the handler runs on its own stack pointer */
    default:
        return 0;
    }
}

/* Most events keep all but the first few, which hold results. */
static bool all_kept(const struct tsp_event *ev, unsigned n, uint32_t skip)
{
    unsigned first = 0;

    while (skip >> first & 1)
        first++;
    return memcmp(&ev->before.r[first], &ev->after.r[first], (n - first) * sizeof(uint64_t)) == 0;
}

bool regs_kept_but(const struct judge *j, uint32_t skip, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    bool arm = tsp_mode_is_arm(ev->before.mode);
    uint64_t flags = ev->before.flags ^ ev->after.flags;
    unsigned n = arm ? 32 : 16;
    char name[16];

    for (unsigned i = all_kept(ev, n, skip) ? n : 0; i < n; i++) {
        if (ev->before.r[i] == ev->after.r[i] || (skip >> i & 1))
            continue;
        snprintf(name, sizeof(name), "register %u", i);
        return say_value(say, name, ev->before.r[i], ev->after.r[i]);
    }
    if (!arm && (ev->kind == TSP_EV_CPUID || ev->kind == TSP_EV_HYPERCALL) &&
        (flags & ev->after.flags & FLAG_RF))
        return say_value(say, "flags", ev->before.flags, ev->after.flags);
    if (ev->kind == TSP_EV_FAULT || ev->kind == TSP_EV_STOP || !(arm ? flags : flags & ~FLAG_RF))
        return true;
    return say_value(say, "flags", ev->before.flags, ev->after.flags);
}

bool pred_regs_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    unsigned kind = j->ev->kind;

    (void)p;
    return regs_kept_but(
        j, tsp_mode_is_arm(j->ev->before.mode) ? arm_results(j->ev) : x86_results(kind), say);
}

bool pred_mode_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *a = &j->ev->before, *b = &j->ev->after;

    (void)p;
    if (a->mode != b->mode)
        return say_value(say, "mode", a->mode, b->mode);
    return a->level == b->level || say_value(say, "privilege level", a->level, b->level);
}

#define FRAME_BYTES 128u /* more than any exception pushes */

/* Such text has another address as well, maybe the stack's: places in a page are the same. */
static bool beyond_ram(const struct tsp_setup *s, uint64_t lin)
{
    return lin < s->ram_base || lin - s->ram_base >= s->ram_size;
}

/* The frame of an exception may itself lie on the instruction, when the guest's stack does. The
 * stack's base is 0 but in 16-bit code, where it is taken to be what the vCPU began with. */
static bool frame_on_text(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned vcpu = ev->vcpu < TSP_MAX_VCPU ? ev->vcpu : 0;
    uint64_t bases[2] = {0, j->setup->vcpu[vcpu].x86.seg[TSP_SS].base};

    if (ev->kind != TSP_EV_FAULT || tsp_mode_is_arm(ev->before.mode))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t sp = ev->after.r[TSP_RSP], off = ev->addr - bases[i];

        if (off + TSP_INSN_BYTES - sp < FRAME_BYTES + TSP_INSN_BYTES)
            return true;
        if (((off + TSP_INSN_BYTES - sp) & 0xfff) < FRAME_BYTES + TSP_INSN_BYTES &&
            beyond_ram(j->setup, ev->addr))
            return true;
        if ((uint16_t)(off + TSP_INSN_BYTES - sp) < FRAME_BYTES + TSP_INSN_BYTES &&
            ev->before.mode != TSP_MODE_LONG64)
            return true;
    }
    /* Code that ran before may have loaded another base, in real mode whatever it likes. */
    return (ev->before.mode <= TSP_MODE_PROT16 || ev->before.mode == TSP_MODE_COMPAT16) &&
           !judge_at_start(j);
}

#define KVM_CLOCK_PAIRING 9u
#define CLOCK_BYTES 64u

/* The structure of KVM's CLOCK_PAIRING goes where RBX says: that may be onto the call. Events do
 * not tell guest-physical addresses, whose places in a page are those of linear ones. */
static bool clock_on_text(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    uint64_t off = ev->addr + TSP_INSN_BYTES - ev->before.r[TSP_RBX];

    return ev->kind == TSP_EV_HYPERCALL && ev->before.mode != TSP_MODE_A64 &&
           (uint32_t)ev->before.r[TSP_RAX] == KVM_CLOCK_PAIRING &&
           (off & 0xfff) < CLOCK_BYTES + TSP_INSN_BYTES;
}

#define BUFFER_MOST 0x2000u

/* Xen writes what a call answers where an argument points, in lists from there on: that may be onto
 * the call as well. */
static bool buffer_on_text(const struct judge *j)
{
    static const uint8_t wide[] = {TSP_RDI, TSP_RSI, TSP_RDX, TSP_R10, TSP_R8};
    static const uint8_t narrow[] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI, TSP_RDI};
    const struct tsp_event *ev = j->ev;
    bool is_wide = ev->before.mode == TSP_MODE_LONG64;

    if (ev->kind != TSP_EV_HYPERCALL || !(j->personas & 1u << TSP_PERSONA_XEN) ||
        tsp_mode_is_arm(ev->before.mode))
        return false;
    for (unsigned i = 0; i < sizeof(wide); i++) {
        uint64_t end = ev->addr + TSP_INSN_BYTES - 1;
        uint64_t off =
            is_wide ? end - ev->before.r[wide[i]] : (uint32_t)(end - ev->before.r[narrow[i]]);

        if (off < BUFFER_MOST)
            return true;
    }
    return false;
}

/* Text is as it was fetched. With several vCPUs another one may have changed it. An event that
 * decoded nothing may carry no bytes at all. */
bool pred_code_unchanged(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const uint8_t zeros[TSP_INSN_BYTES];
    const struct tsp_event *ev = j->ev;
    size_t n = j->insn.len < TSP_INSN_BYTES ? j->insn.len : TSP_INSN_BYTES;

    (void)p;
    if (ev->len && ev->len < n)
        n = ev->len;
    if (j->setup->nvcpu > 1 || memcmp(ev->fetched, ev->stored, n) == 0)
        return true;
    if (!ev->len && memcmp(ev->stored, zeros, sizeof(zeros)) == 0)
        return true;
    if (frame_on_text(j) || clock_on_text(j) || buffer_on_text(j))
        return true;
    say_bytes(say->expected, sizeof(say->expected), ev->fetched, n);
    say_bytes(say->got, sizeof(say->got), ev->stored, n);
    return false;
}

bool pred_stop_is(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct fact_place *stop = &fact_groups[FACT_STOP];

    for (unsigned i = 0; i < p->narg; i++)
        if (j->ev->kind == TSP_EV_STOP && j->ev->code == p->arg[i])
            return true;
    snprintf(say->expected, sizeof(say->expected), "stop: %s", stop->value[p->arg[0] % stop->n]);
    event_text(j, say->got, sizeof(say->got));
    return false;
}
