/* SPDX-License-Identifier: MIT */
/* The rewrite of the other vendor's hypercall instruction gone wrong. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define PATCH .kind = MUTANT_SYSTEMATIC, .area = MUTANT_PATCH, .source = "trapspec"
#define UD 6u
#define GP 13u
#define PF 14u

static bool is_patch(const struct mutant *m, const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_PATCH && mutant_foreign(m, ev);
}

/* Bytes: one wrong, or all three of another instruction. */
static const struct {
    const char *name;
    uint8_t op[3];
} wrong[] = {
    {"nop", {0x90, 0x90, 0x90}},  {"ud2", {0x0f, 0x0b, 0xcc}},    {"cpuid", {0x0f, 0xa2, 0x90}},
    {"int3", {0xcc, 0xcc, 0xcc}}, {"vmfunc", {0x0f, 0x01, 0xd4}}, {"zero", {0, 0, 0}},
};
#define NWRONG (sizeof(wrong) / sizeof(wrong[0]))

static void name_byte(unsigned i, char *out, size_t max)
{
    if (i < 24)
        snprintf(out, max, "%u-%u", i / 8, i % 8);
    else
        snprintf(out, max, "%s", wrong[i - 24].name);
}

static bool end_byte(struct mutant *m, struct tsp_event *ev)
{
    unsigned at = ev->len - 3u;

    if (!is_patch(m, ev))
        return false;
    if (m->i < 24) {
        mutant_text(m, ev, at + m->i / 8, ev->stored[at + m->i / 8] ^ (uint8_t)(1u << m->i % 8));
        return false;
    }
    for (unsigned k = 0; k < 3; k++)
        mutant_text(m, ev, at + k, wrong[m->i - 24].op[k]);
    return false;
}

/* Place: where the three bytes land, in memory and as told. */
static const struct {
    const char *name;
    int8_t by;
} shift[] = {{"before", -1}, {"behind", 1}, {"far", 16}};

static void name_place(unsigned i, char *out, size_t max)
{
    if (i < 3)
        snprintf(out, max, "%s", shift[i].name);
    else
        snprintf(out, max, "%s", i == 3 ? "start" : "no-base");
}

/* What was written at the opcode is undone and written `by` bytes further on. */
static void move(struct mutant *m, struct tsp_event *ev, uint64_t by)
{
    unsigned at = ev->len - 3u;
    uint8_t op[3] = {0x0f, 0x01, mutant_own_third(m)};
    uint64_t off = at + by;

    for (unsigned k = 0; k < 3; k++)
        mutant_text(m, ev, at + k, ev->fetched[at + k]);
    mutant_write(m, ev->addr + off, op, 3);
    for (unsigned k = 0; k < 3; k++)
        if (off + k < TSP_INSN_BYTES)
            ev->stored[off + k] = op[k];
    ev->info[0] += by;
}

static bool end_place(struct mutant *m, struct tsp_event *ev)
{
    if (!is_patch(m, ev))
        return false;
    if (m->i < 3)
        move(m, ev, (uint64_t)(int64_t)shift[m->i].by);
    else if (m->i == 3 && ev->len > 3)
        move(m, ev, (uint64_t)0 - (ev->len - 3u));
    else if (m->i == 4 && ev->addr != ev->before.pc)
        move(m, ev, ev->before.pc - ev->addr);
    return false;
}

/* More is written than the opcode. */
static const char *const extra_way[] = {"prefix", "next", "four", "none", "partial-1", "partial-2"};

static void name_extra(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", extra_way[i]);
}

static bool end_extra(struct mutant *m, struct tsp_event *ev)
{
    unsigned at = ev->len - 3u;

    if (!is_patch(m, ev))
        return false;
    if (m->i == 0 && at > 0)
        mutant_text(m, ev, at - 1, 0x90);
    if (m->i == 1 || m->i == 2)
        mutant_text(m, ev, ev->len, ev->stored[ev->len & 15u] ^ 0xff);
    if (m->i == 2)
        ev->info[1] = 4;
    if (m->i == 3)
        ev->info[1] = 0;
    for (unsigned k = m->i - 3; m->i >= 4 && k < 3; k++)
        mutant_text(m, ev, at + k, ev->fetched[at + k]);
    return false;
}

/* The end of a rewrite. */
static const char *const end_way[] = {"pc",    "fault", "fault-gp", "fault-pf", "step",
                                      "twice", "calls", "none",     "hangs",    "two"};

static void name_end(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", end_way[i]);
}

static void in_place_of(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t vector[] = {0, UD, GP, PF, 1};

    switch (m->i) {
    case 5: /* the rewrite is undone: it is tried again */
        if (m->counter++ < 2)
            mutant_undo(m, ev, TSP_EV_PATCH, 0);
        break;
    case 6:
        mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
        break;
    case 7:
        mutant_undo(m, ev, TSP_EV_RETIRE, ev->len);
        break;
    case 8:
        ev->kind = TSP_EV_STOP;
        ev->code = TSP_STOP_LIVELOCK;
        break;
    default:
        mutant_fault(m, ev, vector[m->i], m->i == 3 ? 3 : 0, m->i == 3 ? ev->addr : 0);
        break;
    }
}

