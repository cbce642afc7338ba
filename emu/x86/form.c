/* SPDX-License-Identifier: MIT */
/*
 * The commonest forms of the commonest instructions in 64-bit code: operands of 4 and 8 bytes,
 * register with register, immediate or memory. Each is a function of its own, without a question
 * about what the operands are. For anything unusual (a page that is not remembered, alignment
 * checks) the general handler of plain.h takes over before anything was done.
 */
#include "emu/x86/form.h"

#include "emu/x86/plain.h"

enum form { FORM_RR, FORM_RI, FORM_RM, FORM_MR, FORM_MI, FORM_COUNT };

static inline uint64_t *reg_of(struct vcpu *vc, const struct insn *in, unsigned i)
{
    return &vc->s.regs.r[in->opnd[i].reg & 15];
}

/* Where the memory operand lies, or NULL. */
static inline uint8_t *memory(const struct vcpu *vc, const struct insn *in, unsigned size,
                              enum tlb_class class)
{
    uint64_t off = effective_wide(vc, in);
    const struct tlb_entry *e = &vc->tlb[class][(off / MEM_PAGE) % VM_TLB];

    if ((vc->s.regs.flags & X86_AC_FLAG) != 0 || e->tag != mmu_tag_no_ac(vc, off) ||
        off % MEM_PAGE > MEM_PAGE - size)
        return NULL;
    return e->host + off % MEM_PAGE;
}

/* The same for storing: within one granule, which is dirty already. */
static inline uint8_t *memory_to(const struct vm *vm, const struct vcpu *vc, const struct insn *in,
                                 unsigned size)
{
    uint8_t *p = memory(vc, in, size, TLB_WRITE);
    uint64_t off;

    if (!p)
        return NULL;
    off = (uint64_t)(p - vm->mem.ram);
    return mem_clean(&vm->mem, off) || off % MEM_GRANULE > MEM_GRANULE - size ? NULL : p;
}

/* The source operand, cut to its size; false: memory that is not at hand. */
static inline bool source(struct vcpu *vc, const struct insn *in, enum form form, unsigned size,
                          uint64_t *v)
{
    const uint8_t *p;

    if (form == FORM_RI || form == FORM_MI) {
        *v = in->imm & size_mask(size);
    } else if (form == FORM_RM) {
        p = memory(vc, in, size, TLB_READ);
        if (!p)
            return false;
        *v = host_load(p, size);
    } else {
        *v = *reg_of(vc, in, 1) & size_mask(size);
    }
    return true;
}

/* STEP_RETRY below: nothing was done, ask the general handler. */
static inline enum step move(struct vm *vm, struct vcpu *vc, const struct insn *in, enum form form,
                             unsigned size)
{
    uint64_t v;
    uint8_t *p;

    if (!source(vc, in, form, size, &v))
        return STEP_RETRY;
    if (form == FORM_MR || form == FORM_MI) {
        p = memory_to(vm, vc, in, size);
        if (!p)
            return STEP_RETRY;
        host_store(p, v, size);
    } else {
        *reg_of(vc, in, 0) = v;
    }
    return STEP_NEXT;
}

static inline uint64_t result(unsigned op, uint64_t a, uint64_t b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
    case OP_CMP:
        return a - b;
    case OP_AND:
    case OP_TEST:
        return a & b;
    case OP_OR:
        return a | b;
    default:
        return a ^ b;
    }
}

static inline unsigned lazy_of(unsigned op)
{
    if (op == OP_ADD)
        return LAZY_ADD;
    return op == OP_SUB || op == OP_CMP ? LAZY_SUB : LAZY_LOGIC;
}

struct shape {
    enum form form;
    unsigned size;
};

static inline enum step binary(struct vm *vm, struct vcpu *vc, const struct insn *in, unsigned op,
                               struct shape s)
{
    bool stores = op != OP_CMP && op != OP_TEST, far = s.form == FORM_MR || s.form == FORM_MI;
    uint64_t a, b, r;
    uint8_t *p = NULL;

