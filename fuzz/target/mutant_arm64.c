/* SPDX-License-Identifier: MIT */
/* AArch64 calls gone wrong (Arm DEN0028, DEN0022): results, errors, registers, the function id and
 * its arguments, who may call. */
#include "fuzz/target/mutant_in.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define ARM .kind = MUTANT_SYSTEMATIC, .area = MUTANT_ARM64, .source = "trapspec"
#define FID_64 0x40000000u

static uint32_t fid(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[0];
}

/* Groups of functions by their ids. */
static const struct {
    const char *name;
    uint32_t first, last;
} class[] = {
    {"smccc", 0x80000000, 0x80000001},
    {"workaround", 0x80003fff, 0x80008000},
    {"psci-version", 0x84000000, 0x84000000},
    {"psci-suspend", 0x84000001, 0x84000001},
    {"psci-off", 0x84000002, 0x84000002},
    {"psci-on", 0x84000003, 0x84000003},
    {"psci-affinity", 0x84000004, 0x84000004},
    {"psci-migrate", 0x84000005, 0x84000005},
    {"psci-migrate-type", 0x84000006, 0x84000006},
    {"psci-features", 0x8400000a, 0x8400000a},
    {"psci-reset2", 0x84000012, 0x84000012},
    {"psci-unknown", 0x84000013, 0x8400001f},
    {"psci-on-64", 0xc4000003, 0xc4000003},
    {"psci-affinity-64", 0xc4000004, 0xc4000004},
    {"trng-version", 0x84000050, 0x84000050},
    {"trng-features", 0x84000051, 0x84000051},
    {"trng-uuid", 0x84000052, 0x84000052},
    {"trng-32", 0x84000053, 0x84000053},
    {"trng-64", 0xc4000053, 0xc4000053},
    {"kvm-uid", 0x8600ff01, 0x8600ff01},
    {"kvm-features", 0x86000000, 0x86000000},
    {"kvm-ptp", 0x86000001, 0x86000001},
    {"pv-time", 0xc5000020, 0xc5000020},
    {"pv-time-st", 0xc5000021, 0xc5000021},
    {"unknown", 0x87000000, 0xbfffffff},
};
#define NCLASS (sizeof(class) / sizeof(class[0]))
static const char *const way[] = {"more", "high", "sign", "zero", "kept"};

static void name_result(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s-%s", class[i / 5].name, way[i % 5]);
}

static uint64_t other_value(unsigned how, uint64_t v, uint64_t before)
{
    switch (how) {
    case 0:
        return v + 1;
    case 1:
        return v ^ 0x40000000u;
    case 2:
        return v == 0 ? (uint64_t)INT64_MIN : (0 - v) & 0xffffffff;
    case 3:
        return v == 0 ? 7 : 0;
    default:
        return v == before ? ~v : before;
    }
}

static bool end_result(struct mutant *m, struct tsp_event *ev)
{
    if (!is_arm_call(ev) || fid(ev) < class[m->i / 5].first || fid(ev) > class[m->i / 5].last)
        return false;
    ev->after.r[0] = other_value(m->i % 5, ev->after.r[0], ev->before.r[0]);
    return true;
}

/* Errors (Arm DEN0022 5.2.2, DEN0028 5.2). */
static const struct {
    int8_t from, to;
} error[] = {{-1, 0},  {-1, 1},  {-1, -2}, {-1, -3}, {-2, 0}, {-2, 2},  {-2, -1},
             {-2, -3}, {-2, -9}, {-3, 0},  {-3, -2}, {-4, 0}, {-4, -2}, {-4, -5},
             {-9, -1}, {0, -1},  {0, 1},   {0, -2},  {1, 0},  {2, 0}};
#define NERROR (sizeof(error) / sizeof(error[0]))

static void name_number(int v, char *out, size_t max)
{
    snprintf(out, max, "%s%d", v < 0 ? "m" : "", v < 0 ? -v : v);
}

