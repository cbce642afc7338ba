/* SPDX-License-Identifier: MIT */
/*
 * What QEMU's emulated processor (TCG) is known to do otherwise than processors. docs/NESTED.md
 * lists it. A difference that one of these can make says nothing about the hypervisor.
 */
#include "cli/side.h"

#include <string.h>

#define RFLAGS_RF ((uint64_t)1 << 16)
#define PF_WRITE 2u
#define VECTOR_DF 8u
#define VECTOR_SS 12u
#define VECTOR_GP 13u
#define VECTOR_PF 14u

static bool is_16bit(const struct scenario *s)
{
    return s->mode == TSP_MODE_REAL16 || s->mode == TSP_MODE_VM86 || s->mode == TSP_MODE_PROT16 ||
           s->mode == TSP_MODE_COMPAT16;
}

static bool has_byte(const struct scenario *s, uint8_t byte)
{
    return memchr(s->code[0], byte, s->ncode[0]) != NULL;
}

static bool lock(const struct scenario *s, const struct side_result *r)
{
    (void)r;
    return has_byte(s, 0xf0);
}

/* The flags that a fault pushes, on the stack and where the handler finds them. */
static bool resume_flag(const struct scenario *s, const struct side_result *r)
{
    (void)s;
    for (size_t i = 0; i < r->n && i < DIFF_MAX; i++)
        if (strcmp(r->d[i].field, "exc.rflags") != 0)
            return false;
    return r->a.exc && r->b.exc && (r->a.exc_rflags ^ r->b.exc_rflags) == RFLAGS_RF;
}

/* Beyond a limit the model faults and TCG runs on; the end can be anything. */
static bool limit(const struct scenario *s, const struct side_result *r)
{
    return is_16bit(s) && r->a.exc &&
           (r->a.exc_vector == VECTOR_GP || r->a.exc_vector == VECTOR_SS ||
            r->a.exc_vector == VECTOR_DF);
}

static bool hlt_without_exit(const struct scenario *s, const struct side_result *r)
{
    (void)r;
    return (s->config & TSP_CFG_HLT_NOEXIT) != 0;
}

static bool read_before_write(const struct scenario *s, const struct side_result *r)
{
    (void)s;
    return r->a.exc && r->b.exc && r->a.exc_vector == VECTOR_PF && r->b.exc_vector == VECTOR_PF &&
           (r->a.exc_error ^ r->b.exc_error) == PF_WRITE;
}

/* Code that was left by a rewrite, or never was any, runs through memory: slow where the processor
 * below is emulated. */
static bool slow(const struct scenario *s, const struct side_result *r)
{
    (void)s;
    return r->b.exit == OUTCOME_TIMEOUT && r->a.exit != OUTCOME_TIMEOUT &&
           r->b.out.pc != s->code_at;
}

static const struct {
    const char *why;
    bool (*match)(const struct scenario *s, const struct side_result *r);
} row[] = {
    {"TCG does not raise #UD for LOCK", lock},
    {"TCG pushes RF clear", resume_flag},
    {"TCG does not check limits when it fetches", limit},
    {"an interrupt of the host ends HLT on AMD", hlt_without_exit},
    {"TCG reads before it writes", read_before_write},
    {"ran out of time in wild code", slow},
};

const char *side_explained(const struct scenario *s, const struct side_result *r)
{
    if (s->arch != TSP_ARCH_X86)
        return NULL;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].match(s, r))
            return row[i].why;
    return NULL;
}
