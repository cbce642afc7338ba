/* SPDX-License-Identifier: MIT */
/* Findings for people, and as JSON lines. */
#include "cli/lint.h"

#include "cli/formats/escape.h"

static const char *const regs[4] = {"eax", "ebx", "ecx", "edx"};

static bool on(const struct lint_finding *f, unsigned cpu)
{
    return (f->cpu[cpu / 64] >> cpu % 64 & 1) != 0;
}

/* "cpu 0-3,8", by the numbers of the file; "Host policy" for a named one. */
void lint_put_cpus(FILE *out, const struct dump *d, const struct lint_finding *f)
{
    const char *sep = "cpu ";

    for (unsigned i = 0; i < d->ncpu; i++) {
        unsigned last = i;

        if (!on(f, i))
            continue;
        if (d->cpu[i].name[0] != 0) {
            fprintf(out, "%s%s policy", *sep == 'c' ? "" : sep, d->cpu[i].name);
            sep = ", ";
            continue;
        }
        while (last + 1 < d->ncpu && on(f, last + 1) && d->cpu[last + 1].id == d->cpu[last].id + 1)
            last++;
        fprintf(out, "%s%u", sep, d->cpu[i].id);
        if (last > i)
            fprintf(out, "-%u", d->cpu[last].id);
        sep = ",";
        i = last;
    }
}

void lint_print_text(const char *file, const struct lint *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        const struct lint_finding *f = &l->found[i];

        printf("%s%s%s: ", cli_color(f->note ? COLOR_YELLOW : COLOR_RED), file,
               cli_color(COLOR_OFF));
        lint_put_cpus(stdout, l->dump, f);
        printf(": %s0x%x.0x%x %s[%u", f->note ? "note: " : "", f->leaf, f->subleaf, regs[f->reg],
               f->hi);
        if (f->lo != f->hi)
            printf(":%u", f->lo);
        printf("] is 0x%x, expected %s: %s (%s): %s", f->value, f->expected, f->rule, f->source,
               f->text);
        if (f->who[0] != 0)
            printf(" [%s]", f->who);
        putchar('\n');
    }
}

static void json_field(const char *key, const char *text)
{
    printf(",\"%s\":", key);
    escape_json(stdout, text);
}

static void json_cpus(const struct dump *d, const struct lint_finding *f)
{
    const char *sep = "";

    printf(",\"cpus\":[");
    for (unsigned i = 0; i < d->ncpu; i++) {
        if (!on(f, i))
            continue;
        fputs(sep, stdout);
        sep = ",";
        if (d->cpu[i].name[0] != 0)
            escape_json(stdout, d->cpu[i].name);
        else
            printf("%u", d->cpu[i].id);
    }
    putchar(']');
}

void lint_print_json(const char *file, const struct lint *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        const struct lint_finding *f = &l->found[i];

        printf("{\"kind\":\"%s\"", f->note ? "note" : "finding");
        json_field("file", file);
        json_cpus(l->dump, f);
        printf(",\"leaf\":\"0x%x\",\"subleaf\":\"0x%x\",\"register\":\"%s\",\"hi\":%u,\"lo\":%u",
               f->leaf, f->subleaf, regs[f->reg], f->hi, f->lo);
        printf(",\"value\":\"0x%x\"", f->value);
        json_field("expected", f->expected);
        json_field("rule", f->rule);
        json_field("source", f->source);
        json_field("text", f->text);
        json_field("who", f->who);
        puts("}");
    }
}

unsigned lint_count(const struct lint *l)
{
    unsigned n = 0;

    for (unsigned i = 0; i < l->n; i++)
        n += !l->found[i].note;
    return n + l->lost;
}

void lint_print_summary(const char *file, const struct lint *l, bool json)
{
    unsigned findings = lint_count(l), notes = l->n + l->lost - findings;

    if (json) {
        printf("{\"kind\":\"summary\"");
        json_field("file", file);
        json_field("format", l->dump->format);
        printf(",\"cpus\":%u,\"leaves\":%zu,\"judged\":%zu,\"findings\":%u,\"notes\":%u}\n",
               l->dump->ncpu, l->dump->n, l->judged, findings, notes);
        return;
    }
    printf("%s: %s, %u CPU%s, %zu of %zu leaves judged: ", file, l->dump->format, l->dump->ncpu,
           l->dump->ncpu == 1 ? "" : "s", l->judged, l->dump->n);
    if (findings == 0)
        printf("%sconforms%s", cli_color(COLOR_GREEN), cli_color(COLOR_OFF));
    else
        printf("%u finding%s", findings, findings == 1 ? "" : "s");
    if (notes > 0)
        printf(", %u note%s", notes, notes == 1 ? "" : "s");
    if (l->lost > 0)
        printf(" (%u not shown)", l->lost);
    putchar('\n');
}