static void name_error(unsigned i, char *out, size_t max)
{
    char from[8], to[8];

    name_number(error[i].from, from, sizeof(from));
    name_number(error[i].to, to, sizeof(to));
    snprintf(out, max, "%s-is-%s", from, to);
}

static bool end_error(struct mutant *m, struct tsp_event *ev)
{
    uint32_t from = (uint32_t)(int32_t)error[m->i].from;

    if (!is_arm_call(ev) || (uint32_t)ev->after.r[0] != from)
        return false;
    ev->after.r[0] = (uint64_t)(int64_t)error[m->i].to;
    return true;
}

static void name_x(unsigned i, char *out, size_t max)
{
    if (i == 31)
        snprintf(out, max, "sp");
    else
        snprintf(out, max, "x%u", i);
}

static void name_kept(unsigned i, char *out, size_t max)
{
    name_x(i + 4, out, max);
}

static bool end_kept(struct mutant *m, struct tsp_event *ev)
{
    if (!is_arm_call(ev))
        return false;
    ev->after.r[m->i + 4] ^= 0x10;
    return true;
}

static void name_void(unsigned i, char *out, size_t max)
{
    name_x(i + 1, out, max);
}

/* Something of the hypervisor's in a result register that the function does not have. */
static bool end_void(struct mutant *m, struct tsp_event *ev)
{
    if (!is_arm_call(ev))
        return false;
    ev->after.r[m->i + 1] = 0xffff800011223344;
    return true;
}

static const struct {
    const char *name;
    uint8_t bit;
} flag[] = {{"n", 31}, {"z", 30}, {"c", 29}, {"v", 28}, {"d", 9}, {"a", 8}, {"i", 7}, {"f", 6}};
#define NFLAG (sizeof(flag) / sizeof(flag[0]))

static void name_flag(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", flag[i].name);
}

static bool end_flag(struct mutant *m, struct tsp_event *ev)
{
    if (!is_arm_call(ev))
        return false;
    ev->after.flags ^= (uint64_t)1 << flag[m->i].bit;
    return true;
}

static const char *const pc_way[] = {"stays", "twice", "thumb"};

static void name_pc(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", pc_way[i]);
}

static bool end_pc(struct mutant *m, struct tsp_event *ev)
{
    static const int8_t by[] = {-4, 4, 1};

    if (!is_arm_call(ev) || (m->i == 0 && m->counter++ > 8))
        return false;
    ev->after.pc += (uint64_t)(int64_t)by[m->i];
    return true;
}

/* The question: bits of the function id and of arguments that are not looked at. */
static bool is_call(const struct mutant *m, const struct tsp_vcpu_state *s)
{
    return m->scan.class == SCAN_CALL && tsp_mode_is_arm(s->regs.mode);
}

static void name_bit(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%u", i);
}

static bool begin_fid(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (!is_call(m, s))
        return false;
    s->regs.r[0] &= ~((uint64_t)1 << m->i);
    return true;
}

static bool begin_fid_set(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (!is_call(m, s))
        return false;
    s->regs.r[0] |= (uint64_t)1 << m->i;
    return true;
}

/* Bits above the 32-bit id count. */
static bool end_wide_fid(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_arm_call(ev) || ev->before.r[0] >> 32 == 0)
        return false;
    ev->after.r[0] = ~(uint64_t)0;
    return true;
}

