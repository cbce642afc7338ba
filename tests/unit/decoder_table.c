/* SPDX-License-Identifier: MIT */
/* Byte strings and what they are, mode by mode (Intel SDM Vol. 2, AMD APM Vol. 3). */
#include "decoder/decoder.h"
#include "tests/unit/hex.h"
#include "trapspec/bits.h"
#include "trapspec/target.h"

#define R16 TSP_MODE_REAL16
#define V86 TSP_MODE_VM86
#define P16 TSP_MODE_PROT16
#define P32 TSP_MODE_PROT32
#define C32 TSP_MODE_COMPAT32
#define L64 TSP_MODE_LONG64

struct row {
    int mode;
    const char *hex;
    unsigned status, op, len;
};

static void check_rows(const struct row *row, size_t n)
{
    struct decoder *d = decoder_open();
    struct insn in, pre;
    uint8_t b[32];

    assert_non_null(d);
    for (size_t i = 0; i < n; i++, row++) {
        size_t len = from_hex(row->hex, b);

        decode_one(d, (enum tsp_mode)row->mode, b, len, &in);
        if (in.status != row->status || in.op != row->op || in.len != row->len)
            fail_msg("mode %d %s: status %u op %s len %u", row->mode, row->hex, in.status,
                     insn_op_name(in.op), in.len);
        /* asked twice, answered the same from the memo */
        decode_one(d, (enum tsp_mode)row->mode, b, len, &pre);
        assert_memory_equal(&pre, &in, sizeof(in));
    }
    decoder_close(d);
}
#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void traps_are_known_in_every_mode(void **state)
{
    static const struct row plain[] = {
        {0, "0fa2", INSN_OK, OP_CPUID, 2},     {0, "0f01c1", INSN_OK, OP_VMCALL, 3},
        {0, "0f01d9", INSN_OK, OP_VMMCALL, 3}, {0, "cd80", INSN_OK, OP_INT, 2},
        {0, "cc", INSN_OK, OP_INT3, 1},        {0, "f1", INSN_OK, OP_INT1, 1},
        {0, "f4", INSN_OK, OP_HLT, 1},         {0, "e4f4", INSN_OK, OP_IN, 2},
        {0, "ec", INSN_OK, OP_IN, 1},          {0, "ed", INSN_OK, OP_IN, 1},
        {0, "e6f4", INSN_OK, OP_OUT, 2},       {0, "e7f4", INSN_OK, OP_OUT, 2},
        {0, "ee", INSN_OK, OP_OUT, 1},         {0, "6c", INSN_OK, OP_INS, 1},
        {0, "f36d", INSN_OK, OP_INS, 2},       {0, "6e", INSN_OK, OP_OUTS, 1},
        {0, "f36f", INSN_OK, OP_OUTS, 2},      {0, "0fffc0", INSN_OK, OP_UD0, 3},
        {0, "0fb9c0", INSN_OK, OP_UD1, 3},     {0, "0f0b", INSN_OK, OP_UD2, 2},
        {0, "0f32", INSN_OK, OP_RDMSR, 2},     {0, "0f30", INSN_OK, OP_WRMSR, 2},
        {0, "0f31", INSN_OK, OP_RDTSC, 2},     {0, "0f01f9", INSN_OK, OP_RDTSCP, 3},
    };

    (void)state;
    for (int mode = R16; mode <= L64; mode++) {
        struct row rows[sizeof(plain) / sizeof(plain[0])];

        memcpy(rows, plain, sizeof(rows));
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            rows[i].mode = mode;
        CHECK(rows);
    }
}

