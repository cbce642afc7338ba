/* SPDX-License-Identifier: MIT */
/*
 * A plug-in that is the model with one answer changed: what a test of a report needs, and how a
 * hypervisor is wrapped that is right except for what is being tried. Leaf 0x40000001 (KVM's
 * features) gets a bit that nobody has assigned.
 */
#include <trapspec/target.h>

static const struct tsp_target_ops *base; /* the model; it does the work */
static struct tsp_target_ops mine;

static enum tsp_status wrap_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    enum tsp_status st = base->run(self, vcpu, budget, out);

    if (st == TSP_OK && out->kind == TSP_EV_CPUID &&
        (uint32_t)out->before.r[TSP_RAX] == 0x40000001u)
        out->after.r[TSP_RAX] |= 1u << 20;
    return st;
}

const struct tsp_target_ops *tsp_plugin(uint32_t abi, const struct tsp_host *host)
{
    if (abi != TSP_ABI_VERSION)
        return NULL;
    base = host->builtin("model:kvm");
    if (base == NULL)
        return NULL;
    mine = *base; /* open, reset, peek, ...: the model's own */
    mine.size = sizeof(mine);
    mine.name = "wrap";
    mine.run = wrap_run;
    return &mine;
}
