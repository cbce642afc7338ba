/* SPDX-License-Identifier: MIT */
/*
 * Capstone's part: it confirms every plain instruction once, gives disassembly text and
 * cross-checks the prescan. The answer for an encoding is kept in a direct-mapped memo keyed by
 * mode and by the bytes up to ModRM and SIB: displacements and immediates change neither the
 * operation nor the length, they are filled in after a hit.
 */
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/private.h"
#include "trapspec/bits.h"

/* Snapshots on the way to Capstone 6 say 5 and use 6's names already. */
#ifndef CS_NEXT_VERSION
#define CS_NEXT_VERSION CS_API_MAJOR
#endif
#if (CS_API_MAJOR >= 6 || CS_NEXT_VERSION >= 6) && !defined(CAPSTONE_AARCH64_COMPAT_HEADER)
#define ARCH_A64 CS_ARCH_AARCH64
#else
#define ARCH_A64 CS_ARCH_ARM64
#endif

#define MEMO_SIZE 4096u
#define SEEN_BITS 11u

struct memo {
    uint64_t key[2];
    uint32_t tag; /* 0 = empty, else 1 + (mode << 8 | key bytes) */
    struct insn insn;
};

/* Encodings that were taken apart before, found by their first bytes without doing it again; right
 * when the mode and the bytes up to ModRM and SIB are the same, whatever follows. */
struct seen {
    uint64_t key[2];  /* bytes 0..7 and 7..14 */
    uint64_t mask[2]; /* those of them up to ModRM and SIB */
    uint32_t tag;     /* 0 = empty, else 1 + mode */
    struct x86_fields fields;
    struct insn insn;
};

enum { H_16, H_32, H_64, H_A64, H_A32, H_T32, H_COUNT };

struct decoder {
    csh handle[H_COUNT];
    cs_insn insn; /* no detail: operands come from lower_x86.c and lower_arm64 */
    struct memo memo[MEMO_SIZE];
    struct seen seen[1u << SEEN_BITS];
};

static unsigned handle_of(enum tsp_mode mode)
{
    switch (mode) {
    case TSP_MODE_A64:
        return H_A64;
    case TSP_MODE_A32:
        return H_A32;
    case TSP_MODE_T32:
        return H_T32;
    case TSP_MODE_LONG64:
        return H_64;
    case TSP_MODE_PROT32:
    case TSP_MODE_COMPAT32:
        return H_32;
    default:
        return H_16;
    }
}

struct capstone_says capstone_ask(struct decoder *d, enum tsp_mode mode, uint64_t pc,
                                  const uint8_t *p, size_t n)
{
    struct capstone_says says = {0};

    says.ok = cs_disasm_iter(d->handle[handle_of(mode)], &p, &n, &pc, &d->insn);
    if (says.ok) {
        says.id = d->insn.id;
        says.size = d->insn.size;
    }
    return says;
}

void capstone_text(const struct decoder *d, const char **mnemonic, const char **operands)
{
    *mnemonic = d->insn.mnemonic;
    *operands = d->insn.op_str;
}

struct decoder *decoder_open(void)
{
    static const struct {
        cs_arch arch;
        cs_mode mode;
    } kind[H_COUNT] = {
        [H_16] = {CS_ARCH_X86, CS_MODE_16},
        [H_32] = {CS_ARCH_X86, CS_MODE_32},
        [H_64] = {CS_ARCH_X86, CS_MODE_64},
        [H_A64] = {ARCH_A64, CS_MODE_LITTLE_ENDIAN},
        [H_A32] = {CS_ARCH_ARM, CS_MODE_ARM | CS_MODE_V8},
        [H_T32] = {CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_V8},
    };
    /* Capstone 4 allocates and sorts tables when it first prints an instruction; `in al, dx`
     * reaches both */
    static const uint8_t warm[4] = {0xec, 0, 0, 0};
    struct decoder *d = calloc(1, sizeof(*d));

