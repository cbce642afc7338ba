/* SPDX-License-Identifier: MIT */
/*
 * CPUID: the input chooses machine and policy; the program is a row of queries at the edges of what
 * that policy holds, in the scenario's mode and at its privilege level.
 */
#include "fuzz/run/derive.h"

#include "trapspec/bits.h"

#include <string.h>

struct program {
    struct scenario *s;
    bool wide;      /* 32-bit operands by default */
    bool long_mode; /* there are upper halves to dirty */
    uint64_t dirt;
};

/* Class bases and leaves with sub-leaves, run-time bits or vendor rules. */
static const uint32_t edge[] = {
    0x0,        0x1,        0x2,        0x4,        0x5,        0x6,        0x7,        0x9,
    0xa,        0xb,        0xd,        0xf,        0x10,       0x12,       0x14,       0x15,
    0x16,       0x17,       0x18,       0x19,       0x1b,       0x1f,       0x20,       0x21,
    0x24,       0x1fffffff, 0x20000000, 0x3fffffff, 0x40000000, 0x40000001, 0x40000010, 0x400000ff,
    0x40000100, 0x4000ffff, 0x40010000, 0x4fffffff, 0x50000000, 0x7fffffff, 0x80000000, 0x80000001,
    0x80000002, 0x80000005, 0x80000006, 0x80000007, 0x80000008, 0x8000000a, 0x80000019, 0x8000001d,
    0x8000001e, 0x80000020, 0x80000021, 0x80000026, 0x8000ffff, 0x80860000, 0x80860001, 0xbfffffff,
    0xc0000000, 0xc0000001, 0xc0000005, 0xffffffff,
};
static const uint32_t subleaf[] = {
    0,  0,  0,    1,    1,     2,      3,       4,          5,          6,          9,
    31, 32, 62,   63,   64,    0xfe,   0xff,    0x100,      0x101,      0xffff,     0x10000,
    18, 19, 0x7f, 0x80, 0x1ff, 0x8000, 0x10001, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void put(struct program *p, const uint8_t *bytes, uint32_t n)
{
    memcpy(p->s->code[0] + p->s->ncode[0], bytes, n);
    p->s->ncode[0] += n;
}

/* The instruction reads 32 bits of its inputs, whatever stands above them: now and then something
 * does. */
static void put_load(struct program *p, uint8_t opcode, uint32_t value)
{
    uint8_t b[6] = {0x66, opcode}, wide[10] = {0x48, opcode};
    uint32_t above = (uint32_t)derive_random(&p->dirt);

    if (p->long_mode && (above & 3) == 0) {
        le_store(wide + 2, (uint64_t)above << 32 | value, 8);
        put(p, wide, sizeof(wide));
        return;
    }
    le_store(b + 2, value, 4);
    put(p, p->wide ? b + 1 : b, p->wide ? 5 : 6);
}

/* mov eax, leaf; mov ecx, subleaf; cpuid */
static void put_query(struct program *p, uint32_t leaf, uint32_t sub)
{
    static const uint8_t cpuid[] = {0x0f, 0xa2};

    put_load(p, 0xb8, leaf);
    put_load(p, 0xb9, sub);
    put(p, cpuid, sizeof(cpuid));
}

static void put_end(struct program *p)
{
    static const uint8_t out_end[] = {0xe6, INPUT_END_PORT, 0xf4};
    bool halt = p->s->level == 0 && !(p->s->config & TSP_CFG_IRQCHIP);

    put(p, halt ? out_end + 2 : out_end, halt ? 1 : 3);
}

#define QUERY_MAX 22u /* bytes of the longest query */
#define END_MAX 3u

/* The highest leaf of the class that the policy names, as its first leaf says. */
static uint32_t class_top(const struct tsp_policy *policy, uint32_t base)
{
    for (size_t i = 0; i < policy->n; i++)
        if (policy->leaf[i].leaf == base)
            return policy->leaf[i].reg[0];
    return base;
}

static void choose(const struct tsp_policy *policy, uint64_t *rng, uint32_t *leaf, uint32_t *sub)
{
    static const uint32_t class_base[] = {0, 0x40000000, 0x80000000, 0xc0000000};
    uint64_t r = derive_random(rng);
    const struct tsp_leaf *own;
    uint32_t base;

    *sub = subleaf[(r >> 8) % COUNT(subleaf)];
    switch (r & 7) {
    case 0: /* around the end of a class, or of a hypervisor's block */
        base = class_base[(r >> 16) % 4];
        if (base == 0x40000000 && (r >> 48 & 1) != 0)
            base += (uint32_t)(r >> 49 & 3) * 0x100u;
        *leaf = class_top(policy, base) + (uint32_t)((r >> 20) % 4) - 1;
        break;
    case 1: /* bases in 0x100 steps and their neighbours: hypervisor blocks, and where none are */
        base = (r >> 48 & 7) == 0 ? class_base[(r >> 51) % 4] : 0x40000000u;
        *leaf = base + (uint32_t)((r >> 16) % 256) * 0x100u + (uint32_t)((r >> 24) % 4) - 1;
        break;
    case 2:
        *leaf = (uint32_t)(r >> 32);
        break;
    case 3:
    case 4:
    case 5:
        if (policy->n > 0) {
            own = &policy->leaf[(r >> 16) % policy->n];
            *leaf = own->leaf + (uint32_t)(r & 7) / 5;
            *sub = r >> 40 & 1 ? own->subleaf : own->subleaf + (uint32_t)((r >> 41) % 3);
            break;
        }
        /* fall through */
    default:
        *leaf = edge[(r >> 16) % COUNT(edge)];
        break;
    }
}

static void put_queries(struct program *p, const struct tsp_policy *policy, uint64_t rng)
{
    uint32_t leaf, sub;

    if (p->s->regs_set & 1)
        put_query(p, (uint32_t)p->s->regs[TSP_RAX], (uint32_t)p->s->regs[TSP_RCX]);
    while (p->s->ncode[0] + QUERY_MAX + END_MAX <= INPUT_CODE_MAX) {
        choose(policy, &rng, &leaf, &sub);
        put_query(p, leaf, sub);
    }
    put_end(p);
}

static bool is_16bit(unsigned mode)
{
    return mode == TSP_MODE_REAL16 || mode == TSP_MODE_VM86 || mode == TSP_MODE_PROT16 ||
           mode == TSP_MODE_COMPAT16;
}

void derive_machine(struct scenario *s, uint64_t r)
{
    s->policy = (uint8_t)(INPUT_POLICY_INTEL + r % (INPUT_POLICY_COUNT - INPUT_POLICY_INTEL));
    s->persona[0] = (uint8_t)((r >> 8) % TSP_PERSONA_COUNT);
    s->persona[1] = (r >> 16 & 3) == 0 ? (uint8_t)((r >> 18) % TSP_PERSONA_COUNT) : 0;
    s->hv_base[0] = 0x40000000u + (uint32_t)(r >> 24 & 3) * 0x100u;
    s->hv_base[1] = s->hv_base[0] + 0x100u;
    /* The input's own entries would often hide the base's: leave them out half of the time. */
    if ((r >> 32 & 1) != 0)
        s->nleaf = 0;
    input_fold(s);
}

void derive_queries(struct scenario *s, const struct tsp_policy *policy, uint64_t rng)
{
    struct program p = {s, !is_16bit(s->mode), s->mode == TSP_MODE_LONG64, rng ^ 0xd157};

    memset(s->code[0], 0, sizeof(s->code[0]));
    s->ncode[0] = 0;
    s->flags &= ~(uint64_t)0x100; /* TF would end the row after its first instruction */
    /* Results clear the upper halves of all four registers, and a query cannot set these two. */
    s->regs_set |= 1u << TSP_RBX | 1u << TSP_RDX;
    s->regs[TSP_RBX] |= (uint64_t)0xbbbbbbbb << 32;
    s->regs[TSP_RDX] |= (uint64_t)0xdddddddd << 32;
    put_queries(&p, policy, rng);
}
