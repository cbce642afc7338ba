/* SPDX-License-Identifier: MIT */
/* Hypercalls: the input's scenario with a hypercall in it, and the variants that
 * fuzz/run/derive_call.c makes of it. */
#include "fuzz/harness/harness.h"

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    harness_derive(DERIVE_HYPERCALL, data, size);
    return 0;
}
