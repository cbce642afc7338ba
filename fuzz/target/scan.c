/* SPDX-License-Identifier: MIT */
/*
 * Just enough of an instruction scan to say what a recorded run began with and where it should have
 * ended. It is not the model's decoder on purpose: a recording must be readable without the
 * subject's help.
 */
#include "fuzz/target/builtin.h"

#include "trapspec/bits.h"

static bool legacy_prefix(uint8_t b)
{
    switch (b) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return false;
    }
}

/* Two-byte opcodes 0F xx (Intel SDM Vol. 2 appendix A, table A-3); only register forms of group 7
 * and UD0, UD1. */
static struct scan scan_0f(const uint8_t *p, size_t n)
{
    if (n < 1)
        return (struct scan){0};
    switch (p[0]) {
    case 0xa2:
        return (struct scan){SCAN_CPUID, 1};
    case 0x0b:
    case 0x30:
    case 0x31:
    case 0x32:
        return (struct scan){SCAN_FAULTS, 1};
    case 0x01:
    case 0xb9:
    case 0xff:
        if (n < 2 || p[1] < 0xc0)
            return (struct scan){0};
        if (p[0] == 0x01 && (p[1] == 0xc1 || p[1] == 0xd9))
            return (struct scan){SCAN_CALL, 2};
        return (struct scan){SCAN_FAULTS, 2};
    default:
        return (struct scan){0};
    }
}

static struct scan scan_x86(enum tsp_mode mode, const uint8_t *p, size_t n)
{
    struct scan s = {0};
    size_t at = 0;

    while (at < n && (legacy_prefix(p[at]) || (mode == TSP_MODE_LONG64 && (p[at] & 0xf0) == 0x40)))
        at++;
    if (at >= n)
        return s;
    if (p[at] == 0x0f) {
        s = scan_0f(p + at + 1, n - at - 1);
        s.len += (unsigned)at + 1;
    } else if (p[at] == 0xcc || p[at] == 0xf4) {
        s = (struct scan){SCAN_FAULTS, (unsigned)at + 1};
    } else if (p[at] == 0xcd && at + 1 < n) {
        s = (struct scan){SCAN_FAULTS, (unsigned)at + 2};
    }
    return s.class == SCAN_NONE ? (struct scan){0} : s;
}

/* Arm ARM C4.1.86, exception generation: opc 31:21, imm16 20:5, op2 4:2, LL 1:0; UDF has 31:16
 * zero. */
static struct scan scan_arm64(const uint8_t *p, size_t n)
{
    uint32_t w = n >= 4 ? (uint32_t)le_load(p, 4) : 0xffffffffu;

    if ((w & 0xffe0001fu) == 0xd4000002u || (w & 0xffe0001fu) == 0xd4000003u)
        return (struct scan){SCAN_CALL, 4};
    if ((w & 0xff000000u) == 0xd4000000u || (w & 0xffff0000u) == 0)
        return (struct scan){SCAN_FAULTS, 4};
    return (struct scan){0};
}

/* The same of AArch32 (F5.1): HVC, SMC; SVC, BKPT and UDF. */
static struct scan scan_arm32(enum tsp_mode mode, const uint8_t *p, size_t n)
{
    uint32_t w = n >= 4 ? (uint32_t)le_load(p, 4) : 0, h = n >= 2 ? (uint32_t)le_load(p, 2) : 0;

    if (mode == TSP_MODE_T32) {
        if ((w & 0xf000ffe0u) == 0x8000f7e0u)
            return (struct scan){SCAN_CALL, 4};
        return h >> 9 == 0x6f || h >> 8 == 0xbe ? (struct scan){SCAN_FAULTS, 2} : (struct scan){0};
    }
    if ((w & 0xfff000f0u) == 0xe1400070u || (w & 0xfffffff0u) == 0xe1600070u)
        return (struct scan){SCAN_CALL, 4};
    if (w >> 24 == 0xef || (w & 0xfff000f0u) == 0xe1200070u || (w & 0xfff000f0u) == 0xe7f000f0u)
        return (struct scan){SCAN_FAULTS, 4};
    return (struct scan){0};
}

struct scan scan_first(enum tsp_mode mode, const uint8_t *p, size_t n)
{
    if (tsp_mode_is_aarch32(mode))
        return scan_arm32(mode, p, n);
    return mode == TSP_MODE_A64 ? scan_arm64(p, n) : scan_x86(mode, p, n);
}

/* ADD r/m8, r8 between legacy byte registers leaves registers alone when what it adds is zero. */
static bool add_is_idle(uint8_t modrm, const struct tsp_regs *r)
{
    unsigned src = (modrm >> 3) & 7, dst = modrm & 7;
    uint64_t v = src < 4 ? r->r[src] : r->r[src - 4] >> 8;

    return modrm >= 0xc0 && src != dst && (v & 0xff) == 0;
}

bool scan_end_mark(const uint8_t *p, size_t n, const struct tsp_regs *r, unsigned *off, bool *flags)
{
    size_t at = 0;

    *flags = false;
    while (at < n) {
        switch (p[at]) {
        case 0xf4: /* HLT */
        case 0xe6: /* OUT imm8, AL */
            *off = (unsigned)at;
            return true;
        case 0x90:
            at++;
            break;
        case 0xf5: /* CMC, CLC, STC */
        case 0xf8:
        case 0xf9:
            *flags = true;
            at++;
            break;
        case 0x00: /* ADD r/m8, r8 */
            if (at + 1 >= n || !add_is_idle(p[at + 1], r))
                return false;
            *flags = true;
            at += 2;
            break;
        default:
            return false;
        }
    }
    return false;
}
