/* SPDX-License-Identifier: MIT */
/* Strict reader: lines to cells, cells to numbers. Anything not understood is refused with its
 * line. */
#include "spec/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trapspec/bits.h"

bool reader_fail(struct reader *r, const char *fmt, ...)
{
    char reason[112];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    if (r->err) {
        r->err->code = TSP_EPARSE;
        r->err->line = r->line;
        snprintf(r->err->text, sizeof(r->err->text), "%.36s.csv: %s", r->file, reason);
    }
    return false;
}

const char *reader_keep(struct reader *r, const char *s)
{
    struct build *b = r->b;
    size_t n = strlen(s) + 1;
    char *at = b->pool + b->pool_used;

    if (n > SPEC_MAX_POOL - b->pool_used)
        return NULL;
    memcpy(at, s, n);
    b->pool_used += n;
    return at;
}

static int digit_of(char c, int base)
{
    int d = -1;

    if (c >= '0' && c <= '9')
        d = c - '0';
    else if (c >= 'a' && c <= 'f')
        d = c - 'a' + 10;
    return d < base ? d : -1;
}

bool parse_number(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    unsigned base = 10;

    if (s[0] == '0' && s[1] == 'x') {
        base = 16;
        s += 2;
    }
    if (!*s)
        return false;
    for (; *s; s++) {
        int d = digit_of(*s, (int)base);

        if (d < 0 || v > (UINT64_MAX - (unsigned)d) / base)
            return false;
        v = v * base + (unsigned)d;
    }
    *out = v;
    return v <= max;
}

bool parse_signed(const char *s, uint64_t *out)
{
    if (*s != '-')
        return parse_number(s, UINT64_MAX, out);
    if (!parse_number(s + 1, INT64_MAX, out))
        return false;
    *out = 0 - *out;
    return true;
}

bool parse_bits(const char *s, uint8_t *hi, uint8_t *lo)
{
    char part[12];
    const char *colon = strchr(s, ':');
    size_t n = colon ? (size_t)(colon - s) : strlen(s);
    uint64_t a, b;

    if (n == 0 || n >= sizeof(part))
        return false;
    memcpy(part, s, n);
    part[n] = 0;
    if (!parse_number(part, 31, &a) || !parse_number(colon ? colon + 1 : part, 31, &b) || a < b)
        return false;
    *hi = (uint8_t)a;
    *lo = (uint8_t)b;
    return true;
}

