/* SPDX-License-Identifier: MIT */
/*
 * The rewrite of the other vendor's hypercall instruction. A guest that executes VMCALL on an AMD
 * processor, or VMMCALL on an Intel one, gets #UD; KVM replaces the three opcode bytes by the
 * native ones and lets it try again. What the documents imply and what Linux 6.1 does differ in
 * where, how much and under which checks is written: each test names one such point and shows both.
 */
#include "tests/unit/kvm_rig.h"
#include "trapspec/bits.h"

#define DOC "kvm"
#define LINUX "kvm@linux-6.1"
#define PD 0x8000u
#define PT 0x9000u
#define RO 5u /* present, user */
#define RW 7u

static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1, 0xf4};
static const uint8_t vmmcall[] = {0x0f, 0x01, 0xd9, 0xf4};

struct guest {
    const char *profile;
    enum tsp_vendor host;
    uint32_t mode, level;
    enum tsp_patch patch;
    const uint8_t *code;
    size_t len;
    uint64_t at, base; /* linear address of the code, CS base */
};

/* 64-bit code in a flat guest, VMCALL on an AMD host: what the tests vary. */
static struct guest usual(const char *profile)
{
    return (struct guest){profile, TSP_VENDOR_AMD, TSP_MODE_LONG64, 0, TSP_PATCH_REWRITE,
                          vmcall,  sizeof(vmcall), RIG_CODE,        0};
}

static void boot(struct rig *r, const struct guest *g)
{
    struct tsp_vcpu_state *s;

    rig_open(r, g->profile);
    r->setup.host = (uint8_t)g->host;
    r->setup.patch = (uint8_t)g->patch;
    s = rig_vcpu(r, 0);
    s->regs.mode = g->mode;
    s->regs.level = g->level;
    s->regs.pc = g->at - g->base;
    s->regs.r[TSP_RAX] = 1;
    s->x86.seg[TSP_CS].base = g->base;
    rig_start(r);
    rig_poke(r, g->at, g->code, g->len);
}

/* 32-bit paging over all of memory; one page gets its own rights. */
static void page_on(struct rig *r, uint64_t page, uint32_t rights)
{
    uint8_t entry[4];

    le_store(entry, PT | RW, 4);
    rig_poke(r, PD, entry, 4);
    for (uint32_t p = 0; p < RIG_RAM / MEM_PAGE; p++) {
        le_store(entry, p * MEM_PAGE | (p * MEM_PAGE == page ? rights : RW), 4);
        rig_poke(r, PT + p * 4, entry, 4);
    }
    r->vm->vcpu[0].s.x86.cr3 = PD;
    r->vm->vcpu[0].s.x86.cr0 = 0x80010001;
    mmu_flush(&r->vm->vcpu[0]);
}

static void expect_text(struct rig *r, uint64_t gpa, const uint8_t *want, size_t len)
{
    uint8_t got[16];

    rig_peek(r, gpa, got, len);
    assert_memory_equal(got, want, len);
}

static void expect_fault(struct rig *r, enum step end, uint32_t vector)
{
    const struct vcpu *vc = &r->vm->vcpu[0];

    assert_int_equal(end, STEP_FAULT);
    assert_int_equal(vc->fault.vector, vector);
    assert_int_equal(vc->s.regs.pc, r->setup.vcpu[0].regs.pc);
    assert_int_equal(vc->s.regs.r[TSP_RAX], 1);
}

static void expect_patch(struct rig *r, enum step end, uint64_t lin)
{
    assert_int_equal(end, STEP_EVENT);
    assert_int_equal(r->ev.kind, TSP_EV_PATCH);
    assert_int_equal(r->ev.info[0], lin);
    assert_int_equal(r->ev.info[1], 3);
    assert_int_equal(r->vm->vcpu[0].s.regs.pc, r->setup.vcpu[0].regs.pc);
    assert_int_equal(r->vm->vcpu[0].s.regs.r[TSP_RAX], 1);
}

/* Both directions, both profiles: text changes, the guest retries, the call completes. */
static void undef_foreign_is_rewritten_and_retried(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        struct guest g = usual(k & 1 ? LINUX : DOC);
        const uint8_t *want = vmmcall;
        struct rig r;

        if (k & 2) {
            g.host = TSP_VENDOR_INTEL;
            g.code = vmmcall;
            want = vmcall;
        }
        boot(&r, &g);
        expect_patch(&r, rig_call(&r, 0), RIG_CODE);
        expect_text(&r, RIG_CODE, want, 4);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], 0);
        assert_int_equal(r.vm->vcpu[0].s.regs.pc, RIG_CODE + 3);
        rig_close(&r);
    }
}

