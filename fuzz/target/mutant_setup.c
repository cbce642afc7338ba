/* SPDX-License-Identifier: MIT */
/* A hypervisor that does not do what it was configured for: the inner target gets another set-up
 * than the one it is judged by. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#define SETUP .kind = MUTANT_SYSTEMATIC, .source = "trapspec"

static const struct {
    const char *name;
    uint32_t bit;
    uint8_t area;
} config[] = {
    {"enforce-pv", TSP_CFG_ENFORCE_PV, MUTANT_CALLS},
    {"irqchip", TSP_CFG_IRQCHIP, MUTANT_CALLS},
    {"host-tsc", TSP_CFG_HOST_TSC, MUTANT_CALLS},
    {"exit-map-gpa", TSP_CFG_EXIT_MAP_GPA, MUTANT_CALLS},
    {"exit-resume", TSP_CFG_EXIT_RESUME, MUTANT_CALLS},
    {"hlt-noexit", TSP_CFG_HLT_NOEXIT, MUTANT_CPUID},
    {"pvtime", TSP_CFG_PVTIME, MUTANT_ARM64},
    {"sys-suspend", TSP_CFG_SYS_SUSPEND, MUTANT_ARM64},
};
#define NCONFIG (sizeof(config) / sizeof(config[0]))

static void name_config(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-%s", config[i / 2].name, i & 1 ? "on" : "off");
}

static void setup_config(struct mutant *m)
{
    if (m->i & 1)
        m->setup.config |= config[m->i / 2].bit;
    else
        m->setup.config &= ~config[m->i / 2].bit;
}

/* What is done with the other vendor's instruction. */
static const char *const patch_name[] = {"rewrite", "emulate", "inject"};

static void name_patch(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-is-%s", patch_name[i / 2], patch_name[(i / 2 + 1 + i % 2) % 3]);
}

static void setup_patch(struct mutant *m)
{
    if (m->given->patch == m->i / 2)
        m->setup.patch = (uint8_t)((m->i / 2 + 1 + m->i % 2) % 3);
}

static void setup_host(struct mutant *m)
{
    if (m->given->arch != TSP_ARCH_X86)
        return;
    m->setup.host = m->given->host == TSP_VENDOR_AMD ? TSP_VENDOR_INTEL : TSP_VENDOR_AMD;
}

static void setup_nobody(struct mutant *m)
{
    m->setup.persona[0] = m->setup.persona[1] = TSP_PERSONA_NONE;
}

/* Highest leaves off by one: how the range is checked, while the leaf that tells it is right. */
static const struct {
    const char *name;
    uint32_t leaf;
} max[] = {{"basic", 0}, {"ext", 0x80000000}, {"hv", 0x40000000}, {"centaur", 0xc0000000}};

static void name_max(unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s-%s", max[i / 2].name, i & 1 ? "more" : "less");
}

static void setup_max(struct mutant *m)
{
    size_t n;
    struct tsp_leaf *l = mutant_leaves(m, &n);

    for (size_t i = 0; i < n; i++)
        if (l[i].leaf == max[m->i / 2].leaf)
            l[i].reg[0] += m->i & 1 ? 1 : ~0u;
}

static bool end_max(struct mutant *m, struct tsp_event *ev)
{
    const struct tsp_leaf *l = mutant_first(m, max[m->i / 2].leaf);

    if (ev->kind != TSP_EV_CPUID || l == NULL || ev_leaf(ev) != max[m->i / 2].leaf)
        return false;
    ev->after.r[TSP_RAX] = l->reg[0];
    return true;
}

static bool end_told(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_CPUID || ev_leaf(ev) != max[m->i / 2].leaf)
        return false;
    ev->after.r[TSP_RAX] = (uint32_t)(ev->after.r[TSP_RAX] + (m->i & 1 ? 1 : ~(uint64_t)0));
    return true;
}

/* Entries of the policy: one lost, the index forgotten, the last one, another's order. */
static const char *const policy_way[] = {"no-index",  "all-index", "no-last", "no-leaf-7",
                                         "no-leaf-1", "backwards", "none",    "vendor"};

static void name_policy(unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s", policy_way[i]);
}

static size_t without(struct tsp_leaf *l, size_t n, uint32_t leaf)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (l[i].leaf != leaf)
            l[kept++] = l[i];
    return kept;
}

static void backwards(struct tsp_leaf *l, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct tsp_leaf t = l[i];

        l[i] = l[n - 1 - i];
        l[n - 1 - i] = t;
    }
}

