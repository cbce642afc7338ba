/* SPDX-License-Identifier: MIT */
/* What user space asks of the running kernel's KVM (Documentation/virt/kvm/api.rst
 * KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID, KVM_XEN_HVM_CONFIG). */
#include "fuzz/target/kvm_live.h"

#include <string.h>
#include <sys/ioctl.h>

#define XEN_FIRST 0x40000000u
#define XEN_END 0x40010000u
#define XEN_LEAF_PAGE 2u

/* One entry more than is ever offered as room: what is written there was written past the end. */
struct list {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entry[TSP_MAX_LEAF + 1];
};

static const unsigned long list_call[] = {KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID};

/* A list with room for all but `less` of its entries; true when that was granted, or more than fits
 * was written. */
static bool take(const struct live_machine *k, unsigned long request, uint32_t less, bool *known)
{
    static struct list l;
    static const struct kvm_cpuid_entry2 mark = {.function = 0x5eed5eed};
    uint32_t n;

    memset(&l, 0, sizeof(l));
    l.head.nent = TSP_MAX_LEAF;
    *known = live_call(k->kvm, request, &l.head) == 0 && l.head.nent > less;
    if (!*known)
        return false;
    n = l.head.nent - less;
    memset(&l, 0, sizeof(l));
    l.head.nent = n;
    l.entry[n] = mark;
    return live_call(k->kvm, request, &l.head) == 0 ||
           memcmp(&l.entry[n], &mark, sizeof(mark)) != 0;
}

static bool lists_granted(const struct live_machine *k, uint32_t less)
{
    bool all = true, any = false, known;

    for (size_t i = 0; i < sizeof(list_call) / sizeof(list_call[0]); i++) {
        bool got = take(k, list_call[i], less, &known);

        all &= got || !known;
        any |= got;
    }
    return less ? any : all;
}

static uint32_t xen_register(const struct tsp_policy *p)
{
    uint32_t base = 0;

    for (size_t i = 0; i < p->n && base == 0; i++)
        if (p->leaf[i].leaf >= XEN_FIRST && p->leaf[i].leaf < XEN_END &&
            p->leaf[i].reg[1] == 0x566e6558u && p->leaf[i].reg[2] == 0x65584d4du)
            base = p->leaf[i].leaf;
    for (size_t i = 0; i < p->n && base != 0; i++)
        if (p->leaf[i].leaf == base + XEN_LEAF_PAGE)
            return p->leaf[i].reg[1];
    return 0;
}

bool live_arch_ask(struct live_machine *k, uint32_t what, bool *granted)
{
    struct kvm_xen_hvm_config config = {.msr = xen_register(&k->setup->policy[0])};

    if (what & (TSP_CFG_ASK_LIST | TSP_CFG_ASK_SHORT)) {
        *granted = lists_granted(k, what & TSP_CFG_ASK_SHORT ? 1 : 0);
        return true;
    }
    /* A kernel may be built without Xen's interface. */
    if (live_has(k, KVM_CAP_XEN_HVM) <= 0)
        return false;
    *granted = live_call(k->vm, KVM_XEN_HVM_CONFIG, &config) == 0;
    return true;
}
