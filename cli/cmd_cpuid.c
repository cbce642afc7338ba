/* SPDX-License-Identifier: MIT */
#include "cli/formats/dump_write.h"
#include "cli/formats/recorded_cpu.h"
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec cpuid [OPTION...] [FILE]\n\n"
    "Prints CPUID leaves: of a dump in any format that lint reads, with all its CPUs; of this\n"
    "machine; or of the default policy of an emulated guest.\n\n"
    "  --format F      raw (default): what `cpuid -r` prints and `cpuid -f` decodes; aida64,\n"
    "                  libcpuid, libvirt, firecracker, xen-policy, xen-featureset, json\n"
    "  --cpu NAME      the processor of a recording, as a guest would see it\n"
    "  --list          the names of the recordings\n"
    "  --kvm           what this machine's KVM offers guests\n"
    "  --live          this machine, on the CPU the program happens to run on\n"
    "  --guest V       intel (default), amd, hygon, centaur\n"
    "  --hv NAME       hypervisor interface in it: kvm (default), xen, hyperv, vmware, lguest,\n"
    "                  vmi, generic or none\n"
    "  --hv-base LEAF  where its block stands (0x40000000)\n"
    "  --policy FILE   print that file's first CPU again\n"
    "  -o FILE         write to FILE instead of standard output\n\n"
    "example: trapspec cpuid --live -o machine.txt; trapspec report --target dump:machine.txt\n"
    "exit codes: 0 done, 2 usage, 3 bad input, 77 this machine has no CPUID\n";

enum { OPT_LIVE = OPT_FIRST_OWN, OPT_FORMAT, OPT_KVM, OPT_LIST };
static const struct option options[] = {MACHINE_OPTIONS,
                                        {"live", no_argument, NULL, OPT_LIVE},
                                        {"kvm", no_argument, NULL, OPT_KVM},
                                        {"list", no_argument, NULL, OPT_LIST},
                                        {"format", required_argument, NULL, OPT_FORMAT},
                                        {"output", required_argument, NULL, 'o'},
                                        {NULL, 0, NULL, 0}};

/* What was asked for. */
struct asked {
    const char *file, *format, *input;
    bool live, kvm, list;
};

static void tell_lost(const struct asked *a, const struct dump_lost *lost)
{
    if (lost->cpus > 0)
        fprintf(stderr, "trapspec cpuid: %s holds one CPU: %u left out\n", a->format, lost->cpus);
    if (lost->leaves > 0)
        fprintf(stderr, "trapspec cpuid: %s has no place for %zu %s: left out\n", a->format,
                lost->leaves, lost->leaves == 1 ? "leaf" : "leaves");
}

static int write_dump(const struct asked *a, const struct dump *d)
{
    struct dump_lost lost;
    struct file_out out;
    struct tsp_error err;

    if (file_begin(&out, a->file, &err) != TSP_OK)
        return cli_fail("cpuid", &err);
    if (dump_write(out.f, a->format, d, &lost, &err) != TSP_OK) {
        file_abort(&out);
        return cli_fail("cpuid", &err);
    }
    if (file_commit(&out, &err) != TSP_OK)
        return cli_fail("cpuid", &err);
    tell_lost(a, &lost);
    return EXIT_CONFORMS;
}

static int convert(const struct asked *a)
{
    struct tsp_error err;
    struct dump d;
    int code;

    if (dump_load(a->input, &d, &err) != TSP_OK)
        return cli_fail("cpuid", &err);
    code = write_dump(a, &d);
    dump_free(&d);
    return code;
}

/* In order of leaf and sub-leaf: KVM has the Centaur leaves before the hypervisor's own. */
static int leaf_order(const void *pa, const void *pb)
{
    const struct tsp_leaf *a = pa, *b = pb;

    if (a->leaf != b->leaf)
        return a->leaf < b->leaf ? -1 : 1;
    return a->subleaf < b->subleaf ? -1 : a->subleaf > b->subleaf;
}

static int ask_kvm(struct tsp_leaf *leaf, size_t *n)
{
    struct target_host host;
    struct target t;
    struct tsp_error err;
    enum tsp_status st = target_open(&t, "kvm", &err);

    if (st != TSP_OK)
        return cli_fail("cpuid", &err);
    *n = target_host(&t, &host) ? host.nleaf : 0;
    memcpy(leaf, host.leaf, *n * sizeof(*leaf));
    target_close(&t);
    qsort(leaf, *n, sizeof(*leaf), leaf_order);
    return 0;
}

static int list_recordings(void)
{
    const char *const *name = recorded_cpu_names();

    for (; *name != NULL; name++)
        puts(*name);
    return EXIT_CONFORMS;
}

/* This machine, a policy file's first CPU, or the default policy. */
static int write_one(const struct asked *a, const struct machine *m)
{
    static struct tsp_leaf leaf[TSP_MAX_LEAF];
    struct dump_cpu cpu;
    struct dump d;
    size_t n = 0;
    int code;

    if (a->live) {
        n = dump_live(leaf, TSP_MAX_LEAF);
        dump_index(leaf, n);
    } else if (a->kvm) {
        code = ask_kvm(leaf, &n);
        if (code != 0)
            return code;
    } else if (m->policy.n > 0) {
        n = m->policy.cpu[0].n;
        memcpy(leaf, m->policy.leaf, n * sizeof(leaf[0]));
    } else {
        n = cli_base_policy(&m->s, leaf, TSP_MAX_LEAF);
    }
    if (n == 0) {
        fprintf(stderr, "trapspec cpuid: this machine has no CPUID instruction\n");
        return EXIT_NOTHING;
    }
    d = dump_of(leaf, n, &cpu);
    return write_dump(a, &d);
}

static const char *near_format(const char *word)
{
    const char *near = cli_nearest(word, dump_format_names);

    return near != NULL ? near : "raw";
}

static int read_options(struct asked *a, struct machine *m, int argc, char **argv)
{
    int opt, code = machine_arch(m, "cpuid", argc, argv);

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return cli_bad_option("cpuid", options, argv, optind - 1);
        if (opt == 'o') {
            a->file = optarg;
        } else if (opt == OPT_LIVE) {
            a->live = true;
        } else if (opt == OPT_KVM) {
            a->kvm = true;
        } else if (opt == OPT_LIST) {
            a->list = true;
        } else if (opt == OPT_FORMAT) {
            a->format = optarg;
            if (cli_choice(optarg, dump_format_names) < 0)
                code = cli_usage("cpuid", "--format %s: no such format; did you mean %s?", optarg,
                                 near_format(optarg));
        } else {
            code = machine_option(m, "cpuid", opt, optarg);
        }
    }
    if (code != 0)
        return code;
    if (optind < argc)
        a->input = argv[optind++];
    if (optind < argc)
        return cli_usage("cpuid", "unexpected argument \"%s\"", argv[optind]);
    if ((a->input != NULL) + a->live + a->kvm + (m->policy.n > 0) > 1)
        return cli_usage("cpuid", "one of FILE, --live, --kvm and --policy");
    return machine_finish(m, "cpuid");
}

static int run(int argc, char **argv)
{
    static struct machine m;
    struct asked a = {.file = "-", .format = "raw"};
    int code = read_options(&a, &m, argc, argv);

    if (code == 0 && a.list)
        code = list_recordings();
    else if (code == 0)
        code = a.input != NULL ? convert(&a) : write_one(&a, &m);
    machine_free(&m);
    return code;
}

const struct verb verb_cpuid = {"cpuid", run, "print or record CPUID leaves", help};
