/* SPDX-License-Identifier: MIT */
/*
 * Everything that can be asked of a target. The model, KVM, a recording, a dump and a plug-in are
 * all one struct tsp_target_ops. Set-ups are plain data in the caller's memory and stay valid until
 * the next reset.
 */
#ifndef TSP_TRAPSPEC_TARGET_H
#define TSP_TRAPSPEC_TARGET_H

#include "trapspec/base.h"
#include "trapspec/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x86 segment register with its cached descriptor. attr: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13,
 * D/B 14, G 15 (the layout of VMX access rights). limit is in bytes, granularity applied. */
struct tsp_segment {
    uint64_t base;
    uint32_t limit;
    uint16_t sel, attr;
};

struct tsp_table {
    uint64_t base;
    uint32_t limit;
};

struct tsp_msr {
    uint32_t index;
    uint64_t value;
};

enum tsp_seg {
    TSP_ES = 0,
    TSP_CS,
    TSP_SS,
    TSP_DS,
    TSP_FS,
    TSP_GS,
    TSP_LDTR,
    TSP_TR,
    TSP_SEG_COUNT
};

/* Interrupt shadow of the next instruction. */
#define TSP_SHADOW_STI 1u
#define TSP_SHADOW_MOVSS 2u

enum tsp_run_state { TSP_RUN_READY = 0, TSP_RUN_HALTED, TSP_RUN_OFF, TSP_RUN_STOPPED };

#define TSP_XMM_COUNT 6u /* as many as a hypercall takes */
struct tsp_x86_state {
    struct tsp_segment seg[TSP_SEG_COUNT];
    struct tsp_table gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, efer, xcr0, xss;
    uint64_t apic_base, tsc, tsc_aux;
    uint64_t cpuid_faulting; /* enable register of CPUID faulting; bit 0 */
    uint64_t platform_info;  /* bit 31: faulting is offered */
    uint32_t apic_id, shadow;
    uint32_t nmsr;
    uint32_t smm;                    /* 1: in system management mode */
    struct tsp_msr msr[TSP_MAX_MSR]; /* any other MSR the guest finds set */
    uint64_t xmm[TSP_XMM_COUNT][2];  /* low and high half of the first ones; no event has them */
};

/* The part of it that an event keeps. */
static inline void tsp_x86_sys(const struct tsp_x86_state *x, uint64_t sys[TSP_SYS_COUNT])
{
    sys[TSP_SYS_CR0] = x->cr0;
    sys[TSP_SYS_CR3] = x->cr3;
    sys[TSP_SYS_CR4] = x->cr4;
    sys[TSP_SYS_EFER] = x->efer;
    sys[TSP_SYS_XCR0] = x->xcr0;
    sys[TSP_SYS_XSS] = x->xss;
    sys[TSP_SYS_APIC_BASE] = x->apic_base;
    sys[TSP_SYS_FAULTING] = x->cpuid_faulting;
}

struct tsp_arm64_state {
    uint64_t sp_el0, sp_el1; /* regs.r[31] is a copy of the one in use */
    uint64_t vbar_el1, esr_el1, elr_el1, spsr_el1, far_el1, sctlr_el1;
    uint64_t tpidr_el0, tpidr_el1, cntkctl_el1;
    uint64_t mpidr, midr;
    /* AArch32 has its SPSR_svc, DFSR, VBAR, SCTLR and MPIDR in the registers above that end in
     * _el1 (DFSR: esr_el1), DFAR and IFAR in the halves of far_el1; and these. */
    uint64_t spsr_abt, spsr_und, ifsr;
};

struct tsp_vcpu_state {
    struct tsp_regs regs;
    uint32_t run_state; /* enum tsp_run_state */
    struct tsp_x86_state x86;
    struct tsp_arm64_state arm64;
};

/* One piece of initial guest-physical memory. */
#define TSP_PAGE_ROM 1u /* the 4 KiB pages it touches cannot be written by the guest */
struct tsp_page {
    uint64_t gpa;
    uint32_t len, flags;
    const uint8_t *data; /* NULL: zeroes */
};

