/* SPDX-License-Identifier: MIT */
/*
 * A policy for every leaf the table has rows for: an entry is put together from the rows, so that
 * it breaks none of them, once with every open field zero and once with every open field one. What
 * comes back must be the same.
 */
#include "fuzz/run/probe.h"

#include <stdlib.h>
#include <string.h>

#define HV_BASE 0x40000000u
#define NVENDOR 5u
#define OTHER 4u /* the last: a vendor text that nobody has rows for by name */

/* ORDER: enum input_policy, without its first */
static const struct {
    const char *name;
    uint32_t text[3]; /* EBX ECX EDX of leaf 0 */
} vendor[NVENDOR] = {
    {"intel", {0x756e6547, 0x6c65746e, 0x49656e69}},
    {"amd", {0x68747541, 0x444d4163, 0x69746e65}},
    {"hygon", {0x6f677948, 0x656e6975, 0x6e65476e}},
    {"centaur", {0x746e6543, 0x736c7561, 0x48727561}},
    {"other", {0x756e6547, 0x3638784d, 0x54656e69}},
};

/* Interfaces with blocks of their own; KVM's is the default policy's. */
static const struct {
    const char *name;
    uint8_t persona;
    uint32_t text[3]; /* EBX ECX EDX of the block's first leaf */
} interface[] = {
    {"xen", TSP_PERSONA_XEN, {0x566e6558, 0x65584d4d, 0x4d4d566e}},
    {"hyperv", TSP_PERSONA_HYPERV, {0x7263694d, 0x666f736f, 0x76482074}},
    {"vmware", TSP_PERSONA_VMWARE, {0x61774d56, 0x4d566572, 0x65726177}},
    {"generic", TSP_PERSONA_GENERIC, {0x20637261, 0x6e616765, 0x2e6c6172}},
};
#define NINTERFACE PROBE_COUNT(interface)

/* The rows of one leaf and sub-leaf, as far as they have been read. */
struct entry {
    char where[40]; /* "leaf sub", as the rows say it */
    uint32_t leaf, sub;
    bool indexed, hv, usable;
    uint8_t who;                   /* index into interface, or NINTERFACE */
    uint8_t seen;                  /* bit per vendor that has rows */
    uint32_t value[NVENDOR][2][4]; /* open fields zero, open fields one */
};

static bool in_scope(const char *scope, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = scope; (at = strstr(at, name)) != NULL; at += n)
        if ((at == scope || at[-1] == '+') && (at[n] == '\0' || at[n] == '+'))
            return true;
    return strcmp(scope, "any") == 0 || strcmp(scope, "kvm") == 0;
}

/* 32 characters of 0, 1 and x, bit 31 first. */
static void take_bits(const char *bits, uint32_t value[2])
{
    value[0] = value[1] = 0;
    for (unsigned i = 0; i < 32 && bits[i]; i++) {
        value[0] |= bits[i] == '1' ? 0x80000000u >> i : 0;
        value[1] |= bits[i] != '0' ? 0x80000000u >> i : 0;
    }
}

/* Letters as a register holds them. */
static uint32_t text_value(const char *text)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 4 && text[i] != '\0'; i++)
        v |= (uint32_t)(uint8_t)text[i] << (8 * i);
    return v;
}

/* Values of a field rule; false: it follows something outside the entry. */
static bool rule_values(const struct entry *e, const char *must, uint32_t mask, uint32_t value[2])
{
    value[0] = value[1] = 0;
    if (strcmp(must, "zero") == 0 || strcmp(must, "dyn:x2apic-id") == 0 ||
        strcmp(must, "dyn:vcpu-id") == 0)
        return true;
    if (strcmp(must, "dyn:echo-ecx") == 0)
        value[0] = value[1] = e->sub & 0xff;
    else if (strcmp(must, "one") == 0)
        value[0] = value[1] = mask;
    else if (strcmp(must, "feat") == 0 || strcmp(must, "any") == 0)
        value[1] = mask;
    else if (strncmp(must, "eq:", 3) == 0 || strncmp(must, "max:0", 5) == 0)
        value[0] = value[1] = (uint32_t)strtoul(strchr(must, ':') + 1, NULL, 0);
    else if (strncmp(must, "max:hv+", 7) == 0)
        value[0] = value[1] = HV_BASE + (uint32_t)strtoul(must + 7, NULL, 0);
    else if (strncmp(must, "ascii:", 6) == 0)
        value[0] = value[1] = text_value(must + 6);
    else
        return false;
    return true;
}

