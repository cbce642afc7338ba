/* SPDX-License-Identifier: MIT */
/*
 * CPU against CPU. Software takes the features of one processor for those of all (Linux ANDs the
 * words of the others into the first one's), so leaves of features are alike, but for bits that
 * follow a register or the processor's place. Cores of several kinds are compared with their own.
 */
#include "cli/lint.h"

#include "trapspec/bits.h"

#include <string.h>

/* Bits that must be alike; Intel SDM Vol. 2A CPUID, AMD APM Vol. 3 Appendix E. */
struct alike {
    uint32_t leaf, sub, reg[4];
};

static const struct alike alike_rows[] = {
    /* clang-format off */
    {0x0, 0, {0, ~0u, ~0u, ~0u}},        /* the maximum may be limited per CPU */
    /* Steppings may be mixed, and the second of two Pentiums has a type of its own. OSXSAVE,
     * MONITOR and APIC follow registers. */
    {0x1, 0, {0x0fff0ff0, 0, ~(1u << 27 | 1u << 3), ~(1u << 9)}},
    {0x7, 0, {0, ~0u, ~(1u << 4), ~0u}}, /* OSPKE follows CR4 */
    {0x7, 1, {~0u, ~0u, ~0u, ~0u}},
    {0x7, 2, {~0u, ~0u, ~0u, ~0u}},
    {0xd, 0, {~0u, 0, ~0u, ~0u}},        /* EBX follows XCR0 */
    {0xd, 1, {~0u, 0, ~0u, ~0u}},
    {0x80000001, 0, {0, 0, ~0u, ~(1u << 11 | 1u << 9)}}, /* SYSCALL follows the mode, APIC a register */
    {0x80000002, 0, {~0u, ~0u, ~0u, ~0u}},
    {0x80000003, 0, {~0u, ~0u, ~0u, ~0u}},
    {0x80000004, 0, {~0u, ~0u, ~0u, ~0u}},
    {0x80000007, 0, {0, 0, 0, ~0u}},
    {0x80000008, 0, {~0u, ~0u, 0, 0}},
    {0x8000000a, 0, {0xff, 0, 0, ~0u}},
    {0x8000001f, 0, {~0u, ~0u, 0, 0}},
    {0x80000021, 0, {~0u, 0, 0, 0}},
    {0xb, 0, {0x1f, 0, 0, 0}},           /* ids of all vCPUs are taken apart alike */
    {0xb, 1, {0x1f, 0, 0, 0}},
    {0xa, 0, {~0u, ~0u, ~0u, ~0u}},
    {0x15, 0, {~0u, ~0u, ~0u, 0}},
    {0x40000000, 0, {~0u, ~0u, ~0u, ~0u}},
    {0x40000001, 0, {~0u, ~0u, ~0u, ~0u}},
    {0x40000010, 0, {~0u, ~0u, 0, 0}},
    /* clang-format on */
};

static void take_cpu(struct lint *l, unsigned i)
{
    l->cpu = i;
    l->leaf = l->dump->leaf + l->dump->cpu[i].first;
    l->nleaf = l->dump->cpu[i].n;
}

/* Kind of a core on parts with several: type and model, leaf 0x1A EAX on Intel, 0x80000026 EBX on
 * AMD. Small cores of one package may be of two models. */
static uint32_t core_kind(const struct lint *l)
{
    uint32_t intel = lint_reg(l, 0x1a, 0, 0), amd = lint_reg(l, 0x80000026, 0, 1);

    return intel != 0 ? intel : amd >> 24;
}

static void compare_reg(struct lint *l, const struct alike *row, const struct tsp_leaf *want,
                        const struct tsp_leaf *got, uint8_t reg)
{
    uint32_t differ = (want->reg[reg] ^ got->reg[reg]) & row->reg[reg];
    struct lint_finding f = {.leaf = row->leaf,
                             .subleaf = row->sub,
                             .reg = reg,
                             .hi = 31,
                             .rule = "lint:cpus-alike",
                             .source = "Linux arch/x86/kernel/cpu/common.c",
                             .text =
                                 "not as on the first CPU of its kind: software takes one CPU's "
                                 "features for all"};

    if (differ == 0)
        return;
    /* A difference of few bits names them. */
    while (f.hi > f.lo && (differ >> f.hi & 1) == 0)
        f.hi--;
    while (f.lo < f.hi && (differ >> f.lo & 1) == 0)
        f.lo++;
    f.value = (uint32_t)bits_get(got->reg[reg], f.hi, f.lo);
    snprintf(f.expected, sizeof(f.expected), "0x%x",
             (uint32_t)bits_get(want->reg[reg], f.hi, f.lo));
    lint_add(l, &f);
}

