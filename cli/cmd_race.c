/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/formats/file.h"
#include "cli/race.h"
#include "fuzz/target/states.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: trapspec race [OPTION...]\n\n"
    "Tries every schedule of two or more vCPUs around one hypercall site of the other vendor, "
    "while\n"
    "the hypervisor follows a patch protocol: every fetch, every instruction, every store of the\n"
    "rewrite may come before or after any step of another vCPU. For each broken rule the shortest\n"
    "schedule is shown, and written as a scenario that replay runs again.\n\n"
    "  --protocol P    kvm@linux-6.1 (default), kvm-2021, lguest, virtualbox, emulate, inject,\n"
    "                  page-flip, text-poke\n"
    "  --all           the whole matrix of sites, modes and pages; without --protocol of all\n"
    "                  protocols\n"
    "  --host V        intel or amd (default: intel)\n"
    "  --mode M        long64, compat32, prot32 or real16; +base behind it gives CS a base\n"
    "  --place P       of the site: 0, 13, 14 or 15 in its 16 bytes; end-2, end-1 of its page\n"
    "  --prefix P      before the instruction: none, 66, 3e, 3e3e3e\n"
    "  --pages R       rw, second-ro, ro, rom\n"
    "  --other O       what the others do: same, store, restore, breakpoint, create, protect,\n"
    "                  remap, interrupt, migrate, moved\n"
    "  --vcpus N       2 (default), 3 or 4\n"
    "  --preempt N     at most N switches away from a vCPU that could go on\n"
    "  --target T      model:kvm (default), model:PROFILE\n"
    "  -o DIR          where scenarios of broken rules go (race-out)\n"
    "  --html FILE     writes one page\n"
    "  --json          one JSON line for each broken rule\n\n"
    "example: trapspec race --protocol kvm@linux-6.1 --all --html race.html\n"
    "exit codes: 0 no rule is broken, 1 one is, 2 usage, 3 a file cannot be written, 77 the "
    "target\n"
    "cannot be stepped\n";

enum {
    OPT_PROTOCOL = 256,
    OPT_ALL,
    OPT_HOST,
    OPT_MODE,
    OPT_PLACE,
    OPT_PREFIX,
    OPT_PAGES,
    OPT_OTHER,
    OPT_VCPUS,
    OPT_PREEMPT,
    OPT_TARGET,
    OPT_HTML,
    OPT_JSON,
    OPT_COLOR
};
static const struct option options[] = {{"protocol", required_argument, NULL, OPT_PROTOCOL},
                                        {"all", no_argument, NULL, OPT_ALL},
                                        {"host", required_argument, NULL, OPT_HOST},
                                        {"mode", required_argument, NULL, OPT_MODE},
                                        {"place", required_argument, NULL, OPT_PLACE},
                                        {"prefix", required_argument, NULL, OPT_PREFIX},
                                        {"pages", required_argument, NULL, OPT_PAGES},
                                        {"other", required_argument, NULL, OPT_OTHER},
                                        {"vcpus", required_argument, NULL, OPT_VCPUS},
                                        {"preempt", required_argument, NULL, OPT_PREEMPT},
                                        {"target", required_argument, NULL, OPT_TARGET},
                                        {"html", required_argument, NULL, OPT_HTML},
                                        {"output", required_argument, NULL, 'o'},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {"color", required_argument, NULL, OPT_COLOR},
                                        {NULL, 0, NULL, 0}};

#define MAX_STATES 400000u
#define PREEMPT_MAX 100u

