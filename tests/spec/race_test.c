/* SPDX-License-Identifier: MIT */
/*
 * The rules of races: small traces that break each, and the same ones put right. The site holds
 * VMMCALL on an Intel host; vCPU 0 traps on it and has it rewritten, vCPU 1 is the guest's other
 * half.
 */
#include "tests/spec/fixture.h"

static const uint8_t foreign[16] = {0x0f, 0x01, 0xd9, 0xf4}, native[16] = {0x0f, 0x01, 0xc1, 0xf4},
                     nops[16] = {0x90, 0x90, 0x90, 0xf4}, torn[16] = {0x0f, 0x90, 0x90, 0xf4},
                     ud2[16] = {0x0f, 0x0b, 0x90, 0xf4};

/* An event of a vCPU: the bytes it is about, and the site after it. */
static struct tsp_event *event(unsigned kind, unsigned vcpu, const uint8_t *bytes, unsigned len,
                               const uint8_t *site)
{
    struct tsp_event *ev = add_event(kind, TSP_MODE_LONG64, (const char *)bytes, len);

    memcpy(ev->stored, site, sizeof(ev->stored));
    ev->vcpu = (uint16_t)vcpu;
    return ev;
}

static void begin(const uint8_t *site)
{
    setup_x86_default();
    setup.nvcpu = 2;
    setup.protocol = TSP_PROTOCOL_KVM;
    setup.vcpu[0].regs.pc = 0x10000;
    setup.vcpu[0].regs.mode = TSP_MODE_LONG64;
    event(TSP_EV_POLICY, 0, foreign, 0, site);
}

static void trap(unsigned vcpu, const uint8_t *bytes, const uint8_t *site)
{
    event(TSP_EV_FETCH, vcpu, bytes, 3, site)->code = TSP_MICRO_TRAP;
}

static void patch(const uint8_t *site, unsigned at, unsigned left)
{
    struct tsp_event *ev = event(TSP_EV_PATCH, 0, foreign, 3, site);

    ev->info[0] = 0x10000 + at;
    ev->info[1] = 1;
    ev->spare = (uint8_t)left;
}

static void resume(unsigned vcpu, const uint8_t *site)
{
    event(TSP_EV_FETCH, vcpu, foreign, 3, site)->code = TSP_MICRO_RESUME;
}

/* Another vCPU's plain instruction, elsewhere, which leaves the site like this. */
static void store(const uint8_t *site)
{
    event(TSP_EV_RETIRE, 1, nops, 1, site)->addr = 0x18000;
}

static void fault(const uint8_t *bytes, const uint8_t *site, unsigned vector)
{
    event(TSP_EV_FAULT, 0, bytes, 3, site)->code = vector;
}

static void expect(const char *rule, bool breaks)
{
    unsigned index = spec_rule_find(spec_builtin(), rule);
    bool broken = false;

    judge_with(spec_builtin());
    for (unsigned i = 0; i < found.n; i++)
        broken = broken || (found.f[i].rule == index && found.f[i].verdict == VERDICT_FAIL);
    if (broken != breaks)
        fail_msg("%s %s: %s", rule, breaks ? "holds" : "is broken", found_text(spec_builtin()));
}

static void a_quiet_rewrite_breaks_nothing(void **state)
{
    (void)state;
    begin(foreign);
    trap(0, foreign, foreign);
    patch(native, 2, 0);
    resume(0, native);
    event(TSP_EV_HYPERCALL, 0, native, 3, native);
    assert_int_equal(judge_with(spec_builtin()), VERDICT_PASS);
    assert_true(found.n > 0);
}

static void whole_instructions(void **state)
{
    static const uint8_t half[16] = {0xcd, 0x01, 0xd9, 0xf4};

    (void)state;
    for (unsigned left = 0; left < 2; left++) {
        begin(foreign);
        trap(0, foreign, foreign);
        patch(half, 0, left);
        event(TSP_EV_RETIRE, 1, half, 2, half);
        expect("RACE-WHOLE", left > 0);
    }
}

static void guests_own_torn_store_is_no_rewrite(void **state)
{
    (void)state;
    begin(foreign);
    store(nops);
    /* 0f of before the boundary, 90 90 of after it */
    event(TSP_EV_RETIRE, 0, torn, 3, nops)->addr = 0x10000;
    expect("RACE-WHOLE", true);
    setup.vcpu[0].regs.pc = 0x1000f;
    trace.ev[2].addr = 0x1000f;
    expect("RACE-WHOLE", false);
}