static int reg_of(const char *name)
{
    static const char *const reg[] = {"eax", "ebx", "ecx", "edx"};

    for (int i = 0; i < 4; i++)
        if (strncmp(name, reg[i], 3) == 0)
            return i;
    return -1;
}

/* One row: "leaf sub reg[hi:lo]" and its rule. */
static void take_row(struct entry *e, const struct spec_rule *rule)
{
    const char *field = rule->when + strlen(e->where);
    unsigned hi, lo;
    uint32_t value[2];
    int reg;
    char *end;

    field += strspn(field, " ");
    reg = reg_of(field);
    if (reg < 0 || field[3] != '[') {
        e->usable = false;
        return;
    }
    hi = lo = (unsigned)strtoul(field + 4, &end, 10) & 31;
    if (*end == ':')
        lo = (unsigned)strtoul(end + 1, NULL, 10) & 31;
    if (strlen(rule->must) == 32)
        take_bits(rule->must, value);
    else if (!rule_values(e, rule->must, 0xffffffffu >> (31 - (hi - lo)), value))
        e->usable = false;
    for (unsigned v = 0; v < NVENDOR; v++) {
        if (e->who == NINTERFACE ? !in_scope(rule->scope, vendor[v].name) : v != 0)
            continue;
        e->seen |= (uint8_t)(1u << v);
        e->value[v][0][reg] |= value[0] << lo;
        e->value[v][1][reg] |= value[1] << lo;
    }
}

/* The interface whose block the rows of this scope describe. */
static uint8_t who_of(const char *scope)
{
    uint8_t i = 0;

    while (i < NINTERFACE && strcmp(scope, interface[i].name) != 0)
        i++;
    return i;
}

/* Starts an entry from the first two words of a row's condition; false: not a field row. */
static bool begin(struct entry *e, const struct spec_rule *rule)
{
    const char *when = rule->when;
    size_t n = strcspn(when, " ");
    size_t gap = strspn(when + n, " "), m = strcspn(when + n + gap, " ");
    const char *sub = when + n + gap;

    memset(e, 0, sizeof(*e));
    e->who = who_of(rule->scope);
    e->hv = strncmp(when, "hv+", 3) == 0;
    if (!e->hv && strncmp(when, "0x", 2) != 0)
        return false;
    if (m == 0 || n + gap + m >= sizeof(e->where))
        return false;
    memcpy(e->where, when, n + gap + m);
    e->leaf = (e->hv ? HV_BASE : 0) + (uint32_t)strtoul(when + (e->hv ? 3 : 0), NULL, 0);
    e->indexed = *sub != '-';
    e->sub = e->indexed ? (uint32_t)strtoul(sub, NULL, 0) : 0;
    e->usable = true;
    return true;
}

/* The entry that opens the leaf's class up to it. The asked leaf itself is never one of these. */
static bool class_entry(const struct entry *e, unsigned v, struct tsp_leaf *out)
{
    static const uint32_t kvm[3] = {0x4b4d564b, 0x564b4d56, 0x4d};
    const uint32_t *text = e->hv ? kvm : vendor[v].text;

    *out = (struct tsp_leaf){.leaf = e->leaf & 0xffff0000u,
                             .reg = {e->leaf, text[0], text[1], text[2]}};
    if (e->hv)
        out->leaf = HV_BASE;
    /* Classes that have no maximum of their own. */
    if (out->leaf == 0x20000000u)
        out->leaf = 0;
    if (out->leaf == 0x80860000u)
        out->leaf = 0x80000000u;
    /* The first of a class: what else is there says whose it is. */
    if (out->leaf == e->leaf && e->leaf >= 0xc0000000u)
        *out = (struct tsp_leaf){.reg = {1, text[0], text[1], text[2]}};
    if (out->leaf == e->leaf)
        return false;
    return out->leaf == 0 || out->leaf == HV_BASE || out->leaf == 0x80000000u ||
           out->leaf == 0xc0000000u;
}

