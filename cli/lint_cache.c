/* SPDX-License-Identifier: MIT */
/*
 * Caches: the lists of leaf 4 and of AMD's 0x8000001D, and what older leaves say of the same
 * caches. Sizes are products of four fields, which rows cannot say.
 */
#include "cli/lint.h"

#include <string.h>

#define SDM "Intel SDM Vol. 2A CPUID"
#define APM "AMD APM Vol. 3 Appendix E"
#define LEVELS 8u
#define SUBLEAVES 8u

enum cache_type { CACHE_NONE = 0, CACHE_DATA, CACHE_CODE, CACHE_UNIFIED };

struct cache {
    const struct tsp_leaf *e;
    unsigned type, level, share, line, ways;
    uint64_t size;
};

static void say(struct lint *l, const struct lint_finding *with, uint32_t leaf, uint32_t sub)
{
    struct lint_finding f = *with;
    const struct tsp_leaf *e = lint_leaf(l, leaf, sub);
    uint32_t reg = e == NULL ? 0 : e->reg[f.reg];

    f.leaf = leaf;
    f.subleaf = sub;
    f.value = (reg >> f.lo) & (uint32_t)(0xffffffffull >> (31 - (f.hi - f.lo)));
    lint_add(l, &f);
}

/* Both leaves have one layout: EAX 4:0 type, 7:5 level, 25:14 threads sharing; EBX 11:0 line, 21:12
 * lines of a tag, 31:22 ways; ECX sets; all but type and level less one. */
static struct cache cache_of(const struct tsp_leaf *e)
{
    const uint32_t *r = e->reg;
    uint64_t parts = (r[1] >> 12 & 0x3ff) + 1;
    struct cache c = {.e = e,
                      .type = r[0] & 0x1f,
                      .level = r[0] >> 5 & 7,
                      .share = r[0] >> 14 & 0xfff,
                      .line = (r[1] & 0xfff) + 1,
                      .ways = (r[1] >> 22) + 1};

    c.size = parts * c.line * c.ways * ((uint64_t)r[2] + 1);
    return c;
}

/* Whoever lists caches stops at the first empty sub-leaf: what follows is never read. */
static void check_end(struct lint *l, const struct cache *c, const char *source)
{
    const struct lint_finding f = {.hi = 4,
                                   .expected = "0: the list ended before",
                                   .rule = "lint:cache-end",
                                   .source = source,
                                   .text = "a cache behind the end of the list"};

    say(l, &f, c->e->leaf, c->e->subleaf);
}

static bool check_line(struct lint *l, const struct cache *c, const char *source)
{
    const struct lint_finding f = {.reg = 1,
                                   .hi = 11,
                                   .expected = "a power of two, less one",
                                   .rule = "lint:cache-line",
                                   .source = source,
                                   .text = "bytes of a line"};

    if ((c->line & (c->line - 1)) == 0)
        return true;
    say(l, &f, c->e->leaf, c->e->subleaf);
    return false;
}

/* The line that CLFLUSH works on, in leaf 1, is the first data cache's. */
static void check_flush(struct lint *l, const struct cache *c, const char *source)
{
    unsigned flush = (lint_reg(l, 1, 0, 1) >> 8 & 0xff) * 8;
    struct lint_finding f = {.reg = 1,
                             .hi = 11,
                             .rule = "lint:cache-flush-line",
                             .source = source,
                             .text = "bytes of a line, not those that CLFLUSH works on"};

    if ((lint_reg(l, 1, 0, 3) >> 19 & 1) == 0 || flush == 0 || c->line == flush)
        return;
    snprintf(f.expected, sizeof(f.expected), "0x%x", flush - 1);
    say(l, &f, c->e->leaf, c->e->subleaf);
}

