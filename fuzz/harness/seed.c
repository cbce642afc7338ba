/* SPDX-License-Identifier: MIT */
/*
 * Text scenarios to starting inputs: trapspec_seed HARNESS OUTPUT-DIRECTORY FILE... writes one
 * binary input for each text, named as the text without its suffix, in the form that harness reads.
 */
#include "fuzz/input/input.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX (1u << 16)

static char text[TEXT_MAX];
static uint8_t bytes[INPUT_BYTES_MAX + 1];
static struct scenario scenario;

static size_t read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    if (f == NULL)
        return 0;
    n = fread(text, 1, sizeof(text), f);
    fclose(f);
    return n;
}

/* fz_decoder: mode, code. fz_judge: no damage, then the scenario. The others: the scenario. */
static size_t encode(const char *harness)
{
    size_t n;

    if (strcmp(harness, "fz_decoder") == 0) {
        bytes[0] = scenario.mode;
        memcpy(bytes + 1, scenario.code[0], scenario.ncode[0]);
        return 1 + scenario.ncode[0];
    }
    if (strcmp(harness, "fz_judge") != 0)
        return input_write(&scenario, bytes, sizeof(bytes));
    bytes[0] = 0;
    n = input_write(&scenario, bytes + 1, sizeof(bytes) - 1);
    return n > 0 ? n + 1 : 0;
}

static bool write_seed(const char *harness, const char *directory, const char *path)
{
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    size_t stem = strcspn(name, "."), n = encode(harness);
    char out[4096];
    FILE *f;
    bool ok;

    if (snprintf(out, sizeof(out), "%s/%.*s", directory, (int)stem, name) >= (int)sizeof(out))
        return false;
    f = fopen(out, "wb");
    if (f == NULL)
        return false;
    ok = n > 0 && fwrite(bytes, 1, n, f) == n;
    return fclose(f) == 0 && ok;
}

int main(int argc, char **argv)
{
    struct tsp_error err;

    if (argc < 4) {
        fprintf(stderr, "usage: %s HARNESS OUTPUT-DIRECTORY FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        size_t n = read_text(argv[i]);

        if (input_text_parse(text, n, &scenario, &err) != TSP_OK) {
            fprintf(stderr, "%s:%u: %s\n", argv[i], err.line, err.text);
            return 3;
        }
        if (!write_seed(argv[1], argv[2], argv[i])) {
            fprintf(stderr, "%s: cannot write into %s\n", argv[i], argv[2]);
            return 1;
        }
    }
    return 0;
}