/* What the hypervisor does with the other vendor's hypercall instruction. */
enum tsp_patch { TSP_PATCH_REWRITE = 0, TSP_PATCH_EMULATE, TSP_PATCH_INJECT, TSP_PATCH_COUNT };

/* Hypervisor configuration that is neither a version nor guest state: bits of tsp_setup.config. */
#define TSP_CFG_ENFORCE_PV (1u << 0)   /* paravirtual features not in CPUID are refused */
#define TSP_CFG_IRQCHIP (1u << 1)      /* interrupt controller in the hypervisor */
#define TSP_CFG_APIC_ON (1u << 2)      /* the guest's local APIC is software-enabled */
#define TSP_CFG_HOST_TSC (1u << 3)     /* the host's clock source is its TSC */
#define TSP_CFG_EXIT_MAP_GPA (1u << 4) /* user space takes the map-GPA-range call */
#define TSP_CFG_HLT_NOEXIT (1u << 5)   /* HLT does not exit */
#define TSP_CFG_CPUID_TWICE (1u << 6)  /* user space set the CPUID table a second time */
#define TSP_CFG_PVTIME (1u << 7)       /* user space gave a stolen-time base (setup.pvtime_ipa) */
#define TSP_CFG_SYS_SUSPEND (1u << 8)  /* user space enabled SYSTEM_SUSPEND */
#define TSP_CFG_EXIT_RESUME (1u << 9)  /* after an exit to user space, store exit_ret and go on */
#define TSP_CFG_GUEST_FAULTING (1u << 10) /* CPUID faulting is offered to the guest */
/*
 * What user space asks of the hypervisor before the guest goes on, x86 and one policy only, one at
 * a time. A target that answers sets info[1] of reset's verdict to the bit, and code to 1 (info[0]
 * to 0) where it is refused; with another info[1] it was not asked. The machine is the one that it
 * would have been.
 */
#define TSP_CFG_ASK_AGAIN (1u << 11)   /* sets the same CPUID table once the vCPU has run */
#define TSP_CFG_ASK_CHANGED (1u << 12) /* sets one that differs in a bit that the guest sees */
#define TSP_CFG_ASK_LIST (1u << 13)    /* lists what can be offered; the buffer just suffices */
#define TSP_CFG_ASK_SHORT (1u << 14)   /* the same with room for one entry less */
#define TSP_CFG_ASK_XEN (1u << 15) /* Xen's page register: the one that the policy's leaf names */
#define TSP_CFG_ASK (0x1fu << 11)

/*
 * How the hypervisor gets from the trap of the other vendor's hypercall instruction to the call,
 * step by step. With one of these (x86 only) the machine is taken apart: fetching a piece of 16
 * bytes, executing, and each thing the hypervisor does about a trap are steps of their own of
 * separate vCPUs, and what a vCPU fetched stays with it, out of date or not, until it serialises.
 */
enum tsp_protocol {
    TSP_PROTOCOL_NONE = 0, /* as `patch` and the target say; instructions are whole steps */
    TSP_PROTOCOL_KVM,      /* KVM as shipped */
    TSP_PROTOCOL_KVM_2021, /* the same, with the change proposed in 2021 */
    TSP_PROTOCOL_LGUEST,
    TSP_PROTOCOL_VIRTUALBOX,
    TSP_PROTOCOL_EMULATE,   /* the call is made in place, on the bytes that trapped */
    TSP_PROTOCOL_INJECT,    /* #UD */
    TSP_PROTOCOL_PAGE_FLIP, /* the site lies in an overlay page, which is exchanged whole */
    TSP_PROTOCOL_TEXT_POKE, /* breakpoint, serialise, tail, serialise, first byte, serialise */
    TSP_PROTOCOL_COUNT
};

/* What `run` does when the set-up has a protocol: its budget is one of these; anything else counts
 * as TSP_STEP_RUN. A step that is not possible now is TSP_EV_NONE. */
