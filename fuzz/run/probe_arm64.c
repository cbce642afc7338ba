/* SPDX-License-Identifier: MIT */
/* AArch64: each function of the table and its neighbours, both conduits, register garbage, PSCI
 * versions, bitmaps. */
#include "fuzz/run/probe.h"

#include "trapspec/bits.h"

#include <stdlib.h>
#include <string.h>

#define ID_MAX 1024u
#define HVC 0xd4000002u
#define SMC 0xd4000003u
#define DEVICE 0x08000000u /* below RAM, where nothing is */
#define GARBAGE 0xdeadbeef00000000ull

static const uint8_t psci_version[] = {0x01, 0x02, 0x10, 0x11, 0x12, 0x13};

struct ids {
    uint32_t id[ID_MAX];
    unsigned n;
};

static void add(struct ids *ids, uint32_t id)
{
    for (unsigned i = 0; i < ids->n; i++)
        if (ids->id[i] == id)
            return;
    if (ids->n < ID_MAX)
        ids->id[ids->n++] = id;
}

/* Function ids are the eight-digit numbers of a rule's condition. */
static void add_rule(struct ids *ids, const char *when)
{
    for (const char *at = when; (at = strstr(at, "0x")) != NULL;) {
        char *end;
        unsigned long v = strtoul(at, &end, 16);

        if (end - at == 10)
            add(ids, (uint32_t)v);
        at = end > at + 2 ? end : at + 2;
    }
}

/* Arm DEN0028: bit 31 fast, bit 30 64-bit, bits 29:24 owner, 23:16 reserved, 15:0 function. */
static void collect(const struct spec *spec, struct ids *ids)
{
    static const uint16_t fn[] = {0,    1,      2,      0x20,   0x21,   0x22,   0x50,  0x53,
                                  0x54, 0x3fff, 0x7fff, 0x8000, 0xff00, 0xff01, 0xff03};
    struct spec_rule rule;

    for (unsigned i = 0; i < spec_rule_count(spec); i++)
        if (spec_rule_at(spec, i, &rule) && rule.when)
            add_rule(ids, rule.when);
    for (uint32_t f = 0; f <= 0x16; f++) {
        add(ids, 0x84000000u | f);
        add(ids, 0xc4000000u | f);
    }
    for (uint32_t f = 0; f < 4; f++) {
        add(ids, 0x84000050u | f);
        add(ids, 0xc4000050u | f);
        add(ids, 0x95c1ba5eu + f); /* the 0.1 numbers KVM chose (Linux uapi asm/kvm.h) */
    }
    for (uint32_t owner = 0; owner < 8; owner++)
        for (unsigned i = 0; i < PROBE_COUNT(fn); i++)
            add(ids, (i & 1 ? 0xc0000000u : 0x80000000u) | owner << 24 | fn[i]);
    for (uint32_t owner = 0x2f; owner < 0x40; owner++)
        add(ids, 0x80000000u | owner << 24);
    add(ids, 0x00000000u);
    add(ids, 0x01000000u);
    add(ids, 0x80010000u);
    add(ids, 0x80800000u);
    add(ids, 0x84010000u);
    add(ids, 0xc6000000u);
    add(ids, 0x7fffffffu);
    add(ids, 0xffffffffu);
}

static void call(struct probe *p, uint32_t insn, uint32_t imm, uint64_t id)
{
    uint8_t code[4];

    le_store(code, insn | imm << 5, 4);
    probe_code(p, code, 4);
    probe_reg(p, 0, id);
    probe_emit(p);
}

static void fill(struct probe *p, uint64_t pattern)
{
    for (unsigned i = 1; i <= 17; i++)
        probe_reg(p, i, pattern ? pattern * i : 0);
}

static void probe_ids(struct probe *p, const struct ids *ids)
{
    static const uint64_t pattern[] = {0, 0x1111000011110001ull, 0xfedcba9800000000ull};

    for (unsigned i = 0; i < ids->n && !p->stop; i++) {
        for (unsigned k = 0; k < PROBE_COUNT(pattern); k++) {
            probe_default(p, TSP_ARCH_ARM64);
            fill(p, pattern[k]);
            call(p, HVC, 0, ids->id[i]);
            call(p, SMC, 0, ids->id[i]);
        }
        /* The id is a 32-bit number whatever stands above it. */
        call(p, HVC, 0, GARBAGE | ids->id[i]);
    }
}

