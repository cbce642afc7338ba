/* SPDX-License-Identifier: MIT */
#include "cli/options.h"
#include "cli/event.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: trapspec run [OPTION...] FILE\n"
    "       trapspec run [OPTION...] --hex BYTES\n\n"
    "Runs a guest and prints one line per trap: vCPU, level, pc, bytes, disassembly, inputs,\n"
    "outputs, verdict with rule and source. FILE is an ELF program (x86-64, i386, AArch64), a\n"
    "scenario in text form, or raw code.\n\n" MACHINE_HELP
    "  --target T      model:kvm (default), model:PROFILE, plugin:FILE, kvm (with the\n"
    "                  processor it runs on)\n"
    "  --budget N      instructions before the run ends (1000000)\n"
    "  --migrate N[:VENDOR]  after N events the machine is saved and goes on elsewhere, with "
    "VENDOR's\n"
    "                  processor; up to four times\n"
    "  --all           print plain port and memory accesses too\n"
    "  --known FILE    accepted deviations\n"
    "  --json          JSON lines\n"
    "  --color WHEN    auto, always, never\n\n"
    "example: trapspec run --hex 0f01c1f4 --host amd --hv kvm\n"
    "exit codes: 0 conforms, 1 findings, 2 usage, 3 bad input\n";

enum { OPT_MIGRATE = OPT_FIRST_OWN };
#define MOVE_SAME 0xffu /* the host it is on */

static const struct option options[] = {MACHINE_OPTIONS,
                                        {"migrate", required_argument, NULL, OPT_MIGRATE},
                                        {"target", required_argument, NULL, OPT_TARGET},
                                        {"budget", required_argument, NULL, OPT_BUDGET},
                                        {"hex", required_argument, NULL, OPT_HEX},
                                        {"all", no_argument, NULL, OPT_ALL},
                                        {"known", required_argument, NULL, OPT_KNOWN},
                                        {"json", no_argument, NULL, OPT_JSON},
                                        {NULL, 0, NULL, 0}};

struct run_args {
    struct machine m;
    const char *target, *file, *hex, *known;
    struct runner r;
    struct program *program;
    struct input_move move[INPUT_MOVE_MAX];
    unsigned nmove;
};

/* N or N:VENDOR */
static int option_migrate(struct run_args *a, const char *arg)
{
    const char *colon = strchr(arg, ':');
    size_t n = colon != NULL ? (size_t)(colon - arg) : strlen(arg);
    char number[16];
    int vendor = colon != NULL ? cli_choice(colon + 1, cli_vendors) : (int)MOVE_SAME;
    uint64_t after;

    snprintf(number, sizeof(number), "%.*s", n < sizeof(number) ? (int)n : 0, arg);
    if (!cli_number(number, INPUT_MOVE_AFTER_MAX, &after) || vendor < 0)
        return cli_usage("run", "--migrate %s: events (to %u), or events:VENDOR", arg,
                         INPUT_MOVE_AFTER_MAX);
    if (a->nmove == INPUT_MOVE_MAX)
        return cli_usage("run", "--migrate: %u times at most", INPUT_MOVE_MAX);
    a->move[a->nmove].after = (uint8_t)after;
    a->move[a->nmove++].host = (uint8_t)vendor;
    return 0;
}

static int one_option(struct run_args *a, int opt)
{
    uint64_t v;
    int code = machine_option(&a->m, "run", opt, optarg);

    if (code >= 0)
        return code;
    switch (opt) {
    case OPT_MIGRATE:
        return option_migrate(a, optarg);
    case OPT_TARGET:
        a->target = optarg;
        return 0;
    case OPT_BUDGET:
        if (!cli_number(optarg, UINT32_MAX, &v) || v == 0)
            return cli_usage("run", "--budget %s: a number of instructions", optarg);
        a->r.budget = (uint32_t)v;
        return 0;
    case OPT_HEX:
        a->hex = optarg;
        return 0;
    case OPT_ALL:
        a->r.all = true;
        return 0;
    case OPT_KNOWN:
        a->known = optarg;
        return 0;
    default: /* OPT_JSON */
        a->r.view = VIEW_JSON;
        return 0;
    }
}

