/* SPDX-License-Identifier: MIT */
/* One page: all leaves as a picture, the leaves around each class one by one, and the rows. */
#include "cli/formats/escape.h"
#include "cli/formats/sweep_out.h"

#include <inttypes.h>
#include <string.h>

#define COLUMNS 128u
#define LINES 64u
#define CELL_LEAVES (0x100000000ull / ((uint64_t)COLUMNS * LINES))
#define CELL 8u
#define ZOOM 256u /* leaves of a class that are drawn one by one */
#define ROWS_SHOWN 2000u

/* Of the page, and of the section alone; names of the latter stand below .sw, for other pages. */
static const char style[] =
    ":root{--fg:#1b1f24;--bg:#fff;--dim:#5b6472;--line:#d8dce3;--card:#f6f7f9;--fail:#c1121f}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e7ec;--bg:#14171b;--dim:#98a2b3;"
    "--line:#30363d;--card:#1c2127;--fail:#ff6b6b}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:0 auto;"
    "max-width:1080px;padding:24px}h1{font-size:24px;margin:0 0 4px}"
    "h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid var(--line)}"
    "p{margin:4px 0}.dim{color:var(--dim)}";
static const char section_style[] =
    ".sw{--own:#1f6feb;--same:#9ec5fe;--zero:#dfe3ea;--policy:#d98e04;--gap:#8250df;--none:#fff}"
    "@media(prefers-color-scheme:dark){.sw{--own:#58a6ff;--same:#1f4b82;--zero:#2b313a;"
    "--policy:#d4a72c;--gap:#a371f7;--none:#14171b}}"
    ".sw .l{white-space:pre-line}.sw h3{font-size:15px;margin:16px 0 4px}"
    ".sw svg{display:block;max-width:100%;height:auto;border:1px solid var(--line)}"
    ".sw table{border-collapse:collapse;width:100%}.sw th,.sw td{text-align:left;padding:2px 8px;"
    "border-bottom:1px solid var(--line);font:13px/1.6 ui-monospace,monospace}"
    ".sw td:last-child{overflow-wrap:anywhere}"
    ".sw th{color:var(--dim)}.sw .key span{display:inline-block;margin-right:18px}"
    ".sw .key i{display:inline-block;width:12px;height:12px;margin-right:6px;vertical-align:-1px;"
    "border:1px solid var(--line)}"
    ".sw .o{fill:var(--own);background:var(--own)}.sw .s{fill:var(--same);background:var(--same)}"
    ".sw .z{fill:var(--zero);background:var(--zero)}"
    ".sw .p{fill:var(--policy);background:var(--policy)}"
    ".sw .g{fill:var(--gap);background:var(--gap)}.sw .f{fill:var(--fail);background:var(--fail)}"
    ".sw .n{fill:var(--none);background:var(--none)}"
    ".sw .FAIL{color:var(--fail);font-weight:700}.sw .POLICY{color:var(--policy);font-weight:700}";

/* What a cell shows, the worst last. */
enum shade {
    SHADE_NONE = 0,
    SHADE_ZERO,
    SHADE_SAME,
    SHADE_OWN,
    SHADE_POLICY,
    SHADE_GAP,
    SHADE_FAIL
};
static const char shade_class[] = {'n', 'z', 's', 'o', 'p', 'g', 'f'};
static const char *const shade_text[] = {"not asked",
                                         "all zero",
                                         "the same answer for many leaves",
                                         "data of its own",
                                         "wrong in the CPUID table",
                                         "no rule yet",
                                         "wrong"};

static enum shade shade_of(const struct sweep_row *r)
{
    if (r->verdict >= VERDICT_ERROR)
        return r->verdict == VERDICT_FAIL && r->subject == SUBJECT_POLICY ? SHADE_POLICY
                                                                          : SHADE_FAIL;
    if (r->verdict == VERDICT_GAP)
        return SHADE_GAP;
    if ((r->answer[0] | r->answer[1] | r->answer[2] | r->answer[3]) == 0)
        return SHADE_ZERO;
    return r->first == r->last ? SHADE_OWN : SHADE_SAME;
}

/* The worst of the leaves first..last. */
static enum shade worst(const struct sweep_map *m, uint64_t first, uint64_t last)
{
    enum shade w = SHADE_NONE;

    for (uint32_t i = 0; i < m->n; i++) {
        enum shade s = shade_of(&m->row[i]);

        if (m->row[i].first <= last && m->row[i].last >= first && s > w)
            w = s;
    }
    return w;
}

static void cell(FILE *f, unsigned x, unsigned y, unsigned wide, enum shade s)
{
    fprintf(f, "<rect class=%c x=%u y=%u width=%u height=%u />", shade_class[s], x * CELL, y * CELL,
            wide * CELL, CELL);
}

/* Cells of one line and one shade are one rectangle. */
static void picture(FILE *f, const struct sweep_map *m)
{
    fprintf(f, "<svg viewBox=\"0 0 %u %u\" width=%u role=img aria-label=\"all leaves\">\n",
            COLUMNS * CELL, LINES * CELL, COLUMNS * CELL);
    for (unsigned y = 0; y < LINES; y++) {
        unsigned from = 0;
        enum shade run = SHADE_NONE;

        for (unsigned x = 0; x <= COLUMNS; x++) {
            uint64_t first = ((uint64_t)y * COLUMNS + x) * CELL_LEAVES;
            enum shade s = x < COLUMNS ? worst(m, first, first + CELL_LEAVES - 1) : SHADE_NONE;

            if (x > 0 && (x == COLUMNS || s != run)) {
                cell(f, from, y, x - from, run);
                from = x;
            }
            run = s;
        }
        fputc('\n', f);
    }
    fputs("</svg>\n", f);
}