#define TSP_STEP_RUN 1u
#define TSP_STEP_REFETCH 2u   /* the vCPU drops what it has fetched */
#define TSP_STEP_INTERRUPT 3u /* an NMI arrives at the vCPU */
#define TSP_STEP_MIGRATE 4u   /* the machine goes on on a processor of the other vendor */

/*
 * How the hypervisor of a protocol goes about it (tsp_setup.how): 0 is the protocol's own way. The
 * first ones are choices of protocols that copy their bytes (KVM, KVM_2021, LGUEST, VIRTUALBOX).
 */
#define TSP_HOW_WIDTH 7u         /* 1 to 4: each store has 1, 2, 4 or 8 bytes; 0: 1 */
#define TSP_HOW_DOWN (1u << 3)   /* the last piece is stored first */
#define TSP_HOW_LOCKED (1u << 4) /* a store is whole even across the end of a line or page */
#define TSP_HOW_CAS (1u << 5)    /* stored only over what was read, else tried again; not blind */
#define TSP_HOW_INT (1u << 6)    /* TEXT_POKE: the replacement is INT 0x1f and NOP, as lguest's */
#define TSP_HOW_OPEN (1u << 7)   /* text that the guest may not write is made writable meanwhile */
#define TSP_HOW_MASK 0xffu
/* Steps that a wrong TEXT_POKE leaves out or takes at another time. */
#define TSP_HOW_NO_COMPARE (1u << 8)
#define TSP_HOW_NO_HOLD (1u << 9)
#define TSP_HOW_NO_BREAK (1u << 10)
#define TSP_HOW_NO_SYNC_BREAK (1u << 11)
#define TSP_HOW_NO_SYNC_TAIL (1u << 12)
#define TSP_HOW_NO_SYNC_DONE (1u << 13)
#define TSP_HOW_EARLY (1u << 14)     /* done is said before the first byte is back */
#define TSP_HOW_NO_LAST (1u << 15)   /* the first byte stays a breakpoint */
#define TSP_HOW_REVERSED (1u << 16)  /* the first byte before the tail */
#define TSP_HOW_NO_RETRY (1u << 17)  /* #UD where the text has changed since the trap */
#define TSP_HOW_CALLS_TOO (1u << 18) /* the call is made in the trap as well */
#define TSP_HOW_NO_TAIL (1u << 19)
#define TSP_HOW_NO_FORGET (1u << 20) /* a translation that is out of date stays */

struct tsp_setup {
    uint8_t arch;           /* enum tsp_arch */
    uint8_t host;           /* enum tsp_vendor of the processor below; x86 only */
    uint8_t nvcpu;          /* 1..TSP_MAX_VCPU */
    uint8_t patch;          /* enum tsp_patch */
    uint8_t persona[2];     /* enum tsp_persona; the first is preferred */
    uint8_t psci;           /* AArch64: major << 4 | minor */
    uint8_t protocol;       /* enum tsp_protocol */
    uint32_t hv_base[2];    /* x86: leaf each persona was placed at */
    uint32_t config;        /* TSP_CFG_* */
    uint32_t fw_bitmap[3];  /* AArch64 services: standard, standard hypervisor, vendor */
    uint32_t workaround[3]; /* AArch64: level of firmware workarounds 1, 2, 3 */
    uint16_t end_port;      /* an OUT here ends the vCPU's run; 0 = none */
    uint16_t console_port;  /* an OUT here is console output; 0 = none */
    uint64_t console_mmio;  /* a store here is console output; 0 = none */
    uint64_t end_mmio;      /* a store here, outside RAM: TSP_STOP_END, pc after it; 0 = none */
    uint64_t pvtime_ipa, exit_ret;
    uint64_t ram_base, ram_size; /* multiples of 4096; size <= TSP_MAX_RAM */
    uint32_t npage;
    uint32_t how;                /* TSP_HOW_*, with a protocol */
    const struct tsp_page *page; /* loaded in order; page tables are guest memory like any other */
    uint32_t npolicy;
    struct tsp_policy policy[4]; /* [0] the guest's; others a pool to level against */
    struct tsp_vcpu_state vcpu[TSP_MAX_VCPU];
};