static const struct {
    const char *name;
    uint32_t fid; /* without the 64-bit bit */
    uint8_t reg;
    uint64_t keep, add;
} argument[] = {
    {"suspend-state", 0x84000001, 1, 0, 0},
    {"suspend-31", 0x84000001, 1, ~0x80000000ull, 0},
    {"suspend-23", 0x84000001, 1, ~0x800000ull, 0},
    {"suspend-17", 0x84000001, 1, ~0x20000ull, 0},
    {"on-target", 0x84000003, 1, 0, 0},
    {"on-target-8", 0x84000003, 1, 0xff, 0},
    {"affinity-target", 0x84000004, 1, 0, 0},
    {"affinity-target-8", 0x84000004, 1, 0xff, 0},
    {"affinity-level", 0x84000004, 2, 0, 0},
    {"affinity-level-2", 0x84000004, 2, 3, 0},
    {"features", 0x8400000a, 1, 0, 0x84000000},
    {"features-30", 0x8400000a, 1, ~0x40000000ull, 0},
    {"features-16", 0x8400000a, 1, ~0xff0000ull, 0},
    {"features-low", 0x8400000a, 1, ~1ull, 0},
    {"reset2-type", 0x84000012, 1, 0, 0},
    {"reset2-low", 0x84000012, 1, ~0ull, 0x80000000},
    {"arch-features", 0x80000001, 1, 0, 0x80000001},
    {"arch-features-low", 0x80000001, 1, ~1ull, 0},
    {"trng-bits", 0x84000053, 1, 0x3f, 0},
    {"trng-bits-more", 0x84000053, 1, ~0ull, 1},
    {"trng-features", 0x84000051, 1, 0, 0x84000050},
    {"trng-feature-30", 0x84000051, 1, ~0x40000000ull, 0},
    {"pv-time", 0x85000020, 1, 0, 0xc5000021},
    {"pv-time-low", 0x85000020, 1, ~1ull, 0},
    {"ptp-counter", 0x86000001, 1, 1, 0},
};
#define NARGUMENT (sizeof(argument) / sizeof(argument[0]))

static void name_argument(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", argument[i].name);
}

static bool begin_argument(struct mutant *m, struct tsp_vcpu_state *s)
{
    uint64_t *r = &s->regs.r[argument[m->i].reg];

    if (!is_call(m, s) || ((uint32_t)s->regs.r[0] & ~FID_64) != (argument[m->i].fid & ~FID_64))
        return false;
    *r = (*r & argument[m->i].keep) | argument[m->i].add;
    return true;
}

/* A 32-bit function sees 64 bits of an argument. */
static bool end_wide_argument(struct mutant *m, struct tsp_event *ev)
{
    if (!is_arm_call(ev) || (fid(ev) & FID_64) != 0 || ev->before.r[m->i + 1] >> 32 == 0)
        return false;
    ev->after.r[0] = (uint64_t)-2;
    return true;
}

/* Who may call. */
static bool begin_el0(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (!is_call(m, s) || s->regs.level != 0)
        return false;
    s->regs.level = 1;
    s->regs.flags |= 4;
    return true;
}

static const char *const who[] = {"el0", "undefined", "refused", "zero"};

static void name_who(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", who[i]);
}

static bool end_who(struct mutant *m, struct tsp_event *ev)
{
    bool call = ev->len == 4 && (ev->fetched[3] == 0xd4) && (ev->fetched[0] & 0x1e) == 2;

    if (m->i == 0 && ev->kind == TSP_EV_FAULT && call && ev->before.level == 0)
        mutant_undo(m, ev, TSP_EV_HYPERCALL, 4);
    if (!is_arm_call(ev))
        return false;
    if (m->i == 1)
        mutant_fault(m, ev, 0, 0, 0);
    else if (m->i > 1)
        ev->after.r[0] = m->i == 2 ? ~(uint64_t)0 : 0;
    return m->i > 1;
}

/* One instruction alone: SMC undefined, UDF a call, an immediate that ends the vCPU, a workaround
 * that was announced and refused. */
static const char *const one_way[] = {"smc-undefined", "udf-calls",     "svc-calls",
                                      "hvc-imm-stops", "smc-imm-stops", "wa1-refused",
                                      "wa2-refused",   "wa3-refused"};

static void name_one(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", one_way[i]);
}

