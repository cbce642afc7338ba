/* SPDX-License-Identifier: MIT */
/* AArch32 guests: calls in both instruction sets, what the 64-bit convention has, processors that
 * are switched on in either of them, Xen's calls, exceptions. */
#include "fuzz/run/probe.h"

#include "trapspec/bits.h"

#include <string.h>

#define LR_SVC 18
#define END_REG 11 /* the end mark stores through it */
#define ENTRY 0x40004000u

static const uint8_t modes[] = {TSP_MODE_A32, TSP_MODE_T32};
#define NMODE PROBE_COUNT(modes)

enum trap { HVC = 0, SMC, SVC, BKPT, UDF };

/* The instruction as it stands in memory; imm: what it can hold. */
static unsigned put_trap(uint8_t mode, enum trap what, uint32_t imm, uint8_t out[4])
{
    static const uint32_t a32[] = {0xe1400070, 0xe1600070, 0xef000000, 0xe1200070, 0xe7f000f0};
    static const uint16_t t32[] = {0xf7e0, 0xf7f0, 0xdf00, 0xbe00, 0xde00};
    uint32_t low = what == SVC ? imm & 0xffffff : (imm >> 4 & 0xfff) << 8 | (imm & 15);

    if (mode == TSP_MODE_A32) {
        le_store(out, a32[what] | (what == SMC ? imm & 15 : low), 4);
        return 4;
    }
    if (what > SMC) {
        le_store(out, t32[what] | (imm & 0xff), 2);
        return 2;
    }
    le_store(out, t32[what] | (what == HVC ? imm >> 12 & 15 : imm & 15), 2);
    le_store(out + 2, 0x8000u | (what == HVC ? imm & 0xfff : 0), 2);
    return 4;
}

static void begin(struct probe *p, uint8_t mode)
{
    probe_default(p, TSP_ARCH_ARM64);
    p->s.mode = mode;
}

static void trap(struct probe *p, enum trap what, uint32_t imm)
{
    uint8_t code[4];

    probe_code(p, code, put_trap(p->s.mode, what, imm, code));
    probe_emit(p);
}

static void fill(struct probe *p, uint32_t pattern)
{
    for (unsigned i = 1; i <= 12; i++)
        if (i != END_REG)
            probe_reg(p, i, pattern ? pattern * i : 0);
    probe_reg(p, LR_SVC, pattern);
}

static const uint32_t ids[] = {
    0x80000000, 0x80000001, 0x80000002, 0x80008000, 0x80007fff, 0x80003fff, 0xc0000000, 0xc0000001,
    0x84000000, 0x84000001, 0xc4000001, 0x84000002, 0x84000003, 0xc4000003, 0x84000004, 0xc4000004,
    0x84000005, 0x84000006, 0xc4000006, 0x84000007, 0x84000008, 0xc4000008, 0x84000009, 0x8400000a,
    0xc400000a, 0x8400000e, 0xc400000e, 0x84000012, 0xc4000012, 0x84000015, 0xc4000015, 0x84000050,
    0x84000051, 0x84000052, 0x84000053, 0xc4000053, 0xc4000050, 0xc5000020, 0xc5000021, 0x85000020,
    0x86000000, 0x86000001, 0xc6000000, 0x8600ff01, 0xc600ff01, 0x8500ff01, 0xc500ff01, 0x95c1ba5f,
    0x95c1ba60, 0x87000000, 0xc7000000, 0xbf000000, 0xffffffff, 0x40000000, 0,
};

static void probe_ids(struct probe *p)
{
    static const uint32_t pattern[] = {0, 0x11110001, 0xfedc0003};

    for (unsigned i = 0; i < PROBE_COUNT(ids) * NMODE * 3 && !p->stop; i++) {
        begin(p, modes[i % NMODE]);
        fill(p, pattern[i / NMODE % 3]);
        probe_reg(p, 0, ids[i / NMODE / 3]);
        trap(p, HVC, 0);
        trap(p, SMC, 0);
    }
}

/* Immediates, levels, and what no hypervisor sees. */
static void probe_traps(struct probe *p)
{
    static const uint32_t imm[] = {0, 1, 2, 0xea1, 0x1234, 0x8000, 0xffff};
    static const uint64_t flags[] = {0, 0xf0000000u};

    for (unsigned i = 0; i < PROBE_COUNT(imm) * NMODE * 4 && !p->stop; i++) {
        for (unsigned what = HVC; what <= UDF; what++) {
            begin(p, modes[i % NMODE]);
            p->s.level = i / NMODE & 1;
            p->s.flags = flags[i / NMODE / 2 & 1];
            fill(p, 0x11110001);
            probe_reg(p, 0, 0x84000000);
            trap(p, (enum trap)what, imm[i / NMODE / 4]);
        }
    }
}

