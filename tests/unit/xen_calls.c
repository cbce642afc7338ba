/* SPDX-License-Identifier: MIT */
/*
 * Xen's personality on the machine without a run loop. What Xen's public headers promise is checked
 * call by call; what a buffer holds afterwards is looked at here, where a judge cannot.
 */
#include "tests/unit/kvm_rig.h"

#define DATA 0x12000u
#define NOWHERE 0x7000000u
#define MSR_PAGE 0x40000000u

static const uint8_t call_text[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

static void open_xen(struct rig *r, enum tsp_vendor host)
{
    rig_open(r, "kvm");
    r->setup.persona[0] = TSP_PERSONA_XEN;
    r->setup.host = (uint8_t)host;
    r->setup.policy[0].n = policy_default(host, TSP_PERSONA_XEN, 0x40000000, r->leaf, TSP_MAX_LEAF);
}

/* Registers of the first vCPU, by the mode's convention. */
static void args(struct rig *r, uint32_t mode, const uint64_t a[4])
{
    static const uint8_t wide[4] = {TSP_RAX, TSP_RDI, TSP_RSI, TSP_RDX};
    static const uint8_t narrow[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    struct tsp_vcpu_state *s = rig_vcpu(r, 0);

    s->regs.mode = mode;
    for (unsigned i = 0; i < 4; i++)
        s->regs.r[mode == TSP_MODE_LONG64 ? wide[i] : narrow[i]] = a[i];
}

static uint64_t result(struct rig *r)
{
    return r->vm->vcpu[0].s.regs.r[TSP_RAX];
}

static enum step call(struct rig *r, unsigned insn)
{
    rig_start(r);
    rig_poke(r, RIG_CODE, call_text[insn], 3);
    return rig_call(r, 0);
}

/* Number, command, second and third argument; result, cut to 32 bits outside 64-bit mode. */
static const struct {
    uint64_t a[4], want;
} answers[] = {
    {{17, 0}, 0x40015},
    {{17, 0x100000000u}, 0x40015},
    {{17, 1, DATA}, 0},
    {{17, 3, DATA}, 0},
    {{17, 3, NOWHERE}, (uint64_t)-14},
    {{17, 6, DATA}, 0},
    {{17, 6, NOWHERE}, (uint64_t)-14},
    {{17, 7, 0}, 4096},
    {{17, 7, DATA}, (uint64_t)-22},
    {{17, 10}, (uint64_t)-1},
    {{17, 11}, (uint64_t)-38},
    {{29, 0}, 0},
    {{29, 2, NOWHERE}, (uint64_t)-14},
    {{29, 3, DATA}, 0},
    {{29, 7}, (uint64_t)-1},
    {{29, 8}, (uint64_t)-38},
    {{15, 1}, 0},
    {{21, 0, 5}, 0},
    {{21, 2, 5}, (uint64_t)-38},
    {{21, 0, 64}, (uint64_t)-22},
    {{34, 1, NOWHERE}, (uint64_t)-14},
    {{34, 5, 0}, 0},
    {{34, 5, DATA}, (uint64_t)-22},
    {{34, 26}, (uint64_t)-38},
    {{12, 6, NOWHERE}, 0},
    {{12, 7, NOWHERE}, (uint64_t)-14},
    {{12, 12}, (uint64_t)-38},
    {{12, 2}, RIG_RAM / 4096},
    {{32, 4, DATA}, (uint64_t)-22},
    {{32, 4, NOWHERE}, (uint64_t)-14},
    {{32, 14}, (uint64_t)-38},
    {{24, 3, 0}, 1},
    {{24, 3, 1}, (uint64_t)-2},
    {{24, 4, 0, NOWHERE}, (uint64_t)-14},
    {{24, 11, 0, DATA}, (uint64_t)-22},
    {{18, 0, 1, DATA}, (uint64_t)-1},
    {{11}, (uint64_t)-38},
    {{63}, (uint64_t)-38},
    {{1000}, (uint64_t)-38},
};

static void commands_answer_as_the_headers_say(void **state)
{
    static const uint32_t mode[] = {TSP_MODE_LONG64, TSP_MODE_PROT32, TSP_MODE_COMPAT32,
                                    TSP_MODE_REAL16};
    struct rig r;

    (void)state;
    open_xen(&r, TSP_VENDOR_INTEL);
    for (size_t i = 0; i < 4 * sizeof(answers) / sizeof(answers[0]); i++) {
        uint64_t want = answers[i / 4].want;

        args(&r, mode[i % 4], answers[i / 4].a);
        assert_int_equal(call(&r, 0), STEP_EVENT);
        assert_int_equal(r.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(result(&r), i % 4 == 0 ? want : (uint32_t)want);
        assert_int_equal(r.vm->vcpu[0].s.regs.pc, RIG_CODE + 3);
    }
    rig_close(&r);
}

static void user_code_may_call_nothing(void **state)
{
    static const uint64_t a[4] = {17};
    static const struct {
        uint32_t mode, level;
        uint32_t want;
    } row[] = {{TSP_MODE_LONG64, 3, (uint32_t)-1}, {TSP_MODE_PROT32, 1, (uint32_t)-1},
               {TSP_MODE_VM86, 3, (uint32_t)-1},   {TSP_MODE_VM86, 0, (uint32_t)-1},
               {TSP_MODE_REAL16, 0, 0x40015},      {TSP_MODE_PROT16, 0, 0x40015}};
    struct rig r;

    (void)state;
    open_xen(&r, TSP_VENDOR_INTEL);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        args(&r, row[i].mode, a);
        r.setup.vcpu[0].regs.level = row[i].level;
        assert_int_equal(call(&r, 0), STEP_EVENT);
        assert_int_equal((uint32_t)result(&r), row[i].want);
    }
    rig_close(&r);
}

/* Only for a guest that was made for the other vendor, and never by writing its text. */
static void the_other_instruction_is_undefined(void **state)
{
    static const uint64_t a[4] = {17};
    uint8_t text[3];
    struct rig r;

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        unsigned insn = i & 1, patch = i >> 2;
        bool svm = i & 2, native = insn == svm;

        open_xen(&r, svm ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL);
        r.setup.patch = (uint8_t)patch;
        args(&r, TSP_MODE_LONG64, a);
        assert_int_equal(call(&r, insn),
                         native || patch == TSP_PATCH_EMULATE ? STEP_EVENT : STEP_FAULT);
        rig_peek(&r, RIG_CODE, text, 3);
        assert_memory_equal(text, call_text[insn], 3);
        if (!native && patch != TSP_PATCH_EMULATE)
            assert_int_equal(r.vm->vcpu[0].fault.vector, 6);
        rig_close(&r);
    }
}

static bool write_msr(struct rig *r, uint32_t msr, uint64_t v)
{
    bool ok = false;

    assert_true(r->vm->hv[0]->wrmsr(r->vm, &r->vm->vcpu[0], msr, v, &ok));
    return ok;
}

static void the_page_has_a_stub_for_each_number(void **state)
{
    uint8_t page[4096];
    struct rig r;

    (void)state;
    for (unsigned svm = 0; svm < 2; svm++) {
        open_xen(&r, svm ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL);
        rig_vcpu(&r, 0);
        rig_start(&r);
        assert_true(write_msr(&r, MSR_PAGE, DATA));
        rig_peek(&r, DATA, page, sizeof(page));
        for (unsigned nr = 0; nr < 128; nr++) {
            const uint8_t stub[] = {0xb8, (uint8_t)nr, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3, 0xcc};
            const uint8_t *p = page + (size_t)nr * 32;

            if (nr == 23) {
                assert_int_equal(p[0] << 8 | p[1], 0x0f0b);
                for (unsigned i = 2; i < 32; i++)
                    assert_int_equal(p[i], 0xcc);
                continue;
            }
            assert_memory_equal(p, stub, 7);
            assert_int_equal(p[7], svm ? 0xd9 : 0xc1);
            assert_memory_equal(p + 8, stub + 8, 2);
        }
        rig_close(&r);
    }
}

static void the_page_goes_to_memory_only(void **state)
{
    static const struct {
        uint32_t msr;
        uint64_t value;
        bool ok;
    } row[] = {{MSR_PAGE, DATA, true},          {MSR_PAGE, DATA | 1, false},
               {MSR_PAGE, DATA | 0xfff, false}, {MSR_PAGE, RIG_RAM, false},
               {MSR_PAGE, 1ull << 52, false},   {MSR_PAGE + 1, DATA, false},
               {0x400002fe, 0, false},          {0x40000200, DATA, false}};
    uint64_t v = 1;
    bool ok = false;
    struct rig r;

    (void)state;
    open_xen(&r, TSP_VENDOR_INTEL);
    rig_vcpu(&r, 0);
    rig_start(&r);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        assert_int_equal(write_msr(&r, row[i].msr, row[i].value), row[i].ok);
    assert_true(r.vm->hv[0]->rdmsr(r.vm, &r.vm->vcpu[0], MSR_PAGE, &v, &ok));
    assert_true(ok && v == 0);
    assert_false(r.vm->hv[0]->rdmsr(r.vm, &r.vm->vcpu[0], 0x400002ff, &v, &ok));
    rig_close(&r);
}

/* Beside Hyper-V's leaves the MSR moves up, and bit 31 tells whose a call is. */
static void viridian_shares_the_numbers(void **state)
{
    static const uint64_t a[4] = {0x80000000u}, own[4] = {17};
    struct rig r;

    (void)state;
    open_xen(&r, TSP_VENDOR_INTEL);
    r.setup.policy[0].n =
        policy_default(TSP_VENDOR_INTEL, TSP_PERSONA_XEN, 0x40000100, r.leaf, TSP_MAX_LEAF - 1);
    r.leaf[r.setup.policy[0].n++] = (struct tsp_leaf){.leaf = 0x40000001, .reg = {0x31237648}};
    args(&r, TSP_MODE_LONG64, a);
    assert_int_equal(call(&r, 0), STEP_EVENT);
    assert_int_equal(result(&r), 2);
    args(&r, TSP_MODE_LONG64, own);
    assert_int_equal(call(&r, 0), STEP_EVENT);
    assert_int_equal(result(&r), 0x40015);
    assert_true(write_msr(&r, 0x40000200, DATA));
    rig_close(&r);
}

/* Text of the capabilities, across the end of a page. */
static void buffers_are_written_whole(void **state)
{
    static const uint64_t a[4] = {17, 3, DATA + 0xff0};
    uint8_t buf[1024], zero[16] = {0};
    struct rig r;

    (void)state;
    open_xen(&r, TSP_VENDOR_INTEL);
    args(&r, TSP_MODE_LONG64, a);
    assert_int_equal(call(&r, 0), STEP_EVENT);
    assert_int_equal(result(&r), 0);
    rig_peek(&r, DATA + 0xff0, buf, sizeof(buf));
    assert_memory_equal(buf, "xen-3.0-x86_64 ", 15);
    assert_int_equal(buf[1023], 0);
    rig_peek(&r, DATA + 0xff0 + 1024, zero, 16);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(zero[i], 0);
    rig_close(&r);
}

static void ports_are_had_and_closed(void **state)
{
    static const uint64_t alloc[4] = {32, 6, DATA}, send[4] = {32, 4, DATA + 4},
                          shut[4] = {32, 3, DATA + 4};
    static const uint8_t self[8] = {0xf0, 0x7f};
    const uint64_t *step[] = {alloc, send, shut, send};
    static const uint64_t want[] = {0, 0, 0, (uint64_t)-22};
    struct rig r;

    (void)state;
    open_xen(&r, TSP_VENDOR_INTEL);
    args(&r, TSP_MODE_LONG64, alloc);
    rig_start(&r);
    rig_poke(&r, DATA, self, sizeof(self));
    rig_poke(&r, RIG_CODE, call_text[0], 3);
    for (unsigned i = 0; i < 4; i++) {
        struct tsp_regs *regs = &r.vm->vcpu[0].s.regs;

        regs->r[TSP_RAX] = step[i][0];
        regs->r[TSP_RDI] = step[i][1];
        regs->r[TSP_RSI] = step[i][2];
        regs->pc = RIG_CODE;
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(result(&r), want[i]);
    }
    rig_close(&r);
}

static void a_shutdown_stops_every_vcpu(void **state)
{
    static const uint64_t a[4] = {29, 2, DATA};
    static const uint32_t stop[] = {TSP_STOP_SHUTDOWN, TSP_STOP_RESET, TSP_STOP_SUSPEND,
                                    TSP_STOP_SHUTDOWN};
    struct rig r;

    (void)state;
    for (uint8_t reason = 0; reason < 4; reason++) {
        open_xen(&r, TSP_VENDOR_INTEL);
        r.setup.nvcpu = 2;
        rig_vcpu(&r, 1);
        args(&r, TSP_MODE_LONG64, a);
        rig_start(&r);
        rig_poke(&r, DATA, &reason, 1);
        rig_poke(&r, RIG_CODE, call_text[0], 3);
        assert_int_equal(rig_call(&r, 0), STEP_STOP);
        assert_int_equal(r.ev.code, stop[reason]);
        assert_int_equal(r.vm->vcpu[1].s.run_state, TSP_RUN_STOPPED);
        rig_close(&r);
    }
}

/* Above the highest leaf all is zero, whatever vendor the guest sees; a vCPU finds its number. */
static void leaves_follow_xens_rules(void **state)
{
    static const uint32_t above[] = {0xe, 0x20, 0x40000006, 0x40000100, 0x80000009, 0xffffffff};
    uint32_t out[4];
    struct rig r;

    (void)state;
    open_xen(&r, TSP_VENDOR_INTEL);
    r.setup.nvcpu = 2;
    rig_vcpu(&r, 0);
    rig_vcpu(&r, 1);
    rig_start(&r);
    for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
        x86_cpuid_answer(r.vm, &r.vm->vcpu[0], above[i], 0, out);
        assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
    }
    for (unsigned v = 0; v < 2; v++) {
        x86_cpuid_answer(r.vm, &r.vm->vcpu[v], 0x40000004, 0, out);
        assert_int_equal(out[0], 0x58);
        assert_int_equal(out[1], v);
    }
    rig_close(&r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(commands_answer_as_the_headers_say),
    cmocka_unit_test(user_code_may_call_nothing),
    cmocka_unit_test(the_other_instruction_is_undefined),
    cmocka_unit_test(the_page_has_a_stub_for_each_number),
    cmocka_unit_test(the_page_goes_to_memory_only),
    cmocka_unit_test(viridian_shares_the_numbers),
    cmocka_unit_test(buffers_are_written_whole),
    cmocka_unit_test(ports_are_had_and_closed),
    cmocka_unit_test(a_shutdown_stops_every_vcpu),
    cmocka_unit_test(leaves_follow_xens_rules),
};

TEST_MAIN(tests)
