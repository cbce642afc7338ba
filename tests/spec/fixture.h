/* SPDX-License-Identifier: MIT */
/* Set-ups, events and collected findings for the judge's tests. Included by each test program. */
#ifndef TSP_TESTS_SPEC_FIXTURE_H
#define TSP_TESTS_SPEC_FIXTURE_H

#include "tests/test_main.h"

#include "spec/build.h"
#include "spec/judge.h"

#include "trapspec/bits.h"

#define FOUND_MAX 64u

struct found_list {
    unsigned n;
    struct finding f[FOUND_MAX];
};

static inline void found_add(void *ctx, const struct finding *f)
{
    struct found_list *l = ctx;

    if (l->n < FOUND_MAX)
        l->f[l->n++] = *f;
}

static struct found_list found;
static struct tsp_setup setup;
static struct tsp_trace trace;

static inline enum verdict judge_caps(const struct spec *s, uint32_t caps)
{
    struct spec_options opt = {
        .caps = caps, .least = VERDICT_PASS, .found = found_add, .ctx = &found};

    found.n = 0;
    return spec_check(s, &setup, &trace, &opt);
}

static inline enum verdict judge_with(const struct spec *s)
{
    return judge_caps(s, TSP_CAP_X86 | TSP_CAP_ARM64 | TSP_CAP_EXEC | TSP_CAP_STEPS);
}

/* The finding of that rule, or NULL. */
static inline const struct finding *finding_of(const struct spec *s, const char *id)
{
    unsigned rule = spec_rule_find(s, id);

    for (unsigned i = 0; i < found.n; i++)
        if (found.f[i].rule == rule)
            return &found.f[i];
    return NULL;
}

static inline const char *found_text(const struct spec *s)
{
    static char text[1024];
    size_t at = 0;

    text[0] = 0;
    for (unsigned i = 0; i < found.n && at + 256 < sizeof(text); i++) {
        struct spec_rule r = {.id = "(gap)"};

        spec_rule_at(s, found.f[i].rule, &r);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s %s [%s / %s]; ",
                               verdict_name(found.f[i].verdict), r.id, found.f[i].expected,
                               found.f[i].got);
    }
    return text;
}

/* An x86 machine: Intel host, KVM at its usual place, rewriting; one vCPU; no policy. */
static inline void setup_x86_default(void)
{
    memset(&setup, 0, sizeof(setup));
    setup.arch = TSP_ARCH_X86;
    setup.host = TSP_VENDOR_INTEL;
    setup.nvcpu = 1;
    setup.patch = TSP_PATCH_REWRITE;
    setup.persona[0] = TSP_PERSONA_KVM;
    setup.hv_base[0] = 0x40000000u;
    setup.ram_size = 0x40000;
    trace.n = 0;
    trace.truncated = false;
}

static inline void setup_arm_default(void)
{
    memset(&setup, 0, sizeof(setup));
    setup.arch = TSP_ARCH_ARM64;
    setup.nvcpu = 1;
    setup.persona[0] = TSP_PERSONA_KVM;
    setup.psci = 0x11;
    setup.ram_base = 0x40000000u;
    setup.ram_size = 0x100000;
    setup.fw_bitmap[0] = setup.fw_bitmap[1] = 1;
    setup.fw_bitmap[2] = 3;
    setup.workaround[0] = 2;
    setup.vcpu[0].arm64.mpidr = 0x80000000u;
    trace.n = 0;
    trace.truncated = false;
}

/* Appends an event at pc 0x10000 with these bytes; text writable, stored as fetched. */
static inline struct tsp_event *add_event(unsigned kind, unsigned mode, const char *bytes,
                                          unsigned len)
{
    struct tsp_event *ev = &trace.ev[trace.n++];

    memset(ev, 0, sizeof(*ev));
    ev->kind = (uint16_t)kind;
    ev->len = (uint8_t)len;
    memcpy(ev->fetched, bytes, len < TSP_INSN_BYTES ? len : TSP_INSN_BYTES);
    memcpy(ev->stored, ev->fetched, sizeof(ev->stored));
    ev->text[0] = ev->text[1] = TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH;
    ev->addr = 0x10000;
    for (unsigned i = 0; i < 32; i++)
        ev->before.r[i] = 0x1111000011110000ull * (i % 14 + 1) + i;
    ev->before.pc = 0x10000;
    ev->before.flags = 2;
    ev->before.mode = mode;
    ev->sys[TSP_SYS_APIC_BASE] = 0xfee00900u;
    ev->sys[TSP_SYS_XCR0] = 1;
    if (mode == TSP_MODE_REAL16)
        ev->before.pc = 0x100; /* within the segment; addr has its base */
    ev->after = ev->before;
    if (kind == TSP_EV_CPUID || kind == TSP_EV_HYPERCALL)
        ev->after.pc += len;
    if (kind == TSP_EV_FAULT && mode != TSP_MODE_A64)
        ev->after.r[TSP_RSP] -= 40;
    return ev;
}

#endif
