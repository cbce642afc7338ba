/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V as the hypervisor itself, by the shipped tables. What its registers read follows from
 * what was written: a page cannot be enabled by a guest that has not said who it is, goes when the
 * guest takes that back, and stays where it was when it is locked (TLFS, Establishing the hypercall
 * interface). Shipped code has taken register input that it did not offer (torvalds/linux commit
 * 4e62aa96d6e5), and most implementations let a guest call before any of it.
 */
#include "tests/spec/fixture.h"

#define L64 TSP_MODE_LONG64
#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL
#define ID 0x40000000u
#define PAGE 0x40000001u
#define SOME_OS 0x8100000000000001u
#define PLACE 0x30000u
#define FAST (1ull << 16)

/* Read-only counter, all MSRs but frequencies; post messages and signal events; XMM input. */
static struct tsp_leaf leaf[] = {{0x40000001u, 0, 0, {0x31237648u, 0, 0, 0}},
                                 {0x40000003u, 0, 0, {0x2e3u, 0x30u, 0, 0x10u}},
                                 {0x80000008u, 0, 0, {40, 0, 0, 0}}};

enum what { END = 0, READ, WRITE, REFUSED_READ, REFUSED_WRITE, RESET, CALL, UNDEFINED, FOREIGN };

struct act {
    uint8_t what, page; /* page: in the hypervisor's page */
    uint32_t msr;       /* of a call: the status */
    uint64_t value;     /* of a call: its control word */
};
#define ACTS 6u

struct own_row {
    const char *name;
    struct act act[ACTS];
    enum verdict want;
    const char *rule; /* that fails, or passes the last event */
};

