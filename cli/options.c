/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

static void machine_init(struct machine *m)
{
    memset(m, 0, sizeof(*m));
    input_default(&m->s, TSP_ARCH_X86);
    m->s.policy = INPUT_POLICY_INTEL;
}

void machine_free(struct machine *m)
{
    dump_free(&m->policy);
}

int machine_arch(struct machine *m, const char *verb, int argc, char **argv)
{
    machine_init(m);
    for (int i = 1; i < argc && argv[i] != NULL; i++) {
        const char *value = NULL;

        if (strncmp(argv[i], "--arch=", 7) == 0)
            value = argv[i] + 7;
        else if (strcmp(argv[i], "--arch") == 0 && i + 1 < argc)
            value = argv[i + 1];
        if (value == NULL)
            continue;
        switch (cli_choice(value, cli_arches)) {
        case TSP_ARCH_X86:
            break;
        case TSP_ARCH_ARM64:
            input_default(&m->s, TSP_ARCH_ARM64);
            break;
        default:
            return cli_usage(verb, "--arch %s: x86_64 or aarch64", value);
        }
    }
    return 0;
}

static int choose(const char *verb, const char *name, const char *arg, const char *const *list,
                  uint8_t *out)
{
    int i, code = cli_pick(verb, name, arg, list, &i);

    if (code == 0)
        *out = (uint8_t)i;
    return code;
}

static int option_level(struct machine *m, const char *verb, const char *name, const char *arg,
                        uint64_t max)
{
    uint64_t v;

    if (!cli_number(arg, max, &v) || (max == 3 && v != 0 && v != 3))
        return cli_usage(verb, "--%s %s: 0 or %u", name, arg, (unsigned)max);
    m->s.level = (uint8_t)v;
    return 0;
}

static int option_psci(struct machine *m, const char *verb, const char *arg)
{
    static const char *const version[] = {"0.1", "0.2", "1.0", "1.1", "1.2", "1.3", NULL};

    if (cli_choice(arg, version) < 0)
        return cli_usage(verb, "--psci %s: 0.1, 0.2 or 1.0 to 1.3", arg);
    m->s.psci = (uint8_t)((arg[0] - '0') << 4 | (arg[2] - '0'));
    return 0;
}

static int option_policy(struct machine *m, const char *verb, const char *arg)
{
    struct tsp_error err;
    int how = cli_choice(arg, cli_patches);

    if (how >= 0) {
        m->s.patch = (uint8_t)how;
        return 0;
    }
    dump_free(&m->policy);
    return dump_load(arg, &m->policy, &err) == TSP_OK ? 0 : cli_fail(verb, &err);
}

static int option_reg(struct machine *m, const char *verb, const char *arg)
{
    static const char *const x86[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",
                                      "r9",  "r10", "r11", "r12", "r13", "r14", "r15", NULL};
    const char *eq = strchr(arg, '=');
    char name[8] = "";
    uint64_t v, i = 0;
    int at = -1;

    if (eq != NULL && (size_t)(eq - arg) < sizeof(name)) {
        memcpy(name, arg, (size_t)(eq - arg));
        if (m->s.arch == TSP_ARCH_X86)
            at = cli_choice(name, x86);
        else if ((name[0] == 'x' && cli_number(name + 1, 30, &i)) ||
                 (name[0] == 'r' && cli_number(name + 1, 12, &i))) /* AArch32 */
            at = (int)i;
    }
    if (at < 0 || !cli_number(eq + 1, UINT64_MAX, &v))
        return cli_usage(verb, "--reg %s: REGISTER=VALUE, for example %s", arg,
                         m->s.arch == TSP_ARCH_X86 ? "rax=5" : "x0=0x84000000");
    m->s.regs[at] = v;
    m->s.regs_set |= 1u << at;
    return 0;
}

