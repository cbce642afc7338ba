/* SPDX-License-Identifier: MIT */
/* Xen's interface: each number, mode, privilege level, instruction and host; commands with good and
 * bad buffers; the hypercall page; leaves (Xen public/xen.h and the headers beside it). */
#include "fuzz/run/probe.h"

#include <string.h>

#include "trapspec/bits.h"

#define HV_BASE 0x40000000u
#define SECOND_BASE 0x40000100u
#define UNMAPPED 0x50000u
#define WORDS_AT 16u /* words that a call reads, behind the code */
#define NWORDS 4u
#define SLOTS 128u /* of the hypercall page */
#define HERE 1u    /* a value that stands for the address of the words */
#define GONE 2u

static const uint8_t call_insn[2][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};
static const struct probe_mode arg_modes[] = {{TSP_MODE_LONG64, 0, 0},
                                              {TSP_MODE_COMPAT32, 0, 0},
                                              {TSP_MODE_PROT32, 0, 0},
                                              {TSP_MODE_PROT32, 1, 0},
                                              {TSP_MODE_REAL16, 0, 0}};

static void start(struct probe *p, unsigned host, const struct probe_mode *m)
{
    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.persona[0] = TSP_PERSONA_XEN;
    p->s.host = host ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = host ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
}

static void call(struct probe *p, unsigned insn, uint64_t nr)
{
    probe_code(p, call_insn[insn], 3);
    probe_reg(p, TSP_RAX, nr);
    probe_emit(p);
}

static void probe_numbers(struct probe *p)
{
    static const uint64_t edge[] = {64,          0xff,         0xfff,      0x7fffffff, 0x80000000u,
                                    0x80000011u, 0xffffffffu,  1ull << 32, 1ull << 63, ~0ull,
                                    0x100000011, 0x8000000011, 0x20011};

    static const uint8_t few[] = {0, 11, 12, 17, 23, 24, 29, 34, 49, 63};

    for (unsigned i = 0; i < 4 * probe_nmodes && !p->stop; i++) {
        unsigned insn = i >> 1 & 1;
        bool native = insn == (i & 1), all = native && probe_modes[i >> 2].level == 0;

        start(p, i & 1, &probe_modes[i >> 2]);
        for (uint64_t nr = 0; all && nr < 64; nr++)
            call(p, insn, nr);
        for (unsigned k = 0; !all && k < PROBE_COUNT(few); k++)
            call(p, insn, few[k]);
        for (unsigned e = 0; native && e < PROBE_COUNT(edge); e++)
            call(p, insn, edge[e]);
        for (unsigned patch = 1; patch < TSP_PATCH_COUNT; patch++) {
            p->s.patch = (uint8_t)patch;
            call(p, insn, 17);
            call(p, insn, 11);
        }
    }
}

/* Number, three arguments (HERE and GONE are addresses), words of the buffer. */
struct xen_args {
    uint64_t nr, a[3];
    uint32_t word[NWORDS];
};