/* SMC with every condition, where it holds and where it does not. */
static void probe_conditions(struct probe *p)
{
    uint8_t code[4];

    for (unsigned i = 0; i < 15 * 16 && !p->stop; i++) {
        begin(p, TSP_MODE_A32);
        p->s.flags = (uint64_t)(i % 16) << 28;
        fill(p, 0x11110001);
        probe_reg(p, 0, 0x84000000);
        le_store(code, 0x01600070u | (i / 16) << 28, sizeof(code));
        probe_code(p, code, sizeof(code));
        probe_emit(p);
    }
}

/* What is asked about, and arguments of PSCI in all its versions. */
static void probe_arguments(struct probe *p)
{
    static const uint8_t version[] = {0x01, 0x02, 0x10, 0x11, 0x12, 0x13};
    static const uint32_t fn[] = {0x8400000a, 0x80000001, 0x84000051, 0x84000053, 0x84000004,
                                  0x84000001, 0x8400000e, 0x84000012, 0x84000015};
    static const uint32_t arg[] = {0,          1,          2,          0x84000003, 0xc4000003,
                                   0x8400000e, 0xc400000e, 0x84000012, 0xc4000012, 0x84000015,
                                   0xc4000015, 0xc4000053, 0x84000053, 0xc5000020, 0x80000000,
                                   0x80000001, 0x80008000, 0xffffffff, 96,         97};

    for (unsigned i = 0; i < PROBE_COUNT(fn) * PROBE_COUNT(arg) && !p->stop; i++) {
        for (unsigned v = 0; v < PROBE_COUNT(version); v++) {
            if (fn[i % PROBE_COUNT(fn)] != 0x8400000a && v != 3 && v != 5)
                continue;
            begin(p, modes[(i + v) % NMODE]);
            p->s.psci = version[v];
            p->s.config |= i & 1 ? TSP_CFG_SYS_SUSPEND : 0;
            probe_reg(p, 0, fn[i % PROBE_COUNT(fn)]);
            probe_reg(p, 1, arg[i / PROBE_COUNT(fn)]);
            trap(p, HVC, 0);
        }
    }
}

/* A call at the entry point, then nothing, in the instruction set that bit 0 names. */
static void entry_code(struct scenario *s, bool thumb)
{
    static const uint8_t a32[] = {0x70, 0x00, 0x40, 0xe1, 0x03, 0xf0,
                                  0x20, 0xe3, 0xfe, 0xff, 0xff, 0xea}; /* hvc; wfi; b . */
    static const uint8_t t32[] = {0xe0, 0xf7, 0x00, 0x80, 0x30, 0xbf, 0xfe, 0xe7};

    memset(s->code[1], 0, sizeof(s->code[1]));
    memcpy(s->code[1], thumb ? t32 : a32, thumb ? sizeof(t32) : sizeof(a32));
    s->ncode[1] = thumb ? sizeof(t32) : sizeof(a32);
}

/* Another processor is switched on, in the one instruction set or the other. */
static void probe_started(struct probe *p)
{
    static const uint32_t context[] = {0, 5, 0x84000000, 0xffffffff};
    static const uint32_t id[] = {0x84000003, 0xc4000003, 0x95c1ba60};
    static const uint32_t entry[] = {ENTRY, ENTRY | 1, ENTRY + 4, (ENTRY + 2) | 1, ENTRY + 2};

    for (unsigned i = 0; i < 3 * 5 * 4 * NMODE && !p->stop; i++) {
        uint32_t at = entry[i / NMODE % 5];
        unsigned which = i / NMODE / 5 % 3;

        begin(p, modes[i % NMODE]);
        p->s.nvcpu = 2;
        p->s.cpu |= INPUT_CPU_SECOND_OFF;
        p->s.psci = which == 2 ? 0x01 : i & 4 ? 0x13 : 0x11;
        entry_code(&p->s, (at & 1) != 0);
        probe_reg(p, 0, id[which]);
        probe_reg(p, 1, 1);
        probe_reg(p, 2, at);
        probe_reg(p, 3, context[i / NMODE / 15]);
        for (unsigned k = 0; k < 24; k++)
            p->s.sched[p->s.nsched++] = (uint8_t)(k == 0 ? 0 : k & 1);
        trap(p, HVC, 0);
    }
}