/* Any legacy prefix, any number, any order; hardware accepts them all before these. */
static void prefixes_do_not_hide_traps(void **state)
{
    static const struct row rows[] = {
        {L64, "660fa2", INSN_OK, OP_CPUID, 3},
        {L64, "f20fa2", INSN_OK, OP_CPUID, 3},
        {L64, "f30fa2", INSN_OK, OP_CPUID, 3},
        {L64, "480fa2", INSN_OK, OP_CPUID, 3},
        {L64, "6648f3670fa2", INSN_OK, OP_CPUID, 6},
        {L64, "660f01c1", INSN_OK, OP_VMCALL, 4},
        {L64, "f20f01c1", INSN_OK, OP_VMCALL, 4},
        {L64, "f30f01c1", INSN_OK, OP_VMCALL, 4},
        {L64, "f30f01d9", INSN_OK, OP_VMMCALL, 4},
        {L64, "f20f01d9", INSN_OK, OP_VMMCALL, 4},
        {L64, "48660f01d9", INSN_OK, OP_VMMCALL, 5},
        {L64, "4f0f01d9", INSN_OK, OP_VMMCALL, 4},
        {P32, "26362e3e64650f01c1", INSN_OK, OP_VMCALL, 9},
        {R16, "666767660f01d9", INSN_OK, OP_VMMCALL, 7},
        {R16, "480f01c1", INSN_OK, OP_DEC, 1},
        {L64, "6666666666666666666666660f01c1", INSN_OK, OP_VMCALL, 15},
        {R16, "666666666666666666666666660fa2", INSN_OK, OP_CPUID, 15},
        {L64, "666666666666666666666666660f01c1", INSN_TOO_LONG, OP_NONE, 15},
        {R16, "66666666666666666666666666660fa2", INSN_TOO_LONG, OP_NONE, 15},
        {L64, "66666666666666666666666666666666", INSN_TOO_LONG, OP_NONE, 15},
    };

    (void)state;
    CHECK(rows);
}

/* Capstone 4, 5 or both lack or misname these; what the subset holds is the same for all. */
static void versions_of_capstone_do_not_matter(void **state)
{
    static const struct row rows[] = {
        {L64, "63c1", INSN_OK, OP_MOVSX, 2},       {L64, "6663c1", INSN_OK, OP_MOVSX, 3},
        {L64, "4863c1", INSN_OK, OP_MOVSX, 3},     {L64, "674a0faef0", INSN_OK, OP_FENCE, 5},
        {L64, "674a0faef8", INSN_OK, OP_FENCE, 5}, {L64, "ff18", INSN_OK, OP_CALL_FAR, 2},
        {L64, "48ff28", INSN_OK, OP_JMP_FAR, 3},   {P32, "ff18", INSN_OK, OP_CALL_FAR, 2},
        {P32, "66ff28", INSN_OK, OP_JMP_FAR, 3},   {R16, "66ff18", INSN_OK, OP_CALL_FAR, 3},
        {R16, "ff28", INSN_OK, OP_JMP_FAR, 2},     {L64, "ff10", INSN_OK, OP_CALL_IND, 2},
        {L64, "0fb9c0", INSN_OK, OP_UD1, 3},       {L64, "f30f1efa", INSN_OK, OP_NOP, 4},
        {L64, "480f07", INSN_OK, OP_SYSRET, 3},    {L64, "480f35", INSN_OK, OP_SYSEXIT, 3},
    };

    (void)state;
    CHECK(rows);
}

static void lock_makes_an_undefined_opcode(void **state)
{
    static const struct row rows[] = {
        {L64, "f00fa2", INSN_ILLEGAL, OP_NONE, 3},     {L64, "f00f01c1", INSN_ILLEGAL, OP_NONE, 4},
        {P32, "f00f01d9", INSN_ILLEGAL, OP_NONE, 4},   {R16, "f0f4", INSN_ILLEGAL, OP_NONE, 2},
        {L64, "f0cc", INSN_ILLEGAL, OP_NONE, 2},       {L64, "f00130", INSN_OK, OP_ADD, 3},
        {L64, "f001f0", INSN_ILLEGAL, OP_NONE, 3},     {L64, "f00330", INSN_ILLEGAL, OP_NONE, 3},
        {L64, "f03930", INSN_ILLEGAL, OP_NONE, 3},     {L64, "f00fb10e", INSN_OK, OP_CMPXCHG, 4},
        {L64, "f00fc70e", INSN_OK, OP_CMPXCHG8B, 4},   {L64, "f0870e", INSN_OK, OP_XCHG, 3},
        {L64, "f0890e", INSN_ILLEGAL, OP_NONE, 3},     {L64, "f00fba2e05", INSN_OK, OP_BTS, 5},
        {L64, "f00fba2605", INSN_ILLEGAL, OP_NONE, 5}, {L64, "f0ff06", INSN_OK, OP_INC, 3},
        {L64, "f0f61e", INSN_OK, OP_NEG, 3},           {L64, "f0f626", INSN_ILLEGAL, OP_NONE, 3},
    };

    (void)state;
    CHECK(rows);
}

