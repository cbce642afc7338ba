/* SPDX-License-Identifier: MIT */
/*
 * How two policies become one. Features: both must have them, but for those of which one is enough;
 * then whatever needs a lost one is lost (docs/features/feature-levelling.pandoc of Xen). Numbers
 * that limit: the smaller one. What the guest can only use when it is the same everywhere (places
 * in the XSAVE area, frequencies, tables): as it is when equal, else gone. What names the processor
 * and its caches: those of the older one, by family, model and stepping.
 */
#include "emu/policy/level.h"

#include <string.h>

#include "emu/policy/lookup.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define ALL_BITS 31, 0
#define HV_FIRST 0x40000000u
#define HV_LAST 0x4fffffffu
#define HV_STEP 0x100u
#define XSAVE 0xdu

enum rule {
    RULE_MIN,  /* the smaller one */
    RULE_SAME, /* equal, else zero */
    RULE_AND,  /* bits that both have */
    RULE_ZERO,
    RULE_WORD /* a word of the featureset: set afterwards */
};

/* Registers of leaves that are combined field by field; sub-leaf ~0: any. */
static const struct field_rule {
    uint32_t leaf, subleaf;
    uint8_t reg, hi, lo, rule;
} fields[] = {
    {0x0, 0, EAX, ALL_BITS, RULE_MIN},
    {0x0, 0, EBX, ALL_BITS, RULE_SAME},
    {0x0, 0, ECX, ALL_BITS, RULE_SAME},
    {0x0, 0, EDX, ALL_BITS, RULE_SAME},
    {0x1, 0, EBX, 7, 0, RULE_SAME},  /* brand index */
    {0x1, 0, EBX, 15, 8, RULE_MIN},  /* CLFLUSH line */
    {0x1, 0, EBX, 23, 16, RULE_MIN}, /* ids of the package */
    {0x5, 0, EAX, ALL_BITS, RULE_MIN},
    {0x5, 0, EBX, ALL_BITS, RULE_SAME},
    {0x5, 0, ECX, ALL_BITS, RULE_AND},
    {0x5, 0, EDX, ALL_BITS, RULE_SAME},
    {0x6, 0, EBX, 3, 0, RULE_MIN},
    {0x6, 0, ECX, ALL_BITS, RULE_AND},
    {0x6, 0, EDX, ALL_BITS, RULE_SAME},
    {0x7, 0, EAX, ALL_BITS, RULE_MIN},
    {0x7, 1, EAX, ALL_BITS, RULE_WORD},
    {0x7, 2, EDX, ALL_BITS, RULE_WORD},
    {XSAVE, UINT32_MAX, EAX, ALL_BITS, RULE_SAME},
    {XSAVE, UINT32_MAX, EBX, ALL_BITS, RULE_SAME},
    {XSAVE, UINT32_MAX, ECX, ALL_BITS, RULE_AND},
    {XSAVE, UINT32_MAX, EDX, ALL_BITS, RULE_AND},
    {0x80000000, 0, EAX, ALL_BITS, RULE_MIN},
    {0x80000000, 0, EBX, ALL_BITS, RULE_SAME},
    {0x80000000, 0, ECX, ALL_BITS, RULE_SAME},
    {0x80000000, 0, EDX, ALL_BITS, RULE_SAME},
    {0x80000007, 0, EAX, ALL_BITS, RULE_ZERO},
    {0x80000007, 0, ECX, ALL_BITS, RULE_ZERO},
    {0x80000008, 0, EAX, 7, 0, RULE_MIN},   /* physical address width */
    {0x80000008, 0, EAX, 15, 8, RULE_MIN},  /* linear */
    {0x80000008, 0, EAX, 23, 16, RULE_MIN}, /* guest-physical */
    {0x80000008, 0, ECX, 7, 0, RULE_MIN},
    {0x80000008, 0, ECX, 15, 12, RULE_MIN},
    {0x80000008, 0, ECX, 17, 16, RULE_MIN},
    {0x80000008, 0, EDX, 15, 0, RULE_MIN},
    {0x80000008, 0, EDX, 31, 16, RULE_MIN},
    {0x8000000a, 0, EAX, 7, 0, RULE_MIN},
    {0x8000000a, 0, EBX, ALL_BITS, RULE_MIN},
    {0x8000001f, 0, EBX, ALL_BITS, RULE_SAME},
    {0x8000001f, 0, ECX, ALL_BITS, RULE_MIN},
    {0x8000001f, 0, EDX, ALL_BITS, RULE_MIN},
    {0x80000021, 0, EBX, ALL_BITS, RULE_SAME},
    {0xc0000000, 0, EAX, ALL_BITS, RULE_MIN},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* Leaves, and registers of leaves (mask), of the older processor of the two. */
static const struct identity_rule {
    uint32_t leaf;
    uint8_t regs;
} identities[] = {
    {0x1, 1},         {0x2, 15},        {0x4, 15},        {0x80000001, 3},
    {0x80000002, 15}, {0x80000003, 15}, {0x80000004, 15}, {0x80000005, 15},
    {0x80000006, 15}, {0x80000019, 15}, {0x8000001a, 15}, {0x8000001d, 15},
};
#define IDENTITIES (sizeof(identities) / sizeof(identities[0]))

/* Features that a leaf of their own describes: of no use where two hosts describe them differently.
 */
static const struct described {
    uint32_t leaf;
    uint16_t feature;
} described[] = {
    {0xf, FEATURE_PQM},         {0x10, FEATURE_PQE},        {0x12, FEATURE_SGX},
    {0x14, FEATURE_PROC_TRACE}, {0x19, FEATURE_KEY_LOCKER}, {0x1b, FEATURE_PCONFIG},
    {0x1c, FEATURE_ARCH_LBR},   {0x1d, FEATURE_AMX_TILE},   {0x1e, FEATURE_AMX_TILE},
    {0x24, FEATURE_AVX10},      {0x8000001b, FEATURE_IBS},
};
#define DESCRIBED (sizeof(described) / sizeof(described[0]))

static uint8_t identity_regs(uint32_t leaf)
{
    for (size_t i = 0; i < IDENTITIES; i++)
        if (identities[i].leaf == leaf)
            return identities[i].regs;
    return 0;
}

static bool by_field(uint32_t leaf)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].leaf == leaf)
            return true;
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        if (feature_words[i].leaf == leaf && feature_words[i].reg <= EDX)
            return true;
    return false;
}

