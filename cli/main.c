/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "cli/cli.h"
#include "decoder/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb *const verbs[] = {&verb_run,    &verb_replay, &verb_report,  &verb_diff,
                                           &verb_decode, &verb_cpuid,  &verb_lint,    &verb_spec,
                                           &verb_fuzz,   &verb_record, &verb_mutants, &verb_sweep,
                                           &verb_race,   &verb_level,  &verb_migrate};
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
          "with --target plugin:FILE[,ARGUMENTS] (docs/PLUGIN.md):\n"
          "  --in-process           no process of its own: faster, and its crash is ours\n"
          "  --plugin-timeout MS    how long one of its calls may take (3000)\n\n"
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

/* Options about plug-ins hold for every verb that takes a target: they are taken out of the
 * arguments here. Returns the number that is left, -1 after a message. */
static int plugin_options(int argc, char **argv)
{
    bool inside = false;
    uint64_t ms = 0;
    int n = 0, i = 0;
    char text[16];

    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value;

        if (strncmp(argv[i], "--plugin-timeout=", 17) == 0) {
            value = argv[i] + 17;
        } else if (strcmp(argv[i], "--plugin-timeout") == 0 && i + 1 < argc) {
            value = argv[++i];
        } else {
            if (strcmp(argv[i], "--in-process") == 0)
                inside = true;
            else
                argv[n++] = argv[i];
            continue;
        }
        if (!cli_number(value, 3600000, &ms) || ms == 0) {
            fprintf(stderr, "trapspec: --plugin-timeout %s: milliseconds, up to an hour\n", value);
            return -1;
        }
    }
    while (i < argc)
        argv[n++] = argv[i++];
    argv[n] = NULL;
    target_plugin_options(inside, (unsigned)ms);
    /* For the harness that `fuzz` starts. */
    if (inside)
        setenv("TRAPSPEC_IN_PROCESS", "1", 1);
    snprintf(text, sizeof(text), "%u", (unsigned)ms);
    if (ms != 0)
        setenv("TRAPSPEC_PLUGIN_TIMEOUT", text, 1);
    return n;
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
    argc = plugin_options(argc, argv);
    if (argc < 0)
        return EXIT_USAGE;
    code = find_verb(argv[1], argv + 1, argc - 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "trapspec: standard output could not be written\n");
        return EXIT_BAD_INPUT;
    }
    return code;
}