/* One processor has one cache of a kind at a level. */
static void check_twice(struct lint *l, const struct cache *c, const struct cache *other,
                        const char *source)
{
    struct lint_finding f = {.hi = 7,
                             .rule = "lint:cache-twice",
                             .source = source,
                             .text = "type and level of a cache that an earlier sub-leaf has"};

    if (c->level == 0 || c->level != other->level || c->type != other->type)
        return;
    snprintf(f.expected, sizeof(f.expected), "not as in sub-leaf 0x%x", other->e->subleaf);
    say(l, &f, c->e->leaf, c->e->subleaf);
}

/* Data and instructions have either caches of their own at a level or one for both. */
static void check_unified(struct lint *l, const struct cache *c, const struct cache *other,
                          const char *source)
{
    struct lint_finding f = {.hi = 7,
                             .rule = "lint:cache-unified",
                             .source = source,
                             .text = "a unified cache beside a split one of its level"};

    if (c->level == 0 || c->level != other->level ||
        (c->type == CACHE_UNIFIED) == (other->type == CACHE_UNIFIED))
        return;
    snprintf(f.expected, sizeof(f.expected), "not the level of sub-leaf 0x%x", other->e->subleaf);
    say(l, &f, c->e->leaf, c->e->subleaf);
}

/* EAX 9 says that any line goes anywhere: that is what one set means. */
static void check_sets(struct lint *l, const struct cache *c, const char *source)
{
    const struct lint_finding f = {.reg = 2,
                                   .hi = 31,
                                   .expected = "at least 0x1: it is not fully associative",
                                   .rule = "lint:cache-sets",
                                   .source = source,
                                   .text = "sets, less one"};

    if (c->level != 0 && c->e->reg[2] == 0 && (c->e->reg[0] >> 9 & 1) == 0)
        say(l, &f, c->e->leaf, c->e->subleaf);
}

/* A cache serves all threads of the smaller ones in front of it. */
static bool check_share(struct lint *l, const struct cache *c, const struct cache *front,
                        const char *source)
{
    struct lint_finding f = {.hi = 25,
                             .lo = 14,
                             .rule = "lint:cache-share",
                             .source = source,
                             .text = "threads that share it, less one"};

    if (c->level <= front->level || front->level == 0 || c->share >= front->share)
        return true;
    snprintf(f.expected, sizeof(f.expected), "at least 0x%x, as in sub-leaf 0x%x", front->share,
             front->e->subleaf);
    say(l, &f, c->e->leaf, c->e->subleaf);
    return false;
}

static void check_against(struct lint *l, const struct cache *c, unsigned n, const char *source)
{
    bool shared = true;

    for (unsigned i = 0; i < n; i++) {
        check_twice(l, &c[n], &c[i], source);
        check_unified(l, &c[n], &c[i], source);
        if (shared)
            shared = check_share(l, &c[n], &c[i], source);
    }
}

/* Fills c, SUBLEAVES of them; how many there are. */
static unsigned check_list(struct lint *l, uint32_t leaf, struct cache *c, const char *source)
{
    unsigned n = 0;
    bool ended = false, flushed = false;

    for (uint32_t sub = 0; sub < SUBLEAVES; sub++) {
        const struct tsp_leaf *e = lint_leaf(l, leaf, sub);

        if (e == NULL)
            return n;
        c[n] = cache_of(e);
        ended = ended || c[n].type == CACHE_NONE;
        if (ended && c[n].type != CACHE_NONE)
            check_end(l, &c[n], source);
        if (ended || c[n].type > CACHE_UNIFIED)
            continue;
        if (!check_line(l, &c[n], source))
            return n;
        if (!flushed && c[n].level == 1 && c[n].type == CACHE_DATA) {
            check_flush(l, &c[n], source);
            flushed = true;
        }
        check_sets(l, &c[n], source);
        check_against(l, c, n, source);
        n++;
    }
    return n;
}

/* Threads that share a cache are of one package: a monitor that passes on the processor's caches
 * with a topology of its own puts vCPUs of other packages there. */
