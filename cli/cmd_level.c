/* SPDX-License-Identifier: MIT */
#include "cli/formats/escape.h"
#include "cli/hosts.h"
#include "emu/policy/level.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec level [OPTION...] HOST...\n\n"
    "Prints the CPUID policy that all hosts can give a guest, and for each feature that is not in\n"
    "it which host lacks it and what else falls with it. HOST is a dump that lint reads, a policy\n"
    "written by this verb, or a recorded processor (trapspec cpuid --list).\n\n"
    "  --hvm         for guests with hardware virtualization, as Xen offers it by default\n"
    "  --pv          for paravirtualized guests, which execute CPUID natively: what each host\n"
    "                can hide from them, and what a switch between guests costs\n"
    "  --vendor V    the vendor the guest sees: intel, amd, hygon, centaur; needed where the\n"
    "                hosts' vendors differ\n"
    "  -o FILE       write the common policy to FILE, - is standard output\n"
    "  --format F    of -o: policy (default, reads back as it is), or a format of `cpuid "
    "--format`\n"
    "  --json        JSON lines: drops, lost leaves, hosts, then a summary\n"
    "  --color WHEN  auto, always, never\n\n"
    "example: trapspec level qemu-nehalem-v1 qemu-skylake-server-v1 -o pool.policy\n"
    "exit codes: 0 done, 2 usage, 3 bad input or hosts that cannot be levelled\n";

