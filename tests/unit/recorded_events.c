/* SPDX-License-Identifier: MIT */
/*
 * From before and after to events. A recording of a real hypervisor shows how a run began and
 * ended; the first instruction is the only thing that may be judged, and only when nothing else
 * could have caused what is seen.
 */
#include "tests/unit/recorded_rig.h"

static void recorded_native_call_completes(void **state)
{
    static const struct {
        unsigned mode, level;
        uint8_t exit, past; /* bytes of the end mark that out.pc is past */
        const char *code;
        unsigned n;
    } row[] = {
        {TSP_MODE_LONG64, 0, OUTCOME_HALT, 1, "\x0f\x01\xd9\xf4\xf4", 5},
        {TSP_MODE_LONG64, 3, OUTCOME_IO, 0, "\x0f\x01\xd9\xe6\xf4\xf4", 6},
        {TSP_MODE_PROT32, 0, OUTCOME_HALT, 1, "\x0f\x01\xc1\xf4\xf4", 5},
        {TSP_MODE_REAL16, 0, OUTCOME_HALT, 1, "\x0f\x01\xd9\xf4\xf4", 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        arrange(row[i].mode, row[i].level, row[i].code, row[i].n, row[i].code, row[i].n);
        o.exit = row[i].exit;
        o.out.pc = start() + 3 + row[i].past;
        o.out.r[TSP_RAX] = 0xfffffffffffffc18ull;
        assert_int_equal(events(), 1);
        assert_int_equal(ev[0].kind, TSP_EV_HYPERCALL);
        assert_int_equal(ev[0].len, 3);
        assert_memory_equal(ev[0].fetched, row[i].code, 3);
        assert_memory_equal(ev[0].stored, row[i].code, row[i].n);
        assert_int_equal(ev[0].before.pc, start());
        assert_int_equal(ev[0].before.r[TSP_RAX], 1);
        assert_int_equal(ev[0].after.pc, start() + 3);
        assert_int_equal(ev[0].after.level, row[i].level);
        assert_int_equal(ev[0].after.mode, row[i].mode);
        assert_true(ev[0].after.r[TSP_RAX] == 0xfffffffffffffc18ull);
        assert_int_equal(ev[0].addr, s.code_at);
        assert_int_equal(ev[0].sys[TSP_SYS_CR0], setup.vcpu[0].x86.cr0);
        assert_int_equal(ev[0].text[0],
                         TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH);
    }
}

static void recorded_cpuid_completes(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x66\x0f\xa2\xf4\xf4", "\x66\x0f\xa2\xf4\xf4");
    o.out.pc = start() + 4;
    o.out.r[TSP_RBX] = 0x756e6547;
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_CPUID);
    assert_int_equal(ev[0].len, 3);
    assert_int_equal(ev[0].after.pc, start() + 3);
    assert_int_equal(ev[0].after.r[TSP_RBX], 0x756e6547);
}

/* The tables of CPUID answers carry no memory: text is not at stake there. */
static void recorded_cpuid_needs_no_memory(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\xa2\xf4", "");
    o.mem_len = 0;
    o.out.pc = start() + 3;
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_CPUID);
    assert_int_equal(ev[0].after.pc, start() + 2);
}

static void recorded_rewrite_is_a_patch_and_a_call(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4\xf4", "\x0f\x01\xd9\xf4\xf4");
    o.out.pc = start() + 4;
    o.out.r[TSP_RAX] = 0;
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    assert_memory_equal(ev[0].fetched, "\x0f\x01\xc1", 3);
    assert_memory_equal(ev[0].stored, "\x0f\x01\xd9", 3);
    /* Only the last byte differs, but a whole opcode was written. */
    assert_int_equal(ev[0].info[0], s.code_at);
    assert_int_equal(ev[0].info[1], 3);
    assert_int_equal(ev[0].after.pc, ev[0].before.pc);
    assert_int_equal(ev[0].after.r[TSP_RAX], 1);
    assert_int_equal(ev[1].kind, TSP_EV_HYPERCALL);
    assert_memory_equal(ev[1].fetched, "\x0f\x01\xd9", 3);
    assert_int_equal(ev[1].after.pc, start() + 3);
    assert_int_equal(ev[1].after.r[TSP_RAX], 0);
}

