/* SPDX-License-Identifier: MIT */
/* Short programs and the registers they end with, in 16, 32 and 64-bit code. */
#include "tests/unit/exec_guest.h"
#include "tests/unit/hex.h"

#define R16 TSP_MODE_REAL16
#define P32 TSP_MODE_PROT32
#define L64 TSP_MODE_LONG64
#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define DF 0x400u
#define OF 0x800u
#define ARITH (CF | PF | AF | ZF | SF | OF)

/* Registers A C D B before and after; flags after under mask. */
struct row {
    uint8_t mode;
    const char *hex;
    uint64_t in[4], out[4];
    uint64_t flags_in, mask, flags;
};

static void run_row(struct guest *g, const struct row *r)
{
    uint8_t code[48];
    size_t n = from_hex(r->hex, code);
    struct tsp_regs *regs = &g->setup.vcpu[0].regs;
    const uint64_t *out = g->ev.after.r;

    guest_prepare(g, r->mode, code, n);
    for (unsigned i = 0; i < 4; i++)
        regs->r[i] = r->in[i];
    regs->flags |= r->flags_in;
    guest_start(g);
    guest_step(g, 1000);
    if (!guest_halted(g))
        fail_msg("%s: event %u code %u pc %llx", r->hex, g->ev.kind, g->ev.code,
                 (unsigned long long)g->ev.after.pc);
    for (unsigned i = 0; i < 4; i++)
        if (out[i] != r->out[i])
            fail_msg("%s: register %u is %llx, not %llx", r->hex, i, (unsigned long long)out[i],
                     (unsigned long long)r->out[i]);
    if ((g->ev.after.flags & r->mask) != r->flags)
        fail_msg("%s: flags %llx, not %llx", r->hex,
                 (unsigned long long)(g->ev.after.flags & r->mask), (unsigned long long)r->flags);
}