static const struct xen_args args[] = {
    {17, {0, 0}, {0}}, /* xen_version */
    {17, {0x100000000u, 0}, {0}},
    {17, {1, HERE}, {0}},
    {17, {2, HERE}, {0}},
    {17, {3, HERE}, {0}},
    {17, {4, HERE}, {0}},
    {17, {5, HERE}, {0}},
    {17, {6, HERE}, {0}},
    {17, {6, HERE}, {1}},
    {17, {6, HERE}, {0x80000000u}},
    {17, {7, 0}, {0}},
    {17, {7, HERE}, {0}},
    {17, {8, HERE}, {0}},
    {17, {9, HERE}, {0}},
    {17, {10, 0}, {0}},
    {17, {10, HERE}, {0}},
    {17, {11, HERE}, {0}},
    {17, {0xffffffffu, 0}, {0}},
    {29, {0, 0}, {0}}, /* sched_op */
    {29, {0x100000000u, 0}, {0}},
    {29, {1, 0}, {0}},
    {29, {2, HERE}, {0}},
    {29, {2, HERE}, {1}},
    {29, {2, HERE}, {2}},
    {29, {2, HERE}, {3}},
    {29, {2, HERE}, {0x103}},
    {29, {3, HERE}, {0, 128, 128, 0}},
    {29, {3, HERE}, {0, 129, 129, 0}},
    {29, {3, HERE}, {0, 0xffffffffu, 0xffffffffu, 0}},
    {29, {4, HERE}, {0x7ff0}},
    {29, {5, HERE}, {0}},
    {29, {6, HERE}, {0}},
    {29, {6, HERE}, {3, 1}},
    {29, {6, HERE}, {0xffffffffu, 1}},
    {29, {2, HERE}, {4}},
    {29, {2, HERE}, {5}},
    {29, {2, HERE}, {0x100}},
    {29, {2, HERE}, {0xffffff01u}},
    {29, {7, HERE}, {0}},
    {29, {8, HERE}, {0}},
    {29, {0xffffffffu, HERE}, {0}},
    {15, {0, 0}, {0}}, /* set_timer_op */
    {15, {~0ull, ~0ull}, {0}},
    {21, {0, 5}, {0}}, /* vm_assist */
    {21, {1, 5}, {0}},
    {21, {2, 5}, {0}},
    {21, {0, 0}, {0}},
    {21, {0, 63}, {0}},
    {21, {0, 64}, {0}},
    {21, {0, 0xffffffffu}, {0}},
    {34, {0, HERE}, {0x7ff0, 0, 0, 0}}, /* hvm_op */
    {34, {1, HERE}, {0x7ff0, 0, 0, 0}},
    {34, {0, HERE}, {0x7ff0, 64, 0, 0}},
    {34, {1, HERE}, {0x7ff0, 64, 0, 0}},
    {34, {1, HERE}, {0x7ff0, 0xffffffffu, 0, 0}},
    {34, {1, HERE}, {5, 0, 0, 0}},
    {34, {0, HERE}, {0x7ff4, 0, 0, 0}},
    {34, {1, HERE}, {0xffff, 0, 0, 0}},
    {34, {1, HERE}, {0x7ff0, 0, 0xaaaaaaaau, 0x55555555u}},
    {34, {5, 0}, {0}},
    {34, {5, HERE}, {0}},
    {34, {24, HERE}, {0}},
    {34, {26, HERE}, {0}},
    {34, {255, 0}, {0}},
    {34, {256, 0}, {0}},
    {12, {0, HERE}, {0}}, /* memory_op */
    {12, {2, 0}, {0}},
    {12, {3, HERE}, {0x7ff0}},
    {12, {4, HERE}, {0x7ff0}},
    {12, {6, HERE}, {0}},
    {12, {7, HERE}, {0x7ff0, 0, 0, 0}},
    {12, {7, HERE}, {0x7ff0, 4, 0, 0}},
    {12, {7, HERE}, {0x1234, 1, 0, 0}},
    {12, {3, HERE}, {0x7ff4}},
    {12, {4, HERE}, {0x7ff1}},
    {12, {14, HERE}, {0xffff}},
    {12, {7, HERE}, {0x7ff4, 0, 0, 0}},
    {12, {15, HERE}, {0x7ff4, 0, 0, 0}},
    {12, {12, HERE}, {0}},
    {12, {14, HERE}, {0x7ff0}},
    {12, {15, HERE}, {0x7ff0}},
    {12, {29, HERE}, {0}},
    {12, {63, HERE}, {0}},
    {12, {0x4c, HERE}, {0}},
    {32, {0, HERE}, {0}}, /* event_channel_op */
    {32, {3, HERE}, {0}},
    {32, {3, HERE}, {0x20000}},
    {32, {4, HERE}, {0}},
    {32, {0x100000004u, HERE}, {0}},
    {32, {4, HERE}, {1}},
    {32, {4, HERE}, {0x20000}},
    {32, {6, HERE}, {0x7ff0}},
    {32, {6, HERE}, {0x7ff4}},
    {32, {6, HERE}, {0x17ff0, 0xffffffffu}},
    {32, {1, HERE}, {24, 0, 0}},
    {32, {1, HERE}, {0xffffffffu, 0, 0}},
    {32, {7, HERE}, {0x2000}},
    {32, {7, HERE}, {0xffffffffu}},
    {32, {7, HERE}, {0, 0xffffffffu}},
    {32, {8, HERE}, {0, 0x2000}},
    {32, {8, HERE}, {1, 0xffffffffu}},
    {32, {7, HERE}, {0}},
    {32, {9, HERE}, {0}},
    {32, {9, HERE}, {0xffffffffu}},
    {32, {13, HERE}, {0}},
    {32, {14, HERE}, {0}},
    {32, {0xffffffffu, HERE}, {0}},
    {24, {3, 0}, {0}}, /* vcpu_op */
    {24, {3, 0x100000000u}, {0}},
    {24, {0x100000003u, 0}, {0}},
    {24, {3, 0x2000}, {0}},
    {24, {3, 0xffffffffu}, {0}},
    {24, {99, 0x2000}, {0}},
    {24, {1, 0}, {0}},
    {24, {2, 0}, {0}},
    {24, {4, 0, HERE}, {0}},
    {24, {4, 0, GONE}, {0}},
    {24, {11, 0, HERE}, {0}},
    {24, {12, 0, HERE}, {0}},
    {24, {16, 0, 0}, {0}},
    {24, {0xffffffffu, 0, 0}, {0}},
    {20, {3, HERE, 1}, {0}}, /* grant_table_op */
    {20, {4, HERE, 1}, {0}},
    {20, {6, HERE, 1}, {0x7ff0}},
    {20, {7, HERE, 1}, {0}},
    {20, {9, HERE, 1}, {0}},
    {20, {12, HERE, 1}, {0}},
    {20, {0x80000000u, HERE, 1}, {0}},
    {33, {6, HERE}, {0}}, /* physdev_op */
    {33, {8, HERE}, {0}},
    {33, {10, HERE}, {0}},
    {33, {15, HERE}, {0}},
    {33, {33, HERE}, {0}},
    {33, {0xffffffffu, HERE}, {0}},
    {13, {HERE, 0}, {0}}, /* multicall */
    {13, {HERE, 3}, {17, 0, 0, 0}},
    {13, {HERE, 3}, {29, 0, 2, 0x10010}}, /* 32 bits wide: a shutdown */
    {13, {GONE, 0}, {0}},
    {13, {GONE, 3}, {0}},
    {13, {GONE, 0xffffffffu}, {0}},
    {18, {0, 4, HERE}, {0}}, /* console_io */
    {18, {1, 4, HERE}, {0}},
    {18, {2, 0, 0}, {0}},
};

