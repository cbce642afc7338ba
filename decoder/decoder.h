/* SPDX-License-Identifier: MIT */
/*
 * Bytes in, one instruction out: its operation, its length and its operands, or exactly why not.
 * Every instruction that a hypervisor can see is decided from its bytes alone: Capstone loses F2
 * and F3 before CPUID, calls a LOCK-prefixed VMCALL and a truncated one both "no instruction", and
 * gives UD0 and UD1 a length without their ModRM. Plain x86 instructions are read from the tables
 * of opcode_x86.def and believed only where Capstone calls them the same and as long; an encoding
 * is asked of it once and kept in a bounded memo. AArch64 and AArch32 are regular enough to be read
 * without it. No answer but disassembly text depends on Capstone's version.
 */
#ifndef TSP_DECODER_DECODER_H
#define TSP_DECODER_DECODER_H

#include "trapspec/base.h"

/* Why there is, or is not, an instruction. */
enum insn_status {
    INSN_OK = 0,
    INSN_TRUNCATED,  /* legal so far, needs more bytes than were given */
    INSN_TOO_LONG,   /* over 15 bytes: #GP on a processor */
    INSN_ILLEGAL,    /* undefined opcode: #UD, or UNDEFINED on AArch64 */
    INSN_UNSUPPORTED /* a real instruction outside the emulated subset */
};

/* Trap classes first (what the prescan knows), then the plain instructions of insn_x86.def and
 * insn_arm64.def. */
enum insn_op {
    OP_NONE = 0,
    OP_CPUID,
    OP_VMCALL,
    OP_VMMCALL,
    OP_INT,
    OP_INT3,
    OP_INTO,
    OP_INT1,
    OP_IN,
    OP_OUT,
    OP_INS,
    OP_OUTS,
    OP_UD0,
    OP_UD1,
    OP_UD2,
    OP_HLT,
    OP_RDMSR,
    OP_WRMSR,
    OP_RDTSC,
    OP_RDTSCP,
    OP_HVC,
    OP_SMC,
    OP_SVC,
    OP_BRK,
    OP_UDF,
    OP_MRS,
    OP_MSR,
    OP_TRAP_LAST = OP_MSR,
#define X(name) OP_##name,
#include "decoder/insn_x86.def"
#include "decoder/insn_arm64.def"
#include "decoder/insn_arm32.def"
#undef X
    OP_COUNT
};

enum opnd_kind {
    OPND_NONE = 0,
    OPND_REG,
    OPND_REG8H,
    OPND_SEG,
    OPND_CR,
    OPND_DR,
    OPND_MEM,
    OPND_IMM
};

/* Prefix bits of struct insn.prefix. */
#define INSN_LOCK 1u
#define INSN_REP 2u   /* F3 */
#define INSN_REPNE 4u /* F2 */
#define INSN_OPSZ 8u  /* 66 */
#define INSN_ADSZ 16u /* 67 */
#define INSN_REX 32u
#define INSN_REXW 64u

struct opnd {
    uint8_t kind; /* enum opnd_kind; OPND_REG8H is AH CH DH BH (reg 0..3) */
    uint8_t reg;  /* encoding number */
    uint8_t size; /* bytes: 1 2 4 8 (16: CMPXCHG16B) */
    uint8_t spare;
};

