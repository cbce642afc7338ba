/* SPDX-License-Identifier: MIT */
/*
 * AArch32 guests of a 64-bit host. Historic because they still run: 32-bit kernels on KVM and Xen.
 * What differs from AArch64 for a hypervisor is the width of its calls, where Xen's number lies,
 * exceptions through eight entries of four bytes, and the Thumb bit of CPU_ON's entry point.
 */
#include "tests/unit/arm64_guest.h"

#define SVC_MODE UINT64_C(0x1d3)
#define USR_MODE UINT64_C(0x1d0)
#define T UINT64_C(0x20)
#define ENTRY (RAM + 0x3000)

static void start32(struct guest *g, uint64_t flags)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tsp_regs *r = &g->setup.vcpu[i].regs;

        *r = (struct tsp_regs){.pc = CODE, .flags = flags};
        r->mode = flags & T ? TSP_MODE_T32 : TSP_MODE_A32;
        r->level = (flags & 0x1f) != 0x10;
        r->r[13] = r->r[19] = STACK;
    }
}

static const struct tsp_regs *run32(struct guest *g, const uint8_t *code, size_t n, uint32_t budget)
{
    memset(g->code, 0, sizeof(g->code));
    memcpy(g->code, code, n);
    assert_int_equal(vm_reset(g->vm, &g->setup, &g->ev), TSP_OK);
    memset(&g->ev, 0, sizeof(g->ev));
    assert_int_equal(vm_run(g->vm, 0, budget, &g->ev), TSP_OK);
    return &g->ev.after;
}

static const uint8_t hvc_a32[] = {0x70, 0x00, 0x40, 0xe1}, hvc_t32[] = {0xe0, 0xf7, 0x00, 0x80};

static void calls_are_32_bits_wide(void **state)
{
    static const struct {
        uint32_t id, r1, r0;
    } rows[] = {
        {0x84000000, 0, 0x10001},     {0x80000000, 0, 0x10001},
        {0xc4000003, 0, 0xffffffff},  {0xc4000004, 0, 0xffffffff},
        {0xc4000053, 64, 0xffffffff}, {0xc5000020, 0xc5000021, 0xffffffff},
        {0x84000004, 0, 0},           {0x84000004, 0x80000000, 0xfffffffe},
        {0x8400000a, 0x84000003, 0},  {0x8400000a, 0xc4000003, 0xffffffff},
        {0x12345678, 0, 0xffffffff},
    };
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tsp_regs *r;

        start32(&g, SVC_MODE | (i & 1 ? T : 0));
        guest_regs(&g)->r[0] = rows[i / 2].id;
        guest_regs(&g)->r[1] = rows[i / 2].r1;
        r = run32(&g, i & 1 ? hvc_t32 : hvc_a32, 4, 5);
        assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(r->r[0], rows[i / 2].r0);
        assert_int_equal(r->pc, CODE + 4);
        assert_int_equal(r->mode, i & 1 ? TSP_MODE_T32 : TSP_MODE_A32);
    }
    guest_close(&g);
}

/* Entry point, and what the second core begins with: xen-project/xen cd8b749282. */
static void cpu_on_takes_the_thumb_bit(void **state)
{
    static const struct {
        uint64_t entry, pc;
        uint32_t mode, r0;
    } rows[] = {
        {ENTRY, ENTRY, TSP_MODE_A32, 0},
        {ENTRY | 1, ENTRY, TSP_MODE_T32, 0},
        {ENTRY | 3, ENTRY + 2, TSP_MODE_T32, 0},
        {ENTRY | 2, 0, 0, 0xfffffff7}, /* no address of A32 */
        {0x90000001, 0, 0, 0xfffffff7},
    };
    struct tsp_vcpu_state v;
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.nvcpu = 2;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start32(&g, SVC_MODE);
        g.setup.vcpu[1].run_state = TSP_RUN_OFF;
        guest_regs(&g)->r[0] = 0x84000003;
        guest_regs(&g)->r[1] = 1;
        guest_regs(&g)->r[2] = rows[i].entry;
        guest_regs(&g)->r[3] = 0x1234;
        assert_int_equal(run32(&g, hvc_a32, 4, 1)->r[0], rows[i].r0);
        assert_int_equal(vm_get_vcpu(g.vm, 1, &v), TSP_OK);
        assert_int_equal(v.run_state, rows[i].r0 == 0 ? TSP_RUN_READY : TSP_RUN_OFF);
        if (rows[i].r0 != 0)
            continue;
        assert_int_equal(v.regs.pc, rows[i].pc);
        assert_int_equal(v.regs.mode, rows[i].mode);
        assert_int_equal(v.regs.flags, SVC_MODE | (rows[i].mode == TSP_MODE_T32 ? T : 0));
        assert_int_equal(v.regs.r[0], 0x1234);
        assert_int_equal(v.regs.level, 1);
    }
    guest_close(&g);
}

