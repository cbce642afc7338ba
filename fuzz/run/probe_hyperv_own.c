/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V as the hypervisor itself: guests that write and read its registers in every order that
 * matters, call through the page, and call with what they were not granted (TLFS, Establishing the
 * hypercall interface; Partition privilege flags).
 */
#include "fuzz/run/probe.h"

#define FEATURES 0x40000003u
#define ID 0x40000000u
#define PAGE 0x40000001u
#define INDEX 0x40000002u
#define RESET 0x40000003u
#define COUNT 0x40000020u
#define TSC 0x40000021u
#define SOME_OS 0x8100000000000001u
#define PLACE 0x30000u
#define FAST (1ull << 16)
#define ONE_REP (1ull << 32)

static const struct probe_mode modes[] = {
    {TSP_MODE_LONG64, 0, 0}, {TSP_MODE_PROT32, 0, 0}, {TSP_MODE_PROT32, 1, 0}};

static void start(struct probe *p, const struct probe_mode *m, unsigned host)
{
    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.persona[0] = TSP_PERSONA_HYPERV;
    p->s.host = host ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = host ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    p->s.config |= TSP_CFG_IRQCHIP;
}

/* Privileges and facilities other than those that the persona comes with. */
static void offer(struct probe *p, uint32_t eax, uint32_t ebx, uint32_t edx)
{
    p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){.leaf = FEATURES, .reg = {eax, ebx, 0, edx}};
}

/* One step of a guest. */
enum act { READ = 1, WRITE, CALL_PAGE, CALL, FOREIGN };
struct step {
    uint8_t act;
    uint32_t msr;
    uint64_t value; /* of a call: control word, without parameters in memory */
};
#define STEPS 7u

struct text {
    uint8_t byte[INPUT_CODE_MAX];
    size_t n;
};

static void put(struct text *t, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && t->n < sizeof(t->byte) - 4; i++)
        t->byte[t->n++] = p[i];
}

