/* SPDX-License-Identifier: MIT */
/*
 * Segments, descriptors and stacks: what exception delivery, far transfers and the system
 * instructions share. Private to emu/x86.
 *
 * A code or data descriptor and the attr of struct tsp_segment made from it:
 *
 *   63   56 55 54 53 52 51    48 47 46 45 44 43  40 39     16 15     0
 *   base    G  D  L  A  limit    P  DPL   S  type   base       limit
 *
 *   attr: G 15, D 14, L 13, A 12, P 7, DPL 6:5, S 4, type 3:0
 */
#ifndef TSP_EMU_X86_SEGMENT_H
#define TSP_EMU_X86_SEGMENT_H

#include "emu/x86/x86.h"

#define CR0_PE 0x00000001u
#define CR0_MP 0x00000002u
#define CR0_EM 0x00000004u
#define CR0_TS 0x00000008u
#define CR0_ET 0x00000010u
#define CR0_AM 0x00040000u
#define CR0_NW 0x20000000u
#define CR0_CD 0x40000000u
#define CR0_PG 0x80000000u
#define CR4_VME 0x00000001u
#define CR4_PVI 0x00000002u
#define CR4_TSD 0x00000004u
#define CR4_DE 0x00000008u
#define CR4_PAE 0x00000020u
#define CR4_UMIP 0x00000800u
#define CR4_PCIDE 0x00020000u
#define CR4_OSXSAVE 0x00040000u
#define EFER_SCE 0x001u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u
#define EFER_NXE 0x800u
#define X86_MSR_KERNEL_GS_BASE 0xc0000102u

#define ATTR_TYPE 0x000fu
#define ATTR_S 0x0010u
#define ATTR_DPL 0x0060u
#define ATTR_P 0x0080u
#define ATTR_L 0x2000u
#define ATTR_D 0x4000u
/* type bits of code and data */
#define TYPE_ACCESSED 1u
#define TYPE_RW 2u /* code: readable, data: writable */
#define TYPE_CE 4u /* code: conforming, data: expand-down */
#define TYPE_CODE 8u
/* types of system descriptors */
#define SYS_TSS16 1u
#define SYS_LDT 2u
#define SYS_TSS16_BUSY 3u
#define SYS_CALL16 4u
#define SYS_TASK_GATE 5u
#define SYS_INT16 6u
#define SYS_TRAP16 7u
#define SYS_TSS 9u
#define SYS_TSS_BUSY 11u
#define SYS_CALL 12u
#define SYS_INT 14u
#define SYS_TRAP 15u

static inline bool x86_long_mode(const struct vcpu *vc)
{
    return (vc->s.x86.efer & EFER_LMA) != 0;
}

/* Real mode or virtual-8086 mode: selectors are paragraphs. */
static inline bool x86_paragraphs(const struct vcpu *vc)
{
    return vc->s.regs.mode == TSP_MODE_REAL16 || vc->s.regs.mode == TSP_MODE_VM86;
}

static inline unsigned x86_cpl(const struct vcpu *vc)
{
    return vc->s.regs.level;
}

static inline unsigned attr_dpl(uint16_t attr)
{
    return (attr & ATTR_DPL) >> 5;
}

static inline bool attr_is_code(uint16_t attr)
{
    return (attr & (ATTR_S | TYPE_CODE)) == (ATTR_S | TYPE_CODE);
}

static inline bool attr_is_conforming(uint16_t attr)
{
    return (attr & (ATTR_S | TYPE_CODE | TYPE_CE)) == (ATTR_S | TYPE_CODE | TYPE_CE);
}

static inline bool attr_is_writable(uint16_t attr)
{
    return (attr & (ATTR_S | TYPE_CODE | TYPE_RW)) == (ATTR_S | TYPE_RW);
}

/* Data, or code that may be read. */
static inline bool attr_is_readable(uint16_t attr)
{
    return (attr & ATTR_S) && (attr & (TYPE_CODE | TYPE_RW)) != TYPE_CODE;
}

/* Code that may not change IF would work on VIF instead, which is outside the model. */
static inline bool x86_virtual_if(const struct vcpu *vc)
{
    uint64_t cr4 = vc->s.x86.cr4;

    return vc->s.regs.mode == TSP_MODE_VM86 ? (cr4 & CR4_VME) != 0
                                            : (cr4 & CR4_PVI) != 0 && x86_cpl(vc) == 3;
}

/* Canonical for 48-bit linear addresses. */
static inline bool x86_canonical(uint64_t lin)
{
    return bits_sext(lin, 48) == lin;
}

/* Everything that a far transfer or a delivery may change and must give back when it faults. */
struct x86_save {
    struct tsp_regs regs;
    struct tsp_segment seg[TSP_SEG_COUNT];
};
void x86_save(const struct vcpu *vc, struct x86_save *s);
void x86_restore(struct vcpu *vc, const struct x86_save *s);

/* segment.c */

/* Reads the descriptor of a selector; past its table: fault `vector` with the selector as error
 * code. */
