/* SPDX-License-Identifier: MIT */
/*
 * Mutants: targets that are wrong in one known way. "mutant:ID+TARGET" runs any target and changes
 * what it is given, what a trap instruction begins with, or what came out, in the event and in the
 * machine alike, so that the guest really goes on with the wrong value.
 */
#ifndef TSP_FUZZ_TARGET_MUTANT_H
#define TSP_FUZZ_TARGET_MUTANT_H

#include "trapspec/target.h"

/* Where a mutant comes from. */
enum mutant_kind {
    MUTANT_HISTORIC,   /* a defect that shipped somewhere, by its number */
    MUTANT_SYSTEMATIC, /* one output, check, bit or bound after the other */
    MUTANT_MODEL,    /* a behaviour of the model that documents do not allow; wraps model:* only */
    MUTANT_PROTOCOL, /* steps of a patch left out, or in another order */
    MUTANT_KIND_COUNT
};

/* Where it shows. */
#define MUTANT_CPUID 1u
#define MUTANT_CALLS 2u
#define MUTANT_PATCH 4u
#define MUTANT_ARM64 8u
#define MUTANT_MOVE 32u   /* in what goes on after a migration */
#define MUTANT_RACE 64u   /* among several vCPUs under a patch protocol */
#define MUTANT_GUEST 128u /* the guest is wrong: a rule has to name it */
#define MUTANT_AARCH32 256u /* in 32-bit Arm guests */
#define MUTANT_POLICY 16u /* in the verdict of reset: needs a pool of policies */

#define MUTANT_ID_MAX 48u
struct mutant_info {
    char id[MUTANT_ID_MAX];
    char text[200];
    const char *source;
    enum mutant_kind kind;
    unsigned area; /* MUTANT_CPUID ... */
    bool modelled; /* false: listed, but no target here has what it is about; cannot be opened */
};

unsigned mutant_count(void);
/* false past the end. */
bool mutant_at(unsigned i, struct mutant_info *out);
/* Index of the mutant whose id is the first n characters of id, or mutant_count(). */
unsigned mutant_find(const char *id, size_t n);

#endif