static void xen_has_its_number_in_r12(void **state)
{
    static const uint8_t a32[] = {0x71, 0xea, 0x40, 0xe1}, t32[] = {0xe0, 0xf7, 0xa1, 0x8e};
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    g.setup.persona[0] = TSP_PERSONA_XEN;
    for (unsigned i = 0; i < 4; i++) {
        start32(&g, SVC_MODE | (i & 1 ? T : 0));
        guest_regs(&g)->r[12] = i & 2 ? 5 : 17;
        guest_regs(&g)->r[16] = 29;
        run32(&g, i & 1 ? t32 : a32, 4, 1);
        assert_int_equal(g.ev.kind, TSP_EV_HYPERCALL);
        if (i & 2)
            assert_int_equal(g.ev.after.r[0], 0xffffffda); /* -ENOSYS */
        else
            assert_true(g.ev.after.r[0] >> 16 == 4);
    }
    guest_close(&g);
}

/* Mode, place in the table, R14 and SPSR of each exception (DDI0487 G1.12). */
static void exceptions_go_to_their_modes(void **state)
{
    static const struct {
        uint8_t code[4];
        uint64_t flags;
        uint32_t vector;
        uint64_t mode;
        unsigned link;
        uint64_t behind;
    } rows[] = {
        {{0x00, 0x00, 0x00, 0xef}, SVC_MODE, 0x08, 0x13, 18, 4},
        {{0x00, 0xdf}, SVC_MODE | T, 0x08, 0x13, 18, 2},
        {{0x00, 0xdf}, USR_MODE | T, 0x08, 0x13, 18, 2},
        {{0xf0, 0x00, 0xf0, 0xe7}, SVC_MODE, 0x04, 0x1b, 22, 4},
        {{0x00, 0xde}, SVC_MODE | T, 0x04, 0x1b, 22, 2},
        {{0x70, 0x00, 0x40, 0xe1}, USR_MODE, 0x04, 0x1b, 22, 4},
        {{0xe0, 0xf7, 0x00, 0x80}, USR_MODE | T, 0x04, 0x1b, 22, 2},
        {{0x70, 0x00, 0x20, 0xe1}, SVC_MODE, 0x0c, 0x17, 20, 4},
        {{0x00, 0xbe}, SVC_MODE | T, 0x0c, 0x17, 20, 4},
        {{0x01, 0x00, 0x90, 0xe5}, SVC_MODE, 0x10, 0x17, 20, 8}, /* ldr r0, [r0, #1] */
    };
    struct tsp_vcpu_state v;
    struct guest g;

    (void)state;
    guest_open(&g, "kvm");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t spsr;

        start32(&g, rows[i].flags | 0xa0000000u);
        guest_regs(&g)->r[0] = DATA;
        run32(&g, rows[i].code, 4, 1);
        assert_int_equal(g.ev.kind, TSP_EV_FAULT);
        assert_int_equal(g.ev.code, rows[i].vector);
        assert_int_equal(g.ev.after.pc, VECTORS + rows[i].vector);
        assert_int_equal(g.ev.after.flags, (0xa00001c0u & ~T) | rows[i].mode);
        assert_int_equal(g.ev.after.mode, TSP_MODE_A32);
        assert_int_equal(g.ev.after.r[rows[i].link], CODE + rows[i].behind);
        assert_int_equal(vm_get_vcpu(g.vm, 0, &v), TSP_OK);
        spsr = rows[i].vector == 4   ? v.arm64.spsr_und
               : rows[i].vector == 8 ? v.arm64.spsr_el1
                                     : v.arm64.spsr_abt;
        assert_int_equal(spsr, rows[i].flags | 0xa0000000u);
    }
    guest_close(&g);
}

/* From A32 to T32 and back, a call in each, and a return from an exception. */
static void code_changes_its_instruction_set(void **state)
{
    static const uint8_t code[] = {
        0x01, 0x40, 0x8f, 0xe2, /* add r4, pc, #1 */
        0x14, 0xff, 0x2f, 0xe1, /* bx r4 */
        0x00, 0xf0, 0x02, 0xe8, /* blx +4: to A32 at 0x10 */
        0x05, 0x20, 0xfe, 0xe7, /* movs r0, #5; b . */
        0x07, 0x10, 0xa0, 0xe3, /* mov r1, #7 */
        0x1e, 0xff, 0x2f, 0xe1, /* bx lr */
    };
    struct guest g;
    const struct tsp_regs *r;

    (void)state;
    guest_open(&g, "kvm");
    start32(&g, SVC_MODE);
    r = run32(&g, code, sizeof(code), 7);
    assert_int_equal(g.ev.kind, TSP_EV_STOP);
    assert_int_equal(r->r[0], 5);
    assert_int_equal(r->r[1], 7);
    assert_int_equal(r->r[18], (CODE + 12) | 1);
    assert_int_equal(r->pc, CODE + 14);
    assert_int_equal(r->mode, TSP_MODE_T32);
    guest_close(&g);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(calls_are_32_bits_wide),
    cmocka_unit_test(cpu_on_takes_the_thumb_bit),
    cmocka_unit_test(xen_has_its_number_in_r12),
    cmocka_unit_test(exceptions_go_to_their_modes),
    cmocka_unit_test(code_changes_its_instruction_set),
};

TEST_MAIN(tests)