/* What a hypervisor keeps of a vCPU besides its registers: with struct tsp_vcpu_state and memory
 * all that a migration moves. What belongs to the whole machine is given with vCPU 0. */
#define TSP_MAX_HV_MSR 48u
#define TSP_PENDING_NMI 1u
#define TSP_PENDING_INTR 2u /* vector says which */
#define TSP_PENDING_INIT 4u
#define TSP_PENDING_KICK 8u /* the next halt does not last: a kick came before it */
struct tsp_hv_state {
    uint32_t
        busy; /* 1: stopped within an instruction (a rewrite is half stored); ask again later */
    uint32_t nmsr;
    struct tsp_msr msr[TSP_MAX_HV_MSR]; /* MSRs of the hypervisor interface, to be set in order */
    uint32_t pending, vector;           /* TSP_PENDING_*: enters before the next instruction */
    uint64_t cr8, dr[8];
    uint64_t keep[16]; /* what only a target of the same name understands, else 0 */
};

/*
 * Looks: what whoever runs a target finds out about a step by itself, with get_vcpu and peek before
 * and after it, whatever the event says. The first steps of a run are looked at, each run with a
 * budget of one instruction; a target that shows each step and has `peek` and `get_vcpu` takes
 * part. No target fills them in.
 */
#define TSP_MAX_LOOK 16u
#define TSP_LOOK_BYTES 96u  /* of a piece of memory that is read whole */
#define TSP_LOOK_CHANGES 4u /* pieces of memory that a step changed */
#define TSP_LOOK_RUN 16u    /* bytes kept of each */

/* Linear address `lin`, which lies at `gpa`; n bytes could be read there, 0: unknown. */
struct tsp_look_mem {
    uint64_t lin, gpa;
    uint32_t n;
    uint8_t byte[TSP_LOOK_BYTES];
};

/* Bytes in watched pages that differ: `len` from the first to the last of a run of them. */
struct tsp_look_change {
    uint64_t gpa;
    uint32_t len;
    uint8_t was[TSP_LOOK_RUN], now[TSP_LOOK_RUN];
};

struct tsp_look {
    size_t event; /* index into the trace; of a quiet step that of the event that comes next */
    bool quiet;   /* the step left no event */
    bool watched; /* memory was compared: the pages of text, stack and arguments, and one more */
    uint16_t vcpu;
    uint32_t runnable[2];        /* bit per vCPU, before and after */
    uint32_t nchange;            /* more than TSP_LOOK_CHANGES: the others are not told */
    uint8_t rights[2];           /* TSP_TEXT_* at the first and the 16th byte of text[0] */
    struct tsp_look_mem text[2]; /* at pc: 16 bytes before the step; the same place after it */
    struct tsp_look_mem stack;   /* at the stack pointer after the step */
    struct tsp_look_mem arg[2];  /* before and after: x86 at guest-physical RBX, of Xen's guests at
                                    the call's buffer, AArch64 the record of stolen time */
    struct tsp_vcpu_state before, after;
    struct tsp_look_change change[TSP_LOOK_CHANGES];
};

struct tsp_looks {
    const struct tsp_trace *of; /* of another run since: not this trace's any more */
    size_t n;
    struct tsp_look look[TSP_MAX_LOOK]; /* in order */
};

/* What a target can do. */
#define TSP_CAP_X86 (1u << 0)
#define TSP_CAP_ARM64 (1u << 1)
#define TSP_CAP_EXEC (1u << 2) /* runs code; without it only CPUID queries are answered */
#define TSP_CAP_SMP (1u << 3)
#define TSP_CAP_DETERMINISTIC (1u << 4)
#define TSP_CAP_PEEK (1u << 5)
#define TSP_CAP_STEPS (1u << 6)   /* shows each step; without it only before and after are seen */
#define TSP_CAP_POOLS (1u << 7)   /* reset tells whether policy[0] fits the hosts policy[1], ... */
#define TSP_CAP_AARCH32 (1u << 8) /* beside ARM64: 32-bit guests at EL1 as well */

