/* SPDX-License-Identifier: MIT */
/* What the readers of dumps share: a text being read into a dump. Private to cli/formats. */
#ifndef TSP_CLI_FORMATS_DUMP_IN_H
#define TSP_CLI_FORMATS_DUMP_IN_H

#include "cli/formats/dump.h"

struct dump_in {
    const char *name;
    const char *p;
    size_t n;
    struct dump *out;
    struct tsp_error *err;
    unsigned line;
    /* of the line scanners */
    uint32_t last_leaf, last_sub;
    bool last_plain; /* the last record named no sub-leaf */
    bool open;       /* a table goes on */
};

/* A cursor over one line, without its line feed. */
struct line {
    const char *p, *end;
};

/* "name:line: reason"; returns TSP_EPARSE. */
__attribute__((format(printf, 2, 3))) enum tsp_status dump_fail(struct dump_in *in,
                                                                const char *format, ...);
/* The leaves that follow are of another CPU. A CPU without leaves is replaced. */
enum tsp_status dump_add_cpu(struct dump_in *in, unsigned id);
/* The same for a policy that has a name; "CPU 3" is the number 3. */
enum tsp_status dump_add_named(struct dump_in *in, struct line name);
/* mask NULL: every bit is known. */
enum tsp_status dump_add_leaf(struct dump_in *in, const struct tsp_leaf *leaf,
                              const struct dump_mask *mask);
/* An entry of the CPU being read, or NULL. */
const struct tsp_leaf *dump_have(const struct dump *d, uint32_t leaf, uint32_t sub);
/* Older tools name no sub-leaf: they list them in order. Sets that of a record without one. */
void dump_count_subleaf(struct dump_in *in, struct tsp_leaf *leaf, bool plain);
/* Calls `one` for each line until it fails. */
enum tsp_status dump_lines(struct dump_in *in,
                           enum tsp_status (*one)(struct dump_in *in, struct line l));

void line_space(struct line *l);
bool line_take(struct line *l, const char *word);
/* At most 32 bits; at least one digit. line_0x wants the prefix. */
bool line_hex(struct line *l, uint32_t *v);
bool line_0x(struct line *l, uint32_t *v);
/* At most six digits. */
bool line_dec(struct line *l, unsigned *v);
/* Moves behind the first `word` of the line; false when there is none. */
bool line_find(struct line *l, const char *word);
bool line_end(struct line *l);

/* One reader per format. The rest of a file that cannot be read stays in `out`: how many leaves
 * that are tells which format is the nearest. */
enum tsp_status dump_in_raw(struct dump_in *in);
enum tsp_status dump_in_aida(struct dump_in *in);
enum tsp_status dump_in_libcpuid(struct dump_in *in);
enum tsp_status dump_in_kcpuid(struct dump_in *in);
enum tsp_status dump_in_etallen(struct dump_in *in);
enum tsp_status dump_in_xen(struct dump_in *in);
enum tsp_status dump_in_rows(struct dump_in *in);
enum tsp_status dump_in_libvirt(struct dump_in *in);
enum tsp_status dump_in_firecracker(struct dump_in *in);
enum tsp_status dump_in_featureset(struct dump_in *in);
enum tsp_status dump_in_vbox(struct dump_in *in);
enum tsp_status dump_in_vmware(struct dump_in *in);
enum tsp_status dump_in_qmp(struct dump_in *in);
enum tsp_status dump_in_json(struct dump_in *in);
enum tsp_status dump_in_entries(struct dump_in *in);

/* dump_policy.c: the byte form of a policy, told by its first bytes. */
enum tsp_status dump_in_policy(struct dump_in *in);

#endif
