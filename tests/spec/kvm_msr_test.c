/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual registers by the shipped tables. Which feature a register belongs to was wrong
 * in shipped code (torvalds/linux commit 0a31df682323: the acknowledgement looked at the feature of
 * the interface before it); so was what may be written without an interrupt controller
 * (9d3c447c72fb, d831de177217).
 */
#include "tests/spec/fixture.h"

#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL
#define WALL 0x4b564d00u
#define TIME 0x4b564d01u
#define APF 0x4b564d02u
#define STEAL 0x4b564d03u
#define EOI 0x4b564d04u
#define POLL 0x4b564d05u
#define VECTOR 0x4b564d06u
#define ACK 0x4b564d07u
#define ENFORCE TSP_CFG_ENFORCE_PV
#define CHIP TSP_CFG_IRQCHIP
#define ALL 0x1007efbu

enum what { END = 0, READ, WRITE, REFUSED_READ, REFUSED_WRITE };
struct act {
    uint8_t what;
    uint32_t msr;
    uint64_t value;
};

static const struct kvm_row {
    const char *name;
    uint32_t config, features;
    struct act act[2];
    enum verdict want;
    const char *rule; /* that fails, or passes the last event */
} rows[] = {
    {"without feature", ENFORCE, ALL & ~8u, {{READ, WALL, 0}}, FAIL, "KMSR-NO-CLOCK2"},
    {"is refused", ENFORCE, ALL & ~8u, {{REFUSED_READ, WALL, 0}}, PASS, "X86-MSR-GP"},
    {"nobody enforces", 0, 0, {{READ, WALL, 0}}, PASS, "KMSR-KEPT"},
    {"and it is refused", 0, 0, {{REFUSED_READ, WALL, 0}}, FAIL, "KMSR-GP-CLOCK2"},
    {"with feature", ENFORCE, 1, {{REFUSED_WRITE, 0x11, 0}}, FAIL, "KMSR-GP-OLD-W"},
    {"ack by the new feature", ENFORCE, 1u << 14, {{WRITE, ACK, 1}}, PASS, "X86-MSR"},
    {"not refused", ENFORCE, 1u << 14, {{REFUSED_WRITE, ACK, 1}}, FAIL, "KMSR-GP-ACK-W"},
    {"ack by the old feature", ENFORCE, 1u << 4, {{WRITE, ACK, 1}}, FAIL, "KMSR-NO-INT"},
    {"ack reads zero", 0, ALL, {{READ, ACK, 1}}, FAIL, "KMSR-ACK"},
    {"kept", 0, ALL, {{WRITE, STEAL, 0x30001}, {READ, STEAL, 0x30001}}, PASS, "KMSR-KEPT"},
    {"lost", 0, ALL, {{WRITE, STEAL, 0x30001}, {READ, STEAL, 0}}, FAIL, "KMSR-KEPT"},
    {"one register", 0, ALL, {{WRITE, 0x12, 0x30001}, {READ, TIME, 0x30001}}, PASS, "KMSR-KEPT"},
    {"two", 0, ALL, {{WRITE, 0x12, 0x30001}, {READ, TIME, 0}}, FAIL, "KMSR-KEPT"},
    {"polling is on", 0, ALL, {{READ, POLL, 1}}, PASS, "KMSR-KEPT"},
    {"polling is off", 0, ALL, {{READ, POLL, 0}}, FAIL, "KMSR-KEPT"},
    {"no APIC", 0, ALL, {{WRITE, APF, 0x30009}}, FAIL, "KMSR-APF-APIC"},
    {"no APIC, zero", 0, ALL, {{REFUSED_WRITE, APF, 0}}, FAIL, "KMSR-GP-APF-0"},
    {"APIC", CHIP, ALL, {{REFUSED_WRITE, APF, 0x30009}}, FAIL, "KMSR-GP-APF-ON"},
    {"reserved", CHIP, ALL, {{WRITE, APF, 0x30010}}, FAIL, "KMSR-APF-BITS"},
    {"nested", CHIP | ENFORCE, 1u << 4, {{WRITE, APF, 0x30004}}, FAIL, "KMSR-APF-EXIT"},
    {"interrupt", CHIP | ENFORCE, 1u << 4, {{WRITE, APF, 0x30008}}, FAIL, "KMSR-APF-WITH"},
    {"outside RAM", CHIP, ALL, {{WRITE, APF, 0x7fff0009}}, FAIL, "KMSR-APF-RAM"},
    {"off there", CHIP, ALL, {{REFUSED_WRITE, APF, 0x7fff0002}}, FAIL, "KMSR-GP-APF-W"},
    {"bits of the record", 0, ALL, {{WRITE, STEAL, 0x30021}}, FAIL, "KMSR-STEAL-BITS"},
    {"bit of the flag", 0, ALL, {{WRITE, EOI, 0x30002}}, FAIL, "KMSR-EOI-BITS"},
    {"flag outside RAM", 0, ALL, {{WRITE, EOI, 0x7fff0001}}, FAIL, "KMSR-EOI-RAM"},
    {"bits of polling", 0, ALL, {{WRITE, POLL, 2}}, FAIL, "KMSR-POLL-BITS"},
    {"bits of the vector", CHIP, ALL, {{WRITE, VECTOR, 256}}, FAIL, "KMSR-INT-BITS"},
    {"vector for nobody", 0, ALL, {{WRITE, VECTOR, 0x20}}, FAIL, "KMSR-INT-APIC"},
    {"migration", 0, ALL, {{READ, 0x4b564d08, 1}}, FAIL, "KMSR-NO-MIGR"},
    {"more of it", 0, ALL | 1u << 17, {{READ, 0x4b564d08, 2}}, FAIL, "KMSR-MIGR"},
    {"the rest", 0, ALL, {{READ, 0x4b564dff, 0}}, FAIL, "KMSR-NONE"},
};

