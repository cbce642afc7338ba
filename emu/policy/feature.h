/* SPDX-License-Identifier: MIT */
/*
 * Featuresets: the feature bits of a policy as one array of words, their names, and which of them
 * need which. feature.def is the table.
 */
#ifndef TSP_EMU_POLICY_FEATURE_H
#define TSP_EMU_POLICY_FEATURE_H

#include "trapspec/base.h"

#define WORD(id, leaf, subleaf, reg) FEATURE_WORD_##id,
#define FEATURE(word, bit, id, name, whom)
#define NEEDS(feature, other)
enum feature_word {
#include "emu/policy/feature.def"
    FEATURE_WORDS
};

#define WORD(id, leaf, subleaf, reg)
#define FEATURE(word, bit, id, name, whom) FEATURE_##id = FEATURE_WORD_##word * 32 + (bit),
#define NEEDS(feature, other)
enum feature {
#include "emu/policy/feature.def"
    FEATURE_BITS = FEATURE_WORDS * 32
};
#define FEATURE_NONE UINT32_MAX

/* The words that Xen and its tools exchange, from the first on. */
#define FEATURE_WORDS_XEN (FEATURE_WORD_E21C + 1)

/* Where a word comes from; register 4 and 5: lower and upper half of the MSR `leaf`. */
struct feature_place {
    const char *name; /* "7b0" */
    uint32_t leaf, subleaf;
    unsigned reg;
};
extern const struct feature_place feature_words[FEATURE_WORDS];

/* Whom a feature is offered to. */
#define FEATURE_ALL 1u /* by default: every guest */
#define FEATURE_HVM 2u
#define FEATURE_HAP 4u
#define FEATURE_ALL_MAX 8u /* when asked for */
#define FEATURE_HVM_MAX 16u
#define FEATURE_HAP_MAX 32u
#define FEATURE_SPECIAL 64u
#define FEATURE_ANY 128u /* one host of a pool is enough */

struct featureset {
    uint32_t w[FEATURE_WORDS];
};

static inline bool feature_in(const struct featureset *fs, unsigned f)
{
    return (fs->w[f / 32] >> f % 32 & 1) != 0;
}

static inline void feature_put(struct featureset *fs, unsigned f, bool on)
{
    if (on)
        fs->w[f / 32] |= 1u << f % 32;
    else
        fs->w[f / 32] &= ~(1u << f % 32);
}

/* "avx2"; NULL for a bit without a name. */
const char *feature_name(unsigned f);
/* The name, or the place of a bit without one: "7c1[5]". Returns out. */
const char *feature_text(unsigned f, char *out, size_t max);
/* By name; '_' and '-' are the same. FEATURE_NONE when there is no such feature. */
unsigned feature_find(const char *name);
/* All features offered to one of `whom` (FEATURE_*). */
void featureset_offered(unsigned whom, struct featureset *out);

/* Direct needs: the i-th of f, or FEATURE_NONE. */
unsigned feature_needs(unsigned f, unsigned i);
/* Takes away every feature that needs, directly or not, one that is not there. */
void featureset_close(struct featureset *fs);
/* False: *f is there and needs *other, which is not. */
bool featureset_is_closed(const struct featureset *fs, unsigned *f, unsigned *other);
void featureset_and(struct featureset *to, const struct featureset *from);
void featureset_or(struct featureset *to, const struct featureset *from);
bool featureset_subset(const struct featureset *a, const struct featureset *b);
bool featureset_equal(const struct featureset *a, const struct featureset *b);

/*
 * A featureset of n words from another version of this table. Shorter: the missing words are zero.
 * Longer: what has no place here must be zero (false otherwise, and *word says which is not).
 */
bool featureset_read(const uint32_t *w, size_t n, struct featureset *out, size_t *word);

/* Needs as data, so that a table can be checked before it is used. */
struct feature_edge {
    uint16_t feature, needs;
};
/* True when no feature needs itself through others. Two ways to the same need are fine. On false
 * *at is a feature on a cycle. */
bool feature_edges_acyclic(const struct feature_edge *edge, size_t n, unsigned *at);
size_t feature_edge_count(void);
struct feature_edge feature_edge_at(size_t i);

#endif
