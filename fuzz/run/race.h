/* SPDX-License-Identifier: MIT */
/* Races around one hypercall site: what stands there, where, and what the other vCPUs do. */
#ifndef TSP_FUZZ_RUN_RACE_H
#define TSP_FUZZ_RUN_RACE_H

#include "fuzz/input/input.h"

enum race_other {
    RACE_SAME = 0,   /* runs the site as well */
    RACE_STORE,      /* replaces it, in one store */
    RACE_RESTORE,    /* replaces it and puts it back */
    RACE_BREAKPOINT, /* stores a breakpoint, and the first byte again */
    RACE_CREATE,     /* makes a hypercall of an undefined instruction */
    RACE_PROTECT,    /* takes write permission from its page */
    RACE_REMAP,      /* puts another page in its place */
    RACE_COPY,       /* puts a copy of its page in its place */
    RACE_UNMAP,      /* takes its page away */
    RACE_INTERRUPT,  /* runs the site; an interrupt comes */
    RACE_MIGRATE,    /* runs the site; the machine moves to the other vendor */
    RACE_MOVED,      /* the same, from the vendor whose instruction stands there */
    RACE_OTHERS
};

enum race_pages { RACE_WRITABLE = 0, RACE_SECOND_READONLY, RACE_READONLY, RACE_ROM, RACE_PAGES };

struct race_case {
    uint8_t protocol, host; /* enum tsp_protocol; enum tsp_vendor */
    uint8_t mode;           /* enum tsp_mode */
    uint8_t based;          /* 1: CS has a base */
    uint8_t prefix;         /* RACE_PREFIXES */
    uint8_t place;          /* RACE_PLACES: where in its 16 bytes and its page */
    uint8_t pages, other;
    uint8_t vcpus; /* 2..4 */
    uint8_t how;   /* TSP_HOW_* */
};
#define RACE_PREFIXES 4u
#define RACE_PLACES 6u

/* NULL ends each. */
extern const char *const race_other_names[],
    *const race_pages_names[], *const race_prefix_names[], *const race_place_names[];

/* The i-th case of the matrix, without its protocol; false: there is none of that number. They are
 * below race_case_end. */
bool race_case_at(unsigned i, struct race_case *out);
unsigned race_case_end(void);
/* There is such a case, and its protocol can do it in that way. */
bool race_possible(const struct race_case *c);
/* What the case says in a line: "long64 intel prefix 66 at 15 pages rw other store". Returns out.
 */
const char *race_case_text(const struct race_case *c, char *out, size_t max);
/* False: such a case cannot be (no pages to protect in real mode). */
bool race_scenario(const struct race_case *c, struct scenario *s);
/* Length of the instruction at the site; what the guest's own stores leave of its first 16 bytes
 * when nobody else stores there. */
unsigned race_site_len(const struct race_case *c);
void race_site_after(const struct race_case *c, const struct scenario *s,
                     uint8_t site[TSP_INSN_BYTES]);
/* The others write page tables. */
bool race_tables(const struct race_case *c);
/* Interrupts and migrations that may come in such a case. */
unsigned race_interrupts(const struct race_case *c);
unsigned race_migrations(const struct race_case *c);

#endif
