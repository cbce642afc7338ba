/* SPDX-License-Identifier: MIT */
/* Scenarios for a target that cannot choose the machine below. */
#include "cli/cli.h"

void cli_fit(const struct target *t, struct scenario *s)
{
    struct target_host h;

    if (!target_host(t, &h))
        return;
    s->host = h.vendor;
    s->config &= ~(uint32_t)TSP_CFG_HOST_TSC;
    if (h.tsc && s->arch == TSP_ARCH_X86)
        s->config |= TSP_CFG_HOST_TSC;
    for (unsigned i = 0; i < 3 && h.firmware; i++)
        s->workaround[i] = h.workaround[i];
}

const char *cli_refusal(const struct target *t)
{
    const char *why = target_why(t);

    return why != NULL ? why : "refuses the set-up";
}
