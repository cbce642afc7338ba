/* SPDX-License-Identifier: MIT */
/* Decoded blocks: found by guest-physical address and mode, one slot per hash value. */
#include "emu/state/code.h"

#include <stdlib.h>

#include "emu/state/mmu.h"

#define CODE_SLOTS 512u

/* Blocks are taken in the same order after each reset, whatever their slots are: those of one short
 * run after the other lie in the same few kilobytes, which stay in the processor's cache. */
struct code_cache {
    void (*bind)(struct code_block *b);
    uint32_t nused;
    uint16_t order[CODE_SLOTS];               /* all blocks; the first nused have a slot */
    uint16_t slot[CODE_SLOTS];                /* of each of those */
    uint16_t at[CODE_SLOTS];                  /* per slot: its block + 1, or 0 */
    struct code_block *current[TSP_MAX_VCPU]; /* what each vCPU looked up last, or NULL */
    struct code_block block[CODE_SLOTS];
};

struct code_cache *code_open(void)
{
    struct code_cache *c = calloc(1, sizeof(*c));

    for (unsigned i = 0; c && i < CODE_SLOTS; i++)
        c->order[i] = (uint16_t)i;
    return c;
}

void code_close(struct code_cache *c)
{
    free(c);
}

void code_bind(struct code_cache *c, void (*bind)(struct code_block *b))
{
    c->bind = bind;
}

void code_reset(struct code_cache *c)
{
    for (uint32_t i = 0; i < c->nused; i++)
        c->at[c->slot[c->order[i]]] = 0;
    c->nused = 0;
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
        c->current[i] = NULL;
}

static uint64_t page_of(uint64_t gpa)
{
    return gpa - gpa % MEM_PAGE;
}

/* Blocks start anywhere, mostly a few bytes apart: multiply and take high bits (Fibonacci hashing).
 */
static unsigned slot_of(uint64_t gpa, unsigned mode)
{
    return (unsigned)(((gpa * 8 + mode) * 0x9e3779b97f4a7c15ull) >> 55) % CODE_SLOTS;
}

void code_drop(struct vm *vm, uint64_t gpa)
{
    struct code_cache *c = vm->code;

    gpa = page_of(gpa);
    for (uint32_t i = 0; i < c->nused;) {
        uint16_t at = c->order[i];
        struct code_block *b = &c->block[at];

        if (b->valid && page_of(b->gpa) != gpa && page_of(b->gpa2) != gpa) {
            i++;
            continue;
        }
        b->valid = false;
        c->at[c->slot[at]] = 0;
        c->order[i] = c->order[--c->nused];
        c->order[c->nused] = at;
    }
    vm->mem.flags[(gpa - vm->mem.base) / MEM_PAGE] &= (uint8_t)~MEM_CODE;
}

void code_leave(struct vm *vm)
{
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
        if (vm->code->current[i])
            vm->code->current[i]->valid = false;
}

/* True when the instruction must be the last of its block: what follows it may be elsewhere,
 * privileged otherwise or translated otherwise. */
static bool ends_block(unsigned mode, const struct insn *in)
{
    unsigned op = in->op;

    if (in->status != INSN_OK)
        return true;
    /* Branches, exception generation and system instructions (Arm DDI 0487, C4.1: op0 = 101x). */
    if (mode == TSP_MODE_A64)
        return ((in->word >> 26) & 7) == 5;
    if (tsp_mode_is_aarch32(mode))
        return op <= OP_TRAP_LAST || op >= OP_R_B;
    return op <= OP_TRAP_LAST || (op >= OP_JCC && op <= OP_JCXZ) ||
           (op >= OP_MOV_CR && op <= OP_VERW) || op == OP_POPF;
}

