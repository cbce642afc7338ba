/* SPDX-License-Identifier: MIT */
/*
 * A mutant is the target it wraps with one thing wrong. The guest must see the wrong thing too:
 * what an event tells and what the machine goes on with are the same, else a rule could be
 * satisfied by a trace that no guest ever lived through.
 */
#include "fuzz/run/mutants.h"
#include "fuzz/target/mutant.h"
#include "emu/emu.h"
#include "tests/test_main.h"

#include <string.h>

static struct scenario s;
static struct input_image image;
static struct tsp_setup setup;
static struct tsp_leaf base[TSP_MAX_LEAF];
static struct tsp_trace trace;

static void build(const struct scenario *sc, struct input_image *img, struct tsp_setup *out)
{
    static const enum tsp_vendor vendor[INPUT_POLICY_COUNT] = {
        TSP_VENDOR_OTHER, TSP_VENDOR_INTEL, TSP_VENDOR_AMD, TSP_VENDOR_HYGON, TSP_VENDOR_CENTAUR};
    size_t n = 0;

    if (sc->policy != INPUT_POLICY_NONE)
        n = vm_default_policy(vendor[sc->policy], TSP_PERSONA_KVM, sc->hv_base[0], base,
                              TSP_MAX_LEAF);
    input_build(sc, base, n, img, out);
}

/* Runs code of a default guest on a target; the first event after the set-up is returned. */
static const struct tsp_event *first_event(struct target *t, const char *name, const uint8_t *code,
                                           size_t n)
{
    struct tsp_error err;

    assert_int_equal(target_open(t, name, &err), TSP_OK);
    memcpy(s.code[0], code, n);
    s.code[0][n] = 0xf4;
    s.ncode[0] = (uint32_t)n + 1;
    build(&s, &image, &setup);
    assert_int_equal(exec_run(t, &setup, NULL, 0, 64, &trace), TSP_OK);
    assert_true(trace.n > 1);
    return &trace.ev[1];
}

static const uint8_t cpuid[] = {0x0f, 0xa2}, vmcall[] = {0x0f, 0x01, 0xc1},
                     vmmcall[] = {0x0f, 0x01, 0xd9};

static void every_mutant_has_a_name_of_its_own(void **state)
{
    struct mutant_info m;
    unsigned n = mutant_count(), i;

    (void)state;
    assert_true(n > 500);
    for (i = 0; i < n; i++) {
        assert_true(mutant_at(i, &m));
        assert_true(m.text[0] != 0 && m.source != NULL && m.source[0] != 0);
        assert_true(strchr(m.id, '+') == NULL && strchr(m.id, ' ') == NULL);
        assert_true(strlen(m.id) + 1 < sizeof(m.id));
        assert_int_equal(mutant_find(m.id, strlen(m.id)), i);
    }
    assert_false(mutant_at(n, &m));
}

static void every_mutant_opens_unless_it_says_why_not(void **state)
{
    struct mutant_info m;
    struct tsp_error err;
    struct target t;
    char name[96];

    (void)state;
    for (unsigned i = 0; mutant_at(i, &m); i++) {
        snprintf(name, sizeof(name), "mutant:%s", m.id);
        assert_int_equal(target_open(&t, name, &err), m.modelled ? TSP_OK : TSP_ENOTSUP);
        if (m.modelled)
            target_close(&t);
    }
}

static void names_that_cannot_be_opened_are_refused(void **state)
{
    static const struct {
        const char *name;
        enum tsp_status st;
    } row[] = {{"mutant:nothing", TSP_EARG},
               {"mutant:", TSP_EARG},
               {"mutant:M019+model:nothing", TSP_EARG},
               {"mutant:M019+mutant:M019", TSP_EARG},
               {"mutant:mut_no_echo+golden:x", TSP_ENOTSUP},
               {"mutant:M019+golden:x", TSP_ENOTSUP}};
    struct tsp_error err;
    struct target t;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        assert_int_equal(target_open(&t, row[i].name, &err), row[i].st);
        assert_true(err.text[0] != 0);
    }
}

static void the_guest_goes_on_with_the_wrong_value(void **state)
{
    static const struct {
        const char *name;
        const uint8_t *code;
        size_t n;
        uint64_t rax, after;
    } row[] = {{"mutant:call-result-poll-irq-more", vmcall, 3, 1, 1},
               {"mutant:call-error-1000-is-0", vmcall, 3, 2, 0},
               {"mutant:cpuid-zero-eax", cpuid, 2, 0, 0}};
    struct tsp_vcpu_state v;
    struct target t;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct tsp_event *ev;

        input_default(&s, TSP_ARCH_X86);
        s.regs_set = 1u << TSP_RAX;
        s.regs[TSP_RAX] = row[i].rax;
        ev = first_event(&t, row[i].name, row[i].code, row[i].n);
        assert_int_equal(ev->after.r[TSP_RAX], row[i].after);
        assert_int_equal(t.ops->get_vcpu(t.self, 0, &v), TSP_OK);
        assert_int_equal(v.regs.r[TSP_RAX], row[i].after);
        target_close(&t);
    }
}

