/* SPDX-License-Identifier: MIT */
/* exec_run against a target that plays a script: what is kept, what is paid for, and when it ends.
 */
#include "fuzz/run/run.h"

#include "tests/test_main.h"

/* One step of the script: `cost` instructions pass, then the event. */
struct beat {
    uint16_t kind;
    uint32_t code, cost;
};

struct script {
    const struct beat *beat;
    size_t n, at;
    uint32_t passed; /* instructions since the last beat */
    uint64_t total;  /* instructions in all */
    uint32_t runnable;
    enum tsp_status run_status, reset_status;
    uint32_t verdict; /* of the policy */
    bool loop;        /* the script starts over */
    unsigned calls, seen[4];
};

static enum tsp_status fake_reset(void *self, const struct tsp_setup *setup, struct tsp_event *out)
{
    struct script *s = self;

    (void)setup;
    *out = (struct tsp_event){.kind = TSP_EV_POLICY, .code = s->verdict};
    return s->reset_status;
}

static uint32_t fake_runnable(void *self)
{
    struct script *s = self;

    return s->at < s->n || s->loop ? s->runnable : 0;
}

static enum tsp_status fake_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    struct script *s = self;
    const struct beat *b = &s->beat[s->at % s->n];

    s->calls++;
    s->seen[vcpu & 3]++;
    *out = (struct tsp_event){.vcpu = (uint16_t)vcpu};
    if (s->run_status != TSP_OK)
        return s->run_status;
    if (b->cost - s->passed > budget) {
        s->passed += budget;
        s->total += budget;
        *out = (struct tsp_event){.kind = TSP_EV_STOP, .code = TSP_STOP_BUDGET};
        return TSP_OK;
    }
    s->total += b->cost - s->passed;
    s->passed = 0;
    s->at++;
    out->kind = b->kind;
    out->code = b->code;
    return TSP_OK;
}

static const struct tsp_target_ops fake_ops = {
    .size = sizeof(struct tsp_target_ops),
    .abi = TSP_ABI_VERSION,
    .name = "fake",
    .reset = fake_reset,
    .runnable = fake_runnable,
    .run = fake_run,
};

static struct tsp_trace trace;

static enum tsp_status play(struct script *s, unsigned nvcpu, uint32_t budget)
{
    struct target t = {.ops = &fake_ops, .self = s};
    struct tsp_setup setup = {.nvcpu = (uint8_t)nvcpu};

    s->runnable = nvcpu == 2 ? 3 : 1;
    return exec_run(&t, &setup, NULL, 0, budget, &trace);
}

static const struct beat short_script[] = {
    {TSP_EV_CPUID, 0, 10}, {TSP_EV_HYPERCALL, 0, 5}, {TSP_EV_STOP, TSP_STOP_HALT, 3}};

static void exec_trace_begins_with_the_policy(void **state)
{
    struct script s = {.beat = short_script, .n = 3};

    (void)state;
    assert_int_equal(play(&s, 1, 1000), TSP_OK);
    assert_int_equal(trace.n, 4);
    assert_int_equal(trace.ev[0].kind, TSP_EV_POLICY);
    assert_int_equal(trace.ev[1].kind, TSP_EV_CPUID);
    assert_int_equal(trace.ev[2].kind, TSP_EV_HYPERCALL);
    assert_int_equal(trace.ev[3].code, TSP_STOP_HALT);
    assert_false(trace.truncated);
}

static void exec_rejected_policy_runs_nothing(void **state)
{
    struct script s = {.beat = short_script, .n = 3, .verdict = 1};

    (void)state;
    assert_int_equal(play(&s, 1, 1000), TSP_OK);
    assert_int_equal(trace.n, 1);
    assert_int_equal(s.calls, 0);
}

static void exec_refused_setup_is_an_argument_error(void **state)
{
    struct script s = {.beat = short_script, .n = 3, .reset_status = TSP_EARG};

    (void)state;
    assert_int_equal(play(&s, 1, 1000), TSP_EARG);
    assert_int_equal(trace.n, 0);
}

