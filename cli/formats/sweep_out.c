/* SPDX-License-Identifier: MIT */
#include "cli/formats/escape.h"
#include "cli/formats/sweep_out.h"

#include <inttypes.h>
#include <string.h>

#define NO_RULE (~0u)

static const char *rule_id(const struct sweep_doc *d, uint32_t rule)
{
    struct spec_rule r;

    return rule != NO_RULE && spec_rule_at(d->spec, rule, &r) ? r.id : "-";
}

static const char *verdict_of(const struct sweep_row *r)
{
    if (r->verdict == VERDICT_FAIL && r->subject == SUBJECT_POLICY)
        return "POLICY";
    return verdict_name((enum verdict)r->verdict);
}

static void text_range(FILE *f, const struct sweep_row *r, bool sub)
{
    char text[40];
    int n = snprintf(text, sizeof(text), sub ? "0x%x" : "0x%08x", r->first);

    if (r->last != r->first)
        snprintf(text + n, sizeof(text) - (size_t)n, sub ? "-0x%x" : "-0x%08x", r->last);
    fprintf(f, "%-22s", text);
}

static void text_row(FILE *f, const struct sweep_doc *d, const struct sweep_row *r, bool sub)
{
    if (sub)
        fprintf(f, "0x%08x.", r->leaf);
    text_range(f, r, sub);
    if (sub || d->sampled)
        fprintf(f, " %6" PRIu64, r->asked);
    fprintf(f, " %-6s %08x %08x %08x %08x %s%s%s\n", verdict_of(r), r->answer[0], r->answer[1],
            r->answer[2], r->answer[3], rule_id(d, r->rule), r->echo ? " (echo)" : "",
            r->code ? " (by code)" : "");
}

void sweep_summary(FILE *f, const struct sweep_doc *d)
{
    const struct sweep_map *l = d->leaves, *s = d->subs;
    uint64_t target = l->target_fail + s->target_fail, policy = l->policy_fail + s->policy_fail;

    fprintf(f, "%s, %s: ", d->target, d->cpu);
    fprintf(f, d->sampled ? "a sample of %" PRIu64 " leaves" : "%" PRIu64 " leaves", l->asked);
    fprintf(f, " from 0x%08x to 0x%08x at sub-leaf 0", d->lo, d->hi);
    fprintf(f, ", %" PRIu64 " sub-leaves of the %u in range", s->asked, d->in_range);
    if (l->code > 0 && l->code < l->asked)
        fprintf(f, "; %" PRIu64 " asked again by code", l->code);
    fprintf(f, "; %u and %u rows\n", l->n, s->n);
    if (l->refused + s->refused > 0)
        fprintf(f, "%" PRIu64 " questions were not answered\n", l->refused + s->refused);
    if (l->differ > 0)
        fprintf(f, "%" PRIu64 " answers differ between code and the direct question\n", l->differ);
    if (l->truncated || s->truncated)
        fputs("more rows than the map holds: the rest is counted only\n", f);
    if (policy > 0)
        fprintf(f, "%" PRIu64 " wrong answers are what the CPUID table holds\n", policy);
    if (l->gap + s->gap > 0)
        fprintf(f, "%" PRIu64 " answers no rule covers\n", l->gap + s->gap);
    if (l->known + s->known > 0)
        fprintf(f, "%" PRIu64 " known deviations\n", l->known + s->known);
    if (d->ended)
        fputs("ended before its end\n", f);
    if (target > 0)
        fprintf(f, "%" PRIu64 " wrong answers\n", target);
    else
        fputs("conforms\n", f);
}

void sweep_write_text(FILE *f, const struct sweep_doc *d)
{
    fprintf(f, "# leaves at sub-leaf 0: range,%s verdict, EAX EBX ECX EDX, rule\n",
            d->sampled ? " asked," : "");
    for (uint32_t i = 0; i < d->leaves->n; i++)
        text_row(f, d, &d->leaves->row[i], false);
    fputs("# sub-leaves: leaf.range, asked, verdict, EAX EBX ECX EDX, rule\n", f);
    for (uint32_t i = 0; i < d->subs->n; i++)
        text_row(f, d, &d->subs->row[i], true);
}

static void json_row(FILE *f, const struct sweep_doc *d, const struct sweep_row *r, bool sub)
{
    if (sub)
        fprintf(f, "{\"leaf\":\"0x%x\",", r->leaf);
    fprintf(f, "%s\"first\":\"0x%x\",\"last\":\"0x%x\",\"asked\":%" PRIu64, sub ? "" : "{",
            r->first, r->last, r->asked);
    fputs(",\"verdict\":", f);
    escape_json(f, verdict_name((enum verdict)r->verdict));
    if (r->verdict == VERDICT_FAIL)
        fprintf(f, ",\"blame\":\"%s\"", r->subject == SUBJECT_POLICY ? "policy" : "target");
    fputs(",\"rule\":", f);
    escape_json(f, rule_id(d, r->rule));
    fprintf(f, ",\"eax\":\"0x%x\",\"ebx\":\"0x%x\",\"ecx\":\"0x%x\",\"edx\":\"0x%x\"", r->answer[0],
            r->answer[1], r->answer[2], r->answer[3]);
    if (r->echo)
        fputs(",\"echo\":true", f);
    if (r->code)
        fputs(",\"by_code\":true", f);
    fputc('}', f);
}

static void json_map(FILE *f, const struct sweep_doc *d, const char *name,
                     const struct sweep_map *m, bool sub)
{
    fprintf(f, ",\n\"%s\":[", name);
    for (uint32_t i = 0; i < m->n; i++) {
        fputs(i > 0 ? ",\n " : "\n ", f);
        json_row(f, d, &m->row[i], sub);
    }
    fputs("\n]", f);
}

void sweep_write_json(FILE *f, const struct sweep_doc *d)
{
    const struct sweep_map *l = d->leaves, *s = d->subs;

    fputs("{\"kind\":\"sweep\",\"schema_version\":1,\"target\":", f);
    escape_json(f, d->target);
    fputs(",\"cpu\":", f);
    escape_json(f, d->cpu);
    fprintf(f, ",\"lo\":\"0x%x\",\"hi\":\"0x%x\",\"sampled\":%s,\"complete\":%s", d->lo, d->hi,
            d->sampled ? "true" : "false", d->ended ? "false" : "true");
    fprintf(f, ",\"leaves_asked\":%" PRIu64 ",\"subleaves_asked\":%" PRIu64 ",\"in_range\":%u",
            l->asked, s->asked, d->in_range);
    fprintf(f, ",\"asked_by_code\":%" PRIu64 ",\"differ\":%" PRIu64 ",\"refused\":%" PRIu64,
            l->code + s->code, l->differ, l->refused + s->refused);
    fprintf(f, ",\"wrong\":%" PRIu64 ",\"wrong_policy\":%" PRIu64, l->target_fail + s->target_fail,
            l->policy_fail + s->policy_fail);
    fprintf(f, ",\"known\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"truncated\":%s", l->known + s->known,
            l->gap + s->gap, l->truncated || s->truncated ? "true" : "false");
    json_map(f, d, "leaves", l, false);
    json_map(f, d, "subleaves", s, true);
    fputs("\n}\n", f);
}
