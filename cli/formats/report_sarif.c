/* SPDX-License-Identifier: MIT */
/*
 * SARIF 2.1.0 (OASIS standard, 2020): one run, one result a finding, each rule described once. The
 * fingerprint is made of file, rule and place, so that a finding keeps it when values, CPUs or
 * other findings change.
 */
#include "cli/formats/report_lint.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const regs[4] = {"eax", "ebx", "ecx", "edx"};

void report_lint_place(const struct lint_line *l, char *out, size_t max)
{
    if (l->hi == l->lo)
        snprintf(out, max, "0x%" PRIx32 ".0x%" PRIx32 " %s[%u]", l->leaf, l->subleaf, regs[l->reg],
                 l->hi);
    else
        snprintf(out, max, "0x%" PRIx32 ".0x%" PRIx32 " %s[%u:%u]", l->leaf, l->subleaf,
                 regs[l->reg], l->hi, l->lo);
}

char *report_lint_message(const struct lint_line *l)
{
    size_t max = strlen(l->expected) + strlen(l->text) + strlen(l->source) + strlen(l->cpus) +
                 strlen(l->who) + 160;
    char place[48], *out = malloc(max);

    if (out == NULL)
        return NULL;
    report_lint_place(l, place, sizeof(place));
    snprintf(out, max, "%s: %s is 0x%" PRIx32 ", expected %s (%s): %s%s%s", l->cpus, place,
             l->value, l->expected, l->source, l->text,
             l->who[0] != 0 ? "; most likely set by: " : "", l->who);
    return out;
}

/* FNV-1a */
static uint64_t hash(uint64_t h, const char *s)
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
    return (h ^ 0xff) * 0x100000001b3ull;
}

static json_t *fingerprint(const struct lint_file *file, const struct lint_line *l)
{
    uint64_t h = 0xcbf29ce484222325ull;
    char place[48], text[24];

    report_lint_place(l, place, sizeof(place));
    h = hash(hash(hash(h, file->name != NULL ? file->name : ""), l->rule), place);
    snprintf(text, sizeof(text), "%016" PRIx64, h);
    return json_pack("{s:s}", "trapspecFinding/v1", text);
}

/* A relative or absolute path as a URI reference (RFC 3986). Bytes that are not UTF-8 stay hidden
 * in the escapes. */
static json_t *uri_of(const char *name)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    size_t n = strlen(name), at = 0;
    char *text = malloc(n * 3 + 8);
    json_t *o;

    if (text == NULL)
        return NULL;
    if (name[0] == '/')
        at = (size_t)sprintf(text, "file://");
    for (size_t i = 0; i < n; i++) {
        if (strchr(plain, name[i]) != NULL)
            text[at++] = name[i];
        else
            at += (size_t)sprintf(text + at, "%%%02X", (unsigned char)name[i]);
    }
    text[at] = 0;
    o = json_string(text);
    free(text);
    return o;
}

static json_t *location(const struct lint_file *file, const struct lint_line *l)
{
    json_t *o = json_object(), *logical, *physical;
    char place[48];

    report_lint_place(l, place, sizeof(place));
    logical = json_pack("[{s:s, s:s, s:s}]", "name", place, "fullyQualifiedName", place, "kind",
                        "member");
    if (file->name != NULL) {
        physical = json_pack("{s:{s:o}}", "artifactLocation", "uri", uri_of(file->name));
        json_object_set_new(o, "physicalLocation", physical);
    }
    json_object_set_new(o, "logicalLocations", logical);
    return o;
}

/* Index of the rule in the driver's list; it is added when new. */
static size_t rule_index(json_t *rules, const struct lint_line *l)
{
    size_t i;
    json_t *r;

    json_array_foreach(rules, i, r)
    {
        if (strcmp(json_string_value(json_object_get(r, "id")), l->rule) == 0)
            return i;
    }
    json_array_append_new(rules,
                          json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", l->rule,
                                    "shortDescription", "text", l->text[0] != 0 ? l->text : l->rule,
                                    "help", "text", l->source, "properties", "source", l->source));
    return json_array_size(rules) - 1;
}

static json_t *result(const struct lint_file *file, const struct lint_line *l, json_t *rules)
{
    char *message = report_lint_message(l);
    char value[16], leaf[16], sub[16];
    json_t *o;

    if (message == NULL)
        return NULL;
    snprintf(value, sizeof(value), "0x%" PRIx32, l->value);
    snprintf(leaf, sizeof(leaf), "0x%" PRIx32, l->leaf);
    snprintf(sub, sizeof(sub), "0x%" PRIx32, l->subleaf);
    /* A level other than none goes with the kind fail alone. */
    o = json_pack("{s:s, s:I, s:s, s:s, s:{s:s}, s:[o], s:o, s:{s:s, s:s, s:s, s:i, s:i, s:s, s:s, "
                  "s:s, s:s}}",
                  "ruleId", l->rule, "ruleIndex", (json_int_t)rule_index(rules, l), "level",
                  l->note ? "none" : "error", "kind", l->note ? "informational" : "fail", "message",
                  "text", message, "locations", location(file, l), "partialFingerprints",
                  fingerprint(file, l), "properties", "leaf", leaf, "subleaf", sub, "register",
                  regs[l->reg], "hi", (int)l->hi, "lo", (int)l->lo, "value", value, "expected",
                  l->expected, "cpus", l->cpus, "who", l->who);
    free(message);
    return o;
}

static json_t *notification(const struct lint_file *file)
{
    return json_pack("{s:s, s:{s:s}}", "level", "error", "message", "text", file->error);
}

static json_t *run_of(const struct lint_doc *d)
{
    json_t *rules = json_array(), *results = json_array(), *trouble = json_array();

    for (unsigned i = 0; i < d->n; i++) {
        if (d->file[i].error != NULL)
            json_array_append_new(trouble, notification(&d->file[i]));
        for (unsigned k = 0; k < d->file[i].n; k++) {
            json_t *one = result(&d->file[i], &d->file[i].line[k], rules);

            if (json_array_append_new(results, one) != 0) {
                json_array_append_new(trouble,
                                      json_pack("{s:s, s:{s:s}}", "level", "error", "message",
                                                "text", "a finding could not be written"));
            }
        }
    }
    return json_pack("{s:{s:{s:s, s:s, s:s, s:o}}, s:s, s:[{s:b, s:o}], s:o}", "tool", "driver",
                     "name", "trapspec", "semanticVersion", TRAPSPEC_VERSION, "fullName",
                     "trapspec lint", "rules", rules, "columnKind", "unicodeCodePoints",
                     "invocations", "executionSuccessful", json_array_size(trouble) == 0,
                     "toolExecutionNotifications", trouble, "results", results);
}

bool report_write_sarif(FILE *f, const struct lint_doc *d)
{
    json_t *o = json_pack("{s:s, s:s, s:[o]}", "$schema",
                          "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/"
                          "sarif-schema-2.1.0.json",
                          "version", "2.1.0", "runs", run_of(d));
    bool ok = o != NULL && json_dumpf(o, f, JSON_INDENT(1)) == 0;

    json_decref(o);
    fputc('\n', f);
    return ok;
}
