/* SPDX-License-Identifier: MIT */
/* Compares two outcomes of one scenario, field by field. */
#include "fuzz/run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct diff {
    enum tsp_arch arch;
    struct difference *d;
    size_t n, max;
    struct difference over; /* where differences go that are counted but not kept */
};

static const char *const exit_name[] = {
    [OUTCOME_NONE] = "none",           [OUTCOME_HALT] = "hlt",
    [OUTCOME_IO] = "io-out",           [OUTCOME_END] = "end",
    [OUTCOME_EXCEPTION] = "exception", [OUTCOME_MMIO] = "mmio-write",
    [OUTCOME_HYPERCALL] = "hypercall", [OUTCOME_TIMEOUT] = "timeout",
    [OUTCOME_SYSTEM] = "system_event", [OUTCOME_INTERNAL] = "internal_error",
    [OUTCOME_SHUTDOWN] = "shutdown",   [OUTCOME_UNSUPPORTED] = "unsupported",
};

static struct difference *next(struct diff *x, const char *field)
{
    struct difference *d = x->n < x->max ? &x->d[x->n] : &x->over;

    x->n++;
    snprintf(d->field, sizeof(d->field), "%s", field);
    return d;
}

/* a: what was got, b: what was expected. */
static void text(struct diff *x, const char *field, const char *a, const char *b)
{
    struct difference *d;

    if (strcmp(a, b) == 0)
        return;
    d = next(x, field);
    snprintf(d->got, sizeof(d->got), "%s", a);
    snprintf(d->expected, sizeof(d->expected), "%s", b);
}

static void number(struct diff *x, const char *field, uint64_t a, uint64_t b)
{
    struct difference *d;

    if (a == b)
        return;
    d = next(x, field);
    snprintf(d->got, sizeof(d->got), "0x%" PRIx64, a);
    snprintf(d->expected, sizeof(d->expected), "0x%" PRIx64, b);
}

static void show(char *out, size_t max, bool has, uint64_t v)
{
    if (has)
        snprintf(out, max, "0x%" PRIx64, v);
    else
        snprintf(out, max, "absent");
}

/* A number that one side may not have. */
static void optional(struct diff *x, const char *field, bool has_a, uint64_t a, bool has_b,
                     uint64_t b)
{
    struct difference *d;

    if (has_a == has_b) {
        if (has_a)
            number(x, field, a, b);
        return;
    }
    d = next(x, field);
    show(d->got, sizeof(d->got), has_a, a);
    show(d->expected, sizeof(d->expected), has_b, b);
}

/* Hex of n bytes; a run of bytes too long for the field is cut to begin shortly before the first
 * difference. */
static void hex(char *out, size_t max, const uint8_t *p, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < n && at + 3 <= max; i++)
        at += (size_t)snprintf(out + at, max - at, "%02x", p[i]);
    out[at] = '\0';
}

/* A run too long for the field is cut to begin shortly before the first difference. */
static void bytes(struct diff *x, const char *field, const uint8_t *a, const uint8_t *b, size_t n)
{
    struct difference *d;
    size_t first = 0;
    char name[32];

    while (first < n && a[first] == b[first])
        first++;
    if (first == n)
        return;
    if (n <= 32) {
        d = next(x, field);
        first = 0;
    } else {
        first &= ~(size_t)15;
        snprintf(name, sizeof(name), "%s+0x%zx", field, first);
        d = next(x, first ? name : field);
        n = n - first < 32 ? n - first : 32;
    }
    hex(d->got, sizeof(d->got), a + first, n);
    hex(d->expected, sizeof(d->expected), b + first, n);
}