    for (unsigned i = 0; d && i < H_COUNT; i++) {
        if (cs_open(kind[i].arch, kind[i].mode, &d->handle[i]) != CS_ERR_OK) {
            decoder_close(d);
            return NULL;
        }
    }
    if (d) {
        capstone_ask(d, TSP_MODE_REAL16, 0, warm, sizeof(warm));
        capstone_ask(d, TSP_MODE_PROT32, 0, warm, sizeof(warm));
        capstone_ask(d, TSP_MODE_LONG64, 0, warm, sizeof(warm));
        capstone_ask(d, TSP_MODE_A64, 0, warm, sizeof(warm));
        capstone_ask(d, TSP_MODE_A32, 0, warm, sizeof(warm));
        capstone_ask(d, TSP_MODE_T32, 0, warm, sizeof(warm));
    }
    return d;
}

void decoder_close(struct decoder *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < H_COUNT; i++)
        if (d->handle[i] != 0)
            cs_close(&d->handle[i]);
    free(d);
}

/* The entry for the first n of 16 readable bytes; on a miss it is already labelled and must be
 * filled. */
static struct memo *memo_slot(struct decoder *d, const uint8_t *b, unsigned n, enum tsp_mode mode,
                              bool *hit)
{
    uint64_t k0 = first_bytes(load64(b), n), k1 = n > 8 ? first_bytes(load64(b + 8), n - 8) : 0;
    uint32_t tag = 1 + ((uint32_t)mode << 8 | n);
    struct memo *m;

    m = &d->memo[((k0 ^ k1 << 1 ^ tag) * 0x9e3779b97f4a7c15u >> 40) % MEMO_SIZE];
    *hit = m->tag == tag && m->key[0] == k0 && m->key[1] == k1;
    if (!*hit) {
        m->tag = tag;
        m->key[0] = k0;
        m->key[1] = k1;
    }
    return m;
}

/* A plain instruction of the subset is believed only when Capstone calls it the same and as long.
 */
static void confirm(struct decoder *d, enum tsp_mode mode, const struct x86_fields *f,
                    const struct x86_bytes *raw, struct insn *out)
{
    uint8_t bytes[2 * TSP_INSN_BYTES];
    struct capstone_says says;
    unsigned dropped, n;

    if (out->status != INSN_OK || out->op <= OP_TRAP_LAST || x86_disagree(f))
        return;
    n = x86_canonical(f, raw, bytes, &dropped);
    says = capstone_ask(d, mode, 0, bytes, n);
    if (says.ok && says.size == n && x86_id_is(says.id, out->op))
        return;
    out->status = INSN_UNSUPPORTED;
    out->op = OP_NONE;
    out->nopnd = 0;
}

/* *f and *out become what the bytes say; displacement and immediates are x86_fill's. */
static void decode_anew(struct decoder *d, enum tsp_mode mode, const struct x86_bytes *raw,
                        struct x86_fields *f, struct insn *out)
{
    struct memo *m;
    bool hit;

    if (f->status != INSN_OK) {
        x86_lower(f, raw, out);
        return;
    }
    m = memo_slot(d, raw->b, f->head, mode, &hit);
    if (!hit) {
        x86_lower(f, raw, &m->insn);
        confirm(d, mode, f, raw, &m->insn);
    }
    *out = m->insn;
}

static void decode_short(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n,
                         struct insn *out)
{
    struct x86_bytes raw;
    struct x86_fields f;

    x86_fields(mode, p, n, &raw, &f);
    decode_anew(d, mode, &raw, &f, out);
    x86_fill(&f, &raw, out);
}

/* The bytes that tell most encodings apart: opcode and ModRM, and what may stand before them. */
static struct seen *seen_slot(struct decoder *d, enum tsp_mode mode, uint64_t k0)
{
    unsigned before = (k0 & 0xf0) == 0x40 || (k0 & 0xff) == 0x66;
    unsigned n = 2 + before + ((k0 >> (8 * before) & 0xff) == 0x0f);

    return &d->seen[(first_bytes(k0, n) + ((uint64_t)mode << 32)) * 0x9e3779b97f4a7c15u >>
                    (64 - SEEN_BITS)];
}

