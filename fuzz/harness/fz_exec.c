/* SPDX-License-Identifier: MIT */
/*
 * The whole way: any bytes are a scenario, the scenario runs, the trace is judged. Two oracles of
 * our own besides: the same input gives the same trace, and the scenario survives being written.
 */
#include "fuzz/harness/harness.h"

#include <string.h>

static struct tsp_trace first;
static uint8_t written[INPUT_BYTES_MAX], rewritten[INPUT_BYTES_MAX];
static struct scenario again;

static bool same_regs(const struct tsp_regs *a, const struct tsp_regs *b)
{
    return memcmp(a->r, b->r, sizeof(a->r)) == 0 && a->pc == b->pc && a->flags == b->flags &&
           a->mode == b->mode && a->level == b->level;
}

static bool same_event(const struct tsp_event *a, const struct tsp_event *b)
{
    return a->kind == b->kind && a->vcpu == b->vcpu && a->code == b->code && a->len == b->len &&
           memcmp(a->text, b->text, sizeof(a->text)) == 0 &&
           memcmp(a->fetched, b->fetched, sizeof(a->fetched)) == 0 &&
           memcmp(a->stored, b->stored, sizeof(a->stored)) == 0 && a->addr == b->addr &&
           memcmp(a->info, b->info, sizeof(a->info)) == 0 &&
           memcmp(a->sys, b->sys, sizeof(a->sys)) == 0 && same_regs(&a->before, &b->before) &&
           same_regs(&a->after, &b->after);
}

static void check_repeats(const struct scenario *s)
{
    first.n = harness.trace.n;
    memcpy(first.ev, harness.trace.ev, first.n * sizeof(first.ev[0]));
    if (!harness_run(s) || harness.trace.n != first.n)
        harness_fail("repeat", "a second run of the same input has another length");
    for (size_t i = 0; i < first.n; i++)
        if (!same_event(&first.ev[i], &harness.trace.ev[i]))
            harness_fail("repeat", "a second run of the same input has another event");
}

static void check_round_trip(const struct scenario *s)
{
    size_t n = input_write(s, written, sizeof(written));

    if (n == 0)
        harness_fail("round trip", "the scenario does not fit into its longest form");
    input_parse(written, n, &again);
    if (input_write(&again, rewritten, sizeof(rewritten)) != n ||
        memcmp(written, rewritten, n) != 0)
        harness_fail("round trip", "the scenario reads back differently");
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario *s = &harness.scenario;

    if (!harness_read(data, size, s))
        return 0;
    harness_judge(s);
    /* Both oracles depend on nothing but the input: a fraction of the inputs is enough. */
    switch (derive_hash(data, size) & 15) {
    case 0:
        if (harness.target.caps & TSP_CAP_DETERMINISTIC && harness_run(s))
            check_repeats(s);
        break;
    case 1:
        check_round_trip(s);
        break;
    default:
        break;
    }
    return 0;
}
