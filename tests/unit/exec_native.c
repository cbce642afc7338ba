/* SPDX-License-Identifier: MIT */
/*
 * Random instructions run by the model and by the processor underneath, results and defined flags
 * compared. What the manuals leave undefined is masked per instruction, so that the test holds on
 * any vendor's processor. On hosts other than x86-64 there is nothing to compare with and the cases
 * are skipped.
 */
#define _DEFAULT_SOURCE
#include <sys/mman.h>

#include "tests/unit/exec_guest.h"

#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define OF 0x800u
#define ALL (CF | PF | AF | ZF | SF | OF)
#define ROUNDS 3000u

/* Operand shapes: reg,rm of the operand size; of bytes; group /n of one operand; with immediates.
 */
enum shape { RM, RM8, GROUP, GROUP8, GROUP_IB, GROUP8_IB, RM_IB, NO_MODRM };

struct kind {
    const char *name;
    enum shape shape;
    uint8_t opcode[3], n, group;
    unsigned undefined; /* flags not compared */
    const char *feature;
};

static const struct kind kinds[] = {
    {"add", RM, {0x01}, 1, 0, 0, NULL},
    {"add8", RM8, {0x02}, 1, 0, 0, NULL},
    {"or", RM, {0x09}, 1, 0, AF, NULL},
    {"adc", RM, {0x11}, 1, 0, 0, NULL},
    {"adc8", RM8, {0x10}, 1, 0, 0, NULL},
    {"sbb", RM, {0x1b}, 1, 0, 0, NULL},
    {"sbb8", RM8, {0x18}, 1, 0, 0, NULL},
    {"and", RM, {0x21}, 1, 0, AF, NULL},
    {"sub", RM, {0x29}, 1, 0, 0, NULL},
    {"sub8", RM8, {0x2a}, 1, 0, 0, NULL},
    {"xor", RM, {0x33}, 1, 0, AF, NULL},
    {"cmp", RM, {0x39}, 1, 0, 0, NULL},
    {"cmp8", RM8, {0x38}, 1, 0, 0, NULL},
    {"test", RM, {0x85}, 1, 0, AF, NULL},
    {"grp1 ib", GROUP_IB, {0x83}, 1, 0, AF, NULL},
    {"sbb ib", GROUP_IB, {0x83}, 1, 3, 0, NULL},
    {"not", GROUP, {0xf7}, 1, 2, 0, NULL},
    {"neg", GROUP, {0xf7}, 1, 3, 0, NULL},
    {"neg8", GROUP8, {0xf6}, 1, 3, 0, NULL},
    {"inc", GROUP, {0xff}, 1, 0, 0, NULL},
    {"dec", GROUP, {0xff}, 1, 1, 0, NULL},
    {"inc8", GROUP8, {0xfe}, 1, 0, 0, NULL},
    {"mul", GROUP, {0xf7}, 1, 4, SF | ZF | AF | PF, NULL},
    {"mul8", GROUP8, {0xf6}, 1, 4, SF | ZF | AF | PF, NULL},
    {"imul1", GROUP, {0xf7}, 1, 5, SF | ZF | AF | PF, NULL},
    {"imul18", GROUP8, {0xf6}, 1, 5, SF | ZF | AF | PF, NULL},
    {"div", GROUP, {0xf7}, 1, 6, ALL, NULL},
    {"div8", GROUP8, {0xf6}, 1, 6, ALL, NULL},
    {"idiv", GROUP, {0xf7}, 1, 7, ALL, NULL},
    {"idiv8", GROUP8, {0xf6}, 1, 7, ALL, NULL},
    {"imul2", RM, {0x0f, 0xaf}, 2, 0, SF | ZF | AF | PF, NULL},
    {"imul3", RM_IB, {0x6b}, 1, 0, SF | ZF | AF | PF, NULL},
    {"rol 1", GROUP, {0xd1}, 1, 0, 0, NULL},
    {"ror 1", GROUP, {0xd1}, 1, 1, 0, NULL},
    {"rcl 1", GROUP, {0xd1}, 1, 2, 0, NULL},
    {"rcr 1", GROUP, {0xd1}, 1, 3, 0, NULL},
    {"shl 1", GROUP, {0xd1}, 1, 4, AF, NULL},
    {"shr 1", GROUP, {0xd1}, 1, 5, AF, NULL},
    {"sar 1", GROUP, {0xd1}, 1, 7, AF, NULL},
    {"rol cl", GROUP, {0xd3}, 1, 0, OF, NULL},
    {"ror cl", GROUP, {0xd3}, 1, 1, OF, NULL},
    {"rcl cl", GROUP, {0xd3}, 1, 2, OF, NULL},
    {"rcr cl", GROUP, {0xd3}, 1, 3, OF, NULL},
    {"shl cl", GROUP, {0xd3}, 1, 4, AF | OF | CF, NULL},
    {"shr cl", GROUP, {0xd3}, 1, 5, AF | OF | CF, NULL},
    {"sar cl", GROUP, {0xd3}, 1, 7, AF | OF | CF, NULL},
    {"rol8 cl", GROUP8, {0xd2}, 1, 0, OF, NULL},
    {"ror8 cl", GROUP8, {0xd2}, 1, 1, OF, NULL},
    {"rcl8 cl", GROUP8, {0xd2}, 1, 2, OF, NULL},
    {"rcr8 cl", GROUP8, {0xd2}, 1, 3, OF, NULL},
    {"shl8 cl", GROUP8, {0xd2}, 1, 4, AF | OF | CF, NULL},
    {"shr8 cl", GROUP8, {0xd2}, 1, 5, AF | OF | CF, NULL},
    {"sar8 cl", GROUP8, {0xd2}, 1, 7, AF | OF | CF, NULL},
    {"shl ib", GROUP_IB, {0xc1}, 1, 4, AF | OF | CF, NULL},
    {"shr8 ib", GROUP8_IB, {0xc0}, 1, 5, AF | OF | CF, NULL},
    {"bt", GROUP_IB, {0x0f, 0xba}, 2, 4, OF | SF | AF | PF, NULL},
    {"bts", GROUP_IB, {0x0f, 0xba}, 2, 5, OF | SF | AF | PF, NULL},
    {"btr", GROUP_IB, {0x0f, 0xba}, 2, 6, OF | SF | AF | PF, NULL},
    {"btc", GROUP_IB, {0x0f, 0xba}, 2, 7, OF | SF | AF | PF, NULL},
    {"bsf", RM, {0x0f, 0xbc}, 2, 0, CF | OF | SF | AF | PF, NULL},
    {"bsr", RM, {0x0f, 0xbd}, 2, 0, CF | OF | SF | AF | PF, NULL},
    {"popcnt", RM, {0x0f, 0xb8}, 2, 0xf3, 0, "popcnt"},
    {"tzcnt", RM, {0x0f, 0xbc}, 2, 0xf3, OF | SF | AF | PF, "bmi"},
    {"lzcnt", RM, {0x0f, 0xbd}, 2, 0xf3, OF | SF | AF | PF, "lzcnt"},
    {"mov", RM, {0x8b}, 1, 0, 0, NULL},
    {"mov8", RM8, {0x88}, 1, 0, 0, NULL},
    {"xchg", RM, {0x87}, 1, 0, 0, NULL},
    {"xadd", RM, {0x0f, 0xc1}, 2, 0, 0, NULL},
    {"xadd8", RM8, {0x0f, 0xc0}, 2, 0, 0, NULL},
    {"cmpxchg", RM, {0x0f, 0xb1}, 2, 0, 0, NULL},
    {"cmpxchg8", RM8, {0x0f, 0xb0}, 2, 0, 0, NULL},
    {"cbw", NO_MODRM, {0x98}, 1, 0, 0, NULL},
    {"cwd", NO_MODRM, {0x99}, 1, 0, 0, NULL},
    {"lahf", NO_MODRM, {0x9f}, 1, 0, 0, NULL},
    {"sahf", NO_MODRM, {0x9e}, 1, 0, 0, NULL},
    {"cmc", NO_MODRM, {0xf5}, 1, 0, 0, NULL},
    {"stc", NO_MODRM, {0xf9}, 1, 0, 0, NULL},
    {"movzx", RM, {0x0f, 0xb7}, 2, 0, 0, NULL},
    {"movsx", RM, {0x0f, 0xbf}, 2, 0, 0, NULL},
    {"setcc", GROUP8, {0x0f, 0x90}, 2, 0, 0, NULL},
    {"cmovcc", RM, {0x0f, 0x40}, 2, 0, 0, NULL},
    {"shld", RM_IB, {0x0f, 0xa4}, 2, 0, AF | OF, NULL},
    {"shrd", RM_IB, {0x0f, 0xac}, 2, 0, AF | OF, NULL},
};
#define NKIND (sizeof(kinds) / sizeof(kinds[0]))