static const struct sweep_row *row_at(const struct sweep_map *m, uint32_t leaf)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (m->row[i].first <= leaf && m->row[i].last >= leaf)
            return &m->row[i];
    return NULL;
}

static void zoom(FILE *f, const struct sweep_map *m, uint32_t base)
{
    fprintf(f, "<h3>0x%08x to 0x%08x</h3>\n<svg viewBox=\"0 0 %u %u\" width=%u role=img>\n", base,
            base + ZOOM - 1, 64 * 2 * CELL, ZOOM / 64 * 2 * CELL, 64 * 2 * CELL);
    for (uint32_t i = 0; i < ZOOM; i++) {
        const struct sweep_row *r = row_at(m, base + i);

        fprintf(f, "<rect class=%c x=%u y=%u width=%u height=%u><title>0x%x",
                shade_class[worst(m, base + i, base + i)], i % 64 * 2 * CELL, i / 64 * 2 * CELL,
                2 * CELL - 2, 2 * CELL - 2, base + i);
        if (r != NULL)
            fprintf(f, " %s %08x %08x %08x %08x", verdict_name((enum verdict)r->verdict),
                    r->answer[0], r->answer[1], r->answer[2], r->answer[3]);
        fputs("</title></rect>\n", f);
    }
    fputs("</svg>\n", f);
}

static void key(FILE *f)
{
    fputs("<p class=key>", f);
    for (unsigned i = 0; i < sizeof(shade_class); i++)
        fprintf(f, "<span><i class=%c></i>%s</span>", shade_class[i], shade_text[i]);
    fputs("</p>\n", f);
}

static void table_row(FILE *f, const struct sweep_doc *d, const struct sweep_row *r, bool sub)
{
    struct spec_rule rule;
    const char *v = r->verdict == VERDICT_FAIL && r->subject == SUBJECT_POLICY
                        ? "POLICY"
                        : verdict_name((enum verdict)r->verdict);

    fputs("<tr><td>", f);
    if (sub)
        fprintf(f, "0x%x.", r->leaf);
    fprintf(f, "0x%x", r->first);
    if (r->last != r->first)
        fprintf(f, " to 0x%x", r->last);
    fprintf(f, "<td>%" PRIu64 "<td class=%s>%s%s<td>%08x %08x %08x %08x%s<td>", r->asked, v, v,
            r->code ? " (by code)" : "", r->answer[0], r->answer[1], r->answer[2], r->answer[3],
            r->echo ? " echo" : "");
    if (r->rule != ~0u && spec_rule_at(d->spec, r->rule, &rule))
        escape_html(f, rule.id);
    fputs("\n", f);
}

static void table(FILE *f, const struct sweep_doc *d, const struct sweep_map *m, bool sub)
{
    fprintf(f, "<table><tr><th>%s<th>asked<th>verdict<th>EAX EBX ECX EDX<th>rule\n",
            sub ? "leaf.sub-leaves" : "leaves");
    for (uint32_t i = 0; i < m->n && i < ROWS_SHOWN; i++)
        table_row(f, d, &m->row[i], sub);
    fputs("</table>\n", f);
    if (m->n > ROWS_SHOWN)
        fprintf(f, "<p class=dim>%u more rows are in the map.</p>\n", m->n - ROWS_SHOWN);
}

/* Bases of the classes and of the hypervisor blocks in which a leaf has data of its own. */
static void zooms(FILE *f, const struct sweep_map *m)
{
    uint32_t base = 0;
    bool any = false;

    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t at = m->row[i].first & ~(ZOOM - 1);

        if (m->row[i].first != m->row[i].last || (any && at == base) ||
            shade_of(&m->row[i]) < SHADE_OWN)
            continue;
        zoom(f, m, at);
        base = at;
        any = true;
    }
}

void sweep_section(FILE *f, const struct sweep_doc *d)
{
    fprintf(f, "<style>%s</style><div class=sw>\n<h2>All leaves</h2><p class=l>", section_style);
    sweep_summary(f, d);
    fprintf(
        f,
        "</p>\n<p class=dim>Left to right, top to bottom from leaf 0; a cell is 0x%x leaves and "
        "shows the worst of them.</p>\n",
        (unsigned)CELL_LEAVES);
    picture(f, d->leaves);
    key(f);
    fputs("<h2>Leaf by leaf</h2>\n", f);
    zooms(f, d->leaves);
    fputs("<h2>Leaves at sub-leaf 0</h2>\n", f);
    table(f, d, d->leaves, false);
    fputs("<h2>Sub-leaves</h2>\n", f);
    table(f, d, d->subs, true);
    fputs("</div>\n", f);
}

void sweep_write_html(FILE *f, const struct sweep_doc *d)
{
    fputs("<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport "
          "content=\"width=device-width\">\n<title>CPUID sweep: ",
          f);
    escape_html(f, d->target);
    fprintf(f, "</title><style>%s</style>\n<h1>CPUID sweep</h1>\n", style);
    sweep_section(f, d);
    fputs("</html>\n", f);
}
