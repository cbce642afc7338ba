/* SPDX-License-Identifier: MIT */
/* Steps that are right, with what was seen of them, for tests of looks. */
#ifndef TSP_TESTS_SPEC_STEPS_H
#define TSP_TESTS_SPEC_STEPS_H

#include "tests/spec/rule.h"

#include <string.h>

static struct tsp_looks looks;
static struct tsp_look *k;
static struct tsp_event *ev;

static inline void see_text(const char *bytes, unsigned len)
{
    for (unsigned i = 0; i < 2; i++) {
        k->text[i] = (struct tsp_look_mem){.lin = 0x10000, .gpa = 0x10000, .n = TSP_INSN_BYTES};
        memset(k->text[i].byte, 0x90, TSP_INSN_BYTES);
        memcpy(k->text[i].byte, bytes, len);
    }
    k->rights[0] = k->rights[1] =
        TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH;
}

/* One step that is right: an event of this kind, or quiet where it is RETIRE. */
static inline void step(unsigned kind, unsigned mode, const char *bytes, unsigned len)
{
    if (mode == TSP_MODE_A64)
        setup_arm_default();
    else
        setup_x86_default();
    memset(&looks, 0, sizeof(looks));
    trace.n = 1;
    trace.ev[0] = (struct tsp_event){.kind = TSP_EV_POLICY};
    trace.looks = &looks;
    looks.of = &trace;
    k = &looks.look[looks.n++];
    k->event = 1;
    see_text(bytes, len);
    ev = add_event(kind, mode, bytes, len);
    memcpy(ev->fetched, k->text[0].byte, TSP_INSN_BYTES);
    memcpy(ev->stored, k->text[0].byte, TSP_INSN_BYTES);
    if (kind == TSP_EV_RETIRE || kind == TSP_EV_MSR)
        ev->after.pc += len;
    k->before.regs = ev->before;
    k->after.regs = ev->after;
    k->before.x86.xcr0 = k->after.x86.xcr0 = ev->sys[TSP_SYS_XCR0];
    k->before.x86.apic_base = k->after.x86.apic_base = ev->sys[TSP_SYS_APIC_BASE];
    setup.vcpu[0] = k->before;
    k->watched = true;
    k->quiet = kind == TSP_EV_RETIRE;
    trace.n -= k->quiet;
}

/* #UD of UD2 in 64-bit code, and the frame of it. */
static inline void fault64(void)
{
    const uint64_t frame[5] = {0x10000, 0x10, 0x10002, 0xe000, 0x18};

    step(TSP_EV_FAULT, TSP_MODE_LONG64, "\x0f\x0b", 2);
    ev->code = 6;
    ev->before.r[TSP_RSP] = k->before.regs.r[TSP_RSP] = 0xe000;
    ev->after.r[TSP_RSP] = k->after.regs.r[TSP_RSP] = 0xdfd8;
    ev->after.pc = k->after.regs.pc = 0x3060;
    ev->sys[TSP_SYS_EFER] = k->before.x86.efer = k->after.x86.efer = 0x500;
    ev->sys[TSP_SYS_CR0] = k->before.x86.cr0 = k->after.x86.cr0 = 0x80000001u;
    k->before.x86.seg[TSP_CS].sel = k->after.x86.seg[TSP_CS].sel = 0x10;
    k->before.x86.seg[TSP_SS].sel = k->after.x86.seg[TSP_SS].sel = 0x18;
    k->stack = (struct tsp_look_mem){.lin = 0xdfd8, .gpa = 0xdfd8, .n = TSP_LOOK_BYTES};
    for (unsigned i = 0; i < 5; i++)
        le_store(k->stack.byte + (size_t)8 * i, frame[i], 8);
}

/* A double fault pushes its error code first. */
static inline void fault64_error(void)
{
    fault64();
    ev->code = 13;
    ev->info[0] = 0x50;
    memmove(k->stack.byte + 8, k->stack.byte, 40);
    le_store(k->stack.byte, 0x50, 8);
}

static inline void fault32(void)
{
    const uint32_t frame[3] = {0x10000, 0x8, 0x10002};

    fault64();
    ev->before.mode = k->before.regs.mode = TSP_MODE_PROT32;
    ev->after.mode = k->after.regs.mode = TSP_MODE_PROT32;
    k->before.x86.efer = 0;
    k->before.x86.seg[TSP_CS].sel = 8;
    for (unsigned i = 0; i < 3; i++)
        le_store(k->stack.byte + (size_t)4 * i, frame[i], 4);
}

static inline void undefined_arm(void)
{
    step(TSP_EV_FAULT, TSP_MODE_A64, "\x02\x00\x00\xd4", 4);
    ev->before.flags = k->before.regs.flags = 0x600003c5u;
    ev->info[0] = 0x2000000;
    ev->code = 0x200;
    k->after.arm64.elr_el1 = 0x10000;
    k->after.arm64.spsr_el1 = 0x600003c5u;
    k->after.arm64.esr_el1 = 0x2000000;
}

static inline void cpuid(void)
{
    step(TSP_EV_CPUID, TSP_MODE_LONG64, "\x0f\xa2", 2);
}

static inline void call(void)
{
    step(TSP_EV_HYPERCALL, TSP_MODE_LONG64, "\x0f\x01\xc1", 3);
}

static inline void clock_call(void)
{
    call();
    k->arg[0] = k->arg[1] = (struct tsp_look_mem){.lin = 0x2000, .gpa = 0x2000, .n = 96};
    le_store(k->arg[1].byte, 1577836800, 8);
    le_store(k->arg[1].byte + 8, 999999999, 8);
    le_store(k->arg[1].byte + 16, 5, 8);
}

