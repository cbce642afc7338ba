/* SPDX-License-Identifier: MIT */
/*
 * Exploration: what each protocol breaks, with a schedule that shows it again; what the right one
 * does not break; and that limits and reduction change how much is tried, not what is found.
 */
#include "tests/test_main.h"

#include "fuzz/run/explore.h"
#include "fuzz/run/race.h"
#include "fuzz/target/states.h"

static struct target target;
static struct explorer *explorer;
static struct explore_result result;
static struct input_image image;
static struct tsp_setup setup;
static struct tsp_trace trace;

static void need(void)
{
    struct tsp_error err;

    if (explorer != NULL)
        return;
    assert_int_equal(target_open(&target, "model:kvm", &err), TSP_OK);
    explorer = explorer_open(spec_builtin(), 100000);
    assert_non_null(explorer);
}

static void explore(const struct race_case *c, int preempt, bool reduce)
{
    struct explore_options o = {.spec = spec_builtin(),
                                .interrupts = race_interrupts(c),
                                .migrations = race_migrations(c),
                                .tables = race_tables(c),
                                .preempt = preempt,
                                .reduce = reduce};
    struct scenario s;

    need();
    assert_true(race_scenario(c, &s));
    input_build(&s, NULL, 0, &image, &setup);
    assert_int_equal(explorer_run(explorer, &target, &setup, &o, &result), TSP_OK);
    assert_false(result.truncated);
    assert_true(result.schedules >= 1 && result.states > 1);
}

static const struct explore_broken *broken(const char *id)
{
    unsigned rule = spec_rule_find(spec_builtin(), id);

    assert_int_not_equal(rule, ~0u);
    for (unsigned i = 0; i < result.nbroken; i++)
        if (result.broken[i].rule == rule)
            return &result.broken[i];
    return NULL;
}

struct last {
    unsigned rule;
    size_t event;
    bool seen;
};

static void note(void *ctx, const struct finding *f)
{
    struct last *l = ctx;

    if (f->rule == l->rule && f->verdict == VERDICT_FAIL && !l->seen) {
        l->seen = true;
        l->event = f->event;
    }
}

/* The schedule, run by itself and judged as any other run, breaks the same rule with its last step.
 */
static void replays(const struct explore_broken *b)
{
    struct last l = {.rule = b->rule};
    struct spec_options opt = {
        .caps = target.caps, .least = VERDICT_FAIL, .found = note, .ctx = &l};

    assert_int_equal(exec_run(&target, &setup, b->sched, b->nsched, b->nsched, &trace), TSP_OK);
    spec_check(spec_builtin(), &setup, &trace, &opt);
    assert_true(l.seen);
    assert_int_equal(l.event, trace.n - 1);
    assert_int_equal(trace.n - 1, b->nsched);
}

