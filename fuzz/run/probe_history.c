/* SPDX-License-Identifier: MIT */
/*
 * Interfaces that nobody ships any more. lguest: every number before and after its first call, what
 * its checks look at, other privilege levels, VMCALL that is rewritten. VMI: where each call is,
 * and each call that there may be. The generic proposal: leaves that are there and that are not, at
 * several places at once.
 */
#include "fuzz/run/probe.h"
#include "fuzz/run/probe_text.h"

#include "trapspec/bits.h"

#define LGUEST_LAST 22u
#define DATA_SYSCALL 1388u
#define SYSCALL_VECTOR 0x80u
#define ROM 0xc8000u
#define VMI_LAST 76u
#define TF 0x100u
#define SYSENTER_CS 0x174u
#define TOP 0xfffff000u

static const uint8_t int_1f[] = {0xcd, 0x1f};
static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};

/* ---- lguest ---- */

static void lguest(struct probe *p, uint8_t level)
{
    probe_default(p, TSP_ARCH_X86);
    p->s.persona[0] = TSP_PERSONA_LGUEST;
    p->s.mode = TSP_MODE_PROT32;
    p->s.level = level;
    p->s.code_at = INPUT_X86_CODE;
}

static void emit(struct probe *p, const struct probe_text *t)
{
    probe_code(p, t->byte, t->n);
    probe_emit(p);
}

/* MOV DWORD [at], v */
static void put_store(struct probe_text *t, uint32_t at, uint32_t v)
{
    uint8_t b[10] = {0xc7, 0x05};

    le_store(b + 2, at, 4);
    le_store(b + 6, v, 4);
    probe_put(t, b, sizeof(b));
}

static void put_init(struct probe_text *t, uint32_t data)
{
    put_store(t, INPUT_X86_DATA + DATA_SYSCALL, SYSCALL_VECTOR);
    probe_put_mov(t, TSP_RBX, data);
    probe_put_mov(t, TSP_RAX, 1);
    probe_put(t, int_1f, sizeof(int_1f));
}

static void put_call(struct probe_text *t, uint32_t nr, const uint32_t arg[3])
{
    probe_put_mov(t, TSP_RBX, arg[0]);
    probe_put_mov(t, TSP_RCX, arg[1]);
    probe_put_mov(t, TSP_RDX, arg[2]);
    probe_put_mov(t, TSP_RAX, nr);
    probe_put(t, int_1f, sizeof(int_1f));
}

/* Arguments that the checks look at, for each number. */
static void lguest_calls(struct probe *p)
{
    static const struct {
        uint32_t nr, arg[3];
    } row[] = {{2, {INPUT_X86_DATA, 1, 0}},
               {2, {INPUT_X86_DATA, 2, 0}},
               {2, {0x7ffff000, 3, 0}},
               {4, {0x9000, 0, 0}},
               {5, {1, 0, 0}},
               {6, {0, 0, 0x8e00}},
               {6, {255, 0, 0x8f00}},
               {6, {256, 0, 0x8e00}},
               {6, {14, 0, 0x8c00}},
               {6, {14, 0, 0x8500}},
               {6, {14, 0, 0x0c00}},
               {6, {2, 0, 0x8c00}},
               {6, {8, 0, 0x8c00}},
               {6, {15, 0, 0x8c00}},
               {6, {31, 0, 0x8c00}},
               {6, {0xffffffff, 0, 0}},
               {7, {0x69, 0xe000, 1}},
               {7, {0x69, 0xe000, 2}},
               {7, {0x69, 0xe000, 3}},
               {7, {0x68, 0xe000, 1}},
               {7, {0x6a, 0xe000, 1}},
               {7, {0x6b, 0xe000, 1}},
               {8, {1, 0, 0}},
               {16, {INPUT_X86_DATA, 0, 0}},
               {16, {0x7ffff000, 0, 0}},
               {17, {0x1000, 0, 0}},
               {18, {0, 0, 0}},
               {18, {31, 0, 0}},
               {18, {32, 0, 0}},
               {18, {0xffffffff, 0, 0}}};
    static const uint32_t none[3];

    for (unsigned first = 0; first < 2; first++)
        for (uint32_t nr = 0; nr <= LGUEST_LAST + 3 && !p->stop; nr++) {
            static const uint32_t far[] = {0x80000000u, 0x10005u, 0xffffffffu};
            struct probe_text t = {.n = 0};

            lguest(p, 1);
            if (first == 0)
                put_init(&t, INPUT_X86_DATA);
            put_call(&t, nr <= LGUEST_LAST ? nr : far[nr - LGUEST_LAST - 1], none);
            emit(p, &t);
        }
    for (unsigned i = 0; i < PROBE_COUNT(row) && !p->stop; i++) {
        struct probe_text t = {.n = 0};

        lguest(p, 1);
        p->s.paging = row[i].nr == 4;
        put_init(&t, INPUT_X86_DATA);
        put_call(&t, row[i].nr, row[i].arg);
        emit(p, &t);
    }
}