    if (far)
        p = stores ? memory_to(vm, vc, in, s.size) : memory(vc, in, s.size, TLB_READ);
    if ((far && !p) || !source(vc, in, s.form, s.size, &b))
        return STEP_RETRY;
    a = far ? host_load(p, s.size) : *reg_of(vc, in, 0) & size_mask(s.size);
    r = result(op, a, b) & size_mask(s.size);
    if (stores && far)
        host_store(p, r, s.size);
    else if (stores)
        *reg_of(vc, in, 0) = r;
    lazy_set(vc, lazy_of(op), s.size, r, a, b);
    return STEP_NEXT;
}

/* Shifts of a register by a count other than zero that the instruction names. */
static inline enum step shift(struct vcpu *vc, const struct insn *in, unsigned op, unsigned size)
{
    unsigned n = (unsigned)in->imm & (8 * size - 1);
    uint64_t a = *reg_of(vc, in, 0) & size_mask(size), r;
    bool cf, of;

    if (op == OP_SHL) {
        r = (a << n) & size_mask(size);
        cf = ((a >> (8 * size - n)) & 1) != 0;
        of = cf != flag_top(r, size);
    } else {
        r = op == OP_SHR ? a >> n
                         : bits_sext(bits_sext(a, 8 * size) >> n, 64 - n) & size_mask(size);
        cf = ((a >> (n - 1)) & 1) != 0;
        of = op == OP_SHR && n == 1 && flag_top(a, size);
    }
    *reg_of(vc, in, 0) = r;
    lazy_set(vc, LAZY_LOGIC, size, r, 0, 0);
    flag_carry(vc, X86_CF | X86_OF_FLAG, (cf ? X86_CF : 0) | (of ? X86_OF_FLAG : 0));
    return STEP_NEXT;
}

static inline enum step count(struct vcpu *vc, const struct insn *in, unsigned op, unsigned size)
{
    uint64_t a = *reg_of(vc, in, 0) & size_mask(size);
    uint64_t r = (op == OP_INC ? a + 1 : a - 1) & size_mask(size);
    uint64_t cf = flag_cf(vc) ? X86_CF : 0;

    *reg_of(vc, in, 0) = r;
    lazy_set(vc, op == OP_INC ? LAZY_ADD : LAZY_SUB, size, r, a, 1);
    flag_carry(vc, X86_CF, cf);
    return STEP_NEXT;
}

static inline enum step product(struct vcpu *vc, const struct insn *in, enum form form,
                                unsigned size)
{
    uint64_t b;
    bool over;

    if (!source(vc, in, form, size, &b))
        return STEP_RETRY;
    *reg_of(vc, in, 0) = multiply_low(*reg_of(vc, in, 0) & size_mask(size), b, size, &over);
    flag_carry(vc, X86_CF | X86_OF_FLAG, over ? X86_CF | X86_OF_FLAG : 0);
    return STEP_NEXT;
}

/* MOVZX: size is that of the source. */
static inline enum step extend(struct vcpu *vc, const struct insn *in, enum form form,
                               unsigned size)
{
    uint64_t v;

    if (!source(vc, in, form, size, &v))
        return STEP_RETRY;
    *reg_of(vc, in, 0) = v;
    return STEP_NEXT;
}

static enum step lea_64(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    *reg_of(vc, in, 0) = effective_wide(vc, in);
    return STEP_NEXT;
}

/* ---- one function for each form ---- */

/* clang-format off */
#define ARGS struct vm *vm, struct vcpu *vc, const struct insn *in
#define HANDLER(op, form, size, call)                                                              \
    static enum step op##_##form##size(ARGS)                                                       \
    {                                                                                              \
        enum step step = call;                                                                     \
                                                                                                   \
        return step == STEP_RETRY ? plain_##op(vm, vc, in) : step;                                 \
    }
