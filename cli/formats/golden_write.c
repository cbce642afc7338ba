/* SPDX-License-Identifier: MIT */
#include "cli/formats/golden_write.h"
#include "cli/formats/escape.h"
#include "cli/formats/golden_flags.h"

#include <inttypes.h>
#include <string.h>

static const char *const x86_reg[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
#define ARM_SEEN 18u /* X0 to X17 */

/* Numbers are strings, zero without a prefix. */
static void number(FILE *f, uint64_t v)
{
    if (v == 0)
        fputs("\"0\"", f);
    else
        fprintf(f, "\"0x%" PRIx64 "\"", v);
}

static void field(FILE *f, const char *key, uint64_t v)
{
    fprintf(f, ",\"%s\":", key);
    number(f, v);
}

static void bytes(FILE *f, const char *key, const uint8_t *p, size_t n)
{
    fprintf(f, ",\"%s\":\"", key);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", p[i]);
    fputc('"', f);
}

static void entries(FILE *f, const struct tsp_leaf *leaf, size_t n)
{
    fputs(",\"entries\":[", f);
    for (size_t i = 0; i < n; i++) {
        fputs(i == 0 ? "{\"f\":" : ",{\"f\":", f);
        number(f, leaf[i].leaf);
        if (leaf[i].flags & TSP_LEAF_INDEXED)
            fprintf(f, ",\"i\":%" PRIu32 ",\"r\":[", leaf[i].subleaf);
        else
            fputs(",\"i\":-1,\"r\":[", f);
        for (unsigned k = 0; k < 4; k++) {
            if (k > 0)
                fputc(',', f);
            number(f, leaf[i].reg[k]);
        }
        fputs("]}", f);
    }
    fputs("]}\n", f);
}

/* FNV-1a over what an entry says. */
static uint64_t hash_leaves(uint64_t h, const struct tsp_leaf *leaf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t v[7] = {leaf[i].leaf,   leaf[i].subleaf, leaf[i].flags, leaf[i].reg[0],
                               leaf[i].reg[1], leaf[i].reg[2],  leaf[i].reg[3]};

        for (unsigned k = 0; k < 7; k++)
            h = (h ^ v[k]) * 0x100000001b3ull;
    }
    return h;
}

/* The number of the table with that hash; *fresh: it must be written now. ~0: no room. */
static unsigned find_table(struct golden_writer *w, uint64_t hash, bool *fresh)
{
    *fresh = false;
    for (unsigned i = 0; i < w->ntable; i++)
        if (w->table[i] == hash)
            return i;
    if (w->ntable == GOLDEN_TABLE_MAX)
        return ~0u;
    *fresh = true;
    w->table[w->ntable] = hash;
    return w->ntable++;
}

void golden_write_table(struct golden_writer *w, const char *name, const struct tsp_leaf *leaf,
                        size_t n)
{
    bool fresh;

    /* Takes a number, so that the count of all tables stays in range. */
    find_table(w, hash_leaves(w->ntable, leaf, n), &fresh);
    fputs("{\"id\":\"table/", w->f);
    fputs(name, w->f);
    fputc('"', w->f);
    entries(w->f, leaf, n < INPUT_LEAF_MAX ? n : INPUT_LEAF_MAX);
}

#define HASH_START 0xcbf29ce484222325ull

/* Writes the scenario's CPUID table, unless it is there: its own entries over those of a base
 * table.
 */
static bool write_policy(struct golden_writer *w, const struct golden_written *r, unsigned *table,
                         char *why, size_t max)
{
    uint64_t hash = hash_leaves(HASH_START, r->base, r->nbase);
    unsigned base = ~0u;
    bool fresh;

    if (r->s->nleaf + r->nbase > INPUT_LEAF_MAX) {
        snprintf(why, max, "a CPUID table of over %u entries", INPUT_LEAF_MAX);
        return false;
    }
    if (r->nbase > 0) {
        base = find_table(w, hash, &fresh);
        if (fresh) {
            fprintf(w->f, "{\"id\":\"table/t%u\"", base);
            entries(w->f, r->base, r->nbase);
        }
    }
    *table = base;
    if (r->s->nleaf > 0 || r->nbase == 0) {
        *table = find_table(w, hash_leaves(hash + 1, r->s->leaf, r->s->nleaf), &fresh);
        if (fresh) {
            fprintf(w->f, "{\"id\":\"table/t%u\"", *table);
            if (base != ~0u)
                fprintf(w->f, ",\"base\":\"t%u\"", base);
            entries(w->f, r->s->leaf, r->s->nleaf);
        }
    }
    if (*table == ~0u || (r->nbase > 0 && base == ~0u)) {
        snprintf(why, max, "over %u different CPUID tables", GOLDEN_TABLE_MAX);
        return false;
    }
    return true;
}

