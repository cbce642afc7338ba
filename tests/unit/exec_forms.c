/* SPDX-License-Identifier: MIT */
/*
 * Handlers made for one form of an instruction against the general ones: the same random straight
 * code is run with blocks whose handlers were chosen and with blocks where none were. Registers,
 * flags and memory must come out the same. The general handlers have tests of their own.
 */
#include "tests/unit/emu_rig.h"

#include "emu/x86/form.h"
#include "emu/x86/x86.h"

#define CODE 0x10000u
#define DATA 0x12000u
#define INSNS 24u
#define ROUNDS 3000u

static uint8_t code[512];
static unsigned ncode;
static uint64_t seed;

static unsigned draw(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static void byte(unsigned v)
{
    code[ncode++] = (uint8_t)v;
}

/* A register number that is neither RSP nor RBP, which hold the stack and the data. */
static unsigned reg(void)
{
    static const uint8_t r[] = {0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

    return r[draw(sizeof(r))];
}

/* REX (or none where it would say nothing), opcode, ModRM with the register field given: a
 * register, [rbp + disp8], [rbp + disp32] or [rbp + rbp * 0 + disp8] (RSP as index: none). */
static void insn(unsigned op, unsigned field)
{
    static const uint8_t memory[] = {0x45, 0x85, 0x44};
    unsigned m = draw(2) ? memory[draw(3)] : 0xc0, rm = m == 0xc0 ? reg() : 0;
    unsigned rex = 0x40u | draw(2) * 8u | (field >> 3) * 4u | (rm >> 3);

    if (rex != 0x40 || draw(2))
        byte(rex);
    if (op > 0xff)
        byte(op >> 8);
    byte(op & 0xff);
    byte(m | (field & 7) << 3 | (rm & 7));
    if (m == 0x44)
        byte(0x25);
    if (m != 0xc0)
        byte(draw(64));
    for (unsigned i = 0; m == 0x85 && i < 3; i++)
        byte(0);
}

static void immediate(unsigned n)
{
    while (n--)
        byte(draw(4) ? draw(256) : 0xff);
}

static void any_insn(void)
{
    static const uint16_t two[] = {0x01, 0x03, 0x29, 0x2b, 0x21,  0x23,  0x09,  0x0b, 0x31,
                                   0x33, 0x39, 0x3b, 0x85, 0x89,  0x8b,  0x00,  0x8a, 0x11,
                                   0x1b, 0xb6, 0xb7, 0xaf, 0xfb6, 0xfb7, 0xfaf, 0xfbe};
    static const uint8_t shifts[] = {4, 5, 7, 0, 1};
    unsigned op;

    switch (draw(8)) {
    case 0:
        insn(0x81, draw(8));
        immediate(4);
        break;
    case 1:
        insn(0x83, draw(8));
        immediate(1);
        break;
    case 2:
        insn(0xc7, 0);
        immediate(4);
        break;
    case 3:
        insn(0xc1, shifts[draw(5)]);
        immediate(1);
        break;
    case 4:
        insn(draw(2) ? 0xff : 0xd1, draw(2));
        break;
    case 5: /* jcc over an instruction of three bytes */
        byte(0x70 + draw(16));
        byte(3);
        byte(0x48);
        byte(0x01);
        byte(0xc0 | (reg() & 3));
        break;
    default:
        op = two[draw(sizeof(two) / sizeof(two[0]))];
        insn(op >= 0xaf && op <= 0xb7 ? 0xf00 | op : op, reg());
    }
}

struct outcome {
    struct tsp_regs regs;
    uint8_t data[256];
};

static void run(struct vcpu *vc, bool chosen, struct outcome *out)
{
    uint64_t state = seed;

    code_reset(rig_vm.code);
    code_bind(rig_vm.code, chosen ? form_bind : NULL);
    mem_put(&rig_vm.mem, CODE, code, ncode);
    for (unsigned i = 0; i < 256; i++)
        rig_put(DATA - 128 + i, draw(256), 1);
    for (unsigned i = 0; i < 16; i++)
        vc->s.regs.r[i] = (uint64_t)draw(0x7fffffff) << (draw(3) * 16) ^ (draw(2) ? ~0ull : 0);
    vc->s.regs.r[TSP_RBP] = DATA;
    vc->s.regs.pc = CODE;
    vc->s.regs.flags = 2;
    vc->s.run_state = TSP_RUN_READY;
    memset(&vc->lazy, 0, sizeof(vc->lazy));
    mmu_flush(vc);
    x86_run(&rig_vm, vc, 1000);
    assert_int_equal(rig_event.kind, TSP_EV_STOP);
    assert_int_equal(rig_event.code, TSP_STOP_HALT);
    out->regs = vc->s.regs;
    mem_get(&rig_vm.mem, DATA - 128, out->data, sizeof(out->data));
    seed = state;
}

static void forms_do_what_the_general_handlers_do(void **state)
{
    static struct outcome a, b;
    struct vcpu *vc = rig_open();

    (void)state;
    rig_vm.nvcpu = rig_setup.nvcpu = 1;
    rig_long_mode(vc);
    seed = 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ncode = 0;
        for (unsigned k = 0; k < INSNS; k++)
            any_insn();
        byte(0xf4);
        run(vc, true, &a);
        run(vc, false, &b);
        draw(2);
        if (memcmp(&a.regs, &b.regs, sizeof(a.regs)) != 0 ||
            memcmp(a.data, b.data, sizeof(a.data)) != 0)
            fail_msg("round %u: flags 0x%llx and 0x%llx, pc 0x%llx and 0x%llx", i,
                     (unsigned long long)a.regs.flags, (unsigned long long)b.regs.flags,
                     (unsigned long long)a.regs.pc, (unsigned long long)b.regs.pc);
    }
    rig_close();
}

/* The test above says nothing if no form is ever chosen. */
static void forms_are_chosen(void **state)
{
    static const struct {
        uint8_t bytes[8];
        bool special;
    } rows[] = {
        {{0x48, 0x01, 0xd8}, true},        /* add rax, rbx */
        {{0x01, 0xd8}, true},              /* add eax, ebx */
        {{0x48, 0x8b, 0x45, 0x08}, true},  /* mov rax, [rbp+8] */
        {{0x48, 0x89, 0x45, 0x08}, true},  /* mov [rbp+8], rax */
        {{0xc1, 0xe0, 0x05}, true},        /* shl eax, 5 */
        {{0xc1, 0xe0, 0x20}, false},       /* shl eax, 32: by nothing */
        {{0x0f, 0xb6, 0x45, 0x08}, true},  /* movzx eax, byte [rbp+8] */
        {{0x0f, 0xb6, 0xc4}, false},       /* movzx eax, ah */
        {{0x64, 0x8b, 0x45, 0x08}, false}, /* mov eax, fs:[rbp+8] */
        {{0x67, 0x8b, 0x45, 0x08}, false}, /* mov eax, [ebp+8] */
        {{0x66, 0x01, 0xd8}, false},       /* add ax, bx */
        {{0x74, 0x02}, true},              /* je */
        {{0x48, 0x0f, 0xaf, 0xc3}, true},  /* imul rax, rbx */
        {{0xff, 0xc8}, true},              /* dec eax */
    };
    struct vcpu *vc = rig_open();

    (void)state;
    rig_long_mode(vc);
    code_bind(rig_vm.code, form_bind);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t lin = CODE + 64 * i;
        const struct code_block *b;

        mem_put(&rig_vm.mem, lin, rows[i].bytes, sizeof(rows[i].bytes));
        vc->s.regs.pc = lin;
        b = code_lookup(&rig_vm, vc, lin);
        assert_non_null(b);
        assert_true(b->nplain > 0);
        if ((b->fn[0] != x86_plain_handler(b->insn[0].op)) != rows[i].special)
            fail_msg("row %zu", i);
    }
    rig_close();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(forms_do_what_the_general_handlers_do),
    cmocka_unit_test(forms_are_chosen),
};

TEST_MAIN(tests)
