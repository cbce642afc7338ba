/* SPDX-License-Identifier: MIT */
/* Look-up structures over the rows, built once: a hash of leaf records, rules by event and
 * instruction. */
#include "spec/build.h"
#include "spec/facts.h"
#include "spec/pred.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rec_order(const void *pa, const void *pb)
{
    const struct leaf_rec *a = pa, *b = pb;

    if (a->who != b->who)
        return a->who < b->who ? -1 : 1;
    if (a->leaf != b->leaf)
        return a->leaf < b->leaf ? -1 : 1;
    return a->sub_lo < b->sub_lo ? -1 : a->sub_lo > b->sub_lo;
}

static void build_hash(struct build *b)
{
    unsigned mask = 15;

    while (mask + 1 < 2 * b->spec.nrec)
        mask = 2 * mask + 1;
    b->spec.hash_mask = mask;
    memset(b->hash, 0, sizeof(b->hash));
    for (unsigned i = 0; i < b->spec.nrec; i++) {
        const struct leaf_rec *r = &b->rec[i];
        unsigned at = spec_hash(r->leaf, r->who) & mask;

        if (i && r[-1].who == r->who && r[-1].leaf == r->leaf)
            continue;
        while (b->hash[at])
            at = (at + 1) & mask;
        b->hash[at] = (uint16_t)(i + 1);
    }
}

const struct leaf_rec *spec_find_rec(const struct spec *s, unsigned who, uint32_t leaf,
                                     uint32_t sub)
{
    unsigned at = spec_hash(leaf, who) & s->hash_mask;

    for (; s->hash[at]; at = (at + 1) & s->hash_mask) {
        const struct leaf_rec *r = &s->rec[s->hash[at] - 1u], *end = s->rec + s->nrec;

        if (r->who != who || r->leaf != leaf)
            continue;
        for (; r < end && r->who == who && r->leaf == leaf; r++)
            if (r->sub_lo <= sub && sub <= r->sub_hi)
                return r;
        return NULL;
    }
    return NULL;
}

/* A hypervisor that keeps a field right need not ask whose leaf it is. */
static void find_shared(struct build *b)
{
    for (unsigned i = 0; i < b->spec.nrec; i++) {
        struct leaf_rec *r = &b->rec[i];

        for (unsigned v = 0; v < TSP_VENDOR_COUNT && r->who < TSP_VENDOR_COUNT; v++) {
            const struct leaf_rec *o = spec_find_rec(&b->spec, v, r->leaf, r->sub_lo);

            for (unsigned k = 0; o && k < 4; k++) {
                uint32_t run = o->run[k] & ~r->run[k];

                r->shared[k] |= run;
                r->given[k] |= run & ~o->clears[k];
            }
        }
    }
}

static bool too_many(struct tsp_error *err, const char *what)
{
    *err = (struct tsp_error){.code = TSP_EPARSE};
    snprintf(err->text, sizeof(err->text), "rules hold for too many %s", what);
    return false;
}

/* The condition on a call number that names single numbers only; such a rule needs no look for any
 * other number. */
static const struct cond *single_numbers(const struct build *b, const struct trap_rule *t)
{
    for (unsigned i = 0; i < t->ncond; i++) {
        const struct cond *c = &b->cond[t->cond + i];
        unsigned k = 0;

        if ((c->field != COND_NR && c->field != COND_FID) || c->negate || c->mask != UINT64_MAX)
            continue;
        while (k < c->nspan && b->span[c->span + k].lo == b->span[c->span + k].hi)
            k++;
        if (k == c->nspan)
            return c;
    }
    return NULL;
}

