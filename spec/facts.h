/* SPDX-License-Identifier: MIT */
/*
 * Facts: what symbolic conditions test. Facts come in groups; of each group exactly one bit is set
 * for an event, so a row holds when no fact lies outside the bits that it allows: a few ANDs for
 * all its symbolic conditions together.
 */
#ifndef TSP_SPEC_FACTS_H
#define TSP_SPEC_FACTS_H

#include "spec/table.h"

/* ORDER: groups[] in facts.c */
enum fact_group {
    FACT_EVENT = 0,
    FACT_INSN,
    FACT_HOST,
    FACT_CALL,
    FACT_MODE,
    FACT_CPL,
    FACT_POLICY,
    FACT_TEXT,
    FACT_LOCK,
    FACT_PREFIX,
    FACT_LENGTH,
    FACT_VCPUS,
    FACT_VENDOR,
    FACT_CLASS,
    FACT_RANGE,
    FACT_ENTRY,
    FACT_SUB1,
    FACT_PREV,
    FACT_PF,
    FACT_DELIVERY,
    FACT_STOP,
    FACT_FAULTING,
    FACT_HYPERV,
    FACT_SERVED,
    FACT_ANSWER,
    FACT_TARGET,
    FACT_START,
    FACT_STEP,
    FACT_ENFORCE,
    FACT_IRQCHIP,
    FACT_APIC,
    FACT_HOST_TSC,
    FACT_MAP_GPA,
    FACT_HLT,
    FACT_PVTIME,
    FACT_SUSPEND,
    FACT_RESUME,
    FACT_TABLE,
    FACT_LIMIT,
    FACT_IF,
    FACT_OWNER,
    FACT_PAGE,
    FACT_OVERLAY,
    FACT_GPA,
    FACT_REPS,
    FACT_LOOKED,
    FACT_SMM,
    FACT_ASKED,
    FACT_GROUPS
};

enum { CALL_NO = 0, CALL_NATIVE, CALL_FOREIGN };
enum { TEXT_WRITABLE = 0, TEXT_READONLY, TEXT_MIXED, TEXT_UNKNOWN };
enum { PREFIX_NONE = 0, PREFIX_IGNORED, PREFIX_MANDATORY };
enum { CLASS_BASIC = 0, CLASS_HV, CLASS_EXT, CLASS_CENTAUR };
enum { RANGE_IN = 0, RANGE_OUT, RANGE_NONE };
enum { PF_NO = 0, PF_FETCH, PF_WRITE, PF_ELSEWHERE, PF_SPURIOUS };
enum { OVERLAY_UNKNOWN = 0, OVERLAY_OFF, OVERLAY_ON };
enum { GPA_RAM = 0, GPA_SPACE, GPA_BEYOND };
enum { REPS_NONE = 0, REPS_LEFT, REPS_PAST };
enum { SMM_OFF = 0, SMM_ON, SMM_MAYBE };
enum { TARGET_SELF = 0, TARGET_KNOWN, TARGET_UNKNOWN };

struct fact_place {
    const char *name;
    const char *const *value; /* n names; NULL: the opcode names of the tables */
    uint8_t word, first, n;
};
extern const struct fact_place fact_groups[FACT_GROUPS];

/* Numeric fields that conditions test. ORDER: cond_names[] in facts.c */
enum cond_field {
    COND_NR = 0,
    COND_A0,
    COND_A1,
    COND_A2,
    COND_A3,
    COND_X1,
    COND_X2,
    COND_W1,
    COND_W2,
    COND_FID,
    COND_IMM,
    COND_VECTOR,
    COND_ERROR,
    COND_LEAF,
    COND_SUBLEAF,
    COND_PSCI,
    COND_FW_STD,
    COND_FW_HYP,
    COND_FW_VENDOR,
    COND_WA1,
    COND_WA2,
    COND_WA3,
    COND_INFO,
    COND_PREFIXES,
    COND_HV_CTL,
    COND_HV_IN,
    COND_HV_OUT,
    COND_MSR,
    COND_MSR_VALUE,
    COND_BDOOR,
    COND_LGUEST,
    COND_VMI,
    COND_A0_RAM,  /* a0=ram:N: N bytes from a0 on are writable guest RAM */
    COND_A1_WRAP, /* a1=wraps: a1 pages from page a0 on pass the end of the address space */
    COND_POLICY,
    COND_FIELDS
};
extern const char *const cond_names[COND_A0_RAM];

#define COND_XEN 64u /* from here on: facts_xen.c */
_Static_assert(COND_FIELDS <= COND_XEN, "fields");
#define COND_KVM 128u /* facts_kvm.c */
#define COND_HVC 192u /* facts_hvcall.c */

#endif