static void undef_inject_gives_ud_and_keeps_text(void **state)
{
    struct guest g = usual(DOC);
    struct rig r;

    (void)state;
    g.patch = TSP_PATCH_INJECT;
    boot(&r, &g);
    expect_fault(&r, rig_call(&r, 0), X86_UD);
    expect_text(&r, RIG_CODE, vmcall, 4);
    rig_close(&r);
}

static void undef_emulate_completes_the_call_in_place(void **state)
{
    (void)state;
    for (uint32_t level = 0; level <= 3; level += 3) {
        struct guest g = usual(DOC);
        struct rig r;

        g.patch = TSP_PATCH_EMULATE;
        g.level = level;
        boot(&r, &g);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(r.vm->vcpu[0].s.regs.r[TSP_RAX], level == 0 ? 0 : ~(uint64_t)0);
        expect_text(&r, RIG_CODE, vmcall, 4);
        rig_close(&r);
    }
}

struct other_row {
    const char *name;
    uint8_t persona;
    uint8_t code[4];
};

static const struct other_row others[] = {
    {"nobody below", TSP_PERSONA_NONE, {0x0f, 0x01, 0xc1, 0xf4}},
    {"nobody below, native", TSP_PERSONA_NONE, {0x0f, 0x01, 0xd9, 0xf4}},
    {"LOCK", TSP_PERSONA_KVM, {0xf0, 0x0f, 0x01, 0xc1}},
    {"UD2", TSP_PERSONA_KVM, {0x0f, 0x0b, 0xf4, 0xf4}},
    {"UD1", TSP_PERSONA_KVM, {0x0f, 0xb9, 0xc0, 0xf4}},
    {"VMLAUNCH", TSP_PERSONA_KVM, {0x0f, 0x01, 0xc2, 0xf4}},
    {"VMRUN", TSP_PERSONA_KVM, {0x0f, 0x01, 0xd8, 0xf4}},
    {"ENCLU", TSP_PERSONA_KVM, {0x0f, 0x01, 0xd7, 0xf4}},
};

static void undef_other_opcodes_are_ud(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(others) / sizeof(others[0]); i++) {
        const struct other_row *o = &others[i / 2];
        struct guest g = usual(i % 2 ? LINUX : DOC);
        struct rig r;

        g.code = o->code;
        boot(&r, &g);
        r.setup.persona[0] = o->persona;
        rig_start(&r);
        rig_poke(&r, RIG_CODE, o->code, 4);
        expect_fault(&r, rig_call(&r, 0), X86_UD);
        expect_text(&r, RIG_CODE, o->code, 4);
        rig_close(&r);
    }
}

/* Prefixes: the documents change the opcode only, Linux the first three bytes, which leaves a stray
 * opcode. */
static void undef_prefix_is_kept_or_overwritten(void **state)
{
    static const uint8_t code[] = {0x66, 0x0f, 0x01, 0xc1, 0xf4};
    static const uint8_t doc[] = {0x66, 0x0f, 0x01, 0xd9, 0xf4},
                         lin[] = {0x0f, 0x01, 0xd9, 0xc1, 0xf4};
    struct guest g = usual(DOC);
    struct rig r;

    (void)state;
    g.code = code;
    g.len = sizeof(code);
    boot(&r, &g);
    expect_patch(&r, rig_call(&r, 0), RIG_CODE + 1);
    expect_text(&r, RIG_CODE, doc, sizeof(doc));
    rig_close(&r);
    g.profile = LINUX;
    boot(&r, &g);
    expect_patch(&r, rig_call(&r, 0), RIG_CODE);
    expect_text(&r, RIG_CODE, lin, sizeof(lin));
    rig_close(&r);
}

/* A CS base: Linux stores at RIP as if it were linear and never gets to the call. */
static void undef_cs_base_is_added_or_forgotten(void **state)
{
    static const uint8_t cc[4] = {0xcc, 0xcc, 0xcc, 0xcc};

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct guest g = usual(k ? LINUX : DOC);
        struct rig r;

        g.mode = TSP_MODE_PROT16;
        g.at = RIG_CODE + 0x100;
        g.base = RIG_CODE;
        boot(&r, &g);
        rig_poke(&r, 0x100, cc, 4);
        expect_patch(&r, rig_call(&r, 0), k ? 0x100 : RIG_CODE + 0x100);
        expect_text(&r, RIG_CODE + 0x100, k ? vmcall : vmmcall, 3);
        expect_text(&r, 0x100, k ? vmmcall : cc, 3);
        rig_close(&r);
    }
}

