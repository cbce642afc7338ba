/* SPDX-License-Identifier: MIT */
#include "cli/event.h"
#include "cli/cli.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *event_kind_name(unsigned kind)
{
    static const char *const name[] = {"none",  "policy", "fetch", "cpuid", "hypercall", "fault",
                                       "patch", "msr",    "pio",   "mmio",  "retire",    "stop"};

    return kind < sizeof(name) / sizeof(name[0]) ? name[kind] : "?";
}

const char *event_stop_name(uint32_t stop)
{
    static const char *const name[] = {
        "budget used up",     "halted",       "ended",     "triple fault", "unsupported",
        "livelock",           "off",          "suspended", "shutdown",     "reset",
        "left to user space", "target error", "done"};

    return stop < sizeof(name) / sizeof(name[0]) ? name[stop] : "?";
}

/* The worst finding, the first of equals; NULL when there is none. */
static const struct finding *worst_of(const struct event_view *v)
{
    const struct finding *worst = NULL;

    for (unsigned i = 0; i < v->nfind; i++)
        if (worst == NULL || v->find[i].verdict > worst->verdict)
            worst = &v->find[i];
    return worst;
}

static size_t hex(char *out, size_t max, const uint8_t *p, unsigned n)
{
    size_t at = 0;

    out[0] = 0;
    for (unsigned i = 0; i < n && at + 3 < max; i++)
        at += (size_t)snprintf(out + at, max - at, "%02x", p[i]);
    return at;
}

/* Twelve registers' bytes as text when every one is printable or zero: a signature. */
static bool signature(const struct tsp_event *ev, char out[13])
{
    static const uint8_t order[3] = {TSP_RBX, TSP_RCX, TSP_RDX};
    static const uint8_t vendor[3] = {TSP_RBX, TSP_RDX, TSP_RCX};
    const uint8_t *use = (uint32_t)ev->before.r[TSP_RAX] == 0 ? vendor : order;
    unsigned letters = 0;

    for (unsigned i = 0; i < 12; i++) {
        unsigned c = (unsigned)(ev->after.r[use[i / 4]] >> (8 * (i % 4))) & 0xff;

        if (c != 0 && (c < 0x20 || c > 0x7e))
            return false;
        letters += c != 0;
        out[i] = (char)c;
    }
    out[12] = 0;
    return letters >= 6;
}

static void describe_cpuid(const struct tsp_event *ev, char *out, size_t max)
{
    char text[13];
    int n = snprintf(out, max, "eax=0x%x ecx=0x%x -> eax=0x%x ebx=0x%x ecx=0x%x edx=0x%x",
                     (unsigned)ev->before.r[TSP_RAX], (unsigned)ev->before.r[TSP_RCX],
                     (unsigned)ev->after.r[TSP_RAX], (unsigned)ev->after.r[TSP_RBX],
                     (unsigned)ev->after.r[TSP_RCX], (unsigned)ev->after.r[TSP_RDX]);

    if (n > 0 && (size_t)n < max && signature(ev, text))
        snprintf(out + n, max - (size_t)n, " \"%s\"", text);
}

static void describe_call(const struct tsp_event *ev, const struct tsp_setup *s, char *out,
                          size_t max)
{
    if (tsp_mode_is_aarch32(ev->before.mode)) {
        const uint64_t *a = ev->before.r, *b = ev->after.r;

        snprintf(out, max,
                 "r0=0x%x r1=0x%x r2=0x%x r3=0x%x r12=0x%x -> r0=0x%x r1=0x%x r2=0x%x r3=0x%x",
                 (unsigned)a[0], (unsigned)a[1], (unsigned)a[2], (unsigned)a[3], (unsigned)a[12],
                 (unsigned)b[0], (unsigned)b[1], (unsigned)b[2], (unsigned)b[3]);
        return;
    }
    if (s->arch == TSP_ARCH_ARM64) {
        snprintf(out, max,
                 "x0=0x%llx x1=0x%llx x2=0x%llx x3=0x%llx -> x0=0x%llx x1=0x%llx x2=0x%llx "
                 "x3=0x%llx",
                 (unsigned long long)ev->before.r[0], (unsigned long long)ev->before.r[1],
                 (unsigned long long)ev->before.r[2], (unsigned long long)ev->before.r[3],
                 (unsigned long long)ev->after.r[0], (unsigned long long)ev->after.r[1],
                 (unsigned long long)ev->after.r[2], (unsigned long long)ev->after.r[3]);
        return;
    }
    snprintf(out, max, "rax=0x%llx rbx=0x%llx rcx=0x%llx rdx=0x%llx rsi=0x%llx -> rax=0x%llx",
             (unsigned long long)ev->before.r[TSP_RAX], (unsigned long long)ev->before.r[TSP_RBX],
             (unsigned long long)ev->before.r[TSP_RCX], (unsigned long long)ev->before.r[TSP_RDX],
             (unsigned long long)ev->before.r[TSP_RSI], (unsigned long long)ev->after.r[TSP_RAX]);
}

