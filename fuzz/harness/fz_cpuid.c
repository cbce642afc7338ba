/* SPDX-License-Identifier: MIT */
/* CPUID: the input as it is, then the row of queries that fuzz/run/derive_cpuid.c makes for its
 * policy. */
#include "fuzz/harness/harness.h"

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    harness_derive(DERIVE_CPUID, data, size);
    return 0;
}
