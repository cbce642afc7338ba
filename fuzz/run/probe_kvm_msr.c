/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual registers: each one read, written with each value that its description sets
 * apart, read again, with and without its feature and its enforcement, from kernel and user code;
 * and the blocks of memory that they have written (torvalds/linux
 * Documentation/virt/kvm/x86/msr.rst).
 */
#include "fuzz/run/probe.h"

#define FEATURES 0x40000001u
#define ALL_FEATURES 0x01007efbu
#define WALL 0x4b564d00u
#define TIME 0x4b564d01u
#define APF 0x4b564d02u
#define STEAL 0x4b564d03u
#define EOI 0x4b564d04u
#define POLL 0x4b564d05u
#define VECTOR 0x4b564d06u
#define ACK 0x4b564d07u
#define OLD_WALL 0x11u
#define OLD_TIME 0x12u
#define PLACE 0x30000u
#define NOWHERE 0x7fff0000u

static const struct probe_mode modes[] = {
    {TSP_MODE_LONG64, 0, 0}, {TSP_MODE_PROT32, 0, 0}, {TSP_MODE_COMPAT32, 0, 0}};

static const struct {
    uint32_t msr;
    uint8_t feature;
} reg[] = {{OLD_WALL, 0}, {OLD_TIME, 0}, {WALL, 3},    {TIME, 3}, {APF, 4},        {STEAL, 5},
           {EOI, 6},      {POLL, 12},    {VECTOR, 14}, {ACK, 14}, {0x4b564d08, 17}};

static void start(struct probe *p, const struct probe_mode *m, unsigned kind)
{
    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.host = kind & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = kind & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    p->s.config |= kind & 2 ? 0 : TSP_CFG_IRQCHIP;
}

static void offer(struct probe *p, uint32_t features, bool enforce)
{
    p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){.leaf = FEATURES, .reg = {features}};
    if (enforce)
        p->s.config |= TSP_CFG_ENFORCE_PV;
}

struct text {
    uint8_t byte[64];
    size_t n;
};

static void put(struct text *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && t->n < sizeof(t->byte); i++)
        t->byte[t->n++] = p[i];
}

