/* SPDX-License-Identifier: MIT */
/* The matrix of races: cases to scenarios. */
#include "fuzz/run/race.h"

#include "trapspec/bits.h"

#include <stdio.h>
#include <string.h>

#define HLT 0xf4u
#define OTHER_PAGE 0x14000u /* free for the guest */
#define PAGE 0x1000u
#define PTE_PWU 7u

/* ORDER: enum race_other */
const char *const race_other_names[] = {"same",    "store", "restore", "breakpoint", "create",
                                        "protect", "remap", "copy",    "unmap",      "interrupt",
                                        "migrate", "moved", NULL};
/* ORDER: enum race_pages */
const char *const race_pages_names[] = {"rw", "second-ro", "ro", "rom", NULL};
const char *const race_prefix_names[] = {"none", "66", "3e", "3e3e3e", NULL};
/* Offset in the 16-byte block; "end-N": N bytes before the end of the page. */
const char *const race_place_names[] = {"0", "13", "14", "15", "end-2", "end-1", NULL};

_Static_assert(sizeof(race_other_names) / sizeof(race_other_names[0]) == RACE_OTHERS + 1, "ORDER");
_Static_assert(sizeof(race_pages_names) / sizeof(race_pages_names[0]) == RACE_PAGES + 1, "ORDER");
_Static_assert(sizeof(race_prefix_names) / sizeof(race_prefix_names[0]) == RACE_PREFIXES + 1,
               "prefixes");
_Static_assert(sizeof(race_place_names) / sizeof(race_place_names[0]) == RACE_PLACES + 1, "places");

static const struct {
    uint8_t n, byte[3];
} prefixes[RACE_PREFIXES] = {{0, {0}}, {1, {0x66}}, {1, {0x3e}}, {3, {0x3e, 0x3e, 0x3e}}};

/* From the start of a page. */
static const uint16_t places[RACE_PLACES] = {0x100, 0x10d, 0x10e, 0x10f, 0xffe, 0xfff};

static bool crosses(const struct race_case *c)
{
    return places[c->place] + prefixes[c->prefix].n + 3u > PAGE;
}

static bool paged(const struct race_case *c)
{
    return c->mode == TSP_MODE_LONG64 || c->mode == TSP_MODE_COMPAT32;
}

/* Ways other than the protocol's own: those that differ in what is stored when. */
#define W(n) (n)
#define DOWN TSP_HOW_DOWN
#define LOCK TSP_HOW_LOCKED
#define CAS TSP_HOW_CAS
static const uint8_t hows[] = {
    0,           DOWN,         CAS,         DOWN | CAS,        W(2),        W(2) | DOWN,
    W(2) | LOCK, W(2) | CAS,   W(3),        W(2) | LOCK | CAS, W(3) | LOCK, W(2) | DOWN | CAS,
    W(3) | CAS,  W(4),         W(4) | LOCK, W(3) | LOCK | CAS, W(4) | CAS,  W(4) | LOCK | CAS,
    TSP_HOW_INT, TSP_HOW_OPEN,
};
#define HOWS (sizeof(hows) / sizeof(hows[0]))

static bool how_fits(const struct race_case *c)
{
    if (c->how == 0)
        return true;
    if (c->how == TSP_HOW_INT)
        return c->protocol == TSP_PROTOCOL_TEXT_POKE;
    if (c->how & TSP_HOW_OPEN)
        return c->protocol == TSP_PROTOCOL_KVM || c->protocol == TSP_PROTOCOL_KVM_2021;
    return c->protocol >= TSP_PROTOCOL_KVM && c->protocol <= TSP_PROTOCOL_VIRTUALBOX;
}

bool race_possible(const struct race_case *c)
{
    if (!how_fits(c))
        return false;
    if (c->based && c->mode == TSP_MODE_LONG64)
        return false;
    if (c->pages == RACE_SECOND_READONLY && !crosses(c))
        return false;
    if (c->pages != RACE_WRITABLE && c->pages != RACE_ROM && !paged(c))
        return false;
    if (race_tables(c) && (!paged(c) || c->based))
        return false;
    return (c->other != RACE_REMAP && c->other != RACE_COPY) || !crosses(c);
}

bool race_tables(const struct race_case *c)
{
    return c->other >= RACE_PROTECT && c->other <= RACE_UNMAP;
}

/* ---- the matrix: all of it in 64-bit mode, the other modes without prefixes and page rights ----
 */

static const struct {
    uint8_t mode, based;
} modes[] = {{TSP_MODE_LONG64, 0}, {TSP_MODE_COMPAT32, 0}, {TSP_MODE_COMPAT32, 1},
             {TSP_MODE_PROT32, 0}, {TSP_MODE_PROT32, 1},   {TSP_MODE_REAL16, 0},
             {TSP_MODE_REAL16, 1}};
#define MODES (sizeof(modes) / sizeof(modes[0]))

