/* SPDX-License-Identifier: MIT */
/*
 * The judge: whatever a target reports, judging it must end, and end the same way twice. First byte
 * 0..254: how many damages; then six bytes for each; then a scenario. The scenario runs, its set-up
 * and trace are damaged, and the result is judged. First byte 255: the second chooses a table, the
 * rest is its text; when it reads, a fixed trace is judged by it. Findings are expected here and
 * mean nothing.
 */
#include "fuzz/harness/judge_tables.h"

#include "trapspec/bits.h"

#include <string.h>

#define DAMAGE_LEN 6u
#define DAMAGE_MAX 32u

/* Offset up to which set-ups are plain values: pointers and counts of arrays follow. */
#define SETUP_PLAIN offsetof(struct tsp_setup, ram_base)

#define TABLES 255u

struct tally {
    const struct spec *spec;
    size_t n;
    uint64_t hash;
};

static void count(void *ctx, const struct finding *f)
{
    struct tally *t = ctx;
    struct spec_rule rule;

    t->n++;
    t->hash = t->hash * 31 + (uint64_t)f->rule * 7 + (uint64_t)f->verdict + f->event * 131;
    if (f->event >= harness.trace.n && harness.trace.n > 0)
        harness_fail("judge", "a finding about an event that is not there");
    if (f->rule != ~0u && !spec_rule_at(t->spec, f->rule, &rule))
        harness_fail("judge", "a finding of a rule that is not there");
    if (memchr(f->expected, 0, sizeof(f->expected)) == NULL ||
        memchr(f->got, 0, sizeof(f->got)) == NULL)
        harness_fail("judge", "a finding without end");
}

/* where 2 bytes, kind 1 byte, value 3 bytes */
static void damage(const uint8_t *p)
{
    struct tsp_trace *t = &harness.trace;
    size_t where = (size_t)le_load(p, 2);
    struct tsp_event *e;

    if (p[2] & 0x80) {
        ((uint8_t *)&harness.setup)[where % SETUP_PLAIN] = p[3];
        return;
    }
    if (t->n == 0)
        return;
    e = &t->ev[where % t->n];
    switch (p[2] & 7) {
    case 0:
        e->kind = p[3] % 16;
        break;
    case 1:
        e->code = (uint32_t)le_load(p + 3, 3);
        break;
    case 2:
        e->len = p[3];
        break;
    case 3:
        e->before.mode = p[3];
        break;
    case 4:
        e->vcpu = p[3];
        break;
    case 5: /* another event instead, or one more */
        if (t->n < TSP_MAX_EVENT && p[3] & 1)
            t->ev[t->n++] = *e;
        else
            *e = t->ev[p[4] % t->n];
        break;
    default:
        ((uint8_t *)e)[le_load(p + 3, 2) % sizeof(*e)] ^= p[5];
        break;
    }
}

static uint64_t judge(const struct spec *spec, enum verdict *worst)
{
    struct spec_options options = harness.options;
    struct tally tally = {spec, 0, 0};

    options.least = VERDICT_PASS;
    options.found = count;
    options.ctx = &tally;
    *worst = spec_check(spec, &harness.setup, &harness.trace, &options);
    return tally.hash + tally.n;
}

static void judge_twice(const struct spec *spec)
{
    enum verdict first, second;
    uint64_t hash = judge(spec, &first);

    if (judge(spec, &second) != hash || first != second)
        harness_fail("judge", "the same trace judged twice gives two results");
}

/* Some of everything a rule can be about. */
static void judge_by_table(const uint8_t *data, size_t size)
{
    static const uint8_t program[] = {0x0f, 0xa2, 0x0f, 0x01, 0xc1, 0x0f, 0x01,
                                      0xd9, 0x66, 0x0f, 0x01, 0xc1, 0xcc, 0xf4};
    const struct spec *spec = judge_tables_read(data[1], (const char *)data + 2, size - 2);
    struct scenario *s = &harness.scenario;

    if (spec == NULL)
        return;
    input_default(s, TSP_ARCH_X86);
    memcpy(s->code[0], program, sizeof(program));
    s->ncode[0] = sizeof(program);
    if (harness_run(s))
        judge_twice(spec);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario *s = &harness.scenario;
    bool plain = size == 0 || input_is_text(data, size);
    size_t n = plain ? 0 : data[0] % DAMAGE_MAX, head = plain ? 0 : 1;

    if (!plain && data[0] == TABLES) {
        if (size >= 2)
            judge_by_table(data, size);
        return 0;
    }
    if (n > (size - head) / DAMAGE_LEN)
        n = (size - head) / DAMAGE_LEN;
    head += n * DAMAGE_LEN;
    if (!harness_read(data + head, size - head, s) || !harness_run(s))
        return 0;
    for (size_t i = 0; i < n; i++)
        damage(data + 1 + i * DAMAGE_LEN);
    judge_twice(harness.spec);
    return 0;
}
