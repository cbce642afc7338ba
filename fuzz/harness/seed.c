/* SPDX-License-Identifier: MIT */
/*
 * Texts to starting inputs: trapspec_seed HARNESS OUTPUT-DIRECTORY FILE... writes one binary input
 * for each text, named as the text without its suffix, in the form that harness reads. FILE is a
 * scenario, for fz_judge a table TABLE-NAME.csv, or NAME.hex: bytes as pairs of hex digits, with
 * comments from # on.
 */
#include "fuzz/input/input.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX (1u << 16)

static char text[TEXT_MAX];
static uint8_t bytes[TEXT_MAX + 2];
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

/* fz_judge: 255, the number of the table, its text. */
static size_t encode_table(const char *name, size_t n)
{
    /* ORDER: judge_tables.c */
    static const char *const table[] = {"patch-",      "x86_leaves-", "hv_kvm-",
                                        "calls_kvm-",  "arm_smccc-",  "arm_psci-",
                                        "x86_ranges-", "opcodes-",    "sources-"};

    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strncmp(name, table[i], strlen(table[i])) != 0)
            continue;
        bytes[0] = 255;
        bytes[1] = (uint8_t)i;
        memcpy(bytes + 2, text, n);
        return n + 2;
    }
    return 0;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != 0 ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* 0: neither pairs of digits nor blanks and comments. */
static size_t encode_hex(size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        int high = digit(text[i]), low = i + 1 < n ? digit(text[i + 1]) : -1;

        if (text[i] == '#') {
            while (i < n && text[i] != '\n')
                i++;
        } else if (high >= 0 && low >= 0) {
            bytes[len++] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
            i++;
        } else if (text[i] != ' ' && text[i] != '\n') {
            return 0;
        }
    }
    return len;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), len = strlen(suffix);

    return n > len && strcmp(name + n - len, suffix) == 0;
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
}

static bool write_seed(const char *directory, const char *path, size_t n)
{
    const char *name = base_name(path);
    size_t stem = strcspn(name, ".");
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

        if (ends_with(argv[i], ".csv")) {
            n = encode_table(base_name(argv[i]), n);
        } else if (ends_with(argv[i], ".hex")) {
            n = encode_hex(n);
        } else if (input_text_parse(text, n, &scenario, &err) == TSP_OK) {
            n = encode(argv[1]);
        } else {
            fprintf(stderr, "%s:%u: %s\n", argv[i], err.line, err.text);
            return 3;
        }
        if (!write_seed(argv[2], argv[i], n)) {
            fprintf(stderr, "%s: cannot write into %s\n", argv[i], argv[2]);
            return 1;
        }
    }
    return 0;
}
