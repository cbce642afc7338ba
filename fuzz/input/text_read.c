/* SPDX-License-Identifier: MIT */
/* Text to scenario. Strict: an unknown key, a value out of range or a line left over is an error
 * with its line. */
#include "fuzz/input/names.h"
#include "fuzz/input/text_words.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define TEXT_KEYS_MAX 40u

struct reader {
    struct scenario *s;
    struct tsp_error *err;
    unsigned line, line_of[TEXT_KEYS_MAX]; /* where each key was given last */
    bool failed, any, code_given[2];
    struct span rest; /* of the current line */
};

static void fail(struct reader *r, const char *why, struct span what)
{
    if (r->failed)
        return;
    r->failed = true;
    if (r->err == NULL)
        return;
    r->err->code = TSP_EPARSE;
    r->err->line = r->line;
    if (what.n > 0)
        snprintf(r->err->text, sizeof(r->err->text), "%s: %.*s", why,
                 (int)(what.n < 60 ? what.n : 60), what.p);
    else
        snprintf(r->err->text, sizeof(r->err->text), "%s", why);
}

/* The same with the offset of a byte among those of its key. */
static void fail_at(struct reader *r, uint32_t at, const char *why, struct span what)
{
    char text[80];

    snprintf(text, sizeof(text), "byte %u: %s", (unsigned)at, why);
    fail(r, text, what);
}

static struct span next_word(struct reader *r)
{
    return span_word(&r->rest);
}

static bool more_words(const struct reader *r)
{
    struct span rest = r->rest;

    return span_word(&rest).n > 0;
}

static uint64_t take_number(struct reader *r, uint64_t max)
{
    struct span w = next_word(r);
    uint64_t v = 0;

    if (w.n == 0)
        fail(r, "value missing", w);
    else if (!span_number(w, max, &v))
        fail(r, "not a number in range", w);
    return v;
}

static uint32_t take32(struct reader *r)
{
    return (uint32_t)take_number(r, UINT32_MAX);
}

static uint8_t take_word(struct reader *r, const char *const *list)
{
    struct span w = next_word(r);
    int i = name_find(list, w.p, w.n);

    if (i < 0)
        fail(r, w.n ? "unknown word" : "value missing", w);
    return (uint8_t)(i < 0 ? 0 : i);
}

static uint32_t take_bits(struct reader *r, const char *const *list)
{
    struct span w = next_word(r);
    uint32_t bits = 0;

    if (w.n == 0)
        fail(r, "value missing (or `none`)", w);
    if (w.n == 4 && memcmp(w.p, "none", 4) == 0)
        return 0;
    for (; w.n > 0; w = next_word(r)) {
        int i = name_find(list, w.p, w.n);

        if (i < 0)
            fail(r, "unknown word", w);
        else
            bits |= 1u << i;
    }
    return bits;
}

static void key_arch(struct reader *r)
{
    uint8_t arch;

    if (r->any) {
        fail(r, "arch must come before everything else", (struct span){"", 0});
        return;
    }
    arch = take_word(r, name_arch);
    input_default(r->s, (enum tsp_arch)arch);
    r->s->code_at = 0;
}

static void key_mode(struct reader *r)
{
    r->s->mode = take_word(r, name_mode);
    if (!r->failed && tsp_mode_is_arm(r->s->mode) != (r->s->arch == TSP_ARCH_ARM64))
        fail(r, "mode of the other architecture", (struct span){"", 0});
    if (r->s->mode == TSP_MODE_VM86)
        r->s->level = 3;
}

static void key_level(struct reader *r)
{
    r->s->level = (uint8_t)take_number(r, 3);
}

static void key_paging(struct reader *r)
{
    static const char *const off_on[] = {"off", "on", NULL};

    r->s->paging = take_word(r, off_on);
}

static void key_host(struct reader *r)
{
    r->s->host = take_word(r, name_vendor);
}

static void key_patch(struct reader *r)
{
    r->s->patch = take_word(r, name_patch);
}

static void key_policy(struct reader *r)
{
    r->s->policy = take_word(r, name_policy);
}

static void key_persona(struct reader *r)
{
    r->s->persona[0] = take_word(r, name_persona);
    r->s->persona[1] = TSP_PERSONA_NONE;
    if (more_words(r))
        r->s->persona[1] = take_word(r, name_persona);
}

static void key_hv_base(struct reader *r)
{
    r->s->hv_base[0] = take32(r);
    r->s->hv_base[1] = 0x40000000u | ((r->s->hv_base[0] + 0x100u) & 0xff00u);
    if (more_words(r))
        r->s->hv_base[1] = take32(r);
}

