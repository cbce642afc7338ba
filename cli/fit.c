/* SPDX-License-Identifier: MIT */
/* Scenarios for a target that cannot choose the machine below. */
#define _POSIX_C_SOURCE 200809L
#include "cli/cli.h"

#include <string.h>
#include <time.h>

#define SEEN_MAX (1u << 17) /* a power of two, several times the number of probes */

void cli_fit(const struct target *t, struct scenario *s)
{
    struct target_host h;

    cli_put_cpu(s);
    if (!target_host(t, &h))
        return;
    s->host = h.vendor;
    s->config &= ~(uint32_t)TSP_CFG_HOST_TSC;
    if (h.tsc && s->arch == TSP_ARCH_X86)
        s->config |= TSP_CFG_HOST_TSC;
    for (unsigned i = 0; i < 3 && h.firmware; i++)
        s->workaround[i] = h.workaround[i];
    /* It is where it is. */
    s->nmove = 0;
    memset(s->move, 0, sizeof(s->move));
}

const char *cli_refusal(const struct target *t)
{
    const char *why = target_why(t);

    return why != NULL ? why : "refuses the set-up";
}

/* FNV-1a of the binary form. */
static uint64_t hash(const struct scenario *s)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    uint64_t h = 0xcbf29ce484222325ull;
    size_t n = input_write(s, bytes, sizeof(bytes));

    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 0x100000001b3ull;
    return n == 0 || h == 0 ? 1 : h;
}

bool cli_seen(const struct scenario *s)
{
    static uint64_t seen[SEEN_MAX];
    uint64_t h = hash(s);

    for (uint32_t i = 0; i < 64; i++) {
        uint64_t *at = &seen[(h + i) & (SEEN_MAX - 1)];

        if (*at == h)
            return true;
        if (*at == 0) {
            *at = h;
            return false;
        }
    }
    return false;
}

/* The first instruction is RDTSC or RDTSCP, with whatever prefixes. */
static bool reads_tsc(const struct scenario *s)
{
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    const uint8_t *p = s->code[0];
    uint32_t at = 0;

    while (at < s->ncode[0] && (memchr(prefixes, p[at], sizeof(prefixes)) != NULL ||
                                (s->mode == TSP_MODE_LONG64 && (p[at] & 0xf0) == 0x40)))
        at++;
    if (s->arch != TSP_ARCH_X86 || at + 2 > s->ncode[0] || p[at] != 0x0f)
        return false;
    return p[at + 1] == 0x31 || (at + 3 <= s->ncode[0] && p[at + 1] == 0x01 && p[at + 2] == 0xf9);
}

/* Linux Documentation/virt/kvm/arm/ptp_kvm.rst: X0 is the upper half of the time. */
void cli_mark_clock(const struct scenario *s, struct outcome *out)
{
    struct timespec now;
    uint64_t ns;

    clock_gettime(CLOCK_REALTIME, &now);
    ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (s->arch == TSP_ARCH_ARM64 && out->out.r[0] == ns >> 32)
        out->vary |= 0xf;
    if (reads_tsc(s))
        out->vary |= 1u << TSP_RAX | 1u << TSP_RDX;
}
