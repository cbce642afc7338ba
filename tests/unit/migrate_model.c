/* SPDX-License-Identifier: MIT */
/*
 * Migration. What a guest can see must not depend on where its machine was saved and restored: on
 * a host of the same vendor the trace is the same to the last register; on another vendor's host a
 * hypercall instruction, rewritten or not, traps again and is rewritten back, and every answer is
 * what the table says for that host. Time, paravirtual MSRs, what Hyper-V was told, pending
 * interrupts, the exclusive monitor and a vCPU that is off move along.
 */
#include "fuzz/run/run.h"

#include "emu/emu.h"

#include "tests/test_main.h"

#include <string.h>

struct all {
    struct target t;
    struct spec_options opt;
    const struct tsp_trace *trace;
    const char *bad;
    unsigned ran, moved, n;
    char what[300];
};

static size_t base_policy(const struct scenario *s, struct tsp_leaf *leaf)
{
    static const enum tsp_vendor vendor[INPUT_POLICY_COUNT] = {
        TSP_VENDOR_OTHER, TSP_VENDOR_INTEL, TSP_VENDOR_AMD, TSP_VENDOR_HYGON, TSP_VENDOR_CENTAUR};

    if (s->arch != TSP_ARCH_X86 || s->policy == INPUT_POLICY_NONE)
        return 0;
    return vm_default_policy(vendor[s->policy], (enum tsp_persona)s->persona[0], s->hv_base[0],
                             leaf, TSP_MAX_LEAF);
}

static void found(void *ctx, const struct finding *f)
{
    struct all *a = ctx;
    struct spec_rule rule = {.id = "?"};

    if (f->verdict < VERDICT_ERROR || f->subject != SUBJECT_TARGET || a->bad != NULL)
        return;
    spec_rule_at(spec_builtin(), f->rule, &rule);
    a->bad = rule.id;
    snprintf(a->what, sizeof(a->what), "%s at event %zu of %zu: expected %s, got %s", rule.id,
             f->event, a->trace->n, f->expected, f->got);
}

static bool run(struct all *a, const struct scenario *s, struct tsp_trace *trace)
{
    static struct input_image image;
    static struct tsp_setup setup;
    static struct tsp_leaf leaf[TSP_MAX_LEAF];

    input_build(s, leaf, base_policy(s, leaf), &image, &setup);
    if (exec_scenario(&a->t, s, &setup, 4096, trace) != TSP_OK)
        return false;
    a->ran++;
    for (size_t i = 0; i < trace->n; i++)
        a->moved += trace->ev[i].kind == TSP_EV_FETCH;
    a->opt =
        (struct spec_options){.caps = a->t.caps, .least = VERDICT_FAIL, .found = found, .ctx = a};
    a->trace = trace;
    spec_check(spec_builtin(), &setup, trace, &a->opt);
    return true;
}

/* Each probe once, moved after its 0th to 3rd event, to the same host or another. */
static bool move_probe(void *ctx, const struct scenario *given)
{
    static struct tsp_trace trace;
    struct all *a = ctx;
    struct scenario s = *given;
    unsigned k = a->n++;

    s.nmove = 1 + (k / 3) % 2;
    s.move[0] = (struct input_move){.after = (uint8_t)(k % 4), .host = s.host};
    if (k % 3 == 0)
        s.move[0].host = s.host == TSP_VENDOR_INTEL ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    s.move[1] = (struct input_move){.after = (uint8_t)(1 + k % 4), .host = s.host};
    input_fold(&s);
    run(a, &s, &trace);
    if (a->bad != NULL) {
        static char text[16384];

        input_text_write(&s, text, sizeof(text));
        print_message("%s\n", text);
    }
    return a->bad == NULL;
}

static void migrate_every_probe(void **state)
{
    static struct all a;
    struct tsp_error err;

    (void)state;
    assert_int_equal(target_open(&a.t, "model:kvm", &err), TSP_OK);
    for (unsigned arch = 0; arch < TSP_ARCH_COUNT && a.bad == NULL; arch++)
        probe_each(spec_builtin(), (enum tsp_arch)arch, move_probe, &a);
    if (a.bad != NULL)
        fail_msg("%s", a.what);
    assert_true(a.ran > 10000);
    assert_true(a.moved > a.ran / 2);
    target_close(&a.t);
}