struct state {
    uint64_t r[4], rsi, flags, mem;
};

static uint64_t seed = 0x2545f4914f6cdd1du;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Random, with the edges more often than chance has them. */
static uint64_t value(void)
{
    static const uint64_t edge[] = {0,
                                    1,
                                    0x7f,
                                    0x80,
                                    0xff,
                                    0x7fff,
                                    0x8000,
                                    0xffff,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    0x7fffffffffffffff,
                                    0x8000000000000000,
                                    ~(uint64_t)0};

    return rnd() % 3 ? rnd() : edge[rnd() % (sizeof(edge) / sizeof(edge[0]))];
}

static bool is_byte(enum shape s)
{
    return s == RM8 || s == GROUP8 || s == GROUP8_IB;
}

/* Registers are A C D B (and AH CH DH BH), memory is [rsi]. */
static uint8_t random_modrm(const struct kind *k)
{
    unsigned limit = is_byte(k->shape) ? 8 : 4, reg = (unsigned)(rnd() % limit),
             rm = (unsigned)(rnd() % limit);

    if (k->shape == GROUP || k->shape == GROUP8 || k->shape == GROUP_IB || k->shape == GROUP8_IB)
        reg = k->group;
    if (rnd() % 3 == 0)
        return (uint8_t)(reg << 3 | TSP_RSI);
    return (uint8_t)(0xc0 | reg << 3 | rm);
}

