/* SPDX-License-Identifier: MIT */
/*
 * Schedules by the engine: any bytes are a scenario of two to four vCPUs whose steps come in the
 * order that its schedule says, under one patch protocol (TRAPSPEC_PROTOCOL, else the one that is
 * right, text-poke). Reaches what `trapspec race` explores, and beyond it: other programs, longer
 * ones, more vCPUs.
 */
#include "fuzz/harness/harness.h"
#include "fuzz/run/race.h"
#include "fuzz/target/states.h"

#include <stdlib.h>
#include <string.h>

static uint8_t protocol_named(const char *wanted)
{
    const char *name, *text, *source;

    if (wanted == NULL || wanted[0] == 0)
        return TSP_PROTOCOL_TEXT_POKE;
    for (unsigned i = 1; protocol_name(i, &name, &text, &source); i++)
        if (strcmp(name, wanted) == 0)
            return (uint8_t)i;
    harness_fail("TRAPSPEC_PROTOCOL", wanted);
}

/* A case of the matrix with the input's own schedule: one input in four, by the first of its
 * schedule bytes. */
static void matrix_case(struct scenario *s, uint64_t hash)
{
    static struct scenario own;
    struct race_case c;

    if ((hash & 3) != 0 || !race_case_at((unsigned)(hash >> 8) % race_case_end(), &c))
        return;
    c.protocol = s->protocol;
    own = *s;
    if (!race_scenario(&c, s))
        return;
    s->nsched = own.nsched;
    memcpy(s->sched, own.sched, sizeof(s->sched));
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t protocol;
    struct scenario *s = &harness.scenario;

    if (protocol == 0)
        protocol = protocol_named(getenv("TRAPSPEC_PROTOCOL"));
    harness.races = true;
    if (!harness_read(data, size, s) || s->arch != TSP_ARCH_X86)
        return 0;
    s->protocol = protocol;
    if (s->nvcpu < 2)
        s->nvcpu = 2;
    /* the bytes that differ are one, or all three */
    if ((derive_hash(data, size) & 4) != 0)
        s->how |= TSP_HOW_INT;
    input_fold(s);
    matrix_case(s, derive_hash(data, size));
    harness_judge(s);
    return 0;
}