int machine_option(struct machine *m, const char *verb, int opt, const char *arg)
{
    uint64_t v;

    switch (opt) {
    case OPT_ARCH:
        return 0;
    case OPT_CPU:
        return cli_use_cpu(verb, arg);
    case OPT_HOST:
        m->host_set = true;
        return choose(verb, "host", arg, cli_vendors, &m->s.host);
    case OPT_GUEST: {
        uint8_t vendor = 0;
        int code = choose(verb, "guest", arg, cli_vendors, &vendor);

        if (code == 0 && vendor > TSP_VENDOR_CENTAUR)
            return cli_usage(verb, "--guest %s: intel, amd, hygon or centaur", arg);
        if (code == 0)
            m->s.policy = (uint8_t)(INPUT_POLICY_INTEL + vendor);
        m->guest_set = true;
        return code;
    }
    case OPT_MODE:
        m->mode_set = true;
        return choose(verb, "mode", arg, cli_modes, &m->s.mode);
    case OPT_CPL:
        m->cpl_set = true;
        return option_level(m, verb, "cpl", arg, 3);
    case OPT_EL:
        m->el_set = true;
        return option_level(m, verb, "el", arg, 1);
    case OPT_HV:
        m->hv_set = true;
        return choose(verb, "hv", arg, cli_personas, &m->s.persona[0]);
    case OPT_HV_BASE:
        if (!cli_number(arg, 0x4000ff00, &v) || v < 0x40000000 || (v & 0xff) != 0)
            return cli_usage(verb, "--hv-base %s: 0x40000000 to 0x4000ff00 in steps of 0x100", arg);
        m->s.hv_base[0] = (uint32_t)v;
        return 0;
    case OPT_POLICY:
        return option_policy(m, verb, arg);
    case OPT_PATCH:
        return choose(verb, "patch", arg, cli_patches, &m->s.patch);
    case OPT_PSCI:
        return option_psci(m, verb, arg);
    case OPT_REG:
        return option_reg(m, verb, arg);
    default:
        return -1;
    }
}

int machine_finish(struct machine *m, const char *verb)
{
    const struct dump_cpu *c;
    uint8_t base;

    if (m->s.arch == TSP_ARCH_X86 && tsp_mode_is_arm(m->s.mode))
        return cli_usage(verb, "--mode %s needs --arch aarch64", cli_modes[m->s.mode]);
    if (m->s.arch == TSP_ARCH_ARM64 && (m->cpl_set || !tsp_mode_is_arm(m->s.mode)))
        return cli_usage(verb, "--arch aarch64 has no --%s %s", m->cpl_set ? "cpl" : "mode",
                         m->cpl_set ? "but --el" : cli_modes[m->s.mode]);
    if (cli_cpu_base(&base)) {
        if (m->guest_set)
            return cli_usage(verb, "--cpu is the guest's processor: without --guest");
        if (!m->host_set && (base == INPUT_POLICY_AMD || base == INPUT_POLICY_HYGON))
            m->s.host = TSP_VENDOR_AMD;
        m->s.policy = base;
    } else if (!m->guest_set) {
        m->s.policy = m->s.host == TSP_VENDOR_AMD     ? INPUT_POLICY_AMD
                      : m->s.host == TSP_VENDOR_HYGON ? INPUT_POLICY_HYGON
                                                      : INPUT_POLICY_INTEL;
    }
    if (m->s.mode == TSP_MODE_VM86)
        m->s.level = 3;
    /* lguest's kernels are at CPL 1. */
    if (m->s.mode == TSP_MODE_PROT32 && m->s.persona[0] == TSP_PERSONA_LGUEST && m->s.level == 0)
        m->s.level = 1;
    if (m->policy.n == 0)
        return 0;
    c = &m->policy.cpu[0];
    if (c->n > INPUT_LEAF_MAX)
        return cli_usage(verb, "the policy has %zu leaves; at most %u can be used", c->n,
                         INPUT_LEAF_MAX);
    m->s.policy = INPUT_POLICY_NONE;
    m->s.nleaf = (uint32_t)c->n;
    memcpy(m->s.leaf, m->policy.leaf + c->first, c->n * sizeof(m->s.leaf[0]));
    return 0;
}