static bool in_matrix(const struct race_case *c)
{
    struct race_case any = *c;

    any.how = 0;
    if (!race_possible(&any))
        return false;
    if (c->how != 0 && c->prefix != 0)
        return false;
    if (c->how == TSP_HOW_OPEN)
        return c->mode == TSP_MODE_LONG64 && c->vcpus == 2 &&
               (c->pages == RACE_READONLY || c->pages == RACE_SECOND_READONLY);
    if (c->how != 0 && c->how != TSP_HOW_INT)
        return c->mode == TSP_MODE_LONG64 && c->vcpus == 2 && c->pages <= RACE_SECOND_READONLY &&
               (c->other <= RACE_RESTORE || c->other == RACE_CREATE || c->other == RACE_PROTECT);
    if (c->mode != TSP_MODE_LONG64)
        return c->prefix == 0 && c->pages == RACE_WRITABLE && c->vcpus == 2;
    return c->vcpus == 2 || (c->prefix == 0 && c->pages == RACE_WRITABLE && c->other <= RACE_STORE);
}

static unsigned take(unsigned *i, unsigned n)
{
    unsigned v = *i % n;

    *i /= n;
    return v;
}

unsigned race_case_end(void)
{
    return 2u * RACE_OTHERS * RACE_PAGES * RACE_PLACES * RACE_PREFIXES * (unsigned)MODES * 2u *
           (unsigned)HOWS;
}

bool race_case_at(unsigned i, struct race_case *out)
{
    unsigned mode;

    memset(out, 0, sizeof(*out));
    out->host = take(&i, 2) ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    out->other = (uint8_t)take(&i, RACE_OTHERS);
    out->pages = (uint8_t)take(&i, RACE_PAGES);
    out->place = (uint8_t)take(&i, RACE_PLACES);
    out->prefix = (uint8_t)take(&i, RACE_PREFIXES);
    mode = take(&i, (unsigned)MODES);
    out->mode = modes[mode].mode;
    out->based = modes[mode].based;
    out->vcpus = (uint8_t)(2 + take(&i, 2));
    out->how = i < HOWS ? hows[i] : 0;
    return i < HOWS && in_matrix(out);
}

const char *race_case_text(const struct race_case *c, char *out, size_t max)
{
    static const char *const mode[] = {"real16",   "vm86",     "prot16", "prot32",
                                       "compat16", "compat32", "long64"};

    char way[80];

    snprintf(out, max, "%s%s %s prefix %s at %s pages %s other %s vcpus %u%s%s",
             c->mode <= TSP_MODE_LONG64 ? mode[c->mode] : "?", c->based ? "+base" : "",
             c->host == TSP_VENDOR_AMD ? "amd" : "intel", race_prefix_names[c->prefix],
             race_place_names[c->place], race_pages_names[c->pages], race_other_names[c->other],
             c->vcpus, c->how != 0 ? " how " : "", input_how_text(c->how, way, sizeof(way)));
    return out;
}

unsigned race_interrupts(const struct race_case *c)
{
    return c->other == RACE_INTERRUPT;
}

unsigned race_migrations(const struct race_case *c)
{
    return c->other == RACE_MIGRATE || c->other == RACE_MOVED;
}

/* ---- programs ---- */

static void put(struct scenario *s, unsigned vcpu, const uint8_t *p, unsigned n)
{
    memcpy(s->code[vcpu] + s->ncode[vcpu], p, n);
    s->ncode[vcpu] += n;
}

/* MOV [at], imm with an absolute address: C6 or C7 /0 (Intel SDM Vol. 2B, MOV). */
static void put_store(struct scenario *s, uint32_t at, uint32_t value, unsigned size)
{
    uint8_t code[16];
    unsigned n = 0, disp = 4;

    if (s->mode == TSP_MODE_REAL16 && size == 4)
        code[n++] = 0x66;
    code[n++] = size == 1 ? 0xc6 : 0xc7;
    if (s->mode == TSP_MODE_LONG64) {
        code[n++] = 0x04;
        code[n++] = 0x25;
    } else if (s->mode == TSP_MODE_REAL16) {
        code[n++] = 0x06;
        disp = 2;
    } else {
        code[n++] = 0x05;
    }
    le_store(code + n, at, disp);
    n += disp;
    le_store(code + n, value, size);
    put(s, 1, code, n + size);
}

/* INVLPG: 0F 01 /7. */
static void put_invlpg(struct scenario *s, uint32_t at)
{
    uint8_t code[8] = {0x0f, 0x01, s->mode == TSP_MODE_LONG64 ? 0x3c : 0x3d, 0x25};
    unsigned n = s->mode == TSP_MODE_LONG64 ? 4 : 3;

    le_store(code + n, at, 4);
    put(s, 1, code, n + 4);
}

