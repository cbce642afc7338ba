/* SPDX-License-Identifier: MIT */
/* A fuzz campaign: an engine as a child process, watched from outside. */
#ifndef TSP_CLI_CAMPAIGN_H
#define TSP_CLI_CAMPAIGN_H

#include "cli/cli.h"

#include <sys/types.h>

struct campaign {
    const char *harness, *target, *out, *seeds, *build;
    const char *cpu; /* a recorded processor, in use (cli_use_cpu); NULL: the base policies */
    unsigned seconds;
    bool afl, json;
    /* filled while it runs */
    char corpus[1024], findings[1024], binary[1024], own_seeds[1024];
    pid_t child;
    int from_child;               /* its stderr (libFuzzer) */
    uint64_t execs, execs_before; /* this child's; those of earlier ones */
    unsigned per_second, edges, ncorpus, nfindings, rules;
    char line[1024]; /* the line of its output being read */
    size_t nline;
    char accepted[1100];  /* list of the rules found so far, for the next round */
    char violation[1024]; /* last line a harness printed before it aborted */
};

/* Runs it to its end and prints the result; returns the exit code. */
int campaign_run(struct campaign *c);

/* Its harness reads scenarios; the other ones something else. */
bool campaign_takes_scenarios(const char *harness);
/* cpu_seeds.c: the inputs of directory `from`, with --cpu's leaves, into directory `to`. */
enum tsp_status campaign_cpu_seeds(const char *from, const char *to, struct tsp_error *err);

/* coverage.c: rules exercised by the files of a directory, each file counted once. */
struct rule_watch;
struct rule_watch *rule_watch_open(const char *target);
unsigned rule_watch_scan(struct rule_watch *w, const char *dir, unsigned most);
void rule_watch_close(struct rule_watch *w);

#endif
