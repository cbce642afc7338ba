/* SPDX-License-Identifier: MIT */
/* The mutator that libFuzzer and AFL++ share: changes of scenarios, of records and, now and then,
 * of bytes. */
#include "fuzz/input/mutate.h"

#include "trapspec/bits.h"

#include <string.h>

uint64_t mutate_value(struct rng *r, uint64_t old)
{
    uint64_t value;
    static const uint64_t edge[] = {
        0,
        1,
        2,
        0x7f,
        0x80,
        0xff,
        0x100,
        0xfff,
        0x1000,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x12000,
        0x3f000,
        0x40000,
        ~(uint64_t)0,
        (uint64_t)1 << 32,
        (uint64_t)1 << 63,
        0xfffffffff000,
    };

    switch (rng_below(r, 6)) {
    case 0:
        return old ^ (uint64_t)1 << rng_below(r, 64);
    case 1: /* dirty upper half */
        return (old & UINT32_MAX) | rng_next(r) << 32;
    case 2:
        return old + rng_below(r, 5) - 2;
    case 3:
        value = rng_next(r);
        return value >> rng_below(r, 64);
    default:
        return RNG_PICK(r, edge);
    }
}

void mutate_insert(struct scenario *s, unsigned vcpu, uint32_t at, const uint8_t *p, uint32_t n)
{
    uint8_t *code = s->code[vcpu];
    uint32_t have = s->ncode[vcpu];

    if (at > have)
        at = have;
    if (n > INPUT_CODE_MAX - have)
        return;
    memmove(code + at + n, code + at, have - at);
    memcpy(code + at, p, n);
    s->ncode[vcpu] = have + n;
}

void mutate_remove(struct scenario *s, unsigned vcpu, uint32_t at, uint32_t n)
{
    uint8_t *code = s->code[vcpu];
    uint32_t have = s->ncode[vcpu];

    if (at >= have)
        return;
    if (n > have - at)
        n = have - at;
    memmove(code + at, code + at + n, have - at - n);
    memset(code + have - n, 0, n);
    s->ncode[vcpu] = have - n;
}

/* --- bytes and records
 * ---------------------------------------------------------------------------- */

static size_t noise(uint8_t *p, size_t n, size_t max, struct rng *r)
{
    unsigned times = 1 + rng_below(r, 4);

    if (n == 0 && max > 0)
        p[n++] = INPUT_VERSION;
    while (times-- > 0 && n > 0) {
        size_t at = rng_below(r, (uint32_t)n);

        switch (rng_below(r, 4)) {
        case 0:
            p[at] ^= (uint8_t)(1u << rng_below(r, 8));
            break;
        case 1:
            p[at] = (uint8_t)rng_next(r);
            break;
        case 2:
            if (n < max) {
                memmove(p + at + 1, p + at, n - at);
                p[at] = (uint8_t)rng_next(r);
                n++;
            }
            break;
        default:
            memmove(p + at, p + at + 1, n - at - 1);
            n--;
            break;
        }
    }
    return n;
}

#define RECORDS_MAX 512u
struct records {
    uint32_t n;
    uint32_t at[RECORDS_MAX], len[RECORDS_MAX]; /* with the two bytes of kind and length */
};

static void find_records(const uint8_t *p, size_t n, struct records *out)
{
    size_t at = RECORD_HEADER;

    out->n = 0;
    while (at < n && n - at >= 2 && out->n < RECORDS_MAX) {
        size_t len = 2u + p[at + 1];

        if (len > n - at)
            len = n - at;
        out->at[out->n] = (uint32_t)at;
        out->len[out->n++] = (uint32_t)len;
        at += len;
    }
}

static size_t delete_record(uint8_t *p, size_t n, const struct records *rec, uint32_t i)
{
    size_t at = rec->at[i], len = rec->len[i];

    memmove(p + at, p + at + len, n - at - len);
    return n - len;
}

