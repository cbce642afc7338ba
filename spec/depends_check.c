/* SPDX-License-Identifier: MIT */
/* depends.csv: do the fields of one machine agree? */
#include "spec/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is not known decides nothing. */
enum truth { TRUTH_NO = 0, TRUTH_YES, TRUTH_UNKNOWN };

static bool known_field(const struct spec_view *v, const struct field_ref *ref, uint32_t *out)
{
    uint32_t mask = (uint32_t)((0xffffffffull >> (31 - (ref->hi - ref->lo))) << ref->lo);
    uint32_t value[2] = {0, 0};

    if (!v->field(v->ctx, ref->leaf, ref->sub == REF_ANY_SUB ? 0 : ref->sub, ref->reg, value) ||
        (value[1] & mask) != mask)
        return false;
    *out = (value[0] & mask) >> ref->lo;
    return true;
}

static bool sum_of(const struct spec_view *v, const struct field_ref *ref, unsigned n,
                   uint64_t *out)
{
    uint32_t one = 0;

    *out = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!known_field(v, &ref[i], &one))
            return false;
        *out += one;
    }
    return true;
}

/* The right side's number: added to its fields, with a sign, or alone. */
static uint64_t number_of(const struct depend_term *t)
{
    return t->nright ? (uint64_t)(int64_t)(int32_t)t->number : t->number;
}

static enum truth holds(const struct spec_view *v, const struct depend_term *t)
{
    uint64_t a, b;
    bool yes = false;

    if (!sum_of(v, t->left, t->nleft, &a) || !sum_of(v, t->right, t->nright, &b))
        return TRUTH_UNKNOWN;
    b += number_of(t);
    switch (t->op) {
    case DEPEND_SET:
    case DEPEND_TOO:
        yes = a != 0;
        break;
    case DEPEND_CLEAR:
        yes = a == 0;
        break;
    case DEPEND_EQ:
        yes = a == b;
        break;
    case DEPEND_NE:
        yes = a != b;
        break;
    case DEPEND_LE:
        yes = a <= b;
        break;
    case DEPEND_GE:
        yes = a >= b;
        break;
    case DEPEND_LT:
        yes = a < b;
        break;
    case DEPEND_GT:
        yes = a > b;
        break;
    default:
        break;
    }
    return yes ? TRUTH_YES : TRUTH_NO;
}

static bool compares(const struct depend_term *t)
{
    return t->op >= DEPEND_EQ;
}

/* "at least 0x14", "at most 0xd.0.ecx[31:0] (0x340)"; "0 without 0x1.-.ecx[26]". */
static void say_expected(const struct spec *s, const struct spec_view *v,
                         const struct depend_row *d, char out[96])
{
    /* ORDER: enum depend_op */
    static const char *const word[] = {
        "", "", "", "", "anything but ", "at most ", "at least ", "less than ", "more than "};
    const struct depend_term *t = &s->depend_term[d->must];
    const char *must = s->text[d->rule].must;
    uint64_t value = 0;

    if (!compares(t)) {
        snprintf(out, 96, "0 %s %.72s", t->op == DEPEND_CLEAR ? "with" : "without",
                 must + (t->op != DEPEND_SET));
        return;
    }
    if (!t->nright) {
        size_t at = (size_t)snprintf(out, 96, "%s0x%" PRIx32, word[t->op], t->number);

        for (unsigned i = 1; i < d->nmust && t[i].op == t->op && !t[i].nright && at < 80; i++)
            at += (size_t)snprintf(out + at, 96 - at, " or 0x%" PRIx32, t[i].number);
        return;
    }
    sum_of(v, t->right, t->nright, &value);
    value += number_of(t);
    must += strcspn(must, "<>=!");
    must += strspn(must, "<>=!");
    snprintf(out, 96, "%s%.*s (0x%" PRIx64 ")", word[t->op], (int)strcspn(must, "|"), must, value);
}

static void report(const struct spec *s, const struct spec_view *v, const struct depend_row *d)
{
    const struct depend_term *must = &s->depend_term[d->must];
    const struct field_ref *ref =
        compares(must) ? &must->left[0] : &s->depend_term[d->when].left[0];
    struct spec_place at = {.leaf = ref->leaf,
                            .sub = ref->sub == REF_ANY_SUB ? 0 : ref->sub,
                            .reg = ref->reg,
                            .hi = ref->hi,
                            .lo = ref->lo};
    char expected[96];

    known_field(v, ref, &at.value);
    say_expected(s, v, d, expected);
    v->found(v->ctx, d->rule, &at, expected);
}

static bool row_holds(const struct spec *s, const struct spec_view *v, const struct depend_row *d)
{
    enum truth any = TRUTH_NO;

    for (unsigned i = 0; i < d->nwhen; i++)
        if (holds(v, &s->depend_term[d->when + i]) != TRUTH_YES)
            return true;
    for (unsigned i = 0; i < d->nmust && any != TRUTH_YES; i++) {
        enum truth t = holds(v, &s->depend_term[d->must + i]);

        any = t != TRUTH_NO ? t : any;
    }
    if (any == TRUTH_YES && v->hits)
        v->hits[d->rule]++;
    return any != TRUTH_NO;
}

unsigned spec_check_depends(const struct spec *s, const struct spec_view *view)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < s->ndepend; i++) {
        const struct depend_row *d = &s->depend[i];

        if (!(d->who >> view->vendor & 1) || row_holds(s, view, d))
            continue;
        report(s, view, d);
        failed++;
    }
    return failed;
}
