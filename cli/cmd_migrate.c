/* SPDX-License-Identifier: MIT */
#include "cli/formats/escape.h"
#include "cli/hosts.h"
#include "emu/policy/identity.h"
#include "emu/policy/level.h"
#include "emu/policy/verify.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec migrate [OPTION...] SRC DST\n\n"
    "Says whether a guest of host SRC can go on on host DST, and every reason why not: leaf,\n"
    "sub-leaf, register, bit. SRC and DST are dumps that lint reads, or recorded processors\n"
    "(trapspec cpuid --list).\n\n"
    "  --policy P    the guest's policy: a file of `level -o`, or a dump; default is what SRC\n"
    "                gives a guest\n"
    "  --hvm         a guest with hardware virtualization, by what Xen can offer it\n"
    "  --pv          a paravirtualized guest, which executes CPUID natively\n"
    "  --vendor V    the vendor the guest sees, whatever the hosts are: intel, amd, hygon, "
    "centaur\n"
    "  --json        JSON lines: reasons and notes, then a summary\n"
    "  --color WHEN  auto, always, never\n\n"
    "example: trapspec migrate qemu-skylake-server-v1 qemu-nehalem-v1 --policy pool.policy\n"
    "exit codes: 0 yes, 1 no, 2 usage, 3 bad input\n";

