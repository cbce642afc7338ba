/* SPDX-License-Identifier: MIT */
/*
 * Dumps as text with other text around them: AIDA64 and InstLatx64, libcpuid raw, cpuid -r as
 * people paste it, kcpuid, xen-cpuid. Lines that are not of the format are passed over; lines that
 * begin like a record must be one.
 */
#include "cli/formats/dump_in.h"

#include <ctype.h>
#include <string.h>

/* A token of exactly eight characters that ends in a colon, or eight digits without one (older
 * files have blanks there): what the free text of such files never has behind "CPUID". */
static bool is_leaf_number(const struct line *l)
{
    bool hex = true;

    if (l->end - l->p < 9)
        return false;
    for (unsigned i = 0; i < 8; i++) {
        if (!isalnum((unsigned char)l->p[i]))
            return false;
        hex = hex && isxdigit((unsigned char)l->p[i]);
    }
    return l->p[8] == ':' || (hex && (l->p[8] == ' ' || l->p[8] == '\t'));
}

/* Registers are joined with hyphens; a few older files have blanks there. */
static bool aida_joint(struct line *l)
{
    const char *from = l->p;

    if (line_take(l, "-"))
        return true;
    line_space(l);
    return l->p > from;
}

/* "00000004:02 = 1c004143 03c0003f 000003ff 00000000 | text": newer versions of tycho's cpuid. */
static bool tycho_record(struct line *l, struct tsp_leaf *out)
{
    if (!line_take(l, ":") || !line_hex(l, &out->subleaf) || !line_take(l, " = "))
        return false;
    for (unsigned i = 0; i < 4; i++) {
        line_space(l);
        if (!line_hex(l, &out->reg[i]))
            return false;
    }
    line_space(l);
    return l->p == l->end || *l->p == '|';
}

/* "80000001: 00000000-00000000-00000121-2C100800 [SL 00] [text]"; sub stays when there is no SL. */
static bool aida_record(struct line *l, struct tsp_leaf *out, bool *plain)
{
    struct line at;

    memset(out, 0, sizeof(*out));
    if (!line_hex(l, &out->leaf))
        return false;
    at = *l;
    *plain = false;
    if (tycho_record(&at, out))
        return true;
    out->subleaf = 0;
    line_take(l, ":");
    line_space(l);
    for (unsigned i = 0; i < 4; i++)
        if ((i > 0 && !aida_joint(l)) || !line_hex(l, &out->reg[i]))
            return false;
    line_space(l);
    if (l->p < l->end && *l->p != '[')
        return false;
    *plain = !line_find(l, "[SL ") && !line_find(l, "[sl ");
    /* Hexadecimal, whatever some readers make of a leading zero. */
    return *plain || (line_hex(l, &out->subleaf) && line_take(l, "]"));
}

/*
 * Leaf 0xD: some of the older tools pass over sub-leaves that are zero. Flags of sub-leaf 1 are its
 * low five bits, what is not that describes the next state component there is.
 */
static uint32_t xsave_subleaf(const struct dump *d, const struct tsp_leaf *leaf, uint32_t next)
{
    const struct tsp_leaf *first = dump_have(d, 0xd, 0), *second = dump_have(d, 0xd, 1);
    uint64_t there = first == NULL ? 0 : first->reg[0] | (uint64_t)first->reg[3] << 32;

    /* Bit 0 of ECX tells components of IA32_XSS from those of XCR0. */
    if ((leaf->reg[2] & 1) != 0)
        there = second == NULL ? 0 : second->reg[2] | (uint64_t)second->reg[3] << 32;
    if ((leaf->reg[0] | leaf->reg[1] | leaf->reg[2]) == 0 || (next == 1 && leaf->reg[0] < 0x20))
        return next;
    for (uint32_t i = next < 2 ? 2 : next; i < 63; i++)
        if (there >> i & 1)
            return i;
    return next;
}

