/* SPDX-License-Identifier: MIT */
/* Which format a dump has, by trying. */
#include "cli/formats/dump_in.h"
#include "emu/policy/serial.h"

#include <stdlib.h>
#include <string.h>

struct format {
    const char *name;
    enum tsp_status (*read)(struct dump_in *in);
};

/* The strict one first; those of JSON before the one that takes any of it for its own. */
static const struct format formats[] = {{"cpuid -r", dump_in_raw},
                                        {"AIDA64", dump_in_aida},
                                        {"libcpuid", dump_in_libcpuid},
                                        {"kcpuid", dump_in_kcpuid},
                                        {"cpuid -r", dump_in_etallen},
                                        {"xen-cpuid", dump_in_xen},
                                        {"table", dump_in_rows},
                                        {"Xen featureset", dump_in_featureset},
                                        {"VirtualBox log", dump_in_vbox},
                                        {"VMware log", dump_in_vmware},
                                        {"libvirt", dump_in_libvirt},
                                        {"JSON", dump_in_json},
                                        {"QMP", dump_in_qmp},
                                        {"Firecracker", dump_in_firecracker},
                                        {"JSON list", dump_in_entries}};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))
#define TRIED "cpuid -r, AIDA64, libcpuid, kcpuid, Xen, XML, logs, JSON, QMP, Firecracker"

/* Leaves whose ECX input matters (Intel SDM Vol. 2A CPUID; AMD APM Vol. 3 Appendix E). */
bool dump_leaf_has_subleaves(uint32_t leaf)
{
    static const uint32_t indexed[] = {
        0x4,  0x7,  0xb,  0xd,  0xf,  0x10, 0x12, 0x14, 0x17,       0x18,       0x1b,
        0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24, 0x27, 0x28, 0x8000001d, 0x80000020, 0x80000026};

    for (size_t k = 0; k < sizeof(indexed) / sizeof(indexed[0]); k++)
        if (leaf == indexed[k])
            return true;
    return false;
}

void dump_index(struct tsp_leaf *leaf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dump_leaf_has_subleaves(leaf[i].leaf))
            leaf[i].flags |= TSP_LEAF_INDEXED;
        if (leaf[i].subleaf == 0)
            continue;
        for (size_t k = 0; k < n; k++)
            if (leaf[k].leaf == leaf[i].leaf)
                leaf[k].flags |= TSP_LEAF_INDEXED;
    }
}

void dump_free(struct dump *d)
{
    free(d->leaf);
    free(d->mask);
    free(d->cpu);
    memset(d, 0, sizeof(*d));
}

/* Byte order of UTF-16, by its mark or by the NULs beside two first letters. */
enum wide { WIDE_NOT = 0, WIDE_LITTLE, WIDE_BIG };

static enum wide wide_of(const uint8_t *p, size_t n)
{
    if (n >= 2 && p[0] == 0xff && p[1] == 0xfe)
        return WIDE_LITTLE;
    if (n >= 2 && p[0] == 0xfe && p[1] == 0xff)
        return WIDE_BIG;
    if (n < 4 || (p[0] | p[1]) == 0 || (p[2] | p[3]) == 0)
        return WIDE_NOT;
    if ((p[1] | p[3]) == 0)
        return WIDE_LITTLE;
    return (p[0] | p[2]) == 0 ? WIDE_BIG : WIDE_NOT;
}

/* UTF-16 as tools for Windows write it: records are ASCII, what else a file says is passed over.
 * Returns malloc'ed text or NULL. */
static char *narrow(const uint8_t *p, size_t n, enum wide wide, size_t *len)
{
    char *text = calloc(n / 2 + 1, 1);

    *len = 0;
    for (size_t i = 0; text != NULL && i + 1 < n; i += 2) {
        uint32_t c =
            wide == WIDE_BIG ? (uint32_t)p[i] << 8 | p[i + 1] : (uint32_t)p[i + 1] << 8 | p[i];

        if (i > 0 || c != 0xfeff)
            text[(*len)++] = c < 0x80 ? (char)c : '?';
    }
    return text;
}

