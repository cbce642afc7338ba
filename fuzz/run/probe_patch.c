/* SPDX-License-Identifier: MIT */
/* The rewrite of the other vendor's instruction: prefixes, page ends and rights, CS base, ROM,
 * traps, limits. */
#include "fuzz/run/probe.h"

#include <string.h>

#define FLAG_TF 0x100u
#define FLAG_RF 0x10000u
#define FLAG_AC 0x40000u
#define CODE_LEN 24u

struct site {
    unsigned insn, host, patch;
};
#define NSITE 12u

/* Both instructions on both hosts under each of the three policies. */
static struct site site_at(unsigned i)
{
    return (struct site){i & 1, (i >> 1) & 1, i >> 2};
}

static void place(struct probe *p, const struct site *at, const struct probe_mode *m)
{
    probe_default(p, TSP_ARCH_X86);
    probe_mode(p, m);
    p->s.host = at->host ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    p->s.policy = at->host ? INPUT_POLICY_AMD : INPUT_POLICY_INTEL;
    p->s.patch = (uint8_t)at->patch;
    probe_reg(p, TSP_RAX, 1);
}

static void emit(struct probe *p, const struct site *at, const char *prefix)
{
    uint8_t code[CODE_LEN];
    size_t n;

    for (n = 0; prefix[n] != 0; n++)
        code[n] = (uint8_t)prefix[n];
    code[n] = 0x0f;
    code[n + 1] = 0x01;
    code[n + 2] = at->insn ? 0xd9 : 0xc1;
    probe_code(p, code, n + 3);
    probe_emit(p);
}

static void probe_prefixed(struct probe *p)
{
    static const char *const prefix[] = {
        "\x66", "\x67", "\xf2", "\xf3", "\xf0", "\x2e", "\x64", "\x66\x66", "\x66\x66\x66",
        "\xf2\xf3", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66",
        "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66",
        "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66",
        /* 64-bit code only: */
        "\x40", "\x48", "\x4f", "\x66\x48", "\x48\x66"};
    static const unsigned legacy = 13;

    for (unsigned m = 0; m < probe_nmodes; m++) {
        unsigned n = probe_modes[m].mode == TSP_MODE_LONG64 ? PROBE_COUNT(prefix) : legacy;

        for (unsigned i = 0; i < n * NSITE && !p->stop; i++) {
            struct site at = site_at(i % NSITE);

            /* The policies that store nothing differ only in the plain modes. */
            if (at.patch != TSP_PATCH_REWRITE && m > 1 && probe_modes[m].mode != TSP_MODE_PROT32)
                continue;
            place(p, &at, &probe_modes[m]);
            emit(p, &at, prefix[i / NSITE]);
        }
    }
}

static const struct probe_mode paged[] = {{TSP_MODE_LONG64, 0, 0},
                                          {TSP_MODE_LONG64, 0, 3},
                                          {TSP_MODE_PROT32, 1, 0},
                                          {TSP_MODE_PROT32, 1, 3}};

/* Rights of the two pages the instruction may lie on. */
static void probe_pages(struct probe *p)
{
    static const uint8_t rights[][2] = {
        {INPUT_PTE_DEFAULT, INPUT_PTE_DEFAULT},
        {INPUT_PTE_P | INPUT_PTE_U, INPUT_PTE_DEFAULT},
        {INPUT_PTE_DEFAULT, INPUT_PTE_P | INPUT_PTE_U},
        {INPUT_PTE_P | INPUT_PTE_U, INPUT_PTE_P | INPUT_PTE_U},
        {INPUT_PTE_DEFAULT, INPUT_PTE_W | INPUT_PTE_U},
        {INPUT_PTE_DEFAULT, INPUT_PTE_DEFAULT | INPUT_PTE_NX},
        {INPUT_PTE_DEFAULT, INPUT_PTE_P | INPUT_PTE_W},
        {INPUT_PTE_DEFAULT | INPUT_PTE_NX, INPUT_PTE_DEFAULT},
    };
    static const uint16_t off[] = {0x100, 0xffc, 0xffd, 0xffe, 0xfff};
    static const char *const prefix[] = {"", "\x66"};

    for (unsigned i = 0; i < PROBE_COUNT(rights) * PROBE_COUNT(off) * 4 && !p->stop; i++) {
        struct site at = {i & 1, (i >> 1) & 1, TSP_PATCH_REWRITE};
        unsigned r = i / 4 % PROBE_COUNT(rights), o = i / 4 / PROBE_COUNT(rights);

        for (unsigned k = 0; k < PROBE_COUNT(paged) * 4; k++) {
            place(p, &at, &paged[k / 4]);
            p->s.cpu = k & 1 ? p->s.cpu & ~INPUT_CPU_WP : p->s.cpu | INPUT_CPU_WP;
            p->s.code_at = 0x10000u + off[o];
            memcpy(p->s.pte, rights[r], 2);
            emit(p, &at, prefix[(k >> 1) & 1]);
        }
    }
}

