/* SPDX-License-Identifier: MIT */
/*
 * Takes an x86 instruction apart: prefixes, opcode, ModRM, SIB, sizes of displacement and
 * immediates (Intel SDM Vol. 2A chapter 2). Reads from a zero-padded copy, so that only the total
 * has to be compared with what was given.
 */
#include <string.h>

#include "decoder/private.h"

/* What a byte is as a prefix: a bit of struct insn.prefix, or P_SEG + segment, or P_REX in 64-bit
 * code. */
enum { P_NONE = 0, P_SEG = 128, P_REX = 64 };
static const uint8_t prefix_kind[256] = {
    [0x26] = P_SEG + TSP_ES, [0x2e] = P_SEG + TSP_CS, [0x36] = P_SEG + TSP_SS,
    [0x3e] = P_SEG + TSP_DS, [0x64] = P_SEG + TSP_FS, [0x65] = P_SEG + TSP_GS,
    [0x66] = INSN_OPSZ,      [0x67] = INSN_ADSZ,      [0xf0] = INSN_LOCK,
    [0xf2] = INSN_REPNE,     [0xf3] = INSN_REP,       [0x40] = P_REX,
    [0x41] = P_REX,          [0x42] = P_REX,          [0x43] = P_REX,
    [0x44] = P_REX,          [0x45] = P_REX,          [0x46] = P_REX,
    [0x47] = P_REX,          [0x48] = P_REX,          [0x49] = P_REX,
    [0x4a] = P_REX,          [0x4b] = P_REX,          [0x4c] = P_REX,
    [0x4d] = P_REX,          [0x4e] = P_REX,          [0x4f] = P_REX,
};

static const uint8_t mode_width[TSP_MODE_COUNT] = {
    [TSP_MODE_REAL16] = 16, [TSP_MODE_VM86] = 16,     [TSP_MODE_PROT16] = 16,
    [TSP_MODE_PROT32] = 32, [TSP_MODE_COMPAT16] = 16, [TSP_MODE_COMPAT32] = 32,
    [TSP_MODE_LONG64] = 64, [TSP_MODE_A64] = 64,
};

static void take_segment(struct x86_fields *f, uint8_t seg)
{
    /* 64-bit code ignores the overrides of the four flat segments (AMD APM Vol. 3, 1.2.4) */
    if (f->width != 64 || seg >= TSP_FS)
        f->seg = seg;
}

/* Prefixes in any number and order; REX counts only as the very last. Returns the offset of the
 * opcode. */
static unsigned take_prefixes(struct x86_fields *f, const uint8_t *b)
{
    unsigned i = 0;

    for (; i < X86_INSN_MAX; i++) {
        uint8_t kind = prefix_kind[b[i]];

        if (kind == P_NONE || (kind == P_REX && f->width != 64))
            break;
        f->rex = 0;
        if (kind == P_REX)
            f->rex = b[i];
        else if (kind >= P_SEG)
            take_segment(f, kind - P_SEG);
        else if (kind == INSN_REP || kind == INSN_REPNE)
            f->prefix = (uint8_t)((f->prefix & ~(INSN_REP | INSN_REPNE)) | kind);
        else
            f->prefix |= kind;
    }
    if (f->rex != 0)
        f->prefix |= INSN_REX;
    if ((f->rex & 8) != 0)
        f->prefix |= INSN_REXW;
    return i;
}

/* Sizes of the displacement; *sib tells whether a SIB byte follows. Tables 2-1 to 2-3 of the SDM.
 */
static unsigned disp_size(const struct x86_fields *f, const uint8_t *b, bool *sib)
{
    unsigned mod = f->modrm >> 6, rm = f->modrm & 7;

    *sib = false;
    if (mod == 3)
        return 0;
    if (f->asize == 2)
        return mod == 1 ? 1 : (mod == 2 || rm == 6) ? 2 : 0;
    *sib = rm == 4;
    if (mod == 1)
        return 1;
    if (mod == 2 || rm == 5 || (rm == 4 && (b[f->head] & 7) == 5))
        return 4;
    return 0;
}

