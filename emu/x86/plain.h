/* SPDX-License-Identifier: MIT */
/*
 * Plain instructions: what their handlers share. A handler is called with pc already behind the
 * instruction; it changes pc only to branch. STEP_FAULT leaves every register but pc as it was. A
 * memory access that ends with STEP_EVENT (a device access) is complete: the handler goes on and
 * returns the event at its end.
 */
#ifndef TSP_EMU_X86_PLAIN_H
#define TSP_EMU_X86_PLAIN_H

#include <string.h>

#include "emu/x86/flags.h"
#include "emu/x86/segment.h"

/* One row per operation that exec.c looks up. */
#define PLAIN_OPS(X)                                                                               \
    X(ADD)                                                                                         \
    X(OR)                                                                                          \
    X(ADC)                                                                                         \
    X(SBB)                                                                                         \
    X(AND)                                                                                         \
    X(SUB)                                                                                         \
    X(XOR)                                                                                         \
    X(CMP)                                                                                         \
    X(TEST)                                                                                        \
    X(NOT)                                                                                         \
    X(NEG)                                                                                         \
    X(INC)                                                                                         \
    X(DEC)                                                                                         \
    X(MUL)                                                                                         \
    X(IMUL1)                                                                                       \
    X(IMUL)                                                                                        \
    X(DIV)                                                                                         \
    X(IDIV)                                                                                        \
    X(ROL)                                                                                         \
    X(ROR)                                                                                         \
    X(RCL)                                                                                         \
    X(RCR)                                                                                         \
    X(SHL)                                                                                         \
    X(SHR)                                                                                         \
    X(SAR)                                                                                         \
    X(SHLD)                                                                                        \
    X(SHRD)                                                                                        \
    X(BT)                                                                                          \
    X(BTS)                                                                                         \
    X(BTR)                                                                                         \
    X(BTC)                                                                                         \
    X(BSF)                                                                                         \
    X(BSR)                                                                                         \
    X(TZCNT)                                                                                       \
    X(LZCNT)                                                                                       \
    X(POPCNT)                                                                                      \
    X(BSWAP)                                                                                       \
    X(DAA)                                                                                         \
    X(DAS)                                                                                         \
    X(AAA)                                                                                         \
    X(AAS)                                                                                         \
    X(AAM)                                                                                         \
    X(AAD)                                                                                         \
    X(SALC)                                                                                        \
    X(MOV)                                                                                         \
    X(MOVZX)                                                                                       \
    X(MOVSX)                                                                                       \
    X(MOVBE)                                                                                       \
    X(LEA)                                                                                         \
    X(XCHG)                                                                                        \
    X(XADD)                                                                                        \
    X(CMPXCHG)                                                                                     \
    X(CMPXCHG8B)                                                                                   \
    X(CBW)                                                                                         \
    X(CWD)                                                                                         \
    X(SETCC)                                                                                       \
    X(CMOVCC)                                                                                      \
    X(LAHF)                                                                                        \
    X(SAHF)                                                                                        \
    X(XLAT)                                                                                        \
    X(PUSH)                                                                                        \
    X(POP)                                                                                         \
    X(PUSHA)                                                                                       \
    X(POPA)                                                                                        \
    X(PUSHF)                                                                                       \
    X(POPF)                                                                                        \
    X(ENTER)                                                                                       \
    X(LEAVE)                                                                                       \
    X(MOVS)                                                                                        \
    X(STOS)                                                                                        \
    X(LODS)                                                                                        \
    X(CMPS)                                                                                        \
    X(SCAS)                                                                                        \
    X(JCC)                                                                                         \
    X(JMP)                                                                                         \
    X(CALL)                                                                                        \
    X(JMP_IND)                                                                                     \
    X(CALL_IND)                                                                                    \
    X(RET)                                                                                         \
    X(LOOP)                                                                                        \
    X(LOOPE)                                                                                       \
    X(LOOPNE)                                                                                      \
    X(JCXZ)                                                                                        \
    X(NOP)                                                                                         \
    X(X87)                                                                                         \
    X(FENCE)                                                                                       \
    X(CLC)                                                                                         \
    X(STC)                                                                                         \
    X(CMC)                                                                                         \
    X(CLD)                                                                                         \
    X(STD)                                                                                         \
    X(BOUND)                                                                                       \
    X(ARPL)                                                                                        \
    X(MONITOR)                                                                                     \
    X(MWAIT)

#define X(name) enum step plain_##name(struct vm *vm, struct vcpu *vc, const struct insn *in);
PLAIN_OPS(X)
#undef X

/* The mask of an operand of size bytes, 1 2 4 8. */
static inline uint64_t size_mask(unsigned size)
{
    return ~(uint64_t)0 >> (64 - 8 * size);
}

/* 64 by 64 bits to 128, by halves. */
static inline void multiply(uint64_t a, uint64_t b, uint64_t *lo, uint64_t *hi)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t ll = al * bl, lh = al * bh, hl = ah * bl;
    uint64_t mid = (ll >> 32) + (uint32_t)lh + (uint32_t)hl;

    *lo = (mid << 32) | (uint32_t)ll;
    *hi = ah * bh + (lh >> 32) + (hl >> 32) + (mid >> 32);
}

