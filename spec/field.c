/* SPDX-License-Identifier: MIT */
/* Field tables: one row per bit range of a CPUID register, which together must tile each register.
 */
#include "spec/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trapspec/bits.h"

static const char *const reg_names[] = {"eax", "ebx", "ecx", "edx"};

/* ORDER: enum dyn_name */
static const char *const dyn_names[DYN_COUNT] = {NULL,
                                                 "osxsave",
                                                 "ospke",
                                                 "apic-enabled",
                                                 "apic-id",
                                                 "x2apic-id",
                                                 "xsave-size",
                                                 "xsave-compact-size",
                                                 "echo-ecx",
                                                 "mwait",
                                                 "syscall-mode",
                                                 "pv-unhalt",
                                                 "tsc-invariant",
                                                 "vcpu-id",
                                                 "tsx"};

bool dyn_find(const char *name, uint8_t *out)
{
    unsigned v = 0;

    if (!parse_word(dyn_names, DYN_COUNT, name, &v))
        return false;
    *out = (uint8_t)v;
    return true;
}

/* 32 characters of 0, 1 and x, bit 31 first. */
static bool parse_pattern(const char *s, struct field_row *f)
{
    if (strspn(s, "01x") != 32 || s[32])
        return false;
    for (unsigned i = 0; i < 32; i++) {
        f->value |= (uint32_t)(s[i] == '1') << (31 - i);
        f->zero |= (uint32_t)(s[i] == '0') << (31 - i);
    }
    f->kind = FIELD_BITS;
    f->hi = 31;
    f->lo = 0;
    return true;
}

static bool parse_sub(struct reader *r, const char *s, struct field_row *f)
{
    char part[16];
    const char *dots = strstr(s, "..");
    size_t n = dots ? (size_t)(dots - s) : strlen(s);
    uint64_t lo, hi = UINT32_MAX;

    f->indexed = strcmp(s, "-") != 0;
    f->sub_hi = UINT32_MAX;
    if (!f->indexed)
        return true;
    if (n == 0 || n >= sizeof(part))
        return reader_fail(r, "bad sub-leaf '%.20s'", s);
    memcpy(part, s, n);
    part[n] = 0;
    if (!parse_number(part, UINT32_MAX, &lo))
        return reader_fail(r, "bad sub-leaf '%.20s'", s);
    if (!dots)
        hi = lo;
    else if (dots[2] && (!parse_number(dots + 2, UINT32_MAX, &hi) || hi < lo))
        return reader_fail(r, "bad sub-leaf '%.20s'", s);
    f->sub_lo = (uint32_t)lo;
    f->sub_hi = (uint32_t)hi;
    return true;
}