static int parse_args(struct run_args *a, int argc, char **argv)
{
    int opt, code = machine_arch(&a->m, "run", argc, argv);

    opterr = 0;
    while (code == 0 && (opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return cli_bad_option("run", options, argv, optind - 1);
        code = one_option(a, opt);
    }
    if (code != 0)
        return code;
    if (optind < argc)
        a->file = argv[optind++];
    if (optind < argc)
        return cli_usage("run", "one FILE only, \"%s\" is a second", argv[optind]);
    if ((a->file == NULL) == (a->hex == NULL))
        return cli_usage("run", "either a FILE or --hex BYTES is needed");
    if (a->hex != NULL && a->m.el_set && a->m.s.arch == TSP_ARCH_X86)
        return cli_usage("run", "--el needs --arch aarch64");
    return 0;
}

/* Raw code becomes the scenario's code, where its mode can reach it; the machine's end mark is HLT
 * at CPL 0. */
static int take_code(struct run_args *a, const uint8_t *p, size_t n)
{
    if (n == 0 || n > INPUT_CODE_MAX) {
        fprintf(stderr, "trapspec run: %s: %zu bytes of code; 1 to %u can be run\n",
                a->file != NULL ? a->file : "--hex", n, INPUT_CODE_MAX);
        return EXIT_BAD_INPUT;
    }
    memcpy(a->m.s.code[0], p, n);
    a->m.s.ncode[0] = (uint32_t)n;
    a->m.s.code_at = input_code_default(&a->m.s);
    return 0;
}

static int take_file(struct run_args *a)
{
    struct tsp_error err, inner;
    uint8_t *bytes;
    size_t n;
    int code = 0;

    if (file_read(a->file, 16u << 20, &bytes, &n, &err) != TSP_OK)
        return cli_fail("run", &err);
    if (program_is_elf(bytes, n)) {
        if (program_load(a->file, bytes, n, &a->program, &err) != TSP_OK)
            code = cli_fail("run", &err);
        else
            program_scenario(a->program, &a->m.s);
    } else if (input_is_text(bytes, n)) {
        if (input_text_parse((const char *)bytes, n, &a->m.s, &inner) != TSP_OK) {
            error_set(&err, TSP_EPARSE, inner.line, "%s:%u: %s", a->file, inner.line, inner.text);
            code = cli_fail("run", &err);
        }
    } else {
        code = take_code(a, bytes, n);
    }
    free(bytes);
    return code;
}

static int take_input(struct run_args *a)
{
    uint8_t code[INPUT_CODE_MAX];
    int n;

    if (a->file != NULL)
        return take_file(a);
    n = cli_hex(a->hex, code, sizeof(code));
    if (n < 0) {
        fprintf(
            stderr,
            "trapspec run: --hex %.40s: an even number of hexadecimal digits, at most %u bytes\n",
            a->hex, INPUT_CODE_MAX);
        return EXIT_BAD_INPUT;
    }
    return take_code(a, code, (size_t)n);
}

/* What no rule covers says nothing for the target. */
static void print_end(const struct run_result *res)
{
    printf("%u trap%s judged", res->judged, res->judged == 1 ? "" : "s");
    if (res->judged > 0 || res->gaps == 0)
        printf(": %s%s%s", cli_verdict_color(res->worst), res->fails > 0 ? "FINDINGS" : "conforms",
               cli_color(COLOR_OFF));
    if (res->gaps > 0)
        printf("; %u not judged: no rule covers %s", res->gaps, res->gaps == 1 ? "it" : "them");
    printf("\n");
}

/* Behind what a scenario file says, whose own may be on other hosts. */
static void add_moves(struct run_args *a)
{
    struct scenario *s = &a->m.s;

    for (unsigned i = 0; i < a->nmove && s->nmove < INPUT_MOVE_MAX; i++) {
        s->move[s->nmove] = a->move[i];
        if (a->move[i].host == MOVE_SAME)
            s->move[s->nmove].host = s->host;
        s->nmove++;
    }
    if (a->nmove > 0)
        input_fold(s);
}

static int execute(struct run_args *a, struct source *src)
{
    static struct input_image image;
    static struct tsp_setup setup;
    struct run_result res;
    struct tsp_error err;

    cli_fit(&src->t, &a->m.s);
    cli_build(&a->m.s, &image, &setup);
    if (a->program != NULL && program_setup(a->program, &setup, &err) != TSP_OK) {
        fprintf(stderr, "trapspec run: %s: %s\n", a->file, err.text);
        return EXIT_BAD_INPUT;
    }
    a->r.t = &src->t;
    a->r.spec = spec_builtin();
    add_moves(a);
    a->r.move = a->m.s.move;
    a->r.nmove = a->m.s.nmove;
    if (runner_run(&a->r, &setup, a->m.s.sched, a->m.s.nsched, &res, &err) != TSP_OK) {
        fprintf(stderr, "trapspec run: %s\n", err.text);
        return EXIT_BAD_INPUT;
    }
    if (a->r.view == VIEW_TEXT)
        print_end(&res);
    return res.fails > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}

static int run(int argc, char **argv)
{
    static struct run_args a;
    struct source src;
    struct tsp_error err;
    struct known *known = NULL;
    int code;

    memset(&a, 0, sizeof(a));
    memset(&src, 0, sizeof(src));
    a.target = "model:kvm";
    a.r.budget = 1000000;
    a.r.view = VIEW_TEXT;
    code = parse_args(&a, argc, argv);
    if (code == 0 && !a.m.hv_set && strncmp(a.target, "model:hyperv", 12) == 0)
        a.m.s.persona[0] = TSP_PERSONA_HYPERV;
    if (code == 0 && !a.m.hv_set && strncmp(a.target, "model:lguest", 12) == 0)
        a.m.s.persona[0] = TSP_PERSONA_LGUEST;
    if (code == 0)
        code = machine_finish(&a.m, "run");
    if (code == 0)
        code = take_input(&a);
    if (code == 0 && cli_known(a.target, a.known, &known, &err) != TSP_OK)
        code = cli_fail("run", &err);
    a.r.known = known;
    if (code == 0 && source_open(&src, a.target, &err) != TSP_OK)
        code = cli_fail("run", &err);
    if (code == 0 && src.t.ops == NULL)
        code = cli_usage("run", "%s does not run code; see report and diff", a.target);
    if (code == 0)
        code = execute(&a, &src);
    source_close(&src);
    known_free(known);
    program_free(a.program);
    machine_free(&a.m);
    return code;
}

const struct verb verb_run = {"run", run, "run a guest program or bytes, one judged line per trap",
                              help};