static void a_cut_off_instruction_is_truncated(void **state)
{
    static const struct row rows[] = {
        {L64, "", INSN_TRUNCATED, OP_NONE, 0},
        {L64, "0f", INSN_TRUNCATED, OP_NONE, 1},
        {L64, "0f01", INSN_TRUNCATED, OP_NONE, 2},
        {L64, "f30f01", INSN_TRUNCATED, OP_NONE, 3},
        {L64, "cd", INSN_TRUNCATED, OP_NONE, 1},
        {L64, "e4", INSN_TRUNCATED, OP_NONE, 1},
        {L64, "0fff", INSN_TRUNCATED, OP_NONE, 2},
        {L64, "0fff80", INSN_TRUNCATED, OP_NONE, 3},
        {L64, "0fb98425000000", INSN_TRUNCATED, OP_NONE, 7},
        {L64, "66", INSN_TRUNCATED, OP_NONE, 1},
        {L64, "48", INSN_TRUNCATED, OP_NONE, 1},
        {P32, "48", INSN_OK, OP_DEC, 1},
        {L64, "b8010203", INSN_TRUNCATED, OP_NONE, 4},
        {R16, "b801", INSN_TRUNCATED, OP_NONE, 2},
        {R16, "b80102", INSN_OK, OP_MOV, 3},
        {L64, "48b801020304050607", INSN_TRUNCATED, OP_NONE, 9},
        {L64, "6666666666666666666666666666", INSN_TRUNCATED, OP_NONE, 14},
    };

    (void)state;
    CHECK(rows);
}

/* UD0 and UD1 have a ModRM byte and all that it asks for (Intel SDM Vol. 2B UD). */
static void ud_instructions_have_their_full_length(void **state)
{
    static const struct row rows[] = {
        {L64, "0fff00", INSN_OK, OP_UD0, 3},
        {L64, "0fff4001", INSN_OK, OP_UD0, 4},
        {L64, "0fff8001020304", INSN_OK, OP_UD0, 7},
        {L64, "0fb904240f", INSN_OK, OP_UD1, 4},
        {L64, "0fb90425010203042f", INSN_OK, OP_UD1, 8},
        {R16, "0fb9060102", INSN_OK, OP_UD1, 5},
        {R16, "0fb944010b", INSN_OK, OP_UD1, 4},
        {P32, "670fff060102", INSN_OK, OP_UD0, 6},
        {L64, "0fb90501020304", INSN_OK, OP_UD1, 7},
        {L64, "660f0b", INSN_OK, OP_UD2, 3},
    };

    (void)state;
    CHECK(rows);
}