static const uint8_t cpuid[] = {0x0f, 0xa2};

static void ask(struct probe *p, const struct entry *e)
{
    probe_code(p, cpuid, sizeof(cpuid));
    probe_reg(p, TSP_RAX, e->leaf);
    probe_reg(p, TSP_RCX, e->sub);
    probe_emit(p);
}

/* A leaf of another interface's block, alone but for the block's first leaf. */
static void ask_interface(struct probe *p, const struct entry *e)
{
    for (unsigned i = 0; i < 2 && e->usable && e->seen; i++) {
        struct scenario *s = &p->s;
        const uint32_t *text = interface[e->who].text;

        probe_default(p, TSP_ARCH_X86);
        s->persona[0] = interface[e->who].persona;
        s->leaf[s->nleaf++] = (struct tsp_leaf){
            .leaf = HV_BASE, .reg = {HV_BASE + 0x100 - 1, text[0], text[1], text[2]}};
        if (e->leaf == HV_BASE)
            s->nleaf = 0;
        s->leaf[s->nleaf] = (struct tsp_leaf){.leaf = e->leaf, .subleaf = e->sub};
        s->leaf[s->nleaf].flags = e->indexed ? TSP_LEAF_INDEXED : 0;
        memcpy(s->leaf[s->nleaf++].reg, e->value[0][i], sizeof(s->leaf[0].reg));
        ask(p, e);
    }
}

static void ask_entry(struct probe *p, const struct entry *e)
{
    if (e->who != NINTERFACE) {
        ask_interface(p, e);
        return;
    }
    for (unsigned i = 0; i < NVENDOR * 2 && e->usable; i++) {
        unsigned v = i / 2;
        struct scenario *s = &p->s;

        probe_default(p, TSP_ARCH_X86);
        if (!(e->seen >> v & 1) || !class_entry(e, v, &s->leaf[0]))
            continue;
        s->policy = v == OTHER ? INPUT_POLICY_NONE : (uint8_t)(INPUT_POLICY_INTEL + v);
        s->leaf[1] = (struct tsp_leaf){.leaf = e->leaf, .subleaf = e->sub};
        s->leaf[1].flags = e->indexed ? TSP_LEAF_INDEXED : 0;
        memcpy(s->leaf[1].reg, e->value[v][i & 1], sizeof(s->leaf[1].reg));
        s->nleaf = 2;
        if (v == OTHER && s->leaf[0].leaf != 0) {
            const uint32_t *text = vendor[v].text;

            s->leaf[s->nleaf++] = (struct tsp_leaf){.reg = {1, text[0], text[1], text[2]}};
        }
        ask(p, e);
    }
}

void probe_rows(struct probe *p)
{
    struct entry e = {.usable = false, .who = NINTERFACE};
    struct spec_rule rule;

    for (unsigned i = 0; i < spec_rule_count(p->spec) && !p->stop; i++) {
        size_t n = strlen(e.where);

        if (!spec_rule_at(p->spec, i, &rule) || !rule.when || !rule.scope || !rule.must)
            continue;
        if (n == 0 || strncmp(rule.when, e.where, n) != 0 || rule.when[n] != ' ' ||
            who_of(rule.scope) != e.who) {
            ask_entry(p, &e);
            if (!begin(&e, &rule)) {
                e = (struct entry){.usable = false, .who = NINTERFACE};
                continue;
            }
        }
        take_row(&e, &rule);
    }
    ask_entry(p, &e);
}
