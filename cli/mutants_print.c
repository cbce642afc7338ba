/* SPDX-License-Identifier: MIT */
/* What came of the mutants, for people and for programs. */
#include "cli/mutants.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_name[MUTANT_KIND_COUNT] = {"historic", "systematic", "model",
                                                         "protocol"};

/* What is told at the end. */
struct sums {
    unsigned n[MUTANT_KIND_COUNT], killed[MUTANT_KIND_COUNT];
    unsigned all, all_killed, unexplained, stale;
    unsigned rules, broken, rules_unexplained;
    double median[MUTANT_KIND_COUNT];
};

static const char *rule_id(const struct score *s, unsigned rule)
{
    static struct spec_rule r;

    return spec_rule_at(s->run.spec, rule, &r) ? r.id : "?";
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(const struct score *s, enum mutant_kind kind)
{
    static double v[MUTANTS_MAX];
    struct mutant_info info;
    size_t n = 0;

    for (unsigned i = 0; i < s->n; i++)
        if (s->result[i].killed && mutant_at(s->index[i], &info) && info.kind == kind)
            v[n++] = s->result[i].seconds;
    if (n == 0)
        return 0;
    qsort(v, n, sizeof(v[0]), by_value);
    return v[n / 2];
}

/* An inverted rule is broken by a run that keeps the rule. What must never be is shown by a mutant
 * that does it. */
static bool rule_broken(const struct score *s, unsigned rule)
{
    return s->hits[rule] > 0 || s->told[rule] > 0;
}

static const char *rule_reason(const struct score *s, unsigned rule)
{
    const char *reason = NULL;
    char key[180];

    snprintf(key, sizeof(key), "rule:%.170s", rule_id(s, rule));
    known_has(s->known, key, &reason);
    return reason;
}

static void sum_up(const struct score *s, struct sums *t)
{
    struct mutant_info info;

    memset(t, 0, sizeof(*t));
    for (unsigned i = 0; i < s->n; i++) {
        bool killed = s->result[i].killed, listed;

        mutant_at(s->index[i], &info);
        listed = known_has(s->known, info.id, NULL);
        t->n[info.kind]++;
        t->killed[info.kind] += killed;
        t->all++;
        t->all_killed += killed;
        t->unexplained += !killed && !listed;
        t->stale += killed && listed;
    }
    for (unsigned k = 0; k < MUTANT_KIND_COUNT; k++)
        t->median[k] = median(s, (enum mutant_kind)k);
    for (unsigned i = 0; s->rules && i < spec_rule_count(s->run.spec); i++) {
        bool broken = rule_broken(s, i), listed = rule_reason(s, i) != NULL;

        t->rules++;
        t->broken += broken;
        t->rules_unexplained += !broken && !listed;
        t->stale += broken && listed;
    }
}

static json_t *mutant_object(const struct score *s, unsigned i)
{
    const struct mutants_result *r = &s->result[i];
    struct mutant_info info;
    const char *reason = NULL;
    json_t *o;

    mutant_at(s->index[i], &info);
    known_has(s->known, info.id, &reason);
    o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:f}", "mutant", info.id, "kind",
                  kind_name[info.kind], "text", info.text, "source", info.source, "killed",
                  r->killed, "executions", (int)r->executions, "seconds", r->seconds);
    if (r->killed) {
        json_object_set_new(o, "rule", json_string(rule_id(s, r->rule[0])));
        json_object_set_new(o, "expected", json_string(r->expected));
        json_object_set_new(o, "got", json_string(r->got));
    } else {
        if (!r->tried)
            json_object_set_new(o, "why", json_string(r->got));
        json_object_set_new(o, "reason", reason == NULL ? json_null() : json_string(reason));
    }
    return o;
}

