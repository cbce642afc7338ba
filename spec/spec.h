/* SPDX-License-Identifier: MIT */
/*
 * The reference table and its judge. Knows set-ups and traces, nothing of any emulator. Rules are
 * rows of spec/tables, each with a source; docs/TABLES.md is the grammar.
 */
#ifndef TSP_SPEC_SPEC_H
#define TSP_SPEC_SPEC_H

#include "trapspec/target.h"

/* Later is worse; the worst is the result. */
enum verdict {
    VERDICT_PASS = 0, /* a cited rule covers it and holds */
    VERDICT_GAP,      /* nothing cited covers it yet */
    VERDICT_SKIP,     /* the target cannot show it */
    VERDICT_KNOWN,    /* fails, and the deviation is accepted with a reason */
    VERDICT_ERROR,    /* our tool or environment is wrong */
    VERDICT_FAIL      /* the subject is wrong */
};

/* Who is to blame for a FAIL, or for what a guest lost by its own doing. */
enum subject {
    SUBJECT_TARGET = 0, /* the hypervisor answered wrongly */
    SUBJECT_POLICY,     /* it answered what its policy holds, and the policy breaks the rule */
    SUBJECT_GUEST       /* of a PASS: the hypervisor is right, and the guest had it coming */
};

/* One rule as people see it. Strings live as long as the spec. */
struct spec_rule {
    const char *id;    /* unique: "UD-VMMC-1", "kvm:hv+0x0.eax[31:0]" */
    const char *table; /* "patch", "x86_leaves", ... */
    unsigned line;     /* of the row in its CSV file */
    const char *scope;
    const char *when;   /* condition, or "leaf sub reg[hi:lo]" of a field row */
    const char *must;   /* predicates, or the field rule */
    const char *pred;   /* first predicate's name: the rule class */
    const char *source; /* id in sources */
    const char *note;
};

struct spec_source {
    const char *id, *title, *revision, *section, *terms;
};

struct finding {
    enum verdict verdict;
    enum subject subject;
    size_t event;  /* index into the trace */
    unsigned rule; /* index for spec_rule_at; ~0u for GAP */
    char expected[96], got[96];
};

struct spec;
const struct spec *spec_builtin(void);
/* Reads a directory of tables. On error err holds "file: reason" and the line. */
enum tsp_status spec_load(struct spec **out, const char *dir, struct tsp_error *err);
void spec_free(struct spec *s);

unsigned spec_rule_count(const struct spec *s);
bool spec_rule_at(const struct spec *s, unsigned i, struct spec_rule *out);
/* Index of the rule with that id, or ~0u. */
unsigned spec_rule_find(const struct spec *s, const char *id);
unsigned spec_source_count(const struct spec *s);
bool spec_source_at(const struct spec *s, unsigned i, struct spec_source *out);
/* Leaves (and call numbers, SMCCC ids) no row covers although another table names them; for `spec
 * list`. */
unsigned spec_gap_count(const struct spec *s);

/* What spec_check reports and counts. */
struct spec_options {
    uint32_t caps;      /* TSP_CAP_* of the target; rules it cannot show are SKIP */
    enum verdict least; /* findings milder than this are counted but not reported */
    unsigned *hits;     /* NULL or spec_rule_count() counters: how often each rule was exercised */
    void (*found)(void *ctx, const struct finding *f); /* does not judge itself */
    void *ctx;
};

/* Judges a trace. Allocates nothing. Returns the worst verdict; every judged event has at least one
 * finding (PASS with the most specific rule, or GAP). */
enum verdict spec_check(const struct spec *s, const struct tsp_setup *setup,
                        const struct tsp_trace *trace, const struct spec_options *opt);

/*
 * Dependencies (depends.csv): what must be so between fields of one CPU's leaves, for who has all
 * of them. `field` gives a register of a leaf as software finds it, zero where the leaf is out of
 * range, and which of its bits are known; false when nothing is. Rules on fields that are not known
 * are passed over.
 */
struct spec_place {
    uint32_t leaf, sub, value; /* value: of these bits */
    uint8_t reg, hi, lo;
};
struct spec_view {
    enum tsp_vendor vendor;
    bool (*field)(void *ctx, uint32_t leaf, uint32_t sub, unsigned reg, uint32_t value_known[2]);
    void (*found)(void *ctx, unsigned rule, const struct spec_place *at, const char *expected);
    void *ctx;
    unsigned *hits; /* NULL or spec_rule_count() counters: how often each rule was tried and held */
};
/* Returns how many rules failed. */
unsigned spec_check_depends(const struct spec *s, const struct spec_view *view);
/* The i-th edge between single features: the bit at `from` needs the one at `to`. False past the
 * end. Rules with alternatives, sizes or further conditions are no edges. */
bool spec_edge_at(const struct spec *s, unsigned i, struct spec_place *from, struct spec_place *to,
                  uint32_t *vendors, unsigned *rule);

/*
 * The first leaves of stretches in which CPUID queries with the same sub-leaf and the same answer
 * are judged alike, in order; the last one ends with leaf 0xffffffff. false: no such stretches can
 * be told (a rule looks at part of the leaf's number, or there are too many).
 */
#define SPEC_SPANS_MAX 4096u
struct spec_spans {
    uint32_t first[SPEC_SPANS_MAX];
    unsigned n;
    bool truncated;
};
bool spec_cpuid_spans(const struct spec *s, const struct tsp_setup *setup, struct spec_spans *out);

const char *verdict_name(enum verdict v);

#endif