static bool call_in_place(struct mutant *m, struct tsp_event *ev)
{
    uint32_t insn = (uint32_t)le_load(ev->fetched, 4);
    bool udf = insn >> 16 == 0, svc = (insn & 0xffe0001f) == 0xd4000001;

    if (ev->kind == TSP_EV_FAULT && ev->len == 4 && !is_x86(ev) &&
        ((m->i == 1 && udf) || (m->i == 2 && svc)))
        mutant_undo(m, ev, TSP_EV_HYPERCALL, 4);
    return false;
}

static bool end_one(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t workaround[] = {0x80008000, 0x80007fff, 0x80003fff};
    uint32_t insn = (uint32_t)le_load(ev->fetched, 4);
    bool smc = (insn & 3) == 3, imm = (insn >> 5 & 0xffff) != 0;

    if (!is_arm_call(ev))
        return call_in_place(m, ev);
    if (m->i == 0 && smc && !imm)
        mutant_fault(m, ev, 0, 0, 0);
    if ((m->i == 3 && !smc && imm && m->given->persona[0] == TSP_PERSONA_KVM) ||
        (m->i == 4 && smc && imm)) {
        mutant_undo(m, ev, TSP_EV_STOP, 0);
        ev->code = TSP_STOP_SHUTDOWN;
    }
    if (m->i < 5 || fid(ev) != workaround[m->i - 5])
        return false;
    ev->after.r[0] = ~(uint64_t)0;
    return true;
}

/* The exception of a call that is undefined. */
static const char *const syndrome[] = {"class", "length", "syndrome", "vector", "x5"};

static void name_syndrome(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", syndrome[i]);
}

static bool end_syndrome(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT || is_x86(ev) || ev->len != 4 || ev->fetched[3] != 0xd4)
        return false;
    if (m->i == 0)
        ev->info[0] ^= (uint64_t)0x16 << 26;
    else if (m->i == 1)
        ev->info[0] ^= 1u << 25;
    else if (m->i == 2)
        ev->info[0] |= 1;
    else if (m->i == 3)
        ev->code ^= 0x80;
    else
        ev->after.r[5] ^= 1;
    return m->i == 4;
}

/* Calls that end the vCPU. */
static const struct {
    const char *name;
    uint32_t from, to;
} stop[] = {{"off-is-reset", TSP_STOP_SHUTDOWN, TSP_STOP_RESET},
            {"reset-is-off", TSP_STOP_RESET, TSP_STOP_SHUTDOWN},
            {"cpu-off-is-shutdown", TSP_STOP_OFF, TSP_STOP_SHUTDOWN},
            {"suspend-is-off", TSP_STOP_SUSPEND, TSP_STOP_OFF},
            {"suspend-is-shutdown", TSP_STOP_SUSPEND, TSP_STOP_SHUTDOWN},
            {"off-returns", TSP_STOP_SHUTDOWN, TSP_STOP_DONE},
            {"reset-returns", TSP_STOP_RESET, TSP_STOP_DONE},
            {"cpu-off-returns", TSP_STOP_OFF, TSP_STOP_DONE}};
#define NSTOP (sizeof(stop) / sizeof(stop[0]))

static void name_stop(unsigned i, char *out, size_t max)
{
    snprintf(out, max, "%s", stop[i].name);
}

static bool end_stop(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_STOP || is_x86(ev) || ev->code != stop[m->i].from || ev->len != 4)
        return false;
    if (stop[m->i].to == TSP_STOP_DONE)
        mutant_undo(m, ev, TSP_EV_HYPERCALL, 4);
    else
        ev->code = stop[m->i].to;
    return false;
}

/* A call that must return stops. */
static bool end_stops(struct mutant *m, struct tsp_event *ev)
{
    static const uint32_t code[] = {TSP_STOP_OFF, TSP_STOP_SHUTDOWN, TSP_STOP_RESET,
                                    TSP_STOP_SUSPEND, TSP_STOP_LIVELOCK};

    if (!is_arm_call(ev))
        return false;
    ev->kind = TSP_EV_STOP;
    ev->code = code[m->i];
    return false;
}

