/* SPDX-License-Identifier: MIT */
/* Judging: what is known of a set-up, of one event, and the predicates' common shape. */
#ifndef TSP_SPEC_JUDGE_H
#define TSP_SPEC_JUDGE_H

#include "spec/facts.h"

/* A policy with an index over it, so that a long trace does not search it again and again. */
#define POLICY_SLOTS 256u
struct policy_index {
    const struct tsp_leaf *leaf;
    unsigned n;
    bool hashed;
    uint16_t slot[POLICY_SLOTS]; /* entry + 1 */
    uint16_t next[TSP_MAX_LEAF]; /* next entry + 1 of the same leaf */
};

/* What x86 bytes are, or an AArch64 word. */
struct insn_view {
    unsigned insn, len; /* index into spec.insn, 0 = none; whole length with prefixes */
    unsigned nprefix;
    bool lock, mandatory; /* F0; any of 66 F2 F3 */
};

/* Rules of a lane whose symbolic conditions hold. Those of the same facts are the same ones, in
 * this run and in later ones: they are looked for once. */
#define PICK_SLOTS 32u
#define PICK_RULES 32u
struct rule_pick {
    uint64_t bits[SPEC_FACT_WORDS];
    uint64_t number; /* of the call, where rules name it */
    bool numbered;
    uint32_t lane, personas, serial, n; /* lane: index + 1, 0 = nothing yet */
    const uint16_t *rule, *rule_end;    /* what is left to be picked */
    const struct numbered *num, *num_end;
    uint16_t list[PICK_RULES];
};

/* What was last asked of CPUID: a loop asks it again. */
struct cpuid_query {
    unsigned class, range, entry, sub1;
};
struct cpuid_memo {
    bool asked, clean; /* clean: this answer broke no row of its leaf in this state */
    bool redirected, blurred;
    uint16_t vcpu;
    uint32_t leaf, sub, served_leaf, mode;
    struct cpuid_query query;
    const struct tsp_leaf *entry, *served;
    const struct leaf_rec *rec;
    uint32_t run[4], reg[4];
    uint64_t sys[TSP_SYS_COUNT];
};

#define TALLY_SLOTS 8u
struct leaf_tally {
    const struct leaf_rec *rec;
    unsigned n;
};

/* Registers of Hyper-V's interface whose value follows from what was written: bits of `value` that
 * are set in `known`. ORDER: hv_register[] in facts_hv.c */
enum hv_register { HV_REG_OS_ID = 0, HV_REG_PAGE, HV_REG_TSC_PAGE, HV_REG_COUNT };
/* Those of a virtual processor's interrupt controller and timers, in the same way. */
#define HV_SYNIC_COUNT 27u
struct hv_synic {
    uint64_t value[HV_SYNIC_COUNT], known[HV_SYNIC_COUNT];
};
struct hv_memo {
    bool mine; /* the interface is the hypervisor's own, not one that another offers too */
    bool counted;
    uint64_t count; /* last read of the reference counter */
    uint64_t value[HV_REG_COUNT], known[HV_REG_COUNT];
    uint8_t due[TSP_MAX_VCPU];           /* vector that the vCPU takes next; 0: none */
    bool owed[TSP_MAX_VCPU];             /* it was sent one since the reset */
    struct hv_synic synic[TSP_MAX_VCPU]; /* where the interface is the hypervisor's own */
};

/* Paravirtual registers of KVM, as last written. ORDER: kvm_register[] in facts_kvm.c */
enum kvm_register {
    KVM_REG_WALL = 0,
    KVM_REG_TIME,
    KVM_REG_APF,
    KVM_REG_STEAL,
    KVM_REG_EOI,
    KVM_REG_POLL,
    KVM_REG_APF_INT,
    KVM_REG_FAULTING, /* the processor's: CPUID faulting, of any hypervisor */
    KVM_REG_COUNT
};
struct kvm_memo {
    uint16_t known[TSP_MAX_VCPU], written[TSP_MAX_VCPU]; /* bit per register */
    uint64_t value[TSP_MAX_VCPU][KVM_REG_COUNT];         /* where written */
};

/* What lguest's guest has told so far: bits as of lguest_call; where its data lie. */
struct lguest_memo {
    unsigned bits;
    uint64_t data;
};

/* Where the guest of VMI was told that calls are; 0: nowhere. */
#define VMI_CALLS 74u
struct vmi_memo {
    uint32_t at[VMI_CALLS];
};

