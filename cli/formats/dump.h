/* SPDX-License-Identifier: MIT */
/* CPUID dumps: the leaves of one or more logical CPUs, read from whatever a user has. */
#ifndef TSP_CLI_FORMATS_DUMP_H
#define TSP_CLI_FORMATS_DUMP_H

#include "cli/formats/file.h"

#define DUMP_MAX_CPU 1024u

/* The leaves of one logical CPU, in file order. */
struct dump_cpu {
    unsigned id;
    size_t first, n; /* range in dump.leaf */
    char name[24];   /* of a policy that stands for no CPU of the machine; else empty */
};

/* Bits of an answer that are known; a template leaves some to the host. */
struct dump_mask {
    uint32_t reg[4];
};

struct dump {
    struct tsp_leaf *leaf;
    size_t n, room;
    struct dump_mask *mask; /* beside leaf; NULL when every bit is known */
    struct dump_cpu *cpu;
    unsigned ncpu;
    const char *format; /* what it was read as */
};

/*
 * Reads a dump of any known format, told by its content: etallen's `cpuid -r`, AIDA64 and
 * InstLatx64 text, libcpuid raw, `kcpuid -r`, `xen-cpuid -p` and featuresets, libvirt XML, our own
 * JSON, QEMU's expanded CPU models, Firecracker templates.
 * UTF-16, UTF-8 with a byte order mark, and LF, CRLF or CR; raw text also with a shell's lines
 * around it, or quoted. The same leaf and sub-leaf twice with
 * different values, over DUMP_MAX_CPU CPUs or over TSP_MAX_LEAF leaves for one CPU is an error. For
 * an unknown format err names what was tried and where the nearest one ended. Leaves with several
 * sub-leaves are marked TSP_LEAF_INDEXED. On error nothing is left to free.
 */
enum tsp_status dump_read(const char *name, const uint8_t *p, size_t n, struct dump *out,
                          struct tsp_error *err);
/* The same from a path: a file, "-" for standard input, or Linux's /dev/cpu/N/cpuid. */
enum tsp_status dump_load(const char *path, struct dump *out, struct tsp_error *err);
/* Every CPU this process may run on, pinned one after the other. TSP_ENOTSUP when this is not an
 * x86. */
enum tsp_status dump_live_all(struct dump *out, struct tsp_error *err);
void dump_free(struct dump *d);
/* Sets TSP_LEAF_INDEXED on leaves of one CPU that have several sub-leaves, so that the leaves can
 * serve as a policy. */
void dump_index(struct tsp_leaf *leaf, size_t n);
/* True for leaves whose ECX input matters. */
bool dump_leaf_has_subleaves(uint32_t leaf);

/* Something that answers CPUID. */
struct dump_asker {
    bool (*ask)(void *ctx, uint32_t leaf, uint32_t sub, uint32_t reg[4]);
    void *ctx;
};
/* Asks for every leaf and sub-leaf there is; returns the number stored. */
size_t dump_walk(const struct dump_asker *a, struct tsp_leaf *out, size_t max);
/* Reads this machine's CPUID, on the CPU the caller runs on. Returns the number of leaves, 0 when
 * not an x86. */
size_t dump_live(struct tsp_leaf *out, size_t max);

#endif
