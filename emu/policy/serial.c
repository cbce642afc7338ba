/* SPDX-License-Identifier: MIT */
#include "emu/policy/serial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define HEADER 32u
#define LEAF_SIZE 28u
#define MSR_SIZE 16u
#define MSR_PLATFORM_INFO 0xceu
#define MSR_ARCH_CAPS 0x10au

static const uint8_t magic[8] = {'T', 'S', 'P', 'P', 'O', 'L', 'C', 'Y'};

__attribute__((format(printf, 3, 4))) static enum tsp_status
fail(struct tsp_error *err, size_t offset, const char *format, ...)
{
    char reason[120];
    va_list args;

    if (err == NULL)
        return TSP_EPARSE;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    err->code = TSP_EPARSE;
    err->line = 0;
    snprintf(err->text, sizeof(err->text), "offset %zu: %s", offset, reason);
    return TSP_EPARSE;
}

/* IEEE 802.3, reflected. Bit by bit: policies are small. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static uint32_t word(const uint8_t *p, size_t at)
{
    return (uint32_t)le_load(p + at, 4);
}

bool serial_is(const uint8_t *p, size_t n)
{
    return n >= sizeof(magic) && memcmp(p, magic, sizeof(magic)) == 0;
}

static size_t write_msr(uint8_t *out, uint32_t index, uint64_t value)
{
    if (value == 0)
        return 0;
    le_store(out, index, 4);
    le_store(out + 4, 0, 4);
    le_store(out + 8, value, 8);
    return MSR_SIZE;
}

size_t serial_write(const struct cpu_policy *p, uint8_t *out, size_t max)
{
    static struct cpu_policy tidy;
    size_t n = HEADER;
    unsigned nmsr = (p->platform_info != 0 ? 1u : 0u) + (p->arch_caps != 0 ? 1u : 0u);

    tidy = *p;
    cpu_policy_tidy(&tidy);
    if (max < HEADER + tidy.n * LEAF_SIZE + (size_t)nmsr * MSR_SIZE)
        return 0;
    for (size_t i = 0; i < tidy.n; i++, n += LEAF_SIZE) {
        const struct tsp_leaf *e = &tidy.leaf[i];
        const uint32_t v[7] = {e->leaf,   e->subleaf, e->flags & TSP_LEAF_INDEXED,
                               e->reg[0], e->reg[1],  e->reg[2],
                               e->reg[3]};

        for (unsigned k = 0; k < 7; k++)
            le_store(out + n + (size_t)k * 4, v[k], 4);
    }
    n += write_msr(out + n, MSR_PLATFORM_INFO, tidy.platform_info);
    n += write_msr(out + n, MSR_ARCH_CAPS, tidy.arch_caps);
    memcpy(out, magic, sizeof(magic));
    le_store(out + 8, SERIAL_VERSION, 2);
    le_store(out + 10, HEADER, 2);
    le_store(out + 12, n, 4);
    le_store(out + 16, tidy.n, 4);
    le_store(out + 20, nmsr, 4);
    le_store(out + 24, crc32_of(out + HEADER, n - HEADER), 4);
    le_store(out + 28, 0, 4);
    return n;
}

static enum tsp_status read_header(const uint8_t *p, size_t n, struct tsp_error *err)
{
    uint32_t leaves, msrs;

    if (!serial_is(p, n))
        return fail(err, 0, "this is no policy: it does not begin with TSPPOLCY");
    if (n < HEADER)
        return fail(err, n, "the header is cut short");
    if (le_load(p + 8, 2) != SERIAL_VERSION)
        return fail(err, 8, "version %u, and only version %u is known", (unsigned)le_load(p + 8, 2),
                    SERIAL_VERSION);
    if (le_load(p + 10, 2) != HEADER)
        return fail(err, 10, "a header of %u bytes", (unsigned)le_load(p + 10, 2));
    leaves = word(p, 16);
    msrs = word(p, 20);
    if (leaves > TSP_MAX_LEAF)
        return fail(err, 16, "%u leaves, and %u are the most", leaves, TSP_MAX_LEAF);
    if (msrs > 2)
        return fail(err, 20, "%u MSRs, and 2 are the most", msrs);
    if (word(p, 12) != HEADER + leaves * LEAF_SIZE + msrs * MSR_SIZE)
        return fail(err, 12, "the length does not fit the numbers of leaves and MSRs");
    if (n != word(p, 12))
        return fail(err, n < word(p, 12) ? n : word(p, 12), "%s",
                    n < word(p, 12) ? "cut short" : "something follows the policy");
    if (word(p, 28) != 0)
        return fail(err, 28, "a reserved field is not zero");
    if (word(p, 24) != crc32_of(p + HEADER, n - HEADER))
        return fail(err, 24, "damaged: the check sum is 0x%08x for 0x%08x",
                    crc32_of(p + HEADER, n - HEADER), word(p, 24));
    return TSP_OK;
}

static bool after(const struct tsp_leaf *a, const struct tsp_leaf *b)
{
    return a->leaf > b->leaf || (a->leaf == b->leaf && a->subleaf > b->subleaf);
}

static enum tsp_status read_leaf(const uint8_t *p, size_t at, struct cpu_policy *out,
                                 struct tsp_error *err)
{
    struct tsp_leaf e = {word(p, at), word(p, at + 4), word(p, at + 8), {0}};
    bool indexed = cpu_policy_indexed(e.leaf);

    for (unsigned k = 0; k < 4; k++)
        e.reg[k] = word(p, at + 12 + (size_t)k * 4);
    if (e.flags != (indexed ? TSP_LEAF_INDEXED : 0))
        return fail(err, at + 8, "leaf 0x%x %s", e.leaf,
                    indexed ? "has sub-leaves" : "has no sub-leaves");
    if (!indexed && e.subleaf != 0)
        return fail(err, at + 4, "leaf 0x%x has no sub-leaves", e.leaf);
    if (out->n > 0 && !after(&e, &out->leaf[out->n - 1]))
        return fail(err, at, "leaf 0x%x.%u is out of order", e.leaf, e.subleaf);
    out->leaf[out->n++] = e;
    return TSP_OK;
}

static enum tsp_status read_msr(const uint8_t *p, size_t at, uint32_t *last, struct cpu_policy *out,
                                struct tsp_error *err)
{
    uint32_t index = word(p, at);
    uint64_t value = le_load(p + at + 8, 8);

    if (index != MSR_PLATFORM_INFO && index != MSR_ARCH_CAPS)
        return fail(err, at, "MSR 0x%x is no part of a policy", index);
    if (index <= *last)
        return fail(err, at, "MSR 0x%x is out of order", index);
    if (word(p, at + 4) != 0)
        return fail(err, at + 4, "a reserved field is not zero");
    if (value == 0 || (index == MSR_PLATFORM_INFO && value != CPU_POLICY_FAULTING))
        return fail(err, at + 8, "a value that MSR 0x%x cannot have here", index);
    *last = index;
    if (index == MSR_PLATFORM_INFO)
        out->platform_info = value;
    else
        out->arch_caps = value;
    return TSP_OK;
}

/* What only a running vCPU can tell, or what lies beyond a maximum: no writer puts it there. */
static enum tsp_status check_tidy(const struct cpu_policy *p, struct tsp_error *err)
{
    static struct cpu_policy tidy;

