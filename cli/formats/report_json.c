/* SPDX-License-Identifier: MIT */
#include "cli/formats/report_out.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *totals_object(const struct report_totals *t)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "cases",
                     (int)t->cases, "events", (int)t->events, "rules", (int)t->rules, "exercised",
                     (int)t->exercised, "passed", (int)t->passed, "failed", (int)t->failed, "known",
                     (int)t->known, "gaps", (int)t->gaps, "skipped", (int)t->skipped, "stale_known",
                     (int)t->stale_known, "unsupported", (int)t->unsupported);
}

static void set_text(json_t *o, const char *key, const char *text)
{
    json_object_set_new(o, key, json_string(text == NULL ? "" : text));
}

static json_t *row_object(const struct report_doc *d, const struct report_row *r)
{
    json_t *o = json_object();
    char command[512];

    set_text(o, "rule", r->rule);
    set_text(o, "table", r->table);
    set_text(o, "verdict", verdict_name(r->worst));
    json_object_set_new(o, "exercised", json_integer(r->exercised));
    json_object_set_new(o, "failed", json_integer(r->failed));
    set_text(o, "when", r->when);
    set_text(o, "must", r->must);
    set_text(o, "source", r->source);
    set_text(o, "note", r->note);
    if (r->failed == 0)
        return o;
    set_text(o, "blame", r->subject == SUBJECT_POLICY ? "policy" : "target");
    set_text(o, "example", r->example);
    set_text(o, "expected", r->expected);
    set_text(o, "got", r->got);
    if (r->known != NULL)
        set_text(o, "known", r->known);
    report_replay(d, r, command, sizeof(command));
    if (command[0] != 0)
        set_text(o, "replay", command);
    report_replay_live(d, r, command, sizeof(command));
    if (command[0] != 0)
        set_text(o, "replay_live", command);
    report_groups(r, command, sizeof(command));
    if (command[0] != 0)
        set_text(o, "groups", command);
    if (report_remark(d, r) != NULL)
        set_text(o, "remark", report_remark(d, r));
    return o;
}

void report_write_json(FILE *f, const struct report_doc *d)
{
    json_t *o = json_object(), *list = json_array(), *sources = json_object();
    struct report_totals t;
    struct spec_source s;

    report_totals(d->report, &t);
    json_object_set_new(o, "schema_version", json_integer(1));
    set_text(o, "target", d->target);
    json_object_set_new(o, "totals", totals_object(&t));
    json_object_set_new(o, "findings", json_integer(report_findings(d)));
    for (size_t i = 0; i < report_rows(d->report); i++)
        json_array_append_new(list, row_object(d, report_row_at(d->report, i)));
    json_object_set_new(o, "rules", list);
    for (unsigned i = 0; spec_source_at(d->spec, i, &s); i++)
        json_object_set_new(sources, s.id,
                            json_sprintf("%s; %s; %s", s.title, s.revision, s.section));
    json_object_set_new(o, "sources", sources);
    json_dumpf(o, f, JSON_INDENT(1));
    fputc('\n', f);
    json_decref(o);
}
