/* SPDX-License-Identifier: MIT */
/*
 * What a policy has to say of a CPUID query, written from Intel SDM Vol. 2A CPUID ("INPUT EAX"),
 * AMD APM Vol. 3 Appendix E and the hypervisor's own interface documents; which result is right is
 * for x86_ranges.csv.
 */
#include "spec/judge.h"

#include <string.h>

#define LEAF_HV 0x40000000u
#define LEAF_HV_END 0x4fffffffu
#define LEAF_EXT 0x80000000u
#define LEAF_CENTAUR 0xc0000000u
#define HV_BLOCK 0xffffff00u

static unsigned slot_of(uint32_t leaf)
{
    return (leaf * 0x9e3779b1u) >> 24;
}
_Static_assert(POLICY_SLOTS == 1u << 8, "slot_of keeps eight bits");

void spec_policy_open(struct policy_index *p, const struct tsp_policy *from, bool hashed)
{
    p->leaf = from->leaf;
    p->n = from->leaf ? (unsigned)(from->n < TSP_MAX_LEAF ? from->n : TSP_MAX_LEAF) : 0;
    p->hashed = hashed;
    if (!hashed)
        return;
    memset(p->slot, 0, sizeof(p->slot));
    /* From the end, so that the first of several entries of a leaf heads its chain. */
    for (unsigned i = p->n; i-- > 0;) {
        unsigned at = slot_of(p->leaf[i].leaf);

        p->next[i] = p->slot[at];
        p->slot[at] = (uint16_t)(i + 1);
    }
}

static bool entry_answers(const struct tsp_leaf *e, uint32_t sub)
{
    return !(e->flags & TSP_LEAF_INDEXED) || e->subleaf == sub;
}

static const struct tsp_leaf *find(const struct policy_index *p, uint32_t leaf, uint32_t sub,
                                   bool any)
{
    if (!p->hashed) {
        for (unsigned i = 0; i < p->n; i++)
            if (p->leaf[i].leaf == leaf && (any || entry_answers(&p->leaf[i], sub)))
                return &p->leaf[i];
        return NULL;
    }
    for (unsigned i = p->slot[slot_of(leaf)]; i; i = p->next[i - 1]) {
        const struct tsp_leaf *e = &p->leaf[i - 1];

        if (e->leaf == leaf && (any || entry_answers(e, sub)))
            return e;
    }
    return NULL;
}

const struct tsp_leaf *spec_policy_find(const struct policy_index *p, uint32_t leaf, uint32_t sub)
{
    return find(p, leaf, sub, false);
}

const struct tsp_leaf *spec_policy_first(const struct policy_index *p, uint32_t leaf)
{
    return find(p, leaf, 0, true);
}

uint32_t judge_base(const struct judge *j, unsigned persona)
{
    for (unsigned i = 0; i < 2; i++)
        if (j->setup->persona[i] == persona)
            return j->setup->hv_base[i] ? j->setup->hv_base[i] : LEAF_HV;
    return 0;
}

/* Does a block of the policy carry the persona's signature, as the persona's own rows have it? */
static bool carries_signature(const struct leaf_rec *rec, const struct tsp_leaf *e)
{
    uint32_t bad = 0;

    for (unsigned i = 1; i < 4; i++)
        bad |= (e->reg[i] & rec->zero[i]) | (~e->reg[i] & rec->one[i]);
    return bad == 0;
}

/* Where the guest's own look for the persona ends: the lowest block with its signature, 0 when
 * there is none. An entry behind another one of its leaf never answers. A persona without rows of
 * its own is taken to be where it was placed. */
uint32_t judge_block(const struct judge *j, unsigned persona)
{
    const struct leaf_rec *rec = spec_find_rec(j->s, SPEC_WHO_RELATIVE + persona, 0, 0);
    uint32_t base = 0;

    if (!rec)
        return judge_base(j, persona);
    for (unsigned i = 0; i < j->policy.n; i++) {
        const struct tsp_leaf *e = &j->policy.leaf[i];

        if (e->leaf >= LEAF_HV && e->leaf <= LEAF_HV + 0xff00u && !(e->leaf & ~HV_BLOCK) &&
            (!base || e->leaf < base) && carries_signature(rec, e) &&
            e == spec_policy_first(&j->policy, e->leaf))
            base = e->leaf;
    }
    return base;
}