static const struct {
    const char *rule;
    struct race_case c;
} breaks[] = {
    {"RACE-SERIAL", {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .vcpus = 2}},
    {"RACE-LOST",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_STORE, .vcpus = 2}},
    {"RACE-COMPARE",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_STORE, .vcpus = 2}},
    {"RACE-UD",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_STORE, .vcpus = 2}},
    {"RACE-OPCODE",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_CREATE, .vcpus = 2}},
    {"RACE-WHOLE",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .prefix = 1, .vcpus = 2}},
    {"RACE-SPLIT",
     {.protocol = TSP_PROTOCOL_KVM,
      .mode = TSP_MODE_LONG64,
      .prefix = 1,
      .place = 5,
      .pages = RACE_SECOND_READONLY,
      .vcpus = 2}},
    {"RACE-PROGRESS",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .pages = RACE_ROM, .vcpus = 2}},
    {"RACE-PROGRESS",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_PROT32, .based = 1, .vcpus = 2}},
    {"RACE-ONCE",
     {.protocol = TSP_PROTOCOL_KVM,
      .mode = TSP_MODE_LONG64,
      .prefix = 3,
      .other = RACE_MIGRATE,
      .vcpus = 2}},
    {"RACE-CALLED",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .prefix = 1, .vcpus = 2}},
    /* the page is exchanged between reading and storing, or before reading; a copy is rewritten
     * while the vCPU goes on with the translation it has */
    {"RACE-COMPARE",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_REMAP, .vcpus = 2}},
    {"RACE-UD",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_REMAP, .vcpus = 2}},
    {"RACE-UD",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_UNMAP, .vcpus = 2}},
    {"RACE-PROGRESS",
     {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_COPY, .vcpus = 2}},
    {"RACE-SPLIT",
     {.protocol = TSP_PROTOCOL_KVM,
      .mode = TSP_MODE_LONG64,
      .prefix = 1,
      .other = RACE_PROTECT,
      .vcpus = 2}},
    {"RACE-RIGHTS",
     {.protocol = TSP_PROTOCOL_KVM,
      .mode = TSP_MODE_LONG64,
      .pages = RACE_READONLY,
      .other = RACE_STORE,
      .vcpus = 2,
      .how = TSP_HOW_OPEN}},
    {"RACE-MIGRATE",
     {.protocol = TSP_PROTOCOL_INJECT, .mode = TSP_MODE_LONG64, .other = RACE_MOVED, .vcpus = 2}},
    {"RACE-LOST",
     {.protocol = TSP_PROTOCOL_KVM_2021, .mode = TSP_MODE_LONG64, .other = RACE_STORE, .vcpus = 2}},
    {"RACE-WHOLE",
     {.protocol = TSP_PROTOCOL_LGUEST,
      .host = TSP_VENDOR_AMD,
      .mode = TSP_MODE_LONG64,
      .vcpus = 2}},
    {"RACE-LOST",
     {.protocol = TSP_PROTOCOL_VIRTUALBOX,
      .mode = TSP_MODE_LONG64,
      .other = RACE_STORE,
      .vcpus = 2}},
};

static void protocols_break_rules_and_it_replays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        explore(&breaks[i].c, -1, false);
        if (broken(breaks[i].rule) == NULL)
            fail_msg("row %zu: %s is not broken", i, breaks[i].rule);
        replays(broken(breaks[i].rule));
    }
}

/* Rows of the matrix, some of each kind: all of it takes `trapspec race --all`. */
static void right_protocols_break_none(void **state)
{
    static const uint8_t right[] = {TSP_PROTOCOL_TEXT_POKE, TSP_PROTOCOL_EMULATE,
                                    TSP_PROTOCOL_PAGE_FLIP};
    unsigned tried = 0;

    (void)state;
    for (unsigned i = 0; i < race_case_end(); i += 11) {
        struct race_case c;
        char text[160];

        if (!race_case_at(i, &c))
            continue;
        c.protocol = right[tried++ % 3];
        if (!race_possible(&c))
            continue;
        explore(&c, -1, c.vcpus > 2);
        if (result.nbroken > 0)
            fail_msg("protocol %u: %s", c.protocol, race_case_text(&c, text, sizeof(text)));
    }
    assert_true(tried > 100);
}

/* One three-byte patch and the three fetches of the other vCPU: few states, whatever the number of
 * schedules. */
static void one_patch_is_a_few_hundred_states(void **state)
{
    struct race_case c = {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .vcpus = 2};

    (void)state;
    explore(&c, -1, false);
    assert_in_range(result.states, 100, 500);
    assert_true(result.schedules > 100000);
}

static void bounds_and_reduction_try_less(void **state)
{
    struct race_case c = {
        .protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .other = RACE_STORE, .vcpus = 2};
    unsigned all, rules;

    (void)state;
    explore(&c, -1, false);
    all = result.states;
    rules = result.nbroken;
    explore(&c, -1, true);
    assert_true(result.states <= all);
    assert_int_equal(result.nbroken, rules);
    explore(&c, 0, false);
    assert_int_equal(result.nbroken, 0);
    explore(&c, 2, false);
    assert_non_null(broken("RACE-LOST"));
}

