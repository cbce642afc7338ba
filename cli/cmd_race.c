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
    "                  remap, copy, unmap, interrupt, migrate, moved\n"
    "  --vcpus N       2 (default), 3 or 4\n"
    "  --width N       the rewrite is stored in pieces of 1, 2, 4 or 8 bytes\n"
    "  --order O       its pieces: up or down\n"
    "  --locked        a store is whole even across a cache line or page\n"
    "  --cas, --blind  it is stored only over what was read, or over anything\n"
    "                  (these four: kvm@linux-6.1, kvm-2021, lguest, virtualbox)\n"
    "  --open          text that the guest may not write is made writable meanwhile "
    "(kvm@linux-6.1,\n"
    "                  kvm-2021)\n"
    "  --int           text-poke writes INT 0x1f and NOP, of which all bytes differ\n"
    "  --preempt N     at most N switches away from a vCPU that could go on\n"
    "  --target T      model:kvm (default), model:PROFILE, mutant:ID, plugin:FILE; kvm: the\n"
    "                  vCPUs run at once on processors, and what is left is judged\n"
    "  --jobs N        processes for --all (2)\n"
    "  --rounds N      --target kvm: how often each case is run (1000; with --all 20)\n"
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
    OPT_WIDTH,
    OPT_ORDER,
    OPT_LOCKED,
    OPT_CAS,
    OPT_BLIND,
    OPT_INT,
    OPT_OPEN,
    OPT_JOBS,
    OPT_ROUNDS,
    OPT_TARGET,
    OPT_HTML,
    OPT_JSON
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
                                        {"width", required_argument, NULL, OPT_WIDTH},
                                        {"order", required_argument, NULL, OPT_ORDER},
                                        {"locked", no_argument, NULL, OPT_LOCKED},
                                        {"cas", no_argument, NULL, OPT_CAS},
                                        {"blind", no_argument, NULL, OPT_BLIND},
                                        {"int", no_argument, NULL, OPT_INT},
                                        {"open", no_argument, NULL, OPT_OPEN},
                                        {"jobs", required_argument, NULL, OPT_JOBS},
                                        {"rounds", required_argument, NULL, OPT_ROUNDS},
                                        {"target", required_argument, NULL, OPT_TARGET},
                                        {"html", required_argument, NULL, OPT_HTML},
                                        {"output", required_argument, NULL, 'o'},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

#define MAX_STATES 400000u
#define JOBS_MAX 64u
#define PREEMPT_MAX 100u
#define ROUNDS_MAX 100000000u

struct race {
    struct race_case one;
    bool all, json, protocol_set, vcpus_set, how_set;
    const char *out, *html;
    unsigned rounds; /* on real processors */
    struct race_worker w;
    struct race_report report;
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
    int i, code = cli_pick("race", name, arg, list, &i);

    if (code == 0)
        *out = (uint8_t)i;
    return code;
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
    } else if (opt == OPT_ROUNDS) {
        if (!cli_number(arg, ROUNDS_MAX, &v) || v < 1)
            return cli_usage("race", "--rounds %s: a number of 1 to %u", arg, ROUNDS_MAX);
        r->rounds = (unsigned)v;
    } else if (opt == OPT_JOBS) {
        if (!cli_number(arg, JOBS_MAX, &v) || v < 1)
            return cli_usage("race", "--jobs %s: a number of 1 to %u", arg, JOBS_MAX);
        r->w.jobs = (unsigned)v;
    } else {
        if (!cli_number(arg, PREEMPT_MAX, &v))
            return cli_usage("race", "--preempt %s: a number up to %u", arg, PREEMPT_MAX);
        r->w.preempt = (int)v;
    }
    return 0;
}