struct race {
    struct race_case one;
    bool all, json, protocol_set, vcpus_set;
    int preempt;
    const char *target, *out, *html;
    struct source src;
    struct explorer *explorer;
    struct race_report report;
    bool unwritable;
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- options ---- */

static int choose(const char *name, const char *arg, const char *const *list, uint8_t *out)
{
    int i = cli_choice(arg, list);
    const char *near = cli_nearest(arg, list);

    if (i < 0)
        return cli_usage("race", "--%s %s: no such value%s%s%s", name, arg,
                         near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    *out = (uint8_t)i;
    return 0;
}

static int choose_protocol(struct race *r, const char *arg)
{
    const char *names[TSP_PROTOCOL_COUNT], *name, *text, *source;
    uint8_t which = 0;
    unsigned n = 0;
    int code;

    for (unsigned i = 1; protocol_name(i, &name, &text, &source); i++)
        names[n++] = name;
    names[n] = NULL;
    code = choose("protocol", arg, names, &which);
    r->one.protocol = (uint8_t)(which + 1);
    r->protocol_set = true;
    return code;
}

static int choose_mode(struct race *r, const char *arg)
{
    static const char *const name[] = {"long64",        "compat32",    "prot32",      "real16",
                                       "compat32+base", "prot32+base", "real16+base", NULL};
    static const uint8_t mode[] = {TSP_MODE_LONG64, TSP_MODE_COMPAT32, TSP_MODE_PROT32,
                                   TSP_MODE_REAL16, TSP_MODE_COMPAT32, TSP_MODE_PROT32,
                                   TSP_MODE_REAL16};
    uint8_t i = 0;
    int code = choose("mode", arg, name, &i);

    r->one.mode = mode[i];
    r->one.based = i >= 4;
    return code;
}

static int number_option(struct race *r, int opt, const char *arg)
{
    uint64_t v;

    if (opt == OPT_VCPUS) {
        if (!cli_number(arg, TSP_MAX_VCPU, &v) || v < 2)
            return cli_usage("race", "--vcpus %s: 2, 3 or 4", arg);
        r->one.vcpus = (uint8_t)v;
        r->vcpus_set = true;
    } else {
        if (!cli_number(arg, PREEMPT_MAX, &v))
            return cli_usage("race", "--preempt %s: a number up to %u", arg, PREEMPT_MAX);
        r->preempt = (int)v;
    }
    return 0;
}

static int one_option(struct race *r, int opt)
{
    static const char *const hosts[] = {"intel", "amd", NULL};

    switch (opt) {
    case OPT_PROTOCOL:
        return choose_protocol(r, optarg);
    case OPT_HOST:
        return choose("host", optarg, hosts, &r->one.host);
    case OPT_MODE:
        return choose_mode(r, optarg);
    case OPT_PLACE:
        return choose("place", optarg, race_place_names, &r->one.place);
    case OPT_PREFIX:
        return choose("prefix", optarg, race_prefix_names, &r->one.prefix);
    case OPT_PAGES:
        return choose("pages", optarg, race_pages_names, &r->one.pages);
    case OPT_OTHER:
        return choose("other", optarg, race_other_names, &r->one.other);
    case OPT_VCPUS:
    case OPT_PREEMPT:
        return number_option(r, opt, optarg);
    case OPT_ALL:
        r->all = true;
        return 0;
    case OPT_TARGET:
        r->target = optarg;
        return 0;
    case OPT_HTML:
        r->html = optarg;
        return 0;
    case OPT_JSON:
        r->json = true;
        return 0;
    case OPT_COLOR:
        cli_set_color(optarg);
        return 0;
    default:
        r->out = optarg;
        return 0;
    }
}

static int parse_args(struct race *r, int argc, char **argv)
{
    int opt, code = 0;

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return cli_bad_option("race", options, argv, optind - 1);
        code = one_option(r, opt);
    }
    if (code == 0 && optind < argc)
        return cli_usage("race", "unexpected argument \"%s\"", argv[optind]);
    return code;
}

/* ---- exploring ---- */

static void take_break(struct race_sum *sum, const struct race_case *c,
                       const struct explore_broken *how)
{
    struct race_break *b = sum->broken;

    while (b < sum->broken + sum->nbreak && b->how.rule != how->rule)
        b++;
    if (b == sum->broken + sum->nbreak) {
        if (sum->nbreak == EXPLORE_RULES)
            return;
        sum->nbreak++;
        *b = (struct race_break){.cases = 0};
    }
    if (b->cases == 0 || how->nsched < b->how.nsched) {
        b->first = *c;
        b->how = *how;
    }
    b->cases++;
}

static enum tsp_status explore_case(struct race *r, const struct race_case *c, struct race_sum *sum)
{
    static struct explore_result result;
    static struct input_image image;
    struct tsp_setup setup;
    struct scenario s;
    struct explore_options o = {.spec = r->report.spec,
                                .interrupts = race_interrupts(c),
                                .migrations = race_migrations(c),
                                .preempt = r->preempt,
                                .reduce = c->vcpus > 2};
    enum tsp_status st;

    if (!race_scenario(c, &s))
        return TSP_EARG;
    cli_build(&s, &image, &setup);
    st = explorer_run(r->explorer, &r->src.t, &setup, &o, &result);
    if (st != TSP_OK)
        return st;
    sum->cases++;
    sum->truncated += result.truncated;
    sum->states += result.states;
    sum->moves += result.moves;
    sum->schedules += result.schedules;
    for (unsigned i = 0; i < result.nbroken; i++)
        take_break(sum, c, &result.broken[i]);
    return TSP_OK;
}

static int by_rule(const void *pa, const void *pb)
{
    const struct race_break *a = pa, *b = pb;

    return a->how.rule < b->how.rule ? -1 : a->how.rule > b->how.rule;
}

static enum tsp_status explore_protocol(struct race *r, unsigned protocol)
{
    struct race_sum *sum = &r->report.sum[r->report.nsum++];
    enum tsp_status st = TSP_OK;
    double start = seconds();
    struct race_case c = r->one;