/* Lines that end in CR alone, as on old Macs. Returns malloc'ed text or NULL. */
static char *with_newlines(const char *p, size_t n)
{
    char *text = calloc(n, 1);

    for (size_t i = 0; text != NULL && i < n; i++)
        text[i] = p[i] == '\r' ? '\n' : p[i];
    return text;
}

static enum tsp_status no_nul(struct dump_in *in)
{
    const char *nul = memchr(in->p, 0, in->n);

    if (nul == NULL)
        return TSP_OK;
    in->line = 1;
    for (const char *p = in->p; p < nul; p++)
        in->line += *p == '\n';
    return dump_fail(in,
                     "a NUL byte: not text (a dump of /dev/cpu names no leaves, read it there)");
}

/* A dump of the format or an error; on error `leaves` is how far it got. */
static enum tsp_status try_one(const struct dump_in *from, const struct format *f,
                               struct tsp_error *err, size_t *leaves)
{
    struct dump_in in = *from;
    enum tsp_status st;

    memset(in.out, 0, sizeof(*in.out));
    in.err = err;
    in.out->format = f->name;
    in.out->cpu = calloc(DUMP_MAX_CPU, sizeof(*in.out->cpu));
    if (in.out->cpu == NULL)
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", in.name);
    st = f->read(&in);
    *leaves = in.out->n;
    if (st == TSP_OK && in.out->n == 0)
        st = error_set(err, TSP_EPARSE, 0, "%s: no CPUID leaf in it", in.name);
    if (st != TSP_OK)
        dump_free(in.out);
    return st;
}

static enum tsp_status refuse(const struct dump_in *in, const struct format *nearest,
                              const struct tsp_error *why)
{
    char text[sizeof(why->text)];

    snprintf(text, sizeof(text), "%s", why->text);
    if (nearest == NULL)
        return error_set(in->err, TSP_EPARSE, 1, "%s:1: no CPUID dump; tried " TRIED, in->name);
    return error_set(in->err, why->code, why->line, "%.*s (%s; tried " TRIED ")",
                     (int)(sizeof(text) - sizeof(TRIED) - 24), text, nearest->name);
}

static bool holds(const struct dump_in *in, const char *word)
{
    struct line l = {in->p, in->p + in->n};

    return line_find(&l, word);
}

/* How near a reader came: its leaves, then whether something in the text was clearly its own. */
static size_t nearness(const struct dump_in *in, size_t i, size_t leaves, const struct tsp_error *e)
{
    bool own;

    if (formats[i].read == dump_in_json)
        own = in->n > 0 && in->p[0] == '{' && holds(in, "\"cpus\"");
    else if (formats[i].read == dump_in_qmp)
        own = in->n > 0 && in->p[0] == '{' && holds(in, "\"return\"");
    else if (formats[i].read == dump_in_libvirt)
        own = in->n > 0 && in->p[0] == '<';
    else if (formats[i].read == dump_in_firecracker)
        own = in->n > 0 && in->p[0] == '{';
    else if (formats[i].read == dump_in_raw)
        own = e->line > 1 ||
              (in->n > 3 && (memcmp(in->p, "0x", 2) == 0 || memcmp(in->p, "CPU:", 4) == 0));
    else
        own = e->line > 0;
    return leaves * 2 + own;
}

static enum tsp_status try_all(struct dump_in *in)
{
    const struct format *nearest = NULL;
    struct tsp_error err = {.line = 0}, best = {.line = 0};
    size_t most = 0;

    for (size_t i = 0; i < FORMATS; i++) {
        size_t leaves = 0;
        enum tsp_status st = try_one(in, &formats[i], &err, &leaves);

        if (st == TSP_OK)
            return st;
        if (st == TSP_ENOMEM)
            return error_set(in->err, st, 0, "%s", err.text);
        leaves = nearness(in, i, leaves, &err);
        /* A reader that passes over what it does not know is nearer than the strict one. */
        if (leaves > most || (leaves == 1 && most == 1 && nearest == &formats[0])) {
            nearest = &formats[i];
            most = leaves;
            best = err;
        }
    }
    return refuse(in, nearest, &best);
}

#define XEN_TIME 0x40000003u
#define XEN_LETTERS 0x566e6558u /* "XenV" */