/* Family, model and stepping in order of age, then the whole signature. */
static uint64_t age(const struct cpu_policy *p)
{
    uint32_t s = cpu_policy_reg(p, 1, 0, EAX);
    uint32_t family = (s >> 8 & 15) + (s >> 20 & 255), model = (s >> 4 & 15) | (s >> 12 & 0xf0);

    return (uint64_t)(family << 12 | model << 4 | (s & 15)) << 32 | s;
}

/* All entries of a leaf are the same in both. */
static bool leaf_equal(const struct cpu_policy *a, const struct cpu_policy *b, uint32_t leaf)
{
    size_t i = cpu_policy_first(a, leaf), k = cpu_policy_first(b, leaf);

    for (;; i++, k++) {
        bool in_a = i < a->n && a->leaf[i].leaf == leaf, in_b = k < b->n && b->leaf[k].leaf == leaf;

        if (!in_a || !in_b)
            return in_a == in_b;
        if (memcmp(&a->leaf[i], &b->leaf[k], sizeof(a->leaf[0])) != 0)
            return false;
    }
}

static uint32_t mask_of(const struct field_rule *f)
{
    return 0xffffffffu >> (31 - (f->hi - f->lo));
}

static uint32_t combine(const struct field_rule *f, uint32_t a, uint32_t b)
{
    uint32_t mask = mask_of(f), x = a >> f->lo & mask, y = b >> f->lo & mask, r = 0;

    if (f->rule == RULE_MIN)
        r = x < y ? x : y;
    else if (f->rule == RULE_SAME)
        r = x == y ? x : 0;
    else if (f->rule == RULE_AND)
        r = x & y;
    return r << f->lo;
}

