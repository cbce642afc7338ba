/* SPDX-License-Identifier: MIT */
/*
 * What QEMU's emulated processor (TCG) is known to do otherwise than processors. docs/NESTED.md
 * lists it. A difference that one of these can make says nothing about the hypervisor.
 */
#include "cli/side.h"

#include <string.h>

#define RFLAGS_RF ((uint64_t)1 << 16)
#define PF_WRITE 2u
#define VECTOR_UD 6u
#define VECTOR_DF 8u
#define VECTOR_SS 12u
#define VECTOR_GP 13u
#define VECTOR_PF 14u

/* Code with the opcode's bytes somewhere in it: minimising leaves little else. */
static bool has(const struct scenario *s, uint8_t first, uint8_t low, uint8_t high)
{
    for (uint32_t i = 0; i < s->ncode[0]; i++) {
        uint8_t next = i + 1 < s->ncode[0] ? s->code[0][i + 1] : 0;

        if (s->code[0][i] == first && next >= low && next <= high)
            return true;
    }
    return false;
}

static bool lock(const struct scenario *s, const struct side_result *r)
{
    return has(s, 0xf0, 0, 0xff) && r->a.exc && r->a.exc_vector == VECTOR_UD;
}

/* Only the flags that are pushed differ, and in RF only; or RF stays set while code runs on. */
static bool resume_flag(const struct scenario *s, const struct side_result *r)
{
    bool pushed = r->a.exc && r->b.exc && (r->a.exc_rflags ^ r->b.exc_rflags) == RFLAGS_RF;

    (void)s;
    for (size_t i = 0; i < r->n && i < DIFF_MAX; i++) {
        if (strcmp(r->d[i].field, "exc.rflags") == 0 && pushed)
            continue;
        if (strcmp(r->d[i].field, "out.rflags") != 0 ||
            (r->a.out.flags ^ r->b.out.flags) != RFLAGS_RF)
            return false;
    }
    return true;
}

/* Beyond a limit, or against the rights of a segment, the model faults and TCG runs on; the end can
 * be anything. */
static bool segments(const struct scenario *s, const struct side_result *r)
{
    bool flat = s->mode == TSP_MODE_LONG64;

    return !flat && r->a.exc &&
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
    return r->b.exit == OUTCOME_TIMEOUT && r->a.exit != OUTCOME_TIMEOUT &&
           r->b.out.pc != s->code_at - s->cs_base;
}

/* Where a loop is when its time is up says nothing. */
static bool loop(const struct scenario *s, const struct side_result *r)
{
    (void)s;
    return r->b.exit == OUTCOME_TIMEOUT && r->a.exit == OUTCOME_TIMEOUT;
}

/* VMRUN to INVLPGA; TCG looks at RAX before it looks at the intercept. */
static bool svm_insn(const struct scenario *s, const struct side_result *r)
{
    (void)r;
    for (uint32_t i = 0; i + 2 < s->ncode[0]; i++)
        if (s->code[0][i] == 0x0f && s->code[0][i + 1] == 0x01 && s->code[0][i + 2] >= 0xd8 &&
            s->code[0][i + 2] <= 0xdf && s->code[0][i + 2] != 0xd9)
            return true;
    return false;
}

/* CLAC and STAC with 66, F2 or F3 are #UD by the SDM. */
static bool clac(const struct scenario *s, const struct side_result *r)
{
    return r->a.exc && r->a.exc_vector == VECTOR_UD && has(s, 0x01, 0xca, 0xcb);
}

/* INT n that its gate forbids: twice the vector in the error code of long mode, and the address
 * behind the instruction where it crosses a page. */
static bool int_n(const struct scenario *s, const struct side_result *r)
{
    return r->a.exc && r->b.exc && r->a.exc_vector == VECTOR_GP && r->b.exc_vector == VECTOR_GP &&
           has(s, 0xcd, 0, 0xff);
}

static const struct {
    const char *why;
    bool (*match)(const struct scenario *s, const struct side_result *r);
    bool sure; /* holds whatever else the scenario has */
} row[] = {
    {"TCG leaves RF as it is", resume_flag, true},
    {"TCG reads before it writes", read_before_write, true},
    {"both loop for ever", loop, true},
    {"an interrupt of the host ends HLT on AMD", hlt_without_exit, true},
    {"ran out of time in wild code", slow, true},
    {"TCG does not raise #UD for LOCK", lock, false},
    {"TCG checks neither limits nor rights of segments", segments, false},
    {"TCG's own treatment of an SVM instruction", svm_insn, false},
    {"TCG lets CLAC and STAC have prefixes", clac, false},
    {"TCG's error code and address of a forbidden INT n", int_n, false},
};

const char *side_explained(const struct scenario *s, const struct side_result *r, bool small)
{
    if (s->arch != TSP_ARCH_X86)
        return NULL;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if ((small || row[i].sure) && row[i].match(s, r))
            return row[i].why;
    return NULL;
}
