/* SPDX-License-Identifier: MIT */
/* Our side of the speed table, through the same interfaces the harnesses use. */
#include "tests/bench/bench.h"

#include <capstone/capstone.h>
#include <string.h>

#include "decoder/decoder.h"
#include "emu/emu.h"
#include "fuzz/harness/harness.h"
#include "fuzz/run/explore.h"
#include "fuzz/run/race.h"
#include "fuzz/run/sweep.h"

#define TRACE_LOOP 200u /* rounds of a loop that fit in one trace */
#define BUDGET 8192u
#define POOL 2048u
#define SWEEP 0x10000u /* leaves of one piece */

static struct target target;
static const struct spec *spec;
static struct scenario scenario;
static struct input_image image;
static struct tsp_setup setup;
static struct tsp_trace trace;
static struct tsp_leaf base_leaf[TSP_MAX_LEAF];
static size_t base_n;
static unsigned failed; /* findings: a bench that measures wrong answers measures nothing */

static void found(void *ctx, const struct finding *f)
{
    (void)ctx;
    failed += f->verdict == VERDICT_FAIL;
}

bool model_open(void)
{
    struct tsp_error err;

    if (target_open(&target, "model:kvm", &err) != TSP_OK) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    spec = spec_builtin();
    base_n =
        vm_default_policy(TSP_VENDOR_INTEL, TSP_PERSONA_KVM, 0x40000000, base_leaf, TSP_MAX_LEAF);
    input_default(&scenario, TSP_ARCH_X86);
    return true;
}

void model_close(void)
{
    target_close(&target);
}

static void take_code(const struct bench_code *c)
{
    scenario.ncode[0] = c->n < INPUT_CODE_MAX ? c->n : INPUT_CODE_MAX;
    memcpy(scenario.code[0], c->byte, scenario.ncode[0]);
}

static void run_judged(void)
{
    struct spec_options opt = {.caps = target.caps, .least = VERDICT_FAIL, .found = found};

    input_build(&scenario, base_leaf, base_n, &image, &setup);
    exec_run(&target, &setup, NULL, 0, BUDGET, &trace);
    spec_check(spec, &setup, &trace, &opt);
}

/* As harnesses do it: with the input's own schedule and moves, and their budget. */
static void run_fuzzed(void)
{
    struct spec_options opt = {.caps = target.caps, .least = VERDICT_FAIL, .found = found};

    input_build(&scenario, base_leaf, base_n, &image, &setup);
    if (exec_scenario(&target, &scenario, &setup, HARNESS_BUDGET, &trace) == TSP_OK)
        spec_check(spec, &setup, &trace, &opt);
}

static void set_frame(void)
{
    scenario.regs_set = 1u << TSP_RBP;
    scenario.regs[TSP_RBP] = 0x12000;
}

static void body_cases(void *ctx, unsigned n)
{
    const struct bench_code *pool = ctx;
    static unsigned at;

    for (unsigned i = 0; i < n; i++) {
        take_code(&pool[at++ % BENCH_CASES]);
        run_judged();
    }
}

double model_cases_judged(void)
{
    static struct bench_code pool[BENCH_CASES];

    for (unsigned i = 0; i < BENCH_CASES; i++)
        bench_case(i, bench_vmcall, &pool[i]);
    set_frame();
    return bench_time(body_cases, pool);
}

static void body_judged(void *ctx, unsigned n)
{
    (void)ctx;
    for (unsigned i = 0; i < n; i++)
        run_judged();
}

/* Time of one round of a loop; 0 when it did not run all its rounds or was judged wrong. */
static double judged_loop(const struct bench_code *c, uint16_t kind)
{
    unsigned rounds = 0;
    double t;

    take_code(c);
    set_frame();
    failed = 0;
    t = bench_time(body_judged, NULL) / TRACE_LOOP;
    for (size_t i = 0; i < trace.n; i++)
        rounds += trace.ev[i].kind == kind;
    if (rounds == TRACE_LOOP && !failed)
        return t;
    fprintf(stderr, "trapspec_bench: %u rounds of %u, %u findings\n", rounds, TRACE_LOOP, failed);
    return 0;
}