/* Leaves that a monitor makes up from one plan, where silicon may differ from core to core. */
static bool of_monitor(uint32_t leaf)
{
    return leaf >> 28 == 4 || leaf == 0xb || leaf == 0xa || leaf == 0x15 || leaf - 0x80000002 < 3;
}

/* The CPU in hand against the first one of its type. */
static void compare(struct lint *l, unsigned first)
{
    for (size_t i = 0; i < sizeof(alike_rows) / sizeof(alike_rows[0]); i++) {
        const struct alike *row = &alike_rows[i];
        const struct dump_cpu *c = &l->dump->cpu[first];
        struct lint other = {.leaf = l->dump->leaf + c->first, .nleaf = c->n};
        const struct tsp_leaf *want = lint_leaf(&other, row->leaf, row->sub);
        const struct tsp_leaf *got = lint_leaf(l, row->leaf, row->sub);

        if (want == NULL || got == NULL || (of_monitor(row->leaf) && !lint_guest(l)))
            continue;
        for (uint8_t reg = 0; reg < 4; reg++)
            compare_reg(l, row, want, got, reg);
    }
}

/* The APIC id, and where it stands: x2APIC id of the topology leaf, else 8 bits of leaf 1. */
static uint32_t apic_id(const struct lint *l, struct lint_finding *f)
{
    const struct tsp_leaf *b = lint_leaf(l, 0xb, 0);

    *f = (struct lint_finding){.leaf = 1, .reg = 1, .hi = 31, .lo = 24};
    if (b == NULL || b->reg[1] == 0)
        return lint_reg(l, 1, 0, 1) >> 24;
    *f = (struct lint_finding){.leaf = 0xb, .reg = 3, .hi = 31};
    return b->reg[3];
}

/* Two CPUs with one id. All of them with one id: the recorder did not move from CPU to CPU. */
static void compare_ids(struct lint *l)
{
    static uint32_t id[DUMP_MAX_CPU];
    struct lint_finding f;
    unsigned n = l->dump->ncpu, same = 0;
    bool any = false;

    for (unsigned i = 0; i < n; i++) {
        take_cpu(l, i);
        if (lint_leaf(l, 1, 0) == NULL)
            return;
        id[i] = apic_id(l, &f);
        same += id[i] == id[0];
        any = any || id[i] != 0 || f.leaf != 1;
    }
    /* Processors before the Pentium 4 do not tell. */
    if (!any)
        return;
    for (unsigned i = 1; i < n; i++) {
        unsigned k = 0;

        while (k < i && id[k] != id[i])
            k++;
        if (k == i)
            continue;
        take_cpu(l, i);
        f.value = apic_id(l, &f);
        /* Eight bits cannot tell more than 255 apart. */
        f.note = same == n || (f.leaf == 1 && n > 255);
        f.rule = same == n ? "lint:one-cpu" : "lint:apic-id";
        f.source = "Intel SDM Vol. 3A 11.4.6";
        f.text = same == n ? "recorded without moving from CPU to CPU: they are one"
                           : "another CPU of the dump has this APIC id";
        snprintf(f.expected, sizeof(f.expected), "an id of its own");
        lint_add(l, &f);
    }
}

/* Logical processors that share the upper bits of the id. */
static unsigned siblings(const uint32_t *id, unsigned n, unsigned of, unsigned shift)
{
    unsigned same = 0;

    for (unsigned i = 0; i < n; i++)
        same += shift > 31 || id[i] >> shift == id[of] >> shift;
    return same;
}

/* A core, or a package, that holds more of the dump's CPUs than its leaf says it has. */
static void compare_count(struct lint *l, const uint32_t *id, unsigned of, uint32_t sub)
{
    const struct tsp_leaf *e = lint_leaf(l, 0xb, sub);
    unsigned most = e == NULL ? 0 : e->reg[1] & 0xffff, n;
    struct lint_finding f = {.leaf = 0xb,
                             .subleaf = sub,
                             .reg = 1,
                             .hi = 15,
                             .rule = sub == 0 ? "lint:core-count" : "lint:package-count",
                             .source = "Intel SDM Vol. 2A CPUID leaf 0BH",
                             .text = "logical processors of the domain, fewer than the dump has"};

    /* Real packages list what was made, and ids of cores with and without threads lie as the die
     * has them: a monitor computes all of it from one topology. */
    if (most == 0 || (e->reg[2] >> 8 & 0xff) != sub + 1 || !lint_guest(l))
        return;
    n = siblings(id, l->dump->ncpu, of, e->reg[0] & 31);
    if (n <= most)
        return;
    f.value = most;
    snprintf(f.expected, sizeof(f.expected), "at least 0x%x", n);
    lint_add(l, &f);
}

