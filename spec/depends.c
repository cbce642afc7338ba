/* SPDX-License-Identifier: MIT */
/* depends.csv: fields of one machine that need each other, or agree. Reader. */
#include "spec/build.h"

#include <stdio.h>
#include <string.h>

static bool parse_operand(struct field_ref ref[2], uint8_t *n, char *text)
{
    char *plus = strchr(text, '+');

    /* "hv+" is no sum */
    if (plus && plus - text == 2 && strncmp(text, "hv", 2) == 0)
        return false;
    *n = plus ? 2 : 1;
    if (plus)
        *plus = 0;
    return parse_ref(text, &ref[0]) && (!plus || parse_ref(plus + 1, &ref[1]));
}

/* REF, REF+REF, REF+NUMBER or REF-NUMBER: the right side of a comparison. */
static bool parse_right(struct depend_term *t, char *text)
{
    char *end = strchr(text, ']');
    uint64_t number = 0;

    if (end && (end[1] == '+' || end[1] == '-') && parse_number(end + 2, INT32_MAX, &number)) {
        t->number = end[1] == '+' ? (uint32_t)number : 0u - (uint32_t)number;
        end[1] = 0;
    }
    return parse_operand(t->right, &t->nright, text);
}

/* REF, !REF, ~REF, or OPERAND OP OPERAND without blanks. */
static bool parse_term(struct reader *r, char *text, struct depend_term *t)
{
    static const struct {
        const char *text;
        enum depend_op op;
    } ops[] = {{"<=", DEPEND_LE}, {">=", DEPEND_GE}, {"!=", DEPEND_NE},
               {"=", DEPEND_EQ},  {"<", DEPEND_LT},  {">", DEPEND_GT}};
    uint64_t number = 0;
    char *at = NULL, whole[80];
    bool ok;

    snprintf(whole, sizeof(whole), "%s", text);
    *t = (struct depend_term){.op = DEPEND_SET};
    for (unsigned i = 0; i < 6 && !at; i++) {
        at = strstr(text, ops[i].text);
        if (!at)
            continue;
        t->op = (uint8_t)ops[i].op;
        *at = 0;
        at += strlen(ops[i].text);
    }
    if (!at && (*text == '!' || *text == '~'))
        t->op = *text++ == '!' ? DEPEND_CLEAR : DEPEND_TOO;
    ok = parse_operand(t->left, &t->nleft, text) && (at || t->nleft == 1);
    if (ok && at && parse_number(at, UINT32_MAX, &number))
        t->number = (uint32_t)number;
    else if (ok && at)
        ok = parse_right(t, at);
    return ok || reader_fail(r, "bad term '%.60s'", whole);
}

static bool parse_terms(struct reader *r, char *text, const char *between, uint16_t *first,
                        uint16_t *n)
{
    struct build *b = r->b;

    *first = (uint16_t)b->spec.ndepend_term;
    while (*text) {
        size_t len = strcspn(text, between);
        char *next = text + len + (text[len] != 0);

        text[len] = 0;
        if (len) {
            if (b->spec.ndepend_term == SPEC_MAX_DEPEND_TERM)
                return reader_fail(r, "too many terms");
            if (!parse_term(r, text, &b->depend_term[b->spec.ndepend_term]))
                return false;
            b->spec.ndepend_term++;
        }
        text = next;
    }
    *n = (uint16_t)(b->spec.ndepend_term - *first);
    return *n > 0 || reader_fail(r, "no term");
}

