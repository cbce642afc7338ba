/* SPDX-License-Identifier: MIT */
/*
 * Real KVM behind the interface every target has. What the processor does is not tested here, and
 * /dev/kvm may be a poor one: only what every KVM must do, and that nothing of one run is seen by
 * the next.
 */
#include "fuzz/input/input.h"
#include "fuzz/run/run.h"
#include "trapspec/bits.h"

#include <stdlib.h>
#include <time.h>

#include "tests/test_main.h"

#define LIMIT "kvm:100"

static struct target kvm;
static struct target_host host;
static struct scenario s;
static struct input_image image;
static struct tsp_setup setup;
static struct tsp_trace trace;
static struct outcome out;

static void need_kvm(void)
{
    struct tsp_error err;

    if (kvm.ops)
        return;
    if (target_open(&kvm, LIMIT, &err) != TSP_OK)
        exit(77);
    target_host(&kvm, &host);
    if (!(kvm.caps & TSP_CAP_X86))
        exit(77);
}

/* A scenario of this host with the given code and a policy of two leaves. */
static void scenario(const uint8_t *code, uint32_t n)
{
    need_kvm();
    input_default(&s, TSP_ARCH_X86);
    s.host = host.vendor;
    s.config = host.tsc ? TSP_CFG_HOST_TSC : 0;
    s.policy = INPUT_POLICY_NONE;
    s.nleaf = 2;
    s.leaf[0] = (struct tsp_leaf){.leaf = 0, .reg = {0x16, 0x756e6547, 0x6c65746e, 0x49656e69}};
    /* Long mode and NX, without which newer kernels refuse EFER. */
    s.leaf[1] = (struct tsp_leaf){.leaf = 0x80000001, .reg = {0, 0, 1, 1u << 29 | 1u << 20}};
    memcpy(s.code[0], code, n);
    s.ncode[0] = n;
}

static enum tsp_status run(void)
{
    enum tsp_status st;

    input_build(&s, NULL, 0, &image, &setup);
    st = exec_run(&kvm, &setup, NULL, 0, 100000, &trace);
    if (st == TSP_OK)
        exec_outcome(&kvm, &s, &setup, &trace, &out);
    return st;
}

static void kvm_answers_cpuid_from_the_policy(void **state)
{
    static const uint8_t code[] = {0x0f, 0xa2, 0xf4};

    (void)state;
    scenario(code, sizeof(code));
    assert_int_equal(run(), TSP_OK);
    assert_int_equal(out.exit, OUTCOME_HALT);
    assert_int_equal(out.out.r[TSP_RBX], 0x756e6547);
    assert_int_equal(out.out.r[TSP_RCX], 0x6c65746e);
    assert_int_equal(out.out.pc, s.code_at + sizeof(code));
    assert_memory_equal(out.mem, code, sizeof(code));
    /* The event that follows from before and after stands before the stop. */
    assert_int_equal(trace.n, 3);
    assert_int_equal(trace.ev[1].kind, TSP_EV_CPUID);
    assert_int_equal(trace.ev[2].code, TSP_STOP_HALT);
}

static void kvm_gives_each_run_its_own_policy(void **state)
{
    static const uint8_t code[] = {0x0f, 0xa2, 0xf4};

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        scenario(code, sizeof(code));
        s.leaf[0].reg[2] = 100 + i / 2;
        assert_int_equal(run(), TSP_OK);
        assert_int_equal(out.out.r[TSP_RCX], 100 + i / 2);
        assert_int_equal(out.out.r[TSP_RSP], 0xe000);
    }
}

static void kvm_memory_starts_anew(void **state)
{
    /* inc byte [0x12000]; mov al, [0x12000]; hlt */
    static const uint8_t code[] = {0xfe, 0x04, 0x25, 0x00, 0x20, 0x01, 0x00, 0x8a,
                                   0x04, 0x25, 0x00, 0x20, 0x01, 0x00, 0xf4};
    uint8_t byte = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        scenario(code, sizeof(code));
        assert_int_equal(run(), TSP_OK);
        assert_int_equal(out.out.r[TSP_RAX], 1);
        assert_int_equal(kvm.ops->peek(kvm.self, 0x12000, &byte, 1), TSP_OK);
        assert_int_equal(byte, 1);
    }
    assert_int_equal(kvm.ops->peek(kvm.self, INPUT_X86_RAM, &byte, 1), TSP_EARG);
}

static void kvm_loop_is_ended_by_the_timer(void **state)
{
    static const uint8_t code[] = {0xeb, 0xfe};
    struct timespec a, b;

    (void)state;
    scenario(code, sizeof(code));
    timespec_get(&a, TIME_UTC);
    assert_int_equal(run(), TSP_OK);
    timespec_get(&b, TIME_UTC);
    assert_int_equal(out.exit, OUTCOME_TIMEOUT);
    assert_int_equal(trace.ev[trace.n - 1].code, TSP_STOP_LIVELOCK);
    assert_true(b.tv_sec - a.tv_sec <= 3);
}

