/* SPDX-License-Identifier: MIT */
/* Predicates of SMCCC results (Arm DEN0028), and of loads outside RAM (DDI0487). */
#include "spec/pred.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

static bool wide(const struct judge *j)
{
    return bits_test(j->ev->before.r[0], 30);
}

/* 64-bit calls answer in X0. 32-bit calls answer in W0; an error code there may fill X0 or not: Arm
 * DEN0028 A has callers look at W0 alone, from B on (5.2) the code is sign-extended into the result
 * register, which is W0 or X0. Implementations read that both ways. */
static bool same_value(const struct judge *j, uint64_t want, uint64_t got)
{
    if (tsp_mode_is_aarch32(j->ev->before.mode))
        return (uint32_t)got == (uint32_t)want;
    if (wide(j))
        return got == want;
    if ((uint32_t)got != (uint32_t)want)
        return false;
    return got >> 32 == 0 || got == bits_sext(want, 32);
}

bool pred_x0(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->ev->after.r[0];

    for (unsigned i = 0; i < p->narg; i++)
        if (same_value(j, p->arg[i], got))
            return true;
    return say_value(say, "x0", p->arg[0], got);
}

bool pred_x0_is(const struct judge *j, const struct pred_use *p, struct say *say)
{
    /* ORDER: pred_names() in rule.c */
    uint64_t value[] = {j->setup->pvtime_ipa, j->setup->fw_bitmap[2], j->setup->exit_ret};
    uint64_t want = value[p->arg[0] % 3], got = j->ev->after.r[0];

    return same_value(j, want, got) || say_value(say, "x0", want, got);
}

/* A workaround call returns nothing: 0, not supported, or untouched are all in keeping with its
 * text. */
bool pred_x0_fast(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->ev->after.r[0];

    (void)p;
    if (got == 0 || got == j->ev->before.r[0] || same_value(j, UINT64_MAX, got))
        return true;
    return say_value(say, "x0", 0, got);
}

/* Result registers that a call does not define. Arm DEN0028 has a callee keep X4 to X17 (2.6, since
 * 1.1), and no version wants X0 to X3 back: kept, cut to 32 bits and zero are all right. What is
 * left to ask is that nothing of the host shows. */
bool pred_x1_x3_void(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const char *const name[] = {"x0", "x1", "x2", "x3"};
    const uint64_t *was = j->ev->before.r, *is = j->ev->after.r;

    (void)p;
    for (unsigned i = 1; i < 4; i++)
        if (is[i] != 0 && is[i] != was[i] && is[i] != (uint32_t)was[i])
            return say_value(say, name[i], 0, is[i]);
    return true;
}

bool pred_x1_x3_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const char *const name[] = {"x0", "x1", "x2", "x3"};
    const uint64_t *was = j->ev->before.r, *is = j->ev->after.r;

    (void)p;
    for (unsigned i = 1; i < 4; i++)
        if (is[i] != was[i])
            return say_value(say, name[i], was[i], is[i]);
    return true;
}

bool pred_words(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const char *const name[] = {"w0", "w1", "w2", "w3"};

    for (unsigned i = 0; i < 4; i++)
        if (j->ev->after.r[i] != (uint32_t)p->arg[i])
            return say_value(say, name[i], (uint32_t)p->arg[i], j->ev->after.r[i]);
    return true;
}

/* The same bits came out of an earlier call, or in one word of 64 bits. */
static bool same_bits(const struct judge *j, bool wide)
{
    const struct tsp_event *ev = j->ev;

    for (size_t i = 0; i < j->index; i++) {
        const struct tsp_event *was = &j->trace->ev[i];

        if (was->kind == TSP_EV_HYPERCALL && was->before.r[0] == ev->before.r[0] &&
            was->before.r[1] == ev->before.r[1] && was->after.r[0] == 0 &&
            (memcmp(&was->after.r[1], &ev->after.r[1], 3 * sizeof(uint64_t)) == 0 ||
             (wide && was->after.r[3] == ev->after.r[3])))
            return true;
    }
    return false;
}