static struct tsp_leaf leaf[] = {{0x40000000u, 0, 0, {0x40000001u, 0x4b4d564b, 0x564b4d56, 0x4d}},
                                 {0x40000001u, 0, 0, {0}}};

static struct tsp_event *add_msr(const struct act *a)
{
    bool write = a->what == WRITE || a->what == REFUSED_WRITE, done = a->what <= WRITE;
    struct tsp_event *ev = add_event(done ? TSP_EV_MSR : TSP_EV_FAULT, TSP_MODE_PROT32,
                                     write ? "\x0f\x30" : "\x0f\x32", 2);

    for (unsigned i = 0; i < 16; i++)
        ev->before.r[i] = ev->after.r[i] = (uint32_t)ev->before.r[i];
    ev->code = done ? a->msr : 13;
    ev->before.r[TSP_RCX] = ev->after.r[TSP_RCX] = a->msr;
    if (write) {
        ev->before.r[TSP_RAX] = ev->after.r[TSP_RAX] = (uint32_t)a->value;
        ev->before.r[TSP_RDX] = ev->after.r[TSP_RDX] = a->value >> 32;
    } else if (done) {
        ev->after.r[TSP_RAX] = (uint32_t)a->value;
        ev->after.r[TSP_RDX] = a->value >> 32;
    }
    if (done) {
        ev->info[0] = a->value;
        ev->info[1] = write;
        ev->after.pc += 2;
    }
    return ev;
}

static void set_up(uint32_t config, uint32_t features)
{
    setup_x86_default();
    setup.config = config;
    leaf[1].reg[0] = features;
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){leaf, sizeof(leaf) / sizeof(leaf[0])};
}

