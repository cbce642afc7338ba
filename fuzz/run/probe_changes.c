/* SPDX-License-Identifier: MIT */
/*
 * A guest that changes what answers follow, and asks then: CR4, XCR0, the local APIC's base, the
 * width of its code; and another vCPU, which asks while the first one does (Intel SDM Vol. 2A
 * CPUID; Vol. 3A 2.5, 2.6, 10.4.3).
 */
#include "fuzz/run/probe.h"

#include <string.h>

#include "fuzz/run/probe_text.h"

#define MSR_APIC_BASE 0x1bu
#define APIC_AT 0xfee00100u
#define SEL_CODE32 0x08u
#define SEL_CODE64 0x18u
#define CALL_NONE 99u
#define CALL_SEND_IPI 10u

static const uint32_t ask[][2] = {{1, 0}, {7, 0}, {0xd, 0}, {0xd, 1}, {0x80000001, 0}};

static void start(struct probe *p, bool amd)
{
    probe_default(p, TSP_ARCH_X86);
    p->s.host = amd ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = amd ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    p->s.config |= TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
}

/* MOV rAX, CR4; XOR EAX, bit; MOV CR4, rAX */
static void put_cr4(struct probe_text *t, uint32_t bit)
{
    const uint8_t code[] = {0x0f,
                            0x20,
                            0xe0,
                            0x35,
                            (uint8_t)bit,
                            (uint8_t)(bit >> 8),
                            (uint8_t)(bit >> 16),
                            (uint8_t)(bit >> 24),
                            0x0f,
                            0x22,
                            0xe0};

    probe_put(t, code, sizeof(code));
}

static void put_xcr0(struct probe_text *t, uint32_t value)
{
    static const uint8_t xsetbv[] = {0x0f, 0x01, 0xd1};

    probe_put_mov(t, TSP_RCX, 0);
    probe_put_mov(t, TSP_RAX, value);
    probe_put_mov(t, TSP_RDX, 0);
    probe_put(t, xsetbv, sizeof(xsetbv));
}

/* One thing that changes, and the set-up that it starts from. */
static void put_change(struct probe *p, struct probe_text *t, unsigned what)
{
    switch (what) {
    case 0:
        put_cr4(t, 1u << 18);
        break;
    case 1:
        p->s.cpu |= INPUT_CPU_OSXSAVE;
        put_cr4(t, 1u << 18);
        break;
    case 2:
        put_cr4(t, 1u << 22);
        break;
    case 3:
        p->s.cpu |= INPUT_CPU_OSXSAVE;
        p->s.xcr0 = 1;
        put_xcr0(t, 7);
        break;
    case 4:
        p->s.cpu |= INPUT_CPU_OSXSAVE;
        p->s.xcr0 = 7;
        put_xcr0(t, 1);
        break;
    case 5:
        probe_put_wrmsr(t, MSR_APIC_BASE, APIC_AT);
        break;
    default:
        p->s.cpu |= INPUT_CPU_APIC_OFF;
        probe_put_wrmsr(t, MSR_APIC_BASE, APIC_AT | 0x800);
        break;
    }
}

static void take_turns(struct probe *p)
{
    for (unsigned i = 0; i < 60; i++)
        p->s.sched[p->s.nsched++] = (uint8_t)(i & 1);
}

/* Before, after, and by the other vCPU all the while. */
static void probe_changed(struct probe *p)
{
    static const struct probe_mode mode[] = {{TSP_MODE_LONG64, 0, 0}, {TSP_MODE_PROT32, 0, 0}};

    for (unsigned i = 0; i < 7 * PROBE_COUNT(ask) * 8 && !p->stop; i++) {
        const uint32_t *q = ask[i / 8 % PROBE_COUNT(ask)];
        struct probe_text t = {.n = 0}, u = {.n = 0};

        start(p, i & 1);
        probe_mode(p, &mode[i >> 1 & 1]);
        p->s.nvcpu = i & 4 ? 2 : 1;
        probe_put_cpuid(&t, q[0], q[1]);
        put_change(p, &t, i / 8 / (unsigned)PROBE_COUNT(ask));
        probe_put_cpuid(&t, q[0], q[1]);
        probe_code(p, t.byte, t.n);
        if (i & 4) {
            for (unsigned k = 0; k < 5; k++)
                probe_put_cpuid(&u, q[0], q[1]);
            probe_put(&u, (const uint8_t *)"\xf4", 1);
            memcpy(p->s.code[1], u.byte, u.n);
            p->s.ncode[1] = (uint32_t)u.n;
            take_turns(p);
        }
        probe_emit(p);
    }
}

