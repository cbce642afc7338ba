/* SPDX-License-Identifier: MIT */
/* Dumps by path; Linux's CPUID device answers leaf by leaf. */
#define _XOPEN_SOURCE 700
#define _FILE_OFFSET_BITS 64
#include "cli/formats/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trapspec/bits.h"

#define FILE_MAX_BYTES (256u << 20)

/* Linux, arch/x86/kernel/cpuid.c: the file offset is the sub-leaf above the leaf, a record 16
 * bytes.
 */
static bool ask_device(void *ctx, uint32_t leaf, uint32_t sub, uint32_t reg[4])
{
    const int *fd = ctx;
    uint8_t bytes[16];

    if (pread(*fd, bytes, sizeof(bytes), (off_t)((uint64_t)sub << 32 | leaf)) !=
        (ssize_t)sizeof(bytes))
        return false;
    for (unsigned i = 0; i < 4; i++)
        reg[i] = (uint32_t)le_load(bytes + 4 * (size_t)i, 4);
    return true;
}

static unsigned number_in(const char *path)
{
    path += strcspn(path, "0123456789");
    return (unsigned)(strtoul(path, NULL, 10) & 0xffff);
}

static enum tsp_status load_device(const char *path, struct dump *out, struct tsp_error *err)
{
    int fd = open(path, O_RDONLY);

    memset(out, 0, sizeof(*out));
    if (fd < 0)
        return error_set(err, TSP_EIO, 0, "%s: %s", path, strerror(errno));
    out->format = "CPUID device";
    out->cpu = calloc(1, sizeof(*out->cpu));
    out->leaf = calloc(TSP_MAX_LEAF, sizeof(*out->leaf));
    if (out->cpu != NULL && out->leaf != NULL)
        out->n = dump_walk(&(struct dump_asker){ask_device, &fd}, out->leaf, TSP_MAX_LEAF);
    close(fd);
    if (out->cpu == NULL || out->n < 2) {
        dump_free(out);
        return error_set(err, TSP_EPARSE, 0, "%s: a device, but not one that answers CPUID", path);
    }
    out->ncpu = 1;
    out->cpu[0] = (struct dump_cpu){.id = number_in(path), .n = out->n};
    dump_index(out->leaf, out->n);
    return TSP_OK;
}

enum tsp_status dump_load(const char *path, struct dump *out, struct tsp_error *err)
{
    enum tsp_status st;
    uint8_t *bytes;
    struct stat sb;
    size_t n;

    memset(out, 0, sizeof(*out));
    if (strncmp(path, "/dev/cpu/", 9) == 0 && stat(path, &sb) == 0 && S_ISCHR(sb.st_mode))
        return load_device(path, out, err);
    st = file_read(path, FILE_MAX_BYTES, &bytes, &n, err);
    if (st != TSP_OK)
        return st;
    st = dump_read(path, bytes, n, out, err);
    free(bytes);
    return st;
}
