/* SPDX-License-Identifier: MIT */
#include "cli/hosts.h"
#include "cli/formats/dump_write.h"
#include "cli/formats/recorded_cpu.h"
#include "emu/policy/level.h"
#include "emu/policy/serial.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)16 * 1024 * 1024)
#define IVY_BRIDGE 0x3au
#define FORMATS_MAX 24u

/* The policy that stands for the host: Xen's "Host" of a policy file, else all CPUs together. */
static void of_dump(const struct dump *d, struct cpu_policy *out)
{
    static struct cpu_policy one, both;
    const struct dump_cpu *first = &d->cpu[0];

    for (unsigned i = 0; i < d->ncpu; i++)
        if (strcmp(d->cpu[i].name, "Host") == 0)
            first = &d->cpu[i];
    cpu_policy_load(out, d->leaf + first->first, first->n);
    for (unsigned i = 1; first == &d->cpu[0] && i < d->ncpu && d->cpu[i].name[0] == 0; i++) {
        cpu_policy_load(&one, d->leaf + d->cpu[i].first, d->cpu[i].n);
        if (cpu_policy_equal(out, &one))
            continue;
        level_pair(out, &one, &both);
        *out = both;
    }
}

static enum tsp_status of_bytes(const char *name, const uint8_t *p, size_t n,
                                struct cpu_policy *out, struct tsp_error *err)
{
    struct tsp_error why = {.text = ""};

    if (serial_read(p, n, out, &why) == TSP_OK)
        return TSP_OK;
    return error_set(err, TSP_EPARSE, 0, "%.60s: %s", name, why.text);
}

static bool is_recorded(const char *name)
{
    return cli_choice(name, recorded_cpu_names()) >= 0;
}

enum tsp_status host_load_policy(const char *name, struct cpu_policy *out, struct tsp_error *err)
{
    enum tsp_status status;
    struct dump d;
    uint8_t *p;
    size_t n;

    if (is_recorded(name)) {
        status = recorded_cpu_read(name, &d, err);
    } else {
        /* Devices are no regular files: the reader of dumps knows how to ask them. */
        if (strncmp(name, "/dev/", 5) != 0) {
            status = file_read(name, FILE_MAX, &p, &n, err);
            if (status != TSP_OK)
                return status;
            if (serial_is(p, n)) {
                status = of_bytes(name, p, n, out, err);
                free(p);
                return status;
            }
            status = dump_read(name, p, n, &d, err);
            free(p);
        } else {
            status = dump_load(name, &d, err);
        }
    }
    if (status != TSP_OK)
        return status;
    of_dump(&d, out);
    dump_free(&d);
    return TSP_OK;
}

/* Intel since Ivy Bridge, the larger cores: a dump does not hold the MSR that says so. */
static bool expects_faulting(const struct cpu_policy *p)
{
    uint32_t s = cpu_policy_reg(p, 1, 0, 0), ecx = cpu_policy_reg(p, 1, 0, 2);
    unsigned model = (s >> 4 & 15) | (s >> 12 & 0xf0);

    return cpu_policy_vendor(p) == TSP_VENDOR_INTEL && (s >> 8 & 15) == 6 && model >= IVY_BRIDGE &&
           (ecx >> 28 & 1) != 0 && (ecx >> 31 & 1) == 0;
}

#define EXTENDED 0x80000001u
#define EDX_SYSCALL 11
#define EDX_LM 29

/* Intel shows SYSCALL to 64-bit code alone, and a dump may be made by other code; 64-bit guests
 * have it (Intel SDM Vol. 2A CPUID, 80000001H EDX). */
static void show_syscall(struct cpu_policy *p)
{
    uint32_t edx = cpu_policy_reg(p, EXTENDED, 0, 3);

    if (cpu_policy_vendor(p) == TSP_VENDOR_INTEL && (edx >> EDX_LM & 1) != 0)
        cpu_policy_set(p, EXTENDED, 0, 3, edx | 1u << EDX_SYSCALL);
}

enum tsp_status host_load(const char *name, enum offer_kind kind, struct host *out,
                          struct tsp_error *err)
{
    enum tsp_status status = host_load_policy(name, &out->raw, err);

    if (status != TSP_OK)
        return status;
    out->name = name;
    out->assumed = out->raw.platform_info == 0 && expects_faulting(&out->raw);
    if (out->assumed)
        out->raw.platform_info = CPU_POLICY_FAULTING;
    show_syscall(&out->raw);
    levelling_probe(&out->raw, &out->caps);
    offer_host(&out->raw, &out->base);
    offer_max(&out->base, kind, &out->max);
    return TSP_OK;
}

const char *host_control_text(const struct host *h, char *out, size_t max)
{
    int n;

    if ((h->caps.caps & LEVELLING_FAULTING) != 0) {
        snprintf(out, max, "CPUID faulting, MSR 0x%x[%u]%s", h->caps.faulting_msr,
                 h->caps.faulting_bit, h->assumed ? ", as its model has it" : "");
        return out;
    }
    n = snprintf(out, max, "%s",
                 h->caps.n == 0 ? "nothing"
                                : (h->caps.msr[0].overrides ? "overrides in MSR" : "masks in MSR"));
    for (unsigned i = 0; i < h->caps.n && n > 0 && (size_t)n < max; i++)
        n += snprintf(out + n, max - (size_t)n, " 0x%x", h->caps.msr[i].msr);
    return out;
}

const char *const *host_formats(void)
{
    static const char *names[FORMATS_MAX + 2];
    size_t n = 0;

    while (n < FORMATS_MAX && dump_format_names[n] != NULL) {
        names[n] = dump_format_names[n];
        n++;
    }
    names[n] = "policy";
    return names;
}

static bool write_bytes(FILE *f, const struct cpu_policy *p)
{
    static uint8_t bytes[SERIAL_MAX];
    size_t n = serial_write(p, bytes, sizeof(bytes));

    return fwrite(bytes, 1, n, f) == n;
}

int host_write_policy(const char *verb, const struct cpu_policy *p, const char *format,
                      const char *file)
{
    static struct tsp_leaf leaf[TSP_MAX_LEAF];
    struct dump_lost lost = {0};
    struct dump_cpu cpu;
    struct file_out out;
    struct tsp_error err;
    struct dump d;

    memcpy(leaf, p->leaf, p->n * sizeof(leaf[0]));
    d = dump_of(leaf, p->n, &cpu);
    if (file_begin(&out, file, &err) != TSP_OK)
        return cli_fail(verb, &err);
    if (strcmp(format, "policy") == 0) {
        write_bytes(out.f, p);
    } else if (dump_write(out.f, format, &d, &lost, &err) != TSP_OK) {
        file_abort(&out);
        return cli_fail(verb, &err);
    }
    if (file_commit(&out, &err) != TSP_OK)
        return cli_fail(verb, &err);
    if (lost.leaves > 0)
        fprintf(stderr, "trapspec %s: %s has no place for %zu %s: left out\n", verb, format,
                lost.leaves, lost.leaves == 1 ? "leaf" : "leaves");
    return EXIT_CONFORMS;
}