/* The rewrite at the first prefix leaves the old last byte behind; what it led to shows in pc. */
static void recorded_prefixed_rewrite_shows_the_stray_opcode(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x66\x0f\x01\xc1\xf8\x00\xf4\xf4\xf4",
            "\x0f\x01\xd9\xc1\xf8\x00\xf4\xf4\xf4");
    o.out.pc = start() + 7; /* sar eax, 0; hlt */
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    assert_int_equal(ev[0].len, 4);
    assert_int_equal(ev[0].info[0], s.code_at);
    assert_int_equal(ev[0].info[1], 3);
    assert_int_equal(ev[1].kind, TSP_EV_HYPERCALL);
    assert_int_equal(ev[1].len, 3);
    assert_int_equal(ev[1].after.pc, start() + 6);
}

static void exception_at(uint32_t vector, uint64_t pc)
{
    o.exit = OUTCOME_EXCEPTION;
    o.exc = true;
    o.exc_vector = vector;
    o.exc_rip = pc;
    o.exc_rflags = 0x10002;
    o.out.pc = 0x3000 + vector * 16 + 1;
    o.out.r[TSP_RSP] -= 0x28;
}

/* Three prefixes: the shifted copy leaves a whole opcode behind, which traps and is rewritten in
 * turn. */
static void recorded_second_rewrite_tells_no_registers(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_PROT32, 0, "\x66\x66\x66\x0f\x01\xc1\xf4\xf4",
            "\x0f\x01\xd9\x0f\x01\xd9\xf4\xf4");
    o.out.pc = start() + 7;
    o.out.r[TSP_RAX] = 0xfffffc18;
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    assert_int_equal(ev[0].info[0], s.code_at);
    assert_int_equal(ev[0].info[1], 6);
    exception_at(13, start() + 6);
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    /* The bytes left behind were a native call already: only three were written. */
    ARRANGE(TSP_MODE_PROT32, 0, "\x66\x66\x66\x0f\x01\xc1\xf4\xf4",
            "\x0f\x01\xc1\x0f\x01\xc1\xf4\xf4");
    o.out.pc = start() + 7;
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    assert_int_equal(ev[0].info[1], 3);
}

static void recorded_rewrite_of_the_last_bytes_keeps_the_prefix(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x66\x0f\x01\xc1\xf4", "\x66\x0f\x01\xd9\xf4");
    o.out.pc = start() + 5;
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].info[0], s.code_at + 1);
    assert_int_equal(ev[0].info[1], 3);
    assert_int_equal(ev[1].len, 4);
    assert_int_equal(ev[1].after.pc, start() + 4);
}

static void recorded_half_patch_and_page_fault(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x66\x0f\x01\xc1\xf4", "\x0f\x01\x01\xc1\xf4");
    o.exit = OUTCOME_EXCEPTION;
    o.exc = o.exc_has_error = o.exc_has_cr2 = true;
    o.exc_vector = 14;
    o.exc_error = 3;
    o.exc_cr2 = 0x11000;
    o.exc_rip = start();
    o.out.pc = 0x30e1;
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    assert_int_equal(ev[0].info[1], 2);
    assert_int_equal(ev[1].kind, TSP_EV_FAULT);
    assert_int_equal(ev[1].code, 14);
    assert_int_equal(ev[1].info[0], 3);
    assert_int_equal(ev[1].info[1], 0x11000);
    assert_memory_equal(ev[1].fetched, "\x66\x0f\x01\xc1", 4);
    assert_int_equal(ev[1].after.level, 0);
    assert_int_equal(ev[1].after.pc, 0x30e1);
}