static int how_option(struct race *r, int opt, const char *arg)
{
    static const char *const widths[] = {"1", "2", "4", "8", NULL};
    static const char *const orders[] = {"up", "down", NULL};
    uint8_t how = r->one.how, v = 0;
    int code = 0;

    if (opt == OPT_WIDTH) {
        code = choose("width", arg, widths, &v);
        how = (uint8_t)((how & ~TSP_HOW_WIDTH) | (v == 0 ? 0 : v + 1u));
    } else if (opt == OPT_ORDER) {
        code = choose("order", arg, orders, &v);
        how = (uint8_t)((how & ~TSP_HOW_DOWN) | (v ? TSP_HOW_DOWN : 0));
    } else if (opt == OPT_LOCKED) {
        how |= TSP_HOW_LOCKED;
    } else if (opt == OPT_INT) {
        how |= TSP_HOW_INT;
    } else if (opt == OPT_OPEN) {
        how |= TSP_HOW_OPEN;
    } else {
        how = (uint8_t)((how & ~TSP_HOW_CAS) | (opt == OPT_CAS ? TSP_HOW_CAS : 0));
    }
    r->one.how = how;
    r->how_set = true;
    return code;
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
    case OPT_JOBS:
    case OPT_ROUNDS:
        return number_option(r, opt, optarg);
    case OPT_WIDTH:
    case OPT_ORDER:
    case OPT_LOCKED:
    case OPT_CAS:
    case OPT_BLIND:
    case OPT_INT:
    case OPT_OPEN:
        return how_option(r, opt, optarg);
    case OPT_ALL:
        r->all = true;
        return 0;
    case OPT_TARGET:
        r->w.target = optarg;
        return 0;
    case OPT_HTML:
        r->html = optarg;
        return 0;
    case OPT_JSON:
        r->json = true;
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

static int by_rule(const void *pa, const void *pb)
{
    const struct race_break *a = pa, *b = pb;

    return a->how.rule < b->how.rule ? -1 : a->how.rule > b->how.rule;
}

static enum tsp_status explore_protocol(struct race *r, unsigned protocol)
{
    struct race_sum *sum = &r->report.sum[r->report.nsum++];
    enum tsp_status st;
    double start = seconds();
    struct race_case c = r->one;

    *sum = (struct race_sum){.protocol = protocol};
    c.protocol = (uint8_t)protocol;
    st = r->all ? race_explore_matrix(&r->w, protocol, sum) : race_explore_case(&r->w, &c, 0, sum);
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
    r->w.only = r->vcpus_set || r->how_set ? &r->one : NULL;
    r->w.any_how = !r->how_set;
    if (!r->vcpus_set && r->all)
        r->one.vcpus = 0;
    for (unsigned p = first; st == TSP_OK && p <= last; p++)
        st = explore_protocol(r, p);
    if (st == TSP_EARG)
        return cli_usage("race", "there is no such case: %s",
                         "only 32-bit and 64-bit paged code has page rights, only an instruction "
                         "across a page a second page; not every protocol can store in any way");
    if (st == TSP_ENOTSUP)
        fprintf(stderr, "trapspec race: %s cannot be stepped and set back, or refuses the set-up\n",
                r->w.target);
    else if (st == TSP_EIO)
        fprintf(stderr, "trapspec race: %s failed, or did not do the same again\n", r->w.target);
    else if (st != TSP_OK)
        fprintf(stderr, "trapspec race: no memory or processes\n");
    if (st == TSP_OK)
        return tell(r);
    return st == TSP_ENOTSUP ? EXIT_NOTHING : EXIT_BAD_INPUT;
}

/* It has processors, and nobody can say what they do next. */
static bool is_live(const struct target *t)
{
    return t->ops != NULL && (t->caps & (TSP_CAP_STEPS | TSP_CAP_EXEC)) == TSP_CAP_EXEC &&
           (t->caps & TSP_CAP_SMP) != 0 && t->ops->peek != NULL && t->ops->get_vcpu != NULL;
}

static int run(int argc, char **argv)
{
    static struct race r;
    struct tsp_error err;
    int code;

    r.one = (struct race_case){.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .vcpus = 2};
    r.w.preempt = -1;
    r.w.jobs = 2;
    r.w.target = "model:kvm";
    r.out = "race-out";
    code = parse_args(&r, argc, argv);
    if (code != 0)
        return code;
    if (source_open(&r.w.src, r.w.target, &err) != TSP_OK) {
        code = cli_fail("race", &err);
    } else if (is_live(&r.w.src.t)) {
        code = race_live(&(struct race_live_args){.t = &r.w.src.t,
                                                  .target_name = r.w.target,
                                                  .spec = spec_builtin(),
                                                  .one = r.one,
                                                  .all = r.all,
                                                  .json = r.json,
                                                  .rounds = r.rounds});
    } else if (r.w.src.t.ops == NULL || (r.w.src.t.caps & TSP_CAP_STEPS) == 0) {
        fprintf(stderr, "trapspec race: %s cannot be stepped\n", r.w.target);
        code = EXIT_NOTHING;
    } else {
        r.w.spec = r.report.spec = spec_builtin();
        r.report.target = &r.w.src.t;
        r.report.target_name = r.w.target;
        r.w.explorer = explorer_open(r.w.spec, MAX_STATES);
        code = r.w.explorer == NULL ? EXIT_BAD_INPUT : explore_all(&r);
        explorer_close(r.w.explorer);
    }
    source_close(&r.w.src);
    return code;
}

const struct verb verb_race = {"race", run, "try every schedule around a rewrite", help};
