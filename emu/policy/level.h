/* SPDX-License-Identifier: MIT */
/*
 * Levelling: the policy that every host of a pool can give its guests, and why each feature that is
 * not in it is not. Commutative, associative, and the same again when done again.
 */
#ifndef TSP_EMU_POLICY_LEVEL_H
#define TSP_EMU_POLICY_LEVEL_H

#include "emu/policy/cpu_policy.h"

#define LEVEL_MAX_HOST 64u
#define LEVEL_MAX_LOSS 64u

/* Why a feature that some host has is not in the common policy. */
enum level_why {
    LEVEL_LACKS = 0, /* a host does not have it */
    LEVEL_NEEDS,     /* every host has it; something that it needs is gone */
    LEVEL_LAYOUT,    /* its XSAVE component lies elsewhere, or is of another size, on some host */
    LEVEL_DIFFERS    /* the leaf that describes it says different things on two hosts */
};

struct level_drop {
    unsigned feature;
    uint64_t lacks; /* bit per host */
    enum level_why why;
    unsigned needs;  /* a need of it that is gone too, FEATURE_NONE when there is none */
    uint32_t detail; /* LEVEL_LAYOUT: the component; LEVEL_DIFFERS: the leaf */
};

/* A leaf that is no feature and that not all hosts agree on: the common policy does not have it. */
struct level_loss {
    uint32_t leaf, subleaf;
};

struct level_report {
    unsigned n;
    struct level_drop drop[FEATURE_BITS];
    unsigned nloss;
    struct level_loss loss[LEVEL_MAX_LOSS];
};

/* Of two. What both call the same vendor is the caller's to check. out may be neither a nor b. */
void level_pair(const struct cpu_policy *a, const struct cpu_policy *b, struct cpu_policy *out);
/*
 * Of n hosts, at most LEVEL_MAX_HOST. report may be NULL. TSP_EARG: none, or too many; TSP_ENOTSUP:
 * they are of different vendors.
 */
enum tsp_status level_pool(const struct cpu_policy *const *host, size_t n, struct cpu_policy *out,
                           struct level_report *report);
/* Gives a policy of one vendor's hosts the face of another: its vendor text and the repeated bits;
 * leaves that only the other vendor has go. */
void level_set_vendor(struct cpu_policy *p, enum tsp_vendor vendor);

#endif