static void key_config(struct reader *r)
{
    r->s->config = take_bits(r, name_config);
}

static void key_cpu(struct reader *r)
{
    r->s->cpu = take_bits(r, name_cpu);
    if (r->s->cpu & INPUT_CPU_FAULTING)
        r->s->config |= TSP_CFG_GUEST_FAULTING;
}

static void key_psci(struct reader *r)
{
    static const char *const versions[] = {"0.1", "0.2", "1.0", "1.1", "1.2", "1.3", NULL};
    static const uint8_t value[] = {0x01, 0x02, 0x10, 0x11, 0x12, 0x13};

    r->s->psci = value[take_word(r, versions) % sizeof(value)];
}

static void key_nvcpu(struct reader *r)
{
    r->s->nvcpu = (uint8_t)take_number(r, TSP_MAX_VCPU);
}

static void key_protocol(struct reader *r)
{
    r->s->protocol = (uint8_t)take_word(r, name_protocol);
}

static void key_how(struct reader *r)
{
    r->s->how = 0;
    do
        r->s->how |= name_how_value[take_word(r, name_how)];
    while (!r->failed && more_words(r));
}

static uint8_t take_rights(struct reader *r)
{
    static const char letter[] = "PWU";
    struct span w = next_word(r);
    uint8_t pte = 0;

    if (w.n != 3 && !(w.n == 4 && w.p[3] == 'X')) {
        fail(r, "page rights are PWU, P-U, --- and so on, with X for no-execute", w);
        return 0;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (w.p[i] == letter[i])
            pte = (uint8_t)(pte | 1u << i);
        else if (w.p[i] != '-')
            fail(r, "page rights are PWU, P-U, --- and so on, with X for no-execute", w);
    }
    return w.n == 4 ? (uint8_t)(pte | INPUT_PTE_NX) : pte;
}

static void key_pte(struct reader *r)
{
    r->s->pte[0] = take_rights(r);
    r->s->pte[1] = take_rights(r);
}

static void key_fw_bitmap(struct reader *r)
{
    for (unsigned i = 0; i < 3; i++)
        r->s->fw_bitmap[i] = take32(r);
}

static void key_workaround(struct reader *r)
{
    for (unsigned i = 0; i < 3; i++)
        r->s->workaround[i] = take32(r);
}

static void key_xcr0(struct reader *r)
{
    r->s->xcr0 = take32(r);
}

static void key_apic_id(struct reader *r)
{
    r->s->apic_id = take32(r);
}

static void key_cs_base(struct reader *r)
{
    r->s->cs_base = take32(r);
}

static void key_code_at(struct reader *r)
{
    r->s->code_at = take_number(r, UINT64_MAX);
    if (!r->failed && r->s->code_at == 0)
        fail(r, "no code can lie at 0", (struct span){"", 0});
}

static void key_exit_ret(struct reader *r)
{
    r->s->exit_ret = take_number(r, UINT64_MAX);
}

static void key_pvtime_ipa(struct reader *r)
{
    r->s->pvtime_ipa = take_number(r, UINT64_MAX);
}

static void key_flags(struct reader *r)
{
    r->s->flags = take_number(r, UINT64_MAX);
}

static void key_msr(struct reader *r)
{
    uint32_t index = take32(r);
    uint64_t value = take_number(r, UINT64_MAX);

    if (r->s->nmsr >= TSP_MAX_MSR) {
        fail(r, "too many msr lines", (struct span){"", 0});
        return;
    }
    r->s->msr[r->s->nmsr].index = index;
    r->s->msr[r->s->nmsr].value = value;
    r->s->nmsr++;
}

static void key_reg(struct reader *r)
{
    struct span w = next_word(r);
    int i = name_reg_find(r->s->arch, w.p, w.n);

    if (i < 0) {
        fail(r, w.n ? "unknown register" : "value missing", w);
        return;
    }
    r->s->regs_set |= 1u << i;
    r->s->regs[i] = take_number(r, UINT64_MAX);
}

/* Number of the register, low half, high half. */
static void key_xmm(struct reader *r)
{
    uint64_t i = take_number(r, TSP_XMM_COUNT - 1);

    r->s->xmm[i][0] = take_number(r, UINT64_MAX);
    r->s->xmm[i][1] = take_number(r, UINT64_MAX);
}

