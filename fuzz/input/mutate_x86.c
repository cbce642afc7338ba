/* SPDX-License-Identifier: MIT */
/* Changes of x86 scenarios: trap instructions, prefixes, page ends, registers, modes and
 * configuration. */
#include "fuzz/input/mutate.h"

#include "trapspec/bits.h"

#include <string.h>

struct opcode {
    uint8_t n, byte[6];
};

/* What a hypervisor sees or might: hypercalls, CPUID, their neighbours in group 7, and other traps.
 */
static const struct opcode traps[] = {
    {3, {0x0f, 0x01, 0xc1}}, /* vmcall */
    {3, {0x0f, 0x01, 0xd9}}, /* vmmcall */
    {2, {0x0f, 0xa2}},       /* cpuid */
    {3, {0x0f, 0x01, 0xc0}}, /* enclv */
    {3, {0x0f, 0x01, 0xc2}}, /* vmlaunch */
    {3, {0x0f, 0x01, 0xd4}}, /* vmfunc */
    {3, {0x0f, 0x01, 0xd8}}, /* vmrun */
    {3, {0x0f, 0x01, 0xda}}, /* vmload */
    {2, {0x0f, 0x0b}},       /* ud2 */
    {3, {0x0f, 0xb9, 0xc0}}, /* ud1 */
    {3, {0x0f, 0xff, 0xc0}}, /* ud0 */
    {1, {0xcc}},             /* int3 */
    {2, {0xcd, 0x80}},       /* int 0x80 */
    {2, {0xcd, 0x21}},       /* int 0x21 */
    {2, {0x0f, 0x32}},       /* rdmsr */
    {2, {0x0f, 0x30}},       /* wrmsr */
    {2, {0x0f, 0x31}},       /* rdtsc */
    {3, {0x0f, 0x01, 0xf9}}, /* rdtscp */
    {2, {0xe6, 0xe9}},       /* out 0xe9, al */
    {2, {0xe4, 0x60}},       /* in al, 0x60 */
};

static const struct opcode plain[] = {
    {1, {0x90}},             /* nop */
    {1, {0xfb}},             /* sti: interrupt shadow */
    {2, {0x8e, 0xd1}},       /* mov ss, cx: shadow */
    {2, {0xeb, 0x00}},       /* jmp to the next */
    {2, {0xeb, 0xfd}},       /* jmp back into the code */
    {2, {0x31, 0xc0}},       /* xor eax, eax */
    {2, {0x89, 0xc1}},       /* mov ecx, eax */
    {2, {0xff, 0xc1}},       /* inc ecx */
    {5, {0xb8, 1, 0, 0, 0}}, /* mov eax, 1 */
    {5, {0xb9, 0, 0, 0, 0}}, /* mov ecx, 0 */
    {2, {0x6a, 0x00}},       /* push 0 */
    {1, {0x9d}},             /* popf */
    {1, {0xcf}},             /* iret */
    {2, {0x88, 0x07}},       /* mov [rdi], al: a store, into the code when RDI says so */
};

static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e,
                                   0x36, 0x3e, 0x64, 0x65, 0x40, 0x48, 0x4f};

static uint32_t code_offset(const struct scenario *s, struct rng *r)
{
    /* The start is where most of it happens. */
    return rng_below(r, 2) ? 0 : rng_below(r, s->ncode[0] + 1);
}

/* A short program: maybe prefixes, a trap, the end mark of that privilege level. */
static void fresh_code(struct scenario *s, struct rng *r)
{
    static const uint8_t end[] = {0xe6, INPUT_END_PORT, 0xf4, 0xf4};
    bool halt = s->level == 0 && !(s->config & TSP_CFG_IRQCHIP);
    const struct opcode *op = &traps[rng_below(r, rng_below(r, 4) ? 3 : ARRAY_SIZE(traps))];
    uint32_t n = 0;

    if (mutate_history(s, r))
        return;
    for (uint32_t i = rng_below(r, 4) ? 0 : rng_below(r, 15); i > 0; i--)
        s->code[0][n++] = RNG_PICK(r, prefixes);
    memcpy(s->code[0] + n, op->byte, op->n);
    n += op->n;
    memcpy(s->code[0] + n, halt ? end + 2 : end, halt ? 2 : 4);
    s->ncode[0] = n + (halt ? 2 : 4);
    memset(s->code[0] + s->ncode[0], 0, INPUT_CODE_MAX - s->ncode[0]);
}

