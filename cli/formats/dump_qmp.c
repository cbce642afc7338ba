/* SPDX-License-Identifier: MIT */
/*
 * QEMU's answers to query-cpu-model-expansion, as QMP prints them and libvirt keeps them
 * (tests/cputestdata): features by name, identity by number and text. Only what has a name is
 * known; leaves that describe no features are not there. KVM's own features are left out, because
 * the answer does not say where their leaves would stand. Before QEMU 2.9 there were the CPU
 * object's properties instead, one answer each: registers under feature-words, the same identity.
 */
#include "cli/formats/dump_in.h"

#include <jansson.h>
#include <string.h>

#include "trapspec/bits.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

/* Names of the bits from bit `first` on, `-` where none has one; several names of one bit are
 * joined with |. Underscores and full stops count as hyphens (QEMU target/i386/cpu.c). */
struct word {
    uint32_t leaf, sub;
    uint8_t reg, first;
    const char *names;
};
static const struct word words[] = {
    {0x1, 0, EDX, 0,
     "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - ds "
     "acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    {0x1, 0, ECX, 0,
     "pni|sse3 pclmulqdq|pclmuldq dtes64 monitor ds-cpl vmx smx est tm2 ssse3 cid - fma cx16 xtpr "
     "pdcm - pcid dca sse4-1 sse4-2 x2apic movbe popcnt tsc-deadline aes xsave osxsave avx f16c "
     "rdrand hypervisor"},
    {0x6, 0, EAX, 2, "arat"},
    {0x7, 0, EBX, 0,
     "fsgsbase tsc-adjust sgx bmi1 hle avx2 fdp-excptn-only smep bmi2 erms invpcid rtm cmt "
     "zero-fcs-fds mpx - avx512f avx512dq rdseed adx smap avx512ifma pcommit clflushopt clwb "
     "intel-pt avx512pf avx512er avx512cd sha-ni avx512bw avx512vl"},
    {0x7, 0, ECX, 1,
     "avx512vbmi umip pku ospke waitpkg avx512vbmi2 - gfni vaes vpclmulqdq avx512vnni "
     "avx512bitalg - avx512-vpopcntdq - la57 - - - - - rdpid - bus-lock-detect cldemote - movdiri "
     "movdir64b - sgxlc pks"},
    {0x7, 0, EDX, 2,
     "avx512-4vnniw avx512-4fmaps fsrm - - - avx512-vp2intersect - md-clear - - - serialize - "
     "tsx-ldtrk - pconfig arch-lbr - - amx-bf16 avx512-fp16 amx-tile amx-int8 spec-ctrl stibp "
     "flush-l1d arch-capabilities core-capability ssbd"},
    {0x7, 1, EAX, 0,
     "sha512 sm3 sm4 - avx-vnni avx512-bf16 - cmpccxadd - - fzrm fsrs fsrc - - - - fred lkgs "
     "wrmsrns - amx-fp16 - avx-ifma - - lam"},
    {0x7, 1, EDX, 4,
     "avx-vnni-int8 avx-ne-convert - - amx-complex - avx-vnni-int16 - - - prefetchiti"},
    {0x7, 2, EDX, 0, "intel-psfd ipred-ctrl rrsba-ctrl ddpd-u bhi-ctrl mcdt-no"},
    {0xd, 1, EAX, 0, "xsaveopt xsavec xgetbv1 xsaves xfd"},
    {0x12, 0, EAX, 0, "sgx1 sgx2 - - - - - - - - - sgx-edeccssa"},
    {0x12, 0, EBX, 0, "sgx-exinfo"},
    {0x12, 1, EAX, 1,
     "sgx-debug sgx-mode64 - sgx-provisionkey sgx-tokenkey - sgx-kss - - sgx-aex-notify"},
    {0x14, 0, ECX, 31, "intel-pt-lip"},
    {0x80000001, 0, EDX, 11,
     "syscall - - - - - - - - nx|xd - mmxext - - fxsr-opt|ffxsr pdpe1gb rdtscp - lm|i64 3dnowext "
     "3dnow"},
    {0x80000001, 0, ECX, 0,
     "lahf-lm cmp-legacy svm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
     "skinit wdt - lwp fma4 tce - nodeid-msr - tbm topoext perfctr-core perfctr-nb"},
    {0x80000007, 0, EBX, 0, "overflow-recov succor"},
    {0x80000007, 0, EDX, 8, "invtsc"},
    {0x80000008, 0, EBX, 0,
     "clzero - xsaveerptr - - - - - - wbnoinvd - - ibpb - ibrs amd-stibp - stibp-always-on - - - - "
     "- - amd-ssbd virt-ssbd amd-no-ssb - amd-psfd"},
    {0x8000000a, 0, EDX, 0,
     "npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid decodeassists - - pause-filter "
     "- pfthreshold avic - v-vmsave-vmload vgif - - - - - - - - vnmi - - svme-addr-chk"},
    {0x80000021, 0, EAX, 0,
     "no-nested-data-bp - lfence-always-serializing - - - null-sel-clr-base - auto-ibrs"},
    {0x80000022, 0, EAX, 0, "perfmon-v2"},
    {0xc0000001, 0, EDX, 2,
     "xstore xstore-en - - xcrypt xcrypt-en ace2 ace2-en phe phe-en pmm pmm-en"},
};

