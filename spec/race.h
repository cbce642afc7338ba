/* SPDX-License-Identifier: MIT */
/*
 * What the rules of races have to remember of a run: the 16 bytes of the site as they were and are,
 * who changed them, and how far each vCPU is with its trap. Plain data, so that whoever tries
 * several continuations of a run can copy it; nothing in it says how often or how fast.
 */
#ifndef TSP_SPEC_RACE_H
#define TSP_SPEC_RACE_H

#include "spec/spec.h"

#define RACE_VERSIONS 12u

/* Masks have a bit per byte of the site. */
struct race_vcpu {
    uint64_t trap_addr;
    uint8_t trapped; /* the hypervisor is dealing with its trap */
    uint8_t trap_len, trap[TSP_INSN_BYTES];
    uint8_t left;          /* bytes its rewrite has still to store */
    uint8_t old;           /* version + 1 that its rewrite puts an end to */
    uint8_t retries;       /* traps in a row that came to nothing */
    uint8_t calls;         /* made by the instruction at the site since the vCPU came to it */
    uint8_t away;          /* what trapped stood in other memory than the site's */
    uint8_t read_away;     /* so did what the hypervisor read of it */
    uint16_t mine, theirs; /* bytes changed since the trap: by its rewrite, by the guest */
    uint16_t spare2[2];
};

struct race_memo {
    uint64_t site; /* linear address */
    uint8_t on, amd, migrated, full;
    uint8_t len;               /* of the instruction that stood there first, 0: none we know */
    uint8_t nversion, current; /* the last of them is not always the current one */
    uint8_t level;             /* of the vCPU whose rights `forbidden` says */
    uint16_t by_guest;         /* versions that a store of the guest made */
    uint16_t dead;             /* versions that a finished rewrite has replaced */
    uint16_t by_hv;            /* bytes that the hypervisor changed last */
    uint16_t guest_bytes;      /* bytes that the guest changed last */
    uint16_t forbidden; /* bytes that the guest's page tables kept it from writing when one of
                           its vCPUs trapped there, and it has written no tables since */
    uint16_t spare[3];
    uint8_t now[TSP_INSN_BYTES];
    uint8_t version[RACE_VERSIONS][TSP_INSN_BYTES]; /* what the site was at rest */
    struct race_vcpu vcpu[TSP_MAX_VCPU];
};

/* Judging a run one event after the other by the rules of races alone. */
struct race_follow;
struct race_follow *race_follow_open(const struct spec *s); /* NULL: out of memory */
void race_follow_close(struct race_follow *f);
/* A run begins; policy is the event of its reset. */
void race_follow_start(struct race_follow *f, const struct tsp_setup *setup,
                       const struct tsp_event *policy, struct race_memo *memo);
/* Takes the next event into memo. Returns how many rules it broke. */
unsigned race_follow_event(struct race_follow *f, struct race_memo *memo,
                           const struct tsp_event *ev,
                           void (*found)(void *, const struct finding *), void *ctx);

#endif