/* Marks [gpa, gpa + len), cut to its page, as something that blocks depend on. */
static void depend(struct vm *vm, uint64_t gpa, unsigned len)
{
    uint64_t left = MEM_PAGE - gpa % MEM_PAGE, page;

    if (!mem_has(&vm->mem, gpa, 1))
        return;
    page = (gpa - vm->mem.base) / MEM_PAGE;
    if (!(vm->mem.flags[page] & MEM_CODE))
        vm->mem.code[page] = 0;
    vm->mem.code[page] |= mem_code_bits(gpa, len < left ? len : left);
    mmu_mark(vm, gpa, MEM_CODE);
}

/* Memory that was never written is the same instruction again and again. Two words rather than
 * memcmp, which fuzzing engines replace by something slow. */
static bool repeats(const uint8_t *p, size_t room, const struct insn *last)
{
    const uint8_t *q = p - last->len;

    return room >= TSP_INSN_BYTES && last->status == INSN_OK &&
           ((le_load(p, 8) ^ le_load(q, 8)) | (le_load(p + 8, 8) ^ le_load(q + 8, 8))) == 0;
}

/* Decodes from p, where `room` bytes are left in the page, as far as whole instructions go. */
static void decode_run(struct vm *vm, struct code_block *b, const uint8_t *p, size_t room)
{
    /* One of several vCPUs takes one instruction at a time, each looked up. */
    unsigned max = vm->nvcpu > 1 ? 1 : CODE_BLOCK_MAX;

    while (room > 0 && b->n < max) {
        struct insn *in = &b->insn[b->n];

        if (b->n > 0 && repeats(p, room, in - 1))
            *in = in[-1];
        else if (decode_one(vm->dec, (enum tsp_mode)b->mode, p,
                            room < TSP_INSN_BYTES ? room : TSP_INSN_BYTES, in) == INSN_TRUNCATED)
            return;
        b->n++;
        if (ends_block(b->mode, in) || in->len >= room)
            return;
        p += in->len;
        room -= in->len;
    }
}

/* Code outside RAM: no processor and no hypervisor has bytes to run there. KVM gives up with an
 * internal error (torvalds/linux arch/x86/kvm/x86.c, handle_emulation_failure); the run loop stops
 * on INSN_UNSUPPORTED. */
static void nothing_there(struct code_block *b, unsigned len)
{
    b->insn[0] = (struct insn){.status = INSN_UNSUPPORTED, .len = (uint8_t)len};
    b->n = 1;
}

/* The byte lies past the end of a segment that ends: nothing of the page tables is looked at for it
 * (Intel SDM Vol. 3A 5.3), so they are not marked accessed either. The fault is told as a fetch
 * that failed; whoever runs the vCPU knows what kind it is. */
static bool past_limit(struct vcpu *vc, const struct code_block *b, uint64_t lin)
{
    const struct tsp_segment *cs = &vc->s.x86.seg[TSP_CS];

    if (b->mode >= TSP_MODE_LONG64 || (uint32_t)(lin - cs->base) <= cs->limit)
        return false;
    vc->fault = (struct fault){.vector = 14, .has_error = true, .addr = lin};
    return true;
}

/* The first instruction runs into the next page: it becomes a block of its own. false: that page
 * cannot be fetched. */
static bool decode_across(struct vm *vm, struct vcpu *vc, struct code_block *b, uint64_t lin)
{
    uint8_t buf[TSP_INSN_BYTES];
    unsigned first = MEM_PAGE - (unsigned)(lin % MEM_PAGE);
    uint64_t next = mmu_add(vc, lin, first, MMU_FETCH);

    if (past_limit(vc, b, next) || !mmu_translate_fetch(vm, vc, next, &b->gpa2))
        return false;
    if (!mem_has(&vm->mem, b->gpa2, 1)) {
        nothing_there(b, first + 1);
        return true;
    }
    decode_one(vm->dec, (enum tsp_mode)b->mode, buf, mmu_fetch(vm, vc, lin, buf, sizeof(buf)),
               &b->insn[0]);
    b->n = 1;
    return true;
}

