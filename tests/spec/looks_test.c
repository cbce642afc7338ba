/* SPDX-License-Identifier: MIT */
/*
 * Looks: an event says one thing and the machine shows another. A hypervisor that tells nice events
 * and leaves a wrong frame, a wrong register or a byte too much behind is caught only by who reads
 * the machine itself. Each row begins with a step that is right and changes one thing of what was
 * seen of it.
 */
#include "tests/spec/steps.h"

static void event_says_what_was_seen(void **state)
{
    (void)state;
    ROW("event=cpuid", "as_seen", cpuid, k->before.regs.r[TSP_RSI] ^= 1);
    ROW("event=cpuid", "as_seen", cpuid, k->after.regs.r[TSP_R15] ^= 1);
    ROW("event=cpuid", "as_seen", cpuid, k->after.regs.pc++);
    ROW("event=cpuid", "as_seen", cpuid, k->after.regs.flags ^= 1);
    ROW("event=cpuid", "as_seen", cpuid, k->after.regs.level ^= 3);
    ROW("event=cpuid", "as_seen", cpuid, k->before.x86.cr4 ^= 1);
    ROW("event=cpuid", "as_seen", cpuid, ev->addr++);
    ROW("event=cpuid", "as_seen", cpuid, k->text[0].byte[1]++);
    ROW("event=cpuid", "as_seen", cpuid, k->text[1].byte[1]++);
    ROW("event=cpuid", "as_seen", cpuid, k->text[1].byte[9]++);
    ROW("event=cpuid", "as_seen", cpuid, ev->len = 1);
    ROW("event=cpuid", "as_seen", cpuid, k->rights[0] &= (uint8_t)~TSP_TEXT_WRITE);
    ROW("event=fault", "as_seen", fault64, ev->info[1] = 0x10000);
    ROW("event=stop", "as_seen", exit_call, k->after.regs.r[0]++);
}

static void steps_that_are_events_are_told(void **state)
{
    (void)state;
    ROW("event=retire insn=cpuid", "told", quiet_cpuid, k->after.regs.pc += 2);
    ROW("event=retire insn=cpuid", "told", quiet_cpuid, k->after.regs.r[0]++);
    unsupported();
    see_text("\x0f\x01\xc1", 3);
    memcpy(ev->fetched, "\x0f\x01\xc1", 3);
    ev->len = 3;
    k->before.regs.r[TSP_RSP] = 0xe000;
    judge_row("event=stop insn=vmcall", "answered", true, "not supported");
}

/* #UD of a call whose frame would not go to RAM is nobody's to deliver. */
static void a_stack_is_ram(void **state)
{
    static const struct {
        unsigned mode;
        uint16_t attr;
        uint64_t sp, base;
        bool rom, bad;
    } row[] = {
        {TSP_MODE_LONG64, 0, 0xe000, 0, false, true},
        {TSP_MODE_LONG64, 0, 0x40000, 0, false, true},
        {TSP_MODE_LONG64, 0, 0x40008, 0, false, false},
        {TSP_MODE_LONG64, 0, 0, 0, false, false},
        {TSP_MODE_LONG64, 0, 0xe000, 0, true, false},
        {TSP_MODE_COMPAT32, 0x4093, 0xe000, 0, false, true},
        {TSP_MODE_COMPAT32, 0x4093, 0xffff00000000e000, 0, false, false},
        {TSP_MODE_PROT32, 0x4093, 0xffff00000000e000, 0x1000, false, true},
        {TSP_MODE_PROT32, 0x4093, 0xe000, 0x40000, false, false},
        {TSP_MODE_PROT32, 0x4093, 4, 0, false, false},
        {TSP_MODE_REAL16, 0x93, 0x10000e000, 0x10000, false, true},
        {TSP_MODE_REAL16, 0x93, 0x20000, 0x10000, false, false},
    };
    static struct tsp_page page = {.gpa = 0xd000, .len = 0x1000, .flags = TSP_PAGE_ROM};

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        unsupported();
        see_text("\x0f\x01\xc1", 3);
        memcpy(ev->fetched, "\x0f\x01\xc1", 3);
        ev->len = 3;
        ev->before.mode = k->before.regs.mode = row[i].mode;
        k->before.regs.r[TSP_RSP] = row[i].sp;
        k->before.x86.seg[TSP_SS].attr = row[i].attr;
        k->before.x86.seg[TSP_SS].base = row[i].base;
        k->before.x86.efer = row[i].mode >= TSP_MODE_COMPAT16 ? 0x500 : 0;
        setup.page = &page;
        setup.npage = row[i].rom;
        judge_row("event=stop insn=vmcall", "answered", row[i].bad, "stack");
    }
}