/* Immediates and the level below. */
static void probe_immediates(struct probe *p)
{
    static const uint32_t imm[] = {0, 1, 0x1234, 0x8000, 0xffff};
    static const uint32_t id[] = {0x80000000, 0x80000001, 0x84000000, 0x8600ff01,
                                  0x84000050, 0xc5000020, 0xffffffff};

    for (unsigned i = 0; i < PROBE_COUNT(imm) * PROBE_COUNT(id) && !p->stop; i++) {
        for (uint8_t level = 0; level < 2; level++) {
            probe_default(p, TSP_ARCH_ARM64);
            p->s.level = level;
            fill(p, 0x1111000011110001ull);
            call(p, HVC, imm[i % PROBE_COUNT(imm)], id[i / PROBE_COUNT(imm)]);
            call(p, SMC, imm[i % PROBE_COUNT(imm)], id[i / PROBE_COUNT(imm)]);
        }
    }
}

static void probe_psci(struct probe *p)
{
    static const uint64_t arg[][3] = {
        {0, 0, 0},           {1, 0, 0},
        {0x80000000u, 0, 0}, {0xffffffffu, 0, 0},
        {0, 0x40001000, 5},  {1, 0x40001000, 5},
        {0x40003000, 5, 0},  {~0ull, 0, 0},
        {2, 0, 0},           {3, 0, 0},
        {0x84000000u, 0, 0}, {0x84000002u, 0, 0},
        {0xc4000001u, 0, 0}, {0x80000000u, 1, 0},
        {0xc4000012u, 0, 0}, {0x8400000eu, 0, 0},
        {0x84000015u, 0, 0}, {0xc4000015u, 0, 0},
        {0, 1, 0},           {1, 1, 0},
        {0, 1ull << 32, 0},  {GARBAGE | 0x40003000u, GARBAGE, GARBAGE}};

    for (unsigned v = 0; v < PROBE_COUNT(psci_version) && !p->stop; v++) {
        for (uint32_t f = 0; f <= 0x16; f++) {
            for (unsigned i = 0; i < PROBE_COUNT(arg); i++) {
                /* All arguments where the service has them all, the first few in the older
                 * versions. */
                if ((v < 3 || v == 4) && i > 1 && i != 10)
                    continue;
                probe_default(p, TSP_ARCH_ARM64);
                p->s.psci = psci_version[v];
                p->s.config |= i & 1 ? TSP_CFG_SYS_SUSPEND : 0;
                for (unsigned r = 0; r < 3; r++)
                    probe_reg(p, r + 1, arg[i][r]);
                call(p, HVC, 0, 0x84000000u | f);
                call(p, HVC, 0, 0xc4000000u | f);
            }
        }
    }
}

/* Calls that end the machine or put it to sleep, with user space's ways to go on; the older numbers
 * of PSCI 0.1. */
static void probe_power(struct probe *p)
{
    static const uint32_t fn[] = {0x8, 0x9, 0xe, 0x12, 0x1, 0x2, 0x15};
    static const uint32_t config[] = {0, TSP_CFG_SYS_SUSPEND, TSP_CFG_EXIT_RESUME,
                                      TSP_CFG_SYS_SUSPEND | TSP_CFG_EXIT_RESUME};

    for (unsigned v = 0; v < PROBE_COUNT(psci_version) && !p->stop; v++) {
        for (unsigned i = 0; i < PROBE_COUNT(fn) * PROBE_COUNT(config); i++) {
            probe_default(p, TSP_ARCH_ARM64);
            p->s.psci = psci_version[v];
            p->s.config |= config[i % PROBE_COUNT(config)];
            call(p, HVC, 0, 0x84000000u | fn[i / PROBE_COUNT(config)]);
            probe_reg(p, 1, 0x40001000);
            call(p, HVC, 0, 0x84000000u | fn[i / PROBE_COUNT(config)]);
            call(p, HVC, 0, 0xc4000000u | fn[i / PROBE_COUNT(config)]);
        }
        for (uint32_t f = 0; f < 4; f++) {
            probe_default(p, TSP_ARCH_ARM64);
            p->s.psci = psci_version[v];
            call(p, HVC, 0, 0x95c1ba5eu + f);
        }
    }
}

