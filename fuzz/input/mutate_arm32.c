/* SPDX-License-Identifier: MIT */
/* Changes of AArch32 scenarios: the instruction set, and instructions of either one. */
#include "fuzz/input/mutate.h"

#include "trapspec/bits.h"

static uint32_t immediate(struct rng *r)
{
    static const uint16_t often[] = {0, 0, 0, 1, 0xea1, 0x8000, 0xffff};

    return rng_below(r, 4) ? RNG_PICK(r, often) : rng_below(r, 0x10000);
}

/* HVC, SMC, SVC, BKPT, UDF; branches that change the instruction set, moves and loads. */
static uint32_t word_a32(struct rng *r)
{
    static const uint32_t plain[] = {
        0xe12fff10, 0xe12fff30, 0xfa000000, 0xea000000, 0xeb000000, 0xe28f0001, 0xe3a00484,
        0xe3400000, 0xe3000000, 0xe0800001, 0xe0500001, 0xe59f0000, 0xe58d0000, 0xe92d000f,
        0xe8bd000f, 0xe10f0000, 0xe121f000, 0xe320f003, 0xe1b0f00e, 0xe25ef004, 0xf1080080};
    uint32_t imm = immediate(r), split = (imm >> 4) << 8 | (imm & 15);

    switch (rng_below(r, 12)) {
    case 0:
    case 1:
        return 0xe1600070 | (imm & 15); /* smc */
    case 2:
        return 0xef000000 | imm; /* svc */
    case 3:
        return 0xe1200070 | split; /* bkpt */
    case 4:
        return 0xe7f000f0 | split; /* udf */
    case 5:
        return (0xe1400070 | split) ^ 1u << rng_below(r, 32);
    case 6:
    case 7:
        return RNG_PICK(r, plain) ^ rng_below(r, 16) << (4 * rng_below(r, 5));
    default:
        return 0xe1400070 | split; /* hvc */
    }
}

/* One halfword, or two with the first one in the lower half. */
static uint32_t word_t32(struct rng *r, uint32_t *n)
{
    static const uint16_t plain[] = {0x4778, 0x4700, 0x4780, 0x2000, 0x3001, 0x1840, 0x4800,
                                     0x6800, 0x6000, 0xb403, 0xbc03, 0xb100, 0xd000, 0xe000,
                                     0xbf30, 0xbf00, 0xa000, 0xb672, 0x4600, 0xbf08, 0xba80};
    uint32_t imm = immediate(r);

    *n = 2;
    switch (rng_below(r, 12)) {
    case 0:
        return 0xdf00 | (imm & 0xff); /* svc */
    case 1:
        return 0xbe00 | (imm & 0xff); /* bkpt */
    case 2:
        return 0xde00 | (imm & 0xff); /* udf */
    case 3:
    case 4:
        return RNG_PICK(r, plain) ^ rng_below(r, 8) << (3 * rng_below(r, 3));
    default:
        break;
    }
    *n = 4;
    switch (rng_below(r, 6)) {
    case 0:
        return 0x8000f7f0 | (imm & 15); /* smc */
    case 1:
        return 0x8f00f3de; /* subs pc, lr, #0 */
    case 2:
        return (0x8000f7e0 | imm >> 12 | (imm & 0xfff) << 16) ^ 1u << rng_below(r, 32);
    default:
        return 0x8000f7e0 | imm >> 12 | (imm & 0xfff) << 16; /* hvc */
    }
}

uint32_t mutate_arm32_insn(const struct scenario *s, struct rng *r, uint8_t out[4])
{
    uint32_t n = 4, word = s->mode == TSP_MODE_T32 ? word_t32(r, &n) : word_a32(r);

    le_store(out, word, 4);
    return n;
}

/* Bytes keep their places: what they are in another instruction set is as good as anything. */
void mutate_arm32_set(struct scenario *s, struct rng *r)
{
    static const uint8_t mode[] = {TSP_MODE_A64, TSP_MODE_A32, TSP_MODE_T32};

    s->mode = RNG_PICK(r, mode);
    if (tsp_mode_is_aarch32(s->mode) && rng_below(r, 2)) {
        s->ncode[0] = mutate_arm32_insn(s, r, s->code[0]);
        if (s->nvcpu == 2 && s->regs_set >> 2 & 1)
            s->regs[2] ^= 1; /* an entry point in the other set */
    }
}