bool judge_field(const struct judge *j, const struct field_ref *ref, unsigned persona,
                 uint32_t *out)
{
    uint32_t base = ref->relative ? judge_block(j, persona) : 0;
    const struct tsp_leaf *e;

    *out = 0;
    if (ref->relative && !base)
        return false;
    e = ref->sub == REF_ANY_SUB ? spec_policy_first(&j->policy, base + ref->leaf)
                                : spec_policy_find(&j->policy, base + ref->leaf, ref->sub);
    if (!e)
        return false;
    *out = (e->reg[ref->reg] >> ref->lo) & (uint32_t)(0xffffffffu >> (31 - (ref->hi - ref->lo)));
    return true;
}

static unsigned class_of(uint32_t leaf)
{
    if (leaf >= LEAF_CENTAUR)
        return CLASS_CENTAUR;
    if (leaf >= LEAF_EXT)
        return CLASS_EXT;
    return leaf >= LEAF_HV && leaf <= LEAF_HV_END ? CLASS_HV : CLASS_BASIC;
}

/* The leaf that says how far the class goes. Hypervisor leaves come in blocks of 0x100, each with
 * its own. */
static const struct tsp_leaf *class_entry(const struct judge *j, unsigned class, uint32_t leaf)
{
    switch (class) {
    case CLASS_CENTAUR:
        return j->centaur;
    case CLASS_EXT:
        return j->ext;
    case CLASS_HV:
        return spec_policy_first(&j->policy, leaf & HV_BLOCK);
    default:
        return j->basic;
    }
}

/* Rows of the leaf: a persona's where it was placed, a fixed hypervisor leaf, or the vendor's. */
static const struct leaf_rec *find_rows(const struct judge *j, uint32_t leaf, uint32_t sub)
{
    if (class_of(leaf) != CLASS_HV)
        return spec_find_rec(j->s, j->vendor, leaf, sub);
    for (unsigned i = 0; i < 2; i++) {
        unsigned persona = j->setup->persona[i];
        const struct leaf_rec *rec = NULL;

        if (persona == TSP_PERSONA_NONE || persona >= TSP_PERSONA_COUNT)
            continue;
        if (judge_base(j, persona) == (leaf & HV_BLOCK))
            rec = spec_find_rec(j->s, SPEC_WHO_RELATIVE + persona, leaf & ~HV_BLOCK, sub);
        if (!rec)
            rec = spec_find_rec(j->s, SPEC_WHO_ABSOLUTE + persona, leaf, sub);
        if (rec)
            return rec;
    }
    return NULL;
}

static bool cpuid_echoes(uint32_t leaf)
{
    /* Intel SDM Vol. 2A CPUID: extended topology, and its second edition */
    return leaf == 0xb || leaf == 0x1f;
}

void cpuid_answer(const struct judge *j, uint32_t reg[4])
{
    const uint64_t *r = j->ev->after.r;

    reg[0] = (uint32_t)r[TSP_RAX];
    reg[1] = (uint32_t)r[TSP_RBX];
    reg[2] = (uint32_t)r[TSP_RCX];
    reg[3] = (uint32_t)r[TSP_RDX];
}

/* Bits of the answer that follow the vCPU's state. An entry without index stands for every sub-leaf
 * of a leaf that has them: what the hypervisor keeps right in one of them shows in all. */
static void find_run_time_bits(struct judge *j)
{
    const struct leaf_rec *r = j->rec;
    uint32_t sub = (uint32_t)j->ev->before.r[TSP_RCX];

    memset(j->run, 0, sizeof(j->run));
    j->blurred = false;
    /* A leaf that is another vendor's may follow the vCPU all the same, or be what user space set.
     */
    for (unsigned v = 0; !r && j->served && v < TSP_VENDOR_COUNT; v++)
        r = spec_find_rec(j->s, v, j->served_leaf, sub);
    for (unsigned i = 0; r && i < 4; i++)
        j->run[i] = r->run[i] | r->shared[i];
    if (!j->rec)
        return;
    if (!j->served)
        return;
    if (!r->indexed) {
        /* Several entries of a leaf that has no sub-leaves: the first one is kept right. */
        j->blurred = j->served != spec_policy_first(&j->policy, j->served_leaf);
        return;
    }
    if (j->served->flags & TSP_LEAF_INDEXED)
        return;
    j->blurred = true;
    while (r > j->s->rec && r[-1].who == r->who && r[-1].leaf == r->leaf)
        r--;
    for (; r < j->s->rec + j->s->nrec && r->who == j->rec->who && r->leaf == j->rec->leaf; r++)
        for (unsigned i = 0; i < 4; i++)
            j->run[i] |= r->run[i];
}

