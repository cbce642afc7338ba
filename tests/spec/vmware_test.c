/* SPDX-License-Identifier: MIT */
/*
 * VMware's backdoor as it is judged: through the port and by the hypercall instruction, right
 * answers and wrong ones, and whose calls they are where a machine offers several interfaces.
 */
#include "tests/spec/fixture.h"

#include "trapspec/bits.h"

#define MAGIC 0x564d5868u
#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL
#define IN "\xed"
#define VMCALL "\x0f\x01\xc1"
#define PORT 0x5658u

static struct tsp_leaf policy[] = {
    {0x0, 0, 0, {0x1, 0x756e6547, 0x6c65746e, 0x49656e69}},
    {0x1, 0, 0, {0x306f2, 0, 0x80000000u, 0x21}},
    {0x40000000u, 0, 0, {0x40000010u, 0x61774d56, 0x4d566572, 0x65726177}},
    {0x40000010u, 0, 0, {2500000, 66000, 2, 0}},
};

static void machine(unsigned first, unsigned second)
{
    setup_x86_default();
    setup.persona[0] = (uint8_t)first;
    setup.persona[1] = (uint8_t)second;
    setup.hv_base[0] = 0x40000000u;
    setup.hv_base[1] = 0x40000100u;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){policy, sizeof(policy) / sizeof(policy[0])};
}

/* A request of that command; in: through the port. */
static struct tsp_event *request(bool in, uint32_t command)
{
    struct tsp_event *ev = in ? add_event(TSP_EV_PIO, TSP_MODE_LONG64, IN, 1)
                              : add_event(TSP_EV_HYPERCALL, TSP_MODE_LONG64, VMCALL, 3);

    ev->before.r[TSP_RAX] = MAGIC;
    ev->before.r[TSP_RCX] = command;
    ev->before.r[TSP_RDX] = in ? PORT : 0;
    ev->after = ev->before;
    ev->after.pc += ev->len;
    ev->code = in ? PORT : 0;
    ev->info[1] = in ? 4u << 4 : 0;
    return ev;
}

static void answer(struct tsp_event *ev, uint32_t eax, uint32_t ebx, uint32_t ecx)
{
    ev->after.r[TSP_RAX] = eax;
    ev->after.r[TSP_RBX] = ebx;
    ev->after.r[TSP_RCX] = ecx;
    if (ev->kind == TSP_EV_PIO)
        ev->info[0] = eax;
}

static const struct {
    uint32_t command, cpl, eax, ebx, ecx;
    const char *rule; /* that is broken; NULL: right */
} rows[] = {
    {10, 0, 6, MAGIC, 2, NULL},
    {10, 3, 6, MAGIC, 2, NULL},
    {0x3000a, 3, 6, MAGIC, 2, NULL}, /* the upper half is a sub-command */
    {10, 0, 6, 0, 2, "VMW-VERSION"},
    {10, 0, 0xffffffffu, MAGIC, 2, "VMW-VERSION"},
    {45, 0, 2500000000u, 0, 66000000, NULL},
    {45, 0, 0, 0xffffffffu, 0, NULL},
    {45, 0, 2500000, 0, 66000000, "VMW-HZ"},
    {45, 0, 2500000000u, 1, 66000000, "VMW-HZ"},
    {45, 0, 2500000000u, 0, 66000, "VMW-HZ"},
    {1, 0, 2500, 0, 0, NULL},
    {1, 0, 2500000, 0, 0, "VMW-MHZ"},
    {68, 0, 8, 0, 0, NULL},
    {68, 0, 0xffffffffu, 0, 0, NULL},
    {68, 0, 0x80000008u, 0, 0, "VMW-VCPU"},
    {101, 0, 0xffffffffu, 0, 0, NULL},
    {101, 0, MAGIC, 0, 0, "VMW-UNUSED"},
    {0xffff, 0, 0, 0, 0, "VMW-UNUSED"},
    {18, 3, 0xffffffffu, 0, 0, NULL},
    {18, 3, 1, 0, 0, "VMW-CPL"},
    {18, 0, 1, 0, 0, NULL},
    {20, 0, 512, MAGIC, 0, NULL},
};

static void answers_are_judged(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct tsp_event *ev;
        enum verdict v;

        machine(TSP_PERSONA_VMWARE, TSP_PERSONA_NONE);
        ev = request(i & 1, rows[i / 2].command);
        ev->before.level = ev->after.level = rows[i / 2].cpl;
        answer(ev, rows[i / 2].eax, rows[i / 2].ebx, rows[i / 2].ecx);
        v = judge_with(s);
        if (v != (rows[i / 2].rule ? FAIL : PASS))
            print_error("row %zu: %s\n", i, found_text(s));
        assert_int_equal(v, rows[i / 2].rule ? FAIL : PASS);
        if (rows[i / 2].rule)
            assert_non_null(finding_of(s, rows[i / 2].rule));
    }
}

static void nothing_else_changes(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct tsp_event *ev;

        machine(TSP_PERSONA_VMWARE, TSP_PERSONA_NONE);
        ev = request(i & 1, 20);
        answer(ev, 512, 0, 20);
        if (i < 2)
            ev->after.r[TSP_R8] ^= 1;
        else if (i < 4)
            ev->after.pc++;
        else
            ev->after.level ^= 3;
        assert_int_equal(judge_with(s), FAIL);
    }
}

/* The port is open whatever IOPL says; other ports, other numbers and other widths are not. */
static void the_port_never_faults(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tsp_event *ev;

        machine(i == 4 ? TSP_PERSONA_KVM : TSP_PERSONA_VMWARE, TSP_PERSONA_NONE);
        ev = request(true, 10);
        ev->kind = TSP_EV_FAULT;
        ev->code = 13;
        ev->info[1] = 0;
        ev->before.level = 3;
        if (i == 1)
            ev->before.r[TSP_RDX] = 0x5657;
        if (i == 2)
            ev->before.r[TSP_RAX]++;
        if (i == 3)
            ev->fetched[0] = 0x66, ev->fetched[1] = 0xed, ev->len = 2;
        ev->after = ev->before;
        judge_with(s);
        assert_int_equal(finding_of(s, "VMW-PORT-GP") != NULL, i == 0);
    }
}

static void the_instruction_is_the_one_offered(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct tsp_event *ev;

        machine(TSP_PERSONA_VMWARE, TSP_PERSONA_NONE);
        policy[3].reg[2] = i == 0 ? 2 : 0;
        ev = request(false, 10);
        ev->kind = TSP_EV_FAULT;
        ev->code = 6;
        ev->after = ev->before;
        judge_with(s);
        assert_int_equal(finding_of(s, "VMW-CALL-INTEL") != NULL, i == 0);
    }
    policy[3].reg[2] = 2;
}

/* The first of two interfaces has the calls. */
static void behind_another_interface_they_are_its(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        machine(i ? TSP_PERSONA_VMWARE : TSP_PERSONA_KVM, i ? TSP_PERSONA_KVM : TSP_PERSONA_VMWARE);
        answer(request(false, 10), 0xffffffffu, 0, 10);
        judge_with(s);
        assert_int_equal(finding_of(s, "VMW-VERSION") != NULL, i == 1);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers_are_judged),
    cmocka_unit_test(nothing_else_changes),
    cmocka_unit_test(the_port_never_faults),
    cmocka_unit_test(the_instruction_is_the_one_offered),
    cmocka_unit_test(behind_another_interface_they_are_its),
};

TEST_MAIN(tests)