static uint32_t combine_reg(const struct tsp_leaf *a, const struct tsp_leaf *b, uint8_t reg)
{
    uint32_t value = 0;

    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].leaf == a->leaf && fields[i].reg == reg &&
            (fields[i].subleaf == UINT32_MAX || fields[i].subleaf == a->subleaf))
            value |= combine(&fields[i], a->reg[reg], b->reg[reg]);
    return value;
}

/* An entry of a that b has too, in a leaf that is combined by fields or by who is older. */
static void pair_entry(const struct tsp_leaf *a, const struct cpu_policy *b, int older,
                       struct cpu_policy *out)
{
    const struct tsp_leaf *other = cpu_policy_find(b, a->leaf, a->subleaf);
    uint8_t regs = identity_regs(a->leaf);

    if (other == NULL)
        return;
    for (uint8_t reg = 0; reg < 4; reg++) {
        uint32_t value = combine_reg(a, other, reg);

        if ((regs >> reg & 1) != 0 && older != 0)
            value = older < 0 ? a->reg[reg] : other->reg[reg];
        else if ((regs >> reg & 1) != 0)
            value = a->reg[reg] == other->reg[reg] ? a->reg[reg] : 0;
        cpu_policy_set(out, a->leaf, a->subleaf, reg, value);
    }
}

static void copy_leaf(const struct cpu_policy *from, uint32_t leaf, struct cpu_policy *out)
{
    for (size_t i = 0; i < from->n; i++)
        for (unsigned reg = 0; from->leaf[i].leaf == leaf && reg < 4; reg++)
            cpu_policy_set(out, leaf, from->leaf[i].subleaf, reg, from->leaf[i].reg[reg]);
}

/* Leaves of hypervisors are kept as blocks: all of one, or nothing. KVM's features are a word. */
static void pair_block(const struct cpu_policy *a, const struct cpu_policy *b, uint32_t base,
                       struct cpu_policy *out)
{
    static const uint32_t kvm[3] = {0x4b4d564b, 0x564b4d56, 0x4d}; /* KVMKVMKVM */
    const struct tsp_leaf *sig = cpu_policy_find(a, base, 0), *other = cpu_policy_find(b, base, 0);
    bool is_kvm = sig != NULL && memcmp(sig->reg + 1, kvm, sizeof(kvm)) == 0;

    if (sig == NULL || other == NULL || memcmp(sig->reg + 1, other->reg + 1, sizeof(kvm)) != 0)
        return;
    for (uint32_t leaf = base; leaf < base + HV_STEP; leaf++)
        if (!leaf_equal(a, b, leaf) && !(is_kvm && leaf <= base + 1))
            return;
    for (uint32_t leaf = base; leaf < base + HV_STEP; leaf++)
        if (leaf != base + 1 || !is_kvm || cpu_policy_find(b, leaf, 0) != NULL)
            copy_leaf(a, leaf, out);
    if (!is_kvm)
        return;
    if (other->reg[EAX] < sig->reg[EAX])
        cpu_policy_set(out, base, 0, EAX, other->reg[EAX]);
    for (unsigned reg = 0; reg < 4 && cpu_policy_find(out, base + 1, 0) != NULL; reg++)
        cpu_policy_set(out, base + 1, 0, reg,
                       cpu_policy_reg(a, base + 1, 0, reg) & cpu_policy_reg(b, base + 1, 0, reg));
}

static void pair_leaves(const struct cpu_policy *a, const struct cpu_policy *b,
                        struct cpu_policy *out)
{
    uint64_t age_a = age(a), age_b = age(b);
    int older = age_a == age_b ? 0 : (age_a < age_b ? -1 : 1);

    for (size_t i = 0; i < a->n; i++) {
        const struct tsp_leaf *e = &a->leaf[i];
        bool first = i == 0 || a->leaf[i - 1].leaf != e->leaf;

        if (e->leaf >= HV_FIRST && e->leaf <= HV_LAST) {
            if (first && e->leaf % HV_STEP == 0)
                pair_block(a, b, e->leaf, out);
        } else if (by_field(e->leaf)) {
            pair_entry(e, b, older, out);
        } else if (first && identity_regs(e->leaf) == 0 && leaf_equal(a, b, e->leaf)) {
            copy_leaf(a, e->leaf, out);
        }
    }
    for (size_t i = 0; i < IDENTITIES; i++)
        if (identities[i].regs == 15 && (older != 0 || leaf_equal(a, b, identities[i].leaf)))
            copy_leaf(older > 0 ? b : a, identities[i].leaf, out);
}

