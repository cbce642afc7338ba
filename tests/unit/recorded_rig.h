/* SPDX-License-Identifier: MIT */
/* One recorded run, made from a scenario and what it left behind. */
#ifndef TSP_TESTS_UNIT_RECORDED_RIG_H
#define TSP_TESTS_UNIT_RECORDED_RIG_H

#include "fuzz/run/run.h"

#include "tests/test_main.h"

static struct scenario s;
static struct input_image img;
static struct tsp_setup setup;
static struct outcome o;
static struct recorded_run run;
static struct tsp_event ev[8];

/* A run of `code` that left `mem` at its place. Bytes are given as text, so that zeroes are
 * allowed. */
static inline void arrange(unsigned mode, unsigned level, const char *code, size_t n,
                           const char *mem, size_t nmem)
{
    input_default(&s, mode == TSP_MODE_A64 ? TSP_ARCH_ARM64 : TSP_ARCH_X86);
    s.mode = (uint8_t)mode;
    s.level = (uint8_t)level;
    if (mode == TSP_MODE_REAL16)
        s.code_at = 0xe800;
    memset(s.code[0], 0, sizeof(s.code[0]));
    memcpy(s.code[0], code, n);
    s.ncode[0] = (uint32_t)n;
    s.regs_set = 1;
    s.regs[0] = 1;
    input_build(&s, NULL, 0, &img, &setup);
    o = (struct outcome){.exit = OUTCOME_HALT};
    o.out = setup.vcpu[0].regs;
    memset(o.mem, 0, sizeof(o.mem));
    memcpy(o.mem, mem, nmem);
    o.mem_len = (uint8_t)(nmem > 16 ? nmem : 16);
    run = (struct recorded_run){.id = "test",
                                .setup = &setup,
                                .code = s.code[0],
                                .ncode = s.ncode[0],
                                .code_at = s.code_at,
                                .outcome = &o};
}
#define ARRANGE(mode, level, code, mem)                                                            \
    arrange(mode, level, code, sizeof(code) - 1, mem, sizeof(mem) - 1)

static inline uint64_t start(void)
{
    return setup.vcpu[0].regs.pc;
}

static inline size_t events(void)
{
    memset(ev, 0xee, sizeof(ev));
    return outcome_events(&run, ev, 8);
}

#endif
