/* SPDX-License-Identifier: MIT */
/*
 * A trace: everything about one run that a hypervisor, or a guest that looks closely, can observe.
 * Plain instructions leave no event. The reference table judges a set-up and a trace, and nothing
 * else.
 */
#ifndef TSP_TRAPSPEC_TRACE_H
#define TSP_TRAPSPEC_TRACE_H

#include "trapspec/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tsp_event_kind {
    TSP_EV_NONE = 0,
    TSP_EV_POLICY, /* reset: code 0 accepted, else info[0] = index of the first bad leaf + 1 (that
                      of the end where it is missing), info[1] = register << 8 | lowest bad bit */
    TSP_EV_FETCH,  /* several vCPUs: nothing was executed; code = enum tsp_micro */
    TSP_EV_CPUID,  /* CPUID completed */
    TSP_EV_HYPERCALL, /* VMCALL, VMMCALL, HVC or SMC completed: pc is past it */
    TSP_EV_FAULT,     /* an exception or INT n entered the guest's handler; code = vector (x86) or
                         vector-table offset (AArch64); info[0] error code or ESR, info[1] CR2 or FAR */
    TSP_EV_PATCH,     /* the hypervisor wrote guest text; info[0] = linear address written first,
                         info[1] = number of bytes; pc unchanged means "retry" */
    TSP_EV_MSR,       /* RDMSR or WRMSR completed; code = MSR, info[0] value, info[1] 1 for a write.
                         AArch64: MRS of an ID register; code = op0:2 op1:3 CRn:4 CRm:4 op2:3 */
    TSP_EV_PIO,  /* port access; code = port, info[0] value, info[1] bit 0 write, bits 7:4 width */
    TSP_EV_MMIO, /* access outside RAM or a write to read-only memory; info[0] value, info[1] as
                    PIO, addr = guest-physical address */
    TSP_EV_RETIRE, /* several vCPUs: one plain instruction was executed */
    TSP_EV_STOP    /* the vCPU does not go on; code = enum tsp_stop */
};

/*
 * Micro-steps that execute nothing. With a protocol (struct tsp_setup) the site is where vCPU 0
 * starts, 16 bytes long; stored[] of every event then holds those 16 bytes of guest-physical memory
 * after the step. spare is, of a TSP_EV_PATCH, the number of bytes its rewrite has still to store,
 * of other events 1 when the instruction stood at the site's addresses but in other memory: one
 * that trapped or ran, or was read by the hypervisor (READ, HOLD); of an exception that a trap ends
 * in, when that other memory does not hold what trapped. A TSP_EV_PATCH has code 1 when the store
 * went to other memory. A TSP_EV_RETIRE has code 1 when the instruction touches no memory.
 */
enum tsp_micro {
    TSP_MICRO_TRAP = 0, /* the instruction in fetched[] trapped to the hypervisor */
    TSP_MICRO_FETCH,    /* up to the next 16-byte boundary: info[0] linear address, info[1] bytes */
    TSP_MICRO_REFETCH,  /* what was fetched is dropped; info[0] 1: its translation, out of date */
    TSP_MICRO_READ,     /* the hypervisor read the text again: info[0] its first 8 bytes */
    TSP_MICRO_HOLD,     /* other vCPUs' stores to the text wait from now on; compared */
    TSP_MICRO_SYNC,     /* vCPU info[0] was made to serialise */
    TSP_MICRO_RESUME,   /* the hypervisor is done with this trap; the guest goes on; info[0] 1: with
                           the vCPU's translation of its address dropped */
    TSP_MICRO_WAIT,     /* the vCPU waits until a rewrite under way is done */
    TSP_MICRO_INTERRUPT, /* an interrupt became pending */
    TSP_MICRO_MIGRATE, /* info[0]: enum tsp_vendor of the processor from now on. Without a protocol
                          the machine was saved and restored between two instructions; info[1]:
                          0 not compared with a run that stayed, 1 both went on alike, else 2 +
                          index of the first event that differs */
    TSP_MICRO_OPEN,    /* the hypervisor made text writable in the guest's page tables */
    TSP_MICRO_COUNT
};

