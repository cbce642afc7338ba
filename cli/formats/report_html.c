/* SPDX-License-Identifier: MIT */
/* One self-contained page: no script, no outside file, readable in light and dark. */
#include "cli/formats/escape.h"
#include "cli/formats/report_out.h"
#include "fuzz/input/names.h"

#include <string.h>

static const char style[] =
    ":root{--fg:#1b1f24;--bg:#fff;--dim:#667;--line:#d8dce3;--pass:#1a7f37;--fail:#c1121f;--k"
    "nown:#9a6700;--none:#c9ced6;--card:#f6f7f9}@media(prefers-color-scheme:dark){:root{--fg:"
    "#e4e7ec;--bg:#14171b;--dim:#98a2b3;--line:#30363d;--pass:#3fb950;--fail:#ff6b6b;--known:"
    "#d4a72c;--none:#3a414b;--card:#1c2127}}body{font:15px/1.5 system-ui,sans-serif;color:var"
    "(--fg);background:var(--bg);margin:0 auto;max-width:1080px;padding:24px}h1{font-size:24p"
    "x;margin:0 0 4px}h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid var(--line)"
    "}h3{font-size:15px;margin:20px 0 6px}code,td.m,.mono{font-family:ui-monospace,monospace;"
    "font-size:13px}.sum{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}.sum div{backgrou"
    "nd:var(--card);border:1px solid var(--line);border-radius:6px;padding:8px 14px}.sum b{di"
    "splay:block;font-size:20px}table{border-collapse:collapse;width:100%}th,td{text-align:le"
    "ft;padding:4px 8px;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:"
    "anywhere}th{color:var(--dim);font-weight:600;white-space:nowrap}.FAIL{color:var(--fail);"
    "font-weight:700}.PASS{color:var(--pass)}.KNOWN{color:var(--known);font-weight:600}.findi"
    "ng{border-left:4px solid var(--fail);background:var(--card);padding:8px 14px;margin:12px"
    " 0;border-radius:0 6px 6px 0}.finding.k{border-color:var(--known)}.finding p{margin:4px "
    "0}.finding h3{margin:4px 0}.finding tr:last-child>*{border:0}.cells{display:flex;flex-wr"
    "ap:wrap;gap:2px;padding:5px 0}.cells i{width:11px;height:11px;border-radius:2px;backgrou"
    "nd:var(--none)}.cells i.p{background:var(--pass)}.cells i.f{background:var(--fail)}.cell"
    "s i.k{background:var(--known)}.dim{color:var(--dim)}";

static void number(FILE *f, const char *label, unsigned n)
{
    fprintf(f, "<div><b>%u</b>%s</div>", n, label);
}

static void summary(FILE *f, const struct report_doc *d, const struct report_totals *t)
{
    fputs("<div class=sum>", f);
    number(f, "cases run", t->cases);
    number(f, "events judged", t->events);
    number(f, "rules exercised", t->exercised);
    number(f, "rules in the table", t->rules);
    number(f, "rules broken", report_findings(d));
    number(f, "accepted deviations", t->known);
    number(f, "events no rule covers", t->gaps);
    number(f, "cases not runnable", t->unsupported);
    fputs("</div>\n", f);
}

static void source_of(FILE *f, const struct spec *spec, const char *id)
{
    struct spec_source s;

    for (unsigned i = 0; spec_source_at(spec, i, &s); i++) {
        if (strcmp(s.id, id) != 0)
            continue;
        escape_html(f, s.title);
        fputs(", ", f);
        escape_html(f, s.revision);
        fputs(", ", f);
        escape_html(f, s.section);
        return;
    }
    escape_html(f, id);
}

/* What the first example's guest was: enough to picture it. */
static void guest(FILE *f, const struct scenario *s)
{
    static const char *const vendor[] = {"Intel", "AMD", "Hygon", "Centaur"};

    if (s->arch == TSP_ARCH_X86)
        fprintf(f, "<tr><th>guest<td>%s, CPL %u, on %s; code <code>", name_mode[s->mode], s->level,
                vendor[s->host % 4]);
    else
        fprintf(f, "<tr><th>guest<td>AArch64, EL%u; code <code>", s->level);
    for (uint32_t i = 0; i < s->ncode[0] && i < 24; i++)
        fprintf(f, "%s%02x", i > 0 ? " " : "", s->code[0][i]);
    fprintf(f, "%s</code> at 0x%llx", s->ncode[0] > 24 ? " ..." : "",
            (unsigned long long)s->code_at);
    if (s->arch == TSP_ARCH_X86 && s->cs_base != 0)
        fprintf(f, ", CS base 0x%x", s->cs_base);
}