/*
 * A target. All functions take the pointer that `open` stored; one thread calls them, one at a
 * time. They never print to standard output, exit, fork or keep a caller's pointer, except the
 * set-up until the next reset. They return TSP_OK, TSP_EARG (an argument is out of range), TSP_EIO,
 * TSP_ENOMEM or TSP_ENOTSUP. Mandatory: size, abi, name, caps, open, reset, run, close, and with
 * TSP_CAP_EXEC runnable. Others may be NULL; TSP_CAP_PEEK needs peek.
 *
 * open      args: what followed the name, "" when nothing did. err is never NULL: code and text say
 *           why not.
 * reset     starts anew. out: kind TSP_EV_POLICY, code 0 when the CPUID policy was taken, else 1
 * and info[0] the first bad entry + 1. TSP_EARG or TSP_ENOTSUP: such a machine cannot be made; that
 * is counted and is no finding. runnable  bit per vCPU that `run` would move on. run       at most
 * `budget` instructions of that vCPU (with several: one micro-step), up to and including the first
 * that is an event; plain instructions are none. `out` is always filled; out->vcpu is `vcpu`.
 * TSP_EV_STOP, TSP_STOP_BUDGET when nothing happened; info[0] may then hold the number of
 * instructions. peek,     guest-physical memory as a device sees it; TSP_EARG outside RAM. poke may
 * write poke      read-only memory. get_vcpu, everything of a vCPU that struct tsp_vcpu_state
 * names, as it is between two set_vcpu  instructions. set(get()) changes nothing. get_hv,   struct
 * tsp_hv_state. They were added at the end: a table whose `size` does not reach set_hv    them has
 * none.
 *
 * A target without TSP_CAP_EXEC answers CPUID only: after a reset, run gives one TSP_EV_CPUID with
 * the answer to r[TSP_RAX] and r[TSP_RCX] of setup->vcpu[0].regs in the low halves of out->after's
 * RAX, RBX, RCX and RDX (the rest of the event is filled in for it), then TSP_EV_STOP with
 * TSP_STOP_DONE. It is asked nothing but set-ups whose first instruction is CPUID.
 */
struct tsp_target_ops {
    uint32_t size, abi; /* sizeof(struct tsp_target_ops) at build time, TSP_ABI_VERSION */
    const char *name;   /* printable, under 64 characters */
    uint32_t caps;      /* TSP_CAP_* */
    enum tsp_status (*open)(void **self, const char *args, struct tsp_error *err);
    enum tsp_status (*reset)(void *self, const struct tsp_setup *setup, struct tsp_event *out);
    uint32_t (*runnable)(void *self); /* bit per vCPU */
    enum tsp_status (*run)(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out);
    enum tsp_status (*peek)(void *self, uint64_t gpa, void *buf, size_t len);
    enum tsp_status (*poke)(void *self, uint64_t gpa, const void *buf, size_t len);
    enum tsp_status (*get_vcpu)(void *self, unsigned vcpu, struct tsp_vcpu_state *out);
    enum tsp_status (*set_vcpu)(void *self, unsigned vcpu, const struct tsp_vcpu_state *in);
    void (*close)(void *self);
    enum tsp_status (*get_hv)(void *self, unsigned vcpu, struct tsp_hv_state *out);
    enum tsp_status (*set_hv)(void *self, unsigned vcpu, const struct tsp_hv_state *in);
};

/*
 * Offered to a plug-in. builtin("model:kvm"), builtin("model:kvm@linux-6.1") and, where it is
 * built, builtin("kvm") return a target that may be wrapped; its open with args "" opens what the
 * name said. NULL: no such target.
 */
struct tsp_host {
    uint32_t size;
    const struct tsp_target_ops *(*builtin)(const char *name);
};

/* A plug-in's only symbol. The table it returns stays valid while the plug-in is loaded. Returns
 * NULL when it cannot work with that ABI number. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const struct tsp_target_ops *
tsp_plugin(uint32_t abi, const struct tsp_host *host);

#ifdef __cplusplus
}
#endif
#endif