enum tsp_stop {
    TSP_STOP_BUDGET = 0,  /* instruction budget used up */
    TSP_STOP_HALT,        /* HLT or WFI with nothing that could wake it */
    TSP_STOP_END,         /* the set-up's end port was written */
    TSP_STOP_TRIPLE,      /* triple fault, shutdown */
    TSP_STOP_UNSUPPORTED, /* outside the emulated subset; fetched[] holds the bytes */
    TSP_STOP_LIVELOCK,    /* traps again and again at one pc without progress */
    TSP_STOP_OFF,         /* CPU_OFF, or a vCPU never started */
    TSP_STOP_SUSPEND,     /* CPU_SUSPEND, SYSTEM_SUSPEND: info[0] = 1 for the system call */
    TSP_STOP_SHUTDOWN,    /* SYSTEM_OFF */
    TSP_STOP_RESET,       /* SYSTEM_RESET, SYSTEM_RESET2 */
    TSP_STOP_EXIT,        /* a hypercall handed to user space; info[0] = number */
    TSP_STOP_ERROR,       /* the target died or gave garbage; info[0] = enum tsp_wrong, info[1] more
                             of it. Written by whoever watches a target, never by the target */
    TSP_STOP_DONE         /* a recording or dump has no more to say */
};

/* What was wrong with a target itself: info[0] of TSP_STOP_ERROR. info[1] in brackets. */
enum tsp_wrong {
    TSP_WRONG_UNKNOWN = 0, /* it failed and cannot say why */
    TSP_WRONG_SIGNAL,      /* its process was killed [signal] */
    TSP_WRONG_EXIT,        /* it ended its process [exit status] */
    TSP_WRONG_HANG,        /* a call did not return [milliseconds waited] */
    TSP_WRONG_STDOUT,      /* it wrote to standard output [bytes] */
    TSP_WRONG_FORK,        /* it made another process */
    TSP_WRONG_CLOSED,      /* it closed descriptors that are not its own */
    TSP_WRONG_LIMITS,      /* it changed the limits of its process [RLIMIT_*] */
    TSP_WRONG_STATUS,      /* a call returned an enum tsp_status it must not [the status] */
    TSP_WRONG_KIND,        /* the event's kind is out of range or none [kind] */
    TSP_WRONG_CODE,        /* its code is out of range [code] */
    TSP_WRONG_VCPU,        /* it is about another vCPU than the one asked to run [vcpu] */
    TSP_WRONG_LENGTH,      /* len is over TSP_INSN_BYTES [len] */
    TSP_WRONG_MODE,        /* mode or level is none of this architecture [mode << 8 | level] */
    TSP_WRONG_PC,          /* a pc that cannot be: non-canonical or wider than the mode [pc] */
    TSP_WRONG_BUDGET,      /* more instructions than allowed [number] */
    TSP_WRONG_RUNNABLE,    /* runnable names a vCPU that does not exist [the mask] */
    TSP_WRONG_STATE,       /* what get_vcpu and get_hv gave cannot be set again */
    TSP_WRONG_GAVE_UP,     /* it failed too often and is not asked any more [failures] */
    TSP_WRONG_COUNT
};

/* Index into tsp_event.sys: state that answers depend on, as it was when the instruction began. */
enum tsp_sys {
    TSP_SYS_CR0 = 0,
    TSP_SYS_CR3,
    TSP_SYS_CR4,
    TSP_SYS_EFER,
    TSP_SYS_XCR0,
    TSP_SYS_XSS,
    TSP_SYS_APIC_BASE,
    TSP_SYS_FAULTING, /* the CPUID-faulting enable register */
    TSP_SYS_COUNT
};

/* What the page tables in force grant at a byte of the instruction, for the current privilege. */
#define TSP_TEXT_KNOWN 1u /* the other bits mean something */
#define TSP_TEXT_PRESENT 2u
#define TSP_TEXT_WRITE 4u /* a store of the guest itself there would succeed */
#define TSP_TEXT_FETCH 8u
#define TSP_TEXT_ROM 16u     /* the guest-physical page is read-only memory */
#define TSP_TEXT_OVERLAY 32u /* a page that the hypervisor laid over the guest's memory */

struct tsp_event {
    uint16_t kind, vcpu;
    uint32_t code;
    uint8_t len;     /* instruction bytes in fetched[]; 0 when nothing was decoded */
    uint8_t text[2]; /* TSP_TEXT_* at the first and the last byte of the instruction */
    uint8_t spare;   /* see enum tsp_micro */
    uint8_t fetched[TSP_INSN_BYTES]; /* what the vCPU saw at pc */
    uint8_t stored[TSP_INSN_BYTES];  /* what memory holds there after the step */
    uint64_t addr;                   /* linear address of the instruction (CS base added) */
    uint64_t info[2];
    uint64_t sys[TSP_SYS_COUNT];
    struct tsp_regs before, after;
};

struct tsp_looks; /* target.h */
struct tsp_trace {
    size_t n;
    bool truncated; /* more happened than TSP_MAX_EVENT events could hold */
    struct tsp_event ev[TSP_MAX_EVENT];
    const struct tsp_looks *looks; /* what the machine itself showed; NULL: nobody looked */
};

#ifdef __cplusplus
}
#endif
#endif
