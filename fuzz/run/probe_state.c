/* SPDX-License-Identifier: MIT */
/*
 * CPUID in states that a guest reaches by itself: after a WRMSR to IA32_XSS, IA32_APIC_BASE or
 * IA32_TSX_CTRL, in every mode with each bit of CR4 that shows, and at privilege levels 1 and 2,
 * where a FAR RET takes it (Intel SDM Vol. 2A CPUID; Vol. 4; Vol. 3A 5.8).
 */
#include "fuzz/run/probe.h"

#include <string.h>

#include "fuzz/run/probe_text.h"

#define MSR_APIC_BASE 0x1bu
#define MSR_TSX_CTRL 0x122u
#define MSR_XSS 0xda0u
#define X2APIC 0xfee00d00u
#define XSAVE_LEAF 0xdu
#define GDT 0x1000u
#define SEL_CODE32 0x08u
#define SEL_DATA 0x10u
#define SEL_CODE64 0x18u
#define IOPL3 0x3000u
#define STACK 0xc000u

static void start(struct probe *p, bool amd)
{
    probe_default(p, TSP_ARCH_X86);
    p->s.host = amd ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = amd ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
}

static void add(struct probe *p, uint32_t leaf, uint32_t sub, const uint32_t reg[4])
{
    struct tsp_leaf *l = &p->s.leaf[p->s.nleaf++];

    *l = (struct tsp_leaf){.leaf = leaf, .subleaf = sub, .flags = TSP_LEAF_INDEXED};
    memcpy(l->reg, reg, sizeof(l->reg));
}

/* Leaf and sub-leaf, after a write to a register. */
static void write_ask(struct probe *p, uint32_t msr, uint64_t value, uint32_t leaf, uint32_t sub)
{
    struct probe_text t = {.n = 0};

    probe_put_wrmsr(&t, msr, value);
    probe_put_cpuid(&t, leaf, sub);
    probe_code(p, t.byte, t.n);
    probe_emit(p);
}

/* Compacting instructions one by one, and supervisor components: size, place, flags (bit 0: of
 * IA32_XSS, bit 1: aligned) of their sub-leaves. */
static void probe_xss(struct probe *p)
{
    static const uint32_t can[] = {0, 2, 8, 0xa, 0xf};
    static const uint64_t xss[] = {0, 0x100, 0x800, 0x1800, 0x1900};
    static const uint32_t part[][5] = {
        {8, 0x80, 0, 1, 0}, {11, 0x10, 0, 1, 0}, {12, 0x18, 0, 3, 0}, {9, 8, 0xa80, 0, 0}};
    static const uint32_t xcr0[] = {1, 7, 0x207};

    for (unsigned i = 0; i < 5 * 5 * 3 * 2 && !p->stop; i++) {
        const uint32_t first[4] = {0x207, 0x340, 0xa88, 0};
        const uint32_t second[4] = {can[i / 30], 0, i & 1 ? 0x1800 : 0x1900, 0};

        start(p, i & 1);
        p->s.cpu |= INPUT_CPU_OSXSAVE;
        p->s.xcr0 = xcr0[i / 2 % 3];
        add(p, XSAVE_LEAF, 0, first);
        add(p, XSAVE_LEAF, 1, second);
        for (unsigned k = 0; k < PROBE_COUNT(part); k++)
            add(p, XSAVE_LEAF, part[k][0], part[k] + 1);
        if (i / 6 % 5 == 0) {
            probe_code(p, (const uint8_t *)"\x0f\xa2", 2);
            probe_reg(p, TSP_RAX, XSAVE_LEAF);
            probe_reg(p, TSP_RCX, 1);
            probe_emit(p);
        }
        write_ask(p, MSR_XSS, xss[i / 6 % 5], XSAVE_LEAF, 1);
        write_ask(p, MSR_XSS, xss[i / 6 % 5], XSAVE_LEAF, 0);
    }
}

