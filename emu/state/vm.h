/* SPDX-License-Identifier: MIT */
/* The machine: memory, vCPUs, configuration, and the protocol by which instructions end. */
#ifndef TSP_EMU_STATE_VM_H
#define TSP_EMU_STATE_VM_H

#include "decoder/decoder.h"
#include "emu/state/mem.h"
#include "trapspec/target.h"

struct code_cache;
struct hv_ops;

/* How a handler of one instruction ended. */
enum step {
    STEP_NEXT = 0, /* done, nothing to see; the handler has set vc->s.regs.pc */
    STEP_EVENT,    /* done, vm->ev is filled except before/after/fetched/stored, which the run loop
                      fills */
    STEP_FAULT,    /* vc->fault says what to deliver; registers are as before the instruction */
    STEP_RETRY,    /* nothing was executed: fetch and decode again at the same pc (after a patch) */
    STEP_STOP      /* the vCPU stops; vm->ev.kind = TSP_EV_STOP, code = enum tsp_stop */
};

/* An exception to deliver. AArch64 uses error for ESR_EL1 and addr for FAR_EL1. */
struct fault {
    uint32_t vector;
    bool has_error, soft; /* soft: INT n, INT3, INTO */
    uint8_t len;          /* soft, and INT1: pc + len is pushed, pc itself is not advanced */
    bool trap;            /* trap-like: #DB after an instruction; pc already advanced */
    uint64_t error, addr;
    uint64_t dr6;
};

/* No exception: a store that waits for a rewrite of its page (see struct micro). */
#define FAULT_HELD 0x100u

/* A patch of guest text under way: stores are micro-steps when several vCPUs run. */
struct patch_job {
    bool active;
    bool shown; /* the event under way is about the instruction that is rewritten */
    uint8_t n, done, width; /* bytes in all, bytes stored, bytes a store */
    uint8_t byte[8];
    uint64_t lin;
};

/* With a protocol: what one vCPU has fetched, and how far the hypervisor is with its trap. */
#define MICRO_LINES 2u
struct fetch_line {
    uint64_t lin, gpa;
    uint8_t n, byte[TSP_INSN_BYTES];
    bool elsewhere; /* at addresses of the site, but from other memory */
};
/* A translation for fetching that stays until the vCPU drops it, whatever the tables say by now. */
struct fetch_page {
    uint64_t tag, gpa; /* mmu_tag, 0: none; of the page */
};
struct micro {
    struct fetch_line line[MICRO_LINES];
    struct fetch_page page[2]; /* of the site */
    uint8_t next_line;         /* the one that goes first */
    bool wait;                 /* until the rewrite under way is done */
    bool traps;                /* a trap is being dealt with: step says how far */
    bool refused;              /* it ends in #UD */
    bool called;               /* the call was made already */
    bool read_native;          /* what was read again was the right instruction */
    uint8_t opened;            /* bit per page[] of entries that the rewrite made writable */
    uint8_t step, done, sync, read_len;
    uint8_t trap_len, trap[TSP_INSN_BYTES]; /* the bytes that trapped */
    uint64_t trap_lin, lin;                 /* lin: where the rewrite goes */
    uint64_t gpa[3];                        /* of the first, last and second byte that trapped */
    uint8_t old[8];                         /* what the rewrite expects where its stores go */
    uint64_t entry[2];                      /* guest-physical addresses of what it opened */
};

/* Arithmetic flags are computed when asked for (emu/x86/flags.h): last result, operands and
 * operation. */
struct lazy_flags {
    uint64_t res, a, b;
    uint8_t op, size;
    uint16_t keep; /* those of CF and OF that the flags register holds already */
};

/* A page that translated: tag holds the linear page and what the rights depended on
 * (emu/state/mmu.h). */
#define VM_TLB 32u
/* PLACE: where a store goes that has to look at the page's flags first. */
enum tlb_class { TLB_READ = 0, TLB_WRITE, TLB_FETCH, TLB_PLACE, TLB_COUNT };
struct tlb_entry {
    uint64_t tag;
    uint8_t *host;
    uint8_t text; /* of a page to fetch from: TSP_TEXT_* */
};

/* What an instruction began with, as far as a plain one changes it (see vcpu_swap_io in
 * emu/state/event.h). */
struct io_mark {
    struct tsp_regs regs;
    struct lazy_flags lazy;
};

#define VCPU_HV_STATE 48u
struct vcpu {
    /* Architectural state. s.regs.mode and level are kept true at all times. s.x86.tsc is what the
     * guest's counter is ahead of vm->tsc (see vcpu_tsc). */
    struct tsp_vcpu_state s;
    unsigned id;
    struct lazy_flags lazy; /* op 0: s.regs.flags is complete */
    struct fault fault;
    struct patch_job patch;
    uint64_t retired;
    uint64_t stall_pc; /* livelock detection: pc, retired then, and count of traps since */
    uint64_t stall_retired;
    uint32_t stall;
    uint32_t stop_code; /* enum tsp_stop of the last stop */
    /* hypervisor-side per-vCPU values of the personality in force */
    uint64_t hv_state[VCPU_HV_STATE];
    uint64_t dr[8], cr8; /* x86 registers without an effect here */
    bool answered;       /* what this instruction reads outside RAM: it begins again */
    struct io_mark io;   /* filled by mmu_load and mmu_store when they make an MMIO event */
    /* The instruction that an event is about: linear and guest-physical address, and how many of
     * its 16 bytes lie in each of the two pages; 0: not readable. */
    uint64_t ev_lin, ev_gpa[2];
    uint8_t ev_room[2];
    uint8_t ev_len, ev_bytes[TSP_INSN_BYTES]; /* what was fetched of it */
    bool tlb_used;                            /* false: no entry is valid */
    struct tlb_entry tlb[TLB_COUNT][VM_TLB];
    struct micro micro;
};

