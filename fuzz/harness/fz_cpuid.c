/* SPDX-License-Identifier: MIT */
/* CPUID: the input as it is, then the row of queries that fuzz/run/derive_cpuid.c makes for its
 * policy (class bases and maxima with their neighbours, 0x100 strides, dirty upper halves, sub-leaf
 * edges), then such a row for the guest on another vendor's machine under another hypervisor. */
#include "fuzz/harness/harness.h"

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    harness_derive(DERIVE_CPUID, data, size);
    return 0;
}