void dump_count_subleaf(struct dump_in *in, struct tsp_leaf *leaf, bool plain)
{
    if (plain && in->last_plain && leaf->leaf == in->last_leaf &&
        dump_leaf_has_subleaves(leaf->leaf))
        leaf->subleaf =
            leaf->leaf == 0xd ? xsave_subleaf(in->out, leaf, in->last_sub + 1) : in->last_sub + 1;
    in->last_leaf = leaf->leaf;
    in->last_sub = leaf->subleaf;
    in->last_plain = plain;
}

/* Headers of the CPU whose leaves follow. */
static bool aida_header(struct line l, unsigned *id)
{
    static const char *const word[] = {"Logical CPU #", "CPUID Registers (CPU #", "CPU#"};
    struct line own = l;

    if (line_take(&own, "CPU ") && line_dec(&own, id) && line_take(&own, ":") && line_end(&own))
        return true;
    for (unsigned i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        struct line at = l;

        if (line_find(&at, word[i]) && line_dec(&at, id))
            return true;
    }
    return false;
}

static unsigned next_id(const struct dump *d)
{
    return d->ncpu == 0 ? 0 : d->cpu[d->ncpu - 1].id + (d->cpu[d->ncpu - 1].n > 0);
}

static enum tsp_status aida_line(struct dump_in *in, struct line l)
{
    struct tsp_leaf leaf;
    enum tsp_status st;
    unsigned id;
    bool plain;

    if (aida_header(l, &id)) {
        in->last_plain = false;
        return dump_add_cpu(in, id);
    }
    if (!line_take(&l, "CPUID ") && !line_take(&l, "cpuid "))
        return TSP_OK;
    line_space(&l);
    if (!is_leaf_number(&l))
        return TSP_OK;
    if (!aida_record(&l, &leaf, &plain))
        return dump_fail(in, "not \"CPUID LEAF: EAX-EBX-ECX-EDX [SL N]\"");
    /* Some files have no headers: each CPU begins with leaf 0. */
    if (leaf.leaf == 0 && dump_have(in->out, 0, 0) != NULL) {
        st = dump_add_cpu(in, next_id(in->out));
        if (st != TSP_OK)
            return st;
    }
    dump_count_subleaf(in, &leaf, plain);
    return dump_add_leaf(in, &leaf, NULL);
}

enum tsp_status dump_in_aida(struct dump_in *in)
{
    return dump_lines(in, aida_line);
}

/* "basic_cpuid", "ext_cpuid", "intel_fn4", "intel_fn12h", "amd_fn8000001dh": leaf and whether the
 * index counts sub-leaves. */
static bool array_leaf(struct line name, uint32_t *leaf, bool *subs)
{
    struct line at = name;
    unsigned dec;

    *leaf = 0;
    *subs = false;
    if (line_take(&at, "basic_cpuid") && at.p == at.end)
        return true;
    at = name;
    *leaf = 0x80000000;
    if (line_take(&at, "ext_cpuid") && at.p == at.end)
        return true;
    at = name;
    *subs = true;
    if (!line_take(&at, "intel_fn") && !line_take(&at, "amd_fn"))
        return false;
    if (at.end > at.p && at.end[-1] == 'h') {
        at.end--;
        return line_hex(&at, leaf) && at.p == at.end;
    }
    /* Without the letter the number is decimal: intel_fn11 is leaf 0xB. */
    if (!line_dec(&at, &dec) || at.p != at.end)
        return false;
    *leaf = dec;
    return true;
}

static bool libcpuid_values(struct line *l, struct tsp_leaf *leaf)
{
    for (unsigned i = 0; i < 4; i++) {
        line_space(l);
        if (!line_hex(l, &leaf->reg[i]))
            return false;
    }
    return line_end(l);
}

static enum tsp_status libcpuid_line(struct dump_in *in, struct line l)
{
    struct line name = l;
    struct tsp_leaf leaf;
    unsigned index;
    bool subs;