/* Text in a register: first character in the lowest byte, rest zero. */
static bool parse_ascii(const char *s, struct field_row *f)
{
    size_t n = strlen(s);

    if (n == 0 || n > 4 || f->hi != 31 || f->lo != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        f->value |= (uint32_t)(unsigned char)s[i] << (8 * i);
    return true;
}

static bool parse_value(const char *s, struct field_row *f)
{
    uint64_t v;

    f->value_relative = strncmp(s, "hv+", 3) == 0;
    if (!parse_number(f->value_relative ? s + 3 : s, bits_mask(f->hi - f->lo + 1u), &v))
        return false;
    f->value = (uint32_t)v;
    return true;
}

static bool rule_with_value(struct reader *r, const char *name, size_t n, const char *arg,
                            struct field_row *f)
{
    bool ok = false;

    if (n == 2 && memcmp(name, "eq", n) == 0) {
        f->kind = FIELD_EQ;
        ok = parse_value(arg, f);
    } else if (n == 3 && memcmp(name, "max", n) == 0) {
        f->kind = FIELD_MAX;
        ok = parse_value(arg, f);
    } else if (n == 5 && memcmp(name, "ascii", n) == 0) {
        f->kind = FIELD_EQ;
        ok = parse_ascii(arg, f);
    } else if (n == 3 && memcmp(name, "dyn", n) == 0) {
        f->kind = FIELD_DYN;
        if (!dyn_find(arg, &f->dyn))
            return reader_fail(r, "unknown dyn name '%.30s'", arg);
        ok = true;
    } else if (n == 4 && memcmp(name, "same", n) == 0) {
        f->kind = FIELD_SAME;
        ok = parse_ref(arg, &f->same) && f->same.hi - f->same.lo == f->hi - f->lo;
    } else {
        return reader_fail(r, "unknown rule '%.40s'", name);
    }
    return ok || reader_fail(r, "bad value in rule '%.40s'", name);
}

static bool parse_rule(struct reader *r, const char *s, struct field_row *f)
{
    static const char *const plain[] = {"zero", "one", "any", "feat"};
    const char *colon = strchr(s, ':');
    unsigned v = 0;

    if (colon)
        return rule_with_value(r, s, (size_t)(colon - s), colon + 1, f);
    if (!parse_word(plain, 4, s, &v))
        return reader_fail(r, "unknown rule '%.40s'", s);
    f->kind = (uint8_t)(FIELD_ZERO + v);
    return true;
}

/* x86_leaves name vendors; every other field table a persona. */
static bool parse_scope(struct reader *r, const char *table, struct field_row *f)
{
    unsigned persona = 0;

    if (strcmp(table, "x86_leaves") == 0) {
        if (f->relative)
            return reader_fail(r, "hv+ leaves belong to a hv_ table");
        return parse_vendors(r->cell[0], &f->who) ||
               reader_fail(r, "unknown vendor in '%.40s'", r->cell[0]);
    }
    if (!parse_persona(r->cell[0], &persona))
        return reader_fail(r, "unknown persona '%.40s'", r->cell[0]);
    f->persona = (uint8_t)persona;
    f->who = 1u << persona;
    return true;
}

/* leaf, sub, reg, hi: ascending but for the bits; rows of several vendors share a place. */
static int row_order(const struct field_row *a, const struct field_row *b)
{
    uint64_t ka[5] = {!a->relative, a->leaf, a->indexed ? a->sub_lo + 1ull : 0, a->reg,
                      31u - a->hi};
    uint64_t kb[5] = {!b->relative, b->leaf, b->indexed ? b->sub_lo + 1ull : 0, b->reg,
                      31u - b->hi};

    for (unsigned i = 0; i < 5; i++)
        if (ka[i] != kb[i])
            return ka[i] < kb[i] ? -1 : 1;
    return 0;
}

static bool add_row(struct reader *r, const char *table, const struct field_row *f)
{
    struct build *b = r->b;
    char id[140], when[100];
    char *bits = r->cell[4], *rule = r->cell[5];
    struct row_text t = {.id = id,
                         .table = table,
                         .scope = r->cell[0],
                         .when = when,
                         .must = rule,
                         .source = r->cell[6],
                         .note = r->cell[7]};
    char pred[12];
    size_t n = strcspn(rule, ":");

    if (strlen(r->cell[0]) > 60)
        return reader_fail(r, "scope is too long");
    if (f->kind == FIELD_BITS) {
        t.must = bits;
        snprintf(when, sizeof(when), "%.12s %.24s %s[31:0]", r->cell[1], r->cell[2], r->cell[3]);
    } else {
        snprintf(when, sizeof(when), "%.12s %.24s %s[%.6s]", r->cell[1], r->cell[2], r->cell[3],
                 bits);
    }
    snprintf(id, sizeof(id), "%.60s:%.12s%s%.24s.%s[%.6s]", r->cell[0], r->cell[1],
             f->indexed ? "." : "", f->indexed ? r->cell[2] : "", r->cell[3],
             f->kind == FIELD_BITS ? "31:0" : bits);
    snprintf(pred, sizeof(pred), "%.*s", (int)(n < 8 ? n : 8), rule);
    t.pred = pred;
    b->field[b->spec.nfield] = *f;
    if (!reader_add_text(r, &t, &b->field[b->spec.nfield].rule))
        return false;
    b->spec.nfield++;
    return true;
}

/* scope, leaf, sub, reg, bits, rule, source, note */
bool field_row(struct reader *r, const char *table)
{
    struct build *b = r->b;
    struct field_row f = {0};
    const struct field_row *prev = b->spec.nfield ? &b->field[b->spec.nfield - 1] : NULL;

    if (b->spec.nfield != b->spec.ntext)
        return reader_fail(r, "field tables must come before rule tables");
    if (!parse_leaf(r->cell[1], &f.leaf, &f.relative))
        return reader_fail(r, "bad leaf '%.20s'", r->cell[1]);
    if (!parse_scope(r, table, &f) || !parse_sub(r, r->cell[2], &f))
        return false;
    if (!parse_reg(r->cell[3], &f.reg))
        return reader_fail(r, "unknown register '%.20s'", r->cell[3]);
    if (strcmp(r->cell[5], "bits") == 0) {
        if (!parse_pattern(r->cell[4], &f))
            return reader_fail(r, "not 32 characters of 0, 1 and x");
    } else if (!parse_bits(r->cell[4], &f.hi, &f.lo)) {
        return reader_fail(r, "bad bit range '%.20s'", r->cell[4]);
    } else if (!parse_rule(r, r->cell[5], &f)) {
        return false;
    }
    if (prev && b->text[prev->rule].table == table && row_order(prev, &f) > 0)
        return reader_fail(r, "row is out of order (leaf, sub, register, bits downwards)");
    return add_row(r, table, &f);
}

/* Masks of one row joined to its record; `special` rows need code. */
static bool row_is_special(const struct field_row *f)
{
    return f->kind == FIELD_MAX || f->kind == FIELD_DYN || f->kind == FIELD_SAME ||
           (f->kind == FIELD_EQ && f->value_relative);
}

static void join_masks(struct leaf_rec *rec, const struct field_row *f)
{
    uint32_t m = (uint32_t)(bits_mask(f->hi - f->lo + 1u) << f->lo);
    uint32_t v = (uint32_t)((uint64_t)f->value << f->lo);

    switch (f->kind) {
    case FIELD_ZERO:
        rec->zero[f->reg] |= m;
        break;
    case FIELD_ONE:
        rec->one[f->reg] |= m;
        break;
    case FIELD_BITS:
        rec->one[f->reg] |= f->value;
        rec->zero[f->reg] |= f->zero;
        break;
    case FIELD_EQ:
        if (!f->value_relative) {
            rec->one[f->reg] |= v;
            rec->zero[f->reg] |= m & ~v;
        }
        break;
    case FIELD_DYN:
        rec->run[f->reg] |= m;
        if (f->dyn == DYN_TSX)
            rec->clears[f->reg] |= m;
        break;
    default:
        break;
    }
}

static bool rec_push(struct reader *r, unsigned row)
{
    struct build *b = r->b;

    if (b->spec.nrec_row == SPEC_MAX_REC_ROW)
        return reader_fail(r, "too many rows for %u vendors", TSP_VENDOR_COUNT);
    b->rec_row[b->spec.nrec_row++] = (uint16_t)row;
    return true;
}

static unsigned who_of(const struct field_row *f, unsigned bit)
{
    if (f->persona == 0)
        return bit;
    return (f->relative ? SPEC_WHO_RELATIVE : SPEC_WHO_ABSOLUTE) + f->persona;
}

/* Rows first..last-1 (one leaf and sub-leaf) for one vendor or persona: they tile, or are not
 * there. */
static bool make_rec(struct reader *r, unsigned first, unsigned last, unsigned bit)
{
    struct build *b = r->b;
    const struct field_row *f = &b->field[first];
    struct leaf_rec *rec = &b->rec[b->spec.nrec];
    uint32_t cover[4] = {0};

    if (b->spec.nrec == SPEC_MAX_REC)
        return reader_fail(r, "more than %u leaf records", SPEC_MAX_REC);
    *rec = (struct leaf_rec){.leaf = f->leaf,
                             .sub_lo = f->sub_lo,
                             .sub_hi = f->sub_hi,
                             .who = (uint8_t)who_of(f, bit),
                             .indexed = f->indexed,
                             .row = b->spec.nrec_row};
    for (unsigned i = first; i < last; i++) {
        const struct field_row *g = &b->field[i];
        uint32_t m = (uint32_t)(bits_mask(g->hi - g->lo + 1u) << g->lo);

        if (!(g->who >> bit & 1))
            continue;
        r->line = b->text[g->rule].line;
        if (g->sub_hi != f->sub_hi)
            return reader_fail(r, "sub-leaves overlap");
        if (cover[g->reg] & m)
            return reader_fail(r, "%s bits are described twice", reg_names[g->reg]);
        cover[g->reg] |= m;
        join_masks(rec, g);
        if (!rec_push(r, i))
            return false;
    }
    rec->nrow = b->spec.nrec_row - rec->row;
    if (rec->nrow == 0)
        return true;
    for (unsigned i = 0; i < 4; i++)
        if (cover[i] != UINT32_MAX)
            return reader_fail(r, "leaf 0x%x: %s lacks bits 0x%08x", f->leaf, reg_names[i],
                               ~cover[i]);
    rec->special = b->spec.nrec_row;
    for (unsigned i = rec->row; i < rec->special; i++)
        if (row_is_special(&b->field[b->rec_row[i]]) && !rec_push(r, b->rec_row[i]))
            return false;
    rec->nspecial = b->spec.nrec_row - rec->special;
    b->spec.nrec++;
    return true;
}

/* A leaf either heeds its sub-leaf or does not, and no sub-leaf is described twice. */
static bool check_subs(struct reader *r, unsigned first_rec)
{
    struct build *b = r->b;

    for (unsigned i = first_rec; i < b->spec.nrec; i++) {
        const struct leaf_rec *a = &b->rec[i];

        for (unsigned k = i + 1; k < b->spec.nrec; k++) {
            const struct leaf_rec *c = &b->rec[k];

            if (c->who != a->who || c->leaf != a->leaf)
                continue;
            r->line = b->text[b->field[b->rec_row[c->row]].rule].line;
            if (a->indexed != c->indexed)
                return reader_fail(r, "leaf 0x%x both honours and ignores its sub-leaf", a->leaf);
            if (a->sub_lo <= c->sub_hi && c->sub_lo <= a->sub_hi)
                return reader_fail(r, "sub-leaves of leaf 0x%x overlap", a->leaf);
        }
    }
    return true;
}

bool field_finish(struct reader *r, unsigned first)
{
    struct build *b = r->b;
    unsigned first_rec = b->spec.nrec, last;

    for (; first < b->spec.nfield; first = last) {
        const struct field_row *f = &b->field[first];

        for (last = first + 1; last < b->spec.nfield; last++) {
            const struct field_row *g = &b->field[last];

            if (g->leaf != f->leaf || g->relative != f->relative || g->indexed != f->indexed ||
                g->sub_lo != f->sub_lo)
                break;
        }
        for (unsigned bit = 0; bit < TSP_PERSONA_COUNT; bit++)
            if (!make_rec(r, first, last, bit))
                return false;
    }
    return check_subs(r, first_rec);
}
