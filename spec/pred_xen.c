/* SPDX-License-Identifier: MIT */
/* Predicates of Xen's calls and of its hypercall page. */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

/* xen_ret(V|...): RAX, of which only the low half is the result outside 64-bit mode (Xen
 * public/arch-x86/xen-x86_32.h: the result is EAX). */
bool pred_xen_ret(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t mask = bits_mask(j->ev->before.mode == TSP_MODE_LONG64 ? 64 : 32);
    uint64_t got = j->ev->after.r[TSP_RAX] & mask;

    for (unsigned i = 0; i < p->narg; i++)
        if (got == (p->arg[i] & mask))
            return true;
    return say_value(say, "result", p->arg[0] & mask, got);
}

/* xen_over(V): the result is a signed number above this. */
bool pred_xen_over(const struct judge *j, const struct pred_use *p, struct say *say)
{
    bool wide = j->ev->before.mode == TSP_MODE_LONG64;
    uint64_t got = bits_sext(j->ev->after.r[TSP_RAX], wide ? 64 : 32);

    return (int64_t)got > (int64_t)p->arg[0] || say_value(say, "result, above", p->arg[0], got);
}

/* x0_whole(V|...): X0, all of it; R0 in AArch32. */
bool pred_x0_whole(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t mask = tsp_mode_is_aarch32(j->ev->before.mode) ? UINT32_MAX : UINT64_MAX;
    uint64_t got = j->ev->after.r[0] & mask;

    for (unsigned i = 0; i < p->narg; i++)
        if (got == (p->arg[i] & mask))
            return true;
    return say_value(say, "x0", p->arg[0] & mask, got);
}

/* Major and minor number are what EAX of the block's second leaf says (Xen public/version.h,
 * public/arch-x86/cpuid.h). Without the leaf any version will do that is none of an error. */
bool pred_xen_version(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->ev->after.r[0]; /* RAX or X0 */
    uint32_t base;
    const struct tsp_leaf *l;

    (void)p;
    if (j->ev->before.mode != TSP_MODE_LONG64 && j->ev->before.mode != TSP_MODE_A64)
        got = (uint32_t)got;
    base = j->setup->arch == TSP_ARCH_X86 ? judge_block(j, TSP_PERSONA_XEN) : 0;
    l = base != 0 ? spec_policy_first(&j->policy, base + 1) : NULL;
    if (l == NULL)
        return (got >> 16 != 0 && got <= INT32_MAX) || say_value(say, "version", 0x40000, got);
    return got == l->reg[0] || say_value(say, "version", l->reg[0], got);
}

#define BIT(reg) (1u << (reg))

/* Registers of arguments are clobbered or not (Xen public/arch-x86/xen-x86_64.h). */
bool pred_xen_regs(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint32_t wide = BIT(TSP_RAX) | BIT(TSP_RDI) | BIT(TSP_RSI) | BIT(TSP_RDX) | BIT(TSP_R10) |
                    BIT(TSP_R8) | BIT(TSP_R9);
    uint32_t narrow = BIT(TSP_RAX) | BIT(TSP_RBX) | BIT(TSP_RCX) | BIT(TSP_RDX) | BIT(TSP_RSI) |
                      BIT(TSP_RDI) | BIT(TSP_RBP);

    (void)p;
    return regs_kept_but(j, j->ev->before.mode == TSP_MODE_LONG64 ? wide : narrow, say);
}

/* X0, the number in X16 (AArch32: R12) and the five arguments (Xen public/arch-arm.h). */
bool pred_xen_arm_regs(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return regs_kept_but(j, 0x1f | BIT(tsp_mode_is_aarch32(j->ev->before.mode) ? 12 : 16), say);
}

#define PAGE 0x1000u
#define SLOT 32u
#define SLOT_IRET 23u

/* What a byte of the hypercall page has to be, -1 where nothing is said of it: what lies between
 * the instructions of two slots is filler or was there before. */
static int page_byte(const struct judge *j, unsigned off)
{
    const uint8_t stub[] = {0xb8, (uint8_t)(off / SLOT), 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3};
    unsigned at = off % SLOT;

    if (off / SLOT == SLOT_IRET)
        return at == 0 ? 0x0f : at == 1 ? 0x0b : -1;
    if (at == 7)
        return fact_is(j, FACT_HOST, 1) ? 0xd9 : 0xc1;
    return at < sizeof(stub) ? stub[at] : -1;
}

/* Filler traps or is nothing: INT3, zero, or what was there. The rest of a stub under the UD2 of
 * iret is neither. */
static bool is_filler(uint8_t now, uint8_t was)
{
    return now == 0xcc || now == 0 || now == was;
}

/*
 * A WRMSR that stands in the page it asks for sees what becomes of it: the 16 bytes from the
 * instruction on are part of the event. Where linear addresses are translated, bytes that changed
 * tell that it does stand there.
 */
bool pred_page_text(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t frame = (ev->before.r[TSP_RDX] << 32 | (uint32_t)ev->before.r[TSP_RAX]) / PAGE;
    bool paging = bits_test(ev->sys[TSP_SYS_CR0], 31);
    bool changed = memcmp(ev->fetched, ev->stored, 2) != 0;
    unsigned off = ev->addr % PAGE;

    (void)p;
    if (j->setup->nvcpu > 1 || (paging ? !changed : ev->addr / PAGE != frame))
        return true;
    for (unsigned i = 0; i < TSP_INSN_BYTES && off + i < PAGE; i++) {
        int want = page_byte(j, off + i);

        if (want < 0 ? is_filler(ev->stored[i], i < ev->len ? ev->fetched[i] : 0)
                     : ev->stored[i] == want)
            continue;
        return say_value(say, "byte of the hypercall page", want < 0 ? 0xcc : (unsigned)want,
                         ev->stored[i]);
    }
    return true;
}
