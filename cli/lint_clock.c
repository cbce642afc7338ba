/* SPDX-License-Identifier: MIT */
/* Frequencies that several leaves of a guest tell: of the TSC, of the processor, and in its name.
 */
#include "cli/lint.h"

#include <string.h>

#define SDM "Intel SDM Vol. 2A CPUID"
#define HV_BASE 0x40000000u
#define HV_LAST 0x4000ffffu
#define HV_STEP 0x100u
#define HV_TIMING 0x10u
#define BRAND 0x80000002u

struct clock {
    uint32_t leaf, sub;
    uint8_t reg, hi;
    uint64_t khz; /* 0: not told */
};

static struct clock crystal(const struct lint *l)
{
    const struct tsp_leaf *e = lint_leaf(l, 0x15, 0);
    struct clock c = {.leaf = 0x15, .reg = 1, .hi = 31};

    if (e != NULL && lint_reg(l, 0, 0, 0) >= 0x15 && e->reg[0] != 0)
        c.khz = (uint64_t)e->reg[2] * e->reg[1] / e->reg[0] / 1000;
    return c;
}

/* The TSC by the hypervisor's leaves: the timing leaf, or Xen's leaf 3. */
static struct clock virtual(const struct lint *l)
{
    struct clock c = {.hi = 31};

    for (uint32_t base = HV_BASE; base <= HV_LAST && c.khz == 0; base += HV_STEP) {
        enum tsp_persona p = TSP_PERSONA_NONE;

        if (lint_hv_name(l, base, &p) == NULL || p == TSP_PERSONA_HYPERV)
            continue;
        if (p == TSP_PERSONA_XEN)
            c = (struct clock){base + 3, 0, 2, 31, lint_reg(l, base + 3, 0, 2)};
        else if (lint_reg(l, base, 0, 0) >= base + HV_TIMING)
            c = (struct clock){base + HV_TIMING, 0, 0, 31, lint_reg(l, base + HV_TIMING, 0, 0)};
    }
    return c;
}

static struct clock base_clock(const struct lint *l)
{
    struct clock c = {.leaf = 0x16, .hi = 15};

    if (lint_reg(l, 0, 0, 0) >= 0x16)
        c.khz = (uint64_t)(lint_reg(l, 0x16, 0, 0) & 0xffff) * 1000;
    return c;
}

static void brand_text(const struct lint *l, char out[49])
{
    for (unsigned i = 0; i < 48; i++)
        out[i] = (char)(lint_reg(l, BRAND + i / 16, 0, i / 4 % 4) >> (i % 4 * 8));
    out[48] = 0;
}

/* "... @ 2.50GHz", "... 800MHz": Intel SDM Vol. 2A CPUID, "The Processor Brand String Method". */
static struct clock brand_clock(const struct lint *l)
{
    struct clock c = {.leaf = BRAND};
    char text[49];
    const char *unit, *p;
    uint64_t scale;

    brand_text(l, text);
    unit = strstr(text, "Hz");
    if (lint_reg(l, 0x80000000, 0, 0) < BRAND + 2 || unit == NULL || unit == text)
        return c;
    scale = unit[-1] == 'G' ? 1000000 : unit[-1] == 'M' ? 1000 : 0;
    for (p = unit - 1; p > text && ((p[-1] >= '0' && p[-1] <= '9') || p[-1] == '.');)
        p--;
    for (; *p >= '0' && *p <= '9' && c.khz < 100000000; p++)
        c.khz = c.khz * 10 + (uint64_t)(*p - '0') * scale;
    for (p += *p == '.'; *p >= '0' && *p <= '9'; p++)
        c.khz += (scale /= 10) * (uint64_t)(*p - '0');
    return c;
}

static bool apart(uint64_t a, uint64_t b, unsigned percent)
{
    return a != 0 && b != 0 && (a * 100 > b * (100 + percent) || b * 100 > a * (100 + percent));
}