static void check_package(struct lint *l, const struct cache *c, unsigned n, unsigned shift,
                          const char *source)
{
    struct lint_finding f = {.hi = 25,
                             .lo = 14,
                             .rule = "lint:cache-package",
                             .source = source,
                             .text = "threads that share it, less one; more than have ids"};

    if (shift == 0)
        return;
    for (unsigned i = 0; i < n; i++) {
        if (c[i].share >> shift == 0)
            continue;
        snprintf(f.expected, sizeof(f.expected), "at most 0x%x", (1u << shift) - 1);
        say(l, &f, c[i].e->leaf, c[i].e->subleaf);
    }
}

/* EAX 31:26: ids of cores, less one; with the threads of a core they fit in the package's. Silicon
 * may round them up. */
static void check_cores(struct lint *l, const struct cache *c, unsigned package)
{
    unsigned thread = lint_reg(l, 0xb, 0, 0) & 31;
    struct lint_finding f = {.hi = 31,
                             .lo = 26,
                             .rule = "lint:cache-cores",
                             .source = SDM,
                             .text = "ids of cores in the package, less one"};

    if (package < thread || package - thread > 5 || !lint_guest(l) ||
        c->e->reg[0] >> 26 >> (package - thread) == 0)
        return;
    snprintf(f.expected, sizeof(f.expected), "at most 0x%x: leaf 0xb has ids for no more",
             (1u << (package - thread)) - 1);
    say(l, &f, 4, c->e->subleaf);
}

static const struct cache *find(const struct cache *c, unsigned n, unsigned level, unsigned type)
{
    for (unsigned i = 0; i < n; i++)
        if (c[i].level == level && c[i].type == type)
            return &c[i];
    return NULL;
}

struct old_field {
    uint32_t leaf;
    uint8_t reg, hi, lo;
    const char *text;
};

static void check_old(struct lint *l, const struct old_field *o, uint64_t want, const char *source)
{
    struct lint_finding f = {.reg = o->reg,
                             .hi = o->hi,
                             .lo = o->lo,
                             .rule = "lint:cache-leaves",
                             .source = source,
                             .text = o->text};
    uint32_t reg = lint_reg(l, o->leaf, 0, o->reg);
    uint32_t got = (reg >> o->lo) & (uint32_t)(0xffffffffull >> (31 - (o->hi - o->lo)));

    /* Nothing there is the affair of rows. */
    if (got == 0 || got == want)
        return;
    snprintf(f.expected, sizeof(f.expected), "0x%x, as the leaf of caches has it", (unsigned)want);
    say(l, &f, o->leaf, 0);
}

/* 0x80000005: KiB, ways (all ones: fully associative), lines of a tag, bytes of a line. */
static void check_first_level(struct lint *l, const struct cache *c, uint8_t reg)
{
    const struct old_field size = {0x80000005, reg, 31, 24, "KiB of the first-level cache"};
    const struct old_field ways = {0x80000005, reg, 23, 16, "ways of the first-level cache"};
    const struct old_field line = {0x80000005, reg, 7, 0, "line of the first-level cache"};

    if (c == NULL)
        return;
    check_old(l, &size, c->size >> 10, APM);
    check_old(l, &line, c->line, APM);
    if ((lint_reg(l, 0x80000005, 0, reg) >> 16 & 0xff) != 0xff)
        check_old(l, &ways, c->ways, APM);
}

/* 0x80000006: a code of ways, 9 sends to the leaf of caches. */
static unsigned code_of_ways(unsigned ways)
{
    static const struct {
        uint8_t from, code;
    } row[] = {{128, 14}, {96, 13}, {64, 12}, {48, 11}, {32, 10}, {16, 8},
               {8, 6},    {6, 5},   {4, 4},   {3, 3},   {2, 2}};

    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (ways >= row[i].from)
            return row[i].code;
    return 1;
}