/* Components that both have at the same place with the same size, enabled in the same register. */
static uint64_t same_components(const struct cpu_policy *a, const struct cpu_policy *b)
{
    uint64_t set = xstate_present(a) & xstate_present(b);

    for (uint32_t i = 2; i < 64; i++) {
        const struct tsp_leaf *x = cpu_policy_find(a, XSAVE, i), *y = cpu_policy_find(b, XSAVE, i);

        if (x == NULL || y == NULL || x->reg[EAX] == 0 || x->reg[EAX] != y->reg[EAX] ||
            x->reg[EBX] != y->reg[EBX] || ((x->reg[ECX] ^ y->reg[ECX]) & 1) != 0)
            set &= ~((uint64_t)1 << i);
    }
    return set;
}

/* Both describe it alike, and the guest will have the leaf. */
static bool described_alike(const struct cpu_policy *a, const struct cpu_policy *b, uint32_t leaf)
{
    const struct cpu_policy *of[2] = {a, b};

    for (unsigned i = 0; i < 2; i++) {
        uint32_t top = cpu_policy_reg(of[i], leaf & 0x80000000, 0, EAX);

        /* A list of features has no maxima. */
        if (top != 0 && top < leaf)
            return false;
    }
    return leaf_equal(a, b, leaf);
}

/* Both, or for some one of the two; what the leaves of both describe alike; what is left of that
 * when needs are looked at. */
static void pair_features(const struct cpu_policy *a, const struct cpu_policy *b, uint64_t present,
                          struct featureset *fs)
{
    struct featureset other, any;

    featureset_offered(FEATURE_ANY, &any);
    cpu_policy_features(a, fs);
    cpu_policy_features(b, &other);
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        fs->w[i] = (fs->w[i] & other.w[i]) | ((fs->w[i] | other.w[i]) & any.w[i]);
    xstate_limit(fs, present);
    for (size_t i = 0; i < DESCRIBED; i++)
        if (!described_alike(a, b, described[i].leaf))
            feature_put(fs, described[i].feature, false);
    if (cpu_policy_reg(a, 0x8000001f, 0, EBX) != cpu_policy_reg(b, 0x8000001f, 0, EBX))
        fs->w[FEATURE_WORD_E1FA] = 0; /* another place of the encryption bit in page tables */
    featureset_close(fs);
    if (!feature_in(fs, FEATURE_SVM))
        fs->w[FEATURE_WORD_EAD] = 0;
}

/* Caches are those of the older processor, ids of the package the smaller ones: no cache has more
 * threads than there are ids for. */
static void fit_caches(struct cpu_policy *p)
{
    uint32_t bits = cpu_policy_reg(p, 0x80000008, 0, ECX) >> 12 & 15, most = (1u << bits) - 1;

    for (uint32_t sub = 0; bits != 0 && sub < 8; sub++) {
        uint32_t eax = cpu_policy_reg(p, 0x8000001d, sub, EAX);

        if ((eax >> 14 & 0xfff) > most)
            cpu_policy_set(p, 0x8000001d, sub, EAX, (eax & ~(0xfffu << 14)) | most << 14);
    }
}

