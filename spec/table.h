/* SPDX-License-Identifier: MIT */
/*
 * The compiled form of the tables, shared by the reader, the build-time compiler and the judge.
 * Flat arrays of plain structs: what spec_load builds in memory is what tabc writes out as C.
 */
#ifndef TSP_SPEC_TABLE_H
#define TSP_SPEC_TABLE_H

#include "spec/spec.h"

/* Limits of one set of tables; a larger one is refused with file and line. */
#define SPEC_MAX_RULE 8192u
#define SPEC_MAX_SOURCE 256u
#define SPEC_MAX_OPCODE 64u
#define SPEC_MAX_INSN 20u /* distinct opcode names and "none" */
#define SPEC_MAX_REC 4096u
#define SPEC_MAX_REC_ROW 49152u
#define SPEC_MAX_TRAP 1024u
#define SPEC_MAX_COND 4096u
#define SPEC_MAX_SPAN 4096u
#define SPEC_MAX_PRED 4096u
#define SPEC_MAX_LANE_RULE 16384u
#define SPEC_MAX_NUMBERED 4096u
#define SPEC_MAX_DEPEND 1024u
#define SPEC_MAX_DEPEND_TERM 4096u
#define SPEC_HASH_SIZE 16384u /* power of two, at least twice SPEC_MAX_REC */
#define SPEC_MAX_POOL ((size_t)4 * 1024 * 1024)
#define SPEC_MAX_LINE 1000u
#define SPEC_MAX_ARG 5u

/* Who a leaf record is for: a vendor, or a persona's block (relative) or fixed leaf (absolute). */
#define SPEC_WHO_RELATIVE 8u
#define SPEC_WHO_ABSOLUTE 24u
#define SPEC_WHO_COUNT 40u

/* Row as people see it: the strings of struct spec_rule. */
struct row_text {
    const char *id, *table, *scope, *when, *must, *pred, *source, *note;
    unsigned line;
};

enum field_kind {
    FIELD_ZERO = 0,
    FIELD_ONE,
    FIELD_ANY,
    FIELD_FEAT,
    FIELD_EQ,
    FIELD_MAX,
    FIELD_DYN,
    FIELD_SAME,
    FIELD_BITS,
    FIELD_KIND_COUNT
};

enum dyn_name {
    DYN_NONE = 0,
    DYN_OSXSAVE,
    DYN_OSPKE,
    DYN_APIC_ENABLED,
    DYN_APIC_ID,
    DYN_X2APIC_ID,
    DYN_XSAVE_SIZE,
    DYN_XSAVE_COMPACT_SIZE,
    DYN_ECHO_ECX,
    DYN_MWAIT,
    DYN_SYSCALL_MODE,
    DYN_PV_UNHALT,
    DYN_TSC_INVARIANT,
    DYN_VCPU_ID,
    DYN_TSX,
    DYN_COUNT
};

/* A bit range of some leaf's register, as named by same: and by conditions. Sub-leaf `-` is the
 * leaf's first entry. */
#define REF_ANY_SUB UINT32_MAX
struct field_ref {
    uint32_t leaf, sub;
    uint8_t relative, reg, hi, lo; /* relative: leaf counts from the base of the row's persona */
};

struct field_row {
    uint32_t leaf, sub_lo, sub_hi;
    uint32_t who;   /* bit per vendor, or per persona */
    uint32_t value; /* EQ, MAX: value; BITS: the ones */
    uint32_t zero;  /* BITS: the zeroes */
    struct field_ref same;
    uint16_t rule;
    uint8_t relative, persona, indexed, value_relative;
    uint8_t reg, hi, lo, kind, dyn;
};

/* All that one vendor's (or persona's) rows say of one sub-leaf. */
struct leaf_rec {
    uint32_t leaf, sub_lo, sub_hi;
    uint32_t zero[4], one[4], run[4]; /* run: follows vCPU state, judged by dyn rules alone */
    uint32_t clears[4];               /* of run: what the state can take away and never give */
    uint32_t shared[4];               /* run for other vendors, not for this one */
    uint32_t given[4];                /* of shared: what state may give this vendor's guests too */
    uint32_t row, nrow;               /* into rec_row: its rows */
    uint32_t special, nspecial;       /* into rec_row: rows that are more than masks */
    uint8_t who, indexed;
};