static void command_row(FILE *f, const char *what, const char *command)
{
    if (command[0] == 0)
        return;
    fprintf(f, "<tr><th>%s<td class=m>", what);
    escape_html(f, command);
}

/* Markup that leaves a cell open, and what stands in it. */
static void cell(FILE *f, const char *open, const char *text)
{
    fputs(open, f);
    escape_html(f, text);
}

static void finding(FILE *f, const struct report_doc *d, const struct report_row *r)
{
    const char *remark = report_remark(d, r);
    char command[512];

    fprintf(f, "<div class='finding%s'><h3><span class=%s>%s</span> <code>",
            r->known != NULL ? " k" : "", verdict_name(r->worst), verdict_name(r->worst));
    escape_html(f, r->rule);
    cell(f, "</code></h3><p>", r->note);
    fprintf(f, "</p><p>Broken by %u of %u events; first in <code>", r->failed, r->exercised);
    escape_html(f, r->example);
    report_groups(r, command, sizeof(command));
    fprintf(f, "</code>%s%s.</p><table>", command[0] != 0 ? "; in all: " : "", command);
    if (remark != NULL)
        cell(f, "<tr><th>what<td>", remark);
    if (r->first != NULL)
        guest(f, r->first);
    cell(f, "<tr><th>when<td class=m>", r->when);
    cell(f, "<tr><th>must<td class=m>", r->must);
    cell(f, "<tr><th>expected<td class=m>", r->expected);
    cell(f, "<tr><th>got<td class=m>", r->got);
    if (r->subject == SUBJECT_POLICY)
        fputs("<tr><th>blame<td>the CPUID policy holds this value", f);
    fputs("<tr><th>source<td>", f);
    source_of(f, d->spec, r->source);
    if (r->known != NULL)
        cell(f, "<tr><th>accepted<td>", r->known);
    report_replay(d, r, command, sizeof(command));
    command_row(f, "replay", command);
    report_replay_live(d, r, command, sizeof(command));
    command_row(f, "on your KVM", command);
    fputs("</table></div>\n", f);
}

enum section { SECTION_FINDINGS, SECTION_KNOWN, SECTION_TABLES };

static enum section section_of(const struct report_doc *d, const struct report_row *r)
{
    if (r->known != NULL)
        return SECTION_KNOWN;
    return report_is_finding(d, r) ? SECTION_FINDINGS : SECTION_TABLES;
}

static void findings(FILE *f, const struct report_doc *d, enum section which)
{
    static const char *const title[] = {"Findings", "Accepted deviations"};
    unsigned n = 0;

    fprintf(f, "<h2>%s</h2>\n", title[which]);
    for (size_t i = 0; i < report_rows(d->report); i++) {
        const struct report_row *r = report_row_at(d->report, i);

        if (r->failed == 0 || section_of(d, r) != which)
            continue;
        finding(f, d, r);
        n++;
    }
    if (n == 0)
        fputs("<p class=dim>None.</p>\n", f);
}

/* What breaks in the tables is not the target's doing: one line each is enough. */
static void table_faults(FILE *f, const struct report_doc *d)
{
    unsigned n = 0;

    for (size_t i = 0; i < report_rows(d->report); i++)
        n += report_row_at(d->report, i)->failed > 0 &&
             section_of(d, report_row_at(d->report, i)) == SECTION_TABLES;
    if (n == 0)
        return;
    fputs("<h2>Broken by the CPUID tables the target was given</h2>\n<p class=dim>The target "
          "answered what its "
          "table holds; whoever made the table should look at "
          "these.</p>\n<table><tr><th>rule<th>what "
          "it says<th>expected<th>got<th>first in\n",
          f);
    for (size_t i = 0; i < report_rows(d->report); i++) {
        const struct report_row *r = report_row_at(d->report, i);

        if (r->failed == 0 || section_of(d, r) != SECTION_TABLES)
            continue;
        cell(f, "<tr><td class=m>", r->rule);
        cell(f, "<td>", r->note);
        cell(f, "<td class=m>", r->expected);
        cell(f, "<td class=m>", r->got);
        cell(f, "<td class=m>", r->example);
        fputc('\n', f);
    }
    fputs("</table>\n", f);
}

