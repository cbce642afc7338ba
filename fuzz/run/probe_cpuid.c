/* SPDX-License-Identifier: MIT */
/* CPUID: each leaf and sub-leaf of the table, the edges of the classes, run-time bits, faulting,
 * prefixes. */
#include "fuzz/run/probe.h"

#include <stdlib.h>
#include <string.h>

#define QUERY_MAX 640u
#define HV_BASE 0x40000000u

struct query {
    uint32_t leaf, sub;
};

/* Class bases, their neighbours and strides: Intel SDM Vol. 2A CPUID and the hypervisor range's
 * 0x100 steps. */
static const uint32_t edge_leaf[] = {
    0x1f,       0x20,       0x21,       0x23,       0x24,       0x25,       0x26,       0xff,
    0x100,      0xffff,     0x1fffffff, 0x20000000, 0x20000001, 0x3fffffff, 0x40000000, 0x40000001,
    0x40000002, 0x40000003, 0x40000005, 0x40000006, 0x4000000a, 0x40000010, 0x40000011, 0x400000ff,
    0x40000100, 0x40000101, 0x40000102, 0x400001ff, 0x40000200, 0x40000300, 0x40000f00, 0x4000ff00,
    0x40010000, 0x4fffffff, 0x50000000, 0x7fffffff, 0x80000000, 0x80000001, 0x80000007, 0x80000008,
    0x80000009, 0x8000001f, 0x80000020, 0x80000026, 0x80000027, 0x800000ff, 0x80000100, 0x8000ffff,
    0x8085ffff, 0x80860000, 0x80860001, 0x80860007, 0x80860008, 0x8fffffff, 0xbfffffff, 0xc0000000,
    0xc0000001, 0xc0000002, 0xc0000005, 0xc000ffff, 0xffffffff,
};

static const uint8_t vendor_policy[] = {INPUT_POLICY_INTEL, INPUT_POLICY_AMD, INPUT_POLICY_HYGON,
                                        INPUT_POLICY_CENTAUR};

/* EBX, ECX, EDX of leaf 0: "GenuineIntel", "AuthenticAMD", "HygonGenuine", "CentaurHauls". */
static const uint32_t vendor_text[][3] = {{0x756e6547, 0x6c65746e, 0x49656e69},
                                          {0x68747541, 0x444d4163, 0x69746e65},
                                          {0x6f677948, 0x656e6975, 0x6e65476e},
                                          {0x746e6543, 0x736c7561, 0x48727561}};

static void ask(struct probe *p, uint64_t leaf, uint64_t sub)
{
    static const uint8_t cpuid[] = {0x0f, 0xa2};

    probe_code(p, cpuid, sizeof(cpuid));
    probe_reg(p, TSP_RAX, leaf);
    probe_reg(p, TSP_RCX, sub);
    probe_emit(p);
}

static void add(struct query *q, size_t *n, uint32_t leaf, uint32_t sub)
{
    for (size_t i = *n; i-- > 0;)
        if (q[i].leaf == leaf && q[i].sub == sub)
            return;
    if (*n < QUERY_MAX)
        q[(*n)++] = (struct query){leaf, sub};
}

/* A field row's condition is "leaf sub reg[hi:lo]": leaf 0x.. or hv+0x.., sub "-", N, A..B or A..
 */
static void add_rule(struct query *q, size_t *n, const char *when)
{
    uint32_t leaf, lo, hi;
    char *end;

    if (strncmp(when, "hv+", 3) == 0)
        leaf = HV_BASE + (uint32_t)strtoul(when + 3, &end, 0);
    else if (strncmp(when, "0x", 2) == 0)
        leaf = (uint32_t)strtoul(when, &end, 0);
    else
        return;
    while (*end == ' ' || *end == ',' || *end == '.')
        end++;
    if (*end == '-') {
        add(q, n, leaf, 0);
        add(q, n, leaf, 0xffffffff);
        return;
    }
    if (*end < '0' || *end > '9')
        return;
    lo = hi = (uint32_t)strtoul(end, &end, 0);
    if (end[0] == '.' && end[1] == '.') {
        end += 2;
        hi = *end >= '0' && *end <= '9' ? (uint32_t)strtoul(end, &end, 0) : lo + 1;
    }
    add(q, n, leaf, lo);
    add(q, n, leaf, hi);
    add(q, n, leaf, hi + 1);
}