static void old_bytes_after_the_end(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        begin(foreign);
        trap(0, foreign, foreign);
        patch(native, 2, 0);
        if (over)
            resume(0, native);
        trap(1, foreign, native);
        expect("RACE-SERIAL", over);
    }
}

static void only_what_trapped_is_overwritten(void **state)
{
    (void)state;
    for (unsigned changed = 0; changed < 2; changed++) {
        begin(foreign);
        trap(0, foreign, foreign);
        if (changed)
            store(nops);
        patch(changed ? torn : native, changed ? 0 : 2, 0);
        expect("RACE-COMPARE", changed);
        expect("RACE-LOST", changed);
    }
    begin(foreign);
    trap(0, foreign, foreign);
    patch(foreign, 0x100, 0);
    expect("RACE-COMPARE", true);
    /* the site's page was exchanged: of the byte behind the site nobody says where it went */
    for (unsigned at = 0x0f; at < 0x11; at++) {
        struct tsp_event *ev;

        begin(foreign);
        ev = event(TSP_EV_FETCH, 0, foreign, 3, foreign);
        ev->code = TSP_MICRO_TRAP;
        ev->addr = 0x1000e;
        ev->spare = 1;
        patch(foreign, at, 0);
        expect("RACE-COMPARE", at < 0x10);
    }
}

static void a_store_put_back_is_not_lost(void **state)
{
    (void)state;
    begin(foreign);
    trap(0, foreign, foreign);
    store(nops);
    store(foreign);
    patch(native, 2, 0);
    expect("RACE-LOST", false);
    expect("RACE-COMPARE", false);
}

static void all_of_a_rewrite_or_nothing(void **state)
{
    static const uint8_t half[16] = {0xcd, 0x01, 0xd9, 0xf4};

    (void)state;
    for (unsigned changed = 0; changed < 2; changed++) {
        begin(foreign);
        trap(0, foreign, foreign);
        patch(changed ? half : foreign, 0, 2);
        fault(foreign, changed ? half : foreign, 14);
        expect("RACE-SPLIT", changed);
    }
}

static void traps_in_a_row_are_bounded(void **state)
{
    (void)state;
    for (unsigned n = 3; n < 5; n++) {
        begin(foreign);
        for (unsigned i = 0; i < n; i++) {
            trap(0, foreign, foreign);
            resume(0, foreign);
        }
        expect("RACE-PROGRESS", n > 3);
    }
    /* a guest that puts the old bytes back begins anew */
    begin(foreign);
    for (unsigned i = 0; i < 6; i++) {
        trap(0, foreign, foreign);
        resume(0, foreign);
        store(i % 2 ? foreign : nops);
    }
    expect("RACE-PROGRESS", false);
}

static void a_livelock_at_the_site_is_never_right(void **state)
{
    struct tsp_event *ev;

    (void)state;
    begin(foreign);
    event(TSP_EV_STOP, 0, foreign, 3, foreign)->code = TSP_STOP_LIVELOCK;
    expect("RACE-HANG", true);
    begin(foreign);
    ev = event(TSP_EV_STOP, 0, foreign, 3, foreign);
    ev->code = TSP_STOP_LIVELOCK;
    ev->addr += 0x1000;
    expect("RACE-HANG", false);
}

static void one_instruction_is_one_call(void **state)
{
    (void)state;
    begin(native);
    event(TSP_EV_HYPERCALL, 0, native, 3, native);
    expect("RACE-ONCE", false);
    event(TSP_EV_HYPERCALL, 0, native, 3, native);
    expect("RACE-ONCE", true);
    begin(native);
    event(TSP_EV_HYPERCALL, 0, native, 3, native);
    event(TSP_EV_RETIRE, 0, nops, 1, native)->addr = 0x10003;
    event(TSP_EV_HYPERCALL, 0, native, 3, native);
    expect("RACE-ONCE", false);
    /* of what it executed elsewhere nothing is known but that it did */
    begin(native);
    event(TSP_EV_HYPERCALL, 0, native, 0, native);
    event(TSP_EV_RETIRE, 0, nops, 0, native)->addr = 0x10003;
    event(TSP_EV_HYPERCALL, 0, native, 0, native);
    expect("RACE-ONCE", false);
}

static void what_is_written_is_the_call(void **state)
{
    (void)state;
    begin(foreign);
    trap(0, foreign, foreign);
    patch(nops, 0, 0);
    resume(0, nops);
    event(TSP_EV_RETIRE, 0, nops, 1, nops);
    expect("RACE-CALLED", true);
    begin(foreign);
    store(nops);
    event(TSP_EV_RETIRE, 0, nops, 1, nops);
    expect("RACE-CALLED", false);
}

