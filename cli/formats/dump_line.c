/* SPDX-License-Identifier: MIT */
/* Lines of text, and the dump that grows from them. */
#include "cli/formats/dump_in.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "trapspec/bits.h"

enum tsp_status dump_fail(struct dump_in *in, const char *format, ...)
{
    char why[120];
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, sizeof(why), format, ap);
    va_end(ap);
    if (in->line == 0)
        return error_set(in->err, TSP_EPARSE, 0, "%s: %s", in->name, why);
    return error_set(in->err, TSP_EPARSE, in->line, "%s:%u: %s", in->name, in->line, why);
}

enum tsp_status dump_add_cpu(struct dump_in *in, unsigned id)
{
    struct dump *d = in->out;

    if (d->ncpu > 0 && d->cpu[d->ncpu - 1].n == 0) {
        d->cpu[d->ncpu - 1].id = id;
        d->cpu[d->ncpu - 1].name[0] = 0;
        return TSP_OK;
    }
    if (d->ncpu == DUMP_MAX_CPU)
        return dump_fail(in, "over %u CPUs", DUMP_MAX_CPU);
    d->cpu[d->ncpu++] = (struct dump_cpu){.id = id, .first = d->n};
    return TSP_OK;
}

enum tsp_status dump_add_named(struct dump_in *in, struct line name)
{
    struct dump *d = in->out;
    struct line at = name;
    unsigned id = 0;
    enum tsp_status st;

    while (name.end > name.p && (name.end[-1] == ' ' || name.end[-1] == '\t'))
        name.end--;
    at.end = name.end;
    if (line_take(&at, "CPU ") && line_dec(&at, &id) && at.p == at.end)
        return dump_add_cpu(in, id);
    if (d->ncpu > 0)
        id = d->cpu[d->ncpu - 1].id + (d->cpu[d->ncpu - 1].n > 0);
    st = dump_add_cpu(in, id);
    if (st == TSP_OK)
        snprintf(d->cpu[d->ncpu - 1].name, sizeof(d->cpu[0].name), "%.*s",
                 (int)(name.end - name.p < 23 ? name.end - name.p : 23), name.p);
    return st;
}

const struct tsp_leaf *dump_have(const struct dump *d, uint32_t leaf, uint32_t sub)
{
    for (size_t i = d->ncpu == 0 ? d->n : d->cpu[d->ncpu - 1].first; i < d->n; i++)
        if (d->leaf[i].leaf == leaf && d->leaf[i].subleaf == sub)
            return &d->leaf[i];
    return NULL;
}

static bool grow(struct dump *d, bool masks)
{
    if (d->n == d->room) {
        size_t room = d->room == 0 ? 256 : d->room * 2;
        struct tsp_leaf *bigger = realloc(d->leaf, room * sizeof(*bigger));
        struct dump_mask *mask;

        if (bigger == NULL)
            return false;
        d->leaf = bigger;
        if (masks) {
            mask = realloc(d->mask, room * sizeof(*mask));
            if (mask == NULL)
                return false;
            d->mask = mask;
        }
        d->room = room;
    }
    return true;
}

/* A reader gives masks for all leaves or for none. */
enum tsp_status dump_add_leaf(struct dump_in *in, const struct tsp_leaf *leaf,
                              const struct dump_mask *mask)
{
    struct dump *d = in->out;
    const struct tsp_leaf *have = dump_have(d, leaf->leaf, leaf->subleaf);
    enum tsp_status st;

    if (have != NULL && memcmp(have->reg, leaf->reg, sizeof(leaf->reg)) == 0)
        return TSP_OK;
    if (have != NULL)
        return dump_fail(in, "leaf 0x%x sub-leaf 0x%x stands twice with different values",
                         leaf->leaf, leaf->subleaf);
    if (d->ncpu == 0) {
        st = dump_add_cpu(in, 0);
        if (st != TSP_OK)
            return st;
    }
    if (d->cpu[d->ncpu - 1].n == TSP_MAX_LEAF)
        return dump_fail(in, "over %u leaves for one CPU", TSP_MAX_LEAF);
    if (!grow(d, mask != NULL))
        return error_set(in->err, TSP_ENOMEM, in->line, "%s: out of memory", in->name);
    if (mask != NULL)
        d->mask[d->n] = *mask;
    d->leaf[d->n++] = *leaf;
    d->cpu[d->ncpu - 1].n++;
    return TSP_OK;
}

enum tsp_status dump_lines(struct dump_in *in,
                           enum tsp_status (*one)(struct dump_in *in, struct line l))
{
    const char *at = in->p, *end = at + in->n;
    enum tsp_status st = TSP_OK;

    in->line = 0;
    while (st == TSP_OK && at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        struct line l = {at, nl == NULL ? end : nl};

        in->line++;
        line_space(&l);
        if (l.p < l.end)
            st = one(in, l);
        at = nl == NULL ? end : nl + 1;
    }
    return st;
}

void line_space(struct line *l)
{
    while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r'))
        l->p++;
}

bool line_take(struct line *l, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(l->end - l->p) < n || memcmp(l->p, word, n) != 0)
        return false;
    l->p += n;
    return true;
}

bool line_hex(struct line *l, uint32_t *v)
{
    uint64_t x = 0;
    unsigned digits = 0;

    for (; l->p < l->end && hex_digit(*l->p) >= 0; l->p++, digits++) {
        x = x << 4 | (unsigned)hex_digit(*l->p);
        if (x > UINT32_MAX)
            return false;
    }
    *v = (uint32_t)x;
    return digits > 0;
}

bool line_0x(struct line *l, uint32_t *v)
{
    return (line_take(l, "0x") || line_take(l, "0X")) && line_hex(l, v);
}

bool line_dec(struct line *l, unsigned *v)
{
    unsigned digits = 0;

    for (*v = 0; l->p < l->end && *l->p >= '0' && *l->p <= '9' && digits < 6; l->p++, digits++)
        *v = *v * 10 + (unsigned)(*l->p - '0');
    return digits > 0;
}

bool line_find(struct line *l, const char *word)
{
    struct line at = *l;

    for (; at.p < at.end; at.p++) {
        struct line behind = at;

        if (line_take(&behind, word)) {
            *l = behind;
            return true;
        }
    }
    return false;
}

bool line_end(struct line *l)
{
    line_space(l);
    return l->p == l->end;
}
