/* SPDX-License-Identifier: MIT */
/* Findings of several files gathered into one document, for SARIF and JUnit. */
#define _POSIX_C_SOURCE 200809L

#include "cli/lint.h"

#include <stdlib.h>
#include <string.h>

/* Names come from files; what is not ASCII would not be valid in either format. */
static char *ascii(const char *s)
{
    char *out = strdup(s);

    for (char *p = out; p != NULL && *p != 0; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
            *p = '?';
    return out;
}

static char *cpus_of(const struct dump *d, const struct lint_finding *f)
{
    char *text = NULL, *clean;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    if (out == NULL)
        return NULL;
    lint_put_cpus(out, d, f);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    clean = ascii(text);
    free(text);
    return clean;
}

static bool take(struct lint_line *to, const struct dump *d, const struct lint_finding *f)
{
    *to = (struct lint_line){.note = f->note,
                             .leaf = f->leaf,
                             .subleaf = f->subleaf,
                             .value = f->value,
                             .reg = f->reg,
                             .hi = f->hi,
                             .lo = f->lo,
                             .cpus = cpus_of(d, f),
                             .expected = ascii(f->expected),
                             .who = ascii(f->who),
                             .rule = f->rule,
                             .source = f->source,
                             .text = f->text};
    return to->cpus != NULL && to->expected != NULL && to->who != NULL;
}

static struct lint_file *next_file(struct lint_doc *doc, const char *name)
{
    struct lint_file *more = realloc(doc->file, (doc->n + 1) * sizeof(*more));

    if (more == NULL)
        return NULL;
    doc->file = more;
    more += doc->n++;
    /* A name is kept byte for byte: it becomes a URI. */
    *more = (struct lint_file){.name = name != NULL ? strdup(name) : NULL};
    return name == NULL || more->name != NULL ? more : NULL;
}

bool lint_doc_add(struct lint_doc *doc, const char *name, const struct lint *l)
{
    struct lint_file *file = next_file(doc, name);

    if (file == NULL)
        return false;
    file->line = calloc(l->n > 0 ? l->n : 1, sizeof(*file->line));
    while (file->line != NULL && file->n < l->n) {
        bool whole = take(&file->line[file->n], l->dump, &l->found[file->n]);

        file->n++;
        if (!whole)
            return false;
    }
    return file->line != NULL;
}

bool lint_doc_fail(struct lint_doc *doc, const char *name, const struct tsp_error *err)
{
    struct lint_file *file = next_file(doc, name);

    if (file != NULL)
        file->error = ascii(err->text);
    return file != NULL && file->error != NULL;
}

void lint_doc_free(struct lint_doc *doc)
{
    for (unsigned i = 0; i < doc->n; i++) {
        struct lint_file *file = &doc->file[i];

        for (unsigned k = 0; k < file->n; k++) {
            free(file->line[k].cpus);
            free(file->line[k].expected);
            free(file->line[k].who);
        }
        free(file->line);
        free(file->name);
        free(file->error);
    }
    free(doc->file);
    memset(doc, 0, sizeof(*doc));
}
