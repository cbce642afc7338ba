/* SPDX-License-Identifier: MIT */
/* The judge of a harness: the first finding that blames the target ends the process, in a function
 * that names it. */
#include "fuzz/run/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum violation {
    VIOLATION_other,
#define VIOLATION(name) VIOLATION_##name,
#include "fuzz/run/violation.def"
#undef VIOLATION
    VIOLATION_COUNT
};

/* Storing a different number in each keeps compilers from folding the functions into one. */
static volatile int violation_class;

#define DEFINE_VIOLATION(name)                                                                     \
    void violation_##name(void);                                                                   \
    __attribute__((noinline)) void violation_##name(void)                                          \
    {                                                                                              \
        violation_class = VIOLATION_##name;                                                        \
        abort();                                                                                   \
    }
DEFINE_VIOLATION(other)
#define VIOLATION(name) DEFINE_VIOLATION(name)
#include "fuzz/run/violation.def"
#undef VIOLATION

static const struct {
    const char *name;
    void (*stop)(void);
} violation[] = {
#define VIOLATION(name) {#name, violation_##name},
#include "fuzz/run/violation.def"
#undef VIOLATION
};

static const struct known *accepted;

void judge_accept(const struct known *k)
{
    accepted = k;
}

struct judge {
    const struct spec *spec;
    const struct spec_options *opt;
    const struct tsp_setup *setup;
    struct finding worst;
    bool stop;
};

static void judge_found(void *ctx, const struct finding *f)
{
    struct judge *j = ctx;
    struct spec_rule rule;

    if (j->opt->found && f->verdict >= j->opt->least)
        j->opt->found(j->opt->ctx, f);
    if (j->stop || f->verdict != VERDICT_FAIL || f->subject != SUBJECT_TARGET)
        return;
    if (spec_rule_at(j->spec, f->rule, &rule) &&
        known_match(accepted, rule.id, j->setup, NULL) != KNOWN_NO)
        return;
    j->worst = *f;
    j->stop = true;
}

const char *judge_event_name(unsigned kind)
{
    static const char *const name[] = {
        [TSP_EV_NONE] = "none",
        [TSP_EV_POLICY] = "policy",
        [TSP_EV_FETCH] = "fetch",
        [TSP_EV_CPUID] = "cpuid",
        [TSP_EV_HYPERCALL] = "hypercall",
        [TSP_EV_FAULT] = "fault",
        [TSP_EV_PATCH] = "patch",
        [TSP_EV_MSR] = "msr",
        [TSP_EV_PIO] = "pio",
        [TSP_EV_MMIO] = "mmio",
        [TSP_EV_RETIRE] = "retire",
        [TSP_EV_STOP] = "stop",
    };

    return kind < sizeof(name) / sizeof(name[0]) ? name[kind] : "unknown";
}

static void print_event(const struct tsp_event *e)
{
    unsigned len = e->len < TSP_INSN_BYTES ? e->len : TSP_INSN_BYTES;

    fprintf(stderr, "%s vcpu=%u pc=0x%" PRIx64 " code=0x%x bytes=", judge_event_name(e->kind),
            (unsigned)e->vcpu, e->before.pc, (unsigned)e->code);
    for (unsigned i = 0; i < len; i++)
        fprintf(stderr, "%02x", e->fetched[i]);
    if (!len)
        fprintf(stderr, "-");
}

bool judge_has_class(const char *pred)
{
    for (size_t i = 0; i < sizeof(violation) / sizeof(violation[0]); i++)
        if (strcmp(violation[i].name, pred) == 0)
            return true;
    return false;
}

static void stop_in(const char *class)
{
    for (size_t i = 0; i < sizeof(violation) / sizeof(violation[0]); i++)
        if (strcmp(violation[i].name, class) == 0)
            violation[i].stop();
    violation_other();
}

void judge_stop(const struct spec *spec, const struct target *t, const struct tsp_setup *setup,
                const struct tsp_trace *trace, const struct spec_options *opt)
{
    struct judge j = {.spec = spec, .opt = opt, .setup = setup};
    struct spec_options mine = *opt;
    struct spec_rule rule = {.id = "?", .pred = ""};

    mine.found = judge_found;
    mine.ctx = &j;
    if (!opt->found || mine.least > VERDICT_FAIL)
        mine.least = VERDICT_FAIL;
    spec_check(spec, setup, trace, &mine);
    if (!j.stop)
        return;
    spec_rule_at(spec, j.worst.rule, &rule);
    fprintf(stderr, "violation: %s, %s, #%zu ", rule.id, t->name, j.worst.event);
    if (j.worst.event < trace->n)
        print_event(&trace->ev[j.worst.event]);
    fprintf(stderr, ", expected %s, got %s\n", j.worst.expected, j.worst.got);
    fflush(stderr);
    stop_in(rule.pred ? rule.pred : "");
}
