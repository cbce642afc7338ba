/* SPDX-License-Identifier: MIT */
/* Prints one table: what a piece of work costs here, what it costs a peer on the same machine, and
 * the budget. */
#define _POSIX_C_SOURCE 200809L
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 5u
#define TURNS 3u

double bench_seconds = 0.5;

#ifndef BENCH_UNICORN
double peer_unicorn_cases(void)
{
    return 0;
}

double peer_unicorn_cpuid(void)
{
    return 0;
}

double peer_unicorn_trap(void)
{
    return 0;
}

double peer_unicorn_cpuid_recorded(void)
{
    return 0;
}

double peer_unicorn_trap_recorded(void)
{
    return 0;
}

double peer_unicorn_plain_hooked(void)
{
    return 0;
}

double peer_unicorn_plain(void)
{
    return 0;
}
#endif

static double now(void)
{
    struct timespec t;

    /* Not the time of day: other programs on the machine would be counted. */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_time(void (*body)(void *ctx, unsigned n), void *ctx)
{
    double want = bench_seconds * 1e9 / ROUNDS / TURNS, best = 0;
    unsigned n = 1;

    for (;;) {
        double t = now();

        body(ctx, n);
        t = now() - t;
        best = t / n;
        if (t >= want / 2 || n >= 1u << 30)
            break;
        n *= 2;
    }
    for (unsigned i = 1; i < ROUNDS; i++) {
        double t = now();

        body(ctx, n);
        t = (now() - t) / n;
        if (t < best)
            best = t;
    }
    return best;
}

/* How a row is judged: at least `budget` times as fast as the peer, or at most `budget` ns; 0: not
 * at all. */
struct row {
    const char *work, *per;
    double (*ours)(void);
    const char *peer_name;
    double (*peer)(void);
    double budget;
    bool needs_unicorn;
};

static const struct row rows[] = {
    {"random 32-instruction case, judged", "case", model_cases_judged, "Unicorn, with hooks",
     peer_unicorn_cases, 8, true},
    {"CPUID in a loop, judged", "round", model_cpuid_judged, "Unicorn, CPUID hook",
     peer_unicorn_cpuid, 6, true},
    {"hypercall in a loop, judged", "round", model_call_judged, "Unicorn, cheapest trap",
     peer_unicorn_trap, 5, true},
    {"CPUID in a loop, judged", "round", model_cpuid_judged, "the same, registers kept",
     peer_unicorn_cpuid_recorded, 0, true},
    {"hypercall in a loop, judged", "round", model_call_judged, "the same, registers kept",
     peer_unicorn_trap_recorded, 0, true},
    {"plain ALU and memory", "insn", model_plain, "Unicorn, code hook", peer_unicorn_plain_hooked,
     8, true},
    {"plain ALU and memory", "insn", model_plain, "Unicorn, no hook", peer_unicorn_plain, 1, true},
    {"decoding, hot", "insn", model_decode, "Capstone with detail", peer_capstone, 12, false},
    {"vm_reset, 16 granules, 64 KiB RAM", "reset", model_reset_small, "memcpy 64 KiB", peer_memcpy,
     10, false},
    {"vm_reset, 16 granules, 1 MiB RAM", "reset", model_reset_large, "memcpy 64 KiB", peer_memcpy,
     10, false},
    {"fuzz loop: mutate, parse, run, judge", "input", model_fuzz_loop, "mutate, nothing else",
     peer_empty_loop, 0.15, false},
    {"sweep of leaves, judged", "leaf", model_sweep, "2^32 in 120 s, 2 cores", NULL, 55.9, false},
    {"every schedule of a 3-byte patch", "patch", model_race, "1 ms in all", NULL, 1e6, false},
};

/* Part of the names of the rows to measure, and whether the peers are left out. */
static const char *only = "";
static bool alone;

static void cell_time(char *out, size_t max, double ns, const char *per)
{
    if (ns <= 0)
        snprintf(out, max, "-");
    else if (ns >= 1e4)
        snprintf(out, max, "%.1f us/%s", ns / 1e3, per);
    else
        snprintf(out, max, "%.2f ns/%s", ns, per);
}

/* Both sides in turn, so that a slow moment of the machine meets both; the best of each. */
static void measure(const struct row *r, double *ours, double *peer)
{
    *ours = *peer = 0;
    for (unsigned i = 0; i < TURNS; i++) {
        double a = r->ours(), b = r->peer && !alone ? r->peer() : 0;

        if (i == 0 || a < *ours)
            *ours = a;
        if (i == 0 || b < *peer)
            *peer = b;
    }
}

/* false: the row could not be measured although everything it needs is there. */
static bool print_row(const struct row *r)
{
    double ours, peer, ratio = 0;
    char a[32], b[32], c[16] = "-", d[24];
    const char *met = "-";

    measure(r, &ours, &peer);
    cell_time(a, sizeof(a), ours, r->per);
    cell_time(b, sizeof(b), peer, r->per);
    if (!r->peer) {
        snprintf(b, sizeof(b), "-");
        snprintf(d, sizeof(d), "<= %.1f ns", r->budget);
        met = ours > 0 && ours <= r->budget ? "yes" : "no";
    } else {
        snprintf(d, sizeof(d), r->budget > 0 ? ">= %gx" : "-", r->budget);
        if (ours > 0 && peer > 0) {
            ratio = peer / ours;
            snprintf(c, sizeof(c), "%.2fx", ratio);
            if (r->budget > 0)
                met = ratio >= r->budget ? "yes" : "no";
        }
    }
    printf("%-37s | %-18s | %-25s %-16s | %9s | %-10s | %s\n", r->work, a, r->peer_name, b, c, d,
           met);
    fflush(stdout);
#ifndef BENCH_UNICORN
    if (r->needs_unicorn)
        return ours > 0;
#endif
    return ours > 0 && (!r->peer || alone || peer > 0);
}

static bool take_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--smoke") == 0)
            bench_seconds = 0.01;
        else if (strcmp(argv[i], "--alone") == 0)
            alone = true;
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc && atof(argv[i + 1]) > 0)
            bench_seconds = atof(argv[++i]);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            only = argv[++i];
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    size_t n = sizeof(rows) / sizeof(rows[0]), good = 0;

    if (!take_options(argc, argv)) {
        fprintf(stderr, "usage: trapspec_bench [--smoke] [--seconds S] [--only NAME] [--alone]\n");
        return 2;
    }
    if (!model_open()) {
        fprintf(stderr, "trapspec_bench: the model cannot be opened\n");
        return 1;
    }
    printf("%-37s | %-18s | %-42s | %9s | %-10s | %s\n", "work", "ours", "peer", "ratio", "budget",
           "met");
    for (size_t i = 0; i < n; i++)
        good += !strstr(rows[i].work, only) || print_row(&rows[i]);
    model_close();
    printf(good == n ? "all rows measured\n" : "some rows could not be measured\n");
    return good == n ? 0 : 1;
}
