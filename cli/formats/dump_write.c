/* SPDX-License-Identifier: MIT */
#include "cli/formats/escape.h"
#include "cli/formats/dump_write.h"
#include "cli/formats/cpuid_raw.h"

#include <string.h>

struct out {
    FILE *f;
    const struct dump *d;
    struct dump_lost lost;
};

struct dump dump_of(struct tsp_leaf *leaf, size_t n, struct dump_cpu *cpu)
{
    *cpu = (struct dump_cpu){.n = n};
    return (struct dump){
        .leaf = leaf, .n = n, .room = n, .cpu = cpu, .ncpu = 1, .format = "policy"};
}

static const struct tsp_leaf *leaves(const struct out *o, unsigned cpu)
{
    return o->d->leaf + o->d->cpu[cpu].first;
}

/* "Host" of a policy, else the number. */
static const char *title(const struct out *o, unsigned cpu, const char *format, char text[40])
{
    const struct dump_cpu *c = &o->d->cpu[cpu];

    if (c->name[0] != 0)
        snprintf(text, 40, "%s", c->name);
    else
        snprintf(text, 40, format, c->id);
    return text;
}

static void write_raw(struct out *o)
{
    char text[40];

    for (unsigned i = 0; i < o->d->ncpu; i++) {
        snprintf(text, sizeof(text), "CPU %u", o->d->cpu[i].id);
        dump_write_raw(o->f, text, leaves(o, i), o->d->cpu[i].n);
    }
}

/* The sub-leaf stands behind the registers of the leaves that have several. */
static void write_aida(struct out *o)
{
    for (unsigned i = 0; i < o->d->ncpu; i++) {
        fprintf(o->f, "%s------[ CPUID Registers / Logical CPU #%u ]------\n\n", i > 0 ? "\n" : "",
                o->d->cpu[i].id);
        for (size_t k = 0; k < o->d->cpu[i].n; k++) {
            const struct tsp_leaf *l = &leaves(o, i)[k];

            fprintf(o->f, "CPUID %08X: %08X-%08X-%08X-%08X", l->leaf, l->reg[0], l->reg[1],
                    l->reg[2], l->reg[3]);
            if ((l->flags & TSP_LEAF_INDEXED) != 0)
                fprintf(o->f, " [SL %02X]", l->subleaf);
            fputc('\n', o->f);
        }
    }
}

/* libcpuid: the arrays of struct cpu_raw_data_t. What stands in none is not kept. */
struct cpuid_array {
    const char *name;
    uint32_t leaf;
    unsigned n;
    bool subs; /* the index counts sub-leaves, not leaves */
};
static const struct cpuid_array arrays[] = {
    {"basic_cpuid", 0, 32, false},
    {"ext_cpuid", 0x80000000, 32, false},
    {"intel_fn4", 4, 8, true},
    {"intel_fn11", 0xb, 4, true},
    {"intel_fn12h", 0x12, 4, true},
    {"intel_fn14h", 0x14, 4, true},
    {"amd_fn8000001dh", 0x8000001d, 4, true},
};

static bool in_array(const struct cpuid_array *a, const struct tsp_leaf *l)
{
    if (a->subs)
        return l->leaf == a->leaf && l->subleaf < a->n;
    return l->subleaf == 0 && l->leaf >= a->leaf && l->leaf - a->leaf < a->n;
}

static void write_libcpuid(struct out *o)
{
    fprintf(o->f, "version=0.5.1\n");
    for (unsigned i = 0; i < o->d->ncpu; i++) {
        size_t kept = 0;

        fprintf(o->f, "\n_________________ Logical CPU #%u _________________\n", o->d->cpu[i].id);
        for (size_t a = 0; a < sizeof(arrays) / sizeof(arrays[0]); a++) {
            for (size_t k = 0; k < o->d->cpu[i].n; k++) {
                const struct tsp_leaf *l = &leaves(o, i)[k];

                if (!in_array(&arrays[a], l))
                    continue;
                /* Sub-leaf 0 stands in two arrays. */
                kept += !(arrays[a].subs && l->subleaf == 0);
                fprintf(o->f, "%s[%u]=%08x %08x %08x %08x\n", arrays[a].name,
                        arrays[a].subs ? l->subleaf : l->leaf - arrays[a].leaf, l->reg[0],
                        l->reg[1], l->reg[2], l->reg[3]);
            }
        }
        o->lost.leaves += o->d->cpu[i].n - kept;
    }
}

/* libvirt, tests/cputestdata and src/cpu: one CPU stands for all. */
static void write_libvirt(struct out *o)
{
    fprintf(o->f, "<cpudata arch='x86'>\n");
    for (size_t k = 0; k < o->d->cpu[0].n; k++) {
        const struct tsp_leaf *l = &leaves(o, 0)[k];

        fprintf(o->f,
                "  <cpuid eax_in='0x%08x' ecx_in='0x%02x' eax='0x%08x' ebx='0x%08x' ecx='0x%08x' "
                "edx='0x%08x'/>\n",
                l->leaf, l->subleaf, l->reg[0], l->reg[1], l->reg[2], l->reg[3]);
    }
    fprintf(o->f, "</cpudata>\n");
    o->lost.cpus = o->d->ncpu - 1;
}