bool parse_word(const char *const *list, unsigned n, const char *s, unsigned *out)
{
    for (unsigned i = 0; i < n; i++) {
        if (list[i] && strcmp(list[i], s) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool parse_reg(const char *s, uint8_t *reg)
{
    static const char *const name[] = {"eax", "ebx", "ecx", "edx"};
    unsigned v = 0;

    if (!parse_word(name, 4, s, &v))
        return false;
    *reg = (uint8_t)v;
    return true;
}

/* ORDER: enum tsp_vendor */
static const char *const vendor_names[TSP_VENDOR_COUNT] = {"intel", "amd", "hygon", "centaur",
                                                           "other"};
/* ORDER: enum tsp_persona */
static const char *const persona_names[TSP_PERSONA_COUNT] = {"none",   "kvm",    "xen", "hyperv",
                                                             "vmware", "lguest", "vmi", "generic"};

bool parse_persona(const char *s, unsigned *out)
{
    return parse_word(persona_names, TSP_PERSONA_COUNT, s, out) && *out != TSP_PERSONA_NONE;
}

bool parse_vendors(const char *s, uint32_t *mask)
{
    char part[16];
    unsigned v = 0;

    *mask = 0;
    if (strcmp(s, "any") == 0) {
        *mask = (1u << TSP_VENDOR_COUNT) - 1;
        return true;
    }
    for (;;) {
        size_t n = strcspn(s, "+");

        if (n == 0 || n >= sizeof(part))
            return false;
        memcpy(part, s, n);
        part[n] = 0;
        if (!parse_word(vendor_names, TSP_VENDOR_COUNT, part, &v) || (*mask >> v & 1))
            return false;
        *mask |= 1u << v;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

bool parse_leaf(const char *s, uint32_t *leaf, uint8_t *relative)
{
    uint64_t v;

    *relative = strncmp(s, "hv+", 3) == 0;
    if (*relative)
        s += 3;
    if (strncmp(s, "0x", 2) != 0 || !parse_number(s, *relative ? 0xff : UINT32_MAX, &v))
        return false;
    *leaf = (uint32_t)v;
    return true;
}

/* LEAF.SUB.REG[hi:lo], SUB a number or `-`. */
bool parse_ref(const char *s, struct field_ref *ref)
{
    char part[4][16];
    unsigned n = 0;
    size_t len;
    uint64_t sub = REF_ANY_SUB;

    while (n < 3) {
        len = strcspn(s, n < 2 ? "." : "[");
        if (!s[len] || len == 0 || len >= sizeof(part[0]))
            return false;
        memcpy(part[n], s, len);
        part[n++][len] = 0;
        s += len + 1;
    }
    len = strcspn(s, "]");
    if (len == 0 || len >= sizeof(part[0]) || strcmp(s + len, "]") != 0)
        return false;
    memcpy(part[3], s, len);
    part[3][len] = 0;
    if (strcmp(part[1], "-") != 0 && !parse_number(part[1], REF_ANY_SUB - 1, &sub))
        return false;
    ref->sub = (uint32_t)sub;
    return parse_leaf(part[0], &ref->leaf, &ref->relative) && parse_reg(part[2], &ref->reg) &&
           parse_bits(part[3], &ref->hi, &ref->lo);
}

bool reader_add_text(struct reader *r, const struct row_text *t, uint16_t *index)
{
    struct build *b = r->b;
    struct row_text *to = &b->text[b->spec.ntext];

    if (b->spec.ntext == SPEC_MAX_RULE)
        return reader_fail(r, "more than %u rules", SPEC_MAX_RULE);
    for (unsigned i = 0; i < b->spec.ntext; i++)
        if (strcmp(b->text[i].id, t->id) == 0)
            return reader_fail(r, "id %.60s is used twice", t->id);
    *to = (struct row_text){
        .id = reader_keep(r, t->id),
        .table = t->table,
        .scope = reader_keep(r, t->scope),
        .when = reader_keep(r, t->when),
        .must = reader_keep(r, t->must),
        .pred = reader_keep(r, t->pred),
        .source = reader_keep(r, t->source),
        .note = reader_keep(r, t->note),
        .line = r->line,
    };
    if (!to->id || !to->scope || !to->when || !to->must || !to->pred || !to->source || !to->note)
        return reader_fail(r, "tables hold too much text");
    *index = (uint16_t)b->spec.ntext++;
    return true;
}

/* A source must be known before a row may cite it. */
static bool check_source(struct reader *r, const char *id)
{
    for (unsigned i = 0; i < r->b->spec.nsource; i++)
        if (strcmp(r->b->source[i].id, id) == 0)
            return true;
    return reader_fail(r, "unknown source '%.40s'", id);
}

bool source_row(struct reader *r)
{
    struct build *b = r->b;
    struct spec_source *s = &b->source[b->spec.nsource];

    for (unsigned i = 0; i < 5; i++)
        if (!r->cell[i][0])
            return reader_fail(r, "column %u is empty", i + 1);
    for (unsigned i = 0; i < b->spec.nsource; i++)
        if (strcmp(b->source[i].id, r->cell[0]) == 0)
            return reader_fail(r, "source %.60s is listed twice", r->cell[0]);
    if (b->spec.nsource == SPEC_MAX_SOURCE)
        return reader_fail(r, "more than %u sources", SPEC_MAX_SOURCE);
    s->id = reader_keep(r, r->cell[0]);
    s->title = reader_keep(r, r->cell[1]);
    s->revision = reader_keep(r, r->cell[2]);
    s->section = reader_keep(r, r->cell[3]);
    s->terms = reader_keep(r, r->cell[4]);
    if (!s->id || !s->title || !s->revision || !s->section || !s->terms)
        return reader_fail(r, "tables hold too much text");
    b->spec.nsource++;
    return true;
}

enum table_kind table_kind_of(const char *name)
{
    if (strcmp(name, "sources") == 0)
        return TABLE_SOURCES;
    if (strcmp(name, "opcodes") == 0)
        return TABLE_OPCODES;
    if (strcmp(name, "x86_leaves") == 0 || strncmp(name, "hv_", 3) == 0)
        return TABLE_FIELDS;
    if (strcmp(name, "x86_ranges") == 0 || strncmp(name, "calls_", 6) == 0 ||
        strncmp(name, "arm_", 4) == 0 || strcmp(name, "patch") == 0 ||
        strcmp(name, "policy") == 0 || strcmp(name, "race") == 0 || strcmp(name, "looks") == 0)
        return TABLE_RULES;
    if (strcmp(name, "depends") == 0)
        return TABLE_DEPENDS;
    return TABLE_UNKNOWN;
}

/* ORDER: enum table_kind. Columns, and which of them cites the source. */
static const struct {
    uint8_t columns, source;
} layout[TABLE_UNKNOWN] = {{5, 0}, {7, 5}, {8, 6}, {6, 4}, {6, 4}};

static char *trim(char *s, char *end)
{
    while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* Splits r->row. The last column takes the rest of the line, commas and all. */
static bool split(struct reader *r, size_t len, unsigned want)
{
    char *p = r->row, *end = r->row + len;

    for (r->ncell = 0; r->ncell + 1 < want; r->ncell++) {
        char *comma = memchr(p, ',', (size_t)(end - p));

        if (!comma)
            return reader_fail(r, "%u columns, not %u", r->ncell + 1, want);
        r->cell[r->ncell] = trim(p, comma);
        p = comma + 1;
    }
    r->cell[r->ncell++] = trim(p, end);
    return true;
}

static bool one_row(struct reader *r, enum table_kind kind, const char *table)
{
    unsigned at = layout[kind].source;

    if (at && !check_source(r, r->cell[at]))
        return false;
    switch (kind) {
    case TABLE_SOURCES:
        return source_row(r);
    case TABLE_OPCODES:
        return opcode_row(r);
    case TABLE_FIELDS:
        return field_row(r, table);
    case TABLE_DEPENDS:
        return depend_row(r, table);
    default:
        return rule_row(r, table);
    }
}

static bool one_line(struct reader *r, const char *p, size_t n, enum table_kind kind,
                     const char *table)
{
    size_t blank = 0;

    if (n && p[n - 1] == '\r')
        return reader_fail(r, "line ends in a carriage return");
    if (n > SPEC_MAX_LINE)
        return reader_fail(r, "line is longer than %u characters", SPEC_MAX_LINE);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < ' ' && p[i] != '\t')
            return reader_fail(r, "control character in column %zu", i + 1);
    while (blank < n && (p[blank] == ' ' || p[blank] == '\t'))
        blank++;
    if (blank == n || p[blank] == '#')
        return true;
    memcpy(r->row, p, n);
    r->row[n] = 0;
    return split(r, n, layout[kind].columns) && one_row(r, kind, table);
}

bool build_table(struct build *b, const char *name, const char *p, size_t n, struct tsp_error *err)
{
    struct reader r = {.b = b, .file = name, .err = err};
    enum table_kind kind = table_kind_of(name);
    unsigned first = b->spec.nfield;
    const char *kept = kind == TABLE_UNKNOWN ? NULL : reader_keep(&r, name);
    const char *end = p + n;

    if (!kept)
        return reader_fail(&r, "no table has this name");
    b->ntable++;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;

        r.line++;
        if (!one_line(&r, p, (size_t)(stop - p), kind, kept))
            return false;
        p = nl ? nl + 1 : end;
    }
    if (kind == TABLE_FIELDS)
        return field_finish(&r, first);
    if (kind == TABLE_DEPENDS)
        return depend_finish(&r);
    return true;
}