/* The first call, with data that are there or not, twice; a timer before a halt. */
static void lguest_first(struct probe *p)
{
    static const uint32_t data[] = {INPUT_X86_DATA, 0x3ff00, 0x40000, 0x7ffff000, 0xfffffff0};
    static const uint32_t delta[3] = {1000}, none[3];

    for (unsigned i = 0; i < PROBE_COUNT(data) && !p->stop; i++) {
        struct probe_text t = {.n = 0};

        lguest(p, 1);
        put_init(&t, data[i]);
        emit(p, &t);
        put_init(&t, data[i]);
        emit(p, &t);
    }
    for (unsigned i = 0; i < 2 && !p->stop; i++) {
        struct probe_text t = {.n = 0};

        lguest(p, 1);
        put_init(&t, INPUT_X86_DATA);
        put_call(&t, 9, i ? delta : none);
        put_call(&t, 10, none);
        emit(p, &t);
    }
}

/* Who may call, how the instruction may look, and where there is no such guest. */
static void lguest_gate(struct probe *p)
{
    static const struct {
        uint8_t n, code[4];
    } row[] = {{2, {0xcd, 0x1f}},       {3, {0x66, 0xcd, 0x1f}},
               {3, {0x2e, 0xcd, 0x1f}}, {3, {0xf0, 0xcd, 0x1f}},
               {2, {0xcd, 0x20}},       {2, {0xcd, 0x1e}},
               {2, {0xcd, 0x80}},       {1, {0xcc}}};

    for (unsigned i = 0; i < 4 * PROBE_COUNT(row) && !p->stop; i++) {
        struct probe_text t = {.n = 0};

        lguest(p, i & 1 ? 3 : 1);
        p->s.flags = i & 2 ? TF : 0;
        if (!(i & 3))
            put_init(&t, INPUT_X86_DATA);
        probe_put(&t, row[i / 4].code, row[i / 4].n);
        probe_put(&t, row[i / 4].code, row[i / 4].n);
        emit(p, &t);
    }
    for (unsigned i = 0; i < probe_nmodes && !p->stop; i++) {
        probe_default(p, TSP_ARCH_X86);
        probe_mode(p, &probe_modes[i]);
        p->s.persona[0] = TSP_PERSONA_LGUEST;
        input_fold(&p->s);
        probe_code(p, int_1f, sizeof(int_1f));
        probe_emit(p);
        probe_mode(p, &probe_modes[i]);
        p->s.persona[0] = TSP_PERSONA_KVM;
        p->s.persona[1] = TSP_PERSONA_LGUEST;
        probe_emit(p);
    }
}

/* VMCALL and VMMCALL: rewritten or not, at both levels, with and without a prefix, in text that may
 * be written or not, across a page end, and where linear addresses are no physical ones. */