static void modes_change_what_bytes_mean(void **state)
{
    static const struct row rows[] = {
        {P32, "ce", INSN_OK, OP_INTO, 1},
        {L64, "ce", INSN_ILLEGAL, OP_NONE, 1},
        {P32, "06", INSN_OK, OP_PUSH_SEG, 1},
        {L64, "06", INSN_ILLEGAL, OP_NONE, 1},
        {L64, "d4", INSN_TRUNCATED, OP_NONE, 1},
        {L64, "d40a", INSN_ILLEGAL, OP_NONE, 2},
        {P32, "d40a", INSN_OK, OP_AAM, 2},
        {P32, "63c8", INSN_OK, OP_ARPL, 2},
        {R16, "63c8", INSN_ILLEGAL, OP_NONE, 2},
        {V86, "63c8", INSN_ILLEGAL, OP_NONE, 2},
        {L64, "4863c8", INSN_OK, OP_MOVSX, 3},
        {R16, "0f00d8", INSN_ILLEGAL, OP_NONE, 3},
        {P16, "0f00d8", INSN_OK, OP_LTR, 3},
        {L64, "0f01f8", INSN_OK, OP_SWAPGS, 3},
        {C32, "0f01f8", INSN_ILLEGAL, OP_NONE, 3},
        {P32, "c5f877", INSN_UNSUPPORTED, OP_NONE, 3},
        {P32, "c507", INSN_OK, OP_LFAR, 2},
        {R16, "c5f877", INSN_ILLEGAL, OP_NONE, 2},
        {P32, "620f", INSN_OK, OP_BOUND, 2},
        {L64, "ea00000000", INSN_TRUNCATED, OP_NONE, 5},
        {P32, "ea000000000800", INSN_OK, OP_JMP_FAR, 7},
        {R16, "ea00000800", INSN_OK, OP_JMP_FAR, 5},
        {L64, "ea000000000800", INSN_ILLEGAL, OP_NONE, 7},
        {L64, "0f05", INSN_OK, OP_SYSCALL, 2},
        {L64, "e800000000", INSN_OK, OP_CALL, 5},
        {R16, "e80000", INSN_OK, OP_CALL, 3},
        {L64, "66e80000", INSN_UNSUPPORTED, OP_NONE, 4},
        {L64, "6648e800000000", INSN_OK, OP_CALL, 7},
    };

    (void)state;
    CHECK(rows);
}

/* 0F 01 with a register, as a vCPU without nested virtualization, SGX, TDX, RTM, PKU, CET sees it.
 */
static void the_0f01_page_is_mostly_undefined(void **state)
{
    static const struct {
        uint8_t modrm;
        uint16_t op;
    } known[] = {
        {0xc1, OP_VMCALL}, {0xc8, OP_MONITOR}, {0xc9, OP_MWAIT},  {0xca, OP_CLAC},
        {0xcb, OP_STAC},   {0xd0, OP_XGETBV},  {0xd1, OP_XSETBV}, {0xd9, OP_VMMCALL},
        {0xf8, OP_SWAPGS}, {0xf9, OP_RDTSCP},
    };
    struct decoder *d = decoder_open();
    struct insn in;

    (void)state;
    for (unsigned m = 0xc0; m <= 0xff; m++) {
        const uint8_t b[15] = {0x0f, 0x01, (uint8_t)m};
        unsigned want = OP_NONE;

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (known[i].modrm == m)
                want = known[i].op;
        if ((m >> 3 & 7) == 4)
            want = OP_SMSW;
        if ((m >> 3 & 7) == 6)
            want = OP_LMSW;
        decode_one(d, TSP_MODE_LONG64, b, sizeof(b), &in);
        assert_int_equal(in.op, want);
        assert_int_equal(in.status, want == OP_NONE ? INSN_ILLEGAL : INSN_OK);
        assert_int_equal(in.len, 3);
    }
    decoder_close(d);
}

