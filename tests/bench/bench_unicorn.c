/* SPDX-License-Identifier: MIT */
/* The same guest code on Unicorn, each time with the least that gives the same observations. */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <string.h>
#include <unicorn/unicorn.h>

#define CODE 0x10000u
#define DATA 0x12000u
#define LOOP 10000u

static uc_engine *uc;
static volatile unsigned traps;

static bool open_uc(void)
{
    if (uc_open(UC_ARCH_X86, UC_MODE_64, &uc) != UC_ERR_OK)
        return false;
    if (uc_mem_map(uc, 0, 0x40000, UC_PROT_ALL) == UC_ERR_OK)
        return true;
    uc_close(uc);
    return false;
}

/* CPUID hooks return whether to skip the instruction. */
static int on_cpuid(uc_engine *u, void *ctx)
{
    uint64_t zero = 0, one = 1;

    (void)ctx;
    traps++;
    uc_reg_write(u, UC_X86_REG_RAX, &one);
    uc_reg_write(u, UC_X86_REG_RBX, &zero);
    uc_reg_write(u, UC_X86_REG_RCX, &zero);
    uc_reg_write(u, UC_X86_REG_RDX, &zero);
    return 1;
}

/* What an event of ours holds of the state before an instruction; the state after it differs in
 * what the hook wrote. */
#define KEPT 18
static uint64_t kept[KEPT];

static void keep(uc_engine *u)
{
    static int id[KEPT] = {UC_X86_REG_RAX, UC_X86_REG_RCX,   UC_X86_REG_RDX, UC_X86_REG_RBX,
                           UC_X86_REG_RSP, UC_X86_REG_RBP,   UC_X86_REG_RSI, UC_X86_REG_RDI,
                           UC_X86_REG_R8,  UC_X86_REG_R9,    UC_X86_REG_R10, UC_X86_REG_R11,
                           UC_X86_REG_R12, UC_X86_REG_R13,   UC_X86_REG_R14, UC_X86_REG_R15,
                           UC_X86_REG_RIP, UC_X86_REG_RFLAGS};
    static void *to[KEPT];

    if (!to[0])
        for (unsigned i = 0; i < KEPT; i++)
            to[i] = &kept[i];
    uc_reg_read_batch(u, id, to, KEPT);
}

static int on_cpuid_kept(uc_engine *u, void *ctx)
{
    keep(u);
    return on_cpuid(u, ctx);
}

static void on_out_kept(uc_engine *u, uint32_t port, int size, uint32_t value, void *ctx)
{
    uint64_t r = 0;

    (void)port;
    (void)size;
    (void)value;
    (void)ctx;
    traps++;
    keep(u);
    uc_reg_write(u, UC_X86_REG_RAX, &r);
}

static void on_syscall(uc_engine *u, void *ctx)
{
    uint64_t r = 0;

    (void)ctx;
    traps++;
    uc_reg_write(u, UC_X86_REG_RAX, &r);
}

static void on_out(uc_engine *u, uint32_t port, int size, uint32_t value, void *ctx)
{
    (void)u;
    (void)port;
    (void)size;
    (void)value;
    (void)ctx;
    traps++;
}

static void on_intr(uc_engine *u, uint32_t vector, void *ctx)
{
    uint64_t r = 0;

    (void)vector;
    (void)ctx;
    traps++;
    uc_reg_write(u, UC_X86_REG_RAX, &r);
}

static void on_code(uc_engine *u, uint64_t address, uint32_t size, void *ctx)
{
    (void)u;
    (void)address;
    (void)size;
    (void)ctx;
    traps++;
}

/* Function pointers pass through the interface as objects (POSIX allows it, ISO C does not say). */
static bool hook(int type, int insn, void (*fn)(void))
{
    uc_hook h;
    void *p;

    memcpy(&p, &fn, sizeof(p));
    if (type == UC_HOOK_INSN)
        return uc_hook_add(uc, &h, type, p, NULL, 1, 0, insn) == UC_ERR_OK;
    return uc_hook_add(uc, &h, type, p, NULL, 1, 0) == UC_ERR_OK;
}

static void start(const struct bench_code *c)
{
    uint64_t rbp = DATA, rsp = 0xe000;

    uc_mem_write(uc, CODE, c->byte, c->n);
    uc_reg_write(uc, UC_X86_REG_RBP, &rbp);
    uc_reg_write(uc, UC_X86_REG_RSP, &rsp);
}

static void go(const struct bench_code *c)
{
    uc_emu_start(uc, CODE, CODE + c->n - 1, 0, 0);
}

