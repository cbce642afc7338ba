/* SPDX-License-Identifier: MIT */
/* Races on real processors, told. */
#include "fuzz/run/race_live.h"
#include "cli/race.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MS 200u
#define ROUNDS_ONE 1000u
#define ROUNDS_ALL 20u

struct total {
    unsigned cases, refused, broken;
    struct race_live all;
};

static unsigned rounds_of(const struct race_live_args *a)
{
    return a->rounds > 0 ? a->rounds : a->all ? ROUNDS_ALL : ROUNDS_ONE;
}

/* A command that runs the case again; which round breaks the rule is up to the processors. */
static void again(const struct race_live_args *a, const struct race_case *c, unsigned rounds,
                  char *buf, size_t max)
{
    static const char *const mode[] = {"real16",   "vm86",     "prot16", "prot32",
                                       "compat16", "compat32", "long64"};

    snprintf(buf, max,
             "trapspec race --target %s --mode %s%s --place %s --prefix %s --pages %s --other %s "
             "--vcpus %u --rounds %u",
             a->target_name, mode[c->mode % 7], c->based ? "+base" : "", race_place_names[c->place],
             race_prefix_names[c->prefix], race_pages_names[c->pages], race_other_names[c->other],
             c->vcpus, rounds);
}

static void json_line(const struct race_live_args *a, const struct race_case *c,
                      const struct race_live *l, const struct race_live_broken *b)
{
    struct spec_rule rule = {.id = "?"};
    char replay[512], place[160];
    json_t *o;
    char *line;

    spec_rule_at(a->spec, b->rule, &rule);
    again(a, c, rounds_of(a), replay, sizeof(replay));
    o = json_pack("{s:s, s:s, s:n, s:s, s:i, s:i, s:s, s:s, s:s}", "property", rule.id, "protocol",
                  a->target_name, "schedule", "replay", replay, "rounds", (int)l->rounds, "broken",
                  (int)b->rounds, "case", race_case_text(c, place, sizeof(place)), "expected",
                  b->expected, "got", b->got);
    line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    printf("%s\n", line == NULL ? "{}" : line);
    free(line);
    json_decref(o);
}

static void text_line(const struct race_live_args *a, const struct race_case *c,
                      const struct race_live *l, const struct race_live_broken *b)
{
    struct spec_rule rule = {.id = "?"};
    char replay[512];

    spec_rule_at(a->spec, b->rule, &rule);
    again(a, c, rounds_of(a), replay, sizeof(replay));
    printf("  %s%s%s  %s\n    in %u of %u rounds: expected %s, got %s\n    %s\n",
           cli_color(COLOR_RED), rule.id, cli_color(COLOR_OFF), rule.note, b->rounds, l->rounds,
           b->expected, b->got, replay);
}

static void tell(const struct race_live_args *a, const struct race_case *c,
                 const struct race_live *l)
{
    char text[160];

    if (!a->json && (!a->all || l->nbroken > 0)) {
        printf("%s: %u rounds, in %u of them all ended, in %u one took an exception, in %u one was "
               "fetched, in %u one stopped otherwise; %u times the site was rewritten\n",
               race_case_text(c, text, sizeof(text)), l->rounds, l->ended, l->faulted, l->hung,
               l->stopped, l->rewritten);
    }
    for (unsigned i = 0; i < l->nbroken; i++) {
        if (a->json)
            json_line(a, c, l, &l->broken[i]);
        else
            text_line(a, c, l, &l->broken[i]);
    }
    fflush(stdout);
}

static enum tsp_status one_case(const struct race_live_args *a, struct race_case *c,
                                struct total *total)
{
    static struct input_image image;
    static struct scenario s;
    static struct race_live l;
    struct target_host h;
    struct tsp_setup setup;
    struct race_live_options o = {.spec = a->spec, .c = c, .s = &s, .setup = &setup};
    enum tsp_status st;

    if (target_host(a->t, &h))
        c->host = h.vendor == TSP_VENDOR_HYGON ? TSP_VENDOR_AMD : h.vendor;
    c->protocol = TSP_PROTOCOL_KVM;
    c->how = 0;
    if (!race_scenario(c, &s))
        return TSP_EARG;
    cli_fit(a->t, &s);
    cli_build(&s, &image, &setup);
    o.ms = ROUND_MS;
    o.rounds = rounds_of(a);
    st = race_live_run(a->t, &o, &l);
    total->cases++;
    total->broken += l.nbroken > 0;
    total->all.rounds += l.rounds;
    total->all.hung += l.hung;
    total->all.rewritten += l.rewritten;
    tell(a, c, &l);
    return st;
}

/* What comes from outside, an NMI or another host, is left to the model. */
static bool real(const struct race_case *c)
{
    return c->how == 0 && c->vcpus == 2 && c->host == TSP_VENDOR_INTEL &&
           c->other != RACE_INTERRUPT && c->other != RACE_MIGRATE && c->other != RACE_MOVED;
}

int race_live(const struct race_live_args *a)
{
    struct total total = {.cases = 0};
    struct race_case c = a->one;
    enum tsp_status st = TSP_OK;

    if (!a->all) {
        st = real(&(struct race_case){.other = c.other, .vcpus = 2}) ? one_case(a, &c, &total)
                                                                     : TSP_EARG;
    }
    for (unsigned i = 0; a->all && i < race_case_end() && !cli_interrupted(); i++) {
        if (!race_case_at(i, &c) || !real(&c))
            continue;
        st = one_case(a, &c, &total);
        if (st == TSP_ENOTSUP)
            total.refused++;
        else if (st != TSP_OK)
            break;
        st = TSP_OK;
        cli_progress("%u cases", total.cases);
    }
    cli_progress_done();
    if (st == TSP_EARG)
        return cli_usage("race", "%s cannot do this case", a->target_name);
    if (st == TSP_EIO)
        fprintf(stderr, "trapspec race: %s does not let go of a vCPU, or failed\n", a->target_name);
    if (st == TSP_ENOTSUP || total.all.rounds == 0) {
        fprintf(stderr, "trapspec race: %s: %s\n", a->target_name, cli_refusal(a->t));
    } else if (!a->json) {
        printf("%s: %u cases, %u rounds of real threads, %u fetched by the timer, the site "
               "rewritten in %u; rules broken in %u cases\n",
               a->target_name, total.cases - total.refused, total.all.rounds, total.all.hung,
               total.all.rewritten, total.broken);
    }
    if (total.broken > 0 || st == TSP_EIO)
        return EXIT_FINDINGS;
    return total.all.rounds == 0 ? EXIT_NOTHING : EXIT_CONFORMS;
}
