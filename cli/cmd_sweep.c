/* SPDX-License-Identifier: MIT */
/* trapspec sweep: the parts run in processes of their own, over maps that all of them share. */
#define _DEFAULT_SOURCE
#include "cli/formats/sweep_out.h"
#include "cli/options.h"
#include "emu/policy/lookup.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "usage: trapspec sweep [--target T] [OPTION...]\n\n"
    "Asks a target for every CPUID leaf at sub-leaf 0, and for 66,000 sub-leaves of each leaf "
    "that\n"
    "is in range; judges every answer; prints the map: leaves that answer alike share a row.\n"
    "A model is asked for all 2^32. Real KVM, plug-ins and dumps are asked by code, one leaf a "
    "run:\n"
    "a sample, or every leaf of a short --leaves.\n\n"
    "  --target T      model:kvm (default), model:PROFILE, kvm, dump:FILE, plugin:FILE\n"
    "  --leaves A-B    these leaves only (0-0xffffffff)\n"
    "  --random N      sub-leaves drawn at random for each leaf (65536; 256 by code); by code "
    "also\n"
    "                  leaves (4096)\n"
    "  --jobs N        processes (2)\n"
    "  -o MAP          write the map there and print the summary only\n"
    "  --html FILE     a page with a picture of all leaves\n"
    "  --known FILE    accepted deviations, or none\n"
    "  --json          the map as one JSON object\n"
    "  --color WHEN    auto, always, never\n"
    "  --guest, --cpu, --hv, --hv-base, --policy, --host, --mode, --cpl: as for run\n\n"
    "example: trapspec sweep --target model:kvm --cpu bochs-ryzen --html sweep.html\n"
    "exit codes: 0 conforms, 1 findings, 2 usage, 3 bad input, 77 nothing could be asked\n";

enum { OPT_LEAVES = OPT_FIRST_OWN, OPT_RANDOM, OPT_JOBS, OPT_HTML };
static const struct option options[] = {MACHINE_OPTIONS,
                                        {"target", required_argument, NULL, OPT_TARGET},
                                        {"leaves", required_argument, NULL, OPT_LEAVES},
                                        {"random", required_argument, NULL, OPT_RANDOM},
                                        {"jobs", required_argument, NULL, OPT_JOBS},
                                        {"html", required_argument, NULL, OPT_HTML},
                                        {"known", required_argument, NULL, OPT_KNOWN},
                                        {"output", required_argument, NULL, 'o'},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

#define JOBS_MAX 64u
#define IN_RANGE_MAX 1024u
#define ALL_BY_CODE 0x10000u /* as many leaves are asked one by one */
#define CODE_LEAVES 4096u
#define CODE_SUBLEAVES 256u

/* Of one process; shared memory. */
struct part {
    _Atomic uint64_t asked;
    _Atomic bool stop; /* from the parent */
    bool done;
    struct sweep_map leaves, subs;
};

struct sweep_args {
    struct machine m;
    const char *target, *known_file, *out, *html, *cpu;
    bool json, random_set;
    uint32_t lo, hi, random, jobs;
    struct known *known;
    struct source src;
    struct input_image image;
    struct tsp_setup setup;
    struct sweep sweep;
    uint32_t leaf[IN_RANGE_MAX];
    size_t in_range;
    struct part *part;
    pid_t pid[JOBS_MAX];
    bool ended;
};

static bool tick(void *ctx, uint64_t asked)
{
    struct part *p = ctx;

    atomic_fetch_add_explicit(&p->asked, asked, memory_order_relaxed);
    return !cli_interrupted() && !atomic_load_explicit(&p->stop, memory_order_relaxed);
}

static int read_leaves(struct sweep_args *a, const char *arg)
{
    char text[64];
    char *dash;
    uint64_t lo, hi;

    snprintf(text, sizeof(text), "%s", arg);
    dash = strchr(text, '-');
    if (dash != NULL)
        *dash = 0;
    if (strlen(arg) >= sizeof(text) || !cli_number(text, UINT32_MAX, &lo) ||
        !cli_number(dash != NULL ? dash + 1 : text, UINT32_MAX, &hi) || hi < lo)
        return cli_usage("sweep", "--leaves %.60s: FIRST-LAST, for example 0x40000000-0x400000ff",
                         arg);
    a->lo = (uint32_t)lo;
    a->hi = (uint32_t)hi;
    return 0;
}

static int read_count(const char *name, const char *arg, uint64_t least, uint64_t most,
                      uint32_t *out)
{
    uint64_t v;

    if (!cli_number(arg, most, &v) || v < least)
        return cli_usage("sweep", "--%s %s: a number of %u to %u", name, arg, (unsigned)least,
                         (unsigned)most);
    *out = (uint32_t)v;
    return 0;
}

static int one_option(struct sweep_args *a, int opt)
{
    int code = opt == 'o' ? -1 : machine_option(&a->m, "sweep", opt, optarg);

    if (opt == OPT_CPU && code == 0)
        a->cpu = optarg;
    if (code >= 0)
        return code;
    switch (opt) {
    case OPT_TARGET:
        a->target = optarg;
        return 0;
    case OPT_LEAVES:
        return read_leaves(a, optarg);
    case OPT_RANDOM:
        a->random_set = true;
        return read_count("random", optarg, 0, SWEEP_RANDOM_MAX, &a->random);
    case OPT_JOBS:
        return read_count("jobs", optarg, 1, JOBS_MAX, &a->jobs);
    case OPT_HTML:
        a->html = optarg;
        return 0;
    case OPT_KNOWN:
        a->known_file = optarg;
        return 0;
    case 'o':
        a->out = optarg;
        return 0;
    default: /* OPT_JSON */
        a->json = true;
        return 0;
    }
}

static int parse_args(struct sweep_args *a, int argc, char **argv)
{
    int opt, code = machine_arch(&a->m, "sweep", argc, argv);

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return cli_bad_option("sweep", options, argv, optind - 1);
        code = one_option(a, opt);
    }
    if (code != 0)
        return code;
    if (optind < argc)
        return cli_usage("sweep", "unexpected argument \"%s\"", argv[optind]);
    if (a->m.s.arch != TSP_ARCH_X86)
        return cli_usage("sweep", "CPUID is x86's");
    return machine_finish(&a->m, "sweep");
}

