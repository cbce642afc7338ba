/* SPDX-License-Identifier: MIT */
#include "cli/mutants.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec mutants [OPTION...] [ID...]\n\n"
    "Measures the reference table: runs targets that are wrong in one known way until a rule\n"
    "tells, and inverts every rule. IDs choose mutants, a family (cpuid-flip) all of its\n"
    "members; default: all. A mutant that no rule tells must be listed with a reason.\n\n"
    "  --list         what there is, with its source; nothing is run\n"
    "  --kind K       only historic (defects that shipped), systematic (one output, check, bit or\n"
    "                 bound after the other), model (behaviours of the model), protocol (steps of "
    "a\n"
    "                 rewrite left out) or rules (their inversions)\n"
    "  --engine E     probe (default): scenarios made from the rules; fuzz: mutations of them\n"
    "  --time S       seconds for one mutant at most (60; fuzz 5)\n"
    "  --sample N     every Nth mutant only\n"
    "  --seed N       fuzz: other scenarios\n"
    "  --jobs N       processes (2)\n"
    "  --target T     what is wrapped: model:kvm (default), any target by its name\n"
    "  --known FILE   accepted survivors, lines \"ID, reason\"; none: an empty list\n"
    "  -o DIR         write mutants.json and, for each mutant killed, the run that told\n"
    "  --json         one JSON object a mutant, then one with the score\n"
    "  --color WHEN   auto, always, never\n\n"
    "example: trapspec mutants M019 patch-byte\n"
    "exit codes: 0 all killed or explained, 1 not, 2 usage, 3 bad input\n";

enum {
    OPT_LIST = 256,
    OPT_KIND,
    OPT_ENGINE,
    OPT_TIME,
    OPT_SAMPLE,
    OPT_SEED,
    OPT_JOBS,
    OPT_TARGET,
    OPT_KNOWN,
    OPT_JSON
};
static const struct option options[] = {{"list", no_argument, NULL, OPT_LIST},
                                        {"kind", required_argument, NULL, OPT_KIND},
                                        {"engine", required_argument, NULL, OPT_ENGINE},
                                        {"time", required_argument, NULL, OPT_TIME},
                                        {"sample", required_argument, NULL, OPT_SAMPLE},
                                        {"seed", required_argument, NULL, OPT_SEED},
                                        {"jobs", required_argument, NULL, OPT_JOBS},
                                        {"target", required_argument, NULL, OPT_TARGET},
                                        {"known", required_argument, NULL, OPT_KNOWN},
                                        {"output", required_argument, NULL, 'o'},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};
/* ORDER: enum mutant_kind, then the rules */
static const char *const kinds[] = {"historic", "systematic", "model", "protocol", "rules", NULL};
static const char *const engines[] = {"probe", "fuzz", NULL};
#define KIND_RULES MUTANT_KIND_COUNT
#define DAY_SECONDS 86400u

struct args {
    const char *known_file;
    int kind; /* -1: all */
    uint64_t seconds, sample;
    bool list;
};

static int number(const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
    if (cli_number(optarg, max, out) && *out >= min)
        return 0;
    return cli_usage("mutants", "--%s %s: a number of %llu to %llu", name, optarg,
                     (unsigned long long)min, (unsigned long long)max);
}

static int number_option(struct score *s, struct args *a, int opt)
{
    uint64_t v = 0;
    int code;

    switch (opt) {
    case OPT_TIME:
        return number("time", 1, DAY_SECONDS, &a->seconds);
    case OPT_SAMPLE:
        return number("sample", 1, MUTANTS_MAX, &a->sample);
    case OPT_SEED:
        code = number("seed", 0, 0xffffffffu, &v);
        s->run.seed = (uint32_t)v;
        return code;
    default:
        code = number("jobs", 1, 64, &v);
        s->jobs = (unsigned)v;
        return code;
    }
}

static int one_option(struct score *s, struct args *a, int opt)
{
    int engine, code;

    switch (opt) {
    case OPT_LIST:
        a->list = true;
        return 0;
    case OPT_KIND:
        return cli_pick("mutants", "kind", optarg, kinds, &a->kind);
    case OPT_ENGINE:
        code = cli_pick("mutants", "engine", optarg, engines, &engine);
        s->run.fuzz = code == 0 && engine == 1;
        return code;
    case OPT_TARGET:
        s->run.target = optarg;
        return 0;
    case OPT_KNOWN:
        a->known_file = optarg;
        return 0;
    case OPT_JSON:
        s->json = true;
        return 0;
    case 'o':
        s->out = optarg;
        return 0;
    default:
        return number_option(s, a, opt);
    }
}