#define MODEL_LEAVES 40u
struct model {
    struct tsp_leaf leaf[MODEL_LEAVES];
    struct dump_mask mask[MODEL_LEAVES];
    unsigned n;
};

static void put(struct model *m, const struct tsp_leaf *at, unsigned reg, uint32_t known,
                uint32_t value)
{
    unsigned i = 0;

    while (i < m->n && (m->leaf[i].leaf != at->leaf || m->leaf[i].subleaf != at->subleaf))
        i++;
    if (i == MODEL_LEAVES)
        return;
    if (i == m->n)
        m->leaf[m->n++] = (struct tsp_leaf){.leaf = at->leaf, .subleaf = at->subleaf};
    m->leaf[i].reg[reg] |= value & known;
    m->mask[i].reg[reg] |= known;
}

static bool same_name(const char *prop, const char *name, size_t n)
{
    if (strlen(prop) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = prop[i] == '_' || prop[i] == '.' ? '-' : prop[i];

        if (c != name[i])
            return false;
    }
    return true;
}

/* Finds a name in the list of a word; returns its place or -1. */
static int place(const char *names, const char *prop)
{
    int bit = 0;

    for (;;) {
        size_t n = strcspn(names, " |");

        if (same_name(prop, names, n))
            return bit;
        names += n;
        if (*names == 0)
            return -1;
        bit += *names++ == ' ';
    }
}

static void put_flag(struct model *m, const char *prop, bool on)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct tsp_leaf at = {.leaf = words[i].leaf, .subleaf = words[i].sub};
        int bit = place(words[i].names, prop);

        if (bit >= 0) {
            put(m, &at, words[i].reg, 1u << (words[i].first + bit), on ? 0xffffffff : 0);
            return;
        }
    }
}

static bool number_of(const json_t *v, uint32_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT32_MAX)
        return false;
    *out = (uint32_t)json_integer_value(v);
    return true;
}

static bool number(const json_t *props, const char *key, uint32_t *out)
{
    return number_of(json_object_get(props, key), out);
}

static uint32_t four(const char *text)
{
    return (uint32_t)le_load((const uint8_t *)text, 4);
}

/* Family, model and stepping as leaf 1 EAX has them: above 15 the family overflows into another
 * field (Intel SDM Vol. 2A CPUID, version information). */