enum step x86_descriptor(struct vm *vm, struct vcpu *vc, uint16_t sel, uint32_t vector,
                         uint64_t *raw);
/* Upper half of a 16-byte system descriptor (long mode). */
enum step x86_descriptor_high(struct vm *vm, struct vcpu *vc, uint16_t sel, uint64_t *high);
void x86_unpack(uint64_t raw, uint16_t sel, struct tsp_segment *out);
/* Sets the accessed bit of a code or data descriptor in memory and in seg. */
enum step x86_touch(struct vm *vm, struct vcpu *vc, struct tsp_segment *seg);
/* Or's bits into the type byte of a descriptor in memory. */
enum step x86_mark_descriptor(struct vm *vm, struct vcpu *vc, uint16_t sel, uint8_t bits);
/* A segment register of real or virtual-8086 mode. */
void x86_set_paragraph(struct vcpu *vc, unsigned seg, uint16_t sel);
/* A null data segment (sel keeps its RPL); SS keeps the privilege level in its DPL. */
void x86_set_null(struct vcpu *vc, unsigned seg, uint16_t sel, unsigned dpl);
/* CS for privilege level cpl: the descriptor was checked. Sets the accessed bit. */
enum step x86_set_code(struct vm *vm, struct vcpu *vc, const struct tsp_segment *cs, unsigned cpl);
/* Stack segment for privilege level cpl: RPL, DPL, writable, present. Error codes of fault
 * `vector`. */
enum step x86_check_stack(struct vm *vm, struct vcpu *vc, uint16_t sel, unsigned cpl,
                          uint32_t vector, struct tsp_segment *out);

/* A stack while it is being built: nothing is in the registers yet. */
struct x86_stack {
    struct tsp_segment ss;
    uint64_t sp;
    uint32_t mode;  /* enum tsp_mode of the accesses; LONG64: no limit, canonical addresses */
    unsigned level; /* privilege of the accesses */
};
void x86_stack_now(const struct vcpu *vc, struct x86_stack *st);
enum step x86_stack_push(struct vm *vm, struct vcpu *vc, struct x86_stack *st, uint64_t value,
                         unsigned size);
/* Makes room for `size` bytes and writes the lowest `part` of them. */
enum step x86_stack_push_part(struct vm *vm, struct vcpu *vc, struct x86_stack *st, uint64_t value,
                              unsigned size, unsigned part);
enum step x86_stack_pop(struct vm *vm, struct vcpu *vc, struct x86_stack *st, uint64_t *value,
                        unsigned size);
/* sp as the stack's width allows: 16-bit stacks keep the upper bits of RSP. */
void x86_set_sp(struct vcpu *vc, uint64_t sp);
/* Privilege-level stack of the TSS (level 0..2). */
enum step x86_tss_stack(struct vm *vm, struct vcpu *vc, unsigned level, uint16_t *ss, uint64_t *sp);
/* An 8-byte stack pointer of a 64-bit TSS at that offset. */
enum step x86_tss_rsp(struct vm *vm, struct vcpu *vc, unsigned offset, uint64_t *rsp);

/* Implicit accesses to descriptor tables and the TSS. */
enum step x86_load_system(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf, unsigned len);
enum step x86_store_system(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf,
                           unsigned len);

/* operand.c: operands of system instructions */
uint64_t x86_offset(const struct vcpu *vc, const struct insn *in);
uint64_t x86_reg(const struct vcpu *vc, unsigned reg, unsigned size);
void x86_set_reg(struct vcpu *vc, unsigned reg, unsigned size, uint64_t value);
/* Reads or writes operand i, register or memory, `size` bytes. */
enum step x86_read_operand(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned i,
                           unsigned size, uint64_t *value);
enum step x86_write_operand(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned i,
                            unsigned size, uint64_t value);

/* True when CPUID says so: bit of register reg (0 EAX .. 3 EDX). */
bool x86_has(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf, unsigned reg,
             unsigned bit);

/* The parts of x86_system, by file. */
enum step x86_far(struct vm *vm, struct vcpu *vc, const struct insn *in);        /* transfer.c */
enum step x86_far_return(struct vm *vm, struct vcpu *vc, const struct insn *in); /* farret.c */
enum step x86_iret(struct vm *vm, struct vcpu *vc, const struct insn *in);       /* farret.c */
enum step x86_port(struct vm *vm, struct vcpu *vc, const struct insn *in);       /* io.c */
enum step x86_msr(struct vm *vm, struct vcpu *vc, const struct insn *in);        /* msr.c */
enum step x86_control(struct vm *vm, struct vcpu *vc, const struct insn *in);    /* control.c */
enum step x86_debug(struct vm *vm, struct vcpu *vc, const struct insn *in);      /* control.c */
enum step x86_tables(struct vm *vm, struct vcpu *vc, const struct insn *in);     /* tables.c */
enum step x86_syscall(struct vm *vm, struct vcpu *vc, const struct insn *in);    /* syscall.c */

#endif
