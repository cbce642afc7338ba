/* SPDX-License-Identifier: MIT */
/* A small AArch64 machine for tests: 1 MiB at 0x40000000, code at +0x1000, vectors at +0x2000, data
 * at +0x10000. */
#ifndef TSP_TESTS_UNIT_ARM64_GUEST_H
#define TSP_TESTS_UNIT_ARM64_GUEST_H

#include "emu/emu.h"
#include "tests/test_main.h"
#include "trapspec/bits.h"

#define RAM UINT64_C(0x40000000)
#define CODE (RAM + 0x1000)
#define VECTORS (RAM + 0x2000)
#define STACK (RAM + 0x8000)
#define DATA (RAM + 0x10000)
#define OUTSIDE UINT64_C(0x09000000)
#define EL1H UINT64_C(0x3c5)
#define EL0T UINT64_C(0x3c0)

#define WORD_B_SELF 0x14000000u
#define WORD_NOP 0xd503201fu

struct guest {
    struct vm *vm;
    struct tsp_setup setup;
    struct tsp_page page[2];
    uint8_t code[256];
    struct tsp_event ev;
};

static inline void guest_open(struct guest *g, const char *profile)
{
    struct tsp_error err;

    memset(g, 0, sizeof(*g));
    assert_int_equal(vm_open(&g->vm, profile, &err), TSP_OK);
    g->setup.arch = TSP_ARCH_ARM64;
    g->setup.nvcpu = 1;
    g->setup.persona[0] = TSP_PERSONA_KVM;
    g->setup.psci = 0x11;
    g->setup.fw_bitmap[0] = g->setup.fw_bitmap[1] = 1;
    g->setup.fw_bitmap[2] = 3;
    g->setup.workaround[0] = 2;
    g->setup.ram_base = RAM;
    g->setup.ram_size = 1 << 20;
    g->page[0] = (struct tsp_page){.gpa = CODE, .len = sizeof(g->code), .data = g->code};
    g->setup.page = g->page;
    g->setup.npage = 1;
    for (unsigned i = 0; i < 2; i++) {
        struct tsp_vcpu_state *v = &g->setup.vcpu[i];

        v->regs = (struct tsp_regs){.pc = CODE, .flags = EL1H, .mode = TSP_MODE_A64, .level = 1};
        v->regs.r[31] = v->arm64.sp_el1 = STACK;
        v->arm64.vbar_el1 = VECTORS;
        v->arm64.mpidr = 0x80000000u | i;
    }
}

static inline void guest_close(struct guest *g)
{
    vm_close(g->vm);
}

static inline struct tsp_regs *guest_regs(struct guest *g)
{
    return &g->setup.vcpu[0].regs;
}

/* Puts words at CODE, zeros (UDF) behind them. */
static inline void guest_code(struct guest *g, const uint32_t *word, unsigned n)
{
    memset(g->code, 0, sizeof(g->code));
    for (unsigned i = 0; i < n; i++)
        le_store(g->code + 4 * i, word[i], 4);
}

static inline void guest_level(struct guest *g, unsigned level)
{
    guest_regs(g)->level = level;
    guest_regs(g)->flags = level == 0 ? EL0T : EL1H;
}

/* Starts anew and runs n instructions, or up to the first event. */
static inline void guest_start(struct guest *g, uint32_t n)
{
    assert_int_equal(vm_reset(g->vm, &g->setup, &g->ev), TSP_OK);
    assert_int_equal(vm_run(g->vm, 0, n, &g->ev), TSP_OK);
}

static inline void guest_word(struct guest *g, uint32_t word, uint32_t n)
{
    guest_code(g, &word, 1);
    guest_start(g, n);
}

static inline uint64_t guest_load(struct guest *g, uint64_t at, unsigned len)
{
    uint8_t buf[8] = {0};

    assert_int_equal(vm_peek(g->vm, at, buf, len), TSP_OK);
    return le_load(buf, len);
}

static inline struct tsp_arm64_state guest_state(struct guest *g)
{
    struct tsp_vcpu_state s;

    assert_int_equal(vm_get_vcpu(g->vm, 0, &s), TSP_OK);
    return s.arm64;
}

#endif