static void look_up(struct judge *j, struct cpuid_query *q)
{
    uint32_t leaf = (uint32_t)j->ev->before.r[TSP_RAX];
    uint32_t sub = (uint32_t)j->ev->before.r[TSP_RCX];
    const struct tsp_leaf *top;

    q->class = class_of(leaf);
    j->entry = j->served = spec_policy_find(&j->policy, leaf, sub);
    j->served_leaf = leaf;
    j->redirected = false;
    q->entry = j->entry != NULL;
    q->range = RANGE_NONE;
    if (j->basic) {
        top = class_entry(j, q->class, leaf);
        q->range = top && leaf <= top->reg[0] ? RANGE_IN : RANGE_OUT;
    }
    /* AMD and Hygon answer nothing there; every other text is taken for Intel's, but by Xen, which
     * answers all guests as AMD's are (xen/arch/x86/cpuid.c guest_cpuid). */
    if (!j->entry && !(j->personas & 1u << TSP_PERSONA_XEN) && q->range == RANGE_OUT &&
        j->vendor != TSP_VENDOR_AMD && j->vendor != TSP_VENDOR_HYGON) {
        j->redirected = true;
        j->served_leaf = j->basic->reg[0];
        j->served = spec_policy_find(&j->policy, j->served_leaf, sub);
    }
    q->sub1 = !j->entry && cpuid_echoes(j->served_leaf) &&
              spec_policy_find(&j->policy, j->served_leaf, 1) != NULL;
    j->rec = j->served || j->setup->npolicy == 0 ? find_rows(j, j->served_leaf, sub) : NULL;
    find_run_time_bits(j);
}

static void keep_query(struct judge *j, const struct cpuid_query *q)
{
    struct cpuid_memo *m = &j->memo;

    m->asked = true;
    m->clean = false;
    m->leaf = (uint32_t)j->ev->before.r[TSP_RAX];
    m->sub = (uint32_t)j->ev->before.r[TSP_RCX];
    m->query = *q;
    m->entry = j->entry;
    m->served = j->served;
    m->served_leaf = j->served_leaf;
    m->rec = j->rec;
    m->redirected = j->redirected;
    m->blurred = j->blurred;
    memcpy(m->run, j->run, sizeof(m->run));
}

static bool same_query(struct judge *j, struct cpuid_query *q)
{
    const struct cpuid_memo *m = &j->memo;

    if (!m->asked || m->leaf != (uint32_t)j->ev->before.r[TSP_RAX] ||
        m->sub != (uint32_t)j->ev->before.r[TSP_RCX])
        return false;
    *q = m->query;
    j->entry = m->entry;
    j->served = m->served;
    j->served_leaf = m->served_leaf;
    j->rec = m->rec;
    j->redirected = m->redirected;
    j->blurred = m->blurred;
    memcpy(j->run, m->run, sizeof(j->run));
    return true;
}

bool cpuid_was_clean(const struct judge *j, const uint32_t reg[4])
{
    const struct cpuid_memo *m = &j->memo;

    return m->clean && m->vcpu == j->ev->vcpu && m->mode == j->ev->before.mode &&
           memcmp(m->reg, reg, sizeof(m->reg)) == 0 &&
           memcmp(m->sys, j->ev->sys, sizeof(m->sys)) == 0;
}

void cpuid_note_clean(struct judge *j, const uint32_t reg[4])
{
    struct cpuid_memo *m = &j->memo;

    m->clean = m->asked;
    m->vcpu = j->ev->vcpu;
    m->mode = j->ev->before.mode;
    memcpy(m->reg, reg, sizeof(m->reg));
    memcpy(m->sys, j->ev->sys, sizeof(m->sys));
}

void cpuid_look_up(struct judge *j, struct cpuid_query *q)
{
    if (same_query(j, q))
        return;
    look_up(j, q);
    keep_query(j, q);
}