    if (line_find(&l, "Logical CPU #") && line_dec(&l, &index))
        return dump_add_cpu(in, index);
    l = name;
    if (line_take(&l, "arm_"))
        return dump_fail(in, "registers of an Arm processor, no CPUID");
    if (!line_find(&l, "["))
        return TSP_OK;
    name.end = l.p - 1;
    memset(&leaf, 0, sizeof(leaf));
    if (!array_leaf(name, &leaf.leaf, &subs))
        return TSP_OK;
    if (!line_dec(&l, &index) || !line_take(&l, "]=") || !libcpuid_values(&l, &leaf))
        return dump_fail(in, "not \"NAME[INDEX]=EAX EBX ECX EDX\"");
    if (subs)
        leaf.subleaf = index;
    else
        leaf.leaf += index;
    /* All ones stand for what was not asked. */
    if ((leaf.reg[0] & leaf.reg[1] & leaf.reg[2] & leaf.reg[3]) == UINT32_MAX)
        return TSP_OK;
    /* The first sub-leaf was asked for twice, and old versions did not stay on one CPU. */
    if (subs && index == 0 && dump_have(in->out, leaf.leaf, 0) != NULL)
        return TSP_OK;
    return dump_add_leaf(in, &leaf, NULL);
}

enum tsp_status dump_in_libcpuid(struct dump_in *in)
{
    return dump_lines(in, libcpuid_line);
}

/* Mail and web pages quote with these. */
static void quotes(struct line *l)
{
    line_space(l);
    while (line_take(l, ">"))
        line_space(l);
}

/* "CPU 3:", and of one CPU "CPU:". */
static bool etallen_header(struct line l, unsigned *id)
{
    *id = 0;
    if (!line_take(&l, "CPU") && !line_take(&l, "cpu"))
        return false;
    line_space(&l);
    line_dec(&l, id);
    return line_take(&l, ":") && line_end(&l);
}

/* "0x00000004 0x01: eax=0x.. ebx=0x.. ecx=0x.. edx=0x.."; versions before 2010 have no sub-leaf. */
static bool etallen_values(struct line *l, struct tsp_leaf *leaf)
{
    static const char *const reg[4] = {"eax=", "ebx=", "ecx=", "edx="};
    static const char *const big[4] = {"EAX=", "EBX=", "ECX=", "EDX="};

    for (unsigned i = 0; i < 4; i++) {
        line_space(l);
        if ((!line_take(l, reg[i]) && !line_take(l, big[i])) || !line_0x(l, &leaf->reg[i]))
            return false;
    }
    return line_end(l);
}

static enum tsp_status etallen_line(struct dump_in *in, struct line l)
{
    struct tsp_leaf leaf;
    bool plain;
    unsigned id;

    quotes(&l);
    if (etallen_header(l, &id)) {
        in->last_plain = false;
        return dump_add_cpu(in, id);
    }
    memset(&leaf, 0, sizeof(leaf));
    if (!line_0x(&l, &leaf.leaf))
        return TSP_OK;
    line_space(&l);
    plain = !line_0x(&l, &leaf.subleaf);
    if (!line_take(&l, ":"))
        return TSP_OK;
    if (!etallen_values(&l, &leaf))
        return dump_fail(in, "not \"0xLEAF 0xSUB: eax=.. ebx=.. ecx=.. edx=..\"");
    dump_count_subleaf(in, &leaf, plain);
    return dump_add_leaf(in, &leaf, NULL);
}

enum tsp_status dump_in_etallen(struct dump_in *in)
{
    return dump_lines(in, etallen_line);
}

static bool kcpuid_values(struct line *l, struct tsp_leaf *leaf)
{
    static const char *const reg[4] = {"EAX=", "EBX=", "ECX=", "EDX="};

    for (unsigned i = 0; i < 4; i++) {
        line_space(l);
        if (!line_take(l, reg[i]) || !line_0x(l, &leaf->reg[i]) || (i < 3 && !line_take(l, ",")))
            return false;
    }
    return line_end(l);
}

#define KCPUID_WANTS "not \"0xLEAF: EAX=0x.., EBX=0x.., ECX=0x.., EDX=0x..\""