static void diff_exception(struct diff *x, const struct outcome *a, const struct outcome *b)
{
    bool x86 = x->arch == TSP_ARCH_X86;

    if (a->exc != b->exc) {
        text(x, "exc", a->exc ? "present" : "absent", b->exc ? "present" : "absent");
        return;
    }
    if (!a->exc)
        return;
    number(x, x86 ? "exc.vec" : "exc.vector", a->exc_vector, b->exc_vector);
    optional(x, x86 ? "exc.err" : "exc.esr_el1", a->exc_has_error, a->exc_error, b->exc_has_error,
             b->exc_error);
    optional(x, "exc.cr2", a->exc_has_cr2, a->exc_cr2, b->exc_has_cr2, b->exc_cr2);
    number(x, x86 ? "exc.rip" : "exc.elr_el1", a->exc_rip, b->exc_rip);
    if (x86)
        number(x, "exc.cs", a->exc_cs, b->exc_cs);
    number(x, x86 ? "exc.rflags" : "exc.spsr_el1", a->exc_rflags, b->exc_rflags);
}

/* AArch64: X18 to X30 and SP are the harness's own, for its end mark and stack. */
static void diff_registers(struct diff *x, const struct outcome *a, const struct outcome *b)
{
    static const char *const name[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    bool x86 = x->arch == TSP_ARCH_X86;
    uint32_t vary = a->vary | b->vary;
    char field[16];

    number(x, x86 ? "out.rip" : "out.pc", a->out.pc, b->out.pc);
    number(x, x86 ? "out.rflags" : "out.pstate", a->out.flags, b->out.flags);
    for (unsigned i = 0; i < (x86 ? 16u : 18u); i++) {
        if ((vary >> i) & 1)
            continue;
        if (x86)
            snprintf(field, sizeof(field), "out.%s", name[i]);
        else
            snprintf(field, sizeof(field), "out.x%u", i);
        number(x, field, a->out.r[i], b->out.r[i]);
    }
}

static void diff_memory(struct diff *x, const struct outcome *a, const struct outcome *b)
{
    bytes(x, "mem", a->mem, b->mem, a->mem_len < b->mem_len ? a->mem_len : b->mem_len);
    if (a->has_pte && b->has_pte) {
        number(x, "pte_after.0", a->pte[0], b->pte[0]);
        number(x, "pte_after.1", a->pte[1], b->pte[1]);
    }
    if (a->has_nobase && b->has_nobase)
        bytes(x, "mem_at_rip_nobase", a->nobase, b->nobase, sizeof(a->nobase));
}

static void diff_exits(struct diff *x, const struct outcome *a, const struct outcome *b)
{
    char field[24];

    if (a->has_mmio && b->has_mmio) {
        number(x, "mmio.gpa", a->mmio_gpa, b->mmio_gpa);
        number(x, "mmio.len", a->mmio_len, b->mmio_len);
        bytes(x, "mmio.data", a->mmio_data, b->mmio_data, sizeof(a->mmio_data));
        number(x, "mmio.exits", a->mmio_exits, b->mmio_exits);
    } else {
        text(x, "mmio", a->has_mmio ? "present" : "absent", b->has_mmio ? "present" : "absent");
    }
    if (!a->has_call || !b->has_call) {
        text(x, "hypercall", a->has_call ? "present" : "absent",
             b->has_call ? "present" : "absent");
        return;
    }
    number(x, "hypercall.nr", a->call_nr, b->call_nr);
    for (unsigned i = 0; i < 6; i++) {
        snprintf(field, sizeof(field), "hypercall.arg%u", i);
        number(x, field, a->call_arg[i], b->call_arg[i]);
    }
    number(x, "hypercall.longmode", a->call_wide, b->call_wide);
}

const char *diff_exit_name(unsigned exit)
{
    return exit_name[exit % (OUTCOME_UNSUPPORTED + 1)];
}

size_t diff_outcome(enum tsp_arch arch, const struct outcome *a, const struct outcome *b,
                    struct difference *d, size_t max)
{
    struct diff x = {.arch = arch, .d = d, .max = max};

    text(&x, "exit", diff_exit_name(a->exit), diff_exit_name(b->exit));
    if (a->exit == b->exit)
        number(&x, "exit.code", a->code, b->code);
    diff_exception(&x, a, b);
    diff_registers(&x, a, b);
    diff_memory(&x, a, b);
    diff_exits(&x, a, b);
    return x.n;
}
