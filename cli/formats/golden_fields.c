/* SPDX-License-Identifier: MIT */
#include "cli/formats/golden_fields.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "trapspec/bits.h"

enum tsp_status golden_fail(struct golden_reader *rd, const char *format, ...)
{
    char text[120];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    return error_set(rd->err, TSP_EPARSE, rd->line, "%.60s:%u: %.90s", rd->name, rd->line, text);
}

bool golden_string(struct golden_reader *rd, const json_t *o, const char *key, const char **out)
{
    *out = json_string_value(json_object_get(o, key));
    if (*out == NULL)
        golden_fail(rd, "\"%s\" is missing or not a string", key);
    return *out != NULL;
}

bool golden_number(struct golden_reader *rd, const json_t *v, const char *key, uint64_t *out)
{
    const char *text = json_string_value(v);
    char *end;

    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        *out = (uint64_t)json_integer_value(v);
        return true;
    }
    if (text != NULL && *text >= '0' && *text <= '9') {
        errno = 0;
        *out = strtoull(text, &end, 0);
        if (*end == 0 && errno == 0)
            return true;
    }
    golden_fail(rd, "\"%s\": \"%.24s\" is not a number", key, text == NULL ? "?" : text);
    return false;
}

bool golden_field(struct golden_reader *rd, const json_t *o, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);

    if (v == NULL) {
        golden_fail(rd, "\"%s\" is missing", key);
        return false;
    }
    return golden_number(rd, v, key, out);
}

bool golden_bytes(struct golden_reader *rd, const json_t *o, const char *key, uint8_t *out,
                  size_t max, uint32_t *n)
{
    const char *text;
    size_t len;

    if (!golden_string(rd, o, key, &text))
        return false;
    len = strlen(text);
    if (len % 2 != 0 || len / 2 > max) {
        golden_fail(rd, "\"%s\": %zu hexadecimal digits, expected an even number up to %zu", key,
                    len, 2 * max);
        return false;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int hi = hex_digit(text[2 * i]), lo = hex_digit(text[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            golden_fail(rd, "\"%s\": not hexadecimal at digit %zu", key, 2 * i + 1);
            return false;
        }
        out[i] = (uint8_t)(hi * 16 + lo);
    }
    *n = (uint32_t)(len / 2);
    return true;
}

static bool table_entry(struct golden_reader *rd, const json_t *e, struct tsp_leaf *out)
{
    const json_t *r = json_object_get(e, "r"), *i = json_object_get(e, "i");
    uint64_t v;

    memset(out, 0, sizeof(*out));
    if (!golden_field(rd, e, "f", &v))
        return false;
    out->leaf = (uint32_t)v;
    if (json_is_integer(i) && json_integer_value(i) < 0) {
        out->subleaf = 0;
    } else {
        if (!golden_field(rd, e, "i", &v))
            return false;
        out->subleaf = (uint32_t)v;
        out->flags = TSP_LEAF_INDEXED;
    }
    if (json_array_size(r) != 4) {
        golden_fail(rd, "\"r\" is not an array of four registers");
        return false;
    }
    for (size_t k = 0; k < 4; k++) {
        if (!golden_number(rd, json_array_get(r, k), "r", &v))
            return false;
        out->reg[k] = (uint32_t)v;
    }
    return true;
}

/* "base" names an earlier table whose entries follow the table's own; the first match counts. */
static bool table_base(struct golden_reader *rd, const json_t *o, struct golden_table *t)
{
    const json_t *base = json_object_get(o, "base");
    const char *name = json_string_value(base);

    if (base == NULL)
        return true;
    for (unsigned i = 0; name != NULL && i + 1 < rd->ntable; i++) {
        const struct golden_table *b = &rd->table[i];

        if (strcmp(b->name, name) != 0 || b->n + t->n > INPUT_LEAF_MAX)
            continue;
        memcpy(t->leaf + t->n, b->leaf, b->n * sizeof(t->leaf[0]));
        t->n += b->n;
        return true;
    }
    golden_fail(rd, "\"base\": no such table before this one, or over %u entries", INPUT_LEAF_MAX);
    return false;
}

struct golden_table *golden_table(struct golden_reader *rd, const char *name, const json_t *o)
{
    const json_t *list = json_object_get(o, "entries");
    struct golden_table *t;

    if (!json_is_array(list) || json_array_size(list) > INPUT_LEAF_MAX) {
        golden_fail(rd, "\"entries\" is not an array of at most %u entries", INPUT_LEAF_MAX);
        return NULL;
    }
    if (rd->ntable == GOLDEN_TABLE_MAX || strlen(name) >= sizeof(t->name)) {
        golden_fail(rd, "over %u tables, or a name too long", GOLDEN_TABLE_MAX);
        return NULL;
    }
    t = &rd->table[rd->ntable++];
    snprintf(t->name, sizeof(t->name), "%s", name);
    for (t->n = 0; t->n < json_array_size(list); t->n++)
        if (!table_entry(rd, json_array_get(list, t->n), &t->leaf[t->n]))
            return NULL;
    return table_base(rd, o, t) ? t : NULL;
}