/* Mutated programs: whatever they do. */
static void migrate_mutated(void **state)
{
    static struct all a;
    static struct tsp_trace trace;
    struct tsp_error err;
    uint8_t bytes[INPUT_BYTES_MAX];
    size_t n = 0;

    (void)state;
    memset(&a, 0, sizeof(a));
    assert_int_equal(target_open(&a.t, "model:kvm", &err), TSP_OK);
    for (uint32_t i = 0; i < 60000 && a.bad == NULL; i++) {
        struct scenario s;

        if (i % 64 == 0) {
            input_default(&s, (enum tsp_arch)(i / 64 % 2));
            n = input_write(&s, bytes, sizeof(bytes));
        }
        n = input_mutate(bytes, n, sizeof(bytes), i * 2654435761u + 7);
        input_parse(bytes, n, &s);
        s.protocol = TSP_PROTOCOL_NONE; /* races are wrong on purpose */
        s.nmove = 1;
        s.move[0] = (struct input_move){.after = (uint8_t)(i % 5),
                                        .host = (uint8_t)(i % 2 ? s.host : i / 2 % 4)};
        input_fold(&s);
        run(&a, &s, &trace);
        if (a.bad != NULL) {
            static char text[16384];

            input_text_write(&s, text, sizeof(text));
            print_message("%s\n", text);
        }
    }
    if (a.bad != NULL)
        fail_msg("%s", a.what);
    assert_true(a.moved > 20000);
    target_close(&a.t);
}

/* A hypervisor that forgets something on the way; forget() edits what is restored. */
static struct {
    const struct tsp_target_ops *base;
    struct tsp_target_ops ops;
    void (*vcpu)(struct tsp_vcpu_state *s);
    void (*hv)(struct tsp_hv_state *s);
} lossy;

static enum tsp_status lossy_set_vcpu(void *self, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    struct tsp_vcpu_state s = *in;

    if (lossy.vcpu != NULL)
        lossy.vcpu(&s);
    return lossy.base->set_vcpu(self, vcpu, &s);
}

static enum tsp_status lossy_set_hv(void *self, unsigned vcpu, const struct tsp_hv_state *in)
{
    struct tsp_hv_state s = *in;

    if (lossy.hv != NULL)
        lossy.hv(&s);
    return lossy.base->set_hv(self, vcpu, &s);
}

static void no_msrs(struct tsp_hv_state *s)
{
    s->nmsr = 0;
}

static void no_time(struct tsp_hv_state *s)
{
    memset(s->keep, 0, sizeof(s->keep));
}

static void no_tsc(struct tsp_vcpu_state *s)
{
    s->x86.tsc = 0;
}

static void no_osxsave(struct tsp_vcpu_state *s)
{
    s->x86.cr4 &= ~(1ull << 18);
}

static void no_xcr0(struct tsp_vcpu_state *s)
{
    s->x86.xcr0 = 1;
}

static void no_rbx(struct tsp_vcpu_state *s)
{
    s->regs.r[TSP_RBX] = 0;
}