static void setup_policy(struct mutant *m)
{
    size_t n;
    struct tsp_leaf *l = mutant_leaves(m, &n);

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (m->i == 0)
            l[i].flags &= ~TSP_LEAF_INDEXED;
        if (m->i == 1)
            l[i].flags |= TSP_LEAF_INDEXED;
        if (m->i == 7 && l[i].leaf == 0)
            l[i].reg[1] ^= 0x0f0f0f0f;
    }
    if (m->i == 2)
        m->setup.policy[0].n = n - 1;
    if (m->i == 3 || m->i == 4)
        m->setup.policy[0].n = without(l, n, m->i == 3 ? 7 : 1);
    if (m->i == 5)
        backwards(l, n);
    if (m->i == 6)
        m->setup.npolicy = 0;
}

/* State the answers follow. */
static const char *const state_way[] = {"osxsave", "pke",       "xcr0",     "xss",
                                        "apic-id", "apic-base", "faulting", "not-faulting"};

static void name_state(unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s", state_way[i]);
}

static bool begin_state(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->scan.class != SCAN_CPUID || tsp_mode_is_arm(s->regs.mode))
        return false;
    switch (m->i) {
    case 0:
        s->x86.cr4 ^= 1u << 18;
        break;
    case 1:
        s->x86.cr4 ^= 1u << 22;
        break;
    case 2:
        s->x86.xcr0 ^= 6;
        break;
    case 3:
        s->x86.xss ^= 1u << 8;
        break;
    case 4:
        s->x86.apic_id += 1;
        break;
    case 5:
        s->x86.apic_base ^= 1u << 11;
        break;
    case 6:
        s->x86.cpuid_faulting = 1;
        break;
    default:
        s->x86.cpuid_faulting = 0;
        break;
    }
    return true;
}

/* AArch64: versions, bitmaps, workarounds. */
static const char *const arm_way[] = {
    "psci-less", "psci-more",  "psci-latest", "psci-0.1",   "std-off", "std-on", "hyp-off",
    "hyp-on",    "vendor-off", "vendor-on",   "vendor-ptp", "wa1-0",   "wa1-1",  "wa1-2",
    "wa2-0",     "wa2-2",      "wa2-3",       "wa3-0",      "wa3-1",   "wa3-2",  "pvtime-ipa"};
#define NARM (sizeof(arm_way) / sizeof(arm_way[0]))

static void name_arm(unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s", arm_way[i]);
}

static void setup_version(struct mutant *m)
{
    static const uint8_t order[] = {0x01, 0x02, 0x10, 0x11, 0x12, 0x13};
    size_t at = 0;

    while (at < 5 && order[at] < m->given->psci)
        at++;
    if (m->i == 0)
        m->setup.psci = order[at > 0 ? at - 1 : 0];
    else if (m->i == 1)
        m->setup.psci = order[at < 5 ? at + 1 : 5];
    else
        m->setup.psci = m->i == 2 ? 0x13 : 0x01;
}

static void setup_arm(struct mutant *m)
{
    static const uint8_t level[] = {0, 1, 2, 0, 2, 3, 0, 1, 2};

    if (m->given->arch != TSP_ARCH_ARM64)
        return;
    if (m->i < 4)
        setup_version(m);
    else if (m->i < 10)
        m->setup.fw_bitmap[(m->i - 4) / 2] = m->i & 1 ? 0xffffffffu : 0;
    else if (m->i == 10)
        m->setup.fw_bitmap[2] ^= 2;
    else if (m->i < 20)
        m->setup.workaround[(m->i - 11) / 3] = level[m->i - 11];
    else
        m->setup.pvtime_ipa += 64;
}

/* Protocols of a rewrite, by what each leaves out against the one that is proven to break nothing
 * (torvalds/linux arch/x86/kernel/alternative.c smp_text_poke). */
static const struct {
    const char *name;
    uint8_t protocol;
} protocol[] = {{"no-compare", TSP_PROTOCOL_KVM},
                {"no-serialise", TSP_PROTOCOL_KVM_2021},
                {"lguest", TSP_PROTOCOL_LGUEST},
                {"virtualbox", TSP_PROTOCOL_VIRTUALBOX},
                {"page-flip", TSP_PROTOCOL_PAGE_FLIP}};

static void name_protocol(unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s", protocol[i].name);
}

static void setup_protocol(struct mutant *m)
{
    if (m->given->protocol == TSP_PROTOCOL_TEXT_POKE)
        m->setup.protocol = protocol[m->i].protocol;
}

