/* SPDX-License-Identifier: MIT */
/* The AArch64 machine: 1 MiB at 0x40000000, MMU off, vectors that report and end. */
#include "fuzz/input/build.h"

#include "trapspec/bits.h"

#include <string.h>

#define RAM INPUT_ARM64_RAM
#define CODE1 (RAM + 0x4000u) /* code of the second vCPU's own */
#define STACK (RAM + 0x8000u)
#define STACK1 (RAM + 0xc000u)
#define END_REG 28

#define PSTATE_EL1 0x3c5u /* D A I F masked, EL1 with SP_EL1 */
#define PSTATE_EL0 0x3c0u
#define SCTLR_RESET                                                                                \
    0x30d00800u /* RES1 bits; MMU, caches and alignment checks off (Arm DDI 0487, D19.2) */
#define MPIDR_RES1 0x80000000u
#define MIDR 0x000f0510u

/* movz x28, #(end address >> 16), lsl #16; str wzr, [x28] */
#define HANDLER_LO 0x1c, 0x40, 0xa1, 0xd2
#define STORE_END 0x9f, 0x03, 0x00, 0xb9
_Static_assert(INPUT_ARM64_END == 0x0a00u << 16, "the handler's constant");

/* 16 entries of 0x80 bytes; the handler's registers are out of the way of X0 to X17. */
/* clang-format off */
#define ENTRY(n) [(n) * 0x80] = HANDLER_LO, STORE_END
static const uint8_t vectors[0x800] = {
    ENTRY(0), ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6), ENTRY(7),
    ENTRY(8), ENTRY(9), ENTRY(10), ENTRY(11), ENTRY(12), ENTRY(13), ENTRY(14), ENTRY(15),
};
/* clang-format on */
static const uint8_t store_end[4] = {STORE_END};

static void build_vcpu(struct builder *b, unsigned i, uint64_t pc)
{
    const struct scenario *s = b->s;
    struct tsp_vcpu_state *v = &b->out->vcpu[i];
    uint64_t stack = i == 0 ? STACK : STACK1;

    memcpy(v->regs.r, s->regs, sizeof(v->regs.r));
    v->regs.pc = pc;
    v->run_state = i == 1 && s->cpu & INPUT_CPU_SECOND_OFF ? TSP_RUN_OFF : TSP_RUN_READY;
    v->arm64.vbar_el1 = INPUT_ARM64_VECTORS;
    v->arm64.mpidr = MPIDR_RES1 | i;
    v->arm64.midr = MIDR;
    if (tsp_mode_is_aarch32(s->mode)) {
        build_arm32_vcpu(s, stack, v);
        return;
    }
    if (!(s->regs_set >> END_REG & 1))
        v->regs.r[END_REG] = INPUT_ARM64_END;
    v->regs.r[31] = s->regs_set >> 31 & 1 ? s->regs[31] : stack;
    v->regs.flags = s->flags | (s->level ? PSTATE_EL1 : PSTATE_EL0);
    v->regs.mode = TSP_MODE_A64;
    v->regs.level = s->level;
    /* a stack pointer that is given is the one in use */
    v->arm64.sp_el0 = s->level ? stack : v->regs.r[31];
    v->arm64.sp_el1 = s->level ? v->regs.r[31] : stack;
    v->arm64.sctlr_el1 = SCTLR_RESET;
}

/* The end store follows the code, so that it need not be written into every scenario. */
static void build_text(struct builder *b, unsigned i, uint64_t at)
{
    uint8_t *text = b->img->text[i];
    uint32_t n = b->s->ncode[i], unit = b->s->mode == TSP_MODE_T32 ? 2 : 4;
    const uint8_t *end = build_arm32_end(b->s->mode);

    if (n > INPUT_CODE_MAX)
        n = INPUT_CODE_MAX;
    memcpy(text, b->s->code[i], n);
    memset(text + n, 0, 4);
    n = (n + unit - 1) & ~(unit - 1);
    memcpy(text + n, end ? end : store_end, sizeof(store_end));
    build_piece(b, at, text, n + sizeof(store_end), 0);
}

void build_arm64(struct builder *b)
{
    const struct scenario *s = b->s;
    struct tsp_setup *out = b->out;
    bool own = s->nvcpu == 2 && s->ncode[1] > 0;

    out->ram_base = RAM;
    out->ram_size = INPUT_ARM64_RAM_SIZE;
    out->console_mmio = INPUT_ARM64_CONSOLE;
    out->end_mmio = INPUT_ARM64_END;
    if (tsp_mode_is_aarch32(s->mode))
        build_arm32_vectors(b);
    else
        build_piece(b, INPUT_ARM64_VECTORS, vectors, sizeof(vectors), 0);
    build_text(b, 0, s->code_at);
    if (own)
        build_text(b, 1, CODE1);
    build_vcpu(b, 0, s->code_at);
    if (s->nvcpu == 2)
        build_vcpu(b, 1, own ? CODE1 : s->code_at);
}