    tidy = *p;
    cpu_policy_tidy(&tidy);
    for (size_t i = 0; i < p->n; i++) {
        const struct tsp_leaf *e = &p->leaf[i];

        if (i < tidy.n && memcmp(e, &tidy.leaf[i], sizeof(*e)) == 0)
            continue;
        if (cpu_policy_find(&tidy, e->leaf, e->subleaf) == NULL)
            return fail(err, HEADER + i * LEAF_SIZE, "leaf 0x%x.%u lies beyond the maximum",
                        e->leaf, e->subleaf);
        return fail(err, HEADER + i * LEAF_SIZE, "leaf 0x%x.%u holds state of a running vCPU",
                    e->leaf, e->subleaf);
    }
    return TSP_OK;
}

enum tsp_status serial_read(const uint8_t *p, size_t n, struct cpu_policy *out,
                            struct tsp_error *err)
{
    enum tsp_status status = read_header(p, n, err);
    uint32_t leaves, last = 0;
    size_t at = HEADER;

    out->n = 0;
    out->platform_info = out->arch_caps = 0;
    if (status != TSP_OK)
        return status;
    leaves = word(p, 16);
    for (uint32_t i = 0; status == TSP_OK && i < leaves; i++, at += LEAF_SIZE)
        status = read_leaf(p, at, out, err);
    for (; status == TSP_OK && at < n; at += MSR_SIZE)
        status = read_msr(p, at, &last, out, err);
    return status == TSP_OK ? check_tidy(out, err) : status;
}