/* A dump is nobody's guest: its own vendor's rows judge it, and no table says what it should hold.
 */
static void dump_setup(struct sweep_args *a)
{
    const struct dump *d = &a->src.dump;

    a->setup.npolicy = 0;
    a->setup.host = (uint8_t)policy_vendor(
        &(struct tsp_policy){.leaf = d->leaf + d->cpu[0].first, .n = d->cpu[0].n});
    memset(a->setup.persona, TSP_PERSONA_NONE, sizeof(a->setup.persona));
}

/* Every process opens the target for itself: a real hypervisor's cannot be shared. */
static enum tsp_status open_sweep(struct sweep_args *a, struct tsp_error *err)
{
    enum tsp_status st = source_open(&a->src, a->target, err);

    if (st != TSP_OK)
        return st;
    if (a->src.is_golden)
        return error_set(err, TSP_ENOTSUP, 0, "%s: a recording cannot be asked", a->target);
    cli_fit(&a->src.t, &a->m.s);
    cli_build(&a->m.s, &a->image, &a->setup);
    if (a->src.is_dump)
        dump_setup(a);
    a->sweep.t = &a->src.t;
    a->src.t.looked = false; /* one instruction after the other, 2^32 times */
    a->sweep.spec = spec_builtin();
    a->sweep.known = a->known;
    a->sweep.setup = &a->setup;
    if (sweep_open(&a->sweep) != TSP_OK)
        return error_set(err, TSP_EARG, 0, "%s: %s", a->target, cli_refusal(&a->src.t));
    return TSP_OK;
}

/* Of the leaves in range, those that are asked for. */
static size_t keep_leaves(struct sweep_args *a, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (a->leaf[i] >= a->lo && a->leaf[i] <= a->hi)
            a->leaf[kept++] = a->leaf[i];
    return kept;
}

static bool all_by_code(const struct sweep_args *a)
{
    return a->hi - a->lo < ALL_BY_CODE;
}