/* Code, end mark, words. */
static void put_words(struct probe *p, const uint32_t word[NWORDS])
{
    for (unsigned i = 0; i < NWORDS; i++)
        le_store(p->s.code[0] + WORDS_AT + (size_t)4 * i, word[i], 4);
    p->s.ncode[0] = WORDS_AT + 4 * NWORDS;
}

static uint64_t place(const struct probe *p, uint64_t a, bool gone)
{
    if (a == HERE && !gone)
        return p->s.code_at + WORDS_AT;
    return a == HERE || a == GONE ? UNMAPPED : a;
}

static void call_with(struct probe *p, unsigned insn, const struct xen_args *x, bool gone,
                      uint64_t dirt)
{
    static const uint8_t wide[3] = {TSP_RDI, TSP_RSI, TSP_RDX};
    static const uint8_t narrow[3] = {TSP_RBX, TSP_RCX, TSP_RDX};
    const uint8_t *reg = p->s.mode == TSP_MODE_LONG64 ? wide : narrow;

    /* The first argument is a command, and so is no address, but for lists of calls. */
    for (unsigned i = 0; i < 3; i++)
        probe_reg(p, reg[i], (i == 0 && x->nr != 13 ? x->a[0] : place(p, x->a[i], gone)) | dirt);
    probe_code(p, call_insn[insn], 3);
    probe_reg(p, TSP_RAX, x->nr | dirt);
    put_words(p, x->word);
    probe_emit(p);
}