static void what_the_subset_lacks_is_unsupported_with_its_length(void **state)
{
    static const struct row rows[] = {
        {L64, "0f10c1", INSN_UNSUPPORTED, OP_NONE, 3},
        {L64, "660f6fc1", INSN_UNSUPPORTED, OP_NONE, 4},
        {L64, "d9e8", INSN_OK, OP_X87, 2},
        {L64, "dd442408", INSN_UNSUPPORTED, OP_NONE, 4},
        {L64, "c4e27d180501020304", INSN_UNSUPPORTED, OP_NONE, 9},
        {L64, "0fc7f0", INSN_UNSUPPORTED, OP_NONE, 3},
        {L64, "62f17c48280501020304", INSN_UNSUPPORTED, OP_NONE, 10},
        {L64, "660f3a0fc103", INSN_UNSUPPORTED, OP_NONE, 6},
        {L64, "0fae00", INSN_UNSUPPORTED, OP_NONE, 3},
        {L64, "f20f38f0c1", INSN_UNSUPPORTED, OP_NONE, 5},
        {L64, "d9f8", INSN_OK, OP_X87, 2},
        {L64, "dfe0", INSN_UNSUPPORTED, OP_NONE, 2},
        {L64, "dbf1", INSN_UNSUPPORTED, OP_NONE, 2},
        {L64, "d9d1", INSN_UNSUPPORTED, OP_NONE, 2},
        {L64, "f0d9f8", INSN_ILLEGAL, OP_NONE, 3},
        {L64, "0f04", INSN_ILLEGAL, OP_NONE, 2},
        {L64, "0faa", INSN_ILLEGAL, OP_NONE, 2},
        {L64, "0f20c8", INSN_ILLEGAL, OP_NONE, 3},
        {L64, "0f20d8", INSN_OK, OP_MOV_CR, 3},
        {L64, "8ec8", INSN_ILLEGAL, OP_NONE, 2},
        {L64, "8ed8", INSN_OK, OP_MOV_SEG, 2},
        {L64, "fff8", INSN_ILLEGAL, OP_NONE, 2},
        {L64, "8dc0", INSN_ILLEGAL, OP_NONE, 2},
        {L64, "f30fb8c1", INSN_OK, OP_POPCNT, 4},
        {L64, "0fb8c1", INSN_ILLEGAL, OP_NONE, 3},
        {L64, "f30f1efa", INSN_OK, OP_NOP, 4},
        {L64, "660f1f840000000000", INSN_OK, OP_NOP, 9},
        {L64, "f390", INSN_OK, OP_NOP, 2},
        {L64, "4190", INSN_OK, OP_XCHG, 2},
        {L64, "0faee8", INSN_OK, OP_FENCE, 3},
        {L64, "0fae38", INSN_UNSUPPORTED, OP_NONE, 3},
    };

    (void)state;
    CHECK(rows);
}

struct opnd_row {
    int mode;
    const char *hex;
    unsigned op, osize, asize, seg, base, index, scale;
    int64_t disp;
    uint64_t imm;
    unsigned kind0, reg0, size0, kind1, reg1, size1;
};