static inline void multiply_signed(uint64_t a, uint64_t b, uint64_t *lo, uint64_t *hi)
{
    multiply(a, b, lo, hi);
    if (a >> 63)
        *hi -= b;
    if (b >> 63)
        *hi -= a;
}

/* The lower half of the signed product. It fits when sign-extending it gives all of the product. */
static inline uint64_t multiply_low(uint64_t a, uint64_t b, unsigned size, bool *over)
{
    uint64_t lo, hi;

    if (size == 8) {
        multiply_signed(a, b, &lo, &hi);
        *over = hi != 0 - (lo >> 63);
        return lo;
    }
    lo = bits_sext(a, 8 * size) * bits_sext(b, 8 * size);
    *over = bits_sext(lo, 8 * size) != lo;
    return lo & size_mask(size);
}

/* Of two accesses in a row: a fault of the second, else the device access there was. */
static inline enum step step_both(enum step a, enum step b)
{
    return b == STEP_NEXT ? a : b;
}

static inline uint64_t reg_get(const struct vcpu *vc, const struct opnd *o)
{
    uint64_t v = vc->s.regs.r[o->reg & 15];

    if (o->kind == OPND_REG8H)
        return (v >> 8) & 0xff;
    return v & size_mask(o->size);
}

/* 32-bit results clear the upper half, 8- and 16-bit results leave the rest. */
static inline void reg_put(struct vcpu *vc, const struct opnd *o, uint64_t v)
{
    uint64_t *r = &vc->s.regs.r[o->reg & 15];

    if (o->size == 8)
        *r = v;
    else if (o->size == 4)
        *r = (uint32_t)v;
    else if (o->size == 2)
        *r = (*r & ~(uint64_t)0xffff) | (v & 0xffff);
    else if (o->kind == OPND_REG8H)
        *r = (*r & ~(uint64_t)0xff00) | (v & 0xff) << 8;
    else
        *r = (*r & ~(uint64_t)0xff) | (v & 0xff);
}

/* A whole register by number, written as an operand of size bytes. */
static inline void reg_set(struct vcpu *vc, unsigned reg, unsigned size, uint64_t v)
{
    struct opnd o = {OPND_REG, (uint8_t)reg, (uint8_t)size, 0};

    reg_put(vc, &o, v);
}

static inline uint64_t cut(uint64_t off, unsigned asize)
{
    return asize == 8 ? off : asize == 4 ? (uint32_t)off : (uint16_t)off;
}

/* The offset that the memory operand names with addresses of 8 bytes; pc is already behind the
 * instruction. */
static inline uint64_t effective_wide(const struct vcpu *vc, const struct insn *in)
{
    uint64_t off = (uint64_t)in->disp;

    if (in->base < 16)
        off += vc->s.regs.r[in->base];
    else if (in->base == 16)
        off += vc->s.regs.pc;
    if (in->index < 16)
        off += vc->s.regs.r[in->index] * in->scale;
    return off;
}

static inline uint64_t effective(const struct vcpu *vc, const struct insn *in)
{
    return cut(effective_wide(vc, in), in->asize);
}

/*
 * The host address of a remembered page when nothing but the page's rights can matter: 64-bit code,
 * a segment without base, no alignment check, no page crossing. NULL: take the long way. which: 0
 * read, 1 write.
 */
static inline uint8_t *flat_host(const struct vcpu *vc, unsigned seg, uint64_t off, unsigned len,
                                 unsigned which)
{
    const struct tlb_entry *e = &vc->tlb[which][(off / MEM_PAGE) % VM_TLB];

    if (vc->s.regs.mode != TSP_MODE_LONG64 || seg >= TSP_FS ||
        (vc->s.regs.flags & X86_AC_FLAG) != 0)
        return NULL;
    if (e->tag != mmu_tag(vc, off, which) || off % MEM_PAGE + len > MEM_PAGE)
        return NULL;
    return e->host + off % MEM_PAGE;
}

/* Guest memory is little-endian; fixed sizes let the compiler make one load or store of each. */
static inline uint64_t host_load(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1:
        return p[0];
    case 2:
        return (uint64_t)p[0] | (uint64_t)p[1] << 8;
    case 4:
        return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
    default:
        return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
               (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
               (uint64_t)p[7] << 56;
    }
}

static inline void host_store(uint8_t *p, uint64_t v, unsigned size)
{
    p[0] = (uint8_t)v;
    if (size == 1)
        return;
    p[1] = (uint8_t)(v >> 8);
    if (size == 2)
        return;
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
    if (size == 4)
        return;
    p[4] = (uint8_t)(v >> 32);
    p[5] = (uint8_t)(v >> 40);
    p[6] = (uint8_t)(v >> 48);
    p[7] = (uint8_t)(v >> 56);
}