enum { OPT_HVM = 256, OPT_PV, OPT_VENDOR, OPT_FORMAT, OPT_JSON };
static const struct option options[] = {{"hvm", no_argument, NULL, OPT_HVM},
                                        {"pv", no_argument, NULL, OPT_PV},
                                        {"vendor", required_argument, NULL, OPT_VENDOR},
                                        {"output", required_argument, NULL, 'o'},
                                        {"format", required_argument, NULL, OPT_FORMAT},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

struct asked {
    enum offer_kind kind;
    const char *vendor, *file, *format;
    bool json;
};

struct pool {
    const struct asked *a;
    struct host *host;
    struct cpu_policy *given; /* beside host: what it gives such a guest by default */
    size_t n;
    struct cpu_policy common;
    struct level_report report;
};

static const char *const whys[] = {"lacks", "needs", "layout", "differs"}; /* ORDER: level_why */

/* "lacked by a, b" and whatever else there is to say. */
static void print_drop(const struct pool *p, const struct level_drop *d)
{
    const char *sep = "lacked by ";
    char name[32];

    printf("%s%s%s: ", cli_color(COLOR_YELLOW), feature_text(d->feature, name, sizeof(name)),
           cli_color(COLOR_OFF));
    for (size_t i = 0; i < p->n; i++) {
        if ((d->lacks >> i & 1) == 0)
            continue;
        printf("%s%s", sep, p->host[i].name);
        sep = ", ";
    }
    if (d->why == LEVEL_LAYOUT)
        printf("XSAVE component %u differs in place or size", d->detail);
    else if (d->why == LEVEL_DIFFERS)
        printf("leaf 0x%x describes it differently", d->detail);
    else if (d->why == LEVEL_NEEDS)
        printf("every host has it, but it needs %s", feature_text(d->needs, name, sizeof(name)));
    putchar('\n');
}

/* A feature, and below it what needs it. */
static void print_tree(const struct pool *p, const struct level_drop *d, int depth)
{
    printf("%*s", 2 * depth, "");
    print_drop(p, d);
    for (unsigned i = 0; i < p->report.n; i++)
        if (p->report.drop[i].needs == d->feature)
            print_tree(p, &p->report.drop[i], depth + 1);
}

static bool is_dropped(const struct pool *p, unsigned f)
{
    for (unsigned i = 0; i < p->report.n; i++)
        if (p->report.drop[i].feature == f)
            return true;
    return false;
}

static unsigned count_features(const struct cpu_policy *p)
{
    struct featureset fs;
    unsigned n = 0;

    cpu_policy_features(p, &fs);
    for (unsigned f = 0; f < FEATURE_BITS; f++)
        n += feature_in(&fs, f);
    return n;
}

/* What a PV guest's CPUID can be made to show, and at what price. */
static void print_control(const struct pool *p, const struct host *h)
{
    uint64_t from[LEVELLING_MAX_MSR], to[LEVELLING_MAX_MSR];
    struct featureset leaks;
    char text[120], name[32];
    const char *sep = "; cannot hide ";
    bool faulting = (h->caps.caps & LEVELLING_FAULTING) != 0;

    levelling_defaults(&h->caps, &h->raw, from);
    levelling_values(&h->caps, &h->raw, &p->common, false, to);
    levelling_leaks(&h->caps, &h->raw, &p->common, &leaks);
    printf("%s: under control by %s; ", h->name, host_control_text(h, text, sizeof(text)));
    if (faulting)
        printf("every CPUID traps, 1 MSR write where a guest without faulting is next");
    else
        printf("%u of %u MSR writes a switch", levelling_cost(&h->caps, from, to), h->caps.n);
    for (unsigned f = 0; f < FEATURE_BITS; f++) {
        if (!feature_in(&leaks, f))
            continue;
        printf("%s%s", sep, feature_text(f, name, sizeof(name)));
        sep = ", ";
    }
    putchar('\n');
}

static void print_text(const struct pool *p)
{
    const char *sep = "leaves without a common answer: ";

    for (unsigned i = 0; i < p->report.n; i++)
        if (p->report.drop[i].needs == FEATURE_NONE || !is_dropped(p, p->report.drop[i].needs))
            print_tree(p, &p->report.drop[i], 0);
    for (unsigned i = 0; i < p->report.nloss; i++) {
        printf("%s0x%x.%u", sep, p->report.loss[i].leaf, p->report.loss[i].subleaf);
        sep = ", ";
    }
    if (p->report.nloss > 0)
        putchar('\n');
    for (size_t i = 0; p->a->kind == OFFER_PV && i < p->n; i++)
        print_control(p, &p->host[i]);
    printf("common policy of %zu host%s: %u features, %u dropped; highest leaves 0x%x, 0x%x\n",
           p->n, p->n == 1 ? "" : "s", count_features(&p->common), p->report.n,
           cpu_policy_reg(&p->common, 0, 0, 0), cpu_policy_reg(&p->common, 0x80000000, 0, 0));
}

static void json_field(const char *key, const char *text)
{
    printf(",\"%s\":", key);
    escape_json(stdout, text);
}

static void json_drop(const struct pool *p, const struct level_drop *d)
{
    const struct feature_place *w = &feature_words[d->feature / 32];
    static const char *const regs[] = {"eax", "ebx", "ecx", "edx", "msr-low", "msr-high"};
    const char *sep = "";
    char name[32];

    printf("{\"kind\":\"drop\"");
    json_field("feature", feature_text(d->feature, name, sizeof(name)));
    printf(",\"leaf\":\"0x%x\",\"subleaf\":\"0x%x\",\"register\":\"%s\",\"bit\":%u", w->leaf,
           w->subleaf, regs[w->reg], d->feature % 32);
    json_field("why", whys[d->why]);
    printf(",\"lacked_by\":[");
    for (size_t i = 0; i < p->n; i++) {
        if ((d->lacks >> i & 1) == 0)
            continue;
        fputs(sep, stdout);
        escape_json(stdout, p->host[i].name);
        sep = ",";
    }
    putchar(']');
    if (d->needs != FEATURE_NONE)
        json_field("needs", feature_text(d->needs, name, sizeof(name)));
    if (d->why == LEVEL_LAYOUT)
        printf(",\"component\":%u", d->detail);
    if (d->why == LEVEL_DIFFERS)
        printf(",\"described_by\":\"0x%x\"", d->detail);
    puts("}");
}

static void json_host(const struct pool *p, const struct host *h)
{
    uint64_t from[LEVELLING_MAX_MSR], to[LEVELLING_MAX_MSR];
    struct featureset leaks;
    const char *sep = "";
    char text[120], name[32];

    levelling_defaults(&h->caps, &h->raw, from);
    levelling_values(&h->caps, &h->raw, &p->common, false, to);
    levelling_leaks(&h->caps, &h->raw, &p->common, &leaks);
    printf("{\"kind\":\"host\"");
    json_field("name", h->name);
    json_field("control", host_control_text(h, text, sizeof(text)));
    printf(",\"caps\":\"0x%x\",\"msr_writes\":%u,\"shown\":[", h->caps.caps,
           levelling_cost(&h->caps, from, to));
    for (unsigned f = 0; f < FEATURE_BITS; f++) {
        if (!feature_in(&leaks, f))
            continue;
        fputs(sep, stdout);
        escape_json(stdout, feature_text(f, name, sizeof(name)));
        sep = ",";
    }
    puts("]}");
}

static void print_json(const struct pool *p)
{
    for (unsigned i = 0; i < p->report.n; i++)
        json_drop(p, &p->report.drop[i]);
    for (unsigned i = 0; i < p->report.nloss; i++)
        printf("{\"kind\":\"loss\",\"leaf\":\"0x%x\",\"subleaf\":\"0x%x\"}\n",
               p->report.loss[i].leaf, p->report.loss[i].subleaf);
    for (size_t i = 0; p->a->kind == OFFER_PV && i < p->n; i++)
        json_host(p, &p->host[i]);
    printf("{\"kind\":\"summary\",\"hosts\":%zu,\"features\":%u,\"dropped\":%u,\"basic\":\"0x%x\","
           "\"extended\":\"0x%x\"}\n",
           p->n, count_features(&p->common), p->report.n, cpu_policy_reg(&p->common, 0, 0, 0),
           cpu_policy_reg(&p->common, 0x80000000, 0, 0));
}

/* Vendors that differ are levelled as if they were one: what their bits have in common. */
static enum tsp_status level(struct pool *p, struct tsp_error *err)
{
    const struct cpu_policy *given[LEVEL_MAX_HOST];
    int vendor = p->a->vendor != NULL ? cli_choice(p->a->vendor, cli_vendors) : -1;
    enum tsp_status status;

    for (size_t i = 0; i < p->n; i++) {
        if (vendor >= 0)
            level_set_vendor(&p->given[i], (enum tsp_vendor)vendor);
        given[i] = &p->given[i];
    }
    status = level_pool(given, p->n, &p->common, &p->report);
    if (status == TSP_ENOTSUP)
        return error_set(err, TSP_EPARSE, 0,
                         "the hosts are of different vendors; --vendor says which one the guest "
                         "is to see");
    return status;
}

static int show(struct pool *p)
{
    struct tsp_error err = {.text = ""};

    if (level(p, &err) != TSP_OK)
        return cli_fail("level", &err);
    /* A policy on standard output stands alone. */
    if (p->a->file == NULL || strcmp(p->a->file, "-") != 0) {
        if (p->a->json)
            print_json(p);
        else
            print_text(p);
    }
    if (p->a->file == NULL)
        return EXIT_CONFORMS;
    return host_write_policy("level", &p->common, p->a->format, p->a->file);
}

static int level_hosts(const struct asked *a, char **names, size_t n)
{
    struct pool *p = calloc(1, sizeof(*p));
    struct host *host = calloc(n, sizeof(*host));
    struct cpu_policy *given = calloc(n, sizeof(*given));
    struct tsp_error err = {.code = TSP_ENOMEM, .text = "out of memory"};
    int code = -1;

    if (p == NULL || host == NULL || given == NULL)
        code = cli_fail("level", &err);
    for (size_t i = 0; code < 0 && given != NULL && i < n; i++) {
        if (host_load(names[i], a->kind, &host[i], &err) != TSP_OK)
            code = cli_fail("level", &err);
        else
            offer_default(&host[i].base, a->kind, &given[i]);
    }
    if (code < 0 && p != NULL) {
        p->a = a;
        p->host = host;
        p->given = given;
        p->n = n;
        code = show(p);
    }
    free(given);
    free(host);
    free(p);
    return code;
}

static int take(int opt, struct asked *a)
{
    if (opt == OPT_HVM)
        a->kind = OFFER_HVM;
    else if (opt == OPT_PV)
        a->kind = OFFER_PV;
    else if (opt == OPT_VENDOR)
        a->vendor = optarg;
    else if (opt == 'o')
        a->file = optarg;
    else if (opt == OPT_FORMAT)
        a->format = optarg;
    else if (opt == OPT_JSON)
        a->json = true;
    else
        return -1;
    return 0;
}

static int run(int argc, char **argv)
{
    struct asked a = {.kind = OFFER_HOST, .format = "policy"};
    int opt;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1)
        if (take(opt, &a) < 0)
            return cli_bad_option("level", options, argv, optind - 1);
    if (optind == argc)
        return cli_usage("level", "a host is needed: a dump, or the name of a recording");
    if ((size_t)(argc - optind) > LEVEL_MAX_HOST)
        return cli_usage("level", "%u hosts are the most", LEVEL_MAX_HOST);
    if (a.vendor != NULL && (unsigned)cli_choice(a.vendor, cli_vendors) >= TSP_VENDOR_OTHER)
        return cli_usage("level", "--vendor: \"%s\" is none of intel, amd, hygon, centaur",
                         a.vendor);
    if (cli_choice(a.format, host_formats()) < 0)
        return cli_usage("level", "--format: \"%s\" is no format of a policy", a.format);
    return level_hosts(&a, argv + optind, (size_t)(argc - optind));
}

const struct verb verb_level = {"level", run, "the CPUID policy that a pool of hosts has in common",
                                help};