/* What may happen around a rewrite: another vCPU runs the same site, stores there, puts it back,
 * takes rights or the page away, puts another page or a copy there, an interrupt comes, the machine
 * moves. All of it is in the matrix of every protocol, with two vCPUs on both hosts. */
static void all_that_may_happen_is_in_the_matrix(void **state)
{
    unsigned count[TSP_PROTOCOL_COUNT][RACE_OTHERS][2];
    struct race_case c;

    (void)state;
    memset(count, 0, sizeof(count));
    for (unsigned p = 1; p < TSP_PROTOCOL_COUNT; p++) {
        for (unsigned i = 0; i < race_case_end(); i++) {
            c.protocol = 0;
            if (!race_case_at(i, &c))
                continue;
            c.protocol = (uint8_t)p;
            if (race_possible(&c) && c.vcpus == 2 && c.how == 0)
                count[p][c.other][c.host == TSP_VENDOR_AMD]++;
        }
    }
    for (unsigned p = 1; p < TSP_PROTOCOL_COUNT; p++) {
        for (unsigned o = 0; o < RACE_OTHERS; o++)
            for (unsigned amd = 0; amd < 2; amd++)
                if (count[p][o][amd] < 16)
                    fail_msg("protocol %u, %s: %u cases", p, race_other_names[o], count[p][o][amd]);
    }
}

static uint32_t rules_broken(void)
{
    uint32_t set = 0;

    for (unsigned i = 0; i < result.nbroken; i++)
        set |= 1u << (result.broken[i].rule % 32);
    return set;
}

/* Reduction leaves out orders of steps that nobody can tell apart: the same rules are broken with
 * it and without, with two vCPUs and three, with all switches and with few. */
static void reduction_loses_no_rule(void **state)
{
    unsigned compared = 0, fewer = 0;

    (void)state;
    for (unsigned i = 0; i < race_case_end(); i++) {
        struct race_case c;
        int preempt = (int)(compared % 5) - 1;
        unsigned states;
        uint32_t rules;
        char text[160];

        if (!race_case_at(i, &c))
            continue;
        c.protocol = (uint8_t)(1 + i % (TSP_PROTOCOL_COUNT - 1));
        if (c.vcpus == 3)
            preempt = preempt < 0 || preempt > 2 ? 2 : preempt;
        if (!race_possible(&c) || i % (c.vcpus == 2 ? 19 : 5) != 0)
            continue;
        explore(&c, preempt, false);
        states = result.states;
        rules = rules_broken();
        explore(&c, preempt, true);
        if (rules_broken() != rules || (preempt < 0 && result.states > states))
            fail_msg("protocol %u, %d switches: %s: %x instead of %x", c.protocol, preempt,
                     race_case_text(&c, text, sizeof(text)), rules_broken(), rules);
        fewer += result.states < states;
        compared++;
    }
    assert_in_range(compared, 200, 1000);
    assert_true(fewer > compared / 2);
}

static void three_and_four_vcpus(void **state)
{
    struct race_case c = {.protocol = TSP_PROTOCOL_TEXT_POKE, .mode = TSP_MODE_LONG64};

    (void)state;
    for (c.vcpus = 3; c.vcpus <= 4; c.vcpus++) {
        explore(&c, c.vcpus == 4 ? 2 : -1, true);
        assert_int_equal(result.nbroken, 0);
    }
    c.vcpus = 3;
    c.protocol = TSP_PROTOCOL_KVM;
    explore(&c, -1, true);
    assert_non_null(broken("RACE-SERIAL"));
    replays(broken("RACE-SERIAL"));
}