/* One numeric condition: a field, masked, in (or not in) a list of ranges. */
struct cond_span {
    uint64_t lo, hi;
};

struct cond {
    uint64_t mask;
    uint16_t span, nspan;
    uint8_t field, negate;
    struct field_ref ref; /* COND_POLICY */
};

struct pred_use {
    uint64_t arg[SPEC_MAX_ARG];
    uint8_t fn, narg;
};

#define SPEC_FACT_WORDS 3u
struct trap_rule {
    uint64_t allow[SPEC_FACT_WORDS]; /* facts that may be set; see facts.h */
    uint16_t rule, cond, ncond, pred, npred;
    uint16_t scope; /* bit per persona, 0 = any */
    uint8_t otherwise, weight, table, traits;
};
#define TRAP_LOOKS 1u  /* speaks of what a look shows */
#define TRAP_COVERS 2u /* where it applies there is no gap */
#define TRAP_GUEST 4u  /* says that the guest erred */

struct opcode_row {
    uint32_t bytes, mask;  /* first byte lowest */
    uint16_t modes;        /* bit per enum tsp_mode */
    uint8_t arch, n, insn; /* insn: index into spec.insn */
};

/* One term of a dependency: a sum of fields, and what it is compared with. */
enum depend_op {
    DEPEND_SET = 0, /* not zero */
    DEPEND_TOO,     /* not zero either, without being what the other one needs */
    DEPEND_CLEAR,
    DEPEND_EQ,
    DEPEND_NE,
    DEPEND_LE,
    DEPEND_GE,
    DEPEND_LT,
    DEPEND_GT
};

struct depend_term {
    struct field_ref left[2], right[2];
    uint32_t number; /* alone, or, with a sign, on top of the right side's fields */
    uint8_t nleft, nright, op;
};

/* When all of `when` hold, one of `must` has to. */
struct depend_row {
    uint16_t rule, when, nwhen, must, nmust;
    uint8_t who; /* bit per vendor */
};

#define SPEC_BUCKETS 12u /* one per enum tsp_event_kind */
#define SPEC_LANES (SPEC_BUCKETS * SPEC_MAX_INSN * 2u)

/* Hyper-V's calls and everybody else's have few rules in common. */
static inline unsigned spec_lane(unsigned kind, unsigned insn, bool hyperv)
{
    return (kind * SPEC_MAX_INSN + insn) * 2u + hyperv;
}

/* Rules that one kind of event at one instruction can meet, in order: those to be tried whatever
 * was called, and those of single call numbers. */
struct lane {
    uint16_t first, n;              /* into lane_rule */
    uint16_t first_number, nnumber; /* into numbered, by number, then rule */
};

struct numbered {
    uint64_t number;
    uint16_t rule; /* trap rule */
};

struct spec {
    const struct row_text *text;
    const struct spec_source *source;
    const struct field_row *field; /* field rows are the first rules: same index */
    const struct leaf_rec *rec;
    const uint16_t *rec_row;
    const uint16_t *hash; /* index + 1 of the first record of a (who, leaf), or 0 */
    const struct trap_rule *trap;
    const struct cond *cond;
    const struct cond_span *span;
    const struct pred_use *pred;
    const struct opcode_row *opcode;
    const struct lane *lane; /* by spec_lane() */
    const uint16_t *lane_rule;
    const struct numbered *numbered;
    const struct depend_row *depend;
    const struct depend_term *depend_term;
    const char *const *insn;
    unsigned ntext, nsource, nfield, nrec, nrec_row, ntrap, ncond, nspan, npred, nopcode, ninsn;
    unsigned nlane_rule, nnumbered, ndepend, ndepend_term;
    unsigned hash_mask, ngap;
    unsigned serial; /* of tables that were loaded; 0: the built-in ones */
    /* insn index of these instructions, SPEC_MAX_INSN when the tables have none */
    unsigned vmcall, vmmcall, hvc, smc, ud0, ud1, rdmsr, wrmsr;
};

/* Hash shared by the index that is built and the look-up that uses it. */
static inline uint32_t spec_hash(uint32_t leaf, uint32_t who)
{
    uint32_t h = (leaf + who * 0x9e3779b1u) * 0x85ebca6bu;

    return h ^ (h >> 15);
}

#endif
