/* SPDX-License-Identifier: MIT */
/* Capstone's names for the operations of the subset, and the bytes it is shown. */
#include <capstone/capstone.h>
#include <string.h>

#include "decoder/private.h"

/* Operations that Capstone does not tell apart. */
static unsigned family(unsigned op)
{
    switch (op) {
    case OP_IMUL1:
        return OP_IMUL;
    case OP_MOV_CR:
    case OP_MOV_DR:
    case OP_MOV_SEG:
        return OP_MOV;
    case OP_PUSH_SEG:
        return OP_PUSH;
    case OP_POP_SEG:
        return OP_POP;
    case OP_JMP_IND:
        return OP_JMP;
    case OP_CALL_IND:
        return OP_CALL;
    default:
        return op;
    }
}

#define ID(name, op) [X86_INS_##name] = OP_##op
#define SAME(name) ID(name, name)
static const uint16_t op_of_id[X86_INS_ENDING] = {
    SAME(ADD),
    SAME(OR),
    SAME(ADC),
    SAME(SBB),
    SAME(AND),
    SAME(SUB),
    SAME(XOR),
    SAME(CMP),
    SAME(TEST),
    SAME(MOV),
    SAME(NOT),
    SAME(NEG),
    SAME(MUL),
    SAME(DIV),
    SAME(IDIV),
    SAME(IMUL),
    SAME(INC),
    SAME(DEC),
    SAME(ROL),
    SAME(ROR),
    SAME(RCL),
    SAME(RCR),
    SAME(SHL),
    ID(SAL, SHL),
    SAME(SHR),
    SAME(SAR),
    SAME(SHLD),
    SAME(SHRD),
    SAME(BT),
    SAME(BTS),
    SAME(BTR),
    SAME(BTC),
    SAME(BSF),
    SAME(BSR),
    SAME(TZCNT),
    SAME(LZCNT),
    SAME(POPCNT),
    SAME(BSWAP),
    SAME(DAA),
    SAME(DAS),
    SAME(AAA),
    SAME(AAS),
    SAME(AAM),
    SAME(AAD),
    SAME(SALC),
    ID(MOVABS, MOV),
    SAME(MOVZX),
    SAME(MOVSX),
    ID(MOVSXD, MOVSX),
    SAME(MOVBE),
    SAME(LEA),
    SAME(XCHG),
    SAME(XADD),
    SAME(CMPXCHG),
    SAME(CMPXCHG8B),
    ID(CMPXCHG16B, CMPXCHG8B),
    SAME(CBW),
    ID(CWDE, CBW),
    ID(CDQE, CBW),
    SAME(CWD),
    ID(CDQ, CWD),
    ID(CQO, CWD),
    ID(SETAE, SETCC),
    ID(SETA, SETCC),
    ID(SETBE, SETCC),
    ID(SETB, SETCC),
    ID(SETE, SETCC),
    ID(SETGE, SETCC),
    ID(SETG, SETCC),
    ID(SETLE, SETCC),
    ID(SETL, SETCC),
    ID(SETNE, SETCC),
    ID(SETNO, SETCC),
    ID(SETNP, SETCC),
    ID(SETNS, SETCC),
    ID(SETO, SETCC),
    ID(SETP, SETCC),
    ID(SETS, SETCC),
    ID(CMOVA, CMOVCC),
    ID(CMOVAE, CMOVCC),
    ID(CMOVB, CMOVCC),
    ID(CMOVBE, CMOVCC),
    ID(CMOVE, CMOVCC),
    ID(CMOVG, CMOVCC),
    ID(CMOVGE, CMOVCC),
    ID(CMOVL, CMOVCC),
    ID(CMOVLE, CMOVCC),
    ID(CMOVNE, CMOVCC),
    ID(CMOVNO, CMOVCC),
    ID(CMOVNP, CMOVCC),
    ID(CMOVNS, CMOVCC),
    ID(CMOVO, CMOVCC),
    ID(CMOVP, CMOVCC),
    ID(CMOVS, CMOVCC),
    SAME(LAHF),
    SAME(SAHF),
    ID(XLATB, XLAT),
    SAME(PUSH),
    SAME(POP),
    ID(PUSHAW, PUSHA),
    ID(PUSHAL, PUSHA),
    ID(POPAW, POPA),
    ID(POPAL, POPA),
    SAME(PUSHF),
    ID(PUSHFD, PUSHF),
    ID(PUSHFQ, PUSHF),
    SAME(POPF),
    ID(POPFD, POPF),
    ID(POPFQ, POPF),
    SAME(ENTER),
    SAME(LEAVE),
    ID(MOVSB, MOVS),
    ID(MOVSW, MOVS),
    ID(MOVSD, MOVS),
    ID(MOVSQ, MOVS),
    ID(STOSB, STOS),
    ID(STOSW, STOS),
    ID(STOSD, STOS),
    ID(STOSQ, STOS),
    ID(LODSB, LODS),
    ID(LODSW, LODS),
    ID(LODSD, LODS),
    ID(LODSQ, LODS),
    ID(CMPSB, CMPS),
    ID(CMPSW, CMPS),
    ID(CMPSD, CMPS),
    ID(CMPSQ, CMPS),
    ID(SCASB, SCAS),
    ID(SCASW, SCAS),
    ID(SCASD, SCAS),
    ID(SCASQ, SCAS),
    ID(JAE, JCC),
    ID(JA, JCC),
    ID(JBE, JCC),
    ID(JB, JCC),
    ID(JE, JCC),
    ID(JGE, JCC),
    ID(JG, JCC),
    ID(JLE, JCC),
    ID(JL, JCC),
    ID(JNE, JCC),
    ID(JNO, JCC),
    ID(JNP, JCC),
    ID(JNS, JCC),
    ID(JO, JCC),
    ID(JP, JCC),
    ID(JS, JCC),
    SAME(JMP),
    SAME(CALL),
    SAME(RET),
    SAME(LOOP),
    SAME(LOOPE),
    SAME(LOOPNE),
    SAME(JCXZ),
    ID(JECXZ, JCXZ),
    ID(JRCXZ, JCXZ),
    SAME(NOP),
    ID(PAUSE, NOP),
    ID(PREFETCH, NOP),
    ID(PREFETCHW, NOP),
    ID(PREFETCHNTA, NOP),
    ID(PREFETCHT0, NOP),
    ID(PREFETCHT1, NOP),
    ID(PREFETCHT2, NOP),
    ID(LFENCE, FENCE),
    ID(MFENCE, FENCE),
    ID(SFENCE, FENCE),
    SAME(CLC),
    SAME(STC),
    SAME(CMC),
    SAME(CLD),
    SAME(STD),
    SAME(BOUND),
    SAME(ARPL),
    SAME(MONITOR),
    SAME(MWAIT),
    ID(LDS, LFAR),
    ID(LES, LFAR),
    ID(LFS, LFAR),
    ID(LGS, LFAR),
    ID(LSS, LFAR),
    SAME(LGDT),
    SAME(LIDT),
    SAME(SGDT),
    SAME(SIDT),
    SAME(LLDT),
    SAME(LTR),
    SAME(SLDT),
    SAME(STR),
    SAME(LMSW),
    SAME(SMSW),
    SAME(CLTS),
    SAME(CLI),
    SAME(STI),
    ID(LJMP, JMP_FAR),
    ID(LCALL, CALL_FAR),
    ID(RETF, RET_FAR),
    ID(RETFQ, RET_FAR),
    SAME(IRET),
    ID(IRETD, IRET),
    ID(IRETQ, IRET),
    SAME(INVLPG),
    SAME(INVD),
    SAME(WBINVD),
    SAME(XGETBV),
    SAME(XSETBV),
    SAME(SWAPGS),
    SAME(STAC),
    SAME(CLAC),
    SAME(SYSCALL),
    SAME(SYSRET),
    SAME(SYSENTER),
    SAME(SYSEXIT),
    SAME(LAR),
    SAME(LSL),
    SAME(VERR),
    SAME(VERW),
    /* the trap classes, for the cross-check of the prescan */
    SAME(CPUID),
    SAME(VMCALL),
    SAME(VMMCALL),
    SAME(INT),
    SAME(INT3),
    SAME(INTO),
    SAME(INT1),
    SAME(IN),
    SAME(OUT),
    ID(INSB, INS),
    ID(INSW, INS),
    ID(INSD, INS),
    ID(OUTSB, OUTS),
    ID(OUTSW, OUTS),
    ID(OUTSD, OUTS),
    SAME(UD0),
    SAME(UD2),
    SAME(HLT),
    SAME(RDMSR),
    SAME(WRMSR),
    SAME(RDTSC),
    SAME(RDTSCP),
#if CS_API_MAJOR >= 5
    SAME(UD1),
    ID(SYSRETQ, SYSRET),
    ID(SYSEXITQ, SYSEXIT),
    ID(ENDBR32, NOP),
    ID(ENDBR64, NOP),
#else
    ID(UD2B, UD1),
#endif
};