/* Bit 0 disables transactions, bit 1 hides them: as the vCPU was given it, and as it is written. */
static void probe_tsx(struct probe *p)
{
    /* The second vendor's processors have no transactions. */
    static const uint32_t leaf7[2][4] = {{0, 0x811, 0, 1u << 29}, {0, 1, 0, 1u << 29}};

    for (unsigned i = 0; i < 32 && !p->stop; i++) {
        static const uint32_t sub[] = {0, 1};

        start(p, i & 1);
        add(p, 7, 0, leaf7[i & 1]);
        p->s.msr[p->s.nmsr++] = (struct tsp_msr){MSR_TSX_CTRL, i >> 1 & 3};
        if (i & 8) {
            write_ask(p, MSR_TSX_CTRL, (i >> 1 & 3) ^ 2, 7, sub[i >> 4]);
            continue;
        }
        probe_code(p, (const uint8_t *)"\x0f\xa2", 2);
        probe_reg(p, TSP_RAX, 7);
        probe_reg(p, TSP_RCX, sub[i >> 4]);
        probe_emit(p);
    }
}

static void probe_x2apic(struct probe *p)
{
    static const uint32_t leaf[] = {1, 0xb, 0x1f, 0x8000001e};

    for (unsigned i = 0; i < PROBE_COUNT(leaf) * 2 && !p->stop; i++) {
        start(p, i & 1);
        p->s.apic_id = i & 4 ? 0x123 : 3;
        write_ask(p, MSR_APIC_BASE, X2APIC, leaf[i / 2], 0);
    }
}

/* What CR4 shows in one place it shows nowhere else, in whatever mode. */
static void probe_mirrors(struct probe *p)
{
    static const struct {
        uint32_t leaf, sub;
    } q[] = {{1, 0}, {7, 0}, {7, 1}, {7, 2}, {0xd, 0}};
    static const uint32_t cpu[] = {0, INPUT_CPU_OSXSAVE, INPUT_CPU_PKE,
                                   INPUT_CPU_OSXSAVE | INPUT_CPU_PKE};
    static const uint32_t none[4] = {0};

    for (unsigned i = 0; i < probe_nmodes * PROBE_COUNT(cpu) * 2 && !p->stop; i++) {
        for (unsigned k = 0; k < PROBE_COUNT(q); k++) {
            static const uint32_t leaf7[4] = {2, 0, 8, 0};

            start(p, i & 1);
            probe_mode(p, &probe_modes[i / 8]);
            p->s.cpu |= cpu[i / 2 % 4];
            add(p, 7, 0, leaf7);
            add(p, 7, 1, none);
            add(p, 7, 2, none);
            probe_code(p, (const uint8_t *)"\x0f\xa2", 2);
            probe_reg(p, TSP_RAX, q[k].leaf);
            probe_reg(p, TSP_RCX, q[k].sub);
            probe_emit(p);
        }
    }
}

/* A processor with more leaves than the base policies have, and one with fewer. */
static void probe_long_policies(struct probe *p)
{
    static const uint32_t text[2][3] = {{0x756e6547, 0x6c65746e, 0x49656e69},
                                        {0x68747541, 0x444d4163, 0x69746e65}};
    static const uint32_t max[] = {1, 4, 0x16, 0x1f, 0x23, 0x24};
    static const uint32_t ask[] = {0, 4, 0x15, 0x16, 0x1f, 0x20, 0x23, 0x24, 0x25, 0xff};

    for (unsigned i = 0; i < PROBE_COUNT(max) * PROBE_COUNT(ask) * 2 && !p->stop; i++) {
        uint32_t top = max[i / 2 / PROBE_COUNT(ask)];
        const uint32_t first[4] = {top, text[i & 1][0], text[i & 1][1], text[i & 1][2]};
        static const uint32_t clocks[4] = {0x9c4, 0xce4, 0x64, 0};

        start(p, i & 1);
        p->s.leaf[p->s.nleaf++] =
            (struct tsp_leaf){.reg = {first[0], first[1], first[2], first[3]}};
        if (top == 0x16 && !(i & 1))
            add(p, top, 0, clocks);
        probe_code(p, (const uint8_t *)"\x0f\xa2", 2);
        probe_reg(p, TSP_RAX, ask[i / 2 % PROBE_COUNT(ask)]);
        probe_emit(p);
    }
}