/* Going back to a state and on again is the same as having gone on. */
static void states_come_back(void **state)
{
    static uint64_t saved[4096];
    struct race_case c = {.protocol = TSP_PROTOCOL_TEXT_POKE,
                          .mode = TSP_MODE_LONG64,
                          .other = RACE_STORE,
                          .vcpus = 2};
    struct scenario s;
    struct tsp_event ev;
    uint64_t at_save, later;

    (void)state;
    need();
    assert_true(race_scenario(&c, &s));
    input_build(&s, NULL, 0, &image, &setup);
    for (unsigned first = 0; first < 12; first++) {
        target.ops->reset(target.self, &setup, &ev);
        assert_true(states_open(&target));
        for (unsigned i = 0; i < first; i++)
            target.ops->run(target.self, i % 3 == 2, TSP_STEP_RUN, &ev);
        assert_true(states_save(&target, saved, sizeof(saved)) > 0);
        at_save = states_digest(&target);
        for (unsigned i = 0; i < 8; i++)
            target.ops->run(target.self, i % 2, TSP_STEP_RUN, &ev);
        later = states_digest(&target);
        states_load(&target, saved);
        assert_true(states_digest(&target) == at_save);
        for (unsigned i = 0; i < 8; i++)
            target.ops->run(target.self, i % 2, TSP_STEP_RUN, &ev);
        assert_true(states_digest(&target) == later);
    }
    assert_int_equal(states_save(&target, saved, 64), 0);
}

/* What a way of storing breaks and what it does not: one locked compare-and-swap of the whole loses
 * no store, wide blind ones lose even what stands behind the instruction. */
static const struct {
    const char *rule;
    bool breaks;
    struct race_case c;
} ways[] = {
#define KVM_WAY(OTHER, PLACE, HOW)                                                                 \
    {                                                                                              \
        .protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .vcpus = 2, .other = (OTHER),       \
        .place = (PLACE), .how = (HOW)                                                             \
    }
    {"RACE-LOST", true, KVM_WAY(RACE_STORE, 0, 3)},
    {"RACE-LOST", false, KVM_WAY(RACE_STORE, 0, 3 | TSP_HOW_CAS | TSP_HOW_LOCKED)},
    /* it does write the byte behind the instruction, with what stands there */
    {"RACE-COMPARE", true, KVM_WAY(RACE_STORE, 0, 3 | TSP_HOW_CAS | TSP_HOW_LOCKED)},
    {"RACE-COMPARE", false, KVM_WAY(RACE_SAME, 0, 2)},
    {"RACE-COMPARE", true, KVM_WAY(RACE_STORE, 0, TSP_HOW_DOWN)},
    {"RACE-LOST", true, KVM_WAY(RACE_STORE, 4, 4)},
    {"RACE-LOST", false, KVM_WAY(RACE_STORE, 4, 4 | TSP_HOW_CAS | TSP_HOW_LOCKED)},
};

static void ways_of_storing_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        explore(&ways[i].c, -1, false);
        if ((broken(ways[i].rule) != NULL) != ways[i].breaks)
            fail_msg("row %zu: %s", i, ways[i].rule);
        if (ways[i].breaks)
            replays(broken(ways[i].rule));
    }
}

/* A split page: plain stores leave half of it behind, a locked one all or nothing. */
static void a_locked_store_is_never_half_done(void **state)
{
    struct race_case c = {.protocol = TSP_PROTOCOL_KVM,
                          .mode = TSP_MODE_LONG64,
                          .prefix = 1,
                          .place = 5,
                          .pages = RACE_SECOND_READONLY,
                          .vcpus = 2};

    (void)state;
    for (unsigned locked = 0; locked < 2; locked++) {
        c.how = (uint8_t)(3 | (locked ? TSP_HOW_LOCKED : 0));
        explore(&c, -1, false);
        assert_true((broken("RACE-SPLIT") == NULL) == locked);
    }
}