struct race_memo;
struct judge {
    const struct spec *s;
    const struct tsp_setup *setup;
    const struct tsp_trace *trace;
    const struct spec_options *opt;
    /* constant of the set-up */
    uint64_t base_bits[SPEC_FACT_WORDS];
    uint32_t personas; /* bit per persona */
    enum tsp_vendor vendor;
    bool cpuid_ready, hyperv_on;                  /* ready: vendor and entries are known */
    const struct tsp_leaf *basic, *ext, *centaur; /* class entries, NULL when absent */
    size_t last[TSP_MAX_VCPU];                    /* previous event + 1 of each vCPU */
    enum verdict worst;
    /* this event */
    const struct tsp_event *ev;
    const struct tsp_look *look; /* at its step; NULL: nobody looked */
    size_t index;
    struct insn_view insn;
    uint64_t bits[SPEC_FACT_WORDS];
    const struct tsp_leaf *entry;  /* CPUID: the policy's entry for the query */
    const struct tsp_leaf *served; /* the entry that has to answer, after redirection */
    uint32_t served_leaf;
    const struct leaf_rec *rec;           /* rows of the leaf that answers */
    uint32_t run[4];                      /* bits of the answer that follow the vCPU */
    bool redirected, blurred;             /* blurred: one entry stands for sub-leaves that differ */
    struct leaf_tally tally[TALLY_SLOTS]; /* answers of a leaf, not yet counted for its rows */
    struct cpuid_memo memo;
    struct policy_index policy;
    struct hv_memo hv;
    struct kvm_memo kvm;
    struct lguest_memo lguest;
    struct vmi_memo vmi;         /* where such a guest runs */
    struct race_memo *race;      /* NULL without a protocol */
    unsigned race_first, race_n; /* its rules */
};

/* race.c: one event as the rules of races see it. */
struct race_view {
    const struct race_vcpu *v; /* its vCPU, before the event */
    unsigned off;              /* of the instruction in the site, TSP_INSN_BYTES: elsewhere */
    unsigned changed;          /* bit per byte of the site */
    bool executed;             /* the processor executed the bytes, or trapped on them */
};
void race_view(const struct judge *j, struct race_view *out);
bool race_rule(const struct spec *s, unsigned rule);
void race_start(struct judge *j, const struct tsp_event *ev);
unsigned race_event(struct judge *j);

/* Filled by a predicate that fails. */
struct say {
    char expected[96], got[96];
};

/* policy_index.c */
void spec_policy_open(struct policy_index *p, const struct tsp_policy *from, bool hashed);
const struct tsp_leaf *spec_policy_find(const struct policy_index *p, uint32_t leaf, uint32_t sub);
const struct tsp_leaf *spec_policy_first(const struct policy_index *p, uint32_t leaf);
/* Value of a named field of the policy; false when the policy has no such leaf. */
bool judge_field(const struct judge *j, const struct field_ref *ref, unsigned persona,
                 uint32_t *out);
/* Base leaf of a persona, 0 when the set-up has no such persona. */
uint32_t judge_base(const struct judge *j, unsigned persona);
/* Base of the block in which a guest finds the persona's signature; 0 when there is none. */
uint32_t judge_block(const struct judge *j, unsigned persona);

/* leaf.c: the rows of the leaf that answered; how many failed. Rows are counted at the end. */
unsigned leaf_judge(struct judge *j);
void leaf_flush(struct judge *j);

/* check.c: says what a rule came to. */
void judge_report(struct judge *j, enum verdict v, enum subject subject, unsigned rule,
                  const struct say *say);
/* Scope and conditions of a rule hold for the event. */
bool judge_rule_applies(const struct judge *j, const struct trap_rule *t);

/* pick.c: whether the facts of the event let a rule through. */
bool pick_allows(const struct judge *j, const struct trap_rule *t);
/* The rules of the event that facts let through, in order. */
struct rule_walk {
    struct rule_pick *pick;
    unsigned i;
};
struct rule_pick *pick_rules(const struct judge *j);
const struct trap_rule *pick_next(const struct judge *j, struct rule_walk *w);

/* opcode.c */
void opcode_view(const struct spec *s, unsigned mode, const uint8_t *p, size_t n,
                 struct insn_view *out);

/* facts.c */
void facts_setup(struct judge *j);
void facts_event(struct judge *j);
/* From now on the host is of another vendor. */
void facts_moved(struct judge *j, unsigned host);
/* The guest told (or took back) who it is to Hyper-V's interface, by this MSR. */
#define HYPERV_OS_ID 0x40000000u
#define HYPERV_INTERFACE 0x31237648u /* "Hv#1", EAX of 0x40000001 */
void facts_hyperv(struct judge *j, bool named);
bool fact_is(const struct judge *j, enum fact_group g, unsigned value);

/* cond.c */
uint64_t fact_value(const struct judge *j, unsigned field);
bool cond_holds(const struct judge *j, const struct cond *c, unsigned persona);
bool judge_in_ram(const struct tsp_setup *s, uint64_t at, uint64_t len);

/* look.c: the next look, if it is not of a later event; a step without an event as one. */
const struct tsp_look *look_next(const struct judge *j, size_t *at, size_t event);
void look_fact(struct judge *j);
void look_event(const struct tsp_look *k, const struct tsp_setup *setup, struct tsp_event *out);

/* facts_hv.c: Hyper-V's interface. */
void hv_setup(struct judge *j);
/* After the event was judged: what an access to an MSR says of the registers. */
void hv_note(struct judge *j);
/* Control word, address of the parameters, address of the results. */
uint64_t hv_input(const struct judge *j, unsigned n);
/* What an MSR instruction reads or writes. */
uint64_t hv_msr_value(const struct judge *j);
unsigned hv_overlay(const struct judge *j);
unsigned hv_place(const struct judge *j);
unsigned hv_reps(uint64_t control);
/* The register that this MSR is, HV_REG_COUNT when it is another. */
unsigned hv_register_of(uint32_t msr);

