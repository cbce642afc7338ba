/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* strchrnul */
#include "cli/explained.h"
#include "fuzz/input/names.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAX 96u
#define TERM_MAX 8u

#define LIMIT16 0xffffu
#define LIMIT32 0xffffffffu
#define INSN_MAX 15u

/* What a difference is made of. */
struct found {
    const struct scenario *s;
    const struct side_result *r;
    bool small;
};

struct term;
typedef bool term_holds(const struct term *t, const struct found *f);

struct term {
    term_holds *holds;
    const char *value; /* behind '='; "" without one */
    bool inverted;     /* written != or ! */
};

struct explained {
    char *text;
    unsigned n;
    struct {
        const char *why;
        bool each; /* about single differences */
        unsigned nterm;
        struct term term[TERM_MAX];
    } row[ROW_MAX];
};

/* "a|b|c" has the word. */
static bool one_of(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (*list != 0) {
        const char *end = strchrnul(list, '|');

        if ((size_t)(end - list) == n && memcmp(list, word, n) == 0)
            return true;
        list = *end == 0 ? end : end + 1;
    }
    return false;
}

/* "out.x*|mem" has a glob for the field. */
static bool one_of_globs(const char *list, const char *field)
{
    char one[64];

    while (*list != 0) {
        const char *end = strchrnul(list, '|');

        snprintf(one, sizeof(one), "%.*s", (int)(end - list), list);
        if (fnmatch(one, field, 0) == 0)
            return true;
        list = *end == 0 ? end : end + 1;
    }
    return false;
}

/* "1|0xd" has the number. */
static bool one_of_numbers(const char *list, uint64_t v)
{
    char *end;

    while (*list != 0) {
        if (strtoull(list, &end, 0) == v)
            return true;
        list = strchrnul(end, '|');
        list += *list != 0;
    }
    return false;
}

static bool term_arch(const struct term *t, const struct found *f)
{
    return one_of(t->value, name_arch[f->s->arch]);
}

static bool term_mode(const struct term *t, const struct found *f)
{
    return one_of(t->value, name_mode[f->s->mode]);
}

static bool term_level(const struct term *t, const struct found *f)
{
    return one_of_numbers(t->value, f->s->level);
}

static bool term_config(const struct term *t, const struct found *f)
{
    for (unsigned i = 0; name_config[i] != NULL; i++)
        if (((f->s->config >> i) & 1) != 0 && one_of(t->value, name_config[i]))
            return true;
    return false;
}

/* The bytes from `at` on match one of the globs over their hexadecimal digits. */
static bool bytes_match(const char *globs, const struct scenario *s, uint64_t at)
{
    char hex[2 * TSP_INSN_BYTES + 1], one[64];
    size_t n = 0;

    for (uint64_t i = at; i < s->ncode[0] && i - at < TSP_INSN_BYTES; i++)
        n += (size_t)snprintf(hex + n, sizeof(hex) - n, "%02x", s->code[0][i]);
    hex[n] = 0;
    while (*globs != 0) {
        const char *end = strchrnul(globs, '|');

        snprintf(one, sizeof(one), "%.*s*", (int)(end - globs), globs);
        if (fnmatch(one, hex, 0) == 0)
            return true;
        globs = *end == 0 ? end : end + 1;
    }
    return false;
}

static bool term_first(const struct term *t, const struct found *f)
{
    return bytes_match(t->value, f->s, 0);
}

static bool term_code(const struct term *t, const struct found *f)
{
    for (uint32_t i = 0; i < f->s->ncode[0]; i++)
        if (bytes_match(t->value, f->s, i))
            return true;
    return false;
}

/* The instruction at which the exception happened that the model's handler saw. */
static bool term_model_at(const struct term *t, const struct found *f)
{
    uint64_t at = f->r->a.exc_rip + f->s->cs_base - f->s->code_at;

    return f->r->a.exc && at < f->s->ncode[0] && bytes_match(t->value, f->s, at);
}