static void check_second_level(struct lint *l, const struct cache *c)
{
    static const struct old_field size = {0x80000006, 2, 31, 16, "KiB of the second-level cache"};
    static const struct old_field ways = {0x80000006, 2, 15, 12,
                                          "code of the second-level cache's ways"};
    static const struct old_field line = {0x80000006, 2, 7, 0, "line of the second-level cache"};
    unsigned code = lint_reg(l, 0x80000006, 0, 2) >> 12 & 15;

    if (c == NULL)
        return;
    check_old(l, &size, c->size >> 10, APM);
    check_old(l, &line, c->line, APM);
    if (code != 7 && code != 9 && code != 15)
        check_old(l, &ways, code_of_ways(c->ways), APM);
}

/* 0x80000006 EDX counts the third-level caches of the package, in 512 KiB: one at least. */
static void check_third_level(struct lint *l, const struct cache *c)
{
    static const struct old_field line = {0x80000006, 3, 7, 0, "line of the third-level cache"};
    uint64_t all = lint_reg(l, 0x80000006, 0, 3) >> 18;
    struct lint_finding f = {.reg = 3,
                             .hi = 31,
                             .lo = 18,
                             .rule = "lint:cache-leaves",
                             .source = APM,
                             .text = "size of all third-level caches, in 512 KiB"};

    if (c == NULL || all == 0)
        return;
    check_old(l, &line, c->line, APM);
    if (all << 19 >= c->size)
        return;
    snprintf(f.expected, sizeof(f.expected), "at least 0x%x, as the leaf of caches has it",
             (unsigned)(c->size >> 19));
    say(l, &f, 0x80000006, 0);
}

/* Of APIC ids; where two leaves differ, that is another rule's. */
static unsigned package_bits(const struct lint *l)
{
    unsigned size = lint_reg(l, 0x80000008, 0, 2) >> 12 & 15;
    unsigned shift = lint_reg(l, 0, 0, 0) >= 0xb ? lint_reg(l, 0xb, 1, 0) & 31 : 0;

    return size != 0 && shift > size ? shift : size;
}

static void check_amd(struct lint *l)
{
    struct cache c[SUBLEAVES + 1];
    unsigned n;

    if ((lint_reg(l, 0x80000001, 0, 2) >> 22 & 1) == 0)
        return;
    n = check_list(l, 0x8000001d, c, APM);
    check_package(l, c, n, package_bits(l), APM);
    check_first_level(l, find(c, n, 1, CACHE_DATA), 2);
    check_first_level(l, find(c, n, 1, CACHE_CODE), 3);
    check_second_level(l, find(c, n, 2, CACHE_UNIFIED));
    check_third_level(l, find(c, n, 3, CACHE_UNIFIED));
}

/* Descriptors of leaf 2 that documents of any year assign, and 26H to 28H, which parts are known
 * to have: Intel SDM Vol. 2A CPUID, and for older parts AP-485 and Linux
 * arch/x86/kernel/cpu/intel_cacheinfo.c, which alone has 3FH (256 KiB of two ways, EP80579). */
static bool known(unsigned byte)
{
    static const uint8_t list[] = {
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
        0x10, 0x15, 0x1a, 0x1d, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a,
        0x2b, 0x2c, 0x30, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43,
        0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51,
        0x52, 0x55, 0x56, 0x57, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x60, 0x61, 0x63, 0x64, 0x66,
        0x67, 0x68, 0x6a, 0x6b, 0x6c, 0x6d, 0x70, 0x71, 0x72, 0x73, 0x76, 0x77, 0x78, 0x79,
        0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
        0x88, 0x89, 0x8a, 0x8d, 0x90, 0x96, 0x9b, 0xa0, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5,
        0xb6, 0xba, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xca, 0xd0, 0xd1, 0xd2, 0xd6, 0xd7, 0xd8,
        0xdc, 0xdd, 0xde, 0xe2, 0xe3, 0xe4, 0xea, 0xeb, 0xec, 0xf0, 0xf1, 0xfe, 0xff};

    return memchr(list, (int)byte, sizeof(list)) != NULL;
}

