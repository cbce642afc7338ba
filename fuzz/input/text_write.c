/* SPDX-License-Identifier: MIT */
/* Scenario to text: one `key value` line for everything that differs from the default. */
#include "fuzz/input/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *out;
    size_t n, max; /* n counts what would be written, as snprintf does */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    size_t room = t->n < t->max ? t->max - t->n : 0;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(room > 0 ? t->out + t->n : NULL, room, format, args);
    va_end(args);
    if (n > 0)
        t->n += (size_t)n;
}

static const char *word(const char *const *list, unsigned i)
{
    for (unsigned k = 0; list[k] != NULL; k++)
        if (k == i)
            return list[k];
    return "?";
}

static void put_word(struct text *t, const char *key, const char *const *list, unsigned now,
                     unsigned def)
{
    if (now != def)
        put(t, "%s %s\n", key, word(list, now));
}

static void put_hex(struct text *t, const char *key, uint64_t now, uint64_t def)
{
    if (now != def)
        put(t, "%s 0x%" PRIx64 "\n", key, now);
}

static void put_bits(struct text *t, const char *key, const char *const *list, uint32_t now,
                     uint32_t def)
{
    if (now == def)
        return;
    put(t, "%s", key);
    if (now == 0)
        put(t, " none");
    for (unsigned i = 0; list[i] != NULL; i++)
        if (now >> i & 1)
            put(t, " %s", list[i]);
    put(t, "\n");
}

static void put_three(struct text *t, const char *key, const uint32_t now[3], const uint32_t def[3])
{
    if (memcmp(now, def, 3 * sizeof(now[0])) != 0)
        put(t, "%s 0x%" PRIx32 " 0x%" PRIx32 " 0x%" PRIx32 "\n", key, now[0], now[1], now[2]);
}

static void put_pte(struct text *t, const struct scenario *s)
{
    if (s->pte[0] == INPUT_PTE_DEFAULT && s->pte[1] == INPUT_PTE_DEFAULT)
        return;
    put(t, "pte");
    for (unsigned i = 0; i < 2; i++)
        put(t, " %c%c%c%s", s->pte[i] & INPUT_PTE_P ? 'P' : '-',
            s->pte[i] & INPUT_PTE_W ? 'W' : '-', s->pte[i] & INPUT_PTE_U ? 'U' : '-',
            s->pte[i] & INPUT_PTE_NX ? "X" : "");
    put(t, "\n");
}

static void put_hypervisor(struct text *t, const struct scenario *s, const struct scenario *d)
{
    put_word(t, "host", name_vendor, s->host, d->host);
    if (s->persona[0] != d->persona[0] || s->persona[1] != d->persona[1]) {
        put(t, "persona %s", word(name_persona, s->persona[0]));
        if (s->persona[1] != TSP_PERSONA_NONE)
            put(t, " %s", word(name_persona, s->persona[1]));
        put(t, "\n");
    }
    if (s->hv_base[0] != d->hv_base[0] || s->hv_base[1] != d->hv_base[1])
        put(t, "hv_base 0x%" PRIx32 " 0x%" PRIx32 "\n", s->hv_base[0], s->hv_base[1]);
    put_word(t, "patch", name_patch, s->patch, d->patch);
    put_word(t, "policy", name_policy, s->policy, d->policy);
    put_bits(t, "config", name_config, s->config, d->config);
    if (s->psci != d->psci)
        put(t, "psci %u.%u\n", s->psci >> 4, s->psci & 15u);
    put_three(t, "fw_bitmap", s->fw_bitmap, d->fw_bitmap);
    put_three(t, "workaround", s->workaround, d->workaround);
    put_hex(t, "pvtime_ipa", s->pvtime_ipa, d->pvtime_ipa);
    put_hex(t, "exit_ret", s->exit_ret, d->exit_ret);
}

static void put_machine(struct text *t, const struct scenario *s, const struct scenario *d)
{
    put_word(t, "mode", name_mode, s->mode, d->mode);
    if (s->level != d->level)
        put(t, "level %u\n", s->level);
    if (s->paging)
        put(t, "paging on\n");
    put_bits(t, "cpu", name_cpu, s->cpu, d->cpu);
    put_pte(t, s);
    put_hex(t, "xcr0", s->xcr0, d->xcr0);
    put_hex(t, "apic_id", s->apic_id, d->apic_id);
    put_hex(t, "cs_base", s->cs_base, d->cs_base);
    put_hex(t, "code_at", s->code_at, input_code_default(s));
    put_hex(t, "flags", s->flags, 0);
}

