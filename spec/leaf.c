/* SPDX-License-Identifier: MIT */
/* Judges a CPUID answer by the rows of its leaf. */
#include "spec/judge.h"

static bool masks_hold(const struct leaf_rec *rec, const uint32_t reg[4])
{
    uint32_t bad = 0;

    for (unsigned i = 0; i < 4; i++)
        bad |= (reg[i] & rec->zero[i]) | (~reg[i] & rec->one[i]);
    return bad == 0;
}

static uint32_t row_mask(const struct field_row *row)
{
    return (uint32_t)((0xffffffffull >> (31 - (row->hi - row->lo))) << row->lo);
}

/* A wrong field is the policy's fault when the policy holds the same wrong bits. */
static enum subject blame(const struct judge *j, const struct field_row *row, const uint32_t reg[4])
{
    if (!j->served || (row->kind == FIELD_DYN && dyn_is_targets(row->dyn)))
        return SUBJECT_TARGET;
    return ((reg[row->reg] ^ j->served->reg[row->reg]) & row_mask(row)) ? SUBJECT_TARGET
                                                                        : SUBJECT_POLICY;
}

static unsigned judge_row(struct judge *j, const struct field_row *row, const uint32_t reg[4])
{
    struct say say;

    /* Which sub-leaf's state such an entry has to show cannot be told. */
    if (j->blurred && (row_mask(row) & j->run[row->reg]))
        return 0;
    if (row->kind != FIELD_DYN && (row_mask(row) & j->rec->given[row->reg]))
        return 0;
    say.expected[0] = say.got[0] = 0;
    if (field_holds(j, row, reg, &say))
        return 0;
    judge_report(j, VERDICT_FAIL, blame(j, row, reg), row->rule, &say);
    return 1;
}

/* State that rules of this kind need and a target without a running vCPU cannot show. */
static bool row_needs_state(const struct judge *j, const struct field_row *row)
{
    return row->kind == FIELD_DYN && row->dyn != DYN_ECHO_ECX && !(j->opt->caps & TSP_CAP_EXEC);
}

static unsigned judge_special(struct judge *j, const uint32_t reg[4])
{
    const struct leaf_rec *rec = j->rec;
    unsigned failed = 0;

    for (unsigned i = 0; i < rec->nspecial; i++) {
        const struct field_row *row = &j->s->field[j->s->rec_row[rec->special + i]];

        if (j->redirected && row->kind != FIELD_DYN)
            continue;
        if (row_needs_state(j, row))
            judge_report(j, VERDICT_SKIP, SUBJECT_TARGET, row->rule, NULL);
        else
            failed += judge_row(j, row, reg);
    }
    return failed;
}

static bool row_is_mask(const struct field_row *row)
{
    return row->kind == FIELD_ZERO || row->kind == FIELD_ONE || row->kind == FIELD_BITS ||
           (row->kind == FIELD_EQ && !row->value_relative);
}

/* A leaf has some sixty rows and is often asked again: its answers are counted as one, and its rows
 * at the end. */
static void tally_flush(const struct judge *j, struct leaf_tally *t)
{
    for (unsigned i = 0; t->rec && i < t->rec->nrow; i++)
        j->opt->hits[j->s->field[j->s->rec_row[t->rec->row + i]].rule] += t->n;
    t->rec = NULL;
    t->n = 0;
}

static void tally(struct judge *j, const struct leaf_rec *rec)
{
    struct leaf_tally *t = &j->tally[(size_t)(rec - j->s->rec) % TALLY_SLOTS];

    if (t->rec != rec) {
        tally_flush(j, t);
        t->rec = rec;
    }
    t->n++;
}

/* The leaf's own rows. After a redirection only what follows the vCPU's state is judged again: the
 * data are another leaf's, which was asked for nothing. Returns how many rows failed. */
unsigned leaf_judge(struct judge *j)
{
    const struct leaf_rec *rec = j->rec;
    const uint16_t *row = j->s->rec_row + rec->row;
    uint32_t reg[4];
    unsigned failed = 0;

    cpuid_answer(j, reg);
    /* A machine whose dump is read has no policy to say that the leaf is not there; zeroes do. */
    if (j->setup->npolicy == 0 && !(reg[0] | reg[1] | reg[2] | reg[3]))
        return 0;
    if (!j->redirected) {
        if (j->opt->hits)
            tally(j, rec);
        if (cpuid_was_clean(j, reg))
            return 0;
        if (!masks_hold(rec, reg))
            for (unsigned i = 0; i < rec->nrow; i++)
                if (row_is_mask(&j->s->field[row[i]]))
                    failed += judge_row(j, &j->s->field[row[i]], reg);
    }
    failed += rec->nspecial ? judge_special(j, reg) : 0;
    /* Rows that this target cannot show are told of each time. */
    if (!failed && !j->redirected && (j->opt->caps & TSP_CAP_EXEC))
        cpuid_note_clean(j, reg);
    return failed;
}

void leaf_flush(struct judge *j)
{
    for (unsigned i = 0; i < TALLY_SLOTS; i++)
        tally_flush(j, &j->tally[i]);
}