/* Four registers of four bytes each; bit 31 says that a register holds none, and the first byte is
 * no descriptor. */
static void check_descriptors(struct lint *l)
{
    const struct tsp_leaf *e = lint_leaf(l, 2, 0);

    for (unsigned i = 1; e != NULL && i < 16; i++) {
        uint32_t reg = e->reg[i / 4];
        struct lint_finding f = {.reg = (uint8_t)(i / 4),
                                 .hi = (uint8_t)(i % 4 * 8 + 7),
                                 .lo = (uint8_t)(i % 4 * 8),
                                 .expected = "a descriptor that is assigned",
                                 .rule = "lint:descriptor",
                                 .source = SDM,
                                 .text = "descriptor of a cache or TLB"};

        if (reg >> 31 != 0 || known(reg >> f.lo & 0xff))
            continue;
        say(l, &f, 2, 0);
    }
}

/* Descriptors that give a cache's size, in KiB; Intel SDM Vol. 2A CPUID, table of leaf 2. 49H is
 * one of two, by the family. */
static const struct descriptor {
    uint8_t byte, level, type;
    uint16_t kib;
} descriptors[] = {{0x06, 1, CACHE_CODE, 8},        {0x08, 1, CACHE_CODE, 16},
                   {0x09, 1, CACHE_CODE, 32},       {0x30, 1, CACHE_CODE, 32},
                   {0x0a, 1, CACHE_DATA, 8},        {0x0c, 1, CACHE_DATA, 16},
                   {0x0d, 1, CACHE_DATA, 16},       {0x0e, 1, CACHE_DATA, 24},
                   {0x2c, 1, CACHE_DATA, 32},       {0x60, 1, CACHE_DATA, 16},
                   {0x66, 1, CACHE_DATA, 8},        {0x67, 1, CACHE_DATA, 16},
                   {0x68, 1, CACHE_DATA, 32},       {0x1d, 2, CACHE_UNIFIED, 128},
                   {0x21, 2, CACHE_UNIFIED, 256},   {0x41, 2, CACHE_UNIFIED, 128},
                   {0x42, 2, CACHE_UNIFIED, 256},   {0x43, 2, CACHE_UNIFIED, 512},
                   {0x44, 2, CACHE_UNIFIED, 1024},  {0x45, 2, CACHE_UNIFIED, 2048},
                   {0x48, 2, CACHE_UNIFIED, 3072},  {0x4e, 2, CACHE_UNIFIED, 6144},
                   {0x78, 2, CACHE_UNIFIED, 1024},  {0x79, 2, CACHE_UNIFIED, 128},
                   {0x7a, 2, CACHE_UNIFIED, 256},   {0x7b, 2, CACHE_UNIFIED, 512},
                   {0x7c, 2, CACHE_UNIFIED, 1024},  {0x7d, 2, CACHE_UNIFIED, 2048},
                   {0x7f, 2, CACHE_UNIFIED, 512},   {0x80, 2, CACHE_UNIFIED, 512},
                   {0x82, 2, CACHE_UNIFIED, 256},   {0x83, 2, CACHE_UNIFIED, 512},
                   {0x84, 2, CACHE_UNIFIED, 1024},  {0x85, 2, CACHE_UNIFIED, 2048},
                   {0x86, 2, CACHE_UNIFIED, 512},   {0x87, 2, CACHE_UNIFIED, 1024},
                   {0x22, 3, CACHE_UNIFIED, 512},   {0x23, 3, CACHE_UNIFIED, 1024},
                   {0x25, 3, CACHE_UNIFIED, 2048},  {0x29, 3, CACHE_UNIFIED, 4096},
                   {0x46, 3, CACHE_UNIFIED, 4096},  {0x47, 3, CACHE_UNIFIED, 8192},
                   {0x4a, 3, CACHE_UNIFIED, 6144},  {0x4b, 3, CACHE_UNIFIED, 8192},
                   {0x4c, 3, CACHE_UNIFIED, 12288}, {0x4d, 3, CACHE_UNIFIED, 16384},
                   {0xd0, 3, CACHE_UNIFIED, 512},   {0xd1, 3, CACHE_UNIFIED, 1024},
                   {0xd2, 3, CACHE_UNIFIED, 2048},  {0xd6, 3, CACHE_UNIFIED, 1024},
                   {0xd7, 3, CACHE_UNIFIED, 2048},  {0xd8, 3, CACHE_UNIFIED, 4096},
                   {0xdc, 3, CACHE_UNIFIED, 1536},  {0xdd, 3, CACHE_UNIFIED, 3072},
                   {0xde, 3, CACHE_UNIFIED, 6144},  {0xe2, 3, CACHE_UNIFIED, 2048},
                   {0xe3, 3, CACHE_UNIFIED, 4096},  {0xe4, 3, CACHE_UNIFIED, 8192},
                   {0xea, 3, CACHE_UNIFIED, 12288}, {0xeb, 3, CACHE_UNIFIED, 18432},
                   {0xec, 3, CACHE_UNIFIED, 24576}};

