/* SPDX-License-Identifier: MIT */
/*
 * Policies in the running model: the verdict on a pool, answers that follow the policy and never
 * the host below, and a guest that is saved, sent and started on another host without noticing.
 * Clocks calibrated from leaf 0x40000010 or 0x15 go wrong when the new host answers with its own
 * frequency; a signature or a maximum that changes makes guests look for another hypervisor.
 */
#include "tests/unit/emu_guest.h"

#include "emu/policy/identity.h"
#include "emu/policy/serial.h"
#include "emu/policy/verify.h"
#include "tests/unit/policy_hosts.h"

static const char cpuid_loop[] = "\x0f\xa2\xf4";

static struct cpu_policy policy;

/* A guest of KVM on Skylake, with the timing leaf. */
static void make_policy(void)
{
    static const struct tsp_leaf kvm[] = {
        {0x40000000, 0, 0, {0x40000010, 0x4b4d564b, 0x564b4d56, 0x4d}},
        {0x40000001, 0, 0, {0x01007efb, 0, 0, 0}},
        {0x40000010, 0, 0, {2100000, 1000000, 0, 0}},
    };

    cpu_policy_load(&policy, skylake, COUNT(skylake));
    for (size_t i = 0; i < COUNT(kvm); i++)
        for (unsigned reg = 0; reg < 4; reg++)
            cpu_policy_set(&policy, kvm[i].leaf, 0, reg, kvm[i].reg[reg]);
}

static void start(enum tsp_vendor host, const struct cpu_policy *p)
{
    guest_make(TSP_MODE_LONG64, 0, cpuid_loop, 3);
    guest.setup.host = (uint8_t)host;
    guest.setup.persona[0] = TSP_PERSONA_KVM;
    guest.setup.hv_base[0] = 0x40000000;
    guest.setup.npolicy = 1;
    guest.setup.policy[0] = cpu_policy_view(p);
    guest_start();
}

static void ask(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    static const unsigned reg[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    struct tsp_vcpu_state v;

    assert_int_equal(vm_get_vcpu(guest.vm, 0, &v), TSP_OK);
    v.regs.pc = GUEST_CODE;
    v.regs.r[TSP_RAX] = leaf;
    v.regs.r[TSP_RCX] = sub;
    assert_int_equal(vm_set_vcpu(guest.vm, 0, &v), TSP_OK);
    assert_int_equal(vm_run(guest.vm, 0, 10, &guest.ev), TSP_OK);
    assert_int_equal(guest.ev.kind, TSP_EV_CPUID);
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint32_t)guest.ev.after.r[reg[i]];
}

static void a_pool_refuses_with_the_leaf(void **state)
{
    static struct cpu_policy old;
    size_t at;

    (void)state;
    make_policy();
    cpu_policy_load(&old, nehalem, COUNT(nehalem));
    guest_make(TSP_MODE_LONG64, 0, cpuid_loop, 3);
    guest.setup.npolicy = 2;
    guest.setup.policy[0] = guest.setup.policy[1] = cpu_policy_view(&policy);
    guest_start();
    assert_int_equal(guest.ev.code, 0);
    guest.setup.policy[1] = cpu_policy_view(&old);
    guest_start();
    assert_int_equal(guest.ev.code, 1);
    at = (size_t)guest.ev.info[0] - 1;
    assert_in_range(at, 0, policy.n - 1);
    assert_int_equal(policy.leaf[at].leaf, 1); /* PCLMULQDQ, bit 1 of ECX */
    assert_int_equal(guest.ev.info[1], 2 << 8 | 1);
    guest_end();
}

/* Every query twice, on hosts of two vendors and with two pools behind them. */
static void answers_are_the_policys(void **state)
{
    static const uint32_t leaves[] = {
        0x0,        0x1,        0x2,        0x4,        0x5,        0x6,        0x7,
        0xb,        0xd,        0x14,       0x15,       0x16,       0x17,       0x1f,
        0x40000000, 0x40000001, 0x40000010, 0x40000100, 0x4fffffff, 0x80000000, 0x80000001,
        0x80000008, 0x8000001d, 0x80000020, 0xc0000000, 0xffffffff};
    uint32_t out[2][COUNT(leaves)][4][4];

    (void)state;
    make_policy();
    for (unsigned i = 0; i < 2; i++) {
        start(i ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL, &policy);
        for (size_t k = 0; k < COUNT(leaves); k++)
            for (uint32_t sub = 0; sub < 4; sub++)
                ask(leaves[k], sub, out[i][k][sub]);
        guest_end();
    }
    assert_memory_equal(out[0], out[1], sizeof(out[0]));
}

