/* SPDX-License-Identifier: MIT */
/* Processors switched on and machines switched off, gone wrong (Arm DEN0022). */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>

#define ARM .kind = MUTANT_SYSTEMATIC, .area = MUTANT_ARM64, .source = "Arm DEN0022"
#define FID_64 0x40000000u

static uint32_t fid(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[0];
}

static bool is_call(const struct mutant *m, const struct tsp_vcpu_state *s)
{
    return m->scan.class == SCAN_CALL && tsp_mode_is_arm(s->regs.mode);
}

/* SYSTEM_OFF2: what it takes, and what it refuses; SYSTEM_RESET2 that returns. */
static const struct {
    const char *name;
    uint32_t fid;
    uint8_t reg; /* not looked at; 0: returns */
} off2[] = {{"cookie", 0x84000015, 2},        {"cookie-64", 0xc4000015, 2},
            {"type", 0x84000015, 1},          {"type-64", 0xc4000015, 1},
            {"returns", 0x84000015, 0},       {"returns-64", 0xc4000015, 0},
            {"reset2-returns", 0x84000012, 0}};
#define NOFF2 (sizeof(off2) / sizeof(off2[0]))

static void name_off2(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", off2[i].name);
}

static bool begin_off2(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (!is_call(m, s) || (uint32_t)s->regs.r[0] != off2[m->i].fid || off2[m->i].reg == 0)
        return false;
    s->regs.r[off2[m->i].reg] = 0;
    return true;
}

static bool end_off2(struct mutant *m, struct tsp_event *ev)
{
    if (off2[m->i].reg != 0 || ev->kind != TSP_EV_STOP || is_x86(ev) || ev->len != 4 ||
        fid(ev) != off2[m->i].fid)
        return false;
    mutant_undo(m, ev, TSP_EV_HYPERCALL, 4);
    ev->after.r[0] = (fid(ev) & 0xff) == 0x15 ? (uint64_t)-2 : 0;
    return true;
}

/* A core that was switched on begins with something else: seen in its first event. */
static const char *const begins[] = {"context", "context-32", "masks", "pc", "level"};

static void name_begins(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", begins[i]);
}

static bool end_begins(struct mutant *m, struct tsp_event *ev)
{
    struct tsp_regs *r = &ev->before;

    if (is_arm_call(ev) && (fid(ev) | FID_64) == 0xc4000003 && (uint32_t)ev->after.r[0] == 0)
        m->counter = 1;
    if (m->counter != 1 || ev->vcpu == 0 || is_x86(ev))
        return false;
    m->counter = 2;
    if (m->i == 0)
        r->r[0] = 0xdead;
    else if (m->i == 1)
        r->r[0] |= 1ull << 32;
    else if (m->i == 2)
        r->flags &= ~0xc0ull;
    else if (m->i == 3)
        r->pc += 4;
    else
        r->level = 0;
    return false;
}

/* A core that was switched on, in what only its state shows; one that never starts, and one that
 * runs and is sent elsewhere. */
static const char *const entries[] = {"mmu", "cache", "sp0", "mpidr", "not-started", "moved"};

static void name_entry(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", entries[i]);
}

static bool end_entry(struct mutant *m, struct tsp_event *ev)
{
    uint32_t want = m->i == 5 ? (uint32_t)-4 : 0;
    struct tsp_vcpu_state s;

    if (!is_arm_call(ev) || (fid(ev) | FID_64) != 0xc4000003 || m->given->nvcpu != 2 ||
        (uint32_t)ev->after.r[0] != want || m->inner.ops->get_vcpu == NULL ||
        m->inner.ops->get_vcpu(m->inner.self, ev->vcpu ^ 1u, &s) != TSP_OK)
        return false;
    if (m->i < 2)
        s.arm64.sctlr_el1 |= m->i == 0 ? 1 : 4;
    else if (m->i == 2)
        s.regs.flags &= ~1ull;
    else if (m->i == 3)
        s.arm64.mpidr = m->given->vcpu[ev->vcpu & 1].arm64.mpidr;
    else if (m->i == 4)
        s.run_state = TSP_RUN_OFF;
    else
        s.regs.pc = ev->before.r[2];
    m->inner.ops->set_vcpu(m->inner.self, ev->vcpu ^ 1u, &s);
    return false;
}

const struct mutant_row mutant_rows_psci[] = {
    {.id = "arm-entry",
     .text = "the state of a core after CPU_ON",
     ARM,
     .n = sizeof(entries) / sizeof(entries[0]),
     .name = name_entry,
     .end = end_entry},
    {.id = "arm-begins",
     .text = "a core that was switched on begins with something else",
     ARM,
     .n = sizeof(begins) / sizeof(begins[0]),
     .name = name_begins,
     .end = end_begins},
    {.id = "arm-off2",
     .text = "SYSTEM_OFF2 takes or refuses what it must not",
     ARM,
     .n = NOFF2,
     .name = name_off2,
     .begin = begin_off2,
     .end = end_off2},
    {.id = NULL},
};