static size_t duplicate_record(uint8_t *p, size_t n, size_t max, const struct records *rec,
                               uint32_t i)
{
    size_t at = rec->at[i], len = rec->len[i];

    if (len > max - n || len != 2u + p[at + 1])
        return n;
    memmove(p + at + len, p + at, n - at);
    return n + len;
}

/* Exchanges record i and its successor: entries of a policy change their order. */
static void swap_records(uint8_t *p, const struct records *rec, uint32_t i)
{
    uint8_t first[2 + 255];
    size_t at, a, b;

    if (i + 1 >= rec->n)
        return;
    at = rec->at[i];
    a = rec->len[i];
    b = rec->len[i + 1];
    if (b != 2u + p[at + a + 1])
        return;
    memcpy(first, p + at, a);
    memmove(p + at, p + at + a, b);
    memcpy(p + at + b, first, a);
}

static size_t mutate_records(uint8_t *p, size_t n, size_t max, struct rng *r)
{
    struct records rec = {0};
    uint32_t i;

    find_records(p, n, &rec);
    if (rec.n == 0)
        return noise(p, n, max, r);
    i = rng_below(r, rec.n);
    switch (rng_below(r, 4)) {
    case 0:
        return delete_record(p, n, &rec, i);
    case 1:
        return duplicate_record(p, n, max, &rec, i);
    case 2:
        swap_records(p, &rec, i);
        return n;
    default:
        if (rec.len[i] > 2) {
            uint32_t at = rec.at[i] + 2 + rng_below(r, rec.len[i] - 2);

            p[at] ^= (uint8_t)(1u << rng_below(r, 8));
        }
        return n;
    }
}

/* --- scenarios
 * ------------------------------------------------------------------------------------ */

static void mutate_vcpus(struct scenario *s, struct rng *r)
{
    if (s->nvcpu != 2) {
        s->nvcpu = 2;
        if (rng_below(r, 2)) {
            memcpy(s->code[1], s->code[0], sizeof(s->code[1]));
            s->ncode[1] = s->ncode[0];
        }
    }
    switch (rng_below(r, 4)) {
    case 0:
        s->nvcpu = 1;
        break;
    case 1:
        s->cpu ^= INPUT_CPU_SECOND_OFF;
        break;
    default:
        s->nsched = 1 + rng_below(r, INPUT_SCHED_SHORT);
        for (uint32_t i = 0; i < s->nsched; i++)
            s->sched[i] = (uint8_t)rng_next(r);
        break;
    }
}

/* Early moves are worth more: most runs are short. */
static void mutate_moves(struct scenario *s, struct rng *r)
{
    struct input_move *m;

    if (s->nmove > 0 && rng_below(r, 3) == 0) {
        s->nmove--;
        return;
    }
    m = &s->move[s->nmove < INPUT_MOVE_MAX ? s->nmove++ : rng_below(r, INPUT_MOVE_MAX)];
    m->after = (uint8_t)rng_below(r, 1u + rng_below(r, 16));
    m->host = rng_below(r, 2) ? s->host : (uint8_t)rng_below(r, TSP_VENDOR_OTHER);
}

static void mutate_scenario(struct scenario *s, struct rng *r)
{
    unsigned times = 1 + rng_below(r, 3);

    while (times-- > 0) {
        uint32_t kind = rng_below(r, 64);

        if (kind == 0)
            input_default(s, s->arch == TSP_ARCH_X86 ? TSP_ARCH_ARM64 : TSP_ARCH_X86);
        else if (kind == 1)
            mutate_vcpus(s, r);
        else if (kind == 2)
            mutate_moves(s, r);
        else if (s->arch == TSP_ARCH_X86)
            mutate_x86(s, r);
        else
            mutate_arm64(s, r);
        input_fold(s);
    }
}

