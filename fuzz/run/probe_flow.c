/* SPDX-License-Identifier: MIT */
/* Instructions that follow each other with nothing in between, in a machine whose registers all
 * hold something: what one leaves is what the next begins with. */
#include "fuzz/run/probe.h"

#include <string.h>

#define GARBAGE 0x8badf00d5ca1ab1eull
#define FLAGS_ALL 0x8d5u /* OF SF ZF AF PF CF */
#define FLAG_IF 0x200u
#define MSR_TSC 0x10u
#define MSR_KVM_CLOCK 0x4b564d01u

struct piece {
    uint8_t n, code[12];
};

static const struct piece pieces[] = {
    {4, {0x0f, 0xa2, 0x0f, 0xa2}},                                      /* CPUID */
    {6, {0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0x0b}},                          /* and UD2 */
    {6, {0x0f, 0x01, 0xc1, 0x0f, 0x01, 0xc1}},                          /* VMCALL */
    {6, {0x0f, 0x01, 0xd9, 0x0f, 0x01, 0xd9}},                          /* VMMCALL */
    {10, {0x0f, 0xa2, 0x0f, 0x01, 0xc1, 0x0f, 0xa2, 0x0f, 0x01, 0xd9}}, /* in turn */
    {2, {0x0f, 0x0b}},
    {4, {0xe4, 0x80, 0x0f, 0xa2}}, /* IN AL, 0x80 */
    {4, {0xe5, 0x80, 0x0f, 0xa2}}, /* IN eAX, 0x80 */
    {4, {0xe6, 0x80, 0x0f, 0xa2}}, /* OUT 0x80, AL */
    {4, {0xe7, 0x80, 0x0f, 0xa2}}, /* OUT 0x80, eAX */
    {3, {0xec, 0x0f, 0xa2}},       /* IN AL, DX */
    {3, {0xef, 0x0f, 0xa2}},       /* OUT DX, eAX */
    {3, {0x48, 0x0f, 0xa2}},       /* REX.W, or DEC eAX */
    {4, {0x66, 0x67, 0x0f, 0xa2}},
    {3, {0xf3, 0x0f, 0xa2}},
    {4, {0x2e, 0x41, 0x0f, 0xa2}},
    {3, {0xfb, 0x0f, 0xa2}},                   /* STI */
    {6, {0x8c, 0xd0, 0x8e, 0xd0, 0x0f, 0xa2}}, /* MOV eAX, SS; MOV SS, eAX */
};

static void fill_x86(struct probe *p, bool second)
{
    probe_default(p, TSP_ARCH_X86);
    p->s.host = second ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = second ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
}

static void registers(struct probe *p)
{
    for (unsigned r = 0; r < 16; r++)
        if (r != TSP_RSP)
            probe_reg(p, r, GARBAGE + r * 0x0101010101010101ull);
    probe_reg(p, TSP_RAX, GARBAGE << 32 | 1);
    probe_reg(p, TSP_RCX, GARBAGE << 32);
    probe_reg(p, TSP_RDX, GARBAGE << 32 | 0x80);
}

static void probe_pieces(struct probe *p)
{
    static const uint64_t flags[] = {0, FLAGS_ALL, FLAGS_ALL | FLAG_IF};
    static const uint8_t patch[] = {TSP_PATCH_REWRITE, TSP_PATCH_INJECT};

    for (unsigned i = 0; i < PROBE_COUNT(pieces) * probe_nmodes && !p->stop; i++) {
        for (unsigned k = 0; k < 12; k++) {
            fill_x86(p, k & 1);
            probe_mode(p, &probe_modes[i % probe_nmodes]);
            p->s.patch = patch[k >> 1 & 1];
            p->s.flags = flags[k / 4];
            registers(p);
            probe_code(p, pieces[i / probe_nmodes].code, pieces[i / probe_nmodes].n);
            probe_emit(p);
        }
    }
}

/* Stepped over, and resumed behind an instruction breakpoint: the trap comes behind what completes,
 * and RF lasts until then. */