static void insert_opcode(struct scenario *s, struct rng *r)
{
    const struct opcode *op = rng_below(r, 2) ? &RNG_PICK(r, traps) : &RNG_PICK(r, plain);

    mutate_insert(s, 0, code_offset(s, r), op->byte, op->n);
}

/* Turns one trap instruction into another one where it stands. */
static void swap_opcode(struct scenario *s, struct rng *r)
{
    static const uint8_t third[] = {0xc1, 0xd9, 0xc1, 0xd9, 0xc0, 0xc2, 0xd8, 0xda, 0xdb, 0xca};
    const struct opcode *op;
    uint8_t *c = s->code[0];

    for (uint32_t i = 0; i + 2 < s->ncode[0]; i++) {
        if (c[i] != 0x0f || (c[i + 1] != 0x01 && c[i + 1] != 0xa2))
            continue;
        if (c[i + 1] == 0xa2 || rng_below(r, 6) == 0) {
            mutate_remove(s, 0, i, c[i + 1] == 0xa2 ? 2 : 3);
            op = &traps[rng_below(r, 3)];
            mutate_insert(s, 0, i, op->byte, op->n);
            return;
        }
        c[i + 2] = RNG_PICK(r, third);
        return;
    }
    fresh_code(s, r);
}

static void insert_prefix(struct scenario *s, struct rng *r)
{
    uint8_t p = RNG_PICK(r, prefixes);
    uint32_t at = code_offset(s, r);

    for (uint32_t n = rng_below(r, 8) ? 1 : 1 + rng_below(r, 14); n > 0; n--)
        mutate_insert(s, 0, at, &p, 1);
}

/* Puts a page end inside the first instructions, and changes what the two pages allow. */
static void place(struct scenario *s, struct rng *r)
{
    static const uint64_t page_end[] = {0x11000, 0x11000, 0x11000, 0x10000, 0x100000000};

    switch (rng_below(r, 6)) {
    case 0:
        s->code_at = 0;
        s->cs_base = rng_below(r, 2) ? 0x10000 : rng_below(r, 0x30000);
        break;
    case 1:
        s->code_at = input_code_default(s) + rng_below(r, 16);
        break;
    default:
        s->code_at = RNG_PICK(r, page_end);
        s->code_at -= 1 + rng_below(r, 6);
        break;
    }
}

static void rights(struct scenario *s, struct rng *r)
{
    static const uint8_t often[] = {INPUT_PTE_DEFAULT,
                                    INPUT_PTE_P | INPUT_PTE_U,
                                    INPUT_PTE_P | INPUT_PTE_W,
                                    INPUT_PTE_P,
                                    0,
                                    INPUT_PTE_DEFAULT | INPUT_PTE_NX};
    uint32_t page = rng_below(r, 2);

    s->pte[page] = RNG_PICK(r, often);
    if (rng_below(r, 4) == 0)
        s->cpu ^= INPUT_CPU_WP;
}

static void mode(struct scenario *s, struct rng *r)
{
    bool was_default = s->code_at == input_code_default(s);

    s->mode = (uint8_t)rng_below(r, TSP_MODE_LONG64 + 1);
    s->paging = (uint8_t)rng_below(r, 2);
    s->level = rng_below(r, 2) ? 3 : 0;
    if (was_default)
        s->code_at = 0;
}

