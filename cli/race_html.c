/* SPDX-License-Identifier: MIT */
/* The page of `race --html`: protocols against rules, and the shortest schedule of each. */
#include "cli/formats/escape.h"
#include "cli/formats/file.h"
#include "cli/race.h"
#include "fuzz/target/states.h"

#include <string.h>

static const char style[] =
    ":root{--fg:#1b1f24;--bg:#fff;--dim:#5b6472;--line:#d8dce3;--pass:#1a7f37;--fail:#c1121f;"
    "--warn:#9a6700;--card:#f6f7f9;--hv:#0b5cad;--hit:#fdecec}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e7ec;--bg:#14171b;--dim:#98a2b3;"
    "--line:#30363d;--pass:#3fb950;--fail:#ff6b6b;--warn:#d29922;--card:#1c2127;--hv:#6cb6ff;"
    "--hit:#3a1d20}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:0 auto;"
    "max-width:1180px;padding:24px}h1{font-size:24px;margin:0 0 4px}h2{font-size:19px;"
    "margin-top:36px;border-bottom:1px solid var(--line)}table{border-collapse:collapse}"
    "th,td{text-align:left;padding:4px 9px;border-bottom:1px solid var(--line);"
    "vertical-align:top}thead th{position:sticky;top:0;background:var(--bg)}"
    "th{color:var(--dim);font-weight:600}.matrix td+td,.matrix th+th{text-align:right;"
    "white-space:nowrap}.f{color:var(--fail);font-weight:700}.w{color:var(--warn)}"
    ".p{color:var(--pass)}.m{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap}"
    ".hv{color:var(--hv)}.hit{background:var(--hit)}.dim{color:var(--dim)}"
    ".id{font-weight:600;white-space:nowrap}a{color:inherit}summary{cursor:pointer}"
    "details{background:var(--card);border:1px solid var(--line);border-radius:6px;"
    "padding:6px 12px;margin:8px 0}details table{margin:8px 0;width:100%;table-layout:fixed}"
    "details td,details th{padding:1px 9px}col.n{width:52px}col.r{width:150px}"
    "ul{margin:6px 0;padding-left:22px}code{font:13px ui-monospace,monospace}"
    "@media print{details{break-inside:avoid}body{max-width:none}}";

/* What the search takes for granted, so that whoever disagrees can say with what. */
static const char *const taken[] = {
    "Each fetch of up to 16 aligned bytes, each instruction, each store of a rewrite is a step of "
    "one "
    "vCPU; steps of others come in between in every order there is.",
    "What was fetched stays until the vCPU serialises, goes through the hypervisor, or drops it by "
    "itself (Intel SDM Vol. 3A 9.1.3, 9.3; AMD APM Vol. 2 7.6.1); its own stores reach it (12.6). "
    "A "
    "translation stays until it is invalidated or dropped (5.10.4.4). That is the kindest reading: "
    "of "
    "code changed without serialising nothing is promised, so what breaks here breaks anywhere.",
    "A plain store is whole within a cache line, on AMD within an aligned quadword (9.1.1; 7.3.2); "
    "copies to guest memory promise bytes. A locked store is whole anywhere.",
    "The hypervisor walks the guest's page tables as they are; a machine moves to another host "
    "only "
    "while no vCPU is in the hypervisor.",
};

static const char *name_of(unsigned protocol)
{
    const char *name = "?", *what, *source;

    protocol_name(protocol, &name, &what, &source);
    return name;
}

static void source_text(FILE *f, const struct spec *s, const char *id)
{
    struct spec_source source;

    for (unsigned i = 0; id != NULL && spec_source_at(s, i, &source); i++)
        if (strcmp(source.id, id) == 0)
            escape_html(f, source.title);
}

static const struct race_break *break_of(const struct race_sum *sum, unsigned rule)
{
    for (unsigned i = 0; i < sum->nbreak; i++)
        if (sum->broken[i].how.rule == rule)
            return &sum->broken[i];
    return NULL;
}

static void cell(FILE *f, const struct race_sum *sum, unsigned rule)
{
    const struct race_break *b = break_of(sum, rule);

    if (b == NULL)
        fputs("<td class=p>holds", f);
    else if (b->own > 0)
        fprintf(f, "<td class=f><a href=\"#p%u-%u\">%u</a>", sum->protocol, rule, b->own);
    else
        fprintf(f, "<td class=w><a href=\"#p%u-%u\">other ways</a>", sum->protocol, rule);
}