static void probe_stepped(struct probe *p)
{
    static const uint64_t flags[] = {0x100, 0x10000, 0x10100};

    for (unsigned i = 0; i < 6 * probe_nmodes && !p->stop; i++) {
        for (unsigned k = 0; k < PROBE_COUNT(flags) * 2; k++) {
            fill_x86(p, k & 1);
            probe_mode(p, &probe_modes[i % probe_nmodes]);
            p->s.flags = flags[k / 2];
            probe_code(p, pieces[i / probe_nmodes].code, pieces[i / probe_nmodes].n);
            probe_emit(p);
        }
    }
}

/* Hygon's processors are AMD's: VMMCALL is theirs. */
static void probe_hygon(struct probe *p)
{
    for (unsigned i = 0; i < 6 * 3 && !p->stop; i++) {
        fill_x86(p, true);
        p->s.host = TSP_VENDOR_HYGON;
        p->s.policy = INPUT_POLICY_HYGON;
        p->s.patch = (uint8_t)(i % 3);
        probe_code(p, pieces[i / 3].code, pieces[i / 3].n);
        probe_emit(p);
    }
}

/* The same question many times, then others: the answers do not depend on how often was asked. */
static void probe_again(struct probe *p)
{
    static const uint32_t leaf[] = {0,   1,          4,          7,          0xb,
                                    0xd, 0x40000000, 0x40000001, 0x80000001, 0x80000008};
    uint8_t code[INPUT_CODE_MAX];

    for (unsigned i = 0; i < PROBE_COUNT(leaf) * 2 && !p->stop; i++) {
        size_t n = 0;

        for (unsigned k = 0; k < 12; k++) {
            uint32_t at = leaf[(i / 2 + (i & 1 ? k : 0)) % PROBE_COUNT(leaf)];
            const uint8_t ask[] = {0xb8,
                                   (uint8_t)at,
                                   (uint8_t)(at >> 8),
                                   (uint8_t)(at >> 16),
                                   (uint8_t)(at >> 24),
                                   0x31,
                                   0xc9,
                                   0x0f,
                                   0xa2};

            memcpy(code + n, ask, sizeof(ask)); /* MOV EAX, leaf; XOR ECX, ECX; CPUID */
            n += sizeof(ask);
        }
        fill_x86(p, i & 1);
        registers(p);
        probe_code(p, code, n);
        probe_emit(p);
    }
}

/* A vCPU that is not the first one asks who it is. */
static void probe_second_vcpu(struct probe *p)
{
    static const uint32_t leaf[] = {1, 0xb, 0x1f, 0x8000001e, 0x80000026};

    for (unsigned i = 0; i < PROBE_COUNT(leaf) * 2 && !p->stop; i++) {
        static const uint8_t cpuid[] = {0x0f, 0xa2};

        fill_x86(p, i & 1);
        p->s.nvcpu = 2;
        probe_code(p, cpuid, sizeof(cpuid));
        probe_reg(p, TSP_RAX, leaf[i / 2]);
        probe_emit(p);
    }
}

static void probe_msrs(struct probe *p)
{
    static const uint8_t code[][6] = {{0x0f, 0x32, 0x0f, 0xa2},  /* RDMSR; CPUID */
                                      {0x0f, 0x30, 0x0f, 0x32}}; /* WRMSR; RDMSR */
    static const uint32_t msr[] = {MSR_TSC, MSR_KVM_CLOCK};

    for (unsigned i = 0; i < 4 && !p->stop; i++) {
        fill_x86(p, i & 1);
        registers(p);
        probe_reg(p, TSP_RCX, GARBAGE << 32 | msr[i / 2]);
        probe_code(p, code[msr[i / 2] == MSR_KVM_CLOCK], 4);
        probe_emit(p);
    }
}

/* MSRs that are part of a vCPU's state: read, written with one of its bits the other way, read
 * again. Who offers CPUID faulting lets it be switched on. */