static void set_reg(struct scenario *s, struct rng *r)
{
    /* The registers that CPUID and hypercalls read come first. */
    static const uint8_t often[] = {TSP_RAX, TSP_RAX, TSP_RAX, TSP_RCX, TSP_RCX,
                                    TSP_RBX, TSP_RDX, TSP_RSI, TSP_RDI};
    unsigned i = rng_below(r, 4) ? RNG_PICK(r, often) : rng_below(r, 16);

    s->regs_set |= 1u << i;
    switch (rng_below(r, 4)) {
    case 0:
        s->regs[i] = mutate_value(r, s->regs[i]);
        break;
    case 1:
        s->regs[i] = i == TSP_RCX ? mutate_subleaf(r) : mutate_leaf_number(r);
        break;
    case 2: /* numbers of hypercalls, with and without Hyper-V's fast bit */
        s->regs[i] = rng_below(r, 40);
        s->regs[i] |= rng_below(r, 4) ? 0 : 0x10000u;
        if (rng_below(r, 4) == 0)
            s->xmm[rng_below(r, TSP_XMM_COUNT)][rng_below(r, 2)] = (1ull << rng_below(r, 12)) - 1;
        break;
    default:
        s->regs[i] = (s->regs[i] & UINT32_MAX) | rng_next(r) << 32;
        break;
    }
}

static void hypervisor(struct scenario *s, struct rng *r)
{
    uint32_t i;

    switch (rng_below(r, 6)) {
    case 0:
        s->host = (uint8_t)rng_below(r, TSP_VENDOR_OTHER);
        break;
    case 1:
        s->patch = (uint8_t)rng_below(r, TSP_PATCH_COUNT);
        break;
    case 2:
        s->policy = (uint8_t)rng_below(r, INPUT_POLICY_COUNT);
        break;
    case 3:
        s->persona[0] =
            rng_below(r, 2) ? TSP_PERSONA_KVM : (uint8_t)rng_below(r, TSP_PERSONA_COUNT);
        s->persona[1] =
            rng_below(r, 2) ? TSP_PERSONA_NONE : (uint8_t)rng_below(r, TSP_PERSONA_COUNT);
        mutate_history(s, r);
        break;
    case 4:
        i = rng_below(r, 2);
        s->hv_base[i] = 0x40000000u + rng_below(r, 256) * 0x100u;
        break;
    default:
        s->config ^= 1u << rng_below(r, 16);
        break;
    }
}

static void processor(struct scenario *s, struct rng *r)
{
    static const uint32_t xcr0[] = {1, 3, 7, 0xe7, 0x207, 0x2e7};
    static const uint32_t msr[] = {0x40000000, 0x40000001, 0x11,       0x12,
                                   0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03,
                                   0x4b564d04, 0x4b564d05, 0x4b564d06, 0x4b564d07};

    switch (rng_below(r, 6)) {
    case 0:
        s->xcr0 = RNG_PICK(r, xcr0);
        break;
    case 1:
        s->apic_id = (uint32_t)mutate_value(r, s->apic_id);
        break;
    case 2:
        s->flags ^=
            (uint64_t)1 << RNG_PICK(r, ((const uint8_t[]){0, 6, 8, 8, 8, 9, 10, 14, 16, 18}));
        break;
    case 3:
        if (s->nmsr > 0 && rng_below(r, 2)) {
            s->nmsr--;
            s->msr[s->nmsr].index = 0;
            s->msr[s->nmsr].value = 0;
        } else if (s->nmsr < TSP_MAX_MSR) {
            s->msr[s->nmsr].index = RNG_PICK(r, msr);
            s->msr[s->nmsr++].value = mutate_value(r, 0x8100000000000001u);
        }
        break;
    default:
        s->cpu ^= 1u << rng_below(r, 10);
        break;
    }
}

void mutate_x86(struct scenario *s, struct rng *r)
{
    static void (*const change[])(struct scenario *, struct rng *) = {
        fresh_code, insert_opcode, insert_opcode, swap_opcode, insert_prefix, place,
        rights,     mode,          set_reg,       set_reg,     set_reg,       hypervisor,
        hypervisor, processor,     mutate_leaf,   mutate_leaf,
    };
    uint32_t i = rng_below(r, ARRAY_SIZE(change) + 1), at;

    if (i < ARRAY_SIZE(change)) {
        change[i](s, r);
        return;
    }
    at = rng_below(r, s->ncode[0] + 1);
    mutate_remove(s, 0, at, 1 + rng_below(r, 3));
}
