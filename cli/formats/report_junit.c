/* SPDX-License-Identifier: MIT */
/* JUnit XML as CI systems read it: a suite for each file, a failed case for each finding. */
#include "cli/formats/escape.h"
#include "cli/formats/report_lint.h"

#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct lint_file *file)
{
    return file->name != NULL ? file->name : "this machine";
}

static void begin_case(FILE *f, const struct lint_file *file, const char *name)
{
    fputs("    <testcase classname=\"", f);
    escape_xml(f, name_of(file));
    fputs("\" name=\"", f);
    escape_xml(f, name);
    fputs("\"", f);
}

static bool write_line(FILE *f, const struct lint_file *file, const struct lint_line *l)
{
    char *message = report_lint_message(l), name[200], place[48];

    if (message == NULL)
        return false;
    report_lint_place(l, place, sizeof(place));
    snprintf(name, sizeof(name), "%.100s %s %.40s", l->rule, place, l->cpus);
    begin_case(f, file, name);
    if (l->note) {
        fputs(">\n      <system-out>", f);
        escape_xml(f, message);
        fputs("</system-out>\n    </testcase>\n", f);
    } else {
        fputs(">\n      <failure type=\"", f);
        escape_xml(f, l->rule);
        fputs("\" message=\"", f);
        escape_xml(f, message);
        fputs("\"/>\n    </testcase>\n", f);
    }
    free(message);
    return true;
}

static unsigned failures(const struct lint_file *file)
{
    unsigned n = 0;

    for (unsigned i = 0; i < file->n; i++)
        n += !file->line[i].note;
    return n;
}

/* A file without findings is one case that passed. */
static unsigned cases(const struct lint_file *file)
{
    return file->n > 0 ? file->n : 1;
}

static bool write_file(FILE *f, const struct lint_file *file)
{
    bool ok = true;

    fputs("  <testsuite name=\"", f);
    escape_xml(f, name_of(file));
    fprintf(f, "\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"0\">\n", cases(file),
            failures(file), file->error != NULL);
    if (file->error != NULL) {
        begin_case(f, file, "read");
        fputs(">\n      <error type=\"input\" message=\"", f);
        escape_xml(f, file->error);
        fputs("\"/>\n    </testcase>\n", f);
    } else if (file->n == 0) {
        begin_case(f, file, "conforms");
        fputs("/>\n", f);
    }
    for (unsigned i = 0; ok && i < file->n; i++)
        ok = write_line(f, file, &file->line[i]);
    fputs("  </testsuite>\n", f);
    return ok;
}

bool report_write_junit(FILE *f, const struct lint_doc *d)
{
    unsigned ncase = 0, failed = 0, errors = 0;
    bool ok = true;

    for (unsigned i = 0; i < d->n; i++) {
        ncase += cases(&d->file[i]);
        failed += failures(&d->file[i]);
        errors += d->file[i].error != NULL;
    }
    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuites name=\"trapspec lint\" tests=\"%u\" failures=\"%u\" errors=\"%u\">\n",
            ncase, failed, errors);
    for (unsigned i = 0; ok && i < d->n; i++)
        ok = write_file(f, &d->file[i]);
    fputs("</testsuites>\n", f);
    return ok;
}
