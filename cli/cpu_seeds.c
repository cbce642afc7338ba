/* SPDX-License-Identifier: MIT */
/*
 * `fuzz --cpu`: the starting inputs with a recorded processor in the place of their base policy. An
 * input holds the leaves itself, so the harness, the mutator and whoever replays a finding need no
 * name. Inputs made for another vendor, and those the leaves do not fit into, stay as they are.
 */
#include "cli/campaign.h"

#include <dirent.h>
#include <string.h>

static enum tsp_status write_input(const char *path, const uint8_t *p, size_t n,
                                   struct tsp_error *err)
{
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && fwrite(p, 1, n, f) == n;

    if (f != NULL && fclose(f) != 0)
        ok = false;
    return ok ? TSP_OK : error_set(err, TSP_EIO, 0, "%s: cannot write", path);
}

static enum tsp_status one_seed(const char *from, const char *to, struct tsp_error *err)
{
    static struct scenario plain, with;
    static uint8_t bytes[INPUT_BYTES_MAX];
    enum tsp_status st = cli_scenario(from, &plain, err);
    size_t n;

    if (st != TSP_OK)
        return st;
    with = plain;
    cli_put_cpu(&with);
    n = input_write(&with, bytes, sizeof(bytes));
    if (n == 0)
        n = input_write(&plain, bytes, sizeof(bytes));
    return write_input(to, bytes, n, err);
}

enum tsp_status campaign_cpu_seeds(const char *from, const char *to, struct tsp_error *err)
{
    enum tsp_status st = file_mkdirs(to, err);
    DIR *d = st == TSP_OK ? opendir(from) : NULL;
    struct dirent *e;

    if (st == TSP_OK && d == NULL)
        return error_set(err, TSP_EIO, 0, "%s: cannot read", from);
    while (st == TSP_OK && (e = readdir(d)) != NULL) {
        char a[1400], b[1400];

        if (e->d_name[0] == '.' || strncmp(e->d_name, "README", 6) == 0)
            continue;
        snprintf(a, sizeof(a), "%.1000s/%.255s", from, e->d_name);
        snprintf(b, sizeof(b), "%.1000s/%.255s", to, e->d_name);
        st = one_seed(a, b, err);
    }
    if (d != NULL)
        closedir(d);
    return st;
}