/* ORDER: enum stream_type. Which record may follow which: bits of the ones before. */
static const uint8_t may_follow[STREAM_TYPES] = {
    [STREAM_END] = 1u << STREAM_STATIC_END | 1u << STREAM_VCPU | 1u << STREAM_MEMORY,
    [STREAM_POLICY] = 1u << STREAM_TYPES, /* the beginning */
    [STREAM_STATIC_END] = 1u << STREAM_POLICY,
    [STREAM_VCPU] = 1u << STREAM_STATIC_END | 1u << STREAM_VCPU | 1u << STREAM_MEMORY,
    [STREAM_MEMORY] = 1u << STREAM_STATIC_END | 1u << STREAM_VCPU | 1u << STREAM_MEMORY,
};

static bool in_order(uint32_t last, uint32_t type)
{
    return (may_follow[type] >> last & 1) != 0;
}

void stream_begin(struct stream_writer *w, uint8_t *out, size_t max)
{
    *w = (struct stream_writer){.out = out, .max = max, .last = STREAM_TYPES};
}

bool stream_put(struct stream_writer *w, enum stream_type type, const void *body, size_t n)
{
    size_t padded = (n + 7) & ~(size_t)7;

    if (w->failed || n > UINT32_MAX - 16 || !in_order(w->last, type) || w->max - w->n < 8 ||
        w->max - w->n - 8 < padded) {
        w->failed = true;
        return false;
    }
    le_store(w->out + w->n, type, 4);
    le_store(w->out + w->n + 4, n, 4);
    if (n != 0)
        memcpy(w->out + w->n + 8, body, n);
    memset(w->out + w->n + 8 + n, 0, padded - n);
    w->n += 8 + padded;
    w->last = type;
    return true;
}

bool stream_put_policy(struct stream_writer *w, const struct cpu_policy *p)
{
    static uint8_t bytes[SERIAL_MAX];

    return stream_put(w, STREAM_POLICY, bytes, serial_write(p, bytes, sizeof(bytes)));
}

void stream_open(struct stream_reader *r, const uint8_t *p, size_t n)
{
    *r = (struct stream_reader){p, n, 0, STREAM_TYPES};
}

static const char *const type_names[STREAM_TYPES] = {"end", "policy", "end of static data", "vCPU",
                                                     "memory"};

enum tsp_status stream_next(struct stream_reader *r, struct stream_record *out,
                            struct tsp_error *err)
{
    size_t left = r->n - r->at;
    uint32_t type, n;

    if (left < 8)
        return fail(err, r->at, "the stream ends without its end record");
    type = word(r->p, r->at);
    n = word(r->p, r->at + 4);
    if (type >= STREAM_TYPES)
        return fail(err, r->at, "record of type %u is not known", type);
    if (!in_order(r->last, type)) {
        return fail(err, r->at,
                    "record \"%s\" cannot come here: the policy is first, then the "
                    "end of static data, then state",
                    type_names[type]);
    }
    if (((size_t)n + 7) / 8 * 8 > left - 8)
        return fail(err, r->at + 4, "a record of %u bytes, of which %zu are there", n, left - 8);
    for (size_t i = n; i < ((size_t)n + 7) / 8 * 8; i++)
        if (r->p[r->at + 8 + i] != 0)
            return fail(err, r->at + 8 + i, "padding that is not zero");
    *out = (struct stream_record){(enum stream_type)type, r->p + r->at + 8, n};
    r->at += 8 + ((size_t)n + 7) / 8 * 8;
    r->last = type;
    if (type == STREAM_END && r->at != r->n)
        return fail(err, r->at, "something follows the end record");
    return TSP_OK;
}
