/* SPDX-License-Identifier: MIT */
/*
 * The vocabulary everything else is written in: status, errors, names of architectures, vendors and
 * hypervisors, registers and limits. Shapes and names only: no leaf number, signature, opcode, call
 * number or feature bit stands in this folder, so that model and reference table cannot share one.
 */
#ifndef TSP_TRAPSPEC_BASE_H
#define TSP_TRAPSPEC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever a struct or the order of an enumeration of this folder changes, but not when
 * struct tsp_target_ops grows at its end: its size member tells. */
#define TSP_ABI_VERSION 3u

/* Limits. Reaching one sets a `truncated` mark or refuses the input; it never overruns. */
#define TSP_MAX_VCPU 4u        /* vCPUs of one machine */
#define TSP_MAX_EVENT 256u     /* events of one trace */
#define TSP_MAX_LEAF 512u      /* entries of one policy */
#define TSP_MAX_PAGE 64u       /* initial memory pieces of one set-up */
#define TSP_MAX_MSR 16u        /* extra MSR values of one vCPU */
#define TSP_MAX_RAM 0x1000000u /* bytes of guest RAM: 16 MiB */
#define TSP_INSN_BYTES 16u     /* bytes an event keeps of an instruction */

/* Result of anything that can fail for reasons outside the guest (files, arguments, ioctls). */
enum tsp_status {
    TSP_OK = 0,
    TSP_EARG = -1, /* an argument is out of its documented range */
    TSP_EIO = -2,  /* the operating system refused */
    TSP_ENOMEM = -3,
    TSP_EPARSE = -4,  /* malformed input; tsp_error says where */
    TSP_ENOTSUP = -5, /* well-formed, but this target or build cannot do it */
    TSP_EABI = -6     /* the two sides were built against different headers */
};

/* What went wrong and where; `line` is 0 when the input has no lines. */
struct tsp_error {
    enum tsp_status code;
    unsigned line;
    char text[160];
};

enum tsp_arch { TSP_ARCH_X86 = 0, TSP_ARCH_ARM64 = 1, TSP_ARCH_COUNT };

/* Processor vendor: of the host (which hypercall instruction is native) or by leaf 0. */
enum tsp_vendor {
    TSP_VENDOR_INTEL = 0,
    TSP_VENDOR_AMD,
    TSP_VENDOR_HYGON,
    TSP_VENDOR_CENTAUR,
    TSP_VENDOR_OTHER,
    TSP_VENDOR_COUNT
};

/* Hypervisor interface offered to the guest. */
enum tsp_persona {
    TSP_PERSONA_NONE = 0,
    TSP_PERSONA_KVM,
    TSP_PERSONA_XEN,
    TSP_PERSONA_HYPERV,
    TSP_PERSONA_VMWARE,
    TSP_PERSONA_LGUEST,
    TSP_PERSONA_VMI,
    TSP_PERSONA_GENERIC,
    TSP_PERSONA_COUNT
};

/* Execution mode as the processor decodes code. Paging in protected mode is a matter of CR0. */
enum tsp_mode {
    TSP_MODE_REAL16 = 0,
    TSP_MODE_VM86,
    TSP_MODE_PROT16,
    TSP_MODE_PROT32,
    TSP_MODE_COMPAT16,
    TSP_MODE_COMPAT32,
    TSP_MODE_LONG64,
    TSP_MODE_A64,
    TSP_MODE_A32, /* AArch32 with the A32 instructions */
    TSP_MODE_T32, /* the same with T32 (Thumb): PSTATE.T */
    TSP_MODE_COUNT
};

static inline bool tsp_mode_is_arm(uint32_t mode)
{
    return mode >= TSP_MODE_A64 && mode <= TSP_MODE_T32;
}

static inline bool tsp_mode_is_aarch32(uint32_t mode)
{
    return mode == TSP_MODE_A32 || mode == TSP_MODE_T32;
}

/*
 * Index into tsp_regs.r on x86 (encoding order). AArch64: r[0..30] are X0..X30, r[31] the SP.
 * AArch32: where a 64-bit hypervisor finds the 32-bit registers, all banks at once (Arm DDI0487,
 * mapping of the general-purpose registers between the Execution states); upper halves and r[31]
 * are 0:
 *
 *   r[0..12]  R0..R12                 r[18], r[19]  R14, R13 of Supervisor mode
 *   r[13..14] R13, R14 of User mode   r[20], r[21]  of Abort mode
 *   r[15]     -                       r[22], r[23]  of Undefined mode
 */
enum tsp_x86_reg {
    /* clang-format off */
    TSP_RAX = 0, TSP_RCX, TSP_RDX, TSP_RBX, TSP_RSP, TSP_RBP, TSP_RSI, TSP_RDI,
    TSP_R8, TSP_R9, TSP_R10, TSP_R11, TSP_R12, TSP_R13, TSP_R14, TSP_R15
    /* clang-format on */
};

/* What code can name in its registers. `flags` is RFLAGS or PSTATE
 * (AArch32: as the CPSR shows it); `mode` an enum tsp_mode;
 * `level` CPL or EL. */
struct tsp_regs {
    uint64_t r[32];
    uint64_t pc, flags;
    uint32_t mode, level;
};

/* One CPUID answer. Without TSP_LEAF_INDEXED it answers every sub-leaf. reg[]: EAX EBX ECX EDX. */
#define TSP_LEAF_INDEXED 1u
struct tsp_leaf {
    uint32_t leaf, subleaf, flags;
    uint32_t reg[4];
};

/* A CPUID policy: what user space has the hypervisor answer. First match wins. Caller's memory. */
struct tsp_policy {
    const struct tsp_leaf *leaf;
    size_t n;
};

#ifdef __cplusplus
}
#endif
#endif
