/* SPDX-License-Identifier: MIT */
/* Races as text and JSON: for each broken rule the shortest schedule, step by step. */
#include "cli/event.h"
#include "cli/race.h"
#include "fuzz/target/states.h"
#include "trapspec/bits.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN 34

void race_break_scenario(const struct race_break *b, struct scenario *s)
{
    unsigned n = b->how.nsched < INPUT_SCHED_MAX ? b->how.nsched : INPUT_SCHED_MAX;

    if (!race_scenario(&b->first, s))
        return;
    memcpy(s->sched, b->how.sched, n);
    s->nsched = n;
}

static void hex(char *out, size_t max, const uint8_t *p, unsigned n)
{
    out[0] = 0;
    for (unsigned i = 0; i < n && 2 * i + 3 <= max; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", p[i]);
}

static void micro_text(const struct tsp_event *ev, char *out, size_t max)
{
    static const char *const vendor[] = {"intel", "amd", "hygon", "centaur"};
    char bytes[40];
    uint8_t first[8];

    hex(bytes, sizeof(bytes), ev->fetched,
        ev->code == TSP_MICRO_FETCH ? (unsigned)ev->info[1] & 31 : ev->len & 31u);
    switch (ev->code) {
    case TSP_MICRO_TRAP:
        snprintf(out, max, "traps on %s", bytes);
        break;
    case TSP_MICRO_FETCH:
        snprintf(out, max, "fetches %.24s", bytes);
        break;
    case TSP_MICRO_REFETCH:
        snprintf(out, max, ev->info[0] ? "drops its old translation" : "drops what it fetched");
        break;
    case TSP_MICRO_READ:
        le_store(first, ev->info[0], sizeof(first));
        hex(bytes, sizeof(bytes), first, sizeof(first));
        snprintf(out, max, "  hv reads %.8s..", bytes);
        break;
    case TSP_MICRO_HOLD:
        snprintf(out, max, "  hv holds and compares text");
        break;
    case TSP_MICRO_SYNC:
        snprintf(out, max, "  hv makes vCPU %u serialise", (unsigned)ev->info[0]);
        break;
    case TSP_MICRO_RESUME:
        snprintf(out, max, "  hv is done, guest goes on");
        break;
    case TSP_MICRO_OPEN:
        snprintf(out, max, "  hv makes text writable");
        break;
    case TSP_MICRO_WAIT:
        snprintf(out, max, "waits for the rewrite");
        break;
    case TSP_MICRO_INTERRUPT:
        snprintf(out, max, "NMI becomes pending");
        break;
    default:
        snprintf(out, max, "machine moves to %s", vendor[ev->info[0] & 3]);
        break;
    }
}

static void event_text(const struct tsp_event *ev, char *out, size_t max)
{
    char bytes[40], site[40];

    hex(bytes, sizeof(bytes), ev->fetched, ev->len & 31u);
    hex(site, sizeof(site), ev->stored, 6);
    switch (ev->kind) {
    case TSP_EV_FETCH:
        micro_text(ev, out, max);
        break;
    case TSP_EV_PATCH:
        snprintf(out, max, "  hv stores, site %s", site);
        break;
    case TSP_EV_HYPERCALL:
        snprintf(out, max, "hypercall %s", bytes);
        break;
    case TSP_EV_FAULT:
        snprintf(out, max, "exception %u", (unsigned)ev->code);
        break;
    case TSP_EV_RETIRE:
        snprintf(out, max, "executes %.22s", bytes);
        break;
    case TSP_EV_STOP:
        if (ev->code == TSP_STOP_UNSUPPORTED)
            snprintf(out, max, "executes %.16s (unknown)", bytes);
        else
            snprintf(out, max, "%s", event_stop_name(ev->code));
        break;
    default:
        snprintf(out, max, "%s %s", event_kind_name(ev->kind), bytes);
        break;
    }
}

struct seen {
    const struct spec *spec;
    unsigned wanted;
    struct tsp_trace *trace;
    char rule[TSP_MAX_EVENT][24];
};

static void note_rule(void *ctx, const struct finding *f)
{
    struct seen *seen = ctx;
    struct spec_rule rule;

    /* of several the one that this schedule is for */
    if (f->verdict == VERDICT_FAIL && seen->rule[f->event][0] != 0 && f->rule != seen->wanted)
        return;
    if (f->verdict == VERDICT_FAIL && spec_rule_at(seen->spec, f->rule, &rule))
        snprintf(seen->rule[f->event], sizeof(seen->rule[0]), "%.23s", rule.id);
}

void race_timeline(const struct race_report *r, const struct race_break *b,
                   void (*line)(void *ctx, const struct race_line *l), void *ctx)
{
    static struct tsp_trace trace;
    static struct input_image image;
    static struct seen seen;
    struct tsp_setup setup;
    struct scenario s;
    struct spec_options opt = {
        .caps = r->target->caps, .least = VERDICT_FAIL, .found = note_rule, .ctx = &seen};
    char text[96];

    race_break_scenario(b, &s);
    cli_build(&s, &image, &setup);
    if (exec_run(r->target, &setup, b->how.sched, b->how.nsched, b->how.nsched, &trace) != TSP_OK)
        return;
    memset(&seen, 0, sizeof(seen));
    seen.spec = r->spec;
    seen.wanted = b->how.rule;
    spec_check(r->spec, &setup, &trace, &opt);
    for (size_t i = 1; i < trace.n; i++) {
        struct race_line l = {.step = (unsigned)i, .vcpu = trace.ev[i].vcpu, .text = text};

        event_text(&trace.ev[i], text, sizeof(text));
        l.broken = seen.rule[i][0] ? seen.rule[i] : NULL;
        line(ctx, &l);
    }
}

static void print_line(void *ctx, const struct race_line *l)
{
    (void)ctx;
    printf("    %3u  %*s%-*s", l->step, (int)l->vcpu * COLUMN, "", COLUMN, l->text);
    if (l->broken != NULL)
        printf("  %s<- %s%s", cli_color(COLOR_RED), l->broken, cli_color(COLOR_OFF));
    printf("\n");
}

/* As a shell takes it. */
static const char *quoted(const char *word, char *out, size_t max)
{
    size_t n = 0;

    if (word[strspn(
            word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-")] == 0)
        return word;
    out[n++] = '\'';
    for (; *word != 0 && n + 6 < max; word++) {
        if (*word == '\'') {
            memcpy(out + n, "'\\''", 4);
            n += 4;
        } else {
            out[n++] = *word;
        }
    }
    out[n++] = '\'';
    out[n] = 0;
    return out;
}

void race_replay(const struct race_report *r, const struct race_break *b, char *buf, size_t max)
{
    bool plain = r->target_name == NULL || strcmp(r->target_name, "model:kvm") == 0;
    char target[1200], file[1200];

    snprintf(buf, max, "trapspec replay %s%s%s%s", plain ? "" : "--target ",
             plain ? "" : quoted(r->target_name, target, sizeof(target)), plain ? "" : " ",
             quoted(b->file, file, sizeof(file)));
}

static void print_break(const struct race_report *r, const struct race_break *b)
{
    struct spec_rule rule = {.id = "?"};
    char replay[2048], text[160];

    spec_rule_at(r->spec, b->how.rule, &rule);
    printf("\n  %s%s%s  %s\n", cli_color(COLOR_RED), rule.id, cli_color(COLOR_OFF), rule.note);
    printf("    in %u case%s%s, first in: %s\n", b->cases, b->cases == 1 ? "" : "s",
           b->own == 0 ? ", none of them in the protocol's own way of storing" : "",
           race_case_text(&b->first, text, sizeof(text)));
    printf("    expected %s, got %s (%s)\n", b->how.expected, b->how.got, rule.source);
    printf("         ");
    for (unsigned i = 0; i < b->first.vcpus; i++)
        printf("vCPU %-*u", COLUMN - 5, i);
    printf("\n");
    race_timeline(r, b, print_line, NULL);
    race_replay(r, b, replay, sizeof(replay));
    if (b->file[0] != 0)
        printf("    %s\n", replay);
}

void race_print(const struct race_report *r, const struct race_sum *sum)
{
    const char *name = "?", *text = "", *source = "";

    protocol_name(sum->protocol, &name, &text, &source);
    printf("%s%s%s: %s\n", cli_color(COLOR_BOLD), name, cli_color(COLOR_OFF), text);
    printf("  %u case%s, %.0f states, %.6g schedules, %.2f s: ", sum->cases,
           sum->cases == 1 ? "" : "s", sum->states, sum->schedules, sum->seconds);
    if (sum->nbreak == 0)
        printf("no rule broken");
    else
        printf("%u rule%s broken", sum->nbreak, sum->nbreak == 1 ? "" : "s");
    if (sum->refused > 0)
        printf(" (%u cases refused)", sum->refused);
    if (sum->truncated > 0)
        printf(" (%u cases not explored to the end)", sum->truncated);
    printf("\n");
    for (unsigned i = 0; i < sum->nbreak; i++)
        print_break(r, &sum->broken[i]);
    if (sum->nbreak > 0)
        printf("\n");
}

void race_json(const struct race_report *r, const struct race_sum *sum)
{
    const char *name = "?", *text, *source;
    char schedule[2 * EXPLORE_DEPTH + 1], replay[2048], place[160];

    protocol_name(sum->protocol, &name, &text, &source);
    for (unsigned i = 0; i < sum->nbreak; i++) {
        const struct race_break *b = &sum->broken[i];
        struct spec_rule rule = {.id = "?"};
        json_t *o;
        char *line;

        spec_rule_at(r->spec, b->how.rule, &rule);
        hex(schedule, sizeof(schedule), b->how.sched, b->how.nsched);
        race_replay(r, b, replay, sizeof(replay));
        o = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "property", rule.id,
                      "protocol", name, "schedule", schedule, "replay", replay, "cases",
                      (int)b->cases, "own_cases", (int)b->own, "case",
                      race_case_text(&b->first, place, sizeof(place)), "expected", b->how.expected,
                      "got", b->how.got);
        line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
        printf("%s\n", line == NULL ? "{}" : line);
        free(line);
        json_decref(o);
    }
}