/* An interrupt for a vCPU whose APIC is off by now, or on. */
static void probe_apic(struct probe *p)
{
    for (unsigned i = 0; i < 4 && !p->stop; i++) {
        const uint8_t call[] = {0x0f, 0x01, i & 1 ? 0xd9 : 0xc1};
        struct probe_text t = {.n = 0};

        start(p, i & 1);
        put_change(p, &t, i & 2 ? 5 : 6);
        probe_put_mov(&t, TSP_RBX, 1);
        probe_put_mov(&t, TSP_RDX, 0);
        probe_put_mov(&t, TSP_RSI, 0x41);
        probe_put_mov(&t, TSP_RCX, 0);
        probe_put_mov(&t, TSP_RAX, CALL_SEND_IPI);
        probe_put(&t, call, sizeof(call));
        probe_code(p, t.byte, t.n);
        probe_emit(p);
    }
}

/* FAR RET to code of the other width, behind itself; then a question, a call and a call that fails
 * with dirty upper halves. */
static void probe_width(struct probe *p)
{
    for (unsigned i = 0; i < PROBE_COUNT(ask) * 4 && !p->stop; i++) {
        const uint8_t call[] = {0x0f, 0x01, i & 1 ? 0xd9 : 0xc1};
        bool wide = (i & 2) != 0; /* to begin with */
        struct probe_text t = {.n = 0};
        uint32_t to = INPUT_X86_CODE + (wide ? 9 : 8);
        const uint8_t ret[] = {0x6a,
                               wide ? SEL_CODE32 : SEL_CODE64,
                               0x68,
                               (uint8_t)to,
                               (uint8_t)(to >> 8),
                               (uint8_t)(to >> 16),
                               (uint8_t)(to >> 24)};

        start(p, i & 1);
        p->s.mode = wide ? TSP_MODE_LONG64 : TSP_MODE_COMPAT32;
        probe_put(&t, ret, sizeof(ret));
        probe_put(&t, wide ? (const uint8_t *)"\x48\xcb" : (const uint8_t *)"\xcb", wide ? 2 : 1);
        probe_put_cpuid(&t, ask[i / 4][0], ask[i / 4][1]);
        probe_put_mov(&t, TSP_RAX, CALL_NONE);
        probe_put(&t, call, sizeof(call));
        probe_code(p, t.byte, t.n);
        probe_emit(p);
    }
}

/* The last bytes that 16-bit code can have: pc does not wrap behind them. */
static void probe_ends(struct probe *p)
{
    static const struct probe_mode mode[] = {
        {TSP_MODE_REAL16, 0, 0}, {TSP_MODE_PROT16, 0, 0}, {TSP_MODE_COMPAT16, 0, 0}};
    static const uint8_t insn[][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}, {0x0f, 0xa2, 0x90}};

    for (unsigned i = 0; i < 18 && !p->stop; i++) {
        const uint8_t *code = insn[i / 2 % 3];
        unsigned n = code[1] == 0xa2 ? 2 : 3;

        start(p, i & 1);
        probe_mode(p, &mode[i / 6]);
        p->s.code_at = 0x10000u - n;
        memset(p->s.code[0], 0, sizeof(p->s.code[0]));
        memcpy(p->s.code[0], code, n);
        p->s.ncode[0] = n;
        probe_emit(p);
    }
}

void probe_changes(struct probe *p)
{
    probe_changed(p);
    probe_apic(p);
    probe_width(p);
    probe_ends(p);
}