static const struct opnd_row opnd_rows[] = {
    {L64, "488b448e10", OP_MOV, 8, 8, TSP_DS, 6, 1, 4, 0x10, 0, OPND_REG, 0, 8, OPND_MEM, 0, 8},
    {L64, "448b65f8", OP_MOV, 4, 8, TSP_SS, 5, 255, 1, -8, 0, OPND_REG, 12, 4, OPND_MEM, 0, 4},
    {L64, "458b65f8", OP_MOV, 4, 8, TSP_DS, 13, 255, 1, -8, 0, OPND_REG, 12, 4, OPND_MEM, 0, 4},
    {L64, "8b0510000000", OP_MOV, 4, 8, TSP_DS, 16, 255, 1, 0x10, 0, OPND_REG, 0, 4, OPND_MEM, 0,
     4},
    {P32, "8b0510000000", OP_MOV, 4, 4, TSP_DS, 255, 255, 1, 0x10, 0, OPND_REG, 0, 4, OPND_MEM, 0,
     4},
    {R16, "8b4206", OP_MOV, 2, 2, TSP_SS, 5, 6, 1, 6, 0, OPND_REG, 0, 2, OPND_MEM, 0, 2},
    {R16, "678b4206", OP_MOV, 2, 4, TSP_DS, 2, 255, 1, 6, 0, OPND_REG, 0, 2, OPND_MEM, 0, 2},
    {L64, "648b042508000000", OP_MOV, 4, 8, TSP_FS, 255, 255, 1, 8, 0, OPND_REG, 0, 4, OPND_MEM, 0,
     4},
    {L64, "2e8b00", OP_MOV, 4, 8, TSP_DS, 0, 255, 1, 0, 0, OPND_REG, 0, 4, OPND_MEM, 0, 4},
    {P32, "2e8b00", OP_MOV, 4, 4, TSP_CS, 0, 255, 1, 0, 0, OPND_REG, 0, 4, OPND_MEM, 0, 4},
    {L64, "88e0", OP_MOV, 1, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_REG, 0, 1, OPND_REG8H, 0, 1},
    {L64, "4088e0", OP_MOV, 1, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_REG, 0, 1, OPND_REG, 4, 1},
    {L64, "83c0ff", OP_ADD, 4, 8, TSP_DS, 255, 255, 1, 0, ~(uint64_t)0, OPND_REG, 0, 4, OPND_IMM, 0,
     4},
    {L64, "4881c0000000ff", OP_ADD, 8, 8, TSP_DS, 255, 255, 1, 0, 0xffffffffff000000, OPND_REG, 0,
     8, OPND_IMM, 0, 8},
    {L64, "0fb6c9", OP_MOVZX, 4, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_REG, 1, 4, OPND_REG, 1, 1},
    {L64, "d3e0", OP_SHL, 4, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_REG, 0, 4, OPND_REG, 1, 1},
    {L64, "d1e0", OP_SHL, 4, 8, TSP_DS, 255, 255, 1, 0, 1, OPND_REG, 0, 4, OPND_IMM, 0, 1},
    {L64, "e4ff", OP_IN, 1, 8, TSP_DS, 255, 255, 1, 0, 0xff, OPND_REG, 0, 1, OPND_IMM, 0, 1},
    {L64, "ed", OP_IN, 4, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_REG, 0, 4, OPND_REG, 2, 2},
    {L64, "66ef", OP_OUT, 2, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_REG, 2, 2, OPND_REG, 0, 2},
    {L64, "48b88877665544332211", OP_MOV, 8, 8, TSP_DS, 255, 255, 1, 0, 0x1122334455667788,
     OPND_REG, 0, 8, OPND_IMM, 0, 8},
    {L64, "48a18877665544332211", OP_MOV, 8, 8, TSP_DS, 255, 255, 1, 0x1122334455667788,
     0x1122334455667788, OPND_REG, 0, 8, OPND_MEM, 0, 8},
    {L64, "6a80", OP_PUSH, 8, 8, TSP_DS, 255, 255, 1, 0, 0xffffffffffffff80, OPND_IMM, 0, 8,
     OPND_NONE, 0, 0},
    {L64, "ff2510000000", OP_JMP_IND, 8, 8, TSP_DS, 16, 255, 1, 16, 0, OPND_MEM, 0, 8, OPND_NONE, 0,
     0},
    {L64, "0f22d8", OP_MOV_CR, 8, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_CR, 3, 8, OPND_REG, 0, 8},
    {P32, "0f20c0", OP_MOV_CR, 4, 4, TSP_DS, 255, 255, 1, 0, 0, OPND_REG, 0, 4, OPND_CR, 0, 4},
    {L64, "8ed0", OP_MOV_SEG, 4, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_SEG, TSP_SS, 2, OPND_REG, 0, 2},
    {L64, "0fa8", OP_PUSH_SEG, 8, 8, TSP_DS, 255, 255, 1, 0, 0, OPND_SEG, TSP_GS, 8, OPND_NONE, 0,
     0},
    {P32, "1f", OP_POP_SEG, 4, 4, TSP_DS, 255, 255, 1, 0, 0, OPND_SEG, TSP_DS, 4, OPND_NONE, 0, 0},
};

