/* SPDX-License-Identifier: MIT */
/*
 * Schedules by the engine: any bytes are a scenario of two to four vCPUs whose steps come in the
 * order that its schedule says, under one patch protocol (TRAPSPEC_PROTOCOL, else the one that is
 * right, text-poke). Reaches what `trapspec race` explores, and beyond it: other programs, longer
 * ones, more vCPUs.
 */
#include "fuzz/harness/harness.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t protocol;

    if (protocol == 0)
        protocol = derive_protocol(getenv("TRAPSPEC_PROTOCOL"));
    if (protocol == 0)
        harness_fail("TRAPSPEC_PROTOCOL", getenv("TRAPSPEC_PROTOCOL"));
    harness_derive(DERIVE_RACE + protocol, data, size);
    return 0;
}
