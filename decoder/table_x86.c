/* SPDX-License-Identifier: MIT */
/* The opcode map as tables, and the opcodes whose meaning depends on more than their number. */
#include "decoder/private.h"

#define IMM(name) IMM_##name
#define KIND(kind, size) (uint8_t)((kind) << 4 | (size))
enum {
    NO = 0,
    E_b = KIND(K_E, SZ_b),
    E_w = KIND(K_E, SZ_w),
    E_d = KIND(K_E, SZ_d),
    E_v = KIND(K_E, SZ_v),
    E_z = KIND(K_E, SZ_z),
    E_p = KIND(K_E, SZ_p),
    E_s = KIND(K_E, SZ_s),
    E_x = KIND(K_E, SZ_x),
    E_a = KIND(K_E, SZ_a),
    E_n = KIND(K_E, SZ_n),
    G_b = KIND(K_G, SZ_b),
    G_v = KIND(K_G, SZ_v),
    G_w = KIND(K_G, SZ_w),
    Z_b = KIND(K_Z, SZ_b),
    Z_v = KIND(K_Z, SZ_v),
    A_b = KIND(K_A, SZ_b),
    A_v = KIND(K_A, SZ_v),
    A_i = KIND(K_A, SZ_i),
    I_b = KIND(K_I, SZ_b),
    I_v = KIND(K_I, SZ_v),
    ONE_b = KIND(K_ONE, SZ_b),
    CL_b = KIND(K_CL, SZ_b),
    DX_w = KIND(K_DX, SZ_w),
    O_b = KIND(K_O, SZ_b),
    O_v = KIND(K_O, SZ_v),
    S_w = KIND(K_S, SZ_w),
    SEG_v = KIND(K_SEG, SZ_v),
    R_y = KIND(K_R, SZ_y),
    C_y = KIND(K_C, SZ_y),
    D_y = KIND(K_D, SZ_y)
};

const struct x86_form_row x86_forms[FORM_COUNT] = {
#define FORM(name, modrm, imm, a, b, c) [FORM_##name] = {modrm, IMM(imm), {a, b, c}},
#include "decoder/opcode_x86.def"
};

enum {
    LK = X86_ROW_LK,
    I64 = X86_ROW_I64,
    D64 = X86_ROW_D64,
    N64 = X86_ROW_N64,
    PM = X86_ROW_PM,
    EXT = X86_ROW_EXT,
    BYTE = X86_ROW_BYTE,
    NP = X86_ROW_NP,
    MEM = X86_ROW_MEM,
    GROUP = X86_ROW_GROUP,
    O64 = X86_ROW_O64
};

#define ROW(op, form, flags)                                                                       \
    {                                                                                              \
        (op), (flags), FORM_##form                                                                 \
    }
static const struct x86_row one[256] = {
#define ONE(opcode, op, form, flags) [opcode] = ROW(op, form, flags),
#include "decoder/opcode_x86.def"
};
static const struct x86_row two[256] = {
#define TWO(opcode, op, form, flags) [opcode] = ROW(op, form, flags),
#include "decoder/opcode_x86.def"
};
static const struct x86_row group[12][8] = {
#define GRP(group, reg, op, form, flags) [group][reg] = ROW(op, form, flags),
#include "decoder/opcode_x86.def"
};

/* The register half of 0F 01. Left out, so #UD: VMX, SVM, SGX, TDX, RTM, PKU, CET, PCONFIG,
 * SERIALIZE, MONITORX, MCOMMIT, CLZERO, RDPRU and SNP instructions, whose features and enabling
 * bits the vCPU never has. */
static const struct x86_row page_0f01[64] = {
    [0x01] = ROW(OP_VMCALL, M, 0),  [0x08] = ROW(OP_MONITOR, M, 0), [0x09] = ROW(OP_MWAIT, M, 0),
    [0x0a] = ROW(OP_CLAC, M, NP),   [0x0b] = ROW(OP_STAC, M, NP),   [0x10] = ROW(OP_XGETBV, M, NP),
    [0x11] = ROW(OP_XSETBV, M, NP), [0x19] = ROW(OP_VMMCALL, M, 0), [0x38] = ROW(OP_SWAPGS, M, O64),
    [0x39] = ROW(OP_RDTSCP, M, 0),
};

static const struct x86_row undefined_m = ROW(OP_NONE, M, 0);
static const struct x86_row unknown_m = ROW(OP_NONE, M, EXT);
static const struct x86_row unknown_m_ib = ROW(OP_NONE, M_IB, EXT);

static void select_group(struct x86_fields *f)
{
    const struct x86_row outer = f->row;
    unsigned reg = (f->modrm >> 3) & 7;

    f->row = group[outer.op][reg];
    f->row.flags |= outer.flags & (BYTE | I64 | PM);
    if (f->row.form == FORM_INHERIT || f->row.form == FORM_NOTHING)
        f->row.form = outer.form;
    if (outer.op == 3 && reg < 2)
        f->row.form = outer.form == FORM_EB ? FORM_EB_IB : FORM_EV_IZ;
    /* VMPTRLD, VMPTRST and their like: VMX root operation is never on */
    if (outer.op == 9 && reg >= 6 && f->modrm < 0xc0)
        f->row = undefined_m;
}

