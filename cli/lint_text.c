/* SPDX-License-Identifier: MIT */
/* Texts of a processor: who made it, and what it is called. */
#include "cli/lint.h"

#include <string.h>

#define SDM "Intel SDM Vol. 2A CPUID"
#define APM "AMD APM Vol. 3 Appendix E"

/* In the order EBX EDX ECX. Parts, and emulators that sign the leaf of a part. */
static const char vendors[][13] = {
    "GenuineIntel", "AuthenticAMD", "CentaurHauls", "HygonGenuine", "  Shanghai  ", "CyrixInstead",
    "GenuineTMx86", "TransmetaCPU", "Geode by NSC", "NexGenDriven", "RiseRiseRise", "SiS SiS SiS ",
    "UMC UMC UMC ", "VIA VIA VIA ", "Vortex86 SoC", "Genuine  RDC", "AMDisbetter!", "AMD ISBETTER",
    "E2K MACHINE",  "GenuineIotel", "GenuineAO486", "MiSTer AO486", "ConnectixCPU", "Virtual CPU ",
    "Insignia 586", "Compaq FX!32", "PowerVM Lx86", "Neko Project", "VirtualApple", "MicrosoftXTA",
    "FEXIFEXIEMU",  "IOTIOTIOTIOT",
};

static uint32_t word(const char *s)
{
    uint32_t w = 0;

    for (unsigned i = 0; i < 4; i++)
        w |= (uint32_t)(unsigned char)s[i] << 8 * i;
    return w;
}

/* How many of the three registers hold this text's parts; the last one that does not in reg. */
static unsigned parts_of(const struct tsp_leaf *e, const char name[13], uint8_t *reg)
{
    static const uint8_t order[3] = {1, 3, 2};
    unsigned n = 0;

    for (size_t i = 0; i < 3; i++) {
        if (e->reg[order[i]] == word(name + 4 * i))
            n++;
        else
            *reg = order[i];
    }
    return n;
}

static bool readable(const struct tsp_leaf *e)
{
    for (unsigned i = 0; i < 12; i++) {
        unsigned c = e->reg[1 + i / 4] >> (i % 4 * 8) & 0xff;

        if (c != 0 && (c < 0x20 || c > 0x7e))
            return false;
    }
    return true;
}

/* A text that is two thirds another one's was meant to be that one; some parts let anybody write
 * what is read here (IDT WinChip 2 data sheet, FCR2), so that a wholly unknown one may be right. */
static void check_vendor(struct lint *l)
{
    const struct tsp_leaf *e = lint_leaf(l, 0, 0);
    struct lint_finding f = {.reg = 1,
                             .hi = 31,
                             .rule = "lint:vendor",
                             .source = "x86-cpuid-db, vendors; public lists of vendor texts",
                             .text = "vendor text"};
    const char *near = NULL;

    if (e == NULL || (e->reg[1] | e->reg[2] | e->reg[3]) == 0)
        return;
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        uint8_t reg = 1;
        unsigned n = parts_of(e, vendors[i], &reg);

        if (n == 3)
            return;
        if (n == 2 && near == NULL) {
            near = vendors[i];
            f.reg = reg;
        }
    }
    if (near == NULL && readable(e))
        return;
    f.value = e->reg[f.reg];
    snprintf(f.expected, sizeof(f.expected), near ? "the part of \"%s\"" : "letters", near);
    lint_add(l, &f);
}

/* The highest extended leaf; 0 on a processor that answers with another leaf's data there. */
static uint32_t extended_top(const struct lint *l)
{
    uint32_t top = lint_reg(l, 0x80000000, 0, 0);

    return top >> 16 == 0x8000 ? top : 0;
}

/* expected NULL: bytes behind the end. Silicon's come from firmware; a monitor that leaves some has
 * copied more of its memory than the text. */
static void say_brand(struct lint *l, const struct tsp_leaf *e, unsigned i, const char *expected)
{
    struct lint_finding f = {.leaf = e->leaf,
                             .reg = (uint8_t)(i / 4),
                             .hi = (uint8_t)(i % 4 * 8 + 7),
                             .lo = (uint8_t)(i % 4 * 8),
                             .rule = "lint:brand",
                             .source = APM,
                             .text = "brand text"};

    f.note = expected == NULL && !lint_guest(l);
    f.value = e->reg[i / 4] >> f.lo & 0xff;
    snprintf(f.expected, sizeof(f.expected), "%s",
             expected == NULL ? "NUL: the text has ended" : expected);
    lint_add(l, &f);
}

/* One leaf's letters. The text ends at its first NUL; firmware that writes it from a buffer of its
 * own may leave anything behind that, which is said once. */
static void check_letters(struct lint *l, const struct tsp_leaf *e, unsigned *nul, bool ends)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned char c = (unsigned char)(e->reg[i / 4] >> (i % 4 * 8));

        if (c == 0)
            *nul += *nul == 0;
        else if (ends && e->leaf == 0x80000004 && i == 15)
            say_brand(l, e, i, "NUL: the end of the text");
        else if (*nul == 1)
            say_brand(l, e, i, NULL);
        else if (*nul == 0 && (c < 0x20 || c >= 0x7f))
            say_brand(l, e, i, "a letter, or NUL");
        *nul += c != 0 && *nul == 1;
    }
}

/* 48 letters, ending in NULs; a stray byte shows a wrong order of registers or leaves. */
static void check_brand(struct lint *l, enum tsp_vendor vendor)
{
    bool ends =
        vendor == TSP_VENDOR_INTEL || vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON;
    unsigned nul = 0; /* 1: the text has ended, 2: and bytes behind it have been told */

    for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
        const struct tsp_leaf *e = lint_leaf(l, leaf, 0);

        if (e != NULL && extended_top(l) >= leaf)
            check_letters(l, e, &nul, ends);
    }
}

void lint_text(struct lint *l, enum tsp_vendor vendor)
{
    check_vendor(l);
    check_brand(l, vendor);
}