static void lguest_vmcall(struct probe *p)
{
    static const uint8_t code[][4] = {{0x0f, 0x01, 0xc1},
                                      {0x0f, 0x01, 0xd9},
                                      {0x66, 0x0f, 0x01, 0xc1},
                                      {0x2e, 0x0f, 0x01, 0xc1},
                                      {0xf0, 0x0f, 0x01, 0xc1}};
    static const uint64_t at[] = {INPUT_X86_CODE, 0x10ffe, 0x10fff, TOP};

    for (unsigned i = 0; i < 2 * TSP_PATCH_COUNT * 2 * PROBE_COUNT(code) && !p->stop; i++) {
        unsigned c = i / (4 * TSP_PATCH_COUNT);

        lguest(p, i & 2 ? 3 : 1);
        p->s.host = i & 1 ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        p->s.patch = (uint8_t)(i / 4 % TSP_PATCH_COUNT);
        probe_code(p, code[c], c < 2 ? 3 : 4);
        probe_emit(p);
    }
    for (unsigned i = 0; i < 4 * PROBE_COUNT(at) && !p->stop; i++) {
        lguest(p, 1);
        p->s.paging = 1;
        p->s.code_at = at[i / 4];
        if (i & 1)
            p->s.pte[0] &= (uint8_t)~INPUT_PTE_W;
        if (i & 2)
            p->s.cpu |= INPUT_CPU_ROM;
        probe_code(p, vmcall, sizeof(vmcall));
        probe_emit(p);
    }
    for (unsigned i = 0; i < 2 && !p->stop; i++) { /* called afterwards, and with a second vCPU */
        struct probe_text t = {.n = 0};

        lguest(p, 1);
        p->s.nvcpu = (uint8_t)(1 + i);
        put_init(&t, INPUT_X86_DATA);
        probe_put_mov(&t, TSP_RAX, 0);
        probe_put(&t, vmcall, sizeof(vmcall));
        emit(p, &t);
    }
}

/* ---- VMI ---- */

static void put_near(struct probe *p, struct probe_text *t, uint32_t to)
{
    uint8_t b[5] = {0xe8};

    le_store(b + 1, to - (uint32_t)(p->s.code_at + t->n + sizeof(b)), 4);
    probe_put(t, b, sizeof(b));
}

static void vmi(struct probe *p, unsigned host)
{
    probe_default(p, TSP_ARCH_X86);
    p->s.persona[0] = TSP_PERSONA_VMI;
    p->s.mode = TSP_MODE_PROT32;
    p->s.code_at = INPUT_X86_CODE;
    p->s.host = host ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = host ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
}

/* Where is the call? MOV EDI, EAX; CALL EDI with these arguments where it is somewhere. */
static void vmi_ask(struct probe *p, uint32_t nr, bool call, uint32_t eax, uint32_t ecx)
{
    static const uint8_t keep[] = {0x89, 0xc7}, test[] = {0x85, 0xff, 0x74, 0x0c};
    static const uint8_t call_edi[] = {0xff, 0xd7};
    struct probe_text t = {.n = 0};

    put_near(p, &t, ROM + 0x80);
    probe_put_mov(&t, TSP_RAX, nr);
    put_near(p, &t, ROM + 0x88);
    if (call) {
        probe_put(&t, keep, sizeof(keep));
        probe_put(&t, test, sizeof(test)); /* TEST EDI, EDI; JZ behind the call */
        probe_put_mov(&t, TSP_RAX, eax);
        probe_put_mov(&t, TSP_RCX, ecx);
        probe_put(&t, call_edi, sizeof(call_edi));
    }
    emit(p, &t);
}