/* What a lie changed, and the instruction did not, is put back. */
static void inputs_are_told_as_they_were(void **state)
{
    const struct tsp_event *ev;
    struct target t;

    (void)state;
    input_default(&s, TSP_ARCH_X86);
    s.regs_set = 1u << TSP_RAX | 1u << TSP_RBX;
    s.regs[TSP_RAX] = 0x100000001;
    s.regs[TSP_RBX] = 77;
    ev = first_event(&t, "mutant:call-input-nr-32", vmcall, 3);
    assert_int_equal(ev->kind, TSP_EV_HYPERCALL);
    assert_true(ev->before.r[TSP_RAX] == 0x100000001);
    assert_int_equal(ev->after.r[TSP_RAX], 0); /* what call 1 answers */
    assert_int_equal(ev->after.r[TSP_RBX], 77);
    target_close(&t);
}

static void an_exception_is_the_guests_own(void **state)
{
    const struct tsp_event *ev;
    struct tsp_vcpu_state v;
    struct target t;
    uint8_t frame[16];

    (void)state;
    input_default(&s, TSP_ARCH_X86);
    s.regs_set = 1u << TSP_RAX;
    s.regs[TSP_RAX] = 1;
    ev = first_event(&t, "mutant:call-trap-pf", vmcall, 3);
    assert_int_equal(ev->kind, TSP_EV_FAULT);
    assert_int_equal(ev->code, 14);
    assert_int_equal(input_stub_vector(&s, ev->after.pc), 14);
    assert_int_equal(t.ops->get_vcpu(t.self, 0, &v), TSP_OK);
    assert_int_equal(t.ops->peek(t.self, ev->after.r[TSP_RSP], frame, 16), TSP_OK);
    assert_int_equal(frame[0], 2); /* error code: a write */
    assert_int_equal(frame[8] | frame[9] << 8 | frame[10] << 16, (int)s.code_at);
    assert_true(v.x86.cr2 == s.code_at);
    target_close(&t);
}

static void a_rewrite_lands_in_memory_as_it_is_told(void **state)
{
    const struct tsp_event *ev;
    struct target t;
    uint8_t text[3];

    (void)state;
    input_default(&s, TSP_ARCH_X86);
    s.regs_set = 1u << TSP_RAX;
    s.regs[TSP_RAX] = 1;
    ev = first_event(&t, "mutant:patch-byte-nop", vmmcall, 3);
    assert_int_equal(ev->kind, TSP_EV_PATCH);
    assert_int_equal(t.ops->peek(t.self, s.code_at, text, 3), TSP_OK);
    assert_memory_equal(text, "\x90\x90\x90", 3);
    assert_memory_equal(ev->stored, text, 3);
    target_close(&t);
}

static void what_a_mutant_is_not_about_stays_right(void **state)
{
    static struct tsp_trace right;
    struct target t;

    (void)state;
    input_default(&s, TSP_ARCH_X86);
    first_event(&t, "model:kvm", cpuid, 2);
    right = trace;
    target_close(&t);
    first_event(&t, "mutant:call-result-kick-more+model:kvm", cpuid, 2);
    assert_int_equal(trace.n, right.n);
    assert_memory_equal(trace.ev, right.ev, right.n * sizeof(right.ev[0]));
    target_close(&t);
}

/* The measurement itself: a mutant that is told, by which rule, and one that is not there. */
static void a_mutant_is_told_by_a_rule(void **state)
{
    struct mutants_options o = {
        .spec = spec_builtin(), .target = "model:kvm", .seconds = 20, .build = build};
    struct mutants_result r;
    struct tsp_error err;
    struct spec_rule rule;

    (void)state;
    assert_int_equal(mutants_try(&o, mutant_find("M019", 4), &r, &err), TSP_OK);
    assert_true(r.tried && r.killed && r.nrule > 0);
    assert_true(spec_rule_at(o.spec, r.rule[0], &rule));
    assert_true(strncmp(rule.id, "KVM-", 4) == 0);
    assert_int_equal(mutants_try(&o, mutant_count(), &r, &err), TSP_EARG);
    assert_int_equal(mutants_try(&o, mutant_find("M135", 4), &r, &err), TSP_OK);
    assert_true(r.tried && r.killed);
}

static void a_mutant_is_told_by_fuzzing_as_well(void **state)
{
    struct mutants_options o = {.spec = spec_builtin(),
                                .target = "model:kvm",
                                .seconds = 20,
                                .build = build,
                                .fuzz = true,
                                .seed = 1};
    struct mutants_result r;
    struct tsp_error err;

    (void)state;
    assert_int_equal(mutants_try(&o, mutant_find("cpuid-flip-eax-3", 16), &r, &err), TSP_OK);
    assert_true(r.tried && r.killed);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_mutant_has_a_name_of_its_own),
    cmocka_unit_test(every_mutant_opens_unless_it_says_why_not),
    cmocka_unit_test(names_that_cannot_be_opened_are_refused),
    cmocka_unit_test(the_guest_goes_on_with_the_wrong_value),
    cmocka_unit_test(inputs_are_told_as_they_were),
    cmocka_unit_test(an_exception_is_the_guests_own),
    cmocka_unit_test(a_rewrite_lands_in_memory_as_it_is_told),
    cmocka_unit_test(what_a_mutant_is_not_about_stays_right),
    cmocka_unit_test(a_mutant_is_told_by_a_rule),
    cmocka_unit_test(a_mutant_is_told_by_fuzzing_as_well),
};

TEST_MAIN(tests)