/* A guest that loops for ever between two traps ends with the budget, in one stop event. */
static void exec_budget_ends_a_loop(void **state)
{
    static const struct beat forever[] = {{TSP_EV_CPUID, 0, 1}, {TSP_EV_CPUID, 0, 4000000000u}};
    static const uint32_t budget[] = {2, 100, 65536, 65537, 1000000};

    (void)state;
    for (size_t i = 0; i < sizeof(budget) / sizeof(budget[0]); i++) {
        struct script s = {.beat = forever, .n = 2};

        assert_int_equal(play(&s, 1, budget[i]), TSP_OK);
        assert_int_equal(trace.n, 3);
        assert_int_equal(trace.ev[2].kind, TSP_EV_STOP);
        assert_int_equal(trace.ev[2].code, TSP_STOP_BUDGET);
        assert_int_equal(s.total, budget[i]);
    }
}

/* `run` does not tell what an event cost; each may hide at most a slice. */
static void exec_events_cost_at_most_a_slice(void **state)
{
    static const struct beat costly[] = {{TSP_EV_CPUID, 0, 60000}};
    struct script s = {.beat = costly, .n = 1, .loop = true};

    (void)state;
    assert_int_equal(play(&s, 1, 4000000000u), TSP_OK);
    assert_int_equal(trace.n, TSP_MAX_EVENT);
    assert_true(trace.truncated);
    assert_true(s.total <= 256ull * 65536);
}

static void exec_full_trace_is_marked(void **state)
{
    static const struct beat cpuid[] = {{TSP_EV_CPUID, 0, 1}};
    struct script s = {.beat = cpuid, .n = 1, .loop = true};

    (void)state;
    assert_int_equal(play(&s, 1, 10000), TSP_OK);
    assert_int_equal(trace.n, TSP_MAX_EVENT);
    assert_true(trace.truncated);
    assert_int_equal(s.calls, TSP_MAX_EVENT - 1);
}

static void exec_plain_instructions_of_several_vcpus_leave_no_event(void **state)
{
    static const struct beat steps[] = {{TSP_EV_RETIRE, 0, 1}, {TSP_EV_FETCH, 0, 1},
                                        {TSP_EV_RETIRE, 0, 1}, {TSP_EV_CPUID, 0, 1},
                                        {TSP_EV_RETIRE, 0, 1}, {TSP_EV_STOP, TSP_STOP_HALT, 1}};
    struct script s = {.beat = steps, .n = 6};

    (void)state;
    assert_int_equal(play(&s, 2, 1000), TSP_OK);
    assert_int_equal(trace.n, 4);
    assert_int_equal(trace.ev[1].kind, TSP_EV_FETCH);
    assert_int_equal(trace.ev[2].kind, TSP_EV_CPUID);
    assert_int_equal(trace.ev[3].kind, TSP_EV_STOP);
    assert_int_equal(s.seen[0], 3);
    assert_int_equal(s.seen[1], 3);
}

static void exec_target_that_dies_ends_the_run(void **state)
{
    struct script s = {.beat = short_script, .n = 3, .run_status = TSP_EIO};

    (void)state;
    assert_int_equal(play(&s, 1, 1000), TSP_OK);
    assert_int_equal(trace.n, 2);
    assert_int_equal(trace.ev[1].kind, TSP_EV_STOP);
    assert_int_equal(trace.ev[1].code, TSP_STOP_ERROR);
}

static void exec_no_budget_no_step(void **state)
{
    struct script s = {.beat = short_script, .n = 3};

    (void)state;
    assert_int_equal(play(&s, 1, 0), TSP_OK);
    assert_int_equal(trace.n, 1);
    assert_int_equal(s.calls, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(exec_trace_begins_with_the_policy),
    cmocka_unit_test(exec_rejected_policy_runs_nothing),
    cmocka_unit_test(exec_refused_setup_is_an_argument_error),
    cmocka_unit_test(exec_budget_ends_a_loop),
    cmocka_unit_test(exec_events_cost_at_most_a_slice),
    cmocka_unit_test(exec_full_trace_is_marked),
    cmocka_unit_test(exec_plain_instructions_of_several_vcpus_leave_no_event),
    cmocka_unit_test(exec_target_that_dies_ends_the_run),
    cmocka_unit_test(exec_no_budget_no_step),
};

TEST_MAIN(tests)