static void put_signature(struct model *m, const json_t *props)
{
    static const struct tsp_leaf one = {.leaf = 1};
    uint32_t family, model, stepping, more;

    if (!number(props, "family", &family) || !number(props, "model", &model) ||
        !number(props, "stepping", &stepping))
        return;
    more = family > 15 ? family - 15 : 0;
    put(m, &one, EAX, 0x0fff0fff,
        (more & 0xff) << 20 | (model & 0xf0) << 12 | (family - more) << 8 | (model & 15) << 4 |
            (stepping & 15));
}

static void put_texts(struct model *m, const json_t *props)
{
    static const struct tsp_leaf zero = {.leaf = 0};
    const char *vendor = json_string_value(json_object_get(props, "vendor"));
    const char *id = json_string_value(json_object_get(props, "model-id"));
    char text[49] = "";

    if (vendor != NULL && strlen(vendor) == 12) {
        put(m, &zero, EBX, 0xffffffff, four(vendor));
        put(m, &zero, EDX, 0xffffffff, four(vendor + 4));
        put(m, &zero, ECX, 0xffffffff, four(vendor + 8));
    }
    if (id == NULL || *id == 0)
        return;
    snprintf(text, sizeof(text), "%s", id);
    for (unsigned i = 0; i < 12; i++) {
        const struct tsp_leaf at = {.leaf = 0x80000002 + i / 4};

        put(m, &at, i % 4, 0xffffffff, four(text + 4 * (size_t)i));
    }
}

static void put_numbers(struct model *m, const json_t *props)
{
    static const struct {
        const char *key;
        uint32_t leaf, known;
    } row[] = {{"level", 0, 0xffffffff},
               {"xlevel", 0x80000000, 0xffffffff},
               {"xlevel2", 0xc0000000, 0xffffffff},
               {"phys-bits", 0x80000008, 0xff}};
    uint32_t v;

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct tsp_leaf at = {.leaf = row[i].leaf};

        if (number(props, row[i].key, &v) && v != 0)
            put(m, &at, EAX, row[i].known, v);
    }
}

/* Highest leaf of the class, 0 when it is not told. */
static uint32_t top(const struct model *m, uint32_t leaf)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->leaf[i].leaf == (leaf & 0xffff0000))
            return m->leaf[i].reg[EAX];
    return 0;
}

static enum tsp_status add_model(struct dump_in *in, const struct model *m)
{
    enum tsp_status st = TSP_OK;

    for (unsigned i = 0; i < m->n && st == TSP_OK; i++) {
        const struct tsp_leaf *l = &m->leaf[i];

        /* No feature of a leaf beyond the last one: it is not there. */
        if ((l->reg[0] | l->reg[1] | l->reg[2] | l->reg[3]) != 0 || l->leaf <= top(m, l->leaf))
            st = dump_add_leaf(in, l, &m->mask[i]);
    }
    return st;
}

static enum tsp_status read_model(struct dump_in *in, const json_t *model)
{
    const json_t *props = json_object_get(model, "props"), *v;
    const char *name = json_string_value(json_object_get(model, "name")), *key;
    struct model m;
    enum tsp_status st;

    memset(&m, 0, sizeof(m));
    put_numbers(&m, props);
    put_texts(&m, props);
    put_signature(&m, props);
    json_object_foreach((json_t *)(uintptr_t)props, key, v)
    {
        if (json_is_boolean(v))
            put_flag(&m, key, json_is_true(v));
    }
    name = name == NULL ? "model" : name;
    st = dump_add_named(in, (struct line){name, name + strlen(name)});
    return st == TSP_OK ? add_model(in, &m) : st;
}

