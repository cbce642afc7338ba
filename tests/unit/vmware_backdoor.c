/* SPDX-License-Identifier: MIT */
/* VMware's backdoor on the machine without a run loop, by the instruction: what it answers, and
 * when there is nobody. The port is an instruction of the guest and is tried by whole scenarios. */
#include "tests/unit/kvm_rig.h"

#define MAGIC 0x564d5868u
#define NOT_THERE 0xffffffffu

static const uint8_t call_text[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

static void open_vmware(struct rig *r, enum tsp_vendor host)
{
    rig_open(r, "kvm");
    r->setup.persona[0] = TSP_PERSONA_VMWARE;
    r->setup.host = (uint8_t)host;
    r->setup.policy[0].n =
        policy_default(host, TSP_PERSONA_VMWARE, 0x40000000, r->leaf, TSP_MAX_LEAF);
}

static struct tsp_leaf *timing(struct rig *r)
{
    for (size_t i = 0; i < r->setup.policy[0].n; i++)
        if (r->leaf[i].leaf == 0x40000010u)
            return &r->leaf[i];
    return NULL;
}

static enum step call(struct rig *r, uint64_t command, uint64_t flags, unsigned insn)
{
    struct tsp_vcpu_state *s = rig_vcpu(r, 0);

    s->regs.mode = TSP_MODE_LONG64;
    s->regs.r[TSP_RAX] = MAGIC;
    s->regs.r[TSP_RBX] = NOT_THERE;
    s->regs.r[TSP_RCX] = command;
    s->regs.r[TSP_RDX] = flags;
    rig_start(r);
    rig_poke(r, RIG_CODE, call_text[insn], 3);
    return rig_call(r, 0);
}

static void commands_answer(void **state)
{
    static const struct {
        uint64_t command, flags, eax, ebx;
    } row[] = {
        {10, 0, 6, MAGIC},       {0x3000a, 0, 6, MAGIC},        {10, 1, NOT_THERE, NOT_THERE},
        {1, 0, 1000, NOT_THERE}, {45, 0, 1000000000, 0},        {68, 0, 8, NOT_THERE},
        {20, 0, 0, NOT_THERE},   {30, 0, NOT_THERE, NOT_THERE}, {101, 0, NOT_THERE, NOT_THERE},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(row) / sizeof(row[0]); i++) {
        struct rig r;

        open_vmware(&r, i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL);
        rig_vcpu(&r, 0)->regs.level = 3;
        assert_int_equal(call(&r, row[i / 2].command, row[i / 2].flags, i & 1), STEP_EVENT);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], row[i / 2].eax);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RBX], row[i / 2].ebx);
        rig_close(&r);
    }
}

static void frequencies_are_the_leaf_s(void **state)
{
    struct rig r;

    (void)state;
    open_vmware(&r, TSP_VENDOR_INTEL);
    timing(&r)->reg[0] = 5000000;
    call(&r, 45, 0, 0);
    assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], (uint32_t)5000000000u);
    assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RBX], 1);
    assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RCX], 66000000);
    rig_close(&r);
    open_vmware(&r, TSP_VENDOR_INTEL);
    timing(&r)->reg[0] = 0;
    call(&r, 45, 0, 0);
    assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RBX], NOT_THERE);
    rig_close(&r);
}

static void what_is_not_offered_is_undefined(void **state)
{
    (void)state;
    for (uint32_t offer = 0; offer < 4; offer++) {
        struct rig r;

        open_vmware(&r, TSP_VENDOR_INTEL);
        timing(&r)->reg[2] = offer;
        assert_int_equal(call(&r, 10, 0, 0), offer & 2 ? STEP_EVENT : STEP_FAULT);
        rig_close(&r);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(commands_answer),
    cmocka_unit_test(frequencies_are_the_leaf_s),
    cmocka_unit_test(what_is_not_offered_is_undefined),
};

TEST_MAIN(tests)