/* What is lost is noticed, and by which rule: the table's own where it has one, else MIG-SAME. */
static void migrate_loses_nothing_unseen(void **state)
{
    static const struct {
        const char *text;
        void (*vcpu)(struct tsp_vcpu_state *s);
        void (*hv)(struct tsp_hv_state *s);
    } row[] = {
        /* wrmsr of poll control, then rdmsr */
        {"code b9054d564b31c031d20f30b9054d564b0f32f4\nleaf 0x40000001 - eax=0x1007efb ebx=0x0 "
         "ecx=0x0 edx=0x0\nmigrate 1 intel\n",
         NULL, no_msrs},
        /* system time */
        {"code b9014d564bb80120010031d20f300f32f4\nmigrate 1 intel\n", NULL, no_msrs},
        {"code 0fa2b9100000000f32f4\nmigrate 1 intel\n", no_tsc, NULL},
        {"cpu wp osxsave\ncode b8010000000fa2b8010000000fa2f4\nmigrate 1 intel\n", no_osxsave,
         NULL},
        {"xcr0 0x7\ncpu wp osxsave\ncode b80d00000031c90fa2b80d00000031c90fa2f4\nmigrate 1 intel\n",
         no_xcr0, NULL},
        {"code 0fa20f01c1f4\nmigrate 1 intel\n", no_rbx, NULL},
        {"arch arm64\nreg x0 0x84000000\ncode 020000d442e03bd5e10302aa0000b0d2020000d4\n"
         "migrate 1\n",
         NULL, no_time},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        static struct all a;
        static struct tsp_trace trace;
        struct tsp_error err = {.text = ""};
        char text[1024];
        struct scenario s;

        memset(&a, 0, sizeof(a));
        snprintf(text, sizeof(text), "trapspec scenario 1\n%s", row[i].text);
        if (input_text_parse(text, strlen(text), &s, &err) != TSP_OK)
            fail_msg("row %zu line %u: %s", i, err.line, err.text);
        assert_int_equal(target_open(&a.t, "model:kvm", &err), TSP_OK);
        assert_true(run(&a, &s, &trace));
        assert_null(a.bad);
        assert_int_equal(a.moved, 1);
        lossy.base = a.t.ops;
        lossy.ops = *a.t.ops;
        lossy.ops.set_vcpu = lossy_set_vcpu;
        lossy.ops.set_hv = lossy_set_hv;
        lossy.vcpu = row[i].vcpu;
        lossy.hv = row[i].hv;
        a.t.ops = &lossy.ops;
        assert_true(run(&a, &s, &trace));
        if (a.bad == NULL)
            fail_msg("row %zu: nothing noticed", i);
        a.t.ops = lossy.base;
        target_close(&a.t);
    }
}

/* A guest that does not get on, moved at any time: its end comes when it would have come. */
static void migrate_nears_a_livelock(void **state)
{
    static const char *const row[] = {
        /* neither the code nor the handler of its fault may be executed */
        "nvcpu 1\nmode compat32\nlevel 3\ncpu wp smep\npte -W-X PW-\ncode f4\n",
        "nvcpu 2\nmode compat32\nlevel 3\ncpu wp smep\npte -W-X PW-\ncode f4\n",
    };
    static struct tsp_trace trace;
    struct tsp_error err = {.text = ""};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        for (unsigned after = 60; after < 140; after++) {
            static struct all a;
            char text[512];
            struct scenario s;

            memset(&a, 0, sizeof(a));
            snprintf(text, sizeof(text), "trapspec scenario 2\n%smigrate %u intel\n", row[i],
                     after);
            if (input_text_parse(text, strlen(text), &s, &err) != TSP_OK)
                fail_msg("row %zu line %u: %s", i, err.line, err.text);
            assert_int_equal(target_open(&a.t, "model:kvm", &err), TSP_OK);
            assert_true(run(&a, &s, &trace));
            if (a.bad != NULL)
                fail_msg("row %zu after %u: %s", i, after, a.what);
            assert_int_equal(trace.ev[trace.n - 1].code, TSP_STOP_LIVELOCK);
            target_close(&a.t);
        }
    }
}

/* A vCPU that is off stays off, and an interrupt on its way arrives. */
static void migrate_keeps_vcpus_apart(void **state)
{
    struct tsp_vcpu_state v;
    struct tsp_hv_state h;
    struct tsp_setup setup = {.arch = TSP_ARCH_X86,
                              .nvcpu = 2,
                              .persona = {TSP_PERSONA_KVM},
                              .ram_size = 0x10000,
                              .vcpu[0].regs.mode = TSP_MODE_REAL16,
                              .vcpu[1].run_state = TSP_RUN_OFF};
    static struct tsp_setup to;
    struct tsp_error err;
    struct tsp_event ev;
    struct target t;

    (void)state;
    assert_int_equal(target_open(&t, "model:kvm", &err), TSP_OK);
    assert_int_equal(t.ops->reset(t.self, &setup, &ev), TSP_OK);
    assert_int_equal(t.ops->get_hv(t.self, 0, &h), TSP_OK);
    h.pending = TSP_PENDING_INTR;
    h.vector = 0x31;
    h.cr8 = 5;
    h.dr[3] = 0x1234;
    assert_int_equal(t.ops->set_hv(t.self, 0, &h), TSP_OK);
    assert_int_equal(migrate_machine(&t, &setup, &to, TSP_VENDOR_AMD), TSP_OK);
    assert_int_equal(to.host, TSP_VENDOR_AMD);
    assert_int_equal(t.ops->get_hv(t.self, 0, &h), TSP_OK);
    assert_int_equal(h.pending, TSP_PENDING_INTR);
    assert_int_equal(h.vector, 0x31);
    assert_int_equal(h.cr8, 5);
    assert_int_equal(h.dr[3], 0x1234);
    assert_int_equal(t.ops->get_vcpu(t.self, 1, &v), TSP_OK);
    assert_int_equal(v.run_state, TSP_RUN_OFF);
    assert_int_equal(t.ops->runnable(t.self), 1);
    h.nmsr = TSP_MAX_HV_MSR + 1;
    assert_int_equal(t.ops->set_hv(t.self, 0, &h), TSP_EARG);
    assert_int_equal(t.ops->get_hv(t.self, 2, &h), TSP_EARG);
    target_close(&t);
}

