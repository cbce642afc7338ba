/* SPDX-License-Identifier: MIT */
/* Several vCPUs at one hypercall site under the protocol that breaks no rule: what a hypervisor
 * that takes another protocol's steps, or leaves some out, gets wrong. Every schedule is tried for
 * mutants; rules are exercised by schedules drawn at random. */
#include "fuzz/run/explore.h"
#include "fuzz/run/mutants.h"
#include "fuzz/run/race.h"

#define ROUNDS 24u
#define STEPS 40u

static uint32_t next(uint32_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 17;
    *rng ^= *rng << 5;
    return *rng;
}

/* Turns of up to four steps, with what else may happen in this case. */
static void draw(const struct race_case *c, struct scenario *s, uint32_t *rng)
{
    unsigned interrupts = race_interrupts(c), moves = race_migrations(c), vcpu = 0;

    s->nsched = STEPS;
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t r = next(rng), step = TSP_STEP_RUN;

        if (r % 3 == 0)
            vcpu = (r >> 8) % c->vcpus;
        if ((r >> 16) % 8 == 0)
            step = TSP_STEP_REFETCH;
        if (interrupts > 0 && (r >> 20) % 8 == 0) {
            step = TSP_STEP_INTERRUPT;
            interrupts--;
        } else if (moves > 0 && (r >> 24) % 8 == 0) {
            step = TSP_STEP_MIGRATE;
            moves--;
        }
        s->sched[i] = input_sched_byte(vcpu, step);
    }
}

void mutants_races(bool (*each)(void *ctx, const struct scenario *s), void *ctx)
{
    static struct scenario s; /* too large for a stack */
    uint32_t rng = 0x5eed5eedu;
    struct race_case c;

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = round % 7; i < race_case_end(); i += 7) {
            if (!race_case_at(i, &c))
                continue;
            c.protocol = TSP_PROTOCOL_TEXT_POKE;
            if (!race_scenario(&c, &s))
                continue;
            draw(&c, &s, &rng);
            if (!each(ctx, &s))
                return;
        }
    }
}

#define STATES 60000u
#define STRIDE 61u

/* A few of all first; the ways of text-poke differ most, so each case is tried in both. */
void mutants_explore(
    const struct spec *spec, struct target *t,
    void (*build)(const struct scenario *s, struct input_image *img, struct tsp_setup *setup),
    bool (*done)(void *ctx, const struct scenario *s, const struct explore_result *r), void *ctx)
{
    static struct scenario s;
    static struct input_image image;
    static struct tsp_setup setup;
    static struct explore_result result;
    struct explorer *x = explorer_open(spec, STATES);
    struct race_case c;
    bool end = x == NULL;
    unsigned seen = 0;

    for (unsigned i = 0; i < race_case_end() && !end; i++) {
        if (!race_case_at(i, &c) || c.vcpus > 2)
            continue;
        c.protocol = TSP_PROTOCOL_TEXT_POKE;
        if (!race_possible(&c) || seen++ % STRIDE != 0 || !race_scenario(&c, &s))
            continue;
        const struct explore_options o = {.spec = spec,
                                          .interrupts = race_interrupts(&c),
                                          .migrations = race_migrations(&c),
                                          .tables = race_tables(&c),
                                          .preempt = -1};

        build(&s, &image, &setup);
        if (explorer_run(x, t, &setup, &o, &result) == TSP_OK)
            end = done(ctx, &s, &result);
    }
    explorer_close(x);
}