#define VM_BEHAVIOUR_WORDS 4
struct vm {
    struct mem mem;
    struct code_cache *code;
    struct decoder *dec;
    const struct tsp_setup *setup;
    const struct hv_ops *hv[2];             /* the personas of the set-up, NULL when none */
    uint64_t behaviour[VM_BEHAVIOUR_WORDS]; /* bits of enum behaviour (emu/hv/behaviour.h) */
    unsigned nvcpu;
    uint8_t only;        /* enum tsp_persona that a set-up has to have, 0: any will do */
    unsigned maxphyaddr; /* width of guest-physical addresses: page-table bits above are reserved */
    struct vcpu vcpu[TSP_MAX_VCPU];
    struct tsp_event *ev;  /* where the current run call wants its event */
    uint64_t tsc;          /* advances by one per retired instruction */
    uint64_t hv_state[16]; /* hypervisor-side values of the whole machine */
    bool moved;            /* to a processor of the other vendor than the set-up's */
    uint8_t holder;        /* vCPU + 1 whose rewrite holds the text, 0: none */
    bool hold_stores;      /* stores to held pages wait */
    bool last_store_told;  /* of several stores outside RAM; else the first */
    uint64_t site_lin;     /* linear address of the site */
    uint64_t site[2];      /* guest-physical addresses of its two parts */
    uint8_t site_room[2];  /* bytes of the site in each */
};

static inline bool vm_behaves(const struct vm *vm, unsigned behaviour)
{
    return ((vm->behaviour[behaviour / 64] >> (behaviour % 64)) & 1) != 0;
}

/* Vendor of the processor below, now. */
static inline bool vm_host_is_amd(const struct vm *vm)
{
    return (vm->setup->host == TSP_VENDOR_AMD || vm->setup->host == TSP_VENDOR_HYGON) != vm->moved;
}

/* Shorthands for handlers. */
static inline enum step step_fault(struct vcpu *vc, uint32_t vector)
{
    vc->fault = (struct fault){.vector = vector};
    return STEP_FAULT;
}

static inline enum step step_fault_code(struct vcpu *vc, uint32_t vector, uint64_t error)
{
    vc->fault = (struct fault){.vector = vector, .has_error = true, .error = error};
    return STEP_FAULT;
}

/* Moves pc past len bytes, cut to the width of the mode: 64 bits in long64, 32 bits elsewhere (a
 * 16-bit code segment runs into its limit, it does not wrap here). AArch64: len is 4. */
static inline void vcpu_advance(struct vcpu *vc, unsigned len)
{
    uint64_t pc = vc->s.regs.pc + len;

    if (vc->s.regs.mode != TSP_MODE_LONG64 && vc->s.regs.mode != TSP_MODE_A64)
        pc = (uint32_t)pc;
    vc->s.regs.pc = pc;
}

/* Ends the run with TSP_EV_STOP. A used-up budget leaves the vCPU ready; HLT and CPU_OFF can be
 * woken from. */
static inline enum step step_stop(struct vm *vm, struct vcpu *vc, enum tsp_stop why)
{
    if (why == TSP_STOP_HALT)
        vc->s.run_state = TSP_RUN_HALTED;
    else if (why == TSP_STOP_OFF)
        vc->s.run_state = TSP_RUN_OFF;
    else if (why != TSP_STOP_BUDGET)
        vc->s.run_state = TSP_RUN_STOPPED;
    vc->stop_code = (uint32_t)why;
    vm->ev->kind = TSP_EV_STOP;
    vm->ev->code = (uint32_t)why;
    return STEP_STOP;
}

/*
 * Counts a trap after which no instruction was retired (STEP_RETRY, or an event that left pc where
 * it was). True after VM_STALL_MAX of them in a row at one pc: the run loop then ends with
 * step_stop(TSP_STOP_LIVELOCK).
 */
#define VM_STALL_MAX 64u
static inline bool vcpu_stalled(struct vcpu *vc)
{
    if (vc->stall_pc != vc->s.regs.pc || vc->stall_retired != vc->retired) {
        vc->stall_pc = vc->s.regs.pc;
        vc->stall_retired = vc->retired;
        vc->stall = 0;
    }
    return ++vc->stall > VM_STALL_MAX;
}

/* One instruction is done: the time-stamp counter of the machine counts instructions. */
static inline void vcpu_retire(struct vm *vm, struct vcpu *vc)
{
    vc->retired++;
    vm->tsc++;
}

/* The time-stamp counter as this guest CPU reads it. */
static inline uint64_t vcpu_tsc(const struct vm *vm, const struct vcpu *vc)
{
    return vm->tsc + vc->s.x86.tsc;
}

/* Linear address of pc. */
static inline uint64_t vcpu_lin(const struct vcpu *vc)
{
    uint32_t mode = vc->s.regs.mode;

    if (mode >= TSP_MODE_LONG64) /* and all of Arm's */
        return vc->s.regs.pc;
    return (uint32_t)(vc->s.x86.seg[TSP_CS].base + vc->s.regs.pc);
}

#endif