/* Another processor: asked about, switched on, on and off before. */
static void probe_second(struct probe *p)
{
    static const uint32_t id[] = {0x84000003, 0xc4000003, 0x84000004,
                                  0xc4000004, 0x95c1ba60, 0x84000005};
    static const uint64_t arg[][3] = {
        {1, 0, 0},          {1, 0x40004000, 5}, {1, 0x40004001, 5},
        {1, 0x90000000, 5}, {0, 0x40004000, 5}, {0x101, 0x40004000, 5},
        {0, 4, 0},          {1, 4, 0},          {0, 5, 0}};
    static const uint8_t wfi[4] = {0x7f, 0x20, 0x03, 0xd5};

    for (unsigned i = 0; i < PROBE_COUNT(id) * PROBE_COUNT(arg) * 2 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = 2;
        p->s.cpu |= i & 1 ? INPUT_CPU_SECOND_OFF : 0;
        p->s.psci = id[i / 2 % PROBE_COUNT(id)] == 0x95c1ba60 ? 0x01 : 0x11;
        memcpy(p->s.code[1], wfi, 4);
        p->s.ncode[1] = 4;
        for (unsigned r = 0; r < 3; r++)
            probe_reg(p, r + 1, arg[i / 2 / PROBE_COUNT(id)][r]);
        call(p, HVC, 0, id[i / 2 % PROBE_COUNT(id)]);
    }
}

/* What is known of a processor right behind the call that switches it on: movz w0, #0x8400, lsl 16;
 * movk w0, #4; movz x1, #1; movz x2, #0; hvc #0. And one that runs, and is asked to begin again. */
static void probe_asked(struct probe *p)
{
    static const uint32_t asks[] = {0xd4000002, 0x52b08000, 0x72800080, 0xd2800021,
                                    0xd2800002, 0xd4000002, 0xd4000002};
    static const uint32_t runs[] = {0xd503201f, 0xd503201f, 0xd503201f, 0xd4000002,
                                    0xd503201f, 0xd4000002, 0xd4000002};
    static const uint32_t id[] = {0x84000003, 0xc4000003};

    for (unsigned i = 0; i < PROBE_COUNT(id) * 4 && !p->stop; i++) {
        bool off = (i & 1) != 0;

        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = 2;
        p->s.cpu |= off ? INPUT_CPU_SECOND_OFF : 0;
        p->s.psci = 0x11;
        for (unsigned k = 0; k < PROBE_COUNT(asks); k++) {
            le_store(p->s.code[0] + (size_t)4 * k, asks[k], 4);
            le_store(p->s.code[1] + (size_t)4 * k, runs[k], 4);
        }
        p->s.ncode[0] = p->s.ncode[1] = sizeof(asks);
        probe_reg(p, 0, id[i / 4]);
        probe_reg(p, 1, 1);
        probe_reg(p, 2, 0x40004000);
        probe_reg(p, 3, 5);
        for (unsigned k = 0; k < 24; k++)
            p->s.sched[p->s.nsched++] = (uint8_t)(i & 2 ? k & 1 : (k < 2 || k > 8) && !off);
        probe_emit(p);
    }
}

/* A processor that is switched on makes a call at once: where it began, and with what. */
static void probe_started(struct probe *p)
{
    static const uint32_t id[] = {0x84000003, 0xc4000003, 0x95c1ba60};
    static const uint8_t hvc[8] = {0x02, 0x00, 0x00, 0xd4, 0x7f, 0x20, 0x03, 0xd5};
    static const uint64_t context[] = {0, 5, 0x84000000, 0x1234567884000000, ~0ull};

    for (unsigned i = 0; i < PROBE_COUNT(id) * PROBE_COUNT(context) * 2 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = 2;
        p->s.cpu |= INPUT_CPU_SECOND_OFF;
        p->s.psci = id[i / 2 % 3] == 0x95c1ba60 ? 0x01 : 0x11;
        memcpy(p->s.code[1], hvc, sizeof(hvc));
        p->s.ncode[1] = sizeof(hvc);
        probe_reg(p, 1, 1);
        probe_reg(p, 2, i & 1 ? 0x40004004 : 0x40004000);
        probe_reg(p, 3, context[i / 6]);
        for (unsigned k = 0; k < 24; k++)
            p->s.sched[p->s.nsched++] = (uint8_t)(k == 0 ? 0 : k & 1);
        call(p, HVC, 0, id[i / 2 % 3]);
    }
}