static void select_0f01(struct x86_fields *f)
{
    unsigned reg = (f->modrm >> 3) & 7;

    if (f->modrm < 0xc0 || reg == 4 || reg == 6)
        select_group(f);
    else
        f->row = page_0f01[f->modrm & 63].form == FORM_M ? page_0f01[f->modrm & 63] : undefined_m;
}

/* BSF and BSR become TZCNT and LZCNT by F3; POPCNT exists with F3 only (JMPE of another
 * architecture without). */
static void select_count(struct x86_fields *f)
{
    bool rep = (f->prefix & INSN_REP) != 0;

    if (f->opcode == 0xb8)
        f->row.op = rep ? OP_POPCNT : OP_NONE;
    else if (rep)
        f->row.op = f->opcode == 0xbc ? OP_TZCNT : OP_LZCNT;
}

/* Group 15: fences in the register half; everything else needs FXSAVE, XSAVE, FSGSBASE or CET. */
static void select_0fae(struct x86_fields *f)
{
    bool plain = (f->prefix & (INSN_OPSZ | INSN_REP | INSN_REPNE)) == 0;

    if (f->modrm >= 0xe8 && plain)
        f->row = (struct x86_row){OP_FENCE, 0, FORM_M};
    else if (f->modrm >= 0xc0 && f->modrm < 0xe8 && (f->prefix & INSN_REP) == 0)
        f->row = undefined_m;
}

/* SSE4A's two forms with immediates share opcodes with VMREAD and VMWRITE. */
static void select_0f78(struct x86_fields *f)
{
    if ((f->prefix & (INSN_OPSZ | INSN_REPNE)) != 0)
        f->row = (struct x86_row){OP_NONE, EXT, f->opcode == 0x78 ? FORM_M_IBB : FORM_M};
}

static void select_0f38(struct x86_fields *f)
{
    bool crc = (f->prefix & INSN_REPNE) != 0;

    f->row = unknown_m;
    /* Intel SDM Vol. 2D table A-4: with F3 both are empty. */
    if ((f->opcode & 0xfe) == 0xf0 && (f->prefix & INSN_REP) != 0) {
        f->row = undefined_m;
    } else if ((f->opcode & 0xfe) == 0xf0 && !crc) {
        f->row = (struct x86_row){OP_MOVBE, MEM, FORM_GV_EV};
        if (f->opcode == 0xf1)
            f->row.form = FORM_EV_GV;
    } else if (f->opcode == 0x80 || f->opcode == 0x81) {
        f->row = undefined_m; /* INVEPT, INVVPID */
    }
}

static void select_two(struct x86_fields *f)
{
    f->row = two[f->opcode];
    switch (f->opcode) {
    case 0x01:
        select_0f01(f);
        break;
    case 0x78:
    case 0x79:
        select_0f78(f);
        break;
    case 0xae:
        select_0fae(f);
        break;
    case 0xb8:
    case 0xbc:
    case 0xbd:
        select_count(f);
        break;
    default:
        if ((f->row.flags & GROUP) != 0)
            select_group(f);
        break;
    }
}

/*
 * x87 instructions that work on the register stack alone, a bit per ModRM byte C0 to FF of D8 to DF
 * (SDM Vol. 2D tables ). Not among them: stores, what writes AX or EFLAGS, loads of the
 * control word, reserved encodings and undocumented aliases.
 */
static const uint64_t x87_stack[8] = {
    0xffffffffffffffffu, /* D8 arithmetic and compares with ST(0) */
    0xffff7f330001ffffu, /* D9 FLD FXCH FNOP FCHS FABS FTST FXAM, constants, functions */
    0x00000200ffffffffu, /* DA FCMOVcc FUCOMPP */
    0x0000000cffffffffu, /* DB FCMOVNcc FNCLEX FNINIT */
    0xffffffff0000ffffu, /* DC arithmetic to ST(i) */
    0x0000ffffffff00ffu, /* DD FFREE FST FSTP FUCOM FUCOMP */
    0xffffffff0200ffffu, /* DE arithmetic and pop, FCOMPP */
    0,                   /* DF FNSTSW AX, FUCOMIP, FCOMIP */
};

static void select_x87(struct x86_fields *f)
{
    if (f->modrm >= 0xc0 && ((x87_stack[f->opcode & 7] >> (f->modrm & 63)) & 1) != 0)
        f->row = (struct x86_row){OP_X87, 0, FORM_M};
}

static void select_one(struct x86_fields *f)
{
    f->row = one[f->opcode];
    if ((f->opcode & 0xf8) == 0xd8) {
        select_x87(f);
        return;
    }
    if ((f->row.flags & GROUP) != 0)
        select_group(f);
    else if (f->opcode == 0x90 && (f->rex & 1) != 0) /* F3 or not: XCHG R8 */
        f->row = (struct x86_row){OP_XCHG, 0, FORM_ZV_AV};
    else if (f->opcode == 0x63 && f->width == 64)
        f->row = (struct x86_row){OP_MOVSX, 0, FORM_GV_ED};
}

void x86_select(struct x86_fields *f)
{
    if (f->map == 0)
        select_one(f);
    else if (f->map == 1)
        select_two(f);
    else if (f->map == 2)
        select_0f38(f);
    else
        f->row = unknown_m_ib;
}