/* An instruction may lie across the end of 16-bit or 32-bit addresses. */
static bool near_end(uint64_t pc, uint64_t limit)
{
    return (pc & limit) > limit - INSN_MAX;
}

static bool is_16_bit(const struct scenario *s)
{
    return s->mode == TSP_MODE_REAL16 || s->mode == TSP_MODE_VM86 || s->mode == TSP_MODE_PROT16 ||
           s->mode == TSP_MODE_COMPAT16;
}

/* The run came to the end of the code segment: the model faulted there, or behind it, which a frame
 * of 16-bit words shows as 0; or could not even deliver the fault. */
static bool term_limit(const struct term *t, const struct found *f)
{
    const struct outcome *a = &f->r->a;

    (void)t;
    if (!is_16_bit(f->s))
        return false;
    if (!a->exc)
        return a->exit == OUTCOME_INTERNAL && (near_end(a->out.pc, LIMIT16) || a->out.pc > LIMIT16);
    return near_end(a->exc_rip, LIMIT16) || a->exc_rip > LIMIT16 || a->exc_rip == 0;
}

/* The code itself lies across the end of 32-bit addresses. */
static bool term_wraps(const struct term *t, const struct found *f)
{
    (void)t;
    return f->s->mode != TSP_MODE_LONG64 && f->s->code_at + INSN_MAX > LIMIT32;
}

static bool term_model_exit(const struct term *t, const struct found *f)
{
    return one_of(t->value, diff_exit_name(f->r->a.exit));
}

static bool term_real_exit(const struct term *t, const struct found *f)
{
    return one_of(t->value, diff_exit_name(f->r->b.exit));
}

static bool term_model_vec(const struct term *t, const struct found *f)
{
    return f->r->a.exc && one_of_numbers(t->value, f->r->a.exc_vector);
}

static bool term_real_vec(const struct term *t, const struct found *f)
{
    return f->r->b.exc && one_of_numbers(t->value, f->r->b.exc_vector);
}

/* Error code, or ESR_EL1. */
static bool term_model_err(const struct term *t, const struct found *f)
{
    return f->r->a.exc && f->r->a.exc_has_error && one_of_numbers(t->value, f->r->a.exc_error);
}

static bool term_real_err(const struct term *t, const struct found *f)
{
    return f->r->b.exc && f->r->b.exc_has_error && one_of_numbers(t->value, f->r->b.exc_error);
}

/* One of these exceptions happened in the model, whatever came of it. */
static bool term_raised(const struct term *t, const struct found *f)
{
    for (uint32_t v = 0; v < 32; v++)
        if (((f->r->raised >> v) & 1) != 0 && one_of_numbers(t->value, v))
            return true;
    return false;
}

/* The guest wrote to the page tables it was running on. */
static bool term_tables(const struct term *t, const struct found *f)
{
    (void)t;
    return f->r->tables;
}

static bool term_own_code(const struct term *t, const struct found *f)
{
    (void)t;
    return f->r->own_code;
}

/* Still at the first instruction. */
static bool term_real_start(const struct term *t, const struct found *f)
{
    (void)t;
    return f->r->b.out.pc == f->s->code_at - f->s->cs_base;
}

/* What the guest's handler saw happened at the first instruction. */
static bool term_real_exc_start(const struct term *t, const struct found *f)
{
    (void)t;
    return f->r->b.exc && f->r->b.exc_rip == f->s->code_at - f->s->cs_base;
}

/* One of these bits is set in the flags at the start. */
static bool term_flags(const struct term *t, const struct found *f)
{
    return (f->s->flags & strtoull(t->value, NULL, 0)) != 0;
}

static bool term_differs(const struct term *t, const struct found *f)
{
    for (size_t i = 0; i < f->r->n && i < DIFF_MAX; i++)
        if (one_of_globs(t->value, f->r->d[i].field))
            return true;
    return false;
}