/* The three bytes went where pc points when the CS base is forgotten, and the guest got nowhere. */
static void recorded_write_without_the_cs_base_goes_astray(void **state)
{
    uint8_t was[16];

    (void)state;
    input_default(&s, TSP_ARCH_X86);
    ARRANGE(TSP_MODE_PROT32, 0, "\x0f\x01\xc1\xf4\xf4", "\x0f\x01\xc1\xf4\xf4");
    s.cs_base = 0x10000;
    s.code_at = 0x10100;
    input_build(&s, NULL, 0, &img, &setup);
    run.code_at = s.code_at;
    assert_int_equal(start(), 0x100);
    memset(was, 0, sizeof(was));
    for (uint32_t i = 0; i < setup.npage; i++) {
        const struct tsp_page *page = &setup.page[i];

        for (uint64_t at = 0x100; at < 0x110; at++)
            if (at >= page->gpa && at - page->gpa < page->len)
                was[at - 0x100] = page->data ? page->data[at - page->gpa] : 0;
    }
    o.exit = OUTCOME_TIMEOUT;
    o.out.pc = 0x100;
    o.has_nobase = true;
    memcpy(o.nobase, was, 16);
    memcpy(o.nobase, "\x0f\x01\xd9", 3);
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    assert_int_equal(ev[0].addr, 0x10100);
    assert_int_equal(ev[0].info[0], 0x100);
    assert_int_equal(ev[0].info[1], 3);
    assert_memory_equal(ev[0].stored, "\x0f\x01\xc1", 3);
    assert_int_equal(ev[1].kind, TSP_EV_STOP);
    assert_int_equal(ev[1].code, TSP_STOP_LIVELOCK);

    memcpy(o.nobase, was, 16);
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_STOP);

    /* elsewhere other code ran, and the end is its */
    for (unsigned exit = OUTCOME_NONE; exit <= OUTCOME_UNSUPPORTED; exit++) {
        o.exit = (uint8_t)exit;
        o.out.pc = 0x1234;
        if (exit == OUTCOME_TIMEOUT || exit == OUTCOME_SHUTDOWN || exit == OUTCOME_MMIO)
            assert_int_equal(events(), 0);
    }
}

static void recorded_faults_of_trap_instructions(void **state)
{
    static const struct {
        const char *code;
        unsigned n, len, vector;
    } row[] = {
        {"\x0f\x01\xc1\xf4", 4, 3, 6}, {"\xf0\x0f\x01\xd9\xf4", 5, 4, 6},
        {"\x0f\x0b\xf4", 3, 2, 6},     {"\x0f\xb9\xc0\xf4", 4, 3, 6},
        {"\x0f\x01\xd8\xf4", 4, 3, 6}, {"\x0f\xa2\xf4", 3, 2, 13},
        {"\xcd\x80\xf4", 3, 2, 13},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        arrange(TSP_MODE_LONG64, 3, row[i].code, row[i].n, row[i].code, row[i].n);
        exception_at(row[i].vector, start());
        assert_int_equal(events(), 1);
        assert_int_equal(ev[0].kind, TSP_EV_FAULT);
        assert_int_equal(ev[0].code, row[i].vector);
        assert_int_equal(ev[0].len, row[i].len);
        assert_memory_equal(ev[0].fetched, row[i].code, row[i].len);
        assert_int_equal(ev[0].before.level, 3);
        assert_int_equal(ev[0].after.level, 0);
    }
}

/* More than 15 bytes: the event keeps 16, so that the judge can still see that it is too long. */
static void recorded_overlong_instruction_keeps_sixteen_bytes(void **state)
{
    static const char code[] =
        "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x01\xc1\xf4\xf4";

    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, code, code);
    exception_at(13, start());
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].len, 16);
    assert_memory_equal(ev[0].fetched, code, 16);
}

/* The second page of the instruction is missing: the fetch faulted, no instruction was there to be
 * judged. */
static void recorded_fetch_fault_shows_no_instruction(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4", "\x0f\x01\xc1\xf4");
    s.code_at = 0x10ffe;
    s.pte[1] = INPUT_PTE_W | INPUT_PTE_U;
    input_build(&s, NULL, 0, &img, &setup);
    run.code_at = s.code_at;
    o.out = setup.vcpu[0].regs;
    exception_at(14, start());
    o.exc_has_error = o.exc_has_cr2 = true;
    o.exc_error = 0x10;
    o.exc_cr2 = 0x11000;
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_FAULT);
    assert_int_equal(ev[0].len, 0);
    assert_int_equal(ev[0].info[1], 0x11000);
}

