/* SPDX-License-Identifier: MIT */
/*
 * Tables of numbers, one leaf a line, in reports of other tools: Open and Libre Hardware Monitor
 * ("00000000  0000000D  68747541 ..."), CPU-Z, x86info, FreeBSD's cpucontrol, tycho's cpuid,
 * hwloc-gather-cpuid ("MASK EAX EBX ECX EDX => EAX EBX ECX EDX"), Intel SDE's definitions of chips
 * ("00000007 00000000 => ...", "********" where ECX does not count), cpuid_dump ("0x0000000D_x1:
 * ..."), ddcpuid ("|  d |  1 | ..."), IC Book Labs' CPUID ("leaf sub-leaf pass ..."), and whatever
 * else names a leaf, perhaps a sub-leaf, and four registers in this order. Reports hold other
 * tables too: only what could be a leaf is taken, behind a leaf 0 that names a vendor.
 */
#include "cli/formats/dump_in.h"

#include <ctype.h>
#include <string.h>

/* The numbers of a line: leaf, perhaps sub-leaf, perhaps how often it was asked before, registers.
 */
struct row {
    uint32_t v[7];
    unsigned n;
};

static bool is_word(const char *p, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (word[i] == 0 || tolower((unsigned char)p[i]) != word[i])
            return false;
    return word[n] == 0;
}

/* Words between the numbers; true when the number behind it is a sub-leaf. */
static bool known_word(const char *p, size_t n, bool *sub)
{
    static const char *const plain[] = {"cpuid", "level", "leaf", "in",  "results",
                                        "eax",   "ebx",   "ecx",  "edx", "function"};
    static const char *const index[] = {"index", "subleaf", "level_type", "sl"};

    for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++)
        if (is_word(p, n, index[i]))
            return *sub = true;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (is_word(p, n, plain[i]))
            return true;
    return false;
}

/* 0x and digits, or eight digits; behind the word for a sub-leaf any number. */
static bool number(const char *p, size_t n, bool any, uint32_t *v)
{
    struct line l = {p, p + n};

    if (line_0x(&l, v))
        return l.p == l.end;
    l.p = p;
    return (n == 8 || any) && line_hex(&l, v) && l.p == l.end;
}

static bool between(char c)
{
    return strchr(" \t\r,:=.", c) != NULL;
}

/* One word or number; false where the line is no row. */
static bool token(struct row *r, const char *p, size_t n, bool *sub)
{
    /* "0x0000000D_x1": leaf and sub-leaf. */
    const char *joint = r->n == 0 ? memchr(p, '_', n) : NULL;

    if (joint != NULL && joint + 1 < p + n && joint[1] == 'x' &&
        number(p, (size_t)(joint - p), false, &r->v[0]) &&
        number(joint + 2, (size_t)(p + n - joint - 2), true, &r->v[1])) {
        r->n = 2;
        return true;
    }
    if (r->n < 7 && number(p, n, *sub, &r->v[r->n])) {
        *sub = false;
        r->n++;
        return true;
    }
    return r->n < 7 && known_word(p, n, sub);
}

/* The numbers of a line, up to text in brackets or behind a bar. */
static bool numbers(struct line l, struct row *r)
{
    size_t n = (size_t)(l.end - l.p);
    bool sub = false;

    memset(r, 0, sizeof(*r));
    /* Ruled lines, and what AIDA64 writes, a million times over. */
    if (memchr(l.p, '-', n < 30 ? n : 30) != NULL)
        return false;
    while (l.p < l.end && strchr("|[/(#;", *l.p) == NULL) {
        const char *from = l.p;

        if (between(*l.p)) {
            l.p++;
            continue;
        }
        while (l.p < l.end && (isalnum((unsigned char)*l.p) || *l.p == '_'))
            l.p++;
        if (l.p == from || !token(r, from, (size_t)(l.p - from), &sub))
            return false;
    }
    return r->n >= 5;
}

/* Classes of leaves there are: basic, coprocessors, hypervisors, extended, Transmeta, Centaur. */
static bool is_leaf(uint32_t leaf)
{
    static const uint32_t base[] = {0, 0x20000000, 0x80000000, 0x80860000, 0xc0000000, 0x8fffff00};

    for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++)
        if (leaf - base[i] < 0x100)
            return true;
    return leaf >> 16 == 0x4000;
}

/* A row that begins a class of leaves, and holds the highest one. */
static bool begins(const struct tsp_leaf *l)
{
    return (l->leaf & 0xff) == 0 && l->leaf != 0 && l->reg[0] >> 8 == l->leaf >> 8;
}