/* A vCPU number of 1 or 2 would be taken for an address: rows have none. */
static void probe_arguments(struct probe *p)
{
    for (unsigned i = 0; i < PROBE_COUNT(args) && !p->stop; i++) {
        for (unsigned m = 0; m < PROBE_COUNT(arg_modes); m++) {
            start(p, (i + m) & 1, &arg_modes[m]);
            call_with(p, (i + m) & 1, &args[i], false, 0);
            call_with(p, (i + m) & 1, &args[i], true, 0);
            /* Outside 64-bit code only the low halves count. */
            if (m == 1 + i % 4)
                call_with(p, (i + m) & 1, &args[i], false, 0xdeadbeef00000000ull);
            p->s.level = 3;
            if (m == i % 4)
                call_with(p, (i + m) & 1, &args[i], false, 0);
        }
    }
}

/* Both ends of the page's MSR: taken, another index, no memory; what it reads as. */
static void probe_msr_page(struct probe *p, uint32_t msr)
{
    static const uint8_t wrmsr[] = {0x0f, 0x30}, rdmsr[] = {0x0f, 0x32};
    static const uint64_t value[] = {0x12000, 0x12001, 0x12fff, 0xfffff000u};

    probe_code(p, wrmsr, 2);
    probe_reg(p, TSP_RCX, msr);
    for (unsigned i = 0; i < PROBE_COUNT(value); i++) {
        probe_reg(p, TSP_RAX, value[i]);
        probe_emit(p);
    }
    probe_reg(p, TSP_RAX, value[0]);
    probe_reg(p, TSP_RDX, 1); /* above 4 GiB */
    probe_emit(p);
    probe_reg(p, TSP_RDX, 0);
    probe_code(p, rdmsr, 2);
    probe_emit(p);
}

/* Hyper-V's leaves below Xen's: bit 31 tells whose a call is. */
static void probe_viridian(struct probe *p)
{
    static const uint64_t nr[] = {17, 0x80000000u, 0x80000008u, 0x80000011u, 0xffffffff80000000u};

    for (unsigned i = 0; i < 4 * PROBE_COUNT(arg_modes) && !p->stop; i++) {
        start(p, i & 1, &arg_modes[i >> 2]);
        p->s.persona[1] = i & 2 ? TSP_PERSONA_HYPERV : TSP_PERSONA_NONE;
        p->s.hv_base[0] = SECOND_BASE;
        p->s.hv_base[1] = HV_BASE;
        p->s.leaf[0] = (struct tsp_leaf){.leaf = HV_BASE,
                                         .reg = {HV_BASE + 6, 0x7263694d, 0x666f736f, 0x76482074}};
        p->s.leaf[1] = (struct tsp_leaf){.leaf = HV_BASE + 1, .reg = {0x31237648}};
        p->s.nleaf = 2;
        probe_reg(p, TSP_RCX, 8); /* of 64-bit code: a long spin wait */
        for (unsigned k = 0; k < PROBE_COUNT(nr); k++)
            call(p, i & 1, nr[k]);
        probe_msr_page(p, 0x40000200);
    }
}

/* WRMSR that ends where a slot begins, within the page it asks for: the next bytes that execute are
 * the new ones. */