static void check_descriptor(struct lint *l, const struct descriptor *d, const struct cache *c,
                             unsigned at)
{
    struct lint_finding f = {.reg = (uint8_t)(at / 4),
                             .hi = (uint8_t)(at % 4 * 8 + 7),
                             .lo = (uint8_t)(at % 4 * 8),
                             .rule = "lint:descriptor-size",
                             .source = SDM,
                             .text = "descriptor of a cache whose size leaf 0x4 gives otherwise"};

    if (c == NULL || c->size >> 10 == d->kib)
        return;
    snprintf(f.expected, sizeof(f.expected), "one of %u KiB, not of %u: leaf 0x4 sub-leaf 0x%x",
             (unsigned)(c->size >> 10), d->kib, c->e->subleaf);
    say(l, &f, 2, 0);
}

/* Both leaves tell of the same caches; where a monitor passes one on and makes up the other, they
 * do not. */
static void check_sizes(struct lint *l, const struct cache *c, unsigned n)
{
    const struct tsp_leaf *e = lint_leaf(l, 2, 0);

    for (unsigned i = 1; e != NULL && i < 16 && lint_guest(l); i++) {
        uint32_t reg = e->reg[i / 4];

        for (unsigned k = 0; k < sizeof(descriptors) / sizeof(descriptors[0]); k++)
            if (reg >> 31 == 0 && (reg >> i % 4 * 8 & 0xff) == descriptors[k].byte)
                check_descriptor(l, &descriptors[k],
                                 find(c, n, descriptors[k].level, descriptors[k].type), i);
    }
}

void lint_caches(struct lint *l, enum tsp_vendor vendor)
{
    struct cache c[SUBLEAVES + 1];
    uint32_t top = lint_reg(l, 0, 0, 0), above = lint_reg(l, 0x80000000, 0, 0);
    unsigned n;

    if (vendor == TSP_VENDOR_AMD || vendor == TSP_VENDOR_HYGON) {
        if (above >> 16 == 0x8000 && above >= 0x8000001d)
            check_amd(l);
        return;
    }
    if (vendor == TSP_VENDOR_INTEL && top >= 2)
        check_descriptors(l);
    /* Leaf 0x80000006 of Intel's tells the second-level cache of an older part on some of them. */
    n = top >= 4 ? check_list(l, 4, c, SDM) : 0;
    if (vendor == TSP_VENDOR_INTEL)
        check_sizes(l, c, n);
    if (top >= 0xb && (lint_reg(l, 0xb, 1, 2) >> 8 & 0xff) == 2) {
        check_package(l, c, n, lint_reg(l, 0xb, 1, 0) & 31, SDM);
        if (n > 0)
            check_cores(l, &c[0], lint_reg(l, 0xb, 1, 0) & 31);
    }
}