/* entropy(width): x3 holds the lowest bits of N random ones, then x2, then x1; whatever lies above
 * N is zero. No entropy
 * (-3) comes with zeroes (Arm DEN0098). */
bool pred_entropy(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const uint64_t *r = j->ev->after.r;
    uint32_t bits = (uint32_t)j->ev->before.r[1];
    unsigned width = p->arg[0] == 64 ? 64 : 32;
    bool none = same_value(j, (uint64_t)-3, r[0]);

    if (r[0] != 0 && !none)
        return say_value(say, "x0", 0, r[0]);
    if (!none && bits >= 64 && !(r[1] | r[2] | r[3]))
        return say_text(say, "64 random bits or more", "zeroes");
    if (!none && bits >= 64 && same_bits(j, width == 64))
        return say_text(say, "64 random bits or more", "those of an earlier call");
    if (!none && width == 64 && bits >= 128 && !((r[2] | r[3]) >> 32))
        return say_text(say, "words of 64 random bits", "32 of each");
    for (unsigned i = 0; i < 3; i++) {
        unsigned have = bits > i * width ? bits - i * width : 0;
        uint64_t mask = none ? 0 : bits_mask(have < width ? have : width);

        if (mask == UINT64_MAX && r[3 - i] == 0)
            return say_text(say, "64 random bits", "zeroes");
        if (r[3 - i] & ~mask)
            return say_value(say, "bits above those asked for", 0, r[3 - i] & ~mask);
    }
    return true;
}

/* Results are as wide as the function's convention; whatever stands above a 32-bit one, it is made
 * in the same way in each register (Arm DEN0028, register usage). */
bool pred_same_widening(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *r = &j->ev->after;
    uint64_t first = 0;
    bool any = false;

    (void)p;
    for (unsigned i = 0; i < 8 && !tsp_mode_is_aarch32(j->ev->before.mode); i++) {
        if (!(r->r[i] >> 31 & 1) || r->r[i] == j->ev->before.r[i])
            continue;
        if (any && r->r[i] >> 32 != first)
            return say_value(say, "upper half of a negative result", first, r->r[i] >> 32);
        first = r->r[i] >> 32;
        any = true;
    }
    return true;
}

/*
 * Loads of one general-purpose register (DDI0487 C4.1.97, "Load/store register", all forms):
 *
 *   31 30 29   27 26 25 24 23 22 21          12 11 10 9  5 4  0
 *   size   1 1 1   0  0  x  opc  x ...            x x  Rn   Rt
 *
 * opc 01 extends with zeroes, 10 the sign to 64 bits, 11 to 32. With bits 25:24 and 11:10 clear and
 * bit 21 set the same bits are atomic operations.
 */
struct arm_load {
    unsigned bits, rt;
    bool sign, narrow;
};

static bool arm_load(const struct tsp_event *ev, struct arm_load *out)
{
    uint32_t word = (uint32_t)le_load(ev->fetched, 4);
    unsigned size = word >> 30, opc = (unsigned)bits_get(word, 23, 22);

    *out = (struct arm_load){8u << size, word & 31, (opc & 2) != 0, opc == 3};
    if (ev->len != 4 || (word & 0x3e000000u) != 0x38000000u || opc == 0)
        return false;
    if (bits_get(word, 25, 24) == 0 && bits_test(word, 21) && bits_get(word, 11, 10) != 2)
        return false;
    return !out->sign || size + opc - 2 < 3; /* the rest are prefetches and none at all */
}

/* The register holds what was read, extended as the instruction says; 31 is no register. */
bool pred_load_result(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t want;
    struct arm_load load;

    (void)p;
    if (ev->info[1] & 1 || !arm_load(ev, &load) || load.rt == 31)
        return true;
    want = ev->info[0] & bits_mask(load.bits);
    if (load.sign)
        want = bits_sext(want, load.bits);
    if (load.narrow)
        want = (uint32_t)want;
    return ev->after.r[load.rt] == want || say_value(say, "register", want, ev->after.r[load.rt]);
}