static uint32_t leaves_random(const struct sweep_args *a)
{
    if (a->sweep.direct)
        return SWEEP_RANDOM_MAX;
    return a->random_set ? a->random : CODE_LEAVES;
}

static uint32_t subs_random(const struct sweep_args *a)
{
    if (a->random_set)
        return a->random;
    return a->sweep.direct ? SWEEP_RANDOM_MAX : CODE_SUBLEAVES;
}

/* Part i of the leaves, and of those in range with their sub-leaves. */
static void run_part(struct sweep_args *a, uint32_t i)
{
    struct part *p = &a->part[i];
    uint64_t n = (uint64_t)a->hi - a->lo + 1, lo = a->lo + n * i / a->jobs,
             end = a->lo + n * (i + 1) / a->jobs;
    size_t from = a->in_range * i / a->jobs, to = a->in_range * (i + 1) / a->jobs;
    const struct sweep_part part = {.lo = (uint32_t)lo,
                                    .hi = (uint32_t)(end - 1),
                                    .random = leaves_random(a),
                                    .ends = {a->lo, a->hi},
                                    .all = all_by_code(a)};
    bool go = true;

    a->sweep.tick = tick;
    a->sweep.ctx = p;
    if (end > lo)
        go = sweep_leaves(&a->sweep, &part, &p->leaves);
    for (size_t k = from; go && k < to; k++)
        go = sweep_subleaves(&a->sweep, a->leaf[k], subs_random(a), &p->subs);
    p->done = go;
}

static bool start(struct sweep_args *a, uint32_t i)
{
    struct tsp_error err;

    fflush(stdout);
    a->pid[i] = fork();
    if (a->pid[i] != 0)
        return a->pid[i] > 0;
    /* A signal may reach the whole group; the parent says when to end, or its death. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    source_close(&a->src);
    if (open_sweep(a, &err) != TSP_OK) {
        cli_fail("sweep", &err);
        _exit(EXIT_BAD_INPUT);
    }
    run_part(a, i);
    _exit(0);
}

static void show_progress(const struct sweep_args *a)
{
    double all = ((double)a->hi - a->lo + 1) / 1e6, asked = 0;

    for (uint32_t i = 0; i < a->jobs; i++)
        asked += (double)atomic_load_explicit(&a->part[i].asked, memory_order_relaxed) / 1e6;
    if (a->sweep.direct)
        cli_progress("%.0f of %.0f million leaves", asked < all ? asked : all, all);
    else
        cli_progress("%.0f thousand questions", asked * 1e3);
}

/* Waits for the processes; a signal to this one ends them at their next question. */
static bool wait_all(struct sweep_args *a)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    bool good = true;
    uint32_t left = a->jobs;

    while (left > 0) {
        for (uint32_t i = 0; i < a->jobs; i++) {
            int status;

            if (a->pid[i] <= 0 || waitpid(a->pid[i], &status, WNOHANG) != a->pid[i])
                continue;
            good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
            a->pid[i] = 0;
            left--;
        }
        for (uint32_t i = 0; cli_interrupted() && i < a->jobs; i++)
            atomic_store_explicit(&a->part[i].stop, true, memory_order_relaxed);
        if (left > 0) {
            show_progress(a);
            nanosleep(&pause, NULL);
        }
    }
    cli_progress_done();
    return good;
}