#define MOVE(op, form, size) HANDLER(op, form, size, move(vm, vc, in, FORM_##form, size))
#define BINARY(op, form, size)                                                                     \
    HANDLER(op, form, size, binary(vm, vc, in, OP_##op, ((struct shape){FORM_##form, size})))

#define FORMS(m, op)                                                                               \
    m(op, RR, 4) m(op, RR, 8) m(op, RI, 4) m(op, RI, 8) m(op, RM, 4) m(op, RM, 8) m(op, MR, 4)     \
        m(op, MR, 8) m(op, MI, 4) m(op, MI, 8)
#define BINARY_OPS(m)                                                                              \
    FORMS(m, ADD) FORMS(m, SUB) FORMS(m, AND) FORMS(m, OR) FORMS(m, XOR) FORMS(m, CMP) FORMS(m, TEST)

BINARY_OPS(BINARY)
FORMS(MOVE, MOV)
BINARY(ADD, MR, 1) /* what zeroes are */

#define ENTRY(op, form, size) [OP_##op][FORM_##form][(size) == 8] = op##_##form##size,
static enum step (*const forms[][FORM_COUNT][2])(ARGS) = {BINARY_OPS(ENTRY) FORMS(ENTRY, MOV)};


#define SHIFT(op, form, size) HANDLER(op, form, size, shift(vc, in, OP_##op, size))
#define COUNT(op, form, size) HANDLER(op, form, size, count(vc, in, OP_##op, size))
#define PRODUCT(op, form, size) HANDLER(op, form, size, product(vc, in, FORM_##form, size))
PRODUCT(IMUL, RR, 4) PRODUCT(IMUL, RR, 8) PRODUCT(IMUL, RM, 4) PRODUCT(IMUL, RM, 8)
#define EXTEND(form, size) HANDLER(MOVZX, form, size, extend(vc, in, FORM_##form, size))
#define ONE_REGISTER(m) m(SHL, RI, 4) m(SHL, RI, 8) m(SHR, RI, 4) m(SHR, RI, 8) m(SAR, RI, 4) m(SAR, RI, 8)
ONE_REGISTER(SHIFT)
COUNT(INC, RR, 4) COUNT(INC, RR, 8) COUNT(DEC, RR, 4) COUNT(DEC, RR, 8)
EXTEND(RR, 1) EXTEND(RR, 2) EXTEND(RM, 1) EXTEND(RM, 2)
static enum step (*const shifts[3][2])(ARGS) = {{SHL_RI4, SHL_RI8}, {SHR_RI4, SHR_RI8}, {SAR_RI4, SAR_RI8}};
/* clang-format on */

/* ---- conditional jumps ---- */

static inline enum step jump_if(struct vcpu *vc, const struct insn *in, unsigned cond)
{
    uint64_t target;

    if (!flag_cond(vc, cond))
        return STEP_NEXT;
    target = vc->s.regs.pc + in->imm;
    if (bits_sext(target, 48) != target)
        return step_fault_code(vc, X86_GP, 0);
    vc->s.regs.pc = target;
    return STEP_NEXT;
}

#define JUMP(cond)                                                                                 \
    static enum step jump_##cond(ARGS)                                                             \
    {                                                                                              \
        (void)vm;                                                                                  \
        return jump_if(vc, in, cond);                                                              \
    }
#define CONDITIONS(m)                                                                              \
    m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define JUMP_ENTRY(cond) jump_##cond,

CONDITIONS(JUMP)
static enum step (*const jumps[16])(ARGS) = {CONDITIONS(JUMP_ENTRY)};

/* ---- which one ---- */

static enum form form_of(const struct insn *in)
{
    unsigned to = in->opnd[0].kind, from = in->opnd[1].kind;

    if (in->nopnd != 2 || (to != OPND_REG && to != OPND_MEM))
        return FORM_COUNT;
    if (from == OPND_IMM)
        return to == OPND_REG ? FORM_RI : FORM_MI;
    if (from == OPND_REG)
        return to == OPND_REG ? FORM_RR : FORM_MR;
    return to == OPND_REG && from == OPND_MEM ? FORM_RM : FORM_COUNT;
}

/* Memory that `memory` can find: 8-byte addresses in a segment without base. */
static bool reaches(const struct insn *in, enum form form)
{
    return form < FORM_RM || (in->asize == 8 && in->seg < TSP_FS);
}

static enum step (*special_shift(const struct insn *in, unsigned size))(ARGS)
{
    if (form_of(in) != FORM_RI || (in->imm & (8 * size - 1)) == 0)
        return NULL;
    return shifts[in->op - OP_SHL][size == 8];
}

static enum step (*special_count(const struct insn *in, unsigned size))(ARGS)
{
    if (in->opnd[0].kind != OPND_REG)
        return NULL;
    if (in->op == OP_INC)
        return size == 8 ? INC_RR8 : INC_RR4;
    return size == 8 ? DEC_RR8 : DEC_RR4;
}

static enum step (*special_product(const struct insn *in, unsigned size))(ARGS)
{
    enum form form = form_of(in);

    if (form == FORM_RR)
        return size == 8 ? IMUL_RR8 : IMUL_RR4;
    if (form == FORM_RM && reaches(in, form))
        return size == 8 ? IMUL_RM8 : IMUL_RM4;
    return NULL;
}

static enum step (*special_extend(const struct insn *in))(ARGS)
{
    enum form form = form_of(in);

    if (in->opnd[1].kind == OPND_REG8H || !reaches(in, form))
        return NULL;
    if (form == FORM_RR)
        return in->opnd[1].size == 1 ? MOVZX_RR1 : MOVZX_RR2;
    if (form == FORM_RM)
        return in->opnd[1].size == 1 ? MOVZX_RM1 : MOVZX_RM2;
    return NULL;
}

static enum step (*special_move(const struct insn *in, unsigned size))(ARGS)
{
    enum form form = form_of(in);

    if (in->op >= sizeof(forms) / sizeof(forms[0]) || form == FORM_COUNT || !reaches(in, form))
        return NULL;
    return forms[in->op][form][size == 8];
}

static enum step (*special(unsigned mode, const struct insn *in))(ARGS)
{
    unsigned size = in->opnd[0].size;

    if (mode != TSP_MODE_LONG64)
        return NULL;
    if (in->op == OP_JCC)
        return in->osize == 8 ? jumps[in->cond & 15] : NULL;
    if (in->op == OP_ADD && size == 1 && form_of(in) == FORM_MR && reaches(in, FORM_MR) &&
        in->opnd[1].kind == OPND_REG)
        return ADD_MR1;
    if (size != 4 && size != 8)
        return NULL;
    switch (in->op) {
    case OP_SHL:
    case OP_SHR:
    case OP_SAR:
        return special_shift(in, size);
    case OP_INC:
    case OP_DEC:
        return special_count(in, size);
    case OP_MOVZX:
        return special_extend(in);
    case OP_IMUL:
        return special_product(in, size);
    case OP_LEA:
        return size == 8 && in->asize == 8 ? lea_64 : NULL;
    default:
        return special_move(in, size);
    }
}

/* A function of its own, and in another file than its caller: little enough is alive here that
 * compilers keep all of it in registers. */
struct form_run form_run(struct vm *vm, struct vcpu *vc, const struct code_block *b, uint32_t n)
{
    enum step (*const *fn)(ARGS) = b->fn, (*const *end)(ARGS) = b->fn + n;
    const struct insn *in = b->insn;
    enum step step;
    uint64_t pc;

    do {
        pc = vc->s.regs.pc;
        vc->s.regs.pc = pc + in->len;
        step = (*fn)(vm, vc, in);
        if (step != STEP_NEXT)
            break;
        in++;
        fn++;
    } while (fn != end && b->valid);
    return (struct form_run){(uint32_t)(fn - b->fn), pc, step};
}

void form_bind(struct code_block *b)
{
    unsigned i = 0;

    for (; i < b->n && b->insn[i].status == INSN_OK; i++) {
        b->fn[i] = special(b->mode, &b->insn[i]);
        if (!b->fn[i])
            b->fn[i] = x86_plain_handler(b->insn[i].op);
        if (!b->fn[i])
            break;
        b->bytes += b->insn[i].len;
    }
    b->nplain = (uint8_t)i;
}
