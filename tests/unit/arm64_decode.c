/* SPDX-License-Identifier: MIT */
/* AArch64 words to classes. The trap words are the ones a hypervisor sees, so each edge of their
 * encodings has a row. */
#include "decoder/decoder.h"
#include "tests/test_main.h"
#include "trapspec/bits.h"

struct row {
    uint32_t word;
    enum insn_status status;
    unsigned op;
    uint64_t imm;
};

static void check(const struct row *row, size_t n)
{
    struct decoder *d = decoder_open();

    assert_non_null(d);
    for (size_t i = 0; i < n; i++) {
        struct insn in;
        uint8_t p[4];

        le_store(p, row[i].word, 4);
        decode_one(d, TSP_MODE_A64, p, 4, &in);
        if (in.status != row[i].status || in.op != row[i].op)
            print_message("%08x\n", row[i].word);
        assert_int_equal(in.status, row[i].status);
        assert_int_equal(in.len, 4);
        if (row[i].status != INSN_OK)
            continue;
        assert_int_equal(in.op, row[i].op);
        assert_int_equal(in.imm, row[i].imm);
        assert_int_equal(in.word, row[i].word);
    }
    decoder_close(d);
}

static void exception_words_give_their_immediate(void **state)
{
    static const struct row rows[] = {
        {0xd4000002, INSN_OK, OP_HVC, 0},      {0xd4000022, INSN_OK, OP_HVC, 1},
        {0xd41fffe2, INSN_OK, OP_HVC, 0xffff}, {0xd4000003, INSN_OK, OP_SMC, 0},
        {0xd41fffe3, INSN_OK, OP_SMC, 0xffff}, {0xd4000001, INSN_OK, OP_SVC, 0},
        {0xd4001541, INSN_OK, OP_SVC, 0xaa},   {0xd4200000, INSN_OK, OP_BRK, 0},
        {0xd43fffe0, INSN_OK, OP_BRK, 0xffff}, {0x00000000, INSN_OK, OP_UDF, 0},
        {0x0000ffff, INSN_OK, OP_UDF, 0xffff},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void unallocated_exception_words_are_illegal(void **state)
{
    static const struct row rows[] = {
        {0xd4000006, INSN_ILLEGAL, 0, 0}, {0xd400000a, INSN_ILLEGAL, 0, 0},
        {0xd4000012, INSN_ILLEGAL, 0, 0}, {0xd4000007, INSN_ILLEGAL, 0, 0},
        {0xd4000005, INSN_ILLEGAL, 0, 0}, {0xd4000000, INSN_ILLEGAL, 0, 0},
        {0xd4200004, INSN_ILLEGAL, 0, 0}, {0xd4200002, INSN_ILLEGAL, 0, 0},
        {0xd4400000, INSN_ILLEGAL, 0, 0}, /* HLT without a debugger */
        {0xd4a00001, INSN_ILLEGAL, 0, 0}, /* DCPS1 outside debug state */
        {0xd4600000, INSN_ILLEGAL, 0, 0}, {0x00010000, INSN_ILLEGAL, 0, 0},
        {0xffffffff, INSN_ILLEGAL, 0, 0},
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void register_moves_give_the_register_code(void **state)
{
    static const struct row rows[] = {
        {0xd5380000, INSN_OK, OP_MRS, 0xc000}, /* mrs x0, midr_el1 */
        {0xd53800a1, INSN_OK, OP_MRS, 0xc005}, /* mrs x1, mpidr_el1 */
        {0xd53b0020, INSN_OK, OP_MRS, 0xd801}, /* mrs x0, ctr_el0 */
        {0xd518c000, INSN_OK, OP_MSR, 0xc600}, /* msr vbar_el1, x0 */
        {0xd50343df, INSN_OK, OP_MSR, 0x1a1e}, /* msr daifset, #3 */
        {0xd50040bf, INSN_OK, OP_MSR, 0x0205}, /* msr spsel, #0 */
        {0xd50343c0, INSN_ILLEGAL, 0, 0},      /* the same with Rt = 0 */
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void reserved_fields_are_illegal(void **state)
{
    static const struct row rows[] = {
        {0x0ae08000, INSN_ILLEGAL, 0, 0}, /* 32-bit logic with a shift of 32 */
        {0x8bc00000, INSN_ILLEGAL, 0, 0}, /* add, shift kind 3 */
        {0x8b201400, INSN_ILLEGAL, 0, 0}, /* add, extended, shift 5 */
        {0x12400000, INSN_ILLEGAL, 0, 0}, /* 32-bit logic with N */
        {0x9240fc00, INSN_ILLEGAL, 0, 0}, /* mask of all ones */
        {0x52c00000, INSN_ILLEGAL, 0, 0}, /* movz w0, lsl #32 */
        {0xb2800000, INSN_ILLEGAL, 0, 0}, /* move wide, opc 1 */
        {0x53400000, INSN_ILLEGAL, 0, 0}, /* bitfield, N does not match */
        {0xd65f0001, INSN_ILLEGAL, 0, 0}, /* ret with bit 0 */
        {0xf8c00000, INSN_ILLEGAL, 0, 0}, /* 64-bit load, opc 3 */
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void real_instructions_outside_the_subset_are_named_so(void **state)
{
    static const struct row rows[] = {
        {0x1e602820, INSN_UNSUPPORTED, 0, 0}, /* fadd d0, d1, d0 */
        {0x4ea08420, INSN_UNSUPPORTED, 0, 0}, /* add v0.4s, v1.4s, v0.4s */
        {0x3dc00000, INSN_UNSUPPORTED, 0, 0}, /* ldr q0, [x0] */
        {0x9ac04c00, INSN_UNSUPPORTED, 0, 0}, /* crc32x w0, w0, x0 */
        {0xce608000, INSN_UNSUPPORTED, 0, 0}, /* sha512h q0, q0, v0.2d */
        {0x9e670000, INSN_UNSUPPORTED, 0, 0}, /* fmov d0, x0 */
        /* known to some versions of Capstone only */
        {0x91800000, INSN_UNSUPPORTED, 0, 0}, /* addg x0, x0, #0, #0 */
        {0x99400000, INSN_UNSUPPORTED, 0, 0}, /* ldapur w0, [x0] */
        {0xd63f081f, INSN_UNSUPPORTED, 0, 0}, /* blraaz x0 */
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

/* The vCPU has neither SVE nor SME: everything in their space is UNDEFINED. */
static void sve_and_sme_are_illegal(void **state)
{
    static const struct row rows[] = {
        {0x04a00000, INSN_ILLEGAL, 0, 0}, /* add z0.s, z0.s, z0.s */
        {0xa540a000, INSN_ILLEGAL, 0, 0}, /* ld1w {z0.s}, p0/z, [x0] */
        {0x45000000, INSN_ILLEGAL, 0, 0}, /* saddlb z0.d (SVE2) */
        {0x80800000, INSN_ILLEGAL, 0, 0}, /* fmopa za0.s (SME) */
        {0x02000000, INSN_ILLEGAL, 0, 0}, /* reserved */
        {0xae208400, INSN_ILLEGAL, 0, 0}, /* vector form with bit 31 */
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void cut_off_words_are_truncated(void **state)
{
    static const uint8_t p[4] = {0x02, 0x00, 0x00, 0xd4};
    struct decoder *d = decoder_open();

    (void)state;
    assert_non_null(d);
    for (size_t n = 0; n < 4; n++) {
        struct insn in;

        assert_int_equal(decode_one(d, TSP_MODE_A64, p, n, &in), INSN_TRUNCATED);
        assert_int_equal(in.len, n);
    }
    decoder_close(d);
}

static const struct CMUnitTest table[] = {
    cmocka_unit_test(exception_words_give_their_immediate),
    cmocka_unit_test(unallocated_exception_words_are_illegal),
    cmocka_unit_test(register_moves_give_the_register_code),
    cmocka_unit_test(reserved_fields_are_illegal),
    cmocka_unit_test(real_instructions_outside_the_subset_are_named_so),
    cmocka_unit_test(sve_and_sme_are_illegal),
    cmocka_unit_test(cut_off_words_are_truncated),
};

TEST_MAIN(table)