/* id, scope, when, must, source, note */
bool depend_row(struct reader *r, const char *table)
{
    struct build *b = r->b;
    struct depend_row *d = &b->depend[b->spec.ndepend];
    struct row_text text = {.id = r->cell[0],
                            .table = table,
                            .scope = r->cell[1],
                            .when = r->cell[2],
                            .must = r->cell[3],
                            .pred = "depends",
                            .source = r->cell[4],
                            .note = r->cell[5]};
    uint32_t who;

    if (b->spec.ndepend == SPEC_MAX_DEPEND)
        return reader_fail(r, "more than %u dependencies", SPEC_MAX_DEPEND);
    if (!rule_check_id(r, r->cell[0]))
        return false;
    if (!parse_vendors(r->cell[1], &who))
        return reader_fail(r, "unknown vendor in '%.40s'", r->cell[1]);
    *d = (struct depend_row){.who = (uint8_t)who};
    /* The text is kept before the cells are cut up. */
    if (!reader_add_text(r, &text, &d->rule) ||
        !parse_terms(r, r->cell[2], " ", &d->when, &d->nwhen) ||
        !parse_terms(r, r->cell[3], "|", &d->must, &d->nmust))
        return false;
    b->spec.ndepend++;
    return true;
}

static bool same_field(const struct field_ref *a, const struct field_ref *b)
{
    return a->leaf == b->leaf && a->sub == b->sub && a->reg == b->reg && a->hi == b->hi &&
           a->lo == b->lo;
}

/* The row says that one field needs another: both tested for being set, nothing compared. */
static bool is_need(const struct spec *s, const struct depend_row *d)
{
    const struct depend_term *t = &s->depend_term[d->when];

    if (t->op != DEPEND_SET)
        return false;
    for (unsigned i = 0; i < d->nmust; i++)
        if (s->depend_term[d->must + i].op != DEPEND_SET)
            return false;
    return true;
}

/* Does a row of `who` from the feature lead back to row `start`? state: 0 not seen, 1 on the way, 2
 * done. Rows are the nodes, so the depth is bounded by their number. */
static bool leads_back(const struct build *b, unsigned row, unsigned vendor, uint8_t *state)
{
    const struct spec *s = &b->spec;
    const struct depend_row *d = &s->depend[row];

    state[row] = 1;
    for (unsigned m = 0; m < d->nmust; m++) {
        const struct field_ref *need = &s->depend_term[d->must + m].left[0];

        for (unsigned i = 0; i < s->ndepend; i++) {
            const struct depend_row *e = &s->depend[i];

            if (!(e->who >> vendor & 1) || state[i] == 2 || !is_need(s, e) ||
                !same_field(need, &s->depend_term[e->when].left[0]))
                continue;
            if (state[i] == 1 || leads_back(b, i, vendor, state))
                return true;
        }
    }
    state[row] = 2;
    return false;
}

bool depend_finish(struct reader *r)
{
    static uint8_t state[SPEC_MAX_DEPEND];
    const struct spec *s = &r->b->spec;

    for (unsigned v = 0; v < TSP_VENDOR_COUNT; v++) {
        memset(state, 0, sizeof(state));
        for (unsigned i = 0; i < s->ndepend; i++) {
            if (state[i] || !(s->depend[i].who >> v & 1) || !is_need(s, &s->depend[i]))
                continue;
            if (leads_back(r->b, i, v, state)) {
                r->line = r->b->text[s->depend[i].rule].line;
                return reader_fail(r, "%.40s: a feature that needs itself",
                                   r->b->text[s->depend[i].rule].id);
            }
        }
    }
    return true;
}

static struct spec_place place_of(const struct field_ref *ref)
{
    return (struct spec_place){.leaf = ref->leaf,
                               .sub = ref->sub == REF_ANY_SUB ? 0 : ref->sub,
                               .reg = ref->reg,
                               .hi = ref->hi,
                               .lo = ref->lo};
}

bool spec_edge_at(const struct spec *s, unsigned i, struct spec_place *from, struct spec_place *to,
                  uint32_t *vendors, unsigned *rule)
{
    for (unsigned k = 0; k < s->ndepend; k++) {
        const struct depend_row *d = &s->depend[k];
        const struct field_ref *a = &s->depend_term[d->when].left[0];
        const struct field_ref *b = &s->depend_term[d->must].left[0];

        if (d->nwhen != 1 || d->nmust != 1 || !is_need(s, d) || a->hi != a->lo || b->hi != b->lo)
            continue;
        if (i-- > 0)
            continue;
        *from = place_of(a);
        *to = place_of(b);
        *vendors = d->who;
        *rule = d->rule;
        return true;
    }
    return false;
}