static void operands_are_taken_apart(void **state)
{
    struct decoder *d = decoder_open();
    struct insn in;
    uint8_t b[32];

    (void)state;
    for (size_t i = 0; i < sizeof(opnd_rows) / sizeof(opnd_rows[0]); i++) {
        const struct opnd_row *r = &opnd_rows[i];
        size_t n = from_hex(r->hex, b);

        decode_one(d, (enum tsp_mode)r->mode, b, n, &in);
        if (in.status != INSN_OK || in.op != r->op || in.len != n || in.osize != r->osize ||
            in.asize != r->asize || in.seg != r->seg || in.base != r->base ||
            in.index != r->index || in.scale != r->scale || in.disp != r->disp ||
            in.imm != r->imm) {
            fail_msg("%s: op %s len %u osize %u asize %u seg %u base %u index %u scale %u disp "
                     "%llx imm %llx",
                     r->hex, insn_op_name(in.op), in.len, in.osize, in.asize, in.seg, in.base,
                     in.index, in.scale, (unsigned long long)in.disp, (unsigned long long)in.imm);
        }
        assert_int_equal(in.opnd[0].kind, r->kind0);
        assert_int_equal(in.opnd[0].reg, r->reg0);
        assert_int_equal(in.opnd[0].size, r->size0);
        assert_int_equal(in.opnd[1].kind, r->kind1);
        assert_int_equal(in.opnd[1].reg, r->reg1);
        assert_int_equal(in.opnd[1].size, r->size1);
    }
    decoder_close(d);
}

static void text_is_readable_and_always_ends(void **state)
{
    static const struct {
        int mode;
        const char *hex, *text;
    } rows[] = {
        {L64, "0f01c1", "vmcall"},
        {L64, "0f01d9", "vmmcall"},
        {L64, "0fa2", "cpuid"},
        {L64, "b801000000", "mov eax, 1"},
        {L64, "f00fa2", "(bad)"},
        {L64, "0f", "(bad)"},
        {L64, "0fffc0", "ud0"},
        {L64, "f3aa", "rep stosb byte ptr [rdi], al"},
        {TSP_MODE_A64, "020000d4", "hvc #0"},
        {TSP_MODE_A64, "01000000", "udf #1"},
    };
    struct decoder *d = decoder_open();
    char text[64], small[4];
    uint8_t b[32];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = from_hex(rows[i].hex, b);

        size_t len = decode_text(d, (enum tsp_mode)rows[i].mode, 0x1000, b, n, text, sizeof(text));

        assert_int_equal(len, strlen(text));
        assert_string_equal(text, rows[i].text);
        assert_int_equal(
            decode_text(d, (enum tsp_mode)rows[i].mode, 0x1000, b, n, small, sizeof(small)), 3);
        assert_memory_equal(small, rows[i].text, 3);
        assert_int_equal(small[3], 0);
    }
    decoder_close(d);
}

static void names_follow_the_enumeration(void **state)
{
    (void)state;
    assert_string_equal(insn_op_name(OP_CPUID), "CPUID");
    assert_string_equal(insn_op_name(OP_RDTSCP), "RDTSCP");
    assert_string_equal(insn_op_name(OP_MSR), "MSR");
    assert_string_equal(insn_op_name(OP_ADD), "ADD");
    assert_string_equal(insn_op_name(OP_VERW), "VERW");
    assert_string_equal(insn_op_name(OP_A_NOP), "A_NOP");
    assert_non_null(insn_op_name(OP_COUNT + 7));
    assert_non_null(strstr(decoder_capstone_version(), " / "));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(traps_are_known_in_every_mode),
    cmocka_unit_test(prefixes_do_not_hide_traps),
    cmocka_unit_test(versions_of_capstone_do_not_matter),
    cmocka_unit_test(lock_makes_an_undefined_opcode),
    cmocka_unit_test(a_cut_off_instruction_is_truncated),
    cmocka_unit_test(ud_instructions_have_their_full_length),
    cmocka_unit_test(modes_change_what_bytes_mean),
    cmocka_unit_test(the_0f01_page_is_mostly_undefined),
    cmocka_unit_test(what_the_subset_lacks_is_unsupported_with_its_length),
    cmocka_unit_test(operands_are_taken_apart),
    cmocka_unit_test(text_is_readable_and_always_ends),
    cmocka_unit_test(names_follow_the_enumeration),
};

TEST_MAIN(tests)
