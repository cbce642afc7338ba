/* SPDX-License-Identifier: MIT */
/* The options that describe a machine: --arch --host --guest --mode --cpl --el --hv --policy
 * --patch ... */
#ifndef TSP_CLI_OPTIONS_H
#define TSP_CLI_OPTIONS_H

#include "cli/cli.h"

enum {
    OPT_ARCH = 256,
    OPT_HOST,
    OPT_GUEST,
    OPT_MODE,
    OPT_CPL,
    OPT_EL,
    OPT_HV,
    OPT_HV_BASE,
    OPT_POLICY,
    OPT_PATCH,
    OPT_PSCI,
    OPT_REG,
    OPT_CPU,
    OPT_TARGET,
    OPT_BUDGET,
    OPT_JSON,
    OPT_HEX,
    OPT_ALL,
    OPT_KNOWN,
    OPT_FIRST_OWN
};

#define MACHINE_OPTIONS                                                                            \
    {"arch", required_argument, NULL, OPT_ARCH}, {"host", required_argument, NULL, OPT_HOST},      \
        {"guest", required_argument, NULL, OPT_GUEST},                                             \
        {"mode", required_argument, NULL, OPT_MODE}, {"cpl", required_argument, NULL, OPT_CPL},    \
        {"el", required_argument, NULL, OPT_EL}, {"hv", required_argument, NULL, OPT_HV},          \
        {"hv-base", required_argument, NULL, OPT_HV_BASE},                                         \
        {"policy", required_argument, NULL, OPT_POLICY},                                           \
        {"patch", required_argument, NULL, OPT_PATCH},                                             \
        {"psci", required_argument, NULL, OPT_PSCI}, {"cpu", required_argument, NULL, OPT_CPU},    \
    {                                                                                              \
        "reg", required_argument, NULL, OPT_REG                                                    \
    }

#define MACHINE_HELP                                                                               \
    "  --arch A        x86_64 (default) or aarch64\n"                                              \
    "  --host V        processor below: intel (default) or amd; decides which hypercall\n"         \
    "                  instruction is native\n"                                                    \
    "  --guest V       vendor the guest sees: intel, amd, hygon, centaur; default as --host\n"     \
    "  --cpu NAME      the processor of that recording (trapspec cpuid --list)\n"                  \
    "  --mode M        long64 (default), compat32, compat16, prot32, prot16, real16, vm86;\n"      \
    "                  on aarch64 a64 (default), a32, t32\n"                                       \
    "  --cpl N         0 (default) or 3;  --el N  1 (default) or 0\n"                              \
    "  --hv NAME       hypervisor interface: kvm (default), xen, hyperv, vmware, lguest, vmi,\n"   \
    "                  generic or none\n"                                                          \
    "  --hv-base LEAF  where its CPUID block stands (0x40000000)\n"                                \
    "  --policy FILE   CPUID policy: a dump as lint reads it; or rewrite, emulate, inject,\n"      \
    "                  which is --patch\n"                                                         \
    "  --patch P       the other vendor's hypercall instruction: rewrite (default), emulate\n"     \
    "                  in place, inject #UD\n"                                                     \
    "  --psci V        PSCI version on aarch64: 0.1, 0.2, 1.0, 1.1 (default), 1.2 or 1.3\n"        \
    "  --reg R=V       initial register, e.g. rax=5, x0=0x84000000; may be repeated\n"

/* What the machine options collect. The policy file's leaves replace the scenario's. */
struct machine {
    struct scenario s;
    bool guest_set, mode_set, host_set, hv_set, cpl_set, el_set;
    struct dump policy;
};
void machine_free(struct machine *m);
/* Takes one option (opt from getopt_long). 0 taken, -1 not a machine option, else an exit code
 * after a message.
 * --arch must come first when it is given; verbs scan for it with machine_arch. */
int machine_option(struct machine *m, const char *verb, int opt, const char *arg);
/* Looks for --arch in argv and prepares the defaults of that architecture. */
int machine_arch(struct machine *m, const char *verb, int argc, char **argv);
/* After all options: fills in what depends on others (guest vendor, policy leaves). */
int machine_finish(struct machine *m, const char *verb);

#endif
