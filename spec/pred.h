/* SPDX-License-Identifier: MIT */
/* The predicates of rule tables, by file. pred.c lists them with their names and arguments. */
#ifndef TSP_SPEC_PRED_H
#define TSP_SPEC_PRED_H

#include "spec/judge.h"

/* No register changed but those of skip (a bit each), nor the flags. */
bool regs_kept_but(const struct judge *j, uint32_t skip, struct say *say);

#define PRED(name) bool name(const struct judge *j, const struct pred_use *p, struct say *say)

/* pred.c: any event */
PRED(pred_never);
PRED(pred_allowed);
PRED(pred_guest_erred);
PRED(pred_advance);
PRED(pred_regs_kept);
PRED(pred_mode_kept);
PRED(pred_code_unchanged);
PRED(pred_stop_is);

/* pred_flow.c */
/* Nothing was executed before this event: state and memory are those of the set-up. */
bool judge_steps(const struct judge *j);
bool judge_stepwise(const struct judge *j);
bool judge_at_start(const struct judge *j);
PRED(pred_follows);
PRED(pred_past);
PRED(pred_pio_result);
PRED(pred_msr_result);

/* pred_entry.c */
/* Memory as it was set up, where linear and physical addresses are the same. */
bool table_read(const struct tsp_setup *s, uint64_t at, uint8_t *out, size_t n);
bool table_is_rom(const struct tsp_setup *s, uint64_t at);
PRED(pred_entered);
PRED(pred_text_around);

/* pred_seen.c; with a look alone */
PRED(pred_as_seen);
PRED(pred_state_kept);
PRED(pred_memory_kept);
PRED(pred_clock_told);
PRED(pred_told);
PRED(pred_record_told);
PRED(pred_answered);
/* The frame of an exception at the same level would go to RAM. */
bool look_has_stack(const struct judge *j);
bool look_took_init(const struct judge *j);

/* pred_frame.c; the same */
PRED(pred_framed);
PRED(pred_returns_to);
PRED(pred_msr_seen);
PRED(pred_handler_segments);
PRED(pred_fetch_fault);
PRED(pred_delivery_failed);
PRED(pred_truly_fatal);

/* pred_plain.c; the same */
PRED(pred_plain_done);
PRED(pred_halted);
PRED(pred_rf_over);
PRED(pred_not_alone);
PRED(pred_step_trapped);
PRED(pred_begun);
PRED(pred_undisturbed);
PRED(pred_wakes_named);
PRED(pred_call_wakes);

/* pred_power.c */
PRED(pred_started);
PRED(pred_machine_on);
PRED(pred_power_told);
PRED(pred_power_asked);

/* pred_fault.c */
PRED(pred_fault);
PRED(pred_undefined);
PRED(pred_id_read);
PRED(pred_syndrome);

/* pred_cpuid.c */
PRED(pred_cpuid_zero);
PRED(pred_cpuid_policy);
PRED(pred_cpuid_echo);
PRED(pred_cpuid_redirect);
PRED(pred_upper_zero);

/* pred_call.c */
PRED(pred_ret);
PRED(pred_ret_targets);
PRED(pred_ret_exit);
PRED(pred_exit_pc);
PRED(pred_hv_status);
PRED(pred_hv_regs);
PRED(pred_hv_result);

/* facts_synic.c */
PRED(pred_synic_held);

/* facts_hvcall.c */
PRED(pred_hv_taken);

/* pred_msr.c */
PRED(pred_hv_reps);
PRED(pred_msr_regs);
PRED(pred_msr_held);
PRED(pred_msr_locked);
PRED(pred_msr_in);
PRED(pred_msr_given);
PRED(pred_msr_vp);
PRED(pred_msr_rises);

/* pred_kvm.c */
PRED(pred_msr_kept);
PRED(pred_kvm_block);
PRED(pred_faulting_kept);

/* pred_xen.c */
PRED(pred_xen_ret);
PRED(pred_xen_over);
PRED(pred_xen_version);
PRED(pred_xen_regs);
PRED(pred_xen_arm_regs);
PRED(pred_x0_whole);
PRED(pred_page_text);
/* pred_xmem.c */
PRED(pred_xen_wrote);
PRED(pred_xen_framed);
PRED(pred_xen_text);
PRED(pred_xen_word);
PRED(pred_xen_bits);

/* pred_vmware.c */
PRED(pred_vmw_regs);
PRED(pred_vmw_version);
PRED(pred_vmw_eax);
PRED(pred_vmw_hz);
PRED(pred_vmw_mhz);
PRED(pred_vmw_vcpu);

/* pred_lguest.c; with a look alone */
PRED(pred_lg_table);

/* pred_vmi.c */
PRED(pred_vmi_regs);
PRED(pred_vmi_eax);
PRED(pred_vmi_reloc);
PRED(pred_vmi_cpuid);
PRED(pred_vmi_mask);
PRED(pred_vmi_if);
PRED(pred_vmi_cr);

/* pred_patch.c */
PRED(pred_code_becomes);
PRED(pred_patch_at_end);
PRED(pred_retry);
PRED(pred_rf_kept);

/* pred_target.c */
PRED(pred_sound);
PRED(pred_went_on);

/* pred_arm.c */
PRED(pred_x0);
PRED(pred_x0_is);
PRED(pred_x0_fast);
PRED(pred_x1_x3_void);
PRED(pred_x1_x3_kept);
PRED(pred_load_result);
PRED(pred_words);
PRED(pred_same_widening);
PRED(pred_entropy);

/* pred_arm32.c: what the predicates of others mean in AArch32 */
PRED(pred_a32_pc);
PRED(pred_a32_passed);
/* The condition of an A32 instruction, in its top four bits, holds; true in T32. */
bool a32_condition(const struct tsp_event *ev);
/* A bit for the R14 that the exception writes. */
uint32_t a32_link(const struct tsp_event *ev);
bool a32_undefined(const struct judge *j, struct say *say);
bool a32_entered(const struct judge *j, struct say *say);
bool a32_returns_to(const struct judge *j, struct say *say);
/* Where CPU_ON starts a core, and the state it begins in; exact: at that very instruction. */
uint64_t a32_entry(const struct tsp_event *on);
bool a32_begun(const struct tsp_event *on, const struct tsp_regs *r, struct say *say);
bool a32_begins(const struct judge *j, const struct tsp_event *on, bool exact, struct say *say);
bool a32_is_call(uint32_t word, bool thumb);

/* pred_policy.c */
PRED(pred_within);
PRED(pred_at_most);
PRED(pred_same_vendor);
PRED(pred_empty_above);
PRED(pred_same_xsave);
PRED(pred_refused);
PRED(pred_reasoned);

/* pred_race.c */
PRED(pred_executes_whole);
PRED(pred_executes_current);
PRED(pred_overwrites_trapped);
PRED(pred_keeps_stores);
PRED(pred_rewrite_complete);
PRED(pred_retries);
PRED(pred_one_call);
PRED(pred_is_call);
PRED(pred_keeps_rights);
PRED(pred_truly_undefined);
PRED(pred_trapped_call);
PRED(pred_moved_alike);
PRED(pred_ends_at_site);

#endif
