/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "cli/formats/shipped.h"
#include "emu/emu.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec spec list [--table NAME] [--json]\n"
    "       trapspec spec show ID [--json]\n"
    "       trapspec spec sources [--json]\n"
    "       trapspec spec behaviours [--json]\n"
    "       trapspec spec lint DIR\n\n"
    "The reference table. list: every rule and how many there are; show: one rule with its source "
    "in full;\n"
    "sources: the documents; behaviours: where shipped hypervisors differ from them, the "
    "profiles that\n"
    "have each and the rules that flag it; lint: reads a directory of tables as the build does and "
    "says\n"
    "what is wrong and where.\n\n"
    "  --table NAME  only that table, e.g. patch\n"
    "  --json        JSON lines\n\n"
    "example: trapspec spec list --table patch\n"
    "exit codes: 0 done, 2 usage, 3 no such rule, or the tables are refused\n";

enum { OPT_TABLE = 256, OPT_JSON };
static const struct option options[] = {{"table", required_argument, NULL, OPT_TABLE},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

/* Takes the object. */
static void print_json(json_t *o)
{
    char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

    printf("%s\n", line == NULL ? "{}" : line);
    free(line);
    json_decref(o);
}

static json_t *rule_json(const struct spec_rule *r)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "id", r->id, "table", r->table,
                     "line", (int)r->line, "scope", r->scope, "when", r->when, "must", r->must,
                     "source", r->source, "note", r->note);
}

static json_t *source_json(const struct spec_source *s)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", s->id, "title", s->title, "revision",
                     s->revision, "section", s->section, "terms", s->terms);
}

static void print_rule(const struct spec_rule *r, bool json)
{
    if (json)
        print_json(rule_json(r));
    else
        printf("%-34s %-12s %-40s %-36s %s\n", r->id, r->table, r->when, r->must, r->source);
}

static int list(const struct spec *s, const char *table, bool json)
{
    struct spec_rule r;
    unsigned n = 0;

    for (unsigned i = 0; spec_rule_at(s, i, &r); i++) {
        if (table != NULL && strcmp(r.table, table) != 0)
            continue;
        print_rule(&r, json);
        n++;
    }
    if (n == 0)
        return cli_usage("spec", "no rule in a table \"%s\"", table == NULL ? "" : table);
    if (!json)
        printf("%u rules, %u sources, %u gaps\n", n, spec_source_count(s), spec_gap_count(s));
    return EXIT_CONFORMS;
}

static bool source_of(const struct spec *s, const struct spec_rule *r, struct spec_source *out)
{
    for (unsigned k = 0; spec_source_at(s, k, out); k++)
        if (strcmp(out->id, r->source) == 0)
            return true;
    return false;
}

/* The rule with its source in full in the place of its name. */
static void show_json(const struct spec_rule *r, const struct spec_source *src)
{
    json_t *o = rule_json(r);

    if (o != NULL && src != NULL)
        json_object_set_new(o, "source", source_json(src));
    print_json(o);
}

static int show(const struct spec *s, const char *id, bool json)
{
    unsigned i = spec_rule_find(s, id);
    struct spec_source src;
    struct spec_rule r;
    bool cited;

    if (!spec_rule_at(s, i, &r)) {
        fprintf(stderr, "trapspec spec: no rule \"%s\" (trapspec spec list)\n", id);
        return EXIT_BAD_INPUT;
    }
    cited = source_of(s, &r, &src);
    if (json) {
        show_json(&r, cited ? &src : NULL);
        return EXIT_CONFORMS;
    }
    printf("rule    %s\ntable   spec/tables/%s.csv:%u\nscope   %s\nwhen    %s\nmust    %s\nnote    "
           "%s\n",
           r.id, r.table, r.line, r.scope, r.when, r.must, r.note);
    if (cited)
        printf("source  %s: %s; %s; %s (%s)\n", src.id, src.title, src.revision, src.section,
               src.terms);
    return EXIT_CONFORMS;
}

static int sources(const struct spec *s, bool json)
{
    struct spec_source src;

    for (unsigned k = 0; spec_source_at(s, k, &src); k++) {
        if (json)
            print_json(source_json(&src));
        else
            printf("%-16s %s; %s; %s (%s)\n", src.id, src.title, src.revision, src.section,
                   src.terms);
    }
    return EXIT_CONFORMS;
}

/* fuzz/known/caught.csv as it was built in. */
static struct known *caught_list(void)
{
    struct tsp_error err;
    struct known *k;

    for (const struct shipped_list *l = shipped_lists; l->name != NULL; l++)
        if (strcmp(l->name, "caught") == 0 &&
            known_parse(&k, l->name, l->text, strlen(l->text), &err) == TSP_OK)
            return k;
    return NULL;
}

