/* SPDX-License-Identifier: MIT */
/* What the files of the decoder share; nobody else includes this. */
#ifndef TSP_DECODER_PRIVATE_H
#define TSP_DECODER_PRIVATE_H

#include "decoder/decoder.h"
#include "trapspec/target.h" /* enum tsp_seg */

#define X86_INSN_MAX 15u

/* Forms and operand specifications of opcode_x86.def. An operand is kind << 4 | size. */
enum x86_form {
#define FORM(name, modrm, imm, a, b, c) FORM_##name,
#include "decoder/opcode_x86.def"
    FORM_COUNT
};

enum x86_imm { IMM_NONE, IMM_B, IMM_W, IMM_Z, IMM_V, IMM_WB, IMM_P, IMM_O, IMM_BB };

/* Operand kinds: E is ModRM.rm, R the same always as a register, G ModRM.reg, Z the low three
 * opcode bits, A the accumulator, O a memory offset, S C D segment, control and debug register, SEG
 * the segment in the opcode. */
enum x86_kind { K_NO, K_E, K_R, K_G, K_Z, K_A, K_I, K_ONE, K_CL, K_DX, K_O, K_S, K_C, K_D, K_SEG };
/* Operand sizes: v the operand size, y 4 or 8 by mode, z a word in memory, i at most 4, p a far
 * pointer, s a descriptor-table register, x two operands, a two bounds, n none (address only). */
enum x86_size { SZ_b, SZ_w, SZ_d, SZ_v, SZ_y, SZ_z, SZ_i, SZ_p, SZ_s, SZ_x, SZ_a, SZ_n };

struct x86_form_row {
    uint8_t modrm, imm;
    uint8_t opnd[3];
};
extern const struct x86_form_row x86_forms[FORM_COUNT];

/* Flags of a row; their meaning is at the head of opcode_x86.def. */
#define X86_ROW_LK 1u
#define X86_ROW_I64 2u
#define X86_ROW_D64 4u
#define X86_ROW_N64 8u
#define X86_ROW_PM 16u
#define X86_ROW_EXT 32u
#define X86_ROW_BYTE 64u
#define X86_ROW_NP 128u
#define X86_ROW_MEM 256u
#define X86_ROW_GROUP 512u
#define X86_ROW_O64 1024u

struct x86_row {
    uint16_t op;    /* enum insn_op, or the number of a group; OP_NONE without EXT: undefined */
    uint16_t flags; /* X86_ROW_* */
    uint8_t form;
};

/* An instruction taken apart: where everything stands, before anything is made of it. */
struct x86_fields {
    struct x86_row row;
    uint8_t status;   /* enum insn_status; ILLEGAL only where length and kind need no more bytes */
    uint8_t width;    /* 16, 32 or 64: default of the mode */
    uint8_t prefix;   /* INSN_*; of F2 and F3 only the last */
    uint8_t seg;      /* override as enum tsp_seg, 255 none */
    uint8_t rex, map; /* map 0 one byte, 1 0F, 2 0F38, 3 0F3A, 4 VEX and its like */
    uint8_t opcode, modrm;
    uint8_t opcode_off; /* first opcode byte */
    uint8_t head;       /* bytes up to and including ModRM and SIB */
    uint8_t ndisp, nimm, nimm2;
    uint8_t len; /* all bytes; for a bad status those looked at */
    uint8_t osize, asize;
    bool real; /* real or virtual-8086 mode */
};

/* Bytes of one instruction, zero-padded so that fields can be read before their presence is known.
 */
struct x86_bytes {
    uint8_t b[X86_INSN_MAX + 25];
};

/* Eight bytes, least significant first; spelt out so that compilers make one load or store of them.
 */
static inline uint64_t load64(const uint8_t *b)
{
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

static inline void store64(uint8_t *b, uint64_t v)
{
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
    b[2] = (uint8_t)(v >> 16);
    b[3] = (uint8_t)(v >> 24);
    b[4] = (uint8_t)(v >> 32);
    b[5] = (uint8_t)(v >> 40);
    b[6] = (uint8_t)(v >> 48);
    b[7] = (uint8_t)(v >> 56);
}

/* Keeps the first n bytes of what load64 gave, n 0..8 and more. */
static inline uint64_t first_bytes(uint64_t v, unsigned n)
{
    return n >= 8 ? v : v & (((uint64_t)1 << (8 * n)) - 1);
}

/* fields_x86.c */
void x86_fields(enum tsp_mode mode, const uint8_t *p, size_t n, struct x86_bytes *raw,
                struct x86_fields *f);
/* table_x86.c: the row of an opcode; groups and prefix-selected rows resolved. */
void x86_select(struct x86_fields *f);
/* lower_x86.c: makes *out of the fields: operands, legality. Displacement and immediates are
 * x86_fill's. */
void x86_lower(const struct x86_fields *f, const struct x86_bytes *raw, struct insn *out);
void x86_fill(const struct x86_fields *f, const struct x86_bytes *raw, struct insn *out);

/* capstone_x86.c: the bytes as Capstone should see them: prefixes without a meaning here dropped.
 * Returns the number of bytes; *dropped = how many fewer than the original. */
unsigned x86_canonical(const struct x86_fields *f, const struct x86_bytes *raw, uint8_t *out,
                       unsigned *dropped);
/* True when Capstone's id is that operation. */
bool x86_id_is(unsigned capstone_id, unsigned op);
/* disagree.c: why Capstone's verdict on this instruction is not to be used; NULL: it is. */
const char *x86_disagree(const struct x86_fields *f);
/* The same when Capstone saw the bytes as they stand. */
struct capstone_says {
    bool ok;
    unsigned id, size;
};
const char *x86_disagree_raw(const struct x86_fields *f, const struct insn *in,
                             const struct capstone_says *cs);

/* capstone.c: what Capstone makes of the first bytes of p. The text stays until the next call. */
struct capstone_says capstone_ask(struct decoder *d, enum tsp_mode mode, uint64_t pc,
                                  const uint8_t *p, size_t n);
void capstone_text(const struct decoder *d, const char **mnemonic, const char **operands);

/* lower_arm64.c: completes *out (word, len and bytes are set, status INSN_UNSUPPORTED) for a
 * word that prescan_arm64 did not know. Sets op and status: INSN_OK, INSN_ILLEGAL (unallocated:
 * UNDEFINED on a processor) or INSN_UNSUPPORTED. */
void lower_arm64(uint32_t word, struct insn *out);
/* lower_a32.c, lower_t32.c: the same for a word of AArch32 code, traps included. T32: one halfword,
 * or the first in the upper half, by out->len. */
void lower_a32(uint32_t word, struct insn *out);
void lower_t32(uint32_t word, struct insn *out);

#endif