static void put_values(struct text *t, const struct scenario *s)
{
    char buf[8];

    for (unsigned i = 0; i < INPUT_REGS_MAX; i++)
        if (s->regs_set >> i & 1)
            put(t, "reg %s 0x%" PRIx64 "\n", name_reg(s->mode, i, buf), s->regs[i]);
    for (uint32_t i = 0; i < s->nmsr && i < TSP_MAX_MSR; i++)
        put(t, "msr 0x%" PRIx32 " 0x%" PRIx64 "\n", s->msr[i].index, s->msr[i].value);
    for (unsigned i = 0; i < TSP_XMM_COUNT; i++)
        if ((s->xmm[i][0] | s->xmm[i][1]) != 0)
            put(t, "xmm %u 0x%" PRIx64 " 0x%" PRIx64 "\n", i, s->xmm[i][0], s->xmm[i][1]);
    for (uint32_t i = 0; i < s->nleaf && i < INPUT_LEAF_MAX; i++) {
        const struct tsp_leaf *leaf = &s->leaf[i];

        put(t, "leaf 0x%" PRIx32, leaf->leaf);
        if (leaf->flags & TSP_LEAF_INDEXED)
            put(t, " 0x%" PRIx32, leaf->subleaf);
        else
            put(t, " -");
        put(t, " eax=0x%" PRIx32 " ebx=0x%" PRIx32 " ecx=0x%" PRIx32 " edx=0x%" PRIx32 "\n",
            leaf->reg[0], leaf->reg[1], leaf->reg[2], leaf->reg[3]);
    }
}

static void put_bytes(struct text *t, const char *key, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i % 32 == 0)
            put(t, "%s%s ", i > 0 ? "\n" : "", key);
        put(t, "%02x", p[i]);
    }
    if (n > 0)
        put(t, "\n");
}

const char *input_how_text(uint32_t how, char *out, size_t max)
{
    struct text t = {out, 0, max};

    if (max > 0)
        out[0] = 0;
    for (unsigned i = 1; name_how[i] != NULL; i++) {
        uint8_t v = name_how_value[i];

        if (v <= TSP_HOW_WIDTH ? (how & TSP_HOW_WIDTH) == v : (how & v) != 0)
            put(&t, "%s%s", t.n > 0 ? " " : "", name_how[i]);
    }
    return out;
}

static void put_how(struct text *t, uint32_t how)
{
    char words[80];

    if (how != 0)
        put(t, "how %s\n", input_how_text(how, words, sizeof(words)));
}

size_t input_text_write(const struct scenario *s, char *out, size_t max)
{
    struct text t = {out, 0, max};
    struct scenario d;

    input_default(&d, (enum tsp_arch)s->arch);
    put(&t, TEXT_MAGIC "%u\n", input_version(s));
    put_word(&t, "arch", name_arch, s->arch, TSP_ARCH_X86);
    put_word(&t, "protocol", name_protocol, s->protocol, TSP_PROTOCOL_NONE);
    put_how(&t, s->how);
    if (s->nvcpu != d.nvcpu)
        put(&t, "nvcpu %u\n", s->nvcpu);
    put_hypervisor(&t, s, &d);
    put_machine(&t, s, &d);
    put_values(&t, s);
    if (s->ncode[0] != d.ncode[0] || memcmp(s->code[0], d.code[0], s->ncode[0]) != 0)
        put_bytes(&t, "code", s->code[0], s->ncode[0]);
    put_bytes(&t, "code1", s->code[1], s->ncode[1]);
    put_bytes(&t, "sched", s->sched, s->nsched);
    for (uint32_t i = 0; i < s->nmove && i < INPUT_MOVE_MAX; i++)
        put(&t, "migrate %u%s%s\n", s->move[i].after, s->arch == TSP_ARCH_X86 ? " " : "",
            s->arch == TSP_ARCH_X86 ? word(name_vendor, s->move[i].host) : "");
    return t.n;
}