/* facts_synic.c */
void synic_setup(struct judge *j);
void synic_note(struct judge *j);

/* facts_hvcall.c: parameters of its calls, and the interrupts that they send. */
bool hv_cond_parse(const char *key, struct cond *c);
bool hv_cond_holds(const struct judge *j, const struct cond *c);
/* After an event was judged: a call; the first event of a vCPU that was owed an interrupt. */
void hv_note_call(struct judge *j);
void hv_note_taken(struct judge *j);
/* Interrupts are on for this vCPU, and it runs, as far as is known. */
bool judge_takes(const struct judge *j, unsigned v);

/* facts_kvm.c: KVM's paravirtual registers. */
bool kvm_cond_parse(const char *key, struct cond *c);
bool kvm_cond_holds(const struct judge *j, const struct cond *c);
void kvm_setup(struct judge *j);
/* After the event was judged: an access to an MSR; a call that may have reset a vCPU. */
void kvm_note(struct judge *j);
void kvm_note_call(struct judge *j);
bool kvm_init_sent(const struct judge *j);
void kvm_forget(struct judge *j, unsigned reg);
/* Bit per vCPU that a call of SEND_IPI or KICK_CPU names. */
uint32_t kvm_named(const struct judge *j);
/* The register that this MSR is, KVM_REG_COUNT when it is another. */
unsigned kvm_register_of(uint32_t msr);
/* What it holds for the vCPU of the event; false where that is not known. */
bool kvm_register_value(const struct judge *j, unsigned reg, uint64_t *value);

/* pred_vmware.c: how a request of VMware's interface came, 0 when the event is none. */
unsigned vmw_backdoor(const struct judge *j);

/* pred_lguest.c: what stands at the event and what its guest did before; 0 when it is none of
 * lguest's guests. calls_lguest.csv says which bits. */
unsigned lguest_call(const struct judge *j);
/* The event is a call of lguest's by INT, which is stepped over unlike other calls. */
bool lguest_by_int(const struct judge *j, const struct tsp_event *ev);
/* ... and gives the guest other page tables. */
bool lguest_new_table(const struct judge *j, const struct tsp_event *ev);
/* After a call was judged. */
void lguest_note(struct judge *j);
/* Where the host may write guest-physical memory as it likes; n: how many bytes. */
uint64_t lguest_data(const struct judge *j, uint64_t *n);

/* pred_vmi.c: what an instruction in VMI's ROM belongs to; calls_vmi.csv says which value. */
unsigned vmi_call(const struct judge *j);
void vmi_setup(struct judge *j);
/* After a call was judged. */
void vmi_note(struct judge *j);

/* facts_xen.c: Xen's calls. Numeric conditions of its own; parse: false when key is none. */
bool xen_cond_parse(const char *key, const char *value, struct cond *c);
bool xen_cond_is_special(const struct cond *c); /* its value is no list of numbers */
bool xen_cond_holds(const struct judge *j, const struct cond *c);
void xen_personas(struct judge *j);
/* A byte of the machine's initial memory; *rom is set where its page is read-only. */
uint8_t judge_first_byte(const struct tsp_setup *s, uint64_t at, bool *rom);

/* index.c */
const struct leaf_rec *spec_find_rec(const struct spec *s, unsigned who, uint32_t leaf,
                                     uint32_t sub);

/* cpuid.c: what the policy has to say of a CPUID query; fills entry, served, rec. */
void cpuid_look_up(struct judge *j, struct cpuid_query *out);
void cpuid_answer(const struct judge *j, uint32_t reg[4]);
/* The same answer to the same question in the same state was right; remembers one that was. */
bool cpuid_was_clean(const struct judge *j, const uint32_t reg[4]);
void cpuid_note_clean(struct judge *j, const uint32_t reg[4]);

/* pred_field.c */
bool dyn_holds(const struct judge *j, const struct field_row *row, uint32_t got, uint32_t *want);
bool field_holds(const struct judge *j, const struct field_row *row, const uint32_t reg[4],
                 struct say *say);
/* True when a wrong value that the policy itself holds is still the hypervisor's to keep right. */
bool dyn_is_targets(unsigned dyn);

/* Predicates: closed list, one function each. */
struct pred_def {
    const char *name;
    bool (*holds)(const struct judge *j, const struct pred_use *p, struct say *say);
    uint8_t min, max; /* arguments; for hex: bytes */
    uint8_t kind;     /* enum pred_arg */
};
enum pred_arg { PRED_NONE = 0, PRED_INT, PRED_HEX, PRED_STOP, PRED_WHAT };
extern const struct pred_def pred_defs[];
extern const unsigned pred_def_count;

/* say.c */
bool say_value(struct say *say, const char *what, uint64_t want, uint64_t got);
bool say_text(struct say *say, const char *expected, const char *got);
void say_bytes(char *out, size_t max, const uint8_t *p, size_t n);

#endif