static void body_cases(void *ctx, unsigned n)
{
    const struct bench_code *pool = ctx;
    static unsigned at;

    for (unsigned i = 0; i < n; i++) {
        const struct bench_code *c = &pool[at++ % BENCH_CASES];

        /* Fresh code at the same place: translations of what was there are dropped. */
        uc_ctl_remove_cache(uc, CODE, CODE + BENCH_CODE);
        start(c);
        go(c);
    }
}

double peer_unicorn_cases(void)
{
    /* The hypercall is undefined to Unicorn and stepping over it ends a run, so its cheapest trap
     * stands in. */
    static const uint8_t out[3] = {0xe6, 0x10, 0x90};
    static struct bench_code pool[BENCH_CASES];
    double t = 0;

    if (!open_uc())
        return 0;
    for (unsigned i = 0; i < BENCH_CASES; i++)
        bench_case(i, out, &pool[i]);
    if (hook(UC_HOOK_INSN, UC_X86_INS_CPUID, (void (*)(void))on_cpuid) &&
        hook(UC_HOOK_INSN, UC_X86_INS_OUT, (void (*)(void))on_out)) {
        traps = 0;
        body_cases(pool, 1);
        if (traps == 8)
            t = bench_time(body_cases, pool);
        else
            fprintf(stderr, "trapspec_bench: Unicorn saw %u traps of 8 in a case\n", traps);
    }
    uc_close(uc);
    return t;
}

static void body_go(void *ctx, unsigned n)
{
    const struct bench_code *c = ctx;

    for (unsigned i = 0; i < n; i++)
        go(c);
}

/* Time of one round of a loop of LOOP rounds that has one trap each; 0 when the traps were not
 * seen. */
static double trap_loop(const struct bench_code *c, int type, int insn, void (*fn)(void))
{
    double t = 0;

    if (!open_uc())
        return 0;
    start(c);
    if (hook(type, insn, fn)) {
        traps = 0;
        go(c);
        if (traps == LOOP)
            t = bench_time(body_go, (void *)(uintptr_t)c) / LOOP;
    }
    uc_close(uc);
    return t;
}

double peer_unicorn_cpuid(void)
{
    struct bench_code c;

    bench_loop_cpuid(LOOP, &c);
    return trap_loop(&c, UC_HOOK_INSN, UC_X86_INS_CPUID, (void (*)(void))on_cpuid);
}

/* The hypercall's three bytes replaced by a trap that Unicorn can hook. */
static double instead(const uint8_t insn[3], int type, int id, void (*fn)(void))
{
    struct bench_code c;

    bench_loop_call(LOOP, &c);
    memcpy(c.byte + 10, insn, 3);
    return trap_loop(&c, type, id, fn);
}

double peer_unicorn_trap(void)
{
    static const uint8_t out[3] = {0xe6, 0x10, 0x90}, interrupt[3] = {0xcd, 0x80, 0x90},
                         sys[3] = {0x0f, 0x05, 0x90};
    double t[3], best = 0;

    t[0] = instead(out, UC_HOOK_INSN, UC_X86_INS_OUT, (void (*)(void))on_out);
    t[1] = instead(interrupt, UC_HOOK_INTR, 0, (void (*)(void))on_intr);
    t[2] = instead(sys, UC_HOOK_INSN, UC_X86_INS_SYSCALL, (void (*)(void))on_syscall);
    for (unsigned i = 0; i < 3; i++)
        if (t[i] > 0 && (best == 0 || t[i] < best))
            best = t[i];
    return best;
}

double peer_unicorn_cpuid_recorded(void)
{
    struct bench_code c;

    bench_loop_cpuid(LOOP, &c);
    return trap_loop(&c, UC_HOOK_INSN, UC_X86_INS_CPUID, (void (*)(void))on_cpuid_kept);
}

/* OUT is the cheapest of the three. */
double peer_unicorn_trap_recorded(void)
{
    static const uint8_t out[3] = {0xe6, 0x10, 0x90};

    return instead(out, UC_HOOK_INSN, UC_X86_INS_OUT, (void (*)(void))on_out_kept);
}

static double plain(bool hooked)
{
    struct bench_code c;
    double t = 0;

    if (!open_uc())
        return 0;
    bench_loop_plain(LOOP, &c);
    start(&c);
    if (!hooked || hook(UC_HOOK_CODE, 0, (void (*)(void))on_code))
        t = bench_time(body_go, &c) / LOOP / BENCH_PLAIN_INSNS;
    uc_close(uc);
    return t;
}

double peer_unicorn_plain_hooked(void)
{
    return plain(true);
}

double peer_unicorn_plain(void)
{
    return plain(false);
}