static json_t *sums_object(const struct score *s, const struct sums *t)
{
    json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "target", s->run.target, "engine",
                          s->run.fuzz ? "fuzz" : "probe", "mutants", (int)t->all, "killed",
                          (int)t->all_killed, "unexplained",
                          (int)(t->unexplained + t->rules_unexplained), "stale", (int)t->stale);

    for (unsigned k = 0; k < MUTANT_KIND_COUNT; k++)
        json_object_set_new(o, kind_name[k],
                            json_pack("{s:i, s:i, s:f}", "mutants", (int)t->n[k], "killed",
                                      (int)t->killed[k], "median_seconds", t->median[k]));
    if (s->rules)
        json_object_set_new(
            o, "rules",
            json_pack("{s:i, s:i}", "inverted", (int)t->rules, "broken", (int)t->broken));
    return o;
}

static void print_json(json_t *o)
{
    char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

    printf("%s\n", line == NULL ? "{}" : line);
    free(line);
    json_decref(o);
}

static void print_mutant(const struct score *s, unsigned i)
{
    const struct mutants_result *r = &s->result[i];
    struct mutant_info info;
    const char *reason = NULL;

    mutant_at(s->index[i], &info);
    known_has(s->known, info.id, &reason);
    if (r->killed) {
        printf("%-32s killed by %-28s %6u runs %8.3f s%s\n", info.id, rule_id(s, r->rule[0]),
               r->executions, r->seconds, reason == NULL ? "" : "  (listed as a survivor)");
        return;
    }
    printf("%-32s %ssurvives%s %s%s\n", info.id, cli_color(reason ? COLOR_YELLOW : COLOR_RED),
           cli_color(COLOR_OFF), !s->done[i] ? "not tried: " : "",
           reason != NULL ? reason : (r->tried || !s->done[i] ? info.text : r->got));
}

static void print_rules(const struct score *s, const struct sums *t)
{
    printf("rules: %u of %u broken by their inversion\n", t->broken, t->rules);
    for (unsigned i = 0; i < t->rules; i++) {
        const char *reason = rule_reason(s, i);

        if (rule_broken(s, i)) {
            if (reason != NULL)
                printf("rule:%s is exercised, yet listed\n", rule_id(s, i));
            continue;
        }
        printf("rule:%-40s never exercised: %s\n", rule_id(s, i),
               reason != NULL ? reason : "no reason is listed");
    }
}

int score_print(const struct score *s)
{
    struct sums t;

    sum_up(s, &t);
    for (unsigned i = 0; i < s->n; i++) {
        if (s->json)
            print_json(mutant_object(s, i));
        else
            print_mutant(s, i);
    }
    if (s->json) {
        print_json(sums_object(s, &t));
    } else {
        if (s->rules)
            print_rules(s, &t);
        for (unsigned k = 0; k < MUTANT_KIND_COUNT; k++)
            if (t.n[k] > 0)
                printf("%s: %u of %u killed, median %.3f s\n", kind_name[k], t.killed[k], t.n[k],
                       t.median[k]);
        if (t.stale > 0)
            printf("%u listed as survivors are none\n", t.stale);
        if (t.unexplained + t.rules_unexplained > 0)
            printf("%u without a reason\n", t.unexplained + t.rules_unexplained);
        printf("%u of %u mutants killed\n", t.all_killed, t.all);
    }
    return t.unexplained + t.rules_unexplained + t.stale > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

int score_store(const struct score *s)
{
    struct file_out out;
    struct tsp_error err;
    struct sums t;
    char path[1100];
    json_t *o, *list = json_array();

    if (s->out == NULL) {
        json_decref(list);
        return EXIT_CONFORMS;
    }
    sum_up(s, &t);
    o = sums_object(s, &t);
    for (unsigned i = 0; i < s->n; i++)
        json_array_append_new(list, mutant_object(s, i));
    json_object_set_new(o, "tried", list);
    snprintf(path, sizeof(path), "%.1000s/mutants.json", s->out);
    if (file_begin(&out, path, &err) != TSP_OK) {
        json_decref(o);
        return cli_fail("mutants", &err);
    }
    json_dumpf(o, out.f, JSON_INDENT(1));
    fputc('\n', out.f);
    json_decref(o);
    return file_commit(&out, &err) == TSP_OK ? EXIT_CONFORMS : cli_fail("mutants", &err);
}
