/* SPDX-License-Identifier: MIT */
#include "cli/options.h"
#include "emu/emu.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec cpuid [OPTION...]\n\n"
    "Prints CPUID leaves in the raw format of `cpuid -r` (which `cpuid -f` decodes): of this "
    "machine,\n"
    "or of the default policy of an emulated guest.\n\n"
    "  --live          this machine, on the CPU the program happens to run on\n"
    "  --guest V       intel (default), amd, hygon, centaur\n"
    "  --hv NAME       hypervisor interface in it: kvm (default) or none\n"
    "  --hv-base LEAF  where its block stands (0x40000000)\n"
    "  --policy FILE   print that file's first CPU again\n"
    "  -o FILE         write to FILE instead of standard output\n\n"
    "example: trapspec cpuid --live -o machine.txt; trapspec report --target dump:machine.txt\n"
    "exit codes: 0 done, 2 usage, 3 bad input, 77 this machine has no CPUID\n";

enum { OPT_LIVE = OPT_FIRST_OWN };
static const struct option options[] = {MACHINE_OPTIONS,
                                        {"live", no_argument, NULL, OPT_LIVE},
                                        {"output", required_argument, NULL, 'o'},
                                        {NULL, 0, NULL, 0}};

static int write_leaves(const char *file, const struct tsp_leaf *leaf, size_t n)
{
    struct file_out out;
    struct tsp_error err;

    if (file_begin(&out, file, &err) != TSP_OK)
        return cli_fail("cpuid", &err);
    dump_write_raw(out.f, "CPU 0", leaf, n);
    if (file_commit(&out, &err) != TSP_OK)
        return cli_fail("cpuid", &err);
    return EXIT_CONFORMS;
}

static int run(int argc, char **argv)
{
    static struct tsp_leaf leaf[TSP_MAX_LEAF];
    static struct machine m;
    const char *file = "-";
    bool live = false;
    size_t n;
    int opt, code = machine_arch(&m, "cpuid", argc, argv);

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return cli_bad_option("cpuid", options, argv, optind - 1);
        if (opt == 'o')
            file = optarg;
        else if (opt == OPT_LIVE)
            live = true;
        else
            code = machine_option(&m, "cpuid", opt, optarg);
    }
    if (code == 0 && optind < argc)
        code = cli_usage("cpuid", "unexpected argument \"%s\"", argv[optind]);
    if (code == 0)
        code = machine_finish(&m, "cpuid");
    if (code != 0) {
        machine_free(&m);
        return code;
    }
    if (live) {
        n = dump_live(leaf, TSP_MAX_LEAF);
    } else if (m.policy.n > 0) {
        n = m.policy.cpu[0].n;
        memcpy(leaf, m.policy.leaf, n * sizeof(leaf[0]));
    } else {
        n = cli_base_policy(&m.s, leaf, TSP_MAX_LEAF);
    }
    machine_free(&m);
    if (n == 0) {
        fprintf(stderr, "trapspec cpuid: this machine has no CPUID instruction\n");
        return EXIT_NOTHING;
    }
    return write_leaves(file, leaf, n);
}

const struct verb verb_cpuid = {"cpuid", run, "print or record CPUID leaves", help};
