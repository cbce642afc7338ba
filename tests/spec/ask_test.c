/* SPDX-License-Identifier: MIT */
/*
 * What user space asks of KVM, by the shipped tables. A list that did not fit was written past its
 * buffer's end (CVE-2019-19332), and since then one that just fits is refused; a vCPU's table could
 * not be set again after a run at all (torvalds/linux feb627e8d6f6, mended in c6617c61e8fe).
 */
#include "tests/spec/fixture.h"

#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL

static struct tsp_leaf leaf[] = {
    {0x40000000u, 0, 0, {0x40000001u, 0x4b4d564b, 0x564b4d56, 0x4d}},
    {0x40000001u, 0, 0, {0}},
    {0x40000100u, 0, 0, {0x40000104u, 0x566e6558, 0x65584d4d, 0x4d4d566e}},
    {0x40000102u, 0, 0, {1, 0x40000000u, 0, 0}}};

static const struct ask_row {
    uint32_t ask, msr, code, info;
    enum verdict want;
    const char *rule;
} rows[] = {
    {TSP_CFG_ASK_AGAIN, 0, 0, 0, PASS, "ASK-AGAIN-1"},
    {TSP_CFG_ASK_AGAIN, 0, 1, 0, FAIL, "ASK-AGAIN"},
    {TSP_CFG_ASK_CHANGED, 0, 1, 0, PASS, "ASK-CHANGED-1"},
    {TSP_CFG_ASK_CHANGED, 0, 0, 0, FAIL, "ASK-CHANGED"},
    {TSP_CFG_ASK_LIST, 0, 0, 0, PASS, "ASK-LIST-1"},
    {TSP_CFG_ASK_LIST, 0, 1, 0, FAIL, "ASK-LIST"},
    {TSP_CFG_ASK_SHORT, 0, 1, 0, PASS, "ASK-SHORT-1"},
    {TSP_CFG_ASK_SHORT, 0, 0, 0, FAIL, "ASK-SHORT"},
    {TSP_CFG_ASK_XEN, 0x10, 0, 0, FAIL, "ASK-XEN"},
    {TSP_CFG_ASK_XEN, 0x3fffffff, 0, 0, FAIL, "ASK-XEN"},
    {TSP_CFG_ASK_XEN, 0x50000000, 0, 0, FAIL, "ASK-XEN"},
    {TSP_CFG_ASK_XEN, 0x40000000, 1, 0, FAIL, "ASK-XEN-1"},
    {TSP_CFG_ASK_XEN, 0x4fffffff, 1, 0, FAIL, "ASK-XEN-1"},
    {TSP_CFG_ASK_XEN, 0, 1, 0, FAIL, "ASK-XEN-1"},
};

static void set_up(uint32_t config)
{
    setup_x86_default();
    setup.config = config;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){leaf, sizeof(leaf) / sizeof(leaf[0])};
}

static void what_user_space_asks(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tsp_event *ev;

        set_up(rows[i].ask);
        leaf[3].reg[1] = rows[i].msr;
        ev = add_event(TSP_EV_POLICY, TSP_MODE_LONG64, "", 0);
        ev->code = rows[i].code;
        ev->info[0] = rows[i].info;
        ev->info[1] = rows[i].ask;
        if (judge_with(s) != rows[i].want || !finding_of(s, rows[i].rule))
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(judge_with(s), rows[i].want);
        assert_non_null(finding_of(s, rows[i].rule));
        ev->info[1] = 0; /* it did not answer this */
        assert_int_equal(judge_with(s), PASS);
        assert_int_equal(found.n, 0);
        ev->info[1] = rows[i].ask;
        /* without the question nothing is judged, and other people's machines are not either */
        setup.config = 0;
        assert_int_equal(judge_with(s), PASS);
        assert_int_equal(found.n, 0);
        setup.config = rows[i].ask;
        setup.persona[0] = TSP_PERSONA_HYPERV;
        judge_with(s);
        assert_null(finding_of(s, rows[i].rule));
    }
}

/* CPUID faulting spares system management mode, which only the first instruction is known to be in.
 */
static void faulting_spares_smm(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        bool smm = i & 1, later = (i & 2) != 0, fault = (i & 4) != 0;
        struct tsp_event *ev;

        set_up(0);
        add_event(later ? TSP_EV_HYPERCALL : TSP_EV_POLICY, TSP_MODE_PROT32, "\x0f\x01\xc1", 3);
        trace.ev[0].before.r[TSP_RAX] = 1;
        trace.ev[0].after = trace.ev[0].before;
        trace.ev[0].after.r[TSP_RAX] = 0;
        trace.ev[0].after.pc += 3;
        ev = add_event(fault ? TSP_EV_FAULT : TSP_EV_CPUID, TSP_MODE_PROT32, "\x0f\xa2", 2);
        for (unsigned r = 0; r < 16; r++)
            ev->before.r[r] = ev->after.r[r] = 0x1000 + r;
        ev->before.r[TSP_RAX] = 0x40000001;
        ev->before.level = ev->after.level = 3;
        for (unsigned r = 0; r < 4; r++)
            ev->after.r[r] = 0;
        if (fault) {
            ev->after = ev->before;
            ev->after.r[TSP_RSP] -= 40;
            ev->code = 13;
        }
        ev->sys[TSP_SYS_FAULTING] = 1;
        setup.vcpu[0].regs = ev->before;
        setup.vcpu[0].x86.smm = smm;
        judge_caps(s, TSP_CAP_X86 | TSP_CAP_EXEC);
        assert_int_equal(finding_of(s, "CPUID-SMM") != NULL, smm && !later && fault);
        assert_int_equal(finding_of(s, "CPUID-FAULT-2") != NULL, !smm && !fault);
    }
}

/* A guest that loses its call by its own doing is named, and the hypervisor is right. */
static void the_guest_is_named(void **state)
{
    const struct spec *s = spec_builtin();
    const uint8_t fixed = TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_FETCH;
    const struct finding *f;
    struct tsp_event *ev;

    (void)state;
    set_up(0);
    ev = add_event(TSP_EV_FAULT, TSP_MODE_LONG64, "\x0f\x01\xd9", 3);
    ev->code = 6;
    ev->text[0] = ev->text[1] = fixed;
    assert_int_equal(judge_with(s), PASS);
    f = finding_of(s, "UD-GUEST");
    assert_non_null(f);
    assert_int_equal(f->subject, SUBJECT_GUEST);
    ev->text[0] = ev->text[1] = fixed | TSP_TEXT_WRITE;
    assert_int_equal(judge_with(s), FAIL);
    assert_null(finding_of(s, "UD-GUEST"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_user_space_asks),
    cmocka_unit_test(faulting_spares_smm),
    cmocka_unit_test(the_guest_is_named),
};

TEST_MAIN(tests)
