/* SPDX-License-Identifier: MIT */
/* --cpu: a recorded processor in the place of the base policy of its vendor. */
#include "cli/cli.h"
#include "cli/formats/recorded_cpu.h"
#include "emu/emu.h"
#include "emu/policy/lookup.h"

#include <string.h>

#define HV_FIRST 0x40000000u
#define HV_LAST 0x4fffffffu
#define HYPERVISOR (1u << 31) /* leaf 1 ECX: there is one (Intel SDM Vol. 2A CPUID) */

static struct {
    struct tsp_leaf leaf[TSP_MAX_LEAF];
    size_t n;
    enum tsp_vendor vendor;
} cpu;

static bool is_hv(const struct tsp_leaf *l)
{
    return l->leaf >= HV_FIRST && l->leaf <= HV_LAST;
}

int cli_use_cpu(const char *verb, const char *name)
{
    const char *near = cli_nearest(name, recorded_cpu_names());
    struct tsp_error err;
    struct dump d;

    if (cli_choice(name, recorded_cpu_names()) < 0)
        return cli_usage(verb, "--cpu %.60s: not recorded%s%s%s; trapspec cpuid --list", name,
                         near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                         near != NULL ? "\"?" : "");
    if (recorded_cpu_read(name, &d, &err) != TSP_OK)
        return cli_fail(verb, &err);
    /* The recording's own hypervisor is not the one that is modelled. */
    cpu.n = 0;
    for (size_t i = 0; i < d.cpu[0].n; i++)
        if (!is_hv(&d.leaf[i]))
            cpu.leaf[cpu.n++] = d.leaf[i];
    dump_free(&d);
    cpu.vendor = policy_vendor(&(struct tsp_policy){.leaf = cpu.leaf, .n = cpu.n});
    return 0;
}

bool cli_cpu_base(uint8_t *policy)
{
    static const uint8_t base[TSP_VENDOR_COUNT] = {INPUT_POLICY_INTEL, INPUT_POLICY_AMD,
                                                   INPUT_POLICY_HYGON, INPUT_POLICY_CENTAUR,
                                                   INPUT_POLICY_INTEL};

    *policy = base[cpu.vendor];
    return cpu.n > 0;
}

size_t cli_cpu_policy(const struct scenario *s, struct tsp_leaf *out, size_t max)
{
    static struct tsp_leaf base[TSP_MAX_LEAF];
    enum tsp_persona persona = (enum tsp_persona)s->persona[0];
    size_t n = 0, nbase;

    for (size_t i = 0; i < cpu.n && n < max; i++) {
        out[n] = cpu.leaf[i];
        if (out[n].leaf == 1)
            out[n].reg[2] =
                (out[n].reg[2] & ~HYPERVISOR) | (persona != TSP_PERSONA_NONE ? HYPERVISOR : 0);
        n++;
    }
    nbase = vm_default_policy(cpu.vendor, persona, s->hv_base[0], base, TSP_MAX_LEAF);
    for (size_t i = 0; i < nbase && n < max; i++)
        if (is_hv(&base[i]))
            out[n++] = base[i];
    return n;
}

void cli_put_cpu(struct scenario *s)
{
    static struct tsp_leaf leaf[TSP_MAX_LEAF];
    uint8_t policy;
    size_t n;

    if (!cli_cpu_base(&policy) || s->arch != TSP_ARCH_X86 || s->policy != policy)
        return;
    n = cli_cpu_policy(s, leaf, TSP_MAX_LEAF);
    if (n > INPUT_LEAF_MAX - s->nleaf)
        return;
    memcpy(s->leaf + s->nleaf, leaf, n * sizeof(leaf[0]));
    s->nleaf += (uint32_t)n;
    s->policy = INPUT_POLICY_NONE;
}