/* Text the guest may not write: #UD and nothing changed, or #PF with the write bit. */
static void undef_read_only_text(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        struct guest g = usual(k & 1 ? LINUX : DOC);
        struct rig r;

        g.mode = TSP_MODE_PROT32;
        g.level = k & 2 ? 3 : 0;
        if (k & 2) { /* at CPL 3 only the Intel direction gets this far in Linux */
            g.host = TSP_VENDOR_INTEL;
            g.code = vmmcall;
        }
        boot(&r, &g);
        page_on(&r, RIG_CODE, RO);
        expect_fault(&r, rig_call(&r, 0), k & 1 ? X86_PF : X86_UD);
        if (k & 1) {
            assert_int_equal(r.vm->vcpu[0].fault.error, k & 2 ? 7 : 3);
            assert_int_equal(r.vm->vcpu[0].fault.addr, RIG_CODE);
        }
        expect_text(&r, RIG_CODE, g.code, 4);
        rig_close(&r);
    }
}

/* CR0.WP clear: the supervisor may write read-only pages, so the rewrite may too. */
static void undef_read_only_text_without_wp(void **state)
{
    struct guest g = usual(DOC);
    struct rig r;

    (void)state;
    g.mode = TSP_MODE_PROT32;
    boot(&r, &g);
    page_on(&r, RIG_CODE, RO);
    r.vm->vcpu[0].s.x86.cr0 = 0x80000001;
    expect_patch(&r, rig_call(&r, 0), RIG_CODE);
    expect_text(&r, RIG_CODE, vmmcall, 4);
    rig_close(&r);
}

/*
 * A prefixed instruction across a page whose second half is read-only. Documents: nothing is
 * stored. Linux: the part on the first page stays, and the text is neither instruction any more.
 */
static void undef_page_crossing_second_page_read_only(void **state)
{
    static const uint8_t code[] = {0x66, 0x0f, 0x01, 0xc1}, torn[] = {0x0f, 0x01, 0x01, 0xc1};
    uint64_t end = RIG_CODE + MEM_PAGE;

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct guest g = usual(k ? LINUX : DOC);
        struct rig r;

        g.mode = TSP_MODE_PROT32;
        g.code = code;
        g.len = sizeof(code);
        g.at = end - 2;
        boot(&r, &g);
        page_on(&r, end, RO);
        expect_fault(&r, rig_call(&r, 0), k ? X86_PF : X86_UD);
        if (k)
            assert_int_equal(r.vm->vcpu[0].fault.addr, end);
        expect_text(&r, end - 2, k ? torn : code, sizeof(code));
        rig_close(&r);
    }
}

static void undef_page_crossing_both_writable(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 6; k++) {
        struct guest g = usual(k & 1 ? LINUX : DOC);
        struct rig r;

        g.at = RIG_CODE + MEM_PAGE - 1 - k / 2;
        boot(&r, &g);
        expect_patch(&r, rig_call(&r, 0), g.at);
        expect_text(&r, g.at, vmmcall, 4);
        rig_close(&r);
    }
}

/* Read-only memory: #UD, or a device write that changes nothing, for ever. */
static void undef_text_in_rom(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct guest g = usual(k ? LINUX : DOC);
        enum step end;
        struct rig r;

        boot(&r, &g);
        mem_page_mark(&r.vm->mem, RIG_CODE, MEM_ROM);
        end = rig_call(&r, 0);
        if (k == 0)
            expect_fault(&r, end, X86_UD);
        for (unsigned again = 0; k == 1 && again < 3; again++, end = rig_call(&r, 0)) {
            assert_int_equal(end, STEP_EVENT);
            assert_int_equal(r.ev.kind, TSP_EV_MMIO);
            assert_int_equal(r.ev.addr, RIG_CODE);
            assert_int_equal(r.ev.info[0], 0xd9010f);
            assert_int_equal(r.vm->vcpu[0].s.regs.pc, RIG_CODE);
            assert_false(r.vm->vcpu[0].patch.active);
        }
        expect_text(&r, RIG_CODE, vmcall, 4);
        rig_close(&r);
    }
}