/* Three bytes that all differ: the breakpoint and the serialising are needed, and enough. */
static void text_poke_of_three_bytes_breaks_none(void **state)
{
    struct race_case c = {.protocol = TSP_PROTOCOL_TEXT_POKE,
                          .mode = TSP_MODE_LONG64,
                          .vcpus = 2,
                          .how = TSP_HOW_INT};

    (void)state;
    for (c.place = 0; c.place < RACE_PLACES; c.place++) {
        for (c.other = 0; c.other < RACE_OTHERS; c.other++) {
            if (!race_possible(&c))
                continue;
            explore(&c, -1, false);
            assert_int_equal(result.nbroken, 0);
        }
    }
}

/* A target that keeps no states is taken there again from a reset: the same rules break in as many
 * steps. The mutant looks on while the machine runs, and changes nothing here. */
static void targets_without_states_are_explored_as_well(void **state)
{
    struct target own, other;
    struct tsp_error err;

    (void)state;
    need();
    own = target;
    assert_int_equal(target_open(&other, "mutant:max-told-basic-less+model:kvm", &err), TSP_OK);
    assert_int_not_equal(other.caps & TSP_CAP_STEPS, 0);
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i += 4) {
        unsigned states, depth;

        explore(&breaks[i].c, -1, false);
        states = result.states;
        depth = broken(breaks[i].rule)->nsched;
        target = other;
        assert_false(states_open(&target));
        explore(&breaks[i].c, -1, false);
        assert_non_null(broken(breaks[i].rule));
        assert_int_equal(broken(breaks[i].rule)->nsched, depth);
        assert_in_range(result.states, states / 2, states * 8);
        target = own;
    }
    target_close(&other);
}

/* The second vCPU takes the page of the code away; the first goes on by the translation that it
 * has, and what it executes is what it fetched. */
static void what_was_executed_is_shown(void **state)
{
    static const char text[] = "trapspec scenario 4\nprotocol text-poke\nnvcpu 2\n"
                               "code 3e0f01d9ebfbf4\ncode1 c6042580700000060ff4\n"
                               "sched 000000010100\n";
    struct tsp_error err = {.text = ""};
    struct scenario s;
    unsigned gone = 0;

    (void)state;
    need();
    if (input_text_parse(text, sizeof(text) - 1, &s, &err) != TSP_OK)
        fail_msg("line %u: %s", err.line, err.text);
    input_build(&s, NULL, 0, &image, &setup);
    assert_int_equal(exec_scenario(&target, &s, &setup, 200, &trace), TSP_OK);
    for (size_t i = 0; i < trace.n; i++) {
        const struct tsp_event *e = &trace.ev[i];

        if (e->kind != TSP_EV_RETIRE && e->kind != TSP_EV_HYPERCALL)
            continue;
        assert_int_not_equal(e->len, 0);
        gone += e->text[0] == TSP_TEXT_KNOWN;
    }
    assert_true(gone > 2);
}

static void without_a_protocol_nothing_is_explored(void **state)
{
    struct explore_options o = {.spec = spec_builtin(), .preempt = -1};
    struct scenario s;

    (void)state;
    need();
    input_default(&s, TSP_ARCH_X86);
    input_build(&s, NULL, 0, &image, &setup);
    assert_int_equal(explorer_run(explorer, &target, &setup, &o, &result), TSP_ENOTSUP);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(protocols_break_rules_and_it_replays),
    cmocka_unit_test(right_protocols_break_none),
    cmocka_unit_test(one_patch_is_a_few_hundred_states),
    cmocka_unit_test(bounds_and_reduction_try_less),
    cmocka_unit_test(all_that_may_happen_is_in_the_matrix),
    cmocka_unit_test(reduction_loses_no_rule),
    cmocka_unit_test(three_and_four_vcpus),
    cmocka_unit_test(states_come_back),
    cmocka_unit_test(ways_of_storing_differ),
    cmocka_unit_test(a_locked_store_is_never_half_done),
    cmocka_unit_test(text_poke_of_three_bytes_breaks_none),
    cmocka_unit_test(targets_without_states_are_explored_as_well),
    cmocka_unit_test(what_was_executed_is_shown),
    cmocka_unit_test(without_a_protocol_nothing_is_explored),
};

TEST_MAIN(tests)
