/* SPDX-License-Identifier: MIT */
/* What the mutant*.c files share. */
#ifndef TSP_FUZZ_TARGET_MUTANT_IN_H
#define TSP_FUZZ_TARGET_MUTANT_IN_H

#include "fuzz/target/builtin.h"
#include "fuzz/target/mutant.h"

struct mutant;

/* A wrong behaviour, or `n` of a kind that differ in m->i and the end of their names. */
struct mutant_row {
    const char *id, *text, *source;
    uint8_t kind;
    uint16_t area;
    uint16_t n; /* variants; 0: one, without a suffix */
    void (*name)(unsigned i, char *out, size_t max);
    /* The inner target is set up with m->setup, a copy that may be changed; others judge by the
     * one that was given. */
    void (*setup)(struct mutant *m);
    /* The verdict of reset, where there is a pool of policies. */
    void (*verdict)(struct mutant *m, struct tsp_event *out);
    /* The same where user space asks for something (TSP_CFG_ASK). */
    void (*answer)(struct mutant *m, struct tsp_event *out);
    /* A state that somebody else puts into the machine, as a migration does; restore_hv false: it
     * is refused. */
    void (*restore)(struct mutant *m, struct tsp_vcpu_state *s);
    bool (*restore_hv)(struct mutant *m, struct tsp_hv_state *s);
    /* A trap instruction is about to run in state s: changes what it begins with. False: not here.
     * Whatever the instruction leaves alone is put back afterwards. */
    bool (*begin)(struct mutant *m, struct tsp_vcpu_state *s);
    /* After an event. True: ev->after is to be the machine's state too. */
    bool (*end)(struct mutant *m, struct tsp_event *ev);
};

struct mutant {
    struct target inner;
    const struct mutant_row *row;
    unsigned i; /* variant */
    const struct tsp_setup *given;
    struct tsp_setup setup;
    struct tsp_page page[TSP_MAX_PAGE]; /* memory of its own, for rows that change text */
    struct tsp_leaf leaf[TSP_MAX_LEAF]; /* a policy of its own, once mutant_leaves was called */
    struct tsp_vcpu_state start;        /* where the last run began */
    struct scan scan;                   /* of the trap instruction at hand, for begin */
    struct tsp_event scratch;
    bool moved;                     /* a state was put in since the reset */
    unsigned counter;               /* for rows that act now and then; 0 after a reset */
    uint64_t kept;                  /* a value of the row's own; 0 after a reset */
    uint64_t patched[TSP_MAX_VCPU]; /* pc + 1 of the last rewrite */
};

/* The tables; each ends with a row without an id. */
extern const struct mutant_row mutant_rows_historic[], mutant_rows_cpuid[], mutant_rows_calls[],
    mutant_rows_patch[], mutant_rows_arm64[], mutant_rows_setup[], mutant_rows_hyperv[],
    mutant_rows_pool[], mutant_rows_move[], mutant_rows_leaves[], mutant_rows_hyperv_own[],
    mutant_rows_looks[], mutant_rows_psci[], mutant_rows_xen[], mutant_rows_extra[],
    mutant_rows_kvm_msr[], mutant_rows_shipped[], mutant_rows_arm32[], mutant_rows_messages[],
    mutant_rows_xmem[], mutant_rows_vmware[], mutant_rows_history[], mutant_rows_vmi[];

/* mutant_state.c: memory and state of the inner machine. */
bool mutant_read(const struct mutant *m, uint64_t lin, uint8_t *p, size_t n);
bool mutant_write(const struct mutant *m, uint64_t lin, const uint8_t *p, size_t n);
/* One byte of the event's instruction, in memory and in ev->stored. */
void mutant_text(struct mutant *m, struct tsp_event *ev, unsigned off, uint8_t v);
/* An instruction that is too long, with all the bytes that an event can hold. */
bool mutant_whole(struct mutant *m, struct tsp_event *ev);
/* ev->after becomes the state of the vCPU. */
void mutant_commit(struct mutant *m, const struct tsp_event *ev);
/* The instruction ends in this exception instead. x86: any vector; AArch64: undefined. */
void mutant_fault(struct mutant *m, struct tsp_event *ev, uint32_t vector, uint64_t error,
                  uint64_t address);
