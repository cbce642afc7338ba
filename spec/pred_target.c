/* SPDX-License-Identifier: MIT */
/* Predicates about the target itself rather than about what its guest was told. */
#include "spec/pred.h"

#include <inttypes.h>
#include <stdio.h>

/* ORDER: enum tsp_wrong; each takes info[1]. */
bool pred_sound(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const char *const text[TSP_WRONG_COUNT] = {
        "it failed (0x%" PRIx64 ")",
        "its process was killed by signal %" PRIu64,
        "it ended its process, exit status %" PRIu64,
        "it did not return within %" PRIu64 " ms",
        "it wrote %" PRIu64 " bytes to standard output",
        "it made another process",
        "it closed descriptors that are not its own",
        "it changed the limits of its process (RLIMIT %" PRIu64 ")",
        "a call returned status %" PRId64,
        "an event of kind %" PRIu64 ", which has no place here",
        "an event's code is out of range: 0x%" PRIx64,
        "an event of vCPU %" PRIu64 ", which was not asked to run",
        "an event with %" PRIu64 " instruction bytes",
        "registers in no mode of this architecture (mode and level 0x%04" PRIx64 ")",
        "a pc that cannot be: 0x%" PRIx64,
        "it ran %" PRIu64 " instructions, more than it was given",
        "runnable names vCPUs that do not exist: 0x%" PRIx64,
        "what get_vcpu and get_hv gave cannot be set again",
        "it failed too often and is not asked any more",
    };
    const struct tsp_event *ev = j->ev;
    uint64_t what = ev->info[0] < TSP_WRONG_COUNT ? ev->info[0] : TSP_WRONG_UNKNOWN;

    (void)p;
    snprintf(say->expected, sizeof(say->expected), "the target answers within the interface");
    snprintf(say->got, sizeof(say->got), text[what], ev->info[1]);
    return false;
}

/* A migration: what the guest saw afterwards is what it would have seen without. */
bool pred_went_on(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t same = j->ev->info[1];

    (void)p;
    if (same <= 1)
        return true;
    snprintf(say->expected, sizeof(say->expected), "the run goes on as without the migration");
    snprintf(say->got, sizeof(say->got), "event %" PRIu64 " of the trace differs", same - 2);
    return false;
}
