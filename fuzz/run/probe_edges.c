/* SPDX-License-Identifier: MIT */
/*
 * Each bit of a question, alone: what a hypervisor that does not look at all of its input would get
 * wrong. Registers that must stay hold something in every bit, ids are not zero, leaves that are
 * rare in machines are offered.
 */
#include "fuzz/run/probe.h"

#include "trapspec/bits.h"

#include <string.h>

#define HV_BASE 0x40000000u
#define HVC 0xd4000002u

static const uint8_t cpuid_insn[] = {0x0f, 0xa2}, vmcall_insn[] = {0x0f, 0x01, 0xc1};

static void ask(struct probe *p, uint32_t leaf, uint32_t sub)
{
    probe_code(p, cpuid_insn, sizeof(cpuid_insn));
    probe_reg(p, TSP_RAX, leaf);
    probe_reg(p, TSP_RCX, sub);
    probe_emit(p);
}

static void add(struct probe *p, uint32_t leaf, uint32_t sub, const uint32_t reg[4])
{
    struct tsp_leaf *l = &p->s.leaf[p->s.nleaf++];

    *l = (struct tsp_leaf){.leaf = leaf, .subleaf = sub, .flags = TSP_LEAF_INDEXED};
    memcpy(l->reg, reg, sizeof(l->reg));
}

static void probe_question_bits(struct probe *p)
{
    static const uint32_t base[] = {0, 1, HV_BASE, HV_BASE + 1, 0x80000000u, 0x80000008u};

    for (unsigned vendor = 0; vendor < 2; vendor++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.policy = vendor ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        for (unsigned bit = 0; bit < 32 && !p->stop; bit++) {
            for (unsigned i = 0; i < PROBE_COUNT(base); i++)
                ask(p, base[i] ^ 1u << bit, 0);
            ask(p, 4, 1u << bit);
            ask(p, 7, 1u << bit);
            ask(p, 0xb, 1u << bit);
            ask(p, 0xd, 1u << bit);
        }
    }
}

/* A vCPU whose ids are neither zero nor those of the policy, in the leaves that tell them. */
static void probe_ids(struct probe *p)
{
    static const uint32_t id[] = {1, 0x7f, 0xff, 0x12345};
    static const uint32_t leaf[] = {1, 0xb, 0x1f, 0x8000001e, 0x80000026};
    static const uint32_t first[4] = {1, 2, 0x100, 0x66}, next[4] = {4, 8, 0x201, 0x66},
                          one[4] = {0x6f0, 0x66000800, 0x84000000u, 0x178bfbff};

    for (unsigned i = 0; i < PROBE_COUNT(id) * PROBE_COUNT(leaf) * 6 && !p->stop; i++) {
        bool amd = (i & 1) != 0;

        probe_default(p, TSP_ARCH_X86);
        p->s.policy = amd ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        p->s.apic_id = id[i / 6 % PROBE_COUNT(id)];
        add(p, 0xb, 0, first);
        add(p, 0xb, 1, next);
        if (!amd)
            add(p, 0x1f, 0, first);
        if (!amd)
            add(p, 0x1f, 1, next);
        if (amd)
            add(p, 0x80000026u, 0, first);
        add(p, 1, 0, one);
        p->s.leaf[p->s.nleaf - 1].flags = 0;
        ask(p, leaf[i / 6 / PROBE_COUNT(id)], i / 2 % 3);
    }
}

/* Leaves with sub-leaves: the last one, and those behind it. */
static void probe_last_sub(struct probe *p)
{
    static const uint32_t zero[4] = {0, 0, 0, 0},
                          level[2][4] = {{1, 2, 0x100, 0}, {4, 8, 0x201, 0}},
                          cache[2][4] = {{0x121, 0x1c0003f, 0x3f, 0}, {0x122, 0x1c0003f, 0x3f, 0}};
    static const uint32_t sub[] = {0, 1, 2, 3, 5, 0x40, 0xff, 0x100, 0xffffffffu};
    static const uint32_t empty[] = {0xf, 0x10, 0x14, 0x1d};

    for (unsigned i = 0; i < PROBE_COUNT(sub); i++) {
        probe_default(p, TSP_ARCH_X86);
        for (unsigned k = 0; k < PROBE_COUNT(empty); k++)
            add(p, empty[k], 0, zero);
        for (unsigned k = 0; k < 2; k++)
            add(p, 0x1f, k, level[k]);
        for (unsigned k = 0; k < PROBE_COUNT(empty); k++)
            ask(p, empty[k], sub[i]);
        ask(p, 0x1f, sub[i]);
        ask(p, 4, sub[i]);
        probe_default(p, TSP_ARCH_X86);
        p->s.policy = INPUT_POLICY_AMD;
        for (unsigned k = 0; k < 2; k++)
            add(p, 0x8000001du, k, cache[k]);
        ask(p, 0x8000001du, sub[i]);
    }
}