bool x86_id_is(unsigned capstone_id, unsigned op)
{
    if (capstone_id == X86_INS_INVALID || capstone_id >= X86_INS_ENDING || op == OP_NONE)
        return false;
#if CS_API_MAJOR >= 5
    /* `call ptr` and `jmp ptr`: Capstone 5 names some far branches through memory so */
    if (op == OP_CALL_FAR && capstone_id == X86_INS_CALL)
        return true;
    if (op == OP_JMP_FAR && capstone_id == X86_INS_JMP)
        return true;
#endif
    /* one operation here, some eighty names there: enough that it is none of the others */
    return op_of_id[capstone_id] == (op == OP_X87 ? OP_NONE : family(op));
}

/* F2 and F3 mean something to these; before everything else of the subset a processor ignores them.
 */
static bool keeps_rep(unsigned op)
{
    return op == OP_TZCNT || op == OP_LZCNT || op == OP_POPCNT;
}

/* 67 means nothing to these, and Capstone takes it for the size of the immediate, or for 66, when
 * REX.W is there too. */
static bool drops_adsz(unsigned op)
{
    return op == OP_RET || op == OP_CALL || op == OP_JMP || op == OP_JCC || op == OP_FENCE;
}

unsigned x86_canonical(const struct x86_fields *f, const struct x86_bytes *raw, uint8_t *out,
                       unsigned *dropped)
{
    static const uint8_t seg_byte[6] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    unsigned n = 0, rest = f->len - f->opcode_off;

    if ((f->prefix & INSN_ADSZ) != 0 && !drops_adsz(f->row.op))
        out[n++] = 0x67;
    if (f->seg < 6)
        out[n++] = seg_byte[f->seg];
    if ((f->prefix & INSN_OPSZ) != 0 && (f->prefix & INSN_REXW) == 0)
        out[n++] = 0x66;
    if (keeps_rep(f->row.op))
        out[n++] = 0xf3;
    if (f->rex != 0)
        out[n++] = f->rex;
    memcpy(out + n, raw->b + f->opcode_off, rest);
    /* the processor ignores these ModRM.mod bits, Capstone does not */
    if (f->row.op == OP_MOV_CR || f->row.op == OP_MOV_DR)
        out[n + 2] |= 0xc0;
    n += rest;
    *dropped = f->len - n;
    return n;
}
