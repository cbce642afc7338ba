/* SPDX-License-Identifier: MIT */
/*
 * Greedy: one change at a time towards the default scenario, kept while the two targets still
 * differ in the same way. What is left is what the difference needs.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/side.h"

#include <string.h>
#include <time.h>

#define ROUNDS 3u
#define TRIES_MAX 600u
#define SECONDS_MAX 10 /* a run that ends by its time limit is slow */

struct shrink {
    struct target *a, *b;
    const struct explained *below;
    struct scenario *s;
    struct side_result *r;
    struct scenario def; /* the default of the architecture */
    unsigned tries;
    struct timespec start;
};

static bool spent(const struct shrink *x)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return x->tries >= TRIES_MAX || now.tv_sec - x->start.tv_sec >= SECONDS_MAX;
}

/* Takes the candidate when it is another scenario and the difference stays. */
static bool attempt(struct shrink *x, struct scenario *t)
{
    static struct side_result r;

    if (spent(x) || cli_interrupted())
        return false;
    input_fold(t);
    cli_fit(x->a, t);
    cli_fit(x->b, t);
    /* One was copied from the other, with what lies between its fields. */
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
    if (memcmp(t, x->s, sizeof(*t)) == 0)
        return false;
    x->tries++;
    if (!side_run(x->a, x->b, x->below, t, &r) || r.n == 0 || !side_same(&r, x->r))
        return false;
    *x->s = *t;
    *x->r = r;
    return true;
}

static void settings(struct shrink *x)
{
    static struct scenario t;

#define BACK(field)                                                                                \
    t = *x->s;                                                                                     \
    memcpy(&t.field, &x->def.field, sizeof(t.field));                                              \
    attempt(x, &t);
    BACK(pte)
    BACK(xcr0)
    BACK(apic_id)
    BACK(patch)
    BACK(persona)
    BACK(hv_base)
    BACK(psci)
    BACK(fw_bitmap)
    BACK(exit_ret)
    BACK(pvtime_ipa)
    BACK(flags)
    BACK(nmsr)
    BACK(xmm)
    BACK(policy)
    BACK(cs_base)
    BACK(code_at)
    BACK(level)
    BACK(mode)
#undef BACK
    for (unsigned i = 0; i < 32; i++) {
        t = *x->s;
        t.config &= ~((uint32_t)1 << i);
        attempt(x, &t);
        t = *x->s;
        t.cpu = (t.cpu & ~((uint32_t)1 << i)) | (x->def.cpu & ((uint32_t)1 << i));
        attempt(x, &t);
    }
}

static void registers(struct shrink *x)
{
    static struct scenario t;

    for (unsigned i = 0; i < INPUT_REGS_MAX; i++) {
        if (!((x->s->regs_set >> i) & 1))
            continue;
        t = *x->s;
        t.regs_set &= ~((uint32_t)1 << i);
        t.regs[i] = 0;
        attempt(x, &t);
    }
    for (unsigned i = 0; i < 32; i++) {
        t = *x->s;
        t.flags &= ~((uint64_t)1 << i);
        attempt(x, &t);
    }
}

/* Entries are dropped in halves, quarters, ... down to single ones. */
static void leaves(struct shrink *x)
{
    static struct scenario t;

    for (uint32_t step = x->s->nleaf; step > 0; step /= 2) {
        for (uint32_t at = 0; at < x->s->nleaf;) {
            uint32_t n = x->s->nleaf - at < step ? x->s->nleaf - at : step;

            t = *x->s;
            memmove(&t.leaf[at], &t.leaf[at + n], (t.nleaf - at - n) * sizeof(t.leaf[0]));
            t.nleaf -= n;
            memset(&t.leaf[t.nleaf], 0, n * sizeof(t.leaf[0]));
            if (!attempt(x, &t))
                at += n;
        }
    }
}

static void drop_pieces(struct shrink *x, uint32_t n)
{
    static struct scenario t;

    /* Without its end mark a run goes on into memory that nobody wrote. */
    for (uint32_t at = 0; at + n <= x->s->ncode[0] - side_end_mark(x->s);) {
        t = *x->s;
        memmove(&t.code[0][at], &t.code[0][at + n], t.ncode[0] - at - n);
        t.ncode[0] -= n;
        memset(&t.code[0][t.ncode[0]], 0, n);
        if (!attempt(x, &t))
            at += n;
    }
}

/* Large pieces first: most of the code has nothing to do with it. */
static void drop_code(struct shrink *x, uint32_t unit)
{
    uint32_t n = unit;

    while (n * 2 < x->s->ncode[0])
        n *= 2;
    for (; n >= unit; n /= 2)
        drop_pieces(x, n);
}

/* Everything but code, mode and registers at once, then the registers: often that is all. */
static void at_once(struct shrink *x)
{
    static struct scenario t;

    t = x->def;
    memcpy(t.code, x->s->code, sizeof(t.code));
    memcpy(t.ncode, x->s->ncode, sizeof(t.ncode));
    memcpy(t.regs, x->s->regs, sizeof(t.regs));
    t.regs_set = x->s->regs_set;
    t.flags = x->s->flags;
    t.mode = x->s->mode;
    t.level = x->s->level;
    attempt(x, &t);
    t = *x->s;
    memset(t.regs, 0, sizeof(t.regs));
    t.regs_set = 0;
    t.flags = x->def.flags;
    attempt(x, &t);
}

void side_minimise(struct target *a, struct target *b, const struct explained *below,
                   struct scenario *s, struct side_result *r)
{
    static struct shrink x;
    unsigned before;

    x = (struct shrink){.a = a, .b = b, .below = below, .s = s, .r = r};
    clock_gettime(CLOCK_MONOTONIC, &x.start);
    input_default(&x.def, (enum tsp_arch)s->arch);
    at_once(&x);
    for (unsigned i = 0; i < ROUNDS; i++) {
        before = x.tries;
        drop_code(&x, s->arch == TSP_ARCH_X86 ? 1 : 4);
        leaves(&x);
        registers(&x);
        settings(&x);
        if (x.tries == before || spent(&x))
            break;
    }
}