static void name_stops(unsigned i, char *out, size_t max)
{
    static const char *const name[] = {"off", "shutdown", "reset", "suspend", "livelock"};

    snprintf(out, max, "%s", name[i]);
}

/* Bits of random numbers above those that were asked for, and errors in more registers. */
static bool end_entropy(struct mutant *m, struct tsp_event *ev)
{
    if (!is_arm_call(ev) || (fid(ev) & ~FID_64) != (0x84000053 & ~FID_64) || ev->after.r[0] != 0)
        return false;
    ev->after.r[m->i + 1] |= (uint64_t)1 << ((fid(ev) & FID_64) != 0 ? 63 : 31);
    return true;
}

const struct mutant_row mutant_rows_arm64[] = {
    {.id = "arm-result",
     .text = "the result of one function is wrong",
     ARM,
     .n = NCLASS * 5,
     .name = name_result,
     .end = end_result},
    {.id = "arm-error",
     .text = "one result becomes another",
     ARM,
     .n = NERROR,
     .name = name_error,
     .end = end_error},
    {.id = "arm-reg",
     .text = "a register that is kept changes",
     ARM,
     .n = 28,
     .name = name_kept,
     .end = end_kept},
    {.id = "arm-leak",
     .text = "something of the hypervisor's in a result register",
     ARM,
     .n = 3,
     .name = name_void,
     .end = end_void},
    {.id = "arm-flag",
     .text = "a flag changes",
     ARM,
     .n = NFLAG,
     .name = name_flag,
     .end = end_flag},
    {.id = "arm-pc",
     .text = "pc is not just past the instruction",
     ARM,
     .n = 3,
     .name = name_pc,
     .end = end_pc},
    {.id = "arm-blind",
     .text = "a bit of the function id is not looked at",
     ARM,
     .n = 32,
     .name = name_bit,
     .begin = begin_fid},
    {.id = "arm-sees",
     .text = "a bit of the function id is taken for one",
     ARM,
     .n = 32,
     .name = name_bit,
     .begin = begin_fid_set},
    {.id = "arm-wide-id", .text = "the function id is 64 bits wide", ARM, .end = end_wide_fid},
    {.id = "arm-argument",
     .text = "part of an argument is not looked at",
     ARM,
     .n = NARGUMENT,
     .name = name_argument,
     .begin = begin_argument},
    {.id = "arm-wide",
     .text = "a 32-bit function sees 64 bits of an argument",
     ARM,
     .n = 3,
     .name = name_void,
     .end = end_wide_argument},
    {.id = "arm-any-el", .text = "the exception level is not looked at", ARM, .begin = begin_el0},
    {.id = "arm-who",
     .text = "everybody gets the same",
     ARM,
     .n = 4,
     .name = name_who,
     .end = end_who},
    {.id = "arm-one",
     .text = "one instruction does what it must not",
     ARM,
     .n = sizeof(one_way) / sizeof(one_way[0]),
     .name = name_one,
     .end = end_one},
    {.id = "arm-fault",
     .text = "the exception of an undefined call is wrong",
     ARM,
     .n = 5,
     .name = name_syndrome,
     .end = end_syndrome},
    {.id = "arm-end",
     .text = "a call that ends the vCPU ends otherwise",
     ARM,
     .n = NSTOP,
     .name = name_stop,
     .end = end_stop},
    {.id = "arm-stop",
     .text = "a call that returns ends the vCPU",
     ARM,
     .n = 5,
     .name = name_stops,
     .end = end_stops},
    {.id = "arm-entropy",
     .text = "random bits that nobody asked for",
     ARM,
     .n = 3,
     .name = name_void,
     .end = end_entropy},
    {.id = NULL},
};