static void recorded_rights_of_the_text_are_told(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4", "\x0f\x01\xc1\xf4");
    s.code_at = 0x10ffe;
    s.pte[1] = INPUT_PTE_P | INPUT_PTE_U;
    input_build(&s, NULL, 0, &img, &setup);
    run.code_at = s.code_at;
    o.out = setup.vcpu[0].regs;
    exception_at(6, start());
    assert_int_equal(events(), 1);
    assert_true(ev[0].text[0] & TSP_TEXT_WRITE);
    assert_int_equal(ev[0].text[1], TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_FETCH);
    /* Without write protection a supervisor may write all the same. */
    s.cpu &= ~INPUT_CPU_WP;
    input_build(&s, NULL, 0, &img, &setup);
    assert_int_equal(events(), 1);
    assert_true(ev[0].text[1] & TSP_TEXT_WRITE);
    s.cpu |= INPUT_CPU_ROM;
    input_build(&s, NULL, 0, &img, &setup);
    assert_int_equal(events(), 1);
    assert_true(ev[0].text[0] & TSP_TEXT_ROM);
}

/* Single step: the instruction completed, then #DB came with the next pc. */
static void recorded_trap_after_a_completed_instruction(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xd9\xf4", "\x0f\x01\xd9\xf4");
    exception_at(1, start() + 3);
    o.exc_rflags = 0x102;
    o.out.r[TSP_RAX] = 0;
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].kind, TSP_EV_HYPERCALL);
    assert_int_equal(ev[0].after.pc, start() + 3);
    assert_int_equal(ev[0].after.r[TSP_RSP], ev[0].before.r[TSP_RSP]);
    assert_int_equal(ev[0].after.flags, 0x102);
    assert_int_equal(ev[1].kind, TSP_EV_FAULT);
    assert_int_equal(ev[1].code, 1);
    assert_int_equal(ev[1].len, 0);
    assert_int_equal(ev[1].before.pc, start() + 3);
}

static void recorded_exits_to_user_space(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4", "\x0f\x01\xd9\xf4");
    o.exit = OUTCOME_HYPERCALL;
    o.has_call = true;
    o.call_nr = 12;
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].kind, TSP_EV_PATCH);
    assert_int_equal(ev[1].kind, TSP_EV_STOP);
    assert_int_equal(ev[1].code, TSP_STOP_EXIT);
    assert_int_equal(ev[1].info[0], 12);
    assert_memory_equal(ev[1].fetched, "\x0f\x01\xd9", 3);

    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4", "\x0f\x01\xc1\xf4");
    o.exit = OUTCOME_MMIO;
    o.has_mmio = true;
    o.mmio_gpa = 0x10000;
    o.mmio_len = 3;
    memcpy(o.mmio_data, "\x0f\x01\xd9", 3);
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_MMIO);
    assert_int_equal(ev[0].addr, 0x10000);
    assert_int_equal(ev[0].info[0], 0xd9010f);
    assert_int_equal(ev[0].info[1], 1 | 3 << 4);
    assert_memory_equal(ev[0].fetched, "\x0f\x01\xc1", 3);
}