/* What a rule belongs to: the leaf of a field row, the call of "KVM-IPI-ICR", the family of
 * "UD-WHERE". */
static void group_of(const struct report_row *r, char *out, size_t max)
{
    const char *dot = strchr(r->rule, '.'), *dash = strchr(r->rule, '-');
    size_t n = strlen(r->rule);

    if (strchr(r->rule, ':') != NULL && dot != NULL)
        n = (size_t)(dot - r->rule);
    else if (dash != NULL && strchr(dash + 1, '-') != NULL)
        n = (size_t)(strchr(dash + 1, '-') - r->rule);
    if (n >= max)
        n = max - 1;
    memcpy(out, r->rule, n);
    out[n] = 0;
}

static const char *cell_class(const struct report_doc *d, const struct report_row *r)
{
    if (r->failed > 0)
        return report_is_finding(d, r) ? "f" : "k";
    return r->exercised > 0 ? "p" : "";
}

/* One line per leaf or call; one square per rule, its colour the verdict. */
static void table_coverage(FILE *f, const struct report_doc *d, const char *table)
{
    char group[64], last[64] = "";

    cell(f, "<h3>", table);
    fputs("</h3><table>", f);
    for (size_t i = 0; i < report_rows(d->report); i++) {
        const struct report_row *r = report_row_at(d->report, i);

        if (strcmp(r->table, table) != 0)
            continue;
        group_of(r, group, sizeof(group));
        if (strcmp(group, last) != 0) {
            fprintf(f, "%s<tr><td class=m style='width:18em'>", last[0] != 0 ? "</div>" : "");
            escape_html(f, group);
            fputs("<td><div class=cells>", f);
            snprintf(last, sizeof(last), "%s", group);
        }
        fprintf(f, "<i class='%s' title='", cell_class(d, r));
        escape_html(f, r->rule);
        fprintf(f, ": %u exercised, %u broken'></i>", r->exercised, r->failed);
    }
    fputs("</div></table>\n", f);
}

#define TABLES_MAX 32u

static void coverage(FILE *f, const struct report_doc *d)
{
    const char *seen[TABLES_MAX];
    unsigned n = 0, k;

    fputs("<h2>Coverage</h2><p class=dim>One square per rule: green held, red broken, yellow "
          "accepted or "
          "not the target's doing, grey not exercised by this run.</p>\n",
          f);
    for (size_t i = 0; i < report_rows(d->report); i++) {
        const char *table = report_row_at(d->report, i)->table;

        for (k = 0; k < n && strcmp(seen[k], table) != 0; k++)
            ;
        if (k < n || n == TABLES_MAX || *table == 0)
            continue;
        seen[n++] = table;
        table_coverage(f, d, table);
    }
}

void report_write_html(FILE *f, const struct report_doc *d)
{
    struct report_totals t;

    report_totals(d->report, &t);
    fputs("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
          "content='width=device-width'><title>trapspec: ",
          f);
    escape_html(f, d->target);
    fprintf(f, "</title><style>%s</style>\n<h1>Conformance of <code>", style);
    escape_html(f, d->target);
    fprintf(f,
            "</code></h1><p class=dim>trapspec %s; every rule names the public document it comes "
            "from.</p>\n",
            TRAPSPEC_VERSION);
    summary(f, d, &t);
    findings(f, d, SECTION_FINDINGS);
    findings(f, d, SECTION_KNOWN);
    if (d->policy_is_input)
        table_faults(f, d);
    coverage(f, d);
    if (d->sweep != NULL)
        sweep_section(f, d->sweep);
    fputs("</html>\n", f);
}