/*
 * One decoded instruction. op is OP_NONE unless status is INSN_OK.
 * x86: opnd[0] is the destination; at most one operand is memory and is described by seg, base,
 * index, scale, disp (base and index 0..15, 16 = RIP, 255 = none; seg = enum tsp_seg with the
 * default applied, in 64-bit code only FS and GS override). imm holds the immediate, already
 * sign-extended to 64 bits where the instruction does that; for near branches the displacement
 * relative to the next instruction; for far pointers imm = offset, far_sel = selector. Implicit
 * operands are not listed, except: IN   opnd[0] = accumulator, opnd[1] = IMM port (imm 0..255) or
 * REG DX; OUT the other way round shifts by CL list REG CL (reg 1, size 1); D0 and D1 list IMM with
 * imm = 1; XCHG lists both registers INT n: imm = vector. INS, OUTS and the string instructions:
 * osize is the element, asize the width of rCX, rSI, rDI; seg is that of the source. MOV_SEG,
 * PUSH_SEG, POP_SEG: OPND_SEG with reg = enum tsp_seg. MOV_CR, MOV_DR: OPND_CR or OPND_DR and a
 * register of 4 or 8 bytes. LFAR: opnd[0] = register, opnd[1] = memory, cond = enum tsp_seg.
 * JMP_FAR, CALL_FAR: opnd[0] = MEM of osize + 2 bytes (offset first), or IMM. RET, RET_FAR: imm =
 * bytes to drop. ENTER: imm = frame size, far_sel = nesting level. LGDT..SIDT: opnd[0] = MEM. osize
 * of stack and near-branch instructions is that of the stack slot or instruction pointer: 8 in
 * 64-bit code. AArch64: `word` is the instruction and emu/arm64 takes its fields from it; imm holds
 * the 16-bit immediate of HVC, SMC, SVC, BRK and UDF and the system-register code of MRS and MSR
 * (op0:2 op1:3 CRn:4 CRm:4 op2:3).
 * AArch32: as decoder/insn_arm32.h says; BRK is its BKPT.
 */
struct insn {
    uint16_t op;    /* enum insn_op */
    uint8_t status; /* enum insn_status */
    uint8_t len;    /* bytes, prefixes included; for ILLEGAL and TOO_LONG the bytes looked at */
    uint8_t osize;  /* operand size in bytes */
    uint8_t asize;  /* address size in bytes */
    uint8_t prefix; /* INSN_* */
    uint8_t cond; /* condition code 0..15 of Jcc, SETcc, CMOVcc (x86) or B.cond (AArch64); AArch32:
                     of all */
    uint8_t nopnd;
    uint8_t seg, base, index, scale;
    uint8_t opcode_off; /* index of the first opcode byte after the prefixes */
    uint16_t far_sel;
    struct opnd opnd[4];
    int64_t disp;
    uint64_t imm;
    uint32_t word;
    uint8_t bytes[TSP_INSN_BYTES];
};

/* Handles and memo. One per thread. Allocates; NULL when Capstone cannot be opened. */
struct decoder;
struct decoder *decoder_open(void);
void decoder_close(struct decoder *d);

/*
 * Decodes the instruction at p; n bytes may be read (n <= 15 is enough, more are ignored: with 15
 * bytes there an instruction that needs another is TOO_LONG, with fewer it is TRUNCATED). mode is
 * an enum tsp_mode. Never fails otherwise: *out is always filled and out->status returned. The
 * result depends on (mode, bytes) only.
 */
enum insn_status decode_one(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n,
                            struct insn *out);

/* AArch64's trap encodings, without Capstone: true when *out says what the word is (or that it is
 * none), false when it is a plain instruction. */
bool prescan_arm64(const uint8_t *p, size_t n, struct insn *out);

/* Disassembly text for people, always terminated: "vmcall", "mov eax, 1", "(bad)". Returns the
 * length written. */
size_t decode_text(struct decoder *d, enum tsp_mode mode, uint64_t pc, const uint8_t *p, size_t n,
                   char *out, size_t max);

/* Compares our reading with Capstone's on these bytes. 0 = agree, 1 = a reviewed disagreement of
 * disagree.def, 2 = an unexpected one (why is filled). For fz_decoder and its tests. */
int decode_crosscheck(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n, char *why,
                      size_t max);

/* Name of an operation as in enum insn_op, "VMCALL", "ADD" or "A_NOP"; never NULL. */
const char *insn_op_name(unsigned op);
/* Version of Capstone compiled against and loaded, as "4.0 / 4.0". */
const char *decoder_capstone_version(void);

#endif