/* " 3: EAX=...": a sub-leaf of the leaf named last. Its number is decimal. */
static enum tsp_status kcpuid_sub(struct dump_in *in, struct line l)
{
    struct tsp_leaf leaf = {.leaf = in->last_leaf};
    unsigned sub;

    /* Without a heading above it a line that begins like this may be a log's time of day. */
    if (in->last_plain || !line_dec(&l, &sub) || !line_take(&l, ":"))
        return TSP_OK;
    leaf.subleaf = sub;
    if (!kcpuid_values(&l, &leaf))
        return dump_fail(in, KCPUID_WANTS);
    /* A leaf whose first sub-leaf is zero gets no heading: which one it is cannot be told. */
    if (sub <= in->last_sub && sub > 0)
        return TSP_OK;
    in->last_sub = sub;
    return dump_add_leaf(in, &leaf, NULL);
}

static enum tsp_status kcpuid_line(struct dump_in *in, struct line l)
{
    struct tsp_leaf leaf;

    if (l.end - l.p < 2 || l.p[0] != '0' || (l.p[1] | 32) != 'x')
        return kcpuid_sub(in, l);
    memset(&leaf, 0, sizeof(leaf));
    if (!line_0x(&l, &leaf.leaf) || !line_take(&l, ":"))
        return TSP_OK;
    line_space(&l);
    in->last_leaf = leaf.leaf;
    in->last_sub = 0;
    in->last_plain = false;
    if (line_take(&l, "subleafs:") || line_take(&l, "subleaves:"))
        return line_end(&l) ? TSP_OK : dump_fail(in, KCPUID_WANTS);
    in->last_plain = true;
    if (!kcpuid_values(&l, &leaf))
        return dump_fail(in, KCPUID_WANTS);
    return dump_add_leaf(in, &leaf, NULL);
}

enum tsp_status dump_in_kcpuid(struct dump_in *in)
{
    in->last_plain = true;
    return dump_lines(in, kcpuid_line);
}

/* "Host policy: 42 leaves, 3 MSRs" */
static bool xen_header(struct line l, struct line *name)
{
    struct line at = l;
    unsigned n;

    if (!line_find(&at, " policy: ") || !line_dec(&at, &n) || !line_take(&at, " leaves"))
        return false;
    at = l;
    line_find(&at, " policy: ");
    *name = (struct line){l.p, at.p - strlen(" policy: ")};
    return true;
}

/* "00000007:00000000 -> 00000001:00000000:..."; a line of an MSR has no colon before the arrow. */
static enum tsp_status xen_record(struct dump_in *in, struct line l)
{
    struct line at = l;
    struct tsp_leaf leaf;

    memset(&leaf, 0, sizeof(leaf));
    if (!line_hex(&at, &leaf.leaf) || !line_take(&at, ":") || at.p - l.p != 9)
        return TSP_OK;
    if (!line_hex(&at, &leaf.subleaf) || !line_take(&at, " -> "))
        return dump_fail(in, "not \"LEAF:SUB -> EAX:EBX:ECX:EDX\"");
    for (unsigned i = 0; i < 4; i++)
        if ((i > 0 && !line_take(&at, ":")) || !line_hex(&at, &leaf.reg[i]))
            return dump_fail(in, "not \"LEAF:SUB -> EAX:EBX:ECX:EDX\"");
    if (!line_end(&at))
        return dump_fail(in, "not \"LEAF:SUB -> EAX:EBX:ECX:EDX\"");
    /* No sub-leaf. */
    if (leaf.subleaf == 0xffffffff)
        leaf.subleaf = 0;
    return dump_add_leaf(in, &leaf, NULL);
}

static enum tsp_status xen_line(struct dump_in *in, struct line l)
{
    struct line name;

    if (!xen_header(l, &name))
        return xen_record(in, l);
    return dump_add_named(in, name);
}

enum tsp_status dump_in_xen(struct dump_in *in)
{
    return dump_lines(in, xen_line);
}
