/* SPDX-License-Identifier: MIT */
/* A harness without any engine: replays files and directories, in order, each in a buffer of its
 * exact size. */
#define _POSIX_C_SOURCE 200809L /* scandir */

#include "fuzz/harness/harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned replayed, failed;

static bool skipped(const char *name)
{
    size_t n = strlen(name);

    return name[0] == '.' || strncmp(name, "README", 6) == 0 ||
           (n > 8 && strcmp(name + n - 8, ".summary") == 0);
}

static uint8_t *read_all(FILE *f, size_t size)
{
    uint8_t *p = malloc(size > 0 ? size : 1);

    if (p != NULL && fread(p, 1, size, f) != size) {
        free(p);
        p = NULL;
    }
    return p;
}

static void replay_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *p = f != NULL ? read_all(f, size) : NULL;

    if (f != NULL)
        fclose(f);
    if (p == NULL) {
        fprintf(stderr, "%s: cannot read\n", path);
        failed++;
        return;
    }
    /* Printed before, so that an abort is preceded by the name of its input. */
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(p, size);
    replayed++;
    free(p);
}

static void replay(const char *path);

static void replay_directory(const char *path)
{
    struct dirent **entry;
    int n = scandir(path, &entry, NULL, alphasort);
    char child[4096];

    if (n < 0) {
        fprintf(stderr, "%s: cannot read\n", path);
        failed++;
        return;
    }
    for (int i = 0; i < n; i++) {
        if (!skipped(entry[i]->d_name) &&
            snprintf(child, sizeof(child), "%s/%s", path, entry[i]->d_name) < (int)sizeof(child))
            replay(child);
        free(entry[i]);
    }
    free(entry);
}

static void replay(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "%s: cannot read\n", path);
        failed++;
    } else if (S_ISDIR(st.st_mode)) {
        replay_directory(path);
    } else if (S_ISREG(st.st_mode)) {
        replay_file(path, (size_t)st.st_size);
    }
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    if (argc < 2) {
        fprintf(stderr, "usage: %s [--target=NAME] [--known=FILE] FILE|DIRECTORY...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    fprintf(stderr, "%u inputs replayed, %u unreadable\n", replayed, failed);
    return failed > 0 ? 1 : 0;
}
