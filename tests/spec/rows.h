/* SPDX-License-Identifier: MIT */
/* Rows of events: what passes a predicate, and what differs in the event that fails it. */
#ifndef TSP_TESTS_SPEC_ROWS_H
#define TSP_TESTS_SPEC_ROWS_H

#include "tests/spec/rule.h"

static inline enum verdict verdict_of(const char *when, const char *must)
{
    struct build *b = rule_of("patch", when, must);
    enum verdict v = judge_with(&b->spec);

    free(b);
    return v;
}

/* What differs from the event that passes. */
struct change {
    int reg; /* after.r[reg], or one of the names below; -100: nothing */
    uint64_t value;
};
enum {
    CH_NONE = -100,
    CH_PC,
    CH_FLAGS,
    CH_MODE,
    CH_LEVEL,
    CH_CODE,
    CH_INFO0,
    CH_INFO1,
    CH_STORED,
    CH_KIND,
    CH_RF /* set before and after */
};

static inline void apply(struct tsp_event *ev, const struct change *c)
{
    switch (c->reg) {
    case CH_NONE:
        break;
    case CH_PC:
        ev->after.pc = c->value;
        break;
    case CH_FLAGS:
        ev->after.flags = c->value;
        break;
    case CH_MODE:
        ev->after.mode = (uint32_t)c->value;
        break;
    case CH_LEVEL:
        ev->after.level = (uint32_t)c->value;
        break;
    case CH_CODE:
        ev->code = (uint32_t)c->value;
        break;
    case CH_INFO0:
        ev->info[0] = c->value;
        break;
    case CH_INFO1:
        ev->info[1] = c->value;
        break;
    case CH_STORED:
        ev->stored[c->value >> 8] = (uint8_t)c->value;
        break;
    case CH_KIND:
        ev->kind = (uint16_t)c->value;
        break;
    case CH_RF:
        ev->before.flags = ev->after.flags |= 1u << 16;
        break;
    default:
        ev->after.r[c->reg] = c->value;
    }
}

struct case_row {
    const char *when, *must;
    unsigned kind, mode;
    const char *bytes;
    unsigned len;
    struct change base[4]; /* applied to both */
    struct change bad;     /* applied to the failing one */
};

#define N1                                                                                         \
    {                                                                                              \
        CH_NONE, 0                                                                                 \
    }
#define CALL "\x0f\x01\xc1"
#define FOREIGN "\x0f\x01\xd9"
#define HVC "\x02\x00\x00\xd4"

static inline void run_rows(const struct case_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (unsigned bad = 0; bad < 2; bad++) {
            struct tsp_event *ev;
            enum verdict v;

            trace.n = 0;
            ev = add_event(row[i].kind, row[i].mode, row[i].bytes, row[i].len);
            if (row[i].mode == TSP_MODE_A64)
                ev->before.level = ev->after.level = 1;
            for (unsigned k = 0; k < 4; k++)
                if (row[i].base[k].reg || row[i].base[k].value)
                    apply(ev, &row[i].base[k]);
            if (bad)
                apply(ev, &row[i].bad);
            v = verdict_of(row[i].when, row[i].must);
            if (v != (bad ? VERDICT_FAIL : VERDICT_PASS))
                print_error("row %zu (%s), %s: %s\n", i, row[i].must, bad ? "bad" : "good",
                            verdict_name(v));
            assert_int_equal(v, bad ? VERDICT_FAIL : VERDICT_PASS);
            if (bad)
                assert_true(found.f[0].expected[0] && found.f[0].got[0]);
        }
    }
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))
#define H TSP_EV_HYPERCALL
#define L64 TSP_MODE_LONG64

#endif