/* FAR RET to the same code and stack at an outer level: their descriptors get it first. */
static void put_level(struct probe_text *t, unsigned level, bool wide)
{
    uint8_t code = (uint8_t)(wide ? SEL_CODE64 : SEL_CODE32), dpl = (uint8_t)(level << 5);
    uint32_t at[2] = {GDT + code + 5u, GDT + SEL_DATA + 5u};
    uint32_t to = INPUT_X86_CODE;

    for (unsigned i = 0; i < 2; i++) { /* MOV EBX, descriptor; OR BYTE [EBX], DPL */
        const uint8_t or_byte[] = {0x80, 0x0b, dpl};

        probe_put_mov(t, TSP_RBX, at[i]);
        probe_put(t, or_byte, sizeof(or_byte));
    }
    to += (uint32_t)t->n + 4 * 5 + (wide ? 2 : 1);
    for (unsigned i = 0; i < 4; i++) { /* PUSH imm32: SS, stack pointer, CS, where to */
        uint32_t v = i == 0 ? SEL_DATA | level : i == 1 ? STACK : i == 2 ? code | level : to;
        const uint8_t push[] = {0x68, (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                                (uint8_t)(v >> 24)};

        probe_put(t, push, sizeof(push));
    }
    probe_put(t, wide ? (const uint8_t *)"\x48\xcb" : (const uint8_t *)"\xcb", wide ? 2 : 1);
}

static void probe_rings(struct probe *p)
{
    static const uint8_t insn[][3] = {
        {0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}, {0x0f, 0xa2, 0x90}, {0x0f, 0x30, 0x90}};
    static const uint64_t nr[] = {1, 5, 9, 13};

    for (unsigned i = 0; i < 2 * 2 * 2 * 4 * 4 && !p->stop; i++) {
        struct probe_text t = {.n = 0};
        bool wide = i & 1, call = i / 8 % 4 < 2;
        unsigned level = 1 + (i >> 1 & 1);
        static const uint8_t end[] = {0xe6, INPUT_END_PORT};

        start(p, i >> 2 & 1);
        p->s.mode = wide ? TSP_MODE_LONG64 : TSP_MODE_PROT32;
        p->s.flags |= IOPL3;
        p->s.config |= TSP_CFG_HOST_TSC;
        if (i & 128) {
            p->s.cpu |= INPUT_CPU_FAULTING;
            p->s.config |= TSP_CFG_GUEST_FAULTING;
        }
        put_level(&t, level, wide);
        probe_put_mov(&t, TSP_RAX, (uint32_t)(call ? nr[i / 32] : 1));
        probe_put_mov(&t, TSP_RBX, INPUT_X86_DATA);
        probe_put_mov(&t, TSP_RCX, call ? 0 : 0x11);
        probe_put(&t, insn[i / 8 % 4], 3);
        probe_put(&t, end, sizeof(end));
        probe_code(p, t.byte, t.n);
        probe_emit(p);
    }
}

/* The same question again: what answers in parts told how often it is to be asked (leaf 2, SDM Vol.
 * 2A) does not count the times. */
static void probe_repeats(struct probe *p)
{
    static const uint32_t leaf[] = {2, 4, 6, 0xa, 0x14, 0x15, 0x16, 0x80000002, 0x80000004};

    for (unsigned i = 0; i < PROBE_COUNT(leaf) * 2 && !p->stop; i++) {
        struct probe_text t = {.n = 0};

        start(p, i & 1);
        for (unsigned k = 0; k < 5; k++)
            probe_put_cpuid(&t, leaf[i / 2], 0);
        probe_code(p, t.byte, t.n);
        probe_emit(p);
    }
}

void probe_state(struct probe *p)
{
    probe_xss(p);
    probe_tsx(p);
    probe_x2apic(p);
    probe_mirrors(p);
    probe_long_policies(p);
    probe_rings(p);
    probe_repeats(p);
}