static void run_rows(const struct row *rows, size_t n)
{
    static struct guest g;

    for (size_t i = 0; i < n; i++)
        run_row(&g, &rows[i]);
    vm_close(g.vm);
    g.vm = NULL;
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void register_widths(void **state)
{
    static const struct row rows[] = {
        {L64, "b801000000", {~0ull, 0, 0, 0}, {1, 0, 0, 0}, 0, 0, 0},
        {L64, "66b80100", {~0ull, 0, 0, 0}, {0xffffffffffff0001, 0, 0, 0}, 0, 0, 0},
        {L64, "b401", {~0ull, 0, 0, 0}, {0xffffffffffff01ff, 0, 0, 0}, 0, 0, 0},
        {L64, "48c7c0ffffffff", {0, 0, 0, 0}, {~0ull, 0, 0, 0}, 0, 0, 0},
        {L64, "0fbec0", {0x80, 0, 0, 0}, {0xffffff80, 0, 0, 0}, 0, 0, 0},
        {L64, "480fbec0", {0x80, 0, 0, 0}, {0xffffffffffffff80, 0, 0, 0}, 0, 0, 0},
        {L64, "4863c1", {0, 0x80000000, 0, 0}, {0xffffffff80000000, 0x80000000, 0, 0}, 0, 0, 0},
        {L64, "0f44c1", {~0ull, 5, 0, 0}, {0xffffffff, 5, 0, 0}, 0, 0, 0}, /* CMOVE not taken */
        {L64, "0f44c1", {~0ull, 5, 0, 0}, {5, 5, 0, 0}, ZF, 0, 0},
        {L64, "480fc8", {0x0102030405060708, 0, 0, 0}, {0x0807060504030201, 0, 0, 0}, 0, 0, 0},
        {L64, "4899", {1ull << 63, 0, 0, 0}, {1ull << 63, 0, ~0ull, 0}, 0, 0, 0},
        {P32, "98", {0x12348765, 0, 0, 0}, {0xffff8765, 0, 0, 0}, 0, 0, 0},
        {R16, "98", {0x12348785, 0, 0, 0}, {0x1234ff85, 0, 0, 0}, 0, 0, 0},
        {R16, "6698", {0x12348785, 0, 0, 0}, {0xffff8785, 0, 0, 0}, 0, 0, 0},
        {L64, "91", {1, 2, 0, 0}, {2, 1, 0, 0}, 0, 0, 0},
        {L64, "488d4411ff", {0, 3, 4, 0}, {6, 3, 4, 0}, 0, 0, 0},
        {L64, "488d4c91ff", {0, 3, 4, 0}, {0, 18, 4, 0}, 0, 0, 0},
        {L64, "8d4c91ff", {0, ~0ull, 0, 0}, {0, 0xfffffffe, 0, 0}, 0, 0, 0},
        {L64, "678d4c91ff", {0, 0x1ffffffff, 1, 0}, {0, 2, 1, 0}, 0, 0, 0},
        {R16, "8d4001", {0, 0, 0, 0xffff}, {0, 0, 0, 0xffff}, 0, 0, 0},
    };

    (void)state;
    RUN(rows);
}

/* Intel SDM Vol. 2A: DAA 79+35, 2E with CF; DAS 35-47; AAA, AAS, AAM, AAD. */
static void decimal_adjustment(void **state)
{
    static const struct row rows[] = {
        {P32,
         "00d827",
         {0x79, 0, 0, 0x35},
         {0x14, 0, 0, 0x35},
         0,
         CF | AF | SF | ZF | PF,
         CF | AF | PF},
        {P32, "27", {0x2e, 0, 0, 0}, {0x34, 0, 0, 0}, 0, CF | AF | SF | ZF | PF, AF},
        {P32,
         "28d82f",
         {0x35, 0, 0, 0x47},
         {0x88, 0, 0, 0x47},
         0,
         CF | AF | SF | ZF | PF,
         CF | AF | SF | PF},
        {P32, "37", {0x000f, 0, 0, 0}, {0x0105, 0, 0, 0}, 0, CF | AF, CF | AF},
        {P32, "37", {0x0035, 0, 0, 0}, {0x0005, 0, 0, 0}, 0, CF | AF, 0},
        {P32, "3f", {0x020f, 0, 0, 0}, {0x0109, 0, 0, 0}, 0, CF | AF, CF | AF},
        {P32, "d40a", {0x003f, 0, 0, 0}, {0x0603, 0, 0, 0}, 0, SF | ZF | PF, PF},
        {P32, "d50a", {0x0603, 0, 0, 0}, {0x003f, 0, 0, 0}, 0, SF | ZF | PF, PF},
        {P32, "d6", {0, 0, 0, 0}, {0xff, 0, 0, 0}, CF, CF, CF},
    };

    (void)state;
    RUN(rows);
}

static void branches_and_loops(void **state)
{
    static const struct row rows[] = {
        {L64, "eb02b001b302", {0, 0, 0, 0}, {0, 0, 0, 2}, 0, 0, 0},
        {L64, "7402b001b302", {0, 0, 0, 0}, {0, 0, 0, 2}, ZF, 0, 0},
        {L64, "7402b001b302", {0, 0, 0, 0}, {1, 0, 0, 2}, 0, 0, 0},
        {L64, "fec0e2fc", {0, 5, 0, 0}, {5, 0, 0, 0}, 0, 0, 0},
        {L64, "67e2fe", {0, 0x500000001, 0, 0}, {0, 0, 0, 0}, 0, 0, 0},
        {R16, "40e2fd", {0, 0x70003, 0, 0}, {3, 0x70000, 0, 0}, 0, 0, 0},
        {L64, "e302b001", {0, 0, 0, 0}, {0, 0, 0, 0}, 0, 0, 0},
        {R16, "e302b001", {0, 0x10000, 0, 0}, {0, 0x10000, 0, 0}, 0, 0, 0},
        {R16, "67e302b001", {0, 0x10000, 0, 0}, {1, 0x10000, 0, 0}, 0, 0, 0},
        {L64, "e801000000f4fec0c3", {0, 0, 0, 0}, {1, 0, 0, 0}, 0, 0, 0},
        {R16, "e80100f4fec0c3", {0, 0, 0, 0}, {1, 0, 0, 0}, 0, 0, 0},
        {P32, "b808800000ffd0f4fec3c3", {0, 0, 0, 0}, {0x8008, 0, 0, 1}, 0, 0, 0},
        {L64, "488d0503000000ffe090b301", {0, 0, 0, 0}, {0x800a, 0, 0, 1}, 0, 0, 0},
        /* LOOPNE ends at the first zero, LOOPE at the first non-zero */
        {L64, "fec83cfee0fa", {5, 100, 0, 0}, {0xfe, 93, 0, 0}, 0, 0, 0},
        {L64, "39c0e1fc", {0, 4, 0, 0}, {0, 0, 0, 0}, 0, 0, 0},
    };

    (void)state;
    RUN(rows);
}

static void stack_instructions(void **state)
{
    static const struct row rows[] = {
        {L64, "5059", {7, 0, 0, 0}, {7, 7, 0, 0}, 0, 0, 0},
        {L64, "6aff58", {0, 0, 0, 0}, {~0ull, 0, 0, 0}, 0, 0, 0},
        {P32, "60619090", {1, 2, 3, 4}, {1, 2, 3, 4}, 0, 0, 0},
        {P32, "6031c031c931d231db61", {1, 2, 3, 4}, {1, 2, 3, 4}, 0, 0, 0},
        {R16, "6031c061", {0x10001, 2, 3, 4}, {0x10001, 2, 3, 4}, 0, 0, 0},
        {L64, "9c58", {0, 0, 0, 0}, {2 | ZF | CF, 0, 0, 0}, ZF | CF, 0, 0},
        {L64, "68d50a00009d", {0, 0, 0, 0}, {0, 0, 0, 0}, 0, ARITH | 0x200, ARITH | 0x200},
        {P32, "c810000189e0c9", {0, 0, 0, 0}, {0x7000 - 8 - 16, 0, 0, 0}, 0, 0, 0},
        {L64, "c810000089e0c9", {0, 0, 0, 0}, {0x7000 - 8 - 16, 0, 0, 0}, 0, 0, 0},
        {L64, "548b0424", {0, 0, 0, 0}, {0x7000, 0, 0, 0}, 0, 0, 0}, /* PUSH RSP pushes the old
                                                                        value */
        {P32, "6a055c89e0", {0, 0, 0, 0}, {5, 0, 0, 0}, 0, 0, 0}, /* POP ESP keeps what was popped
                                                                   */
    };

    (void)state;
    RUN(rows);
}

static void sixteen_bit_pushes_mix(void **state)
{
    /* push ax; push cx; pop edx (both words); RET imm drops arguments */
    static const struct row rows[] = {
        {P32, "665066515a", {0x1111, 0x2222, 0, 0}, {0x1111, 0x2222, 0x11112222, 0}, 0, 0, 0},
        {P32,
         "6a016a02e803000000"
         "89e0f4"
         "c20800",
         {0, 0, 0, 0},
         {0x7000, 0, 0, 0},
         0,
         0,
         0},
    };

    (void)state;
    RUN(rows);
}

static void memory_operands(void **state)
{
    static const struct row rows[] = {
        {L64,
         "48890425000001008a042503000100",
         {0x1122334455667788, 0, 0, 0},
         {0x1122334455667755, 0, 0, 0},
         0,
         0,
         0},
        {R16, "a300708b0e0070", {0x1234, 0, 0, 0}, {0x1234, 0x1234, 0, 0}, 0, 0, 0},
        {P32, "890d00000100833d000001000574f9", {0, 4, 0, 0}, {0, 4, 0, 0}, 0, CF | ZF, CF},
        /* BTS with a register reaches beyond the operand: bit 100 of [0x10000] */
        {L64,
         "480fab0c25000001008b042"
         "50c000100",
         {0, 100, 0, 0},
         {0x10, 100, 0, 0},
         0,
         CF,
         0},
        /* BT with a negative offset */
        {L64, "c60425ffff000080480fa30c2500000100", {0, ~0ull, 0, 0}, {0, ~0ull, 0, 0}, 0, CF, CF},
        /* XLAT */
        {L64, "c604250500010077bb00000100b005d7", {0, 0, 0, 0}, {0x77, 0, 0, 0x10000}, 0, 0, 0},
        /* CMPXCHG8B: equal, then not */
        {P32,
         "c7050000010001000000c7050400010002000000"
         "0fc70d00000100"
         "a100000100",
         {1, 3, 2, 4},
         {4, 3, 2, 4},
         0,
         ZF,
         ZF},
        {P32,
         "c7050000010001000000"
         "0fc70d00000100",
         {9, 3, 2, 4},
         {1, 3, 0, 4},
         0,
         ZF,
         0},
        /* MOVBE */
        {L64,
         "0f38f10425000001008b0c2500000100",
         {0x01020304, 0, 0, 0},
         {0x01020304, 0x04030201, 0, 0},
         0,
         0,
         0},
        /* RIP-relative: the four bytes behind the instruction */
        {L64, "8b0501000000f411223344", {0, 0, 0, 0}, {0x44332211, 0, 0, 0}, 0, 0, 0},
    };

    (void)state;
    RUN(rows);
}

static void string_instructions(void **state)
{
    static const struct row rows[] = {
        /* mov edi,0x10000; mov ecx,8; mov al,0xaa; rep stosb; mov eax,[0x10004] */
        {L64,
         "bf00000100b908000000b0aaf3aa8b042504000100",
         {0, 0, 0, 0},
         {0xaaaaaaaa, 0, 0, 0},
         0,
         0,
         0},
        /* a count of zero does nothing */
        {L64, "bf00000100f3aa8b042500000100", {0x55, 0, 0, 0}, {0, 0, 0, 0}, 0, 0, 0},
        /* more elements than one chunk: 100 dwords */
        {P32,
         "bf00000100b964000000b801000000f3abb900000000a18c010100",
         {0, 0, 0, 0},
         {1, 0, 0, 0},
         0,
         0,
         0},
        /* repne scasb finds the first 7: mov byte [0x10003],7; edi=0x10000; ecx=10; al=7 */
        {L64,
         "c604250300010007bf00000100b90a000000b007f2ae",
         {0, 0, 0, 0},
         {7, 6, 0, 0},
         0,
         ZF,
         ZF},
        /* repe cmpsb stops at the difference */
        {L64,
         "c604250200010001be00000100bf00010100b908000000f3a6",
         {0, 0, 0, 0},
         {0, 5, 0, 0},
         0,
         ZF | CF,
         0},
        /* std; lodsb twice goes down */
        {L64,
         "fdc60425010001000bc60425000001000cbe01000100acaceb00fc",
         {0, 0, 0, 0},
         {0x0c, 0, 0, 0},
         0,
         DF,
         0},
        /* movsw in real mode through 16-bit registers: mov word [0x7000],0x4142; si=0x7000
           di=0x7100 */
        {R16, "c70600704241be0070bf0071a5a10071", {0, 0, 0, 0}, {0x4142, 0, 0, 0}, 0, 0, 0},
    };

    (void)state;
    RUN(rows);
}

static void flag_instructions(void **state)
{
    static const struct row rows[] = {
        {L64, "f9", {0, 0, 0, 0}, {0, 0, 0, 0}, 0, CF, CF},
        {L64, "f8", {0, 0, 0, 0}, {0, 0, 0, 0}, CF, CF, 0},
        {L64, "f5", {0, 0, 0, 0}, {0, 0, 0, 0}, CF, CF, 0},
        {L64, "fd", {0, 0, 0, 0}, {0, 0, 0, 0}, 0, DF, DF},
        {L64, "9f", {0, 0, 0, 0}, {(2 | CF | ZF) << 8, 0, 0, 0}, CF | ZF, 0, 0},
        {L64, "9e", {0xff00, 0, 0, 0}, {0xff00, 0, 0, 0}, 0, ARITH, ARITH & ~OF},
        /* INC keeps the carry that an ADD left lazily */
        {L64,
         "04ff04ff"
         "fec3",
         {0, 0, 0, 0},
         {0xfe, 0, 0, 1},
         0,
         CF | ZF,
         CF},
        {L64,
         "0401"
         "fecb"
         "0f92c1",
         {0xff, 0, 0, 1},
         {0, 1, 0, 0},
         0,
         ZF | CF,
         ZF | CF},
        {L64, "d0c8", {1, 0, 0, 0}, {0x80, 0, 0, 0}, ZF, CF | ZF | OF, CF | ZF | OF},
    };

    (void)state;
    RUN(rows);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(register_widths),        cmocka_unit_test(decimal_adjustment),
    cmocka_unit_test(branches_and_loops),     cmocka_unit_test(stack_instructions),
    cmocka_unit_test(sixteen_bit_pushes_mix), cmocka_unit_test(memory_operands),
    cmocka_unit_test(string_instructions),    cmocka_unit_test(flag_instructions),
};

TEST_MAIN(tests)
