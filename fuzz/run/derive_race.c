/* SPDX-License-Identifier: MIT */
/* Races: two to four vCPUs under one patch protocol. */
#include "fuzz/run/derive.h"
#include "fuzz/run/race.h"
#include "fuzz/target/states.h"

#include <string.h>

uint8_t derive_protocol(const char *wanted)
{
    const char *name, *text, *source;

    if (wanted == NULL || wanted[0] == 0)
        return TSP_PROTOCOL_TEXT_POKE;
    for (unsigned i = 1; protocol_name(i, &name, &text, &source); i++)
        if (strcmp(name, wanted) == 0)
            return (uint8_t)i;
    return TSP_PROTOCOL_NONE;
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

bool derive_race(struct scenario *s, uint8_t protocol, uint64_t hash)
{
    if (s->arch != TSP_ARCH_X86)
        return false;
    s->protocol = protocol;
    if (s->nvcpu < 2)
        s->nvcpu = 2;
    /* the bytes that differ are one, or all three */
    if ((hash & 4) != 0)
        s->how |= TSP_HOW_INT;
    input_fold(s);
    matrix_case(s, hash);
    return true;
}
