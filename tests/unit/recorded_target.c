/* SPDX-License-Identifier: MIT */
/* Recorded runs and dumps as targets: asked for a set-up, they answer what they hold. */
#include "tests/unit/recorded_rig.h"

static void recorded_target_plays_runs_by_their_setup(void **state)
{
    static struct tsp_trace trace;
    static struct tsp_setup other;
    struct recorded_run runs[2];
    struct target t;

    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4", "\x0f\x01\xd9\xf4");
    o.out.pc = start() + 4;
    runs[0] = run;
    runs[1] = run;
    other = setup;
    other.vcpu[0].regs.mode = TSP_MODE_REAL16; /* 0F 01 C1 at a place that is not its code */
    runs[1].setup = &other;
    runs[1].code = (const uint8_t *)"\x90\x90\x90\xf4";
    assert_int_equal(target_recorded(&t, runs, 2, "golden:test"), TSP_OK);
    assert_int_equal(t.caps, TSP_CAP_X86 | TSP_CAP_EXEC | TSP_CAP_DETERMINISTIC);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(exec_run(&t, &setup, NULL, 0, 100, &trace), TSP_OK);
        assert_int_equal(trace.n, 4);
        assert_int_equal(trace.ev[1].kind, TSP_EV_PATCH);
        assert_int_equal(trace.ev[2].kind, TSP_EV_HYPERCALL);
        assert_int_equal(trace.ev[3].kind, TSP_EV_STOP);
        assert_int_equal(trace.ev[3].code, TSP_STOP_DONE);
        assert_int_equal(exec_run(&t, &other, NULL, 0, 100, &trace), TSP_OK);
        assert_int_equal(trace.n, 2);
        assert_int_equal(trace.ev[1].code, TSP_STOP_UNSUPPORTED);
    }
    other = setup;
    runs[1].setup = &setup;
    assert_int_equal(exec_run(&t, &other, NULL, 0, 100, &trace), TSP_EARG);
    t.ops->close(t.self);
}

static void recorded_dump_answers_what_it_has(void **state)
{
    static const struct tsp_leaf leaf[] = {{0, 0, 0, {0xd, 1, 2, 3}},
                                           {4, 1, TSP_LEAF_INDEXED, {4, 5, 6, 7}}};
    static const struct {
        uint64_t rax, rcx;
        int entry;
    } row[] = {{0, 0, 0},  {0, 99, 0}, {4, 1, 1},
               {4, 0, -1}, {1, 0, -1}, {0xff00000004ull, 0x100000001ull, 1}};
    static struct tsp_trace trace;
    struct target t;

    (void)state;
    assert_int_equal(target_dump(&t, leaf, 2, "dump:test"), TSP_OK);
    assert_false(t.caps & TSP_CAP_EXEC);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_setup ask = {.nvcpu = 1};

        ask.vcpu[0].regs.mode = TSP_MODE_LONG64;
        ask.vcpu[0].regs.r[TSP_RAX] = row[i].rax;
        ask.vcpu[0].regs.r[TSP_RCX] = row[i].rcx;
        assert_int_equal(exec_run(&t, &ask, NULL, 0, 10, &trace), TSP_OK);
        if (row[i].entry < 0) {
            assert_int_equal(trace.n, 2);
            assert_int_equal(trace.ev[1].code, TSP_STOP_UNSUPPORTED);
            continue;
        }
        assert_int_equal(trace.n, 3);
        assert_int_equal(trace.ev[1].kind, TSP_EV_CPUID);
        assert_int_equal(trace.ev[1].after.r[TSP_RAX], leaf[row[i].entry].reg[0]);
        assert_int_equal(trace.ev[1].after.r[TSP_RBX], leaf[row[i].entry].reg[1]);
        assert_int_equal(trace.ev[1].after.r[TSP_RCX], leaf[row[i].entry].reg[2]);
        assert_int_equal(trace.ev[1].after.r[TSP_RDX], leaf[row[i].entry].reg[3]);
        assert_int_equal(trace.ev[2].code, TSP_STOP_DONE);
    }
    t.ops->close(t.self);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(recorded_target_plays_runs_by_their_setup),
    cmocka_unit_test(recorded_dump_answers_what_it_has),
};

TEST_MAIN(tests)
