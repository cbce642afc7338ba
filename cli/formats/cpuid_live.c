/* SPDX-License-Identifier: MIT */
/* This machine's own CPUID. The only file that executes the instruction. */
#define _GNU_SOURCE
#include "cli/formats/dump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

static bool ask(void *ctx, uint32_t leaf, uint32_t sub, uint32_t reg[4])
{
    (void)ctx;
    __cpuid_count(leaf, sub, reg[0], reg[1], reg[2], reg[3]);
    return true;
}

size_t dump_live(struct tsp_leaf *out, size_t max)
{
    return dump_walk(&(struct dump_asker){.ask = ask}, out, max);
}
#else
size_t dump_live(struct tsp_leaf *out, size_t max)
{
    (void)out;
    (void)max;
    return 0;
}
#endif

/* The kernel's CPU mask, one bit each; the C library's macros hold no more than 1024 either. */
#define MASK_WORDS (DUMP_MAX_CPU / 64)
struct cpu_mask {
    uint64_t word[MASK_WORDS];
};

static bool get_mask(struct cpu_mask *m)
{
    memset(m, 0, sizeof(*m));
    return syscall(SYS_sched_getaffinity, 0, sizeof(*m), m) > 0;
}

static bool set_mask(const struct cpu_mask *m)
{
    return syscall(SYS_sched_setaffinity, 0, sizeof(*m), m) == 0;
}

/* On a CPU that went away meanwhile nothing is read. */
static void one_cpu(struct dump *d, unsigned cpu)
{
    struct cpu_mask only = {{0}};
    size_t n;

    only.word[cpu / 64] = 1ull << cpu % 64;
    if (!set_mask(&only))
        return;
    n = dump_live(d->leaf + d->n, TSP_MAX_LEAF);
    if (n == 0)
        return;
    dump_index(d->leaf + d->n, n);
    d->cpu[d->ncpu++] = (struct dump_cpu){.id = cpu, .first = d->n, .n = n};
    d->n += n;
}

enum tsp_status dump_live_all(struct dump *out, struct tsp_error *err)
{
    struct cpu_mask mask;
    unsigned n = 0;

    memset(out, 0, sizeof(*out));
    out->format = "this machine";
    if (!get_mask(&mask))
        return error_set(err, TSP_EIO, 0, "the CPUs of this machine cannot be listed");
    for (unsigned i = 0; i < DUMP_MAX_CPU; i++)
        n += mask.word[i / 64] >> i % 64 & 1;
    out->room = (size_t)n * TSP_MAX_LEAF;
    out->cpu = calloc(n + 1, sizeof(*out->cpu));
    out->leaf = calloc(out->room + 1, sizeof(*out->leaf));
    if (out->cpu == NULL || out->leaf == NULL) {
        dump_free(out);
        return error_set(err, TSP_ENOMEM, 0, "out of memory");
    }
    for (unsigned i = 0; i < DUMP_MAX_CPU; i++)
        if ((mask.word[i / 64] >> i % 64 & 1) != 0)
            one_cpu(out, i);
    set_mask(&mask);
    if (out->n > 0)
        return TSP_OK;
    dump_free(out);
    return error_set(err, TSP_ENOTSUP, 0, "this machine has no CPUID instruction");
}