/* The tail of a rewrite is the hypervisor's until the guest stores there, and then the guest's for
 * good, whatever is rewritten further on. */
static void behind_a_short_call_the_guest_may_store(void **state)
{
    static const uint8_t gate[16] = {0xcd, 0x1f, 0xd9, 0xf4}, own[16] = {0xcd, 0x1f, 0, 0},
                         later[16] = {0xcd, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0xcd};

    (void)state;
    for (unsigned stored = 0; stored < 2; stored++) {
        const uint8_t *site = stored ? later : gate;

        begin(foreign);
        trap(0, foreign, foreign);
        patch(gate, 0, 0);
        resume(0, gate);
        if (stored) {
            store(own);
            event(TSP_EV_FETCH, 1, foreign, 3, own)->code = TSP_MICRO_TRAP;
            event(TSP_EV_PATCH, 1, foreign, 3, later)->info[0] = 0x10009;
        }
        event(TSP_EV_HYPERCALL, 0, gate, 2, site);
        event(TSP_EV_RETIRE, 0, site + 2, 2, site)->addr = 0x10002;
        expect("RACE-CALLED", !stored);
    }
}

/* A call that the guest puts over a longer one: what stands behind it is the guest's. */
static void a_call_of_the_guests_is_as_long_as_it_is(void **state)
{
    static const uint8_t prefixed[16] = {0x3e, 0x0f, 0x01, 0xd9, 0xf4};
    static const uint8_t shorter[16] = {0x0f, 0x01, 0xd9, 0xd9, 0xf4},
                         done[16] = {0x0f, 0x01, 0xc1, 0xd9, 0xf4};

    (void)state;
    for (unsigned guests = 0; guests < 2; guests++) {
        begin(prefixed);
        if (guests)
            store(shorter);
        trap(0, guests ? shorter : prefixed, guests ? shorter : prefixed);
        patch(done, guests ? 2 : 0, 0);
        resume(0, done);
        event(TSP_EV_HYPERCALL, 0, done, 3, done);
        event(TSP_EV_RETIRE, 0, done + 3, 2, done)->addr = 0x10003;
        expect("RACE-CALLED", !guests);
    }
}

/* What the hypervisor left there is a call, or nothing the guest may see. */
static void what_is_written_faults_as_a_call_only(void **state)
{
    static const struct {
        uint8_t site[16], len;
        bool guests, fails;
    } row[] = {
        {{0xcc, 0x01, 0xc1}, 1, false, true},  {{0xcd, 0x01, 0xd9}, 2, false, true},
        {{0xcd, 0x1f, 0x90}, 2, false, false}, {{0x0f, 0x01, 0xc1}, 3, false, false},
        {{0xcc, 0x01, 0xd9}, 1, true, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        begin(foreign);
        if (row[i].guests) {
            store(row[i].site);
        } else {
            trap(0, foreign, foreign);
            patch(row[i].site, 0, 0);
            resume(0, row[i].site);
        }
        event(TSP_EV_FAULT, 0, row[i].site, row[i].len, row[i].site);
        expect("RACE-BREAK", row[i].fails);
    }
}

static void ud_for_legal_bytes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *now = i == 0 ? foreign : i == 1 ? ud2 : nops;

        begin(foreign);
        trap(0, foreign, foreign);
        if (i > 0)
            store(now);
        fault(foreign, now, 6);
        expect("RACE-UD", i == 2);
    }
}

/* The guest put another page there: what has been read was compared, what is written was not. */
static void the_page_that_was_read_is_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct tsp_event *ev;

        begin(foreign);
        trap(0, foreign, foreign);
        ev = event(TSP_EV_FETCH, 0, foreign, 3, foreign);
        ev->code = TSP_MICRO_READ;
        ev->spare = (uint8_t)(i & 1);
        patch(i & 2 ? foreign : native, 2, 0);
        trace.ev[trace.n - 1].code = i >> 1;
        expect("RACE-COMPARE", (i & 1) != i >> 1);
    }
}

static void ud_for_what_another_page_replaced(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        begin(foreign);
        trap(0, foreign, foreign);
        trace.ev[trace.n - 1].spare = (uint8_t)(i >> 1);
        fault(foreign, foreign, 6);
        trace.ev[trace.n - 1].spare = (uint8_t)(i & 1);
        expect("RACE-UD", i == 1);
    }
    /* what trapped on another page is not judged by what the site holds */
    begin(foreign);
    trap(0, foreign, foreign);
    trace.ev[trace.n - 1].spare = 1;
    store(native);
    fault(foreign, native, 6);
    expect("RACE-UD", false);
}