void level_pair(const struct cpu_policy *a, const struct cpu_policy *b, struct cpu_policy *out)
{
    uint64_t present = same_components(a, b);
    struct featureset fs;

    out->n = 0;
    out->platform_info = a->platform_info & b->platform_info;
    out->arch_caps = 0;
    pair_leaves(a, b, out);
    pair_features(a, b, present, &fs);
    cpu_policy_set_features(out, &fs);
    cpu_policy_limit(out, &fs);
    for (size_t i = 0; i < DESCRIBED; i++)
        if (!feature_in(&fs, described[i].feature))
            cpu_policy_drop(out, described[i].leaf, described[i].leaf);
    if (!feature_in(&fs, FEATURE_SVM))
        cpu_policy_drop(out, 0x8000000a, 0x8000000a);
    if (!feature_in(&fs, FEATURE_MONITOR))
        cpu_policy_drop(out, 0x5, 0x5);
    cpu_policy_set_features(out, &fs);
    xstate_fit(out, &fs, present);
    cpu_policy_fit_width(out, &fs);
    fit_caches(out);
    cpu_policy_tidy(out);
}

static bool components_differ(const struct cpu_policy *const *host, size_t n, unsigned f,
                              uint32_t *which)
{
    int c = xstate_component(f);

    if (c < 0)
        return false;
    for (uint32_t i = (uint32_t)c; i < 64; i++) {
        struct featureset one = {{0}};

        feature_put(&one, f, true);
        if ((xstate_of_features(&one) >> i & 1) == 0 || i < 2)
            continue;
        for (size_t k = 1; k < n; k++) {
            if ((same_components(host[0], host[k]) >> i & 1) != 0)
                continue;
            *which = i;
            return true;
        }
    }
    return false;
}

static bool descriptions_differ(const struct cpu_policy *const *host, size_t n, unsigned f,
                                uint32_t *which)
{
    for (size_t i = 0; i < DESCRIBED; i++) {
        if (described[i].feature != f)
            continue;
        for (size_t k = 1; k < n; k++) {
            if (described_alike(host[0], host[k], described[i].leaf))
                continue;
            *which = described[i].leaf;
            return true;
        }
    }
    *which = 0x8000001f;
    for (size_t k = 1; f / 32 == FEATURE_WORD_E1FA && k < n; k++)
        if (cpu_policy_reg(host[0], *which, 0, EBX) != cpu_policy_reg(host[k], *which, 0, EBX))
            return true;
    return false;
}

static void explain(const struct cpu_policy *const *host, size_t n, const struct featureset *left,
                    struct level_drop *d)
{
    unsigned need;

    d->needs = FEATURE_NONE;
    for (unsigned i = 0; (need = feature_needs(d->feature, i)) != FEATURE_NONE; i++)
        if (!feature_in(left, need) && d->needs == FEATURE_NONE)
            d->needs = need;
    if (d->lacks != 0)
        d->why = LEVEL_LACKS;
    else if (components_differ(host, n, d->feature, &d->detail))
        d->why = LEVEL_LAYOUT;
    else if (descriptions_differ(host, n, d->feature, &d->detail))
        d->why = LEVEL_DIFFERS;
    else
        d->why = LEVEL_NEEDS;
}

static void report_drops(const struct cpu_policy *const *host, size_t n,
                         const struct cpu_policy *common, struct level_report *r)
{
    struct featureset all = {{0}}, left, one;

    cpu_policy_features(common, &left);
    for (size_t i = 0; i < n; i++) {
        cpu_policy_features(host[i], &one);
        featureset_or(&all, &one);
    }
    for (unsigned f = 0; f < FEATURE_BITS; f++) {
        struct level_drop *d = &r->drop[r->n];

        if (!feature_in(&all, f) || feature_in(&left, f))
            continue;
        *d = (struct level_drop){.feature = f};
        for (size_t i = 0; i < n; i++) {
            cpu_policy_features(host[i], &one);
            if (!feature_in(&one, f))
                d->lacks |= (uint64_t)1 << i;
        }
        explain(host, n, &left, d);
        r->n++;
    }
}

/* Leaves that tell of features, whose loss is told by theirs. */
static bool tells_of_features(uint32_t leaf)
{
    for (size_t i = 0; i < DESCRIBED; i++)
        if (described[i].leaf == leaf)
            return true;
    return by_field(leaf);
}

