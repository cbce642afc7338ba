/* SPDX-License-Identifier: MIT */
/* Where shipped hypervisors differ from the documents: one line each in behaviour.def; profiles are
 * sets of them. */
#ifndef TSP_EMU_HV_BEHAVIOUR_H
#define TSP_EMU_HV_BEHAVIOUR_H

#include "trapspec/base.h"

enum behaviour {
#define BEHAVIOUR(id, name, text, source) BEHAVIOUR_##id,
#define PROFILE(name, base, text)
#define IN_PROFILE(profile, id)
#define NOT_IN_PROFILE(profile, id)
#include "emu/hv/behaviour.def"
#undef BEHAVIOUR
#undef PROFILE
#undef IN_PROFILE
#undef NOT_IN_PROFILE
    BEHAVIOUR_COUNT
};

/* Parses "kvm@linux-6.1+NAME-NAME" into a bit set of `words` 64-bit words. TSP_EARG names the
 * unknown part and the nearest known name; the set is then all zero. */
enum tsp_status behaviour_parse(const char *profile, uint64_t *set, unsigned words,
                                struct tsp_error *err);

/* The tables, for people. false past the end. Any out pointer may be NULL. */
bool behaviour_at(unsigned i, const char **name, const char **text, const char **source);
bool profile_at(unsigned i, const char **name, const char **text);
/* True when that profile (with its +NAME and -NAME) switches behaviour i on; false when it does not
 * parse. */
bool profile_has(const char *profile, unsigned i);

#endif