static void key_leaf(struct reader *r)
{
    static const char *const name[4] = {"eax=", "ebx=", "ecx=", "edx="};
    struct tsp_leaf *leaf = &r->s->leaf[r->s->nleaf];
    struct span w;
    uint64_t v = 0;

    if (r->s->nleaf >= INPUT_LEAF_MAX) {
        fail(r, "too many leaf lines", (struct span){"", 0});
        return;
    }
    leaf->leaf = take32(r);
    w = next_word(r);
    if (w.n != 1 || w.p[0] != '-') {
        leaf->flags = TSP_LEAF_INDEXED;
        if (!span_number(w, UINT32_MAX, &v))
            fail(r, "sub-leaf is a number or -", w);
        leaf->subleaf = (uint32_t)v;
    }
    for (unsigned i = 0; i < 4; i++) {
        w = next_word(r);
        if (w.n < 5 || memcmp(w.p, name[i], 4) != 0 ||
            !span_number((struct span){w.p + 4, w.n - 4}, UINT32_MAX, &v))
            fail(r, "expected eax=N ebx=N ecx=N edx=N", w);
        leaf->reg[i] = (uint32_t)v;
    }
    r->s->nleaf++;
}

static uint32_t take_bytes(struct reader *r, uint8_t *out, uint32_t n, uint32_t max)
{
    struct span w = next_word(r);

    if (w.n == 0)
        fail(r, "value missing", w);
    for (; w.n > 0; w = next_word(r)) {
        if (w.n % 2 != 0)
            fail_at(r, n + (uint32_t)(w.n / 2), "odd number of hexadecimal digits", w);
        for (size_t i = 0; i + 1 < w.n; i += 2) {
            int hi = hex_digit(w.p[i]), lo = hex_digit(w.p[i + 1]);

            if (hi < 0 || lo < 0)
                fail_at(r, n, "not hexadecimal", w);
            else if (n >= max)
                fail_at(r, n, "too many bytes", w);
            else
                out[n++] = (uint8_t)(hi << 4 | lo);
        }
    }
    return n;
}

static void key_code_of(struct reader *r, unsigned vcpu)
{
    if (!r->code_given[vcpu]) {
        r->s->ncode[vcpu] = 0;
        memset(r->s->code[vcpu], 0, sizeof(r->s->code[vcpu]));
    }
    r->code_given[vcpu] = true;
    r->s->ncode[vcpu] = take_bytes(r, r->s->code[vcpu], r->s->ncode[vcpu], INPUT_CODE_MAX);
}

static void key_code(struct reader *r)
{
    key_code_of(r, 0);
}

static void key_code1(struct reader *r)
{
    key_code_of(r, 1);
}

static void key_sched(struct reader *r)
{
    r->s->nsched = take_bytes(r, r->s->sched, r->s->nsched, INPUT_SCHED_MAX);
}

/* Where to is said on x86 only; else the host stays what it is here. */
static void key_migrate(struct reader *r)
{
    struct input_move *m = &r->s->move[r->s->nmove];

    if (r->s->nmove >= INPUT_MOVE_MAX) {
        fail(r, "too many migrate lines", (struct span){"", 0});
        return;
    }
    m->after = (uint8_t)take_number(r, INPUT_MOVE_AFTER_MAX);
    m->host = more_words(r) ? (uint8_t)take_word(r, name_vendor) : r->s->host;
    r->s->nmove++;
}

#define FIELD(name) offsetof(struct scenario, name), sizeof(((struct scenario *)0)->name)

/* Key, reader, and the field that folding must leave as it was written. */
static const struct {
    const char *name;
    void (*take)(struct reader *r);
    size_t offset, size;
} keys[] = {
    {"arch", key_arch, FIELD(arch)},
    {"mode", key_mode, FIELD(mode)},
    {"level", key_level, FIELD(level)},
    {"paging", key_paging, FIELD(paging)},
    {"protocol", key_protocol, FIELD(protocol)},
    {"how", key_how, FIELD(how)},
    {"nvcpu", key_nvcpu, FIELD(nvcpu)},
    {"host", key_host, FIELD(host)},
    {"patch", key_patch, FIELD(patch)},
    {"policy", key_policy, FIELD(policy)},
    {"persona", key_persona, FIELD(persona)},
    {"hv_base", key_hv_base, FIELD(hv_base)},
    {"config", key_config, FIELD(config)},
    {"cpu", key_cpu, FIELD(cpu)},
    {"psci", key_psci, FIELD(psci)},
    {"pte", key_pte, FIELD(pte)},
    {"fw_bitmap", key_fw_bitmap, FIELD(fw_bitmap)},
    {"workaround", key_workaround, FIELD(workaround)},
    {"xcr0", key_xcr0, FIELD(xcr0)},
    {"apic_id", key_apic_id, FIELD(apic_id)},
    {"cs_base", key_cs_base, FIELD(cs_base)},
    {"code_at", key_code_at, FIELD(code_at)},
    {"exit_ret", key_exit_ret, FIELD(exit_ret)},
    {"pvtime_ipa", key_pvtime_ipa, FIELD(pvtime_ipa)},
    {"flags", key_flags, FIELD(flags)},
    {"msr", key_msr, FIELD(nmsr)},
    {"reg", key_reg, FIELD(regs)},
    {"xmm", key_xmm, FIELD(xmm)},
    {"leaf", key_leaf, FIELD(nleaf)},
    {"code", key_code, FIELD(ncode[0])},
    {"code1", key_code1, FIELD(ncode[1])},
    {"sched", key_sched, FIELD(nsched)},
    {"migrate", key_migrate, FIELD(move)},
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEY_COUNT <= TEXT_KEYS_MAX, "line_of");