static void vmi_calls(struct probe *p)
{
    static const uint32_t leaf[] = {0, 1, 0x80000002u, 0x80000004u, 0x40000000u};
    static const uint32_t msr[] = {0x10, SYSENTER_CS, 0xc0000080u};
    static const uint32_t mask[] = {0, 0x200, 0x202, 0xfffffdffu, 0xffffffffu};
    static const uint64_t flags[] = {0, 0x200, 0x8d5, 0x300};

    for (uint32_t nr = 0; nr <= VMI_LAST && !p->stop; nr++) {
        for (unsigned i = 0; i < 2 * PROBE_COUNT(flags); i++) {
            vmi(p, i & 1);
            p->s.flags = flags[i / 2];
            vmi_ask(p, nr, true, 1, SYSENTER_CS);
        }
    }
    for (unsigned i = 0; i < PROBE_COUNT(leaf) && !p->stop; i++) {
        vmi(p, i & 1);
        vmi_ask(p, 0, true, leaf[i], 0);
    }
    for (unsigned i = 0; i < PROBE_COUNT(msr) && !p->stop; i++) {
        vmi(p, 0);
        vmi_ask(p, 2, true, 0, msr[i]);
    }
    for (unsigned i = 0; i < 2 * PROBE_COUNT(mask) && !p->stop; i++) {
        vmi(p, 0);
        p->s.flags = i & 1 ? 0x200 : 0;
        vmi_ask(p, 32, true, mask[i / 2], 0);
    }
    vmi(p, 0);
    vmi_ask(p, 0xffffffffu, false, 0, 0);
    vmi(p, 0);
    vmi_ask(p, 36, true, 0, 0);
}

/* The instruction elsewhere, at other levels and in other modes. */
static void vmi_elsewhere(struct probe *p)
{
    for (unsigned i = 0; i < 2 * probe_nmodes && !p->stop; i++) {
        vmi(p, i & 1);
        probe_mode(p, &probe_modes[i / 2]);
        probe_code(p, vmcall, sizeof(vmcall));
        probe_emit(p);
    }
    vmi(p, 0);
    p->s.level = 3;
    vmi_ask(p, 19, true, 0, 0);
    vmi(p, 0);
    p->s.persona[0] = TSP_PERSONA_KVM;
    p->s.persona[1] = TSP_PERSONA_VMI;
    probe_code(p, vmcall, sizeof(vmcall));
    probe_emit(p);
}

/* ---- the generic proposal ---- */

/* Blocks at one or two places; the leaf after the highest one, between two and of the next. */
static void generic(struct probe *p)
{
    static const uint32_t off[] = {0, 1, 2, 0xf, 0x10, 0x11, 0x20, 0x30, 0xff, 0x100, 0x101, 0x110};

    for (unsigned i = 0; i < 2 * 3 * PROBE_COUNT(off) && !p->stop; i++) {
        const uint8_t cpuid[] = {0x0f, 0xa2};
        uint32_t base = 0x40000000u + i / 2 % 3 * 0x100;

        probe_default(p, TSP_ARCH_X86);
        p->s.persona[0] = TSP_PERSONA_GENERIC;
        p->s.persona[1] = i & 1 ? TSP_PERSONA_KVM : TSP_PERSONA_NONE;
        p->s.hv_base[0] = base;
        p->s.hv_base[1] = base + 0x100;
        p->s.leaf[p->s.nleaf++] = (struct tsp_leaf){
            .leaf = base, .reg = {base + 0x30, 0x20637261, 0x6e616765, 0x2e6c6172}};
        p->s.leaf[p->s.nleaf++] =
            (struct tsp_leaf){.leaf = base + 0x10, .reg = {2500000, 66000, 0, 0}};
        probe_code(p, cpuid, sizeof(cpuid));
        probe_reg(p, TSP_RAX, base + off[i / 6]);
        probe_emit(p);
    }
}

void probe_history(struct probe *p)
{
    lguest_calls(p);
    lguest_first(p);
    lguest_gate(p);
    lguest_vmcall(p);
    vmi_calls(p);
    vmi_elsewhere(p);
    generic(p);
}