/* One processor ends the machine while the other one makes calls. */
static void probe_ended(struct probe *p)
{
    static const uint32_t id[] = {0x84000008, 0x84000009, 0xc4000012, 0x84000015};
    /* movz w0, 0x8400, lsl 16; hvc #0 ... */
    static const uint8_t calls[16] = {0x00, 0x80, 0xb0, 0x52, 0x02, 0x00, 0x00, 0xd4,
                                      0x02, 0x00, 0x00, 0xd4, 0x02, 0x00, 0x00, 0xd4};

    for (unsigned i = 0; i < PROBE_COUNT(id) * 2 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = 2;
        p->s.psci = 0x13;
        memcpy(p->s.code[1], calls, sizeof(calls));
        p->s.ncode[1] = sizeof(calls);
        for (unsigned k = 0; k < 16; k++)
            p->s.sched[p->s.nsched++] = (uint8_t)((k >> (i & 1)) & 1);
        call(p, HVC, 0, id[i / 2]);
    }
}

/* Queries for features: which function is asked about. */
static void probe_queries(struct probe *p, const struct ids *ids)
{
    static const uint32_t query[] = {0x80000001, 0x8400000a, 0xc5000020, 0x84000051};

    for (unsigned i = 0; i < ids->n && !p->stop; i++) {
        for (unsigned q = 0; q < PROBE_COUNT(query); q++) {
            probe_default(p, TSP_ARCH_ARM64);
            probe_reg(p, 1, ids->id[i]);
            call(p, HVC, 0, query[q]);
            /* A 32-bit call takes a 32-bit argument, whatever stands above it. */
            probe_reg(p, 1, GARBAGE | ids->id[i]);
            call(p, HVC, 0, query[q]);
            probe_reg(p, 1, ids->id[i]);
            p->s.config |= TSP_CFG_PVTIME;
            if (query[q] == 0xc5000020) {
                call(p, HVC, 0, query[q]);
                probe_reg(p, 1, GARBAGE | ids->id[i]);
                call(p, HVC, 0, query[q]);
            }
            probe_reg(p, 1, ids->id[i]);
            p->s.config |= TSP_CFG_SYS_SUSPEND;
            if (query[q] == 0x8400000a)
                call(p, HVC, 0, query[q]);
        }
    }
}

/* Services switched off, firmware workarounds at their levels, arguments of the random source and
 * of PV time. */
static void probe_firmware(struct probe *p)
{
    static const uint32_t id[] = {0x80000000, 0x80000001, 0x80008000, 0x80007fff, 0x80003fff,
                                  0x84000050, 0x84000051, 0x84000052, 0x84000053, 0xc4000053,
                                  0x8600ff01, 0x86000000, 0x86000001, 0xc5000020, 0xc5000021,
                                  0x84000000, 0x8400000a};
    static const uint32_t bitmap[][3] = {{0, 1, 3}, {1, 0, 3}, {1, 1, 0},
                                         {1, 1, 1}, {1, 1, 2}, {0, 0, 0}};
    static const uint64_t arg[] = {
        0,          1,          2,          0x20,       0x21,
        0x60,       0x61,       0xc0,       0xc1,       0xffffffffffffffffull,
        0x80008000, 0x80007fff, 0x80003fff, 0xc5000021, 0x86000001};

    for (unsigned i = 0; i < PROBE_COUNT(id) && !p->stop; i++) {
        for (unsigned b = 0; b < PROBE_COUNT(bitmap); b++) {
            probe_default(p, TSP_ARCH_ARM64);
            memcpy(p->s.fw_bitmap, bitmap[b], sizeof(p->s.fw_bitmap));
            call(p, HVC, 0, id[i]);
        }
        for (unsigned a = 0; a < PROBE_COUNT(arg); a++) {
            probe_default(p, TSP_ARCH_ARM64);
            p->s.config |= a & 1 ? TSP_CFG_PVTIME : 0;
            probe_reg(p, 1, arg[a]);
            call(p, HVC, 0, id[i]);
        }
    }
}

