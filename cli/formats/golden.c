/* SPDX-License-Identifier: MIT */
#include "cli/formats/golden.h"
#include "cli/formats/golden_fields.h"

#include <stdlib.h>
#include <string.h>

const char *const golden_vendor[TSP_VENDOR_COUNT] = {"intel", "amd", "hygon", "centaur", "other"};

static struct golden_record *add_record(struct golden *g)
{
    struct golden_record *r;

    if (g->n == g->room) {
        size_t room = g->room == 0 ? 512 : g->room * 2;
        struct golden_record *bigger = realloc(g->rec, room * sizeof(*bigger));

        if (bigger == NULL)
            return NULL;
        g->rec = bigger;
        g->room = room;
    }
    r = &g->rec[g->n++];
    memset(r, 0, sizeof(*r));
    return r;
}

/* "amd" and "host" are the tables the kernel itself offered: their vendor is the host's. */
static void note_table(struct golden_reader *rd, struct golden *g, const struct golden_table *t)
{
    if (strcmp(t->name, "amd") != 0 && strcmp(t->name, "host") != 0)
        return;
    for (unsigned i = 0; i < t->n; i++)
        if (t->leaf[i].leaf == 0 && t->leaf[i].reg[1] != 0)
            g->host = t->leaf[i].reg[1] == 0x756e6547 ? TSP_VENDOR_INTEL : TSP_VENDOR_AMD;
    rd->host = g->host;
}

/* What the recorder says of the machine below, in a record of its own before the others. */
static void note_host(struct golden_reader *rd, struct golden *g, const json_t *o)
{
    const char *host = json_string_value(json_object_get(o, "host"));
    const char *clock = json_string_value(json_object_get(o, "clocksource"));

    for (int v = 0; host != NULL && v < TSP_VENDOR_OTHER; v++)
        if (strcmp(host, golden_vendor[v]) == 0)
            g->host = rd->host = (enum tsp_vendor)v;
    rd->clock_known = clock != NULL;
    rd->tsc = clock != NULL && strcmp(clock, "tsc") == 0;
}

static enum tsp_status one_record(struct golden_reader *rd, struct golden *g, json_t *o)
{
    struct golden_record *r = add_record(g);
    const char *id = NULL;
    enum tsp_status st = TSP_OK;

    if (r == NULL)
        return golden_fail(rd, "out of memory");
    r->line = rd->line;
    if (!golden_string(rd, o, "id", &id))
        return TSP_EPARSE;
    if (strlen(id) >= sizeof(r->id))
        return golden_fail(rd, "\"id\" is longer than %zu bytes", sizeof(r->id) - 1);
    snprintf(r->id, sizeof(r->id), "%s", id);
    r->kind = GOLDEN_OTHER;
    if (strncmp(id, "table/", 6) == 0) {
        struct golden_table *t = golden_table(rd, id + 6, o);

        if (t == NULL)
            return TSP_EPARSE;
        note_table(rd, g, t);
        r->kind = GOLDEN_NOTE;
        snprintf(r->why, sizeof(r->why), "a CPUID table, used by other records");
    } else if (json_object_get(o, "mode") == NULL) {
        if (strcmp(id, "recording") == 0)
            note_host(rd, g, o);
        r->kind = GOLDEN_NOTE;
        snprintf(r->why, sizeof(r->why), "no \"mode\": settings, not a run");
    } else {
        r->s = malloc(sizeof(*r->s));
        if (r->s == NULL)
            return golden_fail(rd, "out of memory");
        st = golden_run(rd, o, r);
        if (rd->tsc && st == TSP_OK && r->s->arch == TSP_ARCH_X86)
            r->s->config |= TSP_CFG_HOST_TSC;
        if (st == TSP_OK && r->kind == GOLDEN_OTHER) {
            free(r->s);
            r->s = NULL;
        }
    }
    return st;
}

#define KVM_HC_CLOCK_PAIRING 9u
#define EFAULT_32 0xfffffff2u

/* The code begins with VMCALL or VMMCALL, whatever stands before it. */
static bool begins_with_call(const struct scenario *s)
{
    uint32_t at = 0;

    while (at < s->ncode[0] && s->code[0][at] != 0x0f)
        at++;
    return at + 3 <= s->ncode[0] && s->code[0][at + 1] == 0x01 &&
           (s->code[0][at + 2] == 0xc1 || s->code[0][at + 2] == 0xd9);
}

/* Whether the host's clock source was its TSC is not written in every recording, but its answers to
 * the clock-pairing call tell: with another clock source that call never gets as far as writing
 * memory (KVM hypercalls.rst). */
static void infer_clock(const struct golden_reader *rd, struct golden *g)
{
    bool tsc = false;

    for (size_t i = 0; i < g->n && !rd->clock_known; i++) {
        const struct golden_record *r = &g->rec[i];
        uint32_t got = (uint32_t)r->out.out.r[TSP_RAX];

        if (r->kind == GOLDEN_RUN && r->s->arch == TSP_ARCH_X86 &&
            r->out.exit != OUTCOME_EXCEPTION && r->s->nmsr == 0 && begins_with_call(r->s) &&
            r->s->regs[TSP_RAX] == KVM_HC_CLOCK_PAIRING && (got == 0 || got == EFAULT_32))
            tsc = true;
    }
    for (size_t i = 0; tsc && i < g->n; i++)
        if (g->rec[i].s != NULL)
            g->rec[i].s->config |= TSP_CFG_HOST_TSC;
}

enum tsp_status golden_read(const char *name, const uint8_t *p, size_t n, struct golden *out,
                            struct tsp_error *err)
{
    struct golden_reader *rd = calloc(1, sizeof(*rd));
    const char *at = (const char *)p, *end = at + n;
    enum tsp_status st = TSP_OK;

    memset(out, 0, sizeof(*out));
    if (rd == NULL)
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", name);
    rd->name = name;
    rd->err = err;
    rd->host = out->host = TSP_VENDOR_INTEL;
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* the byte order mark that Windows tools put before UTF-8 */
    while (st == TSP_OK && at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((nl == NULL ? end : nl) - at);
        json_error_t je;
        json_t *o;

        rd->line++;
        if (len > 0 && !(len == 1 && *at == '\r')) {
            o = json_loadb(at, len, JSON_REJECT_DUPLICATES, &je);
            if (o == NULL)
                st = golden_fail(rd, "column %d: %.60s", je.column, je.text);
            else if (!json_is_object(o))
                st = golden_fail(rd, "not a JSON object");
            else
                st = one_record(rd, out, o);
            json_decref(o);
        }
        at = nl == NULL ? end : nl + 1;
    }
    if (st == TSP_OK && out->n == 0)
        st = error_set(err, TSP_EPARSE, 0, "%s: no record in it (JSON lines expected)", name);
    if (st != TSP_OK)
        golden_free(out);
    else
        infer_clock(rd, out);
    free(rd);
    return st;
}

void golden_free(struct golden *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free(g->rec[i].s);
        free(g->rec[i].sub);
    }
    free(g->rec);
    memset(g, 0, sizeof(*g));
}

const char *golden_host(const struct golden *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->rec[i].s != NULL && g->rec[i].s->arch == TSP_ARCH_ARM64)
            return "arm64";
    return g->host == TSP_VENDOR_AMD ? "amd" : "intel";
}