static void kvm_registers(void **state)
{
    const struct spec *s = spec_builtin();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum verdict v;

        set_up(rows[i].config, rows[i].features);
        for (unsigned k = 0; k < 2 && rows[i].act[k].what != END; k++)
            add_msr(&rows[i].act[k]);
        v = judge_with(s);
        if (v != rows[i].want || (v == FAIL && !finding_of(s, rows[i].rule)))
            print_error("%s: %s\n", rows[i].name, found_text(s));
        assert_int_equal(v, rows[i].want);
        if (rows[i].want == FAIL)
            assert_non_null(finding_of(s, rows[i].rule));
    }
}

/* User code, an error code, another exception, LOCK. */
static void msr_instructions(void **state)
{
    const struct spec *s = spec_builtin();
    struct act read = {READ, POLL, 1}, refused = {REFUSED_READ, 0x999, 0};

    (void)state;
    set_up(0, ALL);
    add_msr(&read)->before.level = 3;
    trace.ev[0].after.level = 3;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "X86-MSR-CPL"));
    set_up(0, ALL);
    add_msr(&refused);
    assert_int_equal(judge_with(s), PASS);
    trace.ev[0].code = 6;
    assert_int_equal(judge_with(s), FAIL);
    trace.ev[0].code = 13;
    trace.ev[0].info[0] = 0x998;
    setup.vcpu[0].regs = trace.ev[0].before;
    assert_int_equal(judge_with(s), FAIL);
    assert_non_null(finding_of(s, "X86-MSR-GP"));
    /* not the first instruction: something else may have failed to be delivered */
    setup.vcpu[0].regs.pc++;
    assert_int_equal(judge_with(s), PASS);
}

static const struct block_row {
    const char *name;
    uint32_t msr, at; /* of the block, less than the instruction's address */
    uint8_t bytes[16];
    enum verdict want;
} blocks[] = {
    {"wall clock", WALL, 2, {0x0f, 0x30, 2, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9}, PASS},
    {"odd version", WALL, 2, {0x0f, 0x30, 3, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9}, FAIL},
    {"nanoseconds", WALL, 2, {0x0f, 0x30, 2, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 0x99}, FAIL},
    {"time", TIME, 2, {0x0f, 0x30, 2, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9}, PASS},
    {"not yet", TIME, 2, {0x0f, 0x30, 0}, PASS},
    {"odd time", TIME, 2, {0x0f, 0x30, 1}, FAIL},
    {"padding", TIME, 2, {0x0f, 0x30, 2, 0, 0, 0, 1}, FAIL},
    {"stolen", STEAL, 0, {1, 1, 1, 1, 1, 1, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0}, PASS},
    {"odd record", STEAL, 0, {1, 1, 1, 1, 1, 1, 1, 1, 5, 0, 0, 0, 0, 0, 0, 0}, FAIL},
    {"flags", STEAL, 0, {1, 1, 1, 1, 1, 1, 1, 1, 4, 0, 0, 0, 1, 0, 0, 0}, FAIL},
};

static void kvm_memory(void **state)
{
    static const uint8_t text[] = {0x0f, 0x30};
    const struct spec *s = spec_builtin();
    struct tsp_page page = {.gpa = 0x1007e, .len = 2, .data = text};

    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        uint32_t at = 0x10080u - blocks[i].at;
        struct act a = {WRITE, blocks[i].msr, (at + blocks[i].at) | (blocks[i].msr != WALL)};
        struct tsp_event *ev;

        set_up(0, ALL);
        add_event(TSP_EV_POLICY, TSP_MODE_PROT32, "", 0);
        ev = add_msr(&a);
        page.gpa = at;
        ev->addr = ev->before.pc = at;
        ev->after.pc = at + 2;
        memcpy(ev->stored, blocks[i].bytes, sizeof(ev->stored));
        setup.page = &page;
        setup.npage = 1;
        setup.vcpu[0].regs = ev->before;
        setup.vcpu[0].x86.apic_base = ev->sys[TSP_SYS_APIC_BASE];
        setup.vcpu[0].x86.xcr0 = 1;
        if (judge_with(s) != blocks[i].want)
            print_error("%s: %s\n", blocks[i].name, found_text(s));
        assert_int_equal(judge_with(s), blocks[i].want);
    }
}