/* MOV r32, imm32, the same bytes in 32- and 64-bit code */
static void put_mov(struct text *t, unsigned reg, uint32_t v)
{
    const uint8_t mov[] = {(uint8_t)(0xb8 + reg), (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                           (uint8_t)(v >> 24)};

    put(t, mov, sizeof(mov));
}

static void put_call(struct text *t, const struct step *s, bool wide)
{
    static const uint8_t through[] = {0xff, 0xd5}; /* CALL RBP */
    static const uint8_t here[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

    put_mov(t, TSP_RBP, PLACE);
    put_mov(t, TSP_RDX, wide ? 0 : (uint32_t)(s->value >> 32));
    put_mov(t, wide ? TSP_RCX : TSP_RAX, (uint32_t)s->value);
    if (s->act == CALL_PAGE)
        put(t, through, sizeof(through));
    else
        put(t, here[s->msr & 1], 3);
}

static void put_step(struct text *t, const struct step *s, bool wide, unsigned host)
{
    static const uint8_t rdmsr[] = {0x0f, 0x32}, wrmsr[] = {0x0f, 0x30};
    struct step call = *s;

    if (s->act >= CALL_PAGE) {
        call.msr = host ^ (s->act == FOREIGN);
        put_call(t, &call, wide);
        return;
    }
    put_mov(t, TSP_RCX, s->msr);
    if (s->act == WRITE) {
        put_mov(t, TSP_RAX, (uint32_t)s->value);
        put_mov(t, TSP_RDX, (uint32_t)(s->value >> 32));
    }
    put(t, s->act == WRITE ? wrmsr : rdmsr, 2);
}

static void run(struct probe *p, const struct step *s, unsigned host)
{
    struct text t = {.n = 0};

    for (unsigned i = 0; i < STEPS && s[i].act != 0; i++)
        put_step(&t, &s[i], p->s.mode == TSP_MODE_LONG64, host);
    probe_code(p, t.byte, t.n);
    probe_emit(p);
}

/* How a guest sets the interface up, and what it may do wrong. An exception ends a guest. */
static const struct step life[][STEPS] = {
    {{READ, ID, 0}, {READ, PAGE, 0}, {READ, INDEX, 0}, {READ, TSC, 0}},
    {{WRITE, ID, SOME_OS}, {READ, ID, 0}, {WRITE, ID, 5}, {READ, ID, 0}},
    {{WRITE, ID, ~0ull}, {READ, ID, 0}},
    {{WRITE, PAGE, PLACE | 1}, {READ, PAGE, 0}},
    {{WRITE, PAGE, PLACE | 1}, {WRITE, ID, SOME_OS}, {READ, PAGE, 0}},
    {{WRITE, PAGE, PLACE}, {READ, PAGE, 0}},
    {{WRITE, ID, SOME_OS},
     {WRITE, PAGE, PLACE | 1},
     {READ, PAGE, 0},
     {CALL_PAGE, 0, 8 | FAST},
     {WRITE, ID, 0},
     {READ, PAGE, 0},
     {READ, ID, 0}},
    {{WRITE, ID, SOME_OS},
     {WRITE, PAGE, PLACE | 3},
     {WRITE, PAGE, (PLACE + 0x1000) | 1},
     {READ, PAGE, 0},
     {CALL_PAGE, 0, 8 | FAST}},
    {{WRITE, ID, SOME_OS}, {WRITE, PAGE, PLACE | 1}, {CALL_PAGE, 0, 2}},
    {{WRITE, ID, SOME_OS}, {WRITE, PAGE, PLACE | 3}, {WRITE, PAGE, 0}, {READ, PAGE, 0}},
    {{WRITE, ID, SOME_OS},
     {WRITE, PAGE, PLACE | 3},
     {WRITE, PAGE, 1ull << 52 | 1},
     {READ, PAGE, 0}},
    {{WRITE, ID, SOME_OS}, {WRITE, PAGE, PLACE | 0xffd}, {READ, PAGE, 0}},
    {{WRITE, ID, SOME_OS},
     {WRITE, PAGE, PLACE | 1},
     {WRITE, PAGE, (PLACE + 0x1000) | 1},
     {READ, PAGE, 0},
     {WRITE, PAGE, PLACE},
     {READ, PAGE, 0}},
    {{WRITE, ID, SOME_OS}, {WRITE, PAGE, 1ull << 40 | 1}, {READ, PAGE, 0}},
    {{WRITE, ID, SOME_OS}, {WRITE, PAGE, 1ull << 63 | 1}, {READ, PAGE, 0}},
    {{WRITE, ID, SOME_OS}, {WRITE, PAGE, 0x800001}, {READ, PAGE, 0}},
    {{READ, COUNT, 0}, {READ, COUNT, 0}, {READ, ID, 0}, {READ, COUNT, 0}},
    {{WRITE, TSC, PLACE | 1}, {READ, TSC, 0}, {WRITE, TSC, 0}, {READ, TSC, 0}},
    {{READ, 0x40000022, 0}, {READ, 0x40000023, 0}, {READ, 0x40000010, 0}},
    {{WRITE, INDEX, 0}, {READ, INDEX, 0}},
    {{WRITE, COUNT, 0}, {READ, COUNT, 0}},
    {{WRITE, 0x40000022, 1}},
    {{WRITE, 0x40000023, 1}},
    {{READ, RESET, 0}, {WRITE, RESET, 0}, {WRITE, RESET, 1}, {READ, ID, 0}},
    {{WRITE, ID, SOME_OS}, {WRITE, PAGE, PLACE | 1}, {FOREIGN, 0, 8 | FAST}},
    {{CALL, 0, 8 | FAST}},
    {{FOREIGN, 0, 8 | FAST}},
    {{WRITE, ID, SOME_OS}, {CALL, 0, 8 | FAST}, {WRITE, ID, 0}, {CALL, 0, 8 | FAST}},
    {{READ, 0x40000080, 0}, {WRITE, 0x40000080, 1}, {READ, 0x40000080, 0}, {READ, 0x40000081, 0}},
    {{READ, 0x40000082, 0},
     {WRITE, 0x40000082, PLACE | 1},
     {READ, 0x40000082, 0},
     {WRITE, 0x40000083, (PLACE + 0x1000) | 1},
     {READ, 0x40000083, 0}},
    {{WRITE, 0x40000083, 1ull << 52 | 1}, {READ, 0x40000083, 0}},
    {{WRITE, 0x40000082, 1ull << 52 | 1}, {READ, 0x40000082, 0}},
    {{WRITE, 0x40000084, 0}, {READ, 0x40000084, 0}, {WRITE, 0x40000081, 1}},
    {{READ, 0x40000090, 0},
     {WRITE, 0x40000090, 0x41},
     {READ, 0x40000090, 0},
     {READ, 0x4000009f, 0}},
    {{WRITE, 0x40000092, 0x70050}, {READ, 0x40000092, 0}, {WRITE, 0x40000092, 0xf}},
    {{WRITE, 0x4000009f, 0x10000}, {READ, 0x4000009f, 0}, {WRITE, 0x4000009f, 0}},
    {{READ, 0x400000b0, 0}, {READ, 0x400000b7, 0}, {WRITE, 0x400000b1, 7}, {READ, 0x400000b1, 0}},
    {{WRITE, 0x400000b1, 0x7fffffff}, {WRITE, 0x400000b0, 0x1}, {READ, 0x400000b0, 0}},
    {{WRITE, 0x400000b1, 0x7fffffff},
     {WRITE, 0x400000b0, 0x20009},
     {READ, 0x400000b0, 0},
     {WRITE, 0x400000b1, 0},
     {READ, 0x400000b0, 0}},
    {{WRITE, 0x400000b4, 0x30008},
     {WRITE, 0x400000b5, 5},
     {READ, 0x400000b4, 0},
     {READ, 0x400000b5, 0}},
    /* a message without a page, one with */
    {{WRITE, 0x40000080, 1},
     {WRITE, 0x40000092, 0x41},
     {WRITE, 0x400000b1, 1},
     {WRITE, 0x400000b0, 0x20001},
     {READ, 0x400000b0, 0},
     {READ, 0x40000092, 0}},
    {{WRITE, 0x40000080, 1},
     {WRITE, 0x40000083, PLACE | 1},
     {WRITE, 0x40000092, 0x41},
     {WRITE, 0x400000b1, 1},
     {WRITE, 0x400000b0, 0x20003},
     {READ, 0x400000b1, 0},
     {READ, 0x400000b0, 0}},
};

static void probe_life(struct probe *p)
{
    for (unsigned i = 0; i < PROBE_COUNT(life) * 6 && !p->stop; i++) {
        start(p, &modes[i % 3], i / 3 % 2);
        run(p, life[i / 6], i / 3 % 2);
        p->s.nmove = 1; /* what was written goes along */
        p->s.move[0] = (struct input_move){2, p->s.host};
        probe_emit(p);
    }
}

/* Every register with no privilege, with all, and from user code. */
static void probe_privileges(struct probe *p)
{
    static const uint32_t msr[] = {ID,         PAGE,       INDEX,      RESET,      0x40000010,
                                   COUNT,      TSC,        0x40000022, 0x40000023, 0x40000070,
                                   0x40000073, 0x40000080, 0x40000090, 0x400000b0, 0x400000f0,
                                   0x40000118, 0x40000200};
    static const struct probe_mode user = {TSP_MODE_LONG64, 0, 3};

    for (unsigned i = 0; i < PROBE_COUNT(msr) * 6 && !p->stop; i++) {
        struct step s[STEPS] = {{i & 1 ? WRITE : READ, msr[i / 6], i & 1}};
        unsigned kind = i % 6 / 2;

        start(p, kind == 2 ? &user : &modes[0], 0);
        if (kind == 1)
            offer(p, 0xffffffff, 0xffffffff, 0xffffffff);
        else if (kind == 0)
            offer(p, 0, 0, 0);
        run(p, s, 0);
    }
}

/* Calls whose parameters lie at `in` and whose results go to `out`. */
static void call(struct probe *p, uint64_t control, uint64_t in, uint64_t out)
{
    static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};
    bool wide = p->s.mode == TSP_MODE_LONG64;

    p->s.msr[p->s.nmsr++] = (struct tsp_msr){ID, SOME_OS};
    probe_reg(p, wide ? TSP_RCX : TSP_RAX, wide ? control : (uint32_t)control);
    probe_reg(p, TSP_RDX, wide ? in : control >> 32);
    probe_reg(p, wide ? TSP_R8 : TSP_RSI, out);
    if (!wide)
        probe_reg(p, TSP_RCX, in);
    probe_code(p, vmcall, sizeof(vmcall));
    probe_emit(p);
}

static void probe_own_calls(struct probe *p)
{
    static const uint64_t control[] = {
        2,
        2 | FAST,
        3 | ONE_REP,
        3 | FAST | ONE_REP,
        3 | 5 * ONE_REP | 4ull << 48,
        3 | 5 * ONE_REP | 5ull << 48,
        3 | 5 * ONE_REP | 6ull << 48,
        0x14 | ONE_REP | 1ull << 48,
        0x13,
        0x13 | FAST,
        0x13 | FAST | 10ull << 17,
        0x13 | FAST | 11ull << 17,
        0x14 | ONE_REP,
        0x14 | FAST | ONE_REP,
        0x15,
        0x15 | FAST,
        0x15 | FAST | 11ull << 17,
        0x15 | FAST | 12ull << 17,
        0xb | FAST,
        8 | FAST,
        0x50 | ONE_REP,
        0x5c,
        0x5d | FAST,
        0x8001,
        0x8001 | FAST,
        0x8002,
        0x9999,
        0x200,
    };
    static const uint64_t out[] = {INPUT_X86_DATA + 0x100, INPUT_X86_DATA + 0x104};
    static const uint32_t have[][2] = {{0, 0}, {0xffffffff, 0x7fff}, {0xffffffff, 0x10}};

    for (unsigned i = 0; i < PROBE_COUNT(control) * 12 && !p->stop; i++) {
        uint64_t c = control[i / 12];

        start(p, &modes[i & 1], 0);
        offer(p, 0xfff, have[i / 4 % 3][0], have[i / 4 % 3][1]);
        call(p, c, c & FAST ? 0 : INPUT_X86_DATA, out[i / 2 & 1]);
    }
}

/* Both instructions on both hosts, in each mode, whatever is done with the wrong one; with and
 * without the interface. */
static void probe_own_callers(struct probe *p)
{
    static const uint8_t insn[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

    for (unsigned i = 0; i < probe_nmodes * 24 && !p->stop; i++) {
        start(p, &probe_modes[i / 24], i >> 1 & 1);
        p->s.patch = (uint8_t)(i >> 2 & 3) % 3;
        if (i % 24 >= 12)
            p->s.msr[p->s.nmsr++] = (struct tsp_msr){ID, SOME_OS};
        if (i % 24 == 23)
            p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){.leaf = 0x40000001u};
        probe_reg(p, p->s.mode == TSP_MODE_LONG64 ? TSP_RCX : TSP_RAX, 8 | FAST);
        probe_reg(p, TSP_RDX, 0);
        probe_code(p, insn[i & 1], 3);
        probe_emit(p);
    }
}

/* Prefixes that make VMCALL undefined, or do not. */
static void probe_own_prefixes(struct probe *p)
{
    static const uint8_t prefix[] = {0x66, 0xf2, 0xf3, 0x2e};

    for (unsigned i = 0; i < PROBE_COUNT(prefix) * 4 && !p->stop; i++) {
        const uint8_t code[] = {prefix[i / 4], 0x0f, 0x01, i & 1 ? 0xd9 : 0xc1};

        start(p, &modes[i / 2 & 1], i & 1);
        probe_reg(p, modes[i / 2 & 1].mode == TSP_MODE_LONG64 ? TSP_RCX : TSP_RAX, 8 | FAST);
        probe_code(p, code, sizeof(code));
        probe_emit(p);
    }
}

void probe_hyperv_own(struct probe *p)
{
    probe_hyperv_sets(p);
    probe_own_prefixes(p);
    probe_life(p);
    probe_privileges(p);
    probe_own_calls(p);
    probe_own_callers(p);
}