static int run_all(struct sweep_args *a)
{
    bool good = true;

    a->part = mmap(NULL, a->jobs * sizeof(*a->part), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (a->part == MAP_FAILED)
        return cli_fail("sweep", &(struct tsp_error){TSP_ENOMEM, 0, "out of memory"});
    for (uint32_t i = 0; i < a->jobs; i++) {
        if (a->jobs == 1)
            run_part(a, 0);
        else
            good = start(a, i) && good;
    }
    if (a->jobs > 1)
        good = wait_all(a) && good;
    for (uint32_t i = 0; i < a->jobs; i++)
        a->ended |= !a->part[i].done;
    for (uint32_t i = 1; i < a->jobs; i++) {
        sweep_join(&a->part[0].leaves, &a->part[i].leaves);
        sweep_join(&a->part[0].subs, &a->part[i].subs);
    }
    if (good)
        return 0;
    return cli_fail("sweep", &(struct tsp_error){TSP_EIO, 0, "one of its processes died"});
}

static int write_file(const char *path, void (*w)(FILE *, const struct sweep_doc *),
                      const struct sweep_doc *d)
{
    struct file_out out;
    struct tsp_error err;

    if (path == NULL)
        return 0;
    if (file_begin(&out, path, &err) != TSP_OK)
        return cli_fail("sweep", &err);
    w(out.f, d);
    return file_commit(&out, &err) == TSP_OK ? 0 : cli_fail("sweep", &err);
}

static struct sweep_doc make_doc(const struct sweep_args *a)
{
    struct sweep_doc d = {.target = a->target, .spec = a->sweep.spec, .lo = a->lo, .hi = a->hi};

    d.cpu = a->cpu != NULL                       ? a->cpu
            : a->src.is_dump                     ? "its CPU"
            : a->m.s.policy == INPUT_POLICY_NONE ? "the policy's CPU"
                                                 : cli_vendors[a->m.s.policy - INPUT_POLICY_INTEL];
    d.sampled = !a->sweep.direct && !all_by_code(a);
    d.ended = a->ended;
    d.in_range = (uint32_t)a->in_range;
    d.random = subs_random(a);
    d.leaves = &a->part[0].leaves;
    d.subs = &a->part[0].subs;
    return d;
}

static int finish(struct sweep_args *a)
{
    const struct sweep_map *l = &a->part[0].leaves, *s = &a->part[0].subs;
    const struct sweep_doc d = make_doc(a);
    int code;

    if (a->json)
        sweep_write_json(stdout, &d);
    else if (a->out == NULL)
        sweep_write_text(stdout, &d);
    if (!a->json)
        sweep_summary(stdout, &d);
    code = write_file(a->out, a->json ? sweep_write_json : sweep_write_text, &d);
    if (code == 0)
        code = write_file(a->html, sweep_write_html, &d);
    if (code != 0)
        return code;
    if (l->asked == 0)
        return EXIT_NOTHING;
    if (l->error + s->error > 0)
        return EXIT_BAD_INPUT;
    return l->target_fail + s->target_fail + l->differ > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static struct sweep_args args;

/* Everything up to the maps. The list of known deviations is the caller's. */
static int collect(struct sweep_args *a)
{
    struct tsp_error err;

    if (open_sweep(a, &err) != TSP_OK)
        return cli_fail("sweep", &err);
    a->in_range = keep_leaves(a, sweep_in_range(&a->sweep, a->leaf, IN_RANGE_MAX));
    return run_all(a);
}

static void set_defaults(struct sweep_args *a)
{
    memset(a, 0, sizeof(*a));
    a->target = "model:kvm";
    a->hi = UINT32_MAX;
    a->jobs = 2;
}

static void release(struct sweep_args *a)
{
    source_close(&a->src);
    machine_free(&a->m);
}

int cli_sweep(const char *verb, const char *target, struct known *known,
              const struct sweep_doc **out)
{
    static struct sweep_doc doc;
    char *none[] = {NULL};
    int code;

    set_defaults(&args);
    args.target = target;
    args.known = known;
    code = machine_arch(&args.m, verb, 0, none);
    if (code == 0)
        code = machine_finish(&args.m, verb);
    if (code == 0)
        code = collect(&args);
    if (code == 0) {
        doc = make_doc(&args);
        *out = &doc;
    }
    release(&args);
    return code;
}

static int run(int argc, char **argv)
{
    struct tsp_error err;
    int code;

    set_defaults(&args);
    code = parse_args(&args, argc, argv);
    if (code == 0 && cli_known(args.target, args.known_file, &args.known, &err) != TSP_OK)
        code = cli_fail("sweep", &err);
    if (code == 0)
        code = collect(&args);
    if (code == 0)
        code = finish(&args);
    release(&args);
    known_free(args.known);
    return code;
}

const struct verb verb_sweep = {"sweep", run, "ask for every CPUID leaf there is, and judge", help};
