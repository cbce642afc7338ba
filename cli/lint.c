/* SPDX-License-Identifier: MIT */
#include "cli/lint.h"
#include "emu/policy/lookup.h"

#include "trapspec/bits.h"

#include <stdlib.h>
#include <string.h>

#define HV_BASE 0x40000000u
#define HV_LAST 0x4000ffffu
#define HV_STEP 0x100u
#define EXT_BASE 0x80000000u
#define CLASS_MASK 0xffff0000u

enum tsp_status lint_open(struct lint *l, const struct dump *d, struct tsp_error *err)
{
    memset(l, 0, sizeof(*l));
    l->dump = d;
    l->spec = spec_builtin();
    l->found = calloc(LINT_MAX, sizeof(*l->found));
    return l->found != NULL ? TSP_OK : error_set(err, TSP_ENOMEM, 0, "out of memory");
}

void lint_close(struct lint *l)
{
    free(l->found);
    memset(l, 0, sizeof(*l));
}

static bool alike(const struct lint_finding *a, const struct lint_finding *b)
{
    return a->leaf == b->leaf && a->subleaf == b->subleaf && a->reg == b->reg && a->hi == b->hi &&
           a->lo == b->lo && a->value == b->value && strcmp(a->rule, b->rule) == 0 &&
           strcmp(a->expected, b->expected) == 0 && strcmp(a->who, b->who) == 0;
}

void lint_add(struct lint *l, const struct lint_finding *f)
{
    struct lint_finding new = *f;
    const char *reason = f->note ? NULL : lint_erratum(l, f);
    unsigned i = 0;

    if (reason != NULL) {
        new.note = true;
        new.text = reason;
    } else {
        lint_who(l, &new);
    }
    f = &new;
    while (i < l->n && !alike(&l->found[i], f))
        i++;
    if (i == LINT_MAX) {
        l->lost++;
        return;
    }
    if (i == l->n) {
        l->found[l->n++] = *f;
        memset(l->found[i].cpu, 0, sizeof(l->found[i].cpu));
    }
    l->found[i].cpu[l->cpu / 64] |= 1ull << l->cpu % 64;
}

const struct tsp_leaf *lint_leaf(const struct lint *l, uint32_t leaf, uint32_t sub)
{
    return policy_find(&(struct tsp_policy){.leaf = l->leaf, .n = l->nleaf}, leaf, sub);
}

uint32_t lint_reg(const struct lint *l, uint32_t leaf, uint32_t sub, unsigned reg)
{
    const struct tsp_leaf *e = lint_leaf(l, leaf, sub);

    return e == NULL ? 0 : e->reg[reg];
}

static bool is_zero(const struct tsp_leaf *e)
{
    return (e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]) == 0;
}

/*
 * What a processor answers above the highest leaf of a class is another leaf's data (Intel SDM Vol.
 * 2A CPUID: "the data for the highest basic information leaf") or zero, and means nothing.
 */
static bool in_range(const struct lint *l, uint32_t leaf)
{
    uint32_t base = leaf & CLASS_MASK;
    const struct tsp_leaf *top;

    if (base == HV_BASE)
        return lint_reg(l, 1, 0, 2) >> 31 != 0;
    top = lint_leaf(l, base, 0);
    /* Part of a machine, as templates are: the leaf is there because it counts. */
    if (top == NULL || l->dump->mask != NULL)
        return base == 0 || base == EXT_BASE;
    if (leaf == 0)
        return true;
    return (top->reg[0] & CLASS_MASK) == base && leaf <= top->reg[0];
}

static const char *const reg_names[4] = {"eax[", "ebx[", "ecx[", "edx["};

/* "0x7 0 ebx[5]" or "hv+0x1 - eax[31:25]": register and bits of a field row. */
static bool place_of(const char *when, struct lint_finding *f)
{
    unsigned hi, lo;
    const char *at;

    for (uint8_t i = 0; i < 4; i++) {
        char *end;

        at = strstr(when, reg_names[i]);
        if (at == NULL)
            continue;
        hi = lo = (unsigned)strtoul(at + 4, &end, 10);
        if (*end == ':')
            lo = (unsigned)strtoul(end + 1, &end, 10);
        if (*end != ']' || hi > 31 || lo > hi)
            return false;
        f->reg = i;
        f->hi = (uint8_t)hi;
        f->lo = (uint8_t)lo;
        return true;
    }
    return false;
}

struct leaf_judge {
    struct lint *lint;
    const struct tsp_leaf *leaf;
    const struct dump_mask *mask; /* NULL: all known */
};