static void probe_page(struct probe *p)
{
    static const uint8_t wrmsr[] = {0x0f, 0x30};
    static const uint32_t msr[] = {0x40000000, 0x40000001, 0x40000200, 0x400002fe};

    for (unsigned i = 0; i < 2 * SLOTS && !p->stop; i++) {
        unsigned slot = i / 2;

        start(p, i & 1, &arg_modes[slot & 2]);
        p->s.code_at = 0x10000 + slot * 32 - 2;
        probe_code(p, wrmsr, 2);
        probe_reg(p, TSP_RCX, 0x40000000);
        probe_reg(p, TSP_RAX, slot == 0 ? 0x10000 : p->s.code_at & ~0xfffull);
        probe_emit(p);
    }
    for (unsigned i = 0; i < 8 * PROBE_COUNT(msr) && !p->stop; i++) {
        start(p, i & 1, &arg_modes[i & 2]);
        p->s.level = i & 4 ? 3 : 0;
        probe_msr_page(p, msr[i >> 3]);
    }
}

/* Guests of all vendors: leaves of the block, and what is above each class. */
static void probe_leaves(struct probe *p)
{
    static const uint8_t cpuid[] = {0x0f, 0xa2};
    static const uint32_t subleaf[] = {0, 1, 2, 3, 4, 63, 64, 0x100};
    static const uint32_t leaf[] = {
        0,          1,          4,          7,          0xb,        0xd,        0xe,
        0x1f,       0x20,       HV_BASE,    0x40000001, 0x40000002, 0x40000003, 0x40000004,
        0x40000005, 0x40000006, 0x400000ff, 0x40000100, 0x40000105, 0x4fffffff, 0x80000000,
        0x80000001, 0x80000008, 0x80000009, 0xc0000000, 0xc0000002, 0xffffffff};

    for (unsigned i = 0; i < 5 * PROBE_COUNT(leaf) && !p->stop; i++) {
        for (unsigned k = 0; k < PROBE_COUNT(subleaf); k++) {
            uint64_t sub = subleaf[k];

            start(p, 0, &arg_modes[0]);
            p->s.policy = (uint8_t)(INPUT_POLICY_NONE + i % 5);
            if (sub & 1 && leaf[i / 5] >> 8 == 0x400001) {
                p->s.hv_base[0] = SECOND_BASE;
                p->s.hv_base[1] = HV_BASE;
            }
            if (leaf[i / 5] == 0x20)
                p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){.leaf = 0x20};
            probe_code(p, cpuid, 2);
            probe_reg(p, TSP_RAX, leaf[i / 5]);
            probe_reg(p, TSP_RCX, sub);
            probe_emit(p);
        }
    }
}

/* What ordinary domains may not: domain 0, and one that does not know its number. */
static void probe_privileged(struct probe *p)
{
    static const struct xen_args asks[] = {{17, {10, 0}, {0}},
                                           {29, {7, HERE}, {0}},
                                           {18, {1, 4, HERE}, {0}},
                                           {18, {2, 0, 0}, {0}},
                                           {24, {12, 0, HERE}, {0}}};

    for (unsigned i = 0; i < 2 * PROBE_COUNT(asks) && !p->stop; i++) {
        start(p, i & 1, &arg_modes[0]);
        p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){
            .leaf = HV_BASE + 4, .flags = TSP_LEAF_INDEXED, .reg = {i & 1 ? 0x58 : 0x48}};
        call_with(p, i & 1, &asks[i / 2], false, 0);
    }
}

/* Each vCPU asks for its own number. */
static void probe_numbered(struct probe *p)
{
    static const uint8_t asks[] = {0xb8, 4,    0,    0,   0x40,
                                   0x31, 0xc9, 0x0f, 0xa2}; /* eax, ecx, cpuid */

    for (unsigned i = 0; i < 4 && !p->stop; i++) {
        start(p, i & 1, &arg_modes[0]);
        p->s.nvcpu = 2;
        for (unsigned v = 0; v < 2; v++) {
            memcpy(p->s.code[v], asks, sizeof(asks));
            p->s.ncode[v] = sizeof(asks);
        }
        for (unsigned k = 0; k < 8; k++)
            p->s.sched[p->s.nsched++] = (uint8_t)(k >> (i / 2) & 1);
        probe_emit(p);
    }
}

