/* SPDX-License-Identifier: MIT */
/*
 * A table of a few rules that a test writes itself, so that what collects findings is tested on
 * findings the test chooses. The program that includes this gets no other spec: these definitions
 * take the library's place.
 */
#ifndef TSP_TESTS_UNIT_FAKE_SPEC_H
#define TSP_TESTS_UNIT_FAKE_SPEC_H

#include "spec/spec.h"

#include <string.h>

struct spec {
    const struct spec_rule *rule;
    unsigned n;
    const struct finding *finding; /* what the next checks give */
    unsigned nfinding;
};

unsigned spec_rule_count(const struct spec *s)
{
    return s->n;
}

bool spec_rule_at(const struct spec *s, unsigned i, struct spec_rule *out)
{
    if (i >= s->n)
        return false;
    *out = s->rule[i];
    return true;
}

unsigned spec_rule_find(const struct spec *s, const char *id)
{
    for (unsigned i = 0; i < s->n; i++)
        if (strcmp(s->rule[i].id, id) == 0)
            return i;
    return ~0u;
}

enum verdict spec_check(const struct spec *s, const struct tsp_setup *setup,
                        const struct tsp_trace *trace, const struct spec_options *opt)
{
    enum verdict worst = VERDICT_PASS;

    (void)setup;
    (void)trace;
    for (unsigned i = 0; i < s->nfinding; i++) {
        const struct finding *f = &s->finding[i];

        if (f->rule < s->n && opt->hits && f->verdict != VERDICT_SKIP)
            opt->hits[f->rule]++;
        if (f->verdict > worst)
            worst = f->verdict;
        if (opt->found && f->verdict >= opt->least)
            opt->found(opt->ctx, f);
    }
    return worst;
}

#endif