/* A row of the list for a behaviour: alone (*with empty), or with others that it takes to see it.
 */
static bool caught_at(const struct known *k, size_t i, const char *name, const char **with,
                      const char **rules)
{
    size_t n = strlen(name);
    const char *r = known_rule_at(k, i);

    if (strncmp(r, name, n) != 0 || (r[n] != 0 && r[n] != '+') || !known_has(k, r, rules))
        return false;
    *with = r[n] == 0 ? "" : r + n + 1;
    return true;
}

static void print_caught(const struct known *k, const char *name)
{
    const char *rules, *with;

    for (size_t i = 0; i < known_count(k); i++) {
        if (!caught_at(k, i, name, &with, &rules))
            continue;
        if (*with == 0)
            printf("    flagged by: %s\n", rules);
        else
            printf("    flagged with %s by: %s\n", with, rules);
    }
}

static void behaviour_json(const struct known *k, unsigned index, const struct vm_behaviour *b)
{
    json_t *in = json_array(), *flagged = json_array();
    const char *name, *text, *rules, *with;

    for (unsigned p = 0; vm_profile_at(p, &name, &text); p++)
        if (vm_profile_has(name, index))
            json_array_append_new(in, json_string(name));
    for (size_t i = 0; k != NULL && i < known_count(k); i++)
        if (caught_at(k, i, b->name, &with, &rules))
            json_array_append_new(flagged, json_pack("{s:s, s:s}", "with", with, "by", rules));
    print_json(json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", b->name, "text", b->text, "source",
                         b->source, "in", in, "flagged", flagged));
}

static void print_behaviour(const struct known *k, unsigned index, const struct vm_behaviour *b)
{
    const char *name, *text;

    printf("%-28s %s\n    source: %s\n    in:", b->name, b->text, b->source);
    for (unsigned p = 0; vm_profile_at(p, &name, &text); p++)
        if (vm_profile_has(name, index))
            printf(" %s", name);
    printf("\n");
    if (k != NULL)
        print_caught(k, b->name);
}

static int behaviours(bool json)
{
    struct known *caught = caught_list();
    const char *name, *text;
    struct vm_behaviour b;

    for (unsigned p = 0; !json && vm_profile_at(p, &name, &text); p++)
        printf("profile %-16s %s\n", name, text);
    if (!json)
        printf("\n");
    for (unsigned i = 0; vm_behaviour_at(i, &b); i++) {
        if (json)
            behaviour_json(caught, i, &b);
        else
            print_behaviour(caught, i, &b);
    }
    known_free(caught);
    return EXIT_CONFORMS;
}

static int lint(const char *dir)
{
    struct tsp_error err;
    struct spec *s;

    if (spec_load(&s, dir, &err) != TSP_OK) {
        fprintf(stderr, "trapspec spec: %s\n", err.text);
        return EXIT_BAD_INPUT;
    }
    printf("%s: %u rules, %u sources, no defect\n", dir, spec_rule_count(s), spec_source_count(s));
    spec_free(s);
    return EXIT_CONFORMS;
}

static int run(int argc, char **argv)
{
    static const char *const what[] = {"list", "show", "sources", "behaviours", "lint", NULL};
    const char *table = NULL, *near;
    bool json = false;
    int opt, verb;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (opt == OPT_TABLE)
            table = optarg;
        else if (opt == OPT_JSON)
            json = true;
        else
            return cli_bad_option("spec", options, argv, optind - 1);
    }
    if (optind == argc)
        return cli_usage("spec", "list, show, sources, behaviours or lint is needed");
    verb = cli_choice(argv[optind], what);
    near = cli_nearest(argv[optind], what);
    if (verb < 0)
        return cli_usage("spec", "unknown \"%s\"%s%s", argv[optind],
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "");
    if ((verb == 1 || verb == 4) && optind + 1 >= argc)
        return cli_usage("spec", "%s needs a %s", what[verb], verb == 1 ? "rule ID" : "DIR");
    if (argc - optind > (verb == 1 || verb == 4 ? 2 : 1))
        return cli_usage("spec", "unexpected argument \"%s\"", argv[argc - 1]);
    switch (verb) {
    case 0:
        return list(spec_builtin(), table, json);
    case 1:
        return show(spec_builtin(), argv[optind + 1], json);
    case 2:
        return sources(spec_builtin(), json);
    case 3:
        return behaviours(json);
    default:
        return lint(argv[optind + 1]);
    }
}

const struct verb verb_spec = {"spec", run, "look into the reference table", help};