void report_scenario_name(const struct report_row *r, char *out, size_t max)
{
    snprintf(out, max, "%s", r->rule);
    for (; *out != 0; out++)
        if (strchr("/:[]+ ", *out) != NULL)
            *out = '_';
}

void report_replay(const struct report_doc *d, const struct report_row *r, char *out, size_t max)
{
    char name[96];

    out[0] = 0;
    report_scenario_name(r, name, sizeof(name));
    if (d->records != NULL)
        snprintf(out, max, "trapspec diff model:kvm %s --filter %s", d->records, r->example);
    else if (r->first != NULL)
        snprintf(out, max, "trapspec replay --target %s findings/%s.tst", d->target, name);
}

void report_replay_live(const struct report_doc *d, const struct report_row *r, char *out,
                        size_t max)
{
    char name[96];

    out[0] = 0;
    report_scenario_name(r, name, sizeof(name));
    if (d->records != NULL && r->first != NULL && r->subject != SUBJECT_POLICY)
        snprintf(out, max, "trapspec replay --target kvm findings/%s.tst", name);
}

void report_groups(const struct report_row *r, char *out, size_t max)
{
    size_t n = 0;

    out[0] = 0;
    if (r->group[1].n == 0)
        return;
    for (unsigned i = 0; i < REPORT_GROUPS && r->group[i].n > 0 && n < max; i++)
        n += (size_t)snprintf(out + n, max - n, "%s%s %u", i > 0 ? ", " : "", r->group[i].name,
                              r->group[i].n);
}

const char *report_remark(const struct report_doc *d, const struct report_row *r)
{
    static const char *const host[] = {"", "@intel", "@amd"};
    const char *why = NULL;
    char id[192];
    unsigned h = 0;

    if (d->remarks == NULL || r->first == NULL)
        return NULL;
    if (r->first->arch == TSP_ARCH_X86)
        h = r->first->host == TSP_VENDOR_INTEL ? 1 : 2;
    snprintf(id, sizeof(id), "%.150s%s", r->rule, h == 0 ? "@arm64" : host[h]);
    if (!known_has(d->remarks, id, &why))
        known_has(d->remarks, r->rule, &why);
    return why;
}

bool report_is_finding(const struct report_doc *d, const struct report_row *r)
{
    return r->failed > 0 && r->known == NULL &&
           !(d->policy_is_input && r->subject == SUBJECT_POLICY);
}

unsigned report_findings(const struct report_doc *d)
{
    unsigned n = 0;

    for (size_t i = 0; i < report_rows(d->report); i++)
        n += report_is_finding(d, report_row_at(d->report, i));
    return n;
}

void report_print(const struct report_doc *d, bool color)
{
    struct report_totals t;
    unsigned tables = 0;
    const char *red = color ? "\033[31m" : "", *yellow = color ? "\033[33m" : "",
               *off = color ? "\033[0m" : "";

    report_totals(d->report, &t);
    for (size_t i = 0; i < report_rows(d->report); i++) {
        const struct report_row *r = report_row_at(d->report, i);

        if (r->failed == 0)
            continue;
        if (r->known == NULL && !report_is_finding(d, r)) {
            tables++;
            continue;
        }
        printf("%s%-5s%s %s (%s)%s\n      %s\n      expected %s, got %s; %u of %u, first in %s\n",
               r->known != NULL ? yellow : red, r->known != NULL ? "KNOWN" : "FAIL", off, r->rule,
               r->source, r->subject == SUBJECT_POLICY ? ", as the policy says" : "",
               r->known != NULL ? r->known : r->note, r->expected, r->got, r->failed, r->exercised,
               r->example);
    }
    printf("%s: %u cases, %u events; %u of %u rules exercised: %u held, %u broken, %u known; "
           "%u events in gaps, %u rules skipped, %u cases not runnable\n",
           d->target, t.cases, t.events, t.exercised, t.rules, t.passed, report_findings(d),
           t.known, t.gaps, t.skipped, t.unsupported);
    if (tables > 0)
        printf("%u rules were broken by CPUID tables the target was given, not by the target\n",
               tables);
    if (t.stale_known > 0)
        printf("%u accepted deviations did not show%s\n", t.stale_known,
               d->records != NULL ? " in these records" : ": remove their lines");
}
