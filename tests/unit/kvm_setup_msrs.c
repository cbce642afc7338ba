/* SPDX-License-Identifier: MIT */
/* MSRs that a set-up gives, and those of which KVM has more than the model. */
#include "emu/hv/kvm.h"
#include "tests/unit/kvm_rig.h"
#include "trapspec/bits.h"

/* MSRs that the guest finds set have done what writing them does, but for a vCPU that waits. */
static void kvm_msrs_of_the_setup_write_their_blocks(void **state)
{
    static const struct {
        uint32_t run_state, clock;
    } row[] = {{TSP_RUN_READY, 2}, {TSP_RUN_STOPPED, 0}};
    static const struct tsp_msr msr[] = {
        {0x4b564d00, 0x12000}, {0x4b564d01, 0x12081},         {0x12, 0x12085},
        {0x4b564d03, 0x12101}, {0x40000000, 0x8100000000001}, {0x40000001, 0x13001},
    };
    uint8_t b[16];

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct rig r;

        rig_open(&r, "kvm");
        memcpy(rig_vcpu(&r, 0)->x86.msr, msr, sizeof(msr));
        r.setup.vcpu[0].x86.nmsr = sizeof(msr) / sizeof(msr[0]);
        r.setup.vcpu[0].run_state = row[i].run_state;
        rig_start(&r);
        rig_peek(&r, 0x12000, b, sizeof(b));
        assert_int_equal(le_load(b, 4), 2);
        rig_peek(&r, 0x12080, b, sizeof(b)); /* the last address counts */
        assert_int_equal(le_load(b, 4), 0);
        rig_peek(&r, 0x12084, b, sizeof(b));
        assert_int_equal(le_load(b, 4), row[i].clock);
        rig_peek(&r, 0x12108, b, sizeof(b));
        assert_int_equal(le_load(b, 4), row[i].clock);
        rig_peek(&r, 0x13000, b, sizeof(b));
        assert_int_equal(le_load(b, 4), 0xc3c1010f);
        rig_close(&r);
    }
}

/* Registers of Hyper-V that KVM has and the model does not end the run; without Hyper-V's block
 * there are none. */
static void kvm_other_hyperv_msrs_are_not_modelled(void **state)
{
    static const struct {
        uint32_t msr;
        bool here;
    } row[] = {{0x40000003, true},  {0x40000022, true},  {0x40000070, true},  {0x4000009f, true},
               {0x40000108, true},  {0x40000004, false}, {0x400000a0, false}, {0x40000109, false},
               {0x40001022, false}, {0x30000022, false}};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(row) / sizeof(row[0]); i++) {
        bool on = i % 2 != 0, ok = false;
        uint64_t v = 0;
        struct rig r;

        rig_open(&r, "kvm");
        rig_vcpu(&r, 0);
        rig_start(&r);
        r.vm->hv_state[KVM_VM_HYPERV] = on;
        assert_int_equal(hv_kvm_x86.rdmsr(r.vm, &r.vm->vcpu[0], row[i / 2].msr, &v, &ok),
                         on && row[i / 2].here);
        assert_int_equal(r.vm->hv_state[HV_VM_STOP],
                         on && row[i / 2].here ? TSP_STOP_UNSUPPORTED + 1 : 0);
        rig_close(&r);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kvm_msrs_of_the_setup_write_their_blocks),
    cmocka_unit_test(kvm_other_hyperv_msrs_are_not_modelled),
};

TEST_MAIN(tests)