static inline void rewrite(void)
{
    step(TSP_EV_PATCH, TSP_MODE_LONG64, "\x0f\x01\xd9", 3);
    k->text[1].byte[2] = ev->stored[2] = 0xc1;
    k->change[0] = (struct tsp_look_change){.gpa = 0x10002, .len = 1, .was = {0xd9}, .now = {0xc1}};
    k->nchange = 1;
}

static inline void quiet_cpuid(void)
{
    step(TSP_EV_RETIRE, TSP_MODE_LONG64, "\x0f\xa2", 2);
    k->after.regs = k->before.regs;
}

static inline void quiet_nop(void)
{
    step(TSP_EV_RETIRE, TSP_MODE_LONG64, "\x90", 1);
}

static inline void quiet_mov(void)
{
    step(TSP_EV_RETIRE, TSP_MODE_LONG64, "\xb9\x78\x56\x34\x12", 5);
    k->after.regs.r[TSP_RCX] = 0x12345678;
}

static inline void quiet_add(void)
{
    step(TSP_EV_RETIRE, TSP_MODE_LONG64, "\x4c\x01\xc3", 3); /* add rbx, r8 */
    k->after.regs.r[TSP_RBX] = 1;
    k->after.regs.flags ^= 1;
}

static inline void quiet_movz(void)
{
    step(TSP_EV_RETIRE, TSP_MODE_A64, "\x41\x02\x80\xd2", 4); /* movz x1, #0x12 */
    k->after.regs.r[1] = 0x12;
}

static inline void read_efer(void)
{
    step(TSP_EV_MSR, TSP_MODE_LONG64, "\x0f\x32", 2);
    ev->before.r[TSP_RCX] = ev->after.r[TSP_RCX] = 0xc0000080u;
    ev->after.r[TSP_RAX] = 0x500;
    ev->after.r[TSP_RDX] = 0;
    k->before.x86.efer = k->after.x86.efer = 0x500;
}

/* On a processor that drops the upper half. */
static inline void write_aux(void)
{
    step(TSP_EV_MSR, TSP_MODE_LONG64, "\x0f\x30", 2);
    ev->info[1] = 1;
    ev->before.r[TSP_RCX] = ev->after.r[TSP_RCX] = 0xc0000103u;
    ev->before.r[TSP_RAX] = ev->after.r[TSP_RAX] = 5;
    ev->before.r[TSP_RDX] = ev->after.r[TSP_RDX] = 1;
    k->after.x86.tsc_aux = 5;
}

static inline void unsupported(void)
{
    step(TSP_EV_STOP, TSP_MODE_LONG64, "\x90", 1);
    ev->code = TSP_STOP_UNSUPPORTED;
}

static inline void exit_call(void)
{
    step(TSP_EV_STOP, TSP_MODE_LONG64, "\x0f\x01\xc1", 3);
    ev->code = TSP_STOP_EXIT;
}

/* A second vCPU, or a second step of the first one. */
static inline void two_steps(void)
{
    quiet_nop();
    setup.nvcpu = 2;
    looks.look[1] = *k;
    looks.n = 2;
    looks.look[1].before = k->after;
    looks.look[1].after = k->after;
    looks.look[1].after.regs.pc++;
    memset(looks.look[1].text[0].byte, 0x90, TSP_INSN_BYTES);
}

/* CPU_ON of the second vCPU, and its first step. */
static inline void started(void)
{
    step(TSP_EV_HYPERCALL, TSP_MODE_A64, "\x02\x00\x00\xd4", 4);
    setup.nvcpu = 2;
    setup.vcpu[1].run_state = TSP_RUN_OFF;
    setup.vcpu[1].arm64.mpidr = 0x80000001u;
    ev->before.r[0] = 0xc4000003u;
    ev->before.r[1] = 1;
    ev->before.r[2] = 0x40001000;
    ev->before.r[3] = 0x55;
    ev->after.r[0] = 0;
    setup.vcpu[0].regs = k->before.regs = ev->before;
    k->after.regs = ev->after;
    k = &looks.look[looks.n++];
    k->vcpu = 1;
    k->event = 2;
    k->quiet = true;
    k->before.regs = (struct tsp_regs){.pc = 0x40001000, .mode = TSP_MODE_A64, .level = 1};
    k->before.regs.flags = 0x3c5;
    k->before.arm64.mpidr = 0x80000001u;
    k->before.regs.r[0] = 0x55;
    k->after = k->before;
}

static inline void judge_row(const char *when, const char *must, bool bad, const char *what)
{
    char looked[256];
    struct build *b;
    unsigned hits[64] = {0};
    struct spec_options opt = {.caps = TSP_CAP_STEPS, .least = VERDICT_FAIL, .hits = hits};
    enum verdict v;

    snprintf(looked, sizeof(looked), "looked=yes %s", when);
    b = rule_of("looks", looked, must);
    assert_true(spec_rule_count(&b->spec) <= 64);
    v = spec_check(&b->spec, &setup, &trace, &opt);
    if ((v == VERDICT_FAIL) != bad)
        print_error("%s, %s, %s: %s\n", when, must, what, verdict_name(v));
    assert_true((v == VERDICT_FAIL) == bad);
    assert_true(hits[spec_rule_find(&b->spec, "T-1")] > 0);
    free(b);
}

/* One row: a step that is right, then the same with this change. */
#define ROW(when, must, good, ...)                                                                 \
    do {                                                                                           \
        good();                                                                                    \
        judge_row(when, must, false, "right");                                                     \
        good();                                                                                    \
        __VA_ARGS__;                                                                               \
        judge_row(when, must, true, #__VA_ARGS__);                                                 \
    } while (0)

#endif