static const char *mode_name(const struct scenario *s)
{
    static const char *const name[TSP_MODE_COUNT] = {
        [TSP_MODE_REAL16] = "real16",     [TSP_MODE_VM86] = "vm86",
        [TSP_MODE_PROT16] = "prot16",     [TSP_MODE_PROT32] = "prot32",
        [TSP_MODE_COMPAT16] = "compat16", [TSP_MODE_COMPAT32] = "compat32",
        [TSP_MODE_LONG64] = "long64",     [TSP_MODE_A64] = "aarch64"};

    return s->mode == TSP_MODE_PROT32 && s->paging ? "prot32pg" : name[s->mode % TSP_MODE_COUNT];
}

/* The beginning that all runs share, up to and with "code". */
static bool write_head(struct golden_writer *w, const struct golden_written *r, bool place,
                       char *why, size_t max)
{
    const struct scenario *s = r->s;
    bool x86 = s->arch == TSP_ARCH_X86;
    unsigned table = 0;
    char flags[1024];

    if (tsp_mode_is_aarch32(s->mode)) {
        snprintf(why, max, "recordings have no AArch32 guests");
        return false;
    }
    if (!golden_flags_text(s, flags, sizeof(flags), why, max))
        return false;
    if (s->ncode[0] > INPUT_CODE_MAX - 4) {
        snprintf(why, max, "over %u bytes of code", INPUT_CODE_MAX - 4);
        return false;
    }
    if (x86 && !write_policy(w, r, &table, why, max))
        return false;
    fputs("{\"id\":", w->f);
    escape_json(w->f, r->id);
    fprintf(w->f, ",\"mode\":\"%s\",\"%s\":%u", mode_name(s), x86 ? "cpl" : "el", s->level);
    if (x86)
        fprintf(w->f, ",\"tab\":\"t%u\"", table);
    fprintf(w->f, ",\"flags\":[%s]", flags);
    if (x86 && place)
        field(w->f, "code_lin", s->code_at);
    bytes(w->f, "code", s->code[0], s->ncode[0]);
    return true;
}

static void write_start(FILE *f, const struct golden_written *r)
{
    const struct tsp_regs *in = &r->setup->vcpu[0].regs;
    bool x86 = r->s->arch == TSP_ARCH_X86;
    char name[16];

    fprintf(f, ",\"in\":{\"%s\":", x86 ? "rip" : "pc");
    number(f, in->pc);
    if (x86)
        field(f, "rflags", in->flags);
    for (unsigned i = 0; i < (x86 ? 16u : 31u); i++) {
        /* Registers that the machine sets by itself are not the scenario's. */
        bool own = (r->s->regs_set >> i) & 1 || (x86 && i == TSP_RSP);

        if (!own || (in->r[i] == 0 && !(x86 && i == TSP_RAX)))
            continue;
        snprintf(name, sizeof(name), "x%u", i);
        field(f, x86 ? x86_reg[i] : name, in->r[i]);
    }
    fputc('}', f);
}

static void write_exit(FILE *f, const struct outcome *o)
{
    static const char *const name[] = {[OUTCOME_HALT] = "hlt",
                                       [OUTCOME_END] = "end",
                                       [OUTCOME_EXCEPTION] = "exception",
                                       [OUTCOME_MMIO] = "mmio-write",
                                       [OUTCOME_HYPERCALL] = "hypercall",
                                       [OUTCOME_TIMEOUT] = "timeout",
                                       [OUTCOME_SHUTDOWN] = "shutdown"};

    if (o->exit == OUTCOME_IO && o->code == 0)
        fprintf(f, ",\"exit\":\"io-out-0x%x\"", INPUT_END_PORT);
    else if (o->exit == OUTCOME_IO)
        fprintf(f, ",\"exit\":\"io-0x%" PRIx32 "\"", o->code);
    else if (o->exit == OUTCOME_SYSTEM || o->exit == OUTCOME_INTERNAL)
        fprintf(f, ",\"exit\":\"%s-%" PRIu32 "\"",
                o->exit == OUTCOME_SYSTEM ? "system_event" : "internal_error", o->code);
    else
        fprintf(f, ",\"exit\":\"%s\"", name[o->exit]);
}

static void write_exception(FILE *f, const struct scenario *s, const struct outcome *o)
{
    static const char *const vector[] = {"sync-cur-sp0", "sync-cur-spx", "sync-lower64",
                                         "sync-lower32"};

    if (!o->exc) {
        fputs(",\"exc\":null", f);
        return;
    }
    if (s->arch == TSP_ARCH_ARM64) {
        if (o->exc_vector % 0x200 == 0 && o->exc_vector < 0x800)
            fprintf(f, ",\"exc\":{\"vector\":\"%s\"", vector[o->exc_vector / 0x200]);
        else
            fprintf(f, ",\"exc\":{\"vector\":\"vector-0x%" PRIx32 "\"", o->exc_vector);
        field(f, "esr_el1", o->exc_error);
        field(f, "elr_el1", o->exc_rip);
        field(f, "spsr_el1", o->exc_rflags);
        fputc('}', f);
        return;
    }
    fprintf(f, ",\"exc\":{\"vec\":%" PRIu32 ",\"err\":", o->exc_vector);
    if (o->exc_has_error)
        number(f, o->exc_error);
    else
        fputs("null", f);
    if (o->exc_has_cr2)
        field(f, "cr2", o->exc_cr2);
    field(f, "rip", o->exc_rip);
    field(f, "cs", o->exc_cs);
    field(f, "rflags", o->exc_rflags);
    fputc('}', f);
}

