/* SPDX-License-Identifier: MIT */
/*
 * XML: libvirt's record of a machine, <cpudata arch='x86'> with <cpuid eax_in= ecx_in= eax= .../>,
 * and the dumps of RJCP.CpuId, <processor> with <register eax="LEAF"
 * ecx="SUB">EAX,EBX,ECX,EDX</register>.
 */
#include "cli/formats/dump_in.h"

#include <string.h>

struct xml {
    const char *p, *end;
};

/* Blanks may be line ends: lines are counted. */
static void skip(struct dump_in *in, struct xml *x)
{
    for (; x->p < x->end && strchr(" \t\r\n", *x->p) != NULL && *x->p != 0; x->p++)
        in->line += *x->p == '\n';
}

static bool behind(struct dump_in *in, struct xml *x, const char *word)
{
    size_t n = strlen(word);

    for (; (size_t)(x->end - x->p) >= n; x->p++) {
        if (memcmp(x->p, word, n) == 0) {
            x->p += n;
            return true;
        }
        in->line += *x->p == '\n';
    }
    return false;
}

static bool is_word(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* name='value' or name="value". 1: one was read, 0: the tag ends here, -1: malformed. */
static int attribute(struct dump_in *in, struct xml *x, struct line *name, struct line *value)
{
    char quote;

    skip(in, x);
    if (x->p < x->end && (*x->p == '/' || *x->p == '>'))
        return 0;
    name->p = x->p;
    while (x->p < x->end && strchr("= \t\r\n'\"<>/", *x->p) == NULL)
        x->p++;
    name->end = x->p;
    skip(in, x);
    if (name->p == name->end || x->p == x->end || *x->p != '=')
        return -1;
    x->p++;
    skip(in, x);
    if (x->p == x->end || (*x->p != '\'' && *x->p != '"'))
        return -1;
    quote = *x->p++;
    value->p = x->p;
    while (x->p < x->end && *x->p != quote && *x->p != '<' && *x->p != '\n')
        x->p++;
    value->end = x->p;
    return x->p < x->end && *x->p++ == quote ? 1 : -1;
}

static enum tsp_status cpuid_tag(struct dump_in *in, struct xml *x)
{
    static const char *const key[] = {"eax_in", "ecx_in", "eax", "ebx", "ecx", "edx"};
    struct tsp_leaf leaf = {.leaf = 0};
    uint32_t *at[] = {&leaf.leaf,   &leaf.subleaf, &leaf.reg[0],
                      &leaf.reg[1], &leaf.reg[2],  &leaf.reg[3]};
    struct line name, value;
    unsigned seen = 0;
    int more;

    while ((more = attribute(in, x, &name, &value)) == 1) {
        for (unsigned i = 0; i < 6; i++) {
            if (!is_word(name.p, (size_t)(name.end - name.p), key[i]) &&
                !(i == 0 && is_word(name.p, (size_t)(name.end - name.p), "function")))
                continue;
            if (!line_0x(&value, at[i]) || value.p != value.end)
                return dump_fail(in, "%s is not a number 0x..", key[i]);
            seen |= 1u << i;
        }
    }
    if (more < 0)
        return dump_fail(in, "malformed <cpuid> element");
    /* RJCP.CpuId has its processors in an element of this name. */
    if (seen == 0 && *x->p == '>')
        return TSP_OK;
    /* Older files leave out the sub-leaf, and registers that are zero. */
    if ((seen & 1) == 0)
        return dump_fail(in, "<cpuid> without eax_in");
    return dump_add_leaf(in, &leaf, NULL);
}

/* Leaf and sub-leaf are the input registers; the text holds the output. */
static enum tsp_status register_tag(struct dump_in *in, struct xml *x)
{
    struct tsp_leaf leaf = {.leaf = 0};
    struct line name, value, text;
    bool eax = false, ecx = false;
    int more;

    while ((more = attribute(in, x, &name, &value)) == 1) {
        size_t n = (size_t)(name.end - name.p);

        if (is_word(name.p, n, "eax"))
            eax = line_hex(&value, &leaf.leaf) && value.p == value.end;
        else if (is_word(name.p, n, "ecx"))
            ecx = line_hex(&value, &leaf.subleaf) && value.p == value.end;
    }
    if (more < 0 || !eax || !ecx || *x->p != '>')
        return dump_fail(in, "not <register eax=\"LEAF\" ecx=\"SUB\">EAX,EBX,ECX,EDX</register>");
    text = (struct line){x->p + 1, x->end};
    for (unsigned i = 0; i < 4; i++)
        if ((i > 0 && !line_take(&text, ",")) || !line_hex(&text, &leaf.reg[i]))
            return dump_fail(in, "<register> without EAX,EBX,ECX,EDX");
    x->p = text.p;
    in->out->format = "RJCP.CpuId";
    /* Made of lists without sub-leaves they count none. */
    dump_count_subleaf(in, &leaf, leaf.subleaf == 0);
    return dump_add_leaf(in, &leaf, NULL);
}

/* Of the next number. */
static enum tsp_status next_cpu(struct dump_in *in)
{
    in->last_plain = false;
    return dump_add_cpu(in, in->out->ncpu == 0 ? 0 : in->out->cpu[in->out->ncpu - 1].id + 1);
}

static enum tsp_status cpudata_tag(struct dump_in *in, struct xml *x)
{
    struct line name, value;
    int more;

    while ((more = attribute(in, x, &name, &value)) == 1) {
        if (is_word(name.p, (size_t)(name.end - name.p), "arch") &&
            !is_word(value.p, (size_t)(value.end - value.p), "x86"))
            return dump_fail(in, "<cpudata> of arch %.*s, not x86",
                             (int)(value.end - value.p < 20 ? value.end - value.p : 20), value.p);
    }
    if (more < 0)
        return dump_fail(in, "malformed <cpudata> element");
    return next_cpu(in);
}

static enum tsp_status one_tag(struct dump_in *in, struct xml *x)
{
    const char *name;
    size_t n;

    if (x->end - x->p >= 3 && memcmp(x->p, "!--", 3) == 0)
        return behind(in, x, "-->") ? TSP_OK : dump_fail(in, "comment without an end");
    name = x->p;
    while (x->p < x->end && strchr(" \t\r\n/><", *x->p) == NULL)
        x->p++;
    n = (size_t)(x->p - name);
    if (is_word(name, n, "cpuid"))
        return cpuid_tag(in, x);
    if (is_word(name, n, "processor"))
        return next_cpu(in);
    if (is_word(name, n, "register"))
        return register_tag(in, x);
    if (is_word(name, n, "cpudata"))
        return cpudata_tag(in, x);
    return TSP_OK;
}

enum tsp_status dump_in_libvirt(struct dump_in *in)
{
    struct xml x = {in->p, in->p + in->n};
    enum tsp_status st = TSP_OK;

    in->line = 1;
    skip(in, &x);
    if (x.p == x.end || *x.p != '<')
        return dump_fail(in, "no XML");
    while (st == TSP_OK && behind(in, &x, "<"))
        st = one_tag(in, &x);
    return st;
}