/* No other field differs. */
static bool term_only(const struct term *t, const struct found *f)
{
    for (size_t i = 0; i < f->r->n && i < DIFF_MAX; i++)
        if (!one_of_globs(t->value, f->r->d[i].field))
            return false;
    return f->r->n <= DIFF_MAX;
}

/* Numbers differ in no other bits. */
static bool term_bits(const struct term *t, const struct found *f)
{
    uint64_t bits = strtoull(t->value, NULL, 0);

    for (size_t i = 0; i < f->r->n && i < DIFF_MAX; i++)
        if (((strtoull(f->r->d[i].expected, NULL, 0) ^ strtoull(f->r->d[i].got, NULL, 0)) &
             ~bits) != 0)
            return false;
    return true;
}

/* Low half of a register at the start: where a leaf, an MSR or a call is named. */
static bool term_rax(const struct term *t, const struct found *f)
{
    return one_of_numbers(t->value, (uint32_t)f->s->regs[TSP_RAX]);
}

static bool term_rcx(const struct term *t, const struct found *f)
{
    return one_of_numbers(t->value, (uint32_t)f->s->regs[TSP_RCX]);
}

/* Something stands in the half that 32-bit numbers leave out. */
static bool term_rcx_high(const struct term *t, const struct found *f)
{
    (void)t;
    return f->s->regs[TSP_RCX] >> 32 != 0;
}

static bool term_small(const struct term *t, const struct found *f)
{
    (void)t;
    return f->small;
}

static const struct {
    const char *name;
    term_holds *holds;
    bool value; /* has one */
} known_term[] = {
    {"arch", term_arch, true},
    {"mode", term_mode, true},
    {"level", term_level, true},
    {"config", term_config, true},
    {"first", term_first, true},
    {"code", term_code, true},
    {"at-limit", term_limit, false},
    {"wraps", term_wraps, false},
    {"model.exit", term_model_exit, true},
    {"real.exit", term_real_exit, true},
    {"model.vec", term_model_vec, true},
    {"real.vec", term_real_vec, true},
    {"model.err", term_model_err, true},
    {"model.at", term_model_at, true},
    {"real.err", term_real_err, true},
    {"raised", term_raised, true},
    {"tables", term_tables, false},
    {"own-code", term_own_code, false},
    {"real.at-start", term_real_start, false},
    {"real.exc-at-start", term_real_exc_start, false},
    {"flags", term_flags, true},
    {"differs", term_differs, true},
    {"only", term_only, true},
    {"bits", term_bits, true},
    {"rax", term_rax, true},
    {"rcx", term_rcx, true},
    {"rcx.high", term_rcx_high, false},
    {"small", term_small, false},
};

static bool read_term(char *word, struct term *t)
{
    char *eq = strchr(word, '=');

    *t = (struct term){.value = ""};
    if (eq != NULL) {
        *eq = 0;
        t->value = eq + 1;
        t->inverted = eq > word && eq[-1] == '!';
        if (t->inverted)
            eq[-1] = 0;
    } else if (*word == '!') {
        t->inverted = true;
        word++;
    }
    for (size_t i = 0; i < sizeof(known_term) / sizeof(known_term[0]); i++) {
        if (strcmp(known_term[i].name, word) != 0)
            continue;
        t->holds = known_term[i].holds;
        return known_term[i].value == (eq != NULL && *t->value != 0);
    }
    return false;
}

static enum tsp_status read_line(struct explained *l, const char *name, unsigned no, char *line,
                                 struct tsp_error *err)
{
    char *comma = strchr(line, ','), *word, *save = NULL;
    const char *why;
    unsigned n = 0;

