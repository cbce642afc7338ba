/* SPDX-License-Identifier: MIT */
/* Changes of AArch64 scenarios: conduits and immediates, function identifiers, arguments, firmware
 * registers. */
#include "fuzz/input/mutate.h"

#include "trapspec/bits.h"

#include <string.h>

#define HVC 0xd4000002u
#define SMC 0xd4000003u

/* One of each: services of every owner, PSCI of both generations (Arm DEN 0028, DEN 0022, DEN 0057,
 * DEN 0098; torvalds/linux include/linux/arm-smccc.h). */
static const uint32_t ids[] = {
    0x80000000, 0x80000001, 0x80000002, 0xc0000002, 0x80008000, 0x80007fff, 0x80003fff, 0x81000000,
    0x82000000, 0x83000000, 0x84000000, 0x84000001, 0xc4000001, 0x84000002, 0x84000003, 0xc4000003,
    0x84000004, 0xc4000004, 0x84000005, 0x84000006, 0x84000007, 0x84000008, 0x84000009, 0x8400000a,
    0x8400000e, 0xc400000e, 0x84000012, 0xc4000012, 0x84000015, 0x84000050, 0x84000051, 0x84000052,
    0x84000053, 0xc4000053, 0x8400ff00, 0x8400ff01, 0x8500ff01, 0xc5000020, 0xc5000021, 0x85000020,
    0x86000000, 0x86000001, 0xc6000002, 0x8600ff00, 0x8600ff01, 0x8600ff03, 0x95c1ba5e, 0x95c1ba5f,
    0x95c1ba60, 0x95c1ba61, 0xb2000000, 0xbf000000, 0xffffffff, 0,
};

static uint32_t function_id(struct rng *r)
{
    uint32_t id = RNG_PICK(r, ids);

    switch (rng_below(r, 8)) {
    case 0: /* the 32 or 64-bit form; a yielding call; a reserved bit */
        return id ^ 1u << (30 - rng_below(r, 14));
    case 1:
        return id + rng_below(r, 5) - 2;
    case 2: /* owner */
        return (id & ~0x3f000000u) | rng_below(r, 64) << 24;
    case 3:
        id = 0x84000000u | rng_below(r, 0x20);
        return id | (rng_below(r, 2) ? 0x40000000u : 0);
    default:
        return id;
    }
}

static uint32_t immediate(struct rng *r)
{
    static const uint16_t often[] = {0, 0, 0, 1, 2, 0xea1, 0x4a48, 0x8000, 0xffff};

    return rng_below(r, 4) ? RNG_PICK(r, often) : rng_below(r, 0x10000);
}

static uint32_t trap_word(struct rng *r)
{
    switch (rng_below(r, 16)) {
    case 0:
        return 0xd4000001u | immediate(r) << 5; /* svc */
    case 1:
        return 0xd4200000u | immediate(r) << 5; /* brk */
    case 2:
        return immediate(r); /* udf */
    case 3:
        return 0xd5380000u | rng_below(r, 0x800) << 5; /* mrs x0, an ID register */
    case 4:
        return (HVC | immediate(r) << 5) ^ 1u << rng_below(r, 32);
    case 5:
    case 6:
    case 7:
    case 8:
        return SMC | immediate(r) << 5;
    default:
        return HVC | immediate(r) << 5;
    }
}

/* An instruction of the scenario's kind. */
static uint32_t any_insn(const struct scenario *s, struct rng *r, uint8_t out[4])
{
    if (tsp_mode_is_aarch32(s->mode))
        return mutate_arm32_insn(s, r, out);
    le_store(out, trap_word(r), 4);
    return 4;
}

static uint32_t unit(const struct scenario *s)
{
    return s->mode == TSP_MODE_T32 ? 2 : 4;
}

static void insert_word(struct scenario *s, struct rng *r)
{
    uint8_t b[4];
    uint32_t at = rng_below(r, s->ncode[0] / unit(s) + 1) * unit(s), n = any_insn(s, r, b);

    mutate_insert(s, 0, at, b, n);
}

static void replace_word(struct scenario *s, struct rng *r)
{
    uint8_t b[4];
    size_t at;
    uint32_t n;

    if (s->ncode[0] < 4)
        return;
    at = (size_t)4 * rng_below(r, s->ncode[0] / 4);
    n = any_insn(s, r, b);
    memcpy(s->code[0] + at, b, n);
}

static void remove_word(struct scenario *s, struct rng *r)
{
    mutate_remove(s, 0, rng_below(r, s->ncode[0] / unit(s) + 1) * unit(s), unit(s));
}

static void set_id(struct scenario *s, struct rng *r)
{
    s->regs_set |= 1;
    s->regs[0] = function_id(r);
    if (rng_below(r, 4) == 0)
        s->regs[0] |= rng_next(r) << 32;
}

static void set_argument(struct scenario *s, struct rng *r)
{
    unsigned i = 1 + (rng_below(r, 4) ? rng_below(r, 3) : rng_below(r, 17));

    s->regs_set |= 1u << i;
    switch (rng_below(r, 4)) {
    case 0: /* FEATURES calls take an identifier */
        s->regs[i] = function_id(r);
        break;
    case 1: /* processors, entry points, levels */
        s->regs[i] = RNG_PICK(r, ((const uint64_t[]){0, 1, 2, 7, 0x100, 0x80000001, 0x40003000,
                                                     0x40004000, 0x0100000000, 0xff000000ff}));
        break;
    default:
        s->regs[i] = mutate_value(r, s->regs[i]);
        break;
    }
}

static void firmware(struct scenario *s, struct rng *r)
{
    uint32_t i;

    switch (rng_below(r, 5)) {
    case 0:
        s->psci = RNG_PICK(r, ((const uint8_t[]){0x01, 0x02, 0x10, 0x11, 0x12, 0x13}));
        break;
    case 1:
        i = rng_below(r, 3);
        s->fw_bitmap[i] = rng_below(r, 4);
        break;
    case 2:
        i = rng_below(r, 3);
        s->workaround[i] = rng_below(r, 4);
        break;
    case 3:
        s->config ^= RNG_PICK(
            r, ((const uint32_t[]){TSP_CFG_PVTIME, TSP_CFG_SYS_SUSPEND, TSP_CFG_EXIT_RESUME}));
        break;
    default:
        s->persona[0] =
            rng_below(r, 2) ? TSP_PERSONA_KVM : (uint8_t)rng_below(r, TSP_PERSONA_COUNT);
        break;
    }
}

static void level(struct scenario *s, struct rng *r)
{
    if (rng_below(r, 2))
        s->level ^= 1;
    else
        s->flags = (uint64_t)rng_below(r, 16) << 28;
}

void mutate_arm64(struct scenario *s, struct rng *r)
{
    static void (*const change[])(struct scenario *, struct rng *) = {
        insert_word,  replace_word, replace_word, remove_word, set_id, set_id,           set_id,
        set_argument, set_argument, firmware,     firmware,    level,  mutate_arm32_set,
    };

    RNG_PICK(r, change)(s, r);
}