/* Whom, and where to: nobody, the caller, one that is on, addresses outside RAM. */
static void probe_second(struct probe *p)
{
    static const uint32_t arg[][2] = {{1, 0x90000000}, {1, 0x90000001}, {0, ENTRY},
                                      {1, ENTRY},      {0x101, ENTRY},  {1, 0x400fffff},
                                      {1, 0},          {1, ENTRY | 1},  {0x80000001, 0},
                                      {1, 0x40100001}, {0, 0x90001},    {1, ENTRY | 3}};

    for (unsigned i = 0; i < PROBE_COUNT(arg) * NMODE * 4 && !p->stop; i++) {
        bool off = (i / NMODE & 1) != 0;

        begin(p, modes[i % NMODE]);
        p->s.nvcpu = 2;
        p->s.cpu |= off ? INPUT_CPU_SECOND_OFF : 0;
        /* one that is on runs it in the scenario's set */
        entry_code(&p->s, off ? (arg[i / NMODE / 4][1] & 1) != 0 : p->s.mode == TSP_MODE_T32);
        probe_reg(p, 0, i / NMODE & 2 ? 0x84000004 : 0x84000003);
        probe_reg(p, 1, arg[i / NMODE / 4][0]);
        probe_reg(p, 2, i / NMODE & 2 ? 0 : arg[i / NMODE / 4][1]);
        trap(p, HVC, 0);
    }
}

/* Xen: the number in R12; what lies in X16, which AArch32 code cannot name, is not looked at. */
static void probe_xen32(struct probe *p)
{
    static const uint32_t nr[] = {6, 12, 16, 17, 21, 29, 32, 41, 5, 0x1011, 0xffffffff};
    static const uint32_t cmd[][2] = {{0, 0}, {7, 0}, {7, 1}, {11, 0}, {1, 64}};

    for (unsigned i = 0; i < PROBE_COUNT(nr) * 5 * NMODE && !p->stop; i++) {
        begin(p, modes[i % NMODE]);
        p->s.persona[0] = TSP_PERSONA_XEN;
        fill(p, 0x11110001);
        probe_reg(p, 0, cmd[i / NMODE % 5][0]);
        probe_reg(p, 1, cmd[i / NMODE % 5][1]);
        probe_reg(p, 12, nr[i / NMODE / 5]);
        trap(p, HVC, 0xea1);
    }
    for (unsigned i = 0; i < PROBE_COUNT(ids) * NMODE && !p->stop; i++) {
        begin(p, modes[i % NMODE]);
        p->s.persona[0] = TSP_PERSONA_XEN;
        probe_reg(p, 0, ids[i / NMODE]);
        probe_reg(p, 12, 17);
        trap(p, HVC, 0);
        trap(p, SMC, 1);
        trap(p, HVC, 1 + i);
    }
}

/* From one instruction set to the other and a call there; a machine that moves on the way. */
static void probe_interworking(struct probe *p)
{
    /* add r4, pc, #1; bx r4; (T32) hvc; svc */
    static const uint8_t from_a32[] = {0x01, 0x40, 0x8f, 0xe2, 0x14, 0xff, 0x2f,
                                       0xe1, 0xe0, 0xf7, 0x00, 0x80, 0x00, 0xdf};
    /* bx pc; nop; (A32) hvc; svc */
    static const uint8_t from_t32[] = {0x78, 0x47, 0x00, 0xbf, 0x70, 0x00,
                                       0x40, 0xe1, 0x00, 0x00, 0x00, 0xef};

    for (unsigned i = 0; i < NMODE * 4 && !p->stop; i++) {
        bool thumb = modes[i % NMODE] == TSP_MODE_T32;

        begin(p, modes[i % NMODE]);
        p->s.nmove = i / NMODE > 1;
        p->s.move[0].after = (uint8_t)(i / NMODE > 1 ? i / NMODE - 1 : 0);
        probe_reg(p, 0, 0x84000000);
        probe_code(p, thumb ? from_t32 : from_a32, thumb ? sizeof(from_t32) : sizeof(from_a32));
        probe_emit(p);
    }
}

void probe_arm32(struct probe *p)
{
    probe_started(p);
    probe_ids(p);
    probe_traps(p);
    probe_conditions(p);
    probe_arguments(p);
    probe_second(p);
    probe_xen32(p);
    probe_interworking(p);
}