    line += strspn(line, " \t");
    if (*line == 0 || *line == '#')
        return TSP_OK;
    why = comma == NULL ? "" : comma + 1 + strspn(comma + 1, " \t");
    if (comma == NULL || comma == line || *why == 0)
        return error_set(err, TSP_EPARSE, no, "%s:%u: \"TERM..., reason\" expected", name, no);
    if (l->n == ROW_MAX)
        return error_set(err, TSP_EPARSE, no, "%s:%u: over %u lines", name, no, ROW_MAX);
    *comma = 0;
    for (word = strtok_r(line, " \t", &save); word != NULL; word = strtok_r(NULL, " \t", &save)) {
        if (n == TERM_MAX)
            return error_set(err, TSP_EPARSE, no, "%s:%u: over %u terms", name, no, TERM_MAX);
        if (strcmp(word, "each") == 0)
            l->row[l->n].each = true;
        else if (!read_term(word, &l->row[l->n].term[n++]))
            return error_set(err, TSP_EPARSE, no, "%s:%u: no such term: %.40s", name, no, word);
    }
    l->row[l->n].nterm = n;
    l->row[l->n++].why = why;
    return TSP_OK;
}

enum tsp_status explained_parse(struct explained **out, const char *name, const char *text,
                                struct tsp_error *err)
{
    struct explained *l = calloc(1, sizeof(*l));
    enum tsp_status st = TSP_OK;
    unsigned no = 0;
    char *at, *nl;

    *out = NULL;
    if (l == NULL || (l->text = strdup(text)) == NULL) {
        free(l);
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", name);
    }
    for (at = l->text; st == TSP_OK && at != NULL && *at != 0; at = nl) {
        nl = strchr(at, '\n');
        if (nl != NULL)
            *nl++ = 0;
        at[strcspn(at, "\r")] = 0;
        st = read_line(l, name, ++no, at, err);
    }
    if (st == TSP_OK)
        *out = l;
    else
        explained_free(l);
    return st;
}

enum tsp_status explained_load(struct explained **out, const char *name, struct tsp_error *err)
{
    const char *text = strcmp(name, "tcg") == 0 ? cli_shipped("below-tcg") : NULL;
    uint8_t *bytes;
    size_t n;
    enum tsp_status st;

    if (text != NULL)
        return explained_parse(out, "below-tcg", text, err);
    *out = NULL;
    st = file_read(name, 1u << 20, &bytes, &n, err);
    if (st != TSP_OK)
        return st;
    st = explained_parse(out, name, (const char *)bytes, err);
    free(bytes);
    return st;
}

static bool row_holds(const struct explained *l, unsigned i, const struct found *f)
{
    for (unsigned k = 0; k < l->row[i].nterm; k++)
        if (l->row[i].term[k].holds(&l->row[i].term[k], f) == l->row[i].term[k].inverted)
            return false;
    return true;
}

/* A result with one of the differences only. */
static bool explains_one(const struct explained *l, const struct scenario *s,
                         const struct side_result *r, size_t which)
{
    static struct side_result one;
    struct found f = {s, &one, false};

    one = *r;
    one.d[0] = r->d[which];
    one.n = 1;
    for (unsigned i = 0; i < l->n; i++)
        if (l->row[i].each && row_holds(l, i, &f))
            return true;
    return false;
}

void explained_drop(const struct explained *l, const struct scenario *s, struct side_result *r)
{
    size_t kept = 0;

    if (l == NULL || r->n > DIFF_MAX)
        return;
    for (size_t i = 0; i < r->n; i++) {
        if (explains_one(l, s, r, i))
            continue;
        if (kept != i)
            r->d[kept] = r->d[i];
        kept++;
    }
    r->n = kept;
}

const char *explained_why(const struct explained *l, const struct scenario *s,
                          const struct side_result *r, bool small)
{
    struct found f = {s, r, small};

    for (unsigned i = 0; l != NULL && i < l->n; i++)
        if (!l->row[i].each && row_holds(l, i, &f))
            return l->row[i].why;
    return NULL;
}

void explained_free(struct explained *l)
{
    if (l == NULL)
        return;
    free(l->text);
    free(l);
}