static void decode_x86(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n,
                       struct insn *out)
{
    struct x86_bytes raw;
    uint64_t k0, k1;
    struct seen *e;

    if (n < X86_INSN_MAX) {
        decode_short(d, mode, p, n, out);
        return;
    }
    k0 = load64(p);
    k1 = load64(p + 7);
    e = seen_slot(d, mode, k0);
    if (e->tag == 1 + (uint32_t)mode && ((e->key[0] ^ k0) & e->mask[0]) == 0 &&
        ((e->key[1] ^ k1) & e->mask[1]) == 0) {
        memcpy(raw.b, p, X86_INSN_MAX);
        memset(raw.b + X86_INSN_MAX, 0, sizeof(raw.b) - X86_INSN_MAX);
        *out = e->insn;
        x86_fill(&e->fields, &raw, out);
        return;
    }
    x86_fields(mode, p, n, &raw, &e->fields);
    decode_anew(d, mode, &raw, &e->fields, &e->insn);
    *out = e->insn;
    x86_fill(&e->fields, &raw, out);
    e->tag = e->fields.status == INSN_OK ? 1 + (uint32_t)mode : 0;
    e->key[0] = k0;
    e->key[1] = k1;
    e->mask[0] = first_bytes(~(uint64_t)0, e->fields.head);
    e->mask[1] = e->fields.head > 7 ? first_bytes(~(uint64_t)0, e->fields.head - 7u) : 0;
}

static void decode_a64(struct decoder *d, const uint8_t *p, size_t n, struct insn *out)
{
    struct memo *m;
    uint8_t key[16] = {0};
    bool hit;
    uint32_t word;

    if (prescan_arm64(p, n, out))
        return;
    memcpy(key, p, 4);
    m = memo_slot(d, key, 4, TSP_MODE_A64, &hit);
    if (!hit) {
        word = (uint32_t)le_load(p, 4);
        m->insn = *out;
        m->insn.status = INSN_UNSUPPORTED;
        m->insn.len = 4;
        m->insn.word = word;
        memcpy(m->insn.bytes, p, 4);
        lower_arm64(word, &m->insn);
    }
    *out = m->insn;
}

/* Bytes of the instruction, of which n >= 2 are there. */
static unsigned t32_length(const uint8_t *p)
{
    return p[1] >> 3 >= 0x1d ? 4 : 2;
}

/* Short switches: cheap enough without the memo. */
static void decode_aarch32(enum tsp_mode mode, const uint8_t *p, size_t n, struct insn *out)
{
    unsigned len = mode == TSP_MODE_A32 ? 4 : n < 2 ? 2 : t32_length(p);

    memset(out, 0, sizeof(*out));
    out->osize = out->asize = 4;
    out->len = (uint8_t)(n < len ? n : len);
    memcpy(out->bytes, p, out->len);
    out->status = n < len ? INSN_TRUNCATED : INSN_UNSUPPORTED;
    if (n < len)
        return;
    out->word = (uint32_t)le_load(p, len);
    if (mode == TSP_MODE_T32 && len == 4) /* halfwords in the order in which they are read */
        out->word = out->word << 16 | out->word >> 16;
    if (mode == TSP_MODE_A32)
        lower_a32(out->word, out);
    else
        lower_t32(out->word, out);
}

enum insn_status decode_one(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n,
                            struct insn *out)
{
    if (mode == TSP_MODE_A64)
        decode_a64(d, p, n, out);
    else if (tsp_mode_is_aarch32(mode))
        decode_aarch32(mode, p, n, out);
    else
        decode_x86(d, mode, p, n, out);
    return (enum insn_status)out->status;
}

const char *decoder_capstone_version(void)
{
    static _Thread_local char text[32];
    int major, minor;

    cs_version(&major, &minor);
    snprintf(text, sizeof(text), "%d.%d / %d.%d", CS_API_MAJOR, CS_API_MINOR, major, minor);
    return text;
}