/* MSR_MISC_FEATURES_ENABLES and MSR_PLATFORM_INFO, whoever the hypervisor is. */
static const struct fault_row {
    const char *name;
    uint64_t offered, on; /* as set up */
    struct act act[2];
    enum verdict want;
    const char *rule;
} faults[] = {
    {"on without an offer", 0, 0, {{WRITE, 0x140, 1}}, FAIL, "FLT-OFFER"},
    {"refused", 0, 0, {{REFUSED_WRITE, 0x140, 1}}, PASS, "X86-MSR-GP"},
    {"off without an offer", 0, 0, {{WRITE, 0x140, 0}}, PASS, "X86-MSR"},
    {"offered and refused", 1, 0, {{REFUSED_WRITE, 0x140, 1}}, FAIL, "FLT-GP-W"},
    {"another bit", 1, 0, {{WRITE, 0x140, 3}}, FAIL, "FLT-BITS"},
    {"kept", 1, 0, {{WRITE, 0x140, 1}, {READ, 0x140, 1}}, PASS, "FLT-KEPT"},
    {"lost", 1, 0, {{WRITE, 0x140, 1}, {READ, 0x140, 0}}, FAIL, "FLT-KEPT"},
    {"on at first", 1, 1, {{READ, 0x140, 0}}, FAIL, "FLT-KEPT"},
    {"information is written", 1, 0, {{WRITE, 0xce, 0}}, FAIL, "FLT-INFO-W"},
    {"offered", 1, 0, {{READ, 0xce, 0x80000000u}}, PASS, "FLT-INFO"},
    {"hidden", 1, 0, {{READ, 0xce, 0}}, FAIL, "FLT-INFO"},
    {"shown", 0, 0, {{READ, 0xce, 0x80000000u}}, FAIL, "FLT-INFO-NO"},
    {"not there", 1, 0, {{REFUSED_READ, 0xce, 0}}, FAIL, "FLT-GP-R"},
};

static void faulting_registers(void **state)
{
    const struct spec *s = spec_builtin();
    struct act on = {WRITE, 0x140, 1};
    struct tsp_event *ev;

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        set_up(0, ALL);
        setup.vcpu[0].x86.platform_info = faults[i].offered << 31;
        setup.vcpu[0].x86.cpuid_faulting = faults[i].on;
        for (unsigned k = 0; k < 2 && faults[i].act[k].what != END; k++)
            add_msr(&faults[i].act[k]);
        if (judge_with(s) != faults[i].want)
            print_error("%s: %s\n", faults[i].name, found_text(s));
        assert_int_equal(judge_with(s), faults[i].want);
        if (faults[i].want == FAIL)
            assert_non_null(finding_of(s, faults[i].rule));
    }
    /* a register that is written has to be obeyed, where each step is shown */
    set_up(0, ALL);
    setup.vcpu[0].x86.platform_info = 1u << 31;
    add_msr(&on);
    ev = add_event(TSP_EV_FAULT, TSP_MODE_PROT32, "\x0f\xa2", 2);
    ev->code = 13;
    judge_with(s);
    assert_non_null(finding_of(s, "FLT-STATE"));
    ev->sys[TSP_SYS_FAULTING] = 1;
    judge_with(s);
    assert_null(finding_of(s, "FLT-STATE"));
    ev->sys[TSP_SYS_FAULTING] = 0;
    judge_caps(s, TSP_CAP_X86 | TSP_CAP_EXEC);
    assert_null(finding_of(s, "FLT-STATE"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kvm_registers),
    cmocka_unit_test(msr_instructions),
    cmocka_unit_test(kvm_memory),
    cmocka_unit_test(faulting_registers),
};

TEST_MAIN(tests)
