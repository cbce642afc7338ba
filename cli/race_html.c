/* SPDX-License-Identifier: MIT */
/* The page of `race --html`: protocols against rules, and the shortest schedule of each. */
#include "cli/formats/file.h"
#include "cli/race.h"
#include "fuzz/target/states.h"

#include <string.h>

static const char style[] =
    ":root{--fg:#1b1f24;--bg:#fff;--dim:#667;--line:#d8dce3;--pass:#1a7f37;--fail:#c1121f;"
    "--card:#f6f7f9}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e7ec;--bg:#14171b;--dim:#98a2b3;"
    "--line:#30363d;--pass:#3fb950;--fail:#ff6b6b;--card:#1c2127}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:0 auto;"
    "max-width:1180px;padding:24px}h1{font-size:24px}h2{font-size:18px;margin-top:32px;"
    "border-bottom:1px solid var(--line)}table{border-collapse:collapse}th,td{text-align:left;"
    "padding:3px 9px;border-bottom:1px solid var(--line);vertical-align:top}"
    "th{color:var(--dim);font-weight:600}.f{color:var(--fail);font-weight:700}"
    ".p{color:var(--pass)}.m{font:13px "
    "ui-monospace,monospace;white-space:pre}.dim{color:var(--dim)}"
    "a{color:inherit}summary{cursor:pointer}details{background:var(--card);border:1px solid "
    "var(--line);"
    "border-radius:6px;padding:6px 12px;margin:8px 0}";

static void text(FILE *f, const char *s)
{
    for (; s != NULL && *s != 0; s++) {
        if (*s == '&')
            fputs("&amp;", f);
        else if (*s == '<')
            fputs("&lt;", f);
        else if (*s == '>')
            fputs("&gt;", f);
        else
            fputc(*s, f);
    }
}

static const struct race_break *break_of(const struct race_sum *sum, unsigned rule)
{
    for (unsigned i = 0; i < sum->nbreak; i++)
        if (sum->broken[i].how.rule == rule)
            return &sum->broken[i];
    return NULL;
}

static void head_row(FILE *f, const struct race_report *r)
{
    fputs("<tr><th>rule", f);
    for (unsigned i = 0; i < r->nsum; i++) {
        const char *name = "?", *what, *source;

        protocol_name(r->sum[i].protocol, &name, &what, &source);
        fprintf(f, "<th>%s", name);
    }
    fputs("\n", f);
}

/* Every rule against every protocol: in how many cases it is broken. */
static void matrix(FILE *f, const struct race_report *r)
{
    struct spec_rule rule;

    fputs("<table>", f);
    head_row(f, r);
    for (unsigned k = 0; spec_rule_at(r->spec, k, &rule); k++) {
        if (strcmp(rule.table, "race") != 0)
            continue;
        fprintf(f, "<tr><td title=\"%s\">%s<br><span class=dim>", rule.source, rule.id);
        text(f, rule.note);
        fputs("</span>", f);
        for (unsigned i = 0; i < r->nsum; i++) {
            const struct race_break *b = break_of(&r->sum[i], k);

            if (b != NULL)
                fprintf(f, "<td class=f><a href=\"#p%u-%u\">%u</a>", r->sum[i].protocol, k,
                        b->cases);
            else
                fputs("<td class=p>holds", f);
        }
        fputs("\n", f);
    }
    fputs("<tr><td class=dim>cases", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<td class=dim>%u", r->sum[i].cases);
    fputs("<tr><td class=dim>states", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<td class=dim>%.0f", r->sum[i].states);
    fputs("<tr><td class=dim>schedules", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<td class=dim>%.4g", r->sum[i].schedules);
    fputs("</table>\n", f);
}

struct html_line {
    FILE *f;
    unsigned vcpus;
};

static void line(void *ctx, const struct race_line *l)
{
    const struct html_line *h = ctx;

    fprintf(h->f, "<tr><td class=dim>%u", l->step);
    for (unsigned v = 0; v < h->vcpus; v++) {
        fputs("<td class=m>", h->f);
        if (v == l->vcpu)
            text(h->f, l->text);
    }
    fputs("<td class=f>", h->f);
    text(h->f, l->broken);
    fputs("\n", h->f);
}

static void one_break(FILE *f, const struct race_report *r, unsigned protocol,
                      const struct race_break *b)
{
    struct html_line h = {f, b->first.vcpus};
    struct spec_rule rule = {.id = "?"};
    char place[160], replay[2048];

    spec_rule_at(r->spec, b->how.rule, &rule);
    fprintf(f, "<details id=p%u-%u><summary>", protocol, b->how.rule);
    fprintf(f, "<span class=f>%s</span> ", rule.id);
    text(f, rule.note);
    fprintf(f, "</summary><p>In %u cases; first in %s.<br>Expected ", b->cases,
            race_case_text(&b->first, place, sizeof(place)));
    text(f, b->how.expected);
    fputs(", got ", f);
    text(f, b->how.got);
    fputs(".</p><table><tr><th>step", f);
    for (unsigned v = 0; v < h.vcpus; v++)
        fprintf(f, "<th>vCPU %u", v);
    fputs("<th>\n", f);
    race_timeline(r, b, line, &h);
    fputs("</table>", f);
    if (b->file[0] != 0) {
        race_replay(r, b, replay, sizeof(replay));
        fputs("<p class=m>", f);
        text(f, replay);
        fputs("</p>", f);
    }
    fputs("</details>\n", f);
}

enum tsp_status race_html(const struct race_report *r, const char *path, struct tsp_error *err)
{
    struct file_out o;
    enum tsp_status st = file_begin(&o, path, err);

    if (st != TSP_OK)
        return st;
    fprintf(o.f,
            "<!doctype html><html lang=en><meta charset=utf-8><title>trapspec race</title>"
            "<style>%s</style>\n<h1>Races at a hypercall site</h1>\n",
            style);
    fputs(
        "<p>Every order of the steps of two to four vCPUs while a hypervisor replaces a hypercall "
        "instruction. A number says in how many cases (site, mode, page, what the others do) some "
        "schedule breaks the rule, and leads to the shortest one; <span class=p>holds</span>: no "
        "schedule of any case does.</p>\n",
        o.f);
    matrix(o.f, r);
    for (unsigned i = 0; i < r->nsum; i++) {
        const char *name = "?", *what = "", *source = "";

        protocol_name(r->sum[i].protocol, &name, &what, &source);
        fprintf(o.f, "<h2>%s</h2><p>", name);
        text(o.f, what);
        fputs(" <span class=dim>", o.f);
        text(o.f, source);
        fputs("</span></p>\n", o.f);
        if (r->sum[i].nbreak == 0)
            fprintf(o.f, "<p class=p>None of %.4g schedules breaks a rule.</p>\n",
                    r->sum[i].schedules);
        for (unsigned k = 0; k < r->sum[i].nbreak; k++)
            one_break(o.f, r, r->sum[i].protocol, &r->sum[i].broken[k]);
    }
    fputs("</html>\n", o.f);
    return file_commit(&o, err);
}
