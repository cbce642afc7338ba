/* SPDX-License-Identifier: MIT */
/* Can this host give a guest this policy? Every reason against it, each with its place. */
#ifndef TSP_EMU_POLICY_VERIFY_H
#define TSP_EMU_POLICY_VERIFY_H

#include "emu/policy/cpu_policy.h"

enum verify_reason {
    VERIFY_VENDOR = 0, /* the guest sees another vendor than the host is */
    VERIFY_FEATURE,    /* a feature that the host cannot offer */
    VERIFY_NEEDS,      /* a feature without another that it needs: `other` */
    VERIFY_STORED,     /* a bit that follows the vCPU's state, kept in the policy */
    VERIFY_ABOVE,      /* data in a leaf above the host's highest */
    VERIFY_COMPONENT,  /* an XSAVE component that the host does not have */
    VERIFY_LAYOUT,     /* a component at another place, or of another size */
    VERIFY_WIDTH,      /* addresses wider than the host's */
    VERIFY_LINE,       /* a larger CLFLUSH line than the host's */
    VERIFY_SVM,        /* features of SVM without SVM */
    VERIFY_MSR         /* leaf is the MSR: bits that the host does not have */
};

struct verify_finding {
    enum verify_reason reason;
    uint32_t leaf, subleaf;
    unsigned reg, hi, lo;    /* register (0 EAX), bits of it */
    uint32_t guest, host;    /* values of those bits */
    unsigned feature, other; /* FEATURE_NONE where there is none */
    size_t entry;            /* of the guest's policy; its number of entries where there is none */
};

/*
 * `host` is what the host can offer at most (offer.h). Stores at most max findings and returns how
 * many there are; 0: the policy fits. A maximum leaf or sub-leaf above the host's is no reason by
 * itself: a guest that was levelled keeps its maxima when it moves to an older host.
 */
size_t verify_policy(const struct tsp_policy *guest, const struct tsp_policy *host,
                     struct verify_finding *out, size_t max);
/* The same with the MSRs. */
size_t verify_cpu_policy(const struct cpu_policy *guest, const struct cpu_policy *host,
                         struct verify_finding *out, size_t max);
/* "leaf 0x7.0 ebx[5]: avx2 is not on this host". Returns the length as snprintf does. */
int verify_text(const struct verify_finding *f, char *out, size_t max);

#endif