static uint32_t mask_of(const struct out *o, size_t at, unsigned reg)
{
    return o->d->mask == NULL ? 0xffffffff : o->d->mask[at].reg[reg];
}

/* Firecracker, docs/cpu_templates: bit 31 first; x leaves a bit to the host. */
static void bitmap(const struct out *o, size_t at, unsigned reg)
{
    uint32_t known = mask_of(o, at, reg), value = o->d->leaf[at].reg[reg];

    fputs("0b", o->f);
    for (unsigned bit = 32; bit-- > 0;) {
        if ((known >> bit & 1) == 0)
            fputc('x', o->f);
        else
            fputc((value >> bit & 1) != 0 ? '1' : '0', o->f);
    }
}

static void modifier(const struct out *o, size_t at)
{
    static const char *const name[4] = {"eax", "ebx", "ecx", "edx"};
    const struct tsp_leaf *l = &o->d->leaf[at];
    const char *sep = "";

    fprintf(o->f,
            "    {\n      \"leaf\": \"0x%x\",\n      \"subleaf\": \"0x%x\",\n      \"flags\": %u,\n"
            "      \"modifiers\": [",
            l->leaf, l->subleaf, l->flags & TSP_LEAF_INDEXED);
    for (unsigned r = 0; r < 4; r++) {
        if (mask_of(o, at, r) == 0)
            continue;
        fprintf(o->f, "%s\n        {\"register\": \"%s\", \"bitmap\": \"", sep, name[r]);
        bitmap(o, at, r);
        fputs("\"}", o->f);
        sep = ",";
    }
    fputs("\n      ]\n    }", o->f);
}

static void write_firecracker(struct out *o)
{
    const struct dump_cpu *c = &o->d->cpu[0];

    fputs("{\n  \"cpuid_modifiers\": [\n", o->f);
    for (size_t k = 0; k < c->n; k++) {
        fputs(k > 0 ? ",\n" : "", o->f);
        modifier(o, c->first + k);
    }
    fputs("\n  ]\n}\n", o->f);
    o->lost.cpus = o->d->ncpu - 1;
}

/* Xen, tools/misc/xen-cpuid.c print_policy: no sub-leaf is all ones; empty leaves are left out. */
static void write_xen_policy(struct out *o)
{
    char text[40];

    for (unsigned i = 0; i < o->d->ncpu; i++) {
        fprintf(o->f, "%s policy: %zu leaves, 0 MSRs\n CPUID:\n", title(o, i, "CPU %u", text),
                o->d->cpu[i].n);
        fprintf(o->f, "  %-8s %-8s -> %-8s %-8s %-8s %-8s\n", "leaf", "subleaf", "eax", "ebx",
                "ecx", "edx");
        for (size_t k = 0; k < o->d->cpu[i].n; k++) {
            const struct tsp_leaf *l = &leaves(o, i)[k];

            if ((l->reg[0] | l->reg[1] | l->reg[2] | l->reg[3]) == 0) {
                o->lost.leaves++;
                continue;
            }
            fprintf(o->f, "  %08x:%08x -> %08x:%08x:%08x:%08x\n", l->leaf,
                    (l->flags & TSP_LEAF_INDEXED) != 0 ? l->subleaf : 0xffffffff, l->reg[0],
                    l->reg[1], l->reg[2], l->reg[3]);
        }
        fprintf(o->f, " MSRs:\n  %-8s -> %-16s\n", "index", "value");
    }
}

static const struct tsp_leaf *word_leaf(const struct out *o, unsigned cpu, unsigned w)
{
    const struct dump_word *at = &dump_words[w];

    for (size_t k = 0; at->reg != DUMP_WORD_MSR && k < o->d->cpu[cpu].n; k++)
        if (leaves(o, cpu)[k].leaf == at->leaf && leaves(o, cpu)[k].subleaf == at->sub)
            return &leaves(o, cpu)[k];
    return NULL;
}

static bool is_word(const struct tsp_leaf *l)
{
    for (unsigned w = 0; w < DUMP_WORDS; w++)
        if (dump_words[w].reg != DUMP_WORD_MSR && dump_words[w].leaf == l->leaf &&
            dump_words[w].sub == l->subleaf)
            return true;
    return false;
}

/* One line per CPU, as `xen-cpuid` prints its sets and reads them on its command line. A leaf that
 * is not there has no feature; bits left to the host read as absent. */
