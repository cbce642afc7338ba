/* SPDX-License-Identifier: MIT */
#include "cli/formats/cpuid_raw.h"
#include "cli/formats/dump_in.h"

#include <stdlib.h>
#include <string.h>

#define LINES_KNOWN "\"CPU N:\" nor \"0xLEAF 0xSUB: eax=0x.. ...\""

/* "0x00000001 0x00: eax=0x... ebx=0x... ecx=0x... edx=0x..." */
static bool leaf_line(struct line *l, struct tsp_leaf *out)
{
    static const char *const reg[4] = {"eax=", "ebx=", "ecx=", "edx="};

    memset(out, 0, sizeof(*out));
    if (!line_0x(l, &out->leaf))
        return false;
    line_space(l);
    if (!line_0x(l, &out->subleaf) || !line_take(l, ":"))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        line_space(l);
        if (!line_take(l, reg[i]) || !line_0x(l, &out->reg[i]))
            return false;
    }
    return line_end(l);
}

static bool cpu_line(struct line *l, unsigned *id)
{
    *id = 0;
    if (!line_take(l, "CPU"))
        return false;
    line_space(l);
    line_dec(l, id);
    line_space(l);
    return line_take(l, ":") && line_end(l);
}

static enum tsp_status one_line(struct dump_in *in, struct line l)
{
    struct line again = l;
    struct tsp_leaf leaf;
    unsigned id;

    if (cpu_line(&again, &id))
        return dump_add_cpu(in, id);
    if (!leaf_line(&l, &leaf))
        return dump_fail(in, "neither %s", LINES_KNOWN);
    return dump_add_leaf(in, &leaf, NULL);
}

enum tsp_status dump_in_raw(struct dump_in *in)
{
    return dump_lines(in, one_line);
}

enum tsp_status dump_read_raw(const char *name, const uint8_t *p, size_t n, struct dump *out,
                              struct tsp_error *err)
{
    struct dump_in in = {.name = name, .p = (const char *)p, .n = n, .out = out, .err = err};
    enum tsp_status st;

    memset(out, 0, sizeof(*out));
    out->format = "cpuid -r";
    out->cpu = calloc(DUMP_MAX_CPU, sizeof(*out->cpu));
    if (out->cpu == NULL)
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", name);
    st = dump_in_raw(&in);
    if (st == TSP_OK && out->n == 0)
        st = error_set(err, TSP_EPARSE, 0, "%s: no CPUID leaf in it (cpuid -r format expected)",
                       name);
    if (st != TSP_OK)
        dump_free(out);
    return st;
}

void dump_write_raw(FILE *f, const char *title, const struct tsp_leaf *leaf, size_t n)
{
    fprintf(f, "%s:\n", title);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "   0x%08x 0x%02x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x\n", leaf[i].leaf,
                leaf[i].subleaf, leaf[i].reg[0], leaf[i].reg[1], leaf[i].reg[2], leaf[i].reg[3]);
}