static bool plausible(uint64_t khz)
{
    return khz >= 10000 && khz <= 100000000;
}

static void say(struct lint *l, const struct clock *c, uint64_t want, const char *where, bool note)
{
    uint32_t reg = lint_reg(l, c->leaf, c->sub, c->reg);
    struct lint_finding f = {.note = note,
                             .leaf = c->leaf,
                             .subleaf = c->sub,
                             .reg = c->reg,
                             .hi = c->hi,
                             .value = c->hi == 31 ? reg : reg & 0xffff,
                             .rule = c->leaf == 0x16 ? "lint:base-frequency" : "lint:tsc-frequency",
                             .source = SDM,
                             .text = "a frequency that others do not confirm"};

    snprintf(f.expected, sizeof(f.expected), "about %llu MHz, as %s has it",
             (unsigned long long)(want / 1000), where);
    lint_add(l, &f);
}

/*
 * The TSC of a guest ticks near the frequency in the processor's name. Small mobile parts have a
 * TSC up to two thirds faster than their name; a guest that moved keeps the TSC of its first host.
 * What is twice off was given in another unit, or is of another machine.
 */
#define UNUSUAL 25
#define WRONG 100

static void check_nominal(struct lint *l)
{
    struct clock hv = virtual(l), leaf = crystal(l), base = base_clock(l), name = brand_clock(l);
    const struct clock *tsc = hv.khz != 0 ? &hv : &leaf;

    /* Of a timing leaf that differs another rule has told, and of one in another unit. */
    if (apart(hv.khz, leaf.khz, 1) || (hv.khz != 0 && !plausible(hv.khz))) {
        if (hv.sub == 0 && hv.reg == 2 && plausible(hv.khz))
            say(l, &hv, leaf.khz, "leaf 0x15", false);
        return;
    }
    if (apart(base.khz, tsc->khz, UNUSUAL) && (name.khz == 0 || apart(base.khz, name.khz, UNUSUAL)))
        say(l, &base, tsc->khz, "the TSC", !apart(base.khz, tsc->khz, WRONG));
    else if (apart(base.khz, tsc->khz, UNUSUAL))
        say(l, tsc, base.khz, "leaf 0x16", !apart(base.khz, tsc->khz, WRONG));
    else if (apart(name.khz, tsc->khz, UNUSUAL))
        say(l, tsc, name.khz, "the brand", !apart(name.khz, tsc->khz, WRONG));
}

/* Xen tells the guest's TSC in kHz in sub-leaf 0, the host's in sub-leaf 2, alone there
 * (public/arch-x86/cpuid.h); some tools record sub-leaf 1 under that number. */
static void check_xen(struct lint *l, uint32_t base, uint32_t sub, uint8_t reg)
{
    const struct tsp_leaf *e = lint_leaf(l, base + 3, sub);
    struct lint_finding f = {.leaf = base + 3,
                             .subleaf = sub,
                             .reg = reg,
                             .hi = 31,
                             .expected = "10000 to 100000000 kHz",
                             .rule = "lint:hv-tsc-khz",
                             .source = "Xen public/arch-x86/cpuid.h",
                             .text = "TSC frequency in kHz"};

    if (e == NULL || e->subleaf != sub || (sub == 2 && (e->reg[1] | e->reg[2] | e->reg[3]) != 0))
        return;
    f.value = e->reg[reg];
    if (f.value != 0 && !plausible(f.value))
        lint_add(l, &f);
}

void lint_clocks(struct lint *l)
{
    if (!lint_guest(l))
        return;
    for (uint32_t base = HV_BASE; base <= HV_LAST; base += HV_STEP) {
        enum tsp_persona p = TSP_PERSONA_NONE;

        if (lint_hv_name(l, base, &p) == NULL || p != TSP_PERSONA_XEN)
            continue;
        check_xen(l, base, 0, 2);
        check_xen(l, base, 2, 0);
    }
    check_nominal(l);
}