/* A target without get_hv stays where it is: no event, the rest as always. */
static void migrate_needs_a_target_that_can(void **state)
{
    static struct all a;
    static struct tsp_trace trace;
    struct tsp_error err;
    struct scenario s;

    (void)state;
    memset(&a, 0, sizeof(a));
    assert_int_equal(target_open(&a.t, "model:kvm", &err), TSP_OK);
    lossy.base = a.t.ops;
    lossy.ops = *a.t.ops;
    lossy.ops.get_hv = NULL;
    a.t.ops = &lossy.ops;
    input_default(&s, TSP_ARCH_X86);
    s.nmove = 1;
    assert_true(run(&a, &s, &trace));
    assert_int_equal(a.moved, 0);
    assert_true(trace.n >= 3);
    a.t.ops = lossy.base;
    target_close(&a.t);
}

/* Files of version 1 have no moves, whatever they hold by chance; wild ones are folded. */
static void migrate_format(void **state)
{
    static const uint8_t given[] = {0, 0, 15, 2, 9, 5, 15, 1, 3, 15, 2, 255, 1, 13, 1, 7};
    static const char text[] = "trapspec scenario 2\nhost amd\nmigrate 0 amd\nmigrate 7 hygon\n";
    uint8_t bytes[INPUT_BYTES_MAX];
    char out[512];
    struct scenario s, again;
    struct tsp_error err;
    size_t n;

    (void)state;
    memcpy(bytes, given, sizeof(given));
    for (unsigned version = 0; version < 256; version++) {
        bytes[0] = (uint8_t)version;
        input_parse(bytes, sizeof(given), &s);
        assert_int_equal(
            s.nmove, version >= INPUT_VERSION_MOVES && version <= INPUT_VERSION_AARCH32 ? 3 : 0);
    }
    bytes[0] = INPUT_VERSION_MOVES;
    input_parse(bytes, sizeof(given), &s);
    assert_int_equal(s.move[0].after, 3);
    assert_int_equal(s.move[1].after, 9);
    assert_int_equal(s.move[1].host, TSP_VENDOR_AMD);
    assert_int_equal(s.move[2].after, INPUT_MOVE_AFTER_MAX);
    n = input_write(&s, bytes, sizeof(bytes));
    assert_int_equal(bytes[0], INPUT_VERSION_MOVES);
    input_parse(bytes, n, &again);
    assert_memory_equal(&s, &again, sizeof(s));
    assert_int_equal(input_text_parse(text, sizeof(text) - 1, &s, &err), TSP_OK);
    assert_true(input_text_write(&s, out, sizeof(out)) < sizeof(out));
    assert_non_null(strstr(out, "scenario 2\n"));
    assert_non_null(strstr(out, "migrate 0 amd\nmigrate 7 hygon\n"));
    assert_int_equal(input_text_parse(out, strlen(out), &again, &err), TSP_OK);
    assert_memory_equal(&s, &again, sizeof(s));
    assert_int_equal(input_text_parse("trapspec scenario 2\nmigrate 251 amd\n", 36, &s, &err),
                     TSP_EPARSE);
    assert_int_equal(err.line, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(migrate_format),
    cmocka_unit_test(migrate_loses_nothing_unseen),
    cmocka_unit_test(migrate_nears_a_livelock),
    cmocka_unit_test(migrate_keeps_vcpus_apart),
    cmocka_unit_test(migrate_needs_a_target_that_can),
    cmocka_unit_test(migrate_every_probe),
    cmocka_unit_test(migrate_mutated),
};

TEST_MAIN(tests)
