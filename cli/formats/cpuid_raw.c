/* SPDX-License-Identifier: MIT */
#include "cli/formats/cpuid_raw.h"

#include <stdlib.h>
#include <string.h>

#define LINES_KNOWN "\"CPU N:\" nor \"0xLEAF 0xSUB: eax=0x.. ebx=0x.. ecx=0x.. edx=0x..\""

/* A cursor over one line. */
struct line {
    const char *p, *end;
};

static void skip_space(struct line *l)
{
    while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r'))
        l->p++;
}

static bool take(struct line *l, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(l->end - l->p) < n || memcmp(l->p, word, n) != 0)
        return false;
    l->p += n;
    return true;
}

/* Hexadecimal, at most 32 bits. */
static bool take_hex(struct line *l, uint32_t *v)
{
    uint64_t x = 0;
    unsigned digits = 0;

    if (!take(l, "0x") && !take(l, "0X"))
        return false;
    for (; l->p < l->end; l->p++, digits++) {
        unsigned char c = (unsigned char)*l->p;
        unsigned d;

        if (c >= '0' && c <= '9')
            d = c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            d = (c | 32u) - 'a' + 10;
        else
            break;
        x = x << 4 | d;
        if (x > UINT32_MAX)
            return false;
    }
    *v = (uint32_t)x;
    return digits > 0;
}

static bool take_dec(struct line *l, unsigned *v)
{
    unsigned digits = 0;

    for (*v = 0; l->p < l->end && *l->p >= '0' && *l->p <= '9' && digits < 6; l->p++, digits++)
        *v = *v * 10 + (unsigned)(*l->p - '0');
    return digits > 0;
}

/* "0x00000001 0x00: eax=0x... ebx=0x... ecx=0x... edx=0x..." */
static bool leaf_line(struct line *l, struct tsp_leaf *out)
{
    static const char *const reg[4] = {"eax=", "ebx=", "ecx=", "edx="};

    memset(out, 0, sizeof(*out));
    if (!take_hex(l, &out->leaf))
        return false;
    skip_space(l);
    if (!take_hex(l, &out->subleaf) || !take(l, ":"))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        skip_space(l);
        if (!take(l, reg[i]) || !take_hex(l, &out->reg[i]))
            return false;
    }
    skip_space(l);
    return l->p == l->end;
}

static bool cpu_line(struct line *l, unsigned *id)
{
    *id = 0;
    if (!take(l, "CPU"))
        return false;
    skip_space(l);
    take_dec(l, id);
    skip_space(l);
    if (!take(l, ":"))
        return false;
    skip_space(l);
    return l->p == l->end;
}

static enum tsp_status add_cpu(struct dump *d, const char *name, unsigned line, unsigned id,
                               struct tsp_error *err)
{
    if (d->ncpu == DUMP_MAX_CPU)
        return error_set(err, TSP_EPARSE, line, "%s:%u: over %u CPUs", name, line, DUMP_MAX_CPU);
    d->cpu[d->ncpu++] = (struct dump_cpu){.id = id, .first = d->n};
    return TSP_OK;
}

static enum tsp_status add_leaf(struct dump *d, const char *name, unsigned line,
                                const struct tsp_leaf *leaf, struct tsp_error *err)
{
    struct dump_cpu *c = &d->cpu[d->ncpu - 1];

    for (size_t i = c->first; i < d->n; i++) {
        if (d->leaf[i].leaf != leaf->leaf || d->leaf[i].subleaf != leaf->subleaf)
            continue;
        if (memcmp(d->leaf[i].reg, leaf->reg, sizeof(leaf->reg)) == 0)
            return TSP_OK;
        return error_set(err, TSP_EPARSE, line,
                         "%s:%u: leaf 0x%x sub-leaf 0x%x stands twice with different values", name,
                         line, leaf->leaf, leaf->subleaf);
    }
    if (c->n == TSP_MAX_LEAF)
        return error_set(err, TSP_EPARSE, line, "%s:%u: over %u leaves for one CPU", name, line,
                         TSP_MAX_LEAF);
    if (d->n == d->room) {
        size_t room = d->room == 0 ? 256 : d->room * 2;
        struct tsp_leaf *bigger = realloc(d->leaf, room * sizeof(*bigger));

        if (bigger == NULL)
            return error_set(err, TSP_ENOMEM, line, "%s: out of memory", name);
        d->leaf = bigger;
        d->room = room;
    }
    d->leaf[d->n++] = *leaf;
    c->n++;
    return TSP_OK;
}

static enum tsp_status one_line(struct dump *d, const char *name, unsigned no, struct line l,
                                struct tsp_error *err)
{
    struct tsp_leaf leaf;
    struct line again;
    enum tsp_status st;
    unsigned id;

    skip_space(&l);
    if (l.p == l.end)
        return TSP_OK;
    again = l;
    if (cpu_line(&again, &id))
        return add_cpu(d, name, no, id, err);
    if (!leaf_line(&l, &leaf))
        return error_set(err, TSP_EPARSE, no, "%s:%u: neither %s", name, no, LINES_KNOWN);
    if (d->ncpu == 0) {
        st = add_cpu(d, name, no, 0, err);
        if (st != TSP_OK)
            return st;
    }
    return add_leaf(d, name, no, &leaf, err);
}

enum tsp_status dump_read_raw(const char *name, const uint8_t *p, size_t n, struct dump *out,
                              struct tsp_error *err)
{
    const char *at = (const char *)p, *end = at + n;
    enum tsp_status st = TSP_OK;
    unsigned no = 0;

    memset(out, 0, sizeof(*out));
    out->cpu = calloc(DUMP_MAX_CPU, sizeof(*out->cpu));
    if (out->cpu == NULL)
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", name);
    while (st == TSP_OK && at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        struct line l = {at, nl == NULL ? end : nl};

        st = one_line(out, name, ++no, l, err);
        at = nl == NULL ? end : nl + 1;
    }
    if (st == TSP_OK && out->n == 0)
        st = error_set(err, TSP_EPARSE, 0, "%s: no CPUID leaf in it (cpuid -r format expected)",
                       name);
    if (st != TSP_OK)
        dump_free(out);
    return st;
}

void dump_free(struct dump *d)
{
    free(d->leaf);
    free(d->cpu);
    memset(d, 0, sizeof(*d));
}

void dump_write_raw(FILE *f, const char *title, const struct tsp_leaf *leaf, size_t n)
{
    fprintf(f, "%s:\n", title);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "   0x%08x 0x%02x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x\n", leaf[i].leaf,
                leaf[i].subleaf, leaf[i].reg[0], leaf[i].reg[1], leaf[i].reg[2], leaf[i].reg[3]);
}

void dump_index(struct tsp_leaf *leaf, size_t n)
{
    /* Leaves whose ECX input matters (Intel SDM Vol. 2A CPUID; AMD APM Vol. 3 Appendix E). */
    static const uint32_t indexed[] = {
        0x4,  0x7,  0xb,  0xd,  0xf,  0x10, 0x12, 0x14, 0x17,       0x18,       0x1b,
        0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24, 0x27, 0x28, 0x8000001d, 0x80000020, 0x80000026};

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof(indexed) / sizeof(indexed[0]); k++)
            if (leaf[i].leaf == indexed[k])
                leaf[i].flags |= TSP_LEAF_INDEXED;
        if (leaf[i].subleaf != 0)
            for (size_t k = 0; k < n; k++)
                if (leaf[k].leaf == leaf[i].leaf)
                    leaf[k].flags |= TSP_LEAF_INDEXED;
    }
}