/* The instruction ends without an exception or a stop: an event of this kind, all registers kept,
 * pc moved on by `advance`. */
void mutant_undo(struct mutant *m, struct tsp_event *ev, enum tsp_event_kind kind,
                 unsigned advance);

/* mutant_state.c: the state of the target below, false when it cannot give it. */
bool mutant_get_vcpu(const struct mutant *m, unsigned vcpu, struct tsp_vcpu_state *s);
void mutant_set_vcpu(const struct mutant *m, unsigned vcpu, const struct tsp_vcpu_state *s);

/* mutant_msr.c: RDMSR (0F 32) or WRMSR (0F 30), 0 for anything else; its register and value. */
uint8_t mutant_msr_insn(const struct tsp_event *ev);
uint32_t mutant_msr_of(const struct tsp_event *ev);
uint64_t mutant_msr_value(const struct tsp_event *ev);
bool mutant_msr_reads(struct tsp_event *ev, uint64_t value);
/* The access goes on after all. */
bool mutant_msr_goes_on(struct mutant *m, struct tsp_event *ev);

/* mutant_policy.c: the policy that was given. */
const struct tsp_leaf *mutant_entry(const struct mutant *m, uint32_t leaf, uint32_t sub);
const struct tsp_leaf *mutant_first(const struct mutant *m, uint32_t leaf);
enum tsp_vendor mutant_vendor(const struct mutant *m);
/* Makes the policy of m->setup a copy in m->leaf; returns its entries. */
struct tsp_leaf *mutant_leaves(struct mutant *m, size_t *n);
/* The same of what the first host of a pool offers; 0 entries without a pool. */
struct tsp_leaf *mutant_offer(struct mutant *m, size_t *n);

/* mutant_arm32.c: what a core that was switched on shows has the Thumb bit in its pc. */
bool mutant_thumb_left(struct mutant *m, struct tsp_event *ev);

/* mutant_history.c: where `when`, the call comes back after all, or ends its vCPU. Always false. */
bool mutant_served(struct mutant *m, struct tsp_event *ev, bool when);
bool mutant_stopped(struct mutant *m, struct tsp_event *ev, bool when, enum tsp_stop code);

/* mutant_hyperv.c */
bool mutant_hyperv(const struct mutant *m, unsigned vcpu);
uint64_t mutant_hv_control(const struct tsp_regs *r);
/* The call runs as if these bits of the control word were zero. */
bool mutant_begin_hv(struct mutant *m, struct tsp_vcpu_state *s, uint64_t blind);

/* Shorthand of events. */
static inline uint32_t ev_leaf(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[TSP_RAX];
}

static inline uint32_t ev_sub(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[TSP_RCX];
}

static inline bool is_x86(const struct tsp_event *ev)
{
    return !tsp_mode_is_arm(ev->before.mode);
}

static inline bool is_long(const struct tsp_event *ev)
{
    return ev->before.mode == TSP_MODE_LONG64;
}

static inline bool is_x86_call(const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_HYPERCALL && is_x86(ev);
}

static inline bool is_arm_call(const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_HYPERCALL && !is_x86(ev);
}

/* EAX EBX ECX EDX as indexes of tsp_regs.r. */
extern const uint8_t mutant_result[4];
extern const char *const mutant_result_name[4];
/* The last opcode byte of VMCALL or VMMCALL in what was fetched; 0 for anything else. */
uint8_t mutant_third(const struct tsp_event *ev);
/* The same byte of the host's own hypercall instruction. */
uint8_t mutant_own_third(const struct mutant *m);
/* The instruction is the one of the other vendor, or the host's own. */
bool mutant_foreign(const struct mutant *m, const struct tsp_event *ev);
bool mutant_native(const struct mutant *m, const struct tsp_event *ev);

#endif
