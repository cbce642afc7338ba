/* SPDX-License-Identifier: MIT */
/* A directory of tables, and the questions people ask of a loaded spec. */
#define _POSIX_C_SOURCE 200809L

#include "spec/build.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TABLE 64u
#define MAX_NAME 48u
#define MAX_FILE ((size_t)8 * 1024 * 1024)

struct table_list {
    unsigned n;
    char name[MAX_TABLE][MAX_NAME];
};

static enum tsp_status fail(struct tsp_error *err, enum tsp_status code, const char *what,
                            const char *why)
{
    if (err) {
        err->code = code;
        err->line = 0;
        snprintf(err->text, sizeof(err->text), "%.100s: %.50s", what, why);
    }
    return code;
}

/* Sources before opcodes before leaves before rules, each kind by name: the order of rule numbers.
 */
static int table_order(const void *pa, const void *pb)
{
    const char *a = pa, *b = pb;
    enum table_kind ka = table_kind_of(a), kb = table_kind_of(b);

    if (ka != kb)
        return ka < kb ? -1 : 1;
    /* x86_leaves before the hv_ tables */
    if (ka == TABLE_FIELDS)
        return strcmp(b, a);
    return strcmp(a, b);
}

static enum tsp_status list_tables(const char *dir, struct table_list *list, struct tsp_error *err)
{
    enum tsp_status status = TSP_OK;
    DIR *d = opendir(dir);
    struct dirent *e;

    if (!d)
        return fail(err, TSP_EIO, dir, "cannot open the directory");
    list->n = 0;
    while (status == TSP_OK && (e = readdir(d))) {
        size_t n = strlen(e->d_name);

        if (n < 5 || strcmp(e->d_name + n - 4, ".csv") != 0 || e->d_name[0] == '.')
            continue;
        if (n - 4 >= MAX_NAME || list->n == MAX_TABLE) {
            status = fail(err, TSP_EPARSE, e->d_name, "too many tables or too long a name");
            break;
        }
        memcpy(list->name[list->n], e->d_name, n - 4);
        list->name[list->n][n - 4] = 0;
        if (table_kind_of(list->name[list->n]) == TABLE_UNKNOWN)
            status = fail(err, TSP_EPARSE, e->d_name, "no table has this name");
        list->n++;
    }
    closedir(d);
    if (status == TSP_OK && list->n == 0)
        status = fail(err, TSP_EPARSE, dir, "holds no tables");
    qsort(list->name, list->n, MAX_NAME, table_order);
    return status;
}

static enum tsp_status read_file(const char *path, char *buf, size_t *n, struct tsp_error *err)
{
    FILE *f = fopen(path, "rb");
    bool bad;

    if (!f)
        return fail(err, TSP_EIO, path, "cannot open");
    *n = fread(buf, 1, MAX_FILE, f);
    bad = ferror(f) != 0 || fgetc(f) != EOF;
    fclose(f);
    return bad ? fail(err, TSP_EIO, path, "cannot read, or larger than 8 MiB") : TSP_OK;
}

static enum tsp_status load_tables(struct build *b, const char *dir, char *buf,
                                   struct tsp_error *err)
{
    struct table_list list;
    enum tsp_status status = list_tables(dir, &list, err);
    char path[1024];
    size_t n = 0;

    for (unsigned i = 0; status == TSP_OK && i < list.n; i++) {
        int len = snprintf(path, sizeof(path), "%s/%s.csv", dir, list.name[i]);

        if (len < 0 || (size_t)len >= sizeof(path))
            return fail(err, TSP_EARG, dir, "path is too long");
        status = read_file(path, buf, &n, err);
        if (status == TSP_OK && !build_table(b, list.name[i], buf, n, err))
            status = TSP_EPARSE;
    }
    if (status == TSP_OK && !build_finish(b, err))
        status = TSP_EPARSE;
    return status;
}

enum tsp_status spec_load(struct spec **out, const char *dir, struct tsp_error *err)
{
    struct tsp_error unused = {0};
    struct build *b = build_open();
    char *buf = malloc(MAX_FILE);
    enum tsp_status status;

    *out = NULL;
    if (!err)
        err = &unused;
    *err = (struct tsp_error){0};
    if (b && buf)
        status = load_tables(b, dir, buf, err);
    else
        status = fail(err, TSP_ENOMEM, dir, "out of memory");
    free(buf);
    if (status == TSP_OK)
        *out = &b->spec;
    else
        free(b);
    return status;
}

void spec_free(struct spec *s)
{
    /* spec is the first member of the build that holds everything */
    free(s);
}

unsigned spec_rule_count(const struct spec *s)
{
    return s->ntext;
}

bool spec_rule_at(const struct spec *s, unsigned i, struct spec_rule *out)
{
    const struct row_text *t;

    if (i >= s->ntext)
        return false;
    t = &s->text[i];
    *out = (struct spec_rule){.id = t->id,
                              .table = t->table,
                              .line = t->line,
                              .scope = t->scope,
                              .when = t->when,
                              .must = t->must,
                              .pred = t->pred,
                              .source = t->source,
                              .note = t->note};
    return true;
}

unsigned spec_rule_find(const struct spec *s, const char *id)
{
    for (unsigned i = 0; i < s->ntext; i++)
        if (strcmp(s->text[i].id, id) == 0)
            return i;
    return ~0u;
}

unsigned spec_source_count(const struct spec *s)
{
    return s->nsource;
}

bool spec_source_at(const struct spec *s, unsigned i, struct spec_source *out)
{
    if (i >= s->nsource)
        return false;
    *out = s->source[i];
    return true;
}

unsigned spec_gap_count(const struct spec *s)
{
    return s->ngap;
}

const char *verdict_name(enum verdict v)
{
    /* ORDER: enum verdict */
    static const char *const name[] = {"PASS", "GAP", "SKIP", "KNOWN", "ERROR", "FAIL"};

    return (unsigned)v < sizeof(name) / sizeof(name[0]) ? name[v] : "?";
}