static const struct own_row rows[] = {
    {"zero at first", {{READ, 0, ID, 0}}, PASS, "HVM-ID"},
    {"something at first", {{READ, 0, ID, 7}}, FAIL, "HVM-ID"},
    {"what was written", {{WRITE, 0, ID, SOME_OS}, {READ, 0, ID, SOME_OS}}, PASS, "HVM-ID"},
    {"another one", {{WRITE, 0, ID, SOME_OS}, {READ, 0, ID, 0}}, FAIL, "HVM-ID"},
    {"no identity, no page",
     {{WRITE, 0, PAGE, PLACE | 1}, {READ, 0, PAGE, PLACE}},
     PASS,
     "HVM-PAGE"},
    {"or the write is ignored",
     {{WRITE, 0, PAGE, PLACE | 1}, {READ, 0, PAGE, 0}},
     PASS,
     "HVM-PAGE"},
    {"no identity, a page",
     {{WRITE, 0, PAGE, PLACE | 1}, {READ, 0, PAGE, PLACE | 1}},
     FAIL,
     "HVM-PAGE"},
    {"a page",
     {{WRITE, 0, ID, SOME_OS}, {WRITE, 0, PAGE, PLACE | 1}, {READ, 0, PAGE, PLACE | 1}},
     PASS,
     "HVM-PAGE"},
    {"reserved bits are open",
     {{WRITE, 0, ID, SOME_OS}, {WRITE, 0, PAGE, PLACE | 0xffd}, {READ, 0, PAGE, PLACE | 1}},
     PASS,
     "HVM-PAGE"},
    {"identity taken back",
     {{WRITE, 0, ID, SOME_OS},
      {WRITE, 0, PAGE, PLACE | 1},
      {WRITE, 0, ID, 0},
      {READ, 0, PAGE, PLACE | 1}},
     FAIL,
     "HVM-PAGE"},
    {"a locked page",
     {{WRITE, 0, ID, SOME_OS},
      {WRITE, 0, PAGE, PLACE | 3},
      {WRITE, 0, PAGE, 0x31001},
      {READ, 0, PAGE, PLACE | 3}},
     PASS,
     "HVM-PAGE"},
    {"a locked page moves",
     {{WRITE, 0, ID, SOME_OS},
      {WRITE, 0, PAGE, PLACE | 3},
      {WRITE, 0, PAGE, 0x31001},
      {READ, 0, PAGE, 0x31001}},
     FAIL,
     "HVM-PAGE"},
    {"a page out of range",
     {{WRITE, 0, ID, SOME_OS}, {WRITE, 0, PAGE, 1ull << 40 | 1}},
     FAIL,
     "HVM-PAGE-FAR"},
    {"is refused",
     {{WRITE, 0, ID, SOME_OS}, {REFUSED_WRITE, 0, PAGE, 1ull << 40 | 1}},
     PASS,
     "X86-MSR-GP"},
    {"a page in RAM is refused",
     {{WRITE, 0, ID, SOME_OS}, {REFUSED_WRITE, 0, PAGE, PLACE | 1}},
     FAIL,
     "HVM-GP-PAGE"},
    {"but not when locked",
     {{WRITE, 0, ID, SOME_OS}, {WRITE, 0, PAGE, PLACE | 3}, {REFUSED_WRITE, 0, PAGE, 0x31001}},
     PASS,
     "HVM-GP-PAGE"},
    {"an identity is refused", {{REFUSED_WRITE, 0, ID, 1}}, FAIL, "HVM-GP-ID"},
    {"the index is there", {{REFUSED_READ, 0, 0x40000002, 0}}, FAIL, "HVM-GP-READ"},
    {"the index is ours", {{READ, 0, 0x40000002, 0}}, PASS, "HVM-VP"},
    {"the index is another's", {{READ, 0, 0x40000002, 1}}, FAIL, "HVM-VP"},
    {"the index is written", {{WRITE, 0, 0x40000002, 0}}, FAIL, "HVM-VP-W"},
    {"the counter rises", {{READ, 0, 0x40000020, 4}, {READ, 0, 0x40000020, 5}}, PASS, "HVM-COUNT"},
    {"the counter stands", {{READ, 0, 0x40000020, 4}, {READ, 0, 0x40000020, 4}}, FAIL, "HVM-COUNT"},
    {"the counter is set", {{WRITE, 0, 0x40000020, 4}}, FAIL, "HVM-COUNT-W"},
    {"frequencies are not granted", {{READ, 0, 0x40000022, 5}}, FAIL, "HVM-NO-FREQ"},
    {"timers are not granted", {{READ, 0, 0x400000b0, 0}}, FAIL, "HVM-NO-TIMER"},
    {"reset", {{RESET, 0, 0x40000003, 1}}, PASS, "HVM-RESET"},
    {"reset by a zero", {{RESET, 0, 0x40000003, 0}}, FAIL, "HVM-RESET-NOT"},
    {"reset goes on", {{WRITE, 0, 0x40000003, 1}}, FAIL, "HVM-RESET-W"},
    {"a call by nobody", {{CALL, 0, 0, 8 | FAST}}, FAIL, "HV-ANON"},
    {"is undefined", {{UNDEFINED, 0, 0, 8 | FAST}}, PASS, "HV-ANON-UD"},
    {"a call", {{WRITE, 0, ID, SOME_OS}, {CALL, 0, 0, 8 | FAST}}, PASS, "HV-SPIN"},
    {"through the page",
     {{WRITE, 0, ID, SOME_OS}, {WRITE, 0, PAGE, PLACE | 1}, {CALL, 1, 0, 2}},
     PASS,
     "HV-REGS"},
    {"undefined in the page",
     {{WRITE, 0, ID, SOME_OS}, {WRITE, 0, PAGE, PLACE | 1}, {UNDEFINED, 1, 0, 2}},
     FAIL,
     "HV-PAGE-UD"},
    {"the other instruction in the page",
     {{WRITE, 0, ID, SOME_OS}, {WRITE, 0, PAGE, PLACE | 1}, {FOREIGN, 1, 0, 2}},
     FAIL,
     "HV-PAGE-INSN"},
    {"a page that is not enabled", {{WRITE, 0, ID, SOME_OS}, {CALL, 1, 0, 2}}, FAIL, "HV-PAGE-OFF"},
    {"eleven banks",
     {{WRITE, 0, ID, SOME_OS}, {CALL, 0, 0, 0x13 | FAST | 11ull << 17}},
     FAIL,
     "HV-XMM-BANKS"},
    {"are refused",
     {{WRITE, 0, ID, SOME_OS}, {CALL, 0, 3, 0x13 | FAST | 11ull << 17}},
     PASS,
     "HV-XMM-BANKS"},
    {"output in registers",
     {{WRITE, 0, ID, SOME_OS}, {CALL, 0, 0, 0x8001 | FAST}},
     FAIL,
     "HV-XMM-OUT"},
    {"extended calls are not granted",
     {{WRITE, 0, ID, SOME_OS}, {CALL, 0, 0, 0x8001}},
     FAIL,
     "HV-EXT-DENIED"},
};

static struct tsp_event *add_msr(const struct act *a)
{
    bool write = a->what == WRITE || a->what == REFUSED_WRITE || a->what == RESET;
    unsigned kind = a->what <= WRITE ? TSP_EV_MSR : TSP_EV_FAULT;
    struct tsp_event *ev;