static bool end_end(struct mutant *m, struct tsp_event *ev)
{
    if (!is_patch(m, ev))
        return false;
    if (m->i == 0) {
        ev->after.pc += ev->len;
        return true;
    }
    if (m->i == 9) { /* with the call done already */
        ev->after.r[TSP_RAX] = 0;
        return true;
    }
    in_place_of(m, ev);
    return false;
}

/* Who is rewritten although it must not be: an exception becomes a rewrite. */
static const char *const must_not[] = {"readonly", "lock", "long", "ud2", "ud0", "ud1"};

static void name_must_not(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", must_not[i]);
}

static bool has_lock(const struct tsp_event *ev)
{
    for (unsigned i = 0; i < ev->len && i < TSP_INSN_BYTES; i++)
        if (ev->fetched[i] == 0xf0)
            return true;
    return false;
}

static bool is_undefined(const struct tsp_event *ev, uint8_t second)
{
    return ev->len >= 2 && ev->fetched[0] == 0x0f && ev->fetched[1] == second;
}

static bool wanted(const struct mutant *m, const struct tsp_event *ev)
{
    bool rewrite = m->given->patch == TSP_PATCH_REWRITE, call = mutant_foreign(m, ev);

    switch (m->i) {
    case 0:
        return call && rewrite && ev->code == UD && !has_lock(ev) &&
               (ev->text[1] & TSP_TEXT_KNOWN) != 0 && !(ev->text[1] & TSP_TEXT_WRITE);
    case 1:
        return call && ev->code == UD && has_lock(ev);
    case 2:
        return ev->code == GP && ev->len >= 15;
    case 3:
        return ev->code == UD && is_undefined(ev, 0x0b);
    case 4:
        return ev->code == UD && is_undefined(ev, 0xff);
    default:
        return ev->code == UD && is_undefined(ev, 0xb9);
    }
}

static bool end_must_not(struct mutant *m, struct tsp_event *ev)
{
    uint64_t addr = ev->addr;
    unsigned at = ev->len >= 3 ? ev->len - 3u : 0;
    uint8_t op[3] = {0x0f, 0x01, mutant_own_third(m)};

    if (ev->kind != TSP_EV_FAULT || !is_x86(ev) || !wanted(m, ev))
        return false;
    mutant_undo(m, ev, TSP_EV_PATCH, 0);
    for (unsigned k = 0; k < 3; k++)
        mutant_text(m, ev, at + k, op[k]);
    ev->info[0] = addr + at;
    ev->info[1] = 3;
    return false;
}

/* Exceptions of instructions that may not be rewritten. */
static const struct {
    const char *name;
    uint32_t vector;
    uint64_t error;
} other[] = {
    {"gp", GP, 0}, {"pf", PF, 3}, {"error", UD, 1}, {"np", 11, 0},
    {"de", 0, 0},  {"bp", 3, 0},  {"ac", 17, 0},
};
#define NOTHER (sizeof(other) / sizeof(other[0]))

static void name_other(unsigned i, char *out, size_t max)
{
    if (i < NOTHER)
        snprintf(out, max, "%s", other[i].name);
    else
        snprintf(out, max, "%s", i == NOTHER ? "rax" : i == NOTHER + 1 ? "text" : "skipped");
}

static bool end_other(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || ev->code != UD || mutant_third(ev) == 0)
        return false;
    if (m->i < NOTHER) {
        mutant_fault(m, ev, other[m->i].vector, other[m->i].error, m->i == 1 ? ev->addr : 0);
        return false;
    }
    if (m->i == NOTHER)
        ev->after.r[TSP_RAX] ^= 1;
    else if (m->i == NOTHER + 1)
        mutant_text(m, ev, ev->len - 1u, mutant_own_third(m));
    else
        mutant_undo(m, ev, TSP_EV_HYPERCALL, ev->len);
    return m->i == NOTHER;
}

/* A right instruction is rewritten all the same. */
static bool end_native(struct mutant *m, struct tsp_event *ev)
{
    uint64_t addr = ev->addr + ev->len - 3u;

    if (ev->kind != TSP_EV_HYPERCALL || !mutant_native(m, ev) || m->counter++ > 8)
        return false;
    mutant_undo(m, ev, TSP_EV_PATCH, 0);
    ev->info[0] = addr;
    ev->info[1] = 3;
    return false;
}

const struct mutant_row mutant_rows_patch[] = {
    {.id = "patch-byte",
     .text = "the rewrite leaves other bytes",
     PATCH,
     .n = 24 + NWRONG,
     .name = name_byte,
     .end = end_byte},
    {.id = "patch-place",
     .text = "the rewrite lands elsewhere",
     PATCH,
     .n = 5,
     .name = name_place,
     .end = end_place},
    {.id = "patch-extent",
     .text = "the rewrite writes more or less than the opcode",
     PATCH,
     .n = 6,
     .name = name_extra,
     .end = end_extra},
    {.id = "patch-end",
     .text = "a rewrite ends otherwise",
     PATCH,
     .n = 10,
     .name = name_end,
     .end = end_end},
    {.id = "patch-never",
     .text = "what must stay is rewritten",
     PATCH,
     .n = 6,
     .name = name_must_not,
     .end = end_must_not},
    {.id = "patch-fault",
     .text = "what cannot be rewritten ends otherwise",
     PATCH,
     .n = NOTHER + 3,
     .name = name_other,
     .end = end_other},
    {.id = "patch-native", .text = "the right instruction is rewritten", PATCH, .end = end_native},
    {.id = NULL},
};
