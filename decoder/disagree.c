/* SPDX-License-Identifier: MIT */
/* Reviewed differences between our reading of the bytes and Capstone's. */
#include <capstone/capstone.h>

#include "decoder/private.h"

const char *x86_disagree(const struct x86_fields *f)
{
    unsigned op = f->row.op;

#define DISAGREE(name, first, last, condition, reason)                                             \
    if (CS_API_MAJOR >= (first) && CS_API_MAJOR <= (last) && (condition))                          \
        return #name ": " reason;
#include "decoder/disagree.def"
    return NULL;
}

const char *x86_disagree_raw(const struct x86_fields *f, const struct insn *in,
                             const struct capstone_says *cs)
{
    const char *why = x86_disagree(f);
    unsigned op = f->row.op;

    if (why)
        return why;
#define RAW(name, first, last, condition, reason)                                                  \
    if (CS_API_MAJOR >= (first) && CS_API_MAJOR <= (last) && (condition))                          \
        return #name ": " reason;
#include "decoder/disagree.def"
    (void)in;
    (void)cs;
    return NULL;
}
