/* SPDX-License-Identifier: MIT */
/*
 * What a machine says when it is asked directly is what its guest gets: for leaves in blocks, one
 * by one and by executing CPUID, with policies of all sorts, good profiles and wrong ones. The
 * direct way answers leaves without an entry in one go, which must not show.
 */
#include "tests/test_main.h"

#include "emu/emu.h"
#include "fuzz/input/input.h"
#include "fuzz/run/run.h"

#include <stdlib.h>

#define ROUNDS 60u
#define WINDOW 600u

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static uint32_t some_leaf(void)
{
    static const uint32_t base[] = {0,          0xf0,       0x3ffffff0, 0x40000000, 0x40000100,
                                    0x4ffffff0, 0x80000000, 0x80000100, 0xc0000000, 0xfffffff0};

    return base[rnd(10)] + rnd(rnd(3) == 0 ? 0x200 : 0x20);
}

/* Maxima that are not where a processor has them, entries beyond them, topology leaves, none. */
static void some_policy(struct scenario *s)
{
    static const char *const vendor[] = {"GenuineIntel", "AuthenticAMD", "SomethingElse"};
    const char *text = vendor[rnd(3)];

    input_default(s, TSP_ARCH_X86);
    s->policy = INPUT_POLICY_NONE;
    s->nleaf = 0;
    for (uint32_t n = rnd(24); s->nleaf < n;) {
        struct tsp_leaf *l = &s->leaf[s->nleaf++];

        *l = (struct tsp_leaf){.leaf = some_leaf(), .subleaf = rnd(3), .flags = rnd(2)};
        for (unsigned r = 0; r < 4; r++)
            l->reg[r] = rnd(0x7fffffff);
    }
    if (rnd(4) == 0)
        return;
    s->leaf[s->nleaf] = (struct tsp_leaf){.reg = {rnd(4) == 0 ? some_leaf() : rnd(0x30)}};
    memcpy(&s->leaf[s->nleaf].reg[1], text, 4);
    memcpy(&s->leaf[s->nleaf].reg[3], text + 4, 4);
    memcpy(&s->leaf[s->nleaf++].reg[2], text + 8, 4);
}

static void by_code(struct target *t, const struct tsp_setup *from, uint32_t leaf, uint32_t sub,
                    uint32_t reg[4])
{
    static struct tsp_trace trace;
    static struct tsp_setup setup;

    setup = *from;
    setup.vcpu[0].regs.r[TSP_RAX] = leaf;
    setup.vcpu[0].regs.r[TSP_RCX] = sub;
    assert_int_equal(exec_run(t, &setup, NULL, 0, 8, &trace), TSP_OK);
    assert_int_equal(trace.ev[1].kind, TSP_EV_CPUID);
    reg[0] = (uint32_t)trace.ev[1].after.r[TSP_RAX];
    reg[1] = (uint32_t)trace.ev[1].after.r[TSP_RBX];
    reg[2] = (uint32_t)trace.ev[1].after.r[TSP_RCX];
    reg[3] = (uint32_t)trace.ev[1].after.r[TSP_RDX];
}

static void one_window(struct target *t, const struct tsp_setup *setup)
{
    static uint32_t out[WINDOW][4];
    struct tsp_event ev;
    uint64_t first = some_leaf();
    uint32_t n = first + WINDOW > 0x100000000u ? (uint32_t)(0x100000000u - first) : WINDOW;
    uint32_t sub = rnd(4);

    assert_int_equal(t->ops->reset(t->self, setup, &ev), TSP_OK);
    assert_int_equal(target_cpuid(t, (const uint32_t[]){(uint32_t)first, n, sub}, out), TSP_OK);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t code[4];

        by_code(t, setup, (uint32_t)first + i, sub, code);
        if (memcmp(code, out[i], sizeof(code)) != 0)
            fail_msg("leaf 0x%x.0x%x: %08x %08x %08x %08x by code, %08x %08x %08x %08x directly",
                     (uint32_t)first + i, sub, code[0], code[1], code[2], code[3], out[i][0],
                     out[i][1], out[i][2], out[i][3]);
    }
}

static void direct_answers_are_those_of_code(void **state)
{
    static const char *const profile[] = {"model:kvm", "model:kvm@linux-6.1",
                                          "model:kvm+mut_hv_basic", "model:kvm+mut_amd_redirect",
                                          "model:kvm+mut_no_echo"};
    static struct input_image image;
    static struct tsp_setup setup;
    static struct scenario s;

    (void)state;
    seed = 7;
    for (size_t p = 0; p < sizeof(profile) / sizeof(profile[0]); p++) {
        struct tsp_error err;
        struct target t;

        assert_int_equal(target_open(&t, profile[p], &err), TSP_OK);
        for (unsigned i = 0; i < ROUNDS; i++) {
            some_policy(&s);
            input_build(&s, NULL, 0, &image, &setup);
            one_window(&t, &setup);
        }
        target_close(&t);
    }
}

static void bad_questions_are_refused(void **state)
{
    static const struct {
        enum tsp_arch arch;
        unsigned vcpu;
        uint32_t in[3];
        enum tsp_status want;
    } row[] = {{TSP_ARCH_X86, 0, {0xffffffff, 1, 0}, TSP_OK},
               {TSP_ARCH_X86, 0, {0, 0, 0}, TSP_OK},
               {TSP_ARCH_X86, 0, {0xffffffff, 2, 0}, TSP_EARG},
               {TSP_ARCH_X86, 1, {0, 1, 0}, TSP_EARG},
               {TSP_ARCH_ARM64, 0, {0, 1, 0}, TSP_ENOTSUP}};
    static struct input_image image;
    static struct tsp_setup setup;
    static struct scenario s;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint32_t out[2][4];
        struct tsp_event ev;
        struct tsp_error err;
        struct vm *vm;

        assert_int_equal(vm_open(&vm, "kvm", &err), TSP_OK);
        assert_int_equal(vm_cpuid(vm, 0, row[i].in, out), TSP_ENOTSUP);
        input_default(&s, row[i].arch);
        input_build(&s, NULL, 0, &image, &setup);
        assert_int_equal(vm_reset(vm, &setup, &ev), TSP_OK);
        assert_int_equal(vm_cpuid(vm, row[i].vcpu, row[i].in, out), row[i].want);
        vm_close(vm);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(direct_answers_are_those_of_code),
    cmocka_unit_test(bad_questions_are_refused),
};

TEST_MAIN(tests)
