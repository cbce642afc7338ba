/* SPDX-License-Identifier: MIT */
/*
 * Rules that an event can meet by its facts. Those of the same facts are the same ones, in this run
 * and in later ones: what was found is kept. Its branches follow from earlier inputs, so fuzzing
 * engines do not count them (fuzz/harness/uncounted.txt).
 */
#include "spec/judge.h"

#include <string.h>

bool pick_allows(const struct judge *j, const struct trap_rule *t)
{
    if ((j->bits[0] & ~t->allow[0]) | (j->bits[1] & ~t->allow[1]) | (j->bits[2] & ~t->allow[2]))
        return false;
    return !t->scope || (t->scope & j->personas);
}

/* The next rules of the two lists of a lane, merged in rule order, that facts leave. */
static void pick_more(const struct judge *j, struct rule_pick *p)
{
    const struct spec *s = j->s;

    p->n = 0;
    while (p->n < PICK_RULES && (p->rule != p->rule_end || p->num != p->num_end)) {
        bool num = p->num != p->num_end && (p->rule == p->rule_end || p->num->rule < *p->rule);
        unsigned rule = num ? p->num++->rule : *p->rule++;

        if (pick_allows(j, &s->trap[rule]))
            p->list[p->n++] = (uint16_t)rule;
    }
}

/* Rules of that call number, up to *end. */
static const struct numbered *find_number(const struct spec *s, const struct lane *l,
                                          uint64_t number, const struct numbered **end)
{
    const struct numbered *low = s->numbered + l->first_number, *high = low + l->nnumber;
    const struct numbered *last = high, *first;

    while (low < high) {
        const struct numbered *mid = low + (high - low) / 2;

        if (mid->number < number)
            low = mid + 1;
        else
            high = mid;
    }
    for (first = low; low < last && low->number == number;)
        low++;
    *end = low;
    return first;
}

/* Where the pick for this event lies, or is to be made. */
static struct rule_pick *pick_slot(const struct judge *j, bool numbered, uint64_t number)
{
    static struct rule_pick pick[PICK_SLOTS];
    uint64_t h = j->bits[0] + 3 * j->bits[1] + 5 * j->bits[2] + 7 * number + numbered;

    return &pick[(unsigned)((h * 0x9e3779b97f4a7c15ull) >> 32) % PICK_SLOTS];
}

static bool is_pick(const struct judge *j, const struct rule_pick *p, unsigned lane)
{
    return p->lane == lane + 1 && p->personas == j->personas && p->serial == j->s->serial &&
           ((p->bits[0] ^ j->bits[0]) | (p->bits[1] ^ j->bits[1]) | (p->bits[2] ^ j->bits[2])) == 0;
}

/* The first rules of this event. A call that no rule names has those of any other such call. */
struct rule_pick *pick_rules(const struct judge *j)
{
    unsigned at = spec_lane(j->ev->kind, j->insn.insn, fact_is(j, FACT_HYPERV, 1));
    const struct lane *l = &j->s->lane[at];
    bool numbered = l->nnumber != 0;
    const struct numbered *num = NULL, *num_end = NULL;
    struct rule_pick *p;
    uint64_t number = 0;

    if (numbered) {
        number = fact_value(j, j->setup->arch == TSP_ARCH_ARM64 ? COND_FID : COND_NR);
        p = pick_slot(j, true, number);
        if (is_pick(j, p, at) && p->numbered && p->number == number)
            return p;
        num = find_number(j->s, l, number, &num_end);
        numbered = num != num_end;
    }
    if (!numbered)
        number = 0;
    p = pick_slot(j, numbered, number);
    if (!numbered && is_pick(j, p, at) && !p->numbered)
        return p;
    *p = (struct rule_pick){.lane = at + 1,
                            .personas = j->personas,
                            .serial = j->s->serial,
                            .numbered = numbered,
                            .number = number,
                            .rule = j->s->lane_rule + l->first,
                            .rule_end = j->s->lane_rule + l->first + l->n,
                            .num = num,
                            .num_end = num_end};
    memcpy(p->bits, j->bits, sizeof(p->bits));
    pick_more(j, p);
    return p;
}

const struct trap_rule *pick_next(const struct judge *j, struct rule_walk *w)
{
    struct rule_pick *p = w->pick;

    if (w->i == p->n && (p->rule != p->rule_end || p->num != p->num_end)) {
        pick_more(j, p);
        p->lane = 0; /* the first ones are gone */
        w->i = 0;
    }
    return w->i < p->n ? &j->s->trap[p->list[w->i++]] : NULL;
}