/* The highest leaf of each class, which the policy does not hold: in range all the same. */
static void probe_edges_of_range(struct probe *p)
{
    static const uint32_t leaf[] = {2,           3,           0x40000001u, 0x40000002u,
                                    0x80000004u, 0x80000005u, 0xc0000002u, 0xc0000003u};
    static const uint32_t data[4] = {0x6f0, 0, 0, 0x1},
                          intel[4] = {1, 0x756e6547, 0x6c65746e, 0x49656e69},
                          centaur[4] = {1, 0x746e6543, 0x736c7561, 0x48727561},
                          kvm[4] = {0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d},
                          ext[4] = {0x80000004, 0, 0, 0}, zhaoxin[4] = {0xc0000002, 0, 0, 0};

    for (unsigned i = 0; i < PROBE_COUNT(leaf) * 2; i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.policy = INPUT_POLICY_NONE;
        add(p, 0, 0, i & 1 ? centaur : intel);
        add(p, 1, 0, data);
        add(p, HV_BASE, 0, kvm);
        add(p, 0x80000000u, 0, ext);
        if (i & 1)
            add(p, 0xc0000000u, 0, zhaoxin);
        for (unsigned k = 0; k < p->s.nleaf; k++)
            p->s.leaf[k].flags = 0;
        ask(p, leaf[i / 2], 0);
    }
}

/* Nobody below: no hypervisor bit, no block. A block that is longer than its first leaf, one that
 * stands higher, with the bit that halting hides. */
static void probe_blocks(struct probe *p)
{
    static const uint32_t longer[4] = {0x40000010, 0x4b4d564b, 0x564b4d56, 0x4d};

    probe_default(p, TSP_ARCH_X86);
    p->s.persona[0] = p->s.persona[1] = TSP_PERSONA_NONE;
    ask(p, 1, 0);
    ask(p, HV_BASE, 0);
    probe_default(p, TSP_ARCH_X86);
    add(p, HV_BASE, 0, longer);
    p->s.leaf[0].flags = 0;
    ask(p, HV_BASE, 0);
    for (unsigned i = 0; i < 4; i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.hv_base[0] = i & 1 ? 0x40000100 : HV_BASE;
        p->s.hv_base[1] = 0x40000200;
        p->s.config |= i & 2 ? TSP_CFG_HLT_NOEXIT : 0;
        ask(p, p->s.hv_base[0] + 1, 0);
    }
    probe_default(p, TSP_ARCH_X86);
    add(p, 0x80000007u, 0, (const uint32_t[4]){0, 0, 0, 0});
    p->s.leaf[0].flags = 0;
    ask(p, 0x80000007u, 0);
}

/* Components of XSAVE that want alignment, and one that IA32_XSS switches on. */
static void probe_xsave(struct probe *p)
{
    static const uint32_t part[][5] = {{2, 0x100, 0x240, 0, 0},  {8, 0x80, 0, 1, 0},
                                       {9, 8, 0xa80, 0, 0},      {11, 0x10, 0, 1, 0},
                                       {12, 0x18, 0, 1, 0},      {17, 0x40, 0xac0, 2, 0},
                                       {18, 0x2000, 0xb00, 6, 0}};
    /* mov ecx, 0xda0; xor edx, edx; mov eax, 0x100; wrmsr; mov eax, 0xd; mov ecx, 1; cpuid */
    static const uint8_t code[] = {0xb9, 0xa0, 0x0d, 0x00, 0x00, 0x31, 0xd2, 0xb8, 0x00,
                                   0x01, 0x00, 0x00, 0x0f, 0x30, 0xb8, 0x0d, 0x00, 0x00,
                                   0x00, 0xb9, 0x01, 0x00, 0x00, 0x00, 0x0f, 0xa2};
    static const uint32_t xcr0[] = {3, 7, 0x207, 0x60207};

    for (unsigned i = 0; i < PROBE_COUNT(xcr0) * 2; i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.xcr0 = xcr0[i / 2];
        add(p, 0xd, 0, (const uint32_t[4]){0x60207, 0x2b00, 0x2b00, 0});
        add(p, 0xd, 1, (const uint32_t[4]){0xf, 0x2b00, 0x1900, 0});
        for (unsigned k = 0; k < PROBE_COUNT(part); k++)
            add(p, 0xd, part[k][0], &part[k][1]);
        if (i & 1) {
            probe_code(p, code, sizeof(code));
            probe_emit(p);
        } else {
            ask(p, 0xd, 0);
            ask(p, 0xd, 1);
        }
    }
}