    if (a->what == RESET)
        kind = TSP_EV_STOP;
    ev = add_event(kind, L64, write ? "\x0f\x30" : "\x0f\x32", 2);
    ev->code = kind == TSP_EV_MSR ? a->msr : kind == TSP_EV_FAULT ? 13 : TSP_STOP_RESET;
    ev->before.r[TSP_RCX] = ev->after.r[TSP_RCX] = a->msr;
    if (write) {
        ev->before.r[TSP_RAX] = ev->after.r[TSP_RAX] = (uint32_t)a->value;
        ev->before.r[TSP_RDX] = ev->after.r[TSP_RDX] = a->value >> 32;
    } else if (kind == TSP_EV_MSR) {
        ev->after.r[TSP_RAX] = (uint32_t)a->value;
        ev->after.r[TSP_RDX] = a->value >> 32;
    }
    if (kind == TSP_EV_MSR) {
        ev->info[0] = a->value;
        ev->info[1] = write;
        ev->after.pc += 2;
    }
    return ev;
}

static void add_call(const struct act *a)
{
    struct tsp_event *ev = add_event(a->what == CALL ? TSP_EV_HYPERCALL : TSP_EV_FAULT, L64,
                                     a->what == FOREIGN ? "\x0f\x01\xd9" : "\x0f\x01\xc1", 3);

    ev->before.r[TSP_RCX] = ev->after.r[TSP_RCX] = a->value;
    ev->before.r[TSP_RDX] = ev->after.r[TSP_RDX] = 0;
    ev->code = a->what == CALL ? 0 : 6;
    if (a->what == CALL)
        ev->after.r[TSP_RAX] = a->msr;
    if (a->page)
        ev->text[0] = ev->text[1] = ev->text[0] | TSP_TEXT_OVERLAY;
}

static void set_up(void)
{
    setup_x86_default();
    setup.persona[0] = TSP_PERSONA_HYPERV;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){leaf, sizeof(leaf) / sizeof(leaf[0])};
}

static void hyperv_own_rules(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum verdict v;

        set_up();
        for (unsigned k = 0; k < ACTS && rows[i].act[k].what != END; k++) {
            if (rows[i].act[k].what < CALL)
                add_msr(&rows[i].act[k]);
            else
                add_call(&rows[i].act[k]);
        }
        v = judge_with(s);
        if (v != rows[i].want || !finding_of(s, rows[i].rule))
            print_error("%s: %s\n", rows[i].name, found_text(s));
        assert_int_equal(v, rows[i].want);
        assert_non_null(finding_of(s, rows[i].rule));
    }
}

/* Register input of more than two words: #UD unless it is offered. */
static void hyperv_own_register_input(void **state)
{
    static const uint64_t control[] = {
        2, 3 | 1ull << 32, 0x13, 0x13 | 1ull << 17, 0x14 | 1ull << 32, 0x15};
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(control) / sizeof(control[0]); i++) {
        struct act id = {WRITE, 0, ID, SOME_OS}, call = {CALL, 0, 0, control[i / 2] | FAST};

        set_up();
        setup.config = TSP_CFG_IRQCHIP;
        leaf[1].reg[3] = i & 1 ? 0x10 : 0;
        add_msr(&id);
        add_call(&call);
        trace.ev[1].after.r[TSP_RAX] = control[i / 2] & 0xfffull << 32; /* all reps done */
        if ((judge_with(s) == FAIL) != (i % 2 == 0))
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(judge_with(s), i & 1 ? PASS : FAIL);
    }
    leaf[1].reg[3] = 0x10;
}

/* Beside KVM the interface is KVM's, which has rules of its own. */
static void hyperv_own_is_not_kvms(void **state)
{
    const struct spec *s = spec_builtin();
    struct act page = {WRITE, 0, PAGE, PLACE | 1}, read = {READ, 0, PAGE, PLACE | 1};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        set_up();
        setup.persona[1] = i ? TSP_PERSONA_KVM : TSP_PERSONA_NONE;
        add_msr(&page);
        add_msr(&read);
        assert_int_equal(judge_with(s), i ? PASS : FAIL);
    }
}

#define SINT2 0x40000092u
#define CONFIG0 0x400000b0u
#define COUNT0 0x400000b1u