/* VMCALL with a prefix that makes it undefined, or does not, or does everywhere. */
static void probe_prefixes(struct probe *p)
{
    static const uint8_t prefix[] = {0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x2e};

    static const uint8_t other[][2] = {{0xcd, 0x82}, {0x0f, 0x05}}; /* of paravirtual guests */

    for (unsigned i = 0; i < 4 * PROBE_COUNT(other) && !p->stop; i++) {
        start(p, i & 1, &arg_modes[i & 2]);
        probe_code(p, other[i / 4], 2);
        probe_reg(p, TSP_RAX, 17);
        probe_emit(p);
    }
    for (unsigned i = 0; i < 4 * PROBE_COUNT(prefix) && !p->stop; i++) {
        const uint8_t *insn = call_insn[i & 1];
        uint8_t code[] = {prefix[i / 4], insn[0], insn[1], insn[2]};

        start(p, i & 1, &arg_modes[i & 2]);
        probe_code(p, code, sizeof(code));
        probe_reg(p, TSP_RAX, 17);
        probe_emit(p);
    }
}

void probe_xen(struct probe *p)
{
    probe_prefixes(p);
    probe_numbers(p);
    probe_arguments(p);
    probe_viridian(p);
    probe_page(p);
    probe_leaves(p);
    probe_numbered(p);
    probe_privileged(p);
}

static void hvc(struct probe *p, uint32_t imm, uint64_t nr, uint64_t cmd, uint64_t arg)
{
    uint8_t code[4];

    le_store(code, 0xd4000002u | imm << 5, 4);
    probe_code(p, code, 4);
    probe_reg(p, 16, nr);
    probe_reg(p, 0, cmd);
    probe_reg(p, 1, arg);
    probe_emit(p);
}

/* Number in X16, arguments from X0 on (Xen public/arch-arm.h). */
void probe_xen_arm64(struct probe *p)
{
    static const uint32_t imm[] = {0, 1, 0xea0, 0xea1, 0xea2, 0xff00, 0xffff};
    static const uint64_t cmd[] = {0, 1, 2, 5, 6, 7, 8, 10, 11, 0xffffffffu, 0x100000000u};
    static const uint64_t fid[] = {1,          2,          3,          0x8400ff00, 0x8400ff01,
                                   0x8400ff03, 0x8500ff02, 0x80000000, 0x80000001, 0x8500ff00,
                                   0x8500ff01, 0x8500ff03, 0x8600ff01, 0x84000000, 0xc5000020,
                                   0x80ff0000, 0xffffffff};

    for (unsigned el = 0; el < 2; el++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.persona[0] = TSP_PERSONA_XEN;
        p->s.level = (uint8_t)el;
        for (unsigned i = 0; i < PROBE_COUNT(imm) && !p->stop; i++)
            hvc(p, imm[i], 17, 0, 0);
        for (uint64_t nr = 0; nr <= 64 && !p->stop; nr++)
            hvc(p, 0xea1, nr, 0, 0);
        hvc(p, 0xea1, 0x100000011, 0, 0);
        hvc(p, 0xea1, ~0ull, 0, 0);
        for (unsigned i = 0; i < PROBE_COUNT(cmd) && !p->stop; i++) {
            hvc(p, 0xea1, 17, cmd[i], 0);
            hvc(p, 0xea1, 17, cmd[i], 0x40000000);
            hvc(p, 0xea1, 29, cmd[i], 0);
            hvc(p, 0xea1, 21, cmd[i], 5);
            hvc(p, 0xea1, 21, cmd[i], 64);
        }
        for (unsigned i = 0; i < PROBE_COUNT(fid) && !p->stop; i++)
            for (unsigned k = 0; k < 3; k++)
                hvc(p, 0, 17, fid[i], k == 2 ? 0x80008000 : 0x80000001 + k);
    }
}