enum step x86_load_value(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, unsigned size,
                         uint64_t *v);
enum step x86_store_value(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off, unsigned size,
                          uint64_t v);

static inline enum step load(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off,
                             unsigned size, uint64_t *v)
{
    const uint8_t *p = flat_host(vc, seg, off, size, 0);

    if (!p)
        return x86_load_value(vm, vc, seg, off, size, v);
    *v = host_load(p, size);
    return STEP_NEXT;
}

static inline enum step store(struct vm *vm, struct vcpu *vc, unsigned seg, uint64_t off,
                              unsigned size, uint64_t v)
{
    uint8_t *p = flat_host(vc, seg, off, size, 1);

    if (!p)
        return x86_store_value(vm, vc, seg, off, size, v);
    mem_touch(&vm->mem, (uint64_t)(p - vm->mem.ram), size);
    host_store(p, v, size);
    return STEP_NEXT;
}

/* Operand i, cut to its size. */
static inline enum step read_opnd(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned i,
                                  uint64_t *v)
{
    const struct opnd *o = &in->opnd[i];

    if (o->kind == OPND_MEM)
        return load(vm, vc, in->seg, effective(vc, in), o->size, v);
    *v = o->kind == OPND_IMM ? in->imm & size_mask(o->size) : reg_get(vc, o);
    return STEP_NEXT;
}

static inline enum step write_opnd(struct vm *vm, struct vcpu *vc, const struct insn *in,
                                   unsigned i, uint64_t v)
{
    const struct opnd *o = &in->opnd[i];

    if (o->kind == OPND_MEM)
        return store(vm, vc, in->seg, effective(vc, in), o->size, v);
    reg_put(vc, o, v);
    return STEP_NEXT;
}

/*
 * Read-modify-write of opnd[0]: begin reads it, having made sure that the store of end cannot
 * fault. Between the two a handler commits nothing; after end nothing may fail.
 */
struct rmw {
    uint8_t *host;
    uint64_t off;
    enum step step;
};

enum step x86_rmw_begin(struct vm *vm, struct vcpu *vc, const struct insn *in, struct rmw *m,
                        uint64_t *v);

static inline enum step rmw_begin(struct vm *vm, struct vcpu *vc, const struct insn *in,
                                  struct rmw *m, uint64_t *v)
{
    const struct opnd *o = &in->opnd[0];

    m->step = STEP_NEXT;
    if (o->kind != OPND_MEM) {
        *v = reg_get(vc, o);
        return STEP_NEXT;
    }
    m->off = effective(vc, in);
    m->host = flat_host(vc, in->seg, m->off, o->size, 1);
    if (!m->host)
        return x86_rmw_begin(vm, vc, in, m, v);
    *v = host_load(m->host, o->size);
    return STEP_NEXT;
}

static inline enum step rmw_end(struct vm *vm, struct vcpu *vc, const struct insn *in,
                                const struct rmw *m, uint64_t v)
{
    const struct opnd *o = &in->opnd[0];

    if (o->kind != OPND_MEM) {
        reg_put(vc, o, v);
        return STEP_NEXT;
    }
    if (!m->host)
        return step_both(m->step, x86_store_value(vm, vc, in->seg, m->off, o->size, v));
    mem_touch(&vm->mem, (uint64_t)(m->host - vm->mem.ram), o->size);
    host_store(m->host, v, o->size);
    return STEP_NEXT;
}

/* Width of the stack pointer in bytes. */
static inline unsigned stack_width(const struct vcpu *vc)
{
    if (vc->s.regs.mode == TSP_MODE_LONG64)
        return 8;
    return (vc->s.x86.seg[TSP_SS].attr & ATTR_D) != 0 ? 4 : 2;
}

/* Stack slots of size bytes. push and pop move RSP only when the access succeeded. */
static inline enum step push(struct vm *vm, struct vcpu *vc, uint64_t v, unsigned size)
{
    uint64_t sp = vc->s.regs.r[TSP_RSP] - size;
    uint8_t *p = flat_host(vc, TSP_SS, sp, size, 1);

    if (!p)
        return x86_push(vm, vc, v, size);
    mem_touch(&vm->mem, (uint64_t)(p - vm->mem.ram), size);
    host_store(p, v, size);
    vc->s.regs.r[TSP_RSP] = sp;
    return STEP_NEXT;
}

static inline enum step pop(struct vm *vm, struct vcpu *vc, uint64_t *v, unsigned size)
{
    uint64_t sp = vc->s.regs.r[TSP_RSP];
    const uint8_t *p = flat_host(vc, TSP_SS, sp, size, 0);

    if (!p)
        return x86_pop(vm, vc, v, size);
    *v = host_load(p, size);
    vc->s.regs.r[TSP_RSP] = sp + size;
    return STEP_NEXT;
}

/* Sets pc to target, cut to osize; #GP(0) when it is not canonical or beyond the CS limit. */
enum step x86_branch(struct vcpu *vc, uint64_t target, unsigned osize);

#endif
