/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: the input's scenario with a hypercall in it, then the same guest under the other ways
 * of treating a foreign instruction, at the other privilege level, across a page end, with other
 * numbers.
 */
#include "fuzz/run/derive.h"

#include "trapspec/bits.h"

#include <string.h>

/* Offset of the first hypercall instruction's opcode, or the length of the code. */
static uint32_t find_x86(const struct scenario *s)
{
    const uint8_t *c = s->code[0];

    for (uint32_t i = 0; i + 2 < s->ncode[0]; i++)
        if (c[i] == 0x0f && c[i + 1] == 0x01 && (c[i + 2] == 0xc1 || c[i + 2] == 0xd9))
            return i;
    return s->ncode[0];
}

/* Makes room for a hypercall at the start, with the end mark behind it, when there is none. */
static void ensure_x86(struct scenario *s, uint64_t r)
{
    static const uint8_t prefix[] = {0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x65, 0x48, 0x40};
    static const uint8_t call[] = {0x0f, 0x01, 0xc1, 0xe6, INPUT_END_PORT, 0xf4, 0xf4};
    uint32_t n = 0;

    if (find_x86(s) < s->ncode[0])
        return;
    memset(s->code[0], 0, sizeof(s->code[0]));
    if ((r & 7) == 0)
        s->code[0][n++] = prefix[(r >> 8) % sizeof(prefix)];
    memcpy(s->code[0] + n, call, sizeof(call));
    if (r >> 16 & 1)
        s->code[0][n + 2] = 0xd9;
    s->ncode[0] = n + (uint32_t)sizeof(call);
    s->regs_set |= 1;
    if ((r >> 20 & 3) != 0)
        s->regs[TSP_RAX] = (r >> 24) % 16;
}

/* The rest of the program does not depend on the privilege level when it ends with OUT and HLT. */
static void other_level_x86(struct scenario *s)
{
    uint32_t i = find_x86(s);

    s->level = s->level == 0 ? 3 : 0;
    if (i + 7 <= INPUT_CODE_MAX && s->ncode[0] == i + 5) {
        static const uint8_t end[] = {0xe6, INPUT_END_PORT, 0xf4, 0xf4};

        memcpy(s->code[0] + i + 3, end, sizeof(end));
        s->ncode[0] = i + 7;
    }
}

static void vary_x86(struct scenario *s, uint64_t r)
{
    switch (r & 7) {
    case 0:
        s->patch = (uint8_t)((s->patch + 1) % TSP_PATCH_COUNT);
        break;
    case 1:
        other_level_x86(s);
        break;
    case 2:
        s->config ^= TSP_CFG_ENFORCE_PV;
        break;
    case 3: /* a page end inside the instruction */
        s->code_at = 0x11000 - 1 - (r >> 8) % 3;
        break;
    case 4:
        s->pte[r >> 8 & 1] = INPUT_PTE_P | (r >> 9 & 1 ? INPUT_PTE_U : 0);
        break;
    case 5:
        s->mode = (uint8_t)((r >> 8) % (TSP_MODE_LONG64 + 1));
        s->code_at = 0;
        break;
    case 6:
        s->regs_set |= 1;
        s->regs[TSP_RAX] = (r >> 8) % 20 | (r >> 16 & 1 ? r << 32 : 0);
        break;
    default:
        s->host = s->host == TSP_VENDOR_INTEL ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        s->patch = (uint8_t)((s->patch + 1) % TSP_PATCH_COUNT);
        break;
    }
}

static bool is_call(const uint8_t *p)
{
    uint32_t w = (uint32_t)le_load(p, 4) & 0xffe0001fu;

    return w == 0xd4000002u || w == 0xd4000003u;
}

/* Offset of the first HVC or SMC, or the length of the code. */
static uint32_t find_arm64(const struct scenario *s)
{
    for (uint32_t i = 0; i + 4 <= s->ncode[0]; i += 4)
        if (is_call(s->code[0] + i))
            return i;
    return s->ncode[0];
}

static void ensure_arm64(struct scenario *s, uint64_t r)
{
    if (find_arm64(s) < s->ncode[0])
        return;
    memset(s->code[0], 0, sizeof(s->code[0]));
    le_store(s->code[0], r & 3 ? 0xd4000002u : 0xd4000003u, 4);
    s->ncode[0] = 4;
}

static void vary_arm64(struct scenario *s, uint64_t r)
{
    static const uint8_t version[] = {0x01, 0x02, 0x10, 0x11};
    uint32_t i = find_arm64(s);

    switch (r & 7) {
    case 0: /* the other conduit */
        s->code[0][i] ^= 1;
        break;
    case 1: /* another immediate */
        le_store(s->code[0] + i,
                 (le_load(s->code[0] + i, 4) & 0xffe0001fu) | (r >> 8 & 0xffff) << 5, 4);
        break;
    case 2:
        s->level ^= 1;
        break;
    case 3:
        s->psci = version[(r >> 8) & 3];
        break;
    case 4:
        s->fw_bitmap[(r >> 8) % 3] ^= 1;
        break;
    case 5: /* the 32-bit or 64-bit form, a yielding call, a reserved bit */
        s->regs_set |= 1;
        s->regs[0] ^= 1u << (31 - (r >> 8) % 16);
        break;
    case 6:
        s->regs_set |= 1;
        s->regs[0] |= r << 32;
        break;
    default:
        s->regs_set |= 2;
        s->regs[1] ^= (uint64_t)1 << (r >> 8) % 64;
        break;
    }
}

void derive_ensure_call(struct scenario *s, uint64_t r)
{
    if (s->arch == TSP_ARCH_X86)
        ensure_x86(s, r);
    else
        ensure_arm64(s, r);
}

void derive_vary_call(struct scenario *s, uint64_t r)
{
    if (s->arch == TSP_ARCH_X86)
        vary_x86(s, r);
    else
        vary_arm64(s, r);
    input_fold(s);
}
