/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "cli/formats/skip.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define SKIP_MAX 256u

struct skip_list {
    uint8_t *text;
    unsigned n;
    struct {
        const char *pattern, *reason;
    } row[SKIP_MAX];
};

static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " \t");
    for (n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]) != NULL; n--)
        s[n - 1] = 0;
    return s;
}

static enum tsp_status one_line(struct skip_list *l, const char *file, unsigned no, char *line,
                                struct tsp_error *err)
{
    char *comma;

    line = trim(line);
    if (*line == 0 || *line == '#')
        return TSP_OK;
    comma = strchr(line, ',');
    if (comma == NULL || comma == line || *trim(comma + 1) == 0)
        return error_set(err, TSP_EPARSE, no, "%s:%u: \"PATTERN, reason\" expected", file, no);
    if (l->n == SKIP_MAX)
        return error_set(err, TSP_EPARSE, no, "%s:%u: over %u lines", file, no, SKIP_MAX);
    *comma = 0;
    l->row[l->n].pattern = trim(line);
    l->row[l->n++].reason = trim(comma + 1);
    return TSP_OK;
}

/* Takes over the text. */
static enum tsp_status take_text(struct skip_list **out, const char *name, uint8_t *text,
                                 struct tsp_error *err)
{
    struct skip_list *l = calloc(1, sizeof(*l));
    enum tsp_status st = TSP_OK;
    unsigned no = 0;
    char *at = (char *)text, *nl;

    if (l == NULL) {
        free(text);
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", name);
    }
    l->text = text;
    while (st == TSP_OK && at != NULL && *at != 0) {
        nl = strchr(at, '\n');
        if (nl != NULL)
            *nl = 0;
        st = one_line(l, name, ++no, at, err);
        at = nl == NULL ? NULL : nl + 1;
    }
    if (st != TSP_OK)
        skip_free(l);
    else
        *out = l;
    return st;
}

enum tsp_status skip_load(struct skip_list **out, const char *file, struct tsp_error *err)
{
    uint8_t *text;
    size_t n;
    enum tsp_status st = file_read(file, 1u << 20, &text, &n, err);

    return st == TSP_OK ? take_text(out, file, text, err) : st;
}

enum tsp_status skip_parse(struct skip_list **out, const char *name, const char *text,
                           struct tsp_error *err)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", name);
    return take_text(out, name, (uint8_t *)copy, err);
}

const char *skip_reason(const struct skip_list *l, const char *host, const char *id)
{
    char whole[256];

    snprintf(whole, sizeof(whole), "%s/%s", host, id);
    for (unsigned i = 0; l != NULL && i < l->n; i++)
        if (fnmatch(l->row[i].pattern, whole, 0) == 0)
            return l->row[i].reason;
    return NULL;
}

void skip_free(struct skip_list *l)
{
    if (l == NULL)
        return;
    free(l->text);
    free(l);
}
