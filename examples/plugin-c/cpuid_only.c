/* SPDX-License-Identifier: MIT */
/*
 * A plug-in that answers CPUID and nothing else: the CPUID function of a hypervisor, given the
 * table that user space set (setup->policy[0]) and the registers. What this one does is what KVM's
 * user of that table expects: the entry for leaf and sub-leaf; above the highest leaf of a class
 * zeroes (AMD) or the highest basic leaf (Intel); bits that follow the vCPU's state put in last.
 * Machines of another hypervisor are refused: Xen, for one, answers zeroes to every vendor.
 */
#include <trapspec/target.h>

#include <stdlib.h>
#include <string.h>

struct query {
    const struct tsp_setup *setup; /* ours until the next reset */
    int answered;
};

static const struct tsp_leaf *find(const struct tsp_policy *p, uint32_t leaf, uint32_t subleaf)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->leaf[i].leaf == leaf &&
            (!(p->leaf[i].flags & TSP_LEAF_INDEXED) || p->leaf[i].subleaf == subleaf))
            return &p->leaf[i];
    return NULL;
}

/* Leaf 0 names the vendor; above the highest leaf only AMD and Hygon answer zero (Intel SDM Vol.
 * 2A and AMD APM Vol. 3, CPUID). */
static int redirects(const struct tsp_policy *p)
{
    const struct tsp_leaf *l = find(p, 0, 0);

    return l != NULL && l->reg[1] != 0x68747541 && l->reg[1] != 0x6f677948;
}

/* The leaf that is answered for an absent one, or 0xffffffff: zeroes. Linux arch/x86/kvm/cpuid.c
 * get_out_of_range_cpuid_entry. */
static uint32_t instead(const struct tsp_policy *p, uint32_t leaf)
{
    const struct tsp_leaf *basic = find(p, 0, 0), *class_base;

    if (basic == NULL || !redirects(p))
        return UINT32_MAX;
    if (leaf >= 0x40000000 && leaf <= 0x4fffffff)
        class_base = find(p, leaf & 0xffffff00u, 0);
    else if (leaf >= 0xc0000000)
        class_base = find(p, 0xc0000000u, 0);
    else
        class_base = find(p, leaf & 0x80000000u, 0);
    if (class_base != NULL && leaf <= class_base->reg[0])
        return UINT32_MAX;
    return basic->reg[0];
}

static void answer(const struct tsp_setup *s, uint32_t reg[4])
{
    const struct tsp_vcpu_state *v = &s->vcpu[0];
    uint32_t leaf = (uint32_t)v->regs.r[TSP_RAX], subleaf = (uint32_t)v->regs.r[TSP_RCX];
    const struct tsp_policy *p = &s->policy[0];
    const struct tsp_leaf *l = find(p, leaf, subleaf);
    uint32_t other = l == NULL ? instead(p, leaf) : leaf;
    const struct tsp_leaf *level = NULL;

    memset(reg, 0, 4 * sizeof(reg[0]));
    if (l == NULL && other != UINT32_MAX)
        l = find(p, leaf = other, subleaf);
    if (l == NULL && (leaf == 0xb || leaf == 0x1f))
        level = find(p, leaf, 1);
    if (l != NULL)
        memcpy(reg, l->reg, sizeof(l->reg));
    if (level != NULL) { /* an invalid level of the topology leaves: itself, and the x2APIC id */
        reg[2] = subleaf & 0xff;
        reg[3] = level->reg[3];
    }
    if (l != NULL && l->leaf == 1) {
        /* OSXSAVE follows CR4, whatever the table says; APIC follows its own enable bit. */
        reg[2] = (reg[2] & ~(1u << 27)) | (uint32_t)((v->x86.cr4 >> 18 & reg[2] >> 26 & 1) << 27);
        if (!(v->x86.apic_base >> 11 & 1))
            reg[3] &= ~(1u << 9);
    }
}

static enum tsp_status query_open(void **self, const char *args, struct tsp_error *err)
{
    struct query *q = (struct query *)calloc(1, sizeof(*q));

    (void)args;
    *self = q;
    if (q != NULL)
        return TSP_OK;
    err->code = TSP_ENOMEM;
    strcpy(err->text, "out of memory");
    return TSP_ENOMEM;
}

static enum tsp_status query_reset(void *self, const struct tsp_setup *setup, struct tsp_event *out)
{
    struct query *q = (struct query *)self;

    for (int i = 0; i < 2; i++)
        if (setup->persona[i] != TSP_PERSONA_NONE && setup->persona[i] != TSP_PERSONA_KVM)
            return TSP_ENOTSUP;
    q->setup = setup;
    q->answered = 0;
    memset(out, 0, sizeof(*out));
    out->kind = TSP_EV_POLICY; /* code 0: this table is taken */
    return TSP_OK;
}

static enum tsp_status query_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    struct query *q = (struct query *)self;
    uint32_t reg[4];

    (void)budget;
    memset(out, 0, sizeof(*out));
    out->vcpu = (uint16_t)vcpu;
    if (q->answered++) {
        out->kind = TSP_EV_STOP;
        out->code = TSP_STOP_DONE;
        return TSP_OK;
    }
    answer(q->setup, reg);
    out->kind = TSP_EV_CPUID;
    out->after.r[TSP_RAX] = reg[0];
    out->after.r[TSP_RBX] = reg[1];
    out->after.r[TSP_RCX] = reg[2];
    out->after.r[TSP_RDX] = reg[3];
    return TSP_OK;
}

static void query_close(void *self)
{
    free(self);
}

const struct tsp_target_ops *tsp_plugin(uint32_t abi, const struct tsp_host *host)
{
    static struct tsp_target_ops ops;

    (void)host;
    if (abi != TSP_ABI_VERSION)
        return NULL;
    ops.size = sizeof(ops);
    ops.abi = TSP_ABI_VERSION;
    ops.name = "cpuid-only";
    ops.caps = TSP_CAP_X86 | TSP_CAP_DETERMINISTIC; /* no TSP_CAP_EXEC: it runs no code */
    ops.open = query_open;
    ops.reset = query_reset;
    ops.run = query_run;
    ops.close = query_close;
    return &ops;
}