static void take_modrm(struct x86_fields *f, const uint8_t *b)
{
    bool sib;

    f->head++; /* ModRM itself, which the caller has read */
    f->ndisp = (uint8_t)disp_size(f, b, &sib);
    if (sib)
        f->head++;
}

static void take_imm(struct x86_fields *f)
{
    uint8_t z = f->osize == 2 ? 2 : 4;

    switch (x86_forms[f->row.form].imm) {
    case IMM_B:
        f->nimm = 1;
        break;
    case IMM_W:
        f->nimm = 2;
        break;
    case IMM_Z:
        f->nimm = z;
        break;
    case IMM_V:
        f->nimm = f->osize;
        break;
    case IMM_WB:
        f->nimm = 2;
        f->nimm2 = 1;
        break;
    case IMM_P:
        f->nimm = z;
        f->nimm2 = 2;
        break;
    case IMM_O:
        f->nimm = f->asize;
        break;
    case IMM_BB:
        f->nimm = 1;
        f->nimm2 = 1;
        break;
    default:
        break;
    }
}

static void take_sizes(struct x86_fields *f)
{
    bool opsz = (f->prefix & INSN_OPSZ) != 0, adsz = (f->prefix & INSN_ADSZ) != 0;

    f->asize = f->width == 64 ? (adsz ? 4 : 8) : (f->width == 16) != adsz ? 2 : 4;
    if ((f->rex & 8) != 0)
        f->osize = 8;
    else if (f->width == 64)
        f->osize = opsz ? 2 : 4;
    else
        f->osize = (f->width == 16) != opsz ? 2 : 4;
}

/* In 64-bit code the stack is pushed by 8 or 2 bytes, and near branches are 8 bytes wide. */
static void default64(struct x86_fields *f)
{
    if (f->width != 64 || f->osize == 8)
        return;
    if ((f->row.flags & X86_ROW_N64) != 0 && f->osize == 2)
        f->status =
            INSN_UNSUPPORTED; /* Intel ignores 66 here, AMD cuts RIP to 16 bits: lengths differ */
    else if ((f->row.flags & (X86_ROW_N64 | X86_ROW_D64)) != 0 && f->osize == 4)
        f->osize = 8;
}

/* VEX, EVEX and XOP: none is in the subset, only the length matters. map: 1, 2, 3 as 0F, 0F38,
 * 0F3A; 8 to A XOP. */
static void take_vector(struct x86_fields *f, const uint8_t *b, unsigned payload)
{
    unsigned at = f->opcode_off, map = payload == 1 ? 1 : b[at + 1] & (payload == 3 ? 7 : 31);
    uint8_t op = b[at + payload + 1];
    bool shuffle =
        map == 1 && ((op >= 0x70 && op <= 0x73) || op == 0xc2 || (op >= 0xc4 && op <= 0xc6));

    f->map = 4;
    f->row = (struct x86_row){OP_NONE, X86_ROW_EXT, FORM_M};
    if (map == 3 || map == 8 || shuffle)
        f->row.form = FORM_M_IB;
    f->head = (uint8_t)(at + payload + 2);
    /* XOP map A carries 4 bytes; FORM_EV_IZ with a 4-byte operand gives them */
    f->osize = 4;
    if (map == 10)
        f->row.form = FORM_EV_IZ;
    if (map == 1 && op == 0x77 && payload != 3) {
        f->row.form = FORM_NOTHING;
        return;
    }
    f->modrm = b[f->head];
    take_modrm(f, b);
    /* a legacy size or repeat prefix, LOCK or REX before VEX is #UD (SDM Vol. 2A 2.3.2 to 2.3.6) */
    if (f->rex != 0 || (f->prefix & (INSN_OPSZ | INSN_REP | INSN_REPNE | INSN_LOCK)) != 0)
        f->row.flags = 0;
}

