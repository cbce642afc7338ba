/* SPDX-License-Identifier: MIT */
/*
 * When a machine may be used again. Making one costs milliseconds, nested in another machine tens
 * of them; setting a vCPU's registers costs microseconds. What registers do not cover (CPUID, which
 * cannot change once a vCPU has run, capabilities, MSRs, read-only memory) must be the same.
 */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include <string.h>

#define UNUSUAL (TSP_CFG_IRQCHIP | TSP_CFG_HLT_NOEXIT | TSP_CFG_PVTIME | TSP_CFG_EXIT_RESUME)

static bool is_plain(const struct tsp_setup *s)
{
    for (uint32_t i = 0; i < s->npage; i++)
        if (s->page[i].flags & TSP_PAGE_ROM)
            return false;
    return s->nvcpu == 1 && !(s->config & UNUSUAL) && s->vcpu[0].x86.nmsr == 0 &&
           s->vcpu[0].x86.xss == 0 && s->vcpu[0].run_state == TSP_RUN_READY;
}

static size_t leaves(const struct tsp_setup *s)
{
    size_t n = s->npolicy ? s->policy[0].n : 0;

    return n < TSP_MAX_LEAF ? n : TSP_MAX_LEAF;
}

void live_shape_take(struct live_machine *k)
{
    const struct tsp_setup *s = k->setup;
    struct live_shape *p = &k->shape;

    p->plain = is_plain(s);
    p->patch = s->patch;
    p->psci = s->psci;
    p->config = s->config;
    p->apic_id = s->vcpu[0].x86.apic_id;
    p->npolicy = s->npolicy;
    memcpy(p->firmware, s->fw_bitmap, sizeof(s->fw_bitmap));
    memcpy(p->firmware + 3, s->workaround, sizeof(s->workaround));
    p->ram_base = s->ram_base;
    p->ram_size = s->ram_size;
    p->nleaf = leaves(s);
    if (p->nleaf)
        memcpy(p->leaf, s->policy[0].leaf, p->nleaf * sizeof(p->leaf[0]));
}

bool live_shape_keep(struct live_machine *k)
{
    const struct tsp_setup *s = k->setup;
    const struct live_shape *p = &k->shape;

    if (k->vm < 0 || !k->clean || !p->plain || !is_plain(s))
        return false;
    if (p->patch != s->patch || p->psci != s->psci || p->config != s->config ||
        p->apic_id != s->vcpu[0].x86.apic_id || p->npolicy != s->npolicy ||
        p->ram_base != s->ram_base || p->ram_size != s->ram_size || p->nleaf != leaves(s))
        return false;
    if (memcmp(p->firmware, s->fw_bitmap, sizeof(s->fw_bitmap)) ||
        memcmp(p->firmware + 3, s->workaround, sizeof(s->workaround)))
        return false;
    return p->nleaf == 0 || !memcmp(p->leaf, s->policy[0].leaf, p->nleaf * sizeof(p->leaf[0]));
}
