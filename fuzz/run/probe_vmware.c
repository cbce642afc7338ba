/* SPDX-License-Identifier: MIT */
/* VMware's backdoor: commands by the port and by both hypercall instructions, in each mode, with
 * and without what leaf 0x40000010 offers (open-vm-tools lib/include/backdoor_def.h). */
#include "fuzz/run/probe.h"

#define MAGIC 0x564d5868u
#define PORT 0x5658u
#define TIMING_LEAF 0x40000010u

enum way { BY_PORT = 0, BY_VMCALL, BY_VMMCALL, WAYS };

static const uint8_t insn[WAYS][3] = {{0xed}, {0x0f, 0x01, 0xc1}, {0x0f, 0x01, 0xd9}};

static void start(struct probe *p, unsigned host, const struct probe_mode *m)
{
    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.persona[0] = TSP_PERSONA_VMWARE;
    p->s.host = host ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = host ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
}

/* IN reads 32 bits in 16-bit code with the operand-size prefix alone. */
static void request(struct probe *p, enum way way, uint32_t command, uint32_t dx)
{
    uint32_t mode = p->s.mode;
    bool small = mode == TSP_MODE_REAL16 || mode == TSP_MODE_VM86 || mode == TSP_MODE_PROT16 ||
                 mode == TSP_MODE_COMPAT16;
    const uint8_t in[] = {0x66, 0xed};

    if (way == BY_PORT)
        probe_code(p, small ? in : in + 1, small ? 2 : 1);
    else
        probe_code(p, insn[way], 3);
    probe_reg(p, TSP_RAX, MAGIC);
    probe_reg(p, TSP_RBX, 0xffffffffu);
    probe_reg(p, TSP_RCX, command);
    probe_reg(p, TSP_RDX, dx);
    probe_emit(p);
}

static void probe_commands(struct probe *p)
{
    static const uint32_t few[] = {0, 1, 2, 10, 18, 20, 30, 45, 68, 91, 100};
    static const uint32_t edge[] = {101,     102,     0x7f,       0x80,      0xff,       0xfff,
                                    0x1000a, 0x3000a, 0xffff000a, 0x1000044, 0xffffffffu};

    for (unsigned i = 0; i < 2 * probe_nmodes && !p->stop; i++) {
        unsigned host = i & 1;

        for (unsigned way = BY_PORT; way < WAYS; way++) {
            uint32_t dx = way == BY_PORT ? PORT : 0;

            bool all = probe_modes[i / 2].mode == TSP_MODE_LONG64 && way <= BY_VMCALL + host;

            start(p, host, &probe_modes[i / 2]);
            for (uint32_t command = 0; all && command < 101; command++)
                request(p, (enum way)way, command, dx);
            for (unsigned e = 0; !all && e < PROBE_COUNT(few); e++)
                request(p, (enum way)way, few[e], dx);
            for (unsigned e = 0; e < PROBE_COUNT(edge); e++)
                request(p, (enum way)way, edge[e], dx);
            request(p, (enum way)way, 10, dx | 0xabcd0000u);
            request(p, (enum way)way, 10, way == BY_PORT ? PORT - 1 : 1); /* high bandwidth */
            request(p, (enum way)way, 10, way == BY_PORT ? PORT + 1 : 3);
        }
    }
}

/* Instructions that are offered or not, frequencies, whatever the rewrite is asked to be. */
static void probe_offers(struct probe *p)
{
    static const uint32_t khz[] = {0, 1, 999, 1000, 2500000, 4294968, 0xffffffffu};

    for (unsigned i = 0; i < 2 * 4 * TSP_PATCH_COUNT && !p->stop; i++) {
        start(p, i & 1, &probe_modes[0]);
        p->s.patch = (uint8_t)(i / 8);
        p->s.leaf[p->s.nleaf++] =
            (struct tsp_leaf){.leaf = TIMING_LEAF, .reg = {1000000, 66000, i / 2 % 4, 0}};
        for (unsigned way = BY_PORT; way < WAYS; way++)
            request(p, (enum way)way, 10, way == BY_PORT ? PORT : 0);
    }
    for (unsigned i = 0; i < 2 * PROBE_COUNT(khz) && !p->stop; i++) {
        start(p, i & 1, &probe_modes[0]);
        p->s.leaf[p->s.nleaf++] =
            (struct tsp_leaf){.leaf = TIMING_LEAF, .reg = {khz[i / 2], 66000, 3, 0}};
        for (unsigned way = BY_PORT; way < WAYS; way++) {
            request(p, (enum way)way, 1, way == BY_PORT ? PORT : 0);
            request(p, (enum way)way, 45, way == BY_PORT ? PORT : 0);
        }
    }
}

/* Prefixes before the instruction. */
static void probe_prefixes(struct probe *p)
{
    static const uint8_t prefix[] = {0x66, 0xf2, 0xf3, 0x2e, 0xf0};

    for (unsigned i = 0; i < 2 * 2 * PROBE_COUNT(prefix) && !p->stop; i++) {
        const uint8_t code[] = {prefix[i / 4], 0x0f, 0x01, i / 2 % 2 ? 0xd9 : 0xc1};

        start(p, i & 1, &probe_modes[0]);
        probe_code(p, code, sizeof(code));
        probe_reg(p, TSP_RAX, MAGIC);
        probe_reg(p, TSP_RCX, 10);
        probe_emit(p);
    }
}

/* Nearly a request: another number, 8 and 16 bits, an immediate port, OUT, strings. */
static void probe_near(struct probe *p)
{
    static const struct {
        uint8_t n, code[4];
    } near[] = {{1, {0xec}},       {2, {0x66, 0xed}},      {2, {0xe5, 0x58}},
                {1, {0xef}},       {2, {0xf3, 0x6c}},      {2, {0xf3, 0x6e}},
                {1, {0x6c}},       {2, {0xf0, 0xed}},      {2, {0xf3, 0xed}},
                {2, {0x48, 0xed}}, {3, {0x67, 0xf2, 0xed}}};

    for (unsigned i = 0; i < probe_nmodes * PROBE_COUNT(near) && !p->stop; i++) {
        start(p, 0, &probe_modes[i % probe_nmodes]);
        probe_code(p, near[i / probe_nmodes].code, near[i / probe_nmodes].n);
        probe_reg(p, TSP_RAX, MAGIC);
        probe_reg(p, TSP_RBX, 0);
        probe_reg(p, TSP_RCX, 10);
        probe_reg(p, TSP_RSI, 0x12000);
        probe_reg(p, TSP_RDI, 0x12000);
        probe_reg(p, TSP_RDX,
                  near[i / probe_nmodes].code[1] == 0x6c || near[i / probe_nmodes].code[1] == 0x6e
                      ? PORT + 1
                      : PORT);
        probe_emit(p);
        probe_reg(p, TSP_RAX, MAGIC + 1);
        probe_emit(p);
    }
    for (unsigned i = 0; i < 2 * probe_nmodes && !p->stop; i++) {
        start(p, i & 1, &probe_modes[i / 2]);
        for (unsigned way = BY_PORT; way < WAYS; way++) {
            probe_code(p, insn[way], way == BY_PORT ? 1 : 3);
            probe_reg(p, TSP_RAX, 5);
            probe_reg(p, TSP_RCX, 10);
            probe_reg(p, TSP_RDX, PORT);
            probe_emit(p);
        }
    }
}

void probe_vmware(struct probe *p)
{
    probe_commands(p);
    probe_offers(p);
    probe_prefixes(p);
    probe_near(p);
}