/* C4, C5, 62 and 8F are LES, LDS, BOUND and POP unless the bits after them make no such operand.
 * Real and virtual-8086 mode know no VEX: a register operand is just undefined there. */
static unsigned vector_payload(const struct x86_fields *f, const uint8_t *b)
{
    uint8_t op = b[f->opcode_off], next = b[f->opcode_off + 1];

    if (op == 0x8f)
        return (next & 31) >= 8 && !f->real ? 2 : 0;
    if (op != 0xc4 && op != 0xc5 && op != 0x62)
        return 0;
    if (f->width != 64 && (next < 0xc0 || f->real))
        return 0;
    return op == 0xc5 ? 1 : op == 0xc4 ? 2 : 3;
}

static void take_opcode(struct x86_fields *f, const uint8_t *b)
{
    unsigned at = f->opcode_off;

    f->opcode = b[at++];
    if (f->opcode == 0x0f) {
        f->map = 1;
        f->opcode = b[at++];
        if (f->opcode == 0x38 || f->opcode == 0x3a) {
            f->map = f->opcode == 0x38 ? 2 : 3;
            f->opcode = b[at++];
        }
    }
    f->head = (uint8_t)at;
    f->modrm = b[at]; /* read ahead: it selects within groups; counted only if the form has one */
    if (f->map == 1 && f->opcode >= 0x20 && f->opcode <= 0x23)
        f->modrm |= 0xc0; /* MOV to and from CRn and DRn ignore the mod field */
    x86_select(f);
    if (x86_forms[f->row.form].modrm != 0)
        take_modrm(f, b);
}

static bool row_is_undefined(const struct x86_fields *f)
{
    const unsigned simd = INSN_OPSZ | INSN_REP | INSN_REPNE;
    unsigned flags = f->row.flags;

    if ((f->prefix & INSN_LOCK) != 0 && ((flags & X86_ROW_LK) == 0 || f->modrm >= 0xc0))
        return true;
    return (f->row.op == OP_NONE && (flags & X86_ROW_EXT) == 0) ||
           (f->width == 64 && (flags & X86_ROW_I64) != 0) ||
           (f->width != 64 && (flags & X86_ROW_O64) != 0) ||
           (f->real && (flags & X86_ROW_PM) != 0) ||
           ((flags & X86_ROW_MEM) != 0 && f->modrm >= 0xc0) ||
           ((flags & X86_ROW_NP) != 0 && (f->prefix & simd) != 0);
}

void x86_fields(enum tsp_mode mode, const uint8_t *p, size_t n, struct x86_bytes *raw,
                struct x86_fields *f)
{
    unsigned payload;

    memset(raw, 0, sizeof(*raw));
    if (n >= X86_INSN_MAX) {
        n = X86_INSN_MAX;
        memcpy(raw->b, p, X86_INSN_MAX); /* a constant size costs no call */
    } else {
        memcpy(raw->b, p, n);
    }
    memset(f, 0, sizeof(*f));
    f->seg = 255;
    f->width = mode_width[mode];
    f->real = mode == TSP_MODE_REAL16 || mode == TSP_MODE_VM86;
    f->opcode_off = (uint8_t)take_prefixes(f, raw->b);
    take_sizes(f);
    payload = vector_payload(f, raw->b);
    if (payload != 0)
        take_vector(f, raw->b, payload);
    else
        take_opcode(f, raw->b);
    default64(f);
    take_imm(f);
    f->len = (uint8_t)(f->head + f->ndisp + f->nimm + f->nimm2);
    if (f->len > n) {
        f->status = n >= X86_INSN_MAX ? INSN_TOO_LONG : INSN_TRUNCATED;
        f->len = (uint8_t)n;
    } else if (row_is_undefined(f)) {
        f->status = INSN_ILLEGAL;
    } else if ((f->row.flags & X86_ROW_EXT) != 0) {
        f->status = INSN_UNSUPPORTED;
    }
}
