/* SPDX-License-Identifier: MIT */
/* Targets by their full names; cases of a recording; scenarios with their base policies. */
#define _POSIX_C_SOURCE 200809L /* access */
#include "cli/cli.h"
#include "cli/formats/shipped.h"
#include "emu/emu.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (256u << 20)

size_t golden_case_count(const struct golden *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++) {
        if (g->rec[i].kind == GOLDEN_RUN)
            n++;
        else if (g->rec[i].kind == GOLDEN_CPUID)
            n += g->rec[i].nsub;
    }
    return n;
}

/* One ECX value of a CPUID record: only the four result registers were recorded. */
static void cpuid_case(const struct golden_record *r, unsigned sub, struct golden_case *out)
{
    const struct golden_sub *g = &r->sub[sub];
    struct outcome *o = &out->out;

    out->s = *r->s;
    out->s.regs[TSP_RCX] = g->ecx;
    memset(o, 0, sizeof(*o));
    o->exit = out->s.level == 0 ? OUTCOME_HALT : OUTCOME_IO;
    memcpy(o->out.r, out->s.regs, sizeof(o->out.r));
    o->out.r[TSP_RAX] = g->reg[0];
    o->out.r[TSP_RBX] = g->reg[1];
    o->out.r[TSP_RCX] = g->reg[2];
    o->out.r[TSP_RDX] = g->reg[3];
    o->vary = ~(1u << TSP_RAX | 1u << TSP_RBX | 1u << TSP_RCX | 1u << TSP_RDX);
    o->out.flags = out->s.flags;
    o->out.pc = out->s.code_at - out->s.cs_base + 2 + (out->s.level == 0);
    o->mem_len = (uint8_t)out->s.ncode[0];
    memcpy(o->mem, out->s.code[0], o->mem_len);
    snprintf(out->id, sizeof(out->id), "%s.0x%x", r->id, g->ecx);
}

void golden_case_at(const struct golden *g, size_t i, struct golden_case *out)
{
    for (size_t k = 0; k < g->n; k++) {
        const struct golden_record *r = &g->rec[k];
        size_t n = r->kind == GOLDEN_RUN ? 1 : r->kind == GOLDEN_CPUID ? r->nsub : 0;

        if (i >= n) {
            i -= n;
            continue;
        }
        out->rec = r;
        if (r->kind == GOLDEN_CPUID) {
            cpuid_case(r, (unsigned)i, out);
        } else {
            out->s = *r->s;
            out->out = r->out;
            snprintf(out->id, sizeof(out->id), "%s", r->id);
        }
        return;
    }
}

static enum tsp_status no_name(const char *kind, struct tsp_error *err)
{
    return error_set(err, TSP_EARG, 0, "%s: the name of a file is needed: %s:FILE", kind, kind);
}

static enum tsp_status open_golden(struct source *s, const char *file, struct tsp_error *err)
{
    uint8_t *bytes;
    size_t n;
    enum tsp_status st = file_read(file, FILE_MAX_BYTES, &bytes, &n, err);

    if (st != TSP_OK)
        return st;
    st = golden_read(file, bytes, n, &s->golden, err);
    free(bytes);
    if (st != TSP_OK)
        return st;
    s->is_golden = true;
    return TSP_OK;
}

static enum tsp_status open_dump(struct source *s, const char *file, struct tsp_error *err)
{
    enum tsp_status st = dump_load(file, &s->dump, err);

    if (st != TSP_OK)
        return st;
    s->is_dump = true;
    return target_dump(&s->t, s->dump.leaf + s->dump.cpu[0].first, s->dump.cpu[0].n, file);
}

enum tsp_status source_open(struct source *s, const char *name, struct tsp_error *err)
{
    enum tsp_status st;

    memset(s, 0, sizeof(*s));
    if (strcmp(name, "golden:") == 0 || strcmp(name, "dump:") == 0)
        return no_name(name[0] == 'g' ? "golden" : "dump", err);
    if (strncmp(name, "golden:", 7) == 0)
        return open_golden(s, name + 7, err);
    if (strncmp(name, "dump:", 5) == 0)
        return open_dump(s, name + 5, err);
    st = target_open(&s->t, name, err);
    s->t.looked = st == TSP_OK;
    if (st == TSP_EARG && strchr(name, ':') == NULL && access(name, F_OK) == 0)
        error_set(err, st, 0,
                  "%.100s: a file is golden:FILE (recordings), dump:FILE (CPUID) or plugin:FILE (a "
                  "hypervisor)",
                  name);
    return st;
}