/* Bits a template leaves to the host read as zero: only a zero that is broken is certain. */
static bool certain(const struct leaf_judge *j, const struct spec_rule *r,
                    const struct lint_finding *f)
{
    uint32_t bits = (uint32_t)bits_mask(f->hi - f->lo + 1u) << f->lo;

    return j->mask == NULL || strcmp(r->must, "zero") == 0 || (j->mask->reg[f->reg] & bits) == bits;
}

static void on_finding(void *ctx, const struct finding *found)
{
    const struct leaf_judge *j = ctx;
    struct lint_finding f = {.leaf = j->leaf->leaf, .subleaf = j->leaf->subleaf};
    struct spec_rule r;

    if (found->verdict != VERDICT_FAIL || !spec_rule_at(j->lint->spec, found->rule, &r) ||
        !place_of(r.when, &f) || !certain(j, &r, &f))
        return;
    f.value = (uint32_t)bits_get(j->leaf->reg[f.reg], f.hi, f.lo);
    snprintf(f.expected, sizeof(f.expected), "%s", found->expected);
    f.rule = r.id;
    f.source = r.source;
    f.text = r.note;
    lint_add(j->lint, &f);
}

/* The answer as a processor would give it, to the one query. */
static void answer(const struct tsp_leaf *e, struct tsp_event *ev)
{
    static const uint8_t order[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    static const uint8_t insn[2] = {0x0f, 0xa2};

    *ev = (struct tsp_event){.kind = TSP_EV_CPUID, .len = sizeof(insn)};
    memcpy(ev->fetched, insn, sizeof(insn));
    memcpy(ev->stored, insn, sizeof(insn));
    ev->before.mode = TSP_MODE_LONG64;
    ev->before.r[TSP_RAX] = e->leaf;
    ev->before.r[TSP_RCX] = e->subleaf;
    ev->after = ev->before;
    ev->after.pc = sizeof(insn);
    for (unsigned i = 0; i < 4; i++)
        ev->after.r[order[i]] = e->reg[i];
}

static void judge_leaf(struct lint *l, const struct tsp_setup *setup, size_t at)
{
    static struct tsp_trace trace;
    const struct dump *d = l->dump;
    struct leaf_judge j = {l, &l->leaf[at],
                           d->mask == NULL ? NULL : &d->mask[d->cpu[l->cpu].first + at]};
    const struct spec_options opt = {.caps = TSP_CAP_X86,
                                     .least = VERDICT_FAIL,
                                     .hits = l->hits,
                                     .found = on_finding,
                                     .ctx = &j};

    /* A leaf that is not there is zero. */
    if ((is_zero(j.leaf) && j.leaf->leaf != 0) || !in_range(l, j.leaf->leaf))
        return;
    trace.n = 1;
    trace.truncated = false;
    answer(j.leaf, &trace.ev[0]);
    spec_check(l->spec, setup, &trace, &opt);
    l->judged++;
}

/* Personas of the hypervisor blocks, the lowest of each. */
static void find_personas(const struct lint *l, struct tsp_setup *setup)
{
    unsigned n = 0;

    for (uint32_t base = HV_BASE; base <= HV_LAST && n < 2; base += HV_STEP) {
        enum tsp_persona p = TSP_PERSONA_NONE;

        if (lint_hv_name(l, base, &p) == NULL || p == TSP_PERSONA_NONE ||
            (n == 1 && setup->persona[0] == p))
            continue;
        setup->persona[n] = (uint8_t)p;
        setup->hv_base[n++] = base;
    }
}

static void judge_cpu(struct lint *l)
{
    static struct tsp_setup setup;
    struct tsp_policy policy = {.leaf = l->leaf, .n = l->nleaf};

    memset(&setup, 0, sizeof(setup));
    setup.arch = TSP_ARCH_X86;
    setup.host = (uint8_t)policy_vendor(&policy);
    setup.nvcpu = 1;
    setup.npolicy = 1;
    setup.policy[0] = policy;
    setup.vcpu[0].regs.mode = TSP_MODE_LONG64;
    if (lint_reg(l, 1, 0, 2) >> 31 != 0)
        find_personas(l, &setup);
    for (size_t i = 0; i < l->nleaf; i++)
        judge_leaf(l, &setup, i);
    lint_depends(l);
    lint_topology(l);
    lint_hypervisor(l);
    if (l->dump->mask == NULL) {
        lint_paravirtual(l);
        lint_clocks(l);
    }
}

void lint_run(struct lint *l)
{
    const struct dump *d = l->dump;

    for (l->cpu = 0; l->cpu < d->ncpu && !cli_interrupted(); l->cpu++) {
        l->leaf = d->leaf + d->cpu[l->cpu].first;
        l->nleaf = d->cpu[l->cpu].n;
        judge_cpu(l);
    }
    lint_cpus(l);
}
