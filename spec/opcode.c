/* SPDX-License-Identifier: MIT */
/* Which trap instruction these bytes are, by opcodes.csv and the prefix rules of Intel SDM Vol.
 * 2A 2.1.1. */
#include "spec/build.h"
#include "spec/judge.h"

#include <string.h>

#include "trapspec/bits.h"

/* ORDER: enum tsp_mode */
static const char *const mode_names[TSP_MODE_COUNT] = {
    "real16", "vm86", "prot16", "prot32", "compat16", "compat32", "long64", "a64", "a32", "t32"};

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 to 4 bytes as hex digits in memory order. */
static bool parse_bytes(const char *s, uint8_t out[4], uint8_t *n)
{
    size_t len = strlen(s);

    if (len < 2 || len > 8 || len % 2)
        return false;
    for (size_t i = 0; i < len / 2; i++) {
        int hi = hex_of(s[2 * i]), lo = hex_of(s[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    *n = (uint8_t)(len / 2);
    return true;
}

/* `any` or modes joined with `+`. */
static bool parse_modes(char *s, unsigned arch, uint16_t *out)
{
    unsigned x86 = (1u << TSP_MODE_A64) - 1;
    unsigned all = arch == TSP_ARCH_X86 ? x86 : ((1u << TSP_MODE_COUNT) - 1) & ~x86;
    unsigned mask = 0, v = 0;

    if (strcmp(s, "any") == 0) {
        *out = (uint16_t)all;
        return true;
    }
    for (char *next = s; next; s = next) {
        next = strchr(s, '+');
        if (next)
            *next++ = 0;
        if (!parse_word(mode_names, TSP_MODE_COUNT, s, &v))
            return false;
        mask |= 1u << v;
    }
    *out = (uint16_t)mask;
    return (mask & ~all) == 0;
}

static bool insn_index(struct reader *r, const char *name, uint8_t *out)
{
    struct build *b = r->b;
    unsigned v = 0;

    if (!name[0] || strlen(name) > 15 || strcmp(name, "none") == 0)
        return reader_fail(r, "bad instruction name '%.20s'", name);
    if (b->spec.ninsn == 0) {
        b->insn[0] = "none";
        b->spec.ninsn = 1;
    }
    if (!parse_word(b->insn, b->spec.ninsn, name, &v)) {
        if (b->spec.ninsn == SPEC_MAX_INSN)
            return reader_fail(r, "more than %u instruction names", SPEC_MAX_INSN - 1);
        v = b->spec.ninsn;
        b->insn[v] = reader_keep(r, name);
        if (!b->insn[v])
            return reader_fail(r, "tables hold too much text");
        b->spec.ninsn++;
    }
    *out = (uint8_t)v;
    return true;
}

/* arch, name, bytes, mask, modes, source, note */
bool opcode_row(struct reader *r)
{
    static const char *const arch_names[] = {"x86", "arm64"};
    struct build *b = r->b;
    struct opcode_row *o = &b->opcode[b->spec.nopcode];
    unsigned arch = 0;
    uint8_t bytes[4] = {0}, mask[4] = {0xff, 0xff, 0xff, 0xff}, n = 0;

    if (b->spec.nopcode == SPEC_MAX_OPCODE)
        return reader_fail(r, "more than %u opcodes", SPEC_MAX_OPCODE);
    memset(o, 0, sizeof(*o));
    if (!parse_word(arch_names, 2, r->cell[0], &arch))
        return reader_fail(r, "unknown architecture '%.20s'", r->cell[0]);
    if (!insn_index(r, r->cell[1], &o->insn))
        return false;
    if (!parse_bytes(r->cell[2], bytes, &o->n))
        return reader_fail(r, "bytes are not 1 to 4 lower-case hex pairs");
    if (strcmp(r->cell[3], "-") != 0 && (!parse_bytes(r->cell[3], mask, &n) || n != o->n))
        return reader_fail(r, "mask must be '-' or as long as the bytes");
    for (unsigned i = 0; i < o->n; i++)
        if (bytes[i] & ~mask[i])
            return reader_fail(r, "byte %u has bits outside its mask", i);
    if (!parse_modes(r->cell[4], arch, &o->modes))
        return reader_fail(r, "unknown mode in '%.40s'", r->cell[4]);
    if (arch == TSP_ARCH_ARM64 && o->n != 4 && !(o->n == 2 && o->modes == 1u << TSP_MODE_T32))
        return reader_fail(r, "an arm64 instruction has 4 bytes, of T32 alone 2 or 4");
    o->bytes = (uint32_t)le_load(bytes, o->n);
    o->mask = (uint32_t)le_load(mask, o->n);
    o->arch = (uint8_t)arch;
    b->spec.nopcode++;
    return true;
}

static bool is_prefix(uint8_t c)
{
    switch (c) {
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

/* Legacy prefixes in any order and number; in 64-bit mode 40-4F as well. */
static void skip_prefixes(unsigned mode, const uint8_t *p, size_t n, struct insn_view *v)
{
    while (v->nprefix < n) {
        uint8_t c = p[v->nprefix];

        if (!is_prefix(c) && !(mode == TSP_MODE_LONG64 && (c & 0xf0) == 0x40))
            return;
        v->lock |= c == 0xf0;
        v->mandatory |= c == 0x66 || c == 0xf2 || c == 0xf3;
        v->nprefix++;
    }
}

void opcode_view(const struct spec *s, unsigned mode, const uint8_t *p, size_t n,
                 struct insn_view *out)
{
    uint32_t word;
    size_t left;

    *out = (struct insn_view){0};
    if (mode >= TSP_MODE_COUNT)
        return;
    if (!tsp_mode_is_arm(mode))
        skip_prefixes(mode, p, n, out);
    left = n - out->nprefix;
    word = (uint32_t)le_load(p + out->nprefix, left < 4 ? (unsigned)left : 4);
    for (unsigned i = 0; i < s->nopcode; i++) {
        const struct opcode_row *o = &s->opcode[i];

        if ((word & o->mask) == o->bytes && (o->modes >> mode & 1) && o->n <= left) {
            out->insn = o->insn;
            out->len = out->nprefix + o->n;
            return;
        }
    }
}
