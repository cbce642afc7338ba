/* SPDX-License-Identifier: MIT */
/* Rule tables: conditions become allowed facts and numeric ranges, `must` becomes a list of
 * predicates. */
#define _POSIX_C_SOURCE 200809L /* strtok_r */

#include "spec/build.h"
#include "spec/facts.h"
#include "spec/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_version(const char *s, uint64_t *out)
{
    /* major.minor of PSCI, one digit each, as tsp_setup.psci keeps it */
    if (s[0] < '0' || s[0] > '9' || s[1] != '.' || s[2] < '0' || s[2] > '9' || s[3])
        return false;
    *out = (uint64_t)(s[0] - '0') << 4 | (uint64_t)(s[2] - '0');
    return true;
}

static bool cond_number(const struct cond *c, const char *s, uint64_t *out)
{
    static const char *const stop_like[] = {"system", "cpu"};
    unsigned v = 0;

    if (c->field == COND_PSCI)
        return parse_version(s, out);
    if (c->field == COND_INFO && parse_word(stop_like, 2, s, &v)) {
        *out = v == 0; /* SUSPEND stops: 1 for the system call */
        return true;
    }
    return parse_signed(s, out);
}

/* V or A..B, appended to the condition's ranges. */
static bool add_span(struct reader *r, struct cond *c, char *s)
{
    struct build *b = r->b;
    struct cond_span *span = &b->span[b->spec.nspan];
    char *dots = strstr(s, "..");

    if (b->spec.nspan == SPEC_MAX_SPAN)
        return reader_fail(r, "more than %u values in conditions", SPEC_MAX_SPAN);
    if (dots) {
        *dots = 0;
        if (!cond_number(c, s, &span->lo) || !cond_number(c, dots + 2, &span->hi) ||
            span->lo > span->hi)
            return reader_fail(r, "bad range '%.20s..%.20s'", s, dots + 2);
    } else {
        if (!cond_number(c, s, &span->lo))
            return reader_fail(r, "bad number '%.30s'", s);
        span->hi = span->lo;
    }
    b->spec.nspan++;
    c->nspan++;
    return true;
}

/* Splits off the alternatives of a value: a|b|c. */
static char *next_value(char **at)
{
    char *s = *at;

    if (s) {
        *at = strchr(s, '|');
        if (*at)
            *(*at)++ = 0;
    }
    return s;
}

/* Values that are more than numbers. */
static bool special_value(struct cond *c, const char *value)
{
    uint64_t n;

    if (c->field == COND_A0 && strncmp(value, "ram:", 4) == 0 &&
        parse_number(value + 4, 4096, &n)) {
        c->field = COND_A0_RAM;
        c->mask = n;
        return true;
    }
    if (c->field == COND_A1 && strcmp(value, "wraps") == 0) {
        c->field = COND_A1_WRAP;
        return true;
    }
    return false;
}

static bool cond_add(struct reader *r, const struct cond *proto, char *value, struct trap_rule *t)
{
    struct build *b = r->b;
    struct cond *c = &b->cond[b->spec.ncond];
    char *at = value;

    if (b->spec.ncond == SPEC_MAX_COND)
        return reader_fail(r, "more than %u conditions", SPEC_MAX_COND);
    *c = *proto;
    c->span = (uint16_t)b->spec.nspan;
    if (c->field >= COND_KVM ||
        !(c->field >= COND_XEN ? xen_cond_is_special(c) : special_value(c, value)))
        for (char *v = next_value(&at); v; v = next_value(&at))
            if (!add_span(r, c, v))
                return false;
    b->spec.ncond++;
    t->ncond++;
    return true;
}

static bool cond_numeric(struct reader *r, char *key, bool negate, char *value, struct trap_rule *t)
{
    struct cond c = {.mask = UINT64_MAX, .negate = negate};
    char *amp = strchr(key, '&');
    unsigned v = 0;

    if (strchr(key, '[')) {
        if (!parse_ref(key, &c.ref))
            return reader_fail(r, "bad field '%.40s'", key);
        c.field = COND_POLICY;
        return cond_add(r, &c, value, t);
    }
    if (amp) {
        *amp = 0;
        if (!parse_number(amp + 1, UINT64_MAX, &c.mask))
            return reader_fail(r, "bad mask '%.20s'", amp + 1);
    }
    if (hv_cond_parse(key, &c) || kvm_cond_parse(key, &c) || xen_cond_parse(key, value, &c))
        return cond_add(r, &c, value, t);
    if (!parse_word(cond_names, COND_A0_RAM, key, &v))
        return reader_fail(r, "unknown condition '%.40s'", key);
    c.field = (uint8_t)v;
    return cond_add(r, &c, value, t);
}