static void describe_fault(const struct tsp_event *ev, const struct tsp_setup *s, char *out,
                           size_t max)
{
    static const char *const name[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
                                       "#DF", "9",   "#TS", "#NP", "#SS", "#GP", "#PF"};

    if (tsp_mode_is_aarch32(ev->before.mode))
        snprintf(out, max, "exception to vector 0x%02x, status 0x%llx, address 0x%llx", ev->code,
                 (unsigned long long)ev->info[0], (unsigned long long)ev->info[1]);
    else if (s->arch == TSP_ARCH_ARM64)
        snprintf(out, max, "exception to vector 0x%03x, ESR 0x%llx, FAR 0x%llx", ev->code,
                 (unsigned long long)ev->info[0], (unsigned long long)ev->info[1]);
    else if (ev->code == 14)
        snprintf(out, max, "#PF error 0x%llx at 0x%llx", (unsigned long long)ev->info[0],
                 (unsigned long long)ev->info[1]);
    else if (ev->code < sizeof(name) / sizeof(name[0]))
        snprintf(out, max, "%s error 0x%llx", name[ev->code], (unsigned long long)ev->info[0]);
    else
        snprintf(out, max, "vector %u", ev->code);
}

static void describe(const struct tsp_event *ev, const struct tsp_setup *s, char *out, size_t max)
{
    char a[40], b[40];
    const char *way = (ev->info[1] & 1) != 0 ? "<-" : "->";

    switch (ev->kind) {
    case TSP_EV_CPUID:
        describe_cpuid(ev, out, max);
        break;
    case TSP_EV_HYPERCALL:
        describe_call(ev, s, out, max);
        break;
    case TSP_EV_FAULT:
        describe_fault(ev, s, out, max);
        break;
    case TSP_EV_PATCH:
        hex(a, sizeof(a), ev->fetched, ev->len);
        hex(b, sizeof(b), ev->stored, ev->len);
        snprintf(out, max, "patched at 0x%llx: %s becomes %s%s", (unsigned long long)ev->info[0], a,
                 b, ev->after.pc == ev->before.pc ? ", retried" : "");
        break;
    case TSP_EV_MSR:
        snprintf(out, max, "register 0x%x %s 0x%llx", ev->code, way,
                 (unsigned long long)ev->info[0]);
        break;
    case TSP_EV_PIO:
        snprintf(out, max, "port 0x%x %s 0x%llx", ev->code, way, (unsigned long long)ev->info[0]);
        break;
    case TSP_EV_MMIO:
        snprintf(out, max, "address 0x%llx %s 0x%llx", (unsigned long long)ev->addr, way,
                 (unsigned long long)ev->info[0]);
        break;
    case TSP_EV_FETCH:
        if (ev->code != TSP_MICRO_MIGRATE)
            break;
        snprintf(out, max, "migrated to %s%s",
                 s->arch == TSP_ARCH_X86 ? cli_vendors[ev->info[0] % TSP_VENDOR_COUNT]
                                         : "another host",
                 ev->info[1] == 1 ? ", goes on as without" : "");
        break;
    case TSP_EV_STOP:
        if (ev->code == TSP_STOP_UNSUPPORTED && ev->len == 0)
            snprintf(out, max, "no memory to run code from");
        else
            snprintf(out, max, "%s", event_stop_name(ev->code));
        break;
    default:
        snprintf(out, max, "%s", event_kind_name(ev->kind));
    }
}

static void rule_text(const struct event_view *v, const struct finding *f, char *out, size_t max)
{
    struct spec_rule rule;

    if (spec_rule_at(v->spec, f->rule, &rule))
        snprintf(out, max, "%s (%s)", rule.id, rule.source);
    else
        snprintf(out, max, "no rule covers this yet");
}

static void print_findings(const struct event_view *v)
{
    const struct finding *worst = worst_of(v);
    char rule[160];

    if (worst == NULL) {
        printf("\n");
        return;
    }
    rule_text(v, worst, rule, sizeof(rule));
    printf("  %s%s%s %s%s\n", cli_verdict_color(worst->verdict), verdict_name(worst->verdict),
           cli_color(COLOR_OFF), rule,
           worst->subject == SUBJECT_GUEST ? " (the guest is at fault)" : "");
    for (unsigned i = 0; i < v->nfind; i++) {
        const struct finding *f = &v->find[i];

        if (f->verdict < VERDICT_KNOWN)
            continue;
        rule_text(v, f, rule, sizeof(rule));
        printf("      %s%s%s %s: expected %s, got %s%s\n", cli_verdict_color(f->verdict),
               verdict_name(f->verdict), cli_color(COLOR_OFF), rule, f->expected, f->got,
               f->subject == SUBJECT_POLICY ? " (as the policy says)" : "");
    }
}

void event_print(const struct event_view *v)
{
    const struct tsp_event *ev = v->ev;
    char bytes[40], text[64] = "", what[280];

    hex(bytes, sizeof(bytes), ev->fetched, ev->len);
    if (ev->len > 0)
        decode_text(v->dec, (enum tsp_mode)ev->before.mode, ev->before.pc, ev->fetched, ev->len,
                    text, sizeof(text));
    describe(ev, v->setup, what, sizeof(what));
    printf("%u %s%u 0x%llx  %-8s %-10s %s", ev->vcpu,
           v->setup->arch == TSP_ARCH_ARM64 ? "el" : "cpl", ev->before.level,
           (unsigned long long)ev->before.pc, bytes, text, what);
    print_findings(v);
}

