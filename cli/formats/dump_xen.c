/* SPDX-License-Identifier: MIT */
/*
 * Xen's featureset: words of feature bits in a fixed order (public/arch-x86/cpufeatureset.h,
 * tools/misc/xen-cpuid.c), as `xen-cpuid` lists its sets and as tools pass them on.
 */
#include "cli/formats/dump_in.h"
#include "cli/formats/dump_write.h"

#include <ctype.h>
#include <string.h>

#include "trapspec/bits.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

const struct dump_word dump_words[DUMP_WORDS] = {
    {0x1, 0, EDX},         {0x1, 0, ECX},         {0x80000001, 0, EDX}, {0x80000001, 0, ECX},
    {0xd, 1, EAX},         {0x7, 0, EBX},         {0x7, 0, ECX},        {0x80000007, 0, EDX},
    {0x80000008, 0, EBX},  {0x7, 0, EDX},         {0x7, 1, EAX},        {0x80000021, 0, EAX},
    {0x7, 1, EBX},         {0x7, 2, EDX},         {0x7, 1, ECX},        {0x7, 1, EDX},
    {0, 0, DUMP_WORD_MSR}, {0, 0, DUMP_WORD_MSR}, {0x80000021, 0, ECX},
};

/* Bits of 0x80000001 EDX that repeat those of leaf 1 on AMD; featuresets leave them clear. */
#define WORD_E1D 2u
#define REPEATED 0x0183f3ffu
/* Fewer are not a featureset: other tools print four numbers in a row. */
#define LEAST_WORDS 5u
#define MOST_WORDS 64u

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Words of eight digits, joined by one and the same sign, to the end of the line. */
static unsigned words(struct line l, uint32_t *word)
{
    unsigned n = 0;
    char sep = 0;

    for (;;) {
        const char *start = l.p;

        if (n == MOST_WORDS || !line_hex(&l, &word[n]) || l.p - start != 8)
            return 0;
        n++;
        if (line_end(&l))
            return n;
        if ((*l.p != ':' && *l.p != '-') || (sep != 0 && *l.p != sep))
            return 0;
        sep = *l.p++;
    }
}

/* What stands before the words: letters, digits and blanks. */
static bool plain_name(struct line *name)
{
    while (name->end > name->p && is_blank(name->end[-1]))
        name->end--;
    if (name->end - name->p >= 5 && memcmp(name->p, "CPUID", 5) == 0)
        return false;
    for (const char *p = name->p; p < name->end; p++)
        if (!isalnum((unsigned char)*p) && strchr(" ()_+-", *p) == NULL)
            return false;
    return true;
}

static bool same_leaf(const struct dump_word *a, const struct dump_word *b)
{
    return a->reg != DUMP_WORD_MSR && a->leaf == b->leaf && a->sub == b->sub;
}

/* All words of the leaf that word w is the first of. */
static enum tsp_status add_leaf(struct dump_in *in, const uint32_t *word, unsigned n, unsigned w)
{
    struct tsp_leaf leaf = {.leaf = dump_words[w].leaf, .subleaf = dump_words[w].sub};
    struct dump_mask mask = {{0}};

    for (unsigned i = 0; i < n; i++) {
        if (!same_leaf(&dump_words[i], &dump_words[w]))
            continue;
        if (i < w)
            return TSP_OK;
        leaf.reg[dump_words[i].reg] = word[i];
        mask.reg[dump_words[i].reg] = i == WORD_E1D ? ~REPEATED | word[i] : 0xffffffff;
    }
    return dump_add_leaf(in, &leaf, &mask);
}

static enum tsp_status featureset_line(struct dump_in *in, struct line l)
{
    struct line name = l, at = l;
    uint32_t word[MOST_WORDS];
    enum tsp_status st;
    unsigned n;

    while (at.end > l.p && is_blank(at.end[-1]))
        at.end--;
    for (at.p = at.end; at.p > l.p && !is_blank(at.p[-1]);)
        at.p--;
    name.end = at.p;
    n = words(at, word);
    if (n < LEAST_WORDS || !plain_name(&name))
        return TSP_OK;
    st = dump_add_named(in, name);
    /* Words that Xen has and this program does not know are passed over. */
    n = n < DUMP_WORDS ? n : DUMP_WORDS;
    for (unsigned w = 0; w < n && st == TSP_OK; w++)
        if (dump_words[w].reg != DUMP_WORD_MSR)
            st = add_leaf(in, word, n, w);
    return st;
}

enum tsp_status dump_in_featureset(struct dump_in *in)
{
    return dump_lines(in, featureset_line);
}