static int parse_args(struct score *s, struct args *a, int argc, char **argv)
{
    int opt, code = 0;

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return cli_bad_option("mutants", options, argv, optind - 1);
        code = one_option(s, a, opt);
    }
    s->run.seconds = a->seconds != 0 ? (double)a->seconds : s->run.fuzz ? 5 : 60;
    return code;
}

/* The mutant itself, or a member of the family. */
static bool named(const char *id, const char *word)
{
    size_t n = strlen(word);

    return strncmp(id, word, n) == 0 && (id[n] == 0 || id[n] == '-');
}

static bool chosen(const struct mutant_info *info, int nword, char **word)
{
    for (int i = 0; i < nword; i++)
        if (named(info->id, word[i]))
            return true;
    return nword == 0;
}

static int choose(struct score *s, const struct args *a, int nword, char **word)
{
    struct mutant_info info;
    unsigned seen = 0;

    for (unsigned i = 0; mutant_at(i, &info) && s->n < MUTANTS_MAX; i++) {
        if (!chosen(&info, nword, word) || (a->kind >= 0 && (int)info.kind != a->kind))
            continue;
        if (seen++ % a->sample == 0)
            s->index[s->n++] = i;
    }
    for (int w = 0; w < nword; w++) {
        bool any = false;

        for (unsigned i = 0; !any && mutant_at(i, &info); i++)
            any = named(info.id, word[w]);
        if (!any)
            return cli_usage("mutants", "no mutant \"%s\"; --list names them", word[w]);
    }
    s->rules = (a->kind < 0 && nword == 0 && a->sample == 1) || a->kind == KIND_RULES;
    return 0;
}

static void list_json(const struct mutant_info *m)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b}", "id", m->id, "kind", kinds[m->kind], "text",
                          m->text, "source", m->source, "modelled", (int)m->modelled);
    char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

    printf("%s\n", line == NULL ? "{}" : line);
    free(line);
    json_decref(o);
}

static void list(const struct score *s, bool json)
{
    struct mutant_info info;

    for (unsigned i = 0; i < s->n; i++) {
        mutant_at(s->index[i], &info);
        if (json)
            list_json(&info);
        else
            printf("%-32s %-10s %s (%s)%s\n", info.id, kinds[info.kind], info.text, info.source,
                   info.modelled ? "" : ": nothing here has it");
    }
    if (!json)
        printf("%u mutants\n", s->n);
}

/* The target must be there before anything is measured on it. */
static int check(const struct score *s)
{
    struct target t;
    struct tsp_error err;

    if (target_open(&t, s->run.target, &err) != TSP_OK)
        return cli_fail("mutants", &err);
    target_close(&t);
    if (s->out != NULL && file_mkdirs(s->out, &err) != TSP_OK)
        return cli_fail("mutants", &err);
    return 0;
}

static int measure(struct score *s, const char *known_file)
{
    struct known *known = NULL;
    struct tsp_error err;
    int code = check(s), stored;

    if (code != 0)
        return code;
    if (cli_known("mutants", known_file, &known, &err) != TSP_OK)
        return cli_fail("mutants", &err);
    s->known = known;
    s->hits = calloc(spec_rule_count(s->run.spec) + 1, sizeof(s->hits[0]));
    s->told = calloc(spec_rule_count(s->run.spec) + 1, sizeof(s->told[0]));
    if (s->hits == NULL || s->told == NULL || !score_work(s)) {
        fprintf(stderr, "trapspec mutants: no memory or processes\n");
        code = EXIT_BAD_INPUT;
    } else {
        code = score_print(s);
        stored = score_store(s);
        code = stored != 0 ? stored : code;
    }
    free(s->hits);
    free(s->told);
    known_free(known);
    return code;
}

static int run(int argc, char **argv)
{
    static struct score s;
    struct args a = {.kind = -1, .sample = 1};
    int code;

    memset(&s, 0, sizeof(s));
    s.run.spec = spec_builtin();
    s.run.target = "model:kvm";
    s.run.build = cli_build;
    s.run.stop = cli_interrupted;
    s.jobs = 2;
    code = parse_args(&s, &a, argc, argv);
    if (code == 0)
        code = choose(&s, &a, argc - optind, argv + optind);
    if (code != 0)
        return code;
    if (a.list) {
        list(&s, s.json);
        return EXIT_CONFORMS;
    }
    return measure(&s, a.known_file);
}

const struct verb verb_mutants = {"mutants", run, "measure the table by targets that are wrong",
                                  help};
