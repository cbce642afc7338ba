/* SPDX-License-Identifier: MIT */
/* Judging CPUID dumps: the reference table's rows, hypervisor leaves, and CPU against CPU. */
#ifndef TSP_CLI_LINT_H
#define TSP_CLI_LINT_H

#include "cli/cli.h"
#include "cli/formats/dump.h"
#include "cli/formats/report_lint.h"

#define LINT_MAX 1024u

/* One thing that is wrong, on all the CPUs it is wrong on. */
struct lint_finding {
    bool note; /* worth saying, but nothing is wrong */
    uint32_t leaf, subleaf;
    uint8_t reg, hi, lo; /* reg: 0 EAX ... 3 EDX */
    uint32_t value;      /* of these bits */
    char expected[96];
    const char *rule, *source, *text; /* text: what the field is, or why this is wrong */
    char who[96];                     /* who most likely set it; empty on bare metal */
    uint64_t cpu[DUMP_MAX_CPU / 64];  /* bit per index into dump.cpu */
};

struct lint {
    const struct dump *dump;
    const struct spec *spec;
    struct lint_finding *found; /* LINT_MAX of them */
    unsigned n, lost;           /* lost: findings that did not fit */
    size_t judged;              /* leaves */
    unsigned *hits;             /* by rule: exercised, or NULL (the start) */
    /* of the CPU being judged */
    unsigned cpu;
    const struct tsp_leaf *leaf;
    size_t nleaf;
};

/* Allocates; the dump must stay. */
enum tsp_status lint_open(struct lint *l, const struct dump *d, struct tsp_error *err);
void lint_close(struct lint *l);
void lint_run(struct lint *l);
/* Adds a finding of the CPU being judged, or the CPU to an equal finding. */
void lint_add(struct lint *l, const struct lint_finding *f);
/* An entry of the CPU being judged, or NULL. */
const struct tsp_leaf *lint_leaf(const struct lint *l, uint32_t leaf, uint32_t sub);
/* A field of it, 0 without entry. */
uint32_t lint_reg(const struct lint *l, uint32_t leaf, uint32_t sub, unsigned reg);

/* lint_hv.c: who placed the block of leaves at base; the persona when the table has rows for it.
 * NULL: nobody known. */
const char *lint_hv_name(const struct lint *l, uint32_t base, enum tsp_persona *persona);
void lint_hypervisor(struct lint *l);
/* A guest whose leaves a monitor chose; not so for the system that runs the hypervisor itself. */
bool lint_guest(const struct lint *l);
/* The hypervisor's own name, from its lowest signed block; NULL on bare metal. */
const char *lint_hv_owner(const struct lint *l);
/* lint_depends.c: fields of the CPU being judged that need each other. */
void lint_depends(struct lint *l);
/* lint_topology.c: levels of the topology leaves, and sizes that rows cannot say. */
void lint_topology(struct lint *l);
/* lint_cache.c: lists of caches, and other leaves about the same caches. */
void lint_caches(struct lint *l, enum tsp_vendor vendor);
/* lint_pv.c: what leaves of interfaces need of each other. */
void lint_paravirtual(struct lint *l);
/* lint_clock.c: frequencies of a guest that several leaves tell. */
void lint_clocks(struct lint *l);
/* lint_text.c: vendor and brand text. */
void lint_text(struct lint *l, enum tsp_vendor vendor);
/* lint_errata.c: the documented erratum, or reason, that makes this no finding; NULL when none. */
const char *lint_erratum(const struct lint *l, const struct lint_finding *f);
/* lint_who.c: fills f->who for a finding of the CPU being judged. */
void lint_who(const struct lint *l, struct lint_finding *f);
/* lint_cpus.c: what must be alike on all CPUs, and what must not. */
void lint_cpus(struct lint *l);

/* lint_print.c; file is the name shown. */
void lint_put_cpus(FILE *out, const struct dump *d, const struct lint_finding *f);
void lint_print_text(const char *file, const struct lint *l);
void lint_print_json(const char *file, const struct lint *l);
void lint_print_summary(const char *file, const struct lint *l, bool json);
/* Findings that are no notes. */
unsigned lint_count(const struct lint *l);

/* lint_doc.c; name NULL: this machine. false: out of memory, what is there can still be written. */
bool lint_doc_add(struct lint_doc *doc, const char *name, const struct lint *l);
bool lint_doc_fail(struct lint_doc *doc, const char *name, const struct tsp_error *err);
void lint_doc_free(struct lint_doc *doc);

#endif
