/* SPDX-License-Identifier: MIT */
/* The AArch32 guest of the Arm machine: the same memory and addresses, 32-bit code at EL0 or EL1.
 */
#include "fuzz/input/build.h"

#define END_REG 11
#define SP_USR 13
#define SP_SVC 19
#define PSTATE_T 0x20u
#define PSTATE_SVC 0x1d3u /* A, I and F masked, Supervisor mode */
#define PSTATE_USR 0x1d0u
#define SCTLR_RESET 0x00c50078u /* RES1 bits; MMU, caches and alignment checks off */

/* b to the handler of its own, 8 bytes each from 0x80 on: mov r11, #end; str r11, [r11] */
#define ENTRY(n) [(n)*4] = 0x1e + (n), 0x00, 0x00, 0xea
#define HANDLER(n) [0x80 + (n)*8] = 0x0a, 0xb4, 0xa0, 0xe3, 0x00, 0xb0, 0x8b, 0xe5
#define NVECTOR 8u
_Static_assert(INPUT_ARM64_END == 0x0au << 24, "the handlers' constant");

/* clang-format off */
static const uint8_t vectors[0x80 + NVECTOR * 8] = {
    ENTRY(0), ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6), ENTRY(7),
    HANDLER(0), HANDLER(1), HANDLER(2), HANDLER(3), HANDLER(4), HANDLER(5), HANDLER(6), HANDLER(7),
};
/* clang-format on */

void build_arm32_vectors(struct builder *b)
{
    build_piece(b, INPUT_ARM64_VECTORS, vectors, sizeof(vectors), 0);
}

int build_arm32_vector(uint64_t pc)
{
    uint64_t at = pc - INPUT_ARM64_VECTORS;

    if (at < NVECTOR * 4)
        return (int)(at & ~3u);
    return at - 0x80 < NVECTOR * 8 ? (int)((at - 0x80) / 8 * 4) : -1;
}

/* str r11, [r11] in either instruction set; NULL for AArch64. */
const uint8_t *build_arm32_end(unsigned mode)
{
    static const uint8_t a32[4] = {0x00, 0xb0, 0x8b, 0xe5}, t32[4] = {0xcb, 0xf8, 0x00, 0xb0};

    if (!tsp_mode_is_aarch32(mode))
        return NULL;
    return mode == TSP_MODE_T32 ? t32 : a32;
}

/* What is particular to AArch32; registers as the scenario gives them are there. */
void build_arm32_vcpu(const struct scenario *s, uint64_t stack, struct tsp_vcpu_state *v)
{
    if (!(s->regs_set >> END_REG & 1))
        v->regs.r[END_REG] = INPUT_ARM64_END;
    if (!(s->regs_set >> SP_USR & 1))
        v->regs.r[SP_USR] = stack;
    if (!(s->regs_set >> SP_SVC & 1))
        v->regs.r[SP_SVC] = stack;
    v->regs.flags = s->flags | (s->level ? PSTATE_SVC : PSTATE_USR);
    if (s->mode == TSP_MODE_T32)
        v->regs.flags |= PSTATE_T;
    v->regs.mode = s->mode;
    v->regs.level = s->level;
    v->arm64.sctlr_el1 = SCTLR_RESET;
}