/* A list of MSRs may name one twice, and some of them count time. */
static void msrs_are_kept(void **state)
{
    static const struct {
        struct tsp_msr was[2], is[2];
        bool bad;
    } row[] = {
        {{{7, 1}, {7, 2}}, {{7, 1}, {7, 2}}, false}, {{{7, 1}, {8, 2}}, {{8, 2}, {7, 1}}, false},
        {{{7, 1}, {7, 2}}, {{7, 2}, {7, 2}}, true},  {{{7, 1}, {8, 2}}, {{7, 1}, {8, 3}}, true},
        {{{7, 1}, {8, 2}}, {{9, 1}, {8, 2}}, false}, {{{16, 1}, {8, 2}}, {{16, 9}, {8, 2}}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        cpuid();
        k->before.x86.nmsr = k->after.x86.nmsr = 2;
        memcpy(k->before.x86.msr, row[i].was, sizeof(row[i].was));
        memcpy(k->after.x86.msr, row[i].is, sizeof(row[i].is));
        judge_row("event=cpuid", "state_kept", row[i].bad, "an MSR");
    }
}

/* RF is set for faults; a vector of theirs from 16 on may be an interrupt, where those are let in.
 */
static void interrupts_are_no_faults(void **state)
{
    static const struct {
        uint8_t vector;
        bool open, rf, error, bad;
    } row[] = {
        {0, false, true, false, false},    {0, false, false, false, true},
        {0, true, false, false, true},     {6, true, false, false, true},
        {16, false, true, false, false},   {16, false, false, false, true},
        {16, true, false, false, false},   {16, true, true, false, false},
        {17, true, true, true, false},     {17, true, false, false, false},
        {17, true, false, true, true},     {17, false, false, false, true},
        {0x13, true, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        char name[32];

        row[i].error ? fault64_error() : fault64();
        ev->code = row[i].vector;
        ev->before.flags = k->before.regs.flags = row[i].open ? 0x202 : 2;
        k->stack.byte[(row[i].error ? 24 : 16) + 1] = row[i].open ? 2 : 0;
        k->stack.byte[(row[i].error ? 24 : 16) + 2] = row[i].rf;
        snprintf(name, sizeof(name), "row %zu", i);
        judge_row("event=fault", "framed", row[i].bad, name);
    }
}

/* A frame that goes on at the other end of a 16-bit stack is not read. */
static void a_small_stack_wraps(void **state)
{
    (void)state;
    for (unsigned wraps = 0; wraps < 2; wraps++) {
        fault64();
        ev->before.mode = k->before.regs.mode = TSP_MODE_REAL16;
        ev->after.mode = k->after.regs.mode = TSP_MODE_REAL16;
        k->before.x86.efer = k->before.x86.cr0 = 0;
        ev->after.r[TSP_RSP] = k->after.regs.r[TSP_RSP] = wraps ? 0xfffc : 0xdffa;
        memset(k->stack.byte, 0, sizeof(k->stack.byte));
        le_store(k->stack.byte + 2, 0x10, 2);
        judge_row("event=fault", "framed", !wraps, "flags of 0");
    }
}

static void calls_keep_state(void **state)
{
    (void)state;
    ROW("event=cpuid", "state_kept", cpuid, k->after.x86.cr2 ^= 0x1000);
    ROW("event=cpuid", "state_kept", cpuid, k->after.x86.xcr0 ^= 2);
    ROW("event=cpuid", "state_kept", cpuid, k->after.x86.seg[TSP_DS].base = 0x100);
    ROW("event=cpuid", "state_kept", cpuid, k->after.x86.seg[TSP_TR].sel = 8);
    ROW("event=cpuid", "state_kept", cpuid, k->after.x86.idt.limit--);
    ROW("event=cpuid", "state_kept", cpuid, k->after.x86.shadow = TSP_SHADOW_STI);
    ROW("event=hypercall", "state_kept", call, k->after.x86.efer ^= 1);
    ROW("event=cpuid", "state_kept", cpuid, k->after.x86.xmm[0][0] = 1);
    ROW("event=hypercall", "state_kept", call, k->after.x86.xmm[5][1] = 1);
    ROW("event=patch", "state_kept", rewrite, k->after.x86.cr2 = 0x10000);
    ROW("event=fault", "state_kept", fault64, k->after.x86.cr2 = 0x10000);
    ROW("event=fault", "state_kept", fault64, k->after.x86.seg[TSP_ES].sel = 8);
    ROW("event=fault", "state_kept", undefined_arm, k->after.arm64.tpidr_el0++);
    ROW("event=fault", "state_kept", undefined_arm, k->after.arm64.vbar_el1 ^= 0x800);
    fault64();
    ev->code = 14;
    ev->info[1] = k->after.x86.cr2 = 0x5000;
    judge_row("event=fault", "state_kept", false, "CR2 of a page fault");
    k->after.x86.cr2 = 0;
    judge_row("event=fault", "state_kept", true, "no CR2 of a page fault");
}

static void only_what_belongs_there_is_written(void **state)
{
    (void)state;
    ROW("event=patch", "memory_kept", rewrite, k->change[0].len = 2);
    ROW("event=patch", "memory_kept", rewrite, k->change[0].gpa = 0x10003);
    ROW("event=cpuid", "memory_kept", cpuid, k->nchange = 1; k->change[0].len = 1;
        k->change[0].now[0] = 0x20);
    ROW("event=fault", "memory_kept", fault64, k->nchange = 1; k->change[0].len = 40;
        k->change[0].gpa = 0xdf00; k->change[0].now[0] = 0x90);
    fault64();
    k->before.x86.cr0 = 0x80000001u;
    k->nchange = 1;
    k->change[0] = (struct tsp_look_change){.gpa = 0x3000, .len = 17, .now = {0x60, [8] = 0x20}};
    judge_row("event=fault", "memory_kept", false, "three entries");
    fault64();
    k->nchange = 1;
    k->change[0] = (struct tsp_look_change){.gpa = 0xdfd8, .len = 40, .now = {0x90}};
    judge_row("event=fault", "memory_kept", false, "the frame");
    cpuid();
    k->before.x86.cr0 = 0x80000001u;
    k->nchange = 1;
    k->change[0] = (struct tsp_look_change){.gpa = 0x3000, .len = 1, .was = {3}, .now = {0x23}};
    judge_row("event=cpuid", "memory_kept", false, "an accessed bit");
}

static void clock_is_told(void **state)
{
    (void)state;
    ROW("event=hypercall", "clock_told", clock_call, le_store(k->arg[1].byte, 0, 8));
    ROW("event=hypercall", "clock_told", clock_call, le_store(k->arg[1].byte + 8, 1000000000, 8));
    ROW("event=hypercall", "clock_told", clock_call, k->arg[1].byte[24] = 1);
    ROW("event=hypercall", "clock_told", clock_call, k->arg[1].byte[63] = 1);
    ROW("event=hypercall", "clock_told", clock_call, k->arg[1].byte[64] = 1);
}

static void frames_hold_what_was_interrupted(void **state)
{
    (void)state;
    ROW("event=fault", "framed", fault64, k->stack.byte[0] = 2);
    ROW("event=fault", "framed", fault64, k->stack.byte[8] ^= 3);
    ROW("event=fault", "framed", fault64, k->stack.byte[16] ^= 1);
    ROW("event=fault", "framed", fault64, k->stack.byte[18] = 0);
    ROW("event=fault", "framed", fault64, k->stack.byte[25] = 0);
    ROW("event=fault", "framed", fault64, k->stack.byte[32] ^= 3);
    ROW("event=fault", "framed", fault64_error, k->stack.byte[0] ^= 8);
    ROW("event=fault", "framed", fault64_error, memmove(k->stack.byte, k->stack.byte + 8, 40));
    ROW("event=fault", "framed", fault32, k->stack.byte[0] ^= 2);
    ROW("event=fault", "framed", fault32, k->stack.byte[4] ^= 3);
    ROW("event=fault", "framed", fault32, k->stack.byte[10] ^= 1);
    ROW("event=fault", "returns_to", undefined_arm, k->after.arm64.elr_el1 += 4);
    ROW("event=fault", "returns_to", undefined_arm, k->after.arm64.spsr_el1 = 0);
    ROW("event=fault", "returns_to", undefined_arm, k->after.arm64.esr_el1 = 0);
    fault64();
    see_text("\xcd\x06", 2);
    memcpy(ev->fetched, "\xcd\x06", 2);
    le_store(k->stack.byte, 0x10002, 8);
    k->stack.byte[18] = 0;
    judge_row("event=fault", "framed", false, "INT n");
    k->stack.byte[0] = 0;
    judge_row("event=fault", "framed", true, "INT n returns to itself");
}

static void failed_delivery_has_a_reason(void **state)
{
    static uint8_t idt[256 * 16];
    static struct tsp_page page = {.gpa = 0x2000, .len = sizeof(idt), .data = idt};

    (void)state;
    for (unsigned bad = 0; bad < 2; bad++) {
        memset(idt, 0, sizeof(idt));
        idt[6 * 16 + 5] = bad ? 0x8e : 0x0e; /* present: nothing is wrong with it */
        fault64();
        setup.page = &page;
        setup.npage = 1;
        k->before.x86.idt = (struct tsp_table){.base = 0x2000, .limit = sizeof(idt) - 1};
        ev->code = 13;
        ev->info[0] = 6 * 8 + 2;
        judge_row("event=fault", "delivery_failed", bad != 0, "a gate");
    }
    ev->info[0] = 0x11;
    judge_row("event=fault", "delivery_failed", false, "EXT");
    ev->info[0] = 0x10;
    judge_row("event=fault", "delivery_failed", true, "a selector without EXT");
}

static void plain_instructions_do_what_they_say(void **state)
{
    (void)state;
    ROW("event=retire", "plain_done", quiet_nop, k->after.regs.r[TSP_R9]++);
    ROW("event=retire", "plain_done", quiet_nop, k->after.regs.pc++);
    ROW("event=retire", "plain_done", quiet_nop, k->after.regs.flags ^= 1);
    ROW("event=retire", "plain_done", quiet_mov, k->after.regs.r[TSP_RCX]++);
    ROW("event=retire", "plain_done", quiet_mov, k->after.regs.r[TSP_RDX]++);
    ROW("event=retire", "plain_done", quiet_add, k->after.regs.r[TSP_R8]++);
    ROW("event=retire", "plain_done", quiet_add, k->after.regs.flags ^= 0x200);
    ROW("event=retire", "plain_done", quiet_movz, k->after.regs.r[1]++);
    ROW("event=retire", "plain_done", quiet_movz, k->after.regs.r[30]++);
    ROW("event=msr", "msr_seen", read_efer, ev->after.r[TSP_RAX] ^= 1);
    ROW("event=msr", "msr_seen", read_efer, k->before.x86.efer ^= 1);
    ROW("event=msr", "msr_seen", write_aux, k->after.x86.tsc_aux = 0x100000005);
    ROW("event=msr", "msr_seen", write_aux, k->after.x86.tsc_aux = 6);
}

static void vcpus_begin_and_stay_as_they_are(void **state)
{
    (void)state;
    ROW("event=retire", "begun", quiet_nop, k->before.regs.r[3]++);
    ROW("event=retire", "begun", quiet_nop, k->before.regs.pc++);
    ROW("event=retire", "undisturbed", two_steps, looks.look[1].before.regs.r[7]++);
    ROW("event=retire", "undisturbed", two_steps, looks.look[1].before.regs.pc++);
    ROW("event=retire", "begun", started, k->before.regs.r[0] = 0);
    ROW("event=retire", "begun", started, k->before.regs.pc += 4);
    ROW("event=retire", "begun", started, k->before.regs.level = 0);
}

static void handlers_have_segments_of_their_own(void **state)
{
    (void)state;
    ROW("event=fault", "handler_segments", fault64, k->after.x86.seg[TSP_CS].sel |= 3);
    ROW("event=fault", "handler_segments", fault64, k->after.x86.seg[TSP_CS].base = 16);
    ROW("event=fault", "handler_segments", fault64, k->after.x86.seg[TSP_SS].sel ^= 8);
    ROW("event=fault", "handler_segments", fault64, k->after.x86.seg[TSP_SS].sel = 3);
    ROW("event=fault", "handler_segments", fault32, k->after.x86.seg[TSP_SS].base = 16);
}

/* The page of the instruction is not there: user code, NX on. */
static void fetch_fault(void)
{
    fault64();
    ev->code = 14;
    k->before.regs.level = 3;
    k->before.x86.efer = 0xd00;
    k->before.x86.cr4 = 0x20;
    k->rights[0] = TSP_TEXT_KNOWN;
    ev->info[0] = 0x14;
    ev->info[1] = 0x10000;
}

static void steps_and_fetches_fault_as_they_should(void **state)
{
    (void)state;
    ROW("event=fault", "fetch_fault", fetch_fault, ev->info[1] = 0x10001);
    ROW("event=fault", "fetch_fault", fetch_fault, ev->info[0] ^= 1);
    ROW("event=fault", "fetch_fault", fetch_fault, ev->info[0] ^= 4);
    ROW("event=fault", "fetch_fault", fetch_fault, ev->info[0] ^= 16);
    ROW("event=cpuid", "rf_over", cpuid, ev->after.flags |= 0x10000);
    for (unsigned stepped = 0; stepped < 2; stepped++) {
        cpuid();
        if (stepped)
            ev->before.flags |= 0x100;
        looks.look[1] = *k;
        looks.look[1].event = 2;
        looks.n = 2;
        add_event(TSP_EV_CPUID, TSP_MODE_LONG64, "\x0f\xa2", 2);
        judge_row("event=cpuid", "step_trapped", stepped != 0, "TF");
    }
    for (unsigned other = 0; other < 2; other++) {
        fault64();
        setup.nvcpu = 2;
        looks.look[1] = *k;
        looks.look[0].vcpu = other ? 1 : 0;
        looks.look[0].quiet = true;
        looks.n = 2;
        judge_row("event=fault", "not_alone", other == 0, "another vCPU");
    }
}

static void arm_call(void)
{
    step(TSP_EV_HYPERCALL, TSP_MODE_A64, "\x02\x00\x00\xd4", 4);
    k->arg[1].n = TSP_LOOK_BYTES;
    k->runnable[0] = k->runnable[1] = 1;
    setup.nvcpu = 2;
    setup.vcpu[1].arm64.mpidr = 0x80000001u;
}

/* CPU_ON of the second vCPU succeeds. */
static void arm_on(void)
{
    arm_call();
    ev->before.r[0] = 0x84000003u;
    ev->before.r[1] = 1;
    ev->after.r[0] = 0;
    k->runnable[1] = 3;
}

/* SEND_IPI or KICK_CPU of a vCPU whose last event was a halt, and which runs again afterwards. */
static void wakes(uint64_t nr, uint64_t icr)
{
    struct tsp_event *was;

    call();
    setup.nvcpu = 2;
    setup.config |= TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
    setup.vcpu[1].x86.apic_id = 1;
    setup.vcpu[1].x86.apic_base = setup.vcpu[0].x86.apic_base = 0xfee00800;
    trace.ev[2] = trace.ev[1];
    was = &trace.ev[1];
    ev = &trace.ev[2];
    trace.n = 3;
    k->event = 2;
    was->kind = TSP_EV_STOP;
    was->code = TSP_STOP_HALT;
    was->vcpu = 1;
    was->after.flags |= 0x200;
    ev->before.r[TSP_RAX] = nr;
    ev->before.r[TSP_RBX] = 2;
    ev->before.r[TSP_RCX] = nr == 5;
    ev->before.r[TSP_RDX] = 0;
    ev->before.r[TSP_RSI] = icr;
    ev->after = ev->before;
    ev->after.r[TSP_RAX] = nr == 10;
    ev->after.pc += 3;
    k->before.regs = ev->before;
    k->after.regs = ev->after;
    k->runnable[0] = 1;
    k->runnable[1] = 3;
}

static void kick(void)
{
    wakes(5, 0);
}

static void send(void)
{
    wakes(10, 0x41);
}

/* An interrupt does not wake who has interrupts off, nor does a call that reached nobody. */
static void send_masked(void)
{
    send();
    trace.ev[1].after.flags &= ~(uint64_t)0x200;
    k->runnable[1] = 1;
}

static void calls_wake_whom_they_name(void **state)
{
    (void)state;
    ROW("event=hypercall", "call_wakes", kick, k->runnable[1] = 1);
    ROW("event=hypercall", "call_wakes", send, k->runnable[1] = 1);
    ROW("event=hypercall", "call_wakes", send_masked, trace.ev[1].after.flags |= 0x200);
}

static void services_write_and_wake_what_they_should(void **state)
{
    (void)state;
    ROW("event=hypercall", "record_told", arm_call, k->arg[1].byte[0] = 1);
    ROW("event=hypercall", "record_told", arm_call, k->arg[1].byte[7] = 1);
    ROW("event=hypercall", "record_told", arm_call, k->arg[1].byte[15] = 0x80);
    ROW("event=hypercall", "memory_kept", arm_call, k->nchange = 1; k->change[0].len = 1;
        k->change[0].gpa = 0x40020000; k->change[0].now[0] = 1);
    ROW("event=hypercall", "wakes_named", arm_call, k->runnable[1] = 3);
    ROW("event=hypercall", "wakes_named", arm_on, ev->before.r[1] = 2);
    ROW("event=hypercall", "wakes_named", call, k->runnable[0] = 3; k->runnable[1] = 1);
    ROW("event=retire", "begun", started, k->before.regs.flags &= ~0x80ull);
    ROW("event=retire", "begun", started, k->before.regs.flags &= ~1ull);
    ROW("event=retire", "begun", started, k->before.arm64.sctlr_el1 = 1);
    ROW("event=retire", "begun", started, k->before.arm64.mpidr = 0x80000000u);
}

/* INT n clears RF before it pushes the flags; what is no fault has it as it was, but behind REP. */
static void rf_is_pushed_by_faults(void **state)
{
    static const struct {
        uint8_t code[3], vector;
        bool before, pushed, bad;
    } row[] = {
        {{0xcd, 0x21}, 0x21, false, false, false},
        {{0xcd, 0x21}, 0x21, false, true, true},
        {{0xcd, 0x21}, 0x21, true, true, true},
        {{0xcc}, 3, true, true, true},
        {{0x90}, 1, false, true, true},
        {{0x90}, 1, true, true, false},
        {{0xf3, 0xa4}, 1, false, true, false},
        {{0x0f, 0x0b}, 6, false, false, true},
        {{0xf1}, 1, true, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        unsigned n = row[i].code[1] ? 2 : 1;
        bool soft = row[i].code[0] == 0xcd || row[i].code[0] == 0xcc || row[i].code[0] == 0xf1;
        char name[32];

        fault64();
        memset(k->text[0].byte, 0x90, TSP_INSN_BYTES);
        memcpy(k->text[0].byte, row[i].code, n);
        k->text[0].n = TSP_INSN_BYTES;
        memcpy(ev->fetched, k->text[0].byte, TSP_INSN_BYTES);
        ev->len = (uint8_t)n;
        ev->code = row[i].vector;
        ev->before.flags = k->before.regs.flags = row[i].before ? 0x10002 : 2;
        le_store(k->stack.byte, ev->before.pc + (soft ? n : 0), 8);
        k->stack.byte[16 + 2] = row[i].pushed;
        snprintf(name, sizeof(name), "row %zu", i);
        judge_row("event=fault", "framed", row[i].bad, name);
    }
}

static void halt(void)
{
    step(TSP_EV_STOP, TSP_MODE_LONG64, "\xf4", 1);
    ev->code = TSP_STOP_HALT;
    ev->after.pc++;
}

/* UD2 with tables that can deliver #UD, #DF, #GP and #PF, or not. */
static void ends_of_runs(void **state)
{
    static uint8_t idt[256 * 16], gdt[0x80];
    static struct tsp_page page[2] = {{.gpa = 0x2000, .len = sizeof(idt), .data = idt},
                                      {.gpa = 0x1000, .len = sizeof(gdt), .data = gdt}};

    (void)state;
    ROW("event=stop", "halted", halt, ev->after.r[TSP_RAX]++);
    ROW("event=stop", "halted", halt, ev->after.flags ^= 1);
    ROW("event=stop", "halted", halt, ev->after.pc--);
    for (unsigned good = 0; good < 2; good++) {
        fault64();
        ev->kind = TSP_EV_STOP;
        ev->code = TSP_STOP_TRIPLE;
        memset(idt, 0, sizeof(idt));
        for (unsigned v = 0; v < 32; v++) {
            idt[v * 16 + 2] = 0x18;
            idt[v * 16 + 5] = v == 8 && !good ? 0x0e : 0x8e;
        }
        gdt[0x18 + 5] = 0x9b;
        setup.page = page;
        setup.npage = 2;
        k->before.x86.idt = (struct tsp_table){.base = 0x2000, .limit = sizeof(idt) - 1};
        k->before.x86.gdt = (struct tsp_table){.base = 0x1000, .limit = sizeof(gdt) - 1};
        judge_row("event=stop", "truly_fatal", good != 0, "tables");
    }
}

/* MRS X0, MIDR_EL1 */
static void read_midr(void)
{
    step(TSP_EV_MSR, TSP_MODE_A64, "\x00\x00\x38\xd5", 4);
    ev->code = 0xc000;
    setup.vcpu[0].arm64.midr = ev->info[0] = ev->after.r[0] = 0x410fd4f1;
}

static void ids_are_those_of_the_set_up(void **state)
{
    (void)state;
    ROW("event=msr", "id_read", read_midr, ev->info[0]++);
    ROW("event=msr", "id_read", read_midr, ev->after.r[0]++);
    ROW("event=msr", "id_read", read_midr, ev->after.r[1]++);
    ROW("event=msr", "id_read", read_midr, ev->after.pc -= 4);
}

/* Without a look a rule about one does not apply, however wrong the event. */
/* Tables that a look could not read are no evidence. */
static void what_could_not_be_read_is_open(void **state)
{
    (void)state;
    cpuid();
    k->rights[0] = 0;
    judge_row("event=cpuid", "as_seen", false, "rights");
    fetch_fault();
    k->rights[0] = 0;
    ev->info[0] ^= 9;
    judge_row("event=fault", "fetch_fault", false, "error code");
    ev->info[1]++;
    judge_row("event=fault", "fetch_fault", true, "address");
}

static void nobody_looked(void **state)
{
    struct build *b = rule_of("looks", "looked=yes event=cpuid", "as_seen");
    unsigned hits[64] = {0};
    struct spec_options opt = {.least = VERDICT_FAIL, .hits = hits};

    (void)state;
    cpuid();
    ev->addr++;
    looks.of = NULL; /* or nobody's any more */
    assert_int_not_equal(spec_check(&b->spec, &setup, &trace, &opt), VERDICT_FAIL);
    assert_int_equal(hits[spec_rule_find(&b->spec, "T-1")], 0);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_says_what_was_seen),
        cmocka_unit_test(steps_that_are_events_are_told),
        cmocka_unit_test(a_stack_is_ram),
        cmocka_unit_test(msrs_are_kept),
        cmocka_unit_test(a_small_stack_wraps),
        cmocka_unit_test(calls_keep_state),
        cmocka_unit_test(only_what_belongs_there_is_written),
        cmocka_unit_test(clock_is_told),
        cmocka_unit_test(frames_hold_what_was_interrupted),
        cmocka_unit_test(interrupts_are_no_faults),
        cmocka_unit_test(failed_delivery_has_a_reason),
        cmocka_unit_test(plain_instructions_do_what_they_say),
        cmocka_unit_test(vcpus_begin_and_stay_as_they_are),
        cmocka_unit_test(handlers_have_segments_of_their_own),
        cmocka_unit_test(steps_and_fetches_fault_as_they_should),
        cmocka_unit_test(calls_wake_whom_they_name),
        cmocka_unit_test(services_write_and_wake_what_they_should),
        cmocka_unit_test(ends_of_runs),
        cmocka_unit_test(rf_is_pushed_by_faults),
        cmocka_unit_test(ids_are_those_of_the_set_up),
        cmocka_unit_test(what_could_not_be_read_is_open),
        cmocka_unit_test(nobody_looked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