enum { OPT_POLICY = 256, OPT_HVM, OPT_PV, OPT_VENDOR, OPT_JSON };
static const struct option options[] = {{"policy", required_argument, NULL, OPT_POLICY},
                                        {"hvm", no_argument, NULL, OPT_HVM},
                                        {"pv", no_argument, NULL, OPT_PV},
                                        {"vendor", required_argument, NULL, OPT_VENDOR},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

#define REASONS 2048u

struct asked {
    const char *policy, *vendor;
    enum offer_kind kind;
    bool json;
};

struct move {
    const struct asked *a;
    struct host src, dst;
    struct cpu_policy guest;
    struct verify_finding found[REASONS];
    unsigned reasons, notes;
};

static void json_field(const char *key, const char *text)
{
    printf(",\"%s\":", key);
    escape_json(stdout, text);
}

static void say_reason(struct move *m, const struct host *h, const struct verify_finding *f)
{
    static const char *const regs[] = {"eax", "ebx", "ecx", "edx"};
    char text[200], name[32];

    verify_text(f, text, sizeof(text));
    if (!m->a->json) {
        printf("%s%s%s: %s\n", cli_color(COLOR_RED), h->name, cli_color(COLOR_OFF), text);
        return;
    }
    printf("{\"kind\":\"reason\"");
    json_field("host", h->name);
    printf(",\"leaf\":\"0x%x\",\"subleaf\":\"0x%x\"", f->leaf, f->subleaf);
    if (f->reason == VERIFY_MSR)
        printf(",\"register\":\"msr\",\"hi\":%u,\"lo\":%u", f->reg * 32 + f->hi,
               f->reg * 32 + f->lo);
    else
        printf(",\"register\":\"%s\",\"hi\":%u,\"lo\":%u", regs[f->reg & 3], f->hi, f->lo);
    if (f->feature != FEATURE_NONE)
        json_field("feature", feature_text(f->feature, name, sizeof(name)));
    if (f->other != FEATURE_NONE)
        json_field("needs", feature_text(f->other, name, sizeof(name)));
    json_field("text", text);
    puts("}");
}

static void say_note(struct move *m, const struct host *h, const char *text)
{
    m->notes++;
    if (!m->a->json) {
        printf("%s%s: note%s: %s\n", cli_color(COLOR_YELLOW), h->name, cli_color(COLOR_OFF), text);
        return;
    }
    printf("{\"kind\":\"note\"");
    json_field("host", h->name);
    json_field("text", text);
    puts("}");
}

static void check_host(struct move *m, const struct host *h)
{
    size_t n = verify_cpu_policy(&m->guest, &h->max, m->found, REASONS);

    m->reasons += (unsigned)n;
    for (size_t i = 0; i < n && i < REASONS; i++)
        say_reason(m, h, &m->found[i]);
}

/* The guest keeps the frequency it was told; the counter of another processor has to be scaled. */
static void check_clock(struct move *m)
{
    struct identity guest, host;
    uint32_t want, real;
    char text[120];

    identity_of(&m->guest, &guest);
    identity_of(&m->dst.raw, &host);
    want = identity_tsc_khz(&guest);
    real = identity_tsc_khz(&host);
    if (want == 0 || real == 0 || want == real)
        return;
    snprintf(text, sizeof(text),
             "the guest was told a TSC of %u kHz, here it runs at %u: it has to be scaled", want,
             real);
    say_note(m, &m->dst, text);
}

/* A PV guest asks the processor: what the host cannot hide shows there. */
static void check_native(struct move *m)
{
    struct featureset leaks;
    char text[120], name[32];

    levelling_leaks(&m->dst.caps, &m->dst.raw, &m->guest, &leaks);
    for (unsigned f = 0; f < FEATURE_BITS; f++) {
        if (!feature_in(&leaks, f))
            continue;
        snprintf(text, sizeof(text), "cannot hide %s from a guest that asks natively",
                 feature_text(f, name, sizeof(name)));
        say_note(m, &m->dst, text);
    }
}

static int answer(struct move *m)
{
    check_host(m, &m->src);
    check_host(m, &m->dst);
    check_clock(m);
    if (m->a->kind == OFFER_PV)
        check_native(m);
    if (m->a->json)
        printf("{\"kind\":\"summary\",\"migrates\":%s,\"reasons\":%u,\"notes\":%u}\n",
               m->reasons == 0 ? "true" : "false", m->reasons, m->notes);
    else if (m->reasons == 0)
        printf("%syes%s: %s to %s\n", cli_color(COLOR_GREEN), cli_color(COLOR_OFF), m->src.name,
               m->dst.name);
    else
        printf("%sno%s: %s to %s, %u reason%s\n", cli_color(COLOR_RED), cli_color(COLOR_OFF),
               m->src.name, m->dst.name, m->reasons, m->reasons == 1 ? "" : "s");
    return m->reasons == 0 ? EXIT_CONFORMS : EXIT_FINDINGS;
}

/* A list of features alone is of no vendor: the guest sees the one it runs on. */
static void name_vendor(struct move *m)
{
    for (unsigned reg = 1; reg < 4; reg++)
        if (cpu_policy_reg(&m->guest, 0, 0, reg) != 0)
            return;
    for (unsigned reg = 1; reg < 4; reg++)
        cpu_policy_set(&m->guest, 0, 0, reg, cpu_policy_reg(&m->src.raw, 0, 0, reg));
}

/* The same face on both hosts: what they can offer of what that vendor's bits mean. */
static void show_vendor(struct move *m)
{
    enum tsp_vendor vendor = (enum tsp_vendor)cli_choice(m->a->vendor, cli_vendors);

    level_set_vendor(&m->src.max, vendor);
    level_set_vendor(&m->dst.max, vendor);
    if (m->a->policy == NULL)
        level_set_vendor(&m->guest, vendor);
}

static int migrate(const struct asked *a, char **names)
{
    struct move *m = calloc(1, sizeof(*m));
    struct tsp_error err = {.code = TSP_ENOMEM, .text = "out of memory"};
    enum tsp_status status;
    int code;

    if (m == NULL)
        return cli_fail("migrate", &err);
    m->a = a;
    status = host_load(names[0], a->kind, &m->src, &err);
    if (status == TSP_OK)
        status = host_load(names[1], a->kind, &m->dst, &err);
    if (status == TSP_OK && a->policy != NULL)
        status = host_load_policy(a->policy, &m->guest, &err);
    else if (status == TSP_OK)
        offer_default(&m->src.base, a->kind, &m->guest);
    /* Whether CPUID faults is the host's business unless a guest was given the switch. */
    if (a->policy == NULL)
        m->guest.platform_info = 0;
    if (status == TSP_OK)
        name_vendor(m);
    if (a->vendor != NULL)
        show_vendor(m);
    code = status == TSP_OK ? answer(m) : cli_fail("migrate", &err);
    free(m);
    return code;
}

static int run(int argc, char **argv)
{
    struct asked a = {.kind = OFFER_HOST};
    int opt;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (opt == OPT_POLICY)
            a.policy = optarg;
        else if (opt == OPT_HVM)
            a.kind = OFFER_HVM;
        else if (opt == OPT_PV)
            a.kind = OFFER_PV;
        else if (opt == OPT_VENDOR)
            a.vendor = optarg;
        else if (opt == OPT_JSON)
            a.json = true;
        else
            return cli_bad_option("migrate", options, argv, optind - 1);
    }
    if (argc - optind != 2)
        return cli_usage("migrate", "two hosts are needed: from and to");
    if (a.vendor != NULL && (unsigned)cli_choice(a.vendor, cli_vendors) >= TSP_VENDOR_OTHER)
        return cli_usage("migrate", "--vendor: \"%s\" is none of intel, amd, hygon, centaur",
                         a.vendor);
    return migrate(&a, argv + optind);
}

const struct verb verb_migrate = {"migrate", run,
                                  "can a guest move between two hosts, and if not, why", help};