/* Steps of that protocol left out, or taken at another time. */
static const struct {
    const char *name;
    uint32_t how;
} poke[] = {
    {"no-compare", TSP_HOW_NO_COMPARE},
    {"no-hold", TSP_HOW_NO_HOLD},
    {"no-int3", TSP_HOW_NO_BREAK},
    {"no-sync-int3", TSP_HOW_NO_SYNC_BREAK},
    {"no-sync-tail", TSP_HOW_NO_SYNC_TAIL},
    {"no-sync-done", TSP_HOW_NO_SYNC_DONE},
    {"no-sync", TSP_HOW_NO_SYNC_BREAK | TSP_HOW_NO_SYNC_TAIL | TSP_HOW_NO_SYNC_DONE},
    {"early", TSP_HOW_EARLY},
    {"no-first", TSP_HOW_NO_LAST},
    {"no-tail", TSP_HOW_NO_TAIL},
    {"reversed", TSP_HOW_REVERSED},
    {"no-retry", TSP_HOW_NO_RETRY},
    {"calls-too", TSP_HOW_CALLS_TOO},
    {"no-forget", TSP_HOW_NO_FORGET},
    {"opens", TSP_HOW_OPEN},
    {"blind", TSP_HOW_NO_COMPARE | TSP_HOW_NO_HOLD},
};

static void name_poke(unsigned i, char *out, size_t size)
{
    snprintf(out, size, "%s", poke[i].name);
}

static void setup_poke(struct mutant *m)
{
    if (m->given->protocol == TSP_PROTOCOL_TEXT_POKE)
        m->setup.how |= poke[m->i].how;
}

static void setup_m015(struct mutant *m)
{
    if (m->given->protocol == TSP_PROTOCOL_TEXT_POKE)
        m->setup.protocol = TSP_PROTOCOL_KVM;
}

const struct mutant_row mutant_rows_setup[] = {
    {.id = "M015",
     .text = "bytes that a sibling stored between trap and rewrite are lost",
     .kind = MUTANT_HISTORIC,
     .source = "xen-project/xen d8ede4a09e",
     .area = MUTANT_RACE,
     .setup = setup_m015},
    {.id = "protocol",
     .text = "a rewrite that leaves out steps of the proven one",
     .kind = MUTANT_PROTOCOL,
     .source = "torvalds/linux smp_text_poke",
     .area = MUTANT_RACE,
     .n = sizeof(protocol) / sizeof(protocol[0]),
     .name = name_protocol,
     .setup = setup_protocol},
    {.id = "poke",
     .text = "a step of text-poke is left out, or comes at another time",
     .kind = MUTANT_PROTOCOL,
     .source = "torvalds/linux smp_text_poke",
     .area = MUTANT_RACE,
     .n = sizeof(poke) / sizeof(poke[0]),
     .name = name_poke,
     .setup = setup_poke},
    {.id = "config",
     .text = "the hypervisor runs as if configured otherwise",
     SETUP,
     .area = MUTANT_CALLS | MUTANT_CPUID | MUTANT_ARM64,
     .n = NCONFIG * 2,
     .name = name_config,
     .setup = setup_config},
    {.id = "config-patch",
     .text = "another treatment of the foreign instruction than asked for",
     SETUP,
     .area = MUTANT_PATCH,
     .n = 6,
     .name = name_patch,
     .setup = setup_patch},
    {.id = "config-host",
     .text = "the host is taken for the other vendor's",
     SETUP,
     .area = MUTANT_PATCH,
     .setup = setup_host},
    {.id = "config-nobody",
     .text = "the hypervisor's interface is missing",
     SETUP,
     .area = MUTANT_CALLS | MUTANT_ARM64,
     .setup = setup_nobody},
    {.id = "max",
     .text = "a range is checked against the wrong maximum",
     SETUP,
     .area = MUTANT_CPUID,
     .n = 8,
     .name = name_max,
     .setup = setup_max,
     .end = end_max},
    {.id = "max-told",
     .text = "a wrong maximum is told",
     SETUP,
     .area = MUTANT_CPUID,
     .n = 8,
     .name = name_max,
     .end = end_told},
    {.id = "policy",
     .text = "the policy is misread",
     SETUP,
     .area = MUTANT_CPUID,
     .n = 8,
     .name = name_policy,
     .setup = setup_policy},
    {.id = "state",
     .text = "CPUID follows something else than this vCPU's state",
     SETUP,
     .area = MUTANT_CPUID,
     .n = 8,
     .name = name_state,
     .begin = begin_state},
    {.id = "config-arm",
     .text = "services, versions or workarounds other than configured",
     SETUP,
     .area = MUTANT_ARM64,
     .n = NARM,
     .name = name_arm,
     .setup = setup_arm},
    {.id = NULL},
};
