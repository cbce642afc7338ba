/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
/* Accepted deviations: lines "rule, reason" or "rule@host, reason", `#` comments, blank lines,
 * nothing else. */
#include "fuzz/run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX 4096u
#define LINE_MAX_LEN 600u

struct known_row {
    char *rule, *reason; /* both in the row's own allocation; rule owns it */
};

struct known {
    struct known_row *row; /* sorted by rule */
    size_t n;
};

static enum tsp_status refuse(struct tsp_error *err, enum tsp_status code, unsigned line,
                              const char *file, const char *text)
{
    if (err) {
        *err = (struct tsp_error){.code = code, .line = line};
        snprintf(err->text, sizeof(err->text), "%.80s: %s", file, text);
    }
    return code;
}

static char *trim(char *s)
{
    size_t n;

    while (*s == ' ' || *s == '\t')
        s++;
    n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\n' || s[n - 1] == '\r'))
        s[--n] = '\0';
    return s;
}

/* Index of rule, or where it would be inserted. */
static size_t find(const struct known *k, const char *rule, bool *found)
{
    size_t lo = 0, hi = k->n;

    *found = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(rule, k->row[mid].rule);

        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* NULL, or why the row cannot be taken. */
static const char *insert(struct known *k, const char *rule, const char *reason)
{
    size_t nr = strlen(rule) + 1, ns = strlen(reason) + 1;
    bool found;
    size_t at = find(k, rule, &found);
    char *copy;

    if (found)
        return "rule listed twice";
    if (k->n == KNOWN_MAX)
        return "too many lines";
    copy = malloc(nr + ns);
    if (!copy)
        return "out of memory";
    memcpy(copy, rule, nr);
    memcpy(copy + nr, reason, ns);
    memmove(&k->row[at + 1], &k->row[at], (k->n - at) * sizeof(k->row[0]));
    k->row[at] = (struct known_row){copy, copy + nr};
    k->n++;
    return NULL;
}

static bool host_is_known(const char *rule)
{
    const char *at = strchr(rule, '@');

    return !at || strcmp(at, "@intel") == 0 || strcmp(at, "@amd") == 0 || strcmp(at, "@arm64") == 0;
}

/* NULL, or what is wrong with the line. len: bytes read, the line end included. */
static const char *take_line(struct known *k, char *line, size_t len)
{
    char *rule, *reason, *comma;

    if (strlen(line) != len)
        return "NUL byte in the line";
    rule = trim(line);
    if (*rule == '\0' || *rule == '#')
        return NULL;
    comma = strchr(rule, ',');
    if (!comma)
        return "expected \"rule, reason\"";
    *comma = '\0';
    rule = trim(rule);
    reason = trim(comma + 1);
    if (*rule == '\0')
        return "no rule before the comma";
    if (strpbrk(rule, " \t"))
        return "a rule has no blanks";
    if (*reason == '\0')
        return "no reason given";
    if (!host_is_known(rule))
        return "after @ comes intel, amd or arm64";
    return insert(k, rule, reason);
}

/* One line with its end into buf; false at the end of the file. *len counts bytes, NULs included.
 */
static bool read_line(FILE *f, char *buf, size_t max, size_t *len)
{
    int c = 0;

    *len = 0;
    while (*len + 1 < max && (c = fgetc(f)) != EOF) {
        buf[(*len)++] = (char)c;
        if (c == '\n')
            break;
    }
    buf[*len] = '\0';
    return *len > 0;
}

static enum tsp_status read_all(struct known *k, FILE *f, const char *file, struct tsp_error *err)
{
    char buf[LINE_MAX_LEN];
    unsigned line = 0;
    size_t len;

    while (read_line(f, buf, sizeof(buf), &len)) {
        const char *wrong;

        line++;
        if (len + 1 == sizeof(buf) && buf[len - 1] != '\n')
            return refuse(err, TSP_EPARSE, line, file, "line is too long");
        wrong = take_line(k, buf, len);
        if (wrong)
            return refuse(err, TSP_EPARSE, line, file, wrong);
    }
    if (ferror(f))
        return refuse(err, TSP_EIO, line, file, "cannot be read");
    return TSP_OK;
}

struct known *known_none(void)
{
    struct known *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->row = calloc(KNOWN_MAX, sizeof(k->row[0]));
    if (k->row)
        return k;
    free(k);
    return NULL;
}

static enum tsp_status load_stream(struct known **out, FILE *f, const char *file,
                                   struct tsp_error *err)
{
    struct known *k;
    enum tsp_status st;

    *out = NULL;
    if (!f)
        return refuse(err, TSP_EIO, 0, file, "cannot be opened");
    k = known_none();
    st = k ? read_all(k, f, file, err) : refuse(err, TSP_ENOMEM, 0, file, "out of memory");
    fclose(f);
    if (st == TSP_OK)
        *out = k;
    else
        known_free(k);
    return st;
}

enum tsp_status known_load(struct known **out, const char *file, struct tsp_error *err)
{
    return load_stream(out, fopen(file, "rb"), file, err);
}

enum tsp_status known_parse(struct known **out, const char *name, const char *text, size_t n,
                            struct tsp_error *err)
{
    /* A read-only stream: the text is not changed. */
    return load_stream(out, fmemopen((void *)(uintptr_t)text, n, "rb"), name, err);
}

bool known_has(const struct known *k, const char *rule, const char **reason)
{
    bool found = false;
    size_t at;

    if (!k)
        return false;
    at = find(k, rule, &found);
    if (found && reason)
        *reason = k->row[at].reason;
    return found;
}

const char *known_host(const struct tsp_setup *setup)
{
    if (setup->arch == TSP_ARCH_ARM64)
        return "arm64";
    return setup->host == TSP_VENDOR_AMD || setup->host == TSP_VENDOR_HYGON ? "amd" : "intel";
}

size_t known_match(const struct known *k, const char *rule, const struct tsp_setup *setup,
                   const char **reason)
{
    char key[192];
    bool found = false;
    size_t at;

    if (!k)
        return KNOWN_NO;
    snprintf(key, sizeof(key), "%.180s@%s", rule, known_host(setup));
    at = find(k, key, &found);
    if (!found)
        at = find(k, rule, &found);
    if (!found)
        return KNOWN_NO;
    if (reason)
        *reason = k->row[at].reason;
    return at;
}

size_t known_count(const struct known *k)
{
    return k ? k->n : 0;
}

const char *known_rule_at(const struct known *k, size_t i)
{
    return i < known_count(k) ? k->row[i].rule : NULL;
}

void known_free(struct known *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++)
        free(k->row[i].rule);
    free(k->row);
    free(k);
}