static size_t collect(const struct spec *spec, struct query *q)
{
    struct spec_rule rule;
    size_t n = 0;

    for (unsigned i = 0; i < spec_rule_count(spec); i++)
        if (spec_rule_at(spec, i, &rule))
            add_rule(q, &n, rule.when);
    for (size_t i = 0; i < PROBE_COUNT(edge_leaf); i++) {
        add(q, &n, edge_leaf[i], 0);
        add(q, &n, edge_leaf[i], 1);
    }
    for (uint32_t leaf = 0; leaf < 0x20; leaf++)
        add(q, &n, leaf, 0);
    add(q, &n, 0xb, 2);
    add(q, &n, 0xb, 0x100);
    add(q, &n, 0xb, 0xffffffff);
    add(q, &n, 0xd, 0x1f);
    add(q, &n, 0xd, 0xffffffff);
    add(q, &n, 0x1f, 0xffffffff);
    return n;
}

static void probe_leaves(struct probe *p)
{
    struct query q[QUERY_MAX];
    size_t n = collect(p->spec, q);

    for (size_t v = 0; v < PROBE_COUNT(vendor_policy); v++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.policy = vendor_policy[v];
        p->s.host = v == 1 || v == 2 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        for (size_t i = 0; i < n && !p->stop; i++)
            ask(p, q[i].leaf, q[i].sub);
    }
}

/* The hypervisor's block at other multiples of 0x100. */
static void probe_bases(struct probe *p)
{
    static const uint32_t base[] = {0x40000100, 0x40000200, 0x40000f00, 0x4000ff00};
    static const int32_t off[] = {-0x100, -1, 0, 1, 2, 0x10, 0xff, 0x100, 0x101};

    for (size_t b = 0; b < PROBE_COUNT(base); b++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.hv_base[0] = base[b];
        p->s.hv_base[1] = base[b] == 0x40000100 ? 0x40000200 : 0x40000100;
        for (size_t i = 0; i < PROBE_COUNT(off); i++)
            ask(p, base[b] + (uint32_t)off[i], 0);
    }
}

/* Every mode and privilege level: results are 32 bits wide, the upper halves of the inputs do not
 * count. */
static void probe_widths(struct probe *p)
{
    static const uint32_t leaf[] = {0,       1,           7,          0xb,       0xd,
                                    HV_BASE, HV_BASE + 1, 0x80000001, 0x80000008};

    for (unsigned m = 0; m < probe_nmodes; m++) {
        for (size_t i = 0; i < PROBE_COUNT(leaf); i++) {
            probe_default(p, TSP_ARCH_X86);
            probe_mode(p, &probe_modes[m]);
            ask(p, leaf[i], 0);
            probe_reg(p, TSP_RBX, ~(uint64_t)0);
            probe_reg(p, TSP_RDX, ~(uint64_t)0);
            ask(p, 0xdeadbeef00000000u | leaf[i], 0xfeedface00000000u);
            p->s.cpu |= INPUT_CPU_FAULTING;
            p->s.config |= TSP_CFG_GUEST_FAULTING;
            ask(p, leaf[i], 0);
        }
    }
}

