/* SPDX-License-Identifier: MIT */
/* The predicates of rule tables, by file. pred.c lists them with their names and arguments. */
#ifndef TSP_SPEC_PRED_H
#define TSP_SPEC_PRED_H

#include "spec/judge.h"

#define PRED(name) bool name(const struct judge *j, const struct pred_use *p, struct say *say)

/* pred.c: any event */
PRED(pred_never);
PRED(pred_allowed);
PRED(pred_advance);
PRED(pred_regs_kept);
PRED(pred_mode_kept);
PRED(pred_code_unchanged);
PRED(pred_stop_is);

/* pred_fault.c */
PRED(pred_fault);
PRED(pred_undefined);
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

/* pred_patch.c */
PRED(pred_code_becomes);
PRED(pred_patch_at_end);
PRED(pred_retry);

/* pred_arm.c */
PRED(pred_x0);
PRED(pred_x0_is);
PRED(pred_x0_fast);
PRED(pred_x1_x3_void);
PRED(pred_x1_x3_kept);
PRED(pred_words);
PRED(pred_entropy);

#endif