static void call(struct probe *p, uint64_t nr, const uint64_t a[4])
{
    static const uint8_t reg[4] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI};

    for (unsigned i = 0; i < 4; i++)
        probe_reg(p, reg[i], a[i]);
    probe_code(p, vmcall_insn, 3);
    probe_reg(p, TSP_RAX, nr);
    probe_emit(p);
}

/* Every register holds something in both halves; the number has one bit too many. */
static void probe_call_bits(struct probe *p)
{
    static const uint64_t none[4] = {0, 0, 0, 0};

    for (unsigned m = 0; m < 2; m++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.mode = m ? TSP_MODE_COMPAT32 : TSP_MODE_LONG64;
        for (unsigned bit = 4; bit < 64; bit++)
            call(p, 1 | (uint64_t)1 << bit, none);
        for (unsigned r = 0; r < 16; r++)
            if (r != TSP_RSP)
                probe_reg(p, r, 0xa5a5000080001234u + ((uint64_t)r << 32) + r);
        probe_reg(p, TSP_RSP, 0xffff800000016000u);
        probe_code(p, vmcall_insn, 3);
        probe_reg(p, TSP_RAX, 1);
        probe_emit(p);
    }
}

/* Arguments at their edges, with the vCPU that they name there. */
static void probe_call_edges(struct probe *p)
{
    static const struct {
        uint64_t nr, a[4];
        uint32_t id, config;
    } row[] = {
        {9, {0x12000, 0x10000, 0, 0}, 0, TSP_CFG_HOST_TSC},
        {9, {0x12000, 1ull << 31, 0, 0}, 0, TSP_CFG_HOST_TSC},
        {9, {INPUT_X86_RAM - 8, 0, 0, 0}, 0, TSP_CFG_HOST_TSC},
        {9, {INPUT_X86_RAM - 64, 0, 0, 0}, 0, TSP_CFG_HOST_TSC},
        {9, {INPUT_X86_RAM - 63, 0, 0, 0}, 0, TSP_CFG_HOST_TSC},
        {10, {1, 0, 0, 0xfb}, 0, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
        {10, {8, 0, 0, 0xfb}, 3, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
        {10, {1ull << 63, 0, 0, 0xfb}, 63, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
        {10, {0, 8, 0, 0xfb}, 67, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
        {10, {1, 0, 0x103, 0xfb}, 0x103, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
        {10, {1, 0, 0x103, 0xfb}, 3, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
        {10, {~0ull, ~0ull, 0, 0xfb}, 127, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
        {10, {~0ull, ~0ull, 0, 0xfb}, 128, TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON},
    };

    for (unsigned i = 0; i < PROBE_COUNT(row); i++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.apic_id = row[i].id;
        p->s.config |= row[i].config;
        call(p, row[i].nr, row[i].a);
    }
}

/* UD1 takes a ModRM byte and what that asks for: too long with many prefixes, past the limit at the
 * end of a segment. */
static void probe_long_undefined(struct probe *p)
{
    static const uint8_t ud1[] = {0x0f, 0xb9, 0x84, 0x24, 0x78, 0x56, 0x34, 0x12};
    uint8_t code[24];

    for (unsigned n = 4; n < 14; n++) {
        probe_default(p, TSP_ARCH_X86);
        memset(code, 0x2e, n);
        memcpy(code + n, ud1, sizeof(ud1));
        probe_code(p, code, n + sizeof(ud1));
        probe_emit(p);
    }
    for (unsigned left = 2; left < 5; left++) {
        probe_default(p, TSP_ARCH_X86);
        p->s.mode = TSP_MODE_REAL16;
        p->s.code_at = 0x10000 - left;
        probe_code(p, ud1, left);
        probe_emit(p);
    }
}

/* The last byte of the instruction lies past the limit of CS: 0xffff and 4 GiB - 1. */
static void probe_past_limit(struct probe *p)
{
    static const uint8_t code[][4] = {
        {3, 0x0f, 0x01, 0xc1}, {3, 0x0f, 0x01, 0xd9}, {2, 0x0f, 0xa2, 0},
        {2, 0x0f, 0x0b, 0},    {3, 0x0f, 0xb9, 0xc0}, {3, 0x0f, 0xff, 0xc0},
    };

    for (unsigned i = 0; i < PROBE_COUNT(code) * 4; i++) {
        const uint8_t *c = code[i / 4];

        for (unsigned inside = 1; inside < c[0]; inside++) {
            probe_default(p, TSP_ARCH_X86);
            p->s.host = i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
            p->s.mode = i & 2 ? TSP_MODE_COMPAT32 : TSP_MODE_REAL16;
            p->s.code_at = (i & 2 ? 0x100000000u : 0x10000u) - inside;
            probe_code(p, c + 1, c[0]);
            probe_emit(p);
        }
    }
}

/* The gate of #UD cannot be used, or its stack is not mapped: another exception comes instead. */
static void probe_undelivered(struct probe *p)
{
    static const struct {
        uint8_t mode, n, code[8];
    } row[] = {
        {TSP_MODE_LONG64, 8, {0xc6, 0x04, 0x25, 0x65, 0x20, 0, 0, 0}}, /* not present */
        {TSP_MODE_LONG64, 8, {0xc6, 0x04, 0x25, 0x65, 0x20, 0, 0, 0x0e}},
        {TSP_MODE_LONG64, 8, {0xc6, 0x04, 0x25, 0x64, 0x20, 0, 0, 1}}, /* IST1, which is 0 */
        {TSP_MODE_PROT32, 7, {0xc6, 0x05, 0x35, 0x20, 0, 0, 0}},
        {TSP_MODE_PROT32, 7, {0xc6, 0x05, 0x35, 0x20, 0, 0, 0x0e}},
    };
    static const uint8_t end[][3] = {{0x0f, 0x0b, 0xf4}, {0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

    for (unsigned i = 0; i < PROBE_COUNT(row) * PROBE_COUNT(end); i++) {
        uint8_t code[11];
        unsigned n = row[i / PROBE_COUNT(end)].n;

        probe_default(p, TSP_ARCH_X86);
        p->s.mode = row[i / PROBE_COUNT(end)].mode;
        p->s.patch = TSP_PATCH_INJECT;
        memcpy(code, row[i / PROBE_COUNT(end)].code, n);
        memcpy(code + n, end[i % PROBE_COUNT(end)], 3);
        probe_code(p, code, n + 3);
        probe_emit(p);
    }
}

/* No hypervisor shows itself: what traps is undefined, whoever is below. */
static void probe_bare(struct probe *p)
{
    static const uint8_t insn[][3] = {{0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

    for (unsigned i = 0; i < probe_nmodes * 4; i++) {
        probe_default(p, TSP_ARCH_X86);
        probe_mode(p, &probe_modes[i / 4]);
        p->s.persona[0] = p->s.persona[1] = TSP_PERSONA_NONE;
        p->s.host = i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        p->s.policy = i & 1 ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
        probe_code(p, insn[i >> 1 & 1], 3);
        probe_emit(p);
    }
}

/* One event, the migration, and something that looks at what was to move. */
static void moved(struct probe *p, const uint8_t *code, size_t n)
{
    probe_code(p, code, n);
    for (unsigned to = 0; to < 2; to++) {
        p->s.nmove = 1;
        p->s.move[0] = (struct input_move){1, to ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL};
        probe_emit(p);
    }
    p->s.nmove = 0;
}

static void probe_moved_leaves(struct probe *p)
{
    static const uint32_t leaf[] = {HV_BASE, HV_BASE + 1, 1, 7, 0xb, 0xd, 0x80000001u};

    for (unsigned i = 0; i < PROBE_COUNT(leaf) * 2; i++) {
        /* cpuid; mov eax, LEAF; xor ecx, ecx; cpuid */
        uint8_t code[] = {0x0f, 0xa2, 0xb8, 0, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2};

        probe_default(p, TSP_ARCH_X86);
        p->s.apic_id = 5;
        p->s.xcr0 = 7;
        p->s.level = i & 1 ? 3 : 0;
        p->s.cpu |= INPUT_CPU_OSXSAVE | INPUT_CPU_PKE;
        le_store(code + 3, leaf[i / 2], 4);
        moved(p, code, sizeof(code));
    }
}

/* Stack, handlers, control and debug registers, an interrupt under way, registers of the model. */
static void probe_moved_state(struct probe *p)
{
    static const struct {
        uint8_t mode, level, n, code[24];
    } row[] = {
        /* push 7; cpuid; pop rax; vmcall */
        {TSP_MODE_PROT32, 0, 8, {0x6a, 7, 0x0f, 0xa2, 0x58, 0x0f, 0x01, 0xc1}},
        {TSP_MODE_REAL16, 0, 8, {0x6a, 7, 0x0f, 0xa2, 0x58, 0x0f, 0x01, 0xc1}},
        /* cpuid; ud2 */
        {TSP_MODE_LONG64, 0, 4, {0x0f, 0xa2, 0x0f, 0x0b}},
        {TSP_MODE_PROT32, 0, 4, {0x0f, 0xa2, 0x0f, 0x0b}},
        {TSP_MODE_LONG64, 3, 4, {0x0f, 0xa2, 0x0f, 0x0b}},
        /* mov eax, 5; mov cr8, rax; vmcall; mov rax, cr8; vmcall */
        {TSP_MODE_LONG64,
         0,
         19,
         {0xb8, 5, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, 0x0f, 0x01, 0xc1, 0x44, 0x0f, 0x20, 0xc0, 0x0f,
          0x01, 0xc1}},
        /* mov eax, 5; mov dr0, rax; vmcall; mov rax, dr0; vmcall */
        {TSP_MODE_LONG64,
         0,
         17,
         {0xb8, 5, 0, 0, 0, 0x0f, 0x23, 0xc0, 0x0f, 0x01, 0xc1, 0x0f, 0x21, 0xc0, 0x0f, 0x01,
          0xc1}},
        /* cpuid; mov ecx, IA32_MISC_ENABLE; rdmsr */
        {TSP_MODE_LONG64, 0, 9, {0x0f, 0xa2, 0xb9, 0xa0, 0x01, 0, 0, 0x0f, 0x32}},
        /* the same of KVM's clock: mov ecx, 0x12; rdmsr */
        {TSP_MODE_LONG64, 0, 9, {0x0f, 0xa2, 0xb9, 0x12, 0, 0, 0, 0x0f, 0x32}},
        {TSP_MODE_LONG64, 0, 9, {0x0f, 0xa2, 0xb9, 0x11, 0, 0, 0, 0x0f, 0x32}},
        {TSP_MODE_LONG64, 0, 9, {0x0f, 0xa2, 0xb9, 0x00, 0x4d, 0x56, 0x4b, 0x0f, 0x32}},
        {TSP_MODE_LONG64, 0, 9, {0x0f, 0xa2, 0xb9, 0x01, 0x4d, 0x56, 0x4b, 0x0f, 0x32}},
        /* vmcall at CPL 3, then a CPUID that faults */
        {TSP_MODE_LONG64, 3, 5, {0x0f, 0x01, 0xc1, 0x0f, 0xa2}},
    };

    for (unsigned i = 0; i < PROBE_COUNT(row); i++) {
        struct probe_mode m = {row[i].mode, 0, row[i].level};

        probe_default(p, TSP_ARCH_X86);
        probe_mode(p, &m);
        if (i + 1 == PROBE_COUNT(row)) {
            p->s.cpu |= INPUT_CPU_FAULTING;
            p->s.config |= TSP_CFG_GUEST_FAULTING;
        }
        p->s.msr[0] = (struct tsp_msr){0x1a0, 0x40001};
        p->s.nmsr = 1;
        moved(p, row[i].code, row[i].n);
    }
    /* An IPI to itself, taken after the machine has moved: vmcall; nop; nop */
    probe_default(p, TSP_ARCH_X86);
    p->s.config |= TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;
    p->s.flags |= 0x200;
    probe_reg(p, TSP_RAX, 10);
    probe_reg(p, TSP_RBX, 1);
    probe_reg(p, TSP_RSI, 0xfb);
    moved(p, (const uint8_t[5]){0x0f, 0x01, 0xc1, 0x90, 0x90}, 5);
}

void probe_edges(struct probe *p)
{
    probe_long_undefined(p);
    probe_past_limit(p);
    probe_undelivered(p);
    probe_bare(p);
    probe_question_bits(p);
    probe_ids(p);
    probe_last_sub(p);
    probe_edges_of_range(p);
    probe_blocks(p);
    probe_xsave(p);
    probe_call_bits(p);
    probe_call_edges(p);
    probe_moved_leaves(p);
    probe_moved_state(p);
}

static void hvc(struct probe *p, uint64_t id)
{
    uint8_t code[4];

    le_store(code, HVC, 4);
    probe_code(p, code, 4);
    probe_reg(p, 0, id);
    probe_emit(p);
}

/* Exceptions that are taken on the other stack pointer, or on the one in use: the two differ. */
static void probe_two_stacks(struct probe *p)
{
    static const uint32_t insn[] = {0, 0xd4000001u, 0xd4200000u, HVC, 0xd4000003u};
    uint8_t code[4];

    for (unsigned i = 0; i < PROBE_COUNT(insn) * 2; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.level = i & 1;
        probe_reg(p, 31, INPUT_ARM64_CODE - 0x100);
        le_store(code, insn[i / 2], 4);
        probe_code(p, code, 4);
        probe_emit(p);
    }
}

/* Each bit of function ids that are served, and of a power state; a suspend that is denied because
 * another core is on. */
void probe_edges_arm64(struct probe *p)
{
    static const uint32_t id[] = {0x80000000, 0x80000001, 0x84000000, 0x84000050,
                                  0x86000000, 0xc5000020, 0x8600ff01};
    static const uint8_t wfi[4] = {0x7f, 0x20, 0x03, 0xd5};

    probe_two_stacks(p);
    for (unsigned i = 0; i < 12; i++) {
        static const uint32_t workaround[] = {0x80008000, 0x80007fff, 0x80003fff};

        probe_default(p, TSP_ARCH_ARM64);
        for (unsigned k = 0; k < 3; k++)
            p->s.workaround[k] = k == 1 ? i % 4 : i % 3;
        hvc(p, workaround[i / 4]);
    }
    for (unsigned bit = 0; bit < 32 && !p->stop; bit++) {
        for (unsigned i = 0; i < PROBE_COUNT(id); i++) {
            probe_default(p, TSP_ARCH_ARM64);
            probe_reg(p, 1, 0x80000000u);
            hvc(p, id[i] ^ 1u << bit);
        }
        probe_default(p, TSP_ARCH_ARM64);
        probe_reg(p, 1, (uint64_t)1 << bit);
        hvc(p, 0x84000001);
        hvc(p, 0xc4000001);
    }
    for (unsigned once = 0; once < 1; once++) {
        uint8_t code[8] = {0};

        le_store(code, HVC, 4);
        probe_default(p, TSP_ARCH_ARM64);
        probe_reg(p, 0, 0x80000000u);
        p->s.nmove = 1;
        p->s.move[0] = (struct input_move){1, TSP_VENDOR_INTEL};
        probe_code(p, code, 8);
        probe_emit(p);
        p->s.nmove = 0;
    }
    /* AFFINITY_INFO about another, with a level that has bits above its 32. */
    for (unsigned i = 0; i < 8; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = 2;
        p->s.cpu |= i & 1 ? INPUT_CPU_SECOND_OFF : 0;
        memcpy(p->s.code[1], wfi, 4);
        p->s.ncode[1] = 4;
        probe_reg(p, 1, i & 2 ? 1 : 0);
        probe_reg(p, 2, i & 4 ? 0x100000001u : 0x100000000u);
        hvc(p, 0xc4000004);
    }
    for (unsigned i = 0; i < 4; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = 2;
        p->s.config |= TSP_CFG_SYS_SUSPEND;
        p->s.cpu |= i & 1 ? INPUT_CPU_SECOND_OFF : 0;
        memcpy(p->s.code[1], wfi, 4);
        p->s.ncode[1] = 4;
        probe_reg(p, 1, INPUT_ARM64_CODE);
        hvc(p, i & 2 ? 0xc400000e : 0x8400000e);
    }
}
