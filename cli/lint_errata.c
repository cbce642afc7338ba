/* SPDX-License-Identifier: MIT */
#include "cli/lint.h"
#include "emu/policy/lookup.h"

#include <string.h>

struct erratum {
    enum tsp_vendor vendor;
    unsigned family, from, to;
    const char *rule, *reason;
};

#define ERRATUM(v, family, from, to, rule, reason) {TSP_VENDOR_##v, family, from, to, rule, reason},
static const struct erratum errata[] = {
#include "cli/lint_errata.def"
    {TSP_VENDOR_COUNT, 0, 0, 0, "", ""}};

static bool names(const char *pattern, const char *rule)
{
    size_t n = strlen(pattern);

    if (n > 0 && pattern[n - 1] == '*')
        return strncmp(pattern, rule, n - 1) == 0;
    return strcmp(pattern, rule) == 0;
}

/* Windows on its own hypervisor has the processor's features with a lower highest leaf: Hyper-V
 * gives 0xD to all of family 1Ah, and leaves 0xF and 0x10 fall off. */
static const char *below_root(const struct lint *l, const struct lint_finding *f)
{
    if (lint_reg(l, 1, 0, 2) >> 31 == 0 || lint_guest(l) || strncmp(f->rule, "MAX-", 4) != 0)
        return NULL;
    return "Hyper-V lowers the highest leaf of the Windows that runs it, not the features";
}

const char *lint_erratum(const struct lint *l, const struct lint_finding *f)
{
    struct tsp_policy policy = {.leaf = l->leaf, .n = l->nleaf};
    uint32_t sig = lint_reg(l, 1, 0, 0);
    unsigned family = sig >> 8 & 15, model = sig >> 4 & 15;
    enum tsp_vendor vendor = policy_vendor(&policy);
    /* A part that answers anything answers anything in the hypervisor bit too. */
    bool virtual = lint_hv_owner(l) != NULL;

    if (below_root(l, f) != NULL)
        return below_root(l, f);
    if (family == 6 || family == 15)
        model |= (sig >> 16 & 15) << 4;
    if (family == 15)
        family += sig >> 20 & 255;
    for (size_t i = 0; errata[i].vendor != TSP_VENDOR_COUNT; i++) {
        const struct erratum *e = &errata[i];

        if (virtual && strcmp(e->rule, "*") != 0)
            continue;
        if (e->vendor == vendor && e->family == family && model >= e->from && model <= e->to &&
            names(e->rule, f->rule))
            return e->reason;
    }
    return NULL;
}
