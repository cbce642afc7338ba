/* SPDX-License-Identifier: MIT */
/*
 * A scenario: one guest, its machine and its hypervisor's configuration, as plain values. Every
 * byte string parses to one (wild values are folded into range), it prints as text and the text
 * reads back to the same scenario. docs/INPUT.md is the format, byte by byte.
 */
#ifndef TSP_FUZZ_INPUT_INPUT_H
#define TSP_FUZZ_INPUT_INPUT_H

#include "trapspec/target.h"

#define INPUT_VERSION 1u
#define INPUT_VERSION_MOVES 2u /* of what has moves; the rest stays as it was */
#define INPUT_VERSION_RACES 3u /* of what has `how` or a long schedule; takes moves as well */
#define INPUT_VERSION_WIDE                                                                         \
    4u /* of what has XMM registers or a PSCI above 1.1; takes the rest too */
#define INPUT_VERSION_ASKS 5u    /* of what asks, or begins in SMM; takes the rest too */
#define INPUT_VERSION_AARCH32 6u /* of 32-bit Arm guests; takes the rest too */
#define INPUT_CODE_MAX 256u      /* code bytes of one vCPU */
#define INPUT_REGS_MAX 32u
#define INPUT_LEAF_MAX 160u /* policy entries that replace or join the base policy */
#define INPUT_SCHED_MAX 256u
#define INPUT_SCHED_SHORT 64u /* in versions 1 and 2 */
#define INPUT_MOVE_MAX 4u
#define INPUT_MOVE_AFTER_MAX 250u
#define INPUT_BYTES_MAX 8192u /* longest binary form */

/* Base policies by name: what the leaves are before `leaf` entries change them. */
enum input_policy {
    INPUT_POLICY_NONE = 0, /* only the scenario's own entries */
    INPUT_POLICY_INTEL,
    INPUT_POLICY_AMD,
    INPUT_POLICY_HYGON,
    INPUT_POLICY_CENTAUR,
    INPUT_POLICY_COUNT
};

/* Page rights of the two pages the code may touch: bits of pte[]. */
#define INPUT_PTE_P 1u
#define INPUT_PTE_W 2u
#define INPUT_PTE_U 4u
#define INPUT_PTE_NX 8u
#define INPUT_PTE_DEFAULT (INPUT_PTE_P | INPUT_PTE_W | INPUT_PTE_U)

/* Processor set-up bits. */
#define INPUT_CPU_WP (1u << 0) /* CR0.WP; default on */
#define INPUT_CPU_SMEP (1u << 1)
#define INPUT_CPU_SMAP (1u << 2)
#define INPUT_CPU_PKE (1u << 3)
#define INPUT_CPU_OSXSAVE (1u << 4)
#define INPUT_CPU_UMIP (1u << 5)
#define INPUT_CPU_FAULTING (1u << 6)    /* CPUID faulting is switched on */
#define INPUT_CPU_SUPER (1u << 7)       /* all pages but the code's are supervisor pages */
#define INPUT_CPU_ROM (1u << 8)         /* code lies in read-only memory */
#define INPUT_CPU_APIC_OFF (1u << 9)    /* IA32_APIC_BASE enable bit clear */
#define INPUT_CPU_SECOND_OFF (1u << 10) /* AArch64: the second vCPU starts powered off */
#define INPUT_CPU_SMM (1u << 11)        /* x86: system management mode */
#define INPUT_CPU_MASK 0xfffu
/* Bits of config and cpu that came with INPUT_VERSION_ASKS, in a record of their own. */
#define INPUT_LATER_BITS (~0x7ffu)

/* Fixed addresses of the machine that others need; docs/INPUT.md draws the rest. */
#define INPUT_X86_RAM 0x40000u
#define INPUT_X86_RAM_ROM 0xc9000u /* VMI in protected mode without paging: up to its ROM's end */
#define INPUT_X86_STUBS 0x3000u    /* one handler stub of 16 bytes a vector, 256 of them */
#define INPUT_X86_CODE 0x10000u
#define INPUT_X86_CODE16 0xe800u
#define INPUT_X86_DATA 0x12000u
#define INPUT_X86_TOP_PAGE 0x14000u /* guest-physical page behind linear 0xfffff000 */
#define INPUT_END_PORT 0xf4u
#define INPUT_CONSOLE_PORT 0xe9u
#define INPUT_ARM64_RAM 0x40000000u
#define INPUT_ARM64_RAM_SIZE 0x100000u
#define INPUT_ARM64_CODE 0x40001000u
#define INPUT_ARM64_VECTORS 0x40002000u
#define INPUT_ARM64_CONSOLE 0x09000000u
#define INPUT_ARM64_END 0x0a000000u /* X28 (R11) points there; the end store follows the code */

/* The machine is saved after this many events, and goes on on a host of this vendor. */
struct input_move {
    uint8_t after, host;
};