/* {"cpuid-register": "EDX", "cpuid-input-eax": 7, "cpuid-input-ecx": 0, "features": 0} */
static bool put_register(struct model *m, const json_t *word)
{
    static const char *const names[4] = {"EAX", "EBX", "ECX", "EDX"};
    const char *name = json_string_value(json_object_get(word, "cpuid-register"));
    const json_t *ecx = json_object_get(word, "cpuid-input-ecx");
    struct tsp_leaf at = {.leaf = 0};
    uint32_t value;
    unsigned r = 0;

    while (r < 4 && name != NULL && strcmp(name, names[r]) != 0)
        r++;
    if (name == NULL || r == 4 || !number_of(json_object_get(word, "cpuid-input-eax"), &at.leaf) ||
        !number_of(json_object_get(word, "features"), &value) ||
        (ecx != NULL && !number_of(ecx, &at.subleaf)))
        return false;
    if (at.leaf >> 28 != 4)
        put(m, &at, r, 0xffffffff, value);
    return true;
}

/* The answers so far: registers in m, what else the CPU object has in props. */
static enum tsp_status read_property(struct dump_in *in, const json_t *doc, struct model *m,
                                     json_t *props)
{
    json_t *value = json_object_get(doc, "return");
    const char *id = json_string_value(json_object_get(doc, "id"));
    const json_t *word;
    size_t i;

    if (id == NULL)
        return TSP_OK;
    if (json_is_integer(value) || json_is_string(value))
        return json_object_set(props, id, value) == 0 ? TSP_OK : TSP_ENOMEM;
    json_array_foreach(value, i, word)
    {
        if (json_object_get(word, "cpuid-register") != NULL && !put_register(m, word))
            return dump_fail(in, "feature-words[%zu] is no register with its number", i);
    }
    return TSP_OK;
}

/* Registers without the CPU's other properties are a dump, not the other way round. */
static enum tsp_status add_properties(struct dump_in *in, struct model *m, const json_t *props)
{
    if (m->n == 0)
        return TSP_OK;
    put_texts(m, props);
    put_signature(m, props);
    return add_model(in, m);
}

static void count_lines(struct dump_in *in, size_t n)
{
    in->line = 1;
    for (size_t i = 0; i < n; i++)
        in->line += in->p[i] == '\n';
}

/* The next document; NULL and TSP_OK at the end. */
static enum tsp_status next_document(struct dump_in *in, size_t *at, json_t **doc)
{
    json_error_t why;

    *doc = NULL;
    while (*at < in->n && strchr(" \t\r\n", in->p[*at]) != NULL)
        ++*at;
    if (*at == in->n)
        return TSP_OK;
    count_lines(in, *at);
    *doc = json_loadb(in->p + *at, in->n - *at, JSON_DISABLE_EOF_CHECK, &why);
    if (*doc == NULL) {
        in->line += why.line > 1 ? (unsigned)why.line - 1 : 0;
        return dump_fail(in, "%.80s", why.text);
    }
    *at += (size_t)why.position;
    return TSP_OK;
}

/* Several documents stand one behind the other; those that describe no CPU are passed over. */
static enum tsp_status read_documents(struct dump_in *in, struct model *m, json_t *props)
{
    enum tsp_status st;
    size_t at = 0;
    json_t *doc, *model;

    for (;;) {
        st = next_document(in, &at, &doc);
        if (st != TSP_OK || doc == NULL)
            return st;
        model = json_object_get(json_object_get(doc, "return"), "model");
        if (json_is_object(json_object_get(model, "props")))
            st = read_model(in, model);
        else
            st = read_property(in, doc, m, props);
        json_decref(doc);
        if (st != TSP_OK)
            return st;
    }
}

enum tsp_status dump_in_qmp(struct dump_in *in)
{
    json_t *props = json_object();
    struct model m;
    enum tsp_status st;

    if (props == NULL)
        return error_set(in->err, TSP_ENOMEM, 0, "%s: out of memory", in->name);
    memset(&m, 0, sizeof(m));
    st = read_documents(in, &m, props);
    if (st == TSP_OK)
        st = add_properties(in, &m, props);
    json_decref(props);
    if (st == TSP_OK && in->out->n == 0) {
        in->line = 1;
        return dump_fail(in, "JSON without a return.model.props");
    }
    return st;
}
