/* SPDX-License-Identifier: MIT */
/* Good dumps made wrong in one place, and what `lint` has to say of them. */
#ifndef TSP_TESTS_UNIT_LINT_RIG_H
#define TSP_TESTS_UNIT_LINT_RIG_H

#include "tests/test_main.h"

#include "cli/lint.h"

#include <stdlib.h>
#include <string.h>

/* The judging code asks its program whether it was interrupted. */
bool cli_interrupted(void)
{
    return false;
}

/*
 * edit: "LEAF.SUB.R=VALUE", "LEAF.SUB.R&MASK", "LEAF.SUB.R|MASK" or "-LEAF.SUB" (removed), several
 * with blanks between; all numbers hexadecimal, R one of a b c d; a missing leaf is added. They are
 * made to the CPU given by "@N ", or to all. found: "RULE LEAF.SUB REG[HI:LO]", several with "; ".
 */
struct planted {
    const char *base, *edit, *found;
};

static inline struct tsp_leaf *entry(struct dump *d, unsigned cpu, uint32_t leaf, uint32_t sub)
{
    struct dump_cpu *c = &d->cpu[cpu];

    for (size_t i = c->first; i < c->first + c->n; i++)
        if (d->leaf[i].leaf == leaf && d->leaf[i].subleaf == sub)
            return &d->leaf[i];
    return NULL;
}

static inline struct tsp_leaf *add(struct dump *d, unsigned cpu, uint32_t leaf, uint32_t sub)
{
    struct dump_cpu *c = &d->cpu[cpu];
    struct tsp_leaf *more = realloc(d->leaf, (d->n + 1) * sizeof(*more));
    size_t at = c->first + c->n;

    assert_non_null(more);
    d->leaf = more;
    d->room = d->n + 1;
    memmove(more + at + 1, more + at, (d->n - at) * sizeof(*more));
    more[at] = (struct tsp_leaf){.leaf = leaf, .subleaf = sub};
    c->n++;
    d->n++;
    for (unsigned i = cpu + 1; i < d->ncpu; i++)
        d->cpu[i].first++;
    return &more[at];
}

static inline void drop(struct dump *d, unsigned cpu, struct tsp_leaf *e)
{
    size_t at = (size_t)(e - d->leaf);

    memmove(e, e + 1, (d->n - at - 1) * sizeof(*e));
    d->n--;
    d->cpu[cpu].n--;
    for (unsigned i = cpu + 1; i < d->ncpu; i++)
        d->cpu[i].first--;
}

static inline void edit_one(struct dump *d, unsigned cpu, const char *p)
{
    bool gone = *p == '-';
    char *end;
    uint32_t leaf = (uint32_t)strtoul(p + gone, &end, 16);
    uint32_t sub = (uint32_t)strtoul(end + 1, &end, 16), value;
    struct tsp_leaf *e = entry(d, cpu, leaf, sub);
    unsigned reg;

    if (gone) {
        assert_non_null(e);
        drop(d, cpu, e);
        return;
    }
    assert_int_equal(*end, '.');
    reg = (unsigned)(end[1] - 'a');
    assert_in_range(reg, 0, 3);
    if (e == NULL)
        e = add(d, cpu, leaf, sub);
    value = (uint32_t)strtoul(end + 3, NULL, 16);
    if (end[2] == '=')
        e->reg[reg] = value;
    else if (end[2] == '&')
        e->reg[reg] &= value;
    else
        e->reg[reg] |= value;
}

static inline void edit(struct dump *d, const char *text)
{
    unsigned from = 0, to = d->ncpu;
    char copy[400], *save = NULL;

    assert_true(strlen(text) < sizeof(copy));
    memcpy(copy, text, strlen(text) + 1);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (*word == '@') {
            from = (unsigned)strtoul(word + 1, NULL, 10);
            to = from + 1;
            continue;
        }
        for (unsigned i = from; i < to; i++)
            edit_one(d, i, word);
    }
    for (unsigned i = 0; i < d->ncpu; i++)
        dump_index(d->leaf + d->cpu[i].first, d->cpu[i].n);
}

static inline void load(struct dump *d, const char *base)
{
    char path[300];
    struct tsp_error err = {0};

    snprintf(path, sizeof(path), "%s/tests/lint/%s.txt", TSP_SOURCE_DIR, base);
    if (dump_load(path, d, &err) != TSP_OK)
        fail_msg("%s: %s", path, err.text);
}

/* Findings as rows write them, in the order found. */
static inline void tell(const struct lint *l, char *out, size_t max)
{
    static const char *const reg[4] = {"eax", "ebx", "ecx", "edx"};
    size_t at = 0;

    out[0] = 0;
    for (unsigned i = 0; i < l->n && at < max; i++) {
        const struct lint_finding *f = &l->found[i];
        char bits[16];

        if (f->hi == f->lo)
            snprintf(bits, sizeof(bits), "%u", f->hi);
        else
            snprintf(bits, sizeof(bits), "%u:%u", f->hi, f->lo);
        at += (size_t)snprintf(out + at, max - at, "%s%s%s 0x%x.%u %s[%s]", i ? "; " : "",
                               f->note ? "note " : "", f->rule, f->leaf, f->subleaf, reg[f->reg],
                               bits);
    }
}

static inline void check(const struct planted *row, size_t n)
{
    static char got[4000];

    for (size_t i = 0; i < n; i++) {
        struct tsp_error err;
        struct dump d;
        struct lint l;

        load(&d, row[i].base);
        edit(&d, row[i].edit);
        assert_int_equal(lint_open(&l, &d, &err), TSP_OK);
        lint_run(&l);
        tell(&l, got, sizeof(got));
        if (strcmp(got, row[i].found) != 0)
            fail_msg("%s with %s:\n  found  %s\n  wanted %s", row[i].base, row[i].edit, got,
                     row[i].found);
        for (unsigned k = 0; k < l.n; k++) {
            assert_true(l.found[k].expected[0] != 0);
            assert_true(l.found[k].source[0] != 0);
        }
        lint_close(&l);
        dump_free(&d);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

#endif