static void add_loss(struct level_report *r, const struct tsp_leaf *e)
{
    unsigned at = 0;

    while (at < r->nloss && (r->loss[at].leaf < e->leaf ||
                             (r->loss[at].leaf == e->leaf && r->loss[at].subleaf < e->subleaf)))
        at++;
    if (r->nloss == LEVEL_MAX_LOSS ||
        (at < r->nloss && r->loss[at].leaf == e->leaf && r->loss[at].subleaf == e->subleaf))
        return;
    memmove(&r->loss[at + 1], &r->loss[at], (r->nloss - at) * sizeof(r->loss[0]));
    r->loss[at] = (struct level_loss){e->leaf, e->subleaf};
    r->nloss++;
}

/* Leaves of a host that the common policy has not. */
static void report_losses(const struct cpu_policy *host, const struct cpu_policy *common,
                          struct level_report *r)
{
    for (size_t i = 0; i < host->n; i++) {
        const struct tsp_leaf *e = &host->leaf[i];

        if ((e->reg[EAX] | e->reg[EBX] | e->reg[ECX] | e->reg[EDX]) != 0 &&
            !tells_of_features(e->leaf) && cpu_policy_find(common, e->leaf, e->subleaf) == NULL)
            add_loss(r, e);
    }
}

static void level_one(const struct cpu_policy *p, struct cpu_policy *out)
{
    level_pair(p, p, out);
}

enum tsp_status level_pool(const struct cpu_policy *const *host, size_t n, struct cpu_policy *out,
                           struct level_report *report)
{
    static struct cpu_policy next;

    if (n == 0 || n > LEVEL_MAX_HOST)
        return TSP_EARG;
    for (size_t i = 1; i < n; i++)
        if (cpu_policy_vendor(host[i]) != cpu_policy_vendor(host[0]))
            return TSP_ENOTSUP;
    level_one(host[0], out);
    for (size_t i = 1; i < n; i++) {
        level_pair(out, host[i], &next);
        *out = next;
    }
    if (report != NULL) {
        report->n = report->nloss = 0;
        report_drops(host, n, out, report);
        for (size_t i = 0; i < n; i++)
            report_losses(host[i], out, report);
    }
    return TSP_OK;
}

/* Leaves that one vendor's processors have and the other's do not: what they tell means nothing
 * there. */
static void drop_foreign(struct cpu_policy *p, bool amd)
{
    static const uint32_t intel[] = {0x2,  0x4,  0x9,  0xa,  0xf,  0x10, 0x12, 0x14, 0x15, 0x16,
                                     0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x20, 0x23};

    for (size_t i = 0; amd && i < sizeof(intel) / sizeof(intel[0]); i++)
        cpu_policy_drop(p, intel[i], intel[i]);
    if (amd)
        return;
    cpu_policy_drop(p, 0x80000005, 0x80000005);
    cpu_policy_drop(p, 0x8000000a, 0x8fffffff);
    cpu_policy_set(p, 0x80000000, 0, EAX, 0x80000008);
    cpu_policy_set(p, 0x80000001, 0, EAX, 0);
    cpu_policy_set(p, 0x80000001, 0, EBX, 0);
    cpu_policy_set(p, 0x80000008, 0, ECX, 0);
}

void level_set_vendor(struct cpu_policy *p, enum tsp_vendor vendor)
{
    bool amd = vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON;
    struct featureset fs;
    struct tsp_leaf face;

    cpu_policy_features(p, &fs);
    if (policy_default(vendor, TSP_PERSONA_NONE, 0, &face, 1) != 1)
        return;
    for (unsigned reg = EBX; reg <= EDX; reg++) {
        cpu_policy_set(p, 0, 0, reg, face.reg[reg]);
        if (cpu_policy_find(p, 0x80000000, 0) != NULL)
            cpu_policy_set(p, 0x80000000, 0, reg, amd ? face.reg[reg] : 0);
    }
    drop_foreign(p, amd);
    cpu_policy_set_features(p, &fs);
    if (amd)
        cpu_policy_set(p, 0x80000001, 0, EAX, cpu_policy_reg(p, 1, 0, EAX));
    cpu_policy_tidy(p);
    cpu_policy_features(p, &fs);
    featureset_close(&fs);
    cpu_policy_set_features(p, &fs);
    xstate_fit(p, &fs, xstate_present(p));
}
