/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trapspec/bits.h"

const char *const cli_vendors[] = {"intel", "amd", "hygon", "centaur", "other", NULL};
const char *const cli_personas[] = {"none",   "kvm", "xen",     "hyperv", "vmware",
                                    "lguest", "vmi", "generic", NULL};
const char *const cli_modes[] = {"real16", "vm86", "prot16", "prot32", "compat16", "compat32",
                                 "long64", "a64",  "a32",    "t32",    NULL};
const char *const cli_patches[] = {"rewrite", "emulate", "inject", NULL};
const char *const cli_arches[] = {"x86_64", "aarch64", NULL};

int cli_fail(const char *verb, const struct tsp_error *err)
{
    fprintf(stderr, "trapspec %s: %s\n", verb, err->text);
    return err->code == TSP_EARG      ? EXIT_USAGE
           : err->code == TSP_ENOTSUP ? EXIT_NOTHING
                                      : EXIT_BAD_INPUT;
}

int cli_usage(const char *verb, const char *format, ...)
{
    va_list ap;

    fprintf(stderr, "trapspec %s: ", verb);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, " (trapspec %s --help)\n", verb);
    return EXIT_USAGE;
}

/* Edits (insert, delete, replace) between two short words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64], diag, up;
    size_t n = strlen(b);

    if (n >= 63 || strlen(a) >= 63)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1] != 0; i++) {
        diag = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = diag + (a[i - 1] != b[j - 1]);

            up = row[j];
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diag = up;
            row[j] = best;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *word, const char *const *list)
{
    const char *best = NULL;
    unsigned least = (unsigned)strlen(word) / 3 + 1;

    for (; *list != NULL; list++) {
        unsigned d = distance(word, *list);

        if (d <= least && d < 99) {
            least = d == 0 ? 0 : d - 1;
            best = *list;
        }
    }
    return best;
}

int cli_bad_option(const char *verb, const struct option *options, char **argv, int at)
{
    const char *names[48], *near;
    const char *word = at > 0 ? argv[at] : "";
    char bare[64];
    size_t n = 0;

    for (; options[n].name != NULL && n < 47; n++)
        names[n] = options[n].name;
    names[n] = NULL;
    if (strncmp(word, "--", 2) != 0)
        return cli_usage(verb, "unknown option \"%s\"", word);
    snprintf(bare, sizeof(bare), "%s", word + 2);
    bare[strcspn(bare, "=")] = 0;
    if (cli_choice(bare, names) >= 0)
        return cli_usage(verb, "option --%s %s", bare,
                         options[cli_choice(bare, names)].has_arg ? "needs a value"
                                                                  : "takes no value");
    near = cli_nearest(bare, names);
    if (near != NULL)
        return cli_usage(verb, "unknown option \"--%s\"; did you mean \"--%s\"?", bare, near);
    return cli_usage(verb, "unknown option \"--%s\"", bare);
}

int cli_choice(const char *word, const char *const *list)
{
    for (int i = 0; list[i] != NULL; i++)
        if (strcmp(word, list[i]) == 0)
            return i;
    return -1;
}

int cli_pick(const char *verb, const char *option, const char *word, const char *const *list,
             int *out)
{
    char all[256] = "";
    size_t n = 0;

    *out = cli_choice(word, list);
    if (*out >= 0)
        return 0;
    for (int i = 0; list[i] != NULL && n < sizeof(all); i++)
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i > 0 ? ", " : "", list[i]);
    return cli_usage(verb, "--%s %s: one of %s", option, word, all);
}

bool cli_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return *end == 0 && errno == 0 && *out <= max;
}

int cli_hex(const char *text, uint8_t *out, size_t max)
{
    size_t n = 0;

    while (*text != 0) {
        int hi, lo;

        if (*text == ' ' || *text == ',' || *text == ':') {
            text++;
            continue;
        }
        hi = hex_digit(text[0]);
        lo = hi < 0 ? -1 : hex_digit(text[1]);
        if (lo < 0 || n == max)
            return -1;
        out[n++] = (uint8_t)(hi * 16 + lo);
        text += 2;
    }
    return (int)n;
}

static bool color_on;

bool cli_set_color(const char *when)
{
    static const char *const names[] = {"auto", "always", "never", NULL};
    const char *no = getenv("NO_COLOR");
    int which = cli_choice(when, names);

    color_on = which == 1 || (which == 0 && isatty(1) && (no == NULL || *no == 0));
    return which >= 0;
}

const char *cli_color(enum cli_color c)
{
    static const char *const code[] = {"\033[0m",  "\033[31m", "\033[32m",
                                       "\033[33m", "\033[1m",  "\033[2m"};

    return color_on ? code[c] : "";
}

const char *cli_verdict_color(enum verdict v)
{
    if (v == VERDICT_PASS)
        return cli_color(COLOR_GREEN);
    return cli_color(v >= VERDICT_ERROR ? COLOR_RED : COLOR_YELLOW);
}

static volatile sig_atomic_t stop_asked;

static void on_signal(int sig)
{
    /* A second ^C ends at once, leaving no half-written file behind. */
    if (stop_asked) {
        file_abort_all();
        signal(sig, SIG_DFL);
        raise(sig);
    }
    stop_asked = 1;
}

void cli_catch_signals(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_signal;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* A file over the limit is a write error like any other. */
    signal(SIGXFSZ, SIG_IGN);
}

bool cli_interrupted(void)
{
    return stop_asked != 0;
}

static bool progress_shown;

void cli_progress(const char *format, ...)
{
    va_list ap;

    if (!isatty(2))
        return;
    fprintf(stderr, "\r\033[K");
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fflush(stderr);
    progress_shown = true;
}

void cli_progress_done(void)
{
    if (progress_shown)
        fprintf(stderr, "\r\033[K");
    progress_shown = false;
}
