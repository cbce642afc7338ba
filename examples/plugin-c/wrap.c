/* SPDX-License-Identifier: MIT */
/*
 * A plug-in that is the model with one answer changed: what a test of a report needs, and how a
 * hypervisor is wrapped that is right except for what is being tried. Leaf 0x40000001 (KVM's
 * features) gets a bit that nobody has assigned.
 */
#include <trapspec/target.h>

static const struct tsp_target_ops *base; /* the model; it does the work */
static struct tsp_target_ops mine;

/* KVM's feature leaf gets a bit that nobody has assigned: in what is reported, and in the register
 * that the guest goes on with. */
static enum tsp_status wrap_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    enum tsp_status st = base->run(self, vcpu, budget, out);
    struct tsp_vcpu_state v;

    if (st != TSP_OK || out->kind != TSP_EV_CPUID || (uint32_t)out->before.r[TSP_RAX] != 0x40000001)
        return st;
    out->after.r[TSP_RAX] |= 1u << 20;
    st = base->get_vcpu(self, vcpu, &v);
    v.regs.r[TSP_RAX] = out->after.r[TSP_RAX];
    return st == TSP_OK ? base->set_vcpu(self, vcpu, &v) : st;
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