/* Across a page end it is two writes, and user space is asked for the first one first. */
static void undef_text_in_rom_across_a_page(void **state)
{
    struct guest g = usual(LINUX);
    struct rig r;

    (void)state;
    g.at = RIG_CODE + MEM_PAGE - 1;
    boot(&r, &g);
    mem_page_mark(&r.vm->mem, RIG_CODE, MEM_ROM);
    mem_page_mark(&r.vm->mem, RIG_CODE + MEM_PAGE, MEM_ROM);
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(r.ev.kind, TSP_EV_MMIO);
    assert_int_equal(r.ev.addr, g.at);
    assert_int_equal(r.ev.info[0], 0x0f);
    assert_int_equal(r.ev.info[1], 1 | 1 << 4);
    expect_text(&r, g.at, vmcall, 4);
    rig_close(&r);
}

struct priv_row {
    const char *profile;
    enum tsp_vendor host;
    uint32_t mode, level;
    uint32_t fault; /* 0: rewritten */
};

static const struct priv_row privileges[] = {
    {DOC, TSP_VENDOR_AMD, TSP_MODE_LONG64, 3, 0},
    {DOC, TSP_VENDOR_AMD, TSP_MODE_VM86, 3, 0},
    {DOC, TSP_VENDOR_INTEL, TSP_MODE_REAL16, 0, 0},
    {DOC, TSP_VENDOR_INTEL, TSP_MODE_VM86, 3, 0},
    {LINUX, TSP_VENDOR_AMD, TSP_MODE_LONG64, 3, X86_GP},
    {LINUX, TSP_VENDOR_AMD, TSP_MODE_VM86, 3, X86_GP},
    {LINUX, TSP_VENDOR_AMD, TSP_MODE_REAL16, 0, 0},
    {LINUX, TSP_VENDOR_INTEL, TSP_MODE_LONG64, 3, 0},
    {LINUX, TSP_VENDOR_INTEL, TSP_MODE_PROT32, 3, 0},
    {LINUX, TSP_VENDOR_INTEL, TSP_MODE_REAL16, 0, X86_UD},
    {LINUX, TSP_VENDOR_INTEL, TSP_MODE_VM86, 3, X86_UD},
};

/* Where allowed, the privilege rule is the native one: text is rewritten, and the call then answers
 * -1. */
static void undef_privilege_and_mode_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++) {
        const struct priv_row *p = &privileges[i];
        struct guest g = usual(p->profile);
        struct rig r;

        g.host = p->host;
        g.mode = p->mode;
        g.level = p->level;
        g.code = p->host == TSP_VENDOR_AMD ? vmcall : vmmcall;
        boot(&r, &g);
        if (p->fault != 0) {
            expect_fault(&r, rig_call(&r, 0), p->fault);
            assert_int_equal(r.vm->vcpu[0].fault.has_error, p->fault == X86_GP);
            expect_text(&r, RIG_CODE, g.code, 3);
        } else {
            expect_patch(&r, rig_call(&r, 0), RIG_CODE);
            assert_int_equal(rig_call(&r, 0), STEP_EVENT);
            assert_int_equal((uint32_t)r.vm->vcpu[0].s.regs.r[TSP_RAX], p->level ? 0xffffffff : 0);
        }
        rig_close(&r);
    }
}

/* Linux ends the MOV SS or STI shadow with the rewrite, and clears RF as for a completed
 * instruction. */
static void undef_shadow_and_rf(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct guest g = usual(k ? LINUX : DOC);
        struct vcpu *vc;
        struct rig r;

        boot(&r, &g);
        vc = &r.vm->vcpu[0];
        vc->s.regs.flags |= X86_RF;
        vc->s.x86.shadow = TSP_SHADOW_MOVSS;
        expect_patch(&r, rig_call(&r, 0), RIG_CODE);
        assert_int_equal(vc->s.x86.shadow, k ? 0 : TSP_SHADOW_MOVSS);
        assert_int_equal(vc->s.regs.flags & X86_RF, k ? 0 : X86_RF);
        assert_false(vc->patch.active);
        rig_close(&r);
    }
}

static void two_vcpus(struct rig *r, const struct guest *g)
{
    boot(r, g);
    r->setup.vcpu[1] = r->setup.vcpu[0];
    r->setup.nvcpu = 2;
    rig_start(r);
    rig_poke(r, g->at, g->code, g->len);
}