static unsigned build(const struct kind *k, uint8_t *b)
{
    unsigned n = 0, width = (unsigned)(rnd() % 3);
    bool condition = k->n == 2 && (k->opcode[1] == 0x90 || k->opcode[1] == 0x40);

    if (!is_byte(k->shape) && width == 1)
        b[n++] = 0x66;
    if (k->shape == RM && k->group == 0xf3)
        b[n++] = 0xf3;
    if (!is_byte(k->shape) && width == 2)
        b[n++] = 0x48;
    for (unsigned i = 0; i < k->n; i++)
        b[n++] = k->opcode[i];
    if (condition)
        b[n - 1] = (uint8_t)(b[n - 1] | rnd() % 16);
    if (k->shape != NO_MODRM)
        b[n++] = random_modrm(k);
    if (k->shape == RM_IB || k->shape == GROUP_IB || k->shape == GROUP8_IB)
        b[n++] = (uint8_t)(k->name[0] == 's' && k->n == 2 ? rnd() % 16 : rnd());
    return n;
}

#if defined(__x86_64__)
static uint8_t *native_code;

static bool have(const char *feature)
{
    if (!feature)
        return true;
    if (strcmp(feature, "popcnt") == 0)
        return __builtin_cpu_supports("popcnt") != 0;
    if (strcmp(feature, "bmi") == 0)
        return __builtin_cpu_supports("bmi") != 0;
    /* LZCNT came with BMI2 at Intel and before BMI1 at AMD */
    return __builtin_cpu_supports("bmi2") != 0;
}

/* push rbx; push rdi; load A C D B and rsi; load flags; INSN; save flags; save registers; ret. rdi
 * = the state. */
static void native_run(const uint8_t *insn, unsigned n, struct state *s)
{
    static const uint8_t head[] = {0x53, 0x57, 0x48, 0x8b, 0x07, 0x48, 0x8b, 0x4f, 0x08,
                                   0x48, 0x8b, 0x57, 0x10, 0x48, 0x8b, 0x5f, 0x18, 0x48,
                                   0x8b, 0x77, 0x20, 0xff, 0x77, 0x28, 0x9d};
    static const uint8_t tail[] = {0x9c, 0x8f, 0x47, 0x28, 0x48, 0x89, 0x07, 0x48,
                                   0x89, 0x4f, 0x08, 0x48, 0x89, 0x57, 0x10, 0x48,
                                   0x89, 0x5f, 0x18, 0x5f, 0x5b, 0xc3};
    uint8_t *p = native_code;
    void (*run)(struct state *);
    uint64_t rsi = s->rsi;

    memcpy(p, head, sizeof(head));
    memcpy(p + sizeof(head), insn, n);
    memcpy(p + sizeof(head) + n, tail, sizeof(tail));
    s->rsi = (uint64_t)(uintptr_t)&s->mem;
    memcpy(&run, &native_code, sizeof(run));
    run(s);
    s->rsi = rsi;
}

static bool native_open(void)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    native_code = p == MAP_FAILED ? NULL : p;
    return native_code != NULL;
}
#else
static bool have(const char *feature)
{
    (void)feature;
    return false;
}

static void native_run(const uint8_t *insn, unsigned n, struct state *s)
{
    (void)insn;
    (void)n;
    (void)s;
}

