/* SPDX-License-Identifier: MIT */
/* Reading tables: the growing form, one parser per kind of table, and what they share. */
#ifndef TSP_SPEC_BUILD_H
#define TSP_SPEC_BUILD_H

#include "spec/table.h"

/* A set of tables while it is read; spec points into the arrays. Heap only, it is large. */
struct build {
    struct spec spec; /* first: a loaded spec is freed through it */
    struct row_text text[SPEC_MAX_RULE];
    struct field_row field[SPEC_MAX_RULE];
    struct spec_source source[SPEC_MAX_SOURCE];
    struct leaf_rec rec[SPEC_MAX_REC];
    uint16_t rec_row[SPEC_MAX_REC_ROW];
    uint16_t hash[SPEC_HASH_SIZE];
    struct trap_rule trap[SPEC_MAX_TRAP];
    struct cond cond[SPEC_MAX_COND];
    struct cond_span span[SPEC_MAX_SPAN];
    struct pred_use pred[SPEC_MAX_PRED];
    struct opcode_row opcode[SPEC_MAX_OPCODE];
    struct lane lane[SPEC_LANES];
    uint16_t lane_rule[SPEC_MAX_LANE_RULE];
    struct numbered numbered[SPEC_MAX_NUMBERED];
    struct depend_row depend[SPEC_MAX_DEPEND];
    struct depend_term depend_term[SPEC_MAX_DEPEND_TERM];
    const char *insn[SPEC_MAX_INSN];
    uint8_t ntable;
    size_t pool_used;
    char pool[SPEC_MAX_POOL];
};

#define READER_MAX_CELL 8u

/* One table being read. cell[] point into `row`, trimmed and NUL-terminated. */
struct reader {
    struct build *b;
    const char *file;
    unsigned line, ncell;
    struct tsp_error *err;
    char *cell[READER_MAX_CELL];
    char row[SPEC_MAX_LINE + 1];
};

enum table_kind {
    TABLE_SOURCES = 0,
    TABLE_OPCODES,
    TABLE_FIELDS,
    TABLE_RULES,
    TABLE_DEPENDS,
    TABLE_UNKNOWN
};
enum table_kind table_kind_of(const char *name);

/* parse.c. All return false after reader_fail. */
bool reader_fail(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *reader_keep(struct reader *r, const char *s); /* copied to the pool; NULL when full */
bool parse_number(const char *s, uint64_t max, uint64_t *out); /* 0x.. or decimal, nothing else */
bool parse_signed(const char *s, uint64_t *out);               /* as above, or -N */
bool parse_bits(const char *s, uint8_t *hi, uint8_t *lo);      /* hi:lo or N, within 31 */
bool parse_reg(const char *s, uint8_t *reg);
bool parse_leaf(const char *s, uint32_t *leaf, uint8_t *relative); /* 0xN or hv+0xN */
bool parse_ref(const char *s, struct field_ref *ref);              /* LEAF.SUB.REG[hi:lo] */
bool parse_word(const char *const *list, unsigned n, const char *s, unsigned *out);
/* Persona or vendor by name. */
bool parse_persona(const char *s, unsigned *out);
bool parse_vendors(const char *s, uint32_t *mask);
bool reader_add_text(struct reader *r, const struct row_text *t, uint16_t *index);

/* One row each; table() calls them. */
bool source_row(struct reader *r);
bool opcode_row(struct reader *r);
bool field_row(struct reader *r, const char *table);
bool rule_row(struct reader *r, const char *table);
bool depend_row(struct reader *r, const char *table);
/* depends.c: refuses a feature that needs itself. */
bool depend_finish(struct reader *r);
/* 3 to 40 letters, digits and dashes. */
bool rule_check_id(struct reader *r, const char *id);
/* field.c: after the last row of a field table: order, tiling, records. first: index of its first
 * row. */
bool field_finish(struct reader *r, unsigned first);
bool cond_parse(struct reader *r, char *text, struct trap_rule *t);
bool pred_parse(struct reader *r, char *text, struct trap_rule *t);
/* dyn names, for the reader and for messages. */
bool dyn_find(const char *name, uint8_t *out);

/* One table from memory; name without ".csv". */
bool build_table(struct build *b, const char *name, const char *p, size_t n, struct tsp_error *err);
/* After all tables: hash, buckets, gaps. */
bool build_finish(struct build *b, struct tsp_error *err);
struct build *build_open(void);

#endif