static bool cond_group(struct reader *r, const struct fact_place *g, bool negate, char *value,
                       struct trap_rule *t)
{
    const char *const *names = g->value ? g->value : r->b->insn;
    unsigned n = g->value ? g->n : r->b->spec.ninsn, v = 0;
    uint64_t all = ((uint64_t)1 << g->n) - 1, mask = 0;
    char *at = value;

    for (char *s = next_value(&at); s; s = next_value(&at)) {
        if (!parse_word(names, n, s, &v))
            return reader_fail(r, "unknown value '%.30s' of condition %s", s, g->name);
        mask |= (uint64_t)1 << v;
    }
    if (negate)
        mask = all & ~mask;
    if ((t->allow[g->word] >> g->first & all) != all)
        return reader_fail(r, "condition %s is given twice", g->name);
    t->allow[g->word] &= ~((all & ~mask) << g->first);
    return true;
}

static bool cond_one(struct reader *r, char *word, struct trap_rule *t)
{
    char *op = strpbrk(word, "=>");
    char zero[] = ">0";
    const char *key = word;
    char *value;
    bool negate;

    if (strcmp(word, "otherwise") == 0) {
        t->otherwise = 1;
        return true;
    }
    if (!op || op == word)
        return reader_fail(r, "unknown condition '%.40s'", word);
    negate = op[0] == '=' && op[-1] == '!';
    if (op[0] == '>') {
        /* cpl>0 and el>0 are read as the value ">0" */
        if (strcmp(op, zero) != 0)
            return reader_fail(r, "unknown condition '%.40s'", word);
        value = zero;
    } else {
        value = op + 1;
    }
    op[negate ? -1 : 0] = 0;
    if (!*value || !*word)
        return reader_fail(r, "condition '%.40s' lacks a name or a value", word);
    t->weight++;
    if (strcmp(key, "el") == 0)
        key = "cpl";
    for (unsigned i = 0; i < FACT_GROUPS; i++)
        if (strcmp(fact_groups[i].name, key) == 0)
            return cond_group(r, &fact_groups[i], negate, value, t);
    return cond_numeric(r, word, negate, value, t);
}

bool cond_parse(struct reader *r, char *text, struct trap_rule *t)
{
    char *save = NULL;

    memset(t->allow, 0xff, sizeof(t->allow));
    t->cond = (uint16_t)r->b->spec.ncond;
    for (char *w = strtok_r(text, " \t", &save); w; w = strtok_r(NULL, " \t", &save))
        if (!cond_one(r, w, t))
            return false;
    if ((t->allow[0] & ((1u << SPEC_BUCKETS) - 1)) == (1u << SPEC_BUCKETS) - 1)
        return reader_fail(r, "no event= condition");
    return true;
}

static bool pred_hex(const char *s, struct pred_use *p)
{
    size_t n = strlen(s);

    if (n < 2 || n > (size_t)2 * SPEC_MAX_ARG || n % 2 || strspn(s, "0123456789abcdef") != n)
        return false;
    for (size_t i = 0; i < n / 2; i++) {
        char pair[3] = {s[2 * i], s[2 * i + 1], 0};

        p->arg[i] = strtoul(pair, NULL, 16);
    }
    p->narg = (uint8_t)(n / 2);
    return true;
}

static bool pred_names(const struct pred_def *d, char *s, struct pred_use *p)
{
    static const char *const what[] = {"pvtime", "fw_vendor", "exit_ret"};
    const struct fact_place *stop = &fact_groups[FACT_STOP];
    char *at = s;
    unsigned v = 0;

    for (char *w = next_value(&at); w; w = next_value(&at)) {
        bool ok = d->kind == PRED_STOP ? parse_word(stop->value, stop->n, w, &v)
                                       : parse_word(what, 3, w, &v);

        if (!ok || p->narg == SPEC_MAX_ARG)
            return false;
        p->arg[p->narg++] = v;
    }
    return true;
}

static bool pred_ints(char *s, struct pred_use *p)
{
    char *at = *s ? s : NULL;

    for (char *w = next_value(&at); w; w = next_value(&at))
        if (p->narg == SPEC_MAX_ARG || !parse_signed(w, &p->arg[p->narg++]))
            return false;
    return true;
}