static int numbered_order(const void *pa, const void *pb)
{
    const struct numbered *a = pa, *b = pb;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static bool lane_add(struct build *b, struct lane *l, unsigned rule, struct tsp_error *err)
{
    const struct cond *c = single_numbers(b, &b->trap[rule]);

    if (!c) {
        if (b->spec.nlane_rule == SPEC_MAX_LANE_RULE)
            return too_many(err, "instructions");
        b->lane_rule[b->spec.nlane_rule++] = (uint16_t)rule;
        l->n++;
        return true;
    }
    for (unsigned i = 0; i < c->nspan; i++) {
        if (b->spec.nnumbered == SPEC_MAX_NUMBERED)
            return too_many(err, "call numbers");
        b->numbered[b->spec.nnumbered++] =
            (struct numbered){.number = b->span[c->span + i].lo, .rule = (uint16_t)rule};
        l->nnumber++;
    }
    return true;
}

static bool build_lanes(struct build *b, struct tsp_error *err)
{
    const struct fact_place *insn = &fact_groups[FACT_INSN];
    const struct fact_place *hyperv = &fact_groups[FACT_HYPERV];

    b->spec.nlane_rule = b->spec.nnumbered = 0;
    for (unsigned at = 0; at < SPEC_LANES; at++) {
        struct lane *l = &b->lane[at];
        unsigned kind = at / 2 / SPEC_MAX_INSN, name = at / 2 % SPEC_MAX_INSN;

        *l = (struct lane){.first = (uint16_t)b->spec.nlane_rule,
                           .first_number = (uint16_t)b->spec.nnumbered};
        for (unsigned i = 0; name < b->spec.ninsn && i < b->spec.ntrap; i++) {
            const uint64_t *allow = b->trap[i].allow;

            if ((allow[0] >> kind & 1) && (allow[0] >> (insn->first + name) & 1) &&
                (allow[hyperv->word] >> (hyperv->first + at % 2) & 1) &&
                !race_rule(&b->spec, b->trap[i].rule) && !lane_add(b, l, i, err))
                return false;
        }
        qsort(b->numbered + l->first_number, l->nnumber, sizeof(b->numbered[0]), numbered_order);
    }
    return true;
}

/* What holds of every event of a mode, or of an instruction, says least of this one. */
static bool in_general(const struct pred_def *d)
{
    return d->holds == pred_a32_pc || d->holds == pred_a32_passed;
}

/* What a rule says of before and after an event does not cover the event itself. */
static bool beside(const struct pred_def *d)
{
    return d->holds == pred_follows || d->holds == pred_entered || d->holds == pred_msr_result ||
           in_general(d);
}

/* Nor does what a look shows. */
static void find_traits(struct build *b, struct trap_rule *t)
{
    const struct fact_place *looked = &fact_groups[FACT_LOOKED];
    const struct pred_def *d = &pred_defs[b->pred[t->pred].fn];
    unsigned traits = t->allow[looked->word] >> looked->first & 1 ? 0 : TRAP_LOOKS;

    if (!traits && !beside(d))
        traits |= TRAP_COVERS;
    if (d->holds == pred_guest_erred)
        traits |= TRAP_GUEST;
    if (in_general(d))
        t->weight = 0;
    t->traits = (uint8_t)traits;
}

static unsigned insn_named(const struct build *b, const char *name)
{
    for (unsigned i = 0; i < b->spec.ninsn; i++)
        if (strcmp(b->insn[i], name) == 0)
            return i;
    return SPEC_MAX_INSN;
}

/* Whether any record, of whatever vendor or persona, describes the leaf. */
static bool leaf_described(const struct build *b, uint32_t leaf, bool relative)
{
    for (unsigned i = 0; i < b->spec.nrec; i++) {
        bool rel = b->rec[i].who >= SPEC_WHO_RELATIVE && b->rec[i].who < SPEC_WHO_ABSOLUTE;

        if (b->rec[i].leaf == leaf && rel == relative)
            return true;
    }
    /* Rows relative to a block speak of the block at 0x40000000 as well. */
    return !relative && leaf >> 8 == 0x400000 && leaf_described(b, leaf & 0xff, true);
}

/* A leaf that a rule or a same: names although no row describes it is a gap; each is counted once.
 */
static void count_gaps(struct build *b)
{
    uint64_t seen[64];
    unsigned n = 0;

    for (unsigned i = 0; i < b->spec.ncond + b->spec.nfield; i++) {
        const struct field_ref *ref;
        uint64_t key;
        unsigned k = 0;

        if (i < b->spec.ncond) {
            if (b->cond[i].field != COND_POLICY && b->cond[i].field != COND_LEAF)
                continue;
            ref = &b->cond[i].ref;
            key = b->cond[i].field == COND_LEAF ? b->span[b->cond[i].span].lo
                                                : ref->leaf | (uint64_t)ref->relative << 32;
        } else {
            if (b->field[i - b->spec.ncond].kind != FIELD_SAME)
                continue;
            ref = &b->field[i - b->spec.ncond].same;
            key = ref->leaf | (uint64_t)ref->relative << 32;
        }
        while (k < n && seen[k] != key)
            k++;
        if (k < n || n == 64 || leaf_described(b, (uint32_t)key, key >> 32 & 1))
            continue;
        seen[n++] = key;
    }
    b->spec.ngap = n;
}

bool build_finish(struct build *b, struct tsp_error *err)
{
    static unsigned serial;
    struct spec *s = &b->spec;

    s->serial = ++serial;
    if (s->ninsn == 0) {
        b->insn[0] = "none";
        s->ninsn = 1;
    }
    /* rec_row is not moved, so records may be sorted freely. */
    qsort(b->rec, s->nrec, sizeof(b->rec[0]), rec_order);
    build_hash(b);
    find_shared(b);
    if (!build_lanes(b, err))
        return false;
    for (unsigned i = 0; i < s->ntrap; i++)
        find_traits(b, &b->trap[i]);
    s->vmcall = insn_named(b, "vmcall");
    s->vmmcall = insn_named(b, "vmmcall");
    s->hvc = insn_named(b, "hvc");
    s->smc = insn_named(b, "smc");
    s->ud0 = insn_named(b, "ud0");
    s->ud1 = insn_named(b, "ud1");
    s->rdmsr = insn_named(b, "rdmsr");
    s->wrmsr = insn_named(b, "wrmsr");
    count_gaps(b);
    return true;
}

struct build *build_open(void)
{
    struct build *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    b->spec.text = b->text;
    b->spec.source = b->source;
    b->spec.field = b->field;
    b->spec.rec = b->rec;
    b->spec.rec_row = b->rec_row;
    b->spec.hash = b->hash;
    b->spec.trap = b->trap;
    b->spec.cond = b->cond;
    b->spec.span = b->span;
    b->spec.pred = b->pred;
    b->spec.opcode = b->opcode;
    b->spec.lane = b->lane;
    b->spec.lane_rule = b->lane_rule;
    b->spec.numbered = b->numbered;
    b->spec.depend = b->depend;
    b->spec.depend_term = b->depend_term;
    b->spec.insn = b->insn;
    return b;
}