static unsigned decoded_bytes(const struct code_block *b)
{
    unsigned n = 0;

    for (unsigned i = 0; i < b->n; i++)
        n += b->insn[i].len;
    return n;
}

static bool fill(struct vm *vm, struct vcpu *vc, struct code_block *b, uint64_t lin, uint64_t gpa)
{
    size_t room = MEM_PAGE - (size_t)(gpa % MEM_PAGE);

    b->valid = false;
    b->then = NULL;
    b->gpa = gpa;
    b->gpa2 = page_of(gpa);
    b->mode = (uint8_t)vc->s.regs.mode;
    b->n = 0;
    b->nplain = 0;
    b->bytes = 0;
    if (!mem_has(&vm->mem, gpa, 1)) {
        nothing_there(b, 1);
        b->valid = true;
        return true;
    }
    decode_run(vm, b, vm->mem.ram + (gpa - vm->mem.base), room);
    if (b->n == 0 && !decode_across(vm, vc, b, lin))
        return false;
    if (vm->code->bind)
        vm->code->bind(b);
    /* what the last one is may follow from all of 16 bytes */
    depend(vm, b->gpa, decoded_bytes(b) + TSP_INSN_BYTES);
    if (b->gpa2 != page_of(gpa))
        depend(vm, b->gpa2, TSP_INSN_BYTES);
    b->valid = true;
    return true;
}

/* The block of a slot; one that had none gets one that is not valid. */
static struct code_block *block_of(struct code_cache *c, unsigned s)
{
    if (c->at[s] == 0) {
        uint16_t at = c->order[c->nused++];

        c->block[at].valid = false;
        c->slot[at] = (uint16_t)s;
        c->at[s] = (uint16_t)(at + 1);
    }
    return &c->block[c->at[s] - 1];
}

/* A block that crosses is right only while its second page is mapped where it was. */
static bool second_page_same(struct vm *vm, struct vcpu *vc, const struct code_block *b,
                             uint64_t lin)
{
    uint64_t gpa, room = MEM_PAGE - lin % MEM_PAGE;

    if (b->n != 1 || b->insn[0].len <= room)
        return true;
    return mmu_translate_fetch(vm, vc, mmu_add(vc, lin, room, MMU_FETCH), &gpa) &&
           page_of(gpa) == page_of(b->gpa2);
}

/* The same that came after the last one before: to see that it is right takes less than to find it.
 */
static struct code_block *guess(const struct vm *vm, const struct vcpu *vc, uint64_t lin)
{
    const struct tlb_entry *e = &vc->tlb[TLB_FETCH][(lin / MEM_PAGE) % VM_TLB];
    const struct code_block *last = vm->code->current[vc->id];
    struct code_block *b = last ? last->then : NULL;

    if (!b || !b->valid || b->mode != vc->s.regs.mode || e->tag != mmu_tag(vc, lin, MMU_FETCH) ||
        (uint64_t)(e->host - vm->mem.ram) + lin % MEM_PAGE != b->gpa - vm->mem.base ||
        b->gpa2 != page_of(b->gpa))
        return NULL;
    return b;
}

static void looked_up(struct code_cache *c, unsigned vcpu, struct code_block *b)
{
    if (c->current[vcpu])
        c->current[vcpu]->then = b;
    c->current[vcpu] = b;
}

const struct code_block *code_lookup(struct vm *vm, struct vcpu *vc, uint64_t lin)
{
    struct code_cache *c = vm->code;
    struct code_block *b = guess(vm, vc, lin);
    uint64_t gpa;

    if (b) {
        c->current[vc->id] = b;
        return b;
    }
    if (!mmu_translate_fetch(vm, vc, lin, &gpa))
        return NULL;
    b = block_of(c, slot_of(gpa, vc->s.regs.mode));
    looked_up(c, vc->id, b);
    if (b->valid && b->gpa == gpa && b->mode == vc->s.regs.mode && second_page_same(vm, vc, b, lin))
        return b;
    return fill(vm, vc, b, lin, gpa) ? b : NULL;
}