/* rights: of the page, as the trap saw it; tables: the guest wrote some of its memory since. */
static void read_only_text_stays_read_only(void **state)
{
    static const struct {
        uint8_t rights, tables, level;
        bool fails;
    } row[] = {
        {TSP_TEXT_KNOWN | TSP_TEXT_PRESENT, 0, 0, true},
        {TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE, 0, 0, false},
        {0, 0, 0, false},
        {TSP_TEXT_KNOWN | TSP_TEXT_PRESENT, 1, 0, false},
        {TSP_TEXT_KNOWN | TSP_TEXT_PRESENT, 0, 3, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        begin(foreign);
        trap(0, foreign, foreign);
        memset(trace.ev[trace.n - 1].text, row[i].rights, 2);
        if (row[i].tables)
            store(foreign);
        store(nops);
        trace.ev[trace.n - 1].before.level = row[i].level;
        expect("RACE-RIGHTS", row[i].fails);
    }
}

static void only_what_trapped_is_acted_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin(i ? ud2 : foreign);
        trap(0, i ? ud2 : foreign, i ? ud2 : foreign);
        if (i)
            store(foreign);
        patch(native, 2, 0);
        expect("RACE-OPCODE", i);
    }
}

static void migration_changes_nothing(void **state)
{
    (void)state;
    for (unsigned moved = 0; moved < 2; moved++) {
        begin(native);
        if (moved) {
            struct tsp_event *ev = event(TSP_EV_FETCH, 0, native, 0, native);

            ev->code = TSP_MICRO_MIGRATE;
            ev->info[0] = TSP_VENDOR_AMD;
        }
        fault(native, native, 6);
        expect("RACE-MIGRATE", moved);
    }
    /* on another page nothing is known */
    begin(foreign);
    event(TSP_EV_FETCH, 0, foreign, 0, foreign)->code = TSP_MICRO_MIGRATE;
    trace.ev[trace.n - 1].info[0] = TSP_VENDOR_AMD;
    trap(0, foreign, foreign);
    trace.ev[trace.n - 1].spare = 1;
    fault(foreign, foreign, 6);
    expect("RACE-MIGRATE", false);
}

/* Whatever a target says, judging ends and stays in bounds. */
static void wild_events_are_survived(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        begin(foreign);
        while (trace.n < 40) {
            struct tsp_event *ev = &trace.ev[trace.n++];
            uint8_t *p = (uint8_t *)ev;

            for (size_t i = 0; i < sizeof(*ev); i++) {
                seed = seed * 1664525u + 1013904223u;
                p[i] = (uint8_t)(seed >> 24);
            }
            ev->kind = (uint16_t)(ev->kind % (TSP_EV_STOP + 3));
            ev->before.mode %= 8;
            ev->code %= 12;
            if (round & 1)
                ev->addr = 0x10000 + ev->addr % 20;
        }
        judge_with(spec_builtin());
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_quiet_rewrite_breaks_nothing),
    cmocka_unit_test(whole_instructions),
    cmocka_unit_test(guests_own_torn_store_is_no_rewrite),
    cmocka_unit_test(old_bytes_after_the_end),
    cmocka_unit_test(only_what_trapped_is_overwritten),
    cmocka_unit_test(a_store_put_back_is_not_lost),
    cmocka_unit_test(all_of_a_rewrite_or_nothing),
    cmocka_unit_test(traps_in_a_row_are_bounded),
    cmocka_unit_test(a_livelock_at_the_site_is_never_right),
    cmocka_unit_test(one_instruction_is_one_call),
    cmocka_unit_test(what_is_written_is_the_call),
    cmocka_unit_test(behind_a_short_call_the_guest_may_store),
    cmocka_unit_test(a_call_of_the_guests_is_as_long_as_it_is),
    cmocka_unit_test(what_is_written_faults_as_a_call_only),
    cmocka_unit_test(ud_for_legal_bytes),
    cmocka_unit_test(the_page_that_was_read_is_written),
    cmocka_unit_test(ud_for_what_another_page_replaced),
    cmocka_unit_test(read_only_text_stays_read_only),
    cmocka_unit_test(only_what_trapped_is_acted_on),
    cmocka_unit_test(migration_changes_nothing),
    cmocka_unit_test(wild_events_are_survived),
};

TEST_MAIN(tests)
