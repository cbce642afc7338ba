/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "cli/cli.h"
#include "decoder/decoder.h"

#include <errno.h>
#include <poll.h>
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
          "with every verb:\n"
          "  --color WHEN           auto (default; on a terminal, without NO_COLOR), always, "
          "never\n\n"
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

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* What options that hold for every verb say. */
struct common {
    bool inside;
    uint64_t ms;
};

/* Takes argv[*i] when it is --NAME=VALUE or, with the next one, --NAME VALUE. */
static const char *value_of(int argc, char **argv, int *i, const char *name)
{
    size_t n = strlen(name);

    if (strncmp(argv[*i], name, n) != 0)
        return NULL;
    if (argv[*i][n] == '=')
        return argv[*i] + n + 1;
    return argv[*i][n] == 0 && *i + 1 < argc ? argv[++*i] : NULL;
}

/* 1 taken, 0 not one of these, -1 after a message. */
static int take_common(struct common *c, int argc, char **argv, int *i)
{
    const char *value;

    if (*i + 1 == argc &&
        (strcmp(argv[*i], "--color") == 0 || strcmp(argv[*i], "--plugin-timeout") == 0)) {
        fprintf(stderr, "trapspec: option %s needs a value\n", argv[*i]);
        return -1;
    }

    if (strcmp(argv[*i], "--in-process") == 0) {
        c->inside = true;
        return 1;
    }
    value = value_of(argc, argv, i, "--color");
    if (value != NULL && !cli_set_color(value)) {
        fprintf(stderr, "trapspec: --color %s: auto, always or never\n", value);
        return -1;
    }
    if (value != NULL)
        return 1;
    value = value_of(argc, argv, i, "--plugin-timeout");
    if (value != NULL && (!cli_number(value, 3600000, &c->ms) || c->ms == 0)) {
        fprintf(stderr, "trapspec: --plugin-timeout %s: milliseconds, up to an hour\n", value);
        return -1;
    }
    return value != NULL;
}

/* Takes them out of the arguments, wherever they stand. Returns the number that is left, -1 after
 * a message. */
static int common_options(int argc, char **argv)
{
    struct common c = {.inside = false};
    int n = 1, i = 1;
    char text[16];

    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        int taken = take_common(&c, argc, argv, &i);

        if (taken < 0)
            return -1;
        if (taken == 0)
            argv[n++] = argv[i];
    }
    while (i < argc)
        argv[n++] = argv[i++];
    argv[n] = NULL;
    target_plugin_options(c.inside, (unsigned)c.ms);
    /* For the harness that `fuzz` starts. */
    if (c.inside)
        setenv("TRAPSPEC_IN_PROCESS", "1", 1);
    snprintf(text, sizeof(text), "%u", (unsigned)c.ms);
    if (c.ms != 0)
        setenv("TRAPSPEC_PLUGIN_TIMEOUT", text, 1);
    return n;
}

/* What was asked for is only done when it could be printed; a reader who has seen enough, as `head`
 * has, is no failure. */
static int printed(int code)
{
    struct pollfd out = {.fd = 1};
    bool flushed = fflush(stdout) == 0;
    int why = errno;

    if (flushed && !ferror(stdout))
        return code;
    if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0)
        return code;
    fprintf(stderr, "trapspec: standard output could not be written%s%s\n", flushed ? "" : ": ",
            flushed ? "" : strerror(why));
    return EXIT_BAD_INPUT;
}

/* Arguments without those that hold for every verb. */
static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        overview(stderr);
        return EXIT_USAGE;
    }
    if (is_one_of(argv[1], "--help", "-h", "help")) {
        char help[] = "--help", *verb[] = {argv[2], help, NULL};

        if (argc > 2)
            return find_verb(verb[0], verb, 2);
        overview(stdout);
        return EXIT_CONFORMS;
    }
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        printf("trapspec %s (ABI %u, Capstone %s)\n", TRAPSPEC_VERSION, TSP_ABI_VERSION,
               decoder_capstone_version());
        return EXIT_CONFORMS;
    }
    return find_verb(argv[1], argv + 1, argc - 1);
}

int main(int argc, char **argv)
{
    cli_set_color("auto");
    cli_catch_signals();
    argc = common_options(argc, argv);
    return argc < 0 ? EXIT_USAGE : printed(dispatch(argc, argv));
}