static bool names_vendor(const uint32_t reg[4])
{
    for (unsigned i = 0; i < 12; i++)
        if (!isprint((int)(reg[1 + i / 4] >> (i % 4 * 8) & 0xff)))
            return false;
    return reg[0] < 0x10000;
}

/* A leaf 0 that nothing follows is no CPU's list but a line about the leaf. */
static void drop_lone(struct dump *d)
{
    if (d->ncpu > 1 && d->cpu[d->ncpu - 1].n == 1 && d->leaf[d->n - 1].leaf == 0) {
        d->cpu[d->ncpu - 1].n = 0;
        d->n--;
    }
}

/* Whether the row belongs to a list of leaves: a line of another kind ends one. */
static enum tsp_status enter(struct dump_in *in, const struct tsp_leaf *leaf)
{
    struct dump *d = in->out;

    if (leaf->leaf == 0 && leaf->subleaf == 0 && names_vendor(leaf->reg)) {
        in->open = true;
        in->last_plain = false;
        drop_lone(d);
        return dump_add_cpu(in, d->ncpu == 0 ? 0 : d->cpu[d->ncpu - 1].id + 1);
    }
    in->open = in->open || (d->n > 0 && begins(leaf));
    return TSP_OK;
}

/* Six cells between bars, with or without leading zeroes. */
static bool cells(struct line l, struct row *r)
{
    memset(r, 0, sizeof(*r));
    while (line_take(&l, "|")) {
        line_space(&l);
        if (line_end(&l))
            break;
        if (r->n == 6 || !line_hex(&l, &r->v[r->n]))
            return false;
        r->n++;
        line_space(&l);
    }
    return r->n == 6 && line_end(&l);
}

/* "00000004 00000001 => EAX EBX ECX EDX"; "********" is any value of ECX. */
static bool defined(struct line l, struct tsp_leaf *leaf, bool *plain)
{
    *leaf = (struct tsp_leaf){.leaf = 0};
    if (!line_hex(&l, &leaf->leaf))
        return false;
    line_space(&l);
    if (!line_take(&l, "********") && !line_hex(&l, &leaf->subleaf))
        return false;
    line_space(&l);
    if (!line_take(&l, "=>"))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        line_space(&l);
        if (!line_hex(&l, &leaf->reg[i]))
            return false;
    }
    *plain = false;
    return true;
}

/* hwloc's input registers; the mask says which of them count. */
static bool gathered(struct line l, struct tsp_leaf *leaf, bool *plain)
{
    uint32_t in[5];

    *leaf = (struct tsp_leaf){.leaf = 0};
    for (unsigned i = 0; i < 5; i++, line_space(&l))
        if (!line_hex(&l, &in[i]))
            return false;
    if (!line_take(&l, "=>") || (in[0] & 1) == 0)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        line_space(&l);
        if (!line_hex(&l, &leaf->reg[i]))
            return false;
    }
    leaf->leaf = in[1];
    leaf->subleaf = (in[0] & 4) != 0 ? in[3] : 0;
    *plain = false;
    return true;
}

static bool row_of(struct line l, struct tsp_leaf *leaf, bool *plain)
{
    struct row r;

    if (gathered(l, leaf, plain) || defined(l, leaf, plain))
        return true;
    if (!numbers(l, &r) && !cells(l, &r))
        return false;
    *plain = r.n == 5;
    *leaf = (struct tsp_leaf){.leaf = r.v[0], .subleaf = *plain ? 0 : r.v[1]};
    memcpy(leaf->reg, r.v + r.n - 4, sizeof(leaf->reg));
    return r.n < 7 || r.v[2] == 0;
}

static enum tsp_status rows_line(struct dump_in *in, struct line l)
{
    struct tsp_leaf leaf;
    enum tsp_status st;
    bool plain;

    /* What a tool has to say of the row above. */
    if (*l.p == '#' || *l.p == '[')
        return TSP_OK;
    if (!row_of(l, &leaf, &plain) || !is_leaf(leaf.leaf)) {
        in->open = false;
        return TSP_OK;
    }
    st = enter(in, &leaf);
    if (st != TSP_OK || !in->open)
        return st;
    dump_count_subleaf(in, &leaf, plain);
    return dump_add_leaf(in, &leaf, NULL);
}

/* A few numbers in a row prove nothing: a processor has the leaf of its signature too. */
enum tsp_status dump_in_rows(struct dump_in *in)
{
    enum tsp_status st = dump_lines(in, rows_line);

    drop_lone(in->out);
    if (in->out->ncpu > 1 && in->out->cpu[in->out->ncpu - 1].n == 0)
        in->out->ncpu--;
    if (st == TSP_OK && in->out->n > 0 && dump_have(in->out, 1, 0) == NULL)
        in->out->n = 0;
    return st;
}
