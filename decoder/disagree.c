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
#undef DISAGREE
    (void)op;
    return NULL;
}