static bool native_open(void)
{
    return false;
}
#endif

static void set_registers(struct tsp_vcpu_state *v, const struct state *s)
{
    static const unsigned reg[4] = {TSP_RAX, TSP_RCX, TSP_RDX, TSP_RBX};

    for (unsigned i = 0; i < 4; i++)
        v->regs.r[reg[i]] = s->r[i];
    v->regs.r[TSP_RSI] = DATA;
    v->regs.flags = s->flags;
    v->regs.pc = CODE;
    v->run_state = TSP_RUN_READY;
}

/* False when it faulted (a division). */
static bool model_run(struct guest *g, const uint8_t *insn, unsigned n, struct state *s)
{
    struct tsp_vcpu_state *v = &g->setup.vcpu[0];
    uint8_t code[17], mem[8];

    memcpy(code, insn, n);
    code[n] = 0xf4;
    le_store(mem, s->mem, 8);
    assert_int_equal(vm_poke(g->vm, CODE, code, n + 1u), TSP_OK);
    assert_int_equal(vm_poke(g->vm, DATA, mem, 8), TSP_OK);
    set_registers(v, s);
    assert_int_equal(vm_set_vcpu(g->vm, 0, v), TSP_OK);
    guest_step(g, 2);
    if (guest_faulted(g, 0))
        return false;
    if (!guest_halted(g))
        fail_msg("event %u code %u", g->ev.kind, g->ev.code);
    assert_int_equal(vm_peek(g->vm, DATA, mem, 8), TSP_OK);
    s->r[0] = g->ev.after.r[TSP_RAX];
    s->r[1] = g->ev.after.r[TSP_RCX];
    s->r[2] = g->ev.after.r[TSP_RDX];
    s->r[3] = g->ev.after.r[TSP_RBX];
    s->flags = g->ev.after.flags;
    s->mem = le_load(mem, 8);
    return true;
}

/* A count of zero leaves all flags alone; CF of SHL, SHR, SAR and both of the double shifts is
 * defined for counts up to the operand size. BSF and BSR of zero leave the destination undefined.
 */
static bool same(const struct state *a, const struct state *b, unsigned undefined)
{
    return memcmp(a->r, b->r, sizeof(a->r)) == 0 && a->mem == b->mem &&
           ((a->flags ^ b->flags) & ALL & ~(uint64_t)undefined) == 0;
}

static bool undefined_result(const struct kind *k, const struct state *native)
{
    /* ZF of BSF and BSR: the source was zero */
    return k->n == 2 && k->group == 0 && (k->opcode[1] | 1) == 0xbd && (native->flags & ZF) != 0;
}

static void check_kind(struct guest *g, const struct kind *k)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct state before, native, model;
        uint8_t insn[15];
        unsigned n = build(k, insn);

        for (unsigned r = 0; r < 4; r++)
            before.r[r] = value();
        before.mem = value();
        before.rsi = 0;
        before.flags = RFLAGS_1 | (rnd() & ALL);
        native = model = before;
        if (!model_run(g, insn, n, &model))
            continue;
        native_run(insn, n, &native);
        if (undefined_result(k, &native))
            continue;
        if (!same(&native, &model, k->undefined)) {
            fail_msg("%s %02x%02x%02x%02x%02x a=%llx c=%llx d=%llx b=%llx m=%llx f=%llx: native "
                     "a=%llx f=%llx m=%llx "
                     "model a=%llx f=%llx m=%llx",
                     k->name, insn[0], insn[1], insn[2], insn[3], insn[4],
                     (unsigned long long)before.r[0], (unsigned long long)before.r[1],
                     (unsigned long long)before.r[2], (unsigned long long)before.r[3],
                     (unsigned long long)before.mem, (unsigned long long)before.flags,
                     (unsigned long long)native.r[0], (unsigned long long)native.flags,
                     (unsigned long long)native.mem, (unsigned long long)model.r[0],
                     (unsigned long long)model.flags, (unsigned long long)model.mem);
        }
    }
}

static void results_are_those_of_the_processor(void **state)
{
    static const uint8_t hlt = 0xf4;
    static struct guest g;

    (void)state;
    if (!native_open())
        skip();
    guest_prepare(&g, TSP_MODE_LONG64, &hlt, 1);
    guest_start(&g);
    for (size_t i = 0; i < NKIND; i++)
        if (have(kinds[i].feature))
            check_kind(&g, &kinds[i]);
    vm_close(g.vm);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(results_are_those_of_the_processor),
};

TEST_MAIN(tests)