static void write_xen_featureset(struct out *o)
{
    char text[40];

    for (unsigned i = 0; i < o->d->ncpu; i++) {
        fprintf(o->f, "%-18s        ", title(o, i, "CPU %u", text));
        for (unsigned w = 0; w < DUMP_WORDS; w++) {
            const struct tsp_leaf *l = word_leaf(o, i, w);

            fprintf(o->f, "%08x%c", l == NULL ? 0 : l->reg[dump_words[w].reg],
                    w + 1 < DUMP_WORDS ? ':' : '\n');
        }
        for (size_t k = 0; k < o->d->cpu[i].n; k++)
            o->lost.leaves += !is_word(&leaves(o, i)[k]);
    }
}

static void json_leaf(const struct out *o, size_t at)
{
    static const char *const name[4] = {"eax", "ebx", "ecx", "edx"};
    const struct tsp_leaf *l = &o->d->leaf[at];

    fprintf(o->f, "{\"leaf\":\"0x%08x\",\"subleaf\":\"0x%x\",\"indexed\":%s", l->leaf, l->subleaf,
            (l->flags & TSP_LEAF_INDEXED) != 0 ? "true" : "false");
    for (unsigned r = 0; r < 4; r++)
        fprintf(o->f, ",\"%s\":\"0x%08x\"", name[r], l->reg[r]);
    if (o->d->mask != NULL)
        fprintf(o->f, ",\"known\":[\"0x%08x\",\"0x%08x\",\"0x%08x\",\"0x%08x\"]", mask_of(o, at, 0),
                mask_of(o, at, 1), mask_of(o, at, 2), mask_of(o, at, 3));
    fputc('}', o->f);
}

/* Our own: nothing is lost. A line per leaf, so that two files compare line by line. */
static void write_json(struct out *o)
{
    fputs("{\"kind\":\"cpuid\",\"schema_version\":1,\"cpus\":[", o->f);
    for (unsigned i = 0; i < o->d->ncpu; i++) {
        const struct dump_cpu *c = &o->d->cpu[i];

        fprintf(o->f, "%s\n {\"id\":%u,\"name\":", i > 0 ? "," : "", c->id);
        escape_json(o->f, c->name);
        fputs(",\"leaves\":[", o->f);
        for (size_t k = 0; k < c->n; k++) {
            fputs(k > 0 ? ",\n  " : "\n  ", o->f);
            json_leaf(o, c->first + k);
        }
        fputs("\n ]}", o->f);
    }
    fputs("\n]}\n", o->f);
}

/* ORDER: writers[] */
const struct dump_format dump_formats[] = {
    {"raw", "what `cpuid -r` prints and `cpuid -f` reads"},
    {"aida64", "AIDA64 and InstLatx64 text"},
    {"libcpuid", "libcpuid raw, read by `cpuid_tool --load`"},
    {"libvirt", "libvirt's <cpudata> XML"},
    {"firecracker", "a Firecracker CPU template"},
    {"xen-policy", "what `xen-cpuid -p` prints"},
    {"xen-featureset", "Xen's featureset words"},
    {"json", "our own JSON"},
    {NULL, NULL}};
const char *const dump_format_names[] = {"raw",         "aida64",     "libcpuid",       "libvirt",
                                         "firecracker", "xen-policy", "xen-featureset", "json",
                                         NULL};

/* ORDER: dump_formats[] */
static const struct {
    void (*write)(struct out *o);
    bool masks; /* can leave bits to the host, or has nothing but what is known */
} writers[] = {{write_raw, false},           {write_aida, false},       {write_libcpuid, false},
               {write_libvirt, false},       {write_firecracker, true}, {write_xen_policy, false},
               {write_xen_featureset, true}, {write_json, true}};
_Static_assert(sizeof(writers) / sizeof(writers[0]) + 1 ==
                   sizeof(dump_formats) / sizeof(dump_formats[0]),
               "a writer for each format");

/* The first register of which not all bits are known. */
static bool has_unknown(const struct dump *d, uint32_t *leaf)
{
    for (size_t i = 0; d->mask != NULL && i < d->n; i++) {
        *leaf = d->leaf[i].leaf;
        for (unsigned r = 0; r < 4; r++)
            if (d->mask[i].reg[r] != 0xffffffff)
                return true;
    }
    return false;
}

enum tsp_status dump_write(FILE *f, const char *format, const struct dump *d,
                           struct dump_lost *lost, struct tsp_error *err)
{
    struct out o = {.f = f, .d = d};
    uint32_t leaf = 0;
    size_t i = 0;

    while (dump_formats[i].name != NULL && strcmp(dump_formats[i].name, format) != 0)
        i++;
    if (dump_formats[i].name == NULL)
        return error_set(err, TSP_EARG, 0, "no format of dumps is called \"%s\"", format);
    if (d->ncpu == 0)
        return error_set(err, TSP_EARG, 0, "a dump without a CPU");
    if (!writers[i].masks && has_unknown(d, &leaf)) {
        return error_set(err, TSP_EARG, 0,
                         "leaf 0x%x is partly left to the host, which %s cannot say; firecracker "
                         "and json can",
                         leaf, format);
    }
    writers[i].write(&o);
    if (lost != NULL)
        *lost = o.lost;
    return TSP_OK;
}