/* Which workarounds there are, at each level; which services, with each of them filtered away. */
static void probe_discovery(struct probe *p)
{
    static const uint32_t asked[] = {0x80008000, 0x80007fff, 0x80003fff, 0xc5000020,
                                     0xc5000021, 0x84000050, 0x8600ff01};

    for (unsigned i = 0; i < PROBE_COUNT(asked); i++) {
        for (uint32_t level = 0; level < 4; level++) {
            probe_default(p, TSP_ARCH_ARM64);
            for (unsigned w = 0; w < 3; w++)
                p->s.workaround[w] =
                    level < 3 || w == 1 ? level : 0; /* level 3 is the second's alone */
            probe_reg(p, 1, asked[i]);
            call(p, HVC, 0, 0x80000001);
            call(p, HVC, 0, asked[i]);
            p->s.fw_bitmap[level % 3] = 0;
            call(p, HVC, 0, 0x80000001);
            call(p, HVC, 0, asked[i]);
        }
    }
}

/* Words next to the calls: other exception-generating instructions, and encodings that are not
 * allocated. */
static void probe_words(struct probe *p)
{
    static const uint32_t word[] = {0x00000000, 0xd4000006, 0xd4000007, 0xd400000a,
                                    0xd4000001, 0xd4200000, 0xd4001fe1};
    uint8_t code[4];

    for (unsigned i = 0; i < PROBE_COUNT(word) * 2; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.level = i & 1;
        le_store(code, word[i / 2], 4);
        probe_code(p, code, 4);
        probe_emit(p);
    }
}

/* Accesses and fetches beyond the addresses of the machine: aborts that the hypervisor makes
 * (torvalds/linux arch/arm64/kvm/mmu.c kvm_handle_guest_abort). */
static void probe_aborts(struct probe *p)
{
    static const uint32_t word[] = {0xf9400020 /* ldr x0, [x1] */, 0xf9000020 /* str x0, [x1] */,
                                    0xd61f0020 /* br x1 */};
    uint8_t code[4];

    for (unsigned i = 0; i < PROBE_COUNT(word) * 2; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.level = i & 1;
        probe_reg(p, 1, 1ull << 40);
        le_store(code, word[i / 2], 4);
        probe_code(p, code, 4);
        probe_emit(p);
    }
}

/* Loads from a device, which user space answers with ones: each width, sign and extent that a
 * syndrome describes (Arm DDI0487, ISS of a Data Abort, ISV). */
static void probe_device_loads(struct probe *p)
{
    static const uint32_t word[] = {0x39400020 /* ldrb w0, [x1] */,
                                    0x79400020 /* ldrh w0, [x1] */,
                                    0xb9400020 /* ldr w0, [x1] */,
                                    0xf9400020 /* ldr x0, [x1] */,
                                    0x39800020 /* ldrsb x0, [x1] */,
                                    0x39c00020 /* ldrsb w0, [x1] */,
                                    0x79800020 /* ldrsh x0, [x1] */,
                                    0x79c00020 /* ldrsh w0, [x1] */,
                                    0xb9800020 /* ldrsw x0, [x1] */};
    uint8_t code[4];

    for (unsigned i = 0; i < PROBE_COUNT(word) * 2; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.level = i & 1;
        probe_reg(p, 1, DEVICE);
        le_store(code, word[i / 2], 4);
        probe_code(p, code, 4);
        probe_emit(p);
    }
}

void probe_arm64(struct probe *p)
{
    struct ids ids = {.n = 0};

    collect(p->spec, &ids);
    probe_ids(p, &ids);
    probe_immediates(p);
    probe_psci(p);
    probe_power(p);
    probe_second(p);
    probe_started(p);
    probe_asked(p);
    probe_ended(p);
    probe_queries(p, &ids);
    probe_firmware(p);
    probe_discovery(p);
    probe_words(p);
    probe_aborts(p);
    probe_device_loads(p);
}
