/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "decoder/decoder.h"

#include <stdio.h>
#include <string.h>

static const struct verb *const verbs[] = {&verb_run,    &verb_replay, &verb_report, &verb_diff,
                                           &verb_decode, &verb_cpuid,  &verb_lint,   &verb_spec,
                                           &verb_fuzz,   &verb_record};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void overview(FILE *f)
{
    fputs(
        "usage: trapspec VERB [OPTION...] [ARGUMENT...]\n\n"
        "Runs guest code on an emulated vCPU (or plays back a real hypervisor), and judges every\n"
        "CPUID, vmcall, vmmcall, hvc and smc against a reference table with sources.\n\n",
        f);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(f, "  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\n  trapspec VERB --help   options and an example\n"
          "  trapspec --version     version, and Capstone's\n\n"
          "exit codes: 0 conforms, 1 findings, 2 usage, 3 bad input, 77 nothing could be tried\n",
          f);
}

static int find_verb(const char *name, char **argv, int argc)
{
    const char *names[VERBS + 1];
    const char *near;

    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(name, verbs[i]->name) != 0) {
            names[i] = verbs[i]->name;
            continue;
        }
        for (int k = 1; k < argc && strcmp(argv[k], "--") != 0; k++) {
            if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0) {
                printf("%s", verbs[i]->help);
                return EXIT_CONFORMS;
            }
        }
        return verbs[i]->run(argc, argv);
    }
    names[VERBS] = NULL;
    near = cli_nearest(name, names);
    fprintf(stderr, "trapspec: unknown verb \"%s\"%s%s%s\n", name,
            near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
            near != NULL ? "\"?" : "");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int code;

    if (argc < 2) {
        overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        overview(stdout);
        return EXIT_CONFORMS;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("trapspec %s (ABI %u, Capstone %s)\n", TRAPSPEC_VERSION, TSP_ABI_VERSION,
               decoder_capstone_version());
        return EXIT_CONFORMS;
    }
    cli_set_color("auto");
    cli_catch_signals();
    code = find_verb(argv[1], argv + 1, argc - 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "trapspec: standard output could not be written\n");
        return EXIT_BAD_INPUT;
    }
    return code;
}