static json_t *hex_string(uint64_t v)
{
    return json_sprintf("0x%llx", (unsigned long long)v);
}

/* AArch32: those of the mode, R0 to R14 and the pc. */
static json_t *registers_aarch32(const struct tsp_regs *r)
{
    /* R13 by PSTATE.M: Supervisor, Abort, Undefined; others have User's. R14 lies below, User's
     * above. */
    unsigned m = (unsigned)r->flags & 0x1f;
    unsigned sp = m == 0x13 ? 19 : m == 0x17 ? 21 : m == 0x1b ? 23 : 13;
    json_t *o = json_object();
    char name[8];

    for (unsigned i = 0; i < 15; i++) {
        unsigned at = i < 13 ? i : i == 13 ? sp : sp == 13 ? 14 : sp - 1;

        snprintf(name, sizeof(name), "r%u", i);
        if (r->r[at] != 0)
            json_object_set_new(o, name, hex_string(r->r[at]));
    }
    json_object_set_new(o, "r15", hex_string(r->pc));
    json_object_set_new(o, "cpsr", hex_string(r->flags));
    return o;
}

static json_t *registers(const struct tsp_regs *r, enum tsp_arch arch)
{
    static const char *const x86[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    json_t *o;
    char name[8];

    if (tsp_mode_is_aarch32(r->mode))
        return registers_aarch32(r);
    o = json_object();
    json_object_set_new(o, "pc", hex_string(r->pc));
    json_object_set_new(o, "flags", hex_string(r->flags));
    for (unsigned i = 0; i < (arch == TSP_ARCH_ARM64 ? 18u : 16u); i++) {
        if (r->r[i] == 0)
            continue;
        snprintf(name, sizeof(name), "x%u", i);
        json_object_set_new(o, arch == TSP_ARCH_ARM64 ? name : x86[i], hex_string(r->r[i]));
    }
    return o;
}

static json_t *findings(const struct event_view *v)
{
    json_t *list = json_array();

    for (unsigned i = 0; v->find != NULL && i < v->nfind; i++) {
        const struct finding *f = &v->find[i];
        struct spec_rule rule;
        json_t *o = json_object();

        json_object_set_new(o, "verdict", json_string(verdict_name(f->verdict)));
        if (spec_rule_at(v->spec, f->rule, &rule)) {
            json_object_set_new(o, "rule", json_string(rule.id));
            json_object_set_new(o, "source", json_string(rule.source));
        }
        if (f->subject == SUBJECT_GUEST)
            json_object_set_new(o, "blame", json_string("guest"));
        if (f->verdict >= VERDICT_KNOWN) {
            json_object_set_new(o, "expected", json_string(f->expected));
            json_object_set_new(o, "got", json_string(f->got));
            json_object_set_new(o, "blame",
                                json_string(f->subject == SUBJECT_POLICY ? "policy" : "target"));
        }
        json_array_append_new(list, o);
    }
    return list;
}

void event_json(const struct event_view *v, unsigned index)
{
    const struct tsp_event *ev = v->ev;
    const struct finding *worst = worst_of(v);
    char bytes[40], text[64] = "", what[280], stored[40];
    char *line;
    json_t *o = json_object();

    hex(bytes, sizeof(bytes), ev->fetched, ev->len);
    hex(stored, sizeof(stored), ev->stored, ev->len);
    if (ev->len > 0)
        decode_text(v->dec, (enum tsp_mode)ev->before.mode, ev->before.pc, ev->fetched, ev->len,
                    text, sizeof(text));
    describe(ev, v->setup, what, sizeof(what));
    json_object_set_new(o, "event", json_integer((json_int_t)index));
    json_object_set_new(o, "kind", json_string(event_kind_name(ev->kind)));
    json_object_set_new(o, "vcpu", json_integer(ev->vcpu));
    json_object_set_new(o, "mode", json_string(cli_modes[ev->before.mode % TSP_MODE_COUNT]));
    json_object_set_new(o, "level", json_integer((json_int_t)ev->before.level));
    json_object_set_new(o, "code", hex_string(ev->code));
    json_object_set_new(o, "bytes", json_string(bytes));
    json_object_set_new(o, "stored", json_string(stored));
    json_object_set_new(o, "text", json_string(text));
    json_object_set_new(o, "what", json_string(what));
    json_object_set_new(o, "before", registers(&ev->before, (enum tsp_arch)v->setup->arch));
    json_object_set_new(o, "after", registers(&ev->after, (enum tsp_arch)v->setup->arch));
    if (worst != NULL)
        json_object_set_new(o, "verdict", json_string(verdict_name(worst->verdict)));
    json_object_set_new(o, "findings", findings(v));
    line = json_dumps(o, JSON_COMPACT);
    printf("%s\n", line == NULL ? "{}" : line);
    free(line);
    json_decref(o);
}