void source_close(struct source *s)
{
    if (s->t.ops != NULL)
        target_close(&s->t);
    if (s->is_golden)
        golden_free(&s->golden);
    if (s->is_dump)
        dump_free(&s->dump);
    memset(s, 0, sizeof(*s));
}

size_t cli_base_policy(const struct scenario *s, struct tsp_leaf *out, size_t max)
{
    static const enum tsp_vendor vendor[INPUT_POLICY_COUNT] = {
        TSP_VENDOR_OTHER, TSP_VENDOR_INTEL, TSP_VENDOR_AMD, TSP_VENDOR_HYGON, TSP_VENDOR_CENTAUR};
    uint8_t cpu;

    if (s->policy == INPUT_POLICY_NONE || s->policy >= INPUT_POLICY_COUNT)
        return 0;
    if (cli_cpu_base(&cpu) && cpu == s->policy)
        return cli_cpu_policy(s, out, max);
    return vm_default_policy(vendor[s->policy], (enum tsp_persona)s->persona[0], s->hv_base[0], out,
                             max);
}

void cli_build(const struct scenario *s, struct input_image *img, struct tsp_setup *setup)
{
    static struct tsp_leaf base[TSP_MAX_LEAF];
    size_t n = cli_base_policy(s, base, TSP_MAX_LEAF);

    input_build(s, base, n, img, setup);
}

/* A file that is named as text, and begins nearly as text does, is never taken for binary, which
 * anything is. */
static enum tsp_status damaged_text(const char *path, const uint8_t *bytes, size_t n,
                                    struct tsp_error *err)
{
    static const char magic[] = "trapspec scenario ";
    size_t len = strlen(path), all = sizeof(magic) - 1, same = 0, at = SIZE_MAX;

    for (size_t i = 0; i < all; i++) {
        if (i < n && bytes[i] == (uint8_t)magic[i])
            same++;
        else if (at == SIZE_MAX)
            at = i;
    }
    if (len < 4 || strcmp(path + len - 4, ".tst") != 0 || same < (n < all ? n : all * 2 / 3))
        return TSP_OK;
    error_set(err, TSP_EPARSE, 1, "%s:1: byte %zu: not \"%sVERSION\"", path, at, magic);
    return TSP_EPARSE;
}

enum tsp_status cli_scenario(const char *path, struct scenario *out, struct tsp_error *err)
{
    enum tsp_status st;
    uint8_t *bytes;
    size_t n;

    st = file_read(path, 1u << 20, &bytes, &n, err);
    if (st != TSP_OK)
        return st;
    if (input_is_text(bytes, n)) {
        struct tsp_error inner;

        st = input_text_parse((const char *)bytes, n, out, &inner);
        if (st != TSP_OK)
            error_set(err, st, inner.line, "%s:%u: %s", path, inner.line, inner.text);
    } else {
        st = damaged_text(path, bytes, n, err);
        if (st == TSP_OK)
            input_parse(bytes, n, out);
    }
    free(bytes);
    return st;
}

const char *cli_shipped(const char *name)
{
    for (const struct shipped_list *l = shipped_lists; l->name != NULL; l++)
        if (strcmp(l->name, name) == 0)
            return l->text;
    return NULL;
}

/* "golden:FILE" has the list of the kernel that was recorded, "model:PROFILE" its profile's. */
static void list_name(const char *target, char *out, size_t max)
{
    snprintf(out, max, "%s", strncmp(target, "golden:", 7) == 0 ? cli_kernel_list(target) : target);
    for (; *out != 0; out++)
        if (*out == ':' || *out == '@')
            *out = '-';
}

enum tsp_status cli_known(const char *target, const char *file, struct known **out,
                          struct tsp_error *err)
{
    const char *text;
    char name[96];

    if (file != NULL && strcmp(file, "none") != 0)
        return known_load(out, file, err);
    list_name(target, name, sizeof(name));
    text = file == NULL ? cli_shipped(name) : NULL;
    if (text != NULL)
        return known_parse(out, name, text, strlen(text), err);
    *out = known_none();
    if (*out == NULL)
        return error_set(err, TSP_ENOMEM, 0, "out of memory");
    return TSP_OK;
}

enum tsp_status cli_skip(const char *file, struct skip_list **out, struct tsp_error *err)
{
    const char *text = cli_shipped("untrusted-records");

    *out = NULL;
    if (file != NULL && strcmp(file, "none") == 0)
        return TSP_OK;
    if (file != NULL)
        return skip_load(out, file, err);
    return skip_parse(out, "untrusted-records", text == NULL ? "" : text, err);
}