static void foot_rows(FILE *f, const struct race_report *r)
{
    fputs("<tr><td class=dim>cases, the protocol's own way of storing", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<td class=dim>%u", r->sum[i].own);
    fputs("<tr><td class=dim>cases, other widths and orders, locked, compared", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<td class=dim>%u", r->sum[i].cases - r->sum[i].own);
    fputs("<tr><td class=dim>states", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<td class=dim>%.0f", r->sum[i].states);
    fputs("<tr><td class=dim>schedules", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<td class=dim>%.6g", r->sum[i].schedules);
}

/* Every rule against every protocol: in how many cases it is broken. */
static void matrix(FILE *f, const struct race_report *r)
{
    struct spec_rule rule;

    fputs("<table class=matrix><thead><tr><th>rule", f);
    for (unsigned i = 0; i < r->nsum; i++)
        fprintf(f, "<th><a href=\"#p%u\">%s</a>", r->sum[i].protocol, name_of(r->sum[i].protocol));
    fputs("</thead>\n", f);
    for (unsigned k = 0; spec_rule_at(r->spec, k, &rule); k++) {
        if (strcmp(rule.table, "race") != 0)
            continue;
        fprintf(f, "<tr><td><span class=id>%s</span> <span class=dim title=\"", rule.id);
        source_text(f, r->spec, rule.source);
        fputs("\">", f);
        escape_html(f, rule.note);
        fputs("</span>", f);
        for (unsigned i = 0; i < r->nsum; i++)
            cell(f, &r->sum[i], k);
        fputs("\n", f);
    }
    foot_rows(f, r);
    fputs("</table>\n", f);
}

struct html_line {
    FILE *f;
    unsigned vcpus;
};

static void line(void *ctx, const struct race_line *l)
{
    const struct html_line *h = ctx;
    const char *what = l->text + strspn(l->text, " ");
    bool hv = strncmp(what, "hv ", 3) == 0;

    fprintf(h->f, "<tr%s><td class=dim>%u", l->broken != NULL ? " class=hit" : "", l->step);
    for (unsigned v = 0; v < h->vcpus; v++) {
        fprintf(h->f, "<td class=\"m%s\">", hv ? " hv" : "");
        if (v == l->vcpu)
            escape_html(h->f, what);
    }
    fputs("<td class=f>", h->f);
    escape_html(h->f, l->broken);
    fputs("\n", h->f);
}

static void timeline(FILE *f, const struct race_report *r, const struct race_break *b)
{
    struct html_line h = {f, b->first.vcpus};

    fputs("<table><colgroup><col class=n>", f);
    for (unsigned v = 0; v < h.vcpus; v++)
        fputs("<col>", f);
    fputs("<col class=r></colgroup><tr><th>step", f);
    for (unsigned v = 0; v < h.vcpus; v++)
        fprintf(f, "<th>vCPU %u", v);
    fputs("<th>\n", f);
    race_timeline(r, b, line, &h);
    fputs("</table>", f);
}

static void one_break(FILE *f, const struct race_report *r, unsigned protocol,
                      const struct race_break *b)
{
    struct spec_rule rule = {.id = "?"};
    char place[160], replay[2600];

    spec_rule_at(r->spec, b->how.rule, &rule);
    fprintf(f, "<details id=p%u-%u%s><summary><span class=%s>%s</span> ", protocol, b->how.rule,
            b->own > 0 ? " open" : "", b->own > 0 ? "f" : "w", rule.id);
    escape_html(f, rule.note);
    fputs("</summary><p>", f);
    if (b->own > 0)
        fprintf(f, "In %u case%s of its own way of storing, %u of other ways", b->own,
                b->own == 1 ? "" : "s", b->cases - b->own);
    else
        fprintf(f, "Not in its own way of storing; in %u case%s of other ways", b->cases,
                b->cases == 1 ? "" : "s");
    fprintf(f, ". Shortest schedule, of %s:<br>expected <b>",
            race_case_text(&b->first, place, sizeof(place)));
    escape_html(f, b->how.expected);
    fputs("</b>, got <b>", f);
    escape_html(f, b->how.got);
    fputs("</b>. <span class=dim>", f);
    source_text(f, r->spec, rule.source);
    fputs("</span></p>", f);
    timeline(f, r, b);
    if (b->file[0] != 0) {
        race_replay(r, b, replay, sizeof(replay));
        fputs("<p class=m>", f);
        escape_html(f, replay);
        fputs("</p>", f);
    }
    fputs("</details>\n", f);
}

static void one_protocol(FILE *f, const struct race_report *r, const struct race_sum *sum)
{
    const char *name = "?", *what = "", *source = "";

    protocol_name(sum->protocol, &name, &what, &source);
    fprintf(f, "<h2 id=p%u>%s</h2><p>", sum->protocol, name);
    escape_html(f, what);
    fputs("<br><span class=dim>", f);
    escape_html(f, source);
    fputs("</span></p>\n", f);
    if (sum->nbreak == 0)
        fprintf(f, "<p class=p>None of %.4g schedules of %u cases breaks a rule.</p>\n",
                sum->schedules, sum->cases);
    if (sum->truncated > 0)
        fprintf(f, "<p class=w>%u cases were not explored to the end.</p>\n", sum->truncated);
    for (unsigned k = 0; k < sum->nbreak; k++)
        one_break(f, r, sum->protocol, &sum->broken[k]);
}

static void head(FILE *f, const struct race_report *r)
{
    fprintf(f,
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
            "content=\"width=device-width\"><title>trapspec race</title><style>%s</style>\n"
            "<h1>Races at a hypercall site</h1><p class=dim>trapspec race, target ",
            style);
    escape_html(f, r->target_name);
    fputs(
        "</p><p>A guest runs the other vendor's hypercall instruction, it traps, and the "
        "hypervisor replaces its three bytes while other vCPUs run. Every order of all steps was "
        "tried. A number says in how many cases (site, mode, page, what the others do) some order "
        "breaks the rule, and leads to the shortest one; <span class=p>holds</span>: no order of "
        "any case does; <span class=w>other ways</span>: only when the bytes are stored in another "
        "way than the protocol's own. In the schedules <span class=hv>hv</span> is what the "
        "hypervisor does in that vCPU's trap.</p><details><summary>What is taken for "
        "granted</summary><ul>",
        f);
    for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        fputs("<li>", f);
        escape_html(f, taken[i]);
    }
    fputs("</ul></details>\n", f);
}

enum tsp_status race_html(const struct race_report *r, const char *path, struct tsp_error *err)
{
    struct file_out o;
    enum tsp_status st = file_begin(&o, path, err);

    if (st != TSP_OK)
        return st;
    head(o.f, r);
    matrix(o.f, r);
    for (unsigned i = 0; i < r->nsum; i++)
        one_protocol(o.f, r, &r->sum[i]);
    fputs("</html>\n", o.f);
    return file_commit(&o, err);
}