double model_cpuid_judged(void)
{
    struct bench_code c;

    bench_loop_cpuid(TRACE_LOOP, &c);
    return judged_loop(&c, TSP_EV_CPUID);
}

double model_call_judged(void)
{
    struct bench_code c;

    bench_loop_call(TRACE_LOOP, &c);
    return judged_loop(&c, TSP_EV_HYPERCALL);
}

/* Pieces of the whole range in turn, as `trapspec sweep` goes through it. */
static void body_sweep(void *ctx, unsigned n)
{
    static struct sweep_map map;
    struct sweep *w = ctx;

    failed = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct sweep_part part = {.lo = i * 0x10000000u, .hi = i * 0x10000000u + SWEEP - 1};

        map.n = 0;
        sweep_leaves(w, &part, &map);
        failed += map.target_fail > 0;
    }
}

double model_sweep(void)
{
    static struct sweep w;
    double ns;

    set_frame();
    input_build(&scenario, base_leaf, base_n, &image, &setup);
    w = (struct sweep){.t = &target, .spec = spec, .setup = &setup};
    if (sweep_open(&w) != TSP_OK)
        return 0;
    ns = bench_time(body_sweep, &w) / SWEEP;
    return failed ? 0 : ns;
}

static void body_plain(void *ctx, unsigned n)
{
    struct bench_code c;

    (void)ctx;
    bench_loop_plain(n, &c);
    take_code(&c);
    input_build(&scenario, base_leaf, base_n, &image, &setup);
    exec_run(&target, &setup, NULL, 0, ~0u, &trace);
}

double model_plain(void)
{
    double t;

    set_frame();
    t = bench_time(body_plain, NULL) / BENCH_PLAIN_INSNS;
    return trace.n == 2 && trace.ev[1].code == TSP_STOP_HALT ? t : 0;
}

/* Distinct instructions of the random cases, one after the other in memory. */
struct pool {
    uint8_t byte[POOL][TSP_INSN_BYTES];
    unsigned n;
    struct decoder *dec;
    csh cs;
    cs_insn *insn;
};

static void fill_pool(struct pool *p)
{
    struct bench_code c;
    struct insn in;

    p->n = 0;
    for (unsigned i = 0; i < BENCH_CASES && p->n < POOL; i++) {
        bench_case(i, bench_vmcall, &c);
        memset(c.byte + c.n, 0x90, TSP_INSN_BYTES);
        for (unsigned at = 0; at < c.n && p->n < POOL; at += in.len) {
            if (decode_one(p->dec, TSP_MODE_LONG64, c.byte + at, TSP_INSN_BYTES, &in) != INSN_OK)
                break;
            memcpy(p->byte[p->n++], c.byte + at, TSP_INSN_BYTES);
        }
    }
}

static void body_decode(void *ctx, unsigned n)
{
    struct pool *p = ctx;
    struct insn in;

    for (unsigned i = 0; i < n; i++)
        decode_one(p->dec, TSP_MODE_LONG64, p->byte[i % p->n], 15, &in);
}

static void body_capstone(void *ctx, unsigned n)
{
    struct pool *p = ctx;

    for (unsigned i = 0; i < n; i++) {
        const uint8_t *code = p->byte[i % p->n];
        size_t size = 15;
        uint64_t address = 0x10000;

        cs_disasm_iter(p->cs, &code, &size, &address, p->insn);
    }
}

static double with_pool(void (*body)(void *, unsigned))
{
    static struct pool pool;
    double t = 0;

    pool.dec = decoder_open();
    if (!pool.dec)
        return 0;
    fill_pool(&pool);
    if (pool.n && cs_open(CS_ARCH_X86, CS_MODE_64, &pool.cs) == CS_ERR_OK) {
        cs_option(pool.cs, CS_OPT_DETAIL, CS_OPT_ON);
        pool.insn = cs_malloc(pool.cs);
        t = bench_time(body, &pool);
        cs_free(pool.insn, 1);
        cs_close(&pool.cs);
    }
    decoder_close(pool.dec);
    return t;
}

double model_decode(void)
{
    return with_pool(body_decode);
}

double peer_capstone(void)
{
    return with_pool(body_capstone);
}