/* With a second vCPU the trap and the stores are steps: one store, or one a byte. */
static void undef_stores_are_steps_with_two_vcpus(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct guest g = usual(k ? LINUX : DOC);
        unsigned stores = 0;
        struct vcpu *vc;
        struct rig r;

        two_vcpus(&r, &g);
        vc = &r.vm->vcpu[0];
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        assert_int_equal(r.ev.kind, TSP_EV_FETCH);
        expect_text(&r, RIG_CODE, vmcall, 4);
        for (; vc->patch.active; stores++) {
            assert_int_equal(x86_patch_step(r.vm, vc), STEP_EVENT);
            assert_int_equal(r.ev.kind, TSP_EV_PATCH);
            assert_int_equal(r.ev.info[0], RIG_CODE + stores);
        }
        assert_int_equal(stores, k ? 3 : 1);
        expect_text(&r, RIG_CODE, vmmcall, 4);
        rig_close(&r);
    }
}

/* The other vCPU replaces the text between trap and store: kept by the documents, lost in Linux. */
static void undef_store_between_trap_and_rewrite(void **state)
{
    static const uint8_t nops[] = {0x90, 0x90, 0x90, 0xf4};

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct guest g = usual(k ? LINUX : DOC);
        struct rig r;

        two_vcpus(&r, &g);
        assert_int_equal(rig_call(&r, 0), STEP_EVENT);
        rig_poke(&r, RIG_CODE, nops, 4);
        assert_int_equal(x86_patch_step(r.vm, &r.vm->vcpu[0]), k ? STEP_EVENT : STEP_RETRY);
        while (r.vm->vcpu[0].patch.active)
            x86_patch_step(r.vm, &r.vm->vcpu[0]);
        expect_text(&r, RIG_CODE, k ? vmmcall : nops, 4);
        rig_close(&r);
    }
}

/* The text changes between fetch and trap: Linux looks again and gives #UD for whatever is no
 * hypercall. */
static void undef_text_replaced_before_the_second_fetch(void **state)
{
    static const uint8_t nops[] = {0x90, 0x90, 0x90, 0xf4};
    struct guest g = usual(LINUX);
    struct insn in;
    struct rig r;

    (void)state;
    two_vcpus(&r, &g);
    rig_decode(&r, 0, &in);
    rig_poke(&r, RIG_CODE, nops, 4);
    expect_fault(&r, x86_hypercall(r.vm, &r.vm->vcpu[0], &in), X86_UD);
    expect_text(&r, RIG_CODE, nops, 4);
    rig_close(&r);
}

/* The other vCPU was faster: nothing is written twice, and both complete one call. */
static void undef_late_trap_finds_native_text(void **state)
{
    struct guest g = usual(DOC);
    struct rig r;

    (void)state;
    two_vcpus(&r, &g);
    assert_int_equal(rig_call(&r, 0), STEP_EVENT);
    assert_int_equal(rig_call(&r, 1), STEP_EVENT);
    assert_int_equal(x86_patch_step(r.vm, &r.vm->vcpu[1]), STEP_EVENT);
    assert_int_equal(x86_patch_step(r.vm, &r.vm->vcpu[0]), STEP_RETRY);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(rig_call(&r, i), STEP_EVENT);
        assert_int_equal(r.ev.kind, TSP_EV_HYPERCALL);
        assert_int_equal(r.vm->vcpu[i].s.regs.r[TSP_RAX], 0);
    }
    expect_text(&r, RIG_CODE, vmmcall, 4);
    rig_close(&r);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(undef_foreign_is_rewritten_and_retried),
    cmocka_unit_test(undef_inject_gives_ud_and_keeps_text),
    cmocka_unit_test(undef_emulate_completes_the_call_in_place),
    cmocka_unit_test(undef_other_opcodes_are_ud),
    cmocka_unit_test(undef_prefix_is_kept_or_overwritten),
    cmocka_unit_test(undef_cs_base_is_added_or_forgotten),
    cmocka_unit_test(undef_read_only_text),
    cmocka_unit_test(undef_read_only_text_without_wp),
    cmocka_unit_test(undef_page_crossing_second_page_read_only),
    cmocka_unit_test(undef_page_crossing_both_writable),
    cmocka_unit_test(undef_text_in_rom),
    cmocka_unit_test(undef_text_in_rom_across_a_page),
    cmocka_unit_test(undef_privilege_and_mode_rules),
    cmocka_unit_test(undef_shadow_and_rf),
    cmocka_unit_test(undef_stores_are_steps_with_two_vcpus),
    cmocka_unit_test(undef_store_between_trap_and_rewrite),
    cmocka_unit_test(undef_text_replaced_before_the_second_fetch),
    cmocka_unit_test(undef_late_trap_finds_native_text),
};

TEST_MAIN(tests)