/* Registers of the interrupt controller and timers, with their privileges. */
static const struct own_row synic_rows[] = {
    {"masked at first", {{READ, 0, SINT2, 0x10000}}, PASS, "HVM-SYNIC"},
    {"open at first", {{READ, 0, SINT2, 0}}, FAIL, "HVM-SYNIC"},
    {"a vector", {{WRITE, 0, SINT2, 0x41}, {READ, 0, SINT2, 0x41}}, PASS, "HVM-SYNIC"},
    {"lost", {{WRITE, 0, SINT2, 0x41}, {READ, 0, SINT2, 0x10000}}, FAIL, "HVM-SYNIC"},
    {"of the processor", {{WRITE, 0, SINT2, 0xf}}, FAIL, "HVM-SINT-BAD"},
    {"of the processor, masked", {{WRITE, 0, SINT2, 0x1000f}}, PASS, "HVM-REGS"},
    {"is refused", {{REFUSED_WRITE, 0, SINT2, 0xf}}, PASS, "X86-MSR-GP"},
    {"a good one is refused", {{REFUSED_WRITE, 0, SINT2, 0x41}}, FAIL, "HVM-GP-SINT"},
    {"version", {{READ, 0, 0x40000081, 1}}, PASS, "HVM-SVERSION"},
    {"no version", {{READ, 0, 0x40000081, 0}}, FAIL, "HVM-SVERSION"},
    {"no timers", {{REFUSED_READ, 0, CONFIG0, 0}}, FAIL, "HVM-GP-TIMER"},
    {"message page",
     {{WRITE, 0, 0x40000083, PLACE | 1}, {READ, 0, 0x40000083, PLACE}},
     FAIL,
     "HVM-SYNIC"},
    {"message page far away", {{WRITE, 0, 0x40000083, 1ull << 40 | 1}}, FAIL, "HVM-SIM-FAR"},
    {"a timer without a source",
     {{WRITE, 0, COUNT0, 5}, {WRITE, 0, CONFIG0, 1}, {READ, 0, CONFIG0, 0}},
     PASS,
     "HVM-SYNIC"},
    {"that runs",
     {{WRITE, 0, COUNT0, 5}, {WRITE, 0, CONFIG0, 1}, {READ, 0, CONFIG0, 1}},
     FAIL,
     "HVM-SYNIC"},
    {"a timer may have expired",
     {{WRITE, 0, COUNT0, 5}, {WRITE, 0, CONFIG0, 0x20001}, {READ, 0, CONFIG0, 0x20000}},
     PASS,
     "HVM-SYNIC"},
    {"no count, no timer",
     {{WRITE, 0, CONFIG0, 0x20009}, {WRITE, 0, COUNT0, 0}, {READ, 0, CONFIG0, 0x20009}},
     FAIL,
     "HVM-SYNIC"},
};

static void hyperv_own_interrupt_controller(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    leaf[1].reg[0] |= 0xc;
    for (size_t i = 0; i < sizeof(synic_rows) / sizeof(synic_rows[0]); i++) {
        const struct own_row *r = &synic_rows[i];
        enum verdict v;

        set_up();
        for (unsigned k = 0; k < ACTS && r->act[k].what != END; k++)
            add_msr(&r->act[k]);
        v = judge_with(s);
        if (v != r->want || !finding_of(s, r->rule))
            print_error("%s: %s\n", r->name, found_text(s));
        assert_int_equal(v, r->want);
        assert_non_null(finding_of(s, r->rule));
    }
    leaf[1].reg[0] &= ~0xcu;
}

/* An interrupt that a call sent to its own processor is what happens next. */
static void hyperv_own_interrupts_arrive(void **state)
{
    static const struct act id = {WRITE, 0, ID, SOME_OS}, call = {CALL, 0, 0, 0xb | FAST};
    static const struct act read = {READ, 0, ID, SOME_OS};
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct tsp_event *ev;

        set_up();
        setup.config |= TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
        setup.vcpu[0].x86.apic_base = 0xfee00900;
        add_msr(&id);
        add_call(&call);
        ev = &trace.ev[trace.n - 1];
        ev->before.r[TSP_RDX] = ev->after.r[TSP_RDX] = 0x41;
        ev->before.r[TSP_R8] = ev->after.r[TSP_R8] = i == 3 ? 2 : 1;
        ev->before.flags |= 0x200;
        ev->after.flags |= i == 2 ? 0 : 0x200;
        ev = add_msr(&read);
        ev->before.flags |= 0x200;
        ev->after.flags |= 0x200;
        judge_with(s);
        /* lost; lost; interrupts were off; it was sent to another one */
        assert_int_equal(finding_of(s, "HV-IPI-TAKEN") != NULL &&
                             finding_of(s, "HV-IPI-TAKEN")->verdict == FAIL,
                         i < 2);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(hyperv_own_rules),
    cmocka_unit_test(hyperv_own_register_input),
    cmocka_unit_test(hyperv_own_is_not_kvms),
    cmocka_unit_test(hyperv_own_interrupt_controller),
    cmocka_unit_test(hyperv_own_interrupts_arrive),
};

TEST_MAIN(tests)