/* Answers that follow control registers, XCR0 and the APIC. */
static void probe_runtime(struct probe *p)
{
    static const uint32_t xcr0[] = {1, 3, 7, 0xe7};
    static const uint32_t cpu[] = {0, INPUT_CPU_OSXSAVE, INPUT_CPU_PKE, INPUT_CPU_APIC_OFF,
                                   INPUT_CPU_OSXSAVE | INPUT_CPU_PKE};
    static const struct query q[] = {{1, 0},   {7, 0},   {0xb, 0},       {0xd, 0},
                                     {0xd, 1}, {0xd, 2}, {0x80000001, 0}};

    for (size_t v = 0; v < 2; v++) {
        for (size_t c = 0; c < PROBE_COUNT(cpu); c++) {
            for (size_t i = 0; i < PROBE_COUNT(q) * PROBE_COUNT(xcr0); i++) {
                probe_default(p, TSP_ARCH_X86);
                p->s.policy = vendor_policy[v];
                p->s.cpu |= cpu[c];
                p->s.xcr0 = xcr0[i % PROBE_COUNT(xcr0)];

                ask(p, q[i / PROBE_COUNT(xcr0)].leaf, q[i / PROBE_COUNT(xcr0)].sub);
            }
        }
    }
}

static void probe_prefixes(struct probe *p)
{
    static const char *const prefix[] = {
        "\x66",
        "\x67",
        "\xf2",
        "\xf3",
        "\xf0",
        "\x2e",
        "\x66\x67\xf2",
        "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66",
        "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"};
    uint8_t code[20];

    for (unsigned m = 0; m < probe_nmodes; m++) {
        for (size_t i = 0; i < PROBE_COUNT(prefix); i++) {
            size_t n = strlen(prefix[i]);

            probe_default(p, TSP_ARCH_X86);
            probe_mode(p, &probe_modes[m]);
            memcpy(code, prefix[i], n);
            code[n++] = 0x0f;
            code[n++] = 0xa2;
            probe_code(p, code, n);
            probe_reg(p, TSP_RAX, 1);
            probe_emit(p);
        }
    }
}

/* Configuration that an answer depends on: halting without exits and PV_UNHALT. */
static void probe_config(struct probe *p)
{
    static const uint32_t config[] = {0,
                                      TSP_CFG_HLT_NOEXIT,
                                      TSP_CFG_HLT_NOEXIT | TSP_CFG_CPUID_TWICE,
                                      TSP_CFG_GUEST_FAULTING,
                                      TSP_CFG_IRQCHIP,
                                      TSP_CFG_ENFORCE_PV};

    for (size_t i = 0; i < PROBE_COUNT(config); i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.config |= config[i];
        ask(p, HV_BASE + 1, 0);
        ask(p, 1, 0);
        ask(p, 0x80000007, 0);
    }
}

/* Policies with holes: none at all, a low maximum with entries above it, no extended range. */
static void probe_holes(struct probe *p)
{
    static const struct query q[] = {
        {0, 0},   {1, 0},       {7, 1},           {0xb, 0},        {0xb, 1},       {0xb, 2},
        {0xd, 1}, {HV_BASE, 0}, {HV_BASE + 1, 0}, {0x80000000, 0}, {0x80000008, 0}};

    for (size_t v = 0; v < PROBE_COUNT(vendor_policy); v++) {
        for (size_t i = 0; i < PROBE_COUNT(q); i++) {
            probe_default(p, TSP_ARCH_X86);
            p->s.policy = INPUT_POLICY_NONE;
            ask(p, q[i].leaf, q[i].sub);
            p->s.nleaf = 3;
            p->s.leaf[0] = (struct tsp_leaf){
                .leaf = 0, .reg = {7, vendor_text[v][0], vendor_text[v][1], vendor_text[v][2]}};
            p->s.leaf[1] =
                (struct tsp_leaf){.leaf = 0xb, .flags = TSP_LEAF_INDEXED, .reg = {0, 1, 0x100, 0}};
            p->s.leaf[2] = (struct tsp_leaf){
                .leaf = 0xb, .subleaf = 1, .flags = TSP_LEAF_INDEXED, .reg = {0, 1, 0x201, 0}};
            ask(p, q[i].leaf, q[i].sub);
        }
    }
}

void probe_cpuid(struct probe *p)
{
    probe_leaves(p);
    probe_bases(p);
    probe_widths(p);
    probe_runtime(p);
    probe_prefixes(p);
    probe_config(p);
    probe_holes(p);
}