/* 16 granules of 256 bytes, spread over RAM, made different from zero. */
static void touch(uint64_t ram)
{
    static const uint8_t one = 1;

    for (unsigned i = 0; i < 16; i++)
        target.ops->poke(target.self, ram / 16 * i + 256, &one, 1);
}

static void body_touch(void *ctx, unsigned n)
{
    const struct tsp_setup *s = ctx;

    for (unsigned i = 0; i < n; i++)
        touch(s->ram_size);
}

static void body_reset(void *ctx, unsigned n)
{
    const struct tsp_setup *s = ctx;

    for (unsigned i = 0; i < n; i++) {
        touch(s->ram_size);
        target.ops->reset(target.self, s, &trace.ev[0]);
    }
}

static double reset_time(uint64_t ram)
{
    struct tsp_setup s = {.nvcpu = 1, .ram_size = ram};
    double both, alone;

    s.vcpu[0].regs.flags = 2;
    if (target.ops->reset(target.self, &s, &trace.ev[0]) != TSP_OK)
        return 0;
    alone = bench_time(body_touch, &s);
    both = bench_time(body_reset, &s);
    return both > alone ? both - alone : 0;
}

double model_reset_small(void)
{
    return reset_time(0x10000);
}

double model_reset_large(void)
{
    return reset_time(0x100000);
}

static void body_memcpy(void *ctx, unsigned n)
{
    static uint8_t from[0x10000], to[0x10000];

    (void)ctx;
    for (unsigned i = 0; i < n; i++) {
        from[i & 0xffff]++;
        memcpy(to, from, sizeof(to));
        __asm__ volatile("" ::"r"(to) : "memory");
    }
}

double peer_memcpy(void)
{
    return bench_time(body_memcpy, NULL);
}

struct fuzz {
    uint8_t seed[INPUT_BYTES_MAX], buf[INPUT_BYTES_MAX];
    size_t nseed;
    uint32_t round;
    bool run;
};

/* What a fuzzing engine does around a target, and with `run` what the target does. */
static void body_fuzz(void *ctx, unsigned n)
{
    struct fuzz *f = ctx;

    for (unsigned i = 0; i < n; i++) {
        size_t len;

        memcpy(f->buf, f->seed, f->nseed);
        len = input_mutate(f->buf, f->nseed, sizeof(f->buf), f->round++);
        if (!f->run)
            continue;
        input_parse(f->buf, len, &scenario);
        input_whole_steps(&scenario);
        run_fuzzed();
    }
}

static double fuzz_time(bool run)
{
    static struct fuzz f;
    struct bench_code c;

    input_default(&scenario, TSP_ARCH_X86);
    set_frame();
    bench_case(1, bench_vmcall, &c);
    take_code(&c);
    f = (struct fuzz){.run = run};
    f.nseed = input_write(&scenario, f.seed, sizeof(f.seed));
    return bench_time(body_fuzz, &f);
}

double model_fuzz_loop(void)
{
    double t = fuzz_time(true);

    input_default(&scenario, TSP_ARCH_X86);
    return t;
}

double peer_empty_loop(void)
{
    return fuzz_time(false);
}

struct race_bench {
    struct explorer *x;
    struct explore_options o;
    struct explore_result result;
};

static void body_race(void *ctx, unsigned n)
{
    struct race_bench *b = ctx;

    for (unsigned i = 0; i < n; i++)
        explorer_run(b->x, &target, &setup, &b->o, &b->result);
}

/* KVM's rewrite of a site that the other vCPU runs as well: three stores, each vCPU fetches three
 * times. 0: not all of it was explored. */
double model_race(void)
{
    static struct race_bench b;
    static struct scenario s;
    const struct race_case c = {.protocol = TSP_PROTOCOL_KVM, .mode = TSP_MODE_LONG64, .vcpus = 2};
    double t = 0;

    b.o = (struct explore_options){.spec = spec, .preempt = -1};
    b.x = explorer_open(spec, 10000);
    if (b.x != NULL && race_scenario(&c, &s)) {
        input_build(&s, base_leaf, base_n, &image, &setup);
        t = bench_time(body_race, &b);
    }
    explorer_close(b.x);
    return b.result.truncated || b.result.states < 100 ? 0 : t;
}