/* MOV r32, imm32 */
static void put_mov(struct text *t, unsigned r, uint32_t v)
{
    const uint8_t mov[] = {(uint8_t)(0xb8 + r), (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                           (uint8_t)(v >> 24)};

    put(t, mov, sizeof(mov));
}

static void put_read(struct text *t, uint32_t msr)
{
    static const uint8_t rdmsr[] = {0x0f, 0x32};

    put_mov(t, TSP_RCX, msr);
    put(t, rdmsr, sizeof(rdmsr));
}

/* Written by the first instruction, then read back by this number and by another. */
static void write_read(struct probe *p, uint32_t msr, uint64_t value, uint32_t again)
{
    static const uint8_t wrmsr[] = {0x0f, 0x30};
    struct text t = {.n = 0};

    put(&t, wrmsr, sizeof(wrmsr));
    put_read(&t, msr);
    if (again != 0)
        put_read(&t, again);
    probe_code(p, t.byte, t.n);
    probe_reg(p, TSP_RCX, msr);
    probe_reg(p, TSP_RAX, (uint32_t)value);
    probe_reg(p, TSP_RDX, value >> 32);
    probe_emit(p);
}

static void read_only(struct probe *p, uint32_t msr)
{
    static const uint8_t rdmsr[] = {0x0f, 0x32};

    probe_code(p, rdmsr, sizeof(rdmsr));
    probe_reg(p, TSP_RCX, msr);
    probe_emit(p);
}

/* With all features, without the one that counts, with it alone, with none; enforced or not. */
static void probe_gates(struct probe *p)
{
    for (unsigned i = 0; i < PROBE_COUNT(reg) * 8 && !p->stop; i++) {
        uint32_t bit = 1u << reg[i / 8].feature;
        const uint32_t have[] = {ALL_FEATURES | bit, ALL_FEATURES & ~bit, bit, 0};

        for (unsigned k = 0; k < 2; k++) {
            start(p, &modes[i % 3], 0);
            offer(p, have[i % 4], i % 8 >= 4);
            if (k == 0)
                read_only(p, reg[i / 8].msr);
            else
                write_read(p, reg[i / 8].msr, 0, 0);
        }
    }
}

static const struct {
    uint32_t msr, again;
    uint64_t value;
} written[] = {
    {OLD_WALL, WALL, PLACE},
    {OLD_TIME, TIME, PLACE | 1},
    {OLD_TIME, TIME, PLACE},
    {WALL, OLD_WALL, 0},
    {WALL, OLD_WALL, NOWHERE},
    {WALL, OLD_WALL, 0x1234567800030004},
    {TIME, OLD_TIME, PLACE | 1},
    {TIME, OLD_TIME, NOWHERE | 1},
    {TIME, OLD_TIME, 0x8000000000030001},
    {APF, 0, 0},
    {APF, 0, PLACE | 1},
    {APF, 0, PLACE | 2},
    {APF, 0, PLACE | 4},
    {APF, 0, PLACE | 8},
    {APF, 0, PLACE | 9},
    {APF, 0, PLACE | 0xd},
    {APF, 0, PLACE | 0xf},
    {APF, 0, PLACE | 0x10},
    {APF, 0, PLACE | 0x20},
    {APF, 0, PLACE | 0x19},
    {APF, 0, PLACE | 0x29},
    {APF, 0, PLACE | 0x49},
    {APF, 0, NOWHERE | 9},
    {APF, 0, NOWHERE | 1},
    {APF, 0, NOWHERE},
    {APF, 0, 0xffffffff00030009},
    {APF, 0, 0x1234567800030000},
    {STEAL, 0, 0},
    {STEAL, 0, PLACE},
    {STEAL, 0, PLACE | 1},
    {STEAL, 0, PLACE | 0x41},
    {STEAL, 0, PLACE | 2},
    {STEAL, 0, PLACE | 4},
    {STEAL, 0, PLACE | 8},
    {STEAL, 0, PLACE | 0x10},
    {STEAL, 0, PLACE | 0x20},
    {STEAL, 0, PLACE | 0x3f},
    {STEAL, 0, NOWHERE | 1},
    {STEAL, 0, 0x8000000000030001},
    {EOI, 0, PLACE},
    {EOI, 0, PLACE | 1},
    {EOI, 0, PLACE | 2},
    {EOI, 0, PLACE | 3},
    {EOI, 0, PLACE | 5},
    {EOI, 0, NOWHERE},
    {EOI, 0, 0x1234567800030000},
    {EOI, 0, NOWHERE | 1},
    {EOI, 0, 0x8000000000030001},
    {POLL, 0, 0},
    {POLL, 0, 1},
    {POLL, 0, 2},
    {POLL, 0, 3},
    {POLL, 0, 0x80000000},
    {POLL, 0, 0x100000000},
    {POLL, 0, 1ull << 63},
    {VECTOR, 0, 0},
    {VECTOR, 0, 0xf3},
    {VECTOR, 0, 0xff},
    {VECTOR, 0, 0x100},
    {VECTOR, 0, 0x80000000},
    {VECTOR, 0, 0x100000020},
    {VECTOR, 0, 1ull << 63},
    {ACK, 0, 0},
    {ACK, 0, 1},
    {ACK, 0, ~0ull},
    {0x4b564d08, 0, 0},
    {0x4b564d08, 0, 1},
    {0x4b564d09, 0, 0},
    {0x4b564d10, 0, 0},
    {0x4b564dff, 0, 0},
};

static void probe_values(struct probe *p)
{
    for (unsigned i = 0; i < PROBE_COUNT(written) * 6 && !p->stop; i++) {
        unsigned kind = i % 6;

        start(p, &modes[kind % 3], kind >> 1 & 1 ? 2 : kind & 1);
        if (kind == 3)
            offer(p, ALL_FEATURES, true);
        if (kind == 4)
            offer(p, ALL_FEATURES & ~(1u << 10), true);
        if (kind == 5)
            offer(p, ALL_FEATURES & ~(1u << 14), true);
        if (kind >= 3)
            p->s.config |= TSP_CFG_IRQCHIP;
        write_read(p, written[i / 6].msr, written[i / 6].value, written[i / 6].again);
    }
}

/* User code, and prefixes that change nothing or everything. */
static void probe_callers(struct probe *p)
{
    static const uint8_t insn[][3] = {{0x0f, 0x32},       {0x0f, 0x30},       {0x48, 0x0f, 0x32},
                                      {0x2e, 0x0f, 0x30}, {0xf0, 0x0f, 0x32}, {0xf0, 0x0f, 0x30}};

    for (unsigned i = 0; i < PROBE_COUNT(insn) * probe_nmodes && !p->stop; i++) {
        const uint8_t *code = insn[i % PROBE_COUNT(insn)];
        const struct probe_mode *m = &probe_modes[i / PROBE_COUNT(insn)];

        if (code[0] == 0x48 && m->mode != TSP_MODE_LONG64)
            continue;
        start(p, m, 0);
        probe_code(p, code, code[0] == 0x0f ? 2 : 3);
        probe_reg(p, TSP_RCX, POLL);
        probe_reg(p, TSP_RAX, 0xdeadbeef00000001u);
        probe_reg(p, TSP_RDX, m->mode == TSP_MODE_LONG64 ? 0xdeadbeef00000000u : 0);
        probe_emit(p);
    }
}

/* The block lies around the instruction that asks for it: what is written there is seen with the
 * event. An odd byte where the version comes to lie is one that nobody may leave. */
static void probe_blocks(struct probe *p)
{
    static const uint8_t code[] = {0x0f, 0x30, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9,
                                   0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9, 0xf9};
    static const uint32_t msr[] = {WALL, OLD_WALL, TIME, OLD_TIME, STEAL};
    /* Where the instruction begins, and where the block. */
    static const uint16_t at[][2] = {{0x7e, 0x80},  {0x7a, 0x80}, {0x90, 0x80}, {0x82, 0x80},
                                     {0x86, 0x80},  {0x88, 0x80}, {0x9a, 0x80}, {0xc0, 0xc0},
                                     {0x102, 0xf4}, {0xc0, 0x80}};

    for (unsigned i = 0; i < PROBE_COUNT(msr) * PROBE_COUNT(at) * 4 && !p->stop; i++) {
        const uint16_t *a = at[i / 4 % PROBE_COUNT(at)];
        unsigned n = i / 4 / (unsigned)PROBE_COUNT(at);

        start(p, &modes[1], i & 1);
        p->s.code_at = 0x10000u + a[0];
        probe_code(p, code, sizeof(code));
        probe_reg(p, TSP_RCX, msr[n]);
        probe_reg(p, TSP_RAX, (0x10000u + a[1]) | (n > 1 && !(i & 2)));
        probe_emit(p);
    }
}

void probe_kvm_msr(struct probe *p)
{
    probe_gates(p);
    probe_values(p);
    probe_callers(p);
    probe_blocks(p);
}
