/* SPDX-License-Identifier: MIT */
/* From fields to struct insn: operands, default segments, the register numbers that do not exist.
 */
#include <string.h>

#include "decoder/private.h"

static void reg_opnd(const struct x86_fields *f, struct opnd *o, unsigned reg)
{
    o->kind = OPND_REG;
    o->reg = (uint8_t)reg;
    if (o->size == 1 && f->rex == 0 && reg >= 4) {
        o->kind = OPND_REG8H;
        o->reg = (uint8_t)(reg - 4);
    }
}

/* SDM Vol. 2A table 2-1: base and index of 16-bit addressing forms. */
static void address16(const struct x86_fields *f, struct insn *out)
{
    static const uint8_t base[8] = {TSP_RBX, TSP_RBX, TSP_RBP, TSP_RBP,
                                    TSP_RSI, TSP_RDI, TSP_RBP, TSP_RBX};
    static const uint8_t index[8] = {TSP_RSI, TSP_RDI, TSP_RSI, TSP_RDI, 255, 255, 255, 255};
    unsigned rm = f->modrm & 7;

    if (rm == 6 && f->modrm < 0x40)
        return;
    out->base = base[rm];
    out->index = index[rm];
    if (base[rm] == TSP_RBP)
        out->seg = TSP_SS;
}

static void address_sib(const struct x86_fields *f, uint8_t sib, struct insn *out)
{
    unsigned index = ((sib >> 3) & 7) | (f->rex & 2u) << 2, base = sib & 7;

    if (index != 4) {
        out->index = (uint8_t)index;
        out->scale = (uint8_t)(1u << (sib >> 6));
    }
    if (base == 5 && f->modrm < 0x40)
        return;
    base |= (f->rex & 1u) << 3;
    out->base = (uint8_t)base;
    if (base == TSP_RSP || base == TSP_RBP)
        out->seg = TSP_SS;
}

static void address(const struct x86_fields *f, const struct x86_bytes *raw, struct insn *out)
{
    unsigned rm = f->modrm & 7;

    if (f->asize == 2) {
        address16(f, out);
    } else if (rm == 4) {
        address_sib(f, raw->b[f->head - 1], out);
    } else if (rm == 5 && f->modrm < 0x40) {
        out->base = f->width == 64 ? 16 : 255;
    } else {
        out->base = (uint8_t)(rm | (f->rex & 1u) << 3);
        if (out->base == TSP_RBP)
            out->seg = TSP_SS;
    }
    if (f->seg != 255)
        out->seg = f->seg;
}

static uint8_t size_bytes(const struct x86_fields *f, unsigned size, bool memory)
{
    uint8_t v = f->osize;

    switch (size) {
    case SZ_b:
        return 1;
    case SZ_w:
        return 2;
    case SZ_d:
        return 4;
    case SZ_y:
        return f->width == 64 ? 8 : 4;
    case SZ_z:
        return memory ? 2 : v;
    case SZ_i:
        return (f->row.flags & X86_ROW_BYTE) != 0 ? 1 : v == 8 ? 4 : v;
    case SZ_p:
        return (uint8_t)(v + 2);
    case SZ_s:
        return f->width == 64 ? 10 : 6;
    case SZ_x:
        return v == 8 ? 16 : 8;
    case SZ_a:
        return (uint8_t)(2 * v);
    default:
        return v;
    }
}

/* Control and debug registers that exist; MOV CS is the one segment load that does not. */
static bool special_exists(const struct x86_fields *f, unsigned kind, unsigned reg)
{
    if (kind == K_C)
        return reg == 0 || (reg >= 2 && reg <= 4) || reg == 8;
    if (kind == K_D)
        return reg < 8;
    return reg < 6 && !(f->opcode == 0x8e && reg == TSP_CS);
}

static void special_opnd(const struct x86_fields *f, unsigned kind, struct insn *out,
                         struct opnd *o)
{
    unsigned reg = (f->modrm >> 3) & 7;

    if (kind != K_S)
        reg |= (f->rex & 4u) << 1;
    o->kind = kind == K_C ? OPND_CR : kind == K_D ? OPND_DR : OPND_SEG;
    o->reg = (uint8_t)reg;
    if (!special_exists(f, kind, reg))
        out->status = INSN_ILLEGAL;
}

/* ES CS SS DS from bits 4:3 of the one-byte opcodes, FS and GS from bit 3 of 0F A0 to 0F A9. */
static uint8_t seg_in_opcode(const struct x86_fields *f)
{
    return (uint8_t)(f->map == 0 ? f->opcode >> 3 : TSP_FS + ((f->opcode >> 3) & 1));
}

static void memory_opnd(const struct x86_fields *f, const struct x86_bytes *raw, struct insn *out)
{
    if (x86_forms[f->row.form].modrm != 0)
        address(f, raw, out);
    else if (f->seg != 255)
        out->seg = f->seg;
}

static void one_opnd(const struct x86_fields *f, const struct x86_bytes *raw, unsigned spec,
                     struct insn *out)
{
    struct opnd *o = &out->opnd[out->nopnd++];
    unsigned kind = spec >> 4, b = (f->rex & 1u) << 3;
    bool memory = kind == K_O || (kind == K_E && f->modrm < 0xc0);

