/* SPDX-License-Identifier: MIT */
/* Which rules a growing corpus exercises: each new file is run once in this process. */
#define _XOPEN_SOURCE 700
#include "cli/campaign.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_SLOTS 65536u

struct rule_watch {
    struct source src;
    unsigned *hits;
    unsigned nrule;
    uint64_t seen[SEEN_SLOTS]; /* hashes of file names; 0 = free */
    struct input_image image;
    struct tsp_setup setup;
    struct tsp_trace trace;
    struct scenario s;
};

struct rule_watch *rule_watch_open(const char *target)
{
    struct rule_watch *w = calloc(1, sizeof(*w));
    struct tsp_error err;

    if (w == NULL)
        return NULL;
    w->nrule = spec_rule_count(spec_builtin());
    w->hits = calloc(w->nrule + 1, sizeof(*w->hits));
    if (w->hits == NULL || source_open(&w->src, target, &err) != TSP_OK || w->src.t.ops == NULL) {
        rule_watch_close(w);
        return NULL;
    }
    return w;
}

/* True the first time a name is seen. A full table sees nothing more. */
static bool first_time(struct rule_watch *w, const char *name)
{
    uint64_t h = 0xcbf29ce484222325;

    for (; *name != 0; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3;
    h |= 1;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t *slot = &w->seen[(h + i) % SEEN_SLOTS];

        if (*slot == h)
            return false;
        if (*slot == 0) {
            *slot = h;
            return true;
        }
    }
    return false;
}

static void run_file(struct rule_watch *w, const char *path)
{
    struct spec_options opt = {.caps = w->src.t.caps, .least = VERDICT_FAIL, .hits = w->hits};
    struct tsp_error err;

    if (cli_scenario(path, &w->s, &err) != TSP_OK)
        return;
    cli_build(&w->s, &w->image, &w->setup);
    if (exec_scenario(&w->src.t, &w->s, &w->setup, 2048, &w->trace) == TSP_OK)
        spec_check(spec_builtin(), &w->setup, &w->trace, &opt);
}

unsigned rule_watch_scan(struct rule_watch *w, const char *dir, unsigned most)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    unsigned n = 0;
    char path[2048];

    while (d != NULL && most > 0 && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.' || strncmp(e->d_name, "README", 6) == 0 ||
            !first_time(w, e->d_name))
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < (int)sizeof(path))
            run_file(w, path);
        most--;
    }
    if (d != NULL)
        closedir(d);
    for (unsigned i = 0; i < w->nrule; i++)
        n += w->hits[i] > 0;
    return n;
}

void rule_watch_close(struct rule_watch *w)
{
    if (w == NULL)
        return;
    source_close(&w->src);
    free(w->hits);
    free(w);
}
