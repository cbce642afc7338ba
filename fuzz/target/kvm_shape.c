/* SPDX-License-Identifier: MIT */
/*
 * When a machine may be used again. Making one costs milliseconds, nested in another machine tens
 * of them; setting a vCPU's registers costs microseconds. What registers do not cover (CPUID, which
 * cannot change once a vCPU has run, capabilities, MSRs, read-only memory) must be the same.
 */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include <string.h>

#define UNUSUAL                                                                                    \
    (TSP_CFG_IRQCHIP | TSP_CFG_HLT_NOEXIT | TSP_CFG_PVTIME | TSP_CFG_EXIT_RESUME | TSP_CFG_ASK)

/* "Hv#1", the interface of a Hyper-V block: its guests can read the number of their vCPU. */
#define HYPERV 0x31237648u
#define CORES_MAX 48u /* vCPUs one machine gives before the next is made */

static bool numbers_vcpus(const struct tsp_setup *s)
{
    for (size_t i = 0; s->npolicy && i < s->policy[0].n; i++)
        if (s->policy[0].leaf[i].reg[0] == HYPERV)
            return true;
    return false;
}

static bool is_plain(const struct tsp_setup *s)
{
    for (uint32_t i = 0; i < s->npage; i++)
        if (s->page[i].flags & TSP_PAGE_ROM)
            return false;
    /* AArch64 guests without their MMU read past the caches: only a page that KVM maps anew is sure
     * to have been cleaned. */
    return s->arch == TSP_ARCH_X86 && s->nvcpu == 1 && !(s->config & UNUSUAL) &&
           s->vcpu[0].x86.nmsr == 0 && s->vcpu[0].x86.xss == 0 && s->vcpu[0].x86.apic_id == 0 &&
           s->vcpu[0].run_state == TSP_RUN_READY && !numbers_vcpus(s);
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
    p->npolicy = s->npolicy;
    memcpy(p->firmware, s->fw_bitmap, sizeof(s->fw_bitmap));
    memcpy(p->firmware + 3, s->workaround, sizeof(s->workaround));
    p->ram_base = s->ram_base;
    p->ram_size = s->ram_size;
    p->nleaf = leaves(s);
    if (p->nleaf)
        memcpy(p->leaf, s->policy[0].leaf, p->nleaf * sizeof(p->leaf[0]));
}

static bool same_machine(const struct live_shape *p, const struct tsp_setup *s)
{
    return p->patch == s->patch && p->psci == s->psci && p->config == s->config &&
           p->ram_base == s->ram_base && p->ram_size == s->ram_size &&
           !memcmp(p->firmware, s->fw_bitmap, sizeof(s->fw_bitmap)) &&
           !memcmp(p->firmware + 3, s->workaround, sizeof(s->workaround));
}

enum live_keep live_shape_keep(const struct live_machine *k)
{
    const struct tsp_setup *s = k->setup;
    const struct live_shape *p = &k->shape;

    if (k->vm < 0 || !k->clean || !p->plain || !is_plain(s) || !same_machine(p, s))
        return LIVE_KEEP_NOTHING;
    if (p->npolicy == s->npolicy && p->nleaf == leaves(s) &&
        (p->nleaf == 0 || !memcmp(p->leaf, s->policy[0].leaf, p->nleaf * sizeof(p->leaf[0]))))
        return LIVE_KEEP_ALL;
    return p->cores < CORES_MAX ? LIVE_KEEP_MACHINE : LIVE_KEEP_NOTHING;
}