/* The instruction and the HLT behind it, as one store writes them. */
static uint32_t call_word(const struct race_case *c)
{
    return (c->host == TSP_VENDOR_AMD) != (c->other == RACE_MOVED) ? 0xf4c1010fu : 0xf4d9010fu;
}

#define NOPS 0xf4909090u

/* One byte of the entry that maps the site; who is not told goes on with the old one. */
static void put_entry(struct scenario *s, uint32_t at, uint32_t value, unsigned size)
{
    uint64_t pte[2];
    unsigned entry;

    input_pte_at(s, pte, &entry);
    put_store(s, (uint32_t)pte[0], value, size);
    put_invlpg(s, at);
}

/* Another page, with HLTs or with what the site holds. */
static void put_remap(struct scenario *s, uint32_t at, bool copy)
{
    for (unsigned i = 0; i < 8; i += 4)
        put_store(s, OTHER_PAGE + at % PAGE + i,
                  copy ? (uint32_t)le_load(s->code[0] + i, 4) : 0xf4f4f4f4u, 4);
    put_entry(s, at, OTHER_PAGE | PTE_PWU, 4);
}

/* at: of the opcode, behind the prefixes; first: of the whole instruction. */
static void other_program(const struct race_case *c, struct scenario *s, uint32_t at,
                          uint32_t first)
{
    static const uint8_t halt[] = {HLT};

    switch (c->other) {
    case RACE_STORE:
        put_store(s, at, NOPS, 4);
        break;
    case RACE_RESTORE:
        put_store(s, at, NOPS, 4);
        put_store(s, at, call_word(c), 4);
        break;
    case RACE_BREAKPOINT:
        put_store(s, first, 0xcc, 1);
        put_store(s, first, s->code[0][0], 1);
        break;
    case RACE_CREATE:
        put_store(s, at, call_word(c), 4);
        break;
    case RACE_PROTECT:
        put_entry(s, first, PTE_PWU & ~2u, 1);
        break;
    case RACE_UNMAP:
        put_entry(s, first, PTE_PWU & ~1u, 1);
        break;
    case RACE_REMAP:
    case RACE_COPY:
        put_remap(s, first, c->other == RACE_COPY);
        break;
    default:
        return; /* runs the first vCPU's code */
    }
    put(s, 1, halt, 1);
}

static void rights(const struct race_case *c, struct scenario *s)
{
    uint8_t readonly = INPUT_PTE_P | INPUT_PTE_U;

    if (c->pages == RACE_ROM)
        s->cpu |= INPUT_CPU_ROM;
    if (c->pages == RACE_READONLY)
        s->pte[0] = s->pte[1] = readonly;
    if (c->pages == RACE_SECOND_READONLY)
        s->pte[1] = readonly;
}

bool race_scenario(const struct race_case *c, struct scenario *s)
{
    /* wherever a torn instruction leads, it is not far */
    static const uint8_t halts[] = {HLT, HLT, HLT, HLT, HLT, HLT, HLT, HLT, HLT, HLT,
                                    HLT, HLT, HLT, HLT, HLT, HLT, HLT, HLT, HLT, HLT};
    unsigned n = prefixes[c->prefix].n;
    uint8_t call[4];
    uint32_t page;

    if (!race_possible(c))
        return false;
    input_default(s, TSP_ARCH_X86);
    s->mode = c->mode;
    s->host = c->host;
    s->policy = c->host == TSP_VENDOR_AMD ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    s->protocol = c->protocol;
    s->how = c->how;
    s->nvcpu = c->vcpus;
    s->regs[TSP_RAX] = 1; /* a call that every KVM answers with 0 */
    s->regs_set |= 1u << TSP_RAX;
    s->cs_base = c->based ? 0x100u : 0;
    page = c->mode == TSP_MODE_REAL16 ? 0xe000u : 0x10000u;
    s->code_at = page + places[c->place];
    rights(c, s);
    le_store(call, call_word(c), 4);
    if (c->other == RACE_CREATE)
        le_store(call, 0xf4900b0fu, 4);
    s->ncode[0] = 0;
    put(s, 0, prefixes[c->prefix].byte, n);
    put(s, 0, call, 4);
    put(s, 0, halts, sizeof(halts));
    other_program(c, s, (uint32_t)s->code_at + n, (uint32_t)s->code_at);
    input_fold(s);
    return true;
}

unsigned race_site_len(const struct race_case *c)
{
    return prefixes[c->prefix].n + 3u;
}

void race_site_after(const struct race_case *c, const struct scenario *s,
                     uint8_t site[TSP_INSN_BYTES])
{
    uint8_t *opcode = site + prefixes[c->prefix].n;

    memcpy(site, s->code[0], TSP_INSN_BYTES);
    if (c->other == RACE_STORE)
        le_store(opcode, NOPS, 4);
    else if (c->other == RACE_CREATE || c->other == RACE_RESTORE)
        le_store(opcode, call_word(c), 4);
}
