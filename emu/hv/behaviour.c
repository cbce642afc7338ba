/* SPDX-License-Identifier: MIT */
/* Names of behaviours and profiles, and "profile+NAME-NAME". */
#include "emu/hv/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "emu/state/vm.h"

struct behaviour_row {
    const char *name, *text, *source;
};

struct profile_row {
    const char *name, *base, *text;
};

struct member_row {
    const char *profile;
    uint32_t id;
    bool on;
};

/* ORDER: enum behaviour */
static const struct behaviour_row behaviours[] = {
#define BEHAVIOUR(id, name, text, source) {name, text, source},
#define PROFILE(name, base, text)
#define IN_PROFILE(profile, id)
#define NOT_IN_PROFILE(profile, id)
#include "emu/hv/behaviour.def"
#undef BEHAVIOUR
#undef PROFILE
#undef IN_PROFILE
#undef NOT_IN_PROFILE
};

static const struct profile_row profiles[] = {
#define BEHAVIOUR(id, name, text, source)
#define PROFILE(name, base, text) {name, base, text},
#define IN_PROFILE(profile, id)
#define NOT_IN_PROFILE(profile, id)
#include "emu/hv/behaviour.def"
#undef BEHAVIOUR
#undef PROFILE
#undef IN_PROFILE
#undef NOT_IN_PROFILE
};

static const struct member_row members[] = {
#define BEHAVIOUR(id, name, text, source)
#define PROFILE(name, base, text)
#define IN_PROFILE(profile, id) {profile, BEHAVIOUR_##id, true},
#define NOT_IN_PROFILE(profile, id) {profile, BEHAVIOUR_##id, false},
#include "emu/hv/behaviour.def"
#undef BEHAVIOUR
#undef PROFILE
#undef IN_PROFILE
#undef NOT_IN_PROFILE
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

_Static_assert(COUNT(behaviours) == BEHAVIOUR_COUNT, "ORDER: enum behaviour");
_Static_assert(BEHAVIOUR_COUNT <= VM_BEHAVIOUR_WORDS * 64, "too many behaviours for struct vm");

/* A base chain longer than this is a mistake in behaviour.def. */
#define MAX_DEPTH 8u

static void set_put(uint64_t *set, unsigned words, unsigned bit, bool on)
{
    uint64_t mask = (uint64_t)1 << (bit % 64);

    if (bit / 64 >= words)
        return;
    set[bit / 64] = on ? set[bit / 64] | mask : set[bit / 64] & ~mask;
}

static const struct profile_row *find_profile(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(profiles); i++)
        if (strlen(profiles[i].name) == len && memcmp(profiles[i].name, name, len) == 0)
            return &profiles[i];
    return NULL;
}

static void apply_members(const char *profile, uint64_t *set, unsigned words)
{
    for (size_t i = 0; i < COUNT(members); i++)
        if (strcmp(members[i].profile, profile) == 0)
            set_put(set, words, members[i].id, members[i].on);
}

/* Bases first, so that a profile can take away what its base has. */
static void apply_profile(const struct profile_row *p, uint64_t *set, unsigned words)
{
    const struct profile_row *chain[MAX_DEPTH];
    unsigned n = 0;

    while (p != NULL && n < MAX_DEPTH) {
        chain[n++] = p;
        p = p->base != NULL ? find_profile(p->base, strlen(p->base)) : NULL;
    }
    while (n > 0)
        apply_members(chain[--n]->name, set, words);
}

/* Number of leading characters two names share; the nearest name is the one that shares most. */
static size_t common(const char *a, size_t len, const char *b)
{
    size_t n = 0;

    while (n < len && b[n] != '\0' && a[n] == b[n])
        n++;
    return n;
}

static enum tsp_status unknown(struct tsp_error *err, const char *what, const char *name,
                               size_t len, const char *near)
{
    if (err != NULL) {
        err->code = TSP_EARG;
        err->line = 0;
        snprintf(err->text, sizeof(err->text), "unknown %s \"%.*s\"; did you mean \"%s\"?", what,
                 (int)(len < 40 ? len : 40), name, near);
    }
    return TSP_EARG;
}

static enum tsp_status unknown_profile(struct tsp_error *err, const char *name, size_t len)
{
    size_t best = 0;

    for (size_t i = 1; i < COUNT(profiles); i++)
        if (common(name, len, profiles[i].name) > common(name, len, profiles[best].name))
            best = i;
    return unknown(err, "profile", name, len, profiles[best].name);
}

static enum tsp_status unknown_behaviour(struct tsp_error *err, const char *name, size_t len)
{
    size_t best = 0;

    for (size_t i = 1; i < COUNT(behaviours); i++)
        if (common(name, len, behaviours[i].name) > common(name, len, behaviours[best].name))
            best = i;
    return unknown(err, "behaviour", name, len, behaviours[best].name);
}

/* Length of the longest profile name that s starts with and that ends at a sign or at the end; 0
 * when none. */
static size_t profile_prefix(const char *s)
{
    size_t best = 0;

    for (size_t i = 0; i < COUNT(profiles); i++) {
        size_t n = strlen(profiles[i].name);
        char end = strncmp(s, profiles[i].name, n) == 0 ? s[n] : 'x';

        if ((end == '\0' || end == '+' || end == '-') && n > best)
            best = n;
    }
    return best;
}

/* One "+NAME" or "-NAME" at *s, which moves past it. */
static enum tsp_status parse_switch(const char **s, uint64_t *set, unsigned words,
                                    struct tsp_error *err)
{
    bool on = **s == '+';
    const char *name = *s + 1;
    size_t len = strcspn(name, "+-");

    for (size_t i = 0; i < COUNT(behaviours); i++) {
        if (strlen(behaviours[i].name) != len || memcmp(behaviours[i].name, name, len) != 0)
            continue;
        set_put(set, words, (unsigned)i, on);
        *s = name + len;
        return TSP_OK;
    }
    return unknown_behaviour(err, name, len);
}

enum tsp_status behaviour_parse(const char *profile, uint64_t *set, unsigned words,
                                struct tsp_error *err)
{
    size_t n = profile_prefix(profile);
    const char *s = profile + n;
    enum tsp_status st = TSP_OK;

    memset(set, 0, words * sizeof(set[0]));
    if (n == 0)
        return unknown_profile(err, profile, strlen(profile));
    apply_profile(find_profile(profile, n), set, words);
    while (st == TSP_OK && *s != '\0')
        st = parse_switch(&s, set, words, err);
    if (st != TSP_OK)
        memset(set, 0, words * sizeof(set[0]));
    return st;
}

bool behaviour_at(unsigned i, const char **name, const char **text, const char **source)
{
    if (i >= COUNT(behaviours))
        return false;
    if (name != NULL)
        *name = behaviours[i].name;
    if (text != NULL)
        *text = behaviours[i].text;
    if (source != NULL)
        *source = behaviours[i].source;
    return true;
}

bool profile_at(unsigned i, const char **name, const char **text)
{
    if (i >= COUNT(profiles))
        return false;
    if (name != NULL)
        *name = profiles[i].name;
    if (text != NULL)
        *text = profiles[i].text;
    return true;
}

bool profile_has(const char *profile, unsigned i)
{
    uint64_t set[VM_BEHAVIOUR_WORDS];

    if (i >= BEHAVIOUR_COUNT)
        return false;
    if (behaviour_parse(profile, set, VM_BEHAVIOUR_WORDS, NULL) != TSP_OK)
        return false;
    return ((set[i / 64] >> (i % 64)) & 1) != 0;
}