static void probe_bases(struct probe *p)
{
    static const uint32_t base[] = {0x10000, 0x20000};

    for (unsigned m = 0; m < probe_nmodes; m++) {
        if (probe_modes[m].mode == TSP_MODE_LONG64)
            continue;
        for (unsigned i = 0; i < NSITE * PROBE_COUNT(base); i++) {
            struct site at = site_at(i % NSITE);

            place(p, &at, &probe_modes[m]);
            p->s.cs_base = base[i / NSITE];
            p->s.code_at = p->s.cs_base + 0x100;
            emit(p, &at, "");
        }
    }
}

static void probe_read_only(struct probe *p)
{
    for (unsigned m = 0; m < PROBE_COUNT(paged); m++) {
        for (unsigned i = 0; i < NSITE; i++) {
            struct site at = site_at(i);

            place(p, &at, &paged[m]);
            p->s.cpu |= INPUT_CPU_ROM;
            emit(p, &at, "");
            place(p, &at, &paged[m]);
            p->s.cpu |= INPUT_CPU_SMAP | INPUT_CPU_SUPER;
            emit(p, &at, "");
            p->s.flags |= FLAG_AC;
            emit(p, &at, "");
            p->s.pte[0] = INPUT_PTE_P | INPUT_PTE_W;
            emit(p, &at, "");
            p->s.flags = 0;
            emit(p, &at, "");
        }
    }
}

/* Single step, and the shadow of an STI before the call. */
static void probe_traps(struct probe *p)
{
    for (unsigned m = 0; m < probe_nmodes; m++) {
        for (unsigned i = 0; i < NSITE && !p->stop; i++) {
            struct site at = site_at(i);

            place(p, &at, &probe_modes[m]);
            p->s.flags |= FLAG_TF;
            emit(p, &at, "");
            place(p, &at, &probe_modes[m]);
            p->s.flags |= FLAG_RF;
            emit(p, &at, "");
            emit(p, &at, "\x66");
            place(p, &at, &probe_modes[m]);
            emit(p, &at, "\xfb");
            place(p, &at, &probe_modes[m]);
            p->s.cpu |= INPUT_CPU_FAULTING;
            p->s.config |= TSP_CFG_GUEST_FAULTING;
            emit(p, &at, "");
        }
    }
}

/* The last bytes below a limit. */
static void probe_limits(struct probe *p)
{
    static const struct probe_mode real = {TSP_MODE_REAL16, 0, 0}, wide = {TSP_MODE_LONG64, 0, 0};

    for (unsigned i = 0; i < 4 * 4; i++) {
        struct site at = {i & 1, (i >> 1) & 1, TSP_PATCH_REWRITE};

        place(p, &at, &real);
        p->s.code_at = 0xfffcu + i / 4;
        emit(p, &at, "");
        place(p, &at, &wide);
        p->s.code_at = 0xfffffffcu + i / 4;
        emit(p, &at, "");
    }
}

/* Opcodes that are undefined for ever must never be taken for a hypercall. */
static void probe_undefined(struct probe *p)
{
    static const uint8_t code[][3] = {{0x0f, 0x0b, 0xf4}, {0x0f, 0xb9, 0xc0}, {0x0f, 0xff, 0xc0}};

    for (unsigned m = 0; m < probe_nmodes; m++) {
        for (unsigned i = 0; i < PROBE_COUNT(code) * 2; i++) {
            struct site at = {0, i & 1, TSP_PATCH_REWRITE};

            place(p, &at, &probe_modes[m]);
            probe_code(p, code[i / 2], 3);
            probe_emit(p);
        }
    }
}

/* Two vCPUs at one instruction, in turns of every length that lets one come between the other's
 * steps. */
static void probe_siblings(struct probe *p)
{
    static const char *const prefix[] = {"", "\x66"};
    static const struct probe_mode mode[] = {{TSP_MODE_LONG64, 0, 0}, {TSP_MODE_REAL16, 0, 0}};

    for (unsigned i = 0; i < NSITE * 4 && !p->stop; i++) {
        struct site at = site_at(i % NSITE);

        for (unsigned turns = 0; turns < 64; turns++) {
            place(p, &at, &mode[i / NSITE & 1]);
            p->s.nvcpu = 2;
            p->s.nsched = 8;
            for (unsigned k = 0; k < 8; k++)
                p->s.sched[k] = k < 6 ? turns >> k & 1 : k & 1;
            emit(p, &at, prefix[i / NSITE >> 1]);
        }
    }
}

void probe_patch(struct probe *p)
{
    probe_prefixed(p);
    probe_pages(p);
    probe_bases(p);
    probe_read_only(p);
    probe_traps(p);
    probe_limits(p);
    probe_undefined(p);
    probe_siblings(p);
}