    o->size = size_bytes(f, spec & 15, memory);
    if (memory) {
        o->kind = OPND_MEM;
        memory_opnd(f, raw, out);
        return;
    }
    switch (kind) {
    case K_E:
    case K_R:
        reg_opnd(f, o, (f->modrm & 7) | b);
        break;
    case K_G:
        reg_opnd(f, o, ((f->modrm >> 3) & 7) | (f->rex & 4u) << 1);
        break;
    case K_Z:
        reg_opnd(f, o, (f->opcode & 7) | b);
        break;
    case K_A:
        reg_opnd(f, o, TSP_RAX);
        break;
    case K_CL:
        reg_opnd(f, o, TSP_RCX);
        break;
    case K_DX:
        reg_opnd(f, o, TSP_RDX);
        break;
    case K_SEG:
        o->kind = OPND_SEG;
        o->reg = seg_in_opcode(f);
        break;
    case K_ONE:
        out->imm = 1;
        o->kind = OPND_IMM;
        break;
    case K_I:
        o->kind = OPND_IMM;
        break;
    default:
        special_opnd(f, kind, out, o);
        break;
    }
}

static uint8_t far_segment(uint8_t opcode)
{
    switch (opcode) {
    case 0xc4:
        return TSP_ES;
    case 0xc5:
        return TSP_DS;
    case 0xb2:
        return TSP_SS;
    case 0xb4:
        return TSP_FS;
    default:
        return TSP_GS;
    }
}

/* What the generic rules leave open. */
static void adjust(const struct x86_fields *f, struct insn *out)
{
    if ((f->row.flags & X86_ROW_BYTE) != 0)
        out->osize = 1;
    switch (out->op) {
    case OP_JCC:
    case OP_SETCC:
    case OP_CMOVCC:
        out->cond = f->opcode & 15;
        break;
    case OP_LFAR:
        out->cond = far_segment(f->opcode);
        break;
    case OP_SGDT:
    case OP_SIDT:
    case OP_LGDT:
    case OP_LIDT:
    case OP_MOV_CR:
    case OP_MOV_DR:
        if (f->width == 64)
            out->osize = 8;
        else if (out->op == OP_MOV_CR || out->op == OP_MOV_DR)
            out->osize = 4;
        break;
    case OP_INS:
    case OP_OUTS:
        if (out->osize == 8)
            out->osize = 4;
        break;
    case OP_IN:
    case OP_OUT:
        out->osize = out->opnd[out->op == OP_OUT].size;
        break;
    default:
        break;
    }
}

void x86_lower(const struct x86_fields *f, const struct x86_bytes *raw, struct insn *out)
{
    const struct x86_form_row *form = &x86_forms[f->row.form];

    memset(out, 0, sizeof(*out));
    out->status = f->status;
    out->len = f->len;
    out->osize = f->osize;
    out->asize = f->asize;
    out->prefix = f->prefix;
    out->opcode_off = f->opcode_off;
    out->seg = f->seg != 255 ? f->seg : TSP_DS;
    out->base = out->index = 255;
    out->scale = 1;
    if (f->status != INSN_OK)
        return;
    out->op = f->row.op;
    for (unsigned i = 0; i < 3 && form->opnd[i] != 0; i++)
        one_opnd(f, raw, form->opnd[i], out);
    adjust(f, out);
    if (out->status != INSN_OK)
        out->op = OP_NONE;
}

static bool imm_is_signed(const struct x86_fields *f)
{
    switch (f->row.form) {
    case FORM_JB:
    case FORM_JZ:
    case FORM_EV_IBS:
    case FORM_GV_EV_IB:
    case FORM_PUSH_IB:
    case FORM_AV_IZ:
    case FORM_EV_IZ:
    case FORM_PUSH_IZ:
    case FORM_GV_EV_IZ:
        return true;
    default:
        return false;
    }
}

/* n 1..8 bytes at p, of which 8 are readable. */
static uint64_t value(const uint8_t *p, unsigned n, bool is_signed)
{
    uint64_t v = load64(p) << (64 - 8 * n);
    uint64_t sign = is_signed && v >> 63 != 0 ? ~(~(uint64_t)0 >> (64 - 8 * n)) : 0;

    return v >> (64 - 8 * n) | (n < 8 ? sign : 0);
}

static void fill_imm(const struct x86_fields *f, const uint8_t *p, struct insn *out)
{
    out->imm = value(p, f->nimm, imm_is_signed(f));
    if (f->nimm2 != 0)
        out->far_sel = (uint16_t)value(p + f->nimm, f->nimm2, false);
    if (x86_forms[f->row.form].imm == IMM_O)
        out->disp = (int64_t)out->imm;
}

void x86_fill(const struct x86_fields *f, const struct x86_bytes *raw, struct insn *out)
{
    const uint8_t *p = raw->b + f->head;

    /* what follows the instruction is not part of the answer */
    store64(out->bytes, first_bytes(load64(raw->b), f->len));
    store64(out->bytes + 8, f->len > 8 ? first_bytes(load64(raw->b + 8), f->len - 8u) : 0);
    if (out->status != INSN_OK)
        return;
    if (f->ndisp != 0)
        out->disp = (int64_t)value(p, f->ndisp, true);
    if (f->nimm != 0)
        fill_imm(f, p + f->ndisp, out);
}