size_t input_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed)
{
    struct rng r = {seed};
    struct scenario s;
    size_t wrote;
    uint32_t how = rng_below(&r, 8);

    if (n > max)
        n = max;
    if (how == 0)
        return noise(p, n, max, &r);
    if (how == 1)
        return mutate_records(p, n, max, &r);
    input_parse(p, n, &s);
    mutate_scenario(&s, &r);
    wrote = input_write(&s, p, max);
    return wrote > 0 ? wrote : noise(p, n, max, &r);
}

/* --- crossover
 * ------------------------------------------------------------------------------------ */

static void cross_hypervisor(struct scenario *s, const struct scenario *o)
{
    s->host = o->host;
    s->patch = o->patch;
    s->nmove = o->nmove;
    memcpy(s->move, o->move, sizeof(s->move));
    memcpy(s->persona, o->persona, sizeof(s->persona));
    memcpy(s->hv_base, o->hv_base, sizeof(s->hv_base));
    s->config = o->config;
    s->psci = o->psci;
    memcpy(s->fw_bitmap, o->fw_bitmap, sizeof(s->fw_bitmap));
    memcpy(s->workaround, o->workaround, sizeof(s->workaround));
    s->exit_ret = o->exit_ret;
    s->pvtime_ipa = o->pvtime_ipa;
}

static void cross_policy(struct scenario *s, const struct scenario *o)
{
    s->policy = o->policy;
    s->nleaf = o->nleaf;
    memcpy(s->leaf, o->leaf, sizeof(s->leaf));
}

static void cross_machine(struct scenario *s, const struct scenario *o)
{
    s->mode = o->mode;
    s->level = o->level;
    s->paging = o->paging;
    memcpy(s->pte, o->pte, sizeof(s->pte));
    s->cpu = o->cpu;
    s->xcr0 = o->xcr0;
    s->apic_id = o->apic_id;
    s->cs_base = o->cs_base;
    s->code_at = o->code_at;
}

static void cross_state(struct scenario *s, const struct scenario *o)
{
    s->nmsr = o->nmsr;
    memcpy(s->msr, o->msr, sizeof(s->msr));
    s->regs_set = o->regs_set;
    memcpy(s->regs, o->regs, sizeof(s->regs));
    memcpy(s->xmm, o->xmm, sizeof(s->xmm));
    s->flags = o->flags;
}

/* The head of one program and the tail of the other. */
static void cross_code(struct scenario *s, const struct scenario *o, struct rng *r)
{
    uint32_t cut, tail, from;

    if (rng_below(r, 2)) {
        memcpy(s->code[0], o->code[0], sizeof(s->code[0]));
        s->ncode[0] = o->ncode[0];
        return;
    }
    cut = rng_below(r, s->ncode[0] + 1);
    from = rng_below(r, o->ncode[0] + 1);
    tail = o->ncode[0] - from;
    if (tail > INPUT_CODE_MAX - cut)
        tail = INPUT_CODE_MAX - cut;
    memcpy(s->code[0] + cut, o->code[0] + from, tail);
    s->ncode[0] = cut + tail;
    memset(s->code[0] + s->ncode[0], 0, INPUT_CODE_MAX - s->ncode[0]);
}

size_t input_crossover(const uint8_t *a, size_t na, const uint8_t *b, size_t nb, uint8_t *out,
                       size_t max, uint32_t seed)
{
    struct rng r = {seed ^ 0x63726f73u};
    struct scenario s, o;
    uint32_t take = 1 + rng_below(&r, 31);
    size_t n;

    input_parse(a, na, &s);
    input_parse(b, nb, &o);
    if (s.arch == o.arch) {
        if (take & 1)
            cross_hypervisor(&s, &o);
        if (take & 2)
            cross_policy(&s, &o);
        if (take & 4)
            cross_machine(&s, &o);
        if (take & 8)
            cross_state(&s, &o);
        if (take & 16)
            cross_code(&s, &o, &r);
        input_fold(&s);
    }
    n = input_write(&s, out, max);
    if (n > 0)
        return n;
    n = na < max ? na : max;
    if (n > 0)
        memcpy(out, a, n);
    return n;
}