static void probe_state_msrs(struct probe *p)
{
    static const uint8_t code[] = {0x0f, 0x32, 0x83, 0xf0, 0x01, 0x0f, 0x30, 0x0f, 0x32};
    static const uint32_t msr[] = {0x1b, 0xce, 0x140, 0xda0, 0xc0000080, 0xc0000100, 0xc0000103};

    for (unsigned i = 0; i < PROBE_COUNT(msr) * 4 && !p->stop; i++) {
        fill_x86(p, i & 1);
        p->s.config |= i & 2 ? TSP_CFG_GUEST_FAULTING : 0;
        probe_reg(p, TSP_RCX, msr[i / 4]);
        probe_code(p, code, sizeof(code)); /* RDMSR; XOR EAX, 1; WRMSR; RDMSR */
        probe_emit(p);
    }
}

/* Calls of a vCPU that is not the first one. */
static void probe_second_calls(struct probe *p)
{
    static const struct piece call[] = {{3, {0x0f, 0x01, 0xc1}},
                                        {3, {0x0f, 0x01, 0xd9}},
                                        {5, {0x0f, 0xa2, 0x0f, 0x01, 0xd9}},
                                        {2, {0x0f, 0x0b}}};
    static const uint64_t nr[] = {0, 1, 5, 9, 10, 11, 0x100000001};

    for (unsigned i = 0; i < PROBE_COUNT(call) * PROBE_COUNT(nr) * 4 && !p->stop; i++) {
        fill_x86(p, i & 1);
        registers(p);
        p->s.nvcpu = 2;
        p->s.level = i & 2 ? 3 : 0;
        probe_reg(p, TSP_RAX, nr[i / 4 / PROBE_COUNT(call)]);
        probe_reg(p, TSP_RBX, INPUT_X86_DATA);
        probe_reg(p, TSP_RCX, 0);
        probe_reg(p, TSP_RSI, 0);
        probe_code(p, call[i / 4 % PROBE_COUNT(call)].code, call[i / 4 % PROBE_COUNT(call)].n);
        probe_emit(p);
    }
}

/* Exceptions that come of plain instructions, for the frame that they leave: by INT n, with an
 * error code, and with an address. */
static void probe_frames(struct probe *p)
{
    static const struct piece cause[] = {
        {2, {0xcd, 0x21}},                               /* INT 0x21 */
        {2, {0xcd, 0x0d}},                               /* INT 13: no error code */
        {1, {0xcc}},                                     /* INT3 */
        {3, {0xb0, 0x7b, 0x90}},                         /* nothing */
        {4, {0x31, 0xc9, 0xf7, 0xf1}},                   /* divide error */
        {7, {0x66, 0xb8, 0x50, 0x00, 0x8e, 0xd8, 0x90}}, /* DS: a selector beyond the GDT */
        {6, {0xa1, 0, 0, 0, 0x7f, 0x90}},                /* a load outside of what is mapped */
        {3, {0x0f, 0x20, 0xc0}},                         /* MOV from CR0: privileged */
        {2, {0x0f, 0x32}},                               /* RDMSR */
    };
    static const uint64_t flags[] = {0, FLAGS_ALL};

    for (unsigned i = 0; i < PROBE_COUNT(cause) * probe_nmodes && !p->stop; i++) {
        for (unsigned k = 0; k < 4; k++) {
            fill_x86(p, k & 1);
            probe_mode(p, &probe_modes[i % probe_nmodes]);
            p->s.flags = flags[k / 2];
            registers(p);
            probe_code(p, cause[i / probe_nmodes].code, cause[i / probe_nmodes].n);
            probe_emit(p);
        }
    }
}

void probe_flow(struct probe *p)
{
    probe_stepped(p);
    probe_hygon(p);
    probe_state_msrs(p);
    probe_second_calls(p);
    probe_frames(p);
    probe_pieces(p);
    probe_again(p);
    probe_second_vcpu(p);
    probe_msrs(p);
}