static void recorded_arm64_calls(void **state)
{
    static const struct {
        uint8_t exit;
        uint32_t code, past;
        uint64_t x0;
        uint16_t kind;
        uint32_t want, info;
    } row[] = {
        {OUTCOME_END, 0, 8, 0x80000000, TSP_EV_HYPERCALL, 0, 0},
        {OUTCOME_TIMEOUT, 0, 4, 0x84000002, TSP_EV_STOP, TSP_STOP_OFF, 0},
        {OUTCOME_TIMEOUT, 0, 4, 0xc4000001, TSP_EV_STOP, TSP_STOP_SUSPEND, 0},
        {OUTCOME_SYSTEM, 1, 4, 0x84000008, TSP_EV_STOP, TSP_STOP_SHUTDOWN, 0},
        {OUTCOME_SYSTEM, 2, 4, 0x84000009, TSP_EV_STOP, TSP_STOP_RESET, 0},
        {OUTCOME_SYSTEM, 5, 4, 0xc400000e, TSP_EV_STOP, TSP_STOP_SUSPEND, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        ARRANGE(TSP_MODE_A64, 1, "\x02\x00\x00\xd4", "\x02\x00\x00\xd4");
        s.regs[0] = row[i].x0;
        input_build(&s, NULL, 0, &img, &setup);
        o.exit = row[i].exit;
        o.code = row[i].code;
        o.out.pc = start() + row[i].past;
        o.out.r[28] = 0; /* not recorded */
        assert_int_equal(events(), 1);
        assert_int_equal(ev[0].kind, row[i].kind);
        assert_int_equal(ev[0].code, row[i].want);
        assert_int_equal(ev[0].info[0], row[i].info);
        assert_int_equal(ev[0].after.pc, start() + 4);
        assert_int_equal(ev[0].after.r[28], ev[0].before.r[28]);
        assert_memory_equal(ev[0].fetched, "\x02\x00\x00\xd4", 4);
    }
}

static void recorded_arm64_undefined(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_A64, 0, "\x02\x00\x00\xd4", "\x02\x00\x00\xd4");
    o.exit = OUTCOME_EXCEPTION;
    o.exc = o.exc_has_error = true;
    o.exc_vector = 0x400;
    o.exc_error = 0x2000000;
    o.exc_rip = start();
    o.out.pc = 0x40002408;
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].kind, TSP_EV_FAULT);
    assert_int_equal(ev[0].code, 0x400);
    assert_int_equal(ev[0].info[0], 0x2000000);
    assert_int_equal(ev[0].after.level, 1);
}

/* What cannot be told is not judged: the run counts as unsupported. */
static void recorded_no_events_without_certainty(void **state)
{
    (void)state;
    /* The first instruction is plain. */
    ARRANGE(TSP_MODE_LONG64, 0, "\xfb\x0f\x01\xd9\xf4", "\xfb\x0f\x01\xd9\xf4");
    o.out.pc = start() + 5;
    assert_int_equal(events(), 0);
    /* Another call follows. */
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xd9\x0f\x01\xd9\xf4", "\x0f\x01\xd9\x0f\x01\xd9\xf4");
    o.out.pc = start() + 7;
    assert_int_equal(events(), 0);
    /* Both of two calls were rewritten. */
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\x0f\x01\xc1\xf4", "\x0f\x01\xd9\x0f\x01\xd9\xf4");
    o.out.pc = start() + 7;
    assert_int_equal(events(), 0);
    /* Another x86 vCPU could have written the text. */
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4", "\x0f\x01\xd9\xf4");
    o.out.pc = start() + 4;
    setup.nvcpu = 2;
    assert_int_equal(events(), 0);
    setup.nvcpu = 1;
    assert_int_equal(events(), 2);
    /* The text after the run is not known. */
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4", "");
    o.mem_len = 0;
    o.out.pc = start() + 4;
    assert_int_equal(events(), 0);
    /* A clock value. */
    ARRANGE(TSP_MODE_A64, 1, "\x02\x00\x00\xd4", "\x02\x00\x00\xd4");
    o.exit = OUTCOME_END;
    o.out.pc = start() + 8;
    o.vary = 1;
    assert_int_equal(events(), 0);
    /* The hypervisor broke. */
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xd9\xf4", "\x0f\x01\xd9\xf4");
    o.exit = OUTCOME_INTERNAL;
    assert_int_equal(events(), 0);
    /* In 16-bit code 48 is an instruction of its own. */
    ARRANGE(TSP_MODE_REAL16, 0, "\x48\x0f\x01\xd9\xf4", "\x48\x0f\x01\xd9\xf4");
    o.out.pc = start() + 5;
    assert_int_equal(events(), 0);
    /* No room. */
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\xa2\xf4", "\x0f\xa2\xf4");
    o.out.pc = start() + 3;
    assert_int_equal(outcome_events(&run, ev, 3), 0);
}

/* A store of one byte too many, over the end mark's second byte, is seen: nothing else can have
 * written it. */