/* OSXSAVE and OSPKE follow CR4 whatever the policy says, and are gone with it. */
static void run_time_bits_follow_the_vcpu(void **state)
{
    struct tsp_vcpu_state v;
    uint32_t out[4];

    (void)state;
    make_policy();
    start(TSP_VENDOR_INTEL, &policy);
    ask(1, 0, out);
    assert_int_equal(out[2] >> 27 & 1, 0);
    assert_int_equal(vm_get_vcpu(guest.vm, 0, &v), TSP_OK);
    v.x86.cr4 |= 1u << 18 | 1u << 22;
    assert_int_equal(vm_set_vcpu(guest.vm, 0, &v), TSP_OK);
    ask(1, 0, out);
    assert_int_equal(out[2] >> 27 & 1, 1);
    ask(7, 0, out);
    assert_int_equal(out[2] >> 4 & 1, 1);
    guest_end();
}

static uint8_t stream[SERIAL_MAX + sizeof(struct tsp_vcpu_state) + 256];

static size_t save(void)
{
    struct stream_writer w;
    struct tsp_vcpu_state v;

    assert_int_equal(vm_get_vcpu(guest.vm, 0, &v), TSP_OK);
    stream_begin(&w, stream, sizeof(stream));
    assert_true(stream_put_policy(&w, &policy));
    assert_true(stream_put(&w, STREAM_STATIC_END, NULL, 0));
    assert_true(stream_put(&w, STREAM_VCPU, &v, sizeof(v)));
    assert_true(stream_put(&w, STREAM_END, NULL, 0));
    return w.n;
}

/* The receiver knows the policy, and can refuse it, before it has seen a register. */
static void restore(size_t n, enum tsp_vendor host, struct cpu_policy *received)
{
    struct stream_reader r;
    struct stream_record rec;
    struct tsp_error err;
    struct tsp_vcpu_state v;

    stream_open(&r, stream, n);
    assert_int_equal(stream_next(&r, &rec, &err), TSP_OK);
    assert_int_equal(rec.type, STREAM_POLICY);
    assert_int_equal(serial_read(rec.body, rec.n, received, &err), TSP_OK);
    assert_int_equal(stream_next(&r, &rec, &err), TSP_OK);
    assert_int_equal(stream_next(&r, &rec, &err), TSP_OK);
    assert_int_equal(rec.type, STREAM_VCPU);
    assert_int_equal(rec.n, sizeof(v));
    memcpy(&v, rec.body, sizeof(v));
    start(host, received);
    assert_int_equal(vm_set_vcpu(guest.vm, 0, &v), TSP_OK);
    assert_int_equal(stream_next(&r, &rec, &err), TSP_OK);
    assert_int_equal(rec.type, STREAM_END);
}

static void identity_survives_the_move(void **state)
{
    static const uint32_t leaves[] = {
        0x0, 0x1, 0x7, 0xd, 0x15, 0x16, 0x40000000, 0x40000001, 0x40000010, 0x80000000, 0x80000008};
    static struct cpu_policy received;
    struct identity was, is;
    uint32_t before[4], after[4], leaf = 0;
    size_t n;

    (void)state;
    make_policy();
    identity_of(&policy, &was);
    assert_int_equal(identity_tsc_khz(&was), 2100000);
    for (size_t i = 0; i < COUNT(leaves); i++) {
        start(TSP_VENDOR_INTEL, &policy);
        ask(leaves[i], 0, before);
        n = save();
        guest_end();
        restore(n, TSP_VENDOR_AMD, &received);
        ask(leaves[i], 0, after);
        assert_memory_equal(before, after, sizeof(before));
        guest_end();
    }
    assert_true(cpu_policy_equal(&received, &policy));
    identity_of(&received, &is);
    assert_null(identity_changed(&was, &is, &leaf));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_pool_refuses_with_the_leaf),
    cmocka_unit_test(answers_are_the_policys),
    cmocka_unit_test(run_time_bits_follow_the_vcpu),
    cmocka_unit_test(identity_survives_the_move),
};

TEST_MAIN(tests)