static void read_line(struct reader *r)
{
    struct span key = next_word(r), extra;

    if (key.n == 0)
        return;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strlen(keys[i].name) != key.n || memcmp(keys[i].name, key.p, key.n) != 0)
            continue;
        keys[i].take(r);
        r->any = true;
        r->line_of[i] = r->line;
        extra = next_word(r);
        if (extra.n > 0)
            fail(r, "more than the key takes", extra);
        return;
    }
    fail(r, "unknown key", key);
}

static size_t sched_key(void)
{
    size_t i = 0;

    while (keys[i].take != key_sched)
        i++;
    return i;
}

/* A schedule names vCPUs and steps that there are. */
static void check_sched(struct reader *r, const struct scenario *given)
{
    char hex[3];

    for (uint32_t i = 0; i < r->s->nsched && !r->failed; i++) {
        if (given->sched[i] == r->s->sched[i])
            continue;
        snprintf(hex, sizeof(hex), "%02x", given->sched[i]);
        fail_at(r, i, "schedule names no step of a vCPU that is there", (struct span){hex, 2});
    }
}

/* Folds, and refuses what had to be changed: text says what it means. */
static void check_ranges(struct reader *r)
{
    struct scenario given = *r->s;

    input_fold(r->s);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const uint8_t *was = (const uint8_t *)&given + keys[i].offset;
        const uint8_t *is = (const uint8_t *)r->s + keys[i].offset;

        if (r->line_of[i] == 0 || memcmp(was, is, keys[i].size) == 0)
            continue;
        r->line = r->line_of[i];
        fail(r, "out of range, or not possible with the rest of the scenario",
             (struct span){keys[i].name, strlen(keys[i].name)});
    }
    r->line = r->line_of[sched_key()];
    check_sched(r, &given);
}

/* The next line without its end and comment; false at the end of the text. */
static bool next_line(const char *text, size_t n, size_t *at, struct span *line)
{
    size_t end = *at;

    if (*at >= n)
        return false;
    while (end < n && text[end] != '\n')
        end++;
    line->p = text + *at;
    line->n = end - *at;
    *at = end + 1;
    for (size_t i = 0; i < line->n; i++)
        if (line->p[i] == '#')
            line->n = i;
    return true;
}

static void read_magic(struct reader *r)
{
    size_t len = sizeof(TEXT_MAGIC) - 1;
    uint64_t version = 0;
    struct span w;

    if (r->rest.n < len || memcmp(r->rest.p, TEXT_MAGIC, len) != 0) {
        fail(r, "first line is not `trapspec scenario 1`", (struct span){"", 0});
        return;
    }
    r->rest.p += len;
    r->rest.n -= len;
    w = next_word(r);
    if (!span_number(w, INPUT_VERSION_AARCH32, &version) || version == 0 || next_word(r).n > 0)
        fail(r, "version this build cannot read", w);
}

bool input_is_text(const uint8_t *p, size_t n)
{
    size_t len = sizeof(TEXT_MAGIC) - 1;

    return n >= len && memcmp(p, TEXT_MAGIC, len) == 0;
}

enum tsp_status input_text_parse(const char *text, size_t n, struct scenario *out,
                                 struct tsp_error *err)
{
    struct reader r = {.s = out, .err = err};
    size_t at = 0;

    input_default(out, TSP_ARCH_X86);
    out->code_at = 0;
    while (!r.failed && next_line(text, n, &at, &r.rest)) {
        r.line++;
        if (memchr(r.rest.p, 0, r.rest.n) != NULL)
            fail(&r, "not a text", (struct span){"", 0});
        else if (r.line == 1)
            read_magic(&r);
        else
            read_line(&r);
    }
    if (r.line == 0)
        fail(&r, "empty", (struct span){"", 0});
    if (!r.failed)
        check_ranges(&r);
    if (r.failed)
        input_default(out, TSP_ARCH_X86);
    return r.failed ? TSP_EPARSE : TSP_OK;
}