static void recorded_rewrite_beyond_the_instruction_is_seen(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x0f\x01\xc1\xf4\xf4", "\x0f\x01\xd9\xf4\x90");
    o.out.pc = start() + 4;
    assert_int_equal(events(), 2);
    assert_int_equal(ev[0].info[0], s.code_at + 2);
    assert_int_equal(ev[0].info[1], 3);
    assert_int_equal(ev[0].stored[4], 0x90);
}

/* A landing pad of harmless instructions before the end mark does not hide where the call ended. */
static void recorded_landing_pad_is_walked(void **state)
{
    (void)state;
    ARRANGE(TSP_MODE_LONG64, 0, "\x67\x0f\x01\xd9\xf8\x00\xf4\xf4",
            "\x67\x0f\x01\xd9\xf8\x00\xf4\xf4");
    o.out.pc = start() + 8; /* clc; add ah, dh; hlt */
    o.out.flags = 0x46;
    assert_int_equal(events(), 1);
    assert_int_equal(ev[0].after.pc, start() + 4);
    assert_int_equal(ev[0].after.flags, ev[0].before.flags);
    /* With something in DH the pad changes AH: then RAX after the call is not known. */
    o.out.r[TSP_RDX] = 0x100;
    assert_int_equal(events(), 0);
}

/* Whatever a file says happened, making events of it ends and stays inside its arrays. */
static void recorded_wild_outcomes_never_hurt(void **state)
{
    uint32_t seed = 7;
    unsigned told = 0;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[sizeof(o)];

        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        input_parse(bytes, sizeof(bytes), &s);
        input_build(&s, NULL, 0, &img, &setup);
        memset(&o, 0, sizeof(o));
        o.exit = bytes[0] % 14;
        o.code = bytes[1] & 7;
        o.mem_len = bytes[2] % (OUTCOME_MEM + 1);
        o.exc_rip = setup.vcpu[0].regs.pc + (bytes[3] & 7);
        o.has_nobase = bytes[4] & 1;
        o.mmio_len = bytes[5];
        o.out = setup.vcpu[0].regs;
        o.out.pc += bytes[6] & 15;
        memcpy(o.mem, bytes + 7, OUTCOME_MEM);
        run = (struct recorded_run){.setup = &setup,
                                    .code = s.code[0],
                                    .ncode = s.ncode[0],
                                    .code_at = s.code_at,
                                    .outcome = &o};
        told += outcome_events(&run, ev, 4) > 0;
    }
    assert_true(told > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(recorded_native_call_completes),
    cmocka_unit_test(recorded_cpuid_completes),
    cmocka_unit_test(recorded_cpuid_needs_no_memory),
    cmocka_unit_test(recorded_rewrite_is_a_patch_and_a_call),
    cmocka_unit_test(recorded_prefixed_rewrite_shows_the_stray_opcode),
    cmocka_unit_test(recorded_second_rewrite_tells_no_registers),
    cmocka_unit_test(recorded_rewrite_of_the_last_bytes_keeps_the_prefix),
    cmocka_unit_test(recorded_half_patch_and_page_fault),
    cmocka_unit_test(recorded_write_without_the_cs_base_goes_astray),
    cmocka_unit_test(recorded_faults_of_trap_instructions),
    cmocka_unit_test(recorded_overlong_instruction_keeps_sixteen_bytes),
    cmocka_unit_test(recorded_fetch_fault_shows_no_instruction),
    cmocka_unit_test(recorded_rights_of_the_text_are_told),
    cmocka_unit_test(recorded_trap_after_a_completed_instruction),
    cmocka_unit_test(recorded_exits_to_user_space),
    cmocka_unit_test(recorded_arm64_calls),
    cmocka_unit_test(recorded_arm64_undefined),
    cmocka_unit_test(recorded_no_events_without_certainty),
    cmocka_unit_test(recorded_rewrite_beyond_the_instruction_is_seen),
    cmocka_unit_test(recorded_landing_pad_is_walked),
    cmocka_unit_test(recorded_wild_outcomes_never_hurt),
};

TEST_MAIN(tests)