/* Older versions of cpuid call the second sub-leaf of Xen's time leaf, offset and scale, the third:
 * that one is a frequency in EAX alone (Xen public/arch-x86/cpuid.h). */
static void name_xen_time(struct tsp_leaf *leaf, size_t n)
{
    struct tsp_leaf *third = NULL;
    bool xen = false, second = false;

    for (size_t i = 0; i < n; i++) {
        xen = xen || (leaf[i].leaf == XEN_TIME - 3 && leaf[i].reg[1] == XEN_LETTERS);
        second = second || (leaf[i].leaf == XEN_TIME && leaf[i].subleaf == 1);
        if (leaf[i].leaf == XEN_TIME && leaf[i].subleaf == 2)
            third = &leaf[i];
    }
    if (xen && !second && third != NULL && (third->reg[1] | third->reg[2] | third->reg[3]) != 0)
        third->subleaf = 1;
}

static void finish(struct dump *d)
{
    bool cpuid = strcmp(d->format, "cpuid -r") == 0;

    if (d->cpu[d->ncpu - 1].n == 0)
        d->ncpu--;
    for (unsigned i = 0; i < d->ncpu; i++) {
        struct tsp_leaf *leaf = d->leaf + d->cpu[i].first;

        if (cpuid)
            name_xen_time(leaf, d->cpu[i].n);
        dump_index(leaf, d->cpu[i].n);
    }
}

static bool mailed(const char *p, size_t n)
{
    const char *end = p + n, *at;

    while ((at = memchr(p, '=', (size_t)(end - p))) != NULL) {
        if (end - at >= 5 && memcmp(at, "=3D0x", 5) == 0)
            return true;
        p = at + 1;
    }
    return false;
}

/* Mail in quoted-printable (RFC 2045, 6.7), as archives keep it: "=3D" for "=", and lines that end
 * in "=" go on. Returns malloc'ed text or NULL. */
static char *unquoted(const char *p, size_t n, size_t *len)
{
    char *text = calloc(n, 1);

    *len = 0;
    for (size_t i = 0; text != NULL && i < n; i++) {
        if (p[i] == '=' && i + 1 < n && p[i + 1] == '\n')
            i += 1;
        else if (p[i] == '=' && i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n')
            i += 2;
        else if (p[i] == '=' && i + 2 < n && p[i + 1] == '3' && p[i + 2] == 'D')
            i += 2, text[(*len)++] = '=';
        else
            text[(*len)++] = p[i];
    }
    return text;
}

/* The text in in.p as lines of ASCII; *own is what has to be freed. */
static enum tsp_status plain_text(struct dump_in *in, char **own)
{
    const uint8_t *p = (const uint8_t *)in->p;
    enum wide wide = wide_of(p, in->n);

    *own = NULL;
    if (wide != WIDE_NOT) {
        *own = narrow(p, in->n, wide, &in->n);
    } else if (in->n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        in->p += 3;
        in->n -= 3;
    }
    if (wide == WIDE_NOT && in->n > 0 && memchr(in->p, '\n', in->n) == NULL &&
        memchr(in->p, '\r', in->n) != NULL)
        *own = with_newlines(in->p, in->n);
    else if (wide == WIDE_NOT && mailed(in->p, in->n))
        *own = unquoted(in->p, in->n, &in->n);
    else if (wide == WIDE_NOT)
        return TSP_OK;
    if (*own == NULL)
        return error_set(in->err, TSP_ENOMEM, 0, "%s: out of memory", in->name);
    in->p = *own;
    return TSP_OK;
}

enum tsp_status dump_read(const char *name, const uint8_t *p, size_t n, struct dump *out,
                          struct tsp_error *err)
{
    struct dump_in in = {.name = name, .p = (const char *)p, .n = n, .out = out, .err = err};
    char *text = NULL;
    enum tsp_status st;

    memset(out, 0, sizeof(*out));
    if (serial_is(p, n))
        return dump_in_policy(&in);
    st = plain_text(&in, &text);
    if (st == TSP_OK)
        st = no_nul(&in);
    if (st == TSP_OK)
        st = try_all(&in);
    if (st == TSP_OK)
        finish(out);
    free(text);
    return st;
}