/* Registers that changed; one not named did not. */
static void write_end(FILE *f, const struct golden_written *r, const struct outcome *o)
{
    const struct tsp_regs *in = &r->setup->vcpu[0].regs;
    bool x86 = r->s->arch == TSP_ARCH_X86;
    char name[16];

    fprintf(f, ",\"out\":{\"%s\":", x86 ? "rip" : "pc");
    number(f, o->out.pc);
    field(f, x86 ? "rflags" : "pstate", o->out.flags);
    for (unsigned i = 0; i < (x86 ? 16u : ARM_SEEN); i++) {
        const char *key = x86 ? x86_reg[i] : name;

        snprintf(name, sizeof(name), "x%u", i);
        if ((o->vary >> i) & 1)
            fprintf(f, ",\"%s\":\"varies\"", key);
        else if (o->out.r[i] != in->r[i])
            field(f, key, o->out.r[i]);
    }
    fputc('}', f);
}

static void write_memory(FILE *f, const struct scenario *s, const struct outcome *o)
{
    size_t n = s->arch == TSP_ARCH_X86 ? 16 : 4;

    if (n < s->ncode[0])
        n = s->ncode[0];
    bytes(f, "mem", o->mem, n < o->mem_len ? n : o->mem_len);
    if (o->has_pte) {
        fputs(",\"pte_after\":[", f);
        number(f, o->pte[0]);
        fputc(',', f);
        number(f, o->pte[1]);
        fputc(']', f);
    }
    if (o->has_nobase)
        bytes(f, "mem_at_rip_nobase", o->nobase, sizeof(o->nobase));
    if (o->has_mmio) {
        fputs(",\"mmio\":{\"gpa\":", f);
        number(f, o->mmio_gpa);
        fprintf(f, ",\"len\":%" PRIu32, o->mmio_len);
        bytes(f, "data", o->mmio_data, sizeof(o->mmio_data));
        fprintf(f, ",\"exits\":%" PRIu32 "}", o->mmio_exits);
    }
}

static void write_call(FILE *f, const struct outcome *o)
{
    if (!o->has_call)
        return;
    fputs(",\"hypercall\":{\"nr\":", f);
    number(f, o->call_nr);
    fputs(",\"args\":[", f);
    for (unsigned i = 0; i < 6; i++) {
        if (i > 0)
            fputc(',', f);
        number(f, o->call_arg[i]);
    }
    fprintf(f, "],\"longmode\":%d}", o->call_wide ? 1 : 0);
}

bool golden_write_run(struct golden_writer *w, const struct golden_written *r,
                      const struct outcome *o, char *why, size_t max)
{
    if (o->exit == OUTCOME_NONE || o->exit >= OUTCOME_UNSUPPORTED) {
        snprintf(why, max, "the target cannot run it");
        return false;
    }
    if (!write_head(w, r, true, why, max))
        return false;
    write_start(w->f, r);
    write_exit(w->f, o);
    write_exception(w->f, r->s, o);
    write_end(w->f, r, o);
    write_memory(w->f, r->s, o);
    write_call(w->f, o);
    fputs("}\n", w->f);
    return true;
}

bool golden_write_cpuid(struct golden_writer *w, const struct golden_written *r,
                        const struct golden_sub *sub, unsigned nsub, char *why, size_t max)
{
    struct scenario *s;
    struct scenario copy = *r->s;
    struct golden_written bare = *r;

    /* The end mark is understood. */
    s = &copy;
    bare.s = s;
    if (s->ncode[0] > 0)
        s->ncode[0]--;
    if (!write_head(w, &bare, false, why, max))
        return false;
    field(w->f, "leaf", s->regs[TSP_RAX]);
    fputs(",\"sub\":{", w->f);
    for (unsigned i = 0; i < nsub; i++) {
        if (sub[i].ecx == 0)
            fputs(i == 0 ? "\"0\":[" : ",\"0\":[", w->f);
        else
            fprintf(w->f, "%s\"0x%" PRIx32 "\":[", i == 0 ? "" : ",", sub[i].ecx);
        for (unsigned k = 0; k < 4; k++) {
            if (k > 0)
                fputc(',', w->f);
            number(w->f, sub[i].reg[k]);
        }
        fputc(']', w->f);
    }
    fputs("}}\n", w->f);
    return true;
}