static void kvm_ports_and_end_mark(void **state)
{
    /* mov al, 0x5a; out 0x80, al; in al, 0x81; out 0xf4, al */
    static const uint8_t code[] = {0xb0, 0x5a, 0xe6, 0x80, 0xe4, 0x81, 0xe6, 0xf4, 0xf4};

    (void)state;
    scenario(code, sizeof(code));
    assert_int_equal(run(), TSP_OK);
    assert_int_equal(trace.n, 4);
    assert_int_equal(trace.ev[1].kind, TSP_EV_PIO);
    assert_int_equal(trace.ev[1].code, 0x80);
    assert_int_equal(trace.ev[1].info[0], 0x5a);
    assert_int_equal(trace.ev[1].info[1], 0x11);
    assert_int_equal(trace.ev[2].code, 0x81);
    assert_int_equal(trace.ev[2].after.r[TSP_RAX] & 0xff, 0xff);
    assert_int_equal(trace.ev[3].kind, TSP_EV_STOP);
    assert_int_equal(trace.ev[3].code, TSP_STOP_END);
    /* At the OUT, or behind it: api.rst promises neither before the exit is completed. */
    assert_in_range(trace.ev[3].after.pc, s.code_at + 6, s.code_at + 8);
}

static void kvm_mmio_is_an_event(void **state)
{
    /* mov eax, 0x11223344; mov [0x3fff0000], eax; hlt: outside RAM, but not mapped either, so in
     * protected mode without paging. */
    static const uint8_t code[] = {0xb8, 0x44, 0x33, 0x22, 0x11, 0xa3,
                                   0x00, 0x00, 0xff, 0x3f, 0xf4};

    (void)state;
    scenario(code, sizeof(code));
    s.mode = TSP_MODE_PROT32;
    assert_int_equal(run(), TSP_OK);
    assert_int_equal(trace.ev[1].kind, TSP_EV_MMIO);
    assert_int_equal(trace.ev[1].addr, 0x3fff0000);
    assert_int_equal(trace.ev[1].info[0], 0x11223344);
    assert_int_equal(trace.ev[1].info[1], 0x41);
    assert_int_equal(trace.ev[trace.n - 1].code, TSP_STOP_HALT);
}

struct refusal {
    const char *what, *text;
    uint8_t arch, patch, persona;
    bool other_host, other_clock;
};
static const struct refusal refusals[] = {
    {"another architecture", "x86 machine", TSP_ARCH_ARM64, 0, TSP_PERSONA_KVM, false, false},
    {"another vendor", "another vendor", TSP_ARCH_X86, 0, TSP_PERSONA_KVM, true, false},
    {"another clock", "clock source", TSP_ARCH_X86, 0, TSP_PERSONA_KVM, false, true},
    {"emulation in place", "in place", TSP_ARCH_X86, TSP_PATCH_EMULATE, TSP_PERSONA_KVM, false,
     false},
    {"another hypervisor", "its own interface", TSP_ARCH_X86, 0, TSP_PERSONA_XEN, false, false},
};

static void kvm_says_what_it_cannot_be(void **state)
{
    static const uint8_t code[] = {0xf4};

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *r = &refusals[i];

        scenario(code, sizeof(code));
        if (r->arch == TSP_ARCH_ARM64)
            input_default(&s, TSP_ARCH_ARM64);
        s.patch = r->patch;
        s.persona[0] = r->persona;
        if (r->other_host)
            s.host = host.vendor == TSP_VENDOR_INTEL ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        if (r->other_clock)
            s.config ^= TSP_CFG_HOST_TSC;
        assert_int_equal(run(), TSP_ENOTSUP);
        assert_non_null(target_why(&kvm));
        assert_non_null(strstr(target_why(&kvm), r->text));
        assert_int_equal(kvm.ops->runnable(kvm.self), 0);
    }
}

static void kvm_takes_a_state_back(void **state)
{
    static const uint8_t code[] = {0xf4, 0xf4};
    struct tsp_vcpu_state v;

    (void)state;
    scenario(code, sizeof(code));
    s.regs[TSP_R9] = 0x123456789abcdef0;
    s.regs_set = 1u << TSP_R9;
    assert_int_equal(run(), TSP_OK);
    assert_int_equal(kvm.ops->get_vcpu(kvm.self, 0, &v), TSP_OK);
    assert_int_equal(v.regs.r[TSP_R9], 0x123456789abcdef0);
    assert_int_equal(v.regs.mode, TSP_MODE_LONG64);
    assert_int_equal(v.regs.level, 0);
    assert_int_equal(v.x86.cr3, setup.vcpu[0].x86.cr3);
    assert_int_equal(v.x86.seg[TSP_CS].sel, setup.vcpu[0].x86.seg[TSP_CS].sel);
    v.regs.r[TSP_R9] = 5;
    assert_int_equal(kvm.ops->set_vcpu(kvm.self, 0, &v), TSP_OK);
    assert_int_equal(kvm.ops->get_vcpu(kvm.self, 0, &v), TSP_OK);
    assert_int_equal(v.regs.r[TSP_R9], 5);
    assert_int_equal(kvm.ops->get_vcpu(kvm.self, 1, &v), TSP_EARG);
}

static void kvm_names_are_checked(void **state)
{
    static const char *const bad[] = {"kvm:0", "kvm:x", "kvm:100000000", "kvm:10x"};
    struct tsp_error err;
    struct target t;

    (void)state;
    need_kvm();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(target_open(&t, bad[i], &err), TSP_EARG);
        assert_non_null(strstr(err.text, "milliseconds"));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kvm_answers_cpuid_from_the_policy),
    cmocka_unit_test(kvm_gives_each_run_its_own_policy),
    cmocka_unit_test(kvm_memory_starts_anew),
    cmocka_unit_test(kvm_loop_is_ended_by_the_timer),
    cmocka_unit_test(kvm_ports_and_end_mark),
    cmocka_unit_test(kvm_mmio_is_an_event),
    cmocka_unit_test(kvm_says_what_it_cannot_be),
    cmocka_unit_test(kvm_takes_a_state_back),
    cmocka_unit_test(kvm_names_are_checked),
};

TEST_MAIN(tests)
