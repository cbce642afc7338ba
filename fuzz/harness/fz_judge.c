/* SPDX-License-Identifier: MIT */
/*
 * The judge: whatever a target reports, judging it must end, and end the same way twice. First
 * byte: how many damages; then six bytes for each; then a scenario. The scenario runs, its set-up
 * and trace are damaged, and the result is judged. Findings are expected here and mean nothing.
 */
#include "fuzz/harness/harness.h"

#include "trapspec/bits.h"

#include <string.h>

#define DAMAGE_LEN 6u
#define DAMAGE_MAX 32u

/* Offset up to which set-ups are plain values: pointers and counts of arrays follow. */
#define SETUP_PLAIN offsetof(struct tsp_setup, ram_base)

struct tally {
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
    if (f->rule != ~0u && !spec_rule_at(harness.spec, f->rule, &rule))
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

static uint64_t judge(enum verdict *worst)
{
    struct spec_options options = harness.options;
    struct tally tally = {0, 0};

    options.least = VERDICT_PASS;
    options.found = count;
    options.ctx = &tally;
    *worst = spec_check(harness.spec, &harness.setup, &harness.trace, &options);
    return tally.hash + tally.n;
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario *s = &harness.scenario;
    bool text = input_is_text(data, size);
    size_t n = text || size == 0 ? 0 : data[0] % DAMAGE_MAX;
    const uint8_t *rest = data + (text || size == 0 ? 0 : 1);
    size_t left = size - (size_t)(rest - data), skip;
    enum verdict first, second;
    uint64_t hash;

    if (n > left / DAMAGE_LEN)
        n = left / DAMAGE_LEN;
    skip = n * DAMAGE_LEN;
    if (!harness_read(rest + skip, left - skip, s) || !harness_run(s))
        return 0;
    for (size_t i = 0; i < n; i++)
        damage(rest + i * DAMAGE_LEN);
    hash = judge(&first);
    if (judge(&second) != hash || first != second)
        harness_fail("judge", "the same trace judged twice gives two results");
    return 0;
}