static void compare_counts(struct lint *l)
{
    static uint32_t id[DUMP_MAX_CPU];
    struct lint_finding f;
    unsigned n = l->dump->ncpu;

    for (unsigned i = 0; i < n; i++) {
        take_cpu(l, i);
        id[i] = apic_id(l, &f);
        if (f.leaf != 0xb || (i > 0 && id[i] == id[0]))
            return;
    }
    for (unsigned i = 0; i < n; i++) {
        take_cpu(l, i);
        compare_count(l, id, i, 0);
        compare_count(l, id, i, 1);
    }
}

/* Threads of one core name that core alike: AMD APM Vol. 3 Appendix E, leaf 0x8000001E EBX 7:0. */
static void compare_core_ids(struct lint *l)
{
    for (unsigned i = 0; i < l->dump->ncpu; i++) {
        struct lint_finding f = {.leaf = 0x8000001e,
                                 .reg = 1,
                                 .hi = 7,
                                 .rule = "lint:core-id",
                                 .source = "AMD APM Vol. 3 Appendix E",
                                 .text = "id of the core, not that of its other thread"};
        uint32_t shift, id;

        take_cpu(l, i);
        shift = lint_reg(l, 0xb, 0, 0) & 31;
        id = lint_reg(l, 0xb, 0, 3);
        f.value = lint_reg(l, f.leaf, 0, 1) & 0xff;
        if (lint_leaf(l, f.leaf, 0) == NULL || (lint_reg(l, 0x80000001, 0, 2) >> 22 & 1) == 0 ||
            shift == 0)
            continue;
        for (unsigned k = 0; k < i && f.expected[0] == 0; k++) {
            uint32_t other, want;

            take_cpu(l, k);
            other = lint_reg(l, 0xb, 0, 3);
            want = lint_reg(l, f.leaf, 0, 1) & 0xff;
            if ((lint_reg(l, 0xb, 0, 0) & 31) == shift && other != id &&
                other >> shift == id >> shift && want != f.value)
                snprintf(f.expected, sizeof(f.expected), "0x%x", want);
        }
        take_cpu(l, i);
        if (f.expected[0] != 0)
            lint_add(l, &f);
    }
}

/* Each CPU against the first one of its kind. */
static void compare_all(struct lint *l)
{
    struct {
        uint32_t kind;
        unsigned cpu;
    } first[16];
    unsigned kinds = 0;

    for (unsigned i = 0; i < l->dump->ncpu; i++) {
        uint32_t kind;
        unsigned k = 0;

        take_cpu(l, i);
        kind = core_kind(l);
        while (k < kinds && first[k].kind != kind)
            k++;
        if (k < kinds) {
            compare(l, first[k].cpu);
        } else if (kinds < sizeof(first) / sizeof(first[0])) {
            first[kinds].kind = kind;
            first[kinds++].cpu = i;
        }
    }
}

/* Cores of two kinds make a hybrid part, which says so on each of them (Intel SDM Vol. 2A CPUID,
 * leaves 07H and 1AH). */
static void compare_kinds(struct lint *l)
{
    unsigned first = 0;

    for (unsigned i = 0; i < l->dump->ncpu; i++) {
        struct lint_finding f = {.leaf = 0x1a,
                                 .hi = 31,
                                 .lo = 24,
                                 .rule = "lint:core-kinds",
                                 .source = "Intel SDM Vol. 2A CPUID leaf 1AH",
                                 .text = "kind of the core, where leaf 0x7 tells of one kind only"};

        take_cpu(l, i);
        f.value = lint_reg(l, 0x1a, 0, 0) >> 24;
        if (first == 0)
            first = f.value;
        if (lint_leaf(l, 7, 0) == NULL || (lint_reg(l, 7, 0, 3) >> 15 & 1) != 0 || f.value == 0 ||
            f.value == first || (lint_reg(l, 1, 0, 2) >> 31 != 0 && !lint_guest(l)))
            continue;
        snprintf(f.expected, sizeof(f.expected), "0x%x, or leaf 0x7 edx bit 15", first);
        lint_add(l, &f);
    }
}

void lint_cpus(struct lint *l)
{
    if (l->dump->ncpu < 2 || l->dump->mask != NULL)
        return;
    for (unsigned i = 0; i < l->dump->ncpu; i++) {
        /* Named policies are of different machines on purpose. */
        if (l->dump->cpu[i].name[0] != 0)
            return;
    }
    compare_all(l);
    compare_kinds(l);
    compare_core_ids(l);
    compare_ids(l);
    compare_counts(l);
}
