/* SPDX-License-Identifier: MIT */
#include "emu/policy/feature.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD(id, leaf, subleaf, reg) [FEATURE_WORD_##id] = {#id, leaf, subleaf, reg},
#define FEATURE(word, bit, id, name, whom)
#define NEEDS(feature, other)
const struct feature_place feature_words[FEATURE_WORDS] = {
#include "emu/policy/feature.def"
};

#define ALL FEATURE_ALL
#define HVM FEATURE_HVM
#define HAP FEATURE_HAP
#define ALL_MAX FEATURE_ALL_MAX
#define HVM_MAX FEATURE_HVM_MAX
#define HAP_MAX FEATURE_HAP_MAX
#define SPECIAL FEATURE_SPECIAL
#define ANY FEATURE_ANY

struct feature_row {
    const char *name;
    uint8_t whom;
};

#define WORD(id, leaf, subleaf, reg)
#define FEATURE(word, bit, id, name, whom) [FEATURE_##id] = {name, whom},
#define NEEDS(feature, other)
static const struct feature_row rows[FEATURE_BITS] = {
#include "emu/policy/feature.def"
};

#define WORD(id, leaf, subleaf, reg)
#define FEATURE(word, bit, id, name, whom)
#define NEEDS(feature, other) {FEATURE_##feature, FEATURE_##other},
static const struct feature_edge edges[] = {
#include "emu/policy/feature.def"
};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

const char *feature_name(unsigned f)
{
    return f < FEATURE_BITS ? rows[f].name : NULL;
}

const char *feature_text(unsigned f, char *out, size_t max)
{
    char word[8] = "";

    if (feature_name(f) != NULL) {
        snprintf(out, max, "%s", rows[f].name);
        return out;
    }
    if (f < FEATURE_BITS)
        for (size_t i = 0; feature_words[f / 32].name[i] != 0 && i + 1 < sizeof(word); i++)
            word[i] = (char)tolower((unsigned char)feature_words[f / 32].name[i]);
    snprintf(out, max, "%s[%u]", word, f % 32);
    return out;
}

static bool same_name(const char *a, const char *b)
{
    for (; *a != 0 && *b != 0; a++, b++)
        if (tolower((unsigned char)(*a == '_' ? '-' : *a)) != (unsigned char)*b)
            return false;
    return *a == *b;
}

unsigned feature_find(const char *name)
{
    for (unsigned f = 0; f < FEATURE_BITS; f++)
        if (rows[f].name != NULL && same_name(name, rows[f].name))
            return f;
    return FEATURE_NONE;
}

void featureset_offered(unsigned whom, struct featureset *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned f = 0; f < FEATURE_BITS; f++)
        if ((rows[f].whom & whom) != 0)
            feature_put(out, f, true);
}

unsigned feature_needs(unsigned f, unsigned i)
{
    for (size_t k = 0; k < EDGES; k++)
        if (edges[k].feature == f && i-- == 0)
            return edges[k].needs;
    return FEATURE_NONE;
}

void featureset_close(struct featureset *fs)
{
    bool again = true;

    while (again) {
        again = false;
        for (size_t i = 0; i < EDGES; i++) {
            if (!feature_in(fs, edges[i].feature) || feature_in(fs, edges[i].needs))
                continue;
            feature_put(fs, edges[i].feature, false);
            again = true;
        }
    }
}

bool featureset_is_closed(const struct featureset *fs, unsigned *f, unsigned *other)
{
    for (size_t i = 0; i < EDGES; i++) {
        if (!feature_in(fs, edges[i].feature) || feature_in(fs, edges[i].needs))
            continue;
        *f = edges[i].feature;
        *other = edges[i].needs;
        return false;
    }
    return true;
}

void featureset_and(struct featureset *to, const struct featureset *from)
{
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        to->w[i] &= from->w[i];
}

void featureset_or(struct featureset *to, const struct featureset *from)
{
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        to->w[i] |= from->w[i];
}

bool featureset_subset(const struct featureset *a, const struct featureset *b)
{
    uint32_t extra = 0;

    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        extra |= a->w[i] & ~b->w[i];
    return extra == 0;
}

bool featureset_equal(const struct featureset *a, const struct featureset *b)
{
    return memcmp(a->w, b->w, sizeof(a->w)) == 0;
}

bool featureset_read(const uint32_t *w, size_t n, struct featureset *out, size_t *word)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        if (i < FEATURE_WORDS) {
            out->w[i] = w[i];
        } else if (w[i] != 0) {
            *word = i;
            return false;
        }
    }
    return true;
}

/* Takes away, again and again, the features whose every need is settled; what cannot be settled
 * lies on a cycle or behind one. */
bool feature_edges_acyclic(const struct feature_edge *edge, size_t n, unsigned *at)
{
    uint8_t settled[FEATURE_BITS];
    bool again = true;

    memset(settled, 1, sizeof(settled));
    for (size_t i = 0; i < n; i++)
        settled[edge[i].feature % FEATURE_BITS] = 0;
    while (again) {
        again = false;
        for (unsigned f = 0; f < FEATURE_BITS; f++) {
            bool ready = settled[f] == 0;

            for (size_t i = 0; ready && i < n; i++)
                if (edge[i].feature % FEATURE_BITS == f &&
                    settled[edge[i].needs % FEATURE_BITS] == 0)
                    ready = false;
            if (ready) {
                settled[f] = 1;
                again = true;
            }
        }
    }
    for (unsigned f = 0; f < FEATURE_BITS; f++) {
        if (settled[f] != 0)
            continue;
        *at = f;
        return false;
    }
    return true;
}

size_t feature_edge_count(void)
{
    return EDGES;
}

struct feature_edge feature_edge_at(size_t i)
{
    return edges[i < EDGES ? i : 0];
}