/* MRS X0, MIDR_EL1; MRS X1, MPIDR_EL1; then a vCPU that is switched on reads its own. */
static void probe_ids(struct probe *p)
{
    static const uint8_t code[] = {0x00, 0x00, 0x38, 0xd5, 0xa1, 0x00, 0x38, 0xd5};
    static const uint8_t on[] = {0x02, 0, 0, 0xd4, 0x1f, 0x20, 0x03, 0xd5, 0x02, 0, 0, 0xd4};

    for (unsigned i = 0; i < 4 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = i & 1 ? 2 : 1;
        p->s.level = i & 2 ? 0 : 1;
        probe_code(p, code, sizeof(code));
        probe_emit(p);
    }
    for (unsigned i = 0; i < 4 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.nvcpu = 2;
        p->s.cpu |= INPUT_CPU_SECOND_OFF;
        probe_code(p, on, sizeof(on));
        memcpy(p->s.code[1], code, sizeof(code));
        p->s.ncode[1] = sizeof(code);
        probe_reg(p, 0, i & 1 ? 0xc4000003 : 0x84000003);
        probe_reg(p, 1, 1);
        probe_reg(p, 2, i & 2 ? INPUT_ARM64_CODE : INPUT_ARM64_CODE + 4);
        probe_reg(p, 3, 0xdeadbeefcafef00d);
        probe_emit(p);
    }
}

/* Exceptions whose syndrome is an immediate, from both levels; random bits twice in a row. */
static void probe_immediates(struct probe *p)
{
    static const uint8_t code[][4] = {{0xa1, 0xce, 0x1b, 0xd4},  /* SVC #0xde75 */
                                      {0xa0, 0xce, 0x3b, 0xd4},  /* BRK #0xde75 */
                                      {0xa2, 0xce, 0x1b, 0xd4},  /* HVC #0xde75 */
                                      {0x75, 0xde, 0x00, 0x00}}; /* UDF #0xde75 */
    static const uint8_t twice[] = {
        0x60, 0x0a, 0x80, 0x52, 0x00, 0x80, 0xb8, 0x72, 0x01, 0x18, 0x80, 0xd2, 0x02, 0, 0, 0xd4,
        0x60, 0x0a, 0x80, 0x52, 0x00, 0x80, 0xb8, 0x72, 0x01, 0x18, 0x80, 0xd2, 0x02, 0, 0, 0xd4};

    for (unsigned i = 0; i < PROBE_COUNT(code) * 4 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.level = i & 1 ? 0 : 1;
        p->s.flags = i & 2 ? 0xf0000000u : 0;
        probe_code(p, code[i / 4], 4);
        probe_emit(p);
    }
    probe_default(p, TSP_ARCH_ARM64);
    probe_code(p, twice, sizeof(twice)); /* X0 = 0xc4000053, X1 = 192; HVC; again */
    probe_emit(p);
}

/* HVC or SMC twice, then an instruction that is undefined. */
void probe_flow_arm64(struct probe *p)
{
    static const uint8_t code[][12] = {
        {0x02, 0, 0, 0xd4, 0x02, 0, 0, 0xd4, 0, 0, 0, 0},
        {0x03, 0, 0, 0xd4, 0x02, 0, 0, 0xd4, 0x01, 0, 0, 0xd4}, /* SMC, HVC, SVC */
    };
    static const uint32_t id[] = {0x80000000, 0x80000001, 0x84000000, 0x84000004, 0xc4000004,
                                  0x8400000a, 0x8600ff01, 0x84000050, 0xc5000020, 0xffffffff};

    probe_ids(p);
    probe_immediates(p);
    for (unsigned i = 0; i < PROBE_COUNT(id) * 4 && !p->stop; i++) {
        probe_default(p, TSP_ARCH_ARM64);
        p->s.level = i & 2 ? 0 : 1;
        p->s.flags = 0xf0000000u; /* N Z C V */
        for (unsigned r = 0; r < 31; r++)
            if (r != 28)
                probe_reg(p, r, GARBAGE + r * 0x0101010101010101ull);
        probe_reg(p, 0, id[i / 4]);
        probe_code(p, code[i & 1], sizeof(code[0]));
        probe_emit(p);
    }
}