static bool pred_args(const struct pred_def *d, char *s, struct pred_use *p)
{
    bool ok;

    if (d->kind == PRED_HEX)
        ok = pred_hex(s, p);
    else if (d->kind == PRED_STOP || d->kind == PRED_WHAT)
        ok = pred_names(d, s, p);
    else
        ok = pred_ints(s, p);
    return ok && p->narg >= d->min && p->narg <= d->max;
}

/* name or name(args), arguments separated by | because columns are by commas */
static bool pred_one(struct reader *r, char *word, struct trap_rule *t)
{
    struct build *b = r->b;
    struct pred_use *p = &b->pred[b->spec.npred];
    char none[] = "";
    char *open = strchr(word, '('), *args = none;
    size_t n = strlen(word);

    if (b->spec.npred == SPEC_MAX_PRED)
        return reader_fail(r, "more than %u predicates", SPEC_MAX_PRED);
    *p = (struct pred_use){.fn = 0};
    if (open) {
        if (word[n - 1] != ')')
            return reader_fail(r, "predicate '%.40s' lacks its ')'", word);
        word[n - 1] = 0;
        *open = 0;
        args = open + 1;
    }
    for (unsigned i = 0; i < pred_def_count; i++) {
        if (strcmp(pred_defs[i].name, word) != 0)
            continue;
        p->fn = (uint8_t)i;
        if (!pred_args(&pred_defs[i], args, p))
            return reader_fail(r, "bad arguments of predicate %s", word);
        b->spec.npred++;
        t->npred++;
        return true;
    }
    return reader_fail(r, "unknown predicate '%.40s'", word);
}

bool pred_parse(struct reader *r, char *text, struct trap_rule *t)
{
    char *save = NULL;

    t->pred = (uint16_t)r->b->spec.npred;
    for (char *w = strtok_r(text, " \t", &save); w; w = strtok_r(NULL, " \t", &save))
        if (!pred_one(r, w, t))
            return false;
    return t->npred > 0 || reader_fail(r, "no predicate");
}

/* `any`, or personas joined with `+` of which the set-up must offer one; `none` is a set-up that
 * offers none. */
static bool parse_scopes(struct reader *r, const char *s, struct trap_rule *t)
{
    char part[16];
    unsigned persona = 0;

    t->scope = 0;
    while (strcmp(s, "any") != 0) {
        size_t n = strcspn(s, "+");

        if (n == 0 || n >= sizeof(part))
            return reader_fail(r, "unknown persona '%.40s'", s);
        memcpy(part, s, n);
        part[n] = 0;
        if (strcmp(part, "none") == 0)
            persona = TSP_PERSONA_NONE;
        else if (!parse_persona(part, &persona))
            return reader_fail(r, "unknown persona '%.40s'", part);
        t->scope |= (uint16_t)(1u << persona);
        if (!s[n])
            return true;
        s += n + 1;
    }
    return t->scope == 0 || reader_fail(r, "any stands alone");
}

bool rule_check_id(struct reader *r, const char *id)
{
    size_t n = strlen(id);

    if (n < 3 || n > 40 ||
        strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != n)
        return reader_fail(r, "bad rule id '%.50s'", id);
    return true;
}

/* id, scope, when, must, source, note */
bool rule_row(struct reader *r, const char *table)
{
    struct build *b = r->b;
    struct trap_rule *t = &b->trap[b->spec.ntrap];
    char pred[32];
    struct row_text text = {.id = r->cell[0],
                            .table = table,
                            .scope = r->cell[1],
                            .when = r->cell[2],
                            .must = r->cell[3],
                            .source = r->cell[4],
                            .note = r->cell[5],
                            .pred = pred};

    if (b->spec.ntrap == SPEC_MAX_TRAP)
        return reader_fail(r, "more than %u rules of events", SPEC_MAX_TRAP);
    *t = (struct trap_rule){.table = b->ntable};
    snprintf(pred, sizeof(pred), "%.*s", (int)strcspn(r->cell[3], "( \t"), r->cell[3]);
    if (!rule_check_id(r, r->cell[0]) || !parse_scopes(r, r->cell[1], t) ||
        !reader_add_text(r, &text, &t->rule))
        return false;
    /* The cells are cut up from here on; what people see was kept above. */
    if (!cond_parse(r, r->cell[2], t) || !pred_parse(r, r->cell[3], t))
        return false;
    b->spec.ntrap++;
    return true;
}