    *sum = (struct race_sum){.protocol = protocol};
    c.protocol = (uint8_t)protocol;
    if (!r->all) {
        st = explore_case(r, &c, sum);
    } else {
        for (unsigned i = 0; st == TSP_OK && i < race_case_end() && !cli_interrupted(); i++) {
            if (!race_case_at(i, &c) || (r->vcpus_set && c.vcpus != r->one.vcpus))
                continue;
            c.protocol = (uint8_t)protocol;
            st = explore_case(r, &c, sum);
            if (sum->cases % 64 == 0)
                cli_progress("protocol %u: %u cases", protocol, sum->cases);
        }
        cli_progress_done();
    }
    qsort(sum->broken, sum->nbreak, sizeof(sum->broken[0]), by_rule);
    sum->seconds = seconds() - start;
    return st;
}

/* ---- results ---- */

static enum tsp_status write_scenario(struct race *r, const struct race_sum *sum,
                                      struct race_break *b, struct tsp_error *err)
{
    const char *name = "?", *text, *source;
    struct spec_rule rule = {.id = "?"};
    char place[160], body[8192];
    struct scenario s;
    struct file_out o;
    enum tsp_status st;

    protocol_name(sum->protocol, &name, &text, &source);
    spec_rule_at(r->report.spec, b->how.rule, &rule);
    race_break_scenario(b, &s);
    snprintf(b->file, sizeof(b->file), "%s/%s-%s.tst", r->out, name, rule.id);
    input_text_write(&s, body, sizeof(body));
    st = file_begin(&o, b->file, err);
    if (st != TSP_OK)
        return st;
    fprintf(o.f, "%s# %s: %s\n# %s\n", body, rule.id, rule.note,
            race_case_text(&b->first, place, sizeof(place)));
    return file_commit(&o, err);
}

static enum tsp_status write_scenarios(struct race *r, struct tsp_error *err)
{
    enum tsp_status st = TSP_OK;
    bool made = false;

    for (unsigned i = 0; st == TSP_OK && i < r->report.nsum; i++) {
        struct race_sum *sum = &r->report.sum[i];

        for (unsigned k = 0; st == TSP_OK && k < sum->nbreak; k++) {
            if (!made)
                st = file_mkdirs(r->out, err);
            made = true;
            if (st == TSP_OK)
                st = write_scenario(r, sum, &sum->broken[k], err);
        }
    }
    return st;
}

static int tell(struct race *r)
{
    struct tsp_error err;
    bool any = false;

    if (write_scenarios(r, &err) != TSP_OK)
        return cli_fail("race", &err);
    for (unsigned i = 0; i < r->report.nsum; i++) {
        any = any || r->report.sum[i].nbreak > 0;
        if (r->json)
            race_json(&r->report, &r->report.sum[i]);
        else
            race_print(&r->report, &r->report.sum[i]);
    }
    if (r->html != NULL && race_html(&r->report, r->html, &err) != TSP_OK)
        return cli_fail("race", &err);
    return any ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static int explore_all(struct race *r)
{
    enum tsp_status st = TSP_OK;
    unsigned first = r->one.protocol, last = first;

    if (r->all && !r->protocol_set) {
        first = 1;
        last = TSP_PROTOCOL_COUNT - 1;
    }
    for (unsigned p = first; st == TSP_OK && p <= last; p++)
        st = explore_protocol(r, p);
    if (st == TSP_EARG)
        return cli_usage("race", "there is no such case: %s",
                         "only 32-bit and 64-bit paged code "
                         "has page rights, only an "
                         "instruction across a page a second "
                         "page");
    if (st == TSP_ENOTSUP) {
        fprintf(stderr, "trapspec race: %s cannot be stepped and set back\n", r->src.t.name);
        return EXIT_NOTHING;
    }
    return st == TSP_OK ? tell(r) : EXIT_BAD_INPUT;
}

static int run(int argc, char **argv)
{
    static struct race r;
    struct tsp_error err;
    int code;

    r.one = (struct race_case){.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .vcpus = 2};
    r.preempt = -1;
    r.target = "model:kvm";
    r.out = "race-out";
    code = parse_args(&r, argc, argv);
    if (code != 0)
        return code;
    if (source_open(&r.src, r.target, &err) != TSP_OK) {
        code = cli_fail("race", &err);
    } else if (r.src.t.ops == NULL || (r.src.t.caps & TSP_CAP_STEPS) == 0) {
        code = cli_usage("race", "%s cannot be stepped", r.target);
    } else {
        r.report.spec = spec_builtin();
        r.report.target = &r.src.t;
        r.explorer = explorer_open(r.report.spec, MAX_STATES);
        code = r.explorer == NULL ? EXIT_BAD_INPUT : explore_all(&r);
        explorer_close(r.explorer);
    }
    source_close(&r.src);
    return code;
}

const struct verb verb_race = {"race", run, "try every schedule around a rewrite", help};