struct scenario {
    uint8_t arch, mode, level; /* enum tsp_arch; enum tsp_mode; CPL 0 or 3, EL 0 or 1 */
    uint8_t paging;            /* PROT32: 1 = 2-level paging on */
    uint8_t host, patch, persona[2];
    uint8_t policy;      /* enum input_policy */
    uint8_t psci, nvcpu; /* nvcpu 1..2, with a protocol 1..4 */
    uint8_t protocol;    /* enum tsp_protocol; x86 only */
    uint8_t pte[2];
    uint32_t how;    /* TSP_HOW_* of TSP_HOW_MASK, with a protocol that has them */
    uint32_t config; /* TSP_CFG_* */
    uint32_t cpu;    /* INPUT_CPU_* */
    uint32_t hv_base[2];
    uint32_t fw_bitmap[3], workaround[3];
    uint32_t xcr0, apic_id;
    uint32_t cs_base; /* x86 outside LONG64: base of CS */
    uint64_t code_at; /* x86: linear address of the code's first byte; AArch64: guest-physical; a
                         second vCPU without code of its own runs the same bytes */
    uint64_t exit_ret, pvtime_ipa;
    uint32_t nmsr;
    struct tsp_msr msr[TSP_MAX_MSR];
    uint32_t regs_set; /* bit i: regs[i] given, others 0 (x86: RSP has its default) */
    uint64_t regs[INPUT_REGS_MAX];
    uint64_t xmm[TSP_XMM_COUNT][2];
    uint64_t flags; /* RFLAGS or PSTATE bits ORed to the mode's default */
    uint32_t nleaf;
    struct tsp_leaf leaf[INPUT_LEAF_MAX];
    uint32_t ncode[2];
    uint8_t code[2][INPUT_CODE_MAX]; /* per vCPU; the end mark is part of it. The third vCPU runs
                                        the first one's, the fourth the second one's */
    uint32_t nsched;
    uint8_t sched[INPUT_SCHED_MAX];
    uint32_t nmove;
    struct input_move move[INPUT_MOVE_MAX]; /* in order of `after` */
};

/* The defaults of an empty input: x86, long64, CPL 0, Intel host, KVM, rewrite, WP, default PTEs,
 * code "cpuid; hlt". */
void input_default(struct scenario *s, enum tsp_arch arch);
/* Brings every field into range; what the architecture does not have gets its default. Idempotent.
 * Whoever makes scenarios by hand folds them before they are written. */
void input_fold(struct scenario *s);
/* Where code goes when nothing says otherwise: depends on mode and cs_base. */
uint64_t input_code_default(const struct scenario *s);

/* Total: any bytes, any length (0 included) give a valid scenario. Allocates nothing. */
void input_parse(const uint8_t *p, size_t n, struct scenario *out);
/* The binary form; parses back to the same scenario. Returns its length, 0 when it does not fit in
 * max. */
size_t input_write(const struct scenario *s, uint8_t *out, size_t max);
/* The version that its files have. */
unsigned input_version(const struct scenario *s);
/* The same scenario without a protocol, for those who run whole instructions. */
void input_whole_steps(struct scenario *s);
/* True when p starts with the text form's magic line; else it is binary. */
bool input_is_text(const uint8_t *p, size_t n);
/* Text form: strict, with line and reason on error. */
enum tsp_status input_text_parse(const char *text, size_t n, struct scenario *out,
                                 struct tsp_error *err);
/* Returns the length needed (as snprintf). Only values that differ from input_default are written.
 */
size_t input_text_write(const struct scenario *s, char *out, size_t max);

/*
 * The machine of a scenario: 256 KiB of RAM at 0 with GDT, IDT or IVT, handler stubs, page tables,
 * TSS, stacks and code (x86), or 1 MiB at 0x40000000 with vectors (AArch64), as docs/INPUT.md draws
 * it. The image owns the memory that the set-up points into; both stay valid together. policy_base,
 * n_base: entries of the base policy the caller provides for s->policy (from the target or a dump),
 * placed behind the scenario's own. Fields that are out of range are survived (nothing lands
 * outside RAM), not folded.
 */
struct input_image {
    struct tsp_page page[TSP_MAX_PAGE];
    struct tsp_leaf leaf[TSP_MAX_LEAF];
    uint8_t pt[64 * 8],
        top_pte[8];     /* last-level page table: the first 256 KiB; the entry of 0xfffff000 */
    uint8_t nobase[16]; /* what lies where the code would be without the CS base */
    uint8_t text[2][INPUT_CODE_MAX + 16];
};
void input_build(const struct scenario *s, const struct tsp_leaf *policy_base, size_t n_base,
                 struct input_image *img, struct tsp_setup *out);

/* Words of a `how`, as in the text form: "width-4 cas"; "" for 0. Returns out. */
const char *input_how_text(uint32_t how, char *out, size_t max);

/* One schedule byte of a scenario with a protocol: which vCPU, and what it does (TSP_STEP_*). */
static inline uint8_t input_sched_byte(unsigned vcpu, uint32_t step)
{
    return (uint8_t)((vcpu & 3u) | (step - 1u) << 2);
}
static inline unsigned input_sched_vcpu(uint8_t byte)
{
    return byte & 3u;
}
static inline uint32_t input_sched_step(uint8_t byte)
{
    return (byte >> 2 & 3u) + 1u;
}

/* Guest-physical address of the two page-table entries that map the code's two pages; 0 without
 * paging. */
void input_pte_at(const struct scenario *s, uint64_t gpa[2], unsigned *entry_size);
/* Guest-physical address that linear address lin of the scenario maps to at the start. */
uint64_t input_gpa(const struct scenario *s, uint64_t lin);
/* First and last address of the handler stubs; a pc in there means "an exception was taken": vector
 * of a pc, or -1. */
int input_stub_vector(const struct scenario *s, uint64_t pc);

/* Pure functions of their arguments. In-place mutation of a binary form; returns the new length <=
 * max. */
size_t input_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed);
size_t input_crossover(const uint8_t *a, size_t na, const uint8_t *b, size_t nb, uint8_t *out,
                       size_t max, uint32_t seed);

#endif
